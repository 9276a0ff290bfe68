//! A soak: all types, expiry, messages, waiting, scripts, transactions, saves, a replica, and connections that come and go, for as
//! long as one likes (`SOAK_SECONDS=3600`). Memory, descriptors, threads and latency have to stay where they were.

mod common;

#[path = "soak/load.rs"]
mod load;

use common::{Conn, Kind, Options, Server, env_number, repl::settle};
use load::Plan;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

/// What is looked at, of one server.
#[derive(Clone, Debug, Default)]
struct Look {
    used: u64,
    resident_kib: u64,
    keys: u64,
    threads: usize,
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
    }
}

/// Entries of `/proc/<pid>/task` or `/fd`.
fn count(server: &Server, what: &str) -> usize {
    std::fs::read_dir(format!("/proc/{}/{what}", server.pid())).expect("it runs").count()
}

/// Times of a probe in microseconds, between two looks: the median and the 99th percentile.
fn probe(conn: &mut Conn, until: Instant) -> (u64, u64) {
    let mut all = Vec::new();
    while Instant::now() < until {
        let begun = Instant::now();
        conn.ask(&["GET", "probe"]);
        all.push(begun.elapsed().as_micros() as u64);
        std::thread::sleep(Duration::from_millis(2));
    }
    all.sort_unstable();
    let at = |share: usize| all.get(all.len() * share / 100).copied().unwrap_or_default();
    (at(50), at(99))
}

/// Lets go of what is held: keys, scripts, clients.
fn rest(server: &Server, conn: &mut Conn) -> (usize, usize, u64) {
    for line in ["FLUSHALL SYNC", "SCRIPT FLUSH SYNC", "SLOWLOG RESET", "LATENCY RESET"] {
        conn.line(line);
    }
    let deadline = Instant::now() + Duration::from_secs(30);
    let busy = |conn: &mut Conn| {
        info(conn, "connected_clients") > 1 || info(conn, "rdb_bgsave_in_progress") + info(conn, "aof_rewrite_in_progress") > 0
    };
    while busy(conn) {
        assert!(Instant::now() < deadline, "it does not come to rest: {}", conn.line("CLIENT LIST"));
        std::thread::sleep(Duration::from_millis(20));
    }
    (count(server, "fd"), count(server, "task"), info(conn, "used_memory"))
}

#[test]
fn nothing_grows() {
    let (seconds, seed) = (env_number("SOAK_SECONDS", 20), env_number("SEED", u64::from(std::process::id())));
    eprintln!("SEED={seed} SOAK_SECONDS={seconds}");
    let words = "--threads 2 --appendonly yes --notify-keyspace-events KEA --repl-diskless-sync-delay 0 \
                 --auto-aof-rewrite-min-size 8mb --client-output-buffer-limit pubsub 8mb 2mb 5";
    let server = Server::start(Kind::Rustredis, &Options::args(words));
    let primary = format!("--threads 1 --replicaof 127.0.0.1:{}", server.port).replace(':', " ");
    let replica = Server::start(Kind::Rustredis, &Options::args(&primary));
    let (mut conn, mut probing) = (server.connect(), server.connect());
    let mut looks: Vec<(Look, Look, (u64, u64))> = Vec::new();
    let mut at_rest = Vec::new();
    // Twice a beginning, so that what is made once only is there; then the length of it.
    for length in [seconds / 10, seconds - seconds / 10] {
        let plan = Plan {
            port: server.port,
            over: false.into(),
            commands: 0.into(),
            connections: 0.into(),
        };
        std::thread::scope(|s| {
            for n in 0..3 {
                let plan = &plan;
                s.spawn(move || load::busy(plan, seed + n));
                s.spawn(move || load::waiting(plan, seed + 10 + n));
                s.spawn(move || load::passing(plan, seed + 20 + n));
            }
            let (begun, all) = (Instant::now(), Duration::from_secs(length.max(2)));
            let windows = 16;
            let mut following = replica.connect();
            for window in 1..=windows {
                let timed = probe(&mut probing, begun + all * window / windows);
                conn.line(if window % 2 == 0 { "BGSAVE" } else { "BGREWRITEAOF" });
                let now = (look(&server, &mut conn), look(&replica, &mut following), timed);
                if length > seconds / 10 {
                    eprintln!("{:4} s {now:?}", begun.elapsed().as_secs());
                    looks.push(now);
                }
            }
            plan.over.store(true, Relaxed);
            // Whoever listens is woken, until nobody does.
            for n in 0..400 {
                conn.line("PUBLISH news:1 over");
                conn.line(&format!("SET s:1 {n}"));
            }
        });
        eprintln!(
            "{} commands, {} connections, {} expired",
            plan.commands.load(Relaxed),
            plan.connections.load(Relaxed),
            info(&mut conn, "expired_keys")
        );
        settle(&server, &replica, "after the load");
        drop(std::mem::replace(&mut probing, server.connect()));
        let mut only = server.connect();
        (conn, probing) = (server.connect(), server.connect());
        drop((std::mem::replace(&mut conn, Conn::open(server.port)), std::mem::replace(&mut probing, Conn::open(server.port))));
        (conn, probing) = {
            let pair = (server.connect(), server.connect());
            only.line("CLIENT KILL TYPE normal SKIPME yes");
            let rested = rest(&server, &mut only);
            eprintln!("at rest: descriptors, threads, used: {rested:?}");
            at_rest.push(rested);
            drop(pair);
            (only, server.connect())
        };
    }
    judge(&looks, &at_rest);
}

fn judge(looks: &[(Look, Look, (u64, u64))], at_rest: &[(usize, usize, u64)]) {
    let quarter = looks.len() / 4;
    let (early, late) = (&looks[quarter..2 * quarter], &looks[3 * quarter..]);
    let most = |part: &[(Look, Look, (u64, u64))], of: &dyn Fn(&(Look, Look, (u64, u64))) -> u64| {
        part.iter().map(of).max().unwrap_or_default()
    };
    type Figure<'a> = (&'a str, &'a dyn Fn(&(Look, Look, (u64, u64))) -> u64, u64);
    let figures: [Figure; 5] = [
        ("used memory", &|l| l.0.used / 1024, 4096),
        ("resident KiB", &|l| l.0.resident_kib, 16384),
        ("replica's used memory", &|l| l.1.used / 1024, 4096),
        ("replica's resident KiB", &|l| l.1.resident_kib, 16384),
        ("keys", &|l| l.0.keys, 2000),
    ];
    for (name, of, slack) in figures {
        let (before, after) = (most(early, of), most(late, of));
        eprintln!("{name}: {before} → {after}");
        assert!(after <= before + before / 8 + slack, "{name} grew from {before} to {after}");
    }
    // The median of windows: one disturbance by others is not the server's.
    let median = |part: &[(Look, Look, (u64, u64))]| {
        let mut all: Vec<u64> = part.iter().map(|l| l.2.1).collect();
        all.sort_unstable();
        all[all.len() / 2]
    };
    let (before, after) = (median(early), median(late));
    eprintln!("99th percentile of the probe: {before} → {after} µs");
    assert!(after <= 4 * before + 20_000, "latency grew from {before} to {after} µs");
    let (first, last) = (at_rest[0], at_rest[1]);
    assert_eq!(first.0, last.0, "descriptors stay open");
    assert_eq!(first.1, last.1, "threads stay");
    assert!(last.2 <= first.2 + (1 << 20), "used memory at rest grew from {} to {}", first.2, last.2);
}
