//! The flags of `bench`: one table, from which the parser and the usage text come.
//!
//! The grammar is redis-benchmark's: flags stand in front, and the first word that is none begins the command to send.

use crate::client::{Addr, Target, Tls, uri};
use std::{ffi::OsString, os::unix::ffi::OsStringExt, path::PathBuf, time::Duration};

/// When requests go out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Arrivals {
    /// Equal gaps.
    Constant,
    /// Exponential gaps: arrivals that know nothing of each other.
    Poisson,
}

#[derive(Clone, Debug)]
pub struct Options {
    pub target: Target,
    /// Parallel connections.
    pub clients: usize,
    pub requests: u64,
    /// Size of values in bytes.
    pub data_size: usize,
    pub pipeline: usize,
    /// Random numbers are below this; `None`: placeholders stay as they are.
    pub keyspace: Option<u64>,
    pub tests: Option<String>,
    pub quiet: bool,
    pub csv: bool,
    pub json: bool,
    pub keep_alive: bool,
    pub looping: bool,
    pub idle: bool,
    /// Significant digits of latencies, 1 to 4.
    pub precision: u8,
    /// `None`: one, and the report says "multi-thread: no".
    pub threads: Option<usize>,
    pub cluster: bool,
    pub tracking: bool,
    pub seed: Option<u64>,
    pub stdin_last: bool,
    /// `-e` was given, which has no effect in redis-benchmark 7.0 but a warning.
    pub errors_flag: bool,
    /// Requests a second of the open loop; `None`: a closed loop.
    pub rate: Option<f64>,
    pub arrivals: Arrivals,
    pub test_time: Option<Duration>,
    /// Error replies end the run; `None`: as the program's name has it.
    pub fatal_errors: Option<bool>,
    pub words: Vec<Vec<u8>>,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            target: Target::default(),
            clients: 50,
            requests: 100_000,
            data_size: 3,
            pipeline: 1,
            keyspace: None,
            tests: None,
            quiet: false,
            csv: false,
            json: false,
            keep_alive: true,
            looping: false,
            idle: false,
            precision: 3,
            threads: None,
            cluster: false,
            tracking: false,
            seed: None,
            stdin_last: false,
            errors_flag: false,
            rate: None,
            arrivals: Arrivals::Poisson,
            test_time: None,
            fatal_errors: None,
            words: Vec::new(),
        }
    }
}

/// What a command line asks for.
#[derive(Debug)]
pub enum Asked {
    Run(Box<Options>),
    Version,
    /// Usage, on standard output, exit code 0.
    Help,
    /// A sentence and exit code 1.
    Wrong(String),
    /// An unknown flag, or one without its value: a sentence with the usage behind it, exit code 1.
    Unknown(String),
}

type Set = fn(&mut Options, Vec<u8>) -> Result<(), String>;

struct Flag {
    name: &'static str,
    value: &'static str,
    help: &'static str,
    set: Set,
}

const fn flag(name: &'static str, value: &'static str, help: &'static str, set: Set) -> Flag {
    Flag { name, value, help, set }
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

fn text(value: Vec<u8>) -> String {
    String::from_utf8_lossy(&value).into_owned()
}

fn path(value: Vec<u8>) -> PathBuf {
    PathBuf::from(OsString::from_vec(value))
}

fn tls(o: &mut Options) -> &mut Tls {
    uri::with_tls(&mut o.target)
}

fn seconds(value: Vec<u8>, name: &str) -> Result<Duration, String> {
    let wrong = || format!("{name} takes seconds, such as 10 or 0.5");
    let seconds: f64 = text(value).trim().parse().map_err(|_| wrong())?;
    Duration::try_from_secs_f64(seconds).ok().filter(|d| !d.is_zero() && d.as_secs() < 1 << 32).ok_or_else(wrong)
}

/// Every flag, by subject.
#[rustfmt::skip]
const GROUPS: &[(&str, &[Flag])] = &[
    ("Where to", &[
        flag("-h", "HOST", "Server's host [127.0.0.1]", |o, v| {
            let port = match &o.target.addr { Addr::Tcp { port, .. } => *port, Addr::Unix(_) => 6379 };
            o.target.addr = Addr::Tcp { host: text(v), port };
            Ok(())
        }),
        flag("-p", "PORT", "Server's port [6379]", |o, v| {
            let port = u16::try_from(number(&v)).map_err(|_| "Invalid server port.".to_owned())?;
            if let Addr::Tcp { host, .. } = &o.target.addr {
                o.target.addr = Addr::Tcp { host: host.clone(), port };
            }
            Ok(())
        }),
        flag("-s", "SOCKET", "A Unix socket, instead of host and port", |o, v| { o.target.addr = Addr::Unix(path(v)); Ok(()) }),
        flag("-u", "URI", "redis://[[user:]password@]host[:port][/db], rediss://, unix://path", |o, v| uri::apply(&text(v), &mut o.target)),
        flag("-a", "PASSWORD", "Password", |o, v| { o.target.password = Some(v); Ok(()) }),
        flag("--user", "NAME", "User's name for AUTH; needs -a", |o, v| { o.target.user = Some(v); Ok(()) }),
        flag("--dbnum", "DB", "Database number [0]", |o, v| {
            o.target.db = u32::try_from(number(&v)).map_err(|_| "Invalid database number.".to_owned())?;
            Ok(())
        }),
        flag("-3", "", "Speak RESP3", |o, _| { o.target.resp3 = true; Ok(()) }),
        flag("--cluster", "", "Spread over the primaries of a cluster; keys need the text {tag}", |o, _| { o.cluster = true; Ok(()) }),
        flag("--enable-tracking", "", "Send CLIENT TRACKING on first", |o, _| { o.tracking = true; Ok(()) }),
    ]),
    ("TLS", &[
        flag("--tls", "", "Speak TLS", |o, _| { tls(o); Ok(()) }),
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
        flag("-c", "CLIENTS", "Parallel connections [50]", |o, v| { o.clients = number(&v).clamp(1, MOST_CLIENTS) as usize; Ok(()) }),
        flag("-n", "REQUESTS", "Requests of a test [100000]", |o, v| { o.requests = number(&v).max(0).unsigned_abs(); Ok(()) }),
        flag("-d", "BYTES", "Size of values [3]", |o, v| { o.data_size = number(&v).clamp(1, MOST_DATA) as usize; Ok(()) }),
        flag("-P", "N", "Requests in a pipeline [1]", |o, v| { o.pipeline = number(&v).clamp(1, MOST_PIPELINED) as usize; Ok(()) }),
        flag("-r", "N", "Random numbers below N, of 12 digits, for __rand_int__ and __rand_1st__ in arguments", |o, v| {
            o.keyspace = Some(number(&v).max(0).unsigned_abs());
            Ok(())
        }),
        flag("-k", "0|1", "Keep connections [1], or connect anew for every pipeline", |o, v| { o.keep_alive = number(&v) != 0; Ok(()) }),
        flag("--threads", "N", "Threads that send", |o, v| {
            let n = number(&v);
            if n > MOST_THREADS {
                eprintln!("WARNING: Too many threads, limiting threads to {MOST_THREADS}.");
            }
            o.threads = (n > 0).then_some(n.min(MOST_THREADS) as usize);
            Ok(())
        }),
        flag("--seed", "N", "Start of the random numbers, so that they repeat", |o, v| { o.seed = Some(number(&v).cast_unsigned()); Ok(()) }),
        flag("--test-time", "SECONDS", "Each test takes so long, whatever -n says", |o, v| { o.test_time = Some(seconds(v, "--test-time")?); Ok(()) }),
    ]),
    ("What to send", &[
        flag("-t", "TESTS", "Only these of the tests below, with commas between; no effect if a command is given", |o, v| { o.tests = Some(text(v)); Ok(()) }),
        flag("-x", "", "Take the last argument of the command from standard input", |o, _| { o.stdin_last = true; Ok(()) }),
        flag("-l", "", "For ever, again and again", |o, _| { o.looping = true; Ok(()) }),
        flag("-I", "", "Open idle connections, and wait", |o, _| { o.idle = true; Ok(()) }),
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
        flag("--precision", "N", "Significant digits of latencies, 1 to 4 [3]", |o, v| { o.precision = number(&v).clamp(1, 4) as u8; Ok(()) }),
        flag("-e", "", "Of old: show errors", |o, _| { o.errors_flag = true; Ok(()) }),
        flag("--fatal-errors", "yes|no", "End at the first error reply; as redis-benchmark does, and else they are counted", |o, v| {
            o.fatal_errors = Some(match &v[..] {
                b"yes" => true,
                b"no" => false,
                _ => return Err("--fatal-errors takes yes or no".into()),
            });
            Ok(())
        }),
    ]),
];

/// Reads the words behind the program's name.
pub fn parse(words: Vec<OsString>) -> Asked {
    let mut options = Options::default();
    let mut words = words.into_iter().map(OsString::into_vec).peekable();
    while let Some(word) = words.next_if(|word| word.starts_with(b"-") || is_uri(word)) {
        match &word[..] {
            b"--help" => return Asked::Help,
            b"-v" | b"--version" => return Asked::Version,
            word if is_uri(word) => {
                if let Err(error) = uri::apply(&String::from_utf8_lossy(word), &mut options.target) {
                    return Asked::Wrong(error);
                }
                continue;
            }
            _ => {}
        }
        let unknown =
            || Asked::Unknown(format!("Invalid option \"{}\" or option argument missing", word.escape_ascii()));
        let Some(flag) = GROUPS.iter().flat_map(|(_, flags)| *flags).find(|flag| flag.name.as_bytes() == word) else {
            return unknown();
        };
        let value = if flag.value.is_empty() { Some(Vec::new()) } else { words.next() };
        let Some(value) = value else { return unknown() };
        if let Err(error) = (flag.set)(&mut options, value) {
            return Asked::Wrong(error);
        }
    }
    options.words = words.collect();
    if options.rate.is_some() && !options.keep_alive {
        return Asked::Wrong("--rate keeps its connections: -k 0 does not go with it".into());
    }
    Asked::Run(Box::new(options))
}

fn is_uri(word: &[u8]) -> bool {
    std::str::from_utf8(word).is_ok_and(uri::looks_like_one)
}

/// What `--help` prints; `tests` are the names that `-t` takes.
pub fn usage(program: &str, tests: &[&str]) -> String {
    let mut out = format!(
        "Usage: {program} [URI] [OPTIONS] [COMMAND ARGS...]\n\
         Loads a server with the usual tests, or with a command, and tells throughput and latencies.\n"
    );
    for (subject, flags) in GROUPS {
        out.push_str(&format!("\n{subject}\n"));
        for flag in *flags {
            let head = format!("{} {}", flag.name, flag.value);
            match head.len() {
                ..=25 => out.push_str(&format!("  {head:<25} {}\n", flag.help)),
                _ => out.push_str(&format!("  {head}\n  {:<25} {}\n", "", flag.help)),
            }
        }
    }
    out.push_str(&format!(
        "  --help                    This text\n  --version                 The version\n\
         \nTests\n  {}\n\
         \nIn arguments of a command, with -r: __rand_int__ is another number each time, __rand_1st__ the same one all\n\
         through a command. __data__ is a value of -d bytes.\n\
         \nExamples\n\
         \x20 {program} -t get,set -n 1000000 -P 32 -r 100000\n\
         \x20 {program} --csv -n 10000 lpush mylist __rand_int__\n\
         \x20 {program} --rate 20000 --test-time 10 -t get\n",
        tests.join(",")
    ));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Asked {
        parse(line.split_whitespace().map(OsString::from).collect())
    }

    fn run(line: &str) -> Options {
        match parsed(line) {
            Asked::Run(options) => *options,
            other => panic!("{line}: {other:?}"),
        }
    }

    #[test]
    fn names_are_there_once() {
        let mut names: Vec<_> = GROUPS.iter().flat_map(|(_, flags)| flags.iter().map(|f| f.name)).collect();
        names.sort_unstable();
        let before = names.len();
        names.dedup();
        assert_eq!(names.len(), before);
        let usage = usage("redis-benchmark", &["set"]);
        assert!(names.iter().all(|name| usage.contains(&format!("  {name} "))));
    }

    #[test]
    fn flags_end_where_the_command_begins() {
        let o = run("-p 7000 -n 30 -c 4 -P 16 -r 9 --csv set a --csv");
        assert_eq!(o.words, [b"set".to_vec(), b"a".into(), b"--csv".into()]);
        assert_eq!((o.requests, o.clients, o.pipeline, o.keyspace, o.csv), (30, 4, 16, Some(9), true));
        assert_eq!(o.target.addr.to_string(), "127.0.0.1:7000");
        assert_eq!(run("-c 0 -d 0 -P -4").clients, 1);
        assert_eq!(run("--rate 2.5 --arrivals constant").rate, Some(2.5));
    }

    #[test]
    fn wrong_lines() {
        for line in [
            "-u foo://x",
            "--rate x",
            "--rate -1",
            "--rate 1e99",
            "--arrivals odd",
            "--test-time nan",
            "-p 99999",
            "--rate 1 -k 0",
        ] {
            assert!(matches!(parsed(line), Asked::Wrong(_)), "{line}");
        }
        for line in ["-n", "-foo", "--tls-ciphers"] {
            assert!(matches!(parsed(line), Asked::Unknown(_)), "{line}");
        }
    }
}
