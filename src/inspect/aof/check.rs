//! `aof check`, and `redis-check-aof`: its words, its exit codes, and the two ways in which it cuts a log.

use super::files::Log;
use super::scan::Scan;
use crate::aof::{self, Start};
use crate::args::aof::Check;
use crate::inspect::input::Input;
use crate::inspect::output;
use crate::inspect::rdb::check as snapshot;
use crate::rdb::Reader;
use anyhow::{Context, Result};
use std::fs::File;
use std::io::{BufReader, Cursor, Read, Write};
use std::path::Path;
use std::process::ExitCode;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Sound,
    Empty,
    Cut,
    /// It was told why.
    Failed,
}

struct Checker<'a, W> {
    check: &'a Check,
    /// Under our own name: asks before each cut.
    own: bool,
    out: W,
    /// Lines passed, over all files as redis-check-aof counts them.
    line: u64,
}

pub fn run(check: &Check, own: bool) -> Result<ExitCode> {
    let mut checker = Checker { check, own, out: output::stdout(), line: 1 };
    let sound = checker.log()?;
    checker.out.flush()?;
    Ok(if sound { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

impl<W: Write> Checker<'_, W> {
    fn log(&mut self) -> Result<bool> {
        let path = &self.check.path;
        let log = match Log::open(path, self.own) {
            Ok(log) => log,
            Err(error) => {
                writeln!(self.out, "{error}")?;
                return Ok(false);
            }
        };
        if log.manifest.is_none() {
            writeln!(self.out, "Start checking Old-Style AOF")?;
            let name = path.display().to_string();
            let outcome = self.file(path, &name, true)?;
            self.verdict("", &name, outcome)?;
            return Ok(outcome != Outcome::Failed);
        }
        writeln!(self.out, "Start checking Multi Part AOF")?;
        let last = log.parts.len().saturating_sub(1);
        let mut told_of_increments = false;
        for (i, part) in log.parts.iter().enumerate() {
            let kind = if part.base { "BASE " } else { "INCR " };
            if part.base {
                let first = match first_bytes(&part.path) {
                    Ok(first) => first,
                    Err(error) => {
                        writeln!(self.out, "Cannot open file {}: {}", part.path.display(), reason(&error))?;
                        return Ok(false);
                    }
                };
                let form = if aof::sniff(&first) == Start::Rdb { "RDB" } else { "RESP" };
                writeln!(self.out, "Start to check BASE AOF ({form} format).")?;
            } else if !told_of_increments {
                told_of_increments = true;
                writeln!(self.out, "Start to check INCR files.")?;
            }
            let outcome = self.file(&part.path, &part.name, i == last)?;
            self.verdict(kind, &part.name, outcome)?;
            if outcome == Outcome::Failed {
                return Ok(false);
            }
        }
        writeln!(self.out, "All AOF files and manifest are valid")?;
        Ok(true)
    }

    fn verdict(&mut self, kind: &str, name: &str, outcome: Outcome) -> std::io::Result<()> {
        match outcome {
            Outcome::Sound => writeln!(self.out, "{kind}AOF {name} is valid"),
            Outcome::Empty => writeln!(self.out, "{kind}AOF {name} is empty"),
            Outcome::Cut => match self.check.truncate_to_timestamp {
                Some(time) => writeln!(self.out, "Successfully truncated AOF {name} to timestamp {time}"),
                None => writeln!(self.out, "Successfully truncated AOF {name}"),
            },
            Outcome::Failed => Ok(()),
        }
    }

    fn file(&mut self, path: &Path, name: &str, last: bool) -> Result<Outcome> {
        let size = match std::fs::metadata(path) {
            Ok(about) if about.is_dir() => {
                writeln!(self.out, "Cannot read file: {}", path.display())?;
                return Ok(Outcome::Failed);
            }
            Ok(about) => about.len(),
            Err(error) => {
                writeln!(self.out, "Cannot open file {}: {}", path.display(), reason(&error))?;
                return Ok(Outcome::Failed);
            }
        };
        if size == 0 {
            return Ok(Outcome::Empty);
        }
        let first = first_bytes(path).with_context(|| format!("reading {}", path.display()))?;
        let mut source: Box<dyn Read> = Box::new(Input::open(path)?);
        let mut at = 0;
        if first.len() >= 8 && aof::sniff(&first) == Start::Rdb {
            let mut reader = Reader::new(source);
            if !snapshot::look(&mut reader, name, self.own, &mut self.out)? {
                writeln!(self.out, "RDB preamble of AOF file is not sane, aborting.")?;
                return Ok(Outcome::Failed);
            }
            writeln!(self.out, "RDB preamble is OK, proceeding with AOF tail...")?;
            at = reader.offset();
            let (rest, inner) = reader.into_rest();
            source = Box::new(Cursor::new(rest).chain(inner));
        }
        let mut scan = Scan::new(BufReader::with_capacity(256 << 10, source), at, self.line);
        let until = self.check.truncate_to_timestamp;
        let found = scan.run(name, until).with_context(|| format!("reading {}", path.display()))?;
        self.line = scan.line;
        drop(scan);
        if found.bad_stamp {
            writeln!(self.out, "Invalid timestamp annotation")?;
            return Ok(Outcome::Failed);
        }
        if let (Some(at), Some(until)) = (found.late, until) {
            return self.cut_late(path, name, last, (size, at, until));
        }
        if let Some(error) = found.error {
            writeln!(self.out, "{error}")?;
        }
        let behind = size.saturating_sub(found.good);
        match until {
            Some(until) if behind == 0 => writeln!(self.out, "Truncate nothing in AOF {name} to timestamp {until}")?,
            _ => writeln!(
                self.out,
                "AOF analyzed: filename={name}, size={size}, ok_up_to={}, ok_up_to_line={}, diff={behind}",
                found.good, self.line
            )?,
        }
        if behind == 0 {
            return Ok(Outcome::Sound);
        }
        if !self.check.fix {
            writeln!(self.out, "AOF {name} is not valid. Use the --fix option to try fixing it.")?;
            return Ok(Outcome::Failed);
        }
        if !last {
            writeln!(self.out, "Failed to truncate AOF {name} because it is not the last file")?;
            return Ok(Outcome::Failed);
        }
        self.cut(path, name, size, found.good, true)
    }

    /// Cuts where a stamp is too late.
    fn cut_late(&mut self, path: &Path, name: &str, last: bool, (size, at, until): (u64, u64, i64)) -> Result<Outcome> {
        let path_shown = path.display();
        if at == 0 {
            writeln!(self.out, "AOF {path_shown} has nothing before timestamp {until}, aborting...")?;
            return Ok(Outcome::Failed);
        }
        if !last {
            writeln!(
                self.out,
                "Failed to truncate AOF {path_shown} to timestamp {until} to offset {at} because it is not the last file."
            )?;
            writeln!(
                self.out,
                "If you insist, please delete all files after this file according to the manifest file and delete the \
                 corresponding records in manifest file manually. Then re-run redis-check-aof."
            )?;
            return Ok(Outcome::Failed);
        }
        // Redis does not ask here; who calls it by that name may have no terminal to answer from.
        self.cut(path, name, size, at, self.own)
    }

    fn cut(&mut self, path: &Path, name: &str, size: u64, at: u64, ask: bool) -> Result<Outcome> {
        if ask {
            let behind = size - at;
            writeln!(
                self.out,
                "This will shrink the AOF {name} from {size} bytes, with {behind} bytes, to {at} bytes"
            )?;
            if !self.check.yes {
                write!(self.out, "Continue? [y/N]: ")?;
                self.out.flush()?;
                let mut answer = [0];
                let n = std::io::stdin().read(&mut answer).context("reading the answer")?;
                if n == 0 || !answer[0].eq_ignore_ascii_case(&b'y') {
                    writeln!(self.out, "Aborting...")?;
                    return Ok(Outcome::Failed);
                }
            }
        }
        let file = File::options().write(true).open(path).with_context(|| format!("opening {}", path.display()))?;
        file.set_len(at).and_then(|()| file.sync_all()).with_context(|| format!("Failed to truncate AOF {name}"))?;
        Ok(Outcome::Cut)
    }
}

/// An error in C's words, without Rust's number behind it.
pub(super) fn reason(error: &std::io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or_default().to_owned()
}

fn first_bytes(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut first = Vec::new();
    File::open(path)?.take(9).read_to_end(&mut first)?;
    Ok(first)
}
