//! Who is connected: the face of each client that other threads see (CLIENT LIST, KILL, PAUSE, UNBLOCK), and its mailbox.

use super::Engine;
use super::post::Frame;
use crate::keyspace::watch::Flag;
use crate::resp::Reply;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU32, AtomicU64, Ordering::Relaxed};
use std::task::Waker;

/// What a client said about itself; changes seldom.
#[derive(Default, Clone)]
pub struct About {
    pub name: Vec<u8>,
    pub lib_name: Vec<u8>,
    pub lib_ver: Vec<u8>,
    pub user: Vec<u8>,
}

pub struct Client {
    pub id: u64,
    /// `ip:port`, or the socket's path with `:0`.
    pub addr: Box<str>,
    pub laddr: Box<str>,
    pub fd: i32,
    pub created_ms: i64,
    pub about: Mutex<About>,
    // What the owner writes down at the end of a turn.
    pub last_active_ms: AtomicI64,
    pub db: AtomicU32,
    pub resp: AtomicU32,
    /// The id in the table plus one of the last command that came, refused or not; 0: none yet, or one that there is not.
    pub command: AtomicU32,
    pub commands: AtomicU64,
    pub net_in: AtomicU64,
    pub net_out: AtomicU64,
    /// Bytes of requests that wait to be completed or run.
    pub query_bytes: AtomicU64,
    /// Bytes of replies that wait to be read by the client, and of what is in its mailbox.
    pub output_bytes: AtomicU64,
    pub posted_bytes: AtomicU64,
    /// Bytes of the stream that wait for it, if it is a replica. The backlog has them once for all who wait; this is as of the last
    /// look at its limits.
    pub shared_bytes: AtomicU64,
    /// Queued commands, or -1 outside MULTI.
    pub queued: AtomicI64,
    /// Bytes of the queued commands.
    pub queued_bytes: AtomicU64,
    pub watching: AtomicU32,
    /// Set by whoever touches a key that it watches.
    watched: Mutex<Option<Flag>>,
    /// Channels, patterns and shard channels subscribed to.
    pub subscriptions: [AtomicU32; 3],
    /// Whom its invalidation messages go to; 0: itself.
    pub redirect: AtomicU64,
    /// Bits of `capa`.
    pub capa: AtomicU32,
    /// The worker that has the connection.
    pub worker: AtomicU32,
    /// Bits of `flag`.
    pub flags: AtomicU32,
    /// What it waits for, while it does.
    pub wait: Mutex<Option<Arc<super::blocking::Wait>>>,
    mail: Mailbox,
}

/// Bits of [`Client::flags`], shown as letters by CLIENT LIST.
pub mod flag {
    pub const MULTI: u32 = 1;
    pub const BLOCKED: u32 = 2;
    pub const MONITOR: u32 = 4;
    pub const PUBSUB: u32 = 8;
    pub const REPLICA: u32 = 16;
    pub const PRIMARY: u32 = 32;
    pub const CLOSING: u32 = 64;
    pub const NO_EVICT: u32 = 128;
    pub const NO_TOUCH: u32 = 256;
    pub const UNIX: u32 = 512;
    pub const DIRTY: u32 = 1024;
    pub const READONLY: u32 = 2048;
    pub const NO_REPLY: u32 = 4096;
    // How the client tracks keys; see [`crate::engine::tracking`].
    pub const TRACKING: u32 = 1 << 13;
    pub const BROKEN_REDIRECT: u32 = 1 << 14;
    pub const BCAST: u32 = 1 << 15;
    pub const OPTIN: u32 = 1 << 16;
    pub const OPTOUT: u32 = 1 << 17;
    pub const NOLOOP: u32 = 1 << 18;
    /// CLIENT CACHING was said, for the next command.
    pub const CACHING: u32 = 1 << 19;
    /// Its user may not do everything: see [`crate::engine::acl`].
    pub const LIMITED: u32 = 1 << 20;

    /// Letters of CLIENT LIST in Redis's order; `N` if there is none.
    pub const LETTERS: &[(u32, char)] = &[
        (REPLICA, 'S'),
        (PRIMARY, 'M'),
        (MONITOR, 'O'),
        (PUBSUB, 'P'),
        (MULTI, 'x'),
        (BLOCKED, 'b'),
        (TRACKING, 't'),
        (BROKEN_REDIRECT, 'R'),
        (BCAST, 'B'),
        (DIRTY, 'd'),
        (CLOSING, 'c'),
        (UNIX, 'U'),
        (READONLY, 'r'),
        (NO_EVICT, 'e'),
        (NO_TOUCH, 'T'),
    ];
}

/// Bits of [`Client::capa`]: what the client said (CLIENT CAPA) that it can handle.
pub mod capa {
    pub const REDIRECT: u32 = 1;
}

/// What others want of a client. The owner looks when `full` is set, and is woken.
#[derive(Default)]
struct Mailbox {
    full: AtomicBool,
    waker: OnceLock<Waker>,
    mail: Mutex<Mail>,
}

#[derive(Default)]
pub struct Mail {
    /// What others send to the client (see [`super::post`]).
    pub output: Reply,
    /// Close, after what is to be sent if true.
    pub kill: Option<bool>,
    /// The pause ended: go on with what is buffered.
    pub resume: bool,
    /// The wait is over; this is the reply.
    pub unblocked: Option<Vec<u8>>,
    /// Somebody looked at the wait in vain: see whether its time is up.
    pub recheck: bool,
}

impl Client {
    pub fn new(id: u64, addr: &str, laddr: &str, fd: i32, now_ms: i64) -> Self {
        Client {
            id,
            addr: addr.into(),
            laddr: laddr.into(),
            fd,
            created_ms: now_ms,
            about: Mutex::new(About { user: b"default".to_vec(), ..About::default() }),
            last_active_ms: AtomicI64::new(now_ms),
            db: AtomicU32::new(0),
            resp: AtomicU32::new(2),
            command: AtomicU32::new(0),
            commands: AtomicU64::new(0),
            net_in: AtomicU64::new(0),
            net_out: AtomicU64::new(0),
            query_bytes: AtomicU64::new(0),
            output_bytes: AtomicU64::new(0),
            posted_bytes: AtomicU64::new(0),
            shared_bytes: AtomicU64::new(0),
            queued: AtomicI64::new(-1),
            queued_bytes: AtomicU64::new(0),
            watching: AtomicU32::new(0),
            watched: Mutex::default(),
            subscriptions: Default::default(),
            redirect: AtomicU64::new(0),
            capa: AtomicU32::new(0),
            worker: AtomicU32::new(0),
            flags: AtomicU32::new(0),
            wait: Mutex::default(),
            mail: Mailbox::default(),
        }
    }

    /// Connected over the loopback interface or a Unix socket.
    pub fn is_local(&self) -> bool {
        let host = self.addr.rsplit_once(':').map_or(&*self.addr, |(h, _)| h);
        self.has(flag::UNIX) || host.trim_matches(['[', ']']).parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback())
    }

    pub fn has(&self, bit: u32) -> bool {
        self.flags.load(Relaxed) & bit != 0
    }

    pub fn set_flag(&self, bit: u32, on: bool) {
        if on {
            self.flags.fetch_or(bit, Relaxed)
        } else {
            self.flags.fetch_and(!bit, Relaxed)
        };
    }

    /// What the owner writes down after a turn: when, what [`command`](Self::command) is to be if any came, how many ran, and
    /// how many bytes of replies. Plain stores: nobody else writes these.
    #[inline]
    pub fn after_turn(&self, now_ms: i64, command: Option<u32>, commands: u64, replied: usize) {
        self.last_active_ms.store(now_ms, Relaxed);
        if let Some(command) = command {
            self.command.store(command, Relaxed);
        }
        add(&self.commands, commands);
        add(&self.net_out, replied as u64);
    }

    /// What the owner writes down after it received bytes.
    #[inline]
    pub fn received(&self, bytes: usize) {
        add(&self.net_in, bytes as u64);
    }

    /// What the owner writes down when it sends what others gave it.
    pub fn passed_on(&self, bytes: usize) {
        add(&self.net_out, bytes as u64);
    }

    /// How many keys it watches from now on, and what tells that one of them was touched.
    pub fn watches(&self, keys: usize, flag: Option<&Flag>) {
        if keys == 0 && self.watching.load(Relaxed) == 0 {
            return;
        }
        self.watching.store(keys as u32, Relaxed);
        *self.watched.lock() = flag.cloned();
    }

    /// Something that it watched was touched: its next EXEC fails.
    pub fn is_dirty(&self) -> bool {
        self.watched.lock().as_ref().is_some_and(|flag| flag.load(Relaxed))
    }

    /// Keys that it watches; none once one of them was touched, for then there is nothing left to see.
    pub fn watching(&self) -> u32 {
        if self.is_dirty() { 0 } else { self.watching.load(Relaxed) }
    }

    /// Bits of [`flag`], with those that follow from something else.
    pub fn shown_flags(&self) -> u32 {
        let queuing = if self.queued.load(Relaxed) >= 0 { flag::MULTI } else { 0 };
        let dirty = if self.is_dirty() { flag::DIRTY } else { 0 };
        self.flags.load(Relaxed) | queuing | dirty
    }

    /// What waits on either side of the connection; written when it is not the usual nothing.
    #[inline]
    pub fn waiting(&self, query: usize, output: usize) {
        for (cell, n) in [(&self.query_bytes, query as u64), (&self.output_bytes, output as u64)] {
            if cell.load(Relaxed) != n {
                cell.store(n, Relaxed);
            }
        }
    }

    /// RESET: forgets the name and the flags, not the library.
    pub fn reset(&self) {
        let mut about = self.about.lock();
        about.name.clear();
        about.user = b"default".to_vec();
        self.flags.fetch_and(flag::UNIX, Relaxed);
        self.db.store(0, Relaxed);
        self.resp.store(2, Relaxed);
        self.queued.store(-1, Relaxed);
        self.watches(0, None);
        for n in [&self.capa].into_iter().chain(&self.subscriptions) {
            n.store(0, Relaxed);
        }
        self.queued_bytes.store(0, Relaxed);
    }

    /// Tells the mailbox whom to wake. Once, by the owner.
    pub fn set_waker(&self, waker: &Waker) {
        let _ = self.mail.waker.set(waker.clone());
    }

    /// Puts something into the mailbox and wakes the owner.
    pub fn post(&self, write: impl FnOnce(&mut Mail)) {
        write(&mut self.mail.mail.lock());
        if !self.mail.full.swap(true, std::sync::atomic::Ordering::AcqRel)
            && let Some(w) = self.mail.waker.get()
        {
            w.wake_by_ref();
        }
    }

    /// Puts a frame into the mailbox. A client that has left too much unread is cut off instead.
    /// True if the owner does not know yet: see that [`wake`](Self::wake) is called.
    #[must_use]
    pub fn deliver(&self, engine: &Engine, frame: &Frame, now_ms: i64) -> bool {
        let mut mail = self.mail.mail.lock();
        if mail.kill.is_some() {
            return false;
        }
        frame.write(self.speaks_resp3(), &mut mail.output);
        let posted = mail.output.len() as u64;
        self.posted_bytes.store(posted, Relaxed);
        let cut = engine.is_too_much(self, posted + self.output_bytes.load(Relaxed));
        if cut {
            mail.kill = Some(false);
        }
        drop(mail);
        if cut {
            engine.cut_off(self, now_ms);
        }
        !self.mail.full.swap(true, std::sync::atomic::Ordering::AcqRel)
    }

    /// Has the owner look into its mailbox.
    pub fn wake(&self) {
        if let Some(w) = self.mail.waker.get() {
            w.wake_by_ref();
        }
    }

    /// For the owner: moves what others sent behind `out`, before its time.
    pub fn take_output(&self, out: &mut Reply) {
        if self.mail.full.load(std::sync::atomic::Ordering::Acquire) {
            out.append(&mut self.mail.mail.lock().output);
            self.posted_bytes.store(0, Relaxed);
        }
    }

    #[inline]
    pub fn speaks_resp3(&self) -> bool {
        self.resp.load(Relaxed) == 3
    }

    /// Bytes that wait to be read by the client.
    pub fn unread_bytes(&self) -> u64 {
        self.output_bytes.load(Relaxed) + self.posted_bytes.load(Relaxed)
    }

    /// For the owner: what was posted since the last look, if anything.
    #[inline]
    pub fn collect(&self) -> Option<Mail> {
        if !self.mail.full.load(std::sync::atomic::Ordering::Acquire) {
            return None;
        }
        let mut mail = self.mail.mail.lock();
        self.mail.full.store(false, std::sync::atomic::Ordering::Release);
        self.posted_bytes.store(0, Relaxed);
        Some(std::mem::take(&mut *mail))
    }
}

/// One writer: no locked instruction needed.
#[inline]
fn add(cell: &AtomicU64, n: u64) {
    cell.store(cell.load(Relaxed).wrapping_add(n), Relaxed);
}

#[derive(Default)]
pub struct Clients {
    last_id: AtomicU64,
    all: Mutex<HashMap<u64, Arc<Client>>>,
    /// `CLIENT PAUSE`: until when (Unix ms), and whether only writes wait.
    pause_until_ms: AtomicI64,
    pause_writes_only: AtomicBool,
    /// Why writes wait beyond what CLIENT PAUSE asks: bits of [`held`].
    held: AtomicU32,
}

/// Reasons why writes wait until the server is done with something.
pub mod held {
    /// A replica is to take over.
    pub const FAILOVER: u32 = 1;
    /// Replicas are to get everything before the end.
    pub const SHUTDOWN: u32 = 2;
}

/// How long whoever is held waits before looking again; being let go comes by mail.
const HELD_MS: i64 = 1000;

impl Clients {
    pub fn next_id(&self) -> u64 {
        self.last_id.fetch_add(1, Relaxed) + 1
    }

    pub fn add(&self, client: &Arc<Client>) {
        self.all.lock().insert(client.id, client.clone());
    }

    pub fn remove(&self, id: u64) {
        self.all.lock().remove(&id);
    }

    pub fn get(&self, id: u64) -> Option<Arc<Client>> {
        self.all.lock().get(&id).cloned()
    }

    pub fn count(&self) -> usize {
        self.all.lock().len()
    }

    /// Everyone, oldest first.
    pub fn list(&self) -> Vec<Arc<Client>> {
        let mut out: Vec<_> = self.all.lock().values().cloned().collect();
        out.sort_by_key(|c| c.id);
        out
    }

    /// As Redis: of a pause under way, the longer end and the stricter kind stay.
    pub fn pause(&self, now_ms: i64, until_ms: i64, writes_only: bool) {
        match self.paused(now_ms) {
            Some((until, only)) => {
                self.pause_writes_only.store(writes_only && only, Relaxed);
                self.pause_until_ms.store(until.max(until_ms), Relaxed);
            }
            None => {
                self.pause_writes_only.store(writes_only, Relaxed);
                self.pause_until_ms.store(until_ms, Relaxed);
            }
        }
    }

    pub fn unpause(&self) {
        self.pause_until_ms.store(0, Relaxed);
        for client in self.list() {
            client.post(|m| m.resume = true);
        }
    }

    /// If clients are paused: until when, and whether only those who write.
    #[inline]
    pub fn paused(&self, now_ms: i64) -> Option<(i64, bool)> {
        let until = self.pause_until_ms.load(Relaxed);
        let paused = (until > now_ms).then(|| (until, self.pause_writes_only.load(Relaxed)));
        if self.held.load(Relaxed) != 0 { paused.or(Some((now_ms + HELD_MS, true))) } else { paused }
    }

    fn hold(&self, why: u32, on: bool) {
        if on {
            self.held.fetch_or(why, Relaxed);
        } else {
            self.held.fetch_and(!why, Relaxed);
        }
    }

    /// True if writes wait for one of these reasons.
    pub fn holds(&self, why: u32) -> bool {
        self.held.load(Relaxed) & why != 0
    }
}

impl Engine {
    /// Holds writers back for this reason ([`held`]), or lets them go on. Everything must be held for the former, so that nobody is in the
    /// middle of a write.
    pub fn hold_writes(&self, why: u32, on: bool) {
        self.clients.hold(why, on);
        if on {
            self.set_gate(super::gates::PAUSED, true);
        } else {
            // The gate is closed by whoever sees first that nothing holds any more.
            self.clients.list().iter().for_each(|client| client.post(|m| m.resume = true));
        }
    }
}
