//! Sorted sets: a listpack of members and scores, or a table of members with a counted B+tree over it (which OBJECT ENCODING
//! calls `skiplist`), chosen and left as Redis 7.2 … 8 does. The order is by score, then by the members' bytes.
//!
//! `unsafe` here is the pairing of tag and type: `LISTPACK` stands for a [`Packed`], `RANKED` for a `Box<Large>`. Only
//! [`Zset::view`], the `…_mut` below it and `drop` look behind the word. In `Large` every member of the table is in the
//! tree exactly once, under the score that it has; members leave the tree first.

mod iter;
mod leaf;
mod range;
mod scored;
mod small;
mod tree;

use super::effort::Effort;
use super::item::Item;
use super::limits::Limits;
use super::packed::{Blob, Packed};
use super::table::{Element, Table};
use super::thin::{Edit, Thin};
use crate::base::{hash::hash_bytes, rng::Rng};
use iter::{Inner, Ranked, walk};
use leaf::Probe;
use range::Place;
use scored::{Link, Scored};
use std::ops::Range;
use std::ptr::NonNull;
use tree::Tree;

pub use iter::Iter;
pub use range::{LexEdge, ScoreEdge};

const LISTPACK: usize = 0;
const RANKED: usize = 1;

/// A sorted set: one word.
#[repr(transparent)]
pub struct Zset(Thin);

struct Large {
    // Dropped in this order: the tree points into the table's members.
    tree: Tree,
    table: Table<Scored>,
    /// What the members' allocations take together.
    bytes: usize,
}

enum View<'a> {
    Listpack(Blob<'a>),
    Ranked(&'a Large),
}

/// What [`Zset::upsert`] did: the score before (if the member was there) and after (if it was written).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Upserted {
    pub old: Option<f64>,
    pub new: Option<f64>,
}

impl Zset {
    /// An empty sorted set in the encoding that Redis chooses for `size_hint` members, the longest of `longest` bytes.
    pub fn new(size_hint: usize, longest: usize, limits: &Limits) -> Zset {
        if size_hint <= limits.zset_max_listpack_entries && longest <= limits.zset_max_listpack_value {
            Zset::new_listpack()
        } else {
            Zset::new_ranked()
        }
    }

    pub fn new_listpack() -> Zset {
        Zset(Thin::new(LISTPACK, Packed::new()))
    }

    pub fn new_ranked() -> Zset {
        Zset(Thin::new(RANKED, Box::new(Large::new())))
    }

    /// A sorted set of a listpack that a snapshot held; `None` if it is not one. Too large a one changes its encoding.
    pub fn from_packed(packed: Packed, limits: &Limits) -> Option<Zset> {
        let (packed, longest) = small::adopt(packed)?;
        let large = packed.len() / 2 > limits.zset_max_listpack_entries || longest > limits.zset_max_listpack_value;
        let mut zset = Zset(Thin::new(LISTPACK, packed));
        if large {
            zset.make_ranked();
        }
        Some(zset)
    }

    /// The word, for the keyspace to hold.
    pub fn into_raw(self) -> NonNull<u8> {
        std::mem::ManuallyDrop::new(self).0.word()
    }

    /// # Safety
    /// `raw` came from [`into_raw`](Self::into_raw), and is not used as another owned sorted set.
    pub unsafe fn from_raw(raw: NonNull<u8>) -> Zset {
        Zset(Thin::from_word(raw))
    }

    #[inline]
    fn view(&self) -> View<'_> {
        // SAFETY: each tag with its type.
        unsafe {
            match self.0.tag() {
                LISTPACK => View::Listpack(Packed::borrow_raw(self.0.pointer())),
                _ => View::Ranked(self.0.boxed()),
            }
        }
    }

    fn listpack_mut(&mut self) -> Edit<'_, Packed> {
        assert_eq!(self.0.tag(), LISTPACK);
        // SAFETY: the tag with its type.
        unsafe { self.0.edit() }
    }

    #[inline]
    fn large_mut(&mut self) -> &mut Large {
        assert_eq!(self.0.tag(), RANKED);
        // SAFETY: the tag with its type.
        unsafe { self.0.boxed_mut() }
    }

    /// Moves what lies in pages of which little is used. Goes on at `from`, a position in the table, for as long as the
    /// effort lasts, and returns where to go on.
    pub fn compact(&mut self, from: u64, effort: &mut Effort) -> Option<u64> {
        if self.0.tag() == LISTPACK {
            // SAFETY: the tag with its type.
            unsafe { self.0.edit::<Packed>() }.compact(effort);
            return None;
        }
        let Large { tree, table, .. } = self.large_mut();
        table.scan_some(from, effort, |member, effort| {
            let moves = member.lies_sparse();
            effort.looked(moves);
            if moves {
                let copy = Scored::new(member.link().score(), member.key());
                tree.relink(member.link(), copy.link());
                *member = copy;
            }
        })
    }

    #[inline]
    pub fn len(&self) -> usize {
        match self.view() {
            View::Listpack(b) => b.len() / 2,
            View::Ranked(l) => l.table.len(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// As OBJECT ENCODING says it.
    pub fn encoding(&self) -> &'static str {
        match self.view() {
            View::Listpack(_) => "listpack",
            View::Ranked(_) => "skiplist",
        }
    }

    /// What the allocator gave for all of it.
    pub fn heap_bytes(&self) -> usize {
        match self.view() {
            View::Listpack(b) => b.heap_bytes(),
            View::Ranked(l) => size_of::<Large>() + l.table.heap_bytes() + l.tree.heap_bytes() + l.bytes,
        }
    }

    /// Roughly the allocations that dropping it gives back.
    pub fn free_effort(&self) -> usize {
        match self.view() {
            View::Listpack(_) => 1,
            View::Ranked(l) => l.table.len() + 1,
        }
    }

    /// The listpack, if that is the encoding.
    pub fn as_listpack(&self) -> Option<Blob<'_>> {
        if let View::Listpack(b) = self.view() { Some(b) } else { None }
    }

    #[inline]
    pub fn score(&self, member: &[u8]) -> Option<f64> {
        match self.view() {
            View::Listpack(b) => small::find(b, member).map(|at| small::pair(b, at).1),
            View::Ranked(l) => l.table.get(hash_bytes(member), member).map(|m| m.link().score()),
        }
    }

    /// Looks a member up once and lets `f` decide by its score (`None`: not there) what it becomes (`None`: nothing changes).
    /// The new score must not be NaN.
    pub fn upsert(&mut self, member: &[u8], limits: &Limits, f: impl FnOnce(Option<f64>) -> Option<f64>) -> Upserted {
        let View::Listpack(blob) = self.view() else { return self.large_mut().upsert(member, f) };
        let Some(at) = small::find(blob, member) else {
            let new = f(None);
            let Some(score) = new else { return Upserted { old: None, new } };
            debug_assert!(!score.is_nan());
            if blob.len() / 2 >= limits.zset_max_listpack_entries
                || member.len() > limits.zset_max_listpack_value
                || !blob.fits(member.len())
            {
                self.make_ranked().insert(member, score);
            } else {
                small::insert(&mut self.listpack_mut(), member, score);
            }
            return Upserted { old: None, new };
        };
        let old = small::pair(blob, at).1;
        let new = f(Some(old));
        if let Some(score) = new
            && score != old
        {
            debug_assert!(!score.is_nan());
            let mut packed = self.listpack_mut();
            packed.remove(at, 2);
            small::insert(&mut packed, member, score);
        }
        Upserted { old: Some(old), new }
    }

    /// Gives a member this score; returns the one it had.
    pub fn set(&mut self, member: &[u8], score: f64, limits: &Limits) -> Option<f64> {
        self.upsert(member, limits, |_| Some(score)).old
    }

    /// Removes a member; returns the score it had.
    pub fn remove(&mut self, member: &[u8]) -> Option<f64> {
        let View::Listpack(blob) = self.view() else { return self.large_mut().remove(member) };
        let at = small::find(blob, member)?;
        let score = small::pair(blob, at).1;
        self.listpack_mut().remove(at, 2);
        Some(score)
    }

    /// The rank (from the lowest score, 0) and score of a member.
    pub fn rank(&self, member: &[u8]) -> Option<(usize, f64)> {
        match self.view() {
            View::Listpack(b) => {
                let at = small::find(b, member)?;
                Some((small::rank_of(b, at), small::pair(b, at).1))
            }
            View::Ranked(l) => {
                let link = l.table.get(hash_bytes(member), member)?.link();
                Some((l.tree.rank(&Probe::at(link.order(), member)), link.score()))
            }
        }
    }

    fn place(&self, place: Place<'_>) -> usize {
        match self.view() {
            View::Listpack(b) => small::rank(b, &place),
            View::Ranked(l) => l.tree.rank(&place.probe()),
        }
    }

    /// The ranks of the members between two scores; empty if there are none. Its length is what ZCOUNT counts.
    pub fn span_by_score(&self, min: ScoreEdge, max: ScoreEdge) -> Range<usize> {
        let start = self.place(Place::from_score(min));
        start..self.place(Place::to_score(max)).max(start)
    }

    /// The ranks of the members between two others, where all scores are equal.
    pub fn span_by_lex(&self, min: LexEdge<'_>, max: LexEdge<'_>) -> Range<usize> {
        let start = self.place(Place::from_lex(min));
        start..self.place(Place::to_lex(max)).max(start)
    }

    /// Everything, ascending.
    pub fn iter(&self) -> Iter<'_> {
        self.iter_from(0)
    }

    /// Ascending from the member of this rank on.
    pub fn iter_from(&self, rank: usize) -> Iter<'_> {
        Iter(match self.view() {
            View::Listpack(b) => Inner::Up(b.iter_from(b.seek(rank.saturating_mul(2)).unwrap_or(b.end()))),
            View::Ranked(l) => Inner::Ranked(Ranked::new(&l.tree, rank, false)),
        })
    }

    /// Descending from the member of this rank on; nothing if there is none of that rank.
    pub fn rev_from(&self, rank: usize) -> Iter<'_> {
        Iter(match self.view() {
            View::Listpack(b) => {
                let after = b.seek(rank.saturating_mul(2)).map(|at| b.next(b.next(at)));
                Inner::Down(b.iter_to(after.unwrap_or(b.first())))
            }
            View::Ranked(l) => Inner::Ranked(Ranked::new(&l.tree, rank, true)),
        })
    }

    /// Shows `f` the members of these ranks, ascending. Faster than iterating.
    #[inline]
    pub fn each(&self, ranks: Range<usize>, mut f: impl FnMut(Item<'_>, f64)) {
        match self.view() {
            View::Listpack(_) => self.iter_from(ranks.start).take(ranks.len()).for_each(|(m, s)| f(m, s)),
            View::Ranked(l) => walk(&l.tree, ranks, f),
        }
    }

    /// Shows `f` the members of these ranks, descending.
    #[inline]
    pub fn rev_each(&self, ranks: Range<usize>, mut f: impl FnMut(Item<'_>, f64)) {
        if let Some(last) = ranks.clone().next_back() {
            self.rev_from(last).take(ranks.len()).for_each(|(m, s)| f(m, s));
        }
    }

    /// Removes the members of these ranks (clamped), each after `f` has seen it, ascending. Popping is `0..n` or `len - n..len`.
    pub fn remove_span(&mut self, ranks: Range<usize>, mut f: impl FnMut(Item<'_>, f64)) -> usize {
        let ranks = ranks.start..ranks.end.min(self.len());
        if ranks.is_empty() {
            return 0;
        }
        match self.view() {
            View::Ranked(_) => self.large_mut().remove_span(ranks.clone(), f),
            View::Listpack(blob) => {
                self.iter_from(ranks.start).take(ranks.len()).for_each(|(m, s)| f(m, s));
                if let Some(at) = blob.seek(ranks.start * 2) {
                    self.listpack_mut().remove(at, ranks.len() * 2);
                }
            }
        }
        ranks.len()
    }

    /// A uniformly random member.
    pub fn random(&self, rng: &mut Rng) -> Option<(Item<'_>, f64)> {
        match self.len() {
            0 => None,
            n => self.iter_from(rng.below(n as u64) as usize).next(),
        }
    }

    /// One step of ZSCAN: start with 0, go on with what it returns until that is 0. Small encodings come in one step.
    pub fn scan(&self, cursor: u64, mut f: impl FnMut(Item<'_>, f64)) -> u64 {
        match self.view() {
            View::Ranked(l) => l.table.scan(cursor, |m, _| f(Item::Bytes(m.key()), m.link().score())).unwrap_or(0),
            View::Listpack(_) => {
                self.iter().for_each(|(m, s)| f(m, s));
                0
            }
        }
    }

    /// Leaves the listpack if `size_hint` members are more than it takes (ZADD with many at once).
    pub fn prepare(&mut self, size_hint: usize, limits: &Limits) {
        if self.0.tag() == LISTPACK && size_hint > limits.zset_max_listpack_entries {
            self.make_ranked();
        }
    }

    /// Back to a listpack if all fits there (the results of ZUNIONSTORE and its like).
    pub fn try_listpack(&mut self, limits: &Limits) {
        if self.0.tag() == LISTPACK || self.len() > limits.zset_max_listpack_entries {
            return;
        }
        if self.iter().any(|(m, _)| m.len() > limits.zset_max_listpack_value) {
            return;
        }
        let mut packed = Packed::new();
        for (m, s) in self.iter() {
            m.with(|m| small::insert(&mut packed, m, s));
        }
        *self = Zset(Thin::new(LISTPACK, packed));
    }

    fn make_ranked(&mut self) -> &mut Large {
        if self.0.tag() != RANKED {
            let large = Box::new(Large::of(self.iter()));
            *self = Zset(Thin::new(RANKED, large));
        }
        self.large_mut()
    }

    /// Panics where an invariant is broken. For tests.
    pub fn check(&self) {
        if let View::Ranked(l) = self.view() {
            l.table.check();
            l.tree.check();
            assert_eq!(l.table.len(), l.tree.len());
            assert_eq!(l.table.iter().map(|m| m.heap_bytes()).sum::<usize>(), l.bytes);
        }
    }
}

impl Large {
    fn new() -> Large {
        Large { tree: Tree::new(), table: Table::new(0), bytes: 0 }
    }

    fn of<'a>(pairs: impl Iterator<Item = (Item<'a>, f64)>) -> Large {
        let mut large = Large::new();
        pairs.for_each(|(m, s)| m.with(|m| large.insert(m, s)));
        large
    }

    /// Adds a member that is not in.
    fn insert(&mut self, member: &[u8], score: f64) {
        self.insert_hashed(hash_bytes(member), member, score);
    }

    #[inline]
    fn insert_hashed(&mut self, hash: u64, member: &[u8], score: f64) {
        let element = Scored::new(score, member);
        self.bytes += element.heap_bytes();
        self.tree.insert(element.link());
        self.table.insert_new(hash, element, false);
    }

    fn upsert(&mut self, member: &[u8], f: impl FnOnce(Option<f64>) -> Option<f64>) -> Upserted {
        let hash = hash_bytes(member);
        let Some(mut element) = self.table.get_mut(hash, member) else {
            let new = f(None);
            if let Some(score) = new {
                debug_assert!(!score.is_nan());
                self.insert_hashed(hash, member, score);
            }
            return Upserted { old: None, new };
        };
        let old = element.link().score();
        let new = f(Some(old));
        if let Some(score) = new
            && score != old
        {
            debug_assert!(!score.is_nan());
            self.tree.remove(element.link());
            element.set_score(score);
            self.tree.insert(element.link());
        }
        Upserted { old: Some(old), new }
    }

    fn remove(&mut self, member: &[u8]) -> Option<f64> {
        let hash = hash_bytes(member);
        let link = self.table.get(hash, member)?.link();
        self.tree.remove(link);
        let element = self.table.remove(hash, member)?;
        self.bytes -= element.heap_bytes();
        Some(element.link().score())
    }

    fn remove_span(&mut self, ranks: Range<usize>, mut f: impl FnMut(Item<'_>, f64)) {
        let (mut left, mut gone) = (ranks.len(), Vec::<Link>::with_capacity(ranks.len().min(leaf::MAX_WORDS)));
        while left > 0 {
            gone.clear();
            let n = self.tree.remove_some(ranks.start, left, |link| gone.push(link));
            assert!(n > 0, "the tree and its set disagree");
            left -= n;
            for link in &gone {
                f(Item::Bytes(link.member()), link.score());
                // The member is read until the element is dropped here.
                let member = link.member();
                if let Some(element) = self.table.remove(hash_bytes(member), member) {
                    self.bytes -= element.heap_bytes();
                }
            }
        }
    }
}

impl Clone for Zset {
    fn clone(&self) -> Self {
        match self.view() {
            View::Listpack(b) => Zset(Thin::new(LISTPACK, b.to_packed())),
            View::Ranked(_) => Zset(Thin::new(RANKED, Box::new(Large::of(self.iter())))),
        }
    }
}

impl Drop for Zset {
    fn drop(&mut self) {
        // SAFETY: each tag with its type, and the word is gone afterwards.
        unsafe {
            match self.0.tag() {
                LISTPACK => drop(self.0.take::<Packed>()),
                _ => drop(self.0.take::<Box<Large>>()),
            }
        }
    }
}

#[cfg(test)]
mod tests;
