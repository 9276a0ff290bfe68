//! Streams: entries under rising ids, and the groups of consumers that share reading them.
//!
//! A stream is one word, a box (`unsafe` is only [`Stream::from_raw`], which takes it back). Entries lie in packed nodes ([`node`]) in
//! a ring sorted by first id; new ones go to the last node, trimming takes whole nodes off the front.

mod group;
mod id;
mod node;
#[cfg(test)]
mod peer_tests;
mod range;
mod refs;
#[cfg(test)]
mod tests;
mod trim;

pub use group::{AutoClaim, Claim, Consumer, Group, Nack, Start};
pub use id::{NewId, StreamId};
pub use node::Entry;
pub use range::Range;
pub use refs::{Deletion, RefPolicy};
pub use trim::{Trim, TrimTo};

use crate::data::effort::Effort;
use node::Node;
use std::collections::{BTreeMap, VecDeque};
use std::ptr::NonNull;

/// No node and no entry grows past this, whatever is configured.
const MAX_BYTES: usize = 1 << 30;

/// A stream value. See the module's text.
#[repr(transparent)]
#[derive(Clone)]
pub struct Stream(Box<Inner>);

/// Groups by name.
pub(super) type Groups = BTreeMap<Box<[u8]>, Group>;

#[derive(Clone, Default)]
struct Inner {
    nodes: VecDeque<Node>,
    len: u64,
    last_id: StreamId,
    first_id: StreamId,
    max_deleted_id: StreamId,
    entries_added: u64,
    groups: Option<Box<Groups>>,
}

/// `stream-node-max-bytes` and `stream-node-max-entries`; 0 is no limit.
#[derive(Clone, Copy, Debug)]
pub struct NodeLimits {
    pub max_bytes: usize,
    pub max_entries: usize,
}

impl Default for NodeLimits {
    fn default() -> NodeLimits {
        NodeLimits { max_bytes: 4096, max_entries: 100 }
    }
}

/// Why an entry was not added.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AddError {
    /// The id asked for is not larger than the last one.
    NotGreater,
    /// The last id there can be is taken.
    Exhausted,
    /// The entry is larger than a node may be.
    TooLarge,
}

impl Default for Stream {
    fn default() -> Stream {
        Stream::new()
    }
}

impl Stream {
    pub fn new() -> Stream {
        Stream(Box::default())
    }

    /// Gives the word away. Only [`Stream::from_raw`] frees it then.
    pub fn into_raw(self) -> NonNull<u8> {
        NonNull::from(Box::leak(self.0)).cast()
    }

    /// Takes a word back.
    ///
    /// # Safety
    /// `raw` came from [`Stream::into_raw`] and is used once.
    pub unsafe fn from_raw(raw: NonNull<u8>) -> Stream {
        // SAFETY: the caller's promise; `into_raw` leaked this box.
        Stream(unsafe { Box::from_raw(raw.cast::<Inner>().as_ptr()) })
    }

    /// The name that OBJECT ENCODING shows.
    pub fn encoding(&self) -> &'static str {
        "stream"
    }

    /// Entries.
    pub fn len(&self) -> u64 {
        self.0.len
    }

    pub fn is_empty(&self) -> bool {
        self.0.len == 0
    }

    /// Bytes taken from the allocator; those of groups are reckoned, not counted.
    pub fn heap_bytes(&self) -> usize {
        let groups = self.groups().map(|(name, group)| name.len() + 64 + group.heap_bytes());
        size_of::<Inner>()
            + self.0.nodes.capacity() * size_of::<Node>()
            + self.0.nodes.iter().map(Node::heap_bytes).sum::<usize>()
            + groups.sum::<usize>()
    }

    /// Roughly how many allocations dropping the stream gives back.
    pub fn free_effort(&self) -> usize {
        1 + self.0.nodes.len() + self.groups().map(|(_, group)| 1 + group.pel_len()).sum::<usize>()
    }

    /// Moves nodes that lie in pages of which little is used, from number `from` on, for as long as the effort lasts; returns where to
    /// go on.
    pub fn compact(&mut self, from: u64, effort: &mut Effort) -> Option<u64> {
        let first = usize::try_from(from).ok()?;
        effort.spend_on(self.0.nodes.iter_mut().skip(first), from, |node, effort| node.compact(effort))
    }

    /// Largest id ever added or set (`last-generated-id`).
    pub fn last_id(&self) -> StreamId {
        self.0.last_id
    }

    /// Id of the first entry, 0-0 when there is none (`recorded-first-entry-id`).
    pub fn first_id(&self) -> StreamId {
        self.0.first_id
    }

    /// Id of the last entry, 0-0 when there is none. Not [`Stream::last_id`] after that entry was deleted.
    pub fn last_entry_id(&self) -> StreamId {
        self.range_rev(StreamId::MIN, StreamId::MAX).next().map_or(StreamId::MIN, |entry| entry.id)
    }

    pub fn max_deleted_id(&self) -> StreamId {
        self.0.max_deleted_id
    }

    /// Entries ever added.
    pub fn entries_added(&self) -> u64 {
        self.0.entries_added
    }

    /// Nodes (`radix-tree-keys`).
    pub fn nodes_len(&self) -> usize {
        self.0.nodes.len()
    }

    /// Nodes that the radix tree would have in which Redis keeps the same ids (`radix-tree-nodes`).
    pub fn radix_nodes(&self) -> usize {
        let keys: Vec<[u8; 16]> = self.0.nodes.iter().map(|node| node.master.to_bytes()).collect();
        if keys.is_empty() { 1 } else { radix_nodes(&keys, 0) }
    }

    /// XSETID, and how a stream read from a file gets its figures. The caller has checked them.
    pub fn set_ids(&mut self, last_id: StreamId, entries_added: Option<u64>, max_deleted_id: Option<StreamId>) {
        self.0.last_id = last_id;
        self.0.entries_added = entries_added.unwrap_or(self.0.entries_added);
        self.0.max_deleted_id = max_deleted_id.unwrap_or(self.0.max_deleted_id);
    }

    /// The id that XADD with `id` at `now_ms` would get.
    pub fn next_id(&self, id: NewId, now_ms: u64) -> Result<StreamId, AddError> {
        let last = self.0.last_id;
        if last == StreamId::MAX {
            return Err(AddError::Exhausted);
        }
        let id = match id {
            NewId::Exact(id) => id,
            NewId::AutoSeq(ms) if ms == last.ms => {
                StreamId::new(ms, last.seq.checked_add(1).ok_or(AddError::NotGreater)?)
            }
            NewId::AutoSeq(ms) => StreamId::new(ms, 0),
            NewId::Auto if now_ms > last.ms => StreamId::new(now_ms, 0),
            NewId::Auto => last.next().ok_or(AddError::Exhausted)?,
        };
        if id > last { Ok(id) } else { Err(AddError::NotGreater) }
    }

    /// Adds an entry of `items`: field, value, field, value …, at least one pair. Gives its id.
    pub fn add<'i>(
        &mut self,
        id: NewId,
        now_ms: u64,
        items: impl Iterator<Item = &'i [u8]> + Clone,
        limits: &NodeLimits,
    ) -> Result<StreamId, AddError> {
        let id = self.next_id(id, now_ms)?;
        // With what each takes beside its bytes, so that no node comes near to what a block can hold.
        let bytes: usize = items.clone().map(|item| item.len() + node::BESIDE).sum();
        if bytes > MAX_BYTES {
            return Err(AddError::TooLarge);
        }
        let inner = &mut *self.0;
        let full = inner.nodes.back_mut().is_none_or(|node| {
            let max = if limits.max_bytes == 0 { MAX_BYTES } else { limits.max_bytes.min(MAX_BYTES) };
            let entries = (node.count + node.deleted) as usize;
            let full = node.listpack_len() + bytes >= max || limits.max_entries != 0 && entries >= limits.max_entries;
            if full {
                node.shrink_to_fit();
            }
            full
        });
        if full {
            if inner.nodes.len() == inner.nodes.capacity() {
                inner.nodes.reserve_exact(inner.nodes.len() / 4 + 1);
            }
            inner.nodes.push_back(Node::new(id, items.clone(), bytes + 16));
        }
        if let Some(node) = inner.nodes.back_mut() {
            node.push(id, items);
        }
        inner.len += 1;
        inner.entries_added += 1;
        inner.last_id = id;
        if inner.len == 1 {
            inner.first_id = id;
        }
        Ok(id)
    }

    /// The entry `id`.
    pub fn get(&self, id: StreamId) -> Option<Entry<'_>> {
        let node = &self.0.nodes[self.0.node_of(id)?];
        node.find(id).map(|(entry, _)| entry)
    }

    pub fn contains(&self, id: StreamId) -> bool {
        self.get(id).is_some()
    }

    /// Deletes the entry `id` (XDEL, and what XDELEX calls KEEPREF: groups go on remembering it).
    pub fn delete(&mut self, id: StreamId) -> bool {
        let inner = &mut *self.0;
        let Some(n) = inner.node_of(id) else { return false };
        let node = &mut inner.nodes[n];
        let Some((_, place)) = node.find(id) else { return false };
        node.delete(place);
        if node.count == 0 {
            inner.nodes.remove(n);
        }
        inner.len -= 1;
        inner.max_deleted_id = inner.max_deleted_id.max(id);
        if id == inner.first_id {
            self.refresh_first_id();
        }
        true
    }

    fn refresh_first_id(&mut self) {
        self.0.first_id = self.range(StreamId::MIN, StreamId::MAX).next().map_or(StreamId::MIN, |entry| entry.id);
    }

    /// Entries from `start` to `end`, both included, in order.
    pub fn range(&self, start: StreamId, end: StreamId) -> Range<'_> {
        Range::new(&self.0.nodes, start, end, false)
    }

    /// Entries from `end` down to `start`, both included.
    pub fn range_rev(&self, start: StreamId, end: StreamId) -> Range<'_> {
        Range::new(&self.0.nodes, start, end, true)
    }

    /// Calls `each` with every node's first id and the listpack Redis would hold, for RDB.
    pub fn write_nodes(&self, mut each: impl FnMut(StreamId, &[u8])) {
        let mut listpack = Vec::new();
        for node in &self.0.nodes {
            listpack.clear();
            node.write_listpack(&mut listpack);
            each(node.master, &listpack);
        }
    }

    /// Appends the listpack Redis would hold of node number `n` to `out`, and gives the node's first id; `None` behind the
    /// last one.
    pub fn write_node(&self, n: usize, out: &mut Vec<u8>) -> Option<StreamId> {
        let node = self.0.nodes.get(n)?;
        node.write_listpack(out);
        Some(node.master)
    }

    /// Adds a node read from a file behind the others. False when it is none, or does not follow them.
    pub fn append_node(&mut self, first: StreamId, listpack: &[u8]) -> bool {
        let Some(node) = Node::from_listpack(first, listpack) else { return false };
        if self.0.nodes.back().is_some_and(|last| last.last_id() >= first) {
            return false;
        }
        self.0.len += u64::from(node.count);
        if self.0.nodes.len() == self.0.nodes.capacity() {
            self.0.nodes.reserve_exact(self.0.nodes.len() / 4 + 1);
        }
        self.0.nodes.push_back(node);
        if self.0.first_id == StreamId::MIN {
            self.refresh_first_id();
        }
        true
    }
}

impl Inner {
    /// Number of the only node that can hold `id`.
    fn node_of(&self, id: StreamId) -> Option<usize> {
        node_of(&self.nodes, id)
    }
}

/// Number of the last node that begins at or before `id`.
fn node_of(nodes: &VecDeque<Node>, id: StreamId) -> Option<usize> {
    nodes.partition_point(|node| node.master <= id).checked_sub(1)
}

/// Nodes below a point that `keys`, sorted, reach after `depth` bytes: runs of bytes without a choice are one node, so is
/// each choice and each end.
fn radix_nodes(keys: &[[u8; 16]], depth: usize) -> usize {
    let (first, last) = (&keys[0], &keys[keys.len() - 1]);
    let shared = (depth..16).take_while(|&i| first[i] == last[i]).count();
    if shared > 0 {
        return 1 + radix_nodes(keys, depth + shared);
    }
    if depth == 16 {
        return 1;
    }
    1 + keys.chunk_by(|a, b| a[depth] == b[depth]).map(|group| radix_nodes(group, depth + 1)).sum::<usize>()
}
