//! The flags of `rustredis aof …`.

use super::rdb::{Filter, Format};
use crate::resp::inline::split_args;
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
    /// Summarize a log: operations and bytes by command and by prefix of the keys, and what a rewrite would save
    Stats(Stats),
    /// Write a log that ends at an earlier point into a new directory
    ///
    /// The log itself is not touched. A transaction is kept whole or left out whole. The new directory has a manifest, so that a
    /// server can start from it as it is.
    Recover(Recover),
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

#[derive(clap::Args, Debug)]
pub struct Stats {
    /// A file, a manifest, a directory, or `-`
    pub path: PathBuf,
    /// What ends a prefix in a key's name
    #[arg(long, value_name = "TEXT", default_value = ":")]
    pub separator: String,
    /// How many commands and prefixes to name
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub top: usize,
}

#[derive(clap::Args, Debug)]
#[command(group = clap::ArgGroup::new("point").required(true))]
pub struct Recover {
    /// A file, a manifest, or a directory
    pub path: PathBuf,
    /// The directory to make; there must be none of this name
    #[arg(short, long, value_name = "DIR")]
    pub output: PathBuf,
    /// Keep what ends at or before this offset of the last file, or of the one named, as `aof dump` tells both
    #[arg(long, value_name = "[FILE:]OFFSET", group = "point", value_parser = place)]
    pub until_offset: Option<Place>,
    /// Keep what was written until then: Unix seconds, or 2026-01-31T12:00:00Z. Needs a log with aof-timestamp-enabled
    #[arg(long, value_name = "TIME", group = "point", value_parser = moment, allow_hyphen_values = true)]
    pub until_time: Option<i64>,
    /// Keep what comes before the first command that begins with these words, each a glob: FLUSHALL, 'DEL user:*'
    #[arg(long, value_name = "WORDS", group = "point", value_parser = words)]
    pub before_command: Option<Words>,
    /// Stop before the N-th such command instead
    #[arg(long, value_name = "N", default_value_t = 1, requires = "before_command",
          value_parser = clap::value_parser!(u64).range(1..))]
    pub nth: u64,
}

/// Somewhere in a log; without a name in its last file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    pub file: Option<String>,
    pub offset: u64,
}

/// Globs for a command's first words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Words(pub Vec<Vec<u8>>);

fn place(text: &str) -> Result<Place, String> {
    let (file, offset) = match text.rsplit_once(':') {
        Some((file, offset)) if !file.is_empty() => (Some(file.to_owned()), offset),
        _ => (None, text),
    };
    let offset =
        offset.parse().map_err(|_| "not an offset such as 1234 or appendonly.aof.2.incr.aof:1234".to_owned())?;
    Ok(Place { file, offset })
}

fn words(text: &str) -> Result<Words, String> {
    split_args(text.as_bytes())
        .filter(|words| !words.is_empty())
        .map(Words)
        .ok_or_else(|| "no words, or a quotation mark without its other half".to_owned())
}

/// Unix seconds of a number, or of a date and time (UTC).
fn moment(text: &str) -> Result<i64, String> {
    if let Ok(seconds) = text.parse() {
        return Ok(seconds);
    }
    parse_time(text).ok_or_else(|| "neither Unix seconds nor a time such as 2026-01-31T12:00:00Z".to_owned())
}

/// `2026-01-31`, `2026-01-31T12:00:00Z`, with a blank for the T, without the Z, with or without a fraction (which is dropped).
fn parse_time(text: &str) -> Option<i64> {
    let text = text.strip_suffix('Z').unwrap_or(text);
    let (date, time) = text.split_once(['T', ' ']).unwrap_or((text, "0:0:0"));
    let number = |text: &str| text.parse::<i64>().ok().filter(|_| text.bytes().all(|b| b.is_ascii_digit()));
    let three = |text: &str, by: char| {
        let mut parts = text.split(by).map(number);
        let all = (parts.next()??, parts.next()??, parts.next()??);
        parts.next().is_none().then_some(all)
    };
    let (year, month, day) = three(date, '-')?;
    let (hour, minute, second) = three(time.split_once('.').map_or(time, |(whole, _)| whole), ':')?;
    let sound = (1970..=9999).contains(&year) && (1..=12).contains(&month) && (1..=31).contains(&day);
    if !sound || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    // Days since 1970, counted in eras of 400 years that begin in March.
    let (y, m) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let (era, of_era) = (y.div_euclid(400), y.rem_euclid(400));
    let days = era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + (153 * m + 2) / 5 + day - 1 - 719_468;
    Some(days * 86_400 + hour * 3600 + minute * 60 + second)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_of_a_log() {
        assert_eq!(place("12"), Ok(Place { file: None, offset: 12 }));
        assert_eq!(place("a:b.aof:12"), Ok(Place { file: Some("a:b.aof".to_owned()), offset: 12 }));
        assert!(place("a.aof").is_err() && place("-1").is_err());
        assert_eq!(words("del 'a b'").map(|w| w.0), Ok(vec![b"del".to_vec(), b"a b".to_vec()]));
        assert!(words("").is_err() && words("'a").is_err());
    }

    #[test]
    fn times_of_a_log() {
        assert_eq!(moment("-5"), Ok(-5));
        assert_eq!(moment("1970-01-02"), Ok(86_400));
        assert_eq!(moment("2000-02-29T12:00:01.5Z"), Ok(951_825_601));
        assert_eq!(moment("2100-01-01 00:00:00"), Ok(4_102_444_800));
        for bad in ["", "2000-13-01", "2000-01-01T24:00:00", "2000-01-01T1:1", "+2000-1-1", "soon", "1-1-1"] {
            assert!(moment(bad).is_err(), "{bad}");
        }
    }
}
