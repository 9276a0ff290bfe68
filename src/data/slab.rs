//! Where keys, members and fields live: blocks of 8-byte size classes, up to 256 bytes.
//!
//! General allocators round small sizes to 16 bytes (mimalloc) or to classes a quarter apart (jemalloc). An entry of a
//! 16-byte key and a 32-byte value takes 54 bytes; in a class of 56 instead of 64 it costs an eighth less, and that is what this
//! server is measured by. Larger blocks go to the global allocator.
//!
//! ```text
//! region  2 MiB, aligned, from mmap      = 128 pages
//! page    16 KiB, aligned                = header of 64 bytes, then blocks of one class
//! stripe  a lock and, per class, the list of its pages that have a free block
//! ```
//!
//! A thread allocates from its own stripe, so its lock is not contended; a block is freed under the lock of the stripe that
//! its page belongs to (the header says which), whichever thread frees it. A stripe that has no free block of a class left
//! takes a page with holes over from another one before it asks for a fresh page: where one thread makes room (eviction) and
//! another fills it, the process would grow without end otherwise. Pages without a used block go back to the pool,
//! regions without a used page back to the system.
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

use crate::base::alloc::count_elsewhere;
use parking_lot::{Condvar, Mutex, MutexGuard};
use std::alloc::{Layout, handle_alloc_error};
use std::cell::Cell;
use std::ptr::{NonNull, null_mut};
use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering::*};

/// Blocks above this size come from the global allocator.
pub const MAX: usize = 256;
const CLASSES: usize = MAX / 8;
const PAGE: usize = 16 * 1024;
const REGION: usize = 2 * 1024 * 1024;
const HEADER: usize = 64;
const STRIPES: usize = 64;
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

struct Pool {
    /// Pages that were given back.
    free: *mut Page,
    /// Pages never handed out, of the region mapped last: from here to its end.
    fresh: usize,
    end: usize,
}

/// The memory of fresh pages is made to come in such steps, one step ahead of the page that is handed out: enough for the
/// time that it takes, and no more than a little that lies idle.
const STEP: usize = 8 * PAGE;

// SAFETY: the pointers are only followed under the locks that hold these.
unsafe impl Send for Stripe {}
unsafe impl Send for Pool {}

static STRIPES_ALL: [Mutex<Stripe>; STRIPES] = [const { Mutex::new(Stripe { open: [null_mut(); CLASSES] }) }; STRIPES];
static POOL: Mutex<Pool> = Mutex::new(Pool { free: null_mut(), fresh: 0, end: 0 });
static REGIONS: AtomicU64 = AtomicU64::new(0);
static PAGES: AtomicU64 = AtomicU64::new(0);
static NEXT_STRIPE: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    static MINE: Cell<usize> = const { Cell::new(usize::MAX) };
}

/// What a block of `size` bytes really takes.
pub const fn block_size(size: usize) -> usize {
    (size + 7) & !7
}

/// The head of the page in which a block lies, if it is one of those here.
#[inline]
pub fn page_of(block: *const u8) -> *const u8 {
    block.map_addr(|a| a & !(PAGE - 1))
}

/// Bytes of pages in use, their unused blocks included.
pub fn bytes_in_pages() -> u64 {
    PAGES.load(Relaxed) * PAGE as u64
}

/// Bytes asked from the system.
pub fn bytes_reserved() -> u64 {
    REGIONS.load(Relaxed) * REGION as u64
}

/// A block of at least `size` bytes, aligned to 8.
#[inline]
pub fn alloc(size: usize) -> NonNull<u8> {
    let size = block_size(size.max(8));
    if size > MAX {
        return alloc_large(size);
    }
    count_elsewhere(size as i64);
    let mine = MINE.with(|m| match m.get() {
        usize::MAX => assign(m),
        n => n,
    });
    let mut stripe = STRIPES_ALL[mine].lock();
    let class = size / 8 - 1;
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
        if (*page).free.is_null() && (*page).fresh as usize + size > PAGE {
            unlink(&mut stripe, class, page);
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
    let page = (block.as_ptr() as usize & !(PAGE - 1)) as *mut Page;
    let class = size / 8 - 1;
    // SAFETY: the block's page has a header there, and keeps it while the block is not given back.
    unsafe {
        debug_assert_eq!((*page).block as usize, size);
        let mut stripe = lock_owner(page);
        let was_full = (*page).free.is_null() && (*page).fresh as usize + size > PAGE;
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
            release(page);
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

/// Pages of another stripe that are compared, to take over the one with most room.
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

/// A page for blocks of `size`, linked nowhere yet.
#[cold]
fn new_page(size: usize, stripe: usize) -> *mut Page {
    let mut pool = POOL.lock();
    let page = take(&mut pool);
    // SAFETY: pages in the pool are mapped and nobody else's; region counters are under the pool's lock.
    unsafe {
        (*region_of(page)).region_used += 1;
        (*page).next = null_mut();
        (*page).prev = null_mut();
        (*page).free = null_mut();
        (*page).fresh = HEADER as u32;
        (*page).used = 0;
        (*page).block = size as u32;
        (*page).stripe.store(stripe as u32, Relaxed);
    }
    PAGES.fetch_add(1, Relaxed);
    page
}

/// A page out of the pool: one given back, or else a fresh one.
fn take(pool: &mut Pool) -> *mut Page {
    if !pool.free.is_null() {
        let page = pool.free;
        // SAFETY: pages in the pool's list are mapped and nobody else's.
        unsafe {
            pool.free = (*page).next;
            if !pool.free.is_null() {
                (*pool.free).prev = null_mut();
            }
        }
        return page;
    }
    if pool.fresh == pool.end {
        add_region(pool);
    }
    let page = pool.fresh;
    pool.fresh += PAGE;
    if pool.fresh.is_multiple_of(STEP) {
        let (next, mut spare) = (pool.fresh + STEP, SPARE.lock());
        if next < pool.end {
            spare.ahead = Some(next);
        } else {
            spare.wanted = true;
        }
        WANTED.notify_one();
    }
    page as *mut Page
}

fn region_of(page: *mut Page) -> *mut Page {
    (page as usize & !(REGION - 1)) as *mut Page
}

/// Gives an empty page back to the pool, and its region to the system if that was the last.
///
/// # Safety
/// The page has no used block and is linked nowhere.
#[cold]
unsafe fn release(page: *mut Page) {
    PAGES.fetch_sub(1, Relaxed);
    let mut pool = POOL.lock();
    unsafe {
        (*page).next = pool.free;
        (*page).prev = null_mut();
        if !pool.free.is_null() {
            (*pool.free).prev = page;
        }
        pool.free = page;
        let region = region_of(page);
        (*region).region_used -= 1;
        // One region in reserve, so that growth and shrinking by a page does not map and unmap.
        let all_out = pool.fresh == pool.end || region as usize != pool.end - REGION;
        if (*region).region_used == 0 && all_out && REGIONS.load(Relaxed) > 1 {
            for i in 0..REGION / PAGE {
                let p = region.cast::<u8>().add(i * PAGE).cast::<Page>();
                let (prev, next) = ((*p).prev, (*p).next);
                if prev.is_null() {
                    pool.free = next
                } else {
                    (*prev).next = next
                }
                if !next.is_null() {
                    (*next).prev = prev;
                }
            }
            if region as usize + REGION == pool.end {
                (pool.fresh, pool.end) = (0, 0);
            }
            libc::munmap(region.cast(), REGION);
            REGIONS.fetch_sub(1, Relaxed);
        }
    }
}

/// Gives the pool a region of fresh pages: the spare one, or one mapped here and now.
fn add_region(pool: &mut Pool) {
    let spare = SPARE.lock().region.take();
    let region = spare.unwrap_or_else(map_region);
    REGIONS.fetch_add(1, Relaxed);
    (pool.fresh, pool.end) = (region, region + REGION);
    // SAFETY: the region is mapped and nobody else's.
    unsafe { (*(region as *mut Page)).region_used = 0 };
}

/// The address of a new region.
fn map_region() -> usize {
    // SAFETY: an anonymous mapping of twice the size always contains an aligned region; the rest is given back.
    unsafe {
        let prot = libc::PROT_READ | libc::PROT_WRITE;
        let raw = libc::mmap(null_mut(), 2 * REGION, prot, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS, -1, 0);
        if raw == libc::MAP_FAILED {
            handle_alloc_error(large_layout(REGION));
        }
        let start = raw as usize;
        let region = (start + REGION - 1) & !(REGION - 1);
        if region > start {
            libc::munmap(raw, region - start);
        }
        let end = start + 2 * REGION;
        if end > region + REGION {
            libc::munmap((region + REGION) as *mut _, end - region - REGION);
        }
        region
    }
}

/// What is made ready, and what is to be.
struct Spare {
    /// A region, of which the first two steps are there.
    region: Option<usize>,
    /// It is time to make one.
    wanted: bool,
    /// The step of the region in use that will be needed next.
    ahead: Option<usize>,
}

static SPARE: Mutex<Spare> = Mutex::new(Spare { region: None, wanted: true, ahead: None });
static WANTED: Condvar = Condvar::new();

/// Makes memory ready before it is needed, so that no insertion waits for the system to find and clear it (milliseconds for
/// 2 MiB, on a virtual machine). Goes on for ever: for a thread of its own.
pub fn keep_spare() -> ! {
    loop {
        let mut spare = SPARE.lock();
        while spare.ahead.is_none() && (!spare.wanted || spare.region.is_some()) {
            spare.wanted = false;
            WANTED.wait(&mut spare);
        }
        let ahead = spare.ahead.take();
        drop(spare);
        if let Some(step) = ahead {
            populate(step, STEP);
            continue;
        }
        let region = map_region();
        populate(region, 2 * STEP);
        let mut spare = SPARE.lock();
        (spare.region, spare.wanted) = (Some(region), false);
    }
}

/// Has the system provide the memory behind these addresses; what is there stays as it is. Where it does not know how, each page
/// comes when it is first touched. (By now the addresses may be in use, or even given back: this writes nothing.)
fn populate(start: usize, len: usize) {
    // SAFETY: the call changes no contents, and fails where nothing is mapped.
    unsafe { libc::madvise(start as *mut _, len, libc::MADV_POPULATE_WRITE) };
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::rng::Rng;
    use std::collections::HashSet;

    /// One thread fills pages, holes are made in all of them, and another thread allocates: it fills the holes.
    #[test]
    fn holes_that_others_left_are_filled_before_pages_are_added() {
        const SIZE: usize = 232; // of which nothing else in these tests has many
        let make = |n: usize| -> Vec<usize> { (0..n).map(|_| alloc(SIZE).as_ptr() as usize).collect() };
        let first = std::thread::spawn(move || make(20_000)).join().unwrap();
        let pages: HashSet<usize> = first.iter().map(|a| a & !(PAGE - 1)).collect();
        let (gone, kept): (Vec<usize>, Vec<usize>) = first.into_iter().partition(|a| (a / SIZE).is_multiple_of(3));
        let holes = gone.len();
        let free = |blocks: Vec<usize>| {
            blocks.into_iter().for_each(|a| unsafe { dealloc(NonNull::new(a as *mut u8).unwrap(), SIZE) });
        };
        free(gone);
        let second = std::thread::spawn(move || make(holes)).join().unwrap();
        let filled = second.iter().filter(|a| pages.contains(&(*a & !(PAGE - 1)))).count();
        assert!(filled * 10 > holes * 9, "{filled} of {holes} holes");
        let all: HashSet<usize> = second.iter().chain(&kept).copied().collect();
        assert_eq!(all.len(), second.len() + kept.len(), "a block was handed out twice");
        free(second);
        free(kept);
    }

    /// Blocks never overlap and keep what is written to them, also when another thread frees them.
    #[test]
    fn threads_allocate_and_free_each_others_blocks() {
        let (tx, rx): (Vec<_>, Vec<_>) = (0..3).map(|_| std::sync::mpsc::channel::<(usize, usize, u8)>()).unzip();
        let check = |(addr, size, fill): (usize, usize, u8)| {
            let block = NonNull::new(addr as *mut u8).unwrap();
            let bytes = unsafe { std::slice::from_raw_parts(block.as_ptr(), size) };
            assert!(bytes.iter().all(|b| *b == fill), "a block of {size} was overwritten");
            unsafe { dealloc(block, size) };
        };
        std::thread::scope(|s| {
            for (me, rx) in rx.into_iter().enumerate() {
                let tx = tx.clone();
                s.spawn(move || {
                    let mut rng = Rng::new(me as u64);
                    let mut held = Vec::new();
                    for i in 0..60_000u32 {
                        let size = 1 + rng.below(if i % 1000 == 0 { 600 } else { 256 }) as usize;
                        let block = alloc(size);
                        assert_eq!(block.as_ptr() as usize % 8, 0);
                        let fill = (i % 251) as u8 ^ me as u8;
                        unsafe { block.as_ptr().write_bytes(fill, size) };
                        held.push((block.as_ptr() as usize, size, fill));
                        if held.len() > 2000 {
                            let at = rng.below(held.len() as u64) as usize;
                            let one = held.swap_remove(at);
                            if rng.below(2) == 0 { check(one) } else { tx[(me + 1) % 3].send(one).unwrap() }
                        }
                        rx.try_iter().take(3).for_each(check);
                    }
                    drop(tx);
                    held.into_iter().for_each(check);
                    rx.into_iter().for_each(check);
                });
            }
            drop(tx);
        });
    }
}
