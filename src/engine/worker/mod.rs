//! A worker's turn: the bytes that one connection sent → its commands, executed in order → one reply buffer.
//!
//! Commands are taken in small groups. A group's keys are hashed, their shards locked together (ascending: I1), the
//! cache lines of their buckets and then of their entries asked for, and only then do the commands run; so the waits for memory
//! of one group overlap. A command that needs more than the locks of its own keys runs alone.

use super::call::{Call, Effect, KeyRef};
use super::dispatch;
use super::errors::Error;
use super::flags::Flags;
use super::post::Poster;
use super::session::{ReplyMode, Session};
use super::stats::WorkerStats;
use super::table::Command;
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

#[cfg(test)]
mod cut_tests;
mod evict;
mod exec;
#[cfg(test)]
mod log_tests;
mod plan;
mod refuse;
mod serve;

use plan::{Planned, Scratch, find_keys};

/// Commands per group: enough to overlap waits for memory, few enough that two workers seldom want the same shard.
const GROUP_SOLO: usize = 32;
const GROUP_MANY: usize = 8;
/// Keys per group, about: their buckets and entries must still be in the nearest cache when the last command runs.
const GROUP_KEYS: usize = 32;
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
    scratch: Scratch,
    clock: quanta::Clock,
    evicting: evict::Evicting,
    /// This turn's time, Unix ms.
    now_ms: i64,
    access_clock: AccessClock,
    /// The command that ran last, its id plus one; 0: none in this turn yet.
    last_command: u32,
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
        Worker {
            access: Access::new(engine.world.clone(), seat),
            engine,
            journal: Journal::default(),
            rng: Rng::new(seed),
            stats,
            reply: Reply::default(),
            post: Poster::new(seat),
            scratch: Scratch::default(),
            clock: quanta::Clock::new(),
            evicting: evict::Evicting::default(),
            now_ms: 0,
            access_clock: AccessClock::default(),
            last_command: 0,
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
        self.begin(now_ms);
        self.post.me = session.client.id;
        let (began, processed) = (self.clock.raw(), self.stats.processed.get());
        self.last_command = 0;
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
        self.post = Poster::new(self.post.seat as usize);
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
    }

    /// Enters the gate and fixes the time for what follows, until `self.access.leave()`.
    pub fn begin(&mut self, now_ms: i64) {
        self.now_ms = now_ms;
        self.post.now_ms = now_ms;
        self.access_clock = self.engine.access_clock(now_ms);
        self.access.lane.now_s = now_ms / 1000;
        self.journal.event_mask = self.engine.event_mask();
        self.access.enter();
        self.journal.logging = self.access.lane.is_wanted();
    }

    fn run(
        &mut self,
        session: &mut Session,
        buf: &[u8],
        at: &mut usize,
        partial: &mut Option<Box<Partial>>,
        scratch: &mut Scratch,
    ) -> Ended {
        let many = if self.engine.world.is_solo() { GROUP_SOLO } else { GROUP_MANY };
        loop {
            // AUTH must have run before what follows it is held to the limits of strangers.
            let limit = if session.authenticated { many } else { 1 };
            let limits =
                Limits { max_bulk: self.engine.config.proto_max_bulk_len.get(), authenticated: session.authenticated };
            scratch.clear();
            let mut next = *at;
            let mut more = None;
            while scratch.planned.len() < limit && scratch.keys.len() < GROUP_KEYS && more.is_none() {
                let first = scratch.spans.len();
                match request::parse(buf, next, partial, &mut scratch.spans, limits) {
                    Ok(Parsed::Command { end }) => {
                        scratch.plan(buf, first, end);
                        next = end;
                        if scratch.last_runs_alone() {
                            more = Some(More::Group);
                        }
                    }
                    Ok(Parsed::Nothing { end }) => {
                        next = end;
                        if scratch.planned.is_empty() {
                            *at = next;
                        }
                    }
                    Ok(Parsed::Unescaped { end, words }) => more = Some(More::Words(end, words)),
                    Ok(Parsed::Incomplete) => more = Some(More::Nothing),
                    Err(e) => more = Some(More::Broken(e)),
                }
            }
            if let Some(ended) = self.run_group(session, buf, at, scratch) {
                // What was parsed but did not run will be parsed again.
                *partial = None;
                return ended;
            }
            match more {
                None | Some(More::Group) => {}
                Some(More::Nothing) => return Ended::Drained,
                Some(More::Words(end, words)) => {
                    *at = end;
                    let owned = OwnedArgs::new(words);
                    if let Some(ended) = self.run_words(session, &owned) {
                        return ended;
                    }
                }
                Some(More::Broken(ProtocolError(text))) => {
                    self.reply.error(&format!("ERR Protocol error: {text}"));
                    return Ended::Close;
                }
            }
            if self.reply.len() >= FLUSH_FROM {
                return Ended::Flush;
            }
        }
    }

    /// Locks, prefetches and runs what was planned. `Some` if the turn must end here.
    fn run_group(&mut self, session: &mut Session, buf: &[u8], at: &mut usize, scratch: &mut Scratch) -> Option<Ended> {
        if scratch.planned.is_empty() {
            return None;
        }
        if self.engine.config.maxmemory.get() != 0 {
            self.make_room();
        }
        if scratch.keys.len() > 1 || !self.engine.world.is_solo() {
            self.fetch(session.db, scratch);
        }
        let mut started = self.clock.raw();
        for p in &scratch.planned {
            let args = Args::new(buf, &scratch.spans[p.words.0..p.words.1]);
            let keys = &scratch.keys[p.keys.0..p.keys.1];
            match self.command(session, &p.command, args, keys, &mut started) {
                None => *at = p.end,
                Some(ended @ Ended::Paused(_)) => return Some(ended),
                Some(ended) => {
                    *at = p.end;
                    return Some(ended);
                }
            }
        }
        self.access.settle();
        self.access.unlock();
        None
    }

    fn fetch(&mut self, db: u32, scratch: &mut Scratch) {
        let world = self.engine.world.clone();
        if !world.is_solo() {
            scratch.shards.clear();
            scratch.shards.extend(scratch.keys.iter().map(|k| world.shard_of(k.hash) as u16));
            scratch.shards.sort_unstable();
            scratch.shards.dedup();
            self.access.lock(&scratch.shards);
            if scratch.writes() && scratch.shards.iter().any(|&s| self.access.shard(s as usize).has_waiters()) {
                // Serving whoever waits may take more than these locks, and must not be late (I5).
                self.access.raise();
            }
        }
        for k in &scratch.keys {
            if let Some(table) = self.access.shard(world.shard_of(k.hash)).db(db as usize) {
                table.prefetch_segment(k.hash);
            }
        }
        for k in &scratch.keys {
            if let Some(table) = self.access.shard(world.shard_of(k.hash)).db(db as usize) {
                table.prefetch_bucket(k.hash);
            }
        }
        for k in &scratch.keys {
            if let Some(table) = self.access.shard(world.shard_of(k.hash)).db(db as usize) {
                table.prefetch_element(k.hash);
            }
        }
    }

    /// Runs a command whose words stand apart from the connection's buffer.
    pub fn run_words(&mut self, session: &mut Session, words: &OwnedArgs) -> Option<Ended> {
        let args = words.args();
        if self.engine.config.maxmemory.get() != 0 {
            self.make_room();
        }
        let command = dispatch::resolve(args);
        let mut scratch = Scratch::default();
        if let Ok(c) = &command {
            scratch.find_keys(c, args);
            scratch.planned.push(Planned {
                words: (0, 0),
                keys: (0, scratch.keys.len()),
                command: command.clone(),
                end: 0,
            });
            self.fetch(session.db, &mut scratch);
        }
        let mut started = self.clock.raw();
        let ended = self.command(session, &command, args, &scratch.keys, &mut started);
        self.access.unlock();
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
        let closer_look = self.engine.gates.load(Relaxed) != 0 || !session.is_plain() || session.client.has(!0);
        let command = match command {
            Ok(c) => *c,
            Err(e) => {
                if dispatch::is_cross_protocol(args) {
                    self.show_the_door(session);
                    return Some(Ended::Close);
                }
                if dispatch::is_exec(args) {
                    self.abort_exec(session, e);
                } else {
                    self.refused(session, None, e.clone());
                }
                return None;
            }
        };
        if closer_look {
            match self.look_closer(session, command, args) {
                Verdict::Run => {}
                Verdict::Done => return None,
                Verdict::End(ended) => return Some(ended),
            }
        }
        let mark = self.reply.mark();
        let outcome = if session.multi.is_queuing() && &*command.name == "exec" {
            self.exec(session)
        } else {
            self.execute(session, command, args, keys)
        };
        let pushed = outcome.is_ok() && command.replies_by_push();
        if let Err(e) = outcome {
            self.reply.rewind(mark);
            self.failed(command, &e);
            self.reply.error(&e.text());
        }
        self.book(session, command, args);
        let ended = self.clock.raw();
        let stats = &self.stats.commands[command.id as usize];
        stats.calls.add(1);
        stats.nanos.add(self.clock.delta_as_nanos(*started, ended));
        *started = ended;
        self.stats.processed.add(1);
        if session.reply_mode != ReplyMode::On {
            let mark = if pushed { self.reply.mark() } else { mark };
            self.silence(session, mark);
        }
        self.last_command = u32::from(command.id) + 1;
        let blocked = if session.block.is_some() { self.start_waiting(session, args) } else { None };
        if !self.journal.ready.is_empty() {
            self.serve_ready();
        }
        if self.post.has_own() {
            self.post.take_own(&mut self.reply);
        }
        if blocked.is_some() { blocked } else { session.close.then_some(Ended::Close) }
    }

    fn look_closer(&mut self, session: &mut Session, command: &'static Command, args: Args<'_>) -> Verdict {
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
        if let Err(e) = dispatch::refuse(&self.engine, session, command, args, self.now_ms) {
            if &*command.name == "exec" {
                self.abort_exec(session, &e);
            } else {
                self.refused(session, Some(command), e);
            }
            return Verdict::Done;
        }
        if session.multi.is_queuing() && !ends_queuing(command) {
            session.multi.push(command, OwnedArgs::new(args.iter()));
            session.client.queued.fetch_add(1, Relaxed);
            let bytes = session.multi.queued().and_then(|q| q.last()).map_or(0, |q| q.args.heap_bytes());
            session.client.queued_bytes.fetch_add(bytes as u64, Relaxed);
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
            self.access.raise();
        } else if command.flags.has(Flags::UNLOCKED) {
            self.access.unlock();
        }
        // Since this turn began, the gate may have been raised and passed again, and somebody begun to listen.
        self.journal.logging = self.access.lane.is_wanted();
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
                expiry: ExpiryMode::Remove,
                no_touch: session.no_touch,
            },
            reply: &mut self.reply,
            session,
            post: &mut self.post,
            effect: Effect::Verbatim,
            serving,
        };
        let outcome = (command.spec.run)(&mut call);
        let effect = call.effect;
        if command.flags.has(Flags::PUBSUB | Flags::ADMIN) {
            // Somebody listens now, or CONFIG SET changed what is to be heard.
            self.journal.event_mask = self.engine.event_mask();
        }
        if self.journal.logging && (self.journal.dirty > 0 || self.journal.has_removals()) {
            self.propagate(session.db, args, effect);
        }
        if raises {
            self.access.settle();
        }
        outcome
    }

    /// Writes down for the log what the command did.
    fn propagate(&mut self, db: u32, args: Args<'_>, effect: Effect) {
        let lane = &mut self.access.lane;
        lane.begin_unit();
        if self.journal.has_removals() {
            self.journal.log_removals(lane);
        }
        if self.journal.dirty > 0 {
            match effect {
                Effect::Verbatim => lane.push(db, args.iter()),
                Effect::Instead(all) => all.iter().for_each(|words| lane.push(db, words.iter().map(Vec::as_slice))),
                Effect::Nothing => {}
            }
        }
        lane.end_unit();
    }

    /// Books what was done to the keyspace on nobody's behalf (the expiry cycle). To be called while the shards concerned are
    /// still held, between [`begin`](Self::begin) and `self.access.leave()`.
    pub fn book_background(&mut self) {
        self.journal.log_removals(&mut self.access.lane);
        self.empty_journal();
        if !self.journal.ready.is_empty() {
            self.serve_ready();
        }
    }

    /// Empties the journal.
    #[inline]
    fn book(&mut self, _session: &mut Session, _command: &Command, _args: Args<'_>) {
        self.empty_journal();
    }

    #[inline]
    pub(super) fn empty_journal(&mut self) {
        let j = &mut self.journal;
        if j.hits != 0 {
            self.stats.hits.add(std::mem::take(&mut j.hits));
        }
        if j.misses != 0 {
            self.stats.misses.add(std::mem::take(&mut j.misses));
        }
        if j.dirty != 0 {
            self.stats.dirty.add(std::mem::take(&mut j.dirty));
        }
        if j.expired_fields != 0 {
            self.stats.expired_fields.add(std::mem::take(&mut j.expired_fields));
        }
        if j.expired != 0 {
            self.stats.expired.add(std::mem::take(&mut j.expired));
        }
        if !j.heavy.is_empty() {
            let heavy = std::mem::take(&mut j.heavy);
            self.engine.free_apart(heavy.len(), heavy);
        }
        if !j.events.is_empty() {
            self.engine.notify(&mut self.post, &j.events);
            j.events.clear();
        }
        j.changed.clear();
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
    writes(command)
        || (&*command.name == "exec" && session.multi.queued().is_some_and(|q| q.iter().any(|q| writes(q.command))))
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

/// Why parsing stopped before the group was full.
enum More {
    Group,
    Nothing,
    Words(usize, Vec<Vec<u8>>),
    Broken(ProtocolError),
}
