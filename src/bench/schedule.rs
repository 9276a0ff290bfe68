//! When requests of the open loop should go out: known without looking at the server.

use crate::{args::bench::Arrivals, base::rng::Rng};

pub struct Schedule {
    arrivals: Arrivals,
    /// Mean gap in nanoseconds.
    gap_ns: f64,
    /// The next request's time, from the start; a fraction is kept, so that the rate is exact.
    next_ns: f64,
    rng: Rng,
}

impl Schedule {
    /// `rate` a second; `offset` from 0 to 1 shifts constant gaps, so that threads alternate.
    pub fn new(rate: f64, arrivals: Arrivals, offset: f64, seed: u64) -> Schedule {
        let gap_ns = 1e9 / rate;
        let mut schedule = Schedule { arrivals, gap_ns, next_ns: 0.0, rng: Rng::new(seed) };
        schedule.next_ns = match arrivals {
            Arrivals::Constant => gap_ns * offset,
            Arrivals::Poisson => schedule.gap(),
        };
        schedule
    }

    /// The same schedule, begun later.
    pub fn begin(mut self, at_ns: u64) -> Schedule {
        self.next_ns += at_ns as f64;
        self
    }

    fn gap(&mut self) -> f64 {
        match self.arrivals {
            Arrivals::Constant => self.gap_ns,
            Arrivals::Poisson => -self.gap_ns * (1.0 - self.rng.unit()).ln(),
        }
    }

    /// When the next request is due, in nanoseconds from the start.
    pub fn due_ns(&self) -> u64 {
        self.next_ns as u64
    }

    pub fn advance(&mut self) {
        self.next_ns += self.gap();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gaps(arrivals: Arrivals, n: usize) -> Vec<f64> {
        let mut schedule = Schedule::new(10_000.0, arrivals, 0.0, 5);
        let mut last = schedule.due_ns();
        (0..n)
            .map(|_| {
                schedule.advance();
                let gap = schedule.due_ns() - last;
                last = schedule.due_ns();
                gap as f64
            })
            .collect()
    }

    #[test]
    fn constant_gaps_do_not_drift() {
        let gaps = gaps(Arrivals::Constant, 30_000);
        assert!(gaps.iter().all(|gap| (gap - 100_000.0).abs() <= 1.0));
        assert!((gaps.iter().sum::<f64>() - 3e9).abs() <= 1.0);
    }

    /// Exponential: mean and deviation are equal, 1/e of the gaps are longer than the mean; and gaps next to each other
    /// have nothing to do with each other.
    #[test]
    fn poisson_gaps_are_exponential_and_independent() {
        let gaps = gaps(Arrivals::Poisson, 200_000);
        let n = gaps.len() as f64;
        let mean = gaps.iter().sum::<f64>() / n;
        let variance = gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / n;
        assert!((mean / 100_000.0 - 1.0).abs() < 0.01, "{mean}");
        assert!((variance.sqrt() / mean - 1.0).abs() < 0.02, "{variance}");
        let longer = gaps.iter().filter(|gap| **gap > mean).count() as f64 / n;
        assert!((longer - (-1f64).exp()).abs() < 0.005, "{longer}");
        let together = gaps.windows(2).map(|w| (w[0] - mean) * (w[1] - mean)).sum::<f64>() / n / variance;
        assert!(together.abs() < 0.01, "{together}");
    }
}
