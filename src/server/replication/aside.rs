//! The stream of writes that came while a copy was being loaded: kept in order until it can be carried out, in memory and, beyond
//! some of it, in a file without a name.

use super::super::{log, reason};
use crate::engine::Engine;
use crate::engine::config::cells::Class;
use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

/// Bytes in memory beyond which the file is used.
const IN_MEMORY: usize = 16 << 20;
/// Bytes read of the file before the disk gets them back.
const PUNCHED_EVERY: u64 = 64 << 20;
/// Small pieces in memory are put together up to this size.
const PIECE: usize = 64 << 10;

enum Part {
    Memory(Vec<u8>),
    /// So many bytes of the file, behind those that were read of it.
    File(u64),
}

pub struct Aside {
    engine: Arc<Engine>,
    parts: VecDeque<Part>,
    /// Bytes of the first part that were read, if it is in memory.
    at: usize,
    memory: usize,
    length: u64,
    file: Option<File>,
    /// Where the file is read and written.
    read: u64,
    written: u64,
    /// Up to here the disk has the file back.
    punched: u64,
    /// The file took nothing more: what comes stays in memory.
    broken: bool,
}

impl Aside {
    pub fn new(engine: &Arc<Engine>) -> Aside {
        Aside {
            engine: engine.clone(),
            parts: VecDeque::new(),
            at: 0,
            memory: 0,
            length: 0,
            file: None,
            read: 0,
            written: 0,
            punched: 0,
            broken: false,
        }
    }

    pub fn len(&self) -> u64 {
        self.length
    }

    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// True if it had better not get more: as much as `replica-full-sync-buffer-limit` allows is here, or, without a limit there, the
    /// disk takes nothing and as much as the primary would keep (`client-output-buffer-limit`) is in memory.
    pub fn is_full(&self) -> bool {
        let config = &self.engine.config;
        let limit = config.replica_full_sync_buffer_limit.get().max(0) as u64;
        let hard = config.client_output_buffer_limit.get(Class::Replica).hard_bytes.max(0) as u64;
        let by_memory = self.broken && hard > 0 && self.memory as u64 >= hard;
        (limit > 0 && self.length >= limit) || by_memory
    }

    pub fn push(&mut self, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        self.length += bytes.len() as u64;
        if self.memory + bytes.len() > IN_MEMORY && !self.broken {
            match self.write(bytes) {
                Ok(()) => return,
                Err(e) => {
                    self.broken = true;
                    log::warning(&format!(
                        "Can't write what the MASTER sends during the synchronization to a file: {}; it is kept in memory",
                        reason(&e)
                    ));
                }
            }
        }
        self.memory += bytes.len();
        match self.parts.back_mut() {
            Some(Part::Memory(last)) if last.len() + bytes.len() <= PIECE => last.extend_from_slice(bytes),
            _ => self.parts.push_back(Part::Memory(bytes.to_vec())),
        }
        self.tell();
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.file.is_none() {
            self.file = Some(crate::engine::replication::psync::spool_file()?);
        }
        let Some(file) = &self.file else { return Err(io::ErrorKind::NotFound.into()) };
        file.write_all_at(bytes, self.written)?;
        self.written += bytes.len() as u64;
        match self.parts.back_mut() {
            Some(Part::File(n)) => *n += bytes.len() as u64,
            _ => self.parts.push_back(Part::File(bytes.len() as u64)),
        }
        Ok(())
    }

    /// The next bytes, at most so many as fit; none if there are none.
    pub fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = match self.parts.front_mut() {
            None => return Ok(0),
            Some(Part::Memory(bytes)) => {
                let n = buf.len().min(bytes.len() - self.at);
                buf[..n].copy_from_slice(&bytes[self.at..self.at + n]);
                self.at += n;
                self.memory -= n;
                if self.at == bytes.len() {
                    self.parts.pop_front();
                    self.at = 0;
                }
                n
            }
            Some(Part::File(left)) => {
                let most = buf.len().min(usize::try_from(*left).unwrap_or(usize::MAX));
                let file = self.file.as_ref().ok_or(io::ErrorKind::NotFound)?;
                let n = file.read_at(&mut buf[..most], self.read)?;
                if n == 0 {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                *left -= n as u64;
                self.read += n as u64;
                if *left == 0 {
                    self.parts.pop_front();
                    self.shorten();
                }
                self.punch();
                n
            }
        };
        self.length -= n as u64;
        self.tell();
        Ok(n)
    }

    /// Gives the disk back what was read, once all was.
    fn shorten(&mut self) {
        if self.read == self.written {
            // What stays is space that goes with the file.
            let _ = self.file.as_ref().map(|f| f.set_len(0));
            (self.read, self.written, self.punched) = (0, 0, 0);
        }
    }

    /// The same for what was read of a file of which there is always more to read.
    fn punch(&mut self) {
        if self.read < self.punched + PUNCHED_EVERY {
            return;
        }
        if let Some(file) = &self.file {
            let flags = rustix::fs::FallocateFlags::PUNCH_HOLE | rustix::fs::FallocateFlags::KEEP_SIZE;
            // Where the file system cannot, it is as large as what came.
            let _ = rustix::fs::fallocate(file, flags, self.punched, self.read - self.punched);
        }
        self.punched = self.read;
    }

    fn tell(&self) {
        self.engine.replication.aside.store(self.memory as u64, Relaxed);
    }
}

impl Drop for Aside {
    fn drop(&mut self) {
        self.engine.replication.aside.store(0, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::rng::Rng;
    use crate::engine::testing::TestEngine;

    fn byte(at: usize) -> u8 {
        (at % 251) as u8
    }

    /// Fills it beyond what memory is for, and empties it, more than once, reading between writes.
    #[test]
    fn what_goes_in_comes_out_in_order() {
        let engine = TestEngine::new().engine;
        let (mut aside, mut rng) = (Aside::new(&engine), Rng::new(7));
        let (mut put, mut got, mut buffer) = (0, 0, vec![0; 100_000]);
        let mut most = 0;
        for phase in 0..4 {
            let (writes, reads) = if phase % 2 == 0 { (8, 2) } else { (1, 20) };
            for _ in 0..150 {
                for _ in 0..writes {
                    let n = 1 + rng.below(100_000) as usize;
                    let bytes: Vec<u8> = (put..put + n).map(byte).collect();
                    aside.push(&bytes);
                    put += n;
                }
                most = most.max(aside.written);
                for _ in 0..reads {
                    let most = 1 + rng.below(buffer.len() as u64) as usize;
                    let n = aside.read(&mut buffer[..most]).expect("a file");
                    assert!(buffer[..n].iter().enumerate().all(|(i, b)| *b == byte(got + i)), "at {got}");
                    got += n;
                }
                assert_eq!(aside.length as usize, put - got);
                assert!(aside.memory <= IN_MEMORY && engine.replication.aside.load(Relaxed) == aside.memory as u64);
            }
            if phase % 2 == 1 {
                assert_eq!(
                    (put, aside.is_empty(), aside.written, aside.memory),
                    (got, true, 0, 0),
                    "the disk is given back"
                );
            }
        }
        assert!(most > IN_MEMORY as u64 / 2, "the file was used: {most}");
    }

    #[test]
    fn it_is_full_where_the_limit_says_so() {
        let engine = TestEngine::new().engine;
        let mut aside = Aside::new(&engine);
        aside.push(&[0; 1000]);
        assert!(!aside.is_full());
        engine.config.replica_full_sync_buffer_limit.set(1000);
        assert!(aside.is_full());
        aside.read(&mut [0; 1]).expect("memory");
        assert!(!aside.is_full());
    }
}
