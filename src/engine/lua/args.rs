//! Arguments of the library functions that scripts call, and what they answer: `true` and values, or `nil` and why not. The
//! prelude raises the latter, with the script's own line in front.

use super::convert::cut;
use mlua::{IntoLua, Lua, MultiValue, Value};

pub type Answer = Result<Vec<Value>, String>;

pub struct Args<'a> {
    pub lua: &'a Lua,
    pub name: &'static str,
    pub values: MultiValue,
}

impl Args<'_> {
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Argument `i`, from 0; nil beyond the last.
    pub fn get(&self, i: usize) -> &Value {
        self.values.get(i).unwrap_or(&Value::Nil)
    }

    pub fn bad<T>(&self, i: usize, why: &str) -> Result<T, String> {
        Err(format!("bad argument #{} to '{}' ({why})", i + 1, self.name))
    }

    pub fn expected<T>(&self, i: usize, what: &str) -> Result<T, String> {
        let got = if i < self.len() { type_name(self.get(i)) } else { "no value" };
        self.bad(i, &format!("{what} expected, got {got}"))
    }

    pub fn number(&self, i: usize) -> Result<f64, String> {
        match number(self.get(i)) {
            Some(n) => Ok(n),
            None => self.expected(i, "number"),
        }
    }

    pub fn integer(&self, i: usize) -> Result<i64, String> {
        self.number(i).map(cut)
    }

    pub fn bytes(&self, i: usize) -> Result<Vec<u8>, String> {
        match self.get(i) {
            Value::String(s) => Ok(s.as_bytes().to_vec()),
            Value::Integer(n) => Ok(text_of(*n as f64)),
            Value::Number(n) => Ok(text_of(*n)),
            _ => self.expected(i, "string"),
        }
    }
}

/// What Lua calls the type.
pub fn type_name(v: &Value) -> &'static str {
    match v {
        Value::LightUserData(_) | Value::UserData(_) | Value::Error(_) | Value::Other(_) => "userdata",
        other => other.type_name(),
    }
}

/// A number, or a string that reads as one.
pub fn number(v: &Value) -> Option<f64> {
    match v {
        Value::Integer(n) => Some(*n as f64),
        Value::Number(n) => Some(*n),
        Value::String(s) => {
            let bytes = s.as_bytes();
            let text = bytes.trim_ascii();
            match text.iter().position(|b| *b == b'x' || *b == b'X') {
                Some(_) => crate::base::double::parse_double(text),
                None => std::str::from_utf8(text).ok()?.parse().ok().filter(|_| {
                    // Rust reads `inf` and `nan`, Lua does not.
                    text.iter().all(|b| matches!(b, b'0'..=b'9' | b'.' | b'+' | b'-' | b'e' | b'E'))
                }),
            }
        }
        _ => None,
    }
}

/// A number's text as Lua prints it: `%.14g`.
pub fn text_of(n: f64) -> Vec<u8> {
    general(n, 14).into_bytes()
}

/// C's `%.*g`.
pub fn general(n: f64, precision: usize) -> String {
    if n.is_nan() {
        return if n.is_sign_negative() { "-nan".into() } else { "nan".into() };
    }
    if n.is_infinite() {
        return if n < 0.0 { "-inf".into() } else { "inf".into() };
    }
    let precision = precision.max(1);
    let scientific = format!("{:.*e}", precision - 1, n);
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let trimmed = |text: &str| match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text.to_owned(),
    };
    if exponent < -4 || exponent >= precision as i32 {
        let sign = if exponent < 0 { '-' } else { '+' };
        return format!("{}e{sign}{:02}", trimmed(digits), exponent.unsigned_abs());
    }
    trimmed(&format!("{:.*}", (precision as i32 - 1 - exponent).max(0) as usize, n))
}

/// Makes a Lua function of one of ours.
pub fn function(
    lua: &Lua,
    name: &'static str,
    f: impl Fn(&Args<'_>) -> Answer + Send + 'static,
) -> mlua::Result<mlua::Function> {
    lua.create_function(move |lua, values: MultiValue| {
        let mut out = MultiValue::new();
        match f(&Args { lua, name, values }) {
            Ok(values) => {
                out.push_back(Value::Boolean(true));
                out.extend(values);
            }
            Err(text) => {
                out.push_back(Value::Nil);
                out.push_back(lua.create_string(text)?.into_lua(lua)?);
            }
        }
        Ok(out)
    })
}

/// Out of memory, mostly: said as Lua says it.
pub fn refusal(e: mlua::Error) -> String {
    match e {
        mlua::Error::MemoryError(_) => "not enough memory".into(),
        mlua::Error::RuntimeError(text) => text.lines().next().unwrap_or_default().to_owned(),
        mlua::Error::CallbackError { cause, .. } => refusal(mlua::Error::clone(&cause)),
        other => other.to_string().lines().next().unwrap_or_default().to_owned(),
    }
}
