//! A node of a quicklist: a [`Block`] of entries, or the LZF-compressed form of one.

use super::block::Block;
use crate::base::lzf;
use crate::data::lpentry::{self, Value};
use std::borrow::Cow;

/// Shorter nodes are never compressed, nor those that would not get shorter by [`MIN_GAIN`] bytes; both as Redis.
const MIN_RUN: usize = 48;
const MIN_GAIN: usize = 8;

#[derive(Clone)]
pub(super) struct Node {
    block: Block<0>,
    /// Length of the entries once decompressed; 0 while the block holds them plainly.
    unpacked: u32,
    count: u32,
}

impl Node {
    /// An empty node with room for `room` bytes.
    pub fn with_room(room: usize) -> Node {
        Node::plain(Block::with_room(room))
    }

    pub fn of_run(run: &[u8], count: usize) -> Node {
        Node::plain(Block::of_run(run, count))
    }

    fn plain(block: Block<0>) -> Node {
        Node { block, unpacked: 0, count: 0 }
    }

    pub fn is_packed(&self) -> bool {
        self.unpacked != 0
    }

    /// Entries in the node.
    #[inline]
    pub fn count(&self) -> usize {
        (if self.unpacked == 0 { self.block.count } else { self.count }) as usize
    }

    /// Bytes its entries take, or would take uncompressed.
    #[inline]
    pub fn run_len(&self) -> usize {
        (if self.unpacked == 0 { self.block.used } else { self.unpacked }) as usize
    }

    /// The entries. Borrowed unless the node is compressed.
    #[inline]
    pub fn run(&self) -> Cow<'_, [u8]> {
        if self.unpacked == 0 {
            return Cow::Borrowed(self.block.bytes());
        }
        Cow::Owned(self.unpack_run())
    }

    fn unpack_run(&self) -> Vec<u8> {
        lzf::decompress(self.block.bytes(), self.unpacked as usize).expect("what we compressed")
    }

    /// The compressed form, if that is what the node holds.
    pub fn packed_run(&self) -> Option<&[u8]> {
        self.is_packed().then(|| self.block.bytes())
    }

    /// The bytes as they are, and the length of the entries if that is their compressed form.
    pub fn held(&self) -> (&[u8], Option<usize>) {
        (self.block.bytes(), self.is_packed().then_some(self.unpacked as usize))
    }

    /// The block, decompressed if need be, for a change.
    #[inline]
    pub fn edit(&mut self) -> &mut Block<0> {
        self.unpack();
        &mut self.block
    }

    pub fn unpack(&mut self) {
        if self.is_packed() {
            self.block = Block::of_run(&self.unpack_run(), self.count as usize);
            self.unpacked = 0;
        }
    }

    pub fn pack(&mut self) {
        if self.is_packed() {
            return;
        }
        let run = self.block.bytes();
        let packed = if run.len() < MIN_RUN { None } else { lzf::compress(run, run.len() - MIN_GAIN) };
        match packed {
            Some(packed) => {
                (self.unpacked, self.count) = (self.block.used, self.block.count);
                self.block = Block::of_run(&packed, 0);
            }
            None => self.block.shrink_to_fit(),
        }
    }

    pub fn shrink_to_fit(&mut self) {
        self.block.shrink_to_fit();
    }

    pub fn heap_bytes(&self) -> usize {
        self.block.heap_bytes()
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
        Node::plain(block.split_off(at, n))
    }
}
