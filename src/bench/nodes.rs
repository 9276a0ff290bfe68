//! The servers of a run: one, or the primaries of a cluster with tags that make keys theirs.

use crate::{
    args::bench::Options,
    base::crc16::key_slot,
    client::{Addr, Target, cluster::SlotMap},
    resp::Value,
};

/// What stands between the braces of a key to choose its slot.
pub type Tag = [u8; 3];

/// One node to send to, and the tags that make keys its own.
#[derive(Clone)]
pub struct Node {
    pub target: Target,
    pub tags: Vec<Tag>,
}

const LETTERS: &[u8] = b"0123456789abcdefghijklmnopqrstuvwxyz";

/// The primaries that have slots, each with a tag for every slot that three letters can name.
pub fn of_cluster(target: &Target) -> Result<Vec<Node>, String> {
    let failed = |why: String| format!("{why}\nFailed to fetch cluster configuration from {}", target.addr);
    let mut conn = target.open().map_err(|e| failed(format!("Could not connect to Redis at {}: {e}", target.addr)))?;
    let reply = conn.ask(&["CLUSTER", "SLOTS"]).map_err(|e| failed(e.to_string()))?;
    if let Value::Error(text) = reply.clone().plain() {
        let text = String::from_utf8_lossy(&text).into_owned();
        return Err(failed(format!("Cluster node {} replied with error:\n{text}", target.addr)));
    }
    let host = match &target.addr {
        Addr::Tcp { host, .. } => host.clone(),
        Addr::Unix(_) => "127.0.0.1".into(),
    };
    let map = SlotMap::parse(&reply, &host).ok_or_else(|| failed("CLUSTER SLOTS has no table".into()))?;
    let mut nodes: Vec<Node> =
        map.nodes.iter().map(|node| Node { target: target.at(&node.host, node.port), tags: Vec::new() }).collect();
    let mut named = vec![false; 1 << 14];
    for n in 0..LETTERS.len().pow(3) {
        let letter = |at: usize| LETTERS[n / LETTERS.len().pow(at as u32) % LETTERS.len()];
        let tag = [letter(0), letter(1), letter(2)];
        let slot = key_slot(&tag);
        if !std::mem::replace(&mut named[usize::from(slot)], true)
            && let Some(at) = map.index_of_slot(slot)
        {
            nodes[at].tags.push(tag);
        }
    }
    nodes.retain(|node| !node.tags.is_empty());
    if nodes.is_empty() { Err(failed("Nobody serves a slot".into())) } else { Ok(nodes) }
}

/// `save` and `appendonly` of each server, for the report; `None` where a server does not tell.
pub fn configurations(options: &Options, nodes: &[Node]) -> Vec<Option<(String, String)>> {
    let found: Vec<_> = nodes.iter().map(|node| configuration(&node.target)).collect();
    if !options.cluster && found.contains(&None) {
        eprintln!("WARNING: Could not fetch server CONFIG");
    }
    found
}

fn configuration(target: &Target) -> Option<(String, String)> {
    let mut conn = match target.open() {
        Ok(conn) => conn,
        Err(error) => {
            // Said here as redis-benchmark says it; connecting for the test decides.
            if !matches!(error, crate::client::Error::Refused(_)) {
                eprintln!("Could not connect to Redis at {}: {error}", target.addr);
            }
            return None;
        }
    };
    let mut value = |name: &str| {
        let reply = conn.ask(&["CONFIG", "GET", name]).ok()?;
        let (_, value) = *reply.pairs()?.first()?;
        Some(String::from_utf8_lossy(value.text()?).into_owned())
    };
    Some((value("save")?, value("appendonly")?))
}
