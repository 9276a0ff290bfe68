//! `aof recover`: the log up to a point, in a directory of its own. The log is only read; the directory has its name once
//! everything in it is safe.
//!
//! What is written is cut between commands, and never inside of a transaction, so it is as good a log as the one it came from.

use super::files::{Log, Part};
use crate::aof::{self, Info, Kind, Manifest, Reader, Start, Told};
use crate::args::aof::{Recover, Words};
use crate::base::glob::glob_match;
use crate::inspect::input::Input;
use crate::inspect::json;
use crate::rdb::{self, Event};
use crate::resp::Args;
use anyhow::{Context, Result, anyhow, bail, ensure};
use std::fs::File;
use std::io::{self, Cursor, Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Names for what comes from a file without a manifest: those that a server finds without being told.
const MANIFEST: &str = "appendonly.aof.manifest";
const BASE: &str = "appendonly.aof.1.base.aof";

/// Where the kept part ends.
struct Cut {
    /// Which of the parts, and behind which of its bytes.
    part: usize,
    at: u64,
    /// The command that is the first to be left out, or what else was there.
    before: String,
}

pub fn run(recover: &Recover) -> Result<ExitCode> {
    ensure!(recover.path.as_os_str() != "-", "the log is read twice, so it cannot be standard input");
    ensure!(
        std::fs::symlink_metadata(&recover.output).is_err(),
        "{} is there already, and only a new directory is written",
        recover.output.display()
    );
    let log = Log::open(&recover.path, true).map_err(|error| anyhow!("{error}"))?;
    let mut search = Search::new(recover, &log)?;
    let mut cut = None;
    for (i, part) in log.parts.iter().enumerate() {
        cut = search.look(part, i)?;
        if cut.is_some() {
            break;
        }
    }
    let cut = cut.map_or_else(|| search.whole(&log), Ok)?;
    write(&log, &cut, recover)?;
    let mut out = io::stdout();
    let kept = search.kept;
    writeln!(out, "{kept} commands kept, up to offset {} of {}: {}", cut.at, log.parts[cut.part].name, cut.before)?;
    let folder = recover.output.file_name().unwrap_or_default().to_string_lossy();
    let parent = recover.output.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let manifest = manifest_name(&recover.path, &log);
    let name = manifest.to_string_lossy();
    let name = name.strip_suffix(".manifest").unwrap_or(&name);
    writeln!(
        out,
        "a server starts from it with: rustredis serve --appendonly yes --dir {} --appenddirname {folder} --appendfilename {name}",
        parent.display(),
    )?;
    Ok(ExitCode::SUCCESS)
}

/// Looks for the point.
struct Search<'r> {
    recover: &'r Recover,
    /// The part that the offset is for.
    part: usize,
    /// How many commands that fit are to be passed over.
    pass: u64,
    stamps: u64,
    kept: u64,
}

impl Search<'_> {
    fn new<'r>(recover: &'r Recover, log: &Log) -> Result<Search<'r>> {
        let last = log.parts.len().checked_sub(1).context("the manifest names no file")?;
        let part = match recover.until_offset.as_ref().and_then(|place| place.file.as_ref()) {
            None => last,
            Some(name) => {
                let found = log.parts.iter().position(|part| part.name == *name);
                found.with_context(|| format!("the log has no file {name}"))?
            }
        };
        Ok(Search { recover, part, pass: recover.nth - 1, stamps: 0, kept: 0 })
    }

    /// Reads a part, up to the point if it is in it.
    fn look(&mut self, part: &Part, number: usize) -> Result<Option<Cut>> {
        let mut source = Input::open(&part.path)?;
        let mut first = Vec::new();
        source.by_ref().take(9).read_to_end(&mut first)?;
        let start = aof::sniff(&first);
        let source = Cursor::new(first).chain(source);
        let reader = match start {
            Start::Rdb => {
                let mut reader = rdb::Reader::new(source);
                self.snapshot(part, &mut reader)?;
                let at = reader.offset();
                let (rest, source) = reader.into_rest();
                Reader::resume(source, rest, at)
            }
            Start::Empty | Start::Commands => Reader::new(source),
        };
        let begin = reader.offset();
        let until = self.recover.until_offset.as_ref().filter(|_| number == self.part).map(|place| place.offset);
        ensure!(
            until.is_none_or(|until| start != Start::Rdb || until >= begin),
            "the first {begin} bytes of {} are a snapshot, of which there is no part",
            part.name
        );
        let found = self.commands(part, reader, until)?;
        if let (None, Some(until)) = (&found, until) {
            let len = std::fs::metadata(&part.path).map_or(0, |about| about.len());
            ensure!(until <= len, "{} has no offset {until}: it ends at {len}", part.name);
            // At its very end.
            return Ok(Some(Cut { part: number, at: len, before: "the end of the file".to_owned() }));
        }
        Ok(found.map(|(at, before)| Cut { part: number, at, before }))
    }

    /// A snapshot in front is kept whole; if it is newer than the time asked for, nothing is.
    fn snapshot<R: Read>(&self, part: &Part, reader: &mut rdb::Reader<R>) -> Result<()> {
        loop {
            match reader.next() {
                Err(fault) => bail!("{}: the snapshot in front is broken: {fault}", part.path.display()),
                Ok(Event::Aux { name, value }) => {
                    let is_time = name.with(|name| name == b"ctime");
                    let at = value.with(crate::base::numbers::parse_i64).filter(|_| is_time);
                    if let (Some(at), Some(until)) = (at, self.recover.until_time) {
                        ensure!(
                            at <= until,
                            "{} begins with a snapshot of {}, which is later",
                            part.name,
                            json::time(at.saturating_mul(1000))
                        );
                    }
                }
                Ok(Event::Key(_)) => {}
                Ok(Event::End { .. }) => return Ok(()),
                Ok(_) => {}
            }
        }
    }

    /// Where the kept part ends, if it does in here, and what comes then.
    fn commands<R: Read>(
        &mut self,
        part: &Part,
        mut reader: Reader<R>,
        until: Option<u64>,
    ) -> Result<Option<(u64, String)>> {
        // Where the transaction that is open began, and how many commands were kept then.
        let mut multi: Option<(u64, u64)> = None;
        let mut found = None;
        loop {
            let told = match reader.next() {
                Ok(Some(told)) => told,
                Ok(None) => break,
                Err(fault) if until.is_some_and(|until| fault.good >= until) => {
                    found = Some((fault.good, format!("then came what is broken: {}", fault.why)));
                    break;
                }
                Err(fault) => return Err(broken(part, multi.map_or(fault.good, |(at, _)| at), &fault.why)),
            };
            match told {
                Told::Stamp { seconds, at } => {
                    self.stamps += 1;
                    if self.recover.until_time.is_some_and(|until| seconds > until) {
                        found = Some((at, format!("then came what was written at {seconds}")));
                        break;
                    }
                }
                Told::Comment(_) => {}
                Told::Command(command) => {
                    let late = until.is_some_and(|until| command.end > until);
                    let fits = self.recover.before_command.as_ref().is_some_and(|words| begins(command.args, words));
                    if late || fits && self.pass == 0 {
                        found = Some((command.at, format!("then came {}", shown(command.args))));
                        break;
                    }
                    self.pass -= u64::from(fits);
                    if command.args.is(0, "multi") {
                        multi = Some((command.at, self.kept));
                    } else if command.args.is(0, "exec") {
                        multi = None;
                    }
                    self.kept += 1;
                }
            }
        }
        match (found, multi) {
            (Some((_, before)), Some((at, kept))) => {
                self.kept = kept;
                Ok(Some((at, format!("the transaction there is left out whole; inside of it {before}"))))
            }
            (None, Some((at, _))) => Err(broken(part, at, &"a transaction without its EXEC")),
            (found, None) => Ok(found),
        }
    }

    /// The point is behind everything: right for a time, and wrong for the rest.
    fn whole(&self, log: &Log) -> Result<Cut> {
        if self.recover.before_command.is_some() {
            let seen = self.recover.nth - 1 - self.pass;
            bail!("the log has {seen} such commands: nothing was written");
        }
        ensure!(
            self.stamps > 0,
            "the log has no time stamps (aof-timestamp-enabled was off), so nobody knows when its commands were written"
        );
        let part = log.parts.len() - 1;
        let at = std::fs::metadata(&log.parts[part].path)?.len();
        Ok(Cut { part, at, before: "all of it was written until then".to_owned() })
    }
}

fn broken(part: &Part, good: u64, why: &dyn std::fmt::Display) -> anyhow::Error {
    anyhow!(
        "{} is broken before that point: {why}; what is good of it can be had with --until-offset {}:{good}",
        part.path.display(),
        part.name
    )
}

/// Whether a command begins with these words; its name in any case.
fn begins(args: Args<'_>, words: &Words) -> bool {
    let mut words = words.0.iter().enumerate();
    words.all(|(i, glob)| args.get(i).is_some_and(|word| glob_match(glob, word, i == 0)))
}

/// A command's first words.
fn shown(args: Args<'_>) -> String {
    let mut out = Vec::new();
    for word in args.iter().take(4) {
        out.push(b' ');
        json::quoted(&word[..word.len().min(64)], &mut out);
    }
    if args.len() > 4 {
        out.extend_from_slice(b" ...");
    }
    String::from_utf8_lossy(&out).trim_start().to_owned()
}

fn manifest_name(path: &Path, log: &Log) -> PathBuf {
    let found = log.manifest.as_ref().and_then(|_| super::files::manifest_path(path).ok());
    found.and_then(|path| path.file_name().map(PathBuf::from)).unwrap_or_else(|| PathBuf::from(MANIFEST))
}

/// Writes the kept part beside its name, and gives it the name.
fn write(log: &Log, cut: &Cut, recover: &Recover) -> Result<()> {
    let mut temporary = recover.output.as_os_str().to_owned();
    temporary.push(format!(".{}.tmp", std::process::id()));
    let temporary = PathBuf::from(temporary);
    std::fs::create_dir(&temporary).with_context(|| format!("making {}", temporary.display()))?;
    let written = fill(log, cut, &temporary, &manifest_name(&recover.path, log)).and_then(|()| {
        ensure!(std::fs::symlink_metadata(&recover.output).is_err(), "{} is there now", recover.output.display());
        std::fs::rename(&temporary, &recover.output).context("naming the new directory")?;
        let parent = recover.output.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        Ok(File::open(parent)?.sync_all()?)
    });
    if written.is_err() {
        let _ = std::fs::remove_dir_all(&temporary); // made by us; the first error is the one to tell
    }
    written
}

fn fill(log: &Log, cut: &Cut, folder: &Path, manifest_name: &Path) -> Result<()> {
    let mut manifest = match &log.manifest {
        None => Manifest {
            base: Some(Info { name: BASE.to_owned(), seq: 1, kind: Kind::Base }),
            base_seq: 1,
            ..Manifest::default()
        },
        Some(manifest) => Manifest { history: Vec::new(), ..manifest.clone() },
    };
    let last = log.manifest.as_ref().map(|_| &log.parts[cut.part].name);
    if let Some(last) = last {
        let past = manifest.incrs.iter().position(|info| info.name == *last).map_or(0, |at| at + 1);
        manifest.incrs.truncate(past);
    }
    for (i, part) in log.parts.iter().enumerate().take(cut.part + 1) {
        let name = if log.manifest.is_some() { part.name.as_str() } else { BASE };
        let to = folder.join(name);
        let all = || format!("copying {} to {}", part.path.display(), to.display());
        let mut source = File::open(&part.path).with_context(all)?.take(if i == cut.part { cut.at } else { u64::MAX });
        let mut copy = File::options().write(true).create_new(true).open(&to).with_context(all)?;
        let copied = io::copy(&mut source, &mut copy).with_context(all)?;
        ensure!(i != cut.part || copied == cut.at, "{} has become shorter meanwhile", part.path.display());
        copy.sync_all().with_context(all)?;
    }
    let mut file = File::options().write(true).create_new(true).open(folder.join(manifest_name))?;
    file.write_all(manifest.text().as_bytes())?;
    file.sync_all()?;
    Ok(File::open(folder)?.sync_all()?)
}
