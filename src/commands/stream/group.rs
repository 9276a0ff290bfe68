//! XGROUP and XACK.

use super::{change, change_read, id, ids};
use crate::data::stream::{Stream, StreamId};
use crate::engine::call::Call;
use crate::engine::errors::{self, Error};
use crate::keyspace::NewValue;
use crate::keyspace::journal::class;

/// What XGROUP CREATE and SETID were asked for. `None` as id: `$`.
struct Position {
    id: Option<StreamId>,
    entries_read: Option<u64>,
    mkstream: bool,
}

/// The options; the id, whose errors come later, is left alone.
fn options(c: &Call<'_>, create: bool) -> Result<Position, Error> {
    let mut position = Position { id: None, entries_read: None, mkstream: false };
    let mut i = 5;
    while i < c.args.len() {
        if create && c.args.is(i, "mkstream") {
            position.mkstream = true;
            i += 1;
        } else if c.args.is(i, "entriesread") && i + 1 < c.args.len() {
            position.entries_read = match c.int(i + 1)? {
                -1 => None,
                n => Some(u64::try_from(n).map_err(|_| errors::ENTRIES_READ)?),
            };
            i += 2;
        } else {
            return Err(errors::Error::unknown_or_arity(c.args.at(1), "XGROUP"));
        }
    }
    Ok(position)
}

/// Word 4 as an id; options given twice make too many words, of `most`, which Redis finds out here.
fn position_id(c: &Call<'_>, most: usize) -> Result<Option<StreamId>, Error> {
    match c.args.at(4) {
        _ if c.args.len() > most => Err(errors::Error::unknown_or_arity(c.args.at(1), "XGROUP")),
        b"$" => Ok(None),
        // The ends of all ids are taken by SETID alone.
        b"-" if most == SETID_WORDS => Ok(Some(StreamId::MIN)),
        b"+" if most == SETID_WORDS => Ok(Some(StreamId::MAX)),
        _ => id(c, 4).map(Some),
    }
}

const CREATE_WORDS: usize = 8;
const SETID_WORDS: usize = 7;

fn no_group(c: &Call<'_>) -> Error {
    errors::no_group("NOGROUP No such consumer group '{g}' for key name '{k}'", c.args.at(2), c.args.at(3))
}

pub fn xgroup_create(c: &mut Call<'_>) -> Result<(), Error> {
    let mut position = options(c, true)?;
    let (key, name) = (c.key(2), c.args.at(3));
    position.id = match position_id(c, CREATE_WORDS) {
        Ok(id) => id,
        Err(e) => {
            // The key is looked at first.
            let there = c.ks.peek(key).map(|e| Call::typed::<Stream>(&e).map(drop)).transpose()?;
            return Err(if there.is_none() && !position.mkstream { errors::XGROUP_NO_KEY } else { e });
        }
    };
    let create =
        |stream: &mut Stream| stream.create_group(name, position.id.unwrap_or(stream.last_id()), position.entries_read);
    let created = change(c, 2, |stream, _| create(stream))?;
    match created {
        Some(true) => c.ks.journal.dirty += 1,
        Some(false) => return Err(errors::BUSYGROUP),
        None if position.mkstream => {
            let mut stream = Stream::new();
            create(&mut stream);
            c.ks.add(key, NewValue::Object(stream.into()), None);
        }
        None => return Err(errors::XGROUP_NO_KEY),
    }
    c.ks.event(class::STREAM, "xgroup-create", key);
    c.reply.ok();
    Ok(())
}

pub fn xgroup_setid(c: &mut Call<'_>) -> Result<(), Error> {
    let position = options(c, false)?;
    let (key, name, id, missing) = (c.key(2), c.args.at(3), position_id(c, SETID_WORDS), no_group(c));
    change(c, 2, |stream, _| {
        let last = stream.last_id();
        let group = stream.group_mut(name).ok_or(missing)?;
        group.last_id = id?.unwrap_or(last);
        group.entries_read = position.entries_read;
        Ok(())
    })?
    .ok_or(errors::XGROUP_NO_KEY)??;
    done(c, "xgroup-setid", key);
    c.reply.ok();
    Ok(())
}

fn done(c: &mut Call<'_>, event: &'static str, key: crate::keyspace::Key<'_>) {
    c.ks.journal.dirty += 1;
    c.ks.event(class::STREAM, event, key);
}

pub fn xgroup_destroy(c: &mut Call<'_>) -> Result<(), Error> {
    let (key, name) = (c.key(2), c.args.at(3));
    let mut k = c.ks.get_mut(key).ok_or(errors::XGROUP_NO_KEY)?;
    let mut stream = k.maybe_change().object_mut::<Stream>().ok_or(Error::WrongType)?;
    let gone = stream.destroy_group(name);
    drop(stream);
    if gone {
        // Those who wait for the group have to hear of it.
        k.mark_changed();
        k.event(class::STREAM, "xgroup-destroy");
    }
    drop(k);
    c.reply.int(i64::from(gone));
    Ok(())
}

pub fn xgroup_createconsumer(c: &mut Call<'_>) -> Result<(), Error> {
    let (key, name, consumer, now_ms) = (c.key(2), c.args.at(3), c.args.at(4), c.now_ms() as u64);
    let missing = no_group(c);
    let created = change(c, 2, |stream, _| {
        Ok::<_, Error>(stream.group_mut(name).ok_or(missing)?.create_consumer(consumer, now_ms))
    })?
    .ok_or(errors::XGROUP_NO_KEY)??;
    if created {
        done(c, "xgroup-createconsumer", key);
    }
    c.reply.int(i64::from(created));
    Ok(())
}

pub fn xgroup_delconsumer(c: &mut Call<'_>) -> Result<(), Error> {
    let (key, name, consumer) = (c.key(2), c.args.at(3), c.args.at(4));
    let missing = no_group(c);
    let pending =
        change(c, 2, |stream, _| Ok::<_, Error>(stream.group_mut(name).ok_or(missing)?.delete_consumer(consumer)))?
            .ok_or(errors::XGROUP_NO_KEY)??;
    if pending.is_some() {
        done(c, "xgroup-delconsumer", key);
    }
    c.reply.int(pending.unwrap_or(0) as i64);
    Ok(())
}

pub fn xack(c: &mut Call<'_>) -> Result<(), Error> {
    let (name, parsed) = (c.args.at(2), ids(c, 3..c.args.len()));
    let acked = change_read(c, 1, |stream, _| match stream.group_mut(name) {
        Some(group) => Ok::<_, Error>(parsed?.into_iter().filter(|id| group.ack(*id)).count()),
        None => Ok(0),
    })?
    .unwrap_or(Ok(0))?;
    c.ks.journal.dirty += acked as u64;
    c.reply.int(acked as i64);
    Ok(())
}
