//! `rdb diff`: what changed from one file to another.
//!
//! Of each key a number of 16 bytes and its value's are held, not the key; then both files are read once more, and of the keys
//! that changed the elements are compared, as many at a time as fit into some memory. Files too large for even that are taken
//! in parts: keys by their number's remainder, the files being read again for each part.

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

/// About how many bytes of both files one part is.
const PART: u64 = 4 << 30;

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
    let mut bytes = 0;
    for path in [a, b] {
        anyhow::ensure!(path.as_os_str() != "-", "the files are read twice, so neither can be standard input");
        bytes += std::fs::metadata(path).with_context(|| format!("cannot open {}", path.display()))?.len();
    }
    let parts = u128::from(bytes / PART + 1);
    let mut out = output::stdout();
    let mut counts = Counts::default();
    for part in 0..parts {
        compare(a, b, |key| key % parts == part, HELD, &mut counts, &mut out)?;
    }
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
            Err(fault) => return Err(super::broken(&loader.reader, fault).context(path.display().to_string())),
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

fn compare(
    a: &Path,
    b: &Path,
    mine: impl Fn(u128) -> bool,
    most_held: usize,
    counts: &mut Counts,
    out: &mut impl Write,
) -> Result<()> {
    let seen = |key: &LoadedKey<'_>| Seen { value: digest::of(&key.value), expires_at_ms: key.expires_at_ms };
    let mut before = HashMap::new();
    keys(a, |id, key| {
        if mine(id) {
            before.insert(id, seen(key));
        }
        Ok(())
    })?;
    // What is the same in both goes; what is left of A is removed or changed.
    let mut after = HashMap::new();
    keys(b, |id, key| {
        if mine(id) {
            let now = seen(key);
            match before.get(&id) {
                Some(was) if *was == now => _ = before.remove(&id),
                _ => _ = after.insert(id, now),
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
                (Some(_), Some(_)) if held >= most_held => left += 1,
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
        let told = |parts: u128, most_held: usize| {
            let (mut counts, mut out) = (Counts::default(), Vec::new());
            for part in 0..parts {
                compare(&a, &b, |key| key % parts == part, most_held, &mut counts, &mut out).expect("both are sound");
            }
            let text = String::from_utf8_lossy(&out).into_owned();
            let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
            lines.sort();
            (lines, [counts.added, counts.removed, counts.changed, counts.expiry])
        };
        let whole = told(1, usize::MAX);
        assert_eq!(whole.1, [30, 20, 20, 0]);
        assert_eq!(whole.0.iter().filter(|line| line.starts_with("    ~ \"f\": ")).count(), 20, "{whole:?}");
        for (parts, most_held) in [(1, 1), (1, 3 * EACH), (3, usize::MAX), (4, 1)] {
            assert_eq!(told(parts, most_held), whole, "{parts} parts, {most_held} bytes");
        }
        [a, b].iter().for_each(|path| std::fs::remove_file(path).expect("the file"));
    }
}
