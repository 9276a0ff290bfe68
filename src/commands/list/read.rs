//! LLEN, LINDEX, LRANGE, LPOS.

use crate::commands::parts::{at_least, bulk, negatable, span};
use crate::data::List;
use crate::engine::call::Call;
use crate::engine::errors::Error;

pub fn llen(c: &mut Call<'_>) -> Result<(), Error> {
    let key = c.key(1);
    let len = match c.ks.get(key) {
        Some(e) => Call::typed::<List>(&e)?.len(),
        None => 0,
    };
    c.reply.int(len as i64);
    Ok(())
}

pub fn lindex(c: &mut Call<'_>) -> Result<(), Error> {
    let key = c.key(1);
    let index = c.int(2);
    let Some(e) = c.ks.get(key) else {
        c.reply.null();
        return Ok(());
    };
    let list = Call::typed::<List>(&e)?;
    let index = index?;
    let index = if index < 0 { index.saturating_add(list.len() as i64) } else { index };
    let found = usize::try_from(index).ok().and_then(|i| list.get(i, |v| bulk(c.reply, v)));
    if found.is_none() {
        c.reply.null();
    }
    Ok(())
}

pub fn lrange(c: &mut Call<'_>) -> Result<(), Error> {
    let (start, stop) = (c.int(2)?, c.int(3)?);
    let key = c.key(1);
    let Some(e) = c.ks.get(key) else {
        c.reply.array(0);
        return Ok(());
    };
    let list = Call::typed::<List>(&e)?;
    let (index, count) = span(start, stop, list.len());
    c.reply.array(count);
    let mut iter = list.iter(index, count);
    while let Some(value) = iter.next() {
        bulk(c.reply, value);
    }
    Ok(())
}

/// What LPOS was asked for.
#[derive(PartialEq, Eq, Debug)]
struct Options {
    /// Which match is the first of interest, below 0 from the end.
    rank: i64,
    /// How many matches; `None`: one, and not as an array.
    count: Option<usize>,
    maxlen: usize,
}

impl Options {
    fn parse(c: &Call<'_>) -> Result<Options, Error> {
        let mut options = Options { rank: 1, count: None, maxlen: usize::MAX };
        let unlimited = |n: i64| if n == 0 { usize::MAX } else { n as usize };
        for i in (3..c.args.len()).step_by(2) {
            if i + 1 == c.args.len() {
                return Err(Error::Syntax);
            }
            if c.args.is(i, "rank") {
                options.rank = Some(negatable(c, i + 1)?).filter(|n| *n != 0).ok_or(Error::RANK_ZERO)?;
            } else if c.args.is(i, "count") {
                options.count = Some(unlimited(at_least(c, i + 1, 0, Error::COUNT_NEGATIVE)?));
            } else if c.args.is(i, "maxlen") {
                options.maxlen = unlimited(at_least(c, i + 1, 0, Error::MAXLEN_NEGATIVE)?);
            } else {
                return Err(Error::Syntax);
            }
        }
        Ok(options)
    }
}

pub fn lpos(c: &mut Call<'_>) -> Result<(), Error> {
    let options = Options::parse(c)?;
    let (key, needle) = (c.key(1), c.args.at(2));
    let at = c.reply.defer();
    let (mut found, most) = (0, options.count.unwrap_or(1));
    if let Some(e) = c.ks.get(key) {
        let list = Call::typed::<List>(&e)?;
        let skip = options.rank.unsigned_abs() as usize - 1;
        list.positions(needle, options.rank < 0, skip, options.maxlen, |index| {
            c.reply.int(index as i64);
            found += 1;
            found < most
        });
    }
    match options.count {
        Some(_) => c.reply.finish_array(at, found),
        None if found == 0 => c.reply.null(),
        None => {}
    }
    Ok(())
}
