//! Redis Sentinel, three of them as Debian ships it, over three of our nodes: a primary is killed while redis-py's Sentinel
//! client writes; a replica is promoted, the client follows, the old primary comes back as a replica, and nothing that both
//! replicas had acknowledged is lost. Then the same once more with the new primary.

mod common;

use common::repl::{PATIENCE, until};
use common::{Conn, Kind, Node, Options, Server, free_port, server::on_path, skip};
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

/// A sentinel in a directory of its own.
struct Sentinel {
    port: u16,
    dir: PathBuf,
    child: Child,
}

impl Sentinel {
    fn start(program: &PathBuf, number: usize, primary: u16) -> Sentinel {
        let port = free_port();
        let dir = std::env::temp_dir().join(format!("rustredis-sentinel-{}-{number}", std::process::id()));
        let _ = fs::remove_dir_all(&dir); // of a run that was killed
        fs::create_dir_all(&dir).expect("a directory");
        let config = dir.join("sentinel.conf");
        let text = format!(
            "port {port}\nbind 127.0.0.1\ndir {}\nlogfile {}\nsentinel monitor tested 127.0.0.1 {primary} 2\n\
             sentinel down-after-milliseconds tested 1500\nsentinel failover-timeout tested 6000\n\
             sentinel parallel-syncs tested 1\n",
            dir.display(),
            dir.join("log").display()
        );
        fs::write(&config, text).expect("a configuration file");
        let child = Command::new(program).arg(&config).stdin(Stdio::null()).stdout(Stdio::null()).spawn();
        Sentinel { port, dir, child: child.expect("a sentinel") }
    }

    fn ask(&self, words: &[&str]) -> Node {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match Conn::try_open(self.port) {
                Ok(mut conn) => return conn.tree(words),
                Err(e) => assert!(Instant::now() < deadline, "sentinel {}: {e}\n{}", self.port, self.log()),
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// The port of the primary as this sentinel knows it.
    fn primary(&self) -> u16 {
        let node = self.ask(&["SENTINEL", "GET-MASTER-ADDR-BY-NAME", "tested"]);
        node.items.get(1).and_then(|n| n.string().parse().ok()).unwrap_or(0)
    }

    /// A field of what it knows about the primary.
    fn knows(&self, field: &str) -> String {
        let node = self.ask(&["SENTINEL", "MASTER", "tested"]);
        let at = node.items.chunks(2).find(|pair| pair[0].string() == field);
        at.map(|pair| pair[1].string()).unwrap_or_default()
    }

    fn log(&self) -> String {
        fs::read_to_string(self.dir.join("log")).unwrap_or_default()
    }
}

impl Drop for Sentinel {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.dir);
    }
}

/// The writing client, `tests/python/sentinel.py`.
struct Writer {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Writer {
    fn start(sentinels: &[Sentinel]) -> Writer {
        let python = std::env::var_os("PYTHON").unwrap_or_else(|| "python3".into());
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/python/sentinel.py");
        let ports = sentinels.iter().map(|s| s.port.to_string());
        let mut run = Command::new(python);
        run.arg(script).args(ports).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = run.spawn().expect("a client");
        let (input, output) = (child.stdin.take().expect("piped"), child.stdout.take().expect("piped"));
        Writer { child, input, output: BufReader::new(output) }
    }

    fn ask(&mut self, words: &str) -> String {
        writeln!(self.input, "{words}").expect("the client is there");
        let mut line = String::new();
        self.output.read_line(&mut line).expect("the client answers");
        line.trim().to_owned()
    }

    /// Writes so far that both replicas have acknowledged.
    fn acknowledged(&mut self) -> u64 {
        let line = self.ask("progress");
        line.split(' ').nth(1).and_then(|n| n.parse().ok()).unwrap_or_else(|| panic!("the client says {line:?}"))
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn info(server: &Server, name: &str) -> String {
    // Sentinels kill connections where they change roles: who was cut off asks again.
    let asked = || {
        let mut conn = Conn::try_open(server.port).ok()?;
        conn.send(&["INFO", "replication"]).ok()?;
        conn.read_reply().ok()
    };
    let reply = asked().unwrap_or_default();
    let text = String::from_utf8_lossy(&reply);
    text.lines().find_map(|l| l.strip_prefix(&format!("{name}:")).map(str::to_owned)).unwrap_or_default()
}

#[test]
fn a_killed_primary_is_replaced_and_nothing_acknowledged_is_lost() {
    // A node that stands still for longer than 1.5 seconds is replaced as well, and the test's own killing comes to nothing.
    common::in_one_of(3, |_| two_are_killed());
}

fn two_are_killed() {
    let Some(program) = on_path("redis-sentinel") else {
        return skip("redis-sentinel", "apt-get install redis-sentinel");
    };
    let python = std::env::var_os("PYTHON").unwrap_or_else(|| "python3".into());
    if !Command::new(python).args(["-c", "import redis.sentinel"]).output().is_ok_and(|out| out.status.success()) {
        return skip("redis-py", "pip install redis");
    }
    let options = Options {
        args: ["--repl-diskless-sync-delay", "0", "--threads", "2"].map(str::to_owned).to_vec(),
        file: Some("# of the test\n".to_owned()),
        ..Options::default()
    };
    let mut nodes: Vec<Server> = (0..3).map(|_| Server::start(Kind::Rustredis, &options)).collect();
    let first = nodes[0].port;
    for node in &nodes[1..] {
        node.connect().line(&format!("REPLICAOF 127.0.0.1 {first}"));
    }
    let sentinels: Vec<Sentinel> = (0..3).map(|n| Sentinel::start(&program, n, first)).collect();
    let logs = |nodes: &[Server]| -> String {
        let sentinels = sentinels.iter().map(|s| format!("--- sentinel {}\n{}", s.port, s.log()));
        let nodes = nodes.iter().map(|n| format!("--- node {}\n{}", n.port, n.log()));
        sentinels.chain(nodes).collect()
    };
    until(
        "the sentinels know all",
        || logs(&nodes),
        || sentinels.iter().all(|s| s.knows("num-slaves") == "2" && s.knows("num-other-sentinels") == "2"),
    );
    let mut writer = Writer::start(&sentinels);
    for round in 1..=2 {
        let before = writer.acknowledged();
        until("writes go on", || logs(&nodes), || writer.acknowledged() > before + 200);
        let old = sentinels[0].primary();
        let victim = nodes.iter().position(|n| n.port == old).expect("one of ours");
        nodes[victim].kill();
        until("another primary", || logs(&nodes), || sentinels.iter().all(|s| s.primary() != old && s.primary() != 0));
        let new = sentinels[0].primary();
        let leader = nodes.iter().position(|n| n.port == new).expect("one of ours");
        until("it leads", || logs(&nodes), || info(&nodes[leader], "role") == "master");
        nodes[victim].restart();
        until(
            "the old primary follows",
            || logs(&nodes),
            || {
                nodes.iter().filter(|n| n.port != new).all(|n| {
                    info(n, "role") == "slave"
                        && info(n, "master_port") == new.to_string()
                        && info(n, "master_link_status") == "up"
                })
            },
        );
        let before = writer.acknowledged();
        until("the client follows", || logs(&nodes), || writer.acknowledged() > before + 50);
        let found = writer.ask(&format!("check {new}"));
        assert!(found.contains(" lost 0 "), "round {round}: {found}\n{}", logs(&nodes));
        // Roles are written to the configuration files by the sentinels' CONFIG REWRITE.
        let config = fs::read_to_string(nodes[victim].dir.join("redis.conf")).expect("a file");
        assert!(config.contains(&format!("replicaof 127.0.0.1 {new}")), "{config}");
        let known = |n: &Server| n.connect().tree(&["CLIENT", "LIST"]).string().matches("name=sentinel-").count();
        until("the sentinels say who they are", || logs(&nodes), || nodes.iter().all(|n| known(n) >= 3));
    }
    assert_eq!(writer.ask("rest"), "resting");
    let leader = nodes.iter().find(|n| n.port == sentinels[0].primary()).expect("one of ours");
    until(
        "all are in step",
        || logs(&nodes),
        || {
            let offset = info(leader, "master_repl_offset");
            nodes.iter().all(|n| info(n, "master_repl_offset") == offset)
                && info(leader, "master_repl_offset") == offset
                && nodes.iter().all(|n| n.connect().line("DEBUG DIGEST") == leader.connect().line("DEBUG DIGEST"))
        },
    );
    for node in &nodes {
        let found = writer.ask(&format!("check {}", node.port));
        assert!(found.contains(" lost 0 "), "{}: {found}\n{}", node.port, logs(&nodes));
        assert!(!node.log().contains("panicked"), "{}", node.log());
    }
}
