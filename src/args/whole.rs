//! The whole grammar as one [`clap::Command`], with the parts that clap does not parse: the flags of `cli` and `bench`, the
//! directives of `serve`, the names of commands. Completions and man pages are made of it (`tests/generated.rs`), and nothing
//! else: parsing never builds it.

use super::{bench, cli, command};
use crate::engine::config::{row::Row, table, value::Kind};
use crate::engine::table as commands;
use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgAction, Command, ValueHint};

/// The grammar as people meet it, from the same tables that the parsers read.
pub fn whole() -> Command {
    crate::commands::install();
    command()
        .mut_subcommand("serve", |serve| {
            let directives = table::rows().filter(|row| !row.hidden).map(directive);
            with_words("serve", &serve, Arg::new("FILE").value_hint(ValueHint::FilePath)).args(directives)
        })
        .mut_subcommand("cli", |cli| {
            let names = commands::top().iter().map(|c| c.name.as_str());
            let words = Arg::new("COMMAND")
                .num_args(0..)
                .value_parser(PossibleValuesParser::new(names))
                .hide_possible_values(true);
            let groups = cli::GROUPS.iter().flat_map(|(group, flags)| flags.iter().map(move |f| (*group, f)));
            with_words("cli", &cli, words).args(groups.filter_map(|(group, f)| flag(group, f.name, f.value, f.help)))
        })
        .mut_subcommand("bench", |bench| {
            let words = Arg::new("COMMAND").num_args(0..).help("A command to send instead of the tests");
            let groups = bench::GROUPS.iter().flat_map(|(group, flags)| flags.iter().map(move |f| (*group, f)));
            with_words("bench", &bench, words)
                .args(groups.filter_map(|(group, f)| flag(group, f.name, f.value, f.help)))
        })
}

/// The verb without the argument that swallows all its words.
fn with_words(name: &'static str, verb: &Command, words: Arg) -> Command {
    let mut made = Command::new(name).disable_help_flag(true).arg(words);
    if let Some(about) = verb.get_about() {
        made = made.about(about.clone());
    }
    if let Some(about) = verb.get_long_about() {
        made = made.long_about(about.clone());
    }
    made
}

/// A flag of the tables: `-x`, `--long`, or several by ", ". `None` for a spelling that completions cannot offer, such as `-top`.
fn flag(group: &'static str, names: &'static str, value: &'static str, help: &'static str) -> Option<Arg> {
    let mut arg = Arg::new(names).help(help).help_heading(group);
    let mut named = false;
    for name in names.split(", ") {
        arg = match (name.strip_prefix("--"), name.strip_prefix('-').map(|rest| (rest.chars().next(), rest.len()))) {
            (Some(long), _) if !named => arg.long(long),
            (Some(long), _) => arg.visible_alias(long),
            (None, Some((Some(short), 1))) => arg.short(short),
            _ => continue,
        };
        named |= name.starts_with("--");
    }
    if arg.get_long().is_none() && arg.get_short().is_none() {
        return None;
    }
    Some(if value.is_empty() { arg.action(ArgAction::SetTrue) } else { arg.value_name(value).value_hint(hint(value)) })
}

fn directive(row: &'static Row) -> Arg {
    let default = if row.default.is_empty() { "''" } else { row.default };
    let arg = Arg::new(row.name).long(row.name).help(format!("[{default}]")).help_heading("Directives").num_args(1);
    match row.kind {
        Kind::Flag => arg.value_name("yes|no").value_parser(["yes", "no"]).hide_possible_values(true),
        Kind::Choice(words) => arg.value_name("WORD").value_parser(PossibleValuesParser::new(words)),
        _ if row.name.ends_with("dir") => arg.value_name("DIR").value_hint(ValueHint::DirPath),
        _ if row.names_file || row.name.ends_with("file") => arg.value_name("FILE").value_hint(ValueHint::FilePath),
        _ => arg.value_name("VALUE"),
    }
}

fn hint(value: &str) -> ValueHint {
    match value {
        "FILE" | "JOURNAL" | "SOCKET" => ValueHint::FilePath,
        "DIR" => ValueHint::DirPath,
        "HOST" => ValueHint::Hostname,
        "URI" => ValueHint::Url,
        _ => ValueHint::Unknown,
    }
}
