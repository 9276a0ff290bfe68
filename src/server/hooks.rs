//! The process as the engine sees it: what the engine asks of threads, sockets, files and the operating system.

use super::boot::{SharedPidFile, Stop, enter_dir, level};
use super::config_files::{SystemFiles, replace_file};
use super::free::Freeing;
use super::migrate::Couriers;
use super::persist::Persist;
use super::stop::Stopping;
use super::{listen::Listener, log, process, tls};
use crate::engine::clients::Client;
use crate::engine::config::load::Files;
use crate::engine::config::{ConfigHooks, Refusal};
use crate::engine::migrate::{Destination, Failure, Parcel, Trip};
use crate::engine::os::Os;
use crate::engine::persist::Persistence;
use crate::engine::{Crash, Engine, Hooks, LogLevel, Shutdown, Stopped, gates};
use crate::keyspace::world::Access;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, OnceLock, mpsc};

/// The directives that say where to listen.
const LISTENING: &[&str] = &["port", "tls-port", "bind", "tcp-backlog"];

/// The process, as the engine sees it.
pub struct Process {
    pub stop: mpsc::Sender<Stop>,
    pub listener: OnceLock<Arc<Listener>>,
    pub engine: OnceLock<std::sync::Weak<Engine>>,
    pub freeing: Freeing,
    pub persist: OnceLock<Arc<Persist>>,
    pub couriers: Arc<Couriers>,
    pub stopping: Arc<Stopping>,
    pub pidfile: SharedPidFile,
}

impl Process {
    pub fn is_loading(&self) -> bool {
        let engine = self.engine.get().and_then(std::sync::Weak::upgrade);
        engine.is_some_and(|engine| engine.gates.load(Relaxed) & gates::LOADING != 0)
    }

    /// Removes what tells others that the server is there.
    pub fn farewell(&self) {
        if let Some(engine) = self.engine.get().and_then(std::sync::Weak::upgrade)
            && !engine.config.unixsocket.is_empty()
        {
            log::notice("Removing the unix socket file.");
            let _ = std::fs::remove_file(engine.config.unixsocket.get());
        }
        drop(self.pidfile.lock().take());
        log::warning("Redis is now ready to exit, bye bye...");
    }

    /// Ends the process while a dataset is being loaded, as Redis does: half of one is not saved over the whole one, and whoever
    /// loads it is not waited for, who may be waiting for what is held here.
    pub fn leave(&self) -> ! {
        self.farewell();
        std::process::exit(0)
    }

    /// Gives replicas time to catch up; false if there is no need to.
    pub fn wait_for_replicas(self: &Arc<Self>, how: Shutdown, client: Option<&Arc<Client>>) -> bool {
        let Some(engine) = self.engine.get().and_then(std::sync::Weak::upgrade) else { return false };
        let me = self.clone();
        self.stopping.wait(&engine, how, client, move |access| me.end(how, access))
    }

    /// Returns only if the process must not end: what was to be saved could not be.
    fn end(&self, how: Shutdown, access: &mut Access) {
        let prepared = self.persist.get().is_none_or(|p| p.prepare_shutdown(how, access));
        if !prepared || self.stop.send(Stop::Command).is_err() {
            return log::warning("Errors trying to shut down the server. Check the logs for more information.");
        }
        // Everything is held, and stays so: nobody can be told of a change any more that is not saved.
        loop {
            std::thread::park();
        }
    }
}

impl Hooks for Arc<Process> {
    fn shutdown(&self, how: Shutdown, client: &Arc<Client>, access: &mut Access) -> Stopped {
        log::warning("User requested shutdown...");
        if self.is_loading() {
            self.leave();
        }
        // Under a script that overruns its time nothing can be held, and nothing is waited for.
        let overruns = |engine: Arc<Engine>| engine.scripts.running.overruns();
        if !self.engine.get().and_then(std::sync::Weak::upgrade).is_some_and(overruns) {
            access.raise();
            if self.wait_for_replicas(how, Some(client)) {
                return Stopped::Waits;
            }
        }
        self.end(how, access);
        Stopped::Failed
    }

    fn abort_shutdown(&self) -> bool {
        self.stopping.abort()
    }

    fn shutdown_left_ms(&self) -> Option<i64> {
        self.stopping.is_under_way().then(super::stop::left_ms)
    }

    fn persistence(&self) -> Option<&dyn Persistence> {
        self.persist.get().map(|p| p as &dyn Persistence)
    }

    fn carry_keys(&self, trip: Box<Trip>) -> Result<(), Box<Trip>> {
        match self.engine.get().and_then(std::sync::Weak::upgrade) {
            Some(engine) => {
                let persist = self.persist.get().cloned();
                let logged = move || {
                    if let Some(persist) = persist {
                        persist.log_file.logged();
                    }
                };
                Couriers::carry(&self.couriers, engine, trip, logged)
            }
            None => Err(trip),
        }
    }

    fn send_keys(&self, to: &Destination, keys: &mut [Parcel]) -> Result<(), Failure> {
        match self.engine.get().and_then(std::sync::Weak::upgrade) {
            Some(engine) => Couriers::send(&self.couriers, &engine, to, keys),
            None => Err(Failure::Connect),
        }
    }

    fn crash(&self, how: Crash) {
        super::os::crash(how);
    }

    fn attend(&self) {
        super::busy::attend();
    }

    fn os(&self) -> &dyn Os {
        &super::os::ThisProcess
    }

    fn log(&self, level: LogLevel, text: &str) {
        log::write(level, text);
    }

    fn free_apart(&self, values: Box<dyn Send>) {
        self.freeing.free(values);
    }
}

impl Process {
    /// Does what follows from the new value of one directive.
    fn carry_out(&self, engine: &Arc<Engine>, name: &str) -> Result<(), String> {
        let config = &engine.config;
        match name {
            "loglevel" => log::set_level(level(config)),
            "logfile" => log::set_file(&config.logfile.get()).map_err(|e| super::reason(&e))?,
            "dir" => enter_dir(config).map_err(|e| e.rsplit(": ").next().unwrap_or("?").to_owned())?,
            "maxclients" => {
                let mut allowed = None;
                process::allow_descriptors(config.maxclients.get(), &mut |n| allowed = Some(n));
                if let Some(n) = allowed {
                    return Err(format!(
                        "The operating system is not able to handle the specified number of clients, try with {n}"
                    ));
                }
            }
            "appendonly" => {
                if let Some(persist) = self.persist.get() {
                    persist.switch_log(config.appendonly.get())?;
                }
            }
            "aof-timestamp-enabled" => engine.world.log.stamp_tap(config.aof_timestamp_enabled.get()),
            "repl-backlog-size" => {
                let size = config.repl_backlog_size.get() as usize;
                engine.world.log.with_backlog(|b| b.set_size(size));
            }
            "min-replicas-to-write" | "min-replicas-max-lag" => engine.review_replicas(super::now_ms()),
            "save" | "stop-writes-on-bgsave-error" => engine.review_disk_error(),
            "oom-score-adj" | "oom-score-adj-values" => process::set_oom_score(config),
            _ => {}
        }
        Ok(())
    }
}

impl ConfigHooks for Arc<Process> {
    fn changed(&self, names: &[&'static str]) -> Result<(), Refusal> {
        let Some(engine) = self.engine.get().and_then(std::sync::Weak::upgrade) else { return Ok(()) };
        // What listens on a new port needs it.
        if let Some(name) = names.iter().find(|name| name.starts_with("tls-"))
            && let Err(why) = tls::configure(&engine.config)
        {
            log::warning(&why);
            return Err(Refusal { name, why: "Unable to update TLS configuration. Check server logs.".to_owned() });
        }
        if let Some(name) = names.iter().find(|name| LISTENING.contains(name))
            && let Some(listener) = self.listener.get()
            && listener.listen().is_err()
        {
            let why = match *name {
                "bind" => "Failed to bind to specified addresses.",
                _ => "Unable to listen on this port. Check server logs.",
            };
            return Err(Refusal { name, why: why.to_owned() });
        }
        for name in names {
            self.carry_out(&engine, name).map_err(|why| Refusal { name, why })?;
        }
        Ok(())
    }

    fn read_file(&self, path: &str) -> Result<Vec<u8>, String> {
        SystemFiles.read(path)
    }

    fn rewrite_file(&self, path: &str, rewrite: &dyn Fn(&[u8]) -> Vec<u8>) -> Result<(), String> {
        replace_file(path, rewrite)
    }
}
