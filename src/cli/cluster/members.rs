//! `add-node`, `del-node`, `set-timeout` and `call`.

use super::{
    bad, check,
    create::wait,
    good, info, is_set,
    nodes::{Cluster, Node, load_one, refused},
    option,
};
use crate::{
    args::cli::Output,
    cli::{
        format::{Form, harmless},
        out,
        session::{Failed, Session},
    },
    resp::Value,
};

pub fn add_node(session: &Session<'_>, new: &str, existing: &str) -> Result<(), Failed> {
    info(&format!(">>> Adding node {new} to cluster {existing}\n"));
    let mut cluster = Cluster::load(session, &[existing.to_owned()])?;
    check::check(session, &cluster, false)?;
    let follow = match (is_set(session, "slave"), option(session, "master-id")) {
        (false, _) => None,
        (true, Some(id)) => match cluster.primary(&id) {
            Some(at) => Some(at),
            None => {
                bad(&format!("[ERR] No such master ID {id}\n"));
                return Err(Failed);
            }
        },
        (true, None) => {
            let fewest = cluster.primaries().into_iter().min_by_key(|at| cluster.replicas(&cluster.nodes[*at].id));
            let at = fewest.ok_or(Failed)?;
            out::text(&format!("Automatically selected master {}\n", cluster.nodes[at].addr));
            Some(at)
        }
    };
    let (mut node, known) = load_one(session, &[new.to_owned()])?;
    if !node.is_empty(known)? {
        return Err(Failed);
    }
    if follow.is_none() {
        copy_functions(&mut cluster.nodes[0], &mut node)?;
    }
    let meeting = cluster.nodes[0].meeting();
    info(&format!(">>> Send CLUSTER MEET to node {new} to make it join the cluster.\n"));
    node.fine(&meeting)?;
    if let Some(at) = follow {
        let primary = &cluster.nodes[at];
        out::text("Waiting for the cluster to join\n");
        wait(std::slice::from_mut(&mut node), |node| {
            let known = node.ask(&["CLUSTER", "NODES"])?;
            Ok(known.text().is_some_and(|text| String::from_utf8_lossy(text).contains(&primary.id)))
        })?;
        info(&format!(">>> Configure node as replica of {}.\n", primary.addr));
        node.fine(&["CLUSTER", "REPLICATE", &primary.id])?;
    }
    good("[OK] New node added correctly.\n");
    Ok(())
}

/// Functions are every primary's; a server before 7.0 has none.
fn copy_functions(from: &mut Node, to: &mut Node) -> Result<(), Failed> {
    info(">>> Getting functions from cluster\n");
    let dump = from.ask(&["FUNCTION", "DUMP"])?;
    if let Some(text) = dump.error() {
        if text.starts_with(b"ERR unknown command") {
            return Ok(());
        }
        refused(&from.addr, text);
        return Err(Failed);
    }
    info(&format!(">>> Send FUNCTION LIST to {} to verify there is no functions in it\n", to.addr));
    let list = to.fine(&["FUNCTION", "LIST"])?;
    if list.items().is_some_and(|items| !items.is_empty()) {
        bad(
            "[ERR] New node already contains functions and can not be added to the cluster. Use FUNCTION FLUSH to remove them.\n",
        );
        return Err(Failed);
    }
    info(&format!(">>> Send FUNCTION RESTORE to {}\n", to.addr));
    let payload = dump.text().unwrap_or_default();
    to.fine(&[b"FUNCTION".as_slice(), b"RESTORE", payload])?;
    Ok(())
}

pub fn del_node(mut cluster: Cluster, id: &str) -> Result<(), Failed> {
    info(&format!(">>> Removing node {id} from cluster {}\n", cluster.nodes[0].addr));
    let Some(gone) = cluster.nodes.iter().position(|node| node.id.eq_ignore_ascii_case(id)) else {
        bad(&format!("[ERR] No such node ID {id}\n"));
        return Err(Failed);
    };
    if !cluster.nodes[gone].slots.is_empty() {
        bad(&format!("[ERR] Node {} is not empty! Reshard data away and try again.\n", cluster.nodes[gone].addr));
        return Err(Failed);
    }
    let mut gone = cluster.nodes.remove(gone);
    info(">>> Sending CLUSTER FORGET messages to the cluster...\n");
    for at in 0..cluster.nodes.len() {
        if cluster.nodes[at].replica_of.as_deref() == Some(&gone.id) {
            // Its primary goes: it follows another one.
            let fewest = cluster.primaries().into_iter().min_by_key(|at| cluster.replicas(&cluster.nodes[*at].id));
            let primary = fewest.ok_or(Failed)?;
            let (id, addr) = (cluster.nodes[primary].id.clone(), cluster.nodes[primary].addr.clone());
            info(&format!(">>> {} as replica of {addr}\n", cluster.nodes[at].addr));
            cluster.nodes[at].fine(&["CLUSTER", "REPLICATE", &id])?;
            cluster.nodes[at].replica_of = Some(id);
        }
        cluster.nodes[at].fine(&["CLUSTER", "FORGET", &gone.id])?;
    }
    info(">>> Sending CLUSTER RESET SOFT to the deleted node.\n");
    gone.fine(&["CLUSTER", "RESET", "SOFT"])?;
    Ok(())
}

pub fn set_timeout(mut cluster: Cluster, timeout_ms: &str) -> Result<(), Failed> {
    if !timeout_ms.parse::<u64>().is_ok_and(|ms| ms >= 100) {
        eprintln!("Setting a node timeout of less than 100 milliseconds is a bad idea.");
        return Err(Failed);
    }
    info(">>> Reconfiguring node timeout in every cluster node...\n");
    let (mut done, mut failed) = (0, 0);
    for node in &mut cluster.nodes {
        let mut reply: Value = node.ask(&["CONFIG", "SET", "cluster-node-timeout", timeout_ms])?;
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
                let text = harmless(text);
                bad(&format!("ERR setting node-timeout for {}: {}\n", node.addr, String::from_utf8_lossy(&text)));
            }
        }
    }
    info(&format!(">>> New node timeout set. {done} OK, {failed} ERR.\n"));
    Ok(())
}

pub fn call(session: &Session<'_>, mut cluster: Cluster, words: &[String]) -> Result<(), Failed> {
    info(">>> Calling");
    words.iter().for_each(|word| out::text(&format!(" {word}")));
    out::text("\n");
    let (primaries, replicas) = (is_set(session, "only-masters"), is_set(session, "only-replicas"));
    let form = Form { output: Output::Raw, element_delimiter: b"\n", reply_delimiter: b"\n" };
    for node in &mut cluster.nodes {
        if primaries && !node.is_primary() || replicas && node.is_primary() {
            continue;
        }
        match node.conn.ask(words) {
            Ok(reply) => {
                out::text(&format!("{}: ", node.addr));
                out::bytes(&harmless(&form.reply(&reply, false)));
            }
            Err(error) => out::text(&format!("{}: Failed: {error}\n", node.addr)),
        }
    }
    Ok(())
}
