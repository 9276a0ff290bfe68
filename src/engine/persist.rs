//! Persistence as commands and INFO see it: what goes on, how the last attempts ended, and what may be asked for. The
//! doing is the server's ([`Persistence`]); nothing here opens a file.

use super::clients::Client;
use super::config::choices::FieldExpiryFormat;
use super::errors::Error;
use super::lua::functions::Policy;
use super::{Engine, gates};
use crate::data::Item;
use crate::keyspace::cut::Cut;
use crate::keyspace::world::Access;
use crate::rdb::Target;
use parking_lot::Mutex;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering::Acquire, Ordering::Relaxed, Ordering::Release};
use std::task::Waker;

/// What commands ask of the server's persistence.
pub trait Persistence: Send + Sync {
    /// SAVE: writes a snapshot here and now; everything is held.
    fn save(&self, access: &mut Access) -> Result<(), Error>;
    /// BGSAVE, and what is answered.
    fn background_save(&self, schedule: bool) -> Result<&'static str, Error>;
    /// BGREWRITEAOF, and what is answered.
    fn rewrite(&self) -> Result<&'static str, Error>;
    /// DEBUG RELOAD: everything is held.
    fn reload(&self, access: &mut Access, how: Reload) -> Result<(), Error>;
    /// DEBUG LOADAOF: reads the append-only file in place of the dataset. The client waits and is answered when it is done.
    fn reload_log(&self, client: &Arc<Client>);
    /// Takes part in a snapshot: the next one that begins.
    fn snapshot(&self, subscriber: Subscriber);
}

/// What is to be done at the point in time of a snapshot, everything held.
pub type AtCut = Box<dyn FnOnce(&Engine) + Send>;

/// Somebody who wants the bytes of a snapshot, such as a replica.
pub struct Subscriber {
    /// Runs at the point in time, everything held: whatever is written to the log afterwards is not in the snapshot.
    pub at_cut: AtCut,
    /// Gets the bytes of an RDB file from its first to its last.
    pub sink: Box<dyn Sink>,
}

/// Where a snapshot's bytes go.
pub trait Sink: Send {
    /// An error ends this sink's part; others go on.
    fn write(&mut self, bytes: &[u8]) -> io::Result<()>;
    /// All bytes were written (`Ok`), or no more will come.
    fn finish(self: Box<Self>, outcome: Result<(), String>);
}

/// DEBUG RELOAD's options.
#[derive(Clone, Copy, Default, Debug, PartialEq, Eq)]
pub struct Reload {
    /// Load the file that is there instead of writing one.
    pub nosave: bool,
    /// Keep the keys there are.
    pub noflush: bool,
    /// A key that is there already is no error.
    pub merge: bool,
}

/// What is going on. One thing at a time.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Job {
    #[default]
    None,
    Save,
    Rewrite,
    Sync,
}

/// The state that INFO tells, and that commands decide by.
pub struct Status {
    pub now: Mutex<Now>,
    /// Held while one of the two outcomes, `saved_ok` and `log.write_ok`, changes, and the gate with it.
    verdict: Mutex<()>,
    pub saved_ok: AtomicBool,
    /// Seconds that the last background save took; -1: there was none.
    pub save_took_s: AtomicI64,
    pub last_try_s: AtomicI64,
    pub saves: AtomicU64,
    pub loaded_keys: AtomicU64,
    pub expired_at_load: AtomicU64,
    pub loading: Loading,
    pub log: LogStatus,
    pub durable: Durable,
}

#[derive(Default)]
pub struct Now {
    pub job: Job,
    pub started_ms: i64,
    pub save_scheduled: bool,
    pub rewrite_scheduled: bool,
    pub cut: Option<Arc<Cut>>,
    pub keys_total: u64,
}

/// A dataset being loaded.
#[derive(Default)]
pub struct Loading {
    /// It is loaded beside the dataset, which serves on (`repl-diskless-load swapdb`).
    pub beside: AtomicBool,
    pub started_ms: AtomicI64,
    pub total_bytes: AtomicU64,
    pub done_bytes: AtomicU64,
    pub used_memory: AtomicU64,
}

/// The append-only file.
pub struct LogStatus {
    /// Writes go there.
    pub on: AtomicBool,
    pub write_ok: AtomicBool,
    /// Why not, in the system's words.
    pub error: Mutex<String>,
    pub size: AtomicU64,
    pub base_size: AtomicU64,
    pub rewrites: AtomicU64,
    pub rewrite_ok: AtomicBool,
    pub rewrite_took_s: AtomicI64,
    pub rewrite_failures: AtomicU64,
    pub delayed_fsync: AtomicU64,
    pub syncing: AtomicBool,
}

impl Default for Status {
    fn default() -> Status {
        Status {
            now: Mutex::default(),
            verdict: Mutex::default(),
            saved_ok: AtomicBool::new(true),
            save_took_s: AtomicI64::new(-1),
            last_try_s: AtomicI64::new(0),
            saves: AtomicU64::new(0),
            loaded_keys: AtomicU64::new(0),
            expired_at_load: AtomicU64::new(0),
            loading: Loading::default(),
            log: LogStatus {
                on: AtomicBool::new(false),
                write_ok: AtomicBool::new(true),
                error: Mutex::default(),
                size: AtomicU64::new(0),
                base_size: AtomicU64::new(0),
                rewrites: AtomicU64::new(0),
                rewrite_ok: AtomicBool::new(true),
                rewrite_took_s: AtomicI64::new(-1),
                rewrite_failures: AtomicU64::new(0),
                delayed_fsync: AtomicU64::new(0),
                syncing: AtomicBool::new(false),
            },
            durable: Durable::default(),
        }
    }
}

/// How far the log is safe on disk, and who waits for it to get further (`appendfsync always`).
#[derive(Default)]
pub struct Durable {
    position: AtomicU64,
    /// The offset of replication up to which everything is safe, as far as it is known.
    offset: AtomicU64,
    /// The log can be loaded: what came before it is in a base.
    based: AtomicBool,
    waiting: Mutex<Vec<(u64, Waker)>>,
    any: AtomicBool,
}

impl Durable {
    /// True if the log is safe up to this position; if not, the waker is woken when it is.
    pub fn reached(&self, position: u64, waker: &Waker) -> bool {
        if self.position.load(Acquire) >= position {
            return true;
        }
        let mut waiting = self.waiting.lock();
        self.any.store(true, Relaxed);
        waiting.push((position, waker.clone()));
        // It may have got there before the waker was in the list.
        self.position.load(Acquire) >= position
    }

    /// The log is safe up to here. `u64::MAX`: nobody has to wait any more.
    pub fn advance(&self, position: u64) {
        self.position.store(position, std::sync::atomic::Ordering::Release);
        if !self.any.load(Relaxed) && self.waiting.lock().is_empty() {
            return;
        }
        let mut woken = Vec::new();
        {
            let mut waiting = self.waiting.lock();
            waiting.retain(|(at, waker)| {
                let ready = *at <= position;
                if ready {
                    woken.push(waker.clone());
                }
                !ready
            });
            self.any.store(!waiting.is_empty(), Relaxed);
        }
        woken.into_iter().for_each(Waker::wake);
    }

    /// Has everybody look again who waits.
    pub fn rouse(&self) {
        let waiting = std::mem::take(&mut *self.waiting.lock());
        waiting.into_iter().for_each(|(_, waker)| waker.wake());
    }

    pub fn position(&self) -> u64 {
        self.position.load(Acquire)
    }

    /// The log has a base, or has none yet: switched on while the server runs, it says nothing before the first one is written.
    pub fn set_based(&self, on: bool) {
        self.based.store(on, std::sync::atomic::Ordering::Release);
    }

    /// True if a restart would find everything up to this position.
    pub fn holds(&self, position: u64) -> bool {
        self.based.load(Acquire) && self.position() >= position
    }

    /// The offset of replication that is safe, too: told of a position before that one is reached.
    pub fn set_offset(&self, offset: u64) {
        self.offset.store(offset, Relaxed);
    }

    pub fn offset(&self) -> u64 {
        self.offset.load(Relaxed)
    }
}

impl Status {
    /// Claims the place of the one job. `None` if it is taken.
    pub fn begin(&self, job: Job, now_ms: i64) -> Option<()> {
        let mut now = self.now.lock();
        if now.job != Job::None {
            return None;
        }
        (now.job, now.started_ms) = (job, now_ms);
        Some(())
    }

    pub fn end(&self) {
        let mut now = self.now.lock();
        now.job = Job::None;
        now.cut = None;
    }

    pub fn job(&self) -> Job {
        self.now.lock().job
    }

    /// Whether the last snapshot and the last write of the log went well. Who was told is served accordingly.
    pub fn outcomes(&self) -> (bool, bool) {
        let _held = self.verdict.lock();
        (self.saved_ok.load(Relaxed), self.log.write_ok.load(Acquire))
    }
}

impl Engine {
    /// Writes since the last snapshot was written.
    pub fn changes_since_save(&self) -> u64 {
        self.changes().saturating_sub(self.shared_stats.dirty_at_save.load(Relaxed))
    }

    /// All writes so far.
    pub fn changes(&self) -> u64 {
        let all: u64 = self.workers.read().iter().map(|w| w.dirty.get()).sum();
        all + self.shared_stats.dirty_since_save.load(Relaxed)
    }

    /// Takes a library of functions in that a file brought.
    pub fn load_function(&self, code: Item<'_>) -> Result<(), String> {
        let Item::Bytes(code) = code else { return Err("a library of functions that is a number".into()) };
        let loaded = self.scripts.functions.lock().load(self, code, true);
        loaded.map(drop).map_err(|e| format!("Failed loading a library of functions: {}", e.text()))
    }

    /// Puts these libraries of functions in the place of those that are there: all of them, or none.
    pub fn replace_functions(&self, codes: &[Vec<u8>]) -> Result<(), String> {
        let replaced = self.scripts.functions.lock().restore(self, codes, Policy::Flush);
        replaced.map_err(|e| format!("Failed loading the libraries of functions: {}", e.text()))
    }

    /// The libraries of functions, by their sources.
    pub fn functions(&self) -> Vec<Vec<u8>> {
        self.scripts.functions.lock().codes().map(<[u8]>::to_vec).collect()
    }

    /// The format for hashes with fields that expire.
    pub fn field_expiry_target(&self) -> Target {
        match self.config.field_expiry_format.get() {
            FieldExpiryFormat::Valkey => Target::Valkey9,
            FieldExpiryFormat::Redis => Target::Redis74,
        }
    }

    /// A way into the keyspace for a thread that is no worker; `None` if too many have one.
    pub fn visit(&self) -> Option<Access> {
        Access::visitor(&self.world)
    }

    /// Why writes must be refused, if they must: what was written could not be kept. Called rarely: see [`gates::MISCONF`].
    pub fn disk_error(&self) -> Option<Error> {
        let status = &self.persist;
        if !status.log.write_ok.load(Acquire) && status.log.on.load(Relaxed) {
            return Some(Error::misconf_log(&status.log.error.lock()));
        }
        let snapshots = !self.config.save.get().is_empty();
        let refuses = self.config.stop_writes_on_bgsave_error.get() && snapshots;
        (refuses && !status.saved_ok.load(Relaxed)).then_some(Error::MISCONF)
    }

    /// To be called when anything changed that [`disk_error`](Self::disk_error) looks at.
    pub fn review_disk_error(&self) {
        self.change_verdict(|_| ());
    }

    /// Notes whether the dataset was saved.
    pub fn note_saved(&self, ok: bool) {
        self.change_verdict(|status| status.saved_ok.store(ok, Relaxed));
    }

    /// Notes how writing the log went.
    pub fn log_written(&self, outcome: Result<(), &str>) {
        let log = &self.persist.log;
        if let Err(why) = outcome {
            *log.error.lock() = why.to_owned();
        }
        if log.write_ok.load(Acquire) == outcome.is_ok() {
            return;
        }
        self.change_verdict(|status| status.log.write_ok.store(outcome.is_ok(), Release));
        self.persist.durable.rouse();
    }

    /// Outcomes and gate change as one: of two changes at a time, the gate is what both together make it.
    fn change_verdict(&self, change: impl FnOnce(&Status)) {
        let _held = self.persist.verdict.lock();
        change(&self.persist);
        self.set_gate(gates::MISCONF, self.disk_error().is_some());
    }
}
