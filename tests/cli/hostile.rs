//! Servers that mean no good: whatever they send, the client ends by itself, soon, without a panic, in little memory, and
//! nothing of what they send speaks to the terminal.

use super::ours;
use std::{
    io::{Read, Write},
    net::TcpListener,
    time::{Duration, Instant},
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
        ] {
            let start = Instant::now();
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
            assert!(start.elapsed() < Duration::from_secs(20), "{shown}");
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
