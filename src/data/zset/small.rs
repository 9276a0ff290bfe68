//! The listpack encoding: member, score, member, score …, ascending by (score, member). Scores that are integers are stored
//! as such, others as their text.

use super::leaf::Tie;
use super::range::Place;
use crate::base::double::{exact_i64, parse_double, write_double};
use crate::data::item::Item;
use crate::data::packed::{Blob, Packed};
use std::cmp::Ordering;

#[inline]
pub(super) fn score(item: Item<'_>) -> f64 {
    match item {
        Item::Int(n) => n as f64,
        // Loading let nothing else in.
        Item::Bytes(b) => parse_double(b).unwrap_or_default(),
    }
}

/// The entry at `at`, which must be a member, and its score.
#[inline]
pub(super) fn pair(blob: Blob<'_>, at: usize) -> (Item<'_>, f64) {
    (blob.get(at), score(blob.get(blob.next(at))))
}

/// The position of a member.
pub(super) fn find(blob: Blob<'_>, member: &[u8]) -> Option<usize> {
    blob.find(member, blob.first(), 1)
}

/// The rank of the member at `at`.
pub(super) fn rank_of(blob: Blob<'_>, at: usize) -> usize {
    blob.iter_to(at).count() / 2
}

/// Puts a pair where it belongs. The member must not be in.
pub(super) fn insert(packed: &mut Packed, member: &[u8], value: f64) {
    let blob = packed.blob();
    let mut at = blob.first();
    while !blob.is_end(at) {
        let (other, s) = pair(blob, at);
        let after = match s.partial_cmp(&value) {
            Some(Ordering::Equal) => compare(other, member) == Ordering::Greater,
            order => order == Some(Ordering::Greater),
        };
        if after {
            break;
        }
        at = blob.next(blob.next(at));
    }
    match exact_i64(value) {
        Some(n) => packed.insert(at, Item::Int(n)),
        None => {
            let mut text = Vec::with_capacity(32);
            write_double(value, &mut text);
            packed.insert(at, Item::Bytes(&text));
        }
    }
    packed.insert(at, Item::Bytes(member));
}

#[inline]
fn compare(item: Item<'_>, text: &[u8]) -> Ordering {
    item.with(|t| t.cmp(text))
}

/// How many members go before a place.
pub(super) fn rank(blob: Blob<'_>, place: &Place<'_>) -> usize {
    let (mut at, mut n) = (blob.first(), 0);
    while !blob.is_end(at) {
        let (member, s) = pair(blob, at);
        let order = place.score.map_or(Ordering::Equal, |p| s.partial_cmp(&p).unwrap_or(Ordering::Less));
        let tied = || match place.tie {
            Tie::None => false,
            Tie::All => true,
            Tie::Below(m) => compare(member, m) == Ordering::Less,
            Tie::UpTo(m) => compare(member, m) != Ordering::Greater,
        };
        if order == Ordering::Greater || (order == Ordering::Equal && !tied()) {
            break;
        }
        n += 1;
        at = blob.next(blob.next(at));
    }
    n
}

/// Checks what a snapshot held: pairs, no member twice, readable scores. Puts them in order if they are not.
pub(super) fn adopt(packed: Packed) -> Option<(Packed, usize)> {
    let blob = packed.blob();
    if !blob.len().is_multiple_of(2) {
        return None;
    }
    let (mut seen, mut pairs, mut longest) = (std::collections::HashSet::new(), Vec::new(), 0);
    let mut items = blob.iter();
    while let (Some(member), Some(value)) = (items.next(), items.next()) {
        longest = longest.max(member.len());
        let value = match value {
            Item::Int(n) => n as f64,
            Item::Bytes(b) => parse_double(b)?,
        };
        if !seen.insert(member.to_vec()) {
            return None;
        }
        pairs.push((value, member));
    }
    let sorted = pairs.windows(2).all(|w| {
        let ((a, m), (b, n)) = (w[0], w[1]);
        a < b || (a == b && n.with(|n| compare(m, n)) == Ordering::Less)
    });
    if sorted {
        return Some((packed, longest));
    }
    let mut ordered = Packed::new();
    for (value, member) in pairs {
        member.with(|m| insert(&mut ordered, m, value));
    }
    Some((ordered, longest))
}
