//! Writing: values and records to bytes, in the format of a [`Target`].
//!
//! ```text
//! let mut file = Summing::new(file, checksum);           // sums what passes
//! let mut encoder = Encoder::new(target, compress);
//! let mut out = Vec::new();
//! write::header(target, &mut out);
//! write::aux(b"ctime", b"1700000000", &mut out);
//! write::select_db(0, &mut out);
//! for each key {
//!     encoder.key(&KeyHead { … }, &value, &mut out);
//!     let mut progress = Progress::default();
//!     while !encoder.value_some(value, &mut progress, 64 << 10, &mut out) {
//!         file.write_all(&out)?;                          // and let others at the key's shard, if it stays as it is
//!         out.clear();
//!     }
//! }
//! file.write_all(&out)?;
//! file.finish()?                                          // end and checksum
//! ```
//!
//! A value may be written in steps, each of about the bytes asked for, so that neither it nor its bytes are held whole. It must
//! not change between the steps of one [`Progress`].

mod collections;
mod stream;

use super::kind::{self, ValueKind};
use super::target::Target;
use crate::base::{crc64::crc64, lzf};
use crate::data::stream::StreamId;
use crate::data::{Hash, Item, List, Set, Stream, Zset, parse_int};
use std::io::{self, Write};

/// A value to be written, wherever it lies.
#[derive(Clone, Copy)]
pub enum ValueRef<'a> {
    Text(Item<'a>),
    List(&'a List),
    Set(&'a Set),
    Zset(&'a Zset),
    Hash(&'a Hash),
    Stream(&'a Stream),
}

/// What stands before a key's value.
#[derive(Clone, Copy, Default)]
pub struct KeyHead<'a> {
    pub name: &'a [u8],
    /// Unix time.
    pub expires_at_ms: Option<i64>,
    /// Seconds since it was last used; written where an LRU policy is on.
    pub idle_s: Option<u64>,
    /// The LFU counter; likewise.
    pub freq: Option<u8>,
}

/// How far the writing of a value has come. Begin with the default.
#[derive(Clone, Copy, Default, Debug)]
pub struct Progress(At);

#[derive(Clone, Copy, Default, Debug)]
enum At {
    #[default]
    Begin,
    /// The number of the next run of a list, or node of a stream.
    Run(usize),
    /// The position in a table.
    Position(u64),
    /// Members of a sorted set that were written.
    Members(usize),
    Groups(usize),
    /// Pending entries of this group, from this id on.
    Pending(usize, StreamId),
    Consumers(usize),
    Consumer(usize, usize),
    ConsumerPending(usize, usize, StreamId),
    Done,
}

/// Whether only formats with fields that expire hold the value.
pub fn fields_expire(value: &ValueRef<'_>) -> bool {
    matches!(value, ValueRef::Hash(hash) if hash.next_expiry().is_some())
}

/// Turns values into bytes.
pub struct Encoder {
    pub target: Target,
    /// `rdbcompression`: longer strings as LZF where that is shorter.
    pub compress: bool,
    lzf: lzf::Compressor,
    scratch: Vec<u8>,
    packed: Vec<u8>,
}

impl Encoder {
    pub fn new(target: Target, compress: bool) -> Encoder {
        Encoder { target, compress, lzf: lzf::Compressor::default(), scratch: Vec::new(), packed: Vec::new() }
    }

    /// Whether the target has a form for the value. One that it does not hold is written without its fields' expiries.
    pub fn holds(&self, value: &ValueRef<'_>) -> bool {
        self.target.holds_field_expiry() || !fields_expire(value)
    }

    /// How the value will be laid out.
    pub fn kind(&self, value: &ValueRef<'_>) -> ValueKind {
        let listpacks = self.target.holds_listpacks();
        match value {
            ValueRef::Text(_) => ValueKind::String,
            ValueRef::List(_) if listpacks => ValueKind::ListQuicklist2,
            ValueRef::List(_) => ValueKind::ListQuicklist,
            ValueRef::Set(set) if set.as_intset().is_some() => ValueKind::SetIntset,
            ValueRef::Set(set) if set.as_listpack().is_some() && self.target.holds_set_listpacks() => {
                ValueKind::SetListpack
            }
            ValueRef::Set(_) => ValueKind::Set,
            ValueRef::Zset(zset) if zset.as_listpack().is_none() => ValueKind::Zset2,
            ValueRef::Zset(_) if listpacks => ValueKind::ZsetListpack,
            ValueRef::Zset(_) => ValueKind::ZsetZiplist,
            ValueRef::Hash(hash) => self.hash_kind(hash),
            ValueRef::Stream(_) => self.target.stream(),
        }
    }

    fn hash_kind(&self, hash: &Hash) -> ValueKind {
        if hash.next_expiry().is_some() && self.target.holds_field_expiry() {
            return match (self.target, hash.as_listpack()) {
                (Target::Valkey9, _) => ValueKind::Hash2,
                (_, Some(_)) => ValueKind::HashListpackEx,
                (_, None) => ValueKind::HashMetadata,
            };
        }
        match hash.as_listpack() {
            None => ValueKind::Hash,
            Some(_) if self.target.holds_listpacks() => ValueKind::HashListpack,
            Some(_) => ValueKind::HashZiplist,
        }
    }

    /// A key's record up to its value.
    pub fn key(&mut self, head: &KeyHead<'_>, value: &ValueRef<'_>, out: &mut Vec<u8>) {
        if let Some(at) = head.expires_at_ms {
            out.push(kind::EXPIRY_MS);
            out.extend_from_slice(&at.to_le_bytes());
        }
        if let Some(seconds) = head.idle_s {
            out.push(kind::IDLE);
            length(seconds, out);
        }
        if let Some(freq) = head.freq {
            out.extend_from_slice(&[kind::FREQ, freq]);
        }
        out.push(self.kind(value).byte());
        self.string(Item::Bytes(head.name), out);
    }

    /// A library of functions, by its source.
    pub fn function(&mut self, code: &[u8], out: &mut Vec<u8>) {
        out.push(kind::FUNCTION2);
        self.string(Item::Bytes(code), out);
    }

    /// The whole value.
    pub fn whole_value(&mut self, value: ValueRef<'_>, out: &mut Vec<u8>) {
        let mut progress = Progress::default();
        while !self.value_some(value, &mut progress, usize::MAX, out) {}
    }

    /// Appends about `enough` more bytes of the value (a part of it at least), and says whether that was the rest.
    pub fn value_some(
        &mut self,
        value: ValueRef<'_>,
        progress: &mut Progress,
        enough: usize,
        out: &mut Vec<u8>,
    ) -> bool {
        let full = out.len().saturating_add(enough);
        match value {
            ValueRef::Text(text) => {
                self.string(text, out);
                progress.0 = At::Done;
            }
            ValueRef::List(list) => self.list(list, progress, full, out),
            ValueRef::Set(set) => self.set(set, progress, full, out),
            ValueRef::Zset(zset) => self.zset(zset, progress, full, out),
            ValueRef::Hash(hash) => self.hash(hash, progress, full, out),
            ValueRef::Stream(stream) => self.stream(stream, progress, full, out),
        }
        matches!(progress.0, At::Done)
    }

    /// A string, as a number where it is the text of one, compressed where that pays.
    #[inline]
    pub fn string(&mut self, text: Item<'_>, out: &mut Vec<u8>) {
        match text {
            Item::Int(n) => int(n, out),
            Item::Bytes(text) if text.len() <= 11 => match parse_int(text) {
                Some(n) => int(n, out),
                None => plain(text, out),
            },
            Item::Bytes(text) => self.long_string(text, out),
        }
    }

    /// A string that is no number.
    fn long_string(&mut self, text: &[u8], out: &mut Vec<u8>) {
        if self.compress && text.len() > 20 {
            self.packed.clear();
            if self.lzf.compress(text, text.len() - 4, &mut self.packed) {
                packed(&self.packed, text.len(), out);
                return;
            }
        }
        plain(text, out);
    }
}

/// A count or length.
#[inline]
pub fn length(n: u64, out: &mut Vec<u8>) {
    match n {
        0..0x40 => out.push(n as u8),
        0x40..0x4000 => out.extend_from_slice(&[0x40 | (n >> 8) as u8, n as u8]),
        0x4000..=0xffff_ffff => {
            out.push(0x80);
            out.extend_from_slice(&(n as u32).to_be_bytes());
        }
        _ => {
            out.push(0x81);
            out.extend_from_slice(&n.to_be_bytes());
        }
    }
}

fn plain(text: &[u8], out: &mut Vec<u8>) {
    length(text.len() as u64, out);
    out.extend_from_slice(text);
}

fn packed(lzf: &[u8], len: usize, out: &mut Vec<u8>) {
    out.push(0xc3);
    length(lzf.len() as u64, out);
    length(len as u64, out);
    out.extend_from_slice(lzf);
}

fn int(n: i64, out: &mut Vec<u8>) {
    let wide = n.to_le_bytes();
    let (code, width) = match n {
        -0x80..=0x7f => (0xc0, 1),
        -0x8000..=0x7fff => (0xc1, 2),
        -0x8000_0000..=0x7fff_ffff => (0xc2, 4),
        _ => return plain(itoa::Buffer::new().format(n).as_bytes(), out),
    };
    out.push(code);
    out.extend_from_slice(&wide[..width]);
}

/// The first bytes of a file.
pub fn header(target: Target, out: &mut Vec<u8>) {
    out.extend_from_slice(target.magic());
}

/// Something about the file: `redis-ver`, `redis-bits`, `ctime`, `used-mem`, `repl-stream-db` ….
pub fn aux(name: &[u8], value: &[u8], out: &mut Vec<u8>) {
    out.push(kind::AUX);
    plain(name, out);
    match parse_int(value).filter(|_| value.len() <= 11) {
        Some(n) => int(n, out),
        None => plain(value, out),
    }
}

pub fn select_db(db: u64, out: &mut Vec<u8>) {
    out.push(kind::SELECT_DB);
    length(db, out);
}

/// How many keys the database has and how many of them expire. A hint to whoever loads it.
pub fn resize_db(keys: u64, expiring: u64, out: &mut Vec<u8>) {
    out.push(kind::RESIZE_DB);
    length(keys, out);
    length(expiring, out);
}

/// Passes bytes on and sums them.
pub struct Summing<W> {
    inner: W,
    sum: Option<u64>,
    written: u64,
}

impl<W: Write> Summing<W> {
    /// `checksum` as `rdbchecksum` says: without it the file says that none was computed.
    pub fn new(inner: W, checksum: bool) -> Summing<W> {
        Summing { inner, sum: checksum.then_some(0), written: 0 }
    }

    /// Bytes passed on so far.
    pub fn written(&self) -> u64 {
        self.written
    }

    pub fn inner(&mut self) -> &mut W {
        &mut self.inner
    }

    /// Writes the end and the checksum, and gives the sink back, neither flushed nor synced.
    pub fn finish(mut self) -> io::Result<W> {
        self.write_all(&[kind::EOF])?;
        let sum = self.sum.take().unwrap_or(0);
        self.write_all(&sum.to_le_bytes())?;
        Ok(self.inner)
    }
}

impl<W: Write> Write for Summing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let n = self.inner.write(bytes)?;
        if let Some(sum) = &mut self.sum {
            *sum = crc64(*sum, &bytes[..n]);
        }
        self.written += n as u64;
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}
