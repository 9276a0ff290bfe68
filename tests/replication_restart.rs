//! Going on after a restart: snapshots and logs tell of the history that they are of, so that neither side needs a whole copy. And
//! listeners that come and go while several workers write.

mod common;

use common::repl::{field, follow, number, peers, seed, settle, until};
use common::{Conn, Kind, Options, Rng, Server};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// A server that can be started again where it was: with a configuration file, and saving when it ends.
fn keeping(kind: Kind, args: &[&str]) -> Server {
    let mut all: Vec<String> = ["--repl-diskless-sync-delay", "0", "--save", "3600 1"].map(str::to_owned).to_vec();
    all.extend(args.iter().map(|a| (*a).to_owned()));
    Server::start(kind, &Options { args: all, ..Options::default() })
}

fn stop(server: &mut Server) {
    common::repl::signal(server, "TERM");
    assert!(server.wait(common::PATIENCE).is_some(), "{}", server.log());
}

fn write(conn: &mut Conn, from: usize) {
    for n in from..from + 50 {
        conn.line(&format!("SELECT {}", n % 3));
        conn.line(&format!("SET k{n} {n}"));
        conn.line("RPUSH list a b c");
    }
}

/// The replica is started again; then, where that is ours, the primary.
fn restarts(primary: Kind, replica: Kind) {
    if !peers(&[primary, replica]) {
        return;
    }
    let mut a = keeping(primary, &[]);
    let of = a.port.to_string();
    let mut b = keeping(replica, &["--replicaof", "127.0.0.1", &of]);
    settle(&a, &b, "the copy");
    write(&mut a.connect(), 0);
    settle(&a, &b, "before");
    stop(&mut b);
    write(&mut a.connect(), 50);
    b.restart();
    settle(&a, &b, "after the replica was started again");
    assert_eq!(number(&mut a.connect(), "stats", "sync_full"), 1, "{}\n---\n{}", a.log(), b.log());
    // The primary: its replica asks to go on, and may.
    stop(&mut a);
    a.restart();
    write(&mut a.connect(), 100);
    settle(&a, &b, "after the primary was started again");
    assert_eq!(number(&mut a.connect(), "stats", "sync_full"), 0, "{}\n---\n{}", a.log(), b.log());
    assert_eq!(number(&mut a.connect(), "stats", "sync_partial_ok"), 1);
}

#[test]
fn ours_and_ours_go_on() {
    restarts(Kind::Rustredis, Kind::Rustredis);
}

#[test]
fn ours_follows_redis_again() {
    restarts(Kind::Redis, Kind::Rustredis);
}

#[test]
fn ours_follows_valkey_again() {
    restarts(Kind::Valkey, Kind::Rustredis);
}

#[test]
fn redis_follows_ours_again() {
    restarts(Kind::Rustredis, Kind::Redis);
}

#[test]
fn valkey_follows_ours_again() {
    restarts(Kind::Rustredis, Kind::Valkey);
}

/// Several clients write without a pause, on two workers, while a replica comes and goes and the append-only file is switched on and
/// off. What the replica and the log have in the end is what the server has.
#[test]
fn listeners_come_and_go_under_load() {
    let many = ["--threads", "2", "--auto-aof-rewrite-percentage", "0", "--save", ""];
    let (mut a, b) = (keeping(Kind::Rustredis, &many), keeping(Kind::Rustredis, &["--threads", "2", "--save", ""]));
    let (stop, seed) = (Arc::new(AtomicBool::new(false)), seed());
    let writers: Vec<_> = (0..4u64)
        .map(|w| {
            let (stop, port) = (stop.clone(), a.port);
            std::thread::spawn(move || {
                let (mut conn, mut rng) = (Conn::open(port), Rng::new(seed + w));
                let mut n = 0u64;
                while !stop.load(Ordering::Relaxed) {
                    // Keys that all writers share, and whose end shows the order of every write.
                    let k = rng.below(20);
                    n += 1;
                    let lines = match rng.below(5) {
                        0 => format!("INCR n{k}"),
                        1 => format!("APPEND s{k} {w}:{n},"),
                        2 => format!("RPUSH l{k} {w}:{n}"),
                        3 => format!("LTRIM l{k} -50 -1"),
                        _ => format!("SET s{k} {w}:{n}"),
                    };
                    let reply = conn.line(&lines);
                    assert!(!reply.starts_with('-'), "{lines}: {reply}");
                    if n.is_multiple_of(16) {
                        for line in [
                            "MULTI",
                            &format!("RPUSH l{k} {w}"),
                            &format!("LMOVE l{k} l{} LEFT RIGHT", (k + 1) % 20),
                            "EXEC",
                        ] {
                            conn.line(line);
                        }
                    }
                }
            })
        })
        .collect();
    for round in 0..6 {
        follow_under_load(&a, &b);
        let on = a.connect().line("CONFIG SET appendonly yes");
        assert_eq!(on, "+OK\\r\\n", "{}", a.log());
        std::thread::sleep(Duration::from_millis(60));
        if round < 5 {
            b.connect().line("REPLICAOF NO ONE");
            a.connect().line("CONFIG SET appendonly no");
        }
    }
    stop.store(true, Ordering::Relaxed);
    writers.into_iter().for_each(|w| w.join().expect("a writer"));
    settle(&a, &b, "the replica");
    let digest = a.connect().line("DEBUG DIGEST");
    until(
        "the log's base is there",
        || a.log(),
        || field(&mut a.connect(), "persistence", "aof_rewrite_in_progress") == "0",
    );
    assert_eq!(a.connect().line("DEBUG LOADAOF"), "+OK\\r\\n", "{}", a.log());
    assert_eq!(a.connect().line("DEBUG DIGEST"), digest, "what the log has");
    assert!(a.alive());
}

fn follow_under_load(a: &Server, b: &Server) {
    b.connect().line(&format!("REPLICAOF 127.0.0.1 {}", a.port));
    let up = || field(&mut b.connect(), "replication", "master_link_status") == "up";
    until("it follows", || format!("{}\n---\n{}", a.log(), b.log()), up);
    std::thread::sleep(Duration::from_millis(60));
}

#[test]
fn a_log_that_is_switched_off_leaves_its_replica_alone() {
    let (a, b) = (keeping(Kind::Rustredis, &[]), keeping(Kind::Rustredis, &["--appendonly", "yes"]));
    follow(&a, &b);
    write(&mut a.connect(), 0);
    b.connect().line("CONFIG SET appendonly no");
    write(&mut a.connect(), 50);
    settle(&a, &b, "without a log");
    b.connect().line("CONFIG SET appendonly yes");
    write(&mut a.connect(), 100);
    settle(&a, &b, "with a log again");
    let digest = b.connect().line("DEBUG DIGEST");
    until("the base is there", || b.log(), || field(&mut b.connect(), "persistence", "aof_rewrite_in_progress") == "0");
    assert_eq!(b.connect().line("DEBUG LOADAOF"), "+OK\\r\\n", "{}", b.log());
    assert_eq!(b.connect().line("DEBUG DIGEST"), digest, "what the log has");
    assert_eq!(number(&mut a.connect(), "stats", "sync_full"), 1);
}
