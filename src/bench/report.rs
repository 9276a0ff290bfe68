//! What is shown: redis-benchmark's text and CSV word by word, and JSON.

use super::{load::LATE_NS, tally::Tally};
use crate::args::bench::{Arrivals, Options};
use hdrhistogram::{Counter, Histogram};
use serde_json::{Map, Value, json};
use std::{
    fmt::Write as _,
    io::{self, Write},
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

pub struct Outcome<'a> {
    pub title: &'a str,
    pub finished: u64,
    pub took: Duration,
    /// CPU time of the load generator itself.
    pub own_cpu: Duration,
    pub tally: Tally,
}

impl Outcome<'_> {
    /// Requests a second.
    fn rate(&self) -> f64 {
        self.finished as f64 / self.took.as_secs_f64().max(1e-9)
    }

    fn own_share(&self) -> f64 {
        self.own_cpu.as_secs_f64() / self.took.as_secs_f64().max(1e-9)
    }
}

pub struct Report<'a> {
    pub options: &'a Options,
    /// `save` and `appendonly` of each node.
    pub configs: Vec<Option<(String, String)>>,
    pub nodes: usize,
}

fn ms(ns: u64) -> f64 {
    ns as f64 / 1e6
}

/// Average, least, p50, p95, p99 and most, in milliseconds.
fn figures(h: &Histogram<u64>) -> [f64; 6] {
    let at = |percentile: f64| ms(h.value_at_percentile(percentile));
    [h.mean() / 1e6, ms(h.min()), at(50.0), at(95.0), at(99.0), ms(h.max())]
}

impl Report<'_> {
    fn is_plain(&self) -> bool {
        !self.options.csv && !self.options.json
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

    pub fn test(&self, outcome: &Outcome<'_>, payload: usize) -> Result<(), String> {
        let [avg, min, p50, p95, p99, max] = figures(&outcome.tally.response);
        let (title, rate) = (outcome.title, outcome.rate());
        let mut out = String::new();
        if self.options.json {
            return Ok(());
        }
        if self.options.csv {
            out = format!(
                "\"{title}\",\"{rate:.2}\",\"{avg:.3}\",\"{min:.3}\",\"{p50:.3}\",\"{p95:.3}\",\"{p99:.3}\",\"{max:.3}\"\n"
            );
        } else if self.options.quiet {
            let _ = writeln!(out, "{:79}\r{title}: {rate:.2} requests per second, p50={p50:.3} msec", "");
            self.beyond(outcome, &mut out);
        } else {
            self.long(outcome, payload, &mut out);
            self.beyond(outcome, &mut out);
        }
        print(&out)
    }

    fn long(&self, outcome: &Outcome<'_>, payload: usize, out: &mut String) {
        let o = self.options;
        let h = &outcome.tally.response;
        // Writing to a string cannot fail.
        let _ = write!(
            out,
            "{:79}\r====== {} ======\n  {} requests completed in {:.2} seconds\n  {} parallel clients\n  {payload} bytes \
             payload\n  keep alive: {}\n",
            "",
            outcome.title,
            outcome.finished,
            outcome.took.as_secs_f64(),
            o.clients,
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

    /// What redis-benchmark does not know; nothing of it in a run without errors and without `--rate`.
    fn beyond(&self, outcome: &Outcome<'_>, out: &mut String) {
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
                "  sent more than {} ms late: {} (latest {:.3} ms); due and never sent: {}",
                LATE_NS / 1_000_000,
                tally.late,
                ms(tally.latest_ns),
                tally.unsent
            );
        }
        for (kind, n) in &tally.errors {
            let _ = writeln!(out, "  errors {kind}: {n}");
        }
    }

    /// What stands behind all tests.
    pub fn end(&self, outcomes: &[Outcome<'_>]) -> Result<(), String> {
        if self.options.json {
            let tests: Vec<Value> = outcomes.iter().map(|outcome| self.json(outcome)).collect();
            let o = self.options;
            let all = json!({
                "clients": o.clients,
                "pipeline": o.pipeline,
                "threads": o.threads.unwrap_or(1),
                "rate": o.rate,
                "arrivals": o.rate.map(|_| match o.arrivals { Arrivals::Poisson => "poisson", Arrivals::Constant => "constant" }),
                "tests": tests,
            });
            return print(&format!("{all:#}\n"));
        }
        if self.is_plain() && self.options.words.is_empty() { print("\n") } else { Ok(()) }
    }

    fn json(&self, outcome: &Outcome<'_>) -> Value {
        let tally = &outcome.tally;
        let seconds: Vec<Value> = tally
            .seconds
            .iter()
            .map(|s| json!({"requests": s.response.len(), "errors": s.errors, "latency_ms": latencies(&s.response)}))
            .collect();
        let mut all = json!({
            "test": outcome.title,
            "requests": outcome.finished,
            "seconds": outcome.took.as_secs_f64(),
            "requests_per_second": outcome.rate(),
            "response_ms": latencies(&tally.response),
            "errors": tally.errors,
            "own_cpu_share": outcome.own_share(),
            "own_cpu_us_per_request": outcome.own_cpu.as_secs_f64() * 1e6 / (outcome.finished.max(1)) as f64,
            "per_second": seconds,
        });
        if let Some(service) = &tally.service {
            all["service_ms"] = latencies(service);
            all["late"] = json!(tally.late);
            all["latest_ms"] = json!(ms(tally.latest_ns));
            all["unsent"] = json!(tally.unsent);
        }
        all
    }
}

fn latencies<T: Counter>(h: &Histogram<T>) -> Value {
    let mut map = Map::new();
    map.insert("mean".into(), json!(h.mean() / 1e6));
    map.insert("min".into(), json!(ms(h.min())));
    for (name, percentile) in
        [("p50", 50.0), ("p90", 90.0), ("p95", 95.0), ("p99", 99.0), ("p99.9", 99.9), ("p99.99", 99.99)]
    {
        map.insert(name.into(), json!(ms(h.value_at_percentile(percentile))));
    }
    map.insert("max".into(), json!(ms(h.max())));
    Value::Object(map)
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
    /// `finished` requests whose latencies sum up to `latency_ns`, after `took`.
    pub fn show(&mut self, finished: u64, latency_ns: u64, took: Duration) {
        if !self.shown {
            return;
        }
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
