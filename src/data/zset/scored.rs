//! A member of a large sorted set: one allocation `[score f64][length][bytes]`, owned by the member table and pointed to by
//! the ranked tree.

use crate::data::alloc::{allocate, class, lies_sparse, read_string, release, string_size, write_string};
use crate::data::table::Element;
use std::ptr::NonNull;

#[repr(transparent)]
pub(super) struct Scored(pub(super) NonNull<u8>);

/// A score as an integer that orders as scores do; `-0.0` is 0.
#[inline]
pub(super) fn order(score: f64) -> u64 {
    let bits = (score + 0.0).to_bits() as i64;
    // Negative numbers in reverse and below, positive ones above.
    (bits ^ (((bits >> 63) as u64) >> 1) as i64) as u64 ^ 1 << 63
}

/// A borrowed member, as the tree holds it.
///
/// Invariant: it points to a live [`Scored`] of the sorted set that is borrowed; the tree and its set keep that together.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Link(pub(super) NonNull<u8>);

impl Link {
    #[inline]
    pub fn score(self) -> f64 {
        // SAFETY: the type's invariant.
        unsafe { self.0.cast::<f64>().read() }
    }

    #[inline]
    pub fn order(self) -> u64 {
        order(self.score())
    }

    /// The bytes, for as long as the caller borrows the sorted set.
    #[inline]
    pub fn member<'a>(self) -> &'a [u8] {
        // SAFETY: the type's invariant.
        unsafe { read_string(self.0.as_ptr().add(8)) }
    }
}

impl Scored {
    pub fn new(score: f64, member: &[u8]) -> Scored {
        let p = allocate(8 + string_size(member.len()));
        // SAFETY: fresh memory of that size, 8-aligned.
        unsafe {
            p.cast::<f64>().write(score);
            write_string(p.as_ptr().add(8), member);
        }
        Scored(p)
    }

    #[inline]
    pub fn link(&self) -> Link {
        Link(self.0)
    }

    /// Changes the score. Whoever orders by it must have taken the member out before.
    #[inline]
    pub fn set_score(&mut self, score: f64) {
        // SAFETY: owned; nobody holds a reference into the allocation across this call.
        unsafe { self.0.cast::<f64>().write(score) }
    }

    fn size(&self) -> usize {
        8 + string_size(self.key().len())
    }

    /// Whether a copy of it would lie better.
    pub fn lies_sparse(&self) -> bool {
        // SAFETY: allocated with this size.
        unsafe { lies_sparse(self.0, self.size()) }
    }

    pub fn heap_bytes(&self) -> usize {
        class(self.size())
    }
}

// SAFETY: bytes behind one owner.
unsafe impl Send for Scored {}
unsafe impl Sync for Scored {}
// SAFETY: a link is used only under the borrow of the set that owns the member.
unsafe impl Send for Link {}
unsafe impl Sync for Link {}

// SAFETY: 8-aligned by `allocate`; one pointer is all there is.
unsafe impl Element for Scored {
    #[inline]
    fn into_raw(self) -> NonNull<u8> {
        std::mem::ManuallyDrop::new(self).0
    }
    #[inline]
    unsafe fn from_raw(raw: NonNull<u8>) -> Self {
        Scored(raw)
    }
    #[inline]
    fn key(&self) -> &[u8] {
        self.link().member()
    }
}

impl Drop for Scored {
    fn drop(&mut self) {
        let size = self.size();
        // SAFETY: allocated with this size; nobody uses it after drop.
        unsafe { release(self.0, size) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_is_that_of_scores() {
        let scores =
            [f64::NEG_INFINITY, f64::MIN, -1.5, -1.0, -1e-300, -5e-324, 0.0, 5e-324, 1.0, 1e300, f64::INFINITY];
        assert!(scores.windows(2).all(|w| order(w[0]) < order(w[1])));
        assert_eq!(order(-0.0), order(0.0));
    }
}
