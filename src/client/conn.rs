//! Commands out, replies in, over one stream.

use super::{Stream, reason};
use crate::resp::{
    Value,
    frames::{Fault, Frames},
    harmless::harmless_text,
};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::{
    fmt,
    io::{self, Read, Write},
    os::fd::OwnedFd,
    sync::Arc,
    time::{Duration, Instant},
};

/// What a read asks the stream for at least.
const CHUNK: usize = 16 << 10;
/// A buffer that grew beyond this for one reply is given back after it.
const KEPT: usize = 1 << 20;

#[derive(Debug)]
pub enum Error {
    Io(io::Error),
    Protocol(Fault),
    /// The server closed the connection.
    Closed,
    /// The wake-up descriptor became readable, or the time was over.
    Interrupted,
    /// An error reply to AUTH, HELLO or SELECT.
    Refused(Vec<u8>),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Io(error) => f.write_str(&reason(error)),
            Error::Protocol(fault) => fault.fmt(f),
            Error::Closed => f.write_str("Server closed the connection"),
            Error::Interrupted => f.write_str("Interrupted"),
            // It is going to be shown to people.
            Error::Refused(text) => f.write_str(&harmless_text(text)),
        }
    }
}

impl std::error::Error for Error {}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => Error::Closed,
            _ => Error::Io(error),
        }
    }
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        Error::Protocol(fault)
    }
}

impl Error {
    /// True if a new connection may do better.
    pub fn is_lost(&self) -> bool {
        matches!(self, Error::Closed | Error::Io(_))
    }
}

/// Appends a command as an array of bulk strings.
pub fn push_command<W: AsRef<[u8]>>(out: &mut Vec<u8>, words: &[W]) {
    let mut digits = itoa::Buffer::new();
    let head = |out: &mut Vec<u8>, kind: u8, n: usize, digits: &mut itoa::Buffer| {
        out.push(kind);
        out.extend_from_slice(digits.format(n).as_bytes());
        out.extend_from_slice(b"\r\n");
    };
    head(out, b'*', words.len(), &mut digits);
    for word in words {
        let word = word.as_ref();
        head(out, b'$', word.len(), &mut digits);
        out.extend_from_slice(word);
        out.extend_from_slice(b"\r\n");
    }
}

pub struct Conn {
    pub stream: Stream,
    input: Vec<u8>,
    /// The input's bytes before this one were replies already returned.
    taken: usize,
    frames: Frames,
    out: Vec<u8>,
    wake: Option<Arc<OwnedFd>>,
}

impl Conn {
    pub fn new(stream: Stream) -> Conn {
        Conn { stream, input: Vec::new(), taken: 0, frames: Frames::default(), out: Vec::new(), wake: None }
    }

    /// While set, a read that has to wait returns [`Error::Interrupted`] as soon as this can be read: a pipe that a
    /// signal handler writes to. The connection stays good; a reply half arrived is kept.
    pub fn set_wake(&mut self, wake: Option<Arc<OwnedFd>>) {
        self.wake = wake;
    }

    /// Queues a command.
    pub fn push<W: AsRef<[u8]>>(&mut self, words: &[W]) {
        push_command(&mut self.out, words);
    }

    /// Sends what is queued.
    pub fn flush(&mut self) -> Result<(), Error> {
        if !self.out.is_empty() {
            let sent = self.stream.write_all(&self.out).and_then(|()| self.stream.flush());
            self.out.clear();
            if self.out.capacity() > KEPT {
                self.out = Vec::new();
            }
            sent?;
        }
        Ok(())
    }

    /// Sends a command at once; its reply is to be read.
    pub fn send<W: AsRef<[u8]>>(&mut self, words: &[W]) -> Result<(), Error> {
        self.push(words);
        self.flush()
    }

    /// Sends bytes as they are.
    pub fn send_raw(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.flush()?;
        self.stream.write_all(bytes)?;
        self.stream.flush()?;
        Ok(())
    }

    /// Sends a command and reads its reply. Pushes that come before it are passed over.
    pub fn ask<W: AsRef<[u8]>>(&mut self, words: &[W]) -> Result<Value, Error> {
        self.send(words)?;
        loop {
            match self.read()? {
                Value::Push(_) => {}
                reply => return Ok(reply),
            }
        }
    }

    /// The next reply or push, as a tree.
    pub fn read(&mut self) -> Result<Value, Error> {
        Ok(Value::parse(self.frame()?)?)
    }

    /// The next reply or push, unless `limit` is over before it is complete.
    pub fn read_within(&mut self, limit: Duration) -> Result<Option<Value>, Error> {
        let deadline = Instant::now() + limit;
        loop {
            match self.next_frame()? {
                Some((start, len)) => return Ok(Some(Value::parse(&self.input[start..start + len])?)),
                None if self.wait(Some(deadline.saturating_duration_since(Instant::now())))? => self.fill()?,
                None => return Ok(None),
            }
        }
    }

    /// The next reply or push, as it stood on the wire.
    pub fn frame(&mut self) -> Result<&[u8], Error> {
        loop {
            if let Some((start, len)) = self.next_frame()? {
                return Ok(&self.input[start..start + len]);
            }
            if self.wake.is_some() {
                self.wait(None)?;
            }
            self.fill()?;
        }
    }

    /// A complete reply in the input, if there is one: start and length. It counts as taken.
    fn next_frame(&mut self) -> Result<Option<(usize, usize)>, Error> {
        if self.taken == self.input.len() {
            self.input.clear();
            self.taken = 0;
            if self.input.capacity() > KEPT {
                self.input = Vec::new();
            }
            return Ok(None);
        }
        let start = self.taken;
        Ok(self.frames.scan(&self.input[start..])?.map(|len| {
            self.taken += len;
            (start, len)
        }))
    }

    /// Waits until the stream can be read, `true`, or the time is over, `false`.
    fn wait(&mut self, limit: Option<Duration>) -> Result<bool, Error> {
        if self.stream.has_buffered() {
            return Ok(true);
        }
        let limit = limit.map(|limit| Timespec {
            tv_sec: limit.as_secs().min(1 << 40) as i64,
            tv_nsec: i64::from(limit.subsec_nanos()),
        });
        loop {
            let mut fds = vec![PollFd::new(&self.stream, PollFlags::IN)];
            if let Some(wake) = &self.wake {
                fds.push(PollFd::new(wake.as_ref(), PollFlags::IN));
            }
            match poll(&mut fds, limit.as_ref()) {
                Ok(0) => return Ok(false),
                Ok(_) if fds.get(1).is_some_and(|fd| !fd.revents().is_empty()) => return Err(Error::Interrupted),
                Ok(_) => return Ok(true),
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(Error::Io(error.into())),
            }
        }
    }

    /// Reads once. What is set aside doubles with what has come, never with what was announced.
    fn fill(&mut self) -> Result<(), Error> {
        if self.taken > 0 && self.input.capacity() - self.input.len() < CHUNK {
            self.input.drain(..self.taken);
            self.taken = 0;
        }
        let have = self.input.len();
        let want = CHUNK.max(have.min(4 << 20));
        self.input.resize(have + want, 0);
        let got = loop {
            match self.stream.read(&mut self.input[have..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => break other,
            }
        };
        self.input.truncate(have + *got.as_ref().unwrap_or(&0));
        match got {
            Ok(0) => Err(Error::Closed),
            Ok(_) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Bytes that came some other way, to be read before those of the stream.
    pub fn set_input(&mut self, input: Vec<u8>) {
        (self.input, self.taken, self.frames) = (input, 0, Frames::default());
    }

    /// The next command of a stream of replication, in which a primary may put line feeds between commands.
    pub fn read_skipping_newlines(&mut self) -> Result<Value, Error> {
        loop {
            while self.frames.is_idle() && matches!(self.input.get(self.taken), Some(b'\n' | b'\r')) {
                self.taken += 1;
            }
            if let Some((start, len)) = self.next_frame()? {
                return Ok(Value::parse(&self.input[start..start + len])?);
            }
            self.fill()?;
        }
    }

    /// Bytes that came behind the last reply, and the stream: for what is no RESP, as a snapshot after SYNC.
    pub fn into_parts(mut self) -> (Vec<u8>, Stream) {
        (self.input.split_off(self.taken), self.stream)
    }
}
