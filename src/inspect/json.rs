//! Texts of any bytes as JSON, CSV, or as redis-cli shows them; each gives the very bytes back.

use crate::data::Item;
use crate::data::stream::StreamId;

/// A JSON string; what is no UTF-8 becomes `{"base64": "…"}`.
pub fn text(bytes: &[u8], out: &mut Vec<u8>) {
    let Ok(_) = std::str::from_utf8(bytes) else {
        out.extend_from_slice(b"{\"base64\":\"");
        base64(bytes, out);
        out.extend_from_slice(b"\"}");
        return;
    };
    out.push(b'"');
    let mut from = 0;
    for (at, &byte) in bytes.iter().enumerate() {
        if byte >= 0x20 && byte != b'"' && byte != b'\\' && byte != 0x7f {
            continue;
        }
        out.extend_from_slice(&bytes[from..at]);
        from = at + 1;
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            _ => out.extend_from_slice(format!("\\u{byte:04x}").as_bytes()),
        }
    }
    out.extend_from_slice(&bytes[from..]);
    out.push(b'"');
}

fn base64(bytes: &[u8], out: &mut Vec<u8>) {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for three in bytes.chunks(3) {
        let at = |i: usize| u32::from(three.get(i).copied().unwrap_or(0));
        let bits = at(0) << 16 | at(1) << 8 | at(2);
        for i in 0..4 {
            out.push(if i <= three.len() { LETTERS[(bits >> (18 - 6 * i)) as usize & 63] } else { b'=' });
        }
    }
}

/// A text in quotation marks, with `\n`, `\"` and `\xff` inside; printable UTF-8 stays.
pub fn quoted(bytes: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '"' | '\\' => out.extend_from_slice(&[b'\\', c as u8]),
                '\n' => out.extend_from_slice(b"\\n"),
                '\r' => out.extend_from_slice(b"\\r"),
                '\t' => out.extend_from_slice(b"\\t"),
                '\x07' => out.extend_from_slice(b"\\a"),
                '\x08' => out.extend_from_slice(b"\\b"),
                c if c.is_control() => c.encode_utf8(&mut [0; 4]).bytes().for_each(|b| hex(b, out)),
                c => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
            }
        }
        chunk.invalid().iter().for_each(|b| hex(*b, out));
    }
    out.push(b'"');
}

fn hex(byte: u8, out: &mut Vec<u8>) {
    out.extend_from_slice(format!("\\x{byte:02x}").as_bytes());
}

/// A field of CSV; any byte may stand between the quotation marks.
pub fn csv(bytes: &[u8], out: &mut Vec<u8>) {
    if !bytes.is_empty() && bytes.iter().all(|b| !matches!(b, b'"' | b',' | b'\n' | b'\r' | b' ')) {
        return out.extend_from_slice(bytes);
    }
    out.push(b'"');
    for byte in bytes {
        if *byte == b'"' {
            out.push(b'"');
        }
        out.push(*byte);
    }
    out.push(b'"');
}

pub fn item(item: Item<'_>, out: &mut Vec<u8>) {
    item.with(|bytes| text(bytes, out));
}

pub fn int(n: impl itoa::Integer, out: &mut Vec<u8>) {
    out.extend_from_slice(itoa::Buffer::new().format(n).as_bytes());
}

pub fn id(id: StreamId, out: &mut Vec<u8>) {
    out.extend_from_slice(id.format(&mut [0; 41]));
}

/// A score; JSON has no infinities, which become texts.
pub fn score(n: f64, out: &mut Vec<u8>) {
    if n.is_finite() {
        crate::base::double::write_double(n, out);
    } else {
        out.push(b'"');
        crate::base::double::write_double(n, out);
        out.push(b'"');
    }
}

/// A point in time as `2100-01-01T00:00:00.123Z`.
pub fn time(ms: i64) -> String {
    let (days, in_day) = (ms.div_euclid(86_400_000), ms.rem_euclid(86_400_000));
    // Civil date from days since 1970, in eras of 400 years that begin in March.
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let (s, ms) = (in_day / 1000, in_day % 1000);
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}.{ms:03}Z", s / 3600, s / 60 % 60, s % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(f: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        f(&mut out);
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn texts_stay_exact() {
        assert_eq!(of(|out| text("é\"\n\u{1}".as_bytes(), out)), "\"é\\\"\\n\\u0001\"");
        assert_eq!(of(|out| text(b"\xff\xfe\x00a", out)), "{\"base64\":\"//4AYQ==\"}");
        assert_eq!(of(|out| quoted("é\0\u{9b}\"\\".as_bytes(), out)), "\"é\\x00\\xc2\\x9b\\\"\\\\\"");
        assert_eq!(of(|out| quoted(b"\xffa", out)), "\"\\xffa\"");
        assert_eq!(of(|out| csv(b"a\"b,c", out)), "\"a\"\"b,c\"");
        assert_eq!(of(|out| csv(b"", out)), "\"\"");
        assert_eq!(of(|out| score(f64::INFINITY, out)), "\"inf\"");
    }

    #[test]
    fn times() {
        assert_eq!(time(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(time(4_102_444_800_123), "2100-01-01T00:00:00.123Z");
        assert_eq!(time(951_782_400_000), "2000-02-29T00:00:00.000Z");
        assert_eq!(time(-1), "1969-12-31T23:59:59.999Z");
    }
}
