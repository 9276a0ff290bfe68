//! All commands of a log, one after another, with the database and the time they belong to. A snapshot's keys come as
//! the commands that make them.

use super::files::Part;
use crate::aof::{self, Reader, Start, Told};
use crate::inspect::input::{Input, mistaken};
use crate::inspect::rdb::commands::Commands;
use crate::rdb::{self, Event};
use crate::resp::Args;
use anyhow::{Result, anyhow};
use std::io::{Cursor, Read};
use std::ops::ControlFlow;

/// A command where it stands.
pub struct Step<'a> {
    pub args: Args<'a>,
    /// Offset of its first byte; of a key's record, for a command made of a snapshot.
    pub at: u64,
    /// How many bytes it takes there; 0 for the second and further commands made of a record.
    pub bytes: u64,
    pub db: u64,
    /// Unix seconds, from the stamp before it.
    pub seconds: Option<i64>,
    /// Made of a snapshot's record.
    pub made: bool,
}

/// Walks through a file until `each` breaks. What comes before a fault is told.
pub fn walk(part: &Part, mut each: impl FnMut(Step<'_>) -> Result<ControlFlow<()>>) -> Result<ControlFlow<()>> {
    let mut source = Input::open(&part.path)?;
    let mut first = Vec::new();
    source.by_ref().take(9).read_to_end(&mut first)?;
    let start = aof::sniff(&first);
    let source = Cursor::new(first).chain(source);
    // As when it is loaded: each file begins in database 0.
    let (mut db, mut seconds) = (0, None);
    let mut reader = match start {
        Start::Empty => return Ok(ControlFlow::Continue(())),
        Start::Commands => Reader::new(source),
        Start::Rdb => {
            let mut reader = rdb::Reader::new(source);
            if snapshot(part, &mut reader, &mut each)?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
            let at = reader.offset();
            let (rest, source) = reader.into_rest();
            Reader::resume(source, rest, at)
        }
    };
    loop {
        match reader.next().map_err(|fault| broken(part, fault.at, &fault.why))? {
            None => return Ok(ControlFlow::Continue(())),
            Some(Told::Comment(_)) => {}
            Some(Told::Stamp { seconds: at, .. }) => seconds = Some(at),
            Some(Told::Command(command)) => {
                let args = command.args;
                if args.is(0, "select") {
                    db = args.get(1).and_then(crate::base::numbers::parse_u64).unwrap_or(db);
                }
                let (at, bytes) = (command.at, command.end - command.at);
                if each(Step { args, at, bytes, db, seconds, made: false })?.is_break() {
                    return Ok(ControlFlow::Break(()));
                }
            }
        }
    }
}

fn broken(part: &Part, at: u64, why: &dyn std::fmt::Display) -> anyhow::Error {
    let next = mistaken(&part.path, "aof").unwrap_or_else(|| {
        "`rustredis aof check` tells how much of it is sound, `aof check --fix` and `aof recover` keep that".to_owned()
    });
    anyhow!("{}: broken at offset {at}: {why}. {next}", part.path.display())
}

fn snapshot<R: Read>(
    part: &Part,
    reader: &mut rdb::Reader<R>,
    each: &mut impl FnMut(Step<'_>) -> Result<ControlFlow<()>>,
) -> Result<ControlFlow<()>> {
    let (mut commands, mut db, mut made) = (Commands::default(), 0, Vec::new());
    let mut at = 0;
    loop {
        let event = reader.next().map_err(|fault| broken(part, fault.at, &fault.why))?;
        let mut ended = false;
        let added = match event {
            Event::End { .. } => return Ok(ControlFlow::Continue(())),
            Event::SelectDb(n) => {
                db = n;
                Ok(())
            }
            Event::Key(key) => {
                at = key.at;
                commands.begin(db, &key);
                Ok(())
            }
            Event::Part(value) => commands.add(&value),
            Event::KeyEnd => {
                ended = true;
                commands.end()
            }
            Event::Function(code) => {
                code.with(|code| commands.function(code));
                ended = true;
                Ok(())
            }
            _ => Ok(()),
        };
        let end = reader.offset();
        added.map_err(|why| broken(part, end, &why))?;
        if !ended {
            continue;
        }
        made.clear();
        commands.write_to(&mut made)?;
        let mut words = Reader::new(made.as_slice());
        let mut bytes = end - at;
        while let Some(told) = words.next().map_err(|fault| broken(part, at, &fault.why))? {
            let Told::Command(command) = told else { continue };
            let step =
                Step { args: command.args, at, bytes: std::mem::take(&mut bytes), db, seconds: None, made: true };
            if each(step)?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        at = end;
    }
}
