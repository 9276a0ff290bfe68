//! Counting in fields.

use super::write::change;
use crate::base::extended::Extended;
use crate::data::{Hash, Item};
use crate::engine::call::Call;
use crate::engine::errors::{self, Error};

pub fn hincrby(c: &mut Call<'_>) -> Result<(), Error> {
    let (field, by) = (c.args.at(2), c.int(3)?);
    let old = old(c, field, |value| value.as_int().ok_or(errors::HASH_NOT_INTEGER))?;
    let sum = old.map_or(0, |(n, _)| n).checked_add(by).ok_or(Error::Overflow)?;
    change(c, 1, "hincrby", |hash, now_ms, limits| {
        hash.set(field, itoa::Buffer::new().format(sum).as_bytes(), true, now_ms, limits)
    })?;
    c.reply.int(sum);
    Ok(())
}

pub fn hincrbyfloat(c: &mut Call<'_>) -> Result<(), Error> {
    let (key, field) = (c.key(1), c.args.at(2));
    let by = Extended::parse(c.args.at(3)).ok_or(Error::NotFloat)?;
    if !by.is_finite() {
        return Err(errors::NAN_OR_INFINITY);
    }
    let old = old(c, field, |value| value.with(Extended::parse).ok_or(errors::HASH_NOT_FLOAT))?;
    let expires = old.is_some_and(|(_, expires)| expires);
    let sum = old.map_or(Extended::from_i64(0), |(n, _)| n).plus(by);
    if !sum.is_finite() {
        return Err(Error::NanOrInfinity);
    }
    let mut text = Vec::with_capacity(32);
    sum.print(&mut text);
    change(c, 1, "hincrbyfloat", |hash, now_ms, limits| hash.set(field, &text, true, now_ms, limits))?;
    c.reply.bulk(&text);
    // The outcome, so that no other arithmetic makes another of it; with the field's expiry, if it has one.
    if expires {
        c.log_instead(&[b"HSETEX", key.bytes, b"KEEPTTL", b"FIELDS", b"1", field, &text]);
    } else {
        c.log_instead(&[b"HSET", key.bytes, field, &text]);
    }
    Ok(())
}

/// The number in a field of the hash in word 1, as `f` reads it, and whether the field expires.
fn old<N>(
    c: &mut Call<'_>,
    field: &[u8],
    f: impl FnOnce(Item<'_>) -> Result<N, Error>,
) -> Result<Option<(N, bool)>, Error> {
    let (key, now_ms) = (c.key(1), c.ks.fields_now_ms());
    let Some(e) = c.ks.peek(key) else { return Ok(None) };
    let hash = Call::typed::<Hash>(&e)?;
    let expires = hash.next_expiry().is_some() && hash.expiry(field, now_ms).flatten().is_some();
    hash.get(field, now_ms).map(|value| Ok((f(value)?, expires))).transpose()
}
