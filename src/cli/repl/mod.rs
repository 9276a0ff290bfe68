//! The prompt: lines with editing, history, hints and completion; what begins with `:` or is `peek` is for the client
//! itself, everything else goes to the server.

mod helper;
mod hints;

use super::{
    guard, lines, out, peek,
    session::{Failed, Session},
    view::View,
};
use crate::{client::Addr, resp::inline::split_args};
use helper::Typing;
use rustix::{
    io::Errno,
    pipe::{PipeFlags, pipe_with},
};
use rustyline::{
    Cmd, ColorMode, CompletionType, ConditionalEventHandler, Config, Editor, Event, EventContext, EventHandler,
    KeyEvent, RepeatCount, error::ReadlineError, history::DefaultHistory,
};
use std::{
    env, fs,
    io::Write,
    os::{fd::OwnedFd, unix::fs::PermissionsExt},
    path::PathBuf,
    process::{Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

/// Lines kept.
const HISTORY: usize = 10_000;

struct Prompt<'s, 'o> {
    session: &'s mut Session<'o>,
    editor: Editor<Typing, DefaultHistory>,
    history: Option<PathBuf>,
    colours: bool,
    /// Set by Ctrl-X Ctrl-E: the line goes to an editor.
    edit: Arc<AtomicBool>,
    interrupts: Arc<OwnedFd>,
}

/// Ctrl-X Ctrl-E.
struct EditLine(Arc<AtomicBool>);

impl ConditionalEventHandler for EditLine {
    fn handle(&self, _: &Event, _: RepeatCount, _: bool, _: &EventContext<'_>) -> Option<Cmd> {
        self.0.store(true, Ordering::Relaxed);
        Some(Cmd::AcceptLine)
    }
}

fn home(name: &str, variable: &str) -> Option<PathBuf> {
    match env::var_os(variable).filter(|value| !value.is_empty()) {
        Some(value) => Some(PathBuf::from(value)).filter(|path| path.as_os_str() != "/dev/null"),
        None => env::var_os("HOME").map(|home| PathBuf::from(home).join(name)),
    }
}

pub fn run(session: &mut Session<'_>) -> Result<(), Failed> {
    crate::commands::install();
    session.interactive = true;
    let interrupts = watch_interrupts()?;
    session.wake = Some(interrupts.clone());
    let colours =
        env::var_os("NO_COLOR").is_none_or(|v| v.is_empty()) && env::var("TERM").is_ok_and(|term| term != "dumb");
    let config =
        Config::builder().max_history_size(HISTORY).and_then(|config| config.history_ignore_dups(true)).map(|config| {
            config
                .history_ignore_space(true)
                .completion_type(CompletionType::List)
                .color_mode(if colours { ColorMode::Enabled } else { ColorMode::Disabled })
                .build()
        });
    let editor = config.and_then(Editor::<Typing, DefaultHistory>::with_config);
    let Ok(mut editor) = editor else {
        eprintln!("The terminal cannot be used");
        return Err(Failed);
    };
    editor.set_helper(Some(Typing::new(session.target.clone(), colours, !session.options.no_key_completion)));
    let edit = Arc::new(AtomicBool::new(false));
    editor.bind_sequence(
        Event::KeySeq(vec![KeyEvent::ctrl('X'), KeyEvent::ctrl('E')]),
        EventHandler::Conditional(Box::new(EditLine(edit.clone()))),
    );
    let history = home(".rediscli_history", "REDISCLI_HISTFILE");
    if let Some(file) = &history {
        // None yet is no fault.
        let _ = editor.load_history(file);
    }
    let mut prompt = Prompt { session, editor, history, colours, edit, interrupts };
    prompt.read_preferences();
    // Why it failed is on the screen; the prompt says so too.
    let _ = prompt.session.connect();
    prompt.run()
}

/// A pipe that becomes readable at Ctrl-C.
fn watch_interrupts() -> Result<Arc<OwnedFd>, Failed> {
    let made = pipe_with(PipeFlags::NONBLOCK | PipeFlags::CLOEXEC).map_err(std::io::Error::from);
    let watched = made.and_then(|(read, write)| {
        signal_hook::low_level::pipe::register(signal_hook::consts::SIGINT, write)?;
        Ok(Arc::new(read))
    });
    watched.map_err(|error| {
        eprintln!("{}", crate::client::reason(&error));
        Failed
    })
}

impl Prompt<'_, '_> {
    fn run(&mut self) -> Result<(), Failed> {
        let mut begin = String::new();
        loop {
            self.forget_interrupts();
            let target = self.session.target.clone();
            let (plain, coloured) = self.prompt();
            if let Some(typing) = self.editor.helper_mut() {
                typing.retarget(&target);
                typing.prompt.set(plain.chars().count());
            }
            let line = match std::mem::take(&mut begin) {
                text if text.is_empty() => self.editor.readline(&(plain, coloured)),
                text => self.editor.readline_with_initial(&(plain, coloured), (&text, "")),
            };
            match line {
                Ok(line) if self.edit.swap(false, Ordering::Relaxed) => begin = in_editor(&line),
                Ok(line) => {
                    if line.trim().is_empty() {
                        continue;
                    }
                    self.remember(&line);
                    if self.line(line.trim()) == lines::Then::Quit {
                        return Ok(());
                    }
                }
                // The line is given up; a second time on an empty one would be a habit from shells: it stays.
                Err(ReadlineError::Interrupted) => {}
                Err(ReadlineError::Eof) => return Ok(()),
                Err(error) => {
                    eprintln!("{error}");
                    return Err(Failed);
                }
            }
        }
    }

    fn forget_interrupts(&self) {
        let mut drain = [0u8; 64];
        while !matches!(rustix::io::read(self.interrupts.as_ref(), &mut drain), Ok(0) | Err(Errno::AGAIN) | Err(_)) {}
    }

    fn prompt(&self) -> (String, String) {
        let session = &self.session;
        let mut text = match (&session.conn, &session.target.addr) {
            (None, _) => "not connected".to_owned(),
            (_, Addr::Unix(path)) => format!("redis {}", path.display()),
            (_, addr) => addr.to_string(),
        };
        if session.conn.is_some() {
            if session.db != 0 {
                text.push_str(&format!("[{}]", session.db));
            }
            if session.in_multi {
                text.push_str("(TX)");
            }
        }
        let colour = match session.options.prompt_color.as_deref() {
            Some("red") => "1;31",
            Some("green") => "1;32",
            Some("yellow") => "1;33",
            Some("blue") => "1;34",
            Some("magenta") => "1;35",
            Some("cyan") => "1;36",
            _ => "",
        };
        let plain = format!("{text}> ");
        let coloured =
            if colour.is_empty() || !self.colours { plain.clone() } else { format!("\x1b[{colour}m{text}>\x1b[0m ") };
        (plain, coloured)
    }

    /// Keeps the line unless it has a secret in it.
    fn remember(&mut self, line: &str) {
        if split_args(line.as_bytes()).is_none_or(|words| is_secret(&words)) {
            return;
        }
        let _ = self.editor.add_history_entry(line);
        if let Some(file) = &self.history
            && self.editor.append_history(file).is_ok()
        {
            let _ = fs::set_permissions(file, fs::Permissions::from_mode(0o600));
        }
    }

    fn read_preferences(&mut self) {
        let file = home(".redisclirc", "REDISCLI_RCFILE");
        for line in file.and_then(|file| fs::read_to_string(file).ok()).unwrap_or_default().lines() {
            if line.trim().starts_with(':') {
                self.preference(line.trim());
            }
        }
    }

    fn preference(&mut self, line: &str) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let hints = |me: &mut Self, on: bool| {
            if let Some(typing) = me.editor.helper_mut() {
                typing.hints = on;
            }
        };
        match words.as_slice() {
            [":set", "hints"] => hints(self, true),
            [":set", "nohints"] => hints(self, false),
            [":set", "pager"] => self.session.pager = true,
            [":set", "nopager"] => self.session.pager = false,
            [":set", "keys"] => self.editor.helper_mut().into_iter().for_each(|typing| typing.complete_keys = true),
            [":set", "nokeys"] => self.editor.helper_mut().into_iter().for_each(|typing| typing.complete_keys = false),
            [":view", form] | [":set", "view", form] => match View::named(form) {
                Some(view) => self.session.view = view,
                None => out::text("The forms are: table, redis, json, raw\n"),
            },
            [":view"] => out::text(&format!("{}\n", self.session.view.name())),
            [":help"] => out::text(
                ":set hints|nohints        the arguments still to come, while you type\n\
                 :set pager|nopager        a pager for replies longer than the screen\n\
                 :set keys|nokeys          Tab asks the server for keys\n\
                 :view table|redis|json|raw the form of replies\n\
                 peek KEY                  what a key holds, whatever its type, its beginning only\n\
                 COMMAND | SHELL COMMAND   the raw reply to a program\n\
                 N COMMAND                 N times over\n\
                 connect HOST PORT         another server\n\
                 Ctrl-R searches the history, Ctrl-X Ctrl-E opens $EDITOR.\n",
            ),
            [":set", name, ..] => out::text(&format!("unknown redis-cli preference '{name}'\n")),
            _ => out::text(&format!("unknown redis-cli preference '{}'\n", line.trim_start_matches(':'))),
        }
        out::flush();
    }

    fn line(&mut self, line: &str) -> lines::Then {
        if line.starts_with(':') {
            self.preference(line);
            return lines::Then::GoOn;
        }
        if let Some((command, shell)) = to_shell(line) {
            self.pipe(command, shell);
            return lines::Then::GoOn;
        }
        if let Some(words) = split_args(line.as_bytes()) {
            if let [name, key] = words.as_slice()
                && name.eq_ignore_ascii_case(b"peek")
            {
                // Why it failed is on the screen.
                let _ = peek::show(self.session, key);
                out::flush();
                return lines::Then::GoOn;
            }
            if !guard::allows(self.session, &words) {
                return lines::Then::GoOn;
            }
        }
        lines::run_line(self.session, line.as_bytes())
    }

    /// `COMMAND | SHELL COMMAND`: the raw reply is the program's input.
    fn pipe(&mut self, command: &str, shell: &str) {
        let words = split_args(command.as_bytes()).unwrap_or_default();
        if words.is_empty() || !guard::allows(self.session, &words) {
            return;
        }
        let (output, show) = (self.session.output, self.session.show.take());
        self.session.output = crate::args::cli::Output::Raw;
        out::capture();
        lines::run_line(self.session, command.as_bytes());
        let text = out::captured();
        (self.session.output, self.session.show) = (output, show);
        let child = Command::new("sh").args(["-c", shell]).stdin(Stdio::piped()).spawn();
        match child {
            Ok(mut child) => {
                if let Some(mut input) = child.stdin.take() {
                    // A program that has read enough may close.
                    let _ = input.write_all(&text);
                }
                let _ = child.wait();
            }
            Err(error) => eprintln!("{}", crate::client::reason(&error)),
        }
    }
}

/// The command and the shell's part of `COMMAND | SHELL`, with the bar outside of quotes and blanks around it.
fn to_shell(line: &str) -> Option<(&str, &str)> {
    let mut from = 0;
    while let Some(at) = line[from..].find(" | ").map(|n| n + from) {
        if !helper::is_open(&line[..at]) {
            return Some((&line[..at], &line[at + 3..]));
        }
        from = at + 3;
    }
    None
}

/// Commands that carry passwords and keys: those that redis-cli keeps out of its history.
fn is_secret(words: &[Vec<u8>]) -> bool {
    let is = |at: usize, names: &[&str]| {
        words.get(at).is_some_and(|word| names.iter().any(|name| word.eq_ignore_ascii_case(name.as_bytes())))
    };
    let any = |names: &[&str]| (1..words.len()).any(|at| is(at, names));
    // A repeat count may stand in front.
    if words.first().is_some_and(|word| word.iter().all(u8::is_ascii_digit)) && words.len() > 1 {
        return is_secret(&words[1..]);
    }
    is(0, &["auth"])
        || is(0, &["acl"]) && is(1, &["setuser"])
        || is(0, &["config"])
            && is(1, &["set"])
            && any(&[
                "masterauth",
                "masteruser",
                "primaryauth",
                "primaryuser",
                "requirepass",
                "tls-key-file-pass",
                "tls-client-key-file-pass",
            ])
        || is(0, &["hello"]) && any(&["auth"])
        || is(0, &["migrate"]) && any(&["auth", "auth2"])
        || is(0, &["sentinel"]) && any(&["auth-pass", "auth-user", "sentinel-pass", "sentinel-user"])
}

/// The line, edited in `$EDITOR`.
fn in_editor(line: &str) -> String {
    let editor = env::var("VISUAL").or_else(|_| env::var("EDITOR")).unwrap_or_else(|_| "vi".into());
    let file =
        env::temp_dir().join(format!("rustredis-line-{}-{:x}", std::process::id(), crate::base::rng::entropy_u64()));
    let made = fs::OpenOptions::new().write(true).create_new(true).open(&file).and_then(|mut opened| {
        opened.set_permissions(fs::Permissions::from_mode(0o600))?;
        opened.write_all(line.as_bytes())
    });
    let mut text = line.to_owned();
    if made.is_ok() {
        let status = Command::new("sh").arg("-c").arg(format!("{editor} \"$1\"")).arg("sh").arg(&file).status();
        if status.is_ok_and(|status| status.success())
            && let Ok(edited) = fs::read_to_string(&file)
        {
            text = edited.trim_end().to_owned();
        }
    }
    let _ = fs::remove_file(&file);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_not_remembered() {
        let secret = |line: &str| is_secret(&split_args(line.as_bytes()).expect("words"));
        for line in [
            "auth x",
            "AUTH u p",
            "acl setuser joe >pw",
            "config set requirepass x",
            "CONFIG SET maxmemory 1 masterauth x",
            "hello 3 auth u p",
            "migrate h 1 k 0 1 AUTH2 u p",
            "3 auth x",
        ] {
            assert!(secret(line), "{line}");
        }
        for line in ["get auth", "acl list", "config get requirepass", "hello 3", "set requirepass x"] {
            assert!(!secret(line), "{line}");
        }
    }

    #[test]
    fn a_bar_within_quotes_is_no_pipe() {
        assert_eq!(to_shell("keys * | sort | head"), Some(("keys *", "sort | head")));
        assert_eq!(to_shell("set a \"x | y\""), None);
        assert_eq!(to_shell("set a \"x | y\" | cat"), Some(("set a \"x | y\"", "cat")));
    }
}
