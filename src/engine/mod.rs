//! The engine: what a command is, how one is refused, run, timed and booked. Holds no sockets, threads, files or wall
//! clock: time comes with each turn, randomness from a seed, and what must touch the outside goes through [`Hooks`].

pub mod call;
pub mod clients;
pub mod config;
pub mod dispatch;
pub mod errors;
pub mod flags;
pub mod help;
mod keyproc;
pub mod keyspec;
pub mod multi;
pub mod session;
pub mod spec;
pub mod stats;
pub mod syntax;
pub mod table;
#[cfg(test)]
pub mod testing;
pub mod worker;

use crate::keyspace::world::World;
use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU32, Ordering::Relaxed};

/// What commands ask of the process around the engine.
pub trait Hooks: Send + Sync {
    /// SHUTDOWN was accepted: stop in an orderly way.
    fn shutdown(&self, save: Option<bool>);
    /// A line for the log.
    fn log(&self, level: LogLevel, text: &str);
    /// Values that are dear to free.
    fn free_apart(&self, values: Box<dyn Send>);
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum LogLevel {
    Debug,
    Verbose,
    Notice,
    Warning,
}

/// Where effects of writes go (AOF, replicas). Called while the command's locks are held, so the order of calls is the
/// order of effects for each key.
pub trait WriteLog: Send + Sync {
    /// One command's effects, to be replayed all or not at all.
    fn append(&self, effects: &[(u32, Vec<Vec<u8>>)]);
}

/// The state that all workers share.
pub struct Engine {
    pub world: Arc<World>,
    pub config: config::Config,
    pub clients: clients::Clients,
    pub workers: parking_lot::RwLock<Vec<Arc<stats::WorkerStats>>>,
    pub shared_stats: stats::SharedStats,
    pub run_id: String,
    pub started_ms: i64,
    pub last_save_s: AtomicI64,
    /// Reasons for a closer look at each command; 0 nearly always. Bits of [`gates`].
    pub gates: AtomicU32,
    /// `DEBUG SET-ACTIVE-EXPIRE`
    pub active_expire: AtomicBool,
    hooks: OnceLock<Box<dyn Hooks>>,
    log: OnceLock<Box<dyn WriteLog>>,
}

/// Bits of [`Engine::gates`].
pub mod gates {
    pub const LOADING: u32 = 1;
    pub const PAUSED: u32 = 2;
    pub const MAXMEMORY: u32 = 4;
    pub const MONITORS: u32 = 8;
    pub const SHUTTING_DOWN: u32 = 16;
}

impl Engine {
    pub fn new(config: config::Config, workers: usize, databases: usize, now_ms: i64) -> Arc<Engine> {
        let mut id = [0u8; 20];
        crate::base::rng::fill_entropy(&mut id);
        Arc::new(Engine {
            world: World::new(workers, databases),
            config,
            clients: clients::Clients::default(),
            workers: parking_lot::RwLock::default(),
            shared_stats: stats::SharedStats::default(),
            run_id: id.iter().map(|b| format!("{b:02x}")).collect(),
            started_ms: now_ms,
            last_save_s: AtomicI64::new(now_ms / 1000),
            gates: AtomicU32::new(0),
            active_expire: AtomicBool::new(true),
            hooks: OnceLock::new(),
            log: OnceLock::new(),
        })
    }

    /// Connects the engine to its process. Once.
    pub fn attach(&self, hooks: Box<dyn Hooks>) {
        let _ = self.hooks.set(hooks);
    }

    pub fn hooks(&self) -> Option<&dyn Hooks> {
        self.hooks.get().map(|h| &**h)
    }

    /// Attaches the log that effects go to. Once, before clients come.
    pub fn attach_log(&self, log: Box<dyn WriteLog>) {
        let _ = self.log.set(log);
    }

    pub fn write_log(&self) -> Option<&dyn WriteLog> {
        self.log.get().map(|l| &**l)
    }

    pub fn log(&self, level: LogLevel, text: &str) {
        if let Some(h) = self.hooks() {
            h.log(level, text);
        }
    }

    pub fn set_gate(&self, bit: u32, on: bool) {
        if on {
            self.gates.fetch_or(bit, Relaxed)
        } else {
            self.gates.fetch_and(!bit, Relaxed)
        };
    }
}
