//! The connection to a primary while it is not one of the workers' yet: lines, and the bytes of a copy. Waits never longer
//! than `repl-timeout`, and not at all once the link is not wanted any more.

use crate::client::Stream;
use crate::engine::Engine;
use std::io::{self, Read, Write};
use std::time::{Duration, Instant};

/// How long a read waits before it looks whether anybody still wants the link.
const SLICE: Duration = Duration::from_millis(200);
/// No answer of the handshake is longer.
const LONGEST_LINE: usize = 16 << 10;

pub struct Wire<'a> {
    pub stream: Stream,
    engine: &'a Engine,
    generation: u64,
    buffer: Vec<u8>,
    at: usize,
}

impl<'a> Wire<'a> {
    pub fn new(stream: Stream, engine: &'a Engine, generation: u64) -> io::Result<Wire<'a>> {
        stream.set_read_timeout(Some(SLICE))?;
        Ok(Wire { stream, engine, generation, buffer: Vec::new(), at: 0 })
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
        self.stream
            .write_all(&out)
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

    /// Tells the primary that we are alive.
    pub fn keep_alive(&mut self) {
        // If it is gone, that will be seen later.
        let _ = self.stream.write_all(b"\n").and_then(|()| self.stream.flush());
    }

    /// Waits for bytes; never returns none.
    fn read_some(&mut self, piece: &mut [u8]) -> Result<usize, String> {
        let started = Instant::now();
        loop {
            match self.stream.read(piece) {
                Ok(0) => return Err("I/O error trying to sync with MASTER: connection lost".into()),
                Ok(n) => {
                    self.engine.shared_stats.copied_in.fetch_add(n as u64, std::sync::atomic::Ordering::Relaxed);
                    return Ok(n);
                }
                Err(e) if matches!(e.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
                    if !self.is_wanted() {
                        return Err("this server follows somebody else now".into());
                    }
                    if started.elapsed() > timeout(self.engine) {
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
        }
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
        if self.at < self.buffer.len() {
            let n = piece.len().min(self.buffer.len() - self.at);
            piece[..n].copy_from_slice(&self.buffer[self.at..self.at + n]);
            self.at += n;
            return Ok(n);
        }
        self.buffer.clear();
        self.at = 0;
        self.read_some(piece)
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
