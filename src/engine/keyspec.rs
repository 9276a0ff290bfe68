//! Where a command's keys are: the language of a row's `keys` column, and the extraction that follows it.
//!
//! Specs are separated by `;`. Each is a place, then flags:
//!
//! | place | meaning |
//! |---|---|
//! | `1` | word 1 |
//! | `1..-1` | words 1 to the last; a last of 0 or more counts from the first key, below 0 from the end |
//! | `1..-1/2` | every second one of them |
//! | `2 num` | word 2 tells how many keys follow it |
//! | `1 num/2` | the same, a key at every second word |
//! | `STREAMS@4..-1 limit2` | from behind the word STREAMS, looked for from word 4 on; of what is left, the first half |
//! | `KEYS@-2..-1` | the keyword is looked for backwards, from the last word but one |
//! | `?` | somewhere; COMMAND INFO shows `unknown` |
//!
//! The flags are COMMAND INFO's: one of `RO RW OW RM`, then `access update insert delete not_key incomplete
//! variable_flags`. A last clause `via name` hands extraction to a procedure of [`super::keyproc`], for commands whose
//! keys or flags depend on their options, as Redis's getkeys procedures do; the specs are then for COMMAND INFO.
//!
//! Seen on Redis 7.0 and 8.0. Two places are deliberately kinder than Redis: a range that turns out empty
//! (`PFMERGE dst`) yields no key instead of an error, and every STORE of a GEORADIUS counts, since locks are taken by
//! these positions and must cover whichever one the handler uses.

use super::keyproc::{self, Via};
use crate::resp::args::Args;

/// What happens to a key: COMMAND INFO's key flags.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeyFlags(u16);

/// Every key flag with its word, in the order in which Redis prints them.
pub const KEY_FLAGS: &[(KeyFlags, &str)] = &[
    (KeyFlags::RO, "RO"),
    (KeyFlags::RW, "RW"),
    (KeyFlags::OW, "OW"),
    (KeyFlags::RM, "RM"),
    (KeyFlags::ACCESS, "access"),
    (KeyFlags::UPDATE, "update"),
    (KeyFlags::INSERT, "insert"),
    (KeyFlags::DELETE, "delete"),
    (KeyFlags::NOT_KEY, "not_key"),
    (KeyFlags::INCOMPLETE, "incomplete"),
    (KeyFlags::VARIABLE, "variable_flags"),
];

impl KeyFlags {
    /// Read only, read-write, overwritten without a look, removed: exactly one of these four.
    pub const RO: KeyFlags = KeyFlags(1 << 0);
    pub const RW: KeyFlags = KeyFlags(1 << 1);
    pub const OW: KeyFlags = KeyFlags(1 << 2);
    pub const RM: KeyFlags = KeyFlags(1 << 3);
    /// The value's content is returned, copied or influences the outcome.
    pub const ACCESS: KeyFlags = KeyFlags(1 << 4);
    pub const UPDATE: KeyFlags = KeyFlags(1 << 5);
    pub const INSERT: KeyFlags = KeyFlags(1 << 6);
    pub const DELETE: KeyFlags = KeyFlags(1 << 7);
    /// Not a key at all but routed like one: a shard channel.
    pub const NOT_KEY: KeyFlags = KeyFlags(1 << 8);
    /// The spec may miss keys.
    pub const INCOMPLETE: KeyFlags = KeyFlags(1 << 9);
    /// The options decide what really happens.
    pub const VARIABLE: KeyFlags = KeyFlags(1 << 10);

    /// True if any of `other`'s flags is set.
    #[inline]
    pub const fn has(self, other: KeyFlags) -> bool {
        self.0 & other.0 != 0
    }

    pub const fn with(self, other: KeyFlags) -> KeyFlags {
        KeyFlags(self.0 | other.0)
    }

    /// The words in the order in which Redis prints them.
    pub fn names(self) -> impl Iterator<Item = &'static str> + Clone {
        KEY_FLAGS.iter().filter(move |(f, _)| self.has(*f)).map(|&(_, word)| word)
    }
}

/// Where a spec's keys begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begin {
    Index(u16),
    /// Behind this word, looked for from the index on; below 0 it counts from the end and the search goes backwards.
    Keyword(&'static str, i16),
    Unknown,
}

/// Which words are keys, from the beginning on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Find {
    /// `last` counts from the first key, or from the end if below 0. `limit` n > 1: the first nth of them.
    Range {
        last: i16,
        step: u16,
        limit: u16,
    },
    /// The first word tells how many keys follow it, one every `step` words.
    Num {
        step: u16,
    },
    Unknown,
}

/// One key spec, as COMMAND INFO shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeySpec {
    pub begin: Begin,
    pub find: Find,
    pub flags: KeyFlags,
}

/// A key's place among a command's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyPos {
    pub index: u32,
    pub flags: KeyFlags,
}

/// The words do not say where the keys are (a count that is no number, or too large); the handler will refuse them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeysError;

/// First word, last word (from the end if below 0) and step: positions that depend on nothing but the word count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Simple {
    pub first: i16,
    pub last: i16,
    pub step: i16,
}

impl Simple {
    /// The indexes of the keys among `words` words.
    #[inline]
    pub fn indexes(self, words: usize) -> impl Iterator<Item = usize> + Clone {
        let end = if self.last < 0 { words as isize + self.last as isize } else { self.last as isize } + 1;
        (self.first as usize..(end.max(0) as usize).min(words)).step_by(self.step.max(1) as usize)
    }
}

/// Which of a command's words are channels (a row's `channels` column).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Channels {
    places: Simple,
    /// They are patterns of channels.
    pub patterns: bool,
}

impl Channels {
    /// `"1"`, `"1..-1"`, `"1..-1 patterns"`; nothing: the command has none.
    pub fn parse(text: &str) -> Result<Option<Channels>, String> {
        let bad = || format!("bad channels '{text}'");
        let (places, patterns) = match text.split_once(' ') {
            None if text.is_empty() => return Ok(None),
            None => (text, false),
            Some((places, "patterns")) => (places, true),
            Some(_) => return Err(bad()),
        };
        let (first, last) = places.split_once("..").unwrap_or((places, places));
        let number = |n: &str| n.parse().map_err(|_| bad());
        Ok(Some(Channels { places: Simple { first: number(first)?, last: number(last)?, step: 1 }, patterns }))
    }

    /// The indexes of the channels among `words` words.
    pub fn indexes(&self, words: usize) -> impl Iterator<Item = usize> + Clone {
        self.places.indexes(words)
    }
}

/// All that is known about a command's keys.
#[derive(Clone, Debug, Default)]
pub struct KeySpecs {
    pub specs: Vec<KeySpec>,
    /// Set when the keys' places depend on nothing but the word count: the hot path needs no walk.
    pub simple: Option<Simple>,
    /// COMMAND INFO's first, last and step, as Redis derives them; zeros without keys.
    pub legacy: Simple,
    /// The triple does not tell all keys: COMMAND INFO's `movablekeys`.
    pub movable: bool,
    via: Via,
}

impl KeySpecs {
    /// Parses a row's `keys` column; the error tells what is wrong with it.
    pub fn parse(text: &'static str) -> Result<KeySpecs, String> {
        let mut me = KeySpecs::default();
        for clause in text.split(';').map(str::trim).filter(|c| !c.is_empty()) {
            match clause.strip_prefix("via ") {
                Some(name) => me.via = Via::named(name).ok_or_else(|| format!("unknown procedure '{name}'"))?,
                None => me.specs.push(parse_spec(clause).ok_or_else(|| format!("bad key spec '{clause}'"))?),
            }
        }
        (me.legacy, me.movable) = legacy(&me.specs);
        let real: Vec<KeySpec> = me.specs.iter().filter(|s| !s.flags.has(KeyFlags::NOT_KEY)).copied().collect();
        let (simple, movable) = legacy(&real);
        me.simple = (!real.is_empty() && !movable && me.via.keeps_places()).then_some(simple);
        Ok(me)
    }

    /// True if the command can have keys.
    pub fn any(&self) -> bool {
        self.specs.iter().any(|s| !s.flags.has(KeyFlags::NOT_KEY))
    }

    /// Every key's place and flags, replacing what `out` held. `out` is empty after an error.
    pub fn positions(&self, args: Args<'_>, out: &mut Vec<KeyPos>) -> Result<(), KeysError> {
        out.clear();
        let done = match self.via {
            Via::Specs => self.specs.iter().try_for_each(|s| s.walk(args, out)),
            via => keyproc::run(via, args, out),
        };
        if done.is_err() {
            out.clear();
        }
        done
    }
}

impl KeySpec {
    /// Appends the keys that this spec finds. A keyword that is not there means none.
    fn walk(&self, args: Args<'_>, out: &mut Vec<KeyPos>) -> Result<(), KeysError> {
        if self.flags.has(KeyFlags::NOT_KEY) {
            return Ok(());
        }
        let first = match self.begin {
            Begin::Index(i) => i as usize,
            Begin::Keyword(word, from) => match find_keyword(args, word, from) {
                Some(i) => i + 1,
                None => return Ok(()),
            },
            Begin::Unknown => return Err(KeysError),
        };
        let len = args.len();
        let (first, end, step) = match self.find {
            Find::Range { last, step, limit } => {
                let left = len.saturating_sub(first);
                let end = match (last, limit) {
                    (0.., _) => first + last as usize + 1,
                    (_, 0 | 1) => (len + 1).saturating_sub(last.unsigned_abs() as usize),
                    (_, n) => (first + left / n as usize + 1).saturating_sub(last.unsigned_abs() as usize),
                };
                (first, end.min(len), step)
            }
            Find::Num { step } => {
                let count = args.get(first).and_then(count).ok_or(KeysError)?;
                // The last key's index, computed so that no count overflows it.
                if count > 0
                    && (count - 1).checked_mul(step as usize).is_none_or(|past| past >= len.saturating_sub(first + 1))
                {
                    return Err(KeysError);
                }
                let keys = first + 1;
                (keys, if count == 0 { keys } else { keys + (count - 1) * step as usize + 1 }, step)
            }
            Find::Unknown => return Err(KeysError),
        };
        out.extend((first..end).step_by(step.max(1) as usize).map(|i| KeyPos { index: i as u32, flags: self.flags }));
        Ok(())
    }
}

/// The index of `word`, looked for from `from` on, or backwards if that is below 0. Word 0 is the command's name.
fn find_keyword(args: Args<'_>, word: &str, from: i16) -> Option<usize> {
    if from >= 0 {
        (from as usize..args.len()).find(|&i| args.is(i, word))
    } else {
        let top = (args.len() + 1).checked_sub(from.unsigned_abs() as usize)?;
        (1..top).rev().find(|&i| args.is(i, word))
    }
}

/// A count of keys as Redis's string2ll reads it (digits only, no leading zeros); anything below 0 is refused.
pub(super) fn count(word: &[u8]) -> Option<usize> {
    match word {
        b"0" => Some(0),
        [b'1'..=b'9', rest @ ..] if rest.len() < 18 => {
            word.iter().try_fold(0usize, |n, d| d.is_ascii_digit().then(|| n * 10 + (d - b'0') as usize))
        }
        _ => None,
    }
}

/// Redis's populateCommandLegacyRangeSpec: one triple for all specs as far as that goes, and whether it goes not far
/// enough. Several specs merge if each is a range of step 1 that begins right behind the one before it.
fn legacy(specs: &[KeySpec]) -> (Simple, bool) {
    let range = |s: &KeySpec| match (s.begin, s.find) {
        (Begin::Index(first), Find::Range { last, step, .. }) => {
            let last = if last >= 0 { last + first as i16 } else { last };
            Some(Simple { first: first as i16, last, step: step as i16 })
        }
        _ => None,
    };
    if let [one] = specs {
        return match range(one) {
            Some(triple) => (triple, one.flags.has(KeyFlags::INCOMPLETE)),
            None => (Simple::default(), true),
        };
    }
    let mut all = Simple::default();
    let mut movable = false;
    for spec in specs {
        match range(spec) {
            Some(r) if r.step == 1 && (all.last == 0 || all.last == r.first - 1) => {
                let first = if all.first == 0 { r.first } else { all.first.min(r.first) };
                // Compared unsigned, as Redis does: whatever counts from the end is behind whatever does not.
                all = Simple { first, last: (all.last as u16).max(r.last as u16) as i16, step: 1 };
                movable |= spec.flags.has(KeyFlags::INCOMPLETE);
            }
            _ => movable = true,
        }
    }
    (all, movable)
}

/// One clause: a place and its flags.
fn parse_spec(clause: &'static str) -> Option<KeySpec> {
    let mut words = clause.split_whitespace().peekable();
    let place = words.next()?;
    let (begin, range) = place.split_once("..").map_or((place, None), |(b, r)| (b, Some(r)));
    let begin = match begin.split_once('@') {
        Some((word, from)) => Begin::Keyword(word, from.parse().ok()?),
        None if begin == "?" => Begin::Unknown,
        None => Begin::Index(begin.parse().ok()?),
    };
    let mut find = match range {
        Some(r) => {
            let (last, step) = r.split_once('/').unwrap_or((r, "1"));
            Find::Range { last: last.parse().ok()?, step: step.parse().ok()?, limit: 0 }
        }
        None if begin == Begin::Unknown => Find::Unknown,
        None => Find::Range { last: 0, step: 1, limit: 0 },
    };
    if let Some(step) = words.next_if(|w| w.starts_with("num")) {
        find = Find::Num { step: if step == "num" { 1 } else { step.strip_prefix("num/")?.parse().ok()? } };
    }
    if let (Some(n), Find::Range { limit, .. }) = (words.next_if(|w| w.starts_with("limit")), &mut find) {
        *limit = n.strip_prefix("limit")?.parse().ok()?;
    }
    let mut flags = KeyFlags::default();
    for w in words {
        flags = flags.with(KEY_FLAGS.iter().find(|(_, word)| *word == w)?.0);
    }
    Some(KeySpec { begin, find, flags })
}
