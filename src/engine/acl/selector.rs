//! A selector: commands, keys and channels that go together. A user has one at its root and perhaps more in brackets; what any
//! of them allows is allowed.
//!
//! Rules are kept twice: as a bitmap, which decides, and as the words that made it, in order and without those that later ones
//! overrode, which is what ACL LIST shows (Redis 7.2 to 8.0).

use crate::base::glob::glob_match;
use crate::engine::flags::{Categories, Flags};
use crate::engine::keyspec::{KeyFlags, KeyPos};
use crate::engine::table::{self, Command};
use crate::resp::Args;
use std::collections::BTreeMap;

/// Why a rule cannot be applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RuleError {
    Syntax,
    /// A command or category that there is not.
    Unknown,
    KeysAfterAll,
    ChannelsAfterAll,
    NoSuchPassword,
    BadHash,
    FirstArgOfSub,
}

impl RuleError {
    /// Redis 7.0's sentences.
    pub fn text(self) -> &'static str {
        match self {
            RuleError::Syntax => "Syntax error",
            RuleError::Unknown => "Unknown command or category name in ACL",
            RuleError::KeysAfterAll => {
                "Adding a pattern after the * pattern (or the 'allkeys' flag) is not valid and does not have any effect. Try \
                 'resetkeys' to start with an empty list of patterns"
            }
            RuleError::ChannelsAfterAll => {
                "Adding a pattern after the * pattern (or the 'allchannels' flag) is not valid and does not have any effect. \
                 Try 'resetchannels' to start with an empty list of channels"
            }
            RuleError::NoSuchPassword => "The password you are trying to remove from the user does not exist",
            RuleError::BadHash => {
                "The password hash must be exactly 64 characters and contain only lowercase hexadecimal characters"
            }
            RuleError::FirstArgOfSub => "Allowing first-arg of a subcommand is not supported",
        }
    }
}

/// What was refused, and which word said it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Denied {
    Command,
    Key(usize),
    Channel(usize),
}

/// Keys that fit `pattern` may be read, written, or both.
#[derive(Clone, Debug, PartialEq, Eq)]
struct KeyPattern {
    pattern: Vec<u8>,
    read: bool,
    write: bool,
}

#[derive(Clone, Debug, Default)]
pub struct Selector {
    /// Nothing was taken away since `+@all`: no look at the bitmap.
    all_commands: bool,
    all_keys: bool,
    all_channels: bool,
    /// Commands beyond the bitmap, as modules would add them: what the last of `+@all` and `-@all` said.
    future: bool,
    /// A bit a command, by id.
    allowed: Vec<u64>,
    /// Commands allowed with these first words only (`+select|0`).
    first_words: BTreeMap<u16, Vec<Vec<u8>>>,
    /// `+get`, `-@dangerous`, … behind `+@all` or `-@all`.
    command_rules: Vec<String>,
    keys: Vec<KeyPattern>,
    channels: Vec<Vec<u8>>,
}

impl Selector {
    /// One that allows nothing, but perhaps all channels (`acl-pubsub-default`).
    pub fn new(all_channels: bool) -> Selector {
        Selector { all_channels, ..Selector::default() }
    }

    /// One that allows everything.
    pub fn all() -> Selector {
        Selector { all_commands: true, all_keys: true, all_channels: true, future: true, ..Selector::default() }
    }

    pub fn allows_everything(&self) -> bool {
        self.all_commands && self.all_keys && self.all_channels
    }

    pub fn has_all_channels(&self) -> bool {
        self.all_channels
    }

    pub fn channels(&self) -> &[Vec<u8>] {
        &self.channels
    }

    // ---- rules -------------------------------------------------------------------------------------------------------

    /// Applies one rule: `+get`, `~key*`, `&channel`, `allkeys`, ….
    pub fn apply(&mut self, rule: &[u8], all_channels_default: bool) -> Result<(), RuleError> {
        let is = |word: &str| rule.eq_ignore_ascii_case(word.as_bytes());
        if is("allkeys") || rule == b"~*" {
            (self.all_keys, self.keys) = (true, Vec::new());
        } else if is("resetkeys") {
            (self.all_keys, self.keys) = (false, Vec::new());
        } else if is("allchannels") || rule == b"&*" {
            (self.all_channels, self.channels) = (true, Vec::new());
        } else if is("resetchannels") {
            (self.all_channels, self.channels) = (false, Vec::new());
        } else if is("allcommands") || is("+@all") {
            self.set_all(true);
        } else if is("nocommands") || is("-@all") {
            self.set_all(false);
        } else if is("reset") {
            *self = Selector::new(all_channels_default);
        } else {
            return match rule {
                [b'~', pattern @ ..] => self.add_keys(pattern, true, true),
                [b'%', rest @ ..] => self.add_some_keys(rest),
                [b'&', pattern @ ..] => self.add_channels(pattern),
                [sign @ (b'+' | b'-'), b'@', name @ ..] => self.set_category(name, *sign == b'+'),
                [b'+', name @ ..] => self.allow(name),
                [b'-', name @ ..] => {
                    let command = table::find_own_full(name).ok_or(RuleError::Unknown)?;
                    self.set_command(command, false);
                    self.note(&command.name, false);
                    Ok(())
                }
                _ => Err(RuleError::Syntax),
            };
        }
        Ok(())
    }

    fn set_all(&mut self, on: bool) {
        (self.all_commands, self.future) = (on, on);
        self.allowed.clear();
        self.first_words.clear();
        self.command_rules.clear();
    }

    /// `%R~pattern`, `%W~`, `%RW~`.
    fn add_some_keys(&mut self, rest: &[u8]) -> Result<(), RuleError> {
        if self.all_keys {
            return Err(RuleError::KeysAfterAll);
        }
        let (mut read, mut write) = (false, false);
        for (i, letter) in rest.iter().enumerate() {
            match letter.to_ascii_uppercase() {
                b'R' if !read => read = true,
                b'W' if !write => write = true,
                b'~' if read || write => return self.add_keys(&rest[i + 1..], read, write),
                _ => return Err(RuleError::Syntax),
            }
        }
        // No `~` at all: Redis takes it for an empty pattern.
        if read || write { self.add_keys(b"", read, write) } else { Err(RuleError::Syntax) }
    }

    fn add_keys(&mut self, pattern: &[u8], read: bool, write: bool) -> Result<(), RuleError> {
        if self.all_keys {
            return Err(RuleError::KeysAfterAll);
        }
        if has_spaces(pattern) {
            return Err(RuleError::Syntax);
        }
        match self.keys.iter_mut().find(|k| k.pattern == pattern) {
            Some(k) => (k.read, k.write) = (k.read | read, k.write | write),
            None => self.keys.push(KeyPattern { pattern: pattern.to_vec(), read, write }),
        }
        Ok(())
    }

    fn add_channels(&mut self, pattern: &[u8]) -> Result<(), RuleError> {
        if self.all_channels {
            return Err(RuleError::ChannelsAfterAll);
        }
        if has_spaces(pattern) {
            return Err(RuleError::Syntax);
        }
        if !self.channels.iter().any(|c| c == pattern) {
            self.channels.push(pattern.to_vec());
        }
        Ok(())
    }

    fn allow(&mut self, name: &[u8]) -> Result<(), RuleError> {
        let Some(bar) = name.iter().rposition(|b| *b == b'|') else {
            let command = table::find_own(name).ok_or(RuleError::Unknown)?;
            self.set_command(command, true);
            self.note(&command.name, true);
            return Ok(());
        };
        let (container, word) = (table::find_own_full(&name[..bar]).ok_or(RuleError::Unknown)?, &name[bar + 1..]);
        if container.parent.is_some() {
            return Err(RuleError::FirstArgOfSub);
        }
        // Redis takes blanks and line ends here, and then writes an ACL file that it cannot read.
        if word.is_empty() || has_spaces(word) {
            return Err(RuleError::Syntax);
        }
        if container.is_container() {
            let command = container.find_sub(word).ok_or(RuleError::Unknown)?;
            self.set_command(command, true);
        } else {
            let words = self.first_words.entry(container.id).or_default();
            if !words.iter().any(|w| w.eq_ignore_ascii_case(word)) {
                words.push(word.to_vec());
            }
        }
        self.note(&String::from_utf8_lossy(name), true);
        Ok(())
    }

    fn set_category(&mut self, name: &[u8], on: bool) -> Result<(), RuleError> {
        let category = Categories::named(name).ok_or(RuleError::Unknown)?;
        self.note(&format!("@{}", String::from_utf8_lossy(name)), on);
        for command in table::all() {
            if command.categories.has(category) {
                self.set_command(command, on);
            }
        }
        Ok(())
    }

    /// A command with its subcommands.
    fn set_command(&mut self, command: &Command, on: bool) {
        self.set_bit(command.id, on);
        self.first_words.remove(&command.id);
        command.subs.iter().for_each(|sub| self.set_bit(sub.id, on));
    }

    fn set_bit(&mut self, id: u16, on: bool) {
        let words = table::count().div_ceil(64);
        if self.allowed.len() < words {
            self.allowed.resize(words, if self.future { !0 } else { 0 });
        }
        let (word, bit) = (usize::from(id) / 64, 1u64 << (id % 64));
        if on {
            self.allowed[word] |= bit;
        } else {
            self.allowed[word] &= !bit;
            self.all_commands = false;
        }
    }

    fn bit(&self, id: u16) -> bool {
        self.allowed.get(usize::from(id) / 64).map_or(self.future, |word| word >> (id % 64) & 1 == 1)
    }

    /// Writes a command rule down; those of the same command or its subcommands mean nothing from now on.
    fn note(&mut self, name: &str, on: bool) {
        let name = name.to_ascii_lowercase();
        self.command_rules.retain(|rule| {
            let old = &rule[1..];
            !(old == name || old.strip_prefix(&name).is_some_and(|rest| rest.starts_with('|')))
        });
        self.command_rules.push(format!("{}{name}", if on { '+' } else { '-' }));
    }

    // ---- showing -----------------------------------------------------------------------------------------------------

    /// `-@all +get`
    pub fn shown_commands(&self) -> String {
        let mut out = if self.future { "+@all".to_owned() } else { "-@all".to_owned() };
        for rule in &self.command_rules {
            out.push(' ');
            out.push_str(rule);
        }
        out
    }

    /// `~a* %R~b*`
    pub fn shown_keys(&self) -> Vec<u8> {
        if self.all_keys {
            return b"~*".to_vec();
        }
        let one = |k: &KeyPattern| {
            let sign: &[u8] = match (k.read, k.write) {
                (true, false) => b"%R~",
                (false, true) => b"%W~",
                _ => b"~",
            };
            [sign, &k.pattern].concat()
        };
        self.keys.iter().map(one).collect::<Vec<_>>().join(&b' ')
    }

    /// `&a* &b`
    pub fn shown_channels(&self) -> Vec<u8> {
        if self.all_channels {
            return b"&*".to_vec();
        }
        self.channels.iter().map(|c| [b"&", c.as_slice()].concat()).collect::<Vec<_>>().join(&b' ')
    }

    /// The selector as rules that make it again.
    pub fn shown(&self) -> Vec<u8> {
        let mut parts = Vec::new();
        let (keys, channels) = (self.shown_keys(), self.shown_channels());
        if !keys.is_empty() {
            parts.push(keys);
        }
        if !self.all_channels {
            parts.push(b"resetchannels".to_vec());
        }
        if !channels.is_empty() {
            parts.push(channels);
        }
        parts.push(self.shown_commands().into_bytes());
        parts.join(&b' ')
    }

    // ---- deciding ----------------------------------------------------------------------------------------------------

    /// Whether this selector allows a command with these words, whose keys are at `keys`.
    pub fn check(&self, command: &Command, args: Args<'_>, keys: &[KeyPos]) -> Result<(), Denied> {
        if !self.all_commands && !command.flags.has(Flags::NO_AUTH) && !self.bit(command.id) {
            let words = self.first_words.get(&command.id).map_or(&[][..], Vec::as_slice);
            if !args.get(1).is_some_and(|first| words.iter().any(|w| w.eq_ignore_ascii_case(first))) {
                return Err(Denied::Command);
            }
        }
        if !self.all_keys {
            for k in keys {
                if !self.may_touch(args.at(k.index as usize), k.flags) {
                    return Err(Denied::Key(k.index as usize));
                }
            }
        }
        if !self.all_channels
            && let Some(channels) = &command.channels
        {
            for i in channels.indexes(args.len()) {
                if !self.may_use(args.at(i), channels.patterns) {
                    return Err(Denied::Channel(i));
                }
            }
        }
        Ok(())
    }

    fn may_touch(&self, key: &[u8], flags: KeyFlags) -> bool {
        let read = flags.has(KeyFlags::ACCESS);
        let write = flags.has(KeyFlags::UPDATE.with(KeyFlags::INSERT).with(KeyFlags::DELETE));
        let fits = |k: &&KeyPattern| (k.read || !read) && (k.write || !write);
        self.all_keys || self.keys.iter().filter(fits).any(|k| glob_match(&k.pattern, key, false))
    }

    /// A channel must fit a pattern, a pattern must be one.
    fn may_use(&self, channel: &[u8], is_pattern: bool) -> bool {
        self.channels.iter().any(|c| if is_pattern { c == channel } else { glob_match(c, channel, false) })
    }

    /// Whether every key may be read.
    pub fn reads_all_keys(&self) -> bool {
        self.all_keys || self.keys.iter().any(|k| k.read && k.pattern == b"*")
    }
}

/// What no name and no pattern may contain: lines of an ACL file are split there.
pub fn has_spaces(word: &[u8]) -> bool {
    word.iter().any(|b| b.is_ascii_whitespace() || *b == 0 || *b == 0x0b)
}
