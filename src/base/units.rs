//! Amounts of memory as configuration files spell them: `100mb`, `1gb`, `64k`.

/// The units Redis knows, largest first within a letter so that printing finds the exact one.
const UNITS: &[(&str, i64)] = &[
    ("", 1),
    ("b", 1),
    ("k", 1000),
    ("kb", 1 << 10),
    ("m", 1_000_000),
    ("mb", 1 << 20),
    ("g", 1_000_000_000),
    ("gb", 1 << 30),
];

/// Bytes meant by `text`: digits, then a unit in either case (`k` is 1000, `kb` 1024, and so on), nothing between
/// them. `None` for anything else, signs and overflow of 63 bits included (Valkey 9.1; Redis 7.0 lets it wrap).
pub fn parse_memory(text: &str) -> Option<i64> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let (_, factor) = UNITS.iter().find(|(name, _)| name.eq_ignore_ascii_case(unit))?;
    number.parse::<i64>().ok()?.checked_mul(*factor)
}

/// `bytes` with the largest of `gb`, `mb` and `kb` that divides it, as CONFIG REWRITE writes amounts.
pub fn format_memory(bytes: i64) -> String {
    for (shift, unit) in [(30, "gb"), (20, "mb"), (10, "kb")] {
        if bytes > 0 && bytes % (1 << shift) == 0 {
            return format!("{}{unit}", bytes >> shift);
        }
    }
    bytes.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn units_are_powers_of_ten_without_the_b_and_of_two_with_it() {
        for (text, want) in [
            ("0", Some(0)),
            ("1k", Some(1000)),
            ("1kb", Some(1024)),
            ("5GB", Some(5 << 30)),
            ("4M", Some(4_000_000)),
            ("7b", Some(7)),
            ("", None),
            ("kb", None),
            ("-1", None),
            ("+1", None),
            (" 1", None),
            ("1 kb", None),
            ("1.5", None),
            ("1tb", None),
            ("9223372036854775807", Some(i64::MAX)),
            ("9223372036854775808", None),
            ("9223372036854775807k", None),
        ] {
            assert_eq!(parse_memory(text), want, "{text:?}");
        }
    }

    #[test]
    fn printing_picks_the_largest_exact_unit() {
        for (bytes, want) in
            [(0, "0"), (1000, "1000"), (1024, "1kb"), (64 << 20, "64mb"), (3 << 30, "3gb"), (1025, "1025")]
        {
            assert_eq!(format_memory(bytes), want);
        }
    }

    proptest! {
        #[test]
        fn what_is_printed_reads_back(bytes in 0..i64::MAX) {
            prop_assert_eq!(parse_memory(&format_memory(bytes)), Some(bytes));
        }

        #[test]
        fn nothing_panics(text in "\\PC*") {
            let _ = parse_memory(&text);
        }
    }
}
