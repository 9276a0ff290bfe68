//! The flags of `bench`: one table, from which the parser and the usage text come.
//!
//! The grammar is redis-benchmark's: flags stand in front, and the first word that is none begins the command to send.

mod flags;
pub mod mix;
pub mod slo;

use crate::client::{Target, uri};
pub use flags::GROUPS;
use mix::Mix;
use slo::{Bound, Threshold};
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
    pub mix: Mix,
    /// A run of this length in front of each test, which is not measured.
    pub warmup: Option<Duration>,
    /// How often each test is run.
    pub runs: u32,
    /// A connection is closed and made anew after so many requests.
    pub reconnect_interval: Option<u64>,
    /// Histograms go to files whose names begin so.
    pub hdr_prefix: Option<PathBuf>,
    pub json_file: Option<PathBuf>,
    pub html: Option<PathBuf>,
    /// A capture of MONITOR to send again.
    pub replay: Option<PathBuf>,
    /// How many times faster than it was captured; infinite: without gaps.
    pub speed: f64,
    /// A shipped workload's name, or a file.
    pub workload: Option<String>,
    /// A snapshot to make a workload of.
    pub workload_from: Option<PathBuf>,
    /// Print the workload instead of running it.
    pub print_workload: bool,
    pub list_workloads: bool,
    /// Search the highest rate that meets `slo`.
    pub find_max: bool,
    pub slo: Vec<Bound>,
    /// How long a step of the search, or a block of a comparison takes.
    pub step: Option<Duration>,
    /// Two servers to compare.
    pub ab: Option<(String, String)>,
    /// Blocks a side.
    pub blocks: usize,
    pub require: Vec<Threshold>,
    /// Check what the server remembers instead of how fast it is.
    pub verify: bool,
    /// Where the server may be found after a failover.
    pub also: Vec<Target>,
    /// Measure this program instead of a server.
    pub calibrate: bool,
    /// Answer +OK to everything on this port.
    pub respond: Option<u16>,
    /// Ask the server for INFO each second; `None`: where the output shows it.
    pub server_stats: Option<bool>,
    /// The view on a terminal; `None`: if there is one.
    pub live: Option<bool>,
    /// The closed loop sends several requests in one call where the kernel has io_uring.
    pub ring: bool,
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
            mix: Mix::default(),
            warmup: None,
            runs: 1,
            reconnect_interval: None,
            hdr_prefix: None,
            json_file: None,
            html: None,
            replay: None,
            speed: 1.0,
            workload: None,
            workload_from: None,
            print_workload: false,
            list_workloads: false,
            find_max: false,
            slo: Vec::new(),
            step: None,
            ab: None,
            blocks: 10,
            require: Vec::new(),
            verify: false,
            also: Vec::new(),
            calibrate: false,
            respond: None,
            server_stats: None,
            live: None,
            ring: true,
        }
    }
}

impl Options {
    /// The kinds of run that exclude each other, by the flag that asks for each.
    fn kinds(&self) -> Vec<&'static str> {
        [
            (!self.words.is_empty(), "a command"),
            (self.mix.ratio.is_some(), "--ratio"),
            (!self.mix.commands.is_empty(), "--command"),
            (self.replay.is_some(), "--monitor-input"),
            (self.workload.is_some(), "--workload"),
            (self.workload_from.is_some(), "--workload-from"),
            (self.verify, "--verify"),
            (self.calibrate, "--calibrate"),
            (self.respond.is_some(), "--respond"),
        ]
        .into_iter()
        .filter_map(|(asked, name)| asked.then_some(name))
        .collect()
    }

    /// Two servers to compare, where the flags allow that.
    pub fn set_sides(&mut self, sides: (String, String)) -> Result<(), String> {
        self.ab = Some(sides);
        self.check()
    }

    /// What does not go together.
    pub fn check(&self) -> Result<(), String> {
        if let [a, b, ..] = self.kinds()[..] {
            return Err(format!("{a} and {b} do not go together"));
        }
        if self.rate.is_some() && !self.keep_alive {
            return Err("--rate keeps its connections: -k 0 does not go with it".into());
        }
        if self.find_max && self.slo.is_empty() {
            return Err("--find-max needs a target: --slo 'p99<1ms'".into());
        }
        if !self.slo.is_empty() && !self.find_max {
            return Err("--slo belongs to --find-max".into());
        }
        let only = |asked: bool, flag: &str| match asked {
            true if self.find_max || self.ab.is_some() => Err(format!("{flag} goes with neither --find-max nor ab")),
            _ => Ok(()),
        };
        only(self.replay.is_some(), "--monitor-input")?;
        only(self.verify, "--verify")?;
        only(self.calibrate, "--calibrate")?;
        only(self.workload.is_some() || self.workload_from.is_some(), "--workload")?;
        only(self.html.is_some(), "--html")?;
        if self.find_max && self.ab.is_some() {
            return Err("--find-max and ab do not go together".into());
        }
        let mix = &self.mix;
        if mix.key_minimum > mix.key_maximum {
            return Err("--key-minimum is above --key-maximum".into());
        }
        if mix.all_keys && (self.rate.is_some() || self.test_time.is_some()) {
            return Err("-n allkeys goes with neither --rate nor --test-time".into());
        }
        if mix.all_keys && !mix.is_asked_for() {
            return Err("-n allkeys belongs to --ratio or --command".into());
        }
        if mix.verify && mix.ratio.is_none() {
            return Err("--data-verify belongs to --ratio: it knows which values it set".into());
        }
        if mix.verify && mix.data != mix::Data::Letters {
            return Err("--data-verify makes its own values: --random-data and --compressible do not go with it".into());
        }
        Ok(())
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

/// Reads the words behind the program's name. `as_peer`: as redis-benchmark, whatever digits a number begins with count,
/// and none are 0; else what is no number is refused, so that `-n 1M` is not one request.
pub fn parse(words: Vec<OsString>, as_peer: bool) -> Asked {
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
        let find = |name: &[u8]| GROUPS.iter().flat_map(|(_, flags)| *flags).find(|flag| flag.is_named(name));
        let (flag, value) = match find(&word) {
            Some(flag) if flag.value.is_empty() => (flag, Some(Vec::new())),
            Some(flag) => (flag, words.next()),
            // As memtier: --name=value.
            None => {
                let at = word.iter().position(|b| *b == b'=').filter(|_| word.starts_with(b"--"));
                let Some((flag, at)) = at.and_then(|at| Some((find(&word[..at])?, at))) else { return unknown() };
                (flag, (!flag.value.is_empty()).then(|| word[at + 1..].to_vec()))
            }
        };
        let Some(value) = value else { return unknown() };
        if flag.whole && !as_peer && !flags::is_number(&value) {
            let (name, value) = (word.escape_ascii(), value.escape_ascii());
            return Asked::Wrong(format!("{name} takes a whole number, not \"{value}\""));
        }
        if let Err(error) = (flag.set)(&mut options, value) {
            return Asked::Wrong(error);
        }
    }
    options.words = words.collect();
    match options.check() {
        Ok(()) => Asked::Run(Box::new(options)),
        Err(sentence) => Asked::Wrong(sentence),
    }
}

fn is_uri(word: &[u8]) -> bool {
    std::str::from_utf8(word).is_ok_and(uri::looks_like_one)
}

/// What `--help` prints; `tests` are the names that `-t` takes.
pub fn usage(program: &str, tests: &[&str]) -> String {
    // Started as redis-benchmark, a command of this name is one to send.
    let ab = match program {
        "redis-benchmark" => String::new(),
        _ => format!("       {program} ab A B [OPTIONS] [COMMAND ARGS...]\n"),
    };
    let compares = if ab.is_empty() { "" } else { "ab compares two servers, each a URI or a program to start.\n" };
    let mut out = format!(
        "Usage: {program} [URI] [OPTIONS] [COMMAND ARGS...]\n{ab}\
         Loads a server with the usual tests, or with a command, and tells throughput and latencies.\n{compares}"
    );
    for (subject, flags) in GROUPS {
        super::describe(&mut out, subject, flags.iter().map(|flag| (flag.name, flag.value, flag.help)));
    }
    out.push_str(&format!(
        "  --help                    This text\n  --version                 The version\n\
         \nTests\n  {}\n\
         \nIn arguments of a command, with -r: __rand_int__ is another number each time, __rand_1st__ the same one all\n\
         through a command. __data__ is a value of -d bytes.\n\
         \nExamples\n\
         \x20 {program} -t get,set -n 1000000 -P 32 -r 100000\n\
         \x20 {program} --csv -n 10000 lpush mylist __rand_int__\n\
         \x20 {program} --rate 20000 --test-time 10 -t get\n\
         \x20 {program} --ratio 1:10 --key-pattern R:Z --data-size-range 10-1000 --test-time 30 --html run.html\n\
         \x20 {program} --find-max --slo 'p99<1ms' -t get\n\
",
        tests.join(",")
    ));
    if !compares.is_empty() {
        out.push_str(&format!(
            "  {program} ab redis://127.0.0.1:6379 redis://127.0.0.1:6380 --require 'rps>=0.95' -t set\n"
        ));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Asked {
        parse(line.split_whitespace().map(OsString::from).collect(), false)
    }

    fn run(line: &str) -> Options {
        match parsed(line) {
            Asked::Run(options) => *options,
            other => panic!("{line}: {other:?}"),
        }
    }

    #[test]
    fn names_are_there_once() {
        let mut names: Vec<_> =
            GROUPS.iter().flat_map(|(_, flags)| flags.iter().flat_map(|f| f.name.split(", "))).collect();
        names.sort_unstable();
        let before = names.len();
        names.dedup();
        assert_eq!(names.len(), before);
        let usage = usage("redis-benchmark", &["set"]);
        assert!(names.iter().all(|name| usage.contains(name)));
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
    fn flags_of_memtier() {
        let o = run(
            "--ratio=1:10 --key-pattern=S:G --key-minimum 5 --key-maximum=9 --data-size-list 5:1,9:3 --random-data \
                     --expiry-range 1-9 --requests allkeys --clients=7 --json-out-file x.json",
        );
        assert_eq!((o.mix.ratio, o.mix.key_minimum, o.mix.key_maximum), (Some((1, 10)), 5, 9));
        assert_eq!(o.mix.key_pattern, (mix::Pattern::Sequential, mix::Pattern::Gaussian));
        assert_eq!(o.mix.sizes, Some(mix::Sizes::List(vec![(5, 1), (9, 3)])));
        assert_eq!((o.mix.expiry, o.mix.all_keys, o.clients), (Some((1, 9)), true, 7));
        let words: Vec<OsString> =
            ["--command", "GET __key__", "--command-ratio=3", "--command", "PING"].map(OsString::from).into();
        let Asked::Run(o) = parse(words, false) else { panic!("two commands") };
        assert_eq!(o.mix.commands.iter().map(|c| c.ratio).collect::<Vec<_>>(), [3, 1]);
        assert_eq!(run("--monitor-input f --speed 2x").speed, 2.0);
        assert!(run("--monitor-input f --speed max").speed.is_infinite());
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
            "--ratio 1",
            "--ratio 0:0",
            "--ratio 1:1 get x",
            "--command-ratio 3",
            "--find-max",
            "--slo p99<1ms",
            "--find-max --slo p99",
            "--key-minimum 5 --key-maximum 4",
            "--data-verify",
            "-n allkeys",
            "-n allkeys --ratio 1:1 --rate 5",
            "--run-count 0",
            "--speed 0x",
            "--verify --calibrate",
            "-n 1M",
            "-n 1e6",
            "--threads two",
            "--blocks 10k",
            "--io poll",
        ] {
            assert!(matches!(parsed(line), Asked::Wrong(_)), "{line}");
        }
        let words = ["-n", "1M", "-c", "x"].map(OsString::from).into();
        let Asked::Run(o) = parse(words, true) else { panic!("redis-benchmark takes it") };
        assert_eq!((o.requests, o.clients), (1, 1));
        for line in ["-n", "-foo", "--tls-ciphers"] {
            assert!(matches!(parsed(line), Asked::Unknown(_)), "{line}");
        }
    }
}
