//! What one shard holds: every database's keys of its slice of the hash space, and who watches them.

use super::entry::Entry;
use super::fields::FieldExpiries;
use super::watch::Watchers;
use crate::data::table::Table;

/// The first fields share the lock's cache line (see `Shard` in `world.rs`): a command on a key of database 0 needs no other.
#[repr(C)]
pub struct ShardData {
    first: Table<Entry>,
    pub watchers: Watchers,
    /// The databases after the first, up to the highest one in use.
    more: Vec<Table<Entry>>,
    /// Hashes with fields that expire.
    pub fields: FieldExpiries,
    /// Where the expiry cycle goes on, a table position, and in which database.
    pub expire_at: (usize, u64),
    bits: u32,
}

impl ShardData {
    /// Bytes of the fields that share the lock's line.
    pub(super) const HOT: usize = std::mem::offset_of!(ShardData, more);

    pub(super) fn new(bits: u32) -> Self {
        ShardData {
            first: Table::new(bits),
            watchers: Watchers::default(),
            more: Vec::new(),
            fields: FieldExpiries::default(),
            expire_at: (0, 0),
            bits,
        }
    }

    /// The table of database `n`, if there is one.
    #[inline]
    pub fn db(&self, n: usize) -> Option<&Table<Entry>> {
        if n == 0 { Some(&self.first) } else { self.more.get(n - 1) }
    }

    #[inline]
    pub fn db_mut(&mut self, n: usize) -> &mut Table<Entry> {
        self.all_parts(n).0
    }

    /// The table and the watchers, both for changing.
    #[inline]
    pub fn parts(&mut self, n: usize) -> (&mut Table<Entry>, &mut Watchers) {
        let (table, watchers, _) = self.all_parts(n);
        (table, watchers)
    }

    /// The same, and the expiries of fields.
    #[inline]
    pub(super) fn all_parts(&mut self, n: usize) -> (&mut Table<Entry>, &mut Watchers, &mut FieldExpiries) {
        if n > self.more.len() {
            self.grow(n);
        }
        let table = if n == 0 { &mut self.first } else { &mut self.more[n - 1] };
        (table, &mut self.watchers, &mut self.fields)
    }

    #[cold]
    fn grow(&mut self, n: usize) {
        let bits = self.bits;
        self.more.resize_with(n, || Table::new(bits));
    }

    /// True if somebody waits for a key of this shard.
    #[inline]
    pub fn has_waiters(&self) -> bool {
        self.watchers.has_waiters()
    }

    /// How many databases this shard has tables for.
    pub fn databases(&self) -> usize {
        1 + self.more.len()
    }

    /// Takes a database's table out, leaving an empty one.
    pub fn take(&mut self, n: usize) -> Option<Table<Entry>> {
        self.fields.forget_database(n as u32);
        let empty = Table::new(self.bits);
        (n < self.databases()).then(|| std::mem::replace(self.db_mut(n), empty))
    }

    pub fn swap(&mut self, a: usize, b: usize) {
        let (low, high) = (a.min(b), a.max(b));
        if low == high {
            return;
        }
        self.db_mut(high);
        match low {
            0 => std::mem::swap(&mut self.first, &mut self.more[high - 1]),
            _ => self.more.swap(low - 1, high - 1),
        }
        self.fields.swap_databases(a as u32, b as u32);
    }
}
