//! The manifest: which files make up the append-only file, in which order.

use crate::resp::inline::split_args;
use std::fmt::Write;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    Base,
    Incr,
    /// Replaced; to be removed.
    History,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Info {
    pub name: String,
    pub seq: u64,
    pub kind: Kind,
}

/// The files, in the order in which they are read.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Manifest {
    pub base: Option<Info>,
    /// Sequence numbers rise.
    pub incrs: Vec<Info>,
    pub history: Vec<Info>,
    /// The highest numbers given out so far.
    pub base_seq: u64,
    pub incr_seq: u64,
}

/// Longer lines are refused, as by Redis.
const MAX_LINE: usize = 1024;

impl Manifest {
    /// Reads a manifest's text. The error says what is wrong, in which line (from 1).
    pub fn parse(text: &[u8]) -> Result<Manifest, (usize, &'static str)> {
        let mut me = Manifest::default();
        let mut lines = 0;
        for (i, line) in text.split_inclusive(|b| *b == b'\n').enumerate() {
            let fail = |what| Err((i + 1, what));
            lines += 1;
            if line.first() == Some(&b'#') {
                continue;
            }
            let Some(line) = line.strip_suffix(b"\n") else {
                return fail("The AOF manifest file contains too long line");
            };
            if line.len() >= MAX_LINE {
                return fail("The AOF manifest file contains too long line");
            }
            let line = line.trim_ascii();
            if line.is_empty() {
                return fail("Invalid AOF manifest file format");
            }
            match Info::parse(line) {
                Ok(info) => {
                    if let Err(what) = me.add(info) {
                        return fail(what);
                    }
                }
                Err(what) => return fail(what),
            }
        }
        if lines == 0 {
            return Err((0, "Found an empty AOF manifest"));
        }
        Ok(me)
    }

    fn add(&mut self, info: Info) -> Result<(), &'static str> {
        match info.kind {
            Kind::Base if self.base.is_some() => return Err("Found duplicate base file information"),
            Kind::Base => {
                self.base_seq = info.seq;
                self.base = Some(info);
            }
            Kind::Incr => {
                if info.seq <= self.incr_seq && !self.incrs.is_empty() {
                    return Err("Found a non-monotonic sequence number");
                }
                self.incr_seq = info.seq;
                self.incrs.push(info);
            }
            Kind::History => self.history.push(info),
        }
        Ok(())
    }

    /// Its text.
    pub fn text(&self) -> String {
        let mut out = String::new();
        for info in self.base.iter().chain(&self.history).chain(&self.incrs) {
            let letter = match info.kind {
                Kind::Base => 'b',
                Kind::Incr => 'i',
                Kind::History => 'h',
            };
            // Names with blanks or worse stand between quotes.
            let plain = info.name.bytes().all(|b| b.is_ascii_graphic() && b != b'"' && b != b'\\' && b != b'\'');
            let name = if plain { info.name.clone() } else { format!("\"{}\"", info.name.as_bytes().escape_ascii()) };
            let _ = writeln!(out, "file {name} seq {} type {letter}", info.seq); // a string takes all
        }
        out
    }

    /// Files in the order in which they are read.
    pub fn files(&self) -> impl Iterator<Item = &Info> {
        self.base.iter().chain(&self.incrs)
    }

    /// Takes a new base in: the one before, and all increments but the last `keep`, are of the past then. Returns its name.
    pub fn new_base(&mut self, filename: &str, rdb: bool, keep: usize) -> String {
        let past = self.incrs.drain(..self.incrs.len().saturating_sub(keep));
        let past = self.base.take().into_iter().chain(past);
        self.history.extend(past.map(|info| Info { kind: Kind::History, ..info }));
        self.base_seq += 1;
        let name = format!("{filename}.{}.base.{}", self.base_seq, if rdb { "rdb" } else { "aof" });
        self.base = Some(Info { name: name.clone(), seq: self.base_seq, kind: Kind::Base });
        name
    }

    /// Adds a new increment, and returns its name.
    pub fn new_incr(&mut self, filename: &str) -> String {
        self.incr_seq += 1;
        let name = format!("{filename}.{}.incr.aof", self.incr_seq);
        self.incrs.push(Info { name: name.clone(), seq: self.incr_seq, kind: Kind::Incr });
        name
    }
}

impl Info {
    fn parse(line: &[u8]) -> Result<Info, &'static str> {
        const FORMAT: &str = "Invalid AOF manifest file format";
        let words = split_args(line).filter(|w| w.len() >= 6 && w.len() % 2 == 0).ok_or(FORMAT)?;
        let (mut name, mut seq, mut kind) = (None, 0, None);
        for pair in words.chunks_exact(2) {
            match pair[0].to_ascii_lowercase().as_slice() {
                b"file" => {
                    let text = String::from_utf8(pair[1].clone()).map_err(|_| FORMAT)?;
                    if text.contains('/') {
                        return Err("File can't be a path, just a filename");
                    }
                    name = Some(text);
                }
                b"seq" => seq = crate::base::numbers::parse_i64(&pair[1]).and_then(|n| n.try_into().ok()).unwrap_or(0),
                b"type" => {
                    kind = match pair[1].first() {
                        Some(b'b') => Some(Kind::Base),
                        Some(b'i') => Some(Kind::Incr),
                        Some(b'h') => Some(Kind::History),
                        _ => return Err("Unknown AOF file type"),
                    }
                }
                // What later versions add.
                _ => {}
            }
        }
        match (name, kind) {
            (Some(name), Some(kind)) if !name.is_empty() && seq > 0 => Ok(Info { name, seq, kind }),
            _ => Err(FORMAT),
        }
    }
}
