//! The scripts known by their digests.

use super::args::refusal;
use super::shebang::{self, ScriptFlags};
use super::vm::Vm;
use crate::base::hash::hash_bytes;
use crate::engine::errors::Error;
use crate::engine::{Engine, LogLevel};
use sha1::{Digest, Sha1};
use std::borrow::Cow;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

/// Scripts that only EVAL brought are kept up to so many, the ones used last (Redis 7.4).
const MOST_EVALUATED: usize = 500;

/// 40 hexadecimal digits.
pub type Name = [u8; 40];

pub struct Script {
    /// The compiled function's place in the machine.
    pub place: i64,
    pub flags: ScriptFlags,
    pub text: Arc<[u8]>,
    /// When it was used last, for those that may be evicted; `None`: SCRIPT LOAD brought it, it stays.
    used: Option<u64>,
}

/// The keyed hash of keys serves names of scripts as well, and is faster than the standard one.
#[derive(Default)]
pub struct NameHasher(u64);

impl Hasher for NameHasher {
    fn write(&mut self, bytes: &[u8]) {
        self.0 = self.0.rotate_left(1) ^ hash_bytes(bytes);
    }

    fn write_usize(&mut self, _: usize) {
        // The length, which is the same for all.
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[derive(Default)]
pub struct Cache {
    pub vm: Option<Vm>,
    pub scripts: HashMap<Name, Script, BuildHasherDefault<NameHasher>>,
    clock: u64,
    evictable: usize,
    bytes: u64,
}

/// SHA-1, in lower case hexadecimal digits.
pub fn digest(text: &[u8]) -> Name {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut name = [0; 40];
    for (two, b) in name.chunks_exact_mut(2).zip(Sha1::digest(text)) {
        two.copy_from_slice(&[DIGITS[usize::from(b >> 4)], DIGITS[usize::from(b & 15)]]);
    }
    name
}

impl Cache {
    /// The machine, made if need be.
    pub fn vm(&mut self, engine: &Engine) -> Result<&Vm, Error> {
        if self.vm.is_none() {
            self.vm = Some(Vm::new(engine).map_err(|e| failed(engine, &e))?);
        }
        self.vm.as_ref().ok_or(Error::NO_LUA)
    }

    /// Compiles and keeps a script; one that is known already is left as it is. `loaded`: by SCRIPT LOAD, so it is never evicted.
    pub fn add(&mut self, engine: &Engine, text: &[u8], loaded: bool) -> Result<Name, Error> {
        let name = digest(text);
        if let Some(script) = self.scripts.get_mut(&name) {
            if loaded && script.used.take().is_some() {
                self.evictable -= 1;
            }
            return Ok(name);
        }
        let (flags, code) = shebang::of_script(text)?;
        let vm = self.vm(engine)?;
        let function = vm.compile(code, "@user_script").map_err(|e| Error::script_compile(&e))?;
        let place = vm.keep(&function).map_err(|e| Error::script_compile(&refusal(e)))?;
        if !loaded {
            if self.evictable >= MOST_EVALUATED {
                self.evict(engine);
            }
            self.evictable += 1;
        }
        self.clock += 1;
        let used = (!loaded).then_some(self.clock);
        self.bytes += text.len() as u64 + size_of::<Script>() as u64;
        self.scripts.insert(name, Script { place, flags, text: text.into(), used });
        self.note(engine);
        Ok(name)
    }

    /// The script of this name, which is about to run: its machine, its place there, its flags.
    pub fn find(&mut self, name: &Name) -> Option<(&Vm, i64, ScriptFlags)> {
        self.clock += 1;
        let script = self.scripts.get_mut(name)?;
        if let Some(used) = &mut script.used {
            *used = self.clock;
        }
        Some((self.vm.as_ref()?, script.place, script.flags))
    }

    fn evict(&mut self, engine: &Engine) {
        let oldest = self.scripts.iter().filter_map(|(n, s)| Some((s.used?, *n))).min();
        if let Some((_, name)) = oldest {
            if let Some(gone) = self.scripts.remove(&name) {
                if let Some(vm) = &self.vm {
                    vm.forget(gone.place);
                }
                self.bytes -= gone.text.len() as u64 + size_of::<Script>() as u64;
            }
            self.evictable -= 1;
            engine.scripts.figures.evicted.fetch_add(1, Relaxed);
        }
    }

    /// SCRIPT FLUSH: forgets everything; what is handed out is dear to free.
    pub fn flush(&mut self, engine: &Engine) -> Cache {
        let old = std::mem::take(self);
        self.note(engine);
        old
    }

    /// Writes down what INFO shows.
    pub fn note(&self, engine: &Engine) {
        let f = &engine.scripts.figures;
        f.scripts.store(self.scripts.len() as u64, Relaxed);
        f.script_bytes.store(self.bytes, Relaxed);
        f.script_vm_bytes.store(self.vm.as_ref().map_or(0, Vm::used_bytes), Relaxed);
    }
}

/// A machine that could not be made: the log hears why.
pub fn failed(engine: &Engine, e: &mlua::Error) -> Error {
    engine.log(LogLevel::Warning, &format!("Lua cannot be started: {e}"));
    Error::NO_LUA
}

impl Error {
    pub const NO_LUA: Error = Error::err("Lua cannot be started. Check logs.");

    pub fn script_compile(text: &str) -> Error {
        Error::Err(Cow::Owned(format!("Error compiling script (new function): {text}")))
    }
}
