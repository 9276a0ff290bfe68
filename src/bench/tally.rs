//! What a run counted: latencies, errors by kind, and both second by second.

use crate::resp::harmless::harmless_text;
use hdrhistogram::{
    Histogram,
    serialization::{V2DeflateSerializer, interval_log::IntervalLogWriterBuilder},
};
use std::{collections::BTreeMap, time::Duration};

/// Latencies are kept in nanoseconds, in steps of this at the finest; an hour is the longest.
const FINEST_NS: u64 = 512;
const LONGEST_NS: u64 = 3_600_000_000_000;
/// A server may invent kinds of errors: so many are told apart.
const MOST_KINDS: usize = 64;
/// What a lost connection took with it.
pub const LOST: &str = "(connection lost)";

/// One histogram of latencies in nanoseconds; `digits` significant ones.
pub fn histogram(digits: u8) -> Histogram<u64> {
    Histogram::new_with_bounds(FINEST_NS, LONGEST_NS, digits.clamp(1, 4)).expect("the bounds are in order")
}

fn coarse() -> Histogram<u32> {
    let mut histogram = Histogram::new_with_bounds(4096, 8192 * 2, 2).expect("the bounds are in order");
    histogram.auto(true);
    histogram
}

/// One second of a run.
#[derive(Clone)]
pub struct Second {
    pub response: Histogram<u32>,
    pub errors: u64,
    /// Requests of the open loop that the load generator sent late.
    pub late: u64,
}

impl Default for Second {
    fn default() -> Self {
        Second { response: coarse(), errors: 0, late: 0 }
    }
}

impl Second {
    #[inline]
    pub fn record(&mut self, latency_ns: u64, n: u64) {
        if n > 0 {
            // Grows as it needs to; saturating would mean at the little it began with.
            let n = u32::try_from(n).unwrap_or(u32::MAX);
            let _ = self.response.record_n(latency_ns.min(LONGEST_NS), n);
        }
    }

    pub fn requests(&self) -> u64 {
        self.response.len()
    }

    pub fn add(&mut self, other: &Second) {
        // Histograms that grow take all that others of their kind have.
        let _ = self.response.add(&other.response);
        self.errors += other.errors;
        self.late += other.late;
    }

    pub fn reset(&mut self) {
        self.response.reset();
        self.errors = 0;
        self.late = 0;
    }
}

/// One kind of a mix's commands.
#[derive(Clone)]
pub struct Kind {
    pub response: Histogram<u64>,
    pub service: Option<Histogram<u64>>,
    pub errors: u64,
    /// Replies that were null.
    pub misses: u64,
}

#[derive(Clone)]
pub struct Tally {
    /// From when a request should have gone out; in a closed loop, from when it did.
    pub response: Histogram<u64>,
    /// From when it went out. Kept in the open loop only: a closed one has no other time.
    pub service: Option<Histogram<u64>>,
    pub kinds: Vec<Kind>,
    /// Requests of the open loop that went out more than [`super::open::LATE_NS`] after they were due.
    pub late: u64,
    /// The latest of them.
    pub latest_ns: u64,
    /// Due before the end, and never sent: every connection was waiting for the server.
    pub unsent: u64,
    /// Due, and still waiting for a connection when the last one was due.
    pub behind: u64,
    pub errors: BTreeMap<String, u64>,
    /// Values compared, and those that were not what was written.
    pub checked: u64,
    pub wrong: u64,
    pub first_wrong: Option<u64>,
    /// When the first thread began and when the last one ended.
    pub span_ns: Option<(u64, u64)>,
    /// CPU time of the threads that sent.
    pub cpu: Duration,
    /// Several requests went out in one call, by io_uring.
    pub ring: bool,
}

impl Tally {
    pub fn new(digits: u8, open: bool, kinds: usize) -> Tally {
        let service = || open.then(|| histogram(digits));
        let kind = || Kind { response: histogram(digits), service: service(), errors: 0, misses: 0 };
        Tally {
            response: histogram(digits),
            service: service(),
            kinds: (0..kinds).map(|_| kind()).collect(),
            late: 0,
            latest_ns: 0,
            unsent: 0,
            behind: 0,
            errors: BTreeMap::new(),
            checked: 0,
            wrong: 0,
            first_wrong: None,
            span_ns: None,
            cpu: Duration::ZERO,
            ring: false,
        }
    }

    /// An error reply: its kind is its first word.
    pub fn error(&mut self, text: &[u8]) {
        let end = text.iter().position(|b| *b == b' ').unwrap_or(text.len()).min(32);
        let kind = harmless_text(&text[..end]);
        let kind =
            if self.errors.len() < MOST_KINDS || self.errors.contains_key(&kind) { kind } else { "(others)".into() };
        *self.errors.entry(kind).or_default() += 1;
    }

    /// A connection was lost, with so many requests that had no reply yet.
    pub fn lost(&mut self, unanswered: u64) {
        *self.errors.entry(LOST.into()).or_default() += unanswered.max(1);
    }

    pub fn errors(&self) -> u64 {
        self.errors.values().sum()
    }

    pub fn add(&mut self, other: Tally) {
        // Histograms of one shape add up; saturation of the counts is the only other outcome, at 2^64.
        let _ = self.response.add(&other.response);
        let both = |own: &mut Option<Histogram<u64>>, others: &Option<Histogram<u64>>| {
            if let (Some(own), Some(others)) = (own, others) {
                let _ = own.add(others);
            }
        };
        both(&mut self.service, &other.service);
        for (own, others) in self.kinds.iter_mut().zip(&other.kinds) {
            let _ = own.response.add(&others.response);
            both(&mut own.service, &others.service);
            own.errors += others.errors;
            own.misses += others.misses;
        }
        self.late += other.late;
        self.latest_ns = self.latest_ns.max(other.latest_ns);
        self.unsent += other.unsent;
        self.behind += other.behind;
        for (kind, n) in other.errors {
            *self.errors.entry(kind).or_default() += n;
        }
        self.checked += other.checked;
        self.wrong += other.wrong;
        self.first_wrong = self.first_wrong.or(other.first_wrong);
        self.span_ns = match (self.span_ns, other.span_ns) {
            (Some((a, b)), Some((c, d))) => Some((a.min(c), b.max(d))),
            (one, other) => one.or(other),
        };
        self.cpu += other.cpu;
        self.ring |= other.ring;
    }
}

/// The table that HdrHistogram's plotters read, in milliseconds.
pub fn hgrm(h: &Histogram<u64>) -> String {
    let mut out = format!("{:>12} {:>14} {:>10} {:>14}\n\n", "Value", "Percentile", "TotalCount", "1/(1-Percentile)");
    let mut count = 0;
    for value in h.iter_quantiles(5) {
        count += value.count_since_last_iteration();
        let (ms, quantile) = (value.value_iterated_to() as f64 / 1e6, value.quantile_iterated_to());
        let line = match quantile < 1.0 {
            true => format!("{ms:>12.3} {quantile:>14.12} {count:>10} {:>14.2}\n", 1.0 / (1.0 - quantile)),
            false => format!("{ms:>12.3} {quantile:>14.12} {count:>10}\n"),
        };
        out.push_str(&line);
    }
    out.push_str(&format!(
        "#[Mean    = {:>12.3}, StdDeviation   = {:>12.3}]\n#[Max     = {:>12.3}, Total count    = {:>12}]\n\
         #[Buckets = {:>12}, SubBuckets     = {:>12}]\n",
        h.mean() / 1e6,
        h.stdev() / 1e6,
        h.max() as f64 / 1e6,
        h.len(),
        h.buckets(),
        h.distinct_values() / usize::from(h.buckets().max(1)),
    ));
    out
}

/// HdrHistogram's log of intervals, of one interval: latencies in nanoseconds, the maximum beside them in milliseconds.
pub fn interval_log(h: &Histogram<u64>, took: Duration) -> Result<Vec<u8>, String> {
    let (mut bytes, mut serializer) = (Vec::new(), V2DeflateSerializer::new());
    let mut builder = IntervalLogWriterBuilder::new();
    builder.with_max_value_divisor(1e6);
    let mut log = builder.begin_log_with(&mut bytes, &mut serializer).map_err(|e| format!("{e:?}"))?;
    log.write_histogram(h, Duration::ZERO, took, None).map_err(|e| format!("{e:?}"))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tallies_add_up() {
        let (mut a, mut b) = (Tally::new(3, true, 1), Tally::new(3, true, 1));
        a.response.saturating_record(1_000_000);
        b.response.saturating_record(2_000_000);
        b.kinds[0].response.saturating_record(2_000_000);
        b.kinds[0].misses = 2;
        b.error(b"ERR unknown command");
        b.error(b"OOM");
        b.lost(7);
        b.late = 3;
        a.add(b);
        assert_eq!((a.response.len(), a.late, a.errors(), a.kinds[0].misses), (2, 3, 9, 2));
        assert_eq!(a.errors.keys().collect::<Vec<_>>(), [LOST, "ERR", "OOM"]);
        for n in 0..1000 {
            a.error(format!("KIND{n}").as_bytes());
        }
        assert!(a.errors.len() <= MOST_KINDS + 1 && a.errors() == 1009);
        let (mut one, mut two) = (Second::default(), Second::default());
        two.record(5_000_000, 3);
        two.record(u64::MAX, 1);
        two.errors = 1;
        one.add(&two);
        two.reset();
        assert_eq!((one.requests(), one.errors, two.requests(), two.errors), (4, 1, 0, 0));
        assert!((5_000_000..5_100_000).contains(&one.response.value_at_percentile(50.0)));
    }

    #[test]
    fn histograms_are_written_as_others_write_them() {
        let mut h = histogram(3);
        for n in 1..=1000u64 {
            h.saturating_record(n * 1_000_000);
        }
        let text = hgrm(&h);
        let rows: Vec<Vec<f64>> = text
            .lines()
            .filter(|line| line.starts_with(' ') && !line.contains("Value"))
            .map(|line| line.split_whitespace().map(|n| n.parse().expect("a number")).collect())
            .collect();
        let half = rows.iter().find(|row| row[1] >= 0.5).expect("a median");
        assert!((half[0] - 500.0).abs() < 1.0 && half[2] == 500.0, "{half:?}");
        assert_eq!(rows.last().expect("a row")[2], 1000.0);
        let log = interval_log(&h, Duration::from_secs(2)).expect("a log");
        let log = String::from_utf8_lossy(&log).into_owned();
        let line = log.lines().last().expect("a line");
        // The sign of a compressed histogram in base 64.
        assert!(line.starts_with("0.0") && line.contains("2.0") && line.contains(",HISTFAAA"), "{log}");
    }
}
