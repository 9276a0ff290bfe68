//! The load generator beside Debian's redis-benchmark, and what only ours has: an open loop, errors by kind, JSON; mixes,
//! questions, pages in files of their own.

#[path = "tls/authority.rs"]
mod authority;
mod common;
#[path = "bench/failover.rs"]
mod failover;
#[path = "bench/mixes.rs"]
mod mixes;
#[path = "bench/page.rs"]
mod page;
#[path = "bench/places.rs"]
mod places;
#[path = "bench/questions.rs"]
mod questions;
#[path = "bench/remembers.rs"]
mod remembers;

use assert_cmd::Command;
use common::{Kind, Options, Server, find, server::on_path};
use std::{
    io::{Read, Write},
    net::TcpListener,
    path::Path,
    time::Duration,
};

fn run(program: &Path, verb: Option<&str>, port: u16, line: &str) -> (Option<i32>, String, String) {
    let mut command = Command::new(program);
    command.args(verb).args(["-p", &port.to_string()]).args(line.split_whitespace()).timeout(2 * common::PATIENCE);
    let output = command.output().expect("a run");
    let text = |bytes: Vec<u8>| {
        let text = String::from_utf8_lossy(&bytes);
        // In JSON a figure may be that number.
        if text.starts_with('{') { text.into_owned() } else { common::port::hidden(&text, port) }
    };
    (output.status.code(), text(output.stdout), text(output.stderr))
}

fn ours(port: u16, line: &str) -> (Option<i32>, String, String) {
    run(&find(Kind::Rustredis).expect("our own binary"), Some("bench"), port, line)
}

/// Figures are the machine's: what remains is where they stand. Of lines written over, the last is seen; of the rows of a
/// distribution, that there are some.
fn masked(text: &str) -> String {
    let mut out: Vec<String> = Vec::new();
    for line in text.lines() {
        let line = line.rsplit('\r').next().unwrap_or(line).trim();
        // A run shorter than the peer's clock ticks.
        let line = &line.replace("inf requests", "0.00 requests");
        let named = line.starts_with("====") || line.starts_with('"') && !line.contains("rps");
        let mut shown = String::new();
        let mut digits = line.char_indices().peekable();
        while let Some((at, c)) = digits.next() {
            let decimal =
                line[at..].find(|c: char| !c.is_ascii_digit()).is_some_and(|n| line[at + n..].starts_with('.'));
            if c.is_ascii_digit()
                && decimal
                && (named
                    || line.contains("per")
                    || line.contains("msec")
                    || line.contains('%')
                    || line.contains("in ")
                    || line.starts_with(|c: char| c.is_ascii_digit()))
            {
                while digits.next_if(|(_, c)| c.is_ascii_digit() || *c == '.').is_some() {}
                shown.push('#');
            } else {
                shown.push(c);
            }
        }
        if shown.starts_with("#%") {
            shown = "#% <= # milliseconds".into();
            if out.last() == Some(&shown) {
                continue;
            }
        }
        out.push(shown.split_whitespace().collect::<Vec<_>>().join(" "));
    }
    out.join("\n")
}

#[test]
fn text_and_csv_as_redis_benchmark_writes_them() {
    let Some(theirs) = on_path("redis-benchmark") else {
        return common::skip("redis-benchmark", "apt-get install redis-tools");
    };
    if find(Kind::Redis).is_none() {
        return common::skip("redis-server", Kind::Redis.how_to_install());
    }
    let server = Server::start(Kind::Redis, &Options::default());
    let link = server.dir.join("redis-benchmark");
    std::os::unix::fs::symlink(find(Kind::Rustredis).expect("our own binary"), &link).expect("a link");
    let mut faults = Vec::new();
    for line in [
        "-n 500 -q",
        "-n 500 --csv",
        "-n 500 -t set,get",
        "-n 500 -c 7 -P 3 -d 100 -t set",
        "-n 500 -t get --threads 2",
        "-n 200 -k 0 -t get",
        "-n 200 -r 100 -q -t zadd,sadd,mset",
        "-n 200 -3 -q -t get",
        "-n 200 --enable-tracking -q -t get",
        "-n 200 --dbnum 3 -t set -q",
        "-n 200 --precision 4 -t get",
        "-n 200 -r 100 set key:__rand_int__ x",
        "-n 200 --csv -r 100 lpush list __rand_int__",
        "-n 200 -t ping,lrange_100 -q",
        "-n 3 -t nosuch",
        "-n 3 -t nosuch --csv",
        "-n 3 -e -q -t get",
        "-n 3 -q set a b c",
        "-u foo://x",
    ] {
        // How many lines there are is a matter of how long it takes, with a machine that stands still meanwhile.
        let mut fault = None;
        for _ in 0..4 {
            let [a, b] = [&theirs, &link].map(|program| run(program, None, server.port, line));
            let [a, b] = [a, b].map(|(code, out, err)| (code, masked(&out), err.trim_end().to_owned()));
            // The line of progress before an error is there or not, as time has it.
            let same_text = a.1 == b.1 || a.0 != Some(0);
            fault = (a.0 != b.0 || !same_text || a.2 != b.2).then(|| format!("{line}\n theirs {a:?}\n ours   {b:?}"));
            if fault.is_none() {
                break;
            }
        }
        faults.extend(fault);
    }
    // A server that wants a password lets nobody measure.
    let locked = Server::start(Kind::Redis, &Options::args("--requirepass secret"));
    for line in [
        "-n 50 -q -t get",
        "-n 50 --csv set a b",
        "-a wrong -n 50 -q",
        "-n 50 --cluster -q",
        "-a secret -n 50 -q -t get",
    ] {
        let [a, b] = [&theirs, &link].map(|program| run(program, None, locked.port, line));
        let [a, b] = [a, b].map(|(code, out, err)| (code, masked(&out), err.trim_end().to_owned()));
        if a != b {
            faults.push(format!("{line}\n theirs {a:?}\n ours   {b:?}"));
        }
    }
    let version = run(&link, None, server.port, "--version");
    assert_eq!((version.0, version.1.trim_end()), (Some(0), "redis-benchmark 7.4.0"));
    assert!(faults.is_empty(), "{} differences\n{}", faults.len(), faults.join("\n"));
}

#[test]
fn requests_are_those_that_were_asked_for() {
    let server = Server::rustredis();
    for (line, keys, size) in
        [("-n 1000 -r 1000000 -t set --seed 5 -q -d 33", 1000usize, 33), ("-n 64 -P 8 -c 2 -t set -q", 1, 3)]
    {
        let mut conn = server.connect();
        conn.send(&["FLUSHALL"]).expect("sent");
        conn.read_reply().expect("a reply");
        let (code, out, err) = ours(server.port, line);
        assert_eq!(code, Some(0), "{out}{err}");
        conn.send(&["DBSIZE"]).expect("sent");
        let n: usize =
            String::from_utf8_lossy(&conn.read_reply().expect("a reply")[1..]).trim().parse().expect("a number");
        // Two of a thousand among a million may be the same.
        assert!(n <= keys && n + 5 >= keys, "{line}: {n}");
        conn.send(&["RANDOMKEY"]).expect("sent");
        let reply = String::from_utf8_lossy(&conn.read_reply().expect("a reply")).into_owned();
        let key = reply.split("\r\n").nth(1).expect("a key").to_owned();
        conn.send(&["STRLEN", &key]).expect("sent");
        assert_eq!(conn.read_reply().expect("a reply"), format!(":{size}\r\n").into_bytes());
    }
}

#[test]
fn errors_are_counted_by_kind_unless_they_are_fatal() {
    let server = Server::rustredis();
    let (code, out, _) = ours(server.port, "-n 100 -q nosuch");
    assert!(code == Some(0) && out.contains("errors ERR: 100"), "{out}");
    let (code, _, err) = ours(server.port, "-n 100 -q --fatal-errors yes nosuch");
    assert!(code == Some(1) && err.starts_with("Error from server: ERR unknown command"), "{err}");
    let locked = Server::start(Kind::Rustredis, &Options::args("--requirepass secret"));
    for (line, why) in [
        ("-n 100 -q -t get", "NOAUTH"),
        ("-a wrong -n 100 --json -t get", "WRONGPASS"),
        ("-n 100 --ratio 1:1 -q", "NOAUTH"),
        ("-n 100 --find-max --slo p99<1ms -t get", "NOAUTH"),
        ("--verify --test-time 1", "NOAUTH"),
        ("-a wrong --verify --test-time 1", "WRONGPASS"),
    ] {
        let (code, out, err) = ours(locked.port, line);
        assert!(code == Some(1) && err.contains(why), "{line}: {out}{err}");
    }
    let (code, out, err) = ours(locked.port, "-t get,nosuch");
    assert!(
        code == Some(1) && out.is_empty() && err.contains("no test \"nosuch\"") && err.contains("lrange_100"),
        "{err}"
    );
    let (code, _, err) = ours(1, "-n 1 -q ping");
    assert!(code == Some(1) && err.contains("Connection refused"), "{err}");
}

/// Answers `+PONG` to every line of PING, and once for a while not at all.
fn stalling_server(after: usize, pause: Duration) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    std::thread::spawn(move || {
        // The first connection asks for the configuration, the second is measured.
        let mut seen = 0;
        while let Ok((mut stream, _)) = listener.accept() {
            std::thread::spawn(move || {
                let mut buf = [0u8; 4096];
                while let Ok(n @ 1..) = stream.read(&mut buf) {
                    for _ in 0..buf[..n].windows(4).filter(|four| *four == b"PING").count() {
                        seen += 1;
                        if seen == after {
                            std::thread::sleep(pause);
                        }
                        if stream.write_all(b"+PONG\r\n").is_err() {
                            return;
                        }
                    }
                    if buf[..n].windows(6).any(|six| six == b"CONFIG") && stream.write_all(b"-ERR none\r\n").is_err() {
                        return;
                    }
                }
            });
        }
    });
    port
}

/// The coordinated omission of closed loops: one connection, a server that stalls for 400 ms once. One service time of
/// 1,000 shows it; of the response times, all that were due meanwhile.
#[test]
fn a_stalled_server_shows_in_response_times() {
    // A machine that stands still as well spoils the figures.
    common::in_one_of(8, |_| {
        let port = stalling_server(100, Duration::from_millis(400));
        let (code, out, err) = ours(port, "--rate 1000 --arrivals constant -c 1 -n 1000 --json -t ping_mbulk");
        assert_eq!(code, Some(0), "{out}{err}");
        let report: serde_json::Value = serde_json::from_str(&out).expect("JSON");
        let test = &report["tests"][0];
        let (response, service) = (&test["response_ms"], &test["service_ms"]);
        let ms = |of: &serde_json::Value, name: &str| of[name].as_f64().expect("a number");
        assert!(ms(response, "max") >= 390.0 && ms(service, "max") >= 390.0, "{out}");
        assert!(ms(response, "p90") > 150.0, "a third of the requests waited: {out}");
        assert!(ms(service, "p99") < 100.0, "one request was slow: {out}");
        assert!(test["late"].as_u64().expect("a number") >= 250, "{out}");
        assert_eq!((test["requests"].as_u64(), test["unsent"].as_u64()), (Some(1000), Some(0)), "{out}");
        let by_second: u64 =
            test["per_second"].as_array().expect("a list").iter().filter_map(|s| s["requests"].as_u64()).sum();
        assert_eq!(by_second, 1000);
    });
}

#[test]
fn the_open_loop_keeps_its_rate_and_its_time() {
    common::in_one_of(6, |_| {
        let server = Server::rustredis();
        let (code, out, err) = ours(server.port, "--rate 2000 --test-time 1 --seed 3 --threads 2 -c 8 --json -t get");
        assert_eq!(code, Some(0), "{err}");
        let report: serde_json::Value = serde_json::from_str(&out).expect("JSON");
        let n = report["tests"][0]["requests"].as_u64().expect("a number");
        // Poisson: the deviation of 2,000 is 45.
        assert!((1750..2250).contains(&n), "{out}");
        let (_, out, _) = ours(server.port, "--rate 1000 -n 200 -t get");
        assert!(out.contains("response, from when due") && out.contains("service, from when sent"), "{out}");
    });
}
