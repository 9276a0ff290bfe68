//! The small language in which families say what may be sent.
//!
//! A line of a grammar is `weight flags template`. The flags are letters, or absent:
//! `r` only against Redis 7.0, `v` only against Valkey 9.1 (a command or option that the other lacks), `!` never
//! mutated (what a mutation could turn into something that hangs or stops a server), `h` only helps: of another family,
//! and left out silently where it is missing.
//!
//! | in a template | means |
//! |---|---|
//! | `WORD` | itself; sometimes in another case |
//! | `$name` | a word of the vocabulary, see `vocabulary.rs`; `$name.x`: the same one wherever `.x` stands in the line |
//! | `[ … ]` | perhaps |
//! | `{ a \| b c }` | one of them |
//! | `< a ; b c ; d >` | options: some of them, in any order |
//! | `( … )` | one to four times |
//! | `( … )#` | often enough to cross a threshold of an encoding (128, 512, …) |
//! | `&&` | next command of the same step |

use std::collections::HashMap;

use crate::{common::Rng, vocabulary};

pub type Words = Vec<Vec<u8>>;

/// Commands that belong together: generated, and dropped by the shrinker, as one.
pub type Step = Vec<Words>;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Against {
    Both,
    Redis,
    Valkey,
}

enum Item {
    Word(String),
    Var { name: String, tag: Option<String> },
    Perhaps(Vec<Item>),
    OneOf(Vec<Vec<Item>>),
    Options(Vec<Vec<Item>>),
    Repeat { items: Vec<Item>, many: bool },
    Then,
}

pub struct Row {
    weight: usize,
    pub against: Against,
    mutable: bool,
    items: Vec<Item>,
    /// The commands of the line, lower case, for asking whether a server has them.
    pub commands: Vec<String>,
    /// Helpers of other families, which only bring other types into the keyspace.
    pub helper: bool,
}

pub fn parse(grammar: &str, helper: bool) -> Vec<Row> {
    let lines = grammar.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("//"));
    lines.map(|line| parse_row(line, helper)).collect()
}

fn parse_row(line: &str, helper: bool) -> Row {
    let (weight, rest) = line.split_once(char::is_whitespace).unwrap_or_else(|| panic!("no template: {line}"));
    let rest = rest.trim();
    let (flags, template) = match rest.split_once(char::is_whitespace) {
        Some((first, more)) if first.chars().all(|c| "rv!h".contains(c)) => (first, more),
        _ => ("", rest),
    };
    let against = match (flags.contains('r'), flags.contains('v')) {
        (true, false) => Against::Redis,
        (false, true) => Against::Valkey,
        _ => Against::Both,
    };
    let tokens = tokens(template);
    let mut at = 0;
    let items = sequence(&tokens, &mut at);
    assert_eq!(at, tokens.len(), "unbalanced: {line}");
    let commands = template.split("&&").map(|command| {
        let mut words = command.split_whitespace().filter(|word| *word != "WALK");
        words.next().expect("a command").to_lowercase()
    });
    // A step may begin with a choice; what it chooses from is not looked at.
    let commands = commands.filter(|name| name.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c)));
    Row {
        weight: weight.parse().unwrap_or_else(|_| panic!("no weight: {line}")),
        against,
        mutable: !flags.contains('!'),
        items,
        commands: commands.collect(),
        helper: helper || flags.contains('h'),
    }
}

fn tokens(template: &str) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    for word in template.split_whitespace() {
        let mut rest = word;
        while !rest.is_empty() {
            let cut = if rest.starts_with(")#") {
                2
            } else if rest.starts_with(|c| "[]{}()<>|;".contains(c)) {
                1
            } else {
                rest.find(|c| "[]{}()<>|;".contains(c)).unwrap_or(rest.len())
            };
            out.push(rest[..cut].to_owned());
            rest = &rest[cut..];
        }
    }
    out
}

fn sequence(tokens: &[String], at: &mut usize) -> Vec<Item> {
    let mut items = Vec::new();
    while let Some(token) = tokens.get(*at) {
        if matches!(token.as_str(), "]" | "}" | ")" | ")#" | ">" | "|" | ";") {
            break;
        }
        *at += 1;
        items.push(match token.as_str() {
            "[" => Item::Perhaps(group(tokens, at, "").remove(0)),
            "{" => Item::OneOf(group(tokens, at, "|")),
            "<" => Item::Options(group(tokens, at, ";")),
            "(" => {
                let items = sequence(tokens, at);
                *at += 1;
                Item::Repeat { items, many: tokens[*at - 1] == ")#" }
            }
            "&&" => Item::Then,
            word => match word.strip_prefix('$') {
                Some(var) => match var.split_once('.') {
                    Some((name, tag)) => Item::Var { name: name.to_owned(), tag: Some(var.to_owned() + tag) },
                    None => Item::Var { name: var.to_owned(), tag: None },
                },
                None => Item::Word(word.to_owned()),
            },
        });
    }
    items
}

/// What stands up to the closing bracket, in parts.
fn group(tokens: &[String], at: &mut usize, separator: &str) -> Vec<Vec<Item>> {
    let mut parts = vec![sequence(tokens, at)];
    while tokens.get(*at).is_some_and(|token| token == separator) {
        *at += 1;
        parts.push(sequence(tokens, at));
    }
    *at += 1;
    parts
}

/// One step of a random row.
pub fn generate(rows: &[&Row], rng: &mut Rng) -> Step {
    let total: usize = rows.iter().map(|row| row.weight).sum();
    let mut at = rng.below(total);
    let row = rows
        .iter()
        .find(|row| {
            let here = at < row.weight;
            at = at.wrapping_sub(row.weight);
            here
        })
        .expect("a row");
    let mut maker = Maker { rng, bound: HashMap::new(), counter: 0, step: vec![Vec::new()] };
    maker.make(&row.items);
    let mut step = maker.step;
    if row.mutable && rng.percent(8) {
        let which = rng.below(step.len());
        mutate(&mut step[which], rng);
    }
    step
}

struct Maker<'a> {
    rng: &'a mut Rng,
    bound: HashMap<String, Vec<u8>>,
    counter: i64,
    step: Step,
}

impl Maker<'_> {
    fn make(&mut self, items: &[Item]) {
        for item in items {
            match item {
                Item::Word(word) => {
                    let word = in_some_case(word, self.rng);
                    self.put(word);
                }
                Item::Var { name, tag: None } => {
                    let word = self.word(name);
                    self.put(word);
                }
                Item::Var { name, tag: Some(tag) } => {
                    let word = match self.bound.get(tag) {
                        Some(word) => word.clone(),
                        None => self.word(name),
                    };
                    self.bound.insert(tag.clone(), word.clone());
                    self.put(word);
                }
                Item::Perhaps(items) => {
                    if self.rng.percent(50) {
                        self.make(items);
                    }
                }
                Item::OneOf(parts) => {
                    let part = self.rng.below(parts.len());
                    self.make(&parts[part]);
                }
                Item::Options(parts) => {
                    let mut order: Vec<usize> = (0..parts.len()).collect();
                    self.rng.shuffle(&mut order);
                    let chance = *self.rng.pick(&[0, 20, 40, 40, 80]);
                    for part in order {
                        if self.rng.percent(chance) {
                            self.make(&parts[part]);
                        }
                    }
                }
                Item::Repeat { items, many } => {
                    let times = match many {
                        false => 1 + self.rng.below(4),
                        true => *self.rng.pick(&[20, 60, 127, 128, 129, 140, 511, 512, 513]),
                    };
                    self.counter = self.rng.range(0, 3) * 100;
                    (0..times).for_each(|_| self.make(items));
                }
                Item::Then => self.step.push(Vec::new()),
            }
        }
    }

    fn word(&mut self, name: &str) -> Vec<u8> {
        // Distinct words in a row: what fills a collection up to a threshold.
        match name {
            "seq" => {
                self.counter += 1;
                format!("e{}", self.counter).into_bytes()
            }
            "iseq" => {
                self.counter += 1;
                self.counter.to_string().into_bytes()
            }
            _ => vocabulary::word(name, self.rng),
        }
    }

    fn put(&mut self, word: Vec<u8>) {
        self.step.last_mut().expect("a command").push(word);
    }
}

/// Redis reads option words and command names in any case.
fn in_some_case(word: &str, rng: &mut Rng) -> Vec<u8> {
    let plain = word.chars().all(|c| c.is_ascii_uppercase() || c == '-' || c == '_');
    match rng.below(100) {
        0..10 if plain => word.to_ascii_lowercase().into_bytes(),
        10..14 if plain => word.bytes().map(|b| if rng.percent(50) { b.to_ascii_lowercase() } else { b }).collect(),
        _ => word.as_bytes().to_vec(),
    }
}

/// Makes a command wrong, or at least odd.
fn mutate(words: &mut Words, rng: &mut Rng) {
    let last = words.len() - 1;
    let some = |rng: &mut Rng| if last == 0 { 0 } else { 1 + rng.below(last) };
    match rng.below(7) {
        0 => words.truncate(last.max(1)),
        1 => words.push(vocabulary::junk(rng)),
        2 if last > 0 => {
            let at = some(rng);
            words[at] = vocabulary::junk(rng);
        }
        3 if last > 0 => {
            words.remove(some(rng));
        }
        4 if last > 0 => {
            let (from, to) = (some(rng), some(rng));
            words.swap(from, to);
        }
        5 if last > 0 => {
            let word = words[some(rng)].clone();
            words.push(word);
        }
        6 => words.truncate(1 + rng.below(2)),
        _ => {}
    }
}
