//! `rdb salvage`: what can be read of a broken file, in a new one.
//!
//! Records that read well are copied byte by byte. Behind a fault the record's own lengths are tried first: often only its
//! contents are broken. Else every next byte is tried as the beginning of a record, and taken for one if many records follow one
//! another from there, each of them whole and sound, or the file ends as one should: a few could be chance, since the bytes of
//! values read as short records surprisingly often. No server writes a name twice into one database, and none loads a file that has
//! one twice: that, too, tells chance from records.

use crate::inspect::json;
use crate::inspect::output::NewFile;
use crate::rdb::write::Summing;
use crate::rdb::{Event, Fault, Header, Loaded, Loader, Reader, Thresholds, Why};
use anyhow::{Context, Result};
use std::collections::HashSet;
use std::fs::File;
use std::hash::{BuildHasher, RandomState};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::process::ExitCode;

/// Records that must follow one another to be believed; so many if the file is torn behind them.
const BELIEVED: usize = 16;
const BELIEVED_TORN: usize = 6;
/// Bytes of the file in which candidates are looked for at a time.
const CHUNK: usize = 1 << 20;
/// Room behind a chunk's candidates for the records that follow them.
const BEHIND: usize = 256 << 10;

struct Salvage {
    file: File,
    len: u64,
    header: Header,
    out: Summing<NewFile>,
    keys: u64,
    lost: Vec<(u64, u64, String)>,
    /// The database that the records at hand belong to.
    db: u64,
    hasher: RandomState,
    /// Hashes of the names that were kept, with their databases; only once there was a fault, as they take 9 to 18 bytes a key.
    names: Option<HashSet<u64>>,
    /// Every record reads well, and yet the bytes are not those that were written.
    altered: bool,
}

pub fn run(input: &Path, output: &Path) -> Result<ExitCode> {
    let mut file = File::open(input).with_context(|| format!("cannot open {}", input.display()))?;
    let about = file.metadata()?;
    anyhow::ensure!(about.is_file(), "{} is no regular file", input.display());
    if let Ok(there) = output.metadata() {
        use std::os::unix::fs::MetadataExt;
        anyhow::ensure!((there.dev(), there.ino()) != (about.dev(), about.ino()), "the output is the input");
    }
    let mut magic = [0; 9];
    let header = match file.read_exact(&mut magic) {
        Ok(()) => match Reader::over(&magic).next() {
            Ok(Event::Header(header)) => Some(header),
            _ => None,
        },
        Err(_) => None,
    };
    // Without its first bytes, a file is taken for one of the most common sort.
    let lost_magic = header.is_none();
    let header = header.unwrap_or(Header { version: 11, valkey: false });
    let magic = if header.valkey {
        format!("VALKEY{:03}", header.version)
    } else {
        format!("REDIS{:04}", header.version.max(5))
    };
    let mut out = Summing::new(NewFile::create(output).context("creating the output")?, true);
    out.write_all(magic.as_bytes())?;
    let mut salvage = Salvage {
        file,
        len: about.len(),
        header,
        out,
        keys: 0,
        lost: Vec::new(),
        db: 0,
        hasher: RandomState::new(),
        names: None,
        altered: false,
    };
    salvage.read(lost_magic)?;
    let Salvage { out, keys, lost, altered, .. } = salvage;
    out.finish()?.finish().context("completing the output")?;
    let mut told = std::io::stdout().lock();
    for (from, to, why) in &lost {
        writeln!(told, "lost bytes {from}..{to} ({}): {why}", to - from)?;
    }
    writeln!(
        told,
        "{keys} keys kept, {} ranges lost, {} bytes in all",
        lost.len(),
        lost.iter().map(|l| l.1 - l.0).sum::<u64>()
    )?;
    if altered {
        writeln!(
            told,
            "the checksum is wrong though every record reads well: some bytes of names or values are not those that were \
             written, and nothing in the file tells which. `rustredis rdb diff` with an older snapshot shows what to look at"
        )?;
    }
    Ok(if lost.is_empty() && !altered { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What one record was.
enum Record {
    Other,
    /// From here on records belong to this database.
    Db(u64),
    Key,
    /// One that the new file shall not have: the value cannot be taken by any server.
    Empty,
    End,
}

impl Salvage {
    fn at(&mut self, offset: u64) -> Result<Loader<File>> {
        let mut file = self.file.try_clone()?;
        file.seek(SeekFrom::Start(offset))?;
        Ok(Loader::on(Reader::within(file, offset, self.header), Thresholds::default()))
    }

    fn read(&mut self, lost_magic: bool) -> Result<()> {
        let mut from = 9.min(self.len);
        if lost_magic {
            let Some(next) = self.next_plausible(0)? else {
                self.lost.push((0, self.len, "no record was found".to_owned()));
                return Ok(());
            };
            self.lost.push((0, next, "the file does not begin as an RDB file".to_owned()));
            from = next;
            self.names = Some(HashSet::new());
        }
        loop {
            let whole = self.names.is_none();
            let Some((at, why)) = self.run(from, whole)? else { return Ok(()) };
            if whole {
                self.names = Some(self.names_up_to(at)?);
            }
            let next = match self.behind(at)? {
                Some(next) => Some(next),
                None => self.next_plausible(at + 1)?,
            };
            let Some(next) = next else {
                self.lost.push((at, self.len, why));
                return Ok(());
            };
            self.lost.push((at, next, why));
            from = next;
        }
    }

    /// From the beginning on, so that the checksum is looked at in the end.
    fn whole(&mut self) -> Result<Loader<File>> {
        let mut file = self.file.try_clone()?;
        file.rewind()?;
        let mut loader = Loader::new(file, Thresholds::default());
        let read = loader.next().map(|_| ());
        anyhow::ensure!(read.is_ok(), "the input changed while it was read");
        Ok(loader)
    }

    /// Names of the keys of the records before an offset, all of which read well.
    fn names_up_to(&mut self, end: u64) -> Result<HashSet<u64>> {
        let (mut loader, mut db, mut names) = (self.whole()?, 0, HashSet::new());
        while loader.reader.offset() < end {
            match step(&mut loader) {
                Ok(Record::Db(n)) => db = n,
                Ok(Record::Key) => {
                    names.insert(self.hasher.hash_one((db, loader.reader.key())));
                }
                Ok(_) => {}
                Err(fault) => anyhow::bail!("the input changed while it was read: {}", fault.why),
            }
        }
        Ok(names)
    }

    /// Whether no record before had the name that the reader holds; takes note of it.
    fn is_new(&mut self, loader: &Loader<File>) -> bool {
        let hash = self.hasher.hash_one((self.db, loader.reader.key()));
        self.names.as_mut().is_none_or(|names| names.insert(hash))
    }

    /// Copies records from an offset on (`whole`: the first of all) up to the end (`None`) or the first broken one: where it
    /// begins, and why.
    fn run(&mut self, from: u64, whole: bool) -> Result<Option<(u64, String)>> {
        let mut loader = if whole { self.whole()? } else { self.at(from)? };
        // Records that are good and were not copied yet.
        let mut good = from;
        let mut source = self.file.try_clone()?;
        let mut copied = from;
        let stopped = loop {
            let begin = good;
            match step(&mut loader) {
                Ok(Record::End) => break self.ending(begin),
                Ok(kind) => {
                    let end = loader.reader.offset();
                    match kind {
                        Record::Db(n) => self.db = n,
                        Record::Key if self.is_new(&loader) => self.keys += 1,
                        Record::Key | Record::Empty => {
                            self.copy(&mut source, copied, begin)?;
                            copied = end;
                            let why = match kind {
                                Record::Empty => "a collection without elements".to_owned(),
                                _ => format!("a second record for {}", name_of(&loader)),
                            };
                            self.lost.push((begin, end, why));
                        }
                        _ => {}
                    }
                    good = end;
                }
                Err(Fault { why: Why::Io(error), .. }) => return Err(error.into()),
                Err(Fault { why: Why::Checksum { .. }, .. }) => {
                    self.altered = true;
                    break self.ending(begin);
                }
                Err(fault) => break Some((begin, describe(&loader, &fault))),
            }
        };
        self.copy(&mut source, copied, good)?;
        Ok(stopped)
    }

    /// Whether the end at `begin` is the file's: then nothing more is lost but what stands behind it.
    fn ending(&mut self, begin: u64) -> Option<(u64, String)> {
        let behind = begin + if self.header.version >= 5 { 9 } else { 1 };
        if behind < self.len {
            return Some((begin, "an end in the middle of the file".to_owned()));
        }
        None
    }

    fn copy(&mut self, source: &mut File, from: u64, to: u64) -> Result<()> {
        source.seek(SeekFrom::Start(from))?;
        let copied = std::io::copy(&mut source.take(to - from), &mut self.out)?;
        anyhow::ensure!(copied == to - from, "the input got shorter while it was read");
        Ok(())
    }

    /// Where the broken record at `at` ends by its own lengths, if other records follow there.
    fn behind(&mut self, at: u64) -> Result<Option<u64>> {
        let mut reader = self.at(at)?.reader;
        if !matches!(reader.next(), Ok(Event::Key(_))) || reader.skip_value().is_err() {
            return Ok(None);
        }
        let end = reader.offset();
        let follows = believed(&mut self.at(end)?, self.len).unwrap_or(false);
        Ok(follows.then_some(end))
    }

    /// The first offset from `from` on at which records seem to begin.
    fn next_plausible(&mut self, from: u64) -> Result<Option<u64>> {
        let mut file = self.file.try_clone()?;
        let mut begin = from;
        let mut chunk = Vec::new();
        while begin < self.len {
            file.seek(SeekFrom::Start(begin))?;
            chunk.clear();
            Read::by_ref(&mut file).take((CHUNK + BEHIND) as u64).read_to_end(&mut chunk)?;
            for i in 0..chunk.len().min(CHUNK) {
                if may_begin(chunk[i]) && self.is_plausible(&chunk[i..], begin + i as u64)? {
                    return Ok(Some(begin + i as u64));
                }
            }
            begin += CHUNK as u64;
        }
        Ok(None)
    }

    /// Whether records follow one another from this offset on; `bytes` is what stands there, perhaps not all of it.
    fn is_plausible(&mut self, bytes: &[u8], offset: u64) -> Result<bool> {
        let mut near = Loader::on(Reader::within_window(bytes, offset, self.header), Thresholds::default());
        Ok(match believed(&mut near, self.len) {
            Some(yes) => yes,
            // A record larger than what was at hand: read on in the file, but only if its head is no nonsense.
            None => believed(&mut self.at(offset)?, self.len).unwrap_or(false),
        })
    }
}

/// Bytes that a record can begin with.
fn may_begin(byte: u8) -> bool {
    byte <= 25 || byte >= 243
}

/// Whether enough sound records follow; `None` if the bytes ended first.
fn believed<R: Read>(loader: &mut Loader<R>, len: u64) -> Option<bool> {
    let (mut names, mut named) = ([0; BELIEVED], 0);
    for n in 0..BELIEVED {
        match step(loader) {
            Ok(Record::End) => return Some(loader.reader.offset() == len),
            // No server writes such a key.
            Ok(Record::Empty) => return Some(false),
            Ok(Record::Key) => {
                let name = xxhash_rust::xxh3::xxh3_64(loader.reader.key());
                if names[..named].contains(&name) {
                    return Some(false);
                }
                names[named] = name;
                named += 1;
            }
            Ok(Record::Db(_)) => named = 0,
            Ok(Record::Other) => {}
            Err(Fault { why: Why::Short, .. }) => return (n >= BELIEVED_TORN).then_some(true),
            Err(_) => return Some(false),
        }
    }
    Some(true)
}

fn step<R: Read>(loader: &mut Loader<R>) -> Result<Record, Fault> {
    Ok(match loader.next()? {
        Loaded::Key(_) | Loaded::ModuleKey { .. } => Record::Key,
        Loaded::EmptyKey { .. } => Record::Empty,
        Loaded::Other(Event::End { .. }) => Record::End,
        Loaded::Other(Event::SelectDb(db)) => Record::Db(db),
        Loaded::Other(_) => Record::Other,
    })
}

fn describe(loader: &Loader<File>, fault: &Fault) -> String {
    let mut text = format!("{} at offset {}", fault.why, fault.at);
    if loader.reader.doing() == crate::rdb::Doing::Value {
        text.push_str(&format!(", in the value of {}", name_of(loader)));
    }
    text
}

/// The key at hand, as it is shown.
fn name_of(loader: &Loader<File>) -> String {
    let mut name = Vec::new();
    json::quoted(loader.reader.key(), &mut name);
    String::from_utf8_lossy(&name).into_owned()
}
