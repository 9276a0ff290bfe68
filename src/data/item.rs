//! What compact encodings hold: a byte string, or an integer whose text it is.

/// A member, field or value, as its encoding holds it. Two items are equal if their texts are.
#[derive(Clone, Copy, Debug)]
pub enum Item<'a> {
    Bytes(&'a [u8]),
    Int(i64),
}

impl<'a> Item<'a> {
    /// Calls `f` with the text.
    #[inline]
    pub fn with<R>(self, f: impl FnOnce(&[u8]) -> R) -> R {
        match self {
            Item::Bytes(b) => f(b),
            Item::Int(n) => f(itoa::Buffer::new().format(n).as_bytes()),
        }
    }

    /// Appends the text.
    #[inline]
    pub fn write_to(self, out: &mut Vec<u8>) {
        self.with(|b| out.extend_from_slice(b));
    }

    pub fn to_vec(self) -> Vec<u8> {
        self.with(<[u8]>::to_vec)
    }

    /// Length of the text.
    #[inline]
    pub fn len(self) -> usize {
        match self {
            Item::Bytes(b) => b.len(),
            Item::Int(n) => digits(n),
        }
    }

    pub fn is_empty(self) -> bool {
        matches!(self, Item::Bytes([]))
    }

    /// The integer whose canonical text this is.
    #[inline]
    pub fn as_int(self) -> Option<i64> {
        match self {
            Item::Bytes(b) => parse_int(b),
            Item::Int(n) => Some(n),
        }
    }
}

impl<'a> From<&'a [u8]> for Item<'a> {
    fn from(b: &'a [u8]) -> Self {
        Item::Bytes(b)
    }
}

impl PartialEq<[u8]> for Item<'_> {
    fn eq(&self, other: &[u8]) -> bool {
        match self {
            Item::Bytes(b) => *b == other,
            Item::Int(n) => parse_int(other) == Some(*n),
        }
    }
}

impl PartialEq for Item<'_> {
    fn eq(&self, other: &Item<'_>) -> bool {
        match (self, other) {
            (Item::Bytes(a), Item::Bytes(b)) => a == b,
            (Item::Int(a), Item::Int(b)) => a == b,
            (Item::Int(n), Item::Bytes(b)) | (Item::Bytes(b), Item::Int(n)) => parse_int(b) == Some(*n),
        }
    }
}

fn digits(n: i64) -> usize {
    usize::from(n < 0) + n.unsigned_abs().checked_ilog10().unwrap_or(0) as usize + 1
}

/// The integer of which `b` is the canonical text (`-?[1-9][0-9]*` or `0`, within 64 bits): Redis's `string2ll`.
#[inline]
pub fn parse_int(b: &[u8]) -> Option<i64> {
    let (negative, digits) = match b {
        [b'0'] => return Some(0),
        [b'-', rest @ ..] => (true, rest),
        _ => (false, b),
    };
    if !matches!(digits.first(), Some(b'1'..=b'9')) || digits.len() > 19 {
        return None;
    }
    let mut n = 0u64;
    for c in digits {
        let d = c.wrapping_sub(b'0');
        if d > 9 {
            return None;
        }
        // 19 digits stay below 10^19, which 64 bits hold.
        n = n * 10 + u64::from(d);
    }
    if negative { (n <= 1 << 63).then(|| (n as i64).wrapping_neg()) } else { i64::try_from(n).ok() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_canonical_texts_are_integers() {
        for n in [0, 1, -1, 9, 10, -10, 127, i64::MAX, i64::MIN, i64::MIN + 1] {
            assert_eq!(parse_int(n.to_string().as_bytes()), Some(n));
            assert_eq!(Item::Int(n).len(), n.to_string().len());
        }
        for s in [
            "",
            "-",
            "-0",
            "00",
            "01",
            "+1",
            " 1",
            "1 ",
            "9223372036854775808",
            "-9223372036854775809",
            "1e3",
            "10000000000000000000",
        ] {
            assert_eq!(parse_int(s.as_bytes()), None, "{s}");
        }
    }
}
