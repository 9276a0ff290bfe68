//! Where a reply ends. The client side's scanner: it walks over the bytes of a reply once, however they arrive, keeps
//! its place between calls, builds nothing, and allocates nothing by a length that the server announced.
//!
//! A tree is made of a whole reply only ([`super::value`]); a load generator needs no more than this.

use memchr::memchr;
use std::fmt;

/// Aggregates within aggregates that are accepted. Servers' replies nest about ten deep; printing and dropping a tree
/// recurses.
pub const MAX_DEPTH: usize = 256;
/// The longest line: a simple string, an error, a number.
pub const MAX_LINE: usize = 8 << 20;
/// The longest reply, in bytes.
pub const MAX_REPLY: usize = 1 << 34;

/// What a server may not send. The texts are those that C clients' users know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// No type of RESP begins with this byte.
    Type(u8),
    /// A length that is no number, or beyond every bound.
    Length,
    /// An integer, double, boolean or null that is none.
    Number,
    /// A bulk string that does not end where it said.
    BulkEnd,
    TooDeep,
    TooLong,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Type(byte) => {
                let shown = match byte {
                    b'"' | b'\\' => format!("\\{}", char::from(*byte)),
                    b'\n' => "\\n".to_owned(),
                    b'\r' => "\\r".to_owned(),
                    b'\t' => "\\t".to_owned(),
                    7 => "\\a".to_owned(),
                    8 => "\\b".to_owned(),
                    0x20..=0x7e => char::from(*byte).to_string(),
                    other => format!("\\x{other:02x}"),
                };
                write!(f, "Protocol error, got \"{shown}\" as reply type byte")?;
                // How TLS begins an alert: it did not understand us either.
                if *byte == 0x15 { f.write_str(". Does this port speak TLS (--tls)?") } else { Ok(()) }
            }
            Fault::Length => f.write_str("Bad length in a reply"),
            Fault::Number => f.write_str("Bad number in a reply"),
            Fault::BulkEnd => f.write_str("Bad bulk string: it does not end where it said"),
            Fault::TooDeep => write!(f, "Reply nests more than {MAX_DEPTH} deep"),
            Fault::TooLong => f.write_str("Reply is longer than this client takes"),
        }
    }
}

impl std::error::Error for Fault {}

/// The place within a reply that is still arriving.
#[derive(Clone, Debug, Default)]
pub struct Frames {
    /// Scanned so far, from the reply's start.
    at: usize,
    /// A line's end was looked for up to here.
    looked: usize,
    /// Elements still to come of each open aggregate, the outermost first.
    open: Vec<u64>,
}

impl Frames {
    /// True between replies.
    pub fn is_idle(&self) -> bool {
        self.at == 0 && self.looked == 0 && self.open.is_empty()
    }

    /// Goes on with `buf`, which begins where the reply does and holds at least what it held at the last call.
    /// Returns the reply's length once it is complete; the next call then begins a new one. After an error the
    /// connection is of no use.
    pub fn scan(&mut self, buf: &[u8]) -> Result<Option<usize>, Fault> {
        loop {
            let Some(&kind) = buf.get(self.at) else { return Ok(None) };
            let from = self.looked.max(self.at);
            let Some(end) = memchr(b'\n', &buf[from..]).map(|n| from + n) else {
                if !b"+-:_,#($=!*~>%|".contains(&kind) {
                    return Err(Fault::Type(kind));
                }
                self.looked = buf.len();
                return if buf.len() - self.at > MAX_LINE { Err(Fault::TooLong) } else { Ok(None) };
            };
            let line = &buf[self.at + 1..end.max(self.at + 1)];
            let line = line.strip_suffix(b"\r").ok_or(if b"+-:_,#($=!*~>%|".contains(&kind) {
                // A lone line feed ends no line; nobody sends one in a line of text.
                Fault::Length
            } else {
                Fault::Type(kind)
            })?;
            let after = end + 1;
            match kind {
                b'+' | b'-' | b':' | b'_' | b',' | b'#' | b'(' => self.at = after,
                b'$' | b'=' | b'!' => match length(line)? {
                    None => self.at = after,
                    Some(len) => {
                        let len = usize::try_from(len).ok().filter(|len| *len <= MAX_REPLY).ok_or(Fault::Length)?;
                        let whole = after + len + 2;
                        if buf.len() < whole {
                            self.looked = end;
                            return if whole > MAX_REPLY { Err(Fault::TooLong) } else { Ok(None) };
                        }
                        if &buf[whole - 2..whole] != b"\r\n" {
                            return Err(Fault::BulkEnd);
                        }
                        self.at = whole;
                    }
                },
                b'*' | b'~' | b'>' | b'%' | b'|' => {
                    self.at = after;
                    let count = length(line)?.unwrap_or(0);
                    let elements = match kind {
                        b'%' => count.checked_mul(2),
                        // An attribute stands in front of the reply that it belongs to, and both are one.
                        b'|' => count.checked_mul(2).and_then(|n| n.checked_add(1)),
                        _ => Some(count),
                    };
                    let elements = elements.ok_or(Fault::Length)?;
                    if elements > 0 {
                        if self.open.len() == MAX_DEPTH {
                            return Err(Fault::TooDeep);
                        }
                        self.open.push(elements);
                        self.looked = self.at;
                        continue;
                    }
                }
                other => return Err(Fault::Type(other)),
            }
            if self.at > MAX_REPLY {
                return Err(Fault::TooLong);
            }
            self.looked = self.at;
            // One element is complete, and with it every aggregate that it was the last of.
            while let Some(left) = self.open.last_mut() {
                *left -= 1;
                if *left > 0 {
                    break;
                }
                self.open.pop();
            }
            if self.open.is_empty() {
                let len = self.at;
                (self.at, self.looked) = (0, 0);
                return Ok(Some(len));
            }
        }
    }
}

/// A length as announced; `None` for -1, the null of RESP2.
pub(super) fn length(digits: &[u8]) -> Result<Option<u64>, Fault> {
    if digits == b"-1" {
        return Ok(None);
    }
    if digits.is_empty() || digits.len() > 19 {
        return Err(Fault::Length);
    }
    let mut n = 0u64;
    for d in digits {
        if !d.is_ascii_digit() {
            return Err(Fault::Length);
        }
        n = n * 10 + u64::from(d - b'0');
    }
    Ok(Some(n))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn whole(bytes: &[u8]) -> Result<Option<usize>, Fault> {
        Frames::default().scan(bytes)
    }

    #[test]
    fn ends_of_replies() {
        for reply in [
            "+OK\r\n",
            "-ERR x\r\n",
            ":12\r\n",
            "$-1\r\n",
            "*-1\r\n",
            "_\r\n",
            "#t\r\n",
            ",1.5\r\n",
            "$0\r\n\r\n",
            "$3\r\na\r\n\r\n",
            "*0\r\n",
            "*2\r\n*1\r\n:1\r\n%1\r\n+a\r\n$1\r\nb\r\n",
            "|1\r\n+k\r\n+v\r\n*1\r\n:1\r\n",
            ">2\r\n+a\r\n+b\r\n",
            "=7\r\ntxt:abc\r\n",
        ] {
            let more = format!("{reply}+next\r\n");
            assert_eq!(whole(more.as_bytes()), Ok(Some(reply.len())), "{reply:?}");
            // However it arrives: byte by byte, the same end.
            let mut frames = Frames::default();
            for n in 0..reply.len() {
                assert_eq!(frames.scan(&reply.as_bytes()[..n]), Ok(None), "{reply:?} to {n}");
            }
            assert_eq!(frames.scan(reply.as_bytes()), Ok(Some(reply.len())));
            assert!(frames.is_idle());
        }
    }

    #[test]
    fn hostile_replies_are_refused_early() {
        assert_eq!(whole(b"HTTP/1.1 400"), Err(Fault::Type(b'H')));
        assert_eq!(whole(b"$x\r\n"), Err(Fault::Length));
        assert_eq!(whole(b"$-2\r\n"), Err(Fault::Length));
        assert_eq!(whole(b"*99999999999999999999\r\n"), Err(Fault::Length));
        assert_eq!(whole(b"%9999999999999999999\r\n"), Err(Fault::Length));
        assert_eq!(whole(b"$9999999999999999999\r\n"), Err(Fault::Length));
        assert_eq!(whole(b"$1\r\nabc"), Err(Fault::BulkEnd));
        assert_eq!(whole("*1\r\n".repeat(MAX_DEPTH + 1).as_bytes()), Err(Fault::TooDeep));
        // Announced, not sent: nothing is set aside for it.
        let mut frames = Frames::default();
        assert_eq!(frames.scan(b"*9223372036854775807\r\n:1\r\n"), Ok(None));
        assert_eq!(whole(&[b"+".as_slice(), &vec![b'x'; MAX_LINE + 2]].concat()), Err(Fault::TooLong));
    }

    proptest! {
        #[test]
        fn nothing_panics_and_pieces_change_nothing(bytes in proptest::collection::vec(
            proptest::sample::select(b"*$:%+-~>|=!_,#(0123459\r\n\r\n\r\nab".to_vec()), 0..60)) {
            let at_once = whole(&bytes);
            let mut frames = Frames::default();
            let mut piecewise = Ok(None);
            for n in 0..=bytes.len() {
                piecewise = frames.scan(&bytes[..n]);
                if piecewise != Ok(None) {
                    break;
                }
            }
            prop_assert_eq!(at_once.is_err(), piecewise.is_err());
            if let (Ok(a), Ok(b)) = (at_once, piecewise) {
                prop_assert_eq!(a, b);
            }
        }
    }
}
