//! Ids of stream entries: milliseconds and a sequence number, written `ms-seq`.

use std::fmt;

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug)]
pub struct StreamId {
    pub ms: u64,
    pub seq: u64,
}

/// The id that XADD asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NewId {
    /// `*`
    Auto,
    /// `ms-*`
    AutoSeq(u64),
    Exact(StreamId),
}

impl StreamId {
    pub const MIN: StreamId = StreamId { ms: 0, seq: 0 };
    pub const MAX: StreamId = StreamId { ms: u64::MAX, seq: u64::MAX };

    pub const fn new(ms: u64, seq: u64) -> StreamId {
        StreamId { ms, seq }
    }

    /// `ms-seq`, or `ms` with `missing_seq` for the rest.
    pub fn parse(text: &[u8], missing_seq: u64) -> Option<StreamId> {
        match split(text)? {
            (ms, None) => Some(StreamId::new(ms, missing_seq)),
            (ms, Some(seq)) => Some(StreamId::new(ms, parse_u64(seq)?)),
        }
    }

    /// As [`StreamId::parse`], and `-` and `+` for the smallest and the largest id.
    pub fn parse_or_edge(text: &[u8], missing_seq: u64) -> Option<StreamId> {
        match text {
            b"-" => Some(StreamId::MIN),
            b"+" => Some(StreamId::MAX),
            _ => StreamId::parse(text, missing_seq),
        }
    }

    /// A bound of a range: `-`, `+`, an id, or `(` and an id (which may then not be an edge). True when exclusive.
    pub fn parse_bound(text: &[u8], missing_seq: u64) -> Option<(StreamId, bool)> {
        match text {
            [b'(', id @ ..] => Some((StreamId::parse(id, missing_seq)?, true)),
            _ => Some((StreamId::parse_or_edge(text, missing_seq)?, false)),
        }
    }

    /// The next larger id. None behind the largest.
    pub fn next(self) -> Option<StreamId> {
        match self.seq.checked_add(1) {
            Some(seq) => Some(StreamId { seq, ..self }),
            None => Some(StreamId::new(self.ms.checked_add(1)?, 0)),
        }
    }

    /// The next smaller id. None before the smallest.
    pub fn prev(self) -> Option<StreamId> {
        match self.seq.checked_sub(1) {
            Some(seq) => Some(StreamId { seq, ..self }),
            None => Some(StreamId::new(self.ms.checked_sub(1)?, u64::MAX)),
        }
    }

    /// The 16 bytes, most significant first, that stand for the id in RDB files.
    pub fn to_bytes(self) -> [u8; 16] {
        (u128::from(self.ms) << 64 | u128::from(self.seq)).to_be_bytes()
    }

    pub fn from_bytes(bytes: [u8; 16]) -> StreamId {
        let n = u128::from_be_bytes(bytes);
        StreamId::new((n >> 64) as u64, n as u64)
    }

    /// Writes `ms-seq` into `buf` and returns what was written.
    pub fn format(self, buf: &mut [u8; 41]) -> &[u8] {
        let mut at = 0;
        let mut digits = itoa::Buffer::new();
        for (n, dash) in [(self.ms, true), (self.seq, false)] {
            let text = digits.format(n).as_bytes();
            buf[at..at + text.len()].copy_from_slice(text);
            at += text.len();
            if dash {
                buf[at] = b'-';
                at += 1;
            }
        }
        &buf[..at]
    }
}

impl NewId {
    /// `*`, `ms-*`, `ms-seq` or `ms` (which is `ms-0`).
    pub fn parse(text: &[u8]) -> Option<NewId> {
        if text == b"*" {
            return Some(NewId::Auto);
        }
        match split(text)? {
            (ms, Some(b"*")) => Some(NewId::AutoSeq(ms)),
            _ => StreamId::parse(text, 0).map(NewId::Exact),
        }
    }
}

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.ms, self.seq)
    }
}

fn split(text: &[u8]) -> Option<(u64, Option<&[u8]>)> {
    // A sign in front is no separator; Redis looks for the first dash, so "-5" has an empty number before it.
    match text.iter().position(|&b| b == b'-') {
        Some(at) => Some((parse_u64(&text[..at])?, Some(&text[at + 1..]))),
        None => Some((parse_u64(text)?, None)),
    }
}

/// A number as lenient as Redis's ids: blanks in front, a plus and leading zeros are let through.
fn parse_u64(text: &[u8]) -> Option<u64> {
    let blanks = text.iter().take_while(|b| b.is_ascii_whitespace() || **b == 0x0b).count();
    let digits = text[blanks..].strip_prefix(b"+").unwrap_or(&text[blanks..]);
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0u64, |n, &b| {
        let d = b.wrapping_sub(b'0');
        if d > 9 { None } else { n.checked_mul(10)?.checked_add(u64::from(d)) }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_and_prints() {
        let id = StreamId::new;
        assert_eq!(StreamId::parse(b"5", 7), Some(id(5, 7)));
        assert_eq!(StreamId::parse(b"5-18446744073709551615", 0), Some(id(5, u64::MAX)));
        assert_eq!(StreamId::parse(b"18446744073709551616", 0), None);
        for bad in ["", "-", "+", "1-", "-1", "1-2-3", "a", "1-*", "*"] {
            assert_eq!(StreamId::parse(bad.as_bytes(), 0), None, "{bad}");
        }
        assert_eq!(StreamId::parse_or_edge(b"+", 0), Some(StreamId::MAX));
        assert_eq!(StreamId::parse_bound(b"(1-2", 0), Some((id(1, 2), true)));
        assert_eq!(StreamId::parse_bound(b"(-", 0), None);
        assert_eq!(NewId::parse(b"3-*"), Some(NewId::AutoSeq(3)));
        assert_eq!(NewId::parse(b"3"), Some(NewId::Exact(id(3, 0))));
        assert_eq!(id(1, u64::MAX).next(), Some(id(2, 0)));
        assert_eq!(id(2, 0).prev(), Some(id(1, u64::MAX)));
        assert_eq!((StreamId::MAX.next(), StreamId::MIN.prev()), (None, None));
        assert_eq!(StreamId::MAX.format(&mut [0; 41]), StreamId::MAX.to_string().as_bytes());
        assert_eq!(StreamId::from_bytes(id(9, 1).to_bytes()), id(9, 1));
    }
}
