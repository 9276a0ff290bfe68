//! Screens beside redis-cli's: both are typed at in a pseudo-terminal, and what a terminal would show after each line is
//! compared, row by row.

use super::common::{self, Kind, Options, Server, find, pty::Pty, server::on_path};
use std::{
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

const ROWS: u16 = 120;
const COLUMNS: u16 = 110;

pub struct Screen {
    pub pty: Pty,
    shown: vt100::Parser,
}

impl Screen {
    /// Starts a program with a terminal before it.
    pub fn start(mut command: Command, home: &Path) -> Screen {
        command.env("TERM", "xterm").env("HOME", home).env("REDISCLI_HISTFILE", "/dev/null");
        command.env_remove("NO_COLOR").env_remove("REDISCLI_AUTH").env_remove("PAGER");
        Screen { pty: Pty::start(command, ROWS, COLUMNS), shown: vt100::Parser::new(ROWS, COLUMNS, 0) }
    }

    pub fn keys(&mut self, keys: &str) {
        self.pty.keys(keys);
    }

    pub fn rows(&self) -> Vec<String> {
        let mut rows: Vec<String> = self.shown.screen().rows(0, COLUMNS).map(|row| row.trim_end().to_owned()).collect();
        let end = rows.iter().rposition(|row| !row.is_empty()).map_or(0, |at| at + 1);
        rows.truncate(end);
        rows
    }

    /// Waits until the screen is as `ready` wants it.
    pub fn until(&mut self, what: &str, ready: impl Fn(&[String]) -> bool) -> Vec<String> {
        let deadline = Pty::deadline();
        loop {
            let rows = self.rows();
            if ready(&rows) {
                return rows;
            }
            match self.pty.next(deadline) {
                Some(bytes) => self.shown.process(&bytes),
                None => panic!("{what} did not come; the screen:\n{}", rows.join("\n")),
            }
        }
    }

    /// Waits until the last row ends so.
    pub fn ends(&mut self, wanted: &str) -> Vec<String> {
        self.until(wanted, |rows| rows.last().is_some_and(|row| row.ends_with(wanted)))
    }
}

/// What is typed, and how the screen ends when all has come. `^C` is the signal, where the terminal would make one of it.
const SESSIONS: &[(&str, &[(&str, &str)])] = &[
    (
        "transactions",
        &[
            ("set a 1", ">"),
            ("get a", ">"),
            ("select 3", "[3]>"),
            ("multi", "[3](TX)>"),
            ("set q 1", "(TX)>"),
            ("select 5", "[5](TX)>"),
            ("exec", "[5]>"),
            ("multi", "[5](TX)>"),
            ("select 7", "(TX)>"),
            ("discard", "[5]>"),
            ("multi", "(TX)>"),
            ("nosuch", "(TX)>"),
            ("exec", "[5]>"),
            ("exec", "[5]>"),
            ("select 99", "[5]>"),
            ("watch a", "[5]>"),
            ("reset", ">"),
        ],
    ),
    (
        "subscriptions",
        &[
            ("subscribe one two", "(integer) 2"),
            ("^C", ">"),
            ("ping", ">"),
            ("psubscribe a*", "(integer) 1"),
            ("^C", ">"),
            ("get nosuch", ">"),
            ("monitor", "OK"),
            ("^C", ">"),
            ("echo back", ">"),
        ],
    ),
    ("repetitions", &[("3 incr n", ">"), ("2 ping", ">"), ("0 ping", ">"), ("x ping", ">"), ("3", ">"), ("", ">")]),
    (
        "quotes",
        &[
            (r#"set k "a b\x00\n\"""#, ">"),
            ("get k", ">"),
            (r"set k 'it\'s'", ">"),
            ("get k", ">"),
            (r#"echo "x"y"#, ">"),
            ("set u \u{e9}t\u{e9}", ">"),
            ("get u", ">"),
        ],
    ),
    (
        "types",
        &[
            ("eval 'return {1,{2,{3,4},5},\"x\"}' 0", ">"),
            ("xadd st 1-1 f v", ">"),
            ("xadd st 1-2 f v g w", ">"),
            ("xrange st - +", ">"),
            ("rpush l a b c d e f g h i j", ">"),
            ("lrange l 0 -1", ">"),
            ("hset h f v", ">"),
            ("hgetall h", ">"),
            ("get h", ">"),
            ("get", ">"),
            ("nosuch x", ">"),
            ("info nosuch", ">"),
            ("keys nosuch", ">"),
        ],
    ),
    (
        "resp3",
        &[
            ("client setname x", ">"),
            ("hello 3", ">"),
            ("hset h f v", ">"),
            ("hgetall h", ">"),
            ("zadd z 1.5 a", ">"),
            ("zscore z a", ">"),
            ("zrange z 0 -1 withscores", ">"),
            ("config get maxmemory-samples", ">"),
            ("client tracking on", ">"),
            ("get a", ">"),
            ("set a 2", ">"),
            ("hello 2", ">"),
            ("hgetall h", ">"),
        ],
    ),
    (
        "elsewhere",
        &[
            ("connect 127.0.0.1 1", "not connected>"),
            ("connect 127.0.0.1 PORT", ">"),
            ("ping", ">"),
            ("auth x", ">"),
            ("clear", ">"),
            ("ping", ">"),
        ],
    ),
    ("preferences", &[(":set nohints", ">"), (":set x", ">"), (":set hints", ">"), ("help nosuch", ">")]),
];

/// Typed and not sent: what stands behind the cursor.
const HINTS: &[&str] = &["expire k 10 ", "config get", "get ", "lrange k ", "setex k 1", "zadd k ", "nosuch ", "\"get"];

fn prompts(kind: Kind) {
    let Some(theirs) = on_path("redis-cli") else { return common::skip("redis-cli", "apt-get install redis-tools") };
    if find(kind).is_none() {
        return common::skip(&format!("{kind:?}"), kind.how_to_install());
    }
    let server = Server::start(kind, &Options::default());
    let link = server.dir.join("redis-cli");
    std::os::unix::fs::symlink(find(Kind::Rustredis).expect("our own binary"), &link).expect("a link");
    let start = |program: &Path| {
        let mut command = Command::new(program);
        command.args(["-p", &server.port.to_string()]);
        let mut screen = Screen::start(command, &server.dir);
        screen.ends(">");
        screen
    };
    // What takes a client half a second it shows the time of: a machine that stands still makes it so.
    for (name, lines) in SESSIONS {
        common::in_one_of(4, |_| {
            let [theirs, ours] = [&theirs, &link].map(|program| {
                server.connect().line("FLUSHALL");
                let mut screen = start(program);
                let mut screens = Vec::new();
                for (line, end) in *lines {
                    let before = screen.rows().len();
                    match *line {
                        "^C" => screen.pty.interrupt(),
                        line => screen.keys(&format!("{}\r", line.replace("PORT", &server.port.to_string()))),
                    }
                    // A prompt stood there before; this is another one.
                    let rows = screen.until(end, |rows| {
                        rows.last().is_some_and(|row| row.ends_with(end))
                            && if *line == "clear" { rows.len() == 1 } else { rows.len() > before }
                    });
                    screens.push(without_ids(&rows));
                }
                screens
            });
            for (((line, _), theirs), ours) in lines.iter().zip(theirs).zip(ours) {
                assert_eq!(theirs, ours, "{kind:?}, {name}, after {line:?}");
            }
        });
    }
    for line in HINTS {
        common::in_one_of(4, |_| {
            let [theirs, ours] = [&theirs, &link].map(|program| {
                let mut screen = start(program);
                screen.keys(line);
                // A last key tells that those before it were seen.
                screen.until(line, |rows| rows.last().is_some_and(|row| row.contains(line.trim_end())));
                screen.keys("\x15echo end\r");
                screen.until("end", |rows| {
                    rows.iter().any(|row| row == "\"end\"") && rows.last().is_some_and(|row| row.ends_with('>'))
                });
                screen.keys(line);
                let typed = |rows: &[String]| rows.last().is_some_and(|row| row.contains(line.trim_end()));
                let mut last = screen.until(line, typed);
                // A hint comes with the key or not at all; half of it may be under way.
                while let Some(more) = screen.pty.next(Instant::now() + Duration::from_millis(150)) {
                    screen.shown.process(&more);
                    last = screen.rows();
                }
                last.pop()
            });
            assert_eq!(theirs, ours, "{kind:?}: {line}");
        });
    }
}

/// Ids of clients go up; in RESP2 they have a row of their own.
fn without_ids(rows: &[String]) -> String {
    let mut shown: Vec<String> = rows.to_vec();
    for at in 0..rows.len() {
        if let Some((before, _)) = rows[at].split_once("\"id\" => (integer) ") {
            shown[at] = format!("{before}\"id\"");
        } else if rows[at].ends_with("\"id\"") && at + 1 < rows.len() {
            shown[at + 1] = String::new();
        }
    }
    shown.join("\n")
}

#[test]
fn screens_as_redis_cli_with_redis() {
    prompts(Kind::Redis);
}

#[test]
fn screens_as_redis_cli_with_valkey() {
    prompts(Kind::Valkey);
}

#[test]
fn screens_as_redis_cli_with_rustredis() {
    prompts(Kind::Rustredis);
}

/// Figures as `N`, gaps as one blank: what is left is the shape.
fn shape(row: &str) -> String {
    let mut out = String::new();
    for word in row.split_whitespace() {
        let mut word = word.trim_matches(|c: char| c.is_ascii_digit() || matches!(c, '.' | ',')).to_owned();
        word.retain(|c| !c.is_ascii_digit());
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(if ["", "B", "K", "M", "G"].contains(&word.as_str()) { "N" } else { &word });
    }
    out
}

/// The modes that go on until somebody ends them show the same lines, other figures in them.
#[test]
fn modes_that_go_on_look_like_redis_clis() {
    let Some(theirs) = on_path("redis-cli") else { return common::skip("redis-cli", "apt-get install redis-tools") };
    for kind in [Kind::Redis, Kind::Valkey, Kind::Rustredis] {
        if find(kind).is_none() {
            common::skip(&format!("{kind:?}"), kind.how_to_install());
            continue;
        }
        let server = Server::start(kind, &Options::args("--maxmemory 100mb --maxmemory-policy allkeys-lru"));
        let link = server.dir.join("redis-cli");
        std::os::unix::fs::symlink(find(Kind::Rustredis).expect("our own binary"), &link).expect("a link");
        for (flags, enough) in [
            ("--latency -i 1", "samples)"),
            ("--latency-history -i 1", "seconds range"),
            ("--latency-dist -i 0.3", "KLMNOPQ?"),
            ("--stat -i 0.1", "(+"),
            ("--lru-test 1000", "Misses:"),
            ("--intrinsic-latency 1", "longer than the average"),
        ] {
            common::in_one_of(4, |_| {
                let [theirs, ours] = [&theirs, &link].map(|program| {
                    let mut command = Command::new(program);
                    command.args(["-p", &server.port.to_string()]).args(flags.split(' '));
                    let mut screen = Screen::start(command, &server.dir);
                    let rows = screen.until(enough, |rows| rows.iter().any(|row| row.contains(enough)));
                    let mut shapes: Vec<String> =
                        rows.iter().map(|row| shape(row)).filter(|row| !row.starts_with("Max latency")).collect();
                    shapes.dedup();
                    // How far it got is no matter.
                    let end = rows.iter().position(|row| row.contains(enough)).map_or(0, |at| shape(&rows[at]).len());
                    assert!(end > 0, "{rows:?}");
                    let last = shapes.iter().position(|row| row.contains(&shape(enough))).expect("it is there");
                    shapes.truncate(last + 1);
                    shapes
                });
                assert_eq!(theirs, ours, "{kind:?}: {flags}");
            });
        }
    }
}
