//! What the families of collections share: elements in replies, walks over them (HSCAN, SSCAN, ZSCAN), random samples.

use super::scan::parse_cursor;
use crate::base::glob::glob_match;
use crate::base::numbers::parse_i64;
use crate::base::rng::Rng;
use crate::data::Item;
use crate::engine::call::Call;
use crate::engine::errors::{self, Error};
use crate::keyspace::journal::class;
use crate::keyspace::value::Object;
use crate::keyspace::{Key, NewValue, scan as place};
use crate::resp::Reply;
use std::collections::HashSet;

/// An element as a bulk string.
#[inline]
pub(super) fn bulk(reply: &mut Reply, item: Item<'_>) {
    match item {
        Item::Bytes(bytes) => reply.bulk(bytes),
        Item::Int(n) => reply.bulk_int(n),
    }
}

/// Stores the outcome of an operation on collections under a key, or removes the key if there is nothing in it; answers how much
/// that is.
pub(super) fn store(c: &mut Call<'_>, key: Key<'_>, len: usize, value: Object, event: (u32, &'static str)) {
    if len == 0 {
        c.ks.delete(key, class::GENERIC, "del");
    } else {
        c.ks.set(key, NewValue::Object(value), None);
        c.ks.event(event.0, event.1, key);
    }
    c.reply.int(len as i64);
}

/// Word `i` as a number of elements to draw at random; `pairs` if each comes with a value.
pub(super) fn random_count(c: &Call<'_>, i: usize, pairs: bool) -> Result<i64, Error> {
    let n = c.int(i)?;
    if n == i64::MIN {
        return Err(errors::RANDOM_COUNT);
    }
    if pairs && !(-i64::MAX / 2..=i64::MAX / 2).contains(&n) {
        return Err(errors::OUT_OF_RANGE_VALUE);
    }
    Ok(n)
}

/// Calls `out` with `count` different ones of `len` elements, all choices being equally likely. Drawing is cheap for few of
/// many (`draw`, told apart by `id`), a pass over all (`all`) for more.
pub(super) fn sample<T>(
    (count, len): (usize, usize),
    rng: &mut Rng,
    all: impl Iterator<Item = T>,
    mut draw: impl FnMut(&mut Rng) -> Option<T>,
    id: impl Fn(&T) -> usize,
    compact: bool,
    mut out: impl FnMut(T),
) {
    if compact || count.saturating_mul(3) > len {
        let (mut wanted, mut left) = (count, len);
        for element in all {
            if left == 0 || rng.below(left as u64) < wanted as u64 {
                out(element);
                wanted = wanted.saturating_sub(1);
                if wanted == 0 {
                    return;
                }
            }
            left = left.saturating_sub(1);
        }
        return;
    }
    let mut seen = HashSet::with_capacity(count);
    while seen.len() < count {
        let Some(element) = draw(rng) else { return };
        if seen.insert(id(&element)) {
            out(element);
        }
    }
}

/// Where the bytes of an element lie, which tells it from others of the same table.
pub(super) fn address(item: Item<'_>) -> usize {
    match item {
        Item::Bytes(b) => b.as_ptr() as usize,
        Item::Int(n) => n as usize,
    }
}

/// What a walk over a collection was asked for.
pub(super) struct Walk<'a> {
    pub count: u64,
    pattern: Option<&'a [u8]>,
    pub values: bool,
}

impl<'a> Walk<'a> {
    /// Reads the options from word 3 on. NOVALUES is for hashes alone.
    pub fn parse(c: &Call<'a>, hash: bool) -> Result<Walk<'a>, Error> {
        let mut walk = Walk { count: 10, pattern: None, values: true };
        let mut i = 3;
        while i < c.args.len() {
            match c.args.get(i + 1) {
                Some(value) if c.args.is(i, "count") => {
                    let n = parse_i64(value).ok_or(Error::NotInteger)?;
                    walk.count = u64::try_from(n).ok().filter(|n| *n > 0).ok_or(Error::Syntax)?;
                    i += 2;
                }
                Some(value) if c.args.is(i, "match") => {
                    walk.pattern = (value != b"*").then_some(value);
                    i += 2;
                }
                _ if c.args.is(i, "novalues") => {
                    if !hash {
                        return Err(Error::NOVALUES_ONLY_HSCAN);
                    }
                    walk.values = false;
                    i += 1;
                }
                _ => return Err(Error::Syntax),
            }
        }
        Ok(walk)
    }

    #[inline]
    pub fn fits(&self, item: Item<'_>) -> bool {
        self.pattern.is_none_or(|p| item.with(|text| glob_match(p, text, false)))
    }

    /// Goes on at `cursor`: `step` visits a bucket at a position, gives elements to the reply, and returns the next position (0
    /// at the end), how many elements it saw, and how many items it wrote.
    pub fn run(
        &self,
        cursor: u64,
        reply: &mut Reply,
        mut step: impl FnMut(u64, &mut Reply) -> (u64, u64, usize),
    ) -> Result<(), Error> {
        let (mut position, mut seen, mut written) = (place::place(0, cursor).1, 0, 0);
        let mut buckets = self.count.saturating_mul(10);
        let mut found = Reply::new(reply.proto);
        loop {
            let (next, looked, wrote) = step(position, &mut found);
            (position, seen, written, buckets) = (next, seen + looked, written + wrote, buckets - 1);
            if position == 0 || seen >= self.count || buckets == 0 {
                break;
            }
        }
        reply.array(2);
        reply.bulk_int(place::cursor(0, 0, position) as i64);
        reply.array(written);
        reply.raw(&found.buf);
        Ok(())
    }
}

/// Word 2 as a cursor.
pub(super) fn cursor(c: &Call<'_>) -> Result<u64, Error> {
    parse_cursor(c.args.at(2)).ok_or(Error::INVALID_CURSOR)
}

/// A walk over nothing.
pub(super) fn empty_walk(reply: &mut Reply) {
    reply.array(2);
    reply.bulk(b"0");
    reply.array(0);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_fair_and_have_no_repeats() {
        let mut rng = Rng::new(3);
        for (compact, count) in [(true, 1), (true, 5), (false, 2), (false, 9), (false, 12)] {
            let mut hits = [0u32; 12];
            for _ in 0..12_000 {
                let mut one = HashSet::new();
                let draw = |rng: &mut Rng| Some(rng.below(12) as usize);
                sample((count, 12), &mut rng, 0..12, draw, |n| *n, compact, |n| assert!(one.insert(n)));
                assert_eq!(one.len(), count);
                one.iter().for_each(|n| hits[*n] += 1);
            }
            let fair = 1000 * count as u32;
            assert!(hits.iter().all(|h| h.abs_diff(fair) < 200), "{count} of 12: {hits:?}");
        }
    }
}
