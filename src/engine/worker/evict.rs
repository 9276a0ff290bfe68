//! Making room before commands run, when more memory is used than `maxmemory` allows.
//!
//! A worker evicts under the lock of one shard at a time, before it locks the keys of its next commands. Each takes its part: the
//! more it writes, the more often it comes by here.

use super::Worker;
use crate::engine::config::MaxmemoryPolicy;
use crate::engine::gates;
use crate::keyspace::evict::{self, By, Choice, Pool};
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

/// What a worker remembers from one eviction to the next.
#[derive(Default)]
pub(super) struct Evicting {
    pool: Pool,
    policy: Option<MaxmemoryPolicy>,
    in_vain: Option<InVain>,
    count: u64,
    /// Bytes evicted since this worker last had the process looked at.
    unseen: u64,
}

/// All shards were looked through, and no key may go.
struct InVain {
    /// How many changes there had been by then.
    dirty: u64,
    at_ms: i64,
}

#[derive(PartialEq, Eq)]
enum Outcome {
    Done,
    NothingToEvict,
    TimeIsUp,
}

/// Samples without a key that may go, in a row, after which it is looked for in every shard.
const IN_VAIN: usize = 32;
/// For how long it is remembered that there was none.
const REMEMBERED_MS: i64 = 100;
/// Shards that are looked at for one eviction, at most.
const SHARDS: usize = 8;
/// Evictions between two looks at the clock, and at the memory really in use.
const AT_ONCE: usize = 8;
/// Allocations that are looked at in a turn, to be moved together: half a millisecond.
const MOST_MOVED: u64 = 8192;

impl Worker {
    /// Evicts until enough memory is free, or its time is up: then the next commands run all the same and it goes on after them, as
    /// in Redis. If there is nothing to evict, commands that need memory are refused until there is some. Returns whether there
    /// is more to do. Inside a turn, with no shard locked.
    pub fn make_room(&mut self) -> bool {
        if self.engine.is_replica() && self.engine.config.replica_ignore_maxmemory.get() {
            // The primary evicts, and tells.
            self.memory_is(false);
            return false;
        }
        let Some(mut over) = self.engine.bytes_to_free() else {
            self.move_together(1);
            self.memory_is(false);
            return false;
        };
        if !self.engine.may_evict() {
            self.memory_is(self.engine.bytes_over().is_some());
            return false;
        }
        let allowed = time_allowed(self.engine.config.maxmemory_eviction_tenacity.get());
        let (started, choice) = (Instant::now(), self.choice());
        if self.was_in_vain() {
            self.memory_is(self.engine.bytes_over().is_some());
            return false;
        }
        let before = self.evicting.count;
        let outcome = self.evict_until(&mut over, started, allowed, &choice);
        self.let_go();
        self.move_together(self.evicting.count - before);
        // Holes that nothing is left to make are no reason to refuse writes.
        self.memory_is(outcome == Outcome::NothingToEvict && self.engine.bytes_over().is_some());
        self.engine.note_latency("eviction-cycle", started.elapsed().as_nanos() as u64, self.now_ms);
        outcome == Outcome::TimeIsUp
    }

    fn evict_until(&mut self, over: &mut u64, started: Instant, allowed: Option<Duration>, choice: &Choice) -> Outcome {
        loop {
            for _ in 0..AT_ONCE {
                let Some(freed) = self.evict_one(choice) else { return Outcome::NothingToEvict };
                *over = over.saturating_sub(freed as u64);
                self.evicting.unseen += freed as u64;
                if *over == 0 {
                    break;
                }
            }
            if self.evicting.unseen > self.engine.config.maxmemory.get() as u64 / 256 {
                // What goes leaves holes: ten looks a second are not enough where much goes, or where nobody comes to look.
                self.evicting.unseen = 0;
                self.engine.note_resident();
            }
            if *over == 0 {
                // What was freed is an estimate: the allocator knows.
                match self.engine.bytes_to_free() {
                    None => return Outcome::Done,
                    Some(still) => *over = still,
                }
            }
            if allowed.is_some_and(|most| started.elapsed() >= most) {
                return Outcome::TimeIsUp;
            }
        }
    }

    fn choice(&mut self) -> Choice {
        use MaxmemoryPolicy::*;
        let policy = self.engine.config.maxmemory_policy.get();
        if self.evicting.policy.replace(policy) != Some(policy) {
            self.evicting.pool.clear();
            self.evicting.in_vain = None;
        }
        let by = match policy {
            VolatileLru | AllkeysLru => By::Age,
            VolatileLfu | AllkeysLfu => By::Frequency,
            VolatileTtl => By::Expiry,
            VolatileRandom | AllkeysRandom | Noeviction => By::Chance,
        };
        let samples = self.engine.config.maxmemory_samples.get().clamp(1, 64) as usize;
        let samples = if by == By::Chance { 1 } else { samples };
        Choice { by, volatile: policy.is_volatile(), samples, clock: self.access_clock }
    }

    /// True if there is no key that may go, as far as is remembered. Where writes are refused for that, a key may go as soon as
    /// anything has changed (EXPIRE); where merely the process is too large, that can wait.
    fn was_in_vain(&mut self) -> bool {
        let Some(last) = &self.evicting.in_vain else { return false };
        let recent = (0..REMEMBERED_MS).contains(&(self.now_ms - last.at_ms));
        let holds = recent && (self.engine.bytes_over().is_none() || last.dirty == self.changes());
        if !holds {
            self.evicting.in_vain = None;
        }
        holds
    }

    /// Changes to the keyspace, of all workers.
    fn changes(&self) -> u64 {
        self.engine.workers.read().iter().fold(0, |sum, w| sum.wrapping_add(w.dirty.get()))
    }

    /// Looks for a key that may go in every shard, from some shard on.
    fn search(&mut self, choice: &Choice) -> bool {
        let dirty = self.changes();
        let (shards, from) = (self.engine.world.shards(), self.rng.next_u64() as usize);
        for n in 0..shards {
            let pool = &mut self.evicting.pool;
            let shard = self.access.shard(from.wrapping_add(n) % shards);
            if choice.search(shard, self.rng.next_u64(), |c| pool.add(c)) {
                return true;
            }
        }
        self.evicting.in_vain = Some(InVain { dirty, at_ms: self.now_ms });
        false
    }

    /// Evicts the best candidate; returns about how many bytes that frees, `None` if no key may go.
    fn evict_one(&mut self, choice: &Choice) -> Option<usize> {
        for vain in 1.. {
            if vain % IN_VAIN == 0 {
                if !self.search(choice) {
                    return None;
                }
            } else {
                // Few keys are far apart: shards are gone through until there are enough to choose from.
                let mut wanted = choice.samples;
                for _ in 0..SHARDS {
                    let n = self.rng.below(self.engine.world.shards() as u64) as usize;
                    let pool = &mut self.evicting.pool;
                    let seen = choice.sample(self.access.shard(n), self.rng.next_u64(), |c| pool.add(c));
                    wanted = wanted.saturating_sub(seen);
                    if wanted == 0 {
                        break;
                    }
                }
            }
            while let Some(c) = self.evicting.pool.best() {
                let shard = self.access.shard(self.engine.world.shard_of(c.hash));
                match choice.score_now(shard, &c) {
                    None => continue,
                    // Used meanwhile: it goes back to its place, and others come before it.
                    Some(now) if now < c.score => {
                        self.evicting.pool.add(evict::Candidate { score: now, ..c });
                        break;
                    }
                    Some(_) => {}
                }
                let timed = (self.engine.config.latency_monitor_threshold_ms.get() > 0).then(Instant::now);
                let Some(entry) = evict::evict(shard, &c, &mut self.journal) else { continue };
                let bytes = entry.heap_bytes();
                if self.engine.config.lazyfree_lazy_eviction.get() {
                    self.journal.free(entry);
                } else {
                    drop(entry);
                }
                if let Some(timed) = timed {
                    self.engine.note_latency("eviction-del", timed.elapsed().as_nanos() as u64, self.now_ms);
                }
                self.evicting.count += 1;
                self.engine.shared_stats.evicted.fetch_add(1, Relaxed);
                // While the shard is held: the log must hear of it before anybody can make the key again.
                self.book_background();
                return Some(bytes);
            }
        }
        None
    }

    /// Where the process is too large for its holes, keys need not go: they can be moved together. After so many evictions, and not
    /// within their time: that was to bring what is used below its limit.
    fn move_together(&mut self, evicted: u64) {
        let keys = self.engine.shared_stats.keys_to_move.load(Relaxed);
        if keys > 0 {
            self.compact((keys * evicted).min(MOST_MOVED) as usize);
            self.let_go();
        }
    }

    /// Back to what a turn holds between its groups: serving whoever waited for a key that went may have taken everything.
    fn let_go(&mut self) {
        self.access.settle();
        self.access.unlock();
    }

    /// Notes whether memory is short beyond help.
    fn memory_is(&self, short: bool) {
        if (self.engine.gates.load(Relaxed) & gates::OUT_OF_MEMORY != 0) != short {
            self.engine.set_gate(gates::OUT_OF_MEMORY, short);
        }
    }
}

/// Redis's formula for `maxmemory-eviction-tenacity`; `None`: as long as it takes.
fn time_allowed(tenacity: i64) -> Option<Duration> {
    match tenacity {
        ..=10 => Some(Duration::from_micros(50 * tenacity.max(0) as u64)),
        11..100 => Some(Duration::from_micros((500.0 * 1.15f64.powi((tenacity - 10) as i32)) as u64)),
        _ => None,
    }
}
