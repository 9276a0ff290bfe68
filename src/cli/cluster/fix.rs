//! `fix`: moves that were begun are ended, slots that nobody serves find somebody, slots of several keep one owner. No key is
//! given up: the keys of a slot, wherever they are, come to its owner.

use super::{
    agreed,
    check::{agreement, coverage, figures, open_slots, several_owners},
    info, is_set,
    nodes::{Cluster, ranges},
    slots::Travel,
};
use crate::cli::{
    out,
    session::{Failed, Session},
};

pub fn fix(session: &Session<'_>, mut cluster: Cluster) -> Result<(), Failed> {
    figures(&mut cluster)?;
    agreement(&cluster, false);
    let open = open_slots(&cluster);
    if !open.is_empty() {
        if !cluster.may_be_fixed(session) {
            return Err(Failed);
        }
        for slot in open {
            fix_open(session, &mut cluster, slot)?;
        }
        cluster = cluster.reload(session)?;
    }
    if !coverage(&cluster) {
        if !cluster.may_be_fixed(session) {
            return Err(Failed);
        }
        fix_coverage(session, &mut cluster)?;
    }
    if is_set(session, "search-multiple-owners") {
        for slot in several_owners(&cluster) {
            info(&format!(">>> Fixing multiple owners for slot {slot}\n"));
            fix_open(session, &mut cluster, slot)?;
        }
    }
    Ok(())
}

fn addresses(cluster: &Cluster, nodes: &[usize]) -> String {
    nodes.iter().map(|at| cluster.nodes[*at].addr.as_str()).collect::<Vec<_>>().join(",")
}

/// Keys of a slot on each primary.
fn counts(cluster: &mut Cluster, slot: u16) -> Result<Vec<(usize, u64)>, Failed> {
    cluster.primaries().into_iter().map(|at| Ok((at, cluster.nodes[at].keys_in(slot)?))).collect()
}

/// The node of these with the most keys; of equals the first.
fn most_keys(counts: &[(usize, u64)], of: &[usize]) -> Option<usize> {
    let of: Vec<&(usize, u64)> = counts.iter().filter(|(at, _)| of.contains(at)).collect();
    let most = of.iter().map(|(_, keys)| *keys).max()?;
    of.iter().find(|(_, keys)| *keys == most).map(|(at, _)| *at)
}

/// One node serves the slot from now on, whatever the others think.
fn set_owner(cluster: &mut Cluster, owner: usize, slot: u16) -> Result<(), Failed> {
    let digits = slot.to_string();
    let node = &mut cluster.nodes[owner];
    // Where the slot was nobody's there is nothing to delete.
    node.ask(&["CLUSTER", "DELSLOTS", &digits])?;
    node.fine(&["CLUSTER", "ADDSLOTS", &digits])?;
    node.set_slot(slot, &["STABLE"])?;
    // A newer epoch wins over what others believe; a node that has the newest one keeps it.
    node.fine(&["CLUSTER", "BUMPEPOCH"])?;
    if let Err(at) = node.slots.binary_search(&slot) {
        node.slots.insert(at, slot);
    }
    Ok(())
}

fn fix_open(session: &Session<'_>, cluster: &mut Cluster, slot: u16) -> Result<(), Failed> {
    info(&format!(">>> Fixing open slot {slot}\n"));
    let primaries = cluster.primaries();
    let with = |open: &[(u16, String)]| open.iter().any(|(known, _)| *known == slot);
    let pick = |test: &dyn Fn(usize) -> bool| primaries.iter().copied().filter(|at| test(*at)).collect::<Vec<_>>();
    let migrating = pick(&|at| with(&cluster.nodes[at].migrating));
    let importing = pick(&|at| with(&cluster.nodes[at].importing));
    for (what, nodes) in [("migrating", &migrating), ("importing", &importing)] {
        if !nodes.is_empty() {
            out::text(&format!("Set as {what} in: {}\n", addresses(cluster, nodes)));
        }
    }
    let counts = counts(cluster, slot)?;
    let owners = cluster.owners(slot);
    let owner = match owners.as_slice() {
        [one] => *one,
        several => {
            out::text(">>> No single clear owner for the slot, selecting an owner by # of keys...\n");
            let candidates = if several.is_empty() { &primaries } else { several };
            let owner = most_keys(&counts, candidates).ok_or(Failed)?;
            out::text(&format!("*** Configuring {} as the slot owner\n", cluster.nodes[owner].addr));
            for &other in owners.iter().filter(|other| **other != owner) {
                cluster.nodes[other].ask(&["CLUSTER", "DELSLOTS", &slot.to_string()])?;
                cluster.nodes[other].slots.retain(|own| *own != slot);
            }
            set_owner(cluster, owner, slot)?;
            owner
        }
    };
    let travel = Travel::new(session);
    if let ([from], [to]) = (migrating.as_slice(), importing.as_slice())
        && *from == owner
        && cluster.nodes[*from].migrating.iter().any(|(known, id)| *known == slot && *id == cluster.nodes[*to].id)
    {
        info(&format!(
            ">>> Case 1: Moving slot {slot} from {} to {}\n",
            cluster.nodes[*from].addr, cluster.nodes[*to].addr
        ));
        return travel.slot(cluster, *from, *to, slot, false);
    }
    info(&format!(">>> Case 2: Moving all the {slot} slot keys to its owner {}\n", cluster.nodes[owner].addr));
    gather(&travel, cluster, owner, slot, &counts)
}

/// Brings a slot's keys from wherever they are to its owner, and ends every move of it.
fn gather(
    travel: &Travel,
    cluster: &mut Cluster,
    owner: usize,
    slot: u16,
    counts: &[(usize, u64)],
) -> Result<(), Failed> {
    let (id, addr) = (cluster.nodes[owner].id.clone(), cluster.nodes[owner].addr.clone());
    for &(at, _) in counts.iter().filter(|(at, keys)| *at != owner && *keys > 0) {
        let node = &mut cluster.nodes[at];
        out::text(&format!("Moving keys of slot {slot} from {} to {addr}: ", node.addr));
        // A node that imports a slot lets MIGRATE have its keys, instead of pointing to the owner.
        node.set_slot(slot, &["STABLE"])?;
        node.set_slot(slot, &["IMPORTING", &id])?;
        travel.keys(node, &addr, slot, true)?;
        out::text("\n");
    }
    for &(at, _) in counts {
        cluster.nodes[at].set_slot(slot, &["STABLE"])?;
    }
    Ok(())
}

fn fix_coverage(session: &Session<'_>, cluster: &mut Cluster) -> Result<(), Failed> {
    info(">>> Fixing slots coverage...\n");
    let free: Vec<u16> =
        cluster.owned().iter().enumerate().filter(|(_, owned)| !**owned).map(|(slot, _)| slot as u16).collect();
    let (mut none, mut one, mut several) = (Vec::new(), Vec::new(), Vec::new());
    for slot in free {
        let counts = counts(cluster, slot)?;
        let holders: Vec<usize> = counts.iter().filter(|(_, keys)| *keys > 0).map(|(at, _)| *at).collect();
        match holders.as_slice() {
            [] => none.push(slot),
            [at] => one.push((slot, *at)),
            all => several.push((slot, most_keys(&counts, all).unwrap_or(all[0]), counts)),
        }
    }
    let list = |slots: &[u16]| ranges(slots).iter().map(|range| format!("[{range}]")).collect::<Vec<_>>().join(",");
    let may = |what: &str, slots: Vec<u16>, question: &str| {
        slots.is_empty() || {
            out::text(&format!("The following uncovered slots have {what}:\n{}\n", list(&slots)));
            agreed(session, &format!("{question} (type 'yes' to accept): "))
        }
    };
    if !may("no keys across the cluster", none.clone(), "Fix these slots by covering with a random node?") {
        return Err(Failed);
    }
    for slot in none {
        // The one with the fewest slots.
        let fewest = cluster.primaries().into_iter().min_by_key(|at| cluster.nodes[*at].slots.len());
        cover(cluster, fewest.ok_or(Failed)?, slot)?;
    }
    let slots = one.iter().map(|(slot, _)| *slot).collect();
    if !may("keys in just one node", slots, "Fix these slots by covering with those nodes?") {
        return Err(Failed);
    }
    one.into_iter().try_for_each(|(slot, at)| cover(cluster, at, slot))?;
    let slots = several.iter().map(|(slot, ..)| *slot).collect();
    if !may("keys in multiple nodes", slots, "Fix these slots by moving keys into a single node?") {
        return Err(Failed);
    }
    let travel = Travel::new(session);
    for (slot, at, counts) in several {
        cover(cluster, at, slot)?;
        gather(&travel, cluster, at, slot, &counts)?;
    }
    Ok(())
}

fn cover(cluster: &mut Cluster, at: usize, slot: u16) -> Result<(), Failed> {
    info(&format!(">>> Covering slot {slot} with {}\n", cluster.nodes[at].addr));
    set_owner(cluster, at, slot)
}
