//! The library `cmsgpack`: MessagePack, as lua-cmsgpack 0.4.0 writes and reads it.

use super::args::{Answer, Args, function, refusal};
use crate::base::double::exact_i64;
use mlua::{Lua, Table, Value};

/// Tables within tables beyond this are written as nil.
const MAX_NESTING: usize = 16;
/// What is read may nest deeper, up to here (there: as far as Lua's stack goes).
const MAX_DEPTH: usize = 2000;

pub fn library(lua: &Lua) -> mlua::Result<Table> {
    let t = lua.create_table()?;
    t.raw_set("pack", function(lua, "pack", pack)?)?;
    t.raw_set("unpack", function(lua, "unpack", |a| unpack(a, 0, 0))?)?;
    let one = |a: &Args<'_>| {
        let offset = optional(a, 1)?;
        unpack(a, 1, offset)
    };
    t.raw_set("unpack_one", function(lua, "unpack_one", one)?)?;
    let limit = |a: &Args<'_>| {
        let limit = a.integer(1)?;
        let offset = optional(a, 2)?;
        unpack(a, limit, offset)
    };
    t.raw_set("unpack_limit", function(lua, "unpack_limit", limit)?)?;
    Ok(t)
}

fn optional(a: &Args<'_>, i: usize) -> Result<i64, String> {
    if matches!(a.get(i), Value::Nil) { Ok(0) } else { a.integer(i) }
}

fn pack(a: &Args<'_>) -> Answer {
    if a.is_empty() {
        return Err("bad argument #0 to 'pack' (MessagePack pack needs input.)".into());
    }
    let mut out = Vec::new();
    for v in &a.values {
        write(v, 0, &mut out)?;
    }
    Ok(vec![Value::String(a.lua.create_string(out).map_err(refusal)?)])
}

/// A head whose length fits one of several widths: below `fixed` inside the first byte, then 8, 16 and 32 bits.
fn head(out: &mut Vec<u8>, n: usize, fixed: (usize, u8), wide: [u8; 3]) {
    if n < fixed.0 {
        out.push(fixed.1 | n as u8);
    } else if n <= 0xff && wide[0] != 0 {
        out.extend_from_slice(&[wide[0], n as u8]);
    } else if n <= 0xffff {
        out.push(wide[1]);
        out.extend_from_slice(&(n as u16).to_be_bytes());
    } else {
        out.push(wide[2]);
        out.extend_from_slice(&(n as u32).to_be_bytes());
    }
}

fn write(v: &Value, level: usize, out: &mut Vec<u8>) -> Result<(), String> {
    match v {
        Value::String(s) => {
            head(out, s.as_bytes().len(), (32, 0xa0), [0xd9, 0xda, 0xdb]);
            out.extend_from_slice(&s.as_bytes());
        }
        Value::Boolean(b) => out.push(if *b { 0xc3 } else { 0xc2 }),
        Value::Integer(n) => write_number(*n as f64, out),
        Value::Number(n) => write_number(*n, out),
        Value::Table(t) if level < MAX_NESTING => write_table(t, level, out)?,
        _ => out.push(0xc0),
    }
    Ok(())
}

fn write_number(n: f64, out: &mut Vec<u8>) {
    // Beyond 2^62 the cast is exact all the same.
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    let whole = exact_i64(n).or_else(|| (n.fract() == 0.0 && (-LIMIT..LIMIT).contains(&n)).then_some(n as i64));
    let Some(i) = whole else {
        let short = n as f32;
        if f64::from(short) == n {
            out.push(0xca);
            out.extend_from_slice(&short.to_be_bytes());
        } else {
            out.push(0xcb);
            out.extend_from_slice(&n.to_be_bytes());
        }
        return;
    };
    match i {
        0..=127 => out.push(i as u8),
        128..=0xff => out.extend_from_slice(&[0xcc, i as u8]),
        0x100..=0xffff => {
            out.push(0xcd);
            out.extend_from_slice(&(i as u16).to_be_bytes());
        }
        0x1_0000..=0xffff_ffff => {
            out.push(0xce);
            out.extend_from_slice(&(i as u32).to_be_bytes());
        }
        0x1_0000_0000.. => {
            out.push(0xcf);
            out.extend_from_slice(&i.to_be_bytes());
        }
        -32..=-1 => out.push(i as u8),
        -128..=-33 => out.extend_from_slice(&[0xd0, i as u8]),
        -32768..=-129 => {
            out.push(0xd1);
            out.extend_from_slice(&(i as i16).to_be_bytes());
        }
        -2_147_483_648..=-32769 => {
            out.push(0xd2);
            out.extend_from_slice(&(i as i32).to_be_bytes());
        }
        _ => {
            out.push(0xd3);
            out.extend_from_slice(&i.to_be_bytes());
        }
    }
}

fn write_table(t: &Table, level: usize, out: &mut Vec<u8>) -> Result<(), String> {
    let (mut count, mut most, mut array) = (0usize, 0f64, true);
    t.for_each(|k: Value, _: Value| {
        count += 1;
        let n = match k {
            Value::Integer(n) => n as f64,
            Value::Number(n) => n,
            _ => 0.0,
        };
        array &= n > 0.0 && n.fract() == 0.0;
        most = most.max(n);
        Ok(())
    })
    .map_err(refusal)?;
    if array && most == count as f64 {
        head(out, count, (16, 0x90), [0, 0xdc, 0xdd]);
        for i in 1..=count {
            write(&t.raw_get::<Value>(i).map_err(refusal)?, level + 1, out)?;
        }
        return Ok(());
    }
    head(out, count, (16, 0x80), [0, 0xde, 0xdf]);
    let mut failed = Ok(());
    t.for_each(|k: Value, v: Value| {
        failed = failed.clone().and_then(|()| write(&k, level + 1, out)).and_then(|()| write(&v, level + 1, out));
        Ok(())
    })
    .map_err(refusal)?;
    failed
}

fn unpack(a: &Args<'_>, limit: i64, offset: i64) -> Answer {
    let text = a.bytes(0)?;
    let len = text.len() as i64;
    if offset < 0 || limit < 0 {
        return Err(format!("Invalid request to unpack with offset of {offset} and limit of {len}."));
    }
    if offset > len {
        return Err(format!("Start offset {offset} greater than input length {len}."));
    }
    let all = limit == 0 && offset == 0;
    let limit = if all { usize::MAX } else { limit as usize };
    let mut from = Reader { lua: a.lua, text: &text, at: offset as usize };
    let mut values = Vec::new();
    while from.at < text.len() && values.len() < limit {
        values.push(from.value(0)?);
        if values.len() > 7000 {
            return Err("stack overflow (in function mp_unpack_full)".into());
        }
    }
    if !all {
        let next = if from.at == text.len() { -1 } else { from.at as i64 };
        values.insert(0, Value::Integer(next));
    }
    Ok(values)
}

struct Reader<'a> {
    lua: &'a Lua,
    text: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    fn take(&mut self, n: usize) -> Result<&[u8], String> {
        let end = self.at.checked_add(n).filter(|end| *end <= self.text.len());
        let end = end.ok_or("Missing bytes in input.")?;
        let part = &self.text[self.at..end];
        self.at = end;
        Ok(part)
    }

    fn unsigned(&mut self, bytes: usize) -> Result<u64, String> {
        Ok(self.take(bytes)?.iter().fold(0, |n, b| n << 8 | u64::from(*b)))
    }

    fn value(&mut self, depth: usize) -> Result<Value, String> {
        let n = |n: f64| Ok(Value::Number(n));
        let first = self.take(1)?[0];
        match first {
            0xcc => n(self.unsigned(1)? as f64),
            0xcd => n(self.unsigned(2)? as f64),
            0xce => n(self.unsigned(4)? as f64),
            // Read as a signed one, as there.
            0xcf => n(self.unsigned(8)? as i64 as f64),
            0xd0 => n(f64::from(self.unsigned(1)? as i8)),
            0xd1 => n(f64::from(self.unsigned(2)? as i16)),
            0xd2 => n(f64::from(self.unsigned(4)? as i32)),
            0xd3 => n(self.unsigned(8)? as i64 as f64),
            0xc0 => Ok(Value::Nil),
            0xc2 | 0xc3 => Ok(Value::Boolean(first == 0xc3)),
            0xca => n(f64::from(f32::from_bits(self.unsigned(4)? as u32))),
            0xcb => n(f64::from_bits(self.unsigned(8)?)),
            0xd9 => self.sized(1),
            0xda => self.sized(2),
            0xdb => self.sized(4),
            0xdc => self.counted(2, depth, Self::array),
            0xdd => self.counted(4, depth, Self::array),
            0xde => self.counted(2, depth, Self::map),
            0xdf => self.counted(4, depth, Self::map),
            0x00..=0x7f => n(f64::from(first)),
            0xe0.. => n(f64::from(first as i8)),
            0x80..=0x8f => self.map(u64::from(first & 15), depth),
            0x90..=0x9f => self.array(u64::from(first & 15), depth),
            0xa0..=0xbf => self.string(u64::from(first & 31)),
            _ => Err("Bad data format in input.".into()),
        }
    }

    fn sized(&mut self, width: usize) -> Result<Value, String> {
        let n = self.unsigned(width)?;
        self.string(n)
    }

    fn counted(
        &mut self,
        width: usize,
        depth: usize,
        f: fn(&mut Self, u64, usize) -> Result<Value, String>,
    ) -> Result<Value, String> {
        let n = self.unsigned(width)?;
        f(self, n, depth)
    }

    fn string(&mut self, n: u64) -> Result<Value, String> {
        let lua = self.lua;
        let bytes = self.take(n as usize)?;
        lua.create_string(bytes).map(Value::String).map_err(refusal)
    }

    fn array(&mut self, n: u64, depth: usize) -> Result<Value, String> {
        if depth >= MAX_DEPTH {
            return Err("stack overflow (in function mp_decode_to_lua_array)".into());
        }
        let t = self.lua.create_table().map_err(refusal)?;
        for i in 1..=n {
            let v = self.value(depth + 1)?;
            t.raw_set(i, v).map_err(refusal)?;
        }
        Ok(Value::Table(t))
    }

    fn map(&mut self, n: u64, depth: usize) -> Result<Value, String> {
        if depth >= MAX_DEPTH {
            return Err("stack overflow (in function mp_decode_to_lua_hash)".into());
        }
        let t = self.lua.create_table().map_err(refusal)?;
        for _ in 0..n {
            let k = self.value(depth + 1)?;
            let v = self.value(depth + 1)?;
            match k {
                Value::Nil => return Err("table index is nil".into()),
                Value::Number(n) if n.is_nan() => return Err("table index is NaN".into()),
                k => t.raw_set(k, v).map_err(refusal)?,
            }
        }
        Ok(Value::Table(t))
    }
}
