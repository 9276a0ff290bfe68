//! What people put in front of their servers: twemproxy (nutcracker) and haproxy, as Debian ships them, in front of our nodes.

mod common;

use common::repl::{field, follow, settle, signal, start, until};
use common::server::on_path;
use common::{Conn, Kind, Server, escape, free_port, skip};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A proxy that runs in a directory of its own.
struct Proxy {
    dir: PathBuf,
    child: Child,
}

impl Proxy {
    fn start(program: &Path, words: &[&str], port: u16, config: &str) -> Proxy {
        let dir = std::env::temp_dir().join(format!("rustredis-proxy-{}-{port}", std::process::id()));
        fs::create_dir_all(&dir).expect("a directory");
        let file = dir.join("config");
        fs::write(&file, config).expect("a configuration file");
        let log = fs::File::create(dir.join("log")).expect("a log file");
        let mut run = Command::new(program);
        run.args(words).arg(&file).current_dir(&dir).stdin(Stdio::null());
        let child = run.stdout(log.try_clone().expect("a file")).stderr(log).spawn().expect("a proxy");
        let proxy = Proxy { dir, child };
        until("the proxy listens", || proxy.log(), || Conn::try_open(port).is_ok());
        proxy
    }

    fn log(&self) -> String {
        fs::read_to_string(self.dir.join("log")).unwrap_or_default()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.dir);
    }
}

fn program(name: &str) -> Option<PathBuf> {
    let beside = PathBuf::from("/usr/sbin").join(name);
    let found = on_path(name).or_else(|| beside.is_file().then_some(beside));
    if found.is_none() {
        skip(name, &format!("apt-get install {name}"));
    }
    found
}

#[test]
fn twemproxy_spreads_keys_over_our_nodes() {
    let Some(nutcracker) = program("nutcracker") else { return };
    let nodes: Vec<Server> = (0..3).map(|_| start(Kind::Rustredis, &[])).collect();
    let (port, stats) = (free_port(), free_port());
    let servers: String =
        (1..).zip(&nodes).map(|(n, node)| format!("    - 127.0.0.1:{}:1 node{n}\n", node.port)).collect();
    let config = format!(
        "alpha:\n  listen: 127.0.0.1:{port}\n  redis: true\n  hash: md5\n  distribution: ketama\n  \
         auto_eject_hosts: false\n  timeout: 60000\n  servers:\n{servers}"
    );
    // Debian's has its files where only root may write.
    let own = ["-o", "/dev/stderr", "-p", "pid", "-a", "127.0.0.1", "-s", &stats.to_string(), "-c"];
    let proxy = Proxy::start(&nutcracker, &own, port, &config);
    let mut conn = Conn::open(port);
    let mut keys = Vec::new();
    for n in 0..300 {
        let key = format!("key:{n}");
        assert_eq!(conn.line(&format!("SET {key} value{n}")), "+OK\\r\\n", "{}", proxy.log());
        keys.push(key);
    }
    let sizes: Vec<i64> = nodes.iter().map(|n| n.connect().tree(&["DBSIZE"]).int().unwrap_or(0)).collect();
    assert!(sizes.iter().sum::<i64>() == 300 && sizes.iter().all(|n| *n > 20), "{sizes:?}");
    // Commands on many keys are cut up by the proxy and put together again.
    let all: Vec<&str> = std::iter::once("MGET").chain(keys.iter().map(String::as_str)).collect();
    let values = conn.tree(&all).items;
    assert!(values.iter().enumerate().all(|(n, v)| v.string() == format!("value{n}")));
    let del: Vec<&str> = std::iter::once("DEL").chain(keys[..100].iter().map(String::as_str)).collect();
    assert_eq!(escape(&conn.ask(&del)), ":100\\r\\n");
    for (line, reply) in [
        ("INCRBY n 5", ":5"),
        ("RPUSH l a b c", ":3"),
        ("LRANGE l 0 -1", "*3"),
        ("HSET h f v g w", ":2"),
        ("HGETALL h", "*4"),
        ("ZADD z 1 a 2 b", ":2"),
        ("ZRANGE z 0 -1 WITHSCORES", "*4"),
        ("SADD s a b", ":2"),
        ("PFADD p a b", ":1"),
        ("EXPIRE n 100", ":1"),
        ("SET s2 v EX 1000 NX", "+OK"),
        ("GETRANGE s2 0 0", "$1"),
        ("SSCAN s 0", "*2"),
        ("DUMP n", "$"),
    ] {
        let got = conn.line(line);
        assert!(got.starts_with(reply), "{line}: {got}");
    }
    let got = escape(&conn.ask(&["EVAL", "return redis.call('GET', KEYS[1])", "1", "n"]));
    assert_eq!(got, "$1\\r\\n5\\r\\n");
    // Many requests at once, in order.
    let pipeline: Vec<u8> = (0..2000).flat_map(|n| common::command(&["INCR", &format!("c{}", n % 10)])).collect();
    conn.send_raw(&pipeline).expect("a connection");
    for n in 0..2000 {
        assert_eq!(escape(&conn.read_reply().expect("a reply")), format!(":{}\\r\\n", n / 10 + 1));
    }
}

#[test]
fn haproxy_finds_the_primary() {
    let Some(haproxy) = program("haproxy") else { return };
    let (a, b) = (start(Kind::Rustredis, &[]), start(Kind::Rustredis, &[]));
    follow(&a, &b);
    let port = free_port();
    // The health check of many a handbook: whoever says that it is a master gets the connections.
    let config = format!(
        "global\n  maxconn 100\ndefaults\n  mode tcp\n  timeout connect 20s\n  timeout client 100s\n  timeout server 100s\n\
         listen redis\n  bind 127.0.0.1:{port}\n  option tcp-check\n  tcp-check connect\n  \
         tcp-check send PING\\r\\n\n  tcp-check expect string +PONG\n  \
         tcp-check send info\\ replication\\r\\n\n  tcp-check expect string role:master\n  \
         tcp-check send QUIT\\r\\n\n  tcp-check expect string +OK\n  \
         default-server inter 100ms fall 1 rise 1 on-marked-down shutdown-sessions\n  \
         server a 127.0.0.1:{} check\n  server b 127.0.0.1:{} check\n",
        a.port, b.port
    );
    let proxy = Proxy::start(&haproxy, &["-db", "-f"], port, &config);
    let mut number = 0;
    // Connections are refused while the proxy has not made up its mind; so this asks again.
    let mut write = |what: &str| {
        let deadline = Instant::now() + common::PATIENCE;
        loop {
            number += 1;
            let ask = || {
                let mut conn = Conn::try_open(port).ok()?;
                conn.send(&["SET", "n", &number.to_string()]).ok()?;
                conn.read_reply().ok().filter(|reply| reply == b"+OK\r\n")
            };
            if ask().is_some() {
                return number;
            }
            assert!(Instant::now() < deadline, "{what}: {}", proxy.log());
            std::thread::sleep(Duration::from_millis(50));
        }
    };
    let written = write("before");
    settle(&a, &b, "by way of the proxy");
    assert_eq!(b.connect().tree(&["GET", "n"]).int(), Some(written));
    assert_eq!(a.connect().line(&format!("FAILOVER TO 127.0.0.1 {} TIMEOUT 100000", b.port)), "+OK\\r\\n");
    until("the role goes over", || b.log(), || field(&mut b.connect(), "replication", "role") == "master");
    let written = write("after the failover");
    settle(&b, &a, "after the failover");
    assert_eq!(a.connect().tree(&["GET", "n"]).int(), Some(written));
    // And when the primary is gone for good.
    signal(&b, "STOP");
    a.connect().line("REPLICAOF NO ONE");
    let written = write("after the primary was lost");
    assert_eq!(a.connect().tree(&["GET", "n"]).int(), Some(written));
    signal(&b, "CONT");
}
