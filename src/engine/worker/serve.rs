//! Waiting and being served: the engine's side of blocking commands (see [`super::super::blocking`]).

use super::{Ended, Worker};
use crate::base::hash::hash_bytes;
use crate::engine::blocking::Wait;
use crate::engine::clients::flag;
use crate::engine::session::Session;
use crate::engine::{call::KeyRef, dispatch};
use crate::keyspace::Type;
use crate::resp::{Args, Reply};
use std::sync::Arc;

impl Worker {
    /// Makes the session's client wait for the keys that its command named. The locks of those keys are held.
    pub(super) fn start_waiting(&mut self, session: &mut Session, args: Args<'_>) -> Option<Ended> {
        let block = session.block.take()?;
        let wait = Arc::new(Wait::new(self.engine.waits.next_id(), session, block, args));
        for key in &wait.keys {
            let shard = self.engine.world.shard_of(hash_bytes(key));
            self.access.shard(shard).watchers.add_waiter(wait.db, key, wait.id);
        }
        self.engine.waits.add(&wait);
        if let super::super::blocking::TimedOut::Acks(goal) = wait.timed_out {
            self.access.hand_in();
            self.engine.await_acks(goal, &wait);
        }
        *session.client.wait.lock() = Some(wait.clone());
        session.client.set_flag(flag::BLOCKED, true);
        session.waiting = Some(wait);
        Some(Ended::Blocked)
    }

    /// Takes a wait that is over out of the keys' queues. Outside a turn, by the client's own worker.
    pub fn forget_wait(&mut self, session: &mut Session, wait: &Wait) {
        if self.access.try_enter() {
            self.unregister(wait);
            self.access.leave();
        } else {
            // A script overruns its time: the number that stays in the keys' queues is nobody's.
            self.engine.waits.remove(wait.id);
        }
        session.client.wait.lock().take();
        session.client.set_flag(flag::BLOCKED, false);
    }

    fn unregister(&mut self, wait: &Wait) {
        for key in &wait.keys {
            let shard = self.engine.world.shard_of(hash_bytes(key));
            self.access.shard(shard).watchers.remove_waiter(wait.db, key, wait.id);
        }
        self.engine.waits.remove(wait.id);
    }

    /// Serves those who wait for keys that just changed, oldest first, until nobody can be served any more. Whatever that
    /// changes (BLMOVE pushes) is served too. Holds the whole keyspace afterwards.
    #[cold]
    pub(super) fn serve_ready(&mut self) {
        // A waiter's command may touch keys that the writer did not lock.
        self.access.raise();
        while let Some((db, key)) = self.journal.ready.pop_front() {
            let shard = self.engine.world.shard_of(hash_bytes(&key));
            let mut last = 0;
            while let Some(id) = self.access.shard(shard).watchers.next_waiter(db, &key, last) {
                last = id;
                let Some(wait) = self.engine.waits.get(id) else { continue };
                let now = self.type_of(shard, db, &key);
                // Streams want to hear of a key that went or became another; the others wait on.
                if wait.wants != Type::Stream && now != Some(wait.wants) {
                    if now.is_none() {
                        break;
                    }
                    continue;
                }
                self.serve(&wait);
            }
        }
    }

    fn type_of(&mut self, shard: usize, db: u32, key: &[u8]) -> Option<Type> {
        let hash = hash_bytes(key);
        let now_ms = self.now_ms;
        let entry = self.access.shard(shard).db(db as usize)?.get(hash, key)?;
        entry.expiry().is_none_or(|at| now_ms <= at).then(|| entry.type_())
    }

    /// Runs a waiter's command on its behalf; delivers the reply, or lets it wait on.
    fn serve(&mut self, wait: &Arc<Wait>) {
        if !wait.try_serve() {
            return;
        }
        let mut session = Session::new(wait.client.clone(), true);
        (session.db, session.proto, session.internal) = (wait.db, wait.proto, true);
        let own = std::mem::replace(&mut self.reply, Reply::new(wait.proto));
        let args = wait.words.args();
        let outcome = dispatch::resolve(args).and_then(|command| {
            let (mut positions, mut keys) = (Vec::new(), Vec::<KeyRef>::new());
            super::find_keys(command, args, &mut positions, &mut keys);
            let outcome = self.execute_for(&mut session, command, args, &keys, true);
            self.empty_journal();
            self.remember(&session, command, args, &keys);
            outcome
        });
        if let Err(e) = &outcome {
            self.reply.clear();
            self.reply.error(&e.text());
        }
        let reply = std::mem::replace(&mut self.reply, own).to_bytes();
        if outcome.is_ok() && session.block.is_some() {
            wait.resume();
            // Its time may have run out while it was being looked at.
            wait.client.post(|m| m.recheck = true);
            return;
        }
        // The waiter may learn of it on another thread before this turn ends: the log must have it by then.
        self.access.hand_in();
        wait.served();
        self.unregister(wait);
        wait.client.post(|m| m.unblocked = Some(reply));
    }
}
