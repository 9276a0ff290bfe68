//! INFO replication: what Sentinel and monitoring read.

use super::{Lines, Source};
use crate::engine::replication::LinkState;
use crate::engine::replication::replica::Phase;
use std::sync::atomic::Ordering::Relaxed;

pub(super) fn replication(s: &mut Source<'_>, l: &mut Lines) {
    let (engine, log, config) = (s.engine, &s.engine.world.log, &s.engine.config);
    let is_replica = engine.is_replica();
    l.put("role", if is_replica { "slave" } else { "master" });
    if is_replica {
        primary(s, l);
    }
    let replicas = engine.replication.replicas();
    l.put("connected_slaves", replicas.len());
    if config.min_replicas_to_write.get() > 0 && config.min_replicas_max_lag_secs.get() > 0 {
        l.put("min_slaves_good_slaves", engine.good_replicas(s.now_ms));
    }
    for (n, replica) in replicas.iter().enumerate() {
        let (ip, port) = replica.address();
        let heard_ms = match replica.phase() {
            Phase::Online => replica.acked_ms.load(Relaxed),
            _ if replica.seems_online() => replica.client.last_active_ms.load(Relaxed),
            _ => s.now_ms,
        };
        let lag_s = (s.now_ms - heard_ms).max(0) / 1000;
        let (state, acked) = (replica.state(), replica.acked.load(Relaxed));
        l.put(&format!("slave{n}"), format_args!("ip={ip},port={port},state={state},offset={acked},lag={lag_s}"));
    }
    let ids = engine.replication.ids();
    let (start, held) = log.with_backlog(|b| (b.start() + 1, b.held())).unwrap_or_default();
    l.put("master_failover_state", engine.failover_state().name());
    l.put("master_replid", ids.now);
    l.put("master_replid2", ids.before);
    l.put("master_repl_offset", log.offset());
    l.put("second_repl_offset", ids.before_until);
    l.put("repl_backlog_active", u8::from(log.has_backlog()));
    l.put("repl_backlog_size", config.repl_backlog_size.get());
    l.put("repl_backlog_first_byte_offset", start);
    l.put("repl_backlog_histlen", held);
}

/// What a replica tells of its primary.
fn primary(s: &Source<'_>, l: &mut Lines) {
    let (engine, config, now_ms) = (s.engine, &s.engine.config, s.now_ms);
    let offset = engine.world.log.offset();
    engine.replication.with_link(|link| {
        let (host, port) = link.primary.clone().unwrap_or_default();
        let up = link.state == LinkState::Connected;
        let last_io_ms = link.client.as_ref().map_or(link.last_io_ms, |c| c.last_active_ms.load(Relaxed));
        l.put("master_host", host);
        l.put("master_port", port);
        l.put("master_link_status", if up { "up" } else { "down" });
        l.put("master_last_io_seconds_ago", if up { (now_ms - last_io_ms).max(0) / 1000 } else { -1 });
        l.put("master_sync_in_progress", u8::from(link.state == LinkState::Sync));
        l.put("slave_read_repl_offset", offset);
        l.put("slave_repl_offset", offset);
        if link.state == LinkState::Sync {
            let (total, read) = (link.copy_total, link.copy_read);
            let known = total > 0;
            l.put("master_sync_total_bytes", total);
            l.put("master_sync_read_bytes", read);
            l.put("master_sync_left_bytes", total as i64 - read as i64);
            l.put(
                "master_sync_perc",
                format_args!("{:.2}", if known { read as f64 * 100.0 / total as f64 } else { 0.0 }),
            );
            l.put("master_sync_last_io_seconds_ago", (now_ms - link.copy_io_ms).max(0) / 1000);
        }
        if !up {
            let since = link.down_since_s;
            l.put("master_link_down_since_seconds", if since > 0 { now_ms / 1000 - since } else { -1 });
        }
    });
    l.put("slave_priority", config.replica_priority.get());
    l.put("slave_read_only", u8::from(config.replica_read_only.get()));
    l.put("replica_announced", u8::from(config.replica_announced.get()));
}
