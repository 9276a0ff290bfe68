//! Where requests go, and how: to the nodes of a cluster, by several in one call; idle connections; runs without an end.

use super::{
    common::{self, Conn, Kind, Options, Server, find, server::on_path},
    masked, ours, run,
};
use serde_json::Value;
use std::{
    io::{BufRead, BufReader, Read},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

/// redis-benchmark, and ours under its name.
fn both(dir: &Path) -> Option<[PathBuf; 2]> {
    let (Some(theirs), Some(_)) = (on_path("redis-benchmark"), find(Kind::Redis)) else {
        common::skip("redis-benchmark and redis-server", "apt-get install redis-server redis-tools");
        return None;
    };
    let link = dir.join("redis-benchmark");
    std::os::unix::fs::symlink(find(Kind::Rustredis).expect("our own binary"), &link).expect("a link");
    Some([theirs, link])
}

fn fine(conn: &mut Conn, line: &str) {
    let reply = conn.line(line);
    assert!(reply.starts_with("+OK"), "{line}: {reply}");
}

/// Three primaries of Redis that know each other and share the slots.
fn cluster() -> Vec<Server> {
    let nodes: Vec<Server> = (0..3)
        .map(|_| {
            let bus = common::free_port();
            let words = format!("--cluster-enabled yes --cluster-node-timeout 15000 --cluster-port {bus}");
            Server::start(Kind::Redis, &Options::args(&words))
        })
        .collect();
    for (at, range) in ["0 5460", "5461 10922", "10923 16383"].iter().enumerate() {
        let mut conn = nodes[at].connect();
        fine(&mut conn, &format!("CLUSTER ADDSLOTSRANGE {range}"));
        fine(&mut conn, &format!("CLUSTER SET-CONFIG-EPOCH {}", at + 1));
        if at > 0 {
            let bus = nodes[0].connect().tree(&["CONFIG", "GET", "cluster-port"]).items[1].string();
            fine(&mut conn, &format!("CLUSTER MEET 127.0.0.1 {} {bus}", nodes[0].port));
        }
    }
    let limit = Instant::now() + common::PATIENCE;
    for node in &nodes {
        let mut conn = node.connect();
        while !conn.tree(&["CLUSTER", "INFO"]).string().contains("cluster_state:ok") {
            assert!(Instant::now() < limit, "the nodes do not find each other:\n{}", node.log());
            std::thread::sleep(Duration::from_millis(50));
        }
    }
    nodes
}

/// The nodes' order is chance, in redis-benchmark's list; names and ports are each run's own.
fn nameless(text: &str, nodes: &[Server]) -> String {
    let mut text = masked(text);
    for (at, _) in nodes.iter().enumerate() {
        let lines: Vec<&str> = text.lines().collect();
        text = lines
            .iter()
            .map(|line| match line.strip_prefix(&format!("Master {at}: ")).and_then(|rest| rest.split_once(' ')) {
                Some((id, addr)) if id.len() == 40 && addr.starts_with("127.0.0.1:") => format!("Master {at}: ID ADDR"),
                _ => (*line).to_owned(),
            })
            .collect::<Vec<_>>()
            .join("\n");
    }
    nodes.iter().fold(text, |text, node| common::port::hidden(&text, node.port))
}

#[test]
fn clusters_as_redis_benchmark_loads_them() {
    let home = Server::rustredis();
    let Some(programs) = both(&home.dir) else { return };
    let nodes = cluster();
    let keys = |nodes: &[Server]| -> Vec<i64> {
        nodes.iter().map(|node| node.connect().tree(&["DBSIZE"]).int().expect("a number")).collect()
    };
    let mut faults = Vec::new();
    for (line, most) in [
        ("--cluster -n 300 -t set,get -q", 1),
        ("--cluster -n 300 -t set --csv", 1),
        ("--cluster -n 300 -r 100000 -t set", 200),
        ("--cluster -n 300 -c 30 -t lpush,lrange_100 -q --threads 2", 1),
        ("--cluster -n 60 -P 4 -c 6 -q set x{tag} y", 1),
        ("--cluster -n 60 -q -t mset", 1),
    ] {
        // How many lines there are is a matter of how long it takes, with a machine that stands still meanwhile.
        let mut fault = None;
        for _ in 0..4 {
            let mut seen = Vec::new();
            for program in &programs {
                for node in &nodes {
                    fine(&mut node.connect(), "FLUSHALL");
                }
                let (code, out, err) = run(program, None, nodes[0].port, line);
                seen.push((code, nameless(&out, &nodes), err.trim_end().to_owned()));
            }
            // Theirs may leave a node out; of ours each has its share.
            let counts = keys(&nodes);
            let agree = seen[0] == seen[1] && counts.iter().all(|n| (1..=most).contains(n));
            fault = (!agree).then(|| format!("{line}\n theirs {:?}\n ours   {:?} {counts:?}", seen[0], seen[1]));
            if agree {
                break;
            }
        }
        faults.extend(fault);
    }
    // A key of another node: an error that names the node, which has requests left for as long as others have; and a server
    // that is in no cluster.
    let alone = Server::start(Kind::Redis, &Options::default());
    for (port, line) in [(nodes[0].port, "--cluster -n 1000000 -q set x y"), (alone.port, "--cluster -n 60 -q -t set")]
    {
        let [a, b] = [0, 1].map(|at: usize| {
            let (code, _, err) = run(&programs[at], None, port, line);
            let err = err.lines().next().unwrap_or_default().to_owned();
            (code, nodes.iter().fold(err, |text, node| common::port::hidden(&text, node.port)))
        });
        if a != b {
            faults.push(format!("{line}\n theirs {a:?}\n ours   {b:?}"));
        }
    }
    assert!(faults.is_empty(), "{} differences\n{}", faults.len(), faults.join("\n"));
    // A mix reaches every slot's node, under our own name.
    let (code, out, err) = ours(nodes[1].port, "--cluster --ratio 1:1 --key-prefix k{tag} -n 2000 --json");
    let all: Value = serde_json::from_str(&out).unwrap_or_else(|e| panic!("{e}\n{out}\n{err}"));
    assert!(code == Some(0) && all["tests"][0]["errors"].as_object().is_some_and(|e| e.is_empty()), "{out}");
    assert!(keys(&nodes).iter().all(|n| *n > 200), "{:?}", keys(&nodes));
}

/// Requests of several connections leave in one call where the kernel has io_uring, and replies come in one, else each in its
/// own: what arrives and what is counted is the same.
#[test]
fn either_way_of_sending() {
    let server = Server::rustredis();
    // Containers mostly forbid it by a filter.
    let says = |file: &str, what: &str| std::fs::read_to_string(file).is_ok_and(|text| text.contains(what));
    let allowed = says("/proc/sys/kernel/io_uring_disabled", "0") && says("/proc/self/status", "Seccomp:\t0\n");
    // Of replies that are read in one call each has 4,096 bytes: more than that, and just that.
    for (key, len) in [("large", 10_000), ("exact", 4087)] {
        fine(&mut server.connect(), &format!("SET {key} {}", "x".repeat(len)));
    }
    for line in [
        "-n 20000 -P 16 -t set -r 1000000 --seed 1",
        "-n 20000 -P 3 --ratio 1:1 --key-maximum 99",
        "-n 3000 -t set -r 1000000 -c 7 --threads 2 --reconnect-interval 40",
        "-n 640 -P 32 -d 100000 -t set -c 20",
        "-n 500 -k 0 -t get",
        "-n 4000 -P 8 -c 20 get large",
        "-n 4000 -c 20 get exact",
    ] {
        for io in ["auto", "epoll"] {
            let mut conn = server.connect();
            fine(&mut conn, "CONFIG RESETSTAT");
            let (code, out, err) = ours(server.port, &format!("--io {io} --server-stats no --json {line}"));
            let all: Value = serde_json::from_str(&out).unwrap_or_else(|e| panic!("{line}: {e}\n{out}\n{err}"));
            let test = &all["tests"][0];
            let asked = line.split(' ').nth(1).and_then(|n| n.parse::<u64>().ok());
            assert!(code == Some(0) && test["errors"].as_object().is_some_and(|e| e.is_empty()), "{line}: {test}");
            assert_eq!(test["requests"].as_u64(), asked, "{line}: {test}");
            if io == "epoll" || allowed {
                assert_eq!(test["io"], if io == "auto" { "uring" } else { "epoll" }, "{line}");
            }
            // Besides them: the question for the configuration, and the two of this test.
            let info = conn.tree(&["INFO", "stats"]).string();
            let seen =
                info.lines().find_map(|l| l.strip_prefix("total_commands_processed:")?.trim().parse::<u64>().ok());
            assert!(
                seen.zip(asked).is_some_and(|(seen, asked)| (asked..asked + 6).contains(&seen)),
                "{line}: {seen:?}"
            );
        }
    }
    let (code, _, err) = ours(server.port, "--io poll -n 1");
    assert!(code == Some(1) && err.contains("--io takes auto or epoll"), "{err}");
}

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn start(program: &Path, port: u16, line: &str) -> Running {
    let mut command = Command::new(program);
    command.args(["-p", &port.to_string()]).args(line.split(' '));
    Running(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("started"))
}

/// `-I` holds its connections as long as the server does.
#[test]
fn idle_connections() {
    let home = Server::rustredis();
    let Some(programs) = both(&home.dir) else { return };
    for program in programs {
        let mut server = Server::start(Kind::Redis, &Options::default());
        let mut idle = start(&program, server.port, "-I -c 17");
        let mut conn = server.connect();
        let limit = Instant::now() + common::PATIENCE;
        while !conn.tree(&["INFO", "clients"]).string().contains("connected_clients:18\r") {
            assert!(Instant::now() < limit, "{}", program.display());
            std::thread::sleep(Duration::from_millis(20));
        }
        let mut first = String::new();
        let mut out = BufReader::new(idle.0.stdout.take().expect("a pipe"));
        server.kill();
        let status = idle.0.wait().expect("it ended");
        out.read_line(&mut first).expect("a line");
        assert_eq!(first, "Creating 17 idle connections and waiting forever (Ctrl+C when done)\n");
        let (mut rest, mut err) = (String::new(), String::new());
        out.read_to_string(&mut rest).expect("text");
        idle.0.stderr.take().expect("a pipe").read_to_string(&mut err).expect("text");
        assert_eq!((status.code(), err.trim_end()), (Some(1), "Error: Server closed the connection"), "{rest}");
        assert!(rest.is_empty() || rest.starts_with("clients: 17\r"), "{rest:?}");
    }
}

/// `-l` runs the tests again and again, until somebody stops it.
#[test]
fn runs_without_an_end() {
    let server = Server::rustredis();
    let program = find(Kind::Rustredis).expect("our own binary");
    let mut command = Command::new(program);
    command.args(["bench", "-p", &server.port.to_string()]).args("-l -n 200 -t set,get -q".split(' '));
    let mut running = Running(command.stdout(Stdio::piped()).spawn().expect("started"));
    let out = BufReader::new(running.0.stdout.take().expect("a pipe"));
    // The pipe stays open: who writes to nobody ends.
    let mut lines = out.lines();
    let titles: Vec<String> = lines
        .by_ref()
        .map(|line| line.expect("text"))
        .filter_map(|line| Some(line.rsplit('\r').next()?.split_once(": ")?.0.to_owned()))
        .take(6)
        .collect();
    assert_eq!(titles, ["SET", "GET", "SET", "GET", "SET", "GET"]);
    common::kill(running.0.id(), "TERM");
    let status = running.0.wait().expect("it ended");
    assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(15), "{status}");
}
