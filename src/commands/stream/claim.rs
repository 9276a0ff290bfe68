//! XCLAIM and XAUTOCLAIM.

use super::{change_read, entry, id, id_bulk, interval_start, no_group};
use crate::base::numbers::parse_i64;
use crate::data::stream::{AutoClaim, Claim, Stream, StreamId};
use crate::engine::call::{Call, Effect};
use crate::engine::errors::{self, Error};
use crate::keyspace::journal::class;
use crate::resp::Reply;

/// What XCLAIM was asked for.
struct Options {
    claim: Claim,
    ids: Vec<StreamId>,
    last_id: Option<StreamId>,
}

fn number(c: &Call<'_>, i: usize, what: &str) -> Result<i64, Error> {
    let refusal = || Error::Err(format!("Invalid {what} for {}", c.name().to_ascii_uppercase()).into());
    parse_i64(c.args.at(i)).ok_or_else(refusal)
}

fn parse(c: &Call<'_>) -> Result<Options, Error> {
    let now_ms = c.now_ms();
    let min_idle_ms = number(c, 4, "min-idle-time argument")?.max(0) as u64;
    let ids: Vec<StreamId> = c.args.skip(5).iter().map_while(|word| StreamId::parse(word, 0)).collect();
    let mut options = Options {
        claim: Claim {
            min_idle_ms,
            delivered_ms: now_ms as u64,
            retry_count: None,
            force: false,
            just_id: false,
            now_ms: now_ms as u64,
        },
        last_id: None,
        ids,
    };
    let mut delivered_ms = -1;
    let mut i = 5 + options.ids.len();
    while i < c.args.len() {
        let more = i + 1 < c.args.len();
        if c.args.is(i, "force") {
            options.claim.force = true;
        } else if c.args.is(i, "justid") {
            options.claim.just_id = true;
        } else if more && c.args.is(i, "idle") {
            i += 1;
            delivered_ms = now_ms.saturating_sub(number(c, i, "IDLE option argument")?);
        } else if more && c.args.is(i, "time") {
            i += 1;
            delivered_ms = number(c, i, "TIME option argument")?;
        } else if more && c.args.is(i, "retrycount") {
            i += 1;
            options.claim.retry_count = u64::try_from(number(c, i, "RETRYCOUNT option argument")?).ok();
        } else if more && c.args.is(i, "lastid") {
            i += 1;
            options.last_id = Some(id(c, i)?);
        } else {
            return Err(Error::quoting("Unrecognized XCLAIM option '", c.args.at(i), "'"));
        }
        i += 1;
    }
    // Times that make no sense count as now.
    if (0..=now_ms).contains(&delivered_ms) {
        options.claim.delivered_ms = delivered_ms as u64;
    }
    Ok(options)
}

pub fn xclaim(c: &mut Call<'_>) -> Result<(), Error> {
    let (name, consumer, now_ms) = (c.args.at(2), c.args.at(3), c.now_ms() as u64);
    // The group is looked for before anything else is read.
    let parsed = parse(c);
    let logging = c.ks.journal.logging;
    let missing = no_group(c);
    let done = change_read(c, 1, |stream, reply| {
        let group = stream.group_mut(name).ok_or(missing.clone())?;
        let options = parsed?;
        let mut done = Done { created: group.see_consumer(consumer, now_ms), ..Done::default() };
        if let Some(last) = options.last_id.filter(|id| *id > group.last_id) {
            group.last_id = last;
            done.moved = true;
        }
        let (at, mut claimed) = (reply.defer(), 0);
        for id in options.ids {
            let outcome = stream.claim(name, consumer, id, &options.claim, |e| {
                if options.claim.just_id { id_bulk(reply, id) } else { entry(reply, e) }
            });
            claimed += usize::from(outcome == Some(true));
            done.changes += u64::from(outcome.is_some());
            if logging && outcome.is_some() {
                done.note(stream, name, id);
            }
        }
        reply.finish_array(at, claimed);
        done.finish(stream, name);
        Ok::<_, Error>(done)
    })?
    .ok_or(missing)??;
    done.book(c);
    Ok(())
}

/// What claiming changed.
#[derive(Default)]
struct Done {
    created: bool,
    /// The group's last id is another one.
    moved: bool,
    changes: u64,
    /// For the log: ids with their delivery time and count.
    given: Vec<(StreamId, u64, u64)>,
    last_id: StreamId,
    entries_read: Option<u64>,
}

impl Done {
    fn note(&mut self, stream: &Stream, group: &[u8], id: StreamId) {
        let nack = stream.group(group).and_then(|g| g.nack(id));
        self.given.push((id, nack.map_or(0, |n| n.delivered_ms), nack.map_or(0, |n| n.delivery_count)));
    }

    fn finish(&mut self, stream: &Stream, group: &[u8]) {
        if let Some(group) = stream.group(group) {
            (self.last_id, self.entries_read) = (group.last_id, group.entries_read);
        }
    }

    /// Counts the changes, and tells the log. As Redis does: an XCLAIM an entry, which also takes the last id along.
    fn book(self, c: &mut Call<'_>) {
        c.effect = Effect::Nothing;
        let key = c.key(1);
        if self.created {
            c.ks.event(class::STREAM, "xgroup-createconsumer", key);
        }
        let moved = self.moved && self.changes == 0;
        c.ks.journal.dirty += self.changes + u64::from(self.created) + u64::from(moved);
        if self.created && self.changes == 0 {
            log_consumer(c, key.bytes, c.args.at(2), c.args.at(3));
        }
        for (id, delivered_ms, count) in self.given {
            log_claim(c, key.bytes, c.args.at(2), c.args.at(3), id, (delivered_ms, count), self.last_id);
        }
        if moved {
            log_group_id(c, key.bytes, c.args.at(2), self.last_id, self.entries_read);
        }
    }
}

pub(super) fn log_consumer(c: &mut Call<'_>, key: &[u8], group: &[u8], consumer: &[u8]) {
    c.log_instead(&[b"XGROUP", b"CREATECONSUMER".as_slice(), key, group, consumer]);
}

pub(super) fn log_claim(
    c: &mut Call<'_>,
    key: &[u8],
    group: &[u8],
    consumer: &[u8],
    id: StreamId,
    (delivered_ms, count): (u64, u64),
    last_id: StreamId,
) {
    let (mut id_text, mut last_text) = ([0; 41], [0; 41]);
    c.log_instead(&[
        b"XCLAIM",
        key,
        group,
        consumer,
        b"0",
        id.format(&mut id_text),
        b"TIME",
        itoa::Buffer::new().format(delivered_ms).as_bytes(),
        b"RETRYCOUNT",
        itoa::Buffer::new().format(count).as_bytes(),
        b"FORCE",
        b"JUSTID",
        b"LASTID",
        last_id.format(&mut last_text),
    ]);
}

pub(super) fn log_group_id(c: &mut Call<'_>, key: &[u8], group: &[u8], id: StreamId, entries_read: Option<u64>) {
    let mut text = [0; 41];
    let read = entries_read.map_or(-1, |n| n as i64);
    c.log_instead(&[
        b"XGROUP",
        b"SETID".as_slice(),
        key,
        group,
        id.format(&mut text),
        b"ENTRIESREAD",
        itoa::Buffer::new().format(read).as_bytes(),
    ]);
}

/// What bounds COUNT, so that Redis's list of deleted ids and its ten tries an entry can be counted.
const MOST: i64 = i64::MAX / 16;

pub fn xautoclaim(c: &mut Call<'_>) -> Result<(), Error> {
    let now_ms = c.now_ms() as u64;
    let min_idle_ms = number(c, 4, "min-idle-time argument")?.max(0) as u64;
    let start = interval_start(c, 5)?;
    let mut options = AutoClaim { min_idle_ms, start, count: 100, just_id: false, now_ms };
    let mut i = 6;
    while i < c.args.len() {
        if c.args.is(i, "count") && i + 1 < c.args.len() {
            i += 1;
            let count = parse_i64(c.args.at(i)).filter(|n| (1..=MOST).contains(n));
            options.count = count.ok_or(errors::XAUTOCLAIM_COUNT)? as usize;
        } else if c.args.is(i, "justid") {
            options.just_id = true;
        } else {
            return Err(Error::Syntax);
        }
        i += 1;
    }
    let (name, consumer, logging) = (c.args.at(2), c.args.at(3), c.ks.journal.logging);
    let missing = no_group(c);
    let done = change_read(c, 1, |stream, reply| {
        let group = stream.group_mut(name).ok_or(missing.clone())?;
        let mut done = Done { created: group.see_consumer(consumer, now_ms), ..Done::default() };
        let mut claimed = Reply::new(reply.proto);
        let mut ids = Vec::new();
        let mut count = 0;
        let (next, deleted) = stream.auto_claim(name, consumer, &options, |e| {
            count += 1;
            if logging {
                ids.push(e.id);
            }
            if options.just_id { id_bulk(&mut claimed, e.id) } else { entry(&mut claimed, e) }
        });
        done.changes = (count + deleted.len()) as u64;
        if logging {
            ids.iter().chain(&deleted).for_each(|id| done.note(stream, name, *id));
        }
        done.finish(stream, name);
        reply.array(3);
        id_bulk(reply, next);
        reply.array(count);
        reply.raw(&claimed.buf);
        reply.array(deleted.len());
        deleted.iter().for_each(|id| id_bulk(reply, *id));
        Ok::<_, Error>(done)
    })?
    .ok_or(missing)??;
    done.book(c);
    Ok(())
}
