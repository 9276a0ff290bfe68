//! The page of `--html`: one file with its charts as drawings, no script and nothing from elsewhere.

use super::{report::ms, run::Outcome};
use crate::args::bench::Options;
use std::fmt::Write;

const WIDTH: f64 = 960.0;
const HEIGHT: f64 = 220.0;
/// Room for the scale on the left and below.
const LEFT: f64 = 70.0;
const BELOW: f64 = 24.0;
const COLOURS: [&str; 6] = ["#2f6fde", "#d9822b", "#c23030", "#15803d", "#7c3aed", "#0f766e"];

const HEAD: &str = "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>rustredis bench</title><style>\
body{font:14px/1.4 system-ui,sans-serif;margin:2rem auto;max-width:1000px;padding:0 1rem;color:#222;background:#fff}\
table{border-collapse:collapse;width:100%}td,th{text-align:right;padding:.15rem .6rem;border-bottom:1px solid #ddd}\
td:first-child,th:first-child{text-align:left}h2{margin-top:2.5rem}svg{width:100%;height:auto;overflow:visible}\
text{font:11px system-ui,sans-serif;fill:#555}.grid{stroke:#ddd}.spike{fill:#c23030;opacity:.12}p{color:#555}\
@media(prefers-color-scheme:dark){body{background:#16181c;color:#ddd}text{fill:#aaa}td,th{border-color:#333}.grid{stroke:#333}p{color:#999}}\
</style></head><body><h1>rustredis bench</h1>\n";

/// A line of a chart: its name, and values with their times in seconds.
struct Line {
    name: String,
    points: Vec<(f64, f64)>,
}

/// What all charts of a test have in common: how long it took, and its slow seconds with their reasons.
struct Time {
    seconds: f64,
    spikes: Vec<(usize, String)>,
}

pub fn page(o: &Options, outcomes: &[Outcome]) -> String {
    let mut out = String::from(HEAD);
    // Writing to a string cannot fail.
    let _ = write!(out, "<p>{}</p>", escape(&o.target.addr.to_string()));
    for outcome in outcomes {
        let _ = test(&mut out, outcome);
    }
    out.push_str("</body></html>\n");
    out
}

fn test(out: &mut String, outcome: &Outcome) -> std::fmt::Result {
    let tally = &outcome.tally;
    write!(
        out,
        "<section><h2>{}</h2><p>{} connections, pipelines of {}, {} thread{}</p><p>{} requests in {:.2} seconds: {:.0} a second; errors: {}; own CPU {:.0}%{}</p>",
        escape(&outcome.title),
        outcome.clients,
        outcome.pipeline,
        outcome.threads,
        if outcome.threads == 1 { "" } else { "s" },
        outcome.finished,
        outcome.took.as_secs_f64(),
        outcome.rate(),
        tally.errors(),
        outcome.own_share() * 100.0,
        match (outcome.is_bottleneck(), outcome.rate) {
            (false, _) => "",
            (true, None) => ": the load generator itself may be the limit",
            (true, Some(_)) => ": many requests went out late, this machine may be the limit",
        }
    )?;
    out.push_str("<table><tr><th>milliseconds</th><th>requests</th><th>p50</th><th>p90</th><th>p99</th><th>p99.9</th><th>p99.99</th><th>max</th></tr>");
    let mut rows = vec![(if tally.service.is_some() { "response" } else { "all" }.to_owned(), &tally.response)];
    rows.extend(tally.service.iter().map(|h| ("service".to_owned(), h)));
    rows.extend(outcome.labels.iter().cloned().zip(tally.kinds.iter().map(|kind| &kind.response)));
    for (name, h) in &rows {
        write!(out, "<tr><td>{}</td><td>{}</td>", escape(name), h.len())?;
        for percentile in [50.0, 90.0, 99.0, 99.9, 99.99] {
            write!(out, "<td>{:.3}</td>", ms(h.value_at_percentile(percentile)))?;
        }
        write!(out, "<td>{:.3}</td></tr>", ms(h.max()))?;
    }
    out.push_str("</table>");
    for (kind, n) in &tally.errors {
        write!(out, "<p>errors {}: {n}</p>", escape(kind))?;
    }
    for note in &outcome.notes {
        write!(out, "<p>{}</p>", escape(note))?;
    }
    seconds(out, outcome)?;
    let lines: Vec<(String, Vec<(f64, f64)>)> = rows
        .iter()
        .take(COLOURS.len())
        .map(|(name, h)| {
            let points = (0..=60).map(|step| {
                // Each step halves what is left towards 100% three times a nine.
                let left = 0.5f64.powf(f64::from(step) / 4.0);
                (f64::from(step) / 60.0, ms(h.value_at_quantile(1.0 - left)))
            });
            (name.clone(), points.collect())
        })
        .collect();
    distribution(out, &lines)?;
    out.push_str("</section>\n");
    Ok(())
}

fn seconds(out: &mut String, outcome: &Outcome) -> std::fmt::Result {
    let took = outcome.took.as_secs_f64();
    // The last second is seldom whole.
    let whole = ((took + 0.05) as usize).max(1).min(outcome.seconds.len());
    let all = &outcome.seconds[..whole];
    // What is told of a second stands in its middle.
    let middle = |at: usize| (at as f64 + 0.5).min(took);
    let line = |name: &str, of: &dyn Fn(&super::tally::Second) -> f64| Line {
        name: name.to_owned(),
        points: all.iter().enumerate().filter(|(_, s)| s.requests() > 0).map(|(at, s)| (middle(at), of(s))).collect(),
    };
    let spikes = outcome.spikes.iter().map(|s| (s.second, s.labels.join(", "))).collect();
    let time = Time { seconds: took, spikes };
    let requests = all.iter().enumerate().map(|(at, s)| (middle(at), s.requests() as f64));
    chart(out, "Requests each second", &[Line { name: "requests".into(), points: requests.collect() }], &time)?;
    let at = |p: f64| move |s: &super::tally::Second| ms(s.response.value_at_percentile(p));
    let percentiles = [line("p50", &at(50.0)), line("p99", &at(99.0)), line("max", &|s| ms(s.response.max()))];
    chart(out, "Latency each second, milliseconds", &percentiles, &time)?;
    if outcome.samples.len() > 2 {
        let since = |s: &super::watch::Sample| s.at.saturating_sub(outcome.began).as_secs_f64();
        let cpu = |w: &[super::watch::Sample]| {
            let (from, to) = (since(&w[0]), since(&w[1]));
            let used = (w[1].cpu_s? - w[0].cpu_s?) / (to - from) * 100.0;
            (to - from > 0.2).then_some(((from + to) / 2.0, used.max(0.0)))
        };
        let line = Line { name: "CPU".into(), points: outcome.samples.windows(2).filter_map(cpu).collect() };
        chart(out, "Server's CPU, per cent of a core", &[line], &time)?;
        let memory = outcome.samples.iter().map(|s| (since(s), s.memory as f64 / 1e6));
        chart(out, "Server's memory, MB", &[Line { name: "memory".into(), points: memory.collect() }], &time)?;
    }
    for (second, labels) in &time.spikes {
        let labels = if labels.is_empty() { "nothing known" } else { labels };
        write!(out, "<p>slow second {second}: {}</p>", escape(labels))?;
    }
    Ok(())
}

/// Lines over the time of the test, from 0 upwards.
fn chart(out: &mut String, title: &str, lines: &[Line], time: &Time) -> std::fmt::Result {
    if lines.iter().all(|l| l.points.is_empty()) {
        return Ok(());
    }
    let most = lines.iter().flat_map(|l| &l.points).fold(0.0f64, |a, (_, b)| a.max(*b));
    let top = nice(most);
    // What was seen just before the first second or after the last stands at the edge.
    let x = |at: f64| LEFT + (at / time.seconds.max(1e-9)).clamp(0.0, 1.0) * (WIDTH - LEFT);
    let y = |value: f64| (HEIGHT - BELOW) * (1.0 - value / top);
    begin(out, title, top, &y)?;
    for (second, labels) in &time.spikes {
        let from = x(*second as f64);
        let width = x(*second as f64 + 1.0) - from;
        write!(
            out,
            "<rect class=\"spike\" x=\"{from:.1}\" y=\"0\" width=\"{width:.1}\" height=\"{}\"/><text x=\"{from:.1}\" y=\"10\">{}</text>",
            HEIGHT - BELOW,
            escape(labels)
        )?;
    }
    let step = nice(time.seconds / 10.0);
    for at in (0..=10).map(|n| f64::from(n) * step).take_while(|at| *at <= time.seconds) {
        let anchor = if x(at) > WIDTH - 20.0 { "end" } else { "start" };
        let label = number(at);
        write!(out, "<text x=\"{:.1}\" y=\"{}\" text-anchor=\"{anchor}\">{label} s</text>", x(at), HEIGHT - 6.0)?;
    }
    for (line, colour) in lines.iter().zip(COLOURS) {
        let points: Vec<_> = line.points.iter().map(|(at, value)| (x(*at), y(*value))).collect();
        polyline(out, &points, colour)?;
    }
    end(out, lines.iter().map(|l| l.name.as_str()))
}

/// Latency over percentile, both by their logarithms.
fn distribution(out: &mut String, lines: &[(String, Vec<(f64, f64)>)]) -> std::fmt::Result {
    let values = || lines.iter().flat_map(|(_, points)| points).map(|(_, value)| *value).filter(|v| *v > 0.0);
    let (low, high) = (values().fold(f64::MAX, f64::min), values().fold(0.0, f64::max));
    if high <= 0.0 {
        return Ok(());
    }
    let (low, high) = (low.log10().floor(), high.log10().ceil());
    let high = if high > low { high } else { low + 1.0 };
    let y = |log: f64| (HEIGHT - BELOW) * (1.0 - (log - low) / (high - low));
    write!(
        out,
        "<h3>Latency by percentile, milliseconds</h3><svg class=\"chart\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\">"
    )?;
    let mut log = low;
    while log <= high {
        grid(out, y(log), &format!("{}", 10f64.powf(log)))?;
        log += 1.0;
    }
    let x = |part: f64| LEFT + part * (WIDTH - LEFT);
    for percent in [50.0, 90.0, 99.0, 99.9, 99.99] {
        let halvings = -f64::log2(1.0 - percent / 100.0);
        write!(out, "<text x=\"{:.1}\" y=\"{}\">{percent}%</text>", x(halvings / 15.0), HEIGHT - 6.0)?;
    }
    for ((_, points), colour) in lines.iter().zip(COLOURS) {
        let points: Vec<_> =
            points.iter().filter(|(_, v)| *v > 0.0).map(|(part, v)| (x(*part), y(v.log10()))).collect();
        polyline(out, &points, colour)?;
    }
    end(out, lines.iter().map(|(name, _)| name.as_str()))
}

/// A round number that is not below `most`.
fn nice(most: f64) -> f64 {
    if most <= 0.0 {
        return 1.0;
    }
    let power = 10f64.powf(most.log10().floor());
    [1.0, 2.0, 5.0, 10.0].iter().map(|n| n * power).find(|n| *n >= most).unwrap_or(most)
}

fn begin(out: &mut String, title: &str, top: f64, y: &dyn Fn(f64) -> f64) -> std::fmt::Result {
    write!(out, "<h3>{title}</h3><svg class=\"chart\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\">")?;
    for quarter in 0..=4 {
        let value = top * f64::from(quarter) / 4.0;
        grid(out, y(value), &number(value))?;
    }
    Ok(())
}

fn number(value: f64) -> String {
    match value {
        v if v >= 1e6 => format!("{}M", number(v / 1e6)),
        v if v >= 1e4 => format!("{}k", number(v / 1e3)),
        v => format!("{v:.3}").trim_end_matches('0').trim_end_matches('.').to_owned(),
    }
}

fn grid(out: &mut String, y: f64, label: &str) -> std::fmt::Result {
    write!(
        out,
        "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{WIDTH}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/><text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{label}</text>",
        LEFT - 6.0,
        y + 4.0
    )
}

fn polyline(out: &mut String, points: &[(f64, f64)], colour: &str) -> std::fmt::Result {
    if let [(x, y)] = points {
        return write!(out, "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\" fill=\"{colour}\"/>");
    }
    let points: Vec<String> = points.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
    write!(out, "<polyline fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.6\" points=\"{}\"/>", points.join(" "))
}

fn end<'a>(out: &mut String, names: impl Iterator<Item = &'a str>) -> std::fmt::Result {
    out.push_str("</svg><p class=\"names\">");
    for (name, colour) in names.zip(COLOURS) {
        write!(out, "<span style=\"color:{colour}\">&#9632;</span> {} &nbsp; ", escape(name))?;
    }
    out.push_str("</p>");
    Ok(())
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scales_are_round() {
        assert_eq!([0.0, 0.07, 1.0, 3.0, 99.0, 101.0].map(nice), [1.0, 0.1, 1.0, 5.0, 100.0, 200.0]);
        assert_eq!([0.25, 150.0, 12_500.0, 37_500.0, 1.5e6].map(number), ["0.25", "150", "12.5k", "37.5k", "1.5M"]);
    }
}
