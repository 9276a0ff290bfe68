//! BITOP.

use super::bits::{self, Op};
use crate::commands::string::{raw::with_raw, read::keep};
use crate::engine::{
    call::{Call, string_of},
    errors::{self, Error},
};
use crate::keyspace::journal::class;

/// BITOP AND|OR|XOR|NOT|DIFF|DIFF1|ANDOR|ONE destkey key [key ...] (the last four: Redis 8.2)
pub(super) fn bitop(c: &mut Call<'_>) -> Result<(), Error> {
    let op = parse(c.args.at(1)).ok_or(Error::Syntax)?;
    let sources = c.args.len() - 3;
    match op {
        Op::Not if sources != 1 => return Err(errors::BITOP_NOT),
        Op::Diff if sources < 2 => return Err(errors::bitop_sources("DIFF")),
        Op::Diff1 if sources < 2 => return Err(errors::bitop_sources("DIFF1")),
        Op::AndOr if sources < 2 => return Err(errors::bitop_sources("ANDOR")),
        _ => {}
    }
    let mut kept = Vec::with_capacity(sources);
    for n in 0..sources {
        let key = c.nth_key(n + 1, n + 3);
        kept.push(match c.ks.get(key) {
            None => keep(None),
            Some(e) => keep(Some(string_of(&e)?)),
        });
    }
    let slices: Vec<&[u8]> = kept.iter().map(|s| &s[..]).collect();
    let out = bits::combine(op, &slices);
    drop(slices);
    // Or the old value of the destination would be copied on its way out, if it is a source too.
    drop(kept);
    let (dest, len) = (c.nth_key(0, 2), out.len());
    if len == 0 {
        c.ks.delete(dest, class::GENERIC, "del");
    } else {
        with_raw(out, |value| c.ks.set(dest, value, None));
        c.ks.event(class::STRING, "set", dest);
    }
    c.reply.int(len as i64);
    Ok(())
}

fn parse(word: &[u8]) -> Option<Op> {
    Some(match word {
        w if w.eq_ignore_ascii_case(b"and") => Op::And,
        w if w.eq_ignore_ascii_case(b"or") => Op::Or,
        w if w.eq_ignore_ascii_case(b"xor") => Op::Xor,
        w if w.eq_ignore_ascii_case(b"not") => Op::Not,
        w if w.eq_ignore_ascii_case(b"diff") => Op::Diff,
        w if w.eq_ignore_ascii_case(b"diff1") => Op::Diff1,
        w if w.eq_ignore_ascii_case(b"andor") => Op::AndOr,
        w if w.eq_ignore_ascii_case(b"one") => Op::One,
        _ => return None,
    })
}
