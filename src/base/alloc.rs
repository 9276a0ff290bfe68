//! The allocator: mimalloc, and [`spans`] for blocks of 4 to 512 KiB, with a count of the bytes in use: of the blocks that are handed
//! out, which are larger than what was asked for, by a tenth on average.
//!
//! Each thread counts in a cell of its own, with a load and a store and nothing contended; whoever wants to know adds the
//! cells up. A cell holds what its thread allocated minus what it freed, so one cell alone may well be negative; only the
//! sum means something. Cells are never given back: threads that come and go beyond [`CELLS`] share the last one, with
//! atomic additions.
//!
//! `unsafe`: the calls are passed on as they come, by the size that they name; counting touches no memory of the caller's.

use super::spans;
use crossbeam_utils::CachePadded;
use std::alloc::{GlobalAlloc, Layout};
use std::cell::Cell;
use std::ffi::{c_char, c_int, c_long, c_void};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, AtomicUsize, Ordering::Relaxed};

/// Threads that count without sharing.
const CELLS: usize = 256;

#[allow(clippy::declare_interior_mutable_const)]
const EMPTY: CachePadded<AtomicI64> = CachePadded::new(AtomicI64::new(0));
type Cells = [CachePadded<AtomicI64>; CELLS + 1];
static BYTES: Cells = [EMPTY; CELLS + 1];
/// What comes from elsewhere: see [`count_elsewhere`].
static ELSEWHERE: Cells = [EMPTY; CELLS + 1];
static CLAIMED: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicU64 = AtomicU64::new(0);
static STARTUP: AtomicU64 = AtomicU64::new(0);

thread_local! {
    /// This thread's cell plus one; 0: none claimed yet. Needs no destructor, so it can be read at any time.
    static MINE: Cell<usize> = const { Cell::new(0) };
}

#[inline]
fn count(cells: &Cells, bytes: i64) {
    let mine = MINE.get();
    if mine != 0 && mine <= CELLS {
        let cell = &cells[mine - 1];
        cell.store(cell.load(Relaxed).wrapping_add(bytes), Relaxed);
    } else {
        count_first(cells, bytes, mine);
    }
}

#[cold]
fn count_first(cells: &Cells, bytes: i64, mine: usize) {
    if mine == 0 {
        let next = CLAIMED.fetch_add(1, Relaxed).min(CELLS);
        MINE.set(next + 1);
        if next < CELLS {
            return count(cells, bytes);
        }
    }
    cells[CELLS].fetch_add(bytes, Relaxed);
}

/// Counts bytes that do not come from this allocator but are in use all the same: blocks of the slabs. Negative when they are
/// given back.
#[inline]
pub fn count_elsewhere(bytes: i64) {
    count(&ELSEWHERE, bytes);
}

fn sum(cells: &Cells) -> i64 {
    let claimed = CLAIMED.load(Relaxed).min(CELLS);
    cells[..claimed].iter().chain(std::iter::once(&cells[CELLS])).map(|c| c.load(Relaxed)).sum()
}

/// Bytes asked for and not yet freed, of all threads. As threads go on meanwhile, a sum of about now.
pub fn used_bytes() -> u64 {
    let used = bytes_now();
    PEAK.fetch_max(used, Relaxed);
    used
}

/// Bytes in use that [`count_elsewhere`] was told of.
pub fn elsewhere_now() -> u64 {
    u64::try_from(sum(&ELSEWHERE)).unwrap_or(0)
}

/// The same without noting the peak, for who asks often.
#[inline]
pub fn bytes_now() -> u64 {
    u64::try_from(sum(&BYTES) + sum(&ELSEWHERE)).unwrap_or(0)
}

/// The most that [`used_bytes`] ever answered; it is asked ten times a second.
pub fn peak_bytes() -> u64 {
    used_bytes().max(PEAK.load(Relaxed))
}

/// Forgets the peak (CONFIG RESETSTAT).
pub fn reset_peak() {
    PEAK.store(0, Relaxed);
    used_bytes();
}

/// Says that the server has started and is empty: what is in use now is what it costs.
pub fn mark_startup() {
    STARTUP.store(used_bytes(), Relaxed);
}

pub fn startup_bytes() -> u64 {
    STARTUP.load(Relaxed)
}

/// Beyond this size blocks are whole pages of the system.
const LARGEST_CLASS: usize = 512 << 10;

/// What is handed out for `size` bytes: by mimalloc 16-byte classes up to 64, then four classes a doubling, then whole pages.
#[inline]
fn block_bytes(size: usize) -> usize {
    if spans::serves(size, 1) {
        return spans::block_size(size);
    }
    if size <= 64 {
        return if size <= 8 { 8 } else { (size + 15) & !15 };
    }
    if size > LARGEST_CLASS {
        return (size + 4095) & !4095;
    }
    let step = 1usize << ((size - 1).ilog2() - 2);
    (size + step - 1) & !(step - 1)
}

/// The allocator itself, for `#[global_allocator]`.
pub struct Counting;

#[inline]
fn is_in_spans(layout: Layout) -> bool {
    spans::serves(layout.size(), layout.align())
}

// SAFETY: everything is passed on to mimalloc or to the spans, whose contracts are the same; which of them a block is from follows
// from its layout.
unsafe impl GlobalAlloc for Counting {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let p = if is_in_spans(layout) {
            spans::alloc(layout.size(), MINE.get())
        } else {
            // SAFETY: the caller's.
            unsafe { mimalloc::MiMalloc.alloc(layout) }
        };
        if !p.is_null() {
            count(&BYTES, block_bytes(layout.size()) as i64);
        }
        p
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's; a block of the spans may have been used before.
        unsafe {
            if is_in_spans(layout) {
                let p = self.alloc(layout);
                if !p.is_null() {
                    p.write_bytes(0, layout.size());
                }
                return p;
            }
            let p = mimalloc::MiMalloc.alloc_zeroed(layout);
            if !p.is_null() {
                count(&BYTES, block_bytes(layout.size()) as i64);
            }
            p
        }
    }

    #[inline]
    unsafe fn dealloc(&self, p: *mut u8, layout: Layout) {
        count(&BYTES, -(block_bytes(layout.size()) as i64));
        // SAFETY: the caller's; blocks are not null.
        unsafe {
            if is_in_spans(layout) {
                spans::dealloc(NonNull::new_unchecked(p), layout.size())
            } else {
                mimalloc::MiMalloc.dealloc(p, layout)
            }
        }
    }

    #[inline]
    unsafe fn realloc(&self, p: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: the caller's: the new size is valid with this alignment, and not 0.
        unsafe {
            let new = Layout::from_size_align_unchecked(size, layout.align());
            let moved = match (is_in_spans(layout), is_in_spans(new)) {
                (false, false) => mimalloc::MiMalloc.realloc(p, layout, size),
                (true, true) if spans::resize(NonNull::new_unchecked(p), layout.size(), size) => p,
                _ => return self.move_to(p, layout, new),
            };
            if !moved.is_null() {
                count(&BYTES, block_bytes(size) as i64 - block_bytes(layout.size()) as i64);
            }
            moved
        }
    }
}

impl Counting {
    /// # Safety
    /// As `realloc`.
    unsafe fn move_to(&self, p: *mut u8, layout: Layout, new: Layout) -> *mut u8 {
        // SAFETY: the caller's; the new block is another one.
        unsafe {
            let moved = self.alloc(new);
            if !moved.is_null() {
                moved.copy_from_nonoverlapping(p, layout.size().min(new.size()));
                self.dealloc(p, layout);
            }
            moved
        }
    }
}

/// One of mimalloc's options, by its place in the list (`mi_option_t` of version 3).
const PAGE_MAX_RECLAIM: c_int = 41;
/// Pages of a class that a thread keeps to itself although they have holes.
const OWN_PAGES: c_long = 12;

/// Has threads fill each other's holes. Otherwise every page with a hole comes back to the thread that first had it, which may
/// have nothing to put there: where one thread evicts and another writes, the process grew by 38 to 60% (1,000-byte values, 66
/// MB, two threads; by 5% with this. Numbers from 8 to 20 are alike, 32 is worse; sharing all pages costs 8%). With
/// one thread there is nobody to share with. Before the workers are started.
pub fn share_pages() {
    // SAFETY: sets a number that is read when a block is freed.
    unsafe { mi_option_set(PAGE_MAX_RECLAIM, OWN_PAGES) }
}

/// Another, and what it is when nobody sets it.
const PURGE_DELAY: c_int = 15;
const PURGE_DELAY_MS: c_long = 1000;

/// Whether what is freed goes back to the system at once.
static PRESSED: AtomicBool = AtomicBool::new(false);

/// While memory is short, pages that become free go back to the system at once, instead of after a second in which they would most
/// often be used again: with values of 100 KB to 1 MB written at a limit of 256 MB the process was larger than that by 13%, and is by
/// 4%. What waits to go back already goes now.
pub fn press(short: bool) {
    spans::press(short);
    if PRESSED.load(Relaxed) == short || PRESSED.swap(short, Relaxed) == short {
        return;
    }
    if short {
        // Before, as nothing is looked for where nothing waits.
        purge();
    }
    // SAFETY: sets a number that is read when pages are freed.
    unsafe { mi_option_set(PURGE_DELAY, if short { 0 } else { PURGE_DELAY_MS }) }
}

unsafe extern "C" {
    fn mi_option_set(option: c_int, value: c_long);
    fn mi_collect(force: bool);
    fn mi_version() -> i32;
    fn mi_stats_print_out(out: extern "C" fn(*const c_char, *mut c_void), arg: *mut c_void);
}

/// Gives free memory of this thread's heap, and what others left, back to the operating system.
pub fn purge() {
    spans::trim(0);
    // SAFETY: may be called at any time, from any thread.
    unsafe { mi_collect(true) }
}

/// Empties what others freed of this thread's pages, and gives back what has been free for a while.
pub fn collect() {
    // SAFETY: may be called at any time, from any thread.
    unsafe { mi_collect(false) }
}

/// `mimalloc-2.2.4`, say.
pub fn name() -> String {
    // SAFETY: reads a constant.
    let v = unsafe { mi_version() };
    // Since 3.0 a part has two digits more: 30106.
    if v >= 10_000 {
        format!("mimalloc-{}.{}.{}", v / 10_000, v / 100 % 100, v % 100)
    } else {
        format!("mimalloc-{}.{}.{}", v / 100, v / 10 % 10, v % 10)
    }
}

/// mimalloc's own report of this process.
pub fn report() -> String {
    extern "C" fn collect(text: *const c_char, to: *mut c_void) {
        if text.is_null() || to.is_null() {
            return;
        }
        // SAFETY: mimalloc passes a C string and hands back the pointer that `report` gave it, which outlives the call.
        let (text, to) = unsafe { (std::ffi::CStr::from_ptr(text), &mut *to.cast::<String>()) };
        to.push_str(&text.to_string_lossy());
    }
    let mut out = String::new();
    // SAFETY: `out` lives until the call returns, and only the callback touches it meanwhile.
    unsafe { mi_stats_print_out(collect, (&raw mut out).cast()) };
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_as_large_as_the_allocator_says() {
        unsafe extern "C" {
            fn mi_good_size(size: usize) -> usize;
        }
        for size in (1..4096).chain([LARGEST_CLASS + 1, 10 << 20]) {
            // SAFETY: a function of its argument.
            let good = unsafe { mi_good_size(size) };
            // Its classes stand eight bytes apart at the edges, where words are counted.
            assert!(block_bytes(size).abs_diff(good) * 100 <= good, "{size}: {} {good}", block_bytes(size));
        }
    }

    /// Bytes stay, and are counted, wherever a block goes: to mimalloc, to the spans and back.
    fn blocks_keep_what_they_hold() {
        let before = sum(&BYTES);
        let sizes = [10, 4096, 4097, 9000, 5000, LARGEST_CLASS, LARGEST_CLASS + 1, 1 << 20, 100_000, 1000];
        let layout = |size| Layout::from_size_align(size, 8).expect("a sound layout");
        // SAFETY: each block is used within its size, and no longer than it lives.
        unsafe {
            let mut p = Counting.alloc(layout(sizes[0]));
            p.write_bytes(7, sizes[0]);
            for pair in sizes.windows(2) {
                p = Counting.realloc(p, layout(pair[0]), pair[1]);
                let kept = pair[0].min(pair[1]);
                assert!(std::slice::from_raw_parts(p, kept).iter().all(|b| *b == 7), "{pair:?}");
                p.write_bytes(7, pair[1]);
                assert_eq!(sum(&BYTES) - before, block_bytes(pair[1]) as i64);
                let zeroed = Counting.alloc_zeroed(layout(pair[0]));
                assert!(std::slice::from_raw_parts(zeroed, pair[0]).iter().all(|b| *b == 0));
                zeroed.write_bytes(9, pair[0]);
                Counting.dealloc(zeroed, layout(pair[0]));
            }
            Counting.dealloc(p, layout(1000));
        }
        assert_eq!(sum(&BYTES), before);
    }

    /// The places in the list are those of this version: the neighbours' defaults are known.
    #[test]
    fn options_are_those_that_are_meant() {
        unsafe extern "C" {
            fn mi_option_get(option: c_int) -> c_long;
        }
        // SAFETY: reads numbers.
        let get = |n| unsafe { mi_option_get(n) };
        let neighbours = (get(PAGE_MAX_RECLAIM - 4), get(PAGE_MAX_RECLAIM + 1));
        assert_eq!(neighbours, (4, 32), "page_max_candidates, page_cross_thread_max_reclaim");
        assert_eq!(get(PAGE_MAX_RECLAIM), -1, "the default");
        share_pages();
        assert_eq!(get(PAGE_MAX_RECLAIM), OWN_PAGES);
        let neighbours = (get(PURGE_DELAY - 1), get(PURGE_DELAY), get(PURGE_DELAY + 1));
        assert_eq!(neighbours, (1, PURGE_DELAY_MS, 0), "eager_commit_delay, purge_delay, use_numa_nodes");
    }

    /// The tests of this crate do not run on this allocator, so what is counted is what this test does.
    #[test]
    fn what_threads_allocate_and_others_free_adds_up() {
        blocks_keep_what_they_hold();
        let layout = Layout::from_size_align(1000, 8).expect("a sound layout");
        let before = sum(&BYTES);
        let blocks: Vec<usize> = std::thread::scope(|s| {
            let threads: Vec<_> =
                // SAFETY: a sound layout of some size.
                (0..4).map(|_| s.spawn(move || (0..10).map(|_| unsafe { Counting.alloc(layout) } as usize).collect::<Vec<_>>())).collect();
            threads.into_iter().flat_map(|t| t.join().expect("no panic")).collect()
        });
        assert_eq!(sum(&BYTES) - before, 40 * 1024);
        for (i, p) in blocks.into_iter().enumerate() {
            // SAFETY: each was allocated above with this layout, and is freed once.
            unsafe {
                let (p, size) = if i % 2 == 0 {
                    (Counting.realloc(p as *mut u8, layout, 3000), 3000)
                } else {
                    (p as *mut u8, 1000)
                };
                Counting.dealloc(p, Layout::from_size_align(size, 8).expect("a sound layout"));
            }
        }
        assert_eq!(sum(&BYTES), before);
        count_elsewhere(1 << 40);
        assert!(peak_bytes() > 1 << 39);
        count_elsewhere(-(1 << 40));
        assert!(name().starts_with("mimalloc-"));
        assert!(report().contains("heap"));
    }
}
