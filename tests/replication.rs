//! Replication with real servers on the other end: whole copies, the stream, links cut at random points, chains, and
//! primaries that misbehave. Seeds are printed; `REPL_SEED` repeats one.

mod common;

use common::repl::{PATIENCE, field, number, peers, seed, settle, start, until};
use common::{Conn, Kind, Rng, Server};
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Random writes of every type, in several databases, some in transactions.
fn write(conn: &mut Conn, rng: &mut Rng, commands: usize) {
    for _ in 0..commands {
        let (k, n) = (rng.below(40), rng.below(1000));
        let line = match rng.below(22) {
            0 => format!("SET s{k} {n}"),
            1 => format!("SET s{k} {} EX {}", "v".repeat(n), 100 + n),
            2 => format!("INCRBYFLOAT f{k} 0.{n}"),
            3 => format!("RPUSH l{k} {n} {}", "x".repeat(n % 90)),
            4 => format!("LPOP l{k} 3"),
            5 => format!("SADD m{k} {n} a{n}"),
            6 => format!("SPOP m{k} 2"),
            7 => format!("ZADD z{k} {n}.5 m{n}"),
            8 => format!("ZPOPMIN z{k}"),
            9 => format!("HSET h{k} f{n} {n}"),
            10 => format!("XADD x{k} * f {n}"),
            11 => format!("XTRIM x{k} MAXLEN 20"),
            12 => format!("PFADD p{k} {n}"),
            13 => format!("SETBIT b{k} {n} 1"),
            14 => format!("SELECT {}", n % 3),
            15 => format!("DEL s{k} l{k}"),
            16 => format!("GETEX s{k} PX {}", 100_000 + n),
            17 => format!("LMOVE l{k} l{} LEFT RIGHT", (k + 1) % 40),
            18 => format!("SINTERSTORE m{k} m{k} m{}", (k + 1) % 40),
            19 => format!("PUBLISH channel{k} {n}"),
            20 => format!("GEOADD g{k} 13.{n} 38.{n} p{n}"),
            _ => {
                conn.line("MULTI");
                conn.line(&format!("SET t{k} {n}"));
                conn.line(&format!("RPUSH l{k} {n}"));
                "EXEC".to_owned()
            }
        };
        let reply = conn.line(&line);
        assert!(!reply.starts_with("-ERR"), "{line}: {reply}");
    }
    conn.line("SELECT 0");
}

/// A proxy that can cut what goes through it, and does so by itself after some bytes towards the replica.
struct Proxy {
    port: u16,
    links: Arc<Mutex<Vec<TcpStream>>>,
    budget: Arc<AtomicUsize>,
}

impl Proxy {
    fn start(to: u16) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let links: Arc<Mutex<Vec<TcpStream>>> = Arc::default();
        let budget = Arc::new(AtomicUsize::new(usize::MAX));
        let (all, left) = (links.clone(), budget.clone());
        std::thread::spawn(move || {
            for inner in listener.incoming().map_while(Result::ok) {
                let Ok(outer) = TcpStream::connect(("127.0.0.1", to)) else { continue };
                let clone = |s: &TcpStream| s.try_clone().expect("a descriptor");
                all.lock().expect("no panic").extend([clone(&inner), clone(&outer)]);
                pump(clone(&inner), clone(&outer), Arc::new(AtomicUsize::new(usize::MAX)));
                pump(outer, inner, left.clone());
            }
        });
        Proxy { port, links, budget }
    }

    /// Lets so many bytes through and cuts then.
    fn cut_after(&self, bytes: usize) {
        self.budget.store(bytes, Ordering::SeqCst);
    }

    fn cut(&self) {
        for link in self.links.lock().expect("no panic").drain(..) {
            let _ = link.shutdown(Shutdown::Both); // it may be gone already
        }
    }
}

fn pump(mut from: TcpStream, mut to: TcpStream, budget: Arc<AtomicUsize>) {
    std::thread::spawn(move || {
        let mut buffer = [0; 1024];
        while let Ok(n @ 1..) = from.read(&mut buffer) {
            let left = budget.load(Ordering::SeqCst);
            let now = n.min(left);
            if to.write_all(&buffer[..now]).is_err() {
                break;
            }
            if left != usize::MAX {
                budget.store(if now < n { usize::MAX } else { left - now }, Ordering::SeqCst);
            }
            if now < n {
                break;
            }
        }
        let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both)); // the other thread may have been first
    });
}

/// Copy, stream, cuts at random bytes: partial resynchronizations only.
fn pair(primary: Kind, replica: Kind, args: &[&str]) {
    if !peers(&[primary, replica]) {
        return;
    }
    let mut rng = Rng::new(seed());
    // A PING that only one of them counts, and the new primary would not have all of its replica's history.
    let calm = ["--repl-ping-replica-period", "3600", "--repl-timeout", "3600"];
    let (a, b) = (start(primary, &[args, &calm].concat()), start(replica, &calm));
    let proxy = Proxy::start(a.port);
    let mut conn = a.connect();
    write(&mut conn, &mut rng, 400);
    b.connect().line(&format!("REPLICAOF 127.0.0.1 {}", proxy.port));
    write(&mut conn, &mut rng, 400);
    settle(&a, &b, "after the copy");
    let refused = b.connect().line("SET x 1");
    assert!(refused.starts_with("-READONLY"), "{refused}");
    for round in 0..4 {
        match round % 2 {
            0 => proxy.cut(),
            _ => proxy.cut_after(rng.below(20_000)),
        }
        write(&mut conn, &mut rng, 300);
        settle(&a, &b, &format!("after cut {round}"));
    }
    assert_eq!(number(&mut conn, "stats", "sync_full"), 1, "a cut link must not need another copy\n{}", b.log());
    assert!(number(&mut conn, "stats", "sync_partial_ok") >= 2);
    conn.line("SET last 1");
    assert_eq!(conn.line("WAIT 1 100000"), ":1\\r\\n");
    // Its question for acknowledgements is a part of the stream, too.
    settle(&a, &b, "before the roles change");
    // Handing over: the replica leads, and the old primary follows it without another copy.
    b.connect().line("REPLICAOF NO ONE");
    a.connect().line(&format!("REPLICAOF 127.0.0.1 {}", b.port));
    write(&mut b.connect(), &mut rng, 200);
    settle(&b, &a, "after the roles changed");
    assert_eq!(number(&mut b.connect(), "stats", "sync_partial_ok"), 1, "{}\n---\n{}", a.log(), b.log());
}

#[test]
fn rustredis_follows_rustredis() {
    pair(Kind::Rustredis, Kind::Rustredis, &[]);
}

#[test]
fn rustredis_follows_redis() {
    pair(Kind::Redis, Kind::Rustredis, &[]);
}

#[test]
fn rustredis_follows_redis_by_way_of_a_file() {
    pair(Kind::Redis, Kind::Rustredis, &["--repl-diskless-sync", "no"]);
}

#[test]
fn rustredis_follows_valkey() {
    pair(Kind::Valkey, Kind::Rustredis, &[]);
}

#[test]
fn redis_follows_rustredis() {
    pair(Kind::Rustredis, Kind::Redis, &[]);
}

#[test]
fn redis_follows_rustredis_by_way_of_a_file() {
    pair(Kind::Rustredis, Kind::Redis, &["--repl-diskless-sync", "no"]);
}

#[test]
fn valkey_follows_rustredis() {
    pair(Kind::Rustredis, Kind::Valkey, &[]);
}

#[test]
fn chains_of_all_kinds_hold_the_same() {
    let kinds = [Kind::Redis, Kind::Rustredis, Kind::Valkey, Kind::Rustredis, Kind::Rustredis];
    if !peers(&kinds) {
        return;
    }
    let mut rng = Rng::new(seed());
    // Valkey 9 writes copies that Redis 7 does not read, so it never stands before one.
    let chain: Vec<Server> = kinds.iter().map(|kind| start(*kind, &[])).collect();
    let mut conn = chain[0].connect();
    write(&mut conn, &mut rng, 200);
    for pair in chain.windows(2) {
        pair[1].connect().line(&format!("REPLICAOF 127.0.0.1 {}", pair[0].port));
        settle(&pair[0], &pair[1], "a link of the chain");
        // Somewhere in a database that the next one has not heard of.
        conn.line(&format!("SELECT {}", rng.below(3)));
        write(&mut conn, &mut rng, 50);
    }
    write(&mut conn, &mut rng, 500);
    for server in &chain[1..] {
        settle(&chain[0], server, "the chain");
    }
}

#[test]
fn what_has_expired_is_hidden_and_removed_only_when_the_primary_says_so() {
    let (a, b) = (start(Kind::Rustredis, &[]), start(Kind::Rustredis, &[]));
    b.connect().line(&format!("REPLICAOF 127.0.0.1 {}", a.port));
    settle(&a, &b, "the copy");
    let (mut a_conn, mut b_conn) = (a.connect(), b.connect());
    a_conn.line("DEBUG SET-ACTIVE-EXPIRE 0");
    a_conn.line("SET k v PX 50");
    settle(&a, &b, "a key with an expiry");
    std::thread::sleep(Duration::from_millis(120));
    assert_eq!(b_conn.line("GET k"), "$-1\\r\\n");
    assert_eq!(b_conn.line("EXISTS k"), ":0\\r\\n");
    assert_eq!(b_conn.line("DBSIZE"), ":1\\r\\n", "a replica removes nothing by itself");
    a_conn.line("GET k");
    settle(&a, &b, "the removal");
    assert_eq!(b_conn.line("DBSIZE"), ":0\\r\\n");
}

/// A primary that misbehaves: for each connection, what it answers from PSYNC on.
fn false_primary(answers: Vec<Vec<u8>>) -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let served = Arc::new(AtomicUsize::new(0));
    let count = served.clone();
    std::thread::spawn(move || {
        for (mut stream, answer) in listener.incoming().map_while(Result::ok).zip(answers) {
            let mut buffer = [0; 4096];
            while let Ok(n @ 1..) = stream.read(&mut buffer) {
                let said = String::from_utf8_lossy(&buffer[..n]).into_owned();
                let reply = if said.contains("PSYNC") { &answer[..] } else { b"+OK\r\n" };
                if stream.write_all(if said.contains("PING") { b"+PONG\r\n" } else { reply }).is_err() {
                    break;
                }
                if said.contains("PSYNC") || said.contains("SYNC") {
                    break;
                }
            }
            count.fetch_add(1, Ordering::SeqCst);
        }
    });
    (port, served)
}

#[test]
fn a_primary_that_talks_nonsense_costs_nothing_but_log_lines() {
    let id = "0123456789abcdef0123456789abcdef01234567";
    let full = format!("+FULLRESYNC {id} 7\r\n");
    let answers: Vec<Vec<u8>> = vec![
        b"+HELLO\r\n".to_vec(),
        b"+FULLRESYNC\r\n".to_vec(),
        b"+FULLRESYNC zzz -5\r\n".to_vec(),
        b"+CONTINUE not-an-id\r\n".to_vec(),
        b"*3\r\n$-7\r\n".to_vec(),
        vec![b'x'; 100_000],
        [full.as_bytes(), b"garbage\r\n"].concat(),
        [full.as_bytes(), b"$-1\r\n"].concat(),
        [full.as_bytes(), b"$99999999999999999999\r\n"].concat(),
        [full.as_bytes(), b"$1000000\r\nREDIS0010 and then it dies"].concat(),
        [full.as_bytes(), b"$EOF:short\r\n"].concat(),
    ];
    let wanted = answers.len();
    let (port, served) = false_primary(answers);
    let mut server = start(Kind::Rustredis, &[]);
    let mut conn = server.connect();
    conn.line("SET kept 1");
    conn.line(&format!("REPLICAOF 127.0.0.1 {port}"));
    let deadline = Instant::now() + 2 * PATIENCE;
    while served.load(Ordering::SeqCst) < wanted && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(served.load(Ordering::SeqCst), wanted, "it must try again and again\n{}", server.log());
    assert!(server.alive());
    assert_eq!(conn.line("GET kept"), "$1\\r\\n1\\r\\n", "nothing of a copy came whole, so the old data is kept");
    assert!(!server.log().contains("panicked"), "{}", server.log());
}

#[test]
fn a_replica_that_acknowledges_nonsense_is_not_believed() {
    let server = start(Kind::Rustredis, &[]);
    let mut replica = server.connect();
    replica.line("REPLCONF listening-port 1 capa eof capa psync2");
    replica.send(&["PSYNC", "?", "-1"]).expect("a connection");
    let mut conn = server.connect();
    until("it has its copy", || server.log(), || field(&mut conn, "replication", "slave0").contains("state=online"));
    for wild in ["9223372036854775807", "-5", "x"] {
        replica.send(&["REPLCONF", "ACK", wild]).expect("a connection");
    }
    conn.line("SET a 1");
    assert_eq!(conn.line("WAIT 1 300"), ":0\\r\\n", "what was not sent cannot have arrived");
}

#[test]
fn two_nodes_that_follow_each_other_wait_and_can_be_parted() {
    let (mut a, mut b) = (start(Kind::Rustredis, &[]), start(Kind::Rustredis, &[]));
    a.connect().line("SET k 1");
    a.connect().line(&format!("REPLICAOF 127.0.0.1 {}", b.port));
    b.connect().line(&format!("REPLICAOF 127.0.0.1 {}", a.port));
    std::thread::sleep(Duration::from_secs(3));
    assert!(a.alive() && b.alive());
    a.connect().line("REPLICAOF NO ONE");
    a.connect().line("SET k 2");
    settle(&a, &b, "after they were parted");
}
