//! `import` takes a server's keys into a cluster, `backup` saves every primary's snapshot.

use super::{
    bad, check, good, info, is_set,
    nodes::{Cluster, open, place, ranges, target},
    option,
    slots::Travel,
};
use crate::{
    cli::{
        format::harmless,
        out, replica,
        scan::{PAGE, Walk, fail},
        session::{Failed, Session},
    },
    client::reason,
    resp::{Value, inline::quote},
};
use serde_json::json;
use std::{fs, os::unix::ffi::OsStrExt, path::Path};

/// Moves the keys of a server that is no cluster's (`--cluster-from`) to the nodes that their slots belong to.
pub fn import(session: &Session<'_>, words: &[String]) -> Result<(), Failed> {
    let Some(from) = option(session, "from") else {
        eprintln!("[ERR] Option '--cluster-from' is required for subcommand 'import'.");
        return Err(Failed);
    };
    let cluster = Cluster::load(session, words)?;
    info(&format!(">>> Importing data from {from} to cluster {}\n", cluster.nodes[0].addr));
    check::check(session, &cluster, false)?;
    let mut source = target(session, &[from])?;
    let text = |name: &str| option(session, name).map(String::into_bytes);
    (source.user, source.password) = (text("from-user"), text("from-pass"));
    if is_set(session, "from-askpass") {
        source.password = Some(crate::cli::ask_password("Please input password: ")?);
    }
    let mut conn = open(&source)?;
    let size = conn.ask(&["DBSIZE"]).map_err(fail)?.int().unwrap_or(0);
    out::text(&format!("*** Importing {size} keys from DB 0\n"));
    let travel = Travel::new(session);
    let mut walk = Walk::new(None, PAGE, 0);
    let mut failed = 0u64;
    while let Some(keys) = walk.next(&mut conn, false)? {
        for key in keys.iter().filter_map(Value::text) {
            let slot = crate::base::crc16::key_slot(key);
            let Some(&owner) = cluster.owners(slot).first() else { continue };
            let addr = &cluster.nodes[owner].addr;
            let (host, port) = place(addr);
            let words = travel.words(&host, &port, key, is_set(session, "copy"));
            let shown = match key.iter().all(u8::is_ascii_graphic) {
                true => key.to_vec(),
                false => quote(key),
            };
            out::text(&format!("Migrating {} to {addr}: ", String::from_utf8_lossy(&shown)));
            out::flush();
            let reply = conn.ask(&words).map_err(fail)?;
            match reply.error() {
                None => out::text("OK\n"),
                Some(text) => {
                    failed += 1;
                    let text = harmless(text);
                    bad(&format!("Source {} replied with error:\n{}\n", source.addr, String::from_utf8_lossy(&text)));
                }
            }
        }
    }
    if failed == 0 {
        return Ok(());
    }
    bad(&format!("[ERR] {failed} keys were not moved.\n"));
    Err(Failed)
}

/// Each primary's snapshot, and who serves what, into a directory.
pub fn backup(session: &mut Session<'_>, cluster: Cluster, dir: &str) -> Result<(), Failed> {
    let whole = check::check(session, &cluster, false).is_ok();
    let dir = Path::new(dir);
    for node in cluster.nodes.iter().filter(|node| node.is_primary()) {
        info(&format!(">>> Node {} -> Saving RDB...\n", node.addr));
        out::flush();
        let (host, port) = place(&node.addr);
        session.target = target(session, std::slice::from_ref(&node.addr))?;
        session.connect()?;
        let file = dir.join(format!("redis-node-{host}-{port}-{}.rdb", node.id));
        replica::fetch(session, file.as_os_str().as_bytes(), false)?;
    }
    let nodes: Vec<serde_json::Value> = cluster
        .nodes
        .iter()
        .map(|node| {
            let (host, port) = place(&node.addr);
            let number = |text: &str| text.parse::<u16>().unwrap_or(0);
            let slots: Vec<Vec<u16>> =
                ranges(&node.slots).iter().map(|range| range.split('-').map(number).collect()).collect();
            json!({
                "name": node.id,
                "host": host,
                "port": number(&port),
                "replicate": node.replica_of,
                "slots": slots,
                "slots_count": node.slots.len(),
                "flags": if node.is_primary() { "master" } else { "slave" },
                "current_epoch": node.epoch,
            })
        })
        .collect();
    let file = dir.join("nodes.json");
    out::text(&format!("Saving cluster configuration to: {}\n", file.display()));
    let text = serde_json::to_string_pretty(&nodes).unwrap_or_default();
    if let Err(error) = fs::write(&file, text) {
        bad(&format!("[ERR] {}: {}\n", file.display(), reason(&error)));
        return Err(Failed);
    }
    if !whole {
        bad("*** The cluster has problems: this is not all of it.\n");
        return Err(Failed);
    }
    good(&format!("[OK] Backup created into: {}\n", dir.display()));
    Ok(())
}
