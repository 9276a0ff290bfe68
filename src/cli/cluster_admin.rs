//! What of `--cluster` changes a cluster: create, add-node, del-node, set-timeout, reshard, fix.

use super::{
    cluster::{Node, bad, check, good, info, load},
    out,
    session::{Failed, Session},
};
use crate::{base::crc16::SLOTS, resp::Value};
use std::{io, time::Duration};

/// Asks the user; `--cluster-yes` and `--yes` answer.
fn agreed(session: &Session<'_>, question: &str) -> bool {
    let options = session.options;
    if options.yes || options.cluster_options.iter().any(|(name, _)| name == "yes") {
        return true;
    }
    out::text(&format!("{question} (type 'yes' to accept): "));
    out::flush();
    let mut line = String::new();
    io::stdin().read_line(&mut line).is_ok() && line.trim().eq_ignore_ascii_case("yes")
}

fn fine(node: &mut Node, words: &[&str]) -> Result<Value, Failed> {
    let reply = node.ask(words)?;
    match reply.error() {
        None => Ok(reply),
        Some(text) => {
            bad(&format!("[ERR] Node {} replied with error:\n{}\n", node.addr, String::from_utf8_lossy(text)));
            Err(Failed)
        }
    }
}

fn place(addr: &str) -> (String, String) {
    let (host, port) = addr.rsplit_once(':').unwrap_or((addr, "6379"));
    (host.trim_matches(['[', ']']).to_owned(), port.to_owned())
}

pub fn create(session: &Session<'_>, places: &[String], replicas: Option<String>) -> Result<(), Failed> {
    let replicas: usize = replicas.and_then(|n| n.parse().ok()).unwrap_or(0);
    let mut nodes = Vec::new();
    for place in places {
        let mut own = load(session, std::slice::from_ref(place))?;
        let known = own.len();
        let mut node = own.swap_remove(0);
        if known > 1 || !node.slots.is_empty() || node.ask(&["DBSIZE"])?.int() != Some(0) {
            bad(&format!(
                "[ERR] Node {} is not empty. Either the node already knows other nodes (check with CLUSTER NODES) or contains some key in database 0.\n",
                node.addr
            ));
            return Err(Failed);
        }
        nodes.push(node);
    }
    let primaries = nodes.len() / (replicas + 1);
    if primaries < 3 {
        bad(&format!(
            "*** ERROR: Invalid configuration for cluster creation.\n*** Redis Cluster requires at least 3 master nodes.\n\
             *** This is not possible with {} nodes and {replicas} replicas per node.\n*** At least {} nodes are required.\n",
            nodes.len(),
            3 * (replicas + 1)
        ));
        return Err(Failed);
    }
    info(&format!(">>> Performing hash slots allocation on {} nodes...\n", nodes.len()));
    let share = |at: usize| (at * usize::from(SLOTS) + primaries / 2) / primaries;
    for at in 0..primaries {
        out::text(&format!("Master[{at}] -> Slots {} - {}\n", share(at), share(at + 1) - 1));
    }
    for at in primaries..nodes.len() {
        out::text(&format!("Adding replica {} to {}\n", nodes[at].addr, nodes[(at - primaries) % primaries].addr));
    }
    if !agreed(session, "Can I set the above configuration?") {
        return Err(Failed);
    }
    for (at, node) in nodes.iter_mut().enumerate().take(primaries) {
        let (first, last) = (share(at).to_string(), (share(at + 1) - 1).to_string());
        fine(node, &["CLUSTER", "ADDSLOTSRANGE", &first, &last])?;
    }
    info(">>> Nodes configuration updated\n>>> Assign a different config epoch to each node\n");
    for (at, node) in nodes.iter_mut().enumerate() {
        // A node that has an epoch keeps it.
        node.ask(&["CLUSTER", "SET-CONFIG-EPOCH", &(at + 1).to_string()])?;
    }
    info(">>> Sending CLUSTER MEET messages to join the cluster\n");
    let (host, port) = place(&nodes[0].addr);
    for node in &mut nodes[1..] {
        fine(node, &["CLUSTER", "MEET", &host, &port])?;
    }
    out::text("Waiting for the cluster to join\n");
    let all = nodes.len();
    wait(&mut nodes, |node| {
        let known = node.ask(&["CLUSTER", "NODES"])?;
        let known = known
            .text()
            .map_or(0, |text| String::from_utf8_lossy(text).lines().filter(|l| !l.contains("handshake")).count());
        Ok(known >= all)
    })?;
    for at in primaries..nodes.len() {
        let id = nodes[(at - primaries) % primaries].id.clone();
        fine(&mut nodes[at], &["CLUSTER", "REPLICATE", &id])?;
    }
    wait(&mut nodes, |node| {
        let state = node.ask(&["CLUSTER", "INFO"])?;
        Ok(state.text().is_some_and(|text| String::from_utf8_lossy(text).contains("cluster_state:ok")))
    })?;
    check(&load(session, &places[..1])?)
}

/// Waits up to a minute for all nodes to agree.
fn wait(nodes: &mut [Node], mut ready: impl FnMut(&mut Node) -> Result<bool, Failed>) -> Result<(), Failed> {
    for _ in 0..600 {
        let mut all = true;
        for node in nodes.iter_mut() {
            all &= ready(node)?;
        }
        if all {
            out::text("\n");
            return Ok(());
        }
        out::text(".");
        out::flush();
        std::thread::sleep(Duration::from_millis(100));
    }
    bad("\n[ERR] The nodes do not agree after a minute.\n");
    Err(Failed)
}

pub fn add_node(
    session: &Session<'_>,
    new: &str,
    existing: &str,
    replica: bool,
    of: Option<String>,
) -> Result<(), Failed> {
    info(&format!(">>> Adding node {new} to cluster {existing}\n"));
    let nodes = load(session, &[existing.to_owned()])?;
    check(&nodes)?;
    let mut own = load(session, &[new.to_owned()])?;
    if own.len() > 1 || !own[0].slots.is_empty() || own[0].ask(&["DBSIZE"])?.int() != Some(0) {
        bad(&format!(
            "[ERR] Node {new} is not empty. Either the node already knows other nodes (check with CLUSTER NODES) or contains some key in database 0.\n"
        ));
        return Err(Failed);
    }
    let node = &mut own[0];
    let (host, port) = place(&nodes[0].addr);
    info(&format!(">>> Send CLUSTER MEET to node {new} to make it join the cluster.\n"));
    fine(node, &["CLUSTER", "MEET", &host, &port])?;
    if replica || of.is_some() {
        let replicas = |id: &str| nodes.iter().filter(|n| n.replica_of.as_deref() == Some(id)).count();
        let fewest = nodes.iter().filter(|n| n.is_primary()).min_by_key(|n| replicas(&n.id)).map(|n| n.id.clone());
        let id = of.or(fewest).ok_or(Failed)?;
        wait(&mut own, |node| {
            let known = node.ask(&["CLUSTER", "NODES"])?;
            Ok(known.text().is_some_and(|text| String::from_utf8_lossy(text).contains(&id)))
        })?;
        info(&format!(">>> Configure node as replica of {id}.\n"));
        fine(&mut own[0], &["CLUSTER", "REPLICATE", &id])?;
    }
    good("[OK] New node added correctly.\n");
    Ok(())
}

pub fn del_node(mut nodes: Vec<Node>, id: &str) -> Result<(), Failed> {
    info(&format!(">>> Removing node {id} from cluster {}\n", nodes[0].addr));
    let Some(gone) = nodes.iter().position(|node| node.id.eq_ignore_ascii_case(id)) else {
        bad(&format!("[ERR] No such node ID {id}\n"));
        return Err(Failed);
    };
    if !nodes[gone].slots.is_empty() {
        bad(&format!("[ERR] Node {} is not empty! Reshard data away and try again.\n", nodes[gone].addr));
        return Err(Failed);
    }
    let mut gone = nodes.remove(gone);
    info(">>> Sending CLUSTER FORGET messages to the cluster...\n");
    for node in &mut nodes {
        fine(node, &["CLUSTER", "FORGET", &gone.id])?;
    }
    info(">>> Sending CLUSTER RESET SOFT to the deleted node.\n");
    fine(&mut gone, &["CLUSTER", "RESET", "SOFT"])?;
    Ok(())
}

pub fn set_timeout(mut nodes: Vec<Node>, timeout_ms: &str) -> Result<(), Failed> {
    if timeout_ms.parse::<u64>().is_ok_and(|ms| ms < 100) {
        eprintln!("Setting a node timeout of less than 100 milliseconds is a bad idea.");
        return Err(Failed);
    }
    info(">>> Reconfiguring node timeout in every cluster node...\n");
    let (mut done, mut failed) = (0, 0);
    for node in &mut nodes {
        let mut reply = node.ask(&["CONFIG", "SET", "cluster-node-timeout", timeout_ms])?;
        if reply.error().is_none() {
            reply = node.ask(&["CONFIG", "REWRITE"])?;
        }
        match reply.error() {
            None => {
                done += 1;
                info(&format!("*** New timeout set for {}\n", node.addr));
            }
            Some(text) => {
                failed += 1;
                bad(&format!("ERR setting node-timeout for {}: {}\n", node.addr, String::from_utf8_lossy(text)));
            }
        }
    }
    info(&format!(">>> New node timeout set. {done} OK, {failed} ERR.\n"));
    Ok(())
}

pub fn reshard(
    session: &Session<'_>,
    mut nodes: Vec<Node>,
    option: impl Fn(&str) -> Option<String>,
) -> Result<(), Failed> {
    check(&nodes)?;
    let (Some(count), Some(to), Some(from)) =
        (option("slots").and_then(|n| n.parse::<usize>().ok()), option("to"), option("from"))
    else {
        eprintln!("--cluster reshard needs --cluster-slots, --cluster-to and --cluster-from (ids, or all).");
        return Err(Failed);
    };
    let Some(to) = nodes.iter().position(|node| node.id == to && node.is_primary()) else {
        bad("*** The specified node is not known or not a master, please retry.\n");
        return Err(Failed);
    };
    let sources: Vec<usize> = (0..nodes.len())
        .filter(|at| *at != to && nodes[*at].is_primary())
        .filter(|at| from == "all" || from.split(',').any(|id| id == nodes[*at].id))
        .collect();
    let available: usize = sources.iter().map(|at| nodes[*at].slots.len()).sum();
    if available == 0 || count > usize::from(SLOTS) {
        bad("*** No source nodes with slots were given.\n");
        return Err(Failed);
    }
    // From each source its share, the first ones one more while there is something over.
    let mut moves: Vec<(usize, u16)> = Vec::new();
    for at in &sources {
        let share = (count * nodes[*at].slots.len()).div_ceil(available);
        let left = count.saturating_sub(moves.len());
        moves.extend(nodes[*at].slots.iter().take(share.min(left)).map(|slot| (*at, *slot)));
    }
    for (at, slot) in &moves {
        out::text(&format!("    Moving slot {slot} from {}\n", nodes[*at].id));
    }
    if !agreed(session, "Do you want to proceed with the proposed reshard plan?") {
        return Err(Failed);
    }
    let limit = option("timeout").unwrap_or_else(|| "60000".into());
    let pipeline = option("pipeline").unwrap_or_else(|| "10".into());
    let replace = option("replace").is_some();
    for (at, slot) in moves {
        move_slot(session, &mut nodes, at, to, slot, (&limit, &pipeline, replace))?;
    }
    Ok(())
}

fn move_slot(
    session: &Session<'_>,
    nodes: &mut [Node],
    from: usize,
    to: usize,
    slot: u16,
    (limit, pipeline, replace): (&str, &str, bool),
) -> Result<(), Failed> {
    let slot = slot.to_string();
    let (from_id, to_id, to_addr) = (nodes[from].id.clone(), nodes[to].id.clone(), nodes[to].addr.clone());
    out::text(&format!("Moving slot {slot} from {} to {to_addr}: ", nodes[from].addr));
    fine(&mut nodes[to], &["CLUSTER", "SETSLOT", &slot, "IMPORTING", &from_id])?;
    fine(&mut nodes[from], &["CLUSTER", "SETSLOT", &slot, "MIGRATING", &to_id])?;
    let (host, port) = place(&to_addr);
    loop {
        let reply = fine(&mut nodes[from], &["CLUSTER", "GETKEYSINSLOT", &slot, pipeline])?;
        let keys: Vec<Vec<u8>> =
            reply.items().unwrap_or_default().iter().filter_map(|key| key.text().map(<[u8]>::to_vec)).collect();
        if keys.is_empty() {
            break;
        }
        let mut words: Vec<Vec<u8>> = ["MIGRATE", &host, &port, "", "0", limit].map(|w| w.as_bytes().to_vec()).to_vec();
        if replace {
            words.push(b"REPLACE".to_vec());
        }
        match (&session.target.user, &session.target.password) {
            (Some(user), Some(password)) => words.extend([b"AUTH2".to_vec(), user.clone(), password.clone()]),
            (None, Some(password)) => words.extend([b"AUTH".to_vec(), password.clone()]),
            _ => {}
        }
        words.push(b"KEYS".to_vec());
        out::text(&".".repeat(keys.len()));
        words.extend(keys);
        let reply = nodes[from].conn.ask(&words).map_err(super::scan::fail)?;
        if let Some(text) = reply.error() {
            bad(&format!("\n[ERR] Calling MIGRATE: {}\n", String::from_utf8_lossy(text)));
            return Err(Failed);
        }
    }
    out::text("\n");
    out::flush();
    fine(&mut nodes[to], &["CLUSTER", "SETSLOT", &slot, "NODE", &to_id])?;
    for node in nodes.iter_mut().filter(|node| node.is_primary() && node.id != to_id) {
        fine(node, &["CLUSTER", "SETSLOT", &slot, "NODE", &to_id])?;
    }
    Ok(())
}

/// Finishes moves that were begun, and gives slots that nobody serves to somebody.
pub fn fix(session: &Session<'_>, mut nodes: Vec<Node>) -> Result<(), Failed> {
    if check(&nodes).is_ok() {
        return Ok(());
    }
    let open_slots: Vec<(usize, u16, String)> = nodes
        .iter()
        .enumerate()
        .flat_map(|(at, node)| node.migrating.iter().map(move |(slot, id)| (at, *slot, id.clone())))
        .collect();
    for (from, slot, id) in open_slots {
        info(&format!(">>> Fixing open slot {slot}\n"));
        match nodes.iter().position(|node| node.id == id) {
            Some(to) => move_slot(session, &mut nodes, from, to, slot, ("60000", "10", false))?,
            None => {
                fine(&mut nodes[from], &["CLUSTER", "SETSLOT", &slot.to_string(), "STABLE"])?;
            }
        }
    }
    let mut nodes = reload(session, &nodes)?;
    for node in &mut nodes {
        for (slot, _) in node.importing.clone() {
            fine(node, &["CLUSTER", "SETSLOT", &slot.to_string(), "STABLE"])?;
        }
    }
    let free: Vec<u16> = (0..SLOTS).filter(|slot| nodes.iter().all(|node| !node.slots.contains(slot))).collect();
    if !free.is_empty() {
        if !agreed(session, &format!("{} slots are served by nobody. Share them among the masters?", free.len())) {
            return Err(Failed);
        }
        let primaries: Vec<usize> = (0..nodes.len()).filter(|at| nodes[*at].is_primary()).collect();
        for (turn, slot) in free.iter().enumerate() {
            let Some(at) = primaries.get(turn % primaries.len().max(1)) else { return Err(Failed) };
            fine(&mut nodes[*at], &["CLUSTER", "ADDSLOTS", &slot.to_string()])?;
        }
    }
    check(&reload(session, &nodes)?)
}

fn reload(session: &Session<'_>, nodes: &[Node]) -> Result<Vec<Node>, Failed> {
    load(session, std::slice::from_ref(&nodes[0].addr))
}
