//! A soak: all types, expiry, messages, waiting, scripts, transactions, saves, a replica, and connections that come and go, for as
//! long as one likes (`SOAK_SECONDS=3600`). Memory, descriptors, threads and latency have to stay where they were.
//!
//! `SOAK_RATE=1500` asks no more commands a second than that, for a machine that has other things to do; `SOAK_LOG=FILE` takes
//! a line of figures a minute; `RUSTREDIS_BIN=FILE` is the server, where the test's own build is too slow.

mod common;

#[path = "soak/load.rs"]
mod load;

use common::{Conn, Kind, Options, Server, env_number, repl::settle};
use load::Plan;
use std::fmt::Display;
use std::io::Write;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

/// What is looked at, of one server.
#[derive(Clone, Debug, Default)]
struct Look {
    used: u64,
    resident_kib: u64,
    keys: u64,
    threads: usize,
    descriptors: usize,
}

fn info(conn: &mut Conn, field: &str) -> u64 {
    common::repl::number(conn, "everything", field) as u64
}

fn look(server: &Server, conn: &mut Conn) -> Look {
    Look {
        used: info(conn, "used_memory"),
        resident_kib: server.memory_kib("VmRSS"),
        keys: conn.line("DBSIZE").trim_matches([':', '\\', 'r', 'n']).parse().expect("a count"),
        threads: count(server, "task"),
        descriptors: count(server, "fd"),
    }
}

/// Entries of `/proc/<pid>/task` or `/fd`.
fn count(server: &Server, what: &str) -> usize {
    std::fs::read_dir(format!("/proc/{}/{what}", server.pid())).expect("it runs").count()
}

/// Times of a probe in microseconds, between two looks: its requests' median and 99th percentile, and by how much it slept longer
/// than it wanted, the 99th percentile too. That is what the machine adds for who has nothing to do with any server.
fn probe(conn: &mut Conn, until: Instant) -> (u64, u64, u64) {
    const PAUSE: Duration = Duration::from_millis(5);
    let (mut all, mut late) = (Vec::new(), Vec::new());
    while Instant::now() < until {
        let begun = Instant::now();
        conn.ask(&["GET", "probe"]);
        all.push(begun.elapsed().as_micros() as u64);
        let begun = Instant::now();
        std::thread::sleep(PAUSE);
        late.push(begun.elapsed().saturating_sub(PAUSE).as_micros() as u64);
    }
    let at = |all: &mut Vec<u64>, share: usize| {
        all.sort_unstable();
        all.get(all.len() * share / 100).copied().unwrap_or_default()
    };
    (at(&mut all, 50), at(&mut all, 99), at(&mut late, 99))
}

/// Lets go of what is held, waits until everybody has left, and tells descriptors, threads and used memory.
fn rest(server: &Server) -> (usize, usize, u64) {
    let mut conn = server.connect();
    for line in ["FLUSHALL SYNC", "SCRIPT FLUSH SYNC", "SLOWLOG RESET", "LATENCY RESET"] {
        conn.line(line);
    }
    let deadline = Instant::now() + common::PATIENCE;
    let busy = ["rdb_bgsave_in_progress", "aof_rewrite_in_progress", "aof_rewrite_scheduled"];
    while info(&mut conn, "connected_clients") > 1 || busy.iter().any(|field| info(&mut conn, field) > 0) {
        assert!(Instant::now() < deadline, "it does not come to rest: {}", conn.line("CLIENT LIST"));
        std::thread::sleep(Duration::from_millis(20));
    }
    (count(server, "fd"), count(server, "task"), info(&mut conn, "used_memory"))
}

/// A server, its replica, and what a [`probe`] saw.
type Seen = (Look, Look, (u64, u64, u64));

/// One line of the file that `SOAK_LOG` names.
fn record(file: Option<&mut std::fs::File>, words: &[&dyn Display]) {
    if let Some(file) = file {
        let line: Vec<String> = words.iter().map(ToString::to_string).collect();
        writeln!(file, "{}", line.join("\t")).expect("SOAK_LOG takes a line");
    }
}

/// The whole load for so long, looked at sixteen times, or each minute.
fn phase(server: &Server, replica: &Server, length: Duration, seed: u64) -> Vec<Seen> {
    let windows = (length.as_secs() / 60).max(16) as u32;
    let mut file = std::env::var_os("SOAK_LOG")
        .map(|path| std::fs::OpenOptions::new().create(true).append(true).open(path).expect("SOAK_LOG can be written"));
    record(
        file.as_mut(),
        &[
            &"s",
            &"commands",
            &"connections",
            &"used KiB",
            &"RSS KiB",
            &"descriptors",
            &"threads",
            &"keys",
            &"p50 µs",
            &"p99 µs",
            &"machine's p99 µs",
            &"replica: used KiB",
            &"RSS KiB",
            &"descriptors",
            &"threads",
        ],
    );
    let (mut conn, mut probing, mut following) = (server.connect(), server.connect(), replica.connect());
    let plan = Plan::new(server.port, env_number("SOAK_RATE", 0));
    let mut looks = Vec::new();
    std::thread::scope(|s| {
        for n in 0..3 {
            let plan = &plan;
            s.spawn(move || load::busy(plan, seed + n));
            s.spawn(move || load::waiting(plan, seed + 10 + n));
            s.spawn(move || load::passing(plan, seed + 20 + n));
        }
        let begun = Instant::now();
        for window in 1..=windows {
            let timed = probe(&mut probing, begun + length * window / windows);
            conn.line(if window % 2 == 0 { "BGSAVE" } else { "BGREWRITEAOF" });
            let now = (look(server, &mut conn), look(replica, &mut following), timed);
            let elapsed = begun.elapsed().as_secs();
            eprintln!("{elapsed:4} s {now:?}");
            let (l, r) = (&now.0, &now.1);
            let (asked, connected) = (plan.commands.load(Relaxed), plan.connections.load(Relaxed));
            record(
                file.as_mut(),
                &[
                    &elapsed,
                    &asked,
                    &connected,
                    &(l.used / 1024),
                    &l.resident_kib,
                    &l.descriptors,
                    &l.threads,
                    &l.keys,
                    &timed.0,
                    &timed.1,
                    &timed.2,
                    &(r.used / 1024),
                    &r.resident_kib,
                    &r.descriptors,
                    &r.threads,
                ],
            );
            looks.push(now);
        }
        plan.over.store(true, Relaxed);
        // Whoever listens is woken, and sees that it is over.
        for n in 0..400 {
            conn.line("PUBLISH news:1 over");
            conn.line(&format!("SET s:1 {n}"));
        }
    });
    let (commands, connections) = (plan.commands.load(Relaxed), plan.connections.load(Relaxed));
    eprintln!("{commands} commands, {connections} connections, {} expired", info(&mut conn, "expired_keys"));
    // Whatever was to expire has: the longest had three seconds. Until then a primary drops a field a moment before its replica hears of it.
    std::thread::sleep(Duration::from_secs(4));
    settle(server, replica, "after the load");
    looks
}

#[test]
fn nothing_grows() {
    let (seconds, seed) = (env_number("SOAK_SECONDS", 20), env_number("SEED", u64::from(std::process::id())));
    eprintln!("SEED={seed} SOAK_SECONDS={seconds}");
    // Not the histograms of latencies: each command has 24 rows of 1 KiB a worker, made when a time first falls into one, and
    // those of rare times are made in the course of hours (3.8 MB in all, seen in 36 minutes).
    let words = "--threads 2 --appendonly yes --notify-keyspace-events KEA --repl-diskless-sync-delay 0 \
                 --auto-aof-rewrite-min-size 8mb --latency-tracking no";
    let server = Server::start(Kind::Rustredis, &Options::args(words));
    let replica =
        Server::start(Kind::Rustredis, &Options::args(&format!("--threads 1 --replicaof 127.0.0.1 {}", server.port)));
    // A short one first, so that what is made once is there.
    let short = Duration::from_secs((seconds / 10).max(2));
    phase(&server, &replica, short, seed);
    let before = rest(&server);
    let looks = phase(&server, &replica, Duration::from_secs(seconds) - short, seed + 100);
    let after = rest(&server);
    eprintln!("at rest: descriptors, threads, used: {before:?} → {after:?}");
    judge(&looks, seconds >= LONG, before, after);
}

/// Seconds of a soak that is long enough to judge latency by.
const LONG: u64 = 300;

/// The second quarter beside the last.
fn judge(looks: &[Seen], long: bool, before: (usize, usize, u64), after: (usize, usize, u64)) {
    let quarter = looks.len() / 4;
    let (early, late) = (&looks[quarter..2 * quarter], &looks[3 * quarter..]);
    type Figure<'a> = (&'a str, &'a dyn Fn(&Seen) -> u64, u64);
    let figures: [Figure; 7] = [
        ("used KiB", &|l| l.0.used / 1024, 4096),
        ("resident KiB", &|l| l.0.resident_kib, 16384),
        ("the replica's used KiB", &|l| l.1.used / 1024, 4096),
        ("the replica's resident KiB", &|l| l.1.resident_kib, 16384),
        ("keys", &|l| l.0.keys, 2000),
        ("threads", &|l| (l.0.threads + l.1.threads) as u64, 4),
        ("descriptors", &|l| (l.0.descriptors + l.1.descriptors) as u64, 12),
    ];
    for (name, of, slack) in figures {
        let most = |part: &[Seen]| part.iter().map(of).max().unwrap_or_default();
        eprintln!("{name}: {} → {}", most(early), most(late));
        assert!(
            most(late) <= most(early) + most(early) / 8 + slack,
            "{name} grew from {} to {}",
            most(early),
            most(late)
        );
    }
    // The median of windows: one disturbance by others is not the server's.
    let median = |part: &[Seen], of: fn(&Seen) -> u64| {
        let mut all: Vec<u64> = part.iter().map(of).collect();
        all.sort_unstable();
        all[all.len() / 2]
    };
    let (early_us, late_us, machine_us) = (median(early, |l| l.2.1), median(late, |l| l.2.1), median(late, |l| l.2.2));
    eprintln!(
        "99th percentile of the probe: {early_us} → {late_us} µs, of which the machine's own at the end: {machine_us} µs"
    );
    // In a short one a build beside it would be judged, not the server. A request waits for three threads: the probe's, a worker's, and
    // what the worker waits for.
    assert!(!long || late_us <= 4 * early_us + 20_000 + 3 * machine_us, "latency grew");
    assert_eq!(before.0, after.0, "descriptors stay open");
    assert_eq!(before.1, after.1, "threads stay");
    assert!(after.2 <= before.2 + (1 << 20), "used memory at rest grew from {} to {}", before.2, after.2);
}
