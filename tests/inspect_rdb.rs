//! `rustredis rdb …` on the small files in `fixtures/rdb` (see its README), from the outside.

use assert_cmd::Command;
use predicates::prelude::*;
use predicates::str::contains;
use serde_json::Value;
use std::path::{Path, PathBuf};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/rdb").join(name)
}

fn rdb(words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rustredis"));
    command.arg("rdb").args(words);
    command
}

/// A folder of this test's own, removed when it is dropped.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("rustredis-rdb-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a folder");
        Folder(path)
    }

    fn file(&self, name: &str, bytes: &[u8]) -> String {
        std::fs::write(self.0.join(name), bytes).expect("a file");
        self.path(name)
    }

    fn path(&self, name: &str) -> String {
        self.0.join(name).to_str().expect("a name").to_owned()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn redis() -> String {
    fixture("redis-7.0.15.rdb").to_str().expect("a name").to_owned()
}

fn valkey() -> String {
    fixture("valkey-9.1.2.rdb").to_str().expect("a name").to_owned()
}

fn lines(words: &[&str]) -> Vec<Value> {
    let out = rdb(words).output().expect("it runs");
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8(out.stdout).expect("UTF-8").lines().map(|l| serde_json::from_str(l).expect("JSON")).collect()
}

#[test]
fn every_format_tells_every_key() {
    let file = redis();
    let objects = lines(&["dump", "--format", "ndjson", &file]);
    assert_eq!(objects.len(), 19);
    let find = |name: &str| objects.iter().find(|o| o["key"] == name).unwrap_or_else(|| panic!("{name}"));
    assert_eq!(find("string:ttl")["expires_at_ms"], 4_102_444_800_123u64);
    assert_eq!((&find("string:int")["value"], &find("string:int")["encoding"]), (&"-12345".into(), &"int".into()));
    assert_eq!(find("string:lzf")["value"], "ab".repeat(300));
    assert_eq!(find("list:small")["value"], serde_json::json!(["a", "b", "1"]));
    assert_eq!(find("zset:small")["value"][0], serde_json::json!({"member": "d", "score": "-inf"}));
    assert_eq!(find("hash:small")["value"][1], serde_json::json!({"field": "n", "value": "1"}));
    assert_eq!(find("other:db")["db"], 3);
    let stream = &find("stream:a")["value"];
    assert_eq!((&stream["length"], &stream["groups"][0]["name"]), (&149.into(), &"workers".into()));
    assert_eq!(stream["groups"][0]["consumers"][1]["pending"].as_array().map(Vec::len), Some(2));
    let binary = objects.iter().find(|o| o["key"].is_object()).expect("a key that is no UTF-8");
    assert_eq!(binary["key"]["base64"], "c3RyaW5nOv8AYmluYXJ5");

    let all: Value =
        serde_json::from_slice(&rdb(&["dump", "--format", "json", &file]).output().expect("it runs").stdout)
            .expect("JSON");
    assert_eq!(all.as_array(), Some(&objects));
    let table = rdb(&["dump", &file]).output().expect("it runs").stdout;
    let table = String::from_utf8(table).expect("UTF-8");
    assert_eq!(table.lines().count(), 20);
    assert!(table.contains("\"string:\\xff\\x00binary\"") && table.contains("2100-01-01T00:00:00.123Z"));
    let csv = rdb(&["dump", "--format", "csv", &file]).output().expect("it runs").stdout;
    let exact = [&b"string:\xff\0binary,string,raw,,,,1,275,\"\x00\x01"[..]].concat();
    assert!(csv.windows(exact.len()).any(|w| w == exact));
    let resp = rdb(&["dump", "--format", "resp", &file]).output().expect("it runs").stdout;
    assert!(resp.starts_with(b"*4\r\n$8\r\nFUNCTION\r\n"));
}

#[test]
fn fields_that_expire_are_told() {
    let objects = lines(&["dump", "--format", "ndjson", "--key", "hash:ttl", &valkey()]);
    assert_eq!(
        objects[0]["value"][1],
        serde_json::json!({"field": "b", "value": "2", "expires_at_ms": 4_102_444_800_123u64})
    );
}

#[test]
fn filters_and_standard_input() {
    let file = redis();
    let count = |words: &[&str]| lines(&[&["dump", "--format", "ndjson", &file], words].concat()).len();
    assert_eq!(count(&["--db", "3"]), 1);
    assert_eq!(count(&["--key", "string:*"]), 6);
    assert_eq!(count(&["--key", "string:*", "--not-key", "*l*"]), 3);
    assert_eq!(count(&["--type", "zset", "--type", "set"]), 5);
    assert_eq!(count(&["--min-size", "1kb"]), 5);
    assert_eq!((count(&["--ttl", "any"]), count(&["--ttl", "none"])), (1, 18));
    assert_eq!((count(&["--ttl", "1d.."]), count(&["--ttl", "..1d"])), (1, 0));
    assert_eq!(count(&["--limit", "4"]), 4);
    rdb(&["dump", "--type", "tree", &file]).assert().code(1).stderr(contains("no such type"));
    let out = rdb(&["dump", "--format", "ndjson", "-"])
        .write_stdin(std::fs::read(&file).expect("a file"))
        .output()
        .expect("it runs");
    assert_eq!(out.stdout.iter().filter(|b| **b == b'\n').count(), 19);
}

#[test]
fn what_is_broken_ends_in_an_error_after_what_is_not() {
    let folder = Folder::new("broken");
    let bytes = std::fs::read(redis()).expect("a file");
    let file = folder.file("cut.rdb", &bytes[..bytes.len() / 2]);
    let assert = rdb(&["dump", "--format", "json", &file]).assert().code(1).stderr(contains("broken at offset"));
    let told: Value = serde_json::from_slice(&assert.get_output().stdout).expect("whole JSON");
    assert!(told.as_array().is_some_and(|keys| !keys.is_empty()));
    rdb(&["stats", &file]).assert().code(1);
    rdb(&["dump", "/nowhere.rdb"]).assert().code(1).stderr(contains("cannot open /nowhere.rdb"));
}

#[test]
fn a_closed_pipe_is_no_error() {
    let script =
        format!("'{}' rdb dump '{}' | head -n 1; echo ${{PIPESTATUS[0]}}", env!("CARGO_BIN_EXE_rustredis"), redis());
    let out = std::process::Command::new("bash").args(["-c", &script]).output().expect("bash");
    let text = String::from_utf8_lossy(&out.stdout);
    assert!(text.starts_with(" DB TYPE") && text.ends_with("\n0\n") && out.stderr.is_empty(), "{text}");
}

#[test]
fn check_speaks_as_redis_check_rdb() {
    let folder = Folder::new("check");
    let link = folder.path("redis-check-rdb");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_rustredis"), &link).expect("a link");
    let told = |file: &str| {
        let out = Command::new(&link).arg(file).output().expect("it runs");
        (out.status.code(), String::from_utf8(out.stdout).expect("UTF-8"))
    };
    let bytes = std::fs::read(redis()).expect("a file");
    let (code, text) = told(&redis());
    let end = format!(
        "[offset {0}] Checksum OK\n[offset {0}] \\o/ RDB looks OK! \\o/\n[info] 19 keys read\n[info] 1 expires\n[info] 0 already expired\n",
        bytes.len()
    );
    assert!(
        code == Some(0)
            && text.ends_with(&end)
            && text.starts_with(&format!(
                "[offset 0] Checking RDB file {}\n[offset 27] AUX FIELD redis-ver = '7.0.15'\n",
                redis()
            )),
        "{text}"
    );
    assert!(
        told(fixture("redis-7.0.15-lru-no-checksum.rdb").to_str().expect("a name"))
            .1
            .contains("saved with checksum disabled")
    );

    let mut wrong = bytes.clone();
    *wrong.last_mut().expect("a byte") ^= 1;
    let (code, text) = told(&folder.file("crc", &wrong));
    assert!(
        code == Some(1)
            && text.contains("RDB CRC error\n[additional info] While doing: check-sum\n[info] 19 keys read"),
        "{text}"
    );
    let (code, text) = told(&folder.file("cut", &bytes[..700]));
    let want = "--- RDB ERROR DETECTED ---\n[offset 177] Unexpected EOF reading RDB file\n[additional info] While doing: read-object-value\n\
                [additional info] Reading key 'list:large'\n[additional info] Reading type 18 (quicklist-v2)\n[info] 1 keys read\n";
    assert!(code == Some(1) && text.contains(want), "{text}");
    for (name, bytes, what) in [
        (
            "magic",
            &b"RADIS0010"[..],
            "[offset 9] Wrong signature trying to load DB from file\n[additional info] While doing: start\n[additional info] Reading type 0 (string)",
        ),
        ("version", b"REDIS0099", "[offset 9] Can't handle RDB format version 99"),
        ("type", b"REDIS0010\x63", "[offset 10] Invalid object type: 99\n[additional info] While doing: read-type"),
    ] {
        let (code, text) = told(&folder.file(name, bytes));
        assert!(code == Some(1) && text.contains(what), "{text}");
    }
    Command::new(&link).assert().code(1).stderr(contains("Usage: "));
    // Under our own name it reads Valkey's files too, and tells the version.
    rdb(&["check", &valkey()]).assert().code(0).stdout(contains("VALKEY format version 80"));
}

#[test]
fn stats_add_up() {
    let folder = Folder::new("stats");
    let page = folder.path("page.html");
    let out = rdb(&["stats", "--html", &page, &redis()]).assert().code(0);
    let text = String::from_utf8_lossy(&out.get_output().stdout).into_owned();
    let row = |name: &str| {
        let line = text.lines().find(|l| l.starts_with(name)).unwrap_or_else(|| panic!("{name} in\n{text}"));
        line[name.len()..]
            .split_whitespace()
            .next()
            .and_then(|n| n.parse::<u64>().ok())
            .unwrap_or_else(|| panic!("{line}"))
    };
    assert_eq!((row("all"), row("db 0"), row("db 3"), row("string:"), row("stream:")), (19, 18, 1, 6, 2));
    assert!(text.contains("MEMORY: each value was built"));
    let page = std::fs::read_to_string(page).expect("the page");
    assert!(page.starts_with("<!doctype html>") && page.contains("<svg") && page.trim_end().ends_with("</html>"));
    assert!(!page.contains("<script") && !page.contains("src=") && !page.contains("href="));
}

#[test]
fn converted_files_hold_the_same() {
    let folder = Folder::new("convert");
    for target in ["redis-6.2", "redis-7.0", "redis-7.4", "redis-8", "valkey-9"] {
        let out = folder.path(target);
        let drop: &[&str] = if target == "redis-6.2" { &["--drop"] } else { &[] };
        rdb(&[&["convert", &redis(), "-o", &out, "--target", target], drop].concat()).assert().code(0);
        rdb(&["check", &out]).assert().code(0).stdout(contains("Checksum OK"));
        rdb(&["diff", &redis(), &out]).assert().code(0).stdout(contains("0 added, 0 removed, 0 changed"));
    }
    // Fields that expire have no place before 7.4: told, and nothing written.
    let out = folder.path("none");
    rdb(&["convert", &valkey(), "-o", &out, "--target", "redis-7.0"])
        .assert()
        .code(1)
        .stderr(contains("\"hash:ttl\": fields that expire"));
    assert!(!Path::new(&out).exists());
    rdb(&["convert", &valkey(), "-o", &out, "--target", "redis-7.0", "--drop"]).assert().code(0);
    rdb(&["diff", &valkey(), &out]).assert().code(1).stdout(contains("0 added, 2 removed, 0 changed"));
    rdb(&["convert", &valkey(), "-o", &out, "--target", "redis-8"]).assert().code(0);
    rdb(&["diff", &valkey(), &out]).assert().code(0);
}

#[test]
fn differences_are_named() {
    let folder = Folder::new("diff");
    let file = |name: &str, records: &[&[u8]]| {
        folder.file(name, &[b"REDIS0010\xfe\x00", &records.concat()[..], b"\xff\0\0\0\0\0\0\0\0"].concat())
    };
    let a = file(
        "a",
        &[b"\x00\x01g\x01x", b"\x04\x01h\x02\x01a\x011\x01b\x012", b"\x00\x01t\x01v", b"\x02\x01s\x02\x01a\x01b"],
    );
    let b = file(
        "b",
        &[
            b"\x02\x01s\x02\x01b\x01a",
            b"\x04\x01h\x02\x01a\x013\x01c\x012",
            b"\xfc\x00\x00\x00\x00\x01\x00\x00\x00\x00\x01t\x01v",
            b"\x00\x01n\x01y",
        ],
    );
    let out = rdb(&["diff", &a, &b]).assert().code(1);
    let text = String::from_utf8_lossy(&out.get_output().stdout).into_owned();
    for line in [
        "- db 0 \"g\" (string)",
        "+ db 0 \"n\" (string)",
        "~ db 0 \"h\" (hash)",
        "    ~ \"a\": \"1\" -> \"3\"",
        "    - \"b\": \"2\"",
        "    + \"c\": \"2\"",
        "~ db 0 \"t\" (string)",
        "    expires never -> 1970-02-19T17:02:47.296Z",
        "1 added, 1 removed, 1 changed, 1 with another expiry only",
    ] {
        assert!(text.lines().any(|l| l == line), "{line} in\n{text}");
    }
    assert!(!text.contains("\"s\""));
}

#[test]
fn what_is_broken_is_salvaged_around() {
    let folder = Folder::new("salvage");
    let out = folder.path("out.rdb");
    rdb(&["salvage", &redis(), "-o", &out]).assert().code(0).stdout(contains("19 keys kept, 0 ranges lost"));
    assert_eq!(
        std::fs::read(&out).expect("a file"),
        std::fs::read(redis()).expect("a file"),
        "a whole file stays as it is"
    );

    let mut bytes = std::fs::read(redis()).expect("a file");
    let at = bytes.windows(7).position(|w| w == b"set:int").expect("the key");
    bytes[at + 10] = 9;
    let broken = folder.file("broken.rdb", &bytes);
    let assert =
        rdb(&["salvage", &broken, "-o", &out]).assert().code(1).stdout(contains("18 keys kept, 1 ranges lost"));
    let text = String::from_utf8_lossy(&assert.get_output().stdout).into_owned();
    assert!(text.contains("Intset integrity check failed") && text.contains("in the value of \"set:int\""), "{text}");
    rdb(&["check", &out]).assert().code(0).stdout(contains("Checksum OK"));
    rdb(&["diff", &redis(), &out])
        .assert()
        .code(1)
        .stdout(contains("- db 0 \"set:int\" (set)\n0 added, 1 removed, 0 changed"));
    assert_eq!(std::fs::read(&broken).expect("a file"), bytes, "the input is not touched");

    // A torn end, and a lost beginning.
    let torn = folder.file("torn.rdb", &bytes[..at - 30]);
    rdb(&["salvage", &torn, "-o", &out]).assert().code(1);
    rdb(&["check", &out]).assert().code(0);
    let headless = folder.file("headless.rdb", &bytes[at + 40..]);
    rdb(&["salvage", &headless, "-o", &out]).assert().code(1).stdout(contains("does not begin as an RDB file"));
    rdb(&["check", &out]).assert().code(0);
    rdb(&["salvage", &broken, "-o", &broken]).assert().code(2).stderr(contains("the output is the input"));
}

/// A string record with a short key and value.
fn text_record(key: &str, value: &str) -> Vec<u8> {
    let mut record = vec![0, key.len() as u8];
    record.extend_from_slice(key.as_bytes());
    record.push(value.len() as u8);
    record.extend_from_slice(value.as_bytes());
    record
}

/// Scores are eight bytes, most of them zero, and three zeros read as a record without key and value: chance has no say in what is saved.
#[test]
fn nothing_is_made_up_from_the_bytes_of_a_value() {
    let folder = Folder::new("made-up");
    let (mut bytes, out) = (b"REDIS0011\xfe\x00".to_vec(), folder.path("out.rdb"));
    (0..20).for_each(|n| bytes.extend(text_record(&format!("key{n}"), "value")));
    let board = bytes.len();
    bytes.extend_from_slice(b"\x05\x05board\x53\x88");
    for n in 0..5000 {
        let name = format!("p{n}");
        bytes.push(name.len() as u8);
        bytes.extend_from_slice(name.as_bytes());
        bytes.extend_from_slice(&(f64::from(n) * 1.5).to_le_bytes());
    }
    for cut in [bytes.len() - 1, bytes.len() / 2, bytes.len() / 3, board + 500] {
        let torn = folder.file("torn.rdb", &bytes[..cut]);
        let told = rdb(&["salvage", &torn, "-o", &out]).assert().code(1);
        let told = String::from_utf8_lossy(&told.get_output().stdout).into_owned();
        assert!(
            told.contains("20 keys kept, 1 ranges lost") && told.contains("in the value of \"board\""),
            "{cut}: {told}"
        );
    }
}

#[test]
fn what_is_salvaged_has_each_name_once() {
    let folder = Folder::new("once");
    let (mut bytes, out) = (b"REDIS0011\xfe\x00".to_vec(), folder.path("out.rdb"));
    (0..5).for_each(|n| bytes.extend(text_record(&format!("key{n}"), "before")));
    // A type that there is not.
    bytes.extend_from_slice(b"\xc8what is this");
    (4..30).for_each(|n| bytes.extend(text_record(&format!("key{n}"), "behind")));
    bytes.extend_from_slice(b"\xff\0\0\0\0\0\0\0\0");
    let file = folder.file("broken.rdb", &bytes);
    let told = rdb(&["salvage", &file, "-o", &out]).assert().code(1);
    told.stdout(contains("a second record for \"key4\"").and(contains("30 keys kept, 2 ranges lost")));
    let dump = rdb(&["dump", &out, "--format", "ndjson", "--key", "key4"]).assert().code(0);
    dump.stdout(contains("before").and(contains("behind").not()));
}

/// A wrong byte within a text breaks no record; that something is wrong is told all the same.
#[test]
fn a_wrong_checksum_is_told_by_salvage() {
    let folder = Folder::new("altered");
    let mut bytes = std::fs::read(redis()).expect("a file");
    let at = bytes.windows(7).position(|w| w == b"set:int").expect("the key");
    bytes[at] = b'b';
    let altered = folder.file("altered.rdb", &bytes);
    let told = rdb(&["salvage", &altered, "-o", &folder.path("out.rdb")]).assert().code(1);
    told.stdout(contains("19 keys kept, 0 ranges lost").and(contains("the checksum is wrong")));
}

/// Hostile files: an error or a reading, never a panic, never much memory (the address space is limited here).
#[test]
fn hostile_files_end_in_errors() {
    let folder = Folder::new("hostile");
    let seed = std::env::var("RDB_SEED").ok().and_then(|n| n.parse().ok()).unwrap_or(1u64);
    let mut state = seed;
    let mut random = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    for round in 0..40 {
        let mut bytes = std::fs::read(if round % 2 == 0 { redis() } else { valkey() }).expect("a file");
        for _ in 0..1 + random(4) {
            let at = random(bytes.len());
            match random(3) {
                0 => bytes[at] = random(256) as u8,
                1 => drop(bytes.splice(at..at, [0x81, 0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 0])),
                _ => bytes.truncate(at.max(9)),
            }
        }
        let file = folder.file("hostile.rdb", &bytes);
        let output = folder.path("out.rdb");
        for verb in ["dump", "check", "stats", "salvage"] {
            let more = if verb == "salvage" { format!("-o '{output}'") } else { String::new() };
            let script = format!("ulimit -v 1500000; '{}' rdb {verb} '{file}' {more}", env!("CARGO_BIN_EXE_rustredis"));
            let out = std::process::Command::new("bash").args(["-c", &script]).output().expect("bash");
            let told = String::from_utf8_lossy(&out.stderr).into_owned();
            assert!(
                matches!(out.status.code(), Some(0..=2)) && !told.contains("panicked"),
                "seed {seed} round {round} {verb}: {told}"
            );
        }
    }
}
