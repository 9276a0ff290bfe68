//! Strings as numbers: INCR, DECR, INCRBY, DECRBY, INCRBYFLOAT.

use crate::base::extended::Extended;
use crate::engine::call::{Call, string_of};
use crate::engine::errors::{self, Error};
use crate::keyspace::{NewValue, Str, journal::class};

/// INCR key
pub(super) fn incr(c: &mut Call<'_>) -> Result<(), Error> {
    count(c, 1)
}

/// DECR key
pub(super) fn decr(c: &mut Call<'_>) -> Result<(), Error> {
    count(c, -1)
}

/// INCRBY key increment
pub(super) fn incrby(c: &mut Call<'_>) -> Result<(), Error> {
    count(c, c.int(2)?)
}

/// DECRBY key decrement
pub(super) fn decrby(c: &mut Call<'_>) -> Result<(), Error> {
    count(c, c.int(2)?.checked_neg().ok_or(errors::DECREMENT_OVERFLOW)?)
}

/// Adds to a counter, in place if it is one already.
#[inline]
fn count(c: &mut Call<'_>, by: i64) -> Result<(), Error> {
    let key = c.key(1);
    let sum = match c.ks.get_mut(key) {
        None => None,
        Some(mut k) => {
            let old = string_of(&k)?.as_int().ok_or(Error::NotInteger)?;
            let sum = old.checked_add(by).ok_or(Error::Overflow)?;
            let expiry = k.expiry();
            k.change().set_value(NewValue::Counter(sum), expiry);
            Some(sum)
        }
    };
    let sum = match sum {
        Some(sum) => sum,
        None => {
            c.ks.add(key, NewValue::Counter(by), None);
            by
        }
    };
    c.ks.event(class::STRING, "incrby", key);
    c.reply.int(sum);
    Ok(())
}

/// INCRBYFLOAT key increment. Counts in 80-bit floats, as Redis does where it is mostly run; the log gets the outcome.
pub(super) fn incrbyfloat(c: &mut Call<'_>) -> Result<(), Error> {
    let key = c.key(1);
    let (old, expiry) = match c.ks.get_mut(key) {
        None => (Extended::from_i64(0), None),
        Some(k) => {
            let old = match string_of(&k)? {
                Str::Int(n) => Some(Extended::from_i64(n)),
                s => s.with(Extended::parse),
            };
            (old.ok_or(Error::NotFloat)?, k.expiry())
        }
    };
    let sum = old.plus(Extended::parse(c.args.at(2)).ok_or(Error::NotFloat)?);
    if !sum.is_finite() {
        return Err(Error::NanOrInfinity);
    }
    let mut text = Vec::with_capacity(32);
    sum.print(&mut text);
    // A fraction or not, it stays text: OBJECT ENCODING tells embstr even of `3`.
    c.ks.set(key, NewValue::Embstr(&text), expiry);
    c.ks.event(class::STRING, "incrbyfloat", key);
    c.log_instead(&[b"SET", key.bytes, &text, b"KEEPTTL"]);
    c.reply.bulk(&text);
    Ok(())
}
