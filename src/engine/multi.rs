//! MULTI: the queue of commands, and the keys that WATCH watches.

use super::call::KeyRef;
use super::table::Command;
use crate::base::hash::hash_bytes;
use crate::keyspace::watch::{Flag, Watchers};
use crate::keyspace::world::Access;
use crate::resp::{Args, OwnedArgs};

/// Commands that wait for EXEC, their words and keys one behind the other in buffers that the worker uses again.
#[derive(Default)]
pub struct Queue {
    words: OwnedArgs,
    keys: Vec<KeyRef>,
    /// Each command, and where its words and its keys end.
    commands: Vec<(&'static Command, usize, usize)>,
}

/// Buffers beyond this are not kept for the next transaction.
const KEPT_BYTES: usize = 64 * 1024;

impl Queue {
    pub fn push(&mut self, command: &'static Command, args: Args<'_>, keys: &[KeyRef]) {
        args.iter().for_each(|word| self.words.push(word));
        self.keys.extend_from_slice(keys);
        self.commands.push((command, self.words.len(), self.keys.len()));
    }

    pub fn len(&self) -> usize {
        self.commands.len()
    }

    pub fn is_empty(&self) -> bool {
        self.commands.is_empty()
    }

    pub fn commands(&self) -> impl Iterator<Item = &'static Command> {
        self.commands.iter().map(|(command, ..)| *command)
    }

    /// Every command with its words and its keys.
    pub fn iter(&self) -> impl Iterator<Item = (&'static Command, Args<'_>, &[KeyRef])> {
        let mut from = (0, 0);
        self.commands.iter().map(move |(command, words, keys)| {
            let (args, keys_of) = (self.words.range(from.0..*words), &self.keys[from.1..*keys]);
            from = (*words, *keys);
            (*command, args, keys_of)
        })
    }

    /// The keys of all commands.
    pub fn keys(&self) -> &[KeyRef] {
        &self.keys
    }

    pub fn heap_bytes(&self) -> usize {
        self.words.heap_bytes()
            + self.keys.capacity() * size_of::<KeyRef>()
            + self.commands.capacity() * size_of::<(&Command, usize, usize)>()
    }

    /// Empties it for the next transaction.
    pub fn clear(&mut self) {
        if self.heap_bytes() > KEPT_BYTES {
            *self = Queue::default();
        }
        self.words.clear();
        self.keys.clear();
        self.commands.clear();
    }
}

#[derive(Default)]
pub struct Multi {
    queue: Option<Queue>,
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
        self.queue = Some(Queue::default());
        self.broken = false;
    }

    /// Queues a command. The first one of a transaction moves into the buffers of `spare`.
    pub fn push(&mut self, command: &'static Command, args: Args<'_>, keys: &[KeyRef], spare: &mut Queue) {
        if let Some(q) = &mut self.queue {
            if q.is_empty() {
                std::mem::swap(q, spare);
            }
            let bytes: usize = args.iter().map(<[u8]>::len).sum();
            if q.words.heap_bytes() + bytes > u32::MAX as usize {
                // More than the words' positions can tell: EXEC will refuse.
                self.broken = true;
                return;
            }
            q.push(command, args, keys);
        }
    }

    /// Ends queuing and hands out what was queued.
    pub fn take(&mut self) -> Queue {
        self.broken = false;
        self.queue.take().unwrap_or_default()
    }

    /// Takes back what [`take`](Self::take) handed out: it is to be run later.
    pub fn put_back(&mut self, queue: Queue) {
        self.queue = Some(queue);
    }

    pub fn queued(&self) -> Option<&Queue> {
        self.queue.as_ref()
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
        if !self.is_noted() {
            return;
        }
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
