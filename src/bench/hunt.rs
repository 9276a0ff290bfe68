//! `--find-max`: the highest rate of the open loop that meets a service level. Doubled until it fails and bisected then;
//! every rate tried is a point of the curve.

use super::{
    files::latencies,
    report::{ms, print},
    run::{Outcome, Runner},
    suite::Test,
    tally::LOST,
};
use crate::args::bench::{
    Options,
    slo::{Bound, Figure},
};
use serde_json::{Value, json};
use std::{process::ExitCode, time::Duration};

const STEP: Duration = Duration::from_secs(3);
/// Between the highest rate that passed and the lowest that failed.
const PRECISION: f64 = 0.03;
/// Steps of a search at most.
const MOST_STEPS: usize = 40;
const HIGHEST: f64 = 1e8;
/// A rate is met if this part of it was served.
const REACHED: f64 = 0.97;
/// Parts of the highest rate that are measured at the end, unless they were on the way.
const CURVE: [f64; 5] = [0.1, 0.25, 0.5, 0.75, 0.9];

/// A rate tried.
struct Point {
    rate: f64,
    /// What of it was served.
    reached: f64,
    outcome: Outcome,
    /// Why it failed.
    missed: Vec<String>,
}

pub fn run(options: &Options, runner: &Runner<'_>, tests: &[Test]) -> Result<ExitCode, String> {
    let mut all = Vec::new();
    let mut found = true;
    for test in tests {
        let mut curve = search(options, runner, test)?;
        curve.sort_by(|a, b| a.rate.total_cmp(&b.rate));
        // Noise may let a rate pass above one that failed: what counts is the last one below the first failure.
        let best =
            curve.iter().take_while(|p| p.missed.is_empty()).last().or(curve.iter().rfind(|p| p.missed.is_empty()));
        found &= best.is_some();
        let slo: Vec<String> = options.slo.iter().map(shown).collect();
        if options.json {
            let points: Vec<Value> = curve.iter().map(point).collect();
            all.push(json!({"test": test.title, "slo": slo, "highest_rate": best.map(|p| p.rate), "curve": points}));
        } else if options.csv {
            print(&csv(&test.title, &curve))?;
        } else {
            print(&table(&test.title, &slo.join(", "), &curve, best))?;
        }
    }
    if options.json {
        print(&format!("{:#}\n", json!({"tests": all})))?;
    }
    Ok(if found { ExitCode::SUCCESS } else { ExitCode::from(2) })
}

fn search(options: &Options, runner: &Runner<'_>, test: &Test) -> Result<Vec<Point>, String> {
    let step = options.step.unwrap_or(STEP);
    let mut o = test.options.clone();
    o.test_time = Some(step);
    let mut curve: Vec<Point> = Vec::new();
    // What a closed loop reaches is where to begin.
    let mut closed = o.clone();
    (closed.test_time, closed.rate) = (Some(step.min(Duration::from_secs(1))), None);
    let first = runner.run(&test.title, &test.work, &closed, &mut |_, _| ())?.rate();
    let attempt = |rate: f64, curve: &mut Vec<Point>| -> Result<bool, String> {
        let mut o = o.clone();
        o.rate = Some(rate);
        let mut outcome = runner.run(&test.title, &test.work, &o, &mut |_, _| ())?;
        let mut why = missed(&options.slo, &outcome, rate);
        if !why.is_empty() {
            // Once may be the machine's fault: a rate fails if it fails twice.
            let again = runner.run(&test.title, &test.work, &o, &mut |_, _| ())?;
            let second = missed(&options.slo, &again, rate);
            if second.len() <= why.len() {
                (outcome, why) = (again, second);
            }
        }
        let missed = why;
        let passed = missed.is_empty();
        if !options.json && !options.csv && !options.quiet {
            let p99 = ms(outcome.tally.response.value_at_percentile(99.0));
            let verdict = if passed { "met".to_owned() } else { missed.join(", ") };
            eprintln!("{}: {rate:.0} a second: p99 {p99:.3} ms: {verdict}", test.title);
        }
        curve.push(Point { rate, reached: reached(&outcome, rate), outcome, missed });
        Ok(passed)
    };
    let (mut low, mut high) = (None::<f64>, None::<f64>);
    let mut rate = options.rate.unwrap_or(first / 2.0).clamp(1.0, HIGHEST);
    for _ in 0..MOST_STEPS {
        if attempt(rate, &mut curve)? {
            low = Some(rate)
        } else {
            high = Some(rate)
        }
        rate = match (low, high) {
            (Some(low), Some(high)) if high / low <= 1.0 + PRECISION => break,
            (Some(low), Some(high)) => (low * high).sqrt(),
            (Some(low), None) if low >= HIGHEST => break,
            (Some(low), None) => (low * 2.0).min(HIGHEST),
            (None, Some(high)) if high <= 1.0 => break,
            (None, high) => (high.unwrap_or(2.0) / 2.0).max(1.0),
        };
    }
    if let Some(best) = low {
        for part in CURVE {
            let rate = best * part;
            if rate >= 1.0 && !curve.iter().any(|p| (p.rate / rate - 1.0).abs() < 0.1) {
                attempt(rate, &mut curve)?;
            }
        }
    }
    Ok(curve)
}

/// What of the service level was missed; that the rate was not reached is one of it.
fn missed(slo: &[Bound], outcome: &Outcome, rate: f64) -> Vec<String> {
    let mut why: Vec<String> =
        slo.iter().filter(|b| value(b.figure, outcome) > b.most).map(|b| format!("not {}", shown(b))).collect();
    if outcome.finished == 0 {
        why.push("no request in a step".into());
    }
    let reached = reached(outcome, rate);
    if reached < REACHED * rate {
        why.push(format!("{reached:.0} a second reached"));
    }
    why
}

/// Requests a second that were served, of the rate. Random arrivals differ in number: what counts is that all that were
/// due went out in the step, and were answered.
fn reached(outcome: &Outcome, rate: f64) -> f64 {
    let tally = &outcome.tally;
    let lost = tally.errors.get(LOST).copied().unwrap_or(0);
    let due = outcome.finished + tally.unsent + lost;
    // Who is never answered was behind already when the step ended, or is it now.
    rate * (1.0 - (tally.behind.max(tally.unsent) + lost) as f64 / due.max(1) as f64).max(0.0)
}

/// In nanoseconds, or per cent.
fn value(figure: Figure, outcome: &Outcome) -> f64 {
    let (tally, h) = (&outcome.tally, &outcome.tally.response);
    match figure {
        Figure::Percentile(p) => h.value_at_percentile(p) as f64,
        Figure::Mean => h.mean(),
        Figure::Max => h.max() as f64,
        Figure::Errors => tally.errors() as f64 * 100.0 / outcome.finished.max(1) as f64,
        Figure::Rps | Figure::Cpu => 0.0,
    }
}

fn shown(bound: &Bound) -> String {
    match bound.figure {
        Figure::Errors => format!("errors<{}%", bound.most),
        figure => format!("{figure}<{}ms", bound.most / 1e6),
    }
}

fn point(p: &Point) -> Value {
    json!({
        "rate": p.rate,
        "reached": p.reached,
        "met": p.missed.is_empty(),
        "missed": p.missed,
        "response_ms": latencies(&p.outcome.tally.response),
        "service_ms": p.outcome.tally.service.as_ref().map(latencies),
        "errors": p.outcome.tally.errors,
        "late": p.outcome.tally.late,
        "own_cpu_share": p.outcome.own_share(),
        "may_be_the_bottleneck": p.outcome.is_bottleneck(),
    })
}

const PERCENTILES: [f64; 4] = [50.0, 99.0, 99.9, 99.99];

fn csv(title: &str, curve: &[Point]) -> String {
    let mut out = String::from(
        "\"test\",\"rate\",\"reached\",\"p50_ms\",\"p99_ms\",\"p99.9_ms\",\"p99.99_ms\",\"max_ms\",\"met\"\n",
    );
    for p in curve {
        let h = &p.outcome.tally.response;
        let figures: Vec<String> =
            PERCENTILES.iter().map(|at| format!("\"{:.3}\"", ms(h.value_at_percentile(*at)))).collect();
        out.push_str(&format!(
            "\"{title}\",\"{:.2}\",\"{:.2}\",{},\"{:.3}\",\"{}\"\n",
            p.rate,
            p.reached,
            figures.join(","),
            ms(h.max()),
            if p.missed.is_empty() { "yes" } else { "no" }
        ));
    }
    out
}

fn table(title: &str, slo: &str, curve: &[Point], best: Option<&Point>) -> String {
    let mut out = format!(
        "====== {title}: {slo} ======\n{:>12}{:>12}{:>10}{:>10}{:>10}{:>10}{:>10}\n",
        "rate", "reached", "p50", "p99", "p99.9", "p99.99", "max"
    );
    for p in curve {
        let h = &p.outcome.tally.response;
        out.push_str(&format!("{:>12.0}{:>12.0}", p.rate, p.reached));
        for at in PERCENTILES {
            out.push_str(&format!("{:>10.3}", ms(h.value_at_percentile(at))));
        }
        let bound = if p.outcome.is_bottleneck() { ", the load generator's own limit" } else { "" };
        out.push_str(&format!(
            "{:>10.3}  {}{bound}\n",
            ms(h.max()),
            if p.missed.is_empty() { "met".into() } else { p.missed.join(", ") }
        ));
    }
    match best {
        Some(best) => out.push_str(&format!("highest rate that meets it: {:.0} requests per second\n", best.rate)),
        None => out.push_str("no rate meets it\n"),
    }
    out
}
