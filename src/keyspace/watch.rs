//! WATCH: who wants to know that a key changed. Kept in the key's shard, so it is read and written under its lock.

use super::waiters::{Ready, Waiters};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// A client's flag "something that I watched was touched"; shared with the shards of the watched keys.
pub type Flag = Arc<AtomicBool>;

/// Everybody with an interest in single keys of a shard: those who watch, and those who wait.
#[derive(Default)]
pub struct Watchers {
    flags: HashMap<(u32, Box<[u8]>), Vec<Flag>>,
    pub waiters: Waiters,
}

impl Watchers {
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.flags.is_empty()
    }

    pub fn add(&mut self, db: u32, key: &[u8], flag: &Flag) {
        let flags = self.flags.entry((db, key.into())).or_default();
        if !flags.iter().any(|f| Arc::ptr_eq(f, flag)) {
            flags.push(flag.clone());
        }
    }

    pub fn remove(&mut self, db: u32, key: &[u8], flag: &Flag) {
        let id = (db, Box::from(key));
        if let Some(flags) = self.flags.get_mut(&id) {
            flags.retain(|f| !Arc::ptr_eq(f, flag));
            if flags.is_empty() {
                self.flags.remove(&id);
            }
        }
    }

    /// Tells everyone who watches this key, and notes it in `ready` if somebody waits for it.
    #[inline]
    pub fn touch(&self, db: u32, key: &[u8], ready: &mut Ready) {
        self.waiters.touch(db, key, ready);
        if !self.flags.is_empty()
            && let Some(flags) = self.flags.get(&(db, Box::from(key)))
        {
            flags.iter().for_each(|f| f.store(true, Relaxed));
        }
    }

    /// Every key that is watched in a database (FLUSHDB and SWAPDB look which of them are concerned).
    pub fn keys(&self, db: u32) -> impl Iterator<Item = &[u8]> {
        self.flags.keys().filter(move |(d, _)| *d == db).map(|(_, k)| &**k)
    }
}
