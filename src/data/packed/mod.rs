//! One allocation that holds a sequence of strings and integers: Redis's listpack, byte for byte, so that snapshots and DUMP
//! write it as it is and loading is a checked copy.
//!
//! ```text
//! +-----------+---------+-------+-----+-------+------+
//! | total u32 | len u16 | entry |  …  | entry | 0xff |    len 0xffff: not known, count them
//! +-----------+---------+-------+-----+-------+------+
//!
//! entry:  encoding, data, and the size of both in 7-bit groups that are read backwards
//!
//!   0xxxxxxx                     integer 0…127
//!   10xxxxxx data                string shorter than 64
//!   110xxxxx xxxxxxxx            13-bit signed integer
//!   1110xxxx xxxxxxxx data       string shorter than 4096
//!   11110000 u32 data            string
//!   11110001 … 11110100          signed integer of 16, 24, 32, 64 bits, little endian
//! ```
//!
//! Invariants: the bytes between header and end are whole entries, each followed by its own size; `total` is the whole,
//! and its size class the allocation. [`Packed::from_bytes`] lets nothing else in, so reading does not check again
//! (and, being safe code on slices, could at worst panic).
//!
//! Positions are byte offsets of entries. A change may move the blob and what lies behind the position, never what lies before.

mod entry;

use super::alloc::{allocate, class, lies_sparse, release, resize};
use super::effort::Effort;
use super::item::Item;
use super::thin::Owned;
use entry::{Encoded, body_len, decode, size_len};
use std::ptr::{NonNull, copy};

const HEADER: usize = 6;
const END: u8 = 0xff;
const UNKNOWN: u16 = u16::MAX;
/// Redis adds nothing to a listpack that would make it larger than this.
const SAFE_BYTES: usize = 1 << 30;

/// An owned listpack: one pointer.
#[repr(transparent)]
pub struct Packed(NonNull<u8>);

/// A borrowed listpack.
#[derive(Clone, Copy)]
pub struct Blob<'a>(&'a [u8]);

// SAFETY: plain bytes behind one owner.
unsafe impl Send for Packed {}
unsafe impl Sync for Packed {}

// SAFETY: allocations are 8-aligned, and the pointer is all there is.
unsafe impl Owned for Packed {
    fn into_raw(self) -> NonNull<u8> {
        std::mem::ManuallyDrop::new(self).0
    }
    unsafe fn from_raw(raw: NonNull<u8>) -> Self {
        Packed(raw)
    }
}

impl Packed {
    pub fn new() -> Packed {
        Packed::copy_of(&[7, 0, 0, 0, 0, 0, END])
    }

    fn copy_of(bytes: &[u8]) -> Packed {
        let p = allocate(bytes.len());
        // SAFETY: fresh memory of that size.
        unsafe { p.as_ptr().copy_from_nonoverlapping(bytes.as_ptr(), bytes.len()) };
        Packed(p)
    }

    /// Moves the listpack out of a page of which little is used.
    pub fn compact(&mut self, effort: &mut Effort) {
        // SAFETY: the allocation is that of its length's class.
        let moves = unsafe { lies_sparse(self.0, self.as_bytes().len()) };
        if moves {
            *self = Packed::copy_of(self.as_bytes());
        }
        effort.looked(moves);
    }

    /// A copy of foreign bytes, if they are a well-formed listpack to the last byte.
    pub fn from_bytes(bytes: &[u8]) -> Option<Packed> {
        let (header, mut rest) = bytes.split_at_checked(HEADER)?;
        let total = u32::from_le_bytes([header[0], header[1], header[2], header[3]]);
        let len = u16::from_le_bytes([header[4], header[5]]);
        if total as usize != bytes.len() {
            return None;
        }
        let mut count = 0usize;
        while *rest.first()? != END {
            rest = entry::check(rest)?;
            count += 1;
        }
        if rest.len() != 1 || (len != UNKNOWN && usize::from(len) != count) {
            return None;
        }
        Some(Packed::copy_of(bytes))
    }

    /// # Safety
    /// `raw` is the word of a value whose encoding is a listpack, borrowed for `'a`.
    #[inline]
    pub(super) unsafe fn borrow_raw<'a>(raw: NonNull<u8>) -> Blob<'a> {
        // SAFETY: the caller's; the first four bytes tell how many there are.
        unsafe {
            let total = u32::from_le(raw.cast::<u32>().read());
            Blob(std::slice::from_raw_parts(raw.as_ptr(), total as usize))
        }
    }

    #[inline]
    pub fn blob(&self) -> Blob<'_> {
        // SAFETY: borrowed as long as `self` is.
        unsafe { Packed::borrow_raw(self.0) }
    }

    /// The listpack as Redis stores it.
    pub fn as_bytes(&self) -> &[u8] {
        self.blob().0
    }

    /// Entries. O(n) above 65534.
    #[inline]
    pub fn len(&self) -> usize {
        self.blob().len()
    }

    pub fn is_empty(&self) -> bool {
        self.blob().is_empty()
    }

    /// What the allocator gave.
    pub fn heap_bytes(&self) -> usize {
        self.blob().heap_bytes()
    }

    /// May `more` bytes be added without growing beyond what Redis calls safe?
    pub fn fits(&self, more: usize) -> bool {
        self.blob().fits(more)
    }

    /// Replaces the bytes `at..at + remove` by room for `add`, adjusts the header, and returns the room.
    fn splice(&mut self, at: usize, remove: usize, add: usize, entries: isize) -> *mut u8 {
        let old = self.as_bytes().len();
        let new = old - remove + add;
        assert!(at >= HEADER && at + remove < old && new <= u32::MAX as usize, "a listpack of 4 GiB");
        let len = self.blob().header_len();
        let len = if len == UNKNOWN { UNKNOWN } else { (len as isize + entries).clamp(0, UNKNOWN as isize) as u16 };
        // SAFETY: `at + remove < old`, so the tail that moves lies inside both the old and the new size; the allocation is
        // grown before the move and shrunk after it.
        unsafe {
            if new > old {
                self.0 = resize(self.0, old, new);
            }
            let p = self.0.as_ptr();
            copy(p.add(at + remove), p.add(at + add), old - at - remove);
            if new < old {
                self.0 = resize(self.0, old, new);
            }
            let p = self.0.as_ptr();
            p.cast::<u32>().write((new as u32).to_le());
            p.add(4).cast::<u16>().write(len.to_le());
            p.add(at)
        }
    }

    /// Puts an item before the entry at `at` (or the end); it lies at `at` then.
    pub fn insert(&mut self, at: usize, item: Item<'_>) {
        let e = Encoded::new(item);
        let room = self.splice(at, 0, e.size(), 1);
        // SAFETY: `splice` made exactly this room; `item` cannot borrow from `self`, which is borrowed exclusively.
        unsafe { e.write(room) };
    }

    pub fn push(&mut self, item: Item<'_>) {
        self.insert(self.as_bytes().len() - 1, item);
    }

    pub fn push_front(&mut self, item: Item<'_>) {
        self.insert(HEADER, item);
    }

    /// Puts another item in the place of the entry at `at`.
    pub fn replace(&mut self, at: usize, item: Item<'_>) {
        let e = Encoded::new(item);
        let old = self.blob().entry_len(at);
        let room = self.splice(at, old, e.size(), 0);
        // SAFETY: as in `insert`.
        unsafe { e.write(room) };
    }

    /// Removes `n` entries from the one at `at` on; what followed lies at `at` then.
    pub fn remove(&mut self, at: usize, n: usize) {
        let (mut end, mut gone) = (at, 0);
        while gone < n && !self.blob().is_end(end) {
            end += self.blob().entry_len(end);
            gone += 1;
        }
        self.splice(at, end - at, 0, -(gone as isize));
        if self.blob().header_len() == UNKNOWN {
            let len = self.blob().iter().count().min(UNKNOWN as usize) as u16;
            // SAFETY: inside the header.
            unsafe { self.0.as_ptr().add(4).cast::<u16>().write(len.to_le()) };
        }
    }
}

impl Default for Packed {
    fn default() -> Self {
        Packed::new()
    }
}

impl Clone for Packed {
    fn clone(&self) -> Self {
        Packed::copy_of(self.as_bytes())
    }
}

impl Drop for Packed {
    fn drop(&mut self) {
        let n = self.as_bytes().len();
        // SAFETY: allocated for this size's class; nobody uses it after drop.
        unsafe { release(self.0, n) };
    }
}

impl std::fmt::Debug for Packed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.blob().iter()).finish()
    }
}

impl<'a> Blob<'a> {
    pub fn as_bytes(self) -> &'a [u8] {
        self.0
    }

    /// An owned copy.
    pub fn to_packed(self) -> Packed {
        Packed::copy_of(self.0)
    }

    #[inline]
    fn header_len(self) -> u16 {
        u16::from_le_bytes([self.0[4], self.0[5]])
    }

    /// Entries. O(n) above 65534.
    #[inline]
    pub fn len(self) -> usize {
        match self.header_len() {
            UNKNOWN => self.iter().count(),
            n => usize::from(n),
        }
    }

    #[inline]
    pub fn is_empty(self) -> bool {
        self.0[HEADER] == END
    }

    pub fn heap_bytes(self) -> usize {
        class(self.0.len())
    }

    /// See [`Packed::fits`].
    pub fn fits(self, more: usize) -> bool {
        self.0.len() + more <= SAFE_BYTES
    }

    /// The first entry's position; that of the end if there is none.
    #[inline]
    pub fn first(self) -> usize {
        HEADER
    }

    /// The position after the last entry, where [`insert`](Packed::insert) appends.
    #[inline]
    pub fn end(self) -> usize {
        self.0.len() - 1
    }

    #[inline]
    pub fn is_end(self, at: usize) -> bool {
        at + 1 >= self.0.len()
    }

    /// Bytes of the entry at `at`, its size included.
    #[inline]
    pub fn entry_len(self, at: usize) -> usize {
        let body = body_len(&self.0[at..]);
        body + size_len(body)
    }

    /// The entry at `at`.
    #[inline]
    pub fn get(self, at: usize) -> Item<'a> {
        decode(&self.0[at..]).0
    }

    /// The position after `at`'s entry.
    #[inline]
    pub fn next(self, at: usize) -> usize {
        at + self.entry_len(at)
    }

    /// The position of the entry before `at`, which may be the end.
    #[inline]
    pub fn prev(self, at: usize) -> Option<usize> {
        (at > HEADER).then(|| {
            let body = entry::read_size(&self.0[..at]);
            at - body - size_len(body)
        })
    }

    /// The entry number `index`, walking from the nearer end.
    pub fn seek(self, index: usize) -> Option<usize> {
        let len = self.header_len();
        if len != UNKNOWN && index >= usize::from(len) {
            return None;
        }
        if len != UNKNOWN && index > usize::from(len) / 2 {
            let mut at = self.end();
            for _ in index..usize::from(len) {
                at = self.prev(at)?;
            }
            return Some(at);
        }
        let mut at = HEADER;
        for _ in 0..index {
            if self.is_end(at) {
                return None;
            }
            at = self.next(at);
        }
        (!self.is_end(at)).then_some(at)
    }

    /// The first entry that equals `text`, from `at` on, looking at one and skipping `skip`.
    pub fn find(self, text: &[u8], mut at: usize, skip: usize) -> Option<usize> {
        let mut number = None;
        while !self.is_end(at) {
            let (item, body) = decode(&self.0[at..]);
            let same = match item {
                Item::Bytes(b) => b == text,
                // Parsed once, when the first integer turns up.
                Item::Int(n) => *number.get_or_insert_with(|| super::item::parse_int(text)) == Some(n),
            };
            if same {
                return Some(at);
            }
            at += body + size_len(body);
            for _ in 0..skip {
                if self.is_end(at) {
                    return None;
                }
                at = self.next(at);
            }
        }
        None
    }

    #[inline]
    pub fn iter(self) -> Iter<'a> {
        Iter { blob: self, front: HEADER, back: self.end() }
    }

    /// From the entry at `at` to the end.
    #[inline]
    pub fn iter_from(self, at: usize) -> Iter<'a> {
        Iter { blob: self, front: at, back: self.end() }
    }

    /// The entries before `at`; reverse it to walk back from there.
    #[inline]
    pub fn iter_to(self, at: usize) -> Iter<'a> {
        Iter { blob: self, front: HEADER, back: at }
    }
}

/// Entries of a listpack, from both ends.
#[derive(Clone)]
pub struct Iter<'a> {
    blob: Blob<'a>,
    front: usize,
    back: usize,
}

impl<'a> Iterator for Iter<'a> {
    type Item = Item<'a>;
    #[inline]
    fn next(&mut self) -> Option<Item<'a>> {
        if self.front >= self.back {
            return None;
        }
        let (item, body) = decode(&self.blob.0[self.front..]);
        self.front += body + size_len(body);
        Some(item)
    }
}

impl<'a> DoubleEndedIterator for Iter<'a> {
    #[inline]
    fn next_back(&mut self) -> Option<Item<'a>> {
        if self.front >= self.back {
            return None;
        }
        self.back = self.blob.prev(self.back)?;
        Some(self.blob.get(self.back))
    }
}

#[cfg(test)]
mod tests;
