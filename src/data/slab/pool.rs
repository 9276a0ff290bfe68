//! Pages that nobody uses, and the regions they come from.
//!
//! There is a pool for small pages and one for large ones, each with regions of its own. A page in a pool is mapped and
//! nobody else's; its header links it to others. While memory is short ([`press`]) what lies behind the header goes back
//! to the system, and pages are kept apart that have been given back like this.

use super::class::{LARGE_PAGE, SMALL_PAGE, page_bytes};
use super::{HEADER, Page, large_layout};
use crate::base::spans::{self, REGION};
use parking_lot::{Condvar, Mutex};
use std::alloc::handle_alloc_error;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::*};

struct Pool {
    /// Pages that were given back, and are as they were.
    full: *mut Page,
    /// Pages that were given back, of which only the beginning is still there.
    hollow: *mut Page,
    /// Pages never handed out, of the region mapped last: from here to its end.
    fresh: usize,
    end: usize,
    regions: usize,
    /// Bytes of each page.
    page: usize,
}

/// The memory of fresh pages is made to come in such steps, one step ahead of the page that is handed out: enough for the
/// time that it takes, and no more than a little that lies idle.
const STEP: usize = 128 * 1024;
/// What stays of a hollow page: its header, and what the system cannot take apart from it.
const KEPT: usize = 4096;

// SAFETY: the pointers are only followed under the lock that holds these.
unsafe impl Send for Pool {}

const fn empty(page: usize) -> Mutex<Pool> {
    Mutex::new(Pool { full: null_mut(), hollow: null_mut(), fresh: 0, end: 0, regions: 0, page })
}

static SMALL: Mutex<Pool> = empty(SMALL_PAGE);
static LARGE: Mutex<Pool> = empty(LARGE_PAGE);
static PRESSED: AtomicBool = AtomicBool::new(false);
/// Bytes of pages that are handed out.
static HANDED_OUT: AtomicU64 = AtomicU64::new(0);

/// In [`Page::fresh`] of a page in the pool.
const IS_HOLLOW: u32 = 0;

/// Bytes of pages in use, their unused blocks included.
pub fn bytes_in_pages() -> u64 {
    HANDED_OUT.load(Relaxed)
}

fn pool_of(size: usize) -> &'static Mutex<Pool> {
    if page_bytes(size) == SMALL_PAGE { &SMALL } else { &LARGE }
}

/// A page for blocks of `size`, linked nowhere yet.
#[cold]
pub(super) fn new_page(size: usize, stripe: usize) -> *mut Page {
    let mut pool = pool_of(size).lock();
    let page = pool.take();
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
    HANDED_OUT.fetch_add(pool.page as u64, Relaxed);
    page
}

/// Gives an empty page back to the pool, and its region to the system if that was the last.
///
/// # Safety
/// The page holds blocks of `size`, none of them used, and is linked nowhere.
#[cold]
pub(super) unsafe fn release(page: *mut Page, size: usize) {
    HANDED_OUT.fetch_sub(page_bytes(size) as u64, Relaxed);
    let pressed = PRESSED.load(Relaxed);
    // SAFETY: the page is ours until it is in the pool's list.
    unsafe {
        if pressed {
            hollow_out(page, page_bytes(size));
        }
        (*page).fresh = if pressed { IS_HOLLOW } else { HEADER as u32 };
        pool_of(size).lock().put_back(page);
    }
}

/// Says whether memory is short. While it is, pages without a used block go back to the system at once.
pub fn press(short: bool) {
    PRESSED.store(short, Relaxed);
}

/// Gives pages without a used block back to the system that were kept, up to `most` of each pool.
pub fn trim(most: usize) {
    for pool in [&SMALL, &LARGE] {
        for _ in 0..most {
            let mut held = pool.lock();
            let (page, bytes) = (held.full, held.page);
            if page.is_null() {
                break;
            }
            // SAFETY: the page is in the list; taken out and counted as handed out, it is ours until it is put back.
            unsafe {
                held.unlink(page);
                (*region_of(page)).region_used += 1;
                drop(held);
                hollow_out(page, bytes);
                (*page).fresh = IS_HOLLOW;
                pool.lock().put_back(page);
            }
        }
    }
}

/// Gives what lies behind a page's beginning back to the system.
///
/// # Safety
/// The page is the caller's, and nothing in it is used but its header.
unsafe fn hollow_out(page: *mut Page, bytes: usize) {
    // SAFETY: the caller's; the range lies in the page.
    unsafe { libc::madvise(page.cast::<u8>().add(KEPT).cast(), bytes - KEPT, libc::MADV_DONTNEED) };
}

fn region_of(page: *mut Page) -> *mut Page {
    (page as usize & !(REGION - 1)) as *mut Page
}

impl Pool {
    /// A page out of the pool: one given back, or else a fresh one.
    fn take(&mut self) -> *mut Page {
        let page = if self.full.is_null() { self.hollow } else { self.full };
        if !page.is_null() {
            // SAFETY: it is in its list.
            unsafe { self.unlink(page) };
            return page;
        }
        if self.fresh == self.end {
            self.add_region();
        }
        let page = self.fresh;
        self.fresh += self.page;
        if self.page == SMALL_PAGE && self.fresh.is_multiple_of(STEP) {
            self.prepare_next();
        }
        page as *mut Page
    }

    /// The list that the page is in, or goes to.
    ///
    /// # Safety
    /// The page is this pool's, and not handed out.
    unsafe fn list(&mut self, page: *mut Page) -> &mut *mut Page {
        // SAFETY: the caller's.
        if unsafe { (*page).fresh } == IS_HOLLOW { &mut self.hollow } else { &mut self.full }
    }

    /// # Safety
    /// The page is in the list that its `fresh` tells.
    unsafe fn unlink(&mut self, page: *mut Page) {
        // SAFETY: pages in the lists are mapped and nobody else's.
        unsafe {
            let (prev, next) = ((*page).prev, (*page).next);
            if prev.is_null() {
                *self.list(page) = next;
            } else {
                (*prev).next = next;
            }
            if !next.is_null() {
                (*next).prev = prev;
            }
        }
    }

    /// Puts a page into the list that its `fresh` tells, and gives its region to the system if nothing of that is used.
    ///
    /// # Safety
    /// The page is this pool's, handed out, and linked nowhere.
    unsafe fn put_back(&mut self, page: *mut Page) {
        // SAFETY: the caller's; pages in the lists are mapped and nobody else's.
        unsafe {
            let list = self.list(page);
            let next = std::mem::replace(list, page);
            (*page).prev = null_mut();
            (*page).next = next;
            if !next.is_null() {
                (*next).prev = page;
            }
            let region = region_of(page);
            (*region).region_used -= 1;
            // One region in reserve, so that growth and shrinking by a page does not map and unmap.
            let all_out = self.fresh == self.end || region as usize != self.end - REGION;
            if (*region).region_used == 0 && all_out && self.regions > 1 {
                for at in (0..REGION).step_by(self.page) {
                    self.unlink(region.cast::<u8>().add(at).cast());
                }
                if region as usize + REGION == self.end {
                    (self.fresh, self.end) = (0, 0);
                }
                libc::munmap(region.cast(), REGION);
                self.regions -= 1;
            }
        }
    }

    /// Gives the pool a region of fresh pages: the spare one, or one mapped here and now.
    fn add_region(&mut self) {
        let spare = if self.page == SMALL_PAGE { SPARE.lock().region.take() } else { None };
        let region = spare.unwrap_or_else(map_region);
        self.regions += 1;
        (self.fresh, self.end) = (region, region + REGION);
        // SAFETY: the region is mapped and nobody else's.
        unsafe { (*(region as *mut Page)).region_used = 0 };
    }

    /// Has somebody make ready what comes next.
    fn prepare_next(&self) {
        let mut spare = SPARE.lock();
        if self.fresh + STEP < self.end {
            spare.ahead = Some(self.fresh + STEP);
        } else {
            spare.wanted = true;
        }
        WANTED.notify_one();
    }
}

/// The address of a new region.
fn map_region() -> usize {
    match spans::map_region() {
        Some(region) => region.as_ptr() as usize,
        None => handle_alloc_error(large_layout(REGION)),
    }
}

/// What is made ready of small pages, and what is to be. (There are many classes of large ones, few pages of each: the memory
/// behind them comes as it is touched.)
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
