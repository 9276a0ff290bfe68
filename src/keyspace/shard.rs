//! What one shard holds: every database's keys of its slice of the hash space, and who watches them.

use super::cut::ShardCut;
use super::entry::Entry;
use super::fields::{FieldExpiries, first_expiry};
use super::watch::Watchers;
use crate::data::table::{RefMut, Table};

/// The first fields share the lock's cache line (see `Shard` in `world.rs`): a command on a key of database 0 needs no other.
#[repr(C)]
pub struct ShardData {
    first: Table<Entry>,
    pub watchers: Watchers,
    /// While a point in time is being written down: what of this shard is not yet.
    pub cut: Option<Box<ShardCut>>,
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
            cut: None,
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
        self.all_parts(n).table
    }

    /// The table and the watchers, both for changing.
    #[inline]
    pub fn parts(&mut self, n: usize) -> (&mut Table<Entry>, &mut Watchers) {
        let parts = self.all_parts(n);
        (parts.table, parts.watchers)
    }

    /// The same, the expiries of fields, and what must see a key before it changes.
    #[inline]
    pub(super) fn all_parts(&mut self, n: usize) -> Parts<'_> {
        if n > self.more.len() {
            self.grow(n);
        }
        Parts {
            table: if n == 0 { &mut self.first } else { &mut self.more[n - 1] },
            watchers: &mut self.watchers,
            fields: &mut self.fields,
            guard: CutGuard { cut: self.cut.as_deref_mut(), table: n, bits: self.bits },
        }
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

    /// Puts an entry in that was loaded. One whose key is there already comes back, unless it is to `replace` that one.
    pub fn load(&mut self, db: usize, hash: u64, entry: Entry, replace: bool) -> Result<(), Entry> {
        let Parts { table, fields, .. } = self.all_parts(db);
        if table.spot(hash, entry.key()).is_some() {
            if !replace {
                return Err(entry);
            }
            if let Some(old) = table.remove(hash, entry.key()) {
                fields.forget(db as u32, &old);
            }
        }
        fields.moved(db as u32, entry.key(), None, first_expiry(&entry));
        let mark = entry.expiry().is_some();
        table.insert_new(hash, entry, mark);
        Ok(())
    }

    /// True if the key is a dear one that a cut has not written down yet.
    pub fn is_held_back(&self, db: usize, hash: u64, key: &[u8]) -> bool {
        let Some(cut) = &self.cut else { return false };
        let entry = self.db(db).and_then(|table| table.get(hash, key));
        entry.is_some_and(|e| cut.holds_back(db, hash << self.bits, &e))
    }

    /// How many databases this shard has tables for.
    pub fn databases(&self) -> usize {
        1 + self.more.len()
    }

    /// Takes a database's table out, leaving an empty one. `None` if it is not there, or must be written down first.
    pub fn take(&mut self, n: usize) -> Option<Table<Entry>> {
        self.fields.forget_database(n as u32);
        if n >= self.databases() {
            return None;
        }
        let bits = self.bits;
        let table = std::mem::replace(self.db_mut(n), Table::new(bits));
        match &mut self.cut {
            Some(cut) => cut.orphan(n, table, bits),
            None => Some(table),
        }
    }

    /// Takes over what another shard holds, whose keys are of the same slice. Must be empty itself.
    pub(super) fn adopt(&mut self, other: &mut ShardData) {
        let bits = self.bits;
        self.first = std::mem::replace(&mut other.first, Table::new(bits));
        self.more = std::mem::take(&mut other.more);
        self.fields = std::mem::take(&mut other.fields);
        self.expire_at = (0, 0);
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
        if let Some(cut) = &mut self.cut {
            cut.swap(a, b);
        }
    }
}

/// What a change of a key of one database needs.
pub(super) struct Parts<'a> {
    pub(super) table: &'a mut Table<Entry>,
    pub(super) watchers: &'a mut Watchers,
    pub(super) fields: &'a mut FieldExpiries,
    pub(super) guard: CutGuard<'a>,
}

/// Shows keys to the cut, if there is one, before they change.
pub(super) struct CutGuard<'a> {
    cut: Option<&'a mut ShardCut>,
    table: usize,
    bits: u32,
}

impl CutGuard<'_> {
    /// An entry of this table is about to change or to go.
    #[inline]
    pub(super) fn before(&mut self, hash: u64, entry: &mut RefMut<'_, Entry>) {
        if let Some(cut) = &mut self.cut {
            cut.keep(self.table, hash << self.bits, entry);
        }
    }

    /// An entry was added to this table.
    #[inline]
    pub(super) fn born(&mut self, table: &mut Table<Entry>, hash: u64, key: &[u8]) {
        if let Some(cut) = &self.cut
            && cut.is_born_ahead(self.table, hash << self.bits)
            && let Some(mut entry) = table.get_mut(hash, key)
        {
            entry.set_kept(true);
        }
    }

    /// Removes an entry of this table.
    #[inline]
    pub(super) fn remove(&mut self, table: &mut Table<Entry>, hash: u64, key: &[u8]) -> Option<Entry> {
        if self.cut.is_some()
            && let Some(mut entry) = table.get_mut(hash, key)
        {
            self.before(hash, &mut entry);
        }
        table.remove(hash, key)
    }
}
