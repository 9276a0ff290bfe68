//! Small things that several families use.

use crate::base::numbers::parse_i64;
use crate::data::lpentry::Value;
use crate::engine::call::Call;
use crate::engine::errors::Error;
use crate::resp::Reply;

/// A bulk string of what a listpack's entry holds.
#[inline]
pub fn bulk(reply: &mut Reply, value: Value<'_>) {
    match value {
        Value::Str(s) => reply.bulk(s),
        Value::Int(n) => reply.bulk_int(n),
    }
}

/// Word `i` as an integer of at least `least`; `refusal` for anything else.
#[inline]
pub fn at_least(c: &Call<'_>, i: usize, least: i64, refusal: Error) -> Result<i64, Error> {
    parse_i64(c.args.at(i)).filter(|n| *n >= least).ok_or(refusal)
}

/// Word `i` as an integer that can be negated.
pub fn negatable(c: &Call<'_>, i: usize) -> Result<i64, Error> {
    Some(c.int(i)?).filter(|n| *n != i64::MIN).ok_or(Error::NOT_NEGATABLE)
}

/// The part of `len` elements that `start` and `stop` mean, where below 0 they count from the end: index and count.
#[inline]
pub fn span(start: i64, stop: i64, len: usize) -> (usize, usize) {
    let len = len as i64;
    let start = if start < 0 { start.saturating_add(len).max(0) } else { start };
    let stop = if stop < 0 { stop.saturating_add(len) } else { stop.min(len - 1) };
    if start > stop || start >= len { (0, 0) } else { (start as usize, (stop - start + 1) as usize) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans() {
        for (start, stop, len, want) in [
            (0, -1, 5, (0, 5)),
            (0, -1, 0, (0, 0)),
            (1, 2, 5, (1, 2)),
            (-2, -1, 5, (3, 2)),
            (-9, 9, 5, (0, 5)),
            (3, 2, 5, (0, 0)),
            (5, 9, 5, (0, 0)),
            (0, -6, 5, (0, 0)),
            (i64::MIN, i64::MAX, 5, (0, 5)),
            (i64::MAX, i64::MIN, 5, (0, 0)),
        ] {
            assert_eq!(span(start, stop, len), want, "{start} {stop} of {len}");
        }
    }
}
