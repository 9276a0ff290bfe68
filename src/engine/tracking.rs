//! Client-side caching: who read which key and is to be told when it changes (CLIENT TRACKING).
//!
//! By default the server remembers for each key who read it since it last changed; a change tells them and forgets. In
//! broadcast mode a client names prefixes and hears of every change below them. As in Redis, names of keys are remembered
//! without their database.
//!
//! A read is remembered while its locks are held, and a change looks here while it holds the same locks, so none slips
//! through. While nobody tracks, [`gates::TRACKING`] is down and nothing of this costs anything.

use super::call::KeyRef;
use super::clients::{Client, flag};
use super::post::{Frame, Poster};
use super::session::Session;
use super::{Engine, gates};
use crate::resp::Args;
use indexmap::{IndexMap, IndexSet};
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

const STRETCHES: usize = 64;

type Listeners = IndexMap<u64, Arc<Client>>;

#[derive(Default)]
pub struct Tracking {
    /// Who tracks.
    clients: Mutex<Listeners>,
    /// Numbers of clients by the keys that they read.
    table: Table,
    keys: AtomicUsize,
    /// Where the next key is given up when there are too many.
    victim: AtomicUsize,
    prefixes: Mutex<IndexMap<Box<[u8]>, Listeners>>,
}

/// Numbers of clients by key.
type Readers = Mutex<IndexMap<Box<[u8]>, IndexSet<u64>>>;

struct Table([Readers; STRETCHES]);

impl Default for Table {
    fn default() -> Self {
        Table(std::array::from_fn(|_| Mutex::default()))
    }
}

impl Table {
    fn of(&self, key: &[u8]) -> &Readers {
        &self.0[crate::base::hash::hash_bytes(key) as usize % STRETCHES]
    }
}

/// Keys that a command changed, for those who hear of prefixes: who changed them, 0 if nobody did (expiry).
#[derive(Default)]
pub struct Broadcast(IndexMap<Vec<u8>, u64>);

impl Broadcast {
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The bits of a client that say how it tracks.
const OPTIONS: u32 =
    flag::TRACKING | flag::BROKEN_REDIRECT | flag::BCAST | flag::OPTIN | flag::OPTOUT | flag::NOLOOP | flag::CACHING;

impl Session {
    /// Starts tracking, or changes how. `redirect`: the client to tell instead, 0: this one. `options` are bits of [`flag`].
    pub fn track(&mut self, engine: &Engine, redirect: u64, options: u32, prefixes: &[&[u8]]) {
        let tracking = &engine.tracking;
        self.client.flags.fetch_and(!(OPTIONS & !flag::BCAST), Relaxed);
        self.client.redirect.store(redirect, Relaxed);
        self.client.set_flag(flag::TRACKING | options, true);
        {
            let mut clients = tracking.clients.lock();
            clients.insert(self.client.id, self.client.clone());
            engine.set_gate(gates::TRACKING, true);
        }
        if options & flag::BCAST != 0 {
            let own = self.prefixes.get_or_insert_default();
            let mut all = tracking.prefixes.lock();
            let everything: &[&[u8]] = &[b""];
            for prefix in if prefixes.is_empty() { everything } else { prefixes } {
                if !own.iter().any(|p| **p == **prefix) {
                    own.push(Box::from(*prefix));
                }
                all.entry(Box::from(*prefix)).or_default().insert(self.client.id, self.client.clone());
            }
        }
    }

    /// Stops tracking.
    pub fn stop_tracking(&mut self, engine: &Engine) {
        if !self.client.has(flag::TRACKING) {
            return;
        }
        let tracking = &engine.tracking;
        self.client.flags.fetch_and(!OPTIONS, Relaxed);
        if let Some(own) = self.prefixes.take() {
            let mut all = tracking.prefixes.lock();
            for prefix in own.iter() {
                if let Some(listeners) = all.get_mut(prefix) {
                    listeners.swap_remove(&self.client.id);
                    if listeners.is_empty() {
                        all.swap_remove(prefix);
                    }
                }
            }
        }
        let mut clients = tracking.clients.lock();
        clients.swap_remove(&self.client.id);
        if clients.is_empty() {
            engine.set_gate(gates::TRACKING, false);
            tracking.forget_keys();
        }
    }
}

impl Tracking {
    fn forget_keys(&self) {
        for stretch in &self.table.0 {
            let mut stretch = stretch.lock();
            self.keys.fetch_sub(stretch.len(), Relaxed);
            *stretch = IndexMap::new();
        }
    }

    /// Remembers what a command that reads is about to tell its client. The keys' locks are held.
    #[cold]
    pub fn remember(&self, engine: &Engine, post: &mut Poster, client: &Client, args: Args<'_>, keys: &[KeyRef]) {
        let (asked, chosen) = (client.has(flag::OPTIN), client.has(flag::CACHING));
        if client.has(flag::BCAST) || (asked && !chosen) || (client.has(flag::OPTOUT) && chosen) {
            return;
        }
        for k in keys {
            let key = args.at(k.word as usize);
            let mut stretch = self.table.of(key).lock();
            if let Some(clients) = stretch.get_mut(key) {
                clients.insert(client.id);
            } else {
                stretch.insert(Box::from(key), IndexSet::from([client.id]));
                self.keys.fetch_add(1, Relaxed);
            }
        }
        let most = usize::try_from(engine.config.tracking_table_max_keys.get()).unwrap_or(0);
        while most > 0 && self.keys.load(Relaxed) > most {
            let stretch = self.victim.fetch_add(1, Relaxed) % STRETCHES;
            let given_up = self.table.0[stretch].lock().swap_remove_index(0);
            if let Some((key, clients)) = given_up {
                self.keys.fetch_sub(1, Relaxed);
                self.tell(engine, post, &key, &clients, 0);
            }
        }
    }

    /// Tells everybody concerned that these keys changed; who is to hear of it by prefix does so by
    /// [`broadcast`](Self::broadcast). `by`: the client that did it, if the key did not expire.
    #[cold]
    pub fn changed(
        &self,
        engine: &Engine,
        post: &mut Poster,
        later: &mut Broadcast,
        keys: &mut Vec<(u32, Vec<u8>, bool)>,
        by: u64,
    ) {
        let broadcasts = !self.prefixes.lock().is_empty();
        for (_, key, expired) in keys.drain(..) {
            let by = if expired { 0 } else { by };
            let clients =
                if self.keys.load(Relaxed) > 0 { self.table.of(&key).lock().swap_remove(&*key) } else { None };
            if let Some(clients) = clients {
                self.keys.fetch_sub(1, Relaxed);
                self.tell(engine, post, &key, &clients, by);
            }
            if broadcasts {
                later.0.insert(key, by);
            }
        }
    }

    fn tell(&self, engine: &Engine, post: &mut Poster, key: &[u8], clients: &IndexSet<u64>, by: u64) {
        for id in clients {
            // Whoever is gone, or tracks otherwise now, is not told.
            let Some(client) = self.clients.lock().get(id).cloned() else { continue };
            let own = client.has(flag::NOLOOP) && *id == by;
            if !own && !client.has(flag::BCAST) {
                invalidate(engine, post, &client, Some(&[key]));
            }
        }
    }

    /// One message for each prefix under which keys changed.
    #[cold]
    pub fn broadcast(&self, engine: &Engine, post: &mut Poster, changed: &mut Broadcast) {
        let keys = std::mem::take(&mut changed.0);
        let mut messages: Vec<(Arc<Client>, Vec<&[u8]>)> = Vec::new();
        for (prefix, listeners) in self.prefixes.lock().iter() {
            let below = || keys.iter().filter(|(key, _)| key.starts_with(prefix));
            if below().next().is_none() {
                continue;
            }
            for client in listeners.values() {
                let own = |by: u64| client.has(flag::NOLOOP) && by == client.id;
                let told: Vec<&[u8]> = below().filter(|(_, by)| !own(**by)).map(|(key, _)| &**key).collect();
                if !told.is_empty() {
                    messages.push((client.clone(), told));
                }
            }
        }
        for (client, told) in messages {
            invalidate(engine, post, &client, Some(&told));
        }
    }

    /// FLUSHALL and FLUSHDB: nothing that anybody remembers holds any more.
    pub fn flushed(&self, engine: &Engine, post: &mut Poster) {
        let clients: Vec<_> = self.clients.lock().values().cloned().collect();
        for client in clients {
            invalidate(engine, post, &client, None);
        }
        self.forget_keys();
    }

    /// Clients that track, keys remembered, clients remembered for them in all, prefixes.
    pub fn counts(&self) -> [usize; 4] {
        let items = self.table.0.iter().map(|s| s.lock().values().map(IndexSet::len).sum::<usize>()).sum();
        [self.clients.lock().len(), self.keys.load(Relaxed), items, self.prefixes.lock().len()]
    }
}

/// Tells a client, or the one that it named instead, which keys not to trust any more; none named: any key.
fn invalidate(engine: &Engine, post: &mut Poster, client: &Arc<Client>, keys: Option<&[&[u8]]>) {
    let redirect = client.redirect.load(Relaxed);
    let named = if redirect == 0 { None } else { engine.clients.get(redirect) };
    if redirect != 0 && named.is_none() {
        client.set_flag(flag::BROKEN_REDIRECT, true);
        if client.speaks_resp3() {
            let text = format!("2\r\n$21\r\ntracking-redir-broken\r\n:{redirect}\r\n");
            post.send_one(engine, Frame::new([b'>'; 2], text.into_bytes()), client);
        }
        return;
    }
    let to = named.as_ref().unwrap_or(client);
    let mut tail = Vec::new();
    if to.speaks_resp3() {
        tail.extend_from_slice(b"2\r\n$10\r\ninvalidate\r\n");
    } else if redirect != 0 && to.has(flag::PUBSUB) {
        tail.extend_from_slice(b"3\r\n$7\r\nmessage\r\n$20\r\n__redis__:invalidate\r\n");
    } else {
        // There is no way to tell it.
        return;
    }
    match keys {
        None => tail.extend_from_slice(if to.speaks_resp3() { b"_\r\n" } else { b"$-1\r\n" }),
        Some(keys) => {
            tail.extend_from_slice(format!("*{}\r\n", keys.len()).as_bytes());
            for key in keys {
                tail.extend_from_slice(format!("${}\r\n", key.len()).as_bytes());
                tail.extend_from_slice(key);
                tail.extend_from_slice(b"\r\n");
            }
        }
    }
    post.send_one(engine, Frame::new([b'*', b'>'], tail), to);
}
