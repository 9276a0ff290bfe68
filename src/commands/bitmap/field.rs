//! BITFIELD and BITFIELD_RO: a list of reads, writes and increments of integers inside a string. The whole list is understood
//! before any of it is done.

use super::{bits, checked_offset};
use crate::commands::string::{raw, read::bytes_of};
use crate::engine::{
    call::Call,
    errors::{self, Error},
};
use crate::keyspace::journal::class;

/// What happens to a number that does not fit its field.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Overflow {
    Wrap,
    Saturate,
    Fail,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Action {
    Get,
    Set(i64),
    Add(i64),
}

#[derive(Clone, Copy, Debug)]
struct Operation {
    action: Action,
    signed: bool,
    width: u32,
    at: u64,
    overflow: Overflow,
}

/// BITFIELD key [GET type offset | [OVERFLOW WRAP|SAT|FAIL] SET type offset value | INCRBY type offset increment ...]
pub(super) fn bitfield(c: &mut Call<'_>) -> Result<(), Error> {
    let operations = parse(c)?;
    let last_bit = operations.iter().filter(|o| o.action != Action::Get).map(Operation::last_bit).max();
    let Some(last_bit) = last_bit else {
        return read_all(c, &operations);
    };
    let key = c.key(1);
    let edit = raw::edit(c, key, (last_bit / 8 + 1) as usize, |bytes| {
        let mut changed = false;
        let answers: Vec<Option<i64>> = operations.iter().map(|o| o.run(bytes, &mut changed)).collect();
        (answers, changed)
    })?;
    // A string that only grew, for writes that all overflowed, is not told of.
    let wrote = operations.iter().zip(&edit.value).any(|(o, answer)| o.action != Action::Get && answer.is_some());
    if edit.changed && wrote {
        c.ks.event(class::STRING, "setbit", key);
    }
    c.reply.array(edit.value.len());
    for answer in edit.value {
        match answer {
            Some(n) => c.reply.int(n),
            None => c.reply.null(),
        }
    }
    Ok(())
}

/// BITFIELD_RO key [GET type offset ...]
pub(super) fn bitfield_ro(c: &mut Call<'_>) -> Result<(), Error> {
    let operations = parse(c)?;
    if operations.iter().any(|o| o.action != Action::Get) {
        return Err(errors::BITFIELD_RO);
    }
    read_all(c, &operations)
}

fn read_all(c: &mut Call<'_>, operations: &[Operation]) -> Result<(), Error> {
    let key = c.key(1);
    c.with_string(key, |s, reply| {
        bytes_of(s, |bytes| {
            reply.array(operations.len());
            operations.iter().for_each(|o| reply.int(o.read(bytes)));
        });
    })
}

fn parse(c: &Call<'_>) -> Result<Vec<Operation>, Error> {
    let (args, mut overflow, mut out) = (c.args, Overflow::Wrap, Vec::new());
    let mut i = 2;
    while i < args.len() {
        let left = args.len() - i - 1;
        if args.is(i, "overflow") && left >= 1 {
            overflow = match () {
                () if args.is(i + 1, "wrap") => Overflow::Wrap,
                () if args.is(i + 1, "sat") => Overflow::Saturate,
                () if args.is(i + 1, "fail") => Overflow::Fail,
                () => return Err(errors::BITFIELD_OVERFLOW),
            };
            i += 2;
            continue;
        }
        let words = match () {
            () if args.is(i, "get") && left >= 2 => 3,
            () if (args.is(i, "set") || args.is(i, "incrby")) && left >= 3 => 4,
            () => return Err(Error::Syntax),
        };
        let (signed, width) = parse_type(args.at(i + 1)).ok_or(errors::BITFIELD_TYPE)?;
        let at = parse_offset(c, args.at(i + 2), width)?;
        let action = match words {
            3 => Action::Get,
            _ if args.is(i, "set") => Action::Set(c.int(i + 3)?),
            _ => Action::Add(c.int(i + 3)?),
        };
        out.push(Operation { action, signed, width, at, overflow });
        i += words;
    }
    Ok(out)
}

/// `u1` to `u63`, `i1` to `i64`.
fn parse_type(word: &[u8]) -> Option<(bool, u32)> {
    let (signed, digits) = match word {
        [b'i', rest @ ..] => (true, rest),
        [b'u', rest @ ..] => (false, rest),
        _ => return None,
    };
    let width = u32::try_from(crate::base::numbers::parse_i64(digits)?).ok()?;
    (1..=if signed { 64 } else { 63 }).contains(&width).then_some((signed, width))
}

/// An offset in bits, or behind a `#` in fields.
fn parse_offset(c: &Call<'_>, word: &[u8], width: u32) -> Result<u64, Error> {
    let n = match word {
        [b'#', rest @ ..] => crate::base::numbers::parse_i64(rest).and_then(|n| n.checked_mul(i64::from(width))),
        _ => crate::base::numbers::parse_i64(word),
    };
    checked_offset(c, n)
}

impl Operation {
    fn last_bit(&self) -> u64 {
        self.at + u64::from(self.width) - 1
    }

    fn read(&self, bytes: &[u8]) -> i64 {
        let n = bits::read(bytes, self.at, self.width);
        let unused = 64 - self.width;
        if self.signed { (n << unused) as i64 >> unused } else { n as i64 }
    }

    /// Does it, and tells the answer; `None` if the number did not fit and it was to fail then.
    fn run(&self, bytes: &mut [u8], changed: &mut bool) -> Option<i64> {
        let old = self.read(bytes);
        let wanted = match self.action {
            Action::Get => return Some(old),
            // A negative number for an unsigned field is a huge one, as in C.
            Action::Set(n) if !self.signed => i128::from(n as u64),
            Action::Set(n) if self.turns_around(n) => i128::MAX,
            Action::Set(n) => i128::from(n),
            Action::Add(n) => i128::from(old) + i128::from(n),
        };
        let new = self.fit(wanted)?;
        if new != old {
            bits::write(bytes, self.at, self.width, new as u64 & (u64::MAX >> (64 - self.width)));
            *changed = true;
        }
        Some(if matches!(self.action, Action::Set(_)) { old } else { new })
    }

    /// Redis's way to saturate a SET: a number so far below a signed field's range that its distance to the greatest one
    /// overflows becomes the greatest, not the least (7.0 to 8.0, and Valkey).
    fn turns_around(&self, n: i64) -> bool {
        self.overflow == Overflow::Saturate
            && self.width < 64
            && n < 0
            && ((1i64 << (self.width - 1)) - 1).checked_sub(n).is_none()
    }

    /// The number that the field takes for `n`.
    fn fit(&self, n: i128) -> Option<i64> {
        let (min, max) = if self.signed {
            (-(1i128 << (self.width - 1)), (1i128 << (self.width - 1)) - 1)
        } else {
            (0, (1i128 << self.width) - 1)
        };
        if (min..=max).contains(&n) {
            return Some(n as i64);
        }
        match self.overflow {
            Overflow::Fail => None,
            Overflow::Saturate => Some(if n > max { max } else { min } as i64),
            Overflow::Wrap => {
                let unused = 128 - self.width;
                let n = n << unused;
                Some(if self.signed { n >> unused } else { (n as u128 >> unused) as i128 } as i64)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_set_saturates_as_redis_does() {
        for (n, want) in [(i64::MIN, 1), (i64::MIN + 1, 1), (i64::MIN + 2, -2), (-3, -2), (-2, -2), (5, 1)] {
            let o = Operation { action: Action::Set(n), signed: true, width: 2, at: 1, overflow: Overflow::Saturate };
            let (mut bytes, mut changed) = (vec![0; 1], false);
            o.run(&mut bytes, &mut changed);
            assert_eq!(o.read(&bytes), want, "{n}");
        }
    }

    proptest! {
        /// What is stored is what arithmetic in that width gives, and what is answered is what is stored.
        #[test]
        fn fields_are_integers(signed: bool, width in 1..=64u32, at in 0..200u64, start: u64, by: i64, mode in 0..3u8) {
            let width = if signed { width } else { width.min(63) };
            let overflow = [Overflow::Wrap, Overflow::Saturate, Overflow::Fail][mode as usize];
            let mut bytes = vec![0; 40];
            bits::write(&mut bytes, at, width, start >> (64 - width));
            let o = Operation { action: Action::Add(by), signed, width, at, overflow };
            let old = o.read(&bytes);
            let exact = i128::from(old) + i128::from(by);
            let range = 1i128 << width;
            let (min, max) = if signed { (-range / 2, range / 2 - 1) } else { (0, range - 1) };
            let want = match overflow {
                _ if (min..=max).contains(&exact) => Some(exact),
                Overflow::Fail => None,
                Overflow::Saturate => Some(exact.clamp(min, max)),
                Overflow::Wrap => Some((exact - min).rem_euclid(range) + min),
            };
            let mut changed = false;
            let got = o.run(&mut bytes, &mut changed);
            prop_assert_eq!(got.map(i128::from), want);
            prop_assert_eq!(o.read(&bytes), got.unwrap_or(old));
            prop_assert_eq!(changed, got.is_some_and(|n| n != old));
        }
    }
}
