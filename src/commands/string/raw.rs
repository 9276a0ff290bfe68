//! Strings changed where they lie. What they leave is raw to OBJECT ENCODING, however short.
//!
//! A string too long for its entry grows by doubling, so that N appends cost O(N); a shorter one is rebuilt, which costs no more
//! than the entry's limit.

use crate::engine::{
    call::{Call, string_of},
    errors::{self, Error},
};
use crate::keyspace::{Entry, Key, NewValue, entry::EMBED_MAX, journal::class};
use std::sync::Arc;

/// APPEND key value
pub(super) fn append(c: &mut Call<'_>) -> Result<(), Error> {
    let (key, more, max) = (c.key(1), c.args.at(2), max_len(c));
    let len = match c.ks.get_mut(key) {
        None => None,
        Some(mut k) => {
            let len = string_of(&k)?.len() + more.len();
            check_len(len as i64, max)?;
            let entry = k.change();
            if entry.shared_mut(|bytes| bytes.extend_from_slice(more)).is_none() {
                rebuild(entry, len, |bytes| bytes.extend_from_slice(more));
            }
            Some(len)
        }
    };
    let len = match len {
        Some(len) => len,
        None => {
            // A new key is as SET would make it, a number even.
            c.ks.add(key, NewValue::Set(more), None);
            more.len()
        }
    };
    c.ks.event(class::STRING, "append", key);
    c.reply.int(len as i64);
    Ok(())
}

/// SETRANGE key offset value
pub(super) fn setrange(c: &mut Call<'_>) -> Result<(), Error> {
    let (offset, value) = (c.int(2)?, c.args.at(3));
    if offset < 0 {
        return Err(errors::OFFSET);
    }
    let key = c.key(1);
    if value.is_empty() {
        // Nothing is written, and no key is made for it.
        let len = match c.ks.peek(key) {
            None => 0,
            Some(e) => string_of(&e)?.len(),
        };
        c.reply.int(len as i64);
        return Ok(());
    }
    let end = offset.saturating_add(value.len() as i64);
    if let Err(too_long) = check_len(end, max_len(c)) {
        // Another type is the graver error.
        if let Some(e) = c.ks.peek(key) {
            string_of(&e)?;
        }
        return Err(too_long);
    }
    let edit = edit(c, key, end as usize, |bytes| {
        bytes[offset as usize..end as usize].copy_from_slice(value);
        (bytes.len(), true)
    })?;
    c.ks.event(class::STRING, "setrange", key);
    c.reply.int(edit.value as i64);
    Ok(())
}

/// What [`edit`] did.
pub(in crate::commands) struct Edit<R> {
    pub value: R,
    pub changed: bool,
}

/// Opens a string for changes in place, raw and at least `len` bytes long (zeros are added; a missing key is made). `f` gets
/// its bytes and says whether it changed any; a string that grew has changed anyway.
pub(in crate::commands) fn edit<R>(
    c: &mut Call<'_>,
    key: Key<'_>,
    len: usize,
    f: impl FnOnce(&mut [u8]) -> (R, bool),
) -> Result<Edit<R>, Error> {
    let Some(mut k) = c.ks.get_mut(key) else {
        let mut bytes = vec![0; len];
        let (value, _) = f(&mut bytes);
        with_raw(bytes, |new| c.ks.add(key, new, None));
        return Ok(Edit { value, changed: true });
    };
    let old_len = string_of(&k)?.len();
    let grows = len > old_len;
    // `f` runs in exactly one of three places; which one is known only as we go.
    let mut f = Some(f);
    let mut run = |bytes: &mut [u8]| f.take().map(|f| f(bytes));
    let entry = k.maybe_change();
    let mut out = entry
        .shared_mut(|bytes| {
            if grows {
                bytes.resize(len, 0);
            }
            run(bytes)
        })
        .flatten();
    if out.is_none() && !grows {
        out = entry.raw_mut().and_then(&mut run);
    }
    if out.is_none() {
        rebuild(entry, len.max(old_len), |bytes| {
            bytes.resize(len.max(old_len), 0);
            out = run(bytes);
        });
    }
    let Some((value, changed)) = out else {
        return Err(Error::WrongType);
    };
    let changed = changed || grows;
    if changed {
        k.mark_changed();
    }
    Ok(Edit { value, changed })
}

/// Replaces a string by a raw one: its bytes, as `f` leaves them.
pub(in crate::commands) fn rebuild(entry: &mut Entry, capacity: usize, f: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = Vec::with_capacity(capacity);
    if let Some(s) = entry.string() {
        s.with(|old| bytes.extend_from_slice(old));
    }
    f(&mut bytes);
    let expiry = entry.expiry();
    with_raw(bytes, |new| entry.set_value(new, expiry));
}

/// Hands out bytes as a raw value, without copying those that are kept apart.
pub(in crate::commands) fn with_raw<R>(bytes: Vec<u8>, f: impl FnOnce(NewValue<'_>) -> R) -> R {
    if bytes.len() > EMBED_MAX { f(NewValue::Shared(Arc::new(bytes))) } else { f(NewValue::Raw(&bytes)) }
}

/// The longest string allowed, in bytes.
pub(in crate::commands) fn max_len(c: &Call<'_>) -> i64 {
    c.engine.config.proto_max_bulk_len.get()
}

fn check_len(len: i64, max: i64) -> Result<(), Error> {
    if len > max { Err(errors::STRING_TOO_LONG) } else { Ok(()) }
}
