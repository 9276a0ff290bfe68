//! What is made of tables and kept in the repository: completions, man pages, the README's table of commands. A test fails when
//! a file is not what the tables say now; `UPDATE=1 cargo test --test generated` writes them anew.

use clap_complete::{Generator, Shell};
use rustredis::args::whole::whole;
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
                let mut text = Vec::new();
                clap_complete::generate(shell, &mut whole(), "rustredis", &mut text);
                if shell == Shell::Bash {
                    text.extend(what_depends_on_words().into_bytes());
                }
                keep(&root().join("completions").join(shell.file_name("rustredis")), &text)
            })
            .collect(),
    );
}

/// What the word at hand depends on is the words before it: directives behind CONFIG GET and SET, subcommands behind their command,
/// as `rustredis cli` takes them.
fn what_depends_on_words() -> String {
    commands::install();
    let mut cases = String::new();
    let directives: Vec<&str> = rustredis::engine::config::table::rows().map(|row| row.name).collect();
    cases.push_str(&format!(
        "        *' config get '|*' config set ')\n            words='{}' ;;\n",
        directives.join(" ")
    ));
    let mut containers: Vec<_> = table::top().iter().filter(|command| !command.subs.is_empty()).collect();
    containers.sort_by_key(|command| command.name.clone());
    for command in containers {
        let mut subs: Vec<String> = command.subs.iter().map(|sub| sub.name.to_lowercase()).collect();
        subs.iter_mut().for_each(|sub| *sub = sub.rsplit('|').next().unwrap_or_default().to_owned());
        subs.sort();
        let name = command.name.to_lowercase();
        cases.push_str(&format!("        *' cli '*'{name} ')\n            words='{}' ;;\n", subs.join(" ")));
    }
    format!(
        "\n_rustredis_words() {{\n    local before=\" ${{COMP_WORDS[*]:0:COMP_CWORD}} \" words=\n    case ${{before,,}} in\n{cases}    \
         esac\n    if [ -n \"$words\" ]; then\n        COMPREPLY=($(compgen -W \"$words\" -- \"${{COMP_WORDS[COMP_CWORD],,}}\"))\n    \
         else\n        _rustredis \"$@\"\n    fi\n}}\n\ncomplete -F _rustredis_words -o bashdefault -o default rustredis\n"
    )
}

#[test]
fn bash_completes_what_depends_on_words() {
    let script = r#"source completions/rustredis.bash
        ask() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _rustredis_words rustredis "${@: -1}" "${@: -2:1}"; echo "${COMPREPLY[*]}"; }
        ask rustredis cli -p 6380 config set maxmemory-p
        ask rustredis cli CONFIG get appendf
        ask rustredis cli client no-
        ask rustredis cli zrangest
        ask rustredis serve --maxmemory-p"#;
    let output = std::process::Command::new("bash").args(["-c", script]).current_dir(root()).output().expect("bash");
    let shown = String::from_utf8_lossy(&output.stdout).into_owned();
    let want =
        ["maxmemory-policy", "appendfilename appendfsync", "no-evict no-touch", "zrangestore", "--maxmemory-policy"];
    assert_eq!(shown.lines().collect::<Vec<_>>(), want, "{}", String::from_utf8_lossy(&output.stderr));
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

/// The pages of a command and of all below it, by file name.
fn pages(command: &clap::Command, name: &str, out: &mut BTreeMap<String, Vec<u8>>) {
    let mut text = Vec::new();
    let titled = command.clone().name(&*name.to_owned().leak()).disable_help_subcommand(true);
    let page = clap_mangen::Man::new(titled).title(name.to_uppercase()).manual("rustredis").date("");
    page.render(&mut text).expect("a page");
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
