//! Running a script: its words become KEYS and ARGV, it is called where its errors are caught, and what it returns is
//! written, all within one call of Lua's.
//!
//! `unsafe`: see the head of `natives`. Beyond that:
//! - a [`Runner`] is part of a machine, which only one thread at a time has (its owner keeps it behind a mutex; a runner
//!   cannot be shared, for it holds a raw pointer); the state lives as long as the `Lua` beside it;
//! - a [`Job`] outlives the call that it is handed to, and nobody else looks at it meanwhile;
//! - the buffers that a job refers to belong to the caller, so an error of Lua's that jumps over our frames leaves none behind.

use super::Native;
use super::write::{self, Writer};
use crate::engine::lua::host::{Host, Shared};
use crate::resp::{Args, Reply};
use mlua::ffi::{self, lua_State};
use mlua::{Function, Lua, Table};
use parking_lot::Mutex;
use std::ffi::c_int;
use std::ptr::NonNull;

/// What is to be run, and what became of it.
pub struct Job<'a> {
    /// The function's place in the table of functions.
    pub slot: i64,
    /// Keys, then arguments.
    pub words: Args<'a>,
    pub keys: usize,
    /// They are the function's parameters; otherwise the globals KEYS and ARGV.
    pub parameters: bool,
    pub reply: &'a mut Reply,
    pub ended: Ended,
    pub errors: Errors,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ended {
    /// What it returned is written.
    Written,
    /// What it raised lies in place 0 of the table of functions.
    Raised,
}

/// The errors within what a script returned: those that count, and how many were counted when the command failed that they
/// come from.
#[derive(Default, Debug)]
pub struct Errors {
    pub new: Vec<Vec<u8>>,
    pub counted: u64,
}

/// The way into a machine.
pub struct Runner {
    state: NonNull<lua_State>,
    entry: c_int,
    _lua: Lua,
}

// SAFETY: see the file's head. Lua's states do not care which thread uses them.
unsafe impl Send for Runner {}

/// Upvalues: the handler of errors, the globals, the functions by their places, "KEYS", "ARGV", and the writer's names.
struct Entry;

const HANDLER: c_int = 1;
const GLOBALS: c_int = 2;
const FUNCTIONS: c_int = 3;
const KEYS: c_int = 4;
const ARGV: c_int = 5;
const UPVALUES: c_int = write::FIRST - 1 + write::NAMES.len() as c_int;

impl Runner {
    pub fn new(lua: &Lua, handler: &Function, globals: &Table, functions: &Table) -> mlua::Result<Runner> {
        let names = ["KEYS", "ARGV"].iter().chain(&write::NAMES).map(|name| lua.create_string(name));
        let names = names.collect::<mlua::Result<Vec<_>>>()?;
        let mut found = (std::ptr::null_mut(), 0);
        let place = &raw mut found;
        // SAFETY: the arguments are the closure's upvalues in their order; nothing in the closure has to be dropped.
        unsafe {
            lua.exec_raw::<()>((handler, globals, functions, mlua::Variadic::from_iter(names)), |state| {
                ffi::lua_pushcclosure(state, Entry::call, UPVALUES);
                (*place).1 = ffi::luaL_ref(state, ffi::LUA_REGISTRYINDEX);
                (*place).0 = state;
            })?;
        }
        let state = NonNull::new(found.0).ok_or_else(|| mlua::Error::runtime("no state"))?;
        Ok(Runner { state, entry: found.1, _lua: lua.clone() })
    }

    /// Runs it for the guest that `host` has. `Err`: what Lua said where nobody could catch it, out of memory; the reply may
    /// have been begun.
    pub fn run(&self, host: &Shared, job: &mut Job<'_>) -> Result<(), Vec<u8>> {
        let state = self.state.as_ptr();
        let mut task = Task { job: (&raw mut *job).cast(), host: std::sync::Arc::as_ptr(host) };
        // SAFETY: see the file's head. Nothing before the protected call can raise.
        unsafe {
            let top = ffi::lua_gettop(state);
            ffi::lua_rawgeti(state, ffi::LUA_REGISTRYINDEX, self.entry.into());
            ffi::lua_pushlightuserdata(state, (&raw mut task).cast());
            let status = ffi::lua_pcall(state, 1, 0, 0);
            let outcome = match status {
                ffi::LUA_OK => Ok(()),
                _ if ffi::lua_type(state, -1) == ffi::LUA_TSTRING => Err(super::call::text(state, -1).to_vec()),
                _ => Err(b"unknown error".to_vec()),
            };
            ffi::lua_settop(state, top);
            outcome
        }
    }
}

struct Task {
    job: *mut Job<'static>,
    host: *const Mutex<Host>,
}

impl Native for Entry {
    unsafe extern "C-unwind" fn call(state: *mut lua_State) -> c_int {
        // SAFETY: see the file's head; the argument is the task that `Runner::run` made.
        unsafe {
            let task = ffi::lua_touserdata(state, 1).cast::<Task>();
            let job = &mut *(*task).job;
            ffi::lua_settop(state, 0);
            ffi::lua_pushvalue(state, ffi::lua_upvalueindex(HANDLER));
            ffi::lua_rawgeti(state, ffi::lua_upvalueindex(FUNCTIONS), job.slot);
            let (words, n) = (job.words, job.keys);
            let parameters = if job.parameters {
                table_of(state, words, 0, n);
                table_of(state, words, n, words.len());
                2
            } else {
                for (name, from, to) in [(KEYS, 0, n), (ARGV, n, words.len())] {
                    ffi::lua_pushvalue(state, ffi::lua_upvalueindex(name));
                    table_of(state, words, from, to);
                    ffi::lua_rawset(state, ffi::lua_upvalueindex(GLOBALS));
                }
                0
            };
            if ffi::lua_pcall(state, parameters, 1, 1) == ffi::LUA_OK {
                let script_proto = (*(*task).host).lock().script_proto();
                Writer { state, script_proto, reply: job.reply, errors: &mut job.errors }.value(0);
                job.ended = Ended::Written;
            } else {
                ffi::lua_rawseti(state, ffi::lua_upvalueindex(FUNCTIONS), 0);
                job.ended = Ended::Raised;
            }
        }
        0
    }
}

/// Pushes a table of some of the words.
unsafe fn table_of(state: *mut lua_State, words: Args<'_>, from: usize, to: usize) {
    // SAFETY: see the file's head; Lua copies the bytes.
    unsafe {
        ffi::lua_createtable(state, (to - from) as c_int, 0);
        for i in from..to {
            let word = words.at(i);
            ffi::lua_pushlstring(state, word.as_ptr().cast(), word.len());
            ffi::lua_rawseti(state, -2, (i - from) as i64 + 1);
        }
    }
}
