//! Where keys, members, fields and small values live: blocks of close size classes, up to 4 KiB.
//!
//! General allocators round small sizes to 16 bytes (mimalloc) or to classes a quarter apart (jemalloc). An entry of a
//! 16-byte key and a 32-byte value takes 54 bytes; in a class of 56 instead of 64 it costs an eighth less, and that is what this
//! server is measured by. Up to 256 bytes classes are 8 bytes apart, beyond it about a twentieth, and fill their pages. Larger
//! blocks go to the global allocator.
//!
//! ```text
//! region  2 MiB, aligned, from mmap      = 128 small pages or 32 large ones
//! page    16 or 64 KiB, aligned          = header of 64 bytes, then blocks of one class; large for classes above 256 bytes
//! stripe  a lock and, per class, the list of its pages that have a free block
//! ```
//!
//! A thread allocates from its own stripe, so its lock is not contended; a block is freed under the lock of the stripe that
//! its page belongs to (the header says which), whichever thread frees it. A stripe that has no free block of a class left
//! takes a page with holes over from another one before it asks for a fresh page: where one thread makes room (eviction) and
//! another fills it, the process would grow without end otherwise. Pages without a used block go back to the [`pool`],
//! regions without a used page back to the system. Pages of which little is used are emptied by who asks [`lies_sparse`] and
//! moves the block ([`crate::keyspace::compact`]).
//!
//! Huge pages were tried twice and left out. For all regions: GET of a million random keys gained 2%, insertions lost 10% to
//! clearing 2 MiB at once. For regions beyond the first 64 MiB, cleared ahead by another thread, with the chunks of tables in
//! them as well: INCR and SET of a million keys gained up to a sixth of the CPU time, but insertions lost a quarter on virtual
//! machines whose host takes free memory back, for there each 4 KiB of a huge page are fetched anew (12 us; small pages mostly
//! come from what was used a moment ago).
//!
//! Invariants: a page's header is written only under the lock of the stripe that it names (its `block` not at all while it has
//! used blocks), and so is that name; a page is linked in its class's list exactly while it has a free block, but for the moment
//! in which it is taken over; the free list inside a page links only blocks of that page that are not handed out.

mod class;
mod pool;
#[cfg(test)]
mod tests;

pub use class::{MAX, block_size};
pub use pool::{bytes_in_pages, keep_spare, press, trim};

use crate::base::alloc::count_elsewhere;
use class::{CLASSES, SMALL_PAGE, class_of, page_bytes};
use parking_lot::{Mutex, MutexGuard};
use pool::{new_page, release};
use std::alloc::{Layout, handle_alloc_error};
use std::cell::Cell;
use std::ptr::{NonNull, null_mut};
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering::*};

const HEADER: usize = 64;
const STRIPES: usize = 64;
/// Pages with less than one part in so many unused are not worth emptying.
const DENSE_PARTS: usize = 16;

#[repr(C)]
struct Page {
    next: *mut Page,
    prev: *mut Page,
    /// Blocks that were given back.
    free: *mut Free,
    /// Offset of the first block never handed out.
    fresh: u32,
    used: u32,
    block: u32,
    stripe: AtomicU32,
    /// In the first page of a region only: how many pages of the region are handed out.
    region_used: u32,
}

struct Free {
    next: *mut Free,
}

struct Stripe {
    /// Pages with a free block, by class.
    open: [*mut Page; CLASSES],
}

// SAFETY: the pointers are only followed under the lock that holds these.
unsafe impl Send for Stripe {}

static STRIPES_ALL: [Mutex<Stripe>; STRIPES] = [const { Mutex::new(Stripe { open: [null_mut(); CLASSES] }) }; STRIPES];
static NEXT_STRIPE: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    static MINE: Cell<usize> = const { Cell::new(usize::MAX) };
}

/// The head of the small page in which a block lies, if it is one of those here.
#[inline]
pub fn page_of(block: *const u8) -> *const u8 {
    block.map_addr(|a| a & !(SMALL_PAGE - 1))
}

/// The page in which a block of a class's size lies.
#[inline]
fn page_with(block: NonNull<u8>, size: usize) -> *mut Page {
    (block.as_ptr() as usize & !(page_bytes(size) - 1)) as *mut Page
}

/// This thread's stripe.
#[inline]
fn mine() -> usize {
    MINE.with(|m| match m.get() {
        usize::MAX => assign(m),
        n => n,
    })
}

/// A block of at least `size` bytes, aligned to 8.
#[inline]
pub fn alloc(size: usize) -> NonNull<u8> {
    let size = block_size(size.max(8));
    if size > MAX {
        return alloc_large(size);
    }
    count_elsewhere(size as i64);
    let (mine, class) = (mine(), class_of(size));
    let mut stripe = STRIPES_ALL[mine].lock();
    if stripe.open[class].is_null() {
        drop(stripe);
        let page = take_over(class, mine).unwrap_or_else(|| new_page(size, mine));
        stripe = STRIPES_ALL[mine].lock();
        // SAFETY: the page is this stripe's, has a free block, and nobody has linked it.
        unsafe { link(&mut stripe, class, page) };
    }
    let page = stripe.open[class];
    // SAFETY: an open page has a free block: one given back, or one never used. Its header is ours under the lock.
    unsafe {
        let block: *mut u8 = if (*page).free.is_null() {
            let at = (*page).fresh as usize;
            (*page).fresh += size as u32;
            page.cast::<u8>().add(at)
        } else {
            let block = (*page).free;
            (*page).free = (*block).next;
            block.cast()
        };
        (*page).used += 1;
        if (*page).free.is_null() && (*page).fresh as usize + size > page_bytes(size) {
            unlink(&mut stripe, class, page);
            prefer_full(&mut stripe, class);
        }
        NonNull::new_unchecked(block)
    }
}

/// Gives a block back.
///
/// # Safety
/// `block` came from [`alloc`] with the same `size`, and is not used again.
#[inline]
pub unsafe fn dealloc(block: NonNull<u8>, size: usize) {
    let size = block_size(size.max(8));
    if size > MAX {
        // SAFETY: `alloc` took it from there with this layout.
        return unsafe { std::alloc::dealloc(block.as_ptr(), large_layout(size)) };
    }
    count_elsewhere(-(size as i64));
    let (page, class) = (page_with(block, size), class_of(size));
    // SAFETY: the block's page has a header there, and keeps it while the block is not given back.
    unsafe {
        debug_assert_eq!((*page).block as usize, size);
        let mut stripe = lock_owner(page);
        let was_full = (*page).free.is_null() && (*page).fresh as usize + size > page_bytes(size);
        let free = block.as_ptr().cast::<Free>();
        (*free).next = (*page).free;
        (*page).free = free;
        (*page).used -= 1;
        if was_full {
            link(&mut stripe, class, page);
        }
        // The last open page stays, so that a key that comes and goes does not make a page come and go.
        if (*page).used == 0 && !((*page).next.is_null() && (*page).prev.is_null()) {
            unlink(&mut stripe, class, page);
            drop(stripe);
            release(page, size);
        }
    }
}

/// Moves a block to another size, keeping the bytes that both have.
///
/// # Safety
/// As [`dealloc`]; only the result is used afterwards.
pub unsafe fn resize(block: NonNull<u8>, old: usize, new: usize) -> NonNull<u8> {
    let (from, to) = (block_size(old.max(8)), block_size(new.max(8)));
    // SAFETY: the caller's; large blocks came from the global allocator with this layout.
    unsafe {
        if from > MAX && to > MAX {
            return match NonNull::new(std::alloc::realloc(block.as_ptr(), large_layout(from), to)) {
                Some(p) => p,
                None => handle_alloc_error(large_layout(to)),
            };
        }
        let moved = alloc(new);
        moved.as_ptr().copy_from_nonoverlapping(block.as_ptr(), old.min(new));
        dealloc(block, old);
        moved
    }
}

/// Whether a copy of this block would lie in a page that more of is used: then moving it there helps to empty this page. Not
/// so for blocks of the global allocator, nor in pages that are nearly full.
///
/// # Safety
/// `block` came from [`alloc`] with the same `size`.
pub unsafe fn lies_sparse(block: NonNull<u8>, size: usize) -> bool {
    let size = block_size(size.max(8));
    if size > MAX {
        return false;
    }
    let (page, class, mine) = (page_with(block, size), class_of(size), mine());
    // SAFETY: the block is used, so its page stays; headers are read under the lock of the stripe that they name.
    unsafe {
        let owner = lock_owner(page);
        let used = (*page).used as usize;
        if used * size * DENSE_PARTS >= (page_bytes(size) - HEADER) * (DENSE_PARTS - 1) {
            return false;
        }
        let mut stripe = if (*page).stripe.load(Relaxed) as usize == mine {
            owner
        } else {
            drop(owner);
            STRIPES_ALL[mine].lock()
        };
        let mut head = stripe.open[class];
        if !head.is_null() && ((*head).used as usize) < used {
            prefer_full(&mut stripe, class);
            head = stripe.open[class];
        }
        !head.is_null() && head != page && (*head).used as usize >= used
    }
}

#[cold]
fn assign(mine: &Cell<usize>) -> usize {
    let n = NEXT_STRIPE.fetch_add(1, Relaxed) % STRIPES;
    mine.set(n);
    n
}

fn large_layout(size: usize) -> Layout {
    Layout::from_size_align(size, 8).unwrap_or(Layout::new::<u64>())
}

#[cold]
fn alloc_large(size: usize) -> NonNull<u8> {
    let layout = large_layout(size);
    // SAFETY: the size is not 0.
    match NonNull::new(unsafe { std::alloc::alloc(layout) }) {
        Some(p) => p,
        None => handle_alloc_error(layout),
    }
}

/// Locks the stripe that a page belongs to.
///
/// # Safety
/// The page has a used block, or is known otherwise not to go back to the pool meanwhile.
#[inline]
unsafe fn lock_owner(page: *mut Page) -> MutexGuard<'static, Stripe> {
    loop {
        // SAFETY: the caller's. The name only changes under the lock of the stripe that it was.
        unsafe {
            // Who sees the new name sees what was done to the page under the old one's lock.
            let owner = (*page).stripe.load(Acquire);
            let stripe = STRIPES_ALL[owner as usize].lock();
            if (*page).stripe.load(Acquire) == owner {
                return stripe;
            }
        }
    }
}

/// Pages that are compared, to fill the one first that most of is used, or to take over the one with most room.
const COMPARED: usize = 8;

/// A page with holes of another stripe, which is `mine` from now on and linked nowhere yet. The one that a stripe allocates from
/// stays with it, so that threads which only ever fill pages leave each other alone.
#[cold]
fn take_over(class: usize, mine: usize) -> Option<*mut Page> {
    let stripes = NEXT_STRIPE.load(Relaxed).min(STRIPES);
    for other in (1..stripes).map(|n| (mine + n) % stripes) {
        // Whoever is at work there is not waited for.
        let Some(mut stripe) = STRIPES_ALL[other].try_lock() else { continue };
        // SAFETY: linked pages belong to the stripe, whose lock is held.
        unsafe {
            let head = stripe.open[class];
            if head.is_null() || (*head).next.is_null() {
                continue;
            }
            let (mut best, mut at) = ((*head).next, (*head).next);
            for _ in 0..COMPARED {
                if (*at).used < (*best).used {
                    best = at;
                }
                at = (*at).next;
                if at.is_null() {
                    break;
                }
            }
            unlink(&mut stripe, class, best);
            // Whoever frees a block of it from here on waits for our lock.
            (*best).stripe.store(mine as u32, Release);
            return Some(best);
        }
    }
    None
}

/// # Safety
/// Under the stripe's lock; `page` is its own and not linked.
unsafe fn link(stripe: &mut Stripe, class: usize, page: *mut Page) {
    unsafe {
        let head = stripe.open[class];
        (*page).prev = null_mut();
        (*page).next = head;
        if !head.is_null() {
            (*head).prev = page;
        }
        stripe.open[class] = page;
    }
}

/// Puts the fullest of the first open pages in front, so that the others have a chance to become empty.
///
/// # Safety
/// Under the stripe's lock.
#[cold]
unsafe fn prefer_full(stripe: &mut Stripe, class: usize) {
    // SAFETY: linked pages belong to the stripe, whose lock is held.
    unsafe {
        let (mut best, mut at) = (stripe.open[class], stripe.open[class]);
        for _ in 0..COMPARED {
            if at.is_null() {
                break;
            }
            if (*at).used > (*best).used {
                best = at;
            }
            at = (*at).next;
        }
        if best != stripe.open[class] {
            unlink(stripe, class, best);
            link(stripe, class, best);
        }
    }
}

/// # Safety
/// Under the stripe's lock; `page` is linked in this class's list.
unsafe fn unlink(stripe: &mut Stripe, class: usize, page: *mut Page) {
    unsafe {
        let (prev, next) = ((*page).prev, (*page).next);
        if prev.is_null() {
            stripe.open[class] = next
        } else {
            (*prev).next = next
        }
        if !next.is_null() {
            (*next).prev = prev;
        }
        ((*page).prev, (*page).next) = (null_mut(), null_mut());
    }
}
