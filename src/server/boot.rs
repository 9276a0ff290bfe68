//! stand-in boot
use super::worker::{self, Incoming};
use crate::engine::{Engine, config::Config};
use std::sync::atomic::Ordering::Relaxed;

pub fn quick(port: u16, threads: usize) -> anyhow::Result<()> {
    crate::commands::install();
    let config = Config::default();
    config.proto_max_bulk_len.set(512 << 20);
    let engine = Engine::new(config, threads, 16, super::now_ms());
    let workers: Vec<_> = (0..threads).map(|i| worker::start(engine.clone(), i)).collect::<Result<_, _>>()?;
    let listener = std::net::TcpListener::bind(("127.0.0.1", port))?;
    loop {
        let (s, _) = listener.accept()?;
        if let Some(w) = workers.iter().min_by_key(|w| w.load.load(Relaxed)) {
            w.load.fetch_add(1, Relaxed);
            let _ = w.inbox.send(Incoming::Tcp(s));
        }
    }
}
