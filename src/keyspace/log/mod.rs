//! The write log: the effects of all writes in one order, as bytes in the form of requests (invariant I3).
//!
//! A worker collects the effects of its commands in a [`Lane`] of its own. Before it lets go of any lock, whatever the lane
//! holds is appended here in one short critical section ([`Access`](super::world::Access) sees to that, so nobody can forget);
//! so the order of bytes is the order in which locks were held, and a group of commands costs one lock.
//!
//! Two listen, each with its own idea of the selected database, attached and detached while the server runs:
//!
//! - the [`Tap`] of the append-only file: bytes wait there until somebody writes them to the file;
//! - the [`Backlog`] of replication: the last bytes, at offsets, for any number of readers.
//!
//! While nobody listens, the only cost is a flag that is read when the gate is passed. Attaching needs the whole keyspace
//! to be held, so that a listener hears everything from one point in time on.

mod backlog;
mod lane;
mod tap;
#[cfg(test)]
mod tests;

pub use backlog::{Backlog, Chunk, ReaderId};
pub use lane::Lane;
pub use tap::Piece;

use backlog::NO_DB;
use parking_lot::Mutex;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Acquire, Ordering::Release};
use std::task::Waker;
use tap::Tap;

/// Bits of what is attached.
const TAP: u32 = 1;
const BACKLOG: u32 = 2;

/// Where the log stood right after an append.
#[derive(Clone, Copy, Default, Debug, PartialEq, Eq)]
pub struct Positions {
    /// Bytes that the tap has got so far; 0 without one.
    pub tap: u64,
    /// Bytes among them that nobody has taken yet.
    pub waiting: usize,
    /// `master_repl_offset`
    pub replication: u64,
}

#[derive(Default)]
pub struct Log {
    attached: AtomicU32,
    /// Bytes that the tap has got so far, for those who want to know that and nothing else. Written under the lock, before the locks
    /// of what was logged are let go: whoever saw an effect sees a position behind it.
    tapped: AtomicU64,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    tap: Option<Tap>,
    backlog: Option<Backlog>,
    /// `master_repl_offset`: bytes of this history so far. Stands still without a backlog, as in Redis 7.0.
    offset: u64,
    /// A replica passes on what its primary sends, byte by byte, and none of its own effects.
    relays: bool,
}

impl Log {
    /// True if somebody listens.
    #[inline]
    pub fn is_attached(&self) -> bool {
        self.attached.load(Acquire) != 0
    }

    fn set_attached(&self, bit: u32, on: bool) {
        if on {
            self.attached.fetch_or(bit, Release)
        } else {
            self.attached.fetch_and(!bit, Release)
        };
    }

    /// Appends what a lane holds, and empties it. To be called while the locks under which it was filled are still held.
    #[cold]
    pub(super) fn append(&self, lane: &mut Lane) -> Positions {
        let mut hungry = Vec::new();
        let positions = {
            let mut inner = self.inner.lock();
            let inner = &mut *inner;
            if let Some(tap) = &mut inner.tap {
                tap.append(lane);
                self.tapped.store(tap.position(), Release);
            }
            if inner.relays {
                // Counted whether or not it is kept.
                if let Some(backlog) = &mut inner.backlog {
                    backlog.append(lane.relayed(), &mut hungry);
                }
                inner.offset += lane.relayed().len() as u64;
            } else if let Some(backlog) = &mut inner.backlog {
                lane.each_run(true, |db, bytes| {
                    if db != NO_DB && db != backlog.db {
                        backlog.db = db;
                        inner.offset += backlog.append(&lane::select(db), &mut hungry);
                    }
                    inner.offset += backlog.append(bytes, &mut hungry);
                });
            }
            inner.positions()
        };
        lane.clear();
        hungry.into_iter().for_each(Waker::wake);
        positions
    }

    pub fn positions(&self) -> Positions {
        self.inner.lock().positions()
    }

    /// [`Positions::tap`] alone, without the lock.
    #[inline]
    pub fn tapped(&self) -> u64 {
        self.tapped.load(Acquire)
    }

    // ---- the append-only file --------------------------------------------------------------------------------------

    /// Attaches the tap, whose bytes are for `file` from now on. The whole keyspace must be held.
    pub fn attach_tap(&self, file: u64) {
        let mut inner = self.inner.lock();
        inner.tap = Some(Tap::new(file));
        self.tapped.store(0, Release);
        drop(inner);
        self.set_attached(TAP, true);
    }

    /// Detaches the tap; what nobody had taken yet comes back.
    pub fn detach_tap(&self) -> Vec<Piece> {
        self.set_attached(TAP, false);
        let mut inner = self.inner.lock();
        self.tapped.store(0, Release);
        inner.tap.take().map(|mut t| t.take(Vec::new())).unwrap_or_default()
    }

    pub fn has_tap(&self) -> bool {
        self.attached.load(Acquire) & TAP != 0
    }

    /// From now on the tap's bytes are for another file. At a point in time if the whole keyspace is held.
    pub fn switch_tap(&self, file: u64) {
        if let Some(tap) = &mut self.inner.lock().tap {
            tap.switch(file);
        }
    }

    /// `aof-timestamp-enabled`
    pub fn stamp_tap(&self, on: bool) {
        if let Some(tap) = &mut self.inner.lock().tap {
            tap.stamps = on;
        }
    }

    /// Takes what waits in the tap, file by file. `spare` is a buffer to go on with.
    pub fn take_from_tap(&self, spare: Vec<u8>) -> Vec<Piece> {
        self.take_with_offset(spare).0
    }

    /// The same, and the offset of replication at this moment: the effects of all before it have been taken.
    pub fn take_with_offset(&self, spare: Vec<u8>) -> (Vec<Piece>, u64) {
        let mut inner = self.inner.lock();
        (inner.tap.as_mut().map(|t| t.take(spare)).unwrap_or_default(), inner.offset)
    }

    // ---- replication -----------------------------------------------------------------------------------------------

    /// `master_repl_offset`
    pub fn offset(&self) -> u64 {
        self.inner.lock().offset
    }

    /// Sets the offset, as a replica that begins to follow must: whatever the backlog held is of another history.
    pub fn set_offset(&self, offset: u64) {
        let mut inner = self.inner.lock();
        inner.offset = offset;
        if let Some(backlog) = &mut inner.backlog {
            *backlog = Backlog::new(backlog.size(), offset);
        }
    }

    /// Makes a backlog of `size` bytes that begins at the present offset, if there is none. The whole keyspace must be held.
    pub fn create_backlog(&self, size: usize) {
        let mut inner = self.inner.lock();
        let offset = inner.offset;
        inner.backlog.get_or_insert_with(|| Backlog::new(size, offset));
        let wants_effects = !inner.relays;
        drop(inner);
        self.set_attached(BACKLOG, wants_effects);
    }

    /// Frees the backlog (`repl-backlog-ttl`). Its readers find their place gone.
    pub fn free_backlog(&self) {
        self.set_attached(BACKLOG, false);
        let backlog = self.inner.lock().backlog.take();
        backlog.into_iter().flat_map(Backlog::into_wakers).for_each(Waker::wake);
    }

    pub fn has_backlog(&self) -> bool {
        self.inner.lock().backlog.is_some()
    }

    /// Looks at the backlog, or changes it, under the log's lock: keep it short.
    pub fn with_backlog<R>(&self, f: impl FnOnce(&mut Backlog) -> R) -> Option<R> {
        self.inner.lock().backlog.as_mut().map(f)
    }

    /// A replica passes its primary's bytes on ([`Lane::relay`]), and its own effects go to the append-only file alone. The whole
    /// keyspace must be held.
    pub fn set_relaying(&self, on: bool) {
        let mut inner = self.inner.lock();
        inner.relays = on;
        if let Some(backlog) = &mut inner.backlog {
            backlog.db = NO_DB;
        }
        let wants_effects = !on && inner.backlog.is_some();
        drop(inner);
        self.set_attached(BACKLOG, wants_effects);
    }

    pub fn is_relaying(&self) -> bool {
        self.inner.lock().relays
    }

    /// Appends a primary's own bytes to the replication stream alone: PING and REPLCONF GETACK. They say nothing of the selected
    /// database. Returns the offset behind them. Nothing happens without a backlog, or on a replica.
    pub fn tell_replicas(&self, bytes: &[u8]) -> u64 {
        let mut hungry = Vec::new();
        let offset = {
            let mut inner = self.inner.lock();
            let inner = &mut *inner;
            if let Some(backlog) = inner.backlog.as_mut().filter(|_| !inner.relays) {
                inner.offset += backlog.append(bytes, &mut hungry);
            }
            inner.offset
        };
        hungry.into_iter().for_each(Waker::wake);
        offset
    }

    /// The next effect for replicas names its database again: a new one knows of none.
    pub fn forget_selected(&self) {
        self.with_backlog(|b| b.db = NO_DB);
    }
}

impl Inner {
    fn positions(&self) -> Positions {
        let (tap, waiting) = self.tap.as_ref().map_or((0, 0), |t| (t.position(), t.waiting()));
        Positions { tap, waiting, replication: self.offset }
    }
}
