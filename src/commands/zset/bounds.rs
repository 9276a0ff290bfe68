//! Bounds of ranges as clients write them: `(1.5`, `-inf`, `[abc`, `+`; and ranks from either end.

use crate::base::double::parse_double;
use crate::data::zset::{LexEdge, ScoreEdge};
use crate::engine::errors::{self, Error};
use std::ops::Range;

/// A bound by score. Nothing at all is 0, and what is too large is infinite; blanks in front are refused
/// (as by Redis 8.0 and Valkey; 7.0 took them).
pub(super) fn score_edge(text: &[u8]) -> Result<ScoreEdge, Error> {
    let text = text.split(|b| *b == 0).next().unwrap_or_default();
    match text {
        [b'(', rest @ ..] => number(rest).map(ScoreEdge::Exclusive),
        _ => number(text).map(ScoreEdge::Inclusive),
    }
    .ok_or(errors::MIN_MAX_FLOAT)
}

fn number(text: &[u8]) -> Option<f64> {
    if text.is_empty() {
        return Some(0.0);
    }
    parse_double(text).or_else(|| {
        // Too large or too small for a double: what std makes of it.
        let decimal = text.iter().all(|b| matches!(b, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E'));
        std::str::from_utf8(text).ok().filter(|_| decimal)?.parse().ok()
    })
}

/// A bound by member.
pub(super) fn lex_edge(text: &[u8]) -> Result<LexEdge<'_>, Error> {
    match text {
        [b'-'] | [b'-', 0, ..] => Ok(LexEdge::Min),
        [b'+'] | [b'+', 0, ..] => Ok(LexEdge::Max),
        [b'(', rest @ ..] => Ok(LexEdge::Exclusive(rest)),
        [b'[', rest @ ..] => Ok(LexEdge::Inclusive(rest)),
        _ => Err(errors::MIN_MAX_LEX),
    }
}

/// The ranks from `start` to `stop`, both included, of `len`; negative ones count from the end.
pub(super) fn ranks(start: i64, stop: i64, len: usize) -> Range<usize> {
    let len = len as i64;
    let absolute = |n: i64| if n < 0 { n.saturating_add(len) } else { n };
    let (start, stop) = (absolute(start).max(0), absolute(stop).min(len - 1));
    if start > stop { 0..0 } else { start as usize..stop as usize + 1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_read_as_redis_does() {
        for (text, want) in [
            ("1", Some(ScoreEdge::Inclusive(1.0))),
            ("(1", Some(ScoreEdge::Exclusive(1.0))),
            ("", Some(ScoreEdge::Inclusive(0.0))),
            ("(", Some(ScoreEdge::Exclusive(0.0))),
            ("-inf", Some(ScoreEdge::Inclusive(f64::NEG_INFINITY))),
            ("(+5", Some(ScoreEdge::Exclusive(5.0))),
            ("1e400", Some(ScoreEdge::Inclusive(f64::INFINITY))),
            ("1\0x", Some(ScoreEdge::Inclusive(1.0))),
            ("((1", None),
            (" ", None),
            (" 1", None),
            ("1 ", None),
            ("nan", None),
            ("x", None),
        ] {
            assert_eq!(score_edge(text.as_bytes()).ok(), want, "{text:?}");
        }
    }

    #[test]
    fn ranks_count_from_either_end() {
        for (start, stop, want) in [
            (0, -1, 0..5),
            (1, 2, 1..3),
            (-2, -1, 3..5),
            (-100, 100, 0..5),
            (3, 1, 0..0),
            (5, 9, 0..0),
            (0, -6, 0..0),
            (i64::MIN, i64::MAX, 0..5),
        ] {
            assert_eq!(ranks(start, stop, 5), want, "{start} {stop}");
        }
        assert_eq!(ranks(0, -1, 0), 0..0);
    }
}
