//! Ends of replication that are no servers: a replica that says what a test wants, and keeps what it is sent.

use super::resp::command;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

pub struct FakeReplica {
    pub stream: TcpStream,
    buffer: Vec<u8>,
    /// Where the stream began.
    offset: u64,
}

impl FakeReplica {
    /// Connects and says nothing.
    pub fn silent(port: u16) -> FakeReplica {
        let stream = TcpStream::connect(("127.0.0.1", port)).expect("a connection");
        stream.set_read_timeout(Some(super::PATIENCE)).expect("a socket");
        FakeReplica { stream, buffer: Vec::new(), offset: 0 }
    }

    /// Connects and says who it is.
    pub fn greet(port: u16) -> FakeReplica {
        let mut replica = FakeReplica::silent(port);
        for words in [&["PING"][..], &["REPLCONF", "listening-port", "1", "capa", "eof", "capa", "psync2"]] {
            replica.send(words);
            let line = replica.line();
            assert!(line.starts_with('+'), "{words:?}: {line}");
        }
        replica
    }

    /// Asks for a whole copy as one that takes the stream between its pieces. Returns the offset at which that begins.
    pub fn interleaving(port: u16) -> (FakeReplica, u64) {
        let mut replica = FakeReplica::greet(port);
        replica.send(&["REPLCONF", "capa", "rustredis-interleave"]);
        assert_eq!(replica.line(), "+OK");
        replica.send(&["PSYNC", "?", "-1"]);
        let line = replica.line();
        assert!(line.starts_with("+FULLRESYNC "), "{line}");
        replica.offset = line.split(' ').nth(2).and_then(|n| n.parse().ok()).expect("an offset");
        assert_eq!(replica.line(), "$RUSTREDIS-INTERLEAVED:1");
        let offset = replica.offset;
        (replica, offset)
    }

    /// The next frame; `None` if none comes for this long.
    pub fn frame(&mut self, patience: Duration) -> Option<(u8, Vec<u8>)> {
        self.stream.set_read_timeout(Some(patience)).expect("a socket");
        loop {
            if let Some((head, rest)) = self.buffer.split_at_checked(5) {
                let length = u32::from_be_bytes(head[1..].try_into().expect("four bytes")) as usize;
                if rest.len() >= length {
                    let frame: Vec<u8> = self.buffer.drain(..5 + length).collect();
                    return Some((frame[0], frame[5..].to_vec()));
                }
            }
            match self.fill() {
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => return None,
                read => read.expect("more frames"),
            }
        }
    }

    /// What has come of the stream.
    pub fn raw(&mut self, patience: Duration) -> Vec<u8> {
        self.stream.set_read_timeout(Some(patience)).expect("a socket");
        while self.fill().is_ok() {}
        std::mem::take(&mut self.buffer)
    }

    pub fn send(&mut self, words: &[&str]) {
        self.stream.write_all(&command(words)).expect("the primary is there");
    }

    fn fill(&mut self) -> io::Result<()> {
        let mut piece = [0; 65536];
        let n = loop {
            match self.stream.read(&mut piece) {
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                read => break read?,
            }
        };
        self.buffer.extend_from_slice(&piece[..n]);
        if n == 0 { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(()) }
    }

    /// The next line that is not empty, without its end.
    pub fn line(&mut self) -> String {
        loop {
            if let Some(n) = self.buffer.iter().position(|b| *b == b'\n') {
                let line: Vec<u8> = self.buffer.drain(..=n).collect();
                let line = String::from_utf8_lossy(&line).trim().to_owned();
                if !line.is_empty() {
                    return line;
                }
                continue;
            }
            self.fill().expect("a line of the primary's");
        }
    }

    /// A whole copy, by its length or its mark: its bytes. What follows it stays to be read.
    pub fn copy(&mut self) -> Vec<u8> {
        let header = self.line();
        let told = header.strip_prefix('$').unwrap_or_else(|| panic!("no copy: {header}"));
        if let Some(mark) = told.strip_prefix("EOF:") {
            loop {
                if let Some(at) = self.buffer.windows(mark.len()).position(|w| w == mark.as_bytes()) {
                    let copy = self.buffer.drain(..at).collect();
                    self.buffer.drain(..mark.len());
                    return copy;
                }
                self.fill().expect("the rest of the copy");
            }
        }
        let length: usize = told.parse().expect("a length");
        while self.buffer.len() < length {
            self.fill().expect("the rest of the copy");
        }
        self.buffer.drain(..length).collect()
    }

    /// PSYNC ? -1, the copy, and the acknowledgement behind which the stream begins. Returns history and offset.
    pub fn follow(port: u16) -> (FakeReplica, String, u64) {
        let mut replica = FakeReplica::greet(port);
        replica.send(&["PSYNC", "?", "-1"]);
        let line = replica.line();
        let words: Vec<&str> = line.split(' ').collect();
        assert_eq!(words[0], "+FULLRESYNC", "{line}");
        let (id, offset) = (words[1].to_owned(), words[2].parse::<u64>().expect("an offset"));
        replica.copy();
        replica.offset = offset;
        replica.send(&["REPLCONF", "ACK", words[2]]);
        (replica, id, offset)
    }

    /// The commands of the stream up to and without one whose second word is `last`.
    pub fn commands_until(&mut self, last: &str) -> Vec<Vec<Vec<u8>>> {
        let deadline = Instant::now() + super::PATIENCE;
        self.stream.set_read_timeout(Some(Duration::from_millis(300))).expect("a socket");
        let mut out: Vec<Vec<Vec<u8>>> = Vec::new();
        loop {
            assert!(Instant::now() < deadline, "{last} does not come after {} commands", out.len());
            match take_command(&mut self.buffer) {
                Some(words) if words.get(1).is_some_and(|w| w == last.as_bytes()) => return out,
                Some(words) => out.push(words),
                None => match self.fill() {
                    Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                        // Redis heeds an acknowledgement only once it knows itself that the copy has gone out.
                        let offset = self.offset.to_string();
                        self.send(&["REPLCONF", "ACK", &offset]);
                    }
                    read => read.expect("the stream goes on"),
                },
            }
        }
    }
}

/// Takes the first command out, if it is there whole.
fn take_command(buffer: &mut Vec<u8>) -> Option<Vec<Vec<u8>>> {
    // Line ends keep the connection alive.
    let empty = buffer.iter().take_while(|b| **b == b'\n').count();
    buffer.drain(..empty);
    let mut at = 0;
    let words = header(buffer, &mut at, b'*')?;
    let mut out = Vec::new();
    for _ in 0..words {
        let n = header(buffer, &mut at, b'$')?;
        out.push(buffer.get(at..at + n)?.to_vec());
        at += n + 2;
    }
    if buffer.len() < at {
        return None;
    }
    buffer.drain(..at);
    Some(out)
}

fn header(buffer: &[u8], at: &mut usize, kind: u8) -> Option<usize> {
    let line = buffer.get(*at..)?;
    let end = line.windows(2).position(|w| w == b"\r\n")?;
    assert_eq!(line[0], kind, "no command: {}", line.escape_ascii());
    *at += end + 2;
    Some(std::str::from_utf8(&line[1..end]).ok().and_then(|n| n.parse().ok()).expect("a length"))
}
