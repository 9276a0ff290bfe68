//! When a list is one listpack, and when a node is full: `list-max-listpack-size` and `list-compress-depth` as Redis 7.2
//! and 8.0 read them.

use super::node::Node;

/// Nodes limited by count are still never larger than this, unless one entry alone is.
const SAFE_BYTES: usize = 8192;
/// What Redis reckons an entry adds to its bytes at most, before it knows.
const ENTRY_OVERHEAD: usize = 8;
/// Header and end byte of a listpack.
pub(super) const FRAME: usize = 7;

/// A list's thresholds, as configured when the command runs.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Positive: entries; -1 ..= -5: 4 ..= 64 KB.
    pub max_listpack_size: i32,
    /// Nodes at either end that stay uncompressed; 0: all.
    pub compress_depth: u32,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { max_listpack_size: -2, compress_depth: 0 }
    }
}

impl Limits {
    /// The byte limit, where bytes limit.
    fn bytes(&self) -> Option<usize> {
        (self.max_listpack_size < 0).then(|| 4096 << (-1 - self.max_listpack_size.max(-5)))
    }

    fn entries(&self) -> usize {
        self.max_listpack_size.max(1) as usize
    }

    /// Whether a listpack of `bytes` bytes (frame included) and `count` entries is too large.
    #[inline]
    pub(super) fn exceeds(&self, bytes: usize, count: usize) -> bool {
        match self.bytes() {
            Some(limit) => bytes > limit,
            None => bytes > SAFE_BYTES || count > self.entries(),
        }
    }

    /// Whether an item of `len` bytes gets a node of its own.
    pub(super) fn is_large(&self, len: usize) -> bool {
        len > self.bytes().unwrap_or(SAFE_BYTES)
    }

    /// Whether `node` takes one more item of `len` bytes.
    #[inline]
    pub(super) fn allows(&self, node: &Node, len: usize) -> bool {
        !self.is_large(len) && !self.exceeds(node.run_len() + FRAME + len + ENTRY_OVERHEAD, node.count() + 1)
    }

    /// Whether a quicklist whose only node has these sizes becomes a listpack. After something was removed only at half the
    /// limit, so that a list around the limit does not convert to and fro.
    pub(super) fn suits_listpack(&self, bytes: usize, count: usize, shrinking: bool) -> bool {
        let half = if shrinking { 2 } else { 1 };
        match self.bytes() {
            Some(limit) => bytes <= limit / half,
            None => count <= self.entries() / half,
        }
    }
}
