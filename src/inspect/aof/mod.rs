//! `rustredis aof …`.

mod check;
mod dump;
mod files;
mod predict;
mod recover;
mod scan;
mod stats;
mod walk;

use super::output;
use crate::args::aof::{AofVerb, Check};
use std::ffi::OsString;
use std::process::ExitCode;

/// Runs a verb to its exit code.
pub fn run(verb: AofVerb) -> ExitCode {
    let name = "rustredis aof";
    match verb {
        AofVerb::Check(check) => output::exit(name, 1, check::run(&check, true)),
        AofVerb::Dump(dump) => output::exit(name, 1, dump::run(&dump)),
        AofVerb::Stats(stats) => output::exit(name, 1, stats::run(&stats)),
        AofVerb::Recover(recover) => output::exit(name, 1, recover::run(&recover)),
    }
}

/// `redis-check-aof`'s command line.
pub fn redis_check_aof(program: &str, words: &[OsString]) -> ExitCode {
    let mut check = Check { path: Default::default(), fix: false, truncate_to_timestamp: None, yes: false };
    match words {
        [file] => check.path = file.into(),
        [flag, file] if flag == "--fix" => (check.fix, check.path) = (true, file.into()),
        [flag, time, file] if flag == "--truncate-to-timestamp" => {
            let Some(time) = time.to_str().and_then(|time| time.parse().ok()) else {
                println!("Invalid timestamp, aborting...");
                return ExitCode::FAILURE;
            };
            (check.truncate_to_timestamp, check.path) = (Some(time), file.into());
        }
        _ => {
            println!("Usage: {program} [--fix|--truncate-to-timestamp $timestamp] <file.manifest|file.aof>");
            return ExitCode::FAILURE;
        }
    }
    output::exit(program, 1, check::run(&check, false))
}
