//! RESP to Lua and back.

use crate::base::quoted::quoted;
use crate::resp::{Proto, Reply};
use mlua::{Lua, Table, Value};

/// Tables nest this deep in a reply before it says that Lua's stack is at its end.
pub const MAX_DEPTH: usize = 1000;

/// The names of fields that tables have which mean something, made once.
pub struct Names {
    pub err: mlua::String,
    pub ok: mlua::String,
    pub double: mlua::String,
    pub map: mlua::String,
    pub set: mlua::String,
    pub big_number: mlua::String,
    pub verbatim_string: mlua::String,
    pub string: mlua::String,
    pub format: mlua::String,
    pub ignore: mlua::String,
    pub source: mlua::String,
    pub line: mlua::String,
}

impl Names {
    pub fn new(lua: &Lua) -> mlua::Result<Names> {
        let s = |text: &str| lua.create_string(text);
        Ok(Names {
            err: s("err")?,
            ok: s("ok")?,
            double: s("double")?,
            map: s("map")?,
            set: s("set")?,
            big_number: s("big_number")?,
            verbatim_string: s("verbatim_string")?,
            string: s("string")?,
            format: s("format")?,
            ignore: s("ignore_error_stats_update")?,
            source: s("source")?,
            line: s("line")?,
        })
    }
}

/// What a command answered, as a script sees it. `Err` is an error reply's text.
pub fn to_lua(lua: &Lua, names: &Names, bytes: &[u8]) -> mlua::Result<Result<Value, Vec<u8>>> {
    let mut at = 0;
    // Error replies inside arrays are tables; only the outermost one is raised.
    if bytes.first() == Some(&b'-') {
        return Ok(Err(line(bytes, &mut at)[1..].to_vec()));
    }
    if bytes.is_empty() {
        return Ok(Ok(Value::Nil));
    }
    value(lua, names, bytes, &mut at).map(Ok)
}

fn line<'b>(bytes: &'b [u8], at: &mut usize) -> &'b [u8] {
    let rest = bytes.get(*at..).unwrap_or_default();
    let end = memchr::memchr(b'\r', rest).unwrap_or(rest.len());
    *at += (end + 2).min(rest.len());
    &rest[..end]
}

fn number(text: &[u8]) -> i64 {
    crate::base::numbers::parse_i64(text).unwrap_or(0)
}

fn value(lua: &Lua, names: &Names, bytes: &[u8], at: &mut usize) -> mlua::Result<Value> {
    let head = line(bytes, at);
    let (kind, rest) = head.split_first().map_or((b'_', &head[..0]), |(k, r)| (*k, r));
    let n = number(rest);
    let single = |name: &mlua::String, v: Value| -> mlua::Result<Value> {
        let t = lua.create_table_with_capacity(0, 1)?;
        t.raw_set(name, v)?;
        Ok(Value::Table(t))
    };
    Ok(match kind {
        b':' => Value::Number(n as f64),
        b'$' if n < 0 => Value::Boolean(false),
        b'$' => {
            let body = body(bytes, at, n);
            Value::String(lua.create_string(body)?)
        }
        b'+' => single(&names.ok, Value::String(lua.create_string(rest)?))?,
        b'-' => {
            let t = lua.create_table_with_capacity(0, 2)?;
            t.raw_set(&names.err, lua.create_string(rest)?)?;
            t.raw_set(&names.ignore, true)?;
            Value::Table(t)
        }
        b'*' if n < 0 => Value::Boolean(false),
        b'*' | b'>' => {
            let t = lua.create_table_with_capacity(n as usize, 0)?;
            for i in 1..=n {
                t.raw_set(i, value(lua, names, bytes, at)?)?;
            }
            Value::Table(t)
        }
        b'%' => {
            let t = lua.create_table_with_capacity(0, n as usize)?;
            for _ in 0..n {
                let key = value(lua, names, bytes, at)?;
                let v = value(lua, names, bytes, at)?;
                t.raw_set(key, v)?;
            }
            single(&names.map, Value::Table(t))?
        }
        b'~' => {
            let t = lua.create_table_with_capacity(0, n as usize)?;
            for _ in 0..n {
                t.raw_set(value(lua, names, bytes, at)?, true)?;
            }
            single(&names.set, Value::Table(t))?
        }
        b'|' => {
            for _ in 0..n {
                value(lua, names, bytes, at)?;
                value(lua, names, bytes, at)?;
            }
            value(lua, names, bytes, at)?
        }
        b'#' => Value::Boolean(rest == b"t"),
        b',' => single(&names.double, Value::Number(double(rest)))?,
        b'(' => single(&names.big_number, Value::String(lua.create_string(rest)?))?,
        b'=' => {
            let body = body(bytes, at, n);
            let (format, text) = body.split_at(body.len().min(4));
            let t = lua.create_table_with_capacity(0, 2)?;
            t.raw_set(&names.string, lua.create_string(text)?)?;
            t.raw_set(&names.format, lua.create_string(format.strip_suffix(b":").unwrap_or(format))?)?;
            single(&names.verbatim_string, Value::Table(t))?
        }
        _ => Value::Nil,
    })
}

fn body<'b>(bytes: &'b [u8], at: &mut usize, n: i64) -> &'b [u8] {
    let from = *at;
    *at += n as usize + 2;
    bytes.get(from..from + n as usize).unwrap_or_default()
}

fn double(text: &[u8]) -> f64 {
    match text {
        b"nan" => f64::NAN,
        _ => crate::base::double::parse_double(text).unwrap_or(0.0),
    }
}

/// How a script's result is written: what the script chose by `setresp` decides about booleans.
pub struct Writer<'a> {
    pub names: &'a Names,
    pub script_proto: Proto,
    pub reply: &'a mut Reply,
}

impl Writer<'_> {
    /// Appends what a script returned.
    pub fn write(&mut self, v: &Value, depth: usize) {
        match v {
            Value::String(s) => self.reply.bulk(&s.as_bytes()),
            Value::Boolean(b) if self.script_proto == Proto::Resp3 => self.reply.bool(*b),
            Value::Boolean(true) => self.reply.int(1),
            Value::Integer(n) => self.reply.int(*n),
            Value::Number(n) => self.reply.int(cut(*n)),
            Value::Table(t) => self.table(t, depth),
            _ => self.reply.null(),
        }
    }

    fn table(&mut self, t: &Table, depth: usize) {
        if depth >= MAX_DEPTH {
            return self.reply.error("ERR reached lua stack limit");
        }
        let n = self.names;
        if let Some(text) = text(t, &n.err) {
            return self.reply.error(&quoted(until_nul(&text)));
        }
        if let Some(text) = text(t, &n.ok) {
            return self.reply.simple(&quoted(&one_line(until_nul(&text))));
        }
        match t.raw_get::<Value>(&n.double) {
            Ok(Value::Number(d)) => return self.reply.double(d),
            Ok(Value::Integer(d)) => return self.reply.double(d as f64),
            _ => {}
        }
        if let Ok(Value::Table(map)) = t.raw_get::<Value>(&n.map) {
            let at = self.reply.defer();
            let mut len = 0;
            let _ = map.for_each(|k: Value, v: Value| {
                self.write(&k, depth + 1);
                self.write(&v, depth + 1);
                len += 1;
                Ok(())
            });
            return self.reply.finish_map(at, len);
        }
        if let Ok(Value::Table(set)) = t.raw_get::<Value>(&n.set) {
            let at = self.reply.defer();
            let mut len = 0;
            let _ = set.for_each(|k: Value, _: Value| {
                self.write(&k, depth + 1);
                len += 1;
                Ok(())
            });
            return self.reply.finish_set(at, len);
        }
        if let Some(digits) = text(t, &n.big_number) {
            return self.reply.big_number(&String::from_utf8_lossy(&one_line(&digits)));
        }
        if let Ok(Value::Table(v)) = t.raw_get::<Value>(&n.verbatim_string)
            && let (Some(string), Some(format)) = (text(&v, &n.string), text(&v, &n.format))
        {
            let mut format = String::from_utf8_lossy(&format).into_owned();
            format.truncate(3);
            return self.reply.verbatim(&format, &string);
        }
        let at = self.reply.defer();
        let mut len = 0;
        for i in 1.. {
            match t.raw_get::<Value>(i) {
                Ok(Value::Nil) | Err(_) => break,
                Ok(v) => self.write(&v, depth + 1),
            }
            len += 1;
        }
        self.reply.finish_array(at, len);
    }
}

/// A field that is a string.
pub fn text(t: &Table, name: &mlua::String) -> Option<Vec<u8>> {
    match t.raw_get::<Value>(name) {
        Ok(Value::String(s)) => Some(s.as_bytes().to_vec()),
        _ => None,
    }
}

/// As C casts a double to a 64-bit integer on x86: what does not fit is the smallest one.
pub fn cut(n: f64) -> i64 {
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    if (-LIMIT..LIMIT).contains(&n) { n as i64 } else { i64::MIN }
}

/// As C prints a text: up to a NUL.
pub fn until_nul(text: &[u8]) -> &[u8] {
    text.split(|b| *b == 0).next().unwrap_or_default()
}

/// Line ends become blanks.
pub fn one_line(text: &[u8]) -> Vec<u8> {
    text.iter().map(|b| if matches!(b, b'\r' | b'\n') { b' ' } else { *b }).collect()
}
