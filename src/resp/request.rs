//! The request parser: bytes of a connection → words of commands, for RESP arrays and for inline commands (what a person
//! types through `nc`).
//!
//! A command's words are spans of the buffer; nothing is copied. A command that has not arrived whole leaves a
//! [`Partial`] behind, from which parsing goes on when more bytes are there, so that a huge command that arrives in small
//! pieces is not parsed from its start each time. Nothing is ever allocated by a length that was merely announced.

use super::args::Span;
use super::inline::split_args;
use crate::base::numbers::parse_i64;
use crate::base::quoted::quoted;

/// The longest inline command, and the longest line that announces a length (Redis: `PROTO_INLINE_MAX_SIZE`).
pub const MAX_LINE: usize = 64 * 1024;

/// What a connection may send now.
#[derive(Clone, Copy)]
pub struct Limits {
    /// `proto-max-bulk-len`
    pub max_bulk: i64,
    pub authenticated: bool,
}

/// A command half read. Positions count from the command's first byte.
#[derive(Default, Debug)]
pub struct Partial {
    /// Words still to come; 0 before the header line was read.
    left: i64,
    /// Announced length of the word being read, or -1.
    bulk: i64,
    at: usize,
    spans: Vec<Span>,
}

/// What stood at the position.
#[derive(Debug, PartialEq, Eq)]
pub enum Parsed {
    /// A command; its spans were appended, positions in the buffer as given. `end` is where the next one starts.
    Command { end: usize },
    /// An empty line or an empty array: skipped silently, as Redis does.
    Nothing { end: usize },
    /// An inline command with quotes or escapes: its words had to be unescaped, so they come apart from the buffer.
    Unescaped { end: usize, words: Vec<Vec<u8>> },
    /// More bytes are needed.
    Incomplete,
}

/// Why the connection must close; the text goes behind `-ERR Protocol error: `.
#[derive(Debug, PartialEq, Eq)]
pub struct ProtocolError(pub String);

fn error<T>(text: &str) -> Result<T, ProtocolError> {
    Err(ProtocolError(text.into()))
}

/// Parses one command that starts at `start` in `buf`. `partial` must be `None` or what the same command left behind.
#[inline]
pub fn parse(
    buf: &[u8],
    start: usize,
    partial: &mut Option<Box<Partial>>,
    spans: &mut Vec<Span>,
    limits: Limits,
) -> Result<Parsed, ProtocolError> {
    if partial.is_none() {
        match buf.get(start) {
            None => return Ok(Parsed::Incomplete),
            Some(b'*') => {}
            Some(_) => return inline(buf, start, spans),
        }
        if let Some(end) = whole(buf, start, spans, limits) {
            return Ok(Parsed::Command { end });
        }
    }
    resume(buf, start, partial, spans, limits)
}

/// The fast path: a small, complete, well-formed array. Anything else is left to [`resume`], which knows the rest.
#[inline]
fn whole(buf: &[u8], start: usize, spans: &mut Vec<Span>, limits: Limits) -> Option<usize> {
    let first = spans.len();
    let mut at = start + 1;
    let words = short_length(buf, &mut at)?;
    if words == 0 || (words > 10 && !limits.authenticated) {
        return None;
    }
    for _ in 0..words {
        let len = if buf.get(at) == Some(&b'$') {
            at += 1;
            short_length(buf, &mut at)
        } else {
            None
        };
        match len {
            Some(len) if at + len + 2 <= buf.len() && buf[at + len] == b'\r' && buf[at + len + 1] == b'\n' => {
                spans.push(Span { start: at as u32, len: len as u32 });
                at += len + 2;
            }
            _ => {
                spans.truncate(first);
                return None;
            }
        }
    }
    Some(at)
}

/// One to four digits without a leading zero, and a line end.
#[inline]
fn short_length(buf: &[u8], at: &mut usize) -> Option<usize> {
    let mut n = 0usize;
    let from = *at;
    loop {
        let d = buf.get(*at)?.wrapping_sub(b'0');
        if d > 9 {
            break;
        }
        n = n * 10 + d as usize;
        *at += 1;
        if *at - from > 4 {
            return None;
        }
    }
    // `04` is no number to Redis: the thorough path refuses it.
    let padded = buf[from] == b'0' && *at - from > 1;
    if *at == from || padded || buf.get(*at) != Some(&b'\r') || buf.get(*at + 1) != Some(&b'\n') {
        return None;
    }
    *at += 2;
    Some(n)
}

/// The thorough path, with every limit and every error.
fn resume(
    buf: &[u8],
    start: usize,
    partial: &mut Option<Box<Partial>>,
    spans: &mut Vec<Span>,
    limits: Limits,
) -> Result<Parsed, ProtocolError> {
    let mut p = partial.take().unwrap_or_else(|| Box::new(Partial { bulk: -1, ..Partial::default() }));
    if p.left == 0 {
        let Some(end) = line_end(buf, start + p.at, "too big mbulk count string")? else {
            *partial = Some(p);
            return Ok(Parsed::Incomplete);
        };
        match parse_i64(&buf[start + 1..end]) {
            Some(n) if n <= i64::from(i32::MAX) => p.left = n,
            _ => return error("invalid multibulk length"),
        }
        if p.left > 10 && !limits.authenticated {
            return error("unauthenticated multibulk length");
        }
        p.at = end + 2 - start;
        if p.left <= 0 {
            return Ok(Parsed::Nothing { end: start + p.at });
        }
    }
    while p.left > 0 {
        if p.bulk < 0 {
            let from = start + p.at;
            let Some(end) = line_end(buf, from, "too big bulk count string")? else {
                *partial = Some(p);
                return Ok(Parsed::Incomplete);
            };
            if buf[from] != b'$' {
                return error(&format!("expected '$', got '{}'", quoted(&buf[from..=from])));
            }
            match parse_i64(&buf[from + 1..end]) {
                Some(n) if n >= 0 && n <= limits.max_bulk && n < i64::from(u32::MAX) => p.bulk = n,
                _ => return error("invalid bulk length"),
            }
            if p.bulk > 16384 && !limits.authenticated {
                return error("unauthenticated bulk length");
            }
            p.at = end + 2 - start;
        }
        let len = p.bulk as usize;
        if buf.len() < start + p.at + len + 2 {
            *partial = Some(p);
            return Ok(Parsed::Incomplete);
        }
        // As Redis, the two bytes behind a word are skipped unseen.
        p.spans.push(Span { start: p.at as u32, len: len as u32 });
        p.at += len + 2;
        (p.bulk, p.left) = (-1, p.left - 1);
    }
    spans.extend(p.spans.iter().map(|s| Span { start: s.start + start as u32, len: s.len }));
    Ok(Parsed::Command { end: start + p.at })
}

/// Where the line that starts at `from` ends (at its `\r`), if its end has arrived.
fn line_end(buf: &[u8], from: usize, too_long: &str) -> Result<Option<usize>, ProtocolError> {
    let rest = buf.get(from..).unwrap_or_default();
    match memchr::memchr(b'\r', rest) {
        // The `\n` behind it must be there too before the line counts.
        Some(i) if i + 1 < rest.len() => Ok(Some(from + i)),
        Some(_) => Ok(None),
        None if rest.len() > MAX_LINE => error(too_long),
        None => Ok(None),
    }
}

fn inline(buf: &[u8], start: usize, spans: &mut Vec<Span>) -> Result<Parsed, ProtocolError> {
    let rest = &buf[start..];
    // As to C's string functions, a NUL ends what there is: the line behind it never ends.
    let newline = match memchr::memchr2(b'\n', 0, rest) {
        Some(at) if rest[at] == b'\n' => at,
        _ if rest.len() > MAX_LINE => return error("too big inline request"),
        _ => return Ok(Parsed::Incomplete),
    };
    let end = start + newline + 1;
    let line = rest[..newline].strip_suffix(b"\r").unwrap_or(&rest[..newline]);
    if line.iter().any(|b| matches!(b, b'"' | b'\'')) {
        return match split_args(line) {
            None => error("unbalanced quotes in request"),
            Some(words) if words.is_empty() => Ok(Parsed::Nothing { end }),
            Some(words) => Ok(Parsed::Unescaped { end, words }),
        };
    }
    let before = spans.len();
    let mut at = 0;
    while at < line.len() {
        let len = line[at..].iter().position(|b| is_space(*b)).unwrap_or(line.len() - at);
        if len > 0 {
            spans.push(Span { start: (start + at) as u32, len: len as u32 });
        }
        at += len + 1;
    }
    Ok(if spans.len() == before { Parsed::Nothing { end } } else { Parsed::Command { end } })
}

/// C's `isspace`, which Redis splits inline commands by.
pub fn is_space(b: u8) -> bool {
    matches!(b, b' ' | b'\t' | b'\n' | 0x0b | 0x0c | b'\r')
}

impl Partial {
    /// How many bytes of the word being read are announced but not yet here; a hint for growing the buffer.
    pub fn missing(&self, have: usize) -> usize {
        if self.bulk < 0 { 0 } else { (self.at + self.bulk as usize + 2).saturating_sub(have) }
    }

    /// Bytes held on the heap.
    pub fn heap_bytes(&self) -> usize {
        self.spans.capacity() * size_of::<Span>()
    }

    /// Words read so far.
    pub fn words(&self) -> usize {
        self.spans.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resp::Args;
    use proptest::collection::vec;
    use proptest::prelude::*;

    const LIMITS: Limits = Limits { max_bulk: 512 << 20, authenticated: true };

    fn frame(words: &[Vec<u8>]) -> Vec<u8> {
        let mut out = format!("*{}\r\n", words.len()).into_bytes();
        for w in words {
            out.extend(format!("${}\r\n", w.len()).into_bytes());
            out.extend_from_slice(w);
            out.extend_from_slice(b"\r\n");
        }
        out
    }

    /// Everything that `stream` says, when it arrives in pieces of these sizes.
    fn parse_in_pieces(stream: &[u8], pieces: &[usize]) -> Result<Vec<Vec<Vec<u8>>>, ProtocolError> {
        let (mut out, mut partial, mut at, mut have) = (Vec::new(), None, 0, 0);
        let mut pieces = pieces.iter().cycle();
        loop {
            let mut spans = Vec::new();
            match parse(&stream[..have], at, &mut partial, &mut spans, LIMITS)? {
                Parsed::Command { end } => {
                    out.push(Args::new(&stream[..have], &spans).to_vecs());
                    at = end;
                }
                Parsed::Nothing { end } => at = end,
                Parsed::Unescaped { end, words } => {
                    out.push(words);
                    at = end;
                }
                Parsed::Incomplete if have == stream.len() => return Ok(out),
                Parsed::Incomplete => have = (have + pieces.next().copied().unwrap_or(1).max(1)).min(stream.len()),
            }
        }
    }

    proptest! {
        /// What was framed comes back, however it was cut up.
        #[test]
        fn frames_survive_any_cuts(
            commands in vec(vec(vec(any::<u8>(), 0..40), 1..12), 1..6),
            pieces in vec(1..50usize, 1..10),
        ) {
            let stream: Vec<u8> = commands.iter().flat_map(|c| frame(c)).collect();
            prop_assert_eq!(parse_in_pieces(&stream, &pieces).unwrap(), commands);
        }

        /// Lines without quotes are their words.
        #[test]
        fn inline_lines_are_their_words(line in "[a-z0-9 ]{0,60}", pieces in vec(1..20usize, 1..5)) {
            let words: Vec<Vec<u8>> = line.split(' ').filter(|w| !w.is_empty()).map(|w| w.as_bytes().to_vec()).collect();
            let want: Vec<_> = if words.is_empty() { vec![] } else { vec![words] };
            prop_assert_eq!(parse_in_pieces(format!("{line}\r\n").as_bytes(), &pieces).unwrap(), want);
        }

        /// Anything at all is parsed or refused: no panic, no endless loop, and the cuts make no difference.
        #[test]
        fn rubbish_is_harmless(
            stream in vec(prop_oneof![3 => any::<u8>(), 5 => proptest::sample::select(&b"*$\r\n0123456789-+\"' abc"[..])], 0..200),
            pieces in vec(1..30usize, 1..6),
        ) {
            let whole = parse_in_pieces(&stream, &[stream.len().max(1)]);
            prop_assert_eq!(parse_in_pieces(&stream, &pieces), whole);
        }
    }
}
