//! ACL LOG: what was refused, to whom, most recent first.

use std::collections::VecDeque;

/// What was refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reason {
    Command,
    Key,
    Channel,
    Auth,
}

/// Where the command came from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Context {
    Toplevel,
    Multi,
    Lua,
}

impl Reason {
    pub fn name(self) -> &'static str {
        match self {
            Reason::Command => "command",
            Reason::Key => "key",
            Reason::Channel => "channel",
            Reason::Auth => "auth",
        }
    }
}

impl Context {
    pub fn name(self) -> &'static str {
        match self {
            Context::Toplevel => "toplevel",
            Context::Multi => "multi",
            Context::Lua => "lua",
        }
    }
}

#[derive(Clone, Debug)]
pub struct Entry {
    pub count: u64,
    pub reason: Reason,
    pub context: Context,
    /// The command's name, the key or the channel.
    pub object: Vec<u8>,
    pub user: Vec<u8>,
    /// The client as CLIENT LIST shows it, when this last happened.
    pub client: String,
    pub id: u64,
    pub created_ms: i64,
    pub updated_ms: i64,
}

impl Entry {
    pub fn new(reason: Reason, context: Context, object: &[u8], user: &[u8], now_ms: i64) -> Entry {
        Entry {
            count: 1,
            reason,
            context,
            object: object.to_vec(),
            user: user.to_vec(),
            client: String::new(),
            id: 0,
            created_ms: now_ms,
            updated_ms: now_ms,
        }
    }
}

#[derive(Default)]
pub struct Log {
    entries: VecDeque<Entry>,
    next_id: u64,
}

/// The same refusal within this time is counted, not listed again; looked for among this many entries (Redis 7.0).
const GROUPED_MS: i64 = 60_000;
const LOOKED_AT: usize = 10;

impl Log {
    /// Adds a refusal; `id` and `count` are given here. At most `most` are kept.
    pub fn add(&mut self, mut entry: Entry, most: usize) {
        let same = |e: &Entry| {
            e.reason == entry.reason
                && e.context == entry.context
                && e.user == entry.user
                && e.object == entry.object
                && entry.updated_ms - e.updated_ms <= GROUPED_MS
        };
        let known = self.entries.iter().take(LOOKED_AT).position(same).and_then(|at| self.entries.remove(at));
        let is_new = known.is_none();
        match known {
            Some(old) => (entry.count, entry.id, entry.created_ms) = (old.count + 1, old.id, old.created_ms),
            None => {
                (entry.count, entry.id) = (1, self.next_id);
                self.next_id += 1;
            }
        }
        self.entries.push_front(entry);
        // A limit that was lowered counts from the next new entry on, as in Redis.
        if is_new || most == 0 {
            self.entries.truncate(most);
        }
    }

    pub fn entries(&self, most: usize) -> Vec<Entry> {
        self.entries.iter().take(most).cloned().collect()
    }

    pub fn clear(&mut self) {
        self.entries.clear();
    }
}
