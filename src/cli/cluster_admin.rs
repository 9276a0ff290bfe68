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

/// Moves slots until every primary has its share by weight (`--cluster-weight ID=W`), if somebody is further from it than
/// `--cluster-threshold` per cent.
pub fn rebalance(
    session: &Session<'_>,
    mut nodes: Vec<Node>,
    option: impl Fn(&str) -> Option<String>,
) -> Result<(), Failed> {
    check(&nodes)?;
    let weights: Vec<(String, f64)> = session
        .options
        .cluster_options
        .iter()
        .filter(|(name, _)| name == "weight")
        .filter_map(|(_, value)| {
            let text = String::from_utf8_lossy(value).into_owned();
            let (id, weight) = text.split_once('=')?;
            Some((id.to_ascii_lowercase(), weight.parse().ok().filter(|w: &f64| w.is_finite() && *w >= 0.0)?))
        })
        .collect();
    let threshold = option("threshold").and_then(|n| n.parse::<f64>().ok()).unwrap_or(2.0);
    let empty_too = option("use-empty-masters").is_some();
    let taking: Vec<usize> =
        (0..nodes.len()).filter(|at| nodes[*at].is_primary() && (empty_too || !nodes[*at].slots.is_empty())).collect();
    let weight = |node: &Node| weights.iter().find(|(id, _)| node.id.starts_with(id.as_str())).map_or(1.0, |(_, w)| *w);
    let all: f64 = taking.iter().map(|at| weight(&nodes[*at])).sum();
    if all <= 0.0 {
        bad("*** No node is to have slots.\n");
        return Err(Failed);
    }
    // How many each is to have: the parts of a slot that rounding leaves go to the first ones.
    let mut wanted: Vec<(usize, usize)> =
        taking.iter().map(|at| (*at, (f64::from(SLOTS) * weight(&nodes[*at]) / all) as usize)).collect();
    let mut over = usize::from(SLOTS) - wanted.iter().map(|(_, n)| n).sum::<usize>();
    for (at, n) in &mut wanted {
        if over > 0 && weight(&nodes[*at]) > 0.0 {
            (*n, over) = (*n + 1, over - 1);
        }
    }
    let far = wanted.iter().any(|(at, n)| {
        let have = nodes[*at].slots.len() as f64;
        100.0 * (have - *n as f64).abs() / have.max(1.0) > threshold
    });
    if !far {
        super::cluster::warn(&format!(
            "*** No rebalancing needed! All nodes are within the {threshold:.2}% threshold.\n"
        ));
        return Ok(());
    }
    let mut spare: Vec<(usize, u16)> = Vec::new();
    for (at, n) in &wanted {
        spare.extend(nodes[*at].slots.iter().skip(*n).map(|slot| (*at, *slot)));
    }
    info(&format!(">>> Rebalancing across {} nodes. Total weight = {all:.2}\n", taking.len()));
    let limit = option("timeout").unwrap_or_else(|| "60000".into());
    let pipeline = option("pipeline").unwrap_or_else(|| "10".into());
    let replace = option("replace").is_some();
    for (to, n) in wanted {
        for _ in nodes[to].slots.len()..n {
            let Some((from, slot)) = spare.pop() else { return Ok(()) };
            match option("simulate") {
                Some(_) => out::text("#"),
                None => move_slot(session, &mut nodes, from, to, slot, (&limit, &pipeline, replace))?,
            }
        }
    }
    out::text("\n");
    Ok(())
}

/// Moves the keys of a server that is no cluster's (`--cluster-from`) to the nodes that their slots belong to.
pub fn import(session: &Session<'_>, nodes: Vec<Node>, option: impl Fn(&str) -> Option<String>) -> Result<(), Failed> {
    let Some(from) = option("from") else {
        bad("[ERR] Option '--cluster-from' is required for subcommand 'import'.\n");
        return Err(Failed);
    };
    info(&format!(">>> Importing data from {from} to cluster {}\n", nodes[0].addr));
    check(&nodes)?;
    let mut source = super::cluster::target(session, &[from])?;
    (source.user, source.password) =
        (option("from-user").map(String::into_bytes), option("from-pass").map(String::into_bytes));
    let mut conn = super::cluster::open(&source)?;
    let mut walk = super::scan::Walk::new(None, super::scan::PAGE, 0);
    let (mut moved, mut failed) = (0u64, 0u64);
    let limit = option("timeout").unwrap_or_else(|| "60000".into());
    while let Some(keys) = walk.next(&mut conn, false)? {
        for key in keys.iter().filter_map(Value::text) {
            let slot = crate::base::crc16::key_slot(key);
            let Some(owner) = nodes.iter().find(|node| node.slots.contains(&slot)) else { continue };
            let (host, port) = place(&owner.addr);
            let mut words: Vec<&[u8]> = vec![b"MIGRATE", host.as_bytes(), port.as_bytes(), key, b"0", limit.as_bytes()];
            if option("copy").is_some() {
                words.push(b"COPY");
            }
            if option("replace").is_some() {
                words.push(b"REPLACE");
            }
            match (&session.target.user, &session.target.password) {
                (Some(user), Some(password)) => words.extend([b"AUTH2".as_slice(), user, password]),
                (None, Some(password)) => words.extend([b"AUTH".as_slice(), password]),
                _ => {}
            }
            let reply = conn.ask(&words).map_err(super::scan::fail)?;
            match reply.error() {
                None => moved += 1,
                Some(text) => {
                    failed += 1;
                    let shown = [&crate::resp::inline::quote(key), text]
                        .map(|part| String::from_utf8_lossy(&super::format::harmless(part)).into_owned());
                    bad(&format!("Migrating {}: {}\n", shown[0], shown[1]));
                }
            }
        }
    }
    out::text(&format!("{moved} keys moved, {failed} failed\n"));
    if failed == 0 { Ok(()) } else { Err(Failed) }
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
