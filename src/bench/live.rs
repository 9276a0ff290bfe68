//! The view of a terminal: how far the test is, how fast it runs, how long the last second's requests took, and a line of
//! little bars for the minute before.

use super::{
    load::Shared,
    report::{ms, print},
};
use crate::base::terminal::columns;
use std::{
    fmt::Write,
    sync::{PoisonError, atomic::Ordering::Relaxed},
    time::Duration,
};

const BAR: usize = 40;
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
/// Seconds shown.
const MINUTE: usize = 60;

pub struct View<'a> {
    title: &'a str,
    /// Lines drawn, to be written over.
    lines: usize,
}

impl<'a> View<'a> {
    pub fn new(title: &'a str) -> View<'a> {
        View { title, lines: 0 }
    }

    pub fn show(&mut self, shared: &Shared<'_>, took: Duration) {
        let seconds: Vec<(u64, f64, f64, f64)> = {
            let all = shared.seconds.lock().unwrap_or_else(PoisonError::into_inner);
            let from = all.len().saturating_sub(MINUTE);
            all[from..]
                .iter()
                .map(|s| {
                    let at = |percentile| ms(s.response.value_at_percentile(percentile));
                    (s.requests(), at(50.0), at(99.0), ms(s.response.max()))
                })
                .collect()
        };
        let finished = shared.finished.load(Relaxed);
        let text = cut(&frame(self.title, shared.part_done(took), finished, took, &seconds), columns());
        // A reader who went away is noticed by the report.
        let _ = print(&format!("{}{text}", self.erase()));
        self.lines = text.lines().count();
    }

    /// Up to the first line drawn, and everything below it away.
    fn erase(&self) -> String {
        if self.lines == 0 { String::new() } else { format!("\r\x1b[{}A\x1b[J", self.lines) }
    }
}

impl Drop for View<'_> {
    fn drop(&mut self) {
        let _ = print(&self.erase());
    }
}

/// Lines no longer than the screen is wide: a line that went on below would not be erased.
fn cut(text: &str, columns: usize) -> String {
    text.lines().flat_map(|line| line.chars().take(columns).chain(['\n'])).collect()
}

/// One picture; `seconds` are requests, p50, p99 and the longest latency of each second, in milliseconds.
fn frame(title: &str, part: f64, finished: u64, took: Duration, seconds: &[(u64, f64, f64, f64)]) -> String {
    let filled = (part * BAR as f64) as usize;
    let title: String = title.chars().take(30).collect();
    let mut out = format!("{title} [{}{}] {:.0}%\n", "#".repeat(filled), ".".repeat(BAR - filled), part * 100.0);
    let overall = finished as f64 / took.as_secs_f64().max(1e-9);
    // Writing to a string cannot fail.
    let _ = match seconds.last() {
        Some((n, p50, p99, max)) => {
            writeln!(
                out,
                "  {n} requests in the last second ({overall:.0} overall)\n  p50 {p50:.3}  p99 {p99:.3}  max {max:.3} ms"
            )
        }
        None => writeln!(out, "  {overall:.0} requests per second"),
    };
    let most = seconds.iter().map(|s| s.0).max().unwrap_or(0).max(1);
    let bars: String = seconds.iter().map(|s| BARS[(s.0 * 7 / most) as usize]).collect();
    if !bars.is_empty() {
        let _ = writeln!(out, "  {bars}");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture() {
        let seconds = [(100, 1.0, 2.0, 3.0), (50, 1.0, 2.0, 4.0), (0, 0.0, 0.0, 0.0)];
        let text = frame("GET", 0.5, 150, Duration::from_secs(3), &seconds);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], format!("GET [{}{}] 50%", "#".repeat(20), ".".repeat(20)));
        assert!(lines[1].contains("0 requests in the last second (50 overall)"), "{text}");
        assert_eq!((lines[2], lines[3].trim()), ("  p50 0.000  p99 0.000  max 0.000 ms", "█▄▁"));
        assert!(cut(&text, 30).lines().all(|line| line.chars().count() <= 30), "{text}");
        assert_eq!(frame("GET", 0.0, 0, Duration::ZERO, &[]).lines().count(), 2);
    }
}
