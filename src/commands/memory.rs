//! MEMORY: what memory is used for.

use crate::base::{alloc, spans};
use crate::data::slab;
use crate::engine::call::Call;
use crate::engine::errors::Error;
use crate::engine::help::help;
use crate::engine::info::memory::Account;
use crate::engine::info::{Source, human};
use crate::engine::spec::{BLANK, Spec};

#[rustfmt::skip]
pub const COMMANDS: &[Spec] = &[
    Spec {
        name: "memory", arity: -2, group: "server", since: "4.0.0",
        summary: "Groups the commands about memory.", complexity: "Depends on the subcommand", subs: MEMORY, ..BLANK
    },
];

#[rustfmt::skip]
const MEMORY: &[Spec] = &[
    Spec {
        name: "doctor", arity: 2, flags: "unlocked", group: "server", since: "4.0.0",
        summary: "Reports what looks wrong with memory.", complexity: "O(1)",
        tips: "nondeterministic_output request_policy:all_shards response_policy:special", run: memory_doctor, ..BLANK
    },
    Spec {
        name: "help", arity: 2, flags: "loading stale", group: "server", since: "4.0.0",
        summary: "Explains the subcommands.", complexity: "O(1)", run: memory_help, ..BLANK
    },
    Spec {
        name: "malloc-stats", arity: 2, group: "server", since: "4.0.0",
        summary: "Shows the allocator's own statistics.", complexity: "Depends on the allocator",
        tips: "nondeterministic_output request_policy:all_shards response_policy:special", run: memory_malloc_stats, ..BLANK
    },
    Spec {
        name: "purge", arity: 2, group: "server", since: "4.0.0",
        summary: "Asks the allocator to give memory back.", complexity: "Depends on the allocator",
        tips: "request_policy:all_shards response_policy:all_succeeded", run: memory_purge, ..BLANK
    },
    Spec {
        name: "stats", arity: 2, flags: "unlocked", group: "server", since: "4.0.0",
        summary: "Tells what memory is used for.", complexity: "O(1)",
        tips: "nondeterministic_output request_policy:all_shards response_policy:special", run: memory_stats, ..BLANK
    },
    Spec {
        name: "usage", arity: -3, flags: "readonly",
        keys: "2 RO", group: "server", since: "4.0.0",
        syntax: "key [SAMPLES count:int]",
        summary: "Estimates the bytes that a key and its value take.", complexity: "O(N) in the samples", run: memory_usage,
        ..BLANK
    },
];

fn memory_help(c: &mut Call<'_>) -> Result<(), Error> {
    help(c, "memory")
}

/// MEMORY USAGE key [SAMPLES count]: sizes are known here, so there is nothing to sample; the count is only checked.
fn memory_usage(c: &mut Call<'_>) -> Result<(), Error> {
    let mut i = 3;
    while i < c.args.len() {
        if !c.args.is(i, "samples") || i + 1 == c.args.len() {
            return Err(Error::Syntax);
        }
        if c.int(i + 1)? < 0 {
            return Err(Error::Syntax);
        }
        i += 2;
    }
    let key = c.key(2);
    let bytes = c.ks.peek(key).map(|e| e.heap_bytes() + SLOT_BYTES);
    match bytes {
        Some(n) => c.reply.int(n as i64),
        None => c.reply.null(),
    }
    Ok(())
}

/// An entry's place in the table.
const SLOT_BYTES: usize = 8;

/// MEMORY PURGE
fn memory_purge(c: &mut Call<'_>) -> Result<(), Error> {
    slab::trim(usize::MAX);
    alloc::purge();
    c.reply.ok();
    Ok(())
}

fn memory_malloc_stats(c: &mut Call<'_>) -> Result<(), Error> {
    let (pages, used) = (slab::bytes_in_pages(), alloc::elsewhere_now());
    let slabs = format!("slabs: {pages} bytes in pages, {used} of them in blocks that are used\n");
    let (used, idle) = spans::bytes();
    let spans = format!("spans: {used} bytes in blocks that are used, {idle} free that may hold memory\n\n");
    c.reply.verbatim("txt", (slabs + &spans + &alloc::report()).as_bytes());
    Ok(())
}

fn account(c: &mut Call<'_>) -> Account {
    Account::take(&mut Source { engine: c.engine, access: c.ks.access, rng: c.ks.rng, now_ms: c.ks.now_ms })
}

fn memory_stats(c: &mut Call<'_>) -> Result<(), Error> {
    let a = account(c);
    let r = &mut *c.reply;
    let at = r.defer();
    let mut fields = 0;
    let mut int = |r: &mut crate::resp::Reply, name: &str, n: u64| {
        r.bulk(name.as_bytes());
        r.int(n as i64);
        fields += 1;
    };
    int(r, "peak.allocated", a.peak);
    int(r, "total.allocated", a.used);
    int(r, "startup.allocated", a.startup);
    int(r, "replication.backlog", a.backlog);
    int(r, "replica.fullsync.buffer", 0);
    int(r, "clients.slaves", a.replica_clients);
    int(r, "clients.normal", a.normal_clients);
    for name in ["cluster.links", "aof.buffer", "lua.caches", "functions.caches", "script.VMs"] {
        int(r, name, 0);
    }
    let used = || a.databases.iter().enumerate().filter(|(_, d)| d.keys > 0);
    for (n, d) in used() {
        r.bulk(format!("db.{n}").as_bytes());
        r.map(2);
        r.bulk(b"overhead.hashtable.main");
        r.int(d.table_bytes as i64);
        // A key's expiry lies in its entry.
        r.bulk(b"overhead.hashtable.expires");
        r.int(0);
    }
    int(r, "overhead.db.hashtable.lut", a.tables());
    int(r, "overhead.db.hashtable.rehashing", 0);
    int(r, "overhead.total", a.overhead());
    int(r, "db.dict.rehashing.count", 0);
    int(r, "keys.count", a.keys());
    int(r, "keys.bytes-per-key", a.used.saturating_sub(a.startup).checked_div(a.keys()).unwrap_or(0));
    int(r, "dataset.bytes", a.dataset());
    double(r, "dataset.percentage", a.dataset_percent());
    double(r, "peak.percentage", a.peak_percent());
    int(r, "allocator.allocated", a.used);
    int(r, "allocator.active", a.resident);
    int(r, "allocator.resident", a.resident);
    int(r, "allocator.muzzy", 0);
    double(r, "allocator-fragmentation.ratio", a.fragmentation());
    int(r, "allocator-fragmentation.bytes", a.fragmentation_bytes() as u64);
    double(r, "allocator-rss.ratio", 1.0);
    int(r, "allocator-rss.bytes", 0);
    double(r, "rss-overhead.ratio", 1.0);
    int(r, "rss-overhead.bytes", 0);
    double(r, "fragmentation", a.fragmentation());
    int(r, "fragmentation.bytes", a.fragmentation_bytes() as u64);
    let doubles = 6;
    let fields = fields + doubles + used().count();
    r.finish_map(at, fields);
    Ok(())
}

fn double(r: &mut crate::resp::Reply, name: &str, n: f64) {
    r.bulk(name.as_bytes());
    r.double(n);
}

/// Less than this is not worth a diagnosis.
const WORTH_A_LOOK: u64 = 5 << 20;

/// MEMORY DOCTOR: Redis's rules, in our words.
fn memory_doctor(c: &mut Call<'_>) -> Result<(), Error> {
    let a = account(c);
    let clients = c.engine.clients.count().max(1) as u64;
    let mut findings = Vec::new();
    if a.used < WORTH_A_LOOK {
        findings.push("This server is empty or nearly so: there is nothing to diagnose yet.".to_owned());
    } else {
        if a.peak as f64 / a.used as f64 > 1.5 {
            findings.push(format!(
                "Peak: at its worst this server used {}, more than half again of today's {}. Memory freed since then may not have \
                 gone back to the operating system; MEMORY PURGE asks for it.",
                human(a.peak),
                human(a.used)
            ));
        }
        if a.fragmentation() > 1.4 && a.fragmentation_bytes() > 10 << 20 {
            findings.push(format!(
                "Fragmentation: {} are resident for {} in use ({:.2} for 1). Many values may have been deleted or resized; MEMORY \
                 PURGE may help, a restart will.",
                human(a.resident),
                human(a.used),
                a.fragmentation()
            ));
        }
        if a.normal_clients / clients > 200 << 10 {
            findings.push(format!(
                "Clients: their buffers take {} on average. Some send large requests, or do not read what they asked for: look at \
                 qbuf and omem in CLIENT LIST.",
                human(a.normal_clients / clients)
            ));
        }
        if findings.is_empty() {
            findings.push("Nothing looks wrong with this server's memory.".to_owned());
        }
    }
    c.reply.verbatim("txt", (findings.join("\n") + "\n").as_bytes());
    Ok(())
}
