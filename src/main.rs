//! Verb dispatch and exit codes.

use rustredis::args::{self, Name, Verb};
use std::ffi::OsString;
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: rustredis::base::alloc::Counting = rustredis::base::alloc::Counting;

fn main() -> ExitCode {
    let mut words: Vec<OsString> = std::env::args_os().collect();
    let argv0 = words.first().map(|word| word.to_string_lossy().into_owned()).unwrap_or_default();
    match args::link_name_verb(&argv0) {
        // Scripts run the client once a command: it has no use for the other verbs' grammar.
        Name::Own if words.get(1).is_some_and(|word| word == "cli") => {
            rustredis::cli::run(words.split_off(2), "rustredis cli")
        }
        Name::Own if words.get(1).is_some_and(|word| word == "bench") => {
            rustredis::bench::run(words.split_off(2), "rustredis bench")
        }
        Name::Own => match args::parse(words) {
            Ok(cli) => match cli.verb {
                Verb::Serve(serve) => run_server(serve.words),
                Verb::Rdb { verb } => rustredis::inspect::rdb::run(verb),
                Verb::Aof { verb } => rustredis::inspect::aof::run(verb),
                Verb::Cli(cli) => rustredis::cli::run(cli.words, "rustredis cli"),
                Verb::Bench(bench) => rustredis::bench::run(bench.words, "rustredis bench"),
            },
            Err(error) => error.exit(),
        },
        Name::Server => redis_server(&argv0, words.split_off(1.min(words.len()))),
        Name::Sentinel => {
            refuse("redis-sentinel is not replaced by rustredis: run Redis's own sentinel, it watches this server too.")
        }
        Name::Cli => rustredis::cli::run(words.split_off(1), "redis-cli"),
        Name::CheckRdb => rustredis::inspect::rdb::redis_check_rdb(&argv0, &words.split_off(1.min(words.len()))),
        Name::Benchmark => rustredis::bench::run(words.split_off(1.min(words.len())), "redis-benchmark"),
        Name::CheckAof => rustredis::inspect::aof::redis_check_aof(&argv0, &words.split_off(1.min(words.len()))),
    }
}

/// Started under Redis's name: its flags that are not directives come first.
fn redis_server(argv0: &str, words: Vec<OsString>) -> ExitCode {
    match words.first().and_then(|word| word.to_str()) {
        Some("-v" | "--version") if words.len() == 1 => {
            println!("{}", args::server_version_line());
            ExitCode::SUCCESS
        }
        Some("-h" | "--help") if words.len() == 1 => refuse(&args::server_usage(argv0)),
        _ if words.iter().any(|word| word == "--sentinel") => {
            refuse("rustredis is no sentinel: run Redis's own redis-sentinel, it watches this server too.")
        }
        _ => run_server(words),
    }
}

fn refuse(sentence: &str) -> ExitCode {
    eprintln!("{sentence}");
    ExitCode::FAILURE
}

/// Runs the server with the words of a command line.
fn run_server(words: Vec<OsString>) -> ExitCode {
    use std::os::unix::ffi::OsStringExt;
    let words: Vec<Vec<u8>> = words.into_iter().map(OsString::into_vec).collect();
    rustredis::server::boot::run(&words)
}
