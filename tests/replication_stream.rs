//! What primaries send to their replicas, compared command for command: the same writes on rustredis and on a real server, each
//! followed by a replica of the test's own.

mod common;

use common::fake::FakeReplica;
use common::repl::{peers, seed, start};
use common::{Conn, Kind, Rng};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Writes that have one outcome.
fn line(rng: &mut Rng, step: usize) -> String {
    let (k, n) = (rng.below(12), rng.below(1000));
    let other = rng.below(12);
    match rng.below(62) {
        0 => format!("SET s{k} {n}"),
        1 => format!("SET s{k} v{n} EX {}", 1000 + n),
        2 => format!("SET s{k} v{n} PX {}", 1_000_000 + n),
        3 => format!("SET s{k} v{n} EXAT {}", 4_000_000_000u64 + n as u64),
        4 => format!("SET s{k} v{n} XX GET"),
        5 => format!("SET s{k} v{n} KEEPTTL"),
        6 => format!("SETEX s{k} 1000 {n}"),
        7 => format!("PSETEX s{k} 1000000 {n}"),
        8 => format!("SETNX s{k} {n}"),
        9 => format!("GETSET s{k} {n}"),
        10 => format!("GETDEL s{k}"),
        11 => format!("GETEX s{k} EX 500"),
        12 => format!("GETEX s{k} PERSIST"),
        13 => format!("EXPIRE s{k} {}", 100 + n),
        14 => format!("PEXPIRE l{k} {}", 100_000 + n),
        15 => format!("EXPIREAT s{k} {} NX", 4_000_000_000u64 + n as u64),
        16 => format!("EXPIRE s{k} -1"),
        17 => format!("PERSIST s{k}"),
        18 => format!("INCRBY n{k} {n}"),
        19 => format!("INCRBYFLOAT f{k} 0.{n}"),
        20 => format!("APPEND s{k} {n}"),
        21 => format!("SETRANGE s{k} 3 {n}"),
        22 => format!("SETBIT b{k} {n} 1"),
        23 => format!("BITOP OR b{k} b{k} b{other}"),
        24 => format!("MSET s{k} 1 s{other} 2"),
        25 => format!("MSETNX s{k} 1 q{n} 2"),
        26 => format!("DEL s{k} l{other} h{k}"),
        27 => format!("UNLINK s{k} z{other}"),
        28 => format!("RPUSH l{k} {n} a b"),
        29 => format!("LPUSHX l{k} {n}"),
        30 => format!("LPOP l{k} 2"),
        31 => format!("RPOP l{k}"),
        32 => format!("LMOVE l{k} l{other} LEFT RIGHT"),
        33 => format!("RPOPLPUSH l{k} l{other}"),
        34 => format!("LTRIM l{k} 0 20"),
        35 => format!("LMPOP 2 l{k} l{other} LEFT COUNT 2"),
        36 => format!("BLPOP l{k} l{other} 0.001"),
        37 => format!("BLMOVE l{k} l{other} LEFT LEFT 0.001"),
        38 => format!("SADD m{k} {n} a b"),
        // All of them: which ones is nobody's choice.
        39 => format!("SPOP m{k} 100000"),
        40 => format!("SREM m{k} a nosuch"),
        41 => format!("SMOVE m{k} m{other} a"),
        42 => format!("SINTERSTORE m{k} m{k} m{other}"),
        43 => format!("SDIFFSTORE d{k} m{k} m{other}"),
        44 => format!("ZADD z{k} {n}.5 m{n} 2 b"),
        45 => format!("ZADD z{k} GT INCR 5 b"),
        46 => format!("ZINCRBY z{k} 1.5 b"),
        47 => format!("ZPOPMIN z{k} 2"),
        48 => format!("BZPOPMAX z{k} z{other} 0.001"),
        49 => format!("ZMPOP 2 z{k} z{other} MAX COUNT 2"),
        50 => format!("ZREMRANGEBYSCORE z{k} 0 {n}"),
        51 => format!("ZRANGESTORE y{k} z{k} 0 2"),
        52 => format!("HSET h{k} f{} {n} g 1", n % 7),
        53 => format!("HINCRBYFLOAT h{k} x 0.{n}"),
        54 => format!("HDEL h{k} g nosuch"),
        55 => format!("XADD x{k} {step}-1 f {n}"),
        56 => format!("XTRIM x{k} MAXLEN = 5"),
        57 => format!("COPY s{k} c{k} REPLACE"),
        58 => format!("RENAME s{k} s{other}"),
        59 => format!("SORT l{k} ALPHA STORE w{k}"),
        60 => format!("SELECT {}", n % 3),
        _ => format!("PUBLISH channel {n}"),
    }
}

/// One step: a command, a transaction, or a script.
fn step(conn: &mut Conn, rng: &mut Rng, n: usize) -> String {
    match rng.below(20) {
        0 => {
            let lines: Vec<String> =
                (0..1 + rng.below(4)).map(|_| line(rng, n)).filter(|l| !l.starts_with('B')).collect();
            conn.line("MULTI");
            lines.iter().for_each(|l| drop(conn.line(l)));
            conn.line("EXEC");
            format!("MULTI; {}; EXEC", lines.join("; "))
        }
        1 => {
            let (k, v) = (rng.below(12), rng.below(100));
            let script = [
                "redis.call('SET', KEYS[1], ARGV[1]) redis.call('EXPIRE', KEYS[1], 900) return redis.call('INCRBY', KEYS[1], 2)",
                "return redis.call('RPUSH', KEYS[1], ARGV[1])",
                "redis.call('SELECT', 1) redis.call('SET', KEYS[1], ARGV[1]) return 1",
                "return redis.call('GET', KEYS[1])",
            ][rng.below(4)];
            conn.ask(&["DEL", &format!("e{k}")]);
            conn.ask(&["EVAL", script, "1", &format!("e{k}"), &v.to_string()]);
            script.to_owned()
        }
        2 => {
            // What expires is removed by whoever finds it, here the one who looks.
            conn.line(&format!("SET dead{n} 1 PX 1"));
            std::thread::sleep(Duration::from_millis(3));
            conn.line(&format!("GET dead{n}"));
            "a key that expires".to_owned()
        }
        _ => {
            let line = line(rng, n);
            conn.line(&line);
            line
        }
    }
}

/// A command without what may differ: moments of time become one word, and of commands that were carried out under a condition only
/// that remains which the condition let through. (Redis sends SETNX, SET … XX and PEXPIREAT … NX as they came.)
fn plain(words: &[Vec<u8>]) -> Option<String> {
    let mut words: Vec<String> = words.iter().map(|w| String::from_utf8_lossy(w).into_owned()).collect();
    let name = words[0].to_uppercase();
    if name == "PING" || name == "REPLCONF" {
        return None;
    }
    words[0].clone_from(&name);
    let conditions: &[&str] = match &*name {
        "SETNX" | "SET" => &["NX", "XX"],
        "PEXPIREAT" => &["NX", "XX", "GT", "LT"],
        _ => &[],
    };
    if words.last().is_some_and(|last| words.len() > 3 && conditions.contains(&&**last)) {
        words.pop();
    }
    if name == "SETNX" {
        "SET".clone_into(&mut words[0]);
    }
    let now_ms = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock").as_millis() as i64;
    for word in &mut words[1..] {
        if word.parse::<i64>().is_ok_and(|ms| (ms - now_ms).abs() < 10_000_000) {
            "<soon>".clone_into(word);
        }
    }
    Some(words.join(" "))
}

fn compare(peer: Kind) {
    if !peers(&[peer]) {
        return;
    }
    let seed = seed();
    let run = |kind: Kind| {
        // What expires is removed by DEL or by UNLINK, as configured; the defaults are not the same everywhere.
        let all =
            ["--lazyfree-lazy-expire", "no", "--lazyfree-lazy-user-del", "no", "--lazyfree-lazy-server-del", "no"];
        let server = start(kind, &all);
        let (mut replica, _, _) = FakeReplica::follow(server.port);
        let (mut conn, mut rng) = (server.connect(), Rng::new(seed));
        conn.line("DEBUG SET-ACTIVE-EXPIRE 0");
        let mut steps = Vec::new();
        for n in 1..=1500 {
            let said = step(&mut conn, &mut rng, n);
            conn.line(&format!("PUBLISH step {n}"));
            steps.push(said);
        }
        conn.line("PUBLISH end 1");
        let mut stream: Vec<String> = replica.commands_until("end").iter().filter_map(|c| plain(c)).collect();
        stream.push("the end".into());
        // Redis 7.0 selects the database before a transaction, later servers inside it.
        for at in 1..stream.len() {
            if stream[at] == "MULTI" && stream[at - 1].starts_with("SELECT ") {
                stream.swap(at - 1, at);
            }
        }
        (stream, steps)
    };
    let ((ours, steps), (theirs, _)) = (run(Kind::Rustredis), run(peer));
    let mut differences = Vec::new();
    let (ours, theirs) = (by_step(&ours), by_step(&theirs));
    for (n, (a, b)) in ours.iter().zip(&theirs).enumerate() {
        if a != b {
            differences.push(format!("{}\n  ours:   {a:?}\n  theirs: {b:?}", steps.get(n).map_or("", |s| s)));
        }
    }
    assert_eq!(ours.len(), theirs.len());
    assert!(
        differences.is_empty(),
        "{} steps differ:\n{}",
        differences.len(),
        differences[..differences.len().min(12)].join("\n")
    );
}

/// What the stream has for each step.
fn by_step(stream: &[String]) -> Vec<Vec<&str>> {
    stream.split(|c| c.starts_with("PUBLISH step ")).map(|part| part.iter().map(String::as_str).collect()).collect()
}

#[test]
fn the_stream_is_that_of_redis() {
    compare(Kind::Redis);
}

#[test]
fn the_stream_is_that_of_valkey() {
    compare(Kind::Valkey);
}
