//! The large form of a list: nodes of packed entries in a ring, found by summing their counts. Where nodes begin, split
//! and merge follows Redis 7.2 and 8.0, because users see through OBJECT ENCODING when one small node is left.

use super::Limits;
use super::node::Node;
use crate::data::effort::Effort;
use crate::data::lpentry::{self, Value};
use std::collections::VecDeque;

#[derive(Clone, Default)]
pub(super) struct Quick {
    pub nodes: VecDeque<Node>,
    pub len: usize,
    /// As they were when the list became large, or was loaded: nodes keep to them, as in Redis, whatever is configured since.
    pub limits: Limits,
}

/// Room of a new node at an end that will most likely be filled up.
const FIRST_ROOM: usize = 512;

impl Quick {
    pub fn push(&mut self, front: bool, item: &[u8], limits: &Limits) {
        let fits = self.end(front).is_some_and(|node| limits.allows(node, item.len()));
        let value = Value::of(item);
        if !fits {
            let at = if front { 0 } else { self.nodes.len() };
            if let Some(node) = self.end_mut(front) {
                node.shrink_to_fit();
            }
            let room = if limits.max_listpack_size < 0 { FIRST_ROOM } else { 0 };
            self.add_node(at, Node::with_room(value.entry_len().max(room)));
        }
        let block = self.end_mut(front).expect("a node").edit();
        if front {
            block.push_front(value)
        } else {
            block.push_back(value)
        }
        self.len += 1;
        if !fits {
            self.settle(limits);
        }
    }

    /// Removes the entry at an end. The list must not be empty.
    pub fn pop(&mut self, front: bool, limits: &Limits) {
        let node = self.end_mut(front).expect("a node");
        let block = node.edit();
        let end = block.used as usize;
        let (at, len) = if front {
            (0, lpentry::entry_len_at(block.bytes()))
        } else {
            let len = lpentry::prev_len(block.bytes());
            (end - len, len)
        };
        block.remove(at, len, 1);
        self.len -= 1;
        if self.end(front).is_some_and(|node| node.count() == 0) {
            if front {
                self.nodes.pop_front()
            } else {
                self.nodes.pop_back()
            };
            self.settle(limits);
        }
    }

    /// See [`List::compact`](super::List::compact).
    pub fn compact(&mut self, from: u64, effort: &mut Effort) -> Option<u64> {
        let first = usize::try_from(from).ok()?;
        effort.spend_on(self.nodes.iter_mut().skip(first), from, |node, effort| node.compact(effort))
    }

    pub fn end(&self, front: bool) -> Option<&Node> {
        if front { self.nodes.front() } else { self.nodes.back() }
    }

    fn end_mut(&mut self, front: bool) -> Option<&mut Node> {
        if front { self.nodes.front_mut() } else { self.nodes.back_mut() }
    }

    fn add_node(&mut self, at: usize, node: Node) {
        if self.nodes.len() == self.nodes.capacity() {
            self.nodes.reserve_exact(self.nodes.len() / 4 + 2);
        }
        self.nodes.insert(at, node);
    }

    /// Node and place inside it of entry number `index`, which must exist.
    pub fn locate(&self, index: usize) -> (usize, usize) {
        if index * 2 <= self.len {
            let mut left = index;
            for (n, node) in self.nodes.iter().enumerate() {
                if left < node.count() {
                    return (n, left);
                }
                left -= node.count();
            }
        } else {
            let mut behind = self.len - index; // entries from `index` on, itself included
            for (n, node) in self.nodes.iter().enumerate().rev() {
                if behind <= node.count() {
                    return (n, node.count() - behind);
                }
                behind -= node.count();
            }
        }
        unreachable!("the index was checked against the length")
    }

    /// Puts an entry before number `index` (`after` false), or behind it.
    pub fn insert(&mut self, index: usize, after: bool, item: &[u8], limits: &Limits) {
        let (n, place) = self.locate(index);
        let gap = place + usize::from(after);
        let value = Value::of(item);
        self.len += 1;
        let count = self.nodes[n].count();
        let large = limits.is_large(item.len());
        if limits.allows(&self.nodes[n], item.len()) {
            self.nodes[n].insert_at(gap, value);
            return self.settle_node(n, limits);
        }
        let single = || {
            let mut node = Node::with_room(value.entry_len());
            node.edit().push_back(value);
            node
        };
        if gap == count {
            match self.nodes.get_mut(n + 1) {
                Some(next) if !large && limits.allows(next, item.len()) => {
                    next.edit().push_front(value);
                    return self.settle_node(n + 1, limits);
                }
                _ => self.add_node(n + 1, single()),
            }
        } else if gap == 0 {
            match n.checked_sub(1).map(|p| &mut self.nodes[p]) {
                Some(prev) if !large && limits.allows(prev, item.len()) => {
                    prev.edit().push_back(value);
                    return self.settle_node(n - 1, limits);
                }
                _ => self.add_node(n, single()),
            }
        } else {
            let tail = self.nodes[n].split_off(gap);
            self.add_node(n + 1, tail);
            if large {
                self.add_node(n + 1, single());
            } else if after {
                self.nodes[n + 1].edit().push_front(value);
                self.merge_around(n, limits);
            } else {
                self.nodes[n].edit().push_back(value);
                self.merge_around(n + 1, limits);
            }
        }
        self.settle_near(n, limits);
    }

    /// Joins small neighbours of the node numbered `center`, in Redis's order.
    fn merge_around(&mut self, mut center: usize, limits: &Limits) {
        if center >= 2 && self.merge(center - 2, limits) {
            center -= 1;
        }
        self.merge(center + 1, limits);
        if center >= 1 && self.merge(center - 1, limits) {
            center -= 1;
        }
        self.merge(center, limits);
    }

    /// Joins the nodes numbered `left` and `left + 1` if both exist and fit into one.
    fn merge(&mut self, left: usize, limits: &Limits) -> bool {
        let (Some(a), Some(b)) = (self.nodes.get(left), self.nodes.get(left + 1)) else { return false };
        if limits.exceeds(a.run_len() + b.run_len() + 7, a.count() + b.count()) {
            return false;
        }
        if let Some(b) = self.nodes.remove(left + 1) {
            self.nodes[left].append(&b);
        }
        true
    }

    /// Replaces entry number `index`.
    pub fn set(&mut self, index: usize, item: &[u8], limits: &Limits) {
        let (n, place) = self.locate(index);
        let large = limits.is_large(item.len());
        let node = &mut self.nodes[n];
        let alone = node.count() == 1;
        let was_large = alone && limits.exceeds(node.run_len() + 7, 1);
        if (large && alone) || (!large && !was_large) {
            let block = node.edit();
            let at = block.offset(place);
            block.replace(at, Value::of(item));
            if alone {
                block.shrink_to_fit();
            }
            return self.settle_node(n, limits);
        }
        if !large {
            // A node of one large entry is never added to: the small one goes to a neighbour or a node of its own.
            self.insert(index, true, item, limits);
            return self.remove_range(index, 1, limits);
        }
        if place + 1 < node.count() {
            let tail = node.split_off(place + 1);
            self.add_node(n + 1, tail);
        }
        let mut single = Node::with_room(Value::of(item).entry_len());
        single.edit().push_back(Value::of(item));
        self.add_node(n + 1, single);
        self.nodes[n].remove(place, 1);
        if self.nodes[n].count() == 0 {
            self.nodes.remove(n);
        }
        self.settle_near(n, limits);
    }

    /// Removes `count` entries from number `from` on, which must exist.
    pub fn remove_range(&mut self, from: usize, mut count: usize, limits: &Limits) {
        if count == 0 {
            return;
        }
        let (mut n, mut place) = self.locate(from);
        self.len -= count;
        let first_dropped = if place == 0 { n } else { n + 1 };
        let mut dropped = 0;
        while count > 0 {
            let here = self.nodes[n].count() - place;
            let take = here.min(count);
            if take == self.nodes[n].count() {
                dropped += 1;
            } else {
                self.nodes[n].remove(place, take);
            }
            count -= take;
            n += 1;
            place = 0;
        }
        self.nodes.drain(first_dropped..first_dropped + dropped);
        self.settle_near(first_dropped, limits);
        if self.nodes.capacity() > 16 && self.nodes.len() * 4 < self.nodes.capacity() {
            self.nodes.shrink_to(self.nodes.len() * 2);
        }
    }

    /// Removes up to `most` entries equal to `needle`, from the begin or the end, and says how many went.
    pub fn remove_equal(&mut self, needle: &[u8], most: usize, backward: bool, limits: &Limits) -> usize {
        let int = lpentry::parse_int(needle);
        let mut removed = 0;
        for i in 0..self.nodes.len() {
            if removed == most {
                break;
            }
            let n = if backward { self.nodes.len() - 1 - i } else { i };
            let node = &mut self.nodes[n];
            let here = {
                let run = node.run();
                lpentry::Entries(&run).filter(|v| v.is(needle, int)).count().min(most - removed)
            };
            if here > 0 {
                remove_from_block(node.edit(), needle, here, backward);
                removed += here;
            }
        }
        if removed > 0 {
            self.len -= removed;
            self.nodes.retain(|node| node.count() > 0);
            self.settle_all(limits);
        }
        removed
    }

    /// Restores what compression asks for after nodes came or went at an end: the ends plain, and of the inner nodes
    /// those next to the ends compressed.
    pub fn settle(&mut self, limits: &Limits) {
        let n = self.nodes.len();
        let depth = limits.compress_depth as usize;
        for i in 0..depth.max(1).min(n) {
            self.nodes[i].unpack();
            self.nodes[n - 1 - i].unpack();
        }
        if depth > 0 && n > 2 * depth {
            self.nodes[depth].pack();
            self.nodes[n - 1 - depth].pack();
        }
    }

    /// The same for one node that was changed.
    fn settle_node(&mut self, n: usize, limits: &Limits) {
        let depth = limits.compress_depth as usize;
        if depth > 0 && n >= depth && n + depth < self.nodes.len() {
            self.nodes[n].pack();
        }
    }

    /// The same after a change that reached the node numbered `n` and at most two on either side.
    fn settle_near(&mut self, n: usize, limits: &Limits) {
        self.settle(limits);
        for n in n.saturating_sub(2)..=n + 2 {
            self.settle_node(n, limits);
        }
    }

    /// The same for all nodes.
    pub fn settle_all(&mut self, limits: &Limits) {
        self.settle(limits);
        if limits.compress_depth > 0 {
            for n in 0..self.nodes.len() {
                self.settle_node(n, limits);
            }
        }
    }
}

/// Removes the first or last `most` entries equal to `needle`; for many of them the block is written anew, once.
pub(super) fn remove_from_block<const H: usize>(
    block: &mut crate::data::block::Block<H>,
    needle: &[u8],
    most: usize,
    backward: bool,
) -> usize {
    let int = lpentry::parse_int(needle);
    let mut found = Vec::new(); // byte offsets, ascending
    let bytes = block.bytes();
    let mut at = 0;
    while at < bytes.len() {
        let (value, len) = lpentry::decode(&bytes[at..]);
        if value.is(needle, int) {
            found.push((at, len));
            if !backward && found.len() == most {
                break;
            }
        }
        at += len;
    }
    if backward && found.len() > most {
        found.drain(..found.len() - most);
    }
    if let [(at, len)] = found[..] {
        block.remove(at, len, 1);
    } else if !found.is_empty() {
        let mut kept = Vec::with_capacity(bytes.len());
        let mut from = 0;
        for &(at, len) in &found {
            kept.extend_from_slice(&bytes[from..at]);
            from = at + len;
        }
        kept.extend_from_slice(&bytes[from..]);
        let count = block.count as usize - found.len();
        let (all, n) = (block.used as usize, block.count as usize);
        block.remove(0, all, n);
        block.insert_run(0, &kept, count);
    }
    found.len()
}
