//! `rustredis rdb …`.

pub(super) mod check;
pub(super) mod commands;
mod convert;
mod diff;
mod digest;
pub(super) mod dump;
mod html;
mod salvage;
mod stats;
mod text;

use super::output;
use crate::args::rdb::RdbVerb;
use crate::rdb::{Fault, Reader};
use std::ffi::OsString;
use std::io::Read;
use std::path::Path;
use std::process::ExitCode;

/// Runs a verb to its exit code.
pub fn run(verb: RdbVerb) -> ExitCode {
    let name = "rustredis rdb";
    match verb {
        RdbVerb::Dump(dump) => output::exit(name, 1, dump::run(&dump)),
        RdbVerb::Check { file } => output::exit(name, 1, check::run(&file, true)),
        RdbVerb::Stats(stats) => output::exit(name, 1, stats::run(&stats)),
        RdbVerb::Diff { a, b } => output::exit(name, 2, diff::run(&a, &b)),
        RdbVerb::Convert(convert) => output::exit(name, 1, convert::run(&convert)),
        RdbVerb::Salvage { file, output } => output::exit(name, 2, salvage::run(&file, &output)),
    }
}

/// `redis-check-rdb`'s command line.
pub fn redis_check_rdb(program: &str, words: &[OsString]) -> ExitCode {
    match words {
        [word] if word == "--version" || word == "-v" => {
            println!("redis-check-rdb {}", crate::engine::config::REDIS_VERSION);
            ExitCode::SUCCESS
        }
        [file] => output::exit(program, 1, check::run(Path::new(file), false)),
        _ => {
            eprintln!("Usage: {program} <rdb-file-name>");
            ExitCode::FAILURE
        }
    }
}

/// A fault as an error that names the file and the key it was in, and what can be done.
fn broken<R: Read>(path: &Path, reader: &Reader<R>, fault: Fault) -> anyhow::Error {
    let name = path.display();
    if let crate::rdb::Why::Io(error) = fault.why {
        return anyhow::Error::new(error).context(format!("reading {name}"));
    }
    let mut within = String::new();
    if reader.doing() == crate::rdb::Doing::Value {
        let mut name = Vec::new();
        super::json::quoted(reader.key(), &mut name);
        within = format!(" in the value of {}", String::from_utf8_lossy(&name));
    }
    let next = match fault.why {
        crate::rdb::Why::Version(1..) => "A server of a later version wrote it than is read here".to_owned(),
        _ => next_step(path),
    };
    anyhow::anyhow!(
        "{name}: broken at offset {}{within}: {}{}{next}",
        fault.at,
        fault.why,
        if next.is_empty() { "" } else { ". " }
    )
}

/// What to do about a file that cannot be read; nothing for standard input, which is gone.
fn next_step(path: &Path) -> String {
    if path.as_os_str() == "-" {
        return String::new();
    }
    super::input::mistaken(path, "rdb")
        .unwrap_or_else(|| format!("`rustredis rdb salvage {} -o FILE` saves what can be read", path.display()))
}

/// What belongs to a field's name in a packed hash: its value, and when it expires, if it does (Unix ms).
fn field_of<'a>(
    elements: &mut crate::rdb::Elements<'a>,
    form: crate::rdb::Form,
) -> Result<(crate::data::Item<'a>, Option<i64>), &'static str> {
    let value = elements.next().ok_or("a field without its value")?;
    let expiry = match form {
        crate::rdb::Form::ListpackEx => elements.next().ok_or("a field without its expiry")?.as_int(),
        _ => None,
    };
    Ok((value, expiry.filter(|at| *at != 0)))
}

fn now_ms() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
