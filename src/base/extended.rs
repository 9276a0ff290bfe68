//! The 80-bit "extended" floats of x87, which INCRBYFLOAT and HINCRBYFLOAT count in (C's `long double`), in software: so
//! the digits that clients see are Redis's on every machine.
//!
//! A finite value is `mantissa * 2^exponent`. The mantissa has 64 bits and its highest is set, unless the exponent is the
//! smallest there is. Reading, adding and printing round once, to the nearest, ties to even, like the processor and glibc.

/// Exponents of the mantissa's lowest bit.
const MIN_EXP: i32 = -16445;
const MAX_EXP: i32 = 16383 - 63;
/// Texts from this length on are no numbers to Redis (MAX_LONG_DOUBLE_CHARS).
const TEXT_LIMIT: usize = 5 * 1024;
/// Decimal exponents beyond are infinity or nothing, whatever the digits.
const FAR: i64 = 6000;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Extended {
    Finite { negative: bool, mantissa: u64, exponent: i32 },
    Infinite { negative: bool },
    Nan,
}

use Extended::{Finite, Infinite, Nan};

impl Extended {
    pub fn from_i64(n: i64) -> Extended {
        round(n < 0, u128::from(n.unsigned_abs()), 0, false)
    }

    /// Reads all of `text` as Redis's `string2ld` does: what C's `strtold` takes (decimal, hexadecimal, `inf`), but no
    /// blanks, no NaN, nothing that overflows, and nothing that is not zero but too small to tell from it.
    pub fn parse(text: &[u8]) -> Option<Extended> {
        if text.len() >= TEXT_LIMIT {
            return None;
        }
        let (negative, digits) = match text {
            [b'-', rest @ ..] => (true, rest),
            [b'+', rest @ ..] => (false, rest),
            _ => (false, text),
        };
        if digits.eq_ignore_ascii_case(b"inf") || digits.eq_ignore_ascii_case(b"infinity") {
            return Some(Infinite { negative });
        }
        match digits {
            [b'0', b'x' | b'X', hex @ ..] => parse_hex(negative, hex),
            _ => parse_decimal(negative, digits),
        }
    }

    pub fn is_finite(self) -> bool {
        matches!(self, Finite { .. })
    }

    pub fn plus(self, other: Extended) -> Extended {
        let (a, b) = match (self, other) {
            (Nan, _) | (_, Nan) => return Nan,
            (Infinite { negative: x }, Infinite { negative: y }) if x != y => return Nan,
            (Infinite { .. }, _) => return self,
            (_, Infinite { .. }) => return other,
            (Finite { exponent: x, .. }, Finite { exponent: y, .. }) if x >= y => (self, other),
            _ => (other, self),
        };
        let (
            Finite { negative, mantissa, exponent },
            Finite { negative: b_negative, mantissa: b_mantissa, exponent: b_exponent },
        ) = (a, b)
        else {
            return Nan;
        };
        // 62 bits of room below the larger one; what the smaller one loses there leaves a mark in the lowest bit.
        const ROOM: u32 = 62;
        let large = u128::from(mantissa) << ROOM;
        let small = u128::from(b_mantissa) << ROOM;
        let shift = exponent.abs_diff(b_exponent);
        let small = if shift < 127 {
            let lost = small & ((1u128 << shift) - 1) != 0;
            (small >> shift) | u128::from(lost)
        } else {
            u128::from(small != 0)
        };
        let exponent = exponent - ROOM as i32;
        if negative == b_negative {
            return round(negative, large + small, exponent, false);
        }
        // A smaller exponent does not mean a smaller number: mantissas of tiny numbers begin with zeros.
        if large >= small {
            // x - x is +0 when rounding to the nearest.
            round(negative && large != small, large - small, exponent, false)
        } else {
            round(b_negative, small - large, exponent, false)
        }
    }

    /// Appends the value as Redis shows it: `%.17Lf`, then without the zeros at the end, and `-0` as `0`.
    pub fn print(self, out: &mut Vec<u8>) {
        let (negative, mantissa, exponent) = match self {
            Finite { negative, mantissa, exponent } => (negative, mantissa, exponent),
            Infinite { negative } => {
                return out.extend_from_slice(if negative { b"-inf" } else { b"inf" });
            }
            Nan => return out.extend_from_slice(b"nan"),
        };
        if exponent >= 0 {
            if negative {
                out.push(b'-');
            }
            let mut n = Natural::from(mantissa);
            n.shift_left(exponent as u32);
            return n.print(out);
        }
        let (mut whole, fraction) = split(mantissa, exponent.unsigned_abs());
        let mut digits = fraction;
        if digits == SCALE {
            whole += 1;
            digits = 0;
        }
        if negative && (whole != 0 || digits != 0) {
            out.push(b'-');
        }
        out.extend_from_slice(itoa::Buffer::new().format(whole).as_bytes());
        if digits != 0 {
            let text = format!("{digits:017}");
            out.push(b'.');
            out.extend_from_slice(text.trim_end_matches('0').as_bytes());
        }
    }
}

/// 17 decimal places.
const SCALE: u64 = 100_000_000_000_000_000;

/// `mantissa / 2^shift`: the whole part, and the fraction in units of 1/[`SCALE`], rounded (and so at most SCALE).
fn split(mantissa: u64, shift: u32) -> (u64, u64) {
    let whole = if shift < 64 { mantissa >> shift } else { 0 };
    let fraction = if shift < 64 { mantissa & ((1 << shift) - 1) } else { mantissa };
    // Below 2^64 * 2^57: beyond a shift of 122 it is less than half a unit.
    let scaled = u128::from(fraction) * u128::from(SCALE);
    if shift > 122 {
        return (whole, 0);
    }
    let (units, rest, half) = (scaled >> shift, scaled & ((1u128 << shift) - 1), 1u128 << (shift - 1));
    let up = rest > half || (rest == half && units & 1 == 1);
    (whole, units as u64 + u64::from(up))
}

/// `bits * 2^exponent`, and a little more if `sticky`, rounded to 64 bits.
fn round(negative: bool, bits: u128, exponent: i32, sticky: bool) -> Extended {
    if bits == 0 {
        return Finite { negative, mantissa: 0, exponent: MIN_EXP };
    }
    let length = 128 - bits.leading_zeros() as i32;
    // How far down the lowest bit that is kept lies.
    let drop = (length - 64).max(MIN_EXP.saturating_sub(exponent));
    if drop <= 0 {
        let up = drop.unsigned_abs();
        return finite(negative, (bits << up) as u64, exponent - up as i32);
    }
    if drop > 128 {
        return finite(negative, 0, MIN_EXP);
    }
    let kept = if drop < 128 { bits >> drop } else { 0 };
    let rest = if drop < 128 { bits & ((1u128 << drop) - 1) } else { bits };
    let half = 1u128 << (drop - 1);
    let up = rest > half || (rest == half && (sticky || kept & 1 == 1));
    let kept = kept + u128::from(up);
    if kept >> 64 != 0 {
        finite(negative, 1 << 63, exponent + drop + 1)
    } else {
        finite(negative, kept as u64, exponent + drop)
    }
}

fn finite(negative: bool, mantissa: u64, exponent: i32) -> Extended {
    if exponent > MAX_EXP {
        return Infinite { negative };
    }
    Finite { negative, mantissa, exponent: if mantissa == 0 { MIN_EXP } else { exponent } }
}

/// A number read from digits that were not all zeros: refused if it overflowed or vanished (C's ERANGE).
fn in_range(n: Extended) -> Option<Extended> {
    match n {
        Finite { mantissa: 0, .. } | Infinite { .. } | Nan => None,
        n => Some(n),
    }
}

/// Splits at the first byte that is in `at` (an exponent's letter).
fn split_exponent(text: &[u8], letter: u8) -> Option<(&[u8], i64)> {
    let Some(i) = text.iter().position(|b| b.eq_ignore_ascii_case(&letter)) else {
        return Some((text, 0));
    };
    let (negative, digits) = match &text[i + 1..] {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        rest => (false, rest),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let n = digits.iter().fold(0i64, |n, d| (n * 10 + i64::from(d - b'0')).min(1 << 40));
    Some((&text[..i], if negative { -n } else { n }))
}

/// The digits of `1.5`, `1.`, `.5` or `15` without the point, and how many of them stand behind it.
fn split_point(text: &[u8]) -> Option<(impl Iterator<Item = u8> + Clone, usize)> {
    let places = text.iter().position(|b| *b == b'.').map_or(0, |i| text.len() - i - 1);
    let points = text.iter().filter(|b| **b == b'.').count();
    if points > 1 || text.len() == points {
        return None;
    }
    Some((text.iter().copied().filter(|b| *b != b'.'), places))
}

fn parse_hex(negative: bool, text: &[u8]) -> Option<Extended> {
    let (text, exponent) = split_exponent(text, b'p')?;
    let (digits, places) = split_point(text)?;
    let (mut bits, mut sticky, mut exponent) = (0u128, false, exponent - 4 * places as i64);
    for d in digits {
        let d = char::from(d).to_digit(16)?;
        if bits >> 120 == 0 {
            bits = bits << 4 | u128::from(d);
        } else {
            sticky |= d != 0;
            exponent += 4;
        }
    }
    if bits == 0 {
        return Some(round(negative, 0, 0, false));
    }
    let exponent = exponent.clamp(-100_000, 100_000) as i32;
    in_range(round(negative, bits, exponent, sticky))
}

fn parse_decimal(negative: bool, text: &[u8]) -> Option<Extended> {
    let (text, exponent) = split_exponent(text, b'e')?;
    let (digits, places) = split_point(text)?;
    if !digits.clone().all(|d| d.is_ascii_digit()) {
        return None;
    }
    let digits: Vec<u8> = digits.skip_while(|d| *d == b'0').collect();
    if digits.is_empty() {
        return Some(round(negative, 0, 0, false));
    }
    let exponent = exponent - places as i64;
    let magnitude = exponent + digits.len() as i64;
    if !(-FAR..=FAR).contains(&magnitude) {
        return None;
    }
    let mut over = Natural::from(0);
    digits.iter().for_each(|d| over.times_plus(10, u32::from(d - b'0')));
    let mut under = Natural::from(1);
    let scaled = if exponent >= 0 { &mut over } else { &mut under };
    (0..exponent.unsigned_abs()).for_each(|_| scaled.times_plus(10, 0));
    in_range(divide(negative, over, under))
}

/// `over / under`, bit by bit: the texts are short, and it is plainly right.
fn divide(negative: bool, mut over: Natural, mut under: Natural) -> Extended {
    // Bring both to the same length, so that the first bit of the quotient is near.
    let (a, b) = (over.bits() as i32, under.bits() as i32);
    let mut exponent = a - b;
    if a > b {
        under.shift_left((a - b) as u32)
    } else {
        over.shift_left((b - a) as u32)
    }
    let mut quotient = 0u128;
    for i in 0..68 {
        if i > 0 {
            over.shift_left(1);
            quotient <<= 1;
            exponent -= 1;
        }
        if over.subtract(&under) {
            quotient |= 1;
        }
    }
    // The marker of a remainder goes below the bits that could decide.
    let sticky = !over.is_zero();
    round(negative, quotient << 1 | u128::from(sticky), exponent - 1, false)
}

/// A natural number of any size: 32-bit digits, lowest first, none at the end that is zero.
#[derive(Clone, Debug)]
struct Natural(Vec<u32>);

impl Natural {
    fn from(n: u64) -> Natural {
        let mut me = Natural(vec![n as u32, (n >> 32) as u32]);
        me.trim();
        me
    }

    fn trim(&mut self) {
        while self.0.last() == Some(&0) {
            self.0.pop();
        }
    }

    fn is_zero(&self) -> bool {
        self.0.is_empty()
    }

    fn bits(&self) -> u32 {
        self.0.last().map_or(0, |top| self.0.len() as u32 * 32 - top.leading_zeros())
    }

    fn times_plus(&mut self, factor: u32, plus: u32) {
        let mut carry = u64::from(plus);
        for d in &mut self.0 {
            carry += u64::from(*d) * u64::from(factor);
            *d = carry as u32;
            carry >>= 32;
        }
        if carry != 0 {
            self.0.push(carry as u32);
        }
    }

    fn shift_left(&mut self, by: u32) {
        if self.is_zero() || by == 0 {
            return;
        }
        let (digits, bits) = ((by / 32) as usize, by % 32);
        if bits != 0 {
            let mut carry = 0;
            for d in &mut self.0 {
                let next = *d >> (32 - bits);
                *d = *d << bits | carry;
                carry = next;
            }
            if carry != 0 {
                self.0.push(carry);
            }
        }
        if digits != 0 {
            self.0.splice(0..0, std::iter::repeat_n(0, digits));
        }
    }

    /// Takes `other` away if it is not larger; false if it is.
    fn subtract(&mut self, other: &Natural) -> bool {
        let order = self.0.len().cmp(&other.0.len()).then_with(|| self.0.iter().rev().cmp(other.0.iter().rev()));
        if order.is_lt() {
            return false;
        }
        let mut borrow = false;
        for (i, d) in self.0.iter_mut().enumerate() {
            let (n, under) = d.overflowing_sub(other.0.get(i).copied().unwrap_or(0));
            let (n, under_too) = n.overflowing_sub(u32::from(borrow));
            *d = n;
            borrow = under || under_too;
        }
        self.trim();
        true
    }

    /// Appends the decimal digits.
    fn print(mut self, out: &mut Vec<u8>) {
        let mut groups = Vec::new();
        while !self.is_zero() {
            let mut rest = 0u64;
            for d in self.0.iter_mut().rev() {
                rest = rest << 32 | u64::from(*d);
                *d = (rest / 1_000_000_000) as u32;
                rest %= 1_000_000_000;
            }
            self.trim();
            groups.push(rest as u32);
        }
        let first = groups.pop().unwrap_or(0);
        out.extend_from_slice(itoa::Buffer::new().format(first).as_bytes());
        groups.iter().rev().for_each(|g| out.extend_from_slice(format!("{g:09}").as_bytes()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sum(a: &str, b: &str) -> String {
        let (Some(a), Some(b)) = (Extended::parse(a.as_bytes()), Extended::parse(b.as_bytes())) else {
            return "refused".into();
        };
        let sum = a.plus(b);
        if !sum.is_finite() {
            return "infinite".into();
        }
        let mut out = Vec::new();
        sum.print(&mut out);
        String::from_utf8(out).unwrap()
    }

    /// Each line: two numbers, and what Redis 7.0.15 on x86-64 answered to `SET k a`, `INCRBYFLOAT k b`.
    #[test]
    fn sums_are_what_redis_answered() {
        let table = include_str!("../../fixtures/numbers/incrbyfloat-redis-7.0.15.tsv");
        for line in table.lines() {
            let fields: Vec<&str> = line.split('\t').collect();
            assert_eq!(sum(fields[0], fields[1]), fields[2], "{line}");
        }
    }

    #[test]
    fn edges() {
        for (a, b, want) in [
            ("0", "", "refused"),
            ("0", " 1", "refused"),
            ("0", "1 ", "refused"),
            ("0", "nan", "refused"),
            ("0", "0x", "refused"),
            ("0", "1e", "refused"),
            ("0", ".", "refused"),
            ("0", "1e5000", "refused"),
            ("0", "1e-5000", "refused"),
            ("0", "0e99999999999999999999", "0"),
            ("0", "inf", "infinite"),
            ("1e4932", "1e4932", "infinite"),
            ("-1e-20", "0", "0"),
            ("0x1p3", "0X.8", "8.5"),
            ("3.0e3", "0.1", "3000.10000000000000009"),
        ] {
            assert_eq!(sum(a, b), want, "{a} + {b}");
        }
    }

    proptest! {
        /// Integers of 63 bits are exact, and so is their sum.
        #[test]
        fn integers_are_exact(a in any::<i64>(), b in any::<i64>()) {
            let (a, b) = (a / 2, b / 2);
            prop_assert_eq!(sum(&a.to_string(), &b.to_string()), (a + b).to_string());
            let mut out = Vec::new();
            Extended::from_i64(a).print(&mut out);
            prop_assert_eq!(out, a.to_string().into_bytes());
        }

        /// A double's exact decimal expansion is read back as that double, and a sum with its opposite is nothing.
        #[test]
        fn doubles_are_exact(x in -1e15f64..1e15) {
            let text = format!("{x:.70}");
            let read = Extended::parse(text.as_bytes()).unwrap();
            let opposite = Extended::parse(format!("{:.70}", -x).as_bytes()).unwrap();
            prop_assert_eq!(read.plus(opposite), round(false, 0, 0, false));
            let bits = x.abs().to_bits();
            if let Extended::Finite { negative, mantissa, .. } = read && bits >> 52 != 0 {
                prop_assert_eq!(mantissa >> 11, bits & ((1 << 52) - 1) | 1 << 52);
                prop_assert_eq!(negative, x < 0.0);
            }
        }

        #[test]
        fn nothing_panics(a in ".{0,40}", b in "[-+]?(0x)?[0-9a-f]{0,30}\\.?[0-9a-f]{0,20}([ep][-+]?[0-9]{0,6})?") {
            sum(&a, &b);
            sum(&b, &b);
        }
    }
}
