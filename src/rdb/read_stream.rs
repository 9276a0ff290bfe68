//! Reading streams.
//!
//! ```text
//!  n(nodes) (string of 16 bytes: first id, string: listpack) …
//!  n(entries) n(last id: ms) n(seq) [version 2: n n(first id) n n(largest deleted id) n(entries ever added)]
//!  n(groups): name, n n(last id), [version 2: n(entries read, -1: unknown)],
//!             n(pending): (id of 16 bytes, delivered i64 ms, n(times delivered)) …
//!             n(consumers): name, seen i64 ms, [version 3: active i64 ms, -1: never], n(pending): id of 16 bytes …
//! ```

use super::event::{Part, StreamFigures};
use super::fault::Fault;
use super::kind::ValueKind;
use super::read::Reader;
use super::source::{Piece, Source};
use crate::data::stream::StreamId;
use std::io::Read;

/// Where in a stream the reader stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct StreamStep {
    version: u8,
    at: At,
}

#[derive(Clone, Copy, Debug)]
enum At {
    Nodes(u64),
    Figures,
    Groups(u64),
    /// Groups, and pending entries of the one at hand, still to come.
    Pending(u64, u64),
    Consumers(u64, u64),
    /// Groups, consumers, and pending entries of the one at hand.
    ConsumerPending(u64, u64, u64),
}

pub(super) enum Told {
    Node(StreamId, Piece),
    Figures(StreamFigures),
    Group(Piece, StreamId, Option<u64>),
    Pending(StreamId, u64, u64),
    Consumer(Piece, u64, Option<Option<u64>>),
    ConsumerPending(StreamId),
}

impl Told {
    pub fn part<R: Read>(self, source: &Source<R>) -> Part<'_> {
        match self {
            Told::Node(first, piece) => Part::StreamNode { first, listpack: source.bytes(piece) },
            Told::Figures(figures) => Part::StreamFigures(figures),
            Told::Group(name, last_id, entries_read) => Part::Group { name: source.item(name), last_id, entries_read },
            Told::Pending(id, delivered_ms, count) => Part::Pending { id, delivered_ms, count },
            Told::Consumer(name, seen_ms, active_ms) => Part::Consumer { name: source.item(name), seen_ms, active_ms },
            Told::ConsumerPending(id) => Part::ConsumerPending(id),
        }
    }
}

impl StreamStep {
    pub fn begin(kind: ValueKind, nodes: u64) -> StreamStep {
        let version = match kind {
            ValueKind::StreamListpacks => 1,
            ValueKind::StreamListpacks2 => 2,
            _ => 3,
        };
        StreamStep { version, at: At::Nodes(nodes) }
    }
}

impl<R: Read> Reader<R> {
    /// One step; `None` if it told nothing.
    pub(super) fn stream(&mut self, step: StreamStep) -> Result<Option<Told>, Fault> {
        let version = step.version;
        let (told, next) = match step.at {
            At::Nodes(0) => (None, Some(At::Figures)),
            At::Nodes(left) => {
                let first = self.source.string()?;
                let first = match <[u8; 16]>::try_from(self.source.bytes(first)) {
                    Ok(bytes) => StreamId::from_bytes(bytes),
                    Err(_) => return Err(self.source.fault("Stream node key entry is not the size of a stream ID")),
                };
                let listpack = self.source.string()?;
                (Some(Told::Node(first, self.source.spell(listpack))), Some(At::Nodes(left - 1)))
            }
            At::Figures => {
                let (len, last_id) = (self.source.length()?, self.stream_id()?);
                let since_2 = match version {
                    1 => None,
                    _ => Some((self.stream_id()?, self.stream_id()?, self.source.length()?)),
                };
                let groups = self.source.length()?;
                (Some(Told::Figures(StreamFigures { len, last_id, since_2 })), Some(At::Groups(groups)))
            }
            At::Groups(0) => (None, None),
            At::Groups(left) => {
                let (name, last_id) = (self.source.string()?, self.stream_id()?);
                let entries_read =
                    if version > 1 { Some(self.source.length()?).filter(|n| *n != u64::MAX) } else { None };
                let pending = self.source.length()?;
                (Some(Told::Group(name, last_id, entries_read)), Some(At::Pending(left - 1, pending)))
            }
            At::Pending(groups, 0) => (None, Some(At::Consumers(groups, self.source.length()?))),
            At::Pending(groups, left) => {
                let id = StreamId::from_bytes(self.source.array()?);
                let told = Told::Pending(id, self.source.time_ms()?, self.source.length()?);
                (Some(told), Some(At::Pending(groups, left - 1)))
            }
            At::Consumers(groups, 0) => (None, Some(At::Groups(groups))),
            At::Consumers(groups, left) => {
                let (name, seen_ms) = (self.source.string()?, self.source.time_ms()?);
                let active_ms = if version > 2 { Some(u64::try_from(self.source.i64_le()?).ok()) } else { None };
                let pending = self.source.length()?;
                (Some(Told::Consumer(name, seen_ms, active_ms)), Some(At::ConsumerPending(groups, left - 1, pending)))
            }
            At::ConsumerPending(groups, consumers, 0) => (None, Some(At::Consumers(groups, consumers))),
            At::ConsumerPending(groups, consumers, left) => {
                let id = StreamId::from_bytes(self.source.array()?);
                (Some(Told::ConsumerPending(id)), Some(At::ConsumerPending(groups, consumers, left - 1)))
            }
        };
        self.set_step(next.map(|at| StreamStep { version, at }));
        Ok(told)
    }

    fn stream_id(&mut self) -> Result<StreamId, Fault> {
        Ok(StreamId::new(self.source.length()?, self.source.length()?))
    }
}
