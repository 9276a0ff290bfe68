//! What servers tell of themselves and of their clients, and whom they let do what, in the same states beside Redis 7.0 and Valkey
//! 9.1: scenarios ([`scenario`] has their language) whose replies are compared field by field. What is masked is said here.

mod common;
#[path = "sight/scenario.rs"]
mod scenario;

use common::Node;

/// What no two servers, or no two moments, have in common in a client's line; and what one of the peers does not know.
const OF_CLIENTS: &[&str] = &[
    "id",
    "addr",
    "laddr",
    "fd",
    "age",
    "idle", // this connection
    "qbuf-free",
    "rbs",
    "rbp",
    "tot-mem",
    "argv-mem",
    "multi-mem", // what its buffers take
    "io-thread",
    "tot-net-in",
    "tot-net-out", // bytes differ with the length of a reply's texts
    "capa",        // Valkey's
];

/// A client's line as `field=value`, without what differs.
fn client(line: &str, fields: &[&str]) -> String {
    let kept = |field: &&str| {
        let name = field.split_once('=').map_or("", |(name, _)| name);
        !OF_CLIENTS.contains(&name) && (fields.is_empty() || fields.contains(&name))
    };
    line.split(' ').filter(kept).collect::<Vec<_>>().join(" ")
}

/// Fields that Redis 7.0 knows.
const OLD: &[&str] = &[
    "name", "flags", "db", "sub", "psub", "ssub", "multi", "obl", "oll", "omem", "events", "cmd", "user", "redir",
    "resp",
];

fn clients(line: &str, reply: &mut Node) {
    if !line.contains("CLIENT LIST") && !line.contains("CLIENT INFO") {
        return;
    }
    let fields = if line.contains(":r") { OLD } else { &[] };
    let text = reply.string();
    let mut lines: Vec<String> = text.lines().map(|line| client(line, fields)).collect();
    // Those that look on have no name; and what Redis 7.0 does not know it refused.
    let later = ["name=nnotouch ", "name=nlib "];
    lines.retain(|line| {
        !line.contains("name= ") && (fields.is_empty() || !later.iter().any(|name| line.contains(name)))
    });
    if fields.is_empty() {
        // Valkey counts no commands where Redis says that there is no transaction.
        lines.iter_mut().for_each(|line| *line = line.replace(" multi=-1 ", " multi=0 "));
    }
    lines.sort();
    reply.text = lines.join("\n").into_bytes();
}

#[test]
fn clients_in_every_state() {
    scenario::play("clients", include_str!("sight/clients.txt"), "", clients);
}

/// What an ACL refusal was called before 7.2, what only Valkey or only 8.0 shows of a user, and who and when in ACL LOG.
fn users(_: &str, reply: &mut Node) {
    let mut at = 0;
    while at < reply.items.len() {
        match reply.items[at].text.as_slice() {
            b"databases" | b"age-seconds" => drop(reply.items.drain(at..at + 2)),
            b"entry-id" | b"timestamp-created" | b"timestamp-last-updated" if at > 10 => {
                drop(reply.items.drain(at..at + 2));
            }
            b"client-info" => {
                let shown =
                    client(&reply.items[at + 1].string(), &["flags", "db", "sub", "psub", "cmd", "user", "resp"]);
                reply.items[at + 1].text = shown.into_bytes();
                at += 2;
            }
            b"sanitize-payload" | b"skip-sanitize-payload" => drop(reply.items.remove(at)),
            _ => {
                users("", &mut reply.items[at]);
                at += 1;
            }
        }
    }
    let mut text = reply.string();
    for (old, new) in [
        (" sanitize-payload", ""),
        ("NOPERM this user has no permissions to access one of the keys used as arguments", NO_KEY),
        ("NOPERM this user has no permissions to access one of the channels used as arguments", NO_CHANNEL),
        ("This user has no permissions", "User u has no permissions"),
        ("User v has no permissions", "User u has no permissions"),
        ("User default has no permissions", "User u has no permissions"),
        ("This Redis instance", "This instance"),
    ] {
        text = text.replace(old, new);
    }
    if let Some(rest) = text.strip_prefix("NOPERM this user has no permissions to run the '") {
        let name = rest.split('\'').next().unwrap_or_default();
        text = format!("NOPERM User u has no permissions to run the '{name}' command");
    }
    if let Some(at) = text.find("rustredis-sight-") {
        // The file's name ends with its server's.
        let end = text[at..].find(':').map_or(text.len(), |n| at + n);
        let name = text[at..end].to_owned();
        text = text.replace(&name, "FILE");
    }
    if !reply.null {
        reply.text = text.into_bytes();
    }
}

const NO_KEY: &str = "NOPERM No permissions to access a key";
const NO_CHANNEL: &str = "NOPERM No permissions to access a channel";

#[test]
fn rules_of_users() {
    scenario::play("rules", include_str!("sight/rules.txt"), "", users);
}

#[test]
fn keys_of_every_kind_of_command() {
    scenario::play("keys", include_str!("sight/keys.txt"), "", users);
}

#[test]
fn refusals_and_whoever_is_cut_off() {
    scenario::play("refusals", include_str!("sight/refusals.txt"), "", users);
}

#[test]
fn files_of_users() {
    scenario::play("files", include_str!("sight/files.txt"), "--aclfile FILE", users);
}

/// Times, and texts that are our own words.
fn logs(line: &str, reply: &mut Node) {
    let newest = reply.items.first().and_then(|entry| entry.items.first()).and_then(Node::int);
    let is = |part: &str| line.contains(part);
    if is("SLOWLOG GET") {
        for entry in reply.items.iter_mut().filter(|entry| entry.items.len() == 6) {
            let age = newest.zip(entry.items[0].int()).map_or(0, |(newest, id)| newest - id);
            entry.items[0].text = age.to_string().into_bytes();
            for i in [1, 2, 4] {
                entry.items[i].text.clear();
            }
        }
    } else if is("LATENCY LATEST") {
        // Event, time, last, worst; Valkey tells more.
        reply.items.iter_mut().for_each(|event| event.items.truncate(1));
    } else if is("LATENCY HISTORY") {
        // Seconds and milliseconds.
        reply.items.iter_mut().flat_map(|sample| &mut sample.items).for_each(|n| n.text.clear());
    } else if is("LATENCY HISTOGRAM") {
        reply.sort(2);
        for of in reply.items.iter_mut().skip(1).step_by(2) {
            // How often it was called, and that there is a histogram.
            of.items.iter_mut().skip(3).for_each(|buckets| buckets.items.truncate(0));
        }
    } else if is("LATENCY GRAPH") && !reply.is_error() {
        // The first line tells the extremes, the last line how long ago.
        let text = reply.string();
        let first = text.split(" - ").next().unwrap_or_default().to_owned();
        reply.text = first.into_bytes();
    } else if is("DOCTOR") && !reply.is_error() {
        // The diagnosis is in our own words, the figures are not: `1. event: n latency spikes (`.
        let text = reply.string();
        let found = text.lines().filter(|line| line.starts_with(|c: char| c.is_ascii_digit()));
        let events: Vec<&str> = found.map(|line| line.split(" (").next().unwrap_or_default()).collect();
        reply.text = events.join("\n").into_bytes();
    } else if line.ends_with("?") {
        // MONITOR: the time, and the port of the client.
        let text = reply.string();
        let rest = text.split_once(" [").map_or(text.as_str(), |(_, rest)| rest);
        let (who, what) = rest.split_once("] ").unwrap_or(("", rest));
        let who = if who.ends_with("lua") { "lua" } else { "a client" };
        reply.text = format!("{who} {what}").into_bytes();
    }
}

#[test]
fn slow_commands_latencies_and_monitors() {
    // A machine that stands still for a quarter of a second makes any command a slow one.
    common::in_one_of(5, |_| scenario::play("logs", include_str!("sight/logs.txt"), "", logs));
}

/// INFO: the fields that count, without what depends on the machine, on time, or on how memory is kept.
fn info(line: &str, reply: &mut Node) {
    if !line.contains("INFO") {
        return;
    }
    let text = reply.string();
    let known: &[&[&str]] = if line.contains(":r") { &[COUNTED] } else { &[COUNTED, COUNTED_LATER] };
    let counts = |line: &&str| {
        let name = line.split(':').next().unwrap_or_default();
        let begins = |prefix: &&str| name.starts_with(prefix);
        // Looking on asks for the former, as often as it takes. Who waits is counted at once as in 7.0, and later in Valkey.
        let shaky = ["cmdstat_client|list", "cmdstat_blpop", "cmdstat_wait"];
        !shaky.contains(&name) && (known.concat().contains(&name) || BEGINNINGS.iter().any(begins))
    };
    let without_times = |line: &str| {
        let timeless = |part: &&str| !["usec", "avg_ttl", "subexpiry", "keys_with"].iter().any(|t| part.starts_with(t));
        line.split(',').filter(timeless).collect::<Vec<_>>().join(",")
    };
    let mut lines: Vec<String> = text.lines().filter(counts).map(without_times).collect();
    // `cmdstat_get:calls=1,usec=…`
    lines.iter_mut().for_each(|line| *line = line.trim_end_matches(',').to_owned());
    lines.sort();
    reply.text = lines.join("\n").into_bytes();
}

/// Names that Redis 7.0 has, too.
const COUNTED: &[&str] = &[
    "blocked_clients",
    "tracking_clients",
    "clients_in_timeout_table",
    "pubsub_channels",
    "pubsub_patterns",
    "keyspace_hits",
    "keyspace_misses",
    "expired_keys",
    "evicted_keys",
    "evicted_clients",
    "rejected_connections",
    "unexpected_error_replies",
    "total_error_replies",
    "number_of_cached_scripts",
    "number_of_functions",
    "number_of_libraries",
    "tracking_total_keys",
    "tracking_total_items",
    "tracking_total_prefixes",
    "dump_payload_sanitizations",
    "sync_full",
    "sync_partial_ok",
    "sync_partial_err",
    "role",
    "connected_slaves",
    "loading",
    "aof_enabled",
    "cluster_enabled",
    "maxmemory_policy",
    "maxclients",
    "slave_expires_tracked_keys",
    "rdb_bgsave_in_progress",
    "rdb_last_bgsave_status",
    "rdb_saves",
    "aof_last_write_status",
    "aof_rewrite_in_progress",
    "migrate_cached_sockets",
    "active_defrag_running",
    "lazyfree_pending_objects",
];

/// Those that came later, compared with Valkey.
const COUNTED_LATER: &[&str] = &[
    "pubsub_clients",
    "watching_clients",
    "total_watched_keys",
    "total_blocking_keys",
    "total_blocking_keys_on_nokey",
    "pubsubshard_channels",
    "acl_access_denied_auth",
    "acl_access_denied_cmd",
    "acl_access_denied_key",
    "acl_access_denied_channel",
];

/// Names of many.
const BEGINNINGS: &[&str] = &["errorstat_", "cmdstat_", "db"];

#[test]
fn what_info_counts() {
    scenario::play("info", include_str!("sight/info.txt"), "", info);
}
