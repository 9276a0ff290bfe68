//! One thread's connections, and the loop that keeps them busy.
//!
//! A connection's requests are bytes made in advance, of which only the random digits change. A reply is answered by the
//! next request at once: a round is one `epoll_wait` shared with others, one read, one write. The clock is asked once
//! per read. Linux reports a socket again only after all was read; a read that filled less than its buffer read all.

use super::{replies::Counter, request::Template, schedule::Schedule, tally::Tally};
use crate::{
    args::bench::Options,
    base::rng::Rng,
    client::{Stream, Target, push_command, reason},
};
use mio::{Events, Interest, Poll, Token, unix::SourceFd};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::{
    collections::VecDeque,
    io::{self, ErrorKind, Read, Write},
    os::fd::AsRawFd,
    sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    time::{Duration, Instant},
};

/// A request of the open loop that goes out later than this after its time counts as late.
pub const LATE_NS: u64 = 1_000_000;
/// After the last request was due, replies are waited for so long.
const PATIENCE_NS: u64 = 5_000_000_000;
/// Closer than this to a request's time the clock is watched instead of slept by.
const SPIN_NS: u64 = 60_000;
const INPUT: usize = 64 << 10;

/// One node to send to, and the tags that make keys its own.
#[derive(Clone)]
pub struct Node {
    pub target: Target,
    pub tags: Vec<[u8; 3]>,
}

/// What all threads of a test have in common.
pub struct Shared<'a> {
    pub options: &'a Options,
    pub template: &'a Template,
    pub nodes: &'a [Node],
    pub start: Instant,
    pub fatal: bool,
    pub seconds: bool,
    pub issued: AtomicU64,
    pub finished: AtomicU64,
    /// Nanoseconds of all latencies, for the line that shows progress.
    pub latency_sum: AtomicU64,
    pub stop: AtomicBool,
}

impl Shared<'_> {
    fn now(&self) -> u64 {
        self.start.elapsed().as_nanos() as u64
    }

    /// Requests that the test has; a time limit replaces the count.
    fn requests(&self) -> u64 {
        if self.options.test_time.is_some() { u64::MAX } else { self.options.requests }
    }

    fn is_over(&self, since_ns: u64) -> bool {
        self.stop.load(Relaxed) || self.options.test_time.is_some_and(|limit| u128::from(since_ns) >= limit.as_nanos())
    }
}

struct Client {
    stream: Stream,
    node: usize,
    out: Vec<u8>,
    written: usize,
    /// Replies still to come, of which the first `greetings` are the handshake's.
    pending: u64,
    greetings: u64,
    sent_ns: u64,
    /// In the open loop: when each pending request was due, and when it was sent.
    due: VecDeque<(u64, u64)>,
    /// The beginning of a reply that has not come whole.
    rest: Vec<u8>,
    counter: Counter,
    wants_write: bool,
    done: bool,
}

pub struct Thread<'a> {
    shared: &'a Shared<'a>,
    poll: Poll,
    clients: Vec<Client>,
    tally: Tally,
    rng: Rng,
    input: Vec<u8>,
    batch: Vec<u8>,
    left: usize,
    /// When this thread began to send.
    began_ns: u64,
}

impl<'a> Thread<'a> {
    /// Connects `clients` of them; thread `number` of a test.
    pub fn new(shared: &'a Shared<'a>, clients: usize, number: usize) -> Result<Thread<'a>, String> {
        let o = shared.options;
        let open = o.rate.is_some();
        let mut thread = Thread {
            shared,
            poll: Poll::new().map_err(|e| reason(&e))?,
            clients: Vec::new(),
            tally: Tally::new(o.precision, open),
            rng: Rng::new(o.seed.unwrap_or_else(crate::base::rng::entropy_u64).wrapping_add(number as u64)),
            input: vec![0; INPUT],
            batch: shared.template.bytes.repeat(if open { 1 } else { o.pipeline }),
            left: clients,
            began_ns: 0,
        };
        for at in 0..clients {
            let node = (number + at) % shared.nodes.len();
            let client = thread.connect(node)?;
            thread.clients.push(client);
            thread.register(at).map_err(|e| reason(&e))?;
        }
        Ok(thread)
    }

    fn connect(&self, node: usize) -> Result<Client, String> {
        let target = &self.shared.nodes[node].target;
        let fail = |e: io::Error| format!("Could not connect to Redis at {}: {}", target.addr, reason(&e));
        let stream = target.connect().map_err(fail)?;
        stream.set_nonblocking(true).map_err(fail)?;
        let mut out = Vec::new();
        let mut greetings = 0;
        for (_, words) in target.handshake() {
            push_command(&mut out, &words);
            greetings += 1;
        }
        if self.shared.options.tracking {
            push_command(&mut out, &["CLIENT", "TRACKING", "on"]);
            greetings += 1;
        }
        Ok(Client {
            stream,
            node,
            out,
            written: 0,
            pending: greetings,
            greetings,
            sent_ns: 0,
            due: VecDeque::new(),
            rest: Vec::new(),
            counter: Counter::default(),
            wants_write: false,
            done: false,
        })
    }

    fn register(&self, at: usize) -> io::Result<()> {
        let fd = self.clients[at].stream.as_raw_fd();
        self.poll.registry().register(&mut SourceFd(&fd), Token(at), Interest::READABLE)
    }

    /// Keeps every connection busy until the test's requests are done.
    pub fn closed(mut self) -> Result<Tally, String> {
        let now = self.shared.now();
        self.began_ns = now;
        for at in 0..self.clients.len() {
            self.send_batch(at, now)?;
        }
        let mut events = Events::with_capacity(1024);
        while self.left > 0 {
            match self.poll.poll(&mut events, Some(Duration::from_millis(100))) {
                Err(e) if e.kind() == ErrorKind::Interrupted => continue,
                other => other.map_err(|e| reason(&e))?,
            }
            if self.shared.is_over(self.shared.now() - self.began_ns) {
                break;
            }
            for event in &events {
                let at = event.token().0;
                if event.is_writable() {
                    self.write(at)?;
                }
                if let Some(now) = self.read(at)?
                    && self.clients[at].pending == 0
                {
                    if !self.shared.options.keep_alive && !self.clients[at].done {
                        let node = self.clients[at].node;
                        self.clients[at] = self.connect(node)?;
                        self.register(at).map_err(|e| reason(&e))?;
                        let now = self.shared.now();
                        self.send_batch(at, now)?;
                    } else {
                        self.send_batch(at, now)?;
                    }
                }
            }
        }
        Ok(self.tally)
    }

    /// Sends a pipeline, or ends this connection's work if enough were sent.
    fn send_batch(&mut self, at: usize, now: u64) -> Result<(), String> {
        let (shared, client) = (self.shared, &mut self.clients[at]);
        if client.done {
            return Ok(());
        }
        let pipeline = shared.options.pipeline as u64;
        if shared.issued.fetch_add(pipeline, Relaxed) >= shared.requests() || shared.is_over(now - self.began_ns) {
            client.done = true;
            self.left -= 1;
            return Ok(());
        }
        let template = shared.template;
        if client.written > 0 || client.out.is_empty() {
            // The batch of this connection: made once, then only varied.
            if client.out.len() != self.batch.len() {
                client.out.clear();
                client.out.extend_from_slice(&self.batch);
            }
            client.written = 0;
        } else {
            client.out.extend_from_slice(&self.batch);
        }
        if !template.is_fixed() {
            let from = client.out.len() - self.batch.len();
            let tags = &shared.nodes[client.node].tags;
            for copy in client.out[from..].chunks_exact_mut(template.bytes.len()) {
                template.vary(copy, &mut self.rng, tags);
            }
        }
        client.pending += pipeline;
        client.sent_ns = now;
        self.write(at)
    }

    fn write(&mut self, at: usize) -> Result<(), String> {
        let client = &mut self.clients[at];
        while client.written < client.out.len() {
            match client.stream.write(&client.out[client.written..]) {
                Ok(0) => return Err("Server closed the connection".into()),
                Ok(n) => client.written += n,
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) if e.kind() == ErrorKind::WouldBlock => break,
                Err(e) => return Err(format!("Writing to socket: {}", reason(&e))),
            }
        }
        if let Stream::Tls(_) = client.stream {
            match client.stream.flush() {
                Err(e) if e.kind() != ErrorKind::WouldBlock => {
                    return Err(format!("Writing to socket: {}", reason(&e)));
                }
                _ => {}
            }
        }
        let tls_left = matches!(&client.stream, Stream::Tls(tls) if tls.conn.wants_write());
        let wants = client.written < client.out.len() || tls_left;
        if wants != client.wants_write {
            client.wants_write = wants;
            let interest = if wants { Interest::READABLE | Interest::WRITABLE } else { Interest::READABLE };
            let fd = client.stream.as_raw_fd();
            self.poll.registry().reregister(&mut SourceFd(&fd), Token(at), interest).map_err(|e| reason(&e))?;
        }
        Ok(())
    }

    /// Reads all that came, and accounts for it. Returns the time of the last read, if there was any.
    fn read(&mut self, at: usize) -> Result<Option<u64>, String> {
        let mut last = None;
        loop {
            let client = &mut self.clients[at];
            let got = match client.stream.read(&mut self.input) {
                Ok(0) => return Err("Server closed the connection".into()),
                Ok(n) => n,
                Err(e) if e.kind() == ErrorKind::Interrupted => continue,
                Err(e) if e.kind() == ErrorKind::WouldBlock => return Ok(last),
                Err(e) => return Err(format!("Reading from socket: {}", reason(&e))),
            };
            let now = self.shared.now();
            last = Some(now);
            self.take(at, got, now)?;
            let is_tls = matches!(self.clients[at].stream, Stream::Tls(_));
            if got < self.input.len() && !is_tls {
                return Ok(last);
            }
        }
    }

    /// Accounts for `got` bytes of input, read at `now`.
    fn take(&mut self, at: usize, got: usize, now: u64) -> Result<(), String> {
        let (client, tally, shared, began_ns) = (&mut self.clients[at], &mut self.tally, self.shared, self.began_ns);
        let mut fatal: Option<String> = None;
        let mut errors = 0;
        let mut buf = &self.input[..got];
        let mut joined = std::mem::take(&mut client.rest);
        if !joined.is_empty() {
            joined.extend_from_slice(buf);
            buf = &joined;
        }
        let mut used = 0;
        if client.greetings > 0 {
            let mut refused = None;
            let count = client
                .counter
                .count(buf, client.greetings, |text| refused = Some(String::from_utf8_lossy(text).into_owned()));
            let (n, len) = count.map_err(|fault| fault.to_string())?;
            if let Some(text) = refused {
                return Err(format!("Error from server: {text}"));
            }
            client.greetings -= n;
            client.pending -= n;
            used = len;
        }
        let mut done = 0;
        if client.greetings == 0 {
            let count = client.counter.count(&buf[used..], u64::MAX, |text| {
                errors += 1;
                if shared.fatal && fatal.is_none() {
                    fatal = Some(format!("Error from server: {}", String::from_utf8_lossy(text)));
                }
                tally.error(text);
            });
            let (n, len) = count.map_err(|fault| fault.to_string())?;
            done = n;
            used += len;
        }
        if let Some(text) = fatal {
            return Err(text);
        }
        if done > client.pending {
            return Err("The server sent more replies than there were requests".into());
        }
        client.rest = if used < buf.len() { buf[used..].to_vec() } else { Vec::new() };
        client.pending -= done;
        if done == 0 {
            return Ok(());
        }
        let before = shared.finished.fetch_add(done, Relaxed);
        let second = |tally: &mut Tally, latency: u64, n: u64, errors: u64| {
            if let Some(second) = shared.seconds.then(|| tally.second(now - began_ns)).flatten() {
                second.response.saturating_record_n(latency, u32::try_from(n).unwrap_or(u32::MAX));
                second.errors += errors;
            }
        };
        if shared.options.rate.is_some() {
            for _ in 0..done {
                let Some((due, sent)) = client.due.pop_front() else { break };
                let response = now.saturating_sub(due);
                tally.response.saturating_record(response);
                if let Some(service) = &mut tally.service {
                    service.saturating_record(now.saturating_sub(sent));
                }
                shared.latency_sum.fetch_add(response, Relaxed);
                second(tally, response, 1, std::mem::take(&mut errors));
            }
            return Ok(());
        }
        let latency = now.saturating_sub(client.sent_ns);
        // A pipeline's overshoot beyond what was asked for is finished, but not measured.
        let measured = done.min(shared.requests().saturating_sub(before));
        tally.response.saturating_record_n(latency, measured);
        shared.latency_sum.fetch_add(latency * measured, Relaxed);
        second(tally, latency, measured, errors);
        Ok(())
    }

    /// Sends when the schedule says so, whatever the server does.
    pub fn open(mut self, mut schedule: Schedule) -> Result<Tally, String> {
        let shared = self.shared;
        self.began_ns = shared.now();
        schedule = schedule.begin(self.began_ns);
        let limit = shared.options.test_time.map_or(u64::MAX, |limit| self.began_ns + limit.as_nanos() as u64);
        let mut idle: VecDeque<usize> = (0..self.clients.len()).collect();
        let most = shared.options.pipeline as u64;
        let mut events = Events::with_capacity(1024);
        // Due requests that found every connection busy wait here, with their times.
        let mut waiting: VecDeque<u64> = VecDeque::new();
        let (mut ended, mut outstanding) = (None, 0u64);
        loop {
            let now = shared.now();
            while ended.is_none() && schedule.due_ns() <= now {
                let due = schedule.due_ns();
                if due >= limit || shared.issued.fetch_add(1, Relaxed) >= shared.requests() {
                    ended = Some(now);
                    break;
                }
                waiting.push_back(due);
                schedule.advance();
            }
            while let Some(&due) = waiting.front() {
                let Some(at) = idle.pop_front() else { break };
                waiting.pop_front();
                let now = shared.now();
                self.send_one(at, due, now)?;
                outstanding += 1;
                if (self.clients[at].due.len() as u64) < most {
                    idle.push_back(at);
                }
            }
            if let Some(ended) = ended
                && (outstanding == 0 && waiting.is_empty() || now > ended + PATIENCE_NS)
            {
                break;
            }
            if shared.stop.load(Relaxed) {
                break;
            }
            let next = if ended.is_some() { now + 10_000_000 } else { schedule.due_ns() };
            self.sleep_until(next, now)?;
            match self.poll.poll(&mut events, Some(Duration::ZERO)) {
                Err(e) if e.kind() == ErrorKind::Interrupted => continue,
                other => other.map_err(|e| reason(&e))?,
            }
            for event in &events {
                let at = event.token().0;
                if event.is_writable() {
                    self.write(at)?;
                }
                let before = self.clients[at].due.len();
                self.read(at)?;
                let after = self.clients[at].due.len();
                outstanding -= (before - after) as u64;
                if before as u64 >= most && (after as u64) < most {
                    idle.push_back(at);
                }
            }
        }
        self.tally.unsent = waiting.len() as u64;
        Ok(self.tally)
    }

    /// Waits until something can be read, or it is nearly time; the rest of the time is watched by the caller's loop.
    fn sleep_until(&self, due: u64, now: u64) -> Result<(), String> {
        let wait = due.saturating_sub(now);
        if wait <= SPIN_NS {
            return Ok(());
        }
        let wait = (wait - SPIN_NS).min(100_000_000);
        let limit = Timespec { tv_sec: 0, tv_nsec: wait as i64 };
        // epoll counts in milliseconds; polled from outside it is as fine as the clock.
        match poll(&mut [PollFd::new(self.poll.registry(), PollFlags::IN)], Some(&limit)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
            Err(e) => Err(reason(&e.into())),
        }
    }

    fn send_one(&mut self, at: usize, due: u64, now: u64) -> Result<(), String> {
        let (shared, client) = (self.shared, &mut self.clients[at]);
        if client.written == client.out.len() {
            client.out.clear();
            client.written = 0;
        }
        let from = client.out.len();
        client.out.extend_from_slice(&self.batch);
        shared.template.vary(&mut client.out[from..], &mut self.rng, &shared.nodes[client.node].tags);
        client.pending += 1;
        client.due.push_back((due, now));
        let late = now.saturating_sub(due);
        if late > LATE_NS {
            self.tally.late += 1;
        }
        self.tally.latest_ns = self.tally.latest_ns.max(late);
        self.write(at)
    }
}
