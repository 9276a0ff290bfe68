//! Redis Cluster, which this server does not join yet. The directives are kept, so that a configuration written for a
//! node of one can be read; `cluster-enabled yes` alone is refused.

use super::super::row::Row;
use super::super::value::{Kind, Reason, Value};
use super::{FLAG, INT_MAX, MEMORY, TEXT, int_up_to};

#[rustfmt::skip]
pub const ROWS: &[Row] = &[
    Row::accepted("cluster-enabled", "no", FLAG).startup().check(not_yet),
    Row::accepted("cluster-config-file", "nodes.conf", TEXT).startup(),
    Row::accepted("cluster-port", "0", int_up_to(65535)).startup(),
    Row::accepted("cluster-databases", "1", Kind::Int { min: 1, max: INT_MAX }).startup(),
    Row::accepted("cluster-node-timeout", "15000", int_up_to(i64::MAX)),
    Row::accepted("cluster-allow-pubsubshard-when-down", "yes", FLAG),
    Row::accepted("cluster-allow-reads-when-down", "no", FLAG),
    Row::accepted("cluster-allow-replica-migration", "yes", FLAG),
    Row::accepted("cluster-announce-bus-port", "0", int_up_to(65535)),
    Row::accepted("cluster-announce-client-ipv4", "", TEXT),
    Row::accepted("cluster-announce-client-ipv6", "", TEXT),
    Row::accepted("cluster-announce-client-port", "0", int_up_to(65535)),
    Row::accepted("cluster-announce-client-tls-port", "0", int_up_to(65535)),
    Row::accepted("cluster-announce-hostname", "", TEXT).check(hostname),
    Row::accepted("cluster-announce-human-nodename", "", TEXT).check(nodename),
    Row::accepted("cluster-announce-ip", "", TEXT),
    Row::accepted("cluster-announce-port", "0", int_up_to(65535)),
    Row::accepted("cluster-announce-tls-port", "0", int_up_to(65535)),
    Row::accepted("cluster-blacklist-ttl", "60", int_up_to(i64::MAX)),
    Row::accepted("cluster-compatibility-sample-ratio", "0", int_up_to(100)),
    Row::accepted("cluster-config-save-behavior", "sync", Kind::Choice(&["sync", "best-effort"])),
    Row::accepted("cluster-link-sendbuf-limit", "0", MEMORY),
    Row::accepted("cluster-manual-failover-timeout", "5000", Kind::Int { min: 1, max: INT_MAX }),
    Row::accepted("cluster-migration-barrier", "1", int_up_to(INT_MAX)),
    Row::accepted("cluster-preferred-endpoint-type", "ip", Kind::Choice(&["ip", "hostname", "unknown-endpoint"])),
    Row::accepted("cluster-replica-no-failover", "no", FLAG).aliases(&["cluster-slave-no-failover"]),
    Row::accepted("cluster-replica-validity-factor", "10", int_up_to(INT_MAX)).aliases(&["cluster-slave-validity-factor"]),
    Row::accepted("cluster-require-full-coverage", "yes", FLAG),
    Row::accepted("cluster-slot-migration-log-max-len", "1000", int_up_to(i64::MAX)),
    Row::accepted("cluster-slot-stats-enabled", "no", FLAG),
    Row::accepted("slot-migration-max-failover-repl-bytes", "0", MEMORY),
];

/// A node that believes it is part of a cluster and is not would answer for keys that live elsewhere.
fn not_yet(value: Value) -> Result<Value, Reason> {
    match value {
        Value::Flag(true) => {
            Err("this server cannot join a cluster yet: remove the directive or say 'cluster-enabled no'".into())
        }
        other => Ok(other),
    }
}

fn hostname(value: Value) -> Result<Value, Reason> {
    only(
        value,
        |b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.'),
        "Hostnames may only contain alphanumeric characters, hyphens or dots",
    )
}

fn nodename(value: Value) -> Result<Value, Reason> {
    only(
        value,
        |b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_'),
        "Announced human node name contained invalid character",
    )
}

fn only(value: Value, allowed: fn(u8) -> bool, refusal: &'static str) -> Result<Value, Reason> {
    match &value {
        Value::Text(text) if !text.iter().all(|b| allowed(*b)) => Err(refusal.into()),
        _ => Ok(value),
    }
}
