//! The process: threads, files, log, signals, and how it shows itself to the system.

use super::super::cells::Words;
use super::super::choices::{LogLevel, OomScoreAdj, Supervised, SyslogFacility};
use super::super::row::Row;
use super::super::value::{Kind, Reason, Value};
use super::super::words;
use super::{FLAG, INT_MAX, TEXT};

#[rustfmt::skip]
pub const ROWS: &[Row] = &[
    Row::int("threads", "0", 0, 1024, |f| &f.threads).startup(),
    Row::int("io-threads", "1", 1, 256, |f| &f.io_threads).startup(),
    Row::int("metrics-port", "0", 0, 65535, |f| &f.metrics_port).startup(),
    Row::flag("metrics-page", "no", |f| &f.metrics_page),
    Row::int("databases", "16", 1, INT_MAX, |f| &f.databases).startup(),
    Row::text("dir", ".", |f| &f.dir).protected().deny_loading(),
    Row::flag("daemonize", "no", |f| &f.daemonize).startup(),
    Row::choice("supervised", "no", Supervised::NAMES, |f| f.supervised.cell()).startup(),
    Row::text("pidfile", "", |f| &f.pidfile).startup(),
    Row::choice("loglevel", "notice", LogLevel::NAMES, |f| f.loglevel.cell()),
    Row::text("logfile", "", |f| &f.logfile).startup(),
    Row::flag("syslog-enabled", "no", |f| &f.syslog_enabled).startup(),
    Row::text("syslog-ident", "redis", |f| &f.syslog_ident).startup(),
    Row::choice("syslog-facility", "local0", SyslogFacility::NAMES, |f| f.syslog_facility.cell()).startup(),
    Row::accepted("always-show-logo", "no", FLAG).startup().because("there is no logo"),
    Row::accepted("set-proc-title", "yes", FLAG).startup().because("the title of the process is never changed"),
    Row::accepted("proc-title-template", "{title} {listen-addr} {server-mode}", TEXT).check(title_template)
        .because("the title of the process is never changed"),
    Row::accepted("disable-thp", "yes", FLAG).startup().because("huge pages are never asked for"),
    Row::choice("oom-score-adj", "no", OomScoreAdj::NAMES, |f| f.oom_score_adj.cell()).check(relative_is_yes),
    Row::list("oom-score-adj-values", "0 200 800", words::oom_scores, |f| &f.oom_score_adj_values),
    Row::int("shutdown-timeout", "10", 0, INT_MAX, |f| &f.shutdown_timeout_secs),
    Row::number("shutdown-on-sigint", "default", Kind::ShutdownFlags, |f| &f.shutdown_on_sigint),
    Row::number("shutdown-on-sigterm", "default", Kind::ShutdownFlags, |f| &f.shutdown_on_sigterm),
    Row::int("hz", "10", 0, INT_MAX, |f| &f.hz).check(clamp_hz).only_shown("ten times a second is when there is work"),
    Row::flag("hide-user-data-from-log", "no", |f| &f.hide_user_data_from_log),
    Row::text("availability-zone", "", |f| &f.availability_zone),
    Row::settled("locale-collate", "", TEXT).check(locale),

    Row::accepted("dynamic-hz", "yes", FLAG),
    Row::accepted("io-threads-do-reads", "no", FLAG).hidden().startup(),
    Row::flag("crash-log-enabled", "yes", |f| &f.crash_log_enabled),
    Row::accepted("crash-memcheck-enabled", "yes", FLAG),
    Row::accepted("use-exit-on-panic", "no", FLAG).hidden(),
    Row::accepted("ignore-warnings", "", TEXT),
    Row::accepted("server-cpulist", "", TEXT).aliases(&["server_cpulist"]).startup(),
    Row::accepted("bio-cpulist", "", TEXT).aliases(&["bio_cpulist"]).startup(),
    Row::accepted("bgsave-cpulist", "", TEXT).aliases(&["bgsave_cpulist"]).startup(),
    Row::accepted("aof-rewrite-cpulist", "", TEXT).aliases(&["aof_rewrite_cpulist"]).startup(),
    Row::accepted("prefetch-batch-max-size", "16", Kind::Int { min: 0, max: 128 }),
    Row::accepted("log-format", "legacy", Kind::Choice(&["legacy", "logfmt", "json"])),
    Row::accepted("log-timestamp-format", "legacy", Kind::Choice(&["legacy", "iso8601", "milliseconds"])),
    Row::accepted("hash-seed", "", TEXT).sensitive().startup(),
    Row::accepted("extended-redis-compatibility", "no", FLAG),
    Row::accepted("lua-enable-deprecated-api", "no", FLAG).hidden().startup(),
    Row::accepted("loading-process-events-interval-bytes", "2097152", Kind::Int { min: 1024, max: INT_MAX }).hidden(),
];

/// Redis 7.0 takes any number and works with the nearest it can.
fn clamp_hz(value: Value) -> Result<Value, Reason> {
    Ok(match value {
        Value::Int(n) => Value::Int(n.clamp(1, 500)),
        other => other,
    })
}

/// Two words for one thing; CONFIG GET shows the first.
fn relative_is_yes(value: Value) -> Result<Value, Reason> {
    Ok(match value {
        Value::Int(n) if n == OomScoreAdj::Relative as i64 => Value::Int(OomScoreAdj::Yes as i64),
        other => other,
    })
}

/// The words in braces that a title may hold.
pub const TITLE_WORDS: &[&str] =
    &["title", "listen-addr", "server-mode", "port", "tls-port", "unixsocket", "config-file"];

fn title_template(value: Value) -> Result<Value, Reason> {
    let Value::Text(text) = &value else { return Ok(value) };
    let text = String::from_utf8_lossy(text);
    let mut rest = text.as_ref();
    while let Some((_, after)) = rest.split_once('{') {
        match after.split_once('}') {
            Some((word, tail)) if TITLE_WORDS.contains(&word) => rest = tail,
            _ => return Err("template format is invalid or contains unknown variables".into()),
        }
    }
    Ok(value)
}

/// Only the locales that order bytes as bytes: SORT ALPHA compares bytes here.
fn locale(value: Value) -> Result<Value, Reason> {
    let Value::Text(text) = &value else { return Ok(value) };
    match text.as_slice() {
        b"" | b"C" | b"POSIX" | b"C.UTF-8" | b"C.utf8" => Ok(value),
        _ => Err("Invalid locale name".into()),
    }
}
