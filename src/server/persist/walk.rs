//! The walk behind a snapshot: workers encode their share of the shards in short slices between their connections' turns,
//! and a thread of the job's own passes the bytes on.

use super::super::worker::with_local;
use super::format::Framing;
use crate::engine::persist::Sink;
use crate::engine::worker::Worker;
use crate::keyspace::cut::{Chunk, Cut, Encode, Size, Stepped, dear_step, step};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::AcqRel, Ordering::Acquire, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

/// A slice: what a connection may have to wait longer while a snapshot is taken.
const SLICE: Duration = Duration::from_micros(200);
/// Buckets walked under one hold of a shard: some tens of keys.
const STEP_BUCKETS: usize = 8;
/// Bytes that make a journey worth while.
const CHUNK: usize = 64 << 10;
/// Bytes of a dear key encoded under one hold of its shard.
const DEAR_BYTES: usize = 32 << 10;
/// Encoded bytes that may wait for the file: beyond, the walk waits.
const MOST_PENDING: usize = 4 << 20;

enum Message {
    Chunk(Chunk),
    Over,
}

/// One walk, shared by the workers and the job.
pub struct Walk {
    cut: Arc<Cut>,
    shards: usize,
    /// The next shard that nobody has taken.
    next: AtomicUsize,
    taking_part: AtomicUsize,
    finishing: AtomicBool,
    over: AtomicBool,
    sender: Sender<Message>,
    pending: AtomicUsize,
    /// `rdb-key-save-delay`
    delay_us: u64,
}

/// What a slice says about the next one.
enum Next {
    Now,
    Later(Duration),
    Never,
}

impl Walk {
    pub fn new(cut: Arc<Cut>, shards: usize, delay_us: u64) -> (Arc<Walk>, Chunks) {
        let (sender, receiver) = channel();
        let walk = Arc::new(Walk {
            cut,
            shards,
            next: AtomicUsize::new(0),
            taking_part: AtomicUsize::new(0),
            finishing: AtomicBool::new(false),
            over: AtomicBool::new(false),
            sender,
            pending: AtomicUsize::new(0),
            delay_us,
        });
        (walk.clone(), Chunks { walk, receiver })
    }

    fn send(&self, chunk: &mut Chunk) {
        if !chunk.is_empty() {
            self.pending.fetch_add(chunk.bytes.len(), Relaxed);
            // The job may be gone: then nobody wants the rest.
            let _ = self.sender.send(Message::Chunk(std::mem::take(chunk)));
        }
    }
}

/// What comes out of a walk.
pub struct Chunks {
    walk: Arc<Walk>,
    receiver: Receiver<Message>,
}

impl Chunks {
    /// Gives all chunks to the sinks. Sinks that fail are told so and left out; an error means that none is left.
    pub fn pass_on(self, sizes: Vec<Size>, commands: bool, out: &mut impl io::Write) -> io::Result<()> {
        let mut framing = Framing::new(sizes, commands);
        let mut failed = None;
        for message in &self.receiver {
            let Message::Chunk(chunk) = message else { break };
            if failed.is_none()
                && let Err(e) = framing.pass(&chunk, |bytes| out.write_all(bytes))
            {
                // The walk must go on to its end all the same, but nothing is encoded any more.
                self.walk.cut.abort();
                failed = Some(e);
            }
            self.walk.pending.fetch_sub(chunk.bytes.len(), Relaxed);
        }
        failed.map_or(Ok(()), Err)
    }
}

/// Sinks side by side.
#[derive(Default)]
pub struct Fan(pub Vec<Box<dyn Sink>>);

impl io::Write for Fan {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut last = None;
        for mut sink in std::mem::take(&mut self.0) {
            match sink.write(bytes) {
                Ok(()) => self.0.push(sink),
                Err(e) => {
                    sink.finish(Err(super::super::reason(&e)));
                    last = Some(e);
                }
            }
        }
        match last {
            Some(e) if self.0.is_empty() => Err(e),
            _ => Ok(bytes.len()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A worker's part in a walk, to its end.
pub async fn take_part(walk: Arc<Walk>) {
    walk.taking_part.fetch_add(1, AcqRel);
    let mut part =
        Part { encoder: walk.cut.encoder(), chunk: Chunk::default(), shard: None, dear: None, finishing: false, walk };
    loop {
        match with_local(|l| part.slice(&mut l.worker)) {
            Next::Now => tokio::task::yield_now().await,
            Next::Later(wait) => tokio::time::sleep(wait).await,
            Next::Never => return,
        }
    }
}

struct Part {
    walk: Arc<Walk>,
    encoder: Box<dyn Encode>,
    chunk: Chunk,
    shard: Option<usize>,
    dear: Option<(usize, Box<[u8]>)>,
    finishing: bool,
}

impl Part {
    fn slice(&mut self, worker: &mut Worker) -> Next {
        let walk = self.walk.clone();
        if walk.pending.load(Relaxed) > MOST_PENDING && !walk.cut.is_aborted() {
            return Next::Later(Duration::from_millis(1));
        }
        let started = Instant::now();
        let before = self.chunk.keys;
        loop {
            let more = if self.finishing { self.finish_step(worker) } else { self.walk_step(worker) };
            if !more {
                return Next::Never;
            }
            if walk.delay_us > 0 && self.chunk.keys > before && !walk.cut.is_aborted() {
                let wait = Duration::from_micros(walk.delay_us * (self.chunk.keys - before));
                walk.send(&mut self.chunk);
                return Next::Later(wait);
            }
            if self.chunk.bytes.len() >= CHUNK {
                walk.send(&mut self.chunk);
                return Next::Now;
            }
            if started.elapsed() >= SLICE {
                return Next::Now;
            }
        }
    }

    /// Some buckets of the shards. False if there is nothing left for this worker to do.
    fn walk_step(&mut self, worker: &mut Worker) -> bool {
        let walk = self.walk.clone();
        let shard = *self.shard.get_or_insert_with(|| walk.next.fetch_add(1, Relaxed));
        if shard >= walk.shards {
            walk.send(&mut self.chunk);
            // Whoever is the last to be done sees to the rest.
            let last = walk.taking_part.fetch_sub(1, AcqRel) == 1;
            self.finishing = last && walk.cut.is_walked() && !walk.finishing.swap(true, AcqRel);
            return self.finishing;
        }
        worker.begin(super::super::now_ms());
        let stepped = step(worker.access.shard(shard), shard, STEP_BUCKETS, &mut *self.encoder, &mut self.chunk);
        worker.access.leave();
        if stepped == Stepped::Done {
            self.shard = None;
        }
        if let Some(mut kept) = walk.cut.take_kept(CHUNK) {
            walk.send(&mut kept);
        }
        true
    }

    /// What writers had to encode, and then the dear keys, one after the other. False when that is done.
    fn finish_step(&mut self, worker: &mut Worker) -> bool {
        let walk = self.walk.clone();
        if self.dear.is_none() {
            walk.send(&mut self.chunk);
            while let Some(mut kept) = walk.cut.take_kept(0) {
                walk.send(&mut kept);
            }
            self.dear = walk.cut.next_dear();
        }
        let Some((shard, key)) = &self.dear else {
            // Writers that encoded a dear key themselves did so before it was found gone: all is there.
            while let Some(mut kept) = walk.cut.take_kept(0) {
                walk.send(&mut kept);
            }
            walk.over.store(true, std::sync::atomic::Ordering::Release);
            let _ = walk.sender.send(Message::Over);
            return false;
        };
        worker.begin(super::super::now_ms());
        let finished = dear_step(worker.access.shard(*shard), key, DEAR_BYTES, &mut self.chunk);
        worker.access.leave();
        if finished {
            self.dear = None;
        }
        true
    }
}

impl Walk {
    pub fn is_over(&self) -> bool {
        self.over.load(Acquire)
    }
}
