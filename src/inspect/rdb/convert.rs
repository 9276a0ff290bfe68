//! `rdb convert`: the same data in another server's format. First it is read to find what the target cannot hold; only then
//! is anything written.

use crate::args::rdb::{Convert, TargetName};
use crate::inspect::input::Input;
use crate::inspect::json;
use crate::inspect::output::NewFile;
use crate::rdb::write::{self, Encoder, KeyHead, Progress, Summing};
use crate::rdb::{Event, Loaded, Loader, Reader, Target, Thresholds};
use anyhow::{Context, Result};
use std::io::{Write, stderr};
use std::path::Path;
use std::process::ExitCode;

/// Bytes of a value between two writes.
const STEP: usize = 256 << 10;

impl From<TargetName> for Target {
    fn from(name: TargetName) -> Target {
        match name {
            TargetName::Redis62 => Target::Redis62,
            TargetName::Redis70 => Target::Redis70,
            TargetName::Redis74 | TargetName::Redis8 => Target::Redis74,
            TargetName::Valkey9 => Target::Valkey9,
        }
    }
}

pub fn run(convert: &Convert) -> Result<ExitCode> {
    anyhow::ensure!(convert.file.as_os_str() != "-", "the file is read twice, so it cannot be standard input");
    let target = Target::from(convert.target);
    let lost = unheld(&convert.file, target)?;
    if lost > 0 && !convert.drop {
        writeln!(stderr(), "{lost} not held by the target: nothing was written (--drop leaves them out)")?;
        return Ok(ExitCode::FAILURE);
    }
    let mut loader = open(&convert.file)?;
    let mut file = Summing::new(NewFile::create(&convert.output).context("creating the output")?, true);
    let kept = copy(&convert.file, &mut loader, &mut file, target, !convert.no_compression)?;
    let written = file.written();
    file.finish()?.finish().context("completing the output")?;
    writeln!(stderr(), "{kept} keys, {} bytes", written + 9)?;
    Ok(ExitCode::SUCCESS)
}

fn open(path: &Path) -> Result<Loader<Input>> {
    Ok(Loader::on(Reader::new(Input::open(path)?), Thresholds::default()))
}

/// Lists what the target cannot hold.
fn unheld(path: &Path, target: Target) -> Result<u64> {
    let mut loader = open(path)?;
    let encoder = Encoder::new(target, false);
    let mut lost = 0;
    let mut list = |db: Option<u64>, name: &[u8], why: &str| -> Result<()> {
        let mut line = db.map_or_else(Vec::new, |db| format!("db {db} ").into_bytes());
        json::quoted(name, &mut line);
        lost += 1;
        Ok(writeln!(stderr(), "{}: {why}", String::from_utf8_lossy(&line))?)
    };
    loop {
        match loader.next() {
            Err(fault) => return Err(super::broken(path, &loader.reader, fault)),
            Ok(Loaded::Key(key)) if !encoder.holds(&key.value.view()) => {
                list(Some(key.db), key.name, "fields that expire")?
            }
            Ok(Loaded::ModuleKey { db, name, module, .. }) => {
                list(Some(db), name, &format!("a value of the module type {module}"))?
            }
            Ok(Loaded::EmptyKey { db, name }) => list(Some(db), name, "a collection without elements")?,
            Ok(Loaded::Other(Event::ModuleAux(id))) => {
                list(None, id.to_string().as_bytes(), "data of a module beside the keys")?
            }
            Ok(Loaded::Other(Event::Function(code))) if target == Target::Redis62 => {
                let first = code.to_vec();
                list(None, first.split(|b| *b == b'\n').next().unwrap_or_default(), "a library of functions")?;
            }
            Ok(Loaded::Other(Event::SlotImport { .. })) => list(None, b"slots", "an import that was going on")?,
            Ok(Loaded::Other(Event::End { .. })) => return Ok(lost),
            Ok(_) => {}
        }
    }
}

fn copy(path: &Path, loader: &mut Loader<Input>, file: &mut impl Write, target: Target, compress: bool) -> Result<u64> {
    let mut encoder = Encoder::new(target, compress);
    let (mut out, mut kept) = (Vec::new(), 0);
    write::header(target, &mut out);
    loop {
        match loader.next() {
            Err(fault) => return Err(super::broken(path, &loader.reader, fault)),
            Ok(Loaded::Key(key)) => {
                let value = key.value.view();
                if !encoder.holds(&value) {
                    continue;
                }
                let head =
                    KeyHead { name: key.name, expires_at_ms: key.expires_at_ms, idle_s: key.idle_s, freq: key.freq };
                encoder.key(&head, &value, &mut out);
                let mut progress = Progress::default();
                while !encoder.value_some(value, &mut progress, STEP, &mut out) {
                    file.write_all(&out)?;
                    out.clear();
                }
                kept += 1;
            }
            Ok(Loaded::EmptyKey { .. } | Loaded::ModuleKey { .. }) => {}
            Ok(Loaded::Other(event)) => match event {
                Event::Aux { name, value } => write::aux(&name.to_vec(), &value.to_vec(), &mut out),
                Event::SelectDb(db) => write::select_db(db, &mut out),
                Event::ResizeDb { keys, expiring } => write::resize_db(keys, expiring, &mut out),
                Event::Function(code) if target != Target::Redis62 => {
                    code.with(|code| encoder.function(code, &mut out))
                }
                Event::End { .. } => {
                    file.write_all(&out)?;
                    return Ok(kept);
                }
                _ => {}
            },
        }
        if out.len() >= STEP {
            file.write_all(&out)?;
            out.clear();
        }
    }
}
