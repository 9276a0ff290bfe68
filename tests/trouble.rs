//! What goes wrong before anything works: a port that is taken, a mistake in a configuration, a file that is not there or not what it
//! should be, a wrong password, no server. Each says what happened, where, and mostly what to do next, and ends with a status of failure.

mod common;

use common::{Kind, Options, Server, find, free_port};
use std::path::PathBuf;
use std::process::Command;

struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Runs ours in `folder`; its exit status and all that it said.
fn said(folder: &Folder, words: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(find(Kind::Rustredis).expect("our own binary"));
    let output = command.args(words).current_dir(&folder.0).output().expect("it runs");
    let text = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8_lossy(&text).into_owned())
}

/// Files of the wrong kind, and configurations with a mistake.
const FILES: &[(&str, &[u8])] = &[
    ("dump.rdb.gz", b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\x0b"),
    ("short.txt", b"hello"),
    ("nothing.rdb", b""),
    ("words.aof", b"*1\r\n$4\r\nPING\r\n*2\r\n$3\r\nGET\r\n$1\r"),
    ("appendonly.aof.manifest", b"file appendonly.aof.1.incr.aof seq 1 type i\n"),
    ("future.rdb", b"REDIS0099\xff\0\0\0\0\0\0\0\0"),
    ("loop.conf", b"include other.conf\n"),
    ("other.conf", b"# here\ninclude loop.conf\n"),
    ("away.conf", b"port 0\ninclude nowhere.conf\n"),
    ("module.conf", b"loadmodule /usr/lib/redis/search.so\n"),
    ("quote.conf", b"requirepass \"secret\n"),
    ("user.conf", b"user alice on >x +@nosuch ~*\n"),
];

#[test]
fn troubles_say_what_where_and_what_next() {
    let folder = Folder(std::env::temp_dir().join(format!("rustredis-trouble-{}", std::process::id())));
    std::fs::create_dir_all(folder.0.join("empty")).expect("a folder");
    std::fs::write(folder.0.join("wrong.conf"), "port 0\nmaxmemroy 1gb\n").expect("a file");
    std::fs::write(folder.0.join("wrong.rdb"), "REDIS0011 and then something else").expect("a file");
    for (name, text) in FILES {
        std::fs::write(folder.0.join(name), text).expect("a file");
    }
    let server = Server::start(Kind::Rustredis, &Options::args("--requirepass secret"));
    let taken = server.port.to_string();
    // A port where nobody listens: it was free a moment ago.
    let free = free_port().to_string();
    let wrong_rdb = ["serve", "--port", &free, "--dbfilename", "wrong.rdb"];
    let cases: &[(&[&str], i32, &[&str])] = &[
        (
            &["serve", "--bind", "127.0.0.1", "--port", &taken],
            1,
            &["Address already in use", &taken, "name another port (--port)"],
        ),
        (&["serve", "wrong.conf"], 1, &["wrong.conf", "line 2", "maxmemroy 1gb", "did you mean 'maxmemory'"]),
        (
            &["serve", "--maxmemory-polcy", "x"],
            1,
            &["maxmemory-polcy", "the command line", "did you mean 'maxmemory-policy'"],
        ),
        (&["serve", "missing.conf"], 1, &["missing.conf", "No such file"]),
        (&["serve", "--port", &free, "--dir", "missing"], 1, &["'missing'", "No such file", "--dir"]),
        (&wrong_rdb, 1, &["at offset 10", "wrong.rdb", "rustredis rdb check", "rdb salvage"]),
        (&["serve", "loop.conf"], 1, &["'loop.conf'", "it includes itself", "included in other.conf, at line 2"]),
        (&["serve", "away.conf"], 1, &["'nowhere.conf'", "No such file", "included in away.conf, at line 2"]),
        (&["serve", "module.conf"], 1, &["in module.conf", "line 1", "modules cannot be loaded", "Remove the line"]),
        (&["serve", "quote.conf"], 1, &["in quote.conf", "line 1", "Unbalanced quotes"]),
        (&["serve", "user.conf", "--port", &free], 1, &["alice", "+@nosuch"]),
        (&["serve", "empty"], 1, &["'empty'", "Is a directory"]),
        (&["serve", "--port", "70000"], 1, &["70000", "between 0 and 65535", "the command line"]),
        (&["serve", "--logfile", "missing/log"], 1, &["'missing/log'", "No such file", "--logfile"]),
        (&["serve", "--port", "0", "--unixsocket", "missing/s"], 1, &["missing/s", "No such file", "--unixsocket"]),
        (
            &["serve", "--port", &free, "--bind", "192.0.2.1"],
            1,
            &["192.0.2.1", "is no address of this machine", "--bind"],
        ),
        (&["serve", "--port", &free, "--appendonly", "yes", "--dir", "/proc"], 1, &["'appendonlydir'"]),
        (&["serve", "--port", "0", "--tls-port", &free], 1, &["tls-cert-file"]),
        (
            &["rdb", "dump", "dump.rdb.gz"],
            1,
            &["dump.rdb.gz", "compressed", "gzip -dc dump.rdb.gz | rustredis rdb dump -"],
        ),
        (&["rdb", "check", "dump.rdb.gz"], 1, &["dump.rdb.gz", "compressed", "gzip -dc"]),
        (&["rdb", "stats", "short.txt"], 1, &["short.txt", "begins with REDIS"]),
        (&["rdb", "dump", "nothing.rdb"], 1, &["nothing.rdb", "is empty"]),
        (&["rdb", "dump", "words.aof"], 1, &["words.aof", "append-only", "rustredis aof check words.aof"]),
        (&["rdb", "diff", "words.aof", "words.aof"], 2, &["words.aof", "append-only"]),
        (&["rdb", "dump", "appendonly.aof.manifest"], 1, &["manifest", "folder"]),
        (&["rdb", "dump", "wrong.rdb"], 1, &["wrong.rdb", "offset", "rdb salvage wrong.rdb -o"]),
        (&["rdb", "check", "future.rdb"], 1, &["version 99"]),
        (&["rdb", "dump", "future.rdb"], 1, &["future.rdb", "version 99", "later version wrote it"]),
        (&["rdb", "dump", "short.txt", "--format", "yaml"], 2, &["yaml", "ndjson"]),
        (&["aof", "dump", "dump.rdb.gz"], 1, &["dump.rdb.gz", "compressed", "gzip -d"]),
        (&["aof", "dump", "short.txt"], 1, &["short.txt", "begins with '*'"]),
        (&["aof", "stats", "words.aof"], 1, &["words.aof", "offset 30", "aof check", "aof recover"]),
        (&["cli", "-p", "70000", "ping"], 1, &["Invalid server port"]),
        (&["cli", "-u", "http://localhost", "ping"], 1, &["Invalid URI scheme"]),
        (&["cli", "-s", "missing/s", "ping"], 1, &["missing/s", "No such file"]),
        (&["cli", "--nosuch", "ping"], 1, &["--nosuch"]),
        (&["cli", "-p", &free, "--eval", "missing.lua"], 1, &["missing.lua", "No such file"]),
        (&["bench", "-p", &free, "--workload", "missing"], 1, &["missing", "session-store"]),
        (&["rdb", "check", "missing.rdb"], 1, &["missing.rdb", "No such file"]),
        (&["rdb", "dump", "empty"], 1, &["empty", "directory"]),
        (&["rdb", "stats", "wrong.rdb"], 1, &["offset 10"]),
        (&["aof", "check", "missing"], 1, &["missing", "No such file"]),
        (&["aof", "dump", "empty"], 1, &["empty has no manifest", "first base"]),
        (&["cli", "-p", &free, "ping"], 1, &["127.0.0.1", &free, "Connection refused", "rustredis serve", "-p PORT"]),
        // Not known, or, without a network, not to be known now.
        (&["cli", "-h", "no.such.host.invalid", "ping"], 1, &["no.such.host.invalid", "Could not connect", "-h HOST"]),
        // As redis-cli has it: refused commands are printed, and are no failure of the client's.
        (&["cli", "-p", &taken, "get", "a"], 0, &["NOAUTH Authentication required."]),
        (&["cli", "-p", &taken, "-a", "wrong", "get", "a"], 0, &["AUTH failed", "WRONGPASS", "--askpass"]),
        (&["bench", "-p", &free, "-n", "10", "-q"], 1, &["127.0.0.1", &free, "Connection refused", "rustredis serve"]),
        (&["bench", "-p", &taken, "-a", "wrong", "-n", "10", "-q", "-t", "get"], 1, &["WRONGPASS"]),
        (&["bench", "-p", &taken, "-n", "10", "-q", "-t", "get"], 1, &[&taken, "NOAUTH Authentication required"]),
        (&["srve"], 2, &["srve", "'serve'", "--help"]),
        (&["rdb", "chek", "x"], 2, &["chek", "'check'", "--help"]),
    ];
    let mut faults = Vec::new();
    for (words, status, parts) in cases {
        let (code, text) = said(&folder, words);
        let missing: Vec<&&str> = parts.iter().filter(|part| !text.contains(**part)).collect();
        if code != Some(*status) || !missing.is_empty() {
            faults.push(format!("{words:?}: status {code:?}, missing {missing:?} in\n{text}"));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// Whoever starts a server in the background may close the terminal as soon as that command has ended.
#[test]
fn a_server_in_the_background_has_a_session_of_its_own_when_its_starter_ends() {
    let folder = Folder(std::env::temp_dir().join(format!("rustredis-daemon-{}", std::process::id())));
    std::fs::create_dir_all(&folder.0).expect("a folder");
    let words = "serve --port 0 --unixsocket s --daemonize yes --logfile log --pidfile";
    let words: Vec<&str> = words.split(' ').chain([""]).collect();
    let (code, text) = said(&folder, &words);
    assert_eq!(code, Some(0), "{text}");
    let here = folder.0.canonicalize().expect("it is there");
    let processes = std::fs::read_dir("/proc").expect("Linux").flatten().filter_map(|entry| {
        let id: u32 = entry.file_name().to_str()?.parse().ok()?;
        (std::fs::read_link(entry.path().join("cwd")).ok()? == here).then_some(id)
    });
    let found: Vec<u32> = processes.collect();
    let sessions: Vec<String> = found
        .iter()
        .map(|id| {
            let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).expect("it runs");
            // Behind the name in brackets: state, parent, group, session.
            let (_, rest) = stat.rsplit_once(") ").expect("a name");
            rest.split(' ').nth(3).expect("a session").to_owned()
        })
        .collect();
    for id in &found {
        common::kill(*id, "9");
    }
    assert_eq!(sessions, found.iter().map(ToString::to_string).collect::<Vec<_>>());
    assert_eq!(found.len(), 1);
}
