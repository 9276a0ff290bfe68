//! A sorted array of integers in one allocation: Redis's intset, byte for byte.
//!
//! ```text
//! +-----------+---------+-------------------------------------+
//! | width u32 | len u32 | len little-endian integers, sorted  |   width: 2, 4 or 8 bytes each
//! +-----------+---------+-------------------------------------+
//! ```
//!
//! Invariants: strictly ascending; the allocation is the size class of 8 + len × width. The width only grows.

use super::alloc::{allocate, class, lies_sparse, release, resize};
use super::effort::Effort;
use super::thin::Owned;
use std::ptr::{NonNull, copy};

const HEADER: usize = 8;

/// An owned intset: one pointer.
#[repr(transparent)]
pub struct Intset(NonNull<u8>);

/// A borrowed intset.
#[derive(Clone, Copy)]
pub struct Ints<'a>(&'a [u8]);

// SAFETY: plain bytes behind one owner.
unsafe impl Send for Intset {}
unsafe impl Sync for Intset {}

// SAFETY: allocations are 8-aligned, and the pointer is all there is.
unsafe impl Owned for Intset {
    fn into_raw(self) -> NonNull<u8> {
        std::mem::ManuallyDrop::new(self).0
    }
    unsafe fn from_raw(raw: NonNull<u8>) -> Self {
        Intset(raw)
    }
}

fn width_of(v: i64) -> usize {
    if i16::try_from(v).is_ok() {
        2
    } else if i32::try_from(v).is_ok() {
        4
    } else {
        8
    }
}

impl Intset {
    pub fn new() -> Intset {
        Intset::copy_of(&[2, 0, 0, 0, 0, 0, 0, 0])
    }

    fn copy_of(bytes: &[u8]) -> Intset {
        let p = allocate(bytes.len());
        // SAFETY: fresh memory of that size.
        unsafe { p.as_ptr().copy_from_nonoverlapping(bytes.as_ptr(), bytes.len()) };
        Intset(p)
    }

    /// Moves the intset out of a page of which little is used.
    pub fn compact(&mut self, effort: &mut Effort) {
        let bytes = self.ints().0;
        // SAFETY: the allocation is that of its length's class.
        let moves = unsafe { lies_sparse(self.0, bytes.len()) };
        if moves {
            *self = Intset::copy_of(bytes);
        }
        effort.looked(moves);
    }

    /// A copy of foreign bytes, if they are a well-formed intset to the last byte.
    pub fn from_bytes(bytes: &[u8]) -> Option<Intset> {
        let (header, rest) = bytes.split_at_checked(HEADER)?;
        let width = u32::from_le_bytes([header[0], header[1], header[2], header[3]]) as usize;
        let len = u32::from_le_bytes([header[4], header[5], header[6], header[7]]) as usize;
        if !matches!(width, 2 | 4 | 8) || len.checked_mul(width)? != rest.len() {
            return None;
        }
        let ints = Ints(bytes);
        (1..len).all(|i| ints.get(i - 1) < ints.get(i)).then(|| Intset::copy_of(bytes))
    }

    /// # Safety
    /// `raw` is the word of a set whose encoding is an intset, borrowed for `'a`.
    #[inline]
    pub(super) unsafe fn borrow_raw<'a>(raw: NonNull<u8>) -> Ints<'a> {
        // SAFETY: the caller's; the header tells how many bytes there are.
        unsafe {
            let width = u32::from_le(raw.cast::<u32>().read()) as usize;
            let len = u32::from_le(raw.cast::<u32>().add(1).read()) as usize;
            Ints(std::slice::from_raw_parts(raw.as_ptr(), HEADER + width * len))
        }
    }

    #[inline]
    pub fn ints(&self) -> Ints<'_> {
        // SAFETY: borrowed as long as `self` is.
        unsafe { Intset::borrow_raw(self.0) }
    }

    /// The intset as Redis stores it.
    pub fn as_bytes(&self) -> &[u8] {
        self.ints().0
    }

    fn set_header(&mut self, width: usize, len: usize) {
        // SAFETY: the header is always there.
        unsafe {
            self.0.cast::<u32>().write((width as u32).to_le());
            self.0.cast::<u32>().add(1).write((len as u32).to_le());
        }
    }

    fn put(&mut self, width: usize, i: usize, v: i64) {
        // SAFETY: callers made room for element `i` of this width.
        unsafe { self.0.as_ptr().add(HEADER + i * width).copy_from_nonoverlapping(v.to_le_bytes().as_ptr(), width) };
    }

    /// Adds `v`; false if it was there.
    pub fn add(&mut self, v: i64) -> bool {
        let (width, len) = (self.ints().width(), self.ints().len());
        let wide = width_of(v);
        let old = HEADER + width * len;
        if wide > width {
            // Beyond all others, so it goes to one of the ends; the rest widens from the back.
            // SAFETY: only the new pointer is used; every element is read before its bytes are overwritten.
            self.0 = unsafe { resize(self.0, old, HEADER + wide * (len + 1)) };
            let shift = usize::from(v < 0);
            for i in (0..len).rev() {
                // SAFETY: the old elements still lie below `old`.
                let was = unsafe { Ints(std::slice::from_raw_parts(self.0.as_ptr(), old)) }.get_wide(width, i);
                self.put(wide, i + shift, was);
            }
            self.put(wide, if v < 0 { 0 } else { len }, v);
            self.set_header(wide, len + 1);
            return true;
        }
        let Err(at) = self.ints().search(v) else { return false };
        // SAFETY: grown first; the elements from `at` on move up by one place, into the new last one.
        unsafe {
            self.0 = resize(self.0, old, old + width);
            let p = self.0.as_ptr().add(HEADER + at * width);
            copy(p, p.add(width), (len - at) * width);
        }
        self.put(width, at, v);
        self.set_header(width, len + 1);
        true
    }

    /// Removes `v`; false if it was not there.
    pub fn remove(&mut self, v: i64) -> bool {
        let (width, len) = (self.ints().width(), self.ints().len());
        let Ok(at) = self.ints().search(v) else { return false };
        let old = HEADER + width * len;
        // SAFETY: the elements behind `at` move down by one place; shrunk afterwards.
        unsafe {
            let p = self.0.as_ptr().add(HEADER + at * width);
            copy(p.add(width), p, (len - at - 1) * width);
            self.0 = resize(self.0, old, old - width);
        }
        self.set_header(width, len - 1);
        true
    }
}

impl Default for Intset {
    fn default() -> Self {
        Intset::new()
    }
}

impl Clone for Intset {
    fn clone(&self) -> Self {
        self.ints().to_intset()
    }
}

impl Drop for Intset {
    fn drop(&mut self) {
        let n = self.as_bytes().len();
        // SAFETY: allocated for this size's class; nobody uses it after drop.
        unsafe { release(self.0, n) };
    }
}

impl<'a> Ints<'a> {
    pub fn as_bytes(self) -> &'a [u8] {
        self.0
    }

    /// An owned copy.
    pub fn to_intset(self) -> Intset {
        Intset::copy_of(self.0)
    }

    pub fn heap_bytes(self) -> usize {
        class(self.0.len())
    }

    #[inline]
    fn width(self) -> usize {
        self.0[0] as usize
    }

    #[inline]
    pub fn len(self) -> usize {
        (self.0.len() - HEADER) / self.width()
    }

    pub fn is_empty(self) -> bool {
        self.0.len() == HEADER
    }

    /// The `i`-th smallest; `i` must be below `len`.
    #[inline]
    pub fn get(self, i: usize) -> i64 {
        self.get_wide(self.width(), i)
    }

    #[inline]
    fn get_wide(self, width: usize, i: usize) -> i64 {
        let b = &self.0[HEADER + i * width..];
        match width {
            2 => i64::from(i16::from_le_bytes([b[0], b[1]])),
            4 => i64::from(i32::from_le_bytes([b[0], b[1], b[2], b[3]])),
            _ => i64::from_le_bytes([b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7]]),
        }
    }

    /// Where `v` lies, or where it would.
    #[inline]
    pub fn search(self, v: i64) -> Result<usize, usize> {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let mid = (low + high) / 2;
            match self.get(mid).cmp(&v) {
                std::cmp::Ordering::Less => low = mid + 1,
                std::cmp::Ordering::Greater => high = mid,
                std::cmp::Ordering::Equal => return Ok(mid),
            }
        }
        Err(low)
    }

    pub fn contains(self, v: i64) -> bool {
        self.search(v).is_ok()
    }

    pub fn iter(self) -> impl DoubleEndedIterator<Item = i64> + use<'a> {
        (0..self.len()).map(move |i| self.get(i))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::rng::Rng;
    use std::collections::BTreeSet;

    #[test]
    fn behaves_like_a_sorted_set() {
        let mut rng = Rng::new(4);
        for round in 0..60 {
            let (mut ints, mut model) = (Intset::new(), BTreeSet::new());
            for step in 0..400 {
                let bits = if step < 150 { 49 } else { [49, 33, 1][round % 3] };
                let v = (rng.next_u64() as i64) >> (bits + rng.below(64 - bits));
                if rng.below(3) > 0 {
                    assert_eq!(ints.add(v), model.insert(v));
                } else {
                    assert_eq!(ints.remove(v), model.remove(&v));
                }
                assert_eq!(ints.ints().contains(v), model.contains(&v));
                assert_eq!(ints.ints().len(), model.len());
            }
            assert!(ints.ints().iter().eq(model.iter().copied()));
            let copy = Intset::from_bytes(ints.as_bytes()).unwrap();
            assert_eq!(copy.clone().as_bytes(), ints.as_bytes());
        }
    }

    #[test]
    fn foreign_bytes_are_checked() {
        let good = [2, 0, 0, 0, 2, 0, 0, 0, 0xff, 0xff, 1, 0];
        assert_eq!(Intset::from_bytes(&good).unwrap().ints().iter().collect::<Vec<_>>(), [-1, 1]);
        for (i, v) in [(0, 3), (0, 4), (4, 1), (4, 3), (8, 2), (9, 0)] {
            let mut bad = good;
            bad[i] = v;
            assert!(i == 8 || Intset::from_bytes(&bad).is_none(), "{bad:?}");
        }
        for n in 0..good.len() {
            assert!(Intset::from_bytes(&good[..n]).is_none());
        }
        assert!(Intset::from_bytes(&[2, 0, 0, 0, 2, 0, 0, 0, 1, 0, 1, 0]).is_none());
    }
}
