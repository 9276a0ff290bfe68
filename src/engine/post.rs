//! What one client's command sends to other clients: messages, keyspace events, invalidations, MONITOR's lines.
//!
//! A [`Frame`] is encoded once for everybody. Clients of the sender's own worker get it at once into their mailboxes; for
//! those of another worker the frame goes into that worker's [`Inbox`], once however many they are, and the worker wakes
//! up once. So a sender pays for workers, not for listeners, and waits for nobody: what a slow client does not read grows in
//! its own mailbox until `client-output-buffer-limit` cuts it.
//!
//! Order: an inbox is emptied before its worker sends anything of its own, so a client gets frames in the order in which
//! their senders ran, also across senders that know of each other. What a command sends to its own client follows the
//! command's reply (as in Redis 7.2 and later).

use super::Engine;
use super::clients::Client;
use indexmap::IndexMap;
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::Waker;

/// Frames from this size on are shared by their receivers instead of being copied to each.
const SHARE_FROM: usize = 16 * 1024;

/// RESP for many clients: everything but the first byte, which is all that depends on the protocol.
#[derive(Clone, Default)]
pub struct Frame {
    /// For clients of RESP2 and of RESP3.
    first: [u8; 2],
    tail: Tail,
}

#[derive(Clone)]
enum Tail {
    Own(Vec<u8>),
    Shared(Arc<Vec<u8>>),
}

impl Default for Tail {
    fn default() -> Self {
        Tail::Own(Vec::new())
    }
}

impl Frame {
    /// A push of bulk strings: an array for clients of RESP2.
    pub fn push(words: &[&[u8]]) -> Frame {
        let mut tail = Vec::with_capacity(16 + words.iter().map(|w| w.len() + 16).sum::<usize>());
        let mut digits = itoa::Buffer::new();
        let mut number = |n: usize, tail: &mut Vec<u8>| {
            tail.extend_from_slice(digits.format(n).as_bytes());
            tail.extend_from_slice(b"\r\n");
        };
        number(words.len(), &mut tail);
        for word in words {
            tail.push(b'$');
            number(word.len(), &mut tail);
            tail.extend_from_slice(word);
            tail.extend_from_slice(b"\r\n");
        }
        Frame::new([b'*', b'>'], tail)
    }

    /// Bytes that are the same for both protocols.
    pub fn same(bytes: &[u8]) -> Frame {
        match bytes.split_first() {
            Some((first, tail)) => Frame::new([*first; 2], tail.to_vec()),
            None => Frame::default(),
        }
    }

    /// A first byte for each protocol, and the rest.
    pub fn new(first: [u8; 2], tail: Vec<u8>) -> Frame {
        let tail = if tail.len() < SHARE_FROM { Tail::Own(tail) } else { Tail::Shared(Arc::new(tail)) };
        Frame { first, tail }
    }

    /// Makes copies cheap.
    fn share(&mut self) {
        if let Tail::Own(bytes) = &mut self.tail {
            self.tail = Tail::Shared(Arc::new(std::mem::take(bytes)));
        }
    }

    /// Appends the frame to a client's output.
    #[inline]
    pub fn write(&self, resp3: bool, out: &mut crate::resp::Reply) {
        out.buf.push(self.first[usize::from(resp3)]);
        match &self.tail {
            Tail::Own(bytes) => out.buf.extend_from_slice(bytes),
            Tail::Shared(bytes) if bytes.len() < SHARE_FROM => out.buf.extend_from_slice(bytes),
            Tail::Shared(bytes) => out.share(bytes),
        }
    }
}

/// Clients of one worker, by number.
pub type Group = IndexMap<u64, Arc<Client>>;

/// Clients who want the same frames, by worker. Frames under way hold on to a group, so it is copied if it changes then.
#[derive(Default)]
pub struct Audience {
    groups: Vec<(u32, Arc<Group>)>,
}

impl Audience {
    pub fn add(&mut self, client: &Arc<Client>) {
        let worker = client.worker.load(Ordering::Relaxed);
        let at = match self.groups.iter().position(|(w, _)| *w == worker) {
            Some(at) => at,
            None => {
                self.groups.push((worker, Arc::default()));
                self.groups.len() - 1
            }
        };
        Arc::make_mut(&mut self.groups[at].1).insert(client.id, client.clone());
    }

    pub fn remove(&mut self, client: &Client) {
        let worker = client.worker.load(Ordering::Relaxed);
        if let Some(at) = self.groups.iter().position(|(w, _)| *w == worker) {
            let group = Arc::make_mut(&mut self.groups[at].1);
            group.swap_remove(&client.id);
            if group.is_empty() {
                self.groups.swap_remove(at);
            }
        }
    }

    pub fn len(&self) -> usize {
        self.groups.iter().map(|(_, g)| g.len()).sum()
    }

    pub fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }

    pub fn clients(&self) -> impl Iterator<Item = &Arc<Client>> {
        self.groups.iter().flat_map(|(_, g)| g.values())
    }
}

enum To {
    One(Arc<Client>),
    Many(Arc<Group>),
}

/// Frames from other threads for a worker's clients.
#[derive(Default)]
pub struct Inbox {
    /// Something is in `posts`, and the worker knows.
    full: AtomicBool,
    posts: Mutex<Vec<(Frame, To)>>,
    waker: OnceLock<Waker>,
}

impl Inbox {
    /// Says whom to wake. Once, by the worker.
    pub fn set_waker(&self, waker: &Waker) {
        let _ = self.waker.set(waker.clone());
    }

    fn post(&self, frame: Frame, to: To) {
        self.posts.lock().push((frame, to));
        if !self.full.swap(true, Ordering::AcqRel)
            && let Some(w) = self.waker.get()
        {
            w.wake_by_ref();
        }
    }
}

/// A worker's way to send frames.
#[derive(Default)]
pub struct Poster {
    /// The worker's number. Visitors (snapshots, tests of the keyspace) have one that no client's worker has.
    pub seat: u32,
    /// The client whose command runs; 0: nobody's.
    pub me: u64,
    /// Unix ms, for the log.
    pub now_ms: i64,
    /// Clients with mail that do not know of it yet.
    unaware: VecDeque<Arc<Client>>,
    /// Whom to wake when there are such.
    alarm: Option<Waker>,
    /// What the command sent to its own client, and what was in that one's mailbox before.
    own: crate::resp::Reply,
}

impl Poster {
    pub fn new(seat: usize) -> Poster {
        Poster { seat: seat as u32, ..Poster::default() }
    }

    /// Sends a frame to everybody in the audience.
    pub fn send(&mut self, engine: &Engine, mut frame: Frame, to: &Audience) {
        for (worker, group) in &to.groups {
            if *worker != self.seat {
                frame.share();
                if let Some(inbox) = engine.inboxes.get(*worker as usize) {
                    inbox.post(frame.clone(), To::Many(group.clone()));
                }
            }
        }
        if let Some((_, group)) = to.groups.iter().find(|(worker, _)| *worker == self.seat) {
            self.distribute(engine);
            for client in group.values() {
                self.give(engine, client, &frame);
            }
        }
    }

    /// Sends a frame to one client.
    pub fn send_one(&mut self, engine: &Engine, frame: Frame, to: &Arc<Client>) {
        let worker = to.worker.load(Ordering::Relaxed);
        if worker == self.seat {
            self.distribute(engine);
            self.give(engine, to, &frame);
        } else if let Some(inbox) = engine.inboxes.get(worker as usize) {
            inbox.post(frame, To::One(to.clone()));
        }
    }

    /// Hands out what other threads sent to this worker's clients.
    #[inline]
    pub fn distribute(&mut self, engine: &Engine) {
        if let Some(inbox) = engine.inboxes.get(self.seat as usize)
            && inbox.full.load(Ordering::Acquire)
        {
            self.empty(engine, inbox);
        }
    }

    fn empty(&mut self, engine: &Engine, inbox: &Inbox) {
        let posts = {
            let mut posts = inbox.posts.lock();
            inbox.full.store(false, Ordering::Release);
            std::mem::take(&mut *posts)
        };
        for (frame, to) in &posts {
            match to {
                // What came from elsewhere while a command ran waits until the turn is over.
                To::One(client) => self.deliver(engine, client, frame),
                To::Many(group) => group.values().for_each(|client| self.deliver(engine, client, frame)),
            }
        }
    }

    #[inline]
    fn give(&mut self, engine: &Engine, client: &Arc<Client>, frame: &Frame) {
        if client.id != self.me {
            return self.deliver(engine, client, frame);
        }
        client.take_output(&mut self.own);
        frame.write(client.speaks_resp3(), &mut self.own);
    }

    #[inline]
    fn deliver(&mut self, engine: &Engine, client: &Arc<Client>, frame: &Frame) {
        if !client.deliver(engine, frame, self.now_ms) {
            return;
        }
        match &self.alarm {
            None => client.wake(),
            Some(alarm) => {
                if self.unaware.is_empty() {
                    alarm.wake_by_ref();
                }
                self.unaware.push_back(client.clone());
            }
        }
    }

    /// From now on clients are not woken at once but by [`wake_some`](Self::wake_some), which `alarm` is to have called.
    pub fn set_alarm(&mut self, alarm: &Waker) {
        self.alarm.get_or_insert_with(|| alarm.clone());
    }

    /// Wakes up to `count` clients that have mail; true if there are more. Senders that come to run between two slices add to
    /// the mail of those who have not been woken, which so leaves with one write.
    pub fn wake_some(&mut self, count: usize) -> bool {
        for _ in 0..count {
            match self.unaware.pop_front() {
                Some(client) => client.wake(),
                None => break,
            }
        }
        !self.unaware.is_empty()
    }

    /// After a panic: what the command sent to its own client is lost, nothing else.
    pub fn abandon(&mut self) {
        self.me = 0;
        self.own.clear();
    }

    /// True if the running command sent its own client something.
    #[inline]
    pub fn has_own(&self) -> bool {
        !self.own.is_empty()
    }

    /// Moves what the command sent to its own client behind its reply.
    pub fn take_own(&mut self, reply: &mut crate::resp::Reply) {
        reply.append(&mut self.own);
    }
}
