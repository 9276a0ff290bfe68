//! Strings read: GET, MGET, GETRANGE, SUBSTR, STRLEN, DIGEST.

use crate::engine::{call::Call, errors::Error};
use crate::keyspace::Str;
use crate::resp::Reply;
use std::sync::Arc;

/// GET key
pub(super) fn get(c: &mut Call<'_>) -> Result<(), Error> {
    let key = c.key(1);
    c.with_string(key, string_or_null)
}

/// MGET key [key ...]; what is no string counts as missing.
pub(super) fn mget(c: &mut Call<'_>) -> Result<(), Error> {
    c.reply.array(c.args.len() - 1);
    for i in 1..c.args.len() {
        let key = c.nth_key(i - 1, i);
        let found = c.ks.get(key);
        string_or_null(found.as_ref().and_then(|e| e.string()), c.reply);
    }
    Ok(())
}

/// The reply of all that answer a value or nothing.
#[inline]
pub(super) fn string_or_null(s: Option<Str<'_>>, reply: &mut Reply) {
    match s {
        None => reply.null(),
        Some(Str::Int(n)) => reply.bulk_int(n),
        Some(Str::Bytes { bytes, .. }) => reply.bulk(bytes),
        Some(Str::Shared(a)) => reply.bulk_shared(&a),
    }
}

/// STRLEN key
pub(super) fn strlen(c: &mut Call<'_>) -> Result<(), Error> {
    let key = c.key(1);
    c.with_string(key, |s, reply| reply.int(s.map_or(0, |s| s.len() as i64)))
}

/// GETRANGE key start end
pub(super) fn getrange(c: &mut Call<'_>) -> Result<(), Error> {
    let (start, end) = (c.int(2)?, c.int(3)?);
    let key = c.key(1);
    c.with_string(key, |s, reply| bytes_of(s, |bytes| reply.bulk(part(bytes, start, end))))
}

/// SUBSTR key start end: GETRANGE's old name.
pub(super) fn substr(c: &mut Call<'_>) -> Result<(), Error> {
    getrange(c)
}

/// The bytes from `start` to `end`, both included, both from the end if below 0.
fn part(bytes: &[u8], start: i64, end: i64) -> &[u8] {
    let len = bytes.len() as i64;
    // Crossed from the end: nothing, even where cutting both to the string would leave its first byte.
    if start < 0 && end < 0 && start > end {
        return &[];
    }
    let from_end = |i: i64| if i < 0 { (i + len).max(0) } else { i };
    let (start, end) = (from_end(start), from_end(end).min(len - 1));
    if start > end { &[] } else { &bytes[start as usize..=end as usize] }
}

/// DIGEST key (Redis 8.4)
pub(super) fn digest(c: &mut Call<'_>) -> Result<(), Error> {
    let key = c.key(1);
    c.with_string(key, |s, reply| match s {
        None => reply.null(),
        Some(s) => reply.bulk(s.with(digest_of).as_bytes()),
    })
}

/// XXH3 of the bytes, in 16 lower-case hexadecimal digits.
pub(super) fn digest_of(bytes: &[u8]) -> String {
    format!("{:016x}", xxhash_rust::xxh3::xxh3_64(bytes))
}

/// Hands `f` the bytes of a string; a missing one has none.
#[inline]
pub(in crate::commands) fn bytes_of<R>(s: Option<Str<'_>>, f: impl FnOnce(&[u8]) -> R) -> R {
    match s {
        None => f(&[]),
        Some(s) => s.with(f),
    }
}

/// A string's bytes, to be kept while other keys are looked at: long ones are shared, short ones copied.
pub(in crate::commands) fn keep(s: Option<Str<'_>>) -> Arc<Vec<u8>> {
    match s {
        None => Arc::default(),
        Some(Str::Shared(a)) => Arc::clone(&a),
        Some(s) => Arc::new(s.to_vec()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_as_redis_cuts_them() {
        for (start, end, want) in [
            (0, -1, "hello"),
            (1, 3, "ell"),
            (-3, -2, "ll"),
            (-2, -3, ""),
            (-100, -200, ""),
            (-200, -100, "h"),
            (3, 100, "lo"),
            (5, 9, ""),
            (0, 0, "h"),
            (i64::MIN, i64::MAX, "hello"),
        ] {
            assert_eq!(part(b"hello", start, end), want.as_bytes(), "{start} {end}");
        }
        assert_eq!(part(b"", 0, -1), b"");
        assert_eq!(part(b"", -5, -1), b"");
    }

    #[test]
    fn digests_are_redis_8_4s() {
        for (value, want) in [
            ("hello", "9555e8555c62dcfd"),
            ("", "2d06800538d394c2"),
            (
                "v8lf0c11xh8ymlqztfd3eeq16kfn4sspw7fqmnuuq3k3t75em5wdizgcdw7uc26nnf961u2jkfzkjytls2kwlj7626sd",
                "00006c38adf31777",
            ),
        ] {
            assert_eq!(digest_of(value.as_bytes()), want);
        }
    }
}
