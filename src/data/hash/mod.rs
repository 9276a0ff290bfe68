//! Hashes: a listpack, a listpack whose fields may expire, or a table, chosen and left as Redis 7.4 … 8 does.
//!
//! A field whose expiry lies before `now_ms` is as good as gone for everything here that takes `now_ms`, and stays in memory
//! until [`Hash::expire_fields`] or an overwrite. Pass `i64::MIN` to see all.
//!
//! `unsafe` here is the pairing of tag and type: `LISTPACK` and `LISTPACK_EX` stand for a [`Packed`], `TABLE` for a
//! `Box<Large>`. Only [`Hash::view`], the `…_mut` below it and `drop` look behind the word.

mod field;
mod large;
mod small;

use super::effort::Effort;
use super::item::Item;
use super::limits::Limits;
use super::packed::{self, Blob, Packed};
use super::table;
use super::thin::{Edit, Thin};
use crate::base::rng::Rng;
use field::{Field, Parts};
use large::Large;
use small::Stride;
use std::ptr::NonNull;

const LISTPACK: usize = 0;
const LISTPACK_EX: usize = 1;
const TABLE: usize = 2;

/// A hash: one word.
#[repr(transparent)]
pub struct Hash(Thin);

enum View<'a> {
    Listpack(Blob<'a>, Stride),
    Table(&'a Large),
}

/// One field of a hash.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Entry<'a> {
    pub name: Item<'a>,
    pub value: Item<'a>,
    /// Milliseconds since 1970.
    pub expires_at_ms: Option<i64>,
}

impl<'a> Entry<'a> {
    fn of(parts: Parts<'a>) -> Entry<'a> {
        Entry { name: Item::Bytes(parts.name), value: Item::Bytes(parts.value), expires_at_ms: parts.expires_at_ms }
    }

    #[inline]
    fn alive(&self, now_ms: i64) -> bool {
        alive(self.expires_at_ms, now_ms)
    }
}

#[inline]
fn alive(expires_at_ms: Option<i64>, now_ms: i64) -> bool {
    expires_at_ms.is_none_or(|at| at >= now_ms)
}

impl Default for Hash {
    fn default() -> Self {
        Hash::new()
    }
}

impl Hash {
    /// An empty hash: a listpack, as in Redis.
    pub fn new() -> Hash {
        Hash(Thin::new(LISTPACK, Packed::new()))
    }

    pub fn new_table() -> Hash {
        Hash(Thin::new(TABLE, Box::<Large>::default()))
    }

    /// A hash of a listpack that a snapshot held (of triples, if `expiring`); `None` if it is not one. Too large a one becomes
    /// a table.
    pub fn from_packed(packed: Packed, expiring: bool, limits: &Limits) -> Option<Hash> {
        let stride = if expiring { 3 } else { 2 };
        if !small::is_sound(packed.blob(), stride) {
            return None;
        }
        let many = packed.len() / stride > limits.hash_max_listpack_entries;
        let long = packed.blob().iter().any(|i| i.len() > limits.hash_max_listpack_value);
        let mut hash = Hash(Thin::new(if expiring { LISTPACK_EX } else { LISTPACK }, packed));
        if many || long {
            hash.make_table();
        }
        Some(hash)
    }

    /// The word, for the keyspace to hold.
    pub fn into_raw(self) -> NonNull<u8> {
        std::mem::ManuallyDrop::new(self).0.word()
    }

    /// # Safety
    /// `raw` came from [`into_raw`](Self::into_raw), and is not used as another owned hash.
    pub unsafe fn from_raw(raw: NonNull<u8>) -> Hash {
        Hash(Thin::from_word(raw))
    }

    #[inline]
    fn view(&self) -> View<'_> {
        // SAFETY: each tag with its type.
        unsafe {
            match self.0.tag() {
                LISTPACK => View::Listpack(Packed::borrow_raw(self.0.pointer()), 2),
                LISTPACK_EX => View::Listpack(Packed::borrow_raw(self.0.pointer()), 3),
                _ => View::Table(self.0.boxed()),
            }
        }
    }

    fn packed_mut(&mut self) -> Edit<'_, Packed> {
        assert_ne!(self.0.tag(), TABLE);
        // SAFETY: the other tags stand for this type.
        unsafe { self.0.edit() }
    }

    #[inline]
    fn large_mut(&mut self) -> &mut Large {
        assert_eq!(self.0.tag(), TABLE);
        // SAFETY: the tag with its type.
        unsafe { self.0.boxed_mut() }
    }

    /// Moves what lies in pages of which little is used. Goes on at `from`, a position in the table, for as long as the
    /// effort lasts, and returns where to go on.
    pub fn compact(&mut self, from: u64, effort: &mut Effort) -> Option<u64> {
        if self.0.tag() == TABLE {
            return self.large_mut().compact(from, effort);
        }
        self.packed_mut().compact(effort);
        None
    }

    /// Fields, those included that expired and were not removed yet (as HLEN counts).
    #[inline]
    pub fn len(&self) -> usize {
        match self.view() {
            View::Listpack(b, stride) => b.len() / stride,
            View::Table(l) => l.table.len(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Fields that are there at `now_ms`.
    pub fn live_len(&self, now_ms: i64) -> usize {
        match self.view() {
            View::Listpack(_, 2) => self.len(),
            View::Listpack(..) => self.iter(now_ms).count(),
            View::Table(l) => l.table.len() - l.expired(now_ms),
        }
    }

    /// As OBJECT ENCODING says it.
    pub fn encoding(&self) -> &'static str {
        match self.0.tag() {
            LISTPACK => "listpack",
            LISTPACK_EX => "listpackex",
            _ => "hashtable",
        }
    }

    /// What the allocator gave for all of it.
    pub fn heap_bytes(&self) -> usize {
        match self.view() {
            View::Listpack(b, _) => b.heap_bytes(),
            View::Table(l) => size_of::<Large>() + l.heap_bytes(),
        }
    }

    /// Roughly the allocations that dropping it gives back.
    pub fn free_effort(&self) -> usize {
        match self.view() {
            View::Listpack(..) => 1,
            View::Table(l) => l.table.len() + 1,
        }
    }

    /// The listpack, if that is the encoding, and whether it holds expiries.
    pub fn as_listpack(&self) -> Option<(Blob<'_>, bool)> {
        if let View::Listpack(b, stride) = self.view() { Some((b, stride == 3)) } else { None }
    }

    /// The field, even if it has expired.
    #[inline]
    fn find(&self, name: &[u8]) -> Option<(Item<'_>, Option<i64>)> {
        match self.view() {
            View::Listpack(b, stride) => small::find(b, name, stride).map(|at| small::rest(b, at, stride)),
            View::Table(l) => l.get(name).map(|p| (Item::Bytes(p.value), p.expires_at_ms)),
        }
    }

    /// The value of a field.
    #[inline]
    pub fn get(&self, name: &[u8], now_ms: i64) -> Option<Item<'_>> {
        self.find(name).filter(|(_, at)| alive(*at, now_ms)).map(|(value, _)| value)
    }

    #[inline]
    pub fn contains(&self, name: &[u8], now_ms: i64) -> bool {
        self.get(name, now_ms).is_some()
    }

    /// A field's expiry: `None` without the field, `Some(None)` if it does not expire.
    pub fn expiry(&self, name: &[u8], now_ms: i64) -> Option<Option<i64>> {
        self.find(name).map(|(_, at)| at).filter(|at| alive(*at, now_ms))
    }

    /// Sets a field; true if it was not there. Its expiry goes unless `keep_expiry` says otherwise (HINCRBY, KEEPTTL); that of
    /// a field that had expired goes in any case.
    pub fn set(&mut self, name: &[u8], value: &[u8], keep_expiry: bool, now_ms: i64, limits: &Limits) -> bool {
        let View::Listpack(blob, stride) = self.view() else {
            let large = self.large_mut();
            let len = large.table.len();
            if large.next_expiry().is_none_or(|at| at >= now_ms) {
                large.set(name, value, keep_expiry);
                return large.table.len() > len;
            }
            let was = large.get(name).is_some_and(|p| alive(p.expires_at_ms, now_ms));
            large.set(name, value, keep_expiry && was);
            return !was;
        };
        if name.len().max(value.len()) > limits.hash_max_listpack_value || !blob.fits(name.len() + value.len()) {
            self.make_table();
            return self.set(name, value, keep_expiry, now_ms, limits);
        }
        let Some(at) = small::find(blob, name, stride) else {
            let len = blob.len() / stride;
            small::add(&mut self.packed_mut(), name.into(), value.into(), None, stride);
            if len + 1 > limits.hash_max_listpack_entries {
                self.make_table();
            }
            return true;
        };
        let expiry = small::rest(blob, at, stride).1;
        let was = alive(expiry, now_ms);
        let value_at = blob.next(at);
        let mut packed = self.packed_mut();
        packed.replace(value_at, value.into());
        if expiry.is_some() && !(keep_expiry && was) {
            small::move_to(&mut packed, at, None);
        }
        drop(packed);
        // The limit may have been lowered since the hash grew.
        if self.len() > limits.hash_max_listpack_entries {
            self.make_table();
        }
        !was
    }

    /// Removes a field; true if it was there at `now_ms`.
    pub fn remove(&mut self, name: &[u8], now_ms: i64) -> bool {
        match self.view() {
            View::Listpack(blob, stride) => {
                let Some(at) = small::find(blob, name, stride) else { return false };
                let was = alive(small::rest(blob, at, stride).1, now_ms);
                self.packed_mut().remove(at, stride);
                was
            }
            View::Table(_) => self.large_mut().remove(name).is_some_and(|f| alive(f.get().expires_at_ms, now_ms)),
        }
    }

    /// Gives a field an expiry (above 0), or takes it away; false if there is no such field. A listpack becomes one with
    /// expiries by the first. Conditions (NX, GT …) and times in the past are the caller's.
    pub fn set_expiry(&mut self, name: &[u8], at_ms: Option<i64>) -> bool {
        let View::Listpack(blob, stride) = self.view() else { return self.large_mut().set_expiry(name, at_ms) };
        let Some(at) = small::find(blob, name, stride) else { return false };
        if stride == 2 {
            if at_ms.is_none() {
                return true;
            }
            self.make_expiring();
            return self.set_expiry(name, at_ms);
        }
        if small::rest(blob, at, stride).1 != at_ms {
            small::move_to(&mut self.packed_mut(), at, at_ms);
        }
        true
    }

    /// When the first of the fields that expire does.
    pub fn next_expiry(&self) -> Option<i64> {
        match self.view() {
            View::Listpack(b, 3) if !b.is_empty() => small::rest(b, b.first(), 3).1,
            View::Listpack(..) => None,
            View::Table(l) => l.next_expiry(),
        }
    }

    /// Removes up to `limit` fields that have expired, each after `f` has seen it, the earliest first.
    pub fn expire_fields(&mut self, now_ms: i64, limit: usize, mut f: impl FnMut(Entry<'_>)) -> usize {
        let mut gone = 0;
        while gone < limit && self.next_expiry().is_some_and(|at| at < now_ms) {
            match self.view() {
                View::Listpack(b, _) => {
                    let at = b.first();
                    let (value, expires_at_ms) = small::rest(b, at, 3);
                    f(Entry { name: b.get(at), value, expires_at_ms });
                    self.packed_mut().remove(at, 3);
                }
                View::Table(_) => {
                    if let Some(field) = self.large_mut().pop_expired(now_ms) {
                        f(Entry::of(field.get()));
                    }
                }
            }
            gone += 1;
        }
        gone
    }

    /// Every field that is there at `now_ms`, in the order of the encoding.
    pub fn iter(&self, now_ms: i64) -> Iter<'_> {
        let inner = match self.view() {
            View::Listpack(b, stride) => Inner::Listpack(b.iter(), stride),
            View::Table(l) => Inner::Table(l.table.iter()),
        };
        Iter { inner, now_ms }
    }

    /// A uniformly random field of those there at `now_ms`.
    pub fn random(&self, now_ms: i64, rng: &mut Rng) -> Option<Entry<'_>> {
        // Expired ones are drawn again; if hardly any is left, among those that are.
        for _ in 0..64 {
            let entry = self.random_any(rng)?;
            if entry.alive(now_ms) {
                return Some(entry);
            }
        }
        match self.live_len(now_ms) {
            0 => None,
            n => self.iter(now_ms).nth(rng.below(n as u64) as usize),
        }
    }

    fn random_any(&self, rng: &mut Rng) -> Option<Entry<'_>> {
        if self.is_empty() {
            return None;
        }
        match self.view() {
            View::Listpack(b, stride) => {
                let at = b.seek(rng.below((b.len() / stride) as u64) as usize * stride)?;
                let (value, expires_at_ms) = small::rest(b, at, stride);
                Some(Entry { name: b.get(at), value, expires_at_ms })
            }
            // SAFETY: the table is borrowed as long as the entry is.
            View::Table(l) => l.table.random(rng).map(|f| Entry::of(unsafe { Field::parts(f.0) })),
        }
    }

    /// One step of HSCAN: start with 0, go on with what it returns until that is 0. Small encodings come in one step.
    pub fn scan(&self, cursor: u64, now_ms: i64, mut f: impl FnMut(Entry<'_>)) -> u64 {
        let View::Table(l) = self.view() else {
            self.iter(now_ms).for_each(f);
            return 0;
        };
        let visit = |field: table::Ref<'_, Field>, _| {
            let entry = Entry::of(field.get());
            if entry.alive(now_ms) {
                f(entry);
            }
        };
        l.table.scan(cursor, visit).unwrap_or(0)
    }

    /// What Redis does before a command sets these fields and values: turns a listpack into a table if the fields alone are
    /// more than it takes (whether or not they are new), or a text is too long.
    pub fn prepare<'t>(&mut self, fields: usize, texts: impl Iterator<Item = &'t [u8]>, limits: &Limits) {
        let View::Listpack(blob, _) = self.view() else { return };
        let mut sum = 0;
        let mut long = |t: &[u8]| {
            sum += t.len();
            t.len() > limits.hash_max_listpack_value
        };
        if fields > limits.hash_max_listpack_entries || texts.into_iter().any(&mut long) || !blob.fits(sum) {
            self.make_table();
        }
    }

    fn make_expiring(&mut self) {
        let mut packed = Packed::new();
        for e in self.iter(i64::MIN) {
            small::add(&mut packed, e.name, e.value, None, 3);
        }
        *self = Hash(Thin::new(LISTPACK_EX, packed));
    }

    fn make_table(&mut self) {
        if self.0.tag() != TABLE {
            let mut large = Box::<Large>::default();
            for e in self.iter(i64::MIN) {
                let expires_at_ms = e.expires_at_ms;
                e.name.with(|name| e.value.with(|value| large.insert_new(Parts { name, value, expires_at_ms })));
            }
            *self = Hash(Thin::new(TABLE, large));
        }
    }

    /// Panics where an invariant is broken. For tests.
    pub fn check(&self) {
        match self.view() {
            View::Listpack(b, stride) => assert!(small::is_sound(b, stride)),
            View::Table(l) => l.check(),
        }
    }
}

impl Clone for Hash {
    fn clone(&self) -> Self {
        Hash(match self.view() {
            View::Listpack(b, _) => Thin::new(self.0.tag(), b.to_packed()),
            View::Table(l) => Thin::new(TABLE, Box::new(l.clone())),
        })
    }
}

impl Drop for Hash {
    fn drop(&mut self) {
        // SAFETY: each tag with its type, and the word is gone afterwards.
        unsafe {
            match self.0.tag() {
                TABLE => drop(self.0.take::<Box<Large>>()),
                _ => drop(self.0.take::<Packed>()),
            }
        }
    }
}

/// The fields of a hash that are there.
pub struct Iter<'a> {
    inner: Inner<'a>,
    now_ms: i64,
}

enum Inner<'a> {
    Listpack(packed::Iter<'a>, Stride),
    Table(table::Iter<'a, Field>),
}

impl<'a> Iterator for Iter<'a> {
    type Item = Entry<'a>;

    #[inline]
    fn next(&mut self) -> Option<Entry<'a>> {
        loop {
            let entry = match &mut self.inner {
                Inner::Listpack(iter, stride) => {
                    let (name, value) = (iter.next()?, iter.next()?);
                    let expires_at_ms = if *stride == 3 { small::expiry(iter.next()?) } else { None };
                    Entry { name, value, expires_at_ms }
                }
                // SAFETY: the table is borrowed for 'a.
                Inner::Table(iter) => Entry::of(unsafe { Field::parts(iter.next()?.0) }),
            };
            if entry.alive(self.now_ms) {
                return Some(entry);
            }
        }
    }
}

#[cfg(test)]
mod tests;
