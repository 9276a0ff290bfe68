//! Snapshots and the append-only file from outside: what is on disk after a kill, what peers make of our files and we of
//! theirs, and what clients hear when the disk fails.

mod common;

use common::rng::Rng;
use common::run::{Place, Run, wait_for};
use common::{Conn, Kind, Options, Server, command, env_number, find};
use std::fs;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

fn line(conn: &mut Conn, text: &str) -> String {
    conn.line(text)
}

/// Values of every type and encoding, expiries, several databases.
fn fill(conn: &mut Conn) {
    for i in 0..200 {
        let long = "x".repeat(i * 3);
        for command in [
            format!("SET s{i} v{long}"),
            format!("SET n{i} {}", i * 977),
            format!("RPUSH l{} a{long} {i}", i % 7),
            format!("SADD t{} m{i} {long}z", i % 5),
            format!("SADD ints{} {i} {}", i % 3, i * 70_000),
            format!("ZADD z{} {}.5 m{i}", i % 4, i),
            format!("HSET h{} f{i} v{long}", i % 6),
            format!("XADD x{} {}-1 a {i}", i % 2, i + 1),
        ] {
            line(conn, &command);
        }
    }
    for command in [
        "PEXPIREAT s3 4000000000000",
        "EXPIREAT h1 4000000000",
        "XGROUP CREATE x0 g 0",
        "XREADGROUP GROUP g c COUNT 5 STREAMS x0 >",
        "SELECT 3",
        "SET elsewhere 1",
        "SELECT 0",
    ] {
        line(conn, command);
    }
}

fn digest(conn: &mut Conn) -> String {
    line(conn, "DEBUG DIGEST")
}

#[test]
fn snapshots_move_both_ways() {
    for (from, how) in
        [(Kind::Rustredis, "SAVE"), (Kind::Rustredis, "BGSAVE"), (Kind::Redis, "SAVE"), (Kind::Valkey, "SAVE")]
    {
        for to in [Kind::Rustredis, Kind::Redis, Kind::Valkey] {
            if from != Kind::Rustredis && to != Kind::Rustredis {
                continue;
            }
            let place = Place::new("rdb");
            let run = Run::start(from, &place.0, "");
            let mut conn = run.connect();
            fill(&mut conn);
            let want = digest(&mut conn);
            assert!(line(&mut conn, how).starts_with('+'));
            wait_for(&mut conn, "rdb_bgsave_in_progress:0");
            drop(conn);
            run.kill();
            let run = Run::start(to, &place.0, "");
            assert_eq!(digest(&mut run.connect()), want, "{from:?} {how} to {to:?}");
        }
    }
}

#[test]
fn logs_move_both_ways() {
    for preamble in ["yes", "no"] {
        for (from, to) in [
            (Kind::Rustredis, Kind::Rustredis),
            (Kind::Rustredis, Kind::Redis),
            (Kind::Rustredis, Kind::Valkey),
            (Kind::Redis, Kind::Rustredis),
            (Kind::Valkey, Kind::Rustredis),
        ] {
            let args = format!("--appendonly yes --appendfsync always --aof-use-rdb-preamble {preamble}");
            let place = Place::new("aof");
            let run = Run::start(from, &place.0, &args);
            let mut conn = run.connect();
            fill(&mut conn);
            assert!(line(&mut conn, "BGREWRITEAOF").starts_with('+'));
            wait_for(&mut conn, "aof_rewrite_in_progress:0");
            for command in ["MULTI", "SET after 1", "SPOP t1", "SELECT 2", "SET b 2 EX 100000", "EXEC", "SET c 3"] {
                line(&mut conn, command);
            }
            let want = digest(&mut conn);
            drop(conn);
            run.kill();
            let run = Run::start(to, &place.0, &args);
            assert_eq!(digest(&mut run.connect()), want, "{from:?} to {to:?}, preamble {preamble}\n{}", run.log());
        }
    }
}

#[test]
fn the_log_goes_on_and_off_while_the_server_runs() {
    let place = Place::new("live");
    let run = Run::start(Kind::Rustredis, &place.0, "");
    let mut conn = run.connect();
    fill(&mut conn);
    for round in 0..3 {
        assert_eq!(line(&mut conn, "CONFIG SET appendonly yes"), r"+OK\r\n");
        wait_for(&mut conn, "aof_enabled:1");
        wait_for(&mut conn, "aof_rewrite_in_progress:0");
        line(&mut conn, &format!("SET round {round}"));
        assert_eq!(line(&mut conn, "CONFIG SET appendonly no"), r"+OK\r\n");
        line(&mut conn, "SET unlogged 1");
        line(&mut conn, "DEL unlogged");
    }
    let want = digest(&mut conn);
    drop(conn);
    run.kill();
    for kind in [Kind::Rustredis, Kind::Redis] {
        let run = Run::start(kind, &place.0, "--appendonly yes");
        assert_eq!(digest(&mut run.connect()), want, "{kind:?}");
    }
}

/// A tail torn anywhere, in the middle of a transaction too: all before it is there, and the server starts.
#[test]
fn a_torn_tail_is_cut_back_to_before_an_open_transaction() {
    let place = Place::new("torn");
    let args = "--appendonly yes --appendfsync always";
    let run = Run::start(Kind::Rustredis, &place.0, args);
    let mut conn = run.connect();
    for command in ["SET a 1", "MULTI", "SET b 1", "SET c 1", "EXEC"] {
        line(&mut conn, command);
    }
    run.kill();
    let file = place.0.join("appendonlydir/appendonly.aof.1.incr.aof");
    let whole = fs::read(&file).unwrap();
    let text = String::from_utf8(whole.clone()).unwrap();
    let multi_at = text.find("*1\r\n$5\r\nMULTI").unwrap();
    let mut rng = Rng::new(env_number("SEED", 1));
    for cut in (0..12).map(|_| 1 + rng.below(whole.len() - 1)).chain([multi_at, multi_at + 15, whole.len() - 1]) {
        fs::write(&file, &whole[..cut]).unwrap();
        let run = Run::start(Kind::Rustredis, &place.0, args);
        let mut conn = run.connect();
        assert_eq!(line(&mut conn, "EXISTS b c"), r":0\r\n", "cut at {cut}");
        let a = line(&mut conn, "EXISTS a");
        assert_eq!(a == r":1\r\n", cut >= multi_at, "cut at {cut}");
        // What comes after the cut must be read again.
        line(&mut conn, "SET d 1");
        run.kill();
        let run = Run::start(Kind::Rustredis, &place.0, args);
        assert_eq!(line(&mut run.connect(), "EXISTS d b"), r":1\r\n");
        run.kill();
    }
    // Without leave to cut, and where more than the tail is wrong, it says where, and what to do.
    fs::write(&file, &whole[..whole.len() - 3]).unwrap();
    let log = Run::try_start(Kind::Rustredis, &place.0, &format!("{args} --aof-load-truncated no")).err().unwrap();
    assert!(
        log.contains("Unexpected end of file reading the append only file") && log.contains("redis-check-aof --fix"),
        "{log}"
    );
    let mut wrong = whole.clone();
    wrong[multi_at] = b'?';
    fs::write(&file, wrong).unwrap();
    let log = Run::try_start(Kind::Rustredis, &place.0, args).err().unwrap();
    assert!(log.contains("Bad file format") && log.contains(&format!("offset {multi_at}")), "{log}");
}

#[test]
fn an_older_log_moves_in() {
    let place = Place::new("old");
    fs::write(place.0.join("appendonly.aof"), "*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\n1\r\n").unwrap();
    for round in 0..2 {
        let run = Run::start(Kind::Rustredis, &place.0, "--appendonly yes");
        assert_eq!(line(&mut run.connect(), "GET a"), r"$1\r\n1\r\n", "{}", run.log());
        assert_eq!(run.log().contains("Successfully migrated an old-style AOF"), round == 0);
        assert_eq!(run.terminate(), Some(0));
    }
    let run = Run::start(Kind::Redis, &place.0, "--appendonly yes");
    assert_eq!(line(&mut run.connect(), "GET a"), r"$1\r\n1\r\n");
}

/// SIGKILL at random moments under load. With `always` nothing acknowledged is missing; with `everysec` nothing from before a WAITAOF
/// that was answered; and it always starts.
#[test]
fn a_killed_server_has_what_it_acknowledged() {
    let seed = env_number("SEED", 1);
    for (round, policy) in ["always", "everysec", "always", "everysec"].into_iter().enumerate() {
        let place = Place::new(&format!("kill{round}"));
        let mut rng = Rng::new(seed + round as u64);
        let args = format!("--appendonly yes --appendfsync {policy} --threads {}", 1 + round % 3);
        for life in 0..4 {
            let run = Run::start(Kind::Rustredis, &place.0, &args);
            let (acknowledged, stop) = ([const { AtomicU64::new(0) }; 4], AtomicBool::new(false));
            let (durable, synced) = ([const { AtomicU64::new(0) }; 4], AtomicBool::new(false));
            let [mut rewrites, mut waits] = [0, 1].map(|_| run.connect());
            std::thread::scope(|s| {
                for (client, acknowledged) in acknowledged.iter().enumerate() {
                    let (mut conn, stop) = (run.connect(), &stop);
                    s.spawn(move || {
                        // A slow machine may be killed before it has done that.
                        if conn.send(&["DEL", &format!("c{client}")]).is_err() || conn.read_reply().is_err() {
                            return;
                        }
                        while !stop.load(Relaxed) {
                            let n = acknowledged.load(Relaxed) + 1;
                            let (key, text) = (format!("c{client}"), n.to_string());
                            if conn.send(&["RPUSH", &key, &text]).is_err() || conn.read_reply().is_err() {
                                return;
                            }
                            acknowledged.store(n, Relaxed);
                        }
                    });
                }
                s.spawn(|| {
                    while !stop.load(Relaxed) {
                        if rewrites.send(&["BGREWRITEAOF"]).is_err() || rewrites.read_reply().is_err() {
                            return;
                        }
                        std::thread::sleep(Duration::from_millis(30));
                    }
                });
                s.spawn(|| {
                    while !stop.load(Relaxed) {
                        let before = [0, 1, 2, 3].map(|i| acknowledged[i].load(Relaxed));
                        // Its own write comes after those, and is what it waits for.
                        if waits.send_raw(b"INCR marks\r\nWAITAOF 1 0 0\r\n").is_err() || waits.read_reply().is_err() {
                            return;
                        }
                        let Ok(reply) = waits.read_reply() else { return };
                        assert_eq!(reply, b"*2\r\n:1\r\n:0\r\n");
                        before.iter().zip(&durable).for_each(|(n, of)| of.store(*n, Relaxed));
                        synced.store(true, Relaxed);
                    }
                });
                // Every other time not before something was synced.
                let deadline = Instant::now() + common::PATIENCE;
                while life % 2 == 0 && !synced.load(Relaxed) && Instant::now() < deadline {
                    std::thread::sleep(Duration::from_millis(5));
                }
                std::thread::sleep(Duration::from_millis(20 + rng.below(300) as u64));
                common::kill(run.child.id(), "KILL");
                std::thread::sleep(Duration::from_millis(20));
                stop.store(true, Relaxed);
            });
            run.kill();
            let run = Run::start(Kind::Rustredis, &place.0, &args);
            for (client, acknowledged) in acknowledged.iter().enumerate() {
                let found =
                    String::from_utf8(run.connect().ask(&["LRANGE", &format!("c{client}"), "0", "-1"])).unwrap();
                let found: Vec<u64> =
                    found.split("\r\n").filter(|l| !l.starts_with(['*', '$'])).flat_map(str::parse).collect();
                assert!(found.iter().copied().eq(1..=found.len() as u64), "a hole: {found:?}");
                let n = if policy == "always" { acknowledged } else { &durable[client] }.load(Relaxed);
                assert!(
                    found.len() as u64 >= n,
                    "seed {seed}, {policy}, life {life}: {n} promised, {} found",
                    found.len()
                );
            }
            run.kill();
        }
    }
}

#[test]
fn a_snapshot_that_fails_stops_writes_until_one_succeeds() {
    let place = Place::new("misconf");
    let run = Run::start(Kind::Rustredis, &place.0, "--save 3600 1");
    let mut conn = run.connect();
    line(&mut conn, "SET a 1");
    // The rename cannot replace a directory.
    fs::create_dir(place.0.join("dump.rdb")).unwrap();
    fs::write(place.0.join("dump.rdb/x"), "").unwrap();
    assert!(line(&mut conn, "SAVE").starts_with("-ERR"));
    line(&mut conn, "BGSAVE");
    wait_for(&mut conn, "rdb_last_bgsave_status:err");
    assert!(line(&mut conn, "SET a 2").starts_with("-MISCONF Redis is configured to save RDB snapshots"));
    assert!(line(&mut conn, "PING").starts_with("-MISCONF"));
    assert_eq!(line(&mut conn, "GET a"), r"$1\r\n1\r\n");
    line(&mut conn, "CONFIG SET stop-writes-on-bgsave-error no");
    assert_eq!(line(&mut conn, "SET a 2"), r"+OK\r\n");
    line(&mut conn, "CONFIG SET stop-writes-on-bgsave-error yes");
    assert!(line(&mut conn, "SET a 3").starts_with("-MISCONF"));
    fs::remove_dir_all(place.0.join("dump.rdb")).unwrap();
    wait_for(&mut conn, "rdb_bgsave_in_progress:0");
    line(&mut conn, "BGSAVE");
    wait_for(&mut conn, "rdb_last_bgsave_status:ok");
    assert_eq!(line(&mut conn, "SET a 3"), r"+OK\r\n");
    // No temporary file is left behind.
    let left: Vec<_> = fs::read_dir(&place.0).unwrap().map(|f| f.unwrap().file_name()).collect();
    assert!(left.iter().all(|f| !f.to_string_lossy().starts_with("temp-")), "{left:?}");
}

#[test]
fn stopping_saves_as_configured() {
    for (args, kept) in [
        ("--save 3600 1", true),
        ("", false),
        ("--shutdown-on-sigterm save", true),
        ("--save 3600 1 --shutdown-on-sigterm nosave", false),
    ] {
        let place = Place::new("stop");
        let run = Run::start(Kind::Rustredis, &place.0, args);
        line(&mut run.connect(), "SET a 1");
        assert_eq!(run.terminate(), Some(0));
        assert_eq!(place.0.join("dump.rdb").exists(), kept, "{args}");
    }
    for (how, kept) in [("SHUTDOWN", false), ("SHUTDOWN SAVE", true), ("SHUTDOWN NOSAVE", false)] {
        let place = Place::new("shutdown");
        let mut run = Run::start(Kind::Rustredis, &place.0, "");
        let mut conn = run.connect();
        line(&mut conn, "SET a 1");
        conn.send(&how.split(' ').collect::<Vec<_>>()).unwrap();
        assert!(run.child.wait().unwrap().success());
        assert_eq!(place.0.join("dump.rdb").exists(), kept, "{how}");
    }
}

/// What was queued before does not run in half a dataset. As in Redis, asked as well where it is installed.
#[test]
fn a_transaction_waits_for_no_dataset() {
    for kind in [Kind::Rustredis, Kind::Redis] {
        if find(kind).is_none() {
            common::skip("redis-server", kind.how_to_install());
            continue;
        }
        let server = Server::start(kind, &Options::args("--appendonly yes --rdbcompression no"));
        let (mut conn, mut reads, mut asks, mut judge) =
            (server.connect(), server.connect(), server.connect(), server.connect());
        assert_eq!(line(&mut conn, "DEBUG POPULATE 40000 key 1000"), r"+OK\r\n");
        assert!(line(&mut conn, "BGREWRITEAOF").starts_with('+'));
        wait_for(&mut conn, "aof_rewrite_in_progress:0");
        for (c, words) in [(&mut reads, "GET key:1"), (&mut asks, "INFO server")] {
            assert_eq!((line(c, "MULTI"), line(c, words)), (r"+OK\r\n".to_owned(), r"+QUEUED\r\n".to_owned()));
        }
        // It takes long, unless it is told to hurry. Redis listens after each two megabytes.
        line(&mut conn, "CONFIG SET key-load-delay 400");
        conn.send(&["DEBUG", "LOADAOF"]).unwrap();
        let deadline = Instant::now() + common::PATIENCE;
        while !line(&mut judge, "GET key:1").starts_with("-LOADING") {
            assert!(Instant::now() < deadline, "{kind:?}: it does not load");
        }
        let refused = line(&mut reads, "EXEC");
        assert!(refused.starts_with("-EXECABORT Transaction discarded because of: LOADING"), "{kind:?}: {refused}");
        assert!(line(&mut asks, "EXEC").starts_with(r"*1\r\n$"), "{kind:?}");
        assert_eq!(line(&mut judge, "CONFIG SET key-load-delay 0"), r"+OK\r\n", "{kind:?}");
        assert_eq!(conn.read_reply().unwrap(), b"+OK\r\n");
        assert_eq!(line(&mut reads, "GET key:1"), r"$1000\r\nvalue:1".to_owned() + &r"\x00".repeat(993) + r"\r\n");
    }
}

/// A large collection is written while others, and those who would change it, go on.
#[test]
fn a_large_collection_is_saved_while_writers_write() {
    for threads in [1, 3] {
        let server = Server::start(Kind::Rustredis, &Options::args(&format!("--threads {threads}")));
        let mut conn = server.connect();
        for i in 0..200 {
            let fields: Vec<String> = (0..1000).map(|j| format!("f{}", i * 1000 + j)).collect();
            let hset: Vec<&str> =
                ["HSET", "big"].into_iter().chain(fields.iter().flat_map(|f| [f.as_str(), "v"])).collect();
            conn.ask(&hset);
        }
        let want = line(&mut conn, "DEBUG DIGEST-VALUE big");
        let mut other = server.connect();
        line(&mut conn, "BGSAVE");
        for i in 0..2000 {
            line(&mut other, &format!("SET k{i} v"));
        }
        assert!(line(&mut other, "HSET big f5 changed").starts_with(":0"));
        wait_for(&mut conn, "rdb_bgsave_in_progress:0");
        wait_for(&mut conn, "rdb_last_bgsave_status:ok");
        assert_eq!(line(&mut conn, "DEBUG RELOAD NOSAVE"), r"+OK\r\n", "{}", server.log());
        assert_eq!(line(&mut conn, "DEBUG DIGEST-VALUE big"), want);
    }
}

/// Hashes with fields that expire are written for the one family or for the other; either way we read them.
#[test]
fn fields_that_expire_are_written_for_whom_one_likes() {
    for (format, magic, small, large, version) in
        [("valkey-9", &b"VALKEY080"[..], 22, 22, 80), ("redis-7.4", b"REDIS0012", 25, 24, 12)]
    {
        let place = Place::new(&format!("fields-{format}"));
        let args = format!("--field-expiry-format {format} --hash-max-listpack-entries 10");
        let run = Run::start(Kind::Rustredis, &place.0, &args);
        let mut conn = run.connect();
        line(&mut conn, "HSET small a 1 b 2");
        line(&mut conn, "HEXPIREAT small 4000000000 FIELDS 1 a");
        (0..50).for_each(|i| drop(line(&mut conn, &format!("HSET large f{i} {i}"))));
        line(&mut conn, "HPEXPIREAT large 4000000000123 FIELDS 2 f7 f30");
        for (key, kind) in [("small", small), ("large", large)] {
            let reply = conn.ask(&["DUMP", key]);
            let body = &reply[reply.iter().position(|b| *b == b'\n').unwrap() + 1..reply.len() - 2];
            assert_eq!((body[0], body[body.len() - 10]), (kind, version), "{format} {key}");
            let restored = conn.ask(&[&b"RESTORE"[..], b"copy", b"0", body, b"REPLACE"]);
            assert_eq!(restored, b"+OK\r\n");
            assert_eq!(
                line(&mut conn, "DEBUG DIGEST-VALUE copy"),
                line(&mut conn, &format!("DEBUG DIGEST-VALUE {key}")),
                "{format} {key}"
            );
        }
        let want = digest(&mut conn);
        assert_eq!(line(&mut conn, "SAVE"), r"+OK\r\n");
        drop(conn);
        run.kill();
        assert_eq!(&fs::read(place.0.join("dump.rdb")).unwrap()[..9], magic);
        let run = Run::start(Kind::Rustredis, &place.0, "");
        let mut conn = run.connect();
        assert_eq!(digest(&mut conn), want, "{format}");
        assert_eq!(line(&mut conn, "HPEXPIRETIME large FIELDS 1 f30"), r"*1\r\n:4000000000123\r\n");
    }
    let place = Place::new("fields-peer");
    let run = Run::start(Kind::Rustredis, &place.0, "");
    line(&mut run.connect(), "HSET h a 1 b 2");
    line(&mut run.connect(), "HEXPIREAT h 4000000000 FIELDS 1 a");
    line(&mut run.connect(), "SAVE");
    run.kill();
    let run = Run::start(Kind::Valkey, &place.0, "");
    assert_eq!(line(&mut run.connect(), "HEXPIRETIME h FIELDS 2 a b"), r"*2\r\n:4000000000\r\n:-1\r\n");
}

#[test]
fn reloading_with_each_option() {
    let place = Place::new("reload");
    let run = Run::start(Kind::Rustredis, &place.0, "--appendonly yes");
    let mut conn = run.connect();
    for (command, reply) in [
        ("SET a 1", r"+OK\r\n"),
        ("DEBUG RELOAD", r"+OK\r\n"),
        ("MSET a 2 b 2", r"+OK\r\n"),
        // What is there already is a fault without MERGE. (Redis 7.0 ends then.)
        ("DEBUG RELOAD NOFLUSH NOSAVE", r"-ERR Error trying to load the RDB dump, check server logs.\r\n"),
        ("DEBUG RELOAD NOFLUSH NOSAVE MERGE", r"+OK\r\n"),
        ("MGET a b", r"*2\r\n$1\r\n1\r\n$1\r\n2\r\n"),
        ("DEBUG RELOAD NOSAVE", r"+OK\r\n"),
        ("MGET a b", r"*2\r\n$1\r\n1\r\n$-1\r\n"),
        ("DEBUG RELOAD x", r"-ERR DEBUG RELOAD only supports the MERGE, NOFLUSH and NOSAVE options.\r\n"),
        // The log has it all, and goes on.
        ("DEBUG LOADAOF", r"+OK\r\n"),
        ("MGET a b", r"*2\r\n$1\r\n2\r\n$1\r\n2\r\n"),
        ("SET c 3", r"+OK\r\n"),
        ("DEBUG LOADAOF", r"+OK\r\n"),
        ("GET c", r"$1\r\n3\r\n"),
    ] {
        assert_eq!(line(&mut conn, command), reply, "{command}\n{}", run.log());
    }
}

/// As in Redis: who is told to end while it loads ends at once, and does not save the half over the whole.
#[test]
fn a_shutdown_while_loading_saves_nothing() {
    for by_signal in [false, true] {
        let place = Place::new(if by_signal { "term-loading" } else { "shutdown-loading" });
        let logs = place.0.join("appendonlydir");
        fs::create_dir_all(&logs).unwrap();
        fs::write(logs.join("appendonly.aof.manifest"), "file appendonly.aof.1.incr.aof seq 1 type i\n").unwrap();
        let commands: Vec<u8> = (0..100_000).flat_map(|n| command(&["SET", &format!("key:{n}"), "x"])).collect();
        fs::write(logs.join("appendonly.aof.1.incr.aof"), commands).unwrap();
        fs::write(place.0.join("dump.rdb"), "what was there before").unwrap();
        let port = common::free_port();
        let log = fs::File::create(place.0.join("log")).unwrap();
        let mut server = Command::new(find(Kind::Rustredis).unwrap());
        // A millisecond for each: it lasts until somebody has come.
        server.args(["serve", "--port", &port.to_string(), "--appendonly", "yes", "--save", "1 1"]);
        server.args(["--key-load-delay", "1000", "--dir"]);
        server.arg(&place.0).stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        let mut server = server.spawn().unwrap();
        let deadline = Instant::now() + common::PATIENCE;
        let mut conn = loop {
            assert!(Instant::now() < deadline, "it does not listen");
            match Conn::try_open(port) {
                Ok(conn) => break conn,
                Err(_) => std::thread::sleep(Duration::from_millis(1)),
            }
        };
        assert!(conn.line("PING").starts_with("-LOADING"), "it was loaded at once");
        if by_signal {
            common::kill(server.id(), "TERM");
        } else {
            conn.send(&["SHUTDOWN", "SAVE"]).unwrap();
            assert!(conn.read_to_close().is_empty());
        }
        let status = loop {
            if let Some(status) = server.try_wait().unwrap() {
                break status;
            }
            if Instant::now() > deadline {
                server.kill().unwrap();
                panic!("it does not end");
            }
            std::thread::sleep(Duration::from_millis(5));
        };
        let log = fs::read_to_string(place.0.join("log")).unwrap();
        assert!(status.success() && !log.contains("Ready to accept connections"), "{status}\n{log}");
        assert_eq!(fs::read(place.0.join("dump.rdb")).unwrap(), b"what was there before", "{log}");
    }
}
