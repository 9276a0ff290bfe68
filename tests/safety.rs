//! What keeps a server safe from its users and, when all else fails, tells what happened: renamed and locked commands, secrets
//! that stay secret, browsers sent away, logs that rotate, reports of crashes.

mod common;

use common::{Conn, Kind, Options, Server, find, skip};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::Command;
use std::time::{Duration, Instant};

fn server(args: &str) -> Server {
    Server::start(Kind::Rustredis, &Options::args(args))
}

fn log_has(server: &Server, text: &str) {
    let deadline = Instant::now() + common::PATIENCE;
    while !server.log().contains(text) {
        assert!(Instant::now() < deadline, "no '{text}' in the log:\n{}", server.log());
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn crashes_leave_a_report() {
    for (word, heading, signal) in [
        ("PANIC", "Guru Meditation: DEBUG PANIC was called", libc_signal::ABRT),
        ("ASSERT", "Guru Meditation: DEBUG PANIC was called", libc_signal::ABRT),
        ("SEGFAULT", "crashed by signal: 11", libc_signal::SEGV),
        // Nothing is left of the thread's own stack to tell it on.
        ("STACK-OVERFLOW", "crashed by signal: 11", libc_signal::SEGV),
        ("OOM", "", libc_signal::ABRT),
    ] {
        let mut server = server("--threads 2");
        let mut c = server.connect();
        c.line("SET before 1");
        c.line("CLIENT SETNAME unlucky");
        c.send(&["DEBUG", word]).expect("sent");
        assert!(c.read_to_close().is_empty(), "{word}");
        let status = server.wait(common::PATIENCE).expect("it ends");
        let log = server.log();
        assert!(!status.success(), "{word}: {status}\n{log}");
        if word == "OOM" {
            continue;
        }
        assert_eq!(status.signal(), Some(signal), "{word}: {status}\n{log}");
        let mut at = 0;
        for part in [
            "=== REDIS BUG REPORT START: Cut & paste starting from here ===",
            heading,
            "------ STACK TRACE ------",
            // A frame of ours, by name.
            "rustredis::",
            "------ INFO OUTPUT ------",
            "------ CLIENT LIST OUTPUT ------",
            "name=unlucky",
            "=== REDIS BUG REPORT END.",
        ] {
            let found = log[at..].find(part);
            at += found.unwrap_or_else(|| panic!("{word}: no '{part}' after byte {at} of\n{log}"));
        }
        if signal != libc_signal::SEGV {
            for part in [
                "redis_version:",
                "cmdstat_set:calls=1",
                "db0:keys=1",
                "------ CURRENT CLIENT INFO ------",
                "argv[0]: '\"DEBUG\"'",
            ] {
                assert!(log.contains(part), "{word}: no '{part}' in\n{log}");
            }
        }
    }
}

/// The numbers of signals, which are the same on all systems that we run on.
mod libc_signal {
    pub const ABRT: i32 = 6;
    pub const SEGV: i32 = 11;
}

#[test]
fn a_report_can_be_switched_off_but_not_the_end() {
    let mut server = server("--threads 1 --crash-log-enabled no");
    let mut c = server.connect();
    c.send(&["DEBUG", "PANIC"]).expect("sent");
    assert!(c.read_to_close().is_empty());
    let status = server.wait(common::PATIENCE).expect("it ends");
    assert!(!status.success() && !server.log().contains("BUG REPORT"), "{status}\n{}", server.log());
}

/// As Redis 7.0 shows it, asked side by side where it is installed.
#[test]
fn renamed_commands() {
    let lines = [
        vec!["--rename-command", "GET", "FOO"],
        vec!["--rename-command", "CONFIG", ""],
        vec!["--rename-command", "SET", "GET2"],
        vec!["--rename-command", "EXEC", "GO"],
        vec!["--rename-command", "AUTH", "SESAME"],
    ];
    let args: Vec<String> = lines.concat().into_iter().map(str::to_owned).collect();
    let options = || Options { args: args.clone(), ..Options::default() };
    let ours = Server::start(Kind::Rustredis, &options());
    let theirs = match find(Kind::Redis) {
        Some(_) => Some(Server::start(Kind::Redis, &options())),
        None => {
            skip("redis-server", Kind::Redis.how_to_install());
            None
        }
    };
    let mut ours = ours.connect();
    let mut theirs = theirs.as_ref().map(Server::connect);
    for line in [
        "GET a",
        "FOO a",
        "GET2 a 1",
        "FOO a",
        "FOO",
        "CONFIG GET maxmemory",
        "COMMAND INFO GET",
        "COMMAND GETKEYS FOO a",
        "COMMAND GETKEYS GET a",
        "COMMAND LIST FILTERBY PATTERN config*",
        "ACL SETUSER u on nopass +get ~*",
        "ACL SETUSER v +foo",
        "ACL DRYRUN u FOO a",
        "ACL DRYRUN u GET a",
        "EVAL return(redis.call('FOO','a')) 0",
        "MULTI",
        "FOO a",
        "EXEC",
        "GO",
        "SESAME u x",
        "FOO a",
        "GET2 a 2",
    ] {
        let got = ours.line(line);
        if let Some(theirs) = &mut theirs {
            // Redis 7.4 names the user.
            assert_eq!(got.replace("User u has", "this user has"), theirs.line(line), "{line}");
        }
    }
    assert_eq!(ours.line("SESAME default x").split(' ').next(), Some("+OK\\r\\n"));
    let user = ours.line("ACL GETUSER u");
    assert!(user.contains("+get"), "by its own name, as in Redis: {user}");
    let info = ours.line("INFO commandstats");
    assert!(info.contains("cmdstat_get:") && !info.contains("cmdstat_foo"), "{info}");
}

#[test]
fn monitors_and_slow_logs_show_renamed_commands_as_they_were_called() {
    let options = Options {
        args: [
            "--rename-command",
            "SET",
            "PUT",
            "--rename-command",
            "AUTH",
            "SESAME",
            "--slowlog-log-slower-than",
            "0",
        ]
        .map(str::to_owned)
        .to_vec(),
        ..Options::default()
    };
    let server = Server::start(Kind::Rustredis, &options);
    let (mut c, mut monitor) = (server.connect(), server.connect());
    assert_eq!(monitor.line("MONITOR"), "+OK\\r\\n");
    c.line("PUT a 1");
    c.line("SESAME default topsecret");
    c.line("PING");
    let mut seen = String::new();
    while !seen.contains("PING") {
        seen.push_str(&String::from_utf8_lossy(&monitor.read_reply().expect("a line")));
    }
    assert!(seen.contains("\"PUT\" \"a\" \"1\"") && !seen.contains("topsecret"), "{seen}");
    let slow = c.line("SLOWLOG GET 20");
    assert!(slow.contains("PUT") && !slow.contains("topsecret"), "{slow}");
    // Redis's server does not start either.
    for (words, why) in
        [(["nosuch", "x"], "No such command in rename-command"), (["get", "set"], "Target command name already exists")]
    {
        let program = find(Kind::Rustredis).expect("ours");
        let out = Command::new(program).args(["serve", "--port", "0", "--rename-command"]).args(words).output();
        let out = out.expect("it runs");
        let text = String::from_utf8_lossy(&[out.stdout, out.stderr].concat()).into_owned();
        assert!(!out.status.success() && text.contains(why), "{text}");
    }
}

/// Logs written under new names are read again; so are effects, which have commands' own names.
#[test]
fn a_log_of_renamed_commands_is_loaded() {
    let options = Options {
        args: ["--rename-command", "SET", "PUT", "--rename-command", "DEL", "GONE", "--appendonly", "yes"]
            .map(str::to_owned)
            .to_vec(),
        ..Options::default()
    };
    let server = Server::start(Kind::Rustredis, &options);
    let mut c = server.connect();
    for line in ["PUT a 1", "PUT b 1 PX 1", "PUT c 1", "GONE c", "INCRBYFLOAT f 0.5"] {
        c.line(line);
    }
    std::thread::sleep(Duration::from_millis(20));
    c.line("GET b");
    assert_eq!(c.line("DEBUG LOADAOF"), "+OK\\r\\n");
    assert_eq!(c.line("DBSIZE"), ":2\\r\\n");
    assert_eq!(c.line("GET f"), "$3\\r\\n0.5\\r\\n");
}

/// Commands and directives that only configuration opens, in Redis's very words.
#[test]
fn locked_commands_and_directives() {
    let kinds = [Kind::Rustredis, Kind::Redis].into_iter().filter(|k| find(*k).is_some());
    let mut heard: Vec<Vec<String>> = Vec::new();
    for kind in kinds {
        let server = Server::start(kind, &Options { no_debug: true, ..Options::default() });
        let mut c = server.connect();
        heard.push(
            [
                "DEBUG SLEEP 0",
                "DEBUG HELP",
                "DEBUG NOSUCH",
                "MODULE LOAD /tmp/x.so",
                "MODULE LIST",
                "MODULE UNLOAD x",
                "CONFIG SET dir /tmp",
                "CONFIG SET dbfilename x.rdb",
                "CONFIG SET enable-debug-command yes",
                "CONFIG GET enable-protected-configs",
            ]
            .map(|line| c.line(line))
            .to_vec(),
        );
        let local = Server::start(
            kind,
            &Options {
                no_debug: true,
                ..Options::args("--enable-debug-command local --enable-protected-configs local")
            },
        );
        let mut c = local.connect();
        heard.last_mut().expect("pushed").extend(["DEBUG SLEEP 0", "CONFIG SET dir /tmp"].map(|line| c.line(line)));
    }
    if heard.len() < 2 {
        return skip("redis-server", Kind::Redis.how_to_install());
    }
    assert_eq!(heard[0], heard[1]);
    assert!(heard[0][0].contains("DEBUG command not allowed"), "{:?}", heard[0]);
}

#[test]
fn secrets_stay_out_of_sight() {
    let server = server("--threads 1 --slowlog-log-slower-than 0 --loglevel debug");
    let (mut c, mut monitor) = (server.connect(), server.connect());
    assert_eq!(monitor.line("MONITOR"), "+OK\\r\\n");
    const SECRET: &str = "hunter2hunter2";
    let mut answers = String::new();
    for line in [
        format!("AUTH {SECRET}"),
        format!("AUTH nobody {SECRET}"),
        format!("HELLO 2 AUTH default {SECRET}"),
        format!("HELLO 2 SETNAME x AUTH nobody {SECRET}"),
        format!("ACL SETUSER someone on >{SECRET} ~* +@all"),
        format!("ACL SETUSER someone <{SECRET}x"),
        format!(
            "CONFIG SET masterauth {SECRET} masteruser {SECRET} tls-key-file-pass {SECRET} tls-client-key-file-pass {SECRET}"
        ),
        format!("CONFIG SET requirepass {SECRET} maxmemory-policy nosuch"),
        "PING".to_owned(),
    ] {
        let answer = c.line(&line);
        // As Redis does, the rule that was refused is quoted to whoever sent it.
        if !line.contains('<') {
            answers.push_str(&answer);
        }
    }
    let mut seen = String::new();
    while !seen.contains("PING") {
        seen.push_str(&String::from_utf8_lossy(&monitor.read_reply().expect("a line")));
    }
    for (what, text) in [
        ("answers", answers),
        ("MONITOR", seen),
        ("SLOWLOG", c.line("SLOWLOG GET -1")),
        ("ACL LOG", c.line("ACL LOG")),
        ("CLIENT LIST", c.line("CLIENT LIST")),
        ("INFO", c.line("INFO everything")),
        ("ACL LIST", c.line("ACL LIST")),
        ("the log", server.log()),
    ] {
        assert!(!text.contains(SECRET), "{what}: {text}");
    }
}

/// Whoever sets what has no effect is told so, at start and later.
#[test]
fn directives_without_effect_are_named() {
    let server = server("--threads 1 --lazyfree-lazy-expire yes --key-load-delay 1");
    log_has(&server, "'lazyfree-lazy-expire' is understood and shown, but has no effect in this server: large values");
    let mut c = server.connect();
    for (name, value) in [
        ("tls-dh-params-file", "x.pem"),
        ("tls-auth-clients-user", "CN"),
        ("sanitize-dump-payload", "yes"),
        ("hz", "100"),
    ] {
        assert_eq!(c.line(&format!("CONFIG SET {name} {value}")), "+OK\\r\\n", "{name}");
        log_has(&server, &format!("'{name}' is understood and shown, but has no effect"));
    }
    let before = server.log().matches("has no effect").count();
    // What it is by default asks for nothing.
    for line in ["CONFIG SET hz 10", "CONFIG SET maxmemory-samples 7"] {
        assert_eq!(c.line(line), "+OK\\r\\n");
    }
    assert_eq!(server.log().matches("has no effect").count(), before);
}

/// `propagation-error-behavior`: a replica whose data turns out to differ, and a log that does not fit, can be the end.
#[test]
fn commands_that_fail_a_second_time_can_be_the_end() {
    let primary = server("--threads 1");
    let args = format!("--threads 1 --replicaof 127.0.0.1 {}", primary.port);
    let mut strict = server(&format!("{args} --propagation-error-behavior panic-on-replicas"));
    let lenient = server(&args);
    let mut c = primary.connect();
    c.line("SET s text");
    for replica in [&strict, &lenient] {
        let deadline = Instant::now() + common::PATIENCE;
        while replica.connect().line("GET s") != "$4\\r\\ntext\\r\\n" {
            assert!(Instant::now() < deadline, "{}", replica.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }
    assert_eq!(c.line("DEBUG REPLICATE INCR s"), "+OK\\r\\n");
    let status = strict.wait(common::PATIENCE).expect("it ends");
    assert!(!status.success() && strict.log().contains("Guru Meditation: a command of the primary failed"), "{status}");
    log_has(&lenient, "== CRITICAL == A command of the primary failed here: 'ERR value is not an integer");
    assert_eq!(lenient.connect().line("GET s"), "$4\\r\\ntext\\r\\n");

    for behavior in ["ignore", "panic"] {
        let logged = server("--threads 1 --appendonly yes");
        let mut c = logged.connect();
        c.line("SET s text");
        c.line("DEBUG REPLICATE INCR s");
        c.line(&format!("CONFIG SET propagation-error-behavior {behavior}"));
        c.line("CONFIG SET key-load-delay 100000");
        let began = Instant::now();
        c.send(&["DEBUG", "LOADAOF"]).expect("sent");
        if behavior == "ignore" {
            assert_eq!(c.read_reply().expect("a reply"), b"+OK\r\n");
            assert!(began.elapsed() >= Duration::from_millis(200), "key-load-delay: {:?}", began.elapsed());
            log_has(&logged, "== CRITICAL == A command of the append-only file failed here");
        } else {
            assert!(c.read_to_close().is_empty());
            log_has(&logged, "Guru Meditation: a command of the append-only file failed");
        }
    }
}

#[test]
fn browsers_are_sent_away() {
    let server = server("--threads 1");
    for said in ["POST / HTTP/1.1\r\nHost: x\r\n\r\nSET a 1\r\n", "Host: x\r\nSET a 1\r\n"] {
        let mut c = server.connect();
        c.send_raw(said.as_bytes()).expect("sent");
        assert!(c.read_to_close().is_empty());
    }
    log_has(&server, "Possible SECURITY ATTACK detected.");
    assert_eq!(server.connect().line("EXISTS a"), ":0\\r\\n");
    // Once a minute is enough.
    assert_eq!(server.log().matches("SECURITY ATTACK").count(), 1);
}

/// SIGTERM waits for a script that does not end, until somebody ends the script; who says SIGINT twice insists. As Redis does, asked
/// side by side where it is installed.
#[test]
fn signals_while_a_script_does_not_end() {
    for kind in [Kind::Rustredis, Kind::Redis] {
        if find(kind).is_none() {
            skip("redis-server", Kind::Redis.how_to_install());
            continue;
        }
        let threads = if kind == Kind::Rustredis { "--threads 2 " } else { "" };
        for (signals, code) in [(&["TERM", "TERM"][..], 0), (&["INT", "INT"], 1), (&["TERM", "INT"], 1)] {
            let mut server = Server::start(kind, &Options::args(&format!("{threads}--busy-reply-threshold 50")));
            let mut runs = server.connect();
            runs.send(&["EVAL", "while true do end", "0"]).expect("sent");
            let mut other = server.connect();
            let deadline = Instant::now() + common::PATIENCE;
            while !other.line("PING").starts_with("-BUSY") {
                assert!(Instant::now() < deadline, "{kind:?}: the script does not run");
            }
            for (nth, name) in signals.iter().enumerate() {
                common::kill(server.pid(), name);
                let deadline = Instant::now() + common::PATIENCE;
                while !server.log().contains("scheduling shutdown") {
                    assert!(Instant::now() < deadline, "{kind:?}: {}", server.log());
                    std::thread::sleep(Duration::from_millis(5));
                }
                // Redis notes that it is to stop after it has said so, and answers nobody between.
                if nth == 0 {
                    assert!(other.line("PING").starts_with("-BUSY"), "{kind:?}");
                }
            }
            if code == 0 {
                assert!(other.line("PING").starts_with("-BUSY"), "{kind:?}");
                assert!(server.alive(), "{kind:?}");
                assert_eq!(other.line("SCRIPT KILL"), "+OK\\r\\n", "{kind:?}");
            }
            let status = server.wait(common::PATIENCE).expect("it ends");
            assert_eq!(status.code(), Some(code), "{kind:?} {signals:?}: {}", server.log());
            assert_eq!(server.log().contains("You insist... exiting now."), code == 1, "{}", server.log());
        }
    }
}

/// Whoever rotates the log moves it away and says SIGHUP; nothing is lost, and the server lives on.
#[test]
fn the_log_is_opened_again() {
    let dir = std::env::temp_dir().join(format!("rustredis-rotate-{}", std::process::id()));
    std::fs::create_dir_all(&dir).expect("a directory");
    let file = dir.join("server.log");
    let mut server = server(&format!("--threads 1 --logfile {}", file.display()));
    let mut c = server.connect();
    let read = |name: &str| std::fs::read_to_string(dir.join(name)).unwrap_or_default();
    let say = |c: &mut Conn, what: &str| assert_eq!(c.ask(&["DEBUG", "LOG", what]), b"+OK\r\n");
    say(&mut c, "first");
    std::fs::rename(&file, dir.join("server.log.1")).expect("moved");
    common::kill(server.pid(), "HUP");
    let deadline = Instant::now() + common::PATIENCE;
    // With the next line that is written.
    while !file.exists() {
        assert!(Instant::now() < deadline, "it is not opened again");
        say(&mut c, "meanwhile");
    }
    say(&mut c, "second");
    assert!(server.alive());
    assert!(read("server.log.1").contains("DEBUG LOG: first") && !read("server.log.1").contains("second"));
    assert!(read("server.log").contains("DEBUG LOG: second"));
    let _ = std::fs::remove_dir_all(&dir);
}

/// Without a password only this host is served; others are told so in words that begin as Redis's do, which tools look for.
#[test]
fn strangers_are_told_of_protected_mode() {
    // The address that this machine has for others. Nothing is sent.
    let outside =
        std::net::UdpSocket::bind("0.0.0.0:0").and_then(|s| s.connect("192.0.2.1:9").and_then(|()| s.local_addr()));
    let Some(ip) = outside.ok().map(|address| address.ip()).filter(|ip| !ip.is_loopback() && !ip.is_unspecified())
    else {
        eprintln!("skipped: this machine has no address but its own");
        return;
    };
    let knock = |server: &Server| {
        let mut stream = std::net::TcpStream::connect((ip, server.port)).expect("a connection");
        stream.set_read_timeout(Some(common::PATIENCE)).expect("a timeout");
        let _ = stream.write_all(b"PING\r\n"); // it may be closed already
        let mut reply = String::new();
        let _ = BufReader::new(stream).read_line(&mut reply); // what came before a reset counts
        reply.split('.').next().unwrap_or_default().to_owned()
    };
    let server = server("--bind 0.0.0.0");
    let refused = knock(&server);
    assert!(refused.starts_with("-DENIED Redis is running in protected mode"), "{refused}");
    if common::find(Kind::Redis).is_some() {
        assert_eq!(refused, knock(&Server::start(Kind::Redis, &Options::args("--bind 0.0.0.0"))));
    } else {
        common::skip("Redis", Kind::Redis.how_to_install());
    }
    let mut c = server.connect();
    assert_eq!(c.line("CONFIG SET requirepass secret"), "+OK\\r\\n");
    assert!(knock(&server).starts_with("-NOAUTH"));
    assert_eq!(c.ask(&["CONFIG", "SET", "requirepass", "", "protected-mode", "no"]), b"+OK\r\n");
    assert_eq!(knock(&server), "+PONG\r\n");
}
