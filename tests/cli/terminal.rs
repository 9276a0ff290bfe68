//! The prompt, in a real pseudo-terminal: keys are typed, and what comes back is looked at.

use super::common::{Kind, Options, Server, find, skip};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use std::{
    fs::{File, OpenOptions},
    io::{Read, Write},
    process::{Child, Command},
    sync::mpsc::{Receiver, channel},
    time::{Duration, Instant},
};

struct Terminal {
    keys: File,
    seen: Receiver<Vec<u8>>,
    child: Child,
    /// What has come since the last look.
    text: String,
}

impl Terminal {
    fn start(server: &Server, flags: &str) -> Terminal {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a pseudo-terminal");
        grantpt(&master).and_then(|()| unlockpt(&master)).expect("a pseudo-terminal");
        let name = ptsname(&master, Vec::new()).expect("its name").into_string().expect("its name");
        let side = || OpenOptions::new().read(true).write(true).open(&name).expect("the other side");
        let size = rustix::termios::Winsize { ws_row: 40, ws_col: 200, ws_xpixel: 0, ws_ypixel: 0 };
        rustix::termios::tcsetwinsize(&master, size).expect("a size");
        let mut command = Command::new(find(Kind::Rustredis).expect("our own binary"));
        command.arg("cli").args(["-p", &server.port.to_string()]).args(flags.split_whitespace());
        command.stdin(side()).stdout(side()).stderr(side());
        command
            .env("TERM", "xterm")
            .env("HOME", &server.dir)
            .env_remove("REDISCLI_HISTFILE")
            .env_remove("NO_COLOR")
            .env_remove("REDISCLI_AUTH");
        command.env("EDITOR", "sed -i s/one/two/").env("PAGER", "sed s/^/paged:/");
        let child = command.spawn().expect("a client");
        let keys = File::from(master);
        let mut reader = keys.try_clone().expect("a second handle");
        let (send, seen) = channel();
        std::thread::spawn(move || {
            let mut chunk = [0; 4096];
            while let Ok(n) = reader.read(&mut chunk) {
                if n == 0 || send.send(chunk[..n].to_vec()).is_err() {
                    return;
                }
            }
        });
        Terminal { keys, seen, child, text: String::new() }
    }

    fn keys(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).expect("a terminal");
    }

    /// Waits until `wanted` has come, escapes left out, and takes what was seen up to there.
    fn until(&mut self, wanted: &str) -> String {
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            let plain = plain(&self.text);
            if let Some(at) = plain.find(wanted) {
                self.text = plain[at + wanted.len()..].to_owned();
                return plain[..at + wanted.len()].to_owned();
            }
            let left = deadline.saturating_duration_since(Instant::now());
            match self.seen.recv_timeout(left) {
                Ok(bytes) => self.text.push_str(&String::from_utf8_lossy(&bytes)),
                Err(_) => panic!("{wanted:?} did not come; what did: {plain:?}"),
            }
        }
    }

    fn line(&mut self, line: &str, wanted: &str) -> String {
        self.keys(&format!("{line}\r"));
        self.until(wanted)
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
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
    t.keys("get greet\t");
    t.line("", "\"hello\"");
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
    let status = t.child.wait().expect("an end");
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
        std::thread::sleep(Duration::from_millis(300));
        let pid = rustix::process::Pid::from_child(&t.child);
        rustix::process::kill_process(pid, rustix::process::Signal::INT).expect("a signal");
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
    t.keys("clusterscan ");
    t.until("cursor [MATCH match-pattern]");
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
