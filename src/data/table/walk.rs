//! Walking a table: all of it, a bucket at a time from a position on, or a random element; and the check of its invariants.

use super::super::effort::Effort;
use super::super::segment::{self, KEPT, MARK, MAX_BUCKETS, PTR, Place, SLOTS, Segment, pointer};
use super::{Element, Ref, RefMut, Table, dir_word, prefetch};
use crate::base::{hash::hash_bytes, rng::Rng};

impl<E: Element> Table<E> {
    pub(super) fn each_segment(&self, mut f: impl FnMut(Segment)) {
        let mut i = 0;
        while i < self.dir.len() {
            let seg = Segment::from_addr(self.dir[i] & PTR);
            f(seg);
            i += 1 << (self.depth() - seg.depth());
        }
    }

    /// Every element, in the order of hashes.
    pub fn iter(&self) -> Iter<'_, E> {
        Iter { table: self, entry: 0, segment: None, bucket: 0, slot: 0 }
    }

    /// Visits the elements of one bucket, the one that `position` falls into, and returns the next position, or `None`
    /// at the end. Positions are (left-aligned) hash prefixes: start with 0.
    pub fn scan(&self, position: u64, mut f: impl FnMut(Ref<'_, E>, bool)) -> Option<u64> {
        if self.dir.is_empty() {
            return None;
        }
        let seg = Segment::from_addr(self.word_of(position) & PTR);
        let home = seg.home(segment::tag(position, seg.depth()));
        seg.at_home(home, |_, w| {
            if let Some(p) = pointer(w) {
                f(Ref::new(p), w & MARK != 0);
            }
        });
        after(seg, position, home)
    }

    /// As [`scan`](Self::scan), to put elements with the same key and mark in the place of those that are there.
    pub fn scan_mut(&mut self, position: u64, mut f: impl FnMut(&mut E)) -> Option<u64> {
        if self.dir.is_empty() {
            return None;
        }
        let seg = Segment::from_addr(self.word_of(position) & PTR);
        let home = seg.home(segment::tag(position, seg.depth()));
        if home + 1 < seg.buckets() {
            seg.bucket(home + 1).iter().for_each(|w| prefetch((w & PTR) as *const u8));
        }
        let mut places = Vec::with_capacity(SLOTS);
        seg.at_home(home, |at, _| places.push(at));
        for at in places {
            self.borrow(seg, at).iter_mut().for_each(|element| f(element));
        }
        after(seg, position, home)
    }

    /// The same for whole buckets, as long as the effort lasts.
    pub fn scan_some(
        &mut self,
        position: u64,
        effort: &mut Effort,
        mut f: impl FnMut(&mut E, &mut Effort),
    ) -> Option<u64> {
        let mut at = position;
        loop {
            at = self.scan_mut(at, |element| f(element, effort))?;
            if effort.is_spent() {
                return Some(at);
            }
        }
    }

    /// As [`scan`](Self::scan), once for each element that is there from the walk's start to its end: those below `position`,
    /// which a step before has visited, are left out, and so are those kept ([`RefMut::set_kept`]), which are so no longer.
    pub fn walk(&mut self, position: u64, mut f: impl FnMut(&E)) -> Option<u64> {
        if self.dir.is_empty() {
            return None;
        }
        let mut seg = Segment::from_addr(self.word_of(position) & PTR);
        let home = seg.home(segment::tag(position, seg.depth()));
        if home + 1 < seg.buckets() {
            seg.bucket(home + 1).iter().for_each(|w| prefetch((w & PTR) as *const u8));
        }
        // Since the step before, segments may have merged, and the bucket reach back behind the position.
        let whole = start(seg, position, home) == position;
        let mut kept = Vec::new();
        seg.at_home(home, |at, w| {
            let Some(element) = pointer(w).map(Ref::<E>::new) else { return };
            if !whole && hash_bytes(element.key()) << self.skip < position {
                return;
            }
            if w & KEPT == 0 { f(&element) } else { kept.push(at) }
        });
        for at in kept {
            *seg.word_mut(at) &= !KEPT;
        }
        after(seg, position, home)
    }

    /// As [`scan`](Self::scan), for marked elements only; those for which `f` says yes are shown to `before`, removed, and returned in
    /// `out`.
    pub fn extract_marked(
        &mut self,
        position: u64,
        mut f: impl FnMut(&E) -> bool,
        mut before: impl FnMut(&mut RefMut<'_, E>),
        out: &mut Vec<E>,
    ) -> Option<u64> {
        if self.dir.is_empty() {
            return None;
        }
        let seg = Segment::from_addr(self.word_of(position) & PTR);
        let home = seg.home(segment::tag(position, seg.depth()));
        let next = after(seg, position, home);
        // Removing moves neighbours about, so look again from the start after each removal.
        loop {
            let mut dead = None;
            seg.at_home(home, |at, w| {
                if dead.is_none()
                    && w & MARK != 0
                    && let Some(p) = pointer(w)
                    && f(&Ref::<E>::new(p))
                {
                    dead = Some(at);
                }
            });
            let Some(at) = dead else { break };
            self.borrow(seg, at).iter_mut().for_each(&mut before);
            out.extend(self.take(seg, at));
        }
        self.maybe_shrink(seg, position);
        next
    }

    /// A uniformly random element.
    pub fn random(&self, rng: &mut Rng) -> Option<Ref<'_, E>> {
        if self.len == 0 {
            return None;
        }
        // Rejection makes it exact: a segment that has 2^k directory entries is taken once in 2^k times, and slots are
        // drawn as if every segment had the largest size.
        loop {
            let word = self.dir[rng.below(self.dir.len() as u64) as usize];
            let seg = Segment::from_addr(word & PTR);
            if self.depth() > seg.depth() && rng.below(1 << (self.depth() - seg.depth())) != 0 {
                continue;
            }
            let widest = if self.dir.len() == 1 { seg.buckets() } else { MAX_BUCKETS };
            let slot = rng.below((widest * SLOTS) as u64) as usize;
            if slot / SLOTS < seg.buckets()
                && let Some(p) = pointer(seg.word(Place { bucket: slot / SLOTS, slot: slot % SLOTS }))
            {
                return Some(Ref::new(p));
            }
        }
    }

    /// Segments, and how many of them hold how many elements (for DEBUG HTSTATS).
    pub fn shape(&self) -> (usize, usize) {
        let (mut segments, mut slots) = (0, 0);
        self.each_segment(|s| {
            segments += 1;
            slots += s.buckets() * SLOTS;
        });
        (segments, slots)
    }

    /// Panics where an invariant is broken. For tests.
    pub fn check(&self) {
        let (mut len, mut marked, mut deepest) = (0, 0, 0);
        self.each_segment(|s| {
            s.check();
            len += s.len();
            marked += s.words().filter(|w| w & MARK != 0).count();
            deepest += u32::from(s.depth() == self.depth());
        });
        assert_eq!((len, marked), (self.len, self.marked));
        assert!(self.dir.is_empty() || (deepest == self.deepest && deepest > 0));
        for (i, w) in self.dir.iter().enumerate() {
            let s = Segment::from_addr(w & PTR);
            assert_eq!(*w, dir_word(s), "a directory word disagrees with its segment");
            for e in s.words().filter_map(pointer).map(Ref::<E>::new) {
                let hash = hash_bytes(e.key()) << self.skip;
                let span = 1usize << (self.depth() - s.depth());
                assert_eq!(((hash >> 1) >> (63 - self.depth)) as usize & !(span - 1), i & !(span - 1));
            }
        }
    }
}

/// See [`Table::iter`].
pub struct Iter<'a, E: Element> {
    table: &'a Table<E>,
    /// The directory entry after the current segment's.
    entry: usize,
    segment: Option<Segment>,
    bucket: usize,
    slot: usize,
}

impl<'a, E: Element> Iterator for Iter<'a, E> {
    type Item = Ref<'a, E>;

    #[inline]
    fn next(&mut self) -> Option<Ref<'a, E>> {
        loop {
            if let Some(seg) = self.segment {
                while self.bucket < seg.buckets() {
                    let words = seg.bucket(self.bucket);
                    if self.slot == 0 && self.bucket + 1 < seg.buckets() {
                        // Elements lie anywhere: ask for the next bucket's while these are used.
                        for w in seg.bucket(self.bucket + 1) {
                            prefetch((w & PTR) as *const u8);
                        }
                    }
                    while self.slot < SLOTS {
                        let w = words[self.slot];
                        self.slot += 1;
                        if let Some(p) = pointer(w) {
                            return Some(Ref::new(p));
                        }
                    }
                    (self.bucket, self.slot) = (self.bucket + 1, 0);
                }
            }
            let seg = Segment::from_addr(self.table.dir.get(self.entry)? & PTR);
            self.entry += 1 << (self.table.depth() - seg.depth());
            (self.segment, self.bucket) = (Some(seg), 0);
        }
    }
}

/// The position of the bucket after `home` in `seg`, or of the next segment.
fn after(seg: Segment, position: u64, home: usize) -> Option<u64> {
    let depth = seg.depth();
    if home + 1 < seg.buckets() {
        return Some(start(seg, position, home + 1));
    }
    if depth == 0 { None } else { prefix(depth, position).checked_add(1 << (64 - depth)) }
}

/// The position at which bucket `home` of `seg` begins; `position` lies in the segment.
fn start(seg: Segment, position: u64, home: usize) -> u64 {
    let depth = seg.depth();
    let bits = segment::free_bits(depth);
    let first = ((home as u64) << bits).div_ceil(seg.buckets() as u64) << (48 - segment::window(depth));
    prefix(depth, position) | first
}

fn prefix(depth: u32, position: u64) -> u64 {
    if depth == 0 { 0 } else { position & (!0u64 << (64 - depth)) }
}
