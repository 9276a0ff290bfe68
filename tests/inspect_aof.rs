//! `rustredis aof …`, and what it does under the name of redis-check-aof, compared with Redis's own where that is there.

mod common;

use assert_cmd::Command;
use std::path::{Path, PathBuf};
use std::process::Output;

/// A folder of this test's own, removed when it is dropped.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("rustredis-aof-{}-{name}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path); // of a run that was killed
        std::fs::create_dir_all(&path).expect("a folder");
        Folder(path)
    }

    fn file(&self, name: &str, bytes: &[u8]) {
        std::fs::write(self.0.join(name), bytes).expect("a file");
    }

    fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.0.join(name)).expect("a file")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn command(words: &[&str]) -> Vec<u8> {
    let mut out = format!("*{}\r\n", words.len());
    words.iter().for_each(|word| out.push_str(&format!("${}\r\n{word}\r\n", word.len())));
    out.into_bytes()
}

fn good() -> Vec<u8> {
    [command(&["SELECT", "0"]), command(&["SET", "a", "1"]), command(&["SET", "b", "2"])].concat()
}

fn stamped() -> Vec<u8> {
    let two = command(&["SET", "b", "2"]);
    [b"#TS:100\r\n", &*command(&["SELECT", "0"]), &command(&["SET", "a", "1"]), b"#TS:200\r\n", &two].concat()
}

fn snapshot() -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/rdb/redis-7.0.15.rdb")).expect("a fixture")
}

/// Files, each with something else about it.
fn files() -> Vec<(&'static str, Vec<u8>)> {
    let behind = |bytes: &[u8]| [&*good(), bytes].concat();
    let multi = [command(&["MULTI"]), command(&["SET", "a", "1"])].concat();
    vec![
        ("good", good()),
        ("empty", Vec::new()),
        ("cut", good()[..good().len() - 9].to_vec()),
        ("no-command", behind(b"hello\r\n")),
        ("prefix", behind(b"*2\r\n+3\r\nGET\r\n")),
        ("end", behind(b"*1\r\n$4\r\nPINGxx")),
        ("negative", behind(b"*1\r\n$-4\r\n")),
        ("huge", behind(b"*1\r\n$99999999999\r\nab")),
        ("no-words", behind(b"*0\r\n")),
        ("between-words", behind(b"*3\r\n")),
        ("long-note", behind(&[b"#", &[b'x'; 3000][..], b"\r\n"].concat())),
        ("exec", behind(&command(&["EXEC"]))),
        ("open-multi", behind(&multi)),
        ("nested", [multi.clone(), multi.clone()].concat()),
        ("whole-multi", [multi.clone(), command(&["exec"])].concat()),
        ("stamped", stamped()),
        ("bad-stamp", behind(b"#TS:abc\r\n")),
        ("snapshot", [snapshot(), good()].concat()),
        ("broken-snapshot", snapshot()[..200].to_vec()),
    ]
}

fn run(program: &mut Command, folder: &Folder, words: &[&str], answer: &str) -> Output {
    program.args(words).current_dir(&folder.0).write_stdin(answer).output().expect("it runs")
}

/// Ours under Redis's name, and Redis's; the one and the other leave the same bytes behind.
fn both(folder: &Folder, words: &[&str], answer: &str) {
    let Some(theirs) = std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default())
        .map(|folder| folder.join("redis-check-aof"))
        .find(|path| path.exists())
    else {
        eprintln!("skipped: no redis-check-aof");
        return;
    };
    let before = tree(&folder.0);
    let want = run(&mut Command::new(theirs), folder, words, answer);
    let want_after = tree(&folder.0);
    before.iter().for_each(|(path, bytes)| std::fs::write(path, bytes).expect("a file"));
    let link = folder.0.join("redis-check-aof");
    if !link.exists() {
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_rustredis"), &link).expect("a link");
    }
    let got = run(&mut Command::new(&link), folder, words, answer);
    std::fs::remove_file(&link).expect("the link");
    let text = |output: &Output| {
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        // The usage names the program as it was called.
        let path = folder.0.display().to_string() + "/";
        text.replace(&path, "").replace("/usr/bin/", "")
    };
    assert_eq!((text(&got), got.status.code()), (text(&want), want.status.code()), "{words:?}");
    assert_eq!(tree(&folder.0), want_after, "{words:?}");
    before.iter().for_each(|(path, bytes)| std::fs::write(path, bytes).expect("a file"));
}

fn tree(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let paths = std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    let mut all: Vec<_> = paths.map(|path| (path.clone(), std::fs::read(&path).expect("a file"))).collect();
    all.sort();
    all
}

#[test]
fn it_says_and_does_what_redis_check_aof_does() {
    let folder = Folder::new("same");
    for (name, bytes) in files() {
        folder.file(name, &bytes);
        both(&folder, &[name], "");
        both(&folder, &["--fix", name], "y\n");
        both(&folder, &["--fix", name], "n\n");
        for time in ["50", "150", "400", "x"] {
            both(&folder, &["--truncate-to-timestamp", time, name], "");
        }
    }
    both(&folder, &["nosuch"], "");
    both(&folder, &[], "");
    both(&folder, &["--foo", "good"], "");
}

#[test]
fn logs_of_several_files() {
    let folder = Folder::new("parts");
    folder.file("m.manifest", b"file base seq 1 type b\nfile one seq 1 type i\nfile two seq 2 type i\n");
    for (base, one, two) in [
        (snapshot(), good(), stamped()),
        (good(), stamped(), stamped()),
        (snapshot(), good(), stamped()[..40].to_vec()),
        (snapshot(), good()[..40].to_vec(), good()),
        (snapshot()[..200].to_vec(), good(), good()),
        (good()[..40].to_vec(), good(), Vec::new()),
    ] {
        folder.file("base", &base);
        folder.file("one", &one);
        folder.file("two", &two);
        both(&folder, &["m.manifest"], "");
        both(&folder, &["--fix", "m.manifest"], "y\n");
        both(&folder, &["--truncate-to-timestamp", "150", "m.manifest"], "");
    }
}

fn ours(folder: &Folder, words: &[&str], answer: &str) -> (String, Option<i32>) {
    let mut program = Command::new(env!("CARGO_BIN_EXE_rustredis"));
    let output = run(program.arg("aof"), folder, words, answer);
    let text = [output.stdout, output.stderr].concat();
    (String::from_utf8_lossy(&text).into_owned(), output.status.code())
}

#[test]
fn under_its_own_name_it_asks_before_each_cut_and_takes_folders() {
    let folder = Folder::new("own");
    folder.file("a.aof", &stamped());
    folder.file("a.manifest", b"file a.aof seq 1 type i\n");
    let (said, code) = ours(&folder, &["check", "."], "");
    assert!(code == Some(0) && said.contains("All AOF files and manifest are valid"), "{said}");
    let late = ["check", "--truncate-to-timestamp", "150", "."];
    let (said, code) = ours(&folder, &late, "n\n");
    assert!(code == Some(1) && said.contains("Continue? [y/N]: Aborting..."), "{said}");
    assert_eq!(folder.read("a.aof"), stamped());
    let (said, code) = ours(&folder, &[&late[..], &["-y"]].concat(), "");
    assert!(code == Some(0) && !said.contains("Continue?"), "{said}");
    assert_eq!(folder.read("a.aof"), stamped()[..59]);
    // No write permission is needed where nothing is to be cut, and a folder without a manifest is told.
    std::fs::remove_file(folder.0.join("a.manifest")).expect("the manifest");
    let (said, code) = ours(&folder, &["check", "."], "");
    assert!(code == Some(1) && said.contains("no manifest"), "{said}");
    folder.file("a.manifest", b"file ../a seq 1 type i\n");
    let (said, code) = ours(&folder, &["check", "a.manifest"], "");
    assert!(code == Some(1) && said.contains("line 1"), "{said}");
}

#[test]
fn a_dump_tells_offset_database_and_time() {
    let folder = Folder::new("dump");
    let two = [command(&["SELECT", "2"]), command(&["SADD", "s", "x"])].concat();
    folder.file("a.aof", &[stamped(), two].concat());
    let (said, code) = ours(&folder, &["dump", "--format", "ndjson", "a.aof"], "");
    let lines: Vec<serde_json::Value> = said.lines().map(|l| serde_json::from_str(l).expect("JSON")).collect();
    assert_eq!((lines.len(), code), (5, Some(0)), "{said}");
    assert_eq!((&lines[2]["offset"], &lines[2]["timestamp"]), (&68.into(), &200.into()), "{said}");
    assert_eq!((&lines[4]["db"], &lines[4]["command"][0]), (&2.into(), &"SADD".into()), "{said}");
    let (said, _) = ours(&folder, &["dump", "--format", "resp", "--type", "set", "a.aof"], "");
    assert_eq!(said.as_bytes(), [command(&["SELECT", "2"]), command(&["SADD", "s", "x"])].concat());
    let (said, _) = ours(&folder, &["dump", "--format", "csv", "--key", "b*", "a.aof"], "");
    assert!(said.ends_with("\r\na.aof,68,27,0,200,\"\"\"SET\"\" \"\"b\"\" \"\"2\"\"\"\r\n"), "{said}");
    // A snapshot in front is told as commands, and what comes before a fault is told.
    folder.file("b.aof", &[snapshot(), good(), b"*1\r\n$9999999999\r\n".to_vec()].concat());
    let (said, code) = ours(&folder, &["dump", "b.aof"], "");
    assert!(
        code == Some(1) && said.contains("\"SET\" \"b\" \"2\"") && said.contains("broken at offset 19909"),
        "{said}"
    );
    assert!(said.contains("list:small"), "{said}");
}

#[test]
fn statistics_by_command_and_prefix_and_what_a_rewrite_saves() {
    let folder = Folder::new("stats");
    let mut log = stamped();
    (0..100).for_each(|i| log.extend(command(&["SET", &format!("user:{}", i % 10), &"v".repeat(100)])));
    log.extend([command(&["MULTI"]), command(&["RPUSH", "queue:a", "x"]), command(&["EXEC"])].concat());
    log.extend(command(&["NOSUCH\x1b", "x"]));
    folder.file("a.aof", &[snapshot(), log].concat());
    let (said, code) = ours(&folder, &["stats", "a.aof"], "");
    assert_eq!(code, Some(0), "{said}");
    let row = |name: &str| {
        let line = said.lines().find(|line| line.split_whitespace().next() == Some(name));
        line.unwrap_or_else(|| panic!("{name} is missing:\n{said}"))
            .split_whitespace()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    assert_eq!(row("set")[1], "102", "{said}");
    assert_eq!((&*row("user:")[1], &*row("queue:")[1], &*row("(none)")[1]), ("100", "1", "2"), "{said}");
    assert_eq!(row("nosuch\\x1b")[1], "1", "{said}");
    assert!(said.contains("transactions: 1\n") && said.contains("written from 1970-01-01T00:01:40.000Z"), "{said}");
    assert!(said.contains("REWRITE: ") && said.contains("1 commands whose effect"), "{said}");
    // From a pipe, and up to a fault.
    let mut program = Command::new(env!("CARGO_BIN_EXE_rustredis"));
    let output = program.args(["aof", "stats", "-"]).write_stdin([good(), b"*1\r\n".to_vec()].concat()).output();
    let output = output.expect("it runs");
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stdout).contains("COMMANDS (of 2)"), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("unexpected end of file"), "{output:?}");
}

#[test]
fn what_a_rewrite_is_said_to_save_it_saves() {
    use common::{Kind, Options, Server};
    let args = "--appendonly yes --rdbcompression no --appendfsync no --auto-aof-rewrite-percentage 0";
    let server = Server::start(Kind::Rustredis, &Options::args(args));
    let mut conn = server.connect();
    for i in 0..4000_u32 {
        let (key, text, n) = (i % 700, format!("some text {i}"), i.wrapping_mul(77_777).to_string());
        for line in [
            format!("SET s:{key} {i}-{n}-abcdefgh"),
            format!("RPUSH l:{} {n}", i % 50),
            format!("LPOP l:{}", i % 60),
            format!("HSET h:{} f{} {n}", i % 30, i % 90),
            format!("SADD t:{} {n}", i % 20),
            format!("ZADD z:{} {i} m{}", i % 10, i % 400),
            format!("XADD x:{} MAXLEN 100 * a {n}", i % 5),
            format!("DEL s:{}", i % 1300),
        ] {
            conn.send(&line.split(' ').collect::<Vec<_>>()).expect("a command");
        }
        conn.send(&["SETEX", &format!("e:{key}"), "100000", &text]).expect("a command");
        (0..9).for_each(|_| drop(conn.read_reply().expect("a reply")));
    }
    let folder = server.dir.join("appendonlydir");
    let size = || {
        let files = std::fs::read_dir(&folder).expect("the folder").map(|entry| entry.expect("an entry"));
        files.map(|f| f.metadata().expect("its length").len()).sum::<u64>()
    };
    let before = size();
    let said =
        Command::new(env!("CARGO_BIN_EXE_rustredis")).args(["aof", "stats"]).arg(&folder).output().expect("it runs");
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    let told = said.split("would become about ").nth(1).and_then(|rest| rest.split(',').next()?.parse::<u64>().ok());
    let told = told.unwrap_or_else(|| panic!("{said}"));
    assert!(conn.line("BGREWRITEAOF").starts_with('+'));
    common::run::wait_for(&mut conn, "aof_rewrite_in_progress:0");
    assert!(folder.join("appendonly.aof.2.base.rdb").exists() && size() < before / 2, "no rewrite");
    let after = size();
    assert!(told.abs_diff(after) < after / 6, "{told} told, {after} then, of {before}\n{said}");
}

/// The keys of a log, as a server has them that starts from it.
fn loaded(folder: &Path) -> String {
    use common::{Kind, Options, Server};
    let at = |name: &str| format!("--appendonly yes --appenddirname {name} --aof-load-truncated no");
    let name = "recovered";
    let args = at(name);
    // The server's own directory is another one: a link leads to the log.
    let server = {
        let mut options = Options::args(&args);
        options.args.extend(["--dir".to_owned(), folder.display().to_string()]);
        Server::start(Kind::Rustredis, &options)
    };
    let mut conn = server.connect();
    ["a", "b", "c", "d"].map(|key| conn.line(&format!("EXISTS {key}"))[1..2].to_owned()).concat()
}

#[test]
fn a_log_is_recovered_up_to_any_point_into_a_new_directory() {
    let folder = Folder::new("recover");
    let part = |stamp: &str, words: &[&[&str]]| {
        [format!("#TS:{stamp}\r\n").into_bytes(), words.iter().flat_map(|words| command(words)).collect()].concat()
    };
    let one = part("4000000100", &[&["SELECT", "0"], &["SET", "a", "1"], &["SET", "b", "1"]]);
    let transaction: &[&[&str]] = &[&["MULTI"], &["SET", "c", "1"], &["DEL", "a"], &["EXEC"], &["SET", "d", "1"]];
    let two = [part("4000000200", transaction), part("4000000300", &[&["FLUSHALL"]])].concat();
    folder.file("one.aof", &one);
    folder.file("two.aof", &two);
    folder.file("base.rdb", &snapshot());
    folder.file(
        "appendonly.aof.manifest",
        b"file base.rdb seq 1 type b\nfile one.aof seq 4 type i\nfile two.aof seq 5 type i\n",
    );
    let before = tree(&folder.0);
    let behind = two.len() as u64 - 40;
    let multi_end = two.windows(9).position(|w| w == b"\r\nEXEC\r\n*").expect("EXEC") + 8;
    for (words, keys) in [
        (&["--before-command", "flushall"][..], "0111"),
        (&["--before-command", "DEL a*"], "1100"),
        (&["--before-command", "SET *", "--nth", "2"], "1000"),
        (&["--before-command", "SET * 1", "--nth", "4"], "0110"),
        (&["--until-time", "4000000150"], "1100"),
        (&["--until-time", "2096-10-02T07:10:40Z"], "0111"),
        (&["--until-time", "4000000500"], "0000"),
        (&["--until-offset", &multi_end.to_string()], "0110"),
        (&["--until-offset", &(multi_end - 1).to_string()], "1100"),
        (&["--until-offset", &behind.to_string()], "0110"),
        (&["--until-offset", &two.len().to_string()], "0000"),
        (&["--until-offset", "one.aof:77"], "1000"),
        (&["--until-offset", "0"], "1100"),
    ] {
        let all = [&["recover", ".", "-o", "recovered"], words].concat();
        let (said, code) = ours(&folder, &all, "");
        assert_eq!(code, Some(0), "{words:?}: {said}");
        assert_eq!(loaded(&folder.0), keys, "{words:?}: {said}");
        // It is never written over.
        let (said, code) = ours(&folder, &all, "");
        assert!(code == Some(1) && said.contains("is there already"), "{said}");
        std::fs::remove_dir_all(folder.0.join("recovered")).expect("the new directory");
        let files: Vec<_> = tree(&folder.0).into_iter().filter(|(path, _)| !path.ends_with("log")).collect();
        assert_eq!(files, before, "the log is touched");
    }
    for (words, why) in [
        (&["--before-command", "FLUSHDB"][..], "0 such commands"),
        (&["--before-command", "SET", "--nth", "9"], "4 such commands"),
        (&["--until-offset", "base.rdb:100"], "are a snapshot"),
        (&["--until-offset", "three:1"], "no file three"),
        (&["--until-offset", "99999999"], "it ends at"),
        (&["--until-time", "-1"], "which is later"),
    ] {
        let (said, code) = ours(&folder, &[&["recover", ".", "-o", "recovered"], words].concat(), "");
        assert!(code == Some(1) && said.contains(why), "{words:?}: {said}");
        assert!(!folder.0.join("recovered").exists());
    }
    // One file of before Redis 7, without stamps, and torn.
    folder.file("old.aof", &[good(), b"*2\r\n$3\r\nDEL\r\n".to_vec()].concat());
    let (said, code) = ours(&folder, &["recover", "old.aof", "-o", "recovered", "--until-time", "5"], "");
    assert!(code == Some(1) && said.contains(&format!("--until-offset old.aof:{}", good().len())), "{said}");
    let whole = format!("old.aof:{}", good().len());
    let (said, code) = ours(&folder, &["recover", "old.aof", "-o", "recovered", "--until-offset", &whole], "");
    assert_eq!((code, &*loaded(&folder.0)), (Some(0), "1100"), "{said}");
    folder.file("old.aof", &good());
    let (said, code) = ours(&folder, &["recover", "old.aof", "-o", "new", "--until-time", "5"], "");
    assert!(code == Some(1) && said.contains("no time stamps"), "{said}");
}
