//! Allocations of value types: 8-aligned, rounded to the allocator's size classes, so that a blob's capacity follows from its
//! length and need not be stored; and the length-prefixed byte strings that elements are made of.
//!
//! Elements and blobs never store their allocated size: it is `class(size)` of what they hold. Whoever changes what an
//! allocation holds goes through [`resize`] whenever the class changes.

use super::slab;
use std::ptr::NonNull;

/// What is handed out for a request of `size`: the [`slab`]'s classes, beyond it four a doubling, which are those of the
/// general allocator.
#[inline]
pub(super) fn class(size: usize) -> usize {
    if size <= slab::MAX {
        return slab::block_size(size.max(1));
    }
    let step = 1usize << ((size - 1).ilog2() - 2);
    (size + step - 1) & !(step - 1)
}

/// Uninitialised memory for `size` bytes.
#[inline]
pub(super) fn allocate(size: usize) -> NonNull<u8> {
    slab::alloc(class(size))
}

/// # Safety
/// `p` came from [`allocate`] or [`resize`] for a size of the same class, and is not used again.
#[inline]
pub(super) unsafe fn release(p: NonNull<u8>, size: usize) {
    // SAFETY: the caller's.
    unsafe { slab::dealloc(p, class(size)) }
}

/// Moves an allocation to the class of `new`, if that is another one. The bytes that both have stay.
///
/// # Safety
/// `p` came from [`allocate`] or [`resize`] for a size of `old`'s class, and only the result is used afterwards.
#[inline]
pub(super) unsafe fn resize(p: NonNull<u8>, old: usize, new: usize) -> NonNull<u8> {
    if class(old) == class(new) {
        return p;
    }
    // SAFETY: the caller's.
    unsafe { slab::resize(p, class(old), class(new)) }
}

/// Whether it helps to move an allocation: see [`slab::lies_sparse`].
///
/// # Safety
/// `p` came from [`allocate`] or [`resize`] for a size of the same class.
pub(super) unsafe fn lies_sparse(p: NonNull<u8>, size: usize) -> bool {
    // SAFETY: the caller's.
    unsafe { slab::lies_sparse(p, class(size)) }
}

/// Bytes that a length-prefixed string of `len` takes.
#[inline]
pub(super) fn string_size(len: usize) -> usize {
    match len {
        0..0xfe => 1 + len,
        0xfe..=0xffff_ffff => 5 + len,
        _ => 9 + len,
    }
}

/// Writes length and bytes at `p`, and returns the place after them.
///
/// # Safety
/// `string_size(bytes.len())` bytes at `p` are the caller's to write and do not overlap `bytes`.
#[inline]
pub(super) unsafe fn write_string(p: *mut u8, bytes: &[u8]) -> *mut u8 {
    // SAFETY: the caller's; each branch writes exactly `string_size`.
    unsafe {
        let n = bytes.len();
        let at = match n {
            0..0xfe => {
                *p = n as u8;
                p.add(1)
            }
            0xfe..=0xffff_ffff => {
                *p = 0xfe;
                p.add(1).cast::<u32>().write_unaligned(n as u32);
                p.add(5)
            }
            _ => {
                *p = 0xff;
                p.add(1).cast::<u64>().write_unaligned(n as u64);
                p.add(9)
            }
        };
        std::ptr::copy_nonoverlapping(bytes.as_ptr(), at, n);
        at.add(n)
    }
}

/// The string at `p`.
///
/// # Safety
/// `p` is where [`write_string`] wrote, and the bytes live and stay unchanged for `'a`.
#[inline]
pub(super) unsafe fn read_string<'a>(p: *const u8) -> &'a [u8] {
    // SAFETY: the caller's.
    unsafe {
        let (n, at) = match *p {
            0xfe => (p.add(1).cast::<u32>().read_unaligned() as usize, p.add(5)),
            0xff => (p.add(1).cast::<u64>().read_unaligned() as usize, p.add(9)),
            n => (n as usize, p.add(1)),
        };
        std::slice::from_raw_parts(at, n)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_monotone_and_hold_what_was_asked() {
        let mut last = 0;
        for n in 1..100_000 {
            let c = class(n);
            assert!(c >= n && c >= last && class(c) == c && (c - n) * 4 <= n.max(28), "{n} -> {c}");
            last = c;
        }
        assert_eq!([1, 21, 28, 64, 65, 81, 129, 1000, 5000].map(class), [8, 24, 32, 64, 72, 88, 136, 1032, 5120]);
    }

    #[test]
    fn strings_read_back() {
        for n in [0, 1, 253, 254, 255, 70_000] {
            let bytes: Vec<u8> = (0..n).map(|i| i as u8).collect();
            let p = allocate(string_size(n));
            unsafe {
                let end = write_string(p.as_ptr(), &bytes);
                assert_eq!(end as usize - p.as_ptr() as usize, string_size(n));
                assert_eq!(read_string(p.as_ptr()), bytes);
                release(p, string_size(n));
            }
        }
    }
}
