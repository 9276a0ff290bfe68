//! Copies that have the stream between their pieces: what the primary keeps for a replica, several replicas of several kinds fed
//! from one walk, ends that come in the middle.

mod common;

use common::fake::FakeReplica;
use common::repl::{field, follow, number, peers, settle, signal, start, until};
use common::{Conn, Kind, Server};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

const SOON: Duration = Duration::from_millis(400);
const PATIENT: Duration = common::PATIENCE;

#[test]
fn the_stream_flows_while_the_copy_stands_still() {
    let server = start(Kind::Rustredis, &["--rdbcompression", "no", "--repl-ping-replica-period", "3600"]);
    let mut conn = server.connect();
    let value = "v".repeat(1000);
    for n in 0..20_000 {
        conn.send(&["SET", &format!("k{n}"), &value]).expect("a connection");
    }
    (0..20_000).for_each(|_| drop(conn.read_reply().expect("an answer")));
    let (mut replica, offset) = FakeReplica::interleaving(server.port);
    let (mut copy, mut stream) = (Vec::new(), Vec::new());
    // Nobody says that anything of the copy was used: so no more of it comes than the window has room for.
    const WINDOW: usize = 8 << 20;
    while let Some((tag, bytes)) = replica.frame(if copy.len() < WINDOW / 2 { PATIENT } else { SOON }) {
        match tag {
            b'C' => copy.extend(bytes),
            b'S' => stream.extend(bytes),
            other => panic!("a frame {other}"),
        }
    }
    assert!((WINDOW / 2..=WINDOW).contains(&copy.len()), "{} bytes of the copy", copy.len());
    let (before, big) = (server.memory_kib("VmRSS"), "x".repeat(100_000));
    for n in 0..300 {
        conn.line(&format!("SET k{} {big}", n % 10));
        while let Some((tag, bytes)) = replica.frame(Duration::from_millis(1)) {
            // What was on its way still, and no more.
            if tag == b'C' {
                copy.extend(bytes);
                assert!(copy.len() <= WINDOW, "the copy stands still");
            } else {
                assert_eq!(tag, b'S');
                stream.extend(bytes);
            }
        }
    }
    let grown = server.memory_kib("VmRSS").saturating_sub(before);
    assert!(grown < 15 << 10, "30 MB were written and taken, memory grew by {grown} KiB");
    let until_here = number(&mut conn, "replication", "master_repl_offset") as u64;
    while (stream.len() as u64) < until_here - offset {
        let (tag, bytes) = replica.frame(PATIENT).expect("the rest of the stream");
        assert_eq!(tag, b'S');
        stream.extend(bytes);
    }
    // No more of the stream, and then the rest of the copy.
    replica.send(&["REPLCONF", "rustredis-hold", "1"]);
    let heard = |conn: &mut Conn| conn.line("CLIENT LIST TYPE replica").contains(" cmd=replconf ");
    until("it was heard", || server.log(), || heard(&mut conn));
    conn.line("SET held 1");
    assert!(replica.frame(SOON).is_none(), "it was to hold");
    let mut told = 0;
    loop {
        if copy.len() - told > 1 << 20 {
            told = copy.len();
            replica.send(&["REPLCONF", "rustredis-taken", &told.to_string()]);
        }
        match replica.frame(PATIENT).expect("the rest of the copy") {
            (b'C', bytes) => copy.extend(bytes),
            (b'E', bytes) => break assert!(bytes.is_empty()),
            (other, _) => panic!("a frame {other}"),
        }
        if told == 0 {
            told = 1;
            replica.send(&["REPLCONF", "rustredis-taken", &copy.len().to_string()]);
        }
    }
    assert!(copy.starts_with(b"REDIS") && copy.len() > 20_000_000, "{} bytes", copy.len());
    replica.send(&["REPLCONF", "ACK", &offset.to_string()]);
    assert_eq!(replica.frame(PATIENT), Some((b'R', Vec::new())));
    conn.line("SET end 1");
    until("it is online", || server.log(), || field(&mut conn, "replication", "slave0").contains("state=online"));
    until(
        "all of it",
        || server.log(),
        || {
            stream.extend(replica.raw(Duration::from_millis(1)));
            offset + stream.len() as u64 >= number(&mut conn, "replication", "master_repl_offset") as u64
        },
    );
    let all = String::from_utf8_lossy(&stream);
    let at = |what: &str| all.find(what).unwrap_or_else(|| panic!("no {what}"));
    assert!(all.starts_with("*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n*3\r\n$3\r\nSET\r\n"), "{}", &all[..100]);
    assert!(at("$4\r\nheld") < at("$3\r\nend"));
    assert_eq!(all.matches("$100000\r\n").count(), 300, "every write, once");
    assert_eq!(offset + stream.len() as u64, number(&mut conn, "replication", "master_repl_offset") as u64);
}

/// Overwrites keys with large values until it is told to stop.
fn writers(port: u16, over: &Arc<AtomicBool>) -> Vec<std::thread::JoinHandle<()>> {
    let write = move |who: usize, over: Arc<AtomicBool>| {
        let mut conn = common::Conn::open(port);
        let value = "x".repeat(5000);
        let mut n = 0;
        while !over.load(Ordering::SeqCst) {
            for _ in 0..20 {
                n += 1;
                let sent = match n % 4 {
                    0 => conn.send(&["RPUSH", &format!("l{who}"), &n.to_string()]),
                    1 => conn.send(&["INCR", &format!("c{who}")]),
                    2 => conn.send(&["SPOP", "set"]),
                    _ => conn.send(&["SET", &format!("k{}", n % 500), &value]),
                };
                sent.expect("a connection");
            }
            (0..20).for_each(|_| drop(conn.read_reply().expect("an answer")));
        }
    };
    (0..2).map(|who| (who, over.clone())).map(|(who, over)| std::thread::spawn(move || write(who, over))).collect()
}

fn filled(args: &[&str]) -> Server {
    let server = start(Kind::Rustredis, args);
    let mut conn = server.connect();
    conn.line("DEBUG POPULATE 50000 key 100");
    for n in 0..100 {
        conn.line(&format!("SADD set {n} a{n} b{n}"));
    }
    server
}

#[test]
fn several_of_all_kinds_are_fed_from_one_walk_under_load() {
    let kinds = [Kind::Rustredis, Kind::Redis, Kind::Valkey, Kind::Rustredis];
    if !peers(&kinds) {
        return;
    }
    let a = filled(&["--repl-diskless-sync-delay", "1", "--threads", "2"]);
    let over = Arc::new(AtomicBool::new(false));
    let threads = writers(a.port, &over);
    let replicas: Vec<Server> = kinds.iter().map(|kind| start(*kind, &[])).collect();
    for replica in &replicas {
        replica.connect().line(&format!("REPLICAOF 127.0.0.1 {}", a.port));
    }
    // One goes in the middle, and takes nobody with it.
    let (mut gone, _) = FakeReplica::interleaving(a.port);
    for _ in 0..5 {
        gone.frame(PATIENT).expect("a frame");
    }
    drop(gone);
    for replica in &replicas {
        let mut conn = replica.connect();
        let up = || field(&mut conn, "replication", "master_link_status") == "up";
        until("the link is up", || format!("{}\n---\n{}", a.log(), replica.log()), up);
    }
    over.store(true, Ordering::SeqCst);
    threads.into_iter().for_each(|t| t.join().expect("a writer"));
    for replica in &replicas {
        settle(&a, replica, "one walk");
    }
    assert!(number(&mut a.connect(), "stats", "sync_full") <= 6, "{}", a.log());
}

#[test]
fn what_comes_meanwhile_is_kept_however_the_copy_is_loaded() {
    for how in ["disabled", "swapdb", "flush-before-load"] {
        let a = filled(&[]);
        let b = start(Kind::Rustredis, &["--repl-diskless-load", how, "--appendonly", "yes"]);
        b.connect().line("DEBUG POPULATE 20000 old 50");
        let over = Arc::new(AtomicBool::new(false));
        let threads = writers(a.port, &over);
        b.connect().line(&format!("REPLICAOF 127.0.0.1 {}", a.port));
        // Where it stands still for a while, the primary keeps what it writes, and nothing is lost.
        let mut conn = b.connect();
        until("it receives", || b.log(), || b.log().contains("receiving streamed RDB"));
        signal(&b, "STOP");
        std::thread::sleep(Duration::from_millis(300));
        signal(&b, "CONT");
        until("it is up", || b.log(), || field(&mut conn, "replication", "master_link_status") == "up");
        over.store(true, Ordering::SeqCst);
        threads.into_iter().for_each(|t| t.join().expect("a writer"));
        settle(&a, &b, how);
        assert_eq!(number(&mut a.connect(), "stats", "sync_full"), 1, "{how}: {}", a.log());
        assert_eq!(number(&mut conn, "memory", "mem_replica_full_sync_buffer"), 0, "{how}");
        assert!(std::fs::read_dir(&b.dir).expect("its directory").flatten().all(|f| {
            let name = f.file_name().into_string().expect("a name");
            !name.starts_with("temp-repl")
        }));
    }
}

#[test]
fn a_replica_that_may_keep_nothing_gets_it_afterwards() {
    let a = filled(&[]);
    let b = start(Kind::Rustredis, &["--replica-full-sync-buffer-limit", "100"]);
    let over = Arc::new(AtomicBool::new(false));
    let threads = writers(a.port, &over);
    b.connect().line(&format!("REPLICAOF 127.0.0.1 {}", a.port));
    let mut conn = b.connect();
    until("it is up", || b.log(), || field(&mut conn, "replication", "master_link_status") == "up");
    over.store(true, Ordering::SeqCst);
    threads.into_iter().for_each(|t| t.join().expect("a writer"));
    settle(&a, &b, "held back");
}

#[test]
fn chains_pass_on_what_was_kept() {
    let (a, b, c) = (filled(&[]), start(Kind::Rustredis, &[]), start(Kind::Rustredis, &[]));
    follow(&a, &b);
    let over = Arc::new(AtomicBool::new(false));
    let threads = writers(a.port, &over);
    c.connect().line(&format!("REPLICAOF 127.0.0.1 {}", b.port));
    let mut conn = c.connect();
    until("it is up", || c.log(), || field(&mut conn, "replication", "master_link_status") == "up");
    over.store(true, Ordering::SeqCst);
    threads.into_iter().for_each(|t| t.join().expect("a writer"));
    settle(&a, &b, "the first");
    settle(&a, &c, "the second");
}
