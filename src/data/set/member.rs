//! A member of a large set: one allocation of length and bytes.

use crate::data::alloc::{allocate, class, lies_sparse, read_string, release, string_size, write_string};
use crate::data::table::Element;
use std::ptr::NonNull;

#[repr(transparent)]
pub(super) struct Member(pub(super) NonNull<u8>);

impl Member {
    pub fn new(text: &[u8]) -> Member {
        let p = allocate(string_size(text.len()));
        // SAFETY: fresh memory of that size.
        unsafe { write_string(p.as_ptr(), text) };
        Member(p)
    }

    /// The text of the member at `raw`.
    ///
    /// # Safety
    /// `raw` is a member that is not dropped during `'a`.
    #[inline]
    pub unsafe fn text<'a>(raw: NonNull<u8>) -> &'a [u8] {
        // SAFETY: the caller's; members never change.
        unsafe { read_string(raw.as_ptr()) }
    }

    /// Whether a copy of it would lie better.
    pub fn lies_sparse(&self) -> bool {
        // SAFETY: allocated with this size.
        unsafe { lies_sparse(self.0, string_size(self.key().len())) }
    }

    pub fn heap_bytes(&self) -> usize {
        class(string_size(self.key().len()))
    }
}

// SAFETY: bytes that never change, behind one owner.
unsafe impl Send for Member {}
unsafe impl Sync for Member {}

// SAFETY: 8-aligned by `allocate`; one pointer is all there is.
unsafe impl Element for Member {
    #[inline]
    fn into_raw(self) -> NonNull<u8> {
        std::mem::ManuallyDrop::new(self).0
    }
    #[inline]
    unsafe fn from_raw(raw: NonNull<u8>) -> Self {
        Member(raw)
    }
    #[inline]
    fn key(&self) -> &[u8] {
        // SAFETY: alive as long as `self` is.
        unsafe { Member::text(self.0) }
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        let size = string_size(self.key().len());
        // SAFETY: allocated with this size; nobody uses it after drop.
        unsafe { release(self.0, size) };
    }
}
