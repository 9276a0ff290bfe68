//! `rdb stats`: a file on one page.

use super::html;
use crate::args::rdb::Stats;
use crate::inspect::input::Input;
use crate::inspect::{json, output};
use crate::keyspace::Entry;
use crate::rdb::{Event, Loaded, Loader, Reader, Thresholds};
use anyhow::{Context, Result};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, HashMap};
use std::io::Write;
use std::process::ExitCode;

/// Prefixes counted one by one; once there are so many, further ones are counted together.
const MOST_PREFIXES: usize = 100_000;
/// What the key table takes for a key on average: a slot of 8 bytes, and the room between them.
const SLOT_BYTES: u64 = 12;

/// Ends of the bars of the expiry histogram, in ms from now.
pub const SPANS: &[(&str, i64)] = &[
    ("expired", 0),
    ("< 1 minute", 60_000),
    ("< 1 hour", 3_600_000),
    ("< 1 day", 86_400_000),
    ("< 7 days", 604_800_000),
    ("< 30 days", 2_592_000_000),
    ("< 1 year", 31_536_000_000),
    ("later", i64::MAX),
];

/// Keys that have something in common.
#[derive(Clone, Copy, Default)]
pub struct Tally {
    pub keys: u64,
    /// In the file.
    pub bytes: u64,
    pub memory: u64,
    pub expiring: u64,
}

impl Tally {
    fn add(&mut self, other: &Tally) {
        self.keys += other.keys;
        self.bytes += other.bytes;
        self.memory += other.memory;
        self.expiring += other.expiring;
    }
}

/// Bytes in memory and in the file, database, name and type of a key.
pub type Big = (u64, u64, u64, Vec<u8>, &'static str);

#[derive(Default)]
pub struct Summary {
    pub about: Vec<(String, String)>,
    pub all: Tally,
    pub dbs: BTreeMap<u64, Tally>,
    pub types: BTreeMap<&'static str, Tally>,
    pub encodings: BTreeMap<(&'static str, &'static str), Tally>,
    pub prefixes: HashMap<Vec<u8>, Tally>,
    pub expiry: [u64; SPANS.len()],
    /// Bars of sizes in the file: the first takes keys below 2 bytes, each further one twice as many.
    pub sizes: [u64; 32],
    biggest: BinaryHeap<Reverse<Big>>,
    pub modules: u64,
    pub functions: u64,
}

pub fn run(stats: &Stats) -> Result<ExitCode> {
    let mut loader = Loader::on(Reader::new(Input::open(&stats.file)?), Thresholds::default());
    let mut summary = Summary::default();
    summary.about.push(("file".to_owned(), stats.file.display().to_string()));
    let now_ms = super::now_ms();
    loop {
        match loader.next() {
            Err(fault) => return Err(super::broken(&stats.file, &loader.reader, fault)),
            Ok(Loaded::Key(key)) => {
                let (db, kind, len, expires) = (key.db, key.kind.type_name(), key.len, key.expires_at_ms);
                let entry = Entry::of_value(key.name, key.value, expires, 0);
                let memory = entry.heap_bytes() as u64 + SLOT_BYTES;
                let tally = Tally { keys: 1, bytes: len, memory, expiring: u64::from(expires.is_some()) };
                summary.key(db, &entry, kind, &tally, stats);
                if let Some(at) = expires {
                    let left = at.saturating_sub(now_ms);
                    let bar = SPANS.iter().position(|(_, end)| left < *end).unwrap_or(SPANS.len() - 1);
                    summary.expiry[bar] += 1;
                }
            }
            Ok(Loaded::ModuleKey { .. }) => summary.modules += 1,
            Ok(Loaded::EmptyKey { .. }) => {}
            Ok(Loaded::Other(event)) => match event {
                Event::Header(header) => {
                    let family = if header.valkey { "VALKEY" } else { "REDIS" };
                    summary.about.push(("format".to_owned(), format!("{family} {}", header.version)));
                }
                Event::Aux { name, value } => {
                    let text = |item: crate::data::Item<'_>| String::from_utf8_lossy(&item.to_vec()).into_owned();
                    summary.about.push((text(name), text(value)));
                }
                Event::Function(_) => summary.functions += 1,
                Event::End { .. } => break,
                _ => {}
            },
        }
    }
    let mut out = output::stdout();
    summary.print(stats.top, &mut out)?;
    out.flush()?;
    if let Some(path) = &stats.html {
        let page = html::page(&summary, stats);
        std::fs::write(path, page).with_context(|| format!("writing {}", path.display()))?;
    }
    Ok(ExitCode::SUCCESS)
}

impl Summary {
    fn key(&mut self, db: u64, entry: &Entry, kind: &'static str, tally: &Tally, stats: &Stats) {
        self.all.add(tally);
        self.dbs.entry(db).or_default().add(tally);
        self.types.entry(kind).or_default().add(tally);
        self.encodings.entry((kind, entry.encoding())).or_default().add(tally);
        self.sizes[(64 - tally.bytes.leading_zeros() as usize).min(31)] += 1;
        let name = entry.key();
        let separator = stats.separator.as_bytes();
        let found =
            (!separator.is_empty()).then(|| name.windows(separator.len()).position(|w| w == separator)).flatten();
        let prefix = found.map_or(&b""[..], |at| &name[..at + separator.len()]);
        match self.prefixes.get_mut(prefix) {
            Some(known) => known.add(tally),
            None => {
                let prefix = if self.prefixes.len() < MOST_PREFIXES { prefix } else { b"(others)" };
                self.prefixes.entry(prefix.to_vec()).or_default().add(tally);
            }
        }
        let small = self
            .biggest
            .peek()
            .is_some_and(|Reverse(least)| self.biggest.len() >= stats.top && tally.memory <= least.0);
        if stats.top > 0 && !small {
            self.biggest.push(Reverse((tally.memory, tally.bytes, db, name.to_vec(), kind)));
            if self.biggest.len() > stats.top {
                self.biggest.pop();
            }
        }
    }

    /// Prefixes, those with the most bytes first.
    pub fn by_bytes(&self) -> Vec<(&[u8], &Tally)> {
        let mut all: Vec<_> = self.prefixes.iter().map(|(name, tally)| (name.as_slice(), tally)).collect();
        all.sort_by_key(|(name, tally)| (Reverse(tally.bytes), *name));
        all
    }

    /// The keys that take the most memory, the biggest first.
    pub fn biggest(&self) -> Vec<&Big> {
        let mut all: Vec<_> = self.biggest.iter().map(|Reverse(key)| key).collect();
        all.sort_by_key(|key| Reverse(*key));
        all
    }

    fn print(&self, top: usize, out: &mut impl Write) -> std::io::Result<()> {
        for (name, value) in &self.about {
            writeln!(out, "{name:<16} {value}")?;
        }
        if self.functions > 0 {
            writeln!(out, "{:<16} {}", "functions", self.functions)?;
        }
        if self.modules > 0 {
            writeln!(out, "{:<16} {} (skipped, and not counted below)", "module values", self.modules)?;
        }
        writeln!(
            out,
            "\n{:<32} {:>12} {:>15} {:>15} {:>9} {:>7}",
            "", "KEYS", "FILE BYTES", "MEMORY", "A KEY", "EXPIRE"
        )?;
        row("all", &self.all, out)?;
        for (db, tally) in &self.dbs {
            row(&format!("db {db}"), tally, out)?;
        }
        writeln!(out)?;
        for (kind, tally) in &self.types {
            row(kind, tally, out)?;
            for ((_, encoding), tally) in self.encodings.iter().filter(|((k, _), _)| k == kind) {
                row(&format!("  {encoding}"), tally, out)?;
            }
        }
        writeln!(out, "\nPREFIXES: {} in all, those with the most bytes in the file first", self.prefixes.len())?;
        for (name, tally) in self.by_bytes().into_iter().take(top) {
            row(&prefix_name(name), tally, out)?;
        }
        writeln!(out, "\n{:<45} {:>15} {:>15}", "BIGGEST KEYS", "FILE BYTES", "MEMORY")?;
        for (memory, bytes, db, name, kind) in self.biggest() {
            let mut shown = Vec::new();
            json::quoted(name, &mut shown);
            let key = format!("db {db} {kind} {}", String::from_utf8_lossy(&shown));
            writeln!(out, "{key:<45} {bytes:>15} {memory:>15}")?;
        }
        if self.all.expiring > 0 {
            writeln!(out, "\nTIME LEFT")?;
            let most = self.expiry.iter().copied().max().unwrap_or(1).max(1);
            for ((name, _), n) in SPANS.iter().zip(self.expiry) {
                writeln!(out, "{name:<12} {n:>12} {}", "#".repeat((n as f64 / most as f64 * 50.0).ceil() as usize))?;
            }
        }
        writeln!(out, "\n{MEMORY_NOTE}")
    }
}

/// How memory is estimated.
pub const MEMORY_NOTE: &str = "\
MEMORY: each value was built as rustredis holds it with its default thresholds, and what its
allocations take was added up, with 12 bytes a key for the table. Replies, clients and the log come on top.";

fn row(name: &str, t: &Tally, out: &mut impl Write) -> std::io::Result<()> {
    let part = t.expiring as f64 / t.keys.max(1) as f64 * 100.0;
    let each = t.memory / t.keys.max(1);
    writeln!(out, "{name:<32} {:>12} {:>15} {:>15} {each:>9} {part:>6.1}%", t.keys, t.bytes, t.memory)
}

/// A prefix as it is shown.
pub fn prefix_name(name: &[u8]) -> String {
    if name.is_empty() {
        return "(none)".to_owned();
    }
    let mut shown = Vec::new();
    json::quoted(name, &mut shown);
    String::from_utf8_lossy(&shown).trim_matches('"').to_owned()
}
