//! Looking at members: scores, ranks, counts, walks and samples.

use super::bounds::{lex_edge, score_edge};
use crate::base::double::write_double;
use crate::base::rng::Rng;
use crate::commands::elements::{Walk, address, bulk, cursor, empty_walk, random_count, sample};
use crate::data::{Item, Zset};
use crate::engine::call::Call;
use crate::engine::digest::digits17;
use crate::engine::dispatch::wrong_arity;
use crate::engine::errors::Error;
use crate::resp::{Proto, Reply};

pub fn zcard(c: &mut Call<'_>) -> Result<(), Error> {
    count(c, |z| z.len())
}

pub fn zcount(c: &mut Call<'_>) -> Result<(), Error> {
    let (min, max) = (score_edge(c.args.at(2))?, score_edge(c.args.at(3))?);
    count(c, |z| z.span_by_score(min, max).len())
}

pub fn zlexcount(c: &mut Call<'_>) -> Result<(), Error> {
    let (min, max) = (lex_edge(c.args.at(2))?, lex_edge(c.args.at(3))?);
    count(c, |z| z.span_by_lex(min, max).len())
}

fn count(c: &mut Call<'_>, f: impl FnOnce(&Zset) -> usize) -> Result<(), Error> {
    let key = c.key(1);
    match c.ks.get(key) {
        None => c.reply.int(0),
        Some(e) => c.reply.int(f(&*Call::typed::<Zset>(&e)?) as i64),
    }
    Ok(())
}

pub fn zscore(c: &mut Call<'_>) -> Result<(), Error> {
    let (key, member) = (c.key(1), c.args.at(2));
    match c.ks.get(key) {
        None => c.reply.null(),
        Some(e) => score(c.reply, Call::typed::<Zset>(&e)?.score(member)),
    }
    Ok(())
}

fn score(reply: &mut Reply, score: Option<f64>) {
    match score {
        Some(score) => reply.double(score),
        None => reply.null(),
    }
}

pub fn zmscore(c: &mut Call<'_>) -> Result<(), Error> {
    let (key, members) = (c.key(1), c.args.skip(2));
    let found = c.ks.get(key);
    let zset = found.as_deref().map(Call::typed::<Zset>).transpose()?;
    c.reply.array(members.len());
    for member in members.iter() {
        score(c.reply, zset.as_ref().and_then(|z| z.score(member)));
    }
    Ok(())
}

pub fn zrank(c: &mut Call<'_>) -> Result<(), Error> {
    rank(c, |rank, _| rank)
}

pub fn zrevrank(c: &mut Call<'_>) -> Result<(), Error> {
    rank(c, |rank, len| len - 1 - rank)
}

fn rank(c: &mut Call<'_>, from: fn(usize, usize) -> usize) -> Result<(), Error> {
    let (key, member) = (c.key(1), c.args.at(2));
    let with_score = c.args.len() > 3;
    if c.args.len() > 4 {
        return Err(wrong_arity(c.name()));
    }
    if with_score && !c.args.is(3, "withscore") {
        return Err(Error::Syntax);
    }
    let found = c.ks.get(key);
    let zset = found.as_deref().map(Call::typed::<Zset>).transpose()?;
    match zset.as_ref().and_then(|z| Some((z.rank(member)?, z.len()))) {
        Some(((rank, score), len)) if with_score => {
            c.reply.array(2);
            c.reply.int(from(rank, len) as i64);
            c.reply.double(score);
        }
        Some(((rank, _), len)) => c.reply.int(from(rank, len) as i64),
        None if with_score => c.reply.null_array(),
        None => c.reply.null(),
    }
    Ok(())
}

/// The head of `len` members: pairs with scores are arrays of their own in RESP3, and one flat array in RESP2.
#[inline]
pub(super) fn head(reply: &mut Reply, len: usize, scores: bool) {
    reply.array(if scores && reply.proto == Proto::Resp2 { 2 * len } else { len });
}

/// A member as [`head`] announced it.
#[inline]
pub(super) fn show(reply: &mut Reply, member: Item<'_>, score: f64, scores: bool) {
    if !scores {
        return bulk(reply, member);
    }
    if reply.proto == Proto::Resp3 {
        reply.array(2);
    }
    match member {
        Item::Bytes(bytes) => reply.bulk_and_double(bytes, score),
        Item::Int(_) => {
            bulk(reply, member);
            reply.double(score);
        }
    }
}

pub fn zrandmember(c: &mut Call<'_>) -> Result<(), Error> {
    let key = c.key(1);
    let mut rng = Rng::new(c.ks.rng.next_u64());
    if c.args.len() == 2 {
        let found = c.ks.get(key);
        let zset = found.as_deref().map(Call::typed::<Zset>).transpose()?;
        match zset.as_ref().and_then(|z| z.random(&mut rng)) {
            Some((member, _)) => bulk(c.reply, member),
            None => c.reply.null(),
        }
        return Ok(());
    }
    let count = random_count(c, 2, false)?;
    let scores = c.args.is(3, "withscores");
    if c.args.len() > 4 || (c.args.len() == 4 && !scores) {
        return Err(Error::Syntax);
    }
    random_count(c, 2, scores)?;
    let found = c.ks.get(key);
    let zset = found.as_deref().map(Call::typed::<Zset>).transpose()?;
    let Some(zset) = zset.filter(|_| count != 0) else {
        c.reply.array(0);
        return Ok(());
    };
    let len = zset.len();
    if count < 0 {
        let count = count.unsigned_abs() as usize;
        head(c.reply, count, scores);
        for _ in 0..count {
            if let Some((member, score)) = zset.random(&mut rng) {
                show(c.reply, member, score, scores);
            }
        }
        return Ok(());
    }
    let count = usize::try_from(count).unwrap_or(len).min(len);
    head(c.reply, count, scores);
    let compact = zset.as_listpack().is_some();
    let draw = |rng: &mut Rng| zset.random(rng);
    sample(
        (count, len),
        &mut rng,
        zset.iter(),
        draw,
        |(m, _)| address(*m),
        compact,
        |(member, score)| {
            show(c.reply, member, score, scores);
        },
    );
    Ok(())
}

pub fn zscan(c: &mut Call<'_>) -> Result<(), Error> {
    let (key, cursor) = (c.key(1), cursor(c)?);
    let walk = Walk::parse(c, false);
    let Some(e) = c.ks.get(key) else {
        empty_walk(c.reply);
        return Ok(());
    };
    let zset = Call::typed::<Zset>(&e)?;
    let walk = walk?;
    let (large, mut text) = (zset.as_listpack().is_none(), Vec::with_capacity(24));
    walk.run(cursor, c.reply, |position, reply| {
        let (mut seen, mut written) = (0, 0);
        let next = zset.scan(position, |member, score| {
            seen += 1;
            if walk.fits(member) {
                bulk(reply, member);
                // A string in RESP3 too; and in a large set with all its digits, as in Redis.
                if large {
                    reply.bulk(digits17(score).as_bytes());
                } else {
                    text.clear();
                    write_double(score, &mut text);
                    reply.bulk(&text);
                }
                written += 2;
            }
        });
        (next, seen, written)
    })
}
