//! `--metrics-port`: what Prometheus and those who restart servers see.

mod common;

use common::{Kind, Options, Server};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

fn get(port: u16, request: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("the metrics port");
    stream.set_read_timeout(Some(Duration::from_secs(10))).expect("a timeout");
    stream.write_all(request.as_bytes()).expect("a request");
    let mut reply = String::new();
    stream.read_to_string(&mut reply).expect("a reply");
    reply
}

#[test]
fn metrics_have_the_names_that_dashboards_know() {
    let port = TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a free port").port();
    for threads in [1, 2] {
        let server =
            Server::start(Kind::Rustredis, &Options::args(&format!("--threads {threads} --metrics-port {port}")));
        let mut c = server.connect();
        for line in ["SET a 1", "SET b 1 EX 1000", "GET a", "GET nosuch", "NOSUCH", "SELECT 3", "SET c 1"] {
            c.line(line);
        }
        // Who says nothing, or nonsense, keeps nobody else waiting.
        let stalled: Vec<TcpStream> =
            (0..10).map(|_| TcpStream::connect(("127.0.0.1", port)).expect("a connection")).collect();
        let page = get(port, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
        drop(stalled);
        assert!(page.starts_with("HTTP/1.1 200 OK\r\n"), "{page}");
        for line in [
            "redis_up 1",
            "redis_connected_clients 1",
            "redis_keyspace_hits_total 1",
            "redis_keyspace_misses_total 1",
            "redis_db_keys{db=\"db0\"} 2",
            "redis_db_keys_expiring{db=\"db0\"} 1",
            "redis_db_keys{db=\"db3\"} 1",
            "redis_commands_total{cmd=\"set\"} 3",
            "redis_errors_total{err=\"ERR\"} 1",
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
        assert!(get(port, "GET /healthz HTTP/1.0\r\n\r\n").ends_with("\r\n\r\nok\n"));
        assert!(get(port, "GET /readyz?x=1 HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 200"));
        assert!(get(port, "GET /nosuch HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 404"));
        assert!(get(port, "POST /metrics HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 405"));
        assert!(get(port, &format!("GET /{} HTTP/1.1\r\n\r\n", "x".repeat(7000))).starts_with("HTTP/1.1 404"));
        assert_eq!(c.line("GET c"), "$1\\r\\n1\\r\\n");
    }
}
