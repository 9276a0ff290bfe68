//! How long commands took: a histogram of nanoseconds with two significant digits, as Redis keeps one for each command.
//!
//! Our own rather than a crate's because it is written by one worker without a locked instruction while others read it.

use super::stats::Counter;
use std::sync::OnceLock;

/// Values that share a power of two are told apart by so many bits: steps of less than 1%.
const BITS: u32 = 7;
const STEPS: usize = 1 << BITS;
/// Longer is counted as this long (Redis: LATENCY_HISTOGRAM_MAX_VALUE), one second.
const LONGEST: u64 = 1_000_000_000;
/// Up to `LONGEST`, which has 30 bits.
const SLOTS: usize = (30 - BITS as usize + 1) * STEPS;

const ROWS: usize = SLOTS / STEPS;

/// A row for each power of two, made when a value first falls into it: a command's times mostly lie in a few.
#[derive(Default)]
pub struct Histogram([OnceLock<Box<[Counter; STEPS]>>; ROWS]);

/// A kibibyte of zeros, apart from those who find their row there.
#[cold]
fn row() -> Box<[Counter; STEPS]> {
    Box::new(std::array::from_fn(|_| Counter::default()))
}

/// The slot of a value. The first `2 * STEPS` values have one each.
#[inline]
fn slot(nanos: u64) -> usize {
    let shift = (64 - (nanos | 1).leading_zeros()).saturating_sub(BITS + 1);
    shift as usize * STEPS + (nanos >> shift) as usize
}

/// The greatest value of a slot.
fn greatest(slot: usize) -> u64 {
    let shift = (slot / STEPS).saturating_sub(1);
    (((slot - shift * STEPS) as u64 + 1) << shift) - 1
}

impl Histogram {
    #[inline]
    pub fn add(&self, nanos: u64) {
        let slot = slot(nanos.min(LONGEST));
        self.0[slot / STEPS].get_or_init(row)[slot % STEPS].add(1);
    }

    pub fn reset(&self) {
        self.0.iter().filter_map(OnceLock::get).flat_map(|row| row.iter()).for_each(Counter::reset);
    }
}

/// The sum of several workers' histograms.
pub struct Summed(Vec<u64>);

impl Summed {
    pub fn of<'a>(all: impl Iterator<Item = &'a Histogram>) -> Summed {
        let mut sums = vec![0; SLOTS];
        for h in all {
            for (row, at) in h.0.iter().zip((0..).step_by(STEPS)) {
                let counts = row.get().into_iter().flat_map(|row| row.iter());
                sums[at..].iter_mut().zip(counts).for_each(|(sum, n)| *sum += n.get());
            }
        }
        Summed(sums)
    }

    pub fn count(&self) -> u64 {
        self.0.iter().sum()
    }

    /// The nanoseconds that so many per cent of the calls did not exceed.
    pub fn percentile(&self, percent: f64) -> u64 {
        let wanted = ((percent.clamp(0.0, 100.0) / 100.0 * self.count() as f64 + 0.5) as u64).max(1);
        let mut seen = 0;
        for (i, n) in self.0.iter().enumerate() {
            seen += n;
            if seen >= wanted {
                return greatest(i);
            }
        }
        0
    }

    /// For each doubling of about a microsecond (1024 ns) up to which there are more calls than before: that many
    /// microseconds, and how many calls took no longer.
    pub fn doublings(&self) -> Vec<(u64, u64)> {
        let (mut out, mut seen, mut i) = (Vec::new(), 0, 0);
        for power in 0.. {
            let (up_to, before) = (1024u64 << power, seen);
            while i < SLOTS && greatest(i) < up_to {
                seen += self.0[i];
                i += 1;
            }
            if seen > before {
                out.push((up_to / 1000, seen));
            }
            if i == SLOTS {
                break;
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_ordered_and_narrow() {
        let mut last = 0;
        for nanos in (0..1000).chain((1000..LONGEST).step_by(7919)).chain([LONGEST]) {
            let at = slot(nanos);
            assert!(at >= last && at < SLOTS, "{nanos}");
            let most = greatest(at);
            assert!(most >= nanos && (most - nanos) * 128 <= most, "{nanos} {most}");
            last = at;
        }
    }

    #[test]
    fn percentiles_and_doublings() {
        let h = Histogram::default();
        (0..99).for_each(|_| h.add(1_000));
        h.add(9_000_000);
        let sum = Summed::of([&h, &Histogram::default()].into_iter());
        // As Redis shows them: 1.003 and 9043.967 µs.
        assert_eq!((sum.percentile(50.0), sum.percentile(99.0), sum.percentile(99.9)), (1003, 1003, 9_043_967));
        assert_eq!(sum.doublings(), [(1, 99), (16777, 100)]);
        h.reset();
        assert_eq!(Summed::of([&h].into_iter()).count(), 0);
    }
}
