//! A real client, redis-rs, doing real work over RESP2 and RESP3.

mod common;

use std::collections::{BTreeSet, HashSet};

use common::{Options, Server, subject};
use redis::{Client, Connection, RedisResult, Value, cmd, pipe};

/// Runs the same work over both protocols, each on a server of its own.
fn over_both(work: impl Fn(&Server, &mut Connection)) {
    for protocol in ["", "?protocol=resp3"] {
        let server = Server::start(subject(), &Options::default());
        let client = Client::open(format!("redis://127.0.0.1:{}/{protocol}", server.port)).expect("an address");
        let mut conn = client.get_connection().expect("a connection");
        work(&server, &mut conn);
    }
}

fn knows(conn: &mut Connection, command: &str) -> bool {
    let reply: Vec<Value> = cmd("COMMAND").arg("INFO").arg(command).query(conn).expect("COMMAND INFO");
    !matches!(reply.first(), None | Some(Value::Nil))
}

#[test]
fn strings_and_numbers() {
    over_both(|_, conn| {
        let () = cmd("SET").arg("name").arg("Grüße, 世界").query(conn).expect("SET");
        let name: String = cmd("GET").arg("name").query(conn).expect("GET");
        assert_eq!(name, "Grüße, 世界");
        let binary: Vec<u8> = (0..=255).collect();
        let () = cmd("SET").arg(&binary).arg(&binary).query(conn).expect("SET");
        let back: Vec<u8> = cmd("GET").arg(&binary).query(conn).expect("GET");
        assert_eq!(back, binary);
        let none: Option<String> = cmd("GET").arg("none").query(conn).expect("GET");
        assert_eq!(none, None);
        let old: Option<String> = cmd("SET").arg("name").arg("x").arg("XX").arg("GET").query(conn).expect("SET GET");
        assert_eq!(old.as_deref(), Some("Grüße, 世界"));
        for expected in 1..=100i64 {
            let n: i64 = cmd("INCR").arg("n").query(conn).expect("INCR");
            assert_eq!(n, expected);
        }
        let f: f64 = cmd("INCRBYFLOAT").arg("n").arg("0.25").query(conn).expect("INCRBYFLOAT");
        assert_eq!(f, 100.25);
        let error: RedisResult<i64> = cmd("INCR").arg("name").query(conn);
        assert!(error.expect_err("not a number").to_string().contains("not an integer"));
    });
}

#[test]
fn many_at_once() {
    over_both(|_, conn| {
        let mut set = cmd("MSET");
        for i in 0..1_000 {
            set.arg(format!("k{i}")).arg(i);
        }
        let () = set.query(conn).expect("MSET");
        let mut get = cmd("MGET");
        for i in 0..1_001 {
            get.arg(format!("k{i}"));
        }
        let all: Vec<Option<i64>> = get.query(conn).expect("MGET");
        assert_eq!(all, (0..1_000).map(Some).chain([None]).collect::<Vec<_>>());

        let mut line = pipe();
        for i in 0..10_000 {
            line.cmd("SET").arg(format!("p{}", i % 100)).arg(i).ignore();
            line.cmd("GET").arg(format!("p{}", i % 100));
        }
        let got: Vec<i64> = line.query(conn).expect("a pipeline");
        assert_eq!(got, (0..10_000).collect::<Vec<i64>>());
        let size: i64 = cmd("DBSIZE").query(conn).expect("DBSIZE");
        assert_eq!(size, 1_100);
    });
}

#[test]
fn expiry() {
    over_both(|_, conn| {
        let () = cmd("SET").arg("a").arg("1").arg("PX").arg(60).query(conn).expect("SET PX");
        let () = cmd("SET").arg("b").arg("1").arg("EX").arg(100).query(conn).expect("SET EX");
        let ttl: i64 = cmd("TTL").arg("b").query(conn).expect("TTL");
        assert!((50..=100).contains(&ttl), "{ttl}");
        std::thread::sleep(std::time::Duration::from_millis(80));
        let gone: Option<String> = cmd("GET").arg("a").query(conn).expect("GET");
        assert_eq!(gone, None);
        let kept: bool = cmd("PERSIST").arg("b").query(conn).expect("PERSIST");
        assert!(kept);
        let ttl: i64 = cmd("TTL").arg("b").query(conn).expect("TTL");
        assert_eq!(ttl, -1);
    });
}

#[test]
fn the_active_cycle_reclaims_what_nobody_asks_for() {
    over_both(|_, conn| {
        let mut line = pipe();
        for i in 0..5_000 {
            line.cmd("SET").arg(format!("k{i}")).arg("v").arg("PX").arg(50).ignore();
        }
        let () = line.query(conn).expect("a pipeline");
        let deadline = std::time::Instant::now() + common::PATIENCE;
        loop {
            let size: i64 = cmd("DBSIZE").query(conn).expect("DBSIZE");
            if size == 0 {
                break;
            }
            assert!(std::time::Instant::now() < deadline, "{size} dead keys stay");
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
    });
}

#[test]
fn scan_returns_everything() {
    over_both(|_, conn| {
        let mut line = pipe();
        for i in 0..5_000 {
            line.cmd("SET").arg(format!("key:{i}")).arg(i).ignore();
        }
        let () = line.query(conn).expect("a pipeline");
        let mut met = HashSet::new();
        let mut cursor = 0u64;
        loop {
            let (next, keys): (u64, Vec<String>) =
                cmd("SCAN").arg(cursor).arg("MATCH").arg("key:*").arg("COUNT").arg(100).query(conn).expect("SCAN");
            met.extend(keys);
            cursor = next;
            if cursor == 0 {
                break;
            }
        }
        assert_eq!(met.len(), 5_000);
    });
}

#[test]
fn large_values() {
    over_both(|_, conn| {
        for size in [0, 1, 15, 4_095, 16_384, 65_537, 1 << 20, 16 << 20] {
            let value: Vec<u8> = (0..size).map(|i| (i % 251) as u8).collect();
            let () = cmd("SET").arg("v").arg(&value).query(conn).expect("SET");
            let back: Vec<u8> = cmd("GET").arg("v").query(conn).expect("GET");
            assert!(back == value, "{size} bytes came back otherwise");
        }
    });
}

#[test]
fn transactions() {
    over_both(|_, conn| {
        if !knows(conn, "MULTI") {
            eprintln!("MULTI is not served yet");
            return;
        }
        let (a, b): (i64, i64) =
            pipe().atomic().cmd("INCR").arg("x").cmd("INCRBY").arg("x").arg(10).query(conn).expect("MULTI");
        assert_eq!((a, b), (1, 11));
    });
}

#[test]
fn collections_as_they_land() {
    over_both(|_, conn| {
        if knows(conn, "RPUSH") {
            let n: i64 = cmd("RPUSH").arg("l").arg(&["a", "b", "c"]).query(conn).expect("RPUSH");
            let all: Vec<String> = cmd("LRANGE").arg("l").arg(0).arg(-1).query(conn).expect("LRANGE");
            assert_eq!((n, all), (3, vec!["a".to_owned(), "b".to_owned(), "c".to_owned()]));
        }
        if knows(conn, "SADD") {
            let () = cmd("SADD").arg("s").arg(&["x", "y", "x"]).query(conn).expect("SADD");
            let all: BTreeSet<String> = cmd("SMEMBERS").arg("s").query(conn).expect("SMEMBERS");
            assert_eq!(all, BTreeSet::from(["x".to_owned(), "y".to_owned()]));
        }
        if knows(conn, "HSET") {
            let () = cmd("HSET").arg("h").arg(&["f", "1", "g", "2"]).query(conn).expect("HSET");
            let all: std::collections::BTreeMap<String, i64> = cmd("HGETALL").arg("h").query(conn).expect("HGETALL");
            assert_eq!(all.into_iter().collect::<Vec<_>>(), [("f".to_owned(), 1), ("g".to_owned(), 2)]);
        }
        if knows(conn, "ZADD") {
            let () = cmd("ZADD").arg("z").arg(1.5).arg("a").arg(-2).arg("b").query(conn).expect("ZADD");
            let all: Vec<(String, f64)> =
                cmd("ZRANGE").arg("z").arg(0).arg(-1).arg("WITHSCORES").query(conn).expect("ZRANGE");
            assert_eq!(all, [("b".to_owned(), -2.0), ("a".to_owned(), 1.5)]);
        }
    });
}

#[test]
fn scripts() {
    over_both(|_, conn| {
        let add = redis::Script::new("return redis.call('INCRBY', KEYS[1], ARGV[1])");
        // The first call finds that the server does not know it, and loads it.
        for wanted in [5, 10] {
            let n: i64 = add.key("sum").arg(5).invoke(conn).expect("a script");
            assert_eq!(n, wanted);
        }
        let () = cmd("SCRIPT").arg("FLUSH").query(conn).expect("SCRIPT FLUSH");
        let n: i64 = add.key("sum").arg(1).invoke(conn).expect("a script that is loaded again");
        assert_eq!(n, 11);
        let hash = add.prepare_invoke().load(conn).expect("SCRIPT LOAD");
        assert_eq!(hash, add.get_hash());

        let shapes = redis::Script::new("return {1, 'two', {3, false}, 4.9, redis.status_reply('FINE')}");
        let shapes: Vec<Value> = shapes.invoke(conn).expect("many values");
        assert_eq!(shapes[0], Value::Int(1));
        assert_eq!(shapes[1], Value::BulkString(b"two".to_vec()));
        assert_eq!(shapes[2], Value::Array(vec![Value::Int(3), Value::Nil]));
        assert_eq!(shapes[3], Value::Int(4));
        assert_eq!(shapes[4], Value::SimpleString("FINE".into()));

        let broken = redis::Script::new("return redis.call('LPUSH', KEYS[1], 1)");
        let error: RedisResult<i64> = broken.key("sum").invoke(conn);
        assert!(error.expect_err("not a list").to_string().contains("WRONGTYPE"));
        let mut line = pipe();
        line.atomic().load_script(&add).ignore();
        line.invoke_script(add.key("sum").arg(9)).cmd("GET").arg("sum");
        let got: (i64, i64) = line.query(conn).expect("a transaction");
        assert_eq!(got, (20, 20));
    });
}

#[test]
fn many_threads_lose_nothing() {
    over_both(|server, conn| {
        let port = server.port;
        let workers: Vec<_> = (0..8)
            .map(|worker| {
                std::thread::spawn(move || {
                    let client = Client::open(format!("redis://127.0.0.1:{port}/")).expect("an address");
                    let mut conn = client.get_connection().expect("a connection");
                    for i in 0..1_000 {
                        let mut line = pipe();
                        line.cmd("INCR").arg("shared").ignore();
                        line.cmd("APPEND").arg(format!("own{worker}")).arg("x").ignore();
                        line.cmd("SET").arg(format!("k{}", i % 50)).arg(worker).ignore();
                        let () = line.query(&mut conn).expect("a pipeline");
                    }
                })
            })
            .collect();
        workers.into_iter().for_each(|worker| worker.join().expect("a worker"));
        let total: i64 = cmd("GET").arg("shared").query(conn).expect("GET");
        assert_eq!(total, 8_000);
        for worker in 0..8 {
            let len: i64 = cmd("STRLEN").arg(format!("own{worker}")).query(conn).expect("STRLEN");
            assert_eq!(len, 1_000);
        }
    });
}
