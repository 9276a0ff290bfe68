//! One connection of a thread: its bytes out and in, and which requests wait for their replies.

use super::{mix::Hand, replies::Counter};
use crate::{
    client::{Stream, push_command, reason},
    resp::frames::Frames,
};
use mio::{Interest, Registry, Token, unix::SourceFd};
use std::{
    collections::VecDeque,
    io::{self, ErrorKind, Write},
    os::fd::AsRawFd,
};

/// Why a connection's turn ended early.
pub enum Fault {
    /// The connection is gone; another one may do.
    Lost(String),
    /// The run ends.
    Fatal(String),
}

impl From<String> for Fault {
    fn from(sentence: String) -> Fault {
        Fault::Fatal(sentence)
    }
}

/// Why a connection was lost in writing.
pub fn unwritten(error: &io::Error) -> String {
    format!("Writing to socket: {}", reason(error))
}

/// Why a connection was lost in reading.
pub fn unread(error: &io::Error) -> String {
    format!("Reading from socket: {}", reason(error))
}

/// Why a connection was lost that the server ended.
pub const CLOSED: &str = "Server closed the connection";

/// A request on its way.
#[derive(Clone, Copy)]
pub struct Sent {
    /// When it should have gone out; in a closed loop, when it did.
    pub due_ns: u64,
    pub sent_ns: u64,
    pub kind: u16,
    /// The key whose value its reply is compared with.
    pub check: Option<u64>,
}

/// A request that nobody asked for: its reply is taken, and counted nowhere.
pub const UNCOUNTED: u16 = u16::MAX;

pub struct Client {
    pub stream: Stream,
    pub node: usize,
    pub out: Vec<u8>,
    pub written: usize,
    /// Replies still to come, of which the first `greetings` are the handshake's.
    pub pending: u64,
    pub greetings: u64,
    /// When the last batch of a closed loop went out.
    pub sent_ns: u64,
    /// Where requests are told apart: those pending, in order.
    pub due: VecDeque<Sent>,
    /// The beginning of a reply that has not come whole.
    pub rest: Vec<u8>,
    pub counter: Counter,
    pub frames: Frames,
    pub hand: Option<Hand>,
    /// Requests that are left for it, where each connection has its own share.
    pub quota: Option<u64>,
    /// Requests since it was connected.
    pub since: u64,
    pub wants_write: bool,
    /// No requests are left for it.
    pub done: bool,
    /// Lost, and to be connected again.
    pub down: bool,
}

impl Client {
    pub fn new(stream: Stream, node: usize, greetings: &[Vec<Vec<u8>>]) -> Client {
        let mut out = Vec::new();
        for words in greetings {
            push_command(&mut out, words);
        }
        Client {
            stream,
            node,
            out,
            written: 0,
            pending: greetings.len() as u64,
            greetings: greetings.len() as u64,
            sent_ns: 0,
            due: VecDeque::new(),
            rest: Vec::new(),
            counter: Counter::default(),
            frames: Frames::default(),
            hand: None,
            quota: None,
            since: 0,
            wants_write: false,
            done: false,
            down: false,
        }
    }

    pub fn register(&self, registry: &Registry, at: usize) -> io::Result<()> {
        registry.register(&mut SourceFd(&self.stream.as_raw_fd()), Token(at), Interest::READABLE)
    }

    /// Forgets what was written; what was not stays in front.
    pub fn room(&mut self) -> &mut Vec<u8> {
        if self.written == self.out.len() {
            self.out.clear();
            self.written = 0;
        }
        &mut self.out
    }

    /// Writes as much as the socket takes, and asks to be told when it takes more.
    #[inline]
    pub fn write(&mut self, registry: &Registry, at: usize) -> Result<(), Fault> {
        let lost = |e: &io::Error| Fault::Lost(unwritten(e));
        while self.written < self.out.len() {
            match self.stream.write(&self.out[self.written..]) {
                Ok(0) => return Err(Fault::Lost(CLOSED.into())),
                Ok(n) => self.written += n,
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) if e.kind() == ErrorKind::WouldBlock => break,
                Err(e) => return Err(lost(&e)),
            }
        }
        let mut wants = self.written < self.out.len();
        if let Stream::Tls(_) = self.stream {
            match self.stream.flush() {
                Err(e) if e.kind() != ErrorKind::WouldBlock => return Err(lost(&e)),
                _ => {}
            }
            wants |= matches!(&self.stream, Stream::Tls(tls) if tls.conn.wants_write());
        }
        if wants != self.wants_write {
            self.wants_write = wants;
            let interest = if wants { Interest::READABLE | Interest::WRITABLE } else { Interest::READABLE };
            let fd = self.stream.as_raw_fd();
            registry.reregister(&mut SourceFd(&fd), Token(at), interest).map_err(|e| Fault::Fatal(reason(&e)))?;
        }
        Ok(())
    }
}
