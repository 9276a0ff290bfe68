//! Active expiry: the keys, and fields of hashes, whose time has come and that nobody asks for.
//!
//! Keys with an expiry carry a mark in their table's slots, so a sweep reads only those, in the order of their hashes; it
//! stands still wherever its budget ends and goes on from there. Hashes being random, any stretch of a sweep is also a
//! fair sample: the share of dead keys in it tells how many there are in all. Who sweeps when, and for how long, is not
//! decided here but by the server's clockwork (`server/cron.rs`).

use super::journal::Journal;
use super::shard::{Parts, ShardData};
use crate::base::hash::hash_bytes;

/// What one step did.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Step {
    /// Buckets of the table that were visited: the work done.
    pub buckets: usize,
    /// Keys with an expiry among them, about.
    pub looked: usize,
    /// Keys that were due, and are gone.
    pub removed: usize,
    /// The shard was swept to its end; the next step on it begins anew.
    pub done: bool,
}

/// Fields of hashes whose removal costs as much as visiting a bucket.
const FIELDS_A_BUCKET: usize = 4;

/// Goes on sweeping a shard, for `limit` buckets at most, and removes what is due as access to it would: watchers are
/// touched, the journal notes event, log and tracking. The caller books the journal while it still holds the shard.
///
/// A database without keys that expire costs a look at its counter.
pub fn step(shard: &mut ShardData, now_ms: i64, limit: usize, journal: &mut Journal) -> Step {
    let (mut db, mut position) = shard.expire_at;
    let (mut step, mut dead) = (Step::default(), Vec::new());
    let fields = super::fields::step(shard, now_ms, limit.saturating_mul(FIELDS_A_BUCKET), journal);
    if fields > 0 {
        (step.looked, step.removed) = (fields, fields);
        step.buckets = fields.div_ceil(FIELDS_A_BUCKET);
    }
    loop {
        match shard.db(db) {
            None => {
                (db, position, step.done) = (0, 0, true);
                break;
            }
            Some(table) if table.marked() == 0 => {
                (db, position) = (db + 1, 0);
                continue;
            }
            Some(_) if step.buckets >= limit => break,
            Some(_) => {}
        }
        let Parts { table, watchers, fields, mut guard } = shard.all_parts(db);
        let is_due = |e: &super::Entry| {
            step.looked += 1;
            e.expiry().is_some_and(|at| now_ms > at)
        };
        let next =
            table.extract_marked(position, is_due, |entry| guard.before(hash_bytes(entry.key()), entry), &mut dead);
        step.buckets += 1;
        step.removed += dead.len();
        for entry in dead.drain(..) {
            watchers.touch(db as u32, entry.key(), &mut journal.ready);
            fields.forget(db as u32, &entry);
            journal.note_expired(db as u32, entry);
        }
        (db, position) = match next {
            Some(position) => (db, position),
            None => (db + 1, 0),
        };
    }
    shard.expire_at = (db, position);
    step
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keyspace::journal::class;
    use crate::keyspace::{Entry, NewValue};
    use std::sync::atomic::Ordering::Relaxed;

    /// `n` keys in each of two databases; every second one has an expiry at 1000, every fifth one at 2000.
    fn filled(n: u64) -> ShardData {
        let mut shard = ShardData::new(0);
        for db in [0, 3] {
            for i in 0..n {
                let key = format!("{db}:{i}");
                let expiry = if i % 5 == 0 { Some(2000) } else { (i % 2 == 0).then_some(1000) };
                let entry = Entry::new(key.as_bytes(), NewValue::Int(i as i64), expiry, 0);
                shard.db_mut(db).insert_new(hash_bytes(key.as_bytes()), entry, expiry.is_some());
            }
        }
        shard
    }

    fn sweep(shard: &mut ShardData, now_ms: i64, limit: usize, journal: &mut Journal) -> Step {
        let mut sum = Step::default();
        while !sum.done {
            let s = step(shard, now_ms, limit, journal);
            assert!(s.buckets <= limit);
            sum.buckets += s.buckets;
            sum.looked += s.looked;
            sum.removed += s.removed;
            sum.done = s.done;
        }
        sum
    }

    #[test]
    fn a_sweep_takes_all_that_is_due_and_nothing_else() {
        for limit in [1, 7, 1000] {
            let (mut shard, mut journal) = (filled(1000), Journal::default());
            // At the very millisecond a key still lives, as in Redis.
            assert_eq!(sweep(&mut shard, 1000, limit, &mut journal).removed, 0);
            assert_eq!(sweep(&mut shard, 1001, limit, &mut journal).removed, 2 * 400);
            assert_eq!(shard.db(0).map(|t| (t.len(), t.marked())), Some((600, 200)));
            assert_eq!(sweep(&mut shard, 2001, limit, &mut journal).removed, 2 * 200);
            assert_eq!(shard.db(3).map(|t| (t.len(), t.marked())), Some((400, 0)));
            assert_eq!(journal.expired, 1200);
            // Nothing left that could expire: no work.
            assert_eq!(sweep(&mut shard, 9999, limit, &mut journal), Step { done: true, ..Step::default() });
        }
    }

    #[test]
    fn everyone_concerned_hears_of_it() {
        let mut shard = filled(10);
        let mut journal = Journal { logging: true, tracking: true, event_mask: class::EXPIRED, ..Journal::default() };
        let (mine, other) = (crate::keyspace::watch::Flag::default(), crate::keyspace::watch::Flag::default());
        shard.watchers.add(3, b"3:2", &mine);
        shard.watchers.add(3, b"0:2", &other);
        sweep(&mut shard, 1500, 100, &mut journal);
        assert!(mine.load(Relaxed) && !other.load(Relaxed));
        let mut gone = journal.removals.clone();
        gone.sort();
        let want = |db: u32| [2, 4, 6, 8].map(|i| (db, format!("{db}:{i}").into_bytes()));
        assert_eq!(gone, [want(0), want(3)].concat());
        assert_eq!(journal.changed.len(), 8);
        assert!(journal.events.len() == 8 && journal.events.iter().all(|e| e.name == "expired"));
    }
}
