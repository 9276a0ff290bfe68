//! What Lua's values and texts become on their way out. (Whole replies: `natives/call.rs` and `natives/write.rs`.)

use mlua::{Lua, Table, Value};

/// The names of fields that raised tables have, made once.
pub struct Names {
    pub err: mlua::String,
    pub ignore: mlua::String,
    pub source: mlua::String,
    pub line: mlua::String,
}

impl Names {
    pub fn new(lua: &Lua) -> mlua::Result<Names> {
        let s = |text: &str| lua.create_string(text);
        Ok(Names { err: s("err")?, ignore: s("ignore_error_stats_update")?, source: s("source")?, line: s("line")? })
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
