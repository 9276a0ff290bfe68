//! `help`, `help COMMAND` and `help @group`, from the command table of the server in this very binary.

use super::out;
use crate::engine::{
    config::REDIS_VERSION,
    table::{self, Command},
};

/// True if a command's name asks for help.
pub fn is_asked(word: &[u8]) -> bool {
    word.eq_ignore_ascii_case(b"help") || word == b"?"
}

/// COMMAND DOCS writes `sorted_set` what people write `sorted-set`.
fn plain(group: &str) -> String {
    group.replace('_', "-").to_ascii_lowercase()
}

pub fn show(words: &[Vec<u8>]) {
    let Some(first) = words.first() else { return general() };
    crate::commands::install();
    let asked: Vec<String> = words.iter().map(|word| String::from_utf8_lossy(word).to_ascii_lowercase()).collect();
    if let Some(group) = first.strip_prefix(b"@") {
        let group = plain(&String::from_utf8_lossy(group));
        for command in sorted() {
            if plain(command.spec.group) == group {
                entry(command, false);
            }
        }
    } else {
        let name = asked.join("|");
        for command in sorted() {
            let full = command.name.as_str();
            if full == name || full.starts_with(&format!("{name}|")) {
                entry(command, true);
            }
        }
    }
    out::text("\r\n");
}

fn sorted() -> Vec<&'static Command> {
    let mut all: Vec<&'static Command> = table::all().to_vec();
    all.sort_by(|a, b| a.name.cmp(&b.name));
    all
}

fn entry(command: &Command, with_group: bool) {
    let usage = command.usage();
    let name = command.name.replace('|', " ").to_ascii_uppercase();
    let arguments = usage.strip_prefix(&name).unwrap_or_default().trim_start();
    out::text(&format!(
        "\r\n  \x1b[1m{name}\x1b[0m \x1b[90m{arguments}\x1b[0m\r\n  \x1b[33msummary:\x1b[0m {}\r\n  \x1b[33msince:\x1b[0m {}\r\n",
        command.spec.summary, command.spec.since
    ));
    if with_group {
        out::text(&format!("  \x1b[33mgroup:\x1b[0m {}\r\n", plain(command.spec.group)));
    }
}

fn general() {
    out::text(&format!(
        "rustredis {} (as redis-cli {REDIS_VERSION})\n\
         Help about commands:\n\
         \x20     \"help @<group>\"  the commands of a group\n\
         \x20     \"help <command>\" one command\n\
         \x20     \"help <tab>\"     what there is help about\n\
         \x20     \"quit\"           leaves\n\
         \n\
         Preferences, which ~/.redisclirc keeps:\n\
         \x20     \":set hints\", \":set nohints\"      the arguments still to come, while you type\n\
         \x20     \":view table|redis|json|raw\"      the form of replies\n\
         \x20     \":help\"                           all of them\n",
        env!("CARGO_PKG_VERSION")
    ));
}
