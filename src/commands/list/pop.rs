//! Popping: LPOP and RPOP, LMPOP, and BLPOP, BRPOP and BLMPOP, which wait.

use super::{end, pop_command, pop_event};
use crate::commands::parts::{at_least, bulk};
use crate::data::List;
use crate::data::list::End;
use crate::engine::blocking::{Block, TimedOut, timeout_seconds};
use crate::engine::call::Call;
use crate::engine::dispatch::wrong_arity;
use crate::engine::errors::Error;
use crate::keyspace::journal::class;
use crate::keyspace::{KeyMut, Type};
use crate::resp::Reply;
use std::ops::Range;

pub fn lpop(c: &mut Call<'_>) -> Result<(), Error> {
    pop(c, End::Head)
}

pub fn rpop(c: &mut Call<'_>) -> Result<(), Error> {
    pop(c, End::Tail)
}

fn pop(c: &mut Call<'_>, end: End) -> Result<(), Error> {
    if c.args.len() > 3 {
        return Err(wrong_arity(c.name()));
    }
    let (key, limits) = (c.key(1), c.list_limits());
    let count = if c.args.len() == 3 { Some(at_least(c, 2, 0, Error::NOT_POSITIVE)? as usize) } else { None };
    let Some(mut k) = c.ks.get_mut(key) else {
        if count.is_some() {
            c.reply.null_array()
        } else {
            c.reply.null()
        }
        return Ok(());
    };
    if let Some(count) = count {
        return pop_many(&mut k, end, count, &limits, c.reply).map(drop);
    }
    let mut list = k.maybe_change().object_mut::<List>().ok_or(Error::WrongType)?;
    list.pop(end, &limits, |v| bulk(c.reply, v));
    drop(list);
    k.mark_changed();
    k.event(class::LIST, pop_event(end));
    Ok(())
}

/// Pops up to `count` elements and writes them as an array; says how many.
fn pop_many(
    k: &mut KeyMut<'_>,
    end: End,
    count: usize,
    limits: &crate::data::list::Limits,
    reply: &mut Reply,
) -> Result<usize, Error> {
    let mut list = k.maybe_change().object_mut::<List>().ok_or(Error::WrongType)?;
    let len = list.len();
    let count = count.min(len);
    reply.array(count);
    if count == 0 {
        return Ok(0);
    }
    let (mut iter, from) = match end {
        End::Head => (list.iter(0, count), 0),
        End::Tail => (list.iter_rev(len - 1, count), len - count),
    };
    while let Some(value) = iter.next() {
        bulk(reply, value);
    }
    drop(iter);
    // Cut off whole: nodes go without a look inside.
    match end {
        End::Head => list.trim(count, len - count, limits),
        End::Tail => list.trim(0, from, limits),
    }
    drop(list);
    k.count_changes(count as u64);
    k.event(class::LIST, pop_event(end));
    Ok(count)
}

/// What LMPOP and BLMPOP were asked for.
#[derive(PartialEq, Eq, Debug)]
struct Several {
    keys: Range<usize>,
    end: End,
    count: usize,
}

impl Several {
    /// The words from the number of keys, in word `at`, on.
    fn parse(c: &Call<'_>, at: usize) -> Result<Several, Error> {
        let keys = at_least(c, at, 1, Error::NUMKEYS_NOT_POSITIVE)?;
        let first = at + 1;
        let place = usize::try_from(keys).ok().and_then(|n| n.checked_add(first)).unwrap_or(usize::MAX);
        if place >= c.args.len() {
            return Err(Error::Syntax);
        }
        let end = end(c, place)?;
        let count = match c.args.len() - place {
            1 => 1,
            n if n >= 3 && c.args.is(place + 1, "count") => {
                let count = at_least(c, place + 2, 1, Error::COUNT_NOT_POSITIVE)? as usize;
                if n > 3 {
                    return Err(Error::Syntax);
                }
                count
            }
            _ => return Err(Error::Syntax),
        };
        Ok(Several { keys: first..place, end, count })
    }
}

pub fn lmpop(c: &mut Call<'_>) -> Result<(), Error> {
    let several = Several::parse(c, 1)?;
    if !pop_from_first(c, several.keys, several.end, Some(several.count))? {
        c.reply.null_array();
    }
    Ok(())
}

pub fn blmpop(c: &mut Call<'_>) -> Result<(), Error> {
    let several = Several::parse(c, 2)?;
    let until_ms = timeout_seconds(c, 1)?;
    wait_and_pop(c, several.keys, several.end, Some(several.count), until_ms)
}

pub fn blpop(c: &mut Call<'_>) -> Result<(), Error> {
    let last = c.args.len() - 1;
    let until_ms = timeout_seconds(c, last)?;
    wait_and_pop(c, 1..last, End::Head, None, until_ms)
}

pub fn brpop(c: &mut Call<'_>) -> Result<(), Error> {
    let last = c.args.len() - 1;
    let until_ms = timeout_seconds(c, last)?;
    wait_and_pop(c, 1..last, End::Tail, None, until_ms)
}

fn wait_and_pop(
    c: &mut Call<'_>,
    keys: Range<usize>,
    end: End,
    count: Option<usize>,
    until_ms: Option<i64>,
) -> Result<(), Error> {
    if pop_from_first(c, keys.clone(), end, count)? {
        return Ok(());
    }
    c.block(Block { keys: keys.collect(), wants: Type::List, until_ms, words: None, timed_out: TimedOut::NullArray })
}

/// Pops from the first of the keys that is there, and answers with its name and the element, or an array of `count`
/// elements. False if none is there.
fn pop_from_first(c: &mut Call<'_>, keys: Range<usize>, end: End, count: Option<usize>) -> Result<bool, Error> {
    let limits = c.list_limits();
    for i in keys {
        let key = c.key(i);
        let Some(mut k) = c.ks.get_mut(key) else {
            continue;
        };
        if k.type_() != Type::List {
            return Err(Error::WrongType);
        }
        c.reply.array(2);
        c.reply.bulk(key.bytes);
        match count {
            Some(count) => {
                let popped = pop_many(&mut k, end, count, &limits, c.reply)?;
                drop(k);
                let mut digits = itoa::Buffer::new();
                c.log_instead(&[pop_command(end), key.bytes, digits.format(popped).as_bytes()]);
            }
            None => {
                if let Some(mut list) = k.change().object_mut::<List>() {
                    list.pop(end, &limits, |v| bulk(c.reply, v));
                }
                k.event(class::LIST, pop_event(end));
                drop(k);
                c.log_instead(&[pop_command(end), key.bytes]);
            }
        }
        return Ok(true);
    }
    Ok(false)
}
