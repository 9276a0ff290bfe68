//! Servers that mean no good: whatever they send, the client ends by itself, soon, without a panic, in little memory, and
//! nothing of what they send speaks to the terminal.

use super::ours;
use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpListener,
    time::Duration,
};

/// Answers everything with these bytes, and closes.
fn server(reply: Vec<u8>, connections: usize) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    std::thread::spawn(move || {
        for stream in listener.incoming().take(connections) {
            let (Ok(mut stream), reply) = (stream, reply.clone()) else { return };
            std::thread::spawn(move || {
                let _ = stream.set_read_timeout(Some(Duration::from_millis(300)));
                let _ = stream.read(&mut [0; 4096]);
                let _ = stream.write_all(&reply);
                let _ = stream.shutdown(std::net::Shutdown::Write);
                let _ = stream.read(&mut [0; 4096]);
            });
        }
    });
    port
}

#[test]
fn replies_that_are_none() {
    let replies: Vec<Vec<u8>> = vec![
        b"*1\r\n".repeat(1_000_000),
        b"%1\r\n".repeat(100_000),
        b"|1\r\n".repeat(100_000),
        b"*9223372036854775807\r\n:1\r\n".to_vec(),
        b"%9223372036854775807\r\n:1\r\n".to_vec(),
        b"$9223372036854775807\r\nabc".to_vec(),
        b"$99999999999\r\nabc".to_vec(),
        b"$5\r\nab".to_vec(),
        b"$-2\r\n".to_vec(),
        b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(),
        b"+".to_vec(),
        b":x\r\n".to_vec(),
        b"#x\r\n".to_vec(),
        b"=1\r\na\r\n".to_vec(),
        b"\x1b[2J\x1b]0;owned\x07".to_vec(),
        b"\r\n\r\n\r\n".to_vec(),
        vec![b'+'; 20 << 20],
        vec![0; 100_000],
        Vec::new(),
    ];
    for reply in replies {
        for line in [
            "ping",
            "--scan",
            "--bigkeys",
            "--hotkeys",
            "--keystats",
            "--pipe",
            "--rdb -",
            "--cluster check HOST",
            "-c -3 get a",
            "--top 1",
            "--del-match * --yes",
            "--replica",
            "--eval /dev/null",
            "--ldb --eval /dev/null",
        ] {
            let port = server(reply.clone(), 4);
            let line = line.replace("HOST", &format!("127.0.0.1:{port}"));
            let output = ours()
                .args(["-p", &port.to_string(), "--no-raw"])
                .args(line.split(' '))
                .write_stdin("PING\n")
                .output()
                .expect("a client");
            let shown = format!("{line} with {:?}: {output:?}", String::from_utf8_lossy(&reply[..reply.len().min(40)]));
            assert_eq!(output.status.code(), Some(1), "{shown}");
            let words = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(!words.contains("panicked"), "{shown}");
            assert!(
                !output.stderr.contains(&0x1b) && (line.starts_with("--cluster") || !output.stdout.contains(&0x1b)),
                "{shown}"
            );
        }
    }
}

#[test]
fn wrong_types_and_escapes_are_shown_harmless() {
    let evil = b"\x1b]0;owned\x07\x1b[2J";
    for reply in [
        [b"+".as_slice(), evil, b"\r\n"].concat(),
        [b"-ERR ".as_slice(), evil, b"\r\n"].concat(),
        [format!("${}\r\n", evil.len()).as_bytes(), evil, b"\r\n"].concat(),
        [format!("={}\r\ntxt:", evil.len() + 4).as_bytes(), evil, b"\r\n"].concat(),
        [format!("*1\r\n${}\r\n", evil.len()).as_bytes(), evil, b"\r\n"].concat(),
        [format!("%1\r\n${0}\r\n{1}\r\n${0}\r\n{1}\r\n", evil.len(), String::from_utf8_lossy(evil)).as_bytes()]
            .concat(),
        b"*2\r\n:5\r\n:7\r\n".to_vec(),
        b"*2\r\n$5\r\n0\x1b[2J\r\n*0\r\n".to_vec(),
        b"_\r\n".to_vec(),
    ] {
        for line in [
            "info",
            "get a",
            "hgetall a",
            "client list",
            "config get a",
            "xrange a - +",
            "--scan",
            "--bigkeys",
            "--view table hgetall a",
            "--view raw info",
            "--view json get a",
            "-e get a",
            "--ldb --eval /dev/null",
            "--replica",
            "--functions-rdb -",
            "-a x get a",
        ] {
            let port = server(reply.clone(), 3);
            let output = ours()
                .args(["-p", &port.to_string()])
                .env("FAKETTY", "1")
                .args(line.split(' '))
                .output()
                .expect("a client");
            let shown = format!("{line} with {}: {output:?}", reply.escape_ascii());
            assert!(output.status.code().is_some_and(|code| code < 2), "{shown}");
            assert!(
                ![&output.stdout, &output.stderr].iter().any(|stream| stream.contains(&0x1b) || stream.contains(&7)),
                "{shown}"
            );
        }
    }
}

#[test]
fn redirections_in_a_circle_end() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            std::thread::spawn(move || {
                while stream.read(&mut [0; 4096]).is_ok_and(|n| n > 0) {
                    let _ = stream.write_all(format!("-MOVED 1 127.0.0.1:{port}\r\n").as_bytes());
                }
            });
        }
    });
    let output = ours().args(["-c", "-p", &port.to_string(), "get", "a"]).output().expect("a client");
    assert_eq!(output.status.code(), Some(1), "{output:?}");
}

/// Answers SCAN with a page of one evil key, and all else with an evil text, time and again.
fn clever_server(evil: &'static [u8]) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let bulk = [format!("${}\r\n", evil.len()).as_bytes(), evil, b"\r\n"].concat();
    let page = [b"*2\r\n$1\r\n0\r\n*1\r\n".as_slice(), &bulk].concat();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (Ok(stream), bulk, page) = (stream, bulk.clone(), page.clone()) else { return };
            std::thread::spawn(move || {
                let mut out = stream.try_clone().expect("a second handle");
                let mut input = BufReader::new(stream);
                let mut line = || {
                    let mut line = String::new();
                    input.read_line(&mut line).is_ok_and(|n| n > 0).then(|| line.trim().to_owned())
                };
                while let Some(head) = line() {
                    let words = head.strip_prefix('*').and_then(|n| n.parse().ok()).unwrap_or(0);
                    let command: Vec<String> = (0..words).filter_map(|_| line().and_then(|_| line())).collect();
                    let scans = command.first().is_some_and(|name| name == "SCAN");
                    if words > 0 && out.write_all(if scans { &page } else { &bulk }).is_err() {
                        return;
                    }
                }
            });
        }
    });
    port
}

#[test]
fn nothing_that_a_server_calls_its_keys_and_types_speaks_to_the_terminal() {
    let port = clever_server(b"\x1b]0;owned\x07\x1b[2J");
    for line in [
        "--scan",
        "--bigkeys",
        "--memkeys",
        "--keystats",
        "--hotkeys",
        "--del-match * --dry-run",
        "--del-match * --yes",
        "--expire-match *=5 --yes",
        "--top 1",
        "--no-raw keys *",
        "--view table client list",
        "--view table config get *",
        "--view table info",
        "--view table command info get",
        "--view table slowlog get",
        "-c get a",
    ] {
        let output = ours()
            .args(["-p", &port.to_string()])
            .env("FAKETTY", "1")
            .args(line.split(' '))
            .write_stdin("")
            .timeout(crate::common::PATIENCE)
            .output()
            .expect("a client");
        let shown = format!("{line}: {output:?}");
        assert!(output.status.code().is_some_and(|code| code < 2), "{shown}");
        let speaks =
            |stream: &[u8]| stream.contains(&7) || stream.windows(4).any(|w| w == b"\x1b[2J" || w == b"\x1b]0;");
        assert!(!speaks(&output.stdout) && !speaks(&output.stderr), "{shown}");
    }
    // The names that redirections and tables of slots bring.
    for reply in ["-MOVED 1 \x1b]0;owned\x07:1\r\n", "*1\r\n*3\r\n:0\r\n:16383\r\n*2\r\n$5\r\n\x1b[2J\x07\r\n:1\r\n"] {
        for line in ["-c get a", "-c --scan", "-c --pipe", "-c --bigkeys"] {
            let port = server(reply.as_bytes().to_vec(), 4);
            let output = ours()
                .args(["-p", &port.to_string()])
                .env("FAKETTY", "1")
                .args(line.split(' '))
                .write_stdin("PING\n")
                .output();
            let output = output.expect("a client");
            let streams = [output.stdout.as_slice(), &output.stderr].concat();
            assert!(!streams.contains(&7) && !streams.contains(&0x1b), "{line}: {output:?}");
        }
    }
}

/// Answers everything with one reply, for as long as it is asked.
fn endless_server(reply: Vec<u8>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (Ok(mut stream), reply) = (stream, reply.clone()) else { return };
            std::thread::spawn(move || {
                while stream.read(&mut [0; 4096]).is_ok_and(|n| n > 0) && stream.write_all(&reply).is_ok() {}
            });
        }
    });
    port
}

/// Modes that go on for ever: an error ends them, and figures beyond all bounds are only figures.
#[test]
fn figures_of_a_server_are_not_believed() {
    let port = endless_server(b"-ERR \x1b[2J\x07\r\n".to_vec());
    let output = ours().args(["-p", &port.to_string(), "--stat"]).env("FAKETTY", "1").output().expect("a client");
    assert!(
        output.status.code() == Some(1) && !output.stderr.contains(&7) && !output.stderr.contains(&0x1b),
        "{output:?}"
    );
    let most = i64::MAX;
    let info = format!(
        "used_memory:{most}\r\ntotal_commands_processed:{}\r\naof_rewrite_in_progress:{most}\r\nloading:{most}\r\n\
         db0:keys={most},expires=0\r\ndb1:keys={most},expires=0\r\nconnected_clients:\x1b[2J\r\n",
        i64::MIN
    );
    let port = endless_server(format!("${}\r\n{info}\r\n", info.len()).into_bytes());
    crate::common::in_one_of(4, |n| {
        let mut command = ours();
        let time = Duration::from_secs(n.pow(2).into());
        let output = command.args(["-p", &port.to_string(), "--stat", "-i", "0.02"]).timeout(time).output();
        let output = output.expect("a client");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(text.matches("LOAD").count() > 2 && !text.contains('\x1b') && output.stderr.is_empty(), "{output:?}");
    });
    // Sums of what no keyspace holds.
    let port = clever_server_of_sizes();
    for line in ["--memkeys", "--keystats", "--bigkeys", "--hotkeys"] {
        let output = ours().args(["-p", &port.to_string(), line]).output().expect("a client");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success() && !said.contains("panicked"), "{line}: {output:?}");
    }
}

/// Two keys, each as large as numbers go.
fn clever_server_of_sizes() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(stream) = stream else { return };
            std::thread::spawn(move || {
                let mut out = stream.try_clone().expect("a second handle");
                let mut input = BufReader::new(stream);
                let mut line = || {
                    let mut line = String::new();
                    input.read_line(&mut line).is_ok_and(|n| n > 0).then(|| line.trim().to_owned())
                };
                while let Some(head) = line() {
                    let words = head.strip_prefix('*').and_then(|n| n.parse().ok()).unwrap_or(0);
                    let command: Vec<String> = (0..words).filter_map(|_| line().and_then(|_| line())).collect();
                    let reply = match command.first().map(String::as_str) {
                        Some("SCAN") => "*2\r\n$1\r\n0\r\n*2\r\n$1\r\na\r\n$1\r\nb\r\n".to_owned(),
                        Some("TYPE") => "+list\r\n".into(),
                        _ => format!(":{}\r\n", i64::MAX),
                    };
                    if words > 0 && out.write_all(reply.as_bytes()).is_err() {
                        return;
                    }
                }
            });
        }
    });
    port
}
