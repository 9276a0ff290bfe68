//! The questions that a load generator can answer: how much at most, which of two, is it me, and how true are the figures.

use super::{
    authority::Authority,
    common::{self, Kind, Options, Rng, Server, find},
    ours,
};
use serde_json::Value;
use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

fn json(port: u16, line: &str) -> (Option<i32>, Value) {
    let (code, out, err) = ours(port, line);
    (code, serde_json::from_str(&out).unwrap_or_else(|e| panic!("{line}: {e}\n{out}\n{err}")))
}

/// A server that takes `each` for every request, one after the other on all connections: its highest rate is known.
fn slow_server(each: impl Fn(u64) -> Duration + Send + Clone + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let turn = std::sync::Arc::new(std::sync::Mutex::new(0u64));
    std::thread::spawn(move || {
        while let Ok((mut stream, _)) = listener.accept() {
            let (turn, each) = (turn.clone(), each.clone());
            std::thread::spawn(move || {
                let _ = stream.set_nodelay(true);
                let mut buf = [0u8; 4096];
                while let Ok(n @ 1..) = stream.read(&mut buf) {
                    for _ in buf[..n].iter().filter(|b| **b == b'*') {
                        let mut turn = turn.lock().expect("nobody failed");
                        *turn += 1;
                        let until = Instant::now() + each(*turn);
                        while let Some(left) = until.checked_duration_since(Instant::now()) {
                            if left > Duration::from_micros(300) {
                                std::thread::sleep(left - Duration::from_micros(200));
                            }
                        }
                        if stream.write_all(b"+PONG\r\n").is_err() {
                            return;
                        }
                    }
                }
            });
        }
    });
    port
}

/// A server that takes 2 ms a request serves 500 a second and no more.
#[test]
fn the_highest_rate_is_found() {
    // A machine that stands still meets no target.
    super::common::in_one_of(5, |_| {
        let port = slow_server(|_| Duration::from_millis(2));
        let line = "--find-max --slo p99<60ms -t ping_mbulk -c 20 --step-time 1 --arrivals constant --json";
        let (code, all) = json(port, line);
        let test = &all["tests"][0];
        let rate = test["highest_rate"].as_f64().unwrap_or_else(|| panic!("{all}"));
        assert!(code == Some(0) && (250.0..560.0).contains(&rate), "{all}");
        let curve = test["curve"].as_array().expect("a curve");
        assert!(curve.len() >= 5 && curve.iter().any(|p| p["met"] == false), "{all}");
        let rates: Vec<f64> = curve.iter().filter_map(|p| p["rate"].as_f64()).collect();
        assert!(rates.windows(2).all(|w| w[0] <= w[1]) && rates[0] < rate / 5.0, "{rates:?}");
        // A rate that was not kept up is not met, however patient the target is.
        let line =
            "--find-max --slo p99<30000ms -t ping_mbulk -c 20 --step-time 0.5 --rate 300 --arrivals constant --json";
        let (code, all) = json(port, line);
        let rate = all["tests"][0]["highest_rate"].as_f64().unwrap_or_else(|| panic!("{all}"));
        assert!(code == Some(0) && (250.0..650.0).contains(&rate), "{all}");
        // What no rate meets.
        let (code, all) = json(port, "--find-max --slo p50<1us -t ping_mbulk -c 2 --step-time 0.1 --rate 4 --json");
        assert!(code == Some(2) && all["tests"][0]["highest_rate"].is_null(), "{all}");
    });
}

#[test]
fn two_servers_are_compared() {
    super::common::in_one_of(5, |_| {
        let (fast, slow) = (slow_server(|_| Duration::from_micros(500)), slow_server(|_| Duration::from_millis(1)));
        let run = |a: u16, b: u16, more: &str| {
            let program = find(Kind::Rustredis).expect("our own binary");
            let mut command = assert_cmd::Command::new(program);
            command.args(["bench", "ab", &format!("redis://127.0.0.1:{a}"), &format!("redis://127.0.0.1:{b}")]);
            command
                .args("-t ping_mbulk -c 2 --blocks 5 --block-time 0.2 --server-stats no".split(' '))
                .args(more.split_whitespace());
            let output = command.timeout(2 * common::PATIENCE).output().expect("a run");
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            (output.status.code(), text, String::from_utf8_lossy(&output.stderr).into_owned())
        };
        let (code, text, err) = run(fast, slow, "--json --require rps>=0.9");
        let all: Value = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e} {text} {err}"));
        let rps = &all["tests"][0]["figures"]["rps"];
        let figure = |name: &str| rps[name].as_f64().expect("a number");
        assert!(code == Some(2) && (0.35..0.75).contains(&figure("ratio")), "{text}");
        assert!(
            figure("low") <= figure("ratio") && figure("ratio") <= figure("high") && figure("high") < 0.9,
            "{text}"
        );
        assert_eq!(rps["a"]["blocks"].as_array().map(Vec::len), Some(5));
        assert_eq!(all["missed"].as_array().map(Vec::len), Some(1));
        let (code, text, _) = run(slow, fast, "--require rps>=0.9");
        assert!(code == Some(0) && text.contains("95% of the ratio"), "{text}");
        let (code, _, err) = run(slow, 1, "");
        assert!(code == Some(1) && err.contains("Connection refused"), "{err}");
    });
}

#[test]
fn two_programs_are_compared() {
    // Time of the processor is told in steps.
    super::common::in_one_of(4, |n| {
        if find(Kind::Redis).is_none() {
            return common::skip("redis-server", Kind::Redis.how_to_install());
        }
        let program = |kind| find(kind).expect("installed").to_string_lossy().into_owned();
        let mut command = assert_cmd::Command::new(program(Kind::Rustredis));
        command.args(["bench", "ab", &program(Kind::Redis), &program(Kind::Rustredis)]);
        command.args(format!("-t get -c 2 --blocks 2 --block-time 0.{} --json", 2 * n).split(' '));
        let output = command.timeout(2 * common::PATIENCE).output().expect("a run");
        let all: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        let cpu = &all["tests"][0]["figures"]["cpu"];
        assert!(cpu["a"]["median"].as_f64() > Some(0.0) && cpu["b"]["median"].as_f64() > Some(0.0), "{all}");
    });
}

#[test]
fn it_knows_its_own_limit() {
    common::in_one_of(3, |_| {
        let (code, all) = json(65_432, "--calibrate --test-time 0.5 -P 16 --json");
        let highest = &all["highest"];
        assert!(code == Some(0) && highest["requests_per_second"].as_f64() > Some(1_000.0), "{all}");
        assert!(highest["own_cpu_us_per_request"].as_f64().is_some_and(|us| us > 0.0 && us < 500.0), "{all}");
        assert!(all["open_loop_at_1000"]["response_ms"]["p50"].as_f64().is_some_and(|ms| ms > 0.0), "{all}");
    });
}

/// A plain socket and a clock: round trips in milliseconds, in order of length.
fn probe(port: u16) -> Vec<f64> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("a connection");
    stream.set_nodelay(true).expect("no delay");
    let (mut buf, mut seen) = ([0u8; 64], Vec::new());
    for n in 0..150u64 {
        std::thread::sleep(Duration::from_micros(500 + n * 7919 % 3000));
        let sent = Instant::now();
        stream.write_all(b"*1\r\n$4\r\nPING\r\n").expect("sent");
        let mut got = 0;
        while got < 7 {
            got += stream.read(&mut buf).expect("a reply");
        }
        seen.push(sent.elapsed().as_secs_f64() * 1e3);
    }
    seen.sort_by(f64::total_cmp);
    seen
}

/// By how much a thread that only sleeps is late while `work` is done, at the worst, in milliseconds: what the machine adds for
/// who has nothing to do with any of this.
fn beside_a_sleeper<T>(work: impl FnOnce() -> T) -> (T, f64) {
    const PAUSE: Duration = Duration::from_millis(2);
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let sleeper = scope.spawn(|| {
            let mut latest = Duration::ZERO;
            while !over.load(Ordering::Relaxed) {
                let begun = Instant::now();
                std::thread::sleep(PAUSE);
                latest = latest.max(begun.elapsed().saturating_sub(PAUSE));
            }
            latest.as_secs_f64() * 1e3
        });
        let done = work();
        over.store(true, Ordering::Relaxed);
        (done, sleeper.join().expect("a sleeper"))
    })
}

/// A server that is fast 9 times of 10 and slow the tenth, far from its limit, is measured by the open loop and by a probe:
/// nothing that they share makes both right. In the middle of the slow ones (p95) a few that the machine held up make no difference.
/// Where it holds up others as well, nobody is judged.
#[test]
fn latencies_agree_with_an_independent_probe() {
    let (mut told, mut wrong) = (Vec::new(), 0);
    for _ in 0..8 {
        let port = slow_server(|n| if n % 10 == 0 { Duration::from_millis(60) } else { Duration::from_millis(8) });
        let line = "--rate 25 --test-time 6 --arrivals constant -c 1 -P 50 -t ping_mbulk --json --server-stats no";
        let ((seen, all), late) = beside_a_sleeper(|| (probe(port), json(port, line).1));
        let test = &all["tests"][0];
        let pairs = [("p50", 0.5), ("p95", 0.95)].map(|(name, part)| {
            let own = test["service_ms"][name].as_f64().expect("a number");
            (name, own, seen[(seen.len() as f64 * part) as usize])
        });
        if pairs.iter().all(|(_, own, theirs)| (own / theirs - 1.0).abs() < 0.05) {
            return;
        }
        wrong += u32::from(late < 3.0);
        told.push(format!("{pairs:?} ms, a sleeper late by {late:.1} ms"));
    }
    assert!(wrong < 4, "own and the probe's:\n{}", told.join("\n"));
    eprintln!("the machine was too busy to tell:\n{}", told.join("\n"));
}

/// Clients that know nothing of ours: sockets and a clock, asking at random for so long. Round trips in milliseconds, in
/// order of length.
fn random_probes(port: u16, request: &[u8], count: u64, each_per_second: f64, time: Duration) -> Vec<f64> {
    let one = |number: u64| {
        let mut rng = Rng::new(number + 1);
        let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("a connection");
        stream.set_nodelay(true).expect("no delay");
        let (begin, mut buf, mut seen) = (Instant::now(), [0u8; 64], Vec::new());
        while begin.elapsed() < time {
            let unit = (rng.next() >> 11) as f64 / (1u64 << 53) as f64;
            std::thread::sleep(Duration::from_secs_f64(-(1.0 - unit).ln() / each_per_second));
            let sent = Instant::now();
            stream.write_all(request).expect("sent");
            let mut got = 0;
            while got == 0 || buf[got - 1] != b'\n' {
                got += stream.read(&mut buf[got..]).expect("a reply");
            }
            seen.push(sent.elapsed().as_secs_f64() * 1e3);
        }
        seen
    };
    let mut all: Vec<f64> = std::thread::scope(|scope| {
        let probes: Vec<_> = (0..count).map(|number| scope.spawn(move || one(number))).collect();
        probes.into_iter().flat_map(|probe| probe.join().expect("a probe")).collect()
    });
    all.sort_by(f64::total_cmp);
    all
}

/// A real server at half of what it can do, most of it asked for by us and some by probes at the same time: both see the
/// same queues. The request takes the server about a millisecond, beside which what waking a client costs is little.
#[test]
#[ignore = "two minutes of a quiet machine: cargo test --release --test bench half_load -- --ignored --nocapture"]
fn latencies_at_half_load_agree_with_independent_probes() {
    let server = Server::start(Kind::Rustredis, &Options::args("--threads 1"));
    let script = "local x=0 for i=1,60000 do x=x+i%7 end return 1";
    let request = format!("*3\r\n$4\r\nEVAL\r\n${}\r\n{script}\r\n$1\r\n0\r\n", script.len());
    let run = |flags: &str| {
        let mut command = assert_cmd::Command::new(find(Kind::Rustredis).expect("our own binary"));
        command.args(["bench", "-p", &server.port.to_string(), "--json", "--server-stats", "no"]);
        let out = command.args(flags.split(' ')).args(["EVAL", script, "0"]).output().expect("a run");
        let all: Value = serde_json::from_slice(&out.stdout).unwrap_or_else(|e| panic!("{e}: {out:?}"));
        all["tests"][0].clone()
    };
    let most = run("-c 4 --test-time 3")["requests_per_second"].as_f64().expect("a rate");
    let mut told = Vec::new();
    for _ in 0..3 {
        let time = Duration::from_secs(30);
        let (ours, theirs) = std::thread::scope(|scope| {
            let probes = scope.spawn(|| random_probes(server.port, request.as_bytes(), 20, most * 0.2 / 20.0, time));
            let flags = format!("-c 50 --rate {:.0} --arrivals poisson --test-time 30 --seed 7", most * 0.3);
            (run(&flags), probes.join().expect("probes"))
        });
        let pairs = [("p50", 0.5), ("p99", 0.99)].map(|(name, part)| {
            let own = ours["service_ms"][name].as_f64().expect("a number");
            (name, own, theirs[(theirs.len() as f64 * part) as usize])
        });
        told.push(format!("{most:.0} a second at most; {} probes; ours and theirs in ms: {pairs:?}", theirs.len()));
        eprintln!("{}", told[told.len() - 1]);
        if pairs.iter().all(|(_, own, theirs)| (own / theirs - 1.0).abs() < 0.05) {
            return;
        }
    }
    panic!("{}", told.join("\n"));
}

/// Large replies in many records: what TLS has decrypted and not handed out is waited for by nobody else.
#[test]
fn tls_with_pipelines_of_large_replies() {
    let made = Authority::new(&std::env::temp_dir().join(format!("rustredis-bench-tls-{}", std::process::id())));
    made.sign("server");
    let tls = crate::common::free_port();
    let (cert, key, ca) = (made.file("server.crt"), made.file("server.key"), made.file("ca.crt"));
    let args = format!(
        "--tls-port {tls} --tls-cert-file {cert} --tls-key-file {key} --tls-ca-cert-file {ca} --tls-auth-clients no"
    );
    let server = Server::start(Kind::Rustredis, &Options::args(&args));
    let flags = format!("-h localhost --tls --cacert {ca}");
    for line in [
        "-n 2000 -c 4 -P 32 -d 3000 -t set,get -q",
        "-n 2000 -c 4 -P 16 --ratio 1:4 --data-size-range 100-20000 --key-maximum 50 --data-verify -q",
        "-n 500 -c 4 --rate 2000 -d 30000 -t set,get -q",
        "-n 100 -c 3 -k 0 -t get -q",
    ] {
        let (code, out, err) = ours(tls, &format!("{flags} {line}"));
        assert!(
            code == Some(0) && !out.lines().any(|line| line.starts_with("  errors ")) && !out.contains("wrong: 1"),
            "{line}\n{out}\n{err}"
        );
    }
    drop(server);
}
