//! A disk that is full, and has room again: what clients hear, and what is there afterwards. And how a server ends, or does not.

mod common;

use common::repl::signal;
use common::run::{Place, Run, wait_for};
use common::{Conn, Kind, Options, Server};
use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

/// Writes until that is refused; how many writes were taken, and the refusal.
fn write_until_refused(conn: &mut Conn) -> (u32, String) {
    let value = "v".repeat(10_000);
    let deadline = Instant::now() + common::PATIENCE;
    // With a disk that is slow to sync, what is written waits for a while, and is taken.
    for n in 0.. {
        let reply = conn.line(&format!("SET k{n} {value}"));
        if reply != r"+OK\r\n" {
            return (n, reply);
        }
        assert!(Instant::now() < deadline, "nothing was refused");
    }
    unreachable!("there are always more");
}

fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + common::PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "{what} does not come");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Fills the log's disk, `make_room`s, and looks at what is there after a kill.
fn log_on_a_full_disk(run: Run, place: &std::path::Path, args: &str, why: &str, make_room: impl FnOnce(&Run)) {
    let mut conn = run.connect();
    let (taken, refusal) = write_until_refused(&mut conn);
    assert_eq!(refusal, format!(r"-MISCONF Errors writing to the AOF file: {why}\r\n"), "{}", run.log());
    assert!(taken > 50, "{taken}");
    assert!(conn.line("GET k0").starts_with("$10000"));
    assert!(conn.line("PING").starts_with("-MISCONF"));
    wait_for(&mut conn, "aof_last_write_status:err");
    make_room(&run);
    eventually("room", || conn.line("SET after 1") == r"+OK\r\n");
    wait_for(&mut conn, "aof_last_write_status:ok");
    assert!(run.log().contains("AOF write error looks solved"), "{}", run.log());
    // Everysec is over.
    assert_eq!(conn.line("WAITAOF 1 0 0"), r"*2\r\n:1\r\n:0\r\n");
    run.kill();
    let run = Run::start(Kind::Rustredis, place, args);
    let keys: Vec<String> = (0..taken).map(|n| format!("k{n}")).chain(["after".to_owned()]).collect();
    let exists: Vec<&str> = ["EXISTS"].into_iter().chain(keys.iter().map(String::as_str)).collect();
    assert_eq!(
        run.connect().ask(&exists),
        format!(":{}\r\n", taken + 1).into_bytes(),
        "what was acknowledged is missing"
    );
}

#[test]
fn a_log_without_room_refuses_writes_until_there_is_some() {
    let place = Place::new("full");
    let args = "--appendonly yes --auto-aof-rewrite-percentage 0";
    let run = Run::start_limited(&place.0, args, 1024);
    log_on_a_full_disk(run, &place.0, args, "File too large", |run| run.limit("unlimited"));
}

/// The same on a file system of its own that is really full, where that may be made.
#[test]
fn so_does_a_file_system_that_is_full() {
    let place = Place::new("tmpfs");
    let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=2m", "tmpfs"]).arg(&place.0).output();
    if !mounted.is_ok_and(|out| out.status.success()) {
        eprintln!("no right to mount: a_log_without_room_refuses_writes_until_there_is_some looks at the same");
        return;
    }
    struct Mounted<'a>(&'a Place);
    impl Drop for Mounted<'_> {
        fn drop(&mut self) {
            let _ = Command::new("umount").arg("-l").arg(&self.0.0).status();
        }
    }
    let _mounted = Mounted(&place);
    let args = "--appendonly yes --auto-aof-rewrite-percentage 0";
    let ballast = place.0.join("ballast");
    fs::write(&ballast, vec![0; 1 << 20]).unwrap();
    let run = Run::start(Kind::Rustredis, &place.0, args);
    log_on_a_full_disk(run, &place.0, args, "No space left on device", |_| fs::remove_file(&ballast).unwrap());
}

#[test]
fn a_snapshot_without_room_refuses_writes_until_one_succeeds() {
    let place = Place::new("full-rdb");
    let run = Run::start_limited(&place.0, "--rdbcompression no", 256);
    let mut conn = run.connect();
    conn.ask(&["CONFIG", "SET", "save", "3600 1"]);
    for n in 0..100 {
        conn.line(&format!("SET k{n} {}", "v".repeat(10_000)));
    }
    conn.line("BGSAVE");
    wait_for(&mut conn, "rdb_last_bgsave_status:err");
    assert!(run.log().contains("File too large"), "{}", run.log());
    assert!(conn.line("SET a 1").starts_with("-MISCONF Redis is configured to save RDB snapshots"));
    assert!(!place.0.join("dump.rdb").exists());
    // It cannot stop without losing what it has, and says so; nor does it stop at a signal.
    assert_eq!(conn.line("SHUTDOWN"), r"-ERR Errors trying to SHUTDOWN. Check logs.\r\n");
    common::kill(run.child.id(), "TERM");
    eventually("the refusal", || run.log().matches("Errors trying to shut down the server").count() == 2);
    assert!(conn.line("GET k7").starts_with("$10000"));
    run.limit("unlimited");
    wait_for(&mut conn, "rdb_bgsave_in_progress:0");
    conn.line("BGSAVE");
    wait_for(&mut conn, "rdb_last_bgsave_status:ok");
    assert_eq!(conn.line("SET a 1"), r"+OK\r\n");
    assert_eq!(run.terminate(), Some(0));
    let run = Run::start(Kind::Rustredis, &place.0, "");
    assert_eq!(run.connect().line("DBSIZE"), r":101\r\n");
}

#[test]
fn a_failing_save_keeps_it_up_unless_it_is_forced() {
    for (how, ends) in [
        ("SHUTDOWN SAVE", false),
        ("SHUTDOWN NOSAVE", true),
        ("SHUTDOWN SAVE FORCE", true),
        ("SHUTDOWN SAVE NOW", false),
    ] {
        let place = Place::new("unsaved");
        let mut run = Run::start(Kind::Rustredis, &place.0, "");
        let mut conn = run.connect();
        conn.line("SET a 1");
        // The rename cannot replace a directory.
        fs::create_dir(place.0.join("dump.rdb")).unwrap();
        fs::write(place.0.join("dump.rdb/x"), "").unwrap();
        if ends {
            conn.send(&how.split(' ').collect::<Vec<_>>()).unwrap();
            assert!(run.child.wait().unwrap().success(), "{how}");
        } else {
            assert_eq!(conn.line(how), r"-ERR Errors trying to SHUTDOWN. Check logs.\r\n");
            assert_eq!(conn.line("GET a"), r"$1\r\n1\r\n");
        }
    }
    let server = Server::rustredis();
    let mut conn = server.connect();
    assert_eq!(conn.line("SHUTDOWN ABORT"), r"-ERR No shutdown in progress.\r\n");
    for wrong in ["SHUTDOWN SAVE NOSAVE", "SHUTDOWN ABORT NOW", "SHUTDOWN x"] {
        assert_eq!(conn.line(wrong), r"-ERR syntax error\r\n", "{wrong}");
    }
}

/// A replica that lags gets time to catch up; meanwhile nobody writes, and the wish can be taken back.
#[test]
fn a_replica_that_lags_is_waited_for() {
    let mut primary = Server::start(Kind::Rustredis, &Options::args("--shutdown-timeout 600"));
    let replica = Server::rustredis();
    let mut to_replica = replica.connect();
    to_replica.line(&format!("REPLICAOF 127.0.0.1 {}", primary.port));
    eventually("the link", || to_replica.line("ROLE").contains("connected"));
    let mut conn = primary.connect();
    signal(&replica, "STOP");
    conn.line("SET a 1");
    let mut stopper = primary.connect();
    stopper.send(&["SHUTDOWN"]).unwrap();
    let info = |conn: &mut Conn| String::from_utf8(conn.ask(&["INFO", "server"])).unwrap();
    eventually("waiting", || info(&mut conn).contains("shutdown_in_milliseconds:"));
    assert_eq!(conn.line("GET a"), r"$1\r\n1\r\n");
    let mut writer = primary.connect();
    writer.send(&["SET", "b", "1"]).unwrap();
    std::thread::sleep(Duration::from_millis(100));
    assert_eq!(conn.line("EXISTS b"), r":0\r\n");
    assert_eq!(conn.line("SHUTDOWN ABORT"), r"+OK\r\n");
    assert_eq!(stopper.read_reply().unwrap(), b"-ERR Errors trying to SHUTDOWN. Check logs.\r\n");
    assert_eq!(writer.read_reply().unwrap(), b"+OK\r\n");
    assert!(!info(&mut conn).contains("shutdown_in_milliseconds"));
    // Once more, and now it catches up.
    stopper.send(&["SHUTDOWN"]).unwrap();
    eventually("waiting", || info(&mut conn).contains("shutdown_in_milliseconds:"));
    assert!(primary.alive());
    signal(&replica, "CONT");
    assert!(primary.wait(common::PATIENCE).is_some_and(|status| status.success()), "{}", primary.log());
    assert!(primary.log().contains("1 of 1 replicas are in sync when shutting down."), "{}", primary.log());
    assert_eq!(to_replica.line("GET b"), r"$1\r\n1\r\n");
}
