//! The replication backlog: the last bytes of the stream, at offsets, in blocks.
//!
//! Offsets count bytes of the history: a reader "at" n has everything up to and including byte n, as Redis's
//! `master_repl_offset` counts. At least `size` bytes are kept, and whatever a registered reader still has to read, so a
//! reader never loses its place; who reads too slowly is for its owner to notice ([`Backlog::lag`]) and to drop.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::task::Waker;

/// No database: none selected yet, or bytes that do not depend on it.
pub const NO_DB: u32 = u32::MAX;

/// Bytes a block: a sealed one is handed out whole, without copying.
const BLOCK: usize = 16 * 1024;

pub struct Backlog {
    /// The database that readers have selected by now.
    pub(super) db: u32,
    size: usize,
    /// Full blocks, oldest first.
    sealed: VecDeque<Arc<Vec<u8>>>,
    open: Vec<u8>,
    /// The offset before the first byte kept, and behind the last one.
    start: u64,
    end: u64,
    readers: Vec<Option<Reader>>,
}

struct Reader {
    serial: u64,
    at: u64,
    hungry: Option<Waker>,
}

/// A reader's place, and a number that no other reader of any backlog has: who comes with the place of an earlier backlog
/// finds nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ReaderId(usize, u64);

/// Some bytes of the stream.
#[derive(Clone, Debug)]
pub struct Chunk {
    block: Arc<Vec<u8>>,
    range: Range<usize>,
}

impl std::ops::Deref for Chunk {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        &self.block[self.range.clone()]
    }
}

impl Backlog {
    pub(super) fn new(size: usize, offset: u64) -> Backlog {
        Backlog {
            db: NO_DB,
            size,
            sealed: VecDeque::new(),
            open: Vec::new(),
            start: offset,
            end: offset,
            readers: Vec::new(),
        }
    }

    /// Bytes that are kept at least, once there are so many (`repl-backlog-size`).
    pub fn size(&self) -> usize {
        self.size
    }

    pub fn set_size(&mut self, size: usize) {
        self.size = size;
        self.trim();
    }

    /// The offset before the oldest byte: a reader at it, or behind it, can go on from here.
    pub fn start(&self) -> u64 {
        self.start
    }

    pub fn end(&self) -> u64 {
        self.end
    }

    /// The database that readers have selected by now, if any.
    pub fn selected(&self) -> Option<u32> {
        (self.db != NO_DB).then_some(self.db)
    }

    /// Bytes kept (`repl_backlog_histlen`).
    pub fn held(&self) -> u64 {
        self.end - self.start
    }

    /// Registers a reader that has everything up to `at`. `None` if what follows is not (all) here.
    pub fn add_reader(&mut self, at: u64) -> Option<ReaderId> {
        if at < self.start || at > self.end {
            return None;
        }
        static LAST: AtomicU64 = AtomicU64::new(0);
        let serial = LAST.fetch_add(1, Relaxed) + 1;
        let reader = Some(Reader { serial, at, hungry: None });
        let free = self.readers.iter().position(Option::is_none);
        let slot = free.unwrap_or_else(|| {
            self.readers.push(None);
            self.readers.len() - 1
        });
        self.readers[slot] = reader;
        Some(ReaderId(slot, serial))
    }

    pub fn remove_reader(&mut self, id: ReaderId) {
        if self.reader(id).is_some() {
            self.readers[id.0] = None;
        }
        self.trim();
    }

    /// What the reader has not read yet, in bytes.
    pub fn lag(&self, id: ReaderId) -> u64 {
        self.reader(id).map_or(0, |r| self.end - r.at)
    }

    /// True if the reader's place is in this backlog.
    pub fn knows(&self, id: ReaderId) -> bool {
        self.reader(id).is_some()
    }

    fn reader(&self, id: ReaderId) -> Option<&Reader> {
        self.readers.get(id.0).and_then(Option::as_ref).filter(|r| r.serial == id.1)
    }

    /// The reader's next bytes, which it has then read: a block's worth at most. `None` if there are none; `waker` is woken when
    /// there are.
    pub fn read(&mut self, id: ReaderId, waker: Option<&Waker>) -> Option<Chunk> {
        let at = self.reader(id)?.at;
        let chunk = (at < self.end).then(|| self.chunk_at(at));
        let reader = self.readers.get_mut(id.0).and_then(Option::as_mut)?;
        match &chunk {
            Some(chunk) => reader.at += chunk.len() as u64,
            None => reader.hungry = waker.cloned(),
        }
        self.trim();
        chunk
    }

    fn chunk_at(&self, at: u64) -> Chunk {
        let skip = (at - self.start) as usize;
        // All blocks are of one length, and `start` lies between two.
        if let Some(block) = self.sealed.get(skip / BLOCK) {
            return Chunk { range: skip % BLOCK..BLOCK, block: block.clone() };
        }
        let rest = self.open[skip % BLOCK..].to_vec();
        Chunk { range: 0..rest.len(), block: Arc::new(rest) }
    }

    /// Appends; wakers of readers that waited for bytes go to `hungry`. Returns how many bytes that were.
    pub(super) fn append(&mut self, mut bytes: &[u8], hungry: &mut Vec<Waker>) -> u64 {
        let all = bytes.len() as u64;
        while !bytes.is_empty() {
            let (now, later) = bytes.split_at(bytes.len().min(BLOCK - self.open.len()));
            if self.open.capacity() == 0 {
                self.open.reserve_exact(BLOCK);
            }
            self.open.extend_from_slice(now);
            bytes = later;
            if self.open.len() == BLOCK {
                self.sealed.push_back(Arc::new(std::mem::take(&mut self.open)));
            }
            self.end += now.len() as u64;
        }
        self.trim();
        hungry.extend(self.readers.iter_mut().flatten().filter_map(|r| r.hungry.take()));
        all
    }

    /// Lets go of whole blocks that nobody needs.
    fn trim(&mut self) {
        if self.held() < (self.size + BLOCK) as u64 {
            return;
        }
        let slowest = self.readers.iter().flatten().map(|r| r.at).min().unwrap_or(self.end);
        while let Some(first) = self.sealed.front() {
            let after = self.start + first.len() as u64;
            if self.end - after < self.size as u64 || after > slowest {
                break;
            }
            self.start = after;
            self.sealed.pop_front();
        }
    }

    pub(super) fn into_wakers(self) -> impl Iterator<Item = Waker> {
        self.readers.into_iter().flatten().filter_map(|r| r.hungry)
    }
}
