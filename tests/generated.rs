//! What is made of tables and kept in the repository: completions, man pages, the README's table of commands. A test fails when
//! a file is not what the tables say now; `UPDATE=1 cargo test --test generated` writes them anew.

#[path = "generated/shells.rs"]
mod shells;
#[path = "generated/words.rs"]
mod words;

use clap_complete::{Generator, Shell};
use rustredis::args::{self, whole::whole};
use rustredis::{commands, engine::table};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Compares a file with what it should hold, or writes it.
fn keep(path: &Path, wanted: &[u8]) -> Option<String> {
    if std::env::var_os("UPDATE").is_some() {
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder to write to");
        std::fs::write(path, wanted).expect("a file that can be written");
    }
    let stale = std::fs::read(path).ok().as_deref() != Some(wanted);
    stale.then(|| path.strip_prefix(root()).unwrap_or(path).display().to_string())
}

fn assert_fresh(stale: Vec<String>) {
    assert!(stale.is_empty(), "stale: {}; write anew with UPDATE=1 cargo test --test generated", stale.join(", "));
}

#[test]
fn completions_are_fresh() {
    let shells = [Shell::Bash, Shell::Zsh, Shell::Fish, Shell::PowerShell, Shell::Elvish];
    assert_fresh(
        shells
            .into_iter()
            .filter_map(|shell| {
                let mut flags = Vec::new();
                clap_complete::generate(shell, &mut whole(), "rustredis", &mut flags);
                let text = words::laid_over(shell, &String::from_utf8(flags).expect("text"));
                keep(&root().join("completions").join(shell.file_name("rustredis")), text.as_bytes())
            })
            .collect(),
    );
}

#[test]
fn completions_know_directives_and_commands() {
    let mut text = Vec::new();
    clap_complete::generate(Shell::Bash, &mut whole(), "rustredis", &mut text);
    let text = String::from_utf8(text).expect("text");
    for word in ["--maxmemory-policy", "allkeys-lfu", "zrangestore", "--hotkeys", "--find-max", "salvage"] {
        assert!(text.contains(word), "{word} is not completed");
    }
}

/// The line behind "Usage:" in the help of the command whose page is called so.
fn synopsis(page: &str) -> String {
    let words = page.replace('-', " ");
    let help = match &*words {
        "rustredis cli" => args::cli::usage(&words),
        "rustredis bench" => args::bench::usage(&words, &[]),
        _ => {
            let mut all = args::command();
            all.build();
            let found = words.split(' ').skip(1).try_fold(&mut all, |at, word| at.find_subcommand_mut(word));
            found.expect("a command").render_usage().to_string()
        }
    };
    help.lines().next().and_then(|line| line.strip_prefix("Usage: ")).expect("its usage").to_owned()
}

/// The pages of a command and of all below it, by file name.
fn pages(command: &clap::Command, name: &str, out: &mut BTreeMap<String, Vec<u8>>) {
    let mut text = Vec::new();
    let titled = command.clone().name(&*name.to_owned().leak()).disable_help_subcommand(true);
    let page = clap_mangen::Man::new(titled).title(name.to_uppercase()).manual("rustredis").date("");
    page.render(&mut text).expect("a page");
    // What is typed has blanks where the page's name has hyphens, and seldom all flags.
    let text = String::from_utf8(text).expect("text");
    let (before, rest) = text.split_once(".SH SYNOPSIS\n").expect("a synopsis");
    let (_, behind) = rest.split_once("\n.SH ").expect("more behind it");
    let text = format!("{before}.SH SYNOPSIS\n{}\n.SH {behind}", synopsis(name).replace('-', "\\-")).into_bytes();
    out.insert(format!("{name}.1"), text);
    for sub in command.get_subcommands() {
        pages(sub, &format!("{name}-{}", sub.get_name()), out);
    }
}

#[test]
fn man_pages_are_fresh() {
    let mut all = BTreeMap::new();
    pages(&whole(), "rustredis", &mut all);
    assert!(all.contains_key("rustredis-rdb-salvage.1"));
    let folder: PathBuf = root().join("completions/man");
    assert_fresh(all.iter().filter_map(|(name, text)| keep(&folder.join(name), text)).collect());
}

const BEGIN: &str = "<!-- commands: written by tests/generated.rs -->\n";
const END: &str = "<!-- end of commands -->\n";

/// Commands by family, subcommands counted with their container.
fn command_table() -> String {
    commands::install();
    let mut groups: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for command in table::top() {
        let subs = command.subs.len();
        let name = command.name.to_uppercase();
        let name = if subs == 0 { name } else { format!("{name} ({subs})") };
        groups.entry(command.spec.group).or_default().push(name);
    }
    let mut out = String::from("| family | commands (with how many subcommands) |\n|---|---|\n");
    for (group, mut names) in groups {
        names.sort();
        out.push_str(&format!("| {group} | {} |\n", names.join(", ")));
    }
    out
}

#[test]
fn the_readme_names_all_commands() {
    let path = root().join("README.md");
    let text = std::fs::read_to_string(&path).expect("a README");
    let (before, rest) = text.split_once(BEGIN).expect("the table's begin in README.md");
    let (_, after) = rest.split_once(END).expect("the table's end in README.md");
    let wanted = format!("{before}{BEGIN}{}{END}{after}", command_table());
    assert_fresh(keep(&path, wanted.as_bytes()).into_iter().collect());
}
