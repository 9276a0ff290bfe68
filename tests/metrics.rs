//! `--metrics-port`: what Prometheus and those who restart servers see.

mod common;

use common::{Kind, Options, Server, command, free_port, server::on_path, skip};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

fn get(port: u16, request: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("the metrics port");
    stream.set_read_timeout(Some(common::PATIENCE)).expect("a timeout");
    stream.write_all(request.as_bytes()).expect("a request");
    let mut reply = String::new();
    stream.read_to_string(&mut reply).expect("a reply");
    reply
}

#[test]
fn metrics_have_the_names_that_dashboards_know() {
    let port = free_port();
    for threads in [1, 2] {
        let server = Server::start(
            Kind::Rustredis,
            &Options::args(&format!(
                "--threads {threads} --metrics-port {port} --slowlog-log-slower-than -1 --maxclients 321"
            )),
        );
        let mut c = server.connect();
        for line in [
            "SET a 1",
            "SET b 1 EX 1000",
            "GET a",
            "GET nosuch",
            "NOSUCH",
            "SELECT 3",
            "SET c 1",
            "CONFIG SET latency-monitor-threshold 10",
            "DEBUG SLEEP 0.02",
        ] {
            c.line(line);
        }
        // Who says nothing, or nonsense, keeps nobody else waiting.
        let stalled: Vec<TcpStream> =
            (0..10).map(|_| TcpStream::connect(("127.0.0.1", port)).expect("a connection")).collect();
        // The connection that saw the server ready may still be leaving.
        let deadline = Instant::now() + common::PATIENCE;
        while !c.line("INFO clients").contains("connected_clients:1\\r") && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(5));
        }
        let page = get(port, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
        drop(stalled);
        assert!(page.starts_with("HTTP/1.1 200 OK\r\n"), "{page}");
        for line in [
            "redis_up 1",
            "redis_config_maxmemory 0",
            "redis_connected_clients 1",
            "redis_keyspace_hits_total 1",
            "redis_keyspace_misses_total 1",
            "redis_db_keys{db=\"db0\"} 2",
            "redis_db_keys_expiring{db=\"db0\"} 1",
            "redis_db_keys{db=\"db3\"} 1",
            "redis_commands_total{cmd=\"set\"} 3",
            "redis_errors_total{err=\"ERR\"} 1",
            // INFO's words as numbers.
            "redis_rdb_last_bgsave_status 1",
            "redis_aof_last_write_status 1",
            "redis_slowlog_length 0",
            "redis_max_clients 321",
            "redis_connected_slaves 0",
            "# TYPE redis_latency_percentiles_usec gauge",
            "# TYPE redis_commands_latencies_usec histogram",
            "redis_commands_latencies_usec_count{cmd=\"set\"} 3",
            "redis_commands_latencies_usec_bucket{cmd=\"set\",le=\"+Inf\"} 3",
            // At least 20 ms: every step up to there is empty.
            "redis_commands_latencies_usec_bucket{cmd=\"debug\",le=\"16777\"} 0",
            "# TYPE redis_latency_spike_last gauge",
            "# TYPE redis_latency_spike_duration_seconds gauge",
            "# TYPE redis_evicted_keys_total counter",
            "# TYPE redis_commands_duration_seconds_total counter",
            "# TYPE redis_memory_used_bytes gauge",
        ] {
            assert!(page.lines().any(|l| l == line), "no {line} in\n{page}");
        }
        let body = page.split_once("\r\n\r\n").expect("a body").1;
        for line in body.lines().filter(|l| !l.starts_with('#')) {
            let (_, value) = line.rsplit_once(' ').expect("a value");
            assert!(value.parse::<f64>().is_ok(), "{line}");
        }
        let slept = body.lines().find_map(|l| l.strip_prefix("redis_commands_latencies_usec_sum{cmd=\"debug\"} "));
        assert!(slept.and_then(|us| us.parse::<u64>().ok()).is_some_and(|us| us >= 20_000), "{body}");
        assert!(get(port, "GET /healthz HTTP/1.0\r\n\r\n").ends_with("\r\n\r\nok\n"));
        assert!(get(port, "GET /readyz?x=1 HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 200"));
        assert!(get(port, "GET /nosuch HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 404"));
        assert!(get(port, "POST /metrics HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 405"));
        assert!(get(port, &format!("GET /{} HTTP/1.1\r\n\r\n", "x".repeat(7000))).starts_with("HTTP/1.1 404"));
        assert_eq!(c.line("GET c"), "$1\\r\\n1\\r\\n");
    }
}

/// While a dataset is loaded the process is alive, and not ready.
#[test]
fn ready_means_loaded() {
    // Loading has to last until somebody looks.
    common::in_one_of(4, |n| not_ready_and_then_ready(10_000 * n.pow(2)));
}

/// With so many microseconds for each of 200 keys.
fn not_ready_and_then_ready(delay: u32) {
    let port = free_port();
    let mut server = Server::start(Kind::Rustredis, &Options::args(&format!("--metrics-port {port}")));
    let mut c = server.connect();
    for i in 0..200 {
        c.line(&format!("SET key:{i} 1"));
    }
    assert_eq!(c.line("SAVE"), "+OK\\r\\n");
    let dump = server.dir.join("dump.rdb");
    let saved = std::fs::read(&dump).expect("a snapshot");
    server.kill();
    // The same dataset, some milliseconds a key.
    let port = free_port();
    let plain = free_port();
    std::fs::write(&dump, saved).expect("the snapshot");
    let mut child = Command::new(env!("CARGO_BIN_EXE_rustredis"))
        .args([
            "serve",
            "--port",
            &plain.to_string(),
            "--metrics-port",
            &port.to_string(),
            "--key-load-delay",
            &delay.to_string(),
        ])
        .arg("--dir")
        .arg(&server.dir)
        .stdout(std::process::Stdio::null())
        .spawn()
        .expect("it is built");
    let deadline = Instant::now() + common::PATIENCE;
    let (mut loading, mut ready) = (false, false);
    while !ready && Instant::now() < deadline {
        if TcpStream::connect(("127.0.0.1", port)).is_ok() {
            let said = get(port, "GET /readyz HTTP/1.1\r\n\r\n");
            assert!(get(port, "GET /healthz HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 200"));
            loading |= said.starts_with("HTTP/1.1 503");
            ready = said.starts_with("HTTP/1.1 200");
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    let _ = child.kill();
    let _ = child.wait();
    assert!(loading && ready, "not ready first: {loading}; ready then: {ready}");
}

/// The page in a real browser: what it shows is what the server does, and what clients sent stays text.
#[test]
fn the_page_in_a_headless_browser() {
    let port = free_port();
    let args = format!("--threads 2 --metrics-port {port} --slowlog-log-slower-than 0");
    let without = Server::start(Kind::Rustredis, &Options::args(&args));
    for path in ["/", "/page.json"] {
        assert!(get(port, &format!("GET {path} HTTP/1.1\r\n\r\n")).starts_with("HTTP/1.1 404"), "off by default");
    }
    drop(without);
    let server = Server::start(Kind::Rustredis, &Options::args(&format!("{args} --metrics-page yes")));
    let page = get(port, "GET / HTTP/1.1\r\n\r\n");
    assert!(page.starts_with("HTTP/1.1 200 OK") && page.contains("default-src 'none'"), "{page}");
    let outside = page.replace("http://www.w3.org/2000/svg", "");
    assert!(!outside.contains("http://") && !outside.contains("https://") && !outside.contains("src="));
    let json = get(port, "GET /page.json HTTP/1.1\r\n\r\n");
    let json: serde_json::Value = serde_json::from_str(json.split_once("\r\n\r\n").expect("a body").1).expect("JSON");
    assert_eq!(json["info"]["role"], "master");
    let Some(browser) = ["chromium", "chromium-browser", "google-chrome"].into_iter().find_map(on_path) else {
        return skip("chromium", "apt-get install chromium");
    };
    let stop = AtomicBool::new(false);
    std::thread::scope(|s| {
        s.spawn(|| {
            let mut c = server.connect();
            c.line("SET key value");
            let lines = ["GET key", "GET key", "GET key", "GET nosuch", "LPUSH <img/src=x/onerror=alert(1)> 1"];
            let round: Vec<u8> = lines.iter().flat_map(|l| command(&l.split(' ').collect::<Vec<_>>())).collect();
            while !stop.load(Ordering::Relaxed) {
                c.send_raw(&round).expect("sent");
                lines.iter().for_each(|_| drop(c.read_reply().expect("a reply")));
                std::thread::sleep(Duration::from_millis(1));
            }
        });
        let home = server.dir.join("browser");
        let picture = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("page.png");
        let _ = std::fs::remove_file(&picture);
        let browse = |flag: &str| {
            // A browser that cannot write its picture waits for ever.
            let out = assert_cmd::Command::new(&browser)
                .timeout(3 * common::PATIENCE)
                .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"])
                .args(["--window-size=1280,1100", "--virtual-time-budget=6000"])
                .arg(format!("--user-data-dir={}", home.display()))
                .arg(flag)
                .arg(format!("http://127.0.0.1:{port}/"))
                .output()
                .expect("the browser runs");
            String::from_utf8_lossy(&out.stdout).into_owned()
        };
        // It looks twice at the least, a second apart by its own clock; where that is not enough to tell a share, it looks again.
        let (mut shown, deadline) = (browse("--dump-dom"), Instant::now() + common::PATIENCE);
        while !shown.contains(">live</span>") || !shown.contains(" %</b>") {
            assert!(Instant::now() < deadline, "{shown}");
            shown = browse("--dump-dom");
        }
        while !picture.exists() {
            assert!(Instant::now() < deadline, "no screenshot");
            browse(&format!("--screenshot={}", picture.display()));
        }
        stop.store(true, Ordering::Relaxed);
        let tile = |id: &str| {
            let at = shown.find(&format!("id=\"{id}\"")).unwrap_or_else(|| panic!("no {id} in {shown}"));
            let inside = shown[at..].split_once("<b>").expect("a figure").1;
            inside.split_once("</b>").expect("its end").0.to_owned()
        };
        assert!(shown.contains(">live</span>"), "{shown}");
        assert!(tile("throughput").ends_with(" /s"), "{}", tile("throughput"));
        // Three of four; of the moments between two looks, in the middle of a round, it may be anything.
        let hits: f64 = tile("hits").trim_end_matches(" %").parse().expect("a number");
        assert!((0.0..=100.0).contains(&hits), "{hits}");
        let of_all = shown.split(" % since the start").next().and_then(|text| text.rsplit('>').next());
        let of_all: f64 = of_all.and_then(|n| n.parse().ok()).expect("a number");
        assert!((65.0..85.0).contains(&of_all), "{of_all}");
        assert!(tile("latency").ends_with(" µs"), "{}", tile("latency"));
        assert!(tile("memory").ends_with("iB") && tile("clients") == "1", "{} {}", tile("memory"), tile("clients"));
        assert!(shown.contains("<td>get</td>") && shown.contains("<td>lpush</td>"), "{shown}");
        assert!(shown.contains("LPUSH &lt;img/src=x/onerror=alert(1)&gt; 1") && !shown.contains("<img"), "{shown}");
        let png = std::fs::read(&picture).expect("a screenshot");
        assert!(png.starts_with(b"\x89PNG\r\n\x1a\n") && png.len() > 20_000, "{} bytes", png.len());
        eprintln!("the screenshot is {}", picture.display());
    });
}
