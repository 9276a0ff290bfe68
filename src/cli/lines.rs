//! A session without a terminal: commands from the lines of standard input, as `redis-cli < file` runs them.

use super::{
    guard, help, out,
    session::{Failed, Session},
};
use crate::{client::Addr, resp::inline::split_args};
use std::io::{self, BufRead};

/// What one line did to the session.
#[derive(PartialEq, Eq)]
pub enum Then {
    GoOn,
    Quit,
}

pub fn run(session: &mut Session<'_>) -> Result<(), Failed> {
    session.interactive = true;
    let connected = session.connect().map(|_| ());
    let mut input = io::stdin().lock();
    let mut line = Vec::new();
    loop {
        line.clear();
        match input.read_until(b'\n', &mut line) {
            Ok(0) | Err(_) => break,
            Ok(_) => {}
        }
        while line.last().is_some_and(|b| matches!(b, b'\n' | b'\r')) {
            line.pop();
        }
        if run_line(session, &line) == Then::Quit {
            break;
        }
    }
    // A session that never reached its server and was asked nothing else is a failure only to those who look.
    connected.or(Ok(()))
}

/// Runs what a user typed.
pub fn run_line(session: &mut Session<'_>, line: &[u8]) -> Then {
    let Some(mut words) = split_args(line) else {
        out::text("Invalid argument(s)\n");
        out::flush();
        return Then::GoOn;
    };
    let Some(first) = words.first() else { return Then::GoOn };
    let mut repeat = 1;
    if words.len() > 1 && first.iter().enumerate().all(|(i, b)| b.is_ascii_digit() || i == 0 && *b == b'-') {
        match std::str::from_utf8(first).ok().and_then(|digits| digits.parse::<i64>().ok()).filter(|n| *n > 0) {
            Some(n) => repeat = n,
            None if first == b"-" => {}
            None => {
                out::text("Invalid redis-cli repeat command option value.\n");
                out::flush();
                return Then::GoOn;
            }
        }
        if first != b"-" {
            words.remove(0);
        }
    }
    let is = |name: &str| words[0].eq_ignore_ascii_case(name.as_bytes());
    if is("quit") || is("exit") {
        return Then::Quit;
    }
    if words[0].first() == Some(&b':') {
        // Preferences of the prompt, which is not here; nor is it an error to set them.
        return Then::GoOn;
    }
    if is("clear") {
        out::text("\x1b[H\x1b[2J");
    } else if help::is_asked(&words[0]) {
        help::show(&words[1..]);
    } else if is("connect") && words.len() == 3 {
        let host = String::from_utf8_lossy(&words[1]).into_owned();
        match std::str::from_utf8(&words[2]).ok().and_then(|port| port.parse().ok()) {
            Some(port) => {
                session.target.addr = Addr::Tcp { host, port };
                let _ = session.connect();
            }
            None => out::text("Invalid port\n"),
        }
    } else if !session.options.read_only || guard::allows(session, &words) {
        let start = std::time::Instant::now();
        // Why it failed is on standard error already.
        let _ = session.issue(&words, repeat);
        let took = start.elapsed();
        if took.as_millis() >= 500 && session.output == crate::args::cli::Output::Standard {
            out::text(&format!("({:.2}s)\n", took.as_secs_f64()));
        }
    }
    out::flush();
    Then::GoOn
}
