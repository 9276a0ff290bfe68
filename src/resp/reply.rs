//! The reply buffer: what handlers write to. It speaks RESP2 or RESP3, whichever the client chose, so handlers say what
//! they mean (a map, a double, nothing) and never ask.
//!
//! Large values are not copied: they are kept as shared references between stretches of the buffer, and the connection
//! sends all of it with one vectored write.

use crate::base::double::{exact_i64, write_double};
use crate::base::numbers::ascii_digits;
use crate::base::quoted::push_bytes;
use std::sync::Arc;

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Proto {
    #[default]
    Resp2,
    Resp3,
}

/// Values from this size on are sent from where they lie.
pub const SHARE_FROM: usize = 16 * 1024;

/// Numbers from this on have more digits than [`digits_block`] takes.
const DIGITS_BELOW: u32 = 100_000_000;
const CRLF: u16 = u16::from_le_bytes(*b"\r\n");

#[derive(Default)]
pub struct Reply {
    pub buf: Vec<u8>,
    /// Shared values, each to be sent before the byte of `buf` at its position.
    shared: Vec<(usize, Arc<Vec<u8>>)>,
    shared_bytes: usize,
    pub proto: Proto,
}

/// Where a header whose count was not known yet goes.
#[derive(Clone, Copy)]
pub struct Deferred(usize);

/// A place in the reply to return to, if what was written since must not be sent.
#[derive(Clone, Copy)]
pub struct Mark {
    buf: usize,
    shared: usize,
}

impl Reply {
    pub fn new(proto: Proto) -> Self {
        Reply { proto, ..Reply::default() }
    }

    #[inline]
    fn resp3(&self) -> bool {
        self.proto == Proto::Resp3
    }

    // ---- what handlers say ----------------------------------------------------------------------------------------

    #[inline]
    pub fn ok(&mut self) {
        self.buf.extend_from_slice(b"+OK\r\n");
    }

    pub fn simple(&mut self, text: &str) {
        self.buf.push(b'+');
        push_bytes(text, &mut self.buf);
        self.buf.extend_from_slice(b"\r\n");
    }

    #[inline]
    pub fn int(&mut self, n: i64) {
        self.header(b':', n);
    }

    #[inline]
    pub fn bulk(&mut self, bytes: &[u8]) {
        self.header(b'$', bytes.len() as i64);
        self.buf.extend_from_slice(bytes);
        self.buf.extend_from_slice(b"\r\n");
    }

    /// A bulk string of an integer's digits.
    #[inline]
    pub fn bulk_int(&mut self, n: i64) {
        match u32::try_from(n) {
            Ok(n) if n < DIGITS_BELOW => self.bulk_digits(n),
            _ => self.bulk(itoa::Buffer::new().format(n).as_bytes()),
        }
    }

    /// The same for up to eight digits.
    #[inline]
    fn bulk_digits(&mut self, n: u32) {
        let (block, len) = digits_block(n);
        self.buf.extend_from_slice(&block.to_le_bytes());
        self.buf.truncate(self.buf.len() - (size_of_val(&block) - len));
    }

    /// What [`bulk`](Self::bulk) and [`double`](Self::double) write one after the other: a member and its score. Scores are mostly
    /// small whole numbers.
    #[inline]
    pub fn bulk_and_double(&mut self, bytes: &[u8], n: f64) {
        let whole = n as u32;
        // By their bits `-0.0` and 0 are two.
        if self.resp3() || whole >= DIGITS_BELOW || f64::from(whole).to_bits() != n.to_bits() {
            self.bulk(bytes);
            return self.double(n);
        }
        let (block, len) = digits_block(whole);
        let block = block << 16 | u128::from(CRLF);
        self.buf.reserve(bytes.len() + 2 * size_of_val(&block));
        self.header(b'$', bytes.len() as i64);
        self.buf.extend_from_slice(bytes);
        self.buf.extend_from_slice(&block.to_le_bytes());
        self.buf.truncate(self.buf.len() - (size_of_val(&block) - 2 - len));
    }

    /// A bulk string that is sent without copying if it is large.
    pub fn bulk_shared(&mut self, bytes: &Arc<Vec<u8>>) {
        if bytes.len() < SHARE_FROM {
            return self.bulk(bytes);
        }
        self.header(b'$', bytes.len() as i64);
        self.shared.push((self.buf.len(), bytes.clone()));
        self.shared_bytes += bytes.len();
        self.buf.extend_from_slice(b"\r\n");
    }

    /// RESP that is sent from where it lies.
    pub fn share(&mut self, bytes: &Arc<Vec<u8>>) {
        self.shared.push((self.buf.len(), bytes.clone()));
        self.shared_bytes += bytes.len();
    }

    /// No value: `$-1` or `_`.
    #[inline]
    pub fn null(&mut self) {
        self.buf.extend_from_slice(if self.resp3() { b"_\r\n" } else { b"$-1\r\n" });
    }

    /// No array: `*-1` or `_`.
    pub fn null_array(&mut self) {
        self.buf.extend_from_slice(if self.resp3() { b"_\r\n" } else { b"*-1\r\n" });
    }

    #[inline]
    pub fn array(&mut self, len: usize) {
        self.header(b'*', len as i64);
    }

    /// A map of `len` pairs; in RESP2 an array of twice as many.
    pub fn map(&mut self, len: usize) {
        if self.resp3() { self.header(b'%', len as i64) } else { self.header(b'*', 2 * len as i64) }
    }

    pub fn set(&mut self, len: usize) {
        self.header(if self.resp3() { b'~' } else { b'*' }, len as i64);
    }

    /// An out-of-band push; in RESP2 (pub/sub only) an array.
    pub fn push(&mut self, len: usize) {
        self.header(if self.resp3() { b'>' } else { b'*' }, len as i64);
    }

    /// An attribute of `len` pairs, which RESP2 cannot carry: returns false there, and nothing is written.
    pub fn attribute(&mut self, len: usize) -> bool {
        if self.resp3() {
            self.header(b'|', len as i64);
        }
        self.resp3()
    }

    pub fn bool(&mut self, yes: bool) {
        self.buf.extend_from_slice(match (self.resp3(), yes) {
            (true, true) => b"#t\r\n",
            (true, false) => b"#f\r\n",
            (false, true) => b":1\r\n",
            (false, false) => b":0\r\n",
        });
    }

    /// A double: RESP3's own type, a bulk string of the same digits in RESP2.
    pub fn double(&mut self, n: f64) {
        if self.resp3() {
            self.buf.push(b',');
            write_double(n, &mut self.buf);
            self.buf.extend_from_slice(b"\r\n");
        } else {
            if let Some(whole) = exact_i64(n).filter(|whole| *whole != 0) {
                return self.bulk_int(whole);
            }
            // The text first, behind room for its length, which has one digit or two.
            let at = self.buf.len();
            self.buf.extend_from_slice(b"$00\r\n");
            write_double(n, &mut self.buf);
            let len = self.buf.len() - at - 5;
            self.buf.extend_from_slice(b"\r\n");
            if len >= 10 {
                (self.buf[at + 1], self.buf[at + 2]) = (b'0' + (len / 10) as u8, b'0' + (len % 10) as u8);
            } else {
                self.buf[at + 2] = b'0' + len as u8;
                self.buf.remove(at + 1);
            }
        }
    }

    /// A number too big for 64 bits, as its digits.
    pub fn big_number(&mut self, digits: &str) {
        if self.resp3() { self.line(b'(', digits.as_bytes()) } else { self.bulk(digits.as_bytes()) }
    }

    /// Text for people, of format `txt` or `mkd`; others are cut, or filled with blanks, to three bytes.
    pub fn verbatim(&mut self, format: impl AsRef<[u8]>, text: &[u8]) {
        if !self.resp3() {
            return self.bulk(text);
        }
        self.header(b'=', text.len() as i64 + 4);
        self.buf.extend(format.as_ref().iter().chain(b"   ").take(3));
        self.buf.push(b':');
        self.buf.extend_from_slice(text);
        self.buf.extend_from_slice(b"\r\n");
    }

    /// An error; `text` is what follows the `-`. Line ends in it become blanks, or they would break the protocol.
    pub fn error(&mut self, text: &str) {
        let at = self.buf.len();
        self.buf.push(b'-');
        push_bytes(text, &mut self.buf);
        let end = self.buf.len();
        for b in &mut self.buf[at..end] {
            if matches!(b, b'\r' | b'\n') {
                *b = b' ';
            }
        }
        self.buf.extend_from_slice(b"\r\n");
    }

    /// Lines of a HELP subcommand.
    pub fn help(&mut self, lines: &[&str]) {
        self.array(lines.len());
        for l in lines {
            self.simple(l);
        }
    }

    /// Bytes that are RESP already.
    pub fn raw(&mut self, bytes: &[u8]) {
        self.buf.extend_from_slice(bytes);
    }

    // ---- headers whose count comes later ---------------------------------------------------------------------------

    pub fn defer(&mut self) -> Deferred {
        Deferred(self.buf.len())
    }

    pub fn finish_array(&mut self, at: Deferred, len: usize) {
        self.insert_header(at, b'*', len);
    }

    pub fn finish_set(&mut self, at: Deferred, len: usize) {
        let sigil = if self.resp3() { b'~' } else { b'*' };
        self.insert_header(at, sigil, len);
    }

    pub fn finish_map(&mut self, at: Deferred, len: usize) {
        if self.resp3() { self.insert_header(at, b'%', len) } else { self.insert_header(at, b'*', 2 * len) }
    }

    fn insert_header(&mut self, at: Deferred, sigil: u8, len: usize) {
        let mut digits = itoa::Buffer::new();
        let digits = digits.format(len).as_bytes();
        let grow = digits.len() + 3;
        self.buf.splice(at.0..at.0, std::iter::once(sigil).chain(digits.iter().copied()).chain(*b"\r\n"));
        for (position, _) in self.shared.iter_mut().rev().take_while(|(p, _)| *p >= at.0) {
            *position += grow;
        }
    }

    // ---- for dispatch and the connection ---------------------------------------------------------------------------

    pub fn mark(&self) -> Mark {
        Mark { buf: self.buf.len(), shared: self.shared.len() }
    }

    /// Forgets what was written since the mark.
    pub fn rewind(&mut self, to: Mark) {
        self.buf.truncate(to.buf);
        for (_, v) in self.shared.drain(to.shared..) {
            self.shared_bytes -= v.len();
        }
    }

    /// Bytes to send.
    pub fn len(&self) -> usize {
        self.buf.len() + self.shared_bytes
    }

    pub fn is_empty(&self) -> bool {
        self.buf.is_empty() && self.shared.is_empty()
    }

    pub fn has_shared(&self) -> bool {
        !self.shared.is_empty()
    }

    pub fn clear(&mut self) {
        self.buf.clear();
        self.shared.clear();
        self.shared_bytes = 0;
    }

    /// Moves everything that `other` holds behind this.
    pub fn append(&mut self, other: &mut Reply) {
        if self.is_empty() {
            std::mem::swap(&mut self.buf, &mut other.buf);
            std::mem::swap(&mut self.shared, &mut other.shared);
        } else {
            let behind = self.buf.len();
            self.buf.append(&mut other.buf);
            self.shared.extend(other.shared.drain(..).map(|(at, value)| (behind + at, value)));
        }
        self.shared_bytes += std::mem::take(&mut other.shared_bytes);
    }

    /// Takes everything out as a chain of chunks, for a connection that cannot send it all at once.
    pub fn take_chunks(&mut self) -> Vec<Chunk> {
        let mut out = Vec::new();
        let buf = std::mem::take(&mut self.buf);
        let shared = std::mem::take(&mut self.shared);
        self.shared_bytes = 0;
        if shared.is_empty() {
            out.push(Chunk::Own(buf));
            return out;
        }
        let mut from = 0;
        for (at, value) in shared {
            if at > from {
                out.push(Chunk::Own(buf[from..at].to_vec()));
            }
            out.push(Chunk::Shared(value));
            from = at;
        }
        out.push(Chunk::Own(buf[from..].to_vec()));
        out
    }

    /// The whole reply as one byte string (for scripts, tests, and sub-calls).
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.len());
        let mut from = 0;
        for (at, value) in &self.shared {
            out.extend_from_slice(&self.buf[from..*at]);
            out.extend_from_slice(value);
            from = *at;
        }
        out.extend_from_slice(&self.buf[from..]);
        out
    }

    #[inline]
    fn header(&mut self, sigil: u8, n: i64) {
        // Nearly all are small; two table-free digits beat a formatter call.
        if (0..10).contains(&n) {
            self.buf.extend_from_slice(&[sigil, b'0' + n as u8, b'\r', b'\n']);
        } else if (10..100).contains(&n) {
            self.buf.extend_from_slice(&[sigil, b'0' + (n / 10) as u8, b'0' + (n % 10) as u8, b'\r', b'\n']);
        } else {
            self.line(sigil, itoa::Buffer::new().format(n).as_bytes());
        }
    }

    fn line(&mut self, sigil: u8, text: &[u8]) {
        self.buf.reserve(text.len() + 3);
        self.buf.push(sigil);
        self.buf.extend_from_slice(text);
        self.buf.extend_from_slice(b"\r\n");
    }
}

/// A bulk string of up to eight digits, the first byte lowest, and its length. All of it is made in registers and stored as one
/// block, of which the rest is cut off: digits stored one by one would have to reach the cache before a block could be loaded.
#[inline]
fn digits_block(n: u32) -> (u128, usize) {
    let (digits, len) = ascii_digits(n);
    let head = u32::from_le_bytes([b'$', b'0' + len as u8, b'\r', b'\n']);
    (u128::from(head) | u128::from(digits) << 32 | u128::from(CRLF) << (32 + 8 * len), 6 + len as usize)
}

/// A piece of a reply that waits to be sent.
#[derive(Clone)]
pub enum Chunk {
    Own(Vec<u8>),
    Shared(Arc<Vec<u8>>),
}

impl Chunk {
    pub fn bytes(&self) -> &[u8] {
        match self {
            Chunk::Own(b) => b,
            Chunk::Shared(b) => b,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_member_and_its_score_are_two_bulk_strings(
            bytes: Vec<u8>,
            whole in 0u32..=200_000_000,
            cut in 0u32..32,
            bits: u64,
            resp3: bool,
        ) {
            let small = f64::from(whole >> cut);
            for n in [small, -small, small + 0.5, 99_999_999.0, 1e8, 0.0, -0.0, f64::NAN, f64::INFINITY, f64::from_bits(bits)] {
                let proto = if resp3 { Proto::Resp3 } else { Proto::Resp2 };
                let (mut at_once, mut apart) = (Reply::new(proto), Reply::new(proto));
                at_once.bulk_and_double(&bytes, n);
                apart.bulk(&bytes);
                apart.double(n);
                prop_assert_eq!(at_once.to_bytes(), apart.to_bytes(), "{}", n);
                if !resp3 && n.to_bits() == small.to_bits() {
                    let mut plain = Reply::new(proto);
                    plain.bulk(small.to_string().as_bytes());
                    prop_assert!(at_once.to_bytes().ends_with(&plain.to_bytes()), "{}", n);
                }
            }
        }
    }
}
