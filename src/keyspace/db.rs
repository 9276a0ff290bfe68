//! One client's view of the database that it selected, for one command: look-ups that know expiry, and guards that keep
//! the books (dirty count, WATCH, events, access clock, lazy freeing), so that handlers cannot forget to.

use super::entry::{Entry, NewValue};
use super::fields::{self, FieldExpiries};
use super::journal::{Journal, class};
use super::shard::Parts;
use super::value::Type;
use super::watch::Watchers;
use super::world::Access;
use crate::base::{hash::hash_bytes, rng::Rng};
use crate::data::table::{Ref, RefMut, Spot, Table};
use std::ops::Deref;
use std::ptr::NonNull;

/// A key's bytes with their hash, computed once.
#[derive(Clone, Copy)]
pub struct Key<'a> {
    pub bytes: &'a [u8],
    pub hash: u64,
}

impl<'a> Key<'a> {
    #[inline]
    pub fn new(bytes: &'a [u8]) -> Self {
        Key { bytes, hash: hash_bytes(bytes) }
    }
}

/// How access is noted on a key.
#[derive(Clone, Copy, Debug, Default)]
pub struct AccessClock {
    /// Seconds, 24 bits (LRU), or minutes, 16 bits (LFU).
    pub now: u32,
    /// `lfu-log-factor` and `lfu-decay-time` under an LFU policy.
    pub lfu: Option<(u32, u32)>,
}

/// LFU counters start here, so that new keys have a chance (Redis: LFU_INIT_VAL).
const LFU_START: u32 = 5;

impl AccessClock {
    /// The clock of a key born now.
    #[inline]
    pub fn born(&self) -> u32 {
        match self.lfu {
            None => self.now,
            Some(_) => (self.now & 0xffff) << 8 | LFU_START,
        }
    }

    /// The clock of a key accessed now.
    #[inline]
    pub(super) fn touched(&self, old: u32, rng: &mut Rng) -> u32 {
        let Some((log_factor, _)) = self.lfu else {
            return self.now;
        };
        let counter = self.decayed(old);
        let base = f64::from(counter.saturating_sub(LFU_START));
        let up = counter < 255 && rng.unit() < 1.0 / (base * f64::from(log_factor) + 1.0);
        (self.now & 0xffff) << 8 | (counter + u32::from(up))
    }

    /// The LFU counter after the time that passed.
    pub fn decayed(&self, old: u32) -> u32 {
        let Some((_, decay)) = self.lfu else {
            return old & 255;
        };
        let passed = (self.now.wrapping_sub(old >> 8)) & 0xffff;
        (old & 255).saturating_sub(passed.checked_div(decay).unwrap_or(0))
    }

    /// Milliseconds since the last access, by an LRU clock.
    pub fn idle_ms(&self, old: u32) -> u64 {
        u64::from(self.now.wrapping_sub(old) & 0xff_ffff) * 1000
    }
}

/// What happens to keys found expired.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub enum ExpiryMode {
    #[default]
    Remove,
    /// A replica: they are hidden, and removed when the primary says so.
    Hide,
    /// Loading, or a client that imports: they are left as they are.
    Ignore,
}

/// The keyspace as one command sees it.
pub struct Keyspace<'a> {
    pub access: &'a mut Access,
    pub journal: &'a mut Journal,
    pub rng: &'a mut Rng,
    pub db: u32,
    /// The time of this command: Unix ms, the same throughout.
    pub now_ms: i64,
    pub clock: AccessClock,
    pub expiry: ExpiryMode,
    /// `CLIENT NO-TOUCH`: reads leave the access clock alone.
    pub no_touch: bool,
}

impl Keyspace<'_> {
    #[inline]
    fn parts(&mut self, hash: u64) -> (&mut Table<Entry>, &mut Watchers) {
        let shard = self.access.world().shard_of(hash);
        self.access.shard(shard).parts(self.db as usize)
    }

    #[inline]
    fn is_due(&self, expiry: Option<i64>) -> bool {
        expiry.is_some_and(|at| self.now_ms > at) && self.expiry != ExpiryMode::Ignore
    }

    /// Reads a key: counts a hit or a miss, notes the access, and takes an expired key for missing.
    #[inline]
    pub fn get(&mut self, key: Key<'_>) -> Option<Ref<'_, Entry>> {
        self.read(key, !self.no_touch)
    }

    /// As [`get`](Self::get), but the access clock stays (EXISTS, TYPE, TTL …).
    pub fn look(&mut self, key: Key<'_>) -> Option<Ref<'_, Entry>> {
        self.read(key, false)
    }

    /// As [`get`](Self::get), and the access is noted even for a client that does not touch: TOUCH.
    pub fn touch(&mut self, key: Key<'_>) -> bool {
        self.read(key, true).is_some()
    }

    #[inline]
    fn read(&mut self, key: Key<'_>, touch: bool) -> Option<Ref<'_, Entry>> {
        match self.find(key, touch) {
            // SAFETY: nothing changed the table since the spot was found in it, and it is borrowed through `self` on.
            Some((table, spot)) => unsafe {
                self.journal.hits += 1;
                table.as_ref().at(spot)
            },
            None => {
                self.journal.misses += 1;
                self.journal.event(class::MISS, "keymiss", self.db, key.bytes);
                None
            }
        }
    }

    /// Several keys at once, the sources of one result: up to the first that does not fit, behind which nothing is looked up, as
    /// in Redis.
    pub fn get_many<'k>(&'k mut self, keys: &[Key<'_>], fits: impl Fn(&Entry) -> bool) -> Vec<Option<Ref<'k, Entry>>> {
        // First whatever changes tables (expiry), then the look at all of them.
        let mut found = Vec::with_capacity(keys.len());
        for key in keys {
            let entry = self.get(*key);
            found.push(entry.is_some());
            if entry.is_some_and(|e| !fits(&e)) {
                break;
            }
        }
        let at = |(key, found): (&Key<'_>, bool)| {
            let entry = if found { self.parts(key.hash).0.get(key.hash, key.bytes) } else { None };
            // SAFETY: the entries stay where they are for 'k: nothing else is done with this keyspace, which is borrowed
            // exclusively for as long, and looking up one key changes nothing for another.
            entry.map(|e| unsafe { std::mem::transmute::<Ref<'_, Entry>, Ref<'k, Entry>>(e) })
        };
        keys.iter().zip(found).map(at).collect()
    }

    /// Counts a look-up that found the key, or did not, where the handler opened it for changing but Redis reads.
    pub fn count_read(&mut self, key: Key<'_>, found: bool) {
        if found {
            self.journal.hits += 1;
        } else {
            self.journal.misses += 1;
            self.journal.event(class::MISS, "keymiss", self.db, key.bytes);
        }
    }

    /// Looks at a key without noting the access, and without counting a hit or a miss.
    #[inline]
    pub fn peek(&mut self, key: Key<'_>) -> Option<Ref<'_, Entry>> {
        // SAFETY: as `read`.
        self.find(key, false).and_then(|(table, spot)| unsafe { table.as_ref().at(spot) })
    }

    pub fn exists(&mut self, key: Key<'_>) -> bool {
        self.find(key, false).is_some()
    }

    /// Finds a live key and its table; removes an expired one.
    #[inline]
    fn find(&mut self, key: Key<'_>, touch: bool) -> Option<(NonNull<Table<Entry>>, Spot)> {
        let table = NonNull::from(self.parts(key.hash).0);
        // SAFETY: the table was borrowed from `self` just now, and nothing else touches it before what may change it is
        // done, after which it is looked up again.
        let (spot, entry) = unsafe {
            let spot = table.as_ref().spot(key.hash, key.bytes)?;
            (spot, table.as_ref().at(spot)?)
        };
        let (expiry, field) = (entry.expiry(), fields::first_expiry(&entry));
        if expiry.is_some() && self.is_due(expiry) {
            if self.expiry == ExpiryMode::Remove {
                self.expire_now(key);
            }
            return None;
        }
        if field.is_some_and(|at| at < self.now_ms) && self.expiry == ExpiryMode::Remove {
            return self.reclaim_fields(key);
        }
        if touch {
            entry.set_clock(self.clock.touched(entry.clock(), self.rng));
        }
        Some((table, spot))
    }

    /// Takes away the fields of a hash whose time has come. `None` if that was all of them.
    #[cold]
    fn reclaim_fields(&mut self, key: Key<'_>) -> Option<(NonNull<Table<Entry>>, Spot)> {
        let shard = self.access.world().shard_of(key.hash);
        fields::reclaim(self.access.shard(shard), self.db, key, self.now_ms, fields::ON_ACCESS, self.journal);
        let table = self.parts(key.hash).0;
        let spot = table.spot(key.hash, key.bytes)?;
        Some((NonNull::from(table), spot))
    }

    /// The time by which fields of hashes have expired or not.
    #[inline]
    pub fn fields_now_ms(&self) -> i64 {
        if self.expiry == ExpiryMode::Ignore { i64::MIN } else { self.now_ms }
    }

    /// Removes a key because its time has come.
    #[cold]
    fn expire_now(&mut self, key: Key<'_>) {
        let db = self.db;
        let shard = self.access.world().shard_of(key.hash);
        let Parts { table, watchers, fields, mut guard } = self.access.shard(shard).all_parts(db as usize);
        let Some(entry) = guard.remove(table, key.hash, key.bytes) else {
            return;
        };
        watchers.touch(db, key.bytes, &mut self.journal.ready);
        fields.forget(db, &entry);
        self.journal.note_expired(db, entry);
    }

    /// Opens a key for changing. Look-up rules as [`get`](Self::get), but no hit or miss is counted.
    #[inline]
    pub fn get_mut<'k>(&'k mut self, key: Key<'k>) -> Option<KeyMut<'k>> {
        self.find(key, !self.no_touch).and_then(|(_, spot)| {
            let (db, shard) = (self.db, self.access.world().shard_of(key.hash));
            let Parts { table, watchers, fields, mut guard } = self.access.shard(shard).all_parts(db as usize);
            // SAFETY: nothing changed the table since the spot was found.
            let mut entry = unsafe { table.at_mut(spot) }?;
            guard.before(key.hash, &mut entry);
            let due = fields::first_expiry(&entry);
            Some(KeyMut { entry: Some(entry), watchers, fields, due, journal: self.journal, db, key, changed: false })
        })
    }

    /// Sets a key to a value, whatever was there. `expiry` is the whole truth about the key's expiry.
    pub fn set(&mut self, key: Key<'_>, value: NewValue<'_>, expiry: Option<i64>) {
        if let Some(mut k) = self.get_mut(key) {
            return k.replace(value, expiry);
        }
        self.add(key, value, expiry);
    }

    /// Adds a key that is not there (the caller has looked).
    pub fn add(&mut self, key: Key<'_>, value: NewValue<'_>, expiry: Option<i64>) {
        self.add_entry(key, Entry::new(key.bytes, value, expiry, self.clock.born()));
    }

    /// Adds an entry made elsewhere, whose key is not there.
    pub fn add_entry(&mut self, key: Key<'_>, entry: Entry) {
        let db = self.db;
        let shard = self.access.world().shard_of(key.hash);
        let Parts { table, watchers, fields, mut guard } = self.access.shard(shard).all_parts(db as usize);
        let (mark, due) = (entry.expiry().is_some(), fields::first_expiry(&entry));
        // A replica hides an expired key but still has it.
        let hides = self.expiry == ExpiryMode::Hide;
        let hidden = if hides { guard.remove(table, key.hash, key.bytes) } else { None };
        if let Some(old) = &hidden {
            fields.forget(db, old);
        }
        fields.moved(db, key.bytes, None, due);
        table.insert_new(key.hash, entry, mark);
        guard.born(table, key.hash, key.bytes);
        watchers.touch(db, key.bytes, &mut self.journal.ready);
        if let Some(old) = hidden {
            self.journal.free(old);
        }
        self.journal.changed(db, key.bytes);
        self.journal.event(class::NEW, "new", db, key.bytes);
    }

    /// Removes a key; true if it was there (and not expired).
    pub fn remove(&mut self, key: Key<'_>) -> bool {
        match self.get_mut(key) {
            Some(k) => {
                k.remove();
                true
            }
            None => false,
        }
    }

    /// Removes a key and returns its entry, for moving it elsewhere.
    pub fn take(&mut self, key: Key<'_>) -> Option<Entry> {
        self.get_mut(key).and_then(KeyMut::take)
    }

    /// Removes a key and says so in an event.
    pub fn delete(&mut self, key: Key<'_>, class: u32, event: &'static str) -> bool {
        let was = self.remove(key);
        if was {
            self.journal.event(class, event, self.db, key.bytes);
        }
        was
    }

    #[inline]
    pub fn event(&mut self, class: u32, name: &'static str, key: Key<'_>) {
        self.journal.event(class, name, self.db, key.bytes);
    }

    /// The same keyspace, another database. The caller restores it.
    pub fn select(&mut self, db: u32) {
        self.db = db;
    }
}

impl Journal {
    /// Books a key that was removed because it expired.
    pub(super) fn note_expired(&mut self, db: u32, entry: Entry) {
        self.expired += 1;
        self.event(class::EXPIRED, "expired", db, entry.key());
        if self.logging {
            self.removals.push((db, entry.key().to_vec()));
        }
        if self.tracking {
            self.changed.push((db, entry.key().to_vec(), true));
        }
        self.free(entry);
    }
}

/// An open key. Whatever is changed through it is booked when it goes; a collection left empty is removed then.
pub struct KeyMut<'k> {
    entry: Option<RefMut<'k, Entry>>,
    watchers: &'k mut Watchers,
    fields: &'k mut FieldExpiries,
    /// When the first field of a hash expired before anything changed.
    due: Option<i64>,
    journal: &'k mut Journal,
    db: u32,
    key: Key<'k>,
    changed: bool,
}

impl Deref for KeyMut<'_> {
    type Target = Entry;
    #[inline]
    fn deref(&self) -> &Entry {
        match &self.entry {
            Some(e) => e,
            None => unreachable!("the entry is taken only by what consumes the guard"),
        }
    }
}

impl<'k> KeyMut<'k> {
    #[inline]
    fn entry_mut(&mut self) -> &mut RefMut<'k, Entry> {
        match &mut self.entry {
            Some(e) => e,
            None => unreachable!("the entry is taken only by what consumes the guard"),
        }
    }

    /// The entry for changing; the key counts as changed from here on.
    #[inline]
    pub fn change(&mut self) -> &mut Entry {
        self.changed = true;
        self.entry_mut()
    }

    /// The entry for changing where it is not known yet whether anything will change: say so with
    /// [`mark_changed`](Self::mark_changed).
    #[inline]
    pub fn maybe_change(&mut self) -> &mut Entry {
        self.entry_mut()
    }

    #[inline]
    pub fn mark_changed(&mut self) {
        self.changed = true;
    }

    /// Counts `n` changes instead of one (Redis's `server.dirty += n`, which `save` points and INFO show).
    pub fn count_changes(&mut self, n: u64) {
        self.changed = n > 0;
        self.journal.dirty += n.saturating_sub(1);
    }

    /// Replaces the value; `expiry` is the whole truth about the expiry.
    #[inline]
    pub fn replace(&mut self, value: NewValue<'_>, expiry: Option<i64>) {
        self.changed = true;
        let entry = self.entry_mut();
        entry.set_mark(expiry.is_some());
        if entry.type_() == Type::String {
            entry.set_value(value, expiry);
        } else {
            let fresh = Entry::new(entry.key(), value, expiry, entry.clock());
            let old = std::mem::replace(&mut **entry, fresh);
            self.journal.free(old);
        }
    }

    /// Sets or takes away the expiry.
    pub fn set_expiry(&mut self, expiry: Option<i64>) {
        self.changed = true;
        let entry = self.entry_mut();
        entry.set_mark(expiry.is_some());
        entry.set_expiry(expiry);
    }

    pub fn event(&mut self, class: u32, name: &'static str) {
        self.journal.event(class, name, self.db, self.key.bytes);
    }

    /// Removes the key.
    pub fn remove(mut self) {
        if let Some(old) = self.unlink() {
            self.journal.free(old);
        }
    }

    /// Removes the key and returns its entry.
    pub fn take(mut self) -> Option<Entry> {
        self.unlink()
    }

    fn unlink(&mut self) -> Option<Entry> {
        self.changed = true;
        self.entry.take()?.remove(self.key.hash)
    }
}

impl Drop for KeyMut<'_> {
    fn drop(&mut self) {
        if !self.changed {
            return;
        }
        if self.entry.as_ref().is_some_and(|e| e.is_empty_collection() && e.type_() != Type::Stream) {
            if let Some(old) = self.unlink() {
                drop(old);
            }
            self.journal.event(class::GENERIC, "del", self.db, self.key.bytes);
        }
        let due = self.entry.as_ref().and_then(|e| fields::first_expiry(e));
        self.fields.moved(self.db, self.key.bytes, self.due, due);
        self.watchers.touch(self.db, self.key.bytes, &mut self.journal.ready);
        self.journal.changed(self.db, self.key.bytes);
    }
}
