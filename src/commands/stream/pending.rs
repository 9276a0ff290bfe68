//! XPENDING.

use super::{count, id_bulk, interval_end, interval_start, look, no_group};
use crate::data::stream::{Group, Nack, StreamId};
use crate::engine::call::Call;
use crate::engine::errors::Error;
use crate::resp::Reply;

/// What the long form was asked for.
struct Filter<'a> {
    min_idle_ms: i64,
    start: StreamId,
    end: StreamId,
    count: usize,
    consumer: Option<&'a [u8]>,
}

fn parse<'a>(c: &Call<'a>) -> Result<Option<Filter<'a>>, Error> {
    let words = c.args.len();
    if words == 3 {
        return Ok(None);
    }
    if !(6..=9).contains(&words) {
        return Err(Error::Syntax);
    }
    let (mut at, mut min_idle_ms) = (3, 0);
    if c.args.is(3, "idle") {
        min_idle_ms = c.int(4)?;
        if words < 8 {
            return Err(Error::Syntax);
        }
        at = 5;
    }
    let count = count(c, at + 2)?;
    let (start, end) = (interval_start(c, at)?, interval_end(c, at + 1)?);
    Ok(Some(Filter { min_idle_ms, start, end, count, consumer: c.args.get(at + 3) }))
}

pub fn xpending(c: &mut Call<'_>) -> Result<(), Error> {
    let filter = parse(c)?;
    let (name, now_ms) = (c.args.at(2), c.now_ms());
    let found = look(c, |stream, reply| {
        let group = stream.group(name)?;
        match filter {
            None => summary(group, reply),
            Some(filter) => list(group, &filter, now_ms, reply),
        }
        Some(())
    })?;
    found.flatten().ok_or_else(|| no_group(c))
}

fn summary(group: &Group, reply: &mut Reply) {
    reply.array(4);
    reply.int(group.pel_len() as i64);
    let mut pel = group.pel();
    let Some((first, _)) = pel.next() else {
        reply.null();
        reply.null();
        reply.null_array();
        return;
    };
    id_bulk(reply, first);
    id_bulk(reply, pel.next_back().map_or(first, |(id, _)| id));
    let busy = || group.consumers().filter(|c| c.pel_len() > 0);
    reply.array(busy().count());
    for consumer in busy() {
        reply.array(2);
        reply.bulk(consumer.name());
        reply.bulk_int(consumer.pel_len() as i64);
    }
}

fn list(group: &Group, filter: &Filter<'_>, now_ms: i64, reply: &mut Reply) {
    let at = reply.defer();
    let idle = |nack: &Nack| now_ms.saturating_sub(nack.delivered_ms as i64);
    let long_enough = |nack: &Nack| filter.min_idle_ms == 0 || idle(nack) >= filter.min_idle_ms;
    let mut show = |id: StreamId, nack: &Nack| {
        reply.array(4);
        id_bulk(reply, id);
        reply.bulk(group.owner(nack).name());
        reply.int(idle(nack).max(0));
        reply.int(nack.delivery_count as i64);
    };
    let mut shown = 0;
    match filter.consumer {
        None => {
            let all = group.pel_range(filter.start, filter.end).filter(|(_, nack)| long_enough(nack));
            for (id, nack) in all.take(filter.count) {
                show(id, nack);
                shown += 1;
            }
        }
        Some(name) => {
            let ids = group.consumer(name).into_iter().flat_map(|c| c.pel_range(filter.start, filter.end));
            let all = ids.filter_map(|id| Some((id, group.nack(id)?))).filter(|(_, nack)| long_enough(nack));
            for (id, nack) in all.take(filter.count) {
                show(id, nack);
                shown += 1;
            }
        }
    }
    reply.finish_array(at, shown);
}
