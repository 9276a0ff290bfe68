//! The closed loop's ears: what has come for connections that have something to read.
//!
//! Several are read in one call where the kernel can (`ring.rs`), as several are sent to (`answer.rs`). The clock is asked
//! after that call, so that a latency counts the reads that were made with its own: by [`TOGETHER`] short ones at most,
//! some ten microseconds. Those who ask for more than short replies have a read each.

use super::{
    answer::TOGETHER,
    client::{CLOSED, Fault, unread},
    load::{INPUT, Thread},
};
use mio::Events;
use std::{
    io::{self, ErrorKind},
    os::fd::AsFd,
};

/// Of fewer connections, each has a read and a time of its own.
const FEWEST: usize = 3;
/// A connection's share of the buffer, where several are read at once.
const SHARE: usize = INPUT / TOGETHER;

impl Thread<'_> {
    /// Hears all who have something to say, and answers. The next requests of some wait until some more were read.
    pub fn hear_all(&mut self, events: &Events) -> Result<(), String> {
        let together = self.ring.is_some() && !self.large;
        self.ready.clear();
        for event in events {
            let at = event.token().0;
            if together && !event.is_writable() {
                self.ready.push(at);
                if self.ready.len() == TOGETHER {
                    self.hear_together()?;
                }
            } else {
                self.hear(at, event.is_writable())?;
            }
        }
        self.hear_together()?;
        self.answer()
    }

    fn hear(&mut self, at: usize, writable: bool) -> Result<(), String> {
        let turn = self.turn(at, writable);
        self.settle(at, turn)?;
        if self.answered.len() >= TOGETHER { self.answer() } else { Ok(()) }
    }

    fn turn(&mut self, at: usize, writable: bool) -> Result<(), Fault> {
        if writable {
            self.clients[at].write(self.poll.registry(), at)?;
        }
        let got = self.read(at)?.is_some();
        self.heard(at, got);
        Ok(())
    }

    /// Notes a connection that has all its replies.
    fn heard(&mut self, at: usize, got: bool) {
        let client = &self.clients[at];
        if got && client.pending == 0 && !client.done && !client.down {
            self.answered.push(at);
        }
    }

    /// Reads from those who are ready in one call.
    fn hear_together(&mut self) -> Result<(), String> {
        let clients = &self.clients;
        // A connection that was lost while another was heard has nothing any more.
        self.ready.retain(|at| !clients[*at].down);
        if self.ring.is_some() && self.ready.len() >= FEWEST {
            let parts = self.ready.iter().zip(self.input.chunks_mut(SHARE));
            let parts = parts.map(|(at, share)| (clients[*at].stream.as_fd(), share));
            if !self.ring.as_mut().is_some_and(|ring| ring.receive(parts, &mut self.took)) {
                self.ring = None;
            }
            let now = self.shared.now();
            for i in 0..self.ready.len() {
                let turn = self.came(self.ready[i], i, now);
                self.settle(self.ready[i], turn)?;
            }
            // Only now, as this needs the buffer.
            for i in 0..self.ready.len() {
                let turn = self.remains(self.ready[i], i);
                self.settle(self.ready[i], turn)?;
            }
        } else {
            for i in 0..self.ready.len() {
                self.hear(self.ready[i], false)?;
            }
        }
        self.ready.clear();
        if self.answered.len() >= TOGETHER { self.answer() } else { Ok(()) }
    }

    /// Enters what the ring brought for a connection at `now`.
    fn came(&mut self, at: usize, i: usize, now: u64) -> Result<(), Fault> {
        match &self.took[i] {
            Ok(0) => return Err(Fault::Lost(CLOSED.into())),
            Ok(got) => {
                let got = *got;
                self.take(at, i * SHARE..i * SHARE + got, now)?;
                if got < SHARE {
                    self.heard(at, true);
                }
            }
            Err(e) if is_for_later(e) => {}
            Err(e) => return Err(Fault::Lost(unread(e))),
        }
        Ok(())
    }

    /// Reads by a call what the ring did not: nobody would tell of it again.
    fn remains(&mut self, at: usize, i: usize) -> Result<(), Fault> {
        match &self.took[i] {
            Ok(got) if *got == SHARE => {
                self.large = true;
                self.read(at)?;
                self.heard(at, true);
                Ok(())
            }
            Err(e) if is_for_later(e) => self.turn(at, false),
            _ => Ok(()),
        }
    }
}

/// Nothing was there, or nothing was tried.
fn is_for_later(e: &io::Error) -> bool {
    matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}
