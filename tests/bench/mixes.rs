//! memtier's flags, workloads, captures sent again: what arrives at a server, and what is told of it.

use super::{
    common::{Conn, Server},
    ours,
};
use serde_json::Value;

fn ask(conn: &mut Conn, words: &[&str]) -> String {
    conn.send(words).expect("sent");
    String::from_utf8_lossy(&conn.read_reply().expect("a reply")).into_owned()
}

fn int(conn: &mut Conn, words: &[&str]) -> i64 {
    let reply = ask(conn, words);
    reply.trim_start_matches(':').trim().parse().unwrap_or_else(|_| panic!("{words:?}: {reply}"))
}

/// The JSON document of a run that succeeded.
fn json(port: u16, line: &str) -> Value {
    let (code, out, err) = ours(port, &format!("{line} --json"));
    assert_eq!(code, Some(0), "{line}\n{out}\n{err}");
    serde_json::from_str(&out).unwrap_or_else(|e| panic!("{line}: {e}\n{out}"))
}

#[test]
fn a_mix_reaches_the_keys_that_it_is_told() {
    let server = Server::rustredis();
    let mut conn = server.connect();
    let flags = "--ratio 1:0 --key-pattern P:P --key-prefix p: --key-minimum 5 --key-maximum 104 -n allkeys -c 4 -P 3";
    let all = json(server.port, &format!("{flags} --data-size-list 7:1,9:1 --expiry-range 1000-2000"));
    let test = &all["tests"][0];
    assert_eq!((test["requests"].as_u64(), test["commands"]["SET"]["requests"].as_u64()), (Some(100), Some(100)));
    assert_eq!(int(&mut conn, &["DBSIZE"]), 100);
    let mut sizes = Vec::new();
    for key in 5..=104 {
        let key = format!("p:{key}");
        sizes.push(int(&mut conn, &["STRLEN", &key]));
        let ttl = int(&mut conn, &["TTL", &key]);
        assert!((500..=2000).contains(&ttl), "{key}: {ttl}");
    }
    assert!(sizes.iter().all(|n| *n == 7 || *n == 9) && sizes.contains(&7) && sizes.contains(&9), "{sizes:?}");

    // Reads miss what is not there, and the two kinds are told apart.
    let flags = "--ratio 1:3 --key-prefix q: --key-maximum 999 -n 4000 --seed 1 -c 5 -P 10 --key-pattern R:S";
    // A server that is held up between the samples of its figures has too few of them.
    let all = super::common::in_one_of(4, |_| {
        let all = json(server.port, flags);
        assert!(all["tests"][0]["server"]["cpu_us_per_command"].as_f64().is_some_and(|us| us > 0.0), "{all}");
        all
    });
    let commands = &all["tests"][0]["commands"];
    let figure = |name: &str, of: &str| commands[name][of].as_u64().expect("a number");
    assert_eq!(figure("SET", "requests") + figure("GET", "requests"), 4000);
    assert!((900..1100).contains(&figure("SET", "requests")), "{commands}");
    assert!(figure("GET", "null") > 0 && figure("SET", "null") == 0, "{commands}");
    assert!(commands["GET"]["response_ms"]["p99.99"].as_f64().is_some_and(|ms| ms > 0.0));
}

#[test]
fn commands_by_weight_in_either_loop() {
    let server = Server::rustredis();
    let mut conn = server.connect();
    for more in ["", "--rate 20000"] {
        ask(&mut conn, &["FLUSHALL"]);
        let mut words: Vec<String> = Vec::new();
        let (code, out, err) = {
            let program = super::find(super::Kind::Rustredis).expect("our own binary");
            let mut command = assert_cmd::Command::new(program);
            words.extend(
                ["bench", "-p", &server.port.to_string(), "-n", "3000", "-q", "--key-maximum", "9", "--key-prefix", ""]
                    .map(String::from),
            );
            words.extend(["--command", "HINCRBY h:__key__ f 1", "--command-ratio", "2"].map(String::from));
            words.extend(["--command", "INCR n:__key__", "--command-key-pattern", "Z"].map(String::from));
            words.extend(["--command", "NOSUCH __data__"].map(String::from));
            words.extend(more.split_whitespace().map(String::from));
            let output = command.args(&words).timeout(2 * super::common::PATIENCE).output().expect("a run");
            let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
            (output.status.code(), text(output.stdout), text(output.stderr))
        };
        assert_eq!(code, Some(0), "{out}{err}");
        let sum = |conn: &mut Conn, get: &dyn Fn(usize) -> Vec<String>| -> i64 {
            (0..10)
                .map(|key| {
                    let words = get(key);
                    let reply = ask(conn, &words.iter().map(String::as_str).collect::<Vec<_>>());
                    reply.split("\r\n").nth(1).and_then(|n| n.parse().ok()).unwrap_or(0)
                })
                .sum()
        };
        let hashes = sum(&mut conn, &|key| vec!["HGET".into(), format!("h:{key}"), "f".into()]);
        let counters = sum(&mut conn, &|key| vec!["GET".into(), format!("n:{key}")]);
        assert!((1350..1650).contains(&hashes) && (620..880).contains(&counters), "{hashes} {counters}");
        let errors = 3000 - hashes - counters;
        assert!(out.contains(&format!("errors ERR: {errors}")), "{errors}: {out}");
        let first = sum(&mut conn, &|key| vec!["GET".into(), format!("n:{}", key / 10)]) / 10;
        assert!(first > counters / 5, "the first key of a Zipf distribution comes often: {first} of {counters}");
    }
}

/// A line of CSV for the mix, and one for each of its commands.
#[test]
fn commands_have_their_own_lines_of_csv() {
    let server = Server::rustredis();
    let (code, out, err) = ours(server.port, "--ratio 1:3 --key-maximum 99 -n 4000 -P 4 --csv");
    assert_eq!(code, Some(0), "{err}");
    let rows: Vec<Vec<&str>> =
        out.lines().map(|line| line.split(',').map(|cell| cell.trim_matches('"')).collect()).collect();
    assert_eq!(rows.iter().map(|row| row[0]).collect::<Vec<_>>(), ["test", "SET+GET", "SET+GET: SET", "SET+GET: GET"]);
    let figure = |row: usize, name: &str| {
        let at = rows[0].iter().position(|head| *head == name).expect("a column");
        rows[row][at].parse::<f64>().expect("a number")
    };
    let (all, sets, gets) = (figure(1, "rps"), figure(2, "rps"), figure(3, "rps"));
    assert!((sets + gets - all).abs() < 0.1 && (2.4..3.7).contains(&(gets / sets)), "{out}");
    assert_eq!(figure(1, "max_latency_ms"), figure(2, "max_latency_ms").max(figure(3, "max_latency_ms")));
    // One command is a test of one line.
    let (_, out, _) = ours(server.port, "--ratio 0:1 -n 100 --csv");
    assert_eq!(out.lines().count(), 2, "{out}");
}

#[test]
fn wrong_values_are_found() {
    let server = Server::rustredis();
    let mut conn = server.connect();
    let flags = "--data-verify --key-prefix v: --key-maximum 99 --data-size-range 8-40 -q -P 4 -c 3";
    let (code, out, _) = ours(server.port, &format!("--ratio 1:1 -n 2000 {flags}"));
    assert!(code == Some(0) && out.contains("wrong: 0"), "{out}");
    // Each of three connections walks through the 100 keys from the first on: 167 reads meet key 7 twice.
    ask(&mut conn, &["SETRANGE", "v:7", "3", "!"]);
    let (code, out, _) = ours(server.port, &format!("--ratio 0:1 --key-pattern S:S -n 500 {flags}"));
    assert!(code == Some(1) && out.contains("wrong: 6, first of key 7"), "{out}");
}

#[test]
fn connections_are_made_anew() {
    let server = Server::rustredis();
    let mut conn = server.connect();
    let seen = |conn: &mut Conn| {
        let info = ask(conn, &["INFO", "stats"]);
        let line =
            info.lines().find(|line| line.starts_with("total_connections_received:")).expect("a figure").to_owned();
        line.split(':').nth(1).and_then(|n| n.trim().parse::<u64>().ok()).expect("a number")
    };
    for (line, least, most) in [
        ("-n 1000 -c 5 --reconnect-interval 50 -t get", 19, 32),
        ("-n 1000 -c 5 --reconnect-interval 50 --ratio 1:1", 19, 32),
        ("-n 600 -c 5 --reconnect-interval 50 --rate 5000 -t get", 9, 25),
        ("-n 100 -c 5 -k 0 -t get", 99, 112),
    ] {
        let before = seen(&mut conn);
        let (code, out, err) = ours(server.port, &format!("{line} -q"));
        let made = seen(&mut conn) - before;
        assert!(code == Some(0) && (least..=most).contains(&made), "{line}: {made} {out}{err}");
    }
}

#[test]
fn files_that_others_read() {
    let server = Server::rustredis();
    let dir = server.dir.join("hdr");
    std::fs::create_dir(&dir).expect("a directory");
    let (prefix, file) = (dir.join("run"), dir.join("out.json"));
    let line = format!(
        "--ratio 1:1 -n 400 -c 2 -q --run-count 2 --warmup 0.1 --hdr-file-prefix {} --json-out-file {}",
        prefix.display(),
        file.display()
    );
    let (code, out, err) = ours(server.port, &line);
    assert_eq!(code, Some(0), "{err}");
    assert!(out.contains("2 runs: worst"), "{out}");
    let text = |name: &str| std::fs::read_to_string(dir.join(name)).unwrap_or_else(|e| panic!("{name}: {e}"));
    for run in 1..=2 {
        for kind in ["SET", "GET"] {
            assert!(text(&format!("run_{kind}_command_run_{run}.hgrm")).contains("1/(1-Percentile)"));
            assert!(text(&format!("run_{kind}_command_run_{run}.txt")).contains(",HISTFAAA"));
        }
    }
    let all: Value = serde_json::from_str(&text("out.json")).expect("JSON");
    let runs = all["tests"].as_array().expect("runs");
    // What cannot be written is told before anything is sent.
    for flag in ["--html", "--json-out-file", "--hdr-file-prefix"] {
        let (code, out, err) = ours(server.port, &format!("-n 10 -q {flag} {}/nowhere/x", dir.display()));
        assert!(code == Some(1) && out.is_empty() && err.contains("nowhere"), "{flag}: {out}{err}");
    }
    // The warm-up's requests are in no figure.
    assert_eq!(runs.iter().map(|run| run["requests"].as_u64()).collect::<Vec<_>>(), [Some(400), Some(400)]);
}

#[test]
fn shipped_workloads_and_those_made_of_snapshots_run() {
    let server = Server::rustredis();
    let (_, list, _) = ours(server.port, "--list-workloads");
    for name in ["cache", "session-store", "queue", "leaderboard", "timeline"] {
        assert!(list.contains(name), "{list}");
        // For long enough that something is asked.
        super::common::in_one_of(4, |n| {
            let all = json(server.port, &format!("--workload {name} --test-time {} -c 8", 0.3 * f64::from(n.pow(2))));
            for test in all["tests"].as_array().expect("phases") {
                let errors = test["errors"].as_object().expect("errors");
                assert!(errors.is_empty() && test["requests"].as_u64() > Some(0), "{name}: {test}");
            }
        });
    }
    let mut conn = server.connect();
    assert_eq!(ask(&mut conn, &["SAVE"]), "+OK\r\n");
    let file = server.dir.join("dump.rdb");
    let (code, text, err) = ours(server.port, &format!("--workload-from {} --print-workload", file.display()));
    assert_eq!(code, Some(0), "{err}");
    let words = ["[keys.string]", "[keys.list]", "[keys.set]", "[keys.zset]", "[keys.hash]", "[keys.stream]", "ttl = "];
    assert!(words.iter().all(|word| text.contains(word)), "{text}");
    ask(&mut conn, &["FLUSHALL"]);
    let made = server.dir.join("made.toml");
    std::fs::write(&made, &text).expect("written");
    let all = json(server.port, &format!("--workload {} --test-time 0.5 -c 8 -P 8", made.display()));
    assert!(all["tests"][1]["errors"].as_object().expect("errors").is_empty(), "{all}");
    let (code, _, err) = ours(server.port, "--workload nowhere.toml");
    assert!(code == Some(1) && err.contains("shipped are cache"), "{err}");
}

#[test]
fn captures_are_sent_again_in_their_order_and_time() {
    let server = Server::rustredis();
    let file = server.dir.join("capture");
    let mut text = String::from("OK\n");
    for n in 0..40 {
        // Two clients, one each 25 ms: 1 second in all.
        let (at, port) = (1_700_000_000.0 + f64::from(n) * 0.025, 5000 + n % 2);
        text.push_str(&format!("{at:.6} [{} 127.0.0.1:{port}] \"RPUSH\" \"l {}\" \"{n}\"\n", n % 2, n % 2));
    }
    std::fs::write(&file, text).expect("written");
    for (speed, least, most) in [("1x", 0.95, 2.5), ("4x", 0.2, 0.8), ("max", 0.0, 0.4)] {
        super::common::in_one_of(6, |_| {
            let mut conn = server.connect();
            ask(&mut conn, &["FLUSHALL"]);
            let all = json(server.port, &format!("--monitor-input {} --speed {speed}", file.display()));
            let test = &all["tests"][0];
            let took = test["seconds"].as_f64().expect("a time");
            assert!((least..most).contains(&took), "{speed}: {took}");
            assert_eq!(test["commands"]["RPUSH"]["requests"].as_u64(), Some(40), "{test}");
            for db in ["0", "1"] {
                ask(&mut conn, &["SELECT", db]);
                let list = ask(&mut conn, &["LRANGE", &format!("l {db}"), "0", "-1"]);
                let got: Vec<i32> =
                    list.split("\r\n").filter(|w| !w.starts_with(['*', '$'])).filter_map(|w| w.parse().ok()).collect();
                let first: i32 = db.parse().expect("a number");
                assert_eq!(got, (0..20).map(|n| 2 * n + first).collect::<Vec<_>>(), "{speed} {list}");
            }
        });
    }
}
