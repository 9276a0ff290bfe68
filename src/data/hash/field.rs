//! A field of a large hash: one allocation of an optional expiry, name and value.
//!
//! ```text
//! +----------+--------------+--------+------+--------+-------+
//! | flags u8 | expiry i64   | length | name | length | value |
//! +----------+--------------+--------+------+--------+-------+
//!              if flags & 1
//! ```

use crate::data::alloc::{allocate, class, lies_sparse, read_string, release, string_size, write_string};
use crate::data::table::Element;
use std::ptr::NonNull;

const HAS_EXPIRY: u8 = 1;

#[repr(transparent)]
pub(super) struct Field(pub(super) NonNull<u8>);

/// What a field holds, borrowed.
#[derive(Clone, Copy)]
pub(super) struct Parts<'a> {
    pub name: &'a [u8],
    pub value: &'a [u8],
    pub expires_at_ms: Option<i64>,
}

impl Parts<'_> {
    fn size(&self) -> usize {
        head(self.expires_at_ms.is_some()) + string_size(self.name.len()) + string_size(self.value.len())
    }
}

fn head(expires: bool) -> usize {
    if expires { 9 } else { 1 }
}

impl Field {
    pub fn new(parts: Parts<'_>) -> Field {
        let p = allocate(parts.size());
        // SAFETY: fresh memory of that size; the three parts add up to it.
        unsafe {
            let at = p.as_ptr();
            *at = if parts.expires_at_ms.is_some() { HAS_EXPIRY } else { 0 };
            if let Some(ms) = parts.expires_at_ms {
                at.add(1).cast::<i64>().write_unaligned(ms);
            }
            let at = write_string(at.add(head(parts.expires_at_ms.is_some())), parts.name);
            write_string(at, parts.value);
        }
        Field(p)
    }

    /// What the field at `raw` holds.
    ///
    /// # Safety
    /// `raw` is a field that is neither changed nor dropped during `'a`.
    #[inline]
    pub unsafe fn parts<'a>(raw: NonNull<u8>) -> Parts<'a> {
        // SAFETY: the caller's; `new` laid it out so.
        unsafe {
            let p = raw.as_ptr();
            let expires = *p & HAS_EXPIRY != 0;
            let expires_at_ms = expires.then(|| p.add(1).cast::<i64>().read_unaligned());
            let name: &[u8] = read_string(p.add(head(expires)));
            let value = read_string(name.as_ptr().add(name.len()));
            Parts { name, value, expires_at_ms }
        }
    }

    #[inline]
    pub fn get(&self) -> Parts<'_> {
        // SAFETY: borrowed as long as `self` is.
        unsafe { Field::parts(self.0) }
    }

    /// Another value in place, if it takes the same allocation. The expiry stays.
    pub fn replace_value(&mut self, value: &[u8]) -> bool {
        let parts = self.get();
        let same = class(parts.size()) == class(Parts { value, ..parts }.size());
        if same {
            let offset = parts.name.as_ptr() as usize + parts.name.len() - self.0.as_ptr() as usize;
            // SAFETY: the class holds the new size; `value` is not ours, since `self` is borrowed exclusively.
            unsafe { write_string(self.0.as_ptr().add(offset), value) };
        }
        same
    }

    /// Another expiry in place of the one it has.
    pub fn replace_expiry(&mut self, at_ms: i64) -> bool {
        let has = self.get().expires_at_ms.is_some();
        if has {
            // SAFETY: the flag says that the eight bytes are there.
            unsafe { self.0.as_ptr().add(1).cast::<i64>().write_unaligned(at_ms) };
        }
        has
    }

    /// Whether a copy of it would lie better.
    pub fn lies_sparse(&self) -> bool {
        // SAFETY: allocated with this size.
        unsafe { lies_sparse(self.0, self.get().size()) }
    }

    pub fn heap_bytes(&self) -> usize {
        class(self.get().size())
    }
}

// SAFETY: bytes behind one owner.
unsafe impl Send for Field {}
unsafe impl Sync for Field {}

// SAFETY: 8-aligned by `allocate`; one pointer is all there is.
unsafe impl Element for Field {
    #[inline]
    fn into_raw(self) -> NonNull<u8> {
        std::mem::ManuallyDrop::new(self).0
    }
    #[inline]
    unsafe fn from_raw(raw: NonNull<u8>) -> Self {
        Field(raw)
    }
    #[inline]
    fn key(&self) -> &[u8] {
        // SAFETY: borrowed as long as `self` is.
        unsafe { read_string(self.0.as_ptr().add(head(*self.0.as_ptr() & HAS_EXPIRY != 0))) }
    }
}

impl Drop for Field {
    fn drop(&mut self) {
        let size = self.get().size();
        // SAFETY: allocated for a size of this class; nobody uses it after drop.
        unsafe { release(self.0, size) };
    }
}
