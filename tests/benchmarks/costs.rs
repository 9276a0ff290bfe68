//! What commands on collections cost as these grow from a thousand elements to a million: what is O(log n) may gain a
//! little at every step, what is O(n) would show at once.
//!
//! `cargo bench --bench costs`, with a number behind `--` for collections of no more elements. Nanoseconds a command, executed on the engine without sockets.

use rustredis::engine::{Engine, clients::Client, config::Config, session::Session, worker::Worker};
use rustredis::resp::OwnedArgs;
use std::sync::Arc;
use std::time::{Duration, Instant};

#[global_allocator]
static ALLOCATOR: rustredis::base::alloc::Counting = rustredis::base::alloc::Counting;

const SIZES: [usize; 4] = [1_000, 10_000, 100_000, 1_000_000];
/// As long as each figure is measured.
const TIME: Duration = Duration::from_millis(60);

/// Commands by name; `{i}` is a random element's number, `{j}` another's.
const COSTS: &[(&str, &str)] = &[
    ("O(1)", "ZSCORE zset member:{i}"),
    ("O(log n)", "ZRANK zset member:{i}"),
    ("O(log n)", "ZRANGE zset {i} {i}"),
    ("O(log n)", "ZREVRANGE zset {i} {i}"),
    ("O(log n)", "ZRANGE zset {i} +inf BYSCORE LIMIT 0 1"),
    ("O(log n)", "ZCOUNT zset {i} {j}"),
    ("O(log n)", "ZADD zset {j} member:{i}"),
    ("O(log n)", "ZINCRBY zset 1 member:{i}"),
    ("O(1)", "ZRANDMEMBER zset"),
    ("O(1)", "HGET hash field:{i}"),
    ("O(1)", "HSET hash field:{i} value"),
    ("O(1)", "HRANDFIELD hash"),
    ("O(1)", "SISMEMBER set member:{i}"),
    ("O(1)", "SRANDMEMBER set"),
    ("O(1)", "SSCAN set 0"),
    ("O(1)", "LPUSH list item && LPOP list"),
    ("O(1)", "LINDEX list 3"),
    ("O(n) by nodes", "LINDEX list {i}"),
    ("O(n) by nodes", "LSET list {i} item"),
    ("O(n) by nodes", "LRANGE list {i} {i}"),
    ("O(log n)", "XRANGE stream {i}-1 + COUNT 1"),
    ("O(log n)", "XREAD COUNT 1 STREAMS stream {i}-1"),
    ("O(1)", "XADD stream * f v"),
];

struct Bench {
    worker: Worker,
    session: Session,
    rng: rustredis::base::rng::Rng,
}

impl Bench {
    fn new() -> Bench {
        let (now_ms, config) = (1_700_000_000_000, Config::default());
        config.proto_max_bulk_len.set(512 << 20);
        let engine = Engine::new(config, 1, 16, now_ms);
        Bench {
            worker: Worker::new(engine, 0, 1),
            session: Session::new(Arc::new(Client::new(1, "", "", 0, now_ms)), true),
            rng: rustredis::base::rng::Rng::new(1),
        }
    }

    fn run(&mut self, words: &OwnedArgs) {
        self.worker.begin(1_700_000_000_000);
        self.worker.run_words(&mut self.session, words);
        self.worker.access.leave();
        assert!(
            !self.worker.reply.to_bytes().starts_with(b"-"),
            "{}",
            String::from_utf8_lossy(&self.worker.reply.to_bytes())
        );
        self.worker.reply.clear();
    }

    fn fill(&mut self, n: usize) {
        for i in 0..n {
            for line in [
                format!("ZADD zset {i} member:{i}"),
                format!("HSET hash field:{i} value"),
                format!("SADD set member:{i}"),
                "RPUSH list item".to_owned(),
                format!("XADD stream {}-1 f v", i + 1),
            ] {
                self.run(&OwnedArgs::new(line.split(' ')));
            }
        }
    }

    /// Nanoseconds of one execution of the line, on average.
    fn cost(&mut self, line: &str, n: usize) -> f64 {
        let lines: Vec<OwnedArgs> = (0..1000)
            .flat_map(|_| {
                let (a, b) = (self.rng.below(n as u64), self.rng.below(n as u64));
                let line = line.replace("{i}", &a.to_string()).replace("{j}", &b.to_string());
                line.split(" && ").map(|part| OwnedArgs::new(part.split(' '))).collect::<Vec<_>>()
            })
            .collect();
        let (started, mut times) = (Instant::now(), 0);
        while started.elapsed() < TIME {
            lines.iter().for_each(|words| self.run(words));
            times += 1000;
        }
        started.elapsed().as_nanos() as f64 / f64::from(times)
    }
}

fn main() {
    rustredis::commands::install();
    let most: usize = std::env::args().filter_map(|a| a.parse().ok()).next().unwrap_or(SIZES[SIZES.len() - 1]);
    let sizes: Vec<usize> = SIZES.into_iter().filter(|n| *n <= most).collect();
    let mut table = vec![Vec::new(); COSTS.len()];
    for n in sizes.iter().copied() {
        let mut bench = Bench::new();
        bench.fill(n);
        for (row, (_, line)) in table.iter_mut().zip(COSTS) {
            row.push(bench.cost(line, n));
        }
    }
    println!(
        "| ns a command, n = | {} | documented |",
        sizes.iter().map(usize::to_string).collect::<Vec<_>>().join(" | ")
    );
    println!("|---|{}---|", "---|".repeat(sizes.len()));
    for (row, (documented, line)) in table.iter().zip(COSTS) {
        let row: Vec<String> = row.iter().map(|ns| format!("{ns:.0}")).collect();
        println!("| `{line}` | {} | {documented} |", row.join(" | "));
    }
    std::process::exit(0);
}
