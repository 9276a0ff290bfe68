//! A workload like the data of a snapshot: its types by their share, their sizes, and how long they have to live. What a
//! snapshot does not tell is how keys are used: four reads a write, keys by chance.

use crate::{
    data::Item,
    rdb::{Elements, Event, Form, Part, Reader},
};
use std::{
    collections::{BTreeMap, HashMap},
    fmt::Write,
    path::Path,
    time::{SystemTime, UNIX_EPOCH},
};

/// Sizes are kept of so many elements of a type; beyond, of a random one in place of another.
const MOST_SAMPLES: usize = 100_000;
/// Prefixes counted for each type.
const MOST_PREFIXES: usize = 10_000;
/// Steps of a distribution.
const STEPS: usize = 10;

/// A sample of numbers, each as likely to be in it as any other.
struct Sample {
    seen: u64,
    kept: Vec<u64>,
    rng: crate::base::rng::Rng,
}

impl Default for Sample {
    fn default() -> Self {
        Sample { seen: 0, kept: Vec::new(), rng: crate::base::rng::Rng::new(7) }
    }
}

impl Sample {
    fn add(&mut self, n: u64) {
        self.seen += 1;
        if self.kept.len() < MOST_SAMPLES {
            self.kept.push(n);
        } else if let Some(place) = self.kept.get_mut(self.rng.below(self.seen) as usize) {
            *place = n;
        }
    }

    fn at(&self, part: f64) -> u64 {
        let mut sorted = self.kept.clone();
        sorted.sort_unstable();
        sorted.get((sorted.len().saturating_sub(1) as f64 * part).round() as usize).copied().unwrap_or(0)
    }

    /// As a list of sizes that all weigh the same.
    fn sizes(&self) -> String {
        let mut steps: BTreeMap<u64, u64> = BTreeMap::new();
        for step in 0..STEPS {
            let size = self.at((step as f64 + 0.5) / STEPS as f64).min(crate::args::bench::mix::MOST_BYTES);
            *steps.entry(size).or_default() += 1;
        }
        steps.iter().map(|(size, n)| format!("{size}:{n}")).collect::<Vec<_>>().join(",")
    }
}

/// What is known of one type.
#[derive(Default)]
struct Kind {
    keys: u64,
    /// Elements of a key.
    lengths: Sample,
    /// Bytes of an element, or of a field's value.
    sizes: Sample,
    /// Seconds left of those keys that expire.
    ttls: Sample,
    prefixes: HashMap<Vec<u8>, u64>,
}

/// Types in the order of the file that is made, with how their elements are written and read. `{n}`: how many elements a
/// key has.
const TYPES: &[(&str, &str, &str)] = &[
    ("string", "SET __key__ __data__", "GET __key__"),
    ("list", "RPUSH __key__ __data__", "LRANGE __key__ 0 {n}"),
    ("set", "SADD __key__ member:__number:0-{n}__", "SISMEMBER __key__ member:__number:0-{n}__"),
    ("zset", "ZADD __key__ __number:0-1000000__ member:__number:0-{n}__", "ZSCORE __key__ member:__number:0-{n}__"),
    ("hash", "HSET __key__ field:__number:0-{n}__ __data__", "HGET __key__ field:__number:0-{n}__"),
    ("stream", "XADD __key__ MAXLEN ~ {n} * field __data__", "XRANGE __key__ - + COUNT 10"),
];

/// The TOML of a workload like the snapshot.
pub fn workload(path: &Path) -> Result<String, String> {
    let file = std::fs::File::open(path).map_err(|e| format!("{}: {}", path.display(), crate::client::reason(&e)))?;
    let now_ms = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_millis() as i64);
    let kinds = read(file, now_ms).map_err(|e| format!("{}: {e}", path.display()))?;
    if kinds.values().all(|kind| kind.keys == 0) {
        return Err(format!("{}: there are no keys in it", path.display()));
    }
    Ok(write(&kinds, &path.display().to_string()))
}

fn read(input: impl std::io::Read, now_ms: i64) -> Result<BTreeMap<&'static str, Kind>, String> {
    let mut reader = Reader::new(input);
    let mut kinds: BTreeMap<&'static str, Kind> = BTreeMap::new();
    let (mut name, mut length) = ("", 0u64);
    loop {
        let event = reader.next().map_err(|fault| fault.to_string())?;
        match event {
            Event::End { .. } => return Ok(kinds),
            Event::Key(head) => {
                (name, length) = (head.kind.type_name(), 0);
                let kind = kinds.entry(name).or_default();
                kind.keys += 1;
                if let Some(at) = head.expires_at_ms {
                    kind.ttls.add(((at - now_ms) / 1000).max(1).unsigned_abs());
                }
                // Up to the last colon; a key without one stands for itself only.
                let end = memchr::memrchr(b':', head.name).map_or(0, |at| at + 1);
                let prefix = &head.name[..end];
                if kind.prefixes.len() < MOST_PREFIXES || kind.prefixes.contains_key(prefix) {
                    *kind.prefixes.entry(prefix.to_vec()).or_default() += 1;
                }
            }
            Event::Part(part) => {
                if let Some(kind) = kinds.get_mut(name) {
                    length += count(part, name, kind);
                }
            }
            Event::KeyEnd => {
                if let Some(kind) = kinds.get_mut(name) {
                    kind.lengths.add(length.max(1));
                }
            }
            _ => {}
        }
    }
}

/// Elements that a part has; their sizes are noted.
fn count(part: Part<'_>, name: &str, kind: &mut Kind) -> u64 {
    let len = |item: Item<'_>| item.with(|text| text.len() as u64);
    match part {
        Part::Text(item) | Part::Item(item) | Part::Scored(item, _) => kind.sizes.add(len(item)),
        Part::Field { value, .. } => kind.sizes.add(len(value)),
        Part::Packed(form, bytes) => {
            let width = match (name, form) {
                ("hash", Form::ListpackEx) => 3,
                ("hash" | "zset", _) => 2,
                _ => 1,
            };
            // A field's value is the second of its elements, a member the first.
            let wanted = usize::from(name == "hash");
            let mut n = 0;
            for (at, item) in Elements::open(form, bytes).into_iter().flatten().enumerate() {
                if at % width == wanted % width {
                    kind.sizes.add(len(item));
                    n += 1;
                }
            }
            return n;
        }
        Part::StreamNode { listpack, .. } => {
            kind.sizes.add(listpack.len() as u64 / 100 + 1);
            return 0;
        }
        Part::StreamFigures(figures) => return figures.len,
        _ => return 0,
    }
    1
}

fn quoted(text: &str) -> String {
    // JSON's escapes are TOML's too; only DEL must not stand for itself there.
    serde_json::Value::String(text.to_owned()).to_string().replace('\u{7f}', "\\u007F")
}

fn write(kinds: &BTreeMap<&'static str, Kind>, from: &str) -> String {
    let mut out =
        format!("about = {}\n", quoted(&format!("As the data of {from}; four reads a write, keys by chance.")));
    let known: Vec<_> = TYPES.iter().filter_map(|t| Some((t, kinds.get(t.0).filter(|k| k.keys > 0)?))).collect();
    // Writing to a string cannot fail.
    for ((name, _, _), kind) in &known {
        let prefix = kind.prefixes.iter().max_by_key(|(prefix, n)| (**n, std::cmp::Reverse(prefix.len())));
        let prefix = prefix.map(|(prefix, _)| String::from_utf8_lossy(prefix).into_owned()).unwrap_or_default();
        let last = kind.keys - 1;
        // Types share prefixes, and a key has one type.
        let prefix = quoted(&format!("{prefix}{name}:"));
        for (space, pattern) in [("", "random"), ("-all", "parallel")] {
            let _ = write!(out, "\n[keys.{name}{space}]\nprefix = {prefix}\nlast = {last}\npattern = \"{pattern}\"\n");
        }
        let _ = write!(out, "\n[values.{name}]\nsize = \"{}\"\ndata = \"compressible 50%\"\n", kind.sizes.sizes());
    }
    let elements = |kind: &Kind| {
        let mean = kind.lengths.kept.iter().sum::<u64>() as f64 / kind.lengths.kept.len().max(1) as f64;
        (kind.keys as f64 * mean).ceil().max(1.0) as u64
    };
    let total: u64 = known.iter().map(|(_, kind)| elements(kind)).sum();
    let _ = write!(out, "\n[[phases]]\nname = \"load\"\nrequests = {total}\npipeline = 16\n");
    for ((name, set, _), kind) in &known {
        put(&mut out, name, "-all", set, elements(kind), kind);
    }
    out.push_str("\n[[phases]]\nname = \"run\"\nseconds = 10\n");
    for ((name, set, get), kind) in &known {
        put(&mut out, name, "", set, kind.keys, kind);
        let line = quoted(&get.replace("{n}", &(kind.lengths.at(0.5).max(1) - 1).to_string()));
        let _ = write!(out, "[[phases.commands]]\nsend = {line}\nweight = {}\nkeys = \"{name}\"\n", kind.keys * 4);
    }
    out
}

/// A write; of strings, those that expire apart.
fn put(out: &mut String, name: &str, space: &str, line: &str, weight: u64, kind: &Kind) {
    let line = line.replace("{n}", &(kind.lengths.at(0.5).max(1) - 1).to_string());
    let expiring = match name {
        "string" => (weight as f64 * kind.ttls.seen as f64 / kind.keys as f64).round() as u64,
        _ => 0,
    };
    let ends = [(line.clone(), weight - expiring, None), (format!("{line} EX __ttl__"), expiring, Some(&kind.ttls))];
    for (line, weight, ttls) in ends.into_iter().filter(|(_, weight, _)| *weight > 0) {
        let _ = write!(
            out,
            "[[phases.commands]]\nsend = {}\nweight = {weight}\nkeys = \"{name}{space}\"\nvalues = \"{name}\"\n",
            quoted(&line)
        );
        if let Some(ttls) = ttls {
            let (low, high) = (ttls.at(0.1).max(1), ttls.at(0.9).max(1));
            let _ = writeln!(out, "ttl = \"{low}-{high}\"");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::bench::Options;

    #[test]
    fn what_is_written_can_be_run() {
        let mut kinds = BTreeMap::new();
        for (name, _, _) in TYPES {
            let mut kind = Kind { keys: 10, ..Kind::default() };
            for n in 1..=10 {
                kind.lengths.add(n);
                kind.sizes.add(n * 100);
            }
            kind.ttls.add(100);
            kind.prefixes.insert(b"user:\"x\":".to_vec(), 3);
            kinds.insert(*name, kind);
        }
        let text = write(&kinds, "a \"dump\".rdb");
        let tests = super::super::parse(&text, "w", &Options::default()).unwrap_or_else(|e| panic!("{e}\n{text}"));
        assert_eq!(tests.len(), 2, "{text}");
        assert_eq!(tests[0].options.requests, 6 * 55);
        assert!(text.contains("ttl = \"100-100\"") && text.contains("size = \"100:1,200:1"), "{text}");
    }

    #[test]
    fn samples_are_fair() {
        let mut sample = Sample::default();
        (0..500_000).for_each(|n| sample.add(n));
        let median = sample.at(0.5) as f64;
        assert!((median - 250_000.0).abs() < 5_000.0 && sample.kept.len() == MOST_SAMPLES, "{median}");
    }
}
