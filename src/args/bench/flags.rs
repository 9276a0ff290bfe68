//! The table of flags, from which the parser and the usage text come.

use super::{
    Arrivals, Options,
    mix::{self, Data, MixCommand, Pattern, Sizes},
    slo,
};
use crate::client::{Addr, Tls, uri};
use std::{ffi::OsString, os::unix::ffi::OsStringExt, path::PathBuf, time::Duration};

type Set = fn(&mut Options, Vec<u8>) -> Result<(), String>;

pub struct Flag {
    /// The flag, and by ", " other names that it has in memtier_benchmark.
    pub name: &'static str,
    /// What its value is called; empty if it takes none.
    pub value: &'static str,
    pub help: &'static str,
    pub set: Set,
    /// Its value is a whole number.
    pub whole: bool,
}

impl Flag {
    pub fn is_named(&self, word: &[u8]) -> bool {
        self.name.split(", ").any(|name| name.as_bytes() == word)
    }
}

const fn flag(name: &'static str, value: &'static str, help: &'static str, set: Set) -> Flag {
    Flag { name, value, help, set, whole: false }
}

const fn whole(name: &'static str, value: &'static str, help: &'static str, set: Set) -> Flag {
    Flag { name, value, help, set, whole: true }
}

/// More connections, pipelined requests or threads than this are a slip of the finger.
const MOST_CLIENTS: i64 = 1 << 20;
const MOST_PIPELINED: i64 = 1 << 20;
/// As redis-benchmark.
const MOST_THREADS: i64 = 500;
const MOST_DATA: i64 = 1 << 30;

/// C's `atoi`: leading digits count, anything else is 0.
fn number(value: &[u8]) -> i64 {
    let text = value.trim_ascii_start();
    let end = text.iter().enumerate().position(|(i, b)| !(b.is_ascii_digit() || i == 0 && (*b == b'-' || *b == b'+')));
    std::str::from_utf8(&text[..end.unwrap_or(text.len())]).ok().and_then(|digits| digits.parse().ok()).unwrap_or(0)
}

/// What [`number`] reads to its end. `-n allkeys` is a number of requests, too.
pub fn is_number(value: &[u8]) -> bool {
    let text = String::from_utf8_lossy(value);
    value == b"allkeys" || text.trim().trim_start_matches('+').parse::<i64>().is_ok()
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

fn seconds(value: Vec<u8>, name: &str) -> Result<Duration, String> {
    let wrong = || format!("{name} takes seconds, such as 10 or 0.5");
    let seconds: f64 = text(value).trim().parse().map_err(|_| wrong())?;
    Duration::try_from_secs_f64(seconds).ok().filter(|d| !d.is_zero() && d.as_secs() < 1 << 32).ok_or_else(wrong)
}

fn positive(value: Vec<u8>, name: &str) -> Result<f64, String> {
    let n = text(value).trim().parse().ok().filter(|n: &f64| n.is_finite() && *n > 0.0);
    n.ok_or_else(|| format!("{name} takes a number above 0"))
}

fn yes(value: &[u8], name: &str) -> Result<bool, String> {
    match value {
        b"yes" => Ok(true),
        b"no" => Ok(false),
        _ => Err(format!("{name} takes yes or no")),
    }
}

/// Every flag, by subject.
#[rustfmt::skip]
pub const GROUPS: &[(&str, &[Flag])] = &[
    ("Where to", &[
        flag("-h, --host, --server", "HOST", "Server's host [127.0.0.1]", |o, v| {
            o.target.addr.set_host(text(v));
            Ok(())
        }),
        whole("-p, --port", "PORT", "Server's port [6379]", |o, v| {
            let port = u16::try_from(number(&v)).map_err(|_| "Invalid server port.".to_owned())?;
            o.target.addr.set_port(port);
            Ok(())
        }),
        flag("-s, --unix-socket", "SOCKET", "A Unix socket, instead of host and port", |o, v| { o.target.addr = Addr::Unix(path(v)); Ok(()) }),
        flag("-u", "URI", "redis://[[user:]password@]host[:port][/db], rediss://, unix://path", |o, v| uri::apply(&text(v), &mut o.target)),
        flag("-a", "PASSWORD", "Password", |o, v| { o.target.password = Some(v); Ok(()) }),
        flag("--user", "NAME", "User's name for AUTH; needs -a", |o, v| { o.target.user = Some(v); Ok(()) }),
        whole("--dbnum, --select-db", "DB", "Database number [0]", |o, v| {
            o.target.db = u32::try_from(number(&v)).map_err(|_| "Invalid database number.".to_owned())?;
            Ok(())
        }),
        flag("-3", "", "Speak RESP3", |o, _| { o.target.resp3 = true; Ok(()) }),
        flag("--cluster", "", "Spread over the primaries of a cluster, a thread for each; keys need the text {tag}", |o, _| { o.cluster = true; Ok(()) }),
        flag("--enable-tracking", "", "Send CLIENT TRACKING on first", |o, _| { o.tracking = true; Ok(()) }),
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
    ("How much", &[
        whole("-c, --clients", "CLIENTS", "Parallel connections [50]", |o, v| { o.clients = number(&v).clamp(1, MOST_CLIENTS) as usize; Ok(()) }),
        whole("-n, --requests", "REQUESTS", "Requests of a test [100000]; allkeys: one for each key of a mix's range", |o, v| {
            o.mix.all_keys = v == b"allkeys";
            o.requests = number(&v).max(0).unsigned_abs();
            Ok(())
        }),
        whole("-d, --data-size", "BYTES", "Size of values [3]", |o, v| { o.data_size = number(&v).clamp(1, MOST_DATA) as usize; Ok(()) }),
        whole("-P, --pipeline", "N", "Requests in a pipeline [1]", |o, v| { o.pipeline = number(&v).clamp(1, MOST_PIPELINED) as usize; Ok(()) }),
        whole("-r", "N", "Random numbers below N, of 12 digits, for __rand_int__ and __rand_1st__ in arguments", |o, v| {
            o.keyspace = Some(number(&v).max(0).unsigned_abs());
            Ok(())
        }),
        whole("-k", "0|1", "Keep connections [1], or connect anew for every pipeline", |o, v| { o.keep_alive = number(&v) != 0; Ok(()) }),
        whole("--threads", "N", "Threads that send", |o, v| {
            let n = number(&v);
            if n > MOST_THREADS {
                eprintln!("WARNING: Too many threads, limiting threads to {MOST_THREADS}.");
            }
            o.threads = (n > 0).then_some(n.min(MOST_THREADS) as usize);
            Ok(())
        }),
        flag("--io", "auto|epoll", "A call of the system for each request, or one for several where there is io_uring [auto]", |o, v| {
            o.ring = match &v[..] {
                b"auto" => true,
                b"epoll" => false,
                _ => return Err("--io takes auto or epoll".into()),
            };
            Ok(())
        }),
        whole("--seed", "N", "Start of the random numbers, so that they repeat", |o, v| { o.seed = Some(number(&v).cast_unsigned()); Ok(()) }),
        flag("--test-time", "SECONDS", "Each test takes so long, whatever -n says", |o, v| { o.test_time = Some(seconds(v, "--test-time")?); Ok(()) }),
        flag("--warmup", "SECONDS", "Run each test so long first, and forget the figures", |o, v| { o.warmup = Some(seconds(v, "--warmup")?); Ok(()) }),
        whole("--run-count", "N", "Run each test so often, and say how far the runs are apart [1]", |o, v| {
            let n = number(&v);
            o.runs = u32::try_from(n).ok().filter(|n| (1..=10_000).contains(n)).ok_or("--run-count takes a number from 1 on")?;
            Ok(())
        }),
        whole("--reconnect-interval", "N", "Close each connection after N requests, and make a new one", |o, v| {
            o.reconnect_interval = Some(u64::try_from(number(&v)).ok().filter(|n| *n > 0).ok_or("--reconnect-interval takes a number from 1 on")?);
            Ok(())
        }),
    ]),
    ("What to send", &[
        flag("-t", "TESTS", "Only these of the tests below, with commas between; no effect if a command is given", |o, v| { o.tests = Some(text(v)); Ok(()) }),
        flag("-x", "", "Take the last argument of the command from standard input", |o, _| { o.stdin_last = true; Ok(()) }),
        flag("-l", "", "For ever, again and again", |o, _| { o.looping = true; Ok(()) }),
        flag("-I", "", "Open idle connections, and wait", |o, _| { o.idle = true; Ok(()) }),
    ]),
    ("Mixes, with memtier_benchmark's flags", &[
        flag("--ratio", "SETS:GETS", "SETs and GETs in this ratio", |o, v| {
            let ratio = mix::pair(&text(v), ':', "--ratio")?;
            if ratio.0.saturating_add(ratio.1) == 0 || ratio.0 > 1 << 32 || ratio.1 > 1 << 32 {
                return Err("--ratio takes two numbers, of which one is above 0".into());
            }
            o.mix.ratio = Some(ratio);
            Ok(())
        }),
        flag("--command", "LINE", "A command of a set; may be given often. __key__ and __data__ stand for a key and a value, __number:LOW-HIGH__ for a number", |o, v| {
            o.mix.commands.push(MixCommand { line: v, ratio: 1, pattern: None });
            Ok(())
        }),
        whole("--command-ratio", "N", "How often, beside the others, the command in front is sent [1]", |o, v| {
            let command = o.mix.commands.last_mut().ok_or("--command-ratio stands behind its --command")?;
            command.ratio = u64::try_from(number(&v)).ok().filter(|n| (1..=1 << 32).contains(n)).ok_or("--command-ratio takes a number from 1 on")?;
            Ok(())
        }),
        flag("--command-key-pattern", "R|S|P|G|Z", "Which keys the command in front takes", |o, v| {
            let command = o.mix.commands.last_mut().ok_or("--command-key-pattern stands behind its --command")?;
            command.pattern = Some(Pattern::parse(&text(v))?);
            Ok(())
        }),
        flag("--key-pattern", "SETS:GETS", "Which keys come: R random, S sequential, P parallel, G gaussian, Z zipf [R:R]", |o, v| {
            let text = text(v);
            let (sets, gets) = text.split_once(':').unwrap_or((&text, &text));
            o.mix.key_pattern = (Pattern::parse(sets)?, Pattern::parse(gets)?);
            Ok(())
        }),
        flag("--key-prefix", "TEXT", "What keys begin with [memtier-]", |o, v| { o.mix.key_prefix = v; Ok(()) }),
        whole("--key-minimum", "N", "Number of the first key [0]", |o, v| { o.mix.key_minimum = number(&v).max(0).unsigned_abs(); Ok(()) }),
        whole("--key-maximum", "N", "Number of the last key [10000000]", |o, v| { o.mix.key_maximum = number(&v).max(0).unsigned_abs(); Ok(()) }),
        flag("--key-stddev", "N", "Deviation of the gaussian pattern [a sixth of the range]", |o, v| { o.mix.key_deviation = Some(positive(v, "--key-stddev")?); Ok(()) }),
        flag("--key-median", "N", "Middle of the gaussian pattern [of the range]", |o, v| { o.mix.key_median = Some(positive(v, "--key-median")?); Ok(()) }),
        flag("--key-zipf-exp", "X", "Exponent of the zipf pattern, up to 5 [1]", |o, v| {
            o.mix.zipf_exponent = Some(positive(v, "--key-zipf-exp")?).filter(|x| *x <= 5.0).ok_or("--key-zipf-exp takes a number up to 5")?;
            Ok(())
        }),
        flag("--data-size-range", "LOW-HIGH", "Sizes of values, any between", |o, v| {
            let (low, high) = mix::pair(&text(v), '-', "--data-size-range")?;
            o.mix.sizes = Some(Sizes::parse(&format!("{low}-{high}"))?);
            Ok(())
        }),
        flag("--data-size-list", "SIZE:WEIGHT,…", "Sizes of values, by weight", |o, v| { o.mix.sizes = Some(Sizes::parse(&text(v))?); Ok(()) }),
        flag("--data-size-dist", "DISTRIBUTION", "normal(MEAN,DEVIATION), lognormal(MEDIAN,SIGMA) or exponential(MEAN)", |o, v| { o.mix.sizes = Some(Sizes::parse(&text(v))?); Ok(()) }),
        flag("--data-size-pattern", "R|S", "Sizes of a range: random, or from the smallest to the largest along the keys [R]", |o, v| {
            o.mix.sizes_along_keys = match &v[..] {
                b"R" => false,
                b"S" => true,
                _ => return Err("--data-size-pattern takes R or S".into()),
            };
            Ok(())
        }),
        flag("--random-data, -R", "", "Values that no compression makes smaller [letters]", |o, _| { o.mix.data = Data::Random; Ok(()) }),
        flag("--compressible", "PERCENT", "Values of which so much repeats itself", |o, v| { o.mix.data = Data::parse(&format!("compressible {}", text(v)))?; Ok(()) }),
        flag("--expiry-range", "LOW-HIGH", "SETs expire after so many seconds", |o, v| {
            let (low, high) = mix::pair(&text(v), '-', "--expiry-range")?;
            if low == 0 || low > high || high > 1 << 40 {
                return Err("--expiry-range takes seconds, such as 10-100".into());
            }
            o.mix.expiry = Some((low, high));
            Ok(())
        }),
        flag("--data-verify", "", "Values follow from their keys: what GETs read is compared, and a wrong value is a failure", |o, _| { o.mix.verify = true; Ok(()) }),
    ]),
    ("Workloads", &[
        flag("--workload", "NAME|FILE", "One of those shipped, or a TOML file: phases, mixes, key spaces, sizes, times to live", |o, v| { o.workload = Some(text(v)); Ok(()) }),
        flag("--list-workloads", "", "The workloads that are shipped, and what each is like", |o, _| { o.list_workloads = true; Ok(()) }),
        flag("--workload-from", "FILE.rdb", "A workload like the data of a snapshot: types, sizes, times to live", |o, v| { o.workload_from = Some(path(v)); Ok(()) }),
        flag("--print-workload", "", "Print the workload's file instead of running it", |o, _| { o.print_workload = true; Ok(()) }),
        flag("--monitor-input", "FILE", "Send what MONITOR showed again, with the gaps it had", |o, v| { o.replay = Some(path(v)); Ok(()) }),
        flag("--speed", "2x|max", "So many times as fast, or without gaps [1x]", |o, v| {
            let text = text(v);
            o.speed = match text.trim() {
                "max" => f64::INFINITY,
                other => other.trim_end_matches('x').parse().ok().filter(|x| (1e-3..=1e6).contains(x)).ok_or("--speed takes a factor such as 2x, or max")?,
            };
            Ok(())
        }),
    ]),
    ("Questions", &[
        flag("--find-max", "", "Search the highest rate of the open loop that meets --slo", |o, _| { o.find_max = true; Ok(()) }),
        flag("--slo", "TARGET", "p99<1ms, or several: p50<200us,p99.9<5ms,errors<0.1%", |o, v| { o.slo = slo::parse_slo(&text(v))?; Ok(()) }),
        flag("--step-time, --block-time", "SECONDS", "How long a step of --find-max takes [3], or a block of ab [1]", |o, v| { o.step = Some(seconds(v, "--step-time")?); Ok(()) }),
        whole("--blocks", "N", "Blocks of ab on either side [10]", |o, v| {
            o.blocks = usize::try_from(number(&v)).ok().filter(|n| (2..=10_000).contains(n)).ok_or("--blocks takes a number from 2 on")?;
            Ok(())
        }),
        flag("--require", "RATIOS", "rps>=0.95,p99<=1.1: ab ends with code 2 if a ratio B/A surely misses one of them", |o, v| { o.require = slo::parse_thresholds(&text(v))?; Ok(()) }),
        flag("--verify", "", "Write values that check themselves, through restarts: lost writes, wrong reads, time without service", |o, _| { o.verify = true; Ok(()) }),
        flag("--also", "URI", "Where else --verify may find the primary after a failover; may be given often", |o, v| {
            let mut target = o.target.clone();
            uri::apply(&text(v), &mut target)?;
            o.also.push(target);
            Ok(())
        }),
        flag("--calibrate", "", "Measure this program against a responder that does nothing", |o, _| { o.calibrate = true; Ok(()) }),
        whole("--respond", "PORT", "Be that responder: +OK to everything on this port", |o, v| {
            o.respond = Some(u16::try_from(number(&v)).ok().filter(|port| *port > 0).ok_or("Invalid server port.")?);
            Ok(())
        }),
    ]),
    ("Open loop", &[
        flag("--rate", "N", "N requests a second, whether or not the server keeps up; latencies from when each should have gone out", |o, v| {
            let rate = text(v).trim().parse().ok().filter(|r: &f64| (1e-3..=1e9).contains(r));
            o.rate = Some(rate.ok_or("--rate takes requests a second, such as 10000")?);
            Ok(())
        }),
        flag("--arrivals", "poisson|constant", "Gaps between them [poisson]", |o, v| {
            o.arrivals = match &v[..] {
                b"poisson" => Arrivals::Poisson,
                b"constant" => Arrivals::Constant,
                _ => return Err("--arrivals takes poisson or constant".into()),
            };
            Ok(())
        }),
    ]),
    ("Output", &[
        flag("-q", "", "A line for each test", |o, _| { o.quiet = true; Ok(()) }),
        flag("--csv", "", "Comma-separated values", |o, _| { o.csv = true; Ok(()) }),
        flag("--json", "", "A JSON document, with figures of every second", |o, _| { o.json = true; Ok(()) }),
        flag("--json-out-file", "FILE", "Write the JSON document there, beside the text", |o, v| { o.json_file = Some(path(v)); Ok(()) }),
        flag("--html", "FILE", "Write one page with charts there", |o, v| { o.html = Some(path(v)); Ok(()) }),
        flag("--hdr-file-prefix", "PREFIX", "Write histograms of each kind of command to PREFIX_NAME_command_run_N.txt and .hgrm", |o, v| { o.hdr_prefix = Some(path(v)); Ok(()) }),
        flag("--server-stats", "yes|no", "Ask the server for INFO each second [with --json, --json-out-file and --html]", |o, v| { o.server_stats = Some(yes(&v, "--server-stats")?); Ok(()) }),
        flag("--live", "yes|no", "Show throughput and percentiles while it runs [on a terminal]", |o, v| { o.live = Some(yes(&v, "--live")?); Ok(()) }),
        whole("--precision", "N", "Significant digits of latencies, 1 to 4 [3]", |o, v| { o.precision = number(&v).clamp(1, 4) as u8; Ok(()) }),
        flag("-e", "", "Of old: show errors", |o, _| { o.errors_flag = true; Ok(()) }),
        flag("--fatal-errors", "yes|no", "End at the first error reply; as redis-benchmark does, and else they are counted", |o, v| {
            o.fatal_errors = Some(yes(&v, "--fatal-errors")?);
            Ok(())
        }),
    ]),
];
