//! What each command does to what is kept of its keys.

use super::{Body, Held, Predict, packed, text};
use crate::base::numbers::{parse_i64, parse_u64};
use crate::resp::Args;

/// Larger sorted sets are not searched for the scores that a command removes.
const MOST_SEARCHED: usize = 4096;

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
