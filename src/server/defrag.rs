//! `activedefrag`: while pages have many holes, workers move keys out of those of which little is used.
//!
//! As in Redis: not below `active-defrag-ignore-bytes` and `active-defrag-threshold-lower`, and with a share of the time between
//! `active-defrag-cycle-min` and `-max`, the more the nearer fragmentation is to `active-defrag-threshold-upper`, in slices of
//! `active-defrag-cycle-us`. Large values are gone through in pieces, whatever their size.

use crate::base::alloc;
use crate::data::slab;
use crate::engine::worker::Worker;
use crate::engine::{Engine, gates};
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

/// Allocations that are looked at under one turn: some microseconds.
const AT_ONCE: usize = 64;
/// Unused pages that go back to the system at a time, of each size.
const PAGES: usize = 64;
/// After a walk through everything that moved less than one in so many, holes are such as cannot be closed: they are left alone
/// for a while.
const FEW: u64 = 100;
const REST: Duration = Duration::from_secs(10);

/// One worker's part in it.
pub struct Defrag {
    /// Time that may be spent, saved up since the last slice.
    credit: Duration,
    last: Instant,
    resting_until: Option<Instant>,
    /// The count of shards at which everything has been walked through, and of hits and misses when that began.
    round: Option<(u64, u64, u64)>,
}

impl Defrag {
    pub fn new() -> Defrag {
        Defrag { credit: Duration::ZERO, last: Instant::now(), resting_until: None, round: None }
    }

    /// Moves keys for as long as it may. True if there is more to do.
    pub fn slice(&mut self, engine: &Engine, worker: &mut Worker, now_ms: i64) -> bool {
        let share = share(engine);
        if engine.config.activedefrag.get() {
            slab::trim(PAGES);
        }
        let (started, elapsed) = (Instant::now(), self.last.elapsed());
        self.last = started;
        let rests = self.resting_until.is_some_and(|end| started < end);
        if share == 0 || rests || engine.gates.load(Relaxed) & gates::LOADING != 0 {
            self.credit = Duration::ZERO;
            engine.shared_stats.defrag.rests(now_ms);
            return false;
        }
        engine.shared_stats.defrag.runs(share.into(), now_ms);
        let longest = Duration::from_micros(engine.config.active_defrag_cycle_us.get().max(1) as u64);
        self.credit = (self.credit + elapsed * share / 100).min(longest);
        while started.elapsed() < self.credit && worker.try_begin(now_ms) {
            worker.compact(AT_ONCE);
            worker.access.leave();
        }
        self.credit = self.credit.saturating_sub(started.elapsed());
        self.end_round(engine);
        true
    }

    fn end_round(&mut self, engine: &Engine) {
        let stats = &engine.shared_stats.defrag;
        let (shards, hits, misses) = (stats.shards.load(Relaxed), stats.hits.load(Relaxed), stats.misses.load(Relaxed));
        let &mut (end, hits_then, misses_then) =
            self.round.get_or_insert((shards + engine.world.shards() as u64, hits, misses));
        if shards < end {
            return;
        }
        self.round = None;
        // None where CONFIG RESETSTAT came between.
        let counted = hits.checked_sub(hits_then).zip(misses.checked_sub(misses_then));
        if counted.is_some_and(|(moved, stayed)| moved.saturating_mul(FEW) < moved.saturating_add(stayed)) {
            self.resting_until = Some(Instant::now() + REST);
        }
    }
}

/// How much of the time is to be spent on it, in per cent.
fn share(engine: &Engine) -> u32 {
    let config = &engine.config;
    if !config.activedefrag.get() {
        return 0;
    }
    let (pages, used) = (slab::bytes_in_pages(), alloc::elsewhere_now().max(1));
    let holes = pages.saturating_sub(used);
    let (lower, upper) = (config.active_defrag_threshold_lower.get(), config.active_defrag_threshold_upper.get());
    let percent = (holes.saturating_mul(100) / used) as i64;
    if holes < config.active_defrag_ignore_bytes.get().max(0) as u64 || percent < lower {
        return 0;
    }
    let (least, most) = (config.active_defrag_cycle_min.get(), config.active_defrag_cycle_max.get());
    let most = most.max(least);
    let share = least + (most - least) * (percent - lower).clamp(0, 10_000) / (upper - lower).max(1);
    share.clamp(least, most) as u32
}
