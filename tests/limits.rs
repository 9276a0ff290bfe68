//! Limits: memory, and what clients may leave lying about. What a storm took comes back.

mod common;

#[path = "limits/floods.rs"]
mod floods;

use common::{Conn, Kind, Options, Server, command, env_number};
use std::io::{Read, Write};
use std::time::{Duration, Instant};

fn server(args: &str) -> Server {
    Server::start(Kind::Rustredis, &Options::args(args))
}

/// A number of INFO.
fn info(c: &mut Conn, name: &str) -> u64 {
    let text = String::from_utf8_lossy(&c.ask(&["INFO", "everything"])).into_owned();
    let line = text.lines().find_map(|l| l.strip_prefix(&format!("{name}:")).map(str::to_owned));
    line.unwrap_or_else(|| panic!("no {name} in INFO")).trim().parse().expect("a number")
}

fn eventually(what: &str, mut f: impl FnMut() -> bool) {
    let deadline = Instant::now() + common::PATIENCE;
    while !f() {
        assert!(Instant::now() < deadline, "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Everything that the process has open: sockets and files.
fn descriptors(server: &Server) -> usize {
    std::fs::read_dir(format!("/proc/{}/fd", server.pid())).map_or(0, |d| d.count())
}

fn threads(server: &Server) -> usize {
    std::fs::read_dir(format!("/proc/{}/task", server.pid())).map_or(0, |d| d.count())
}

#[test]
fn a_write_flood_stays_at_the_limit() {
    const LIMIT: u64 = 64 << 20;
    for policy in [
        "allkeys-lru",
        "allkeys-lfu",
        "allkeys-random",
        "volatile-lru",
        "volatile-lfu",
        "volatile-random",
        "volatile-ttl",
    ] {
        let server = server(&format!("--threads 2 --maxmemory {LIMIT} --maxmemory-policy {policy}"));
        let mut control = server.connect();
        let rounds = env_number("FLOOD_ROUNDS", 250);
        std::thread::scope(|s| {
            let floods: Vec<_> = (0..4)
                .map(|n| {
                    let mut c = server.connect();
                    s.spawn(move || {
                        let value = vec![b'x'; 1000];
                        for round in 0..rounds {
                            let mut batch = Vec::new();
                            for i in 0..100 {
                                let key = format!("{n}:{round}:{i}");
                                batch.extend(command(&[b"SET", key.as_bytes(), &value, b"EX", b"1000"]));
                            }
                            c.send_raw(&batch).expect("a flood");
                            for _ in 0..100 {
                                assert_eq!(c.read_reply().expect("a reply"), b"+OK\r\n");
                            }
                        }
                    })
                })
                .collect();
            let mut most = 0;
            while !floods.iter().all(|f| f.is_finished()) {
                most = most.max(info(&mut control, "used_memory"));
                std::thread::sleep(Duration::from_millis(5));
            }
            assert!(most < LIMIT + LIMIT / 20, "{policy}: {most} of {LIMIT}");
        });
        assert!(info(&mut control, "evicted_keys") > 0, "{policy}");
        assert!(info(&mut control, "used_memory") > LIMIT / 2, "{policy}: too much was evicted");
    }
}

/// Without churn, what `used_memory` grows by is what the process grows by.
#[test]
fn used_memory_is_true() {
    for (least, most) in [(10, 100), (100, 1000), (3000, 30_000)] {
        let server = server("--threads 1");
        let mut c = server.connect();
        let mut rng = common::Rng::new(5);
        let value = vec![b'x'; most as usize];
        let mut fill = |c: &mut Conn, from: u64, bytes: u64| {
            let mut sent = 0;
            let mut i = from;
            while sent < bytes {
                let mut batch = Vec::new();
                for _ in 0..50 {
                    let len = rng.range(least, most) as usize;
                    batch.extend(command(&[b"SET", format!("{i}").as_bytes(), &value[..len]]));
                    sent += len as u64 + 40;
                    i += 1;
                }
                c.send_raw(&batch).expect("sent");
                (0..50).for_each(|_| assert_eq!(c.read_reply().expect("a reply"), b"+OK\r\n"));
            }
            i
        };
        let figures = |c: &mut Conn| (info(c, "used_memory"), server.memory_kib("VmRSS") * 1024);
        // What a process grows by at the beginning is its own.
        let next = fill(&mut c, 0, 20 << 20);
        let before = figures(&mut c);
        fill(&mut c, next, 150 << 20);
        let after = figures(&mut c);
        let (used, resident) = (after.0 - before.0, after.1 - before.1);
        let ratio = resident as f64 / used as f64;
        eprintln!("values of {least} to {most} bytes: {ratio:.3} bytes resident for each used");
        assert!((0.97..=1.03).contains(&ratio), "{least} to {most}: used {used}, resident {resident}");
    }
}

/// What values of all sizes and shapes took goes back to the system when they go, with nobody asking for it.
#[test]
fn the_process_shrinks_when_its_keys_go() {
    for leave in ["FLUSHALL SYNC", "FLUSHALL ASYNC", "UNLINK", "DEL"] {
        let server = server("--threads 2");
        let mut c = server.connect();
        let before = server.memory_kib("VmRSS");
        let value = vec![b'x'; 30_000];
        let mut rng = common::Rng::new(11);
        let mut keys = Vec::new();
        for round in 0..150 {
            let mut batch = Vec::new();
            for i in 0..40 {
                let key = format!("{round}:{i}").into_bytes();
                let mut piece = |most| value[..rng.range(1, most) as usize].to_vec();
                let words: Vec<Vec<u8>> = match i % 4 {
                    0 => vec![b"SET".to_vec(), key.clone(), piece(30_000)],
                    1 => [vec![b"RPUSH".to_vec(), key.clone()], (0..60).map(|_| piece(300)).collect()].concat(),
                    2 => [b"HSET".to_vec(), key.clone()]
                        .into_iter()
                        .chain((0..300).map(|n| format!("{n}").into_bytes()))
                        .collect(),
                    _ => vec![b"SET".to_vec(), key.clone(), piece(2000)],
                };
                batch.extend(command(&words));
                keys.push(key);
            }
            c.send_raw(&batch).expect("sent");
            (0..40).for_each(|_| assert!(!c.read_reply().expect("a reply").starts_with(b"-")));
        }
        let full = server.memory_kib("VmRSS");
        assert!(full > before + 30_000, "{before} {full}");
        if leave.starts_with('F') {
            assert_eq!(c.line(leave), "+OK\\r\\n");
        } else {
            for some in keys.chunks(100) {
                c.ask(&[vec![leave.as_bytes().to_vec()], some.to_vec()].concat());
            }
        }
        assert_eq!(c.line("DBSIZE"), ":0\\r\\n");
        let mut after = full;
        eventually(&format!("{leave}: from {before} to {full} KiB, and stays there"), || {
            after = server.memory_kib("VmRSS");
            after < before + (full - before) / 4
        });
        eprintln!("{leave}: {before} KiB, {full} with all keys, {after} after them");
    }
}

/// Storms of every kind, again and again: threads, descriptors and memory come back to where they were.
#[test]
fn a_soak() {
    let server = server("--threads 2 --maxclients 2000");
    let mut c = server.connect();
    let storm = |busy: usize| {
        std::thread::scope(|s| {
            // Busy ones, each with a pipeline of its own, reading and writing keys that come and go.
            let busy: Vec<_> = (0..8)
                .map(|n| {
                    let mut all: Vec<Conn> = (0..busy / 8).map(|_| server.connect()).collect();
                    s.spawn(move || {
                        for round in 0..5 {
                            for (i, c) in all.iter_mut().enumerate() {
                                let key = format!("soak:{n}:{i}");
                                let mut batch = command(&["LPUSH", &key, "a", "b", "c"]);
                                batch.extend(command(&["SETEX", &format!("{key}:s"), "1", &"x".repeat(500 * round)]));
                                batch.extend(command(&[
                                    "EVAL",
                                    "return redis.call('GET', KEYS[1])",
                                    "1",
                                    &format!("{key}:s"),
                                ]));
                                batch.extend(command(&["DEL", &key]));
                                c.send_raw(&batch).expect("sent");
                            }
                            for c in &mut all {
                                (0..4).for_each(|_| drop(c.read_reply().expect("a reply")));
                            }
                        }
                    })
                })
                .collect();
            // Those who leave in the middle of everything.
            for i in 0..200 {
                let mut c = server.connect();
                let half: &[u8] = match i % 4 {
                    0 => b"*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1000000\r\nxxx",
                    1 => b"SUBSCRIBE a b c\r\nPSUBSCRIBE d*\r\n",
                    2 => b"MULTI\r\nSET a 1\r\nWATCH b\r\n",
                    _ => b"BLPOP nothing 0\r\n",
                };
                c.send_raw(half).expect("sent");
            }
            busy.into_iter().for_each(|b| b.join().expect("no panic"));
        });
    };
    let rounds = env_number("SOAK_ROUNDS", 4);
    eventually("the first one stays", || info(&mut c, "connected_clients") == 1);
    // A client is off the list a moment before its socket is closed.
    let (fds, mut after) = (descriptors(&server), Vec::new());
    for _ in 0..rounds {
        storm(1000);
        eventually("clients stay", || info(&mut c, "connected_clients") == 1);
        eventually("keys stay", || c.line("DBSIZE") == ":0\\r\\n");
        eventually("descriptors stay", || descriptors(&server) <= fds);
        after.push((descriptors(&server), threads(&server), info(&mut c, "used_memory"), server.memory_kib("VmRSS")));
    }
    eprintln!("descriptors, threads, used, resident KiB after each: {after:?}");
    let (first, last) = (after[0], after[after.len() - 1]);
    assert_eq!((first.0, first.1), (last.0, last.1), "{after:?}");
    assert!(last.2 < first.2 + (1 << 20), "used memory grows: {after:?}");
    assert!(last.3 < first.3 + first.3 / 4 + 4096, "the process grows: {after:?}");
}

#[test]
fn without_eviction_writes_are_refused_and_the_rest_goes_on() {
    let server = server("--threads 2");
    let mut c = server.connect();
    let value = "x".repeat(1 << 20);
    (0..32).for_each(|i| assert_eq!(c.ask(&["SET", &format!("k{i}"), &value]), b"+OK\r\n"));
    for line in ["MULTI", "SET a 1"] {
        c.line(line);
    }
    let mut other = server.connect();
    assert_eq!(other.line("CONFIG SET maxmemory 16mb"), "+OK\\r\\n");
    let oom = "OOM command not allowed when used memory > 'maxmemory'.";
    let escaped = common::escape(oom.as_bytes());
    assert_eq!(c.line("EXEC"), format!("-EXECABORT Transaction discarded because of: {escaped}\\r\\n"));
    for (line, want) in [
        ("SET a 1", format!("-{escaped}\\r\\n")),
        ("LPUSH l 1", format!("-{escaped}\\r\\n")),
        ("STRLEN k1", ":1048576\\r\\n".to_owned()),
        ("DEL k1 k2", ":2\\r\\n".to_owned()),
        ("EXPIRE k3 100", ":1\\r\\n".to_owned()),
    ] {
        assert_eq!(other.line(line), want, "{line}");
    }
    assert_eq!(other.line("CONFIG SET maxmemory-policy volatile-ttl"), "+OK\\r\\n");
    // One key may go: that is not enough.
    assert_eq!(other.line("SET a 1"), format!("-{escaped}\\r\\n"));
    assert_eq!(other.line("EXISTS k3"), ":0\\r\\n");
    assert_eq!(other.line("CONFIG SET maxmemory-policy allkeys-random"), "+OK\\r\\n");
    eventually("memory is not made free", || other.line("SET a 1") == "+OK\\r\\n");
    eventually("memory stays over its limit", || info(&mut other, "used_memory") <= 16 << 20);
}

/// Nothing may go, and everything is refused at once; as soon as enough may go, it goes. As in Redis, asked as well where it is
/// installed.
#[test]
fn what_cannot_be_evicted_is_not_sought_for_long() {
    for kind in [Kind::Rustredis, Kind::Redis] {
        if common::find(kind).is_none() {
            common::skip("redis-server", Kind::Redis.how_to_install());
            continue;
        }
        let args = if kind == Kind::Rustredis { "--threads 2" } else { "" };
        let server = Server::start(kind, &Options::args(args));
        let (mut c, mut writer) = (server.connect(), server.connect());
        let value = "x".repeat(1 << 20);
        (0..80).for_each(|i| assert_eq!(writer.ask(&["SET", &format!("k{i}"), &value]), b"+OK\r\n"));
        // Buffers of who wrote that are freed sooner or later: before anything is counted.
        drop(writer);
        eventually("the writer stays", || info(&mut c, "connected_clients") == 1);
        // What a value takes differs, so one of them or two have to go.
        let limit = info(&mut c, "used_memory") - 1_600_000;
        for line in ["CONFIG SET maxmemory-policy volatile-lru", &format!("CONFIG SET maxmemory {limit}")] {
            assert_eq!(c.line(line), "+OK\\r\\n");
        }
        let refused: String = ["SET", "a", "1"].iter().map(|w| format!("${}\r\n{w}\r\n", w.len())).collect();
        let refused = format!("*3\r\n{refused}").repeat(50);
        let began = Instant::now();
        for _ in 0..400 {
            c.send_raw(refused.as_bytes()).expect("sent");
            (0..50).for_each(|_| assert!(c.read_reply().expect("a reply").starts_with(b"-OOM")));
        }
        eprintln!("{kind:?}: 20000 refusals in {:?}", began.elapsed());
        let mut fits = false;
        for round in 0..4 {
            let before = c.line("SET a 1");
            assert_eq!(before == "+OK\\r\\n", fits, "{kind:?}, round {round}: {before}");
            assert_eq!(c.line(&format!("EXPIRE k{round} 100")), ":1\\r\\n");
            let after = c.line("SET a 1");
            // At the very next write it goes, if that is of any use.
            assert_eq!(c.line(&format!("EXISTS k{round}")), format!(":{}\\r\\n", i32::from(fits)), "{kind:?}");
            assert!(!fits || after == "+OK\\r\\n", "{kind:?}, round {round}: {after}");
            fits = after == "+OK\\r\\n";
        }
        assert!(fits, "{kind:?}");
    }
}

#[test]
fn evictions_are_told_and_frequencies_counted() {
    let server = server("--threads 1 --maxmemory-policy allkeys-lfu --notify-keyspace-events Ee");
    let (mut c, mut listener) = (server.connect(), server.connect());
    assert_eq!(c.line("SET hot 1"), "+OK\\r\\n");
    (0..2000).for_each(|_| assert_eq!(c.line("GET hot"), "$1\\r\\n1\\r\\n"));
    let freq: u64 = c.line("OBJECT FREQ hot").trim_matches([':', '\\', 'r', 'n']).parse().expect("a count");
    assert!((8..=40).contains(&freq), "{freq}");
    assert!(c.line("OBJECT IDLETIME hot").starts_with("-ERR An LFU maxmemory policy is selected"));
    listener.line("SUBSCRIBE __keyevent@0__:evicted");
    let used = info(&mut c, "used_memory");
    c.line(&format!("CONFIG SET maxmemory {}", used + (2 << 20)));
    let value = "x".repeat(1000);
    for i in 0..5000 {
        assert_eq!(c.ask(&["SET", &format!("cold:{i}"), &value]), b"+OK\r\n");
    }
    assert_eq!(c.line("GET hot"), "$1\\r\\n1\\r\\n");
    let told = listener.read_reply().expect("an event");
    assert!(String::from_utf8_lossy(&told).contains("cold:"), "{}", common::escape(&told));
}

#[test]
fn greedy_clients_are_evicted_and_others_are_not() {
    let server = server("--threads 2 --maxmemory-clients 20mb");
    let mut modest = server.connect();
    let mut spared = server.connect();
    assert_eq!(spared.line("CLIENT NO-EVICT on"), "+OK\\r\\n");
    let mut greedy = server.connect();
    // Announces much, sends a part, and keeps the server waiting with it.
    greedy.send_raw(b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$100000000\r\n").expect("a beginning");
    let sent = greedy.send_raw(&vec![b'x'; 40 << 20]);
    eventually("the greedy client stays", || info(&mut modest, "evicted_clients") == 1);
    assert!(sent.is_err() || greedy.read_to_close().is_empty());
    assert_eq!(modest.line("PING"), "+PONG\\r\\n");
    assert_eq!(spared.line("PING"), "+PONG\\r\\n");
}

#[test]
fn a_client_that_never_reads_is_cut_off() {
    let server = Server::start(
        Kind::Rustredis,
        &Options {
            args: ["--threads", "2", "--client-output-buffer-limit", "normal 16mb 0 0"].map(str::to_owned).to_vec(),
            ..Options::default()
        },
    );
    let mut c = server.connect();
    assert_eq!(c.ask(&["SET", "k", &"x".repeat(1 << 20)]), b"+OK\r\n");
    let before = descriptors(&server);
    let used = info(&mut c, "used_memory");
    // Of a pipeline, no more is run than is read: it costs nothing.
    let mut deaf = server.connect();
    let _ = deaf.send_raw(&(0..100).flat_map(|_| command(&["GET", "k"])).collect::<Vec<u8>>());
    std::thread::sleep(Duration::from_millis(200));
    assert!(info(&mut c, "used_memory") < used + (4 << 20));
    // One reply that is too large by itself ends the connection.
    let mut greedy = server.connect();
    let _ = greedy.send_raw(&command(&[vec!["MGET"], vec!["k"; 30]].concat()));
    eventually("nobody was cut off", || info(&mut c, "client_output_buffer_limit_disconnections") == 1);
    drop((deaf, greedy));
    eventually("descriptors stay open", || descriptors(&server) <= before);
}

#[test]
fn slow_senders_and_idlers_cost_nobody_anything() {
    let server = server("--threads 2");
    let mut c = server.connect();
    let (fds, before) = (descriptors(&server), threads(&server));
    let mut slow: Vec<Conn> = (0..200).map(|_| server.connect()).collect();
    // They never go on, and nobody sends them away: who had to wait for them would wait for ever.
    for _ in 0..3 {
        slow.iter_mut().for_each(|s| s.send_raw(b"*").expect("sent"));
        assert_eq!(c.line("PING"), "+PONG\\r\\n");
        std::thread::sleep(Duration::from_millis(100));
    }
    // From now on they are. Whoever looks may have been idle for a second, too, and comes anew.
    assert_eq!(c.line("CONFIG SET timeout 1"), "+OK\\r\\n");
    drop(c);
    let alone = |server: &Server| {
        let mut c = server.connect();
        c.send(&["INFO", "clients"]).ok()?;
        Some(String::from_utf8_lossy(&c.read_reply().ok()?).contains("connected_clients:1\r\n"))
    };
    eventually("idle clients stay", || alone(&server) == Some(true));
    drop(slow);
    eventually("descriptors stay open", || descriptors(&server) <= fds);
    assert_eq!(threads(&server), before);
}

#[test]
fn a_pipeline_of_a_million_commands() {
    let server = server("--threads 2");
    let c = server.connect();
    let mut writer = c.stream().try_clone().expect("a stream");
    let n = env_number("PIPELINE", 1_000_000) as usize;
    let mut sum = 0;
    std::thread::scope(|s| {
        s.spawn(move || {
            let batch = b"*2\r\n$4\r\nINCR\r\n$1\r\nn\r\n".repeat(1000);
            (0..n / 1000).for_each(|_| writer.write_all(&batch).expect("a pipeline"));
        });
        let (mut reader, mut buf) = (c.stream().try_clone().expect("a stream"), vec![0; 1 << 20]);
        while sum < n {
            let got = reader.read(&mut buf).expect("replies");
            assert!(got > 0, "closed after {sum}");
            sum += buf[..got].iter().filter(|b| **b == b'\n').count();
        }
    });
    let mut c = server.connect();
    assert_eq!(c.ask(&["GET", "n"]), format!("${}\r\n{n}\r\n", n.to_string().len()).into_bytes());
}

#[test]
fn ten_thousand_idle_connections_come_and_go() {
    let server = server("--threads 2 --maxclients 11000");
    // As many clients as the process may have descriptors.
    let wanted = env_number("IDLE", 10_000);
    let allowed = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let line = allowed.lines().find(|l| l.starts_with("Max open files")).unwrap_or_default().to_owned();
    let allowed: u64 = line.split_whitespace().nth(3).and_then(|n| n.parse().ok()).unwrap_or(1024);
    // Others need some at the same time.
    let n = wanted.min(allowed.saturating_sub(3000).max(100));
    let mut c = server.connect();
    // The connection that saw the server ready may still be leaving.
    eventually("the first one stays", || info(&mut c, "connected_clients") == 1);
    let (fds, used) = (descriptors(&server), info(&mut c, "used_memory"));
    let idle: Vec<Conn> = (0..n).map(|_| server.connect()).collect();
    eventually("not all were accepted", || info(&mut c, "connected_clients") == n + 1);
    let each = (info(&mut c, "used_memory") - used) / n;
    assert!(each < 4096, "{each} bytes an idle connection");
    drop(idle);
    eventually("connections stay", || info(&mut c, "connected_clients") == 1 && descriptors(&server) <= fds);
    eventually("memory stays", || info(&mut c, "used_memory") < used + (1 << 20));
}

#[test]
fn a_value_of_half_a_gigabyte() {
    let bytes = env_number("LARGE", 512 << 20) as usize;
    let server = server("--threads 2");
    let mut c = server.connect();
    let before = info(&mut c, "used_memory");
    c.send_raw(format!("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n${bytes}\r\n").as_bytes()).expect("a beginning");
    let piece = vec![b'x'; 1 << 20];
    (0..bytes >> 20).for_each(|_| c.send_raw(&piece).expect("a piece"));
    c.send_raw(b"\r\n").expect("the end");
    assert_eq!(c.read_reply().expect("a reply"), b"+OK\r\n");
    assert_eq!(c.ask(&["STRLEN", "k"]), format!(":{bytes}\r\n").into_bytes());
    // One byte more is refused.
    let mut other = server.connect();
    other.send_raw(b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$536870913\r\n").expect("a beginning");
    assert!(other.read_to_close().starts_with(b"-ERR Protocol error: invalid bulk length"));
    assert_eq!(c.ask(&["DEL", "k"]), b":1\r\n");
    eventually("memory stays", || info(&mut c, "used_memory") < before + (4 << 20));
}
