//! XREAD and XREADGROUP, which may wait.

use super::claim::{log_claim, log_consumer, log_group_id};
use super::{count, entries, entry, id, id_bulk, or_all};
use crate::data::stream::{Start, Stream, StreamId};
use crate::engine::blocking::{Block, TimedOut, timeout_ms};
use crate::engine::call::{Call, Effect};
use crate::engine::errors::{self, Error};
use crate::keyspace::Type;
use crate::keyspace::journal::class;
use crate::resp::{OwnedArgs, Proto};

/// What was asked for.
struct Options<'a> {
    count: usize,
    /// Whether to wait, and until when.
    block: Option<Option<i64>>,
    noack: bool,
    /// XREADGROUP: group and consumer.
    group: Option<(&'a [u8], &'a [u8])>,
    /// The first key, and how many there are.
    first: usize,
    keys: usize,
}

impl<'a> Options<'a> {
    fn parse(c: &Call<'a>, grouped: bool) -> Result<Options<'a>, Error> {
        let words = c.args;
        let mut o = Options { count: usize::MAX, block: None, noack: false, group: None, first: 0, keys: 0 };
        let mut i = 1;
        while i < words.len() {
            let more = words.len() - 1 - i;
            if more > 0 && words.is(i, "block") {
                i += 1;
                o.block = Some(timeout_ms(c, i)?);
            } else if more > 0 && words.is(i, "count") {
                i += 1;
                o.count = or_all(count(c, i)?);
            } else if more > 0 && words.is(i, "streams") {
                o.first = i + 1;
                if !more.is_multiple_of(2) {
                    return Err(errors::unbalanced_streams(c.name(), if grouped { '>' } else { '$' }));
                }
                o.keys = more / 2;
                break;
            } else if more > 1 && words.is(i, "group") {
                if !grouped {
                    return Err(errors::XREAD_GROUP);
                }
                o.group = Some((words.at(i + 1), words.at(i + 2)));
                i += 2;
            } else if words.is(i, "noack") {
                if !grouped {
                    return Err(errors::XREAD_NOACK);
                }
                o.noack = true;
            } else {
                return Err(Error::Syntax);
            }
            i += 1;
        }
        if o.first == 0 {
            return Err(Error::Syntax);
        }
        if grouped && o.group.is_none() {
            return Err(errors::XREADGROUP_NO_GROUP);
        }
        Ok(o)
    }
}

pub fn xread(c: &mut Call<'_>) -> Result<(), Error> {
    let o = Options::parse(c, false)?;
    let mut after = Vec::with_capacity(o.keys);
    for i in o.first..o.first + o.keys {
        after.push(after_id(c, i, c.args.at(i + o.keys))?);
    }
    let (at, mut answered) = (c.reply.defer(), 0);
    for (n, after) in after.iter().enumerate() {
        let key = c.key(o.first + n);
        let Some(e) = c.ks.get(key).filter(|e| e.type_() == Type::Stream) else {
            continue;
        };
        let stream = Call::typed::<Stream>(&e)?;
        let Some(from) = after.next() else {
            continue;
        };
        let mut new = stream.range(from, StreamId::MAX).take(o.count).peekable();
        if new.peek().is_some() {
            answered += 1;
            if c.reply.proto == Proto::Resp2 {
                c.reply.array(2);
            }
            c.reply.bulk(key.bytes);
            entries(c.reply, new);
        }
    }
    finish(c, &o, at, answered, &after)
}

/// The id that word says to read behind, for the key in word `i`.
fn after_id(c: &mut Call<'_>, i: usize, word: &[u8]) -> Result<StreamId, Error> {
    let (key, serving) = (c.key(i), c.serving);
    let (last, end) = match c.ks.get(key) {
        Some(e) => match Call::typed::<Stream>(&e) {
            Ok(stream) => (stream.last_id(), if word == b"+" { stream.last_entry_id() } else { StreamId::MIN }),
            // Who waits goes on waiting until the key is a stream again.
            Err(_) if serving => Default::default(),
            Err(e) => return Err(e),
        },
        None => Default::default(),
    };
    match word {
        b"$" => Ok(last),
        b"+" => Ok(end.prev().unwrap_or(last)),
        b">" => Err(errors::XREAD_NEW),
        _ => StreamId::parse(word, 0).ok_or(errors::STREAM_ID),
    }
}

/// Completes the answer, or waits, or answers with nothing.
fn finish(
    c: &mut Call<'_>,
    o: &Options<'_>,
    at: crate::resp::reply::Deferred,
    answered: usize,
    after: &[StreamId],
) -> Result<(), Error> {
    if answered > 0 {
        match c.reply.proto {
            Proto::Resp2 => c.reply.finish_array(at, answered),
            Proto::Resp3 => c.reply.finish_map(at, answered),
        }
        return Ok(());
    }
    let Some(until_ms) = o.block else {
        c.reply.null_array();
        return Ok(());
    };
    // What `$` meant is what it goes on meaning.
    let special = c.args.skip(o.first + o.keys).iter().any(|w| matches!(w, b"$" | b"+"));
    let words = (special && c.may_block()).then(|| {
        let plain = c.args.iter().take(o.first + o.keys).map(<[u8]>::to_vec);
        OwnedArgs::new(plain.chain(after.iter().map(|id| id.to_string().into_bytes())))
    });
    let keys = (o.first..o.first + o.keys).collect();
    c.block(Block { keys, wants: Type::Stream, until_ms, words, timed_out: TimedOut::NullArray })
}

pub fn xreadgroup(c: &mut Call<'_>) -> Result<(), Error> {
    let o = Options::parse(c, true)?;
    let (group, _) = o.group.ok_or(errors::XREADGROUP_NO_GROUP)?;
    let mut starts = Vec::with_capacity(o.keys);
    for i in o.first..o.first + o.keys {
        let key = c.key(i);
        let there = match c.ks.get(key) {
            Some(e) => Call::typed::<Stream>(&e)?.group(group).is_some(),
            None => false,
        };
        if !there {
            let text = "NOGROUP No such key '{k}' or consumer group '{g}' in XREADGROUP with GROUP option";
            return Err(errors::no_group(text, key.bytes, group));
        }
        starts.push(match c.args.at(i + o.keys) {
            b"$" => return Err(errors::meaningless_id('$')),
            b"+" => return Err(errors::meaningless_id('+')),
            b">" => Start::New { noack: o.noack },
            _ => Start::After(id(c, i + o.keys)?),
        });
    }
    c.effect = Effect::Nothing;
    let (at, mut answered) = (c.reply.defer(), 0);
    for (n, start) in starts.into_iter().enumerate() {
        answered += usize::from(read_one(c, &o, o.first + n, start));
    }
    finish(c, &o, at, answered, &[])
}

/// Reads one stream for a group; false if it had nothing to answer.
fn read_one(c: &mut Call<'_>, o: &Options<'_>, i: usize, start: Start) -> bool {
    let Some((group, consumer)) = o.group else { return false };
    let (key, now_ms, logging) = (c.key(i), c.now_ms() as u64, c.ks.journal.logging);
    // A key may be named twice; it is still there.
    let Some(mut k) = c.ks.get_mut(key) else { return false };
    let Some(mut stream) = k.maybe_change().object_mut::<Stream>() else { return false };
    let last_entry = stream.last_entry_id();
    let Some(g) = stream.group_mut(group) else { return false };
    let created = g.see_consumer(consumer, now_ms);
    let has_new = last_entry > g.last_id;
    let answers = matches!(start, Start::After(_)) || has_new;
    let mut ids = Vec::new();
    if answers {
        if c.reply.proto == Proto::Resp2 {
            c.reply.array(2);
        }
        c.reply.bulk(key.bytes);
        let (at, reply) = (c.reply.defer(), &mut *c.reply);
        let given = stream.read_group(group, consumer, start, o.count, now_ms, |id, e| {
            match e {
                Some(e) => entry(reply, e),
                None => {
                    reply.array(2);
                    id_bulk(reply, id);
                    reply.null_array();
                }
            }
            if logging && start == (Start::New { noack: false }) {
                ids.push(id);
            }
        });
        c.reply.finish_array(at, given);
    }
    let after = stream.group(group).map(|g| (g.last_id, g.entries_read)).unwrap_or_default();
    drop(stream);
    if created {
        k.event(class::STREAM, "xgroup-createconsumer");
    }
    drop(k);
    c.ks.journal.dirty += u64::from(created) + u64::from(answers);
    let to_log = matches!(start, Start::New { .. }) && answers;
    if created && (o.noack || !to_log) {
        log_consumer(c, key.bytes, group, consumer);
    }
    if to_log && o.noack {
        log_group_id(c, key.bytes, group, after.0, after.1);
    }
    for id in ids {
        log_claim(c, key.bytes, group, consumer, id, (now_ms, 1), after.0);
    }
    answers
}
