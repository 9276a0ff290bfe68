//! What is known of commands before they run: their words, their keys and the hashes of these, in buffers that are
//! reused from turn to turn.

use crate::base::hash::hash_bytes;
use crate::engine::call::KeyRef;
use crate::engine::dispatch;
use crate::engine::errors::Error;
use crate::engine::flags::{Categories, Flags};
use crate::engine::table::Command;
use crate::resp::{Args, Span};

/// Buffers that are reused from turn to turn.
#[derive(Default)]
pub(super) struct Scratch {
    pub(super) spans: Vec<Span>,
    pub(super) planned: Vec<Planned>,
    pub(super) keys: Vec<KeyRef>,
    pub(super) shards: Vec<u16>,
    pub(super) positions: Vec<crate::engine::keyspec::KeyPos>,
    /// A command among them is for lists, sets and so on, whose values lie apart from their keys.
    pub(super) collections: bool,
}

/// A parsed command and what is known of it before it runs. Ranges are (from, to) in the scratch buffers.
pub(super) struct Planned {
    pub(super) words: (usize, usize),
    pub(super) keys: (usize, usize),
    pub(super) command: Result<&'static Command, Error>,
    /// Where the next command starts in the connection's buffer.
    pub(super) end: usize,
}

impl Scratch {
    pub(super) fn clear(&mut self) {
        self.spans.clear();
        self.planned.clear();
        self.keys.clear();
        self.collections = false;
    }

    #[inline]
    pub(super) fn plan(&mut self, buf: &[u8], first: usize, end: usize) {
        let words = (first, self.spans.len());
        let from = self.keys.len();
        let command = {
            let args = Args::new(buf, &self.spans[first..]);
            let command = dispatch::resolve(args);
            if let Ok(c) = &command {
                self.collections |= c.categories.has(Categories::COLLECTIONS);
                // A key at a fixed place needs no list of positions.
                match c.keys.simple {
                    Some(s) if s.first > 0 && s.first == s.last => {
                        let hash = hash_bytes(args.at(s.first as usize));
                        self.keys.push(KeyRef { word: s.first as u32, hash });
                    }
                    _ => find_keys(c, args, &mut self.positions, &mut self.keys),
                }
            }
            command
        };
        self.planned.push(Planned { words, keys: (from, self.keys.len()), command, end });
    }

    pub(super) fn find_keys(&mut self, command: &Command, args: Args<'_>) {
        find_keys(command, args, &mut self.positions, &mut self.keys);
    }

    /// True if the command planned last must not share a group with others; `solo`: whoever runs it has everything anyway.
    #[inline]
    pub(super) fn last_runs_alone(&self, solo: bool) -> bool {
        self.planned.last().is_some_and(|p| p.runs_alone(solo))
    }
}

impl Scratch {
    pub(super) fn writes(&self) -> bool {
        self.planned.iter().any(|p| p.command.as_ref().is_ok_and(|c| c.flags.has(Flags::WRITE)))
    }
}

impl Planned {
    #[inline]
    pub(super) fn runs_alone(&self, solo: bool) -> bool {
        // A refusal may end a transaction, which takes locks of its own.
        let alone = |c: &Command| (c.flags.has(Flags::WORLD) && !solo) || c.flags.has(Flags::UNLOCKED);
        self.command.as_ref().map_or(true, |c| alone(c))
    }
}

pub(super) fn find_keys(
    command: &Command,
    args: Args<'_>,
    positions: &mut Vec<crate::engine::keyspec::KeyPos>,
    keys: &mut Vec<KeyRef>,
) {
    if !command.keys.any() {
        return;
    }
    positions.clear();
    // Words that make no sense as keys: the handler will say so; what was found is locked all the same.
    let _ = command.keys.positions(args, positions);
    keys.extend(positions.iter().map(|p| KeyRef { word: p.index, hash: hash_bytes(args.at(p.index as usize)) }));
}
