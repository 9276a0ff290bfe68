//! When keys expire: EXPIRE and its kin set it, TTL and its kin tell it, PERSIST takes it away.

use crate::base::numbers::parse_i64;
use crate::engine::call::Call;
use crate::engine::errors::Error;
use crate::engine::spec::{BLANK, Spec};
use crate::keyspace::db::ExpiryMode;
use crate::keyspace::journal::class;
use crate::resp::Args;

#[rustfmt::skip]
pub const COMMANDS: &[Spec] = &[
    Spec {
        name: "expire", arity: -3, flags: "write fast", acl: "keyspace",
        keys: "1 RW update", group: "generic",
        syntax: "key seconds:int [condition<NX|XX|GT|LT>@7.0.0]",
        summary: "Lets a key expire after some seconds.", complexity: "O(1)", run: expire, ..BLANK
    },
    Spec {
        name: "expireat", arity: -3, flags: "write fast", acl: "keyspace",
        keys: "1 RW update", group: "generic", since: "1.2.0",
        syntax: "key unix-time-seconds:time [condition<NX|XX|GT|LT>@7.0.0]",
        summary: "Lets a key expire at a Unix time in seconds.", complexity: "O(1)", run: expireat, ..BLANK
    },
    Spec {
        name: "expiretime", arity: 2, flags: "readonly fast", acl: "keyspace",
        keys: "1 RO access", group: "generic", since: "7.0.0",
        syntax: "key",
        summary: "Tells when a key expires, as Unix time in seconds.", complexity: "O(1)", run: expiretime, ..BLANK
    },
    Spec {
        name: "persist", arity: 2, flags: "write fast", acl: "keyspace",
        keys: "1 RW update", group: "generic", since: "2.2.0",
        syntax: "key",
        summary: "Drops the expiry of a key.", complexity: "O(1)", run: persist, ..BLANK
    },
    Spec {
        name: "pexpire", arity: -3, flags: "write fast", acl: "keyspace",
        keys: "1 RW update", group: "generic", since: "2.6.0",
        syntax: "key milliseconds:int [condition<NX|XX|GT|LT>@7.0.0]",
        summary: "Lets a key expire after some milliseconds.", complexity: "O(1)", run: pexpire, ..BLANK
    },
    Spec {
        name: "pexpireat", arity: -3, flags: "write fast", acl: "keyspace",
        keys: "1 RW update", group: "generic", since: "2.6.0",
        syntax: "key unix-time-milliseconds:time [condition<NX|XX|GT|LT>@7.0.0]",
        summary: "Lets a key expire at a Unix time in milliseconds.", complexity: "O(1)", run: pexpireat, ..BLANK
    },
    Spec {
        name: "pexpiretime", arity: 2, flags: "readonly fast", acl: "keyspace",
        keys: "1 RO access", group: "generic", since: "7.0.0",
        syntax: "key",
        summary: "Tells when a key expires, as Unix time in milliseconds.", complexity: "O(1)", run: pexpiretime, ..BLANK
    },
    Spec {
        name: "pttl", arity: 2, flags: "readonly fast", acl: "keyspace",
        keys: "1 RO access", group: "generic", since: "2.6.0",
        syntax: "key",
        summary: "Tells how many milliseconds a key has left.", complexity: "O(1)", tips: "nondeterministic_output", run: pttl,
        ..BLANK
    },
    Spec {
        name: "ttl", arity: 2, flags: "readonly fast", acl: "keyspace",
        keys: "1 RO access", group: "generic",
        syntax: "key",
        summary: "Tells how many seconds a key has left.", complexity: "O(1)", tips: "nondeterministic_output", run: ttl, ..BLANK
    },
];

fn expire(c: &mut Call<'_>) -> Result<(), Error> {
    let now_ms = c.now_ms();
    set_expiry(c, now_ms, Unit::Seconds)
}

fn pexpire(c: &mut Call<'_>) -> Result<(), Error> {
    let now_ms = c.now_ms();
    set_expiry(c, now_ms, Unit::Millis)
}

fn expireat(c: &mut Call<'_>) -> Result<(), Error> {
    set_expiry(c, 0, Unit::Seconds)
}

fn pexpireat(c: &mut Call<'_>) -> Result<(), Error> {
    set_expiry(c, 0, Unit::Millis)
}

/// All four: the time in word 2 counts from `base_ms`.
///
/// The log gets a point in time without conditions (they were met here), or a DEL if that time has passed.
fn set_expiry(c: &mut Call<'_>, base_ms: i64, unit: Unit) -> Result<(), Error> {
    let key = c.key(1);
    let condition = Condition::parse(c.args.skip(3))?;
    let when_ms = parse_i64(c.args.at(2)).ok_or(Error::NotInteger)?;
    let when_ms = deadline(when_ms, unit, base_ms).ok_or_else(|| Error::InvalidExpire(c.name().into()))?;
    // Replicas wait for the primary's DEL, and a load keeps what it finds.
    let passed = when_ms <= c.now_ms() && c.ks.expiry == ExpiryMode::Remove;
    let Some(mut open) = c.ks.get_mut(key).filter(|k| condition.allows(k.expiry(), when_ms)) else {
        c.reply.int(0);
        return Ok(());
    };
    if passed {
        open.event(class::GENERIC, "del");
        open.remove();
        c.log_instead(&[&b"DEL"[..], key.bytes]);
    } else {
        open.set_expiry(Some(when_ms));
        open.event(class::GENERIC, "expire");
        drop(open);
        c.log_instead(&[&b"PEXPIREAT"[..], key.bytes, itoa::Buffer::new().format(when_ms).as_bytes()]);
    }
    c.reply.int(1);
    Ok(())
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Unit {
    Seconds,
    Millis,
}

/// A point in time in Unix ms, from a time in `unit` that counts from `base_ms` (not negative); `None` if 64 bits cannot hold it.
fn deadline(time: i64, unit: Unit, base_ms: i64) -> Option<i64> {
    let ms = if unit == Unit::Seconds { time.checked_mul(1000)? } else { time };
    ms.checked_add(base_ms)
}

/// NX, XX, GT and LT: what the expiry there must be like for a new one to be set.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
struct Condition {
    nx: bool,
    xx: bool,
    gt: bool,
    lt: bool,
}

impl Condition {
    fn parse(words: Args<'_>) -> Result<Condition, Error> {
        let mut c = Condition::default();
        for (i, word) in words.iter().enumerate() {
            let option = [("nx", &mut c.nx), ("xx", &mut c.xx), ("gt", &mut c.gt), ("lt", &mut c.lt)];
            match option.into_iter().find(|(name, _)| words.is(i, name)) {
                Some((_, is_set)) => *is_set = true,
                None => return Err(Error::unsupported_option(word)),
            }
        }
        match c {
            Condition { nx: true, xx, gt, lt } if xx || gt || lt => Err(Error::EXPIRE_NX_AND_OTHERS),
            Condition { gt: true, lt: true, .. } => Err(Error::EXPIRE_GT_AND_LT),
            _ => Ok(c),
        }
    }

    /// A key without an expiry lives for ever: nothing is later than that, everything earlier.
    fn allows(self, current: Option<i64>, when_ms: i64) -> bool {
        (!self.nx || current.is_none())
            && (!self.xx || current.is_some())
            && (!self.gt || current.is_some_and(|at| when_ms > at))
            && (!self.lt || current.is_none_or(|at| when_ms < at))
    }
}

fn persist(c: &mut Call<'_>) -> Result<(), Error> {
    let key = c.key(1);
    let open = c.ks.get_mut(key).filter(|k| k.expiry().is_some());
    let had = open.is_some();
    if let Some(mut open) = open {
        open.set_expiry(None);
        open.event(class::GENERIC, "persist");
    }
    c.reply.int(i64::from(had));
    Ok(())
}

fn ttl(c: &mut Call<'_>) -> Result<(), Error> {
    let now_ms = c.now_ms();
    tell_expiry(c, now_ms, Unit::Seconds)
}

fn pttl(c: &mut Call<'_>) -> Result<(), Error> {
    let now_ms = c.now_ms();
    tell_expiry(c, now_ms, Unit::Millis)
}

fn expiretime(c: &mut Call<'_>) -> Result<(), Error> {
    tell_expiry(c, 0, Unit::Seconds)
}

fn pexpiretime(c: &mut Call<'_>) -> Result<(), Error> {
    tell_expiry(c, 0, Unit::Millis)
}

/// -2: no such key. -1: it lives for ever. Seconds are rounded to the nearest.
fn tell_expiry(c: &mut Call<'_>, base_ms: i64, unit: Unit) -> Result<(), Error> {
    let key = c.key(1);
    let told = match c.ks.look(key).map(|e| e.expiry()) {
        None => -2,
        Some(None) => -1,
        Some(Some(at)) => {
            let left = at.saturating_sub(base_ms).max(0);
            if unit == Unit::Seconds { left.saturating_add(500) / 1000 } else { left }
        }
    };
    c.reply.int(told);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resp::OwnedArgs;

    fn parse(words: &[&str]) -> Result<Condition, Error> {
        Condition::parse(OwnedArgs::new(words).args())
    }

    #[test]
    fn conditions_are_read_in_any_case_and_order() {
        assert_eq!(parse(&[]), Ok(Condition::default()));
        assert_eq!(parse(&["Xx", "gT"]), Ok(Condition { xx: true, gt: true, ..Condition::default() }));
        assert_eq!(parse(&["LT", "XX", "lt"]), Ok(Condition { xx: true, lt: true, ..Condition::default() }));
        for words in [["nx", "xx"], ["gt", "nx"], ["nx", "lt"]] {
            assert_eq!(parse(&words), Err(Error::EXPIRE_NX_AND_OTHERS));
        }
        assert_eq!(parse(&["gt", "lt"]), Err(Error::EXPIRE_GT_AND_LT));
        // A word that is no option is complained of before options that do not go together.
        let error = parse(&["nx", "xx", "ab"]).map_err(|e| e.text());
        assert_eq!(error, Err("ERR Unsupported option ab".into()));
    }

    #[test]
    fn conditions_compare_with_what_is_there() {
        let allows = |words: &[&str], current, when| parse(words).map(|c| c.allows(current, when));
        assert_eq!(allows(&["nx"], None, 5), Ok(true));
        assert_eq!(allows(&["nx"], Some(9), 5), Ok(false));
        assert_eq!(allows(&["xx"], None, 5), Ok(false));
        assert_eq!(allows(&["xx"], Some(9), 5), Ok(true));
        assert_eq!(allows(&["gt"], None, 5), Ok(false));
        assert_eq!(allows(&["gt"], Some(5), 5), Ok(false));
        assert_eq!(allows(&["gt"], Some(5), 6), Ok(true));
        assert_eq!(allows(&["lt"], None, 5), Ok(true));
        assert_eq!(allows(&["lt"], Some(5), 5), Ok(false));
        assert_eq!(allows(&["lt"], Some(5), 4), Ok(true));
        assert_eq!(allows(&["xx", "lt"], None, 4), Ok(false));
    }

    #[test]
    fn deadlines_do_not_overflow() {
        assert_eq!(deadline(10, Unit::Seconds, 5), Some(10_005));
        assert_eq!(deadline(-10, Unit::Millis, 5), Some(-5));
        assert_eq!(deadline(i64::MAX / 1000, Unit::Seconds, 0), Some(i64::MAX / 1000 * 1000));
        assert_eq!(deadline(i64::MAX / 1000 + 1, Unit::Seconds, 0), None);
        assert_eq!(deadline(i64::MIN / 1000 - 1, Unit::Seconds, 0), None);
        assert_eq!(deadline(i64::MAX, Unit::Millis, 1), None);
        assert_eq!(deadline(i64::MIN, Unit::Millis, 1), Some(i64::MIN + 1));
    }
}
