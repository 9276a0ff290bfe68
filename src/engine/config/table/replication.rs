//! Primaries and replicas.

use super::super::cells::Words;
use super::super::choices::{DisklessLoad, PropagationError};
use super::super::row::Row;
use super::super::value::{Reason, Value};
use super::super::words;
use super::memory::ALWAYS_LAZY;
use super::{FLAG, INT_MAX};

#[rustfmt::skip]
pub const ROWS: &[Row] = &[
    Row::list("replicaof", "", words::replicaof, |f| &f.replicaof).aliases(&["slaveof"]).startup(),
    Row::text("masterauth", "", |f| &f.masterauth).aliases(&["primaryauth"]).sensitive(),
    Row::text("masteruser", "", |f| &f.masteruser).aliases(&["primaryuser"]).sensitive(),
    Row::flag("replica-serve-stale-data", "yes", |f| &f.replica_serve_stale_data).aliases(&["slave-serve-stale-data"]),
    Row::flag("replica-read-only", "yes", |f| &f.replica_read_only).aliases(&["slave-read-only"]),
    Row::flag("replica-ignore-maxmemory", "yes", |f| &f.replica_ignore_maxmemory).aliases(&["slave-ignore-maxmemory"]),
    Row::flag("replica-ignore-disk-write-errors", "no", |f| &f.replica_ignore_disk_write_errors),
    Row::accepted("replica-lazy-flush", "no", FLAG).because(ALWAYS_LAZY).aliases(&["slave-lazy-flush"]),
    Row::int("replica-priority", "100", 0, INT_MAX, |f| &f.replica_priority).aliases(&["slave-priority"]),
    Row::flag("replica-announced", "yes", |f| &f.replica_announced),
    Row::text("replica-announce-ip", "", |f| &f.replica_announce_ip).aliases(&["slave-announce-ip"]),
    Row::int("replica-announce-port", "0", 0, 65535, |f| &f.replica_announce_port).aliases(&["slave-announce-port"]),
    Row::memory("replica-full-sync-buffer-limit", "0", 0, |f| &f.replica_full_sync_buffer_limit),
    Row::flag("repl-diskless-sync", "yes", |f| &f.repl_diskless_sync),
    Row::int("repl-diskless-sync-delay", "5", 0, INT_MAX, |f| &f.repl_diskless_sync_delay_secs),
    Row::int("repl-diskless-sync-max-replicas", "0", 0, INT_MAX, |f| &f.repl_diskless_sync_max_replicas),
    Row::choice("repl-diskless-load", "disabled", DisklessLoad::NAMES, |f| f.repl_diskless_load.cell()),
    Row::int("repl-ping-replica-period", "10", 1, INT_MAX, |f| &f.repl_ping_replica_period_secs)
        .aliases(&["repl-ping-slave-period"]),
    Row::int("repl-timeout", "60", 1, INT_MAX, |f| &f.repl_timeout_secs),
    Row::flag("repl-disable-tcp-nodelay", "no", |f| &f.repl_disable_tcp_nodelay),
    Row::memory("repl-backlog-size", "1048576", 1, |f| &f.repl_backlog_size).check(least_backlog),
    Row::int("repl-backlog-ttl", "3600", 0, i64::MAX, |f| &f.repl_backlog_ttl_secs),
    Row::int("min-replicas-to-write", "0", 0, INT_MAX, |f| &f.min_replicas_to_write).aliases(&["min-slaves-to-write"]),
    Row::int("min-replicas-max-lag", "10", 0, INT_MAX, |f| &f.min_replicas_max_lag_secs).aliases(&["min-slaves-max-lag"]),
    Row::choice("propagation-error-behavior", "ignore", PropagationError::NAMES, |f| f.propagation_error_behavior.cell()),
    Row::accepted("dual-channel-replication-enabled", "no", FLAG),
    Row::accepted("repl-rdb-channel", "no", FLAG).hidden(),
];

/// Redis 7.0 takes less than 16 KiB for 16 KiB.
fn least_backlog(value: Value) -> Result<Value, Reason> {
    Ok(match value {
        Value::Int(n) => Value::Int(n.max(16 << 10)),
        other => other,
    })
}
