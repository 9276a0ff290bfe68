//! What a row of the configuration table says, and how a value gets to and from its field.
//!
//! The legend of a row: constructor = kind of value (name, default as a configuration file spells it, range or words,
//! field), then what is unusual about it.

use super::cells::{Class, Flag, Int, Limits, List, SavePoints, Text};
use super::value::{Kind, Reason, Value};
use super::{Config, Fields, WordList};
use std::sync::atomic::{AtomicU8, Ordering::Relaxed};

/// When a directive may change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// Whenever CONFIG SET says so.
    Live,
    /// Only while starting.
    Startup,
    /// By CONFIG SET only if `enable-protected-configs` allows it: with these one could write files anywhere.
    Protected,
}

/// Where a directive's value lives.
#[derive(Clone, Copy)]
pub enum Field {
    Flag(fn(&Fields) -> &Flag),
    Int(fn(&Fields) -> &Int),
    Choice(fn(&Fields) -> &AtomicU8),
    Text(fn(&Fields) -> &Text),
    List(fn(&Fields) -> &List),
    Save(fn(&Fields) -> &SavePoints),
    Limits(fn(&Fields) -> &Limits),
    /// Nobody acts on it: kept by name, to be shown and rewritten.
    Spare,
}

/// One directive.
#[derive(Clone, Copy)]
pub struct Row {
    pub name: &'static str,
    /// Older names, shown by CONFIG GET beside the name.
    pub aliases: &'static [&'static str],
    /// As a configuration file would spell it.
    pub default: &'static str,
    pub kind: Kind,
    pub field: Field,
    pub when: When,
    /// The value must not appear in logs, SLOWLOG or MONITOR.
    pub sensitive: bool,
    /// Understood and kept, but it changes nothing here; setting it logs so.
    pub accepted: bool,
    /// Why it changes nothing, if there is more to say.
    pub because: &'static str,
    /// CONFIG GET shows it only by its exact name.
    pub hidden: bool,
    /// Not to be changed while a dataset is being loaded.
    pub deny_loading: bool,
    /// The value names a file whose content counts: setting the same name again reads it again.
    pub names_file: bool,
    /// What the kind cannot say: refuses a value or replaces it by the nearest acceptable.
    pub check: fn(Value) -> Result<Value, Reason>,
    /// Refusals of CONFIG SET alone.
    pub check_live: fn(&Value) -> Result<(), Reason>,
}

impl Row {
    const fn new(name: &'static str, default: &'static str, kind: Kind, field: Field) -> Row {
        Row {
            name,
            aliases: &[],
            default,
            kind,
            field,
            when: When::Live,
            sensitive: false,
            accepted: false,
            because: "",
            hidden: false,
            deny_loading: false,
            names_file: false,
            check: Ok,
            check_live: |_| Ok(()),
        }
    }

    pub const fn flag(name: &'static str, default: &'static str, field: fn(&Fields) -> &Flag) -> Row {
        Row::new(name, default, Kind::Flag, Field::Flag(field))
    }

    pub const fn int(name: &'static str, default: &'static str, min: i64, max: i64, field: fn(&Fields) -> &Int) -> Row {
        Row::new(name, default, Kind::Int { min, max }, Field::Int(field))
    }

    pub const fn memory(name: &'static str, default: &'static str, min: i64, field: fn(&Fields) -> &Int) -> Row {
        Row::new(name, default, Kind::Memory { min, max: i64::MAX }, Field::Int(field))
    }

    /// A number of a kind of its own.
    pub const fn number(name: &'static str, default: &'static str, kind: Kind, field: fn(&Fields) -> &Int) -> Row {
        Row::new(name, default, kind, Field::Int(field))
    }

    /// One of `words`, which are the NAMES of the field's enum.
    pub const fn choice(
        name: &'static str,
        default: &'static str,
        words: &'static [&'static str],
        field: fn(&Fields) -> &AtomicU8,
    ) -> Row {
        Row::new(name, default, Kind::Choice(words), Field::Choice(field))
    }

    pub const fn text(name: &'static str, default: &'static str, field: fn(&Fields) -> &Text) -> Row {
        Row::new(name, default, Kind::Text, Field::Text(field))
    }

    pub const fn list(
        name: &'static str,
        default: &'static str,
        check: fn(&[Vec<u8>]) -> Result<WordList, Reason>,
        field: fn(&Fields) -> &List,
    ) -> Row {
        Row::new(name, default, Kind::List { check }, Field::List(field))
    }

    pub const fn save(name: &'static str, default: &'static str, field: fn(&Fields) -> &SavePoints) -> Row {
        Row::new(name, default, Kind::Save, Field::Save(field))
    }

    pub const fn limits(name: &'static str, default: &'static str, field: fn(&Fields) -> &Limits) -> Row {
        Row::new(name, default, Kind::Limits, Field::Limits(field))
    }

    /// A directive that makes no sense here: checked, kept, shown and otherwise without effect.
    pub const fn accepted(name: &'static str, default: &'static str, kind: Kind) -> Row {
        let mut row = Row::new(name, default, kind, Field::Spare);
        row.accepted = true;
        row
    }

    /// A directive that only takes what is done anyway.
    pub const fn settled(name: &'static str, default: &'static str, kind: Kind) -> Row {
        Row::new(name, default, kind, Field::Spare)
    }

    /// It is kept in a field, to be shown, and changes nothing.
    pub const fn only_shown(mut self, because: &'static str) -> Row {
        self.accepted = true;
        self.because = because;
        self
    }

    /// Why it changes nothing.
    pub const fn because(mut self, because: &'static str) -> Row {
        self.because = because;
        self
    }

    /// What is to be logged when it is set to a `value` that has no effect.
    pub fn notice(&self, value: &Value) -> Option<String> {
        if !self.accepted || *value == self.default_value() {
            return None;
        }
        let (blank, because) = if self.because.is_empty() { ("", "") } else { (": ", self.because) };
        Some(format!("'{}' is understood and shown, but has no effect in this server{blank}{because}", self.name))
    }

    pub const fn aliases(mut self, aliases: &'static [&'static str]) -> Row {
        self.aliases = aliases;
        self
    }

    pub const fn startup(mut self) -> Row {
        self.when = When::Startup;
        self
    }

    pub const fn protected(mut self) -> Row {
        self.when = When::Protected;
        self
    }

    pub const fn sensitive(mut self) -> Row {
        self.sensitive = true;
        self
    }

    pub const fn hidden(mut self) -> Row {
        self.hidden = true;
        self
    }

    pub const fn deny_loading(mut self) -> Row {
        self.deny_loading = true;
        self
    }

    pub const fn names_file(mut self) -> Row {
        self.names_file = true;
        self
    }

    pub const fn check(mut self, check: fn(Value) -> Result<Value, Reason>) -> Row {
        self.check = check;
        self
    }

    pub const fn check_live(mut self, check: fn(&Value) -> Result<(), Reason>) -> Row {
        self.check_live = check;
        self
    }

    /// The value that `words` mean for this directive.
    pub fn read(&self, words: &[Vec<u8>]) -> Result<Value, Reason> {
        (self.check)(self.kind.read(words)?)
    }

    /// The value that holds until something else is said.
    pub fn default_value(&self) -> Value {
        let words: Vec<Vec<u8>> = if self.kind.is_multi() && !self.default.is_empty() {
            self.default.split(' ').map(|w| w.as_bytes().to_vec()).collect()
        } else {
            vec![self.default.as_bytes().to_vec()]
        };
        match self.read(&words) {
            Ok(value) => value,
            Err(reason) => unreachable!("default of {}: {reason}", self.name), // a test reads every row's
        }
    }

    pub fn load(&self, config: &Config) -> Value {
        let f = &config.fields;
        match self.field {
            Field::Flag(at) => Value::Flag(at(f).get()),
            Field::Int(at) => Value::Int(at(f).get()),
            Field::Choice(at) => Value::Int(i64::from(at(f).load(Relaxed))),
            Field::Text(at) => Value::Text(at(f).bytes()),
            Field::List(at) => Value::List(at(f).words()),
            Field::Save(at) => Value::Save(at(f).get()),
            Field::Limits(at) => {
                Value::Limits([Class::Normal, Class::Replica, Class::Pubsub].map(|c| Some(at(f).get(c))))
            }
            Field::Spare => config.spare.read().get(self.name).cloned().unwrap_or_else(|| self.default_value()),
        }
    }

    /// Keeps `value`, which [`Row::read`] made.
    pub fn store(&self, config: &Config, value: Value) {
        let f = &config.fields;
        match (self.field, value) {
            (Field::Flag(at), Value::Flag(on)) => at(f).set(on),
            (Field::Int(at), Value::Int(n)) => at(f).set(n),
            (Field::Choice(at), Value::Int(n)) => at(f).store(n as u8, Relaxed),
            (Field::Text(at), Value::Text(text)) => at(f).set(&text),
            (Field::List(at), Value::List(words)) => at(f).set(words),
            (Field::Save(at), Value::Save(points)) => at(f).set(points),
            (Field::Limits(at), Value::Limits(limits)) => {
                for (class, limit) in [Class::Normal, Class::Replica, Class::Pubsub].into_iter().zip(limits) {
                    if let Some(limit) = limit {
                        at(f).set(class, limit);
                    }
                }
            }
            (Field::Spare, value) => {
                config.spare.write().insert(self.name, value);
            }
            _ => unreachable!("{}: kind and field disagree", self.name), // a test stores every row's default
        }
    }
}
