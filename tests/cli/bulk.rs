//! Work in bulk, import, profiles and guard rails: what redis-cli has not.

use super::{
    common::{self, Kind, Server, find},
    ours, servers,
};
use predicates::prelude::*;
use std::{fs, os::unix::fs::PermissionsExt, time::Instant};

#[test]
fn what_was_deleted_comes_back_with_its_time_to_live() {
    for server in servers() {
        // Our server has no RESTORE yet: a journal is of use where there is one.
        let restores = !server.connect().line("RESTORE").contains("unknown command");
        let port = server.port.to_string();
        let cli = || {
            let mut command = ours();
            command.args(["-p", &port]);
            command
        };
        let mut conn = server.connect();
        for n in 0..1200 {
            conn.ask(&["SET", &format!("session:{n}"), &format!("v{n}")]);
        }
        conn.line("PEXPIREAT session:7 4102444800000");
        conn.line("SET other 1");
        let (journal, place) = (server.dir.join("journal"), server.dir.join("place"));

        cli().args(["--del-match", "session:*"]).assert().code(1).stderr(predicate::str::contains("--yes"));
        cli()
            .args(["--del-match", "session:*", "--dry-run"])
            .assert()
            .success()
            .stdout(predicate::str::contains("1200 keys would be hit"));
        assert_eq!(conn.line("DBSIZE"), ":1201\\r\\n");
        cli().args(["--del-match", "session:*", "--yes", "--read-only"]).assert().code(1);
        assert_eq!(conn.line("DBSIZE"), ":1201\\r\\n");

        if restores {
            cli()
                .args(["--del-match", "session:*", "--yes", "--journal"])
                .arg(&journal)
                .arg("--resume")
                .arg(&place)
                .assert()
                .success()
                .stdout(predicate::str::contains("keys that fit: 1200, changed: 1200"));
            assert_eq!(conn.line("DBSIZE"), ":1\\r\\n", "{:?}", server.kind);
            assert!(!place.exists(), "all is done");
            cli().arg("--undo").arg(&journal).assert().success();
            assert_eq!(conn.line("DBSIZE"), ":1201\\r\\n");
            assert_eq!(conn.line("PEXPIRETIME session:7"), ":4102444800000\\r\\n");
            assert_eq!(conn.line("GET session:1199"), "$5\\r\\nv1199\\r\\n");
        }
        let journal = server.dir.join("journal2");
        cli().args(["--expire-match", "session:*=1000", "--yes", "--journal"]).arg(&journal).assert().success();
        assert_ne!(conn.line("TTL session:1"), ":-1\\r\\n");
        cli().arg("--undo").arg(&journal).assert().success();
        assert_eq!(conn.line("TTL session:1"), ":-1\\r\\n");
        assert_eq!(conn.line("PEXPIRETIME session:7"), ":4102444800000\\r\\n");
        let start = std::time::Instant::now();
        cli().args(["--del-match", "session:*", "--yes", "--rate", "1000"]).assert().success();
        assert!(start.elapsed().as_millis() >= 900, "at most so many a second");
    }
}

#[test]
fn imports_tell_lines_and_count() {
    for server in servers() {
        let file = server.dir.join("commands");
        fs::write(&file, "# words\nSET a \"b c\"\n*2\r\n$4\r\nINCR\r\n$1\r\na\r\nSET b 'x\nSET c 1\n").expect("a file");
        let name = file.display().to_string();
        ours()
            .args(["-p", &server.port.to_string(), "--import", &name])
            .assert()
            .code(1)
            .stdout(predicate::str::starts_with("commands: 3, errors: 1, unreadable: 1"))
            .stderr(predicate::str::contains(format!("{name}:3: ERR value is not an integer")))
            .stderr(predicate::str::contains(format!("{name}:8: unbalanced quotes")));
        ours().args(["-p", &server.port.to_string(), "--import", "-"]).write_stdin("SET d 1\n").assert().success();
        assert_eq!(server.connect().line("MGET a c d"), "*3\\r\\n$3\\r\\nb c\\r\\n$1\\r\\n1\\r\\n$1\\r\\n1\\r\\n");
        ours().args(["-p", &server.port.to_string(), "--import", "/nosuch"]).assert().code(1);
    }
}

#[test]
fn read_only_sessions_write_nothing() {
    for server in servers() {
        let cli = |line: &str| {
            let mut command = ours();
            command.args(["-p", &server.port.to_string(), "--read-only"]).args(line.split(' '));
            command.assert()
        };
        for line in
            ["set a 1", "flushall", "eval x 0", "config set maxmemory 1", "getdel a", "nosuch a", "sort a store b"]
        {
            cli(line).code(1).stderr(predicate::str::contains("read-only"));
        }
        for line in ["get a", "ping", "dbsize", "config get maxmemory", "help get", "scan 0"] {
            cli(line).success();
        }
        assert_eq!(server.connect().line("DBSIZE"), ":0\\r\\n");
    }
}

#[test]
fn a_profile_brings_address_and_password() {
    let server = &servers()[0];
    let mut conn = server.connect();
    conn.line("CONFIG SET requirepass secret");
    let config = server.dir.join("cli.toml");
    let text = format!(
        "[prod]\nuri = \"redis://127.0.0.1:{}/3\"\npassword-command = \"echo secret\"\nread-only = true\n",
        server.port
    );
    fs::write(&config, text).expect("a file");
    fs::set_permissions(&config, fs::Permissions::from_mode(0o600)).expect("a file");
    let cli = |words: &[&str]| ours().env("RUSTREDIS_CLI_CONFIG", &config).args(words).assert();
    cli(&["@prod", "ping"]).success().stdout("PONG\n").stderr("");
    cli(&["@prod", "set", "a", "b"]).code(1).stderr(predicate::str::contains("read-only"));
    cli(&["@nosuch", "ping"]).code(1).stderr(predicate::str::contains("no profile [nosuch]; there is @prod"));
    let elsewhere = server.dir.join("nowhere.toml");
    let cli = ours().env("RUSTREDIS_CLI_CONFIG", &elsewhere).args(["@prod", "ping"]).assert();
    cli.code(1).stderr(predicate::str::contains("@prod stands for what [prod] of this file says"));
}

#[test]
fn tables_json_and_the_rest_on_request() {
    for server in servers() {
        let port = server.port.to_string();
        let cli = |view: &str, line: &str| {
            let output = ours().args(["-p", &port, "--view", view]).args(line.split(' ')).output().expect("a client");
            String::from_utf8_lossy(&output.stdout).into_owned()
        };
        cli("redis", "hset h field value");
        cli("redis", "set j {\"a\":[1,2]}");
        let table = cli("table", "hgetall h");
        assert!(table.contains("field") && table.contains("(1 row)") && !table.contains("1)"), "{table}");
        assert!(cli("table", "info server").contains("# Server"));
        assert_eq!(cli("redis", "hgetall h"), "1) \"field\"\n2) \"value\"\n".to_owned());
        assert_eq!(cli("json", "get j"), "{\n  \"a\": [\n    1,\n    2\n  ]\n}\n");
        assert_eq!(cli("raw", "get j"), "{\"a\":[1,2]}\n");
        // msgpack too, of {"a": [1, true], "b": "\u{e9}"}.
        let packed = b"\x82\xa1a\x92\x01\xc3\xa1b\xa2\xc3\xa9";
        ours().args(["-p", &port, "-x", "set", "m"]).write_stdin(packed.as_slice()).assert().success();
        assert_eq!(cli("json", "get m"), "{\n  \"a\": [\n    1,\n    true\n  ],\n  \"b\": \"\u{e9}\"\n}\n");
    }
}

#[test]
fn walks_find_every_key() {
    for server in servers() {
        let mut conn = server.connect();
        for n in 0..3000 {
            conn.ask(&["SET", &format!("k:{n}"), &"x".repeat(n % 50)]);
        }
        conn.line("RPUSH list a b c");
        conn.line("HSET hash f v");
        let port = server.port.to_string();
        let cli = |line: &str| {
            let output = ours().args(["-p", &port]).args(line.split(' ')).output().expect("a client");
            assert!(output.status.success(), "{line}: {output:?}");
            String::from_utf8_lossy(&output.stdout).into_owned()
        };
        let scanned = cli("--scan --pattern k:*");
        let mut keys: Vec<&str> = scanned.lines().collect();
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len(), 3000);
        assert_eq!(cli("--scan --type list"), "list\n");
        let big = cli("--bigkeys");
        for line in [
            "Sampled 3002 keys",
            "Biggest   list found '\"list\"' has 3 items",
            "3000 strings with 73500 bytes",
            "1 hashs with 1 fields",
        ] {
            assert!(big.contains(line), "{line} in {big}");
        }
        assert!(cli("--memkeys").contains("Sampled 3002 keys"));
        let stats = cli("--keystats -top 3");
        assert!(stats.contains("3002") && stats.contains("string"), "{stats}");
    }
}

/// What MONITOR told is counted, kept, and sent again by the load generator to another server.
#[test]
fn a_capture_of_the_busiest_is_replayed() {
    for server in servers() {
        // For long enough that all is sent meanwhile.
        common::in_one_of(4, |n| captured_and_replayed(&server, 2 * n.pow(2)));
    }
}

fn captured_and_replayed(server: &Server, seconds: u32) {
    server.connect().line("FLUSHALL");
    let capture = server.dir.join(format!("capture-{seconds}"));
    let mut top = std::process::Command::new(find(Kind::Rustredis).expect("our own binary"));
    top.args(["cli", "-p", &server.port.to_string(), "--top", &seconds.to_string(), "--save"]).arg(&capture);
    let top = top.stdout(std::process::Stdio::piped()).spawn().expect("a client");
    let mut conn = server.connect();
    let deadline = Instant::now() + common::PATIENCE;
    while !conn.line("CLIENT LIST").contains("flags=O ") {
        assert!(Instant::now() < deadline, "it watches");
    }
    for n in 0..30 {
        conn.ask(&["RPUSH", "busy list", &n.to_string()]);
    }
    conn.line("SET quiet 1");
    let output = top.wait_with_output().expect("its end");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    for (title, busiest) in [("Busiest commands", "RPUSH"), ("Busiest keys", "busy list")] {
        let mut lines = text.lines().skip_while(|line| *line != title).skip(1);
        assert!(
            lines.next().is_some_and(|line| line.trim_start().starts_with("30 ") && line.ends_with(busiest)),
            "{text}"
        );
    }
    let other = Server::rustredis();
    let mut bench = std::process::Command::new(find(Kind::Rustredis).expect("our own binary"));
    bench.args(["bench", "-q", "-p", &other.port.to_string(), "--speed", "max", "--monitor-input"]).arg(&capture);
    assert!(bench.output().expect("a replay").status.success());
    let mut conn = other.connect();
    assert!(conn.ask(&["LLEN", "busy list"]).starts_with(b":30"));
    assert!(conn.ask(&["GET", "quiet"]).starts_with(b"$1"));
}
