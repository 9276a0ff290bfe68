//! Taking the oldest entries off a stream: XTRIM, and XADD with MAXLEN or MINID.

use super::refs::{self, RefPolicy};
use super::{Stream, StreamId};

/// What is to be left.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TrimTo {
    /// This many entries.
    MaxLen(u64),
    /// Entries from this id on.
    MinId(StreamId),
}

#[derive(Clone, Copy, Debug)]
pub struct Trim {
    pub to: TrimTo,
    /// `~`: whole nodes only.
    pub approximate: bool,
    /// Entries to remove at most; 0: any number.
    pub limit: u64,
    pub refs: RefPolicy,
}

impl Stream {
    /// Removes entries from the front and says how many, as Redis 8.2.
    pub fn trim(&mut self, trim: &Trim) -> u64 {
        let inner = &mut *self.0;
        let mut removed = 0;
        let mut n = 0; // node at hand: those before it are kept for their references
        while n < inner.nodes.len() {
            if matches!(trim.to, TrimTo::MaxLen(max) if inner.len <= max) {
                break;
            }
            let node = &mut inner.nodes[n];
            let count = u64::from(node.count);
            if trim.limit != 0 && removed + count > trim.limit {
                break;
            }
            let whole = match trim.to {
                TrimTo::MaxLen(max) => inner.len - count >= max,
                TrimTo::MinId(min) => node.last_id() < min,
            };
            if whole && trim.refs == RefPolicy::Keep {
                inner.nodes.remove(n);
                inner.len -= count;
                removed += count;
                continue;
            }
            if trim.approximate && !whole {
                break;
            }
            let mut doomed = Vec::new();
            let mut left = inner.len;
            for (entry, place, deleted) in node.entries() {
                let stop = match trim.to {
                    TrimTo::MaxLen(max) => left <= max,
                    TrimTo::MinId(min) => entry.id >= min,
                };
                if stop {
                    break;
                }
                let kept = trim.refs == RefPolicy::Acked && refs::is_referenced(inner.groups.as_deref(), entry.id);
                if !deleted && !kept {
                    left -= 1;
                    doomed.push((entry.id, place));
                }
            }
            for (id, place) in doomed {
                node.delete(place);
                if trim.refs == RefPolicy::Delete {
                    refs::forget(inner.groups.as_deref_mut(), id);
                }
                inner.len -= 1;
                removed += 1;
            }
            // A node emptied while its last, deleted entry lies behind the minimal id stays, as in Redis: it is the one that
            // further entries go to.
            if whole && inner.nodes[n].count == 0 {
                inner.nodes.remove(n);
            } else {
                n += 1;
            }
            if !whole {
                break;
            }
        }
        if inner.nodes.capacity() > 16 && inner.nodes.len() * 4 < inner.nodes.capacity() {
            inner.nodes.shrink_to(inner.nodes.len() * 2);
        }
        if removed > 0 {
            self.refresh_first_id();
        }
        removed
    }
}
