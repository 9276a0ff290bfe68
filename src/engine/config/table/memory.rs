//! Memory: its limit, who has to go, and when what is freed.

use super::super::cells::Words;
use super::super::choices::MaxmemoryPolicy;
use super::super::row::Row;
use super::super::value::{Kind, Reason, Value};
use super::{FLAG, INT_MAX, MEMORY};

/// DEL, expiry and overwriting never free a large value themselves.
pub(super) const ALWAYS_LAZY: &str = "large values are always freed by a thread of their own";

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
    Row::accepted("activedefrag", "no", FLAG).check_live(no_defrag),
    Row::accepted("active-defrag-cycle-min", "1", Kind::Int { min: 1, max: 99 }),
    Row::accepted("active-defrag-cycle-max", "25", Kind::Int { min: 1, max: 99 }),
    Row::accepted("active-defrag-cycle-us", "500", Kind::Int { min: 0, max: 100_000 }),
    Row::accepted("active-defrag-ignore-bytes", "104857600", MEMORY),
    Row::accepted("active-defrag-max-scan-fields", "1000", Kind::Int { min: 1, max: i64::MAX }),
    Row::accepted("active-defrag-threshold-lower", "10", Kind::Int { min: 0, max: 1000 }),
    Row::accepted("active-defrag-threshold-upper", "100", Kind::Int { min: 0, max: 1000 }),
    Row::accepted("jemalloc-bg-thread", "yes", FLAG),
    Row::accepted("import-mode", "no", FLAG),
];

/// A configuration file may ask for it (it is a wish), a client that sets it is about to measure it. Redis's words for a
/// build without its own jemalloc, by which test suites know to skip.
fn no_defrag(value: &Value) -> Result<(), Reason> {
    if *value == Value::Flag(true) {
        return Err(
            "Active defragmentation cannot be enabled: it requires a Redis server compiled with a modified Jemalloc \
                    like the one shipped by default with the Redis source distribution"
                .into(),
        );
    }
    Ok(())
}
