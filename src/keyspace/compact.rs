//! Emptying pages of which little is used: keys and values in them are moved to others, so that the pages go back to the system.
//!
//! What was freed leaves holes that only values of about the same size fill. Where sizes change (values that grow while old
//! ones are evicted) or much was deleted, the process is larger than what it holds. A walk through the keys moves what lies
//! badly ([`slab::lies_sparse`](crate::data::slab::lies_sparse)); whoever walks decides when and for how long.

use super::entry::Entry;
use super::shard::ShardData;
use crate::base::hash::hash_bytes;
use crate::data::effort::Effort;

/// Where a walk through a shard goes on.
#[derive(Default)]
pub struct Place {
    db: usize,
    position: u64,
    /// Large values that were left in the middle.
    within: Vec<Within>,
}

struct Within {
    db: usize,
    key: Box<[u8]>,
    from: u64,
}

/// Goes on through a shard until its end or for as long as the effort lasts. True at the end, with
/// the place at the beginning again.
pub fn step(shard: &mut ShardData, place: &mut Place, effort: &mut Effort) -> bool {
    // What is being written down is not moved about: those who write look at it in pieces.
    if shard.cut.is_some() {
        *place = Place::default();
        return true;
    }
    while !effort.is_spent() {
        if let Some(Within { db, key, from }) = place.within.pop() {
            // It may have gone meanwhile, or be another one.
            let found = (db < shard.databases()).then(|| shard.db_mut(db).get_mut(hash_bytes(&key), &key)).flatten();
            if let Some(from) = found.and_then(|mut entry| entry.compact(from, effort)) {
                place.within.push(Within { db, key, from });
            }
            continue;
        }
        let db = place.db;
        if db >= shard.databases() {
            *place = Place::default();
            return true;
        }
        let within = &mut place.within;
        let next = shard.db_mut(db).scan_mut(place.position, |entry: &mut Entry| {
            let (hits, more) = (effort.hits, entry.compact(0, effort));
            effort.looked_at_key(effort.hits > hits);
            if let Some(from) = more {
                within.push(Within { db, key: entry.key().into(), from });
            }
        });
        (place.db, place.position) = next.map_or((db + 1, 0), |position| (db, position));
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::rng::Rng;
    use crate::data::list::{End, Limits as ListLimits};
    use crate::data::stream::{NewId, NodeLimits, StreamId};
    use crate::data::{Hash, Limits, List, Set, Stream, Zset};
    use crate::keyspace::NewValue;
    use crate::rdb::{Target, payload};

    fn text(i: usize, len: usize) -> Vec<u8> {
        format!("{i:08}").into_bytes().into_iter().cycle().take(len).collect()
    }

    /// An entry of any type and form, which its number alone decides.
    fn entry(i: usize) -> Entry {
        let limits = Limits::default();
        let many = if i.is_multiple_of(499) { 3000 } else { 1 + i % 20 };
        let value = match i % 7 {
            0 => NewValue::Set(&text(i, i * 7 % 6000)),
            1 => NewValue::Int(i as i64),
            2 => {
                let mut list = List::new();
                (0..many).for_each(|n| list.push(End::Tail, &text(n, 12), &ListLimits::default()));
                NewValue::Object(list.into())
            }
            3 => {
                let mut set = Set::new_intset();
                for n in 0..many {
                    set.add(&text(n * 31 + i, if i.is_multiple_of(2) { 8 } else { 14 }), &limits);
                }
                NewValue::Object(set.into())
            }
            4 => {
                let mut zset = Zset::new_listpack();
                for n in 0..many {
                    zset.set(&text(n, 10), (n % 50) as f64, &limits);
                }
                NewValue::Object(zset.into())
            }
            5 => {
                let mut hash = Hash::new();
                for n in 0..many {
                    hash.set(&text(n, 9), &text(n + i, 3 + n % 90), false, 0, &limits);
                    hash.set_expiry(&text(n, 9), (i.is_multiple_of(2) && n % 3 == 0).then_some(1000 + n as i64));
                }
                NewValue::Object(hash.into())
            }
            _ => {
                let mut stream = Stream::new();
                for n in 0..many {
                    let item = [text(n, 5), text(n + i, 3 + n % 90)];
                    let id = NewId::Exact(StreamId::new(1, n as u64 + 1));
                    let added = stream.add(id, 0, item.iter().map(Vec::as_slice), &NodeLimits::default());
                    added.expect("a larger id");
                }
                NewValue::Object(stream.into())
            }
        };
        Entry::new(format!("key:{i}").as_bytes(), value, i.is_multiple_of(3).then_some(1 << 40), 7)
    }

    fn dump(entry: &Entry) -> Vec<u8> {
        entry.with_value(|value| payload::dump_for(value, Target::Redis74, false))
    }

    /// Two databases of keys of all types, three quarters of which are gone again.
    fn thinned(n: usize, seed: u64) -> (ShardData, Vec<(usize, usize)>) {
        let (mut shard, mut rng) = (ShardData::new(0), Rng::new(seed));
        let all: Vec<(usize, usize)> = (0..n).map(|i| (i % 2 * 3, i)).collect();
        for (db, i) in &all {
            let entry = entry(*i);
            let (hash, mark) = (hash_bytes(entry.key()), entry.expiry().is_some());
            shard.db_mut(*db).insert_new(hash, entry, mark);
        }
        let kept = all.into_iter().filter(|(db, i)| {
            let key = format!("key:{i}").into_bytes();
            i.is_multiple_of(499) || rng.below(4) == 0 || shard.db_mut(*db).remove(hash_bytes(&key), &key).is_none()
        });
        let kept = kept.collect();
        (shard, kept)
    }

    /// Whatever the effort at a time: everything is still there, as it was, and what lay badly lies elsewhere.
    #[test]
    fn a_walk_moves_what_lies_badly_and_changes_nothing() {
        for (seed, at_a_time) in [(1, 1), (2, 7), (3, 100_000)] {
            let (mut shard, kept) = thinned(6000, seed);
            let (mut place, mut moved, mut looked) = (Place::default(), Vec::new(), 0);
            for _ in 0..3 {
                let mut hits = 0;
                loop {
                    let mut effort = Effort::new(at_a_time);
                    let done = step(&mut shard, &mut place, &mut effort);
                    (hits, looked) = (hits + effort.hits, looked + effort.hits + effort.misses);
                    if done {
                        break;
                    }
                }
                moved.push(hits);
            }
            assert!(moved[0] > kept.len() as u64 / 2 && moved[2] < moved[0] / 4, "{moved:?} of {}", kept.len());
            assert!(looked > 3 * 5 * 2900, "large values were left out: {looked}");
            for (db, i) in kept {
                let (key, fresh) = (format!("key:{i}").into_bytes(), entry(i));
                let mut found = shard.db_mut(db).remove(hash_bytes(&key), &key).expect("the key is there");
                assert!((found.expiry(), found.clock()) == (fresh.expiry(), fresh.clock()), "key:{i}");
                assert!(dump(&found) == dump(&fresh), "key:{i} is another value");
                // What a value keeps beside its elements agrees with them, too.
                if let Some(mut zset) = found.object_mut::<Zset>() {
                    while let Some(member) = { zset.iter().next().map(|(m, _)| m.to_vec()) } {
                        assert!(zset.remove(&member).is_some(), "key:{i}");
                    }
                }
                if let Some(mut hash) = found.object_mut::<Hash>() {
                    let due = hash.iter(i64::MIN).filter(|f| f.expires_at_ms.is_some()).count();
                    assert_eq!(hash.expire_fields(i64::MAX, usize::MAX, |_| {}), due, "key:{i}");
                }
            }
            assert!(shard.db(0).is_none_or(|t| t.is_empty()) && shard.db(3).is_none_or(|t| t.is_empty()));
        }
    }
}
