//! `--cluster`: info, check, call, set-timeout, add-node, del-node, create, reshard, rebalance, import and fix, with the public commands of the nodes.
//! Words and colours match redis-cli 7.0.15's.

use super::{
    out,
    session::{Failed, Session},
};
use crate::{
    base::crc16::SLOTS,
    client::{Addr, Conn, Target},
    resp::Value,
};
use std::collections::BTreeMap;

pub struct Node {
    pub addr: String,
    pub id: String,
    pub replica_of: Option<String>,
    /// The slots that it says it serves.
    pub slots: Vec<u16>,
    /// Slots on the move, with the other node's id: away from here, and to here.
    pub migrating: Vec<(u16, String)>,
    pub importing: Vec<(u16, String)>,
    pub conn: Conn,
}

const COMMANDS: &[(&str, &str, usize)] = &[
    ("create", "host1:port1 ... hostN:portN\n                 --cluster-replicas <arg>", 1),
    ("check", "<host:port> or <host> <port> - separated by either colon or space", 1),
    ("info", "<host:port> or <host> <port> - separated by either colon or space", 1),
    ("fix", "<host:port> or <host> <port> - separated by either colon or space", 1),
    (
        "reshard",
        "<host:port> or <host> <port> - separated by either colon or space\n                 --cluster-from <arg>\n                 \
         --cluster-to <arg>\n                 --cluster-slots <arg>\n                 --cluster-yes\n                 \
         --cluster-timeout <arg>\n                 --cluster-pipeline <arg>\n                 --cluster-replace",
        1,
    ),
    (
        "add-node",
        "new_host:new_port existing_host:existing_port\n                 --cluster-slave\n                 --cluster-master-id <arg>",
        2,
    ),
    (
        "rebalance",
        "<host:port> or <host> <port> - separated by either colon or space\n                 --cluster-weight <node1=w1...nodeN=wN>\n                 \
         --cluster-use-empty-masters\n                 --cluster-timeout <arg>\n                 --cluster-simulate\n                 \
         --cluster-pipeline <arg>\n                 --cluster-threshold <arg>\n                 --cluster-replace",
        1,
    ),
    (
        "import",
        "host:port\n                 --cluster-from <arg>\n                 --cluster-from-user <arg>\n                 \
         --cluster-from-pass <arg>\n                 --cluster-copy\n                 --cluster-replace",
        1,
    ),
    ("del-node", "host:port node_id", 2),
    (
        "call",
        "host:port command arg arg .. arg\n                 --cluster-only-masters\n                 --cluster-only-replicas",
        2,
    ),
    ("set-timeout", "host:port milliseconds", 2),
    ("help", "", 0),
];

fn colour(code: &str, text: &str) {
    match std::env::var_os("NO_COLOR").filter(|v| !v.is_empty()) {
        Some(_) => out::text(text),
        None => out::text(&format!("\x1b[{code}m{text}\x1b[0m")),
    }
}

pub fn info(text: &str) {
    colour("29;1", text);
}

pub fn good(text: &str) {
    colour("32;1", text);
}

pub fn bad(text: &str) {
    colour("31;1", text);
}

pub fn warn(text: &str) {
    colour("33;1", text);
}

pub fn run(session: &mut Session<'_>, words: &[Vec<u8>]) -> Result<(), Failed> {
    let words: Vec<String> = words.iter().map(|word| String::from_utf8_lossy(word).into_owned()).collect();
    let Some((_, _, least)) = COMMANDS.iter().find(|(name, ..)| *name == words[0]) else {
        eprintln!("Unknown --cluster subcommand");
        return Err(Failed);
    };
    if words.len() <= *least && words[0] != "help" {
        eprintln!("[ERR] Wrong number of arguments for specified --cluster sub command");
        return Err(Failed);
    }
    let option = |name: &str| {
        let all = &session.options.cluster_options;
        all.iter().rev().find(|(known, _)| known == name).map(|(_, v)| String::from_utf8_lossy(v).into_owned())
    };
    match words[0].as_str() {
        "help" => {
            help();
            Err(Failed)
        }
        "create" => super::cluster_admin::create(session, &words[1..], option("replicas")),
        "add-node" => super::cluster_admin::add_node(
            session,
            &words[1],
            &words[2],
            option("slave").is_some(),
            option("master-id"),
        ),
        "call" => {
            let nodes = load(session, &words[1..2])?;
            call(nodes, &words[2..], option("only-masters").is_some(), option("only-replicas").is_some())
        }
        "del-node" => {
            let nodes = load(session, &words[1..2])?;
            super::cluster_admin::del_node(nodes, &words[2])
        }
        "set-timeout" => {
            let nodes = load(session, &words[1..2])?;
            super::cluster_admin::set_timeout(nodes, &words[2])
        }
        "rebalance" => {
            let nodes = load(session, &words[1..])?;
            super::cluster_admin::rebalance(session, nodes, option)
        }
        "import" => {
            let nodes = load(session, &words[1..])?;
            super::cluster_admin::import(session, nodes, option)
        }
        "reshard" => {
            let nodes = load(session, &words[1..])?;
            super::cluster_admin::reshard(session, nodes, option)
        }
        name => {
            let mut nodes = load(session, &words[1..])?;
            figures(&mut nodes)?;
            match name {
                "check" => check(&nodes),
                "fix" => super::cluster_admin::fix(session, nodes),
                _ => Ok(()),
            }
        }
    }
}

fn help() {
    out::text("Cluster Manager Commands:\n");
    for (name, arguments, _) in COMMANDS {
        out::text(&format!("  {name:<15}{arguments}\n"));
    }
    out::text("\nThe host and port are those of any node of the cluster.\n\n");
    out::text("Cluster Manager Options:\n  --cluster-yes  Yes to questions\n\n");
}

/// The target that `host:port`, or `host port`, names.
pub fn target(session: &Session<'_>, place: &[String]) -> Result<Target, Failed> {
    let mut target = session.target.clone();
    let wrong = || {
        eprintln!(
            "[ERR] Invalid arguments: you need to pass either a valid address (ie. 120.0.0.1:7000) or space separated IP and port (ie. 120.0.0.1 7000)"
        );
        Failed
    };
    let text = match place {
        [place] | [place, ..] if place.contains(':') => place.clone(),
        [host, port, ..] => format!("{host}:{port}"),
        _ => return Err(wrong()),
    };
    let (host, port) = text.rsplit_once(':').ok_or_else(wrong)?;
    // The bus's port may stand behind an '@'.
    let port = port.split('@').next().and_then(|port| port.parse().ok()).ok_or_else(wrong)?;
    target.addr = Addr::Tcp { host: host.trim_matches(['[', ']']).to_owned(), port };
    (target.db, target.resp3) = (0, false);
    Ok(target)
}

pub fn open(target: &Target) -> Result<Conn, Failed> {
    target.open().map_err(|error| {
        eprintln!("Could not connect to Redis at {}: {error}", target.addr);
        Failed
    })
}

/// What CLUSTER NODES of a node tells about itself, and the addresses of the others.
fn read_node(addr: String, mut conn: Conn) -> Result<(Node, Vec<String>), Failed> {
    let reply = conn.ask(&["CLUSTER", "NODES"]).map_err(super::scan::fail)?;
    let text = reply.text().map(|text| String::from_utf8_lossy(text).into_owned()).unwrap_or_default();
    let lines = || text.lines().map(|line| line.split(' ').collect::<Vec<&str>>()).filter(|fields| fields.len() >= 8);
    let has = |fields: &[&str], flags: &[&str]| fields[2].split(',').any(|flag| flags.contains(&flag));
    let Some(own) = lines().find(|fields| has(fields, &["myself"])) else {
        bad(&format!("[ERR] Node {addr} is not configured as a cluster node.\n"));
        return Err(Failed);
    };
    let others = lines()
        .filter(|fields| !has(fields, &["myself", "noaddr", "handshake", "fail"]) && fields[7] == "connected")
        .map(|fields| fields[1].split(['@', ',']).next().unwrap_or_default().to_owned())
        .collect();
    let mut node = Node {
        addr,
        id: own[0].to_owned(),
        replica_of: (own[3] != "-").then(|| own[3].to_owned()),
        slots: Vec::new(),
        migrating: Vec::new(),
        importing: Vec::new(),
        conn,
    };
    own[8..].iter().for_each(|range| node.take_slots(range));
    Ok((node, others))
}

impl Node {
    /// `0-100`, `7`, `[7->-ID]` or `[7-<-ID]`.
    fn take_slots(&mut self, range: &str) {
        let slot = |digits: &str| digits.parse::<u16>().ok().filter(|slot| *slot < SLOTS);
        if let Some(inside) = range.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            if let Some((digits, id)) = inside.split_once("->-") {
                self.migrating.extend(slot(digits).map(|slot| (slot, id.to_owned())));
            } else if let Some((digits, id)) = inside.split_once("-<-") {
                self.importing.extend(slot(digits).map(|slot| (slot, id.to_owned())));
            }
            return;
        }
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        if let (Some(first), Some(last)) = (slot(first), slot(last)) {
            self.slots.extend(first..=last);
        }
    }

    pub fn is_primary(&self) -> bool {
        self.replica_of.is_none()
    }

    pub fn ask(&mut self, words: &[&str]) -> Result<Value, Failed> {
        self.conn.ask(words).map_err(super::scan::fail)
    }
}

/// The node that is named, and all that it knows.
pub fn load(session: &Session<'_>, place: &[String]) -> Result<Vec<Node>, Failed> {
    let first = target(session, place)?;
    let (node, others) = read_node(first.addr.to_string(), open(&first)?)?;
    let mut nodes = vec![node];
    for place in others {
        let target = target(session, std::slice::from_ref(&place))?;
        match target.open() {
            Ok(conn) => nodes.push(read_node(target.addr.to_string(), conn)?.0),
            Err(error) => bad(&format!("[ERR] Could not connect to node {place}: {error}\n")),
        }
    }
    Ok(nodes)
}

fn figures(nodes: &mut [Node]) -> Result<(), Failed> {
    let replicas = |nodes: &[Node], id: &str| nodes.iter().filter(|n| n.replica_of.as_deref() == Some(id)).count();
    let (mut keys, mut primaries) = (0, 0);
    for at in 0..nodes.len() {
        if !nodes[at].is_primary() {
            continue;
        }
        let own = nodes[at].ask(&["DBSIZE"])?.int().unwrap_or(0);
        keys += own;
        primaries += 1;
        let node = &nodes[at];
        let id = node.id.get(..8).unwrap_or(&node.id);
        out::text(&format!(
            "{} ({id}...) -> {own} keys | {} slots | {} slaves.\n",
            node.addr,
            node.slots.len(),
            replicas(nodes, &node.id)
        ));
    }
    good(&format!("[OK] {keys} keys in {primaries} masters.\n"));
    out::text(&format!("{:.2} keys per slot on average.\n", keys as f64 / f64::from(SLOTS)));
    Ok(())
}

/// Slots as `[0-5],[7]`.
fn ranges(slots: &[u16]) -> String {
    let mut out = Vec::new();
    let mut slots = slots.to_vec();
    slots.sort_unstable();
    let mut at = 0;
    while at < slots.len() {
        let first = slots[at];
        while at + 1 < slots.len() && slots[at + 1] == slots[at] + 1 {
            at += 1;
        }
        out.push(if first == slots[at] { format!("[{first}]") } else { format!("[{first}-{}]", slots[at]) });
        at += 1;
    }
    out.join(",")
}

pub fn check(nodes: &[Node]) -> Result<(), Failed> {
    info(&format!(">>> Performing Cluster Check (using node {})\n", nodes[0].addr));
    for node in nodes {
        let replicas = nodes.iter().filter(|n| n.replica_of.as_deref() == Some(&node.id)).count();
        let (mark, role) = if node.is_primary() { ('M', "master") } else { ('S', "slave") };
        out::text(&format!(
            "{mark}: {} {}\n   slots:{} ({} slots) {role}\n",
            node.id,
            node.addr,
            if node.slots.is_empty() { " ".to_owned() } else { ranges(&node.slots) }.trim_end(),
            node.slots.len()
        ));
        if let Some(primary) = &node.replica_of {
            out::text(&format!("   replicates {primary}\n"));
        } else if replicas > 0 {
            out::text(&format!("   {replicas} additional replica(s)\n"));
        }
    }
    let mut owners: BTreeMap<u16, usize> = BTreeMap::new();
    nodes.iter().flat_map(|node| &node.slots).for_each(|slot| *owners.entry(*slot).or_default() += 1);
    let mut fine = true;
    if owners.values().all(|count| *count == 1) {
        good("[OK] All nodes agree about slots configuration.\n");
    } else {
        bad("[ERR] Nodes don't agree about configuration!\n");
        fine = false;
    }
    info(">>> Check for open slots...\n");
    for node in nodes {
        for (what, open) in [("migrating", &node.migrating), ("importing", &node.importing)] {
            if !open.is_empty() {
                fine = false;
                let list: Vec<String> = open.iter().map(|(slot, _)| slot.to_string()).collect();
                colour(
                    "33;1",
                    &format!("[WARNING] Node {} has slots in {what} state {}.\n", node.addr, list.join(",")),
                );
            }
        }
    }
    info(">>> Check slots coverage...\n");
    if owners.len() == usize::from(SLOTS) {
        good("[OK] All 16384 slots covered.\n");
    } else {
        bad("[ERR] Not all 16384 slots are covered by nodes.\n\n");
        fine = false;
    }
    if fine { Ok(()) } else { Err(Failed) }
}

fn call(mut nodes: Vec<Node>, words: &[String], primaries: bool, replicas: bool) -> Result<(), Failed> {
    info(">>> Calling");
    words.iter().for_each(|word| out::text(&format!(" {word}")));
    out::text("\n");
    let form =
        super::format::Form { output: crate::args::cli::Output::Raw, element_delimiter: b"\n", reply_delimiter: b"\n" };
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    for node in &mut nodes {
        if primaries && !node.is_primary() || replicas && node.is_primary() {
            continue;
        }
        match node.conn.ask(&words) {
            Ok(reply) => {
                out::text(&format!("{}: ", node.addr));
                out::bytes(&super::format::harmless(&form.reply(&reply, false)));
            }
            Err(error) => out::text(&format!("{}: Failed: {error}\n", node.addr)),
        }
    }
    Ok(())
}
