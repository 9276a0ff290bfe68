//! stand-in boot
use super::free::Freeing;
use super::os::{ThisProcess, crash};
use super::worker::{self, Incoming};
use crate::engine::config::{Config, Protected};
use crate::engine::{Crash, Engine, Hooks, LogLevel, Shutdown, os::Os};
use std::sync::atomic::Ordering::Relaxed;

struct Quick(Freeing);

impl Hooks for Quick {
    fn shutdown(&self, _: Shutdown) -> bool {
        std::process::exit(0)
    }
    fn crash(&self, how: Crash) {
        crash(how)
    }
    fn log(&self, level: LogLevel, text: &str) {
        eprintln!("{level:?} {text}");
    }
    fn free_apart(&self, values: Box<dyn Send>) {
        self.0.free(values);
    }
    fn os(&self) -> &dyn Os {
        &ThisProcess
    }
}

pub fn quick(port: u16, threads: usize) -> anyhow::Result<()> {
    crate::commands::install();
    let config = Config::default();
    config.proto_max_bulk_len.set(512 << 20);
    config.maxclients.set(10_000);
    config.hz.set(10);
    config.port.set(i64::from(port));
    config.repl_backlog_size.set(1 << 20);
    if std::env::args().any(|a| a == "--debug") {
        config.enable_debug_command.set(Protected::Local);
    }
    if let Some(p) = std::env::args().skip_while(|a| a != "--requirepass").nth(1) {
        config.requirepass.set(p.as_bytes());
    }
    let engine = Engine::new(config, threads, 16, super::now_ms());
    engine.attach(Box::new(Quick(Freeing::start()?)));
    let workers: Vec<_> = (0..threads).map(|i| worker::start(engine.clone(), i)).collect::<Result<_, _>>()?;
    crate::base::alloc::mark_startup();
    let listener = std::net::TcpListener::bind(("127.0.0.1", port))?;
    loop {
        let (s, _) = listener.accept()?;
        if let Some(w) = workers.iter().min_by_key(|w| w.load.load(Relaxed)) {
            w.load.fetch_add(1, Relaxed);
            let _ = w.inbox.send(Incoming::Tcp(s));
        }
    }
}
