//! Who listens to what: channels, patterns and shard channels, each name with its audience.
//!
//! Publishing takes a read lock of the stretch of names where the channel is, and of the patterns if there are any, for
//! as long as it takes to hand the message over (see [`super::post`]); it never waits for a listener.

use super::Engine;
use super::clients::{Client, flag};
use super::post::{Audience, Frame, Poster};
use super::session::Session;
use crate::base::glob::glob_match;
use crate::base::hash::hash_bytes;
use indexmap::{IndexMap, IndexSet};
use parking_lot::RwLock;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// What a subscription names.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    Channel,
    Pattern,
    Shard,
}

pub type Name = Arc<[u8]>;

/// One client's subscriptions.
#[derive(Default)]
pub struct Subscriptions([IndexSet<Name>; 3]);

impl Subscriptions {
    pub fn names(&self, kind: Kind) -> Vec<Name> {
        self.0[kind as usize].iter().cloned().collect()
    }
}

type Names = RwLock<IndexMap<Name, Audience>>;

/// Stretches that names are spread over, so that publishers to different channels do not meet.
const STRETCHES: usize = 32;

#[derive(Default)]
struct Registry {
    stretches: [Names; STRETCHES],
    names: AtomicUsize,
}

impl Registry {
    #[inline]
    fn of(&self, name: &[u8]) -> &Names {
        &self.stretches[hash_bytes(name) as usize % STRETCHES]
    }
}

#[derive(Default)]
pub struct PubSub {
    channels: Registry,
    shards: Registry,
    /// All in one place: each message is held against each of them.
    patterns: Names,
    pattern_count: AtomicUsize,
}

impl PubSub {
    fn names(&self, kind: Kind, name: &[u8]) -> (&Names, &AtomicUsize) {
        match kind {
            Kind::Channel => (self.channels.of(name), &self.channels.names),
            Kind::Shard => (self.shards.of(name), &self.shards.names),
            Kind::Pattern => (&self.patterns, &self.pattern_count),
        }
    }

    fn add(&self, kind: Kind, name: &Name, client: &Arc<Client>) {
        let (names, count) = self.names(kind, name);
        let mut names = names.write();
        names.entry(name.clone()).or_default().add(client);
        if kind == Kind::Pattern {
            count.store(names.len(), Relaxed);
        } else if names.get(name).is_some_and(|a| a.len() == 1) {
            count.fetch_add(1, Relaxed);
        }
    }

    fn remove(&self, kind: Kind, name: &[u8], client: &Client) {
        let (names, count) = self.names(kind, name);
        let mut names = names.write();
        let Some(audience) = names.get_mut(name) else { return };
        audience.remove(client);
        if audience.is_empty() {
            names.swap_remove(name);
            count.fetch_sub(1, Relaxed);
        }
    }

    /// Sends a message to who listens to the channel, by name or by pattern. Returns how many copies were sent.
    pub fn publish(&self, engine: &Engine, post: &mut Poster, channel: &[u8], message: &[u8]) -> usize {
        let mut sent = 0;
        if self.channels.names.load(Relaxed) > 0
            && let Some(audience) = self.channels.of(channel).read().get(channel)
        {
            sent += audience.len();
            post.send(engine, Frame::push(&[b"message", channel, message]), audience);
        }
        if self.pattern_count.load(Relaxed) > 0 {
            for (pattern, audience) in self.patterns.read().iter() {
                if glob_match(pattern, channel, false) {
                    sent += audience.len();
                    post.send(engine, Frame::push(&[b"pmessage", pattern, channel, message]), audience);
                }
            }
        }
        sent
    }

    /// The same for shard channels, to which there are no patterns.
    pub fn publish_shard(&self, engine: &Engine, post: &mut Poster, channel: &[u8], message: &[u8]) -> usize {
        match self.shards.of(channel).read().get(channel) {
            None => 0,
            Some(audience) => {
                post.send(engine, Frame::push(&[b"smessage", channel, message]), audience);
                audience.len()
            }
        }
    }

    /// True if nobody listens to any channel or pattern.
    #[inline]
    pub fn is_idle(&self) -> bool {
        self.channels.names.load(Relaxed) + self.pattern_count.load(Relaxed) == 0
    }

    /// Channels (not patterns) with listeners that fit the pattern, if there is one.
    pub fn active(&self, kind: Kind, pattern: Option<&[u8]>) -> Vec<Name> {
        let registry = if kind == Kind::Shard { &self.shards } else { &self.channels };
        let mut out = Vec::new();
        for names in &registry.stretches {
            let names = names.read();
            out.extend(names.keys().filter(|n| pattern.is_none_or(|p| glob_match(p, n, false))).cloned());
        }
        out
    }

    /// Every subscription: its name, whether that is a pattern, and whose it is.
    pub fn each_listener(&self, mut f: impl FnMut(&[u8], bool, &Arc<Client>)) {
        let registries = self.channels.stretches.iter().chain(&self.shards.stretches).map(|names| (names, false));
        for (names, is_pattern) in registries.chain([(&self.patterns, true)]) {
            for (name, audience) in names.read().iter() {
                audience.clients().for_each(|client| f(name, is_pattern, client));
            }
        }
    }

    /// How many listen to this very name.
    pub fn listeners(&self, kind: Kind, name: &[u8]) -> usize {
        self.names(kind, name).0.read().get(name).map_or(0, Audience::len)
    }

    /// How many names of a kind have listeners.
    pub fn count(&self, kind: Kind) -> usize {
        self.names(kind, b"").1.load(Relaxed)
    }
}

impl Session {
    /// Subscribes to a name; false if that was so already.
    pub fn subscribe(&mut self, pubsub: &PubSub, kind: Kind, name: &[u8]) -> bool {
        let names = &mut self.subscriptions.get_or_insert_default().0[kind as usize];
        if names.contains(name) {
            return false;
        }
        let name: Name = name.into();
        names.insert(name.clone());
        pubsub.add(kind, &name, &self.client);
        self.count_subscriptions();
        true
    }

    /// Takes a subscription back; false if there is none.
    pub fn unsubscribe(&mut self, pubsub: &PubSub, kind: Kind, name: &[u8]) -> bool {
        let Some(subscriptions) = &mut self.subscriptions else { return false };
        if !subscriptions.0[kind as usize].swap_remove(name) {
            return false;
        }
        pubsub.remove(kind, name, &self.client);
        if subscriptions.0.iter().all(IndexSet::is_empty) {
            self.subscriptions = None;
        }
        self.count_subscriptions();
        true
    }

    /// Takes all of them back, without a word: RESET, or the client is gone.
    pub fn unsubscribe_all(&mut self, pubsub: &PubSub) {
        if let Some(all) = self.subscriptions.take() {
            for kind in [Kind::Channel, Kind::Pattern, Kind::Shard] {
                all.0[kind as usize].iter().for_each(|name| pubsub.remove(kind, name, &self.client));
            }
            self.count_subscriptions();
        }
    }

    /// How many subscriptions the client has of these kinds.
    pub fn subscribed(&self, kinds: &[Kind]) -> usize {
        self.subscriptions.as_ref().map_or(0, |s| kinds.iter().map(|k| s.0[*k as usize].len()).sum())
    }

    fn count_subscriptions(&self) {
        for kind in [Kind::Channel, Kind::Pattern, Kind::Shard] {
            self.client.subscriptions[kind as usize].store(self.subscribed(&[kind]) as u32, Relaxed);
        }
        self.client.set_flag(flag::PUBSUB, self.subscriptions.is_some());
    }
}
