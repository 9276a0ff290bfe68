//! `create`: empty nodes become a cluster.

use super::{
    agreed, bad, check,
    check::describe,
    info,
    nodes::{Cluster, Node, load_one, place},
    option, warn,
};
use crate::{
    base::crc16::SLOTS,
    cli::{
        out,
        session::{Failed, Session},
    },
};
use std::time::Duration;

pub fn create(session: &Session<'_>, places: &[String]) -> Result<(), Failed> {
    let replicas: usize = option(session, "replicas").and_then(|n| n.parse().ok()).unwrap_or(0);
    let mut nodes = Vec::new();
    for place in places {
        let (mut node, known) = load_one(session, std::slice::from_ref(place))?;
        if !node.is_empty(known)? {
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
    let hosts: Vec<String> = nodes.iter().map(|node| place(&node.addr).0).collect();
    let order = by_turns(&hosts);
    let mut cluster = Cluster { nodes, lost: Vec::new() };
    let share = |at: usize| ((at * usize::from(SLOTS) + primaries / 2) / primaries) as u16;
    for (turn, &at) in order.iter().enumerate().take(primaries) {
        out::text(&format!("Master[{turn}] -> Slots {} - {}\n", share(turn), share(turn + 1) - 1));
        cluster.nodes[at].slots = (share(turn)..share(turn + 1)).collect();
    }
    let followed = follow(&hosts, &order[..primaries], &order[primaries..]);
    for &(replica, primary) in &followed {
        out::text(&format!("Adding replica {} to {}\n", cluster.nodes[replica].addr, cluster.nodes[primary].addr));
        cluster.nodes[replica].replica_of = Some(cluster.nodes[primary].id.clone());
    }
    if followed.iter().any(|&(replica, primary)| hosts[replica] == hosts[primary]) {
        warn("[WARNING] Some slaves are in the same host as their master\n");
    }
    (0..cluster.nodes.len()).for_each(|at| describe(&cluster, at, ""));
    if !agreed(session, "Can I set the above configuration? (type 'yes' to accept): ") {
        return Ok(());
    }
    for node in cluster.nodes.iter_mut().filter(|node| node.is_primary()) {
        let (first, last) = (node.slots[0].to_string(), node.slots[node.slots.len() - 1].to_string());
        let range = ["CLUSTER", "ADDSLOTSRANGE", &first, &last];
        let reply = node.ask(&range)?;
        if reply.error().is_some() {
            // Servers before 7.0 want the slots one by one.
            let slots: Vec<String> = node.slots.iter().map(u16::to_string).collect();
            let words: Vec<&str> =
                ["CLUSTER", "ADDSLOTS"].into_iter().chain(slots.iter().map(String::as_str)).collect();
            node.fine(&words)?;
        }
    }
    info(">>> Nodes configuration updated\n");
    info(">>> Assign a different config epoch to each node\n");
    for (at, node) in cluster.nodes.iter_mut().enumerate() {
        // A node that has an epoch keeps it.
        node.ask(&["CLUSTER", "SET-CONFIG-EPOCH", &(at + 1).to_string()])?;
    }
    info(">>> Sending CLUSTER MEET messages to join the cluster\n");
    let meeting = cluster.nodes[0].meeting();
    for node in &mut cluster.nodes[1..] {
        node.fine(&meeting)?;
    }
    out::text("Waiting for the cluster to join\n");
    let all = cluster.nodes.len();
    wait(&mut cluster.nodes, |node| Ok(known(node)? >= all))?;
    for &(replica, _) in &followed {
        let node = &mut cluster.nodes[replica];
        let id = node.replica_of.clone().unwrap_or_default();
        node.fine(&["CLUSTER", "REPLICATE", &id])?;
    }
    wait(&mut cluster.nodes, |node| {
        let state = node.ask(&["CLUSTER", "INFO"])?;
        Ok(state.text().is_some_and(|text| String::from_utf8_lossy(text).contains("cluster_state:ok")))
    })?;
    let first = &places[..1];
    settled(session, first, all)?;
    check::check(session, &Cluster::load(session, first)?, false)
}

/// Indices of the nodes, hosts taking turns: the first ones are on as many hosts as can be.
fn by_turns(hosts: &[String]) -> Vec<usize> {
    let mut order: Vec<(usize, usize)> =
        (0..hosts.len()).map(|at| (hosts[..at].iter().filter(|host| **host == hosts[at]).count(), at)).collect();
    order.sort_unstable();
    order.into_iter().map(|(_, at)| at).collect()
}

/// Which primary each of the rest follows: as even as can be, on another host than its primary and its brothers if there
/// is one.
fn follow(hosts: &[String], primaries: &[usize], rest: &[usize]) -> Vec<(usize, usize)> {
    let mut followed: Vec<(usize, usize)> = Vec::new();
    let mut free = rest.to_vec();
    for turn in 0..rest.len() {
        let primary = primaries[turn % primaries.len()];
        let shared = |at: usize| {
            let brothers =
                followed.iter().filter(|(brother, of)| *of == primary && hosts[*brother] == hosts[at]).count();
            (hosts[at] == hosts[primary], brothers)
        };
        let Some(best) = (0..free.len()).min_by_key(|place| shared(free[*place])) else { break };
        followed.push((free.remove(best), primary));
    }
    // Those that came last had to take what was left: they change places with others where both are on other hosts then.
    let shares = |(replica, primary): (usize, usize)| hosts[replica] == hosts[primary];
    for i in 0..followed.len() {
        let ((a, of_a), all) = (followed[i], 0..followed.len());
        let better = |&j: &usize| !shares((a, followed[j].1)) && !shares((followed[j].0, of_a));
        if shares(followed[i])
            && let Some(j) = all.into_iter().find(better)
        {
            (followed[i].0, followed[j].0) = (followed[j].0, a);
        }
    }
    followed
}

/// How many nodes a node knows that have answered it.
fn known(node: &mut Node) -> Result<usize, Failed> {
    let known = node.ask(&["CLUSTER", "NODES"])?;
    Ok(known
        .text()
        .map_or(0, |text| String::from_utf8_lossy(text).lines().filter(|line| !line.contains("handshake")).count()))
}

/// Waits up to a minute for all nodes to be ready.
pub fn wait(nodes: &mut [Node], mut ready: impl FnMut(&mut Node) -> Result<bool, Failed>) -> Result<(), Failed> {
    for turn in 0..600 {
        let mut all = true;
        for node in nodes.iter_mut() {
            all &= ready(node)?;
        }
        if all {
            out::text("\n");
            return Ok(());
        }
        if turn % 10 == 9 {
            out::text(".");
            out::flush();
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    bad("\n[ERR] The nodes do not agree after a minute.\n");
    Err(Failed)
}

/// Waits until so many nodes see the same cluster.
fn settled(session: &Session<'_>, place: &[String], all: usize) -> Result<(), Failed> {
    for _ in 0..600 {
        let cluster = Cluster::load(session, place)?;
        if cluster.nodes.len() == all && cluster.agrees() {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    // The check that follows says what is wrong.
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replicas_are_on_other_hosts_than_their_primaries() {
        let hosts: Vec<String> = ["a", "a", "b", "b", "c", "c"].map(str::to_owned).to_vec();
        let order = by_turns(&hosts);
        assert_eq!(order, [0, 2, 4, 1, 3, 5]);
        let followed = follow(&hosts, &order[..3], &order[3..]);
        assert!(followed.iter().all(|&(replica, primary)| hosts[replica] != hosts[primary]), "{followed:?}");
        let hosts = vec!["a".to_owned(); 7];
        let followed = follow(&hosts, &[0, 1, 2], &[3, 4, 5, 6]);
        assert_eq!(followed, [(3, 0), (4, 1), (5, 2), (6, 0)]);
    }
}
