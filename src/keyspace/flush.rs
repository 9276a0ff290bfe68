//! Emptying databases at once.

use super::db::Keyspace;
use super::entry::Entry;
use super::waiters::Ready;
use super::world::Access;
use crate::base::hash::hash_bytes;
use crate::data::table::Table;

impl Keyspace<'_> {
    /// Takes every key out of database `db`, or of all of them; who watched one of them is told. Returns how many keys there
    /// were, and their tables, which are dear to free. Needs the whole keyspace to be held.
    pub fn flush(&mut self, db: Option<u32>) -> (usize, Vec<Table<Entry>>) {
        let (mut keys, mut tables) = (0, Vec::new());
        for i in 0..self.access.world().shards() {
            let shard = self.access.shard(i);
            for n in 0..shard.databases() {
                if db.is_some_and(|db| db as usize != n) {
                    continue;
                }
                touch_watched(shard, n as u32, &mut self.journal.ready);
                match shard.take(n) {
                    Some(table) if !table.is_empty() => {
                        keys += table.len();
                        tables.push(table);
                    }
                    _ => {}
                }
            }
        }
        // Counts as a write even if nothing was there: a replica may have what this server does not.
        self.journal.dirty += keys.max(1) as u64;
        (keys, tables)
    }
}

/// Puts the data of another keyspace, of the same shape, in this one's place; both are held whole. Who watches or waits for a key
/// hears of it. Returns how many keys there were, and their tables, which are dear to free.
pub fn replace(access: &mut Access, other: &mut Access, ready: &mut Ready) -> (usize, Vec<Table<Entry>>) {
    let (mut keys, mut tables) = (0, Vec::new());
    for i in 0..access.world().shards() {
        let shard = access.shard(i);
        for n in 0..shard.databases() {
            touch_watched(shard, n as u32, ready);
            if let Some(table) = shard.take(n) {
                keys += table.len();
                tables.push(table);
            }
        }
        shard.adopt(other.shard(i));
        for n in 0..shard.databases() {
            touch_watched(shard, n as u32, ready);
        }
    }
    (keys, tables)
}

fn touch_watched(shard: &super::shard::ShardData, db: u32, ready: &mut Ready) {
    ready.extend(shard.watchers.waited_keys(db).map(|key| (db, key.to_vec())));
    let Some(table) = shard.db(db as usize) else { return };
    for key in shard.watchers.keys(db) {
        if table.get(hash_bytes(key), key).is_some() {
            shard.watchers.touch(db, key, ready);
        }
    }
}
