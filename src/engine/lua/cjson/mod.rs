//! The library `cjson`: JSON, as lua-cjson 2.1 writes and reads it, settings included.

mod decode;
mod encode;

use super::args::{Answer, Args, function};
use mlua::{Lua, Table, Value};
use parking_lot::Mutex;
use std::sync::Arc;

/// What `encode_invalid_numbers` and its sister allow.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Invalid {
    Refused,
    Written,
    Null,
}

#[derive(Clone, Copy)]
pub(super) struct Settings {
    sparse_convert: bool,
    sparse_ratio: i64,
    sparse_safe: i64,
    encode_max_depth: i64,
    decode_max_depth: i64,
    encode_invalid: Invalid,
    decode_invalid: bool,
    precision: i64,
    keep_buffer: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            sparse_convert: false,
            sparse_ratio: 2,
            sparse_safe: 10,
            encode_max_depth: 1000,
            decode_max_depth: 1000,
            encode_invalid: Invalid::Refused,
            decode_invalid: true,
            precision: 14,
            keep_buffer: true,
        }
    }
}

/// A fresh library with settings of its own.
pub fn library(lua: &Lua) -> mlua::Result<Table> {
    let t = lua.create_table()?;
    let settings = Arc::new(Mutex::new(Settings::default()));
    let add = |name: &'static str, f: fn(&Args<'_>, &Mutex<Settings>) -> Answer| {
        let settings = settings.clone();
        t.raw_set(name, function(lua, name, move |a| f(a, &settings))?)
    };
    add("encode", |a, s| encode::encode(a, *s.lock()))?;
    add("decode", |a, s| decode::decode(a, *s.lock()))?;
    add("encode_max_depth", |a, s| {
        integer(a, 0, 1..=i64::from(i32::MAX), &mut s.lock().encode_max_depth).map(|v| vec![v])
    })?;
    add("decode_max_depth", |a, s| {
        integer(a, 0, 1..=i64::from(i32::MAX), &mut s.lock().decode_max_depth).map(|v| vec![v])
    })?;
    add("encode_number_precision", |a, s| integer(a, 0, 1..=14, &mut s.lock().precision).map(|v| vec![v]))?;
    add("encode_keep_buffer", |a, s| switch(a, 0, &mut s.lock().keep_buffer).map(|v| vec![v]))?;
    add("decode_invalid_numbers", |a, s| switch(a, 0, &mut s.lock().decode_invalid).map(|v| vec![v]))?;
    add("encode_invalid_numbers", |a, s| invalid(a, &mut s.lock().encode_invalid))?;
    add("encode_sparse_array", |a, s| {
        at_most(a, 3)?;
        let s = &mut *s.lock();
        Ok(vec![
            switch_at(a, 0, &mut s.sparse_convert)?,
            integer_at(a, 1, 0..=i64::from(i32::MAX), &mut s.sparse_ratio)?,
            integer_at(a, 2, 0..=i64::from(i32::MAX), &mut s.sparse_safe)?,
        ])
    })?;
    Ok(t)
}

fn at_most(a: &Args<'_>, most: usize) -> Result<(), String> {
    if a.len() > most { a.bad(most, "found too many arguments") } else { Ok(()) }
}

fn integer(a: &Args<'_>, i: usize, range: std::ops::RangeInclusive<i64>, to: &mut i64) -> Result<Value, String> {
    at_most(a, 1)?;
    integer_at(a, i, range, to)
}

fn integer_at(a: &Args<'_>, i: usize, range: std::ops::RangeInclusive<i64>, to: &mut i64) -> Result<Value, String> {
    if !matches!(a.get(i), Value::Nil) {
        let n = a.integer(i)?;
        if !range.contains(&n) {
            return a.bad(i, &format!("expected integer between {} and {}", range.start(), range.end()));
        }
        *to = n;
    }
    Ok(Value::Integer(*to))
}

fn switch(a: &Args<'_>, i: usize, to: &mut bool) -> Result<Value, String> {
    at_most(a, 1)?;
    switch_at(a, i, to)
}

fn switch_at(a: &Args<'_>, i: usize, to: &mut bool) -> Result<Value, String> {
    match a.get(i) {
        Value::Nil => {}
        Value::Boolean(b) => *to = *b,
        _ => match a.bytes(i)?.as_slice() {
            b"on" => *to = true,
            b"off" => *to = false,
            other => return a.bad(i, &format!("invalid option '{}'", String::from_utf8_lossy(other))),
        },
    }
    Ok(Value::Boolean(*to))
}

fn invalid(a: &Args<'_>, to: &mut Invalid) -> Answer {
    at_most(a, 1)?;
    match a.get(0) {
        Value::Nil => {}
        Value::Boolean(b) => *to = if *b { Invalid::Written } else { Invalid::Refused },
        _ => match a.bytes(0)?.as_slice() {
            b"on" => *to = Invalid::Written,
            b"off" => *to = Invalid::Refused,
            b"null" => *to = Invalid::Null,
            other => return a.bad(0, &format!("invalid option '{}'", String::from_utf8_lossy(other))),
        },
    }
    Ok(vec![match to {
        Invalid::Refused => Value::Boolean(false),
        Invalid::Written => Value::Boolean(true),
        Invalid::Null => Value::String(a.lua.create_string("null").map_err(super::args::refusal)?),
    }])
}
