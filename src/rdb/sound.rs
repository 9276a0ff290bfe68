//! Whether a value could be loaded, told part by part without building it: what a loader refuses is refused here too (a test
//! compares the two), in a fraction of its time.

use super::compact::{Elements, Form};
use super::event::Part;
use super::fault::Why;
use super::kind::ValueKind;
use super::load::StreamDraft;
use crate::base::double::parse_double;
use crate::data::Item;
use std::hash::{BuildHasher, RandomState};
use xxhash_rust::xxh3::xxh3_64_with_seed;

const TWICE: &str = "the same member or field twice";
const FEWEST_SLOTS: usize = 64;

/// Checks one value after the other.
pub struct Checker {
    kind: ValueKind,
    seen: Seen,
    /// Of the stream at hand, if the value is one.
    stream: Option<Box<StreamDraft>>,
    elements: u64,
}

/// Hashes of the names that the value at hand has had. They are keyed, so that nobody can make two names of the same hash.
struct Seen {
    slots: Vec<u64>,
    len: usize,
    seed: u64,
}

impl Seen {
    fn clear(&mut self) {
        self.slots.truncate(FEWEST_SLOTS);
        self.slots.fill(0);
        self.len = 0;
    }

    /// Takes a name in; false if it was there.
    #[inline]
    fn add(&mut self, item: Item<'_>) -> bool {
        // 0 is a free slot.
        let hash = item.with(|text| xxh3_64_with_seed(text, self.seed)).max(1);
        if 2 * self.len >= self.slots.len() {
            self.grow();
        }
        let mask = self.slots.len() - 1;
        let mut at = hash as usize & mask;
        while self.slots[at] != 0 {
            if self.slots[at] == hash {
                return false;
            }
            at = (at + 1) & mask;
        }
        self.slots[at] = hash;
        self.len += 1;
        true
    }

    #[cold]
    fn grow(&mut self) {
        let more = vec![0; 2 * self.slots.len()];
        let old = std::mem::replace(&mut self.slots, more);
        let mask = self.slots.len() - 1;
        for hash in old.into_iter().filter(|hash| *hash != 0) {
            let mut at = hash as usize & mask;
            while self.slots[at] != 0 {
                at = (at + 1) & mask;
            }
            self.slots[at] = hash;
        }
    }
}

impl Default for Checker {
    fn default() -> Checker {
        let seen = Seen { slots: vec![0; FEWEST_SLOTS], len: 0, seed: RandomState::new().hash_one(0) };
        Checker { kind: ValueKind::String, seen, stream: None, elements: 0 }
    }
}

impl Checker {
    /// A value of this kind follows.
    pub fn begin(&mut self, kind: ValueKind) {
        (self.kind, self.elements) = (kind, 0);
        if kind != ValueKind::String {
            self.seen.clear();
            self.stream = (kind.type_name() == "stream").then(Box::default);
        }
    }

    pub fn add(&mut self, part: Part<'_>) -> Result<(), Why> {
        match part {
            Part::Count(_) => Ok(()),
            Part::Text(_) | Part::Module(_) => {
                self.elements += 1;
                Ok(())
            }
            Part::Item(item) => {
                self.elements += 1;
                if self.kind == ValueKind::Set { self.once(item) } else { Ok(()) }
            }
            Part::Scored(member, score) => {
                self.elements += 1;
                if score.is_nan() { Err("Zset with NAN score detected".into()) } else { self.once(member) }
            }
            Part::Field { name, .. } => {
                self.elements += 1;
                self.once(name)
            }
            Part::Packed(form, bytes) => self.packed(form, bytes),
            part => {
                self.elements += 1;
                self.stream.as_mut().map_or(Ok(()), |stream| stream.add(part))
            }
        }
    }

    /// The value is complete: whether it is one that may be (a collection without elements may not).
    pub fn end(&mut self) -> Result<bool, Why> {
        if let Some(stream) = self.stream.take() {
            stream.finish()?;
        }
        Ok(self.elements > 0)
    }

    #[inline]
    fn once(&mut self, name: Item<'_>) -> Result<(), Why> {
        if self.seen.add(name) { Ok(()) } else { Err(TWICE.into()) }
    }

    fn packed(&mut self, form: Form, bytes: &[u8]) -> Result<(), Why> {
        use ValueKind::*;
        let wrong = match self.kind {
            SetIntset => "Intset integrity check failed.",
            SetListpack => "Set listpack integrity check failed.",
            ZsetListpack | ZsetZiplist => "Zset listpack integrity check failed.",
            ListQuicklist2 => "Listpack integrity check failed.",
            ListZiplist | ListQuicklist => "Ziplist integrity check failed.",
            _ => "Hash listpack integrity check failed.",
        };
        let mut elements = Elements::open(form, bytes).ok_or(wrong)?;
        match self.kind.type_name() {
            "list" => self.elements += u64::from(elements.next().is_some()),
            "set" => {
                for member in elements {
                    self.elements += 1;
                    // An intset rises, so it has none twice.
                    if form != Form::Intset && !self.seen.add(member) {
                        return Err(wrong.into());
                    }
                }
            }
            "zset" => {
                while let Some(member) = elements.next() {
                    self.elements += 1;
                    let sound = match elements.next() {
                        Some(Item::Int(_)) => true,
                        Some(Item::Bytes(text)) => parse_double(text).is_some(),
                        None => false,
                    };
                    if !sound || !self.seen.add(member) {
                        return Err(wrong.into());
                    }
                }
            }
            _ => self.fields(form, elements).ok_or(wrong)?,
        }
        Ok(())
    }

    /// Whole fields, none twice; expiries that are numbers, and in order.
    fn fields(&mut self, form: Form, mut elements: Elements<'_>) -> Option<()> {
        let mut last = Some(0);
        while let Some(name) = elements.next() {
            elements.next()?;
            if form == Form::ListpackEx {
                let Item::Int(at) = elements.next()? else { return None };
                let now = (at != 0).then_some(at);
                if at < 0 || (now.is_some() && (last.is_none() || now < last)) {
                    return None;
                }
                last = now;
            }
            self.elements += 1;
            self.seen.add(name).then_some(())?;
        }
        Some(())
    }
}
