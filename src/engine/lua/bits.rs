//! The library `bit`: operations on 32-bit integers (as LuaJIT's BitOp 1.0.2, which Redis carries).

use super::args::{Answer, Args, function, number};
use mlua::{Lua, Table, Value};

/// A number's lowest 32 bits, after rounding to the nearest integer.
fn bits(args: &Args<'_>, i: usize) -> Result<u32, String> {
    match number(args.get(i)) {
        Some(n) => Ok(((n + 6_755_399_441_055_744.0).to_bits() & 0xffff_ffff) as u32),
        None => args.expected(i, "number"),
    }
}

fn answer(n: u32) -> Answer {
    Ok(vec![Value::Number(f64::from(n as i32))])
}

pub fn library(lua: &Lua) -> mlua::Result<Table> {
    let t = lua.create_table()?;
    let one =
        |name: &'static str, f: fn(u32) -> u32| t.raw_set(name, function(lua, name, move |a| answer(f(bits(a, 0)?)))?);
    one("tobit", |n| n)?;
    one("bnot", |n| !n)?;
    one("bswap", u32::swap_bytes)?;
    let many = |name: &'static str, f: fn(u32, u32) -> u32| {
        let all = move |a: &Args<'_>| {
            let mut n = bits(a, 0)?;
            for i in 1..a.len() {
                n = f(n, bits(a, i)?);
            }
            answer(n)
        };
        t.raw_set(name, function(lua, name, all)?)
    };
    many("band", |a, b| a & b)?;
    many("bor", |a, b| a | b)?;
    many("bxor", |a, b| a ^ b)?;
    let shift = |name: &'static str, f: fn(u32, u32) -> u32| {
        t.raw_set(name, function(lua, name, move |a| answer(f(bits(a, 0)?, bits(a, 1)? & 31)))?)
    };
    shift("lshift", |n, by| n << by)?;
    shift("rshift", |n, by| n >> by)?;
    shift("arshift", |n, by| ((n as i32) >> by) as u32)?;
    shift("rol", u32::rotate_left)?;
    shift("ror", u32::rotate_right)?;
    let tohex = |a: &Args<'_>| {
        let n = bits(a, 0)?;
        let digits = if a.len() < 2 { 8 } else { bits(a, 1)? as i32 };
        let count = digits.unsigned_abs().min(8) as usize;
        let text = if digits < 0 { format!("{n:08X}") } else { format!("{n:08x}") };
        let text = a.lua.create_string(&text[8 - count..]).map_err(super::args::refusal)?;
        Ok(vec![Value::String(text)])
    };
    t.raw_set("tohex", function(lua, "tohex", tohex)?)?;
    Ok(t)
}
