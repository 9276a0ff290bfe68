//! What is left on the disk: the JSON document, HdrHistogram's files, the page of charts.

use super::{
    page,
    report::ms,
    run::Outcome,
    tally::{hgrm, interval_log},
    watch,
};
use crate::args::bench::{Arrivals, Options};
use hdrhistogram::{Counter, Histogram};
use serde_json::{Map, Value, json};
use std::path::{Path, PathBuf};

fn write(path: &Path, bytes: &[u8]) -> Result<(), String> {
    std::fs::write(path, bytes).map_err(|e| format!("{}: {}", path.display(), crate::client::reason(&e)))
}

/// Says before the run what would be said after it: that a file cannot be written.
pub fn check(o: &Options) -> Result<(), String> {
    for path in o.json_file.iter().chain(&o.html) {
        let opened = std::fs::OpenOptions::new().create(true).append(true).open(path);
        opened.map_err(|e| format!("{}: {}", path.display(), crate::client::reason(&e)))?;
    }
    let place = o.hdr_prefix.as_ref().and_then(|prefix| prefix.parent()).filter(|place| !place.as_os_str().is_empty());
    match place {
        Some(place) if !place.is_dir() => Err(format!("{} is no directory", place.display())),
        _ => Ok(()),
    }
}

/// The files that the flags ask for, of all tests.
pub fn documents(o: &Options, outcomes: &[Outcome]) -> Result<(), String> {
    if let Some(path) = &o.json_file {
        write(path, format!("{:#}\n", json(o, outcomes)).as_bytes())?;
    }
    if let Some(path) = &o.html {
        write(path, page::page(o, outcomes).as_bytes())?;
    }
    Ok(())
}

/// `PREFIX_NAME_command_run_N.txt` and `.hgrm` for each kind of command, as memtier_benchmark names them.
pub fn histograms(o: &Options, outcome: &Outcome) -> Result<(), String> {
    let Some(prefix) = &o.hdr_prefix else { return Ok(()) };
    let whole = [(&outcome.title, &outcome.tally.response)];
    let kinds = outcome.labels.iter().zip(outcome.tally.kinds.iter().map(|kind| &kind.response));
    for (name, h) in kinds.chain(whole).filter(|(_, h)| !h.is_empty()) {
        let name: String = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).take(64).collect();
        let path = |ending: &str| {
            let mut all = prefix.clone().into_os_string();
            all.push(format!("_{name}_command_run_{}.{ending}", outcome.run));
            PathBuf::from(all)
        };
        write(&path("txt"), &interval_log(h, outcome.took)?)?;
        write(&path("hgrm"), hgrm(h).as_bytes())?;
    }
    Ok(())
}

/// The whole run.
pub fn json(o: &Options, outcomes: &[Outcome]) -> Value {
    let tests: Vec<Value> = outcomes.iter().map(test).collect();
    json!({
        "clients": o.clients,
        "pipeline": o.pipeline,
        "threads": o.threads.unwrap_or(1),
        "rate": o.rate,
        "arrivals": o.rate.map(|_| match o.arrivals { Arrivals::Poisson => "poisson", Arrivals::Constant => "constant" }),
        "tests": tests,
    })
}

fn test(outcome: &Outcome) -> Value {
    let tally = &outcome.tally;
    let seconds: Vec<Value> = outcome
        .seconds
        .iter()
        .map(|s| json!({"requests": s.requests(), "errors": s.errors, "latency_ms": latencies(&s.response)}))
        .collect();
    let mut all = json!({
        "test": outcome.title,
        "run": outcome.run,
        "clients": outcome.clients,
        "pipeline": outcome.pipeline,
        "requests": outcome.finished,
        "seconds": outcome.took.as_secs_f64(),
        "requests_per_second": outcome.rate(),
        "response_ms": latencies(&tally.response),
        "errors": tally.errors,
        "own_cpu_share": outcome.own_share(),
        "own_cpu_us_per_request": outcome.own_cpu.as_secs_f64() * 1e6 / (outcome.finished.max(1)) as f64,
        "io": if tally.ring { "uring" } else { "epoll" },
        "may_be_the_bottleneck": outcome.is_bottleneck(),
        "per_second": seconds,
    });
    if let Some(rate) = outcome.rate {
        all["rate"] = json!(rate);
    }
    if let Some(service) = &tally.service {
        all["service_ms"] = latencies(service);
        all["late"] = json!(tally.late);
        all["latest_ms"] = json!(ms(tally.latest_ns));
        all["unsent"] = json!(tally.unsent);
    }
    if !tally.kinds.is_empty() {
        let kinds = outcome.labels.iter().zip(&tally.kinds).map(|(label, kind)| {
            let mut one = json!({
                "requests": kind.response.len(),
                "response_ms": latencies(&kind.response),
                "null": kind.misses,
                "errors": kind.errors,
            });
            if let Some(service) = &kind.service {
                one["service_ms"] = latencies(service);
            }
            (label.clone(), one)
        });
        all["commands"] = Value::Object(kinds.collect());
    }
    if tally.checked > 0 {
        all["values"] = json!({"compared": tally.checked, "wrong": tally.wrong});
    }
    if !outcome.samples.is_empty() {
        all["server"] = server(outcome);
    }
    if !outcome.spikes.is_empty() {
        let spikes = outcome.spikes.iter();
        all["slow_seconds"] =
            spikes.map(|s| json!({"second": s.second, "p99_ms": ms(s.p99_ns), "labels": s.labels})).collect();
    }
    if !outcome.notes.is_empty() {
        all["notes"] = json!(outcome.notes);
    }
    all
}

fn server(outcome: &Outcome) -> Value {
    let samples: Vec<Value> = outcome
        .samples
        .iter()
        .map(|s| {
            json!({
                "at_seconds": s.at.as_secs_f64(), "cpu_seconds": s.cpu_s, "commands": s.commands,
                "used_memory": s.memory, "used_memory_rss": s.rss, "clients": s.clients, "expired": s.expired,
                "evicted": s.evicted, "hits": s.hits, "misses": s.misses, "saving": s.saving, "rewriting": s.rewriting,
            })
        })
        .collect();
    json!({"cpu_us_per_command": watch::cpu_per_request(&outcome.samples), "samples": samples})
}

/// Percentiles in milliseconds.
pub fn latencies<T: Counter>(h: &Histogram<T>) -> Value {
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
