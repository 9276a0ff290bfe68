//! What the tests of replication share: servers that follow each other, and how one sees that they hold the same.

use super::{Conn, Kind, Node, Options, Server, env_number, escape, find, skip};
use std::time::{Duration, Instant};

pub use super::PATIENCE;

pub fn start(kind: Kind, args: &[&str]) -> Server {
    let mut all = vec!["--repl-diskless-sync-delay".to_owned(), "0".to_owned()];
    all.extend(args.iter().map(|a| (*a).to_owned()));
    Server::start(kind, &Options { args: all, ..Options::default() })
}

pub fn field(conn: &mut Conn, section: &str, name: &str) -> String {
    let text = conn.tree(&["INFO", section]).string();
    let line = text.lines().find_map(|l| l.strip_prefix(&format!("{name}:")).map(str::to_owned));
    line.unwrap_or_default()
}

pub fn number(conn: &mut Conn, section: &str, name: &str) -> i64 {
    field(conn, section, name).parse().unwrap_or(-1)
}

/// The keys that are not the same in both.
pub fn differing(a: &mut Conn, b: &mut Conn) -> Vec<String> {
    let mut out = Vec::new();
    for db in 0..3 {
        a.line(&format!("SELECT {db}"));
        b.line(&format!("SELECT {db}"));
        let mut keys: Vec<String> = [a.tree(&["KEYS", "*"]), b.tree(&["KEYS", "*"])]
            .iter()
            .flat_map(|n| n.items.iter().map(Node::string))
            .collect();
        keys.sort();
        keys.dedup();
        for key in keys {
            for question in [vec!["DEBUG", "DIGEST-VALUE", &key], vec!["PEXPIRETIME", &key], vec!["TYPE", &key]] {
                let (x, y) = (escape(&a.ask(&question)), escape(&b.ask(&question)));
                if x != y {
                    out.push(format!("{db} {question:?}: {x} {y}"));
                }
            }
        }
    }
    out
}

/// Waits until the replica is where its primary is, and compares the datasets.
pub fn settle(primary: &Server, replica: &Server, what: &str) {
    let (mut a, mut b) = (primary.connect(), replica.connect());
    let deadline = Instant::now() + PATIENCE;
    loop {
        let up = field(&mut b, "replication", "master_link_status") == "up";
        let (x, y) =
            (number(&mut a, "replication", "master_repl_offset"), number(&mut b, "replication", "master_repl_offset"));
        if up && x == y {
            let digests = (a.line("DEBUG DIGEST"), b.line("DEBUG DIGEST"));
            let still = |conn: &mut Conn| number(conn, "replication", "master_repl_offset") == x;
            // Neither went on meanwhile.
            if still(&mut a) && still(&mut b) {
                let (x, y) = digests;
                assert_eq!(x, y, "{what}: the datasets differ at the same offset: {:#?}", differing(&mut a, &mut b));
                return;
            }
        }
        assert!(
            Instant::now() < deadline,
            "{what}: not in step after {PATIENCE:?}: {up} {x} {y}\n{}\n---\n{}",
            primary.log(),
            replica.log()
        );
        std::thread::sleep(Duration::from_millis(20));
    }
}

pub fn seed() -> u64 {
    let seed = env_number("REPL_SEED", 1);
    eprintln!("REPL_SEED={seed}");
    seed
}

pub fn peers(kinds: &[Kind]) -> bool {
    kinds.iter().all(|kind| {
        let there = find(*kind).is_some();
        if !there {
            skip(&format!("{kind:?}"), kind.how_to_install());
        }
        there
    })
}

/// Waits until something is so.
pub fn until(what: &str, logs: impl Fn() -> String, mut done: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !done() {
        assert!(Instant::now() < deadline, "{what}: not after {PATIENCE:?}\n{}", logs());
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Makes `replica` follow `primary`, and waits until it does.
pub fn follow(primary: &Server, replica: &Server) {
    replica.connect().line(&format!("REPLICAOF 127.0.0.1 {}", primary.port));
    settle(primary, replica, "the copy");
}

/// Stops a process where it is, or has it go on.
pub fn signal(server: &Server, name: &str) {
    super::kill(server.pid(), name);
    if name == "STOP" {
        // Sent is not stopped: its threads may be running still.
        let stopped = |task: std::io::Result<std::fs::DirEntry>| {
            let stat = task.and_then(|t| std::fs::read_to_string(t.path().join("stat"))).unwrap_or_default();
            stat.rsplit_once(") ").is_none_or(|(_, rest)| rest.starts_with('T'))
        };
        let tasks = || std::fs::read_dir(format!("/proc/{}/task", server.pid())).expect("its threads");
        until("it stands still", || server.log(), || tasks().all(stopped));
    }
}
