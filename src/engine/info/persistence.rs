//! INFO persistence and replication.

use super::{Lines, Source, total};
use crate::engine::gates;
use std::sync::atomic::Ordering::Relaxed;

pub(super) fn persistence(s: &mut Source<'_>, l: &mut Lines) {
    let shared = &s.engine.shared_stats;
    let dirty = total(s.engine, |w| w.dirty.get()) + shared.dirty_since_save.load(Relaxed);
    l.put("loading", u8::from(s.engine.gates.load(Relaxed) & gates::LOADING != 0));
    // Nothing forks here: a snapshot is taken by this process.
    l.zeros(&["async_loading", "current_cow_peak", "current_cow_size", "current_cow_size_age"]);
    l.put("current_fork_perc", "0.00");
    l.zeros(&["current_save_keys_processed", "current_save_keys_total"]);
    l.put("rdb_changes_since_last_save", dirty.saturating_sub(shared.dirty_at_save.load(Relaxed)));
    l.put("rdb_bgsave_in_progress", 0);
    l.put("rdb_last_save_time", s.engine.last_save_s.load(Relaxed));
    l.put("rdb_last_bgsave_status", "ok");
    l.put("rdb_last_bgsave_time_sec", -1);
    l.put("rdb_current_bgsave_time_sec", -1);
    l.zeros(&["rdb_saves", "rdb_last_cow_size", "rdb_last_load_keys_expired", "rdb_last_load_keys_loaded"]);
    l.put("aof_enabled", u8::from(s.engine.config.appendonly.get()));
    l.zeros(&["aof_rewrite_in_progress", "aof_rewrite_scheduled"]);
    l.put("aof_last_rewrite_time_sec", -1);
    l.put("aof_current_rewrite_time_sec", -1);
    l.put("aof_last_bgrewrite_status", "ok");
    l.zeros(&["aof_rewrites", "aof_rewrites_consecutive_failures"]);
    l.put("aof_last_write_status", "ok");
    l.zeros(&["aof_last_cow_size", "module_fork_in_progress", "module_fork_last_cow_size"]);
}

pub(super) fn replication(s: &mut Source<'_>, l: &mut Lines) {
    let [now, before] = s.engine.replication_ids.read().clone();
    l.put("role", "master");
    l.put("connected_slaves", 0);
    l.put("master_failover_state", "no-failover");
    l.put("master_replid", now);
    l.put("master_replid2", before);
    l.put("master_repl_offset", 0);
    l.put("second_repl_offset", -1);
    l.put("repl_backlog_active", 0);
    l.put("repl_backlog_size", s.engine.config.repl_backlog_size.get());
    l.zeros(&["repl_backlog_first_byte_offset", "repl_backlog_histlen"]);
}
