//! INFO as Prometheus reads it, under the names of redis_exporter, which dashboards and alerts already know.

use super::{Source, render};
use crate::resp::OwnedArgs;
use std::fmt::Write as _;

/// Field of INFO, name of the metric, whether it only ever grows.
const FIELDS: &[(&str, &str, bool)] = &[
    ("uptime_in_seconds", "uptime_in_seconds", false),
    ("connected_clients", "connected_clients", false),
    ("blocked_clients", "blocked_clients", false),
    ("maxclients", "config_maxclients", false),
    ("used_memory", "memory_used_bytes", false),
    ("used_memory_rss", "memory_used_rss_bytes", false),
    ("used_memory_peak", "memory_used_peak_bytes", false),
    ("used_memory_dataset", "memory_used_dataset_bytes", false),
    ("used_memory_overhead", "memory_used_overhead_bytes", false),
    ("used_memory_startup", "memory_used_startup_bytes", false),
    ("maxmemory", "memory_max_bytes", false),
    ("mem_fragmentation_ratio", "mem_fragmentation_ratio", false),
    ("mem_clients_normal", "mem_clients_normal", false),
    ("mem_clients_slaves", "mem_clients_slaves", false),
    ("lazyfree_pending_objects", "lazyfree_pending_objects", false),
    ("loading", "loading_dump_file", false),
    ("rdb_changes_since_last_save", "rdb_changes_since_last_save", false),
    ("rdb_last_save_time", "rdb_last_save_timestamp_seconds", false),
    ("rdb_bgsave_in_progress", "rdb_bgsave_in_progress", false),
    ("aof_enabled", "aof_enabled", false),
    ("aof_rewrite_in_progress", "aof_rewrite_in_progress", false),
    ("total_connections_received", "connections_received_total", true),
    ("total_commands_processed", "commands_processed_total", true),
    ("instantaneous_ops_per_sec", "instantaneous_ops_per_sec", false),
    ("total_net_input_bytes", "net_input_bytes_total", true),
    ("total_net_output_bytes", "net_output_bytes_total", true),
    ("rejected_connections", "rejected_connections_total", true),
    ("expired_keys", "expired_keys_total", true),
    ("evicted_keys", "evicted_keys_total", true),
    ("evicted_clients", "evicted_clients_total", true),
    ("keyspace_hits", "keyspace_hits_total", true),
    ("keyspace_misses", "keyspace_misses_total", true),
    ("pubsub_channels", "pubsub_channels", false),
    ("pubsub_patterns", "pubsub_patterns", false),
    ("total_error_replies", "total_error_replies", true),
    ("acl_access_denied_auth", "acl_access_denied_auth_total", true),
    ("acl_access_denied_cmd", "acl_access_denied_cmd_total", true),
    ("acl_access_denied_key", "acl_access_denied_key_total", true),
    ("acl_access_denied_channel", "acl_access_denied_channel_total", true),
    ("connected_slaves", "connected_slaves", false),
    ("master_repl_offset", "master_repl_offset", false),
    ("used_cpu_sys", "cpu_sys_seconds_total", true),
    ("used_cpu_user", "cpu_user_seconds_total", true),
];

/// All metrics as a text of version 0.0.4. For [`Source`], see there.
pub fn metrics(source: &mut Source<'_>) -> String {
    let started_s = source.engine.started_ms / 1000;
    let info = render(source, OwnedArgs::new(["everything"]).args());
    let mut out = Page(String::with_capacity(info.len() * 2));
    out.metric("up", false, &[("", "1".to_owned())]);
    out.metric("start_time_seconds", false, &[("", started_s.to_string())]);
    let fields: Vec<(&str, &str)> = info.lines().filter_map(|l| l.split_once(':')).collect();
    let field = |name: &str| fields.iter().find(|(n, _)| *n == name).map(|(_, value)| *value);
    for (name, metric, grows) in FIELDS {
        if let Some(value) = field(name) {
            out.metric(metric, *grows, &[("", value.to_owned())]);
        }
    }
    let about = ["redis_version", "redis_mode", "role", "os", "maxmemory_policy", "run_id"];
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
    out.parts("errors_total", "err", &below("errorstat_"), "count", 1.0);
    let is_database = |(name, _): &&(&str, &str)| {
        name.strip_prefix("db").is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
    };
    let databases: Vec<(&str, &str)> = fields.iter().filter(is_database).copied().collect();
    out.parts("db_keys", "db", &databases, "keys", 1.0);
    out.parts("db_keys_expiring", "db", &databases, "expires", 1.0);
    out.parts("db_avg_ttl_seconds", "db", &databases, "avg_ttl", 1e-3);
    out.0
}

struct Page(String);

impl Page {
    /// Labels (without braces; none: empty) and values of one metric.
    fn metric(&mut self, name: &str, grows: bool, values: &[(&str, String)]) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.0, "# TYPE redis_{name} {}", if grows { "counter" } else { "gauge" });
        for (labels, value) in values {
            let labels = if labels.is_empty() { String::new() } else { format!("{{{labels}}}") };
            let _ = writeln!(self.0, "redis_{name}{labels} {value}");
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
        if !values.is_empty() {
            self.metric(name, name.ends_with("_total"), &values);
        }
    }
}

/// A label's value.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}
