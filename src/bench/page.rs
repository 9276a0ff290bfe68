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

/// A line of a chart: its name and a value for each second; `None` is a gap.
struct Line {
    name: String,
    values: Vec<Option<f64>>,
}

pub fn page(o: &Options, outcomes: &[Outcome]) -> String {
    let mut out = String::from(HEAD);
    // Writing to a string cannot fail.
    let _ = write!(
        out,
        "<p>{} connections to {}, pipelines of {}, {} thread{}</p>",
        o.clients,
        escape(&o.target.addr.to_string()),
        o.pipeline,
        o.threads.unwrap_or(1),
        if o.threads.unwrap_or(1) == 1 { "" } else { "s" }
    );
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
        "<section><h2>{}</h2><p>{} requests in {:.2} seconds: {:.0} a second; errors: {}; own CPU {:.0}%{}</p>",
        escape(&outcome.title),
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
    // The last second is seldom whole.
    let all = match outcome.seconds.len() {
        n @ 3.. => &outcome.seconds[..n - 1],
        _ => &outcome.seconds[..],
    };
    let line = |name: &str, of: &dyn Fn(&super::tally::Second) -> f64| Line {
        name: name.to_owned(),
        values: all.iter().map(|s| (s.requests() > 0).then(|| of(s))).collect(),
    };
    let spikes: Vec<(usize, String)> = outcome.spikes.iter().map(|s| (s.second, s.labels.join(", "))).collect();
    let rps = Line { name: "requests".into(), values: all.iter().map(|s| Some(s.requests() as f64)).collect() };
    chart(out, "Requests each second", &[rps], &spikes)?;
    let at = |p: f64| move |s: &super::tally::Second| ms(s.response.value_at_percentile(p));
    let percentiles = [line("p50", &at(50.0)), line("p99", &at(99.0)), line("max", &|s| ms(s.response.max()))];
    chart(out, "Latency each second, milliseconds", &percentiles, &spikes)?;
    if outcome.samples.len() > 2 {
        let pairs = || outcome.samples.windows(2);
        let cpu = |w: &[super::watch::Sample]| {
            let span = (w[1].at - w[0].at).as_secs_f64();
            (span > 0.2).then_some(((w[1].cpu_s? - w[0].cpu_s?) / span * 100.0).max(0.0))
        };
        let line = Line { name: "CPU".into(), values: pairs().map(cpu).collect() };
        chart(out, "Server's CPU, per cent of a core", &[line], &spikes)?;
        let memory = |s: &super::watch::Sample| Some(s.memory as f64 / 1e6);
        let line = Line { name: "memory".into(), values: outcome.samples.iter().map(memory).collect() };
        chart(out, "Server's memory, MB", &[line], &spikes)?;
    }
    for (second, labels) in &spikes {
        let labels = if labels.is_empty() { "nothing known" } else { labels };
        write!(out, "<p>slow second {second}: {}</p>", escape(labels))?;
    }
    Ok(())
}

/// Lines over seconds, from 0 upwards.
fn chart(out: &mut String, title: &str, lines: &[Line], spikes: &[(usize, String)]) -> std::fmt::Result {
    let len = lines.iter().map(|l| l.values.len()).max().unwrap_or(0);
    if len == 0 {
        return Ok(());
    }
    let most = lines.iter().flat_map(|l| &l.values).flatten().fold(0.0f64, |a, b| a.max(*b));
    let top = nice(most);
    let x = |at: f64| LEFT + at / (len.max(2) - 1) as f64 * (WIDTH - LEFT);
    let y = |value: f64| (HEIGHT - BELOW) * (1.0 - value / top);
    begin(out, title, top, &y)?;
    for (second, labels) in spikes.iter().filter(|(second, _)| *second < len) {
        let from = x((*second as f64 - 0.5).max(0.0));
        let width = (x(*second as f64 + 0.5) - from).min(WIDTH - from);
        write!(
            out,
            "<rect class=\"spike\" x=\"{from:.1}\" y=\"0\" width=\"{width:.1}\" height=\"{}\"/><text x=\"{from:.1}\" y=\"10\">{}</text>",
            HEIGHT - BELOW,
            escape(labels)
        )?;
    }
    for at in [0, len / 2, len - 1] {
        let anchor = if at > 0 && at == len - 1 { "end" } else { "start" };
        write!(out, "<text x=\"{:.1}\" y=\"{}\" text-anchor=\"{anchor}\">{at} s</text>", x(at as f64), HEIGHT - 6.0)?;
    }
    for (line, colour) in lines.iter().zip(COLOURS) {
        let points = line.values.iter().enumerate().filter_map(|(at, value)| Some((x(at as f64), y((*value)?))));
        polyline(out, &points.collect::<Vec<_>>(), colour)?;
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
        v if v >= 1e6 => format!("{:.2}M", v / 1e6),
        v if v >= 1e4 => format!("{:.0}k", v / 1e3),
        v if v >= 100.0 => format!("{v:.0}"),
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
        assert_eq!([0.25, 150.0, 20_000.0, 1.5e6].map(number), ["0.25", "150", "20k", "1.50M"]);
    }
}
