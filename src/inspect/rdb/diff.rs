//! `rdb diff`: what changed from one file to another.
//!
//! Of each key a number of 16 bytes and its value's are held, not the key; then both files are read once more, and of the keys
//! that changed the elements are compared. Files too large for even that are taken in parts: keys by their number's
//! remainder, the files being read again for each part.

use super::digest;
use crate::inspect::input::Input;
use crate::inspect::{json, output};
use crate::rdb::{Event, Loaded, LoadedKey, Loader, Reader, Thresholds};
use anyhow::{Context, Result};
use std::collections::{BTreeMap, HashMap};
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

/// About how many bytes of both files one part is.
const PART: u64 = 16 << 30;

#[derive(Clone, Copy, PartialEq)]
struct Seen {
    value: u128,
    expires_at_ms: Option<i64>,
}

/// A changed value as it was.
struct Before {
    kind: &'static str,
    expires_at_ms: Option<i64>,
    elements: BTreeMap<Vec<u8>, Vec<u8>>,
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
        compare(a, b, |key| key % parts == part, &mut counts, &mut out)?;
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

fn compare(a: &Path, b: &Path, mine: impl Fn(u128) -> bool, counts: &mut Counts, out: &mut impl Write) -> Result<()> {
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
    let mut changed: HashMap<u128, Before> = HashMap::new();
    keys(a, |id, key| {
        match (before.get(&id), after.get(&id)) {
            (Some(_), None) => {
                counts.removed += 1;
                line("-", key, digest::type_name(&key.value), out)?;
            }
            (Some(was), Some(now)) => {
                let elements = if was.value == now.value { BTreeMap::new() } else { digest::elements(&key.value) };
                changed.insert(
                    id,
                    Before { kind: digest::type_name(&key.value), expires_at_ms: key.expires_at_ms, elements },
                );
            }
            (None, _) => {}
        }
        Ok(())
    })?;
    keys(b, |id, key| {
        if !after.contains_key(&id) {
            return Ok(());
        }
        let Some(was) = changed.remove(&id) else {
            counts.added += 1;
            return line("+", key, digest::type_name(&key.value), out);
        };
        let same = before.get(&id).map(|seen| seen.value) == after.get(&id).map(|seen| seen.value);
        if same {
            counts.expiry += 1
        } else {
            counts.changed += 1
        }
        let kind = digest::type_name(&key.value);
        line("~", key, &if was.kind == kind { kind.to_owned() } else { format!("{} -> {kind}", was.kind) }, out)?;
        if was.expires_at_ms != key.expires_at_ms {
            let time = |at: Option<i64>| at.map_or_else(|| "never".to_owned(), json::time);
            writeln!(out, "    expires {} -> {}", time(was.expires_at_ms), time(key.expires_at_ms))?;
        }
        if !same {
            elements(was.elements, digest::elements(&key.value), out)?;
        }
        Ok(())
    })
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
