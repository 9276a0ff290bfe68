//! Walking a sorted set by rank, up or down, in either encoding, without allocating.

use super::leaf::Leaf;
use super::small;
use super::tree::Tree;
use crate::data::item::Item;
use crate::data::packed;
use std::ops::Range;

/// How many members ahead are asked for: they lie anywhere in memory.
const AHEAD: usize = 8;

/// Members and scores from some rank on.
pub struct Iter<'a>(pub(super) Inner<'a>);

pub(super) enum Inner<'a> {
    Up(packed::Iter<'a>),
    Down(packed::Iter<'a>),
    Ranked(Ranked<'a>),
}

pub(super) struct Ranked<'a> {
    tree: &'a Tree,
    /// The rank of the next member; beyond the end (or wrapped below 0) when there is none.
    rank: usize,
    down: bool,
    leaf: Option<&'a Leaf>,
    at: usize,
}

impl<'a> Ranked<'a> {
    pub fn new(tree: &'a Tree, rank: usize, down: bool) -> Ranked<'a> {
        Ranked { tree, rank, down, leaf: None, at: 0 }
    }

    fn enter(&mut self) -> Option<&'a Leaf> {
        let (leaf, at) = self.tree.seek(self.rank)?;
        (self.leaf, self.at) = (Some(leaf), at);
        for i in 0..AHEAD {
            leaf.prefetch(if self.down { at.wrapping_sub(i) } else { at + i });
        }
        Some(leaf)
    }

    #[inline]
    fn next(&mut self) -> Option<(Item<'a>, f64)> {
        let leaf = match self.leaf {
            Some(leaf) => leaf,
            None => self.enter()?,
        };
        let link = leaf.get(self.at);
        if self.down {
            leaf.prefetch(self.at.wrapping_sub(AHEAD));
            self.rank = self.rank.wrapping_sub(1);
            if self.at == 0 {
                self.leaf = None;
            }
            self.at = self.at.wrapping_sub(1);
        } else {
            leaf.prefetch(self.at + AHEAD);
            self.rank += 1;
            self.at += 1;
            if self.at == leaf.len() {
                self.leaf = None;
            }
        }
        Some((Item::Bytes(link.member()), link.score()))
    }
}

/// Shows `f` the members of these ranks (clamped), ascending: a loop over each leaf, not a question per member.
#[inline]
pub(super) fn walk(tree: &Tree, mut ranks: Range<usize>, mut f: impl FnMut(Item<'_>, f64)) {
    while !ranks.is_empty()
        && let Some((leaf, at)) = tree.seek(ranks.start)
    {
        let links = leaf.links(at..at.saturating_add(ranks.len()), AHEAD);
        ranks.start += links.len();
        links.for_each(|link| f(Item::Bytes(link.member()), link.score()));
    }
}

impl<'a> Iterator for Iter<'a> {
    type Item = (Item<'a>, f64);

    #[inline]
    fn next(&mut self) -> Option<(Item<'a>, f64)> {
        match &mut self.0 {
            Inner::Ranked(iter) => iter.next(),
            Inner::Up(iter) => {
                let member = iter.next()?;
                Some((member, small::score(iter.next()?)))
            }
            Inner::Down(iter) => {
                let score = small::score(iter.next_back()?);
                Some((iter.next_back()?, score))
            }
        }
    }
}
