//! Sorting a part: what lies between two ranks is in order afterwards, the rest is only on the right side of it. O(n + m log m)
//! on average for m of n elements.
//!
//! Equal elements come out in some order, and with LIMIT or COUNT that order decides which of them are seen. Redis uses Bentley
//! and McIlroy's quicksort (as in "Engineering a Sort Function", 1993), leaving out the parts that nobody asked for; here the
//! same pivots are chosen and the same swaps made, so that ties fall as they do there.

use std::cmp::Ordering;

/// Puts the elements of ranks `first..=last` in order.
pub fn pqsort<T>(all: &mut [T], first: usize, last: usize, mut cmp: impl FnMut(&T, &T) -> Ordering) {
    // A stack of our own: a hostile order makes the parts as uneven as they can be.
    let mut parts = vec![(0, all.len())];
    while let Some((start, end)) = parts.pop() {
        if end - start < 2 {
            continue;
        }
        let (below, above) = split(&mut all[start..end], &mut cmp);
        for (from, to) in [(start, start + below), (end - above, end)] {
            if to - from > 1 && first < to && last >= from {
                parts.push((from, to));
            }
        }
    }
}

/// Partitions around a pivot: how many are below it, now in front, and how many above, now at the end. Few are sorted at once.
fn split<T>(a: &mut [T], cmp: &mut impl FnMut(&T, &T) -> Ordering) -> (usize, usize) {
    let n = a.len();
    if n < 7 {
        for i in 1..n {
            let mut j = i;
            while j > 0 && cmp(&a[j - 1], &a[j]).is_gt() {
                a.swap(j, j - 1);
                j -= 1;
            }
        }
        return (0, 0);
    }
    let pivot = pivot(a, cmp);
    a.swap(0, pivot);
    // Equal ones gather at both ends: [0, low_equal) and (high_equal, n).
    let (mut low_equal, mut low, mut high, mut high_equal) = (1, 1, n - 1, n - 1);
    loop {
        while low <= high {
            match cmp(&a[low], &a[0]) {
                Ordering::Greater => break,
                Ordering::Equal => {
                    a.swap(low_equal, low);
                    low_equal += 1;
                }
                Ordering::Less => {}
            }
            low += 1;
        }
        while low <= high {
            match cmp(&a[high], &a[0]) {
                Ordering::Less => break,
                Ordering::Equal => {
                    a.swap(high, high_equal);
                    high_equal -= 1;
                }
                Ordering::Greater => {}
            }
            high -= 1;
        }
        if low > high {
            break;
        }
        a.swap(low, high);
        low += 1;
        high -= 1;
    }
    let (below, above) = (low - low_equal, high_equal - high);
    swap_blocks(a, 0, low - low_equal.min(below), low_equal.min(below));
    let equal = (n - 1 - high_equal).min(above);
    swap_blocks(a, low, n - equal, equal);
    (below, above)
}

/// The middle of three, or of three times three where there are many.
fn pivot<T>(a: &[T], cmp: &mut impl FnMut(&T, &T) -> Ordering) -> usize {
    let n = a.len();
    let (mut low, mut mid, mut high) = (0, n / 2, n - 1);
    if n == 7 {
        return mid;
    }
    if n > 40 {
        let step = n / 8;
        low = middle(a, [low, low + step, low + 2 * step], cmp);
        mid = middle(a, [mid - step, mid, mid + step], cmp);
        high = middle(a, [high - 2 * step, high - step, high], cmp);
    }
    middle(a, [low, mid, high], cmp)
}

fn middle<T>(a: &[T], [x, y, z]: [usize; 3], cmp: &mut impl FnMut(&T, &T) -> Ordering) -> usize {
    let mut less = |i: usize, j: usize| cmp(&a[i], &a[j]).is_lt();
    if less(x, y) {
        match () {
            () if less(y, z) => y,
            () if less(x, z) => z,
            () => x,
        }
    } else {
        match () {
            () if less(z, y) => y,
            () if less(x, z) => x,
            () => z,
        }
    }
}

fn swap_blocks<T>(a: &mut [T], from: usize, to: usize, len: usize) {
    (0..len).for_each(|i| a.swap(from + i, to + i));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::rng::Rng;

    #[test]
    fn the_part_is_as_if_all_were_sorted() {
        let mut rng = Rng::new(5);
        for round in 0..4000 {
            let n = rng.below([8, 50, 400][round % 3]) as usize;
            let values = [3, 20, 1 << 40][rng.below(3) as usize];
            let all: Vec<u64> = (0..n).map(|_| rng.below(values)).collect();
            let mut want = all.clone();
            want.sort_unstable();
            let first = rng.below(n as u64 + 1) as usize;
            let last = first + rng.below(n as u64 + 1) as usize;
            let mut got = all.clone();
            pqsort(&mut got, first, last, u64::cmp);
            let range = first.min(n)..(last + 1).min(n);
            assert_eq!(got[range.clone()], want[range.clone()], "{range:?} of {all:?}");
            got.sort_unstable();
            assert_eq!(got, want);
        }
    }

    #[test]
    fn order_and_its_reverse_take_no_deep_stack() {
        for descending in [false, true] {
            let mut all: Vec<u32> = (0..200_000).collect();
            if descending {
                all.reverse();
            }
            pqsort(&mut all, 0, 199_999, u32::cmp);
            assert!(all.is_sorted());
        }
    }
}
