//! The table encoding of hashes.
//!
//! Invariants: a field is marked in the table, and in `due` under its expiry and address, exactly if it has an expiry; `bytes`
//! is what all fields' allocations take. So every address in `due` is that of a live field of this table.

use super::field::{Field, Parts};
use crate::base::hash::hash_bytes;
use crate::data::effort::Effort;
use crate::data::table::{Element, Table};
use std::collections::BTreeSet;
use std::ptr::NonNull;

#[derive(Default)]
pub(super) struct Large {
    pub table: Table<Field>,
    due: BTreeSet<Due>,
    pub bytes: usize,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Due {
    at_ms: i64,
    field: NonNull<u8>,
}

// SAFETY: the address is used only under the borrow of the table that owns the field.
unsafe impl Send for Due {}
unsafe impl Sync for Due {}

impl Large {
    #[inline]
    pub fn get(&self, name: &[u8]) -> Option<Parts<'_>> {
        // SAFETY: the table is borrowed as long as the parts are.
        self.table.get(hash_bytes(name), name).map(|f| unsafe { Field::parts(f.0) })
    }

    /// Adds a field, or gives it another value; it keeps its expiry if `keep_expiry`.
    pub fn set(&mut self, name: &[u8], value: &[u8], keep_expiry: bool) {
        let hash = hash_bytes(name);
        let Some(mut field) = self.table.get_mut(hash, name) else {
            let field = Field::new(Parts { name, value, expires_at_ms: None });
            self.bytes += field.heap_bytes();
            self.table.insert_new(hash, field, false);
            return;
        };
        let old = field.get().expires_at_ms;
        let new = old.filter(|_| keep_expiry);
        if new == old && field.replace_value(value) {
            return;
        }
        if let Some(at_ms) = old {
            self.due.remove(&Due { at_ms, field: field.0 });
        }
        let other = Field::new(Parts { name, value, expires_at_ms: new });
        self.bytes = self.bytes - field.heap_bytes() + other.heap_bytes();
        if let Some(at_ms) = new {
            self.due.insert(Due { at_ms, field: other.0 });
        }
        *field = other;
        field.set_mark(new.is_some());
    }

    /// Adds a field that is not there.
    pub fn insert_new(&mut self, parts: Parts<'_>) {
        let field = Field::new(parts);
        self.bytes += field.heap_bytes();
        if let Some(at_ms) = parts.expires_at_ms {
            self.due.insert(Due { at_ms, field: field.0 });
        }
        self.table.insert_new(hash_bytes(parts.name), field, parts.expires_at_ms.is_some());
    }

    pub fn remove(&mut self, name: &[u8]) -> Option<Field> {
        let field = self.table.remove(hash_bytes(name), name)?;
        self.bytes -= field.heap_bytes();
        if let Some(at_ms) = field.get().expires_at_ms {
            self.due.remove(&Due { at_ms, field: field.0 });
        }
        Some(field)
    }

    /// Gives a field an expiry or takes it; false if there is no such field.
    pub fn set_expiry(&mut self, name: &[u8], at_ms: Option<i64>) -> bool {
        let Some(mut field) = self.table.get_mut(hash_bytes(name), name) else { return false };
        let old = field.get().expires_at_ms;
        if old == at_ms {
            return true;
        }
        if let Some(at_ms) = old {
            self.due.remove(&Due { at_ms, field: field.0 });
        }
        if !at_ms.is_some_and(|ms| field.replace_expiry(ms)) {
            let other = Field::new(Parts { expires_at_ms: at_ms, ..field.get() });
            self.bytes = self.bytes - field.heap_bytes() + other.heap_bytes();
            *field = other;
            field.set_mark(at_ms.is_some());
        }
        if let Some(at_ms) = at_ms {
            self.due.insert(Due { at_ms, field: field.0 });
        }
        true
    }

    /// See [`Hash::compact`](super::Hash::compact).
    pub fn compact(&mut self, from: u64, effort: &mut Effort) -> Option<u64> {
        let due = &mut self.due;
        self.table.scan_some(from, effort, |field, effort| {
            let moves = field.lies_sparse();
            effort.looked(moves);
            if moves {
                let other = Field::new(field.get());
                if let Some(at_ms) = field.get().expires_at_ms {
                    due.remove(&Due { at_ms, field: field.0 });
                    due.insert(Due { at_ms, field: other.0 });
                }
                *field = other;
            }
        })
    }

    pub fn next_expiry(&self) -> Option<i64> {
        self.due.first().map(|d| d.at_ms)
    }

    /// How many fields expire before `now_ms`.
    pub fn expired(&self, now_ms: i64) -> usize {
        self.due.iter().take_while(|d| d.at_ms < now_ms).count()
    }

    /// Removes the field that expires first, if that is before `now_ms`.
    pub fn pop_expired(&mut self, now_ms: i64) -> Option<Field> {
        let due = *self.due.first().filter(|d| d.at_ms < now_ms)?;
        self.due.remove(&due);
        // SAFETY: addresses in `due` are those of live fields; the name is read only until its field is dropped.
        let name = unsafe { Field::parts(due.field) }.name;
        let field = self.table.remove(hash_bytes(name), name)?;
        self.bytes -= field.heap_bytes();
        Some(field)
    }

    pub fn heap_bytes(&self) -> usize {
        // A B-tree's nodes are about two thirds full.
        self.table.heap_bytes() + self.bytes + self.due.len() * size_of::<Due>() * 3 / 2
    }

    /// Panics where an invariant is broken. For tests.
    pub fn check(&self) {
        self.table.check();
        assert_eq!(self.table.iter().map(|f| f.heap_bytes()).sum::<usize>(), self.bytes);
        let mut due = BTreeSet::new();
        self.table.iter().for_each(|f| {
            due.extend(f.get().expires_at_ms.map(|at_ms| Due { at_ms, field: f.0 }));
            assert_eq!(f.key(), f.get().name);
        });
        assert!(due == self.due && due.len() == self.table.marked());
    }
}

impl Clone for Large {
    fn clone(&self) -> Self {
        let mut copy = Large::default();
        self.table.iter().for_each(|f| copy.insert_new(f.get()));
        copy
    }
}
