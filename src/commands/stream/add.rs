//! XADD, XTRIM, XLEN, XSETID.

use super::options::Options;
use super::{id, id_bulk, look};
use crate::data::stream::{AddError, NewId, Stream, StreamId};
use crate::engine::call::{Call, Effect};
use crate::engine::dispatch::wrong_arity;
use crate::engine::errors::{self, Error};
use crate::keyspace::NewValue;
use crate::keyspace::journal::class;

pub fn xadd(c: &mut Call<'_>) -> Result<(), Error> {
    let options = Options::parse(c.args, true)?;
    let (new, at) = options.id.unwrap_or((NewId::Auto, c.args.len()));
    let fields = c.args.skip(at + 1);
    if fields.len() < 2 || !fields.len().is_multiple_of(2) {
        return Err(wrong_arity(c.name()));
    }
    if new == NewId::Exact(StreamId::MIN) {
        return Err(errors::XADD_ZERO);
    }
    let (key, limits, now_ms) = (c.key(1), c.stream_limits(), c.now_ms().max(0) as u64);
    let trim = options.trim(limits.max_entries);
    let (args, logging) = (c.args, c.ks.journal.logging);
    let mut log = None;
    let mut append = |stream: &mut Stream| {
        let id = stream.add(new, now_ms, fields.iter(), &limits).map_err(|e| match e {
            AddError::NotGreater => errors::XADD_NOT_GREATER,
            AddError::Exhausted => errors::XADD_EXHAUSTED,
            AddError::TooLarge => errors::XADD_TOO_LARGE,
        })?;
        let trimmed = trim.as_ref().map_or(0, |t| stream.trim(t));
        if logging && (options.approximate || !matches!(new, NewId::Exact(_))) {
            log = Some(options.exact_words(args, Some(id), stream));
        }
        Ok::<_, Error>((id, trimmed))
    };
    let (id, trimmed);
    if let Some(mut k) = c.ks.get_mut(key) {
        let mut stream = k.maybe_change().object_mut::<Stream>().ok_or(Error::WrongType)?;
        (id, trimmed) = append(&mut stream)?;
        drop(stream);
        k.mark_changed();
    } else if options.nomkstream {
        c.reply.null();
        return Ok(());
    } else {
        let mut stream = Stream::new();
        (id, trimmed) = append(&mut stream)?;
        c.ks.add(key, NewValue::Object(stream.into()), None);
    }
    c.ks.event(class::STREAM, "xadd", key);
    if trimmed > 0 {
        c.ks.event(class::STREAM, "xtrim", key);
    }
    if let Some(words) = log {
        c.effect = Effect::Instead(vec![words]);
    }
    id_bulk(c.reply, id);
    Ok(())
}

pub fn xtrim(c: &mut Call<'_>) -> Result<(), Error> {
    let options = Options::parse(c.args, false)?;
    let (key, limits, args, logging) = (c.key(1), c.stream_limits(), c.args, c.ks.journal.logging);
    let mut removed = 0;
    let mut log = None;
    if let Some(mut k) = c.ks.get_mut(key) {
        let mut stream = k.maybe_change().object_mut::<Stream>().ok_or(Error::WrongType)?;
        removed = options.trim(limits.max_entries).map_or(0, |t| stream.trim(&t));
        if logging && options.approximate {
            log = Some(options.exact_words(args, None, &stream));
        }
        drop(stream);
        if removed > 0 {
            k.count_changes(removed);
            k.event(class::STREAM, "xtrim");
        }
    }
    if let Some(words) = log {
        c.effect = Effect::Instead(vec![words]);
    }
    c.reply.int(removed as i64);
    Ok(())
}

pub fn xlen(c: &mut Call<'_>) -> Result<(), Error> {
    let len = look(c, |stream, _| stream.len())?.unwrap_or(0);
    c.reply.int(len as i64);
    Ok(())
}

pub fn xsetid(c: &mut Call<'_>) -> Result<(), Error> {
    let last = id(c, 2)?;
    let (mut added, mut deleted) = (None, None);
    for i in (3..c.args.len()).step_by(2) {
        if i + 1 < c.args.len() && c.args.is(i, "entriesadded") {
            added = Some(u64::try_from(c.int(i + 1)?).map_err(|_| errors::XSETID_ADDED)?);
        } else if i + 1 < c.args.len() && c.args.is(i, "maxdeletedid") {
            let given = id(c, i + 1)?;
            if last < given {
                return Err(errors::XSETID_BELOW_GIVEN);
            }
            deleted = Some(given).filter(|id| *id != StreamId::MIN);
        } else {
            return Err(Error::Syntax);
        }
    }
    let key = c.key(1);
    let mut k = c.ks.get_mut(key).ok_or(Error::NoSuchKey)?;
    let mut stream = k.maybe_change().object_mut::<Stream>().ok_or(Error::WrongType)?;
    if last < stream.max_deleted_id() {
        return Err(errors::XSETID_BELOW_DELETED);
    }
    if !stream.is_empty() {
        if last < stream.last_entry_id() {
            return Err(errors::XSETID_BELOW_TOP);
        }
        if added.is_some_and(|n| n < stream.len()) {
            return Err(errors::XSETID_ADDED_FEW);
        }
    }
    stream.set_ids(last, added, deleted);
    drop(stream);
    k.mark_changed();
    k.event(class::STREAM, "xsetid");
    drop(k);
    c.reply.ok();
    Ok(())
}
