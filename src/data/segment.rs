//! One segment of a [`Table`](super::table::Table): a header and up to 64 buckets of 8 slots, one cache line each.
//!
//! ```text
//! header        elements held, number of buckets, depth, addresses of up to 8 chunks
//! chunk         8 buckets (of a tiny segment: 1, 2 or 4), each a line of 8 slots of 64 bits:
//!
//!   63      48 47                        3  2  1  0
//!  +----------+---------------------------+--+--+--+
//!  | tag      | pointer >> 3              |o |k |m |   m: the owner's mark (the key has a TTL), k: kept, see `Table::walk`
//!  +----------+---------------------------+--+--+--+   o: slot 0 only: somebody went past this full bucket
//! ```
//!
//! A segment grows by a chunk. All chunks of all tables have one size, so what one segment gives back fits the next that
//! grows; contiguous segments of growing sizes left a sixth of the memory in half-empty pages of the size before.
//!
//! The tag is a window of 16 hash bits that starts at the segment's depth rounded down to a multiple of
//! [`WINDOW_STEP`]. It tells candidates from strangers, and *because* it holds the very bits that choose the bucket, a
//! segment is grown, and three times of four split, without touching one element.
//!
//! Invariants, all checked by [`Segment::check`] in tests:
//! 1. An element lies in its home bucket or a later one (cyclically), and every bucket between is marked `o`.
//! 2. `header.len` counts the occupied slots; an empty slot is zero but for `o`.
//! 3. Homes grow with the hash: bucket b holds only hashes smaller than those at home in b+1. SCAN rests on this.

use std::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};
use std::ptr::NonNull;

pub(super) const SLOTS: usize = 8;
pub(super) const MARK: u64 = 1;
pub(super) const KEPT: u64 = 2;
const OVER: u64 = 4;
pub(super) const PTR: u64 = 0x0000_ffff_ffff_fff8;
pub(super) const WINDOW_STEP: u32 = 4;

/// Numbers of buckets a segment may have.
const SIZES: [u8; 9] = [1, 2, 4, 8, 16, 24, 32, 48, 64];
pub(super) const MAX_BUCKETS: usize = 64;
/// Buckets in a chunk.
const CHUNK: usize = 8;

struct Header {
    len: u32,
    buckets: u32,
    depth: u32,
    chunks: [*mut Bucket; MAX_BUCKETS / CHUNK],
}

#[repr(C, align(64))]
#[derive(Clone, Copy)]
struct Bucket([u64; SLOTS]);

/// An owning handle on one segment; a bare pointer with the layout above. Freed by [`Segment::free`], not by drop,
/// because several directory entries share it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Segment(NonNull<Header>);

/// Where an element lies.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub bucket: usize,
    pub slot: usize,
}

/// Buckets in the chunks of a segment with so many buckets.
fn chunk_size(buckets: usize) -> usize {
    buckets.min(CHUNK)
}

fn chunk_layout(buckets: usize) -> Layout {
    Layout::array::<Bucket>(buckets).unwrap_or(Layout::new::<Bucket>())
}

fn new_chunk(buckets: usize) -> *mut Bucket {
    let layout = chunk_layout(buckets);
    // SAFETY: the layout is not empty, and zeroed memory is empty buckets.
    let p = unsafe { alloc_zeroed(layout) };
    if p.is_null() {
        handle_alloc_error(layout)
    }
    p.cast()
}

impl Segment {
    pub fn new(buckets: usize, depth: u32) -> Segment {
        debug_assert!(SIZES.contains(&(buckets as u8)));
        let mut header =
            Header { len: 0, buckets: buckets as u32, depth, chunks: [std::ptr::null_mut(); MAX_BUCKETS / CHUNK] };
        for chunk in &mut header.chunks[..buckets.div_ceil(CHUNK)] {
            *chunk = new_chunk(chunk_size(buckets));
        }
        Segment(NonNull::from(Box::leak(Box::new(header))))
    }

    /// Gives the memory back. The elements must have been moved or dropped, and no copy of the handle be used again.
    pub unsafe fn free(self) {
        // SAFETY: made in `new` from a box; the caller gives up every copy of the handle.
        let header = unsafe { Box::from_raw(self.0.as_ptr()) };
        let buckets = header.buckets as usize;
        for &chunk in &header.chunks[..buckets.div_ceil(CHUNK)] {
            // SAFETY: allocated by `new_chunk` with this size.
            unsafe { dealloc(chunk.cast(), chunk_layout(chunk_size(buckets))) };
        }
    }

    /// Gives the segment another number of buckets, where it is. Tags stay; no element is touched.
    pub fn resize(&mut self, buckets: usize) {
        let before = self.buckets();
        let mut space = [0; MAX_BUCKETS * SLOTS];
        let words = self.copy_words(&mut space);
        debug_assert!(words.len() <= buckets * SLOTS);
        for b in 0..before {
            *self.bucket_mut(b) = [0; SLOTS];
        }
        // SAFETY: as `header`; `&mut self` of the owning table stands behind every caller.
        let header = unsafe { self.0.as_mut() };
        let (old, new) = (chunk_size(before), chunk_size(buckets));
        for (i, chunk) in header.chunks.iter_mut().enumerate() {
            let (has, wants) = (i * CHUNK < before, i * CHUNK < buckets);
            if has && (!wants || old != new) {
                // SAFETY: allocated by `new_chunk` with this size, and emptied.
                unsafe { dealloc((*chunk).cast(), chunk_layout(old)) };
                *chunk = std::ptr::null_mut();
            }
            if wants && chunk.is_null() {
                *chunk = new_chunk(new);
            }
        }
        header.buckets = buckets as u32;
        self.fill(words);
    }

    /// Puts words into an empty segment, as [`place`](Self::place) would one by one, but without looking for free slots.
    pub fn fill(&mut self, words: &[u64]) {
        let (buckets, depth) = (self.buckets(), self.depth());
        let mut used = [0u8; MAX_BUCKETS];
        for &word in words {
            let mut b = home(word >> 48, buckets, depth);
            while used[b] as usize == SLOTS {
                self.bucket_mut(b)[0] |= OVER;
                b = self.next(b);
            }
            let slot = used[b] as usize;
            used[b] += 1;
            // A bucket is marked only once it is full, so no mark is overwritten here.
            self.bucket_mut(b)[slot] = word & !OVER;
        }
        // SAFETY: as `header`.
        unsafe { self.0.as_mut().len = words.len() as u32 };
    }

    pub fn from_addr(addr: u64) -> Segment {
        match NonNull::new(addr as *mut Header) {
            Some(p) => Segment(p),
            None => unreachable!("directory entries are never null"),
        }
    }

    pub fn addr(self) -> u64 {
        self.0.as_ptr() as u64
    }

    /// Bytes on the heap.
    pub fn bytes(self) -> usize {
        size_of::<Header>() + self.buckets() * 64
    }

    #[inline]
    fn header(&self) -> &Header {
        // SAFETY: the handle points to a live segment; the table's borrow rules serialize access.
        unsafe { self.0.as_ref() }
    }

    #[inline]
    pub fn len(self) -> usize {
        self.header().len as usize
    }

    #[inline]
    pub fn buckets(self) -> usize {
        self.header().buckets as usize
    }

    #[inline]
    pub fn depth(self) -> u32 {
        self.header().depth
    }

    #[inline]
    pub fn add_len(&mut self, by: i32) {
        // SAFETY: as `header`, and `&mut self` of the owning table stands behind every caller.
        unsafe { self.0.as_mut().len = self.0.as_ref().len.wrapping_add_signed(by) }
    }

    /// The address of bucket `b`, for prefetching.
    #[inline]
    pub fn bucket_addr(self, b: usize) -> *const u8 {
        self.bucket_ptr(b).cast()
    }

    #[inline]
    fn bucket_ptr(self, b: usize) -> *mut [u64; SLOTS] {
        debug_assert!(b < self.buckets());
        // SAFETY: `b` is below the number of buckets, so its chunk is there and the line lies inside it.
        unsafe { self.header().chunks.get_unchecked(b / CHUNK).add(b % CHUNK).cast() }
    }

    #[inline]
    pub fn bucket(&self, b: usize) -> &[u64; SLOTS] {
        // SAFETY: see `bucket_ptr`; shared access under the table's borrow.
        unsafe { &*self.bucket_ptr(b) }
    }

    #[inline]
    fn bucket_mut(&mut self, b: usize) -> &mut [u64; SLOTS] {
        // SAFETY: see `bucket_ptr`; exclusive access under the table's `&mut` borrow.
        unsafe { &mut *self.bucket_ptr(b) }
    }

    #[inline]
    pub fn word(&self, at: Place) -> u64 {
        self.bucket(at.bucket)[at.slot]
    }

    #[inline]
    pub fn word_mut(&mut self, at: Place) -> &mut u64 {
        &mut self.bucket_mut(at.bucket)[at.slot]
    }

    #[inline]
    pub fn overflowed(&self, b: usize) -> bool {
        self.bucket(b)[0] & OVER != 0
    }

    /// The bucket after `b`, around the end.
    #[inline]
    pub fn next(self, b: usize) -> usize {
        if b + 1 == self.buckets() { 0 } else { b + 1 }
    }

    #[inline]
    pub fn home(self, tag: u64) -> usize {
        home(tag, self.buckets(), self.depth())
    }

    /// The place whose tag matches and for which `same` says yes.
    #[inline]
    pub fn find(&self, tag: u64, home: usize, mut same: impl FnMut(NonNull<u8>) -> bool) -> Option<Place> {
        let mut b = home;
        loop {
            let slots = self.bucket(b);
            let mut hits = 0u32;
            for (i, w) in slots.iter().enumerate() {
                hits |= u32::from(w >> 48 == tag) << i;
            }
            while hits != 0 {
                let slot = hits.trailing_zeros() as usize;
                hits &= hits - 1;
                if let Some(p) = pointer(slots[slot])
                    && same(p)
                {
                    return Some(Place { bucket: b, slot });
                }
            }
            if slots[0] & OVER == 0 {
                return None;
            }
            b = self.next(b);
            if b == home {
                return None;
            }
        }
    }

    /// Puts a word (tag, pointer, mark) into the first free slot from its home on. There must be one.
    pub fn place(&mut self, word: u64) -> Place {
        let mut b = self.home(word >> 48);
        loop {
            let slots = self.bucket_mut(b);
            if let Some(slot) = slots.iter().position(|w| w & PTR == 0) {
                slots[slot] = (slots[slot] & OVER) | (word & !OVER);
                self.add_len(1);
                return Place { bucket: b, slot };
            }
            slots[0] |= OVER;
            b = self.next(b);
        }
    }

    /// Empties a place and mends invariant 1: whoever went past this bucket moves back into the hole.
    pub fn clear(&mut self, at: Place) {
        self.add_len(-1);
        let mut hole = at;
        loop {
            *self.word_mut(hole) &= OVER;
            if !self.overflowed(hole.bucket) {
                return;
            }
            match self.passer_by(hole.bucket) {
                Some(from) => {
                    let word = self.word(from);
                    let to = self.word_mut(hole);
                    *to = (*to & OVER) | (word & !OVER);
                    hole = from;
                }
                None => {
                    self.bucket_mut(hole.bucket)[0] &= !OVER;
                    return;
                }
            }
        }
    }

    /// An element beyond bucket `b` whose way from home leads through `b`.
    fn passer_by(&self, b: usize) -> Option<Place> {
        let n = self.buckets();
        let mut c = self.next(b);
        while c != b {
            for (slot, w) in self.bucket(c).iter().enumerate() {
                if w & PTR != 0 {
                    let home = self.home(w >> 48);
                    // Cyclic distances: the element passed b if b is not nearer to c than home is.
                    if (c + n - home) % n >= (c + n - b) % n {
                        return Some(Place { bucket: c, slot });
                    }
                }
            }
            if !self.overflowed(c) {
                return None;
            }
            c = self.next(c);
        }
        None
    }

    /// Every place whose element is at home in bucket `b`.
    pub fn at_home(&self, b: usize, mut f: impl FnMut(Place, u64)) {
        let mut c = b;
        loop {
            for (slot, &w) in self.bucket(c).iter().enumerate() {
                if w & PTR != 0 && self.home(w >> 48) == b {
                    f(Place { bucket: c, slot }, w);
                }
            }
            if !self.overflowed(c) {
                return;
            }
            c = self.next(c);
            if c == b {
                return;
            }
        }
    }

    /// Every occupied word.
    pub fn words(&self) -> impl Iterator<Item = u64> + '_ {
        (0..self.buckets()).flat_map(|b| self.bucket(b).iter().copied()).filter(|w| w & PTR != 0)
    }

    /// Copies the occupied words into `space`, and returns that part of it.
    pub fn copy_words<'s>(&self, space: &'s mut [u64; MAX_BUCKETS * SLOTS]) -> &'s mut [u64] {
        let mut len = 0;
        for b in 0..self.buckets() {
            for &w in self.bucket(b) {
                space[len] = w & !OVER;
                len += usize::from(w & PTR != 0);
            }
        }
        &mut space[..len]
    }

    /// Panics where an invariant is broken. For tests.
    pub fn check(&self) {
        let mut len = 0;
        for b in 0..self.buckets() {
            for &w in self.bucket(b) {
                if w & PTR == 0 {
                    assert_eq!(w & !OVER, 0, "an empty slot holds something");
                    continue;
                }
                len += 1;
                let mut at = self.home(w >> 48);
                while at != b {
                    assert!(self.overflowed(at), "an element is past a bucket that does not say so");
                    at = self.next(at);
                }
            }
        }
        assert_eq!(len, self.len(), "the header miscounts");
    }
}

#[inline]
pub(super) fn pointer(word: u64) -> Option<NonNull<u8>> {
    NonNull::new((word & PTR) as *mut u8)
}

/// Where the tag's window starts for a segment of this depth.
#[inline]
pub(super) fn window(depth: u32) -> u32 {
    depth & !(WINDOW_STEP - 1)
}

/// The tag of a (left-aligned) hash in a segment of this depth.
#[inline]
pub(super) fn tag(hash: u64, depth: u32) -> u64 {
    (hash << window(depth)) >> 48
}

/// The tag's bits that are not fixed by the segment's own prefix.
#[inline]
pub(super) fn free_bits(depth: u32) -> u32 {
    16 - (depth - window(depth))
}

#[inline]
pub(super) fn home(tag: u64, buckets: usize, depth: u32) -> usize {
    let bits = free_bits(depth);
    (((tag & ((1 << bits) - 1)) * buckets as u64) >> bits) as usize
}

/// How many elements a segment of `buckets` takes before it grows: nine tenths, all of it while it is tiny.
pub(super) fn limit(buckets: usize) -> usize {
    let slots = buckets * SLOTS;
    if buckets <= 4 { slots } else { slots - slots / 10 }
}

/// The smallest number of buckets that takes `len` elements.
pub(super) fn buckets_for(len: usize) -> usize {
    SIZES.iter().map(|&b| b as usize).find(|&b| limit(b) >= len).unwrap_or(MAX_BUCKETS)
}

/// The next larger number of buckets, if there is one.
pub(super) fn larger(buckets: usize) -> Option<usize> {
    SIZES.iter().map(|&b| b as usize).find(|&b| b > buckets)
}
