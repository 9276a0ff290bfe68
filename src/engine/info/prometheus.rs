//! INFO as Prometheus reads it, under the names of redis_exporter, which dashboards and alerts already know.

use super::{Source, render};
use crate::engine::commandlog::Log;
use crate::engine::{Engine, table};
use crate::resp::OwnedArgs;
use std::fmt::Write as _;

/// Fields of INFO that go up and down; behind a colon the metric's name, if it is another.
const GAUGES: &str = "
    uptime_in_seconds process_id
    io_threads_active
    connected_clients blocked_clients tracking_clients maxclients:max_clients maxclients:config_maxclients
    pubsub_clients watching_clients clients_in_timeout_table total_watched_keys total_blocking_keys
    client_recent_max_output_buffer:client_recent_max_output_buffer_bytes
    client_recent_max_input_buffer:client_recent_max_input_buffer_bytes
    allocator_active:allocator_active_bytes allocator_allocated:allocator_allocated_bytes
    allocator_resident:allocator_resident_bytes allocator_frag_ratio allocator_frag_bytes allocator_rss_ratio
    allocator_rss_bytes
    used_memory:memory_used_bytes used_memory_rss:memory_used_rss_bytes used_memory_peak:memory_used_peak_bytes
    used_memory_lua:memory_used_lua_bytes used_memory_overhead:memory_used_overhead_bytes
    used_memory_startup:memory_used_startup_bytes used_memory_dataset:memory_used_dataset_bytes
    used_memory_scripts:memory_used_scripts_bytes used_memory_vm_eval:memory_used_vm_eval_bytes
    used_memory_vm_functions:memory_used_vm_functions_bytes number_of_cached_scripts number_of_functions
    number_of_libraries
    maxmemory:memory_max_bytes maxmemory:config_maxmemory total_system_memory:total_system_memory_bytes
    mem_fragmentation_ratio mem_fragmentation_bytes mem_clients_slaves mem_clients_normal mem_cluster_links
    mem_aof_buffer mem_replication_backlog mem_total_replication_buffers
    mem_not_counted_for_evict:mem_not_counted_for_eviction_bytes
    expired_stale_perc:expired_stale_percentage lazyfree_pending_objects lazyfreed_objects active_defrag_running
    migrate_cached_sockets:migrate_cached_sockets_total
    active_defrag_hits:defrag_hits active_defrag_misses:defrag_misses active_defrag_key_hits:defrag_key_hits
    active_defrag_key_misses:defrag_key_misses expired_time_cap_reached_count:expired_time_cap_reached_total
    loading:loading_dump_file async_loading rdb_changes_since_last_save rdb_bgsave_in_progress
    rdb_last_save_time:rdb_last_save_timestamp_seconds rdb_last_bgsave_status
    rdb_last_bgsave_time_sec:rdb_last_bgsave_duration_sec rdb_current_bgsave_time_sec:rdb_current_bgsave_duration_sec
    rdb_last_cow_size:rdb_last_cow_size_bytes rdb_last_load_keys_expired:rdb_last_load_expired_keys
    rdb_last_load_keys_loaded:rdb_last_load_loaded_keys
    aof_enabled aof_rewrite_in_progress aof_rewrite_scheduled aof_last_rewrite_time_sec:aof_last_rewrite_duration_sec
    aof_current_rewrite_time_sec:aof_current_rewrite_duration_sec aof_last_cow_size:aof_last_cow_size_bytes
    aof_current_size:aof_current_size_bytes aof_base_size:aof_base_size_bytes aof_pending_rewrite aof_buffer_length
    aof_rewrite_buffer_length aof_pending_bio_fsync aof_delayed_fsync aof_last_bgrewrite_status
    aof_last_write_status module_fork_in_progress module_fork_last_cow_size
    instantaneous_ops_per_sec instantaneous_input_kbps instantaneous_output_kbps
    pubsub_channels pubsub_patterns pubsubshard_channels latest_fork_usec
    tracking_total_keys tracking_total_items tracking_total_prefixes
    connected_slaves repl_backlog_size:replication_backlog_bytes repl_backlog_active:repl_backlog_is_active
    repl_backlog_first_byte_offset repl_backlog_histlen:repl_backlog_history_bytes master_repl_offset
    second_repl_offset slave_expires_tracked_keys slave_priority slave_repl_offset sync_full:replica_resyncs_full
    sync_partial_ok:replica_partial_resync_accepted sync_partial_err:replica_partial_resync_denied
    cluster_enabled
";

/// Likewise, those that only ever grow.
const COUNTERS: &str = "
    total_connections_received:connections_received_total total_commands_processed:commands_processed_total
    rejected_connections:rejected_connections_total total_net_input_bytes:net_input_bytes_total
    total_net_output_bytes:net_output_bytes_total total_net_repl_input_bytes:net_repl_input_bytes_total
    total_net_repl_output_bytes:net_repl_output_bytes_total expired_keys:expired_keys_total
    expired_subkeys:expired_subkeys_total evicted_keys:evicted_keys_total evicted_clients:evicted_clients_total
    evicted_scripts:evicted_scripts_total total_eviction_exceeded_time:eviction_exceeded_time_ms_total
    keyspace_hits:keyspace_hits_total keyspace_misses:keyspace_misses_total rdb_saves:rdb_saves_total
    eventloop_cycles:eventloop_cycles_total eventloop_duration_sum:eventloop_duration_sum_usec_total
    eventloop_duration_cmd_sum:eventloop_duration_cmd_sum_usec_total
    total_error_replies unexpected_error_replies total_reads_processed total_writes_processed
    acl_access_denied_auth:acl_access_denied_auth_total acl_access_denied_cmd:acl_access_denied_cmd_total
    acl_access_denied_key:acl_access_denied_key_total acl_access_denied_channel:acl_access_denied_channel_total
    used_cpu_sys:cpu_sys_seconds_total used_cpu_user:cpu_user_seconds_total
    used_cpu_sys_children:cpu_sys_children_seconds_total used_cpu_user_children:cpu_user_children_seconds_total
    used_cpu_sys_main_thread:cpu_sys_main_thread_seconds_total
    used_cpu_user_main_thread:cpu_user_main_thread_seconds_total
";

/// All metrics as a text of version 0.0.4. For [`Source`], see there.
pub fn metrics(source: &mut Source<'_>) -> String {
    let started_s = source.engine.started_ms / 1000;
    let info = render(source, OwnedArgs::new(["everything"]).args());
    let mut out = Page { text: String::with_capacity(info.len() * 2), quantiles: Vec::new() };
    out.metric("up", false, &[("", "1".to_owned())]);
    out.metric("start_time_seconds", false, &[("", started_s.to_string())]);
    let fields: Vec<(&str, &str)> = info.lines().filter_map(|l| l.split_once(':')).collect();
    let field = |name: &str| fields.iter().find(|(n, _)| *n == name).map(|(_, value)| *value);
    for (list, grows) in [(GAUGES, false), (COUNTERS, true)] {
        for word in list.split_whitespace() {
            let (name, metric) = word.split_once(':').unwrap_or((word, word));
            if let Some(value) = field(name).and_then(number) {
                out.metric(metric, grows, &[("", value)]);
            }
        }
    }
    let about = [
        "role",
        "redis_version",
        "redis_build_id",
        "redis_mode",
        "os",
        "maxmemory_policy",
        "tcp_port",
        "run_id",
        "process_id",
        "rustredis_version",
    ];
    let about: Vec<String> = about.iter().map(|n| format!("{n}=\"{}\"", escaped(field(n).unwrap_or("")))).collect();
    out.metric("instance_info", false, &[(&about.join(","), "1".to_owned())]);
    let below = |prefix: &str| -> Vec<(&str, &str)> {
        fields.iter().filter_map(|(n, v)| Some((n.strip_prefix(prefix)?, *v))).collect()
    };
    let commands = below("cmdstat_");
    out.parts("commands_total", "cmd", &commands, "calls", 1.0);
    out.parts("commands_duration_seconds_total", "cmd", &commands, "usec", 1e-6);
    out.parts("commands_rejected_calls_total", "cmd", &commands, "rejected_calls", 1.0);
    out.parts("commands_failed_calls_total", "cmd", &commands, "failed_calls", 1.0);
    for (name, row) in below("latency_percentiles_usec_") {
        let command = escaped(name);
        let part = |p: &str| {
            let (percent, us) = p.strip_prefix('p')?.split_once('=')?;
            let quantile = percent.parse::<f64>().ok()? / 100.0;
            Some((format!("cmd=\"{command}\",quantile=\"{quantile}\""), us.to_owned()))
        };
        let values: Vec<(String, String)> = row.split(',').filter_map(part).collect();
        out.quantiles.extend(values);
    }
    let quantiles = std::mem::take(&mut out.quantiles);
    let values: Vec<(&str, String)> = quantiles.iter().map(|(l, v)| (l.as_str(), v.clone())).collect();
    out.metric("latency_percentiles_usec", false, &values);
    latencies(&mut out, source.engine, &commands);
    replicas(&mut out, &fields);
    slow_log(&mut out, source.engine);
    spikes(&mut out, source.engine);
    out.parts("errors_total", "err", &below("errorstat_"), "count", 1.0);
    let is_database = |(name, _): &&(&str, &str)| {
        name.strip_prefix("db").is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
    };
    let databases: Vec<(&str, &str)> = fields.iter().filter(is_database).copied().collect();
    out.parts("db_keys", "db", &databases, "keys", 1.0);
    out.parts("db_keys_expiring", "db", &databases, "expires", 1.0);
    out.parts("db_avg_ttl_seconds", "db", &databases, "avg_ttl", 1e-3);
    out.text
}

/// A number as it is; what INFO says in words is 1 if all is well.
fn number(value: &str) -> Option<String> {
    let value = value.trim_end_matches('%');
    match value {
        "ok" | "yes" => Some("1".to_owned()),
        "err" | "no" | "fail" => Some("0".to_owned()),
        _ => value.parse::<f64>().is_ok().then(|| value.to_owned()),
    }
}

/// A histogram for each command that was called, as LATENCY HISTOGRAM tells it. Every step up to the slowest call is there, empty
/// ones too: rates need them from the beginning.
fn latencies(out: &mut Page, engine: &Engine, commands: &[(&str, &str)]) {
    let mut rows = Vec::new();
    for command in table::all() {
        let Some(histogram) = engine.histogram(command) else { continue };
        let (name, calls) = (escaped(&command.name), histogram.count());
        let mut at_most = 0;
        let mut steps = histogram.doublings().into_iter().peekable();
        for step_us in (0..).map(|power| (1024u64 << power) / 1000) {
            let Some((us, seen)) = steps.peek().copied() else { break };
            if us == step_us {
                (at_most, _) = (seen, steps.next());
            }
            rows.push((format!("_bucket{{cmd=\"{name}\",le=\"{step_us}\"}}"), at_most.to_string()));
        }
        let row = commands.iter().find(|(n, _)| *n == command.name).map_or("", |(_, row)| *row);
        let us = row.split(',').find_map(|p| p.strip_prefix("usec=")).unwrap_or("0");
        rows.push((format!("_bucket{{cmd=\"{name}\",le=\"+Inf\"}}"), calls.to_string()));
        rows.push((format!("_sum{{cmd=\"{name}\"}}"), us.to_owned()));
        rows.push((format!("_count{{cmd=\"{name}\"}}"), calls.to_string()));
    }
    if !rows.is_empty() {
        let _ = writeln!(out.text, "# TYPE redis_commands_latencies_usec histogram");
    }
    for (name, value) in rows {
        let _ = writeln!(out.text, "redis_commands_latencies_usec{name} {value}");
    }
}

/// Our replicas, and the link to our primary.
fn replicas(out: &mut Page, fields: &[(&str, &str)]) {
    let of = |row: &str, part: &str| {
        let found = row.split(',').find_map(|p| p.strip_prefix(part)?.strip_prefix('='));
        escaped(found.unwrap_or_default())
    };
    let is_replica =
        |name: &str| name.strip_prefix("slave").is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()));
    for (metric, part) in [("connected_slave_offset_bytes", "offset"), ("connected_slave_lag_seconds", "lag")] {
        let rows = fields.iter().filter(|(name, _)| is_replica(name)).map(|(_, row)| {
            let labels = [("slave_ip", "ip"), ("slave_port", "port"), ("slave_state", "state")];
            (labels.map(|(label, p)| format!("{label}=\"{}\"", of(row, p))).join(","), of(row, part))
        });
        let rows: Vec<(String, String)> = rows.collect();
        let values: Vec<(&str, String)> = rows.iter().map(|(l, v)| (l.as_str(), v.clone())).collect();
        out.metric(metric, false, &values);
    }
    let field = |name: &str| fields.iter().find(|(n, _)| *n == name).map(|(_, value)| *value);
    let (Some(host), Some(port)) = (field("master_host"), field("master_port")) else { return };
    let labels = format!("master_host=\"{}\",master_port=\"{}\"", escaped(host), escaped(port));
    let up = u8::from(field("master_link_status") == Some("up"));
    out.metric("master_link_up", false, &[(&labels, up.to_string())]);
    for (name, metric) in [
        ("master_sync_in_progress", "master_sync_in_progress"),
        ("master_last_io_seconds_ago", "master_last_io_seconds_ago"),
    ] {
        if let Some(value) = field(name).and_then(number) {
            out.metric(metric, false, &[(&labels, value)]);
        }
    }
}

fn slow_log(out: &mut Page, engine: &Engine) {
    let logs = &engine.command_logs;
    let last = logs.newest(Log::Slow, 1);
    let last = last.first();
    out.metric("slowlog_length", false, &[("", logs.len(Log::Slow).to_string())]);
    out.metric("slowlog_last_id", false, &[("", last.map_or(0, |e| e.id).to_string())]);
    let seconds = last.map_or(0.0, |e| e.value as f64 / 1e6);
    out.metric("last_slow_execution_duration_seconds", false, &[("", seconds.to_string())]);
}

/// The latency monitor's events: when each was last slow, and for how long.
fn spikes(out: &mut Page, engine: &Engine) {
    let all = engine.latencies.all();
    let last = |of: fn((i64, u64)) -> f64| -> Vec<(String, String)> {
        let event = |(name, e): &(&str, crate::engine::latency::Event)| {
            Some((format!("event_name=\"{name}\""), of(*e.samples.back()?).to_string()))
        };
        all.iter().filter_map(event).collect()
    };
    for (metric, rows) in [
        ("latency_spike_last", last(|(at_s, _)| at_s as f64)),
        ("latency_spike_duration_seconds", last(|(_, ms)| ms as f64 / 1e3)),
    ] {
        let values: Vec<(&str, String)> = rows.iter().map(|(l, v)| (l.as_str(), v.clone())).collect();
        out.metric(metric, false, &values);
    }
}

struct Page {
    text: String,
    quantiles: Vec<(String, String)>,
}

impl Page {
    /// Labels (without braces; none: empty) and values of one metric.
    fn metric(&mut self, name: &str, grows: bool, values: &[(&str, String)]) {
        if values.is_empty() {
            return;
        }
        // Writing to a string cannot fail.
        let _ = writeln!(self.text, "# TYPE redis_{name} {}", if grows { "counter" } else { "gauge" });
        for (labels, value) in values {
            let labels = if labels.is_empty() { String::new() } else { format!("{{{labels}}}") };
            let _ = writeln!(self.text, "redis_{name}{labels} {value}");
        }
    }

    /// A metric with a value for each of `rows`, which read `part=value,…`.
    fn parts(&mut self, name: &str, label: &str, rows: &[(&str, &str)], part: &str, scale: f64) {
        let value = |row: &str| {
            let found = row.split(',').find_map(|p| p.strip_prefix(part)?.strip_prefix('='));
            found.and_then(|v| v.parse::<f64>().ok()).map(|v| (v * scale).to_string())
        };
        let labelled: Vec<(String, String)> =
            rows.iter().filter_map(|(key, row)| Some((format!("{label}=\"{}\"", escaped(key)), value(row)?))).collect();
        let values: Vec<(&str, String)> = labelled.iter().map(|(l, v)| (l.as_str(), v.clone())).collect();
        self.metric(name, name.ends_with("_total"), &values);
    }
}

/// A label's value.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}
