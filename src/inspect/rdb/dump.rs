//! `rdb dump`: every key with its value, in one of five formats. One key at a time is held.

use super::commands::Commands;
use super::text::{Style, ValueText};
use crate::args::rdb::{Dump, Format};
use crate::inspect::input::Input;
use crate::inspect::select::Select;
use crate::inspect::{json, output};
use crate::rdb::{Event, KeyHead, Reader, ValueKind};
use anyhow::{Result, anyhow};
use std::io::Write;
use std::process::ExitCode;

/// What was known of a key before its value.
struct Head {
    db: u64,
    name: Vec<u8>,
    kind: ValueKind,
    expires_at_ms: Option<i64>,
    idle_s: Option<u64>,
    freq: Option<u8>,
    at: u64,
}

enum Made {
    Text(Format, ValueText),
    Commands(Commands),
}

pub fn run(dump: &Dump) -> Result<ExitCode> {
    let mut reader = Reader::new(Input::open(&dump.file)?);
    let mut select = Select::new(&dump.filter, super::now_ms())?;
    let mut out = output::stdout();
    begin(dump.format, &mut out)?;
    let (mut db, mut first) = (0, true);
    let mut head: Option<Head> = None;
    let mut made = match dump.format {
        Format::Resp => Made::Commands(Commands::default()),
        Format::Table => Made::Text(dump.format, ValueText::new(Style::Shown)),
        _ => Made::Text(dump.format, ValueText::new(Style::Json)),
    };
    let ended = loop {
        if select.is_full() {
            break Ok(());
        }
        let event = match reader.next() {
            Ok(event) => event,
            Err(fault) => break Err(fault),
        };
        let mut skip = false;
        let added = match event {
            Event::SelectDb(n) => {
                db = n;
                Ok(())
            }
            Event::Function(code) => {
                if let Made::Commands(commands) = &mut made {
                    code.with(|code| commands.function(code));
                    commands.write_to(&mut out)?;
                }
                Ok(())
            }
            Event::Key(key) if select.wants(db, &key) => {
                let KeyHead { kind, expires_at_ms, idle_s, freq, at, .. } = key;
                match &mut made {
                    Made::Text(_, text) => text.begin(kind),
                    Made::Commands(commands) => commands.begin(db, &key),
                }
                head = Some(Head { db, name: key.name.to_vec(), kind, expires_at_ms, idle_s, freq, at });
                Ok(())
            }
            Event::Key(_) => {
                skip = true;
                Ok(())
            }
            Event::Part(part) => match &mut made {
                Made::Text(_, text) => text.add(&part),
                Made::Commands(commands) => commands.add(&part),
            },
            Event::KeyEnd => Ok(()),
            Event::Header(_) | Event::Aux { .. } | Event::ResizeDb { .. } | Event::SlotInfo { .. } => Ok(()),
            Event::SlotImport { .. } | Event::ModuleAux(_) => Ok(()),
            Event::End { .. } => break Ok(()),
        };
        let ended = matches!(event, Event::KeyEnd);
        if skip {
            if let Err(fault) = reader.skip_value() {
                break Err(fault);
            }
            continue;
        }
        if let Err(why) = added {
            break Err(crate::rdb::Fault { at: reader.offset(), why });
        }
        if ended && let Some(head) = head.take() {
            let size = reader.offset() - head.at;
            if !select.takes(size) {
                continue;
            }
            match &mut made {
                Made::Text(format, text) => record(*format, &head, size, text, &mut first, &mut out)?,
                Made::Commands(commands) => {
                    commands.end().map_err(|why| anyhow!("{why}"))?;
                    commands.write_to(&mut out)?;
                }
            }
        }
    };
    // What came before a fault is told in any case, and told wholly.
    end(dump.format, first, &mut out)?;
    out.flush()?;
    ended.map_err(|fault| super::broken(&dump.file, &reader, fault))?;
    Ok(ExitCode::SUCCESS)
}

fn begin(format: Format, out: &mut impl Write) -> std::io::Result<()> {
    match format {
        Format::Table => {
            writeln!(out, "{:>3} {:<7} {:<11} {:>10} {:<24}  KEY  VALUE", "DB", "TYPE", "ENCODING", "BYTES", "EXPIRES")
        }
        Format::Json => out.write_all(b"["),
        Format::Csv => out.write_all(b"db,key,type,encoding,expires_at_ms,idle_s,freq,elements,bytes,value\r\n"),
        Format::Ndjson | Format::Resp => Ok(()),
    }
}

/// What stands behind the last record.
pub fn end(format: Format, first: bool, out: &mut impl Write) -> std::io::Result<()> {
    match format {
        Format::Json if first => out.write_all(b"]\n"),
        Format::Json => out.write_all(b"\n]\n"),
        _ => Ok(()),
    }
}

fn record(
    format: Format,
    head: &Head,
    size: u64,
    value: &mut ValueText,
    first: &mut bool,
    out: &mut impl Write,
) -> std::io::Result<()> {
    let mut line = std::mem::take(&mut value.line);
    line.clear();
    match format {
        Format::Table => {
            let expires = head.expires_at_ms.map_or_else(|| "-".to_owned(), json::time);
            line.extend_from_slice(
                format!(
                    "{:>3} {:<7} {:<11} {size:>10} {expires:<24}  ",
                    head.db,
                    head.kind.type_name(),
                    value.encoding()
                )
                .as_bytes(),
            );
            json::quoted(&head.name, &mut line);
            line.extend_from_slice(b"  ");
            line.extend_from_slice(value.finish());
        }
        Format::Csv => {
            json::int(head.db, &mut line);
            line.push(b',');
            json::csv(&head.name, &mut line);
            line.extend_from_slice(format!(",{},{},", head.kind.type_name(), value.encoding()).as_bytes());
            optional(head.expires_at_ms, &mut line);
            line.push(b',');
            optional(head.idle_s, &mut line);
            line.push(b',');
            optional(head.freq, &mut line);
            line.extend_from_slice(format!(",{},{size},", value.elements()).as_bytes());
            match value.whole_text() {
                Some(text) => json::csv(text, &mut line),
                None => json::csv(value.finish(), &mut line),
            }
            line.push(b'\r');
        }
        Format::Json | Format::Ndjson | Format::Resp => {
            if format == Format::Json {
                line.extend_from_slice(if *first { b"\n" } else { b",\n" });
            }
            line.extend_from_slice(b"{\"db\":");
            json::int(head.db, &mut line);
            line.extend_from_slice(b",\"key\":");
            json::text(&head.name, &mut line);
            line.extend_from_slice(b",\"type\":\"");
            line.extend_from_slice(head.kind.type_name().as_bytes());
            line.extend_from_slice(b"\",\"encoding\":\"");
            line.extend_from_slice(value.encoding().as_bytes());
            line.push(b'"');
            field("expires_at_ms", head.expires_at_ms, &mut line);
            field("idle_s", head.idle_s, &mut line);
            field("freq", head.freq, &mut line);
            field("elements", Some(value.elements()), &mut line);
            field("bytes", Some(size), &mut line);
            line.extend_from_slice(b",\"value\":");
            line.extend_from_slice(value.finish());
            line.push(b'}');
        }
    }
    *first = false;
    if format != Format::Json {
        line.push(b'\n');
    }
    out.write_all(&line)?;
    value.line = line;
    Ok(())
}

/// A number, or nothing: a column of CSV.
pub fn optional(n: Option<impl itoa::Integer>, line: &mut Vec<u8>) {
    if let Some(n) = n {
        json::int(n, line);
    }
}

/// A number as a further field of a JSON object, if there is one.
pub fn field(name: &str, n: Option<impl itoa::Integer>, line: &mut Vec<u8>) {
    if let Some(n) = n {
        line.extend_from_slice(b",\"");
        line.extend_from_slice(name.as_bytes());
        line.extend_from_slice(b"\":");
        json::int(n, line);
    }
}
