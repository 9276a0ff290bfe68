//! Events to values, in the encodings that the thresholds of the server choose.
//!
//! What is checked: everything that the types rely on (whole listpacks, no member twice, ids that rise …), so that a foreign
//! value is as good as one built by commands.

mod collections;
mod stream;

use super::event::{Event, KeyHead, ModuleId, Part};
use super::fault::{Fault, Why};
use super::kind::ValueKind;
use super::read::Reader;
use crate::data::{Hash, Item, Limits, List, Set, Stream, Zset, list};
use collections::Draft;
use std::io::Read;
pub(super) use stream::StreamDraft;

/// How large a collection may be in its compact encoding.
#[derive(Clone, Copy, Debug, Default)]
pub struct Thresholds {
    pub collections: Limits,
    pub lists: list::Limits,
}

/// A value read. A string is borrowed from the reader.
pub enum Value<'a> {
    Text(Item<'a>),
    List(List),
    Set(Set),
    Zset(Zset),
    Hash(Hash),
    Stream(Stream),
}

pub struct LoadedKey<'a> {
    pub db: u64,
    pub name: &'a [u8],
    pub value: Value<'a>,
    /// Unix time.
    pub expires_at_ms: Option<i64>,
    pub idle_s: Option<u64>,
    pub freq: Option<u8>,
    /// How it lay in the file.
    pub kind: ValueKind,
    /// Offset and length of its record, from its expiry on.
    pub at: u64,
    pub len: u64,
}

impl Value<'_> {
    /// The value for whoever writes or reads it.
    pub fn view(&self) -> super::write::ValueRef<'_> {
        use super::write::ValueRef;
        match self {
            Value::Text(text) => ValueRef::Text(*text),
            Value::List(v) => ValueRef::List(v),
            Value::Set(v) => ValueRef::Set(v),
            Value::Zset(v) => ValueRef::Zset(v),
            Value::Hash(v) => ValueRef::Hash(v),
            Value::Stream(v) => ValueRef::Stream(v),
        }
    }
}

/// What a loader gives.
pub enum Loaded<'a> {
    Key(LoadedKey<'a>),
    /// A key that no server may have: a collection without elements. Redis skips and counts it.
    EmptyKey {
        db: u64,
        name: &'a [u8],
    },
    /// A value of a module; there is nobody who understands it.
    ModuleKey {
        db: u64,
        name: &'a [u8],
        module: ModuleId,
        expires_at_ms: Option<i64>,
    },
    /// Anything that is not about a key. [`Event::End`] is the last.
    Other(Event<'a>),
}

/// Reads keys with their values.
pub struct Loader<R> {
    pub reader: Reader<R>,
    limits: Thresholds,
    db: u64,
}

impl<R: Read> Loader<R> {
    pub fn new(inner: R, limits: Thresholds) -> Loader<R> {
        Loader::on(Reader::new(inner), limits)
    }

    pub fn on(reader: Reader<R>, limits: Thresholds) -> Loader<R> {
        Loader { reader, limits, db: 0 }
    }

    /// The next key, or whatever else comes next.
    #[allow(clippy::should_implement_trait)] // it lends
    pub fn next(&mut self) -> Result<Loaded<'_>, Fault> {
        let head = match self.reader.step()? {
            told @ super::read::Told::Key(_) => {
                let Event::Key(KeyHead { kind, expires_at_ms, idle_s, freq, at, .. }) = self.reader.event(told) else {
                    return Err(self.reader.source.fault("a key"));
                };
                (kind, expires_at_ms, idle_s, freq, at)
            }
            told => {
                if let super::read::Told::SelectDb(db) = told {
                    self.db = db;
                }
                return Ok(Loaded::Other(self.reader.event(told)));
            }
        };
        let (kind, expires_at_ms, idle_s, freq, at) = head;
        let db = self.db;
        let value = match self.reader.value(kind, &self.limits)? {
            Made::Text(piece) => Value::Text(self.reader.source.item(piece)),
            Made::Value(value) => value,
            Made::Empty => return Ok(Loaded::EmptyKey { db, name: self.reader.key() }),
            Made::Module(module) => {
                return Ok(Loaded::ModuleKey { db, name: self.reader.key(), module, expires_at_ms });
            }
        };
        let len = self.reader.offset() - at;
        Ok(Loaded::Key(LoadedKey { db, name: self.reader.key(), value, expires_at_ms, idle_s, freq, kind, at, len }))
    }
}

/// A value that does not borrow yet.
pub(super) enum Made {
    Text(super::source::Piece),
    Value(Value<'static>),
    Empty,
    Module(ModuleId),
}

impl<R: Read> Reader<R> {
    /// Reads the value whose [`Event::Key`] was told, its [`Event::KeyEnd`] included.
    pub(super) fn value(&mut self, kind: ValueKind, limits: &Thresholds) -> Result<Made, Fault> {
        if kind == ValueKind::String {
            let super::read::Told::Text(piece) = self.step()? else { return Err(self.source.fault("a string")) };
            self.end_key();
            return Ok(Made::Text(piece));
        }
        let mut draft = Draft::new(kind, limits);
        loop {
            let done = match self.next()? {
                Event::Part(Part::Module(id)) => {
                    self.end_key();
                    return Ok(Made::Module(id));
                }
                Event::Part(part) => draft.add(part),
                _ => break,
            };
            done.map_err(|why| self.source.fault(why))?;
        }
        match draft.finish().map_err(|why| self.source.fault(why))? {
            Some(value) => Ok(Made::Value(value)),
            None => Ok(Made::Empty),
        }
    }
}

/// Makes one value of what lies behind the type byte of a payload; `Ok(None)` for a collection without elements and for a
/// module's value.
pub fn value_of(kind: ValueKind, bytes: &[u8], limits: &Thresholds) -> Result<Option<super::payload::Owned>, Fault> {
    use super::payload::Owned;
    let mut reader = Reader::of_value(kind, bytes);
    let value = match reader.value(kind, limits)? {
        Made::Text(piece) => Owned::Text(reader.source.item(piece).to_vec()),
        Made::Value(value) => Owned::Value(value),
        Made::Empty | Made::Module(_) => return Ok(None),
    };
    if reader.offset() != bytes.len() as u64 {
        return Err(reader.source.fault(Why::from("bytes behind the value")));
    }
    Ok(Some(value))
}
