//! The bytes of a log, looked at as redis-check-aof does: what it says of a fault names bytes, lengths and lines that the
//! reader of commands has no use for, and it lets pass what a server does not (`*0`, a blank before a number).
//!
//! Words are passed over in a buffer of fixed size; only the first one of a command is kept, and only if it is short.

use std::io::{self, BufRead};

/// Longest line that announces something, and longest annotation, with their ends.
const NUMBER_LINE: usize = 127;
const LINE: usize = 1023;

pub struct Scan<S> {
    source: S,
    /// Offset of the next byte.
    at: u64,
    /// Lines passed, from 1 on, over all files.
    pub line: u64,
    /// Where the word or line at hand begins.
    word_at: u64,
    buffer: Vec<u8>,
    in_multi: bool,
    over: bool,
}

/// How looking ended.
pub struct Found {
    /// Behind the last whole command outside of a transaction, or the last whole transaction.
    pub good: u64,
    pub error: Option<String>,
    /// The first stamp that is too late stands here.
    pub late: Option<u64>,
    /// A stamp that is no number; nothing else was looked at then.
    pub bad_stamp: bool,
}

/// A command that is none; the text may be missing, as Redis has none where a file ends between two words.
struct Bad(Option<String>);

enum Stop {
    Io(io::Error),
    Bad(Bad),
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Stop {
        Stop::Io(error)
    }
}

impl<S: BufRead> Scan<S> {
    pub fn new(source: S, at: u64, line: u64) -> Scan<S> {
        Scan { source, at, line, word_at: 0, buffer: Vec::new(), in_multi: false, over: false }
    }

    /// Looks at everything, or as far as a stamp that is later than `until`.
    pub fn run(&mut self, name: &str, until: Option<i64>) -> io::Result<Found> {
        let mut found = Found { good: self.at, error: None, late: None, bad_stamp: false };
        loop {
            if !self.in_multi {
                found.good = self.at;
            }
            let start = self.at;
            if !self.gets(LINE)? {
                break;
            }
            match self.buffer[0] {
                b'#' => {
                    let (Some(until), Some(stamp)) = (until, self.buffer.strip_prefix(b"#TS:")) else { continue };
                    match number(stamp) {
                        (seconds, b"\r\n") if seconds > until => {
                            // A transaction is not cut in two.
                            found.late = Some(found.good.min(start));
                            return Ok(found);
                        }
                        (_, b"\r\n") => {}
                        _ => {
                            found.bad_stamp = true;
                            return Ok(found);
                        }
                    }
                }
                b'*' => {
                    self.buffer.truncate(NUMBER_LINE);
                    match self.command(start, name) {
                        Ok(()) => {}
                        Err(Stop::Io(error)) => return Err(error),
                        Err(Stop::Bad(Bad(error))) => {
                            found.error = error;
                            break;
                        }
                    }
                }
                _ => {
                    found.error = Some(format!("AOF {name} format error"));
                    break;
                }
            }
        }
        if self.over && self.in_multi && found.error.is_none() {
            found.error = Some(self.said("Reached EOF before reading EXEC for MULTI"));
        }
        Ok(found)
    }

    fn said(&self, what: &str) -> String {
        format!("0x{:>16x}: {what}", self.word_at)
    }

    fn bad<T>(&self, what: &str) -> Result<T, Stop> {
        Err(Stop::Bad(Bad(Some(self.said(what)))))
    }

    fn command(&mut self, start: u64, name: &str) -> Result<(), Stop> {
        self.word_at = start;
        let words = self.announced(b'*')?;
        for i in 0..words {
            self.word_at = self.at;
            if !self.gets(NUMBER_LINE)? {
                return Err(Stop::Bad(Bad(None)));
            }
            let len = self.announced(b'$')?;
            if !(0..=i64::MAX - 2).contains(&len) {
                return self
                    .bad(&format!("Expected to read string of {len} bytes, which is not in the suitable range"));
            }
            self.word(len.unsigned_abs())?;
            if i == 0 && self.buffer.eq_ignore_ascii_case(b"multi") {
                if self.in_multi {
                    return self.bad(&format!("Unexpected MULTI in AOF {name}"));
                }
                self.in_multi = true;
            } else if i == 0 && self.buffer.eq_ignore_ascii_case(b"exec") {
                if !self.in_multi {
                    return self.bad(&format!("Unexpected EXEC in AOF {name}"));
                }
                self.in_multi = false;
            }
        }
        Ok(())
    }

    /// The number that the line in the buffer announces.
    fn announced(&mut self, prefix: u8) -> Result<i64, Stop> {
        if self.buffer[0] != prefix {
            let got = self.buffer[0] as char;
            return self.bad(&format!("Expected prefix '{}', got: '{got}'", prefix as char));
        }
        let (n, rest) = number(&self.buffer[1..]);
        let got = [rest.first().copied().unwrap_or(0), rest.get(1).copied().unwrap_or(0)];
        if got != *b"\r\n" {
            return self.bad(&format!("Expected \\r\\n, got: {:02x}{:02x}", got[0], got[1]));
        }
        self.line += 1;
        Ok(n)
    }

    /// Passes over a word and its end. The buffer has the word then, if it is short.
    fn word(&mut self, len: u64) -> Result<(), Stop> {
        self.word_at = self.at;
        self.buffer.clear();
        let (mut left, mut tail) = (len + 2, [0; 2]);
        while left > 0 {
            let bytes = fill(&mut self.source)?;
            if bytes.is_empty() {
                self.over = true;
                let (all, got) = (len + 2, len + 2 - left);
                return self.bad(&format!("Expected to read {all} bytes, got {got} bytes"));
            }
            let some = bytes.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            let bytes = &bytes[..some];
            if len <= 8 {
                self.buffer.extend_from_slice(bytes);
            }
            match *bytes {
                [.., a, b] => tail = [a, b],
                [b] => tail = [tail[1], b],
                [] => {}
            }
            self.source.consume(some);
            self.at += some as u64;
            left -= some as u64;
        }
        if tail != *b"\r\n" {
            return self.bad(&format!("Expected \\r\\n, got: {:02x}{:02x}", tail[0], tail[1]));
        }
        self.buffer.truncate(self.buffer.len().saturating_sub(2));
        self.line += 1;
        Ok(())
    }

    /// Takes a line, but `most` bytes of it at most, into the buffer; false at the end.
    fn gets(&mut self, most: usize) -> io::Result<bool> {
        self.buffer.clear();
        while self.buffer.len() < most {
            let bytes = fill(&mut self.source)?;
            if bytes.is_empty() {
                self.over = true;
                break;
            }
            let room = &bytes[..bytes.len().min(most - self.buffer.len())];
            let end = memchr::memchr(b'\n', room);
            let some = end.map_or(room.len(), |end| end + 1);
            self.buffer.extend_from_slice(&room[..some]);
            self.source.consume(some);
            self.at += some as u64;
            if end.is_some() {
                break;
            }
        }
        Ok(!self.buffer.is_empty())
    }
}

fn fill(source: &mut impl BufRead) -> io::Result<&[u8]> {
    // Asked twice, for a borrow cannot be given back from within a loop; the second time the bytes are there.
    while let Err(error) = source.fill_buf() {
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
    source.fill_buf()
}

/// C's `strtol`: blanks, a sign, digits; and what is behind them.
fn number(text: &[u8]) -> (i64, &[u8]) {
    let blank = |b: &u8| matches!(b, b' ' | b'\t'..=b'\r');
    let body = &text[text.iter().position(|b| !blank(b)).unwrap_or(text.len())..];
    let (negative, digits) = match body {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, body),
    };
    let len = digits.iter().position(|b| !b.is_ascii_digit()).unwrap_or(digits.len());
    if len == 0 {
        return (0, text);
    }
    let n = digits[..len].iter().fold(0_i64, |n, b| {
        let digit = i64::from(b - b'0');
        n.saturating_mul(10).saturating_add(if negative { -digit } else { digit })
    });
    (n, &digits[len..])
}
