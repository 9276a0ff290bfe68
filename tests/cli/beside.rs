//! Byte by byte beside Debian's redis-cli.

use super::common::{self, Kind, Options, Server, find, server::on_path};
use rustredis::resp::inline::split_args;
use std::{
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

const FORMS: &[&str] = &[
    "",
    "--no-raw",
    "--csv",
    "--json -2",
    "--json",
    "--quoted-json",
    "-3",
    "-3 --no-raw",
    "-3 --csv",
    "-e",
    "-d , -D X",
];

struct Pair {
    theirs: PathBuf,
    link: PathBuf,
    /// Ours answers on the second, so that both find what they themselves wrote.
    servers: [Server; 2],
}

impl Pair {
    fn start(kind: Kind) -> Option<Pair> {
        let Some(theirs) = on_path("redis-cli") else {
            common::skip("redis-cli", "apt-get install redis-tools");
            return None;
        };
        if find(kind).is_none() {
            common::skip(&format!("{kind:?}"), kind.how_to_install());
            return None;
        }
        // What takes a busy machine ten milliseconds is in nobody's slow log.
        let options = Options::args("--slowlog-log-slower-than -1");
        let servers = [(); 2].map(|()| Server::start(kind, &options));
        let link = servers[0].dir.join("redis-cli");
        std::os::unix::fs::symlink(find(Kind::Rustredis).expect("our own binary"), &link).expect("a link");
        Some(Pair { theirs, link, servers })
    }

    fn run(&self, program: &Path, port: u16, words: &[Vec<u8>], input: &[u8]) -> Output {
        use std::os::unix::ffi::OsStringExt;
        let mut command = Command::new(program);
        command.env_remove("REDISCLI_AUTH").env("REDISCLI_HISTFILE", "/dev/null").env("REDISCLI_RCFILE", "/dev/null");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.args(["-p", &port.to_string()]);
        command.args(words.iter().map(|word| std::ffi::OsString::from_vec(word.clone())));
        let mut child = command.spawn().expect("a client");
        // A client that is wrong about its flags reads nothing.
        let _ = child.stdin.take().expect("a pipe").write_all(input);
        child.wait_with_output().expect("a client")
    }

    /// What each of them says: exit code, both streams; the port is no difference.
    fn both(&self, words: &[Vec<u8>], input: &[u8]) -> [(Option<i32>, String, String); 2] {
        [(&self.theirs, 0), (&self.link, 1)].map(|(program, at)| {
            let port = self.servers[at].port;
            let output = self.run(program, port, words, input);
            let shown = |bytes: &[u8]| settled_time(&common::port::hidden(&bytes.escape_ascii().to_string(), port));
            (output.status.code(), shown(&output.stdout), shown(&output.stderr))
        })
    }
}

/// Without the lines that tell how long a command took, if that was half a second.
fn settled_time(text: &str) -> String {
    let told = |line: &str| {
        let seconds = line.strip_prefix('(').and_then(|rest| rest.strip_suffix("s)"));
        seconds.is_some_and(|n| n.parse::<f64>().is_ok())
    };
    text.split("\\n").filter(|line| !told(line)).collect::<Vec<_>>().join("\\n")
}

fn words(line: &str) -> Vec<Vec<u8>> {
    split_args(line.as_bytes()).expect("a line of words")
}

fn commands(kind: Kind) {
    let Some(pair) = Pair::start(kind) else { return };
    let lines: Vec<&str> = include_str!("commands.txt").lines().filter(|line| !line.starts_with('#')).collect();
    let mut faults = Vec::new();
    for form in FORMS {
        for line in &lines {
            let mut command = words(line);
            let mut flags = words(form);
            // No argument of a program has a NUL in it.
            if command.iter().any(|word| word.contains(&0)) {
                flags.push(b"--quoted-input".to_vec());
                command = command.iter().map(|word| rustredis::resp::inline::quote(word)).collect();
            }
            let [theirs, ours] = pair.both(&[flags, command].concat(), b"");
            if theirs != ours {
                faults.push(format!("{form} {line}\n  redis-cli {theirs:?}\n  ours      {ours:?}"));
            }
        }
    }
    assert!(
        faults.is_empty(),
        "{} differences on {kind:?}\n{}",
        faults.len(),
        faults[..faults.len().min(20)].join("\n")
    );
}

#[test]
fn every_form_of_hundreds_of_replies_of_redis() {
    commands(Kind::Redis);
}

#[test]
fn every_form_of_hundreds_of_replies_of_valkey() {
    commands(Kind::Valkey);
}

#[test]
fn every_form_of_hundreds_of_replies_of_rustredis() {
    commands(Kind::Rustredis);
}

#[test]
fn flags_and_exit_codes() {
    let Some(pair) = Pair::start(Kind::Redis) else { return };
    let script = pair.servers[0].dir.join("script.lua");
    std::fs::write(&script, "return {KEYS[1],ARGV[1],ARGV[2]}").expect("a script");
    let script = script.display();
    for line in [
        "-p 1 ping".to_owned(),
        "-s /nosuch ping".into(),
        "-h nosuch.invalid ping".into(),
        "-a foo ping".into(),
        "-a foo --no-auth-warning ping".into(),
        "--user a --pass foo ping".into(),
        "-n 99 ping".into(),
        "-n 3 set x y".into(),
        "-n 3 get x".into(),
        "-n x ping".into(),
        "-r 3 ping".into(),
        "-r x ping".into(),
        "-r 0 ping".into(),
        "-i 0.01 -r 2 ping".into(),
        "--nosuch".into(),
        "-r".into(),
        "--pattern".into(),
        "-u http://a ping".into(),
        "--eval /nosuch".into(),
        format!("--eval {script} k , a b"),
        format!("--eval {script} k a"),
        "-X tag set a b".into(),
        "--quoted-input set \"\\\"a\" b".into(),
        "--scan --quoted-pattern \"\\\"a\"".into(),
        "--cluster".into(),
        "--cluster foo".into(),
        "--cluster info".into(),
        "--cluster info 127.0.0.1:1".into(),
        "--hotkeys".into(),
        "--scan".into(),
        "--scan --pattern a*".into(),
        "--askpass ping".into(),
        "--verbose ping".into(),
        "-c get foo".into(),
        "-x".into(),
        "-x -X a set a b".into(),
        "-s /nosuch -u redis://127.0.0.1:1 ping".into(),
        "-s /nosuch -h 127.0.0.1 ping".into(),
        "shutdown nosave x".into(),
        "-3 --no-raw --show-pushes yes debug protocol push".into(),
    ] {
        let [mut theirs, mut ours] = pair.both(&words(&line), b"");
        if line.starts_with("-h nosuch") {
            // Who resolves names may be away at the one moment, and back at the other.
            for text in [&mut theirs.2, &mut ours.2] {
                *text = text.replace("Temporary failure in name resolution", "Name or service not known");
            }
        }
        if line == "--cluster" {
            // The usage is our own text.
            (theirs.2, ours.2) = (String::new(), String::new());
        }
        assert_eq!(theirs, ours, "{line}");
    }
    let [theirs, ours] = pair.both(&words("-x set x"), b"some\nthing\n");
    assert_eq!(theirs, ours);
    let [theirs, ours] = pair.both(&words("-X tag set y tag"), b"some\0thing");
    assert_eq!(theirs, ours);
    let [theirs, ours] = pair.both(&words("--no-raw mget x y"), b"");
    assert_eq!(theirs, ours);
    assert!(ours.1.contains("some\\\\x00thing"), "{ours:?}");
}

#[test]
fn sessions_without_a_terminal() {
    let Some(pair) = Pair::start(Kind::Redis) else { return };
    let script = "set a 1\nget a\nfoo\n\n  # comment\nset \"x\nget a\nselect 3\nget a\nmulti\nset q 1\nexec\n3 incr n\n\
        0 incr n\n-2 incr n\n99999999999999999999 incr n\nhelp nosuch\nconnect a\nhset h f v\nhgetall h\nreset\nauth x\n\
        debug protocol push\nset \"a b\" 'c d'\nget \"a b\"\nmulti\nfoo\nexec\nmulti\nselect 4\ndiscard\nget a\nselect 99\n\
        get a\necho \"\\x00\\xff\"\nclient tracking on\nget a\nset a 5\nget a\nget a\nquit\nget a\n";
    for form in ["", "--no-raw", "--csv", "--json", "-e", "-3", "-3 --no-raw --show-pushes yes", "-r 2", "-n 5"] {
        let [theirs, ours] = pair.both(&words(form), script.as_bytes());
        assert_eq!(theirs, ours, "{form}");
    }
}

#[test]
fn pipes() {
    let Some(pair) = Pair::start(Kind::Redis) else { return };
    let sets = "*3\r\n$3\r\nSET\r\n$1\r\na\r\n$5\r\nhello\r\n".repeat(20_000);
    for input in [
        "SET a b\r\nSET c d\r\n*1\r\n$4\r\nPING\r\nFOO\r\n",
        "",
        "SET a",
        "$x\r\n",
        "SET a b\nGET a\nKEYS nosuch\nEVAL 'return {1,{2}}' 0\n",
        &sets,
    ] {
        let [theirs, ours] = pair.both(&words("--pipe"), input.as_bytes());
        assert_eq!(theirs, ours, "{}", &input[..input.len().min(50)]);
    }
    let [theirs, ours] = pair.both(&words("--pipe --pipe-timeout 1"), b"BLPOP nosuch 0\n");
    assert_eq!(theirs, ours);
}

/// Walks over keys, snapshots and scripts: the same lines; their order where the client chooses it, and the bytes of a
/// snapshot that name our version, are no difference.
#[test]
fn modes_that_end_by_themselves() {
    for kind in [Kind::Redis, Kind::Valkey, Kind::Rustredis] {
        let Some(pair) = Pair::start(kind) else { return };
        for server in &pair.servers {
            let mut conn = server.connect();
            for line in [
                // How often keys were used is counted from the start, and nothing of it forgotten.
                "CONFIG SET lfu-decay-time 0",
                "CONFIG SET maxmemory-policy allkeys-lfu",
                // Small integers are shared, and as old as the server.
                "MSET a x b xx c xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
                "RPUSH l 1 2 3",
                "SADD s a b",
                "ZADD z 1 a 2 b",
                "HSET h f v",
                "XADD x 1-1 f v",
                "CONFIG SET repl-diskless-sync-delay 0",
            ] {
                assert!(!conn.line(line).starts_with('-'), "{kind:?}: {line}");
            }
            conn.ask(&["SET", "bin\u{1} key", "v"]);
        }
        let file = pair.servers[0].dir.join("snapshot").display().to_string();
        for line in [
            // Before anything else is counted as a use.
            "--hotkeys".to_owned(),
            "--scan".into(),
            "--scan --pattern [abc]".into(),
            "--scan --no-raw".into(),
            "--scan --pattern nosuch*".into(),
            "--bigkeys".into(),
            "--bigkeys -i 0.01".into(),
            "--memkeys".into(),
            "--memkeys-samples 3".into(),
            format!("--rdb {file}"),
            format!("--functions-rdb {file}"),
            "--rdb /nosuch/file".into(),
            "-x set y".into(),
        ] {
            let [theirs, ours] = pair.both(&words(&line), b"input").map(|(code, out, err)| {
                // Which were the biggest on the way depends on the order of keys, which each server has its own.
                let mut lines: Vec<String> =
                    out.split("\\n").filter(|line| !line.contains(" found so far ")).map(settled).collect();
                lines.sort();
                (code, lines, settled(&err))
            });
            assert_eq!(theirs, ours, "{kind:?}: {line}");
        }
    }
}

/// Without the figures that depend on whose replica asked first, and on how memory was laid out.
fn settled(line: &str) -> String {
    let cut = |line: &str, from: &str, to: &str| match line.split_once(from) {
        Some((before, rest)) => match rest.split_once(to) {
            Some((_, after)) => format!("{before}{from}N{to}{after}"),
            None => line.to_owned(),
        },
        None => line.to_owned(),
    };
    let line = cut(&cut(line, "with success after ", " bytes"), "SYNC sent to master, writing ", " bytes");
    // What a stream takes is not the same in two servers of one kind.
    let line = cut(&line, "streams with ", " bytes");
    cut(&cut(&line, "% of keys, avg size 4", ")"), "Biggest stream found \\'\\\"x\\\"\\' has ", " bytes")
}

/// The debugger of scripts: lines to it, its own back, until the script has ended and the session is an ordinary one.
#[test]
fn scripts_step_by_step() {
    for kind in [Kind::Redis, Kind::Valkey] {
        let Some(pair) = Pair::start(kind) else { return };
        let dir = &pair.servers[0].dir;
        let script = dir.join("steps.lua");
        std::fs::write(
            &script,
            "local a = redis.call('set', KEYS[1], ARGV[1])\nlocal b = {1, 2, 'x\\27[2J'}\nredis.breakpoint()\nredis.debug(b)\n\
             return {KEYS[1], b, redis.error_reply('MY err')}\n",
        )
        .expect("a script");
        let bad = dir.join("bad.lua");
        std::fs::write(&bad, "retur n").expect("a script");
        for (flag, file, input) in [
            (
                "--ldb",
                &script,
                "s\np a\nw\nb 4\nb\nc\ne return redis.call('get', 'k')\nr get k\ntrace\nnosuch\n\"open\nc\nc\nget k\n",
            ),
            ("--ldb", &script, "2 s\nhelp\nquit\nget k\n"),
            ("--ldb", &script, "abort\nping\n"),
            ("--ldb", &script, "s\nrestart\nc\nc\nping\n"),
            ("--ldb", &script, ""),
            ("--ldb", &bad, "ping\n"),
            ("--ldb-sync-mode", &script, "c\nc\nget k\n"),
        ] {
            let line = format!("{flag} --eval {} k , v", file.display());
            let [theirs, ours] = pair.both(&words(&line), input.as_bytes());
            // What a script holds is escaped by us, and by redis-cli not.
            let theirs = (theirs.0, theirs.1.replace("x\\x1b[2J", "x\\\\x1b[2J"), theirs.2);
            assert_eq!(theirs, ours, "{kind:?} {flag} {input:?}");
        }
        let [theirs, ours] = pair.both(&words("--ldb ping"), b"");
        // It tells the path that it was started by.
        let theirs = (theirs.0, theirs.1, theirs.2.replace(&pair.theirs.display().to_string(), "redis-cli"));
        assert_eq!(theirs, ours);
    }
    // A server without a debugger says so, and nothing is run.
    let Some(pair) = Pair::start(Kind::Rustredis) else { return };
    let script = pair.servers[0].dir.join("script.lua");
    std::fs::write(&script, "return redis.call('set', 'ran', '1')").expect("a script");
    let [_, (code, _, err)] = pair.both(&words(&format!("--ldb --eval {}", script.display())), b"");
    assert!(code == Some(1) && err.starts_with("Scripts cannot be debugged there: ERR"), "{err}");
    assert_eq!(pair.servers[1].connect().line("EXISTS ran"), ":0\\r\\n");
}

/// `-4` and `-6` choose among a name's addresses.
#[test]
fn families_of_addresses() {
    let server = Server::rustredis();
    for (line, want) in [
        ("-4 -h 127.0.0.1", Some(0)),
        ("-6 -h 127.0.0.1", Some(1)),
        ("-4 -h ::1", Some(1)),
        ("-4 -h localhost", Some(0)),
    ] {
        let mut command = super::ours();
        command.args(["-p", &server.port.to_string()]).args(line.split(' ')).arg("ping");
        assert_eq!(command.output().expect("a client").status.code(), want, "{line}");
    }
}
