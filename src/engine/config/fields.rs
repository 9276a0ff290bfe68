//! One field per directive that something acts on; the field's name is the directive's. Meanings are those of
//! Redis's own documentation of the directive; comments here add units and what is ours. Memory is in bytes.

use super::cells::{Choice, Flag, Int, Limits, List, SavePoints, Text};
use super::choices::*;

/// The values in force.
#[derive(Default, Debug)]
pub struct Fields {
    // ---- network.rs
    /// Addresses to listen on; a `-` in front: do not fail if it is not there. None: no TCP listener.
    pub bind: List,
    pub bind_source_addr: Text,
    /// TCP port; 0: none.
    pub port: Int,
    pub tcp_backlog: Int,
    pub tcp_keepalive_secs: Int,
    /// Path of the listening socket; empty: none.
    pub unixsocket: Text,
    /// Permission bits of the socket file; 0: as the umask has it.
    pub unixsocketperm: Int,
    pub unixsocketgroup: Text,
    /// Seconds without a request after which a client is dropped; 0: never.
    pub timeout_secs: Int,
    pub protected_mode: Flag,
    pub maxclients: Int,
    pub proto_max_bulk_len: Int,
    pub client_query_buffer_limit: Int,
    pub client_output_buffer_limit: Limits,
    /// Bytes; negative: that many per cent of `maxmemory`. See [`super::Config::maxmemory_clients_bytes`].
    pub maxmemory_clients: Int,
    /// TCP port for TLS; 0: none.
    pub tls_port: Int,
    pub tls_auth_clients: Choice<AuthClients>,
    pub tls_ca_cert_dir: Text,
    pub tls_ca_cert_file: Text,
    pub tls_cert_file: Text,
    /// OpenSSL's cipher string, for TLS 1.2.
    pub tls_ciphers: Text,
    /// Names with `:` between, for TLS 1.3.
    pub tls_ciphersuites: Text,
    /// What this server shows as a client, to its primary; empty: what it shows as a server.
    pub tls_client_cert_file: Text,
    pub tls_client_key_file: Text,
    pub tls_client_key_file_pass: Text,
    pub tls_key_file: Text,
    pub tls_key_file_pass: Text,
    pub tls_prefer_server_ciphers: Flag,
    pub tls_protocols: Text,
    pub tls_replication: Flag,
    /// MIGRATE speaks TLS.
    pub tls_cluster: Flag,
    pub tls_session_cache_size: Int,
    pub tls_session_cache_timeout_secs: Int,
    pub tls_session_caching: Flag,

    // ---- process.rs
    /// Worker threads; 0: one per core. Ours. See [`super::Config::wanted_threads`].
    pub threads: Int,
    /// Redis's wish for threads.
    pub io_threads: Int,
    /// TCP port of the metrics page; 0: none. Ours.
    pub metrics_port: Int,
    /// There is a page for people on that port. Ours.
    pub metrics_page: Flag,
    pub databases: Int,
    /// Where files are written. Absolute once the server has started.
    pub dir: Text,
    pub daemonize: Flag,
    pub supervised: Choice<Supervised>,
    pub pidfile: Text,
    pub loglevel: Choice<LogLevel>,
    /// Empty: standard output.
    pub logfile: Text,
    pub syslog_enabled: Flag,
    pub syslog_ident: Text,
    pub syslog_facility: Choice<SyslogFacility>,
    pub oom_score_adj: Choice<OomScoreAdj>,
    pub oom_score_adj_values: List,
    /// Seconds SHUTDOWN waits for replicas.
    pub shutdown_timeout_secs: Int,
    /// Bits of [`super::choices::shutdown`].
    pub shutdown_on_sigint: Int,
    pub shutdown_on_sigterm: Int,
    /// How often a second background work runs, 1 to 500.
    pub hz: Int,
    /// A crash leaves a report in the log.
    pub crash_log_enabled: Flag,
    pub hide_user_data_from_log: Flag,
    pub availability_zone: Text,

    // ---- security.rs
    pub requirepass: Text,
    pub aclfile: Text,
    pub acl_pubsub_default: Choice<PubsubDefault>,
    pub acllog_max_len: Int,
    pub enable_protected_configs: Choice<Protected>,
    pub enable_debug_command: Choice<Protected>,
    pub enable_module_command: Choice<Protected>,

    // ---- memory.rs
    /// 0: no limit.
    pub maxmemory: Int,
    pub maxmemory_policy: Choice<MaxmemoryPolicy>,
    pub maxmemory_samples: Int,
    pub maxmemory_eviction_tenacity: Int,
    pub lfu_log_factor: Int,
    /// Minutes.
    pub lfu_decay_time: Int,
    pub active_expire_effort: Int,
    pub activedefrag: Flag,
    pub active_defrag_cycle_min: Int,
    pub active_defrag_cycle_max: Int,
    pub active_defrag_cycle_us: Int,
    pub active_defrag_ignore_bytes: Int,
    pub active_defrag_threshold_lower: Int,
    pub active_defrag_threshold_upper: Int,
    pub lazyfree_lazy_eviction: Flag,
    pub lazyfree_lazy_user_flush: Flag,
    pub tracking_table_max_keys: Int,

    // ---- encoding.rs
    pub hash_max_listpack_entries: Int,
    pub hash_max_listpack_value: Int,
    pub zset_max_listpack_entries: Int,
    pub zset_max_listpack_value: Int,
    pub set_max_intset_entries: Int,
    pub set_max_listpack_entries: Int,
    pub set_max_listpack_value: Int,
    /// Positive: elements a node; -1 to -5: 4, 8, 16, 32 or 64 KiB a node.
    pub list_max_listpack_size: Int,
    pub list_compress_depth: Int,
    pub stream_node_max_bytes: Int,
    pub stream_node_max_entries: Int,
    pub hll_sparse_max_bytes: Int,

    // ---- persistence.rs
    pub save: SavePoints,
    pub dbfilename: Text,
    pub rdbcompression: Flag,
    pub rdbchecksum: Flag,
    pub rdb_save_incremental_fsync: Flag,
    pub rdb_del_sync_files: Flag,
    pub field_expiry_format: Choice<FieldExpiryFormat>,
    pub stop_writes_on_bgsave_error: Flag,
    pub appendonly: Flag,
    pub appendfilename: Text,
    pub appenddirname: Text,
    pub appendfsync: Choice<AppendFsync>,
    pub no_appendfsync_on_rewrite: Flag,
    pub auto_aof_rewrite_percentage: Int,
    pub auto_aof_rewrite_min_size: Int,
    pub aof_load_truncated: Flag,
    pub aof_use_rdb_preamble: Flag,
    pub aof_timestamp_enabled: Flag,
    pub aof_rewrite_incremental_fsync: Flag,
    pub aof_disable_auto_gc: Flag,
    /// Microseconds slept per key while saving, for tests; negative: one in that many keys sleeps a microsecond.
    pub rdb_key_save_delay: Int,
    /// The same while loading.
    pub key_load_delay: Int,

    // ---- replication.rs
    /// Host and port, or nothing. See [`super::Config::replicaof_address`]. REPLICAOF writes it too.
    pub replicaof: List,
    pub masterauth: Text,
    pub masteruser: Text,
    pub replica_serve_stale_data: Flag,
    pub replica_read_only: Flag,
    pub replica_ignore_maxmemory: Flag,
    pub replica_ignore_disk_write_errors: Flag,
    pub replica_priority: Int,
    pub replica_announced: Flag,
    pub replica_announce_ip: Text,
    pub replica_announce_port: Int,
    pub replica_full_sync_buffer_limit: Int,
    pub repl_diskless_sync: Flag,
    pub repl_diskless_sync_delay_secs: Int,
    pub repl_diskless_sync_max_replicas: Int,
    pub repl_diskless_load: Choice<DisklessLoad>,
    pub repl_ping_replica_period_secs: Int,
    pub repl_timeout_secs: Int,
    pub repl_disable_tcp_nodelay: Flag,
    pub repl_backlog_size: Int,
    pub repl_backlog_ttl_secs: Int,
    pub min_replicas_to_write: Int,
    pub min_replicas_max_lag_secs: Int,
    pub propagation_error_behavior: Choice<PropagationError>,

    // ---- observe.rs
    /// Microseconds; -1: nothing is logged.
    pub slowlog_log_slower_than_us: Int,
    pub slowlog_max_len: Int,
    /// Bytes; -1: nothing is logged.
    pub commandlog_request_larger_than: Int,
    pub commandlog_reply_larger_than: Int,
    pub commandlog_large_request_max_len: Int,
    pub commandlog_large_reply_max_len: Int,
    /// 0: off.
    pub latency_monitor_threshold_ms: Int,
    pub latency_tracking: Flag,
    pub latency_tracking_info_percentiles: List,
    /// Bits of [`super::choices::notify`].
    pub notify_keyspace_events: Int,
    /// After how long a running script makes others get BUSY.
    pub busy_reply_threshold_ms: Int,
}
