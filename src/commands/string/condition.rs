//! What a write may depend on: that a key is missing or there (NX, XX), or what its value is (IFEQ, IFNE) or digests to
//! (IFDEQ, IFDNE); and the two commands that remove a key on such a condition.
//!
//! IFEQ and DELIFEQ are Valkey's too; the rest, and DELEX's error texts, are Redis 8.4's.

use super::read::digest_of;
use crate::engine::call::{Call, string_of};
use crate::engine::{
    dispatch::wrong_arity,
    errors::{self, Error},
};
use crate::keyspace::{Key, Str, journal::class};
use crate::resp::Args;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Condition<'a> {
    Missing,
    Exists,
    Is(&'a [u8]),
    IsNot(&'a [u8]),
    DigestIs(&'a [u8]),
    DigestIsNot(&'a [u8]),
}

impl<'a> Condition<'a> {
    /// Takes the condition that begins at word `i`, if one does: says how many words it has. NX and XX may be said
    /// twice; there can be only one comparison, and nothing beside it.
    pub(super) fn take(
        me: &mut Option<Condition<'a>>,
        args: Args<'a>,
        i: usize,
        compares: bool,
    ) -> Result<usize, Error> {
        let new = match args.at(i) {
            w if w.eq_ignore_ascii_case(b"nx") => Condition::Missing,
            w if w.eq_ignore_ascii_case(b"xx") => Condition::Exists,
            w if compares => match (Condition::comparison(w, &[]), args.get(i + 1)) {
                (None, _) => return Ok(0),
                (Some(_), None) => return Err(Error::Syntax),
                (Some(_), Some(operand)) => match (*me, Condition::comparison(w, operand)) {
                    (None, new) => {
                        *me = new;
                        return Ok(2);
                    }
                    _ => return Err(Error::Syntax),
                },
            },
            _ => return Ok(0),
        };
        match me {
            Some(old) if *old != new => Err(Error::Syntax),
            _ => {
                *me = Some(new);
                Ok(1)
            }
        }
    }

    fn comparison(word: &[u8], operand: &'a [u8]) -> Option<Condition<'a>> {
        Some(match word {
            w if w.eq_ignore_ascii_case(b"ifeq") => Condition::Is(operand),
            w if w.eq_ignore_ascii_case(b"ifne") => Condition::IsNot(operand),
            w if w.eq_ignore_ascii_case(b"ifdeq") => Condition::DigestIs(operand),
            w if w.eq_ignore_ascii_case(b"ifdne") => Condition::DigestIsNot(operand),
            _ => return None,
        })
    }

    /// Whether it holds for what a key has now. A comparison with a value that is no string is WRONGTYPE.
    pub(super) fn holds(self, c: &mut Call<'_>, key: Key<'_>) -> Result<bool, Error> {
        let found = c.ks.peek(key);
        Ok(match (self, found) {
            (Condition::Missing, found) => found.is_none(),
            (Condition::Exists, found) => found.is_some(),
            // What is not there equals nothing.
            (Condition::Is(_) | Condition::DigestIs(_), None) => false,
            (Condition::IsNot(_) | Condition::DigestIsNot(_), None) => true,
            (comparison, Some(entry)) => comparison.fits(&string_of(&entry)?)?,
        })
    }

    /// Whether a comparison fits a value.
    fn fits(self, value: &Str<'_>) -> Result<bool, Error> {
        let digest_is = |digest: &[u8]| {
            if digest.len() != 16 {
                return Err(errors::DIGEST_LENGTH);
            }
            Ok(value.with(digest_of).as_bytes().eq_ignore_ascii_case(digest))
        };
        match self {
            Condition::Missing => Ok(false),
            Condition::Exists => Ok(true),
            Condition::Is(want) => Ok(value.with(|bytes| bytes == want)),
            Condition::IsNot(want) => Ok(value.with(|bytes| bytes != want)),
            Condition::DigestIs(digest) => digest_is(digest),
            Condition::DigestIsNot(digest) => digest_is(digest).map(|is| !is),
        }
    }
}

/// DELEX key [IFEQ value | IFNE value | IFDEQ digest | IFDNE digest] (Redis 8.4). Without a condition any type goes.
pub(super) fn delex(c: &mut Call<'_>) -> Result<(), Error> {
    if c.args.len() != 2 && c.args.len() != 4 {
        return Err(wrong_arity(c.name()));
    }
    let key = c.key(1);
    let holds = match (c.args.len(), c.ks.peek(key)) {
        (_, None) => false,
        (2, _) => true,
        (_, Some(entry)) => {
            let value = entry.string().ok_or(errors::DELEX_TYPE)?;
            Condition::comparison(c.args.at(2), c.args.at(3)).ok_or(errors::DELEX_CONDITION)?.fits(&value)?
        }
    };
    remove_if(c, key, holds);
    Ok(())
}

/// DELIFEQ key value (Valkey 9.0)
pub(super) fn delifeq(c: &mut Call<'_>) -> Result<(), Error> {
    let key = c.key(1);
    let holds = Condition::Is(c.args.at(2)).holds(c, key)?;
    remove_if(c, key, holds);
    Ok(())
}

fn remove_if(c: &mut Call<'_>, key: Key<'_>, holds: bool) {
    let removed = holds && c.ks.delete(key, class::GENERIC, "del");
    if removed {
        c.log_instead(&[b"DEL", key.bytes]);
    }
    c.reply.int(i64::from(removed));
}
