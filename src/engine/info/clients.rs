//! INFO clients and threads.

use super::{Lines, Source};
use crate::engine::clients::flag;
use std::sync::atomic::Ordering::Relaxed;

pub(super) fn clients(s: &mut Source<'_>, l: &mut Lines) {
    let all = s.engine.clients.list();
    let flagged = |bit| all.iter().filter(|c| c.has(bit)).count();
    let most = |of: fn(&crate::engine::clients::Client) -> u64| all.iter().map(|c| of(c)).max().unwrap_or(0);
    l.put("connected_clients", all.len() - flagged(flag::REPLICA));
    l.put("cluster_connections", 0);
    l.put("maxclients", s.engine.config.maxclients.get());
    l.put("client_recent_max_input_buffer", most(|c| c.query_bytes.load(Relaxed)));
    l.put("client_recent_max_output_buffer", most(|c| c.unread_bytes()));
    l.put("blocked_clients", flagged(flag::BLOCKED));
    l.put("tracking_clients", s.engine.tracking.counts()[0]);
    l.put("pubsub_clients", flagged(flag::PUBSUB));
    l.put("watching_clients", all.iter().filter(|c| c.watching() > 0).count());
    let waits = s.engine.waits.summary();
    l.put("clients_in_timeout_table", waits.timed);
    let shards = s.engine.world.shards();
    let watched: usize = (0..shards).map(|i| s.access.shard(i).watchers.watched()).sum();
    s.access.unlock();
    // Keys that are being moved are watched too, by nobody's wish.
    l.put("total_watched_keys", watched.saturating_sub(s.engine.moving()));
    l.put("total_blocking_keys", waits.keys);
    l.put("total_blocking_keys_on_nokey", waits.keys_on_removal);
}

/// One line per worker, under the name that Redis 8.0 gives to its I/O threads.
pub(super) fn threads(s: &mut Source<'_>, l: &mut Lines) {
    let all = s.engine.clients.list();
    for (i, w) in s.engine.workers.read().iter().enumerate() {
        let clients = all.iter().filter(|c| c.worker.load(Relaxed) as usize == i).count();
        l.put(
            &format!("io_thread_{i}"),
            format_args!("clients={clients},reads={},writes={}", w.reads.get(), w.writes.get()),
        );
    }
}
