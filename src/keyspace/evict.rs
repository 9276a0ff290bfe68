//! Eviction: which key should go when memory is short.
//!
//! As in Redis, a few keys are sampled at a time, and the best candidates ever seen are kept in a pool; so the one that goes is
//! nearly the one that an exact order of all keys would name. Hashes being random, keys that lie side by side are a fair
//! sample. Other than in Redis a candidate is judged anew before it goes: one that was used meanwhile stays.

use super::db::AccessClock;
use super::entry::Entry;
use super::journal::{Journal, class};
use super::shard::{Parts, ShardData};
use crate::base::hash::hash_bytes;
use crate::data::table::Table;

/// What makes a key worth keeping.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum By {
    /// The longest unused goes first.
    Age,
    /// The least often used.
    Frequency,
    /// What expires soonest.
    Expiry,
    /// Any.
    Chance,
}

/// How keys are chosen.
#[derive(Clone, Copy, Debug)]
pub struct Choice {
    pub by: By,
    /// Only keys with an expiry.
    pub volatile: bool,
    /// Keys looked at together.
    pub samples: usize,
    pub clock: AccessClock,
}

/// A key that may go; the higher the score, the sooner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    pub score: u64,
    /// Decides between equal scores, by chance: where the clock of seconds tells keys apart no more, whoever lies first in a bucket
    /// would go every time, and that is where the next key is put.
    pub tie: u32,
    pub db: u32,
    pub hash: u64,
    pub key: Vec<u8>,
}

/// Buckets looked at in vain before a table of few keys that may go is left alone for now.
const BUCKETS: usize = 64;

impl Choice {
    fn score(&self, e: &Entry) -> u64 {
        match self.by {
            // The time of the last access, so that what was seen earlier compares with what is seen now.
            By::Age => (1 << 32) + self.clock.idle_ms(e.clock()) / 1000 - u64::from(self.clock.now),
            By::Frequency => 255 - u64::from(self.clock.decayed(e.clock())),
            By::Expiry => u64::MAX - e.expiry().unwrap_or(i64::MAX).max(0) as u64,
            By::Chance => 0,
        }
    }

    /// Looks at some keys of each database of a shard, from `position` on, and hands their scores to `f`. Returns how many there
    /// were: a shard may have fewer than are wanted.
    pub fn sample(&self, shard: &ShardData, position: u64, mut f: impl FnMut(Candidate)) -> usize {
        let mut seen = 0;
        self.look(shard, position, BUCKETS, |c| {
            seen += 1;
            f(c);
        });
        seen
    }

    /// The same until something is found in each database that has a key that may go. Returns whether there is any.
    pub fn search(&self, shard: &ShardData, position: u64, f: impl FnMut(Candidate)) -> bool {
        let any = (0..shard.databases()).any(|db| shard.db(db).is_some_and(|table| self.concerns(table)));
        if any {
            self.look(shard, position, usize::MAX, f);
        }
        any
    }

    /// True if keys of this table may go.
    fn concerns(&self, table: &Table<Entry>) -> bool {
        !table.is_empty() && (!self.volatile || table.marked() > 0)
    }

    fn look(&self, shard: &ShardData, position: u64, buckets: usize, mut f: impl FnMut(Candidate)) {
        for db in 0..shard.databases() {
            let Some(table) = shard.db(db).filter(|table| self.concerns(table)) else { continue };
            // Buckets are taken whole: were the last of a full one left out, they would hardly ever have to go.
            let there = if self.volatile { table.marked() } else { table.len() };
            let (mut at, mut left) = (position, self.samples.min(there));
            let mut rounds = 0;
            for _ in 0..buckets {
                let next = table.scan(at, |entry, marked| {
                    if marked || !self.volatile {
                        left = left.saturating_sub(1);
                        let key = entry.key();
                        let (score, hash) = (self.score(&entry), hash_bytes(key));
                        let tie = ((hash ^ position).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as u32;
                        f(Candidate { score, tie, db: db as u32, hash, key: key.to_vec() });
                    }
                });
                if left == 0 {
                    break;
                }
                // Behind the last bucket comes the first.
                rounds += usize::from(next.is_none());
                if rounds == 2 {
                    break;
                }
                at = next.unwrap_or(0);
            }
        }
    }

    /// The score that a candidate has now; `None` if it is gone, or may not go any more.
    pub fn score_now(&self, shard: &ShardData, c: &Candidate) -> Option<u64> {
        let entry = shard.db(c.db as usize)?.get(c.hash, &c.key)?;
        (!self.volatile || entry.expiry().is_some()).then(|| self.score(&entry))
    }
}

/// Removes a key to make room; returns its entry, whose memory the caller frees. Watchers, log, events and tracking hear of it.
pub fn evict(shard: &mut ShardData, c: &Candidate, journal: &mut Journal) -> Option<Entry> {
    let entry = take(shard, c.db, c.hash, &c.key, journal)?;
    journal.event(class::EVICTED, "evicted", c.db, &c.key);
    if journal.logging {
        journal.removals.push((c.db, c.key.clone()));
    }
    if journal.tracking {
        journal.changed.push((c.db, c.key.clone(), true));
    }
    Some(entry)
}

/// Removes a key that has moved to another server: a change like a client's, but no event tells of it, and what the log is to
/// hear is the caller's.
pub fn move_out(shard: &mut ShardData, db: u32, hash: u64, key: &[u8], journal: &mut Journal) -> bool {
    let Some(entry) = take(shard, db, hash, key, journal) else { return false };
    journal.changed(db, key);
    journal.free(entry);
    true
}

fn take(shard: &mut ShardData, db: u32, hash: u64, key: &[u8], journal: &mut Journal) -> Option<Entry> {
    let Parts { table, watchers, fields, mut guard } = shard.all_parts(db as usize);
    let entry = guard.remove(table, hash, key)?;
    watchers.touch(db, key, &mut journal.ready);
    fields.forget(db, &entry);
    Some(entry)
}

/// The best candidates seen so far, the best last.
#[derive(Default, Debug)]
pub struct Pool(Vec<Candidate>);

/// Redis keeps 16; more make the choice more exact, and cost little.
const POOL: usize = 64;

impl Pool {
    pub fn add(&mut self, c: Candidate) {
        // What was seen before is judged by what is seen now.
        self.0.retain(|old| !(old.hash == c.hash && old.db == c.db && old.key == c.key));
        let at = self.0.partition_point(|old| (old.score, old.tie) < (c.score, c.tie));
        if self.0.len() == POOL {
            if at == 0 {
                return;
            }
            self.0.insert(at, c);
            self.0.remove(0);
        } else {
            self.0.insert(at, c);
        }
    }

    pub fn best(&mut self) -> Option<Candidate> {
        self.0.pop()
    }

    pub fn clear(&mut self) {
        self.0.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keyspace::NewValue;

    fn choice(by: By, volatile: bool) -> Choice {
        Choice { by, volatile, samples: 5, clock: AccessClock { now: 1000, lfu: None } }
    }

    fn shard() -> ShardData {
        let mut shard = ShardData::new(0);
        for db in [0, 2] {
            for i in 0..500u32 {
                let key = format!("{db}:{i}");
                let expiry = (i % 50 == 0).then_some(10_000 - i64::from(i));
                let entry = Entry::new(key.as_bytes(), NewValue::Int(i64::from(i)), expiry, i);
                shard.db_mut(db).insert_new(hash_bytes(key.as_bytes()), entry, expiry.is_some());
            }
        }
        shard
    }

    /// Evicts one after the other as the engine does; returns the numbers in the keys.
    fn order(shard: &mut ShardData, choice: Choice, n: usize) -> Vec<u32> {
        let mut rng = crate::base::rng::Rng::new(3);
        let (mut pool, mut journal, mut out) = (Pool::default(), Journal::default(), Vec::new());
        while out.len() < n {
            choice.sample(shard, rng.next_u64(), |c| pool.add(c));
            let Some(c) = pool.best() else { break };
            if choice.score_now(shard, &c) != Some(c.score) {
                continue;
            }
            let entry = evict(shard, &c, &mut journal).expect("it was there just now");
            out.push(String::from_utf8_lossy(entry.key()).split(':').nth(1).unwrap().parse().unwrap());
        }
        out
    }

    #[test]
    fn the_oldest_go_first_nearly() {
        let gone = order(&mut shard(), choice(By::Age, false), 300);
        // Of 1000 keys, 300 go: the mean of the exact order would be 75.
        let mean = gone.iter().sum::<u32>() / 300;
        assert!(mean < 130, "{mean}");
        assert!(gone.iter().filter(|n| **n >= 400).count() < 6, "{gone:?}");
    }

    #[test]
    fn volatile_policies_leave_the_rest_alone() {
        let mut s = shard();
        let gone = order(&mut s, choice(By::Expiry, true), 1000);
        assert!(gone.len() == 20 && gone.iter().all(|n| n % 50 == 0), "{gone:?}");
        // What expires soonest is the highest number here.
        let sum = |part: &[u32]| part.iter().sum::<u32>();
        assert!(sum(&gone[..10]) > sum(&gone[10..]) + 1000, "{gone:?}");
        assert!(s.db(0).map(|t| (t.len(), t.marked())) == Some((490, 0)));
    }

    /// One key among thousands may go: looking at random places hardly ever meets it, a search always does.
    #[test]
    fn a_search_finds_the_only_one() {
        let mut shard = ShardData::new(0);
        for i in 0..50_000u32 {
            let key = format!("k{i}");
            let expiry = (i == 77).then_some(1);
            let entry = Entry::new(key.as_bytes(), NewValue::Int(1), expiry, i);
            shard.db_mut(3).insert_new(hash_bytes(key.as_bytes()), entry, expiry.is_some());
        }
        let volatile = choice(By::Age, true);
        for position in [0, 1 << 40, u64::MAX, 0x9e37_79b9_7f4a_7c15] {
            let mut found = Vec::new();
            assert!(volatile.search(&shard, position, |c| found.push(c.key)));
            assert!(!found.is_empty() && found.iter().all(|key| key == b"k77"), "{found:?}");
        }
        let db = shard.db_mut(3);
        db.get_mut(hash_bytes(b"k77"), b"k77").expect("it is there").set_mark(false);
        assert!(!volatile.search(&shard, 5, |_| panic!("nothing may go")));
        assert!(choice(By::Age, false).search(&shard, 5, |_| {}));
        assert!(!choice(By::Age, false).search(&ShardData::new(0), 5, |_| panic!("nothing is there")));
    }

    #[test]
    fn whoever_was_used_meanwhile_stays() {
        let (s, c) = (shard(), choice(By::Age, false));
        let hash = hash_bytes(b"0:7");
        let seen = Candidate { score: (1 << 32) - 7, tie: 0, db: 0, hash, key: b"0:7".to_vec() };
        assert_eq!(c.score_now(&s, &seen), Some(seen.score));
        s.db(0).and_then(|t| t.get(hash, b"0:7")).unwrap().set_clock(1000);
        assert_eq!(c.score_now(&s, &seen), Some((1 << 32) - 1000));
    }
}
