//! The flags of `rustredis aof …`.

use super::rdb::{Filter, Format};
use clap::Subcommand;
use std::path::PathBuf;

#[derive(Subcommand, Debug)]
pub enum AofVerb {
    /// Check a log as redis-check-aof does; exit code 1 if it is broken
    ///
    /// PATH is a file of commands, a manifest, or the directory with one. It is opened for reading only, unless it is to be cut.
    Check(Check),
    /// Print every command with where it stands, its database and its time
    ///
    /// Snapshots in front are printed as commands that make their keys. A path `-` is standard input.
    Dump(Dump),
}

#[derive(clap::Args, Debug)]
pub struct Check {
    pub path: PathBuf,
    /// Cut off what is behind the last whole command
    #[arg(long, conflicts_with = "truncate_to_timestamp")]
    pub fix: bool,
    /// Cut off what was written after this time (Unix seconds)
    #[arg(long, value_name = "T", allow_negative_numbers = true)]
    pub truncate_to_timestamp: Option<i64>,
    /// Cut without asking
    #[arg(short, long)]
    pub yes: bool,
}

#[derive(clap::Args, Debug)]
pub struct Dump {
    /// A file, a manifest, a directory, or `-`
    pub path: PathBuf,
    #[arg(long, value_enum, default_value = "table")]
    pub format: Format,
    #[command(flatten)]
    pub filter: Filter,
}
