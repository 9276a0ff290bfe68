//! A node of a quicklist: a [`Block`] of entries, or the LZF-compressed form of one.

use crate::base::lzf;
use crate::data::block::Block;
use crate::data::effort::Effort;
use crate::data::lpentry::{self, Value};
use std::borrow::Cow;

/// Shorter nodes are never compressed, nor those that would not get shorter by [`MIN_GAIN`] bytes; both as Redis.
const MIN_RUN: usize = 48;
const MIN_GAIN: usize = 8;

/// In the count of a block: it holds the compressed form, behind the length of the entries once decompressed (4 bytes). A node is
/// a block and no more, because a list has a row of them. No count reaches this bit: a block is less than 4 GiB, and an entry is two
/// bytes at least.
const PACKED: u32 = 1 << 31;
const LENGTH: usize = 4;

#[derive(Clone)]
pub(super) struct Node(Block<0>);

impl Node {
    /// An empty node with room for `room` bytes.
    pub fn with_room(room: usize) -> Node {
        Node(Block::with_room(room))
    }

    pub fn of_run(run: &[u8], count: usize) -> Node {
        Node(Block::of_run(run, count))
    }

    #[inline]
    pub fn is_packed(&self) -> bool {
        self.0.count & PACKED != 0
    }

    /// Entries in the node.
    #[inline]
    pub fn count(&self) -> usize {
        (self.0.count & !PACKED) as usize
    }

    /// Bytes its entries take, or would take uncompressed.
    #[inline]
    pub fn run_len(&self) -> usize {
        self.held().1.unwrap_or(self.0.used as usize)
    }

    /// The entries. Borrowed unless the node is compressed.
    #[inline]
    pub fn run(&self) -> Cow<'_, [u8]> {
        match self.held() {
            (run, None) => Cow::Borrowed(run),
            (packed, Some(len)) => Cow::Owned(lzf::decompress(packed, len).expect("what we compressed")),
        }
    }

    /// The compressed form, if that is what the node holds.
    pub fn packed_run(&self) -> Option<&[u8]> {
        self.is_packed().then(|| self.held().0)
    }

    /// The bytes as they are, and the length of the entries if that is their compressed form.
    #[inline]
    pub fn held(&self) -> (&[u8], Option<usize>) {
        match (self.is_packed(), self.0.bytes().split_first_chunk::<LENGTH>()) {
            (true, Some((len, packed))) => (packed, Some(u32::from_le_bytes(*len) as usize)),
            _ => (self.0.bytes(), None),
        }
    }

    /// The block, decompressed if need be, for a change.
    #[inline]
    pub fn edit(&mut self) -> &mut Block<0> {
        self.unpack();
        &mut self.0
    }

    pub fn unpack(&mut self) {
        if self.is_packed() {
            self.0 = Block::of_run(&self.run(), self.count());
        }
    }

    pub fn pack(&mut self) {
        if self.is_packed() {
            return;
        }
        let run = self.0.bytes();
        let packed = if run.len() < MIN_RUN { None } else { lzf::compress(run, run.len() - MIN_GAIN) };
        match packed {
            Some(packed) => {
                let held = [&self.0.used.to_le_bytes()[..], &packed].concat();
                self.0 = Block::of_run(&held, (self.0.count | PACKED) as usize);
            }
            None => self.0.shrink_to_fit(),
        }
    }

    pub fn shrink_to_fit(&mut self) {
        self.0.shrink_to_fit();
    }

    pub fn heap_bytes(&self) -> usize {
        self.0.heap_bytes()
    }

    pub fn compact(&mut self, effort: &mut Effort) {
        self.0.compact(effort);
    }

    /// Moves all entries of `other` behind those here.
    pub fn append(&mut self, other: &Node) {
        let end = self.run_len();
        self.edit().insert_run(end, &other.run(), other.count());
    }

    pub fn insert_at(&mut self, index: usize, value: Value<'_>) {
        let block = self.edit();
        let at = block.offset(index);
        block.insert(at, value);
    }

    /// Removes `n` entries from number `index` on.
    pub fn remove(&mut self, index: usize, n: usize) {
        let block = self.edit();
        let at = block.offset(index);
        let end = if index + n == block.count as usize {
            block.used as usize
        } else {
            (0..n).fold(at, |end, _| end + lpentry::entry_len_at(&block.bytes()[end..]))
        };
        block.remove(at, end - at, n);
    }

    /// Splits off the entries from number `index` on.
    pub fn split_off(&mut self, index: usize) -> Node {
        let block = self.edit();
        let at = block.offset(index);
        let n = block.count as usize - index;
        Node(block.split_off(at, n))
    }
}
