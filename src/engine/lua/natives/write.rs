//! What a script returned, off Lua's stack and into the reply.
//!
//! `unsafe`: see the head of `natives`. Nothing here makes or changes a Lua value; only making room on the stack may raise, and
//! then nothing that has to be dropped is held.

use super::call::text;
use super::run::Errors;
use crate::base::quoted::quoted;
use crate::engine::lua::convert::{cut, one_line, until_nul};
use crate::resp::{Proto, Reply};
use mlua::ffi::{self, lua_State};
use std::ffi::c_int;

/// Tables nest this deep in a reply before it says that Lua's stack is at its end.
const MAX_DEPTH: usize = 1000;

/// Fields of tables that mean something. The closure that writes carries them as upvalues, from [`FIRST`] on, in this order.
pub const NAMES: [&str; 10] = [
    "err",
    "ok",
    "double",
    "map",
    "set",
    "big_number",
    "verbatim_string",
    "string",
    "format",
    "ignore_error_stats_update",
];
pub const FIRST: c_int = 6;
const ERR: c_int = FIRST;
const OK: c_int = FIRST + 1;
const DOUBLE: c_int = FIRST + 2;
const MAP: c_int = FIRST + 3;
const SET: c_int = FIRST + 4;
const BIG_NUMBER: c_int = FIRST + 5;
const VERBATIM_STRING: c_int = FIRST + 6;
const STRING: c_int = FIRST + 7;
const FORMAT: c_int = FIRST + 8;
const IGNORE: c_int = FIRST + 9;

pub struct Writer<'a> {
    pub state: *mut lua_State,
    /// What the script chose by `setresp`: it decides about booleans.
    pub script_proto: Proto,
    pub reply: &'a mut Reply,
    pub errors: &'a mut Errors,
}

impl Writer<'_> {
    /// Appends the value on top of the stack, and leaves it there.
    ///
    /// # Safety
    /// Inside the closure whose upvalues are those above.
    pub unsafe fn value(&mut self, depth: usize) {
        let s = self.state;
        // SAFETY: as the caller says.
        unsafe {
            match ffi::lua_type(s, -1) {
                ffi::LUA_TSTRING => self.reply.bulk(text(s, -1)),
                ffi::LUA_TNUMBER => self.reply.int(cut(ffi::lua_tonumber(s, -1))),
                ffi::LUA_TBOOLEAN => match (self.script_proto, ffi::lua_toboolean(s, -1) != 0) {
                    (Proto::Resp3, yes) => self.reply.bool(yes),
                    (_, true) => self.reply.int(1),
                    _ => self.reply.null(),
                },
                ffi::LUA_TTABLE => {
                    if depth >= MAX_DEPTH || ffi::lua_checkstack(s, 6) == 0 {
                        return self.reply.error("ERR reached lua stack limit");
                    }
                    let top = ffi::lua_gettop(s);
                    self.table(depth);
                    ffi::lua_settop(s, top);
                }
                _ => self.reply.null(),
            }
        }
    }

    /// Pushes a field of the table on top; true if it is of this type. Otherwise nothing is pushed.
    unsafe fn has(&mut self, name: c_int, kind: c_int) -> bool {
        // SAFETY: as `value`.
        unsafe {
            ffi::lua_pushvalue(self.state, ffi::lua_upvalueindex(name));
            let is = ffi::lua_rawget(self.state, -2) == kind;
            if !is {
                ffi::lua_settop(self.state, -2);
            }
            is
        }
    }

    unsafe fn table(&mut self, depth: usize) {
        let s = self.state;
        // SAFETY: as `value`.
        unsafe {
            if self.has(ERR, ffi::LUA_TSTRING) {
                ffi::lua_pushvalue(s, ffi::lua_upvalueindex(IGNORE));
                ffi::lua_rawget(s, -3);
                let counted = ffi::lua_toboolean(s, -1) != 0;
                let text = until_nul(text(s, -2));
                self.reply.error(&quoted(text));
                if counted {
                    self.errors.counted += 1;
                } else {
                    self.errors.new.push(text.to_vec());
                }
            } else if self.has(OK, ffi::LUA_TSTRING) {
                self.reply.simple(&quoted(&one_line(until_nul(text(s, -1)))));
            } else if self.has(DOUBLE, ffi::LUA_TNUMBER) {
                self.reply.double(ffi::lua_tonumber(s, -1));
            } else if self.has(MAP, ffi::LUA_TTABLE) {
                let at = self.reply.defer();
                let len = self.entries(depth, true);
                self.reply.finish_map(at, len);
            } else if self.has(SET, ffi::LUA_TTABLE) {
                let at = self.reply.defer();
                let len = self.entries(depth, false);
                self.reply.finish_set(at, len);
            } else if self.has(BIG_NUMBER, ffi::LUA_TSTRING) {
                self.reply.big_number(&String::from_utf8_lossy(&one_line(text(s, -1))));
            } else if !self.verbatim() {
                let at = self.reply.defer();
                let mut len = 0;
                while ffi::lua_rawgeti(s, -1, len as i64 + 1) != ffi::LUA_TNIL {
                    self.value(depth + 1);
                    ffi::lua_settop(s, -2);
                    len += 1;
                }
                self.reply.finish_array(at, len);
            }
        }
    }

    /// Writes the keys of the table on top, each with its value or without.
    unsafe fn entries(&mut self, depth: usize, values: bool) -> usize {
        let s = self.state;
        let mut len = 0;
        // SAFETY: as `value`; the table does not change meanwhile, so every key that `lua_next` gets is one of its own.
        unsafe {
            ffi::lua_pushnil(s);
            while ffi::lua_next(s, -2) != 0 {
                ffi::lua_pushvalue(s, -2);
                self.value(depth + 1);
                ffi::lua_settop(s, -2);
                if values {
                    self.value(depth + 1);
                }
                ffi::lua_settop(s, -2);
                len += 1;
            }
        }
        len
    }

    /// Writes the table on top if it is one of a text and its format.
    unsafe fn verbatim(&mut self) -> bool {
        let s = self.state;
        // SAFETY: as `value`.
        unsafe {
            let top = ffi::lua_gettop(s);
            if self.has(VERBATIM_STRING, ffi::LUA_TTABLE) && self.has(STRING, ffi::LUA_TSTRING) {
                ffi::lua_pushvalue(s, -2);
                if self.has(FORMAT, ffi::LUA_TSTRING) {
                    self.reply.verbatim(until_nul(text(s, -1)), text(s, -3));
                    return true;
                }
            }
            ffi::lua_settop(s, top);
        }
        false
    }
}
