//! What scripts ask of the server: `redis.call` and the rest of that table.

use super::args::{Args, function, text_of};
use super::convert::{Names, cut};
use super::natives::{Lent, Watch, push_number};
use super::running::Running;
use super::shebang::ScriptFlags;
use crate::engine::LogLevel;
use crate::engine::session::Session;
use crate::resp::{OwnedArgs, Proto, Reply};
use mlua::{Lua, MultiValue, Table, Value};
use parking_lot::Mutex;
use std::any::Any;
use std::sync::Arc;

/// The worker and the client that a script runs for, while it does.
pub struct Host {
    pub guest: Option<Guest>,
    /// The words of the command that is being called.
    pub words: OwnedArgs,
    /// An answer in one piece, if it was in many.
    pub joined: Vec<u8>,
    /// What a command panicked with; it goes on when the script has ended.
    pub panicked: Option<Box<dyn Any + Send>>,
    pub watch: Watch,
    /// The sequence behind `math.random`: the state of C's `lrand48`, which no script resets unless it asks for it.
    chance: u64,
    /// What a library that is being loaded registers.
    pub registered: Option<Vec<super::functions::Registration>>,
    /// What asked for a stop said.
    pub running: Arc<Running>,
}

/// Lent for the time of a script.
pub struct Guest {
    pub worker: Lent,
    pub stay: Box<Stay>,
}

/// What a worker keeps for its scripts, from one to the next.
pub struct Stay {
    /// The client that scripts act as: database and protocol are not the caller's.
    pub session: Session,
    pub flags: ScriptFlags,
    pub read_only: bool,
    /// `redis.set_repl`: what the commands that follow are written down for.
    pub replicated: bool,
    /// What calls it happened already, elsewhere or before: no state of this server speaks against it.
    pub obeyed: bool,
    pub keys: Vec<crate::engine::call::KeyRef>,
    /// Stands in for the client's while the script runs.
    pub reply: Reply,
}

/// What EVAL and FCALL ask of the worker that runs them.
pub struct Request {
    pub what: What,
    /// Words that are keys, and where the arguments begin behind them.
    pub keys: usize,
    /// EVAL_RO and the like.
    pub read_only: bool,
}

pub enum What {
    Script(super::cache::Name),
    /// Of a library, by its place in the index.
    Function(Vec<u8>),
}

pub type Shared = Arc<Mutex<Host>>;

impl Host {
    pub fn new(running: Arc<Running>) -> Shared {
        Arc::new(Mutex::new(Host {
            guest: None,
            words: OwnedArgs::default(),
            joined: Vec::new(),
            panicked: None,
            watch: Watch::default(),
            chance: 0x1234_abcd_330e,
            registered: None,
            running,
        }))
    }

    /// What the script chose by `redis.setresp`.
    pub fn script_proto(&self) -> Proto {
        self.guest.as_ref().map_or(Proto::Resp2, |guest| guest.stay.session.proto)
    }

    /// Lets go of what large words and answers took.
    pub fn forget_large(&mut self) {
        const KEPT_BYTES: usize = 64 * 1024;
        if self.words.heap_bytes() > KEPT_BYTES {
            self.words = OwnedArgs::default();
        }
        if self.joined.capacity() > KEPT_BYTES {
            self.joined = Vec::new();
        }
    }

    /// C's `srand48`.
    pub fn seed(&mut self, seed: u32) {
        self.chance = u64::from(seed) << 16 | 0x330e;
    }

    /// C's `lrand48`, as a fraction.
    fn chance(&mut self) -> f64 {
        self.chance = self.chance.wrapping_mul(0x5_deec_e66d).wrapping_add(0xb) & ((1 << 48) - 1);
        let n = (self.chance >> 17) as u32 % i32::MAX as u32;
        f64::from(n) / f64::from(i32::MAX)
    }
}

/// An error table for the prelude to raise.
fn raise(lua: &Lua, names: &Names, text: impl AsRef<[u8]>, counted: bool) -> mlua::Result<(Value, Option<Table>)> {
    let t = lua.create_table_with_capacity(0, 4)?;
    t.raw_set(&names.err, lua.create_string(text)?)?;
    if counted {
        t.raw_set(&names.ignore, true)?;
    }
    Ok((Value::Nil, Some(t)))
}

/// The arguments of a command, or why they are none.
fn gather(words: &mut OwnedArgs, values: &MultiValue) -> Result<(), &'static str> {
    words.clear();
    if values.is_empty() {
        return Err("ERR Please specify at least one argument for this redis lib call");
    }
    for v in values {
        match v {
            Value::String(s) => words.push(&s.as_bytes()),
            Value::Integer(n) => push_number(words, *n as f64),
            Value::Number(n) => push_number(words, *n),
            _ => return Err("ERR Lua redis lib command arguments must be strings or integers"),
        }
    }
    Ok(())
}

/// Everything that the prelude is given.
pub fn table(lua: &Lua, host: &Shared, names: &Arc<Names>, longest: usize) -> mlua::Result<Table> {
    let t = lua.create_table()?;
    t.raw_set("redis", redis(lua, host, names)?)?;
    t.raw_set("constants", constants(lua)?)?;
    t.raw_set("bit", super::bits::library(lua)?)?;
    t.raw_set("struct", super::packing::library(lua)?)?;
    t.raw_set("cmsgpack", super::msgpack::library(lua)?)?;
    t.raw_set("cjson", lua.create_function(|lua, ()| super::cjson::library(lua))?)?;
    t.raw_set("null", Value::NULL)?;
    t.raw_set("longest", longest)?;
    t.raw_set("where", lua.create_function(|lua, ()| Ok(place(lua)))?)?;
    t.raw_set("reason", lua.create_function(|_, text: mlua::String| Ok(reason(&text.to_string_lossy())))?)?;
    t.raw_set("error_text", lua.create_function(|lua, s: mlua::String| lua.create_string(error_text(&s.as_bytes())))?)?;
    let started = std::time::Instant::now();
    t.raw_set("clock", lua.create_function(move |_, ()| Ok(started.elapsed().as_secs_f64()))?)?;
    let h = host.clone();
    checked(lua, &t, "random", move |a| random(a, h.lock().chance()))?;
    let h = host.clone();
    checked(lua, &t, "randomseed", move |a| {
        h.lock().seed(a.integer(0)? as u32);
        Ok(Vec::new())
    })?;
    let h = host.clone();
    t.raw_set(
        "register",
        lua.create_function(move |lua, values: MultiValue| {
            Ok((Value::Nil, super::functions::register(lua, &mut h.lock(), &values)?))
        })?,
    )?;
    super::vm::text_functions(lua, &t, host)?;
    Ok(t)
}

/// `math.random`, of a fraction.
fn random(a: &Args<'_>, r: f64) -> super::args::Answer {
    // As C cuts what it takes for an int.
    let int = |i| a.integer(i).map(|n| f64::from(n as i32));
    Ok(vec![Value::Number(match a.len() {
        0 => r,
        1 => {
            let high = int(0)?;
            if high < 1.0 {
                return a.bad(0, "interval is empty");
            }
            (r * high).floor() + 1.0
        }
        2 => {
            let (low, high) = (int(0)?, int(1)?);
            if low > high {
                return a.bad(1, "interval is empty");
            }
            (r * (high - low + 1.0)).floor() + low
        }
        _ => return Err("wrong number of arguments".into()),
    })])
}

/// The script's line that runs: the source and the line, and both as Lua puts them in front of errors.
fn place(lua: &Lua) -> (Option<String>, Option<usize>, Option<String>) {
    for level in 1..60 {
        let found = lua.inspect_stack(level, |d| {
            let source = d.source();
            let name = source.source.map(|s| s.into_owned()).unwrap_or_default();
            let short = source.short_src.map(|s| s.into_owned()).unwrap_or_default();
            (d.current_line().is_none() || name == "=prelude", name, short, d.current_line())
        });
        match found {
            None => break,
            Some((true, ..)) => {}
            Some((false, name, short, line)) => {
                let place = line.map(|l| format!("{short}:{l}: "));
                return (Some(name), line, place);
            }
        }
    }
    (None, None, None)
}

/// What mlua says of an error of the host, in one line.
fn reason(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    for prefix in ["runtime error: ", "memory error: ", "callback error: "] {
        if let Some(rest) = line.strip_prefix(prefix) {
            return rest.to_owned();
        }
    }
    line.to_owned()
}

/// `redis.error_reply`: a code in front if there is one, else ERR.
pub fn error_text(text: &[u8]) -> Vec<u8> {
    let end = text.iter().rposition(|b| !matches!(b, b'\r' | b'\n')).map_or(0, |i| i + 1);
    let start = text[..end].iter().position(|b| !matches!(b, b'\r' | b'\n')).unwrap_or(end);
    let text = &text[start..end];
    let text = text.strip_prefix(b"-").unwrap_or(text);
    if text.contains(&b' ') { text.to_vec() } else { [b"ERR ", text].concat() }
}

fn constants(lua: &Lua) -> mlua::Result<Table> {
    let t = lua.create_table()?;
    let numbers = [
        ("LOG_DEBUG", 0),
        ("LOG_VERBOSE", 1),
        ("LOG_NOTICE", 2),
        ("LOG_WARNING", 3),
        ("REPL_NONE", 0),
        ("REPL_AOF", 1),
        ("REPL_SLAVE", 2),
        ("REPL_REPLICA", 2),
        ("REPL_ALL", 3),
        ("REDIS_VERSION_NUM", version_number()),
    ];
    for (name, n) in numbers {
        t.raw_set(name, n)?;
    }
    t.raw_set("REDIS_VERSION", crate::engine::config::REDIS_VERSION)?;
    Ok(t)
}

fn version_number() -> i64 {
    let parts = crate::engine::config::REDIS_VERSION.split('.');
    parts.fold(0, |n, part| n << 8 | part.parse::<i64>().unwrap_or(0))
}

/// `redis.*` but for call, pcall and the two replies, which the prelude makes.
fn redis(lua: &Lua, host: &Shared, names: &Arc<Names>) -> mlua::Result<Table> {
    let t = lua.create_table()?;
    let add = |name: &str, f: fn(&Lua, &mut Host, &MultiValue) -> mlua::Result<Result<Value, String>>| {
        let (host, names) = (host.clone(), names.clone());
        let f = lua.create_function(move |lua, values: MultiValue| {
            let answer = f(lua, &mut host.lock(), &values)?;
            match answer {
                Ok(v) => Ok((v, None)),
                Err(text) => raise(lua, &names, format!("ERR {text}"), false),
            }
        })?;
        t.raw_set(name, f)
    };
    add("sha1hex", |lua, _, values| {
        if values.len() != 1 {
            return Ok(Err("wrong number of arguments".into()));
        }
        let text = super::cache::digest(&text_or_nothing(&values[0]));
        Ok(Ok(Value::String(lua.create_string(text)?)))
    })?;
    add("log", |_, host, values| Ok(log(host, values)))?;
    add("setresp", |_, host, values| {
        if values.len() != 1 {
            return Ok(Err("redis.setresp() requires one argument.".into()));
        }
        let proto = match super::args::number(&values[0]) {
            Some(2.0) => Proto::Resp2,
            Some(3.0) => Proto::Resp3,
            _ => return Ok(Err("RESP version must be 2 or 3.".into())),
        };
        if let Some(guest) = &mut host.guest {
            guest.stay.session.proto = proto;
        }
        Ok(Ok(Value::Nil))
    })?;
    add("set_repl", |_, host, values| {
        if values.len() != 1 {
            return Ok(Err("redis.set_repl() requires two arguments.".into()));
        }
        let n = super::args::number(&values[0]).map_or(0, cut);
        if n & !3 != 0 {
            let text = "Invalid replication flags. Use REPL_AOF, REPL_REPLICA, REPL_ALL or REPL_NONE.";
            return Ok(Err(text.into()));
        }
        // There is one log for files and replicas alike: it gets everything or nothing.
        if let Some(guest) = &mut host.guest {
            guest.stay.replicated = n != 0;
        }
        Ok(Ok(Value::Nil))
    })?;
    add("replicate_commands", |_, _, _| Ok(Ok(Value::Boolean(true))))?;
    // No debugger is attached, ever.
    add("breakpoint", |_, _, _| Ok(Ok(Value::Boolean(false))))?;
    add("debug", |_, _, _| Ok(Ok(Value::Nil)))?;
    add("acl_check_cmd", |_, host, values| {
        let Host { words, guest, .. } = host;
        if let Err(text) = gather(words, values) {
            return Ok(Err(text.trim_start_matches("ERR ").into()));
        }
        match crate::engine::table::find_words(words.args()) {
            None => Ok(Err("Invalid command passed to redis.acl_check_cmd()".into())),
            Some(command) => {
                let may = |g: &Guest| {
                    g.worker.look().engine.acl.user_of(&g.stay.session).check(command, words.args()).is_ok()
                };
                Ok(Ok(Value::Boolean(guest.as_ref().is_none_or(may))))
            }
        }
    })?;
    Ok(t)
}

fn text_or_nothing(v: &Value) -> Vec<u8> {
    match v {
        Value::String(s) => s.as_bytes().to_vec(),
        Value::Integer(n) => text_of(*n as f64),
        Value::Number(n) => text_of(*n),
        _ => Vec::new(),
    }
}

/// `redis.log(level, word …)`: what is no text is left out.
fn log(host: &mut Host, values: &MultiValue) -> Result<Value, String> {
    if values.len() < 2 {
        return Err("redis.log() requires two arguments or more.".into());
    }
    let level = match &values[0] {
        Value::Integer(n) => *n,
        Value::Number(n) => cut(*n),
        _ => return Err("First argument must be a number (log level).".into()),
    };
    let level = match level {
        0 => LogLevel::Debug,
        1 => LogLevel::Verbose,
        2 => LogLevel::Notice,
        3 => LogLevel::Warning,
        _ => return Err("Invalid debug level.".into()),
    };
    let words: Vec<String> = values
        .iter()
        .skip(1)
        .filter(|v| matches!(v, Value::String(_) | Value::Integer(_) | Value::Number(_)))
        .map(|v| String::from_utf8_lossy(&text_or_nothing(v)).into_owned())
        .collect();
    if let Some(guest) = &host.guest {
        guest.worker.look().engine.log(level, &words.join(" "));
    }
    Ok(Value::Nil)
}

/// A function of the host whose refusals the prelude raises: see [`function`].
pub fn checked(
    lua: &Lua,
    t: &Table,
    name: &'static str,
    f: impl Fn(&Args<'_>) -> super::args::Answer + Send + 'static,
) -> mlua::Result<()> {
    t.raw_set(name, function(lua, name, f)?)
}
