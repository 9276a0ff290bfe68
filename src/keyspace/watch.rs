//! WATCH: who wants to know that a key changed. Kept in the key's shard, so it is read and written under its lock.

use super::waiters::{Ready, Waiters};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// A client's flag "something that I watched was touched"; shared with the shards of the watched keys.
pub type Flag = Arc<AtomicBool>;

/// Everybody with an interest in single keys of a shard: those who watch, and those who wait. One pointer while there is
/// nobody, since it lies in the shard's first cache line and every write asks.
#[derive(Default)]
pub struct Watchers(Option<Box<Interest>>);

#[derive(Default)]
struct Interest {
    flags: HashMap<(u32, Box<[u8]>), Vec<Flag>>,
    waiters: Waiters,
}

impl Watchers {
    pub fn add(&mut self, db: u32, key: &[u8], flag: &Flag) {
        let flags = self.interest().flags.entry((db, key.into())).or_default();
        if !flags.iter().any(|f| Arc::ptr_eq(f, flag)) {
            flags.push(flag.clone());
        }
    }

    pub fn remove(&mut self, db: u32, key: &[u8], flag: &Flag) {
        let Some(interest) = &mut self.0 else { return };
        let id = (db, Box::from(key));
        if let Some(flags) = interest.flags.get_mut(&id) {
            flags.retain(|f| !Arc::ptr_eq(f, flag));
            if flags.is_empty() {
                interest.flags.remove(&id);
            }
        }
        self.tidy();
    }

    pub fn add_waiter(&mut self, db: u32, key: &[u8], wait: u64) {
        self.interest().waiters.add(db, key, wait);
    }

    pub fn remove_waiter(&mut self, db: u32, key: &[u8], wait: u64) {
        if let Some(interest) = &mut self.0 {
            interest.waiters.remove(db, key, wait);
            self.tidy();
        }
    }

    /// The oldest wait for a key that came after `after` (0: the very first).
    pub fn next_waiter(&self, db: u32, key: &[u8], after: u64) -> Option<u64> {
        self.0.as_ref()?.waiters.next(db, key, after)
    }

    #[inline]
    pub fn has_waiters(&self) -> bool {
        self.0.as_ref().is_some_and(|i| !i.waiters.is_empty())
    }

    /// Every key of a database that somebody waits for.
    pub fn waited_keys(&self, db: u32) -> impl Iterator<Item = &[u8]> {
        self.0.iter().flat_map(move |i| i.waiters.keys(db))
    }

    /// Tells everyone who watches this key, and notes it in `ready` if somebody waits for it.
    #[inline]
    pub fn touch(&self, db: u32, key: &[u8], ready: &mut Ready) {
        if let Some(interest) = &self.0 {
            interest.touch(db, key, ready);
        }
    }

    /// How many keys are watched, in all databases.
    pub fn watched(&self) -> usize {
        self.0.as_ref().map_or(0, |i| i.flags.len())
    }

    /// Every key that is watched in a database (FLUSHDB and SWAPDB look which of them are concerned).
    pub fn keys(&self, db: u32) -> impl Iterator<Item = &[u8]> {
        self.0.iter().flat_map(move |i| i.flags.keys()).filter(move |(d, _)| *d == db).map(|(_, k)| &**k)
    }

    fn interest(&mut self) -> &mut Interest {
        self.0.get_or_insert_default()
    }

    fn tidy(&mut self) {
        if self.0.as_ref().is_some_and(|i| i.flags.is_empty() && i.waiters.is_empty()) {
            self.0 = None;
        }
    }
}

impl Interest {
    #[cold]
    fn touch(&self, db: u32, key: &[u8], ready: &mut Ready) {
        self.waiters.touch(db, key, ready);
        if let Some(flags) = self.flags.get(&(db, Box::from(key))) {
            flags.iter().for_each(|f| f.store(true, Relaxed));
        }
    }
}
