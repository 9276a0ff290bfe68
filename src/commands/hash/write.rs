//! Setting and removing fields.

use crate::data::Hash;
use crate::engine::call::Call;
use crate::engine::dispatch::wrong_arity;
use crate::engine::errors::Error;
use crate::keyspace::NewValue;
use crate::keyspace::journal::class;
use crate::resp::Args;

pub fn hset(c: &mut Call<'_>) -> Result<(), Error> {
    let created = set(c)?;
    c.reply.int(created);
    Ok(())
}

pub fn hmset(c: &mut Call<'_>) -> Result<(), Error> {
    set(c)?;
    c.reply.ok();
    Ok(())
}

/// Sets the fields from word 2 on; how many are new.
fn set(c: &mut Call<'_>) -> Result<i64, Error> {
    if c.args.len() % 2 == 1 {
        return Err(wrong_arity(c.name()));
    }
    let pairs = c.args.skip(2);
    change(c, (pairs.len() / 2) as u64, "hset", |hash, now_ms, limits| {
        hash.prepare(pairs.len() / 2, pairs.iter(), limits);
        let set = |i| i64::from(hash.set(pairs.at(i), pairs.at(i + 1), false, now_ms, limits));
        (0..pairs.len()).step_by(2).map(set).sum()
    })
}

/// Lets `f` change the hash in word 1, a new one if there is none. Books `changes` of them under an event.
#[inline]
pub(super) fn change<R>(
    c: &mut Call<'_>,
    changes: u64,
    event: &'static str,
    f: impl FnOnce(&mut Hash, i64, &crate::data::Limits) -> R,
) -> Result<R, Error> {
    let (key, now_ms, limits) = (c.key(1), c.ks.fields_now_ms(), c.limits());
    if let Some(mut open) = c.ks.get_mut(key) {
        let mut hash = open.maybe_change().object_mut::<Hash>().ok_or(Error::WrongType)?;
        let out = f(&mut hash, now_ms, &limits);
        drop(hash);
        open.count_changes(changes);
        open.event(class::HASH, event);
        return Ok(out);
    }
    let mut hash = Hash::new();
    let out = f(&mut hash, now_ms, &limits);
    c.ks.add(key, NewValue::Object(hash.into()), None);
    c.ks.journal.dirty += changes - 1;
    c.ks.event(class::HASH, event, key);
    Ok(out)
}

pub fn hsetnx(c: &mut Call<'_>) -> Result<(), Error> {
    let (key, field, now_ms) = (c.key(1), c.args.at(2), c.ks.fields_now_ms());
    if let Some(e) = c.ks.peek(key)
        && Call::typed::<Hash>(&e)?.contains(field, now_ms)
    {
        c.reply.int(0);
        return Ok(());
    }
    set(c)?;
    c.reply.int(1);
    Ok(())
}

pub fn hdel(c: &mut Call<'_>) -> Result<(), Error> {
    let (key, fields) = (c.key(1), c.args.skip(2));
    let removed = remove(c, key, fields)?;
    c.reply.int(removed as i64);
    Ok(())
}

/// Removes these fields of the hash in word 1; how many were there.
fn remove(c: &mut Call<'_>, key: crate::keyspace::Key<'_>, fields: Args<'_>) -> Result<u64, Error> {
    let now_ms = c.ks.fields_now_ms();
    let Some(mut open) = c.ks.get_mut(key) else { return Ok(0) };
    let mut hash = open.maybe_change().object_mut::<Hash>().ok_or(Error::WrongType)?;
    let mut removed = 0;
    for field in fields.iter() {
        removed += u64::from(hash.remove(field, now_ms));
    }
    drop(hash);
    open.count_changes(removed);
    if removed > 0 {
        open.event(class::HASH, "hdel");
    }
    Ok(removed)
}
