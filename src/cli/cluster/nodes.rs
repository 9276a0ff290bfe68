//! The nodes of a cluster, as each of them sees itself in its CLUSTER NODES.

use super::{bad, is_set};
use crate::{
    base::crc16::SLOTS,
    cli::session::{Failed, Session},
    client::{Addr, Conn, Error, Target},
    resp::Value,
};

pub struct Node {
    pub addr: String,
    pub id: String,
    pub replica_of: Option<String>,
    pub epoch: u64,
    /// Where its bus listens.
    bus: Option<u16>,
    /// The slots that it says it serves, in order.
    pub slots: Vec<u16>,
    /// Slots on the move, with the other node's id: away from here, and to here.
    pub migrating: Vec<(u16, String)>,
    pub importing: Vec<(u16, String)>,
    /// Who serves what in this node's opinion.
    pub view: String,
    pub conn: Conn,
}

#[derive(Default)]
pub struct Cluster {
    /// The one that was named first.
    pub nodes: Vec<Node>,
    /// Primaries with slots that cannot be asked.
    pub lost: Vec<String>,
}

/// A node that another one knows.
struct Known {
    addr: String,
    serves: bool,
    usable: bool,
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
        match error {
            Error::Refused(text) => refused(&target.addr.to_string(), &text),
            error => eprintln!("Could not connect to Redis at {}: {error}", target.addr),
        }
        Failed
    })
}

/// An error reply of a node.
pub fn refused(addr: &str, text: &[u8]) {
    let text = crate::cli::format::harmless(text);
    bad(&format!("Node {addr} replied with error:\n{}\n", String::from_utf8_lossy(&text)));
}

/// Host and port of an address.
pub fn place(addr: &str) -> (String, String) {
    let (host, port) = addr.rsplit_once(':').unwrap_or((addr, "6379"));
    (host.trim_matches(['[', ']']).to_owned(), port.to_owned())
}

/// Slots as `0-5` and `7`.
pub fn ranges(slots: &[u16]) -> Vec<String> {
    let mut out: Vec<(u16, u16)> = Vec::new();
    for &slot in slots {
        match out.last_mut() {
            Some((_, last)) if *last + 1 == slot => *last = slot,
            _ => out.push((slot, slot)),
        }
    }
    out.iter().map(|(a, b)| if a == b { a.to_string() } else { format!("{a}-{b}") }).collect()
}

impl Node {
    /// What CLUSTER NODES of a node tells about itself, and the others.
    fn read(addr: String, mut conn: Conn) -> Result<(Node, Vec<Known>), Failed> {
        let reply = conn.ask(&["CLUSTER", "NODES"]).map_err(crate::cli::scan::fail)?;
        if let Some(text) = reply.error() {
            refused(&addr, text);
            return Err(Failed);
        }
        // Its words go to the terminal.
        let text = crate::cli::format::harmless(reply.text().unwrap_or_default());
        let text = String::from_utf8_lossy(&text).into_owned();
        let lines: Vec<Vec<&str>> = text
            .lines()
            .map(|line| line.split(' ').collect::<Vec<&str>>())
            .filter(|fields| fields.len() >= 8)
            .collect();
        let has = |fields: &[&str], flags: &[&str]| fields[2].split(',').any(|flag| flags.contains(&flag));
        let Some(own) = lines.iter().find(|fields| has(fields, &["myself"])) else {
            bad(&format!("[ERR] Node {addr} is not configured as a cluster node.\n"));
            return Err(Failed);
        };
        let others = lines
            .iter()
            .filter(|fields| !has(fields, &["myself", "handshake"]))
            .map(|fields| Known {
                addr: fields[1].split(['@', ',']).next().unwrap_or_default().to_owned(),
                serves: has(fields, &["master"]) && fields.len() > 8,
                usable: !has(fields, &["noaddr", "fail"]) && fields[7] == "connected",
            })
            .collect();
        let mut views: Vec<String> = lines
            .iter()
            .filter(|fields| fields.len() > 8)
            .map(|fields| {
                let slots = fields[8..].iter().filter(|range| !range.starts_with('[')).copied();
                std::iter::once(fields[0]).chain(slots).collect::<Vec<_>>().join(" ")
            })
            .collect();
        views.sort_unstable();
        let mut node = Node {
            addr,
            id: own[0].to_owned(),
            replica_of: (own[3] != "-").then(|| own[3].to_owned()),
            epoch: own[6].parse().unwrap_or(0),
            bus: own[1].split_once('@').and_then(|(_, bus)| bus.split(',').next()?.parse().ok()),
            slots: Vec::new(),
            migrating: Vec::new(),
            importing: Vec::new(),
            view: views.join("\n"),
            conn,
        };
        own[8..].iter().for_each(|range| node.take_slots(range));
        node.slots.sort_unstable();
        node.slots.dedup();
        Ok((node, others))
    }

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

    pub fn ask<W: AsRef<[u8]>>(&mut self, words: &[W]) -> Result<Value, Failed> {
        self.conn.ask(words).map_err(crate::cli::scan::fail)
    }

    /// Asks for what has to succeed.
    pub fn fine<W: AsRef<[u8]>>(&mut self, words: &[W]) -> Result<Value, Failed> {
        let reply = self.ask(words)?;
        match reply.error() {
            None => Ok(reply),
            Some(text) => {
                refused(&self.addr, text);
                Err(Failed)
            }
        }
    }

    /// `CLUSTER SETSLOT slot …`. A primary that gave its last slot away is a replica by then, and refuses: it has
    /// nothing to be told any more.
    pub fn set_slot(&mut self, slot: u16, how: &[&str]) -> Result<(), Failed> {
        let slot = slot.to_string();
        let words = [&["CLUSTER", "SETSLOT", &slot], how].concat();
        let reply = self.ask(&words)?;
        match reply.error() {
            Some(text) if !text.starts_with(b"ERR Please use SETSLOT only with masters") => {
                refused(&self.addr, text);
                Err(Failed)
            }
            _ => Ok(()),
        }
    }

    pub fn keys_in(&mut self, slot: u16) -> Result<u64, Failed> {
        let reply = self.fine(&["CLUSTER", "COUNTKEYSINSLOT", &slot.to_string()])?;
        Ok(reply.int().unwrap_or(0).max(0).unsigned_abs())
    }

    /// The command that makes another node meet this one; a bus that is not where it usually is has to be told.
    pub fn meeting(&self) -> Vec<String> {
        let (host, port) = place(&self.addr);
        let usual = port.parse::<u16>().ok().and_then(|port| port.checked_add(10_000));
        let bus = self.bus.filter(|bus| Some(*bus) != usual).map(|bus| bus.to_string());
        ["CLUSTER".to_owned(), "MEET".to_owned(), host, port].into_iter().chain(bus).collect()
    }

    /// A node that may join: it knows no others, has no slots and no keys.
    pub fn is_empty(&mut self, known: usize) -> Result<bool, Failed> {
        let empty = known == 0 && self.slots.is_empty() && self.ask(&["DBSIZE"])?.int() == Some(0);
        if !empty {
            bad(&format!(
                "[ERR] Node {} is not empty. Either the node already knows other nodes (check with CLUSTER NODES) or contains some key in database 0.\n",
                self.addr
            ));
        }
        Ok(empty)
    }
}

/// The node alone, and how many others it knows.
pub fn load_one(session: &Session<'_>, place: &[String]) -> Result<(Node, usize), Failed> {
    let target = target(session, place)?;
    let (node, others) = Node::read(target.addr.to_string(), open(&target)?)?;
    Ok((node, others.len()))
}

impl Cluster {
    /// The node that is named, and all that it knows.
    pub fn load(session: &Session<'_>, place: &[String]) -> Result<Cluster, Failed> {
        let first = target(session, place)?;
        let (node, others) = Node::read(first.addr.to_string(), open(&first)?)?;
        let mut cluster = Cluster { nodes: vec![node], lost: Vec::new() };
        for known in others {
            let opened = match known.usable {
                true => {
                    let target = target(session, std::slice::from_ref(&known.addr))?;
                    target.open().map_err(|error| error.to_string()).map(|conn| (target.addr.to_string(), conn))
                }
                false => Err("the cluster has lost it".to_owned()),
            };
            match opened {
                Ok((addr, conn)) => cluster.nodes.push(Node::read(addr, conn)?.0),
                Err(error) => {
                    if known.usable || known.serves {
                        bad(&format!("[ERR] Could not connect to node {}: {error}\n", known.addr));
                    }
                    if known.serves {
                        cluster.lost.push(known.addr);
                    }
                }
            }
        }
        Ok(cluster)
    }

    /// The same, as it is now.
    pub fn reload(&self, session: &Session<'_>) -> Result<Cluster, Failed> {
        Cluster::load(session, std::slice::from_ref(&self.nodes[0].addr))
    }

    /// Indices of the primaries.
    pub fn primaries(&self) -> Vec<usize> {
        (0..self.nodes.len()).filter(|at| self.nodes[*at].is_primary()).collect()
    }

    /// How many replicas a node has.
    pub fn replicas(&self, id: &str) -> usize {
        self.nodes.iter().filter(|node| node.replica_of.as_deref() == Some(id)).count()
    }

    /// The primary with this id, or with the one id that begins so.
    pub fn primary(&self, id: &str) -> Option<usize> {
        let id = id.to_ascii_lowercase();
        let mut fit = self.primaries().into_iter().filter(|at| !id.is_empty() && self.nodes[*at].id.starts_with(&id));
        fit.next().filter(|_| fit.next().is_none())
    }

    /// True if all nodes say the same of who serves what.
    pub fn agrees(&self) -> bool {
        self.nodes.iter().all(|node| node.view == self.nodes[0].view)
    }

    /// The primaries that say that a slot is theirs.
    pub fn owners(&self, slot: u16) -> Vec<usize> {
        self.primaries().into_iter().filter(|at| self.nodes[*at].slots.binary_search(&slot).is_ok()).collect()
    }

    pub fn owned(&self) -> Vec<bool> {
        let mut owned = vec![false; usize::from(SLOTS)];
        for slot in self.nodes.iter().filter(|node| node.is_primary()).flat_map(|node| &node.slots) {
            owned[usize::from(*slot)] = true;
        }
        owned
    }

    /// Where unreachable primaries stand in the way, unless the user said that they do not.
    pub fn may_be_fixed(&self, session: &Session<'_>) -> bool {
        if self.lost.is_empty() || is_set(session, "fix-with-unreachable-masters") {
            return true;
        }
        bad(&format!(
            "*** Primaries that serve slots cannot be reached ({}): their slots would be given to others, and their data be lost.\n\
             *** If that is wanted, use --cluster-fix-with-unreachable-masters.\n",
            self.lost.join(", ")
        ));
        false
    }
}

#[cfg(test)]
mod tests {
    use super::ranges;

    #[test]
    fn slots_in_ranges() {
        assert_eq!(ranges(&[0, 1, 2, 7, 9, 10]), ["0-2", "7", "9-10"]);
        assert!(ranges(&[]).is_empty());
    }
}
