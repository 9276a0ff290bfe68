//! When fields expire: HEXPIRE and its kin set it, HTTL and its kin tell it, HPERSIST takes it away.

use crate::base::numbers::parse_i64;
use crate::data::Hash;
use crate::engine::call::Call;
use crate::engine::errors::{self, Error};
use crate::keyspace::db::ExpiryMode;
use crate::keyspace::journal::class;
use crate::resp::Args;

/// The latest expiry of a field, Unix ms (Redis keeps 46 bits).
const LATEST_MS: i64 = 0x3fff_ffff_ffff;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    Seconds,
    Millis,
}

/// Word `i` as a point in time in Unix ms; it counts in `unit` from `base_ms`.
pub(super) fn deadline(c: &Call<'_>, i: usize, unit: Unit, base_ms: i64) -> Result<i64, Error> {
    let time = c.int(i)?;
    if time < 0 {
        return Err(errors::EXPIRE_NEGATIVE);
    }
    let ms = if unit == Unit::Seconds { time.checked_mul(1000) } else { Some(time) };
    let at = ms.and_then(|ms| ms.checked_add(base_ms)).filter(|at| *at <= LATEST_MS);
    at.ok_or_else(|| Error::InvalidExpire(c.name().into()))
}

/// The fields behind the word FIELDS, which must be word `i`, and their number.
pub(super) fn fields<'a>(c: &Call<'a>, i: usize, not_a_number: Error) -> Result<Args<'a>, Error> {
    if !c.args.is(i, "fields") {
        return Err(errors::FIELDS_MISSING);
    }
    let count = c.args.get(i + 1).and_then(parse_i64).filter(|n| *n > 0).ok_or(not_a_number)?;
    let fields = c.args.skip(i + 2);
    if count != fields.len() as i64 { Err(errors::NUMFIELDS_MATCH) } else { Ok(fields) }
}

/// NX, XX, GT or LT: what the expiry there must be like for a new one to be set.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Condition {
    Always,
    Nx,
    Xx,
    Gt,
    Lt,
}

impl Condition {
    fn parse(args: Args<'_>, i: usize) -> Condition {
        let all = [("nx", Condition::Nx), ("xx", Condition::Xx), ("gt", Condition::Gt), ("lt", Condition::Lt)];
        all.into_iter().find(|(name, _)| args.is(i, name)).map_or(Condition::Always, |(_, it)| it)
    }

    /// A field without an expiry lives for ever.
    fn allows(self, current: Option<i64>, at_ms: i64) -> bool {
        match self {
            Condition::Always => true,
            Condition::Nx => current.is_none(),
            Condition::Xx => current.is_some(),
            Condition::Gt => current.is_some_and(|now| at_ms > now),
            Condition::Lt => current.is_none_or(|now| at_ms < now),
        }
    }
}

// What is answered for a field.
const NO_FIELD: i64 = -2;
const NO_EXPIRY: i64 = -1;
const NOT_MET: i64 = 0;
const DONE: i64 = 1;
const REMOVED: i64 = 2;

pub fn hexpire(c: &mut Call<'_>) -> Result<(), Error> {
    let now_ms = c.now_ms();
    set_expiry(c, now_ms, Unit::Seconds)
}

pub fn hpexpire(c: &mut Call<'_>) -> Result<(), Error> {
    let now_ms = c.now_ms();
    set_expiry(c, now_ms, Unit::Millis)
}

pub fn hexpireat(c: &mut Call<'_>) -> Result<(), Error> {
    set_expiry(c, 0, Unit::Seconds)
}

pub fn hpexpireat(c: &mut Call<'_>) -> Result<(), Error> {
    set_expiry(c, 0, Unit::Millis)
}

/// All four. The log gets a point in time for the fields that have it now, and an HDEL for those whose time had passed.
fn set_expiry(c: &mut Call<'_>, base_ms: i64, unit: Unit) -> Result<(), Error> {
    let (key, now_ms) = (c.key(1), c.ks.fields_now_ms());
    if let Some(e) = c.ks.peek(key) {
        Call::typed::<Hash>(&e)?;
    }
    let at_ms = deadline(c, 2, unit, base_ms)?;
    let condition = Condition::parse(c.args, 3);
    let fields = fields(c, if condition == Condition::Always { 3 } else { 4 }, errors::NUMFIELDS)?;
    let passed = at_ms <= c.now_ms() && c.ks.expiry == ExpiryMode::Remove;
    c.reply.array(fields.len());
    let Some(mut open) = c.ks.get_mut(key) else {
        fields.iter().for_each(|_| c.reply.int(NO_FIELD));
        return Ok(());
    };
    let mut hash = open.maybe_change().object_mut::<Hash>().ok_or(Error::WrongType)?;
    let (mut updated, mut removed) = (Vec::new(), Vec::new());
    for field in fields.iter() {
        let outcome = match hash.expiry(field, now_ms) {
            None => NO_FIELD,
            Some(current) if !condition.allows(current, at_ms) => NOT_MET,
            Some(_) if passed => {
                hash.remove(field, now_ms);
                removed.push(field);
                REMOVED
            }
            Some(_) => {
                hash.set_expiry(field, Some(at_ms.max(1)));
                updated.push(field);
                DONE
            }
        };
        c.reply.int(outcome);
    }
    drop(hash);
    open.count_changes((updated.len() + removed.len()) as u64);
    if !updated.is_empty() || !removed.is_empty() {
        open.event(class::HASH, if removed.is_empty() { "hexpire" } else { "hdel" });
    }
    drop(open);
    log_removed(c, key.bytes, &removed);
    log_expiry(c, key.bytes, at_ms, &updated);
    Ok(())
}

pub(super) fn log_removed(c: &mut Call<'_>, key: &[u8], fields: &[&[u8]]) {
    if !fields.is_empty() {
        let words: Vec<&[u8]> = [b"HDEL", key].into_iter().chain(fields.iter().copied()).collect();
        c.log_instead(&words);
    }
}

pub(super) fn log_expiry(c: &mut Call<'_>, key: &[u8], at_ms: i64, fields: &[&[u8]]) {
    if !fields.is_empty() {
        let (at_ms, count) = (at_ms.to_string(), fields.len().to_string());
        let head = [b"HPEXPIREAT", key, at_ms.as_bytes(), b"FIELDS", count.as_bytes()];
        let words: Vec<&[u8]> = head.into_iter().chain(fields.iter().copied()).collect();
        c.log_instead(&words);
    }
}

pub fn hpersist(c: &mut Call<'_>) -> Result<(), Error> {
    let (key, now_ms) = (c.key(1), c.ks.fields_now_ms());
    if let Some(e) = c.ks.peek(key) {
        Call::typed::<Hash>(&e)?;
    }
    let fields = fields(c, 2, errors::NUMFIELDS_POSITIVE)?;
    c.reply.array(fields.len());
    let Some(mut open) = c.ks.get_mut(key) else {
        fields.iter().for_each(|_| c.reply.int(NO_FIELD));
        return Ok(());
    };
    let mut hash = open.maybe_change().object_mut::<Hash>().ok_or(Error::WrongType)?;
    let mut changed = false;
    for field in fields.iter() {
        let outcome = match hash.expiry(field, now_ms) {
            None => NO_FIELD,
            Some(None) => NO_EXPIRY,
            Some(Some(_)) => {
                changed |= hash.set_expiry(field, None);
                DONE
            }
        };
        c.reply.int(outcome);
    }
    drop(hash);
    if changed {
        open.mark_changed();
        open.event(class::HASH, "hpersist");
    }
    Ok(())
}

pub fn httl(c: &mut Call<'_>) -> Result<(), Error> {
    let now_ms = c.now_ms();
    tell_expiry(c, now_ms, Unit::Seconds)
}

pub fn hpttl(c: &mut Call<'_>) -> Result<(), Error> {
    let now_ms = c.now_ms();
    tell_expiry(c, now_ms, Unit::Millis)
}

pub fn hexpiretime(c: &mut Call<'_>) -> Result<(), Error> {
    tell_expiry(c, 0, Unit::Seconds)
}

pub fn hpexpiretime(c: &mut Call<'_>) -> Result<(), Error> {
    tell_expiry(c, 0, Unit::Millis)
}

/// Seconds are rounded up.
fn tell_expiry(c: &mut Call<'_>, base_ms: i64, unit: Unit) -> Result<(), Error> {
    let (key, now_ms) = (c.key(1), c.ks.fields_now_ms());
    let fields = fields(c, 2, errors::NUMFIELDS_POSITIVE);
    let found = c.ks.get(key);
    let hash = found.as_deref().map(Call::typed::<Hash>).transpose()?;
    let fields = fields?;
    c.reply.array(fields.len());
    for field in fields.iter() {
        c.reply.int(match hash.as_ref().and_then(|h| h.expiry(field, now_ms)) {
            None => NO_FIELD,
            Some(None) => NO_EXPIRY,
            Some(Some(at)) if unit == Unit::Seconds => (at + 999 - base_ms) / 1000,
            Some(Some(at)) => at - base_ms,
        });
    }
    Ok(())
}
