//! The engine: what a command is, how one is refused, run, timed and booked. Holds no sockets, threads, files or wall
//! clock: time comes with each turn, randomness from a seed, and what must touch the outside goes through [`Hooks`].

pub mod acl;
pub mod auth;
pub mod blocking;
pub mod call;
pub mod client_filter;
pub mod clients;
pub mod commandlog;
pub mod config;
pub mod digest;
pub mod dispatch;
pub mod errors;
pub mod flags;
pub mod help;
pub mod histogram;
pub mod info;
mod keyproc;
pub mod keyspec;
pub mod latency;
pub mod limits;
pub mod lua;
mod memory;
pub mod migrate;
pub mod monitor;
pub mod multi;
mod notify;
pub mod os;
mod overrun;
pub mod persist;
pub mod post;
pub mod protect;
pub mod pubsub;
pub mod replication;
pub mod session;
pub mod spec;
pub mod stats;
pub mod syntax;
pub mod table;
#[cfg(test)]
pub mod testing;
pub mod tracking;
pub mod worker;

use crate::keyspace::world::World;
use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU32, Ordering::Relaxed};

/// What commands ask of the process around the engine.
pub trait Hooks: config::ConfigHooks {
    /// Stop in an orderly way. If that can be at once, this does not return.
    fn shutdown(
        &self,
        how: Shutdown,
        client: &Arc<clients::Client>,
        access: &mut crate::keyspace::world::Access,
    ) -> Stopped;
    /// SHUTDOWN ABORT: true if a shutdown was under way.
    fn abort_shutdown(&self) -> bool {
        false
    }
    /// How long a shutdown that is under way will wait for replicas at most, in ms.
    fn shutdown_left_ms(&self) -> Option<i64> {
        None
    }
    /// DEBUG SEGFAULT and its kin: end at once and noisily.
    fn crash(&self, how: Crash);
    /// A line for the log.
    fn log(&self, level: LogLevel, text: &str);
    /// Values that are dear to free.
    fn free_apart(&self, values: Box<dyn Send>);
    /// Snapshots and the append-only file, where there are any.
    fn persistence(&self) -> Option<&dyn persist::Persistence> {
        None
    }
    /// MIGRATE: sends keys to another server in a thread of its own, which ends with [`worker::moved::finish`]. Gives them back if there
    /// is none to be had.
    fn carry_keys(&self, trip: Box<migrate::Trip>) -> Result<(), Box<migrate::Trip>> {
        Err(trip)
    }
    /// MIGRATE inside a transaction or a script: sends keys to another server and marks those that arrived there.
    fn send_keys(&self, _to: &migrate::Destination, _keys: &mut [migrate::Parcel]) -> Result<(), migrate::Failure> {
        Err(migrate::Failure::Connect)
    }
    /// A script overruns its time on this thread, whose clients wait: answers them.
    fn attend(&self) {}
    /// What only the operating system knows.
    fn os(&self) -> &dyn os::Os;
}

/// SHUTDOWN's options.
#[derive(Clone, Copy, Default, Debug, PartialEq, Eq)]
pub struct Shutdown {
    /// SAVE or NOSAVE; neither: as the configuration says.
    pub save: Option<bool>,
    /// Do not wait for replicas.
    pub now: bool,
    /// Stop even if saving fails.
    pub force: bool,
    /// A script overruns its time: the keyspace is not to be had, and what the script wrote is half of something.
    pub busy: bool,
}

/// Why the process has not stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// Replicas get time to catch up. The client is answered only if nothing comes of it.
    Waits,
    /// Saving failed.
    Failed,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Crash {
    Segfault,
    /// Said in these words.
    Panic(String),
    StackOverflow,
    OutOfMemory,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum LogLevel {
    Debug,
    Verbose,
    Notice,
    Warning,
}

/// The state that all workers share.
pub struct Engine {
    pub world: Arc<World>,
    pub config: config::Config,
    pub clients: clients::Clients,
    pub acl: acl::Acl,
    pub waits: blocking::Waits,
    /// Keys that are being moved to other servers.
    pub under_way: migrate::UnderWay,
    pub pubsub: pubsub::PubSub,
    pub tracking: tracking::Tracking,
    pub monitors: monitor::Monitors,
    pub command_logs: commandlog::CommandLogs,
    pub latencies: latency::Latencies,
    /// What other threads send to the clients of each worker.
    pub inboxes: Box<[post::Inbox]>,
    pub scripts: lua::Scripts,
    pub workers: parking_lot::RwLock<Vec<Arc<stats::WorkerStats>>>,
    pub shared_stats: stats::SharedStats,
    pub run_id: String,
    pub started_ms: i64,
    pub last_save_s: AtomicI64,
    /// Reasons for a closer look at each command; 0 nearly always. Bits of [`gates`].
    pub gates: AtomicU32,
    /// `DEBUG SET-ACTIVE-EXPIRE`
    pub active_expire: AtomicBool,
    /// `DEBUG PAUSE-CRON`: nothing periodic is done.
    pub cron_paused: AtomicBool,
    /// Rates, as the cron samples them.
    pub samples: parking_lot::Mutex<info::sample::Samples>,
    pub replication: replication::Replication,
    pub persist: persist::Status,
    hooks: OnceLock<Box<dyn Hooks>>,
}

/// Bits of [`Engine::gates`].
pub mod gates {
    pub const LOADING: u32 = 1;
    pub const PAUSED: u32 = 2;
    /// More memory is used than `maxmemory` allows, and nothing can be evicted.
    pub const OUT_OF_MEMORY: u32 = 4;
    pub const MONITORS: u32 = 8;
    pub const SHUTTING_DOWN: u32 = 16;
    /// What is written cannot be kept: see [`super::Engine::disk_error`].
    pub const MISCONF: u32 = 32;
    /// A point in time is being written down: writes of dear keys may have to wait.
    pub const CUT: u32 = 64;
    /// Somebody tracks keys: changes are to be noted. No reason to look closer at a command.
    pub const TRACKING: u32 = 128;
    /// This server follows another one.
    pub const REPLICA: u32 = 256;
    /// Fewer good replicas than `min-replicas-to-write` asks for.
    pub const FEW_REPLICAS: u32 = 512;
    /// Keys are being moved to another server: see [`super::migrate`].
    pub const MIGRATING: u32 = 1024;
}

impl Engine {
    pub fn new(config: config::Config, workers: usize, databases: usize, now_ms: i64) -> Arc<Engine> {
        let engine = Arc::new(Engine {
            world: World::new(workers, databases),
            config,
            clients: clients::Clients::default(),
            acl: acl::Acl::default(),
            waits: blocking::Waits::default(),
            under_way: migrate::UnderWay::default(),
            pubsub: pubsub::PubSub::default(),
            tracking: tracking::Tracking::default(),
            monitors: monitor::Monitors::default(),
            command_logs: commandlog::CommandLogs::default(),
            latencies: latency::Latencies::default(),
            inboxes: (0..workers).map(|_| post::Inbox::default()).collect(),
            scripts: lua::Scripts::default(),
            workers: parking_lot::RwLock::default(),
            shared_stats: stats::SharedStats::default(),
            run_id: random_id(),
            started_ms: now_ms,
            last_save_s: AtomicI64::new(now_ms / 1000),
            gates: AtomicU32::new(0),
            active_expire: AtomicBool::new(true),
            cron_paused: AtomicBool::new(false),
            samples: parking_lot::Mutex::default(),
            replication: replication::Replication::default(),
            persist: persist::Status::default(),
            hooks: OnceLock::new(),
        });
        engine.acl.set_default_password(&engine, &engine.config.requirepass.bytes());
        engine
    }

    /// Connects the engine to its process. Once.
    pub fn attach(&self, hooks: Box<dyn Hooks>) {
        let _ = self.hooks.set(hooks);
    }

    pub fn hooks(&self) -> Option<&dyn Hooks> {
        self.hooks.get().map(|h| &**h)
    }

    /// The operating system's readings; all zero if nobody attached one.
    pub fn os(&self) -> &dyn os::Os {
        self.hooks().map_or(&os::Unknown, |h| h.os())
    }

    /// Frees `objects` values away from the client's path; here, if there is nobody to do it.
    pub fn free_apart<T: Send + 'static>(&self, objects: usize, values: T) {
        let values = self.shared_stats.lazyfree.count(objects, values);
        if let Some(h) = self.hooks() {
            h.free_apart(Box::new(values));
        }
    }

    pub fn log(&self, level: LogLevel, text: &str) {
        if let Some(h) = self.hooks() {
            h.log(level, text);
        }
    }

    /// `timeout`: closes clients that sent nothing for so long; has those looked at that leave replies unread. Those that wait for keys, subscribers, monitors and
    /// replication links are spared, as in Redis.
    pub fn drop_idle_clients(&self, now_ms: i64) {
        use clients::flag::{BLOCKED, MONITOR, PRIMARY, PUBSUB, REPLICA};
        let allowed_ms = self.config.timeout_secs.get().saturating_mul(1000);
        for client in self.clients.list() {
            if client.output_bytes.load(Relaxed) > 0 {
                // A soft limit may have been exceeded for too long by a client to whom nobody sends any more.
                client.post(|m| m.recheck = true);
            }
            if allowed_ms == 0 {
                continue;
            }
            let spared = client.has(BLOCKED | MONITOR | PUBSUB | REPLICA | PRIMARY);
            if !spared && now_ms - client.last_active_ms.load(Relaxed) > allowed_ms {
                self.log(LogLevel::Verbose, "Closing idle client");
                client.post(|m| m.kill = Some(false));
            }
        }
    }

    /// A script that runs is looked at: it may overrun its time.
    #[cold]
    pub fn script_goes_on(&self) {
        let limit_ms = self.config.busy_reply_threshold_ms.get();
        let running = &self.scripts.running;
        let since = running.since();
        if limit_ms > 0 && !running.overruns() && since.elapsed().as_millis() as i64 >= limit_ms {
            running.set_overrun();
            self.world.set_long(true);
            self.log(LogLevel::Warning, "Slow script detected: still in execution after the time that busy-reply-threshold gives. You can end it with SCRIPT KILL, or FUNCTION KILL.");
        }
        if running.overruns()
            && let Some(hooks) = self.hooks()
        {
            hooks.attend();
        }
    }

    /// How long a command took, if it was called while `latency-tracking` was on.
    pub fn histogram(&self, command: &table::Command) -> Option<histogram::Summed> {
        let workers = self.workers.read();
        let mut some = workers.iter().filter_map(|w| w.commands.get(command.id as usize)?.histogram.get()).peekable();
        some.peek()?;
        Some(histogram::Summed::of(some)).filter(|h| h.count() > 0)
    }

    /// CONFIG RESETSTAT.
    pub fn reset_stats(&self) {
        self.workers.read().iter().for_each(|w| w.reset());
        self.shared_stats.reset();
        self.acl.denied.iter().for_each(|n| n.store(0, Relaxed));
    }

    pub fn set_gate(&self, bit: u32, on: bool) {
        if on {
            self.gates.fetch_or(bit, Relaxed)
        } else {
            self.gates.fetch_and(!bit, Relaxed)
        };
    }
}

/// 40 random hexadecimal digits: a run's id, a replication history's id.
pub fn random_id() -> String {
    let mut id = [0u8; 20];
    crate::base::rng::fill_entropy(&mut id);
    id.iter().map(|b| format!("{b:02x}")).collect()
}
