//! Handing a primary's role over (FAILOVER), waiting for acknowledgements (WAIT, WAITAOF), and shutting down without leaving
//! replicas behind.

mod common;

use common::repl::{field, follow, number, peers, settle, signal, start, until};
use common::{Conn, Kind, Server, escape};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Counts up on the primary until it is told that this is none any more. Returns how often it was told that it did.
fn count_up(port: u16, stop: Arc<AtomicBool>, counted: Arc<AtomicU64>) -> std::thread::JoinHandle<()> {
    std::thread::spawn(move || {
        let mut conn = Conn::open(port);
        while !stop.load(Ordering::SeqCst) {
            let reply = conn.line("INCR counter");
            if !reply.starts_with(':') {
                assert!(reply.starts_with("-READONLY"), "{reply}");
                return;
            }
            counted.fetch_add(1, Ordering::SeqCst);
        }
    })
}

/// The role goes over under load, and comes back: nothing is lost, nobody needs a copy.
fn hand_over(first: Kind, second: Kind) {
    if !peers(&[first, second]) {
        return;
    }
    let (a, b) = (start(first, &[]), start(second, &[]));
    follow(&a, &b);
    let logs = || format!("{}\n---\n{}", a.log(), b.log());
    for (old, new) in [(&a, &b), (&b, &a)] {
        let before = number(&mut new.connect(), "stats", "sync_full");
        let start: u64 = old.connect().tree(&["GET", "counter"]).int().unwrap_or(0) as u64;
        let (stop, counted) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(start)));
        let writers: Vec<_> = (0..3).map(|_| count_up(old.port, stop.clone(), counted.clone())).collect();
        until("writes", logs, || counted.load(Ordering::SeqCst) > start + 100);
        assert_eq!(old.connect().line(&format!("FAILOVER TO 127.0.0.1 {} TIMEOUT 120000", new.port)), "+OK\\r\\n");
        until("the role goes over", logs, || field(&mut new.connect(), "replication", "role") == "master");
        until("the writers hear of it", logs, || writers.iter().all(|w| w.is_finished()));
        writers.into_iter().for_each(|w| w.join().expect("a writer"));
        settle(new, old, "after the failover");
        let counter = new.connect().tree(&["GET", "counter"]).int();
        assert_eq!(counter, Some(counted.load(Ordering::SeqCst) as i64), "{}", logs());
        assert_eq!(number(&mut new.connect(), "stats", "sync_full"), before, "nobody needs a copy: {}", logs());
        assert_eq!(field(&mut old.connect(), "replication", "master_failover_state"), "no-failover");
        stop.store(true, Ordering::SeqCst);
    }
}

#[test]
fn ours_hands_over_to_ours() {
    hand_over(Kind::Rustredis, Kind::Rustredis);
}

#[test]
fn ours_and_redis_hand_over_to_each_other() {
    hand_over(Kind::Rustredis, Kind::Redis);
}

#[test]
fn ours_and_valkey_hand_over_to_each_other() {
    hand_over(Kind::Rustredis, Kind::Valkey);
}

#[test]
fn failover_refuses_what_redis_refuses() {
    if !peers(&[Kind::Redis]) {
        return;
    }
    let primaries = [start(Kind::Rustredis, &[]), start(Kind::Redis, &[])];
    let replicas = [start(Kind::Rustredis, &[]), start(Kind::Redis, &[])];
    let lines = [
        "FAILOVER ABORT",
        "FAILOVER TIMEOUT 0",
        "FAILOVER TIMEOUT -1",
        "FAILOVER TIMEOUT x",
        "FAILOVER TIMEOUT 10 ABORT",
        "FAILOVER ABORT ABORT",
        "FAILOVER TO h",
        "FAILOVER TO h p",
        "FAILOVER TO 127.0.0.1 1",
        "FAILOVER TO 127.0.0.1 99999",
        "FAILOVER TO 127.0.0.1 1 TO 127.0.0.1 1",
        "FAILOVER FORCE",
        "FAILOVER TO 127.0.0.1 1 FORCE",
        "FAILOVER TO 127.0.0.1 1 FORCE TIMEOUT 10",
        "FAILOVER TO 127.0.0.1 1 FORCE FORCE TIMEOUT 10",
        "FAILOVER TIMEOUT 5 FORCE",
        "FAILOVER TIMEOUT 5 TIMEOUT 5",
        "FAILOVER NOSUCH",
        "FAILOVER",
    ];
    let same = |servers: &[Server; 2], lines: &[&str], when: &str| {
        let mut conns = [servers[0].connect(), servers[1].connect()];
        for line in lines {
            let [ours, theirs] = [conns[0].line(line), conns[1].line(line)];
            assert_eq!(ours, theirs, "{when}: {line}");
        }
    };
    same(&primaries, &lines, "without replicas");
    follow(&primaries[0], &replicas[0]);
    follow(&primaries[1], &replicas[1]);
    same(&primaries, &lines[..lines.len() - 1], "on a primary");
    same(&replicas, &lines, "on a replica");
    // A replica that does not answer: it waits, and refuses a second one and REPLICAOF.
    replicas.iter().for_each(|r| signal(r, "STOP"));
    primaries.iter().for_each(|p| drop(p.connect().line("SET late 1")));
    let waiting = ["FAILOVER TIMEOUT 60000", "FAILOVER", "REPLICAOF NO ONE", "REPLICAOF 127.0.0.1 1", "CLIENT UNPAUSE"];
    same(&primaries, &waiting, "while it waits");
    same(&primaries, &["FAILOVER ABORT", "FAILOVER ABORT", "SET after 1"], "given up");
    replicas.iter().for_each(|r| signal(r, "CONT"));
}

#[test]
fn writers_wait_for_a_failover_until_its_time_is_up() {
    let (a, b) = (start(Kind::Rustredis, &[]), start(Kind::Rustredis, &[]));
    follow(&a, &b);
    let mut conn = a.connect();
    signal(&b, "STOP");
    conn.line("SET k 1");
    assert_eq!(conn.line("FAILOVER TIMEOUT 600000"), "+OK\\r\\n");
    assert_eq!(field(&mut conn, "replication", "master_failover_state"), "waiting-for-sync");
    assert_eq!(conn.line("GET k"), "$1\\r\\n1\\r\\n", "reading goes on");
    assert_eq!(conn.line("FAILOVER ABORT"), "+OK\\r\\n");
    let began = Instant::now();
    assert_eq!(conn.line("FAILOVER TIMEOUT 700"), "+OK\\r\\n");
    assert_eq!(conn.line("SET k 2"), "+OK\\r\\n");
    assert!(began.elapsed() >= Duration::from_millis(690), "a write waits: {:?}", began.elapsed());
    assert_eq!(field(&mut conn, "replication", "master_failover_state"), "no-failover");
    assert!(a.log().contains("Replica never caught up before timeout"), "{}", a.log());
    // Forced: this server follows whoever cannot lead yet, gives up by hand, and leads again.
    assert_eq!(conn.line(&format!("FAILOVER TO 127.0.0.1 {} FORCE TIMEOUT 100", b.port)), "+OK\\r\\n");
    until(
        "it follows",
        || a.log(),
        || field(&mut conn, "replication", "master_failover_state") == "failover-in-progress",
    );
    assert_eq!(field(&mut conn, "replication", "role"), "slave");
    assert_eq!(conn.line("FAILOVER ABORT"), "+OK\\r\\n");
    assert_eq!(field(&mut conn, "replication", "role"), "master");
    assert_eq!(conn.line("SET k 3"), "+OK\\r\\n");
    signal(&b, "CONT");
    settle(&a, &b, "after a failover that came to nothing");
}

#[test]
fn a_replica_that_lacks_something_is_made_to_lead_by_force_alone() {
    let (a, b) = (start(Kind::Rustredis, &[]), start(Kind::Rustredis, &[]));
    follow(&a, &b);
    signal(&b, "STOP");
    let mut conn = a.connect();
    conn.line("SET k 1");
    conn.line(&format!("FAILOVER TO 127.0.0.1 {} FORCE TIMEOUT 50", b.port));
    until(
        "it follows",
        || a.log(),
        || field(&mut conn, "replication", "master_failover_state") == "failover-in-progress",
    );
    signal(&b, "CONT");
    let logs = || format!("{}\n---\n{}", a.log(), b.log());
    until("one of them leads, and the other follows", logs, || {
        let roles = [&a, &b].map(|s| field(&mut s.connect(), "replication", "role"));
        let over = field(&mut conn, "replication", "master_failover_state") == "no-failover";
        over && roles == ["slave", "master"]
    });
}

// ---- WAIT and WAITAOF ------------------------------------------------------------------------------------------------

#[test]
fn wait_counts_within_and_without_transactions() {
    for kind in [Kind::Rustredis, Kind::Redis] {
        if !peers(&[kind]) {
            continue;
        }
        let (a, b) = (start(kind, &[]), start(Kind::Rustredis, &[]));
        follow(&a, &b);
        let mut conn = a.connect();
        // Redis counts who has its copy only once it has seen the process end that sent it.
        until("it is online", || a.log(), || field(&mut conn, "replication", "slave0").contains("state=online"));
        assert_eq!(conn.line("WAIT 5 10"), ":1\\r\\n", "nothing written: nothing to wait for");
        conn.line("SET a 1");
        assert_eq!(conn.line("WAIT 1 0"), ":1\\r\\n");
        // Inside a transaction nothing waits, and the transaction stays one.
        let mut other = a.connect();
        for line in ["MULTI", "SET b 1", "WAIT 1 0", "SET c 1"] {
            other.line(line);
        }
        // As of before the transaction; Redis counts its own question for acknowledgements among what is to be acknowledged.
        let reply = other.line("EXEC");
        assert!(
            reply == "*3\\r\\n+OK\\r\\n:1\\r\\n+OK\\r\\n" || (kind == Kind::Redis && reply.contains(":0")),
            "{kind:?}: {reply}"
        );
        signal(&b, "STOP");
        conn.line("SET d 1");
        let began = Instant::now();
        assert_eq!(conn.line("WAIT 1 150"), ":0\\r\\n");
        assert!(began.elapsed() >= Duration::from_millis(145));
        // Another client's writes are none of its business.
        assert_eq!(a.connect().line("WAIT 1 0"), ":1\\r\\n");
        conn.send(&["WAIT", "1", "0"]).expect("a connection");
        std::thread::sleep(Duration::from_millis(50));
        signal(&b, "CONT");
        assert_eq!(escape(&conn.read_reply().expect("a reply")), ":1\\r\\n");
        for refused in ["WAIT x 0", "WAIT 1 x", "WAIT 1 -1"] {
            assert!(conn.line(refused).starts_with('-'), "{refused}");
        }
        settle(&a, &b, "after waiting");
    }
}

#[test]
fn waitaof_waits_for_disks_here_and_there() {
    let aof = ["--appendonly", "yes", "--auto-aof-rewrite-percentage", "0"];
    for (first, second) in
        [(Kind::Rustredis, Kind::Rustredis), (Kind::Valkey, Kind::Rustredis), (Kind::Rustredis, Kind::Valkey)]
    {
        if !peers(&[first, second]) {
            continue;
        }
        let (a, b) = (start(first, &aof), start(second, &aof));
        follow(&a, &b);
        let mut conn = a.connect();
        let what = format!("{second:?} follows {first:?}\n{}\n{}", a.log(), b.log());
        conn.line("SET a 1");
        assert!(conn.line("WAITAOF 1 0 100000").starts_with("*2\\r\\n:1\\r\\n"), "{what}");
        conn.line("SET b 1");
        assert_eq!(conn.line("WAITAOF 1 1 100000"), "*2\\r\\n:1\\r\\n:1\\r\\n", "{what}");
        b.connect().line("CONFIG SET appendfsync no");
        conn.line("SET c 1");
        let reply = conn.line("WAITAOF 0 1 200");
        assert!(reply.ends_with(":0\\r\\n"), "what is not synced does not count: {reply} {what}");
        b.connect().line("CONFIG SET appendfsync always");
        assert!(conn.line("WAITAOF 0 1 100000").ends_with(":1\\r\\n"), "{what}");
        conn.line("CONFIG SET appendonly no");
        assert!(conn.line("WAITAOF 1 0 10").starts_with("-ERR WAITAOF cannot be used when numlocal is set"), "{what}");
        conn.line("SET d 1");
        assert_eq!(conn.line("WAITAOF 0 1 100000"), "*2\\r\\n:0\\r\\n:1\\r\\n", "{what}");
        // A replica without a log of its own has nothing on disk.
        b.connect().line("CONFIG SET appendonly no");
        conn.line("SET e 1");
        assert_eq!(conn.line("WAITAOF 0 1 100"), "*2\\r\\n:0\\r\\n:0\\r\\n", "{what}");
    }
}

/// A log that has just been switched on can be loaded once its first base is written, and not before.
#[test]
fn waitaof_counts_nothing_before_the_first_base() {
    for (first, second) in
        [(Kind::Valkey, Kind::Valkey), (Kind::Rustredis, Kind::Rustredis), (Kind::Valkey, Kind::Rustredis)]
    {
        if !peers(&[first, second]) {
            continue;
        }
        common::in_one_of(3, |n| before_the_first_base(first, second, 400 * n.pow(2)));
    }
}

/// With so many keys, of which each takes 10 ms to write.
fn before_the_first_base(first: Kind, second: Kind, keys: u32) {
    let (a, b) = (start(first, &["--appendfsync", "always"]), start(second, &["--appendfsync", "always"]));
    a.connect().line(&format!("DEBUG POPULATE {keys}"));
    follow(&a, &b);
    let (mut a_conn, mut b_conn) = (a.connect(), b.connect());
    let what = || format!("{second:?} follows {first:?}\n{}\n{}", a.log(), b.log());
    for conn in [&mut a_conn, &mut b_conn] {
        assert_eq!(conn.line("CONFIG SET rdb-key-save-delay 10000"), "+OK\\r\\n");
    }
    a_conn.line("CONFIG SET appendonly yes");
    a_conn.line("SET a 1");
    assert_eq!(a_conn.line("WAITAOF 1 0 300"), "*2\\r\\n:0\\r\\n:0\\r\\n", "{}", what());
    assert_eq!(a_conn.line("WAITAOF 1 0 100000"), "*2\\r\\n:1\\r\\n:0\\r\\n", "{}", what());
    b_conn.line("CONFIG SET appendonly yes");
    a_conn.line("SET b 1");
    assert_eq!(a_conn.line("WAITAOF 1 1 1500"), "*2\\r\\n:1\\r\\n:0\\r\\n", "{}", what());
    assert_eq!(a_conn.line("WAITAOF 1 1 100000"), "*2\\r\\n:1\\r\\n:1\\r\\n", "{}", what());
    // Who waits for a disk that is not used any more is told so.
    a_conn.line("CONFIG SET appendonly no");
    b_conn.line("CONFIG SET appendonly no");
    a_conn.line("CONFIG SET appendonly yes");
    a_conn.send(&["WAITAOF", "1", "0", "0"]).expect("a connection");
    let mut other = a.connect();
    until("it waits", what, || field(&mut other, "clients", "blocked_clients") == "1");
    other.line("CONFIG SET appendonly no");
    let reply = String::from_utf8_lossy(&a_conn.read_reply().expect("a reply")).into_owned();
    assert!(reply.starts_with("-ERR WAITAOF cannot be used when numlocal is set"), "{reply} {}", what());
}

// ---- SHUTDOWN --------------------------------------------------------------------------------------------------------

#[test]
fn a_shutdown_waits_for_replicas_and_can_be_called_off() {
    let (mut a, b) = (start(Kind::Rustredis, &["--shutdown-timeout", "600"]), start(Kind::Rustredis, &[]));
    follow(&a, &b);
    signal(&b, "STOP");
    let (mut conn, mut writer, mut asks) = (a.connect(), a.connect(), a.connect());
    conn.line("SET k 1");
    asks.send(&["SHUTDOWN"]).expect("a connection");
    let waits = |conn: &mut Conn| !field(conn, "server", "shutdown_in_milliseconds").is_empty();
    until("it waits", || a.log(), || waits(&mut conn));
    writer.send(&["SET", "k", "2"]).expect("a connection");
    std::thread::sleep(Duration::from_millis(100));
    assert_eq!(conn.line("GET k"), "$1\\r\\n1\\r\\n", "writes wait, reading goes on");
    assert_eq!(conn.line("SHUTDOWN ABORT"), "+OK\\r\\n");
    assert_eq!(conn.line("SHUTDOWN ABORT"), "-ERR No shutdown in progress.\\r\\n");
    assert!(escape(&asks.read_reply().expect("a reply")).starts_with("-ERR Errors trying to SHUTDOWN"));
    assert_eq!(escape(&writer.read_reply().expect("a reply")), "+OK\\r\\n");
    assert!(!waits(&mut conn));
    asks.send(&["SHUTDOWN"]).expect("a connection");
    until("it waits again", || a.log(), || waits(&mut conn));
    signal(&b, "CONT");
    assert!(a.wait(common::PATIENCE).is_some_and(|s| s.success()), "{}", a.log());
    assert!(a.log().contains("1 of 1 replicas are in sync when shutting down"), "{}", a.log());
    assert_eq!(b.connect().line("GET k"), "$1\\r\\n2\\r\\n");
}

#[test]
fn a_shutdown_waits_no_longer_than_it_may() {
    let (mut a, b) = (start(Kind::Rustredis, &["--shutdown-timeout", "1"]), start(Kind::Rustredis, &[]));
    follow(&a, &b);
    signal(&b, "STOP");
    a.connect().line("SET k 1");
    let began = Instant::now();
    signal(&a, "TERM");
    assert!(a.wait(common::PATIENCE).is_some_and(|s| s.success()), "{}", a.log());
    assert!(began.elapsed() >= Duration::from_millis(900), "{:?}", began.elapsed());
    let log = a.log();
    assert!(log.contains("0 of 1 replicas are in sync when shutting down"), "{log}");
    assert!(log.contains("Lagging replica"), "{log}");
    signal(&b, "CONT");
}
