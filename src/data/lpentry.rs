//! One entry of a listpack, the packed encoding that Redis's small collections, list nodes and stream nodes share, in
//! memory here and in every RDB file. Entries carry no absolute positions, so any run of them can be copied whole.
//!
//! ```text
//!  encoding + data                                     bytes     then: backlen, the length of what is left of it
//!  0vvvvvvv                            0 ..= 127       1         in 7-bit groups, most significant first, every
//!  110vvvvv v:8                        13 bits signed  2         byte but the first marked with 0x80. Read from the
//!  11110001 v:16le                     16 bits signed  3         right it tells where the entry begins.
//!  11110010 v:24le                     24 bits signed  4
//!  11110011 v:32le                     32 bits signed  5
//!  11110100 v:64le                     64 bits signed  9
//!  10llllll bytes                      len < 64        1 + len
//!  1110llll l:8 bytes                  len < 4096      2 + len
//!  11110000 l:32le bytes               longer          5 + len
//!  11111111                            end of the listpack
//! ```
//!
//! [`decode`] and [`prev_len`] trust their input, as bytes we wrote ourselves, but can only panic on bad ones, never read
//! outside the slice. Foreign bytes go through [`validate`] first.

/// The byte that ends a listpack.
pub const END: u8 = 0xff;

/// What an entry holds. Text that is the canonical decimal form of an `i64` is kept as the integer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Value<'a> {
    Int(i64),
    Str(&'a [u8]),
}

/// The integer whose decimal form `s` is, if it is one: no `+`, no leading zero, no `-0`, no blank.
#[inline]
pub fn parse_int(s: &[u8]) -> Option<i64> {
    let (negative, digits) = match s {
        [b'-', rest @ ..] => (true, rest),
        _ => (false, s),
    };
    match digits {
        [] => return None,
        [b'0'] => return if negative { None } else { Some(0) },
        [b'1'..=b'9', ..] if digits.len() <= 19 => {}
        _ => return None,
    }
    let mut n: u64 = 0; // 19 digits cannot overflow
    for &d in digits {
        let d = d.wrapping_sub(b'0');
        if d > 9 {
            return None;
        }
        n = n * 10 + u64::from(d);
    }
    if negative { if n <= 1 << 63 { Some((n as i64).wrapping_neg()) } else { None } } else { i64::try_from(n).ok() }
}

impl<'a> Value<'a> {
    /// How `bytes` are kept: as an integer wherever that gives the same bytes back.
    #[inline]
    pub fn of(bytes: &'a [u8]) -> Value<'a> {
        match parse_int(bytes) {
            Some(n) => Value::Int(n),
            None => Value::Str(bytes),
        }
    }

    /// The bytes that users see. `buf` holds an integer's digits.
    #[inline]
    pub fn text<'b>(self, buf: &'b mut itoa::Buffer) -> &'b [u8]
    where
        'a: 'b,
    {
        match self {
            Value::Int(n) => buf.format(n).as_bytes(),
            Value::Str(s) => s,
        }
    }

    pub fn to_vec(self) -> Vec<u8> {
        self.text(&mut itoa::Buffer::new()).to_vec()
    }

    /// Whether this is `bytes`, of which `int` is `parse_int(bytes)`.
    #[inline]
    pub fn is(self, bytes: &[u8], int: Option<i64>) -> bool {
        match self {
            Value::Int(n) => int == Some(n),
            Value::Str(s) => s == bytes,
        }
    }

    /// Length of encoding and data, without backlen.
    #[inline]
    pub fn body_len(self) -> usize {
        match self {
            Value::Int(0..=127) => 1,
            Value::Int(-4096..=4095) => 2,
            Value::Int(-0x8000..=0x7fff) => 3,
            Value::Int(-0x80_0000..=0x7f_ffff) => 4,
            Value::Int(-0x8000_0000..=0x7fff_ffff) => 5,
            Value::Int(_) => 9,
            Value::Str(s) if s.len() < 64 => 1 + s.len(),
            Value::Str(s) if s.len() < 4096 => 2 + s.len(),
            Value::Str(s) => 5 + s.len(),
        }
    }

    /// Length of the whole entry.
    #[inline]
    pub fn entry_len(self) -> usize {
        let body = self.body_len();
        body + backlen_size(body)
    }

    /// Writes the entry at the start of `out`, which must have room for [`Value::entry_len`] bytes, and returns that
    /// length.
    #[inline]
    pub fn write(self, out: &mut [u8]) -> usize {
        let body = self.body_len();
        match self {
            Value::Int(n) => {
                let le = n.to_le_bytes();
                match body {
                    1 => out[0] = le[0],
                    2 => {
                        out[0] = 0xc0 | (le[1] & 0x1f);
                        out[1] = le[0];
                    }
                    9 => {
                        out[0] = 0xf4;
                        out[1..9].copy_from_slice(&le);
                    }
                    _ => {
                        out[0] = 0xf1 + (body as u8 - 3);
                        out[1..body].copy_from_slice(&le[..body - 1]);
                    }
                }
            }
            Value::Str(s) => {
                let head = body - s.len();
                match head {
                    1 => out[0] = 0x80 | s.len() as u8,
                    2 => {
                        out[0] = 0xe0 | (s.len() >> 8) as u8;
                        out[1] = s.len() as u8;
                    }
                    _ => {
                        out[0] = 0xf0;
                        out[1..5].copy_from_slice(&(s.len() as u32).to_le_bytes());
                    }
                }
                out[head..body].copy_from_slice(s);
            }
        }
        let size = backlen_size(body);
        write_backlen(body, &mut out[body..body + size]);
        body + size
    }

    /// Appends the entry to `out`.
    pub fn append_to(self, out: &mut Vec<u8>) {
        let at = out.len();
        out.resize(at + self.entry_len(), 0);
        self.write(&mut out[at..]);
    }
}

/// Bytes that the backlen of a body of `body` bytes takes. The limits are one below each power, as Redis has them.
#[inline]
pub fn backlen_size(body: usize) -> usize {
    match body {
        0..=127 => 1,
        128..=16_382 => 2,
        16_383..=2_097_150 => 3,
        2_097_151..=268_435_454 => 4,
        _ => 5,
    }
}

fn write_backlen(body: usize, out: &mut [u8]) {
    let size = out.len();
    for (i, byte) in out.iter_mut().enumerate() {
        let group = (body >> (7 * (size - 1 - i))) as u8 & 0x7f;
        *byte = if i == 0 { group } else { group | 0x80 };
    }
}

/// Length of encoding and data of the entry that `buf` begins with. None when `buf` is too short to tell, or begins
/// with [`END`] or a byte that is no encoding.
#[inline]
pub fn body_len_at(buf: &[u8]) -> Option<usize> {
    let first = *buf.first()?;
    Some(match first {
        0x00..=0x7f => 1,
        0x80..=0xbf => 1 + usize::from(first & 0x3f),
        0xc0..=0xdf => 2,
        0xe0..=0xef => 2 + (usize::from(first & 0x0f) << 8 | usize::from(*buf.get(1)?)),
        0xf0 => 5 + u32::from_le_bytes(buf.get(1..5)?.try_into().ok()?) as usize,
        0xf1..=0xf3 => usize::from(first - 0xf1) + 3,
        0xf4 => 9,
        _ => return None,
    })
}

/// Length of the whole entry that `buf` begins with. Panics on bytes that are no entry.
#[inline]
pub fn entry_len_at(buf: &[u8]) -> usize {
    let body = body_len_at(buf).expect("a listpack entry");
    body + backlen_size(body)
}

/// The entry that `buf` begins with, and its whole length. Panics on bytes that are no entry.
#[inline]
pub fn decode(buf: &[u8]) -> (Value<'_>, usize) {
    let body = body_len_at(buf).expect("a listpack entry");
    let data = &buf[..body];
    let value = match data[0] {
        b @ 0x00..=0x7f => Value::Int(i64::from(b)),
        0x80..=0xbf => Value::Str(&data[1..]),
        b @ 0xc0..=0xdf => {
            let raw = i64::from(b & 0x1f) << 8 | i64::from(data[1]);
            Value::Int(raw << 51 >> 51)
        }
        0xe0..=0xef => Value::Str(&data[2..]),
        0xf0 => Value::Str(&data[5..]),
        _ => {
            let mut le = [0u8; 8];
            le[..body - 1].copy_from_slice(&data[1..]);
            let unused = 64 - 8 * (body as u32 - 1);
            Value::Int(i64::from_le_bytes(le) << unused >> unused)
        }
    };
    (value, body + backlen_size(body))
}

/// Length of the whole entry that ends where `buf` ends. Panics when `buf` is empty or its end is no backlen.
#[inline]
pub fn prev_len(buf: &[u8]) -> usize {
    let (mut body, mut shift) = (0usize, 0);
    for (n, &byte) in buf.iter().rev().take(5).enumerate() {
        body |= usize::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return body + n + 1;
        }
        shift += 7;
    }
    panic!("no backlen at the end of a listpack entry");
}

/// Checks foreign bytes: whether `buf` begins with a whole entry whose backlen agrees. Returns its length.
pub fn validate(buf: &[u8]) -> Option<usize> {
    let body = body_len_at(buf)?;
    if body < 0x80 {
        return (*buf.get(body)? == body as u8).then_some(body + 1);
    }
    let size = backlen_size(body);
    let found = buf.get(body..body.checked_add(size)?)?;
    let mut expected = [0u8; 5];
    write_backlen(body, &mut expected[..size]);
    (found == &expected[..size]).then_some(body + size)
}

/// Checks that `buf` is entries and nothing else, and counts them.
pub fn validate_run(mut buf: &[u8]) -> Option<usize> {
    let mut count = 0;
    while !buf.is_empty() {
        buf = &buf[validate(buf)?..];
        count += 1;
    }
    Some(count)
}

/// The run of entries inside a foreign listpack (6 bytes of header before it: total bytes, count; [`END`] behind it),
/// and how many they are. None unless header, entries and end agree.
pub fn open_listpack(bytes: &[u8]) -> Option<(&[u8], usize)> {
    let total = u32::from_le_bytes(bytes.get(..4)?.try_into().ok()?) as usize;
    let stated = u16::from_le_bytes(bytes.get(4..6)?.try_into().ok()?);
    if total != bytes.len() || bytes.len() < 7 || bytes[total - 1] != END {
        return None;
    }
    let run = &bytes[6..total - 1];
    let count = validate_run(run)?;
    (stated == u16::MAX || usize::from(stated) == count).then_some((run, count))
}

/// The 6 bytes before a run of `run_len` bytes and `count` entries that make it, with [`END`] behind, a listpack.
pub fn listpack_header(run_len: usize, count: usize) -> [u8; 6] {
    let mut head = [0; 6];
    head[..4].copy_from_slice(&((run_len + 7) as u32).to_le_bytes());
    head[4..].copy_from_slice(&u16::try_from(count).unwrap_or(u16::MAX).to_le_bytes());
    head
}

/// Walks a run of our own entries forward.
#[derive(Clone)]
pub struct Entries<'a>(pub &'a [u8]);

impl<'a> Iterator for Entries<'a> {
    type Item = Value<'a>;

    #[inline]
    fn next(&mut self) -> Option<Value<'a>> {
        if self.0.is_empty() {
            return None;
        }
        let (value, len) = decode(self.0);
        self.0 = &self.0[len..];
        Some(value)
    }
}

impl<'a> DoubleEndedIterator for Entries<'a> {
    #[inline]
    fn next_back(&mut self) -> Option<Value<'a>> {
        if self.0.is_empty() {
            return None;
        }
        let at = self.0.len() - prev_len(self.0);
        let (value, _) = decode(&self.0[at..]);
        self.0 = &self.0[..at];
        Some(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::rng::Rng;

    fn samples() -> Vec<Vec<u8>> {
        let mut out: Vec<Vec<u8>> = Vec::new();
        for shift in 0..64 {
            for delta in [-1i64, 0, 1] {
                let n = (1i64 << shift).wrapping_add(delta);
                out.push(n.to_string().into_bytes());
                out.push(n.wrapping_neg().to_string().into_bytes());
            }
        }
        for len in
            [0usize, 1, 62, 63, 64, 65, 125, 126, 127, 128, 4095, 4096, 16_377, 16_378, 16_379, 70_000, 2_097_146]
        {
            out.push(vec![b'x'; len]);
        }
        out.extend(
            ["-", "-0", "00", "+1", "01", " 1", "1 ", "9223372036854775808", "-9223372036854775809"].map(|s| s.into()),
        );
        out
    }

    #[test]
    fn every_width_survives_both_ways() {
        let mut run = Vec::new();
        for s in samples() {
            let v = Value::of(&s);
            let at = run.len();
            v.append_to(&mut run);
            assert_eq!(run.len() - at, v.entry_len());
            assert_eq!(validate(&run[at..]), Some(v.entry_len()));
            assert_eq!(prev_len(&run), v.entry_len());
            assert_eq!(decode(&run[at..]), (v, v.entry_len()));
            assert_eq!(v.to_vec(), s);
        }
        assert_eq!(Entries(&run).map(Value::to_vec).collect::<Vec<_>>(), samples());
        let mut back: Vec<_> = Entries(&run).rev().map(Value::to_vec).collect();
        back.reverse();
        assert_eq!(back, samples());
        assert_eq!(validate_run(&run), Some(samples().len()));
    }

    #[test]
    fn known_bytes() {
        let enc = |s: &[u8]| {
            let mut out = Vec::new();
            Value::of(s).append_to(&mut out);
            out
        };
        assert_eq!(enc(b"5"), [5, 1]);
        assert_eq!(enc(b"-1"), [0xdf, 0xff, 2]);
        assert_eq!(enc(b"4095"), [0xcf, 0xff, 2]);
        assert_eq!(enc(b"-32768"), [0xf1, 0, 0x80, 3]);
        assert_eq!(enc(b"abc"), [0x83, b'a', b'b', b'c', 4]);
    }

    #[test]
    fn foreign_bytes_never_panic() {
        let mut rng = Rng::new(11);
        for _ in 0..20_000 {
            let bytes: Vec<u8> = (0..rng.below(20)).map(|_| rng.next_u64() as u8).collect();
            let _ = (validate_run(&bytes), open_listpack(&bytes));
        }
        assert_eq!(open_listpack(&[7, 0, 0, 0, 0, 0, 0xff]), Some((&[][..], 0)));
        assert_eq!(open_listpack(&[9, 0, 0, 0, 1, 0, 5, 1, 0xff]), Some((&[5, 1][..], 1)));
        assert_eq!(open_listpack(&[9, 0, 0, 0, 2, 0, 5, 1, 0xff]), None);
        assert_eq!(open_listpack(&[9, 0, 0, 0, 1, 0, 5, 2, 0xff]), None);
    }
}
