//! Streams: nodes, figures, groups. The layout is drawn in `read_stream`.

use super::{At, Encoder, Progress, length};
use crate::data::Item;
use crate::data::stream::{Consumer, Group, Stream, StreamId};
use crate::rdb::kind::ValueKind;

impl Encoder {
    pub(super) fn stream(&mut self, stream: &Stream, progress: &mut Progress, full: usize, out: &mut Vec<u8>) {
        if matches!(progress.0, At::Begin) {
            length(stream.nodes_len() as u64, out);
            progress.0 = At::Run(0);
        }
        while out.len() < full && !matches!(progress.0, At::Done) {
            progress.0 = match progress.0 {
                At::Run(n) => self.node(stream, n, out),
                at => self.group_step(stream, at, full, out),
            };
        }
    }

    fn node(&mut self, stream: &Stream, n: usize, out: &mut Vec<u8>) -> At {
        let mut listpack = std::mem::take(&mut self.scratch);
        listpack.clear();
        let first = stream.write_node(n, &mut listpack);
        if let Some(first) = first {
            out.push(16);
            out.extend_from_slice(&first.to_bytes());
            self.long_string(&listpack, out);
        }
        self.scratch = listpack;
        if first.is_some() {
            return At::Run(n + 1);
        }
        length(stream.len(), out);
        stream_id(stream.last_id(), out);
        if self.target.stream() != ValueKind::StreamListpacks {
            stream_id(stream.first_id(), out);
            stream_id(stream.max_deleted_id(), out);
            length(stream.entries_added(), out);
        }
        length(stream.groups_len() as u64, out);
        At::Groups(0)
    }

    fn group_step(&mut self, stream: &Stream, at: At, full: usize, out: &mut Vec<u8>) -> At {
        let n = match at {
            At::Groups(n) | At::Pending(n, _) | At::Consumers(n) | At::Consumer(n, _) | At::ConsumerPending(n, ..) => n,
            At::Begin | At::Run(_) | At::Position(_) | At::Members(_) | At::Done => return At::Done,
        };
        let Some((name, group)) = stream.groups().nth(n) else { return At::Done };
        match at {
            At::Pending(_, from) => match pending(group, from, full, out) {
                Some(next) => At::Pending(n, next),
                None => At::Consumers(n),
            },
            At::Consumers(_) => {
                length(group.consumers_len() as u64, out);
                At::Consumer(n, 0)
            }
            At::Consumer(_, c) => match group.consumers().nth(c) {
                None => At::Groups(n + 1),
                Some(consumer) => {
                    self.consumer(consumer, out);
                    At::ConsumerPending(n, c, StreamId::MIN)
                }
            },
            At::ConsumerPending(_, c, from) => {
                let mut next = None;
                for id in
                    group.consumers().nth(c).into_iter().flat_map(|consumer| consumer.pel_range(from, StreamId::MAX))
                {
                    if out.len() >= full {
                        next = Some(id);
                        break;
                    }
                    out.extend_from_slice(&id.to_bytes());
                }
                next.map_or(At::Consumer(n, c + 1), |id| At::ConsumerPending(n, c, id))
            }
            _ => {
                self.string(Item::Bytes(name), out);
                stream_id(group.last_id, out);
                if self.target.stream() != ValueKind::StreamListpacks {
                    length(group.entries_read.unwrap_or(u64::MAX), out);
                }
                length(group.pel_len() as u64, out);
                At::Pending(n, StreamId::MIN)
            }
        }
    }

    fn consumer(&mut self, consumer: &Consumer, out: &mut Vec<u8>) {
        self.string(Item::Bytes(consumer.name()), out);
        out.extend_from_slice(&consumer.seen_ms.to_le_bytes());
        if self.target.stream() == ValueKind::StreamListpacks3 {
            out.extend_from_slice(&consumer.active_ms.unwrap_or(u64::MAX).to_le_bytes());
        }
        length(consumer.pel_len() as u64, out);
    }
}

fn stream_id(id: StreamId, out: &mut Vec<u8>) {
    length(id.ms, out);
    length(id.seq, out);
}

/// Pending entries of a group from an id on; gives the one to go on with.
fn pending(group: &Group, from: StreamId, full: usize, out: &mut Vec<u8>) -> Option<StreamId> {
    for (id, nack) in group.pel_range(from, StreamId::MAX) {
        if out.len() >= full {
            return Some(id);
        }
        out.extend_from_slice(&id.to_bytes());
        out.extend_from_slice(&nack.delivered_ms.to_le_bytes());
        length(nack.delivery_count, out);
    }
    None
}
