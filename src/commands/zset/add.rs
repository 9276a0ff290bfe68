//! ZADD and ZINCRBY.

use crate::base::double::parse_double;
use crate::data::{Limits, Zset};
use crate::engine::call::Call;
use crate::engine::errors::{self, Error};
use crate::keyspace::NewValue;
use crate::keyspace::journal::class;
use crate::resp::Args;

#[derive(Clone, Copy, Default)]
struct Flags {
    nx: bool,
    xx: bool,
    gt: bool,
    lt: bool,
    ch: bool,
    incr: bool,
}

impl Flags {
    /// Reads flags from word 2 on; the index of the first word that is none.
    #[inline]
    fn parse(&mut self, args: Args<'_>) -> usize {
        let mut i = 2;
        while let Some(word) = args.get(i) {
            // A score begins with none of these letters.
            let flag = match word.first().map(u8::to_ascii_lowercase) {
                Some(b'n') if args.is(i, "nx") => &mut self.nx,
                Some(b'x') if args.is(i, "xx") => &mut self.xx,
                Some(b'g') if args.is(i, "gt") => &mut self.gt,
                Some(b'l') if args.is(i, "lt") => &mut self.lt,
                Some(b'c') if args.is(i, "ch") => &mut self.ch,
                Some(b'i') if args.is(i, "incr") => &mut self.incr,
                _ => break,
            };
            *flag = true;
            i += 1;
        }
        i
    }

    fn check(&self, pairs: usize) -> Result<(), Error> {
        if self.nx && self.xx {
            Err(errors::ZADD_XX_AND_NX)
        } else if self.gt && self.lt || (self.gt || self.lt) && self.nx {
            Err(errors::ZADD_GT_LT_NX)
        } else if self.incr && pairs > 1 {
            Err(errors::ZADD_INCR)
        } else {
            Ok(())
        }
    }

    /// The score that a member gets, if any.
    #[inline]
    fn decide(&self, old: Option<f64>, score: f64) -> Option<f64> {
        let Some(old) = old else { return (!self.xx).then_some(score) };
        if self.nx {
            return None;
        }
        let score = if self.incr { old + score } else { score };
        let refused = self.lt && score >= old || self.gt && score <= old;
        (!refused).then_some(score)
    }
}

/// What became of all pairs.
#[derive(Default)]
struct Outcome {
    added: u64,
    updated: u64,
    /// The last score that was accepted.
    score: Option<f64>,
    nan: bool,
}

impl Outcome {
    #[inline]
    fn apply<'m>(
        &mut self,
        zset: &mut Zset,
        member: impl Fn(usize) -> &'m [u8],
        scores: &[f64],
        flags: Flags,
        limits: &Limits,
    ) {
        for (i, score) in scores.iter().enumerate() {
            let nan = &mut self.nan;
            let done = zset.upsert(member(i), limits, |old| {
                let new = flags.decide(old, *score);
                *nan |= new.is_some_and(f64::is_nan);
                new.filter(|s| !s.is_nan())
            });
            self.added += u64::from(done.old.is_none() && done.new.is_some());
            self.updated += u64::from(done.old.is_some() && done.new.is_some() && done.old != done.new);
            self.score = done.new;
        }
    }
}

pub fn zadd(c: &mut Call<'_>) -> Result<(), Error> {
    add(c, Flags::default())
}

pub fn zincrby(c: &mut Call<'_>) -> Result<(), Error> {
    add(c, Flags { incr: true, ..Flags::default() })
}

/// Scores of so many pairs need no allocation.
const FEW: usize = 16;

fn add(c: &mut Call<'_>, mut flags: Flags) -> Result<(), Error> {
    let first = flags.parse(c.args);
    let pairs = c.args.skip(first);
    if pairs.is_empty() || !pairs.len().is_multiple_of(2) {
        return Err(Error::Syntax);
    }
    let count = pairs.len() / 2;
    flags.check(count)?;
    let (mut few, mut many) = ([0.0; FEW], Vec::new());
    let scores: &mut [f64] = if count <= FEW {
        &mut few[..count]
    } else {
        many.resize(count, 0.0);
        &mut many
    };
    for (i, score) in scores.iter_mut().enumerate() {
        *score = parse_double(pairs.at(2 * i)).ok_or(Error::NotFloat)?;
    }
    let outcome = write(c, |i| pairs.at(2 * i + 1), scores, flags)?;
    if outcome.nan {
        return Err(errors::NAN_SCORE);
    }
    match (flags.incr, outcome.score) {
        (true, Some(score)) => c.reply.double(score),
        (true, None) => c.reply.null(),
        (false, _) => c.reply.int((outcome.added + if flags.ch { outcome.updated } else { 0 }) as i64),
    }
    Ok(())
}

/// GEOADD's half: gives members these scores, with the flags NX, XX and CH; answers how many that changed.
pub(in crate::commands) fn place<'m>(
    c: &mut Call<'_>,
    scores: &[f64],
    member: impl Fn(usize) -> &'m [u8],
    (nx, xx, ch): (bool, bool, bool),
) -> Result<i64, Error> {
    let outcome = write(c, member, scores, Flags { nx, xx, ch, ..Flags::default() })?;
    Ok((outcome.added + if ch { outcome.updated } else { 0 }) as i64)
}

/// Gives the members, `member(i)` of every score, their scores.
#[inline]
fn write<'m>(
    c: &mut Call<'_>,
    member: impl Fn(usize) -> &'m [u8],
    scores: &[f64],
    flags: Flags,
) -> Result<Outcome, Error> {
    let (key, limits) = (c.key(1), c.limits());
    let event = if flags.incr { "zincr" } else { "zadd" };
    let mut outcome = Outcome::default();
    if let Some(mut open) = c.ks.get_mut(key) {
        let mut zset = open.maybe_change().object_mut::<Zset>().ok_or(Error::WrongType)?;
        zset.prepare(scores.len(), &limits);
        outcome.apply(&mut zset, member, scores, flags, &limits);
        drop(zset);
        let changes = outcome.added + outcome.updated;
        open.count_changes(changes);
        if changes > 0 {
            open.event(class::ZSET, event);
        }
    } else if !flags.xx {
        // As in Redis, the first member stands for all of them.
        let mut zset = Zset::new(scores.len(), member(0).len(), &limits);
        outcome.apply(&mut zset, member, scores, flags, &limits);
        c.ks.add(key, NewValue::Object(zset.into()), None);
        c.ks.journal.dirty += outcome.added + outcome.updated - 1;
        c.ks.event(class::ZSET, event, key);
    }
    Ok(outcome)
}
