//! What memory is used for: INFO memory, MEMORY STATS and MEMORY DOCTOR read the same account.

use super::keyspace::{Size, sizes};
use super::{Lines, Source, human};
use crate::base::alloc;
use crate::engine::client_filter::memory_of;
use crate::engine::clients::flag;
use std::sync::atomic::Ordering::Relaxed;

/// An account of memory, in bytes.
pub struct Account {
    pub used: u64,
    pub peak: u64,
    pub startup: u64,
    pub resident: u64,
    pub machine: u64,
    pub databases: Vec<Size>,
    pub normal_clients: u64,
    /// What waits for replicas beyond the backlog's size.
    pub replica_clients: u64,
    pub backlog: u64,
}

impl Account {
    pub fn take(s: &mut Source<'_>) -> Account {
        let (mut normal_clients, mut replica_clients) = (0, 0);
        for c in s.engine.clients.list() {
            *if c.has(flag::REPLICA) { &mut replica_clients } else { &mut normal_clients } += memory_of(&c);
        }
        let held = s.engine.world.log.with_backlog(|b| b.held()).unwrap_or(0);
        let backlog = held.min(s.engine.config.repl_backlog_size.get().max(0) as u64);
        replica_clients += held - backlog;
        let os = s.engine.os();
        Account {
            used: alloc::used_bytes(),
            peak: alloc::peak_bytes(),
            startup: alloc::startup_bytes(),
            resident: os.resident_bytes(),
            machine: os.total_memory_bytes(),
            databases: sizes(s),
            normal_clients,
            replica_clients,
            backlog,
        }
    }

    pub fn keys(&self) -> u64 {
        self.databases.iter().map(|d| d.keys as u64).sum()
    }

    pub fn tables(&self) -> u64 {
        self.databases.iter().map(|d| d.table_bytes as u64).sum()
    }

    /// What is not the dataset.
    pub fn overhead(&self) -> u64 {
        self.startup + self.tables() + self.normal_clients + self.replica_clients + self.backlog
    }

    pub fn dataset(&self) -> u64 {
        self.used.saturating_sub(self.overhead())
    }

    /// Per cent of what came since the start.
    pub fn dataset_percent(&self) -> f64 {
        percent(self.dataset(), self.used.saturating_sub(self.startup))
    }

    pub fn peak_percent(&self) -> f64 {
        percent(self.used, self.peak)
    }

    /// Resident bytes for each used one.
    pub fn fragmentation(&self) -> f64 {
        if self.used == 0 { 0.0 } else { self.resident as f64 / self.used as f64 }
    }

    pub fn fragmentation_bytes(&self) -> i64 {
        self.resident as i64 - self.used as i64
    }
}

/// What scripts and functions take: their machines, and their texts.
fn scripts(s: &Source<'_>, l: &mut Lines) {
    let scripts = &s.engine.scripts;
    // A machine that runs is not asked: its figures are as of the last look.
    if let Some(cache) = scripts.scripts.try_lock() {
        cache.note(s.engine);
    }
    if let Some(functions) = scripts.functions.try_lock() {
        functions.note(s.engine);
    }
    let of = |n: &std::sync::atomic::AtomicU64| n.load(std::sync::atomic::Ordering::Relaxed);
    let f = &scripts.figures;
    let (eval, functions) = (of(&f.script_vm_bytes), of(&f.function_vm_bytes));
    l.put("used_memory_lua", eval);
    l.put("used_memory_vm_eval", eval);
    l.put("used_memory_lua_human", human(eval));
    l.put("used_memory_scripts_eval", of(&f.script_bytes));
    l.put("number_of_cached_scripts", of(&f.scripts));
    l.put("number_of_functions", of(&f.functions));
    l.put("number_of_libraries", of(&f.libraries));
    l.put("used_memory_vm_functions", functions);
    l.amount("used_memory_vm_total", eval + functions);
    l.put("used_memory_functions", of(&f.function_bytes));
    l.amount("used_memory_scripts", of(&f.script_bytes) + of(&f.function_bytes));
}

fn percent(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 * 100.0 / whole as f64 }
}

pub(super) fn memory(s: &mut Source<'_>, l: &mut Lines) {
    let a = Account::take(s);
    let config = &s.engine.config;
    l.amount("used_memory", a.used);
    l.amount("used_memory_rss", a.resident);
    l.amount("used_memory_peak", a.peak);
    l.put("used_memory_peak_perc", format_args!("{:.2}%", a.peak_percent()));
    l.put("used_memory_overhead", a.overhead());
    l.put("used_memory_startup", a.startup);
    l.put("used_memory_dataset", a.dataset());
    l.put("used_memory_dataset_perc", format_args!("{:.2}%", a.dataset_percent()));
    // As servers on a plain libc show it: what the process holds counts as the allocator's.
    l.put("allocator_allocated", a.used);
    l.put("allocator_active", a.resident);
    l.put("allocator_resident", a.resident);
    l.put("allocator_muzzy", 0);
    l.amount("total_system_memory", a.machine);
    scripts(s, l);
    l.amount("maxmemory", config.maxmemory.get().max(0) as u64);
    l.put("maxmemory_policy", config.maxmemory_policy.name());
    l.put("allocator_frag_ratio", format_args!("{:.2}", a.fragmentation()));
    l.put("allocator_frag_bytes", a.fragmentation_bytes());
    l.put("allocator_rss_ratio", "1.00");
    l.put("allocator_rss_bytes", 0);
    l.put("rss_overhead_ratio", "1.00");
    l.put("rss_overhead_bytes", 0);
    l.put("mem_fragmentation_ratio", format_args!("{:.2}", a.fragmentation()));
    l.put("mem_fragmentation_bytes", a.fragmentation_bytes());
    l.put("mem_not_counted_for_evict", s.engine.uncounted_bytes());
    l.put("mem_replication_backlog", a.backlog);
    l.put("mem_total_replication_buffers", a.backlog + a.replica_clients);
    l.put("mem_replica_full_sync_buffer", s.engine.replication.aside.load(Relaxed));
    l.put("mem_clients_slaves", a.replica_clients);
    l.put("mem_clients_normal", a.normal_clients);
    l.put("mem_cluster_links", 0);
    let logs = s.engine.persist.log.on.load(std::sync::atomic::Ordering::Relaxed);
    l.put("mem_aof_buffer", if logs { s.engine.world.log.positions().waiting as u64 } else { 0 });
    l.put("mem_allocator", alloc::name());
    l.zeros(&["mem_overhead_db_hashtable_rehashing"]);
    l.put("active_defrag_running", s.engine.shared_stats.defrag.running.load(Relaxed));
    l.put("lazyfree_pending_objects", s.engine.shared_stats.lazyfree.pending());
    l.put("lazyfreed_objects", s.engine.shared_stats.lazyfree.freed());
}
