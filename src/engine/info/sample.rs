//! Rates: what the counters grew by between ticks, averaged over the last 16 of them, as Redis does.

use super::total;
use crate::base::alloc;
use crate::engine::Engine;
use std::sync::atomic::Ordering::Relaxed;

const TICKS: usize = 16;

/// Per second, but for `turn_us`.
#[derive(Clone, Copy, Default, Debug, PartialEq)]
pub struct Rates {
    pub commands: f64,
    /// Bytes.
    pub net_in: f64,
    pub net_out: f64,
    /// Replication's part of it.
    pub repl_in: f64,
    pub repl_out: f64,
    pub turns: f64,
    /// Microseconds that a turn took.
    pub turn_us: f64,
}

/// The counters at a tick.
#[derive(Clone, Copy, Default, Debug)]
struct Readings {
    at_ms: i64,
    commands: u64,
    net_in: u64,
    net_out: u64,
    repl_in: u64,
    repl_out: u64,
    turns: u64,
    busy_nanos: u64,
}

#[derive(Default)]
pub struct Samples {
    last: Option<Readings>,
    ring: [Rates; TICKS],
    next: usize,
}

/// To be called ten times a second.
pub fn tick(engine: &Engine, now_ms: i64) {
    alloc::used_bytes(); // notes the peak
    let now = Readings {
        at_ms: now_ms,
        commands: total(engine, |w| w.processed.get()),
        net_in: total(engine, |w| w.net_in.get()),
        net_out: total(engine, |w| w.net_out.get()),
        repl_in: total(engine, |w| w.net_repl_in.get()) + engine.shared_stats.copied_in.load(Relaxed),
        repl_out: total(engine, |w| w.net_repl_out.get()),
        turns: total(engine, |w| w.turns.get()),
        busy_nanos: total(engine, |w| w.busy_nanos.get()),
    };
    engine.samples.lock().add(now);
}

impl Samples {
    fn add(&mut self, now: Readings) {
        let Some(last) = self.last.replace(now) else { return };
        let seconds = (now.at_ms - last.at_ms) as f64 / 1000.0;
        if seconds <= 0.0 {
            return;
        }
        // Counters go back when they are reset.
        let grew = |of: fn(&Readings) -> u64| of(&now).saturating_sub(of(&last)) as f64;
        let turns = grew(|r| r.turns);
        self.ring[self.next] = Rates {
            commands: grew(|r| r.commands) / seconds,
            net_in: grew(|r| r.net_in) / seconds,
            net_out: grew(|r| r.net_out) / seconds,
            repl_in: grew(|r| r.repl_in) / seconds,
            repl_out: grew(|r| r.repl_out) / seconds,
            turns: turns / seconds,
            turn_us: if turns == 0.0 { 0.0 } else { grew(|r| r.busy_nanos) / 1000.0 / turns },
        };
        self.next = (self.next + 1) % TICKS;
    }

    /// The average of the last ticks.
    pub fn rates(&self) -> Rates {
        let average = |of: fn(&Rates) -> f64| self.ring.iter().map(of).sum::<f64>() / TICKS as f64;
        Rates {
            commands: average(|r| r.commands),
            net_in: average(|r| r.net_in),
            net_out: average(|r| r.net_out),
            repl_in: average(|r| r.repl_in),
            repl_out: average(|r| r.repl_out),
            turns: average(|r| r.turns),
            turn_us: average(|r| r.turn_us),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_per_second_and_survive_a_reset() {
        let mut s = Samples::default();
        for i in 0..=16u64 {
            s.add(Readings {
                at_ms: 100 * i as i64,
                commands: 50 * i,
                turns: 10 * i,
                busy_nanos: 20_000 * i,
                ..Readings::default()
            });
        }
        let rates = s.rates();
        assert_eq!((rates.commands.round(), rates.turns.round(), rates.turn_us.round()), (500.0, 100.0, 2.0));
        s.add(Readings { at_ms: 1700, ..Readings::default() });
        assert!(s.rates().commands < 500.0);
    }
}
