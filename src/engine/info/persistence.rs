//! INFO persistence.

use super::{Lines, Source};
use crate::engine::gates;
use crate::engine::persist::Job;
use std::sync::atomic::Ordering::Relaxed;

fn good(ok: bool) -> &'static str {
    if ok { "ok" } else { "err" }
}

pub(super) fn persistence(s: &mut Source<'_>, l: &mut Lines) {
    let (engine, status, log) = (s.engine, &s.engine.persist, &s.engine.persist.log);
    let (saved, written) = status.outcomes();
    let now = status.now.lock();
    let loading = engine.gates.load(Relaxed) & gates::LOADING != 0;
    let for_s = |job: Job| if now.job == job { (s.now_ms - now.started_ms) / 1000 } else { -1 };
    l.put("loading", u8::from(loading));
    // Nothing forks here: a snapshot is taken by this process.
    l.put("async_loading", u8::from(status.loading.beside.load(Relaxed)));
    l.zeros(&["current_cow_peak", "current_cow_size", "current_cow_size_age"]);
    l.put("current_fork_perc", "0.00");
    l.put("current_save_keys_processed", now.cut.as_ref().map_or(0, |cut| cut.done.load(Relaxed)));
    l.put("current_save_keys_total", now.cut.as_ref().map_or(0, |_| now.keys_total));
    l.put("rdb_changes_since_last_save", engine.changes_since_save());
    l.put("rdb_bgsave_in_progress", u8::from(now.job == Job::Save));
    l.put("rdb_last_save_time", engine.last_save_s.load(Relaxed));
    l.put("rdb_last_bgsave_status", good(saved));
    l.put("rdb_last_bgsave_time_sec", status.save_took_s.load(Relaxed));
    l.put("rdb_current_bgsave_time_sec", for_s(Job::Save));
    l.put("rdb_saves", status.saves.load(Relaxed));
    l.put("rdb_last_cow_size", 0);
    l.put("rdb_last_load_keys_expired", status.expired_at_load.load(Relaxed));
    l.put("rdb_last_load_keys_loaded", status.loaded_keys.load(Relaxed));
    l.put("aof_enabled", u8::from(log.on.load(Relaxed)));
    l.put("aof_rewrite_in_progress", u8::from(now.job == Job::Rewrite));
    l.put("aof_rewrite_scheduled", u8::from(now.rewrite_scheduled));
    l.put("aof_last_rewrite_time_sec", log.rewrite_took_s.load(Relaxed));
    l.put("aof_current_rewrite_time_sec", for_s(Job::Rewrite));
    l.put("aof_last_bgrewrite_status", good(log.rewrite_ok.load(Relaxed)));
    l.put("aof_rewrites", log.rewrites.load(Relaxed));
    l.put("aof_rewrites_consecutive_failures", log.rewrite_failures.load(Relaxed));
    l.put("aof_last_write_status", good(written));
    l.zeros(&["aof_last_cow_size", "module_fork_in_progress", "module_fork_last_cow_size"]);
    if log.on.load(Relaxed) {
        l.put("aof_current_size", log.size.load(Relaxed));
        l.put("aof_base_size", log.base_size.load(Relaxed));
        l.put("aof_pending_rewrite", u8::from(now.rewrite_scheduled));
        l.put("aof_buffer_length", engine.world.log.positions().waiting);
        l.put("aof_pending_bio_fsync", u8::from(log.syncing.load(Relaxed)));
        l.put("aof_delayed_fsync", log.delayed_fsync.load(Relaxed));
    }
    if loading {
        let load = &status.loading;
        let (total, done) = (load.total_bytes.load(Relaxed), load.done_bytes.load(Relaxed));
        let since_ms = s.now_ms - load.started_ms.load(Relaxed);
        let eta_s = match done {
            0 => 1,
            _ => (since_ms as f64 / 1000.0 * total.saturating_sub(done) as f64 / done as f64) as i64,
        };
        l.put("loading_start_time", load.started_ms.load(Relaxed) / 1000);
        l.put("loading_total_bytes", total);
        l.put("loading_rdb_used_mem", load.used_memory.load(Relaxed));
        l.put("loading_loaded_bytes", done);
        l.put("loading_loaded_perc", format_args!("{:.2}", done as f64 * 100.0 / total.max(1) as f64));
        l.put("loading_eta_seconds", eta_s);
    }
}
