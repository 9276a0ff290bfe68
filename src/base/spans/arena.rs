//! Free spans by length.

use super::region::{GRANULE, LONGEST, Links, Region, Span};
use std::ptr::{NonNull, null_mut};

/// One list for each length up to the longest block, and one for all that is longer.
const LISTS: usize = LONGEST + 2;
const WORDS: usize = LISTS.div_ceil(64);
/// Shorter spans contain no whole page of the system.
const SHORTEST_IDLE: usize = 5;

struct Lists {
    heads: [*mut Links; LISTS],
    /// A bit for each list that is not empty.
    filled: [u64; WORDS],
}

/// See the module above.
pub struct Arena {
    /// Free spans that hold memory, and those that contain no page that could be given back.
    warm: Lists,
    /// Free spans that hold none.
    hollow: Lists,
    /// Bytes that giving back all of `warm` would give.
    idle: usize,
    used: usize,
}

// SAFETY: the pointers are only followed under the lock that holds this.
unsafe impl Send for Arena {}

impl Lists {
    const fn new() -> Lists {
        Lists { heads: [null_mut(); LISTS], filled: [0; WORDS] }
    }

    /// The first of the shortest spans of so many granules or more.
    fn best(&self, granules: usize) -> Option<NonNull<Links>> {
        let (mut word, mut bits) = (granules / 64, self.filled[granules / 64] & (u64::MAX << (granules % 64)));
        while bits == 0 {
            word += 1;
            bits = *self.filled.get(word)?;
        }
        NonNull::new(self.heads[word * 64 + bits.trailing_zeros() as usize])
    }

    /// # Safety
    /// The span is nobody else's.
    unsafe fn insert(&mut self, span: Span) {
        let (n, links) = (list_of(span), span.links());
        let next = std::mem::replace(&mut self.heads[n], links);
        // SAFETY: the caller's; heads are free spans.
        unsafe {
            links.write(Links { next, prev: null_mut() });
            if !next.is_null() {
                (*next).prev = links;
            }
        }
        self.filled[n / 64] |= 1 << (n % 64);
    }

    /// # Safety
    /// The span is in its list here.
    unsafe fn remove(&mut self, span: Span) {
        let n = list_of(span);
        // SAFETY: the caller's; links of a free span are those of its list.
        unsafe {
            let Links { next, prev } = span.links().read();
            if !next.is_null() {
                (*next).prev = prev;
            }
            if !prev.is_null() {
                (*prev).next = next;
                return;
            }
            self.heads[n] = next;
            if next.is_null() {
                self.filled[n / 64] &= !(1 << (n % 64));
            }
        }
    }
}

fn list_of(span: Span) -> usize {
    span.granules.min(LISTS - 1)
}

impl Arena {
    pub const fn new() -> Arena {
        Arena { warm: Lists::new(), hollow: Lists::new(), idle: 0, used: 0 }
    }

    /// Bytes in free spans that can be given back.
    pub fn idle_bytes(&self) -> usize {
        self.idle
    }

    pub fn used_bytes(&self) -> usize {
        self.used
    }

    /// A block of so many granules, of this arena, which has number `n`. None if the system has no memory.
    pub fn take(&mut self, granules: usize, n: usize) -> Option<NonNull<u8>> {
        let found = self.warm.best(granules).or_else(|| self.hollow.best(granules));
        // SAFETY: what is in the lists is free, and what was taken out, or is fresh, is ours.
        unsafe {
            let (span, idle) = match found {
                Some(links) => {
                    let (span, idle) = Span::of_links(links, self);
                    self.remove(span, idle);
                    (span, idle)
                }
                None => (Region::map(n)?, false),
            };
            let block = self.cut(span, granules, idle);
            self.used += block.granules * GRANULE;
            Some(block.block())
        }
    }

    /// Frees a block. Gives the free span that it is part of now.
    ///
    /// # Safety
    /// It is one of this arena's, and not used any more.
    pub unsafe fn free(&mut self, block: Span) -> Span {
        self.used -= block.granules * GRANULE;
        // SAFETY: the caller's.
        unsafe { self.put(block, true) }
    }

    /// # Safety
    /// As [`Arena::free`], with its length as it is.
    pub unsafe fn resize(&mut self, block: Span, granules: usize) -> bool {
        // SAFETY: the caller's; free neighbours are in the lists.
        unsafe {
            if granules < block.granules {
                self.used -= (block.granules - granules) * GRANULE;
                let tail = block.behind(granules);
                Span::new(block.block(), granules).tag_used(self);
                self.put(tail, true);
                return true;
            }
            match block.free_behind(self) {
                Some((next, idle)) if block.granules + next.granules >= granules => {
                    self.remove(next, idle);
                    self.used += (granules - block.granules) * GRANULE;
                    self.cut(block.with(next), granules, idle);
                    true
                }
                _ => false,
            }
        }
    }

    /// Makes the first part of a span a used one, and frees the rest.
    ///
    /// # Safety
    /// The span is ours, and in no list. If it is `idle`, so is the rest.
    unsafe fn cut(&mut self, span: Span, granules: usize, idle: bool) -> Span {
        let block = Span::new(span.block(), granules);
        // SAFETY: the caller's.
        unsafe {
            block.tag_used(self);
            if span.granules > granules {
                self.insert(span.behind(granules), idle);
            }
        }
        block
    }

    /// # Safety
    /// The span is free and in the list that its tag tells.
    unsafe fn remove(&mut self, span: Span, idle: bool) {
        // SAFETY: the caller's.
        unsafe {
            if idle {
                self.idle -= span.whole_pages();
            }
            if is_warm(span, idle) { self.warm.remove(span) } else { self.hollow.remove(span) }
        }
    }

    /// # Safety
    /// The span is ours, and in no list; its neighbours are used, or will be one with it.
    unsafe fn insert(&mut self, span: Span, idle: bool) {
        // SAFETY: the caller's.
        unsafe {
            let idle = idle && span.whole_pages() > 0;
            span.tag_free(self, idle);
            if idle {
                self.idle += span.whole_pages();
            }
            if is_warm(span, idle) { self.warm.insert(span) } else { self.hollow.insert(span) }
        }
    }

    /// Makes a span one with its free neighbours, and puts that into its list.
    ///
    /// # Safety
    /// The span is ours, and in no list.
    unsafe fn put(&mut self, mut span: Span, mut idle: bool) -> Span {
        // SAFETY: the caller's; free neighbours are in the lists.
        unsafe {
            if let Some((before, was_idle)) = span.free_before(self) {
                self.remove(before, was_idle);
                (span, idle) = (before.with(span), idle | was_idle);
            }
            if let Some((behind, was_idle)) = span.free_behind(self) {
                self.remove(behind, was_idle);
                (span, idle) = (span.with(behind), idle | was_idle);
            }
            self.insert(span, idle);
        }
        span
    }

    /// Whether this free span is a whole region, and not the only long one: so that a block that comes and goes does not
    /// map and unmap.
    pub fn may_unmap(&self, span: Span) -> bool {
        let (warm, hollow) = (self.warm.heads[LISTS - 1], self.hollow.heads[LISTS - 1]);
        let other = |links: *mut Links| !links.is_null() && links != span.links();
        // SAFETY: heads are free spans.
        span.is_region() && (other(hollow) || other(warm) || !warm.is_null() && other(unsafe { (*warm).next }))
    }

    /// # Safety
    /// [`Arena::may_unmap`] said so just now.
    pub unsafe fn forget(&mut self, span: Span) {
        // SAFETY: the caller's; the last block that was freed left it idle.
        unsafe { self.remove(span, true) }
    }

    /// Takes a free idle span out of its list, as if it were used.
    ///
    /// # Safety
    /// It is one, as [`Arena::free`] has just told.
    pub unsafe fn claim(&mut self, span: Span) {
        // SAFETY: the caller's; without a whole page it is not idle.
        unsafe {
            self.remove(span, span.whole_pages() > 0);
            span.tag_used(self);
        }
    }

    /// Claims one of the longest idle spans.
    pub fn claim_idle(&mut self) -> Option<Span> {
        for n in (SHORTEST_IDLE..LISTS).rev() {
            let mut at = self.warm.heads[n];
            while let Some(links) = NonNull::new(at) {
                // SAFETY: what is in the lists is free.
                unsafe {
                    let (span, idle) = Span::of_links(links, self);
                    if idle {
                        self.claim(span);
                        return Some(span);
                    }
                    at = (*at).next;
                }
            }
        }
        None
    }

    /// Puts back a claimed span that holds no memory any more.
    ///
    /// # Safety
    /// It was claimed.
    pub unsafe fn put_hollow(&mut self, span: Span) {
        // SAFETY: the caller's.
        unsafe {
            self.put(span, false);
        }
    }
}

/// In which list a free span is: what cannot be given back may as well be used first.
fn is_warm(span: Span, idle: bool) -> bool {
    idle || span.whole_pages() == 0
}
