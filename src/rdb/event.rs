//! What a reader tells.

use super::compact::Form;
use super::kind::ValueKind;
use crate::data::Item;
use crate::data::stream::StreamId;
use std::fmt;

/// One thing that a file says. Texts are borrowed from the reader until it is asked for the next event.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Event<'a> {
    /// The first.
    Header(Header),
    /// Something about the file, such as `redis-ver` or `ctime`.
    Aux {
        name: Item<'a>,
        value: Item<'a>,
    },
    /// The database of the keys that follow.
    SelectDb(u64),
    /// How many keys the database will have, and how many of them expire. A hint.
    ResizeDb {
        keys: u64,
        expiring: u64,
    },
    /// The same for the slot of a cluster whose keys follow.
    SlotInfo {
        slot: u64,
        keys: u64,
        expiring: u64,
    },
    /// Valkey 9: slots that were on their way here; so many ranges.
    SlotImport {
        job: Item<'a>,
        ranges: u64,
    },
    /// The source of a library of functions, its `#!` line included.
    Function(Item<'a>),
    /// What a module keeps beside the keys; skipped.
    ModuleAux(ModuleId),
    /// A key; its value follows in parts, then [`Event::KeyEnd`].
    Key(KeyHead<'a>),
    Part(Part<'a>),
    KeyEnd,
    /// The last. The checksum agreed if the file has one that was computed.
    End {
        checksum: Option<u64>,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    pub version: u32,
    /// `VALKEY` in front instead of `REDIS`.
    pub valkey: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct KeyHead<'a> {
    pub name: &'a [u8],
    pub kind: ValueKind,
    /// Unix time.
    pub expires_at_ms: Option<i64>,
    /// Seconds since it was last used.
    pub idle_s: Option<u64>,
    /// The logarithmic counter of the LFU policies.
    pub freq: Option<u8>,
    /// Offset of the record's first byte, which may be that of its expiry.
    pub at: u64,
}

/// A part of a value. Which ones there are follows from the [`ValueKind`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Part<'a> {
    /// How many items, members, fields, nodes or groups are announced. Comes before them; foreign, so no size to allocate.
    Count(u64),
    /// A whole string.
    Text(Item<'a>),
    /// An item of a list, or a member of a set.
    Item(Item<'a>),
    Scored(Item<'a>, f64),
    Field {
        name: Item<'a>,
        value: Item<'a>,
        /// Unix time.
        expires_at_ms: Option<i64>,
    },
    /// Several items, members or fields in one piece, as it lies in the file, unchecked: see [`super::Elements`].
    Packed(Form, &'a [u8]),
    /// A node of a stream: entries as Redis packs them, unchecked.
    StreamNode {
        first: StreamId,
        listpack: &'a [u8],
    },
    StreamFigures(StreamFigures),
    Group {
        name: Item<'a>,
        last_id: StreamId,
        entries_read: Option<u64>,
    },
    /// An entry that the group at hand has delivered and that was not acknowledged.
    Pending {
        id: StreamId,
        delivered_ms: u64,
        count: u64,
    },
    Consumer {
        name: Item<'a>,
        seen_ms: u64,
        /// Unknown before stream version 3; `Some(None)`: never.
        active_ms: Option<Option<u64>>,
    },
    /// One of the pending entries belongs to the consumer at hand.
    ConsumerPending(StreamId),
    /// A value that only its module understands; skipped.
    Module(ModuleId),
}

/// What is known of a stream beside its entries. Version 1 knew less.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamFigures {
    pub len: u64,
    pub last_id: StreamId,
    /// First id, largest deleted id, entries ever added.
    pub since_2: Option<(StreamId, StreamId, u64)>,
}

/// A module's type: nine letters and a version in 64 bits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ModuleId(pub u64);

impl ModuleId {
    /// The version of the module's encoding.
    pub fn version(self) -> u16 {
        (self.0 & 1023) as u16
    }
}

/// The name.
impl fmt::Display for ModuleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        (0..9).try_for_each(|i| {
            let letter = LETTERS[(self.0 >> (58 - 6 * i)) as usize & 63];
            write!(f, "{}", letter as char)
        })
    }
}

impl fmt::Debug for ModuleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self} version {}", self.version())
    }
}
