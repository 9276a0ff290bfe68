//! Counters. Each worker has its own set, written without contention; INFO adds them up.

use super::table;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// One writer, many readers: a store after a load needs no locked instruction.
#[derive(Default)]
pub struct Counter(AtomicU64);

impl Counter {
    #[inline]
    pub fn add(&self, n: u64) {
        self.0.store(self.0.load(Relaxed).wrapping_add(n), Relaxed);
    }

    pub fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }

    pub fn reset(&self) {
        self.0.store(0, Relaxed);
    }
}

#[derive(Default)]
pub struct CommandStats {
    pub calls: Counter,
    pub nanos: Counter,
    pub rejected: Counter,
    pub failed: Counter,
}

/// What one worker counts.
pub struct WorkerStats {
    pub commands: Box<[CommandStats]>,
    pub processed: Counter,
    pub hits: Counter,
    pub misses: Counter,
    pub expired: Counter,
    pub net_in: Counter,
    pub net_out: Counter,
    pub errors: Counter,
    pub dirty: Counter,
    /// Nanoseconds spent in turns.
    pub busy_nanos: Counter,
    pub turns: Counter,
}

impl Default for WorkerStats {
    fn default() -> Self {
        WorkerStats {
            commands: (0..table::count()).map(|_| CommandStats::default()).collect(),
            processed: Counter::default(),
            hits: Counter::default(),
            misses: Counter::default(),
            expired: Counter::default(),
            net_in: Counter::default(),
            net_out: Counter::default(),
            errors: Counter::default(),
            dirty: Counter::default(),
            busy_nanos: Counter::default(),
            turns: Counter::default(),
        }
    }
}

impl WorkerStats {
    /// CONFIG RESETSTAT.
    pub fn reset(&self) {
        for c in &self.commands {
            for n in [&c.calls, &c.nanos, &c.rejected, &c.failed] {
                n.reset();
            }
        }
        for n in [&self.processed, &self.hits, &self.misses, &self.expired, &self.net_in, &self.net_out, &self.errors] {
            n.reset();
        }
    }
}

/// What is counted rarely, by whoever it happens to.
#[derive(Default)]
pub struct SharedStats {
    pub connections: AtomicU64,
    pub rejected_connections: AtomicU64,
    pub evicted: AtomicU64,
    pub dirty_since_save: AtomicU64,
    /// Error replies by code (`ERR`, `WRONGTYPE` …), for INFO errorstats.
    pub error_codes: parking_lot::Mutex<std::collections::BTreeMap<String, u64>>,
}
