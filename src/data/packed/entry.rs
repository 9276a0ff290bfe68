//! One entry of a listpack: reading, checking, writing.

use crate::data::item::{Item, parse_int};

const STRING_32: u8 = 0xf0;
const INT_16: u8 = 0xf1;
const INT_24: u8 = 0xf2;
const INT_32: u8 = 0xf3;
const INT_64: u8 = 0xf4;

/// Bytes of encoding and data of the entry that `b` begins with.
#[inline]
pub(super) fn body_len(b: &[u8]) -> usize {
    match b[0] {
        0..0x80 => 1,
        c @ 0x80..0xc0 => 1 + (c & 0x3f) as usize,
        0xc0..0xe0 => 2,
        c @ 0xe0..0xf0 => 2 + ((c & 0x0f) as usize) * 256 + b[1] as usize,
        STRING_32 => 5 + u32::from_le_bytes([b[1], b[2], b[3], b[4]]) as usize,
        INT_16 => 3,
        INT_24 => 4,
        INT_32 => 5,
        _ => 9,
    }
}

/// The entry that `b` begins with, and the bytes of its encoding and data.
#[inline]
pub(super) fn decode(b: &[u8]) -> (Item<'_>, usize) {
    match b[0] {
        c @ 0..0x80 => (Item::Int(i64::from(c)), 1),
        c @ 0x80..0xc0 => {
            let n = 1 + (c & 0x3f) as usize;
            (Item::Bytes(&b[1..n]), n)
        }
        c @ 0xc0..0xe0 => {
            let n = i64::from(c & 0x1f) << 8 | i64::from(b[1]);
            (Item::Int(n << 51 >> 51), 2)
        }
        0xe0..0xf0 => {
            let n = body_len(b);
            (Item::Bytes(&b[2..n]), n)
        }
        STRING_32 => {
            let n = body_len(b);
            (Item::Bytes(&b[5..n]), n)
        }
        INT_16 => (Item::Int(i64::from(i16::from_le_bytes([b[1], b[2]]))), 3),
        INT_24 => (Item::Int(i64::from(i32::from_le_bytes([0, b[1], b[2], b[3]]) >> 8)), 4),
        INT_32 => (Item::Int(i64::from(i32::from_le_bytes([b[1], b[2], b[3], b[4]]))), 5),
        _ => (Item::Int(i64::from_le_bytes([b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8]])), 9),
    }
}

/// Bytes that the trailing size takes for a body of `n`.
#[inline]
pub(super) fn size_len(n: usize) -> usize {
    // Redis compares with `<` from the second step on, which matters to the byte.
    match n {
        0..=127 => 1,
        128..16383 => 2,
        16383..2097151 => 3,
        2097151..268435455 => 4,
        _ => 5,
    }
}

/// The size that `b` ends with.
#[inline]
pub(super) fn read_size(b: &[u8]) -> usize {
    let (mut n, mut shift) = (0, 0);
    for c in b.iter().rev().take(5) {
        n |= ((c & 127) as usize) << shift;
        if c & 128 == 0 {
            break;
        }
        shift += 7;
    }
    n
}

fn write_size(n: usize) -> ([u8; 5], usize) {
    let (mut out, len) = ([0; 5], size_len(n));
    for (i, c) in out[..len].iter_mut().enumerate() {
        *c = (n >> (7 * (len - 1 - i)) & 127) as u8 | if i == 0 { 0 } else { 128 };
    }
    (out, len)
}

/// Checks the entry that foreign bytes begin with, and returns what follows it.
pub(super) fn check(b: &[u8]) -> Option<&[u8]> {
    let head = match *b.first()? {
        0..0xc0 => 1,
        0xc0..0xf0 => 2,
        STRING_32 => 5,
        INT_16..=INT_64 => 1,
        _ => return None,
    };
    if b.len() < head {
        return None;
    }
    let body = body_len(b);
    let (size, n) = write_size(body);
    (b.get(body..body + n)? == &size[..n]).then(|| &b[body + n..])
}

/// An item ready to be written.
pub(super) struct Encoded<'a> {
    head: [u8; 9],
    head_len: usize,
    data: &'a [u8],
}

impl<'a> Encoded<'a> {
    pub fn new(item: Item<'a>) -> Encoded<'a> {
        let mut head = [0; 9];
        let (bytes, number) = match item {
            Item::Int(n) => (&[][..], Some(n)),
            Item::Bytes(b) => (b, parse_int(b)),
        };
        if let Some(n) = number {
            let wide = n.to_le_bytes();
            let head_len = match n {
                0..=127 => {
                    head[0] = n as u8;
                    1
                }
                -4096..=4095 => {
                    head[0] = 0xc0 | (n >> 8) as u8 & 0x1f;
                    head[1] = n as u8;
                    2
                }
                _ => {
                    let (code, bytes) = match n {
                        -0x8000..=0x7fff => (INT_16, 2),
                        -0x80_0000..=0x7f_ffff => (INT_24, 3),
                        -0x8000_0000..=0x7fff_ffff => (INT_32, 4),
                        _ => (INT_64, 8),
                    };
                    head[0] = code;
                    head[1..=bytes].copy_from_slice(&wide[..bytes]);
                    bytes + 1
                }
            };
            return Encoded { head, head_len, data: &[] };
        }
        let n = bytes.len();
        let head_len = match n {
            0..64 => {
                head[0] = 0x80 | n as u8;
                1
            }
            64..4096 => {
                head[0] = 0xe0 | (n >> 8) as u8;
                head[1] = n as u8;
                2
            }
            _ => {
                head[0] = STRING_32;
                head[1..5].copy_from_slice(&(n as u32).to_le_bytes());
                5
            }
        };
        Encoded { head, head_len, data: bytes }
    }

    fn body(&self) -> usize {
        self.head_len + self.data.len()
    }

    /// All bytes, the trailing size included.
    pub fn size(&self) -> usize {
        self.body() + size_len(self.body())
    }

    /// # Safety
    /// `self.size()` bytes at `to` are the caller's to write and do not overlap the data.
    pub unsafe fn write(&self, to: *mut u8) {
        let (size, n) = write_size(self.body());
        // SAFETY: head, data and size add up to `self.size()`.
        unsafe {
            to.copy_from_nonoverlapping(self.head.as_ptr(), self.head_len);
            to.add(self.head_len).copy_from_nonoverlapping(self.data.as_ptr(), self.data.len());
            to.add(self.body()).copy_from_nonoverlapping(size.as_ptr(), n);
        }
    }
}
