//! Changes in the middle of a list: LSET, LINSERT, LREM, LTRIM.

use crate::commands::parts::{negatable, span};
use crate::data::List;
use crate::engine::call::Call;
use crate::engine::errors::Error;
use crate::keyspace::journal::class;

pub fn lset(c: &mut Call<'_>) -> Result<(), Error> {
    let (key, limits, index, item) = (c.key(1), c.list_limits(), c.int(2), c.args.at(3));
    let mut k = c.ks.get_mut(key).ok_or(Error::NoSuchKey)?;
    let mut list = k.maybe_change().object_mut::<List>().ok_or(Error::WrongType)?;
    let index = index?;
    let index = if index < 0 { index.saturating_add(list.len() as i64) } else { index };
    // An index that there cannot be still lets the encoding change, as in Redis.
    let set = list.set(usize::try_from(index).unwrap_or(usize::MAX), item, &limits);
    drop(list);
    if !set {
        return Err(Error::OutOfRange);
    }
    k.mark_changed();
    k.event(class::LIST, "lset");
    drop(k);
    c.reply.ok();
    Ok(())
}

pub fn linsert(c: &mut Call<'_>) -> Result<(), Error> {
    let before = c.args.is(2, "before");
    if !before && !c.args.is(2, "after") {
        return Err(Error::Syntax);
    }
    let (key, limits, pivot, item) = (c.key(1), c.list_limits(), c.args.at(3), c.args.at(4));
    let mut len = 0;
    if let Some(mut k) = c.ks.get_mut(key) {
        let mut list = k.maybe_change().object_mut::<List>().ok_or(Error::WrongType)?;
        let inserted = list.insert(pivot, before, item, &limits);
        len = if inserted { list.len() as i64 } else { -1 };
        drop(list);
        if inserted {
            k.mark_changed();
            k.event(class::LIST, "linsert");
        }
    }
    c.reply.int(len);
    Ok(())
}

pub fn lrem(c: &mut Call<'_>) -> Result<(), Error> {
    let count = negatable(c, 2)?;
    let (key, limits, needle) = (c.key(1), c.list_limits(), c.args.at(3));
    let mut removed = 0;
    if let Some(mut k) = c.ks.get_mut(key) {
        let most = if count == 0 { usize::MAX } else { count.unsigned_abs() as usize };
        let mut list = k.maybe_change().object_mut::<List>().ok_or(Error::WrongType)?;
        removed = list.remove(needle, most, count < 0, &limits);
        drop(list);
        if removed > 0 {
            k.count_changes(removed as u64);
            k.event(class::LIST, "lrem");
        }
    }
    c.reply.int(removed as i64);
    Ok(())
}

pub fn ltrim(c: &mut Call<'_>) -> Result<(), Error> {
    let (start, stop) = (c.int(2)?, c.int(3)?);
    let (key, limits, dirty) = (c.key(1), c.list_limits(), c.ks.journal.dirty);
    let mut removed = 0;
    if let Some(mut k) = c.ks.get_mut(key) {
        let mut list = k.maybe_change().object_mut::<List>().ok_or(Error::WrongType)?;
        let (index, count) = span(start, stop, list.len());
        removed = list.len() - count;
        list.trim(index, count, &limits);
        drop(list);
        // Redis tells watchers and listeners even if nothing had to go.
        k.mark_changed();
        k.event(class::LIST, "ltrim");
    }
    c.ks.journal.dirty = dirty + removed as u64;
    c.reply.ok();
    Ok(())
}
