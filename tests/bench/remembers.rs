//! `--verify` across restarts of a server that remembers everything, and of one that forgets; and load that goes on when
//! a server comes back.

use super::common::{Conn, Kind, find};
use serde_json::Value;
use std::{
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

fn start(dir: &Path, port: u16, aof: bool) -> Child {
    let mut command = Command::new(find(Kind::Rustredis).expect("our own binary"));
    command.args(["serve", "--port", &port.to_string(), "--save", "", "--appendfsync", "always"]);
    command.args(["--appendonly", if aof { "yes" } else { "no" }]).arg("--dir").arg(dir);
    let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("a server");
    let limit = Instant::now() + super::common::PATIENCE;
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(Instant::now() < limit, "the server does not answer");
        std::thread::sleep(Duration::from_millis(5));
    }
    child
}

/// Waits until the server has done so many commands.
fn served(port: u16, commands: u64) {
    let mut conn = Conn::open(port);
    let limit = Instant::now() + super::common::PATIENCE;
    loop {
        let info = conn.line("INFO stats");
        let done = info.split("\\r\\n").find_map(|l| l.strip_prefix("total_commands_processed:")?.parse().ok());
        if done >= Some(commands) {
            return;
        }
        assert!(Instant::now() < limit, "no load: {info}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn home(name: &str) -> (PathBuf, u16) {
    let port = crate::common::free_port();
    // The port makes each attempt's another one.
    let dir = std::env::temp_dir().join(format!("rustredis-remembers-{name}-{}-{port}", std::process::id()));
    let _ = std::fs::remove_dir_all(&dir);
    std::fs::create_dir_all(&dir).expect("a directory");
    (dir, port)
}

/// Runs the load generator while the server is killed and started again.
fn through_a_crash(name: &str, aof: bool, flags: &str) -> (Option<i32>, Value) {
    let (dir, port) = home(name);
    let mut server = start(&dir, port, aof);
    let mut command = Command::new(find(Kind::Rustredis).expect("our own binary"));
    command.args(["bench", "-p", &port.to_string(), "--json"]).args(flags.split_whitespace());
    let load = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("a run");
    served(port, 500);
    server.kill().expect("killed");
    server.wait().expect("gone");
    std::thread::sleep(Duration::from_millis(300));
    let mut server = start(&dir, port, aof);
    let output = load.wait_with_output().expect("its output");
    let _ = server.kill();
    let _ = server.wait();
    let _ = std::fs::remove_dir_all(&dir);
    let text = String::from_utf8_lossy(&output.stdout);
    let err = String::from_utf8_lossy(&output.stderr);
    (output.status.code(), serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}\n{text}\n{err}")))
}

#[test]
fn what_was_acknowledged_is_still_there_or_said_to_be_lost() {
    let number = |all: &Value, name: &str| all[name].as_f64().unwrap_or_else(|| panic!("{name}: {all}"));
    for (aof, code) in [(true, 0), (false, 2)] {
        // For long enough that the server is there again before the end.
        super::common::in_one_of(4, |n| {
            let flags = format!("--verify --test-time {} -c 4 -P 8", 3 * n);
            let (ended, all) = through_a_crash(if aof { "log" } else { "none" }, aof, &flags);
            assert_eq!(ended, Some(code), "{all}");
            assert!(number(&all, "acknowledged_writes") > 100.0 && number(&all, "breaks") >= 4.0, "{all}");
            assert_eq!(number(&all, "wrong_reads"), 0.0, "{all}");
            assert_eq!(number(&all, "acknowledged_writes_lost") > 0.0, !aof, "{all}");
            let without = number(&all, "longest_without_service");
            assert!((0.25..10.0).contains(&without), "{all}");
        });
    }
}

#[test]
fn lost_connections_are_counted_and_made_again() {
    for flags in ["-c 4 -t set", "-c 4 --ratio 1:1", "-c 4 -t set --rate 2000"] {
        super::common::in_one_of(4, |n| {
            let (code, all) = through_a_crash("load", false, &format!("--test-time {} {flags}", 3 * n));
            let test = &all["tests"][0];
            assert!(code == Some(0) && test["errors"]["(connection lost)"].as_u64() >= Some(4), "{flags}: {all}");
            let seconds = test["per_second"].as_array().expect("seconds");
            let requests = |at: usize| seconds.get(at).and_then(|s| s["requests"].as_u64()).unwrap_or(0);
            let last = 3 * n as usize - 1;
            assert!(requests(0) > 0 && requests(last) > 0, "{flags}: it goes on: {all}");
        });
    }
}
