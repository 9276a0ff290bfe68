//! Each shell that is there completes with the script that is kept. With `CI` set, all must be there but PowerShell, which none of the
//! package registries has: its script is read by a grammar of the language.

use super::root;
use std::process::Command;

/// A line up to the cursor, and the one word that fits.
const LINES: &[(&str, &str)] = &[
    ("rustredis cli zrangest", "zrangestore"),
    ("rustredis cli -p 6380 config set maxmemory-p", "maxmemory-policy"),
    ("rustredis cli CONFIG get maxmemory appendfs", "appendfsync"),
    ("rustredis cli config set maxmemory-policy allkeys-lf", "allkeys-lfu"),
    ("rustredis cli config set appendonly yes maxmemory-p", "maxmemory-policy"),
    ("rustredis cli -a client client no-e", "no-evict"),
    ("rustredis cli --quoted-j", "--quoted-json"),
    ("rustredis serve --maxmemory-p", "--maxmemory-policy"),
    ("rustredis serve --maxmemory-policy allkeys-lf", "allkeys-lfu"),
    ("rustredis sal", ""),
    ("rustredis rdb sal", "salvage"),
];

/// Runs `script` with the lines as arguments; what it printed, a line for each.
fn asks(shell: &str, flags: &[&str], script: &str, lines: &[(&str, &str)]) {
    let mut command = Command::new(shell);
    command.args(flags).arg(script).current_dir(root());
    if shell != "elvish" {
        command.arg(shell);
    }
    let output = match command.args(lines.iter().map(|(line, _)| line)).output() {
        Ok(output) => output,
        Err(error) => {
            assert!(std::env::var_os("CI").is_none(), "{shell}: {error}");
            eprintln!("{shell} is not installed: not tried");
            return;
        }
    };
    let shown = String::from_utf8_lossy(&output.stdout).into_owned();
    let want: Vec<&str> = lines.iter().map(|(_, word)| *word).collect();
    assert_eq!(
        shown.lines().map(|line| line.trim_end_matches([' ', '='])).collect::<Vec<_>>(),
        want,
        "{shell}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn bash_completes() {
    let script = r#"source completions/rustredis.bash
        for line in "$@"; do
            COMP_WORDS=($line) COMPREPLY=()
            COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
            _rustredis_words rustredis "${COMP_WORDS[@]: -1}" "${COMP_WORDS[@]: -2:1}"
            echo "${COMPREPLY[*]}"
        done"#;
    asks("bash", &["--norc", "-c"], script, LINES);
}

#[test]
fn fish_completes() {
    let script = "source completions/rustredis.fish
        for line in $argv[2..-1]
            set -l found (complete -C $line | string split -f1 \\t)
            echo \"$found\"
        end";
    asks("fish", &["--no-config", "-c"], script, LINES);
}

/// A shell on a terminal of its own, where the lines are typed and Tab is pressed; what then stands behind the last blank is told.
#[test]
fn zsh_completes() {
    let script = r#"zmodload zsh/zpty
        zpty typed zsh -f -i
        zpty -w typed 'PS1= PS2= RPS1=; unsetopt beep; fpath=($PWD/completions $fpath); autoload -Uz compinit; compinit -u -D'
        zpty -w typed 'tell() { print -r -- "<<<${${BUFFER% }##* }>>>"; BUFFER= }; zle -N tell; bindkey "^X" tell; bindkey "^I" complete-word'
        zpty -w typed 'print "<""<<begin>>>"'
        zpty -r typed answer '*<<<begin>>>*'
        for line in "$@"; do
            zpty -w -n typed "$line"$'\t\x18'
            zpty -r typed answer '*<<<*>>>*'
            print -r -- "${${answer##*<<<}%%>>>*}"
        done
        zpty -d typed"#;
    // What does not fit stays as it was typed.
    let lines: Vec<(&str, &str)> =
        LINES.iter().map(|&(line, word)| (line, if word.is_empty() { "sal" } else { word })).collect();
    asks("zsh", &["-f", "-c"], script, &lines);
}

/// The module `edit:` is there at a prompt only: a stand-in takes what the script gives it. A prompt itself filters by prefix.
#[test]
fn elvish_completes() {
    let script = r#"use str
        var taken = [&]
        var stand-in = (ns [
            &completion:=(ns [&arg-completer=$taken])
            &complex-candidate~={|text &display=''| put $text}
            &complete-filename~={|@words| nop}
        ])
        eval (slurp < completions/rustredis.elv)'
            set taken = $edit:completion:arg-completer' &ns=(ns [&edit:=$stand-in &taken=$taken]) &on-end={|made| set taken = $made[taken] }
        for line $args {
            var words = [(str:split ' ' $line)]
            echo (str:join ' ' [($taken[rustredis] $@words | each {|word| if (str:has-prefix $word $words[-1]) { put $word } })])
        }"#;
    // A prompt completes in the letters' own case, and values of serve's directives are not in clap's script.
    let lines: Vec<(&str, &str)> =
        LINES.iter().filter(|(line, _)| !line.contains("serve --maxmemory-policy ")).copied().collect();
    asks("elvish", &["-norc", "-c"], script, &lines);
}

#[test]
fn powershell_can_be_read() {
    let script = r#"
import sys, tree_sitter, tree_sitter_pwsh
text = open("completions/_rustredis.ps1", "rb").read()
parser = tree_sitter.Parser(tree_sitter.Language(tree_sitter_pwsh.language()))
def broken(node):
    here = [f"line {node.start_point[0] + 1}"] if node.type == "ERROR" or node.is_missing else []
    return here + [line for child in node.children for line in broken(child)]
def named(node, kind):
    here = [node] if node.type == kind else []
    return here + [found for child in node.children for found in named(child, kind)]
root = parser.parse(text).root_node
print(*broken(root), len(named(root, "script_block")) > 3, parser.parse(text.replace(b"} elseif (", b"} elseif ((")).root_node.has_error)
"#;
    let python = std::env::var("PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let output = Command::new(&python).args(["-c", script]).current_dir(root()).output();
    let (shown, told) = match output {
        Ok(output) => (output.stdout, String::from_utf8_lossy(&output.stderr).into_owned()),
        Err(error) => (Vec::new(), format!("{python}: {error}")),
    };
    if shown.is_empty() && (told.contains("ModuleNotFoundError") || told.starts_with(&python)) {
        assert!(std::env::var_os("CI").is_none(), "pip install tree-sitter tree-sitter-pwsh: {told}");
        eprintln!("there is no grammar of PowerShell (pip install tree-sitter tree-sitter-pwsh): not tried");
        return;
    }
    assert_eq!(String::from_utf8_lossy(&shown), "True True\n", "{told}");
}
