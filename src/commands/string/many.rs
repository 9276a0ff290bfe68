//! Several keys at once: MSET, MSETNX, MSETEX.

use super::condition::Condition;
use super::set::{Ttl, store};
use crate::commands::expiry::{Allowed, Expiry};
use crate::engine::{
    call::Call,
    dispatch::wrong_arity,
    errors::{self, Error},
};
use crate::keyspace::{NewValue, journal::class};

/// MSET key value [key value ...]
pub(super) fn mset(c: &mut Call<'_>) -> Result<(), Error> {
    set_pairs(c)?;
    c.reply.ok();
    Ok(())
}

/// MSETNX key value [key value ...]: all or, if any of the keys exists, none.
pub(super) fn msetnx(c: &mut Call<'_>) -> Result<(), Error> {
    let pairs = (c.args.len() - 1) / 2;
    let free = (0..pairs).all(|n| {
        let key = c.nth_key(n, 1 + 2 * n);
        !c.ks.exists(key)
    });
    if !c.args.len().is_multiple_of(2) && !free {
        c.reply.int(0);
        return Ok(());
    }
    set_pairs(c)?;
    c.reply.int(1);
    Ok(())
}

#[inline]
fn set_pairs(c: &mut Call<'_>) -> Result<(), Error> {
    if c.args.len().is_multiple_of(2) {
        return Err(wrong_arity(c.name()));
    }
    for i in (1..c.args.len()).step_by(2) {
        let key = c.nth_key(i / 2, i);
        c.ks.set(key, NewValue::Set(c.args.at(i + 1)), None);
        c.ks.event(class::STRING, "set", key);
    }
    Ok(())
}

/// MSETEX numkeys key value [key value ...] [NX | XX] [EX seconds | PX ms | EXAT seconds | PXAT ms | KEEPTTL]
/// (Redis 8.4; Valkey 9.1 has other error texts)
pub(super) fn msetex(c: &mut Call<'_>) -> Result<(), Error> {
    let pairs = match crate::base::numbers::parse_i64(c.args.at(1)) {
        Some(n @ 1..=0x7fff_ffff) => n as usize,
        _ => return Err(errors::NUMKEYS),
    };
    if (c.args.len() - 2) / 2 < pairs {
        return Err(errors::PAIRS);
    }
    let (mut condition, mut expiry) = (None, Expiry::default());
    let mut i = 2 + 2 * pairs;
    while i < c.args.len() {
        let took = Condition::take(&mut condition, c.args, i, false)?;
        let took = if took > 0 { took } else { expiry.take(c.args, i, Allowed { keepttl: true, persist: false })? };
        if took == 0 {
            return Err(Error::Syntax);
        }
        i += took;
    }
    let at = expiry.resolve(c)?;
    if let Some(condition) = condition {
        for n in 0..pairs {
            let key = c.nth_key(n, 2 + 2 * n);
            if !condition.holds(c, key)? {
                c.reply.int(0);
                return Ok(());
            }
        }
    }
    let ttl = if expiry == Expiry::Keep { Ttl::Keep } else { Ttl::from(at) };
    for n in 0..pairs {
        let key = c.nth_key(n, 2 + 2 * n);
        store(c, key, c.args.at(3 + 2 * n), ttl);
    }
    c.reply.int(1);
    Ok(())
}
