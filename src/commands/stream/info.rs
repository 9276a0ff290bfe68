//! XINFO.

use super::{entries, entry, id_bulk, or_all};
use crate::data::stream::{Group, Stream, StreamId};
use crate::engine::call::Call;
use crate::engine::errors::{self, Error};
use crate::resp::Reply;

/// Looks at the stream in word 2.
fn look<R>(c: &mut Call<'_>, f: impl FnOnce(&Stream, &mut Reply) -> R) -> Result<R, Error> {
    let key = c.key(2);
    let e = c.ks.get(key).ok_or(Error::NoSuchKey)?;
    Ok(f(&*Call::typed::<Stream>(&e)?, c.reply))
}

fn name(reply: &mut Reply, text: &str) {
    reply.bulk(text.as_bytes());
}

fn int(reply: &mut Reply, text: &str, n: i64) {
    name(reply, text);
    reply.int(n);
}

fn int_or_null(reply: &mut Reply, text: &str, n: Option<i64>) {
    name(reply, text);
    match n {
        Some(n) => reply.int(n),
        None => reply.null(),
    }
}

fn id_field(reply: &mut Reply, text: &str, id: StreamId) {
    name(reply, text);
    id_bulk(reply, id);
}

pub fn xinfo_groups(c: &mut Call<'_>) -> Result<(), Error> {
    look(c, |stream, reply| {
        reply.array(stream.groups_len());
        for (group_name, group) in stream.groups() {
            reply.map(6);
            name(reply, "name");
            reply.bulk(group_name);
            int(reply, "consumers", group.consumers_len() as i64);
            int(reply, "pending", group.pel_len() as i64);
            id_field(reply, "last-delivered-id", group.last_id);
            int_or_null(reply, "entries-read", group.entries_read.map(|n| n as i64));
            int_or_null(reply, "lag", stream.lag(group));
        }
    })
}

pub fn xinfo_consumers(c: &mut Call<'_>) -> Result<(), Error> {
    let (group_name, now_ms) = (c.args.at(3), c.now_ms());
    let missing =
        || errors::no_group("NOGROUP No such consumer group '{g}' for key name '{k}'", c.args.at(2), group_name);
    let missing = missing();
    look(c, |stream, reply| {
        let group = stream.group(group_name).ok_or(missing)?;
        let since = |ms: u64| now_ms.saturating_sub(ms as i64).max(0);
        reply.array(group.consumers_len());
        for consumer in group.consumers() {
            reply.map(4);
            name(reply, "name");
            reply.bulk(consumer.name());
            int(reply, "pending", consumer.pel_len() as i64);
            int(reply, "idle", since(consumer.seen_ms));
            int(reply, "inactive", consumer.active_ms.map_or(-1, since));
        }
        Ok(())
    })?
}

pub fn xinfo_stream(c: &mut Call<'_>) -> Result<(), Error> {
    // The key is looked for before the options are read.
    let full = options(c);
    look(c, |stream, reply| {
        let full = full?;
        reply.map(if full.is_some() { 9 } else { 10 });
        int(reply, "length", stream.len() as i64);
        int(reply, "radix-tree-keys", stream.nodes_len() as i64);
        int(reply, "radix-tree-nodes", stream.radix_nodes() as i64);
        id_field(reply, "last-generated-id", stream.last_id());
        id_field(reply, "max-deleted-entry-id", stream.max_deleted_id());
        int(reply, "entries-added", stream.entries_added() as i64);
        id_field(reply, "recorded-first-entry-id", stream.first_id());
        match full {
            Some(count) => {
                name(reply, "entries");
                entries(reply, stream.range(StreamId::MIN, StreamId::MAX).take(count));
                groups_in_full(stream, count, reply);
            }
            None => {
                int(reply, "groups", stream.groups_len() as i64);
                let all = (StreamId::MIN, StreamId::MAX);
                let edges = [stream.range(all.0, all.1).next(), stream.range_rev(all.0, all.1).next()];
                for (text, edge) in ["first-entry", "last-entry"].into_iter().zip(edges) {
                    name(reply, text);
                    match edge {
                        Some(e) => entry(reply, e),
                        None => reply.null(),
                    }
                }
            }
        }
        Ok(())
    })?
}

/// `FULL [COUNT n]`: how many entries to show of each thing; `None` without FULL.
fn options(c: &Call<'_>) -> Result<Option<usize>, Error> {
    let unknown = Error::unknown_or_arity(c.args.at(1), "XINFO");
    match c.args.len() - 3 {
        0 => Ok(None),
        1 if c.args.is(3, "full") => Ok(Some(10)),
        3 if c.args.is(3, "full") && c.args.is(4, "count") => {
            let count = c.int(5)?;
            Ok(Some(or_all(usize::try_from(count).unwrap_or(10))))
        }
        _ => Err(unknown),
    }
}

fn groups_in_full(stream: &Stream, count: usize, reply: &mut Reply) {
    name(reply, "groups");
    reply.array(stream.groups_len());
    for (group_name, group) in stream.groups() {
        reply.map(7);
        name(reply, "name");
        reply.bulk(group_name);
        id_field(reply, "last-delivered-id", group.last_id);
        int_or_null(reply, "entries-read", group.entries_read.map(|n| n as i64));
        int_or_null(reply, "lag", stream.lag(group));
        int(reply, "pel-count", group.pel_len() as i64);
        name(reply, "pel");
        reply.array(group.pel_len().min(count));
        for (id, nack) in group.pel().take(count) {
            reply.array(4);
            id_bulk(reply, id);
            reply.bulk(group.owner(nack).name());
            reply.int(nack.delivered_ms as i64);
            reply.int(nack.delivery_count as i64);
        }
        consumers_in_full(group, count, reply);
    }
}

fn consumers_in_full(group: &Group, count: usize, reply: &mut Reply) {
    name(reply, "consumers");
    reply.array(group.consumers_len());
    for consumer in group.consumers() {
        reply.map(5);
        name(reply, "name");
        reply.bulk(consumer.name());
        int(reply, "seen-time", consumer.seen_ms as i64);
        int(reply, "active-time", consumer.active_ms.map_or(-1, |ms| ms as i64));
        int(reply, "pel-count", consumer.pel_len() as i64);
        name(reply, "pel");
        reply.array(consumer.pel_len().min(count));
        for (id, nack) in consumer.pel().filter_map(|id| Some((id, group.nack(id)?))).take(count) {
            reply.array(3);
            id_bulk(reply, id);
            reply.int(nack.delivered_ms as i64);
            reply.int(nack.delivery_count as i64);
        }
    }
}
