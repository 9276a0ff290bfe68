//! Values to JSON.

use super::{Invalid, Settings};
use crate::engine::lua::args::{Answer, Args, general, refusal, type_name};
use mlua::{Table, Value};

pub(super) fn encode(a: &Args<'_>, settings: Settings) -> Answer {
    if a.len() != 1 {
        return a.bad(0, "expected 1 argument");
    }
    let mut w = Writer { settings, out: Vec::new() };
    w.value(a.get(0), 0)?;
    Ok(vec![Value::String(a.lua.create_string(w.out).map_err(refusal)?)])
}

struct Writer {
    settings: Settings,
    out: Vec<u8>,
}

impl Writer {
    fn value(&mut self, v: &Value, depth: i64) -> Result<(), String> {
        match v {
            Value::String(s) => self.string(&s.as_bytes()),
            Value::Integer(n) => self.number(*n as f64)?,
            Value::Number(n) => self.number(*n)?,
            Value::Boolean(b) => self.out.extend_from_slice(if *b { b"true" } else { b"false" }),
            Value::Table(t) => self.table(t, depth + 1)?,
            Value::Nil => self.out.extend_from_slice(b"null"),
            Value::LightUserData(p) if p.0.is_null() => self.out.extend_from_slice(b"null"),
            other => return Err(format!("Cannot serialise {}: type not supported", type_name(other))),
        }
        Ok(())
    }

    fn string(&mut self, text: &[u8]) {
        self.out.push(b'"');
        for &b in text {
            let short = match b {
                b'"' | b'\\' | b'/' => b,
                8 => b'b',
                9 => b't',
                10 => b'n',
                12 => b'f',
                13 => b'r',
                0..0x20 | 0x7f => {
                    self.out.extend_from_slice(format!("\\u{b:04x}").as_bytes());
                    continue;
                }
                _ => {
                    self.out.push(b);
                    continue;
                }
            };
            self.out.extend_from_slice(&[b'\\', short]);
        }
        self.out.push(b'"');
    }

    fn number(&mut self, n: f64) -> Result<(), String> {
        if !n.is_finite() {
            match self.settings.encode_invalid {
                Invalid::Refused => return Err("Cannot serialise number: must not be NaN or Inf".into()),
                Invalid::Null => {
                    self.out.extend_from_slice(b"null");
                    return Ok(());
                }
                // The sign of what is not a number means nothing.
                Invalid::Written if n.is_nan() => {
                    self.out.extend_from_slice(b"nan");
                    return Ok(());
                }
                Invalid::Written => {}
            }
        }
        let text = general(n, self.settings.precision as usize);
        self.out.extend_from_slice(text.as_bytes());
        Ok(())
    }

    fn table(&mut self, t: &Table, depth: i64) -> Result<(), String> {
        if depth > self.settings.encode_max_depth {
            return Err(format!("Cannot serialise, excessive depth ({depth})"));
        }
        match self.length(t)? {
            Some(len) if len > 0 => {
                self.out.push(b'[');
                for i in 1..=len {
                    if i > 1 {
                        self.out.push(b',');
                    }
                    self.value(&t.raw_get::<Value>(i).map_err(refusal)?, depth)?;
                }
                self.out.push(b']');
            }
            _ => self.object(t, depth)?,
        }
        Ok(())
    }

    /// The length, if the keys are those of an array.
    fn length(&self, t: &Table) -> Result<Option<i64>, String> {
        let (mut most, mut items, mut array) = (0i64, 0i64, true);
        t.for_each(|k: Value, _: Value| {
            match k {
                Value::Integer(n) if n >= 1 => most = most.max(n),
                Value::Number(n) if n >= 1.0 && n.fract() == 0.0 => most = most.max(n as i64),
                _ => array = false,
            }
            items += 1;
            Ok(())
        })
        .map_err(refusal)?;
        if !array {
            return Ok(None);
        }
        let s = &self.settings;
        if s.sparse_ratio > 0 && most > items.saturating_mul(s.sparse_ratio) && most > s.sparse_safe {
            if !s.sparse_convert {
                return Err("Cannot serialise table: excessively sparse array".into());
            }
            return Ok(None);
        }
        Ok(Some(most))
    }

    fn object(&mut self, t: &Table, depth: i64) -> Result<(), String> {
        self.out.push(b'{');
        let (mut first, mut outcome) = (true, Ok(()));
        t.for_each(|k: Value, v: Value| {
            if outcome.is_ok() {
                if !std::mem::replace(&mut first, false) {
                    self.out.push(b',');
                }
                outcome = self.pair(&k, &v, depth);
            }
            Ok(())
        })
        .map_err(refusal)?;
        self.out.push(b'}');
        outcome
    }

    fn pair(&mut self, k: &Value, v: &Value, depth: i64) -> Result<(), String> {
        match k {
            Value::Integer(_) | Value::Number(_) => {
                self.out.push(b'"');
                self.value(k, depth)?;
                self.out.extend_from_slice(b"\":");
            }
            Value::String(s) => {
                self.string(&s.as_bytes());
                self.out.push(b':');
            }
            _ => return Err(format!("Cannot serialise {}: table key must be a number or string", type_name(k))),
        }
        self.value(v, depth)
    }
}
