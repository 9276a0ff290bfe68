//! A client that sees bytes: sends whatever it is told, reads exactly one reply as it stood on the wire, and can
//! turn a reply into a tree for those comparisons that must look past an order or a clock.

use std::{
    io::{self, Read, Write},
    net::{Shutdown, TcpStream},
    time::Duration,
};

pub struct Conn {
    stream: TcpStream,
    buffer: Vec<u8>,
    at: usize,
}

/// A command as an array of bulk strings.
pub fn command<W: AsRef<[u8]>>(words: &[W]) -> Vec<u8> {
    let mut out = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        let word = word.as_ref();
        out.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
        out.extend_from_slice(word);
        out.extend_from_slice(b"\r\n");
    }
    out
}

impl Conn {
    pub fn open(port: u16) -> Conn {
        Conn::try_open(port).unwrap_or_else(|e| panic!("cannot connect to port {port}: {e}"))
    }

    pub fn try_open(port: u16) -> io::Result<Conn> {
        let stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(super::PATIENCE))?;
        stream.set_write_timeout(Some(super::PATIENCE))?;
        Ok(Conn { stream, buffer: Vec::new(), at: 0 })
    }

    pub fn stream(&self) -> &TcpStream {
        &self.stream
    }

    pub fn send_raw(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)
    }

    pub fn send<W: AsRef<[u8]>>(&mut self, words: &[W]) -> io::Result<()> {
        self.send_raw(&command(words))
    }

    /// Sends one command and reads its reply; panics when the connection fails.
    pub fn ask<W: AsRef<[u8]>>(&mut self, words: &[W]) -> Vec<u8> {
        let asked = || words.iter().map(|w| escape(w.as_ref())).collect::<Vec<_>>().join(" ");
        self.send(words).unwrap_or_else(|e| panic!("sending {}: {e}", asked()));
        self.read_reply().unwrap_or_else(|e| panic!("reply to {}: {e}", asked()))
    }

    /// The same with the words of a line; for commands without blanks and binary in them.
    pub fn line(&mut self, line: &str) -> String {
        escape(&self.ask(&line.split_whitespace().collect::<Vec<_>>()))
    }

    pub fn tree<W: AsRef<[u8]>>(&mut self, words: &[W]) -> Node {
        Node::parse(&self.ask(words))
    }

    /// Exactly one reply, as it stood on the wire. An attribute comes with the reply that it belongs to; a push is
    /// a reply of its own.
    pub fn read_reply(&mut self) -> io::Result<Vec<u8>> {
        let mut end = self.at;
        let mut wanted = 1usize;
        while wanted > 0 {
            wanted -= 1;
            let head = end;
            let after = self.line_end(head)?;
            let kind = self.buffer[head];
            let text = &self.buffer[head + 1..after - 2];
            let number = || {
                std::str::from_utf8(text)
                    .ok()
                    .and_then(|t| t.parse::<i64>().ok())
                    .ok_or_else(|| io::Error::other(format!("not a length: {}", escape(text))))
            };
            end = after;
            match kind {
                b'+' | b'-' | b':' | b'_' | b',' | b'#' | b'(' => {}
                b'$' | b'=' | b'!' => {
                    let len = number()?;
                    if len >= 0 {
                        end = after + len as usize + 2;
                        self.need(end)?;
                        if &self.buffer[end - 2..end] != b"\r\n" {
                            return Err(io::Error::other("a bulk does not end where it said"));
                        }
                    }
                }
                b'*' | b'~' | b'>' => wanted += number()?.max(0) as usize,
                b'%' => wanted += 2 * number()?.max(0) as usize,
                b'|' => wanted += 2 * number()?.max(0) as usize + 1,
                _ => {
                    let line = escape(&self.buffer[head..after]);
                    return Err(io::Error::other(format!("not a reply: {line}")));
                }
            }
        }
        let reply = self.buffer[self.at..end].to_vec();
        self.at = end;
        if self.at == self.buffer.len() {
            self.buffer.clear();
            self.at = 0;
        }
        Ok(reply)
    }

    /// All that comes until the peer closes. A reset counts as a close.
    pub fn read_to_close(&mut self) -> Vec<u8> {
        loop {
            match self.fill() {
                Ok(()) => {}
                Err(e) if matches!(e.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
                    panic!("the server did not close; so far it sent {}", escape(&self.buffer[self.at..]))
                }
                Err(_) => return self.buffer.split_off(self.at),
            }
        }
    }

    pub fn finish_sending(&self) {
        let _ = self.stream.shutdown(Shutdown::Write);
    }

    /// The offset after the CRLF of the line that starts at `from`.
    fn line_end(&mut self, from: usize) -> io::Result<usize> {
        let mut seen = from;
        loop {
            if let Some(n) = self.buffer[seen..].windows(2).position(|w| w == b"\r\n") {
                let end = seen + n + 2;
                return if end - from > 2 { Ok(end) } else { Err(io::Error::other("an empty line for a reply")) };
            }
            seen = from.max(self.buffer.len().saturating_sub(1));
            self.fill()?;
        }
    }

    fn need(&mut self, end: usize) -> io::Result<()> {
        while self.buffer.len() < end {
            self.fill()?;
        }
        Ok(())
    }

    fn fill(&mut self) -> io::Result<()> {
        let mut chunk = [0; 64 * 1024];
        let n = loop {
            match self.stream.read(&mut chunk) {
                // A process that was stopped goes on so, where it waits with a limit.
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                read => break read?,
            }
        };
        if n == 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the server closed the connection"));
        }
        self.buffer.extend_from_slice(&chunk[..n]);
        Ok(())
    }
}

/// A reply as a tree. `text` is what follows the type byte, or a bulk's content; `null` tells `$-1` and `*-1`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Node {
    pub kind: u8,
    pub text: Vec<u8>,
    pub items: Vec<Node>,
    pub null: bool,
}

impl Node {
    /// Parses a complete reply, as [`Conn::read_reply`] returns it.
    pub fn parse(bytes: &[u8]) -> Node {
        let mut at = 0;
        let node = Node::parse_at(bytes, &mut at);
        assert_eq!(at, bytes.len(), "more than one reply in {}", escape(bytes));
        node
    }

    fn parse_at(bytes: &[u8], at: &mut usize) -> Node {
        let kind = bytes[*at];
        let end = *at + bytes[*at..].windows(2).position(|w| w == b"\r\n").expect("a whole reply");
        let text = bytes[*at + 1..end].to_vec();
        *at = end + 2;
        let mut node = Node { kind, text, items: Vec::new(), null: false };
        let len = || std::str::from_utf8(&node.text).expect("digits").parse::<i64>().expect("a length");
        match kind {
            b'$' | b'=' | b'!' | b'*' | b'~' | b'>' | b'%' | b'|' if len() < 0 => node.null = true,
            b'$' | b'=' | b'!' => {
                let n = len() as usize;
                node.text = bytes[*at..*at + n].to_vec();
                *at += n + 2;
            }
            b'*' | b'~' | b'>' | b'%' | b'|' => {
                let n = len() as usize * if matches!(kind, b'%' | b'|') { 2 } else { 1 };
                node.items = (0..n + usize::from(kind == b'|')).map(|_| Node::parse_at(bytes, at)).collect();
                node.text.clear();
            }
            _ => {}
        }
        node
    }

    /// The wire form again.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.push(self.kind);
        if self.null {
            out.extend_from_slice(b"-1");
        } else if matches!(self.kind, b'$' | b'=' | b'!') {
            out.extend_from_slice(format!("{}\r\n", self.text.len()).as_bytes());
            out.extend_from_slice(&self.text);
        } else if matches!(self.kind, b'*' | b'~' | b'>' | b'%' | b'|') {
            let pairs = if matches!(self.kind, b'%' | b'|') { 2 } else { 1 };
            out.extend_from_slice((self.items.len() / pairs).to_string().as_bytes());
        } else {
            out.extend_from_slice(&self.text);
        }
        out.extend_from_slice(b"\r\n");
        self.items.iter().for_each(|item| item.encode(out));
    }

    pub fn is_error(&self) -> bool {
        matches!(self.kind, b'-' | b'!')
    }

    pub fn int(&self) -> Option<i64> {
        std::str::from_utf8(&self.text).ok().filter(|_| !self.null)?.parse().ok()
    }

    pub fn string(&self) -> String {
        String::from_utf8_lossy(&self.text).into_owned()
    }

    /// Sorts the items, `width` neighbours at a time (2: a flat list of pairs).
    pub fn sort(&mut self, width: usize) {
        let mut groups: Vec<Vec<Node>> = self.items.chunks(width).map(<[Node]>::to_vec).collect();
        groups.sort();
        self.items = groups.into_iter().flatten().collect();
    }
}

/// Bytes as a Rust string literal shows them, without the quotes; long ones are cut in the middle.
pub fn escape(bytes: &[u8]) -> String {
    const SHOWN: usize = 1500;
    if bytes.len() > 2 * SHOWN {
        let (head, tail) = (&bytes[..SHOWN], &bytes[bytes.len() - SHOWN..]);
        return format!("{}…({} bytes in all)…{}", head.escape_ascii(), bytes.len(), tail.escape_ascii());
    }
    bytes.escape_ascii().to_string()
}
