//! `--ldb` and `--ldb-sync-mode`: a script run step by step in a server that has a debugger (Redis and Valkey do). What
//! is typed goes to the debugger, its lines come back, until the script ends; then the session is an ordinary one.
//! Outputs match redis-cli 7.0.15.

use super::{
    format::Form,
    lines, on_terminal, out, repl,
    scan::fail,
    session::{Failed, Session},
};
use crate::{
    args::cli::Output,
    resp::{
        Value,
        harmless::{harmless, harmless_text},
        inline::split_args,
    },
};
use rustix::termios::isatty;
use rustyline::{DefaultEditor, error::ReadlineError};
use std::io::{self, BufRead};

/// What the debugger says when the script has ended; its reply follows.
const END: &[u8] = b"<endsession>";

/// Why no more lines are read.
enum Done {
    Quit,
    Restart,
    /// The script has ended.
    Ended,
}

pub fn run(session: &mut Session<'_>, command: &[Vec<u8>], sync: bool) -> Result<(), Failed> {
    let mut lines = Lines::new();
    loop {
        session.connect()?;
        out::text(
            "Lua debugging session started, please use:\n\
             quit    -- End the session.\n\
             restart -- Restart the script in debug mode again.\n\
             help    -- Show Lua script debugging commands.\n\n",
        );
        out::flush();
        let reply = session.ask(&[b"SCRIPT", b"DEBUG", if sync { b"SYNC" } else { b"YES" }])?;
        if let Some(text) = reply.error() {
            eprintln!("Scripts cannot be debugged there: {}", harmless_text(text));
            return Err(Failed);
        }
        if exchange(session, command)? {
            out::text("Eval debugging session can't start:\n");
            return last_reply(session);
        }
        match dialogue(session, &mut lines)? {
            Done::Quit => return Ok(()),
            Done::Restart => {
                out::text("\n");
                continue;
            }
            Done::Ended => {}
        }
        out::text(&format!(
            "\n(Lua debugging session ended{})\n\n",
            if sync { "" } else { " -- dataset changes rolled back" }
        ));
        out::flush();
        session.conn = None;
        session.output = session.options.output.unwrap_or(Output::Standard);
        return if lines.editor.is_some() { repl::run(session) } else { lines::run(session) };
    }
}

/// Lines to the debugger until there is nothing left to debug.
fn dialogue(session: &mut Session<'_>, lines: &mut Lines) -> Result<Done, Failed> {
    while let Some(line) = lines.next() {
        let Some(mut words) = words_of(&line) else {
            out::text("Invalid argument(s)\n");
            out::flush();
            continue;
        };
        let is = |words: &[Vec<u8>], name: &str| words.len() == 1 && words[0].eq_ignore_ascii_case(name.as_bytes());
        if is(&words, "quit") || is(&words, "exit") {
            return Ok(Done::Quit);
        }
        if is(&words, "restart") {
            return Ok(Done::Restart);
        }
        let count = words.first().and_then(|word| std::str::from_utf8(word).ok()).and_then(|word| word.parse().ok());
        let repeat: u32 = count.filter(|_| words.len() > 1).unwrap_or(0);
        if repeat > 0 {
            words.remove(0);
        }
        for _ in 0..repeat.max(1) {
            if !words.is_empty() && exchange(session, &words)? {
                last_reply(session)?;
                return Ok(Done::Ended);
            }
        }
    }
    Ok(Done::Quit)
}

/// The words of a line; behind `eval` everything is Lua.
fn words_of(line: &[u8]) -> Option<Vec<Vec<u8>>> {
    for name in [b"eval ".as_slice(), b"e "] {
        if let Some(code) = line.strip_prefix(name) {
            return Some(vec![b"eval".to_vec(), code.to_vec()]);
        }
    }
    split_args(line)
}

/// Sends a command to the debugger and shows its lines; true if the script's reply comes next.
fn exchange(session: &mut Session<'_>, words: &[Vec<u8>]) -> Result<bool, Failed> {
    let reply = session.conn()?.ask(words).map_err(fail)?.plain();
    let Some(said) = reply.items() else {
        out::bytes(&form(Output::Standard).reply(&reply, false));
        out::flush();
        return Ok(false);
    };
    for line in said {
        match line.text() {
            Some(END) => out::text("\n"),
            Some(text) => out::bytes(&coloured(text)),
            None => out::bytes(&form(Output::Standard).reply(line, false)),
        }
    }
    out::flush();
    Ok(said.last().and_then(Value::text) == Some(END))
}

fn last_reply(session: &mut Session<'_>) -> Result<(), Failed> {
    let reply = session.conn()?.read().map_err(fail)?;
    out::bytes(&form(Output::Standard).reply(&reply, false));
    out::flush();
    Ok(())
}

fn form(output: Output) -> Form<'static> {
    Form { output, element_delimiter: b"\n", reply_delimiter: b"\n" }
}

/// A line of the debugger in the colour of its kind.
fn coloured(line: &[u8]) -> Vec<u8> {
    let has = |mark: &str| memchr::memmem::find(line, mark.as_bytes()).is_some();
    let (mut bold, mut colour) = (0, 37);
    if has("<debug>") {
        bold = 1;
    } else if has("<redis>") {
        colour = 32;
    } else if has("<reply>") {
        colour = 36;
    } else if has("<error>") {
        colour = 31;
    } else if has("<hint>") {
        bold = 1;
    } else if has("<value>") || has("<retval>") {
        colour = 35;
    } else if line.len() > 4 && line[3].is_ascii_digit() {
        if line[1] == b'>' {
            colour = 33;
        } else if line[2] == b'#' {
            bold = 1;
        }
    }
    [format!("\x1b[{bold};{colour};49m").as_bytes(), &harmless(line), b"\x1b[0m\n"].concat()
}

/// Where lines come from: a terminal with editing, or standard input.
struct Lines {
    editor: Option<DefaultEditor>,
}

impl Lines {
    fn new() -> Lines {
        let typed = on_terminal() && isatty(io::stdin());
        // A terminal that cannot be edited on still has lines.
        Lines { editor: typed.then(DefaultEditor::new).and_then(Result::ok) }
    }

    fn next(&mut self) -> Option<Vec<u8>> {
        let Some(editor) = &mut self.editor else {
            let mut line = Vec::new();
            let got = io::stdin().lock().read_until(b'\n', &mut line).unwrap_or(0);
            while line.last().is_some_and(|b| matches!(b, b'\n' | b'\r')) {
                line.pop();
            }
            return (got > 0).then_some(line);
        };
        match editor.readline("lua debugger> ") {
            Ok(line) => {
                let _ = editor.add_history_entry(&line);
                Some(line.trim().as_bytes().to_vec())
            }
            Err(ReadlineError::Interrupted) => Some(Vec::new()),
            Err(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_have_the_colours_of_their_kinds() {
        for (line, want) in [
            ("-> 1   local a", "0;33"),
            ("->#3   x", "0;33"),
            ("  #3   x", "1;37"),
            ("   1   x", "0;37"),
            ("<redis> get k", "0;32"),
            ("<retval> 1", "0;35"),
            ("", "0;37"),
        ] {
            assert_eq!(coloured(line.as_bytes()), format!("\x1b[{want};49m{line}\x1b[0m\n").into_bytes());
        }
        assert!(!coloured(b"<value> \x1b]0;x\x07").ends_with(b"\x07\x1b[0m\n"));
        assert_eq!(words_of(b"e return 'a b'"), Some(vec![b"eval".to_vec(), b"return 'a b'".to_vec()]));
        assert_eq!(words_of(b"\"open"), None);
    }
}
