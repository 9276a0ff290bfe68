//! EXEC: the queue of a transaction, run at once for everybody else.

use super::{Scratch, Worker};
use crate::base::hash::hash_bytes;
use crate::engine::acl::log::Context;
use crate::engine::errors::Error;
use crate::engine::flags::Flags;
use crate::engine::multi::Queued;
use crate::engine::session::Session;
use std::sync::atomic::Ordering::Relaxed;

impl Worker {
    /// Runs what was queued, if nothing speaks against it. All locks are taken before the first command runs (I1), those of
    /// the watched keys among them, so that nobody can touch one between the check and the end.
    pub(super) fn exec(&mut self, session: &mut Session) -> Result<(), Error> {
        if !session.multi.is_queuing() {
            return Err(Error::EXEC_WITHOUT_MULTI);
        }
        let broken = session.multi.broken;
        let queue = session.multi.take();
        session.client.queued.store(-1, Relaxed);
        session.client.queued_bytes.store(0, Relaxed);
        if broken {
            self.access.unlock();
            self.stop_watching(session);
            return Err(Error::EXECABORT);
        }
        self.lock_for(session, &queue);
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
        for q in &queue {
            let args = q.args.args();
            let (mut positions, mut keys) = (Vec::new(), Vec::new());
            super::find_keys(q.command, args, &mut positions, &mut keys);
            let mark = self.reply.mark();
            if let Err(e) = self.run_queued(session, q, &keys) {
                self.reply.rewind(mark);
                self.failed(q.command, &e);
                self.reply.error(&e.text());
            }
            self.empty_journal();
        }
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
        q: &Queued,
        keys: &[crate::engine::call::KeyRef],
    ) -> Result<(), Error> {
        let args = q.args.args();
        // The user may have lost rights since the command was queued.
        let asked = (Context::Multi, self.now_ms);
        let may = self.engine.acl.check(&self.engine, session, q.command, args, asked);
        may.map_err(|refusal| refusal.since_queued())?;
        let started = self.clock.raw();
        let outcome = self.execute(session, q.command, args, keys);
        let stats = &self.stats.commands[q.command.id as usize];
        stats.calls.add(1);
        stats.nanos.add(self.clock.delta_as_nanos(started, self.clock.raw()));
        self.stats.processed.add(1);
        outcome
    }

    /// Takes the locks of all keys of the queue and of all watched keys; everything, where that does not say it all.
    fn lock_for(&mut self, session: &Session, queue: &[Queued]) {
        let mut scratch = Scratch::default();
        let mut all = false;
        for q in queue {
            all |= q.command.flags.has(Flags::WORLD) || q.command.flags.has(Flags::UNLOCKED);
            scratch.find_keys(q.command, q.args.args());
        }
        let world = self.engine.world.clone();
        let watched = session.multi.watched.iter().map(|(_, key)| hash_bytes(key));
        let mut shards: Vec<u16> =
            scratch.keys.iter().map(|k| k.hash).chain(watched).map(|h| world.shard_of(h) as u16).collect();
        shards.sort_unstable();
        shards.dedup();
        if all {
            self.access.raise();
            return;
        }
        self.access.lock(&shards);
        if shards.iter().any(|&s| self.access.shard(s as usize).has_waiters()) {
            // Serving whoever waits takes more than these.
            self.access.raise();
        }
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
        self.access.enter();
        self.stop_watching(session);
        self.access.leave();
    }

    fn stop_watching(&mut self, session: &mut Session) {
        session.multi.unwatch(&mut self.access);
        session.client.watching.store(0, Relaxed);
    }
}
