//! The connection to a primary while it is not one of the workers' yet: lines, and the bytes of a copy. Waits never longer
//! than `repl-timeout`, and not at all once the link is not wanted any more.

use crate::client::Stream;
use crate::engine::Engine;
use std::io::{self, Read, Write};
use std::time::{Duration, Instant};

/// How long a read waits before it looks whether anybody still wants the link.
pub const SLICE: Duration = Duration::from_millis(200);
/// No answer of the handshake is longer.
const LONGEST_LINE: usize = 16 << 10;

pub struct Wire<'a> {
    pub stream: Stream,
    engine: &'a Engine,
    generation: u64,
    buffer: Vec<u8>,
    at: usize,
    /// When the last bytes came.
    heard: Instant,
}

impl<'a> Wire<'a> {
    pub fn new(stream: Stream, engine: &'a Engine, generation: u64) -> io::Result<Wire<'a>> {
        stream.set_read_timeout(Some(SLICE))?;
        Ok(Wire { stream, engine, generation, buffer: Vec::new(), at: 0, heard: Instant::now() })
    }

    pub fn generation(&self) -> u64 {
        self.generation
    }

    pub fn is_wanted(&self) -> bool {
        self.engine.replication.is_current(self.generation)
    }

    pub fn send(&mut self, words: &[&str]) -> Result<(), String> {
        let mut out = Vec::new();
        crate::client::conn::push_command(&mut out, words);
        self.write(&out)
    }

    pub fn write(&mut self, bytes: &[u8]) -> Result<(), String> {
        self.stream
            .write_all(bytes)
            .and_then(|()| self.stream.flush())
            .map_err(|e| format!("Writing to MASTER: {}", super::super::reason(&e)))
    }

    /// Reads some bytes behind those that are there.
    fn fill(&mut self) -> Result<(), String> {
        let mut piece = [0; 16 << 10];
        let n = self.read_some(&mut piece)?;
        self.buffer.extend_from_slice(&piece[..n]);
        Ok(())
    }

    /// Nothing is to be heard of the primary, as it was asked for: that is no sign of its end.
    pub fn expect_silence(&mut self) {
        self.heard = Instant::now();
    }

    /// Tells the primary that we are alive.
    pub fn keep_alive(&mut self) {
        // If it is gone, that will be seen later.
        let _ = self.stream.write_all(b"\n").and_then(|()| self.stream.flush());
    }

    /// How long a read waits before it looks whether anybody still wants the link, or returns nothing.
    pub fn wait_at_most(&mut self, slice: Duration) -> io::Result<()> {
        self.heard = Instant::now();
        self.stream.set_read_timeout(Some(slice))
    }

    /// Waits for bytes; never returns none.
    fn read_some(&mut self, piece: &mut [u8]) -> Result<usize, String> {
        self.heard = Instant::now();
        loop {
            if let Some(n) = self.read_slice(piece)? {
                return Ok(n);
            }
        }
    }

    /// Waits for bytes, but no longer than a slice: `None` if none came.
    fn read_slice(&mut self, piece: &mut [u8]) -> Result<Option<usize>, String> {
        match self.stream.read(piece) {
            Ok(0) => return Err("I/O error trying to sync with MASTER: connection lost".into()),
            Ok(n) => {
                self.engine.shared_stats.copied_in.fetch_add(n as u64, std::sync::atomic::Ordering::Relaxed);
                self.heard = Instant::now();
                return Ok(Some(n));
            }
            Err(e) if matches!(e.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
                if !self.is_wanted() {
                    return Err("this server follows somebody else now".into());
                }
                if self.heard.elapsed() > timeout(self.engine) {
                    return Err(
                        "Timeout connecting to the MASTER, or receiving from it... If the problem persists try to \
                                set the 'repl-timeout' parameter in redis.conf to a larger value."
                            .into(),
                    );
                }
            }
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(format!("I/O error reading from MASTER: {}", super::super::reason(&e))),
        }
        Ok(None)
    }

    /// The next line without its end.
    pub fn line(&mut self) -> Result<String, String> {
        let mut seen = self.at;
        loop {
            if let Some(n) = memchr::memchr(b'\n', &self.buffer[seen..]) {
                let line = &self.buffer[self.at..seen + n];
                let line = String::from_utf8_lossy(line.strip_suffix(b"\r").unwrap_or(line)).into_owned();
                self.at = seen + n + 1;
                return Ok(line);
            }
            seen = self.buffer.len();
            if seen - self.at > LONGEST_LINE {
                return Err("MASTER sends something that is no answer".into());
            }
            self.fill()?;
        }
    }

    /// The next line that says something: lone line ends keep a connection alive.
    pub fn answer(&mut self) -> Result<String, String> {
        loop {
            let line = self.line()?;
            if !line.is_empty() {
                return Ok(line);
            }
        }
    }

    /// Some bytes, at most so many as fit.
    pub fn bytes(&mut self, piece: &mut [u8]) -> Result<usize, String> {
        match self.buffered(piece) {
            0 => self.read_some(piece),
            n => Ok(n),
        }
    }

    /// The same, but waits no longer than a slice: `None` if none came.
    pub fn some(&mut self, piece: &mut [u8]) -> Result<Option<usize>, String> {
        match self.buffered(piece) {
            0 => self.read_slice(piece),
            n => Ok(Some(n)),
        }
    }

    /// Bytes that were read already.
    fn buffered(&mut self, piece: &mut [u8]) -> usize {
        let n = piece.len().min(self.buffer.len() - self.at);
        piece[..n].copy_from_slice(&self.buffer[self.at..self.at + n]);
        self.at += n;
        if self.at == self.buffer.len() {
            self.buffer.clear();
            self.at = 0;
        }
        n
    }

    /// The stream, and what was read of it and not used.
    pub fn into_parts(mut self) -> (Stream, Vec<u8>) {
        (self.stream, self.buffer.split_off(self.at))
    }
}

/// `repl-timeout`.
pub fn timeout(engine: &Engine) -> Duration {
    Duration::from_secs(engine.config.repl_timeout_secs.get().max(1) as u64)
}
