//! Looking at fields: HGET and its like.

use crate::commands::elements::bulk;
use crate::data::hash::Entry;
use crate::data::{Hash, Item};
use crate::engine::call::Call;
use crate::engine::errors::Error;
use crate::resp::Reply;

pub fn hget(c: &mut Call<'_>) -> Result<(), Error> {
    let (key, field, now_ms) = (c.key(1), c.args.at(2), c.ks.fields_now_ms());
    match c.ks.get(key) {
        None => c.reply.null(),
        Some(e) => value(c.reply, Call::typed::<Hash>(&e)?.get(field, now_ms)),
    }
    Ok(())
}

/// A field's value, or nothing.
#[inline]
pub(super) fn value(reply: &mut Reply, value: Option<Item<'_>>) {
    match value {
        Some(value) => bulk(reply, value),
        None => reply.null(),
    }
}

pub fn hmget(c: &mut Call<'_>) -> Result<(), Error> {
    let (key, fields, now_ms) = (c.key(1), c.args.skip(2), c.ks.fields_now_ms());
    let found = c.ks.get(key);
    let hash = found.as_deref().map(Call::typed::<Hash>).transpose()?;
    c.reply.array(fields.len());
    for field in fields.iter() {
        value(c.reply, hash.as_ref().and_then(|h| h.get(field, now_ms)));
    }
    Ok(())
}

pub fn hexists(c: &mut Call<'_>) -> Result<(), Error> {
    let field = c.args.at(2);
    let there = with(c, |h, now_ms| h.contains(field, now_ms))?;
    c.reply.int(i64::from(there.unwrap_or(false)));
    Ok(())
}

pub fn hstrlen(c: &mut Call<'_>) -> Result<(), Error> {
    let field = c.args.at(2);
    let len = with(c, |h, now_ms| h.get(field, now_ms).map_or(0, Item::len))?;
    c.reply.int(len.unwrap_or(0) as i64);
    Ok(())
}

/// Counts what is there: Redis also counts fields that have expired and were not removed yet.
pub fn hlen(c: &mut Call<'_>) -> Result<(), Error> {
    let len = with(c, live_len)?;
    c.reply.int(len.unwrap_or(0) as i64);
    Ok(())
}

/// How many fields are there; without counting them, if none has expired.
pub(super) fn live_len(hash: &Hash, now_ms: i64) -> usize {
    if hash.next_expiry().is_none_or(|at| at >= now_ms) { hash.len() } else { hash.live_len(now_ms) }
}

/// What `f` says of the hash in word 1 at this time; `None` if there is none.
fn with<R>(c: &mut Call<'_>, f: impl FnOnce(&Hash, i64) -> R) -> Result<Option<R>, Error> {
    let (key, now_ms) = (c.key(1), c.ks.fields_now_ms());
    match c.ks.get(key) {
        None => Ok(None),
        Some(e) => Ok(Some(f(&*Call::typed::<Hash>(&e)?, now_ms))),
    }
}

pub fn hgetall(c: &mut Call<'_>) -> Result<(), Error> {
    list(c, Reply::map, |reply, field| {
        bulk(reply, field.name);
        bulk(reply, field.value);
    })
}

pub fn hkeys(c: &mut Call<'_>) -> Result<(), Error> {
    list(c, Reply::array, |reply, field| bulk(reply, field.name))
}

pub fn hvals(c: &mut Call<'_>) -> Result<(), Error> {
    list(c, Reply::array, |reply, field| bulk(reply, field.value))
}

#[inline]
fn list(c: &mut Call<'_>, head: fn(&mut Reply, usize), each: impl Fn(&mut Reply, Entry<'_>)) -> Result<(), Error> {
    let (key, now_ms) = (c.key(1), c.ks.fields_now_ms());
    match c.ks.get(key) {
        None => head(c.reply, 0),
        Some(e) => {
            let hash = Call::typed::<Hash>(&e)?;
            head(c.reply, live_len(&hash, now_ms));
            hash.iter(now_ms).for_each(|field| each(c.reply, field));
        }
    }
    Ok(())
}
