//! What a run counted: latencies, errors by kind, and both second by second.

use hdrhistogram::Histogram;
use std::collections::BTreeMap;

/// Latencies are kept in nanoseconds, in steps of this at the finest; an hour is the longest.
const FINEST_NS: u64 = 512;
const LONGEST_NS: u64 = 3_600_000_000_000;
/// A server may invent kinds of errors: so many are told apart.
const MOST_KINDS: usize = 64;

/// One histogram of latencies in nanoseconds; `digits` significant ones.
pub fn histogram(digits: u8) -> Histogram<u64> {
    Histogram::new_with_bounds(FINEST_NS, LONGEST_NS, digits.clamp(1, 4)).expect("the bounds are in order")
}

fn coarse() -> Histogram<u32> {
    let mut histogram = Histogram::new_with_bounds(4096, 8192 * 2, 2).expect("the bounds are in order");
    histogram.auto(true);
    histogram
}

#[derive(Clone)]
pub struct Second {
    pub response: Histogram<u32>,
    pub errors: u64,
}

pub struct Tally {
    /// From when a request should have gone out; in a closed loop, from when it did.
    pub response: Histogram<u64>,
    /// From when it went out. Kept in the open loop only: a closed one has no other time.
    pub service: Option<Histogram<u64>>,
    /// Requests of the open loop that went out more than [`super::load::LATE_NS`] after they were due.
    pub late: u64,
    /// The latest of them.
    pub latest_ns: u64,
    /// Due before the end, and never sent: every connection was waiting for the server.
    pub unsent: u64,
    pub errors: BTreeMap<String, u64>,
    pub seconds: Vec<Second>,
}

impl Tally {
    pub fn new(digits: u8, open: bool) -> Tally {
        Tally {
            response: histogram(digits),
            service: open.then(|| histogram(digits)),
            late: 0,
            latest_ns: 0,
            unsent: 0,
            errors: BTreeMap::new(),
            seconds: Vec::new(),
        }
    }

    /// An error reply: its kind is its first word.
    pub fn error(&mut self, text: &[u8]) {
        let end = text.iter().position(|b| *b == b' ').unwrap_or(text.len()).min(32);
        let kind = String::from_utf8_lossy(&text[..end]).into_owned();
        let kind =
            if self.errors.len() < MOST_KINDS || self.errors.contains_key(&kind) { kind } else { "(others)".into() };
        *self.errors.entry(kind).or_default() += 1;
    }

    /// The figures of a second since the start; a day is kept at most.
    pub fn second(&mut self, at_ns: u64) -> Option<&mut Second> {
        let at = (at_ns / 1_000_000_000) as usize;
        if at >= 86_400 {
            return None;
        }
        if at >= self.seconds.len() {
            self.seconds.resize_with(at + 1, || Second { response: coarse(), errors: 0 });
        }
        self.seconds.get_mut(at)
    }

    pub fn add(&mut self, other: Tally) {
        // Histograms of one shape add up; saturation of the counts is the only other outcome, at 2^64.
        let _ = self.response.add(&other.response);
        if let (Some(own), Some(others)) = (&mut self.service, &other.service) {
            let _ = own.add(others);
        }
        self.late += other.late;
        self.latest_ns = self.latest_ns.max(other.latest_ns);
        self.unsent += other.unsent;
        for (kind, n) in other.errors {
            *self.errors.entry(kind).or_default() += n;
        }
        for (at, second) in other.seconds.into_iter().enumerate() {
            if let Some(own) = self.second(at as u64 * 1_000_000_000) {
                let _ = own.response.add(&second.response);
                own.errors += second.errors;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tallies_add_up() {
        let (mut a, mut b) = (Tally::new(3, true), Tally::new(3, true));
        a.response.saturating_record(1_000_000);
        b.response.saturating_record(2_000_000);
        b.error(b"ERR unknown command");
        b.error(b"OOM");
        b.second(2_500_000_000).expect("within a day").response.saturating_record(5_000_000);
        b.late = 3;
        a.add(b);
        assert_eq!((a.response.len(), a.late, a.errors.values().sum::<u64>(), a.seconds.len()), (2, 3, 2, 3));
        assert_eq!(a.errors.keys().collect::<Vec<_>>(), ["ERR", "OOM"]);
        assert_eq!(a.seconds[2].response.len(), 1);
        for n in 0..1000 {
            a.error(format!("KIND{n}").as_bytes());
        }
        assert!(a.errors.len() <= MOST_KINDS + 1 && a.errors.values().sum::<u64>() == 1002);
        assert!(a.second(u64::MAX).is_none());
    }
}
