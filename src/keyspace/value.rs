//! Views of what an entry holds: strings in their three forms, and the other types behind their one word.
//!
//! `unsafe` here turns an entry's word into the type that owns it. Invariants: a word is read only as the type that the
//! entry's kind names; a borrowed view never drops it; an exclusive view writes it back before the entry is used again.

use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
#[repr(u8)]
pub enum Type {
    String = 0,
    List = 1,
    Set = 2,
    Zset = 3,
    Hash = 4,
    Stream = 5,
}

impl Type {
    #[inline]
    pub(super) fn from_bits(kind: u8) -> Type {
        match kind & 7 {
            0 => Type::String,
            1 => Type::List,
            2 => Type::Set,
            3 => Type::Zset,
            4 => Type::Hash,
            _ => Type::Stream,
        }
    }

    /// The word that TYPE answers.
    pub fn name(self) -> &'static str {
        match self {
            Type::String => "string",
            Type::List => "list",
            Type::Set => "set",
            Type::Zset => "zset",
            Type::Hash => "hash",
            Type::Stream => "stream",
        }
    }
}

/// A string, as stored.
pub enum Str<'a> {
    Int(i64),
    Bytes { bytes: &'a [u8], embstr: bool },
    Shared(SharedRef<'a>),
}

impl Str<'_> {
    pub fn len(&self) -> usize {
        match self {
            Str::Int(n) => crate::base::numbers::digits_i64(*n),
            Str::Bytes { bytes, .. } => bytes.len(),
            Str::Shared(a) => a.len(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The integer it is, or that its bytes spell.
    pub fn as_int(&self) -> Option<i64> {
        match self {
            Str::Int(n) => Some(*n),
            _ => self.with(crate::base::numbers::parse_i64),
        }
    }

    /// Its bytes, for as long as `f` runs (an integer has none until it is printed).
    #[inline]
    pub fn with<R>(&self, f: impl FnOnce(&[u8]) -> R) -> R {
        match self {
            Str::Int(n) => f(itoa::Buffer::new().format(*n).as_bytes()),
            Str::Bytes { bytes, .. } => f(bytes),
            Str::Shared(a) => f(a),
        }
    }

    pub fn to_vec(&self) -> Vec<u8> {
        self.with(<[u8]>::to_vec)
    }
}

/// A borrowed reference-counted string.
pub struct SharedRef<'a>(ManuallyDrop<Arc<Vec<u8>>>, PhantomData<&'a ()>);

impl SharedRef<'_> {
    /// # Safety
    /// `word` is `Arc::into_raw`'s pointer, whose count stays owned elsewhere for the lifetime chosen.
    #[inline]
    pub(super) unsafe fn new(word: u64) -> Self {
        SharedRef(ManuallyDrop::new(unsafe { Arc::from_raw(word as *const Vec<u8>) }), PhantomData)
    }
}

impl Deref for SharedRef<'_> {
    type Target = Arc<Vec<u8>>;
    fn deref(&self) -> &Arc<Vec<u8>> {
        &self.0
    }
}

/// A type that an entry holds in one word.
pub trait Word: Sized {
    const TYPE: Type;
    fn into_word(self) -> u64;
    /// # Safety
    /// `word` came from `into_word` of this type and is not owned twice.
    unsafe fn from_word(word: u64) -> Self;
}

/// A borrowed value of an entry.
pub struct Held<'a, T>(ManuallyDrop<T>, PhantomData<&'a T>);

impl<T: Word> Held<'_, T> {
    /// # Safety
    /// As [`Word::from_word`]; the owner outlives the lifetime chosen and keeps the word.
    #[inline]
    pub(super) unsafe fn new(word: u64) -> Self {
        Held(ManuallyDrop::new(unsafe { T::from_word(word) }), PhantomData)
    }
}

impl<T> Deref for Held<'_, T> {
    type Target = T;
    #[inline]
    fn deref(&self) -> &T {
        &self.0
    }
}

/// An exclusively borrowed value of an entry.
pub struct HeldMut<'a, T: Word> {
    value: ManuallyDrop<T>,
    field: *mut u8,
    entry: PhantomData<&'a mut T>,
}

impl<T: Word> HeldMut<'_, T> {
    /// # Safety
    /// `field` is the 8-byte field of an exclusively borrowed entry, and holds a word of `T`.
    #[inline]
    pub(super) unsafe fn new(field: *mut u8) -> Self {
        let word = u64::from_le(unsafe { field.cast::<u64>().read_unaligned() });
        HeldMut { value: ManuallyDrop::new(unsafe { T::from_word(word) }), field, entry: PhantomData }
    }
}

impl<T: Word> Deref for HeldMut<'_, T> {
    type Target = T;
    #[inline]
    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: Word> DerefMut for HeldMut<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        &mut self.value
    }
}

impl<T: Word> Drop for HeldMut<'_, T> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: taken once, in drop; the field takes the ownership back.
        let word = unsafe { ManuallyDrop::take(&mut self.value) }.into_word();
        unsafe { self.field.cast::<u64>().write_unaligned(word.to_le()) };
    }
}

/// A value of any type but string, owned.
#[derive(Clone)]
pub enum Object {}

impl Object {
    pub fn type_(&self) -> Type {
        match *self {}
    }

    pub(super) fn into_word(self) -> u64 {
        match self {}
    }

    /// # Safety
    /// As [`Word::from_word`], of the type named.
    pub(super) unsafe fn from_word(_: Type, _: u64) -> Object {
        unreachable!("no type but string exists yet")
    }
}

/// # Safety
/// As [`Word::from_word`]; so for all below, which only look.
pub(super) unsafe fn encoding(_: Type, _: u64) -> &'static str {
    "unknown"
}

pub(super) unsafe fn is_empty(_: Type, _: u64) -> bool {
    false
}

pub(super) unsafe fn clone_object(t: Type, word: u64) -> Object {
    unsafe { Object::from_word(t, word) }
}

pub(super) unsafe fn heap_bytes(_: Type, _: u64) -> usize {
    0
}

pub(super) unsafe fn free_effort(_: Type, _: u64) -> usize {
    1
}
