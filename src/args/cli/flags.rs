//! Every flag of `cli`, with what it does to the [`Options`].

use super::{Mode, Options, Output};
use crate::client::{Addr, Family, Tls, uri};
use std::{ffi::OsString, os::unix::ffi::OsStringExt, path::PathBuf, time::Duration};

type Set = fn(&mut Options, Vec<u8>) -> Result<(), String>;

/// One flag. `value` is empty if it takes none.
pub struct Flag {
    pub name: &'static str,
    pub value: &'static str,
    pub help: &'static str,
    /// Takes the value, or none, to what was asked; an error is a sentence for people.
    pub(super) set: Set,
}

const fn flag(name: &'static str, value: &'static str, help: &'static str, set: Set) -> Flag {
    Flag { name, value, help, set }
}

/// C's `atoi` and `strtol`: leading digits count, anything else is 0. Scripts that rely on it must not notice.
fn number(value: &[u8]) -> i64 {
    let text = value.trim_ascii_start();
    let end = text.iter().enumerate().position(|(i, b)| !(b.is_ascii_digit() || i == 0 && (*b == b'-' || *b == b'+')));
    std::str::from_utf8(&text[..end.unwrap_or(text.len())]).ok().and_then(|digits| digits.parse().ok()).unwrap_or(0)
}

fn positive(value: &[u8]) -> u64 {
    number(value).max(0).unsigned_abs()
}

fn text(value: Vec<u8>) -> String {
    String::from_utf8_lossy(&value).into_owned()
}

fn path(value: Vec<u8>) -> PathBuf {
    PathBuf::from(OsString::from_vec(value))
}

fn tls(o: &mut Options) -> &mut Tls {
    &mut o.target.tls
}

fn quoted(value: &[u8]) -> Result<Vec<u8>, String> {
    match crate::resp::inline::split_args(value).as_deref() {
        Some([one]) => Ok(one.clone()),
        _ => Err("Invalid quoted string specified for --quoted-pattern.".into()),
    }
}

/// Every flag, by subject.
#[rustfmt::skip]
pub const GROUPS: &[(&str, &[Flag])] = &[
    ("Where to", &[
        flag("-h", "HOST", "Server's host [127.0.0.1]", |o, v| {
            o.target.addr.set_host(text(v));
            Ok(())
        }),
        flag("-p", "PORT", "Server's port [6379]", |o, v| {
            let n = number(&v);
            let port = u16::try_from(n).map_err(|_| "Invalid server port.".to_owned())?;
            o.target.addr.set_port(port);
            Ok(())
        }),
        flag("-s", "SOCKET", "A Unix socket, instead of host and port", |o, v| { o.target.addr = Addr::Unix(path(v)); Ok(()) }),
        flag("-u", "URI", "redis://[[user:]password@]host[:port][/db], rediss://, unix://path", |o, v| {
            let socket = Some(&o.target.addr).filter(|addr| matches!(addr, Addr::Unix(_))).cloned();
            uri::apply(&text(v), &mut o.target)?;
            o.target.addr = socket.unwrap_or(o.target.addr.clone());
            o.password_in_args |= o.target.password.is_some();
            Ok(())
        }),
        flag("-n", "DB", "Database number", |o, v| { o.target.db = positive(&v) as u32; Ok(()) }),
        flag("-t", "SECONDS", "How long to wait for a connection, such as 0.5", |o, v| {
            let seconds: f64 = text(v).trim().parse().ok().filter(|n: &f64| *n >= 0.0).ok_or("Invalid connection timeout for -t.")?;
            o.target.connect_timeout = Duration::try_from_secs_f64(seconds).ok().filter(|limit| !limit.is_zero());
            Ok(())
        }),
        flag("-4", "", "Only IPv4 addresses of the host", |o, _| { o.target.family = Family::V4; Ok(()) }),
        flag("-6", "", "Only its IPv6 addresses", |o, _| { o.target.family = Family::V6; Ok(()) }),
        flag("-2", "", "Speak RESP2", |o, _| { o.protocol = Some(2); Ok(()) }),
        flag("-3", "", "Speak RESP3", |o, _| { o.protocol = Some(3); Ok(()) }),
        flag("-c", "", "Follow MOVED and ASK of a cluster, in every mode", |o, _| { o.cluster = true; Ok(()) }),
    ]),
    ("Who asks", &[
        flag("-a", "PASSWORD", "Password; safer in the environment: REDISCLI_AUTH", |o, v| {
            o.target.password = Some(v);
            o.password_in_args = true;
            Ok(())
        }),
        flag("--pass", "PASSWORD", "The same as -a", |o, v| {
            o.target.password = Some(v);
            o.password_in_args = true;
            Ok(())
        }),
        flag("--user", "NAME", "User's name for AUTH; needs a password", |o, v| { o.target.user = Some(v); Ok(()) }),
        flag("--askpass", "", "Ask for the password on the terminal", |o, _| { o.askpass = true; Ok(()) }),
        flag("--no-auth-warning", "", "No warning of a password on the command line", |o, _| { o.no_auth_warning = true; Ok(()) }),
    ]),
    ("TLS", &[
        flag("--tls", "", "Speak TLS", |o, _| { tls(o).on = true; Ok(()) }),
        flag("--sni", "NAME", "Server's name to ask for", |o, v| { tls(o).sni = Some(text(v)); Ok(()) }),
        flag("--cacert", "FILE", "Certificates to trust", |o, v| { tls(o).cacert = Some(path(v)); Ok(()) }),
        flag("--cacertdir", "DIR", "A directory of such files; without either the system's are trusted", |o, v| { tls(o).cacertdir = Some(path(v)); Ok(()) }),
        flag("--insecure", "", "Do not check the server's certificate", |o, _| { tls(o).insecure = true; Ok(()) }),
        flag("--cert", "FILE", "Certificate to show", |o, v| { tls(o).cert = Some(path(v)); Ok(()) }),
        flag("--key", "FILE", "Its private key", |o, v| { tls(o).key = Some(path(v)); Ok(()) }),
        flag("--tls-ciphers", "LIST", "Ciphers up to TLS 1.2, best first, with ':' between", |o, v| { tls(o).ciphers = Some(text(v)); Ok(()) }),
        flag("--tls-ciphersuites", "LIST", "Cipher suites of TLS 1.3, likewise", |o, v| { tls(o).ciphersuites = Some(text(v)); Ok(()) }),
    ]),
    ("The command", &[
        flag("-r", "N", "Run it N times; negative: for ever", |o, v| { o.repeat = number(&v); Ok(()) }),
        flag("-i", "SECONDS", "Pause between runs, lines of --stat, SCAN calls, such as 0.1", |o, v| {
            let seconds: f64 = text(v).trim().parse().unwrap_or(0.0);
            o.interval = Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or_default();
            Ok(())
        }),
        flag("-x", "", "Take the last argument from standard input", |o, _| { o.stdin_last = true; Ok(()) }),
        flag("-X", "TAG", "Take the argument TAG from standard input", |o, v| { o.stdin_tag = Some(v); Ok(()) }),
        flag("-e", "", "Exit code 1, and the text on standard error, for an error reply", |o, _| { o.error_code = true; Ok(()) }),
        flag("--quoted-input", "", "Arguments in quotes have escapes", |o, _| { o.quoted_input = true; Ok(()) }),
        flag("--eval", "FILE", "Run a Lua script: keys, a comma, arguments", |o, v| { o.mode = Mode::Eval(v); Ok(()) }),
        flag("--ldb", "", "Run the script of --eval step by step, in a server with a debugger", |o, _| { o.debugger = Some(false); Ok(()) }),
        flag("--ldb-sync-mode", "", "The same, holding the server up; what the script writes stays", |o, _| { o.debugger = Some(true); Ok(()) }),
        flag("--yes", "", "Yes to what the guard rails would ask", |o, _| { o.yes = true; Ok(()) }),
        flag("--read-only", "", "Refuse commands that write", |o, _| { o.read_only = true; Ok(()) }),
    ]),
    ("Output", &[
        flag("--raw", "", "Replies as they are; so without a terminal", |o, _| { o.output = Some(Output::Raw); Ok(()) }),
        flag("--no-raw", "", "Replies for people, without a terminal too", |o, _| { o.output = Some(Output::Standard); Ok(()) }),
        flag("--csv", "", "As comma-separated values", |o, _| { o.output = Some(Output::Csv); Ok(()) }),
        flag("--json", "", "As JSON, by RESP3 unless -2", |o, _| { o.output = Some(Output::Json); Ok(()) }),
        flag("--quoted-json", "", "As JSON of ASCII only", |o, _| { o.output = Some(Output::QuotedJson); Ok(()) }),
        flag("-d", "DELIMITER", "Between elements of raw replies [\\n]", |o, v| { o.element_delimiter = v; Ok(()) }),
        flag("-D", "DELIMITER", "Between raw replies [\\n]", |o, v| { o.reply_delimiter = v; Ok(()) }),
        flag("--show-pushes", "YES|NO", "Show RESP3's pushes; as a rule on a terminal", |o, v| {
            match v.first().map(u8::to_ascii_lowercase) {
                Some(b'y') => o.show_pushes = Some(true),
                Some(b'n') => o.show_pushes = Some(false),
                _ => return Err(format!("Unknown --show-pushes value '{}' (valid: '[y]es', '[n]o')", text(v))),
            }
            Ok(())
        }),
        flag("--view", "FORM", "In the REPL: table, redis, json or raw", |o, v| { o.view = Some(text(v)); Ok(()) }),
        flag("--verbose", "", "Say more", |o, _| { o.verbose = true; Ok(()) }),
    ]),
    ("Looking at a server", &[
        flag("--stat", "", "Figures of the server, a line each second", |o, _| { o.mode = Mode::Stat; Ok(()) }),
        flag("--latency", "", "Sample the latency", |o, _| { o.mode = Mode::Latency; Ok(()) }),
        flag("--latency-history", "", "A line of it every 15 seconds, or -i", |o, _| { o.mode = Mode::LatencyHistory; Ok(()) }),
        flag("--latency-dist", "", "It as a spectrum of colours", |o, _| { o.mode = Mode::LatencyDist; Ok(()) }),
        flag("--intrinsic-latency", "SECONDS", "What this machine itself adds", |o, v| { o.mode = Mode::IntrinsicLatency(positive(&v)); Ok(()) }),
        flag("--lru-test", "KEYS", "A cache's work, 80 to 20, with so many keys", |o, v| { o.mode = Mode::LruTest(positive(&v)); Ok(()) }),
        flag("--top", "SECONDS", "Busiest commands, keys and clients, from so long a MONITOR", |o, v| {
            // Behind --keystats it is Redis 8's word for how many keys to list.
            match o.mode {
                Mode::KeyStats(_) => o.top = positive(&v),
                _ => o.mode = Mode::Top(positive(&v).max(1)),
            }
            Ok(())
        }),
        flag("--save", "FILE", "Keep what --top saw, for a replay", |o, v| { o.save = Some(path(v)); Ok(()) }),
        flag("--replica", "", "Show what a replica is sent", |o, _| { o.mode = Mode::Replica; Ok(()) }),
        flag("--slave", "", "The same", |o, _| { o.mode = Mode::Replica; Ok(()) }),
        flag("--rdb", "FILE", "Fetch a snapshot; '-' for standard output", |o, v| { o.mode = Mode::Rdb { file: v, functions_only: false }; Ok(()) }),
        flag("--functions-rdb", "FILE", "Fetch a snapshot of the functions only", |o, v| { o.mode = Mode::Rdb { file: v, functions_only: true }; Ok(()) }),
    ]),
    ("Looking at keys", &[
        flag("--scan", "", "List keys with SCAN", |o, _| { o.mode = Mode::Scan; Ok(()) }),
        flag("--pattern", "GLOB", "Only keys that fit", |o, v| { o.pattern = Some(v); Ok(()) }),
        flag("--quoted-pattern", "GLOB", "The same, in quotes with escapes", |o, v| { o.pattern = Some(quoted(&v)?); Ok(()) }),
        flag("--count", "N", "SCAN's COUNT", |o, v| { o.count = Some(positive(&v)); Ok(()) }),
        flag("--type", "TYPE", "Only keys of a type, for --scan", |o, v| { o.key_type = Some(v); Ok(()) }),
        flag("--cursor", "N", "Where --scan and --keystats begin", |o, v| { o.cursor = positive(&v); Ok(()) }),
        flag("--bigkeys", "", "Keys with the most elements", |o, _| { o.mode = Mode::BigKeys; Ok(()) }),
        flag("--memkeys", "", "Keys with the most memory", |o, _| { o.mode = Mode::MemKeys(None); Ok(()) }),
        flag("--memkeys-samples", "N", "The same, sampling N elements of each", |o, v| { o.mode = Mode::MemKeys(Some(positive(&v))); Ok(()) }),
        flag("--keystats", "", "Both, with the distribution of sizes", |o, _| { o.mode = Mode::KeyStats(None); Ok(()) }),
        flag("--keystats-samples", "N", "The same, sampling N elements of each", |o, v| { o.mode = Mode::KeyStats(Some(positive(&v))); Ok(()) }),
        flag("-top", "N", "How many keys --keystats lists [10]", |o, v| { o.top = positive(&v); Ok(()) }),
        flag("--hotkeys", "", "Keys used most; needs an LFU policy", |o, _| { o.mode = Mode::HotKeys; Ok(()) }),
        flag("--no-key-completion", "", "Tab does not ask the server for keys", |o, _| { o.no_key_completion = true; Ok(()) }),
    ]),
    ("Work in bulk", &[
        flag("--pipe", "", "Send standard input as it is", |o, _| { o.mode = Mode::Pipe; Ok(()) }),
        flag("--pipe-timeout", "SECONDS", "How long to wait for the last reply [30]; 0: for ever", |o, v| { o.pipe_timeout_s = positive(&v); Ok(()) }),
        flag("--import", "FILE", "Run the commands of a file ('-': standard input), inline or RESP, errors with line numbers", |o, v| { o.mode = Mode::Import(v); Ok(()) }),
        flag("--del-match", "GLOB", "Delete the keys that fit", |o, v| { o.mode = Mode::DelMatch(v); Ok(()) }),
        flag("--expire-match", "GLOB=SECONDS", "Let the keys that fit expire", |o, v| {
            let (pattern, seconds) = v.iter().rposition(|&b| b == b'=').map(|at| (v[..at].to_vec(), v[at + 1..].to_vec()))
                .ok_or("--expire-match takes PATTERN=SECONDS")?;
            let seconds = text(seconds).parse().map_err(|_| "--expire-match takes PATTERN=SECONDS".to_owned())?;
            o.mode = Mode::ExpireMatch(pattern, seconds);
            Ok(())
        }),
        flag("--dry-run", "", "Say what would be hit, and change nothing", |o, _| { o.dry_run = true; Ok(()) }),
        flag("--rate", "N", "At most N keys a second", |o, v| { o.rate = Some(positive(&v)).filter(|n| *n > 0); Ok(()) }),
        flag("--journal", "FILE", "Keep what is deleted or changed, for --undo", |o, v| { o.journal = Some(path(v)); Ok(()) }),
        flag("--resume", "FILE", "Where to keep the place, and to go on from it", |o, v| { o.resume = Some(path(v)); Ok(()) }),
        flag("--undo", "JOURNAL", "Restore what a journal keeps", |o, v| { o.mode = Mode::Undo(v); Ok(()) }),
    ]),
    ("Clusters", &[
        flag("--cluster", "COMMAND ...", "Manage a cluster; --cluster help lists the commands", |_, _| Ok(())),
        flag("--cluster-yes", "", "Yes to questions", |o, _| { o.cluster_options.push(("yes".into(), Vec::new())); Ok(()) }),
        flag("--cluster-only-masters", "", "call: primaries only", |o, _| { o.cluster_options.push(("only-masters".into(), Vec::new())); Ok(()) }),
        flag("--cluster-only-replicas", "", "call: replicas only", |o, _| { o.cluster_options.push(("only-replicas".into(), Vec::new())); Ok(()) }),
        flag("--cluster-search-multiple-owners", "", "check, fix: look for slots with several owners", |o, _| { o.cluster_options.push(("search-multiple-owners".into(), Vec::new())); Ok(()) }),
        flag("--cluster-fix-with-unreachable-masters", "", "fix: give the slots of primaries that cannot be reached to others", |o, _| { o.cluster_options.push(("fix-with-unreachable-masters".into(), Vec::new())); Ok(()) }),
        flag("--cluster-from-askpass", "", "import: ask for the password of the source", |o, _| { o.cluster_options.push(("from-askpass".into(), Vec::new())); Ok(()) }),
        flag("--cluster-replace", "", "reshard, rebalance: overwrite keys that exist", |o, _| { o.cluster_options.push(("replace".into(), Vec::new())); Ok(()) }),
        flag("--cluster-copy", "", "import: keep the keys at their source", |o, _| { o.cluster_options.push(("copy".into(), Vec::new())); Ok(()) }),
        flag("--cluster-slave", "", "add-node: as a replica", |o, _| { o.cluster_options.push(("slave".into(), Vec::new())); Ok(()) }),
        flag("--cluster-use-empty-masters", "", "rebalance: primaries without slots too", |o, _| { o.cluster_options.push(("use-empty-masters".into(), Vec::new())); Ok(()) }),
        flag("--cluster-simulate", "", "rebalance: say what would move", |o, _| { o.cluster_options.push(("simulate".into(), Vec::new())); Ok(()) }),
        flag("--cluster-replicas", "N", "create: replicas of each primary", |o, v| { o.cluster_options.push(("replicas".into(), v)); Ok(()) }),
        flag("--cluster-master-id", "ID", "add-node: whose replica", |o, v| { o.cluster_options.push(("master-id".into(), v)); Ok(()) }),
        flag("--cluster-from", "ID|ADDRESS", "reshard, import: from where", |o, v| { o.cluster_options.push(("from".into(), v)); Ok(()) }),
        flag("--cluster-from-user", "NAME", "import: user at the source", |o, v| { o.cluster_options.push(("from-user".into(), v)); Ok(()) }),
        flag("--cluster-from-pass", "PASSWORD", "import: password at the source", |o, v| { o.cluster_options.push(("from-pass".into(), v)); Ok(()) }),
        flag("--cluster-to", "ID", "reshard: to where", |o, v| { o.cluster_options.push(("to".into(), v)); Ok(()) }),
        flag("--cluster-slots", "N", "reshard: how many slots", |o, v| { o.cluster_options.push(("slots".into(), v)); Ok(()) }),
        flag("--cluster-timeout", "MS", "Limit of each MIGRATE [60000]", |o, v| { o.cluster_options.push(("timeout".into(), v)); Ok(()) }),
        flag("--cluster-pipeline", "N", "Keys of each MIGRATE [10]", |o, v| { o.cluster_options.push(("pipeline".into(), v)); Ok(()) }),
        flag("--cluster-weight", "NODE=W ...", "rebalance: weights", |o, v| { o.cluster_options.push(("weight".into(), v)); Ok(()) }),
        flag("--cluster-threshold", "PERCENT", "rebalance: what is too far from even [2]", |o, v| { o.cluster_options.push(("threshold".into(), v)); Ok(()) }),
    ]),
];
