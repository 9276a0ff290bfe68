//! Consumer groups: who has been given which entry and has not acknowledged it. Redis's words for it are kept: the PEL is
//! the list of pending entries, a NACK one of its items.

use super::node::Entry;
use super::{Groups, Stream, StreamId};
use std::collections::{BTreeMap, BTreeSet};

/// A pending entry.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Nack {
    /// When it was last delivered, Unix time in ms.
    pub delivered_ms: u64,
    pub delivery_count: u64,
    consumer: u32,
}

#[derive(Clone, Debug)]
pub struct Consumer {
    name: Box<[u8]>,
    /// When it last asked for anything.
    pub seen_ms: u64,
    /// When it last got anything, if ever.
    pub active_ms: Option<u64>,
    pel: BTreeSet<StreamId>,
}

#[derive(Clone, Debug, Default)]
pub struct Group {
    /// Last id delivered.
    pub last_id: StreamId,
    /// How many entries ever added lie at or before `last_id`, if that is known.
    pub entries_read: Option<u64>,
    pel: BTreeMap<StreamId, Nack>,
    by_name: BTreeMap<Box<[u8]>, u32>,
    slots: Vec<Option<Consumer>>,
}

/// How [`Stream::read_group`] begins.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Start {
    /// `>`: entries that the group has not delivered.
    New { noack: bool },
    /// Pending entries of this consumer with larger ids.
    After(StreamId),
}

/// The options of XCLAIM.
#[derive(Clone, Copy, Debug)]
pub struct Claim {
    pub min_idle_ms: u64,
    pub delivered_ms: u64,
    pub retry_count: Option<u64>,
    pub force: bool,
    pub just_id: bool,
    pub now_ms: u64,
}

/// The options of XAUTOCLAIM.
#[derive(Clone, Copy, Debug)]
pub struct AutoClaim {
    pub min_idle_ms: u64,
    pub start: StreamId,
    pub count: usize,
    pub just_id: bool,
    pub now_ms: u64,
}

impl Consumer {
    pub fn name(&self) -> &[u8] {
        &self.name
    }

    pub fn pel_len(&self) -> usize {
        self.pel.len()
    }

    /// Ids pending with this consumer, in order.
    pub fn pel(&self) -> impl Iterator<Item = StreamId> {
        self.pel.iter().copied()
    }

    /// Those from `start` to `end`, both included.
    pub fn pel_range(&self, start: StreamId, end: StreamId) -> impl Iterator<Item = StreamId> {
        let ids = (start <= end).then(|| self.pel.range(start..=end).copied());
        ids.into_iter().flatten()
    }
}

impl Group {
    pub(super) fn heap_bytes(&self) -> usize {
        let consumers = self.consumers().map(|c| size_of::<Consumer>() + 2 * c.name.len() + 24 + c.pel.len() * 20);
        size_of::<Group>() + self.pel.len() * 48 + consumers.sum::<usize>()
    }

    /// Pending entries.
    pub fn pel_len(&self) -> usize {
        self.pel.len()
    }

    /// Pending entries in order of their ids.
    pub fn pel(&self) -> impl DoubleEndedIterator<Item = (StreamId, &Nack)> {
        self.pel.iter().map(|(id, nack)| (*id, nack))
    }

    /// Those from `start` to `end`, both included.
    pub fn pel_range(&self, start: StreamId, end: StreamId) -> impl Iterator<Item = (StreamId, &Nack)> {
        let range = (start <= end).then(|| self.pel.range(start..=end));
        range.into_iter().flatten().map(|(id, nack)| (*id, nack))
    }

    pub fn nack(&self, id: StreamId) -> Option<&Nack> {
        self.pel.get(&id)
    }

    /// The consumer that a pending entry was given to.
    pub fn owner(&self, nack: &Nack) -> &Consumer {
        self.slots[nack.consumer as usize].as_ref().expect("pending entries go with their consumer")
    }

    /// Consumers in order of their names.
    pub fn consumers(&self) -> impl Iterator<Item = &Consumer> {
        self.by_name.values().filter_map(|&slot| self.slots[slot as usize].as_ref())
    }

    pub fn consumers_len(&self) -> usize {
        self.by_name.len()
    }

    pub fn consumer(&self, name: &[u8]) -> Option<&Consumer> {
        self.slots[*self.by_name.get(name)? as usize].as_ref()
    }

    pub fn consumer_mut(&mut self, name: &[u8]) -> Option<&mut Consumer> {
        self.slots[*self.by_name.get(name)? as usize].as_mut()
    }

    /// Adds a consumer. False when there was one of that name.
    pub fn create_consumer(&mut self, name: &[u8], now_ms: u64) -> bool {
        if self.by_name.contains_key(name) {
            return false;
        }
        let consumer = Consumer { name: name.into(), seen_ms: now_ms, active_ms: None, pel: BTreeSet::new() };
        let slot = match self.slots.iter().position(Option::is_none) {
            Some(free) => {
                self.slots[free] = Some(consumer);
                free
            }
            None => {
                self.slots.push(Some(consumer));
                self.slots.len() - 1
            }
        };
        self.by_name.insert(name.into(), slot as u32);
        true
    }

    /// Notes that a consumer asked for something, and adds it when it is new (then true).
    pub fn see_consumer(&mut self, name: &[u8], now_ms: u64) -> bool {
        match self.consumer_mut(name) {
            Some(consumer) => {
                consumer.seen_ms = now_ms;
                false
            }
            None => self.create_consumer(name, now_ms),
        }
    }

    /// Removes a consumer with what is pending with it, and says how many entries that was.
    pub fn delete_consumer(&mut self, name: &[u8]) -> Option<usize> {
        let slot = self.by_name.remove(name)?;
        let consumer = self.slots[slot as usize].take()?;
        for id in &consumer.pel {
            self.pel.remove(id);
        }
        Some(consumer.pel.len())
    }

    /// Takes `id` off the pending entries.
    pub fn ack(&mut self, id: StreamId) -> bool {
        let Some(nack) = self.pel.remove(&id) else { return false };
        self.pel_of(nack.consumer).remove(&id);
        true
    }

    /// Makes `id` pending with a consumer, whoever had it before; how a group read from a file is built, too. False when
    /// there is no such consumer.
    pub fn give(&mut self, id: StreamId, consumer: &[u8], delivered_ms: u64, delivery_count: u64) -> bool {
        let Some(&slot) = self.by_name.get(consumer) else { return false };
        let nack = Nack { delivered_ms, delivery_count, consumer: slot };
        if let Some(old) = self.pel.insert(id, nack)
            && old.consumer != slot
        {
            self.pel_of(old.consumer).remove(&id);
        }
        self.pel_of(slot).insert(id);
        true
    }

    fn pel_of(&mut self, slot: u32) -> &mut BTreeSet<StreamId> {
        &mut self.slots[slot as usize].as_mut().expect("pending entries go with their consumer").pel
    }

    fn set_active(&mut self, consumer: &[u8], now_ms: u64) {
        if let Some(consumer) = self.consumer_mut(consumer) {
            consumer.active_ms = Some(now_ms);
        }
    }
}

impl Stream {
    fn groups_mut(&mut self) -> &mut Groups {
        self.0.groups.get_or_insert_default()
    }

    /// Groups in order of their names.
    pub fn groups(&self) -> impl Iterator<Item = (&[u8], &Group)> {
        self.0.groups.iter().flat_map(|groups| groups.iter().map(|(name, group)| (&**name, group)))
    }

    pub fn groups_len(&self) -> usize {
        self.0.groups.as_ref().map_or(0, |groups| groups.len())
    }

    pub fn group(&self, name: &[u8]) -> Option<&Group> {
        self.0.groups.as_ref()?.get(name)
    }

    pub fn group_mut(&mut self, name: &[u8]) -> Option<&mut Group> {
        self.0.groups.as_mut()?.get_mut(name)
    }

    /// Adds a group that has read up to `last_id`. False when there was one of that name.
    pub fn create_group(&mut self, name: &[u8], last_id: StreamId, entries_read: Option<u64>) -> bool {
        if self.group(name).is_some() {
            return false;
        }
        self.groups_mut().insert(name.into(), Group { last_id, entries_read, ..Group::default() });
        true
    }

    pub fn destroy_group(&mut self, name: &[u8]) -> bool {
        let Some(groups) = &mut self.0.groups else { return false };
        let gone = groups.remove(name).is_some();
        if groups.is_empty() {
            self.0.groups = None;
        }
        gone
    }

    /// Entries that the group has yet to read, if that can be told (XINFO's `lag`), as Redis 8.0.
    /// Negative when XGROUP was told that the group has read more than there was.
    pub fn lag(&self, group: &Group) -> Option<i64> {
        if self.0.len == 0 {
            return Some(0);
        }
        if group.last_id < self.0.first_id && self.0.max_deleted_id < self.0.first_id {
            return Some(self.0.len as i64);
        }
        let read = match group.entries_read {
            Some(read) if !self.has_tombstones_from(group.last_id) => read,
            _ => self.distance_from_first_ever(group.last_id)?,
        };
        Some(self.0.entries_added.wrapping_sub(read) as i64)
    }

    /// Whether an entry at or behind `start` was deleted, for all one can tell.
    fn has_tombstones_from(&self, start: StreamId) -> bool {
        let tomb = self.0.max_deleted_id;
        self.0.len != 0 && tomb != StreamId::MIN && start <= tomb
    }

    /// How many entries were ever added up to `id`, where no deletion blurs it.
    pub fn distance_from_first_ever(&self, id: StreamId) -> Option<u64> {
        let s = &*self.0;
        if s.entries_added == 0 {
            return Some(0);
        }
        if s.len == 0 && id <= s.last_id {
            return Some(s.entries_added);
        }
        if id != StreamId::MIN && id < s.max_deleted_id {
            return None;
        }
        match id.cmp(&s.last_id) {
            std::cmp::Ordering::Equal => return Some(s.entries_added),
            std::cmp::Ordering::Greater => return None,
            std::cmp::Ordering::Less => {}
        }
        if s.max_deleted_id == StreamId::MIN || s.max_deleted_id < s.first_id {
            let before_first = s.entries_added.saturating_sub(s.len);
            match id.cmp(&s.first_id) {
                std::cmp::Ordering::Less => return Some(before_first),
                std::cmp::Ordering::Equal => return Some(before_first + 1),
                std::cmp::Ordering::Greater => {}
            }
        }
        None
    }

    /// XREADGROUP for one stream. `each` gets every id with its entry, or without one where a pending entry was deleted.
    /// The consumer must exist. Says how many there were.
    pub fn read_group(
        &mut self,
        group: &[u8],
        consumer: &[u8],
        start: Start,
        count: usize,
        now_ms: u64,
        mut each: impl FnMut(StreamId, Option<Entry<'_>>),
    ) -> usize {
        // The group is taken out for the while, so that entries can be read beside it.
        let Some(mut taken) = self.group_mut(group).map(std::mem::take) else { return 0 };
        let mut given = 0;
        match start {
            Start::New { noack } => {
                if let Some(from) = taken.last_id.next() {
                    for entry in self.range(from, StreamId::MAX).take(count) {
                        let known = taken.last_id >= self.0.first_id && !self.has_tombstones_from(taken.last_id);
                        taken.entries_read = match taken.entries_read {
                            Some(read) if known => Some(read + 1),
                            _ => self.distance_from_first_ever(entry.id),
                        };
                        taken.last_id = entry.id;
                        if !noack {
                            taken.give(entry.id, consumer, now_ms, 1);
                        }
                        each(entry.id, Some(entry));
                        given += 1;
                    }
                }
                if given > 0 {
                    taken.set_active(consumer, now_ms);
                }
            }
            Start::After(after) => {
                let from = after.next();
                let ids: Vec<StreamId> = match (from, taken.consumer(consumer)) {
                    (Some(from), Some(consumer)) => consumer.pel_range(from, StreamId::MAX).take(count).collect(),
                    _ => Vec::new(),
                };
                for id in ids {
                    let entry = self.get(id);
                    if let (Some(nack), Some(_)) = (taken.pel.get_mut(&id), entry) {
                        nack.delivered_ms = now_ms;
                        nack.delivery_count += 1;
                    }
                    each(id, entry);
                    given += 1;
                }
            }
        }
        if let Some(slot) = self.group_mut(group) {
            *slot = taken;
        }
        given
    }

    /// XCLAIM of one id for a consumer, which must exist. `each` gets the entry if it was claimed. An id whose entry was
    /// deleted leaves the pending entries: then, too, something changed (`Some(false)`).
    pub fn claim(
        &mut self,
        group: &[u8],
        consumer: &[u8],
        id: StreamId,
        claim: &Claim,
        each: impl FnOnce(Entry<'_>),
    ) -> Option<bool> {
        let exists = self.contains(id);
        let target = self.group_mut(group)?;
        let old = target.nack(id).copied();
        if !exists {
            return target.ack(id).then_some(false);
        }
        let retries = match old {
            None if !claim.force => return None,
            None => 1,
            Some(nack) if claim.now_ms.saturating_sub(nack.delivered_ms) < claim.min_idle_ms => return None,
            Some(nack) => nack.delivery_count,
        };
        let retries = claim.retry_count.unwrap_or(retries + u64::from(!claim.just_id));
        target.give(id, consumer, claim.delivered_ms, retries);
        target.set_active(consumer, claim.now_ms);
        if let Some(entry) = self.get(id) {
            each(entry);
        }
        Some(true)
    }

    /// XAUTOCLAIM for a consumer, which must exist. `each` gets every entry claimed. Gives the id to go on from (0-0 when the
    /// end was reached) and the ids whose entries were deleted: they are not pending any more.
    pub fn auto_claim(
        &mut self,
        group: &[u8],
        consumer: &[u8],
        options: &AutoClaim,
        mut each: impl FnMut(Entry<'_>),
    ) -> (StreamId, Vec<StreamId>) {
        let mut deleted = Vec::new();
        let Some(mut taken) = self.group_mut(group).map(std::mem::take) else { return (StreamId::MIN, deleted) };
        let mut left = options.count;
        let mut attempts = options.count.saturating_mul(10);
        let mut next = Some(options.start);
        let mut cursor = StreamId::MIN;
        loop {
            let found = next.and_then(|from| taken.pel.range(from..).next().map(|(id, nack)| (*id, *nack)));
            let Some((id, nack)) = found else { break };
            if attempts == 0 || left == 0 {
                cursor = id;
                break;
            }
            attempts -= 1;
            next = id.next();
            match self.get(id) {
                None => {
                    taken.ack(id);
                    deleted.push(id);
                    left -= 1;
                }
                Some(entry) if options.now_ms.saturating_sub(nack.delivered_ms) >= options.min_idle_ms => {
                    taken.give(id, consumer, options.now_ms, nack.delivery_count + u64::from(!options.just_id));
                    taken.set_active(consumer, options.now_ms);
                    each(entry);
                    left -= 1;
                }
                Some(_) => {}
            }
        }
        if let Some(slot) = self.group_mut(group) {
            *slot = taken;
        }
        (cursor, deleted)
    }
}
