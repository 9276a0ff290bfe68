use super::region::REGION;
use super::*;
use crate::base::rng::Rng;
use std::sync::Barrier;

/// A block, with bytes that its number decides at both ends and in the middle.
struct Block {
    at: NonNull<u8>,
    size: usize,
    seed: u8,
}

// SAFETY: it owns its bytes.
unsafe impl Send for Block {}

impl Block {
    fn new(rng: &mut Rng, n: usize) -> Block {
        let (size, seed) = (size(rng), rng.below(256) as u8);
        let at = NonNull::new(alloc_in(n, size)).expect("memory");
        assert!((at.as_ptr() as usize).is_multiple_of(GRANULE));
        let block = Block { at, size, seed };
        block.fill(0);
        block
    }

    fn fill(&self, from: usize) {
        for i in (from..self.size).step_by(509).chain([self.size - 1]) {
            unsafe { *self.at.as_ptr().add(i) = self.seed ^ i as u8 };
        }
    }

    fn check(&self, upto: usize) {
        for i in (0..upto).step_by(509) {
            assert_eq!(unsafe { *self.at.as_ptr().add(i) }, self.seed ^ i as u8, "byte {i} of {}", self.size);
        }
    }

    /// Another size, where it lies if that can be.
    fn resize(&mut self, rng: &mut Rng, n: usize) {
        let new = size(rng);
        let old = std::mem::replace(&mut self.size, new);
        if !unsafe { resize(self.at, old, new) } {
            let at = NonNull::new(alloc_in(n, new)).expect("memory");
            unsafe {
                at.as_ptr().copy_from_nonoverlapping(self.at.as_ptr(), old.min(new));
                dealloc(self.at, old);
            }
            self.at = at;
        }
        self.check(old.min(new));
        self.fill(old.min(new) / 509 * 509);
    }

    fn free(self) {
        self.check(self.size);
        unsafe { dealloc(self.at, self.size) };
    }
}

/// Mostly short ones, all of those that are served.
fn size(rng: &mut Rng) -> usize {
    let most = if rng.below(4) == 0 { LONGEST * GRANULE } else { 16_384 };
    SHORTEST + 1 + rng.below((most - SHORTEST) as u64) as usize
}

/// The invariants of all regions in which these blocks lie, which are all blocks of arena `n`.
fn check_arena(n: usize, blocks: &[Block]) {
    let arena = lock(n);
    let mut regions: Vec<usize> = blocks.iter().map(|b| Region::of(b.at) as usize).collect();
    regions.sort_unstable();
    regions.dedup();
    let (mut used, mut idle) = (0, 0);
    for region in &regions {
        let span = blocks.iter().find(|b| Region::of(b.at) as usize == *region).expect("one of it");
        let spans = unsafe { Span::new(span.at, 1).walk() };
        assert_eq!(spans.iter().map(|s| s.1).sum::<usize>() * GRANULE, REGION - 4 * GRANULE);
        assert!(spans.windows(2).all(|pair| !(pair[0].2 && pair[1].2)), "two free ones side by side: {spans:?}");
        for (at, granules, free, may_hold) in spans {
            let place = region + at * GRANULE;
            match blocks.iter().find(|b| b.at.as_ptr() as usize == place) {
                Some(block) => assert!(!free && granules == block.size.div_ceil(GRANULE)),
                None => assert!(free, "a span of nobody's at {at}"),
            }
            if free {
                let whole = Span::new(NonNull::new(place as *mut u8).expect("not null"), granules).whole_pages();
                idle += if may_hold { whole } else { 0 };
                assert!(!may_hold || whole > 0);
            }
            used += if free { 0 } else { granules * GRANULE };
        }
    }
    assert_eq!(arena.used_bytes(), used);
    // What is idle beyond is in regions of no block.
    assert!(arena.idle_bytes() >= idle);
}

/// Blocks come, go and change, against a model: by one thread, so that all invariants can be looked at in between.
#[test]
fn blocks_are_apart_and_spans_without_gaps() {
    for (n, seed) in [(ARENAS, 1), (ARENAS + 1, 2)] {
        let mut rng = Rng::new(seed);
        let mut blocks: Vec<Block> = Vec::new();
        for step in 0..20_000 {
            let wanted = if step % 4_000 < 2_000 { 400 } else { 40 };
            match rng.below(5) {
                0 if !blocks.is_empty() => {
                    let i = rng.below(blocks.len() as u64) as usize;
                    blocks[i].resize(&mut rng, n);
                }
                1 | 2 if blocks.len() < wanted => blocks.push(Block::new(&mut rng, n)),
                _ if blocks.len() > wanted / 2 => {
                    let i = rng.below(blocks.len() as u64) as usize;
                    blocks.swap_remove(i).free();
                }
                _ => blocks.push(Block::new(&mut rng, n)),
            }
            if step % 500 == 0 {
                if step % 1_000 == 0 {
                    trim_arena(n, 0);
                    assert_eq!(lock(n).idle_bytes(), 0);
                }
                check_arena(n, &blocks);
            }
        }
        blocks.into_iter().for_each(Block::free);
        assert_eq!(lock(n).used_bytes(), 0);
        trim_arena(n, 0);
        let more: Vec<Block> = (0..500).map(|_| Block::new(&mut rng, n)).collect();
        check_arena(n, &more);
        more.into_iter().for_each(Block::free);
    }
}

/// What grows lies where it lay, when nothing is behind it; what shrinks always.
#[test]
fn blocks_grow_in_place() {
    let n = ARENAS + 2;
    let at = NonNull::new(alloc_in(n, 5_000)).expect("memory");
    unsafe {
        assert!(resize(at, 5_000, 100_000));
        at.as_ptr().add(99_999).write(1);
        assert!(resize(at, 100_000, 6_000));
        let next = NonNull::new(alloc_in(n, 5_000)).expect("memory");
        assert_eq!(next.as_ptr() as usize - at.as_ptr() as usize, 6 * GRANULE);
        assert!(!resize(at, 6_000, 7_000) && resize(at, 6_000, 6_144));
        dealloc(next, 5_000);
        dealloc(at, 6_144);
    }
    assert_eq!(lock(n).used_bytes(), 0);
}

/// Threads that free each other's blocks, while one gives memory back and says again and again that it is short.
#[test]
fn threads_and_trimming() {
    const THREADS: usize = 4;
    let (barrier, over) = (Barrier::new(THREADS), AtomicBool::new(false));
    let shelves: Vec<Mutex<Vec<Block>>> = (0..THREADS).map(|_| Mutex::default()).collect();
    std::thread::scope(|s| {
        let trimming = s.spawn(|| {
            let mut rounds = 0_u64;
            while !over.load(Relaxed) || rounds == 0 {
                press(rounds.is_multiple_of(2));
                for n in [ARENAS + 3, ARENAS + 4] {
                    trim_arena(n, if rounds.is_multiple_of(3) { 0 } else { SLACK });
                    decay_arena(n);
                }
                rounds += 1;
            }
            press(false);
        });
        let at_work: Vec<_> = (0..THREADS)
            .map(|thread| {
                let (barrier, shelves) = (&barrier, &shelves);
                s.spawn(move || {
                    let mut rng = Rng::new(thread as u64 + 77);
                    barrier.wait();
                    for _ in 0..15_000 {
                        let shelf = &shelves[rng.below(THREADS as u64) as usize];
                        let taken = {
                            let mut shelf = shelf.lock().expect("no panic");
                            if shelf.len() > 100 || rng.below(3) == 0 { shelf.pop() } else { None }
                        };
                        let mut block = taken.unwrap_or_else(|| Block::new(&mut rng, ARENAS + 3 + thread % 2));
                        block.check(block.size);
                        match rng.below(3) {
                            0 => block.free(),
                            1 => {
                                block.resize(&mut rng, ARENAS + 3 + thread % 2);
                                shelf.lock().expect("no panic").push(block);
                            }
                            _ => shelf.lock().expect("no panic").push(block),
                        }
                    }
                })
            })
            .collect();
        at_work.into_iter().for_each(|thread| thread.join().expect("no panic"));
        over.store(true, Relaxed);
        trimming.join().expect("no panic");
    });
    shelves.into_iter().flat_map(|shelf| shelf.into_inner().expect("no panic")).for_each(Block::free);
    assert_eq!((lock(ARENAS + 3).used_bytes(), lock(ARENAS + 4).used_bytes()), (0, 0));
}
