//! JSON to values.

use super::Settings;
use crate::engine::lua::args::{Answer, Args, refusal};
use mlua::{Lua, Value};

pub(super) fn decode(a: &Args<'_>, settings: Settings) -> Answer {
    if a.len() != 1 {
        return a.bad(0, "expected 1 argument");
    }
    let text = a.bytes(0)?;
    if text.len() >= 2 && (text[0] == 0 || text[1] == 0) {
        return Err("JSON parser does not support UTF-16 or UTF-32".into());
    }
    let mut reader = Reader { lua: a.lua, text: &text, at: 0, settings, depth: 0 };
    let first = reader.token();
    let v = reader.value(first)?;
    let last = reader.token();
    match last.kind {
        Kind::End => Ok(vec![v]),
        _ => last.unexpected("the end"),
    }
}

enum Kind {
    ObjectBegin,
    ObjectEnd,
    ArrayBegin,
    ArrayEnd,
    String(Vec<u8>),
    Number(f64),
    Boolean(bool),
    Null,
    Colon,
    Comma,
    End,
    Error(&'static str),
}

struct Token {
    kind: Kind,
    at: usize,
}

impl Token {
    fn unexpected<T>(&self, wanted: &str) -> Result<T, String> {
        let found = match self.kind {
            Kind::ObjectBegin => "T_OBJ_BEGIN",
            Kind::ObjectEnd => "T_OBJ_END",
            Kind::ArrayBegin => "T_ARR_BEGIN",
            Kind::ArrayEnd => "T_ARR_END",
            Kind::String(_) => "T_STRING",
            Kind::Number(_) => "T_NUMBER",
            Kind::Boolean(_) => "T_BOOLEAN",
            Kind::Null => "T_NULL",
            Kind::Colon => "T_COLON",
            Kind::Comma => "T_COMMA",
            Kind::End => "T_END",
            Kind::Error(what) => what,
        };
        Err(format!("Expected {wanted} but found {found} at character {}", self.at + 1))
    }
}

struct Reader<'a> {
    lua: &'a Lua,
    text: &'a [u8],
    at: usize,
    settings: Settings,
    depth: i64,
}

impl Reader<'_> {
    fn peek(&self, ahead: usize) -> u8 {
        self.text.get(self.at + ahead).copied().unwrap_or(0)
    }

    fn token(&mut self) -> Token {
        while matches!(self.peek(0), b' ' | b'\t' | b'\n' | b'\r') {
            self.at += 1;
        }
        let at = self.at;
        let mut one = |kind| {
            self.at += 1;
            kind
        };
        let kind = match self.text.get(at).copied().unwrap_or(0) {
            b'{' => one(Kind::ObjectBegin),
            b'}' => one(Kind::ObjectEnd),
            b'[' => one(Kind::ArrayBegin),
            b']' => one(Kind::ArrayEnd),
            b',' => one(Kind::Comma),
            b':' => one(Kind::Colon),
            0 if at >= self.text.len() => Kind::End,
            // A NUL within the text ends it too.
            0 => Kind::End,
            b'"' => match self.string() {
                Ok(text) => Kind::String(text),
                Err(what) => Kind::Error(what),
            },
            b'-' | b'0'..=b'9' => {
                if !self.settings.decode_invalid && self.is_invalid_number() {
                    Kind::Error("invalid number")
                } else {
                    self.number()
                }
            }
            _ => self.word(),
        };
        // What is wrong with a string is told where it was met.
        Token { at: if matches!(kind, Kind::Error(_)) { self.at } else { at }, kind }
    }

    fn word(&mut self) -> Kind {
        for (word, kind) in [("true", Kind::Boolean(true)), ("false", Kind::Boolean(false)), ("null", Kind::Null)] {
            if self.text[self.at..].starts_with(word.as_bytes()) {
                self.at += word.len();
                return kind;
            }
        }
        if self.settings.decode_invalid && self.is_invalid_number() {
            return self.number();
        }
        Kind::Error("invalid token")
    }

    /// What strtod reads and JSON does not have: `+1`, `0x1`, `01`, `inf`, `nan`.
    fn is_invalid_number(&self) -> bool {
        if self.peek(0) == b'+' {
            return true;
        }
        let i = usize::from(self.peek(0) == b'-');
        let c = self.peek(i);
        if c == b'0' {
            return matches!(self.peek(i + 1), b'x' | b'X' | b'0'..=b'9');
        }
        if c <= b'9' {
            return false;
        }
        let rest = &self.text[self.at + i..];
        rest.len() >= 3 && (rest[..3].eq_ignore_ascii_case(b"inf") || rest[..3].eq_ignore_ascii_case(b"nan"))
    }

    /// As much as strtod takes.
    fn number(&mut self) -> Kind {
        let rest = &self.text[self.at..];
        let Some((n, len)) = strtod(rest) else { return Kind::Error("invalid number") };
        self.at += len;
        Kind::Number(n)
    }

    fn string(&mut self) -> Result<Vec<u8>, &'static str> {
        self.at += 1;
        let mut out = Vec::new();
        loop {
            let c = self.peek(0);
            match c {
                b'"' => break,
                0 => return Err("unexpected end of string"),
                b'\\' => {
                    let escape = self.peek(1);
                    let plain = match escape {
                        b'"' | b'\\' | b'/' => escape,
                        b'b' => 8,
                        b't' => 9,
                        b'n' => 10,
                        b'f' => 12,
                        b'r' => 13,
                        b'u' => {
                            self.unicode(&mut out)?;
                            continue;
                        }
                        _ => return Err("invalid escape code"),
                    };
                    out.push(plain);
                    self.at += 2;
                }
                _ => {
                    out.push(c);
                    self.at += 1;
                }
            }
        }
        self.at += 1;
        Ok(out)
    }

    fn four_digits(&self, ahead: usize) -> Option<u32> {
        let digits = self.text.get(self.at + ahead..self.at + ahead + 4)?;
        digits.iter().try_fold(0, |n, d| Some(n << 4 | char::from(*d).to_digit(16)?))
    }

    fn unicode(&mut self, out: &mut Vec<u8>) -> Result<(), &'static str> {
        const WRONG: &str = "invalid unicode escape code";
        let mut code = self.four_digits(2).ok_or(WRONG)?;
        let mut len = 6;
        if code & 0xf800 == 0xd800 {
            // The first of a pair, which the second must follow.
            if code & 0x400 != 0 || self.peek(6) != b'\\' || self.peek(7) != b'u' {
                return Err(WRONG);
            }
            let low = self.four_digits(8).ok_or(WRONG)?;
            if low & 0xfc00 != 0xdc00 {
                return Err(WRONG);
            }
            code = ((code & 0x3ff) << 10 | low & 0x3ff) + 0x1_0000;
            len = 12;
        }
        let c = char::from_u32(code).ok_or(WRONG)?;
        out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
        self.at += len;
        Ok(())
    }

    fn descend(&mut self) -> Result<(), String> {
        self.depth += 1;
        if self.depth > self.settings.decode_max_depth.min(4000) {
            return Err(format!("Found too many nested data structures ({}) at character {}", self.depth, self.at));
        }
        Ok(())
    }

    fn value(&mut self, token: Token) -> Result<Value, String> {
        Ok(match token.kind {
            Kind::String(text) => Value::String(self.lua.create_string(text).map_err(refusal)?),
            Kind::Number(n) => Value::Number(n),
            Kind::Boolean(b) => Value::Boolean(b),
            Kind::Null => Value::NULL,
            Kind::ObjectBegin => self.object()?,
            Kind::ArrayBegin => self.array()?,
            _ => return token.unexpected("value"),
        })
    }

    fn object(&mut self) -> Result<Value, String> {
        self.descend()?;
        let t = self.lua.create_table().map_err(refusal)?;
        let mut token = self.token();
        if !matches!(token.kind, Kind::ObjectEnd) {
            loop {
                let Kind::String(key) = token.kind else { return token.unexpected("object key string") };
                let colon = self.token();
                if !matches!(colon.kind, Kind::Colon) {
                    return colon.unexpected("colon");
                }
                let first = self.token();
                let v = self.value(first)?;
                let key = self.lua.create_string(key).map_err(refusal)?;
                t.raw_set(key, v).map_err(refusal)?;
                let after = self.token();
                match after.kind {
                    Kind::ObjectEnd => break,
                    Kind::Comma => token = self.token(),
                    _ => return after.unexpected("comma or object end"),
                }
            }
        }
        self.depth -= 1;
        Ok(Value::Table(t))
    }

    fn array(&mut self) -> Result<Value, String> {
        self.descend()?;
        let t = self.lua.create_table().map_err(refusal)?;
        let mut token = self.token();
        if !matches!(token.kind, Kind::ArrayEnd) {
            for i in 1.. {
                let v = self.value(token)?;
                t.raw_set(i, v).map_err(refusal)?;
                let after = self.token();
                match after.kind {
                    Kind::ArrayEnd => break,
                    Kind::Comma => token = self.token(),
                    _ => return after.unexpected("comma or array end"),
                }
            }
        }
        self.depth -= 1;
        Ok(Value::Table(t))
    }
}

/// The number at the beginning, as C's strtod finds it, and how long it is.
fn strtod(text: &[u8]) -> Option<(f64, usize)> {
    let sign = usize::from(matches!(text.first(), Some(b'-' | b'+')));
    let negative = text.first() == Some(&b'-');
    let rest = &text[sign..];
    let starts = |word: &[u8]| rest.len() >= word.len() && rest[..word.len()].eq_ignore_ascii_case(word);
    let signed = |n: f64| if negative { -n } else { n };
    for (word, n) in [(&b"infinity"[..], f64::INFINITY), (b"inf", f64::INFINITY), (b"nan", f64::NAN)] {
        if starts(word) {
            return Some((signed(n), sign + word.len()));
        }
    }
    if starts(b"0x") && rest.get(2).is_some_and(|c| c.is_ascii_hexdigit() || *c == b'.') {
        let len = 2 + rest[2..].iter().take_while(|c| c.is_ascii_hexdigit() || **c == b'.').count();
        if let Some(n) = crate::base::double::parse_double(&rest[..len]) {
            return Some((signed(n), sign + len));
        }
    }
    let digits = |from: usize| rest[from.min(rest.len())..].iter().take_while(|c| c.is_ascii_digit()).count();
    let whole = digits(0);
    let mut len = whole;
    let mut fraction = 0;
    if rest.get(len) == Some(&b'.') {
        fraction = digits(len + 1);
        len += 1 + fraction;
    }
    if whole + fraction == 0 {
        return None;
    }
    if matches!(rest.get(len), Some(b'e' | b'E')) {
        let exponent_sign = usize::from(matches!(rest.get(len + 1), Some(b'-' | b'+')));
        let exponent = digits(len + 1 + exponent_sign);
        if exponent > 0 {
            len += 1 + exponent_sign + exponent;
        }
    }
    let n: f64 = std::str::from_utf8(&rest[..len]).ok()?.parse().ok()?;
    Some((signed(n), sign + len))
}
