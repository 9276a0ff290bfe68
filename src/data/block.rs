//! A run of listpack entries in one allocation that keeps its free space at both ends, so that pushing and popping
//! move nothing at either of them: what lists and streams consist of.
//!
//! ```text
//!  base      H bytes, the owner's     start              start+used          cap
//!   |--------------------------------|------ entries ------|------------------|
//! ```
//!
//! Invariants:
//! 1. `base` is an allocation of `H + cap` bytes, aligned to 8 if H is not 0, owned by this value alone.
//! 2. `start + used <= cap`, and the `used` bytes at `start` are initialized. (What they say is not relied on for
//!    memory safety: the entry codec only reads inside the slice.)

use crate::base::sizes::size_class;
use crate::data::lpentry::{self, Value};
use crate::data::{effort::Effort, slab};
use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::ptr::{NonNull, copy, copy_nonoverlapping};

/// Up to here a block grows with a little room to spare; the sizes are Redis's usual node and the largest node.
const SOFT_CAPS: [usize; 2] = [8192, 65_528];
/// Blocks this small are shuffled rather than grown when there is room at the other end.
const TINY: usize = 256;

pub(super) struct Block<const H: usize> {
    pub base: NonNull<u8>,
    pub cap: u32,
    pub start: u32,
    pub used: u32,
    /// Entries in the run.
    pub count: u32,
}

// SAFETY: plain owned memory without interior mutability.
unsafe impl<const H: usize> Send for Block<H> {}
// SAFETY: as above.
unsafe impl<const H: usize> Sync for Block<H> {}

impl<const H: usize> Drop for Block<H> {
    fn drop(&mut self) {
        // SAFETY: invariant 1; `with_room` took it from there.
        unsafe {
            if Self::in_slab(self.heap_bytes()) {
                slab::dealloc(self.base, self.heap_bytes());
            } else {
                dealloc(self.base.as_ptr(), Self::layout(self.cap as usize));
            }
        }
    }
}

impl<const H: usize> Block<H> {
    fn layout(cap: usize) -> Layout {
        Layout::from_size_align(H + cap, if H == 0 { 1 } else { 8 }).expect("a node is less than 4 GiB")
    }

    /// Where blocks of this size lie, head included.
    fn in_slab(size: usize) -> bool {
        size <= slab::MAX
    }

    fn class(size: usize) -> usize {
        if Self::in_slab(size) {
            return slab::block_size(size.max(1));
        }
        // The class of what a foreign listpack may hold at most would be 4 GiB.
        size_class(size).min(size.max(u32::MAX as usize))
    }

    /// An empty block with room for `room` bytes of entries.
    pub fn with_room(room: usize) -> Block<H> {
        let cap = Self::class(H + room) - H;
        assert!(u32::try_from(cap).is_ok(), "a node is less than 4 GiB");
        if Self::in_slab(H + cap) {
            return Block { base: slab::alloc(H + cap), cap: cap as u32, start: 0, used: 0, count: 0 };
        }
        let layout = Self::layout(cap);
        // SAFETY: a class is at least 8 bytes, so the layout is not empty.
        let Some(base) = NonNull::new(unsafe { alloc(layout) }) else { handle_alloc_error(layout) };
        Block { base, cap: cap as u32, start: 0, used: 0, count: 0 }
    }

    /// A block of exactly these entries.
    pub fn of_run(run: &[u8], count: usize) -> Block<H> {
        let mut block = Self::with_room(run.len());
        block.gap(0, run.len()).copy_from_slice(run);
        block.count = count as u32;
        block
    }

    #[inline]
    pub fn bytes(&self) -> &[u8] {
        // SAFETY: invariant 2.
        unsafe { std::slice::from_raw_parts(self.base.as_ptr().add(H + self.start as usize), self.used as usize) }
    }

    /// The entries, for changes in place that leave their lengths as they are.
    #[inline]
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: invariant 2; nothing else borrows the block.
        unsafe { std::slice::from_raw_parts_mut(self.base.as_ptr().add(H + self.start as usize), self.used as usize) }
    }

    /// Bytes the block takes from the allocator.
    pub fn heap_bytes(&self) -> usize {
        H + self.cap as usize
    }

    #[inline]
    pub fn push_back(&mut self, value: Value<'_>) {
        self.insert(self.used as usize, value);
    }

    #[inline]
    pub fn push_front(&mut self, value: Value<'_>) {
        self.insert(0, value);
    }

    /// Puts an entry before the byte offset `at`, which is an entry's begin or the end.
    #[inline]
    pub fn insert(&mut self, at: usize, value: Value<'_>) {
        let len = value.entry_len();
        value.write(self.gap(at, len));
        self.count += 1;
    }

    /// Puts a run of `count` entries before the byte offset `at`.
    pub fn insert_run(&mut self, at: usize, run: &[u8], count: usize) {
        self.gap(at, run.len()).copy_from_slice(run);
        self.count += count as u32;
    }

    /// Replaces the entry that begins at `at`.
    pub fn replace(&mut self, at: usize, value: Value<'_>) {
        let old = lpentry::entry_len_at(&self.bytes()[at..]);
        let new = value.entry_len();
        if new > old {
            self.gap(at, new - old);
        } else {
            self.close(at, old - new);
        }
        value.write(&mut self.bytes_mut()[at..at + new]);
    }

    /// Removes `len` bytes at `at`, which are `count` whole entries.
    pub fn remove(&mut self, at: usize, len: usize, count: usize) {
        self.close(at, len);
        self.count -= count as u32;
        let (used, held) = (self.used as usize, self.heap_bytes());
        if held > 64 && used * 4 < held {
            self.resize(used + used / 2, used, 0);
        }
    }

    /// Splits off the entries from the byte offset `at` on, of which there are `count`.
    pub fn split_off(&mut self, at: usize, count: usize) -> Block<H> {
        let tail = Self::of_run(&self.bytes()[at..], count);
        let len = tail.used as usize;
        self.remove(at, len, count);
        tail
    }

    /// Moves the block out of a page of which little is used.
    pub fn compact(&mut self, effort: &mut Effort) {
        // SAFETY: invariant 1, in `with_room`'s size.
        let moves = Self::in_slab(self.heap_bytes()) && unsafe { slab::lies_sparse(self.base, self.heap_bytes()) };
        effort.looked(moves);
        if moves {
            let room = self.cap as usize;
            let at = if self.start == 0 { self.used as usize } else { 0 };
            self.resize(room, at, 0);
        }
    }

    /// Makes room for entries behind, up to so many bytes in all.
    pub fn reserve(&mut self, room: usize) {
        if room > self.cap as usize - self.start as usize {
            self.resize(room, self.used as usize, 0);
        }
    }

    /// Gives unused room back.
    pub fn shrink_to_fit(&mut self) {
        let used = self.used as usize;
        if Self::class(H + used) < self.heap_bytes() {
            self.resize(used, used, 0);
        }
    }

    /// Opens a gap of `len` bytes at `at`, initialized to whatever, and returns it.
    #[inline]
    fn gap(&mut self, at: usize, len: usize) -> &mut [u8] {
        let (cap, start, used) = (self.cap as usize, self.start as usize, self.used as usize);
        assert!(at <= used);
        let (front, back) = (start, cap - start - used);
        // SAFETY: in each branch the moved bytes stay inside [0, cap) by the comparison that guards it, and the gap is
        // zeroed before a slice of it is made.
        unsafe {
            let data = self.base.as_ptr().add(H);
            if back >= len && (at == used || (at * 2 >= used && at != 0) || front < len && at != 0) {
                copy(data.add(start + at), data.add(start + at + len), used - at);
            } else if front >= len && at != used {
                copy(data.add(start), data.add(start - len), at);
                self.start = (start - len) as u32;
            } else {
                self.make_room(at, len);
            }
            self.used = (used + len) as u32;
            let gap = self.base.as_ptr().add(H + self.start as usize + at);
            gap.write_bytes(0, len);
            std::slice::from_raw_parts_mut(gap, len)
        }
    }

    /// Leaves the run with a gap of `len` bytes at `at`, by moving it inside the block or into a larger one.
    /// `used` is the caller's to raise.
    #[cold]
    fn make_room(&mut self, at: usize, len: usize) {
        let (cap, start, used) = (self.cap as usize, self.start as usize, self.used as usize);
        let need = used + len;
        if need <= cap && (cap <= TINY || cap - need >= used / 8) {
            let to = if at == 0 { cap - need } else { 0 };
            // SAFETY: both parts land inside [0, cap) as need <= cap; the part that moves away from the other's old place
            // goes first, and `copy` allows overlap.
            unsafe {
                let data = self.base.as_ptr().add(H);
                if to + len <= start {
                    copy(data.add(start), data.add(to), at);
                    copy(data.add(start + at), data.add(to + at + len), used - at);
                } else {
                    copy(data.add(start + at), data.add(to + at + len), used - at);
                    copy(data.add(start), data.add(to), at);
                }
            }
            self.start = to as u32;
            return;
        }
        let exact = H + need;
        // A node will most likely be filled up; a small list stays as it is, or grows by little.
        let spare = if H == 0 { exact / 2 } else { exact / 8 };
        let mut want = if exact > 64 { exact + spare } else { exact };
        match SOFT_CAPS.iter().find(|&&soft| exact <= soft) {
            Some(&soft) => want = want.min(soft),
            None => want = exact,
        }
        self.resize(want.max(exact) - H, at, len);
    }

    /// Moves the run into an allocation with room for `room` bytes and a gap of `len` at `at`: at the block's begin when
    /// `at` is 0, so that the next push in front finds room, else the other way round.
    fn resize(&mut self, room: usize, at: usize, len: usize) {
        let used = self.used as usize;
        let mut new = Self::with_room(room.max(used + len));
        new.start = if at == 0 { new.cap - (used + len) as u32 } else { 0 };
        new.used = self.used;
        new.count = self.count;
        // SAFETY: the new allocation is another one and holds used + len bytes from `start` on.
        unsafe {
            let from = self.bytes().as_ptr();
            let to = new.base.as_ptr().add(H + new.start as usize);
            copy_nonoverlapping(from, to, at);
            copy_nonoverlapping(from.add(at), to.add(at + len), used - at);
        }
        *self = new;
    }

    /// Closes `len` bytes at `at`, moving the shorter side.
    fn close(&mut self, at: usize, len: usize) {
        let (start, used) = (self.start as usize, self.used as usize);
        assert!(at <= used && len <= used - at);
        let behind = used - at - len;
        // SAFETY: the assertion keeps both moves inside the initialized run.
        unsafe {
            let run = self.base.as_ptr().add(H + start);
            if at < behind {
                copy(run, run.add(len), at);
                self.start += len as u32;
            } else {
                copy(run.add(at + len), run.add(at), behind);
            }
        }
        self.used -= len as u32;
        if self.used == 0 {
            self.start = 0;
        }
    }

    /// Byte offset of entry number `index`, counted from the nearer end; the end when `index` is the count.
    pub fn offset(&self, index: usize) -> usize {
        offset_in(self.bytes(), index, self.count as usize)
    }
}

/// Byte offset of entry number `index` of the `count` in `run`.
pub(super) fn offset_in(run: &[u8], index: usize, count: usize) -> usize {
    if index * 2 <= count {
        let mut at = 0;
        for _ in 0..index {
            at += lpentry::entry_len_at(&run[at..]);
        }
        at
    } else {
        let mut at = run.len();
        for _ in index..count {
            at -= lpentry::prev_len(&run[..at]);
        }
        at
    }
}

impl<const H: usize> Clone for Block<H> {
    fn clone(&self) -> Self {
        Self::of_run(self.bytes(), self.count as usize)
    }
}
