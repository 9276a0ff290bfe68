//! Growing and shrinking, one segment at a time: a full segment takes the next size or splits in two, an empty one shrinks or
//! joins its buddy, and the directory follows.

use super::super::segment::{self, MAX_BUCKETS, PTR, SLOTS, Segment, pointer};
use super::{Element, Ref, Table, dir_word, prefetch};
use crate::base::hash::hash_bytes;

impl<E: Element> Table<E> {
    pub(super) fn make_room(&mut self, mut seg: Segment, hash: u64) {
        match segment::larger(seg.buckets()) {
            Some(buckets) => seg.resize(buckets),
            None => self.split(seg, hash),
        }
    }

    pub(super) fn split(&mut self, old: Segment, hash: u64) {
        let depth = old.depth() + 1;
        if depth > self.depth() {
            self.dir = self.dir.iter().flat_map(|&w| [w, w]).collect();
            self.depth = depth as u8;
            self.deepest = 0;
        }
        let mut space = [0; MAX_BUCKETS * SLOTS];
        let words = old.copy_words(&mut space);
        // The highest tag bit that is not yet fixed decides, and becomes the last bit of the half's prefix. Words of the
        // lower half go to the front.
        let high = |w: u64| (w >> (47 + segment::free_bits(old.depth()))) & 1 == 1;
        let mut middle = 0;
        for i in 0..words.len() {
            if !high(words[i]) {
                words.swap(i, middle);
                middle += 1;
            }
        }
        retag::<E>(words, u32::from(self.skip), old.depth(), depth);
        let (low, high) = words.split_at(middle);
        // A little room, so that the next insertions do not grow it at once.
        let size = |n: usize| segment::buckets_for((n + n / 16 + 1).min(segment::limit(MAX_BUCKETS)));
        let mut new = [low, high].map(|half| Segment::new(size(half.len()), depth));
        new[0].fill(low);
        new[1].fill(high);
        let bit = 1u64 << (64 - depth);
        self.point(hash & !bit, new[0]);
        self.point(hash | bit, new[1]);
        if depth == self.depth() {
            self.deepest += 2;
        }
        // SAFETY: all elements moved, and both halves of its directory entries were replaced.
        unsafe { old.free() };
    }

    /// Makes every directory entry under the segment's prefix (that of `hash`) point to it.
    pub(super) fn point(&mut self, hash: u64, seg: Segment) {
        let span = 1usize << (self.depth() - seg.depth());
        let first = ((hash >> 1) >> (63 - self.depth)) as usize & !(span - 1);
        self.dir[first..first + span].fill(dir_word(seg));
    }

    pub(super) fn maybe_shrink(&mut self, mut seg: Segment, hash: u64) {
        if seg.buckets() == 1 {
            if self.len == 0 {
                self.clear();
            }
            return;
        }
        if seg.len() * 4 >= segment::limit(seg.buckets()) {
            return;
        }
        if seg.depth() > 0 && self.merge(seg, hash) {
            return;
        }
        let buckets = segment::buckets_for(seg.len() + seg.len() / 2 + 1);
        if buckets < seg.buckets() {
            seg.resize(buckets);
        }
    }

    /// Joins a segment with its buddy if both together leave a joint one half empty.
    pub(super) fn merge(&mut self, seg: Segment, hash: u64) -> bool {
        let depth = seg.depth();
        let buddy = Segment::from_addr(self.word_of(hash ^ (1 << (64 - depth))) & PTR);
        let total = seg.len() + buddy.len();
        if buddy.depth() != depth || total * 2 > segment::limit(MAX_BUCKETS) {
            return false;
        }
        let mut new = Segment::new(segment::buckets_for(total + total / 4 + 1), depth - 1);
        for old in [seg, buddy] {
            let mut space = [0; MAX_BUCKETS * SLOTS];
            let words = old.copy_words(&mut space);
            retag::<E>(words, u32::from(self.skip), depth, depth - 1);
            for &w in words.iter() {
                new.place(w);
            }
        }
        self.point(hash, new);
        if depth == self.depth() {
            self.deepest -= 2;
            if self.deepest == 0 {
                self.halve();
            }
        }
        // SAFETY: all elements moved, and `point` covered the entries of both.
        unsafe {
            seg.free();
            buddy.free();
        }
        true
    }

    /// Halves the directory, as long as nobody needs its last bit.
    pub(super) fn halve(&mut self) {
        while self.deepest == 0 && self.depth > 0 {
            self.depth -= 1;
            self.dir = self.dir.iter().step_by(2).copied().collect();
            let depth = self.depth();
            self.deepest = self.dir.iter().filter(|w| (**w >> 48) as u32 == depth).count() as u32;
        }
    }

    /// Drops everything.
    pub fn clear(&mut self) {
        let mut segments = Vec::new();
        self.each_segment(|s| segments.push(s));
        self.dir = Box::default();
        (self.depth, self.len, self.marked, self.deepest) = (0, 0, 0, 0);
        for seg in segments {
            for w in seg.words() {
                if let Some(raw) = pointer(w) {
                    // SAFETY: the directory is gone; each word is visited once.
                    drop(unsafe { E::from_raw(raw) });
                }
            }
            // SAFETY: as above.
            unsafe { seg.free() };
        }
    }
}

/// Gives words of a segment of depth `from` the tags that they have at depth `to`. Only where the tag's window moves must
/// the elements be looked at and hashed.
fn retag<E: Element>(words: &mut [u64], skip: u32, from: u32, to: u32) {
    if segment::window(from) == segment::window(to) {
        return;
    }
    for i in 0..words.len() {
        if let Some(ahead) = words.get(i + 8) {
            prefetch((ahead & PTR) as *const u8);
        }
        if let Some(p) = pointer(words[i]) {
            let hash = hash_bytes(Ref::<E>::new(p).key()) << skip;
            words[i] = (words[i] & !(0xffff << 48)) | segment::tag(hash, to) << 48;
        }
    }
}
