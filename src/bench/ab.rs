//! `bench ab A B`: two servers side by side. Blocks alternate, so that a drift of the machine hits both alike; of the
//! blocks' figures the median counts, and how sure the ratio is tells a bootstrap over pairs of blocks.

use super::{
    nodes::Node,
    report::{ms, print},
    run::Runner,
    suite::{self, Test},
    watch,
};
use crate::{
    args::bench::{
        Options,
        slo::{Figure, Threshold},
    },
    base::rng::Rng,
    client::{Addr, Target, reason, uri},
};
use serde_json::{Value, json};
use std::{
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, ExitCode, Stdio},
    time::{Duration, Instant},
};

const BLOCK: Duration = Duration::from_secs(1);
/// How often the pairs are drawn anew.
const DRAWS: usize = 4000;
/// A program that does not answer in this time has not started.
const START: Duration = Duration::from_secs(10);

/// A server to compare: one that runs, or one that was started for this.
struct Side {
    name: String,
    target: Target,
    child: Option<(Child, PathBuf)>,
}

impl Drop for Side {
    fn drop(&mut self) {
        if let Some((child, dir)) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
            let _ = std::fs::remove_dir_all(dir);
        }
    }
}

impl Side {
    /// A URI, or the path of a program.
    fn open(what: &str, options: &Options) -> Result<Side, String> {
        let mut target = options.target.clone();
        if uri::looks_like_one(what) {
            uri::apply(what, &mut target)?;
            return Ok(Side { name: what.to_owned(), target, child: None });
        }
        if !Path::new(what).is_file() {
            return Err(format!("{what} is neither a URI such as redis://127.0.0.1:6379 nor a program"));
        }
        let failed = |e: std::io::Error| format!("{what}: {}", reason(&e));
        let port = TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).map_err(failed)?.port();
        let dir = std::env::temp_dir().join(format!("rustredis-ab-{}-{port}", std::process::id()));
        std::fs::create_dir(&dir).map_err(failed)?;
        // Ours has verbs, whatever the file is called.
        let version = Command::new(what).arg("--version").stdin(Stdio::null()).output();
        let own = version.is_ok_and(|out| out.stdout.starts_with(b"rustredis"));
        let mut command = Command::new(what);
        if own {
            command.arg("serve");
        }
        command.args(["--port", &port.to_string(), "--save", "", "--appendonly", "no", "--dir"]).arg(&dir);
        let started = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let child = match started {
            Ok(child) => child,
            Err(e) => {
                let _ = std::fs::remove_dir(&dir);
                return Err(failed(e));
            }
        };
        target = Target { addr: Addr::Tcp { host: "127.0.0.1".into(), port }, ..Target::default() };
        let side = Side { name: what.to_owned(), target, child: Some((child, dir)) };
        let began = Instant::now();
        while side.target.open().and_then(|mut conn| conn.ask(&["PING"])).is_err() {
            if began.elapsed() > START {
                return Err(format!("{what}: started, and does not answer"));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(side)
    }
}

/// One figure of all blocks.
struct Column {
    figure: Figure,
    a: Vec<f64>,
    b: Vec<f64>,
}

/// The ratio B/A: of the medians, and where it lies with 95%.
#[derive(Clone, Copy, Debug)]
struct Ratio {
    ratio: f64,
    low: f64,
    high: f64,
}

pub fn run(options: &Options) -> Result<ExitCode, String> {
    let Some((a, b)) = &options.ab else { return Err("ab takes two servers".into()) };
    let sides = [Side::open(a, options)?, Side::open(b, options)?];
    let nodes = sides.each_ref().map(|side| [Node::alone(side.target.clone())]);
    let tests = suite::chosen(options, None)?;
    let (mut documents, mut missed) = (Vec::new(), Vec::new());
    for test in &tests {
        let columns = blocks(options, test, &nodes)?;
        let mut rng = Rng::new(options.seed.unwrap_or(1234));
        let ratios: Vec<Ratio> = columns.iter().map(|c| ratio(&c.a, &c.b, &mut rng)).collect();
        for threshold in &options.require {
            if let Some(at) = columns.iter().position(|c| c.figure == threshold.figure)
                && misses(threshold, ratios[at])
            {
                missed.push(format!("{}: {threshold}", test.title));
            }
        }
        if options.json {
            documents.push(document(test, &columns, &ratios));
        } else {
            print(&table(options, test, [&sides[0], &sides[1]], &columns, &ratios))?;
        }
    }
    if options.json {
        let all = json!({"a": sides[0].name, "b": sides[1].name, "tests": documents, "missed": missed});
        print(&format!("{all:#}\n"))?;
    } else {
        for one in &missed {
            print(&format!("missed: {one}\n"))?;
        }
    }
    Ok(if missed.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(2) })
}

/// A threshold is missed if the whole interval is beyond it.
fn misses(threshold: &Threshold, r: Ratio) -> bool {
    if threshold.at_least { r.high < threshold.ratio } else { r.low > threshold.ratio }
}

fn blocks(options: &Options, test: &Test, nodes: &[[Node; 1]; 2]) -> Result<Vec<Column>, String> {
    let mut figures = vec![Figure::Rps, Figure::Percentile(50.0), Figure::Percentile(99.0), Figure::Cpu];
    for threshold in &options.require {
        if !figures.contains(&threshold.figure) {
            figures.push(threshold.figure);
        }
    }
    let mut columns: Vec<Column> =
        figures.into_iter().map(|figure| Column { figure, a: Vec::new(), b: Vec::new() }).collect();
    let mut o = test.options.clone();
    o.test_time = Some(options.step.unwrap_or(BLOCK));
    // One block each that nobody counts: connections, memory and caches are warm then.
    for at in 0..=options.blocks {
        // A B, B A, A B …: neither side always comes first.
        let order = if at % 2 == 0 { [0, 1] } else { [1, 0] };
        for side in order {
            let fatal = options.fatal_errors.unwrap_or(true);
            let runner =
                Runner { nodes: &nodes[side], fatal, exact: true, watched: options.server_stats.unwrap_or(true) };
            let outcome = runner.run(&test.title, &test.work, &o, &mut |_, _| ())?;
            if at == 0 {
                continue;
            }
            for column in &mut columns {
                let h = &outcome.tally.response;
                let value = match column.figure {
                    Figure::Rps => outcome.rate(),
                    Figure::Cpu => watch::cpu_per_request(&outcome.samples).unwrap_or(f64::NAN),
                    Figure::Percentile(p) => ms(h.value_at_percentile(p)),
                    Figure::Mean => h.mean() / 1e6,
                    Figure::Max => ms(h.max()),
                    Figure::Errors => outcome.tally.errors() as f64,
                };
                if side == 0 { column.a.push(value) } else { column.b.push(value) }
            }
        }
    }
    // A server that does not tell its CPU time has no such column.
    columns.retain(|c| c.a.iter().chain(&c.b).all(|v| v.is_finite()));
    Ok(columns)
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    let n = values.len();
    if n == 0 { f64::NAN } else { (values[(n - 1) / 2] + values[n / 2]) / 2.0 }
}

/// Pairs of blocks that ran next to each other are drawn with replacement: what disturbed both stays in both.
fn ratio(a: &[f64], b: &[f64], rng: &mut Rng) -> Ratio {
    let of = |pick: &[usize]| {
        let side = |values: &[f64]| median(&mut pick.iter().map(|at| values[*at]).collect::<Vec<_>>());
        side(b) / side(a)
    };
    let n = a.len().min(b.len());
    let whole: Vec<usize> = (0..n).collect();
    let mut drawn: Vec<f64> = (0..DRAWS)
        .map(|_| of(&(0..n).map(|_| rng.below(n.max(1) as u64) as usize).collect::<Vec<_>>()))
        .filter(|r| r.is_finite())
        .collect();
    drawn.sort_by(f64::total_cmp);
    let at =
        |part: f64| drawn.get(((drawn.len().max(1) - 1) as f64 * part).round() as usize).copied().unwrap_or(f64::NAN);
    Ratio { ratio: of(&whole), low: at(0.025), high: at(0.975) }
}

fn unit(figure: Figure) -> &'static str {
    match figure {
        Figure::Rps => "requests/s",
        Figure::Cpu => "us server CPU a command",
        Figure::Errors => "error replies",
        _ => "ms",
    }
}

fn document(test: &Test, columns: &[Column], ratios: &[Ratio]) -> Value {
    let figures: serde_json::Map<String, Value> = columns
        .iter()
        .zip(ratios)
        .map(|(c, r)| {
            let of = |values: &[f64]| json!({"median": median(&mut values.to_vec()), "blocks": values});
            let one = json!({
                "unit": unit(c.figure), "a": of(&c.a), "b": of(&c.b),
                "ratio": r.ratio, "low": r.low, "high": r.high, "confidence": 0.95,
            });
            (c.figure.to_string(), one)
        })
        .collect();
    json!({"test": test.title, "figures": figures})
}

fn table(options: &Options, test: &Test, sides: [&Side; 2], columns: &[Column], ratios: &[Ratio]) -> String {
    let mut out = format!(
        "====== {} ======\n  A: {}\n  B: {}\n  medians of {} blocks a side\n  {:>8}{:>14}{:>14}{:>9}  95% of the ratio\n",
        test.title, sides[0].name, sides[1].name, options.blocks, "", "A", "B", "B/A"
    );
    for (c, r) in columns.iter().zip(ratios) {
        out.push_str(&format!(
            "  {:>8}{:>14.3}{:>14.3}{:>9.3}  {:.3} to {:.3}   {}{}\n",
            c.figure.to_string(),
            median(&mut c.a.clone()),
            median(&mut c.b.clone()),
            r.ratio,
            r.low,
            r.high,
            unit(c.figure),
            if r.low <= 1.0 && r.high >= 1.0 { ", no difference shown" } else { "" }
        ));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of a hundred comparisons, the true ratio is inside the interval about ninety-five times; noise that both sides
    /// share does not widen it.
    #[test]
    fn intervals_hold_the_truth() {
        let (mut inside, mut width) = (0, 0.0);
        for seed in 0..100 {
            let mut rng = Rng::new(seed);
            let (mut a, mut b) = (Vec::new(), Vec::new());
            for _ in 0..20 {
                let drift = 1.0 + 0.2 * rng.unit();
                a.push(1000.0 * drift * (1.0 + 0.01 * super::super::mix::keys::normal(&mut rng)));
                b.push(1100.0 * drift * (1.0 + 0.01 * super::super::mix::keys::normal(&mut rng)));
            }
            let r = ratio(&a, &b, &mut rng);
            inside += i32::from(r.low <= 1.1 && 1.1 <= r.high);
            width += (r.high - r.low) / 100.0;
        }
        assert!(inside >= 88 && width < 0.08, "{inside} {width}");
    }

    #[test]
    fn only_what_is_sure_is_missed() {
        let r = Ratio { ratio: 0.93, low: 0.90, high: 0.96 };
        let threshold = |ratio, at_least| Threshold { figure: Figure::Rps, at_least, ratio };
        assert!(misses(&threshold(0.97, true), r) && !misses(&threshold(0.95, true), r));
        assert!(misses(&threshold(0.89, false), r) && !misses(&threshold(0.92, false), r));
        assert_eq!(median(&mut [3.0, 1.0, 2.0, 10.0]), 2.5);
    }
}
