//! Replication with ends that fail: primaries that stall, die in the middle or send rubbish; replicas that read nothing; disks that
//! take nothing. Each leaves a line in the log and is tried again, and what can be kept is kept.

mod common;

use common::fake::FakeReplica;
use common::repl::{PATIENCE, field, follow, number, settle, signal, start, until};
use common::run::{Place, Run};
use common::{Conn, Kind, escape};
use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Instant;

/// What a false primary does once it is asked to synchronize.
enum Does {
    /// Sends these bytes and closes.
    Dies(Vec<u8>),
    /// Sends these bytes and then nothing, without closing.
    Stalls(Vec<u8>),
    /// Sends the first, and the others once the replica acknowledges something.
    Goes(Vec<u8>, Vec<u8>),
}

struct FalsePrimary {
    port: u16,
    /// How often it was asked.
    asked: Arc<AtomicUsize>,
    over: Arc<AtomicBool>,
}

impl Drop for FalsePrimary {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
    }
}

/// Does the same with everybody who connects.
fn false_primary(does: Does) -> FalsePrimary {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let (asked, over) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
    let (count, ends) = (asked.clone(), over.clone());
    std::thread::spawn(move || {
        let mut kept = Vec::new();
        for mut stream in listener.incoming().map_while(Result::ok) {
            if ends.load(Ordering::SeqCst) {
                return;
            }
            let mut buffer = [0; 4096];
            while let Ok(n @ 1..) = stream.read(&mut buffer) {
                let said = String::from_utf8_lossy(&buffer[..n]).into_owned();
                if said.contains("PSYNC") {
                    count.fetch_add(1, Ordering::SeqCst);
                    let (Does::Dies(bytes) | Does::Stalls(bytes) | Does::Goes(bytes, _)) = &does;
                    let _ = stream.write_all(bytes); // whoever is gone does not read it
                    if let Does::Goes(_, rest) = &does {
                        let mut said = Vec::new();
                        while !String::from_utf8_lossy(&said).contains("ACK") {
                            let n = stream.read(&mut buffer).unwrap_or(0);
                            if n == 0 {
                                break;
                            }
                            said.extend_from_slice(&buffer[..n]);
                        }
                        let _ = stream.write_all(rest);
                    }
                    break;
                }
                let reply: &[u8] = if said.contains("PING") { b"+PONG\r\n" } else { b"+OK\r\n" };
                if stream.write_all(reply).is_err() {
                    break;
                }
            }
            if !matches!(does, Does::Dies(_)) {
                kept.push(stream);
            }
        }
    });
    FalsePrimary { port, asked, over }
}

const ID: &str = "0123456789abcdef0123456789abcdef01234567";

fn full(copy: &[u8]) -> Vec<u8> {
    [format!("+FULLRESYNC {ID} 7\r\n${}\r\n", copy.len()).as_bytes(), copy].concat()
}

/// A snapshot with some keys in it.
fn snapshot() -> Vec<u8> {
    let server = start(Kind::Rustredis, &[]);
    let mut conn = server.connect();
    (0..500).for_each(|n| drop(conn.line(&format!("SET from-primary-{n} {}", "x".repeat(n)))));
    let mut replica = FakeReplica::greet(server.port);
    replica.send(&["PSYNC", "?", "-1"]);
    replica.line();
    replica.copy()
}

/// Follows a false primary until that was asked twice; returns what the log has to say.
fn tried_again(primary: &FalsePrimary, args: &[&str], keeps: bool) -> String {
    let mut server = start(Kind::Rustredis, args);
    let mut conn = server.connect();
    conn.line("SET kept 1");
    conn.line(&format!("REPLICAOF 127.0.0.1 {}", primary.port));
    until("it tries again", || server.log(), || primary.asked.load(Ordering::SeqCst) >= 2);
    // It goes on trying, and may be at it again with the next question.
    let mut answer = |question: &str| {
        let mut reply = String::new();
        until(
            "it answers",
            || server.log(),
            || {
                reply = conn.line(question);
                !reply.starts_with("-LOADING")
            },
        );
        reply
    };
    let kept = if keeps { "$1\\r\\n1\\r\\n" } else { "$-1\\r\\n" };
    assert_eq!(answer("GET kept"), kept, "{}", server.log());
    let size = if keeps { ":1\\r\\n" } else { ":0\\r\\n" };
    assert_eq!(answer("DBSIZE"), size, "half a copy is none: {}", server.log());
    assert!(server.alive() && !server.log().contains("panicked"), "{}", server.log());
    server.log()
}

#[test]
fn a_primary_that_stalls_is_given_up() {
    let timeout = ["--repl-timeout", "2"];
    let silent = tried_again(&false_primary(Does::Stalls(Vec::new())), &timeout, true);
    assert!(silent.contains("Timeout"), "{silent}");
    let half = full(&[b"REDIS0010".as_slice(), &[0; 1000]].concat());
    let stalled = tried_again(&false_primary(Does::Stalls(half[..half.len() - 500].to_vec())), &timeout, true);
    assert!(stalled.contains("Timeout"), "{stalled}");
}

#[test]
fn a_primary_that_dies_within_the_copy_costs_nothing() {
    let copy = snapshot();
    let torn = full(&copy)[..copy.len() - 100].to_vec();
    for args in [&[][..], &["--repl-diskless-load", "swapdb"]] {
        let log = tried_again(&false_primary(Does::Dies(torn.clone())), args, true);
        assert!(log.contains("connection lost"), "{log}");
    }
    // Where the copy goes straight over the old data, half of it is no dataset.
    let log = tried_again(&false_primary(Does::Dies(torn)), &["--repl-diskless-load", "flush-before-load"], false);
    assert!(log.contains("connection lost"), "{log}");
}

#[test]
fn a_copy_that_is_rubbish_is_not_served() {
    let mut rubbish = snapshot();
    let middle = rubbish.len() / 2;
    rubbish[middle] ^= 0x55;
    // A file is looked at only after the old data made room for it, as in Redis; beside the old data, that stays.
    let log = tried_again(&false_primary(Does::Dies(full(&rubbish))), &[], false);
    assert!(log.contains("Failed trying to load the MASTER synchronization DB"), "{log}");
    let log = tried_again(&false_primary(Does::Dies(full(&rubbish))), &["--repl-diskless-load", "swapdb"], true);
    assert!(log.contains("Failed trying to load the MASTER synchronization DB"), "{log}");
}

fn frame(tag: u8, bytes: &[u8]) -> Vec<u8> {
    [&[tag][..], &(bytes.len() as u32).to_be_bytes(), bytes].concat()
}

/// What a primary sends to those who take copy and stream together.
fn woven(frames: &[(u8, &[u8])]) -> Vec<u8> {
    let head = format!("+FULLRESYNC {ID} 7\r\n$RUSTREDIS-INTERLEAVED:1\r\n").into_bytes();
    frames.iter().fold(head, |all, (tag, bytes)| [all, frame(*tag, bytes)].concat())
}

#[test]
fn frames_that_are_none_or_break_off_cost_nothing() {
    let (copy, ping) = (snapshot(), &b"*1\r\n$4\r\nPING\r\n"[..]);
    let half = &copy[..copy.len() / 2];
    let mut cases: Vec<(Does, &str, &str)> =
        vec![(Does::Stalls(woven(&[(b'C', half), (b'S', ping)])), "Timeout", "swapdb")];
    for how in ["disabled", "swapdb"] {
        let endless = [woven(&[(b'C', half)]), b"C\xff\xff\xff\xffrest".to_vec()].concat();
        cases.extend([
            (Does::Dies(woven(&[(b'C', half), (b'S', ping), (b'X', ping)])), "no frame begins with", how),
            (Does::Dies(woven(&[(b'C', half), (b'S', ping)])), "connection lost", how),
            (Does::Dies(endless), "connection lost", how),
            (Does::Dies(woven(&[(b'C', half), (b'R', b"")])), "before the copy is loaded", how),
        ]);
    }
    // Where the copy goes straight over the old data, half of it is no dataset.
    cases.push((Does::Dies(woven(&[(b'C', half)])), "connection lost", "flush-before-load"));
    std::thread::scope(|s| {
        for (does, told, how) in cases {
            s.spawn(move || {
                // Who breaks off is not to be taken for one that says nothing.
                let patience = if matches!(does, Does::Stalls(_)) { "2" } else { "600" };
                let args = ["--repl-timeout", patience, "--repl-diskless-load", how];
                let log = tried_again(&false_primary(does), &args, how != "flush-before-load");
                assert!(log.contains(told), "{how}: {told}: {log}");
            });
        }
    });
}

#[test]
fn who_is_told_to_lead_in_the_middle_of_a_copy_leads() {
    let copy = snapshot();
    let half = woven(&[(b'C', &copy[..copy.len() / 2]), (b'S', b"*3\r\n$3\r\nSET\r\n$1\r\nx\r\n$1\r\n1\r\n")]);
    let (real, primary) = (start(Kind::Rustredis, &[]), false_primary(Does::Stalls(half)));
    real.connect().line("SET real 1");
    // While it loads, Redis does not listen to REPLICAOF either; here it is still receiving.
    let server = start(Kind::Rustredis, &[]);
    let mut conn = server.connect();
    conn.line("SET kept 1");
    conn.line(&format!("REPLICAOF 127.0.0.1 {}", primary.port));
    until("it receives", || server.log(), || server.log().contains("receiving streamed RDB"));
    assert_eq!(conn.line("REPLICAOF NO ONE"), "+OK\\r\\n");
    assert_eq!(conn.line("SET own 1"), "+OK\\r\\n");
    assert_eq!(conn.line("GET x"), "$-1\\r\\n", "nothing of a stream whose copy did not come");
    assert_eq!(conn.line("GET kept"), "$1\\r\\n1\\r\\n");
    follow(&real, &server);
}

#[test]
fn functions_come_with_the_keys_or_not_at_all() {
    let primary = start(Kind::Rustredis, &[]);
    let load = |conn: &mut Conn, name: &str| {
        let code = format!("#!lua name={name}\nredis.register_function('f', function() return '{name}' end)");
        assert_eq!(escape(&conn.ask(&["FUNCTION", "LOAD", &code])), format!("${}\\r\\n{name}\\r\\n", name.len()));
    };
    load(&mut primary.connect(), "theirs");
    primary.connect().line("DEBUG POPULATE 1000");
    let mut replica = FakeReplica::greet(primary.port);
    replica.send(&["PSYNC", "?", "-1"]);
    replica.line();
    let copy = replica.copy();
    let torn = false_primary(Does::Dies(full(&copy)[..copy.len() - 100].to_vec()));
    let server = start(Kind::Rustredis, &["--repl-diskless-load", "swapdb"]);
    let mut conn = server.connect();
    load(&mut conn, "mine");
    conn.line(&format!("REPLICAOF 127.0.0.1 {}", torn.port));
    until("it tries again", || server.log(), || torn.asked.load(Ordering::SeqCst) >= 2);
    // Not while it loads; once it was told, nothing that comes is loaded any more.
    until("it leads", || server.log(), || conn.line("REPLICAOF NO ONE") == "+OK\\r\\n");
    assert_eq!(conn.line("FCALL f 0"), "$4\\r\\nmine\\r\\n", "{}", server.log());
    let list = conn.line("FUNCTION LIST");
    assert!(list.contains("mine") && !list.contains("theirs"), "{list}");
    follow(&primary, &server);
    let list = conn.line("FUNCTION LIST");
    assert!(list.contains("theirs") && !list.contains("mine"), "{list}");
    assert_eq!(number(&mut conn, "memory", "number_of_libraries"), 1);
}

#[test]
fn a_primary_that_goes_on_with_rubbish_is_left_and_asked_again() {
    let stream = [full(&snapshot()), b"*1\r\n$4\r\nPING\r\n*3\r\nrubbish, and more of it\r\n".to_vec()].concat();
    let primary = false_primary(Does::Stalls(stream));
    let mut server = start(Kind::Rustredis, &["--repl-timeout", "600"]);
    let mut conn = server.connect();
    conn.line(&format!("REPLICAOF 127.0.0.1 {}", primary.port));
    until("it asks again", || server.log(), || primary.asked.load(Ordering::SeqCst) >= 2);
    assert!(server.alive() && !server.log().contains("panicked"), "{}", server.log());
    assert!(server.log().contains("rotocol error from master"), "{}", server.log());
}

#[test]
fn copies_come_by_every_way_of_loading_them() {
    for how in ["disabled", "on-empty-db", "swapdb"] {
        for primary in [Kind::Rustredis, Kind::Redis] {
            if !common::repl::peers(&[primary]) {
                continue;
            }
            let a = start(primary, &[]);
            let b = start(Kind::Rustredis, &["--repl-diskless-load", how, "--appendonly", "yes"]);
            let mut conn = a.connect();
            for n in 0..300 {
                conn.line(&format!("SET k{n} {n}"));
                conn.line(&format!("RPUSH l{n} a b c"));
                conn.line(&format!("HSET h{} f{n} {n}", n % 10));
            }
            conn.line("EXPIRE k1 1000");
            let code = "#!lua name=lib\nredis.register_function('f', function() return 1 end)";
            assert_eq!(escape(&conn.ask(&["FUNCTION", "LOAD", code])), "$3\\r\\nlib\\r\\n");
            follow(&a, &b);
            assert!(b.connect().line("FUNCTION LIST").contains("lib"), "{how}");
            assert_eq!(b.connect().line("FUNCTION LIST"), a.connect().line("FUNCTION LIST"), "{how}");
            // And once more, over data that is there; on the way back, with another history.
            let mut b_conn = b.connect();
            b_conn.line("REPLICAOF NO ONE");
            b_conn.line("SET mine 1");
            b_conn.line("SELECT 2");
            b_conn.line("SET mine 2");
            until(
                "the log is written",
                || b.log(),
                || field(&mut b_conn, "persistence", "aof_rewrite_in_progress") == "0",
            );
            conn.line("DEL k5");
            follow(&a, &b);
            conn.line("SET after 1");
            settle(&a, &b, how);
            b_conn.line("SELECT 0");
            until(
                "the log is begun anew",
                || b.log(),
                || {
                    field(&mut b_conn, "persistence", "aof_rewrite_in_progress") == "0"
                        && b_conn.line("DEBUG LOADAOF") == "+OK\\r\\n"
                },
            );
            settle(&a, &b, "what the log has");
        }
    }
}

#[test]
fn readers_are_served_while_a_copy_is_loaded_beside() {
    let a = start(Kind::Rustredis, &["--repl-backlog-size", "16kb"]);
    let b = start(Kind::Rustredis, &["--repl-diskless-load", "swapdb"]);
    let mut conn = a.connect();
    conn.line("SET k 1");
    conn.line("DEBUG POPULATE 200000 key 100");
    follow(&a, &b);
    // The same history, but too much of it missed.
    signal(&b, "STOP");
    conn.line("CLIENT KILL TYPE REPLICA");
    let big = "x".repeat(5000);
    (0..40).for_each(|_| drop(conn.line(&format!("SET k {big}"))));
    conn.line("SET k 2");
    signal(&b, "CONT");
    let mut reader = b.connect();
    let (mut seen, deadline) = (Vec::new(), Instant::now() + PATIENCE);
    while seen.last().is_none_or(|r| r != "$1\\r\\n2\\r\\n") {
        seen.push(reader.line("GET k"));
        assert!(Instant::now() < deadline, "{}", b.log());
    }
    assert!(!seen.iter().any(|r| r.starts_with('-') || r.starts_with("$-1")), "old data, then new: {:?}", seen.last());
    assert!(b.log().contains("Swapping the DBs"), "{}", b.log());
    settle(&a, &b, "after the swap");
}

#[test]
fn a_replica_whose_disk_is_full_keeps_its_data_and_tries_again() {
    let a = start(Kind::Rustredis, &["--rdbcompression", "no"]);
    a.connect().line("DEBUG POPULATE 10000 key 200");
    let place = Place::new("replica-full");
    // The file may become half a megabyte: the copy takes two.
    let b = Run::start_limited(&place.0, "", 512);
    let mut conn = b.connect();
    conn.line("SET kept 1");
    conn.line(&format!("REPLICAOF 127.0.0.1 {}", a.port));
    let told =
        "Write error or short write writing to the DB dump file needed for MASTER <-> REPLICA sync: File too large";
    until("it says so, twice", || b.log(), || b.log().matches(told).count() >= 2);
    assert_eq!(conn.line("GET kept"), "$1\\r\\n1\\r\\n");
    assert_eq!(field(&mut conn, "replication", "master_link_status"), "down");
    let left = || {
        let files = std::fs::read_dir(&place.0).expect("a directory").flatten();
        files.filter(|f| f.file_name().to_string_lossy().starts_with("temp-")).count()
    };
    until("the pieces are removed", || b.log(), || left() == 0);
    b.limit("unlimited");
    until("it follows", || b.log(), || field(&mut conn, "replication", "master_link_status") == "up");
    assert_eq!(conn.line("DEBUG DIGEST"), a.connect().line("DEBUG DIGEST"));
    assert_eq!(left(), 0);
}

/// More of the stream comes with the copy than is kept in memory: it goes to a file, and, where that takes nothing, stays in
/// memory after all.
#[test]
fn a_long_stream_is_kept_on_disk_or_not_and_carried_out() {
    let copy = snapshot();
    let value = "x".repeat(20_000);
    let set = |n: usize| format!("*3\r\n$3\r\nSET\r\n$4\r\n{n:04}\r\n$20000\r\n{value}\r\n").into_bytes();
    let (half, other) = copy.split_at(copy.len() / 2);
    let mut woven = woven(&[(b'C', half)]);
    for n in 0..1500 {
        woven.extend(frame(b'S', &set(n)));
    }
    woven.extend([frame(b'C', other), frame(b'E', b""), frame(b'S', &set(1500))].concat());
    let rest = [frame(b'R', b""), set(1501), b"*3\r\n$3\r\nSET\r\n$4\r\nlast\r\n$1\r\n1\r\n".to_vec()].concat();
    let primary = false_primary(Does::Goes(woven, rest));
    for (kib, how) in [(1 << 20, "disabled"), (1 << 20, "swapdb"), (2048, "swapdb")] {
        let place = Place::new("aside");
        let run = Run::start_limited(&place.0, &format!("--repl-diskless-load {how}"), kib);
        let mut conn = run.connect();
        conn.line(&format!("REPLICAOF 127.0.0.1 {}", primary.port));
        until("the last write", || run.log(), || conn.line("GET last") == "$1\\r\\n1\\r\\n");
        assert_eq!(conn.line("DBSIZE"), format!(":{}\\r\\n", 499 + 1502 + 1), "{}", run.log());
        assert!(conn.line("GET 0000").starts_with("$20000"));
        assert_eq!(run.log().contains("it is kept in memory"), kib == 2048, "{}", run.log());
        assert_eq!(number(&mut conn, "memory", "mem_replica_full_sync_buffer"), 0);
        let bytes = 7 + 1502 * set(0).len() + 30;
        assert_eq!(number(&mut conn, "replication", "slave_repl_offset"), bytes as i64);
    }
}

#[test]
fn a_replica_whose_disk_takes_nothing_keeps_what_it_has() {
    let (a, b) = (start(Kind::Rustredis, &[]), start(Kind::Rustredis, &["--enable-protected-configs", "yes"]));
    a.connect().line("SET k 1");
    let mut conn = b.connect();
    conn.line("SET kept 1");
    let gone = b.dir.join("gone");
    std::fs::create_dir(&gone).expect("a directory");
    assert_eq!(conn.line(&format!("CONFIG SET dir {}", gone.display())), "+OK\\r\\n");
    std::fs::remove_dir(&gone).expect("removed");
    conn.line(&format!("REPLICAOF 127.0.0.1 {}", a.port));
    until("it says so, twice", || b.log(), || b.log().matches("Write error").count() >= 2);
    assert_eq!(conn.line("GET kept"), "$1\\r\\n1\\r\\n");
    conn.line(&format!("CONFIG SET dir {}", b.dir.display()));
    settle(&a, &b, "with a disk again");
}

// ---- replicas that misbehave -----------------------------------------------------------------------------------------

#[test]
fn a_replica_that_reads_nothing_is_dropped_and_memory_stays_bounded() {
    let limit = ["--client-output-buffer-limit", "replica 8mb 4mb 60", "--repl-backlog-size", "1mb"];
    let server = start(Kind::Rustredis, &limit);
    let (stalled, _, _) = FakeReplica::follow(server.port);
    let mut conn = server.connect();
    until("it is online", || server.log(), || field(&mut conn, "replication", "slave0").contains("state=online"));
    let (before, value) = (server.memory_kib("VmRSS"), "x".repeat(100_000));
    let mut most = before;
    for n in 0..1000 {
        conn.line(&format!("SET k{} {value}", n % 10));
        if n % 20 == 0 {
            most = most.max(server.memory_kib("VmRSS"));
        }
    }
    until("it is dropped", || server.log(), || field(&mut conn, "replication", "connected_slaves") == "0");
    assert!(most - before < 40 << 10, "100 MB were written, memory grew by {} KiB", most - before);
    let log = server.log();
    let told =
        log.lines().find(|line| line.contains("overcoming of output buffer limits")).unwrap_or_else(|| panic!("{log}"));
    // The line says how much it was.
    let waiting = told.split(" omem=").nth(1).and_then(|rest| rest.split(' ').next()?.parse::<u64>().ok());
    assert!(waiting > Some(8 << 20), "{told}");
    assert!(number(&mut conn, "stats", "client_output_buffer_limit_disconnections") >= 1);
    assert!(number(&mut conn, "memory", "mem_total_replication_buffers") <= 3 << 20);
    drop(stalled);
    let replica = start(Kind::Rustredis, &[]);
    follow(&server, &replica);
}

#[test]
fn sync_serves_tools_that_know_nothing_newer() {
    let server = start(Kind::Rustredis, &[]);
    let mut conn = server.connect();
    conn.line("SET k 1");
    let mut old = FakeReplica::greet(server.port);
    old.send(&["SYNC"]);
    assert!(old.copy().starts_with(b"REDIS"), "greeted, then SYNC");
    let mut oldest = FakeReplica::silent(server.port);
    oldest.send(&["SYNC"]);
    let copy = oldest.copy();
    assert!(copy.starts_with(b"REDIS"));
    conn.line("SET k 2");
    conn.line("SET end 1");
    let said = oldest.commands_until("end");
    assert!(said.iter().any(|c| c[..] == [b"SET".to_vec(), b"k".to_vec(), b"2".to_vec()]), "{said:?}");
}

#[test]
fn wild_requests_to_go_on_are_answered_by_a_copy() {
    // Nothing may come into the stream but what is written here, and nobody who is silent is left.
    let server = start(Kind::Rustredis, &["--repl-ping-replica-period", "3600", "--repl-timeout", "3600"]);
    let (first, id, offset) = FakeReplica::follow(server.port);
    let mut conn = server.connect();
    (0..50).for_each(|n| drop(conn.line(&format!("SET k {n}"))));
    let now = number(&mut conn, "replication", "master_repl_offset");
    for next in ["0", "-5", "9223372036854775807", &(now + 2).to_string(), &(offset as i64 - 1).to_string()] {
        let mut replica = FakeReplica::greet(server.port);
        replica.send(&["PSYNC", &id, next]);
        let line = replica.line();
        assert!(line.starts_with("+FULLRESYNC"), "PSYNC {next}: {line}");
    }
    for (id, next) in [("x", "1"), (&"0".repeat(40), "1"), (&id, &offset.to_string()), ("", "1")] {
        let mut replica = FakeReplica::greet(server.port);
        replica.send(&["PSYNC", id, next]);
        let line = replica.line();
        assert!(line.starts_with("+FULLRESYNC"), "PSYNC {id} {next}: {line}");
    }
    let mut replica = FakeReplica::greet(server.port);
    replica.send(&["PSYNC", &id, &(offset + 1).to_string()]);
    assert_eq!(replica.line(), format!("+CONTINUE {id}"));
    let mut wrong = FakeReplica::greet(server.port);
    wrong.send(&["PSYNC", &id, "x"]);
    assert!(wrong.line().starts_with("-ERR"));
    drop(first);
}
