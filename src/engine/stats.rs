//! Counters. Each worker has its own set, written without contention; INFO adds them up.

use super::histogram::Histogram;
use super::table;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};

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
    /// Made when the command is first timed (`latency-tracking`).
    pub histogram: OnceLock<Histogram>,
}

/// What one worker counts.
pub struct WorkerStats {
    pub commands: Box<[CommandStats]>,
    pub processed: Counter,
    pub hits: Counter,
    pub misses: Counter,
    pub expired: Counter,
    pub expired_fields: Counter,
    pub net_in: Counter,
    pub net_out: Counter,
    /// The part of it that is replication's.
    pub net_repl_in: Counter,
    pub net_repl_out: Counter,
    pub errors: Counter,
    pub dirty: Counter,
    /// Nanoseconds spent in turns.
    pub busy_nanos: Counter,
    pub turns: Counter,
    /// Reads from sockets and writes to them.
    pub reads: Counter,
    pub writes: Counter,
}

impl Default for WorkerStats {
    fn default() -> Self {
        WorkerStats {
            commands: (0..table::count()).map(|_| CommandStats::default()).collect(),
            processed: Counter::default(),
            hits: Counter::default(),
            misses: Counter::default(),
            expired: Counter::default(),
            expired_fields: Counter::default(),
            net_in: Counter::default(),
            net_out: Counter::default(),
            net_repl_in: Counter::default(),
            net_repl_out: Counter::default(),
            errors: Counter::default(),
            dirty: Counter::default(),
            busy_nanos: Counter::default(),
            turns: Counter::default(),
            reads: Counter::default(),
            writes: Counter::default(),
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
            if let Some(h) = c.histogram.get() {
                h.reset();
            }
        }
        for n in [&self.processed, &self.hits, &self.misses, &self.expired, &self.net_in, &self.net_out, &self.errors] {
            n.reset();
        }
        self.expired_fields.reset();
        for n in [&self.busy_nanos, &self.turns, &self.reads, &self.writes, &self.net_repl_in, &self.net_repl_out] {
            n.reset();
        }
    }
}

/// What is counted rarely, by whoever it happens to.
#[derive(Default)]
pub struct SharedStats {
    /// Bytes of copies received from primaries.
    pub copied_in: AtomicU64,
    pub connections: AtomicU64,
    pub rejected_connections: AtomicU64,
    pub evicted: AtomicU64,
    /// Clients cut off by `maxmemory-clients`.
    pub evicted_clients: AtomicU64,
    /// Since when memory is over its limit (Unix ms; 0: it is not), and for how long it was before that, in all.
    pub over_since_ms: AtomicI64,
    /// Bytes that the process holds beyond those in use, as far as keys make way for them.
    pub unaccounted: AtomicU64,
    /// Bytes in use when that was looked at.
    pub used_when_looked: AtomicU64,
    pub over_ms: AtomicI64,
    /// How many allocations are to be looked at for each eviction, to empty pages of which little is used; 0: that is not worth it.
    pub keys_to_move: AtomicU64,
    pub defrag: Defrag,
    pub dirty_since_save: AtomicU64,
    /// What the workers' `dirty` added up to when the last snapshot was written.
    pub dirty_at_save: AtomicU64,
    pub lazyfree: Lazyfree,
    /// Connections that MIGRATE keeps.
    pub migrate_sockets: AtomicU64,
    /// When the log last told of an HTTP request (Unix seconds).
    pub warned_of_attack_s: AtomicI64,
    /// Connections closed for what they sent without an end, and for what they did not read.
    pub query_buffer_overruns: AtomicU64,
    pub output_buffer_overruns: AtomicU64,
    /// Error replies by code (`ERR`, `WRONGTYPE` …), for INFO errorstats.
    pub error_codes: parking_lot::Mutex<std::collections::BTreeMap<String, u64>>,
}

impl SharedStats {
    pub fn reset(&self) {
        for n in [
            &self.copied_in,
            &self.connections,
            &self.rejected_connections,
            &self.evicted,
            &self.evicted_clients,
            &self.query_buffer_overruns,
            &self.output_buffer_overruns,
        ] {
            n.store(0, Relaxed);
        }
        self.error_codes.lock().clear();
        self.defrag.reset();
    }

    /// Counts an error reply. Scripts make codes up, so beyond this many all further ones share a name (Redis 7.4's).
    pub fn count_error_code(&self, code: &str) {
        const MOST: usize = 128;
        let mut codes = self.error_codes.lock();
        if let Some(n) = codes.get_mut(code) {
            *n += 1;
        } else {
            let code = if codes.len() < MOST { code } else { "ERRORSTATS_OVERFLOW" };
            *codes.entry(code.to_owned()).or_default() += 1;
        }
    }
}

/// What was moved out of pages of which little is used.
#[derive(Default)]
pub struct Defrag {
    /// Shards that were walked through, or are being.
    pub shards: AtomicU64,
    /// Allocations that were moved, and those that were looked at and stayed.
    pub hits: AtomicU64,
    pub misses: AtomicU64,
    /// Keys of which something was moved, and others.
    pub key_hits: AtomicU64,
    pub key_misses: AtomicU64,
    /// The share of the time that `activedefrag` takes just now, in per cent; 0: it rests.
    pub running: AtomicU64,
    since_ms: AtomicI64,
    earlier_ms: AtomicI64,
}

impl Defrag {
    fn reset(&self) {
        for n in [&self.hits, &self.misses, &self.key_hits, &self.key_misses] {
            n.store(0, Relaxed);
        }
        self.earlier_ms.store(0, Relaxed);
    }

    /// `activedefrag` is at work.
    pub fn runs(&self, share: u64, now_ms: i64) {
        if self.running.swap(share, Relaxed) == 0 {
            self.since_ms.store(now_ms, Relaxed);
        }
    }

    /// It has nothing to do.
    pub fn rests(&self, now_ms: i64) {
        if self.running.load(Relaxed) != 0 && self.running.swap(0, Relaxed) != 0 {
            self.earlier_ms.fetch_add(now_ms - self.since_ms.load(Relaxed), Relaxed);
        }
    }

    /// For how long it has been at work in all, and since it last rested, in milliseconds.
    pub fn times_ms(&self, now_ms: i64) -> (i64, i64) {
        let now = if self.running.load(Relaxed) == 0 { 0 } else { (now_ms - self.since_ms.load(Relaxed)).max(0) };
        (self.earlier_ms.load(Relaxed) + now, now)
    }
}

/// Values that left the keyspace and are freed apart from the clients.
#[derive(Default, Clone)]
pub struct Lazyfree(std::sync::Arc<(AtomicU64, AtomicU64)>);

impl Lazyfree {
    /// Wraps values so that they count as pending until they are dropped.
    pub fn count<T>(&self, objects: usize, values: T) -> Pending<T> {
        self.0.0.fetch_add(objects as u64, Relaxed);
        Pending { _values: values, booked: Booked(self.clone(), objects as u64) }
    }

    /// Objects that wait to be freed.
    pub fn pending(&self) -> u64 {
        self.0.0.load(Relaxed)
    }

    /// Objects freed so far.
    pub fn freed(&self) -> u64 {
        self.0.1.load(Relaxed)
    }
}

/// Values on their way out. Fields drop in order: first the values, then they are booked.
pub struct Pending<T> {
    _values: T,
    #[allow(dead_code)]
    booked: Booked,
}

struct Booked(Lazyfree, u64);

impl Drop for Booked {
    fn drop(&mut self) {
        let (pending, freed) = &*self.0.0;
        pending.fetch_sub(self.1, Relaxed);
        freed.fetch_add(self.1, Relaxed);
    }
}
