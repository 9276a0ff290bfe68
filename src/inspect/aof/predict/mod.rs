//! How large the log would be after a rewrite, told from the commands alone: nothing is executed.
//!
//! For each key is kept what its value would take in a snapshot: of strings and of lists and streams the bytes (and how many
//! items), of the rest each element's, by a hash of its name. When that gets too much, keys are sampled: those of half the
//! hashes are forgotten and left out from then on, and the outcome is multiplied. What single commands leave open (which
//! members an intersection has, what a script did) is taken for as large as what went in, or counted as untold.

mod commands;

use crate::base::hash::hash_bytes;
use crate::base::numbers::parse_i64;
use std::collections::HashMap;

/// Keys and elements held at a time: some hundred MB at most.
const MOST: usize = 4 << 20;
/// What a file has around its keys.
const FRAME: u64 = 160;

#[derive(Default)]
pub struct Predict {
    dbs: HashMap<u64, HashMap<u64, Held>>,
    /// Keys are looked at whose hash has so many zeros at its end.
    zeros: u32,
    held: usize,
    /// The sources of functions.
    functions: u64,
    /// Writes whose effect cannot be told.
    pub untold: u64,
}

#[derive(Clone)]
struct Held {
    name: u64,
    expires: bool,
    body: Body,
}

#[derive(Clone)]
enum Body {
    Whole(u64),
    /// Of lists and streams.
    Row {
        items: u64,
        bytes: u64,
    },
    /// Bytes and score by hash; `gone`: so many of them are not there any more, nobody knows which.
    Elements {
        all: HashMap<u64, (u32, f64)>,
        bytes: u64,
        gone: u64,
    },
}

impl Body {
    fn bytes(&self) -> u64 {
        match self {
            Body::Whole(n) => *n,
            Body::Row { bytes, .. } => bytes + 12,
            Body::Elements { all, bytes, gone } => {
                let (all, left) = (all.len().max(1) as u64, (all.len() as u64).saturating_sub(*gone));
                (u128::from(*bytes) * u128::from(left) / u128::from(all)) as u64 + 12
            }
        }
    }

    fn is_empty(&self) -> bool {
        match self {
            Body::Whole(_) => false,
            Body::Row { items, .. } => *items == 0,
            Body::Elements { all, gone, .. } => all.len() as u64 <= *gone,
        }
    }

    /// How many entries of memory it takes here.
    fn entries(&self) -> usize {
        if let Body::Elements { all, .. } = self { 1 + all.len() } else { 1 }
    }
}

/// What an item takes in a packed value.
fn packed(word: &[u8]) -> u64 {
    match parse_i64(word).map(|n| n.unsigned_abs()) {
        Some(0..=127) => 2,
        Some(0..=4095) => 3,
        Some(0..=32_767) => 4,
        Some(0..=8_388_607) => 5,
        Some(0..=2_147_483_647) => 6,
        Some(_) => 10,
        None => word.len() as u64 + if word.len() < 64 { 2 } else { 4 },
    }
}

/// What a string value takes.
fn text(word: &[u8]) -> u64 {
    match parse_i64(word) {
        Some(n) if i8::try_from(n).is_ok() => 2,
        Some(n) if i16::try_from(n).is_ok() => 3,
        Some(n) if i32::try_from(n).is_ok() => 5,
        _ => word.len() as u64 + if word.len() < 64 { 1 } else { 2 },
    }
}

impl Predict {
    /// Bytes of a log that was just rewritten.
    pub fn bytes(&self) -> u64 {
        let key = |held: &Held| held.name + 2 + if held.expires { 9 } else { 0 } + held.body.bytes();
        let all: u64 = self.dbs.values().flat_map(HashMap::values).map(key).sum();
        FRAME + self.functions + (all << self.zeros)
    }

    /// One of so many keys was looked at.
    pub fn one_in(&self) -> u64 {
        1 << self.zeros
    }

    fn counts(&self, hash: u64) -> bool {
        hash.trailing_zeros() >= self.zeros
    }

    fn slot(&mut self, db: u64, key: &[u8], fresh: Body) -> Option<&mut Held> {
        let hash = hash_bytes(key);
        if !self.counts(hash) {
            return None;
        }
        if self.held >= MOST {
            self.sample();
            if !self.counts(hash) {
                return None;
            }
        }
        let keys = self.dbs.entry(db).or_default();
        if !keys.contains_key(&hash) {
            self.held += 1;
        }
        Some(keys.entry(hash).or_insert(Held { name: key.len() as u64, expires: false, body: fresh }))
    }

    fn get(&mut self, db: u64, key: &[u8]) -> Option<&mut Held> {
        self.dbs.get_mut(&db)?.get_mut(&hash_bytes(key))
    }

    fn remove(&mut self, db: u64, key: &[u8]) -> Option<Held> {
        let held = self.dbs.get_mut(&db)?.remove(&hash_bytes(key))?;
        self.held = self.held.saturating_sub(held.body.entries());
        Some(held)
    }

    fn forget(&mut self, which: impl Fn(u64) -> bool) {
        self.dbs.retain(|db, _| !which(*db));
        self.held = self.dbs.values().flat_map(HashMap::values).map(|held| held.body.entries()).sum();
    }

    fn put(&mut self, db: u64, key: &[u8], body: Body, expires: bool) {
        self.remove(db, key);
        let entries = body.entries() - 1;
        if let Some(held) = self.slot(db, key, Body::Whole(0)) {
            (held.body, held.expires) = (body, expires);
            self.held += entries;
        }
    }

    /// Looks at half as many keys from now on.
    fn sample(&mut self) {
        self.zeros += 1;
        let zeros = self.zeros;
        self.held = 0;
        for keys in self.dbs.values_mut() {
            keys.retain(|hash, _| hash.trailing_zeros() >= zeros);
            keys.shrink_to_fit();
            self.held += keys.values().map(|held| held.body.entries()).sum::<usize>();
        }
        // One key with very many elements is what cannot be halved: then there is no more to gain.
        if self.zeros >= 40 {
            self.dbs.clear();
            self.held = 0;
        }
    }

    fn add_row(&mut self, db: u64, key: &[u8], items: u64, more: u64) {
        if let Some(Held { body: Body::Row { items: n, bytes }, .. }) =
            self.slot(db, key, Body::Row { items: 0, bytes: 0 })
        {
            (*n, *bytes) = (n.saturating_add(items), bytes.saturating_add(more));
        }
    }

    /// Leaves `left(items)` of a list or stream; its items are taken for equally large. How many went, and their bytes.
    fn cut_row(&mut self, db: u64, key: &[u8], left: impl FnOnce(u64) -> u64) -> (u64, u64) {
        let mut went = (0, 0);
        if let Some(Held { body: Body::Row { items, bytes }, .. }) = self.get(db, key) {
            let rest = left(*items).min(*items);
            let bytes_left = (u128::from(*bytes) * u128::from(rest) / u128::from((*items).max(1))) as u64;
            went = (*items - rest, *bytes - bytes_left);
            (*items, *bytes) = (rest, bytes_left);
        }
        went
    }

    fn set_element(&mut self, db: u64, key: &[u8], name: &[u8], size: u64, score: f64) {
        let fresh = Body::Elements { all: HashMap::new(), bytes: 0, gone: 0 };
        let mut more = 0;
        if let Some(Held { body: Body::Elements { all, bytes, .. }, .. }) = self.slot(db, key, fresh) {
            let size = u32::try_from(size).unwrap_or(u32::MAX);
            let old = all.insert(hash_bytes(name), (size, score));
            more = usize::from(old.is_none());
            *bytes = (*bytes + u64::from(size)).saturating_sub(old.map_or(0, |old| u64::from(old.0)));
        }
        self.held += more;
    }

    fn remove_elements<'a>(&mut self, db: u64, key: &[u8], names: impl Iterator<Item = &'a [u8]>) {
        let mut less = 0;
        if let Some(Held { body: Body::Elements { all, bytes, .. }, .. }) = self.get(db, key) {
            for name in names {
                if let Some((size, _)) = all.remove(&hash_bytes(name)) {
                    *bytes = bytes.saturating_sub(u64::from(size));
                    less += 1;
                }
            }
        }
        self.held = self.held.saturating_sub(less);
    }

    /// So many elements went, nobody knows which.
    fn lose(&mut self, db: u64, key: &[u8], n: u64) {
        if let Some(Held { body: Body::Elements { gone, .. }, .. }) = self.get(db, key) {
            *gone = gone.saturating_add(n);
        }
    }

    fn drop_if_empty(&mut self, db: u64, key: &[u8]) {
        if self.get(db, key).is_some_and(|held| held.body.is_empty()) {
            self.remove(db, key);
        }
    }

    /// What sources together would give, to be put under another key.
    fn gather<'a>(&mut self, db: u64, to: &[u8], from: impl Iterator<Item = &'a [u8]>) {
        let bytes: u64 = from.map(|key| self.get(db, key).map_or(0, |held| held.body.bytes())).sum();
        self.put(db, to, Body::Whole(bytes), false);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resp::args::OwnedArgs;

    fn after(lines: &[&str]) -> Predict {
        let mut predict = Predict::default();
        for line in lines {
            predict.take(0, OwnedArgs::new(line.split(' ')).args());
        }
        predict
    }

    #[test]
    fn what_is_overwritten_or_removed_counts_once_or_not_at_all() {
        let one = after(&["SET a xxxxxxxxxx"]).bytes();
        assert_eq!(after(&["SET a yyyyyyyyyyyyyyy", "SET a xxxxxxxxxx"]).bytes(), one);
        for lines in [
            &["SET a x", "DEL a"][..],
            &["RPUSH l a b", "LPOP l", "RPOP l"],
            &["SADD s a b", "SREM s a b"],
            &["HSET h f v", "HDEL h f"],
            &["ZADD z NX 1 a 2 b", "ZREMRANGEBYSCORE z (0 2"],
            &["ZADD z 1 a", "ZPOPMIN z"],
            &["SET a x", "FLUSHALL"],
            &["SET a x", "RENAME a b", "UNLINK b"],
            &["RPUSH l a b c", "LTRIM l 5 9"],
        ] {
            assert_eq!(after(lines).bytes(), FRAME, "{lines:?}");
        }
        let few = after(&["XADD x 1-1 a b"]).bytes();
        assert_eq!(after(&["XADD x 1-1 a b", "XADD x MAXLEN ~ 1 2-1 a b"]).bytes(), few);
        let same = after(&["SADD s a b", "SADD s b a", "HSET h f v", "HSET h f w"]).bytes();
        assert_eq!(after(&["SADD s a b", "HSET h f v"]).bytes(), same);
    }

    #[test]
    fn what_cannot_be_told_is_counted() {
        assert_eq!(after(&["EVALSHA abc 0", "GEORADIUS g 0 0 1 m STORE d"]).untold, 2);
        // Commands that are too short give nothing much.
        let short = after(&["SET", "XADD x", "ZADD z", "LTRIM l a b", "COPY a", "HSETEX h FIELDS"]).bytes();
        assert!(short < FRAME + 60, "{short}");
    }

    #[test]
    fn a_sample_stands_for_all() {
        let mut predict = Predict::default();
        let set = |predict: &mut Predict, n: u64| {
            predict.take(0, OwnedArgs::new(["SET", &format!("key:{n:08}"), "0123456789"]).args());
        };
        (0..40_000).for_each(|n| set(&mut predict, n));
        let all = predict.bytes();
        (0..3).for_each(|_| predict.sample());
        assert_eq!(predict.one_in(), 8);
        let sampled = predict.bytes();
        assert!(sampled.abs_diff(all) < all / 10, "{sampled} of {all}");
        assert_eq!(predict.held, predict.dbs[&0].len());
    }
}
