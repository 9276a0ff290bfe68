//! The listpack encodings: field, value, field, value …; and with expiries field, value, expiry …, in which those that
//! expire come first, ascending, and an expiry of 0 stands for none.

use crate::data::item::Item;
use crate::data::packed::{Blob, Packed};

/// Entries of one field: 2, or 3 with expiries.
pub(super) type Stride = usize;

#[inline]
pub(super) fn find(blob: Blob<'_>, name: &[u8], stride: Stride) -> Option<usize> {
    blob.find(name, blob.first(), stride - 1)
}

/// The value and the expiry of the field at `at`.
#[inline]
pub(super) fn rest(blob: Blob<'_>, at: usize, stride: Stride) -> (Item<'_>, Option<i64>) {
    let value_at = blob.next(at);
    let expiry = if stride == 3 { expiry(blob.get(blob.next(value_at))) } else { None };
    (blob.get(value_at), expiry)
}

#[inline]
pub(super) fn expiry(item: Item<'_>) -> Option<i64> {
    match item {
        Item::Int(0) | Item::Bytes(_) => None,
        Item::Int(ms) => Some(ms),
    }
}

/// Appends or inserts a field that is not there, where its expiry belongs.
pub(super) fn add(packed: &mut Packed, name: Item<'_>, value: Item<'_>, expires_at_ms: Option<i64>, stride: Stride) {
    let blob = packed.blob();
    let mut at = blob.end();
    if let Some(ms) = expires_at_ms {
        at = blob.first();
        // Behind those that expire at the same time, before those that never do.
        while !blob.is_end(at) && rest(blob, at, stride).1.is_some_and(|other| other <= ms) {
            at = blob.next(blob.next(blob.next(at)));
        }
    }
    if stride == 3 {
        packed.insert(at, Item::Int(expires_at_ms.unwrap_or(0)));
    }
    packed.insert(at, value);
    packed.insert(at, name);
}

/// Moves the field at `at` to where another expiry puts it.
pub(super) fn move_to(packed: &mut Packed, at: usize, expires_at_ms: Option<i64>) {
    let (name, value) = (packed.blob().get(at).to_vec(), rest(packed.blob(), at, 3).0.to_vec());
    packed.remove(at, 3);
    add(packed, Item::Bytes(&name), Item::Bytes(&value), expires_at_ms, 3);
}

/// Whole fields, no name twice, expiries that are numbers and in order.
pub(super) fn is_sound(blob: Blob<'_>, stride: Stride) -> bool {
    if !blob.len().is_multiple_of(stride) {
        return false;
    }
    let (mut seen, mut last) = (std::collections::HashSet::new(), Some(i64::MIN));
    let mut items = blob.iter();
    while let Some(name) = items.next() {
        items.next();
        if stride == 3 {
            let Some(Item::Int(ms)) = items.next() else { return false };
            let now = (ms != 0).then_some(ms);
            if ms < 0 || (now.is_some() && now < last) || (now.is_some() && last.is_none()) {
                return false;
            }
            last = now;
        }
        if !seen.insert(name.to_vec()) {
            return false;
        }
    }
    true
}
