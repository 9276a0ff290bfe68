//! Reading and writing fields together with their expiry: HGETEX, HSETEX, HGETDEL.

use super::expiry::{Unit, deadline, fields, log_expiry, log_removed};
use super::read::value;
use crate::base::numbers::parse_i64;
use crate::data::Hash;
use crate::engine::call::{Call, Effect};
use crate::engine::dispatch::wrong_arity;
use crate::engine::errors::{self, Error};
use crate::keyspace::NewValue;
use crate::keyspace::db::ExpiryMode;
use crate::keyspace::journal::class;
use crate::resp::Args;

/// What a command does to the expiry of its fields.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ttl {
    /// HGETEX leaves it, HSETEX drops it.
    Plain,
    Keep,
    Persist,
    At(i64),
}

/// EX, PX, EXAT and PXAT: the unit, and whether it counts from now.
fn expiration(args: Args<'_>, i: usize) -> Option<(Unit, bool)> {
    let all = [
        ("ex", (Unit::Seconds, true)),
        ("px", (Unit::Millis, true)),
        ("exat", (Unit::Seconds, false)),
        ("pxat", (Unit::Millis, false)),
    ];
    all.into_iter().find(|(name, _)| args.is(i, name)).map(|(_, how)| how)
}

pub fn hgetex(c: &mut Call<'_>) -> Result<(), Error> {
    let (key, now_ms) = (c.key(1), c.ks.fields_now_ms());
    if let Some(e) = c.ks.peek(key) {
        Call::typed::<Hash>(&e)?;
    }
    let (ttl, at) = match expiration(c.args, 2) {
        Some((unit, from_now)) => (Ttl::At(deadline(c, 3, unit, if from_now { c.now_ms() } else { 0 })?), 4),
        None if c.args.is(2, "persist") => (Ttl::Persist, 3),
        None => (Ttl::Plain, 2),
    };
    let fields = fields(c, at, errors::NUMFIELDS_POSITIVE)?;
    let passed = matches!(ttl, Ttl::At(at) if at <= c.now_ms()) && c.ks.expiry == ExpiryMode::Remove;
    c.reply.array(fields.len());
    let found = c.ks.exists(key);
    c.ks.count_read(key, found);
    let Some(mut open) = c.ks.get_mut(key) else {
        fields.iter().for_each(|_| c.reply.null());
        return Ok(());
    };
    let mut hash = open.maybe_change().object_mut::<Hash>().ok_or(Error::WrongType)?;
    let (mut updated, mut removed) = (Vec::new(), Vec::new());
    for field in fields.iter() {
        let there = hash.get(field, now_ms);
        value(c.reply, there);
        if there.is_none() {
            continue;
        }
        match ttl {
            Ttl::At(_) if passed => {
                hash.remove(field, now_ms);
                removed.push(field);
            }
            Ttl::At(at) => {
                hash.set_expiry(field, Some(at.max(1)));
                updated.push(field);
            }
            Ttl::Persist if hash.expiry(field, now_ms).flatten().is_some() => {
                hash.set_expiry(field, None);
                updated.push(field);
            }
            _ => {}
        }
    }
    drop(hash);
    open.count_changes((updated.len() + removed.len()) as u64);
    match (updated.is_empty(), removed.is_empty()) {
        (false, _) => open.event(class::HASH, if ttl == Ttl::Persist { "hpersist" } else { "hexpire" }),
        (_, false) => open.event(class::HASH, "hdel"),
        _ => {}
    }
    drop(open);
    log_removed(c, key.bytes, &removed);
    match ttl {
        Ttl::At(at) => log_expiry(c, key.bytes, at, &updated),
        _ if !updated.is_empty() => {
            let count = updated.len().to_string();
            let head = [b"HPERSIST", key.bytes, b"FIELDS", count.as_bytes()];
            let words: Vec<&[u8]> = head.into_iter().chain(updated).collect();
            c.log_instead(&words);
        }
        _ => {}
    }
    Ok(())
}

pub fn hgetdel(c: &mut Call<'_>) -> Result<(), Error> {
    let (key, now_ms) = (c.key(1), c.ks.fields_now_ms());
    if let Some(e) = c.ks.peek(key) {
        Call::typed::<Hash>(&e)?;
    }
    let fields = fields(c, 2, errors::NUMFIELDS_POSITIVE)?;
    c.reply.array(fields.len());
    let Some(mut open) = c.ks.get_mut(key) else {
        fields.iter().for_each(|_| c.reply.null());
        return Ok(());
    };
    let mut hash = open.maybe_change().object_mut::<Hash>().ok_or(Error::WrongType)?;
    let mut removed = Vec::new();
    for field in fields.iter() {
        let there = hash.get(field, now_ms);
        value(c.reply, there);
        if there.is_some() {
            hash.remove(field, now_ms);
            removed.push(field);
        }
    }
    drop(hash);
    open.count_changes(removed.len() as u64);
    if !removed.is_empty() {
        open.event(class::HASH, "hdel");
    }
    drop(open);
    log_removed(c, key.bytes, &removed);
    Ok(())
}

/// What HSETEX was asked for.
struct SetEx<'a> {
    ttl: Ttl,
    /// The word of the time.
    time_at: usize,
    /// FXX: all of the fields must be there; FNX: none.
    wants: Option<bool>,
    /// XX: the hash must be there; NX: must not. These are Valkey's.
    wants_hash: Option<bool>,
    pairs: Args<'a>,
}

impl<'a> SetEx<'a> {
    fn parse(c: &Call<'a>) -> Result<SetEx<'a>, Error> {
        let args = c.args;
        let mut me = SetEx { ttl: Ttl::Plain, time_at: 0, wants: None, wants_hash: None, pairs: args.skip(args.len()) };
        let mut i = 2;
        while i < args.len() {
            if args.is(i, "fields") {
                if i + 3 >= args.len() {
                    return Err(wrong_arity(c.name()));
                }
                let count = parse_i64(args.at(i + 1)).filter(|n| (1..=i64::from(i32::MAX)).contains(n));
                let count = count.ok_or(errors::NUMFIELDS_INVALID)?;
                me.pairs = args.skip(i + 2);
                if me.pairs.len() as i64 != 2 * count {
                    return Err(wrong_arity(c.name()));
                }
                return Ok(me);
            } else if let Some((unit, from_now)) = expiration(args, i) {
                me.free_ttl()?;
                i += 1;
                if i >= args.len() {
                    return Err(errors::EXPIRE_MISSING);
                }
                me.ttl = Ttl::At(deadline(c, i, unit, if from_now { c.now_ms() } else { 0 })?);
                me.time_at = i;
            } else if args.is(i, "keepttl") {
                me.free_ttl()?;
                me.ttl = Ttl::Keep;
            } else if args.is(i, "fxx") || args.is(i, "fnx") {
                if me.wants.is_some() {
                    return Err(errors::FXX_AND_FNX);
                }
                me.wants = Some(args.is(i, "fxx"));
            } else if me.wants_hash.is_none() && (args.is(i, "xx") || args.is(i, "nx")) {
                me.wants_hash = Some(args.is(i, "xx"));
            } else {
                return Err(Error::quoting("unknown argument: ", args.at(i), ""));
            }
            i += 1;
        }
        Err(wrong_arity(c.name()))
    }

    fn free_ttl(&self) -> Result<(), Error> {
        if self.ttl == Ttl::Plain { Ok(()) } else { Err(errors::HSETEX_EXPIRATIONS) }
    }

    fn names(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        self.pairs.iter().step_by(2)
    }

    fn allows(&self, hash: Option<&Hash>, now_ms: i64) -> bool {
        if self.wants_hash.is_some_and(|wants| hash.is_some() != wants) {
            return false;
        }
        let there = |name| hash.is_some_and(|h| h.contains(name, now_ms));
        self.wants.is_none_or(|wants| self.names().all(|name| there(name) == wants))
    }

    fn apply(&self, hash: &mut Hash, now_ms: i64, limits: &crate::data::Limits) {
        let count = self.pairs.len() / 2;
        hash.prepare(count, self.pairs.iter(), limits);
        for i in (0..2 * count).step_by(2) {
            let keep = matches!(self.ttl, Ttl::Keep | Ttl::At(_));
            hash.set(self.pairs.at(i), self.pairs.at(i + 1), keep, now_ms, limits);
            if let Ttl::At(at) = self.ttl {
                hash.set_expiry(self.pairs.at(i), Some(at.max(1)));
            }
        }
    }
}

pub fn hsetex(c: &mut Call<'_>) -> Result<(), Error> {
    let ask = SetEx::parse(c)?;
    let (key, now_ms, limits) = (c.key(1), c.ks.fields_now_ms(), c.limits());
    let passed = matches!(ask.ttl, Ttl::At(at) if at <= c.now_ms()) && c.ks.expiry == ExpiryMode::Remove;
    let count = (ask.pairs.len() / 2) as u64;
    if let Some(mut open) = c.ks.get_mut(key) {
        let mut hash = open.maybe_change().object_mut::<Hash>().ok_or(Error::WrongType)?;
        if !ask.allows(Some(&hash), now_ms) {
            c.reply.int(0);
            return Ok(());
        }
        if passed {
            ask.names().for_each(|name| _ = hash.remove(name, now_ms));
        } else {
            ask.apply(&mut hash, now_ms, &limits);
        }
        drop(hash);
        open.count_changes(count);
        open.event(class::HASH, "hset");
        if let Ttl::At(_) = ask.ttl {
            open.event(class::HASH, if passed { "hdel" } else { "hexpire" });
        }
    } else {
        if !ask.allows(None, now_ms) {
            c.reply.int(0);
            return Ok(());
        }
        // What has passed already was never there.
        if !passed {
            let mut hash = Hash::new();
            ask.apply(&mut hash, now_ms, &limits);
            c.ks.add(key, NewValue::Object(hash.into()), None);
            c.ks.journal.dirty += count - 1;
        }
        c.ks.event(class::HASH, "hset", key);
        match ask.ttl {
            Ttl::At(_) if passed => {
                c.ks.event(class::HASH, "hdel", key);
                c.ks.event(class::GENERIC, "del", key);
                c.effect = Effect::Nothing;
            }
            Ttl::At(_) => c.ks.event(class::HASH, "hexpire", key),
            _ => {}
        }
    }
    c.reply.int(1);
    if let Ttl::At(at) = ask.ttl {
        if passed {
            let names: Vec<&[u8]> = ask.names().collect();
            log_removed(c, key.bytes, &names);
        } else {
            let at = at.to_string();
            let mut words: Vec<&[u8]> = c.args.iter().collect();
            (words[ask.time_at - 1], words[ask.time_at]) = (b"PXAT", at.as_bytes());
            c.log_instead(&words);
        }
    }
    Ok(())
}
