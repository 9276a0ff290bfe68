//! Regions, and the spans that they consist of.

use super::arena::Arena;
use std::ptr::{NonNull, null_mut};

pub const REGION: usize = 2 << 20;
pub const GRANULE: usize = 1024;
/// Granules of the longest block.
pub const LONGEST: usize = 512;
const GRANULES: usize = REGION / GRANULE;
/// Where spans begin: behind the head, which is one page of the system, so that blocks of whole pages lie in as many.
const FIRST: usize = 4;
const PAGE: usize = 4096;

/// In the tag of a span's first and last granule, beside its length.
const FREE: u16 = 1 << 15;
/// The span is free, and holds memory that can be given back.
const IDLE: u16 = 1 << 14;
const LENGTH: u16 = IDLE - 1;

/// Its head: the tags of its granules; the first one, which would be the head's own, has the number of the arena instead.
#[repr(C)]
pub struct Region {
    tags: [u16; GRANULES],
}

const _: () = assert!(size_of::<Region>() == FIRST * GRANULE);

/// What a free span begins with.
#[repr(C)]
pub struct Links {
    pub next: *mut Links,
    pub prev: *mut Links,
}

/// A span, or what is to be one.
#[derive(Clone, Copy)]
pub struct Span {
    at: NonNull<u8>,
    pub granules: usize,
}

impl Region {
    /// The region in which a block lies.
    #[inline]
    pub fn of(block: NonNull<u8>) -> *mut Region {
        block.as_ptr().map_addr(|a| a & !(REGION - 1)).cast()
    }

    /// The arena that a block belongs to.
    ///
    /// # Safety
    /// The block is used.
    #[inline]
    pub unsafe fn arena_of(block: NonNull<u8>) -> usize {
        // SAFETY: the caller's; the region stays as long as that, and the number never changes.
        usize::from(unsafe { (&raw const (*Self::of(block)).tags).cast::<u16>().read() })
    }

    /// A fresh region of one free span that holds no memory, with its tags unset. None if the system has none.
    pub fn map(arena: usize) -> Option<Span> {
        let region = map_region()?;
        // SAFETY: the region is mapped and nobody else's.
        unsafe { region.cast::<u16>().write(arena as u16) };
        // SAFETY: inside the region.
        Some(Span { at: unsafe { region.add(FIRST * GRANULE) }, granules: GRANULES - FIRST })
    }
}

/// The beginning of a mapping of [`REGION`] bytes, aligned to as much. None if the system has no memory.
pub fn map_region() -> Option<NonNull<u8>> {
    // SAFETY: an anonymous mapping of twice the size always contains an aligned region; the rest is given back.
    unsafe {
        let prot = libc::PROT_READ | libc::PROT_WRITE;
        let raw = libc::mmap(null_mut(), 2 * REGION, prot, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS, -1, 0);
        if raw == libc::MAP_FAILED {
            return None;
        }
        let start = raw as usize;
        let before = start.next_multiple_of(REGION) - start;
        let region = raw.cast::<u8>().add(before);
        if before > 0 {
            libc::munmap(raw, before);
        }
        if before < REGION {
            libc::munmap(region.add(REGION).cast(), REGION - before);
        }
        NonNull::new(region)
    }
}

/// Gives the region back that consists of this one span.
///
/// # Safety
/// It does, and nobody knows of it any more.
pub unsafe fn unmap(span: Span) {
    // SAFETY: the caller's.
    unsafe { libc::munmap(Region::of(span.at).cast(), REGION) };
}

impl Span {
    pub fn new(at: NonNull<u8>, granules: usize) -> Span {
        Span { at, granules }
    }

    pub fn block(self) -> NonNull<u8> {
        self.at
    }

    pub fn links(self) -> *mut Links {
        self.at.as_ptr().cast()
    }

    /// True if its region is nothing but this.
    pub fn is_region(self) -> bool {
        self.granules == GRANULES - FIRST
    }

    fn first(self) -> usize {
        (self.at.as_ptr() as usize & (REGION - 1)) / GRANULE
    }

    /// Its second part, from so many granules on.
    pub fn behind(self, granules: usize) -> Span {
        // SAFETY: inside the span.
        Span { at: unsafe { self.at.add(granules * GRANULE) }, granules: self.granules - granules }
    }

    /// This and what follows it.
    pub fn with(self, next: Span) -> Span {
        Span { at: self.at, granules: self.granules + next.granules }
    }

    /// Whole pages behind the links: where they begin, and how many bytes they are.
    fn pages(self) -> (usize, usize) {
        let start = self.at.as_ptr() as usize;
        let first = (start + size_of::<Links>()).next_multiple_of(PAGE);
        let end = (start + self.granules * GRANULE) & !(PAGE - 1);
        (first, end.saturating_sub(first))
    }

    /// Bytes that [`Span::give_back`] gives back, if all of it holds memory.
    pub fn whole_pages(self) -> usize {
        self.pages().1
    }

    /// Gives the memory of its whole pages back to the system; reading them gives zeros.
    ///
    /// # Safety
    /// Nobody else uses the span.
    pub unsafe fn give_back(self) {
        let (first, bytes) = self.pages();
        if bytes > 0 {
            // SAFETY: the pages lie inside the span.
            unsafe { libc::madvise(self.at.as_ptr().with_addr(first).cast(), bytes, libc::MADV_DONTNEED) };
        }
    }
}

/// The tags. All of them are read and written under the arena's lock.
impl Span {
    /// # Safety
    /// The span lies in a region of this arena.
    unsafe fn tag(self, _: &Arena, bits: u16) {
        let (region, first) = (Region::of(self.at), self.first());
        let tag = self.granules as u16 | bits;
        // SAFETY: the caller's; both lie in the region.
        unsafe {
            (*region).tags[first] = tag;
            (*region).tags[first + self.granules - 1] = tag;
        }
    }

    /// # Safety
    /// As [`Span::tag`], with the span nobody else's.
    pub unsafe fn tag_used(self, arena: &Arena) {
        // SAFETY: the caller's.
        unsafe { self.tag(arena, 0) }
    }

    /// # Safety
    /// As [`Span::tag_used`].
    pub unsafe fn tag_free(self, arena: &Arena, idle: bool) {
        // SAFETY: the caller's.
        unsafe { self.tag(arena, if idle { FREE | IDLE } else { FREE }) }
    }

    /// The free span before this one, and whether it is idle.
    ///
    /// # Safety
    /// As [`Span::tag`]; spans lie side by side.
    pub unsafe fn free_before(self, _: &Arena) -> Option<(Span, bool)> {
        let (region, first) = (Region::of(self.at), self.first());
        if first == FIRST {
            return None;
        }
        // SAFETY: the granule before is the last one of the span before.
        let tag = unsafe { (*region).tags[first - 1] };
        let granules = usize::from(tag & LENGTH);
        // SAFETY: inside the region.
        let at = unsafe { self.at.sub(granules * GRANULE) };
        (tag & FREE != 0).then_some((Span { at, granules }, tag & IDLE != 0))
    }

    /// The free span behind this one, and whether it is idle.
    ///
    /// # Safety
    /// As [`Span::free_before`].
    pub unsafe fn free_behind(self, _: &Arena) -> Option<(Span, bool)> {
        let (region, next) = (Region::of(self.at), self.first() + self.granules);
        if next == GRANULES {
            return None;
        }
        // SAFETY: the granule is the first one of the span behind.
        let tag = unsafe { (*region).tags[next] };
        // SAFETY: inside the region.
        let at = unsafe { self.at.add(self.granules * GRANULE) };
        (tag & FREE != 0).then_some((Span { at, granules: usize::from(tag & LENGTH) }, tag & IDLE != 0))
    }

    /// The free span that begins with these links, and whether it is idle.
    ///
    /// # Safety
    /// They are those of a span in a list of this arena.
    pub unsafe fn of_links(links: NonNull<Links>, _: &Arena) -> (Span, bool) {
        let span = Span { at: links.cast(), granules: 0 };
        // SAFETY: the caller's.
        let tag = unsafe { (*Region::of(span.at)).tags[span.first()] };
        (Span { granules: usize::from(tag & LENGTH), ..span }, tag & IDLE != 0)
    }
}

#[cfg(test)]
impl Span {
    /// All spans of this one's region: place, length, and what the tags say.
    pub unsafe fn walk(self) -> Vec<(usize, usize, bool, bool)> {
        let (region, mut at, mut all) = (Region::of(self.at), FIRST, Vec::new());
        while at < GRANULES {
            let tag = unsafe { (*region).tags[at] };
            let granules = usize::from(tag & LENGTH);
            assert!(granules > 0 && at + granules <= GRANULES);
            assert_eq!(tag, unsafe { (*region).tags[at + granules - 1] });
            all.push((at, granules, tag & FREE != 0, tag & IDLE != 0));
            at += granules;
        }
        all
    }
}
