//! A machine: one Lua state with the sandbox around it, how it is asked to compile and to run, and what stops it.

use super::args::{Args, refusal};
use super::convert::{self, Names};
use super::host::{self, Host, Shared, Stay, checked};
use super::natives::{self, Ended, Errors, Job, PAUSE_LARGE, PAUSE_SMALL, Runner, SMALL};
use super::pattern::{Capture, Matcher};
use crate::engine::Engine;
use crate::engine::worker::Worker;
use crate::resp::{Args as RespArgs, Reply};
use mlua::{ChunkMode, Function, Lua, LuaOptions, StdLib, Table, Value};
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

pub struct Vm {
    pub lua: Lua,
    pub names: Arc<Names>,
    pub host: Shared,
    runner: Runner,
    load: Function,
    /// Functions by their places; place 0 is for what is run once, and for what was raised.
    functions: Table,
    /// The places that are free again, and the first that never was taken.
    free: Mutex<(Vec<i64>, i64)>,
    globals: Table,
    /// Bytes in use from which everything is collected after a script.
    tidy_above: AtomicUsize,
}

const TIDY_ABOVE: usize = 32 << 20;
/// How a script ended.
pub enum Outcome {
    /// What it returned is written.
    Done(Errors),
    Failed(Failure),
    /// A command that it called panicked.
    Panicked(Box<dyn std::any::Any + Send>),
}

/// What was raised.
#[derive(Default, Debug)]
pub struct Failure {
    pub text: Vec<u8>,
    /// Where: `@user_script` and the line.
    pub place: Option<(String, i64)>,
    /// Counted already, when the command failed.
    pub counted: bool,
}

impl Vm {
    /// Bytes that scripts may hold at once: no more than a quarter of the machine, so that none takes the server down, and no
    /// more than is still collected in reasonable time.
    fn most_bytes(engine: &Engine) -> usize {
        const LEAST: u64 = 64 << 20;
        const MOST: u64 = 1 << 30;
        match engine.os().total_memory_bytes() {
            0 => MOST as usize,
            machine => (machine / 4).clamp(LEAST, MOST) as usize,
        }
    }

    pub fn new(engine: &Engine) -> mlua::Result<Vm> {
        let libs = StdLib::TABLE | StdLib::STRING | StdLib::MATH;
        let lua = Lua::new_with(libs, LuaOptions::new().catch_rust_panics(false))?;
        let most = Self::most_bytes(engine);
        lua.set_memory_limit(most)?;
        let names = Arc::new(Names::new(&lua)?);
        let host = Host::new(engine.scripts.running.clone());
        let given = host::table(&lua, &host, &names, most / 2)?;
        let prelude = lua.load(include_str!("prelude.lua")).set_name("=prelude");
        let made: Table = prelude.call((given, natives::install(&lua, &host)?))?;
        let globals: Table = made.raw_get("globals")?;
        let real: Table = made.raw_get("real")?;
        lua.set_globals(globals.clone())?;
        let functions = lua.create_table()?;
        let vm = Vm {
            runner: Runner::new(&lua, &made.raw_get("handler")?, &real, &functions)?,
            load: made.raw_get("load")?,
            tidy_above: AtomicUsize::new(TIDY_ABOVE),
            functions,
            free: Mutex::new((Vec::new(), 1)),
            globals,
            names,
            host,
            lua,
        };
        natives::watch(&vm.lua, &vm.host)?;
        vm.lua.gc_set_pause(PAUSE_SMALL);
        Ok(vm)
    }

    /// Compiles a script. The error is Lua's sentence.
    pub fn compile(&self, code: &[u8], name: &str) -> Result<Function, String> {
        let chunk = self.lua.load(code).set_name(name).set_mode(ChunkMode::Text).set_environment(self.globals.clone());
        chunk.into_function().map_err(|e| match e {
            mlua::Error::SyntaxError { message, .. } => message,
            other => refusal(other),
        })
    }

    pub fn used_bytes(&self) -> u64 {
        self.lua.used_memory() as u64
    }

    /// Gives a function a place, by which it is run.
    pub fn keep(&self, f: &Function) -> mlua::Result<i64> {
        let mut free = self.free.lock();
        let place = free.0.pop().unwrap_or(free.1);
        self.functions.raw_set(place, f)?;
        free.1 = free.1.max(place + 1);
        Ok(place)
    }

    /// Frees the place of a function that is not wanted any more.
    pub fn forget(&self, place: i64) {
        // Nothing can go wrong: a field that exists is set to nil.
        let _ = self.functions.raw_set(place, Value::Nil);
        self.free.lock().0.push(place);
    }

    /// Runs the script at its place for `worker`, which acts as `stay` says, and writes what it returns.
    pub fn run_script(
        &self,
        place: i64,
        words: (RespArgs<'_>, usize),
        reply: &mut Reply,
        worker: &mut Worker,
        stay: Box<Stay>,
    ) -> (Outcome, Option<Box<Stay>>) {
        let (words, keys) = words;
        self.run(
            Job { slot: place, words, keys, parameters: false, reply, ended: Ended::Raised, errors: Errors::default() },
            worker,
            stay,
        )
    }

    /// The same for a function, whose keys and arguments are parameters.
    pub fn run_function(
        &self,
        f: &Function,
        words: (RespArgs<'_>, usize),
        reply: &mut Reply,
        worker: &mut Worker,
        stay: Box<Stay>,
    ) -> (Outcome, Option<Box<Stay>>) {
        let (words, keys) = words;
        if let Err(e) = self.functions.raw_set(0, f) {
            return (Outcome::Failed(Failure::of(e)), Some(stay));
        }
        self.run(
            Job { slot: 0, words, keys, parameters: true, reply, ended: Ended::Raised, errors: Errors::default() },
            worker,
            stay,
        )
    }

    fn run(&self, mut job: Job<'_>, worker: &mut Worker, stay: Box<Stay>) -> (Outcome, Option<Box<Stay>>) {
        let mark = job.reply.mark();
        let (outcome, stay) = natives::lend(&self.host, worker, stay, || self.runner.run(&self.host, &mut job));
        self.tidy();
        let (stopped, panicked) = {
            let mut host = self.host.lock();
            host.forget_large();
            (host.running.should_stop(), host.panicked.take())
        };
        if let Some(panic) = panicked {
            return (Outcome::Panicked(panic), stay);
        }
        let mut outcome = match (outcome, job.ended) {
            (Ok(()), Ended::Written) => Outcome::Done(job.errors),
            (Ok(()), Ended::Raised) => Outcome::Failed(self.raised()),
            (Err(text), _) => {
                Outcome::Failed(Failure { text: [b"ERR ", text.as_slice()].concat(), ..Failure::default() })
            }
        };
        if stopped {
            // Back to looking now and then.
            let _ = natives::watch(&self.lua, &self.host);
            if let Outcome::Failed(failure) = &mut outcome {
                // Whatever it was doing when it was stopped, or made of it.
                failure.text = [b"ERR ", KILLED.as_bytes()].concat();
            }
        }
        if matches!(outcome, Outcome::Failed(_)) {
            job.reply.rewind(mark);
        }
        (outcome, stay)
    }

    /// What the script that just ran raised.
    #[cold]
    fn raised(&self) -> Failure {
        let raised = self.functions.raw_get::<Value>(0);
        let _ = self.functions.raw_set(0, Value::Nil);
        match raised {
            Ok(v) => self.failure(v),
            Err(e) => Failure::of(e),
        }
    }

    /// Collects what a large script left behind: Lua itself would wait until there is twice as much, which there may not be.
    fn tidy(&self) {
        let most = self.tidy_above.load(Relaxed);
        if self.lua.used_memory() > most {
            // An error in a finalizer: scripts can give none to anything.
            let _ = self.lua.gc_collect();
            self.lua.gc_set_pause(if self.lua.used_memory() < SMALL { PAUSE_SMALL } else { PAUSE_LARGE });
            self.tidy_above.store((2 * self.lua.used_memory()).max(TIDY_ABOVE), Relaxed);
        }
    }

    fn failure(&self, raised: Value) -> Failure {
        if let Value::Table(t) = raised {
            let line = t.raw_get::<i64>(&self.names.line).ok();
            let source = convert::text(&t, &self.names.source).map(|s| String::from_utf8_lossy(&s).into_owned());
            return Failure {
                text: convert::text(&t, &self.names.err)
                    .map_or_else(|| b"ERR unknown error".to_vec(), |text| convert::until_nul(&text).to_vec()),
                place: source.zip(line),
                counted: t.raw_get::<bool>(&self.names.ignore).unwrap_or(false),
            };
        }
        // Raised where no handler can run: out of memory, or an error within the handler.
        let text = raised.to_string().unwrap_or_else(|_| "unknown error".into());
        Failure { text: format!("ERR {text}").into_bytes(), ..Failure::default() }
    }

    /// Runs the body of a library, which registers its functions.
    pub fn run_library(&self, f: &Function) -> Result<(), Failure> {
        match self.load.call::<(bool, Value)>(f) {
            Ok((true, _)) => Ok(()),
            Ok((false, raised)) => Err(self.failure(raised)),
            Err(e) => Err(Failure::of(e)),
        }
    }
}

impl Failure {
    fn of(e: mlua::Error) -> Failure {
        Failure { text: format!("ERR {}", refusal(e)).into_bytes(), ..Failure::default() }
    }
}

/// What a script that runs for a while is looked at for: whether it overruns its time, and whether it should stop.
pub fn look(host: &Mutex<Host>) -> Result<(), &'static str> {
    let (engine, running, loading) = {
        let host = host.lock();
        (host.guest.as_ref().map(|g| g.worker.look().engine.clone()), host.running.clone(), host.registered.is_some())
    };
    if loading && running.since().elapsed() > LOAD_TIME {
        return Err("FUNCTION LOAD timeout");
    }
    if let Some(engine) = engine {
        engine.script_goes_on();
    }
    if running.should_stop() { Err(KILLED) } else { Ok(()) }
}

/// What the code of a library may take (Redis: LOAD_TIMEOUT_MS).
const LOAD_TIME: std::time::Duration = std::time::Duration::from_millis(500);

const KILLED: &str = "Script killed by user with SCRIPT KILL...";

/// What a match is answered with: captures, or where they stand.
fn captured(a: &Args<'_>, text: &[u8], captures: &[Capture]) -> Result<Vec<Value>, String> {
    let each = captures.iter().map(|c| match c {
        Capture::Position(at) | Capture::Open(at) => Ok(Value::Integer(*at as i64 + 1)),
        Capture::Span(from, to) => a.lua.create_string(&text[*from..*to]).map(Value::String).map_err(refusal),
    });
    each.collect()
}

/// Where a search starts: from 0, negative ones counted from the end.
fn start(a: &Args<'_>, i: usize, len: usize) -> Result<usize, String> {
    let init = if matches!(a.get(i), Value::Nil) { 1 } else { a.integer(i)? };
    let from = if init < 0 { (len as i64 + init).max(0) } else { (init - 1).max(0) };
    Ok((from as usize).min(len))
}

/// `find`, `match` and what `gmatch` and `gsub` are made of.
pub fn text_functions(lua: &Lua, t: &Table, host: &Shared) -> mlua::Result<()> {
    let host = host.clone();
    let go_on = move || look(&host).map_err(str::to_owned);
    let asks = go_on.clone();
    checked(lua, t, "find", move |a| {
        let (text, pattern) = (a.bytes(0)?, a.bytes(1)?);
        let from = start(a, 2, text.len())?;
        let plain = !matches!(a.get(3), Value::Nil | Value::Boolean(false));
        if plain || !pattern.iter().any(|b| b"^$*+?.([%-".contains(b)) {
            let found = memchr::memmem::find(&text[from..], &pattern).map(|at| from + at);
            return Ok(found.map_or(vec![Value::Nil], |at| {
                vec![Value::Integer(at as i64 + 1), Value::Integer((at + pattern.len()) as i64)]
            }));
        }
        let mut m = Matcher::new(&text, &pattern, &asks);
        let Some(span) = m.find(from)? else { return Ok(vec![Value::Nil]) };
        let mut out = vec![Value::Integer(span.0 as i64 + 1), Value::Integer(span.1 as i64)];
        if m.has_captures() {
            out.extend(captured(a, &text, &m.captures(span)?)?);
        }
        Ok(out)
    })?;
    let asks = go_on.clone();
    checked(lua, t, "match", move |a| {
        let (text, pattern) = (a.bytes(0)?, a.bytes(1)?);
        let from = start(a, 2, text.len())?;
        let mut m = Matcher::new(&text, &pattern, &asks);
        match m.find(from)? {
            None => Ok(vec![Value::Nil]),
            Some(span) => captured(a, &text, &m.captures(span)?),
        }
    })?;
    checked(lua, t, "step", move |a| {
        let (text, pattern) = (a.bytes(0)?, a.bytes(1)?);
        let from = a.integer(2)? - 1;
        if from < 0 || from as usize > text.len() {
            return Ok(vec![Value::Nil]);
        }
        let mut m = Matcher::new(&text, &pattern, &go_on);
        let Some(span) = m.find(from as usize)? else { return Ok(vec![Value::Nil]) };
        let mut out = vec![Value::Integer(span.0 as i64 + 1), Value::Integer(span.1 as i64)];
        out.extend(captured(a, &text, &m.captures(span)?)?);
        Ok(out)
    })?;
    // The replacement of gsub: (text, whole match, captures …).
    checked(lua, t, "expand", |a| {
        let text = a.bytes(0)?;
        let (mut out, mut i) = (Vec::new(), 0);
        while i < text.len() {
            if text[i] != b'%' {
                out.push(text[i]);
            } else {
                i += 1;
                match text.get(i) {
                    Some(b'0') => out.extend(a.bytes(1)?),
                    Some(d @ b'1'..=b'9') => {
                        let at = 1 + usize::from(d - b'0');
                        if at >= a.len() {
                            return Err("invalid capture index".into());
                        }
                        out.extend(a.bytes(at)?);
                    }
                    Some(other) => out.push(*other),
                    None => out.push(0),
                }
            }
            i += 1;
        }
        Ok(vec![Value::String(a.lua.create_string(out).map_err(refusal)?)])
    })
}
