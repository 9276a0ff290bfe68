//! Walking entries between two ids, in either direction.

use super::id::StreamId;
use super::node::{Entry, Master, Node};
use std::collections::VecDeque;

/// An iterator over live entries.
#[derive(Clone)]
pub struct Range<'a> {
    nodes: &'a VecDeque<Node>,
    node: usize,
    master: Option<Master<'a>>,
    /// Byte offset in the node: where the next entry begins or, backward, where it ends.
    at: usize,
    start: StreamId,
    end: StreamId,
    backward: bool,
}

impl<'a> Range<'a> {
    pub(super) fn new(nodes: &'a VecDeque<Node>, start: StreamId, end: StreamId, backward: bool) -> Range<'a> {
        let from = super::node_of(nodes, if backward { end } else { start });
        let mut range = Range { nodes, node: from.unwrap_or(0), master: None, at: 0, start, end, backward };
        // Nothing begins at or before the end: nothing to walk backward.
        if start <= end && !(backward && from.is_none()) {
            range.enter();
        }
        range
    }

    /// Begins the node at hand.
    fn enter(&mut self) {
        self.master = self.nodes.get(self.node).map(Node::master_entry);
        if let Some(master) = &self.master {
            self.at = if self.backward { self.nodes[self.node].run().len() } else { master.body };
        }
    }

    fn next_node(&mut self) {
        self.master = None;
        if !self.backward {
            self.node += 1;
            self.enter();
        } else if self.node > 0 {
            self.node -= 1;
            self.enter();
        }
    }
}

impl<'a> Iterator for Range<'a> {
    type Item = Entry<'a>;

    fn next(&mut self) -> Option<Entry<'a>> {
        loop {
            let master = self.master?;
            let node = &self.nodes[self.node];
            let edge = if self.backward { master.body } else { node.run().len() };
            if self.at == edge {
                self.next_node();
                continue;
            }
            let begin = if self.backward { node.before(self.at) } else { self.at };
            let (entry, place, deleted) = node.read(&master, begin);
            self.at = if self.backward { place.at } else { place.end };
            if if self.backward { entry.id < self.start } else { entry.id > self.end } {
                self.master = None;
                return None;
            }
            if !deleted && entry.id >= self.start && entry.id <= self.end {
                return Some(entry);
            }
        }
    }
}
