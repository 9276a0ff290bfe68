//! XRANGE and XREVRANGE.

use super::{count, entries, interval_end, interval_start, look};
use crate::engine::call::Call;
use crate::engine::errors::Error;

pub fn xrange(c: &mut Call<'_>) -> Result<(), Error> {
    range(c, false)
}

pub fn xrevrange(c: &mut Call<'_>) -> Result<(), Error> {
    range(c, true)
}

fn range(c: &mut Call<'_>, backward: bool) -> Result<(), Error> {
    let (first, last) = if backward { (3, 2) } else { (2, 3) };
    let (start, end) = (interval_start(c, first)?, interval_end(c, last)?);
    let mut most = usize::MAX;
    for i in (4..c.args.len()).step_by(2) {
        if i + 1 == c.args.len() || !c.args.is(i, "count") {
            return Err(Error::Syntax);
        }
        most = count(c, i + 1)?;
    }
    let found = look(c, |stream, reply| {
        if most == 0 {
            reply.null_array();
        } else if backward {
            entries(reply, stream.range_rev(start, end).take(most));
        } else {
            entries(reply, stream.range(start, end).take(most));
        }
    })?;
    if found.is_none() {
        c.reply.array(0);
    }
    Ok(())
}
