//! The commands: one file per family, its table of specs on top, its handlers below.

use crate::engine::{spec::Spec, table};

pub mod bitmap;
pub mod command;
pub mod expiry;
pub mod string;

/// Every family's rows. A new family is added here and nowhere else.
pub const FAMILIES: &[&[Spec]] = &[bitmap::COMMANDS, command::COMMANDS, string::COMMANDS];

/// Builds the command table from the families; to be called once at boot (further calls change nothing).
pub fn install() {
    table::install(FAMILIES);
}
