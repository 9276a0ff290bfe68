//! Carries keys to other servers for MIGRATE: one connection to a server is kept for some seconds, as Redis keeps it.
//!
//! AUTH and SELECT are answered before the first key is sent: no key may end up in a database that was not meant.

use crate::client::{Stream, push_command};
use crate::engine::Engine;
use crate::engine::migrate::{Destination, Failure, Parcel, Trip};
use crate::engine::worker::moved::finish;
use parking_lot::Mutex;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// How long an idle connection is kept, and how many (Redis: MIGRATE_SOCKET_CACHE_TTL, MIGRATE_SOCKET_CACHE_ITEMS).
const KEPT: Duration = Duration::from_secs(10);
const MOST: usize = 64;
/// Bytes of keys sent at once.
const AT_ONCE: usize = 256 << 10;
/// Longer replies are cut off: RESTORE has none.
const LONGEST_REPLY: usize = 64 << 10;

#[derive(Default)]
pub struct Couriers {
    kept: Mutex<Vec<Courier>>,
    /// A thread sees to it that none is kept for too long.
    watched: AtomicBool,
    /// Threads that carry keys at this moment.
    under_way: AtomicUsize,
}

/// As many keys' carriers there are at most: each has a thread and what it carries. Who comes then carries its keys itself, and its
/// worker waits.
const CARRIERS: usize = 64;

struct Courier {
    to: (Vec<u8>, Vec<u8>),
    stream: Stream,
    input: Vec<u8>,
    /// The database selected there.
    db: i64,
    used: Instant,
    fresh: bool,
}

impl Couriers {
    /// Does so in a thread of its own, and finishes what is to be done here then; `logged` is called when the log has heard of it.
    pub fn carry(
        self: &Arc<Self>,
        engine: Arc<Engine>,
        trip: Box<Trip>,
        logged: impl FnOnce() + Send + 'static,
    ) -> Result<(), Box<Trip>> {
        if self.under_way.fetch_add(1, Relaxed) >= CARRIERS {
            self.under_way.fetch_sub(1, Relaxed);
            return Err(trip);
        }
        // What the thread is to take along stays within reach until there is one.
        let luggage = Arc::new(Mutex::new(Some(trip)));
        let (me, taken) = (self.clone(), luggage.clone());
        let travel = move || {
            let Some(mut trip) = taken.lock().take() else { return };
            let to = trip.to.clone();
            let outcome = me.send(&engine, &to, &mut trip.parcels);
            finish(&engine, &trip, outcome, &super::now_ms);
            logged();
            me.under_way.fetch_sub(1, Relaxed);
        };
        if super::os::spawn("migrate", travel).is_err()
            && let Some(trip) = luggage.lock().take()
        {
            self.under_way.fetch_sub(1, Relaxed);
            return Err(trip);
        }
        Ok(())
    }

    /// Sends everything, and waits for all replies.
    pub fn send(
        self: &Arc<Self>,
        engine: &Arc<Engine>,
        to: &Destination,
        parcels: &mut [Parcel],
    ) -> Result<(), Failure> {
        loop {
            let mut courier = self.take(engine, to)?;
            let outcome = courier.carry(to, parcels);
            match &outcome {
                Err(Stopped::Lost(_)) if !courier.fresh && parcels.iter().all(|p| !p.arrived) => {
                    // It was closed since it was used last; now without one that was kept.
                    continue;
                }
                // What is left over would be taken for the reply to something else.
                Ok(()) if courier.input.is_empty() => self.keep(courier, engine),
                Ok(()) => {}
                Err(_) => {}
            }
            self.count(engine);
            return outcome.map_err(|stopped| match stopped {
                Stopped::Lost(failure) | Stopped::Late(failure) => failure,
            });
        }
    }

    fn take(&self, engine: &Engine, to: &Destination) -> Result<Courier, Failure> {
        let mut kept = self.kept.lock();
        if let Some(at) = kept.iter().position(|c| c.to.0 == to.host && c.to.1 == to.port) {
            return Ok(kept.swap_remove(at));
        }
        drop(kept);
        Courier::connect(engine, to)
    }

    fn keep(self: &Arc<Self>, mut courier: Courier, engine: &Arc<Engine>) {
        (courier.used, courier.fresh) = (Instant::now(), false);
        let mut kept = self.kept.lock();
        if kept.len() >= MOST {
            kept.remove(0);
        }
        kept.push(courier);
        drop(kept);
        if !self.watched.swap(true, Relaxed) {
            let (me, engine) = (self.clone(), engine.clone());
            let watch = move || while me.close_idle(&engine) {};
            if super::os::spawn("couriers", watch).is_err() {
                self.watched.store(false, Relaxed);
            }
        }
    }

    /// Closes those that nobody has used for a while; false when none is left.
    fn close_idle(&self, engine: &Engine) -> bool {
        std::thread::sleep(Duration::from_secs(1));
        let mut kept = self.kept.lock();
        kept.retain(|c| c.used.elapsed() < KEPT);
        let some = !kept.is_empty();
        self.watched.store(some, Relaxed);
        drop(kept);
        self.count(engine);
        some
    }

    fn count(&self, engine: &Engine) {
        engine.shared_stats.migrate_sockets.store(self.kept.lock().len() as u64, Relaxed);
    }
}

enum Stopped {
    /// The connection is of no use any more.
    Lost(Failure),
    /// So it is; but for the other server being slow, which another connection would not change. Or it refused.
    Late(Failure),
}

fn stopped(error: &io::Error, failure: Failure) -> Stopped {
    match error.kind() {
        ErrorKind::WouldBlock | ErrorKind::TimedOut => Stopped::Late(failure),
        _ => Stopped::Lost(failure),
    }
}

/// Shakes hands if `tls-cluster` says so.
fn secure(engine: &Engine, stream: TcpStream, host: &str, timeout: Duration) -> io::Result<Stream> {
    stream.set_nodelay(true)?;
    if !engine.config.tls_cluster.get() {
        return Ok(Stream::Tcp(stream));
    }
    stream.set_read_timeout(Some(timeout))?;
    stream.set_write_timeout(Some(timeout))?;
    super::tls::as_client(&engine.config).wrap(stream, host)
}

impl Courier {
    fn connect(engine: &Engine, to: &Destination) -> Result<Courier, Failure> {
        let host = std::str::from_utf8(&to.host).map_err(|_| Failure::Connect)?;
        // As C's atoi; no such port is a connection that fails.
        let port = std::str::from_utf8(&to.port).ok().and_then(|port| port.parse::<u16>().ok()).unwrap_or(0);
        let addresses = (host, port).to_socket_addrs().map_err(|_| Failure::Connect)?;
        for address in addresses {
            // Redis notices that nobody listens when it begins to write.
            let Ok(stream) = TcpStream::connect_timeout(&address, to.timeout) else { continue };
            let stream = secure(engine, stream, host, to.timeout).map_err(|_| Failure::Connect)?;
            return Ok(Courier {
                to: (to.host.clone(), to.port.clone()),
                stream,
                input: Vec::new(),
                db: 0,
                used: Instant::now(),
                fresh: true,
            });
        }
        Err(Failure::Write)
    }

    fn carry(&mut self, to: &Destination, parcels: &mut [Parcel]) -> Result<(), Stopped> {
        let mut out = Vec::new();
        let mut first = 0;
        if !to.auth.is_empty() {
            let words: Vec<&[u8]> = [&b"AUTH"[..]].into_iter().chain(to.auth.iter().map(Vec::as_slice)).collect();
            push_command(&mut out, &words);
            first += 1;
        }
        if self.db != to.db {
            push_command(&mut out, &[&b"SELECT"[..], to.db.to_string().as_bytes()]);
            first += 1;
        }
        let mut refused = None;
        if first > 0 {
            self.write(&out, to.timeout)?;
            for _ in 0..first {
                if let Some(error) = self.reply(to.timeout)? {
                    refused.get_or_insert(error);
                }
            }
            if let Some(error) = refused {
                return Err(Stopped::Late(Failure::Refused(error)));
            }
            self.db = to.db;
        }
        out.clear();
        for parcel in &*parcels {
            push_command(&mut out, &parcel.words);
            if out.len() >= AT_ONCE {
                self.write(&out, to.timeout)?;
                out.clear();
            }
        }
        self.write(&out, to.timeout)?;
        for parcel in parcels {
            match self.reply(to.timeout)? {
                None => parcel.arrived = true,
                Some(error) => drop(refused.get_or_insert(error)),
            }
        }
        refused.map_or(Ok(()), |error| Err(Stopped::Late(Failure::Refused(error))))
    }

    fn write(&mut self, bytes: &[u8], timeout: Duration) -> Result<(), Stopped> {
        let _ = self.stream.set_write_timeout(Some(timeout)); // it is never zero
        let sent = self.stream.write_all(bytes).and_then(|()| self.stream.flush());
        sent.map_err(|error| stopped(&error, Failure::Write))
    }

    /// Reads a reply of one line: the text of an error, or nothing.
    fn reply(&mut self, timeout: Duration) -> Result<Option<Vec<u8>>, Stopped> {
        let deadline = Instant::now() + timeout;
        loop {
            if let Some(end) = memchr::memchr(b'\n', &self.input) {
                let line: Vec<u8> = self.input.drain(..=end).collect();
                let text = line.strip_prefix(b"-").map(|text| text.trim_ascii_end().to_vec());
                return Ok(text);
            }
            if self.input.len() > LONGEST_REPLY {
                return Err(Stopped::Late(Failure::Read));
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(Stopped::Late(Failure::Read));
            }
            let _ = self.stream.set_read_timeout(Some(left)); // it is not zero
            let mut some = [0; 4096];
            match self.stream.read(&mut some) {
                Ok(0) => return Err(Stopped::Lost(Failure::Read)),
                Ok(n) => self.input.extend_from_slice(&some[..n]),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(stopped(&error, Failure::Read)),
            }
        }
    }
}
