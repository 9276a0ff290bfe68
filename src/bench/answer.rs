//! The closed loop's answers: the next requests of connections whose replies are all there.
//!
//! Several are sent in one call where the kernel can (`ring.rs`), which takes a seventh less of the processor's time than
//! a call each. The clock is asked around that call: within it sends are alike, and follow each other at equal gaps. If it
//! took longer than sends do, this thread was held up somewhere among them, and each counts from before the call: a
//! latency is then shown longer than it was. A shorter hold-up misplaces a send by a part of the call: by less than
//! [`TOGETHER`] times [`SEND_NS`], a third of a millisecond.

use super::{
    client::{Client, Fault, Sent, unwritten},
    load::Thread,
    suite::Work,
};
use std::{io::ErrorKind, os::fd::AsFd, sync::atomic::Ordering::Relaxed};

/// So many replies are read before their connections are sent to: the kernel's reading and its sending each stay in the
/// processor's caches, which saves 3% of a run with `-P 32`. Many more, and the server would wait.
pub const TOGETHER: usize = 16;
/// Fewer are sent by a call each, at times that need no reckoning.
const FEWEST: usize = 3;
/// A send on a machine that does nothing else takes less than this.
const SEND_NS: u64 = 20_000;

impl Thread<'_> {
    /// Sends the next requests to all that were answered.
    pub fn answer(&mut self) -> Result<(), String> {
        if self.ring.is_some() && self.answered.len() >= FEWEST {
            return self.answer_together();
        }
        for i in 0..self.answered.len() {
            let at = self.answered[i];
            let turn = self.next_batch(at).and_then(|()| self.clients[at].write(self.poll.registry(), at));
            self.settle(at, turn)?;
        }
        self.answered.clear();
        Ok(())
    }

    fn answer_together(&mut self) -> Result<(), String> {
        for i in 0..self.answered.len() {
            let at = self.answered[i];
            let turn = self.next_batch(at);
            self.settle(at, turn)?;
        }
        // Those that were lost, or have no requests left, have nothing to send.
        let clients = &self.clients;
        self.answered.retain(|at| clients[*at].has_bytes());
        let parts = self.answered.iter().map(|at| {
            let client = &clients[*at];
            (client.stream.as_fd(), &client.out[client.written..])
        });
        let before = self.shared.now();
        if !self.ring.as_mut().is_some_and(|ring| ring.send(parts, &mut self.took)) {
            self.ring = None;
        }
        let n = self.took.len().max(1) as u64;
        let each = Some((self.shared.now() - before) / n).filter(|each| *each <= SEND_NS).unwrap_or(0);
        for i in 0..self.answered.len() {
            let at = self.answered[i];
            self.clients[at].sent_at(before + i as u64 * each);
            let turn = self.went_out(at, i);
            self.settle(at, turn)?;
        }
        self.answered.clear();
        Ok(())
    }

    /// Enters what the ring did for a connection; what it did not is tried again, or waits until the socket has room.
    fn went_out(&mut self, at: usize, i: usize) -> Result<(), Fault> {
        let client = &mut self.clients[at];
        match &self.took[i] {
            Ok(n) => client.written += n,
            Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
            Err(e) => return Err(Fault::Lost(unwritten(e))),
        }
        if client.has_bytes() { client.write(self.poll.registry(), at) } else { Ok(()) }
    }

    /// The first requests of a connection.
    pub fn send_batch(&mut self, at: usize, now: u64) -> Result<(), Fault> {
        self.make_batch(at, now)?;
        self.clients[at].write(self.poll.registry(), at)
    }

    /// Makes the next requests of a connection that was answered, on a new connection if it is time for one.
    fn next_batch(&mut self, at: usize) -> Result<(), Fault> {
        let (o, client) = (self.shared.options, &self.clients[at]);
        if client.down {
            return Ok(());
        }
        if (!o.keep_alive || o.reconnect_interval.is_some_and(|most| client.since >= most))
            && self.shared.issued.load(Relaxed) < self.shared.requests
        {
            self.reconnect(at).map_err(Fault::Lost)?;
        }
        self.make_batch(at, self.shared.now())
    }

    /// Makes a pipeline, or ends this connection's work if enough were made.
    fn make_batch(&mut self, at: usize, now: u64) -> Result<(), Fault> {
        let (shared, client) = (self.shared, &mut self.clients[at]);
        if client.done {
            return Ok(());
        }
        let pipeline = (shared.options.pipeline as u64).min(client.quota.unwrap_or(u64::MAX));
        let before = if pipeline == 0 { u64::MAX } else { shared.issued.fetch_add(pipeline, Relaxed) };
        if before >= shared.requests || shared.is_over(now - self.began_ns) {
            client.done = true;
            self.left -= 1;
            return Ok(());
        }
        let n = if shared.exact { pipeline.min(shared.requests - before) } else { pipeline };
        match shared.work {
            Work::Plain(template) => {
                let len = template.bytes.len() * n as usize;
                if client.written > 0 && client.written == client.out.len() && client.out.len() == len {
                    // The batch of this connection: made once, then only varied.
                    client.written = 0;
                } else {
                    client.room().extend_from_slice(&self.batch[..len]);
                }
                if !template.is_fixed() {
                    let from = client.out.len() - len;
                    template.vary_all(&mut client.out[from..], &mut self.rng, &shared.nodes[client.node].tags);
                }
            }
            Work::Mix(mix) => {
                client.room();
                let tags = &shared.nodes[client.node].tags;
                let Some(hand) = &mut client.hand else { return Ok(()) };
                for _ in 0..n {
                    let made = mix.push(&mut client.out, hand, &mut self.rng, tags);
                    client.due.push_back(Sent { due_ns: now, sent_ns: now, kind: made.kind, check: made.check });
                }
            }
            Work::Replay(_) => return Err(Fault::Fatal("A capture has no closed loop".into())),
        }
        client.quota = client.quota.map(|left| left.saturating_sub(n));
        client.pending += n;
        client.since += n;
        client.sent_ns = now;
        Ok(())
    }
}

impl Client {
    fn has_bytes(&self) -> bool {
        !self.down && self.written < self.out.len()
    }

    /// Tells when the batch that was made last went out.
    fn sent_at(&mut self, ns: u64) {
        self.sent_ns = ns;
        for sent in &mut self.due {
            (sent.due_ns, sent.sent_ns) = (ns, ns);
        }
    }
}
