//! `rdb check`, and `redis-check-rdb`: its words, its exit codes. Every value is checked as a loading server would.

use crate::inspect::input::Input;
use crate::inspect::output;
use crate::rdb::{Checker, Doing, Event, Fault, Reader, ValueKind, Why};
use anyhow::Result;
use std::io::{Read, Write};
use std::path::Path;
use std::process::ExitCode;

#[derive(Default)]
struct Counts {
    keys: u64,
    expiring: u64,
    expired: u64,
}

/// `own`: under our own name, which tells a little more than redis-check-rdb.
pub fn run(file: &Path, own: bool) -> Result<ExitCode> {
    let mut out = output::stdout();
    let mut reader = Reader::new(Input::open(file)?);
    let sound = look(&mut reader, &file.display().to_string(), own, &mut out)?;
    out.flush()?;
    if own && !sound {
        // To the reader, not to what reads redis-check-rdb's words.
        let next = super::next_step(file);
        if !next.is_empty() {
            writeln!(std::io::stderr(), "{next}")?;
        }
    }
    Ok(if sound { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Reads a snapshot to its end or its first fault, and tells of it; true if it is sound.
pub fn look<R: Read>(reader: &mut Reader<R>, name: &str, own: bool, out: &mut impl Write) -> std::io::Result<bool> {
    writeln!(out, "[offset 0] Checking RDB file {name}")?;
    out.flush()?;
    let mut counts = Counts::default();
    let fault = read(reader, &mut counts, own, out)?;
    if let Some(fault) = &fault {
        // A key counts as read once its name is.
        counts.keys += u64::from(reader.doing() == Doing::Value);
        tell(reader, fault, counts.keys, out)?;
    } else {
        writeln!(out, "[offset {}] \\o/ RDB looks OK! \\o/", reader.offset())?;
    }
    writeln!(out, "[info] {} keys read", counts.keys)?;
    writeln!(out, "[info] {} expires", counts.expiring)?;
    writeln!(out, "[info] {} already expired", counts.expired)?;
    Ok(fault.is_none())
}

fn read<R: Read>(
    reader: &mut Reader<R>,
    counts: &mut Counts,
    own: bool,
    out: &mut impl Write,
) -> std::io::Result<Option<Fault>> {
    let now_ms = super::now_ms();
    let (mut checker, mut expires_at_ms) = (Checker::default(), None);
    loop {
        let mut line = None;
        reader.pass_texts(|expires_at_ms| count(counts, expires_at_ms, now_ms));
        let checked = match reader.next() {
            Err(fault) => return Ok(Some(fault)),
            Ok(Event::Key(key)) => {
                expires_at_ms = key.expires_at_ms;
                checker.begin(key.kind);
                continue;
            }
            Ok(Event::Part(part)) => checker.add(part),
            Ok(Event::KeyEnd) => match checker.end() {
                Ok(true) => {
                    count(counts, expires_at_ms, now_ms);
                    continue;
                }
                Ok(false) => Err("a collection without elements".into()),
                Err(why) => Err(why),
            },
            Ok(Event::Header(header)) => {
                let family = if header.valkey { "VALKEY" } else { "REDIS" };
                line = own.then(|| format!("{family} format version {}", header.version));
                Ok(())
            }
            Ok(Event::Aux { name, value }) => {
                let shown = |item: crate::data::Item<'_>| String::from_utf8_lossy(&item.to_vec()).into_owned();
                line = Some(format!("AUX FIELD {} = '{}'", shown(name), shown(value)));
                Ok(())
            }
            Ok(Event::SelectDb(n)) => {
                line = Some(format!("Selecting DB ID {n}"));
                Ok(())
            }
            Ok(Event::ModuleAux(id)) => {
                line = Some(format!("MODULE AUX for: {id}"));
                Ok(())
            }
            Ok(Event::End { checksum }) => {
                if reader.header().version >= 5 {
                    let verdict = match checksum {
                        Some(_) => "Checksum OK",
                        None => "RDB file was saved with checksum disabled: no check performed.",
                    };
                    writeln!(out, "[offset {}] {verdict}", reader.offset())?;
                }
                return Ok(None);
            }
            Ok(_) => Ok(()),
        };
        if let Err(why) = checked {
            return Ok(Some(Fault { at: reader.offset(), why }));
        }
        if let Some(line) = line {
            writeln!(out, "[offset {}] {line}", reader.offset())?;
        }
    }
}

fn count(counts: &mut Counts, expires_at_ms: Option<i64>, now_ms: i64) {
    counts.keys += 1;
    counts.expiring += u64::from(expires_at_ms.is_some());
    counts.expired += u64::from(expires_at_ms.is_some_and(|at| at < now_ms));
}

fn tell<R: Read>(reader: &Reader<R>, fault: &Fault, keys: u64, out: &mut impl Write) -> std::io::Result<()> {
    let what = match &fault.why {
        Why::Short => "Unexpected EOF reading RDB file".to_owned(),
        Why::Magic => "Wrong signature trying to load DB from file".to_owned(),
        Why::Version(n) => format!("Can't handle RDB format version {n}"),
        Why::Type(n) => format!("Invalid object type: {n}"),
        Why::Checksum { .. } => "RDB CRC error".to_owned(),
        Why::Io(error) => format!("Reading the file failed: {error}"),
        Why::Corrupt(what) => format!("Internal error in RDB reading offset {}, function at rdb -> {what}", fault.at),
    };
    writeln!(out, "--- RDB ERROR DETECTED ---")?;
    writeln!(out, "[offset {}] {what}", fault.at)?;
    writeln!(out, "[additional info] While doing: {}", reader.doing().word())?;
    if reader.doing() == Doing::Value {
        // Any byte but a line's end may be in a name, and scripts read this line.
        writeln!(out, "[additional info] Reading key '{}'", String::from_utf8_lossy(reader.key()))?;
    }
    let kind = match reader.doing() {
        Doing::Value => reader.kind(),
        // Before the first key it says so too.
        _ if keys == 0 => Some(ValueKind::String),
        _ => None,
    };
    if let Some(kind) = kind {
        writeln!(out, "[additional info] Reading type {} ({})", kind.byte(), kind.word())?;
    }
    Ok(())
}
