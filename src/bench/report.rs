//! What is shown: redis-benchmark's text and CSV word by word, and JSON.

use super::{files, load::Shared, open::LATE_NS, run::Outcome, tally::Kind, watch};
use crate::args::bench::Options;
use hdrhistogram::Histogram;
use std::{
    fmt::Write as _,
    io::{self, Write},
    sync::atomic::Ordering::Relaxed,
    time::Duration,
};

/// Prints, and hands it to the reader at once. A reader who went away ends the program as SIGPIPE would.
pub fn print(text: &str) -> Result<(), String> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(e) if e.kind() == io::ErrorKind::BrokenPipe => std::process::exit(141),
        other => other.map_err(|e| crate::client::reason(&e)),
    }
}

/// CPU time of this process so far.
pub fn own_cpu() -> Duration {
    let clock = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(clock.tv_sec.max(0).unsigned_abs(), clock.tv_nsec as u32)
}

/// CPU time of this thread so far.
pub fn thread_cpu() -> Duration {
    let clock = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(clock.tv_sec.max(0).unsigned_abs(), clock.tv_nsec as u32)
}

pub struct Report<'a> {
    pub options: &'a Options,
    /// `save` and `appendonly` of each node.
    pub configs: Vec<Option<(String, String)>>,
    pub nodes: usize,
    /// Under redis-benchmark's name nothing is said that it would not say.
    pub as_peer: bool,
}

pub fn ms(ns: u64) -> f64 {
    ns as f64 / 1e6
}

/// Average, least, p50, p95, p99 and most, in milliseconds.
pub fn figures(h: &Histogram<u64>) -> [f64; 6] {
    let at = |percentile: f64| ms(h.value_at_percentile(percentile));
    [h.mean() / 1e6, ms(h.min()), at(50.0), at(95.0), at(99.0), ms(h.max())]
}

impl Report<'_> {
    pub fn is_plain(&self) -> bool {
        !self.options.csv && !self.options.json
    }

    /// True if outcomes are asked for at the end.
    pub fn is_kept(&self) -> bool {
        let o = self.options;
        o.json || o.json_file.is_some() || o.html.is_some()
    }

    /// What stands in front of all tests.
    pub fn begin(&self) -> Result<(), String> {
        if !self.options.csv || self.options.json {
            return Ok(());
        }
        print(
            "\"test\",\"rps\",\"avg_latency_ms\",\"min_latency_ms\",\"p50_latency_ms\",\"p95_latency_ms\",\
             \"p99_latency_ms\",\"max_latency_ms\"\n",
        )
    }

    pub fn progress<'t>(&self, title: &'t str) -> Progress<'t> {
        Progress { title, shown: self.is_plain(), before: (0, 0, Duration::ZERO), width: 0 }
    }

    pub fn test(&self, outcome: &Outcome, payload: &str) -> Result<(), String> {
        let [_, _, p50, ..] = figures(&outcome.tally.response);
        let (title, rate) = (&outcome.title, outcome.rate());
        let mut out = String::new();
        if self.options.json {
            return Ok(());
        }
        if self.options.csv {
            out = csv_line(title, rate, &outcome.tally.response);
            // A mix's kinds of commands, each in a line of its own behind that of all of them.
            let kinds = outcome.labels.iter().zip(&outcome.tally.kinds).filter(|_| outcome.labels.len() > 1);
            for (label, Kind { response, .. }) in kinds {
                let rate = response.len() as f64 / outcome.took.as_secs_f64().max(1e-9);
                out.push_str(&csv_line(&format!("{title}: {label}"), rate, response));
            }
        } else if self.options.quiet {
            let _ = writeln!(out, "{:79}\r{title}: {rate:.2} requests per second, p50={p50:.3} msec", "");
            self.beyond(outcome, &mut out);
        } else {
            self.long(outcome, payload, &mut out);
            self.beyond(outcome, &mut out);
        }
        print(&out)
    }

    fn long(&self, outcome: &Outcome, payload: &str, out: &mut String) {
        let o = self.options;
        let h = &outcome.tally.response;
        // Writing to a string cannot fail.
        let _ = write!(
            out,
            "{:79}\r====== {} ======\n  {} requests completed in {:.2} seconds\n  {} parallel clients\n  {payload}\n  \
             keep alive: {}\n",
            "",
            outcome.title,
            outcome.finished,
            outcome.took.as_secs_f64(),
            outcome.clients,
            u8::from(o.keep_alive)
        );
        if o.cluster {
            let _ = writeln!(out, "  cluster mode: yes ({} masters)", self.nodes);
            for (at, (save, appendonly)) in
                self.configs.iter().enumerate().filter_map(|(at, c)| Some((at, c.as_ref()?)))
            {
                let save = if save.is_empty() { "NONE" } else { save };
                let _ = write!(out, "  node [{at}] configuration:\n    save: {save}\n    appendonly: {appendonly}\n");
            }
        } else if let Some(Some((save, appendonly))) = self.configs.first() {
            let _ = write!(
                out,
                "  host configuration \"save\": {save}\n  host configuration \"appendonly\": {appendonly}\n"
            );
        }
        let _ = writeln!(out, "  multi-thread: {}", if o.threads.is_some() { "yes" } else { "no" });
        if let Some(threads) = o.threads {
            let _ = writeln!(out, "  threads: {threads}");
        }
        let row = |out: &mut String, percent: f64, ns: u64, count: u64| {
            let _ = writeln!(out, "{percent:.3}% <= {:.3} milliseconds (cumulative count {count})", ms(ns));
        };
        out.push_str("\nLatency by percentile distribution:\n");
        for (percent, ns, count) in by_percentile(h) {
            row(out, percent, ns, count);
        }
        out.push_str("\nCumulative distribution of latencies:\n");
        for (percent, ns, count) in by_time(h) {
            row(out, percent, ns, count);
        }
        let _ = write!(
            out,
            "\nSummary:\n  throughput summary: {:.2} requests per second\n  latency summary (msec):\n",
            outcome.rate()
        );
        let line = |words: [String; 6]| words.iter().map(|word| format!("{word:>9} ")).collect::<String>();
        let heads = ["avg", "min", "p50", "p95", "p99", "max"].map(str::to_owned);
        let _ = writeln!(out, "    {}", line(heads).trim_end());
        let _ = writeln!(out, "    {}", line(figures(h).map(|ms| format!("{ms:.3}"))).trim_end());
    }

    /// What redis-benchmark does not know; nothing of it in a run without errors and without its own flags.
    fn beyond(&self, outcome: &Outcome, out: &mut String) {
        let tally = &outcome.tally;
        if let Some(service) = &tally.service {
            let _ = writeln!(
                out,
                "  {:<24}{:>10}{:>10}{:>10}{:>10}{:>10}  msec",
                "", "p50", "p99", "p99.9", "p99.99", "max"
            );
            for (name, h) in [("response, from when due", &tally.response), ("service, from when sent", service)] {
                let _ = write!(out, "  {name:<24}");
                for percentile in [50.0, 99.0, 99.9, 99.99] {
                    let _ = write!(out, "{:>10.3}", ms(h.value_at_percentile(percentile)));
                }
                let _ = writeln!(out, "{:>10.3}", ms(h.max()));
            }
            let _ = writeln!(
                out,
                "  sent more than {} ms late: {} (latest {:.3} ms); due and never sent or answered: {}",
                LATE_NS / 1_000_000,
                tally.late,
                ms(tally.latest_ns),
                tally.unsent
            );
        }
        self.kinds(outcome, out);
        for (kind, n) in &tally.errors {
            let _ = writeln!(out, "  errors {kind}: {n}");
        }
        if tally.checked > 0 || self.options.mix.verify {
            let first = tally.first_wrong.map(|key| format!(", first of key {key}")).unwrap_or_default();
            let _ = writeln!(out, "  values compared: {}; wrong: {}{first}", tally.checked, tally.wrong);
        }
        if let Some(us) = watch::cpu_per_request(&outcome.samples) {
            let _ = writeln!(out, "  server's CPU: {us:.3} microseconds a command");
        }
        for spike in &outcome.spikes {
            let labels = if spike.labels.is_empty() { "nothing known".into() } else { spike.labels.join(", ") };
            let _ = writeln!(out, "  slow second {}: p99 {:.3} ms ({labels})", spike.second, ms(spike.p99_ns));
        }
        for note in &outcome.notes {
            let _ = writeln!(out, "  {note}");
        }
        if outcome.is_bottleneck() && !self.as_peer {
            let _ = match outcome.rate {
                None => writeln!(
                    out,
                    "  the load generator itself used {:.0}% of its {}: it may be the limit, not the server; see --calibrate \
                     and --threads",
                    outcome.own_share() * 100.0,
                    if outcome.threads == 1 { "core".into() } else { format!("{} cores", outcome.threads) }
                ),
                Some(_) => writeln!(
                    out,
                    "  the load generator itself sent {:.1}% of the requests late, while the server answered at once: this \
                     machine may be the limit, not the server; see --calibrate and --threads",
                    tally.late as f64 * 100.0 / outcome.finished.max(1) as f64
                ),
            };
        }
    }

    /// A mix's kinds of commands, one a line.
    fn kinds(&self, outcome: &Outcome, out: &mut String) {
        if outcome.tally.kinds.is_empty() {
            return;
        }
        let width = outcome.labels.iter().map(|label| label.chars().count()).max().unwrap_or(0).max(8);
        let _ = writeln!(
            out,
            "  {:<width$}{:>12}{:>12}{:>10}{:>10}{:>10}{:>10}{:>10}{:>10}{:>12}{:>10}",
            "", "requests", "rps", "avg", "p50", "p99", "p99.9", "p99.99", "max", "null", "errors"
        );
        for (label, kind) in outcome.labels.iter().zip(&outcome.tally.kinds) {
            let h = &kind.response;
            let _ = writeln!(
                out,
                "  {label:<width$}{:>12}{:>12.2}{:>10.3}{:>10.3}{:>10.3}{:>10.3}{:>10.3}{:>10.3}{:>12}{:>10}",
                h.len(),
                h.len() as f64 / outcome.took.as_secs_f64().max(1e-9),
                h.mean() / 1e6,
                ms(h.value_at_percentile(50.0)),
                ms(h.value_at_percentile(99.0)),
                ms(h.value_at_percentile(99.9)),
                ms(h.value_at_percentile(99.99)),
                ms(h.max()),
                kind.misses,
                kind.errors
            );
        }
    }

    /// Several runs of one test: the best, the worst, and how far they are apart.
    pub fn runs(&self, runs: &[Outcome]) -> Result<(), String> {
        if runs.len() < 2 || !self.is_plain() {
            return Ok(());
        }
        let mut rates: Vec<f64> = runs.iter().map(Outcome::rate).collect();
        rates.sort_by(f64::total_cmp);
        let n = rates.len() as f64;
        let mean = rates.iter().sum::<f64>() / n;
        let deviation = (rates.iter().map(|r| (r - mean).powi(2)).sum::<f64>() / (n - 1.0)).sqrt();
        print(&format!(
            "  {} runs: worst {:.2}, median {:.2}, best {:.2} requests per second; deviation {:.1}%\n",
            rates.len(),
            rates[0],
            (rates[(rates.len() - 1) / 2] + rates[rates.len() / 2]) / 2.0,
            rates[rates.len() - 1],
            deviation / mean * 100.0
        ))
    }

    /// What stands behind all tests.
    pub fn end(&self, outcomes: &[Outcome]) -> Result<(), String> {
        files::documents(self.options, outcomes)?;
        if self.options.json {
            return print(&format!("{:#}\n", files::json(self.options, outcomes)));
        }
        if self.is_plain() && self.options.words.is_empty() { print("\n") } else { Ok(()) }
    }
}

fn csv_line(name: &str, rate: f64, h: &Histogram<u64>) -> String {
    let [avg, min, p50, p95, p99, max] = figures(h);
    format!("\"{name}\",\"{rate:.2}\",\"{avg:.3}\",\"{min:.3}\",\"{p50:.3}\",\"{p95:.3}\",\"{p99:.3}\",\"{max:.3}\"\n")
}

/// Percentiles each halfway from the last to 100, with their latency and how many were no longer; a level that adds
/// nobody is left out.
fn by_percentile(h: &Histogram<u64>) -> Vec<(f64, u64, u64)> {
    let (total, mut rows, mut count, mut left) = (h.len(), Vec::new(), 0, 100.0);
    for value in h.iter_recorded() {
        count += value.count_since_last_iteration();
        let here = count as f64 / total as f64 * 100.0;
        let mut first = true;
        while 100.0 - left <= here && left > 1e-9 {
            if first || count == total {
                rows.push((100.0 - left, value.value_iterated_to(), count));
            }
            (first, left) = (false, left / 2.0);
            if count == total {
                break;
            }
        }
    }
    if total > 0 {
        rows.push((100.0, h.max(), total));
    }
    rows
}

/// How many took no longer than each tenth of a millisecond, and from 2 on each millisecond.
fn by_time(h: &Histogram<u64>) -> Vec<(f64, u64, u64)> {
    let (total, mut rows, mut last) = (h.len(), Vec::new(), None);
    let mut recorded = h.iter_recorded().map(|v| (v.value_iterated_to(), v.count_since_last_iteration())).peekable();
    let (mut ns, mut count) = (0, 0);
    while count < total {
        ns += if ns < 2_000_000 { 100_000 } else { 1_000_000 };
        while let Some((_, n)) = recorded.next_if(|(value, _)| *value <= ns) {
            count += n;
        }
        if last != Some(count) {
            rows.push((count as f64 / total as f64 * 100.0, ns, count));
        }
        last = Some(count);
    }
    rows
}

/// The line that is written over and over while a test runs.
pub struct Progress<'a> {
    title: &'a str,
    shown: bool,
    before: (u64, u64, Duration),
    width: usize,
}

impl Progress<'_> {
    pub fn show(&mut self, shared: &Shared<'_>, took: Duration) {
        if !self.shown {
            return;
        }
        let (finished, latency_ns) = (shared.finished.load(Relaxed), shared.latency_sum.load(Relaxed));
        let (requests, latency, since) = self.before;
        let window = (took - since).as_secs_f64().max(1e-9);
        let mean = |ns: u64, n: u64| if n == 0 { 0.0 } else { ms(ns) / n as f64 };
        let line = format!(
            "{}: rps={:.1} (overall: {:.1}) avg_msec={:.3} (overall: {:.3})",
            self.title,
            (finished - requests) as f64 / window,
            finished as f64 / took.as_secs_f64().max(1e-9),
            mean(latency_ns.saturating_sub(latency), finished - requests),
            mean(latency_ns, finished)
        );
        // A reader who went away is noticed by the report.
        let _ = print(&format!("{:1$}\r{line}\r", "", self.width.max(1)));
        self.width = line.chars().count();
        self.before = (finished, latency_ns, took);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distributions_as_redis_benchmark_writes_them() {
        let mut h = super::super::tally::histogram(3);
        for n in 1..=200u64 {
            h.saturating_record(n * 10_000);
        }
        let percents: Vec<String> = by_percentile(&h).iter().map(|(p, _, n)| format!("{p:.3} {n}")).collect();
        assert_eq!(
            percents,
            [
                "0.000 1",
                "50.000 100",
                "75.000 150",
                "87.500 175",
                "93.750 188",
                "96.875 194",
                "98.438 197",
                "99.219 199",
                "99.609 200",
                "100.000 200"
            ]
        );
        let times = by_time(&h);
        // The last is in a step that ends a little above 2 ms.
        assert_eq!((times.len(), times[19].2, times[20].2), (21, 199, 200), "{times:?}");
        assert!(by_percentile(&super::super::tally::histogram(3)).is_empty());
    }
}
