//! Streams, with their groups.

use crate::data::Stream;
use crate::data::stream::StreamId;
use crate::rdb::event::{Part, StreamFigures};
use crate::rdb::fault::Why;
use std::collections::BTreeMap;

#[derive(Default)]
pub struct StreamDraft {
    stream: Stream,
    group: Vec<u8>,
    consumer: Vec<u8>,
    /// Pending entries of the group at hand that no consumer has claimed yet: when delivered, how often.
    pending: BTreeMap<StreamId, (u64, u64)>,
}

impl StreamDraft {
    pub fn add(&mut self, part: Part<'_>) -> Result<(), Why> {
        match part {
            Part::StreamNode { first, listpack } => {
                if !self.stream.append_node(first, listpack) {
                    return Err("Stream listpack integrity check failed.".into());
                }
            }
            Part::StreamFigures(figures) => self.figures(figures)?,
            Part::Group { name, last_id, entries_read } => {
                self.end_group()?;
                self.group = name.to_vec();
                if !self.stream.create_group(&self.group, last_id, entries_read) {
                    return Err("Duplicated consumer group name".into());
                }
            }
            Part::Pending { id, delivered_ms, count } => {
                if self.pending.insert(id, (delivered_ms, count)).is_some() {
                    return Err("Duplicated global PEL entry loading stream consumer group".into());
                }
            }
            Part::Consumer { name, seen_ms, active_ms } => {
                self.consumer = name.to_vec();
                let group = self.stream.group_mut(&self.group).ok_or("a consumer without its group")?;
                if !group.create_consumer(&self.consumer, seen_ms) {
                    return Err("Duplicate stream consumer detected".into());
                }
                if let Some(consumer) = group.consumer_mut(&self.consumer) {
                    // Before version 3 whoever was seen was taken for active.
                    consumer.active_ms = active_ms.unwrap_or(Some(seen_ms));
                }
            }
            Part::ConsumerPending(id) => {
                let (delivered_ms, count) =
                    self.pending.remove(&id).ok_or("Consumer entry not found in group global PEL")?;
                let given =
                    self.stream.group_mut(&self.group).is_some_and(|g| g.give(id, &self.consumer, delivered_ms, count));
                if !given {
                    return Err("Consumer entry not found in group global PEL".into());
                }
            }
            _ => return Err("a part that a stream has no place for".into()),
        }
        Ok(())
    }

    fn figures(&mut self, figures: StreamFigures) -> Result<(), Why> {
        if figures.len != self.stream.len() {
            return Err("Stream with a wrong number of entries".into());
        }
        let last_entry = self.stream.last_entry_id();
        if figures.last_id < last_entry {
            return Err("Stream with entries behind its last ID".into());
        }
        // As Redis 7.0 does for streams of before: all that there is was ever added, and nothing was deleted.
        let (_, max_deleted, added) = figures.since_2.unwrap_or((StreamId::MIN, StreamId::MIN, figures.len));
        self.stream.set_ids(figures.last_id, Some(added), Some(max_deleted));
        Ok(())
    }

    fn end_group(&self) -> Result<(), Why> {
        if self.pending.is_empty() { Ok(()) } else { Err("Stream CG PEL entry without consumer".into()) }
    }

    pub fn finish(self) -> Result<Stream, Why> {
        self.end_group()?;
        Ok(self.stream)
    }
}
