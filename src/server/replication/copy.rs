//! A whole copy from our primary: received into a file beside the old dataset, which serves on meanwhile, and then loaded in its
//! place; or, as `repl-diskless-load` says, loaded as it comes, over the old dataset or beside it.

use super::super::persist::load::Keep;
use super::super::persist::{Persist, load};
use super::super::{log, now_ms, reason};
use super::aside::Aside;
use super::intake::{Copied, Intake};
use super::wire::Wire;
use crate::data::Item;
use crate::engine::clients::Client;
use crate::engine::config::choices::DisklessLoad;
use crate::engine::persist::Job;
use crate::engine::replication::frames;
use crate::engine::session::Session;
use crate::engine::worker::Worker;
use crate::engine::{Engine, LogLevel, gates, random_id};
use crate::keyspace::db::ExpiryMode;
use crate::keyspace::world::{Access, World};
use crate::resp::OwnedArgs;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

/// Bytes of the mark behind a copy whose length was not told.
const MARK: usize = 40;
/// Bytes after which the file is synced, as Redis does, so that the end does not take long.
const SYNC_EVERY: usize = 8 << 20;
/// Bytes taken from the primary at once.
const PIECE: usize = 64 << 10;
/// How long a snapshot that was stopped may take to end.
const MOST_FOR_JOBS: Duration = Duration::from_secs(5);

enum Length {
    Bytes(u64),
    Mark(Vec<u8>),
    /// What ends it stands in frames, and the stream between them.
    Frames,
}

/// A file that is gone if nobody claims it.
struct Temporary(Option<PathBuf>);

impl Drop for Temporary {
    fn drop(&mut self) {
        if let Some(path) = &self.0 {
            let _ = std::fs::remove_file(path); // it may never have been made
        }
    }
}

/// Receives the copy and puts it in the dataset's place. Without a file, if that is asked for (`repl-diskless-load`). Returns what came
/// of the stream meanwhile.
pub fn receive(
    engine: &Arc<Engine>,
    persist: &Arc<Persist>,
    wire: &mut Wire<'_>,
    history: Option<(String, u64)>,
) -> Result<Aside, String> {
    let header = wire.answer()?;
    let length = parse_header(&header)?;
    let how = engine.config.repl_diskless_load.get();
    let beside = how == DisklessLoad::Swapdb;
    let to_parser =
        beside || how != DisklessLoad::Disabled && (how == DisklessLoad::FlushBeforeLoad || is_empty(engine));
    let target = if to_parser { "parser" } else { "disk" };
    let size = match &length {
        Length::Mark(_) | Length::Frames => {
            log::notice(&format!("MASTER <-> REPLICA sync: receiving streamed RDB from master with EOF to {target}"));
            0
        }
        Length::Bytes(n) => {
            log::notice(&format!("MASTER <-> REPLICA sync: receiving {n} bytes from master to {target}"));
            *n
        }
    };
    engine.replication.with_link(|l| {
        (l.copy_total, l.copy_read) = (size, 0);
        l.copy_io_ms = now_ms();
    });
    let generation = wire.generation();
    let install = Install { engine, persist, generation, history };
    if matches!(length, Length::Frames) {
        return receive_frames(wire, install, to_parser, beside);
    }
    let none = Aside::new(engine);
    let mut arriving = Arriving::new(engine, wire, length);
    if to_parser {
        let outcome = if beside { install.beside(&mut arriving, size) } else { install.over(&mut arriving, size) };
        // What the link has to say is the cause, if it has anything to say.
        return arriving.failed.take().map_or(outcome, Err).map(|()| none);
    }
    let path = spool(engine, &mut arriving).map_err(|e| arriving.failed.take().unwrap_or_else(|| write_failed(&e)))?;
    let file = File::open(&path).map_err(|e| format!("Can't read what the MASTER sent: {}", reason(&e)))?;
    let size = file.metadata().map_or(0, |m| m.len());
    let outcome = install.over(Lively { inner: file, wire, told: Instant::now() }, size);
    remove_if_unwanted(engine, &path);
    outcome.map(|()| none)
}

/// The same where copy and stream come together.
fn receive_frames(wire: &mut Wire<'_>, install: Install<'_>, to_parser: bool, beside: bool) -> Result<Aside, String> {
    let (engine, intake) = (install.engine, Intake::default());
    std::thread::scope(|s| {
        let thread = std::thread::Builder::new().name("primary-intake".into());
        let taking = thread.spawn_scoped(s, || intake.run(engine, wire)).map_err(|e| reason(&e))?;
        let mut copied = Copied::new(&intake);
        let outcome = if beside {
            install.beside(&mut copied, 0)
        } else if to_parser {
            install.over(&mut copied, 0)
        } else {
            spool(engine, &mut copied).map_err(|e| write_failed(&e)).and_then(|path| {
                let file = File::open(&path).map_err(|e| format!("Can't read what the MASTER sent: {}", reason(&e)))?;
                let size = file.metadata().map_or(0, |m| m.len());
                let outcome = install.over(file, size);
                remove_if_unwanted(engine, &path);
                outcome
            })
        };
        // What the link has to say is the cause, if it has anything to say.
        let failed = intake.failed();
        match &outcome {
            Ok(()) => intake.loaded(engine.ack()),
            Err(_) => intake.stop(),
        }
        let taken = taking.join().unwrap_or_else(|_| Err("the link's thread ended".into()));
        failed.map_or(outcome, Err).and(taken)
    })
}

/// `rdb-del-sync-files`: a server that is to keep nothing on disk does not keep the copy either.
fn remove_if_unwanted(engine: &Engine, path: &Path) {
    let config = &engine.config;
    // An append-only file begins with a base of its own, and is off at this moment: so Redis removes it then, too.
    if config.rdb_del_sync_files.get() && config.save.get().is_empty() {
        log::notice("Removing the RDB file obtained from the master. This replica has persistence disabled");
        if let Err(e) = std::fs::remove_file(path) {
            log::warning(&format!("Can't remove {}: {}", path.display(), reason(&e)));
        }
    }
}

fn write_failed(e: &io::Error) -> String {
    format!("Write error or short write writing to the DB dump file needed for MASTER <-> REPLICA sync: {}", reason(e))
}

fn is_empty(engine: &Engine) -> bool {
    let Some(mut access) = engine.visit() else { return false };
    access.raise();
    (0..access.world().shards()).all(|i| {
        let shard = access.shard(i);
        (0..shard.databases()).all(|n| shard.db(n).is_none_or(|table| table.is_empty()))
    })
}

/// Writes the copy to a file, which then takes the snapshot's place, as in Redis. An error is the disk's, unless the link failed.
fn spool(engine: &Engine, arriving: &mut impl Read) -> io::Result<PathBuf> {
    let target = PathBuf::from(engine.config.dbfilename.get());
    let path = PathBuf::from(format!("temp-{}.{}.rdb", now_ms() / 1000, std::process::id()));
    let mut temporary = Temporary(Some(path.clone()));
    let mut file = File::create(&path)?;
    let (mut piece, mut unsynced) = (vec![0; PIECE], 0);
    loop {
        let n = arriving.read(&mut piece)?;
        if n == 0 {
            break;
        }
        file.write_all(&piece[..n])?;
        unsynced += n;
        if unsynced >= SYNC_EVERY {
            file.sync_data()?;
            unsynced = 0;
        }
    }
    file.sync_all()?;
    std::fs::rename(&path, &target)?;
    temporary.0 = None;
    Ok(target)
}

fn parse_header(header: &str) -> Result<Length, String> {
    if let Some(why) = header.strip_prefix('-') {
        return Err(format!("MASTER aborted replication with an error: {why}"));
    }
    if header == frames::HEADER {
        return Ok(Length::Frames);
    }
    let told = header.strip_prefix('$').ok_or_else(|| {
        format!("Bad protocol from MASTER, the first byte is not '$' (we received '{header}'), are you sure the host and port are right?")
    })?;
    match told.strip_prefix("EOF:") {
        Some(mark) if mark.len() == MARK => Ok(Length::Mark(mark.as_bytes().to_vec())),
        Some(_) => Err("Bad protocol from MASTER: a mark of the wrong length".into()),
        None => told.parse().map(Length::Bytes).map_err(|_| "Bad protocol from MASTER: no length".to_owned()),
    }
}

/// The bytes of a copy as they come: up to its end, and not beyond.
struct Arriving<'a, 'w> {
    engine: &'a Engine,
    wire: &'a mut Wire<'w>,
    length: Length,
    /// What was read and not given on, but for the last bytes, which may be the mark: those are in `tail`.
    ready: Vec<u8>,
    at: usize,
    tail: Vec<u8>,
    over: bool,
    read: u64,
    noted: Instant,
    /// What went wrong on the link.
    failed: Option<String>,
}

impl<'a, 'w> Arriving<'a, 'w> {
    fn new(engine: &'a Engine, wire: &'a mut Wire<'w>, length: Length) -> Self {
        let (ready, tail, noted) = (Vec::new(), Vec::new(), Instant::now());
        Arriving { engine, wire, length, ready, at: 0, tail, over: false, read: 0, noted, failed: None }
    }

    /// Takes in what has come; `over` if that was the end.
    fn fill(&mut self) -> Result<(), String> {
        let most = match self.length {
            Length::Bytes(n) => PIECE.min(usize::try_from(n - self.read).unwrap_or(PIECE)),
            Length::Mark(_) | Length::Frames => PIECE,
        };
        if most == 0 {
            self.over = true;
            return Ok(());
        }
        self.ready.clear();
        self.at = 0;
        self.ready.append(&mut self.tail);
        let kept = self.ready.len();
        self.ready.resize(kept + most, 0);
        let n = self.wire.bytes(&mut self.ready[kept..])?;
        self.ready.truncate(kept + n);
        self.read += n as u64;
        if let Length::Mark(mark) = &self.length {
            self.tail = self.ready.split_off(self.ready.len().saturating_sub(MARK));
            self.over = self.tail == *mark;
        }
        self.engine.replication.note_copy(self.read, now_ms());
        if self.noted.elapsed() > Duration::from_millis(100) {
            self.noted = Instant::now();
            if !self.wire.is_wanted() {
                return Err("this server follows somebody else now".into());
            }
        }
        Ok(())
    }
}

impl Read for Arriving<'_, '_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        while self.at == self.ready.len() && !self.over {
            if let Err(why) = self.fill() {
                self.failed = Some(why.clone());
                return Err(io::Error::other(why));
            }
        }
        let n = buf.len().min(self.ready.len() - self.at);
        buf[..n].copy_from_slice(&self.ready[self.at..self.at + n]);
        self.at += n;
        Ok(n)
    }
}

/// Reads a file and, once a second, tells the primary that we are alive.
struct Lively<'a, 'b, R> {
    inner: R,
    wire: &'a mut Wire<'b>,
    told: Instant,
}

impl<R: Read> Read for Lively<'_, '_, R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if self.told.elapsed() > Duration::from_secs(1) {
            self.told = Instant::now();
            self.wire.keep_alive();
        }
        self.inner.read(buf)
    }
}

/// A copy on its way into the dataset's place.
struct Install<'a> {
    engine: &'a Arc<Engine>,
    persist: &'a Arc<Persist>,
    generation: u64,
    history: Option<(String, u64)>,
}

impl Install<'_> {
    fn is_wanted(&self) -> Result<(), String> {
        let wanted = self.engine.replication.is_current(self.generation);
        wanted.then_some(()).ok_or_else(|| "this server follows somebody else now".to_owned())
    }

    /// From here on nobody is served, as the dataset goes; unless this server was told meanwhile to follow somebody else
    /// or nobody. Everything is held, as it is while roles change: who comes later is told that it loads.
    fn begin(&self) -> Result<(), String> {
        let mut access = self.engine.visit().ok_or("too many visitors")?;
        access.raise();
        self.is_wanted()?;
        self.engine.set_gate(gates::LOADING, true);
        Ok(())
    }

    /// What is being written down of the old dataset is of no use any more.
    fn stop_snapshots(&self) {
        self.persist.stop_job();
        let began = Instant::now();
        while self.engine.persist.job() != Job::None && began.elapsed() < MOST_FOR_JOBS {
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    fn load(&self, world: &Arc<World>, source: impl Read + Send, size: u64, keep: Keep<'_>) -> Result<(), String> {
        self.engine.replication.told.lock().take();
        let mut source = source;
        load::load_copy(self.engine, world, &mut source, size, keep).map_err(|load::Refused(why)| {
            log::warning(&why);
            "Failed trying to load the MASTER synchronization DB from disk, check server logs.".to_owned()
        })?;
        // What follows the snapshot is the mark, if there is one: the copy has come whole.
        io::copy(&mut source, &mut io::sink()).map(drop).map_err(|e| reason(&e))
    }

    /// The dataset is the primary's: everything is held.
    fn join(&mut self) {
        let (id, offset) = self.history.take().unwrap_or_else(|| (random_id(), 0));
        self.engine.join(&id, Some(offset));
        let db = self.engine.replication.told.lock().take().map_or(0, |origin| origin.db);
        self.engine.replication.with_link(|l| (l.torn, l.garbled, l.db) = (false, false, db));
    }

    /// Empties the dataset and loads the other one in its place. Nobody is served meanwhile.
    fn over(mut self, source: impl Read + Send, size: u64) -> Result<(), String> {
        let engine = self.engine;
        self.begin()?;
        // The log would hold what is about to go; it begins anew with what comes.
        if engine.world.log.has_tap() {
            self.persist.log_file.switch_off();
        }
        log::notice("MASTER <-> REPLICA sync: Flushing old data");
        engine.drop_replicas();
        self.stop_snapshots();
        let outcome = empty(engine).and_then(|()| {
            log::notice("MASTER <-> REPLICA sync: Loading DB in memory");
            engine.replication.with_link(|l| l.torn = true);
            self.load(&engine.world, source, size, &mut |code| engine.load_function(code))
        });
        let outcome = outcome.and_then(|()| {
            let mut access = engine.visit().ok_or("too many visitors")?;
            access.raise();
            self.is_wanted()?;
            self.join();
            Ok(())
        });
        if outcome.is_err() && engine.replication.with_link(|l| l.torn) {
            // Half a dataset is worse than none.
            let _ = empty(engine); // it was empty before, so this cannot be what fails
            engine.replication.new_history();
        }
        engine.set_gate(gates::LOADING, false);
        self.finish(outcome)
    }

    /// Loads the other dataset beside this one, which stays if that fails, and swaps them. Who reads is served on if both are of one
    /// history, as in Redis; else a client would see time jump.
    fn beside(mut self, source: impl Read + Send, size: u64) -> Result<(), String> {
        let engine = self.engine;
        let same = self.history.as_ref().is_some_and(|(id, _)| *id == engine.replication.ids().now);
        if !same {
            self.begin()?;
        }
        engine.drop_replicas();
        engine.persist.loading.beside.store(same, Relaxed);
        log::notice("MASTER <-> REPLICA sync: Loading DB in memory");
        let world = World::new(engine.world.workers(), engine.world.databases());
        // Functions are one with the dataset: those that came take the place of those that are there when the keys do.
        let mut libraries = Vec::new();
        let mut keep = |code: Item<'_>| match code {
            Item::Bytes(code) => {
                libraries.push(code.to_vec());
                Ok(())
            }
            Item::Int(_) => Err("a library of functions that is a number".to_owned()),
        };
        let loaded = self.load(&world, source, size, &mut keep);
        let outcome = loaded.and_then(|()| {
            if engine.world.log.has_tap() {
                self.persist.log_file.switch_off();
            }
            self.stop_snapshots();
            let mut worker = Worker::visiting(engine.clone()).ok_or("too many visitors")?;
            let mut other = Access::visitor(&world).ok_or("too many visitors")?;
            worker.begin(now_ms());
            worker.access.raise();
            other.raise();
            self.is_wanted()?;
            // All of them or none.
            engine.replace_functions(&libraries)?;
            log::notice("MASTER <-> REPLICA sync: Swapping the DBs");
            worker.replace_dataset(&mut other);
            self.join();
            worker.access.leave();
            Ok(())
        });
        engine.persist.loading.beside.store(false, Relaxed);
        engine.set_gate(gates::LOADING, false);
        self.finish(outcome)
    }

    fn finish(self, outcome: Result<(), String>) -> Result<(), String> {
        let engine = self.engine;
        if engine.config.appendonly.get()
            && !engine.world.log.has_tap()
            && let Err(why) = self.persist.switch_log(true)
        {
            log::warning(&why);
        }
        outcome?;
        engine.shared_stats.dirty_at_save.store(engine.changes(), Relaxed);
        log::notice("MASTER <-> REPLICA sync: Finished with success");
        Ok(())
    }
}

/// Takes everything out, as FLUSHALL and FUNCTION FLUSH do: who watches or waits for a key hears of it.
fn empty(engine: &Arc<Engine>) -> Result<(), String> {
    let mut worker = Worker::visiting(engine.clone()).ok_or("too many visitors")?;
    let mut session = Session::new(Arc::new(Client::new(0, "", "", -1, now_ms())), true);
    (session.internal, session.expiry) = (true, ExpiryMode::Ignore);
    worker.begin(now_ms());
    worker.access.raise();
    for words in [&["FLUSHALL"][..], &["FUNCTION", "FLUSH"]] {
        if let Err(e) = worker.replay(&mut session, OwnedArgs::new(words.iter()).args()) {
            engine.log(LogLevel::Warning, &e.text());
        }
    }
    worker.access.leave();
    Ok(())
}
