//! The library `struct`: C structures in strings, as lua-struct 0.2 lays them out.

use super::args::{Answer, Args, function, refusal};
use super::convert::cut;
use mlua::{Lua, Table, Value};

/// The widest integer, and the widest alignment.
const MAX_INTEGER: usize = 32;
const MAX_ALIGN: usize = 8;

pub fn library(lua: &Lua) -> mlua::Result<Table> {
    let t = lua.create_table()?;
    t.raw_set("pack", function(lua, "pack", pack)?)?;
    t.raw_set("unpack", function(lua, "unpack", unpack)?)?;
    t.raw_set("size", function(lua, "size", size)?)?;
    Ok(t)
}

/// How the format is being read.
struct Format<'a> {
    text: &'a [u8],
    at: usize,
    big: bool,
    align: usize,
}

impl<'a> Format<'a> {
    fn new(text: &'a [u8]) -> Self {
        // As C reads it: up to a NUL.
        let text = text.split(|b| *b == 0).next().unwrap_or_default();
        Format { text, at: 0, big: cfg!(target_endian = "big"), align: 1 }
    }

    fn next(&mut self) -> Option<u8> {
        let c = self.text.get(self.at).copied();
        self.at += 1;
        c
    }

    fn number(&mut self, default: usize) -> Result<usize, String> {
        if !self.text.get(self.at).is_some_and(u8::is_ascii_digit) {
            return Ok(default);
        }
        let mut n = 0usize;
        while let Some(d) = self.text.get(self.at).filter(|c| c.is_ascii_digit()) {
            let d = usize::from(d - b'0');
            if n > i32::MAX as usize / 10 || n * 10 > i32::MAX as usize - d {
                return Err("integral size overflow".into());
            }
            n = n * 10 + d;
            self.at += 1;
        }
        Ok(n)
    }

    /// How many bytes the option takes.
    fn size(&mut self, option: u8) -> Result<usize, String> {
        Ok(match option {
            b'b' | b'B' => 1,
            b'h' | b'H' => 2,
            b'l' | b'L' | b'T' | b'd' => 8,
            b'f' => 4,
            b'x' => 1,
            b'c' => self.number(1)?,
            b'i' | b'I' => {
                let n = self.number(4)?;
                if n > MAX_INTEGER {
                    return Err(format!("integral size {n} is larger than limit of {MAX_INTEGER}"));
                }
                n
            }
            _ => 0,
        })
    }

    /// Bytes to skip so that what comes is aligned.
    fn padding(&self, len: usize, option: u8, size: usize) -> usize {
        if size == 0 || option == b'c' {
            return 0;
        }
        let align = size.min(self.align);
        if align > 1 { (align - (len & (align - 1))) & (align - 1) } else { 0 }
    }

    /// An option that is no value: it changes how the rest is read.
    fn control(&mut self, option: u8, a: &Args<'_>) -> Result<(), String> {
        match option {
            b' ' => {}
            b'>' => self.big = true,
            b'<' => self.big = false,
            b'!' => {
                let n = self.number(MAX_ALIGN)?;
                if n == 0 || !n.is_power_of_two() {
                    return Err(format!("alignment {n} is not a power of 2"));
                }
                self.align = n;
            }
            other => return a.bad(0, &format!("invalid format option '{}'", char::from(other))),
        }
        Ok(())
    }
}

fn pack(a: &Args<'_>) -> Answer {
    let text = a.bytes(0)?;
    let mut f = Format::new(&text);
    let (mut out, mut arg, mut total) = (Vec::new(), 1, 0);
    while let Some(option) = f.next() {
        let mut size = f.size(option)?;
        let padding = f.padding(total, option, size);
        total += padding;
        out.resize(out.len() + padding, 0);
        match option {
            b'b' | b'B' | b'h' | b'H' | b'l' | b'L' | b'T' | b'i' | b'I' => {
                let n = a.number(arg)?;
                arg += 1;
                let n = unsigned(n);
                put(&mut out, n, size, f.big);
            }
            b'x' => out.push(0),
            b'f' | b'd' => {
                let n = a.number(arg)?;
                arg += 1;
                let mut bytes =
                    if option == b'f' { (n as f32).to_be_bytes().to_vec() } else { n.to_be_bytes().to_vec() };
                if !f.big {
                    bytes.reverse();
                }
                out.extend(bytes);
            }
            b'c' | b's' => {
                let s = a.bytes(arg)?;
                arg += 1;
                if size == 0 {
                    size = s.len();
                }
                if s.len() < size {
                    return a.bad(arg, "string too short");
                }
                out.extend_from_slice(&s[..size]);
                if option == b's' {
                    if s.contains(&0) {
                        return a.bad(arg, "string contains zeros");
                    }
                    out.push(0);
                    size += 1;
                }
            }
            other => f.control(other, a)?,
        }
        total += size;
    }
    Ok(vec![Value::String(a.lua.create_string(out).map_err(refusal)?)])
}

/// As C casts a double to an unsigned integer on x86.
fn unsigned(n: f64) -> u64 {
    const TOO_MUCH: f64 = 18_446_744_073_709_551_616.0;
    if n.is_nan() || n < 0.0 {
        cut(n) as u64
    } else if n >= TOO_MUCH {
        0
    } else {
        n as u64
    }
}

fn put(out: &mut Vec<u8>, n: u64, size: usize, big: bool) {
    let at = out.len();
    for i in 0..size {
        // Wider than the number: filled as C's shift leaves it.
        out.push(if i < 8 { (n >> (8 * i)) as u8 } else { 0 });
    }
    if big {
        out[at..].reverse();
    }
}

fn unpack(a: &Args<'_>) -> Answer {
    let text = a.bytes(0)?;
    let data = a.bytes(1)?;
    let pos = if matches!(a.get(2), Value::Nil) { 1 } else { a.integer(2)? };
    if pos == 0 {
        return a.bad(2, "offset must be 1 or greater");
    }
    // Negative ones are huge, as C's unsigned integers are.
    let mut pos = (pos as u64 - 1).min(u64::from(u32::MAX)) as usize;
    let mut f = Format::new(&text);
    let mut values: Vec<Value> = Vec::new();
    while let Some(option) = f.next() {
        let mut size = f.size(option)?;
        pos += f.padding(pos, option, size);
        if pos > data.len() || size > data.len() - pos {
            return a.bad(1, "data string too short");
        }
        if values.len() > 7000 {
            return Err("stack overflow (too many results)".into());
        }
        let here = &data[pos..];
        match option {
            b'b' | b'B' | b'h' | b'H' | b'l' | b'L' | b'T' | b'i' | b'I' => {
                let signed = option.is_ascii_lowercase();
                values.push(Value::Number(get(&here[..size], f.big, signed)));
            }
            b'x' => {}
            b'f' => {
                let mut bytes = [here[0], here[1], here[2], here[3]];
                if !f.big {
                    bytes.reverse();
                }
                values.push(Value::Number(f64::from(f32::from_be_bytes(bytes))));
            }
            b'd' => {
                let mut bytes: [u8; 8] = here[..8].try_into().map_err(|_| "data string too short")?;
                if !f.big {
                    bytes.reverse();
                }
                values.push(Value::Number(f64::from_be_bytes(bytes)));
            }
            b'c' => {
                if size == 0 {
                    let last = values.pop().and_then(|v| super::args::number(&v));
                    let Some(n) = last else { return Err("format 'c0' needs a previous size".into()) };
                    size = cut(n) as usize;
                    if size > data.len() - pos {
                        return a.bad(1, "data string too short");
                    }
                }
                values.push(Value::String(a.lua.create_string(&data[pos..pos + size]).map_err(refusal)?));
            }
            b's' => {
                let Some(end) = memchr::memchr(0, here) else { return Err("unfinished string in data".into()) };
                values.push(Value::String(a.lua.create_string(&here[..end]).map_err(refusal)?));
                size = end + 1;
            }
            other => f.control(other, a)?,
        }
        pos += size;
    }
    values.push(Value::Integer(pos as i64 + 1));
    Ok(values)
}

/// Wide integers are cut to 64 bits; a sign is taken from the width given.
fn get(bytes: &[u8], big: bool, signed: bool) -> f64 {
    let byte = |i: usize| u64::from(if big { bytes[bytes.len() - 1 - i] } else { bytes[i] });
    let n = (0..bytes.len().min(8)).fold(0, |n, i| n | byte(i) << (8 * i));
    if !signed {
        return n as f64;
    }
    let bits = 8 * bytes.len().min(8) as u32;
    if bits == 0 {
        return 0.0;
    }
    ((n << (64 - bits)) as i64 >> (64 - bits)) as f64
}

fn size(a: &Args<'_>) -> Answer {
    let text = a.bytes(0)?;
    let mut f = Format::new(&text);
    let mut pos = 0usize;
    while let Some(option) = f.next() {
        let size = f.size(option)?;
        pos += f.padding(pos, option, size);
        match option {
            b's' => return a.bad(0, "option 's' has no fixed size"),
            b'c' if size == 0 => return a.bad(0, "option 'c0' has no fixed size"),
            // Letters that mean nothing take nothing.
            other if other.is_ascii_alphanumeric() => {}
            other => f.control(other, a)?,
        }
        pos += size;
    }
    Ok(vec![Value::Integer(pos as i64)])
}
