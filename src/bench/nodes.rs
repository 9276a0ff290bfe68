//! The servers of a run: one, or the primaries of a cluster with tags that make keys theirs.

use crate::{
    args::bench::Options,
    base::crc16::key_slot,
    client::{Addr, Error, Target, cluster::SlotMap},
    resp::{Value, harmless::harmless_text},
};

/// What stands between the braces of a key to choose its slot.
pub type Tag = [u8; 3];

/// One node to send to, and the tags that make keys its own.
#[derive(Clone)]
pub struct Node {
    pub target: Target,
    /// Its name in the cluster.
    pub id: String,
    pub tags: Vec<Tag>,
}

impl Node {
    /// A server that is in no cluster.
    pub fn alone(target: Target) -> Node {
        Node { target, id: String::new(), tags: Vec::new() }
    }
}

const LETTERS: &[u8] = b"0123456789abcdefghijklmnopqrstuvwxyz";

/// The primaries that have slots, each with a tag for every slot that three letters can name.
pub fn of_cluster(target: &Target) -> Result<Vec<Node>, String> {
    let failed = |why: String| format!("{why}\nFailed to fetch cluster configuration from {}", target.addr);
    let mut conn = target.open().map_err(|e| {
        let sentence = format!("Could not connect to Redis at {}: {e}", target.addr);
        // A server that cannot be reached has no cluster to tell of.
        if e.is_lost() { sentence } else { failed(sentence) }
    })?;
    let reply = conn.ask(&["CLUSTER", "SLOTS"]).map_err(|e| failed(e.to_string()))?;
    if let Value::Error(text) = reply.clone().plain() {
        let text = harmless_text(&text);
        return Err(failed(format!("Cluster node {} replied with error:\n{text}", target.addr)));
    }
    let host = match &target.addr {
        Addr::Tcp { host, .. } => host.clone(),
        Addr::Unix(_) => "127.0.0.1".into(),
    };
    let map = SlotMap::parse(&reply, &host).ok_or_else(|| failed("CLUSTER SLOTS has no table".into()))?;
    let mut nodes: Vec<Node> = map
        .nodes
        .iter()
        .map(|node| Node { id: node.id.clone(), ..Node::alone(target.at(&node.host, node.port)) })
        .collect();
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

/// The primaries, as redis-benchmark lists them before it begins.
pub fn list(nodes: &[Node]) -> String {
    let mut out = format!("Cluster has {} master nodes:\n\n", nodes.len());
    for (at, Node { id, target, .. }) in nodes.iter().enumerate() {
        let space = if id.is_empty() { "" } else { " " };
        out.push_str(&format!("Master {at}: {}{space}{}\n", harmless_text(id.as_bytes()), target.addr));
    }
    out.push('\n');
    out
}

/// What a server tells of its `save` and `appendonly`; `None` if it does not.
pub type Configuration = Option<(String, String)>;

/// What each server tells of itself, for the report. A server that wants a password, or another one, would refuse every
/// request: that is an error, as it is for redis-benchmark.
pub fn configurations(options: &Options, nodes: &[Node]) -> Result<Vec<Configuration>, String> {
    let found = nodes.iter().map(|node| configuration(&node.target)).collect::<Result<Vec<_>, _>>()?;
    if !options.cluster && found.contains(&None) {
        eprintln!("WARNING: Could not fetch server CONFIG");
    }
    Ok(found)
}

/// The sentence for a server that wants a password, or another one; `None` for other errors.
pub fn shut_out(target: &Target, text: &[u8]) -> Option<String> {
    let is = text.starts_with(b"NOAUTH") || text.starts_with(b"WRONGPASS");
    is.then(|| format!("Node {} replied with error:\n{}", target.addr, harmless_text(text)))
}

fn configuration(target: &Target) -> Result<Configuration, String> {
    let mut conn = match target.open() {
        Ok(conn) => conn,
        Err(Error::Refused(text)) => return shut_out(target, &text).map_or(Ok(None), Err),
        Err(error) => {
            // Said here as redis-benchmark says it; connecting for the test decides.
            eprintln!("Could not connect to Redis at {}: {error}", target.addr);
            return Ok(None);
        }
    };
    let mut values = Vec::new();
    for name in ["save", "appendonly"] {
        let Ok(reply) = conn.ask(&["CONFIG", "GET", name]) else { return Ok(None) };
        if let Value::Error(text) = &reply {
            return shut_out(target, text).map_or(Ok(None), Err);
        }
        let value = reply.pairs().and_then(|pairs| Some(pairs.first()?.1.text()?.to_vec()));
        let Some(value) = value else { return Ok(None) };
        values.push(harmless_text(&value));
    }
    Ok(values.pop().zip(values.pop()).map(|(appendonly, save)| (save, appendonly)))
}
