//! MIGRATE between servers of every kind, both ways, and what it says when it fails.

mod common;

use common::{Conn, Kind, Options, Server};
use std::io::{Read, Write};
use std::net::TcpListener;
use std::time::{Duration, Instant};

/// The words behind host and port; `-` is the empty one.
fn migrate(conn: &mut Conn, to: u16, rest: &str) -> String {
    let port = to.to_string();
    let rest = rest.split(' ').map(|word| if word == "-" { "" } else { word });
    let words: Vec<&str> = ["MIGRATE", "127.0.0.1", &port].into_iter().chain(rest).collect();
    common::escape(&conn.ask(&words))
}

/// Values of every type that both sides know.
const KEYS: &[(&str, &str)] = &[
    ("s", "SET s hello"),
    ("n", "SET n 12345"),
    ("l", "RPUSH l a b c 1 2 3"),
    ("t", "SADD t x y z"),
    ("i", "SADD i 1 2 3"),
    ("z", "ZADD z 1 a 2.5 b"),
    ("h", "HSET h f v g 7"),
    ("x", "XADD x 5-1 f v"),
];

#[test]
fn keys_move_both_ways() {
    for (from, to) in [
        (Kind::Rustredis, Kind::Rustredis),
        (Kind::Rustredis, Kind::Redis),
        (Kind::Rustredis, Kind::Valkey),
        (Kind::Redis, Kind::Rustredis),
        (Kind::Valkey, Kind::Rustredis),
    ] {
        for kind in [from, to] {
            if common::find(kind).is_none() {
                common::skip(&format!("{kind:?}"), kind.how_to_install());
                return;
            }
        }
        let (a, b) = (Server::start(from, &Options::default()), Server::start(to, &Options::default()));
        let (mut source, mut target) = (a.connect(), b.connect());
        let digest = |conn: &mut Conn| {
            KEYS.iter().map(|(key, _)| conn.line(&format!("DEBUG DIGEST-VALUE {key}"))).collect::<Vec<_>>()
        };
        KEYS.iter().for_each(|(_, command)| drop(source.line(command)));
        source.line("PEXPIRE s 100000");
        let want = digest(&mut source);
        assert_eq!(migrate(&mut source, b.port, "s 2 5000"), r"+OK\r\n", "{from:?} to {to:?}");
        assert_eq!(source.line("EXISTS s"), r":0\r\n");
        let all = "- 2 5000 COPY KEYS nosuch n l t i z h x";
        assert_eq!(migrate(&mut source, b.port, all), r"+OK\r\n", "{from:?} to {to:?}");
        assert_eq!(source.line("DBSIZE"), format!(r":{}\r\n", KEYS.len() - 1));
        target.line("SELECT 2");
        assert_eq!(digest(&mut target), want, "{from:?} to {to:?}");
        let ttl: i64 = target.line("PTTL s").trim_matches(|c: char| !c.is_ascii_digit()).parse().expect("a number");
        assert!((50_000..=100_000).contains(&ttl), "{ttl}");
        // They are there already.
        assert!(
            migrate(&mut source, b.port, "n 2 5000").starts_with("-ERR Target instance replied with error: BUSYKEY")
        );
        assert_eq!(migrate(&mut source, b.port, "- 2 5000 REPLACE KEYS n l"), r"+OK\r\n");
        assert_eq!(source.line("EXISTS n l t"), r":1\r\n");
        assert_eq!(migrate(&mut source, b.port, "n 2 5000"), r"+NOKEY\r\n");
    }
}

/// What it says, compared with what Redis says.
#[test]
fn it_refuses_as_redis_does() {
    if common::find(Kind::Redis).is_none() {
        return common::skip("redis-server", Kind::Redis.how_to_install());
    }
    let guarded = Server::start(Kind::Redis, &Options::args("--requirepass pw"));
    let target = Server::start(Kind::Redis, &Options::default());
    let mut said: Vec<Vec<String>> = Vec::new();
    for kind in [Kind::Redis, Kind::Rustredis] {
        let server = Server::start(kind, &Options::default());
        let mut conn = server.connect();
        target.connect().line("FLUSHALL");
        target.connect().line("SET taken 1");
        let mut owner = guarded.connect();
        owner.line("AUTH pw");
        owner.line("FLUSHALL");
        let mut heard = Vec::new();
        for line in [
            "nosuch 0 5000",
            "k 0 5000 foo",
            "k x 5000",
            "k 0 y",
            "k 0 5000 AUTH",
            "k 0 5000 AUTH2 u",
            "k 0 5000 KEYS k",
            "- 0 5000 KEYS",
            "- 0 5000 COPY",
            "k 99 5000",
            "taken 0 5000",
            "taken 0 5000 REPLACE COPY",
            "taken 0 -5 REPLACE",
            "- 3 5000 COPY REPLACE KEYS a a",
            "- 0 5000 KEYS a taken b nosuch",
        ] {
            conn.line("MSET k v taken 2 a 1 b 2");
            heard.push(format!("{line}: {}", migrate(&mut conn, target.port, line)));
            heard.push(conn.line("EXISTS k taken a b"));
            target.connect().line("DEL a b");
        }
        for line in [
            "k 0 5000",
            "k 0 5000 AUTH bad",
            "k 0 5000 AUTH2 nobody pw",
            "k 0 5000 COPY AUTH pw",
            "k 0 5000 REPLACE AUTH2 default pw",
        ] {
            heard.push(format!("{line}: {}", migrate(&mut conn, guarded.port, line)));
        }
        conn.line("SET k v");
        heard.push(conn.line("MIGRATE nosuchhost.invalid 1 k 0 100"));
        heard.push(conn.line("MIGRATE 127.0.0.1 1 k 0 100"));
        heard.push(conn.line("MIGRATE 127.0.0.1 x k 0 100"));
        // AUTH and SELECT may be asked first: the same answer to both.
        for script in ["", "+OK\r\n+OK\r\n", "-FOO bar\r\n+OK\r\n", ":1\r\n:2\r\n", "+O"] {
            conn.line("SET k v");
            heard.push(format!("{script:?}: {}", migrate(&mut conn, once(script), "k 0 300")));
            heard.push(conn.line("EXISTS k"));
        }
        said.push(heard);
    }
    assert_eq!(said[1], said[0]);
}

/// A server that answers the first thing it hears with this, and nothing more.
fn once(answer: &'static str) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("its number").port();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a connection");
        let _ = stream.read(&mut [0; 4096]);
        let _ = stream.write_all(answer.as_bytes());
        std::thread::sleep(Duration::from_millis(500));
    });
    port
}

/// Nobody answers: the key stays, and is as it was for everybody once the time is over.
#[test]
fn what_nobody_takes_stays() {
    let server = Server::start(Kind::Rustredis, &Options::args("--threads 2 --appendonly yes --appendfsync always"));
    let mut conn = server.connect();
    conn.line("MSET k v other 1");
    // The system takes the connection, and that is all.
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = silent.local_addr().expect("its number").port();
    let began = Instant::now();
    std::thread::scope(|scope| {
        let moving = scope.spawn(|| migrate(&mut server.connect(), port, "k 0 400"));
        std::thread::sleep(Duration::from_millis(100));
        // A write to it comes before or after, and is not lost.
        assert_eq!(server.connect().line("APPEND k w"), r":2\r\n");
        assert!(moving.join().expect("an answer").starts_with("-IOERR error or timeout reading"));
    });
    assert!(began.elapsed() >= Duration::from_millis(400));
    assert_eq!(conn.line("SET k v"), r"+OK\r\n");
    assert_eq!(conn.line("GET k"), r"$1\r\nv\r\n");
    // What went is gone after a start from the log, too.
    let target = Server::rustredis();
    assert_eq!(migrate(&mut conn, target.port, "k 0 5000"), r"+OK\r\n");
    let info = String::from_utf8(conn.ask(&["INFO", "stats"])).expect("text");
    assert!(info.contains("migrate_cached_sockets:1\r\n"), "{info}");
    assert_eq!(conn.line("DEBUG LOADAOF"), r"+OK\r\n");
    assert_eq!(conn.line("EXISTS k other"), r":1\r\n");
    // A kept connection that was closed meanwhile is no reason to fail.
    let mut other = target.connect();
    other.line("CLIENT KILL TYPE normal SKIPME yes");
    conn.line("SET k v");
    assert_eq!(migrate(&mut conn, target.port, "k 0 5000 REPLACE"), r"+OK\r\n");
}
