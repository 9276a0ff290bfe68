//! The page of `rdb stats --html`: nothing but itself, no script.

use super::stats::{MEMORY_NOTE, SPANS, Summary, Tally, prefix_name};
use crate::args::rdb::Stats;
use std::fmt::Write;

/// Prefixes drawn in the tree map; the rest share one box.
const BOXES: usize = 60;
const WIDTH: f64 = 1000.0;
const HEIGHT: f64 = 480.0;

#[derive(Clone, Copy)]
struct Area {
    x: f64,
    y: f64,
    width: f64,
    height: f64,
}

pub fn page(summary: &Summary, stats: &Stats) -> String {
    let mut page = String::from(HEAD);
    // Writing to a string cannot fail.
    let _ = fill(&mut page, summary, stats);
    page.push_str("</body></html>\n");
    page
}

const HEAD: &str = "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>RDB</title><style>\
body{font:14px/1.4 system-ui,sans-serif;margin:2rem auto;max-width:1000px;padding:0 1rem;color:#222;background:#fff}\
table{border-collapse:collapse;width:100%}td,th{text-align:right;padding:.15rem .6rem;border-bottom:1px solid #ddd}\
td:first-child,th:first-child{text-align:left;word-break:break-all}h2{margin-top:2rem}svg{width:100%;height:auto}\
text{font:12px system-ui,sans-serif;fill:#fff}.bar text{fill:#222}p{color:#555}\
@media(prefers-color-scheme:dark){body{background:#16181c;color:#ddd}.bar text{fill:#ddd}td,th{border-color:#333}p{color:#999}}\
</style></head><body><h1>RDB</h1>\n";

fn fill(page: &mut String, summary: &Summary, stats: &Stats) -> std::fmt::Result {
    page.push_str("<table>");
    for (name, value) in &summary.about {
        write!(page, "<tr><td>{}</td><td>{}</td></tr>", escape(name), escape(value))?;
    }
    page.push_str(
        "</table><h2>Keys</h2><table><tr><th></th><th>keys</th><th>file bytes</th><th>memory</th><th>expire</th></tr>",
    );
    row(page, "all", &summary.all)?;
    for (db, tally) in &summary.dbs {
        row(page, &format!("database {db}"), tally)?;
    }
    for ((kind, encoding), tally) in &summary.encodings {
        row(page, &format!("{kind}, {encoding}"), tally)?;
    }
    write!(page, "</table><p>{MEMORY_NOTE}</p><h2>Prefixes, by bytes in the file</h2>")?;
    tree_map(page, summary)?;
    page.push_str("<table><tr><th></th><th>keys</th><th>file bytes</th><th>memory</th><th>expire</th></tr>");
    for (name, tally) in summary.by_bytes().into_iter().take(stats.top) {
        row(page, &prefix_name(name), tally)?;
    }
    page.push_str("</table><h2>Time left of keys that expire</h2>");
    let bars: Vec<(String, u64)> =
        SPANS.iter().zip(summary.expiry).map(|((name, _), n)| ((*name).to_owned(), n)).collect();
    histogram(page, &bars)?;
    page.push_str("<h2>Sizes in the file</h2>");
    let used = |i: &usize| summary.sizes[*i] > 0;
    let (first, last) = ((0..32).find(used).unwrap_or(0), (0..32).rev().find(used).unwrap_or(0));
    let bars: Vec<(String, u64)> = (first..=last).map(|i| (format!("< {}", human(1 << i)), summary.sizes[i])).collect();
    histogram(page, &bars)?;
    page.push_str("<h2>Biggest keys</h2><table><tr><th></th><th>type</th><th>database</th><th>file bytes</th><th>memory</th></tr>");
    for (memory, bytes, db, name, kind) in summary.biggest() {
        let name = escape(&prefix_name(name));
        write!(page, "<tr><td>{name}</td><td>{kind}</td><td>{db}</td><td>{bytes}</td><td>{memory}</td></tr>")?;
    }
    page.push_str("</table>");
    Ok(())
}

fn row(page: &mut String, name: &str, t: &Tally) -> std::fmt::Result {
    let part = t.expiring as f64 / t.keys.max(1) as f64 * 100.0;
    let name = escape(name);
    write!(
        page,
        "<tr><td>{name}</td><td>{}</td><td>{}</td><td>{}</td><td>{part:.1}%</td></tr>",
        t.keys, t.bytes, t.memory
    )
}

fn histogram(page: &mut String, bars: &[(String, u64)]) -> std::fmt::Result {
    let most = bars.iter().map(|(_, n)| *n).max().unwrap_or(0).max(1) as f64;
    write!(page, "<svg class=\"bar\" viewBox=\"0 0 {WIDTH} {}\">", bars.len() * 22)?;
    for (i, (name, n)) in bars.iter().enumerate() {
        let (y, width) = (i * 22, *n as f64 / most * 700.0);
        write!(
            page,
            "<text x=\"0\" y=\"{}\">{}</text><rect x=\"120\" y=\"{y}\" width=\"{width:.1}\" height=\"18\" fill=\"#3b7dd8\"/><text x=\"{:.1}\" y=\"{}\">{n}</text>",
            y + 14,
            escape(name),
            126.0 + width,
            y + 14
        )?;
    }
    page.push_str("</svg>");
    Ok(())
}

fn tree_map(page: &mut String, summary: &Summary) -> std::fmt::Result {
    let all = summary.by_bytes();
    let (shown, rest) = all.split_at(all.len().min(BOXES));
    let mut boxes: Vec<(String, u64, u64)> =
        shown.iter().map(|(name, t)| (prefix_name(name), t.bytes, t.keys)).collect();
    if !rest.is_empty() {
        boxes.push((
            format!("{} others", rest.len()),
            rest.iter().map(|(_, t)| t.bytes).sum(),
            rest.iter().map(|(_, t)| t.keys).sum(),
        ));
        boxes.sort_by_key(|(_, bytes, _)| std::cmp::Reverse(*bytes));
    }
    let sizes: Vec<f64> = boxes.iter().map(|(_, bytes, _)| *bytes as f64).collect();
    let areas = squarify(&sizes, Area { x: 0.0, y: 0.0, width: WIDTH, height: HEIGHT });
    write!(page, "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\">")?;
    for (i, ((name, bytes, keys), area)) in boxes.iter().zip(areas).enumerate() {
        let Area { x, y, width, height } = area;
        let hue = i * 47 % 360;
        let name = escape(name);
        write!(
            page,
            "<g><title>{name}: {keys} keys, {bytes} bytes</title><rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" fill=\"hsl({hue},45%,42%)\" stroke=\"#fff\"/>"
        )?;
        if width > 70.0 && height > 34.0 {
            let short: String = prefix_label(&boxes[i].0, width);
            write!(
                page,
                "<text x=\"{:.1}\" y=\"{:.1}\">{}</text><text x=\"{:.1}\" y=\"{:.1}\">{}</text>",
                x + 5.0,
                y + 15.0,
                escape(&short),
                x + 5.0,
                y + 30.0,
                human(*bytes)
            )?;
        }
        page.push_str("</g>");
    }
    page.push_str("</svg>");
    Ok(())
}

fn prefix_label(name: &str, width: f64) -> String {
    let fits = (width / 7.0) as usize;
    if name.chars().count() <= fits {
        name.to_owned()
    } else {
        name.chars().take(fits.saturating_sub(1)).chain(['…']).collect()
    }
}

/// Boxes of these sizes, the largest first, as square as may be: rows are filled along the shorter side for as long as that
/// makes their worst box squarer.
fn squarify(sizes: &[f64], mut free: Area) -> Vec<Area> {
    let mut out = Vec::with_capacity(sizes.len());
    let mut left: f64 = sizes.iter().sum();
    let mut at = 0;
    while at < sizes.len() && left > 0.0 {
        let scale = free.width * free.height / left;
        let side = free.width.min(free.height).max(1e-9);
        let worst = |row: &[f64]| {
            let sum: f64 = row.iter().sum::<f64>() * scale;
            row.iter()
                .map(|s| (s * scale).max(1e-9))
                .map(|s| (side * side * s / (sum * sum)).max(sum * sum / (side * side * s)))
                .fold(0.0, f64::max)
        };
        let mut end = at + 1;
        while end < sizes.len() && worst(&sizes[at..=end]) <= worst(&sizes[at..end]) {
            end += 1;
        }
        let sum: f64 = sizes[at..end].iter().sum();
        let depth = sum * scale / side;
        let mut along = 0.0;
        for size in &sizes[at..end] {
            let length = if sum > 0.0 { side * size / sum } else { 0.0 };
            out.push(if free.width >= free.height {
                Area { x: free.x, y: free.y + along, width: depth, height: length }
            } else {
                Area { x: free.x + along, y: free.y, width: length, height: depth }
            });
            along += length;
        }
        if free.width >= free.height {
            (free.x, free.width) = (free.x + depth, free.width - depth);
        } else {
            (free.y, free.height) = (free.y + depth, free.height - depth);
        }
        left -= sum;
        at = end;
    }
    out
}

fn human(bytes: u64) -> String {
    let units = ["B", "KB", "MB", "GB", "TB", "PB", "EB"];
    let mut n = bytes as f64;
    let mut unit = 0;
    while n >= 1024.0 && unit + 1 < units.len() {
        n /= 1024.0;
        unit += 1;
    }
    if unit == 0 { format!("{bytes} B") } else { format!("{n:.1} {}", units[unit]) }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boxes_fill_the_area_and_keep_their_sizes() {
        let sizes = [50.0, 30.0, 30.0, 20.0, 5.0, 1.0, 1.0];
        let areas = squarify(&sizes, Area { x: 0.0, y: 0.0, width: 100.0, height: 50.0 });
        let total: f64 = sizes.iter().sum();
        assert_eq!(areas.len(), sizes.len());
        for (size, a) in sizes.iter().zip(&areas) {
            assert!((a.width * a.height - size / total * 5000.0).abs() < 1e-6);
            assert!(a.x >= -1e-9 && a.y >= -1e-9 && a.x + a.width <= 100.0 + 1e-6 && a.y + a.height <= 50.0 + 1e-6);
        }
        assert!(squarify(&[], Area { x: 0.0, y: 0.0, width: 1.0, height: 1.0 }).is_empty());
    }

    #[test]
    fn names_cannot_leave_their_place() {
        assert_eq!(escape("<script>&\""), "&lt;script&gt;&amp;&quot;");
    }
}
