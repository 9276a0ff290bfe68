//! Memory: its limit, who has to go, and when what is freed.

use super::super::cells::Words;
use super::super::choices::MaxmemoryPolicy;
use super::super::row::Row;
use super::super::value::Kind;
use super::{FLAG, INT_MAX};

/// DEL, expiry and overwriting never free a large value themselves.
pub(super) const ALWAYS_LAZY: &str = "large values are always freed by a thread of their own";

const IN_PIECES: &str = "values of any size are gone through in pieces";

#[rustfmt::skip]
pub const ROWS: &[Row] = &[
    Row::memory("maxmemory", "0", 0, |f| &f.maxmemory),
    Row::choice("maxmemory-policy", "noeviction", MaxmemoryPolicy::NAMES, |f| f.maxmemory_policy.cell()),
    Row::int("maxmemory-samples", "5", 1, 64, |f| &f.maxmemory_samples),
    Row::int("maxmemory-eviction-tenacity", "10", 0, 100, |f| &f.maxmemory_eviction_tenacity),
    Row::int("lfu-log-factor", "10", 0, INT_MAX, |f| &f.lfu_log_factor),
    Row::int("lfu-decay-time", "1", 0, INT_MAX, |f| &f.lfu_decay_time),
    Row::int("active-expire-effort", "1", 1, 10, |f| &f.active_expire_effort),
    Row::flag("lazyfree-lazy-eviction", "no", |f| &f.lazyfree_lazy_eviction),
    Row::accepted("lazyfree-lazy-expire", "no", FLAG).because(ALWAYS_LAZY),
    Row::accepted("lazyfree-lazy-server-del", "no", FLAG).because(ALWAYS_LAZY),
    Row::accepted("lazyfree-lazy-user-del", "no", FLAG).because(ALWAYS_LAZY),
    Row::flag("lazyfree-lazy-user-flush", "no", |f| &f.lazyfree_lazy_user_flush),
    Row::int("tracking-table-max-keys", "1000000", 0, i64::MAX, |f| &f.tracking_table_max_keys),

    Row::accepted("activerehashing", "yes", FLAG),
    Row::flag("activedefrag", "no", |f| &f.activedefrag),
    Row::int("active-defrag-cycle-min", "1", 1, 99, |f| &f.active_defrag_cycle_min),
    Row::int("active-defrag-cycle-max", "25", 1, 99, |f| &f.active_defrag_cycle_max),
    Row::int("active-defrag-cycle-us", "500", 0, 100_000, |f| &f.active_defrag_cycle_us),
    Row::memory("active-defrag-ignore-bytes", "104857600", 0, |f| &f.active_defrag_ignore_bytes),
    Row::accepted("active-defrag-max-scan-fields", "1000", Kind::Int { min: 1, max: i64::MAX }).because(IN_PIECES),
    Row::int("active-defrag-threshold-lower", "10", 0, 1000, |f| &f.active_defrag_threshold_lower),
    Row::int("active-defrag-threshold-upper", "100", 0, 1000, |f| &f.active_defrag_threshold_upper),
    Row::accepted("jemalloc-bg-thread", "yes", FLAG),
    Row::accepted("import-mode", "no", FLAG),
];
