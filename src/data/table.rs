//! The hash table of keys, and of large sets, hashes and sorted sets: extendible hashing over small segments.
//!
//! A directory over the high hash bits points to [`segments`](super::segment). A segment that fills grows by a size
//! class, and splits when it is at its largest; nothing but that one segment is ever touched, so there is no rehash of the
//! whole, no latency spike and no moment at which the table needs twice its memory. Segments that empty shrink and merge.
//!
//! Elements are owned through one thin pointer each ([`Element`]); the table orders them by hash, and a scan position is a
//! hash prefix. Splits and merges only subdivide or join prefixes, so a scan returns everything that was present from
//! its start to its end, however the table grew or shrank meanwhile.
//!
//! `unsafe` here and in `segment.rs`: a slot's pointer is an element that the table owns; it is handed out as a borrow of
//! the table ([`Ref`], [`RefMut`]) and turned back into an owned element exactly once, when it leaves.

use super::segment::{self, MARK, MAX_BUCKETS, PTR, Place, SLOTS, Segment, pointer};
use crate::base::{hash::hash_bytes, rng::Rng};
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;

/// Something that owns one heap allocation through one pointer and knows its key.
///
/// # Safety
/// `into_raw` gives a pointer aligned to 8 and below 2^48, from which `from_raw` makes the same element again; moving an
/// element does not move its allocation. `Self` is `repr(transparent)` over that pointer.
pub unsafe trait Element: Sized {
    fn into_raw(self) -> NonNull<u8>;
    /// # Safety
    /// `raw` came from `into_raw`, and is not used as another owned element.
    unsafe fn from_raw(raw: NonNull<u8>) -> Self;
    fn key(&self) -> &[u8];
}

pub struct Table<E: Element> {
    /// A power of two of directory words: segment address, and its depth in the 16 high bits.
    /// Empty until the first insertion.
    dir: Vec<u64>,
    depth: u32,
    /// Hash bits above the table's own: those that chose the shard.
    skip: u32,
    len: usize,
    marked: usize,
    /// Segments whose depth is the directory's: when there are none, the directory halves.
    deepest: usize,
    owns: PhantomData<E>,
}

// SAFETY: the table owns its elements; sharing or sending it is sharing or sending them.
unsafe impl<E: Element + Send> Send for Table<E> {}
unsafe impl<E: Element + Sync> Sync for Table<E> {}

/// A borrowed element.
pub struct Ref<'a, E> {
    element: ManuallyDrop<E>,
    table: PhantomData<&'a E>,
}

impl<E> Deref for Ref<'_, E> {
    type Target = E;
    #[inline]
    fn deref(&self) -> &E {
        &self.element
    }
}

impl<'a, E: Element> Ref<'a, E> {
    #[inline]
    fn new(raw: NonNull<u8>) -> Self {
        // SAFETY: the table owns the element and is borrowed for 'a; ManuallyDrop keeps it from being dropped twice.
        Ref { element: ManuallyDrop::new(unsafe { E::from_raw(raw) }), table: PhantomData }
    }
}

/// An exclusively borrowed element; may be replaced by assignment. What stands in it goes back to the slot on drop.
pub struct RefMut<'a, E: Element> {
    table: &'a mut Table<E>,
    seg: Segment,
    at: Place,
    element: ManuallyDrop<E>,
}

impl<E: Element> RefMut<'_, E> {
    pub fn is_marked(&self) -> bool {
        self.seg.word(self.at) & MARK != 0
    }

    pub fn set_mark(&mut self, on: bool) {
        if on != self.is_marked() {
            *self.seg.word_mut(self.at) ^= MARK;
            self.table.marked = if on { self.table.marked + 1 } else { self.table.marked - 1 };
        }
    }

    /// Takes the element out of the table. `hash` is its key's.
    pub fn remove(mut self, hash: u64) -> Option<E> {
        self.put_back();
        let (table, seg, at) = (std::ptr::from_mut(self.table), self.seg, self.at);
        std::mem::forget(self);
        // SAFETY: the handle that held the exclusive borrow is gone, so this one takes its place.
        let table = unsafe { &mut *table };
        let out = table.take(seg, at);
        table.maybe_shrink(seg, hash << table.skip);
        out
    }

    #[inline]
    fn put_back(&mut self) {
        // SAFETY: called once, when the handle goes; ownership returns to the slot.
        let raw = unsafe { ManuallyDrop::take(&mut self.element) }.into_raw();
        let word = self.seg.word_mut(self.at);
        *word = (*word & !PTR) | address(raw);
    }
}

impl<E: Element> Deref for RefMut<'_, E> {
    type Target = E;
    #[inline]
    fn deref(&self) -> &E {
        &self.element
    }
}

impl<E: Element> DerefMut for RefMut<'_, E> {
    #[inline]
    fn deref_mut(&mut self) -> &mut E {
        &mut self.element
    }
}

impl<E: Element> Drop for RefMut<'_, E> {
    #[inline]
    fn drop(&mut self) {
        self.put_back();
    }
}

/// Where an element was found; good until the table changes.
#[derive(Clone, Copy)]
pub struct Spot(Segment, Place);

#[inline]
fn address(raw: NonNull<u8>) -> u64 {
    let addr = raw.as_ptr() as u64;
    assert!(addr & !PTR == 0, "the allocator gave an address that a slot cannot hold");
    addr
}

impl<E: Element> Default for Table<E> {
    fn default() -> Self {
        Table::new(0)
    }
}

impl<E: Element> Table<E> {
    /// An empty table that ignores the highest `skip` bits of each hash (the shard's number).
    pub const fn new(skip: u32) -> Self {
        Table { dir: Vec::new(), depth: 0, skip, len: 0, marked: 0, deepest: 0, owns: PhantomData }
    }

    #[inline]
    pub fn len(&self) -> usize {
        self.len
    }

    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// How many elements carry the mark.
    pub fn marked(&self) -> usize {
        self.marked
    }

    /// Slots that all segments together have.
    pub fn slots(&self) -> usize {
        let mut sum = 0;
        self.each_segment(|s| sum += s.buckets() * SLOTS);
        sum
    }

    /// Bytes of directory and segments, elements not counted.
    pub fn heap_bytes(&self) -> usize {
        let mut sum = self.dir.capacity() * 8;
        self.each_segment(|s| sum += s.bytes());
        sum
    }

    #[inline]
    fn word_of(&self, hash: u64) -> u64 {
        // Shifting in two steps keeps depth 0 (a shift by 64) defined.
        self.dir[((hash >> 1) >> (63 - self.depth)) as usize]
    }

    /// Segment, tag and home bucket of a hash.
    #[inline]
    fn locate(&self, hash: u64) -> Option<(Segment, u64, usize)> {
        if self.dir.is_empty() {
            return None;
        }
        let hash = hash << self.skip;
        let word = self.word_of(hash);
        let (seg, depth) = (Segment::from_addr(word & PTR), (word >> 48) as u32);
        let tag = segment::tag(hash, depth);
        Some((seg, tag, segment::home(tag, seg.buckets(), depth)))
    }

    /// Asks for the segment's header, so that [`prefetch_bucket`](Self::prefetch_bucket) soon after does not wait.
    #[inline]
    pub fn prefetch_segment(&self, hash: u64) {
        if !self.dir.is_empty() {
            let header = (self.word_of(hash << self.skip) & PTR) as *const u8;
            prefetch(header);
            prefetch(header.wrapping_add(64));
        }
    }

    /// Asks for the bucket's cache line, so that a lookup soon after does not wait.
    #[inline]
    pub fn prefetch_bucket(&self, hash: u64) {
        if let Some((seg, _, home)) = self.locate(hash) {
            prefetch(seg.bucket_addr(home));
        }
    }

    /// Asks for the element's cache lines; the bucket should have arrived already. If the element is not in it but may
    /// have gone past it, for the next bucket.
    #[inline]
    pub fn prefetch_element(&self, hash: u64) {
        let Some((seg, tag, home)) = self.locate(hash) else { return };
        let slots = seg.bucket(home);
        match slots.iter().find(|w| **w >> 48 == tag) {
            Some(w) => {
                let p = (w & PTR) as *const u8;
                prefetch(p);
                prefetch(p.wrapping_add(48));
            }
            None if seg.overflowed(home) => prefetch(seg.bucket_addr(seg.next(home))),
            None => {}
        }
    }

    #[inline]
    fn find(&self, hash: u64, key: &[u8]) -> Option<(Segment, Place)> {
        let (seg, tag, home) = self.locate(hash)?;
        let at = seg.find(tag, home, |p| Ref::<E>::new(p).key() == key)?;
        Some((seg, at))
    }

    #[inline]
    pub fn get(&self, hash: u64, key: &[u8]) -> Option<Ref<'_, E>> {
        let (seg, at) = self.find(hash, key)?;
        pointer(seg.word(at)).map(Ref::new)
    }

    #[inline]
    pub fn get_mut(&mut self, hash: u64, key: &[u8]) -> Option<RefMut<'_, E>> {
        let (seg, at) = self.find(hash, key)?;
        self.borrow(seg, at)
    }

    fn borrow(&mut self, seg: Segment, at: Place) -> Option<RefMut<'_, E>> {
        let raw = pointer(seg.word(at))?;
        // SAFETY: the slot owns the element; `self` is borrowed exclusively for as long as the handle lives.
        let element = ManuallyDrop::new(unsafe { E::from_raw(raw) });
        Some(RefMut { table: self, seg, at, element })
    }

    /// Finds an element without borrowing the table, for callers that look first and borrow then.
    #[inline]
    pub fn spot(&self, hash: u64, key: &[u8]) -> Option<Spot> {
        self.find(hash, key).map(|(seg, at)| Spot(seg, at))
    }

    /// # Safety
    /// The table must not have changed since `spot` was found in it; so for [`at_mut`](Self::at_mut).
    #[inline]
    pub unsafe fn at(&self, spot: Spot) -> Option<Ref<'_, E>> {
        pointer(spot.0.word(spot.1)).map(Ref::new)
    }

    /// # Safety
    /// See [`at`](Self::at).
    #[inline]
    pub unsafe fn at_mut(&mut self, spot: Spot) -> Option<RefMut<'_, E>> {
        self.borrow(spot.0, spot.1)
    }

    /// Adds an element whose key is not present (the caller has looked).
    pub fn insert_new(&mut self, hash: u64, element: E, mark: bool) {
        debug_assert!(self.find(hash, element.key()).is_none());
        let left = hash << self.skip;
        if self.dir.is_empty() {
            self.dir.push(dir_word(Segment::new(1, 0)));
            self.deepest = 1;
        }
        let mut seg = Segment::from_addr(self.word_of(left) & PTR);
        while seg.len() >= segment::limit(seg.buckets()) {
            self.make_room(seg, left);
            seg = Segment::from_addr(self.word_of(left) & PTR);
        }
        let word = (segment::tag(left, seg.depth()) << 48) | address(element.into_raw()) | if mark { MARK } else { 0 };
        seg.place(word);
        self.len += 1;
        self.marked += usize::from(mark);
    }

    pub fn remove(&mut self, hash: u64, key: &[u8]) -> Option<E> {
        let (seg, at) = self.find(hash, key)?;
        let out = self.take(seg, at);
        self.maybe_shrink(seg, hash << self.skip);
        out
    }

    fn take(&mut self, mut seg: Segment, at: Place) -> Option<E> {
        let word = seg.word(at);
        let raw = pointer(word)?;
        seg.clear(at);
        self.len -= 1;
        self.marked -= (word & MARK) as usize;
        // SAFETY: the slot was emptied; this is the only owner now.
        Some(unsafe { E::from_raw(raw) })
    }

    // ---- growing and shrinking, one segment at a time -------------------------------------------------------------

    fn make_room(&mut self, mut seg: Segment, hash: u64) {
        match segment::larger(seg.buckets()) {
            Some(buckets) => seg.resize(buckets),
            None => self.split(seg, hash),
        }
    }

    fn split(&mut self, old: Segment, hash: u64) {
        let depth = old.depth() + 1;
        if depth > self.depth {
            self.dir = self.dir.iter().flat_map(|&w| [w, w]).collect();
            self.depth = depth;
            self.deepest = 0;
        }
        let words: Vec<u64> = old.words().collect();
        // The highest tag bit that is not yet fixed decides, and becomes the last bit of the half's prefix.
        let side = |w: u64| (w >> (47 + segment::free_bits(old.depth()))) as usize & 1;
        let mut halves = [0usize; 2];
        for w in &words {
            halves[side(*w)] += 1;
        }
        // A little room, so that the next insertions do not grow it at once.
        let size = |n: usize| segment::buckets_for((n + n / 16 + 1).min(segment::limit(MAX_BUCKETS)));
        let mut new = halves.map(|n| Segment::new(size(n), depth));
        let mut sides = [Vec::with_capacity(halves[0]), Vec::with_capacity(halves[1])];
        for (was, is) in words.iter().zip(retag::<E>(words.clone(), self.skip, old.depth(), depth)) {
            sides[side(*was)].push(is);
        }
        new[0].fill(&sides[0]);
        new[1].fill(&sides[1]);
        let bit = 1u64 << (64 - depth);
        self.point(hash & !bit, new[0]);
        self.point(hash | bit, new[1]);
        if depth == self.depth {
            self.deepest += 2;
        }
        // SAFETY: all elements moved, and both halves of its directory entries were replaced.
        unsafe { old.free() };
    }

    /// Makes every directory entry under the segment's prefix (that of `hash`) point to it.
    fn point(&mut self, hash: u64, seg: Segment) {
        let span = 1usize << (self.depth - seg.depth());
        let first = ((hash >> 1) >> (63 - self.depth)) as usize & !(span - 1);
        self.dir[first..first + span].fill(dir_word(seg));
    }

    fn maybe_shrink(&mut self, mut seg: Segment, hash: u64) {
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
    fn merge(&mut self, seg: Segment, hash: u64) -> bool {
        let depth = seg.depth();
        let buddy = Segment::from_addr(self.word_of(hash ^ (1 << (64 - depth))) & PTR);
        let total = seg.len() + buddy.len();
        if buddy.depth() != depth || total * 2 > segment::limit(MAX_BUCKETS) {
            return false;
        }
        let mut new = Segment::new(segment::buckets_for(total + total / 4 + 1), depth - 1);
        for old in [seg, buddy] {
            for w in retag::<E>(old.words().collect(), self.skip, depth, depth - 1) {
                new.place(w);
            }
        }
        self.point(hash, new);
        if depth == self.depth {
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
    fn halve(&mut self) {
        while self.deepest == 0 && self.depth > 0 {
            self.depth -= 1;
            self.dir = self.dir.iter().step_by(2).copied().collect();
            let depth = self.depth;
            self.deepest = self.dir.iter().filter(|w| (**w >> 48) as u32 == depth).count();
        }
    }

    /// Drops everything.
    pub fn clear(&mut self) {
        let mut segments = Vec::new();
        self.each_segment(|s| segments.push(s));
        self.dir = Vec::new();
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

    // ---- walking ---------------------------------------------------------------------------------------------------

    fn each_segment(&self, mut f: impl FnMut(Segment)) {
        let mut i = 0;
        while i < self.dir.len() {
            let seg = Segment::from_addr(self.dir[i] & PTR);
            f(seg);
            i += 1 << (self.depth - seg.depth());
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

    /// As [`scan`](Self::scan), for marked elements only; those for which `f` says yes are removed and returned in `out`.
    pub fn extract_marked(&mut self, position: u64, mut f: impl FnMut(&E) -> bool, out: &mut Vec<E>) -> Option<u64> {
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
            if self.depth > seg.depth() && rng.below(1 << (self.depth - seg.depth())) != 0 {
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
            deepest += usize::from(s.depth() == self.depth);
        });
        assert_eq!((len, marked), (self.len, self.marked));
        assert!(self.dir.is_empty() || (deepest == self.deepest && deepest > 0));
        for (i, w) in self.dir.iter().enumerate() {
            let s = Segment::from_addr(w & PTR);
            assert_eq!(*w, dir_word(s), "a directory word disagrees with its segment");
            for e in s.words().filter_map(pointer).map(Ref::<E>::new) {
                let hash = hash_bytes(e.key()) << self.skip;
                let span = 1usize << (self.depth - s.depth());
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
            self.entry += 1 << (self.table.depth - seg.depth());
            (self.segment, self.bucket) = (Some(seg), 0);
        }
    }
}

impl<E: Element> Drop for Table<E> {
    fn drop(&mut self) {
        self.clear();
    }
}

/// The position of the bucket after `home` in `seg`, or of the next segment.
fn after(seg: Segment, position: u64, home: usize) -> Option<u64> {
    let depth = seg.depth();
    let prefix = if depth == 0 { 0 } else { position & (!0u64 << (64 - depth)) };
    if home + 1 < seg.buckets() {
        let bits = segment::free_bits(depth);
        let first = (((home as u64 + 1) << bits).div_ceil(seg.buckets() as u64)) << (48 - segment::window(depth));
        return Some(prefix | first);
    }
    if depth == 0 { None } else { prefix.checked_add(1 << (64 - depth)) }
}

fn dir_word(seg: Segment) -> u64 {
    seg.addr() | u64::from(seg.depth()) << 48
}

/// Gives words of a segment of depth `from` the tags that they have at depth `to`. Only where the tag's window moves must
/// the elements be looked at and hashed.
fn retag<E: Element>(mut words: Vec<u64>, skip: u32, from: u32, to: u32) -> Vec<u64> {
    if segment::window(from) != segment::window(to) {
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
    words
}

#[inline]
pub(crate) fn prefetch(p: *const u8) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a prefetch of any address is harmless.
    unsafe {
        std::arch::x86_64::_mm_prefetch::<{ std::arch::x86_64::_MM_HINT_T0 }>(p.cast())
    };
    #[cfg(not(target_arch = "x86_64"))]
    let _ = p;
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    /// An element whose key and payload are one boxed string.
    struct Word(NonNull<u8>);

    unsafe impl Element for Word {
        fn into_raw(self) -> NonNull<u8> {
            let raw = self.0;
            std::mem::forget(self);
            raw
        }
        unsafe fn from_raw(raw: NonNull<u8>) -> Self {
            Word(raw)
        }
        fn key(&self) -> &[u8] {
            unsafe { (*self.0.as_ptr().cast::<String>()).as_bytes() }
        }
    }

    impl Word {
        fn new(s: String) -> Word {
            Word(NonNull::new(Box::into_raw(Box::new(s)).cast()).unwrap())
        }
    }

    impl Drop for Word {
        fn drop(&mut self) {
            drop(unsafe { Box::from_raw(self.0.as_ptr().cast::<String>()) });
        }
    }

    fn keys(t: &Table<Word>) -> Vec<String> {
        t.iter().map(|e| String::from_utf8(e.key().to_vec()).unwrap()).collect()
    }

    #[test]
    fn behaves_like_a_map_through_growth_and_shrinking() {
        for skip in [0, 6] {
            let mut rng = Rng::new(42 + u64::from(skip));
            let mut table: Table<Word> = Table::new(skip);
            let mut model: HashMap<String, bool> = HashMap::new();
            for step in 0..400_000u32 {
                // Three phases: grow, churn, shrink.
                let grow = match step / 100_000 {
                    0 => 90,
                    1 | 2 => 50,
                    _ => 5,
                };
                let key = format!("k{}", rng.below(60_000));
                // With a skip, every hash must share the shard's bits, as in a shard.
                let hash = (hash_bytes(key.as_bytes()) << skip) >> skip;
                let mark = rng.below(4) == 0;
                if rng.below(100) < grow {
                    if let Some(mut e) = table.get_mut(hash, key.as_bytes()) {
                        e.set_mark(mark);
                        *e = Word::new(key.clone());
                    } else {
                        table.insert_new(hash, Word::new(key.clone()), mark);
                    }
                    model.insert(key, mark);
                } else {
                    assert_eq!(table.remove(hash, key.as_bytes()).is_some(), model.remove(&key).is_some());
                }
                assert_eq!(table.len(), model.len());
                if step % 20_000 == 0 {
                    table.check();
                    let mut got = keys(&table);
                    got.sort();
                    let mut want: Vec<_> = model.keys().cloned().collect();
                    want.sort();
                    assert_eq!(got, want);
                    assert_eq!(table.marked(), model.values().filter(|m| **m).count());
                }
            }
            for k in model.into_keys() {
                let hash = (hash_bytes(k.as_bytes()) << skip) >> skip;
                assert!(table.remove(hash, k.as_bytes()).is_some());
            }
            table.check();
            assert_eq!(table.heap_bytes(), 0, "an emptied table holds nothing");
        }
    }

    #[test]
    fn a_scan_returns_whatever_stays_from_start_to_end() {
        let mut rng = Rng::new(3);
        for round in 0..20 {
            let mut table: Table<Word> = Table::new(0);
            let stay = |i: u64| format!("stay{i}");
            let n = [3, 100, 5000][round % 3];
            let put = |t: &mut Table<Word>, k: String| {
                let h = hash_bytes(k.as_bytes());
                if t.get(h, k.as_bytes()).is_none() {
                    t.insert_new(h, Word::new(k), true);
                }
            };
            for i in 0..n {
                put(&mut table, stay(i));
            }
            let mut seen = std::collections::HashSet::new();
            let (mut at, mut steps) = (Some(0), 0);
            while let Some(p) = at {
                at = table.scan(p, |e, _| {
                    seen.insert(e.key().to_vec());
                });
                steps += 1;
                // Grow by much in one half of the walk, shrink in the other.
                for _ in 0..rng.below(40) {
                    let k = format!("come{}", rng.below(20_000));
                    if steps % 600 < 300 {
                        put(&mut table, k);
                    } else {
                        table.remove(hash_bytes(k.as_bytes()), k.as_bytes());
                    }
                }
            }
            for i in 0..n {
                assert!(seen.contains(stay(i).as_bytes()), "round {round}: {i} was missed");
            }
            table.check();
        }
    }

    #[test]
    fn random_is_uniform() {
        let mut table: Table<Word> = Table::new(0);
        for i in 0..700 {
            let k = format!("r{i}");
            table.insert_new(hash_bytes(k.as_bytes()), Word::new(k), false);
        }
        let mut rng = Rng::new(9);
        let mut hits: HashMap<Vec<u8>, u32> = HashMap::new();
        for _ in 0..700 * 200 {
            *hits.entry(table.random(&mut rng).unwrap().key().to_vec()).or_default() += 1;
        }
        let chi2: f64 = hits.values().map(|&n| (f64::from(n) - 200.0).powi(2) / 200.0).sum();
        assert_eq!(hits.len(), 700);
        // 699 degrees of freedom: mean 699, deviation about 37.
        assert!(chi2 < 900.0, "chi2 = {chi2}");
    }

    #[test]
    fn extract_marked_takes_exactly_those() {
        let mut table: Table<Word> = Table::new(0);
        for i in 0..5000 {
            let k = format!("e{i}");
            table.insert_new(hash_bytes(k.as_bytes()), Word::new(k), i % 2 == 0);
        }
        let (mut at, mut out) = (Some(0), Vec::new());
        while let Some(p) = at {
            at = table.extract_marked(p, |e| e.key().ends_with(b"0"), &mut out);
        }
        assert_eq!((out.len(), table.len(), table.marked()), (500, 4500, 2000));
        table.check();
    }

    #[test]
    fn stays_dense() {
        let mut table: Table<Word> = Table::new(0);
        let (mut sum, mut points) = (0.0, 0);
        for i in 0..400_000 {
            let k = format!("d{i}");
            table.insert_new(hash_bytes(k.as_bytes()), Word::new(k), false);
            if i > 100_000 && i % 1000 == 0 {
                sum += table.heap_bytes() as f64 / table.len() as f64;
                points += 1;
            }
        }
        let mean = sum / f64::from(points);
        assert!(mean < 10.8, "{mean} bytes a key");
    }
}
