//! What the fields of [`super::Fields`] are made of. Numbers, flags and choices are single atomics, so that the hot path
//! reads them without a lock; texts and lists, which only slow paths read, sit behind one.
//!
//! Ordering is relaxed throughout: a directive's new value has to arrive soon, not before or after anything else.

use parking_lot::RwLock;
use std::marker::PhantomData;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU8, Ordering::Relaxed};

/// A whole number; for a memory directive, bytes.
#[derive(Default, Debug)]
pub struct Int(AtomicI64);

impl Int {
    #[inline]
    pub fn get(&self) -> i64 {
        self.0.load(Relaxed)
    }

    pub fn set(&self, n: i64) {
        self.0.store(n, Relaxed);
    }
}

/// `yes` or `no`.
#[derive(Default, Debug)]
pub struct Flag(AtomicBool);

impl Flag {
    #[inline]
    pub fn get(&self) -> bool {
        self.0.load(Relaxed)
    }

    pub fn set(&self, on: bool) {
        self.0.store(on, Relaxed);
    }
}

/// The words of a directive that takes one of a few; see [`super::choices`].
pub trait Words: Copy + 'static {
    const NAMES: &'static [&'static str];
    fn from_index(index: u8) -> Self;
}

/// One of a few words.
#[derive(Debug)]
pub struct Choice<E> {
    index: AtomicU8,
    of: PhantomData<E>,
}

impl<E> Default for Choice<E> {
    fn default() -> Self {
        Choice { index: AtomicU8::new(0), of: PhantomData }
    }
}

impl<E: Words> Choice<E> {
    #[inline]
    pub fn get(&self) -> E {
        E::from_index(self.index.load(Relaxed))
    }

    /// The word itself, as CONFIG GET shows it.
    pub fn name(&self) -> &'static str {
        E::NAMES.get(usize::from(self.index.load(Relaxed))).copied().unwrap_or("unknown")
    }

    /// Sets the word that `value` is; a word that the table does not know changes nothing.
    pub fn set(&self, value: E) {
        let same = |i: &u8| std::mem::discriminant(&E::from_index(*i)) == std::mem::discriminant(&value);
        if let Some(index) = (0..E::NAMES.len() as u8).find(same) {
            self.index.store(index, Relaxed);
        }
    }

    pub(super) fn cell(&self) -> &AtomicU8 {
        &self.index
    }
}

/// A text; bytes, since a password may be any.
#[derive(Default, Debug)]
pub struct Text(RwLock<Vec<u8>>);

impl Text {
    /// The text, with what is not UTF-8 replaced: for paths, names and messages.
    pub fn get(&self) -> String {
        String::from_utf8_lossy(&self.0.read()).into_owned()
    }

    pub fn bytes(&self) -> Vec<u8> {
        self.0.read().clone()
    }

    pub fn is_empty(&self) -> bool {
        self.0.read().is_empty()
    }

    pub fn set(&self, text: &[u8]) {
        *self.0.write() = text.to_vec();
    }
}

/// Several words: addresses, percentiles.
#[derive(Default, Debug)]
pub struct List(RwLock<Vec<Vec<u8>>>);

impl List {
    pub fn get(&self) -> Vec<String> {
        self.0.read().iter().map(|w| String::from_utf8_lossy(w).into_owned()).collect()
    }

    pub fn words(&self) -> Vec<Vec<u8>> {
        self.0.read().clone()
    }

    pub fn set(&self, words: Vec<Vec<u8>>) {
        *self.0.write() = words;
    }
}

/// Save when at least `changes` writes happened and the last save is `seconds` old.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SavePoint {
    pub seconds: i64,
    pub changes: i64,
}

/// `save`.
#[derive(Default, Debug)]
pub struct SavePoints(RwLock<Vec<SavePoint>>);

impl SavePoints {
    pub fn get(&self) -> Vec<SavePoint> {
        self.0.read().clone()
    }

    pub fn set(&self, points: Vec<SavePoint>) {
        *self.0.write() = points;
    }
}

/// When a client that does not read its replies is dropped: above `hard_bytes` at once, above `soft_bytes` once that
/// has lasted `soft_seconds`. Zero bytes: never.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limit {
    pub hard_bytes: i64,
    pub soft_bytes: i64,
    pub soft_seconds: i64,
}

/// The classes of `client-output-buffer-limit`, in the order CONFIG GET shows them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    Normal,
    Replica,
    Pubsub,
}

/// `client-output-buffer-limit`, read after every write that left something unsent.
#[derive(Default, Debug)]
pub struct Limits([[AtomicI64; 3]; 3]);

impl Limits {
    #[inline]
    pub fn get(&self, class: Class) -> Limit {
        let [hard, soft, seconds] = &self.0[class as usize];
        Limit { hard_bytes: hard.load(Relaxed), soft_bytes: soft.load(Relaxed), soft_seconds: seconds.load(Relaxed) }
    }

    pub fn set(&self, class: Class, limit: Limit) {
        let [hard, soft, seconds] = &self.0[class as usize];
        hard.store(limit.hard_bytes, Relaxed);
        soft.store(limit.soft_bytes, Relaxed);
        seconds.store(limit.soft_seconds, Relaxed);
    }
}
