//! The port for those who watch: `/metrics` for Prometheus, `/healthz` and `/readyz` for whoever restarts or routes, and if
//! `metrics-page` says so a page for people. Read-only HTTP, one request a connection, on a thread of its own; nothing here waits for a client, and a client that stalls is dropped.

use super::listen::bind_tcp;
use super::page;
use crate::base::rng::Rng;
use crate::engine::info::{Source, prometheus};
use crate::engine::{Engine, gates};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A request's head may be so long, and take so long.
const MOST_HEAD: usize = 8 * 1024;
const PATIENCE: Duration = Duration::from_secs(5);
/// Connections served at the same time; those beyond wait to be accepted.
const MOST_CLIENTS: usize = 64;

/// Starts serving `metrics-port` on the addresses of `bind`, if there is such a port.
pub fn start(engine: &Arc<Engine>) -> Result<(), String> {
    let port = engine.config.metrics_port.get() as u16;
    if port == 0 {
        return Ok(());
    }
    let mut bound = Vec::new();
    for address in engine.config.bind.get() {
        let optional = address.starts_with('-');
        match bind_tcp(address.trim_start_matches('-'), port, 128) {
            Ok(sockets) => bound.extend(sockets),
            Err(_) if optional => {}
            Err(e) => return Err(format!("Failed listening on port {port} (metrics): {}", super::reason(&e))),
        }
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|e| super::reason(&e))?;
    let engine = engine.clone();
    let run = move || {
        let room = Arc::new(tokio::sync::Semaphore::new(MOST_CLIENTS));
        runtime.block_on(async move {
            for socket in bound {
                if let Ok(socket) = TcpListener::from_std(socket) {
                    tokio::spawn(accept(engine.clone(), socket, room.clone()));
                }
            }
            std::future::pending::<()>().await;
        });
    };
    super::os::spawn("metrics", run).map_err(|e| super::reason(&e))?;
    super::log::notice(&format!("Metrics are served on port {port}"));
    Ok(())
}

async fn accept(engine: Arc<Engine>, socket: TcpListener, room: Arc<tokio::sync::Semaphore>) {
    loop {
        let Ok(place) = room.clone().acquire_owned().await else { return };
        match socket.accept().await {
            Ok((stream, peer)) => {
                let engine = engine.clone();
                // As for other clients: without a password, protected mode serves this host only.
                let open = !engine.config.protected_mode.get() || !engine.acl.needs_no_password();
                let allowed = open || peer.ip().to_canonical().is_loopback();
                tokio::spawn(async move {
                    let _ = tokio::time::timeout(PATIENCE, serve(&engine, stream, allowed)).await;
                    drop(place);
                });
            }
            // Out of descriptors, mostly.
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}

async fn serve(engine: &Arc<Engine>, mut stream: TcpStream, allowed: bool) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.windows(4).any(|w| w == b"\r\n\r\n") {
        let mut buf = [0; 1024];
        let n = stream.read(&mut buf).await?;
        if n == 0 || head.len() + n > MOST_HEAD {
            return Ok(());
        }
        head.extend_from_slice(&buf[..n]);
    }
    let line = head.split(|b| *b == b'\r').next().unwrap_or_default();
    let mut words = line.split(|b| *b == b' ');
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let path = target.split(|b| *b == b'?').next().unwrap_or_default();
    let (status, kind, body) = match (allowed, method) {
        (false, _) => ("403 Forbidden", TEXT, "protected mode: only this host is served\n".to_owned()),
        (true, b"GET" | b"HEAD") => answer(engine, path),
        (true, _) => ("405 Method Not Allowed", TEXT, "read-only\n".to_owned()),
    };
    let shown = if method == b"HEAD" { "" } else { &body };
    let reply = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nCache-Control: no-store\r\nContent-Security-Policy: {}\r\nReferrer-Policy: no-referrer\r\nX-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n{shown}",
        body.len(),
        page::POLICY
    );
    stream.write_all(reply.as_bytes()).await?;
    stream.shutdown().await
}

const TEXT: &str = "text/plain; charset=utf-8";

fn answer(engine: &Arc<Engine>, path: &[u8]) -> (&'static str, &'static str, String) {
    let loading = engine.gates.load(Relaxed) & (gates::LOADING | gates::SHUTTING_DOWN) != 0;
    match path {
        b"/metrics" => match metrics(engine) {
            Some(text) => ("200 OK", "text/plain; version=0.0.4; charset=utf-8", text),
            None => busy(),
        },
        b"/" if engine.config.metrics_page.get() => ("200 OK", "text/html; charset=utf-8", page::DOCUMENT.to_owned()),
        b"/page.json" if engine.config.metrics_page.get() => match page::data(engine) {
            Some(text) => ("200 OK", "application/json", text),
            None => busy(),
        },
        b"/healthz" => ("200 OK", TEXT, "ok\n".to_owned()),
        b"/readyz" if loading => ("503 Service Unavailable", TEXT, "loading or shutting down\n".to_owned()),
        b"/readyz" => ("200 OK", TEXT, "ready\n".to_owned()),
        _ => ("404 Not Found", TEXT, "there are /metrics, /healthz and /readyz\n".to_owned()),
    }
}

fn busy() -> (&'static str, &'static str, String) {
    ("503 Service Unavailable", TEXT, "too much is looking at the keyspace: ask again\n".to_owned())
}

/// `None` if every visitor's seat is taken.
fn metrics(engine: &Arc<Engine>) -> Option<String> {
    let mut access = engine.visit()?;
    access.enter();
    let mut rng = Rng::new(1);
    let now_ms = super::now_ms();
    let mut source = Source { engine, access: &mut access, rng: &mut rng, now_ms };
    Some(prometheus::metrics(&mut source))
}
