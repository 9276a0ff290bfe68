//! Many clients on several worker threads: EXEC is all or nothing for every reader, blocked clients are served in the order in
//! which they came, and nothing that passes through a queue is lost or doubled.

mod common;

use common::rng::Rng;
use common::{Conn, Kind, Options, Server, env_number};
use std::collections::HashSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

fn server(threads: usize) -> Server {
    Server::start(Kind::Rustredis, &Options::args(&format!("--threads {threads}")))
}

fn ask(conn: &mut Conn, line: &str) -> String {
    conn.line(line)
}

/// Waits until exactly so many clients are blocked, as INFO tells.
fn wait_for_blocked(conn: &mut Conn, count: usize) {
    let (until, want) = (Instant::now() + common::PATIENCE, format!("\r\nblocked_clients:{count}\r\n"));
    while !String::from_utf8_lossy(&conn.ask(&["INFO", "clients"])).contains(&want) {
        assert!(Instant::now() < until, "there are not {count} blocked clients");
        std::thread::yield_now();
    }
}

#[test]
fn exec_is_seen_whole_or_not_at_all() {
    for threads in [1, 4] {
        let server = server(threads);
        let accounts = 40usize;
        let mut first = server.connect();
        let start: Vec<String> = (0..accounts).flat_map(|i| [format!("account:{i}"), "100".into()]).collect();
        first.ask(&[vec!["MSET".to_string()], start].concat());
        let every: Vec<String> = (0..accounts).map(|i| format!("account:{i}")).collect();
        let (done, seed) = (AtomicBool::new(false), env_number("SEED", 1));
        std::thread::scope(|s| {
            let writers: Vec<_> = (0..4)
                .map(|w| {
                    let server = &server;
                    s.spawn(move || {
                        let (mut conn, mut rng) = (server.connect(), Rng::new(seed + w));
                        for _ in 0..600 {
                            let (a, b) = (rng.below(accounts), rng.below(accounts));
                            for line in ["MULTI", &format!("DECR account:{a}"), &format!("INCR account:{b}")] {
                                ask(&mut conn, line);
                            }
                            assert!(ask(&mut conn, "EXEC").starts_with("*2"), "seed {seed}");
                        }
                    })
                })
                .collect();
            for _ in 0..3 {
                s.spawn(|| {
                    let mut conn = server.connect();
                    let ask_all = [vec!["MGET".to_string()], every.clone()].concat();
                    while !done.load(Relaxed) {
                        let reply = String::from_utf8(conn.ask(&ask_all)).unwrap();
                        let sum: i64 = reply
                            .split("\r\n")
                            .filter(|l| !l.starts_with(['$', '*']))
                            .flat_map(str::parse::<i64>)
                            .sum();
                        assert_eq!(sum, 100 * accounts as i64, "seed {seed}: a transfer was seen by half");
                    }
                });
            }
            writers.into_iter().for_each(|w| w.join().unwrap());
            done.store(true, Relaxed);
        });
    }
}

#[test]
fn watch_lets_only_one_of_two_through() {
    let server = server(4);
    server.connect().line("SET counter 0");
    let clients = 6;
    std::thread::scope(|s| {
        for _ in 0..clients {
            s.spawn(|| {
                let mut conn = server.connect();
                for _ in 0..100 {
                    loop {
                        ask(&mut conn, "WATCH counter");
                        let now = ask(&mut conn, "GET counter");
                        let n: u64 = now.split(r"\r\n").nth(1).unwrap().parse().unwrap();
                        ask(&mut conn, "MULTI");
                        ask(&mut conn, &format!("SET counter {}", n + 1));
                        if ask(&mut conn, "EXEC").starts_with("*1") {
                            break;
                        }
                    }
                }
            });
        }
    });
    assert_eq!(server.connect().line("GET counter"), format!(r"$3\r\n{}\r\n", clients * 100));
}

#[test]
fn the_longest_waiting_is_served_first() {
    for threads in [1, 4] {
        let server = server(threads);
        let mut judge = server.connect();
        let mut waiting = Vec::new();
        for i in 0..40 {
            let mut conn = server.connect();
            conn.send(&["BLPOP", "other", "queue", "0"]).unwrap();
            waiting.push(conn);
            wait_for_blocked(&mut judge, i + 1);
        }
        // Each push is served before the writer can see its own element again.
        let mut writer = server.connect();
        for i in 0..20 {
            writer.send_raw(format!("RPUSH queue item{i}\r\nLLEN queue\r\n").as_bytes()).unwrap();
            assert_eq!(writer.read_reply().unwrap(), b":1\r\n");
            assert_eq!(writer.read_reply().unwrap(), b":0\r\n", "the writer saw what a waiter should have had");
        }
        let many: Vec<String> = (20..40).map(|i| format!("item{i}")).collect();
        writer.ask(&[vec!["RPUSH".to_string(), "queue".into()], many].concat());
        for (i, conn) in waiting.iter_mut().enumerate() {
            let item = format!("item{i}");
            let want = format!("*2\r\n$5\r\nqueue\r\n${}\r\n{item}\r\n", item.len());
            assert_eq!(
                String::from_utf8(conn.read_reply().unwrap()).unwrap(),
                want,
                "out of order with {threads} threads"
            );
        }
    }
}

#[test]
fn a_queue_neither_loses_nor_doubles() {
    let server = server(4);
    let (producers, each, got) = (3, 1500, Mutex::new(Vec::new()));
    let producing = AtomicUsize::new(producers);
    std::thread::scope(|s| {
        for p in 0..producers {
            let (server, producing) = (&server, &producing);
            s.spawn(move || {
                let mut conn = server.connect();
                for i in 0..each {
                    ask(&mut conn, &format!("LPUSH jobs {p}:{i}"));
                }
                producing.fetch_sub(1, Relaxed);
            });
        }
        for c in 0..6 {
            let (server, got, producing) = (&server, &got, &producing);
            s.spawn(move || {
                let mut conn = server.connect();
                loop {
                    // Nothing for a second is the end only if nobody is to bring anything.
                    let over = producing.load(Relaxed) == 0;
                    // Half of them move jobs on to a list of their own, which they then pop.
                    let reply = match c % 2 {
                        0 => ask(&mut conn, "BRPOP jobs 1"),
                        _ => ask(&mut conn, &format!("BLMOVE jobs mine:{c} RIGHT LEFT 1")),
                    };
                    if reply.starts_with("*-1") || reply.starts_with("$-1") {
                        if over {
                            return;
                        }
                        continue;
                    }
                    let job = if c % 2 == 0 { reply } else { ask(&mut conn, &format!("LPOP mine:{c}")) };
                    got.lock().unwrap().push(job.split(r"\r\n").filter(|l| !l.is_empty()).last().unwrap().to_owned());
                }
            });
        }
    });
    let got = got.into_inner().unwrap();
    assert_eq!(got.len(), producers * each);
    assert_eq!(got.iter().collect::<HashSet<_>>().len(), got.len(), "a job was handed out twice");
}

#[test]
fn waits_end_by_time_by_command_and_by_leaving() {
    let server = server(2);
    let mut judge = server.connect();
    let mut conn = server.connect();
    let started = Instant::now();
    assert_eq!(ask(&mut conn, "BLPOP nothing 0.2"), r"*-1\r\n");
    assert!(started.elapsed() >= Duration::from_millis(190));
    let id = ask(&mut conn, "CLIENT ID").trim_matches(|c: char| !c.is_ascii_digit()).to_owned();
    for (how, want) in [("TIMEOUT", "*-1\r\n"), ("ERROR", "-UNBLOCKED client unblocked via CLIENT UNBLOCK\r\n")] {
        conn.send(&["BLPOP", "nothing", "0"]).unwrap();
        wait_for_blocked(&mut judge, 1);
        assert_eq!(ask(&mut judge, &format!("CLIENT UNBLOCK {id} {how}")), r":1\r\n");
        assert_eq!(conn.read_reply().unwrap(), want.as_bytes());
        assert_eq!(ask(&mut judge, &format!("CLIENT UNBLOCK {id} {how}")), r":0\r\n");
    }
    // Who leaves takes nothing along.
    conn.send(&["BLPOP", "queue", "0"]).unwrap();
    wait_for_blocked(&mut judge, 1);
    drop(conn);
    wait_for_blocked(&mut judge, 0);
    assert_eq!(ask(&mut judge, "RPUSH queue kept"), r":1\r\n");
    assert_eq!(ask(&mut judge, "LLEN queue"), r":1\r\n");
    // What is pipelined behind a blocking command runs once it is over; inside EXEC it does not block.
    let mut conn = server.connect();
    conn.send_raw(b"BLPOP later 0\r\nPING\r\nMULTI\r\nBLPOP later 0\r\nEXEC\r\n").unwrap();
    wait_for_blocked(&mut judge, 1);
    ask(&mut judge, "RPUSH later x");
    assert_eq!(conn.read_reply().unwrap(), b"*2\r\n$5\r\nlater\r\n$1\r\nx\r\n");
    for want in ["+PONG\r\n", "+OK\r\n", "+QUEUED\r\n", "*1\r\n*-1\r\n"] {
        assert_eq!(String::from_utf8(conn.read_reply().unwrap()).unwrap(), want);
    }
}
