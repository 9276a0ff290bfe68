//! `--top SECONDS`: the busiest commands, keys and clients, from MONITOR for a bounded time; `--save FILE` keeps the lines, which
//! are MONITOR's own, for a replay.

use super::{
    format::harmless,
    out,
    scan::fail,
    session::{Failed, Session},
};
use crate::{
    client::reason,
    resp::{Value, inline::split_args},
};
use std::{
    collections::HashMap,
    fs::File,
    io::{BufWriter, Write},
    time::{Duration, Instant},
};

/// Lines looked at: MONITOR of a busy server is a flood.
const MOST_LINES: u64 = 5_000_000;
/// Names counted of a kind; what comes beyond them is counted together.
const MOST_NAMES: usize = 200_000;

type Counts = HashMap<Vec<u8>, u64>;

fn count(counts: &mut Counts, name: &[u8]) {
    if let Some(n) = counts.get_mut(name) {
        *n += 1;
    } else if counts.len() < MOST_NAMES {
        counts.insert(name.to_vec(), 1);
    } else {
        *counts.entry(b"(others)".to_vec()).or_default() += 1;
    }
}

pub fn run(session: &mut Session<'_>, seconds: u64) -> Result<(), Failed> {
    crate::commands::install();
    let reply = session.ask(&[b"MONITOR"])?;
    if let Some(text) = reply.error() {
        eprintln!("{}", String::from_utf8_lossy(&harmless(text)));
        return Err(Failed);
    }
    let wrong = |error: std::io::Error| {
        eprintln!("The capture cannot be written: {}", reason(&error));
        Failed
    };
    let mut save = match &session.options.save {
        Some(path) => Some(BufWriter::new(File::create(path).map_err(wrong)?)),
        None => None,
    };
    let (mut commands, mut keys, mut clients) = (Counts::new(), Counts::new(), Counts::new());
    let (start, mut lines) = (Instant::now(), 0u64);
    let whole = Duration::from_secs(seconds);
    let conn = session.conn()?;
    while lines < MOST_LINES {
        let left = whole.saturating_sub(start.elapsed());
        let Some(line) = conn.read_within(left).map_err(fail)? else { break };
        let Value::Simple(line) = line else { continue };
        if let Some(save) = &mut save {
            save.write_all(&line).and_then(|()| save.write_all(b"\n")).map_err(wrong)?;
        }
        if let Some((client, words)) = parse(&line) {
            lines += 1;
            count(&mut commands, &words[0].to_ascii_uppercase());
            count(&mut clients, client);
            if let Some(key) = super::import::first_key(&words) {
                count(&mut keys, key);
            }
        }
        if left.is_zero() {
            break;
        }
    }
    if let Some(mut save) = save {
        save.flush().map_err(wrong)?;
    }
    let took = start.elapsed().as_secs_f64().max(0.001);
    out::text(&format!("{lines} commands in {took:.1} s, {:.0} a second\n", lines as f64 / took));
    let most = usize::try_from(session.options.top).unwrap_or(10).min(1000);
    for (title, counts) in [("commands", commands), ("keys", keys), ("clients", clients)] {
        out::text(&format!("\nBusiest {title}\n"));
        let mut all: Vec<(Vec<u8>, u64)> = counts.into_iter().collect();
        all.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        for (name, n) in all.into_iter().take(most) {
            out::text(&format!("{n:>10} {:5.1}%  ", 100.0 * n as f64 / lines.max(1) as f64));
            out::bytes(&harmless(&name));
            out::text("\n");
        }
    }
    Ok(())
}

/// `1339518083.107412 [0 127.0.0.1:60866] "keys" "*"`: the client, and the words.
fn parse(line: &[u8]) -> Option<(&[u8], Vec<Vec<u8>>)> {
    let open = line.iter().position(|b| *b == b'[')?;
    let close = open + line[open..].windows(3).position(|three| three == b"] \"")?;
    let client = line[open + 1..close].splitn(2, |b| *b == b' ').nth(1)?;
    let words = split_args(&line[close + 2..]).filter(|words| !words.is_empty())?;
    Some((client, words))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_monitor() {
        let (client, words) = parse(br#"1339518083.107412 [0 127.0.0.1:60866] "set" "a b" "\x00\"""#).expect("a line");
        assert_eq!(
            (client, words),
            (b"127.0.0.1:60866".as_slice(), vec![b"set".to_vec(), b"a b".into(), b"\0\"".into()])
        );
        let (client, _) = parse(br#"1.1 [0 unix:/tmp/a] b] "ping""#).expect("a line");
        assert_eq!(client, b"unix:/tmp/a] b");
        for line in ["", "OK", "1.1 [0 a]", "1.1 [0 a] \"open", "[] \"a\""] {
            assert!(parse(line.as_bytes()).is_none(), "{line}");
        }
    }
}
