//! Captures of MONITOR sent again: each client's commands in their order, on a connection of its own, at the times they
//! had.

use super::{
    client::{Fault, Sent, UNCOUNTED},
    load::Thread,
    open::{PATIENCE_NS, sleep_until},
    tally::Tally,
};
use crate::{
    client::{push_command, reason},
    resp::inline::split_args,
};
use mio::Events;
use std::{
    collections::HashMap,
    io::{BufRead, ErrorKind},
    sync::atomic::Ordering::Relaxed,
    time::Duration,
};

/// Kinds of commands that are told apart.
const MOST_KINDS: usize = 64;
/// Requests of one client that may wait for their replies.
const MOST_PENDING: usize = 10_000;
/// What must not be sent again: it turns a connection into something else, or the server.
const LEFT_OUT: &[&str] = &[
    "AUTH",
    "HELLO",
    "MONITOR",
    "SUBSCRIBE",
    "PSUBSCRIBE",
    "SSUBSCRIBE",
    "UNSUBSCRIBE",
    "PUNSUBSCRIBE",
    "SUNSUBSCRIBE",
    "SYNC",
    "PSYNC",
    "REPLCONF",
    "SHUTDOWN",
    "DEBUG",
    "QUIT",
    "RESET",
    "REPLICAOF",
    "SLAVEOF",
    "FAILOVER",
    "CLIENT",
    "SELECT",
];

#[derive(Clone, Debug)]
struct Line {
    /// From the first line.
    at_ns: u64,
    client: u32,
    db: u32,
    kind: u16,
    /// Where its bytes are.
    from: usize,
    to: usize,
}

/// A capture, ready to be sent.
#[derive(Clone, Debug, Default)]
pub struct Replay {
    lines: Vec<Line>,
    bytes: Vec<u8>,
    pub labels: Vec<String>,
    pub clients: usize,
    /// Lines that are not sent again: by scripts, or commands that must not be.
    pub left_out: u64,
    /// From the first command to the last.
    pub length: Duration,
}

impl Replay {
    /// Reads lines such as `1339518083.107412 [0 127.0.0.1:60866] "keys" "*"`; others, as MONITOR's `OK`, are passed over
    /// and counted as left out, and a capture without any is an error.
    pub fn read(input: impl BufRead) -> Result<Replay, String> {
        let mut replay = Replay::default();
        let (mut clients, mut kinds) = (HashMap::new(), HashMap::new());
        let mut first_us = None;
        for line in input.split(b'\n') {
            let line = line.map_err(|e| reason(&e))?;
            let line = line.strip_suffix(b"\r").unwrap_or(&line);
            let Some((us, db, client, words)) = parse(line) else {
                replay.left_out += u64::from(!matches!(line, b"" | b"OK" | b"+OK"));
                continue;
            };
            let name = String::from_utf8_lossy(&words[0]).to_uppercase();
            // What a script called is called again by the script.
            if client == b"lua" || LEFT_OUT.contains(&name.as_str()) {
                replay.left_out += 1;
                continue;
            }
            let next = u32::try_from(clients.len()).unwrap_or(u32::MAX);
            let client = *clients.entry(client.to_vec()).or_insert(next);
            let labels = &mut replay.labels;
            let kind = *kinds.entry(name.clone()).or_insert_with(|| {
                if labels.len() < MOST_KINDS {
                    labels.push(name);
                } else if labels.len() == MOST_KINDS {
                    labels.push("(others)".into());
                }
                (labels.len() - 1) as u16
            });
            let first = *first_us.get_or_insert(us);
            // A clock that was set back does not make time go back.
            let at_ns = us.saturating_sub(first).saturating_mul(1000).max(replay.lines.last().map_or(0, |l| l.at_ns));
            let from = replay.bytes.len();
            push_command(&mut replay.bytes, &words);
            replay.lines.push(Line { at_ns, client, db, kind, from, to: replay.bytes.len() });
        }
        replay.clients = clients.len();
        replay.length = Duration::from_nanos(replay.lines.last().map_or(0, |line| line.at_ns));
        if replay.lines.is_empty() { Err("The capture has no line of MONITOR".into()) } else { Ok(replay) }
    }

    pub fn len(&self) -> usize {
        self.lines.len()
    }
}

/// Microseconds, database, client and words of a line.
type Parsed<'a> = (u64, u32, &'a [u8], Vec<Vec<u8>>);

fn parse(line: &[u8]) -> Option<Parsed<'_>> {
    let text = |bytes: &[u8]| std::str::from_utf8(bytes).ok().map(str::to_owned);
    // A client of RESP that saved what it read leaves the sign of a simple string.
    let line = line.strip_prefix(b"+").unwrap_or(line);
    let open = memchr::memchr(b'[', line)?;
    let close = open + memchr::memmem::find(&line[open..], b"] ")?;
    let time = text(&line[..open])?;
    let (seconds, micros) = time.trim().split_once('.')?;
    let micros = format!("{micros:0<6}").get(..6)?.parse::<u64>().ok()?;
    let us = seconds.parse::<u64>().ok()?.checked_mul(1_000_000)?.checked_add(micros)?;
    let inside = &line[open + 1..close];
    let space = memchr::memchr(b' ', inside)?;
    let db = text(&inside[..space])?.parse().ok()?;
    let words = split_args(&line[close + 2..]).filter(|words| !words.is_empty())?;
    Some((us, db, &inside[space + 1..], words))
}

impl Thread<'_> {
    /// Sends a capture's lines when they are due, `speed` times as fast as they came; thread `number` of `threads` has
    /// every so manieth client of it.
    pub fn replay(mut self, replay: &Replay, speed: f64, number: usize, threads: usize) -> Result<Tally, String> {
        let shared = self.shared;
        self.began_ns = shared.now();
        let began = self.began_ns;
        let own = self.clients.len();
        let mut lines = replay
            .lines
            .iter()
            .filter(|line| line.client as usize % threads == number)
            .take(usize::try_from(shared.requests).unwrap_or(usize::MAX))
            .peekable();
        let mut dbs: Vec<u32> = shared.nodes.iter().take(1).map(|n| n.target.db).cycle().take(own).collect();
        let mut events = Events::with_capacity(1024);
        let mut ended = None;
        loop {
            let now = shared.now();
            let mut next = now + 10_000_000;
            while let Some(line) = lines.peek() {
                let due = began + if speed.is_finite() { (line.at_ns as f64 / speed) as u64 } else { 0 };
                let at = line.client as usize / threads % own;
                // Who sends without gaps waits for replies as the captured client did; on a lost connection all wait.
                let most = if speed.is_finite() { MOST_PENDING } else { shared.options.pipeline };
                if due > now || self.clients[at].down || self.clients[at].due.len() >= most {
                    next = next.min(if due > now { due } else { next });
                    break;
                }
                let due = if speed.is_finite() { due } else { now };
                if dbs[at] != line.db {
                    dbs[at] = line.db;
                    push_command(self.clients[at].room(), &["SELECT", &line.db.to_string()]);
                    let sent = self.sent(at, Sent { due_ns: due, sent_ns: now, kind: UNCOUNTED, check: None });
                    self.settle(at, sent)?;
                }
                if !self.clients[at].down {
                    self.clients[at].room().extend_from_slice(&replay.bytes[line.from..line.to]);
                    let sent_ns = shared.now();
                    let sent = self.sent(at, Sent { due_ns: due, sent_ns, kind: line.kind, check: None });
                    self.settle(at, sent)?;
                }
                lines.next();
            }
            if lines.peek().is_none() {
                ended.get_or_insert(now);
            }
            let done = || self.clients.iter().all(|client| client.due.is_empty());
            let over = shared.is_over(now - began);
            if over || ended.is_some_and(|ended| now > ended + PATIENCE_NS || done()) {
                break;
            }
            sleep_until(&self.poll, next, now)?;
            match self.poll.poll(&mut events, Some(Duration::ZERO)) {
                Err(e) if e.kind() == ErrorKind::Interrupted => continue,
                other => other.map_err(|e| reason(&e))?,
            }
            for event in &events {
                let at = event.token().0;
                let turn: Result<(), Fault> = self.listen(at, event.is_writable());
                self.settle(at, turn)?;
            }
            for at in self.revive()? {
                dbs[at] = shared.nodes[self.clients[at].node].target.db;
            }
        }
        shared.issued.fetch_add(1, Relaxed);
        self.tally.unsent = lines.count() as u64 + self.clients.iter().map(|c| c.due.len() as u64).sum::<u64>();
        Ok(self.finish())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn captures_are_read() {
        let text = "OK\n1700000000.000100 [0 127.0.0.1:5000] \"set\" \"a b\" \"\\x00\\\"\"\n\
                    1700000000.25 [3 127.0.0.1:5001] \"GET\" \"k\"\r\n\
                    1700000000.300000 [0 lua] \"incr\" \"x\"\n\
                    1700000001.000100 [0 unix:/tmp/s] \"auth\" \"(redacted)\"\n\
                    rubbish\n+1700000002.000100 [0 [::1]:7] \"GET\" \"k\"\n";
        let replay = Replay::read(text.as_bytes()).expect("a capture");
        assert_eq!((replay.len(), replay.clients, replay.left_out), (3, 3, 3));
        assert_eq!(replay.length, Duration::from_secs(2));
        assert_eq!(replay.labels, ["SET", "GET"]);
        let lines: Vec<_> = replay.lines.iter().map(|l| (l.at_ns, l.client, l.db, l.kind)).collect();
        assert_eq!(lines, [(0, 0, 0, 0), (249_900_000, 1, 3, 1), (2_000_000_000, 2, 0, 1)]);
        assert_eq!(&replay.bytes[..replay.lines[0].to], b"*3\r\n$3\r\nset\r\n$3\r\na b\r\n$2\r\n\x00\"\r\n");
        assert!(Replay::read(&b"OK\nnothing\n"[..]).is_err());
    }
}
