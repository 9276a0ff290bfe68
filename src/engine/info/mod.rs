//! INFO: sections of `name:value` lines, for people and for the many programs that parse them. Names and order are Redis's
//! (7.4, with what 8.0 added); values are true where the server has the thing, and the value of a server that does not use
//! it (no fork, no cluster) where it has not.

mod clients;
pub mod keyspace;
pub mod memory;
mod persistence;
pub mod prometheus;
mod replication;
pub mod sample;
mod server;
mod stats;

use super::Engine;
use super::stats::WorkerStats;
use crate::base::rng::Rng;
use crate::keyspace::world::Access;
use crate::resp::Args;
use std::fmt::Display;

/// What sections are written from. The access must be inside the gate, and hold nothing or all.
pub struct Source<'a> {
    pub engine: &'a Engine,
    pub access: &'a mut Access,
    pub rng: &'a mut Rng,
    pub now_ms: i64,
}

struct Section {
    /// As it is asked for.
    name: &'static str,
    title: &'static str,
    /// Shown by INFO without arguments, and by `INFO default`.
    default: bool,
    write: fn(&mut Source<'_>, &mut Lines),
}

const SECTIONS: &[Section] = &[
    Section { name: "server", title: "Server", default: true, write: server::server },
    Section { name: "clients", title: "Clients", default: true, write: clients::clients },
    Section { name: "memory", title: "Memory", default: true, write: memory::memory },
    Section { name: "persistence", title: "Persistence", default: true, write: persistence::persistence },
    Section { name: "threads", title: "Threads", default: true, write: clients::threads },
    Section { name: "stats", title: "Stats", default: true, write: stats::stats },
    Section { name: "replication", title: "Replication", default: true, write: replication::replication },
    Section { name: "cpu", title: "CPU", default: true, write: server::cpu },
    Section { name: "modules", title: "Modules", default: true, write: |_, _| {} },
    Section { name: "commandstats", title: "Commandstats", default: false, write: stats::commandstats },
    Section { name: "errorstats", title: "Errorstats", default: true, write: stats::errorstats },
    Section { name: "latencystats", title: "Latencystats", default: false, write: stats::latencystats },
    Section { name: "cluster", title: "Cluster", default: true, write: |_, l| l.put("cluster_enabled", 0) },
    Section { name: "keyspace", title: "Keyspace", default: true, write: keyspace::keyspace },
];

/// The sections asked for, each once, in their own order. Names that are none are passed over, as Redis does.
pub fn render(source: &mut Source<'_>, asked: Args<'_>) -> String {
    let is = |word: &str| asked.iter().any(|a| a.eq_ignore_ascii_case(word.as_bytes()));
    let everything = is("everything");
    let all = everything || is("all");
    let default = asked.is_empty() || is("default");
    let mut lines = Lines(String::with_capacity(8 * 1024));
    for section in SECTIONS {
        // `all` is everything but what modules add.
        let by_group =
            if section.name == "modules" { everything || default } else { all || (default && section.default) };
        if by_group || is(section.name) {
            if !lines.0.is_empty() {
                lines.0.push_str("\r\n");
            }
            lines.0.push_str("# ");
            lines.0.push_str(section.title);
            lines.0.push_str("\r\n");
            (section.write)(source, &mut lines);
        }
    }
    lines.0
}

/// What is being written.
pub(super) struct Lines(String);

impl Lines {
    fn put(&mut self, name: &str, value: impl Display) {
        use std::fmt::Write as _;
        // Writing to a string cannot fail.
        let _ = write!(self.0, "{name}:{value}\r\n");
    }

    /// For things that this server does not have.
    fn zeros(&mut self, names: &[&str]) {
        names.iter().for_each(|n| self.put(n, 0));
    }

    /// An amount of memory, in bytes and for people.
    fn amount(&mut self, name: &str, bytes: u64) {
        self.put(name, bytes);
        self.put(&format!("{name}_human"), human(bytes));
    }
}

/// Adds a counter up over the workers.
pub fn total(engine: &Engine, of: impl Fn(&WorkerStats) -> u64) -> u64 {
    engine.workers.read().iter().map(|w| of(w)).sum()
}

/// `1.50M`, as Redis prints amounts for people.
pub fn human(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["K", "M", "G", "T", "P"];
    if bytes < 1024 {
        return format!("{bytes}B");
    }
    let mut n = bytes as f64 / 1024.0;
    let mut unit = 0;
    while n >= 1024.0 && unit + 1 < UNITS.len() {
        n /= 1024.0;
        unit += 1;
    }
    format!("{n:.2}{}", UNITS[unit])
}

#[cfg(test)]
mod tests;
