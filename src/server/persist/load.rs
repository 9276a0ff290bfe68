//! Loading a dataset: a snapshot, or an append-only file of several.
//!
//! A snapshot is read by one thread, which makes entries of it, and put into the keyspace by another; so two processors are
//! kept busy. Commands of an append-only file run one after another, as a client's would.

use super::super::{log, now_ms, reason};
use super::log_file::LogFile;
use crate::aof::{self, Manifest, Start, Told};
use crate::base::disk::Disk;
use crate::base::hash::hash_bytes;
use crate::engine::replication::Replayed;
use crate::engine::session::Session;
use crate::engine::worker::Worker;
use crate::engine::{Engine, clients::Client};
use crate::keyspace::Entry;
use crate::keyspace::db::{AccessClock, ExpiryMode};
use crate::keyspace::world::{Access, World};
use crate::rdb::{self, Event, Fault, Loaded, Loader};
use std::io::{Cursor, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::sync_channel;
use std::time::{Duration, Instant};

/// Keys handed over at once.
const BATCH: usize = 256;
/// Batches that may wait.
const AHEAD: usize = 32;
/// Commands of a log run in one turn.
const TURN: usize = 128;

/// A key made, and where it goes.
struct Made {
    db: usize,
    hash: u64,
    entry: Entry,
}

/// What a snapshot held.
#[derive(Default, Clone, Copy, Debug)]
pub struct Figures {
    pub loaded: u64,
    pub expired: u64,
    pub empty: u64,
}

/// Why nothing more can be loaded; what to tell is logged already, or stands here.
#[derive(Debug)]
pub struct Refused(pub String);

/// How a snapshot is taken in.
#[derive(Clone, Copy)]
pub struct Rules {
    /// The base of a log: keys that have expired since must come in all the same, for what follows may concern them.
    pub base: bool,
    /// A key that is there already is replaced.
    pub merge: bool,
}

/// What becomes of a library of functions.
pub type Keep<'a> = &'a mut dyn FnMut(crate::data::Item<'_>) -> Result<(), String>;

/// Counts what was read of a file, for INFO.
struct Counted<R> {
    inner: R,
    engine: Arc<Engine>,
    file: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
        let n = self.inner.read(buf)?;
        self.engine.persist.loading.done_bytes.fetch_add(n as u64, Relaxed);
        self.file.fetch_add(n as u64, Relaxed);
        Ok(n)
    }
}

fn counted(engine: &Arc<Engine>, disk: &dyn Disk, path: &Path) -> std::io::Result<Counted<Box<dyn Read + Send>>> {
    Ok(Counted { inner: disk.open(path)?, engine: engine.clone(), file: Arc::default() })
}

fn clock() -> AccessClock {
    AccessClock { now: (now_ms() / 1000) as u32 & 0xff_ffff, lfu: None }
}

/// `key-load-delay`, by which tests make loading slow: microseconds for each key or, if negative, that many keys for each
/// microsecond.
struct Delay {
    setting: i64,
    keys: i64,
}

impl Delay {
    fn new(setting: i64) -> Delay {
        Delay { setting, keys: 0 }
    }

    /// A key was loaded.
    #[inline]
    fn take(&mut self) {
        if self.setting == 0 {
            return;
        }
        self.keys += 1;
        let us = if self.setting > 0 { self.setting } else { i64::from(self.keys % -self.setting == 0) };
        if us > 0 {
            std::thread::sleep(Duration::from_micros(us.unsigned_abs()));
        }
    }
}

/// Reads keys to the snapshot's end and gives them away in batches.
fn read_keys<R: Read>(
    engine: &Engine,
    loader: &mut Loader<R>,
    rules: Rules,
    keep: Keep<'_>,
    mut give: impl FnMut(Vec<Made>) -> Result<(), Refused>,
) -> Result<Figures, Refused> {
    let (clock, started_ms, databases) = (clock(), now_ms(), engine.world.databases());
    let mut figures = Figures::default();
    let mut batch = Vec::with_capacity(BATCH);
    let mut delay = Delay::new(engine.config.key_load_delay.get());
    loop {
        match loader.next().map_err(refused)? {
            Loaded::Key(key) => {
                delay.take();
                let db = key.db as usize;
                if db >= databases {
                    return Err(Refused(format!(
                        "FATAL: Data file was created with a Redis server configured to handle more than {databases} databases. Exiting"
                    )));
                }
                if !rules.base && key.expires_at_ms.is_some_and(|at| at < started_ms) {
                    figures.expired += 1;
                    continue;
                }
                figures.loaded += 1;
                let access = clock.saved(key.idle_s, key.freq);
                let hash = hash_bytes(key.name);
                batch.push(Made { db, hash, entry: Entry::loaded(key, access) });
                if batch.len() == BATCH {
                    give(std::mem::replace(&mut batch, Vec::with_capacity(BATCH)))?;
                }
            }
            Loaded::EmptyKey { .. } => figures.empty += 1,
            Loaded::ModuleKey { name, module, .. } => {
                return Err(Refused(format!(
                    "The RDB file contains module data I can't load: no matching module type '{module}' (key '{}')",
                    name.escape_ascii()
                )));
            }
            Loaded::Other(Event::Aux { name, value }) => tell_aux(engine, &text(name), &text(value)),
            Loaded::Other(Event::Function(code)) => keep(code).map_err(Refused)?,
            Loaded::Other(Event::End { .. }) => break,
            Loaded::Other(_) => {}
        }
    }
    give(batch)?;
    Ok(figures)
}

fn refused(fault: Fault) -> Refused {
    Refused(format!("Error reading the RDB file at {fault}"))
}

fn text(item: crate::data::Item<'_>) -> String {
    match item {
        crate::data::Item::Int(n) => n.to_string(),
        crate::data::Item::Bytes(b) => String::from_utf8_lossy(b).into_owned(),
    }
}

fn tell_aux(engine: &Engine, name: &str, value: &str) {
    match name {
        "redis-ver" | "valkey-ver" => log::notice(&format!("Loading RDB produced by version {value}")),
        "repl-stream-db" | "repl-id" | "repl-offset" => engine.note_origin(name, value),
        "ctime" => {
            let age = (now_ms() / 1000 - value.parse().unwrap_or(0)).max(0);
            log::notice(&format!("RDB age {age} seconds"));
        }
        "used-mem" => {
            let bytes: u64 = value.parse().unwrap_or(0);
            engine.persist.loading.used_memory.store(bytes, Relaxed);
            log::notice(&format!("RDB memory usage when created {:.2} Mb", bytes as f64 / 1_048_576.0));
        }
        _ => {}
    }
}

/// Puts keys into shards that are held, or can be visited.
fn put(access: &mut Access, batch: Vec<Made>, rules: Rules) -> Result<(), Refused> {
    for made in &batch {
        let shard = access.world().shard_of(made.hash);
        access.shard(shard).db_mut(made.db).prefetch_segment(made.hash);
    }
    for made in &batch {
        let shard = access.world().shard_of(made.hash);
        access.shard(shard).db_mut(made.db).prefetch_bucket(made.hash);
    }
    for Made { db, hash, entry } in batch {
        let shard = access.world().shard_of(hash);
        if let Err(entry) = access.shard(shard).load(db, hash, entry, rules.merge) {
            return Err(Refused(format!(
                "Internal error in RDB reading: RDB has duplicated key '{}' in DB {db}",
                entry.key().escape_ascii()
            )));
        }
    }
    Ok(())
}

/// Takes a snapshot in with two threads. Nobody else changes keys meanwhile.
fn load_in_two<R: Read + Send>(
    engine: &Arc<Engine>,
    world: &Arc<World>,
    loader: &mut Loader<R>,
    rules: Rules,
    keep: Keep<'_>,
) -> Result<Figures, Refused> {
    let (sender, batches) = sync_channel::<Vec<Made>>(AHEAD);
    std::thread::scope(|s| {
        let putting = s.spawn(move || {
            let _stack = super::super::os::SignalStack::install();
            let mut access = Access::visitor(world).ok_or_else(|| Refused("too many visitors".into()))?;
            for batch in batches {
                // Holding everything for some hundred keys is cheaper than locking for each.
                access.raise();
                let put = put(&mut access, batch, rules);
                access.leave();
                put?;
            }
            Ok(())
        });
        let read = read_keys(engine, loader, rules, keep, |batch| {
            sender.send(batch).map_err(|_| Refused("the other thread has stopped".into()))
        });
        drop(sender);
        let put = putting.join().unwrap_or_else(|_| Err(Refused("a loading thread panicked".into())));
        // What the other thread has to say is the cause, if it has anything to say.
        put.and(read)
    })
}

/// Loads a snapshot into what is held whole.
pub fn load_held(
    engine: &Arc<Engine>,
    disk: &dyn Disk,
    path: &Path,
    access: &mut Access,
    rules: Rules,
) -> Result<Figures, Refused> {
    let source = counted(engine, disk, path).map_err(|e| Refused(reason(&e)))?;
    let mut loader = Loader::new(source, engine.thresholds());
    loader.reader.verify_checksum(engine.config.rdbchecksum.get());
    read_keys(engine, &mut loader, rules, &mut |code| engine.load_function(code), |batch| put(access, batch, rules))
}

/// Loads the snapshot at start, if there is one.
pub fn load_snapshot(engine: &Arc<Engine>, disk: &dyn Disk, path: &Path) -> Result<(), Refused> {
    let Ok(size) = disk.size(path) else { return Ok(()) };
    let started = Instant::now();
    begin(engine, size);
    let fatal = |Refused(why): Refused| {
        log::warning(&why);
        log::warning(&format!(
            "`rustredis rdb check {0}` tells what is wrong with it, `rustredis rdb salvage {0} -o FILE` saves what can be read.",
            path.display()
        ));
        Refused("Fatal error loading the DB, check server logs. Exiting.".into())
    };
    let source = counted(engine, disk, path).map_err(|e| {
        Refused(format!("Fatal error: can't open the RDB file {} for reading: {}", path.display(), reason(&e)))
    })?;
    let mut loader = Loader::new(source, engine.thresholds());
    loader.reader.verify_checksum(engine.config.rdbchecksum.get());
    let figures = load_in_two(engine, &engine.world, &mut loader, Rules { base: false, merge: false }, &mut |code| {
        engine.load_function(code)
    })
    .map_err(fatal)?;
    done(engine, figures);
    log::notice(&format!("DB loaded from disk: {:.3} seconds", started.elapsed().as_secs_f64()));
    Ok(())
}

/// Loads a copy that a primary sent into an empty keyspace, the server's or another. What has expired comes in as well: it is the
/// primary who removes it. `keep` gets the libraries of functions.
pub fn load_copy<R: Read + Send>(
    engine: &Arc<Engine>,
    world: &Arc<World>,
    source: R,
    size: u64,
    keep: Keep<'_>,
) -> Result<(), Refused> {
    begin(engine, size);
    let source = Counted { inner: source, engine: engine.clone(), file: Arc::default() };
    let mut loader = Loader::new(source, engine.thresholds());
    loader.reader.verify_checksum(engine.config.rdbchecksum.get());
    let figures = load_in_two(engine, world, &mut loader, Rules { base: true, merge: false }, keep)?;
    done(engine, figures);
    Ok(())
}

fn begin(engine: &Engine, total: u64) {
    let loading = &engine.persist.loading;
    loading.started_ms.store(now_ms(), Relaxed);
    loading.total_bytes.store(total, Relaxed);
    loading.done_bytes.store(0, Relaxed);
}

fn done(engine: &Engine, figures: Figures) {
    engine.persist.loaded_keys.store(figures.loaded, Relaxed);
    engine.persist.expired_at_load.store(figures.expired, Relaxed);
    if figures.empty > 0 {
        log::notice(&format!(
            "Done loading RDB, keys loaded: {}, keys expired: {}, empty keys skipped: {}.",
            figures.loaded, figures.expired, figures.empty
        ));
    } else {
        log::notice(&format!("Done loading RDB, keys loaded: {}, keys expired: {}.", figures.loaded, figures.expired));
    }
}

/// Finds the append-only file, upgrades one of an older Redis, or makes one; loads it and goes on writing to it.
pub fn load_log(engine: &Arc<Engine>, file: &LogFile) -> Result<(), Refused> {
    let io = |what: &str| {
        let what = what.to_owned();
        move |e: std::io::Error| Refused(format!("Fatal error: can't {what}: {}", reason(&e)))
    };
    let disk = &*file.disk;
    disk.make_dir(&file.dir()).map_err(io("create the AOF directory"))?;
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
    if !file.disk.exists(old) || file.disk.exists(&file.path(&name)) && !file.disk.exists(old) {
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
             ./redis-check-aof --fix <filename.manifest>. 2) Alternatively you can set the 'aof-load-truncated' configuration \
             option to yes and restart the server. (The last whole command ends at offset {cut_at}.)"
        ))),
        aof::Why::Format(what) => Err(Refused(format!(
            "Bad file format reading the append only file {name} (offset {cut_at}: {what}): make a backup of your AOF file, then \
             use ./redis-check-aof --fix <filename.manifest>"
        ))),
        aof::Why::Io(e) => {
            Err(Refused(format!("Unrecoverable error reading the append only file {name}: {}", reason(&e))))
        }
    }
}
