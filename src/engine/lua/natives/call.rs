//! `redis.call` and `redis.pcall`: words straight off Lua's stack, the command's answer straight onto it.
//!
//! `unsafe`: see the head of `natives`. Beyond that:
//! - the first upvalue is the address of the machine's host, which outlives the machine's state (the machine holds both);
//! - whatever has to be dropped (locks, buffers) lives in [`ask`], within which nothing of Lua's can raise: it looks at values
//!   that lie on the stack, strings and numbers, and makes none;
//! - the answer's bytes stay where they are while they are turned into values: they belong to the worker that was lent
//!   for the time of the script, or to the host, and only another call would touch them.

use super::{Native, raise};
use crate::base::double::{exact_i64, parse_double, write_double};
use crate::engine::lua::host::Host;
use crate::resp::OwnedArgs;
use mlua::ffi::{self, lua_State};
use parking_lot::Mutex;
use std::ffi::c_int;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Upvalues: the host's address, then what [`NAMES`] says. Raises the errors that commands answer, or returns them.
pub struct Calling<const RAISES: bool>;

/// Strings that the closure carries from its second upvalue on.
pub const NAMES: [&str; 10] = [
    "err",
    "ok",
    "ignore_error_stats_update",
    "map",
    "set",
    "double",
    "big_number",
    "verbatim_string",
    "string",
    "format",
];
const ERR: c_int = 2;
const OK: c_int = 3;
const IGNORE: c_int = 4;
const MAP: c_int = 5;
const SET: c_int = 6;
const DOUBLE: c_int = 7;
const BIG_NUMBER: c_int = 8;
const VERBATIM_STRING: c_int = 9;
const STRING: c_int = 10;
const FORMAT: c_int = 11;

/// What became of the wish to run a command.
enum Answer {
    /// RESP, which lies still until the next call.
    Bytes(*const [u8]),
    Refused(&'static str),
}

impl<const RAISES: bool> Native for Calling<RAISES> {
    unsafe extern "C-unwind" fn call(state: *mut lua_State) -> c_int {
        // SAFETY: see the file's head.
        unsafe {
            let host = ffi::lua_touserdata(state, ffi::lua_upvalueindex(1)).cast::<Mutex<Host>>();
            let answer = ask(state, &*host);
            ffi::lua_settop(state, 0);
            let failed = match answer {
                Answer::Bytes(bytes) => {
                    let bytes = &*bytes;
                    let mut at = 0;
                    match bytes.first() {
                        Some(b'-') => {
                            error_table(state, &line(bytes, &mut at)[1..], true);
                            true
                        }
                        Some(_) => {
                            push(state, bytes, &mut at);
                            false
                        }
                        None => {
                            ffi::lua_pushnil(state);
                            false
                        }
                    }
                }
                Answer::Refused(text) => {
                    error_table(state, text.as_bytes(), false);
                    true
                }
            };
            if RAISES && failed {
                ffi::lua_error(state);
            }
        }
        1
    }
}

/// Runs the command whose words lie on the stack.
fn ask(state: *mut lua_State, host: &Mutex<Host>) -> Answer {
    let mut host = host.lock();
    let Host { guest, words, running, panicked, joined, .. } = &mut *host;
    let Some(guest) = guest else {
        return Answer::Refused("ERR redis.call/pcall can only be called inside a script invocation");
    };
    if panicked.is_some() {
        return Answer::Refused(BROKEN);
    }
    // SAFETY: the stack of a C function that Lua called.
    if let Err(text) = unsafe { gather(state, words) } {
        return Answer::Refused(text);
    }
    // A panic must not cross Lua's frames: it goes on once the script has ended.
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| guest.call(words.args(), running))) {
        *panicked = Some(panic);
        return Answer::Refused(BROKEN);
    }
    let reply = &guest.worker.get().reply;
    if reply.has_shared() {
        *joined = reply.to_bytes();
        return Answer::Bytes(joined.as_slice());
    }
    Answer::Bytes(reply.buf.as_slice())
}

const BROKEN: &str = "ERR the server failed inside this command";

/// The arguments of a command, or why they are none.
///
/// # Safety
/// `state` is that of a C function that Lua called.
pub unsafe fn gather(state: *mut lua_State, words: &mut OwnedArgs) -> Result<(), &'static str> {
    words.clear();
    // SAFETY: each value is a string or a number when it is read, so nothing is converted in place; no Lua runs meanwhile.
    unsafe {
        let n = ffi::lua_gettop(state);
        if n == 0 {
            return Err("ERR Please specify at least one argument for this redis lib call");
        }
        for i in 1..=n {
            match ffi::lua_type(state, i) {
                ffi::LUA_TSTRING => words.push(text(state, i)),
                ffi::LUA_TNUMBER => push_number(words, ffi::lua_tonumber(state, i)),
                _ => return Err("ERR Lua redis lib command arguments must be strings or integers"),
            }
        }
    }
    Ok(())
}

/// A number as an argument: whole ones without a point.
pub fn push_number(words: &mut OwnedArgs, n: f64) {
    match exact_i64(n) {
        Some(whole) => words.push(itoa::Buffer::new().format(whole).as_bytes()),
        None => {
            let mut text = Vec::with_capacity(24);
            write_double(n, &mut text);
            words.push(&text);
        }
    }
}

/// The bytes of a string on the stack.
///
/// # Safety
/// The value at `i` is a string; it stays on the stack, or in a table, for as long as the bytes are used.
pub unsafe fn text<'s>(state: *mut lua_State, i: c_int) -> &'s [u8] {
    let mut len = 0;
    // SAFETY: as the caller says.
    unsafe {
        let bytes = ffi::lua_tolstring(state, i, &mut len);
        if bytes.is_null() { &[] } else { std::slice::from_raw_parts(bytes.cast::<u8>(), len) }
    }
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

fn body<'b>(bytes: &'b [u8], at: &mut usize, n: i64) -> &'b [u8] {
    let from = *at;
    *at += n as usize + 2;
    bytes.get(from..from + n as usize).unwrap_or_default()
}

fn double(text: &[u8]) -> f64 {
    match text {
        b"nan" => f64::NAN,
        _ => parse_double(text).unwrap_or(0.0),
    }
}

/// Pushes a table with the text in `err`; `counted`: the error is in the statistics already.
unsafe fn error_table(state: *mut lua_State, text: &[u8], counted: bool) {
    // SAFETY: see the file's head.
    unsafe {
        ffi::lua_createtable(state, 0, 4);
        field(state, ERR, |s| push_text(s, text));
        if counted {
            field(state, IGNORE, |s| ffi::lua_pushboolean(s, 1));
        }
    }
}

unsafe fn push_text(state: *mut lua_State, text: &[u8]) {
    // SAFETY: Lua copies the bytes.
    unsafe {
        ffi::lua_pushlstring(state, text.as_ptr().cast(), text.len());
    }
}

/// Sets the field that the upvalue names, of the table on top, to what `push` pushes.
unsafe fn field(state: *mut lua_State, name: c_int, push: impl FnOnce(*mut lua_State)) {
    // SAFETY: see the file's head.
    unsafe {
        ffi::lua_pushvalue(state, ffi::lua_upvalueindex(name));
        push(state);
        ffi::lua_rawset(state, -3);
    }
}

/// Replaces the value on top by a table that has it as its only field.
unsafe fn wrap(state: *mut lua_State, name: c_int) {
    // SAFETY: see the file's head.
    unsafe {
        ffi::lua_createtable(state, 0, 1);
        ffi::lua_insert(state, -2);
        ffi::lua_pushvalue(state, ffi::lua_upvalueindex(name));
        ffi::lua_insert(state, -2);
        ffi::lua_rawset(state, -3);
    }
}

/// Pushes the next value of a reply.
unsafe fn push(state: *mut lua_State, bytes: &[u8], at: &mut usize) {
    let head = line(bytes, at);
    let (kind, rest) = head.split_first().map_or((b'_', &head[..0]), |(k, r)| (*k, r));
    let n = number(rest);
    // SAFETY: see the file's head; each level makes sure of its room on the stack.
    unsafe {
        match kind {
            b':' => ffi::lua_pushnumber(state, n as f64),
            b'$' | b'*' if n < 0 => ffi::lua_pushboolean(state, 0),
            b'$' => push_text(state, body(bytes, at, n)),
            b'+' => {
                push_text(state, rest);
                wrap(state, OK);
            }
            b'-' => error_table(state, rest, true),
            b'*' | b'>' | b'%' | b'~' => {
                if ffi::lua_checkstack(state, 8) == 0 {
                    raise(state, c"stack overflow");
                }
                many(state, kind, n, bytes, at);
            }
            b'|' => {
                for _ in 0..2 * n {
                    push(state, bytes, at);
                    ffi::lua_settop(state, -2);
                }
                push(state, bytes, at);
            }
            b'#' => ffi::lua_pushboolean(state, c_int::from(rest == b"t")),
            b',' => {
                ffi::lua_pushnumber(state, double(rest));
                wrap(state, DOUBLE);
            }
            b'(' => {
                push_text(state, rest);
                wrap(state, BIG_NUMBER);
            }
            b'=' => {
                let body = body(bytes, at, n);
                let (format, text) = body.split_at(body.len().min(4));
                ffi::lua_createtable(state, 0, 2);
                field(state, STRING, |s| push_text(s, text));
                field(state, FORMAT, |s| push_text(s, format.strip_suffix(b":").unwrap_or(format)));
                wrap(state, VERBATIM_STRING);
            }
            _ => ffi::lua_pushnil(state),
        }
    }
}

/// Pushes a table of the `n` values, or pairs of them, that follow.
unsafe fn many(state: *mut lua_State, kind: u8, n: i64, bytes: &[u8], at: &mut usize) {
    // SAFETY: see the file's head.
    unsafe {
        // Commands say how many follow only once they follow.
        let room = n.clamp(0, c_int::MAX.into()) as c_int;
        match kind {
            b'%' => {
                ffi::lua_createtable(state, 0, room);
                for _ in 0..n {
                    push(state, bytes, at);
                    push(state, bytes, at);
                    ffi::lua_rawset(state, -3);
                }
                wrap(state, MAP);
            }
            b'~' => {
                ffi::lua_createtable(state, 0, room);
                for _ in 0..n {
                    push(state, bytes, at);
                    ffi::lua_pushboolean(state, 1);
                    ffi::lua_rawset(state, -3);
                }
                wrap(state, SET);
            }
            _ => {
                ffi::lua_createtable(state, room, 0);
                for i in 1..=n {
                    push(state, bytes, at);
                    ffi::lua_rawseti(state, -2, i);
                }
            }
        }
    }
}
