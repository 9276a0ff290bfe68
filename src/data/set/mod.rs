//! Sets: an intset, a listpack, or a table of members, chosen and left as Redis 7.2 … 8 does.
//!
//! `unsafe` here is the pairing of tag and type: `INTS` stands for an [`Intset`], `LISTPACK` for a [`Packed`], `TABLE` for a
//! `Box<Large>`. Only [`Set::view`], the `…_mut` below it and `drop` look behind the word.

mod member;

use super::effort::Effort;
use super::intset::{Ints, Intset};
use super::item::{Item, parse_int};
use super::limits::Limits;
use super::packed::{self, Blob, Packed};
use super::table::{self, Element, Table};
use super::thin::{Edit, Thin};
use crate::base::{hash::hash_bytes, rng::Rng};
use member::Member;
use std::ptr::NonNull;

const INTS: usize = 0;
const LISTPACK: usize = 1;
const TABLE: usize = 2;

/// Redis never lets an intset grow beyond this, whatever the configuration says.
const INTSET_CAP: usize = 1 << 30;

/// A set of byte strings: one word.
#[repr(transparent)]
pub struct Set(Thin);

#[derive(Default)]
struct Large {
    table: Table<Member>,
    /// What the members' allocations take together.
    bytes: usize,
}

enum View<'a> {
    Ints(Ints<'a>),
    Listpack(Blob<'a>),
    Table(&'a Large),
}

impl From<Intset> for Set {
    fn from(ints: Intset) -> Set {
        Set(Thin::new(INTS, ints))
    }
}

impl Set {
    /// An empty set in the encoding that Redis chooses when the first of `size_hint` members is `first`.
    pub fn new(first: &[u8], size_hint: usize, limits: &Limits) -> Set {
        if size_hint <= limits.set_max_intset_entries && parse_int(first).is_some() {
            return Set::new_intset();
        }
        if size_hint <= limits.set_max_listpack_entries { Set::new_listpack() } else { Set::new_table() }
    }

    pub fn new_intset() -> Set {
        Set::from(Intset::new())
    }

    pub fn new_listpack() -> Set {
        Set(Thin::new(LISTPACK, Packed::new()))
    }

    pub fn new_table() -> Set {
        Set(Thin::new(TABLE, Box::<Large>::default()))
    }

    /// A set in the encoding of a listpack that a snapshot held; `None` if a member comes twice. Too large a one becomes
    /// a table.
    pub fn from_packed(packed: Packed, limits: &Limits) -> Option<Set> {
        let mut seen = std::collections::HashSet::new();
        let mut longest = 0;
        for item in packed.blob().iter() {
            longest = longest.max(item.len());
            if !seen.insert(item.to_vec()) {
                return None;
            }
        }
        let large = packed.len() > limits.set_max_listpack_entries || longest > limits.set_max_listpack_value;
        let mut set = Set(Thin::new(LISTPACK, packed));
        if large {
            set.make_table();
        }
        Some(set)
    }

    /// The word, for the keyspace to hold.
    pub fn into_raw(self) -> NonNull<u8> {
        std::mem::ManuallyDrop::new(self).0.word()
    }

    /// # Safety
    /// `raw` came from [`into_raw`](Self::into_raw), and is not used as another owned set.
    pub unsafe fn from_raw(raw: NonNull<u8>) -> Set {
        Set(Thin::from_word(raw))
    }

    #[inline]
    fn view(&self) -> View<'_> {
        // SAFETY: each tag with its type.
        unsafe {
            match self.0.tag() {
                INTS => View::Ints(Intset::borrow_raw(self.0.pointer())),
                LISTPACK => View::Listpack(Packed::borrow_raw(self.0.pointer())),
                _ => View::Table(self.0.boxed()),
            }
        }
    }

    fn ints_mut(&mut self) -> Edit<'_, Intset> {
        assert_eq!(self.0.tag(), INTS);
        // SAFETY: the tag with its type.
        unsafe { self.0.edit() }
    }

    fn listpack_mut(&mut self) -> Edit<'_, Packed> {
        assert_eq!(self.0.tag(), LISTPACK);
        // SAFETY: the tag with its type.
        unsafe { self.0.edit() }
    }

    fn large_mut(&mut self) -> &mut Large {
        assert_eq!(self.0.tag(), TABLE);
        // SAFETY: the tag with its type.
        unsafe { self.0.boxed_mut() }
    }

    /// Moves what lies in pages of which little is used. Goes on at `from`, a position in the table, for as long as the
    /// effort lasts, and returns where to go on.
    pub fn compact(&mut self, from: u64, effort: &mut Effort) -> Option<u64> {
        match self.0.tag() {
            INTS => self.ints_mut().compact(effort),
            LISTPACK => self.listpack_mut().compact(effort),
            _ => {
                return self.large_mut().table.scan_some(from, effort, |member, effort| {
                    let moves = member.lies_sparse();
                    effort.looked(moves);
                    if moves {
                        *member = Member::new(member.key());
                    }
                });
            }
        }
        None
    }

    #[inline]
    pub fn len(&self) -> usize {
        match self.view() {
            View::Ints(i) => i.len(),
            View::Listpack(b) => b.len(),
            View::Table(t) => t.table.len(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// As OBJECT ENCODING says it.
    pub fn encoding(&self) -> &'static str {
        match self.view() {
            View::Ints(_) => "intset",
            View::Listpack(_) => "listpack",
            View::Table(_) => "hashtable",
        }
    }

    /// What the allocator gave for all of it.
    pub fn heap_bytes(&self) -> usize {
        match self.view() {
            View::Ints(i) => i.heap_bytes(),
            View::Listpack(b) => b.heap_bytes(),
            View::Table(t) => size_of::<Large>() + t.table.heap_bytes() + t.bytes,
        }
    }

    /// Roughly the allocations that dropping it gives back.
    pub fn free_effort(&self) -> usize {
        match self.view() {
            View::Table(t) => t.table.len() + 1,
            _ => 1,
        }
    }

    /// The intset's bytes, if that is the encoding.
    pub fn as_intset(&self) -> Option<Ints<'_>> {
        if let View::Ints(i) = self.view() { Some(i) } else { None }
    }

    /// The listpack's bytes, if that is the encoding.
    pub fn as_listpack(&self) -> Option<Blob<'_>> {
        if let View::Listpack(b) = self.view() { Some(b) } else { None }
    }

    /// Adds a member; false if it was there.
    pub fn add(&mut self, text: &[u8], limits: &Limits) -> bool {
        match self.view() {
            View::Table(_) => return self.large_mut().add(text),
            View::Ints(ints) => {
                let len = ints.len();
                if let Some(n) = parse_int(text) {
                    let added = self.ints_mut().add(n);
                    if added && len >= limits.set_max_intset_entries.min(INTSET_CAP) {
                        self.make_table();
                    }
                    return added;
                }
                let longest =
                    if len == 0 { 0 } else { Item::Int(ints.get(0)).len().max(Item::Int(ints.get(len - 1)).len()) };
                if len < limits.set_max_listpack_entries && text.len().max(longest) <= limits.set_max_listpack_value {
                    self.make_listpack();
                    self.listpack_mut().push(text.into());
                    return true;
                }
            }
            View::Listpack(blob) => {
                if blob.find(text, blob.first(), 0).is_some() {
                    return false;
                }
                if blob.len() < limits.set_max_listpack_entries
                    && text.len() <= limits.set_max_listpack_value
                    && blob.fits(text.len())
                {
                    self.listpack_mut().push(text.into());
                    return true;
                }
            }
        }
        self.make_table().add(text)
    }

    /// Removes a member; false if it was not there.
    pub fn remove(&mut self, text: &[u8]) -> bool {
        match self.view() {
            View::Table(_) => self.large_mut().remove(text),
            View::Ints(_) => parse_int(text).is_some_and(|n| self.ints_mut().remove(n)),
            View::Listpack(blob) => match blob.find(text, blob.first(), 0) {
                Some(at) => {
                    self.listpack_mut().remove(at, 1);
                    true
                }
                None => false,
            },
        }
    }

    #[inline]
    pub fn contains(&self, text: &[u8]) -> bool {
        match self.view() {
            View::Table(t) => t.table.get(hash_bytes(text), text).is_some(),
            View::Ints(i) => parse_int(text).is_some_and(|n| i.contains(n)),
            View::Listpack(b) => b.find(text, b.first(), 0).is_some(),
        }
    }

    /// As [`contains`](Self::contains), for a member of another set.
    #[inline]
    pub fn contains_item(&self, item: Item<'_>) -> bool {
        match (self.view(), item) {
            (View::Ints(i), Item::Int(n)) => i.contains(n),
            (_, item) => item.with(|text| self.contains(text)),
        }
    }

    /// Every member.
    pub fn iter(&self) -> Iter<'_> {
        Iter(match self.view() {
            View::Ints(i) => Inner::Ints(i, 0),
            View::Listpack(b) => Inner::Listpack(b.iter()),
            View::Table(t) => Inner::Table(t.table.iter()),
        })
    }

    /// A uniformly random member.
    pub fn random(&self, rng: &mut Rng) -> Option<Item<'_>> {
        let len = self.len();
        if len == 0 {
            return None;
        }
        match self.view() {
            View::Ints(i) => Some(Item::Int(i.get(rng.below(len as u64) as usize))),
            View::Listpack(b) => b.seek(rng.below(len as u64) as usize).map(|at| b.get(at)),
            // SAFETY: the table is borrowed as long as the item is.
            View::Table(t) => t.table.random(rng).map(|m| Item::Bytes(unsafe { Member::text(m.0) })),
        }
    }

    /// Removes a uniformly random member, after `f` has seen it.
    pub fn pop<R>(&mut self, rng: &mut Rng, f: impl FnOnce(Item<'_>) -> R) -> Option<R> {
        let len = self.len();
        if len == 0 {
            return None;
        }
        match self.view() {
            View::Ints(ints) => {
                let n = ints.get(rng.below(len as u64) as usize);
                self.ints_mut().remove(n);
                Some(f(Item::Int(n)))
            }
            View::Listpack(blob) => {
                let at = blob.seek(rng.below(len as u64) as usize)?;
                let out = f(blob.get(at));
                self.listpack_mut().remove(at, 1);
                Some(out)
            }
            View::Table(_) => {
                let large = self.large_mut();
                // SAFETY: the text is used only before its member is dropped.
                let text = unsafe { Member::text(large.table.random(rng)?.0) };
                let member = large.table.remove(hash_bytes(text), text)?;
                large.bytes -= member.heap_bytes();
                Some(f(Item::Bytes(member.key())))
            }
        }
    }

    /// One step of SSCAN: start with 0, go on with what it returns until that is 0. Small encodings come in one step.
    pub fn scan(&self, cursor: u64, mut f: impl FnMut(Item<'_>)) -> u64 {
        match self.view() {
            View::Table(t) => t.table.scan(cursor, |m, _| f(Item::Bytes(m.key()))).unwrap_or(0),
            _ => {
                self.iter().for_each(f);
                0
            }
        }
    }

    /// Turns a small set into a table if `size_hint` members are more than its encoding takes (SADD with many at once).
    pub fn prepare(&mut self, size_hint: usize, limits: &Limits) {
        let most = match self.view() {
            View::Ints(_) => limits.set_max_intset_entries,
            View::Listpack(_) => limits.set_max_listpack_entries,
            View::Table(_) => return,
        };
        if size_hint > most {
            self.make_table();
        }
    }

    /// Back to an intset if all members are integers and few enough (the results of SINTERSTORE and its like).
    pub fn try_intset(&mut self, limits: &Limits) {
        if matches!(self.view(), View::Ints(_)) || self.len() > limits.set_max_intset_entries.min(INTSET_CAP) {
            return;
        }
        let mut ints = Intset::new();
        for item in self.iter() {
            let Some(n) = item.as_int() else { return };
            ints.add(n);
        }
        *self = Set::from(ints);
    }

    fn make_listpack(&mut self) {
        let mut packed = Packed::new();
        for item in self.iter() {
            packed.push(item);
        }
        *self = Set(Thin::new(LISTPACK, packed));
    }

    fn make_table(&mut self) -> &mut Large {
        if self.0.tag() != TABLE {
            let mut large = Box::<Large>::default();
            for item in self.iter() {
                item.with(|text| large.add(text));
            }
            *self = Set(Thin::new(TABLE, large));
        }
        self.large_mut()
    }

    /// Panics where an invariant is broken. For tests.
    pub fn check(&self) {
        if let View::Table(t) = self.view() {
            t.table.check();
            assert_eq!(t.table.iter().map(|m| m.heap_bytes()).sum::<usize>(), t.bytes);
        }
    }
}

impl Large {
    fn add(&mut self, text: &[u8]) -> bool {
        let hash = hash_bytes(text);
        if self.table.get(hash, text).is_some() {
            return false;
        }
        let member = Member::new(text);
        self.bytes += member.heap_bytes();
        self.table.insert_new(hash, member, false);
        true
    }

    fn remove(&mut self, text: &[u8]) -> bool {
        let Some(member) = self.table.remove(hash_bytes(text), text) else { return false };
        self.bytes -= member.heap_bytes();
        true
    }
}

impl Clone for Set {
    fn clone(&self) -> Self {
        match self.view() {
            View::Ints(i) => Set::from(i.to_intset()),
            View::Listpack(b) => Set(Thin::new(LISTPACK, b.to_packed())),
            View::Table(large) => {
                let mut copy = Box::<Large>::default();
                for m in large.table.iter() {
                    copy.bytes += m.heap_bytes();
                    copy.table.insert_new(hash_bytes(m.key()), Member::new(m.key()), false);
                }
                Set(Thin::new(TABLE, copy))
            }
        }
    }
}

impl Drop for Set {
    fn drop(&mut self) {
        // SAFETY: each tag with its type, and the word is gone afterwards.
        unsafe {
            match self.0.tag() {
                INTS => drop(self.0.take::<Intset>()),
                LISTPACK => drop(self.0.take::<Packed>()),
                _ => drop(self.0.take::<Box<Large>>()),
            }
        }
    }
}

/// The members of a set, in the order of its encoding.
pub struct Iter<'a>(Inner<'a>);

enum Inner<'a> {
    Ints(Ints<'a>, usize),
    Listpack(packed::Iter<'a>),
    Table(table::Iter<'a, Member>),
}

impl<'a> Iterator for Iter<'a> {
    type Item = Item<'a>;
    #[inline]
    fn next(&mut self) -> Option<Item<'a>> {
        match &mut self.0 {
            Inner::Ints(ints, i) => (*i < ints.len()).then(|| {
                *i += 1;
                Item::Int(ints.get(*i - 1))
            }),
            Inner::Listpack(iter) => iter.next(),
            // SAFETY: the table is borrowed for 'a.
            Inner::Table(iter) => iter.next().map(|m| Item::Bytes(unsafe { Member::text(m.0) })),
        }
    }
}

#[cfg(test)]
mod tests;
