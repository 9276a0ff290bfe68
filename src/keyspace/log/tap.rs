//! What the append-only file is to get: bytes wait here from the moment they are logged until they are written.

use super::backlog::NO_DB;
use super::lane::{Lane, select};

/// Bytes for one file.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Piece {
    pub file: u64,
    pub bytes: Vec<u8>,
}

pub(super) struct Tap {
    /// The last one is the one that grows.
    pieces: Vec<Piece>,
    /// The database that the file's reader would have selected by now.
    db: u32,
    position: u64,
    /// Bytes in all pieces.
    waiting: usize,
    /// Whether a line `#TS:` tells the time, once a second at most.
    pub(super) stamps: bool,
    stamped_s: i64,
}

impl Tap {
    pub(super) fn new(file: u64) -> Tap {
        let pieces = vec![Piece { file, bytes: Vec::new() }];
        Tap { pieces, db: NO_DB, position: 0, waiting: 0, stamps: false, stamped_s: 0 }
    }

    pub(super) fn append(&mut self, lane: &Lane) {
        let Some(Piece { bytes: out, .. }) = self.pieces.last_mut() else { return };
        if !lane.has_effects() {
            return;
        }
        let before = out.len();
        // Only here, so never between MULTI and EXEC.
        if self.stamps && lane.now_s > self.stamped_s {
            self.stamped_s = lane.now_s;
            out.extend_from_slice(format!("#TS:{}\r\n", lane.now_s).as_bytes());
        }
        lane.each_run(false, |db, bytes| {
            if db != NO_DB && db != self.db {
                self.db = db;
                out.extend_from_slice(&select(db));
            }
            out.extend_from_slice(bytes);
        });
        let more = out.len() - before;
        self.position += more as u64;
        self.waiting += more;
    }

    /// A new file begins with no database selected.
    pub(super) fn switch(&mut self, file: u64) {
        self.pieces.retain(|p| !p.bytes.is_empty());
        self.pieces.push(Piece { file, bytes: Vec::new() });
        (self.db, self.stamped_s) = (NO_DB, 0);
    }

    pub(super) fn take(&mut self, spare: Vec<u8>) -> Vec<Piece> {
        let Some(last) = self.pieces.last() else { return Vec::new() };
        if self.waiting == 0 {
            return Vec::new();
        }
        let fresh = vec![Piece { file: last.file, bytes: spare }];
        let mut taken = std::mem::replace(&mut self.pieces, fresh);
        taken.retain(|p| !p.bytes.is_empty());
        self.waiting = 0;
        taken
    }

    pub(super) fn position(&self) -> u64 {
        self.position
    }

    pub(super) fn waiting(&self) -> usize {
        self.waiting
    }
}
