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

#[test]
fn troubles_say_what_where_and_what_next() {
    let folder = Folder(std::env::temp_dir().join(format!("rustredis-trouble-{}", std::process::id())));
    std::fs::create_dir_all(folder.0.join("empty")).expect("a folder");
    std::fs::write(folder.0.join("wrong.conf"), "port 0\nmaxmemroy 1gb\n").expect("a file");
    std::fs::write(folder.0.join("wrong.rdb"), "REDIS0011 and then something else").expect("a file");
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
        (&["rdb", "check", "missing.rdb"], 1, &["missing.rdb", "No such file"]),
        (&["rdb", "dump", "empty"], 1, &["empty", "directory"]),
        (&["rdb", "stats", "wrong.rdb"], 1, &["offset 10"]),
        (&["aof", "check", "missing"], 1, &["missing", "No such file"]),
        (&["aof", "dump", "empty"], 1, &["empty has no manifest", "first base"]),
        (&["cli", "-p", &free, "ping"], 1, &["127.0.0.1", &free, "Connection refused"]),
        (&["cli", "-h", "no.such.host.invalid", "ping"], 1, &["no.such.host.invalid", "not known"]),
        // As redis-cli has it: refused commands are printed, and are no failure of the client's.
        (&["cli", "-p", &taken, "get", "a"], 0, &["NOAUTH Authentication required."]),
        (&["cli", "-p", &taken, "-a", "wrong", "get", "a"], 0, &["AUTH failed", "WRONGPASS"]),
        (&["bench", "-p", &free, "-n", "10", "-q"], 1, &["127.0.0.1", &free, "Connection refused"]),
        (&["bench", "-p", &taken, "-a", "wrong", "-n", "10", "-q", "-t", "get"], 1, &["WRONGPASS"]),
        (&["bench", "-p", &taken, "-n", "10", "-q", "-t", "get"], 0, &["errors NOAUTH: 10"]),
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
