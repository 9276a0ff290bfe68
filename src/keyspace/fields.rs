//! Fields of hashes that expire: which hash has the next one, and taking away those whose time has come.
//!
//! Every shard keeps its hashes with such fields in the order of their first expiry. The guards keep that order: whatever
//! changes a hash, brings one in or takes one out notes what its first expiry was and is. So nothing is searched for: the cycle
//! looks at the head. Between its visits, access takes away the due fields of the hash that it finds.

use super::db::Key;
use super::entry::Entry;
use super::journal::{Journal, class};
use super::shard::{Parts, ShardData};
use super::value::Type;
use crate::base::hash::hash_bytes;
use crate::data::Hash;
use std::collections::BTreeSet;

/// Fields taken from one hash at an access: the rest is hidden, and left to the cycle.
pub(super) const ON_ACCESS: usize = 256;

/// The hashes with fields that expire: by first expiry, database and key.
#[derive(Default)]
pub struct FieldExpiries(BTreeSet<(i64, u32, Box<[u8]>)>);

impl FieldExpiries {
    /// Notes that a hash's first expiry was `before` and is `after`.
    #[inline]
    pub(super) fn moved(&mut self, db: u32, key: &[u8], before: Option<i64>, after: Option<i64>) {
        if before != after {
            self.reorder(db, key, before, after);
        }
    }

    fn reorder(&mut self, db: u32, key: &[u8], before: Option<i64>, after: Option<i64>) {
        let mut place = (before.unwrap_or(0), db, Box::from(key));
        if before.is_some() {
            self.0.remove(&place);
        }
        if let Some(at) = after {
            place.0 = at;
            self.0.insert(place);
        }
    }

    /// Notes that an entry went.
    #[inline]
    pub(super) fn forget(&mut self, db: u32, entry: &Entry) {
        self.moved(db, entry.key(), first_expiry(entry), None);
    }

    pub(super) fn forget_database(&mut self, db: u32) {
        self.0.retain(|place| place.1 != db);
    }

    pub(super) fn swap_databases(&mut self, a: u32, b: u32) {
        let swap = |db| match db {
            db if db == a => b,
            db if db == b => a,
            db => db,
        };
        self.0 = std::mem::take(&mut self.0).into_iter().map(|(at, db, key)| (at, swap(db), key)).collect();
    }

    /// How many hashes of a database have fields that expire (INFO's `subexpiry`).
    pub fn hashes(&self, db: u32) -> usize {
        self.0.iter().filter(|place| place.1 == db).count()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// When the first of an entry's fields expires; `None` if it is no hash, or none of them does.
#[inline]
pub(super) fn first_expiry(entry: &Entry) -> Option<i64> {
    if entry.type_() != Type::Hash {
        return None;
    }
    entry.object::<Hash>().and_then(|hash| hash.next_expiry())
}

/// Takes up to `limit` due fields from a hash, the hash itself if none is left; returns how many. All concerned hear of it.
pub(super) fn reclaim(
    shard: &mut ShardData,
    db: u32,
    key: Key<'_>,
    now_ms: i64,
    limit: usize,
    journal: &mut Journal,
) -> usize {
    let Parts { table, watchers, fields: expiries, mut guard } = shard.all_parts(db as usize);
    let Some(mut entry) = table.get_mut(key.hash, key.bytes) else { return 0 };
    guard.before(key.hash, &mut entry);
    let Some(mut hash) = entry.object_mut::<Hash>() else { return 0 };
    let before = hash.next_expiry();
    let gone = hash.expire_fields(now_ms, limit, |field| {
        if journal.logging {
            journal.field_removals.push((db, key.bytes.to_vec(), field.name.to_vec()));
        }
    });
    let (after, empty) = (hash.next_expiry(), hash.is_empty());
    drop(hash);
    expiries.moved(db, key.bytes, before, after);
    if gone == 0 {
        return 0;
    }
    journal.expired_fields += gone as u64;
    journal.event(class::HASH, "hexpired", db, key.bytes);
    if empty {
        drop(entry.remove(key.hash));
        journal.event(class::GENERIC, "del", db, key.bytes);
    }
    watchers.touch(db, key.bytes, &mut journal.ready);
    if journal.tracking {
        journal.changed.push((db, key.bytes.to_vec(), true));
    }
    gone
}

/// Takes up to `limit` due fields from the hashes of a shard, those due first first; returns how many.
pub(super) fn step(shard: &mut ShardData, now_ms: i64, limit: usize, journal: &mut Journal) -> usize {
    let mut gone = 0;
    while gone < limit && shard.fields.0.first().is_some_and(|(at, ..)| *at < now_ms) {
        let Some((at, db, key)) = shard.fields.0.pop_first() else { break };
        gone += reclaim(shard, db, Key { bytes: &key, hash: hash_bytes(&key) }, now_ms, limit - gone, journal).max(1);
        // Noted anew if the limit came first.
        let table = shard.db(db as usize);
        let left = table.and_then(|t| first_expiry(&*t.get(hash_bytes(&key), &key)?)).filter(|left| *left == at);
        if left.is_some() {
            shard.fields.0.insert((at, db, key));
        }
    }
    gone
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Limits;
    use crate::keyspace::NewValue;

    /// Hashes of ten fields each; the field `i` of the hash `n` expires at `1000 + n` if `i` is below `n % 11`.
    fn filled(n: i64) -> ShardData {
        let mut shard = ShardData::new(0);
        for n in 0..n {
            let mut hash = Hash::new();
            for i in 0..10 {
                let name = format!("f{i}");
                hash.set(name.as_bytes(), b"v", false, 0, &Limits::default());
                if i < n % 11 {
                    hash.set_expiry(name.as_bytes(), Some(1000 + n));
                }
            }
            let key = format!("h{n}");
            let first = hash.next_expiry();
            let entry = Entry::new(key.as_bytes(), NewValue::Object(hash.into()), None, 0);
            shard.db_mut(0).insert_new(hash_bytes(key.as_bytes()), entry, false);
            shard.fields.moved(0, key.as_bytes(), None, first);
        }
        shard
    }

    #[test]
    fn the_cycle_takes_what_is_due_and_empty_hashes_go() {
        for limit in [1, 7, 1000] {
            let mut shard = filled(33);
            let mut journal = Journal { logging: true, event_mask: class::HASH | class::GENERIC, ..Journal::default() };
            assert_eq!(shard.fields.hashes(0), 30);
            assert_eq!(step(&mut shard, 1001, limit, &mut journal), 0);
            let sweep = |shard: &mut ShardData, journal: &mut Journal| {
                while step(shard, 1012, limit, journal) > 0 {}
                std::mem::take(&mut journal.expired_fields)
            };
            assert_eq!(sweep(&mut shard, &mut journal), (1..=10).sum::<u64>());
            assert_eq!(journal.field_removals.len(), 55);
            assert_eq!(journal.events.iter().filter(|e| e.name == "del").count(), 1);
            assert!(shard.db(0).is_some_and(|t| t.len() == 32 && t.get(hash_bytes(b"h10"), b"h10").is_none()));
            assert_eq!(shard.fields.hashes(0), 20);
        }
    }

    #[test]
    fn databases_change_places() {
        let mut shard = filled(12);
        shard.fields.swap_databases(0, 5);
        assert_eq!((shard.fields.hashes(0), shard.fields.hashes(5)), (0, 10));
        shard.fields.forget_database(5);
        assert!(shard.fields.is_empty());
    }
}
