//! What is sent, a file per family: grammars as `grammar.rs` reads them.

use crate::grammar::{self, Row};

pub mod acl;
pub mod bitmaps;
pub mod cluster;
pub mod connection;
pub mod dump;
pub mod field_ttl;
pub mod functions;
pub mod geo;
pub mod hashes;
pub mod hll;
pub mod keys;
pub mod lists;
pub mod pubsub;
pub mod scan;
pub mod scripting;
pub mod server;
pub mod sets;
pub mod sort;
pub mod streams;
pub mod strings;
pub mod transactions;
pub mod zsets;

pub struct Family {
    pub name: &'static str,
    /// Whether rustredis serves the family: then none of its commands may be missing. Until then those that are
    /// missing are left out, and named.
    pub landed: bool,
    /// Commands before every sequence, for instance smaller thresholds.
    pub setup: &'static [&'static str],
    pub grammar: &'static str,
}

impl Family {
    pub fn rows(&self) -> Vec<Row> {
        let mut rows = grammar::parse(self.grammar, false);
        rows.extend(grammar::parse(HELPERS, true));
        rows
    }
}

pub const ALL: &[&Family] = &[
    &strings::FAMILY,
    &bitmaps::FAMILY,
    &keys::FAMILY,
    &dump::FAMILY,
    &connection::FAMILY,
    &server::FAMILY,
    &lists::FAMILY,
    &hashes::FAMILY,
    &field_ttl::FAMILY,
    &sets::FAMILY,
    &zsets::FAMILY,
    &geo::FAMILY,
    &hll::FAMILY,
    &streams::FAMILY,
    &sort::FAMILY,
    &scan::FAMILY,
    &transactions::FAMILY,
    &pubsub::FAMILY,
    &scripting::FAMILY,
    &functions::FAMILY,
    &acl::FAMILY,
    &cluster::FAMILY,
];

/// In every family: other types under the family's keys, keys that go and come.
const HELPERS: &str = "
    1   SET $k $val
    1   LPUSH $k $m
    1   HSET $k $m $m
    1   SADD $k $m
    1   ZADD $k $small $m
    2   DEL $k
    1   EXPIRE $k $sec
    1   TYPE $k
    1   OBJECT ENCODING $k
";
