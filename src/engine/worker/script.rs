//! Running scripts: the worker moves into the machine, and each command that the script calls is refused, run and booked
//! there as if a client had sent it.

use super::Worker;
use crate::base::quoted::quoted;
use crate::engine::acl::log::Context;
use crate::engine::errors::Error;
use crate::engine::flags::Flags;
use crate::engine::lua::functions;
use crate::engine::lua::host::{Guest, Request, Stay, What};
use crate::engine::lua::natives::Errors;
use crate::engine::lua::refusals;
use crate::engine::lua::running::Running;
use crate::engine::lua::shebang::ScriptFlags;
use crate::engine::lua::vm::{Failure, Outcome, Vm};
use crate::engine::monitor::Caller;
use crate::engine::session::Session;
use crate::engine::table::{self, Command};
use crate::resp::{Args, Reply};
use mlua::Function;
use std::borrow::Cow;
use std::sync::atomic::Ordering::Relaxed;

/// Room for answers that is kept from one script to the next.
const KEPT_BYTES: usize = 64 * 1024;

/// What is run, once it was found.
struct Found<'a> {
    vm: &'a Vm,
    code: Code<'a>,
    flags: ScriptFlags,
    /// What errors call it.
    name: &'a [u8],
}

#[derive(Clone, Copy)]
enum Code<'a> {
    /// By its place in the machine.
    Script(i64),
    Function(&'a Function),
}

impl Worker {
    /// Runs the script that the handler asked for, and answers. The whole keyspace is held.
    pub(super) fn run_script(
        &mut self,
        session: &mut Session,
        command: &'static Command,
        args: Args<'_>,
    ) -> Result<(), Error> {
        let Some(request) = session.script.take() else { return Ok(()) };
        let engine = self.engine.clone();
        match &request.what {
            What::Script(name) => {
                let mut cache = engine.scripts.scripts.lock();
                let (vm, place, flags) = cache.find(name).ok_or(Error::NOSCRIPT)?;
                self.run_found(session, command, args, &request, Found { vm, code: Code::Script(place), flags, name })
            }
            What::Function(name) => {
                let functions = engine.scripts.functions.lock();
                let Some((vm, f)) = functions.find(name) else { return Err(functions::NOT_FOUND) };
                let found = Found { vm, code: Code::Function(&f.function), flags: f.flags, name };
                self.run_found(session, command, args, &request, found)
            }
        }
    }

    fn run_found(
        &mut self,
        session: &mut Session,
        command: &'static Command,
        args: Args<'_>,
        request: &Request,
        found: Found<'_>,
    ) -> Result<(), Error> {
        refusals::of_script(&self.engine, found.flags, request.read_only, refusals::is_obeyed(session))?;
        self.access.lane.begin_unit();
        let mut stay = self.stay.take().unwrap_or_else(|| Stay::new(session));
        stay.begin(session, found.flags, request.read_only || found.flags.has(ScriptFlags::NO_WRITES));
        let mut outer = std::mem::replace(&mut self.reply, std::mem::take(&mut stay.reply));
        let running = &self.engine.scripts.running.clone();
        let is_function = matches!(found.code, Code::Function(_));
        running.begin(is_function);
        if is_function {
            running.describe(&String::from_utf8_lossy(found.name), args);
        }
        let words = (args.skip(3), request.keys);
        let (outcome, stay) = match found.code {
            Code::Script(place) => found.vm.run_script(place, words, &mut outer, self, stay),
            Code::Function(f) => found.vm.run_function(f, words, &mut outer, self, stay),
        };
        self.engine.world.set_long(false);
        running.end();
        self.access.lane.end_unit();
        let own = std::mem::replace(&mut self.reply, outer);
        self.stay = stay.map(|mut stay| {
            // What one large answer took is not kept for small ones.
            stay.reply = if own.buf.capacity() > KEPT_BYTES { Reply::default() } else { own };
            stay
        });
        match outcome {
            Outcome::Done(errors) => {
                if errors.counted > 0 || !errors.new.is_empty() {
                    self.count_returned(command, &errors);
                }
                Ok(())
            }
            Outcome::Failed(failure) => self.script_failed(failure, command, &quoted(found.name)),
            Outcome::Panicked(panic) => std::panic::resume_unwind(panic),
        }
    }

    /// Errors that the script returned, rather than raised.
    #[cold]
    fn count_returned(&mut self, command: &Command, errors: &Errors) {
        let failed = errors.counted + u64::from(!errors.new.is_empty());
        self.stats.commands[command.id as usize].failed.add(failed);
        errors.new.iter().for_each(|text| self.count_error(&Error::Coded(Cow::Owned(quoted(text)))));
    }

    #[cold]
    fn script_failed(&mut self, failure: Failure, command: &Command, name: &str) -> Result<(), Error> {
        let mut text = quoted(&failure.text);
        if let Some((source, line)) = &failure.place {
            text.push_str(&format!(" script: {name}, on {source}:{line}."));
        }
        if failure.counted {
            // Where the command failed: here, only that the script did.
            self.stats.commands[command.id as usize].failed.add(1);
            self.reply.error(&text);
            return Ok(());
        }
        Err(Error::Coded(Cow::Owned(text)))
    }

    /// What others hear while a script overruns its time.
    pub(super) fn busy_error(&self) -> Error {
        match self.engine.scripts.running.about() {
            Some(about) if about.is_function => Error::BUSY_FUNCTION,
            _ => Error::BUSY_SCRIPT,
        }
    }
}

impl Stay {
    fn new(session: &Session) -> Box<Stay> {
        Box::new(Stay {
            session: Session::new(session.client.clone(), true),
            flags: ScriptFlags::default(),
            read_only: false,
            replicated: true,
            obeyed: false,
            keys: Vec::new(),
            reply: Reply::default(),
        })
    }

    /// What follows is done for this client.
    fn begin(&mut self, session: &Session, flags: ScriptFlags, read_only: bool) {
        let own = &mut self.session;
        if !std::sync::Arc::ptr_eq(&own.client, &session.client) {
            own.client = session.client.clone();
        }
        (own.db, own.internal, own.no_touch, own.proto) =
            (session.db, true, session.no_touch, crate::resp::Proto::Resp2);
        own.user = session.user.clone();
        own.expiry = session.expiry;
        self.obeyed = refusals::is_obeyed(session);
        (self.flags, self.read_only, self.replicated) = (flags, read_only, true);
    }
}

impl Guest {
    /// Runs one command for the script; the answer, an error's too, is left in the worker's reply buffer.
    pub fn call(&mut self, args: Args<'_>, running: &Running) {
        let Guest { worker, stay } = self;
        let worker = worker.get();
        worker.reply.clear();
        worker.reply.proto = stay.session.proto;
        let command = match stay.look_up(worker, args, running) {
            Ok(command) => command,
            Err((command, e)) => {
                if let Some(c) = command {
                    worker.stats.commands[c.id as usize].rejected.add(1);
                }
                worker.count_error(&e);
                worker.reply.error(&e.text());
                return;
            }
        };
        if command.flags.has(Flags::WRITE) {
            running.note_write();
        }
        stay.keys.clear();
        super::plan::find_keys(command, args, &mut worker.scratch.positions, &mut stay.keys);
        let logging = worker.journal.logging;
        worker.journal.logging &= stay.replicated;
        let started = worker.clock.raw();
        let outcome = worker.execute(&mut stay.session, command, args, &stay.keys);
        worker.journal.logging = logging;
        let stats = &worker.stats.commands[command.id as usize];
        stats.calls.add(1);
        worker.stats.processed.add(1);
        let nanos = worker.clock.delta_as_nanos(started, worker.clock.raw());
        stats.nanos.add(nanos);
        if worker.engine.config.latency_tracking.get() {
            stats.histogram.get_or_init(Default::default).add(nanos);
        }
        if let Err(e) = outcome {
            worker.reply.clear();
            worker.failed(command, &e);
            worker.reply.error(&e.text());
        }
        let spent = [nanos, args.wire_bytes() as u64, worker.reply.len() as u64];
        worker.look_back_at((&stay.session, Caller::Script), command, args, spent);
        worker.empty_journal();
    }
}

impl Stay {
    /// The command, if a script may call it now: the refusals in Redis's order.
    fn look_up(
        &self,
        worker: &Worker,
        args: Args<'_>,
        running: &Running,
    ) -> Result<&'static Command, (Option<&'static Command>, Error)> {
        let refuse = |c: Option<&'static Command>, text: &'static str| Err((c, Error::err(text)));
        let Some(command) = table::find(args.at(0)) else {
            return refuse(None, "Unknown Redis command called from script");
        };
        let command = match args.get(1) {
            Some(word) if command.is_container() => match command.find_sub(word) {
                Some(sub) => sub,
                None => return refuse(None, "Unknown Redis command called from script"),
            },
            _ => command,
        };
        if !command.takes(args.len()) {
            return refuse(Some(command), "Wrong number of args calling Redis command from script");
        }
        if command.flags.has(Flags::NOSCRIPT) {
            return refuse(Some(command), "This Redis command is not allowed from script");
        }
        let engine = &worker.engine;
        let state = engine.gates.load(Relaxed) & refusals::STATE != 0;
        if state {
            refusals::of_stale(engine, command).map_err(|e| (Some(command), e))?;
        }
        let asked = (Context::Lua, worker.now_ms);
        let may = engine.acl.check(engine, &self.session, command, args, asked);
        may.map_err(|refusal| (Some(command), refusal.in_script(command)))?;
        if self.read_only && (command.flags.has(Flags::WRITE) || command.flags.has(Flags::MAY_REPLICATE)) {
            return refuse(Some(command), "Write commands are not allowed from read-only scripts.");
        }
        if state && !self.obeyed && !running.has_written() {
            let allow_oom = self.flags.has(ScriptFlags::ALLOW_OOM) && !self.flags.has(ScriptFlags::COMPATIBLE);
            refusals::of_command(engine, command, allow_oom).map_err(|e| (Some(command), e))?;
        }
        Ok(command)
    }
}
