//! Persistence at work: snapshots, the append-only file, and what starts them.
//!
//! One job at a time has the walk over the keyspace ([`walk`]): BGSAVE, a rewrite of the append-only file, or a snapshot for
//! replicas. A job is a thread: it makes the cut, sets the workers walking, and writes what they encode.

#[cfg(test)]
mod crash_tests;
mod files;
mod format;
pub mod load;
mod load_log;
pub mod log_file;
mod rewrite;
pub mod walk;

use super::{log, now_ms, reason};
use crate::base::disk::Disk;
use crate::engine::clients::Client;
use crate::engine::errors::Error;
use crate::engine::persist::{AtCut, Job, Persistence, Reload, Sink, Subscriber};
use crate::engine::{Engine, LogLevel, Shutdown, gates};
use crate::keyspace::cut::{Cut, Encode};
use crate::keyspace::world::Access;
use crate::rdb::write::Summing;
use files::{FileSink, put_in_place};
use format::{Commands, Records};
use log_file::LogFile;
use parking_lot::Mutex;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering::Relaxed};
use std::time::Duration;
use walk::{Fan, Walk};

/// Seconds between two attempts of an automatic save that fails (Redis: CONFIG_BGSAVE_RETRY_DELAY).
const RETRY_S: i64 = 5;
/// Failures of automatic rewrites from which on they are put off, and how long at most (Redis: an hour).
const FAILURES_BEFORE_DELAY: u64 = 3;
const LONGEST_DELAY_MIN: i64 = 60;

/// Bytes handed to the writing thread at once, and how many such pieces may wait.
const PIECE: usize = 1 << 18;
const PIECES_AHEAD: usize = 8;

pub struct Persist {
    engine: Arc<Engine>,
    disk: Arc<dyn Disk>,
    pub log_file: Arc<LogFile>,
    /// Sends a walk to every worker.
    walkers: Mutex<Vec<tokio::sync::mpsc::UnboundedSender<Arc<Walk>>>>,
    subscribers: Mutex<Vec<Subscriber>>,
    /// Temporary files of different jobs must not have one name.
    jobs: AtomicU64,
    rewrite_again_ms: AtomicI64,
    stopping: AtomicBool,
}

/// What a job writes, and where to.
struct Plan {
    /// Commands instead of a snapshot's records.
    commands: bool,
    /// The file is the base of an append-only file.
    base: bool,
    at_cut: Vec<AtCut>,
    sinks: Vec<Box<dyn Sink>>,
}

impl Persist {
    pub fn new(engine: Arc<Engine>, disk: Arc<dyn Disk>) -> Arc<Persist> {
        let log_file = LogFile::new(engine.clone(), disk.clone());
        Arc::new(Persist {
            engine,
            disk,
            log_file,
            walkers: Mutex::default(),
            subscribers: Mutex::default(),
            jobs: AtomicU64::new(0),
            rewrite_again_ms: AtomicI64::new(0),
            stopping: AtomicBool::new(false),
        })
    }

    /// The end of the line on which a worker hears of walks.
    pub fn walker(&self) -> tokio::sync::mpsc::UnboundedReceiver<Arc<Walk>> {
        let (sender, receiver) = tokio::sync::mpsc::unbounded_channel();
        self.walkers.lock().push(sender);
        receiver
    }

    /// Loads what the configuration says there should be. An error is to end the process.
    pub fn load(self: &Arc<Self>) -> Result<(), String> {
        let loaded = if self.engine.config.appendonly.get() {
            load_log::load_log(&self.engine, &self.log_file)
        } else {
            load::load_snapshot(&self.engine, &*self.disk, &self.snapshot_path())
        };
        loaded.map_err(|load::Refused(why)| why)?;
        self.engine.shared_stats.dirty_at_save.store(self.engine.changes(), Relaxed);
        self.engine.last_save_s.store(now_ms() / 1000, Relaxed);
        Ok(())
    }

    /// Whether [`load`](Self::load) will find anything.
    pub fn has_files(&self) -> bool {
        let config = &self.engine.config;
        let log =
            || Path::new(&config.appenddirname.get()).exists() || Path::new(&config.appendfilename.get()).exists();
        if config.appendonly.get() { log() } else { self.snapshot_path().exists() }
    }

    /// Starts the threads behind it all.
    pub fn start(self: &Arc<Self>) -> std::io::Result<()> {
        let log_file = self.log_file.clone();
        super::os::spawn("log-sync", move || log_file.keep_syncing())?;
        let me = self.clone();
        super::os::spawn("persist", move || {
            loop {
                std::thread::sleep(Duration::from_millis(100));
                if !me.stopping.load(Relaxed) && !me.engine.cron_paused.load(Relaxed) {
                    me.look_after(now_ms());
                }
            }
        })?;
        Ok(())
    }

    fn snapshot_path(&self) -> PathBuf {
        PathBuf::from(self.engine.config.dbfilename.get())
    }

    /// What time alone starts: scheduled jobs, save points, rewriting a log that has grown.
    fn look_after(self: &Arc<Self>, now_ms: i64) {
        let (engine, status) = (&self.engine, &self.engine.persist);
        if engine.gates.load(Relaxed) & gates::LOADING != 0 {
            return;
        }
        let (idle, save_scheduled, rewrite_scheduled) = {
            let now = status.now.lock();
            (now.job == Job::None, now.save_scheduled, now.rewrite_scheduled)
        };
        if !idle {
            return;
        }
        if !self.subscribers.lock().is_empty() {
            return self.begin_sync();
        }
        if rewrite_scheduled {
            return drop(self.begin_rewrite());
        }
        let now_s = now_ms / 1000;
        let failed_lately = !status.saved_ok.load(Relaxed) && now_s - status.last_try_s.load(Relaxed) <= RETRY_S;
        if save_scheduled && !failed_lately {
            return drop(self.begin_save());
        }
        let (changes, since_s) = (engine.changes_since_save() as i64, now_s - engine.last_save_s.load(Relaxed));
        let due = |p: &crate::engine::config::cells::SavePoint| changes >= p.changes && since_s > p.seconds;
        if let Some(point) = engine.config.save.get().iter().find(|p| due(p))
            && !failed_lately
        {
            log::notice(&format!("{} changes in {} seconds. Saving...", point.changes, point.seconds));
            return drop(self.begin_save());
        }
        self.rewrite_if_grown(now_ms);
    }

    // ---- jobs ------------------------------------------------------------------------------------------------------

    fn temporary(&self, name: &str) -> PathBuf {
        let n = self.jobs.fetch_add(1, Relaxed);
        PathBuf::from(format!("{name}-{}-{n}", std::process::id()))
    }

    fn begin_save(self: &Arc<Self>) -> Result<(), Error> {
        let status = &self.engine.persist;
        status.begin(Job::Save, now_ms()).ok_or(Error::SAVING)?;
        status.now.lock().save_scheduled = false;
        status.last_try_s.store(now_ms() / 1000, Relaxed);
        log::notice(&format!("Background saving started by pid {}", std::process::id()));
        let (temporary, path) = (self.temporary("temp").with_extension("rdb"), self.snapshot_path());
        let me = self.clone();
        let changes = Arc::new(AtomicU64::new(0));
        let at_cut = {
            let changes = changes.clone();
            Box::new(move |engine: &Engine| changes.store(engine.changes(), Relaxed))
        };
        let (disk, from) = (self.disk.clone(), temporary.clone());
        let done = move |outcome: Result<(), String>| {
            let outcome = outcome.and_then(|()| put_in_place(&*disk, &from, &path));
            me.saved(outcome, changes.load(Relaxed));
        };
        let incremental = self.engine.config.rdb_save_incremental_fsync.get();
        match FileSink::create(self.disk.clone(), &temporary, incremental, Box::new(done)) {
            Ok(sink) => {
                let plan = Plan { commands: false, base: false, at_cut: vec![at_cut], sinks: vec![Box::new(sink)] };
                self.run(plan);
            }
            Err(e) => {
                log::warning(&format!(
                    "Failed opening the temp RDB file {} for saving: {}",
                    temporary.display(),
                    reason(&e)
                ));
                self.saved(Err(reason(&e)), 0);
                status.end();
            }
        }
        Ok(())
    }

    fn saved(&self, outcome: Result<(), String>, changes: u64) {
        let (engine, status) = (&self.engine, &self.engine.persist);
        let started_ms = status.now.lock().started_ms;
        status.save_took_s.store((now_ms() - started_ms) / 1000, Relaxed);
        match &outcome {
            Ok(()) => {
                engine.shared_stats.dirty_at_save.store(changes, Relaxed);
                engine.last_save_s.store(now_ms() / 1000, Relaxed);
                status.saves.fetch_add(1, Relaxed);
                log::notice("DB saved on disk");
                log::notice("Background saving terminated with success");
            }
            Err(why) => log::warning(&format!("Background saving error: {why}")),
        }
        status.saved_ok.store(outcome.is_ok(), Relaxed);
        engine.review_disk_error();
    }

    fn begin_sync(self: &Arc<Self>) {
        if self.engine.persist.begin(Job::Sync, now_ms()).is_some() {
            let (at_cut, sinks) =
                std::mem::take(&mut *self.subscribers.lock()).into_iter().map(|s| (s.at_cut, s.sink)).unzip();
            self.run(Plan { commands: false, base: false, at_cut, sinks });
        }
    }

    /// Runs a job in a thread of its own.
    fn run(self: &Arc<Self>, plan: Plan) {
        let me = self.clone();
        let job = move || {
            me.carry_out(plan);
            me.engine.persist.end();
        };
        if let Err(e) = super::os::spawn("snapshot", job) {
            log::warning(&format!("Can't start a thread: {}", reason(&e)));
            self.engine.persist.end();
        }
    }

    fn carry_out(&self, plan: Plan) {
        let engine = &self.engine;
        let mut fan = Fan(plan.sinks);
        let Some(mut access) = engine.visit() else {
            return fan.0.into_iter().for_each(|s| s.finish(Err("too many visitors".into())));
        };
        // What a fork is elsewhere: while everybody waits.
        let begun = std::time::Instant::now();
        access.raise();
        let target = format::target(engine, &mut access);
        let owner = engine.clone();
        let commands = plan.commands;
        let cut = Cut::new(Box::new(move || match commands {
            true => Box::new(Commands) as Box<dyn Encode>,
            false => Box::new(Records::new(&owner, target)),
        }));
        let sizes = cut.begin(&mut access);
        plan.at_cut.into_iter().for_each(|f| f(engine));
        let functions = engine.functions();
        let origin = engine.origin();
        engine.set_gate(gates::CUT, true);
        drop(access);
        engine.note_latency("snapshot-cut", begun.elapsed().as_nanos() as u64, now_ms());
        {
            let mut now = engine.persist.now.lock();
            now.keys_total = sizes.iter().map(|s| s.keys).sum();
            now.cut = Some(cut.clone());
        }
        let delay_us = engine.config.rdb_key_save_delay.get().max(0) as u64;
        let (walk, chunks) = Walk::new(cut.clone(), engine.world.shards(), delay_us);
        for walker in &*self.walkers.lock() {
            // A worker lives as long as the process.
            let _ = walker.send(walk.clone());
        }
        drop(walk);
        let outcome = if plan.commands {
            let begun = fan.write_all(&format::prologue_commands(&functions));
            begun.and_then(|()| chunks.pass_on(sizes, true, &mut fan))
        } else {
            let mut out = Summing::new(&mut fan, engine.config.rdbchecksum.get());
            let begun = out.write_all(&format::prologue(target, plan.base, &functions, origin.as_ref()));
            begun.and_then(|()| chunks.pass_on(sizes, false, &mut out)).and_then(|()| out.finish().map(drop))
        };
        engine.set_gate(gates::CUT, false);
        let outcome = match outcome {
            Ok(()) if cut.is_aborted() => Err("it was stopped".to_owned()),
            outcome => outcome.map_err(|e| reason(&e)),
        };
        fan.0.into_iter().for_each(|sink| sink.finish(outcome.clone()));
    }

    /// Stops the job that runs, if one does.
    pub fn stop_job(&self) {
        let cut = self.engine.persist.now.lock().cut.clone();
        cut.iter().for_each(|c| c.abort());
    }

    // ---- what happens here and now ---------------------------------------------------------------------------------

    /// Writes a snapshot of what is held whole.
    fn save_held(&self, access: &mut Access) -> Result<(), String> {
        let engine = &self.engine;
        let (temporary, path) = (self.temporary("temp").with_extension("rdb"), self.snapshot_path());
        let target = format::target(engine, access);
        let mut encoder = Records::new(engine, target);
        let checksum = engine.config.rdbchecksum.get();
        // One thread encodes, another sums and writes.
        let (sender, pieces) = std::sync::mpsc::sync_channel::<Vec<u8>>(PIECES_AHEAD);
        let write = || {
            let file = self.disk.create(&temporary)?;
            let mut out = Summing::new(WholeWriter(&*file), checksum);
            out.write_all(&format::prologue(target, false, &engine.functions(), engine.origin().as_ref()))?;
            pieces.into_iter().try_for_each(|piece| out.write_all(&piece))?;
            out.finish()?;
            file.sync()
        };
        // A writer that failed has stopped taking: its error is the one to tell.
        let mut encode = move |access: &mut Access| -> Option<()> {
            let mut buffer = Vec::with_capacity(PIECE);
            for db in 0..access.world().databases() {
                let shards = access.world().shards();
                let size = |access: &mut Access, f: fn(&crate::data::table::Table<crate::keyspace::Entry>) -> usize| {
                    (0..shards).map(|i| access.shard(i).db(db).map_or(0, f) as u64).sum::<u64>()
                };
                let (keys, expiring) = (size(access, |t| t.len()), size(access, |t| t.marked()));
                if keys == 0 {
                    continue;
                }
                crate::rdb::write::select_db(db as u64, &mut buffer);
                crate::rdb::write::resize_db(keys, expiring, &mut buffer);
                for i in 0..shards {
                    for entry in access.shard(i).db(db).into_iter().flat_map(|t| t.iter()) {
                        let mut first = true;
                        while !encoder.some(&entry, std::mem::take(&mut first), PIECE, &mut buffer) {
                            sender.send(std::mem::replace(&mut buffer, Vec::with_capacity(PIECE))).ok()?;
                        }
                        if buffer.len() >= PIECE {
                            sender.send(std::mem::replace(&mut buffer, Vec::with_capacity(PIECE))).ok()?;
                        }
                    }
                }
            }
            sender.send(buffer).ok()
        };
        let outcome = std::thread::scope(|s| {
            let writing = s.spawn(write);
            encode(access);
            drop(encode);
            writing.join().unwrap_or_else(|_| Err(std::io::Error::other("the writing thread panicked")))
        });
        let outcome = outcome.map_err(|e| reason(&e));
        if outcome.is_err() {
            let _ = self.disk.remove(&temporary); // nobody needs half a file
        }
        outcome.and_then(|()| put_in_place(&*self.disk, &temporary, &path)).map(|()| {
            engine.shared_stats.dirty_at_save.store(engine.changes(), Relaxed);
            engine.last_save_s.store(now_ms() / 1000, Relaxed);
            engine.persist.saved_ok.store(true, Relaxed);
            engine.review_disk_error();
            log::notice("DB saved on disk");
        })
    }

    /// Does what has to be done before the process may end. False if it must not end: saving failed.
    pub fn prepare_shutdown(&self, how: Shutdown, access: &mut Access) -> bool {
        let config = &self.engine.config;
        if !how.busy {
            access.raise();
        }
        let job = self.engine.persist.job();
        if job == Job::Save {
            log::warning("There is a child saving an .rdb. Killing it!");
        } else if job == Job::Rewrite {
            log::warning("There is a child rewriting the AOF. Killing it!");
        }
        self.stop_job();
        if self.engine.world.log.has_tap() {
            log::notice("Calling fsync() on the AOF file.");
            if let Err(e) = self.log_file.sync_now() {
                log::warning(&format!("Error writing to the AOF file: {}", reason(&e)));
                if !how.force {
                    return false;
                }
            }
        }
        let save = how.save.unwrap_or_else(|| !config.save.get().is_empty());
        if save {
            log::notice("Saving the final RDB snapshot before exiting.");
            if let Err(why) = self.save_held(access) {
                log::warning(&format!("Error trying to save the DB, can't exit: {why}"));
                if !how.force {
                    return false;
                }
            }
        }
        self.stopping.store(true, Relaxed);
        true
    }
}

struct WholeWriter<'a>(&'a dyn crate::base::disk::File);

impl Write for WholeWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Persistence for Arc<Persist> {
    fn save(&self, access: &mut Access) -> Result<(), Error> {
        if self.engine.persist.job() == Job::Save {
            return Err(Error::SAVING);
        }
        self.save_held(access).map_err(|why| {
            log::warning(&format!("Error trying to save the DB: {why}"));
            Error::SAVE_FAILED
        })
    }

    fn background_save(&self, schedule: bool) -> Result<&'static str, Error> {
        match self.engine.persist.job() {
            Job::None => self.begin_save().map(|()| "Background saving started"),
            Job::Save => Err(Error::SAVING),
            _ if schedule => {
                self.engine.persist.now.lock().save_scheduled = true;
                Ok("Background saving scheduled")
            }
            _ => Err(Error::OTHER_JOB),
        }
    }

    fn rewrite(&self) -> Result<&'static str, Error> {
        match self.engine.persist.job() {
            Job::None => self.begin_rewrite().map(|()| "Background append only file rewriting started"),
            Job::Rewrite => Err(Error::REWRITING),
            _ => {
                self.engine.persist.now.lock().rewrite_scheduled = true;
                Ok("Background append only file rewriting scheduled")
            }
        }
    }

    fn reload(&self, access: &mut Access, how: Reload) -> Result<(), Error> {
        if !how.nosave {
            self.save_held(access).map_err(|why| {
                log::warning(&why);
                Error::RELOAD_SAVE
            })?;
        }
        self.stop_job();
        if !how.noflush {
            for i in 0..access.world().shards() {
                let shard = access.shard(i);
                (0..shard.databases()).for_each(|n| drop(shard.take(n)));
            }
        }
        let rules = load::Rules { base: false, merge: how.merge };
        load::load_held(&self.engine, &*self.disk, &self.snapshot_path(), access, rules).map_err(
            |load::Refused(why)| {
                log::warning(&why);
                Error::RELOAD_LOAD
            },
        )?;
        log::warning("DB reloaded by DEBUG RELOAD");
        Ok(())
    }

    fn reload_log(&self, client: &Arc<Client>) {
        let (me, client) = (self.clone(), client.clone());
        let job = move || {
            let reply = match me.reload_log_now() {
                Ok(()) => b"+OK\r\n".to_vec(),
                Err(load::Refused(why)) => {
                    me.engine.log(LogLevel::Warning, &why);
                    format!("-{}\r\n", Error::RELOAD_LOG.text()).into_bytes()
                }
            };
            client.post(|mail| mail.unblocked = Some(reply));
        };
        if super::os::spawn("reload", job).is_err() {
            self.engine.log(LogLevel::Warning, "Can't start a thread");
        }
    }

    fn snapshot(&self, subscriber: Subscriber) {
        self.subscribers.lock().push(subscriber);
        if self.engine.persist.job() == Job::None {
            self.begin_sync();
        }
    }
}

impl Persist {
    fn reload_log_now(&self) -> Result<(), load::Refused> {
        let refused = |why: &str| load::Refused(why.to_owned());
        if !self.engine.world.log.has_tap() {
            return Err(refused("the append-only file is off"));
        }
        let mut access = self.engine.visit().ok_or_else(|| refused("too many visitors"))?;
        access.raise();
        self.engine.set_gate(gates::LOADING, true);
        let synced = self.log_file.sync_now();
        for i in 0..access.world().shards() {
            let shard = access.shard(i);
            (0..shard.databases()).for_each(|n| drop(shard.take(n)));
        }
        self.log_file.switch_off();
        drop(access);
        let outcome = synced
            .map_err(|e| load::Refused(reason(&e)))
            .and_then(|()| load_log::load_log(&self.engine, &self.log_file));
        self.engine.shared_stats.dirty_at_save.store(self.engine.changes(), Relaxed);
        self.engine.set_gate(gates::LOADING, false);
        outcome
    }
}
