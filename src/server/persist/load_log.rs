//! Loading an append-only file: its manifest's files in their order, a snapshot first where the base is one. Commands run one
//! after another, as a client's would.

use super::super::{log, now_ms, reason};
use super::load::{Delay, Refused, Rules, begin, counted, done, load_in_two};
use super::log_file::LogFile;
use crate::aof::{self, Manifest, Start, Told};
use crate::engine::replication::Replayed;
use crate::engine::session::Session;
use crate::engine::worker::Worker;
use crate::engine::{Engine, clients::Client};
use crate::keyspace::db::ExpiryMode;
use crate::rdb::{self, Loader};
use std::io::{Cursor, Read};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

/// Commands run in one turn.
const TURN: usize = 128;

/// Finds the append-only file, upgrades one of an older Redis, or makes one; loads it and goes on writing to it.
pub fn load_log(engine: &Arc<Engine>, file: &LogFile) -> Result<(), Refused> {
    let io = |what: &str| {
        let what = what.to_owned();
        move |e: std::io::Error| Refused(format!("Fatal error: can't {what}: {}", reason(&e)))
    };
    let disk = &*file.disk;
    disk.make_dir(&file.dir()).map_err(io(&format!("create the AOF directory '{}'", file.dir().display())))?;
    let mut manifest = match disk.read(&file.manifest_path()) {
        Ok(text) => Manifest::parse(&text).map_err(|(line, what)| {
            log::warning(&format!("*** FATAL AOF MANIFEST FILE ERROR *** at line {line}: {what}"));
            Refused(format!("Fatal error: the AOF manifest {} cannot be read", file.manifest_path().display()))
        })?,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => upgrade(file)?,
        Err(e) => return Err(io("read the AOF manifest")(e)),
    };
    if manifest.files().next().is_none() {
        create_base(engine, file, &mut manifest).map_err(io("create the AOF base file"))?;
    } else {
        let started = Instant::now();
        let mut left = 0;
        for info in manifest.files() {
            left += disk.size(&file.path(&info.name)).map_err(|_| {
                Refused(format!("Fatal error: the AOF file {} doesn't exist, or cannot be read", info.name))
            })?;
        }
        begin(engine, left);
        for info in manifest.files().cloned().collect::<Vec<_>>() {
            let began = Instant::now();
            // An increment gets its first byte when the one before it is safe. So a torn tail is the log's, though a
            // rewrite that had just begun may have left an empty increment behind it.
            left = left.saturating_sub(disk.size(&file.path(&info.name)).unwrap_or(0));
            let is_last = left == 0;
            load_commands(engine, file, &info.name, is_last)?;
            let kind = if info.kind == aof::Kind::Base { "base" } else { "incr" };
            let took = began.elapsed().as_secs_f64();
            log::notice(&format!("DB loaded from {kind} file {}: {took:.3} seconds", info.name));
        }
        log::notice(&format!("DB loaded from append only file: {:.3} seconds", started.elapsed().as_secs_f64()));
    }
    file.open(manifest).map_err(io("open the AOF"))
}

/// A log of before Redis 7, one file beside the directory, moves in as the base.
fn upgrade(file: &LogFile) -> Result<Manifest, Refused> {
    let name = file.filename();
    let old = Path::new(&name);
    let mut manifest = Manifest::default();
    if !file.disk.exists(old) {
        return Ok(manifest);
    }
    manifest.base = Some(aof::Info { name: name.clone(), seq: 1, kind: aof::Kind::Base });
    manifest.base_seq = 1;
    let moved = file
        .disk
        .rename(old, &file.path(&name))
        .and_then(|()| file.disk.sync_dir(&file.dir()))
        .and_then(|()| file.disk.sync_dir(Path::new(".")));
    moved.map_err(|e| {
        Refused(format!("Fatal error: can't move the old AOF {name} into its directory: {}", reason(&e)))
    })?;
    log::notice(&format!(
        "Successfully migrated an old-style AOF configuration ({name}) into the AOF directory ({}).",
        file.dir().display()
    ));
    Ok(manifest)
}

fn create_base(engine: &Engine, file: &LogFile, manifest: &mut Manifest) -> std::io::Result<()> {
    let rdb = engine.config.aof_use_rdb_preamble.get();
    let name = manifest.new_base(&file.filename(), rdb, 0);
    log::notice(&format!("Creating AOF base file {name} on server start"));
    let mut bytes = Vec::new();
    if rdb {
        let prologue = super::format::prologue(rdb::Target::WIDEST, true, &[], None);
        let mut out = rdb::write::Summing::new(&mut bytes, engine.config.rdbchecksum.get());
        std::io::Write::write_all(&mut out, &prologue)?;
        out.finish()?;
    }
    let temporary = file.path(&format!("temp-{name}"));
    crate::base::disk::replace(&*file.disk, &temporary, &file.path(&name), &bytes)
}

/// One file of the log: a snapshot, commands, or the one and then the others.
fn load_commands(engine: &Arc<Engine>, file: &LogFile, name: &str, last: bool) -> Result<(), Refused> {
    let path = file.path(name);
    let fail = |e: std::io::Error| Refused(format!("Fatal error: can't read the AOF file {name}: {}", reason(&e)));
    let mut source = counted(engine, &*file.disk, &path).map_err(fail)?;
    let mut first = vec![0; 9];
    let mut got = 0;
    while got < first.len() {
        match source.read(&mut first[got..]).map_err(fail)? {
            0 => break,
            n => got += n,
        }
    }
    first.truncate(got);
    let start = aof::sniff(&first);
    let source = Cursor::new(first).chain(source);
    let mut worker = Worker::visiting(engine.clone()).ok_or_else(|| Refused("too many visitors".into()))?;
    match start {
        Start::Empty => Ok(()),
        Start::Commands => run_commands(engine, file, name, last, aof::Reader::new(source), &mut worker),
        Start::Rdb => {
            log::notice("Reading RDB base file on AOF loading...");
            let mut loader = Loader::new(source, engine.thresholds());
            loader.reader.verify_checksum(engine.config.rdbchecksum.get());
            let figures =
                load_in_two(engine, &engine.world, &mut loader, Rules { base: true, merge: false }, &mut |code| {
                    engine.load_function(code)
                })
                .map_err(|Refused(why)| {
                    log::warning(&why);
                    Refused(format!("Error reading the RDB preamble of the AOF file {name}, AOF loading aborted"))
                })?;
            done(engine, figures);
            let offset = loader.reader.offset();
            let (rest, source) = loader.reader.into_rest();
            let mut reader = aof::Reader::resume(source, rest, offset);
            if reader.peek(1).is_ok_and(|b| !b.is_empty()) {
                log::notice("Reading the remaining AOF tail...");
            }
            run_commands(engine, file, name, last, reader, &mut worker)
        }
    }
}

fn run_commands<R: Read>(
    engine: &Arc<Engine>,
    file: &LogFile,
    name: &str,
    last: bool,
    mut reader: aof::Reader<R>,
    worker: &mut Worker,
) -> Result<(), Refused> {
    let client = Arc::new(Client::new(0, "", "", -1, now_ms()));
    let mut session = Session::new(client, true);
    (session.internal, session.expiry) = (true, ExpiryMode::Ignore);
    // Where the transaction that is open began.
    let mut multi_at = None;
    let mut in_turn = 0;
    let mut delay = Delay::new(engine.config.key_load_delay.get());
    let mut errors = worker.stats.errors.get();
    let ended = loop {
        let command = match reader.next() {
            Ok(Some(Told::Command(command))) => command,
            Ok(Some(_)) => continue,
            Ok(None) => break None,
            Err(fault) => break Some(fault),
        };
        if in_turn == 0 {
            worker.begin(now_ms());
        }
        if command.args.is(0, "multi") {
            multi_at = Some(command.at);
        }
        delay.take();
        let ran = worker.replay(&mut session, command.args);
        if worker.stats.errors.get() != errors {
            errors = worker.stats.errors.get();
            let reply = worker.reply.to_bytes();
            let text = String::from_utf8_lossy(reply.trim_ascii()).trim_start_matches('-').to_owned();
            let name = command.args.at(0).escape_ascii().to_string();
            engine.replay_failed(Replayed::Log, &name, &text);
        }
        worker.reply.clear();
        if !session.multi.is_queuing() {
            multi_at = None;
        }
        in_turn = (in_turn + 1) % TURN;
        if in_turn == 0 {
            worker.access.leave();
        }
        if ran.is_err() {
            worker.access.leave();
            let word = command.args.at(0).escape_ascii().to_string();
            return Err(Refused(format!("Unknown command '{word}' reading the append only file {name}")));
        }
    };
    worker.access.leave();
    let (cut_at, why) = match (ended, multi_at) {
        (None, None) => return Ok(()),
        (None, Some(at)) => (at, aof::Why::Short),
        (Some(fault), at) => (at.unwrap_or(fault.good), fault.why),
    };
    if multi_at.is_some() {
        log::warning(&format!("Revert incomplete MULTI/EXEC transaction from AOF file {name}"));
    }
    match why {
        aof::Why::Short if engine.config.aof_load_truncated.get() => {
            log::warning(&format!("!!! Warning: short read while loading the AOF file {name}!!!"));
            if !last {
                return Err(Refused(
                    "Fatal error: the truncated file is not the last file, so what follows it does not fit. Exiting."
                        .into(),
                ));
            }
            log::warning(&format!("Truncating the AOF {name} at offset {cut_at}"));
            let cut = file.disk.append(&file.path(name)).and_then(|f| {
                f.truncate(cut_at)?;
                f.sync()
            });
            cut.map_err(|e| Refused(format!("Error truncating the AOF file {name}: {}", reason(&e))))?;
            log::warning(&format!("AOF {name} loaded anyway because aof-load-truncated is enabled"));
            Ok(())
        }
        aof::Why::Short => Err(Refused(format!(
            "Unexpected end of file reading the append only file {name}. You can: 1) Make a backup of your AOF file, then use \
             ./redis-check-aof --fix <filename.manifest> (`rustredis aof check --fix {}`). 2) Alternatively you can set the 'aof-load-truncated' configuration \
             option to yes and restart the server. (The last whole command ends at offset {cut_at}.)",
            file.dir().display()
        ))),
        aof::Why::Format(what) => Err(Refused(format!(
            "Bad file format reading the append only file {name} (offset {cut_at}: {what}): make a backup of your AOF file, then \
             use ./redis-check-aof --fix <filename.manifest> (`rustredis aof check --fix {}`)",
            file.dir().display()
        ))),
        aof::Why::Io(e) => {
            Err(Refused(format!("Unrecoverable error reading the append only file {name}: {}", reason(&e))))
        }
    }
}
