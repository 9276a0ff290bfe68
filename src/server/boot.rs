//! From a command line to a serving process, and back out of it in an orderly way.

use super::config_files::SystemFiles;
use super::free::Freeing;
use super::hooks::Process;
use super::persist::Persist;
use super::{listen::Listener, log, process, tls, worker};
use crate::engine::config::REDIS_VERSION;
use crate::engine::config::load::Files;
use crate::engine::config::{Config, choices, load};
use crate::engine::{Engine, LogLevel, Shutdown, gates};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, OnceLock, mpsc};
use tokio::signal::unix::{SignalKind, signal};

/// Why the process should end.
pub enum Stop {
    Signal(&'static str),
    Command,
}

/// Runs the server with the words that followed `serve`. Returns when it was told to stop.
pub fn run(words: &[Vec<u8>]) -> ExitCode {
    let loaded = match load::from_command_line(words, &SystemFiles) {
        Ok(loaded) => loaded,
        Err(e) => {
            eprintln!("{e}");
            return ExitCode::FAILURE;
        }
    };
    match serve(loaded.config, &loaded.notices) {
        Ok(()) => ExitCode::SUCCESS,
        Err(text) => {
            log::warning(&text);
            ExitCode::FAILURE
        }
    }
}

fn serve(config: Config, notices: &[String]) -> Result<(), String> {
    crate::commands::install_renamed(&config.lines.rename_command.read())
        .map_err(|why| format!("*** FATAL CONFIG FILE ERROR (Redis {REDIS_VERSION}) ***\n{why}"))?;
    log::set_level(level(&config));
    let logfile = config.logfile.get();
    log::set_file(&logfile).map_err(|e| {
        format!(
            "Can't open the log file '{logfile}': {}. Make its directory, or name another with --logfile.",
            super::reason(&e)
        )
    })?;
    if config.syslog_enabled.get() {
        log::set_syslog(&config.syslog_ident.get(), config.syslog_facility.get() as u8);
    }
    enter_dir(&config).map_err(|e| format!("{e}. Make it, or name another with --dir."))?;
    let supervised = process::Supervisor::find(config.supervised.get());
    if config.daemonize.get() && !supervised.is_there() {
        super::os::daemonize().map_err(|e| format!("Can't run in the background: {}", super::reason(&e)))?;
    }
    log::notice("oO0OoO0OoO0Oo Redis is starting oO0OoO0OoO0Oo");
    log::notice(&format!(
        "Redis version={}, bits=64, commit=00000000, modified=0, pid={}, just started (rustredis {})",
        crate::engine::config::REDIS_VERSION,
        std::process::id(),
        env!("CARGO_PKG_VERSION")
    ));
    match config.file() {
        Some(_) => log::notice("Configuration loaded"),
        None => log::warning(
            "Warning: no config file specified, using the default config. In order to specify a config file use rustredis serve /path/to/redis.conf",
        ),
    }
    for n in notices {
        log::notice(n);
    }
    process::allow_descriptors(config.maxclients.get(), &mut |n| {
        log::warning(&format!(
            "The system allows too few open files: 'maxclients' is lowered to {n}. `ulimit -n` (or systemd's LimitNOFILE=) allows more."
        ));
        config.maxclients.set(n);
    });
    process::set_oom_score(&config);

    let threads = match config.wanted_threads() {
        0 => std::thread::available_parallelism().map_or(1, |n| n.get()),
        n => n,
    };
    if threads > 1 {
        crate::base::alloc::share_pages();
    }
    let databases = config.databases.get() as usize;
    let pidfile = Arc::new(parking_lot::Mutex::new(Some(PidFile::write(&config))));
    // However this function ends.
    let _pidfile = Remover(pidfile.clone());
    let engine = Engine::new(config, threads, databases, super::now_ms());
    let (stop, stopped) = mpsc::channel();
    super::os::spawn("memory", || crate::data::slab::keep_spare())
        .map_err(|e| format!("Can't start a thread: {}", super::reason(&e)))?;
    let freeing = Freeing::start().map_err(|e| format!("Can't start a thread: {}", super::reason(&e)))?;
    let hooks = Arc::new(Process {
        stop: stop.clone(),
        listener: OnceLock::new(),
        engine: OnceLock::new(),
        freeing,
        persist: OnceLock::new(),
        couriers: Arc::default(),
        stopping: Arc::default(),
        pidfile,
    });
    engine.attach(Box::new(hooks.clone()));
    super::crash::install(&engine);
    let _ = hooks.engine.set(Arc::downgrade(&engine));
    engine.acl.load_at_start(&engine, |path| SystemFiles.read(path))?;
    let persist = Persist::new(engine.clone(), Arc::new(crate::base::disk::System));
    let _ = hooks.persist.set(persist.clone());
    let workers =
        (0..threads).map(|seat| worker::start(engine.clone(), persist.clone(), seat)).collect::<Result<Vec<_>, _>>();
    let workers = workers.map_err(|e| format!("Can't start a worker thread: {}", super::reason(&e)))?;
    tls::configure(&engine.config).map_err(|why| {
        log::warning(&why);
        "Failed to configure TLS. Check logs for more info.".to_owned()
    })?;
    let listener =
        Listener::start(engine.clone(), workers).map_err(|e| format!("Can't start: {}", super::reason(&e)))?;
    engine.set_gate(gates::LOADING, true);
    listener.listen()?;
    if listener.is_deaf() {
        return Err("Configured to not listen anywhere, exiting.".to_owned());
    }
    let _ = hooks.listener.set(listener.clone());
    super::metrics::start(&engine)?;
    // A signal that asks for the end is being seen to.
    let asked = Arc::new(AtomicBool::new(false));
    signals(stop, asked.clone(), hooks.clone())?;
    crate::base::alloc::mark_startup();
    log::notice(&format!("Server initialized, {threads} worker thread{}", if threads == 1 { "" } else { "s" }));
    // While there is something to load, whoever comes is told so; otherwise nobody has to hear of the moment that it takes.
    if persist.has_files() {
        listener.open();
    }
    persist.load()?;
    persist.start().map_err(|e| format!("Can't start a thread: {}", super::reason(&e)))?;
    super::replication::start(engine.clone(), persist.clone(), listener.clone())
        .map_err(|e| format!("Can't start a thread: {}", super::reason(&e)))?;
    open(&engine)?;
    listener.open();
    if engine.config.port.get() != 0 {
        log::notice("Ready to accept connections tcp");
    }
    if engine.config.tls_port.get() != 0 {
        log::notice("Ready to accept connections tls");
    }
    if !engine.config.unixsocket.is_empty() {
        log::notice("Ready to accept connections unix");
    }
    supervised.ready();

    // The senders live as long as the process, so this waits for a reason to stop.
    while let Ok(Stop::Signal(name)) = stopped.recv() {
        log::warning(&format!("Received {name} scheduling shutdown..."));
        log::warning("User requested shutdown...");
        let how = asked_by(&engine.config, name);
        // Everything is held: what others are writing is in the log before its end is what replicas have to reach.
        let Some(mut access) = engine.visit() else {
            asked.store(false, Relaxed);
            continue;
        };
        access.raise();
        if hooks.wait_for_replicas(how, None) {
            asked.store(false, Relaxed);
            continue;
        }
        if persist.prepare_shutdown(how, &mut access) {
            // Nobody gets in any more: what was acknowledged is what was saved.
            std::mem::forget(access);
            break;
        }
        log::warning("Errors trying to shut down the server. Check the logs for more information.");
        asked.store(false, Relaxed);
    }
    supervised.stopping();
    listener.close();
    hooks.farewell();
    Ok(())
}

/// The dataset is there: goes on with its history, and serves. Both while everything is held: a write that was carried out
/// between the two would be missing from what a replica is sent that goes on from there.
fn open(engine: &Engine) -> Result<(), String> {
    let mut access = engine.visit().ok_or("Can't start: the keyspace is in use")?;
    access.raise();
    let primary = engine.config.replicaof_address();
    engine.take_up(primary.is_some(), super::now_ms());
    engine.set_gate(gates::LOADING, false);
    if let Some((host, port)) = primary {
        engine.follow(&host, port, super::now_ms());
    }
    Ok(())
}

/// What a signal asks for, by the configuration.
fn asked_by(config: &Config, signal: &str) -> Shutdown {
    use choices::shutdown::{FORCE, NOSAVE, NOW, SAVE};
    let bits = if signal == "SIGINT" { config.shutdown_on_sigint.get() } else { config.shutdown_on_sigterm.get() };
    let save = if bits & NOSAVE != 0 { Some(false) } else { (bits & SAVE != 0).then_some(true) };
    Shutdown { save, now: bits & NOW != 0, force: bits & FORCE != 0, busy: false }
}

pub fn level(config: &Config) -> LogLevel {
    match config.loglevel.get() {
        choices::LogLevel::Debug => LogLevel::Debug,
        choices::LogLevel::Verbose => LogLevel::Verbose,
        choices::LogLevel::Notice => LogLevel::Notice,
        choices::LogLevel::Warning | choices::LogLevel::Nothing => LogLevel::Warning,
    }
}

/// Makes `dir` the working directory, and its name absolute.
pub fn enter_dir(config: &Config) -> Result<(), String> {
    let dir = config.dir.get();
    std::env::set_current_dir(&dir).map_err(|e| format!("Can't chdir to '{dir}': {}", super::reason(&e)))?;
    if let Ok(absolute) = std::env::current_dir() {
        config.dir.set(absolute.as_os_str().as_encoded_bytes());
    }
    Ok(())
}

/// SIGTERM and SIGINT stop the server; writing to a closed connection must not. Both wait for a script that does not end, as in
/// Redis; but who says SIGINT while that lasts, or while replicas are waited for, insists, and there is no more waiting.
fn signals(stop: mpsc::Sender<Stop>, asked: Arc<AtomicBool>, process: Arc<Process>) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let failed = |e: std::io::Error| format!("Can't watch for signals: {}", super::reason(&e));
    let runtime = runtime.map_err(failed)?;
    // Here, not in the thread: from now on no signal ends the process by itself, however late the thread begins.
    let taken = {
        let _inside = runtime.enter();
        let of = |kind| signal(kind).map_err(failed);
        (of(SignalKind::terminate())?, of(SignalKind::interrupt())?, of(SignalKind::hangup())?)
    };
    let watch = move || {
        runtime.block_on(async move {
            let (mut term, mut int, mut hup) = taken;
            loop {
                let name = tokio::select! {
                    _ = term.recv() => "SIGTERM",
                    _ = int.recv() => "SIGINT",
                    // The log is opened anew for each line, so there is nothing to reopen.
                    _ = hup.recv() => continue,
                };
                if process.is_loading() {
                    log::warning(&format!("Received {name} during loading, exiting now."));
                    process.leave();
                }
                let again = asked.swap(true, Relaxed) || process.stopping.is_under_way();
                if again && name == "SIGINT" {
                    log::warning("You insist... exiting now.");
                    std::process::exit(1);
                }
                let _ = stop.send(Stop::Signal(name));
            }
        });
    };
    super::os::spawn("signals", watch).map_err(|e| super::reason(&e))?;
    Ok(())
}

/// The pid file, removed when the process ends in an orderly way.
pub struct PidFile(Option<String>);

/// Whoever takes it out removes the file.
pub type SharedPidFile = Arc<parking_lot::Mutex<Option<PidFile>>>;

struct Remover(SharedPidFile);

impl Drop for Remover {
    fn drop(&mut self) {
        drop(self.0.lock().take());
    }
}

impl PidFile {
    /// Written if it was asked for, or in the background under the default name, as Redis does.
    fn write(config: &Config) -> PidFile {
        let asked = config.pidfile.get();
        let path = match asked.as_str() {
            "" if config.daemonize.get() => "/var/run/redis.pid".to_owned(),
            "" => return PidFile(None),
            _ => asked,
        };
        match std::fs::write(&path, format!("{}\n", std::process::id())) {
            Ok(()) => PidFile(Some(path)),
            Err(e) => {
                log::warning(&format!("Failed to write PID file: {path}: {}", super::reason(&e)));
                PidFile(None)
            }
        }
    }
}

impl Drop for PidFile {
    fn drop(&mut self) {
        if let Some(path) = &self.0 {
            log::notice("Removing the pid file.");
            let _ = std::fs::remove_file(path);
        }
    }
}
