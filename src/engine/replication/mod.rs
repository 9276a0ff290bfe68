//! Replication as commands, INFO and dispatch see it: who follows whom, which history this is, who has got how far. Sockets
//! and threads are the server's (`server/replication`).
//!
//! - [`replica`]  a replica of ours: what it said about itself, what it acknowledged, and the bytes on their way to it;
//! - [`psync`]    who may go on where it stopped, and who gets a whole copy first;
//! - [`frames`]   a copy with the stream between its pieces, between servers of this kind;
//! - [`acks`]     WAIT: clients that wait for acknowledgements;
//! - [`role`]     becoming a replica, or a primary;
//! - [`failover`] handing the role over.
//!
//! The stream itself is the write log's ([`crate::keyspace::log`]).

pub mod acks;
pub mod failover;
mod feed;
pub mod frames;
pub mod psync;
pub mod replica;
pub mod role;

use super::clients::Client;
use super::{Engine, LogLevel, random_id};
use parking_lot::{Condvar, Mutex};
use replica::Replica;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// Redis's word for "no history".
pub const NO_ID: &str = "0000000000000000000000000000000000000000";

/// The history that the dataset is of, and the one before it, which ended where this server took over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ids {
    pub now: String,
    pub before: String,
    /// The offset up to which, and not including, the history before is ours too; -1: there is none.
    pub before_until: i64,
}

impl Ids {
    fn new() -> Ids {
        Ids { now: random_id(), before: NO_ID.to_owned(), before_until: -1 }
    }
}

/// How far the link to our primary is, in ROLE's words.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum LinkState {
    /// This server follows nobody.
    #[default]
    None,
    Connect,
    Connecting,
    Handshake,
    Sync,
    Connected,
}

impl LinkState {
    pub fn name(self) -> &'static str {
        match self {
            LinkState::None => "none",
            LinkState::Connect => "connect",
            LinkState::Connecting => "connecting",
            LinkState::Handshake => "handshake",
            LinkState::Sync => "sync",
            LinkState::Connected => "connected",
        }
    }
}

/// The replica's side: the link to our primary.
#[derive(Default)]
pub struct Link {
    pub primary: Option<(String, u16)>,
    pub state: LinkState,
    /// Goes up when what a link does is not wanted any more.
    pub generation: u64,
    /// The connection that brings the stream.
    pub client: Option<Arc<Client>>,
    /// The database that the stream has selected.
    pub db: u32,
    /// The dataset is not that of the ids: a load broke off.
    pub torn: bool,
    /// The primary sent what is no command: what came before it is not to be relied on either, so a whole copy is asked for.
    pub garbled: bool,
    pub last_io_ms: i64,
    /// Since when an earlier link is down (Unix s), 0: there was none.
    pub down_since_s: i64,
    /// A copy that is on its way: bytes in all (0: unknown) and so far, and when the last ones came.
    pub copy_total: u64,
    pub copy_read: u64,
    pub copy_io_ms: i64,
}

/// Counters of INFO stats.
#[derive(Default)]
pub struct Counts {
    pub full: AtomicU64,
    pub partial_ok: AtomicU64,
    pub partial_err: AtomicU64,
}

pub struct Replication {
    ids: Mutex<Ids>,
    replicas: Mutex<Vec<Arc<Replica>>>,
    link: Mutex<Link>,
    link_changed: Condvar,
    pub counts: Counts,
    pub(super) acks: acks::Acks,
    failover: Mutex<failover::Failover>,
    /// What a snapshot that was loaded says of itself.
    pub told: Mutex<Option<Origin>>,
    /// Since when there is no replica (Unix ms): `repl-backlog-ttl`.
    pub alone_since_ms: AtomicI64,
    /// Bytes of the stream kept in memory while a copy is loaded, and until they are carried out.
    pub aside: AtomicU64,
    /// When the log last told of a disk that fails under a replica (Unix ms).
    told_of_disk_ms: AtomicI64,
}

impl Default for Replication {
    fn default() -> Self {
        Replication {
            ids: Mutex::new(Ids::new()),
            replicas: Mutex::default(),
            link: Mutex::default(),
            link_changed: Condvar::new(),
            counts: Counts::default(),
            acks: acks::Acks::default(),
            failover: Mutex::default(),
            told: Mutex::default(),
            alone_since_ms: AtomicI64::new(0),
            aside: AtomicU64::new(0),
            told_of_disk_ms: AtomicI64::new(0),
        }
    }
}

impl Replication {
    pub fn ids(&self) -> Ids {
        self.ids.lock().clone()
    }

    pub fn set_ids(&self, ids: Ids) {
        *self.ids.lock() = ids;
    }

    /// A new history that nobody else can have begun.
    pub fn new_history(&self) {
        *self.ids.lock() = Ids::new();
    }

    /// This history ends at `offset` and a new one begins: whoever had the old one up to there may go on with the new.
    pub fn branch(&self, offset: u64) {
        let mut ids = self.ids.lock();
        let old = std::mem::replace(&mut ids.now, random_id());
        (ids.before, ids.before_until) = (old, offset as i64 + 1);
    }

    /// As [`branch`](Self::branch), into a history that has a name already.
    pub fn branch_into(&self, id: &str, offset: u64) {
        let mut ids = self.ids.lock();
        let old = std::mem::replace(&mut ids.now, id.to_owned());
        (ids.before, ids.before_until) = (old, offset as i64 + 1);
    }

    /// Everybody who follows us.
    pub fn replicas(&self) -> Vec<Arc<Replica>> {
        self.replicas.lock().clone()
    }

    pub fn has_replicas(&self) -> bool {
        !self.replicas.lock().is_empty()
    }

    /// Looks at the link, or changes it.
    pub fn with_link<R>(&self, f: impl FnOnce(&mut Link) -> R) -> R {
        let out = f(&mut self.link.lock());
        self.link_changed.notify_all();
        out
    }

    /// So much of a copy has come.
    pub fn note_copy(&self, read: u64, now_ms: i64) {
        let mut link = self.link.lock();
        (link.copy_read, link.copy_io_ms) = (read, now_ms);
    }

    /// Waits until the link may have changed, or for so long.
    pub fn await_link(&self, most: Duration) {
        let mut link = self.link.lock();
        self.link_changed.wait_for(&mut link, most);
    }

    pub fn generation(&self) -> u64 {
        self.link.lock().generation
    }

    /// Whether this generation of the link is the one that counts.
    pub fn is_current(&self, generation: u64) -> bool {
        self.generation() == generation
    }

    /// The connection to our primary ended.
    pub fn link_lost(&self, client: &Client, now_ms: i64) -> bool {
        self.with_link(|link| {
            let ours = link.client.as_ref().is_some_and(|c| c.id == client.id);
            if ours {
                link.client = None;
                link.down_since_s = now_ms / 1000;
                if link.state == LinkState::Connected {
                    link.state = LinkState::Connect;
                }
            }
            ours
        })
    }
}

/// What a snapshot says of the history that it is of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    pub id: String,
    pub offset: u64,
    /// The database that the stream has selected there.
    pub db: u32,
}

impl Origin {
    /// The offset, as long as a file has told none.
    const UNTOLD: u64 = u64::MAX;

    /// Id and offset are both there, and such as can be.
    fn is_whole(&self) -> bool {
        self.id.len() == 40 && self.offset < i64::MAX as u64
    }
}

impl Engine {
    /// Where the dataset is in its history, for a snapshot of it: everything is held. `None` if nobody could go on from there.
    pub fn origin(&self) -> Option<Origin> {
        let log = &self.world.log;
        let id = self.replication.ids().now;
        if !self.is_replica() {
            let db = log.with_backlog(|b| b.selected())?.unwrap_or(0);
            return Some(Origin { id, offset: log.offset(), db });
        }
        let link = self.replication.link.lock();
        let db = link.client.as_ref().map_or(link.db, |c| c.db.load(Relaxed));
        (!link.torn && !link.garbled).then(|| Origin { id, offset: log.offset(), db })
    }

    /// After the dataset was loaded at start, and before this server follows anybody: goes on with the history that the file tells
    /// of. A replica asks its primary to go on there; a primary lets those go on who had got as far.
    pub fn take_up(&self, follows: bool, now_ms: i64) {
        // An id without its offset, or the other way round, is no place in a history.
        let Some(origin) = self.replication.told.lock().take().filter(Origin::is_whole) else { return };
        let log = &self.world.log;
        log.set_offset(origin.offset);
        self.replication.with_link(|l| l.db = origin.db);
        if follows {
            self.replication.set_ids(Ids { now: origin.id, ..Ids::new() });
            return;
        }
        let before_until = origin.offset as i64 + 1;
        self.replication.set_ids(Ids { before: origin.id, before_until, ..Ids::new() });
        log.create_backlog(self.config.repl_backlog_size.get() as usize);
        // Those who followed have as long to come back as after a link that was cut.
        self.replication.alone_since_ms.store(now_ms, Relaxed);
    }

    /// A snapshot that is being loaded says something about its history.
    pub fn note_origin(&self, name: &str, value: &str) {
        let mut told = self.replication.told.lock();
        let origin = told.get_or_insert_with(|| Origin { id: String::new(), offset: Origin::UNTOLD, db: 0 });
        match name {
            "repl-id" => origin.id = value.to_owned(),
            "repl-offset" => origin.offset = value.parse().unwrap_or(Origin::UNTOLD),
            _ => origin.db = value.parse().unwrap_or(0),
        }
    }

    /// A replica is about to carry out a write that it cannot keep. Unless it is to do so all the same
    /// (`replica-ignore-disk-write-errors`), this is its end: a restart finds it where its disk is.
    #[cold]
    pub fn applies_unsafely(&self, now_ms: i64) {
        if !self.config.replica_ignore_disk_write_errors.get() {
            self.log(LogLevel::Warning, "Replica was unable to write command to disk.");
            if let Some(hooks) = self.hooks() {
                hooks.crash(super::Crash::Panic("a command of the primary cannot be written to disk".into()));
            }
        }
        let told_ms = &self.replication.told_of_disk_ms;
        if now_ms - told_ms.load(Relaxed) > 10_000 {
            told_ms.store(now_ms, Relaxed);
            let text = "Replica is applying a command even though it is unable to write to disk.";
            self.log(LogLevel::Warning, text);
        }
    }

    /// A command that succeeded elsewhere fails here, so the datasets differ. That must not go unseen; by
    /// `propagation-error-behavior` it is the end. A replica that takes writes of others may well differ, and lives.
    #[cold]
    pub fn replay_failed(&self, from: Replayed, command: &str, error: &str) {
        use super::config::PropagationError::{Ignore, Panic};
        let source = match from {
            Replayed::Primary => "the primary",
            Replayed::Log => "the append-only file",
        };
        let text = format!(
            "== CRITICAL == A command of {source} failed here: '{error}' ({command}). The datasets of both may differ."
        );
        self.log(LogLevel::Warning, &text);
        let behavior = self.config.propagation_error_behavior.get();
        let ends = match from {
            Replayed::Primary => behavior != Ignore && self.config.replica_read_only.get(),
            Replayed::Log => behavior == Panic,
        };
        if ends && let Some(hooks) = self.hooks() {
            let why =
                format!("a command of {source} failed, and propagation-error-behavior is not 'ignore': '{command}'");
            hooks.crash(super::Crash::Panic(why));
        }
    }

    /// True on a replica.
    pub fn is_replica(&self) -> bool {
        self.gates.load(Relaxed) & super::gates::REPLICA != 0
    }

    /// How many replicas are good enough for `min-replicas-to-write`.
    pub fn good_replicas(&self, now_ms: i64) -> usize {
        let most_ms = self.config.min_replicas_max_lag_secs.get().saturating_mul(1000);
        let good = |r: &Arc<Replica>| r.is_online() && now_ms - r.acked_ms.load(Relaxed) <= most_ms;
        self.replication.replicas.lock().iter().filter(|r| good(r)).count()
    }

    /// To be called now and then, and when `min-replicas-to-write` changes.
    pub fn review_replicas(&self, now_ms: i64) {
        let (least, lag) = (self.config.min_replicas_to_write.get(), self.config.min_replicas_max_lag_secs.get());
        let too_few = least > 0 && lag > 0 && (self.good_replicas(now_ms) as i64) < least && !self.is_replica();
        self.set_gate(super::gates::FEW_REPLICAS, too_few);
    }
}

/// Whose commands are carried out a second time here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replayed {
    Primary,
    Log,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_history_without_its_offset_is_none() {
        let whole = |id: &str, offset| Origin { id: id.to_owned(), offset, db: 0 }.is_whole();
        assert!(whole(&"a".repeat(40), 0) && whole(&"a".repeat(40), 7));
        assert!(!whole("", 7) && !whole("short", 7));
        assert!(!whole(&"a".repeat(40), Origin::UNTOLD));
    }
}
