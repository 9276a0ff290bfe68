//! The latency monitor: for each kind of event, when it last took longer than `latency-monitor-threshold`, and how long.

use super::Engine;
use parking_lot::Mutex;
use std::collections::{BTreeMap, VecDeque};

/// Samples kept of an event.
const KEPT: usize = 160;

#[derive(Clone, Default)]
pub struct Event {
    /// Unix seconds and milliseconds, one a second, oldest first.
    pub samples: VecDeque<(i64, u64)>,
    pub worst_ms: u64,
    pub sum_ms: u64,
    pub count: u64,
}

#[derive(Default)]
pub struct Latencies(Mutex<BTreeMap<&'static str, Event>>);

impl Latencies {
    pub fn get(&self, event: &[u8]) -> Option<Event> {
        self.0.lock().iter().find(|(name, _)| name.as_bytes() == event).map(|(_, e)| e.clone())
    }

    pub fn all(&self) -> Vec<(&'static str, Event)> {
        self.0.lock().iter().map(|(name, e)| (*name, e.clone())).collect()
    }

    /// Forgets an event; true if there was one.
    pub fn forget(&self, event: &[u8]) -> bool {
        let mut all = self.0.lock();
        let before = all.len();
        all.retain(|name, _| name.as_bytes() != event);
        all.len() < before
    }
}

impl Engine {
    /// Notes how long something took, if that is long.
    #[inline]
    pub fn note_latency(&self, event: &'static str, nanos: u64, now_ms: i64) {
        let threshold = self.config.latency_monitor_threshold_ms.get();
        if threshold > 0 && nanos >= threshold as u64 * 1_000_000 {
            self.add_latency(event, nanos / 1_000_000, now_ms / 1000);
        }
    }

    #[cold]
    fn add_latency(&self, event: &'static str, ms: u64, now_s: i64) {
        let mut all = self.latencies.0.lock();
        let e = all.entry(event).or_default();
        (e.worst_ms, e.sum_ms, e.count) = (e.worst_ms.max(ms), e.sum_ms + ms, e.count + 1);
        match e.samples.back_mut() {
            Some((at, worst)) if *at == now_s => *worst = ms.max(*worst),
            _ => {
                if e.samples.len() == KEPT {
                    e.samples.pop_front();
                }
                e.samples.push_back((now_s, ms));
            }
        }
    }
}

/// Redis's report on an event's samples.
pub struct Analysis {
    pub samples: usize,
    pub average_ms: u64,
    pub best_ms: u64,
    pub worst_ms: u64,
    /// Mean distance from the average.
    pub deviation_ms: u64,
    /// Seconds between samples.
    pub period_s: f64,
}

impl Event {
    pub fn analyse(&self, now_s: i64) -> Analysis {
        let samples = self.samples.len().max(1);
        let of = || self.samples.iter().map(|(_, ms)| *ms);
        let average_ms = of().sum::<u64>() / samples as u64;
        let first_s = self.samples.front().map_or(now_s, |(at, _)| *at);
        Analysis {
            samples: self.samples.len(),
            average_ms,
            best_ms: of().min().unwrap_or(0),
            worst_ms: of().max().unwrap_or(0),
            deviation_ms: of().map(|ms| ms.abs_diff(average_ms)).sum::<u64>() / samples as u64,
            period_s: (now_s - first_s).max(1) as f64 / samples as f64,
        }
    }
}
