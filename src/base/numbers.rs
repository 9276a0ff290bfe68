//! Whole numbers as Redis reads and prints them. (Doubles: `double.rs`.)

/// Parses a signed 64-bit integer exactly as Redis's `string2ll`: an optional `-`, no `+`, no blanks, no leading zeros
/// (but `0` itself), no overflow.
#[inline]
pub fn parse_i64(s: &[u8]) -> Option<i64> {
    let (negative, digits) = match s {
        [] => return None,
        [b'-', rest @ ..] => (true, rest),
        _ => (false, s),
    };
    if digits.len() > 19 || digits.is_empty() {
        return None;
    }
    if digits[0] == b'0' {
        return (s == b"0").then_some(0);
    }
    let mut n: u64 = 0;
    for &d in digits {
        let d = d.wrapping_sub(b'0');
        if d > 9 {
            return None;
        }
        n = n * 10 + u64::from(d); // at most 19 digits: cannot overflow 64 bits
    }
    if negative { (n <= 1 << 63).then(|| (n as i64).wrapping_neg()) } else { i64::try_from(n).ok() }
}

/// Parses an unsigned 64-bit integer: decimal digits only (cursors, client ids).
pub fn parse_u64(s: &[u8]) -> Option<u64> {
    if s.is_empty() || s.len() > 20 || !s.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(s).ok()?.parse().ok()
}

/// Appends `n` in decimal.
#[inline]
pub fn push_i64(out: &mut Vec<u8>, n: i64) {
    out.extend_from_slice(itoa::Buffer::new().format(n).as_bytes());
}

/// How many bytes `n` takes in decimal.
pub fn digits_i64(n: i64) -> usize {
    itoa::Buffer::new().format(n).len()
}

/// The one to eight digits of `n` (less than 10^8), the first in the lowest byte, and how many they are.
#[inline]
pub fn ascii_digits(n: u32) -> (u64, u32) {
    if n < 10 {
        return (u64::from(n) | 0x30, 1);
    }
    if n < 100 {
        let tens = (n * 103) >> 10;
        return (u64::from(tens | (n - tens * 10) << 8) | 0x3030, 2);
    }
    // All eight at once: a word of two numbers, then of four, then of eight, split by multiplying with a reciprocal.
    let fours = u64::from(n / 10_000) | u64::from(n % 10_000) << 32;
    let hundreds = ((fours * 10_486) >> 20) & 0x7f_0000_007f;
    let pairs = hundreds | (fours - hundreds * 100) << 16;
    let tens = ((pairs * 103) >> 10) & 0xf_000f_000f_000f;
    let digits = tens | (pairs - tens * 10) << 8;
    let zeros = digits.trailing_zeros() / 8;
    ((digits | 0x3030_3030_3030_3030) >> (8 * zeros), 8 - zeros)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn edges() {
        for (text, want) in [
            ("0", Some(0)),
            ("-0", None),
            ("00", None),
            ("01", None),
            ("+1", None),
            ("", None),
            ("-", None),
            (" 1", None),
            ("1 ", None),
            ("9223372036854775807", Some(i64::MAX)),
            ("9223372036854775808", None),
            ("-9223372036854775808", Some(i64::MIN)),
            ("-9223372036854775809", None),
            ("18446744073709551616", None),
            ("99999999999999999999", None),
        ] {
            assert_eq!(parse_i64(text.as_bytes()), want, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn eight_digits_are_those_of_std(n in 0u32..100_000_000, short in 0u32..10_000) {
            for n in [n, short, short % 100, 99_999_999 - short] {
                let ((digits, len), text) = (ascii_digits(n), n.to_string());
                prop_assert_eq!(&digits.to_le_bytes()[..len as usize], text.as_bytes());
            }
        }

        #[test]
        fn agrees_with_std(n: i64) {
            let mut out = Vec::new();
            push_i64(&mut out, n);
            prop_assert_eq!(parse_i64(&out), Some(n));
            prop_assert_eq!(digits_i64(n), out.len());
        }

        #[test]
        fn accepts_only_what_prints_back(s in "[-+0-9 ]{0,22}") {
            if let Some(n) = parse_i64(s.as_bytes()) {
                prop_assert_eq!(n.to_string(), s);
            }
        }
    }
}
