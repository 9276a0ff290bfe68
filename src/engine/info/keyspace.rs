//! INFO keyspace: how many keys each database has, how many of them expire, and how soon on average.

use super::{Lines, Source};

/// Keys with an expiry that are looked at for the average of a database.
const SAMPLES: usize = 64;
/// Buckets that are looked at to find them, in a shard where few keys expire.
const BUCKETS: usize = 64;

/// What one database holds.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Size {
    pub keys: usize,
    pub expires: usize,
    /// Hashes with fields that expire.
    pub subexpiry: usize,
    /// Bytes of the tables themselves.
    pub table_bytes: usize,
}

/// The sizes of all databases; visits each shard once.
pub fn sizes(s: &mut Source<'_>) -> Vec<Size> {
    let world = s.engine.world.clone();
    let mut out = vec![Size::default(); world.databases()];
    for i in 0..world.shards() {
        let shard = s.access.shard(i);
        for (n, size) in out.iter_mut().enumerate().take(shard.databases()) {
            if let Some(table) = shard.db(n) {
                size.keys += table.len();
                size.expires += table.marked();
                size.subexpiry += if shard.fields.is_empty() { 0 } else { shard.fields.hashes(n as u32) };
                size.table_bytes += table.heap_bytes();
            }
        }
    }
    s.access.unlock();
    out
}

pub(super) fn keyspace(s: &mut Source<'_>, l: &mut Lines) {
    for (n, size) in sizes(s).into_iter().enumerate().filter(|(_, size)| size.keys > 0) {
        let ttl = if size.expires == 0 { 0 } else { average_ttl_ms(s, n) };
        l.put(
            &format!("db{n}"),
            format_args!("keys={},expires={},avg_ttl={ttl},subexpiry={}", size.keys, size.expires, size.subexpiry),
        );
    }
}

/// An estimate from some keys, in shards chosen at random.
fn average_ttl_ms(s: &mut Source<'_>, db: usize) -> i64 {
    let world = s.engine.world.clone();
    let first = s.rng.below(world.shards() as u64) as usize;
    let (mut sum, mut count) = (0i128, 0usize);
    for i in 0..world.shards() {
        let start = s.rng.next_u64();
        let Some(table) = s.access.shard((first + i) % world.shards()).db(db) else { continue };
        if table.marked() == 0 {
            continue;
        }
        let mut at = start;
        for _ in 0..BUCKETS {
            let next = table.scan(at, |entry, marked| {
                if let Some(t) = entry.expiry().filter(|t| marked && *t > s.now_ms) {
                    sum += i128::from(t - s.now_ms);
                    count += 1;
                }
            });
            at = next.unwrap_or(0);
            if count >= SAMPLES || at == start {
                break;
            }
        }
        if count >= SAMPLES {
            break;
        }
    }
    s.access.unlock();
    if count == 0 { 0 } else { i64::try_from(sum / count as i128).unwrap_or(i64::MAX) }
}
