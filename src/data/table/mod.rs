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

use super::segment::{self, KEPT, MARK, PTR, Place, SLOTS, Segment, pointer};
use super::slab;
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;

mod grow;
mod walk;

pub use walk::Iter;

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
    /// The address of what hangs on the element, if anything does: it will be wanted next.
    #[inline]
    fn behind(&self) -> Option<*const u8> {
        None
    }
}

pub struct Table<E: Element> {
    /// A power of two of directory words: segment address, and its depth in the 16 high bits.
    /// Empty until the first insertion.
    dir: Box<[u64]>,
    len: usize,
    marked: usize,
    /// Segments whose depth is the directory's: when there are none, the directory halves.
    deepest: u32,
    depth: u8,
    /// Hash bits above the table's own: those that chose the shard.
    skip: u8,
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

    /// Whether a walk has to pass it by; see [`Table::walk`].
    pub fn is_kept(&self) -> bool {
        self.seg.word(self.at) & KEPT != 0
    }

    pub fn set_kept(&mut self, on: bool) {
        let word = self.seg.word_mut(self.at);
        *word = (*word & !KEPT) | if on { KEPT } else { 0 };
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
    pub fn new(skip: u32) -> Self {
        Table { dir: Box::default(), len: 0, marked: 0, deepest: 0, depth: 0, skip: skip as u8, owns: PhantomData }
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
        let mut sum = self.dir.len() * 8;
        self.each_segment(|s| sum += s.bytes());
        sum
    }

    #[inline]
    fn depth(&self) -> u32 {
        u32::from(self.depth)
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

    /// Asks for what hangs on the element, which should have arrived already; for a block that will be given back (`freeing`),
    /// for the head of its page too.
    #[inline]
    pub fn prefetch_behind(&self, hash: u64, freeing: bool) {
        let Some((seg, tag, home)) = self.locate(hash) else { return };
        let Some(w) = seg.bucket(home).iter().find(|w| **w >> 48 == tag) else { return };
        if let Some(p) = pointer(*w).and_then(|p| Ref::<E>::new(p).behind()) {
            prefetch(p);
            prefetch(p.wrapping_add(64));
            if freeing {
                prefetch(slab::page_of(p));
            }
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

    pub(super) fn borrow(&mut self, seg: Segment, at: Place) -> Option<RefMut<'_, E>> {
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
            self.dir = Box::new([dir_word(Segment::new(1, 0))]);
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
}

impl<E: Element> Drop for Table<E> {
    fn drop(&mut self) {
        self.clear();
    }
}

fn dir_word(seg: Segment) -> u64 {
    seg.addr() | u64::from(seg.depth()) << 48
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

/// The same for a line that will be written: it comes without another core keeping a copy.
#[inline]
pub(crate) fn prefetch_to_write(p: *const u8) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a prefetch of any address is harmless.
    unsafe {
        std::arch::asm!("prefetchw [{}]", in(reg) p, options(nostack, preserves_flags, readonly))
    };
    #[cfg(not(target_arch = "x86_64"))]
    let _ = p;
}

#[cfg(test)]
mod tests;
