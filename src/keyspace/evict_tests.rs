//! Hit rates of a cache: what this server's choice of victims is worth on a Zipf trace, beside a model of Redis's choice, with as
//! many keys and the same trace. Both clocks tick by requests, so a seed gives one result.

use super::NewValue;
use super::db::AccessClock;
use super::entry::Entry;
use super::evict::{By, Choice, Pool, evict};
use super::journal::Journal;
use super::shard::ShardData;
use crate::base::hash::hash_bytes;
use crate::base::rng::Rng;
use std::collections::HashMap;

const KEYS: usize = 20_000;
const REQUESTS: usize = 120_000;
const SEEDS: u64 = 3;

/// What is asked for: few keys often, most hardly ever; which ones has nothing to do with their names.
fn trace(seed: u64) -> Vec<u32> {
    let mut rng = Rng::new(seed);
    let mut sum = 0.0;
    let weight = |i: usize| {
        sum += 1.0 / (i + 1) as f64;
        sum
    };
    let weights: Vec<f64> = (0..KEYS).map(weight).collect();
    let mut next = || {
        let at = rng.unit() * sum;
        weights.partition_point(|w| *w < at) as u32
    };
    (0..REQUESTS).map(|_| next().wrapping_mul(7919) % KEYS as u32).collect()
}

#[derive(Clone, Copy, Debug)]
struct Trial {
    by: By,
    room: usize,
    samples: usize,
    /// Requests in a second.
    rate: usize,
    seed: u64,
}

impl Trial {
    fn clock(&self, request: usize) -> AccessClock {
        let seconds = (request / self.rate) as u32;
        match self.by {
            By::Frequency => AccessClock { now: seconds / 60, lfu: Some((10, 1)) },
            _ => AccessClock { now: seconds, lfu: None },
        }
    }

    /// The share of requests that found their key, after the first third; `f` says whether one did.
    fn rate_of_hits(&self, mut f: impl FnMut(u32, AccessClock) -> bool) -> f64 {
        let (mut hits, mut asked) = (0, 0);
        for (i, key) in trace(self.seed).into_iter().enumerate() {
            let hit = f(key, self.clock(i));
            if i > REQUESTS / 3 {
                (hits, asked) = (hits + usize::from(hit), asked + 1);
            }
        }
        hits as f64 / asked as f64
    }

    /// As the workers do, on a keyspace of some shards.
    fn ours(&self, bits: u32) -> f64 {
        let mut shards: Vec<ShardData> = (0..1 << bits).map(|_| ShardData::new(bits)).collect();
        let shard_of = |hash: u64| if bits == 0 { 0 } else { (hash >> (64 - bits)) as usize };
        let (mut rng, mut pool, mut journal) = (Rng::new(self.seed ^ 77), Pool::default(), Journal::default());
        let mut held = 0;
        self.rate_of_hits(|key, clock| {
            let name = format!("key:{key:08}");
            let hash = hash_bytes(name.as_bytes());
            if let Some(entry) = shards[shard_of(hash)].db(0).and_then(|t| t.get(hash, name.as_bytes())) {
                entry.set_clock(clock.touched(entry.clock(), &mut rng));
                return true;
            }
            let choice = Choice { by: self.by, volatile: false, samples: self.samples, clock };
            while held >= self.room {
                let mut wanted = choice.samples;
                for _ in 0..8 {
                    let n = rng.below(shards.len() as u64) as usize;
                    wanted = wanted.saturating_sub(choice.sample(&shards[n], rng.next_u64(), |c| pool.add(c)));
                    if wanted == 0 {
                        break;
                    }
                }
                while let Some(c) = pool.best() {
                    let shard = &mut shards[shard_of(c.hash)];
                    match choice.score_now(shard, &c) {
                        None => continue,
                        Some(now) if now < c.score => {
                            pool.add(super::evict::Candidate { score: now, ..c });
                            break;
                        }
                        Some(_) => {}
                    }
                    evict(shard, &c, &mut journal).expect("it was there just now");
                    held -= 1;
                    break;
                }
            }
            let entry = Entry::new(name.as_bytes(), NewValue::Int(1), None, clock.born());
            shards[shard_of(hash)].db_mut(0).insert_new(hash, entry, false);
            held += 1;
            false
        })
    }

    /// Redis: some random keys, a pool of 16 with what they were worth when they were seen, the best of it goes.
    fn redis(&self) -> f64 {
        let mut rng = Rng::new(self.seed ^ 99);
        let (mut place, mut keys) = (HashMap::<u32, usize>::new(), Vec::<(u32, u32)>::new());
        let mut pool: Vec<(u64, u32)> = Vec::new();
        self.rate_of_hits(|key, clock| {
            if let Some(at) = place.get(&key) {
                keys[*at].1 = clock.touched(keys[*at].1, &mut rng);
                return true;
            }
            while keys.len() >= self.room {
                for _ in 0..self.samples {
                    let (key, used) = keys[rng.below(keys.len() as u64) as usize];
                    let idle = match self.by {
                        By::Frequency => 255 - u64::from(clock.decayed(used)),
                        _ => clock.idle_ms(used),
                    };
                    if (pool.len() == 16 && idle <= pool[0].0) || pool.iter().any(|p| p.1 == key) {
                        continue;
                    }
                    let at = pool.partition_point(|p| p.0 < idle);
                    pool.insert(at, (idle, key));
                    if pool.len() > 16 {
                        pool.remove(0);
                    }
                }
                while let Some((_, victim)) = pool.pop() {
                    let Some(at) = place.remove(&victim) else { continue };
                    keys.swap_remove(at);
                    if let Some((moved, _)) = keys.get(at) {
                        place.insert(*moved, at);
                    }
                    break;
                }
            }
            place.insert(key, keys.len());
            keys.push((key, clock.born()));
            false
        })
    }
}

/// Over seeds, sizes of the cache, samples and paces: from one in which a second holds a fifth of the cache to one in which it is
/// turned over within a second, where clocks of seconds hardly tell keys apart.
#[test]
fn as_many_hits_as_redis_on_a_zipf_trace() {
    let (mut worse, mut rows, mut all) = (Vec::new(), 0.0, [0.0; 3]);
    for by in [By::Age, By::Frequency] {
        for percent in [10, 25, 50] {
            for (samples, rate) in [(5, 500), (5, 20_000), (10, 2000), (10, 20_000)] {
                let (mut one, mut many, mut theirs) = (0.0, 0.0, 0.0);
                for seed in 0..SEEDS {
                    let trial = Trial { by, room: KEYS * percent / 100, samples, rate, seed };
                    one += trial.ours(0) / SEEDS as f64;
                    many += trial.ours(10) / SEEDS as f64;
                    theirs += trial.redis() / SEEDS as f64;
                }
                let line = format!(
                    "{by:?}, {percent}% of the keys held, {samples} samples, {rate} a second: {one:.4} with one shard, {many:.4} with 1024, Redis {theirs:.4}"
                );
                eprintln!("{line}");
                // Chance, which has other samples in each process, deviates by 0.0008.
                if one.min(many) < theirs - 0.005 {
                    worse.push(line);
                }
                rows += 1.0;
                all.iter_mut().zip([one, many, theirs]).for_each(|(sum, hits)| *sum += hits);
            }
        }
    }
    assert!(worse.is_empty(), "fewer hits than Redis:\n{}", worse.join("\n"));
    // Of all together by 0.00015: ours are 0.0002 to 0.0005 more.
    let [one, many, theirs] = all.map(|sum| sum / rows);
    eprintln!("all together: {one:.5} with one shard, {many:.5} with 1024, Redis {theirs:.5}");
    assert!(one.min(many) > theirs - 0.0005, "{one:.5} with one shard, {many:.5} with 1024, Redis {theirs:.5}");
}
