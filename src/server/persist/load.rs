//! Loading a snapshot.
//!
//! It is read by one thread, which makes entries of it, and put into the keyspace by another; so two processors are
//! kept busy.

use super::super::{log, now_ms, reason};
use crate::base::disk::Disk;
use crate::base::hash::hash_bytes;
use crate::engine::Engine;
use crate::keyspace::Entry;
use crate::keyspace::db::AccessClock;
use crate::keyspace::world::{Access, World};
use crate::rdb::{Event, Fault, Loaded, Loader};
use std::io::Read;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::sync_channel;
use std::time::{Duration, Instant};

/// Keys handed over at once.
const BATCH: usize = 256;
/// Batches that may wait.
const AHEAD: usize = 32;

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
pub(super) struct Counted<R> {
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

pub(super) fn counted(
    engine: &Arc<Engine>,
    disk: &dyn Disk,
    path: &Path,
) -> std::io::Result<Counted<Box<dyn Read + Send>>> {
    Ok(Counted { inner: disk.open(path)?, engine: engine.clone(), file: Arc::default() })
}

fn clock() -> AccessClock {
    AccessClock { now: (now_ms() / 1000) as u32 & 0xff_ffff, lfu: None }
}

/// `key-load-delay`, by which tests make loading slow: microseconds for each key or, if negative, that many keys for each
/// microsecond.
pub(super) struct Delay {
    setting: i64,
    keys: i64,
}

impl Delay {
    pub fn new(setting: i64) -> Delay {
        Delay { setting, keys: 0 }
    }

    /// A key was loaded.
    #[inline]
    pub fn take(&mut self) {
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
pub(super) fn load_in_two<R: Read + Send>(
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

pub(super) fn begin(engine: &Engine, total: u64) {
    let loading = &engine.persist.loading;
    loading.started_ms.store(now_ms(), Relaxed);
    loading.total_bytes.store(total, Relaxed);
    loading.done_bytes.store(0, Relaxed);
}

pub(super) fn done(engine: &Engine, figures: Figures) {
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
