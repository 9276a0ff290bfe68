//! Growing from nothing to N keys (20 million unless said otherwise): is any single insertion slow?
//!
//! `cargo bench --bench growth [-- KEYS]`. Executes `SET key:… value` on the engine without sockets, timing each. Beside
//! it, before and after, the same loop without the engine shows what the machine itself does to whoever runs on it.

use rustredis::engine::{Engine, clients::Client, config::Config, session::Session, worker::Worker};
use rustredis::resp::OwnedArgs;
use std::sync::Arc;
use std::time::{Duration, Instant};

#[global_allocator]
static ALLOCATOR: rustredis::base::alloc::Counting = rustredis::base::alloc::Counting;

/// Counts by power of two of nanoseconds, and the slowest.
struct Times {
    counts: [u64; 40],
    worst: Duration,
    slow: u64,
    sum: Duration,
}

impl Times {
    fn new() -> Self {
        Times { counts: [0; 40], worst: Duration::ZERO, slow: 0, sum: Duration::ZERO }
    }

    fn add(&mut self, t: Duration) {
        self.counts[(64 - (t.as_nanos() as u64).leading_zeros() as usize).min(39)] += 1;
        self.worst = self.worst.max(t);
        self.slow += u64::from(t > Duration::from_millis(1));
        self.sum += t;
    }

    /// An upper bound of the quantile.
    fn quantile(&self, q: f64) -> Duration {
        let all: u64 = self.counts.iter().sum();
        let mut left = (all as f64 * q) as u64;
        for (i, n) in self.counts.iter().enumerate() {
            if left < *n {
                return Duration::from_nanos(1 << i);
            }
            left -= n;
        }
        self.worst
    }

    fn print(&self, name: &str) {
        println!(
            "{name:<28} mean {:>6.0} ns   p99.9 < {:>9.1?}   p99.999 < {:>9.1?}   worst {:>9.1?}   over 1 ms: {}",
            self.sum.as_nanos() as f64 / self.counts.iter().sum::<u64>().max(1) as f64,
            self.quantile(0.999),
            self.quantile(0.99999),
            self.worst,
            self.slow
        );
    }
}

/// What the machine does to a loop of this length.
fn noise(for_how_long: Duration) -> Times {
    let mut times = Times::new();
    let started = Instant::now();
    let mut last = started;
    while last - started < for_how_long {
        let now = Instant::now();
        times.add(now - last);
        last = now;
    }
    times
}

fn main() {
    let keys: u64 = std::env::args().filter_map(|a| a.parse().ok()).next().unwrap_or(20_000_000);
    rustredis::commands::install();
    std::thread::spawn(|| rustredis::data::slab::keep_spare());
    let now_ms = 1_700_000_000_000;
    let config = Config::default();
    config.proto_max_bulk_len.set(512 << 20);
    let engine = Engine::new(config, 1, 16, now_ms);
    let mut worker = Worker::new(engine, 0, 1);
    let mut session = Session::new(Arc::new(Client::new(1, "", "", 0, now_ms)), true);
    noise(Duration::from_secs(3)).print("the machine alone, before");
    let mut times = Times::new();
    let value = "x".repeat(32);
    let started = Instant::now();
    for i in 0..keys {
        let words = OwnedArgs::new(["SET", format!("key:{i:012}").as_str(), value.as_str()]);
        let at = Instant::now();
        worker.begin(now_ms);
        worker.run_words(&mut session, &words);
        worker.access.leave();
        times.add(at.elapsed());
        worker.reply.clear();
    }
    let took = started.elapsed();
    times.print(&format!("{keys} insertions"));
    noise(Duration::from_secs(3)).print("the machine alone, after");
    println!(
        "{:.1} s for all; every insertion over 1 ms beyond the machine's own counts against us",
        took.as_secs_f64()
    );
    std::process::exit(0);
}
