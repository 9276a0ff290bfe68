//! Keys that move to another server (MIGRATE): who has to wait for them, and their end here.

use super::Worker;
use crate::base::hash::hash_bytes;
use crate::engine::call::KeyRef;
use crate::engine::errors::{self, Error};
use crate::engine::flags::Flags;
use crate::engine::migrate::{Failure, Trip};
use crate::engine::multi::Queue;
use crate::engine::session::Session;
use crate::engine::table::Command;
use crate::engine::{Engine, gates};
use crate::keyspace::evict;
use crate::resp::{Args, Proto, Reply};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

impl Worker {
    /// True if the command names a key that is being moved. That is certain while the command's locks are held. EXEC and what it
    /// runs is looked at by [`exec`](Self::exec), when it has its locks.
    #[inline]
    pub(super) fn must_wait_for_move(
        &mut self,
        session: &Session,
        command: &Command,
        args: Args<'_>,
        keys: &[KeyRef],
    ) -> bool {
        self.engine.gates.load(Relaxed) & gates::MIGRATING != 0
            && !session.multi.is_queuing()
            && &*command.name != "exec"
            && self.names_what_moves(session, args, keys)
    }

    /// The same of a transaction whose locks are held. (One that selects other databases is compared by the one that it starts
    /// in.) Nor may it run while a dataset is loaded, which may have begun after it was looked at.
    pub(super) fn exec_must_wait(&self, session: &Session, queue: &Queue) -> bool {
        let gates = self.engine.gates.load(Relaxed);
        let moves = || queue.iter().any(|(_, args, keys)| self.names_what_moves(session, args, keys));
        let loads = || !session.internal && queue.commands().any(|c| !c.flags.has(Flags::LOADING));
        gates & gates::MIGRATING != 0 && moves() || gates & gates::LOADING != 0 && loads()
    }

    #[cold]
    fn names_what_moves(&self, session: &Session, args: Args<'_>, keys: &[KeyRef]) -> bool {
        keys.iter().any(|k| self.engine.is_under_way(session.db, args.at(k.word as usize)))
    }

    /// Notes that the command has to be tried again later; nobody is told of the error.
    #[cold]
    pub(super) fn hold_up(&mut self) -> Error {
        self.held_up = true;
        Error::Syntax
    }

    /// Removes the keys that arrived elsewhere and were not changed since. True if none of them stays that should go; `None` if
    /// the keyspace stands still at this moment.
    fn move_out(&mut self, trip: &Trip, now_ms: i64) -> Option<bool> {
        self.begin(now_ms);
        // All at once for everybody, whatever shards they lie in.
        self.access.raise();
        if self.engine.clients.paused(now_ms).is_some() {
            self.access.leave();
            return None;
        }
        // Whoever held everything before may have attached a log.
        self.journal.logging = self.access.lane.is_wanted();
        self.watch_trackers();
        let may_go = !trip.copy && !self.engine.is_replica();
        let (mut words, mut all) = (vec![b"DEL".to_vec()], true);
        for (parcel, changed) in trip.parcels.iter().zip(&trip.changed) {
            let (key, hash) = (parcel.key(), hash_bytes(parcel.key()));
            let shard = self.access.shard(self.engine.world.shard_of(hash));
            if !parcel.arrived || trip.copy {
                continue;
            }
            if may_go && !changed.load(Relaxed) {
                if evict::move_out(shard, trip.db, hash, key, &mut self.journal) {
                    words.push(key.to_vec());
                }
            } else {
                all &= shard.db(trip.db as usize).is_none_or(|table| table.get(hash, key).is_none());
            }
        }
        if words.len() > 1 && self.journal.logging {
            let lane = &mut self.access.lane;
            lane.begin_unit();
            lane.push(trip.db, words.iter().map(Vec::as_slice));
            lane.end_unit();
        }
        if !trip.copy {
            self.engine.arrive(trip, &mut self.access);
        }
        self.book_background();
        self.access.leave();
        Some(all)
    }
}

/// The other server has answered, or has not: lets go of the keys, and tells the client. On a thread that may wait. Also for a
/// client that has gone: what the other server took has to go here, as with Redis, which notices nothing until then.
pub fn finish(engine: &Arc<Engine>, trip: &Trip, outcome: Result<(), Failure>, clock: &dyn Fn() -> i64) {
    let pause = std::time::Duration::from_millis(1);
    let mut worker = loop {
        match Worker::visiting(engine.clone()) {
            Some(worker) => break worker,
            None => std::thread::sleep(pause),
        }
    };
    let all_went = loop {
        match worker.move_out(trip, clock()) {
            Some(all) => break all,
            // While clients are paused the keyspace stands still.
            None => std::thread::sleep(pause),
        }
    };
    let outcome = match outcome {
        Ok(()) if !all_went => Err(errors::MIGRATE_CHANGED),
        Ok(()) => Ok(()),
        Err(failure) => Err(failed(failure)),
    };
    let mut reply = Reply::new(Proto::Resp2);
    match outcome {
        Ok(()) => reply.ok(),
        Err(error) => {
            worker.count_error(&error);
            reply.error(&error.text());
        }
    }
    let wait = trip.client.wait.lock().clone();
    if wait.is_some_and(|wait| wait.end()) {
        trip.client.post(|mail| mail.unblocked = Some(reply.to_bytes()));
    }
}

/// What Redis says.
pub fn failed(failure: Failure) -> Error {
    match failure {
        Failure::Connect => errors::MIGRATE_CONNECT,
        Failure::Write => errors::MIGRATE_WRITE,
        Failure::Read => errors::MIGRATE_READ,
        Failure::Refused(text) => errors::migrate_refused(&text),
    }
}
