//! Values: how long, of which bytes, and whether what was read is what was written.

use super::keys::normal;
use crate::{
    args::bench::mix::{Data, MOST_BYTES, Sizes},
    base::rng::Rng,
};

/// Values are pieces of a block of this many bytes more than the longest: where a piece begins is random.
const SHIFT: u64 = 1 << 20;
/// Compressible data alternates between random and repeated bytes in steps of this.
const GRAIN: usize = 64;
/// Longer values of a distribution that knows no bound are cut here, or at so many times its centre.
const TAIL: f64 = 1000.0;

#[derive(Clone, Debug)]
pub struct Values {
    sizes: Sizes,
    /// Cumulative weights of a list.
    bounds: Vec<u64>,
    along_keys: bool,
    block: Vec<u8>,
    /// The longest that [`Values::size`] returns.
    longest: u64,
    /// Letters are the same for every value of a size, as redis-benchmark's.
    shift: u64,
}

impl Values {
    pub fn new(sizes: Sizes, along_keys: bool, data: Data, seed: u64) -> Values {
        let tail = |centre: f64| ((centre * TAIL).min((64 << 20) as f64) as u64).max(1);
        let longest = match &sizes {
            Sizes::Fixed(n) => *n,
            Sizes::Range(_, high) => *high,
            Sizes::List(list) => list.iter().map(|(n, _)| *n).max().unwrap_or(0),
            Sizes::Normal(mean, deviation) => (mean + 10.0 * deviation).min(MOST_BYTES as f64) as u64,
            Sizes::LogNormal(centre, _) | Sizes::Exponential(centre) => tail(*centre),
        };
        let bounds = match &sizes {
            Sizes::List(list) => list
                .iter()
                .scan(0u64, |sum, (_, weight)| {
                    *sum = sum.saturating_add(*weight);
                    Some(*sum)
                })
                .collect(),
            _ => Vec::new(),
        };
        let shift = if data == Data::Letters { 0 } else { SHIFT };
        let block = block((longest + shift) as usize, data, seed);
        Values { sizes, bounds, along_keys, block, longest, shift }
    }

    /// The next value's length; `along` is the key's place in its range, from 0 to 1.
    #[inline]
    pub fn size(&self, rng: &mut Rng, along: f64) -> usize {
        let cut = |x: f64| (x.round().max(1.0) as u64).min(self.longest.max(1));
        let n = match &self.sizes {
            Sizes::Fixed(n) => *n,
            Sizes::Range(low, high) if self.along_keys => low + ((high - low + 1) as f64 * along) as u64,
            Sizes::Range(low, high) => low + rng.below(high - low + 1),
            Sizes::List(list) => {
                let at = rng.below(self.bounds.last().copied().unwrap_or(1).max(1));
                list.get(self.bounds.partition_point(|bound| *bound <= at)).map_or(0, |(n, _)| *n)
            }
            Sizes::Normal(mean, deviation) => cut(mean + deviation * normal(rng)),
            Sizes::LogNormal(median, sigma) => cut(median * (sigma * normal(rng)).exp()),
            Sizes::Exponential(mean) => cut(-mean * (1.0 - rng.unit()).ln()),
        };
        n.min(self.longest) as usize
    }

    /// The next value.
    #[inline]
    pub fn next(&self, rng: &mut Rng, along: f64) -> &[u8] {
        let size = self.size(rng, along);
        let from = if self.shift > 0 { rng.below(self.shift) as usize } else { 0 };
        &self.block[from..from + size]
    }
}

fn block(len: usize, data: Data, seed: u64) -> Vec<u8> {
    let mut rng = Rng::new(seed);
    match data {
        Data::Letters => crate::bench::request::data(len, seed),
        Data::Random => random(len, &mut rng),
        Data::Compressible(percent) => {
            let mut out = random(len, &mut rng);
            let repeated = ((GRAIN as f64 * percent / 100.0).round() as usize).min(GRAIN);
            // The tail of each step says the same as every other.
            for step in out.chunks_mut(GRAIN) {
                let from = step.len().saturating_sub(repeated);
                step[from..].fill(b'.');
            }
            out
        }
    }
}

fn random(len: usize, rng: &mut Rng) -> Vec<u8> {
    let mut out = Vec::with_capacity(len + 8);
    while out.len() < len {
        out.extend_from_slice(&rng.next_u64().to_le_bytes());
    }
    out.truncate(len);
    out
}

/// Appends the value that a key of this number has, at a length: a shorter one is the beginning of a longer one.
pub fn push_of_key(out: &mut Vec<u8>, key: u64, len: usize) {
    let from = out.len();
    let mut rng = Rng::new(key ^ 0x5bd1_e995_9e37_79b9);
    while out.len() - from < len {
        // Letters and signs: a value can be looked at.
        out.extend(rng.next_u64().to_le_bytes().map(|b| 0x30 + (b & 0x3f)));
    }
    out.truncate(from + len);
}

/// True if `value` is what [`push_of_key`] makes.
pub fn is_of_key(value: &[u8], key: u64) -> bool {
    let mut rng = Rng::new(key ^ 0x5bd1_e995_9e37_79b9);
    value.chunks(8).all(|chunk| {
        let want = rng.next_u64().to_le_bytes().map(|b| 0x30 + (b & 0x3f));
        want.starts_with(chunk)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sizes(text: &str, n: usize) -> Vec<f64> {
        let values = Values::new(Sizes::parse(text).expect("sizes"), false, Data::Letters, 1);
        let mut rng = Rng::new(23);
        (0..n).map(|_| values.next(&mut rng, 0.5).len() as f64).collect()
    }

    fn mean(of: &[f64]) -> f64 {
        of.iter().sum::<f64>() / of.len() as f64
    }

    #[test]
    fn sizes_follow_their_distributions() {
        assert!(sizes("77", 10).iter().all(|n| *n == 77.0));
        let range = sizes("10-19", 50_000);
        assert!(range.iter().all(|n| (10.0..=19.0).contains(n)) && (mean(&range) - 14.5).abs() < 0.06);
        let list = sizes("5:3,50:1", 40_000);
        let fives = list.iter().filter(|n| **n == 5.0).count();
        assert!((29_500..30_500).contains(&fives) && list.iter().all(|n| *n == 5.0 || *n == 50.0), "{fives}");
        let bell = sizes("normal(1000,100)", 50_000);
        let deviation = mean(&bell.iter().map(|n| (n - 1000.0).powi(2)).collect::<Vec<_>>()).sqrt();
        assert!((mean(&bell) - 1000.0).abs() < 2.0 && (deviation - 100.0).abs() < 1.5, "{deviation}");
        let mut skewed = sizes("lognormal(200,1)", 50_001);
        skewed.sort_by(f64::total_cmp);
        // The median, and one deviation above it: e times as much.
        assert!((skewed[25_000] - 200.0).abs() < 5.0, "{}", skewed[25_000]);
        assert!((skewed[42_067] / 200.0 - 1f64.exp()).abs() < 0.1, "{}", skewed[42_067]);
        let memoryless = sizes("exponential(300)", 50_000);
        let longer = memoryless.iter().filter(|n| **n > 300.0).count() as f64 / 50_000.0;
        assert!((mean(&memoryless) - 300.0).abs() < 5.0 && (longer - (-1f64).exp()).abs() < 0.01);
        let along = Values::new(Sizes::Range(10, 19), true, Data::Letters, 1);
        assert_eq!([0.0, 0.35, 0.999].map(|at| along.size(&mut Rng::new(1), at)), [10, 13, 19]);
    }

    /// Counted by the pairs of neighbours that are equal: one in 256 of random bytes.
    #[test]
    fn data_repeats_itself_as_much_as_asked() {
        let equal = |data| {
            let values = Values::new(Sizes::Fixed(100_000), false, data, 3);
            let value = values.next(&mut Rng::new(5), 0.0).to_vec();
            value.windows(2).filter(|w| w[0] == w[1]).count() as f64 / value.len() as f64
        };
        assert!((equal(Data::Random) - 1.0 / 256.0).abs() < 0.002);
        assert!((equal(Data::Compressible(75.0)) - 0.75).abs() < 0.03);
        assert!((equal(Data::Compressible(25.0)) - 0.25).abs() < 0.03);
    }

    #[test]
    fn values_tell_their_keys() {
        for len in [0, 1, 7, 8, 9, 100] {
            let mut value = Vec::new();
            push_of_key(&mut value, 42, len);
            assert!(value.len() == len && is_of_key(&value, 42));
            if len > 1 {
                assert!(!is_of_key(&value, 43), "{len}");
                value[len - 1] ^= 1;
                assert!(!is_of_key(&value, 42), "{len}");
            }
        }
    }
}
