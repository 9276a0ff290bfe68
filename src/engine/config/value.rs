//! A directive's value apart from where it is kept: read from words, printed for CONFIG GET, written as lines.

use super::cells::{Limit, SavePoint};
use super::choices::{notify, shutdown};
use super::{WordList, words};
use crate::base::numbers::parse_i64;
use crate::base::units::{format_memory, parse_memory};
use crate::resp::inline::quote;
use std::borrow::Cow;

/// Why a value was refused: what follows `… - ` in the reply to CONFIG SET.
pub type Reason = Cow<'static, str>;

/// What a directive's words mean.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Flag(bool),
    /// Numbers, amounts of memory, the index of a choice, sets of bits.
    Int(i64),
    Text(Vec<u8>),
    List(WordList),
    Save(Vec<SavePoint>),
    /// One per class; `None` leaves a class as it is.
    Limits([Option<Limit>; 3]),
}

/// How a directive's words are checked and printed.
#[derive(Clone, Copy)]
pub enum Kind {
    Flag,
    Int {
        min: i64,
        max: i64,
    },
    Octal {
        max: i64,
    },
    /// Bytes, with units.
    Memory {
        min: i64,
        max: i64,
    },
    /// Bytes, or `5%` kept as -5.
    MemoryOrPercent,
    Choice(&'static [&'static str]),
    ShutdownFlags,
    NotifyFlags,
    Text,
    /// Several words that `check` refuses or puts in their normal form.
    List {
        check: fn(&[Vec<u8>]) -> Result<WordList, Reason>,
    },
    Save,
    Limits,
}

impl Kind {
    /// Takes any number of words; all others take exactly one.
    pub fn is_multi(self) -> bool {
        matches!(self, Kind::ShutdownFlags | Kind::List { .. } | Kind::Save | Kind::Limits)
    }

    /// The meaning of `words`, or why there is none.
    pub fn read(self, words: &[Vec<u8>]) -> Result<Value, Reason> {
        let word = match words {
            [one] => one.as_slice(),
            _ if self.is_multi() => b"",
            _ => return Err("wrong number of arguments".into()),
        };
        let text = std::str::from_utf8(word).unwrap_or("\u{fffd}");
        Ok(match self {
            Kind::Flag => Value::Flag(match text.to_ascii_lowercase().as_str() {
                "yes" => true,
                "no" => false,
                _ => return Err("argument must be 'yes' or 'no'".into()),
            }),
            Kind::Int { min, max } => {
                let n = parse_i64(word).ok_or("argument couldn't be parsed into an integer")?;
                Value::Int(within(n, min, max)?)
            }
            Kind::Octal { max } => {
                let n = i64::from_str_radix(text, 8).ok().filter(|n| (0..=max).contains(n));
                Value::Int(n.ok_or("argument couldn't be parsed as an octal number")?)
            }
            Kind::Memory { min, max } => {
                Value::Int(within(parse_memory(text).ok_or("argument must be a memory value")?, min, max)?)
            }
            Kind::MemoryOrPercent => Value::Int(words::memory_or_percent(text)?),
            Kind::Choice(names) => {
                let at = names.iter().position(|name| name.eq_ignore_ascii_case(text));
                Value::Int(at.ok_or_else(|| one_of(names.iter().copied()))? as i64)
            }
            Kind::ShutdownFlags => Value::Int(words::shutdown_flags(words)?),
            Kind::NotifyFlags => Value::Int(words::notify_flags(word)?),
            Kind::Text => Value::Text(word.to_vec()),
            Kind::List { check } => Value::List(check(words)?),
            Kind::Save => Value::Save(words::save_points(words)?),
            Kind::Limits => Value::Limits(words::limits(words)?),
        })
    }

    /// What CONFIG GET shows.
    pub fn print(self, value: &Value) -> Vec<u8> {
        match (self, value) {
            (_, Value::Flag(on)) => {
                if *on {
                    b"yes".to_vec()
                } else {
                    b"no".to_vec()
                }
            }
            (Kind::Choice(names), Value::Int(n)) => {
                names.get(*n as usize).copied().unwrap_or("unknown").as_bytes().to_vec()
            }
            (Kind::Octal { .. }, Value::Int(n)) => format!("{n:o}").into_bytes(),
            (Kind::MemoryOrPercent, Value::Int(n)) if *n < 0 => format!("{}%", -n).into_bytes(),
            (Kind::ShutdownFlags, Value::Int(n)) => words::print_shutdown_flags(*n).into_bytes(),
            (Kind::NotifyFlags, Value::Int(n)) => words::print_notify_flags(*n),
            (_, Value::Int(n)) => n.to_string().into_bytes(),
            (_, Value::Text(text)) => text.clone(),
            (_, Value::List(list)) => list.join(&b' '),
            (_, Value::Save(points)) => {
                let points: Vec<_> = points.iter().map(|p| format!("{} {}", p.seconds, p.changes)).collect();
                points.join(" ").into_bytes()
            }
            (_, Value::Limits(limits)) => {
                let one = |(class, limit): (&str, &Option<Limit>)| {
                    let l = limit.unwrap_or_default();
                    format!("{class} {} {} {}", l.hard_bytes, l.soft_bytes, l.soft_seconds)
                };
                let all: Vec<_> = ["normal", "slave", "pubsub"].into_iter().zip(limits).map(one).collect();
                all.join(" ").into_bytes()
            }
        }
    }

    /// What follows the name on the directive's lines in a configuration file. Most have one line; `save` and
    /// `client-output-buffer-limit` several; none means that the directive has to be absent.
    pub fn lines(self, value: &Value) -> Vec<Vec<u8>> {
        match (self, value) {
            (Kind::Memory { .. } | Kind::MemoryOrPercent, Value::Int(n)) if *n >= 0 => {
                vec![format_memory(*n).into_bytes()]
            }
            (_, Value::Text(text)) => vec![quote(text)],
            (Kind::NotifyFlags, Value::Int(n)) => vec![quote(&words::print_notify_flags(*n))],
            (_, Value::Save(points)) if points.is_empty() => vec![b"\"\"".to_vec()],
            (_, Value::Save(points)) => {
                points.iter().map(|p| format!("{} {}", p.seconds, p.changes).into_bytes()).collect()
            }
            (_, Value::Limits(limits)) => {
                let one = |(class, limit): (&str, &Option<Limit>)| {
                    let l = limit.unwrap_or_default();
                    let (hard, soft) = (format_memory(l.hard_bytes), format_memory(l.soft_bytes));
                    format!("{class} {hard} {soft} {}", l.soft_seconds).into_bytes()
                };
                ["normal", "replica", "pubsub"].into_iter().zip(limits).map(one).collect()
            }
            (_, Value::List(list)) if list.is_empty() => vec![b"\"\"".to_vec()],
            (_, Value::List(list)) => vec![list.iter().map(|w| quote_if_needed(w)).collect::<Vec<_>>().join(&b' ')],
            _ => vec![self.print(value)],
        }
    }
}

fn within(n: i64, min: i64, max: i64) -> Result<i64, Reason> {
    if (min..=max).contains(&n) {
        Ok(n)
    } else {
        Err(format!("argument must be between {min} and {max} inclusive").into())
    }
}

/// The refusal of a word that is none of `names`.
pub(super) fn one_of<'a>(names: impl Iterator<Item = &'a str>) -> Reason {
    format!("argument(s) must be one of the following: {}", names.collect::<Vec<_>>().join(", ")).into()
}

fn quote_if_needed(word: &[u8]) -> Vec<u8> {
    let plain = |b: &u8| b.is_ascii_graphic() && !matches!(b, b'"' | b'\'' | b'\\');
    if !word.is_empty() && word.iter().all(plain) { word.to_vec() } else { quote(word) }
}

/// For callers that need the words of the bit sets too.
pub fn shutdown_names() -> impl Iterator<Item = &'static str> {
    shutdown::NAMES.iter().map(|(name, _)| *name)
}

/// True if events of any kind are wanted, i.e. a channel kind and a type were both named.
pub fn notifies(flags: i64) -> bool {
    flags & (notify::KEYSPACE | notify::KEYEVENT) != 0
}
