use super::*;
use crate::base::rng::Rng;
use std::collections::HashSet;

/// Runs a test in a process of its own: in this one others make holes, and fill these.
fn alone(name: &str, test: impl FnOnce()) {
    const MARK: &str = "RUSTREDIS_TEST_ALONE";
    if std::env::var_os(MARK).is_some() {
        return test();
    }
    let mut command = std::process::Command::new(std::env::current_exe().unwrap());
    let out = command.args(["--exact", &format!("data::slab::tests::{name}"), "--nocapture"]).env(MARK, "1").output();
    let out = out.unwrap();
    let text = String::from_utf8_lossy(&out.stdout).into_owned() + &String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success() && text.contains("1 passed"), "{text}");
}

/// One thread fills pages, holes are made in all of them, and another thread allocates: it fills the holes.
#[test]
fn holes_that_others_left_are_filled_before_pages_are_added() {
    alone("holes_that_others_left_are_filled_before_pages_are_added", holes_are_filled);
}

fn holes_are_filled() {
    const SIZE: usize = 232;
    let make = |n: usize| -> Vec<usize> { (0..n).map(|_| alloc(SIZE).as_ptr() as usize).collect() };
    let first = std::thread::spawn(move || make(20_000)).join().unwrap();
    let pages: HashSet<usize> = first.iter().map(|a| a & !(page_bytes(SIZE) - 1)).collect();
    let (gone, kept): (Vec<usize>, Vec<usize>) = first.into_iter().partition(|a| (a / SIZE).is_multiple_of(3));
    let holes = gone.len();
    let free = |blocks: Vec<usize>| {
        blocks.into_iter().for_each(|a| unsafe { dealloc(NonNull::new(a as *mut u8).unwrap(), SIZE) });
    };
    free(gone);
    let second = std::thread::spawn(move || make(holes)).join().unwrap();
    let filled = second.iter().filter(|a| pages.contains(&(*a & !(page_bytes(SIZE) - 1)))).count();
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
                    let size = 1 + rng.below(if i % 50 == 0 { 6000 } else { 300 }) as usize;
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

/// What is left of many pages is moved together, by several rounds of looking at each block: few pages are left.
#[test]
fn blocks_that_lie_sparse_are_moved_together() {
    alone("blocks_that_lie_sparse_are_moved_together", sparse_blocks_are_moved);
}

fn sparse_blocks_are_moved() {
    for size in [200, 1000, 3000] {
        // Each block begins with its number.
        let size = block_size(size);
        let mut rng = Rng::new(size as u64);
        let a_page = (page_bytes(size) - HEADER) / size;
        let mut blocks: Vec<NonNull<u8>> = (0..a_page * 60)
            .map(|i| {
                let block = alloc(size);
                unsafe { block.cast::<usize>().write(i) };
                block
            })
            .collect();
        let free = |block| unsafe { dealloc(block, size) };
        let mut kept = Vec::new();
        blocks.drain(..).for_each(|b| if rng.below(4) == 0 { kept.push(b) } else { free(b) });
        let numbers: Vec<usize> = kept.iter().map(|b| unsafe { b.cast::<usize>().read() }).collect();
        let pages =
            |kept: &[NonNull<u8>]| kept.iter().map(|b| page_with(*b, size) as usize).collect::<HashSet<_>>().len();
        let before = pages(&kept);
        let mut moved = 0;
        for _ in 0..3 {
            for block in &mut kept {
                if unsafe { lies_sparse(*block, size) } {
                    let other = alloc(size);
                    unsafe { other.as_ptr().copy_from_nonoverlapping(block.as_ptr(), size) };
                    free(std::mem::replace(block, other));
                    moved += 1;
                }
            }
        }
        let (after, ideal) = (pages(&kept), kept.len().div_ceil(a_page));
        assert!(
            before > 50 && after <= ideal + ideal / 4 + 2,
            "{size}: {before} pages, {after} after, {ideal} would do"
        );
        // Three quarters had to move, and few of those twice.
        assert!(moved < kept.len() * 3 / 2, "{size}: {moved} moves of {}", kept.len());
        assert!(kept.iter().map(|b| unsafe { b.cast::<usize>().read() }).eq(numbers), "a block was overwritten");
        kept.into_iter().for_each(free);
    }
}

/// Pages that went back to the system while memory was short serve again, and nothing is lost of those that are used.
#[test]
fn pages_that_were_given_back_serve_again() {
    let stop = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|s| {
        s.spawn(|| {
            while !stop.load(Relaxed) {
                press(true);
                trim(8);
                std::thread::yield_now();
                press(false);
            }
        });
        let threads: Vec<_> = (0..3u64)
            .map(|me| {
                s.spawn(move || {
                    let mut rng = Rng::new(me);
                    for round in 0..30u8 {
                        let fill = round ^ (me as u8) << 6;
                        let size = |i: usize| 8 + (i * 97 + usize::from(round)) % 4000;
                        let mut held: Vec<_> = (0..3000).map(|i| (alloc(size(i)), size(i))).collect();
                        for (block, size) in &held {
                            unsafe { block.as_ptr().write_bytes(fill, *size) };
                        }
                        while !held.is_empty() {
                            let (block, size) = held.swap_remove(rng.below(held.len() as u64) as usize);
                            let bytes = unsafe { std::slice::from_raw_parts(block.as_ptr(), size) };
                            assert!(bytes.iter().all(|b| *b == fill), "a block of {size} was overwritten");
                            unsafe { dealloc(block, size) };
                        }
                    }
                })
            })
            .collect();
        threads.into_iter().for_each(|t| t.join().expect("no panic"));
        stop.store(true, Relaxed);
    });
}
