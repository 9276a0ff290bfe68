//! The commands: one file per family, its table of specs on top, its handlers below.

use crate::engine::{spec::Spec, table};

pub mod client;
pub mod command;
pub mod connection;
pub mod debug;
pub mod memory;
pub mod module;
pub mod server;
pub mod string;

/// Every family's rows. A new family is added here and nowhere else.
pub const FAMILIES: &[&[Spec]] = &[
    command::COMMANDS,
    connection::COMMANDS,
    debug::COMMANDS,
    memory::COMMANDS,
    module::COMMANDS,
    server::COMMANDS,
    string::COMMANDS,
];

/// Builds the command table from the families; to be called once at boot (further calls change nothing).
pub fn install() {
    table::install(FAMILIES);
}
