//! The table against a plain map, a scan under growth and shrinking, and how dense it stays.

use super::*;
use crate::base::{hash::hash_bytes, rng::Rng};
use std::collections::HashMap;

/// An element whose key and payload are one boxed string.
struct Word(NonNull<u8>);

unsafe impl Element for Word {
    fn into_raw(self) -> NonNull<u8> {
        let raw = self.0;
        std::mem::forget(self);
        raw
    }
    unsafe fn from_raw(raw: NonNull<u8>) -> Self {
        Word(raw)
    }
    fn key(&self) -> &[u8] {
        unsafe { (*self.0.as_ptr().cast::<String>()).as_bytes() }
    }
}

impl Word {
    fn new(s: String) -> Word {
        Word(NonNull::new(Box::into_raw(Box::new(s)).cast()).unwrap())
    }
}

impl Drop for Word {
    fn drop(&mut self) {
        drop(unsafe { Box::from_raw(self.0.as_ptr().cast::<String>()) });
    }
}

fn keys(t: &Table<Word>) -> Vec<String> {
    t.iter().map(|e| String::from_utf8(e.key().to_vec()).unwrap()).collect()
}

#[test]
fn behaves_like_a_map_through_growth_and_shrinking() {
    for skip in [0, 6] {
        let mut rng = Rng::new(42 + u64::from(skip));
        let mut table: Table<Word> = Table::new(skip);
        let mut model: HashMap<String, bool> = HashMap::new();
        for step in 0..400_000u32 {
            // Three phases: grow, churn, shrink.
            let grow = match step / 100_000 {
                0 => 90,
                1 | 2 => 50,
                _ => 5,
            };
            let key = format!("k{}", rng.below(60_000));
            // With a skip, every hash must share the shard's bits, as in a shard.
            let hash = (hash_bytes(key.as_bytes()) << skip) >> skip;
            let mark = rng.below(4) == 0;
            if rng.below(100) < grow {
                if let Some(mut e) = table.get_mut(hash, key.as_bytes()) {
                    e.set_mark(mark);
                    *e = Word::new(key.clone());
                } else {
                    table.insert_new(hash, Word::new(key.clone()), mark);
                }
                model.insert(key, mark);
            } else {
                assert_eq!(table.remove(hash, key.as_bytes()).is_some(), model.remove(&key).is_some());
            }
            assert_eq!(table.len(), model.len());
            if step % 20_000 == 0 {
                table.check();
                let mut got = keys(&table);
                got.sort();
                let mut want: Vec<_> = model.keys().cloned().collect();
                want.sort();
                assert_eq!(got, want);
                assert_eq!(table.marked(), model.values().filter(|m| **m).count());
            }
        }
        for k in model.into_keys() {
            let hash = (hash_bytes(k.as_bytes()) << skip) >> skip;
            assert!(table.remove(hash, k.as_bytes()).is_some());
        }
        table.check();
        assert_eq!(table.heap_bytes(), 0, "an emptied table holds nothing");
    }
}

#[test]
fn a_scan_returns_whatever_stays_from_start_to_end() {
    let mut rng = Rng::new(3);
    for round in 0..20 {
        let mut table: Table<Word> = Table::new(0);
        let stay = |i: u64| format!("stay{i}");
        let n = [3, 100, 5000][round % 3];
        let put = |t: &mut Table<Word>, k: String| {
            let h = hash_bytes(k.as_bytes());
            if t.get(h, k.as_bytes()).is_none() {
                t.insert_new(h, Word::new(k), true);
            }
        };
        for i in 0..n {
            put(&mut table, stay(i));
        }
        let mut seen = std::collections::HashSet::new();
        let (mut at, mut steps) = (Some(0), 0);
        while let Some(p) = at {
            at = table.scan(p, |e, _| {
                seen.insert(e.key().to_vec());
            });
            steps += 1;
            // Grow by much in one half of the walk, shrink in the other.
            for _ in 0..rng.below(40) {
                let k = format!("come{}", rng.below(20_000));
                if steps % 600 < 300 {
                    put(&mut table, k);
                } else {
                    table.remove(hash_bytes(k.as_bytes()), k.as_bytes());
                }
            }
        }
        for i in 0..n {
            assert!(seen.contains(stay(i).as_bytes()), "round {round}: {i} was missed");
        }
        table.check();
    }
}

#[test]
fn random_is_uniform() {
    let mut table: Table<Word> = Table::new(0);
    for i in 0..700 {
        let k = format!("r{i}");
        table.insert_new(hash_bytes(k.as_bytes()), Word::new(k), false);
    }
    let mut rng = Rng::new(9);
    let mut hits: HashMap<Vec<u8>, u32> = HashMap::new();
    for _ in 0..700 * 200 {
        *hits.entry(table.random(&mut rng).unwrap().key().to_vec()).or_default() += 1;
    }
    let chi2: f64 = hits.values().map(|&n| (f64::from(n) - 200.0).powi(2) / 200.0).sum();
    assert_eq!(hits.len(), 700);
    // 699 degrees of freedom: mean 699, deviation about 37.
    assert!(chi2 < 900.0, "chi2 = {chi2}");
}

#[test]
fn extract_marked_takes_exactly_those() {
    let mut table: Table<Word> = Table::new(0);
    for i in 0..5000 {
        let k = format!("e{i}");
        table.insert_new(hash_bytes(k.as_bytes()), Word::new(k), i % 2 == 0);
    }
    let (mut at, mut out) = (Some(0), Vec::new());
    while let Some(p) = at {
        at = table.extract_marked(p, |e| e.key().ends_with(b"0"), |e| assert!(!e.is_kept()), &mut out);
    }
    assert_eq!((out.len(), table.len(), table.marked()), (500, 4500, 2000));
    table.check();
}

#[test]
fn stays_dense() {
    let mut table: Table<Word> = Table::new(0);
    let (mut sum, mut points) = (0.0, 0);
    for i in 0..400_000 {
        let k = format!("d{i}");
        table.insert_new(hash_bytes(k.as_bytes()), Word::new(k), false);
        if i > 100_000 && i % 1000 == 0 {
            sum += table.heap_bytes() as f64 / table.len() as f64;
            points += 1;
        }
    }
    // Steps of 32, 48 and 64 buckets: one more, at 40 and 56, would save 0.9 bytes a key and cost inserts a sixth.
    let mean = sum / f64::from(points);
    assert!(mean < 11.0, "{mean} bytes a key");
}
