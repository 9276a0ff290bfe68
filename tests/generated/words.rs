//! Completion of what `rustredis cli` sends: names of commands, subcommands behind their command, directives behind CONFIG GET
//! and SET, and what a directive may be set to. clap's scripts know flags only; what is here lies over them.

use clap_complete::Shell;
use rustredis::args::cli;
use rustredis::commands;
use rustredis::engine::config::{row::Row, table as directives, value::Kind};
use rustredis::engine::table;
use std::collections::BTreeMap;

/// clap's script, with what depends on words before or behind it.
pub fn laid_over(shell: Shell, flags: &str) -> String {
    let words = Words::new();
    match shell {
        Shell::Bash => format!("{flags}{}{BASH}", words.follows()),
        // Its function takes another name, and ours the one that compinit calls.
        Shell::Zsh => {
            let (functions, begin) = flags.split_once("\nif [ \"$funcstack[1]\"").expect("clap's last lines");
            let functions = functions.replacen("\n_rustredis() {\n", "\n_rustredis_flags() {\n", 1);
            format!("{functions}{}{ZSH}\nif [ \"$funcstack[1]\"{begin}", words.follows())
        }
        Shell::Fish => {
            format!("{flags}{}", words.fill(FISH, " ", "        case KEY\n            string split ' ' -- 'LIST'\n"))
        }
        Shell::Elvish => format!("{flags}{}", words.fill(ELVISH, " ", "    [[KEY] [LIST]]\n")),
        Shell::PowerShell => {
            let (choice, end) = flags.split_once("\n    $completions.Where{").expect("clap's last lines");
            let branch = "            { 'KEY'.Split(' ') -contains $_ } { 'LIST'.Split(' ') }\n";
            format!("{choice}{}\n    $completions.Where{{{end}", words.fill(POWERSHELL, " ", branch))
        }
        _ => flags.to_owned(),
    }
}

/// What may follow which words; lists with blanks between.
struct Words {
    /// Flags in front of the command that take a value.
    valued: Vec<&'static str>,
    commands: String,
    subcommands: BTreeMap<String, String>,
    directives: String,
    /// Directives by what they may be set to.
    values: BTreeMap<String, Vec<&'static str>>,
}

fn lower(name: &str) -> String {
    name.rsplit('|').next().unwrap_or_default().to_lowercase()
}

impl Words {
    fn new() -> Words {
        commands::install();
        let sorted = |mut names: Vec<String>| {
            names.sort();
            names.join(" ")
        };
        let containers = table::top().iter().filter(|command| !command.subs.is_empty());
        let shown: Vec<&Row> = directives::rows().filter(|row| !row.hidden).collect();
        let mut values: BTreeMap<String, Vec<&str>> = BTreeMap::new();
        for row in &shown {
            match row.kind {
                Kind::Flag => values.entry("yes no".to_owned()).or_default().push(row.name),
                Kind::Choice(words) => values.entry(words.join(" ")).or_default().push(row.name),
                _ => (),
            }
        }
        let flags = cli::GROUPS.iter().flat_map(|(_, flags)| *flags);
        Words {
            valued: flags.filter(|flag| !flag.value.is_empty()).map(|flag| flag.name).collect(),
            commands: sorted(table::top().iter().map(|command| lower(&command.name)).collect()),
            subcommands: containers
                .map(|command| {
                    (lower(&command.name), sorted(command.subs.iter().map(|sub| lower(&sub.name)).collect()))
                })
                .collect(),
            directives: sorted(shown.iter().map(|row| row.name.to_owned()).collect()),
            values,
        }
    }

    /// A script with its lists put in. `branch` is one branch of a shell, for `KEY` and `LIST`; `between` stands between keys.
    fn fill(&self, script: &str, between: &str, branch: &str) -> String {
        let of = |keys: &str, list: &str| branch.replace("KEY", keys).replace("LIST", list);
        let subcommands = self.subcommands.iter().map(|(name, list)| of(name, list));
        let values = self.values.iter().map(|(list, names)| of(&names.join(between), list));
        script
            .replace("VALUED", &self.valued.join(between))
            .replace("COMMANDS", &self.commands)
            .replace("DIRECTIVES", &self.directives)
            .replace("<subcommands>\n", &subcommands.collect::<String>())
            .replace("<values>\n", &values.collect::<String>())
    }

    fn follows(&self) -> String {
        self.fill(FOLLOWS, "|", "        KEY) printf '%s\\n' 'LIST' ;;\n")
    }
}

/// Read by bash and zsh alike. Prints what fits behind the words in front of the one at hand, which comes first; fails where that
/// is a flag, or the value of one.
const FOLLOWS: &str = r#"
_rustredis_follows() {
    local word skip= current=$1 first= second= last= count=0
    shift
    for word in "$@"; do
        if [ -n "$skip" ]; then
            skip=
            continue
        fi
        if [ $count = 0 ]; then
            case $word in
                VALUED) skip=1; continue ;;
                -*|@*|*://*|'') continue ;;
            esac
            first=$word
        elif [ $count = 1 ]; then
            second=$word
        fi
        last=$word
        count=$((count + 1))
    done
    [ -z "$skip" ] || return 1
    if [ $count = 0 ]; then
        case $current in
            -*) return 1 ;;
            *) printf '%s\n' 'COMMANDS' ;;
        esac
        return 0
    fi
    case $count:$(printf '%s %s' "$first" "$second" | tr '[:upper:]' '[:lower:]') in
        1:*) _rustredis_subcommands "$first" ;;
        *':config get') _rustredis_directives ;;
        *[02468]':config set') _rustredis_directives ;;
        *':config set') _rustredis_values "$last" ;;
    esac
    return 0
}

_rustredis_directives() {
    printf '%s\n' 'DIRECTIVES'
}

_rustredis_subcommands() {
    case $(printf '%s' "$1" | tr '[:upper:]' '[:lower:]') in
<subcommands>
    esac
}

_rustredis_values() {
    case $1 in
<values>
    esac
}
"#;

const BASH: &str = r#"
_rustredis_words() {
    local list current=${COMP_WORDS[COMP_CWORD]}
    if [ "$COMP_CWORD" -gt 1 ] && [ "${COMP_WORDS[1]}" = cli ] &&
        list=$(_rustredis_follows "$current" "${COMP_WORDS[@]:2:COMP_CWORD-2}"); then
        COMPREPLY=($(compgen -W "$list" -- "${current,,}"))
    else
        _rustredis "$@"
    fi
}

complete -F _rustredis_words -o bashdefault -o default rustredis
"#;

const ZSH: &str = r#"
_rustredis() {
    local list
    local -a all
    if (( CURRENT > 2 )) && [[ $words[2] = cli ]] &&
        list=$(_rustredis_follows "$words[CURRENT]" "${(@)words[3,CURRENT-1]}"); then
        all=(${=list})
        if (( $#all )); then
            compadd -M 'm:{[:upper:]}={[:lower:]}' -a all
        else
            _files
        fi
    else
        _rustredis_flags "$@"
    fi
}
"#;

const FISH: &str = r#"
# Behind `rustredis cli`: commands, subcommands, directives and their values.
function __rustredis_follows
    set -l before (commandline -opc)
    test "$before[2]" = cli
    or return 1
    set -e before[1..2]
    set -l said
    set -l skip no
    for word in $before
        if test $skip = yes
            set skip no
        else if test (count $said) -gt 0
            set -a said $word
        else
            switch $word
                case VALUED
                    set skip yes
                case '-*' '@*' '*://*' ''
                case '*'
                    set said $word
            end
        end
    end
    test $skip = no
    or return 1
    set -l count (count $said)
    if test $count -eq 0
        string match -q -- '-*' (commandline -ct)
        and return 1
        string split ' ' -- 'COMMANDS'
        return 0
    end
    set -l first (string lower -- $said[1])
    if test $count -eq 1
        __rustredis_subcommands $first
    else if test $first = config
        set -l second (string lower -- $said[2])
        if test $second = get
            or test $second = set -a (math $count % 2) -eq 0
            string split ' ' -- 'DIRECTIVES'
        else if test $second = set
            __rustredis_values $said[-1]
        end
    end
end

function __rustredis_subcommands
    switch $argv[1]
<subcommands>
    end
end

function __rustredis_values
    switch $argv[1]
<values>
    end
end

complete -c rustredis -n "__rustredis_follows | string length -q" -f -a "(__rustredis_follows)"
"#;

/// Within clap's function, in front of its end. There is no PowerShell to try it with where this is made: a test reads it.
const POWERSHELL: &str = r#"
    # Behind `rustredis cli`: commands, subcommands, directives and their values.
    if ($commandElements.Count -gt 1 -and $commandElements[1].Extent.Text -eq 'cli') {
        $before = @($commandElements | Select-Object -Skip 2 |
            Where-Object { $_.Extent.EndOffset -lt $cursorPosition } | ForEach-Object { $_.Extent.Text })
        $valued = 'VALUED'.Split(' ')
        $said = @()
        $skip = $false
        foreach ($word in $before) {
            if ($skip) {
                $skip = $false
            } elseif ($said.Count -gt 0) {
                $said += $word
            } elseif ($valued -ccontains $word) {
                $skip = $true
            } elseif ($word -notmatch '^[-@]|://') {
                $said += $word
            }
        }
        $subcommandsOf = { param($name) switch ($name) {
<subcommands>
        } }
        $valuesOf = { param($name) switch ($name) {
<values>
        } }
        $follows = @()
        if ($skip) {
        } elseif ($said.Count -eq 0) {
            if (-not $wordToComplete.StartsWith('-')) {
                $follows = 'COMMANDS'.Split(' ')
            }
        } elseif ($said.Count -eq 1) {
            $follows = @(& $subcommandsOf $said[0])
        } elseif ($said[0] -eq 'config') {
            if ($said[1] -eq 'get' -or ($said[1] -eq 'set' -and $said.Count % 2 -eq 0)) {
                $follows = 'DIRECTIVES'.Split(' ')
            } elseif ($said[1] -eq 'set') {
                $follows = @(& $valuesOf $said[-1])
            }
        }
        if ($follows.Count -gt 0) {
            $completions = @($follows | ForEach-Object {
                [CompletionResult]::new($_, $_, [CompletionResultType]::ParameterValue, $_)
            })
        }
    }
"#;

const ELVISH: &str = r#"
use re

# Behind `rustredis cli`: commands, subcommands, directives and their values.
var rustredis-flags = $edit:completion:arg-completer[rustredis]
var rustredis-subcommands = [
<subcommands>
]
var rustredis-values = [
<values>
]
var rustredis-directives = [DIRECTIVES]

fn rustredis-of {|name rows|
    for row $rows {
        if (has-value $row[0] $name) {
            all $row[1]
        }
    }
}

set edit:completion:arg-completer[rustredis] = {|@words|
    var said = []
    var skip = $false
    if (or (< (count $words) 3) (not-eq $words[1] cli)) {
        $rustredis-flags $@words
    } else {
        for word $words[2..-1] {
            if $skip {
                set skip = $false
            } elif (> (count $said) 0) {
                set said = [$@said $word]
            } elif (has-value [VALUED] $word) {
                set skip = $true
            } elif (not (or (eq $word '') (re:match '^[-@]|://' $word))) {
                set said = [$word]
            }
        }
        var count = (count $said)
        if $skip {
            edit:complete-filename $@words
        } elif (== $count 0) {
            if (str:has-prefix $words[-1] -) {
                $rustredis-flags rustredis cli $words[-1]
            } else {
                put COMMANDS
            }
        } elif (== $count 1) {
            rustredis-of (str:to-lower $said[0]) $rustredis-subcommands
        } elif (eq (str:to-lower $said[0]) config) {
            var second = (str:to-lower $said[1])
            if (or (eq $second get) (and (eq $second set) (== (% $count 2) 0))) {
                put $@rustredis-directives
            } elif (eq $second set) {
                rustredis-of $said[-1] $rustredis-values
            }
        }
    }
}
"#;
