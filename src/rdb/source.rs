//! The bytes under a reader: a window over a source of any length, from which numbers and strings are taken, and the
//! checksum of all that was taken.
//!
//! The window grows only when it is full of bytes that came, so an announced length costs nothing until its bytes are there.
//! A string taken is a [`Piece`]: a place in the window or among the unpacked ones, good until [`Source::forget`].

use super::fault::{Fault, Why};
use crate::base::{crc64::crc64, lzf};
use crate::data::Item;
use std::io::{ErrorKind, Read};

/// The window to begin with.
const WINDOW: usize = 256 << 10;

pub(super) struct Source<R> {
    inner: R,
    window: Vec<u8>,
    /// What was taken lies before `at`, what was not yet between `at` and `end`.
    at: usize,
    end: usize,
    /// Pieces may lie in the window from here on.
    keep: usize,
    /// Offset of the window's first byte.
    base: u64,
    /// Bytes of the window before this are in `sum`.
    summed: usize,
    sum: u64,
    unpacked: Vec<u8>,
}

/// A string taken.
#[derive(Clone, Copy, Debug)]
pub(super) enum Piece {
    Int(i64),
    /// Offset in the source.
    Plain(u64, usize),
    /// Place among the unpacked.
    Unpacked(usize, usize),
}

/// A length, or in its place a special encoding of a string.
pub(super) enum Length {
    Plain(u64),
    Special(u8),
}

impl<R: Read> Source<R> {
    pub fn new(inner: R) -> Source<R> {
        Source::with_window(inner, vec![0; WINDOW], 0)
    }

    /// A source whose first `end` bytes are in `window` already.
    pub fn with_window(inner: R, window: Vec<u8>, end: usize) -> Source<R> {
        Source { inner, window, at: 0, end, keep: 0, base: 0, summed: 0, sum: 0, unpacked: Vec::new() }
    }

    /// Offset of the next byte.
    #[inline]
    pub fn offset(&self) -> u64 {
        self.base + self.at as u64
    }

    /// Says that the first byte of the source has this offset.
    pub fn set_offset(&mut self, offset: u64) {
        self.base = offset;
    }

    /// The source, and what was read of it and not taken.
    pub fn into_rest(mut self) -> (Vec<u8>, R) {
        self.window.truncate(self.end);
        self.window.drain(..self.at);
        (self.window, self.inner)
    }

    pub fn fault(&self, why: impl Into<Why>) -> Fault {
        Fault { at: self.offset(), why: why.into() }
    }

    /// Pieces taken so far are not used any more.
    #[inline]
    pub fn forget(&mut self) {
        self.keep = self.at;
        if !self.unpacked.is_empty() {
            self.unpacked.clear();
            // One huge value should not hold its memory to the end.
            if self.unpacked.capacity() > 16 * WINDOW {
                self.unpacked = Vec::new();
            }
        }
    }

    /// The checksum of everything taken.
    pub fn checksum(&mut self) -> u64 {
        self.sum = crc64(self.sum, &self.window[self.summed..self.at]);
        self.summed = self.at;
        self.sum
    }

    /// What was read and not taken.
    #[inline]
    pub fn ahead(&self) -> &[u8] {
        &self.window[self.at..self.end]
    }

    /// Takes `n` of these bytes, and keeps nothing of them.
    #[inline]
    pub fn take_ahead(&mut self, n: usize) {
        self.at = (self.at + n).min(self.end);
        self.forget();
    }

    /// Makes `n` bytes available behind `at`.
    #[inline]
    fn need(&mut self, n: usize) -> Result<(), Fault> {
        if self.end - self.at >= n { Ok(()) } else { self.fill(n) }
    }

    #[cold]
    fn fill(&mut self, n: usize) -> Result<(), Fault> {
        self.checksum();
        if self.keep > 0 {
            self.window.copy_within(self.keep..self.end, 0);
            (self.at, self.end) = (self.at - self.keep, self.end - self.keep);
            (self.summed, self.base, self.keep) = (self.at, self.base + self.keep as u64, 0);
        }
        while self.end - self.at < n {
            if self.end == self.window.len() {
                let more = self.window.len().max(64);
                self.window.resize(self.window.len() + more, 0);
            }
            match self.inner.read(&mut self.window[self.end..]) {
                Ok(0) => return Err(self.fault(Why::Short)),
                Ok(n) => self.end += n,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(self.fault(Why::Io(error))),
            }
        }
        Ok(())
    }

    #[inline]
    pub fn byte(&mut self) -> Result<u8, Fault> {
        self.need(1)?;
        self.at += 1;
        Ok(self.window[self.at - 1])
    }

    #[inline]
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], Fault> {
        self.need(N)?;
        let mut out = [0; N];
        out.copy_from_slice(&self.window[self.at..self.at + N]);
        self.at += N;
        Ok(out)
    }

    pub fn i64_le(&mut self) -> Result<i64, Fault> {
        Ok(i64::from_le_bytes(self.array()?))
    }

    /// A time in Unix ms, where none before 1970 makes sense.
    pub fn time_ms(&mut self) -> Result<u64, Fault> {
        Ok(u64::try_from(self.i64_le()?).unwrap_or(0))
    }

    #[inline]
    pub fn length_or_special(&mut self) -> Result<Length, Fault> {
        let first = self.byte()?;
        Ok(match first >> 6 {
            0 => Length::Plain(u64::from(first & 0x3f)),
            1 => Length::Plain(u64::from(first & 0x3f) << 8 | u64::from(self.byte()?)),
            3 => Length::Special(first & 0x3f),
            _ if first == 0x80 => Length::Plain(u64::from(u32::from_be_bytes(self.array()?))),
            _ if first == 0x81 => Length::Plain(u64::from_be_bytes(self.array()?)),
            _ => {
                return Err(self.fault(Why::Corrupt(format!("Unknown length encoding {first} in rdbLoadLen()").into())));
            }
        })
    }

    #[inline]
    pub fn length(&mut self) -> Result<u64, Fault> {
        match self.length_or_special()? {
            Length::Plain(n) => Ok(n),
            Length::Special(_) => Err(self.fault("a string's encoding where a number belongs")),
        }
    }

    fn plain(&mut self, len: u64) -> Result<Piece, Fault> {
        // What memory cannot address cannot be there either.
        let len = usize::try_from(len)
            .ok()
            .filter(|n| *n <= isize::MAX as usize / 2)
            .ok_or_else(|| self.fault(Why::Short))?;
        self.need(len)?;
        let piece = Piece::Plain(self.offset(), len);
        self.at += len;
        Ok(piece)
    }

    /// A string in any of its forms.
    #[inline]
    pub fn string(&mut self) -> Result<Piece, Fault> {
        Ok(match self.length_or_special()? {
            Length::Plain(len) => self.plain(len)?,
            Length::Special(0) => Piece::Int(i64::from(self.byte()? as i8)),
            Length::Special(1) => Piece::Int(i64::from(i16::from_le_bytes(self.array()?))),
            Length::Special(2) => Piece::Int(i64::from(i32::from_le_bytes(self.array()?))),
            Length::Special(3) => self.packed()?,
            Length::Special(n) => {
                return Err(self.fault(Why::Corrupt(format!("Unknown RDB string encoding type {n}").into())));
            }
        })
    }

    fn packed(&mut self) -> Result<Piece, Fault> {
        let (packed, len) = (self.length()?, self.length()?);
        let Piece::Plain(at, packed) = self.plain(packed)? else { return Err(self.fault(Why::Short)) };
        let from = (at - self.base) as usize;
        let bytes = &self.window[from..from + packed];
        let begin = self.unpacked.len();
        let done = usize::try_from(len).ok().and_then(|len| lzf::decompress_onto(bytes, len, &mut self.unpacked));
        done.ok_or_else(|| self.fault("Invalid LZF compressed string"))?;
        Ok(Piece::Unpacked(begin, self.unpacked.len() - begin))
    }

    /// Takes a string without looking at it.
    pub fn skip_string(&mut self) -> Result<(), Fault> {
        match self.length_or_special()? {
            Length::Plain(len) => self.skip(len),
            Length::Special(n @ 0..=2) => self.skip(1 << n),
            Length::Special(3) => {
                let packed = self.length()?;
                self.length()?;
                self.skip(packed)
            }
            Length::Special(_) => Err(self.fault("Unknown RDB string encoding type")),
        }
    }

    /// Takes `n` bytes without keeping them.
    pub fn skip(&mut self, mut n: u64) -> Result<(), Fault> {
        while n > 0 {
            self.need(1)?;
            let some = (self.end - self.at).min(usize::try_from(n).unwrap_or(usize::MAX));
            self.at += some;
            self.forget();
            n -= some as u64;
        }
        Ok(())
    }

    #[inline]
    pub fn item(&self, piece: Piece) -> Item<'_> {
        match piece {
            Piece::Int(n) => Item::Int(n),
            Piece::Plain(at, len) => {
                let from = (at - self.base) as usize;
                Item::Bytes(&self.window[from..from + len])
            }
            Piece::Unpacked(at, len) => Item::Bytes(&self.unpacked[at..at + len]),
        }
    }

    /// The bytes of a piece, an integer's being its digits.
    pub fn spell(&mut self, piece: Piece) -> Piece {
        let Piece::Int(n) = piece else { return piece };
        let begin = self.unpacked.len();
        self.unpacked.extend_from_slice(itoa::Buffer::new().format(n).as_bytes());
        Piece::Unpacked(begin, self.unpacked.len() - begin)
    }

    /// The bytes of a piece that is no integer.
    #[inline]
    pub fn bytes(&self, piece: Piece) -> &[u8] {
        match self.item(piece) {
            Item::Bytes(bytes) => bytes,
            Item::Int(_) => &[],
        }
    }

    /// A score as text behind one byte of length, as before RDB 8.
    pub fn text_double(&mut self) -> Result<f64, Fault> {
        Ok(match self.byte()? {
            255 => f64::NEG_INFINITY,
            254 => f64::INFINITY,
            253 => f64::NAN,
            len => {
                let Piece::Plain(at, len) = self.plain(u64::from(len))? else { return Err(self.fault(Why::Short)) };
                let from = (at - self.base) as usize;
                let text = std::str::from_utf8(&self.window[from..from + len]).ok();
                text.and_then(|text| text.trim().parse().ok()).ok_or_else(|| self.fault("a score that is no number"))?
            }
        })
    }
}
