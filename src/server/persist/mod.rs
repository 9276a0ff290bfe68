//! Persistence at work: snapshots, the append-only file, and what starts them.
//!
//! One job at a time has the walk over the keyspace ([`walk`]): BGSAVE, a rewrite of the append-only file, or a snapshot for
//! replicas ([`job`]). SAVE and SHUTDOWN write by themselves ([`held`]).

#[cfg(test)]
mod crash_tests;
mod files;
mod format;
mod held;
mod job;
pub mod load;
mod load_log;
pub mod log_file;
mod rewrite;
pub mod walk;

use super::{log, now_ms, reason};
use crate::base::disk::Disk;
use crate::engine::clients::Client;
use crate::engine::errors::Error;
use crate::engine::persist::{Job, Persistence, Reload, Subscriber};
use crate::engine::{Engine, LogLevel, Shutdown, gates};
use crate::keyspace::world::Access;
use log_file::LogFile;
use parking_lot::Mutex;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering::Relaxed};
use std::time::Duration;
use walk::Walk;

/// Seconds between two attempts of an automatic save that fails (Redis: CONFIG_BGSAVE_RETRY_DELAY).
const RETRY_S: i64 = 5;

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
