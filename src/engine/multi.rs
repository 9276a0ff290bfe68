//! MULTI: the queue of commands, and the keys that WATCH watches.

use super::table::Command;
use crate::base::hash::hash_bytes;
use crate::keyspace::watch::{Flag, Watchers};
use crate::keyspace::world::Access;
use crate::resp::OwnedArgs;

/// A command that waits for EXEC.
pub struct Queued {
    pub command: &'static Command,
    pub args: OwnedArgs,
}

#[derive(Default)]
pub struct Multi {
    queue: Option<Vec<Queued>>,
    /// A command was refused while queuing: EXEC will abort.
    pub broken: bool,
    pub watched: Vec<(u32, Vec<u8>)>,
    pub touched: Flag,
    /// No longer watched, but still noted in shards that could not be touched at that moment.
    stale: Vec<(u32, Vec<u8>, Flag)>,
}

impl Multi {
    #[inline]
    pub fn is_queuing(&self) -> bool {
        self.queue.is_some()
    }

    pub fn begin(&mut self) {
        self.queue = Some(Vec::new());
        self.broken = false;
    }

    pub fn push(&mut self, command: &'static Command, args: OwnedArgs) {
        if let Some(q) = &mut self.queue {
            q.push(Queued { command, args });
        }
    }

    /// Ends queuing and hands out what was queued.
    pub fn take(&mut self) -> Vec<Queued> {
        self.broken = false;
        self.queue.take().unwrap_or_default()
    }

    pub fn queued(&self) -> Option<&[Queued]> {
        self.queue.as_deref()
    }

    /// Starts watching a key. `watchers` are those of its shard, which is held.
    pub fn watch(&mut self, watchers: &mut Watchers, db: u32, key: &[u8]) {
        if !self.watched.iter().any(|(d, k)| *d == db && k == key) {
            watchers.add(db, key, &self.touched);
            self.watched.push((db, key.to_vec()));
        }
    }

    /// Stops watching. Inside a turn; shards are held already or visited one by one.
    pub fn unwatch(&mut self, access: &mut Access) {
        let flag = std::mem::take(&mut self.touched);
        self.stale.extend(std::mem::take(&mut self.watched).into_iter().map(|(db, key)| (db, key, flag.clone())));
        if access.is_outside() {
            return;
        }
        for (db, key, flag) in self.stale.drain(..) {
            let shard = access.world().shard_of(hash_bytes(&key));
            access.shard(shard).watchers.remove(db, &key, &flag);
        }
    }

    /// True if shards know this client's watches.
    pub fn is_noted(&self) -> bool {
        !self.watched.is_empty() || !self.stale.is_empty()
    }
}
