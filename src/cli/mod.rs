//! `rustredis cli`: the client of a terminal and of scripts. Started as `redis-cli` it is that program, with its flags,
//! outputs and exit codes; what it can do beyond is told in `--help`.

mod bigkeys;
mod bulk;
mod cluster;
mod format;
mod guard;
mod help;
mod hotkeys;
mod import;
mod keystats;
mod latency;
mod ldb;
mod lines;
mod lru;
mod msgpack;
mod out;
mod peek;
mod pipe;
mod profile;
mod repl;
mod replica;
mod scan;
mod session;
mod stat;
mod top;
mod view;

use crate::{
    args::cli::{self as flags, Asked, Mode, Options},
    client::Addr,
    engine::config::REDIS_VERSION,
    resp::inline::split_args,
};
use rustix::termios::{LocalModes, OptionalActions, isatty, tcgetattr, tcsetattr};
use session::{Failed, Session};
use std::{
    ffi::OsString,
    io::{self, BufRead, Read, Write},
    process::ExitCode,
};

/// Runs the client with the words behind its name; the exit code is redis-cli's.
pub fn run(words: Vec<OsString>, program: &str) -> ExitCode {
    let code = match flags::parse(words) {
        Asked::Version => {
            out::text(&format!("{} {REDIS_VERSION}\n", program.rsplit(' ').next().unwrap_or(program)));
            Ok(())
        }
        Asked::Help => {
            out::text(&flags::usage(program));
            Ok(())
        }
        Asked::Usage => {
            eprint!("{}", flags::usage(program));
            Err(Failed)
        }
        Asked::Wrong(sentence) => {
            eprintln!("{sentence}");
            Err(Failed)
        }
        Asked::Run(options) => start(*options, program),
    };
    out::flush();
    if code.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// True if people see what is printed. `FAKETTY` says so without a terminal, as for redis-cli.
fn on_terminal() -> bool {
    isatty(io::stdout()) || std::env::var_os("FAKETTY").is_some()
}

fn start(mut options: Options, program: &str) -> Result<(), Failed> {
    if let Some(name) = options.profile.clone() {
        profile::apply(&name, &mut options)?;
    }
    if options.password_in_args && !options.no_auth_warning {
        eprintln!("Warning: Using a password with '-a' or '-u' option on the command line interface may not be safe.");
    }
    if options.askpass {
        options.target.password = Some(ask_password("Please input password: ")?).filter(|typed| !typed.is_empty());
    }
    let mut session = Session::new(&options, on_terminal());
    session.own = program != "redis-cli";
    view::choose(&mut session)?;
    match &options.mode {
        Mode::Command if options.words.is_empty() && isatty(io::stdin()) => repl::run(&mut session),
        Mode::Command if options.words.is_empty() => lines::run(&mut session),
        Mode::Command => {
            let words = command_words(&options)?;
            one_command(&mut session, &words)
        }
        Mode::Eval(file) => eval(&mut session, file),
        Mode::Stat => stat::run(&mut session),
        Mode::Latency => latency::sample(&mut session, false),
        Mode::LatencyHistory => latency::sample(&mut session, true),
        Mode::LatencyDist => latency::spectrum(&mut session),
        Mode::IntrinsicLatency(seconds) => latency::intrinsic(*seconds),
        Mode::LruTest(keys) => lru::run(&mut session, *keys),
        Mode::Replica => replica::run(&mut session),
        Mode::Rdb { file, functions_only } => replica::fetch(&mut session, file, *functions_only),
        Mode::Pipe => pipe::run(&mut session),
        Mode::Scan => scan::run(&mut session),
        Mode::BigKeys => bigkeys::run(&mut session, None),
        Mode::MemKeys(samples) => bigkeys::run(&mut session, Some(*samples)),
        Mode::HotKeys => hotkeys::run(&mut session),
        Mode::Import(file) => import::run(&mut session, file),
        Mode::Cluster(words) => cluster::run(&mut session, words),
        Mode::KeyStats(samples) => keystats::run(&mut session, *samples),
        Mode::DelMatch(pattern) => bulk::run(&mut session, pattern, None),
        Mode::ExpireMatch(pattern, seconds) => bulk::run(&mut session, pattern, Some(*seconds)),
        Mode::Undo(journal) => import::run(&mut session, journal),
        Mode::Top(seconds) => top::run(&mut session, *seconds),
    }
}

fn one_command(session: &mut Session<'_>, words: &[Vec<u8>]) -> Result<(), Failed> {
    if help::is_asked(&words[0]) {
        help::show(&words[1..]);
        return Ok(());
    }
    if !guard::allows(session, words) {
        return Err(Failed);
    }
    session.issue(words, session.options.repeat)
}

/// The words of the command line, with what `-x`, `-X` and `--quoted-input` make of them.
fn command_words(options: &Options) -> Result<Vec<Vec<u8>>, Failed> {
    let mut words = options.words.clone();
    if options.quoted_input {
        for word in &mut words {
            match split_args(word).as_deref() {
                Some([one]) => *word = one.clone(),
                _ => {
                    out::text("Invalid quoted string\n");
                    return Err(Failed);
                }
            }
        }
    }
    if options.stdin_last {
        words.push(standard_input()?);
    } else if let Some(tag) = &options.stdin_tag {
        let Some(at) = words.iter().position(|word| word == tag) else {
            eprintln!("Using -X option but stdin tag not match.");
            return Err(Failed);
        };
        words[at] = standard_input()?;
    }
    Ok(words)
}

fn standard_input() -> Result<Vec<u8>, Failed> {
    let mut all = Vec::new();
    io::stdin().lock().read_to_end(&mut all).map_err(|error| {
        eprintln!("Error reading standard input: {}", crate::client::reason(&error));
        Failed
    })?;
    Ok(all)
}

/// `--eval FILE key … , argument …`
fn eval(session: &mut Session<'_>, file: &[u8]) -> Result<(), Failed> {
    let path = std::path::Path::new(std::ffi::OsStr::from_bytes(file));
    let script = std::fs::read(path).map_err(|error| {
        eprintln!("Can't open file '{}': {}", path.display(), crate::client::reason(&error));
        Failed
    })?;
    let words = command_words(session.options)?;
    let comma = words.iter().position(|word| word == b",");
    let keys = comma.unwrap_or(words.len());
    let mut command = vec![b"EVAL".to_vec(), script, keys.to_string().into_bytes()];
    command.extend(words.into_iter().enumerate().filter(|(at, _)| Some(*at) != comma).map(|(_, word)| word));
    match session.options.debugger {
        Some(sync) => ldb::run(session, &command, sync),
        None => session.issue(&command, session.options.repeat),
    }
}

/// Asks on the terminal without showing what is typed; without a terminal, a line of standard input.
fn ask_password(prompt: &str) -> Result<Vec<u8>, Failed> {
    let stdin = io::stdin();
    let before = tcgetattr(&stdin).ok();
    if let Some(before) = &before {
        let mut hidden = before.clone();
        hidden.local_modes.remove(LocalModes::ECHO);
        // A terminal that refuses shows the password; better than none to ask.
        let _ = tcsetattr(&stdin, OptionalActions::Flush, &hidden);
    }
    if before.is_some() {
        eprint!("{prompt}");
    }
    let mut line = Vec::new();
    let read = stdin.lock().read_until(b'\n', &mut line);
    if let Some(before) = &before {
        let _ = tcsetattr(&stdin, OptionalActions::Flush, before);
        eprintln!();
    }
    let _ = io::stderr().flush();
    read.map_err(|_| Failed)?;
    let end = line.iter().rposition(|b| !matches!(b, b'\n' | b'\r')).map_or(0, |at| at + 1);
    line.truncate(end);
    Ok(line)
}

use std::os::unix::ffi::OsStrExt;

/// The host of an address, for tables of slots that leave it out.
fn host_of(addr: &Addr) -> String {
    match addr {
        Addr::Tcp { host, .. } => host.clone(),
        Addr::Unix(_) => "127.0.0.1".into(),
    }
}
