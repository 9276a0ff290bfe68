//! The table of directives: one row each, split by subject. Parsing, CONFIG GET and SET, CONFIG REWRITE and the help of
//! `serve` are derived from it; nothing about a directive is said anywhere else.

mod cluster;
mod encoding;
mod memory;
mod network;
mod observe;
mod persistence;
mod process;
mod replication;
mod security;

use super::row::Row;
use super::value::Kind;
use std::collections::BTreeMap;
use std::sync::OnceLock;

pub use process::TITLE_WORDS;

/// C's `INT_MAX`, the upper end of most of Redis's numbers.
const INT_MAX: i64 = i32::MAX as i64;
const FLAG: Kind = Kind::Flag;
const TEXT: Kind = Kind::Text;
const MEMORY: Kind = Kind::Memory { min: 0, max: i64::MAX };

const fn int_up_to(max: i64) -> Kind {
    Kind::Int { min: 0, max }
}

const TABLES: &[&[Row]] = &[
    network::ROWS,
    process::ROWS,
    security::ROWS,
    memory::ROWS,
    encoding::ROWS,
    persistence::ROWS,
    replication::ROWS,
    observe::ROWS,
    cluster::ROWS,
];

/// Directives of Redis 2 and 4 that files still carry; read and dropped, as Redis 7.0 does.
pub const RETIRED: &[&str] = &["list-max-ziplist-entries", "list-max-ziplist-value", "lua-replicate-commands"];

/// Every row, in the order of the tables.
pub fn rows() -> impl Iterator<Item = &'static Row> {
    TABLES.iter().flat_map(|table| table.iter())
}

/// Every name and alias with its row, in the alphabetical order in which CONFIG GET lists them.
pub fn names() -> &'static BTreeMap<&'static str, &'static Row> {
    static NAMES: OnceLock<BTreeMap<&'static str, &'static Row>> = OnceLock::new();
    NAMES.get_or_init(|| {
        let all = rows().flat_map(|row| row.aliases.iter().map(move |alias| (*alias, row)).chain([(row.name, row)]));
        all.collect()
    })
}

/// The row of a directive by name or alias, in any case.
pub fn find(name: &[u8]) -> Option<&'static Row> {
    let name = std::str::from_utf8(name).ok()?.to_ascii_lowercase();
    names().get(name.as_str()).copied()
}
