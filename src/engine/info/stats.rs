//! INFO stats, commandstats and errorstats.

use super::{Lines, Source, total};
use crate::engine::pubsub::Kind;
use crate::engine::table;
use std::sync::atomic::Ordering::Relaxed;

pub(super) fn stats(s: &mut Source<'_>, l: &mut Lines) {
    let (engine, shared) = (s.engine, &s.engine.shared_stats);
    let rates = engine.samples.lock().rates();
    let turns = total(engine, |w| w.turns.get());
    let busy_us = total(engine, |w| w.busy_nanos.get()) / 1000;
    let commands_us = total(engine, |w| w.commands.iter().map(|c| c.nanos.get()).sum()) / 1000;
    l.put("total_connections_received", shared.connections.load(Relaxed));
    l.put("total_commands_processed", total(engine, |w| w.processed.get()));
    l.put("instantaneous_ops_per_sec", rates.commands as u64);
    let copied = shared.copied_in.load(Relaxed);
    l.put("total_net_input_bytes", total(engine, |w| w.net_in.get()) + copied);
    l.put("total_net_output_bytes", total(engine, |w| w.net_out.get()));
    l.put("total_net_repl_input_bytes", total(engine, |w| w.net_repl_in.get()) + copied);
    l.put("total_net_repl_output_bytes", total(engine, |w| w.net_repl_out.get()));
    l.put("instantaneous_input_kbps", format_args!("{:.2}", rates.net_in / 1024.0));
    l.put("instantaneous_output_kbps", format_args!("{:.2}", rates.net_out / 1024.0));
    l.put("instantaneous_input_repl_kbps", format_args!("{:.2}", rates.repl_in / 1024.0));
    l.put("instantaneous_output_repl_kbps", format_args!("{:.2}", rates.repl_out / 1024.0));
    l.put("rejected_connections", shared.rejected_connections.load(Relaxed));
    let counts = &engine.replication.counts;
    l.put("sync_full", counts.full.load(Relaxed));
    l.put("sync_partial_ok", counts.partial_ok.load(Relaxed));
    l.put("sync_partial_err", counts.partial_err.load(Relaxed));
    l.put("expired_subkeys", total(engine, |w| w.expired_fields.get()));
    l.put("expired_keys", total(engine, |w| w.expired.get()));
    l.put("expired_stale_perc", "0.00");
    l.zeros(&["expired_time_cap_reached_count", "expire_cycle_cpu_milliseconds"]);
    l.put("evicted_keys", shared.evicted.load(Relaxed));
    l.put("evicted_clients", shared.evicted_clients.load(Relaxed));
    l.put("evicted_scripts", engine.scripts.figures.evicted.load(Relaxed));
    let (since_ms, earlier_ms) = (shared.over_since_ms.load(Relaxed), shared.over_ms.load(Relaxed));
    let current_ms = if since_ms == 0 { 0 } else { (s.now_ms - since_ms).max(0) };
    l.put("total_eviction_exceeded_time", earlier_ms + current_ms);
    l.put("current_eviction_exceeded_time", current_ms);
    l.put("keyspace_hits", total(engine, |w| w.hits.get()));
    l.put("keyspace_misses", total(engine, |w| w.misses.get()));
    for (name, kind) in
        [("pubsub_channels", Kind::Channel), ("pubsub_patterns", Kind::Pattern), ("pubsubshard_channels", Kind::Shard)]
    {
        l.put(name, engine.pubsub.count(kind));
    }
    l.zeros(&["latest_fork_usec", "total_forks"]);
    l.put("migrate_cached_sockets", shared.migrate_sockets.load(Relaxed));
    l.zeros(&["slave_expires_tracked_keys"]);
    let defrag = &shared.defrag;
    l.put("active_defrag_hits", defrag.hits.load(Relaxed));
    l.put("active_defrag_misses", defrag.misses.load(Relaxed));
    l.put("active_defrag_key_hits", defrag.key_hits.load(Relaxed));
    l.put("active_defrag_key_misses", defrag.key_misses.load(Relaxed));
    let (total_ms, current_ms) = defrag.times_ms(s.now_ms);
    l.put("total_active_defrag_time", total_ms);
    l.put("current_active_defrag_time", current_ms);
    let [_, keys, items, prefixes] = engine.tracking.counts();
    l.put("tracking_total_keys", keys);
    l.put("tracking_total_items", items);
    l.put("tracking_total_prefixes", prefixes);
    l.zeros(&["unexpected_error_replies"]);
    l.put("total_error_replies", total(engine, |w| w.errors.get()));
    l.zeros(&["dump_payload_sanitizations"]);
    let (reads, writes) = (total(engine, |w| w.reads.get()), total(engine, |w| w.writes.get()));
    l.put("total_reads_processed", reads);
    l.put("total_writes_processed", writes);
    // With several workers, each reads and writes for itself.
    let threaded = engine.workers.read().len() > 1;
    l.put("io_threaded_reads_processed", if threaded { reads } else { 0 });
    l.put("io_threaded_writes_processed", if threaded { writes } else { 0 });
    l.put("client_query_buffer_limit_disconnections", shared.query_buffer_overruns.load(Relaxed));
    l.put("client_output_buffer_limit_disconnections", shared.output_buffer_overruns.load(Relaxed));
    l.zeros(&["reply_buffer_shrinks", "reply_buffer_expands"]);
    l.put("eventloop_cycles", turns);
    l.put("eventloop_duration_sum", busy_us);
    l.put("eventloop_duration_cmd_sum", commands_us);
    l.put("instantaneous_eventloop_cycles_per_sec", rates.turns as u64);
    l.put("instantaneous_eventloop_duration_usec", rates.turn_us as u64);
    let [commands, keys, channels, logins] = &engine.acl.denied;
    for (what, n) in [("auth", logins), ("cmd", commands), ("key", keys), ("channel", channels)] {
        l.put(&format!("acl_access_denied_{what}"), n.load(Relaxed));
    }
}

/// A line for each command that was ever called, in the table's order.
pub(super) fn commandstats(s: &mut Source<'_>, l: &mut Lines) {
    for command in table::all() {
        let of = |f: fn(&crate::engine::stats::CommandStats) -> u64| {
            total(s.engine, |w| w.commands.get(command.id as usize).map_or(0, f))
        };
        let (calls, us) = (of(|c| c.calls.get()), of(|c| c.nanos.get()) / 1000);
        let (rejected, failed) = (of(|c| c.rejected.get()), of(|c| c.failed.get()));
        if calls + rejected + failed > 0 {
            let each = if calls == 0 { 0.0 } else { us as f64 / calls as f64 };
            l.put(
                &format!("cmdstat_{}", command.name),
                format_args!(
                    "calls={calls},usec={us},usec_per_call={each:.2},rejected_calls={rejected},failed_calls={failed}"
                ),
            );
        }
    }
}

pub(super) fn errorstats(s: &mut Source<'_>, l: &mut Lines) {
    for (code, count) in s.engine.shared_stats.error_codes.lock().iter() {
        l.put(&format!("errorstat_{code}"), format_args!("count={count}"));
    }
}

/// A line for each command that was timed: the percentiles that `latency-tracking-info-percentiles` names, in microseconds.
pub(super) fn latencystats(s: &mut Source<'_>, l: &mut Lines) {
    let wanted = s.engine.config.latency_tracking_info_percentiles.get();
    for command in table::all() {
        if let Some(h) = s.engine.histogram(command) {
            let one = |word: &String| {
                let us = h.percentile(word.parse().unwrap_or(100.0)) as f64 / 1000.0;
                format!("p{word}={us:.3}")
            };
            let all: Vec<String> = wanted.iter().map(one).collect();
            l.put(&format!("latency_percentiles_usec_{}", command.name), all.join(","));
        }
    }
}
