//! TLS beside Debian's redis-cli: the same flags let the same connections through, and what is sent over them comes out the
//! same; and a real cluster of which every node speaks TLS.

use super::{
    authority::Authority,
    common::{self, Kind, Options, Server, find, free_port, server::on_path},
    terminal::Terminal,
};
use std::{
    path::Path,
    process::{Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

struct Secure {
    server: Server,
    tls: u16,
    made: Authority,
}

fn authority() -> Authority {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let n = COUNT.fetch_add(1, Ordering::Relaxed);
    let made = Authority::new(&std::env::temp_dir().join(format!("rustredis-cli-tls-{}-{n}", std::process::id())));
    made.sign("server").sign("client");
    made
}

fn words(made: &Authority, tls: u16) -> String {
    let (cert, key, ca) = (made.file("server.crt"), made.file("server.key"), made.file("ca.crt"));
    format!("--tls-port {tls} --tls-cert-file {cert} --tls-key-file {key} --tls-ca-cert-file {ca}")
}

impl Secure {
    /// A server with a plain port and one for TLS, where clients need no certificate but for what `more` says.
    fn start(kind: Kind, more: &str) -> Secure {
        let (made, tls) = (authority(), free_port());
        let args = format!("{} --tls-auth-clients optional {more}", words(&made, tls));
        Secure { server: Server::start(kind, &Options::args(&args)), tls, made }
    }
}

fn run(program: &Path, args: &[String], input: &str) -> (Option<i32>, String, String) {
    let mut command = Command::new(program);
    command.args(args).env_remove("REDISCLI_AUTH").env("REDISCLI_HISTFILE", "/dev/null");
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("a client");
    // Who was not let in reads nothing.
    let _ = std::io::Write::write_all(&mut child.stdin.take().expect("a pipe"), input.as_bytes());
    let out = child.wait_with_output().expect("a client");
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    (out.status.code(), text(out.stdout), text(out.stderr))
}

#[test]
fn tls_as_redis_cli_has_it() {
    let (Some(theirs), Some(openssl)) = (on_path("redis-cli"), on_path("openssl")) else {
        return common::skip("redis-cli and openssl", "apt-get install redis-tools openssl");
    };
    for kind in [Kind::Redis, Kind::Rustredis] {
        if find(kind).is_none() {
            common::skip(&format!("{kind:?}"), kind.how_to_install());
            continue;
        }
        let (secure, stranger) = (Secure::start(kind, ""), authority());
        let made = &secure.made;
        let (ca, cert, key) = (made.file("ca.crt"), made.file("client.crt"), made.file("client.key"));
        let hashed = secure.server.dir.join("authorities");
        std::fs::create_dir(&hashed).and_then(|()| std::fs::copy(&ca, hashed.join("ca.pem"))).expect("a directory");
        assert!(Command::new(&openssl).arg("rehash").arg(&hashed).status().expect("openssl").success());
        let link = secure.server.dir.join("redis-cli");
        std::os::unix::fs::symlink(find(Kind::Rustredis).expect("our own binary"), &link).expect("a link");
        let (hashed, foreign, tls, plain) = (hashed.display(), stranger.file("ca.crt"), secure.tls, secure.server.port);
        let mut seen = Vec::new();
        for (line, gets_in) in [
            (format!("-p {tls} --tls --cacert {ca} ping"), true),
            (format!("-p {tls} --tls --cacertdir {hashed} ping"), true),
            (format!("-p {tls} --tls --insecure ping"), true),
            (format!("-p {tls} --insecure --tls ping"), true),
            (format!("-p {tls} --tls --cacert {ca} --sni localhost ping"), true),
            (format!("-p {tls} --tls --cacert {ca} --cert {cert} --key {key} ping"), true),
            (format!("-p {tls} --tls --cacert {ca} --tls-ciphersuites TLS_AES_256_GCM_SHA384 ping"), true),
            (format!("-p {tls} --tls --cacert {ca} --tls-ciphers ECDHE-ECDSA-AES256-GCM-SHA384 ping"), true),
            (format!("-u rediss://127.0.0.1:{tls} --cacert {ca} ping"), true),
            (format!("-u rediss://localhost:{tls}/3 --cacert {ca} set in three"), true),
            (format!("-p {tls} --tls --cacert {ca} -n 3 get in"), true),
            (format!("-p {tls} --tls --cacert {ca} --scan"), true),
            (format!("-p {tls} --tls --cacert {ca} --pipe"), true),
            (format!("-p {tls} --tls --cacert {ca} -c get a"), true),
            (format!("-p {tls} --tls --cacert {ca} -3 --json hgetall h"), true),
            (format!("-p {tls} --tls --cacert {ca} -x set a"), true),
            (format!("-p {tls} --tls --cacert {ca} get a"), true),
            // Files without --tls are no wish for it.
            (format!("-p {plain} --cacert {ca} --sni x ping"), true),
            (format!("--tls --cacert {ca} -u redis://127.0.0.1:{tls} ping"), true),
            (format!("-p {tls} --tls ping"), false),
            (format!("-p {tls} --tls --cacert {foreign} ping"), false),
            (format!("-p {tls} --tls --cacert /nosuch ping"), false),
            (format!("-p {tls} --tls --cacert {ca} --cert /nosuch --key {key} ping"), false),
            (format!("-p {tls} --tls --cacert {ca} --tls-ciphersuites nosuch ping"), false),
            (format!("-p {tls} --tls --cacert {ca} --tls-ciphers nosuch ping"), false),
        ] {
            let args: Vec<String> = line.split(' ').map(str::to_owned).collect();
            let [theirs, ours] = [&theirs, &link].map(|program| run(program, &args, "SET a 1\r\n"));
            if (theirs.0, &theirs.1) != (ours.0, &ours.1)
                || (ours.0 == Some(0)) != gets_in
                || ours.2.is_empty() != gets_in
            {
                seen.push(format!("{kind:?} {line}\n  theirs {theirs:?}\n  ours   {ours:?}"));
            }
        }
        assert!(seen.is_empty(), "{}", seen.join("\n"));
    }
}

/// Redirections lead to ports that speak TLS, for a command, a walk and at the prompt.
#[test]
fn a_cluster_that_speaks_tls() {
    let Some(theirs) = on_path("redis-cli") else { return common::skip("redis-cli", "apt-get install redis-tools") };
    if find(Kind::Redis).is_none() {
        return common::skip("Redis", Kind::Redis.how_to_install());
    }
    let made = authority();
    let nodes: Vec<(Server, u16)> = (0..3)
        .map(|_| {
            let tls = free_port();
            let args = format!(
                "{} --tls-auth-clients optional --tls-cluster yes --cluster-enabled yes --cluster-node-timeout 20000 \
                 --cluster-port {}",
                words(&made, tls),
                free_port()
            );
            (Server::start(Kind::Redis, &Options::args(&args)), tls)
        })
        .collect();
    let flags = format!(
        "--tls --cacert {} --cert {} --key {}",
        made.file("ca.crt"),
        made.file("client.crt"),
        made.file("client.key")
    );
    let ours = |line: &str, input: &str| {
        let mut command = super::ours();
        let out = command.args(flags.split(' ')).args(line.split(' ')).write_stdin(input.to_owned()).output();
        let out = out.expect("a client");
        (out.status.code(), String::from_utf8_lossy(&[out.stdout, out.stderr].concat()).into_owned())
    };
    let all: Vec<String> = nodes.iter().map(|(_, tls)| format!("127.0.0.1:{tls}")).collect();
    let (code, text) = ours(&format!("--cluster create {} --cluster-yes", all.join(" ")), "");
    assert_eq!(code, Some(0), "{text}");
    let first = nodes[0].1;
    let deadline = common::pty::Pty::deadline();
    while !ours(&format!("-p {first} cluster info"), "").1.contains("cluster_state:ok") {
        assert!(std::time::Instant::now() < deadline, "a cluster");
        std::thread::sleep(Duration::from_millis(50));
    }
    for key in 0..20 {
        let (code, text) = ours(&format!("-c -p {first} set key:{key} {key}"), "");
        assert_eq!((code, text.as_str()), (Some(0), "OK\n"), "{key}");
        let words: Vec<String> = format!("-c -p {first} {flags} get key:{key}").split(' ').map(str::to_owned).collect();
        let [theirs, ours] = [&theirs, &find(Kind::Rustredis).expect("ours")].map(|program| {
            let verb: &[String] = if *program == theirs { &[] } else { &["cli".to_owned()] };
            run(program, &[verb, &words].concat(), "")
        });
        assert_eq!((&theirs, ours.1.trim()), (&ours, key.to_string().as_str()));
    }
    let (_, text) = ours(&format!("-c -p {first} --scan"), "");
    assert_eq!(text.lines().count(), 20, "{text}");
    let (code, text) =
        ours(&format!("-c -p {first} --pipe"), &"SET p 1\r\nSET q 2\r\nSET r 3\r\nSET s 4\r\n".repeat(50));
    assert!(code == Some(0) && text.contains("errors: 0, replies: 200"), "{text}");
    let (code, text) = ours(&format!("--cluster check 127.0.0.1:{first}"), "");
    assert!(code == Some(0) && text.contains("All 16384 slots covered"), "{text}");
    // At the prompt; of three keys one at least lies elsewhere.
    let mut t = Terminal::with(&nodes[0].0.dir, &format!("-c -p {first} --view redis {flags}"), 200);
    t.until("> ");
    let mut seen = String::new();
    for key in ["p", "q", "r"] {
        seen.push_str(&t.line(&format!("get {key}"), "\"\r\n"));
        seen.push_str(&t.until("> "));
    }
    assert!(
        seen.contains("-> Redirected to slot [") && all.iter().any(|addr| seen.contains(&format!("located at {addr}"))),
        "{seen}"
    );
    assert!(!seen.contains("rror"), "{seen}");
}
