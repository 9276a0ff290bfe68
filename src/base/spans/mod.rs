//! Blocks of 4 to 512 KiB: long strings, nodes, tables and buffers. Neighbours that are free become one, whatever sizes they
//! had, and what lies idle can go back to the system by the page.
//!
//! General allocators keep such blocks apart by size. Where sizes change, as with values that grow while others are evicted,
//! each size leaves holes that no other fills: with values that grow from 50 bytes to 20 KB at a limit of 256 MB the process was half as
//! large again. Here any hole serves any size, and one that nobody needs costs addresses and no memory.
//!
//! ```text
//! region  2 MiB, aligned, from mmap       = a head of 4 KiB, then spans
//! span    whole granules of 1 KiB         = a block, or free; its first and its last granule have its length in the head
//! arena   a lock, and the free spans of its regions by length: those that hold memory, and those that have given it back
//! ```
//!
//! A thread takes blocks from its own arena; a block goes back to the arena that its region's head names. Of free spans the
//! smallest that fits is taken, first of those that still hold memory.
//!
//! Invariants, all under the arena's lock: spans of a region follow each other without gaps; the tags of a span's first and last
//! granule agree; a span is in one of its arena's lists exactly while its tags say that it is free, and then begins with its
//! links; no two free spans of a region lie side by side. [`trim`] takes a span out of the lists as if it were used before it lets go of the
//! lock.

mod arena;
mod region;
#[cfg(test)]
mod tests;

use arena::Arena;
use region::{GRANULE, LONGEST, Region, Span};
use std::ptr::{NonNull, null_mut};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};

pub use region::{REGION, map_region};

/// Blocks up to this size are left to others.
const SHORTEST: usize = 4096;
const ARENAS: usize = 32;
/// While memory is short, what an arena may keep of memory in free spans, for blocks to come.
pub const SLACK: usize = 512 << 10;
/// What is not worth giving back, otherwise.
const LEAST: usize = 256 << 10;

/// Arenas of no thread, which tests have to themselves.
const RESERVED: usize = if cfg!(test) { 5 } else { 0 };

// The locks are those of std: they allocate nothing.
static ALL: [Mutex<Arena>; ARENAS + RESERVED] = [const { Mutex::new(Arena::new()) }; ARENAS + RESERVED];
/// Arenas that have been used: the first so many.
static USED: AtomicUsize = AtomicUsize::new(0);
static PRESSED: AtomicBool = AtomicBool::new(false);

/// Whether blocks of this size and alignment come from here.
#[inline]
pub fn serves(size: usize, align: usize) -> bool {
    size > SHORTEST && size <= LONGEST * GRANULE && align <= GRANULE
}

/// What a block of `size` bytes really takes.
#[inline]
pub fn block_size(size: usize) -> usize {
    size.next_multiple_of(GRANULE)
}

fn granules(size: usize) -> usize {
    size.div_ceil(GRANULE)
}

fn lock(n: usize) -> MutexGuard<'static, Arena> {
    // Nothing in here panics half-way.
    ALL[n].lock().unwrap_or_else(PoisonError::into_inner)
}

/// A block for a thread that has this number; null if the system has no memory.
pub fn alloc(size: usize, thread: usize) -> *mut u8 {
    let n = thread % ARENAS;
    if USED.load(Relaxed) <= n {
        USED.fetch_max(n + 1, Relaxed);
    }
    alloc_in(n, size)
}

fn alloc_in(n: usize, size: usize) -> *mut u8 {
    lock(n).take(granules(size), n).map_or(null_mut(), NonNull::as_ptr)
}

/// Gives a block back.
///
/// # Safety
/// `block` came from [`alloc`] or [`resize`] with this size, and is not used again.
pub unsafe fn dealloc(block: NonNull<u8>, size: usize) {
    // SAFETY: the caller's; a region's head stays as long as it has a used block.
    unsafe {
        let n = Region::arena_of(block);
        let mut arena = lock(n);
        let span = arena.free(Span::new(block, granules(size)));
        let surplus = PRESSED.load(Relaxed) && arena.idle_bytes() > SLACK && span.whole_pages() > 0;
        if arena.may_unmap(span) {
            arena.forget(span);
            drop(arena);
            region::unmap(span);
        } else if surplus {
            arena.claim(span);
            drop(arena);
            hollow_out(n, span);
        }
    }
}

/// Makes a block longer or shorter where it lies. False if what lies behind it is used.
///
/// # Safety
/// As [`dealloc`], and both sizes are served here.
pub unsafe fn resize(block: NonNull<u8>, old: usize, new: usize) -> bool {
    let (old, new) = (granules(old), granules(new));
    // SAFETY: the caller's.
    unsafe { old == new || lock(Region::arena_of(block)).resize(Span::new(block, old), new) }
}

/// Says whether memory is short. While it is, what is freed goes back to the system, but for [`SLACK`].
pub fn press(short: bool) {
    PRESSED.store(short, Relaxed);
}

/// Gives memory in free spans back until an arena has at most so much.
pub fn trim(keep: usize) {
    for n in 0..USED.load(Relaxed) {
        trim_arena(n, keep);
    }
}

/// Gives back a quarter of what lies in free spans: called once a second, it lets idle memory go and does not disturb who needs it anew
/// all the time.
pub fn decay() {
    (0..USED.load(Relaxed)).for_each(decay_arena);
}

fn decay_arena(n: usize) {
    let idle = lock(n).idle_bytes();
    if idle > LEAST {
        trim_arena(n, idle - idle / 4);
    }
}

fn trim_arena(n: usize, keep: usize) {
    loop {
        let mut arena = lock(n);
        if arena.idle_bytes() <= keep {
            return;
        }
        let Some(span) = arena.claim_idle() else { return };
        drop(arena);
        // SAFETY: it was claimed.
        unsafe { hollow_out(n, span) };
    }
}

/// Gives the memory of a claimed span back, and puts it among those that hold none.
///
/// # Safety
/// The span was claimed of arena `n`.
unsafe fn hollow_out(n: usize, span: Span) {
    // SAFETY: the caller's; nobody else uses a claimed span.
    unsafe {
        span.give_back();
        lock(n).put_hollow(span);
    }
}

/// Bytes in use, and bytes of free spans that may still hold memory.
pub fn bytes() -> (u64, u64) {
    (0..USED.load(Relaxed)).fold((0, 0), |(used, idle), n| {
        let arena = lock(n);
        (used + arena.used_bytes() as u64, idle + arena.idle_bytes() as u64)
    })
}
