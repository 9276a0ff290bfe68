//! Replies as text, in redis-cli's forms (7.0.15), byte by byte; only what could fool a terminal differs: in the form for
//! people, control bytes of statuses, errors and texts are escaped.

use crate::{
    args::cli::Output,
    resp::{Value, inline::quote},
};

pub use crate::resp::harmless::harmless;

/// Delimiters of the raw form.
pub struct Form<'o> {
    pub output: Output,
    pub element_delimiter: &'o [u8],
    pub reply_delimiter: &'o [u8],
}

impl Form<'_> {
    /// A whole reply. `verbatim`: of a command whose text is made to be read (INFO, CLIENT LIST).
    pub fn reply(&self, value: &Value, verbatim: bool) -> Vec<u8> {
        let mut out = Vec::new();
        if verbatim {
            self.raw(value, &mut out);
            if self.output == Output::Standard {
                out = harmless(&out);
            }
            return out;
        }
        match self.output {
            Output::Standard => standard(value, &mut Vec::new(), &mut out),
            Output::Raw => {
                self.raw(value, &mut out);
                out.extend_from_slice(self.reply_delimiter);
            }
            Output::Csv => {
                csv(value, &mut out);
                out.push(b'\n');
            }
            Output::Json | Output::QuotedJson => {
                json(value, self.output == Output::QuotedJson, &mut out);
                out.push(b'\n');
            }
        }
        out
    }

    fn raw(&self, value: &Value, out: &mut Vec<u8>) {
        match value {
            Value::Null => {}
            Value::Error(text) => {
                out.extend_from_slice(text);
                out.push(b'\n');
            }
            Value::Bool(b) => out.extend_from_slice(if *b { b"(true)" } else { b"(false)" }),
            Value::Array(items) | Value::Set(items) | Value::Push(items) => {
                for (i, item) in items.iter().enumerate() {
                    if i > 0 {
                        out.extend_from_slice(self.element_delimiter);
                    }
                    self.raw(item, out);
                }
            }
            Value::Map(pairs) => {
                for (i, (key, item)) in pairs.iter().enumerate() {
                    if i > 0 {
                        out.extend_from_slice(self.element_delimiter);
                    }
                    self.raw(key, out);
                    out.push(b' ');
                    self.raw(item, out);
                }
            }
            Value::Attribute(_, value) => self.raw(value, out),
            scalar => push_scalar(scalar, out),
        }
    }
}

/// The bytes of a status, a text or a number.
fn push_scalar(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Int(n) => crate::base::numbers::push_i64(out, *n),
        Value::Double(text) | Value::Big(text) => out.extend_from_slice(text),
        other => out.extend_from_slice(other.text().unwrap_or_default()),
    }
}

fn standard(value: &Value, prefix: &mut Vec<u8>, out: &mut Vec<u8>) {
    match value {
        Value::Error(text) => {
            out.extend_from_slice(b"(error) ");
            out.extend(harmless(text));
        }
        Value::Simple(text) | Value::Verbatim(_, text) => out.extend(harmless(text)),
        Value::Int(_) => {
            out.extend_from_slice(b"(integer) ");
            push_scalar(value, out);
        }
        Value::Double(_) => {
            out.extend_from_slice(b"(double) ");
            push_scalar(value, out);
        }
        Value::Big(_) => push_scalar(value, out),
        Value::Bulk(text) => out.extend(quote(text)),
        Value::Null => out.extend_from_slice(b"(nil)"),
        Value::Bool(b) => out.extend_from_slice(if *b { b"(true)" } else { b"(false)" }),
        Value::Array(items) => return standard_items(items, b')', b"(empty array)\n", prefix, out),
        Value::Set(items) => return standard_items(items, b'~', b"(empty set)\n", prefix, out),
        Value::Push(items) => return standard_items(items, b')', b"(empty push)\n", prefix, out),
        Value::Map(pairs) => {
            if pairs.is_empty() {
                return out.extend_from_slice(b"(empty hash)\n");
            }
            let width = digits(pairs.len());
            for (i, (key, item)) in pairs.iter().enumerate() {
                number(i, width, b'#', prefix, out);
                let depth = deeper(prefix, width);
                standard(key, prefix, out);
                out.pop();
                out.extend_from_slice(b" => ");
                let from = out.len();
                standard(item, prefix, out);
                // What takes several lines begins on one of its own.
                if memchr::memchr(b'\n', &out[from..]).is_some_and(|at| from + at + 1 < out.len()) {
                    let head = [b"\n".as_slice(), prefix].concat();
                    out.splice(from..from, head);
                }
                prefix.truncate(depth);
            }
            return;
        }
        Value::Attribute(_, value) => return standard(value, prefix, out),
    }
    out.push(b'\n');
}

fn standard_items(items: &[Value], mark: u8, empty: &[u8], prefix: &mut Vec<u8>, out: &mut Vec<u8>) {
    if items.is_empty() {
        return out.extend_from_slice(empty);
    }
    let width = digits(items.len());
    for (i, item) in items.iter().enumerate() {
        number(i, width, mark, prefix, out);
        let depth = deeper(prefix, width);
        standard(item, prefix, out);
        prefix.truncate(depth);
    }
}

/// The first element stands behind its parent's number, on the same line.
fn number(i: usize, width: usize, mark: u8, prefix: &[u8], out: &mut Vec<u8>) {
    if i > 0 {
        out.extend_from_slice(prefix);
    }
    out.extend(format!("{:>width$}{} ", i + 1, char::from(mark)).bytes());
}

fn deeper(prefix: &mut Vec<u8>, width: usize) -> usize {
    let before = prefix.len();
    prefix.resize(before + width + 2, b' ');
    before
}

fn digits(n: usize) -> usize {
    n.checked_ilog10().unwrap_or(0) as usize + 1
}

fn csv(value: &Value, out: &mut Vec<u8>) {
    let separate = |i: usize, out: &mut Vec<u8>| {
        if i > 0 {
            out.push(b',');
        }
    };
    match value {
        Value::Error(text) => {
            out.extend_from_slice(b"ERROR,");
            out.extend(quote(text));
        }
        Value::Null => out.extend_from_slice(b"NULL"),
        Value::Bool(b) => out.extend_from_slice(if *b { b"true" } else { b"false" }),
        Value::Simple(text) | Value::Bulk(text) | Value::Verbatim(_, text) => out.extend(quote(text)),
        Value::Array(items) | Value::Set(items) | Value::Push(items) => {
            for (i, item) in items.iter().enumerate() {
                separate(i, out);
                csv(item, out);
            }
        }
        Value::Map(pairs) => {
            for (i, (key, item)) in pairs.iter().enumerate() {
                separate(i, out);
                csv(key, out);
                out.push(b',');
                csv(item, out);
            }
        }
        Value::Attribute(_, value) => csv(value, out),
        scalar => push_scalar(scalar, out),
    }
}

pub fn json(value: &Value, ascii: bool, out: &mut Vec<u8>) {
    match value {
        Value::Error(text) => {
            out.extend_from_slice(b"error:");
            json_string(text, ascii, out);
        }
        Value::Null => out.extend_from_slice(b"null"),
        Value::Bool(b) => out.extend_from_slice(if *b { b"true" } else { b"false" }),
        Value::Simple(text) | Value::Bulk(text) | Value::Verbatim(_, text) => json_string(text, ascii, out),
        Value::Array(items) | Value::Set(items) | Value::Push(items) => {
            out.push(b'[');
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    out.push(b',');
                }
                json(item, ascii, out);
            }
            out.push(b']');
        }
        Value::Map(pairs) => {
            out.push(b'{');
            for (i, (key, item)) in pairs.iter().enumerate() {
                if i > 0 {
                    out.push(b',');
                }
                // A member's name is a string whatever the server says.
                let from = out.len();
                json(key, ascii, out);
                if out.get(from) != Some(&b'"') && !matches!(key, Value::Error(_)) {
                    out.insert(from, b'"');
                    out.push(b'"');
                }
                out.push(b':');
                json(item, ascii, out);
            }
            out.push(b'}');
        }
        Value::Attribute(_, value) => json(value, ascii, out),
        scalar => push_scalar(scalar, out),
    }
}

fn json_string(text: &[u8], ascii: bool, out: &mut Vec<u8>) {
    if ascii {
        // Redis's escapes, and every backslash twice.
        for b in quote(text) {
            out.extend(std::iter::repeat_n(b, if b == b'\\' { 2 } else { 1 }));
        }
        return;
    }
    out.push(b'"');
    for &b in text {
        match b {
            b'\\' | b'"' => out.extend([b'\\', b]),
            b'\n' => out.extend(b"\\n"),
            12 => out.extend(b"\\f"),
            b'\r' => out.extend(b"\\r"),
            b'\t' => out.extend(b"\\t"),
            8 => out.extend(b"\\b"),
            ..=0x1f => out.extend(format!("\\u{b:04x}").bytes()),
            _ => out.push(b),
        }
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maps_within_maps() {
        let form = Form { output: Output::Standard, element_delimiter: b"\n", reply_delimiter: b"\n" };
        // As redis-cli 7.0.15 shows them.
        for (reply, want) in [
            ("%1 +a ~1 +x ", "1# a => 1~ x\n"),
            ("%1 +a *2 +x +y ", "1# a => \n   1) x\n   2) y\n"),
            ("%1 +a %1 +x +y ", "1# a => 1# x => y\n"),
            ("*1 >1 +x ", "1) 1) x\n"),
            ("%1 +a *1 *2 :1 :2 ", "1# a => \n   1) 1) (integer) 1\n      2) (integer) 2\n"),
        ] {
            let value = Value::parse(reply.replace(' ', "\r\n").as_bytes()).expect("a reply");
            assert_eq!(String::from_utf8_lossy(&form.reply(&value, false)), want, "{reply}");
        }
    }

    #[test]
    fn nothing_gets_through_to_the_terminal() {
        let form = Form { output: Output::Standard, element_delimiter: b"\n", reply_delimiter: b"\n" };
        for reply in [
            "+\x1b[2J\r\n",
            "-\x1b[2J\r\n",
            "=8\r\ntxt:\x1b[2J\r\n",
            "*1\r\n$4\r\n\x1b[2J\r\n",
            "%1\r\n+\x1b[2J\r\n+\x1b[2J\r\n",
        ] {
            let value = Value::parse(reply.as_bytes()).expect("a reply");
            for verbatim in [false, true] {
                assert!(!form.reply(&value, verbatim).contains(&0x1b), "{reply:?}");
            }
        }
    }
}
