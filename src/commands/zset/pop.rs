//! Popping from either end, from one key or the first of several that has anything, and waiting for it.

use super::read::head;
use crate::base::numbers::parse_i64;
use crate::commands::elements::bulk;
use crate::data::{Item, Zset};
use crate::engine::blocking::{Block, TimedOut, timeout_seconds};
use crate::engine::call::Call;
use crate::engine::errors::{self, Error};
use crate::keyspace::Type;
use crate::keyspace::journal::class;
use crate::resp::Proto;
use std::ops::Range;

#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Min,
    Max,
}

impl End {
    fn event(self) -> &'static str {
        if self == End::Min { "zpopmin" } else { "zpopmax" }
    }

    /// The command that does the same to one key, for the log.
    fn command(self) -> &'static [u8] {
        if self == End::Min { b"ZPOPMIN" } else { b"ZPOPMAX" }
    }

    /// Calls `f` with `count` members from this end on, and removes them.
    fn pop(self, zset: &mut Zset, count: usize, mut f: impl FnMut(Item<'_>, f64)) {
        let len = zset.len();
        match self {
            End::Min => _ = zset.remove_span(0..count, f),
            End::Max => {
                zset.rev_from(len - 1).take(count).for_each(|(m, s)| f(m, s));
                zset.remove_span(len - count..len, |_, _| {});
            }
        }
    }
}

pub fn zpopmin(c: &mut Call<'_>) -> Result<(), Error> {
    pop_one(c, End::Min)
}

pub fn zpopmax(c: &mut Call<'_>) -> Result<(), Error> {
    pop_one(c, End::Max)
}

fn pop_one(c: &mut Call<'_>, end: End) -> Result<(), Error> {
    let count = match c.args.len() {
        2 => None,
        3 => Some(parse_i64(c.args.at(2)).filter(|n| *n >= 0).ok_or(Error::NOT_POSITIVE)? as u64),
        _ => return Err(Error::Syntax),
    };
    let key = c.key(1);
    let Some(mut open) = c.ks.get_mut(key) else {
        c.reply.array(0);
        return Ok(());
    };
    let mut zset = open.maybe_change().object_mut::<Zset>().ok_or(Error::WrongType)?;
    let n = count.unwrap_or(1).min(zset.len() as u64) as usize;
    // Pairs of their own only where a count was asked for.
    let nested = count.is_some() && c.reply.proto == Proto::Resp3;
    if nested {
        head(c.reply, n, true)
    } else {
        c.reply.array(2 * n)
    }
    if n > 0 {
        end.pop(&mut zset, n, |member, score| {
            if nested {
                c.reply.array(2);
            }
            bulk(c.reply, member);
            c.reply.double(score);
        });
    }
    drop(zset);
    open.count_changes(n as u64);
    if n > 0 {
        open.event(class::ZSET, end.event());
    }
    Ok(())
}

pub fn zmpop(c: &mut Call<'_>) -> Result<(), Error> {
    let ask = Mpop::parse(c, 1)?;
    if !pop_first(c, ask.keys, ask.end, Some(ask.count))? {
        c.reply.null_array();
    }
    Ok(())
}

pub fn bzmpop(c: &mut Call<'_>) -> Result<(), Error> {
    let ask = Mpop::parse(c, 2)?;
    let until_ms = timeout_seconds(c, 1)?;
    if pop_first(c, ask.keys.clone(), ask.end, Some(ask.count))? {
        return Ok(());
    }
    wait(c, ask.keys, until_ms)
}

pub fn bzpopmin(c: &mut Call<'_>) -> Result<(), Error> {
    pop_waiting(c, End::Min)
}

pub fn bzpopmax(c: &mut Call<'_>) -> Result<(), Error> {
    pop_waiting(c, End::Max)
}

fn pop_waiting(c: &mut Call<'_>, end: End) -> Result<(), Error> {
    let last = c.args.len() - 1;
    let until_ms = timeout_seconds(c, last)?;
    if pop_first(c, 1..last, end, None)? {
        return Ok(());
    }
    wait(c, 1..last, until_ms)
}

fn wait(c: &mut Call<'_>, keys: Range<usize>, until_ms: Option<i64>) -> Result<(), Error> {
    c.block(Block { keys: keys.collect(), wants: Type::Zset, until_ms, words: None, timed_out: TimedOut::NullArray })
}

/// What ZMPOP and BZMPOP are asked for.
struct Mpop {
    keys: Range<usize>,
    end: End,
    count: u64,
}

impl Mpop {
    /// `at` is the word of the number of keys.
    fn parse(c: &Call<'_>, at: usize) -> Result<Mpop, Error> {
        let keys = parse_i64(c.args.at(at)).filter(|n| *n > 0).ok_or(errors::NUMKEYS_POSITIVE)?;
        let end_at = usize::try_from(keys).ok().and_then(|n| n.checked_add(at + 1)).ok_or(Error::Syntax)?;
        let end = match () {
            () if c.args.is(end_at, "min") => End::Min,
            () if c.args.is(end_at, "max") => End::Max,
            () => return Err(Error::Syntax),
        };
        let mut count = None;
        let mut i = end_at + 1;
        while i < c.args.len() {
            if count.is_some() || !c.args.is(i, "count") || i + 1 >= c.args.len() {
                return Err(Error::Syntax);
            }
            count = Some(parse_i64(c.args.at(i + 1)).filter(|n| *n > 0).ok_or(errors::COUNT_POSITIVE)? as u64);
            i += 2;
        }
        Ok(Mpop { keys: at + 1..end_at, end, count: count.unwrap_or(1) })
    }
}

/// Pops from the first of the keys that has anything; false if none has. With a count, the members are pairs in an array of
/// their own; without, one of them follows the key.
fn pop_first(c: &mut Call<'_>, keys: Range<usize>, end: End, count: Option<u64>) -> Result<bool, Error> {
    for i in keys {
        let key = c.key(i);
        let Some(mut open) = c.ks.get_mut(key) else { continue };
        let mut zset = open.maybe_change().object_mut::<Zset>().ok_or(Error::WrongType)?;
        let n = count.unwrap_or(1).min(zset.len() as u64) as usize;
        c.reply.array(if count.is_some() { 2 } else { 3 });
        c.reply.bulk(key.bytes);
        if count.is_some() {
            c.reply.array(n);
        }
        end.pop(&mut zset, n, |member, score| {
            if count.is_some() {
                c.reply.array(2);
            }
            bulk(c.reply, member);
            c.reply.double(score);
        });
        drop(zset);
        open.count_changes(n as u64);
        open.event(class::ZSET, end.event());
        drop(open);
        if count.is_some() {
            c.log_instead(&[end.command(), key.bytes, n.to_string().as_bytes()]);
        } else {
            c.log_instead(&[end.command(), key.bytes]);
        }
        return Ok(true);
    }
    Ok(false)
}
