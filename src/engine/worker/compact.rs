//! Moving keys out of pages of which little is used: see [`crate::keyspace::compact`].

use super::Worker;
use crate::data::effort::Effort;
use crate::keyspace::compact::{self, Place};
use std::sync::atomic::Ordering::Relaxed;

/// How far a worker is with the shard that it took.
#[derive(Default)]
pub(super) struct Compacting {
    shard: Option<usize>,
    place: Place,
}

impl Worker {
    /// Goes on emptying pages, for so many allocations. Workers take shards in turn. Inside a turn, under the lock of one shard
    /// at a time.
    pub fn compact(&mut self, allocations: usize) {
        let stats = &self.engine.shared_stats;
        let mut effort = Effort::new(allocations);
        while !effort.is_spent() {
            let next = || stats.defrag.shards.fetch_add(1, Relaxed) as usize;
            let n = *self.compacting.shard.get_or_insert_with(next) % self.engine.world.shards();
            if compact::step(self.access.shard(n), &mut self.compacting.place, &mut effort) {
                self.compacting.shard = None;
                // An empty shard is a look at it, too.
                effort.looked(false);
            }
        }
        stats.defrag.hits.fetch_add(effort.hits, Relaxed);
        stats.defrag.misses.fetch_add(effort.misses, Relaxed);
        stats.defrag.key_hits.fetch_add(effort.key_hits, Relaxed);
        stats.defrag.key_misses.fetch_add(effort.key_misses, Relaxed);
    }
}
