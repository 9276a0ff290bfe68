//! `info` and `check`: who is there, what they serve, and whether they agree.

use super::{
    bad, good, info, is_set,
    nodes::{Cluster, ranges},
    warn,
};
use crate::{
    base::crc16::SLOTS,
    cli::{
        out,
        session::{Failed, Session},
    },
};
use std::collections::BTreeSet;

/// Keys, slots and replicas of each primary.
pub fn figures(cluster: &mut Cluster) -> Result<(), Failed> {
    let (mut keys, primaries) = (0, cluster.primaries());
    for &at in &primaries {
        let own = cluster.nodes[at].ask(&["DBSIZE"])?.int().unwrap_or(0);
        keys += own;
        let node = &cluster.nodes[at];
        let id = node.id.get(..8).unwrap_or(&node.id);
        out::text(&format!(
            "{} ({id}...) -> {own} keys | {} slots | {} slaves.\n",
            node.addr,
            node.slots.len(),
            cluster.replicas(&node.id)
        ));
    }
    good(&format!("[OK] {keys} keys in {} masters.\n", primaries.len()));
    out::text(&format!("{:.2} keys per slot on average.\n", keys as f64 / f64::from(SLOTS)));
    Ok(())
}

/// A node as it is or is going to be, behind `indent`.
pub fn describe(cluster: &Cluster, at: usize, indent: &str) {
    let node = &cluster.nodes[at];
    let (mark, role) = if node.is_primary() { ('M', "master") } else { ('S', "slave") };
    let slots: Vec<String> = ranges(&node.slots).iter().map(|range| format!("[{range}]")).collect();
    out::text(&format!(
        "{indent}{mark}: {} {}\n{indent}   slots:{} ({} slots) {role}\n",
        node.id,
        node.addr,
        slots.join(","),
        node.slots.len()
    ));
    let replicas = cluster.replicas(&node.id);
    if let Some(primary) = &node.replica_of {
        out::text(&format!("{indent}   replicates {primary}\n"));
    } else if replicas > 0 {
        out::text(&format!("{indent}   {replicas} additional replica(s)\n"));
    }
}

/// The whole check; `quiet`: without the nodes.
pub fn check(session: &Session<'_>, cluster: &Cluster, quiet: bool) -> Result<(), Failed> {
    let agree = agreement(cluster, quiet);
    let open = !open_slots(cluster).is_empty();
    let covered = coverage(cluster);
    let mut twice = false;
    if is_set(session, "search-multiple-owners") {
        twice = !several_owners(cluster).is_empty();
    }
    if agree && !open && covered && !twice && cluster.lost.is_empty() { Ok(()) } else { Err(Failed) }
}

/// Shows the nodes, and tells whether they agree.
pub fn agreement(cluster: &Cluster, quiet: bool) -> bool {
    info(&format!(">>> Performing Cluster Check (using node {})\n", cluster.nodes[0].addr));
    if !quiet {
        (0..cluster.nodes.len()).for_each(|at| describe(cluster, at, ""));
    }
    let agree = cluster.agrees();
    if agree {
        good("[OK] All nodes agree about slots configuration.\n");
    } else {
        bad("[ERR] Nodes don't agree about configuration!\n");
    }
    agree
}

/// Slots whose move was begun and not ended.
pub fn open_slots(cluster: &Cluster) -> BTreeSet<u16> {
    info(">>> Check for open slots...\n");
    let mut all = BTreeSet::new();
    for node in &cluster.nodes {
        for (what, open) in [("migrating", &node.migrating), ("importing", &node.importing)] {
            if !open.is_empty() {
                let list: Vec<String> = open.iter().map(|(slot, _)| slot.to_string()).collect();
                warn(&format!("[WARNING] Node {} has slots in {what} state {}.\n", node.addr, list.join(",")));
                all.extend(open.iter().map(|(slot, _)| *slot));
            }
        }
    }
    if !all.is_empty() {
        let list: Vec<String> = all.iter().map(u16::to_string).collect();
        warn(&format!("[WARNING] The following slots are open: {}.\n", list.join(",")));
    }
    all
}

pub fn coverage(cluster: &Cluster) -> bool {
    info(">>> Check slots coverage...\n");
    let covered = cluster.owned().iter().all(|owned| *owned);
    if covered {
        good("[OK] All 16384 slots covered.\n");
    } else {
        bad("[ERR] Not all 16384 slots are covered by nodes.\n\n");
    }
    covered
}

/// Slots that more than one primary says are its own.
pub fn several_owners(cluster: &Cluster) -> Vec<u16> {
    info(">>> Check for multiple slot owners...\n");
    let mut several = Vec::new();
    for slot in 0..SLOTS {
        let owners = cluster.owners(slot);
        if owners.len() > 1 {
            several.push(slot);
            warn(&format!("[WARNING] Slot {slot} has {} owners:\n", owners.len()));
            owners.iter().for_each(|at| out::text(&format!("    {}\n", cluster.nodes[*at].addr)));
        }
    }
    if several.is_empty() {
        good("[OK] No multiple owners found.\n");
    }
    several
}
