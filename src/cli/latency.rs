//! `--latency`, `--latency-history`, `--latency-dist` and `--intrinsic-latency`. Outputs match redis-cli 7.0.15.

use super::{
    out,
    session::{Failed, Session},
};
use crate::args::cli::Output;
use std::time::{Duration, Instant};

/// Between two samples.
const PACE: Duration = Duration::from_millis(10);

/// A PING's round trip. A lost connection is made anew, a second apart, until the server is back.
fn ping(session: &mut Session<'_>) -> Result<Duration, Failed> {
    loop {
        session.conn()?;
        let start = Instant::now();
        if let Some(conn) = &mut session.conn
            && conn.ask(&[b"PING"]).is_ok()
        {
            return Ok(start.elapsed());
        }
        session.conn = None;
        loop {
            std::thread::sleep(Duration::from_secs(1));
            if session.connect().is_ok() {
                break;
            }
        }
    }
}

#[derive(Default)]
struct Seen {
    min: u128,
    max: u128,
    total: u128,
    count: u128,
}

impl Seen {
    fn add(&mut self, sample: u128) {
        self.min = if self.count == 0 { sample } else { self.min.min(sample) };
        self.max = self.max.max(sample);
        self.total += sample;
        self.count += 1;
    }

    fn print(&self, output: Output) {
        let Seen { min, max, total, count } = self;
        let avg = *total as f64 / (*count).max(1) as f64;
        match output {
            Output::Standard => out::text(&format!("min: {min}, max: {max}, avg: {avg:.2} ({count} samples)")),
            Output::Csv => out::text(&format!("{min},{max},{avg:.2},{count}\n")),
            Output::Raw => out::text(&format!("{min} {max} {avg:.2} {count}\n")),
            Output::Json | Output::QuotedJson => {
                out::text(&format!("{{\"min\": {min}, \"max\": {max}, \"avg\": {avg:.3}, \"count\": {count}}}\n"));
            }
        }
        out::flush();
    }
}

pub fn sample(session: &mut Session<'_>, history: bool) -> Result<(), Failed> {
    let asked = session.options.interval;
    let range = if asked.is_zero() { Duration::from_secs(if history { 15 } else { 1 }) } else { asked };
    let (mut seen, mut since) = (Seen::default(), Instant::now());
    session.conn()?;
    loop {
        seen.add(ping(session)?.as_millis());
        if session.output == Output::Standard {
            out::text("\x1b[0G\x1b[2K");
            seen.print(session.output);
        } else if history {
            seen.print(session.output);
        } else if since.elapsed() > range {
            seen.print(session.output);
            return Ok(());
        }
        if history && since.elapsed() > range {
            out::text(&format!(" -- {:.2} seconds range\n", since.elapsed().as_secs_f64()));
            out::flush();
            (seen, since) = (Seen::default(), Instant::now());
        }
        std::thread::sleep(PACE);
    }
}

/// The upper bounds of the spectrum's columns in microseconds, and their marks. What is slower is `?`.
const COLUMNS: &[(u128, char)] = &[
    (10, '.'),
    (125, '-'),
    (250, '*'),
    (500, '#'),
    (1_000, '1'),
    (2_000, '2'),
    (3_000, '3'),
    (4_000, '4'),
    (5_000, '5'),
    (6_000, '6'),
    (7_000, '7'),
    (8_000, '8'),
    (9_000, '9'),
    (10_000, 'A'),
    (20_000, 'B'),
    (30_000, 'C'),
    (40_000, 'D'),
    (50_000, 'E'),
    (100_000, 'F'),
    (200_000, 'G'),
    (300_000, 'H'),
    (400_000, 'I'),
    (500_000, 'J'),
    (1_000_000, 'K'),
    (2_000_000, 'L'),
    (4_000_000, 'M'),
    (8_000_000, 'N'),
    (16_000_000, 'O'),
    (30_000_000, 'P'),
    (60_000_000, 'Q'),
    (u128::MAX, '?'),
];

/// Colours of a terminal with 256 of them, from rare to frequent.
const PALETTE: &[u8] = &[0, 233, 234, 235, 237, 239, 241, 243, 245, 247, 144, 143, 142, 184, 226, 214, 208, 202, 196];

pub fn spectrum(session: &mut Session<'_>) -> Result<(), Failed> {
    let asked = session.options.interval;
    let range = if asked.is_zero() { Duration::from_secs(1) } else { asked };
    let mut counts = [0usize; COLUMNS.len()];
    let (mut since, mut lines) = (Instant::now(), 0u64);
    session.conn()?;
    loop {
        let sample = ping(session)?.as_micros();
        if let Some(column) = COLUMNS.iter().position(|(bound, _)| sample <= *bound) {
            counts[column] += 1;
        }
        if since.elapsed() > range {
            if lines.is_multiple_of(20) {
                legend();
            }
            lines += 1;
            let samples = counts.iter().sum::<usize>().max(1);
            let mut line = String::from("\x1b[38;5;0m");
            for (count, (_, mark)) in counts.iter().zip(COLUMNS) {
                let shade = (count * (PALETTE.len() - 1)).div_ceil(samples);
                line.push_str(&format!("\x1b[48;5;{}m{mark}", PALETTE[shade.min(PALETTE.len() - 1)]));
            }
            out::text(&format!("{line}\x1b[0m\n"));
            out::flush();
            (counts, since) = ([0; COLUMNS.len()], Instant::now());
        }
        std::thread::sleep(PACE);
    }
}

fn legend() {
    let rule = "-".repeat(45);
    let shades: String = PALETTE.iter().map(|shade| format!("\x1b[48;5;{shade}m ")).collect();
    out::text(&format!(
        "{rule}\n\
         . - * #          .01 .125 .25 .5 milliseconds\n\
         1,2,3,...,9      from 1 to 9     milliseconds\n\
         A,B,C,D,E        10,20,30,40,50  milliseconds\n\
         F,G,H,I,J        .1,.2,.3,.4,.5       seconds\n\
         K,L,M,N,O,P,Q,?  1,2,4,8,16,30,60,>60 seconds\n\
         From 0 to 100%: {shades}\x1b[0m\n\
         {rule}\n"
    ));
}

/// Runs for so long without ever waiting, and tells the longest pause that the machine put in.
pub fn intrinsic(seconds: u64) -> Result<(), Failed> {
    let begin = Instant::now();
    let whole = Duration::from_secs(seconds);
    let (mut runs, mut longest) = (0u64, Duration::ZERO);
    loop {
        let start = Instant::now();
        // Something that takes a while and that no optimiser removes.
        let mut x = 0x9e37_79b9_7f4a_7c15u64;
        for i in 0..32 {
            x = std::hint::black_box(x.rotate_left(7).wrapping_mul(0xff51_afd7_ed55_8ccd) ^ i);
        }
        let end = Instant::now();
        runs += 1;
        let took = end - start;
        if took > longest {
            if took.as_micros() > longest.as_micros() {
                out::text(&format!("Max latency so far: {} microseconds.\n", took.as_micros()));
                out::flush();
            }
            longest = took;
        }
        if end - begin > whole {
            break;
        }
    }
    let average_us = whole.as_micros() as f64 / runs as f64;
    out::text(&format!(
        "\n{runs} total runs (avg latency: {average_us:.4} microseconds / {:.2} nanoseconds per run).\n\
         Worst run took {:.0}x longer than the average latency.\n",
        average_us * 1000.0,
        longest.as_micros() as f64 / average_us
    ));
    Ok(())
}
