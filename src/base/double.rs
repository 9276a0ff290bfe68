//! Doubles as Redis writes and reads them: scores, increments, coordinates.
//!
//! Text is that of Redis 7.2 … 8 and Valkey 9.1 (`d2string`): integers up to 2^62 without a point, everything else in few
//! digits that read back as the same double ([`grisu`](super::grisu)), positional where that stays short, else `d.ddde±x`.
//! Redis 7.0 wrote `%.17g`; where the two differ (`3.1`), this follows the newer.

/// The integer that `v` is, if casting loses nothing and `v` lies within ±2^62 (Redis's `double2ll`). `-0.0` counts as 0.
#[inline]
pub fn exact_i64(v: f64) -> Option<i64> {
    const LIMIT: f64 = (1u64 << 62) as f64;
    if !(-LIMIT..=LIMIT).contains(&v) {
        return None;
    }
    let n = v as i64;
    (n as f64 == v).then_some(n)
}

/// Appends the text of `v`: `3`, `3.1`, `1e-7`, `inf`, `-inf`, `nan`, `-0`.
pub fn write_double(v: f64, out: &mut Vec<u8>) {
    if v == 0.0 {
        out.extend_from_slice(if v.is_sign_negative() { b"-0" } else { b"0" });
    } else if let Some(n) = exact_i64(v) {
        out.extend_from_slice(itoa::Buffer::new().format(n).as_bytes());
    } else if v.is_nan() {
        out.extend_from_slice(b"nan");
    } else if v.is_infinite() {
        out.extend_from_slice(if v < 0.0 { b"-inf" } else { b"inf" });
    } else {
        if v < 0.0 {
            out.push(b'-');
        }
        let (digits, n, power) = super::grisu::digits(v.abs());
        write_digits(&digits[..n], power, v < 0.0, out);
    }
}

/// Lays digits × 10^power out as `fpconv_dtoa` does.
fn write_digits(digits: &[u8], power: i32, negative: bool, out: &mut Vec<u8>) {
    let n = digits.len() as i32;
    let exponent = power + n - 1;
    if power >= 0 && exponent.abs() < n + 7 {
        out.extend_from_slice(digits);
        out.resize(out.len() + power as usize, b'0');
        return;
    }
    if power < 0 && (power > -7 || exponent.abs() < 4) {
        let point = n + power;
        if point <= 0 {
            out.extend_from_slice(b"0.");
            out.resize(out.len() + point.unsigned_abs() as usize, b'0');
            out.extend_from_slice(digits);
        } else {
            out.extend_from_slice(&digits[..point as usize]);
            out.push(b'.');
            out.extend_from_slice(&digits[point as usize..]);
        }
        return;
    }
    let digits = &digits[..digits.len().min(18 - usize::from(negative))];
    out.push(digits[0]);
    if digits.len() > 1 {
        out.push(b'.');
        out.extend_from_slice(&digits[1..]);
    }
    out.extend_from_slice(if exponent < 0 { b"e-" } else { b"e+" });
    out.extend_from_slice(itoa::Buffer::new().format(exponent.unsigned_abs()).as_bytes());
}

/// Reads a score as `strtod` under Redis's conditions: the whole text, no blank in front, decimal or hexadecimal, `inf`
/// and `infinity` in any case; no NaN, no overflow, nothing that is not zero but rounds to it. (Valkey 9.1 refuses
/// hexadecimals; Redis 7 takes them.)
pub fn parse_double(text: &[u8]) -> Option<f64> {
    let (negative, digits) = match text.split_first()? {
        (b'-', rest) => (true, rest),
        (b'+', rest) => (false, rest),
        _ => (false, text),
    };
    let magnitude = match digits {
        [b'0', b'x' | b'X', hex @ ..] => parse_hex(hex)?,
        [b'0'..=b'9' | b'.', ..] => parse_decimal(digits)?,
        _ if digits.eq_ignore_ascii_case(b"inf") || digits.eq_ignore_ascii_case(b"infinity") => f64::INFINITY,
        _ => return None,
    };
    Some(if negative { -magnitude } else { magnitude })
}

fn parse_decimal(text: &[u8]) -> Option<f64> {
    // The common case first: few enough digits are exact.
    if text.len() <= 15 && text.iter().all(u8::is_ascii_digit) {
        return Some(text.iter().fold(0u64, |n, c| n * 10 + u64::from(c - b'0')) as f64);
    }
    let (mut i, mut digits, mut zero) = (0, 0, true);
    let mut point = false;
    while let Some(&c) = text.get(i) {
        match c {
            b'0'..=b'9' => {
                digits += 1;
                zero &= c == b'0';
            }
            b'.' if !point => point = true,
            _ => break,
        }
        i += 1;
    }
    if digits == 0 {
        return None;
    }
    if i < text.len() {
        exponent(&text[i..], b'e')?;
    }
    // What std reads is a superset of what passed, and rounds as strtod does.
    let v: f64 = std::str::from_utf8(text).ok()?.parse().ok()?;
    (v.is_finite() && (v != 0.0 || zero)).then_some(v)
}

/// `e`, an optional sign and at least one digit, to the end; saturating.
fn exponent(text: &[u8], letter: u8) -> Option<i64> {
    let (first, rest) = text.split_first()?;
    if first.to_ascii_lowercase() != letter {
        return None;
    }
    let (negative, rest) = match rest.split_first()? {
        (b'-', rest) => (true, rest),
        (b'+', rest) => (false, rest),
        _ => (false, rest),
    };
    if rest.is_empty() || !rest.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let n = rest.iter().fold(0i64, |n, c| (n * 10 + i64::from(c - b'0')).min(1 << 40));
    Some(if negative { -n } else { n })
}

fn parse_hex(text: &[u8]) -> Option<f64> {
    let (mut mantissa, mut sticky, mut power) = (0u64, false, 0i64);
    let (mut i, mut digits, mut point) = (0, 0, false);
    while let Some(&c) = text.get(i) {
        if let Some(d) = (c as char).to_digit(16) {
            digits += 1;
            if mantissa >> 60 == 0 {
                mantissa = mantissa << 4 | u64::from(d);
                power -= if point { 4 } else { 0 };
            } else {
                sticky |= d != 0;
                power += if point { 0 } else { 4 };
            }
        } else if c == b'.' && !point {
            point = true;
        } else {
            break;
        }
        i += 1;
    }
    if digits == 0 {
        return None;
    }
    if i < text.len() {
        power += exponent(&text[i..], b'p')?;
    }
    if mantissa == 0 {
        return Some(0.0);
    }
    // Left-align, and let the lowest of 64 bits stand for all that was cut off.
    let shift = mantissa.leading_zeros();
    let m = mantissa << shift | u64::from(sticky);
    let power = power - i64::from(shift);
    let top = power + 63;
    if top > 1023 {
        return None;
    }
    // Bits below the last place: 11 for normal numbers, more for subnormal ones.
    let cut = if top >= -1022 { 11 } else { 11 + (-1022 - top) };
    if cut > 64 {
        return None;
    }
    let wide = u128::from(m) << 64;
    let cut = 64 + cut as u32;
    let (mut q, rest, half) = (if cut < 128 { (wide >> cut) as u64 } else { 0 }, wide << (128 - cut), 1u128 << 127);
    q += u64::from(rest > half || (rest == half && q & 1 == 1));
    // Adding the biased exponent to a mantissa that carries its hidden bit lets a carry run into the exponent.
    let v = if top >= -1022 { f64::from_bits(((top + 1022) as u64) * (1 << 52) + q) } else { f64::from_bits(q) };
    (v.is_finite() && v != 0.0).then_some(v)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(v: f64) -> String {
        let mut out = Vec::new();
        write_double(v, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn writes_what_valkey_writes() {
        for (v, want) in [
            (3.0, "3"),
            (3.1, "3.1"),
            (-0.0, "-0"),
            (0.1, "0.1"),
            (1e17, "100000000000000000"),
            (1e21, "1e+21"),
            (1e19, "1e+19"),
            (4611686018427387904.0, "4611686018427387904"),
            (9223372036854775808.0, "9223372036854776000"),
            (12345678901234567890.0, "12345678901234567000"),
            (1e-5, "0.00001"),
            (1e-6, "0.000001"),
            (1e-7, "1e-7"),
            (0.00001234, "1.234e-5"),
            (1.5e300, "1.5e+300"),
            (5e-324, "5e-324"),
            (1.0928588983213553e7, "1.0928588983213553e+7"),
            (-773588.071, "-773588.071"),
            (0.008909, "0.008909"),
            (203156098917837570000.0, "203156098917837570000"),
            (f64::INFINITY, "inf"),
            (f64::NEG_INFINITY, "-inf"),
            (f64::NAN, "nan"),
        ] {
            assert_eq!(text(v), want);
        }
    }

    #[test]
    fn reads_what_redis_reads() {
        let some = |s: &str, v: f64| assert_eq!(parse_double(s.as_bytes()).map(f64::to_bits), Some(v.to_bits()), "{s}");
        some("3.0", 3.0);
        some("-0.0", -0.0);
        some("+5", 5.0);
        some("1.", 1.0);
        some(".5", 0.5);
        some("+.5e-3", 0.0005);
        some("1E5", 1e5);
        some("iNf", f64::INFINITY);
        some("-Infinity", f64::NEG_INFINITY);
        some("1e-310", 1e-310);
        some("0e99999999999999999999", 0.0);
        some("0x1p3", 8.0);
        some("0x1.8", 1.5);
        some("0x.8p1", 1.0);
        some("0x1p-1074", 5e-324);
        some("0x1p-1073", 1e-323);
        some("0x0p99999", 0.0);
        some("0x1.fffffffffffff7p1023", f64::MAX);
        some("0x1.00000000000008p0", 1.0);
        some("0x1.000000000000080000000000000001p0", 1.0 + f64::EPSILON);
        for s in [
            "",
            " 1",
            "1 ",
            "1e",
            ".",
            "--5",
            "nan",
            "nan(1)",
            "infi",
            "infinit",
            "1_0",
            "0x",
            "0x1p",
            "1e400",
            "-1e400",
            "1e-400",
            "0x1p-1075",
            "0X1P-1080",
            "0x1p99999",
            "0x.p1",
            "0x1.fffffffffffff8p1023",
            "1\0",
            "1d5",
            "1e+",
            "-",
            "+",
        ] {
            assert_eq!(parse_double(s.as_bytes()), None, "{s:?}");
        }
    }

    #[test]
    fn every_double_reads_back() {
        let mut rng = crate::base::rng::Rng::new(11);
        for i in 0..200_000u64 {
            let v = match i % 3 {
                0 => f64::from_bits(rng.next_u64()),
                1 => rng.unit() * 1e6,
                _ => (rng.below(1 << 40) as f64) / 1000.0,
            };
            if v.is_finite() {
                assert_eq!(parse_double(text(v).as_bytes()), Some(v), "{v:?}");
                let subnormal_or_odd = v.abs().to_bits();
                let (m, e) = (subnormal_or_odd & ((1 << 52) - 1), subnormal_or_odd >> 52);
                let hex =
                    if e == 0 { format!("0x0.{m:013x}p-1022") } else { format!("0x1.{m:013x}p{}", e as i64 - 1023) };
                assert_eq!(parse_double(hex.as_bytes()), Some(v.abs()), "{hex}");
            }
        }
    }
}
