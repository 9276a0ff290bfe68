//! A key and its value, in one allocation.
//!
//! ```text
//!  0        1        4         5                    5+k
//! +--------+--------+---------+--------------------+- - - - - -+---------------------+
//! | kind   | clock  | key len | key                | expiry    | value               |
//! +--------+--------+---------+--------------------+- - - - - -+---------------------+
//!   1 byte   3        1, or 255 and 4 more           8 if bit 3  see below
//!
//! kind, low 3 bits: the type.  bit 3: an expiry (Unix ms, i64) is there.  high 4 bits, for strings:
//!   0  embedded bytes that `OBJECT ENCODING` calls embstr   | value = length (1, or 255 and 4 more) + bytes
//!   1  embedded bytes that it calls raw                     | likewise
//!   2  raw bytes apart, shared by reference count           | value = Arc<Vec<u8>> as 8 bytes
//!   8… an integer of 1, 2, 3, 4, 6, 8 bytes                 | value = that many bytes, little endian
//! other types: value = the type's one word (a tagged owning pointer), 8 bytes
//! clock: access time in seconds (LRU) or minutes and a logarithmic counter (LFU), as Redis's 24 bits
//! ```
//!
//! Nothing is aligned inside, so all fields are read and written as unaligned bytes. Invariants: the allocation's size
//! is exactly [`layout_size`] of its contents rounded up to 8; a pointer value is owned by the entry and by nobody else
//! (an `Arc` by one count). `unsafe` is confined to this file's accessors; tests compare them with a plain model.

mod given;

pub use given::{NewValue, OwnedValue};

use crate::data::{Hash, List, Set, Stream, Zset, effort::Effort, slab, table::Element};
use crate::keyspace::value::{self, Held, Object, SharedRef, Str, Type, Word};
use std::ptr::NonNull;
use std::sync::Arc;

/// Strings up to this length lie in the entry itself.
pub const EMBED_MAX: usize = 4000;
/// Strings up to this length are `embstr` when they were set whole (Redis's OBJ_ENCODING_EMBSTR_SIZE_LIMIT).
pub const EMBSTR_MAX: usize = 44;

const HAS_EXPIRY: u8 = 8;
const EMBSTR: u8 = 0;
const RAW: u8 = 1;
const SHARED: u8 = 2;
const INT: u8 = 8;
const INT_WIDTHS: [u8; 6] = [1, 2, 3, 4, 6, 8];

#[repr(transparent)]
pub struct Entry(NonNull<u8>);

// SAFETY: an entry owns everything it points to, and all of that is Send + Sync.
unsafe impl Send for Entry {}
unsafe impl Sync for Entry {}

// SAFETY: the one pointer is the allocation, aligned to 8.
unsafe impl Element for Entry {
    #[inline]
    fn into_raw(self) -> NonNull<u8> {
        let raw = self.0;
        std::mem::forget(self);
        raw
    }
    #[inline]
    unsafe fn from_raw(raw: NonNull<u8>) -> Self {
        Entry(raw)
    }
    #[inline]
    fn key(&self) -> &[u8] {
        Entry::key(self)
    }
    #[inline]
    fn behind(&self) -> Option<*const u8> {
        if self.kind() & 7 == Type::String as u8 {
            return None;
        }
        // Without the bits that tell the encoding.
        Some((self.word_at(self.value_at()) & !7) as *const u8)
    }
}

fn fits(n: i64, width: u8) -> bool {
    let bits = 64 - 8 * u32::from(width);
    (n << bits) >> bits == n
}

const fn length_size(len: usize) -> usize {
    if len < 255 { 1 } else { 5 }
}

const fn embedded_size(len: usize) -> usize {
    length_size(len) + len
}

const fn layout_size(key: usize, expiry: bool, value: usize) -> usize {
    (4 + length_size(key) + key + if expiry { 8 } else { 0 } + value + 7) & !7
}

impl Entry {
    /// Builds an entry. `clock` is the 24-bit access clock.
    pub fn new(key: &[u8], value: NewValue<'_>, expiry: Option<i64>, clock: u32) -> Entry {
        let value = match value {
            NewValue::Set(b) if b.len() <= 20 => {
                crate::base::numbers::parse_i64(b).map_or(NewValue::Set(b), NewValue::Int)
            }
            NewValue::Set(b) | NewValue::Embstr(b) | NewValue::Raw(b) if b.len() > EMBED_MAX => {
                NewValue::Shared(Arc::new(b.to_vec()))
            }
            other => other,
        };
        let (nibble, value_size) = value.shape();
        let kind = match &value {
            NewValue::Object(o) => o.type_() as u8,
            _ => Type::String as u8 | nibble << 4,
        };
        let size = layout_size(key.len(), expiry.is_some(), value_size);
        let mut w = Writer::allocate(size);
        w.bytes(&[kind | if expiry.is_some() { HAS_EXPIRY } else { 0 }]);
        w.bytes(&clock.to_le_bytes()[..3]);
        w.length(key.len());
        w.bytes(key);
        if let Some(at) = expiry {
            w.bytes(&at.to_le_bytes());
        }
        match value {
            NewValue::Set(b) | NewValue::Embstr(b) | NewValue::Raw(b) => {
                w.length(b.len());
                w.bytes(b);
            }
            NewValue::Int(n) | NewValue::Counter(n) => w.bytes(&n.to_le_bytes()[..value_size]),
            NewValue::Shared(a) => w.bytes(&(Arc::into_raw(a) as u64).to_le_bytes()),
            NewValue::Object(o) => w.bytes(&o.into_word().to_le_bytes()),
        }
        w.done(size)
    }

    #[inline]
    fn base(&self) -> *mut u8 {
        self.0.as_ptr()
    }

    #[inline]
    fn kind(&self) -> u8 {
        // SAFETY: every entry has its 5 first bytes.
        unsafe { *self.base() }
    }

    /// Reads a length at `at`: (the length, the bytes it took).
    #[inline]
    fn length_at(&self, at: usize) -> (usize, usize) {
        // SAFETY: callers pass the offset of a length field of this layout.
        unsafe {
            match *self.base().add(at) {
                255 => (self.base().add(at + 1).cast::<u32>().read_unaligned() as usize, 5),
                n => (n as usize, 1),
            }
        }
    }

    /// # Safety
    /// The range must lie inside the initialized part of the layout.
    #[inline]
    unsafe fn slice(&self, at: usize, len: usize) -> &[u8] {
        unsafe { std::slice::from_raw_parts(self.base().add(at), len) }
    }

    #[inline]
    pub fn key(&self) -> &[u8] {
        let (len, took) = self.length_at(4);
        // SAFETY: the key lies behind its length.
        unsafe { self.slice(4 + took, len) }
    }

    #[inline]
    fn expiry_at(&self) -> usize {
        let (len, took) = self.length_at(4);
        4 + took + len
    }

    #[inline]
    fn value_at(&self) -> usize {
        self.expiry_at() + if self.kind() & HAS_EXPIRY != 0 { 8 } else { 0 }
    }

    #[inline]
    fn word_at(&self, at: usize) -> u64 {
        // SAFETY: callers pass the offset of an 8-byte field.
        u64::from_le(unsafe { self.base().add(at).cast::<u64>().read_unaligned() })
    }

    fn set_word_at(&mut self, at: usize, word: u64) {
        // SAFETY: as `word_at`.
        unsafe { self.base().add(at).cast::<u64>().write_unaligned(word.to_le()) }
    }

    #[inline]
    pub fn type_(&self) -> Type {
        Type::from_bits(self.kind())
    }

    /// When the key expires, in Unix milliseconds.
    #[inline]
    pub fn expiry(&self) -> Option<i64> {
        (self.kind() & HAS_EXPIRY != 0).then(|| self.word_at(self.expiry_at()) as i64)
    }

    /// The 24-bit access clock.
    #[inline]
    pub fn clock(&self) -> u32 {
        // SAFETY: bytes 0..4 are there; the kind is shifted out.
        u32::from_le(unsafe { self.base().cast::<u32>().read_unaligned() }) >> 8
    }

    /// Sets the access clock; through `&self`, since a read does so too. The shard's lock makes the access exclusive.
    #[inline]
    pub fn set_clock(&self, clock: u32) {
        if self.clock() != clock {
            let word = (clock << 8) | u32::from(self.kind());
            // SAFETY: as `clock`; whoever holds a borrow of the table holds the shard's lock, so no other thread looks.
            unsafe { self.base().cast::<u32>().write_unaligned(word.to_le()) }
        }
    }

    /// The string, however it is stored; `None` if this is another type.
    #[inline]
    pub fn string(&self) -> Option<Str<'_>> {
        if self.kind() & 7 != Type::String as u8 {
            return None;
        }
        let at = self.value_at();
        Some(match self.kind() >> 4 {
            nibble @ (EMBSTR | RAW) => {
                let (len, took) = self.length_at(at);
                // SAFETY: embedded bytes lie behind their length.
                let bytes = unsafe { self.slice(at + took, len) };
                Str::Bytes { bytes, embstr: nibble == EMBSTR }
            }
            // SAFETY: the field holds `Arc::into_raw`'s pointer, one count of which this borrowed entry owns.
            SHARED => Str::Shared(unsafe { SharedRef::new(self.word_at(at)) }),
            nibble => Str::Int(self.int_at(at, INT_WIDTHS[(nibble - INT) as usize % 6])),
        })
    }

    #[inline]
    fn int_at(&self, at: usize, width: u8) -> i64 {
        let mut bytes = [0u8; 8];
        // SAFETY: the integer's bytes lie at its offset.
        bytes[..width as usize].copy_from_slice(unsafe { self.slice(at, width as usize) });
        let shift = 64 - 8 * u32::from(width);
        (i64::from_le_bytes(bytes) << shift) >> shift
    }

    /// The value as a list, set, …; `None` if it is of another type.
    #[inline]
    pub fn object<T: Word>(&self) -> Option<Held<'_, T>> {
        // SAFETY: a word of this type stands there, owned by this entry, which is borrowed for as long as the handle.
        (self.type_() == T::TYPE).then(|| unsafe { Held::new(self.word_at(self.value_at())) })
    }

    /// The same for changing; the type's word goes back into its field when the handle goes.
    #[inline]
    pub fn object_mut<T: Word>(&mut self) -> Option<value::HeldMut<'_, T>> {
        if self.type_() != T::TYPE {
            return None;
        }
        let at = self.value_at();
        // SAFETY: as `object`, and exclusively borrowed; the field is 8 bytes long.
        Some(unsafe { value::HeldMut::new(self.base().add(at)) })
    }

    /// `OBJECT ENCODING`'s word for the value.
    pub fn encoding(&self) -> &'static str {
        match self.string() {
            Some(Str::Int(_)) => "int",
            Some(Str::Bytes { embstr: true, .. }) => "embstr",
            Some(_) => "raw",
            // SAFETY: as `object`.
            None => unsafe { value::encoding(self.type_(), self.word_at(self.value_at())) },
        }
    }

    /// True for a collection without elements, which must not stay in the keyspace (a stream may).
    pub fn is_empty_collection(&self) -> bool {
        // SAFETY: as `object`.
        self.type_() != Type::String && unsafe { value::is_empty(self.type_(), self.word_at(self.value_at())) }
    }

    /// The value's owner, cloned: for COPY, DUMP and the like. Shared strings share.
    pub fn clone_value(&self) -> OwnedValue {
        match self.string() {
            Some(Str::Int(n)) => OwnedValue::Int(n),
            Some(Str::Bytes { bytes, embstr }) => OwnedValue::Bytes(bytes.to_vec(), embstr),
            Some(Str::Shared(a)) => OwnedValue::Bytes(a.to_vec(), false),
            // SAFETY: as `object`.
            None => OwnedValue::Object(unsafe { value::clone_object(self.type_(), self.word_at(self.value_at())) }),
        }
    }

    // ---- changing --------------------------------------------------------------------------------------------------

    /// Replaces the value. The key stays, the clock stays, and so does the expiry unless given anew.
    pub fn set_value(&mut self, value: NewValue<'_>, expiry: Option<i64>) {
        if let NewValue::Set(new) = &value
            && self.overwrite(new, expiry)
        {
            return;
        }
        if let NewValue::Int(n) | NewValue::Counter(n) = value {
            return self.set_int(n, expiry);
        }
        let fresh = Entry::new(self.key(), value, expiry, self.clock());
        *self = fresh;
    }

    /// Overwrites an embedded string by one of the same length, in place. The commonest case of SET.
    #[inline]
    fn overwrite(&mut self, new: &[u8], expiry: Option<i64>) -> bool {
        let kind = self.kind();
        if kind & 7 != Type::String as u8 || expiry.is_some() != (kind & HAS_EXPIRY != 0) {
            return false;
        }
        let at = self.value_at();
        let nibble = kind >> 4;
        let (len, took) = match nibble {
            EMBSTR | RAW => self.length_at(at),
            _ => return false,
        };
        let wants = if new.len() <= EMBSTR_MAX { EMBSTR } else { RAW };
        if len != new.len() || nibble != wants || (len <= 20 && crate::base::numbers::parse_i64(new).is_some()) {
            return false;
        }
        // SAFETY: the field has exactly this length, and `new` is not part of this exclusively borrowed entry.
        unsafe { self.base().add(at + took).copy_from_nonoverlapping(new.as_ptr(), len) };
        if let Some(t) = expiry {
            self.set_word_at(self.expiry_at(), t as u64);
        }
        true
    }

    fn set_int(&mut self, n: i64, expiry: Option<i64>) {
        let kind = self.kind();
        if kind & 7 == Type::String as u8 && kind >> 4 >= INT && expiry.is_some() == (kind & HAS_EXPIRY != 0) {
            let width = INT_WIDTHS[((kind >> 4) - INT) as usize % 6];
            if fits(n, width) {
                let at = self.value_at();
                // SAFETY: the integer's field is `width` bytes long.
                unsafe { self.base().add(at).copy_from_nonoverlapping(n.to_le_bytes().as_ptr(), width as usize) };
                if let Some(t) = expiry {
                    self.set_word_at(self.expiry_at(), t as u64);
                }
                return;
            }
        }
        let was_int = kind & 7 == Type::String as u8 && kind >> 4 >= INT;
        // A number that outgrew its width is a counter: give it the widest, it will go on growing.
        let value = if was_int { NewValue::Counter(n) } else { NewValue::Int(n) };
        *self = Entry::new(self.key(), value, expiry, self.clock());
    }

    /// Sets or takes away the expiry.
    pub fn set_expiry(&mut self, expiry: Option<i64>) {
        match (self.kind() & HAS_EXPIRY != 0, expiry) {
            (true, Some(t)) => self.set_word_at(self.expiry_at(), t as u64),
            (false, None) => {}
            _ => self.relayout(expiry),
        }
    }

    /// Moves what lies in pages of which little is used: the entry itself, and its value. A large value is gone through from
    /// `from` on (0: its start) for as long as the effort lasts; returns where to go on.
    pub fn compact(&mut self, from: u64, effort: &mut Effort) -> Option<u64> {
        if from == 0 {
            // SAFETY: allocated by `Writer` with this very size.
            let moves = unsafe { slab::lies_sparse(self.0, self.size()) };
            if moves {
                self.relayout(self.expiry());
            }
            effort.looked(moves);
        }
        match self.type_() {
            Type::Set => self.object_mut::<Set>()?.compact(from, effort),
            Type::Zset => self.object_mut::<Zset>()?.compact(from, effort),
            Type::Hash => self.object_mut::<Hash>()?.compact(from, effort),
            Type::List => self.object_mut::<List>()?.compact(from, effort),
            Type::Stream => self.object_mut::<Stream>()?.compact(from, effort),
            // Long ones are not in the slabs.
            Type::String => None,
        }
    }

    /// Moves the contents into an allocation with or without room for an expiry.
    fn relayout(&mut self, expiry: Option<i64>) {
        let (value_at, value_size) = (self.value_at(), self.value_size());
        let size = layout_size(self.key().len(), expiry.is_some(), value_size);
        let mut w = Writer::allocate(size);
        let kind = (self.kind() & !HAS_EXPIRY) | if expiry.is_some() { HAS_EXPIRY } else { 0 };
        w.bytes(&[kind]);
        // SAFETY: all ranges lie inside this entry's layout. Ownership of a pointer value moves with its bytes, and
        // the old allocation is freed without dropping it.
        unsafe {
            w.bytes(self.slice(1, self.expiry_at() - 1));
            if let Some(t) = expiry {
                w.bytes(&t.to_le_bytes());
            }
            w.bytes(self.slice(value_at, value_size));
            let old = std::mem::replace(self, w.done(size));
            slab::dealloc(old.0, old.size());
            std::mem::forget(old);
        }
    }

    /// The same value, expiry and clock under another key.
    pub fn renamed(self, key: &[u8]) -> Entry {
        let (rest_at, expiry) = (self.expiry_at(), self.expiry().is_some());
        let value_size = self.value_size();
        let size = layout_size(key.len(), expiry, value_size);
        let mut w = Writer::allocate(size);
        // SAFETY: the ranges lie inside this entry's layout. Ownership of a pointer value moves with its bytes, and the
        // old allocation is freed without dropping it.
        unsafe {
            w.bytes(self.slice(0, 4));
            w.length(key.len());
            w.bytes(key);
            w.bytes(self.slice(rest_at, if expiry { 8 } else { 0 } + value_size));
            slab::dealloc(self.0, self.size());
        }
        std::mem::forget(self);
        w.done(size)
    }

    /// Changes a long string where it lies (a copy of it, if a reply still refers to it). `None` if it is not stored apart.
    pub fn shared_mut<R>(&mut self, f: impl FnOnce(&mut Vec<u8>) -> R) -> Option<R> {
        if self.kind() & 7 != Type::String as u8 || self.kind() >> 4 != SHARED {
            return None;
        }
        let at = self.value_at();
        /// Puts the pointer back even if `f` unwinds.
        struct Back(*mut u8, std::mem::ManuallyDrop<Arc<Vec<u8>>>);
        impl Drop for Back {
            fn drop(&mut self) {
                // SAFETY: the field is 8 bytes of a live entry; the count moves back into it.
                unsafe {
                    let raw = Arc::into_raw(std::mem::ManuallyDrop::take(&mut self.1)) as u64;
                    self.0.cast::<u64>().write_unaligned(raw.to_le());
                }
            }
        }
        // SAFETY: the count that the field owns is held by `Back` meanwhile.
        let mut back = unsafe {
            let arc = Arc::from_raw(self.word_at(at) as *const Vec<u8>);
            Back(self.base().add(at), std::mem::ManuallyDrop::new(arc))
        };
        Some(f(Arc::make_mut(&mut back.1)))
    }

    /// The bytes of a raw string that lies in the entry, for changing in place; `None` for any other value.
    pub fn raw_mut(&mut self) -> Option<&mut [u8]> {
        if self.kind() & 7 != Type::String as u8 || self.kind() >> 4 != RAW {
            return None;
        }
        let at = self.value_at();
        let (len, took) = self.length_at(at);
        // SAFETY: embedded bytes lie behind their length, and this entry is exclusively borrowed as long as they are.
        Some(unsafe { std::slice::from_raw_parts_mut(self.base().add(at + took), len) })
    }

    // ---- sizes -----------------------------------------------------------------------------------------------------

    fn value_size(&self) -> usize {
        if self.kind() & 7 != Type::String as u8 {
            return 8;
        }
        match self.kind() >> 4 {
            EMBSTR | RAW => embedded_size(self.length_at(self.value_at()).0),
            SHARED => 8,
            nibble => INT_WIDTHS[(nibble - INT) as usize % 6] as usize,
        }
    }

    fn size(&self) -> usize {
        layout_size(self.key().len(), self.kind() & HAS_EXPIRY != 0, self.value_size())
    }

    /// Bytes on the heap: the entry, and the value that it points to.
    pub fn heap_bytes(&self) -> usize {
        self.size()
            + match self.string() {
                Some(Str::Shared(a)) => 16 + size_of::<Vec<u8>>() + a.capacity(),
                Some(_) => 0,
                // SAFETY: as `object`.
                None => unsafe { value::heap_bytes(self.type_(), self.word_at(self.value_at())) },
            }
    }

    /// About how many allocations freeing this takes; large ones are freed apart from the client.
    pub fn free_effort(&self) -> usize {
        match self.type_() {
            Type::String => 1,
            // SAFETY: as `object`.
            t => unsafe { value::free_effort(t, self.word_at(self.value_at())) },
        }
    }
}

impl Drop for Entry {
    #[inline]
    fn drop(&mut self) {
        let kind = self.kind();
        let size = self.size();
        if kind & 7 != Type::String as u8 {
            // SAFETY: the entry owns the word, and it is dropped once, here.
            drop(unsafe { Object::from_word(self.type_(), self.word_at(self.value_at())) });
        } else if kind >> 4 == SHARED {
            // SAFETY: as above, one count.
            unsafe { drop(Arc::from_raw(self.word_at(self.value_at()) as *const Vec<u8>)) };
        }
        // SAFETY: allocated by `Writer` with this very size.
        unsafe { slab::dealloc(self.0, size) };
    }
}

/// Fills a fresh allocation from its start.
struct Writer {
    base: NonNull<u8>,
    at: usize,
}

impl Writer {
    fn allocate(size: usize) -> Writer {
        Writer { base: slab::alloc(size), at: 0 }
    }

    #[inline]
    fn bytes(&mut self, b: &[u8]) {
        // SAFETY: `layout_size` counted these bytes.
        unsafe { self.base.as_ptr().add(self.at).copy_from_nonoverlapping(b.as_ptr(), b.len()) };
        self.at += b.len();
    }

    #[inline]
    fn length(&mut self, len: usize) {
        if len < 255 {
            self.bytes(&[len as u8]);
        } else {
            self.bytes(&[255]);
            self.bytes(&(len as u32).to_ne_bytes());
        }
    }

    fn done(self, size: usize) -> Entry {
        debug_assert!(self.at <= size && size - self.at < 8, "layout_size is wrong");
        Entry(self.base)
    }
}

#[cfg(test)]
mod tests;
