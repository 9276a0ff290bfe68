//! XDEL, XDELEX, XACKDEL.

use super::options::ref_policy;
use super::{id, ids};
use crate::base::numbers::parse_i64;
use crate::data::stream::{Deletion, RefPolicy, Stream, StreamId};
use crate::engine::call::Call;
use crate::engine::errors::{self, Error};
use crate::keyspace::journal::class;

pub fn xdel(c: &mut Call<'_>) -> Result<(), Error> {
    let (key, words) = (c.key(1), 2..c.args.len());
    let mut deleted = 0;
    let parsed = words.clone().try_for_each(|i| id(c, i).map(drop));
    let args = c.args;
    if let Some(mut k) = c.ks.get_mut(key) {
        let mut stream = k.maybe_change().object_mut::<Stream>().ok_or(Error::WrongType)?;
        parsed?;
        for id in words.filter_map(|i| StreamId::parse(args.at(i), 0)) {
            deleted += u64::from(stream.delete(id));
        }
        drop(stream);
        if deleted > 0 {
            k.count_changes(deleted);
            k.event(class::STREAM, "xdel");
        }
    }
    c.reply.int(deleted as i64);
    Ok(())
}

/// The options of XDELEX and XACKDEL.
fn parse(c: &Call<'_>, first: usize) -> Result<(RefPolicy, Vec<StreamId>), Error> {
    let (mut policy, mut words, mut i) = (None, None, first);
    while i < c.args.len() {
        if let (None, Some(p)) = (policy, ref_policy(c.args, i)) {
            policy = Some(p);
            i += 1;
        } else if c.args.is(i, "ids") && i + 1 < c.args.len() {
            let n = parse_i64(c.args.at(i + 1)).filter(|n| *n > 0).ok_or(errors::NUMIDS)? as usize;
            let from = i + 2;
            if n > c.args.len() - from {
                return Err(errors::NUMIDS_MISMATCH);
            }
            words = Some(from..from + n);
            i = from + n;
        } else {
            return Err(Error::Syntax);
        }
    }
    Ok((policy.unwrap_or_default(), ids(c, words.ok_or(errors::NO_IDS)?)?))
}

pub fn xdelex(c: &mut Call<'_>) -> Result<(), Error> {
    let (policy, ids) = parse(c, 2)?;
    each(c, &ids, |stream, id| stream.delete_with(id, policy), |d| d == Deletion::Deleted)
}

pub fn xackdel(c: &mut Call<'_>) -> Result<(), Error> {
    let (policy, ids) = parse(c, 3)?;
    let group = c.args.at(2);
    each(c, &ids, |stream, id| stream.ack_delete(group, id, policy), |d| d != Deletion::NotFound)
}

/// Answers what `f` did to each id; `counts` tells which of that is a change.
fn each(
    c: &mut Call<'_>,
    ids: &[StreamId],
    mut f: impl FnMut(&mut Stream, StreamId) -> Deletion,
    counts: impl Fn(Deletion) -> bool,
) -> Result<(), Error> {
    let key = c.key(1);
    c.reply.array(ids.len());
    let Some(mut k) = c.ks.get_mut(key) else {
        ids.iter().for_each(|_| c.reply.int(-1));
        return Ok(());
    };
    let mut stream = k.maybe_change().object_mut::<Stream>().ok_or(Error::WrongType)?;
    let (mut changes, before) = (0, stream.len());
    for id in ids {
        let done = f(&mut stream, *id);
        changes += u64::from(counts(done));
        c.reply.int(match done {
            Deletion::NotFound => -1,
            Deletion::Deleted => 1,
            Deletion::Kept => 2,
        });
    }
    let deleted = stream.len() < before;
    drop(stream);
    k.count_changes(changes);
    if deleted {
        k.event(class::STREAM, "xdel");
    }
    Ok(())
}
