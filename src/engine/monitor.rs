//! MONITOR: each command as a line for those who watch, secrets kept out; and what of a command may be shown at all.

use super::Engine;
use super::clients::{Client, flag};
use super::flags::Flags;
use super::gates;
use super::post::{Audience, Frame, Poster};
use super::session::Session;
use super::table::Command;
use crate::resp::Args;
use parking_lot::RwLock;
use std::sync::Arc;

/// Who called a command that is shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Caller {
    Client,
    /// The client, and the command is about to run.
    Ahead,
    Script,
}

#[derive(Default)]
pub struct Monitors(RwLock<Audience>);

impl Monitors {
    pub fn add(&self, engine: &Engine, client: &Arc<Client>) {
        let mut all = self.0.write();
        all.add(client);
        client.set_flag(flag::MONITOR, true);
        engine.set_gate(gates::MONITORS, true);
    }

    pub fn remove(&self, engine: &Engine, client: &Client) {
        if client.has(flag::MONITOR) {
            let mut all = self.0.write();
            all.remove(client);
            client.set_flag(flag::MONITOR, false);
            engine.set_gate(gates::MONITORS, !all.is_empty());
        }
    }

    /// Shows a command that ran, unless it is administrative. `now_us`: Unix time, microseconds.
    #[cold]
    pub fn show(
        &self,
        engine: &Engine,
        post: &mut Poster,
        (session, caller): (&Session, Caller),
        command: &Command,
        args: Args<'_>,
        now_us: i64,
    ) {
        // A script is shown before it runs, by its own handler, so that its calls come behind it.
        let hidden = if caller == Caller::Ahead { Flags::ADMIN } else { Flags::SKIP_MONITOR | Flags::ADMIN };
        if command.flags.has(hidden) {
            return;
        }
        let (client, db) = (&session.client, session.db);
        let mut line = format!("+{}.{:06} [{db} ", now_us / 1_000_000, now_us % 1_000_000).into_bytes();
        if caller == Caller::Script {
            line.extend_from_slice(b"lua");
        } else if client.has(flag::UNIX) {
            line.extend_from_slice(b"unix:");
            line.extend_from_slice(client.addr.strip_suffix(":0").unwrap_or(&client.addr).as_bytes());
        } else {
            line.extend_from_slice(client.addr.as_bytes());
        }
        line.push(b']');
        for word in shown(command, args) {
            line.push(b' ');
            represent(&word, &mut line);
        }
        line.extend_from_slice(b"\r\n");
        post.send(engine, Frame::same(&line), &self.0.read());
    }
}

/// A word between quotes, with escapes for what is not printable, as Redis's `sdscatrepr`.
fn represent(word: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    for &b in word {
        match b {
            b'\\' | b'"' => out.extend_from_slice(&[b'\\', b]),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            7 => out.extend_from_slice(b"\\a"),
            8 => out.extend_from_slice(b"\\b"),
            b' '..=b'~' => out.push(b),
            _ => out.extend_from_slice(format!("\\x{b:02x}").as_bytes()),
        }
    }
    out.push(b'"');
}

/// A command's words as logs and monitors may show them: passwords are not among them.
pub fn shown(command: &Command, args: Args<'_>) -> Vec<Vec<u8>> {
    let mut words = args.to_vecs();
    let mut hide = |i: usize| {
        if let Some(word) = words.get_mut(i) {
            *word = b"(redacted)".to_vec();
        }
    };
    let after = |word: &str, from: usize| (from..args.len()).filter(|i| args.is(*i, word)).collect::<Vec<_>>();
    match &*command.name {
        "auth" => (1..args.len()).for_each(hide),
        "hello" => after("auth", 2).into_iter().flat_map(|i| [i + 1, i + 2]).for_each(hide),
        "acl|setuser" => (2..args.len()).for_each(hide),
        "migrate" => {
            after("auth", 6).into_iter().for_each(|i| hide(i + 1));
            after("auth2", 6).into_iter().flat_map(|i| [i + 1, i + 2]).for_each(hide);
        }
        "config|set" => {
            let secret = |i: &usize| super::config::table::find(args.at(*i)).is_some_and(|row| row.sensitive);
            (2..args.len()).step_by(2).filter(secret).for_each(|i| hide(i + 1));
        }
        _ => {}
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::table;
    use crate::resp::OwnedArgs;

    #[test]
    fn passwords_are_not_shown() {
        crate::commands::install();
        for (line, want) in [
            ("GET k", "GET k"),
            ("AUTH me secret", "AUTH (redacted) (redacted)"),
            ("HELLO 3 SETNAME n AUTH me secret", "HELLO 3 SETNAME n AUTH (redacted) (redacted)"),
            ("CONFIG SET port 1 requirepass x", "CONFIG SET port 1 requirepass (redacted)"),
        ] {
            let words = OwnedArgs::new(line.split(' '));
            let command = table::find_words(words.args()).unwrap();
            assert_eq!(shown(command, words.args()), line_of(want), "{line}");
        }
    }

    fn line_of(line: &str) -> Vec<Vec<u8>> {
        line.split(' ').map(|w| w.as_bytes().to_vec()).collect()
    }

    #[test]
    fn words_are_escaped_as_redis_does() {
        let mut out = Vec::new();
        represent(b"a \"\\\n\r\t\x07\x08\0\xff~", &mut out);
        assert_eq!(out, br#""a \"\\\n\r\t\a\b\x00\xff~""#);
    }
}
