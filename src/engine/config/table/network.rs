//! Listening, connections and their buffers; TLS, which this build does not have.

use super::super::row::Row;
use super::super::value::{Kind, Reason, Value};
use super::super::words;
use super::{FLAG, INT_MAX, TEXT, int_up_to};

#[rustfmt::skip]
pub const ROWS: &[Row] = &[
    Row::list("bind", "* -::*", words::addresses, |f| &f.bind),
    Row::text("bind-source-addr", "", |f| &f.bind_source_addr),
    Row::int("port", "6379", 0, 65535, |f| &f.port),
    Row::int("tcp-backlog", "511", 0, INT_MAX, |f| &f.tcp_backlog).startup(),
    Row::int("tcp-keepalive", "300", 0, INT_MAX, |f| &f.tcp_keepalive_secs),
    Row::text("unixsocket", "", |f| &f.unixsocket).startup(),
    Row::number("unixsocketperm", "0", Kind::Octal { max: 0o777 }, |f| &f.unixsocketperm).startup(),
    Row::text("unixsocketgroup", "", |f| &f.unixsocketgroup).startup(),
    Row::int("timeout", "0", 0, INT_MAX, |f| &f.timeout_secs),
    Row::flag("protected-mode", "yes", |f| &f.protected_mode),
    Row::int("maxclients", "10000", 1, u32::MAX as i64, |f| &f.maxclients),
    Row::memory("proto-max-bulk-len", "536870912", 1 << 20, |f| &f.proto_max_bulk_len),
    Row::memory("client-query-buffer-limit", "1073741824", 1 << 20, |f| &f.client_query_buffer_limit),
    Row::limits("client-output-buffer-limit", "normal 0 0 0 replica 268435456 67108864 60 pubsub 33554432 8388608 60",
        |f| &f.client_output_buffer_limit),
    Row::number("maxmemory-clients", "0", Kind::MemoryOrPercent, |f| &f.maxmemory_clients),
    Row::accepted("socket-mark-id", "0", int_up_to(u32::MAX as i64)).startup(),
    Row::accepted("max-new-connections-per-cycle", "10", Kind::Int { min: 1, max: 1000 }),
    Row::accepted("max-new-tls-connections-per-cycle", "1", Kind::Int { min: 1, max: 1000 }),
    Row::accepted("mptcp", "no", FLAG).startup(),
    Row::accepted("repl-mptcp", "no", FLAG).startup(),
    Row::accepted("rdma-bind", "", TEXT),
    Row::accepted("rdma-completion-vector", "-1", Kind::Int { min: -1, max: 1024 }).startup(),
    Row::accepted("rdma-port", "0", int_up_to(65535)),
    Row::accepted("rdma-rx-size", "1048576", int_up_to(16 << 20)).startup(),

    Row::int("tls-port", "0", 0, 65535, |f| &f.tls_port).check(no_tls).check_live(no_tls_live),
    Row::accepted("tls-auth-clients", "yes", Kind::Choice(&["no", "yes", "optional"])),
    Row::accepted("tls-auth-clients-user", "off", Kind::Choice(&["CN", "URI", "off"])),
    Row::accepted("tls-auto-reload-interval", "0", int_up_to(INT_MAX)),
    Row::accepted("tls-ca-cert-dir", "", TEXT),
    Row::accepted("tls-ca-cert-file", "", TEXT),
    Row::accepted("tls-cert-file", "", TEXT),
    Row::accepted("tls-ciphers", "", TEXT),
    Row::accepted("tls-ciphersuites", "", TEXT),
    Row::accepted("tls-client-cert-file", "", TEXT),
    Row::accepted("tls-client-key-file", "", TEXT),
    Row::accepted("tls-client-key-file-pass", "", TEXT).sensitive(),
    Row::accepted("tls-cluster", "no", FLAG),
    Row::accepted("tls-dh-params-file", "", TEXT),
    Row::accepted("tls-key-file", "", TEXT),
    Row::accepted("tls-key-file-pass", "", TEXT).sensitive(),
    Row::accepted("tls-prefer-server-ciphers", "no", FLAG),
    Row::accepted("tls-protocols", "", TEXT),
    Row::accepted("tls-replication", "no", FLAG),
    Row::accepted("tls-session-cache-size", "20480", int_up_to(INT_MAX)),
    Row::accepted("tls-session-cache-timeout", "300", int_up_to(INT_MAX)),
    Row::accepted("tls-session-caching", "yes", FLAG),
];

/// Whoever asks for a TLS port must not get none in silence: their clients would find the plain one.
fn no_tls(value: Value) -> Result<Value, Reason> {
    match value {
        Value::Int(0) => Ok(value),
        _ => Err("this server has no TLS: remove tls-port and let a TLS proxy listen there".into()),
    }
}

fn no_tls_live(value: &Value) -> Result<(), Reason> {
    no_tls(value.clone()).map(|_| ())
}
