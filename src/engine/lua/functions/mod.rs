//! Libraries of functions: registered, found, described, dumped.

use super::host::Host;
use super::shebang::{self, ScriptFlags};
use super::vm::{Failure, Vm};
use crate::engine::Engine;
use crate::engine::errors::Error;
use mlua::{Function, Lua, MultiValue, Table, Value};
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::Ordering::Relaxed;

pub mod dump;

pub const NOT_FOUND: Error = Error::err("Function not found");

/// What `redis.register_function` was told.
pub struct Registration {
    pub name: Vec<u8>,
    pub description: Option<Vec<u8>>,
    pub flags: ScriptFlags,
    pub function: Function,
}

pub struct Library {
    /// As it was loaded, first line and all.
    pub code: Vec<u8>,
    pub functions: Vec<Registration>,
}

#[derive(Default)]
pub struct Functions {
    vm: Option<Vm>,
    pub libraries: BTreeMap<String, Library>,
    /// Which library has a function.
    index: HashMap<Vec<u8>, String>,
}

/// What FUNCTION RESTORE does with what is there.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Policy {
    Flush,
    #[default]
    Append,
    Replace,
}

impl Functions {
    /// The machine and the function of this name.
    pub fn find(&self, name: &[u8]) -> Option<(&Vm, &Registration)> {
        let library = self.libraries.get(self.index.get(name)?)?;
        Some((self.vm.as_ref()?, library.functions.iter().find(|f| f.name == name)?))
    }

    /// FUNCTION LOAD: runs the library's code and keeps what it registers. Returns the library's name.
    pub fn load(&mut self, engine: &Engine, code: &[u8], replace: bool) -> Result<String, Error> {
        let (name, body) = shebang::of_library(code)?;
        if self.libraries.contains_key(&name) && !replace {
            return Err(owned(format!("Library '{name}' already exists")));
        }
        let functions = self.register(engine, body)?;
        for f in &functions {
            if self.index.get(&f.name).is_some_and(|library| *library != name) {
                return Err(Error::quoting("Function ", &f.name, " already exists"));
            }
        }
        self.put(engine, name.clone(), Library { code: code.to_vec(), functions });
        Ok(name)
    }

    fn register(&mut self, engine: &Engine, body: &[u8]) -> Result<Vec<Registration>, Error> {
        if self.vm.is_none() {
            self.vm = Some(Vm::new(engine).map_err(|e| super::cache::failed(engine, &e))?);
        }
        let Some(vm) = &self.vm else { return Err(Error::NO_LUA) };
        let main = vm.compile(body, "@user_function");
        let main = main.map_err(|e| owned(format!("Error compiling function: {e}")))?;
        vm.host.lock().registered = Some(Vec::new());
        engine.scripts.running.begin(true);
        let outcome = vm.run_library(&main);
        engine.scripts.running.end();
        let registered = vm.host.lock().registered.take().unwrap_or_default();
        match outcome {
            Ok(()) if registered.is_empty() => Err(Error::err("No functions registered")),
            Ok(()) => Ok(registered),
            Err(Failure { text, .. }) => {
                Err(owned(format!("Error registering functions: {}", crate::base::quoted::quoted(&text))))
            }
        }
    }

    fn put(&mut self, engine: &Engine, name: String, library: Library) {
        self.take(&name);
        for f in &library.functions {
            self.index.insert(f.name.clone(), name.clone());
        }
        self.libraries.insert(name, library);
        self.note(engine);
    }

    fn take(&mut self, name: &str) -> Option<Library> {
        let library = self.libraries.remove(name)?;
        for f in &library.functions {
            self.index.remove(&f.name);
        }
        Some(library)
    }

    /// FUNCTION DELETE. False if there is no such library.
    pub fn delete(&mut self, engine: &Engine, name: &str) -> bool {
        let is = self.take(name).is_some();
        self.note(engine);
        is
    }

    /// FUNCTION FLUSH: what is handed out is dear to free.
    pub fn flush(&mut self, engine: &Engine) -> Functions {
        let old = std::mem::take(self);
        self.note(engine);
        old
    }

    /// The text of every library, for snapshots and dumps.
    pub fn codes(&self) -> impl Iterator<Item = &[u8]> {
        self.libraries.values().map(|l| l.code.as_slice())
    }

    /// FUNCTION RESTORE, and the loading of a snapshot: all of these libraries or none.
    pub fn restore(&mut self, engine: &Engine, codes: &[Vec<u8>], policy: Policy) -> Result<(), Error> {
        let mut new: Vec<(String, Library)> = Vec::new();
        for code in codes {
            let (name, body) = shebang::of_library(code)?;
            if new.iter().any(|(n, _)| *n == name) {
                return Err(owned(format!("Library '{name}' already exists")));
            }
            let functions = self.register(engine, body)?;
            new.push((name, Library { code: code.clone(), functions }));
        }
        if policy == Policy::Append
            && let Some((name, _)) = new.iter().find(|(n, _)| self.libraries.contains_key(n))
        {
            return Err(owned(format!("Library {name} already exists")));
        }
        let mut names: HashMap<&[u8], &str> = HashMap::new();
        for (library, f) in new.iter().flat_map(|(n, l)| l.functions.iter().map(move |f| (n, f))) {
            let kept = self
                .index
                .get(&f.name)
                .filter(|owner| policy != Policy::Flush && !new.iter().any(|(n, _)| n == *owner));
            if kept.is_some() || names.insert(&f.name, library).is_some() {
                return Err(Error::quoting("Function ", &f.name, " already exists"));
            }
        }
        if policy == Policy::Flush {
            self.libraries.clear();
            self.index.clear();
        }
        for (name, library) in new {
            self.put(engine, name, library);
        }
        Ok(())
    }

    /// Writes down what INFO shows.
    pub fn note(&self, engine: &Engine) {
        let f = &engine.scripts.figures;
        f.libraries.store(self.libraries.len() as u64, Relaxed);
        f.functions.store(self.index.len() as u64, Relaxed);
        let bytes = |l: &Library| l.code.len() + l.functions.len() * size_of::<Registration>() + size_of::<Library>();
        f.function_bytes.store(self.libraries.values().map(|l| bytes(l) as u64).sum(), Relaxed);
        f.function_vm_bytes.store(self.vm.as_ref().map_or(0, Vm::used_bytes), Relaxed);
    }
}

fn owned(text: String) -> Error {
    Error::Err(Cow::Owned(text))
}

/// `redis.register_function(name, callback)`, or one table with these and `flags` and `description`.
pub fn register(lua: &Lua, host: &mut Host, values: &MultiValue) -> mlua::Result<Option<Table>> {
    match registration(values).and_then(|r| add(host, r)) {
        Ok(()) => Ok(None),
        Err(text) => {
            let t = lua.create_table()?;
            t.raw_set("err", format!("ERR {text}"))?;
            Ok(Some(t))
        }
    }
}

fn add(host: &mut Host, new: Registration) -> Result<(), String> {
    let Some(all) = &mut host.registered else {
        return Err("redis.register_function can only be called on FUNCTION LOAD command".into());
    };
    if !shebang::is_name(&new.name) {
        return Err("Library names can only contain letters, numbers, or underscores(_) and must be at least one character long".into());
    }
    if all.iter().any(|f| f.name == new.name) {
        return Err("Function already exists in the library".into());
    }
    all.push(new);
    Ok(())
}

fn registration(values: &MultiValue) -> Result<Registration, String> {
    match values.len() {
        1 => match &values[0] {
            Value::Table(t) => named(t),
            _ => Err("calling redis.register_function with a single argument is only applicable to Lua table (representing named arguments).".into()),
        },
        2 => {
            let name = text(&values[0]).ok_or("first argument to redis.register_function must be a string")?;
            let Value::Function(function) = &values[1] else {
                return Err("second argument to redis.register_function must be a function".into());
            };
            Ok(Registration { name, description: None, flags: ScriptFlags::default(), function: function.clone() })
        }
        _ => Err("wrong number of arguments to redis.register_function".into()),
    }
}

fn text(v: &Value) -> Option<Vec<u8>> {
    match v {
        Value::String(s) => Some(s.as_bytes().to_vec()),
        Value::Integer(n) => Some(super::args::text_of(*n as f64)),
        Value::Number(n) => Some(super::args::text_of(*n)),
        _ => None,
    }
}

fn named(t: &Table) -> Result<Registration, String> {
    let (mut name, mut description, mut flags, mut function) = (None, None, ScriptFlags::default(), None);
    let mut outcome = Ok(());
    t.for_each(|k: Value, v: Value| {
        if outcome.is_ok() {
            outcome = one(&k, &v, &mut name, &mut description, &mut flags, &mut function);
        }
        Ok(())
    })
    .map_err(super::args::refusal)?;
    outcome?;
    let name = name.ok_or("redis.register_function must get a function name argument")?;
    let function = function.ok_or("redis.register_function must get a callback argument")?;
    Ok(Registration { name, description, flags, function })
}

fn one(
    k: &Value,
    v: &Value,
    name: &mut Option<Vec<u8>>,
    description: &mut Option<Vec<u8>>,
    flags: &mut ScriptFlags,
    function: &mut Option<Function>,
) -> Result<(), String> {
    let key = text(k).ok_or("named argument key given to redis.register_function is not a string")?;
    let key = String::from_utf8_lossy(&key).to_ascii_lowercase();
    let wants = |what: &str| format!("{what} argument given to redis.register_function must be a ");
    match key.as_str() {
        "function_name" => *name = Some(text(v).ok_or(wants("function_name") + "string")?),
        "description" => *description = Some(text(v).ok_or(wants("description") + "string")?),
        "callback" => match v {
            Value::Function(f) => *function = Some(f.clone()),
            _ => return Err(wants("callback") + "function"),
        },
        "flags" => {
            let Value::Table(list) = v else {
                return Err(
                    "flags argument to redis.register_function must be a table representing function flags".into()
                );
            };
            for i in 1.. {
                match list.raw_get::<Value>(i) {
                    Ok(Value::Nil) | Err(_) => break,
                    Ok(flag) => {
                        let known = text(&flag).and_then(|name| ScriptFlags::named(&name));
                        flags.add(known.ok_or("unknown flag given")?);
                    }
                }
            }
        }
        _ => return Err("unknown argument given to redis.register_function".into()),
    }
    Ok(())
}
