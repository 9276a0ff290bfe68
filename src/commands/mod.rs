//! The commands: one file per family, its table of specs on top, its handlers below.

pub mod string;

use crate::engine::spec::Spec;

/// Every family's rows; the command table is built from them.
pub const FAMILIES: &[&[Spec]] = &[string::COMMANDS];
