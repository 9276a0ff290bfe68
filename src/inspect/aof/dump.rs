//! `aof dump`: every command, with where it stands, its database and its time.

use super::files::{Log, Part};
use super::walk::{Step, walk};
use crate::args::aof::Dump;
use crate::args::rdb::{Filter, Format};
use crate::base::glob::glob_match;
use crate::engine::table;
use crate::inspect::rdb::dump::{end, field, optional};
use crate::inspect::{json, output};
use crate::resp::Args;
use anyhow::{Result, anyhow, ensure};
use std::io::Write;
use std::ops::ControlFlow;
use std::process::ExitCode;

/// Types as `rdb dump` names them, and the groups of commands that are about them.
const TYPES: &[(&str, &[&str])] = &[
    ("string", &["string", "bitmap", "hyperloglog"]),
    ("list", &["list"]),
    ("set", &["set"]),
    ("zset", &["sorted-set", "geo"]),
    ("hash", &["hash"]),
    ("stream", &["stream"]),
    ("module", &["module"]),
];

pub fn run(dump: &Dump) -> Result<ExitCode> {
    crate::commands::install();
    let filter = &dump.filter;
    for kind in &filter.kind {
        ensure!(TYPES.iter().any(|(name, _)| name == kind), "no such type: {kind}");
    }
    ensure!(
        filter.ttl.is_none(),
        "--ttl asks for the time that a key has left, which no single command tells: see `rdb dump`"
    );
    let log = Log::open(&dump.path, true).map_err(|error| anyhow!("{error}"))?;
    let mut out = output::stdout();
    begin(dump.format, &mut out)?;
    let (mut taken, mut line) = (0, Vec::new());
    let mut walked = Ok(ControlFlow::Continue(()));
    for part in &log.parts {
        // Where each file begins, whoever loads it is in database 0; whoever reads the dump is where the last one ended.
        let mut db = None;
        walked = walk(part, |step| {
            if filter.limit.is_some_and(|limit| taken >= limit) {
                return Ok(ControlFlow::Break(()));
            }
            if !wants(filter, &step) {
                return Ok(ControlFlow::Continue(()));
            }
            line.clear();
            if dump.format == Format::Resp {
                // SELECT stands where it is needed, whatever was left out.
                if !step.args.is(0, "select") {
                    if db != Some(step.db) {
                        db = Some(step.db);
                        resp([&b"SELECT"[..], step.db.to_string().as_bytes()].into_iter(), &mut line);
                    }
                    resp(step.args.iter(), &mut line);
                }
            } else {
                record(dump.format, part, &step, taken == 0, &mut line);
            }
            taken += 1;
            out.write_all(&line)?;
            Ok(ControlFlow::Continue(()))
        });
        if !matches!(walked, Ok(ControlFlow::Continue(()))) {
            break;
        }
    }
    end(dump.format, taken == 0, &mut out)?;
    out.flush()?;
    let _ = walked?; // full or at the end
    Ok(ExitCode::SUCCESS)
}

/// Calls `each` with every key that a command names.
fn keys<'a>(args: Args<'a>, mut each: impl FnMut(&'a [u8])) {
    let mut places = Vec::new();
    if let Some(command) = table::find_words(args)
        && command.keys.positions(args, &mut places).is_ok()
    {
        places.iter().filter_map(|place| args.get(place.index as usize)).for_each(&mut each);
    }
}

fn wants(filter: &Filter, step: &Step<'_>) -> bool {
    if !filter.db.is_empty() && !filter.db.contains(&step.db) || filter.min_size.is_some_and(|n| step.bytes < n) {
        return false;
    }
    if !filter.kind.is_empty() {
        let group = table::find_words(step.args).map_or("", |command| command.spec.group);
        let fits = |kind: &String| TYPES.iter().any(|(name, groups)| name == kind && groups.contains(&group));
        if !filter.kind.iter().any(fits) {
            return false;
        }
    }
    if filter.key.is_empty() && filter.not_key.is_empty() {
        return true;
    }
    // Of a command with several keys one is enough, for and against.
    let fits = |globs: &[String], key: &[u8]| globs.iter().any(|glob| glob_match(glob.as_bytes(), key, false));
    let (mut wanted, mut unwanted) = (filter.key.is_empty(), false);
    keys(step.args, |key| {
        wanted |= fits(&filter.key, key);
        unwanted |= fits(&filter.not_key, key);
    });
    wanted && !unwanted
}

fn begin(format: Format, out: &mut impl Write) -> std::io::Result<()> {
    match format {
        Format::Table => {
            writeln!(out, "{:<28} {:>12} {:>9} {:>3} {:<24}  COMMAND", "FILE", "OFFSET", "BYTES", "DB", "TIME")
        }
        Format::Json => out.write_all(b"["),
        Format::Csv => out.write_all(b"file,offset,bytes,db,timestamp,command\r\n"),
        Format::Ndjson | Format::Resp => Ok(()),
    }
}

fn resp<'a>(words: impl ExactSizeIterator<Item = &'a [u8]>, out: &mut Vec<u8>) {
    out.extend_from_slice(format!("*{}\r\n", words.len()).as_bytes());
    for word in words {
        out.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
        out.extend_from_slice(word);
        out.extend_from_slice(b"\r\n");
    }
}

fn quoted(args: Args<'_>, out: &mut Vec<u8>) {
    for (i, word) in args.iter().enumerate() {
        if i > 0 {
            out.push(b' ');
        }
        json::quoted(word, out);
    }
}

fn record(format: Format, part: &Part, step: &Step<'_>, first: bool, line: &mut Vec<u8>) {
    let (at, bytes, db) = (step.at, step.bytes, step.db);
    match format {
        Format::Table => {
            let time = step.seconds.map_or_else(|| "-".to_owned(), |s| json::time(s.saturating_mul(1000)));
            line.extend_from_slice(format!("{:<28} {at:>12} {bytes:>9} {db:>3} {time:<24}  ", part.name).as_bytes());
            quoted(step.args, line);
        }
        Format::Csv => {
            json::csv(part.name.as_bytes(), line);
            line.extend_from_slice(format!(",{at},{bytes},{db},").as_bytes());
            optional(step.seconds, line);
            line.push(b',');
            let mut words = Vec::new();
            quoted(step.args, &mut words);
            json::csv(&words, line);
            line.push(b'\r');
        }
        Format::Json | Format::Ndjson | Format::Resp => {
            if format == Format::Json {
                line.extend_from_slice(if first { b"\n" } else { b",\n" });
            }
            line.extend_from_slice(b"{\"file\":");
            json::text(part.name.as_bytes(), line);
            field("offset", Some(at), line);
            field("bytes", Some(bytes), line);
            field("db", Some(db), line);
            field("timestamp", step.seconds, line);
            line.extend_from_slice(b",\"command\":[");
            for (i, word) in step.args.iter().enumerate() {
                if i > 0 {
                    line.push(b',');
                }
                json::text(word, line);
            }
            line.extend_from_slice(b"]}");
        }
    }
    if format != Format::Json {
        line.push(b'\n');
    }
}
