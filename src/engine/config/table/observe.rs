//! What the server tells about itself: slow commands, latency, keyspace events.

use super::super::row::Row;
use super::super::value::Kind;
use super::super::words;

#[rustfmt::skip]
pub const ROWS: &[Row] = &[
    Row::int("slowlog-log-slower-than", "10000", -1, i64::MAX, |f| &f.slowlog_log_slower_than_us)
        .aliases(&["commandlog-execution-slower-than"]),
    Row::int("slowlog-max-len", "128", 0, i64::MAX, |f| &f.slowlog_max_len).aliases(&["commandlog-slow-execution-max-len"]),
    Row::int("latency-monitor-threshold", "0", 0, i64::MAX, |f| &f.latency_monitor_threshold_ms),
    Row::flag("latency-tracking", "yes", |f| &f.latency_tracking),
    Row::list("latency-tracking-info-percentiles", "50 99 99.9", words::percentiles, |f| &f.latency_tracking_info_percentiles),
    Row::number("notify-keyspace-events", "", Kind::NotifyFlags, |f| &f.notify_keyspace_events),
    Row::int("busy-reply-threshold", "5000", 0, i64::MAX, |f| &f.busy_reply_threshold_ms).aliases(&["lua-time-limit"]),
    Row::int("commandlog-large-reply-max-len", "128", 0, i64::MAX, |f| &f.commandlog_large_reply_max_len),
    Row::int("commandlog-large-request-max-len", "128", 0, i64::MAX, |f| &f.commandlog_large_request_max_len),
    Row::int("commandlog-reply-larger-than", "1048576", -1, i64::MAX, |f| &f.commandlog_reply_larger_than),
    Row::int("commandlog-request-larger-than", "1048576", -1, i64::MAX, |f| &f.commandlog_request_larger_than),
];
