//! What is there: SCAN, KEYS, RANDOMKEY, DBSIZE.
//!
//! SCAN and RANDOMKEY hold one shard at a time, so nobody waits for them; what expired on their way is removed, and told to the
//! log before the shard is let go.

use crate::base::glob::glob_match;
use crate::engine::call::Call;
use crate::engine::errors::Error;
use crate::engine::spec::{BLANK, Spec};
use crate::keyspace::db::ExpiryMode;
use crate::keyspace::{Key, scan as walk};
use crate::resp::{Args, Reply};

#[rustfmt::skip]
pub const COMMANDS: &[Spec] = &[
    Spec {
        name: "dbsize", arity: 1, flags: "readonly fast unlocked", acl: "keyspace", group: "server",
        summary: "Counts the keys of the database.", complexity: "O(1)",
        tips: "request_policy:all_shards response_policy:agg_sum", run: dbsize, ..BLANK
    },
    Spec {
        name: "keys", arity: 2, flags: "readonly world", acl: "keyspace dangerous", group: "generic",
        syntax: "pattern:pattern",
        summary: "Lists all keys that fit a glob pattern, in one step.", complexity: "O(N) in the keys of the database",
        tips: "request_policy:all_shards nondeterministic_output_order", run: keys, ..BLANK
    },
    Spec {
        name: "randomkey", arity: 1, flags: "readonly unlocked", acl: "keyspace", group: "generic",
        summary: "Names some key of the database.", complexity: "O(1)",
        tips: "request_policy:all_shards response_policy:special nondeterministic_output", run: randomkey, ..BLANK
    },
    Spec {
        name: "scan", arity: -2, flags: "readonly unlocked", acl: "keyspace", group: "generic", since: "2.8.0",
        syntax: "cursor:int [MATCH pattern:pattern] [COUNT count:int] [TYPE type@6.0.0]",
        summary: "Walks the keys of the database a few at a time.", complexity: "O(1) per call, O(N) for a whole round",
        tips: "nondeterministic_output request_policy:special response_policy:special", run: scan, ..BLANK
    },
];

/// Exact: all shards are locked for as long as it takes to read their counters.
fn dbsize(c: &mut Call<'_>) -> Result<(), Error> {
    let all: Vec<u16> = (0..c.engine.world.shards() as u16).collect();
    c.ks.access.lock(&all);
    let (sizes, _) = sizes(c);
    c.ks.access.unlock();
    c.reply.int(sizes.iter().sum::<u64>() as i64);
    Ok(())
}

/// How many keys of the selected database each shard has, and how many in all of them can expire.
fn sizes(c: &mut Call<'_>) -> (Vec<u64>, u64) {
    let db = c.ks.db as usize;
    let mut can_expire = 0;
    let of = |i| {
        let table = c.ks.access.shard(i).db(db)?;
        can_expire += table.marked() as u64;
        Some(table.len() as u64)
    };
    let sizes = (0..c.engine.world.shards()).map(of).map(Option::unwrap_or_default).collect();
    (sizes, can_expire)
}

fn keys(c: &mut Call<'_>) -> Result<(), Error> {
    let (pattern, db, now_ms) = (c.args.at(1), c.ks.db as usize, c.now_ms());
    let hides = c.ks.expiry != ExpiryMode::Ignore;
    let (all, at, mut count) = (pattern == b"*", c.reply.defer(), 0);
    for i in 0..c.engine.world.shards() {
        let Some(table) = c.ks.access.shard(i).db(db) else {
            continue;
        };
        for entry in table.iter() {
            let fits = all || glob_match(pattern, entry.key(), false);
            if fits && !(hides && entry.expiry().is_some_and(|at| now_ms > at)) {
                c.reply.bulk(entry.key());
                count += 1;
            }
        }
    }
    c.reply.finish_array(at, count);
    Ok(())
}

/// Tries on a database whose keys may all be expired, where they may not be removed (Redis's dbRandomKey).
const RANDOMKEY_TRIES: u32 = 100;

/// A shard is drawn by its size, then a key in it: every key is as likely as any other.
fn randomkey(c: &mut Call<'_>) -> Result<(), Error> {
    let db = c.ks.db as usize;
    let (mut sizes, can_expire) = sizes(c);
    let mut total: u64 = sizes.iter().sum();
    let all_expire = can_expire >= total;
    let mut tries = 0;
    while total > 0 {
        let mut n = c.ks.rng.below(total);
        let mut shard = 0;
        while n >= sizes[shard] {
            n -= sizes[shard];
            shard += 1;
        }
        let Some(table) = c.ks.access.shard(shard).db(db) else {
            break;
        };
        let Some(entry) = table.random(c.ks.rng) else {
            // Emptied since its size was read.
            total -= std::mem::take(&mut sizes[shard]);
            continue;
        };
        let key = entry.key().to_vec();
        tries += 1;
        let gives_up = c.ks.expiry == ExpiryMode::Hide && all_expire && tries >= RANDOMKEY_TRIES;
        let lives = c.ks.exists(Key::new(&key));
        c.ks.journal.log_removals(&mut c.ks.access.lane);
        if lives || gives_up {
            c.reply.bulk(&key);
            return Ok(());
        }
        if c.ks.expiry == ExpiryMode::Remove {
            sizes[shard] -= 1;
            total -= 1;
        }
    }
    c.reply.null();
    Ok(())
}

fn scan(c: &mut Call<'_>) -> Result<(), Error> {
    let cursor = parse_cursor(c.args.at(1)).ok_or(Error::INVALID_CURSOR)?;
    let options = Options::parse(c.args.skip(2))?;
    let mut found = Found { reply: Reply::new(c.reply.proto), count: 0 };
    let next = scan_from(c, cursor, &options, &mut found);
    c.reply.array(2);
    c.reply.bulk_int(next as i64);
    c.reply.array(found.count);
    c.reply.raw(&found.reply.buf);
    Ok(())
}

/// The keys to be answered, and how many.
struct Found {
    reply: Reply,
    count: usize,
}

/// Visits buckets until COUNT keys were seen (or ten times as many buckets, should most be empty), and returns the cursor to go
/// on at, 0 at the end.
fn scan_from(c: &mut Call<'_>, cursor: u64, options: &Options<'_>, found: &mut Found) -> u64 {
    let (bits, shards, db) = (c.engine.world.bits(), c.engine.world.shards(), c.ks.db as usize);
    let (now_ms, expires) = (c.now_ms(), c.ks.expiry != ExpiryMode::Ignore);
    let (mut shard, mut position) = walk::place(bits, cursor);
    let mut buckets = options.count.saturating_mul(10);
    let mut seen = 0;
    let mut dead: Vec<Vec<u8>> = Vec::new();
    while shard < shards {
        if seen >= options.count || buckets == 0 {
            return walk::cursor(bits, shard, position);
        }
        let Some(table) = c.ks.access.shard(shard).db(db).filter(|t| !t.is_empty()) else {
            (shard, position) = (shard + 1, 0);
            continue;
        };
        buckets -= 1;
        let next = table.scan(position, |entry, _| {
            seen += 1;
            if !options.pattern.is_none_or(|p| glob_match(p, entry.key(), false)) {
                return;
            }
            // As in Redis, an expired key goes whatever its type, if the pattern fits it.
            if expires && entry.expiry().is_some_and(|at| now_ms > at) {
                dead.push(entry.key().to_vec());
            } else if options.type_.is_none_or(|t| t.eq_ignore_ascii_case(entry.type_().name().as_bytes())) {
                found.reply.bulk(entry.key());
                found.count += 1;
            }
        });
        for key in dead.drain(..) {
            c.ks.exists(Key::new(&key));
        }
        c.ks.journal.log_removals(&mut c.ks.access.lane);
        (shard, position) = match next {
            Some(position) => (shard, position),
            None => (shard + 1, 0),
        };
    }
    0
}

/// What SCAN was asked for.
#[derive(PartialEq, Eq, Debug)]
struct Options<'a> {
    count: u64,
    pattern: Option<&'a [u8]>,
    /// A type's name. One that no type has fits no key; it is no error (seen on Redis 7.0 to 8.0).
    type_: Option<&'a [u8]>,
}

impl<'a> Options<'a> {
    fn parse(words: Args<'a>) -> Result<Options<'a>, Error> {
        let mut options = Options { count: 10, pattern: None, type_: None };
        for i in (0..words.len()).step_by(2) {
            let value = words.get(i + 1);
            match value {
                Some(value) if words.is(i, "count") => {
                    let n = crate::base::numbers::parse_i64(value).ok_or(Error::NotInteger)?;
                    options.count = u64::try_from(n).ok().filter(|n| *n > 0).ok_or(Error::Syntax)?;
                }
                Some(value) if words.is(i, "match") => options.pattern = (value != b"*").then_some(value),
                Some(value) if words.is(i, "type") => options.type_ = Some(value),
                _ if words.is(i, "novalues") => return Err(Error::NOVALUES_ONLY_HSCAN),
                _ => return Err(Error::Syntax),
            }
        }
        Ok(options)
    }
}

/// A cursor as Redis 8.0 reads it: canonical numbers first, and what C's strtoull makes of the rest (`+5`, ` 5`, `005`).
pub(super) fn parse_cursor(word: &[u8]) -> Option<u64> {
    // As C reads it: up to a NUL.
    let word = word.split(|b| *b == 0).next().unwrap_or_default();
    if let Some(n) = crate::base::numbers::parse_i64(word) {
        return u64::try_from(n).ok();
    }
    let blanks = word.iter().take_while(|b| matches!(b, b' ' | b'\t'..=b'\r')).count();
    let (negative, digits) = match &word[blanks..] {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        rest => (false, rest),
    };
    if digits.is_empty() {
        return None;
    }
    let mut n: u64 = 0;
    for d in digits {
        n = n.checked_mul(10)?.checked_add(u64::from(char::from(*d).to_digit(10)?))?;
    }
    Some(if negative { n.wrapping_neg() } else { n })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resp::OwnedArgs;

    #[test]
    fn options() {
        let parse = |words: &[&str]| {
            let owned = OwnedArgs::new(words);
            Options::parse(owned.args()).map(|o| (o.count, o.pattern.map(<[u8]>::to_vec), o.type_.map(<[u8]>::to_vec)))
        };
        assert_eq!(parse(&[]), Ok((10, None, None)));
        assert_eq!(parse(&["MATCH", "*", "count", "5"]), Ok((5, None, None)));
        assert_eq!(parse(&["Type", "odd", "match", "a*"]), Ok((10, Some(b"a*".to_vec()), Some(b"odd".to_vec()))));
        assert_eq!(parse(&["count", "0"]), Err(Error::Syntax));
        assert_eq!(parse(&["count", "-1"]), Err(Error::Syntax));
        assert_eq!(parse(&["count", "x"]), Err(Error::NotInteger));
        assert_eq!(parse(&["count"]), Err(Error::Syntax));
        assert_eq!(parse(&["match", "a", "type"]), Err(Error::Syntax));
        assert_eq!(parse(&["novalues"]), Err(Error::NOVALUES_ONLY_HSCAN));
    }

    #[test]
    fn cursors() {
        for (word, want) in [
            ("0", Some(0)),
            ("18446744073709551615", Some(u64::MAX)),
            ("18446744073709551616", None),
            ("-1", None),
            ("", None),
            ("x", None),
            ("5x", None),
            ("+5", Some(5)),
            (" 5", Some(5)),
            ("5 ", None),
            ("007", Some(7)),
            ("-", None),
            ("5\0x", Some(5)),
        ] {
            assert_eq!(parse_cursor(word.as_bytes()), want, "{word:?}");
        }
    }
}
