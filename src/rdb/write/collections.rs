//! Lists, sets, sorted sets and hashes. Small ones go as they lie in memory; large ones an element at a time.

use super::{At, Encoder, Progress, ValueRef, length, packed};
use crate::data::list::HeldRun;
use crate::data::lpentry::{self, Entries};
use crate::data::{Blob, Hash, Item, List, Set, Zset};
use crate::rdb::kind::ValueKind;
use crate::rdb::ziplist;
use std::borrow::Cow;

/// An item longer than this that is alone in its node goes as it is, not wrapped into a listpack.
const ALONE: usize = 64 << 10;

impl Encoder {
    pub(super) fn list(&mut self, list: &List, progress: &mut Progress, full: usize, out: &mut Vec<u8>) {
        let mut n = match progress.0 {
            At::Run(n) => n,
            _ => {
                length(list.runs_len() as u64, out);
                0
            }
        };
        while let Some(run) = list.held_run(n) {
            self.run(&run, out);
            n += 1;
            if out.len() >= full && n < list.runs_len() {
                progress.0 = At::Run(n);
                return;
            }
        }
        progress.0 = At::Done;
    }

    fn run(&mut self, run: &HeldRun<'_>, out: &mut Vec<u8>) {
        if !self.target.holds_listpacks() {
            let mut builder = ziplist::Builder::default();
            Entries(&unpacked(run)).for_each(|value| builder.push(item(value)));
            return self.long_string(&builder.finish(), out);
        }
        if let Some(len) = run.unpacked_len {
            // LZF streams of what follows each other make one: header and end are literals around the entries.
            let total = run.bytes.len() + 1 + 6 + 2;
            if self.compress && total + 4 <= len + 7 {
                length(2, out);
                self.scratch.clear();
                self.scratch.push(6 - 1);
                self.scratch.extend_from_slice(&lpentry::listpack_header(len, run.count));
                self.scratch.extend_from_slice(run.bytes);
                self.scratch.extend_from_slice(&[0, lpentry::END]);
                return packed(&self.scratch, len + 7, out);
            }
        }
        let entries = unpacked(run);
        if run.count == 1
            && entries.len() > ALONE
            && let Some(lpentry::Value::Str(text)) = Entries(&entries).next()
        {
            length(1, out);
            return self.long_string(text, out);
        }
        length(2, out);
        let head = lpentry::listpack_header(entries.len(), run.count);
        if self.compress {
            let mut framed = std::mem::take(&mut self.scratch);
            framed.clear();
            framed.extend_from_slice(&head);
            framed.extend_from_slice(&entries);
            framed.push(lpentry::END);
            self.long_string(&framed, out);
            self.scratch = framed;
        } else {
            length(entries.len() as u64 + 7, out);
            out.extend_from_slice(&head);
            out.extend_from_slice(&entries);
            out.push(lpentry::END);
        }
    }

    pub(super) fn set(&mut self, set: &Set, progress: &mut Progress, full: usize, out: &mut Vec<u8>) {
        if let Some(ints) = set.as_intset() {
            self.long_string(ints.as_bytes(), out);
            progress.0 = At::Done;
            return;
        }
        if let Some(blob) = set.as_listpack().filter(|_| self.target.holds_set_listpacks()) {
            self.long_string(blob.as_bytes(), out);
            progress.0 = At::Done;
            return;
        }
        let mut position = match progress.0 {
            At::Position(position) => position,
            _ => {
                length(set.len() as u64, out);
                if full == usize::MAX || set.as_listpack().is_some() {
                    // All at once: walking asks for what lies ahead, which scanning does not.
                    set.iter().for_each(|member| self.string(member, out));
                    progress.0 = At::Done;
                    return;
                }
                0
            }
        };
        while out.len() < full {
            position = set.scan(position, |member| self.string(member, out));
            if position == 0 {
                progress.0 = At::Done;
                return;
            }
        }
        progress.0 = At::Position(position);
    }

    pub(super) fn zset(&mut self, zset: &Zset, progress: &mut Progress, full: usize, out: &mut Vec<u8>) {
        if let Some(blob) = zset.as_listpack() {
            self.blob(blob, out);
            progress.0 = At::Done;
            return;
        }
        let mut written = match progress.0 {
            At::Members(n) => n,
            _ => {
                length(zset.len() as u64, out);
                0
            }
        };
        // From the largest score down, as Redis does, for whom that is the fastest way to load it.
        for (member, score) in zset.rev_from(zset.len().saturating_sub(1 + written)) {
            if written >= zset.len() {
                break;
            }
            self.string(member, out);
            out.extend_from_slice(&score.to_le_bytes());
            written += 1;
            if out.len() >= full && written < zset.len() {
                progress.0 = At::Members(written);
                return;
            }
        }
        progress.0 = At::Done;
    }

    pub(super) fn hash(&mut self, hash: &Hash, progress: &mut Progress, full: usize, out: &mut Vec<u8>) {
        let kind = self.kind(&ValueRef::Hash(hash));
        let first = hash.next_expiry().unwrap_or(0);
        match (kind, hash.as_listpack()) {
            (ValueKind::HashListpackEx, Some((blob, _))) => {
                out.extend_from_slice(&first.to_le_bytes());
                self.long_string(blob.as_bytes(), out);
                progress.0 = At::Done;
                return;
            }
            (ValueKind::HashListpack | ValueKind::HashZiplist, Some((blob, expiring))) => {
                if expiring {
                    self.without_expiries(hash, out)
                } else {
                    self.blob(blob, out)
                }
                progress.0 = At::Done;
                return;
            }
            _ => {}
        }
        let mut position = match progress.0 {
            At::Position(position) => position,
            _ => {
                if kind == ValueKind::HashMetadata {
                    out.extend_from_slice(&first.to_le_bytes());
                }
                length(hash.len() as u64, out);
                if full == usize::MAX || hash.as_listpack().is_some() {
                    hash.iter(i64::MIN).for_each(|field| self.field(kind, first, &field, out));
                    progress.0 = At::Done;
                    return;
                }
                0
            }
        };
        while out.len() < full {
            position = hash.scan(position, i64::MIN, |field| self.field(kind, first, &field, out));
            if position == 0 {
                progress.0 = At::Done;
                return;
            }
        }
        progress.0 = At::Position(position);
    }

    fn field(&mut self, kind: ValueKind, first: i64, field: &crate::data::hash::Entry<'_>, out: &mut Vec<u8>) {
        if kind == ValueKind::HashMetadata {
            length(field.expires_at_ms.map_or(0, |at| at.wrapping_sub(first).wrapping_add(1) as u64), out);
        }
        self.string(field.name, out);
        self.string(field.value, out);
        if kind == ValueKind::Hash2 {
            out.extend_from_slice(&field.expires_at_ms.unwrap_or(-1).to_le_bytes());
        }
    }

    /// A listpack, or for those who know none a ziplist of the same.
    fn blob(&mut self, blob: Blob<'_>, out: &mut Vec<u8>) {
        if self.target.holds_listpacks() {
            return self.long_string(blob.as_bytes(), out);
        }
        let mut builder = ziplist::Builder::default();
        blob.iter().for_each(|item| builder.push(item));
        self.long_string(&builder.finish(), out);
    }

    /// A listpack of fields that could expire, and of which none does any more (or is allowed to).
    fn without_expiries(&mut self, hash: &Hash, out: &mut Vec<u8>) {
        let mut plain = crate::data::Packed::new();
        for field in hash.iter(i64::MIN) {
            plain.push(field.name);
            plain.push(field.value);
        }
        self.blob(plain.blob(), out);
    }
}

fn unpacked<'a>(run: &HeldRun<'a>) -> Cow<'a, [u8]> {
    match run.unpacked_len {
        None => Cow::Borrowed(run.bytes),
        Some(len) => Cow::Owned(crate::base::lzf::decompress(run.bytes, len).expect("what we compressed")),
    }
}

fn item(value: lpentry::Value<'_>) -> Item<'_> {
    match value {
        lpentry::Value::Int(n) => Item::Int(n),
        lpentry::Value::Str(text) => Item::Bytes(text),
    }
}
