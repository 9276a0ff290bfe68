//! What one shard holds: every database's keys of its slice of the hash space, and who watches them.

use super::entry::Entry;
use super::fields::FieldExpiries;
use super::watch::Watchers;
use crate::data::table::Table;

pub struct ShardData {
    /// Index: database number. Grows to the highest one in use.
    dbs: Vec<Table<Entry>>,
    bits: u32,
    pub watchers: Watchers,
    /// Hashes with fields that expire.
    pub fields: FieldExpiries,
    /// Where the expiry cycle goes on, a table position, and in which database.
    pub expire_at: (usize, u64),
}

impl ShardData {
    pub(super) fn new(bits: u32) -> Self {
        ShardData {
            dbs: Vec::new(),
            bits,
            watchers: Watchers::default(),
            fields: FieldExpiries::default(),
            expire_at: (0, 0),
        }
    }

    /// The table of database `n`, if anything was ever put there.
    #[inline]
    pub fn db(&self, n: usize) -> Option<&Table<Entry>> {
        self.dbs.get(n)
    }

    #[inline]
    pub fn db_mut(&mut self, n: usize) -> &mut Table<Entry> {
        if n >= self.dbs.len() {
            self.grow(n);
        }
        &mut self.dbs[n]
    }

    /// The table and the watchers, both for changing.
    #[inline]
    pub fn parts(&mut self, n: usize) -> (&mut Table<Entry>, &mut Watchers) {
        if n >= self.dbs.len() {
            self.grow(n);
        }
        (&mut self.dbs[n], &mut self.watchers)
    }

    /// The same, and the expiries of fields.
    #[inline]
    pub(super) fn all_parts(&mut self, n: usize) -> (&mut Table<Entry>, &mut Watchers, &mut FieldExpiries) {
        if n >= self.dbs.len() {
            self.grow(n);
        }
        (&mut self.dbs[n], &mut self.watchers, &mut self.fields)
    }

    #[cold]
    fn grow(&mut self, n: usize) {
        let bits = self.bits;
        self.dbs.resize_with(n + 1, || Table::new(bits));
    }

    /// True if somebody waits for a key of this shard.
    #[inline]
    pub fn has_waiters(&self) -> bool {
        !self.watchers.waiters.is_empty()
    }

    /// How many databases this shard has tables for.
    pub fn databases(&self) -> usize {
        self.dbs.len()
    }

    /// Takes a database's table out, leaving an empty one.
    pub fn take(&mut self, n: usize) -> Option<Table<Entry>> {
        let bits = self.bits;
        self.fields.forget_database(n as u32);
        self.dbs.get_mut(n).map(|t| std::mem::replace(t, Table::new(bits)))
    }

    pub fn swap(&mut self, a: usize, b: usize) {
        self.db_mut(a.max(b));
        self.dbs.swap(a, b);
        self.fields.swap_databases(a as u32, b as u32);
    }
}
