//! Who waits for a key to change (BLPOP and its kin): per key the numbers of the waits, oldest first. Kept in the key's
//! shard and changed under its lock, so that a writer who holds it cannot miss anybody (invariant I5).

use std::collections::{BTreeSet, HashMap, VecDeque};

/// Keys that changed while somebody waited for them, in the order of the changes.
pub type Ready = VecDeque<(u32, Vec<u8>)>;

/// Numbers of waits by database and key. They grow, so their order is that of arrival.
#[derive(Default)]
pub struct Waiters(HashMap<(u32, Box<[u8]>), BTreeSet<u64>>);

impl Waiters {
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn add(&mut self, db: u32, key: &[u8], wait: u64) {
        self.0.entry((db, key.into())).or_default().insert(wait);
    }

    pub fn remove(&mut self, db: u32, key: &[u8], wait: u64) {
        let id = (db, Box::from(key));
        if let Some(waits) = self.0.get_mut(&id) {
            waits.remove(&wait);
            if waits.is_empty() {
                self.0.remove(&id);
            }
        }
    }

    /// The oldest wait for a key that came after `after` (0: the very first).
    pub fn next(&self, db: u32, key: &[u8], after: u64) -> Option<u64> {
        self.0.get(&(db, Box::from(key)))?.range(after + 1..).next().copied()
    }

    /// Notes that a key changed, if somebody waits for it.
    #[inline]
    pub fn touch(&self, db: u32, key: &[u8], ready: &mut Ready) {
        if !self.0.is_empty() && self.0.contains_key(&(db, Box::from(key))) {
            ready.push_back((db, key.to_vec()));
        }
    }

    /// Every key of a database that somebody waits for.
    pub fn keys(&self, db: u32) -> impl Iterator<Item = &[u8]> {
        self.0.keys().filter(move |(d, _)| *d == db).map(|(_, k)| &**k)
    }
}
