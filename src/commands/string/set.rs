//! SET with its options, its short forms, and the commands that read a value while they change its key.

use super::condition::Condition;
use super::read::string_or_null;
use crate::commands::expiry::{self, Allowed, Expiry, Unit};
use crate::engine::{call::Call, errors::Error};
use crate::keyspace::{Key, NewValue, journal::class};

/// SET key value [NX | XX | IFEQ value | IFNE value | IFDEQ digest | IFDNE digest] [GET]
/// [EX seconds | PX ms | EXAT seconds | PXAT ms | KEEPTTL]
#[inline]
pub(super) fn set(c: &mut Call<'_>) -> Result<(), Error> {
    if c.args.len() > 3 {
        return set_with_options(c);
    }
    let key = c.key(1);
    c.ks.set(key, NewValue::Set(c.args.at(2)), None);
    c.ks.event(class::STRING, "set", key);
    c.reply.ok();
    Ok(())
}

fn set_with_options(c: &mut Call<'_>) -> Result<(), Error> {
    let (mut condition, mut expiry, mut get) = (None, Expiry::default(), false);
    let mut i = 3;
    while i < c.args.len() {
        let took = Condition::take(&mut condition, c.args, i, true)?;
        let took = if took > 0 { took } else { expiry.take(c.args, i, Allowed { keepttl: true, persist: false })? };
        if took == 0 {
            if !c.args.is(i, "get") {
                return Err(Error::Syntax);
            }
            get = true;
        }
        i += took.max(1);
    }
    let at = expiry.resolve(c)?;
    let key = c.key(1);
    if get {
        c.with_string(key, string_or_null)?;
    }
    if let Some(condition) = condition
        && !condition.holds(c, key)?
    {
        if !get {
            c.reply.null();
        }
        return Ok(());
    }
    store(c, key, c.args.at(2), if expiry == Expiry::Keep { Ttl::Keep } else { Ttl::from(at) });
    if !get {
        c.reply.ok();
    }
    Ok(())
}

/// What becomes of a key's expiry when its value is set.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Ttl {
    Clear,
    Keep,
    At(i64),
}

impl From<Option<i64>> for Ttl {
    fn from(at: Option<i64>) -> Ttl {
        at.map_or(Ttl::Clear, Ttl::At)
    }
}

/// Stores a value, says so in events, and logs it in a form that depends on nothing but the key.
pub(super) fn store(c: &mut Call<'_>, key: Key<'_>, value: &[u8], ttl: Ttl) {
    let at = match ttl {
        Ttl::Clear => None,
        Ttl::At(at) => Some(at),
        Ttl::Keep => c.ks.peek(key).and_then(|e| e.expiry()),
    };
    c.ks.set(key, NewValue::Set(value), at);
    c.ks.event(class::STRING, "set", key);
    match ttl {
        Ttl::Clear => c.log_instead(&[b"SET", key.bytes, value]),
        Ttl::Keep => c.log_instead(&[b"SET", key.bytes, value, b"KEEPTTL"]),
        Ttl::At(at) => {
            c.ks.event(class::GENERIC, "expire", key);
            c.log_instead(&[b"SET", key.bytes, value, b"PXAT", itoa::Buffer::new().format(at).as_bytes()]);
        }
    }
}

/// SETNX key value
pub(super) fn setnx(c: &mut Call<'_>) -> Result<(), Error> {
    let key = c.key(1);
    let missing = !c.ks.exists(key);
    if missing {
        store(c, key, c.args.at(2), Ttl::Clear);
    }
    c.reply.int(i64::from(missing));
    Ok(())
}

/// SETEX key seconds value
pub(super) fn setex(c: &mut Call<'_>) -> Result<(), Error> {
    set_for(c, Unit::Seconds)
}

/// PSETEX key ms value
pub(super) fn psetex(c: &mut Call<'_>) -> Result<(), Error> {
    set_for(c, Unit::Millis)
}

fn set_for(c: &mut Call<'_>, unit: Unit) -> Result<(), Error> {
    let at = expiry::positive_ms(c.int(2)?, unit, c.now_ms()).ok_or_else(|| expiry::invalid(c))?;
    let key = c.key(1);
    store(c, key, c.args.at(3), Ttl::At(at));
    c.reply.ok();
    Ok(())
}

/// GETSET key value
pub(super) fn getset(c: &mut Call<'_>) -> Result<(), Error> {
    let key = c.key(1);
    c.with_string(key, string_or_null)?;
    store(c, key, c.args.at(2), Ttl::Clear);
    Ok(())
}

/// GETDEL key
pub(super) fn getdel(c: &mut Call<'_>) -> Result<(), Error> {
    let key = c.key(1);
    c.with_string(key, string_or_null)?;
    if c.ks.delete(key, class::GENERIC, "del") {
        c.log_instead(&[b"DEL", key.bytes]);
    }
    Ok(())
}

/// GETEX key [EX seconds | PX ms | EXAT seconds | PXAT ms | PERSIST]. As in Redis (and not in Valkey 9.1) the time is looked
/// at only if the key is there.
pub(super) fn getex(c: &mut Call<'_>) -> Result<(), Error> {
    let mut expiry = Expiry::default();
    let mut i = 2;
    while i < c.args.len() {
        match expiry.take(c.args, i, Allowed { keepttl: false, persist: true })? {
            0 => return Err(Error::Syntax),
            took => i += took,
        }
    }
    let key = c.key(1);
    let found = c.with_string(key, |s, reply| {
        let found = s.is_some();
        string_or_null(s, reply);
        found
    })?;
    if !found {
        return Ok(());
    }
    match (expiry.resolve(c)?, expiry) {
        // A moment that has passed: the key goes at once. (A time from now on cannot lie in the past.)
        (Some(at), Expiry::At { absolute: true, .. }) if at <= c.now_ms() => {
            c.ks.delete(key, class::GENERIC, "del");
            c.log_instead(&[b"DEL", key.bytes]);
        }
        (Some(at), _) => {
            if let Some(mut k) = c.ks.get_mut(key) {
                k.set_expiry(Some(at));
            }
            c.ks.event(class::GENERIC, "expire", key);
            c.log_instead(&[b"PEXPIREAT", key.bytes, itoa::Buffer::new().format(at).as_bytes()]);
        }
        (None, Expiry::Persist) => persist(c, key),
        (None, _) => {}
    }
    Ok(())
}

fn persist(c: &mut Call<'_>, key: Key<'_>) {
    let had_expiry = match c.ks.get_mut(key) {
        Some(mut k) if k.expiry().is_some() => {
            k.set_expiry(None);
            k.event(class::GENERIC, "persist");
            true
        }
        _ => false,
    };
    if had_expiry {
        c.log_instead(&[b"PERSIST", key.bytes]);
    }
}
