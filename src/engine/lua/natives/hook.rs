//! What looks after a script while it runs: every so many instructions, at the clock. Where instructions turn out to take
//! long, because each is a call of something dear, it looks at every one of them for a while.
//!
//! `unsafe`: see the head of `natives`. The host's address lies in the registry under the address of [`PLACE`]; the
//! machine keeps the host for as long as its state lives. Lua makes sure of room on the stack before it calls a hook.

use super::super::vm::look;
use crate::engine::lua::host::{Host, Shared};
use mlua::Lua;
use mlua::ffi::{self, lua_Debug, lua_State};
use parking_lot::Mutex;
use std::ffi::c_int;
use std::time::{Duration, Instant};

/// Instructions between two looks at the clock.
const STRETCH: c_int = 500;
/// Looks in a row at every instruction, once one took long.
const CLOSE_LOOKS: u32 = 64;
/// A stretch that took so long has something dear in it.
const DEAR: Duration = Duration::from_millis(1);
/// From one look at what others want to the next.
const PAUSE: Duration = Duration::from_millis(5);

/// How much the heap grows, in per cent, before it is collected again: while it is small, and when it is not (Lua's default).
pub const PAUSE_SMALL: c_int = 1000;
pub const PAUSE_LARGE: c_int = 200;
pub const SMALL: usize = 16 << 20;

static PLACE: u8 = 0;

/// What is remembered from one look to the next. The first of a script begins anew.
#[derive(Default)]
pub struct Watch {
    at: Option<Instant>,
    looked: Option<Instant>,
    close_looks: u32,
}

/// Begins to look after everything that this machine runs.
pub fn install(lua: &Lua, host: &Shared) -> mlua::Result<()> {
    let host = std::sync::Arc::as_ptr(host);
    // SAFETY: the closure owns nothing.
    unsafe {
        lua.exec_raw((), |state| {
            ffi::lua_pushlightuserdata(state, (&raw const PLACE).cast_mut().cast());
            ffi::lua_pushlightuserdata(state, host.cast_mut().cast());
            ffi::lua_rawset(state, ffi::LUA_REGISTRYINDEX);
            look_every(state, STRETCH);
        })
    }
}

/// To be called behind what may have taken long: the next instruction is looked at.
///
/// # Safety
/// `state` is one of a machine's.
pub unsafe fn soon(state: *mut lua_State) {
    // SAFETY: as the caller says.
    unsafe { look_every(state, 1) }
}

/// # Safety
/// `state` is one of a machine's.
pub unsafe fn look_every(state: *mut lua_State, instructions: c_int) {
    // SAFETY: as the caller says; the hook is a function for good.
    unsafe {
        ffi::lua_sethook(state, Some(hook), ffi::LUA_MASKCOUNT, instructions);
    }
}

unsafe extern "C-unwind" fn hook(state: *mut lua_State, _: *mut lua_Debug) {
    // SAFETY: see the file's head; what has to be dropped lives in `judge`, which calls nothing of Lua's.
    unsafe {
        ffi::lua_pushlightuserdata(state, (&raw const PLACE).cast_mut().cast());
        ffi::lua_rawget(state, ffi::LUA_REGISTRYINDEX);
        let host = ffi::lua_touserdata(state, -1).cast::<Mutex<Host>>();
        ffi::lua_settop(state, -2);
        if ffi::lua_gc(state, ffi::LUA_GCCOUNT, 0) as usize > SMALL >> 10 {
            ffi::lua_gc(state, ffi::LUA_GCSETPAUSE, PAUSE_LARGE);
        }
        match judge(&*host) {
            Next::Stretch => look_every(state, STRETCH),
            Next::Instruction => look_every(state, 1),
            Next::Stop(text) => {
                // It may catch this, but will not get far.
                look_every(state, 1);
                ffi::lua_pushlstring(state, text.as_ptr().cast(), text.len());
                ffi::lua_error(state);
            }
        }
    }
}

enum Next {
    Stretch,
    Instruction,
    Stop(&'static str),
}

fn judge(host: &Mutex<Host>) -> Next {
    let now = Instant::now();
    let (due, close) = {
        let mut host = host.lock();
        let watch = &mut host.watch;
        let took = now - watch.at.replace(now).unwrap_or(now);
        watch.close_looks = if took > DEAR { CLOSE_LOOKS } else { watch.close_looks.saturating_sub(1) };
        let due = now - *watch.looked.get_or_insert(now) > PAUSE;
        if due {
            watch.looked = Some(now);
        }
        (due || host.running.should_stop(), host.watch.close_looks > 0)
    };
    if due && let Err(text) = look(host) {
        return Next::Stop(text);
    }
    if close { Next::Instruction } else { Next::Stretch }
}
