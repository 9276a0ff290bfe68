//! The command table as it is used: every row with its columns parsed, found by name in a few nanoseconds.
//!
//! Built once, at boot, from the families' rows. The families are handed in by the room above (`commands::install`),
//! for this one imports nothing from there.

use super::{
    flags::{Categories, Flags},
    keyspec::{Channels, KeySpecs},
    spec::Spec,
};
use std::sync::OnceLock;

/// One command or subcommand, ready for use.
pub struct Command {
    /// Dense over all commands and subcommands: an index into per-command statistics and ACL bitmaps.
    pub id: u16,
    /// The row it was made from.
    pub spec: &'static Spec,
    /// Its full name in lower case: `client|kill`.
    pub name: String,
    pub flags: Flags,
    /// With those that the flags imply.
    pub categories: Categories,
    pub keys: KeySpecs,
    pub channels: Option<Channels>,
    /// The container's id.
    pub parent: Option<u16>,
    pub subs: Vec<&'static Command>,
}

impl Command {
    /// The subcommand of this name, in any case.
    pub fn find_sub(&self, word: &[u8]) -> Option<&'static Command> {
        self.subs.iter().copied().find(|s| s.spec.name.as_bytes().eq_ignore_ascii_case(word))
    }

    /// True if so many words, the command's name included, are what its arity asks for.
    #[inline]
    pub fn takes(&self, words: usize) -> bool {
        let arity = self.spec.arity;
        if arity >= 0 { words == arity as usize } else { words >= arity.unsigned_abs() as usize }
    }

    pub fn is_container(&self) -> bool {
        !self.subs.is_empty()
    }

    /// Its replies are pushes, which CLIENT REPLY OFF does not suppress: SUBSCRIBE and its kin.
    pub fn replies_by_push(&self) -> bool {
        self.flags.has(Flags::PUBSUB) && self.flags.has(Flags::NOSCRIPT)
    }

    /// The arguments as users know them, behind the name: `CLIENT KILL …`.
    pub fn usage(&self) -> String {
        let args = super::syntax::parse(self.spec.syntax).unwrap_or_default();
        let name = self.name.replace('|', " ").to_ascii_uppercase();
        if args.is_empty() { name } else { format!("{name} {}", super::syntax::usage(&args)) }
    }
}

/// All commands and the index of their names.
pub struct Table {
    all: Vec<&'static Command>,
    /// Those that clients can call, without the subcommands.
    top: Vec<&'static Command>,
    /// By the names that clients use.
    names: Names,
    /// By their own names, if `rename-command` gave any another.
    own: Option<Names>,
}

/// An index of names: open addressing, a quarter full.
struct Names(Box<[Slot]>);

#[derive(Clone, Copy, Default)]
struct Slot {
    key: Name,
    command: Option<&'static Command>,
}

static TABLE: OnceLock<Table> = OnceLock::new();

/// Builds the table; later calls change nothing. Panics on a row that is not sound, which tests find out.
pub fn install(families: &[&'static [Spec]]) {
    TABLE.get_or_init(|| Table::build(families).unwrap_or_else(|e| panic!("command table: {e}")));
}

/// As [`install`], with the words of each `rename-command`: a name and the one that clients use instead, or an empty one. On an
/// error, which names the words that it is about, nothing is installed.
pub fn install_renamed(families: &[&'static [Spec]], renames: &[Vec<Vec<u8>>]) -> Result<(), String> {
    let mut table = Table::build(families)?;
    table.rename(renames)?;
    // Whoever installed one before has seen to it that it is the same.
    let _ = TABLE.set(table);
    Ok(())
}

fn table() -> &'static Table {
    TABLE.get().expect("the command table is installed at boot")
}

/// The command of this name, in any case; subcommands are below their container.
#[inline]
pub fn find(name: &[u8]) -> Option<&'static Command> {
    table().find(name)
}

/// The command of this full name, as COMMAND INFO writes it: `get`, `client|kill`.
pub fn find_full(name: &[u8]) -> Option<&'static Command> {
    full(name, find)
}

/// The command whose own name this is, whatever clients call it: ACL rules and logs say it so.
pub fn find_own(name: &[u8]) -> Option<&'static Command> {
    let table = table();
    table.own.as_ref().unwrap_or(&table.names).find(name)
}

/// As [`find_full`], by own names.
pub fn find_own_full(name: &[u8]) -> Option<&'static Command> {
    full(name, find_own)
}

fn full(name: &[u8], find: impl Fn(&[u8]) -> Option<&'static Command>) -> Option<&'static Command> {
    match name.iter().position(|&b| b == b'|') {
        None => find(name),
        Some(bar) => find(&name[..bar])?.find_sub(&name[bar + 1..]),
    }
}

/// The command that these words call, the subcommand if there is one: `find_words(["CLIENT", "kill", …])`.
pub fn find_words(args: crate::resp::args::Args<'_>) -> Option<&'static Command> {
    let command = find(args.get(0)?)?;
    match args.get(1) {
        Some(word) if command.is_container() => command.find_sub(word),
        _ => Some(command),
    }
}

/// Every command and subcommand; a command's place is its id.
pub fn all() -> &'static [&'static Command] {
    &table().all
}

/// The commands without the subcommands.
pub fn top() -> &'static [&'static Command] {
    &table().top
}

/// True unless `rename-command` took the command, or its container, away.
pub fn is_served(command: &Command) -> bool {
    let id = command.parent.unwrap_or(command.id);
    table().own.is_none() || top().iter().any(|c| c.id == id)
}

/// How many commands there are, subcommands included: one more than the highest id.
pub fn count() -> usize {
    table().all.len()
}

impl Table {
    /// Parses every row. The rows live as long as the program, and so do the commands made from them.
    pub fn build(families: &[&'static [Spec]]) -> Result<Table, String> {
        let mut all = Vec::new();
        let mut top = Vec::new();
        let mut next = 0;
        for spec in families.iter().flat_map(|f| f.iter()) {
            top.push(add(spec, None, &mut next, &mut all)?);
        }
        all.sort_by_key(|c: &&Command| c.id);
        let mut names = Names::with_room(top.len());
        for &command in &top {
            if !names.add(command.name.as_bytes(), command)? {
                return Err(format!("two rows are called '{}'", command.name));
            }
        }
        Ok(Table { all, top, names, own: None })
    }

    /// Gives commands other names, in the order of the lines; the texts of errors are Redis's.
    pub fn rename(&mut self, lines: &[Vec<Vec<u8>>]) -> Result<(), String> {
        let mut names: Vec<(Vec<u8>, &'static Command)> =
            self.top.iter().map(|c| (c.name.as_bytes().to_vec(), *c)).collect();
        for line in lines {
            let [old, new] = line.as_slice() else { continue };
            let said = || format!(">>> 'rename-command {} {}'", old.escape_ascii(), new.escape_ascii());
            let at = names.iter().position(|(name, _)| name.eq_ignore_ascii_case(old));
            let at = at.ok_or_else(|| format!("{}\nNo such command in rename-command", said()))?;
            let (_, command) = names.swap_remove(at);
            if new.is_empty() {
                continue;
            }
            if names.iter().any(|(name, _)| name.eq_ignore_ascii_case(new)) {
                return Err(format!("{}\nTarget command name already exists", said()));
            }
            names.push((new.clone(), command));
        }
        let mut index = Names::with_room(names.len());
        for (name, command) in &names {
            index.add(name, command).map_err(|e| format!("rename-command: {e}"))?;
        }
        self.top.retain(|c| names.iter().any(|(_, named)| std::ptr::eq(*named, *c)));
        self.own = Some(std::mem::replace(&mut self.names, index));
        Ok(())
    }

    #[inline]
    pub fn find(&self, name: &[u8]) -> Option<&'static Command> {
        self.names.find(name)
    }

    pub fn all(&self) -> &[&'static Command] {
        &self.all
    }
}

impl Names {
    fn with_room(names: usize) -> Names {
        Names(vec![Slot::default(); (names.max(1) * 4).next_power_of_two()].into_boxed_slice())
    }

    /// False if the name is taken.
    fn add(&mut self, name: &[u8], command: &'static Command) -> Result<bool, String> {
        let key = Name::fold(name).ok_or_else(|| format!("'{}' is too long for a name", name.escape_ascii()))?;
        let mask = self.0.len() - 1;
        let mut i = key.hash() as usize & mask;
        while self.0[i].command.is_some() {
            if self.0[i].key == key {
                return Ok(false);
            }
            i = (i + 1) & mask;
        }
        self.0[i] = Slot { key, command: Some(command) };
        Ok(true)
    }

    #[inline]
    fn find(&self, name: &[u8]) -> Option<&'static Command> {
        let key = Name::fold(name)?;
        let mask = self.0.len() - 1;
        let mut i = key.hash() as usize & mask;
        loop {
            let slot = self.0.get(i)?;
            if slot.key == key {
                return slot.command;
            }
            slot.command?;
            i = (i + 1) & mask;
        }
    }
}

/// Parses one row and those below it; ids are given out in the order of the rows, a container's before its subcommands'.
fn add(
    spec: &'static Spec,
    parent: Option<(u16, &str)>,
    next: &mut u16,
    all: &mut Vec<&'static Command>,
) -> Result<&'static Command, String> {
    let name = parent.map_or(spec.name.to_string(), |(_, container)| format!("{container}|{}", spec.name));
    let in_row = |e: String| format!("row '{name}': {e}");
    let id = *next;
    *next += 1;
    let mut subs: Vec<&'static Command> = Vec::new();
    for sub in spec.subs {
        if subs.iter().any(|s| s.spec.name == sub.name) {
            return Err(in_row(format!("two subcommands are called '{}'", sub.name)));
        }
        subs.push(add(sub, Some((id, &name)), next, all)?);
    }
    let keys = KeySpecs::parse(spec.keys).map_err(in_row)?;
    let mut flags = Flags::parse(spec.flags).map_err(in_row)?;
    if keys.movable {
        flags |= Flags::MOVABLE_KEYS;
    }
    let categories = Categories::parse(spec.acl).map_err(in_row)?.with_implied(flags);
    let parent = parent.map(|(id, _)| id);
    let channels = Channels::parse(spec.channels).map_err(|e| format!("row '{name}': {e}"))?;
    let command = &*Box::leak(Box::new(Command { id, spec, name, flags, categories, keys, channels, parent, subs }));
    all.push(command);
    Ok(command)
}

/// A name of up to 24 bytes in three words, folded to lower case, so that comparing is three comparisons. Together
/// with the length they say all: words overlap where the length is no multiple of eight.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct Name([u64; 3], u64);

impl Name {
    #[inline]
    fn fold(name: &[u8]) -> Option<Name> {
        let len = name.len();
        let eight = |at: usize| name[at..].first_chunk().map_or(0, |c| u64::from_le_bytes(*c));
        let four = |at: usize| name[at..].first_chunk().map_or(0, |c| u32::from_le_bytes(*c)) as u64;
        let words = match len {
            1..=3 => [name[0] as u64 | (name[len / 2] as u64) << 8 | (name[len - 1] as u64) << 16, 0, 0],
            4..=7 => [four(0) | four(len - 4) << 32, 0, 0],
            8..=16 => [eight(0), eight(len - 8), 0],
            17..=24 => [eight(0), eight(8), eight(len - 8)],
            _ => return None,
        };
        Some(Name(words.map(to_lower), len as u64))
    }

    #[inline]
    fn hash(self) -> u64 {
        let Name([a, b, c], len) = self;
        let mixed = (a ^ b.rotate_left(23) ^ c.rotate_left(41) ^ len).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        mixed >> 40
    }
}

/// Lower case of eight bytes at once, ASCII letters only.
#[inline]
fn to_lower(word: u64) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    let low = word & (0x7F * ONES);
    // Bit 7 of each byte: at least 'A', more than 'Z', plain ASCII.
    let from_a = low + (0x80 - b'A' as u64) * ONES;
    let past_z = low + (0x80 - b'Z' as u64 - 1) * ONES;
    let upper = from_a & !past_z & !word & (0x80 * ONES);
    word | upper >> 2
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::spec::BLANK;

    const SUBS: &[Spec] = &[Spec { name: "kill", arity: -3, flags: "admin", ..BLANK }];
    const ROWS: &[Spec] = &[
        Spec { name: "get", arity: 2, flags: "readonly fast", keys: "1 RO", ..BLANK },
        Spec { name: "client", arity: -2, subs: SUBS, ..BLANK },
        Spec { name: "restore-asking", arity: -4, ..BLANK },
        Spec { name: "georadiusbymember_ro", arity: -5, ..BLANK },
    ];

    #[test]
    fn names_are_found_in_any_case() {
        let table = Table::build(&[ROWS]).unwrap();
        for name in ["get", "GET", "gEt", "CLIENT", "Restore-Asking", "GEORADIUSBYMEMBER_RO"] {
            assert_eq!(table.find(name.as_bytes()).unwrap().name, name.to_lowercase());
        }
        for name in
            ["", "ge", "gets", "g\u{45}\0", "restore\rasking", "georadiusbymember?ro", "\u{c9}", &"x".repeat(99)]
        {
            assert!(table.find(name.as_bytes()).is_none(), "{name:?}");
        }
        let kill = table.find(b"client").unwrap().find_sub(b"KILL").unwrap();
        assert_eq!((kill.name.as_str(), kill.categories.has(Categories::DANGEROUS)), ("client|kill", true));
        assert!(table.all().iter().enumerate().all(|(i, c)| c.id as usize == i));
        assert_eq!(table.find(b"client").map(|c| c.id), kill.parent);
    }

    #[test]
    fn renamed_commands() {
        let rename = |lines: &[[&str; 2]]| {
            let mut table = Table::build(&[ROWS]).unwrap();
            let lines: Vec<Vec<Vec<u8>>> =
                lines.iter().map(|l| l.iter().map(|w| w.as_bytes().to_vec()).collect()).collect();
            table.rename(&lines).map(|()| table)
        };
        let table = rename(&[["GET", "client2"], ["client", ""], ["client2", "client"]]).unwrap();
        assert_eq!(table.find(b"CLIENT").unwrap().name, "get");
        assert!(table.find(b"get").is_none());
        assert_eq!(table.own.as_ref().unwrap().find(b"client").unwrap().name, "client");
        assert_eq!(table.top.len(), ROWS.len() - 1);
        for lines in [[["nosuch", "x"], ["get", ""]], [["get", "client"], ["client", ""]]] {
            assert!(rename(&lines).is_err());
        }
        assert!(rename(&[["get", &"x".repeat(25)]]).is_err());
    }

    #[test]
    fn unsound_rows_are_refused() {
        const TWICE: &[Spec] = &[ROWS[0], ROWS[0]];
        const FLAG: &[Spec] = &[Spec { name: "x", flags: "nosuch", ..BLANK }];
        const KEYS: &[Spec] = &[Spec { name: "x", keys: "one RO", ..BLANK }];
        for rows in [TWICE, FLAG, KEYS] {
            assert!(Table::build(&[rows]).is_err());
        }
    }

    #[test]
    fn lower_case_of_every_byte() {
        for b in 0..=255u8 {
            let word = u64::from_le_bytes([b, b'A', b, b'Z', b, b'@', b'[', b]);
            assert_eq!(to_lower(word).to_le_bytes(), word.to_le_bytes().map(|b| b.to_ascii_lowercase()));
        }
    }
}
