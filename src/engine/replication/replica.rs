//! A replica of ours, and the bytes on their way to it: first those of a copy, if it needs one, then the stream.
//!
//! The connection of the replica takes bytes out ([`Replica::next`]); a snapshot's thread puts those of the copy in and waits while
//! too many are there. The stream is read from the backlog, where a place is kept for each replica from the moment of the
//! copy on. A replica that can take it gets both at once ([`super::frames`]).

pub use super::feed::Piece;
use super::feed::{Feed, MOST_AT_ONCE, PIECE, Queued, STREAM_A_PIECE, Weave};
use super::frames::Tag;
use crate::engine::Engine;
use crate::engine::clients::Client;
use crate::keyspace::log::ReaderId;
use parking_lot::{Condvar, Mutex};
use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU8, AtomicU64, Ordering::Relaxed};
use std::task::Waker;
use std::time::{Duration, Instant};

/// Where a replica is on its way.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Phase {
    /// A client that said REPLCONF and did not ask for anything yet.
    Talking,
    /// It waits for a copy to begin, or to be written down.
    Waiting,
    /// The copy is on its way.
    Copying,
    /// It has the copy, or needed none, and gets the stream.
    Online,
}

/// What the replica said about itself.
#[derive(Clone, Default, Debug)]
pub struct About {
    pub port: u16,
    /// Empty: where it connects from.
    pub ip: String,
    /// It finds the end of a copy by a mark.
    pub capa_eof: bool,
    pub capa_psync2: bool,
    /// It takes the stream between the pieces of a copy.
    pub capa_interleave: bool,
    /// It asked by PSYNC, so it is told history and offset.
    pub psync: bool,
}

impl About {
    /// Copy and stream can go to it in frames. Whoever asks by SYNC wants neither.
    pub fn takes_both(&self) -> bool {
        self.psync && self.capa_interleave
    }
}

pub struct Replica {
    pub client: Arc<Client>,
    pub about: Mutex<About>,
    phase: AtomicU8,
    /// The offset that it has, by its own word; when it said so (Unix ms); and what is safe in its append-only file.
    pub acked: AtomicU64,
    pub acked_ms: AtomicI64,
    pub aof_acked: AtomicU64,
    /// When it asked for a copy.
    pub asked_ms: AtomicI64,
    /// Since when it is too far behind (Unix ms), 0: it is not.
    pub behind_since_ms: AtomicI64,
    feed: Mutex<Feed>,
    room: Condvar,
}

impl Replica {
    pub fn new(client: Arc<Client>, now_ms: i64) -> Arc<Replica> {
        Arc::new(Replica {
            client,
            about: Mutex::default(),
            phase: AtomicU8::new(Phase::Talking as u8),
            acked: AtomicU64::new(0),
            acked_ms: AtomicI64::new(now_ms),
            aof_acked: AtomicU64::new(0),
            asked_ms: AtomicI64::new(now_ms),
            behind_since_ms: AtomicI64::new(0),
            feed: Mutex::default(),
            room: Condvar::new(),
        })
    }

    pub fn phase(&self) -> Phase {
        match self.phase.load(Relaxed) {
            0 => Phase::Talking,
            1 => Phase::Waiting,
            2 => Phase::Copying,
            _ => Phase::Online,
        }
    }

    pub fn set_phase(&self, phase: Phase) {
        self.phase.store(phase as u8, Relaxed);
    }

    pub fn is_online(&self) -> bool {
        self.phase() == Phase::Online
    }

    /// What INFO and ROLE call online, as Redis does: all of the copy has left for it.
    pub fn seems_online(&self) -> bool {
        self.is_online() || (self.phase() == Phase::Copying && self.has_copy())
    }

    /// INFO's word for the phase.
    pub fn state(&self) -> &'static str {
        match self.phase() {
            _ if self.seems_online() => "online",
            Phase::Talking | Phase::Waiting => "wait_bgsave",
            Phase::Copying => "send_bulk",
            Phase::Online => "online",
        }
    }

    /// Its address as it announces it, or as it connects.
    pub fn address(&self) -> (String, u16) {
        let about = self.about.lock();
        let host = self.client.addr.rsplit_once(':').map_or(&*self.client.addr, |(host, _)| host);
        let ip = if about.ip.is_empty() { host.trim_matches(['[', ']']).to_owned() } else { about.ip.clone() };
        (ip, about.port)
    }

    /// `127.0.0.1:6380`, for the log.
    pub fn name(&self) -> String {
        let (ip, port) = self.address();
        format!("{ip}:{port}")
    }

    /// Puts bytes into the queue, however many are there.
    pub fn push(&self, bytes: &[u8]) {
        let mut feed = self.feed.lock();
        feed.push(bytes, false);
        wake(feed);
    }

    /// From here on, what is queued of the copy goes out in frames, with the stream between them.
    pub fn interleave(&self) {
        self.feed.lock().weave = Some(Weave::default());
    }

    /// Puts bytes of a copy into the queue once there is room. False if the replica is gone, or takes nothing for too long.
    pub fn push_copy(&self, bytes: &[u8], patience: Duration) -> bool {
        bytes.chunks(MOST_AT_ONCE).all(|some| self.push_some(some, patience))
    }

    fn push_some(&self, bytes: &[u8], patience: Duration) -> bool {
        let mut feed = self.feed.lock();
        let (mut before, mut until) = (feed.progress, Instant::now() + patience);
        while feed.is_full() && !feed.over {
            let timed_out = self.room.wait_until(&mut feed, until).timed_out();
            if feed.progress > before {
                (before, until) = (feed.progress, Instant::now() + patience);
            } else if timed_out {
                return false;
            }
        }
        let over = feed.over;
        if !over {
            let framed = feed.weave.as_mut().map(|w| w.queued += bytes.len() as u64).is_some();
            bytes.chunks(PIECE).for_each(|piece| feed.push(piece, framed));
            wake(feed);
        }
        !over
    }

    /// How many bytes of the copy the replica has used, by its own word; what was never sent is not believed.
    pub fn has_taken(&self, bytes: u64) {
        let mut feed = self.feed.lock();
        let Some(weave) = &mut feed.weave else { return };
        let more = bytes.min(weave.queued).saturating_sub(weave.taken);
        weave.taken += more;
        feed.progress += more;
        self.room.notify_all();
    }

    /// The replica can keep no more of the stream while it loads the copy.
    pub fn hold_stream(&self, on: bool) {
        let mut feed = self.feed.lock();
        if let Some(weave) = &mut feed.weave {
            weave.holds = on;
            wake(feed);
        }
    }

    /// Keeps a place in the backlog, from which on the stream will be sent.
    pub fn keep_place(&self, reader: Option<ReaderId>) {
        self.feed.lock().reader = reader;
    }

    /// The copy is a file, which ends where it ends.
    pub fn send_file(&self, file: std::fs::File) {
        let mut feed = self.feed.lock();
        (feed.file, feed.copied) = (Some(file), true);
        wake(feed);
    }

    /// The copy ends: with this mark, if the replica knows its end by that. Once it has the copy, it may say so at once.
    pub fn end_copy(&self, mark: &[u8]) {
        let mut feed = self.feed.lock();
        feed.copied = true;
        match feed.weave {
            Some(_) => feed.push(&Tag::End.frame(&[]), false),
            None => feed.push(mark, false),
        }
        wake(feed);
    }

    /// What follows the copy may be sent, or there was none.
    pub fn start_stream(&self, now_ms: i64) {
        self.set_phase(Phase::Online);
        self.acked_ms.store(now_ms, Relaxed);
        let mut feed = self.feed.lock();
        if feed.weave.take().is_some() {
            feed.push(&Tag::Raw.frame(&[]), false);
        }
        (feed.streams, feed.copied) = (true, true);
        wake(feed);
    }

    /// True once all of the copy was given away, and the replica has to say so before it gets the stream.
    pub fn has_copy(&self) -> bool {
        let feed = self.feed.lock();
        feed.copied && feed.queue.is_empty() && feed.file.is_none()
    }

    /// No more bytes: the connection closes.
    pub fn stop(&self) {
        let mut feed = self.feed.lock();
        feed.over = true;
        self.room.notify_all();
        wake(feed);
    }

    /// What is to be sent next; if nothing is, `waker` is woken when that changes.
    pub fn next(&self, engine: &Engine, waker: &Waker) -> Option<Piece> {
        let mut feed = self.feed.lock();
        if feed.over {
            return Some(Piece::End);
        }
        if feed.queue.front().is_none_or(|first| first.of_copy)
            && let Some(weave) = &feed.weave
            && !weave.holds
            && (weave.allowance > 0 || feed.queue.is_empty())
        {
            let Ok(chunk) = feed.stream(engine, waker) else { return Some(Piece::End) };
            let sent = chunk.as_ref().map_or(usize::MAX, |c| c.len());
            if let Some(weave) = &mut feed.weave {
                weave.allowance = weave.allowance.saturating_sub(sent);
            }
            if let Some(chunk) = chunk {
                return Some(Piece::Bytes(Tag::Stream.frame(&chunk)));
            }
        }
        if let Some(Queued { bytes, of_copy }) = feed.pop() {
            self.room.notify_all();
            if let Some(weave) = &mut feed.weave
                && of_copy
            {
                weave.allowance = STREAM_A_PIECE;
            }
            return Some(Piece::Bytes(if of_copy { Tag::Copy.frame(&bytes) } else { bytes }));
        }
        if let Some(file) = &mut feed.file {
            let mut piece = vec![0; PIECE];
            match file.read(&mut piece) {
                Ok(0) => {
                    feed.file = None;
                    feed.streams = true;
                    self.set_phase(Phase::Online);
                }
                Ok(n) => {
                    piece.truncate(n);
                    return Some(Piece::Bytes(piece));
                }
                Err(_) => return Some(Piece::End),
            }
        }
        if feed.streams {
            match feed.stream(engine, waker) {
                // The backlog was freed, or is of another history.
                Err(()) => return Some(Piece::End),
                Ok(Some(chunk)) => return Some(Piece::Stream(chunk)),
                Ok(None) => {}
            }
        }
        feed.waker = Some(waker.clone());
        None
    }

    /// Bytes of the stream that it was not sent yet.
    pub fn lag(&self, engine: &Engine) -> u64 {
        let reader = self.feed.lock().reader;
        reader.and_then(|r| engine.world.log.with_backlog(|b| b.lag(r))).unwrap_or(0)
    }

    /// It acknowledged an offset. True if it was told nothing of the stream so far, having just got its copy.
    pub fn acknowledge(&self, offset: u64, aof: Option<u64>, now_ms: i64) -> bool {
        self.acked.fetch_max(offset, Relaxed);
        self.aof_acked.fetch_max(aof.unwrap_or(0), Relaxed);
        self.acked_ms.store(now_ms, Relaxed);
        let starts = self.phase() == Phase::Copying && self.has_copy();
        if starts {
            self.start_stream(now_ms);
        }
        starts
    }
}

fn wake(mut feed: parking_lot::MutexGuard<'_, Feed>) {
    let waker = feed.waker.take();
    drop(feed);
    if let Some(waker) = waker {
        waker.wake();
    }
}

impl Engine {
    pub fn add_replica(&self, replica: &Arc<Replica>) {
        replica.client.set_flag(super::super::clients::flag::REPLICA, true);
        let mut all = self.replication.replicas.lock();
        if !all.iter().any(|r| Arc::ptr_eq(r, replica)) {
            all.push(replica.clone());
        }
    }

    /// The replica's connection ended.
    pub fn remove_replica(&self, replica: &Arc<Replica>, now_ms: i64) {
        let mut all = self.replication.replicas.lock();
        all.retain(|r| !Arc::ptr_eq(r, replica));
        if all.is_empty() {
            self.replication.alone_since_ms.store(now_ms, Relaxed);
        }
        drop(all);
        replica.stop();
        if let Some(reader) = replica.feed.lock().reader.take() {
            self.world.log.with_backlog(|b| b.remove_reader(reader));
        }
        self.review_replicas(now_ms);
    }

    /// Closes the connections of all replicas: they come back and ask again.
    pub fn drop_replicas(&self) {
        self.replication.replicas().iter().for_each(|r| r.stop());
    }
}
