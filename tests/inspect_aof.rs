//! `rustredis aof …`, and what it does under the name of redis-check-aof, compared with Redis's own where that is there.

use assert_cmd::Command;
use std::path::{Path, PathBuf};
use std::process::Output;

/// A folder of this test's own, removed when it is dropped.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("rustredis-aof-{}-{name}", std::process::id()));
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
