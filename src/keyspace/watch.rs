//! WATCH: who wants to know that a key changed. Kept in the key's shard, so it is read and written under its lock.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// A client's flag "something that I watched was touched"; shared with the shards of the watched keys.
pub type Flag = Arc<AtomicBool>;

#[derive(Default)]
pub struct Watchers(HashMap<(u32, Box<[u8]>), Vec<Flag>>);

impl Watchers {
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn add(&mut self, db: u32, key: &[u8], flag: &Flag) {
        let flags = self.0.entry((db, key.into())).or_default();
        if !flags.iter().any(|f| Arc::ptr_eq(f, flag)) {
            flags.push(flag.clone());
        }
    }

    pub fn remove(&mut self, db: u32, key: &[u8], flag: &Flag) {
        let id = (db, Box::from(key));
        if let Some(flags) = self.0.get_mut(&id) {
            flags.retain(|f| !Arc::ptr_eq(f, flag));
            if flags.is_empty() {
                self.0.remove(&id);
            }
        }
    }

    /// Tells everyone who watches this key.
    #[inline]
    pub fn touch(&self, db: u32, key: &[u8]) {
        if !self.0.is_empty()
            && let Some(flags) = self.0.get(&(db, Box::from(key)))
        {
            flags.iter().for_each(|f| f.store(true, Relaxed));
        }
    }

    /// Every key that is watched in a database (FLUSHDB and SWAPDB look which of them are concerned).
    pub fn keys(&self, db: u32) -> impl Iterator<Item = &[u8]> {
        self.0.keys().filter(move |(d, _)| *d == db).map(|(_, k)| &**k)
    }
}
