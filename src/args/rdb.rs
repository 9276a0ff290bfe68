//! The flags of `rustredis rdb …`.

use crate::base::units::parse_memory;
use clap::{Subcommand, ValueEnum};
use std::path::PathBuf;

#[derive(Subcommand, Debug)]
pub enum RdbVerb {
    /// Print every key with its value
    ///
    /// FILE is read once, from its beginning to its end; `-` is standard input. Texts that are no UTF-8 stay exact: in JSON they
    /// become {"base64": …}, in tables \xNN, elsewhere they are themselves.
    Dump(Dump),
    /// Check a file as redis-check-rdb does; exit code 1 if it is broken
    Check {
        /// The file, or `-`
        file: PathBuf,
    },
    /// Summarize a file on one page
    Stats(Stats),
    /// Tell what changed from one file to another; exit code 0: nothing, 1: something, 2: trouble
    Diff {
        /// The earlier file
        a: PathBuf,
        /// The later one
        b: PathBuf,
    },
    /// Write a file again for another server
    ///
    /// Keys that the target cannot hold are listed, and nothing is written unless --drop leaves them out.
    Convert(Convert),
    /// Save what can be read of a broken file into a new one
    ///
    /// The input is not touched. What was lost is listed with its bytes' offsets; exit code 1 if anything was, or if the checksum
    /// tells that something is not as it was written.
    Salvage {
        /// The broken file
        file: PathBuf,
        /// The file to write
        #[arg(short, long)]
        output: PathBuf,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    Table,
    /// One array
    Json,
    /// An object a line
    Ndjson,
    Csv,
    /// Commands that make the data again, to be piped into `redis-cli --pipe`
    Resp,
}

#[derive(clap::Args, Debug)]
pub struct Dump {
    /// The file, or `-`
    pub file: PathBuf,
    #[arg(long, value_enum, default_value = "table")]
    pub format: Format,
    #[command(flatten)]
    pub filter: Filter,
}

#[derive(clap::Args, Debug, Default)]
pub struct Filter {
    /// Only this database; may be given again
    #[arg(long, value_name = "N")]
    pub db: Vec<u64>,
    /// Only keys that fit; may be given again
    #[arg(long, value_name = "GLOB")]
    pub key: Vec<String>,
    /// No keys that fit; may be given again
    #[arg(long, value_name = "GLOB")]
    pub not_key: Vec<String>,
    /// Only this type (string, list, set, zset, hash, stream, module); may be given again
    #[arg(long = "type", value_name = "TYPE")]
    pub kind: Vec<String>,
    /// Only keys whose records take at least so many bytes of the file (10kb, 1mb …)
    #[arg(long, value_name = "BYTES", value_parser = bytes)]
    pub min_size: Option<u64>,
    /// Only keys that never expire (none), that do (any), or whose time left lies in a range such as 60s..1h or ..1d
    #[arg(long, value_name = "none|any|RANGE", value_parser = ttl)]
    pub ttl: Option<Ttl>,
    /// Stop after so many keys
    #[arg(long, value_name = "N")]
    pub limit: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ttl {
    None,
    Any,
    /// Milliseconds left, both ends included.
    Range(i64, i64),
}

#[derive(clap::Args, Debug)]
pub struct Stats {
    /// The file, or `-`
    pub file: PathBuf,
    /// Also write a page with charts, which needs nothing else
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
    /// What ends a prefix in a key's name
    #[arg(long, value_name = "TEXT", default_value = ":")]
    pub separator: String,
    /// How many prefixes and biggest keys to name
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub top: usize,
}

#[derive(clap::Args, Debug)]
pub struct Convert {
    /// The file to read; twice, so that it cannot be `-`
    pub file: PathBuf,
    /// The file to write
    #[arg(short, long)]
    pub output: PathBuf,
    /// The oldest server that has to read it; later ones of its family do, too
    #[arg(long, value_enum)]
    pub target: TargetName,
    /// Leave out what the target cannot hold
    #[arg(long)]
    pub drop: bool,
    /// Leave strings uncompressed
    #[arg(long)]
    pub no_compression: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum TargetName {
    #[value(name = "redis-6.2")]
    Redis62,
    #[value(name = "redis-7.0")]
    Redis70,
    #[value(name = "redis-7.4")]
    Redis74,
    #[value(name = "redis-8")]
    Redis8,
    #[value(name = "valkey-9")]
    Valkey9,
}

fn bytes(text: &str) -> Result<u64, String> {
    parse_memory(text)
        .and_then(|n| u64::try_from(n).ok())
        .ok_or_else(|| "not a size such as 100, 10kb or 1mb".to_owned())
}

fn ttl(text: &str) -> Result<Ttl, String> {
    let wrong = || "none, any, or a range such as 60s..1h, ..10m or 1d..".to_owned();
    match text {
        "none" => return Ok(Ttl::None),
        "any" => return Ok(Ttl::Any),
        _ => {}
    }
    let (low, high) = text.split_once("..").ok_or_else(wrong)?;
    let end = |text: &str, open: i64| if text.is_empty() { Some(open) } else { span_ms(text) };
    match (end(low, i64::MIN), end(high, i64::MAX)) {
        (Some(low), Some(high)) => Ok(Ttl::Range(low, high)),
        _ => Err(wrong()),
    }
}

/// `90`, `90s`, `15m`, `12h`, `7d`, `500ms`, in ms.
fn span_ms(text: &str) -> Option<i64> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match &text[digits.len()..] {
        "ms" => 1,
        "" | "s" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    digits.parse::<i64>().ok()?.checked_mul(unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_of_time() {
        assert_eq!(ttl("60..1h"), Ok(Ttl::Range(60_000, 3_600_000)));
        assert_eq!(ttl("..500ms"), Ok(Ttl::Range(i64::MIN, 500)));
        assert_eq!(ttl("2d.."), Ok(Ttl::Range(172_800_000, i64::MAX)));
        assert_eq!((ttl("any"), ttl("none")), (Ok(Ttl::Any), Ok(Ttl::None)));
        for bad in ["", "60", "1y..", "x..", "9223372036854775807d.."] {
            assert!(ttl(bad).is_err(), "{bad}");
        }
    }
}
