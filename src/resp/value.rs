//! A reply as a tree, for clients. Made from a whole reply, whose end [`super::frames`] has found and whose depth it has
//! bounded; vectors grow with what is there, not with what was announced.

use super::frames::{Fault, MAX_DEPTH, length};
use crate::base::numbers::parse_i64;
use memchr::memchr;

#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// `+`: a status.
    Simple(Vec<u8>),
    /// `-` and `!`.
    Error(Vec<u8>),
    Int(i64),
    Bulk(Vec<u8>),
    /// `$-1`, `*-1` and `_`.
    Null,
    Bool(bool),
    /// As the server wrote it: how many digits to show is its choice.
    Double(Vec<u8>),
    /// `(`: digits beyond 64 bits.
    Big(Vec<u8>),
    /// `=`: a text with its format, `txt` or `mkd`.
    Verbatim([u8; 3], Vec<u8>),
    Array(Vec<Value>),
    Map(Vec<(Value, Value)>),
    Set(Vec<Value>),
    Push(Vec<Value>),
    /// `|`: facts about the reply that follows them.
    Attribute(Vec<(Value, Value)>, Box<Value>),
}

impl Value {
    /// Reads a complete reply. Errors: what the scanner does not look at, numbers and booleans that are none.
    pub fn parse(reply: &[u8]) -> Result<Value, Fault> {
        let mut rest = reply;
        let value = parse(&mut rest, 0)?;
        if rest.is_empty() { Ok(value) } else { Err(Fault::Length) }
    }

    /// The reply without the attributes in front of it.
    pub fn plain(self) -> Value {
        match self {
            Value::Attribute(_, value) => value.plain(),
            other => other,
        }
    }

    pub fn error(&self) -> Option<&[u8]> {
        match self {
            Value::Error(text) => Some(text),
            Value::Attribute(_, value) => value.error(),
            _ => None,
        }
    }

    /// The bytes of a text of any kind.
    pub fn text(&self) -> Option<&[u8]> {
        match self {
            Value::Simple(text) | Value::Bulk(text) | Value::Verbatim(_, text) => Some(text),
            Value::Attribute(_, value) => value.text(),
            _ => None,
        }
    }

    /// The number in an integer or in a text of digits.
    pub fn int(&self) -> Option<i64> {
        match self {
            Value::Int(n) => Some(*n),
            other => parse_i64(other.text()?),
        }
    }

    /// The elements of an array, a set or a push.
    pub fn items(&self) -> Option<&[Value]> {
        match self {
            Value::Array(items) | Value::Set(items) | Value::Push(items) => Some(items),
            Value::Attribute(_, value) => value.items(),
            _ => None,
        }
    }

    /// Pairs of a map, or of a flat array of an even count (what RESP2 has in its place).
    pub fn pairs(&self) -> Option<Vec<(&Value, &Value)>> {
        match self {
            Value::Map(pairs) => Some(pairs.iter().map(|(k, v)| (k, v)).collect()),
            Value::Attribute(_, value) => value.pairs(),
            other => {
                let items = other.items()?;
                (items.len() % 2 == 0).then(|| items.chunks_exact(2).map(|two| (&two[0], &two[1])).collect())
            }
        }
    }
}

fn line<'a>(rest: &mut &'a [u8]) -> Result<&'a [u8], Fault> {
    let end = memchr(b'\n', rest).ok_or(Fault::Length)?;
    let line = rest[..end].strip_suffix(b"\r").ok_or(Fault::Length)?;
    *rest = &rest[end + 1..];
    Ok(line)
}

fn parse(rest: &mut &[u8], depth: usize) -> Result<Value, Fault> {
    let (&kind, tail) = rest.split_first().ok_or(Fault::Length)?;
    *rest = tail;
    let head = line(rest)?;
    if depth > MAX_DEPTH {
        return Err(Fault::TooDeep);
    }
    Ok(match kind {
        b'+' => Value::Simple(head.to_vec()),
        b'-' => Value::Error(head.to_vec()),
        b':' => Value::Int(parse_i64(head).ok_or(Fault::Number)?),
        b'_' => Value::Null,
        b'#' => match head {
            b"t" => Value::Bool(true),
            b"f" => Value::Bool(false),
            _ => return Err(Fault::Number),
        },
        b',' => {
            let text = std::str::from_utf8(head).ok().filter(|text| text.len() <= 400);
            text.and_then(|text| text.parse::<f64>().ok()).ok_or(Fault::Number)?;
            Value::Double(head.to_vec())
        }
        b'(' => {
            let digits = head.strip_prefix(b"-").unwrap_or(head);
            if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
                return Err(Fault::Number);
            }
            Value::Big(head.to_vec())
        }
        b'$' | b'!' | b'=' => match length(head)? {
            None => Value::Null,
            Some(len) => {
                let len = usize::try_from(len).map_err(|_| Fault::Length)?;
                let body = rest.get(..len).ok_or(Fault::Length)?;
                *rest = rest[len..].strip_prefix(b"\r\n").ok_or(Fault::BulkEnd)?;
                match (kind, body) {
                    (b'$', _) => Value::Bulk(body.to_vec()),
                    (b'!', _) => Value::Error(body.to_vec()),
                    (_, [a, b, c, b':', text @ ..]) => Value::Verbatim([*a, *b, *c], text.to_vec()),
                    _ => return Err(Fault::Length),
                }
            }
        },
        b'*' | b'~' | b'>' => match length(head)? {
            None => Value::Null,
            Some(count) => {
                // Each element takes three bytes at least.
                let mut items = Vec::with_capacity((count.min(rest.len() as u64 / 3)) as usize);
                for _ in 0..count {
                    items.push(parse(rest, depth + 1)?);
                }
                match kind {
                    b'*' => Value::Array(items),
                    b'~' => Value::Set(items),
                    _ => Value::Push(items),
                }
            }
        },
        b'%' | b'|' => {
            let count = length(head)?.unwrap_or(0);
            let mut pairs = Vec::with_capacity((count.min(rest.len() as u64 / 6)) as usize);
            for _ in 0..count {
                let key = parse(rest, depth + 1)?;
                pairs.push((key, parse(rest, depth + 1)?));
            }
            if kind == b'%' { Value::Map(pairs) } else { Value::Attribute(pairs, Box::new(parse(rest, depth + 1)?)) }
        }
        other => return Err(Fault::Type(other)),
    })
}

#[cfg(test)]
mod tests {
    use super::super::frames::Frames;
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_type() {
        let bulk = |text: &str| Value::Bulk(text.into());
        for (reply, want) in [
            ("+OK\r\n", Value::Simple("OK".into())),
            ("-ERR no\r\n", Value::Error("ERR no".into())),
            ("!5\r\nERR x\r\n", Value::Error("ERR x".into())),
            (":-5\r\n", Value::Int(-5)),
            ("$2\r\n\r\n\r\n", bulk("\r\n")),
            ("$-1\r\n", Value::Null),
            ("*-1\r\n", Value::Null),
            ("_\r\n", Value::Null),
            ("#f\r\n", Value::Bool(false)),
            (",inf\r\n", Value::Double("inf".into())),
            ("(123456789012345678901\r\n", Value::Big("123456789012345678901".into())),
            ("=6\r\nmkd:hi\r\n", Value::Verbatim(*b"mkd", "hi".into())),
            ("~1\r\n$1\r\na\r\n", Value::Set(vec![bulk("a")])),
            ("%1\r\n:1\r\n*0\r\n", Value::Map(vec![(Value::Int(1), Value::Array(vec![]))])),
            ("|1\r\n+a\r\n:1\r\n_\r\n", {
                Value::Attribute(vec![(Value::Simple("a".into()), Value::Int(1))], Box::new(Value::Null))
            }),
        ] {
            assert_eq!(Value::parse(reply.as_bytes()), Ok(want), "{reply:?}");
        }
        for reply in ["#x\r\n", ":1x\r\n", ",a\r\n", "(12a\r\n", "=2\r\nab\r\n", "+a\r\n+b\r\n"] {
            assert!(Value::parse(reply.as_bytes()).is_err(), "{reply:?}");
        }
    }

    proptest! {
        #[test]
        fn the_scanner_and_the_tree_agree_on_the_end(bytes in proptest::collection::vec(
            proptest::sample::select(b"*$:%+-~>|=!_,#(0123\r\n\r\n\r\nab".to_vec()), 0..60)) {
            let whole = Frames::default().scan(&bytes);
            if let Ok(Some(len)) = whole {
                // It may be refused for a number that is none, and never for its shape.
                let got = Value::parse(&bytes[..len]);
                prop_assert!(matches!(got, Ok(_) | Err(Fault::Number | Fault::Length)), "{:?}", got);
            }
            let _ = Value::parse(&bytes);
        }
    }
}
