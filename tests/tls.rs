//! TLS with the clients that people have: Debian's redis-cli, redis-py, redis-rs, openssl, and our own; with those that are
//! up to no good; between a replica and its primary. Certificates are made by the test.

#[path = "tls/authority.rs"]
mod authority;
mod common;

use authority::Authority;
use common::{Conn, Kind, Options, Server, find, free_port, server::on_path, skip};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

fn authority() -> Authority {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let n = COUNT.fetch_add(1, Ordering::Relaxed);
    let made = Authority::new(&std::env::temp_dir().join(format!("rustredis-tls-{}-{n}", std::process::id())));
    made.sign("server").sign("client");
    made
}

struct Secure {
    server: Server,
    tls: u16,
    made: Authority,
}

/// A server of this kind with both a plain port, for the test, and one for TLS.
fn secure_kind(kind: Kind, more: &str) -> Secure {
    let (made, tls) = (authority(), free_port());
    let (cert, key, ca) = (made.file("server.crt"), made.file("server.key"), made.file("ca.crt"));
    let args = format!("--tls-port {tls} --tls-cert-file {cert} --tls-key-file {key} --tls-ca-cert-file {ca} {more}");
    Secure { server: Server::start(kind, &Options::args(&args)), tls, made }
}

fn secure(more: &str) -> Secure {
    secure_kind(Kind::Rustredis, &format!("--threads 2 {more}"))
}

fn run(program: &Path, args: &[&str], input: &str) -> (bool, String) {
    let mut command = Command::new(program);
    command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap_or_else(|e| panic!("cannot run {}: {e}", program.display()));
    // Who has ended already does not read.
    let _ = child.stdin.take().expect("its input").write_all(input.as_bytes());
    let Output { status, stdout, stderr } = child.wait_with_output().expect("its output");
    let both = [stdout, stderr].concat();
    (status.success(), String::from_utf8_lossy(&both).into_owned())
}

fn ours() -> PathBuf {
    find(Kind::Rustredis).expect("ours is always there")
}

impl Secure {
    /// The flags that redis-cli and ours share.
    fn flags(&self, with_certificate: bool) -> Vec<String> {
        let mut flags: Vec<String> =
            ["-h", "127.0.0.1", "-p", &self.tls.to_string(), "--tls", "--cacert", &self.made.file("ca.crt")]
                .map(str::to_owned)
                .to_vec();
        if with_certificate {
            for (flag, file) in [("--cert", "client.crt"), ("--key", "client.key")] {
                flags.extend([flag.to_owned(), self.made.file(file)]);
            }
        }
        flags
    }

    fn ours(&self, with_certificate: bool, words: &[&str]) -> (bool, String) {
        let mut args = vec!["cli".to_owned()];
        args.extend(self.flags(with_certificate));
        args.extend(words.iter().map(|w| (*w).to_owned()));
        run(&ours(), &args.iter().map(String::as_str).collect::<Vec<_>>(), "")
    }

    fn log_has(&self, text: &str) {
        let deadline = Instant::now() + common::PATIENCE;
        while !self.server.log().contains(text) {
            assert!(Instant::now() < deadline, "no '{text}' in the log:\n{}", self.server.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// Every client must come to the same: who is let in, and with what.
#[test]
fn certificates_of_clients() {
    let secure = secure("");
    let mut plain = secure.server.connect();
    let redis_cli = on_path("redis-cli");
    if redis_cli.is_none() {
        skip("redis-cli", "apt-get install redis-tools");
    }
    for (setting, bare, shown) in [("yes", false, true), ("optional", true, true), ("no", true, true)] {
        assert_eq!(plain.line(&format!("CONFIG SET tls-auth-clients {setting}")), "+OK\\r\\n");
        for (with_certificate, want) in [(false, bare), (true, shown)] {
            let (_, out) = secure.ours(with_certificate, &["PING"]);
            assert_eq!(out == "PONG\n", want, "{setting} {with_certificate}: {out}");
            if let Some(cli) = &redis_cli {
                let mut args = secure.flags(with_certificate);
                args.push("PING".to_owned());
                let (_, out) = run(cli, &args.iter().map(String::as_str).collect::<Vec<_>>(), "");
                assert_eq!(out == "PONG\n", want, "redis-cli, {setting} {with_certificate}: {out}");
            }
        }
    }
    secure.log_has("Error accepting a client connection: peer sent no certificates");
    // Somebody else's certificate is none.
    let stranger = authority();
    assert_eq!(plain.line("CONFIG SET tls-auth-clients yes"), "+OK\\r\\n");
    let (port, ca) = (secure.tls.to_string(), secure.made.file("ca.crt"));
    let (cert, key) = (stranger.file("client.crt"), stranger.file("client.key"));
    let flags = ["cli", "-p", &port, "--tls", "--cacert", &ca, "--cert", &cert, "--key", &key, "PING"];
    let (_, out) = run(&ours(), &flags, "");
    assert!(!out.contains("PONG"), "{out}");
    // Nor does a client take a stranger for the server.
    let foreign = stranger.file("ca.crt");
    let (ok, out) = run(&ours(), &["cli", "-p", &port, "--tls", "--cacert", &foreign, "PING"], "");
    assert!(!ok && !out.contains("PONG"), "{out}");
}

#[test]
fn redis_py_over_tls() {
    let python = std::env::var_os("PYTHON").map_or_else(|| PathBuf::from("python3"), PathBuf::from);
    if !Command::new(&python).args(["-c", "import redis"]).output().is_ok_and(|out| out.status.success()) {
        return skip("redis-py", "pip install redis");
    }
    let secure = secure("");
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/python/tls.py");
    let files = ["ca.crt", "client.crt", "client.key"].map(|f| secure.made.file(f));
    let (ok, out) = run(&python, &[script, &secure.tls.to_string(), &files[0], &files[1], &files[2]], "");
    assert!(ok && out.trim_end().ends_with("done"), "{out}");
}

#[test]
fn redis_rs_over_tls() {
    let secure = secure("");
    let read = |name: &str| std::fs::read(secure.made.file(name)).expect("a file");
    let certificates = redis::TlsCertificates {
        client_tls: Some(redis::ClientTlsConfig { client_cert: read("client.crt"), client_key: read("client.key") }),
        root_cert: Some(read("ca.crt")),
    };
    let url = format!("rediss://localhost:{}", secure.tls);
    let client = redis::Client::build_with_tls(url, certificates).expect("a client");
    let mut conn = client.get_connection().expect("a connection");
    let large = "x".repeat(3 << 20);
    let () = redis::cmd("SET").arg("large").arg(&large).query(&mut conn).expect("SET");
    let back: String = redis::cmd("GET").arg("large").query(&mut conn).expect("GET");
    assert_eq!(back, large);
    let mut pipe = redis::pipe();
    for i in 0..5000 {
        pipe.cmd("INCRBY").arg("n").arg(i);
    }
    let sums: Vec<i64> = pipe.query(&mut conn).expect("a pipeline");
    assert_eq!(sums.last(), Some(&(4999 * 5000 / 2)));
}

/// Much goes both ways at once, and a slow reader gets every byte in its order.
#[test]
fn large_replies_to_a_slow_reader() {
    let secure = secure("");
    let Some(openssl) = on_path("openssl") else {
        return skip("openssl", "apt-get install openssl");
    };
    let mut plain = secure.server.connect();
    assert_eq!(plain.ask(&["CONFIG", "SET", "tls-auth-clients", "no"]), b"+OK\r\n");
    let value: Vec<u8> = (0..4_000_000u32).map(|i| b'a' + (i % 23) as u8).collect();
    assert_eq!(plain.ask(&[b"SET".as_slice(), b"k", &value]), b"+OK\r\n");
    let child = Command::new(openssl)
        .args(["s_client", "-quiet", "-nocommands", "-connect", &format!("127.0.0.1:{}", secure.tls)])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn();
    let mut child = child.expect("openssl runs");
    let mut input = child.stdin.take().expect("its input");
    input.write_all(&b"GET k\r\n".repeat(10)).expect("written");
    std::thread::sleep(Duration::from_millis(300));
    // The connection waits for its reader, and nobody else does.
    assert_eq!(plain.ask(&["PING"]), b"+PONG\r\n");
    let mut out = child.stdout.take().expect("its output");
    let head = format!("${}\r\n", value.len()).into_bytes();
    let mut got = vec![0; head.len() + value.len() + 2];
    for i in 0..10 {
        out.read_exact(&mut got).expect("a reply");
        assert!(got.starts_with(&head) && got[head.len()..head.len() + value.len()] == value[..], "reply {i}");
    }
    input.write_all(b"QUIT\r\n").expect("written");
    let mut rest = Vec::new();
    out.read_to_end(&mut rest).expect("the end");
    assert_eq!(rest, b"+OK\r\n");
    let _ = child.kill();
    let _ = child.wait();
}

#[test]
fn stalled_and_plain_handshakes_harm_nobody() {
    let secure = secure("--maxclients 500");
    let stalled: Vec<TcpStream> =
        (0..100).map(|_| TcpStream::connect(("127.0.0.1", secure.tls)).expect("a connection")).collect();
    let mut halves = Vec::new();
    for _ in 0..50 {
        let mut s = TcpStream::connect(("127.0.0.1", secure.tls)).expect("a connection");
        // The beginning of a ClientHello that never goes on.
        s.write_all(&[22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3]).expect("written");
        halves.push(s);
    }
    for nonsense in [&b"PING\r\n"[..], b"*1\r\n$4\r\nPING\r\n", b"GET / HTTP/1.1\r\n\r\n", &[0; 4096]] {
        let mut s = TcpStream::connect(("127.0.0.1", secure.tls)).expect("a connection");
        s.set_read_timeout(Some(Duration::from_secs(10))).expect("a timeout");
        s.write_all(nonsense).expect("written");
        let mut answer = Vec::new();
        // A TLS alert at most, then the end; a reset is an end too.
        let _ = s.read_to_end(&mut answer);
        assert!(!answer.windows(4).any(|w| w == b"PONG"), "{answer:?}");
    }
    secure.log_has("Error accepting a client connection: received corrupt message");
    // Others are served before those are cut off, which takes ten seconds.
    common::in_one_of(5, |_| {
        let fresh: Vec<TcpStream> =
            (0..20).map(|_| TcpStream::connect(("127.0.0.1", secure.tls)).expect("a connection")).collect();
        assert_eq!(secure.ours(true, &["PING"]).1, "PONG\n");
        let mut plain = secure.server.connect();
        assert_eq!(plain.line("PING"), "+PONG\\r\\n");
        for s in fresh {
            s.set_nonblocking(true).expect("set");
            let silent = s.peek(&mut [0; 1]).is_err_and(|e| e.kind() == std::io::ErrorKind::WouldBlock);
            assert!(silent, "it was cut off before others were served");
        }
    });
    // In the end they are cut off.
    secure.log_has("no TLS handshake within 10 s");
    for mut s in stalled {
        s.set_read_timeout(Some(Duration::from_secs(10))).expect("a timeout");
        assert!(matches!(s.read(&mut [0; 64]), Ok(0) | Err(_)));
    }
    drop(halves);
    assert_eq!(secure.ours(true, &["PING"]).1, "PONG\n");
}

#[test]
fn everything_is_reloaded_by_config_set() {
    let secure = secure("");
    let mut plain = secure.server.connect();
    let refused = |c: &mut Conn, name: &str, value: &str| {
        let out = String::from_utf8_lossy(&c.ask(&["CONFIG", "SET", name, value])).into_owned();
        let want = format!(
            "-ERR CONFIG SET failed (possibly related to argument '{name}') - Unable to update TLS configuration. Check server logs.\r\n"
        );
        assert_eq!(out, want);
    };
    refused(&mut plain, "tls-cert-file", "/nosuch");
    refused(&mut plain, "tls-key-file", &secure.made.file("client.key"));
    refused(&mut plain, "tls-key-file", &secure.made.file("ca.crt"));
    refused(&mut plain, "tls-ca-cert-file", "/nosuch");
    refused(&mut plain, "tls-protocols", "TLSv9");
    refused(&mut plain, "tls-protocols", "TLSv1");
    refused(&mut plain, "tls-ciphers", "NOSUCH");
    refused(&mut plain, "tls-ciphersuites", "NOSUCH");
    secure.log_has("Failed to load certificate: /nosuch: No such file or directory");
    secure.log_has("Failed to configure ciphers: NOSUCH");
    // Nothing of it stayed.
    assert_eq!(secure.ours(true, &["PING"]).1, "PONG\n");

    // The same names, other certificates: who asks again is shown the new ones.
    let other = authority();
    for name in ["server.crt", "server.key"] {
        std::fs::copy(other.file(name), secure.made.file(name)).expect("copied");
    }
    let (cert, key) = (secure.made.file("server.crt"), secure.made.file("server.key"));
    assert_eq!(secure.ours(true, &["PING"]).1, "PONG\n");
    assert_eq!(plain.ask(&["CONFIG", "SET", "tls-cert-file", &cert, "tls-key-file", &key]), b"+OK\r\n");
    assert!(!secure.ours(true, &["PING"]).1.contains("PONG"));
    assert_eq!(plain.ask(&["CONFIG", "SET", "tls-ca-cert-file", &other.file("ca.crt")]), b"+OK\r\n");
    let (port, ca) = (secure.tls.to_string(), other.file("ca.crt"));
    let (cert, key) = (other.file("client.crt"), other.file("client.key"));
    let ask = |port: &str| {
        run(&ours(), &["cli", "-p", port, "--tls", "--cacert", &ca, "--cert", &cert, "--key", &key, "PING"], "")
    };
    assert_eq!(ask(&port).1, "PONG\n");

    // The port moves, and goes; so does the plain one.
    let moved = free_port().to_string();
    assert_eq!(plain.ask(&["CONFIG", "SET", "tls-port", &moved]), b"+OK\r\n");
    assert_eq!(ask(&moved).1, "PONG\n");
    assert!(TcpStream::connect(("127.0.0.1", secure.tls)).is_err());
    assert_eq!(plain.ask(&["CONFIG", "SET", "port", "0"]), b"+OK\r\n");
    assert!(TcpStream::connect(("127.0.0.1", secure.server.port)).is_err());
    assert_eq!(ask(&moved).1, "PONG\n");
    let info = String::from_utf8_lossy(&plain.ask(&["INFO", "server"])).into_owned();
    assert!(info.contains(&format!("tcp_port:{moved}\r\n")), "{info}");
    assert!(info.contains(&format!("listener0:name=tls,bind=127.0.0.1,port={moved}\r\n")), "{info}");
}

#[test]
fn versions_and_ciphers() {
    let Some(openssl) = on_path("openssl") else {
        return skip("openssl", "apt-get install openssl");
    };
    let secure = secure("--tls-auth-clients no");
    let mut plain = secure.server.connect();
    let address = format!("127.0.0.1:{}", secure.tls);
    let talk = |flags: &[&str]| {
        let args = [&["s_client", "-connect", &address], flags].concat();
        run(&openssl, &args, "QUIT\r\n").1
    };
    for (protocols, flag, spoken) in [
        ("TLSv1.2", "-tls1_2", true),
        ("TLSv1.2", "-tls1_3", false),
        ("TLSv1.3", "-tls1_2", false),
        ("TLSv1.3", "-tls1_3", true),
        ("TLSv1.1 TLSv1.2", "-tls1_2", true),
        ("", "-tls1_2", true),
        ("", "-tls1_3", true),
    ] {
        assert_eq!(plain.ask(&["CONFIG", "SET", "tls-protocols", protocols]), b"+OK\r\n");
        let out = talk(&[flag]);
        assert_eq!(
            out.contains("Cipher is (NONE)") || !out.contains("Cipher is "),
            !spoken,
            "{protocols} {flag}: {out}"
        );
    }
    secure.log_has("tls-protocols: TLSv1.1 is broken, and not spoken here");
    let ciphers = "ECDHE-ECDSA-AES256-GCM-SHA384:DEFAULT:!CHACHA20";
    assert_eq!(plain.ask(&["CONFIG", "SET", "tls-ciphers", ciphers]), b"+OK\r\n");
    assert!(talk(&["-tls1_2", "-cipher", "ECDHE-ECDSA-CHACHA20-POLY1305"]).contains("Cipher is (NONE)"));
    assert_eq!(plain.ask(&["CONFIG", "SET", "tls-prefer-server-ciphers", "yes"]), b"+OK\r\n");
    let out = talk(&["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384"]);
    assert!(out.contains("Cipher is ECDHE-ECDSA-AES256-GCM-SHA384"), "{out}");
    let suite = "TLS_CHACHA20_POLY1305_SHA256";
    assert_eq!(plain.ask(&["CONFIG", "SET", "tls-ciphersuites", suite]), b"+OK\r\n");
    assert!(talk(&["-tls1_3"]).contains(&format!("Cipher is {suite}")));

    // Sessions are resumed if they may be.
    let session = secure.made.file("session");
    for (caching, resumed) in [("yes", true), ("no", false)] {
        assert_eq!(plain.ask(&["CONFIG", "SET", "tls-session-caching", caching]), b"+OK\r\n");
        let _ = std::fs::remove_file(&session);
        talk(&["-tls1_2", "-sess_out", &session]);
        let again = if Path::new(&session).exists() { talk(&["-tls1_2", "-sess_in", &session]) } else { String::new() };
        assert_eq!(again.contains("Reused, "), resumed, "{caching}: {again}");
    }
}

#[test]
fn keys_with_a_password() {
    let Some(openssl) = on_path("openssl") else {
        return skip("openssl", "apt-get install openssl");
    };
    let secure = secure("--tls-auth-clients no");
    let (key, sealed) = (secure.made.file("server.key"), secure.made.file("sealed.key"));
    let args = ["pkcs8", "-topk8", "-in", &key, "-out", &sealed, "-passout", "pass:open sesame"];
    let (ok, out) = run(&openssl, &args, "");
    assert!(ok, "{out}");
    let mut plain = secure.server.connect();
    for pass in ["", "wrong"] {
        let out = plain.ask(&["CONFIG", "SET", "tls-key-file-pass", pass, "tls-key-file", &sealed]);
        assert!(out.starts_with(b"-ERR CONFIG SET failed"), "{}", common::escape(&out));
    }
    let out = plain.ask(&["CONFIG", "SET", "tls-key-file-pass", "open sesame", "tls-key-file", &sealed]);
    assert_eq!(out, b"+OK\r\n");
    assert_eq!(secure.ours(false, &["PING"]).1, "PONG\n");
    secure.log_has("the key cannot be decrypted: wrong password?");
    assert!(!secure.server.log().contains("sesame"));
    assert!(!plain.line("SLOWLOG GET").contains("sesame"));
}

#[test]
fn what_is_missing_is_said_at_the_start() {
    let made = authority();
    let (cert, key) = (made.file("server.crt"), made.file("server.key"));
    for (args, why) in [
        (vec![], "No tls-cert-file configured!"),
        (vec!["--tls-cert-file", &cert], "No tls-key-file configured!"),
        (
            vec!["--tls-cert-file", &cert, "--tls-key-file", &key],
            "Either tls-ca-cert-file or tls-ca-cert-dir must be specified",
        ),
        (vec!["--tls-cert-file", &cert, "--tls-key-file", "/nosuch"], "tls-ca-cert"),
        (
            vec!["--tls-cert-file", &cert, "--tls-key-file", "/nosuch", "--tls-auth-clients", "no"],
            "Failed to load private key: /nosuch: No such file or directory",
        ),
    ] {
        let port = free_port().to_string();
        let (ok, out) =
            run(&ours(), &[&["serve", "--port", "0", "--tls-port", &port, "--save", ""], args.as_slice()].concat(), "");
        assert!(
            !ok && out.contains(why) && out.contains("Failed to configure TLS. Check logs for more info."),
            "{args:?}: {out}"
        );
    }
}

/// Both ways, with a real Redis on the other side: `tls-replication` makes the link, and the copy and the stream go over it.
#[test]
fn replication_over_tls() {
    let mut kinds = vec![(Kind::Rustredis, Kind::Rustredis)];
    // A server that was built without TLS stumbles over the first of these, others over the second.
    let has_tls = find(Kind::Redis)
        .is_some_and(|p| run(&p, &["--tls-port", "0", "--no-such-directive", "1"], "").1.contains("no-such-directive"));
    if has_tls {
        kinds.extend([(Kind::Rustredis, Kind::Redis), (Kind::Redis, Kind::Rustredis)]);
    } else {
        skip("redis-server with TLS", Kind::Redis.how_to_install());
    }
    for (of_primary, of_replica) in kinds {
        let primary = secure_kind(of_primary, "--repl-diskless-sync-delay 0");
        let mut c = primary.server.connect();
        let value = "x".repeat(100_000);
        (0..100).for_each(|i| assert_eq!(c.ask(&["SET", &format!("k{i}"), &value]), b"+OK\r\n"));
        let files = ["client.crt", "client.key", "ca.crt"].map(|f| primary.made.file(f));
        let own = free_port();
        let args = format!(
            "--tls-replication yes --tls-port {own} --tls-cert-file {} --tls-key-file {} --tls-ca-cert-file {} --replicaof 127.0.0.1 {}",
            files[0], files[1], files[2], primary.tls
        );
        let replica = Server::start(of_replica, &Options::args(&args));
        let mut r = replica.connect();
        let wait = |c: &mut Conn| {
            let deadline = Instant::now() + common::PATIENCE;
            while c.line("WAIT 1 100") != ":1\\r\\n" {
                assert!(Instant::now() < deadline, "{of_primary:?} {of_replica:?}: {}", replica.log());
            }
        };
        wait(&mut c);
        (0..5000).for_each(|i| c.send(&["INCRBY", "n", &i.to_string()]).expect("sent"));
        (0..5000).for_each(|_| drop(c.read_reply().expect("a reply")));
        wait(&mut c);
        assert_eq!(r.line("GET n"), "$8\\r\\n12497500\\r\\n");
        assert_eq!(r.line("DBSIZE"), ":101\\r\\n");
        let role = c.line("ROLE");
        assert!(role.contains(&own.to_string()), "the port announced is the one for TLS: {role}");
        assert!(!r.line("INFO replication").contains("master_link_status:down"));
    }
}

/// With `tls-cluster` MIGRATE speaks TLS, and nothing else.
#[test]
fn keys_migrate_over_tls() {
    let target = secure("");
    let files = ["client.crt", "client.key", "ca.crt"].map(|f| target.made.file(f));
    let [cert, key, ca] = &files;
    let args = format!("--tls-cluster yes --tls-cert-file {cert} --tls-key-file {key} --tls-ca-cert-file {ca}");
    let source = Server::start(Kind::Rustredis, &Options::args(&args));
    let (mut from, mut to) = (source.connect(), target.server.connect());
    from.line("MSET a 1 b 2 c 3");
    let port = target.tls.to_string();
    let migrated = from.ask(&["MIGRATE", "127.0.0.1", &port, "", "2", "100000", "KEYS", "a", "b"]);
    assert_eq!(migrated, b"+OK\r\n", "{}", source.log());
    to.line("SELECT 2");
    assert_eq!(to.line("MGET a b"), r"*2\r\n$1\r\n1\r\n$1\r\n2\r\n");
    assert!(from.line(&format!("MIGRATE 127.0.0.1 {} c 2 1000", target.server.port)).starts_with("-IOERR"));
    assert_eq!(from.line("EXISTS a b c"), r":1\r\n");
}

/// While a script overruns, who came by TLS is told so, and may end it.
#[test]
fn a_script_is_ended_over_tls() {
    let secure = secure("--tls-auth-clients no --busy-reply-threshold 50");
    let mut stuck = secure.server.connect();
    stuck.send(&["EVAL", "while true do end", "0"]).expect("sent");
    let (mut other, deadline) = (secure.server.connect(), Instant::now() + common::PATIENCE);
    while !other.line("GET a").starts_with("-BUSY") {
        assert!(Instant::now() < deadline, "the script does not run");
    }
    let (_, out) = secure.ours(false, &["GET", "a"]);
    assert!(out.contains("BUSY"), "{out}");
    assert_eq!(secure.ours(false, &["SCRIPT", "KILL"]).1, "OK\n");
    assert!(stuck.read_reply().expect("a reply").starts_with(b"-"));
}

#[test]
fn our_own_load_generator_over_tls() {
    let secure = secure("");
    let mut args = vec!["bench".to_owned()];
    args.extend(secure.flags(true));
    args.extend(["-n", "20000", "-c", "20", "-P", "16", "-t", "set,get", "-q"].map(str::to_owned));
    let (ok, out) = run(&ours(), &args.iter().map(String::as_str).collect::<Vec<_>>(), "");
    assert!(ok && out.contains("SET: ") && out.contains("GET: "), "{out}");
    let Some(bench) = on_path("redis-benchmark") else {
        return skip("redis-benchmark", "apt-get install redis-tools");
    };
    args.remove(0);
    let (ok, out) = run(&bench, &args.iter().map(String::as_str).collect::<Vec<_>>(), "");
    assert!(ok && out.contains("SET: ") && out.contains("GET: "), "{out}");
}

/// Connections over TLS come and go; what they took comes back.
#[test]
fn a_storm_of_connections() {
    let secure = secure("--tls-auth-clients no");
    let count =
        |what: &str| std::fs::read_dir(format!("/proc/{}/{what}", secure.server.pid())).map_or(0, Iterator::count);
    let mut plain = secure.server.connect();
    // An answer: the connection is accepted, and counted.
    assert_eq!(plain.line("PING"), "+PONG\\r\\n");
    let (fds, threads) = (count("fd"), count("task"));
    let root = std::fs::read(secure.made.file("ca.crt")).expect("a file");
    let url = format!("rediss://localhost:{}", secure.tls);
    let certificates = redis::TlsCertificates { client_tls: None, root_cert: Some(root) };
    let client = redis::Client::build_with_tls(url, certificates).expect("a client");
    for _ in 0..3 {
        let all: Vec<redis::Connection> = (0..100).map(|_| client.get_connection().expect("a connection")).collect();
        for mut conn in all {
            let n: i64 = redis::cmd("INCR").arg("n").query(&mut conn).expect("INCR");
            assert!(n > 0);
        }
    }
    let deadline = Instant::now() + common::PATIENCE;
    while count("fd") > fds || count("task") > threads {
        assert!(
            Instant::now() < deadline,
            "{} of {fds} descriptors, {} of {threads} threads",
            count("fd"),
            count("task")
        );
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(plain.line("GET n"), "$3\\r\\n300\\r\\n");
}
