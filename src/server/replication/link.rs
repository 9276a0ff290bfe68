//! The link to our primary, from the first connection to the moment when a worker takes it over: handshake, PSYNC, and a
//! whole copy where one is needed. What goes wrong is logged and tried again, less and less often.

use super::super::listen::Listener;
use super::super::persist::Persist;
use super::super::tls;
use super::super::worker::{Incoming, Primary};
use super::super::{log, now_ms};
use super::aside::Aside;
use super::copy;
use super::wire::{self, Wire};
use crate::client::Stream;
use crate::engine::Engine;
use crate::engine::replication::{LinkState, failover, frames};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The pause after a failure, and the longest one.
const PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// What the primary answered to PSYNC.
enum Answer {
    /// The stream goes on; under this history's id, if it says one.
    Continue(String),
    /// A copy comes first, of this history at this offset; `None`: of what it does not say.
    Copy(Option<(String, u64)>),
}

/// Keeps the link up whenever there is to be one. Never returns.
pub fn keep(engine: &Arc<Engine>, persist: &Arc<Persist>, listener: &Arc<Listener>) {
    let mut failures = 0u32;
    let mut last: Option<(u64, Instant)> = None;
    loop {
        let wanted = engine.replication.with_link(|link| match (&link.primary, link.state) {
            (Some(primary), LinkState::Connect) => {
                let primary = primary.clone();
                link.state = LinkState::Connecting;
                Some((primary, link.generation))
            }
            _ => None,
        });
        let Some(((host, port), generation)) = wanted else {
            let waits = engine.failover_state() == failover::State::WaitingForSync;
            engine.replication.await_link(Duration::from_millis(if waits { 20 } else { 500 }));
            engine.advance_failover(now_ms());
            continue;
        };
        // Whoever takes us in only to drop us is not asked more often than one who does not answer.
        if let Some((of, began)) = last
            && of == generation
        {
            pause(engine, generation, began + PAUSE);
        }
        last = Some((generation, Instant::now()));
        match attempt(engine, persist, listener, &host, port, generation) {
            Ok(()) => failures = 0,
            Err(_) if !engine.replication.is_current(generation) => failures = 0,
            Err(why) => {
                log::warning(&why);
                failures += 1;
                let how_long = PAUSE.saturating_mul(failures.div_ceil(3)).min(LONGEST_PAUSE);
                set_state(engine, generation, LinkState::Connect);
                pause(engine, generation, Instant::now() + how_long);
            }
        }
    }
}

/// Waits until then, or until the link is not wanted any more.
fn pause(engine: &Engine, generation: u64, until: Instant) {
    while Instant::now() < until && engine.replication.is_current(generation) {
        engine.replication.await_link(Duration::from_millis(50));
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn set_state(engine: &Engine, generation: u64, state: LinkState) {
    engine.replication.with_link(|link| {
        if link.generation == generation {
            link.state = state;
        }
    });
}

fn attempt(
    engine: &Arc<Engine>,
    persist: &Arc<Persist>,
    listener: &Arc<Listener>,
    host: &str,
    port: u16,
    generation: u64,
) -> Result<(), String> {
    log::notice(&format!("Connecting to MASTER {host}:{port}"));
    let stream = connect(engine, host, port)?;
    log::notice("MASTER <-> REPLICA sync started");
    let mut wire = Wire::new(stream, engine, generation).map_err(|e| super::super::reason(&e))?;
    set_state(engine, generation, LinkState::Handshake);
    greet(engine, &mut wire)?;
    let mut aside = Aside::new(engine);
    match ask(engine, &mut wire)? {
        Answer::Continue(id) => {
            let mut access = engine.visit().ok_or("too many visitors")?;
            access.raise();
            if !wire.is_wanted() {
                return Err("this server follows somebody else now".into());
            }
            let before = engine.replication.ids().now;
            engine.join(&id, None);
            drop(access);
            if !id.is_empty() && id != before {
                log::notice(&format!("Master replication ID changed to {id}"));
            }
            log::notice("MASTER <-> REPLICA sync: Master accepted a Partial Resynchronization.");
            engine.failover_succeeded();
        }
        Answer::Copy(history) => {
            engine.failover_succeeded();
            set_state(engine, generation, LinkState::Sync);
            aside = copy::receive(engine, persist, &mut wire, history)?;
        }
    }
    let db = engine.replication.with_link(|l| l.db);
    let (stream, rest) = wire.into_parts();
    stream.set_read_timeout(None).map_err(|e| super::super::reason(&e))?;
    aside.push(&rest);
    listener.give(Incoming::Primary(Box::new(Primary { stream, aside, db, generation })));
    // Whoever takes it over says so; until then there is nothing to do for this thread.
    let started = Instant::now();
    while started.elapsed() < Duration::from_secs(10)
        && engine.replication.is_current(generation)
        && engine.replication.with_link(|l| !matches!(l.state, LinkState::Connected | LinkState::Connect))
    {
        engine.replication.await_link(Duration::from_millis(20));
    }
    Ok(())
}

fn connect(engine: &Engine, host: &str, port: u16) -> Result<Stream, String> {
    let failed = |e: std::io::Error| format!("Error condition on socket for SYNC: {}", super::super::reason(&e));
    let unknown = |e: std::io::Error| format!("Unable to connect to MASTER: {}", super::super::reason(&e));
    let limit = Duration::from_secs(engine.config.repl_timeout_secs.get().clamp(1, 60) as u64);
    let mut last = "Unable to connect to MASTER: the name has no address".to_owned();
    for address in (host, port).to_socket_addrs().map_err(unknown)? {
        match connect_from(engine, address, limit) {
            Ok(stream) => return secure(engine, stream, host),
            Err(e) => last = failed(e),
        }
    }
    Err(last)
}

/// Shakes hands if `tls-replication` says so. Neither that nor any write waits longer than `repl-timeout`.
fn secure(engine: &Engine, stream: TcpStream, host: &str) -> Result<Stream, String> {
    let limit = Some(wire::timeout(engine));
    let prepared = stream.set_nodelay(true).and_then(|()| stream.set_write_timeout(limit));
    prepared.and_then(|()| stream.set_read_timeout(limit)).map_err(|e| super::super::reason(&e))?;
    if !engine.config.tls_replication.get() {
        return Ok(Stream::Tcp(stream));
    }
    let made = tls::as_client(&engine.config).wrap(stream, host);
    made.map_err(|e| format!("Error condition on socket for SYNC: TLS: {}", super::super::reason(&e)))
}

fn connect_from(engine: &Engine, to: SocketAddr, limit: Duration) -> std::io::Result<TcpStream> {
    use socket2::{Domain, Protocol, Socket, Type};
    let from = engine.config.bind_source_addr.get();
    let socket = Socket::new(Domain::for_address(to), Type::STREAM, Some(Protocol::TCP))?;
    if let Ok(ip) = from.parse::<std::net::IpAddr>() {
        socket.bind(&SocketAddr::new(ip, 0).into())?;
    }
    socket.connect_timeout(&to.into(), limit)?;
    let stream: TcpStream = socket.into();
    // Where nobody listens, the system may by chance have given our end that very port: then we would keep our primary from it.
    if stream.local_addr()? == to {
        return Err(std::io::Error::from_raw_os_error(libc::ECONNREFUSED));
    }
    Ok(stream)
}

/// PING, AUTH, and who we are.
fn greet(engine: &Engine, wire: &mut Wire<'_>) -> Result<(), String> {
    let config = &engine.config;
    wire.send(&["PING"])?;
    let reply = wire.answer()?;
    // A server that wants a password first is there all the same.
    let there = reply.starts_with('+')
        || ["-NOAUTH", "-NOPERM", "-ERR operation not permitted"].iter().any(|code| reply.starts_with(code));
    if !there {
        return Err(format!("Error reply to PING from master: '{reply}'"));
    }
    log::notice("Master replied to PING, replication can continue...");
    let (user, password) = (config.masteruser.get(), config.masterauth.get());
    if !password.is_empty() {
        match user.as_str() {
            "" => wire.send(&["AUTH", &password])?,
            user => wire.send(&["AUTH", user, &password])?,
        }
        let reply = wire.answer()?;
        if reply.starts_with('-') {
            return Err(format!("Unable to AUTH to MASTER: {reply}"));
        }
    }
    let announced = config.replica_announce_port.get();
    let own = if config.tls_replication.get() { config.tls_port.get() } else { config.port.get() };
    let port = if announced != 0 { announced } else { own };
    let mut said: Vec<Vec<String>> = vec![vec!["listening-port".into(), port.to_string()]];
    if !config.replica_announce_ip.is_empty() {
        said.push(vec!["ip-address".into(), config.replica_announce_ip.get()]);
    }
    said.push(["capa", "eof", "capa", "psync2", "capa", frames::CAPA].map(String::from).to_vec());
    // Redis 7 does not know this, and says so: no matter.
    said.push(vec!["version".into(), crate::engine::config::REDIS_VERSION.into()]);
    for words in &said {
        let words: Vec<&str> = std::iter::once("REPLCONF").chain(words.iter().map(String::as_str)).collect();
        wire.send(&words)?;
        let reply = wire.answer()?;
        if reply.starts_with('-') && words[1] != "version" {
            log::notice(&format!("(Non critical) Master does not understand REPLCONF {}: {reply}", words[1]));
        }
    }
    Ok(())
}

/// Asks to go on where we stopped.
fn ask(engine: &Engine, wire: &mut Wire<'_>) -> Result<Answer, String> {
    let torn = engine.replication.with_link(|l| l.torn || l.garbled);
    let (id, next) = match torn {
        true => ("?".to_owned(), -1),
        false => (engine.replication.ids().now, engine.world.log.offset() as i64 + 1),
    };
    if torn {
        log::notice("Partial resynchronization not possible (no cached master)");
    } else {
        log::notice(&format!("Trying a partial resynchronization (request {id}:{next})."));
    }
    let next = next.to_string();
    let hands_over = engine.failover_state() == failover::State::InProgress;
    match hands_over {
        true => wire.send(&["PSYNC", &id, &next, "FAILOVER"])?,
        false => wire.send(&["PSYNC", &id, &next])?,
    }
    let reply = wire.answer()?;
    // Forced to lead, it may lack what we have: then ours is what goes, as in Redis, and there is one primary.
    if hands_over && !reply.starts_with("+CONTINUE") && !reply.starts_with("+FULLRESYNC") {
        let mut access = engine.visit().ok_or("too many visitors")?;
        access.raise();
        if wire.is_wanted() {
            engine.abort_failover("Failover target rejected psync request", now_ms());
        }
        return Err(format!("The failover's target does not take over: {reply}"));
    }
    let mut words = reply.split_whitespace();
    match words.next().unwrap_or_default() {
        "+FULLRESYNC" => {
            let (id, offset) = (words.next().unwrap_or_default(), words.next().and_then(|n| n.parse::<u64>().ok()));
            match offset {
                Some(offset) if id.len() == 40 && id.bytes().all(|b| b.is_ascii_hexdigit()) => {
                    log::notice(&format!("Full resync from master: {id}:{offset}"));
                    Ok(Answer::Copy(Some((id.to_owned(), offset))))
                }
                _ => Err(format!("Master replied with wrong +FULLRESYNC syntax: '{reply}'")),
            }
        }
        "+CONTINUE" => {
            let id = words.next().unwrap_or_default();
            if !id.is_empty() && (id.len() != 40 || !id.bytes().all(|b| b.is_ascii_hexdigit())) {
                return Err(format!("Master replied with wrong +CONTINUE syntax: '{reply}'"));
            }
            log::notice("Successful partial resynchronization with master.");
            Ok(Answer::Continue(id.to_owned()))
        }
        "-NOMASTERLINK" | "-LOADING" => {
            Err(format!("Master is currently unable to PSYNC but should be in the future: {reply}"))
        }
        word if word.starts_with('-') => {
            log::warning(&format!("Master does not support PSYNC or is in error state (reply: {reply})"));
            log::notice("Retrying with SYNC...");
            wire.send(&["SYNC"])?;
            Ok(Answer::Copy(None))
        }
        _ => Err(format!("Unexpected reply to PSYNC from master: '{reply}'")),
    }
}
