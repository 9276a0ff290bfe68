//! `--verify --also` across a failover that a real Sentinel makes: how long nobody served, and what was lost.

use super::common::{Kind, Options, Server, find, server::on_path, skip};
use serde_json::Value;
use std::{
    fs,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn the_time_without_service_of_a_failover() {
    // For long enough that another leads before the end, and no failover but that of the killed one.
    super::common::in_one_of(4, |n| without_service(8 * n));
}

fn without_service(seconds: u32) {
    let Some(program) = on_path("redis-sentinel") else {
        return skip("redis-sentinel", "apt-get install redis-sentinel");
    };
    let options = Options::args("--repl-diskless-sync-delay 0");
    let (mut primary, replica) = (Server::start(Kind::Rustredis, &options), Server::start(Kind::Rustredis, &options));
    replica.connect().line(&format!("REPLICAOF 127.0.0.1 {}", primary.port));
    let deadline = Instant::now() + super::common::PATIENCE;
    let mut conn = replica.connect();
    while !conn.line("INFO replication").contains("master_link_status:up") {
        assert!(Instant::now() < deadline, "the replica follows");
        std::thread::sleep(Duration::from_millis(20));
    }
    let port = crate::common::free_port();
    let config = replica.dir.join("sentinel.conf");
    let text = format!(
        "port {port}\nbind 127.0.0.1\ndir {}\nsentinel monitor tested 127.0.0.1 {} 1\n\
         sentinel down-after-milliseconds tested 1000\nsentinel failover-timeout tested 5000\n",
        replica.dir.display(),
        primary.port
    );
    fs::write(&config, text).expect("a configuration file");
    let sentinel = Command::new(program).arg(&config).stdin(Stdio::null()).stdout(Stdio::null()).spawn();
    let _sentinel = Killed(sentinel.expect("a sentinel"));
    let knows = |what: &str| {
        let mut command = Command::new("redis-cli");
        let output =
            command.args(["-p", &port.to_string(), "sentinel", "master", "tested"]).output().expect("redis-cli");
        String::from_utf8_lossy(&output.stdout).contains(what)
    };
    while !knows("num-slaves\n1\n") {
        assert!(Instant::now() < deadline, "the sentinel knows both");
        std::thread::sleep(Duration::from_millis(50));
    }

    let mut command = Command::new(find(Kind::Rustredis).expect("our own binary"));
    command.args(["bench", "-p", &primary.port.to_string(), "--also", &format!("redis://127.0.0.1:{}", replica.port)]);
    command.args(format!("--verify --test-time {seconds} -c 4 -P 4 --json").split(' '));
    let load = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("a run");
    // Load first: its writes have to be on the way when the primary dies.
    let before = conn.line("DBSIZE");
    while conn.line("DBSIZE") == before {
        assert!(Instant::now() < deadline, "writes come");
        std::thread::sleep(Duration::from_millis(20));
    }
    std::thread::sleep(Duration::from_millis(500));
    primary.kill();
    let output = load.wait_with_output().expect("its output");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let all: Value = serde_json::from_str(&text)
        .unwrap_or_else(|e| panic!("{e}\n{text}\n{}", String::from_utf8_lossy(&output.stderr)));
    let number = |name: &str| all[name].as_f64().unwrap_or_else(|| panic!("{name}: {all}"));
    // What the replica had not heard of yet is lost, and said to be: an asynchronous replica promises no more.
    let lost = number("acknowledged_writes_lost");
    assert_eq!(output.status.code(), Some(if lost > 0.0 { 2 } else { 0 }), "{all}");
    assert_eq!(number("wrong_reads"), 0.0, "{all}");
    assert!(number("breaks") >= 4.0, "each connection broke: {all}");
    // Nobody serves before the sentinel is sure.
    let without = number("longest_without_service");
    assert!((0.9..f64::from(seconds) - 1.0).contains(&without), "{all}");
    // Sentinel closes the connections of a server that it promotes.
    assert!(replica.connect().line("ROLE").contains("master"));
}
