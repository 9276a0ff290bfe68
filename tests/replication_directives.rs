//! What the directives of replication bring about, in pairs of ours and, where they have it, in pairs of Redis 7.0: the same is
//! expected of both.

mod common;

use common::fake::FakeReplica;
use common::repl::{field, number, peers, settle, signal, until};
use common::{Kind, Options, Server};
use std::time::{Duration, Instant};

fn start(kind: Kind, args: &str) -> Server {
    Server::start(kind, &Options::args(&format!("--repl-diskless-sync-delay 0 {args}")))
}

fn both(test: impl Fn(Kind)) {
    for kind in [Kind::Redis, Kind::Rustredis] {
        if peers(&[kind]) {
            test(kind);
        }
    }
}

fn follows(primary: &Server, replica: &Server) {
    replica.connect().line(&format!("REPLICAOF 127.0.0.1 {}", primary.port));
    settle(primary, replica, "the copy");
}

#[test]
fn a_replica_that_keeps_nothing_removes_the_copy() {
    both(|kind| {
        for (args, left) in [
            ("--rdb-del-sync-files yes", false),
            ("--rdb-del-sync-files no", true),
            ("--rdb-del-sync-files yes --appendonly yes", false),
            ("--rdb-del-sync-files yes --save 3600 1000", true),
        ] {
            let (a, b) = (start(kind, "--repl-diskless-sync no"), start(kind, args));
            a.connect().line("SET k 1");
            follows(&a, &b);
            let there = || b.dir.join("dump.rdb").exists();
            until("the copy is gone, or stays", || b.log(), || there() == left);
            assert_eq!(b.log().contains("Removing the RDB file obtained from the master"), !left, "{kind:?} {args}");
        }
    });
}

#[test]
fn pings_come_as_often_as_asked_for_and_the_silent_are_dropped() {
    both(|kind| {
        let server = start(kind, "--repl-ping-replica-period 1 --repl-timeout 600");
        let (mut replica, _, offset) = FakeReplica::follow(server.port);
        let mut conn = server.connect();
        until("it is online", || server.log(), || field(&mut conn, "replication", "slave0").contains("state=online"));
        // Redis heeds none from before it knew so itself.
        replica.send(&["REPLCONF", "ACK", &offset.to_string()]);
        // By itself there is one every ten seconds.
        common::in_one_of(5, |_| {
            let (mut conn, began) = (server.connect(), Instant::now());
            let three = number(&mut conn, "replication", "master_repl_offset") + 3 * 14;
            until("pings", || server.log(), || number(&mut conn, "replication", "master_repl_offset") >= three);
            assert!(began.elapsed() < Duration::from_secs(20), "{kind:?}");
        });
        // It says nothing more.
        conn.line("CONFIG SET repl-timeout 3");
        until("it is dropped", || server.log(), || field(&mut conn, "replication", "connected_slaves") == "0");
        let log = server.log().to_lowercase();
        assert!(log.contains("disconnecting timedout replica (streaming sync)"), "{kind:?} {log}");
        conn.line("SET end 1");
        let said = String::from_utf8_lossy(&replica.raw(Duration::from_millis(200))).to_uppercase();
        assert!(said.matches("PING").count() >= 2 && !said.contains("END"), "{kind:?}: {said}");
    });
}

#[test]
fn writes_want_enough_replicas_that_are_heard_of() {
    both(|kind| {
        let args = "--min-replicas-to-write 1 --min-replicas-max-lag 1 --repl-timeout 60";
        let (a, b) = (start(kind, args), start(kind, "--repl-disable-tcp-nodelay yes"));
        let mut conn = a.connect();
        let refused = "-NOREPLICAS Not enough good replicas to write.\\r\\n";
        assert_eq!(conn.line("SET k 1"), refused, "{kind:?}");
        assert_eq!(conn.line("GET k"), "$-1\\r\\n");
        follows(&a, &b);
        until("it is good enough", || a.log(), || conn.line("SET k 1") == "+OK\\r\\n");
        signal(&b, "STOP");
        until("it is heard of no more", || a.log(), || conn.line("SET k 2") == refused);
        assert_eq!(field(&mut conn, "replication", "min_slaves_good_slaves"), "0", "{kind:?}");
        signal(&b, "CONT");
        until("it is back", || a.log(), || conn.line("SET k 3") == "+OK\\r\\n");
        conn.line("CONFIG SET min-replicas-to-write 0");
        drop(b);
        assert_eq!(conn.line("SET k 4"), "+OK\\r\\n", "{kind:?}");
    });
}

#[test]
fn a_backlog_nobody_reads_is_freed_in_time() {
    both(|kind| {
        let a = start(kind, "--repl-backlog-ttl 1");
        let mut conn = a.connect();
        let (replica, id, _) = FakeReplica::follow(a.port);
        conn.line("SET k 1");
        assert_eq!(field(&mut conn, "replication", "repl_backlog_active"), "1");
        drop(replica);
        until("it is freed", || a.log(), || field(&mut conn, "replication", "repl_backlog_active") == "0");
        assert!(a.log().contains("Replication backlog freed after 1 seconds without connected replicas"), "{kind:?}");
        assert_ne!(field(&mut conn, "replication", "master_replid"), id, "{kind:?}: what comes is another history");
    });
}

#[test]
fn a_copy_begins_once_enough_wait_for_it() {
    both(|kind| {
        let a = start(kind, "--repl-diskless-sync-delay 3600 --repl-diskless-sync-max-replicas 2");
        a.connect().line("SET k 1");
        let ask = || {
            let mut replica = FakeReplica::greet(a.port);
            replica.send(&["PSYNC", "?", "-1"]);
            replica
        };
        let mut first = ask();
        let mut conn = a.connect();
        until("it is there", || a.log(), || field(&mut conn, "replication", "connected_slaves") == "1");
        assert!(field(&mut conn, "replication", "slave0").contains("state=wait_bgsave"), "{kind:?}");
        let mut second = ask();
        for replica in [&mut first, &mut second] {
            assert!(replica.line().starts_with("+FULLRESYNC"), "{kind:?}");
            assert!(replica.copy().starts_with(b"REDIS"));
        }
        assert_eq!(a.log().matches("Starting BGSAVE for SYNC").count(), 1, "{kind:?}");
    });
}

#[test]
fn a_replica_without_its_primary_serves_or_refuses_and_may_be_written_to() {
    both(|kind| {
        let (a, b) = (start(kind, ""), start(kind, "--replica-read-only no --replica-priority 7"));
        a.connect().line("SET k 1");
        follows(&a, &b);
        let mut conn = b.connect();
        assert_eq!(conn.line("SET own 1"), "+OK\\r\\n", "{kind:?}");
        assert_eq!(a.connect().line("EXISTS own"), ":0\\r\\n");
        assert_eq!(field(&mut conn, "replication", "slave_priority"), "7");
        conn.line("CONFIG SET replica-read-only yes");
        assert!(conn.line("SET own 2").starts_with("-READONLY"), "{kind:?}");
        drop(a);
        until("the link is down", || b.log(), || field(&mut conn, "replication", "master_link_status") == "down");
        assert_eq!(conn.line("GET k"), "$1\\r\\n1\\r\\n", "{kind:?}");
        // A transaction is what it holds.
        let (mut reads, mut asks) = (b.connect(), b.connect());
        for (c, line) in [(&mut reads, "GET k"), (&mut asks, "INFO server")] {
            assert_eq!((c.line("MULTI"), c.line(line)), ("+OK\\r\\n".to_owned(), "+QUEUED\\r\\n".to_owned()));
        }
        conn.line("CONFIG SET replica-serve-stale-data no");
        let refused = reads.line("EXEC");
        assert!(
            refused.starts_with("-EXECABORT Transaction discarded because of: MASTERDOWN Link"),
            "{kind:?}: {refused}"
        );
        assert!(asks.line("EXEC").starts_with("*1\\r\\n$"), "{kind:?}");
        assert!(conn.line("GET k").starts_with("-MASTERDOWN Link with MASTER is down"), "{kind:?}");
        assert!(conn.line("INFO replication").starts_with('$'));
    });
}

#[test]
fn a_replica_says_who_it_is() {
    both(|kind| {
        let a = start(kind, "--requirepass secret");
        let mut conn = a.connect();
        conn.line("AUTH secret");
        conn.line("ACL SETUSER follower on >word +psync +replconf +ping");
        let (none, wrong) = (start(kind, ""), start(kind, "--masterauth wrong"));
        let with_user = start(kind, "--masterauth word --masteruser follower");
        let in_a_file = Server::start(
            kind,
            &Options {
                file: Some(format!("replicaof 127.0.0.1 {}\nmasterauth secret\n", a.port)),
                ..Options::default()
            },
        );
        let args = format!("--masterauth secret --replicaof 127.0.0.1 {}", a.port);
        let by_flag = Server::start(kind, &Options::args(&args));
        for server in [&none, &wrong, &with_user] {
            server.connect().line(&format!("SLAVEOF 127.0.0.1 {}", a.port));
        }
        for server in [&with_user, &in_a_file, &by_flag] {
            let mut conn = server.connect();
            let up = || field(&mut conn, "replication", "master_link_status") == "up";
            until("the link is up", || format!("{kind:?}\n{}\n{}", a.log(), server.log()), up);
        }
        until("it says why", || wrong.log(), || wrong.log().contains("Unable to AUTH to MASTER"));
        until("it says why", || none.log(), || none.log().contains("NOAUTH"));
        for server in [&none, &wrong] {
            assert_eq!(field(&mut server.connect(), "replication", "master_link_status"), "down", "{kind:?}");
        }
        assert_eq!(field(&mut conn, "replication", "connected_slaves"), "3", "{kind:?}");
    });
}
