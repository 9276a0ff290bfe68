//! The prompt, in a real pseudo-terminal: keys are typed, and what comes back is looked at.

use super::common::{Kind, Options, Server, find, pty::Pty, skip};
use std::{
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

pub struct Terminal {
    pub pty: Pty,
    /// What has come since the last look.
    text: String,
}

impl Terminal {
    fn start(server: &Server, flags: &str) -> Terminal {
        Terminal::sized(server, flags, 200)
    }

    fn sized(server: &Server, flags: &str, columns: u16) -> Terminal {
        let flags = format!("-p {} {flags}", server.port);
        Terminal::with(&server.dir, &flags, columns)
    }

    /// Our client at a prompt, with a home of its own.
    pub fn with(home: &Path, flags: &str, columns: u16) -> Terminal {
        let mut command = Command::new(find(Kind::Rustredis).expect("our own binary"));
        command.arg("cli").args(flags.split_whitespace());
        command
            .env("TERM", "xterm")
            .env("HOME", home)
            .env_remove("REDISCLI_HISTFILE")
            .env_remove("NO_COLOR")
            .env_remove("REDISCLI_AUTH")
            .env_remove("VISUAL");
        command.env("EDITOR", "sed -i s/one/two/").env("PAGER", "sed s/^/paged:/");
        Terminal { pty: Pty::start(command, 40, columns), text: String::new() }
    }

    pub fn keys(&mut self, keys: &str) {
        self.pty.keys(keys);
    }

    /// Waits until `wanted` has come, escapes left out, and takes what was seen up to there.
    pub fn until(&mut self, wanted: &str) -> String {
        let seen = self.one_of(&[wanted], Pty::deadline());
        seen.unwrap_or_else(|| panic!("{wanted:?} did not come; what did: {:?}", plain(&self.text))).1
    }

    /// Which of these came first, and what was seen up to its end.
    fn one_of(&mut self, wanted: &[&str], deadline: Instant) -> Option<(usize, String)> {
        loop {
            let plain = plain(&self.text);
            let found = wanted.iter().enumerate().filter_map(|(n, wanted)| Some((plain.find(wanted)?, n)));
            if let Some((at, n)) = found.min() {
                let end = at + wanted[n].len();
                self.text = plain[end..].to_owned();
                return Some((n, plain[..end].to_owned()));
            }
            self.text.push_str(&String::from_utf8_lossy(&self.pty.next(deadline)?));
        }
    }

    /// Types what the server is asked about, until its answer has come in time: it has a third of a second, and after that
    /// five seconds' rest.
    fn asked(&mut self, keys: &str, wanted: &[&str]) {
        let deadline = Pty::deadline();
        loop {
            self.keys(&format!("\x15{keys}"));
            match self.one_of(wanted, Instant::now() + Duration::from_secs(6)) {
                Some((0, _)) => return,
                _ => assert!(Instant::now() < deadline, "{:?} did not come: {:?}", wanted[0], plain(&self.text)),
            }
            std::thread::sleep(Duration::from_secs(6));
        }
    }

    pub fn line(&mut self, line: &str, wanted: &str) -> String {
        self.keys(&format!("{line}\r"));
        self.until(wanted)
    }
}

/// Without what a terminal would swallow: colours, cursor movements, titles.
fn plain(text: &str) -> String {
    let mut out = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '\x1b' {
            out.push(c);
            continue;
        }
        if chars.next() == Some('[') {
            let _ = chars.by_ref().find(|c| c.is_ascii_alphabetic());
        }
    }
    out
}

#[test]
fn a_session_at_the_prompt() {
    let server = Server::start(Kind::Rustredis, &Options::default());
    let prompt = format!("127.0.0.1:{}", server.port);
    let mut t = Terminal::start(&server, "--view redis");
    t.until(&format!("{prompt}> "));
    t.line("set greeting hello", "OK");
    t.line("get greeting", "\"hello\"");
    t.line("select 3", &format!("{prompt}[3]> "));
    t.line("multi", &format!("{prompt}[3](TX)> "));
    t.line("select 5", "QUEUED");
    t.line("discard", &format!("{prompt}[3]> "));
    t.line("3 incr n", "(integer) 3");
    // A quote left open: the line goes on.
    t.keys("set multi \"two\r");
    t.line("lines\"", "OK");
    t.line("get multi", "\"two\\nlines\"");
    t.line("help get", "summary");
    t.line("nosuch", "(error) ERR unknown command");
    t.line("set a \"x", "\"x\r\n");
    t.keys("\x03");
    t.until(&format!("{prompt}[3]> "));
    // Tab: a command, then a subcommand.
    t.keys("dbsi\t");
    t.line("", "(integer)");
    t.keys("config resets\t");
    t.line("", "OK");
    // A key's name.
    t.line("select 0", &format!("{prompt}> "));
    t.asked("get greet\t\r", &["\"hello\"", "(nil)"]);
    // Hints stand behind the cursor.
    t.keys("lrange ");
    t.until("key start stop");
    t.keys("\x15");
    // They are for the eyes: no key makes them part of the line.
    t.keys("get \x1b[C\x1b[Cgreeting\r");
    t.until("\"hello\"");
    t.line(":set nohints", "nohints");
    t.line("get greeting | tr a-z A-Z", "HELLO");
    t.line("hset h f v", "(integer) 1");
    t.line(":view table", "view table");
    t.line("hgetall h", "(1 row)");
    t.line("peek h", "hash (listpack), 1 elements");
    // Ctrl-X Ctrl-E hands the line to an editor, which changes it here.
    t.keys("echo one\x18\x05");
    t.until("echo two");
    t.line("", "two");
    // More than a screen goes through a pager; a program behind a bar has it raw.
    t.line("config get *", "paged:");
    t.line("config get * | tail -n 1", "> ");
    t.line(":set nopager", "nopager");
    t.line("auth hunter2", "ERR");
    t.keys("exit\r");
    let status = t.pty.child.wait().expect("an end");
    assert!(status.success());
    let history = std::fs::read_to_string(server.dir.join(".rediscli_history")).expect("a history");
    assert!(history.contains("set greeting hello") && !history.contains("hunter2"), "{history}");
}

#[test]
fn a_lost_server_is_found_again_with_database_and_password() {
    let server = Server::start(Kind::Rustredis, &Options::default());
    let mut t = Terminal::start(&server, "--view redis");
    t.until("> ");
    t.line("config set requirepass secret", "OK");
    t.line("auth secret", "OK");
    t.line("select 2", "[2]> ");
    t.line("set where two", "OK");
    let mut other = server.connect();
    assert_eq!(other.line("AUTH secret"), "+OK\\r\\n");
    other.line("CLIENT KILL TYPE normal SKIPME yes");
    t.line("get where", "\"two\"");
    t.until("[2]> ");
}

#[test]
fn control_c_ends_what_waits_and_not_the_session() {
    if find(Kind::Redis).is_none() {
        return skip("Redis", Kind::Redis.how_to_install());
    }
    let server = Server::start(Kind::Redis, &Options::default());
    let mut t = Terminal::start(&server, "--view redis");
    t.until("> ");
    for (line, sign) in [("monitor", "OK"), ("blpop nosuch 0", "\r\n")] {
        t.line(line, sign);
        // The server says when it waits, and then the client does.
        let (mut conn, deadline) = (server.connect(), Pty::deadline());
        while !["flags=O ", "flags=b "].iter().any(|flags| conn.line("CLIENT LIST").contains(flags)) {
            assert!(Instant::now() < deadline, "{line}");
        }
        std::thread::sleep(Duration::from_millis(300));
        t.pty.interrupt();
        t.until("> ");
        t.line("ping", "PONG");
        t.until("> ");
    }
}

#[test]
fn harm_is_asked_about() {
    let server = Server::start(Kind::Rustredis, &Options::default());
    let mut t = Terminal::start(&server, "");
    t.until("> ");
    t.line("set a 1", "OK");
    t.line("flushall", "Go on? (yes/no) ");
    t.keys("no\r");
    t.until("not sent");
    assert_eq!(server.connect().line("DBSIZE"), ":1\\r\\n");
    t.until("> ");
    t.line("flushall", "Go on? (yes/no) ");
    t.keys("yes\r");
    t.until("OK");
    assert_eq!(server.connect().line("DBSIZE"), ":0\\r\\n");
    // A few keys are no question; many are, and so is one that is huge.
    t.until("> ");
    t.line("keys *", "(empty array)");
    let mut other = server.connect();
    assert_eq!(other.line("DEBUG POPULATE 100000"), "+OK\\r\\n");
    let fill = "for i = 1, 100000 do redis.call('RPUSH', KEYS[1], i) end return 1";
    assert_eq!(other.ask(&["EVAL", fill, "1", "huge"]), b":1\r\n");
    t.until("> ");
    for (line, why) in [
        ("keys user:*", "KEYS walks over 100001 keys"),
        ("del key:1 huge", "\"huge\" has 100000 elements"),
        ("flushdb", "FLUSHDB hits 100001 keys of database 0"),
        ("swapdb 0 1", "SWAPDB hits 100001 keys in 1 databases"),
        ("shutdown nosave", "SHUTDOWN ends the server at 127.0.0.1"),
        ("replicaof 127.0.0.1 1", "REPLICAOF replaces the data of 127.0.0.1"),
    ] {
        let seen = t.line(line, "Go on? (yes/no) ");
        assert!(seen.contains(why), "{line}: {seen}");
        t.keys("\r");
        t.until("not sent");
        t.until("> ");
    }
    assert_eq!(other.line("DBSIZE"), ":100001\\r\\n");
    t.line("unlink huge", "(integer) 1");
    // Asked for beforehand.
    let mut t = Terminal::start(&server, "--yes");
    t.until("> ");
    t.line("flushall", "OK");
    assert_eq!(other.line("DBSIZE"), ":0\\r\\n");
}

/// A command that is newer than our table: the server tells how it goes on.
#[test]
fn hints_of_commands_that_the_server_alone_knows() {
    if find(Kind::Valkey).is_none() {
        return skip("Valkey", Kind::Valkey.how_to_install());
    }
    let server = Server::start(Kind::Valkey, &Options::default());
    let mut t = Terminal::start(&server, "");
    t.until("> ");
    t.asked("clusterscan ", &["cursor [MATCH match-pattern]"]);
}

#[test]
fn preferences_come_from_a_file() {
    let server = Server::start(Kind::Rustredis, &Options::default());
    std::fs::write(server.dir.join(".redisclirc"), "# mine\n:set nohints\n:view json\n").expect("a file");
    let mut t = Terminal::start(&server, "");
    t.until("> ");
    t.line("set j '{\"a\":[1]}'", "OK");
    t.line("get j", "\"a\": [\r\n    1\r\n");
    t.keys("lrange ");
    t.keys("j 0 -1\r");
    let seen = t.until("WRONGTYPE");
    assert!(!seen.contains("key start stop"), "{seen}");
}

/// Ctrl-R finds a line of the history, of this session or of an earlier one; Enter runs it.
#[test]
fn the_history_is_searched() {
    let server = Server::start(Kind::Rustredis, &Options::default());
    std::fs::write(server.dir.join(".rediscli_history"), "set earlier yes\nget nosuch\n").expect("a file");
    let mut t = Terminal::start(&server, "--view redis");
    t.until("> ");
    t.line("echo needle-1", "\"needle-1\"");
    t.line("echo other", "\"other\"");
    t.until("> ");
    t.keys("\x12needle");
    t.until("(reverse-i-search)`needle'");
    t.keys("\r");
    t.until("\"needle-1\"");
    t.until("> ");
    t.keys("\x12earl");
    t.until("set earlier yes");
    t.keys("\r");
    t.until("OK");
    assert_eq!(server.connect().line("GET earlier"), "$3\\r\\nyes\\r\\n");
}

/// Ctrl-X Ctrl-E with an editor that makes several lines of one: all of it is one command again.
#[test]
fn a_line_is_edited_elsewhere() {
    let server = Server::start(Kind::Rustredis, &Options::default());
    let mut t = Terminal::start(&server, "--view redis");
    t.until("> ");
    t.keys("set k one\x18\x05");
    t.until("set k two");
    t.line("", "OK");
    assert_eq!(server.connect().line("GET k"), "$3\\r\\ntwo\\r\\n");
    // What was edited is in the history, too.
    t.until("> ");
    t.keys("\x1b[A");
    t.until("set k two");
    assert!(std::fs::read_dir(std::env::temp_dir()).expect("a directory").flatten().all(|entry| {
        !entry.file_name().to_string_lossy().starts_with(&format!("rustredis-line-{}-", t.pty.child.id()))
    }));
}

/// A terminal that does not tell its width is as wide as most.
#[test]
fn a_terminal_of_no_width() {
    let server = Server::start(Kind::Rustredis, &Options::default());
    server.connect().line("HSET h a-field-with-a-long-name a-value-that-is-not-short");
    let mut t = Terminal::sized(&server, "", 0);
    t.until("> ");
    let table = t.line("hgetall h", "(1 row)");
    assert!(table.contains("a-field-with-a-long-name") && table.contains("a-value-that-is-not-short"), "{table}");
}
