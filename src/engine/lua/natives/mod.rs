//! Functions in front of Lua's own and of ours, that stand where Lua's own would stand: errors name the script's line, and
//! `return redis.call(…)` leaves the script's frame in place, which a function written in Lua could not do.
//!
//! `unsafe`: these are C functions by their calling convention. What holds in each of them:
//! - it is only ever called by Lua, with a valid state, through the closures that [`install`] makes, so its upvalues are what
//!   is said there;
//! - it owns nothing that would have to be dropped: an error of Lua's jumps over its frame;
//! - it leaves on the stack what it returns, and needs no more room than the twenty slots that every C function has.

mod call;
mod hook;
mod lent;
mod run;
mod write;

pub use call::push_number;
pub use hook::{PAUSE_LARGE, PAUSE_SMALL, SMALL, Watch, install as watch};
pub use lent::{Lent, lend};
pub use run::{Ended, Errors, Job, Runner};

use super::host::Shared;
use mlua::ffi::{self, lua_State};
use mlua::{LightUserData, Lua, Table, Value};
use std::ffi::c_int;

const READONLY: &std::ffi::CStr = c"Attempt to modify a readonly table";
const NO_MEMORY: &std::ffi::CStr = c"not enough memory";

/// A table of makers: each takes the closure's upvalues and returns the closure. `redis.call` and `redis.pcall` are there ready
/// made.
pub fn install(lua: &Lua, host: &Shared) -> mlua::Result<Table> {
    let t = lua.create_table()?;
    for (name, raises) in [("call", true), ("pcall", false)] {
        // SAFETY: the upvalues are those that `Calling` names; the machine keeps the host for as long as its state lives.
        let f = unsafe {
            lua.create_c_function(match raises {
                true => make::<CALLING, call::Calling<true>>,
                false => make::<CALLING, call::Calling<false>>,
            })?
        };
        let mut upvalues = mlua::MultiValue::new();
        upvalues.push_back(Value::LightUserData(LightUserData(std::sync::Arc::as_ptr(host).cast_mut().cast())));
        for field in call::NAMES {
            upvalues.push_back(Value::String(lua.create_string(field)?));
        }
        t.raw_set(name, f.call::<Value>(upvalues)?)?;
    }
    // SAFETY: the makers take any arguments and make closures as described above.
    unsafe {
        t.raw_set("raising", lua.create_c_function(make::<1, Raising>)?)?;
        t.raw_set("checked", lua.create_c_function(make::<1, Checked>)?)?;
        t.raw_set("dear", lua.create_c_function(make::<1, Dear>)?)?;
        t.raw_set("guarded", lua.create_c_function(make::<2, Guarded>)?)?;
        t.raw_set("inserting", lua.create_c_function(make::<2, Inserting>)?)?;
        t.raw_set("seeing", lua.create_c_function(make::<2, Seeing>)?)?;
        t.raw_set("shown", lua.create_c_function(make::<3, Shown>)?)?;
        t.raw_set("bounded", lua.create_c_function(make::<2, Bounded>)?)?;
        t.raw_set("repeating", lua.create_c_function(make::<2, Repeating>)?)?;
        t.raw_set("catching", lua.create_c_function(make::<1, Catching>)?)?;
    }
    Ok(t)
}

const CALLING: c_int = 1 + call::NAMES.len() as c_int;

/// A C function of ours.
trait Native {
    /// # Safety
    /// Called by Lua as a closure with the upvalues that the type names.
    unsafe extern "C-unwind" fn call(state: *mut lua_State) -> c_int;
}

unsafe extern "C-unwind" fn make<const UPVALUES: c_int, N: Native>(state: *mut lua_State) -> c_int {
    // SAFETY: see the file's head; settop makes exactly the upvalues that the closure takes.
    unsafe {
        ffi::lua_settop(state, UPVALUES);
        ffi::lua_pushcclosure(state, N::call, UPVALUES);
    }
    1
}

/// Upvalue: a function that returns a value, or nil and what to raise.
struct Raising;

impl Native for Raising {
    unsafe extern "C-unwind" fn call(state: *mut lua_State) -> c_int {
        // SAFETY: see the file's head.
        unsafe {
            let n = ffi::lua_gettop(state);
            ffi::lua_pushvalue(state, ffi::lua_upvalueindex(1));
            ffi::lua_insert(state, 1);
            ffi::lua_call(state, n, 2);
            if ffi::lua_type(state, -1) != ffi::LUA_TNIL {
                ffi::lua_error(state);
            }
            ffi::lua_settop(state, -2);
        }
        1
    }
}

/// Upvalue: a function that returns true and values, or nil and a sentence to raise with the caller's line in front.
struct Checked;

impl Native for Checked {
    unsafe extern "C-unwind" fn call(state: *mut lua_State) -> c_int {
        // SAFETY: see the file's head.
        unsafe {
            let n = ffi::lua_gettop(state);
            ffi::lua_pushvalue(state, ffi::lua_upvalueindex(1));
            ffi::lua_insert(state, 1);
            ffi::lua_call(state, n, ffi::LUA_MULTRET);
            hook::soon(state);
            if ffi::lua_toboolean(state, 1) == 0 {
                ffi::luaL_where(state, 1);
                if ffi::lua_rawlen(state, -1) == 0 {
                    // Called by a function of ours, which the script called.
                    ffi::lua_settop(state, -2);
                    ffi::luaL_where(state, 2);
                }
                ffi::lua_pushvalue(state, 2);
                ffi::lua_concat(state, 2);
                ffi::lua_error(state);
            }
            ffi::lua_gettop(state) - 1
        }
    }
}

/// What Lua's own function, the first upvalue, answers to the arguments as they now stand.
unsafe fn native(state: *mut lua_State) -> c_int {
    // SAFETY: see the file's head; a C function without upvalues of its own may be called as a part of ours.
    unsafe {
        match ffi::lua_tocfunction(state, ffi::lua_upvalueindex(1)) {
            Some(f) => f(state),
            None => 0,
        }
    }
}

/// The same, for what takes long on long tables.
unsafe fn dear(state: *mut lua_State) -> c_int {
    // SAFETY: see the file's head.
    unsafe {
        let long = ffi::lua_type(state, 1) == ffi::LUA_TTABLE && ffi::lua_rawlen(state, 1) > LONG;
        let n = native(state);
        if long {
            hook::soon(state);
        }
        n
    }
}

/// Elements of a table from which walking it takes a while.
const LONG: usize = 1000;

/// Upvalue: Lua's function on a table.
struct Dear;

impl Native for Dear {
    unsafe extern "C-unwind" fn call(state: *mut lua_State) -> c_int {
        // SAFETY: see the file's head.
        unsafe { dear(state) }
    }
}

/// Pushes what a table of fronts, at `upvalue`, has for the first argument; true if that is anything.
unsafe fn behind(state: *mut lua_State, upvalue: c_int) -> bool {
    // SAFETY: see the file's head.
    unsafe {
        if ffi::lua_type(state, 1) != ffi::LUA_TTABLE {
            return false;
        }
        ffi::lua_pushvalue(state, 1);
        ffi::lua_rawget(state, ffi::lua_upvalueindex(upvalue));
        if ffi::lua_type(state, -1) == ffi::LUA_TNIL {
            ffi::lua_settop(state, -2);
            return false;
        }
        true
    }
}

unsafe fn raise(state: *mut lua_State, text: &'static std::ffi::CStr) -> ! {
    // SAFETY: see the file's head.
    unsafe {
        ffi::lua_pushstring(state, text.as_ptr());
        ffi::lua_error(state)
    }
}

/// Upvalues: Lua's function, the table of fronts. Refuses to change a table that is one.
struct Guarded;

impl Native for Guarded {
    unsafe extern "C-unwind" fn call(state: *mut lua_State) -> c_int {
        // SAFETY: see the file's head.
        unsafe {
            if behind(state, 2) {
                raise(state, READONLY);
            }
            native(state)
        }
    }
}

/// Upvalues: `table.insert`, the table of fronts.
struct Inserting;

/// Places before its first element that a table's elements may move to: Lua visits each.
const MOST_PLACES: f64 = 1e6;

impl Native for Inserting {
    unsafe extern "C-unwind" fn call(state: *mut lua_State) -> c_int {
        // SAFETY: see the file's head.
        unsafe {
            if behind(state, 2) {
                raise(state, READONLY);
            }
            if ffi::lua_gettop(state) == 3 && ffi::lua_tonumber(state, 2) < -MOST_PLACES {
                raise(state, c"bad argument #2 to 'insert' (position out of bounds)");
            }
            dear(state)
        }
    }
}

/// Upvalues: Lua's function, the table of fronts. Looks at what is behind a front.
struct Seeing;

impl Native for Seeing {
    unsafe extern "C-unwind" fn call(state: *mut lua_State) -> c_int {
        // SAFETY: see the file's head.
        unsafe {
            if behind(state, 2) {
                ffi::lua_replace(state, 1);
            }
            native(state)
        }
    }
}

/// Upvalues: Lua's function, the table of fronts, the table of what to answer for them. For the others Lua answers.
struct Shown;

impl Native for Shown {
    unsafe extern "C-unwind" fn call(state: *mut lua_State) -> c_int {
        // SAFETY: see the file's head.
        unsafe {
            if !behind(state, 2) {
                return native(state);
            }
            ffi::lua_pushvalue(state, 1);
            ffi::lua_rawget(state, ffi::lua_upvalueindex(3));
            1
        }
    }
}

/// Upvalues: Lua's function on (text, pattern …), and ours that can be stopped, for what may take long.
struct Bounded;

/// Steps that matching may take where nobody can stop it.
const MOST_STEPS: f64 = 2e6;
/// Parts of a pattern beyond which Lua's recursion is not trusted with the stack.
const MOST_PARTS: u32 = 32;

impl Native for Bounded {
    unsafe extern "C-unwind" fn call(state: *mut lua_State) -> c_int {
        // SAFETY: see the file's head; the pattern's bytes are read while it lies on the stack, and no Lua runs meanwhile.
        unsafe {
            let strings = [1, 2].iter().all(|i| ffi::lua_type(state, *i) == ffi::LUA_TSTRING);
            let dear = strings && {
                let len = ffi::lua_rawlen(state, 1);
                let mut size = 0;
                let pattern = ffi::lua_tolstring(state, 2, &mut size);
                let pattern = std::slice::from_raw_parts(pattern.cast::<u8>(), size);
                let power = super::pattern::power(pattern);
                power > MOST_PARTS || (len as f64).powi(power as i32) > MOST_STEPS
            };
            if !dear {
                return native(state);
            }
            hook::soon(state);
            let n = ffi::lua_gettop(state);
            ffi::lua_pushvalue(state, ffi::lua_upvalueindex(2));
            ffi::lua_insert(state, 1);
            ffi::lua_call(state, n, ffi::LUA_MULTRET);
            ffi::lua_gettop(state)
        }
    }
}

/// Upvalues: `string.rep`, and how many bytes it may make.
struct Repeating;

impl Native for Repeating {
    unsafe extern "C-unwind" fn call(state: *mut lua_State) -> c_int {
        // SAFETY: see the file's head.
        unsafe {
            if ffi::lua_type(state, 1) == ffi::LUA_TSTRING && ffi::lua_isnumber(state, 2) != 0 {
                let (len, times) = (ffi::lua_rawlen(state, 1) as f64, ffi::lua_tonumber(state, 2));
                if len * times > ffi::lua_tonumber(state, ffi::lua_upvalueindex(2)) {
                    raise(state, NO_MEMORY);
                }
                if len == 0.0 || times < 1.0 {
                    ffi::lua_pushstring(state, c"".as_ptr());
                    return 1;
                }
                // Lua's own adds up one by one; this writes a block that the collector owns.
                let (len, times) = (len as usize, times as usize);
                let text = ffi::lua_tolstring(state, 1, std::ptr::null_mut());
                let block = ffi::lua_newuserdata(state, len * times).cast::<u8>();
                for i in 0..times {
                    std::ptr::copy_nonoverlapping(text.cast::<u8>(), block.add(i * len), len);
                }
                ffi::lua_pushlstring(state, block.cast(), len * times);
                return 1;
            }
            native(state)
        }
    }
}

/// `pcall`. Upvalue: what makes a text of an error that is neither text nor table. As Redis does, a table's `err` is what is
/// caught.
struct Catching;

impl Native for Catching {
    unsafe extern "C-unwind" fn call(state: *mut lua_State) -> c_int {
        // SAFETY: see the file's head. There may be as many results as the stack holds: room for one more is asked for.
        unsafe {
            let n = ffi::lua_gettop(state);
            if n == 0 {
                ffi::lua_pushboolean(state, 0);
                ffi::lua_pushstring(state, c"not enough arguments to pcall".as_ptr());
                return 2;
            }
            if ffi::lua_pcall(state, n - 1, ffi::LUA_MULTRET, 0) == ffi::LUA_OK {
                if ffi::lua_checkstack(state, 2) == 0 {
                    ffi::lua_settop(state, 0);
                    raise(state, c"stack overflow");
                }
                ffi::lua_pushboolean(state, 1);
                ffi::lua_insert(state, 1);
                return ffi::lua_gettop(state);
            }
            ffi::lua_pushboolean(state, 0);
            ffi::lua_insert(state, -2);
            match ffi::lua_type(state, -1) {
                ffi::LUA_TTABLE => {
                    ffi::lua_pushstring(state, c"err".as_ptr());
                    ffi::lua_rawget(state, -2);
                    if ffi::lua_type(state, -1) == ffi::LUA_TNIL {
                        ffi::lua_settop(state, -2);
                    } else {
                        ffi::lua_replace(state, -2);
                    }
                }
                ffi::LUA_TUSERDATA => {
                    ffi::lua_pushvalue(state, ffi::lua_upvalueindex(1));
                    ffi::lua_insert(state, -2);
                    ffi::lua_call(state, 1, 1);
                }
                _ => {}
            }
            2
        }
    }
}
