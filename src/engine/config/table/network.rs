//! Listening, connections and their buffers; TLS.

use super::super::cells::Words;
use super::super::choices::AuthClients;
use super::super::row::Row;
use super::super::value::Kind;
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

    Row::int("tls-port", "0", 0, 65535, |f| &f.tls_port),
    Row::choice("tls-auth-clients", "yes", AuthClients::NAMES, |f| f.tls_auth_clients.cell()),
    Row::accepted("tls-auth-clients-user", "off", Kind::Choice(&["CN", "URI", "off"])),
    Row::accepted("tls-auto-reload-interval", "0", int_up_to(INT_MAX)),
    Row::text("tls-ca-cert-dir", "", |f| &f.tls_ca_cert_dir).names_file(),
    Row::text("tls-ca-cert-file", "", |f| &f.tls_ca_cert_file).names_file(),
    Row::text("tls-cert-file", "", |f| &f.tls_cert_file).names_file(),
    Row::text("tls-ciphers", "", |f| &f.tls_ciphers),
    Row::text("tls-ciphersuites", "", |f| &f.tls_ciphersuites),
    Row::text("tls-client-cert-file", "", |f| &f.tls_client_cert_file).names_file(),
    Row::text("tls-client-key-file", "", |f| &f.tls_client_key_file).names_file(),
    Row::text("tls-client-key-file-pass", "", |f| &f.tls_client_key_file_pass).sensitive(),
    Row::flag("tls-cluster", "no", |f| &f.tls_cluster),
    Row::accepted("tls-dh-params-file", "", TEXT),
    Row::text("tls-key-file", "", |f| &f.tls_key_file).names_file(),
    Row::text("tls-key-file-pass", "", |f| &f.tls_key_file_pass).sensitive(),
    Row::flag("tls-prefer-server-ciphers", "no", |f| &f.tls_prefer_server_ciphers),
    Row::text("tls-protocols", "", |f| &f.tls_protocols),
    Row::flag("tls-replication", "no", |f| &f.tls_replication),
    Row::int("tls-session-cache-size", "20480", 0, INT_MAX, |f| &f.tls_session_cache_size),
    Row::int("tls-session-cache-timeout", "300", 0, INT_MAX, |f| &f.tls_session_cache_timeout_secs),
    Row::flag("tls-session-caching", "yes", |f| &f.tls_session_caching),
];
