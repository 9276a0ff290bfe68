//! One thread's connections, and the closed loop that keeps them busy.
//!
//! A connection's requests are bytes made in advance, of which only the random digits change; only mixes make theirs
//! anew. A reply is heard (`hear.rs`) and answered by the next request (`answer.rs`): a round is one `epoll_wait`, one call
//! that reads and one that sends, each shared with others. Linux reports a socket again only after all was read; a read
//! that filled less than its buffer read all.

use super::{
    client::{Client, Fault},
    mix::keys::Place,
    nodes::Node,
    ring::Ring,
    suite::Work,
    tally::{Second, Tally},
};
use crate::{args::bench::Options, base::rng::Rng, client::reason};
use mio::{Events, Poll};
use std::{
    io::{self, ErrorKind},
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

/// So much is read at once.
pub const INPUT: usize = 64 << 10;
/// Lost connections are tried again so often.
const AGAIN: Duration = Duration::from_millis(20);
/// With no connection for so long, the run ends.
const GIVE_UP_NS: u64 = 60_000_000_000;

/// What all threads of a test have in common.
pub struct Shared<'a> {
    pub options: &'a Options,
    pub work: &'a Work,
    pub nodes: &'a [Node],
    pub start: Instant,
    /// Errors end the run, and a pipeline is always whole, as redis-benchmark has it.
    pub fatal: bool,
    pub exact: bool,
    /// Requests that the test has; a time limit replaces the count.
    pub requests: u64,
    pub issued: AtomicU64,
    pub finished: AtomicU64,
    /// Nanoseconds of all latencies, for the line that shows progress.
    pub latency_sum: AtomicU64,
    pub stop: AtomicBool,
    /// Every second's figures, of the threads that are through with it.
    pub seconds: Mutex<Vec<Second>>,
}

impl<'a> Shared<'a> {
    pub fn new(options: &'a Options, work: &'a Work, nodes: &'a [Node], fatal: bool, exact: bool) -> Shared<'a> {
        let requests = match work {
            _ if options.test_time.is_some() => u64::MAX,
            Work::Mix(mix) if options.mix.all_keys => mix.most_keys(),
            _ => options.requests,
        };
        Shared {
            options,
            work,
            nodes,
            start: Instant::now(),
            fatal,
            exact,
            requests,
            issued: AtomicU64::new(0),
            finished: AtomicU64::new(0),
            latency_sum: AtomicU64::new(0),
            stop: AtomicBool::new(false),
            seconds: Mutex::new(Vec::new()),
        }
    }

    /// A ring for the closed loop, if that is wanted and can be. TLS has its own way to the socket.
    fn ring(&self) -> Option<Ring> {
        let wanted = self.options.ring && !self.nodes.iter().any(|node| node.target.tls.on);
        if wanted { Ring::new().ok() } else { None }
    }

    pub fn now(&self) -> u64 {
        self.start.elapsed().as_nanos() as u64
    }

    pub fn is_over(&self, since_ns: u64) -> bool {
        self.stop.load(Relaxed) || self.options.test_time.is_some_and(|limit| u128::from(since_ns) >= limit.as_nanos())
    }

    /// A part from 0 to 1 of the test that is done.
    pub fn part_done(&self, took: Duration) -> f64 {
        let part = match self.options.test_time {
            Some(limit) => took.as_secs_f64() / limit.as_secs_f64(),
            None => self.finished.load(Relaxed) as f64 / self.requests.max(1) as f64,
        };
        part.min(1.0)
    }
}

pub struct Thread<'a> {
    pub shared: &'a Shared<'a>,
    pub poll: Poll,
    pub clients: Vec<Client>,
    pub tally: Tally,
    pub rng: Rng,
    pub input: Vec<u8>,
    pub batch: Vec<u8>,
    pub left: usize,
    /// The second at hand, and its figures.
    pub second: (u64, Second),
    /// When this thread began to send.
    pub began_ns: u64,
    /// How many connections are lost, and since when there is none at all.
    pub down: usize,
    none_since_ns: Option<u64>,
    tried: Instant,
    /// Connections that were answered and wait for their next requests.
    pub answered: Vec<usize>,
    /// Reads from and sends to several connections at once, where the kernel can.
    pub ring: Option<Ring>,
    pub took: Vec<io::Result<usize>>,
    /// Connections that have something to read, whose turn is at hand.
    pub ready: Vec<usize>,
    /// A connection's share of a common read was too small for what came.
    pub large: bool,
}

impl<'a> Thread<'a> {
    /// Connects `clients` of them; thread `number` of a test's `threads`.
    pub fn new(shared: &'a Shared<'a>, clients: usize, number: usize, threads: usize) -> Result<Thread<'a>, String> {
        let o = shared.options;
        let batch = match shared.work {
            Work::Plain(template) => template.bytes.repeat(if o.rate.is_some() { 1 } else { o.pipeline }),
            _ => Vec::new(),
        };
        let mut thread = Thread {
            shared,
            poll: Poll::new().map_err(|e| reason(&e))?,
            clients: Vec::new(),
            tally: Tally::new(o.precision, o.rate.is_some() || shared.work.is_replay(), shared.work.labels().len()),
            rng: Rng::new(o.seed.unwrap_or_else(crate::base::rng::entropy_u64).wrapping_add(number as u64)),
            input: vec![0; INPUT],
            batch,
            left: clients,
            second: (0, Second::default()),
            began_ns: 0,
            down: 0,
            none_since_ns: None,
            tried: Instant::now(),
            answered: Vec::new(),
            ring: None,
            took: Vec::new(),
            ready: Vec::new(),
            large: false,
        };
        for at in 0..clients {
            let node = (number + at) % shared.nodes.len();
            let mut client = thread.connect(node)?;
            if let Work::Mix(mix) = shared.work {
                let place = Place { index: (at * threads + number) as u64, of: o.clients as u64 };
                client.hand = Some(mix.hand(place));
                // Who walks through a share of the keys has to come to its end.
                client.quota = (o.test_time.is_none() && o.rate.is_none()).then(|| place.share(shared.requests));
            }
            client.register(thread.poll.registry(), at).map_err(|e| reason(&e))?;
            thread.clients.push(client);
        }
        Ok(thread)
    }

    fn connect(&self, node: usize) -> Result<Client, String> {
        let target = &self.shared.nodes[node].target;
        let fail = |e: io::Error| format!("Could not connect to Redis at {}: {}", target.addr, reason(&e));
        let stream = target.connect().map_err(fail)?;
        stream.set_nonblocking(true).map_err(fail)?;
        let mut greetings: Vec<Vec<Vec<u8>>> = target.handshake().into_iter().map(|(_, words)| words).collect();
        if self.shared.options.tracking {
            greetings.push(["CLIENT", "TRACKING", "on"].map(|word| word.as_bytes().to_vec()).into());
        }
        Ok(Client::new(stream, node, &greetings))
    }

    /// A new connection in the place of one that is closed by that; it walks on through its keys.
    pub fn reconnect(&mut self, at: usize) -> Result<(), String> {
        let mut new = self.connect(self.clients[at].node)?;
        new.hand = self.clients[at].hand.take();
        new.quota = self.clients[at].quota;
        self.clients[at] = new;
        self.clients[at].register(self.poll.registry(), at).map_err(|e| reason(&e))
    }

    /// Counts what a lost connection takes with it. Ends the run where errors do.
    pub fn lost(&mut self, at: usize, sentence: String) -> Result<(), String> {
        if self.shared.fatal {
            return Err(sentence);
        }
        let client = &mut self.clients[at];
        let unanswered = client.pending - client.greetings;
        self.tally.lost(unanswered);
        client.due.clear();
        (client.pending, client.greetings, client.down) = (0, 0, true);
        // What is in the socket is of no use: no event may come of it any more.
        let _ =
            self.poll.registry().deregister(&mut mio::unix::SourceFd(&std::os::fd::AsRawFd::as_raw_fd(&client.stream)));
        self.down += 1;
        Ok(())
    }

    /// Tries to connect again what was lost; the numbers of those that are back. After a minute without any connection
    /// the run ends.
    pub fn revive(&mut self) -> Result<Vec<usize>, String> {
        let mut back = Vec::new();
        if self.down == 0 || self.tried.elapsed() < AGAIN {
            return Ok(back);
        }
        self.tried = Instant::now();
        let mut why = String::new();
        for at in 0..self.clients.len() {
            if self.clients[at].down {
                match self.reconnect(at) {
                    Ok(()) => back.push(at),
                    Err(sentence) => {
                        why = sentence;
                        break;
                    }
                }
            }
        }
        self.down -= back.len();
        let now = self.shared.now();
        if self.down < self.clients.len() {
            self.none_since_ns = None;
        } else if now - *self.none_since_ns.get_or_insert(now) > GIVE_UP_NS {
            return Err(why);
        }
        Ok(back)
    }

    /// How long polling may take.
    pub fn patience(&self) -> Duration {
        if self.down > 0 { AGAIN } else { Duration::from_millis(100) }
    }

    /// Keeps every connection busy until the test's requests are done.
    pub fn closed(mut self) -> Result<Tally, String> {
        self.ring = self.shared.ring();
        self.tally.ring = self.ring.is_some();
        let now = self.shared.now();
        self.began_ns = now;
        for at in 0..self.clients.len() {
            let sent = self.send_batch(at, now);
            self.settle(at, sent)?;
        }
        let mut events = Events::with_capacity(1024);
        while self.left > 0 {
            match self.poll.poll(&mut events, Some(self.patience())) {
                Err(e) if e.kind() == ErrorKind::Interrupted => continue,
                other => other.map_err(|e| reason(&e))?,
            }
            if self.shared.is_over(self.shared.now() - self.began_ns) {
                break;
            }
            self.hear_all(&events)?;
            for at in self.revive()? {
                let sent = self.send_batch(at, self.shared.now());
                self.settle(at, sent)?;
            }
        }
        Ok(self.finish())
    }

    pub fn settle(&mut self, at: usize, turn: Result<(), Fault>) -> Result<(), String> {
        match turn {
            Ok(()) => Ok(()),
            Err(Fault::Fatal(sentence)) => Err(sentence),
            Err(Fault::Lost(sentence)) => self.lost(at, sentence),
        }
    }

    /// The thread's figures, with nothing kept back.
    pub fn finish(mut self) -> Tally {
        self.publish(0);
        self.tally
    }
}
