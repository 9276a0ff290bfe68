//! Slots change hands: `reshard` and `rebalance`.

use super::{
    agreed, ask, bad,
    check::{self, describe},
    info, is_set,
    nodes::{Cluster, Node, place},
    option, warn,
};
use crate::{
    base::crc16::SLOTS,
    cli::{
        format::harmless,
        out,
        session::{Failed, Session},
    },
    resp::Value,
};
use std::time::Duration;

/// How often, and after what pause, a node that sees its cluster down is asked again.
const HOLDUPS: u32 = 50;
const HOLDUP: Duration = Duration::from_millis(200);

/// How the keys of a slot travel.
pub struct Travel {
    /// Milliseconds for each MIGRATE.
    timeout: String,
    /// Keys of each MIGRATE.
    pipeline: String,
    replace: bool,
    /// The words that let MIGRATE in at the other node.
    auth: Vec<Vec<u8>>,
}

impl Travel {
    pub fn new(session: &Session<'_>) -> Travel {
        let auth = match (&session.target.user, &session.target.password) {
            (Some(user), Some(password)) => vec![b"AUTH2".to_vec(), user.clone(), password.clone()],
            (None, Some(password)) => vec![b"AUTH".to_vec(), password.clone()],
            _ => Vec::new(),
        };
        Travel {
            timeout: option(session, "timeout").unwrap_or_else(|| "60000".into()),
            pipeline: option(session, "pipeline").unwrap_or_else(|| "10".into()),
            replace: is_set(session, "replace"),
            auth,
        }
    }

    /// MIGRATE of one key.
    pub fn words<'w>(&'w self, host: &'w str, port: &'w str, key: &'w [u8], copy: bool) -> Vec<&'w [u8]> {
        let mut words =
            vec![b"MIGRATE".as_slice(), host.as_bytes(), port.as_bytes(), key, b"0", self.timeout.as_bytes()];
        if copy {
            words.push(b"COPY");
        }
        if self.replace {
            words.push(b"REPLACE");
        }
        words.extend(self.auth.iter().map(Vec::as_slice));
        words
    }

    /// Moves the keys of a slot from one node to another, with a dot a key where somebody looks.
    pub fn keys(&self, from: &mut Node, to: &str, slot: u16, dots: bool) -> Result<(), Failed> {
        let (host, port) = place(to);
        loop {
            let reply = from.fine(&["CLUSTER", "GETKEYSINSLOT", &slot.to_string(), &self.pipeline])?;
            let keys: Vec<&[u8]> = reply.items().unwrap_or_default().iter().filter_map(Value::text).collect();
            if keys.is_empty() {
                return Ok(());
            }
            let mut words = self.words(&host, &port, b"", false);
            words.push(b"KEYS");
            words.extend(&keys);
            let mut reply = from.ask(&words)?;
            // A node that has just joined, or missed the others for a moment, is back soon.
            for _ in 0..HOLDUPS {
                if !reply.error().is_some_and(|text| text.windows(11).any(|word| word == b"CLUSTERDOWN")) {
                    break;
                }
                std::thread::sleep(HOLDUP);
                reply = from.ask(&words)?;
            }
            if let Some(text) = reply.error() {
                bad(&format!("\n[ERR] Calling MIGRATE: {}\n", String::from_utf8_lossy(&harmless(text))));
                return Err(Failed);
            }
            if dots {
                out::text(&".".repeat(keys.len()));
                out::flush();
            }
        }
    }

    /// Hands a slot over with all its keys; clients are served all the while.
    pub fn slot(&self, cluster: &mut Cluster, from: usize, to: usize, slot: u16, quiet: bool) -> Result<(), Failed> {
        let [(from_id, from_addr), (to_id, to_addr)] =
            [from, to].map(|at| (cluster.nodes[at].id.clone(), cluster.nodes[at].addr.clone()));
        if !quiet {
            out::text(&format!("Moving slot {slot} from {from_addr} to {to_addr}: "));
            out::flush();
        }
        cluster.nodes[to].set_slot(slot, &["IMPORTING", &from_id])?;
        cluster.nodes[from].set_slot(slot, &["MIGRATING", &to_id])?;
        self.keys(&mut cluster.nodes[from], &to_addr, slot, !quiet)?;
        // Whoever gets it hears of it first, so that there is always somebody to serve it.
        cluster.nodes[to].set_slot(slot, &["NODE", &to_id])?;
        cluster.nodes[from].set_slot(slot, &["NODE", &to_id])?;
        for at in cluster.primaries() {
            if at != from && at != to {
                cluster.nodes[at].set_slot(slot, &["NODE", &to_id])?;
            }
        }
        out::text(if quiet { "#" } else { "\n" });
        out::flush();
        cluster.nodes[from].slots.retain(|own| *own != slot);
        let slots = &mut cluster.nodes[to].slots;
        if let Err(at) = slots.binary_search(&slot) {
            slots.insert(at, slot);
        }
        Ok(())
    }
}

pub fn reshard(session: &Session<'_>, mut cluster: Cluster) -> Result<(), Failed> {
    if check::check(session, &cluster, false).is_err() {
        bad("*** Please fix your cluster problems before resharding\n");
        return Err(Failed);
    }
    let count = match option(session, "slots") {
        Some(text) => text.parse().ok().filter(|n: &usize| (1..=usize::from(SLOTS)).contains(n)),
        None => loop {
            let Some(line) = ask("How many slots do you want to move (from 1 to 16384)? ") else { break None };
            if let Ok(n @ 1..=16384) = line.parse::<usize>() {
                break Some(n);
            }
        },
    };
    let Some(count) = count else {
        bad("*** Invalid number of slots.\n");
        return Err(Failed);
    };
    let unknown = |id: &str| {
        bad(&format!("*** The specified node ({id}) is not known or not a master, please retry.\n"));
    };
    let to = match option(session, "to") {
        Some(id) => cluster.primary(&id).or_else(|| {
            unknown(&id);
            None
        }),
        None => loop {
            let Some(id) = ask("What is the receiving node ID? ") else { break None };
            match cluster.primary(&id) {
                Some(at) => break Some(at),
                None => unknown(&id),
            }
        },
    };
    let to = to.ok_or(Failed)?;
    let mut sources: Vec<usize> = Vec::new();
    let everybody = |cluster: &Cluster| cluster.primaries().into_iter().filter(|at| *at != to).collect::<Vec<_>>();
    match option(session, "from") {
        Some(ids) if ids == "all" => sources = everybody(&cluster),
        Some(ids) => {
            for id in ids.split(',') {
                let Some(at) = cluster.primary(id) else {
                    unknown(id);
                    return Err(Failed);
                };
                sources.push(at);
            }
        }
        None => {
            out::text(
                "Please enter all the source node IDs.\n  Type 'all' to use all the nodes as source nodes for the hash slots.\n  \
                 Type 'done' once you entered all the source nodes IDs.\n",
            );
            loop {
                let line = ask(&format!("Source node #{}: ", sources.len() + 1)).ok_or(Failed)?;
                match line.as_str() {
                    "all" => break sources = everybody(&cluster),
                    "done" => break,
                    id => match cluster.primary(id) {
                        Some(at) => sources.push(at),
                        None => unknown(id),
                    },
                }
            }
        }
    }
    sources.sort_unstable();
    sources.dedup();
    if sources.contains(&to) {
        bad("*** It is not possible to use the target node as source node.\n");
        return Err(Failed);
    }
    let moves = plan(&cluster, sources.clone(), count);
    if moves.is_empty() {
        bad("*** No source nodes given, operation aborted.\n");
        return Err(Failed);
    }
    out::text(&format!("\nReady to move {count} slots.\n  Source nodes:\n"));
    sources.iter().for_each(|at| describe(&cluster, *at, "    "));
    out::text("  Destination node:\n");
    describe(&cluster, to, "    ");
    out::text("  Resharding plan:\n");
    for (at, slot) in &moves {
        out::text(&format!("    Moving slot {slot} from {}\n", cluster.nodes[*at].id));
    }
    if !agreed(session, "Do you want to proceed with the proposed reshard plan (yes/no)? ") {
        return Err(Failed);
    }
    let travel = Travel::new(session);
    moves.into_iter().try_for_each(|(from, slot)| travel.slot(&mut cluster, from, to, slot, false))
}

/// From each source its share, the one with most slots a bit more.
fn plan(cluster: &Cluster, mut sources: Vec<usize>, count: usize) -> Vec<(usize, u16)> {
    sources.sort_by_key(|at| std::cmp::Reverse(cluster.nodes[*at].slots.len()));
    let available: usize = sources.iter().map(|at| cluster.nodes[*at].slots.len()).sum();
    let mut moves = Vec::new();
    for (turn, at) in sources.iter().enumerate() {
        let slots = &cluster.nodes[*at].slots;
        let part = count * slots.len();
        let share = if turn == 0 { part.div_ceil(available.max(1)) } else { part / available.max(1) };
        moves.extend(slots.iter().take(share.min(count - moves.len())).map(|slot| (*at, *slot)));
    }
    moves
}

/// Moves slots until every primary has its share by weight (`--cluster-weight ID=W`), if somebody is further from it than
/// `--cluster-threshold` per cent.
pub fn rebalance(session: &Session<'_>, mut cluster: Cluster) -> Result<(), Failed> {
    let mut weights: Vec<(usize, f64)> = Vec::new();
    for (_, value) in session.options.cluster_options.iter().filter(|(name, _)| name == "weight") {
        let text = String::from_utf8_lossy(value).into_owned();
        let (id, weight) = text.split_once('=').unwrap_or((&text, ""));
        let Some(at) = cluster.primary(id) else {
            bad(&format!("*** No such master node {id}\n"));
            return Err(Failed);
        };
        let Some(weight) = weight.parse().ok().filter(|w: &f64| w.is_finite() && *w >= 0.0) else {
            bad(&format!("*** {text}: a weight is a number\n"));
            return Err(Failed);
        };
        weights.push((at, weight));
    }
    let weight = |at: usize| weights.iter().rev().find(|(known, _)| *known == at).map_or(1.0, |(_, w)| *w);
    let empty_too = is_set(session, "use-empty-masters");
    let involved: Vec<usize> = cluster
        .primaries()
        .into_iter()
        .filter(|at| empty_too || !cluster.nodes[*at].slots.is_empty() || weights.iter().any(|(known, _)| known == at))
        .collect();
    let total: f64 = involved.iter().map(|at| weight(*at)).sum();
    if total <= 0.0 {
        bad("*** No node is to have slots.\n");
        return Err(Failed);
    }
    if check::check(session, &cluster, true).is_err() {
        bad("*** Please fix your cluster problems before rebalancing\n");
        return Err(Failed);
    }
    let threshold = option(session, "threshold").and_then(|n| n.parse::<f64>().ok()).unwrap_or(2.0);
    let wanted = shares(&involved.iter().map(|at| weight(*at)).collect::<Vec<_>>());
    let mut balance: Vec<(i64, usize)> = Vec::new();
    let mut far = false;
    for (&at, wanted) in involved.iter().zip(wanted) {
        let have = cluster.nodes[at].slots.len();
        let expected = f64::from(SLOTS) * weight(at) / total;
        far |= if have == 0 { expected > 1.0 } else { (100.0 - 100.0 * expected / have as f64).abs() > threshold };
        balance.push((have as i64 - wanted as i64, at));
    }
    if !far {
        warn(&format!("*** No rebalancing needed! All nodes are within the {threshold:.2}% threshold.\n"));
        return Ok(());
    }
    info(&format!(">>> Rebalancing across {} nodes. Total weight = {total:.2}\n", involved.len()));
    let travel = Travel::new(session);
    let simulate = is_set(session, "simulate");
    loop {
        balance.sort_unstable();
        let (Some(&(lack, to)), Some(&(over, from))) = (balance.first(), balance.last()) else { return Ok(()) };
        let count = over.min(-lack);
        if count <= 0 {
            return Ok(());
        }
        let [from_addr, to_addr] = [from, to].map(|at| cluster.nodes[at].addr.clone());
        out::text(&format!("Moving {count} slots from {from_addr} to {to_addr}\n"));
        let slots: Vec<u16> = cluster.nodes[from].slots.iter().take(count.unsigned_abs() as usize).copied().collect();
        for slot in slots {
            match simulate {
                true => out::text("#"),
                false => travel.slot(&mut cluster, from, to, slot, true)?,
            }
        }
        out::text("\n");
        out::flush();
        let last = balance.len() - 1;
        balance[0].0 += count;
        balance[last].0 -= count;
    }
}

/// How many slots each is to have: whole ones, which add up; what rounding leaves goes to the largest remainders.
fn shares(weights: &[f64]) -> Vec<usize> {
    let total: f64 = weights.iter().sum();
    let exact: Vec<f64> = weights.iter().map(|weight| f64::from(SLOTS) * weight / total).collect();
    let mut shares: Vec<usize> = exact.iter().map(|share| share.floor() as usize).collect();
    let mut order: Vec<usize> = (0..weights.len()).collect();
    order.sort_by(|a, b| (exact[*b].fract()).total_cmp(&exact[*a].fract()).then(a.cmp(b)));
    let over = usize::from(SLOTS) - shares.iter().sum::<usize>().min(usize::from(SLOTS));
    order.iter().take(over).for_each(|at| shares[*at] += 1);
    shares
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_add_up_and_follow_the_weights() {
        for weights in [vec![1.0; 3], vec![1.0, 1.0, 1.01], vec![1.0, 0.0, 2.5, 0.1], vec![0.001, 1e9], vec![5.0]] {
            let shares = shares(&weights);
            assert_eq!(shares.iter().sum::<usize>(), 16384, "{weights:?}");
            let total: f64 = weights.iter().sum();
            for (share, weight) in shares.iter().zip(&weights) {
                assert!((*share as f64 - 16384.0 * weight / total).abs() < 1.0, "{weights:?} {shares:?}");
            }
        }
    }
}
