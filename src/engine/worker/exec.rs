//! EXEC: the queue of a transaction, run at once for everybody else.

use super::Worker;
use crate::base::hash::hash_bytes;
use crate::engine::acl::log::Context;
use crate::engine::call::KeyRef;
use crate::engine::errors::Error;
use crate::engine::flags::Flags;
use crate::engine::multi::Queue;
use crate::engine::session::Session;
use crate::engine::table::Command;
use crate::resp::Args;
use std::sync::atomic::Ordering::Relaxed;

impl Worker {
    /// Runs what was queued, if nothing speaks against it. All locks are taken before the first command runs (I1), those of
    /// the watched keys among them, so that nobody can touch one between the check and the end.
    pub(super) fn exec(&mut self, session: &mut Session) -> Result<(), Error> {
        if !session.multi.is_queuing() {
            return Err(Error::EXEC_WITHOUT_MULTI);
        }
        let outcome = self.run_queue(session);
        if !session.multi.is_queuing() {
            session.client.queued.store(-1, Relaxed);
            session.client.queued_bytes.store(0, Relaxed);
        }
        outcome
    }

    fn run_queue(&mut self, session: &mut Session) -> Result<(), Error> {
        let broken = session.multi.broken;
        let mut queue = session.multi.take();
        if broken {
            self.access.unlock();
            self.stop_watching(session);
            return Err(Error::EXECABORT);
        }
        if !self.lock_for(session, &queue) {
            self.busy = true;
            self.stop_watching(session);
            return Err(Error::exec_abort(&self.busy_error()));
        }
        if self.exec_must_wait(session, &queue) {
            session.multi.put_back(queue);
            return Err(self.hold_up());
        }
        if session.multi.touched.load(Relaxed) || self.watched_expired(session) {
            self.stop_watching(session);
            self.reply.null_array();
            return Ok(());
        }
        // From here on the session's own changes are no reason to abort anything.
        self.stop_watching(session);
        self.reply.array(queue.len());
        let was_internal = std::mem::replace(&mut session.internal, true);
        self.access.lane.begin_unit();
        let mut started = self.clock.raw();
        for (command, args, keys) in queue.iter() {
            let mark = self.reply.mark();
            if let Err(e) = self.run_queued(session, command, args, keys, &mut started) {
                self.reply.rewind(mark);
                self.failed(command, &e);
                self.reply.error(&e.text());
            }
            self.empty_journal();
            self.remember(session, command, args, keys);
        }
        queue.clear();
        self.spare_queue = queue;
        session.internal = was_internal;
        self.access.lane.end_unit();
        Ok(())
    }

    /// An EXEC that may not run ends the transaction all the same, and says why.
    #[cold]
    pub(super) fn abort_exec(&mut self, session: &mut Session, why: &Error) {
        session.multi.take();
        session.client.queued.store(-1, Relaxed);
        session.client.queued_bytes.store(0, Relaxed);
        self.access.unlock();
        self.stop_watching(session);
        self.refused(session, None, Error::exec_abort(why));
    }

    fn run_queued(
        &mut self,
        session: &mut Session,
        command: &'static Command,
        args: Args<'_>,
        keys: &[KeyRef],
        started: &mut u64,
    ) -> Result<(), Error> {
        // The user may have lost rights since the command was queued.
        let asked = (Context::Multi, self.now_ms);
        let may = self.engine.acl.check(&self.engine, session, command, args, asked);
        may.map_err(|refusal| refusal.since_queued())?;
        let replied = self.reply.len();
        let outcome = self.execute(session, command, args, keys);
        let (stats, ended) = (&self.stats.commands[command.id as usize], self.clock.raw());
        let nanos = self.clock.delta_as_nanos(*started, ended);
        *started = ended;
        stats.calls.add(1);
        stats.nanos.add(nanos);
        if self.engine.config.latency_tracking.get() {
            stats.histogram.get_or_init(Default::default).add(nanos);
        }
        let replied = self.reply.len().saturating_sub(replied);
        self.look_back(session, command, args, [nanos, args.wire_bytes() as u64, replied as u64]);
        self.stats.processed.add(1);
        outcome
    }

    /// Takes the locks of all keys of the queue and of all watched keys; everything, where that does not say it all. False if a
    /// script that overruns its time is in the way.
    fn lock_for(&mut self, session: &Session, queue: &Queue) -> bool {
        if self.access.has_all() {
            return true;
        }
        let all = queue.commands().any(|c| c.flags.has(Flags::WORLD) || c.flags.has(Flags::UNLOCKED));
        let world = self.engine.world.clone();
        let watched = session.multi.watched.iter().map(|(_, key)| hash_bytes(key));
        let mut shards: Vec<u16> =
            queue.keys().iter().map(|k| k.hash).chain(watched).map(|h| world.shard_of(h) as u16).collect();
        shards.sort_unstable();
        shards.dedup();
        if all {
            return self.access.try_raise();
        }
        self.access.lock(&shards);
        if shards.iter().any(|&s| self.access.shard(s as usize).has_waiters()) {
            // Serving whoever waits takes more than these.
            return self.access.try_raise();
        }
        true
    }

    /// True if a watched key, alive when it was watched, has expired since.
    fn watched_expired(&mut self, session: &Session) -> bool {
        let (world, now_ms) = (self.engine.world.clone(), self.now_ms);
        session.multi.watched.iter().any(|(db, key)| {
            let hash = hash_bytes(key);
            let table = self.access.shard(world.shard_of(hash)).db(*db as usize);
            table.and_then(|t| t.get(hash, key)).is_some_and(|e| e.expiry().is_some_and(|at| now_ms > at))
        })
    }

    /// Stops watching on behalf of a client that is gone. Outside a turn.
    pub fn forget_watches(&mut self, session: &mut Session) {
        // Not worth waiting for a script that overruns its time: what is left behind in the shards watches for nobody.
        if self.access.try_enter() {
            self.stop_watching(session);
            self.access.leave();
        }
    }

    fn stop_watching(&mut self, session: &mut Session) {
        session.multi.unwatch(&mut self.access);
        session.client.watches(0, None);
    }
}
