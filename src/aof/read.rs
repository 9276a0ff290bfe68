//! The reader of commands: bytes to words, with the offset of each command.
//!
//! Stricter than a connection's parser: a log has no inline commands and no empty ones. The window grows only when it is
//! full of bytes that came, so an announced length costs nothing.

use crate::base::numbers::parse_i64;
use crate::resp::{Args, args::Span};
use std::fmt;
use std::io::{ErrorKind, Read};

/// The window to begin with.
const WINDOW: usize = 256 << 10;
/// No line that announces something is longer (Redis reads them into 128 bytes; stamps and comments may be longer).
const MAX_LINE: usize = 4096;

pub struct Reader<R> {
    inner: R,
    window: Vec<u8>,
    /// What was told lies before `at`, what was read between `at` and `end`.
    at: usize,
    end: usize,
    /// Offset of the window's first byte.
    base: u64,
    spans: Vec<Span>,
    over: bool,
}

/// A command and where it lies.
#[derive(Clone, Copy)]
pub struct Command<'a> {
    pub args: Args<'a>,
    /// Offset of its first byte, and behind its last one.
    pub at: u64,
    pub end: u64,
}

pub enum Told<'a> {
    Command(Command<'a>),
    /// `#TS:` and Unix seconds.
    Stamp {
        seconds: i64,
        at: u64,
    },
    /// A comment of another kind.
    Comment(&'a [u8]),
}

/// What is wrong, and where the last good command ended.
#[derive(Debug)]
pub struct Fault {
    /// Offset behind the last whole command (or line).
    pub good: u64,
    /// Offset of the byte that is wrong, or of the end.
    pub at: u64,
    pub why: Why,
}

#[derive(Debug)]
pub enum Why {
    Io(std::io::Error),
    /// The bytes end inside a command.
    Short,
    /// This is not a command.
    Format(String),
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Why::Io(e) => write!(f, "{e}"),
            Why::Short => f.write_str("unexpected end of file"),
            Why::Format(what) => f.write_str(what),
        }
    }
}

/// What a file begins with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Start {
    Empty,
    /// A snapshot, behind which commands may follow.
    Rdb,
    Commands,
}

/// Tells what a file's first bytes (9 or all) begin.
pub fn sniff(first: &[u8]) -> Start {
    match first {
        [] => Start::Empty,
        _ if first.starts_with(b"REDIS") || first.starts_with(b"VALKEY") => Start::Rdb,
        _ => Start::Commands,
    }
}

impl<R: Read> Reader<R> {
    pub fn new(inner: R) -> Reader<R> {
        Reader::resume(inner, Vec::new(), 0)
    }

    /// A reader that goes on behind a snapshot: `read` are bytes that were read already, of which the first has this offset.
    pub fn resume(inner: R, read: Vec<u8>, offset: u64) -> Reader<R> {
        let end = read.len();
        Reader { inner, window: read, at: 0, end, base: offset, spans: Vec::new(), over: false }
    }

    /// Offset behind what was told.
    pub fn offset(&self) -> u64 {
        self.base + self.at as u64
    }

    /// The first bytes, up to `n`, without taking them.
    pub fn peek(&mut self, n: usize) -> Result<&[u8], Fault> {
        while self.end - self.at < n && self.more()? {}
        Ok(&self.window[self.at..self.end.min(self.at + n)])
    }

    /// The reader's source, and what was read of it and not told.
    pub fn into_rest(mut self) -> (Vec<u8>, R) {
        self.window.truncate(self.end);
        self.window.drain(..self.at);
        (self.window, self.inner)
    }

    /// The next command or line; `None` at the end.
    #[allow(clippy::should_implement_trait)] // it lends
    pub fn next(&mut self) -> Result<Option<Told<'_>>, Fault> {
        let start = self.offset();
        let Some(line) = self.line(0)? else { return Ok(None) };
        let (from, to, mut next) = line;
        let head = &self.window[self.at + from..self.at + to];
        if head.first() == Some(&b'#') {
            let seconds = head.strip_prefix(b"#TS:").and_then(parse_i64);
            let line = self.at + from..self.at + to;
            self.at += next;
            return Ok(Some(match seconds {
                Some(seconds) => Told::Stamp { seconds, at: start },
                None => Told::Comment(&self.window[line]),
            }));
        }
        let count = match head.strip_prefix(b"*").map(parse_i64) {
            Some(Some(n)) if (1..=i64::from(i32::MAX)).contains(&n) => n,
            Some(_) => return self.format(0, "a command of no words"),
            None => return self.format(0, &format!("expected '*', got: {}", shown(head))),
        };
        self.spans.clear();
        for _ in 0..count {
            let Some((from, to, after)) = self.line(next)? else { return self.short() };
            let head = &self.window[self.at + from..self.at + to];
            let len = match head.strip_prefix(b"$").map(parse_i64) {
                Some(Some(n)) if (0..=i64::from(u32::MAX >> 1)).contains(&n) => n as usize,
                Some(_) => return self.format(next, "a length that is none"),
                None => return self.format(next, &format!("expected '$', got: {}", shown(head))),
            };
            while self.end - self.at < after + len + 2 {
                if !self.more()? {
                    return self.short();
                }
            }
            let bytes = &self.window[self.at + after..];
            if &bytes[len..len + 2] != b"\r\n" {
                return self.format(after + len, &format!("expected \\r\\n, got: {}", shown(&bytes[len..len + 2])));
            }
            self.spans.push(Span { start: after as u32, len: len as u32 });
            next = after + len + 2;
            if next > u32::MAX as usize >> 1 {
                return self.format(next, "a command of more than 2 GiB");
            }
        }
        let from = self.at;
        self.at += next;
        let args = Args::new(&self.window[from..], &self.spans);
        Ok(Some(Told::Command(Command { args, at: start, end: start + next as u64 })))
    }

    /// The line that begins `skip` bytes behind `at`: its start, its end, and where the next one starts. `None` at the end of
    /// the file.
    fn line(&mut self, skip: usize) -> Result<Option<(usize, usize, usize)>, Fault> {
        let mut looked = skip;
        loop {
            let bytes = &self.window[self.at + looked..self.end];
            if let Some(n) = memchr::memchr(b'\n', bytes) {
                let end = looked + n;
                let text = end - usize::from(end > skip && self.window[self.at + end - 1] == b'\r');
                return Ok(Some((skip, text, end + 1)));
            }
            looked = self.end - self.at;
            if looked - skip > MAX_LINE {
                return self.format(skip, "a line without an end");
            }
            if !self.more()? {
                return if looked == skip && skip == 0 { Ok(None) } else { self.short() };
            }
        }
    }

    /// Reads more; false at the end.
    fn more(&mut self) -> Result<bool, Fault> {
        if self.over {
            return Ok(false);
        }
        if self.at > 0 && self.end == self.window.len() {
            self.window.copy_within(self.at..self.end, 0);
            self.base += self.at as u64;
            (self.end, self.at) = (self.end - self.at, 0);
        }
        if self.end == self.window.len() {
            self.window.resize((self.window.len() * 2).max(WINDOW), 0);
        }
        loop {
            match self.inner.read(&mut self.window[self.end..]) {
                Ok(n) => {
                    self.end += n;
                    self.over = n == 0;
                    return Ok(n > 0);
                }
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) => return Err(self.fault(self.end - self.at, Why::Io(e))),
            }
        }
    }

    fn fault(&self, ahead: usize, why: Why) -> Fault {
        Fault { good: self.offset(), at: self.offset() + ahead as u64, why }
    }

    fn short<T>(&self) -> Result<T, Fault> {
        Err(self.fault(self.end - self.at, Why::Short))
    }

    fn format<T>(&self, ahead: usize, what: &str) -> Result<T, Fault> {
        Err(self.fault(ahead, Why::Format(what.to_owned())))
    }
}

fn shown(bytes: &[u8]) -> String {
    let few = &bytes[..bytes.len().min(32)];
    few.escape_ascii().to_string()
}
