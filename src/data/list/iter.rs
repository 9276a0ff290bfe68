//! Walking a list in either direction, a value at a time. Nothing is allocated but for a compressed node's plain form,
//! which is why the values are borrowed from the iterator.

use super::node::Node;
use super::{Form, List};
use crate::data::block::offset_in;
use crate::data::lpentry::{self, Value};
use std::borrow::Cow;
use std::collections::VecDeque;

pub struct Iter<'a> {
    /// Entries of the node at hand; those in `at .. end` are still to come.
    run: Cow<'a, [u8]>,
    at: usize,
    end: usize,
    nodes: Option<&'a VecDeque<Node>>,
    node: usize,
    left: usize,
    backward: bool,
}

impl<'a> Iter<'a> {
    pub(super) fn new(list: &'a List, index: usize, count: usize, backward: bool) -> Iter<'a> {
        let len = list.len();
        let left = if index >= len { 0 } else { count.min(if backward { index + 1 } else { len - index }) };
        let mut iter = Iter { run: Cow::Borrowed(&[]), at: 0, end: 0, nodes: None, node: 0, left, backward };
        if left == 0 {
            return iter;
        }
        let (place, count) = match list.form() {
            Form::Small(block) => {
                // SAFETY: the bytes belong to the block that the list owns, and the list is borrowed for 'a.
                iter.run = Cow::Borrowed(unsafe { &*std::ptr::from_ref(block.bytes()) });
                (index, len)
            }
            Form::Quick(quick) => {
                let (node, place) = quick.locate(index);
                iter.nodes = Some(&quick.nodes);
                iter.node = node;
                iter.run = quick.nodes[node].run();
                (place, quick.nodes[node].count())
            }
            Form::Empty => return iter,
        };
        iter.end = iter.run.len();
        let edge = offset_in(&iter.run, place + usize::from(backward), count);
        if backward {
            iter.end = edge;
        } else {
            iter.at = edge;
        }
        iter
    }

    /// The next value, good until the one after it is asked for.
    #[inline]
    #[allow(clippy::should_implement_trait)] // a lending iterator
    pub fn next(&mut self) -> Option<Value<'_>> {
        if self.left == 0 {
            return None;
        }
        self.left -= 1;
        if self.at == self.end {
            self.next_node()?;
        }
        if self.backward {
            self.end -= lpentry::prev_len(&self.run[..self.end]);
            Some(lpentry::decode(&self.run[self.end..]).0)
        } else {
            let (value, len) = lpentry::decode(&self.run[self.at..]);
            self.at += len;
            Some(value)
        }
    }

    #[cold]
    fn next_node(&mut self) -> Option<()> {
        self.node = if self.backward { self.node.checked_sub(1)? } else { self.node + 1 };
        self.run = self.nodes?.get(self.node)?.run();
        (self.at, self.end) = (0, self.run.len());
        Some(())
    }

    /// How many values are left.
    pub fn left(&self) -> usize {
        self.left
    }
}
