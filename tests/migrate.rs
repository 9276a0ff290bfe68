//! MIGRATE between servers of every kind, both ways, and what it says when it fails.

mod common;

use common::{Conn, Kind, Options, Server};
use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::atomic::{AtomicBool, Ordering};
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
        assert_eq!(migrate(&mut source, b.port, "s 2 100000"), r"+OK\r\n", "{from:?} to {to:?}");
        assert_eq!(source.line("EXISTS s"), r":0\r\n");
        let all = "- 2 100000 COPY KEYS nosuch n l t i z h x";
        assert_eq!(migrate(&mut source, b.port, all), r"+OK\r\n", "{from:?} to {to:?}");
        assert_eq!(source.line("DBSIZE"), format!(r":{}\r\n", KEYS.len() - 1));
        target.line("SELECT 2");
        assert_eq!(digest(&mut target), want, "{from:?} to {to:?}");
        let ttl: i64 = target.line("PTTL s").trim_matches(|c: char| !c.is_ascii_digit()).parse().expect("a number");
        assert!((50_000..=100_000).contains(&ttl), "{ttl}");
        // They are there already.
        assert!(
            migrate(&mut source, b.port, "n 2 100000").starts_with("-ERR Target instance replied with error: BUSYKEY")
        );
        assert_eq!(migrate(&mut source, b.port, "- 2 100000 REPLACE KEYS n l"), r"+OK\r\n");
        assert_eq!(source.line("EXISTS n l t"), r":1\r\n");
        assert_eq!(migrate(&mut source, b.port, "n 2 100000"), r"+NOKEY\r\n");
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
            "nosuch 0 100000",
            "k 0 100000 foo",
            "k x 100000",
            "k 0 y",
            "k 0 100000 AUTH",
            "k 0 100000 AUTH2 u",
            "k 0 100000 KEYS k",
            "- 0 100000 KEYS",
            "- 0 100000 COPY",
            "k 99 100000",
            "taken 0 100000",
            "taken 0 100000 REPLACE COPY",
            "nosuch 0 -5",
            "- 3 100000 COPY REPLACE KEYS a a",
            "- 0 100000 KEYS a taken b nosuch",
        ] {
            conn.line("MSET k v taken 2 a 1 b 2");
            heard.push(format!("{line}: {}", migrate(&mut conn, target.port, line)));
            heard.push(conn.line("EXISTS k taken a b"));
            target.connect().line("DEL a b");
        }
        for line in [
            "k 0 100000",
            "k 0 100000 AUTH bad",
            "k 0 100000 AUTH2 nobody pw",
            "k 0 100000 COPY AUTH pw",
            "k 0 100000 REPLACE AUTH2 default pw",
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
            heard.push(format!("{script:?}: {}", migrate(&mut conn, once(script), "k 0 100000")));
            heard.push(conn.line("EXISTS k"));
        }
        // No time at all is a second, which a machine that stands still may lose.
        common::in_one_of(3, |_| {
            let mut conn = server.connect();
            conn.line("SET k v");
            assert_eq!(migrate(&mut conn, target.port, "k 0 -5 REPLACE"), r"+OK\r\n", "{kind:?}");
            assert_eq!(conn.line("EXISTS k"), r":0\r\n");
        });
        said.push(heard);
    }
    assert_eq!(said[1], said[0]);
}

/// A server that answers the first thing each connection says with this, and nothing more. Redis tries a second time
/// when a connection ends: it has to meet the same there.
fn once(answer: &'static str) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("its number").port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.expect("a connection");
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(answer.as_bytes());
            // The end of what it says; it goes on listening.
            let _ = stream.shutdown(std::net::Shutdown::Write);
            while stream.read(&mut [0; 4096]).is_ok_and(|n| n > 0) {}
        }
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
    assert_eq!(migrate(&mut conn, target.port, "k 0 100000"), r"+OK\r\n");
    let info = String::from_utf8(conn.ask(&["INFO", "stats"])).expect("text");
    assert!(info.contains("migrate_cached_sockets:1\r\n"), "{info}");
    assert_eq!(conn.line("DEBUG LOADAOF"), r"+OK\r\n");
    assert_eq!(conn.line("EXISTS k other"), r":1\r\n");
    // A kept connection that was closed meanwhile is no reason to fail.
    let mut other = target.connect();
    other.line("CLIENT KILL TYPE normal SKIPME yes");
    conn.line("SET k v");
    assert_eq!(migrate(&mut conn, target.port, "k 0 100000 REPLACE"), r"+OK\r\n");
}

/// A server that takes keys when it is told to: it reads, and sends `+OK` for each RESTORE once the gate is open.
struct Slow {
    port: u16,
    open: std::sync::Arc<std::sync::atomic::AtomicBool>,
    heard: std::sync::Arc<std::sync::atomic::AtomicUsize>,
}

impl Slow {
    fn start() -> Slow {
        use std::sync::atomic::Ordering::SeqCst;
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("its number").port();
        let (open, heard) = (std::sync::Arc::default(), std::sync::Arc::default());
        let slow = Slow { port, open, heard };
        let (open, heard) = (slow.open.clone(), slow.heard.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (mut stream, open, heard) = (stream.expect("a connection"), open.clone(), heard.clone());
                std::thread::spawn(move || {
                    let mut buf = [0; 4096];
                    while let Ok(n @ 1..) = stream.read(&mut buf) {
                        let keys = buf[..n].windows(7).filter(|w| w == b"RESTORE").count();
                        heard.fetch_add(keys, SeqCst);
                        while !open.load(SeqCst) {
                            std::thread::sleep(Duration::from_millis(1));
                        }
                        let _ = stream.write_all("+OK\r\n".repeat(keys).as_bytes());
                    }
                });
            }
        });
        slow
    }

    fn open(&self, open: bool) {
        self.open.store(open, std::sync::atomic::Ordering::SeqCst);
    }

    fn has_heard(&self, keys: usize) {
        let deadline = Instant::now() + common::PATIENCE;
        while self.heard.load(std::sync::atomic::Ordering::SeqCst) < keys {
            assert!(Instant::now() < deadline, "nothing was sent");
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

/// While a slow server thinks, those who name the key wait and all others are served at once, on each worker.
#[test]
fn a_slow_target_stalls_nobody_else() {
    for threads in [1, 2] {
        let server = Server::start(Kind::Rustredis, &Options::args(&format!("--threads {threads} --appendonly yes")));
        let mut conn = server.connect();
        conn.line("MSET k v m w other 1");
        let slow = Slow::start();
        let mut mover = server.connect();
        let port = slow.port.to_string();
        mover.send(&["MIGRATE", "127.0.0.1", &port, "", "0", "600000", "KEYS", "k", "m"]).expect("sent");
        slow.has_heard(2);
        // Enough connections for every worker to have some.
        let mut others: Vec<Conn> = (0..6).map(|_| server.connect()).collect();
        // The other server does not go on until it is told to: who had to wait for it would wait for ten minutes.
        for other in &mut others {
            for (line, want) in [
                ("GET other", r"$1\r\n1\r\n"),
                ("EVAL return(redis.call('GET',KEYS[1])) 1 other", r"$1\r\n1\r\n"),
                ("DBSIZE", r":3\r\n"),
                ("PING", r"+PONG\r\n"),
            ] {
                assert_eq!(other.line(line), want, "{line}");
            }
        }
        let id = mover_id(&mut conn);
        assert_eq!(conn.line(&format!("CLIENT UNBLOCK {id}")), r":0\r\n");
        // Reads, writes, transactions and scripts that name a key, and a second MIGRATE of it.
        let mut waiting: Vec<(Conn, &str)> = Vec::new();
        for (words, want) in [
            (vec!["GET", "k"], r"$-1\r\n"),
            (vec!["APPEND", "m", "x"], r":1\r\n"),
            (vec!["EVAL", "return redis.call('EXISTS',KEYS[1])", "1", "k"], r":0\r\n"),
            (vec!["MIGRATE", "127.0.0.1", &port, "k", "0", "600000"], r"+NOKEY\r\n"),
        ] {
            let mut c = server.connect();
            c.send(&words).expect("sent");
            waiting.push((c, want));
        }
        let mut c = server.connect();
        for line in ["MULTI", "EXISTS k"] {
            c.line(line);
        }
        c.send(&["EXEC"]).expect("sent");
        waiting.push((c, r"*1\r\n:0\r\n"));
        for (c, want) in &waiting {
            c.stream().set_nonblocking(true).expect("set");
            assert!(c.stream().peek(&mut [0; 1]).is_err(), "answered already: {want}");
            c.stream().set_nonblocking(false).expect("set");
        }
        slow.open(true);
        assert_eq!(mover.read_reply().expect("an answer"), b"+OK\r\n");
        for (c, want) in &mut waiting {
            assert_eq!(common::escape(&c.read_reply().expect("an answer")), *want);
        }
        // One command in the log, and it says that both are gone.
        assert_eq!(conn.line("DEBUG LOADAOF"), r"+OK\r\n");
        assert_eq!(conn.line("EXISTS k m other"), r":2\r\n", "APPEND made m again");
    }
}

/// The client that waits for the other server.
fn mover_id(conn: &mut Conn) -> String {
    let list = String::from_utf8(conn.ask(&["CLIENT", "LIST"])).expect("text");
    let line = list.lines().find(|line| line.contains("cmd=migrate")).expect("it is listed");
    line.split(' ').find_map(|word| word.strip_prefix("id=")).expect("an id").to_owned()
}

/// What gets at a key without naming it goes ahead: a key that was changed stays, one that is gone is gone.
#[test]
fn a_key_that_changes_on_its_way_stays() {
    let cases: &[(&str, &str, &str, &str)] = &[
        // What happens meanwhile; what MIGRATE says; the key afterwards; whether it is there.
        ("EVAL return(redis.call('APPEND','k','!')) 0", "-IOERR a key was changed", r"$2\r\nv!\r\n", "1"),
        ("EVAL return(redis.call('DEL','k')) 0", "+OK", r"$-1\r\n", "0"),
        ("FLUSHALL", "+OK", r"$-1\r\n", "0"),
        ("SWAPDB 0 1", "-IOERR a key was changed", r"$5\r\nother\r\n", "1"),
    ];
    for threads in [1, 2] {
        for (meanwhile, said, value, exists) in cases {
            let server = Server::start(Kind::Rustredis, &Options::args(&format!("--threads {threads}")));
            let mut conn = server.connect();
            conn.line("SET k v");
            for line in ["SELECT 1", "SET k other", "SELECT 0"] {
                conn.line(line);
            }
            let slow = Slow::start();
            let port = slow.port.to_string();
            let mut mover = server.connect();
            mover.send(&["MIGRATE", "127.0.0.1", &port, "k", "0", "600000"]).expect("sent");
            slow.has_heard(1);
            let answer = conn.line(meanwhile);
            assert!(!answer.starts_with('-'), "{meanwhile}: {answer}");
            slow.open(true);
            let reply = String::from_utf8(mover.read_reply().expect("an answer")).expect("text");
            assert!(reply.starts_with(said), "{meanwhile}: {reply}");
            assert_eq!(conn.line("GET k"), *value, "{meanwhile}");
            assert_eq!(conn.line("EXISTS k"), format!(r":{exists}\r\n"), "{meanwhile}");
        }
    }
}

/// Whoever asked may be gone by the time; a key whose time comes meanwhile is gone as well. Inside EXEC it goes at once.
#[test]
fn moves_come_to_their_end() {
    let server = Server::start(Kind::Rustredis, &Options::args("--threads 2"));
    let mut conn = server.connect();
    conn.line("SET k v");
    let slow = Slow::start();
    let port = slow.port.to_string();
    let mut mover = server.connect();
    mover.send(&["MIGRATE", "127.0.0.1", &port, "k", "0", "600000"]).expect("sent");
    slow.has_heard(1);
    drop(mover);
    slow.open(true);
    // It waits until the move is over.
    assert_eq!(conn.line("EXISTS k"), r":0\r\n");
    slow.open(false);
    // It lives for long enough to be sent.
    let mut mover = common::in_one_of(4, |n| {
        let (mut conn, mut mover) = (server.connect(), server.connect());
        let heard = slow.heard.load(std::sync::atomic::Ordering::SeqCst);
        conn.line(&format!("SET k v PX {}", 30 * 10u32.pow(n)));
        mover.send(&["MIGRATE", "127.0.0.1", &port, "k", "0", "600000"]).expect("sent");
        let under_way = || slow.heard.load(std::sync::atomic::Ordering::SeqCst) > heard;
        mover.stream().set_read_timeout(Some(Duration::from_millis(1))).expect("set");
        while !under_way() {
            assert!(mover.stream().peek(&mut [0; 1]).is_err(), "it was gone already");
        }
        mover.stream().set_read_timeout(Some(common::PATIENCE)).expect("set");
        mover
    });
    let deadline = Instant::now() + common::PATIENCE;
    while conn.line("DBSIZE") != r":0\r\n" {
        assert!(Instant::now() < deadline, "it does not expire");
        std::thread::sleep(Duration::from_millis(10));
    }
    slow.open(true);
    assert_eq!(mover.read_reply().expect("an answer"), b"+OK\r\n");
    conn.line("SET k v");
    conn.line("MULTI");
    conn.ask(&["MIGRATE", "127.0.0.1", &port, "k", "0", "600000"]);
    conn.line("EXISTS k");
    assert_eq!(conn.line("EXEC"), r"*2\r\n+OK\r\n:0\r\n");
}

/// Counters are moved to and fro while clients count on whichever server has them: nothing that was acknowledged is lost, and each
/// counter is in one place.
#[test]
fn counters_survive_their_moves() {
    let seed = common::env_number("MIGRATE_SEED", 1);
    eprintln!("MIGRATE_SEED={seed}");
    let servers = [1, 2].map(|n| Server::start(Kind::Rustredis, &Options::args(&format!("--threads {n}"))));
    const KEYS: usize = 8;
    let mut conn = servers[0].connect();
    (0..KEYS).for_each(|i| drop(conn.line(&format!("SET c{i} 0"))));
    // For three seconds, and until every counter was counted on.
    let (end, seen) = (Instant::now() + Duration::from_secs(3), [const { AtomicBool::new(false) }; KEYS]);
    let goes_on = || {
        let now = Instant::now();
        now < end || now < end + common::PATIENCE && !seen.iter().all(|seen| seen.load(Ordering::Relaxed))
    };
    let counted: Vec<usize> = std::thread::scope(|scope| {
        for (from, to) in [(0, 1), (1, 0), (0, 1)] {
            let (servers, goes_on, mut rng) = (&servers, &goes_on, common::Rng::new(seed + 100 + from as u64));
            scope.spawn(move || {
                let mut c = servers[from].connect();
                while goes_on() {
                    let key = format!("c{}", rng.below(KEYS));
                    let said = migrate(&mut c, servers[to].port, &format!("{key} 0 100000"));
                    assert!([r"+OK\r\n", r"+NOKEY\r\n"].contains(&said.as_str()), "{said}");
                }
            });
        }
        let clients: Vec<_> = (0..4)
            .map(|n| {
                let (servers, goes_on, seen, mut rng) = (&servers, &goes_on, &seen, common::Rng::new(seed + n));
                scope.spawn(move || {
                    let mut conns = [servers[0].connect(), servers[1].connect()];
                    let mut counted = vec![0; KEYS];
                    while goes_on() {
                        let i = rng.below(KEYS);
                        let key = format!("c{i}");
                        // Those that do not wait, EXEC and scripts take turns.
                        let script = "return redis.call('EXISTS',KEYS[1]) == 1 and redis.call('INCR',KEYS[1]) or -1";
                        let conn = &mut conns[rng.below(2)];
                        if conn.ask(&["EVAL", script, "1", &key]) != b":-1\r\n" {
                            counted[i] += 1;
                            seen[i].store(true, Ordering::Relaxed);
                        }
                    }
                    counted
                })
            })
            .collect();
        let each = clients.into_iter().map(|c| c.join().expect("no panic"));
        each.fold(vec![0; KEYS], |sum, one| sum.iter().zip(one).map(|(a, b)| a + b).collect())
    });
    let mut conns = [servers[0].connect(), servers[1].connect()];
    assert!(counted.iter().all(|n| *n > 0), "{counted:?}");
    for (i, n) in counted.iter().enumerate() {
        let found: Vec<String> = conns.iter_mut().map(|c| c.line(&format!("GET c{i}"))).collect();
        let there: Vec<&String> = found.iter().filter(|v| *v != r"$-1\r\n").collect();
        assert_eq!(there, [&common::escape(format!("${}\r\n{n}\r\n", n.to_string().len()).as_bytes())], "c{i}");
    }
}
