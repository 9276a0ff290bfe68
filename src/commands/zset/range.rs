//! ZRANGE and all that it replaces, and ZRANGESTORE.

use super::bounds::{lex_edge, ranks, score_edge};
use super::read::{head, show};
use crate::commands::elements::store;
use crate::data::{Item, Zset};
use crate::engine::call::Call;
use crate::engine::errors::{self, Error};
use crate::keyspace::journal::class;
use std::ops::Range;

#[derive(Clone, Copy, PartialEq, Eq)]
enum By {
    Rank,
    Score,
    Lex,
}

pub fn zrange(c: &mut Call<'_>) -> Result<(), Error> {
    answer(c, None, None)
}

pub fn zrevrange(c: &mut Call<'_>) -> Result<(), Error> {
    answer(c, Some(By::Rank), Some(true))
}

pub fn zrangebyscore(c: &mut Call<'_>) -> Result<(), Error> {
    answer(c, Some(By::Score), Some(false))
}

pub fn zrevrangebyscore(c: &mut Call<'_>) -> Result<(), Error> {
    answer(c, Some(By::Score), Some(true))
}

pub fn zrangebylex(c: &mut Call<'_>) -> Result<(), Error> {
    answer(c, Some(By::Lex), Some(false))
}

pub fn zrevrangebylex(c: &mut Call<'_>) -> Result<(), Error> {
    answer(c, Some(By::Lex), Some(true))
}

/// What a range was asked for.
struct Ask<'a> {
    by: By,
    reverse: bool,
    scores: bool,
    limit: Option<(i64, i64)>,
    min: &'a [u8],
    max: &'a [u8],
}

impl<'a> Ask<'a> {
    /// `at` is the word of the key; `by` and `reverse` are what the command's name fixes.
    fn parse(c: &Call<'a>, at: usize, storing: bool, by: Option<By>, reverse: Option<bool>) -> Result<Ask<'a>, Error> {
        let args = c.args;
        let (mut chosen, mut backwards, mut scores, mut limit) = (by, reverse, false, None);
        let mut i = at + 3;
        while i < args.len() {
            if !storing && args.is(i, "withscores") {
                scores = true;
            } else if args.is(i, "limit") && i + 2 < args.len() {
                limit = Some((c.int(i + 1)?, c.int(i + 2)?));
                i += 2;
            } else if backwards.is_none() && args.is(i, "rev") {
                backwards = Some(true);
            } else if chosen.is_none() && args.is(i, "bylex") {
                chosen = Some(By::Lex);
            } else if chosen.is_none() && args.is(i, "byscore") {
                chosen = Some(By::Score);
            } else {
                return Err(Error::Syntax);
            }
            i += 1;
        }
        let (by, reverse) = (chosen.unwrap_or(By::Rank), backwards.unwrap_or(false));
        if limit.is_some_and(|(_, count)| count != -1) && by == By::Rank {
            return Err(errors::ZRANGE_LIMIT);
        }
        if scores && by == By::Lex {
            return Err(errors::ZRANGE_WITHSCORES);
        }
        let (mut min, mut max) = (args.at(at + 1), args.at(at + 2));
        if reverse && by != By::Rank {
            std::mem::swap(&mut min, &mut max);
        }
        Ok(Ask { by, reverse, scores, limit, min, max })
    }

    /// The bounds as they were given are told to be wrong before the key is looked at.
    fn bounds(&self) -> Result<Bounds<'a>, Error> {
        let rank = |text| crate::base::numbers::parse_i64(text).ok_or(Error::NotInteger);
        Ok(match self.by {
            By::Rank => Bounds::Rank(rank(self.min)?, rank(self.max)?),
            By::Score => Bounds::Score(score_edge(self.min)?, score_edge(self.max)?),
            By::Lex => Bounds::Lex(lex_edge(self.min)?, lex_edge(self.max)?),
        })
    }

    /// The ranks in question, counted from the end where the walk begins.
    fn span(&self, bounds: &Bounds<'_>, zset: &Zset) -> Range<usize> {
        let len = zset.len();
        let span = match bounds {
            Bounds::Rank(start, stop) => return ranks(*start, *stop, len),
            Bounds::Score(min, max) => zset.span_by_score(*min, *max),
            Bounds::Lex(min, max) => zset.span_by_lex(*min, *max),
        };
        let span = if self.reverse { len - span.end..len - span.start } else { span };
        let Some((offset, count)) = self.limit else { return span };
        let Ok(offset) = usize::try_from(offset) else { return 0..0 };
        let start = span.start.saturating_add(offset).min(span.end);
        start..usize::try_from(count).map_or(span.end, |n| start.saturating_add(n).min(span.end))
    }

    #[inline]
    fn each(&self, zset: &Zset, span: Range<usize>, f: impl FnMut(Item<'_>, f64)) {
        match self.reverse {
            true => zset.rev_each(zset.len() - span.end..zset.len() - span.start, f),
            false => zset.each(span, f),
        }
    }
}

enum Bounds<'a> {
    Rank(i64, i64),
    Score(crate::data::zset::ScoreEdge, crate::data::zset::ScoreEdge),
    Lex(crate::data::zset::LexEdge<'a>, crate::data::zset::LexEdge<'a>),
}

fn answer(c: &mut Call<'_>, by: Option<By>, reverse: Option<bool>) -> Result<(), Error> {
    let ask = Ask::parse(c, 1, false, by, reverse)?;
    let bounds = ask.bounds()?;
    let key = c.key(1);
    match c.ks.get(key) {
        None => c.reply.array(0),
        Some(e) => {
            let zset = Call::typed::<Zset>(&e)?;
            let span = ask.span(&bounds, &zset);
            head(c.reply, span.len(), ask.scores);
            ask.each(&zset, span, |member, score| show(c.reply, member, score, ask.scores));
        }
    }
    Ok(())
}

pub fn zrangestore(c: &mut Call<'_>) -> Result<(), Error> {
    let ask = Ask::parse(c, 2, true, None, None)?;
    let bounds = ask.bounds()?;
    let (to, key, limits) = (c.key(1), c.key(2), c.limits());
    let mut out = Zset::new_listpack();
    if let Some(e) = c.ks.get(key) {
        let zset = Call::typed::<Zset>(&e)?;
        let span = ask.span(&bounds, &zset);
        if ask.by == By::Rank {
            out.prepare(span.len(), &limits);
        }
        ask.each(&zset, span, |member, score| _ = member.with(|m| out.set(m, score, &limits)));
    }
    let len = out.len();
    store(c, to, len, out.into(), (class::ZSET, "zrangestore"));
    Ok(())
}
