//! The command line of `cli`: the parser, the usage text and the completions come from one table, [`GROUPS`].
//!
//! The grammar is redis-cli's: flags stand in front of the command, and the first word that is none begins it.

mod flags;

pub use flags::{Flag, GROUPS};

use crate::client::{Target, uri};
use std::{ffi::OsString, os::unix::ffi::OsStringExt, path::PathBuf, time::Duration};

/// How replies are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    /// For people: types named, strings quoted.
    Standard,
    Raw,
    Csv,
    Json,
    /// JSON in ASCII only.
    QuotedJson,
}

/// What to do other than sending the command that follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mode {
    Command,
    Stat,
    Latency,
    LatencyHistory,
    LatencyDist,
    IntrinsicLatency(u64),
    LruTest(u64),
    Replica,
    Rdb { file: Vec<u8>, functions_only: bool },
    Pipe,
    BigKeys,
    MemKeys(Option<u64>),
    KeyStats(Option<u64>),
    HotKeys,
    Scan,
    Eval(Vec<u8>),
    Cluster(Vec<Vec<u8>>),
    DelMatch(Vec<u8>),
    ExpireMatch(Vec<u8>, u64),
    Undo(Vec<u8>),
    Import(Vec<u8>),
    Top(u64),
}

#[derive(Clone, Debug)]
pub struct Options {
    pub target: Target,
    pub mode: Mode,
    /// `None`: standard on a terminal, else raw.
    pub output: Option<Output>,
    pub repeat: i64,
    pub interval: Duration,
    /// 2 or 3 as asked; `None`: as the output mode wants it.
    pub protocol: Option<u8>,
    pub cluster: bool,
    pub askpass: bool,
    pub password_in_args: bool,
    pub no_auth_warning: bool,
    pub error_code: bool,
    /// Scripts run in the debugger; true: in the server itself, not in a copy of it.
    pub debugger: Option<bool>,
    pub stdin_last: bool,
    pub stdin_tag: Option<Vec<u8>>,
    pub quoted_input: bool,
    pub element_delimiter: Vec<u8>,
    pub reply_delimiter: Vec<u8>,
    pub show_pushes: Option<bool>,
    pub verbose: bool,
    pub pattern: Option<Vec<u8>>,
    pub count: Option<u64>,
    pub key_type: Option<Vec<u8>>,
    pub pipe_timeout_s: u64,
    pub cursor: u64,
    pub top: u64,
    pub yes: bool,
    pub read_only: bool,
    pub no_key_completion: bool,
    pub dry_run: bool,
    pub rate: Option<u64>,
    pub journal: Option<PathBuf>,
    pub save: Option<PathBuf>,
    pub resume: Option<PathBuf>,
    pub prompt_color: Option<String>,
    pub view: Option<String>,
    /// `--cluster-NAME value`, by name.
    pub cluster_options: Vec<(String, Vec<u8>)>,
    /// The `@profile` that was named.
    pub profile: Option<String>,
    pub words: Vec<Vec<u8>>,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            target: Target::default(),
            mode: Mode::Command,
            output: None,
            repeat: 1,
            interval: Duration::ZERO,
            protocol: None,
            cluster: false,
            askpass: false,
            password_in_args: false,
            no_auth_warning: false,
            error_code: false,
            debugger: None,
            stdin_last: false,
            stdin_tag: None,
            quoted_input: false,
            element_delimiter: b"\n".to_vec(),
            reply_delimiter: b"\n".to_vec(),
            show_pushes: None,
            verbose: false,
            pattern: None,
            count: None,
            key_type: None,
            pipe_timeout_s: 30,
            cursor: 0,
            top: 10,
            yes: false,
            read_only: false,
            no_key_completion: false,
            dry_run: false,
            rate: None,
            journal: None,
            save: None,
            resume: None,
            prompt_color: None,
            view: None,
            cluster_options: Vec::new(),
            profile: None,
            words: Vec::new(),
        }
    }
}

/// What a command line asks for.
#[derive(Debug)]
pub enum Asked {
    Run(Box<Options>),
    Version,
    /// Usage, on standard output.
    Help,
    /// A sentence for standard error, and exit code 1.
    Wrong(String),
    /// Usage on standard error, exit code 1.
    Usage,
}

/// Reads the words behind the program's name.
pub fn parse(words: Vec<OsString>) -> Asked {
    let mut words = words.into_iter().map(OsStringExt::into_vec).peekable();
    let mut options = Options::default();
    if let Some(password) = std::env::var_os("REDISCLI_AUTH").filter(|password| !password.is_empty()) {
        options.target.password = Some(password.into_vec());
    }
    while let Some(word) = words.next_if(|word| word.first().is_some_and(|b| matches!(b, b'-' | b'@')) || is_uri(word))
    {
        let last = words.peek().is_none();
        match word.as_slice() {
            b"-h" if last => return Asked::Help,
            b"--help" => return Asked::Help,
            b"-v" | b"--version" => return Asked::Version,
            b"--cluster" => {
                let mut command = Vec::new();
                while let Some(word) = words.next_if(|word| !word.starts_with(b"-")) {
                    command.push(word);
                }
                if command.is_empty() {
                    return Asked::Usage;
                }
                options.mode = Mode::Cluster(command);
                continue;
            }
            b"--cluster-weight" => {
                while let Some(word) = words.next_if(|word| !word.starts_with(b"-") && word.contains(&b'=')) {
                    options.cluster_options.push(("weight".into(), word));
                }
                continue;
            }
            [b'@', name @ ..] if !name.is_empty() => {
                options.profile = Some(String::from_utf8_lossy(name).into_owned());
                continue;
            }
            word if is_uri(word) => {
                match uri::apply(&String::from_utf8_lossy(word), &mut options.target) {
                    Ok(()) => options.password_in_args |= options.target.password.is_some(),
                    Err(error) => return Asked::Wrong(error),
                }
                continue;
            }
            _ => {}
        }
        let unknown = || {
            let word = String::from_utf8_lossy(&word).into_owned();
            Asked::Wrong(format!("Unrecognized option or bad number of args for: '{word}'"))
        };
        let Some(flag) = GROUPS.iter().flat_map(|(_, flags)| *flags).find(|flag| flag.name.as_bytes() == word) else {
            return unknown();
        };
        let value = if flag.value.is_empty() { Some(Vec::new()) } else { words.next() };
        let Some(value) = value else { return unknown() };
        if let Err(error) = (flag.set)(&mut options, value) {
            return Asked::Wrong(error);
        }
    }
    options.words = words.collect();
    if options.stdin_last && options.stdin_tag.is_some() {
        return Asked::Wrong("Options -x and -X are mutually exclusive.".into());
    }
    if options.debugger.is_some() && !matches!(options.mode, Mode::Eval(_)) {
        return Asked::Wrong(
            "Options --ldb and --ldb-sync-mode require --eval.\nTry redis-cli --help for more information.".into(),
        );
    }
    Asked::Run(Box::new(options))
}

fn is_uri(word: &[u8]) -> bool {
    std::str::from_utf8(word).is_ok_and(uri::looks_like_one)
}

/// What `--help` prints.
pub fn usage(program: &str) -> String {
    let mut out = format!(
        "Usage: {program} [@PROFILE] [URI] [FLAGS] [COMMAND [ARGUMENT ...]]\n\
         Sends a command and shows the reply; without a command, a session: lines of standard input, or a prompt.\n"
    );
    for (subject, flags) in GROUPS {
        super::describe(&mut out, subject, flags.iter().map(|flag| (flag.name, flag.value, flag.help)));
    }
    out.push_str(
        "  --help                    This text\n  --version                 The version\n\
         \nExamples\n\
         \x20 cat photo.jpg | NAME -x set photo\n\
         \x20 NAME -D '' --raw dump key > key.dump && NAME -X TAG restore key2 0 TAG < key.dump\n\
         \x20 NAME -r 100 -i 1 info memory | grep used_memory_human\n\
         \x20 NAME --eval script.lua key1 key2 , argument1 argument2\n\
         \x20 NAME --scan --pattern 'user:*'\n\
         \x20 NAME --del-match 'session:*' --dry-run\n"
            .replace("NAME", program)
            .as_str(),
    );
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::Addr;

    fn parsed(line: &str) -> Asked {
        parse(line.split_whitespace().map(OsString::from).collect())
    }

    fn run(line: &str) -> Options {
        match parsed(line) {
            Asked::Run(options) => *options,
            other => panic!("{line}: {other:?}"),
        }
    }

    #[test]
    fn names_are_there_once() {
        let mut names: Vec<_> = GROUPS.iter().flat_map(|(_, flags)| flags.iter().map(|f| f.name)).collect();
        names.sort_unstable();
        let before = names.len();
        names.dedup();
        assert_eq!(names.len(), before);
        let usage = usage("redis-cli");
        assert!(names.iter().all(|name| usage.contains(&format!("  {name} "))));
    }

    #[test]
    fn flags_end_where_the_command_begins() {
        let o = run("-p 7000 -n 3 --csv get -a x");
        assert_eq!(o.words, [b"get".to_vec(), b"-a".into(), b"x".into()]);
        assert_eq!((o.target.addr.to_string(), o.target.db, o.output), ("127.0.0.1:7000".into(), 3, Some(Output::Csv)));
        assert_eq!(run("-s /a -p 1 ping").target.addr, Addr::Unix("/a".into()));
        assert_eq!(run("-s /a -h x -u redis://y:1/3 ping").target.addr, Addr::Unix("/a".into()));
        assert_eq!(run("-u unix:///b ping").target.addr, Addr::Unix("/b".into()));
        assert_eq!(run("redis://h:1/2 ping").target.addr.to_string(), "h:1");
        assert_eq!(run("@prod ping").profile.as_deref(), Some("prod"));
        assert_eq!(run("-i 0.25 -r -1 ping").interval, Duration::from_millis(250));
        assert_eq!(
            run("--cluster call h:1 get x --cluster-yes").mode,
            Mode::Cluster(vec![b"call".into(), b"h:1".into(), b"get".into(), b"x".into()])
        );
        assert_eq!(run("--expire-match a=b*=60").mode, Mode::ExpireMatch(b"a=b*".into(), 60));
    }

    #[test]
    fn wrong_lines() {
        for line in [
            "--nosuch",
            "-r",
            "--pattern",
            "-p 99999 ping",
            "-u http://a ping",
            "--show-pushes maybe",
            "-x -X a get a",
            "--ldb get a",
        ] {
            assert!(matches!(parsed(line), Asked::Wrong(_)), "{line}");
        }
        assert!(matches!(parsed("-p 1 -h"), Asked::Help));
        assert!(matches!(parsed("--cluster"), Asked::Usage));
    }
}
