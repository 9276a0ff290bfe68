//! Running scripts: the worker moves into the machine, and each command that the script calls is refused, run and booked
//! there as if a client had sent it.

use super::{Scratch, Worker};
use crate::base::quoted::quoted;
use crate::engine::acl::log::Context;
use crate::engine::dispatch;
use crate::engine::errors::Error;
use crate::engine::flags::Flags;
use crate::engine::gates;
use crate::engine::lua::convert::Writer;
use crate::engine::lua::functions;
use crate::engine::lua::host::{Guest, Request, What};
use crate::engine::lua::running::Running;
use crate::engine::lua::shebang::ScriptFlags;
use crate::engine::lua::vm::{Failure, Outcome, Vm};
use crate::engine::multi::Queue;
use crate::engine::post::Poster;
use crate::engine::session::Session;
use crate::engine::table::{self, Command};
use crate::engine::tracking::Broadcast;
use crate::keyspace::journal::Journal;
use crate::keyspace::world::Access;
use crate::resp::{Args, Reply};
use mlua::Function;
use std::borrow::Cow;
use std::sync::atomic::Ordering::Relaxed;

/// What is run, once it was found.
struct Found<'a> {
    vm: &'a Vm,
    function: &'a Function,
    flags: ScriptFlags,
    /// What errors call it.
    name: String,
    is_function: bool,
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
                let Some(script) = cache.find(name) else { return Err(Error::NOSCRIPT) };
                let flags = script.flags;
                let (Some(vm), Some(script)) = (&cache.vm, cache.scripts.get(name)) else {
                    return Err(Error::NOSCRIPT);
                };
                let name = String::from_utf8_lossy(name).into_owned();
                self.run_found(
                    session,
                    command,
                    args,
                    &request,
                    Found { vm, function: &script.function, flags, name, is_function: false },
                )
            }
            What::Function(name) => {
                let functions = engine.scripts.functions.lock();
                let Some((vm, f)) = functions.find(name) else { return Err(functions::NOT_FOUND) };
                let found = Found {
                    vm,
                    function: &f.function,
                    flags: f.flags,
                    name: String::from_utf8_lossy(name).into_owned(),
                    is_function: true,
                };
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
        if !found.flags.has(ScriptFlags::COMPATIBLE) && request.read_only && !found.flags.has(ScriptFlags::NO_WRITES) {
            return Err(Error::SCRIPT_MAY_WRITE);
        }
        let read_only = request.read_only || found.flags.has(ScriptFlags::NO_WRITES);
        let words = args.skip(3);
        let no_lua = |e: mlua::Error| Error::Err(Cow::Owned(crate::engine::lua::args::refusal(e)));
        let keys = found.vm.table_of(words.iter().take(request.keys)).map_err(no_lua)?;
        let argv = found.vm.table_of(words.skip(request.keys).iter()).map_err(no_lua)?;
        self.access.lane.begin_unit();
        let outer = std::mem::take(&mut self.reply);
        let (mut own, keys_room) =
            self.script_session.take().unwrap_or_else(|| (Session::new(session.client.clone(), true), Vec::new()));
        if !std::sync::Arc::ptr_eq(&own.client, &session.client) {
            own.client = session.client.clone();
        }
        (own.db, own.internal, own.no_touch, own.proto) =
            (session.db, true, session.no_touch, crate::resp::Proto::Resp2);
        own.user = session.user.clone();
        let guest = Guest {
            worker: self.move_out(),
            session: own,
            flags: found.flags,
            read_only,
            replicated: true,
            keys: keys_room,
        };
        let running = &self.engine.scripts.running.clone();
        running.begin(found.is_function);
        if found.is_function {
            running.describe(&found.name, args);
        }
        let run = if found.is_function { Vm::run_function } else { Vm::run_script };
        let (outcome, guest) = run(found.vm, found.function, keys, argv, guest);
        self.engine.world.set_long(false);
        running.end();
        let mut proto = crate::resp::Proto::Resp2;
        if let Some(guest) = guest {
            proto = guest.session.proto;
            self.move_in(guest.worker);
            self.access.lane.end_unit();
            self.script_session = Some((guest.session, guest.keys));
        }
        self.reply = outer;
        match outcome {
            Outcome::Done(v) => {
                let mark = self.reply.len();
                let mut writer = Writer { names: &found.vm.names, script_proto: proto, reply: &mut self.reply };
                writer.write(&v, 0);
                if self.reply.buf.get(mark) == Some(&b'-') && !self.reply.has_shared() {
                    self.count_returned(&v, found.vm, command);
                }
                Ok(())
            }
            Outcome::Failed(failure) => self.script_failed(failure, &found.name),
        }
    }

    /// An error that the script returned, rather than raised: counted, unless the command was that failed.
    #[cold]
    fn count_returned(&mut self, v: &mlua::Value, vm: &Vm, command: &'static Command) {
        if let mlua::Value::Table(t) = v
            && !t.raw_get::<bool>(&vm.names.ignore).unwrap_or(false)
            && let Some(text) = crate::engine::lua::convert::text(t, &vm.names.err)
        {
            self.failed(command, &Error::Coded(Cow::Owned(quoted(&text))));
        }
    }

    #[cold]
    fn script_failed(&mut self, failure: Failure, name: &str) -> Result<(), Error> {
        let mut text = quoted(&failure.text);
        if let Some((source, line)) = &failure.place {
            text.push_str(&format!(" script: {name}, on {source}:{line}."));
        }
        if failure.counted {
            // Where the command failed.
            self.reply.error(&text);
            return Ok(());
        }
        Err(Error::Coded(Cow::Owned(text)))
    }

    /// Lets the machine have this worker; in its place stays one that could go on, should the machine never give it back.
    fn move_out(&mut self) -> Box<Worker> {
        let mut other = self.stand_in.take().unwrap_or_else(|| Box::new(self.twin()));
        std::mem::swap(self, &mut *other);
        other
    }

    fn move_in(&mut self, mut real: Box<Worker>) {
        std::mem::swap(self, &mut *real);
        self.stand_in = Some(real);
    }

    fn twin(&self) -> Worker {
        Worker {
            engine: self.engine.clone(),
            access: Access::new(self.engine.world.clone(), self.access.seat()),
            journal: Journal::default(),
            rng: crate::base::rng::Rng::new(crate::base::rng::entropy_u64()),
            stats: self.stats.clone(),
            reply: Reply::default(),
            post: Poster::new(self.post.seat as usize),
            stand_in: None,
            broadcast: Broadcast::default(),
            spare_queue: Queue::default(),
            began: self.began,
            evicting: super::evict::Evicting::default(),
            script_session: None,
            busy: false,
            scratch: Scratch::default(),
            words_scratch: Scratch::default(),
            clock: self.clock.clone(),
            now_ms: self.now_ms,
            access_clock: self.access_clock,
            hides: self.hides,
            last_command: 0,
        }
    }

    /// What others hear while a script overruns its time.
    pub(super) fn busy_error(&self) -> Error {
        match self.engine.scripts.running.about() {
            Some(about) if about.is_function => Error::BUSY_FUNCTION,
            _ => Error::BUSY_SCRIPT,
        }
    }
}

impl Guest {
    /// Runs one command for the script; the answer, an error's too, is left in the worker's reply buffer.
    pub fn call(&mut self, args: Args<'_>, running: &Running) {
        let worker = &mut *self.worker;
        worker.reply.clear();
        worker.reply.proto = self.session.proto;
        let command = match self.look_up(args) {
            Ok(command) => command,
            Err((command, e)) => {
                if let Some(c) = command {
                    self.worker.stats.commands[c.id as usize].rejected.add(1);
                }
                self.worker.count_error(&e);
                self.worker.reply.error(&e.text());
                return;
            }
        };
        if command.flags.has(Flags::WRITE) {
            running.note_write();
        }
        let worker = &mut *self.worker;
        self.keys.clear();
        let mut positions = std::mem::take(&mut worker.scratch.positions);
        super::find_keys(command, args, &mut positions, &mut self.keys);
        worker.scratch.positions = positions;
        let logging = worker.journal.logging;
        worker.journal.logging &= self.replicated;
        let started = worker.clock.raw();
        let outcome = worker.execute(&mut self.session, command, args, &self.keys);
        worker.journal.logging = logging;
        let stats = &worker.stats.commands[command.id as usize];
        stats.calls.add(1);
        stats.nanos.add(worker.clock.delta_as_nanos(started, worker.clock.raw()));
        if let Err(e) = outcome {
            worker.reply.clear();
            worker.failed(command, &e);
            worker.reply.error(&e.text());
        }
        worker.empty_journal();
    }

    /// The command, if a script may call it now: the refusals in Redis's order.
    fn look_up(&self, args: Args<'_>) -> Result<&'static Command, (Option<&'static Command>, Error)> {
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
        if self.read_only && (command.flags.has(Flags::WRITE) || command.flags.has(Flags::MAY_REPLICATE)) {
            return refuse(Some(command), "Write commands are not allowed from read-only scripts.");
        }
        let asked = (Context::Lua, self.worker.now_ms);
        let may = self.worker.engine.acl.check(&self.worker.engine, &self.session, command, args, asked);
        may.map_err(|refusal| (Some(command), refusal.in_script(command)))?;
        // Pauses and the like were the caller's affair.
        let engine = &self.worker.engine;
        if engine.gates.load(Relaxed) & !(gates::PAUSED | gates::MONITORS | gates::TRACKING) != 0 {
            dispatch::refuse(engine, &self.session, command, args, self.worker.now_ms)
                .map_err(|e| (Some(command), e))?;
        }
        Ok(command)
    }
}
