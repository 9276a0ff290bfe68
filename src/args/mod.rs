//! Every flag of every verb; help, completions and man pages come from here.
//!
//! The directives of `serve` are not clap's: Redis's grammar (`--save 900 1 300 10`, `--replicaof host port`) does not
//! fit it. Clap owns verbs, help and version; the words after `serve` go to [`crate::engine::config::load`] as they are,
//! and the help that lists directives is derived from the configuration table.

pub mod aof;
pub mod bench;
pub mod cli;
pub mod rdb;
pub mod whole;

use crate::engine::config::{REDIS_VERSION, table};
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use std::ffi::OsString;
use std::path::Path;

#[derive(Parser, Debug)]
#[command(
    name = "rustredis",
    version,
    about = "The Redis toolbox in one binary",
    after_help = "Started as redis-server, redis-cli, redis-benchmark, redis-check-rdb or redis-check-aof (a link to this \
                  binary), it behaves as that program.",
    disable_help_subcommand = true,
    arg_required_else_help = true
)]
pub struct Cli {
    #[command(subcommand)]
    pub verb: Verb,
}

#[derive(Subcommand, Debug)]
pub enum Verb {
    /// Run the server
    ///
    /// Without arguments it listens on port 6379 of every address, answers this host only (protected mode) until there
    /// is a password, and keeps its snapshot `dump.rdb` in the current directory.
    Serve(Serve),
    /// Read snapshots: print, check, summarize, compare, convert, rescue
    Rdb {
        #[command(subcommand)]
        verb: rdb::RdbVerb,
    },
    /// Read append-only files: print, check, and cut what is broken or too late
    Aof {
        #[command(subcommand)]
        verb: aof::AofVerb,
    },
    /// Talk to a server: one command, a session, or a look at it
    ///
    /// Flags, output and exit codes are those of redis-cli.
    #[command(disable_help_flag = true)]
    Cli(Words),
    /// Load a server, and tell throughput and latencies
    ///
    /// Flags and output are those of redis-benchmark, mixes with memtier's flags, and more: an open loop, workloads, searches,
    /// comparisons, checks of what a server remembers.
    #[command(disable_help_flag = true)]
    Bench(Words),
}

/// Words that a grammar of their own reads: see [`cli::parse`] and [`bench::parse`].
#[derive(clap::Args, Debug)]
pub struct Words {
    #[arg(value_name = "FLAG | COMMAND", trailing_var_arg = true, allow_hyphen_values = true, num_args = 0..)]
    pub words: Vec<OsString>,
}

#[derive(clap::Args, Debug)]
pub struct Serve {
    /// FILE is a redis.conf; flags override it; a last `-` reads more directives from standard input.
    #[arg(value_name = "FILE | --directive value | -", trailing_var_arg = true, allow_hyphen_values = true, num_args = 0..)]
    pub words: Vec<OsString>,
}

/// What a program's name asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Name {
    /// No program of Redis: verbs are spelled out.
    Own,
    Server,
    Cli,
    Benchmark,
    CheckRdb,
    CheckAof,
    /// Not replaced; Redis's own is to be used.
    Sentinel,
}

/// The program a link to the binary stands for, by the last part of `argv0`. Valkey's names mean the same.
pub fn link_name_verb(argv0: &str) -> Name {
    let name = Path::new(argv0).file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let name = name.strip_suffix(".exe").unwrap_or(&name);
    match name.strip_prefix("redis-").or(name.strip_prefix("valkey-")) {
        Some("server") => Name::Server,
        Some("cli") => Name::Cli,
        Some("benchmark") => Name::Benchmark,
        Some("check-rdb") => Name::CheckRdb,
        Some("check-aof") => Name::CheckAof,
        Some("sentinel") => Name::Sentinel,
        _ => Name::Own,
    }
}

/// Reads a command line under our own name. On a wrong one, on `--help` and on `--version` the error carries the text
/// and the exit code: print it with [`clap::Error::exit`].
pub fn parse(words: impl IntoIterator<Item = OsString>) -> Result<Cli, clap::Error> {
    Cli::from_arg_matches(&command().try_get_matches_from(words)?)
}

/// The whole grammar, with the parts of the help that are derived from tables.
pub fn command() -> clap::Command {
    Cli::command().mut_subcommand("serve", |serve| serve.after_help(serve_help()).override_usage(SERVE_USAGE))
}

const SERVE_USAGE: &str = "rustredis serve [FILE] [--directive value ...]... [-]";

/// The directives people reach for first, by what they are about.
const FIRST: &[(&str, &[(&str, &str)])] = &[
    (
        "Listening",
        &[
            ("port", "TCP port; 0 for none"),
            ("bind", "addresses; '-' in front: skip if absent"),
            ("unixsocket", "path of a Unix socket"),
            ("requirepass", "password of the default user"),
            ("maxclients", "connections at a time"),
        ],
    ),
    ("Work", &[("threads", "worker threads; 0: one per core"), ("databases", "how many databases SELECT knows")]),
    (
        "Memory",
        &[
            ("maxmemory", "limit such as 2gb; 0: none"),
            ("maxmemory-policy", "whom to evict at the limit, e.g. allkeys-lru"),
        ],
    ),
    (
        "Files",
        &[
            ("dir", "where snapshot and log are kept"),
            ("dbfilename", "name of the snapshot"),
            ("save", "'SECONDS CHANGES ...'; '' for never"),
            ("appendonly", "log every write"),
            ("appendfsync", "when the log reaches the disk"),
        ],
    ),
    ("Replication", &[("replicaof", "HOST PORT of the primary"), ("masterauth", "its password")]),
    (
        "Process",
        &[
            ("daemonize", "run in the background"),
            ("pidfile", "file to write the process id to"),
            ("loglevel", "debug, verbose, notice, warning"),
            ("logfile", "'' for standard output"),
        ],
    ),
];

/// What `serve --help` says below its usage; defaults come from the configuration table.
pub fn serve_help() -> String {
    let mut text = String::from("Directives, and what holds without them:\n");
    for (subject, directives) in FIRST {
        text.push_str(&format!("\n{subject}\n"));
        for (name, meaning) in *directives {
            let default = table::find(name.as_bytes()).map_or("", |row| row.default);
            let default = if default.is_empty() { "''" } else { default };
            text.push_str(&format!("  --{name:<18} {meaning:<44} [{default}]\n"));
        }
    }
    text.push_str(&format!(
        "\nEvery other directive of redis.conf is taken too ({} in all): what the file calls 'name value' is\n\
         '--name value' here. See them with their values: redis-cli config get '*'\n\
         \n\
         Examples\n\
         \x20 rustredis serve --port 7000 --dir /var/lib/cache --maxmemory 2gb --maxmemory-policy allkeys-lru\n\
         \x20 rustredis serve /etc/redis/redis.conf --loglevel verbose\n\
         \x20 rustredis serve --replicaof 10.0.0.5 6379\n\
         \x20 echo 'maxmemory 128mb' | rustredis serve -\n",
        table::rows().count()
    ));
    text
}

/// Adds a group of flags, each with its value's name and its meaning, to a help text.
fn describe<'a>(out: &mut String, subject: &str, flags: impl Iterator<Item = (&'a str, &'a str, &'a str)>) {
    out.push_str(&format!("\n{subject}\n"));
    for (name, value, help) in flags {
        let head = format!("{name} {value}");
        match head.len() {
            ..=25 => out.push_str(&format!("  {head:<25} {help}\n")),
            _ => out.push_str(&format!("  {head}\n  {:<25} {help}\n", "")),
        }
    }
}

/// What `redis-server --version` prints: scripts cut the version out of it.
pub fn server_version_line() -> String {
    let build = env!("CARGO_PKG_VERSION")
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3));
    format!("Redis server v={REDIS_VERSION} sha=00000000:0 malloc=mimalloc bits=64 build={build:016x}")
}

/// What `redis-server --help` prints, on standard error and with exit code 1, as Redis 7.0 does.
pub fn server_usage(program: &str) -> String {
    format!(
        "Usage: {program} [/path/to/redis.conf] [options] [-]\n\
         \x20      {program} - (read config from stdin)\n\
         \x20      {program} -v or --version\n\
         \x20      {program} -h or --help\n\
         \n\
         Examples:\n\
         \x20      {program} (run the server with default conf)\n\
         \x20      echo 'maxmemory 128mb' | {program} -\n\
         \x20      {program} /etc/redis/6379.conf\n\
         \x20      {program} --port 7777\n\
         \x20      {program} --port 7777 --replicaof 127.0.0.1 8888\n\
         \x20      {program} /etc/myredis.conf --loglevel verbose -\n\
         \x20      {program} /etc/myredis.conf --loglevel verbose\n\
         \n{}",
        serve_help()
            .lines()
            .take_while(|line| !line.starts_with("Every other"))
            .map(|l| format!("{l}\n"))
            .collect::<String>()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &[&str]) -> Vec<OsString> {
        line.iter().map(OsString::from).collect()
    }

    #[test]
    fn the_grammar_is_sound() {
        command().debug_assert();
    }

    #[test]
    fn links_behave_as_what_they_are_called() {
        for (argv0, want) in [
            ("rustredis", Name::Own),
            ("/usr/bin/redis-server", Name::Server),
            ("valkey-server", Name::Server),
            ("./redis-cli", Name::Cli),
            ("redis-benchmark", Name::Benchmark),
            ("redis-check-rdb", Name::CheckRdb),
            ("redis-check-aof", Name::CheckAof),
            ("redis-sentinel", Name::Sentinel),
            ("", Name::Own),
        ] {
            assert_eq!(link_name_verb(argv0), want, "{argv0}");
        }
    }

    #[test]
    fn directives_reach_the_configuration_as_written() {
        for line in [
            &["--port", "7000", "--save", "", "--replicaof", "a", "1"][..],
            &["/etc/redis.conf", "--loglevel", "verbose", "-"],
            &["-"],
            &["--requirepass", "--help"],
            &[],
        ] {
            let all = [&["rustredis", "serve"], line].concat();
            let Verb::Serve(serve) = parse(words(&all)).unwrap_or_else(|e| panic!("{line:?}: {e}")).verb else {
                panic!("{line:?} is no serve");
            };
            assert_eq!(serve.words, words(line));
        }
    }

    #[test]
    fn help_shows_every_first_directive_with_the_tables_default() {
        let help = parse(words(&["rustredis", "serve", "--help"])).expect_err("help").to_string();
        for (name, _) in FIRST.iter().flat_map(|(_, directives)| *directives) {
            assert!(table::find(name.as_bytes()).is_some(), "{name} is no directive");
            assert!(help.contains(&format!("--{name} ")), "{name} is not in the help");
        }
        assert!(help.contains("[6379]") && help.contains("[3600 1 300 100 60 10000]"), "{help}");
    }
}
