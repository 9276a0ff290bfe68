//! `-c` and `--cluster` with a real cluster: nodes of Redis 7.0.15, made, changed, broken and mended by us, and looked at by
//! Debian's redis-cli.

use super::{
    common::{self, Kind, Options, Server, find, server::on_path},
    ours,
    screen::Screen,
};
use std::{
    collections::BTreeSet,
    process::Command,
    time::{Duration, Instant},
};

struct Nodes(Vec<Server>);

impl Nodes {
    /// A busy machine may hold a node up for longer than `timeout_ms`: the others then take it for dead.
    fn start(count: usize, timeout_ms: u32) -> Option<Nodes> {
        if find(Kind::Redis).is_none() || on_path("redis-cli").is_none() {
            common::skip("Redis", Kind::Redis.how_to_install());
            return None;
        }
        let start = |_| {
            let bus = crate::common::free_port();
            let words = format!("--cluster-enabled yes --cluster-node-timeout {timeout_ms} --cluster-port {bus}");
            let options = Options { file: Some("cluster-require-full-coverage no\n".into()), ..Options::args(&words) };
            Server::start(Kind::Redis, &options)
        };
        Some(Nodes((0..count).map(start).collect()))
    }

    fn addr(&self, at: usize) -> String {
        format!("127.0.0.1:{}", self.0[at].port)
    }

    fn id(&self, at: usize) -> String {
        self.ask(at, "CLUSTER MYID").trim().to_owned()
    }

    fn ask(&self, at: usize, line: &str) -> String {
        let mut command = Command::new("redis-cli");
        let output = command.args(["-p", &self.0[at].port.to_string()]).args(line.split(' ')).output();
        String::from_utf8_lossy(&output.expect("redis-cli").stdout).into_owned()
    }

    fn count(&self, at: usize, line: &str) -> usize {
        self.ask(at, line).trim().parse().unwrap_or_else(|_| panic!("{line} of {at}"))
    }

    /// `rustredis cli -p PORT FLAGS`: exit code and what it said.
    fn cli(&self, at: usize, line: &str, input: &str) -> (Option<i32>, String) {
        let mut command = ours();
        command.args(["-p", &self.0[at].port.to_string()]).args(line.split(' ')).write_stdin(input.to_owned());
        let output = command.output().expect("a client");
        let text = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8_lossy(&text).into_owned())
    }

    /// Says that all is well. What changes a whole cluster waits for the nodes to have heard of the last change.
    fn fine(&self, line: &str, input: &str) -> String {
        if ["reshard", "rebalance", "del-node", "backup", "add-node", "call"].iter().any(|verb| line.contains(verb)) {
            self.sound(line);
        }
        let (code, text) = self.cli(0, line, input);
        assert_eq!(code, Some(0), "{line}\n{text}");
        text
    }

    /// Until neither redis-cli nor ours, who looks at more nodes, finds anything to complain about.
    fn sound(&self, after: &str) {
        let deadline = Instant::now() + common::PATIENCE;
        loop {
            let check = ["--cluster", "check", &self.addr(0)];
            let output = Command::new("redis-cli").args(check).output().expect("it");
            if output.status.success() && ours().args(check).output().expect("a client").status.success() {
                return;
            }
            assert!(Instant::now() < deadline, "{after}: {}", String::from_utf8_lossy(&output.stdout));
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Every key that was written is there, wherever it is by now.
    fn whole(&self, after: &str) {
        self.sound(after);
        let script: String = (0..KEYS).map(|n| format!("get key:{n}\n")).collect();
        let (code, text) = self.cli(0, "-c", &script);
        assert_eq!(code, Some(0), "{after}");
        let want: String = (0..KEYS).map(|n| format!("value:{n}\n")).collect();
        assert_eq!(without_redirections(&text), want, "{after}");
    }

    fn owner(&self, slot: usize, primaries: &[usize]) -> usize {
        let serves = |at: usize| {
            let text = self.ask(at, "CLUSTER NODES");
            let own = text.lines().find(|line| line.contains("myself")).expect("itself").to_owned();
            own.split(' ').skip(8).filter(|range| !range.starts_with('[')).any(|range| {
                let (first, last) = range.split_once('-').unwrap_or((range, range));
                (first.parse().expect("a slot")..=last.parse().expect("a slot")).contains(&slot)
            })
        };
        primaries.iter().copied().find(|at| serves(*at)).expect("an owner")
    }
}

const KEYS: usize = 500;

fn without_redirections(text: &str) -> String {
    text.lines().filter(|line| !line.starts_with("-> ")).map(|line| format!("{line}\n")).collect()
}

#[test]
fn a_cluster_from_its_making_to_its_mending() {
    let Some(nodes) = Nodes::start(7, 20_000) else { return };
    let all: Vec<String> = (0..6).map(|at| nodes.addr(at)).collect();

    // Made of six.
    let create = format!("--cluster create {} --cluster-replicas 1", all.join(" "));
    let (code, text) = nodes.cli(0, &create, "no\n");
    assert_eq!(code, Some(0), "as redis-cli: {text}");
    assert!(nodes.ask(0, "CLUSTER INFO").contains("cluster_known_nodes:1\r"), "no means no");
    let text = nodes.fine(&format!("{create} --cluster-yes"), "");
    assert!(text.contains("[OK] All 16384 slots covered."), "{text}");
    nodes.sound("create");
    assert!(nodes.cli(0, &create, "yes\n").1.contains("is not empty"));

    // Keys, in every way that -c has.
    let sets: String = (0..KEYS).map(|n| format!("SET key:{n} value:{n}\r\n")).collect();
    let text = nodes.fine("-c --pipe", &sets);
    assert!(text.contains(&format!("errors: 0, replies: {KEYS}")), "{text}");
    nodes.whole("--pipe");
    let (_, text) = nodes.cli(0, "get key:1", "");
    let (_, other) = nodes.cli(1, "get key:1", "");
    assert!(text.contains("MOVED") || other.contains("MOVED"), "without -c nobody follows");
    for at in 0..3 {
        assert_eq!(nodes.cli(at, "-c get key:1", "").1, "value:1\n");
        assert_eq!(nodes.cli(at, "-c -3 --json get key:2", "").1, "\"value:2\"\n");
    }
    let found = |line: &str| nodes.fine(line, "").lines().map(str::to_owned).collect::<BTreeSet<String>>().len();
    assert_eq!(found("-c --scan"), KEYS);
    assert!(found("--scan") < KEYS);
    assert!(nodes.fine("-c --bigkeys", "").contains(&format!("Sampled {KEYS} keys")));
    assert!(nodes.fine("-c --memkeys", "").contains(&format!("Sampled {KEYS} keys")));
    assert!(nodes.fine("-c --keystats", "").contains(&KEYS.to_string()));

    // Work in bulk: in, out with a journal, and back from it, each key at its own node.
    let (commands, journal) = (nodes.0[0].dir.join("commands"), nodes.0[0].dir.join("journal"));
    std::fs::write(&commands, (0..50).map(|n| format!("SET bulk:{n} {n}\n")).collect::<String>()).expect("a file");
    nodes.fine(&format!("-c --import {}", commands.display()), "");
    assert_eq!(found("-c --scan --pattern bulk:*"), 50);
    nodes.fine(&format!("-c --del-match bulk:* --yes --journal {}", journal.display()), "");
    assert_eq!(found("-c --scan --pattern bulk:*"), 0);
    nodes.fine(&format!("-c --undo {}", journal.display()), "");
    assert_eq!(found("-c --scan --pattern bulk:*"), 50);
    assert_eq!(nodes.cli(0, "-c get bulk:7", "").1, "7\n");
    nodes.fine("-c --del-match bulk:* --yes", "");
    nodes.whole("work in bulk");

    // The prompt goes where the keys are, as redis-cli's does.
    let screens = ["redis-cli".into(), find(Kind::Rustredis).expect("our own binary")].map(|program| {
        let mut command = Command::new(&program);
        if program.ends_with("rustredis") {
            command.args(["cli", "--view", "redis"]);
        }
        command.args(["-c", "-p", &nodes.0[0].port.to_string()]);
        let mut screen = Screen::start(command, &nodes.0[0].dir);
        screen.ends(">");
        for n in 0..8 {
            screen.keys(&format!("get key:{n}\r"));
            screen.until("the answer", |rows| {
                rows.last().is_some_and(|row| row.ends_with('>')) && rows.contains(&format!("\"value:{n}\""))
            });
        }
        // How long it took, if that was half a second.
        screen.rows().into_iter().filter(|row| !(row.starts_with('(') && row.ends_with("s)"))).collect::<Vec<_>>()
    });
    assert_eq!(screens[0], screens[1]);
    assert!(screens[0].iter().any(|row| row.starts_with("-> Redirected to slot")));

    // ASK: the slot is on its way, and so is the key.
    let slot = nodes.count(0, "CLUSTER KEYSLOT {key}:new");
    let from = nodes.owner(slot, &[0, 1, 2]);
    let to = (from + 1) % 3;
    nodes.ask(to, &format!("CLUSTER SETSLOT {slot} IMPORTING {}", nodes.id(from)));
    nodes.ask(from, &format!("CLUSTER SETSLOT {slot} MIGRATING {}", nodes.id(to)));
    assert_eq!(nodes.cli(from, "-c set {key}:new 1", "").1, "OK\n");
    assert_eq!(nodes.count(to, &format!("CLUSTER COUNTKEYSINSLOT {slot}")), 1);
    assert_eq!(nodes.cli(from, "-c --pipe", "INCR {key}:new\nINCR {key}:new\n").0, Some(0));
    assert_eq!(nodes.cli(from, "-c get {key}:new", "").1, "3\n");

    // An end for what was begun: --cluster fix.
    let (code, text) = nodes.cli(0, &format!("--cluster check {}", all[0]), "");
    assert_eq!(code, Some(1));
    assert!(text.contains(&format!("The following slots are open: {slot}.")), "{text}");
    nodes.fine(&format!("--cluster fix {} --cluster-yes", all[0]), "");
    nodes.whole("fix of an open slot");
    assert_eq!(nodes.owner(slot, &[0, 1, 2]), to);
    assert_eq!(nodes.cli(0, "-c getdel {key}:new", "").1, "3\n");
    // A move that one side alone knows of; keys are on both.
    let slot = nodes.count(0, "CLUSTER KEYSLOT key:7");
    let from = nodes.owner(slot, &[0, 1, 2]);
    let to = (from + 1) % 3;
    nodes.ask(to, &format!("CLUSTER SETSLOT {slot} IMPORTING {}", nodes.id(from)));
    nodes.ask(from, &format!("CLUSTER SETSLOT {slot} MIGRATING {}", nodes.id(to)));
    let port = nodes.0[to].port;
    assert!(nodes.ask(from, &format!("MIGRATE 127.0.0.1 {port} key:7 0 100000")).contains("OK"));
    nodes.ask(from, &format!("CLUSTER SETSLOT {slot} STABLE"));
    nodes.fine(&format!("--cluster fix {} --yes", all[0]), "");
    nodes.whole("fix of a slot that is imported only");

    // Slots that nobody serves, with keys and without.
    let empty = (0..16384)
        .find(|slot| nodes.count(nodes.owner(*slot, &[0, 1, 2]), &format!("CLUSTER COUNTKEYSINSLOT {slot}")) == 0)
        .expect("there are 500 keys");
    for at in 0..3 {
        nodes.ask(at, &format!("CLUSTER DELSLOTS {slot}"));
        nodes.ask(at, &format!("CLUSTER DELSLOTS {empty}"));
    }
    let (code, text) = nodes.cli(0, &format!("--cluster fix {}", all[0]), "no\n");
    assert_eq!(code, Some(1));
    assert!(text.contains(&format!("no keys across the cluster:\n[{empty}]")), "{text}");
    let text = nodes.fine(&format!("--cluster fix {} --cluster-yes", all[0]), "");
    assert!(text.contains(&format!("keys in just one node:\n[{slot}]")), "{text}");
    nodes.whole("fix of slots that nobody served");

    // A seventh node, slots for it, and away again.
    nodes.fine(&format!("--cluster add-node {} {}", nodes.addr(6), all[0]), "");
    let seventh = nodes.id(6);
    let deadline = Instant::now() + common::PATIENCE;
    while !(0..6).all(|at| nodes.ask(at, "CLUSTER NODES").contains(&seventh)) {
        assert!(Instant::now() < deadline, "all hear of the seventh");
        std::thread::sleep(Duration::from_millis(50));
    }
    nodes.sound("add-node");
    let line = format!("--cluster reshard {}", all[0]);
    let text = nodes.fine(&line, &format!("40\n{seventh}\nall\nyes\n"));
    assert!(text.contains("What is the receiving node ID? ") && text.contains("Resharding plan:"), "{text}");
    nodes.whole("reshard by questions");
    let from = nodes.id(0);
    nodes.fine(&format!("{line} --cluster-from {from} --cluster-to {seventh} --cluster-slots 60 --cluster-yes"), "");
    nodes.whole("reshard by flags");
    assert!(nodes.ask(6, "CLUSTER NODES").contains("myself,master"));
    let text = nodes.fine(&format!("--cluster rebalance {} --cluster-simulate", all[0]), "");
    assert!(text.contains("Moving ") && text.contains("Total weight = 4.00"), "{text}");
    nodes.fine(&format!("--cluster rebalance {} --cluster-weight {seventh}=0", all[0]), "");
    nodes.whole("rebalance away from a node");
    assert!(nodes.fine(&format!("--cluster rebalance {}", all[0]), "").contains("No rebalancing needed"));
    let (code, text) = nodes.cli(0, &format!("--cluster del-node {} {}", all[0], nodes.id(1)), "");
    assert_eq!(code, Some(1));
    assert!(text.contains("is not empty"), "{text}");
    nodes.fine(&format!("--cluster del-node {} {seventh}", all[0]), "");
    nodes.sound("del-node");
    let fewest = nodes.id(2);
    nodes.ask(6, "CLUSTER RESET HARD");
    nodes.fine(
        &format!("--cluster add-node {} {} --cluster-slave --cluster-master-id {fewest}", nodes.addr(6), all[0]),
        "",
    );
    assert!(nodes.ask(6, "CLUSTER NODES").contains(&format!("myself,slave {fewest}")));

    // Calls, timeouts, saves, and another server's keys.
    let text = nodes.fine(&format!("--cluster call {} dbsize --cluster-only-masters", all[0]), "");
    assert_eq!(text.lines().filter(|line| line.starts_with("127.0.0.1:")).count(), 3, "{text}");
    let text = nodes.fine(&format!("--cluster set-timeout {} 25000", all[0]), "");
    assert!(text.contains("7 OK, 0 ERR"), "{text}");
    assert!(nodes.ask(3, "CONFIG GET cluster-node-timeout").contains("25000"));
    let dir = nodes.0[0].dir.join("backup");
    std::fs::create_dir(&dir).expect("a directory");
    nodes.fine(&format!("--cluster backup {} {}", all[0], dir.display()), "");
    let mut keys = 0;
    for file in std::fs::read_dir(&dir).expect("it is there").map(|entry| entry.expect("an entry").path()) {
        if file.extension().is_some_and(|ext| ext == "rdb") {
            let mut command = Command::new(find(Kind::Rustredis).expect("our own binary"));
            let output = command.args(["rdb", "dump"]).arg(&file).output().expect("the inspector");
            keys += String::from_utf8_lossy(&output.stdout).matches("key:").count();
        }
    }
    assert_eq!(keys, KEYS, "all keys are in the three snapshots");
    let text = std::fs::read_to_string(dir.join("nodes.json")).expect("who serves what");
    assert_eq!(text.matches("\"replicate\": null").count(), 3, "{text}");
    let single = Server::start(Kind::Redis, &Options::default());
    for n in 0..50 {
        single.connect().ask(&["SET", &format!("other:{n}"), "1"]);
    }
    let import = format!("--cluster import {} --cluster-from 127.0.0.1:{}", all[0], single.port);
    assert_eq!(nodes.cli(0, &format!("--cluster import {}", all[0]), "").0, Some(1));
    let text = nodes.fine(&import, "");
    assert_eq!(text.matches(": OK").count(), 50, "{text}");
    assert_eq!(single.connect().line("DBSIZE"), ":0\\r\\n");
    assert_eq!(found("-c --scan --pattern other:*"), 50);
    assert_eq!(nodes.cli(0, "-c --del-match other:* --yes", "").0, Some(0));
    nodes.whole("everything");
}

#[test]
fn lost_primaries_stop_a_fix() {
    let Some(mut nodes) = Nodes::start(3, 5000) else { return };
    let all: Vec<String> = (0..3).map(|at| nodes.addr(at)).collect();
    nodes.fine(&format!("--cluster create {} --cluster-yes", all.join(" ")), "");
    nodes.0[2].kill();
    let deadline = Instant::now() + common::PATIENCE;
    while !nodes.ask(0, "CLUSTER NODES").contains(",fail ") && !nodes.ask(0, "CLUSTER NODES").contains("master,fail") {
        assert!(Instant::now() < deadline, "the others find out");
        std::thread::sleep(Duration::from_millis(50));
    }
    let (code, text) = nodes.cli(0, &format!("--cluster fix {} --cluster-yes", all[0]), "");
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("--cluster-fix-with-unreachable-masters"), "{text}");
    assert!(nodes.ask(0, "CLUSTER INFO").contains("cluster_slots_ok:10923"), "nothing was given away");
    let (code, text) =
        nodes.cli(0, &format!("--cluster fix {} --cluster-yes --cluster-fix-with-unreachable-masters", all[0]), "");
    assert_eq!(code, Some(0), "{text}");
    let (_, text) = nodes.cli(0, "-c set foo bar", "");
    assert_eq!(text, "OK\n");
}
