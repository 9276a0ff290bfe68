//! `maxmemory`: how much is used of it, and by which clock keys are judged.

use super::clients::flag;
use super::config::MaxmemoryPolicy;
use super::{Engine, LogLevel, client_filter};
use crate::base::{alloc, spans};
use crate::data::slab;
use crate::keyspace::db::AccessClock;
use std::sync::atomic::Ordering::Relaxed;

/// Limits below this are not held by what the process holds.
const LEAST_TO_PROTECT: u64 = 64 << 20;
/// What the process may be larger than its limit by, in thousandths, before keys make way for that: the program itself, pages
/// that are used in part. What comes until that shows is to stay within five per cent.
///
/// Measured with 256 MB and 500 MB written by four clients (largest process, used at the end, of the limit): one type each, of
/// short values, 1.016 to 1.019, 0.94 to 0.96; lists and strings that many pushes and APPENDs make grow 1.027, 0.90; values of 1 to 100 KB
/// 1.022, 0.95, of 100 KB to 1 MB 1.024, 0.965; values that grow from 50 bytes to 3 KB (700 MB) 1.030, 0.85, from 50 bytes to 20 KB (1,500
/// MB) 1.041, 0.83 (with two threads up to 1.043 and 1.066).
const TOLERATED: u64 = 10;
/// Bytes of keys that make way for each byte that the process is too large by. With 4 in place of 8, values that grow made it 1.055
/// to 1.068, and no more was used at the end.
const HOLES: u64 = 8;
/// The most that keys make way for, in per cent of the limit.
const MOST_PERCENT: u64 = 35;
/// Holes in pages, in parts of what the pages take, that are not worth looking for.
const FEW: u64 = 32;
/// Allocations that are looked at for each eviction and each per cent that the process is too large by, to be moved out of pages of
/// which little is used (50 ns each).
const MOVED: u64 = 32;
/// Unused pages that go back to the system at a look, of those that are kept: less than a millisecond.
const PAGES_AT_ONCE: usize = 256;
/// From its limit on until it is this much of it, what the process frees goes back to the system at once.
const RELAXED_PERCENT: u64 = 95;

impl Engine {
    /// The clock that notes access to keys, as the policy wants it.
    #[inline]
    pub fn access_clock(&self, now_ms: i64) -> AccessClock {
        let config = &self.config;
        if config.maxmemory_policy.get().is_lfu() {
            let lfu = (config.lfu_log_factor.get() as u32, config.lfu_decay_time.get() as u32);
            AccessClock { now: (now_ms / 60_000) as u32 & 0xffff, lfu: Some(lfu) }
        } else {
            AccessClock { now: (now_ms / 1000) as u32 & 0xff_ffff, lfu: None }
        }
    }

    /// Bytes in use beyond `maxmemory`; `None` if all is well.
    #[inline]
    pub fn bytes_over(&self) -> Option<u64> {
        let allowed = self.config.maxmemory.get() as u64;
        let used = alloc::bytes_now();
        if allowed == 0 || used <= allowed {
            return None;
        }
        let over = used.saturating_sub(self.uncounted_bytes()).saturating_sub(allowed);
        (over > 0).then_some(over)
    }

    /// Bytes that should be made free by evicting keys: those in use beyond `maxmemory`, and what the process holds beyond
    /// those in use, where that is known to take it over the limit too.
    #[inline]
    pub fn bytes_to_free(&self) -> Option<u64> {
        let allowed = self.config.maxmemory.get() as u64;
        if allowed == 0 {
            return None;
        }
        let stats = &self.shared_stats;
        let now = alloc::bytes_now();
        if now > stats.used_when_looked.load(Relaxed) + allowed / 128 {
            // While it fills up, ten times a second is not often enough.
            self.note_resident();
        }
        let used = now + stats.unaccounted.load(Relaxed);
        if used <= allowed {
            return None;
        }
        let over = used.saturating_sub(self.uncounted_bytes()).saturating_sub(allowed);
        (over > 0).then_some(over)
    }

    /// Looks what the process holds: pages that are used in part, what the allocator keeps, and itself. The machine's memory is
    /// what `maxmemory` is to protect, so once the process is larger than that, keys make way: for each byte beyond a few more,
    /// since holes that they leave are filled before new pages are asked for, but do not make the process smaller. And only up
    /// to a point: if much was freed and is being kept, evicting what is left would help nobody. Small limits are not about the
    /// machine, and a policy that evicts nothing would have nothing but errors from it. Before that, what is unused goes back to the
    /// system, and keys are moved together where pages have holes. Ten times a second, and by those who evict much.
    pub fn note_resident(&self) {
        let allowed = self.config.maxmemory.get() as u64;
        let evicts = self.config.maxmemory_policy.get() != MaxmemoryPolicy::Noeviction;
        self.shared_stats.used_when_looked.store(alloc::bytes_now(), Relaxed);
        let mut beyond = 0;
        if allowed >= LEAST_TO_PROTECT && evicts {
            let resident = self.os().resident_bytes();
            beyond = resident.saturating_sub(allowed + self.uncounted_bytes());
            if resident > allowed {
                press(true);
            } else if resident < allowed / 100 * RELAXED_PERCENT {
                press(false);
            }
        } else {
            press(false);
        }
        let (mut unaccounted, mut moved) = (0, 0);
        if beyond > 0 {
            slab::trim(PAGES_AT_ONCE);
            spans::trim(spans::SLACK);
            let pages = slab::bytes_in_pages();
            if pages.saturating_sub(alloc::elsewhere_now()) > pages / FEW {
                moved = (1 + beyond * 100 / allowed) * MOVED;
            }
            let too_much = beyond.saturating_sub(allowed / 1000 * TOLERATED);
            unaccounted = (too_much * HOLES).min(allowed / 100 * MOST_PERCENT);
        }
        self.shared_stats.keys_to_move.store(moved, Relaxed);
        self.shared_stats.unaccounted.store(unaccounted, Relaxed);
    }

    /// What is on its way to replicas and to the append-only file: evicting keys makes more of that, so it does not count.
    pub fn uncounted_bytes(&self) -> u64 {
        if !self.world.log.is_attached() {
            return 0;
        }
        let replicas = self.clients.list().into_iter().filter(|c| c.has(flag::REPLICA));
        let backlog = self.config.repl_backlog_size.get().max(0) as u64;
        let beyond = self.world.log.with_backlog(|b| b.held()).unwrap_or(0).saturating_sub(backlog);
        replicas.map(|c| c.unread_bytes()).sum::<u64>() + beyond + self.world.log.positions().waiting as u64
    }

    /// True while nothing may be evicted: what the policy says, or a dataset being loaded.
    pub fn may_evict(&self) -> bool {
        self.config.maxmemory_policy.get() != MaxmemoryPolicy::Noeviction
            && self.gates.load(Relaxed) & super::gates::LOADING == 0
    }

    /// Notes for how long memory has been over its limit. Ten times a second.
    pub fn note_exceeded(&self, now_ms: i64) {
        let stats = &self.shared_stats;
        let since_ms = stats.over_since_ms.load(Relaxed);
        match (self.bytes_over(), since_ms) {
            (Some(_), 0) => stats.over_since_ms.store(now_ms, Relaxed),
            (None, 1..) => {
                stats.over_ms.fetch_add((now_ms - since_ms).max(0), Relaxed);
                stats.over_since_ms.store(0, Relaxed);
            }
            _ => {}
        }
    }

    /// `maxmemory-clients`: cuts off those who use most, until the rest fits. Replicas, and who asked not to be, stay.
    pub fn evict_clients(&self, now_ms: i64) {
        let allowed = self.config.maxmemory_clients_bytes();
        if allowed <= 0 {
            return;
        }
        let spared = flag::REPLICA | flag::PRIMARY | flag::NO_EVICT;
        let clients = self.clients.list().into_iter().filter(|c| !c.has(spared));
        let mut sized: Vec<_> = clients.map(|c| (client_filter::memory_of(&c), c)).collect();
        let mut used: u64 = sized.iter().map(|(bytes, _)| bytes).sum();
        if used <= allowed as u64 {
            return;
        }
        sized.sort_by_key(|(bytes, _)| std::cmp::Reverse(*bytes));
        for (bytes, client) in sized {
            if used <= allowed as u64 {
                break;
            }
            used -= bytes;
            let who = client_filter::line(&client, now_ms, None);
            self.log(LogLevel::Notice, &format!("Evicting client: {who}"));
            self.shared_stats.evicted_clients.fetch_add(1, Relaxed);
            client.post(|m| m.kill = Some(false));
        }
    }
}

/// Whether what is freed goes back to the system at once, from both allocators.
fn press(short: bool) {
    alloc::press(short);
    slab::press(short);
}
