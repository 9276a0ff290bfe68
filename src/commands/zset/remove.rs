//! ZREM and ZREMRANGEBY….

use super::bounds::{lex_edge, ranks, score_edge};
use crate::data::Zset;
use crate::engine::call::Call;
use crate::engine::errors::Error;
use crate::keyspace::journal::class;

pub fn zrem(c: &mut Call<'_>) -> Result<(), Error> {
    let members = c.args.skip(2);
    remove(c, "zrem", |zset| members.iter().filter(|m| zset.remove(m).is_some()).count())
}

pub fn zremrangebyrank(c: &mut Call<'_>) -> Result<(), Error> {
    let (start, stop) = (c.int(2)?, c.int(3)?);
    remove(c, "zremrangebyrank", |zset| zset.remove_span(ranks(start, stop, zset.len()), |_, _| {}))
}

pub fn zremrangebyscore(c: &mut Call<'_>) -> Result<(), Error> {
    let (min, max) = (score_edge(c.args.at(2))?, score_edge(c.args.at(3))?);
    remove(c, "zremrangebyscore", |zset| zset.remove_span(zset.span_by_score(min, max), |_, _| {}))
}

pub fn zremrangebylex(c: &mut Call<'_>) -> Result<(), Error> {
    let (min, max) = (lex_edge(c.args.at(2))?, lex_edge(c.args.at(3))?);
    remove(c, "zremrangebylex", |zset| zset.remove_span(zset.span_by_lex(min, max), |_, _| {}))
}

/// Lets `f` remove members of the sorted set in word 1, and books and answers how many.
fn remove(c: &mut Call<'_>, event: &'static str, f: impl FnOnce(&mut Zset) -> usize) -> Result<(), Error> {
    let key = c.key(1);
    let mut removed = 0;
    if let Some(mut open) = c.ks.get_mut(key) {
        let mut zset = open.maybe_change().object_mut::<Zset>().ok_or(Error::WrongType)?;
        removed = f(&mut zset);
        drop(zset);
        open.count_changes(removed as u64);
        if removed > 0 {
            open.event(class::ZSET, event);
        }
    }
    c.reply.int(removed as i64);
    Ok(())
}
