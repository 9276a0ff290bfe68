//! What one command did to the keyspace, as the guards wrote it down: for statistics, keyspace events, the write log,
//! client-side caching and lazy freeing. The engine empties it after each command, while the locks are still held.

use super::entry::Entry;
use super::log::Lane;
use super::waiters::Ready;

/// Classes of keyspace events, as the bits that `notify-keyspace-events` selects.
pub mod class {
    pub const KEYSPACE: u32 = 1; // K
    pub const KEYEVENT: u32 = 1 << 1; // E
    pub const GENERIC: u32 = 1 << 2; // g
    pub const STRING: u32 = 1 << 3; // $
    pub const LIST: u32 = 1 << 4; // l
    pub const SET: u32 = 1 << 5; // s
    pub const HASH: u32 = 1 << 6; // h
    pub const ZSET: u32 = 1 << 7; // z
    pub const EXPIRED: u32 = 1 << 8; // x
    pub const EVICTED: u32 = 1 << 9; // e
    pub const STREAM: u32 = 1 << 10; // t
    pub const MISS: u32 = 1 << 11; // m
    pub const MODULE: u32 = 1 << 13; // d
    pub const NEW: u32 = 1 << 14; // n
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    pub class: u32,
    pub name: &'static str,
    pub db: u32,
    pub key: Vec<u8>,
}

#[derive(Default)]
pub struct Journal {
    /// Changes that the command made. 0: nothing is propagated.
    pub dirty: u64,
    pub hits: u64,
    pub misses: u64,
    /// Keys that were found expired and removed.
    pub expired: u64,
    /// Fields of hashes that expired and were removed.
    pub expired_fields: u64,
    /// Event classes that somebody wants (`notify-keyspace-events`); others are not even recorded.
    pub event_mask: u32,
    pub events: Vec<Event>,
    /// True if a write log is attached, so that effects are worth writing down.
    pub logging: bool,
    /// Keys whose removal (by expiry or eviction) the log must hear of, before the command's own effect.
    pub removals: Vec<(u32, Vec<u8>)>,
    /// Fields that expired: database, key, field.
    pub field_removals: Vec<(u32, Vec<u8>, Vec<u8>)>,
    /// Keys that changed, if `tracking` asks for them.
    pub tracking: bool,
    /// Database, key, and whether it was time that changed it and nobody's command.
    pub changed: Vec<(u32, Vec<u8>, bool)>,
    /// Keys that somebody waits for and that changed.
    pub ready: Ready,
    /// Values that left the keyspace and are dear to free.
    pub heavy: Vec<Entry>,
}

/// Values that take more than this many frees leave the client's path (Redis: LAZYFREE_THRESHOLD).
pub const HEAVY: usize = 64;

impl Journal {
    #[inline]
    pub fn event(&mut self, class: u32, name: &'static str, db: u32, key: &[u8]) {
        if self.event_mask & class != 0 {
            self.events.push(Event { class, name, db, key: key.to_vec() });
        }
    }

    #[inline]
    pub(super) fn changed(&mut self, db: u32, key: &[u8]) {
        self.dirty += 1;
        if self.tracking {
            self.changed.push((db, key.to_vec(), false));
        }
    }

    #[inline]
    pub fn has_removals(&self) -> bool {
        !self.removals.is_empty() || !self.field_removals.is_empty()
    }

    /// Writes down what expired, as the commands that remove it elsewhere: DEL for each key, HDEL for the fields of a hash.
    /// To be called while their shard is still held: a key that is born again right after must follow its removal in the log.
    pub fn log_removals(&mut self, lane: &mut Lane) {
        for (db, key) in self.removals.drain(..) {
            lane.push(db, [b"DEL".as_slice(), &key].into_iter());
        }
        let fields = std::mem::take(&mut self.field_removals);
        for same in fields.chunk_by(|a, b| (a.0, &a.1) == (b.0, &b.1)) {
            let (db, key, _) = &same[0];
            let mut words = vec![b"HDEL".as_slice(), key];
            words.extend(same.iter().map(|(_, _, field)| field.as_slice()));
            lane.push(*db, words.into_iter());
        }
    }

    /// Lets go of a value; a dear one is kept for the thread that frees.
    #[inline]
    pub fn free(&mut self, entry: Entry) {
        if entry.free_effort() > HEAVY {
            self.heavy.push(entry);
        }
    }
}
