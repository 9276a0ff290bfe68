//! Members one by one, and all of them.

use crate::commands::elements::{Walk, bulk, cursor, empty_walk};
use crate::data::{Limits, Set};
use crate::engine::call::Call;
use crate::engine::errors::Error;
use crate::keyspace::journal::class;
use crate::keyspace::{Key, NewValue};

pub fn sadd(c: &mut Call<'_>) -> Result<(), Error> {
    let (key, members, limits) = (c.key(1), c.args.skip(2), c.limits());
    if let Some(mut open) = c.ks.get_mut(key) {
        let mut set = open.maybe_change().object_mut::<Set>().ok_or(Error::WrongType)?;
        set.prepare(members.len(), &limits);
        let mut added = 0;
        for member in members.iter() {
            added += u64::from(set.add(member, &limits));
        }
        drop(set);
        open.count_changes(added);
        if added > 0 {
            open.event(class::SET, "sadd");
        }
        c.reply.int(added as i64);
        return Ok(());
    }
    let mut set = Set::new(members.at(0), members.len(), &limits);
    for member in members.iter() {
        set.add(member, &limits);
    }
    let added = set.len();
    c.ks.add(key, NewValue::Object(set.into()), None);
    c.ks.journal.dirty += added as u64 - 1;
    c.ks.event(class::SET, "sadd", key);
    c.reply.int(added as i64);
    Ok(())
}

pub fn srem(c: &mut Call<'_>) -> Result<(), Error> {
    let (key, members) = (c.key(1), c.args.skip(2));
    let mut removed = 0;
    if let Some(mut open) = c.ks.get_mut(key) {
        let mut set = open.maybe_change().object_mut::<Set>().ok_or(Error::WrongType)?;
        for member in members.iter() {
            removed += u64::from(set.remove(member));
        }
        drop(set);
        open.count_changes(removed);
        if removed > 0 {
            open.event(class::SET, "srem");
        }
    }
    c.reply.int(removed as i64);
    Ok(())
}

pub fn smove(c: &mut Call<'_>) -> Result<(), Error> {
    let (from, to, member, limits) = (c.key(1), c.key(2), c.args.at(3), c.limits());
    let Some(e) = c.ks.peek(from) else {
        c.reply.int(0);
        return Ok(());
    };
    let there = Call::typed::<Set>(&e)?.contains(member);
    if let Some(e) = c.ks.peek(to) {
        Call::typed::<Set>(&e)?;
    }
    if there && from.bytes != to.bytes {
        if let Some(mut open) = c.ks.get_mut(from) {
            if let Some(mut set) = open.change().object_mut::<Set>() {
                set.remove(member);
            }
            open.event(class::SET, "srem");
        }
        add(c, to, member, &limits);
    }
    c.reply.int(i64::from(there));
    Ok(())
}

/// Adds a member to a key that is a set, or not there.
fn add(c: &mut Call<'_>, key: Key<'_>, member: &[u8], limits: &Limits) {
    if let Some(mut open) = c.ks.get_mut(key) {
        let added = open.maybe_change().object_mut::<Set>().is_some_and(|mut set| set.add(member, limits));
        if added {
            open.mark_changed();
            open.event(class::SET, "sadd");
        }
        return;
    }
    let mut set = Set::new(member, 1, limits);
    set.add(member, limits);
    c.ks.add(key, NewValue::Object(set.into()), None);
    c.ks.event(class::SET, "sadd", key);
}

pub fn scard(c: &mut Call<'_>) -> Result<(), Error> {
    let key = c.key(1);
    match c.ks.get(key) {
        None => c.reply.int(0),
        Some(e) => c.reply.int(Call::typed::<Set>(&e)?.len() as i64),
    }
    Ok(())
}

pub fn sismember(c: &mut Call<'_>) -> Result<(), Error> {
    let (key, member) = (c.key(1), c.args.at(2));
    match c.ks.get(key) {
        None => c.reply.int(0),
        Some(e) => c.reply.int(i64::from(Call::typed::<Set>(&e)?.contains(member))),
    }
    Ok(())
}

pub fn smismember(c: &mut Call<'_>) -> Result<(), Error> {
    let (key, members) = (c.key(1), c.args.skip(2));
    let found = c.ks.get(key);
    let set = found.as_deref().map(Call::typed::<Set>).transpose()?;
    c.reply.array(members.len());
    for member in members.iter() {
        c.reply.int(i64::from(set.as_ref().is_some_and(|s| s.contains(member))));
    }
    Ok(())
}

pub fn smembers(c: &mut Call<'_>) -> Result<(), Error> {
    let key = c.key(1);
    match c.ks.get(key) {
        None => c.reply.set(0),
        Some(e) => {
            let set = Call::typed::<Set>(&e)?;
            c.reply.set(set.len());
            set.iter().for_each(|member| bulk(c.reply, member));
        }
    }
    Ok(())
}

pub fn sscan(c: &mut Call<'_>) -> Result<(), Error> {
    let (key, cursor) = (c.key(1), cursor(c)?);
    let walk = Walk::parse(c, false);
    let Some(e) = c.ks.get(key) else {
        empty_walk(c.reply);
        return Ok(());
    };
    let set = Call::typed::<Set>(&e)?;
    let walk = walk?;
    walk.run(cursor, c.reply, |position, reply| {
        let (mut seen, mut written) = (0, 0);
        let next = set.scan(position, |member| {
            seen += 1;
            if walk.fits(member) {
                bulk(reply, member);
                written += 1;
            }
        });
        (next, seen, written)
    })
}
