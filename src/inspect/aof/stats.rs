//! `aof stats`: a log on one page.

use super::files::Log;
use super::predict::Predict;
use super::walk::{Step, walk};
use crate::args::aof::Stats;
use crate::engine::table;
use crate::inspect::{json, output};
use anyhow::{Result, anyhow};
use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::io::{self, Write};
use std::ops::ControlFlow;
use std::process::ExitCode;

/// Names counted one by one; once there are so many, further ones are counted together.
const MOST_NAMES: usize = 100_000;

#[derive(Clone, Copy, Default)]
struct Tally {
    ops: u64,
    bytes: u64,
}

impl Tally {
    fn add(&mut self, bytes: u64) {
        self.ops += 1;
        self.bytes += bytes;
    }
}

#[derive(Default)]
struct Summary {
    files: Vec<(String, u64, Tally)>,
    all: Tally,
    transactions: u64,
    /// Keys and libraries of snapshots.
    records: u64,
    stamps: Option<(i64, i64)>,
    dbs: BTreeMap<u64, Tally>,
    commands: HashMap<Vec<u8>, Tally>,
    prefixes: HashMap<Vec<u8>, Tally>,
    predict: Predict,
}

pub fn run(stats: &Stats) -> Result<ExitCode> {
    crate::commands::install();
    let log = Log::open(&stats.path, true).map_err(|error| anyhow!("{error}"))?;
    let mut summary = Summary::default();
    let mut walked = Ok(());
    for part in &log.parts {
        let mut of_file = Tally::default();
        let (mut end, separator) = (0, stats.separator.as_bytes());
        let read = walk(part, |step| {
            end = end.max(step.at + step.bytes);
            summary.step(&step, separator, &mut of_file);
            Ok(ControlFlow::Continue(()))
        });
        // A snapshot ends with more than its last record; standard input has no length to ask for.
        let len = std::fs::metadata(&part.path).map_or(end, |about| about.len());
        summary.files.push((part.name.clone(), len, of_file));
        if let Err(error) = read {
            walked = Err(error);
            break;
        }
    }
    let mut out = output::stdout();
    summary.print(stats.top, walked.is_ok(), &mut out)?;
    out.flush()?;
    // What comes before a fault is told in any case.
    walked.map(|()| ExitCode::SUCCESS)
}

impl Summary {
    fn step(&mut self, step: &Step<'_>, separator: &[u8], of_file: &mut Tally) {
        self.predict.take(step.db, step.args);
        if step.made {
            self.records += u64::from(step.bytes > 0);
            return;
        }
        if let Some(at) = step.seconds {
            let (first, last) = self.stamps.unwrap_or((at, at));
            self.stamps = Some((first.min(at), last.max(at)));
        }
        self.transactions += u64::from(step.args.is(0, "multi"));
        self.all.add(step.bytes);
        of_file.add(step.bytes);
        self.dbs.entry(step.db).or_default().add(step.bytes);
        let command = table::find_words(step.args);
        let mut unknown = Vec::new();
        let name = match command {
            Some(command) => command.name.as_bytes(),
            None => {
                unknown.extend(step.args.at(0).iter().take(64).map(u8::to_ascii_lowercase));
                &unknown
            }
        };
        add(&mut self.commands, name, step.bytes);
        let mut places = Vec::new();
        let found = command.is_some_and(|command| command.keys.positions(step.args, &mut places).is_ok());
        let first = places.first().filter(|_| found).and_then(|place| step.args.get(place.index as usize));
        if let Some(key) = first {
            add(&mut self.prefixes, prefix(key, separator), step.bytes);
        }
    }

    fn print(&self, top: usize, whole: bool, out: &mut impl Write) -> io::Result<()> {
        for (name, len, of_file) in &self.files {
            writeln!(out, "{name}: {len} bytes, {} commands of {} bytes", of_file.ops, of_file.bytes)?;
        }
        if self.records > 0 {
            writeln!(out, "snapshot in front: {} keys and libraries, not among the operations below", self.records)?;
        }
        if let Some((first, last)) = self.stamps {
            let time = |s: i64| json::time(s.saturating_mul(1000));
            writeln!(out, "written from {} to {}", time(first), time(last))?;
        }
        writeln!(out, "transactions: {}", self.transactions)?;
        writeln!(out, "\n{:<32} {:>12} {:>7} {:>15} {:>7} {:>9}", "", "OPERATIONS", "", "BYTES", "", "EACH")?;
        self.row("all", &self.all, out)?;
        for (db, tally) in &self.dbs {
            self.row(&format!("db {db}"), tally, out)?;
        }
        writeln!(out, "\nCOMMANDS (of {})", self.commands.len())?;
        self.most(&self.commands, top, out)?;
        writeln!(out, "\nPREFIXES of the commands' first keys (of {})", self.prefixes.len())?;
        self.most(&self.prefixes, top, out)?;
        if whole { self.print_prediction(out) } else { Ok(()) }
    }

    fn most(&self, tallies: &HashMap<Vec<u8>, Tally>, top: usize, out: &mut impl Write) -> io::Result<()> {
        let mut all: Vec<_> = tallies.iter().collect();
        all.sort_by_key(|(name, tally)| (Reverse(tally.bytes), *name));
        for (name, tally) in all.into_iter().take(top) {
            let mut shown = Vec::new();
            json::quoted(name, &mut shown);
            let shown = String::from_utf8_lossy(&shown);
            self.row(if name.is_empty() { "(none)" } else { &shown[1..shown.len() - 1] }, tally, out)?;
        }
        Ok(())
    }

    fn row(&self, name: &str, t: &Tally, out: &mut impl Write) -> io::Result<()> {
        let share = |part: u64, of: u64| part as f64 / of.max(1) as f64 * 100.0;
        let (ops, bytes) = (share(t.ops, self.all.ops), share(t.bytes, self.all.bytes));
        let each = t.bytes / t.ops.max(1);
        writeln!(out, "{name:<32} {:>12} {ops:>6.1}% {:>15} {bytes:>6.1}% {each:>9}", t.ops, t.bytes)
    }

    fn print_prediction(&self, out: &mut impl Write) -> io::Result<()> {
        let now: u64 = self.files.iter().map(|(_, len, _)| len).sum();
        let then = self.predict.bytes();
        let saved = (now as f64 - then as f64) / now.max(1) as f64 * 100.0;
        writeln!(out, "\nREWRITE: {now} bytes would become about {then}, which saves {saved:.0}%")?;
        write!(
            out,
            "Told from the commands, none of which ran: of each key what its last value takes in a snapshot, without compression"
        )?;
        if self.predict.one_in() > 1 {
            write!(out, "; one in {} keys was looked at", self.predict.one_in())?;
        }
        if self.predict.untold > 0 {
            write!(out, "; {} commands whose effect they do not tell were left out", self.predict.untold)?;
        }
        writeln!(out, ".")
    }
}

fn add(tallies: &mut HashMap<Vec<u8>, Tally>, name: &[u8], bytes: u64) {
    match tallies.get_mut(name) {
        Some(known) => known.add(bytes),
        None => {
            let name = if tallies.len() < MOST_NAMES { name } else { b"(others)" };
            tallies.entry(name.to_vec()).or_default().add(bytes);
        }
    }
}

/// A key's prefix with its end, or nothing.
fn prefix<'a>(key: &'a [u8], separator: &[u8]) -> &'a [u8] {
    let found = (!separator.is_empty()).then(|| key.windows(separator.len()).position(|w| w == separator)).flatten();
    found.map_or(b"", |at| &key[..at + separator.len()])
}
