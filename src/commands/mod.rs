//! The commands: one file per family, its table of specs on top, its handlers below.

use crate::engine::{spec::Spec, table};

pub mod acl;
pub mod bitmap;
pub mod client;
pub mod cluster;
pub mod command;
pub mod config;
pub mod connection;
pub mod debug;
pub mod dump;
mod elements;
pub mod expire;
pub mod expiry;
pub mod functions;
pub mod geo;
pub mod hash;
pub mod hll;
pub mod keys;
pub mod latency;
pub mod list;
pub mod memory;
pub mod migrate;
pub mod module;
pub mod object;
pub mod parts;
pub mod persistence;
pub mod pubsub;
pub mod replication;
pub mod scan;
pub mod scripting;
pub mod server;
pub mod set;
pub mod sort;
pub mod stream;
pub mod string;
pub mod tracking;
pub mod transactions;
pub mod zset;

/// Every family's rows. A new family is added here and nowhere else.
pub const FAMILIES: &[&[Spec]] = &[
    acl::COMMANDS,
    bitmap::COMMANDS,
    cluster::COMMANDS,
    command::COMMANDS,
    config::COMMANDS,
    connection::COMMANDS,
    debug::COMMANDS,
    dump::COMMANDS,
    expire::COMMANDS,
    geo::COMMANDS,
    functions::COMMANDS,
    hash::COMMANDS,
    hll::COMMANDS,
    keys::COMMANDS,
    latency::COMMANDS,
    list::COMMANDS,
    memory::COMMANDS,
    migrate::COMMANDS,
    module::COMMANDS,
    object::COMMANDS,
    pubsub::COMMANDS,
    persistence::COMMANDS,
    replication::COMMANDS,
    scan::COMMANDS,
    scripting::COMMANDS,
    server::COMMANDS,
    set::COMMANDS,
    sort::COMMANDS,
    stream::COMMANDS,
    string::COMMANDS,
    transactions::COMMANDS,
    zset::COMMANDS,
];

/// Builds the command table from the families; to be called once at boot (further calls change nothing).
pub fn install() {
    table::install(FAMILIES);
}

/// As [`install`], with the names that `rename-command` gives.
pub fn install_renamed(renames: &[Vec<Vec<u8>>]) -> Result<(), String> {
    table::install_renamed(FAMILIES, renames)
}
