//! The open loop: requests go out when they are due, whatever the server does.

use super::{
    client::{Fault, Sent},
    load::Thread,
    schedule::Schedule,
    suite::Work,
    tally::Tally,
};
use crate::client::reason;
use mio::{Events, Poll};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::{collections::VecDeque, io::ErrorKind, sync::atomic::Ordering::Relaxed, time::Duration};

/// A request of the open loop that goes out later than this after its time counts as late.
pub const LATE_NS: u64 = 1_000_000;
/// After the last request was due, replies are waited for so long.
pub const PATIENCE_NS: u64 = 5_000_000_000;
/// Closer than this to a request's time the clock is watched instead of slept by.
const SPIN_NS: u64 = 60_000;

impl Thread<'_> {
    /// Sends when the schedule says so.
    pub fn open(mut self, schedule: Schedule) -> Result<Tally, String> {
        let shared = self.shared;
        self.began_ns = shared.now();
        let mut schedule = schedule.begin(self.began_ns);
        let limit = shared.options.test_time.map_or(u64::MAX, |limit| self.began_ns + limit.as_nanos() as u64);
        let mut idle: VecDeque<usize> = (0..self.clients.len()).collect();
        let most = shared.options.pipeline;
        let mut events = Events::with_capacity(1024);
        // Due requests that found every connection busy wait here, with their times.
        let mut waiting: VecDeque<u64> = VecDeque::new();
        let mut ended = None;
        loop {
            let now = shared.now();
            while ended.is_none() && schedule.due_ns() <= now {
                let due = schedule.due_ns();
                if due >= limit || shared.issued.fetch_add(1, Relaxed) >= shared.requests {
                    ended = Some(now);
                    break;
                }
                waiting.push_back(due);
                schedule.advance();
            }
            while !waiting.is_empty() {
                let Some(at) = idle.pop_front() else { break };
                // Those that are due together are shared out, and each connection is written to once.
                let share = waiting.len().div_ceil(idle.len() + 1).min(most - self.clients[at].due.len()).max(1);
                let sent = self.send_due(at, waiting.drain(..share));
                self.settle(at, sent)?;
                if !self.clients[at].down && self.clients[at].due.len() < most {
                    idle.push_back(at);
                }
            }
            if ended == Some(now) {
                self.tally.behind = waiting.len() as u64;
            }
            let done = || waiting.is_empty() && self.clients.iter().all(|client| client.due.is_empty());
            if ended.is_some_and(|ended| now > ended + PATIENCE_NS || done()) || shared.stop.load(Relaxed) {
                break;
            }
            let next = if ended.is_some() { now + 10_000_000 } else { schedule.due_ns() };
            sleep_until(&self.poll, next, now)?;
            match self.poll.poll(&mut events, Some(Duration::ZERO)) {
                Err(e) if e.kind() == ErrorKind::Interrupted => continue,
                other => other.map_err(|e| reason(&e))?,
            }
            for event in &events {
                let at = event.token().0;
                let before = self.clients[at].due.len();
                let turn = self.listen(at, event.is_writable());
                self.settle(at, turn)?;
                if self.clients[at].down {
                    idle.retain(|other| *other != at);
                } else if before >= most && self.clients[at].due.len() < most {
                    idle.push_back(at);
                }
            }
            idle.extend(self.revive()?);
        }
        self.tally.unsent =
            waiting.len() as u64 + self.clients.iter().map(|client| client.due.len() as u64).sum::<u64>();
        Ok(self.finish())
    }

    /// Reads, and writes what could not be written.
    pub fn listen(&mut self, at: usize, writable: bool) -> Result<(), Fault> {
        if writable && !self.clients[at].down {
            self.clients[at].write(self.poll.registry(), at)?;
        }
        self.read(at).map(|_| ())
    }

    /// Sends requests that are due, in one write.
    fn send_due(&mut self, at: usize, due: impl Iterator<Item = u64>) -> Result<(), Fault> {
        let shared = self.shared;
        let now = shared.now();
        let most = shared.options.reconnect_interval;
        if most.is_some_and(|most| self.clients[at].since >= most) && self.clients[at].due.is_empty() {
            self.reconnect(at).map_err(Fault::Lost)?;
        }
        for due in due {
            let client = &mut self.clients[at];
            let (mut kind, mut check) = (0, None);
            let tags = &shared.nodes[client.node].tags;
            match shared.work {
                Work::Plain(template) => {
                    let out = client.room();
                    let from = out.len();
                    out.extend_from_slice(&template.bytes);
                    template.vary(&mut out[from..], &mut self.rng, tags);
                }
                Work::Mix(mix) => {
                    client.room();
                    let Some(hand) = &mut client.hand else { return Ok(()) };
                    let made = mix.push(&mut client.out, hand, &mut self.rng, tags);
                    (kind, check) = (made.kind, made.check);
                }
                Work::Replay(_) => {}
            }
            self.enter(at, Sent { due_ns: due, sent_ns: now, kind, check });
        }
        self.clients[at].write(self.poll.registry(), at)
    }

    /// Enters a request whose bytes are in the buffer, and writes them.
    pub fn sent(&mut self, at: usize, sent: Sent) -> Result<(), Fault> {
        self.enter(at, sent);
        self.clients[at].write(self.poll.registry(), at)
    }

    fn enter(&mut self, at: usize, sent: Sent) {
        let client = &mut self.clients[at];
        client.pending += 1;
        client.since += 1;
        client.due.push_back(sent);
        if sent.kind != super::client::UNCOUNTED {
            let late = sent.sent_ns.saturating_sub(sent.due_ns);
            self.tally.late += u64::from(late > LATE_NS);
            self.second.1.late += u64::from(late > LATE_NS);
            self.tally.latest_ns = self.tally.latest_ns.max(late);
        }
    }
}

/// Waits until something can be read, or it is nearly time; the rest of the time is watched by the caller's loop.
pub fn sleep_until(of: &Poll, due: u64, now: u64) -> Result<(), String> {
    let wait = due.saturating_sub(now);
    if wait <= SPIN_NS {
        return Ok(());
    }
    let wait = (wait - SPIN_NS).min(20_000_000);
    let limit = Timespec { tv_sec: 0, tv_nsec: wait as i64 };
    // epoll counts in milliseconds; polled from outside it is as fine as the clock.
    match poll(&mut [PollFd::new(of.registry(), PollFlags::IN)], Some(&limit)) {
        Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
        Err(e) => Err(reason(&e.into())),
    }
}
