//! How large the log would be after a rewrite, told from the commands alone: nothing is executed.
//!
//! For each key is kept what its value would take in a snapshot: of strings and of lists and streams the bytes (and how many
//! items), of the rest each element's, by a hash of its name. When that gets too much, keys are sampled: those of half the
//! hashes are forgotten and left out from then on, and the outcome is multiplied. What single commands leave open (which
//! members an intersection has, what a script did) is taken for as large as what went in, or counted as untold.

use crate::base::hash::hash_bytes;
use crate::base::numbers::{parse_i64, parse_u64};
use crate::resp::Args;
use std::collections::HashMap;

/// Keys and elements held at a time: some hundred MB at most.
const MOST: usize = 4 << 20;
/// What a file has around its keys.
const FRAME: u64 = 160;
/// Larger sorted sets are not searched for the scores that a command removes.
const MOST_SEARCHED: usize = 4096;

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

/// Taking commands in.
impl Predict {
    /// Takes a command in that ran in this database. Short ones are no matter: whoever loads them refuses them.
    pub fn take(&mut self, db: u64, args: Args<'_>) {
        let mut name = args.at(0).to_ascii_lowercase();
        name.truncate(32);
        let Some(key) = args.get(1) else {
            match &name[..] {
                b"flushdb" => self.forget(|n| n == db),
                b"flushall" => self.forget(|_| true),
                _ => {}
            }
            return;
        };
        let word = |i: usize| args.get(i).unwrap_or_default();
        let number = |i: usize| args.get(i).and_then(parse_u64).unwrap_or(1);
        match &name[..] {
            b"select" | b"multi" | b"exec" | b"ping" | b"publish" | b"spublish" | b"replconf" => {}
            b"flushdb" => self.forget(|n| n == db),
            b"flushall" => self.forget(|_| true),
            b"set" => {
                let expires = (3..args.len()).any(|i| ["ex", "px", "exat", "pxat"].iter().any(|w| args.is(i, w)));
                let keeps = (3..args.len()).any(|i| args.is(i, "keepttl"));
                let expires = expires || keeps && self.get(db, key).is_some_and(|held| held.expires);
                self.put(db, key, Body::Whole(text(word(2))), expires);
            }
            b"setnx" | b"getset" => self.put(db, key, Body::Whole(text(word(2))), false),
            b"setex" | b"psetex" => self.put(db, key, Body::Whole(text(word(3))), true),
            b"restore" => self.put(db, key, Body::Whole(word(3).len() as u64), word(2) != b"0"),
            b"mset" | b"msetnx" => {
                (1..args.len()).step_by(2).for_each(|i| self.put(db, word(i), Body::Whole(text(word(i + 1))), false));
            }
            b"append" => self.grow(db, key, |n| n + word(2).len() as u64),
            b"setrange" => self.grow(db, key, |n| n.max(number(2).saturating_add(word(3).len() as u64))),
            b"setbit" => self.grow(db, key, |n| n.max(number(2) / 8 + 1)),
            b"bitfield" => self.grow(db, key, |n| n.max(8)),
            b"incr" | b"decr" | b"incrby" | b"decrby" | b"incrbyfloat" => self.grow(db, key, |n| n.max(3)),
            b"pfadd" => self.grow(db, key, |n| (n + 3 * args.len() as u64 + 16).min(12_304)),
            b"del" | b"unlink" | b"getdel" => args.iter().skip(1).for_each(|key| drop(self.remove(db, key))),
            b"expire" | b"pexpire" | b"expireat" | b"pexpireat" | b"persist" => {
                if let Some(held) = self.get(db, key) {
                    held.expires = name != b"persist";
                }
            }
            b"rename" | b"renamenx" => {
                if let Some(held) = self.remove(db, key) {
                    self.put(db, word(2), held.body, held.expires);
                }
            }
            b"copy" => {
                let to_db = (3..args.len()).find(|i| args.is(*i, "db")).map_or(db, |i| number(i + 1));
                if let Some(held) = self.get(db, key).cloned() {
                    self.put(to_db, word(2), held.body, held.expires);
                }
            }
            b"move" => {
                if let Some(held) = self.remove(db, key) {
                    self.put(number(2), key, held.body, held.expires);
                }
            }
            b"swapdb" => {
                let (a, b) = (number(1), number(2));
                let (of_a, of_b) = (self.dbs.remove(&a), self.dbs.remove(&b));
                self.dbs.extend(of_b.map(|keys| (a, keys)).into_iter().chain(of_a.map(|keys| (b, keys))));
            }
            b"function" if args.is(1, "load") => self.functions += args.at(args.len() - 1).len() as u64 + 3,
            b"function" if args.is(1, "flush") => self.functions = 0,
            b"script" => {}
            _ => self.collections(db, &name, args, key),
        }
    }

    fn grow(&mut self, db: u64, key: &[u8], to: impl FnOnce(u64) -> u64) {
        if let Some(Held { body: Body::Whole(n), .. }) = self.slot(db, key, Body::Whole(0)) {
            *n = to(*n);
        }
    }

    fn collections(&mut self, db: u64, name: &[u8], args: Args<'_>, key: &[u8]) {
        let word = |i: usize| args.get(i).unwrap_or_default();
        let number = |i: usize| args.get(i).and_then(parse_u64).unwrap_or(1);
        let names = |from: usize| args.iter().skip(from);
        match name {
            b"rpush" | b"lpush" | b"rpushx" | b"lpushx" => {
                self.add_row(db, key, args.len() as u64 - 2, names(2).map(packed).sum());
            }
            b"linsert" => self.add_row(db, key, 1, packed(word(4))),
            b"lset" | b"ltrim" | b"lrem" | b"lpop" | b"rpop" => {
                self.cut_row(db, key, |items| match name {
                    b"lset" => items,
                    b"ltrim" => {
                        let at = |i: usize| args.get(i).and_then(parse_i64).unwrap_or(0);
                        let place = |n: i64| if n < 0 { n.saturating_add_unsigned(items) } else { n };
                        let last = i64::try_from(items).unwrap_or(i64::MAX) - 1;
                        let (from, to) = (place(at(2)).max(0), place(at(3)).min(last));
                        u64::try_from(to.saturating_sub(from).saturating_add(1)).unwrap_or(0)
                    }
                    b"lrem" => items.saturating_sub(1),
                    _ => items.saturating_sub(number(2)),
                });
                self.drop_if_empty(db, key);
            }
            b"rpoplpush" | b"lmove" | b"brpoplpush" | b"blmove" => {
                let (items, bytes) = self.cut_row(db, key, |items| items.saturating_sub(1));
                self.drop_if_empty(db, key);
                self.add_row(db, word(2), items, bytes);
            }
            b"sadd" => names(2).for_each(|member| self.set_element(db, key, member, packed(member), 0.0)),
            b"srem" | b"hdel" | b"zrem" => {
                self.remove_elements(db, key, names(2));
                self.drop_if_empty(db, key);
            }
            b"smove" => {
                self.remove_elements(db, key, names(3));
                self.drop_if_empty(db, key);
                self.set_element(db, word(2), word(3), packed(word(3)), 0.0);
            }
            b"hset" | b"hmset" | b"hsetnx" => {
                (2..args.len()).step_by(2).for_each(|i| self.field(db, key, word(i), word(i + 1)));
            }
            b"hsetex" => {
                let from = (2..args.len()).find(|i| args.is(*i, "fields")).map_or(args.len(), |i| i + 2);
                (from..args.len()).step_by(2).for_each(|i| self.field(db, key, word(i), word(i + 1)));
            }
            b"hincrby" | b"hincrbyfloat" => self.field(db, key, word(2), b"1000"),
            b"zadd" => {
                let flags = ["nx", "xx", "gt", "lt", "ch", "incr"];
                let from = (2..args.len()).find(|i| !flags.iter().any(|flag| args.is(*i, flag)));
                (from.unwrap_or(args.len())..args.len())
                    .step_by(2)
                    .for_each(|i| self.scored(db, key, word(i), word(i + 1)));
            }
            b"zincrby" => self.scored(db, key, word(2), word(3)),
            b"zpopmin" | b"zpopmax" | b"spop" => {
                self.lose(db, key, number(2));
                self.drop_if_empty(db, key);
            }
            b"zremrangebyscore" => {
                self.remove_scores(db, key, word(2), word(3));
                self.drop_if_empty(db, key);
            }
            b"xadd" => self.xadd(db, key, args),
            b"xtrim" => {
                if let Some(most) = maxlen(args, 2, args.len()) {
                    self.cut_row(db, key, |items| items.min(most));
                }
            }
            b"xdel" => {
                self.cut_row(db, key, |items| items.saturating_sub(args.len() as u64 - 2));
            }
            b"sunionstore" | b"sinterstore" | b"sdiffstore" => self.gather(db, key, names(2)),
            b"zunionstore" | b"zinterstore" | b"zdiffstore" => {
                self.gather(db, key, names(3).take(usize::try_from(number(2)).unwrap_or(usize::MAX)));
            }
            b"bitop" => self.gather(db, word(2), names(3)),
            b"pfmerge" => self.gather(db, key, names(1)),
            b"zrangestore" | b"geosearchstore" => self.gather(db, key, names(2).take(1)),
            // Groups and consumers are small beside what they read; expiries of fields beside the fields.
            b"xgroup" | b"xclaim" | b"xautoclaim" | b"xack" | b"xsetid" | b"xreadgroup" | b"hpexpireat"
            | b"hexpireat" | b"hpexpire" | b"hexpire" | b"hpersist" | b"function" => {}
            _ => self.untold += 1,
        }
    }

    fn field(&mut self, db: u64, key: &[u8], name: &[u8], value: &[u8]) {
        self.set_element(db, key, name, packed(name) + packed(value), 0.0);
    }

    fn scored(&mut self, db: u64, key: &[u8], score: &[u8], member: &[u8]) {
        let n = crate::base::double::parse_double(score).unwrap_or(0.0);
        self.set_element(db, key, member, packed(member) + packed(score), n);
    }

    fn remove_scores(&mut self, db: u64, key: &[u8], low: &[u8], high: &[u8]) {
        let end = |text: &[u8]| {
            let (open, text) = text.strip_prefix(b"(").map_or((false, text), |text| (true, text));
            crate::base::double::parse_double(text).map(|n| (n, open))
        };
        let (Some((low, low_open)), Some((high, high_open))) = (end(low), end(high)) else { return };
        let (mut less, mut searched) = (0, true);
        if let Some(Held { body: Body::Elements { all, bytes, .. }, .. }) = self.get(db, key) {
            searched = all.len() <= MOST_SEARCHED;
            if searched {
                let before = all.len();
                all.retain(|_, (size, score)| {
                    let inside =
                        (*score > low || !low_open && *score == low) && (*score < high || !high_open && *score == high);
                    if inside {
                        *bytes = bytes.saturating_sub(u64::from(*size));
                    }
                    !inside
                });
                less = before - all.len();
            }
        }
        self.held = self.held.saturating_sub(less);
        self.untold += u64::from(!searched);
    }

    fn xadd(&mut self, db: u64, key: &[u8], args: Args<'_>) {
        let mut at = 2;
        while at < args.len() && args.at(at).first().is_some_and(u8::is_ascii_alphabetic) {
            at += match () {
                () if args.is(at, "nomkstream") => 1,
                () if ["maxlen", "minid"].iter().any(|w| args.is(at, w)) => {
                    2 + usize::from(matches!(args.get(at + 1), Some(b"~" | b"=")))
                }
                // LIMIT, and whatever else has one word behind it.
                () => 2,
            };
        }
        self.add_row(db, key, 1, 4 + args.iter().skip(at + 1).map(packed).sum::<u64>());
        if let Some(most) = maxlen(args, 2, at) {
            self.cut_row(db, key, |items| items.min(most));
        }
    }
}

/// The number behind MAXLEN among the words `from..to`.
fn maxlen(args: Args<'_>, from: usize, to: usize) -> Option<u64> {
    let at = (from..to.min(args.len())).find(|i| args.is(*i, "maxlen"))?;
    let number = at + 1 + usize::from(matches!(args.get(at + 1), Some(b"~" | b"=")));
    args.get(number).and_then(parse_u64)
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
