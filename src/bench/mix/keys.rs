//! Which key comes next: ranges of numbered keys, and the patterns in which they are drawn.

use crate::{args::bench::mix::Pattern, base::rng::Rng};

/// Numbers of keys from `first` to `last`, both included, and how they are drawn.
#[derive(Clone, Debug)]
pub struct Keys {
    first: u64,
    count: u64,
    draw: Draw,
}

#[derive(Clone, Debug)]
enum Draw {
    Random,
    Sequential,
    Parallel,
    Gaussian { median: f64, deviation: f64 },
    Zipf(Zipf),
}

/// Where a connection is among the others, for patterns that share a range out.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    pub index: u64,
    pub of: u64,
}

/// What the patterns take beside the range; `None`: as memtier_benchmark does.
#[derive(Clone, Copy, Debug, Default)]
pub struct Shape {
    pub median: Option<f64>,
    pub deviation: Option<f64>,
    pub exponent: Option<f64>,
}

impl Place {
    /// Of so many, those that are this connection's: shares differ by one at most.
    pub fn share(self, n: u64) -> u64 {
        let (from, to) = bounds(n, self.index, self.of);
        to - from
    }
}

/// Where share `index` of `of` begins and ends.
fn bounds(n: u64, index: u64, of: u64) -> (u64, u64) {
    let bound = |at: u64| (u128::from(n) * u128::from(at) / u128::from(of.max(1))) as u64;
    (bound(index), bound(index + 1))
}

impl Keys {
    pub fn new(first: u64, last: u64, pattern: Pattern, shape: Shape) -> Keys {
        let last = last.max(first).min(u64::MAX - 1);
        let count = last - first + 1;
        let draw = match pattern {
            Pattern::Random => Draw::Random,
            Pattern::Sequential => Draw::Sequential,
            Pattern::Parallel => Draw::Parallel,
            Pattern::Gaussian => Draw::Gaussian {
                median: shape.median.unwrap_or((first as f64 + last as f64) / 2.0).clamp(first as f64, last as f64),
                deviation: shape.deviation.unwrap_or((last - first) as f64 / 6.0),
            },
            Pattern::Zipf => Draw::Zipf(Zipf::new(count, shape.exponent.unwrap_or(1.0))),
        };
        Keys { first, count, draw }
    }

    pub fn count(&self) -> u64 {
        self.count
    }

    /// 0 for the first key, towards 1 for the last.
    pub fn along(&self, key: u64) -> f64 {
        (key - self.first) as f64 / self.count as f64
    }

    /// The next key's number. `cursor` begins at 0 and belongs to one connection and one place in one command.
    #[inline]
    pub fn next(&self, rng: &mut Rng, cursor: &mut u64, place: Place) -> u64 {
        let offset = match &self.draw {
            Draw::Random => rng.below(self.count),
            Draw::Sequential => step(cursor, self.count),
            Draw::Parallel => {
                // More connections than keys share keys.
                let of = place.of.min(self.count).max(1);
                let (from, to) = bounds(self.count, place.index % of, of);
                from + step(cursor, to - from)
            }
            Draw::Gaussian { median, deviation } => loop {
                let at = (median + deviation * normal(rng)).round() - self.first as f64;
                if *deviation <= 0.0 {
                    break (at.max(0.0) as u64).min(self.count - 1);
                }
                // What falls outside is drawn again.
                if at >= 0.0 && at < self.count as f64 {
                    break (at as u64).min(self.count - 1);
                }
            },
            Draw::Zipf(zipf) => zipf.next(rng) - 1,
        };
        self.first + offset
    }
}

fn step(cursor: &mut u64, len: u64) -> u64 {
    let at = *cursor % len.max(1);
    *cursor = at + 1;
    at
}

/// Mean 0, deviation 1: Marsaglia's polar method, of whose two numbers one is thrown away.
pub fn normal(rng: &mut Rng) -> f64 {
    loop {
        let (x, y) = (2.0 * rng.unit() - 1.0, 2.0 * rng.unit() - 1.0);
        let square = x * x + y * y;
        if square > 0.0 && square < 1.0 {
            return x * (-2.0 * square.ln() / square).sqrt();
        }
    }
}

/// Ranks 1 to `n`, of which rank k comes k^-exponent times as often as the first. Hörmann and Derflinger's
/// rejection-inversion: no table, and hardly ever a second attempt.
#[derive(Clone, Debug)]
struct Zipf {
    n: f64,
    exponent: f64,
    /// Of the integral of x^-exponent: at 1.5 less the first bar, and at n + 0.5.
    low: f64,
    high: f64,
    /// So near to the bar's middle no comparison is needed.
    near: f64,
}

impl Zipf {
    fn new(n: u64, exponent: f64) -> Zipf {
        let mut zipf = Zipf { n: n as f64, exponent, low: 0.0, high: 0.0, near: 0.0 };
        zipf.low = zipf.integral(1.5) - 1.0;
        zipf.high = zipf.integral(zipf.n + 0.5);
        zipf.near = 2.0 - zipf.inverse(zipf.integral(2.5) - zipf.bar(2.0));
        zipf
    }

    fn bar(&self, x: f64) -> f64 {
        x.powf(-self.exponent)
    }

    fn integral(&self, x: f64) -> f64 {
        let log = x.ln();
        let t = (1.0 - self.exponent) * log;
        // (e^t - 1) / t, which is 1 where the exponent is.
        log * if t.abs() > 1e-8 { t.exp_m1() / t } else { 1.0 + t / 2.0 }
    }

    fn inverse(&self, y: f64) -> f64 {
        let t = (y * (1.0 - self.exponent)).max(-1.0);
        // ln(1 + t) / t
        (y * if t.abs() > 1e-8 { t.ln_1p() / t } else { 1.0 - t / 2.0 }).exp()
    }

    fn next(&self, rng: &mut Rng) -> u64 {
        loop {
            let y = self.high + rng.unit() * (self.low - self.high);
            let x = self.inverse(y);
            let rank = x.round().clamp(1.0, self.n);
            if rank - x <= self.near || y >= self.integral(rank + 0.5) - self.bar(rank) {
                return rank as u64;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALONE: Place = Place { index: 0, of: 1 };

    fn drawn(keys: &Keys, n: usize, place: Place) -> Vec<u64> {
        let (mut rng, mut cursor) = (Rng::new(17), 0);
        (0..n).map(|_| keys.next(&mut rng, &mut cursor, place)).collect()
    }

    /// Chi-square against expected counts; bars of fewer than 10 expected are put together.
    fn chi_square(seen: &[u64], expected: &[f64]) -> (f64, f64) {
        let (mut chi, mut bars, mut rest) = (0.0, 0.0, (0.0, 0.0));
        for (n, want) in seen.iter().zip(expected) {
            rest = (rest.0 + *n as f64, rest.1 + want);
            if rest.1 >= 10.0 {
                chi += (rest.0 - rest.1) * (rest.0 - rest.1) / rest.1;
                bars += 1.0;
                rest = (0.0, 0.0);
            }
        }
        (chi, bars - 1.0)
    }

    #[test]
    fn patterns_walk_as_they_should() {
        let keys = |pattern| Keys::new(10, 16, pattern, Shape::default());
        assert_eq!(drawn(&keys(Pattern::Sequential), 9, ALONE), [10, 11, 12, 13, 14, 15, 16, 10, 11]);
        let parts: Vec<Vec<u64>> =
            (0..3).map(|index| drawn(&keys(Pattern::Parallel), 4, Place { index, of: 3 })).collect();
        assert_eq!(parts, [[10, 11, 10, 11], [12, 13, 12, 13], [14, 15, 16, 14]]);
        // More connections than keys.
        assert_eq!(drawn(&keys(Pattern::Parallel), 2, Place { index: 8, of: 20 }), [11, 11]);
        for pattern in [Pattern::Random, Pattern::Gaussian, Pattern::Zipf] {
            let seen = drawn(&keys(pattern), 10_000, ALONE);
            assert!((10..=16).all(|key| seen.contains(&key)) && seen.iter().all(|key| (10..=16).contains(key)));
            let one = Keys::new(5, 5, pattern, Shape::default());
            assert!(drawn(&one, 100, ALONE).iter().all(|key| *key == 5));
        }
    }

    #[test]
    fn zipf_has_the_frequencies_of_its_exponent() {
        for exponent in [0.5, 0.99, 1.0, 1.5, 3.0] {
            let n = 1000;
            let shape = Shape { exponent: Some(exponent), ..Shape::default() };
            let draws = 200_000;
            let mut seen = vec![0u64; n];
            for key in drawn(&Keys::new(1, n as u64, Pattern::Zipf, shape), draws, ALONE) {
                seen[key as usize - 1] += 1;
            }
            let weights: Vec<f64> = (1..=n).map(|k| (k as f64).powf(-exponent)).collect();
            let sum: f64 = weights.iter().sum();
            let expected: Vec<f64> = weights.iter().map(|w| w / sum * draws as f64).collect();
            let (chi, freedom) = chi_square(&seen, &expected);
            // Mean `freedom`, deviation the root of twice that.
            assert!(chi < freedom + 5.0 * (2.0 * freedom).sqrt(), "exponent {exponent}: {chi} of {freedom}");
        }
        // A large range, where no table would do.
        let large = Keys::new(0, 1 << 40, Pattern::Zipf, Shape::default());
        assert!(drawn(&large, 1000, ALONE).iter().any(|key| *key > 1 << 20));
    }

    #[test]
    fn gauss_has_his_mean_and_deviation() {
        let shape = Shape { median: Some(30_000.0), deviation: Some(5_000.0), exponent: None };
        let seen = drawn(&Keys::new(0, 99_999, Pattern::Gaussian, shape), 100_000, ALONE);
        let n = seen.len() as f64;
        let mean = seen.iter().sum::<u64>() as f64 / n;
        let deviation = (seen.iter().map(|k| (*k as f64 - mean).powi(2)).sum::<f64>() / n).sqrt();
        assert!((mean - 30_000.0).abs() < 80.0 && (deviation - 5_000.0).abs() < 60.0, "{mean} {deviation}");
        let within = seen.iter().filter(|k| (25_000..=35_000).contains(*k)).count() as f64 / n;
        assert!((within - 0.6827).abs() < 0.008, "{within}");
    }
}
