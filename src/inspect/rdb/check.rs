//! `rdb check`, and `redis-check-rdb`: its words, its exit codes. Every value is built as a server would build it.

use crate::inspect::input::Input;
use crate::inspect::output;
use crate::rdb::{Doing, Event, Fault, Loaded, Loader, Reader, Thresholds, ValueKind, Why};
use anyhow::Result;
use std::io::Write;
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
    writeln!(out, "[offset 0] Checking RDB file {}", file.display())?;
    out.flush()?;
    let mut loader = Loader::on(Reader::new(Input::open(file)?), Thresholds::default());
    let mut counts = Counts::default();
    let fault = read(&mut loader, &mut counts, own, &mut out)?;
    if let Some(fault) = &fault {
        tell(&loader.reader, fault, counts.keys, &mut out)?;
    } else {
        writeln!(out, "[offset {}] \\o/ RDB looks OK! \\o/", loader.reader.offset())?;
    }
    writeln!(out, "[info] {} keys read", counts.keys)?;
    writeln!(out, "[info] {} expires", counts.expiring)?;
    writeln!(out, "[info] {} already expired", counts.expired)?;
    out.flush()?;
    Ok(if fault.is_some() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn read(
    loader: &mut Loader<Input>,
    counts: &mut Counts,
    own: bool,
    out: &mut impl Write,
) -> std::io::Result<Option<Fault>> {
    let now_ms = super::now_ms();
    loop {
        let mut line = None;
        match loader.next() {
            Err(fault) => return Ok(Some(fault)),
            Ok(Loaded::Key(key)) => count(counts, key.expires_at_ms, now_ms),
            Ok(Loaded::ModuleKey { expires_at_ms, .. }) => count(counts, expires_at_ms, now_ms),
            Ok(Loaded::EmptyKey { .. }) => {
                return Ok(Some(Fault { at: loader.reader.offset(), why: "Empty key".into() }));
            }
            Ok(Loaded::Other(event)) => match event {
                Event::Header(header) if own => {
                    let family = if header.valkey { "VALKEY" } else { "REDIS" };
                    line = Some(format!("{family} format version {}", header.version));
                }
                Event::Aux { name, value } => {
                    let shown = |item: crate::data::Item<'_>| String::from_utf8_lossy(&item.to_vec()).into_owned();
                    line = Some(format!("AUX FIELD {} = '{}'", shown(name), shown(value)));
                }
                Event::SelectDb(n) => line = Some(format!("Selecting DB ID {n}")),
                Event::ModuleAux(id) => line = Some(format!("MODULE AUX for: {id}")),
                Event::End { checksum } => {
                    if loader.reader.header().version >= 5 {
                        let verdict = match checksum {
                            Some(_) => "Checksum OK",
                            None => "RDB file was saved with checksum disabled: no check performed.",
                        };
                        writeln!(out, "[offset {}] {verdict}", loader.reader.offset())?;
                    }
                    return Ok(None);
                }
                _ => {}
            },
        }
        if let Some(line) = line {
            writeln!(out, "[offset {}] {line}", loader.reader.offset())?;
        }
    }
}

fn count(counts: &mut Counts, expires_at_ms: Option<i64>, now_ms: i64) {
    counts.keys += 1;
    counts.expiring += u64::from(expires_at_ms.is_some());
    counts.expired += u64::from(expires_at_ms.is_some_and(|at| at < now_ms));
}

fn tell(reader: &Reader<Input>, fault: &Fault, keys: u64, out: &mut impl Write) -> std::io::Result<()> {
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
