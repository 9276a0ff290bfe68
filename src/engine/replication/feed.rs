//! What is on its way to a replica: pieces of a copy, the place in the stream, and how the two go out together.

use super::frames::WINDOW;
use crate::engine::Engine;
use crate::keyspace::log::{Chunk, ReaderId};
use std::collections::VecDeque;
use std::task::Waker;

/// Bytes of a copy that may wait for the replica.
pub(super) const MOST_WAITING: usize = 4 << 20;
/// Bytes of it that are queued without looking whether there is room.
pub(super) const MOST_AT_ONCE: usize = 1 << 20;
/// Small pieces are put together up to this size.
pub(super) const PIECE: usize = 64 << 10;
/// Bytes of the stream that may go between two pieces of a copy: should the stream alone fill the line, the copy still comes to an
/// end.
pub(super) const STREAM_A_PIECE: usize = 4 * PIECE;

#[derive(Default)]
pub(super) struct Feed {
    pub(super) queue: VecDeque<Queued>,
    pub(super) waiting: usize,
    /// Bytes that were taken out of the queue, or used by the replica: goes up while there is progress.
    pub(super) progress: u64,
    /// Copy and stream go out together.
    pub(super) weave: Option<Weave>,
    /// A copy that was written to disk first.
    pub(super) file: Option<std::fs::File>,
    /// The place in the backlog.
    pub(super) reader: Option<ReaderId>,
    /// What follows the copy may be sent.
    pub(super) streams: bool,
    /// All of the copy is in the queue.
    pub(super) copied: bool,
    /// The replica is gone, or must go.
    pub(super) over: bool,
    pub(super) waker: Option<Waker>,
}

pub(super) struct Queued {
    pub(super) bytes: Vec<u8>,
    /// It leaves in a frame.
    pub(super) of_copy: bool,
}

#[derive(Default)]
pub(super) struct Weave {
    /// Bytes of the copy that were queued, and that the replica has used.
    pub(super) queued: u64,
    pub(super) taken: u64,
    /// The replica wants no more of the stream before it has loaded the copy.
    pub(super) holds: bool,
    /// Bytes of the stream that may go before the next piece of the copy.
    pub(super) allowance: usize,
}

impl Feed {
    pub(super) fn is_full(&self) -> bool {
        let ahead = self.weave.as_ref().map_or(0, |w| w.queued.saturating_sub(w.taken));
        self.waiting > MOST_WAITING || ahead + MOST_AT_ONCE as u64 > WINDOW
    }

    pub(super) fn push(&mut self, bytes: &[u8], of_copy: bool) {
        self.waiting += bytes.len();
        match self.queue.back_mut() {
            Some(last) if last.of_copy == of_copy && last.bytes.len() + bytes.len() <= PIECE => {
                last.bytes.extend_from_slice(bytes);
            }
            _ => self.queue.push_back(Queued { bytes: bytes.to_vec(), of_copy }),
        }
    }

    pub(super) fn pop(&mut self) -> Option<Queued> {
        let first = self.queue.pop_front()?;
        self.waiting -= first.bytes.len();
        self.progress += first.bytes.len() as u64;
        Some(first)
    }

    /// Some of the stream, if there is any. `Err`: its place in the backlog is gone.
    pub(super) fn stream(&self, engine: &Engine, waker: &Waker) -> Result<Option<Chunk>, ()> {
        let Some(reader) = self.reader else { return Ok(None) };
        let read = engine.world.log.with_backlog(|b| b.knows(reader).then(|| b.read(reader, Some(waker))));
        read.flatten().ok_or(())
    }
}

/// What is to be sent next.
pub enum Piece {
    Bytes(Vec<u8>),
    Stream(Chunk),
    /// Nothing will come any more: close.
    End,
}
