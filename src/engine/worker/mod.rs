//! A worker's turn: the bytes that one connection sent → its commands, executed in order → one reply buffer.
//!
//! Commands are taken in small groups. A group's keys are hashed, their shards locked together (ascending: I1), the
//! cache lines of their buckets and then of their entries asked for, and only then do the commands run; so the waits for memory
//! of one group overlap. A command that needs more than the locks of its own keys runs alone.

use super::call::{Call, Effect, KeyRef};
use super::clients::flag;
use super::dispatch;
use super::errors::Error;
use super::flags::Flags;
use super::lua::host::Stay;
use super::multi::Queue;
use super::post::Poster;
use super::session::{ReplyMode, Session};
use super::stats::WorkerStats;
use super::table::Command;
use super::tracking::Broadcast;
use super::{Engine, gates};
use crate::base::rng::Rng;
use crate::keyspace::Keyspace;
use crate::keyspace::db::{AccessClock, ExpiryMode};
use crate::keyspace::journal::Journal;
use crate::keyspace::world::Access;
use crate::resp::request::{self, Limits, Parsed, Partial, ProtocolError};
use crate::resp::{Args, OwnedArgs, Reply};
use std::sync::Arc;

use std::sync::atomic::Ordering::Relaxed;

mod book;
mod compact;
#[cfg(test)]
mod cut_tests;
mod evict;
mod exec;
mod group;
#[cfg(test)]
mod log_tests;
pub mod moved;
mod plan;
mod refuse;
mod script;
mod serve;
mod witness;

pub use witness::last_words;

use plan::{Planned, Scratch, find_keys};
use witness::Witness;

/// When to look again at a dear key that is being written down.
const CUT_PAUSE_MS: i64 = 2;
/// Replies beyond this are sent before more commands run.
const FLUSH_FROM: usize = 256 * 1024;

pub struct Worker {
    pub engine: Arc<Engine>,
    pub access: Access,
    pub journal: Journal,
    pub rng: Rng,
    pub stats: Arc<WorkerStats>,
    pub reply: Reply,
    pub post: Poster,
    /// Changes that those who track prefixes have not heard of yet.
    broadcast: Broadcast,
    /// What scripts act as, kept from one to the next.
    stay: Option<Box<Stay>>,
    scratch: Scratch,
    words_scratch: Scratch,
    /// Buffers for the next transaction.
    spare_queue: Queue,
    clock: quanta::Clock,
    evicting: evict::Evicting,
    compacting: compact::Compacting,
    /// A script overruns its time: this turn holds nothing, and runs only what may run meanwhile.
    busy: bool,
    /// What was about to run has to wait, and did nothing yet.
    held_up: bool,
    /// This turn's time, Unix ms, and the clock's reading then.
    now_ms: i64,
    began: u64,
    access_clock: AccessClock,
    /// On a replica, expired keys are hidden and nothing more.
    hides: bool,
    /// The command that came last in this turn, as [`Client::command`](crate::engine::clients::Client::command) tells it.
    last_command: Option<u32>,
}

/// Why a turn's work on a buffer ended.
#[derive(Debug)]
pub enum Ended {
    /// Nothing complete is left in the buffer.
    Drained,
    /// The replies should be sent first.
    Flush,
    /// The session is to be closed once the replies are sent.
    Close,
    /// The client waits for keys.
    Blocked,
    /// Clients are paused: try again at this time (Unix ms), or when told.
    Paused(i64),
}

impl Worker {
    /// `seat` is this worker's number; see [`Access::new`].
    pub fn new(engine: Arc<Engine>, seat: usize, seed: u64) -> Worker {
        let stats = Arc::new(WorkerStats::default());
        engine.workers.write().push(stats.clone());
        let access = Access::new(engine.world.clone(), seat);
        Worker::with(engine, access, seat, stats, seed)
    }

    fn with(engine: Arc<Engine>, access: Access, seat: usize, stats: Arc<WorkerStats>, seed: u64) -> Worker {
        Worker {
            access,
            engine,
            journal: Journal::default(),
            rng: Rng::new(seed),
            stats,
            reply: Reply::default(),
            post: Poster::new(seat),
            stay: None,
            busy: false,
            held_up: false,
            broadcast: Broadcast::default(),
            scratch: Scratch::default(),
            words_scratch: Scratch::default(),
            spare_queue: Queue::default(),
            clock: quanta::Clock::new(),
            evicting: evict::Evicting::default(),
            compacting: compact::Compacting::default(),
            now_ms: 0,
            began: 0,
            access_clock: AccessClock::default(),
            hides: false,
            last_command: None,
        }
    }

    /// Runs the commands that `buf` holds from `*at` on, and advances `*at` behind the last one that ran.
    /// Replies are appended to `self.reply`, whose protocol must be the session's.
    pub fn turn(
        &mut self,
        session: &mut Session,
        buf: &[u8],
        at: &mut usize,
        partial: &mut Option<Box<Partial>>,
        now_ms: i64,
    ) -> Ended {
        self.prepare(now_ms);
        self.busy = !self.enter();
        self.run_turn(session, buf, at, partial, now_ms)
    }

    /// A turn while a script on this very thread overruns its time: whoever does not ask to end it is told so.
    pub fn busy_turn(
        &mut self,
        session: &mut Session,
        buf: &[u8],
        at: &mut usize,
        partial: &mut Option<Box<Partial>>,
        now_ms: i64,
    ) -> Ended {
        self.prepare(now_ms);
        self.busy = true;
        self.run_turn(session, buf, at, partial, now_ms)
    }

    fn run_turn(
        &mut self,
        session: &mut Session,
        buf: &[u8],
        at: &mut usize,
        partial: &mut Option<Box<Partial>>,
        now_ms: i64,
    ) -> Ended {
        self.post.me = session.client.id;
        let (began, processed) = (self.began, self.stats.processed.get());
        self.last_command = None;
        if let Some(link) = &session.link
            && !self.engine.replication.is_current(link.generation)
        {
            // This server follows somebody else by now, or nobody.
            self.access.leave();
            self.post.me = 0;
            return Ended::Close;
        }
        let mut scratch = std::mem::take(&mut self.scratch);
        let ended = self.run(session, buf, at, partial, &mut scratch);
        self.scratch = scratch;
        self.access.leave();
        self.post.me = 0;
        self.stats.turns.add(1);
        self.stats.busy_nanos.add(self.clock.delta_as_nanos(began, self.clock.raw()));
        // CONFIG RESETSTAT may have set the counter back meanwhile.
        let ran = self.stats.processed.get().saturating_sub(processed);
        session.client.after_turn(now_ms, self.last_command, ran, self.reply.len());
        ended
    }

    /// After a panic: lets go of all that the turn held, so that the next one finds a worker like new and nobody waits for
    /// this one. What the command had changed by then stays.
    #[cold]
    pub fn abandon(&mut self) {
        self.reply.clear();
        self.access.lane.close();
        // Mail that was under way stays under way.
        self.post.abandon();
        self.journal = Journal::default();
        self.access.leave();
    }

    /// Hands out what other threads sent to this worker's clients. Between turns.
    pub fn distribute(&mut self, now_ms: i64) {
        self.post.now_ms = now_ms;
        self.post.distribute(&self.engine);
    }

    /// Takes a client that is gone off all lists. Outside a turn.
    pub fn forget_client(&mut self, session: &mut Session) {
        session.unsubscribe_all(&self.engine.pubsub);
        session.stop_tracking(&self.engine);
        self.engine.monitors.remove(&self.engine, &session.client);
    }

    /// Enters the gate and fixes the time for what follows, until `self.access.leave()`.
    pub fn begin(&mut self, now_ms: i64) {
        self.prepare(now_ms);
        self.busy = false;
        self.access.enter();
        self.journal.logging = self.access.lane.is_wanted();
    }

    /// As [`begin`](Self::begin), unless a script overruns its time: then false.
    pub fn try_begin(&mut self, now_ms: i64) -> bool {
        self.prepare(now_ms);
        self.busy = false;
        self.enter()
    }

    fn prepare(&mut self, now_ms: i64) {
        self.now_ms = now_ms;
        self.began = self.clock.raw();
        self.post.now_ms = now_ms;
        self.access_clock = self.engine.access_clock(now_ms);
        self.access.lane.now_s = now_ms / 1000;
        self.journal.event_mask = self.engine.event_mask();
    }

    /// Passes the gate, unless a script overruns its time.
    fn enter(&mut self) -> bool {
        let inside = self.access.try_enter();
        // While clients are paused nothing is removed either, as in Redis: the keyspace stands still.
        self.hides = self.engine.gates.load(Relaxed) & (gates::REPLICA | gates::PAUSED) != 0;
        self.journal.logging = inside && self.access.lane.is_wanted();
        inside
    }

    /// A worker for a thread that is none of the server's, such as one that loads a log. `None` if too many are about.
    pub fn visiting(engine: Arc<Engine>) -> Option<Worker> {
        let access = engine.visit()?;
        let seat = access.seat();
        Some(Worker::with(engine, access, seat, Arc::default(), 0))
    }

    /// Runs one command of a log, between [`begin`](Self::begin) and `self.access.leave()`. An error means that there is no
    /// such command; one that the command itself meets is its reply.
    pub fn replay(&mut self, session: &mut Session, args: Args<'_>) -> Result<(), Error> {
        let command = dispatch::resolve_logged(args)?;
        self.run_args(session, Ok(command), args);
        Ok(())
    }

    /// Runs a command whose words stand apart from the connection's buffer.
    pub fn run_words(&mut self, session: &mut Session, words: &OwnedArgs) -> Option<Ended> {
        self.run_args(session, dispatch::resolve(words.args()), words.args())
    }

    fn run_args(
        &mut self,
        session: &mut Session,
        command: Result<&'static Command, Error>,
        args: Args<'_>,
    ) -> Option<Ended> {
        if self.engine.config.maxmemory.get() != 0 {
            self.make_room();
        }
        let mut scratch = std::mem::take(&mut self.words_scratch);
        scratch.clear();
        if let Ok(c) = &command {
            scratch.find_keys(c, args);
            scratch.planned.push(Planned {
                words: (0, 0),
                keys: (0, scratch.keys.len()),
                command: command.clone(),
                end: 0,
            });
            if !self.busy {
                self.fetch(session.db, &mut scratch);
            }
        }
        let mut started = self.clock.raw();
        let ended = self.command(session, &command, args, &scratch.keys, &mut started);
        self.access.settle();
        self.access.unlock();
        self.words_scratch = scratch;
        ended
    }

    /// One command: refuse it, queue it, or run it and book what it did.
    #[inline]
    fn command(
        &mut self,
        session: &mut Session,
        command: &Result<&'static Command, Error>,
        args: Args<'_>,
        keys: &[KeyRef],
        started: &mut u64,
    ) -> Option<Ended> {
        let closer_look = self.busy
            || self.engine.gates.load(Relaxed) & !gates::TRACKING != 0
            || !session.is_plain()
            || session.client.has(!0);
        let command = match command {
            Ok(c) => *c,
            Err(e) => {
                let known = dispatch::known(args).map_or(0, |c| u32::from(c.id) + 1);
                self.last_command = Some(known);
                if dispatch::is_cross_protocol(args) {
                    self.show_the_door(session);
                    // What the lines before it were answered is not sent either: `GET / HTTP/1.1` gets nothing.
                    self.reply.clear();
                    return Some(Ended::Close);
                }
                if dispatch::is_exec(args) {
                    self.abort_exec(session, e);
                } else {
                    // Known, but with words that it does not take: that is counted as its own.
                    self.refused(session, crate::engine::table::find_words(args), e.clone());
                }
                return None;
            }
        };
        self.last_command = Some(u32::from(command.id) + 1);
        if closer_look {
            match self.look_closer(session, command, args, keys) {
                Verdict::Run => {}
                Verdict::Done => return None,
                Verdict::End(ended) => return Some(ended),
            }
        }
        let (mark, replied) = (self.reply.mark(), self.reply.len());
        let outcome = if session.multi.is_queuing() && &*command.name == "exec" {
            self.exec(session)
        } else {
            self.execute(session, command, args, keys)
        };
        if std::mem::take(&mut self.held_up) {
            self.reply.rewind(mark);
            return Some(Ended::Paused(self.now_ms + CUT_PAUSE_MS));
        }
        let pushed = outcome.is_ok() && command.replies_by_push();
        if let Err(e) = outcome {
            self.reply.rewind(mark);
            self.failed(command, &e);
            self.note_divergence(session, &command.name, &e);
            self.reply.error(&e.text());
        }
        self.empty_journal();
        self.remember(session, command, args, keys);
        let ended = self.clock.raw();
        let stats = &self.stats.commands[command.id as usize];
        let nanos = self.clock.delta_as_nanos(*started, ended);
        stats.calls.add(1);
        stats.nanos.add(nanos);
        if self.engine.config.latency_tracking.get() {
            stats.histogram.get_or_init(Default::default).add(nanos);
        }
        *started = ended;
        let replied = self.reply.len().saturating_sub(replied);
        self.look_back(session, command, args, [nanos, args.wire_bytes() as u64, replied as u64]);
        self.stats.processed.add(1);
        if session.reply_mode != ReplyMode::On {
            let mark = if pushed { self.reply.mark() } else { mark };
            self.silence(session, mark);
        }
        let blocked = if session.block.is_some() { self.start_waiting(session, args) } else { None };
        if !self.journal.ready.is_empty() {
            self.serve_ready();
        }
        if !self.broadcast.is_empty() {
            self.engine.tracking.broadcast(&self.engine, &mut self.post, &mut self.broadcast);
        }
        if closer_look && session.client.has(flag::CACHING) && !session.multi.is_queuing() && !is_about_client(command)
        {
            session.client.set_flag(flag::CACHING, false);
        }
        if self.post.has_own() {
            self.post.take_own(&mut self.reply);
        }
        if blocked.is_some() { blocked } else { session.close.then_some(Ended::Close) }
    }

    fn look_closer(
        &mut self,
        session: &mut Session,
        command: &'static Command,
        args: Args<'_>,
        keys: &[KeyRef],
    ) -> Verdict {
        let gates = self.engine.gates.load(Relaxed);
        if gates & gates::CUT != 0 && !session.internal && self.must_wait_for_cut(session, command, args, keys) {
            return Verdict::End(Ended::Paused(self.now_ms + CUT_PAUSE_MS));
        }
        if !session.internal && self.must_wait_for_move(session, command, args, keys) {
            return Verdict::End(Ended::Paused(self.now_ms + CUT_PAUSE_MS));
        }
        if let Some((until, writes_only)) = self.engine.clients.paused(self.now_ms) {
            let waits = !writes_only || may_write(session, command);
            if waits
                && !session.internal
                && self.engine.gates.load(Relaxed) & gates::PAUSED != 0
                && &*command.name != "client|unpause"
            {
                return Verdict::End(Ended::Paused(until));
            }
        } else if self.engine.gates.load(Relaxed) & gates::PAUSED != 0 {
            self.engine.set_gate(gates::PAUSED, false);
        }
        // A refusal may be logged with what the client was about to do.
        session.client.command.store(u32::from(command.id) + 1, Relaxed);
        let refusal = dispatch::refuse(&self.engine, session, command, args, self.now_ms);
        let refusal = refusal.and_then(|()| match self.busy && !command.flags.has(Flags::ALLOW_BUSY) {
            true => Err(self.busy_error()),
            false => Ok(()),
        });
        if let Err(e) = refusal {
            if &*command.name == "exec" {
                self.abort_exec(session, &e);
            } else {
                self.refused(session, Some(command), e);
            }
            return Verdict::Done;
        }
        if session.multi.is_queuing() && !ends_queuing(command) {
            session.multi.push(command, args, keys, &mut self.spare_queue);
            if let Some(queue) = session.multi.queued() {
                session.client.queued.store(queue.len() as i64, Relaxed);
                session.client.queued_bytes.store(queue.heap_bytes() as u64, Relaxed);
            }
            let mark = self.reply.mark();
            self.reply.simple("QUEUED");
            if session.reply_mode != ReplyMode::On {
                self.silence(session, mark);
            }
            return Verdict::Done;
        }
        Verdict::Run
    }

    /// Calls the handler.
    #[inline]
    pub fn execute(
        &mut self,
        session: &mut Session,
        command: &'static Command,
        args: Args<'_>,
        keys: &[KeyRef],
    ) -> Result<(), Error> {
        self.execute_for(session, command, args, keys, false)
    }

    #[inline]
    fn execute_for(
        &mut self,
        session: &mut Session,
        command: &'static Command,
        args: Args<'_>,
        keys: &[KeyRef],
        serving: bool,
    ) -> Result<(), Error> {
        let raises = command.flags.has(Flags::WORLD) && !self.access.has_all();
        if raises {
            self.busy = !self.access.try_raise();
            if self.busy {
                return Err(self.busy_error());
            }
            // Keys may have set out, and another dataset begun to be loaded, after the closer look, which was taken before
            // everything was held.
            let late = || self.engine.gates.load(Relaxed) & gates::LOADING != 0 && !command.flags.has(Flags::LOADING);
            if !session.internal && (late() || self.must_wait_for_move(session, command, args, keys)) {
                return Err(self.hold_up());
            }
        } else if command.flags.has(Flags::UNLOCKED) {
            self.access.unlock();
        }
        // Since this turn began, the gate may have been raised and passed again, and somebody begun to listen.
        self.journal.logging = self.access.lane.is_wanted();
        // The locks are held: who tracked a key before they were taken is heeded.
        self.watch_trackers();
        let mut call = Call {
            engine: &self.engine,
            command,
            args,
            keys,
            ks: Keyspace {
                access: &mut self.access,
                journal: &mut self.journal,
                rng: &mut self.rng,
                db: session.db,
                now_ms: self.now_ms,
                clock: self.access_clock,
                expiry: if self.hides && session.expiry == ExpiryMode::Remove {
                    ExpiryMode::Hide
                } else {
                    session.expiry
                },
                no_touch: session.no_touch,
            },
            reply: &mut self.reply,
            session,
            post: &mut self.post,
            effect: Effect::Verbatim,
            serving,
        };
        let witness = Witness { command, args };
        let mut outcome = (command.spec.run)(&mut call);
        witness.dismiss();
        let effect = call.effect;
        if command.flags.has(Flags::PUBSUB | Flags::ADMIN) {
            // Somebody listens now, or CONFIG SET changed what is to be heard.
            self.journal.event_mask = self.engine.event_mask();
        }
        if session.script.is_some() {
            outcome = outcome.and_then(|()| self.run_script(session, command, args));
        }
        if self.journal.logging && (self.journal.dirty > 0 || self.journal.has_removals()) {
            self.propagate(session.db, args, effect);
        }
        if session.link.is_some() {
            self.carried_out(session);
        }
        if raises {
            self.access.settle();
        }
        outcome
    }

    /// What our primary sent up to here is carried out, and its locks are still held: it goes to the log, byte by byte, for those
    /// who follow us. A transaction goes there as a whole.
    #[cold]
    fn carried_out(&mut self, session: &mut Session) {
        if let Some(link) = &mut session.link
            && !session.multi.is_queuing()
        {
            self.access.lane.relay(&link.pending);
            link.pending.clear();
        }
    }

    /// Drops the reply of a client that does not want it.
    #[cold]
    fn silence(&mut self, session: &mut Session, mark: crate::resp::reply::Mark) {
        match session.reply_mode {
            ReplyMode::On => {}
            ReplyMode::Off => self.reply.rewind(mark),
            ReplyMode::SkipNext => session.reply_mode = ReplyMode::Skip,
            ReplyMode::Skip => {
                self.reply.rewind(mark);
                session.reply_mode = ReplyMode::On;
            }
        }
    }
}

/// True for what CLIENT PAUSE WRITE holds back: writes, and EXEC with one among its commands.
fn may_write(session: &Session, command: &Command) -> bool {
    let writes = |c: &Command| c.flags.has(Flags::WRITE) || c.flags.has(Flags::MAY_REPLICATE);
    writes(command) || (&*command.name == "exec" && session.multi.queued().is_some_and(|q| q.commands().any(writes)))
}

/// CLIENT CACHING is about the next command that is none of CLIENT's.
fn is_about_client(command: &Command) -> bool {
    command.name.starts_with("client|")
}

/// Commands that act at once while others are queued.
fn ends_queuing(command: &Command) -> bool {
    matches!(&*command.name, "exec" | "discard" | "multi" | "watch" | "quit" | "reset")
}

enum Verdict {
    Run,
    /// Answered already.
    Done,
    End(Ended),
}
