//! Values on their way into entries, and out of them.

use super::{EMBED_MAX, EMBSTR, EMBSTR_MAX, INT, INT_WIDTHS, RAW, SHARED, embedded_size, fits};
use crate::keyspace::value::Object;
use std::sync::Arc;

/// A value on its way into an entry.
pub enum NewValue<'a> {
    /// Bytes set whole: become an integer, embstr or raw as Redis would encode them.
    Set(&'a [u8]),
    /// Bytes that stay bytes, embstr if they are short.
    Embstr(&'a [u8]),
    /// Bytes that `OBJECT ENCODING` calls raw whatever their length (what APPEND and SETRANGE leave).
    Raw(&'a [u8]),
    Int(i64),
    /// An integer that will change: stored in 8 bytes, so that it can be changed in place.
    Counter(i64),
    Shared(Arc<Vec<u8>>),
    Object(Object),
}

impl NewValue<'_> {
    /// How it will be stored: (high nibble, bytes of value).
    pub(super) fn shape(&self) -> (u8, usize) {
        match self {
            NewValue::Set(b) | NewValue::Embstr(b) if b.len() <= EMBSTR_MAX => (EMBSTR, embedded_size(b.len())),
            NewValue::Set(b) | NewValue::Embstr(b) | NewValue::Raw(b) if b.len() <= EMBED_MAX => {
                (RAW, embedded_size(b.len()))
            }
            NewValue::Set(_) | NewValue::Embstr(_) | NewValue::Raw(_) | NewValue::Shared(_) => (SHARED, 8),
            NewValue::Int(n) => {
                let code = INT_WIDTHS.iter().position(|w| fits(*n, *w)).unwrap_or(5);
                (INT + code as u8, INT_WIDTHS[code] as usize)
            }
            NewValue::Counter(_) => (INT + 5, 8),
            NewValue::Object(_) => (0, 8),
        }
    }
}

/// A value that stands on its own.
pub enum OwnedValue {
    Int(i64),
    /// The bytes, and whether OBJECT ENCODING called them embstr.
    Bytes(Vec<u8>, bool),
    Object(Object),
}

impl OwnedValue {
    /// Hands it to `f` in the form that entries take.
    pub fn give<R>(self, f: impl FnOnce(NewValue<'_>) -> R) -> R {
        match self {
            OwnedValue::Int(n) => f(NewValue::Int(n)),
            OwnedValue::Bytes(b, true) => f(NewValue::Embstr(&b)),
            OwnedValue::Bytes(b, false) => f(NewValue::Raw(&b)),
            OwnedValue::Object(o) => f(NewValue::Object(o)),
        }
    }
}
