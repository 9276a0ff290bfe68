//! `rdb diff`: what changed from one file to another.
//!
//! Of each key a number of 16 bytes and its value's are held, not the key; then both files are read once more, and of the keys
//! that changed the elements are compared, as many at a time as fit into some memory. If there are more keys than may be held, half
//! of them (by the remainder of their numbers) are left for later, and half of those if need be: the files are read again
//! for each such class. So files of any size need about a gigabyte at most, beside their largest value.

use super::digest;
use crate::data::Item;
use crate::inspect::input::Input;
use crate::inspect::{json, output};
use crate::rdb::payload::{self, Owned};
use crate::rdb::{Event, Loaded, LoadedKey, Loader, Reader, Target, Thresholds, Value};
use anyhow::{Context, Result};
use std::collections::{BTreeMap, HashMap};
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

/// Keys held at a time, at about 64 bytes each.
const KEYS: usize = 16 << 20;

/// What may be held at a time.
#[derive(Clone, Copy)]
struct Room {
    keys: usize,
    /// Bytes of changed values.
    values: usize,
}

/// Keys whose numbers leave the same rest.
#[derive(Clone, Copy)]
struct Class {
    rest: u128,
    of: u128,
}

impl Class {
    fn has(self, id: u128) -> bool {
        id % self.of == self.rest
    }

    /// Leaves half of it, and returns the other half.
    fn split(&mut self) -> Class {
        let other = Class { rest: self.rest + self.of, of: self.of * 2 };
        self.of *= 2;
        other
    }
}

#[derive(Clone, Copy, PartialEq)]
struct Seen {
    value: u128,
    expires_at_ms: Option<i64>,
}

/// Bytes of changed values held at a time.
const HELD: usize = 256 << 20;
/// What holding one takes beside its bytes.
const EACH: usize = 80;

/// A changed value as it was.
struct Before {
    kind: &'static str,
    expires_at_ms: Option<i64>,
    /// As DUMP would give it; empty if only the expiry changed.
    payload: Box<[u8]>,
}

impl Before {
    fn elements(&self) -> Result<BTreeMap<Vec<u8>, Vec<u8>>> {
        match payload::restore(&self.payload, &Thresholds::default()) {
            Ok(Owned::Text(text)) => Ok(digest::elements(&Value::Text(Item::Bytes(&text)))),
            Ok(Owned::Value(value)) => Ok(digest::elements(&value)),
            // It was written by ourselves a moment ago.
            Err(_) => anyhow::bail!("a value could not be read back"),
        }
    }
}

#[derive(Default)]
struct Counts {
    added: u64,
    removed: u64,
    changed: u64,
    expiry: u64,
}

pub fn run(a: &Path, b: &Path) -> Result<ExitCode> {
    for path in [a, b] {
        anyhow::ensure!(path.as_os_str() != "-", "the files are read twice, so neither can be standard input");
        std::fs::metadata(path).with_context(|| format!("cannot open {}", path.display()))?;
    }
    let mut out = output::stdout();
    let counts = compare_all(a, b, Room { keys: KEYS, values: HELD }, &mut out)?;
    writeln!(
        out,
        "{} added, {} removed, {} changed, {} with another expiry only",
        counts.added, counts.removed, counts.changed, counts.expiry
    )?;
    out.flush()?;
    let same = counts.added + counts.removed + counts.changed + counts.expiry == 0;
    Ok(if same { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn keys(path: &Path, mut f: impl FnMut(u128, &LoadedKey<'_>) -> Result<()>) -> Result<()> {
    let mut loader = Loader::on(Reader::new(Input::open(path)?), Thresholds::default());
    loop {
        match loader.next() {
            Err(fault) => return Err(super::broken(path, &loader.reader, fault)),
            Ok(Loaded::Key(key)) => f(digest::of_name(key.db, key.name), &key)?,
            Ok(Loaded::ModuleKey { name, .. }) => {
                let name = String::from_utf8_lossy(name).into_owned();
                anyhow::bail!("{}: {name}: a module's value, which cannot be compared", path.display());
            }
            Ok(Loaded::Other(Event::End { .. })) => return Ok(()),
            Ok(_) => {}
        }
    }
}

fn compare_all(a: &Path, b: &Path, room: Room, out: &mut impl Write) -> Result<Counts> {
    let mut counts = Counts::default();
    let mut left = vec![Class { rest: 0, of: 1 }];
    while let Some(class) = left.pop() {
        compare(a, b, class, room, &mut left, &mut counts, out)?;
    }
    Ok(counts)
}

/// Compares the keys of a class, or a part of it; the rest is added to what is `left`.
fn compare(
    a: &Path,
    b: &Path,
    mut class: Class,
    room: Room,
    left_over: &mut Vec<Class>,
    counts: &mut Counts,
    out: &mut impl Write,
) -> Result<()> {
    let seen = |key: &LoadedKey<'_>| Seen { value: digest::of(&key.value), expires_at_ms: key.expires_at_ms };
    let mut before = HashMap::new();
    keys(a, |id, key| {
        if class.has(id) {
            before.insert(id, seen(key));
            while before.len() > room.keys {
                left_over.push(class.split());
                before.retain(|id, _| class.has(*id));
            }
        }
        Ok(())
    })?;
    // What is the same in both goes; what is left of A is removed or changed.
    let mut after = HashMap::new();
    keys(b, |id, key| {
        if class.has(id) {
            let now = seen(key);
            match before.get(&id) {
                Some(was) if *was == now => _ = before.remove(&id),
                _ => _ = after.insert(id, now),
            }
            while after.len() > room.keys {
                left_over.push(class.split());
                before.retain(|id, _| class.has(*id));
                after.retain(|id, _| class.has(*id));
            }
        }
        Ok(())
    })?;
    // Keys that are only in A are told with the first batch, those only in B with the last.
    let mut first = true;
    loop {
        let (mut changed, mut held, mut left) = (HashMap::new(), 0, 0_u64);
        keys(a, |id, key| {
            match (before.get(&id), after.get(&id)) {
                (Some(_), None) if first => {
                    counts.removed += 1;
                    line("-", key, digest::type_name(&key.value), out)?;
                }
                (Some(_), Some(_)) if held >= room.values => left += 1,
                (Some(was), Some(now)) => {
                    let payload = match was.value == now.value {
                        true => Box::default(),
                        false => payload::dump_for(key.value.view(), Target::Valkey9, false).into_boxed_slice(),
                    };
                    held += payload.len() + EACH;
                    let kind = digest::type_name(&key.value);
                    changed.insert(id, Before { kind, expires_at_ms: key.expires_at_ms, payload });
                }
                _ => {}
            }
            Ok(())
        })?;
        keys(b, |id, key| {
            if let Some(was) = changed.remove(&id) {
                let same = before.get(&id).map(|seen| seen.value) == after.remove(&id).map(|seen| seen.value);
                return tell_change(&was, key, same, counts, out);
            }
            if left == 0 && after.contains_key(&id) {
                counts.added += 1;
                line("+", key, digest::type_name(&key.value), out)?;
            }
            Ok(())
        })?;
        if left == 0 {
            return Ok(());
        }
        first = false;
    }
}

fn tell_change(was: &Before, key: &LoadedKey<'_>, same: bool, counts: &mut Counts, out: &mut impl Write) -> Result<()> {
    *(if same { &mut counts.expiry } else { &mut counts.changed }) += 1;
    let kind = digest::type_name(&key.value);
    line("~", key, &if was.kind == kind { kind.to_owned() } else { format!("{} -> {kind}", was.kind) }, out)?;
    if was.expires_at_ms != key.expires_at_ms {
        let time = |at: Option<i64>| at.map_or_else(|| "never".to_owned(), json::time);
        writeln!(out, "    expires {} -> {}", time(was.expires_at_ms), time(key.expires_at_ms))?;
    }
    if same { Ok(()) } else { elements(was.elements()?, digest::elements(&key.value), out) }
}

fn line(mark: &str, key: &LoadedKey<'_>, about: &str, out: &mut impl Write) -> Result<()> {
    let mut name = Vec::new();
    json::quoted(key.name, &mut name);
    write!(out, "{mark} db {} ", key.db)?;
    out.write_all(&name)?;
    Ok(writeln!(out, " ({about})")?)
}

/// Which elements went, came and changed.
fn elements(mut was: BTreeMap<Vec<u8>, Vec<u8>>, now: BTreeMap<Vec<u8>, Vec<u8>>, out: &mut impl Write) -> Result<()> {
    let mut tell = |mark: &[u8], name: &[u8], contents: &[&[u8]]| -> Result<()> {
        let texts = contents.join(&b" -> "[..]);
        let gap: &[u8] = if name.is_empty() || texts.is_empty() { b"" } else { b": " };
        Ok(out.write_all(&[b"    ", mark, b" ", name.trim_ascii(), gap, &texts, b"\n"].concat())?)
    };
    for (name, contents) in &now {
        match was.remove(name) {
            None => tell(b"+", name, &[contents])?,
            Some(old) if old != *contents => tell(b"~", name, &[&old, contents])?,
            Some(_) => {}
        }
    }
    was.iter().try_for_each(|(name, contents)| tell(b"-", name, &[contents]))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file of hashes `k0` … that have these fields `f`.
    fn file(name: &str, fields: impl Iterator<Item = (u8, u8)>) -> std::path::PathBuf {
        let mut bytes = b"REDIS0010\xfe\x00".to_vec();
        for (key, field) in fields {
            bytes.extend([4, 2, b'k', key, 2, 1, b'f', 1, field, 1, b'g', 1, b'x']);
        }
        bytes.extend([255, 0, 0, 0, 0, 0, 0, 0, 0]);
        let path = std::env::temp_dir().join(format!("rustredis-diff-{}-{name}", std::process::id()));
        std::fs::write(&path, bytes).expect("a file");
        path
    }

    /// In however many parts and batches it is done, the same comes out.
    #[test]
    fn parts_and_batches_tell_the_same() {
        let a = file("a", (0..60).map(|n| (n, n)));
        let b = file("b", (20..90).map(|n| (n, if n < 40 { n } else { 200 })));
        let told = |keys: usize, values: usize| {
            let mut out = Vec::new();
            let counts = compare_all(&a, &b, Room { keys, values }, &mut out).expect("both are sound");
            let text = String::from_utf8_lossy(&out).into_owned();
            let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
            lines.sort();
            (lines, [counts.added, counts.removed, counts.changed, counts.expiry])
        };
        let whole = told(usize::MAX, usize::MAX);
        assert_eq!(whole.1, [30, 20, 20, 0]);
        assert_eq!(whole.0.iter().filter(|line| line.starts_with("    ~ \"f\": ")).count(), 20, "{whole:?}");
        for (keys, values) in [(100, 1), (100, 3 * EACH), (25, usize::MAX), (7, 1), (1, usize::MAX)] {
            assert_eq!(told(keys, values), whole, "{keys} keys, {values} bytes");
        }
        [a, b].iter().for_each(|path| std::fs::remove_file(path).expect("the file"));
    }
}
