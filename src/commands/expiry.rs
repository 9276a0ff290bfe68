//! The expiry options that commands of several families share: EX, PX, EXAT, PXAT, KEEPTTL and PERSIST, and the arithmetic
//! that turns their numbers into Unix milliseconds.

use crate::engine::{call::Call, errors::Error};
use crate::resp::Args;
use std::borrow::Cow;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unit {
    Seconds,
    Millis,
}

/// What the options of a command say about expiry.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Expiry {
    /// Nothing was said.
    #[default]
    Unsaid,
    /// KEEPTTL
    Keep,
    /// PERSIST
    Persist,
    /// A time: the word that tells it, its unit, and whether it counts from the epoch instead of from now.
    At { word: usize, unit: Unit, absolute: bool },
}

/// Which of the words without a number a command knows.
#[derive(Clone, Copy, Default)]
pub struct Allowed {
    pub keepttl: bool,
    pub persist: bool,
}

impl Expiry {
    /// Takes the option that begins at word `i`, if it is one about expiry: says how many words it has, 0 if it is none.
    /// As in Redis the same option may come again (the last one counts), but not two different ones.
    pub fn take(&mut self, args: Args<'_>, i: usize, allowed: Allowed) -> Result<usize, Error> {
        let timed = |unit, absolute| Expiry::At { word: i + 1, unit, absolute };
        let new = match args.at(i) {
            w if w.eq_ignore_ascii_case(b"ex") => timed(Unit::Seconds, false),
            w if w.eq_ignore_ascii_case(b"px") => timed(Unit::Millis, false),
            w if w.eq_ignore_ascii_case(b"exat") => timed(Unit::Seconds, true),
            w if w.eq_ignore_ascii_case(b"pxat") => timed(Unit::Millis, true),
            w if allowed.keepttl && w.eq_ignore_ascii_case(b"keepttl") => Expiry::Keep,
            w if allowed.persist && w.eq_ignore_ascii_case(b"persist") => Expiry::Persist,
            _ => return Ok(0),
        };
        let words = if matches!(new, Expiry::At { .. }) { 2 } else { 1 };
        if i + words > args.len() || !(*self == Expiry::Unsaid || self.same_option(new)) {
            return Err(Error::Syntax);
        }
        *self = new;
        Ok(words)
    }

    fn same_option(self, other: Expiry) -> bool {
        match (self, other) {
            (Expiry::At { unit, absolute, .. }, Expiry::At { unit: u, absolute: a, .. }) => (unit, absolute) == (u, a),
            _ => self == other,
        }
    }

    /// The time that was asked for, in Unix ms; `None` if no time was.
    ///
    /// # Errors
    /// The word is no integer, or the time is not above zero or does not fit 63 bits of ms:
    /// `invalid expire time in 'set' command`.
    pub fn resolve(self, c: &Call<'_>) -> Result<Option<i64>, Error> {
        let Expiry::At { word, unit, absolute } = self else {
            return Ok(None);
        };
        let from_ms = if absolute { 0 } else { c.now_ms() };
        positive_ms(c.int(word)?, unit, from_ms).map(Some).ok_or_else(|| invalid(c))
    }
}

/// `invalid expire time in '…' command`, for the command that runs.
pub fn invalid(c: &Call<'_>) -> Error {
    Error::InvalidExpire(Cow::Borrowed(c.name()))
}

/// `n` units after `from_ms`, where neither may be zero or less (SET, GETEX, SETEX, HSETEX …).
pub fn positive_ms(n: i64, unit: Unit, from_ms: i64) -> Option<i64> {
    if n <= 0 { None } else { any_ms(n, unit, from_ms).filter(|at| *at > 0) }
}

/// `n` units after `from_ms`, be it in the past (EXPIRE and its family).
pub fn any_ms(n: i64, unit: Unit, from_ms: i64) -> Option<i64> {
    let n = if unit == Unit::Seconds { n.checked_mul(1000)? } else { n };
    n.checked_add(from_ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_overflow_as_in_redis() {
        assert_eq!(positive_ms(10, Unit::Seconds, 5), Some(10_005));
        assert_eq!(positive_ms(0, Unit::Millis, 5), None);
        assert_eq!(positive_ms(-1, Unit::Millis, 5), None);
        assert_eq!(positive_ms(i64::MAX / 1000, Unit::Seconds, 0), Some(i64::MAX / 1000 * 1000));
        assert_eq!(positive_ms(i64::MAX / 1000 + 1, Unit::Seconds, 0), None);
        assert_eq!(positive_ms(i64::MAX, Unit::Millis, 1), None);
        assert_eq!(any_ms(-10, Unit::Seconds, 5), Some(-9_995));
        assert_eq!(any_ms(i64::MIN / 1000 - 1, Unit::Seconds, 0), None);
    }
}
