//! Mixes: commands by weight, with keys, values and numbers drawn anew for each request.

pub mod keys;
pub mod values;

use super::nodes::Tag;
use crate::{
    args::bench::{
        Options,
        mix::{Pattern, Sizes},
    },
    base::rng::Rng,
    resp::inline::split_args,
};
use keys::{Keys, Place, Shape};
use std::collections::BTreeMap;
use values::Values;

/// A range of keys with the text in front of their numbers.
#[derive(Clone, Debug)]
pub struct Keyspace {
    pub prefix: Vec<u8>,
    pub keys: Keys,
}

/// What a placeholder in a word becomes.
#[derive(Clone, Debug)]
enum Part {
    Text(Vec<u8>),
    /// A key of a key space; the second number is that of its cursor.
    Key(usize, usize),
    Data(usize),
    /// Between two numbers, both included; padded with zeros to so many digits.
    Number(u64, u64, usize),
    /// A cluster's tag, within braces.
    Tag,
}

#[derive(Clone, Debug)]
struct Command {
    words: Vec<Vec<Part>>,
    /// The value of the key is compared with what it should be.
    checked: bool,
    /// Values follow from keys.
    self_checking: bool,
}

#[derive(Clone, Debug, Default)]
pub struct Mix {
    keyspaces: Vec<Keyspace>,
    values: Vec<Values>,
    commands: Vec<Command>,
    /// What each command is called in reports.
    pub labels: Vec<String>,
    /// Cumulative weights.
    bounds: Vec<u64>,
    cursors: usize,
}

/// What of a mix belongs to one connection.
#[derive(Clone, Debug)]
pub struct Hand {
    cursors: Vec<u64>,
    place: Place,
    word: Vec<u8>,
}

/// Which command was made, and the number of the key whose value is to be compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Made {
    pub kind: u16,
    pub check: Option<u64>,
}

/// What placeholders of a command mean.
#[derive(Clone, Debug, Default)]
pub struct Scope {
    /// `__key__`.
    pub keyspace: usize,
    /// `__key:NAME__`.
    pub keyspaces: BTreeMap<String, usize>,
    /// `__data__`.
    pub value: usize,
    pub values: BTreeMap<String, usize>,
    /// `__ttl__`.
    pub ttl: Option<(u64, u64)>,
    /// `__rand_int__`: below this.
    pub random: Option<u64>,
    pub cluster: bool,
}

/// Each has histograms of its own.
pub const MOST_COMMANDS: usize = 256;

impl Mix {
    pub fn add_keyspace(&mut self, keyspace: Keyspace) -> usize {
        self.keyspaces.push(keyspace);
        self.keyspaces.len() - 1
    }

    pub fn add_values(&mut self, values: Values) -> usize {
        self.values.push(values);
        self.values.len() - 1
    }

    /// Adds the command that `line` says, with quotes as at a prompt.
    pub fn add(&mut self, line: &[u8], label: Option<String>, weight: u64, scope: &Scope) -> Result<(), String> {
        let shown = String::from_utf8_lossy(line).into_owned();
        let words = split_args(line).filter(|words| !words.is_empty());
        let words = words.ok_or_else(|| format!("\"{shown}\" is no command: no word, or a quote is left open"))?;
        if self.commands.len() == MOST_COMMANDS {
            return Err(format!("A mix has {MOST_COMMANDS} commands at most"));
        }
        let label = label.unwrap_or_else(|| String::from_utf8_lossy(&words[0]).to_uppercase());
        let words = words.iter().map(|word| self.parts(word, scope)).collect::<Result<Vec<_>, String>>()?;
        let has = |what: fn(&Part) -> bool| words.iter().flatten().any(what);
        if scope.cluster && has(|p| matches!(p, Part::Key(..))) && !has(|p| matches!(p, Part::Tag)) {
            return Err(format!(
                "\"{shown}\": in a cluster keys need the text {{tag}}, as in --key-prefix 'key:{{tag}}:'"
            ));
        }
        let same = self.labels.iter().filter(|l| **l == label || l.starts_with(&format!("{label} #"))).count();
        self.labels.push(if same == 0 { label } else { format!("{label} #{}", same + 1) });
        self.commands.push(Command { words, checked: false, self_checking: false });
        self.bounds.push(self.bounds.last().copied().unwrap_or(0).saturating_add(weight));
        Ok(())
    }

    /// Cuts a word at its placeholders.
    fn parts(&mut self, word: &[u8], scope: &Scope) -> Result<Vec<Part>, String> {
        let (mut parts, mut rest) = (Vec::new(), word);
        let text = |parts: &mut Vec<Part>, bytes: &[u8]| {
            if !bytes.is_empty() {
                parts.push(Part::Text(bytes.to_vec()));
            }
        };
        while let Some((at, len)) = placeholder(rest, scope.cluster) {
            let name = String::from_utf8_lossy(&rest[at..at + len]).into_owned();
            let (kind, of) = name.trim_matches('_').split_once(':').unwrap_or((name.trim_matches('_'), ""));
            let named = |names: &BTreeMap<String, usize>, default: usize, what: &str| match of {
                "" => Ok(default),
                of => names.get(of).copied().ok_or_else(|| format!("{name}: there are no {what} of this name")),
            };
            let part = match kind {
                "{tag}" => Part::Tag,
                "key" => {
                    let keyspace = named(&scope.keyspaces, scope.keyspace, "keys")?;
                    if self.keyspaces.get(keyspace).is_none() {
                        return Err(format!("{name}: no keys are told of"));
                    }
                    self.cursors += 1;
                    Part::Key(keyspace, self.cursors - 1)
                }
                "data" => {
                    let value = named(&scope.values, scope.value, "values")?;
                    if self.values.get(value).is_none() {
                        return Err(format!("{name}: no values are told of"));
                    }
                    Part::Data(value)
                }
                "number" => {
                    let (low, high) = crate::args::bench::mix::pair(of, '-', &name)?;
                    if low > high || high > u64::MAX / 2 {
                        return Err(format!("{name}: the first number is above the second"));
                    }
                    Part::Number(low, high, 0)
                }
                "ttl" => {
                    let (low, high) = scope.ttl.ok_or_else(|| format!("{name}: no ttl is told"))?;
                    Part::Number(low, high, 0)
                }
                "rand_int" if scope.random.is_some() => Part::Number(0, scope.random.unwrap_or(1).max(1) - 1, 12),
                // Without -r it stands for itself, as it does for redis-benchmark.
                _ => Part::Text(name.into_bytes()),
            };
            text(&mut parts, &rest[..at]);
            match part {
                // A key's prefix may have a tag of its own.
                Part::Key(keyspace, cursor) => {
                    let prefix = self.keyspaces[keyspace].prefix.clone();
                    let mut from = &prefix[..];
                    while let Some(at) = memchr::memmem::find(from, b"{tag}").filter(|_| scope.cluster) {
                        text(&mut parts, &from[..at]);
                        parts.push(Part::Tag);
                        from = &from[at + 5..];
                    }
                    text(&mut parts, from);
                    parts.push(Part::Key(keyspace, cursor));
                }
                part => parts.push(part),
            }
            rest = &rest[at + len..];
        }
        text(&mut parts, rest);
        Ok(parts)
    }

    /// `--ratio` or `--command`, as the flags say.
    pub fn of_options(o: &Options) -> Result<Mix, String> {
        let (m, mut mix) = (&o.mix, Mix::default());
        let sizes = m.sizes.clone().unwrap_or(Sizes::Fixed(o.data_size as u64));
        mix.add_values(Values::new(sizes, m.sizes_along_keys, m.data, o.seed.unwrap_or(1234)));
        let shape = Shape { median: m.key_median, deviation: m.key_deviation, exponent: Some(m.zipf_exponent) };
        let keys = |pattern: Pattern| Keyspace {
            prefix: m.key_prefix.clone(),
            keys: Keys::new(m.key_minimum, m.key_maximum, pattern, shape),
        };
        let scope = Scope { ttl: m.expiry, random: o.keyspace, cluster: o.cluster, ..Scope::default() };
        if let Some((sets, gets)) = m.ratio {
            let (first, second) = (mix.add_keyspace(keys(m.key_pattern.0)), mix.add_keyspace(keys(m.key_pattern.1)));
            let set = if m.expiry.is_some() { "SET __key__ __data__ EX __ttl__" } else { "SET __key__ __data__" };
            for (line, weight, keyspace) in [(set, sets, first), ("GET __key__", gets, second)] {
                if weight > 0 {
                    mix.add(line.as_bytes(), None, weight, &Scope { keyspace, ..scope.clone() })?;
                    let get = line.starts_with("GET");
                    if let Some(command) = mix.commands.last_mut().filter(|_| m.verify) {
                        (command.checked, command.self_checking) = (get, !get);
                    }
                }
            }
        }
        for command in &m.commands {
            let keyspace = mix.add_keyspace(keys(command.pattern.unwrap_or(Pattern::Random)));
            mix.add(&command.line, None, command.ratio, &Scope { keyspace, ..scope.clone() })?;
        }
        Ok(mix)
    }

    /// The longest range of keys, for `-n allkeys`.
    pub fn most_keys(&self) -> u64 {
        self.keyspaces.iter().map(|k| k.keys.count()).max().unwrap_or(1)
    }

    /// How large requests are: seen by making some.
    pub fn payload(&self) -> String {
        const SEEN: usize = 1000;
        let (mut rng, mut hand, mut out) = (Rng::new(1), self.hand(Place { index: 0, of: 1 }), Vec::new());
        let mut made = 0;
        for _ in 0..SEEN {
            self.push(&mut out, &mut hand, &mut rng, &[]);
            made += out.len();
            // Large values need no more room than one of them.
            out.clear();
        }
        format!("{} bytes a request on average", made / SEEN)
    }

    pub fn hand(&self, place: Place) -> Hand {
        Hand { cursors: vec![0; self.cursors], place, word: Vec::new() }
    }

    /// Appends a request.
    #[inline]
    pub fn push(&self, out: &mut Vec<u8>, hand: &mut Hand, rng: &mut Rng, tags: &[Tag]) -> Made {
        let kind = match self.bounds.last() {
            Some(total) if self.bounds.len() > 1 => {
                let at = rng.below((*total).max(1));
                self.bounds.partition_point(|bound| *bound <= at)
            }
            _ => 0,
        };
        let Some(command) = self.commands.get(kind) else { return Made { kind: 0, check: None } };
        let (mut key, mut along) = (0, 0.0);
        head(out, b'*', command.words.len());
        let tag = if tags.is_empty() { *b"000" } else { tags[rng.below(tags.len() as u64) as usize] };
        for parts in &command.words {
            match &parts[..] {
                [Part::Text(text)] => bulk(out, text),
                [Part::Data(value)] if !command.self_checking => bulk(out, self.values[*value].next(rng, along)),
                parts => {
                    hand.word.clear();
                    for part in parts {
                        match part {
                            Part::Text(text) => hand.word.extend_from_slice(text),
                            Part::Tag => {
                                hand.word.push(b'{');
                                hand.word.extend_from_slice(&tag);
                                hand.word.push(b'}');
                            }
                            Part::Key(keyspace, cursor) => {
                                let keys = &self.keyspaces[*keyspace].keys;
                                key = keys.next(rng, &mut hand.cursors[*cursor], hand.place);
                                along = keys.along(key);
                                hand.word.extend_from_slice(itoa::Buffer::new().format(key).as_bytes());
                            }
                            Part::Data(value) if command.self_checking => {
                                let size = self.values[*value].size(rng, along);
                                values::push_of_key(&mut hand.word, key, size);
                            }
                            Part::Data(value) => hand.word.extend_from_slice(self.values[*value].next(rng, along)),
                            Part::Number(low, high, digits) => {
                                let mut buffer = itoa::Buffer::new();
                                let text = buffer.format(low + rng.below(high - low + 1));
                                hand.word.extend(std::iter::repeat_n(b'0', digits.saturating_sub(text.len())));
                                hand.word.extend_from_slice(text.as_bytes());
                            }
                        }
                    }
                    bulk(out, &hand.word);
                }
            }
        }
        Made { kind: kind as u16, check: command.checked.then_some(key) }
    }
}

/// The next placeholder: where it begins, and how long it is.
fn placeholder(word: &[u8], tags: bool) -> Option<(usize, usize)> {
    let tag = memchr::memmem::find(word, b"{tag}").filter(|_| tags).map(|at| (at, 5));
    let mut from = 0;
    let found = loop {
        let Some(at) = memchr::memmem::find(&word[from..], b"__").map(|n| from + n) else { break None };
        let Some(end) = memchr::memmem::find(&word[at + 2..], b"__").map(|n| at + 2 + n) else { break None };
        let name = &word[at + 2..end];
        if [&b"key"[..], b"data", b"number", b"ttl", b"rand_int"]
            .iter()
            .any(|n| name.strip_prefix(*n).is_some_and(|rest| rest.is_empty() || rest[0] == b':'))
        {
            break Some((at, end + 2 - at));
        }
        from = at + 1;
    };
    match (tag, found) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}

fn head(out: &mut Vec<u8>, kind: u8, n: usize) {
    out.push(kind);
    out.extend_from_slice(itoa::Buffer::new().format(n).as_bytes());
    out.extend_from_slice(b"\r\n");
}

fn bulk(out: &mut Vec<u8>, word: &[u8]) {
    head(out, b'$', word.len());
    out.extend_from_slice(word);
    out.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::bench::{Asked, parse};

    fn mix(line: &[&str]) -> Result<Mix, String> {
        match parse(line.iter().map(std::ffi::OsString::from).collect(), false) {
            Asked::Run(options) => Mix::of_options(&options),
            other => panic!("{other:?}"),
        }
    }

    fn made(mix: &Mix, n: usize) -> Vec<(String, Made)> {
        let (mut rng, mut hand) = (Rng::new(4), mix.hand(Place { index: 0, of: 1 }));
        (0..n)
            .map(|_| {
                let mut out = Vec::new();
                let made = mix.push(&mut out, &mut hand, &mut rng, &[*b"abc"]);
                let whole = crate::resp::frames::Frames::default().scan(&out).expect("a request");
                assert_eq!(whole, Some(out.len()));
                let words = String::from_utf8_lossy(&out).into_owned();
                let words: Vec<&str> = words.split("\r\n").skip(2).step_by(2).collect();
                (words.join(" "), made)
            })
            .collect()
    }

    #[test]
    fn ratios_are_kept() {
        let mix = mix(&["--ratio", "1:9", "--key-maximum", "50", "--key-prefix", "k", "--expiry-range", "5-6"])
            .expect("a mix");
        let made = made(&mix, 20_000);
        let sets = made.iter().filter(|(line, _)| line.starts_with("SET")).count();
        assert!((1_850..2_150).contains(&sets), "{sets}");
        let (line, _) = made.iter().find(|(line, _)| line.starts_with("SET")).expect("a SET");
        let words: Vec<&str> = line.split(' ').collect();
        assert!(
            words.len() == 5 && words[2].len() == 3 && words[3] == "EX" && ["5", "6"].contains(&words[4]),
            "{line}"
        );
        assert_eq!(mix.labels, ["SET", "GET"]);
        assert_eq!(mix.most_keys(), 51);
    }

    #[test]
    fn commands_have_their_placeholders_and_weights() {
        let mix = mix(&[
            "--cluster",
            "-r",
            "100",
            "-d",
            "5",
            "--key-prefix",
            "x{tag}:",
            "--key-maximum",
            "3",
            "--command",
            "ZADD board:__key__ __number:7-9__ m__rand_int__",
            "--command-key-pattern",
            "S",
            "--command-ratio",
            "3",
            "--command",
            "set 'a b' <__data__>",
            "--command",
            "zadd a 1 __unknown__",
        ])
        .expect("a mix");
        assert_eq!(mix.labels, ["ZADD", "SET", "ZADD #2"]);
        let made = made(&mix, 5_000);
        let of =
            |kind: u16| made.iter().filter(|(_, m)| m.kind == kind).map(|(line, _)| line.as_str()).collect::<Vec<_>>();
        assert!((2_850..3_150).contains(&of(0).len()));
        for (at, line) in of(0).iter().enumerate() {
            let words: Vec<&str> = line.split(' ').collect();
            assert_eq!(words[1], format!("board:x{{abc}}:{}", at % 4));
            assert!(["7", "8", "9"].contains(&words[2]) && words[3].len() == 13, "{line}");
        }
        assert!(of(1)[0].starts_with("set a b <") && of(1)[0].len() == 15, "{}", of(1)[0]);
        assert_eq!(of(2)[0], "zadd a 1 __unknown__");
        let untagged = Scope { cluster: true, ..Scope::default() };
        let mut other = mix.clone();
        other.keyspaces[0].prefix = b"x:".to_vec();
        assert!(other.add(b"get __key__", None, 1, &untagged).is_err_and(|e| e.contains("{tag}")));
        assert!(other.add(b"get {tag}__key__", None, 1, &untagged).is_ok());
        assert!(super::Mix::default().add(b"get 'x", None, 1, &Scope::default()).is_err());
        assert!(super::Mix::default().add(b"get __key:no__", None, 1, &Scope::default()).is_err());
    }

    #[test]
    fn reads_know_what_to_expect() {
        let mix = mix(&[
            "--ratio",
            "1:1",
            "--data-verify",
            "--key-maximum",
            "9",
            "--data-size-range",
            "1-30",
            "--key-prefix",
            "",
        ])
        .expect("a mix");
        for (line, made) in made(&mix, 200) {
            let words: Vec<&str> = line.split(' ').collect();
            let key: u64 = words[1].parse().expect("a number");
            assert_eq!(made.check, (words[0] == "GET").then_some(key));
            if words[0] == "SET" {
                assert!(values::is_of_key(words[2].as_bytes(), key));
            }
        }
    }
}
