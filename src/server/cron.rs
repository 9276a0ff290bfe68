//! What is done again and again: the expiry cycle, and beside it evicting and defragmentation.
//!
//! Ten times a second each worker sweeps a stretch of its own share of the shards for keys that are due. Where many of those
//! are, it comes back at once and often, in slices short enough for its connections not to notice, up to a quarter of its time.
//! Where no key can expire, a tick reads a counter per shard and that is all. As in Redis, `active-expire-effort` (1 to 10)
//! buys less stale memory with more of the processor.

use super::defrag::Defrag;
use super::worker::with_local;
use crate::engine::worker::Worker;
use crate::engine::{Engine, gates};
use crate::keyspace::expire;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

/// From one tick to the next.
const TICK: Duration = Duration::from_millis(100);
/// From one slice to the next while much is due. The timer is no finer.
const BREATH: Duration = Duration::from_millis(1);
/// No slice is longer.
const LONGEST_SLICE: Duration = Duration::from_micros(1000);
/// Buckets swept under one hold of the locks: some tens of microseconds if all their keys are due.
const STEP_BUCKETS: usize = 16;

/// The expiry cycle of worker `seat`; runs as long as its runtime.
pub async fn expire(engine: Arc<Engine>, seat: usize) {
    let mut cycle = Cycle::new(engine, seat);
    loop {
        let wait = with_local(|local| {
            let wait = cycle.slice(&mut local.worker, super::now_ms());
            if local.worker.access.take_logged().is_some() {
                local.flush.notify_one();
            }
            wait
        });
        tokio::time::sleep(wait).await;
    }
}

/// A worker's way through its share of the shards: seat, seat + workers, ….
pub struct Cycle {
    engine: Arc<Engine>,
    seat: usize,
    /// The next shard.
    at: usize,
    /// Time that may be spent, saved up since the last slice.
    credit: Duration,
    last: Instant,
    /// The last slice found many dead keys.
    busy: bool,
    defrag: Defrag,
}

/// What `active-expire-effort` buys.
struct Effort {
    /// Share of the time, in per cent, while much is due.
    share: u32,
    /// Dead among those that can expire, in per cent, that are not worth hurrying for.
    tolerated: usize,
    /// What a tick may take when nothing much is due.
    tick: Duration,
}

impl Effort {
    /// Redis's formulas: effort counts from 0 there.
    fn of(setting: i64) -> Effort {
        let effort = setting.clamp(1, 10) as u32 - 1;
        Effort {
            share: 25 + 2 * effort,
            tolerated: 10 - effort as usize,
            tick: Duration::from_micros(300 + 75 * u64::from(effort)),
        }
    }
}

impl Cycle {
    pub fn new(engine: Arc<Engine>, seat: usize) -> Cycle {
        Cycle {
            engine,
            seat,
            at: seat,
            credit: Duration::ZERO,
            last: Instant::now(),
            busy: false,
            defrag: Defrag::new(),
        }
    }

    /// Sweeps for as long as it may, and tells how long to wait before the next slice.
    pub fn slice(&mut self, worker: &mut Worker, now_ms: i64) -> Duration {
        let effort = Effort::of(self.engine.config.active_expire_effort.get());
        let started = Instant::now();
        self.credit = (self.credit + (started - self.last) * effort.share / 100).min(LONGEST_SLICE);
        self.last = started;
        // Memory may be over its limit with nobody sending commands: a limit was lowered, or buffers grew.
        let evicts = self.engine.config.maxmemory.get() != 0 && self.evict(worker, now_ms);
        let moves = self.defrag.slice(&self.engine, worker, now_ms);
        let tick = if evicts || moves { BREATH } else { TICK };
        if !self.may_run(now_ms) {
            self.busy = false;
            return tick;
        }
        let budget = if self.busy { self.credit } else { self.credit.min(effort.tick) };
        // One round at most: what was swept a moment ago is clean.
        let mut left = self.share();
        let (mut looked, mut removed) = (0, 0);
        // What it took to get hold of the locks is somebody else's latency.
        let mut swept = Duration::ZERO;
        loop {
            let (l, r) = self.step(worker, now_ms, &mut left, &mut swept);
            looked += l;
            removed += r;
            if left == 0 || started.elapsed() >= budget {
                break;
            }
        }
        self.engine.note_latency("expire-cycle", swept.as_nanos() as u64, now_ms);
        self.credit = self.credit.saturating_sub(started.elapsed());
        self.busy = left > 0 && removed * 100 > looked * effort.tolerated;
        if self.busy { BREATH } else { tick }
    }

    /// Evicts for a while; true if there is more to do.
    fn evict(&mut self, worker: &mut Worker, now_ms: i64) -> bool {
        worker.begin(now_ms);
        let more = worker.make_room();
        worker.access.leave();
        more
    }

    /// One turn inside the gate: a few buckets, of one shard or of several.
    fn step(&mut self, worker: &mut Worker, now_ms: i64, left: &mut usize, swept: &mut Duration) -> (usize, usize) {
        let (mut room, mut looked, mut removed) = (STEP_BUCKETS, 0, 0);
        if !worker.try_begin(now_ms) {
            // A script overruns its time; what expired stays a little longer.
            *left = 0;
            return (0, 0);
        }
        while room > 0 && *left > 0 {
            worker.access.shard(self.at);
            worker.watch_trackers();
            let timed = (self.engine.config.latency_monitor_threshold_ms.get() > 0).then(Instant::now);
            let s = expire::step(worker.access.shard(self.at), now_ms, room, &mut worker.journal);
            // Of some keys together: alone none takes long, for large values are freed elsewhere.
            let took = timed.map(|from| from.elapsed());
            if let Some(took) = took.filter(|_| s.removed > 0) {
                self.engine.note_latency("expire-del", took.as_nanos() as u64, now_ms);
            }
            *swept += took.unwrap_or_default();
            worker.book_background();
            room -= s.buckets;
            looked += s.looked;
            removed += s.removed;
            if s.done {
                *left -= 1;
                self.at += self.engine.world.workers();
                if self.at >= self.engine.world.shards() {
                    self.at = self.seat;
                }
            }
        }
        worker.access.leave();
        (looked, removed)
    }

    /// How many shards are this worker's.
    fn share(&self) -> usize {
        let (shards, workers) = (self.engine.world.shards(), self.engine.world.workers());
        (shards + workers - 1).saturating_sub(self.seat) / workers
    }

    /// Not while data is being loaded, nor while clients are paused: both want the keyspace to stand still.
    fn may_run(&self, now_ms: i64) -> bool {
        let gates = self.engine.gates.load(Relaxed);
        self.engine.active_expire.load(Relaxed)
            && gates & (gates::LOADING | gates::REPLICA) == 0
            && (gates & gates::PAUSED == 0 || self.engine.clients.paused(now_ms).is_none())
    }
}
