//! A value in one word: an 8-aligned owning pointer whose low three bits name the encoding behind it.
//!
//! Invariants:
//! 1. The word without its tag came from `into_raw` of the type that the tag stands for, and is owned here alone.
//! 2. Each value type fixes its tags in one place and goes through them for every access; the `unsafe` of the accessors is
//!    the promise that the tag was looked at.
//! 3. [`Thin`] itself does not drop: the value type that wraps it does, by [`Thin::take`].

use std::mem::{ManuallyDrop, align_of};
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;

/// Something that is one owning, 8-aligned pointer.
///
/// # Safety
/// `into_raw` gives a pointer aligned to 8, from which `from_raw` makes the same value again.
pub(super) unsafe trait Owned: Sized {
    fn into_raw(self) -> NonNull<u8>;
    /// # Safety
    /// `raw` came from `into_raw`, and is not used as another owned value.
    unsafe fn from_raw(raw: NonNull<u8>) -> Self;
}

// SAFETY: a box is one pointer; the assertion keeps its low bits free.
unsafe impl<T> Owned for Box<T> {
    fn into_raw(self) -> NonNull<u8> {
        const { assert!(align_of::<T>() >= 8) };
        // SAFETY: a box is never null.
        unsafe { NonNull::new_unchecked(Box::into_raw(self).cast()) }
    }
    unsafe fn from_raw(raw: NonNull<u8>) -> Self {
        // SAFETY: the caller's.
        unsafe { Box::from_raw(raw.as_ptr().cast()) }
    }
}

/// Tag and pointer.
#[repr(transparent)]
pub(super) struct Thin(NonNull<u8>);

// SAFETY: everything that goes behind a word is owned by it and `Send + Sync` itself.
unsafe impl Send for Thin {}
unsafe impl Sync for Thin {}

const TAG: usize = 7;

impl Thin {
    #[inline]
    pub fn new(tag: usize, value: impl Owned) -> Thin {
        let raw = value.into_raw();
        debug_assert!(tag <= TAG && raw.as_ptr() as usize & TAG == 0);
        Thin(raw.map_addr(|a| a | tag))
    }

    #[inline]
    pub fn tag(&self) -> usize {
        self.0.as_ptr() as usize & TAG
    }

    /// The pointer without the tag.
    #[inline]
    pub fn pointer(&self) -> NonNull<u8> {
        // SAFETY: pointers are 8-aligned and not null, so something is left of them.
        unsafe { NonNull::new_unchecked(self.0.as_ptr().map_addr(|a| a & !TAG)) }
    }

    #[inline]
    pub fn word(&self) -> NonNull<u8> {
        self.0
    }

    #[inline]
    pub fn from_word(word: NonNull<u8>) -> Thin {
        Thin(word)
    }

    /// What the box behind the tag holds.
    ///
    /// # Safety
    /// The tag stands for `Box<T>`.
    #[inline]
    pub unsafe fn boxed<T>(&self) -> &T {
        // SAFETY: the caller's; borrowed as long as the word is.
        unsafe { self.pointer().cast().as_ref() }
    }

    /// As [`boxed`](Self::boxed), to change.
    ///
    /// # Safety
    /// The tag stands for `Box<T>`.
    #[inline]
    pub unsafe fn boxed_mut<T>(&mut self) -> &mut T {
        // SAFETY: the caller's; borrowed exclusively as long as the word is.
        unsafe { self.pointer().cast().as_mut() }
    }

    /// Opens the owned value for a change that may move it; its new pointer goes back into the word afterwards, whatever
    /// happens meanwhile.
    ///
    /// # Safety
    /// The tag stands for `W`.
    #[inline]
    pub unsafe fn edit<W: Owned>(&mut self) -> Edit<'_, W> {
        // SAFETY: the caller's; the word is not looked at before `Edit` writes it back.
        let value = ManuallyDrop::new(unsafe { W::from_raw(self.pointer()) });
        Edit { thin: self, value }
    }

    /// Takes the value out; the word must not be used again.
    ///
    /// # Safety
    /// The tag stands for `W`, and the word is given up.
    #[inline]
    pub unsafe fn take<W: Owned>(&mut self) -> W {
        // SAFETY: the caller's.
        unsafe { W::from_raw(self.pointer()) }
    }
}

/// See [`Thin::edit`].
pub(super) struct Edit<'a, W: Owned> {
    thin: &'a mut Thin,
    value: ManuallyDrop<W>,
}

impl<W: Owned> Deref for Edit<'_, W> {
    type Target = W;
    #[inline]
    fn deref(&self) -> &W {
        &self.value
    }
}

impl<W: Owned> DerefMut for Edit<'_, W> {
    #[inline]
    fn deref_mut(&mut self) -> &mut W {
        &mut self.value
    }
}

impl<W: Owned> Drop for Edit<'_, W> {
    #[inline]
    fn drop(&mut self) {
        let tag = self.thin.tag();
        // SAFETY: taken once, in drop.
        *self.thin = Thin::new(tag, unsafe { ManuallyDrop::take(&mut self.value) });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_tag_and_pointer() {
        for tag in 0..8 {
            let mut thin = Thin::new(tag, Box::new(41u64));
            assert_eq!(size_of::<Option<Thin>>(), 8);
            unsafe {
                *thin.boxed_mut::<u64>() += 1;
                let word = thin.word();
                let mut thin = Thin::from_word(word);
                assert_eq!((thin.tag(), *thin.boxed::<u64>()), (tag, 42));
                let mut edit = thin.edit::<Box<u64>>();
                **edit += 1;
                drop(edit);
                assert_eq!((thin.tag(), *thin.take::<Box<u64>>()), (tag, 43));
            }
        }
    }
}
