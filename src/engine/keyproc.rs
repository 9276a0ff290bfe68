//! Keys that no key spec can tell: the options decide where they are or what happens to them. One procedure for each
//! `via` clause of a row's `keys` column; the counterparts of Redis's `setGetKeys`, `sortGetKeys`, ….

use super::keyspec::{KeyFlags, KeyPos, KeysError};
use crate::resp::args::Args;

/// Who extracts a command's keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Via {
    /// The key specs, there is nothing special.
    #[default]
    Specs,
    Set,
    Delex,
    Bitfield,
    Sort,
    SortRo,
    GeoRadius,
    Migrate,
    XRead,
}

impl Via {
    pub(super) fn named(name: &str) -> Option<Via> {
        Some(match name {
            "set" => Via::Set,
            "delex" => Via::Delex,
            "bitfield" => Via::Bitfield,
            "sort" => Via::Sort,
            "sort_ro" => Via::SortRo,
            "georadius" => Via::GeoRadius,
            "migrate" => Via::Migrate,
            "xread" => Via::XRead,
            _ => return None,
        })
    }

    /// True if only the flags depend on the options: the key specs tell the places all the same.
    pub(super) fn keeps_places(self) -> bool {
        matches!(self, Via::Specs | Via::Set | Via::Delex | Via::Bitfield)
    }
}

const READ: KeyFlags = KeyFlags::RO.with(KeyFlags::ACCESS);
const OVERWRITE: KeyFlags = KeyFlags::OW.with(KeyFlags::UPDATE);
const READ_UPDATE: KeyFlags = KeyFlags::RW.with(KeyFlags::ACCESS).with(KeyFlags::UPDATE);
const READ_DELETE: KeyFlags = KeyFlags::RW.with(KeyFlags::ACCESS).with(KeyFlags::DELETE);
const REMOVE: KeyFlags = KeyFlags::RM.with(KeyFlags::DELETE);

/// Appends the keys of `args`.
pub(super) fn run(via: Via, args: Args<'_>, out: &mut Vec<KeyPos>) -> Result<(), KeysError> {
    if args.len() < 2 {
        return Err(KeysError);
    }
    let mut key = |index: usize, flags: KeyFlags| out.push(KeyPos { index: index as u32, flags });
    match via {
        // Walked by the caller.
        Via::Specs => return Err(KeysError),
        Via::Set => key(1, if set_looks(args) { READ_UPDATE } else { OVERWRITE }),
        Via::Delex => key(1, if args.len() > 2 { READ_DELETE } else { REMOVE }),
        Via::Bitfield => key(1, if bitfield_writes(args) { READ_UPDATE } else { READ }),
        Via::Sort => {
            key(1, READ);
            if let Some(i) = sort_store(args) {
                key(i, OVERWRITE);
            }
        }
        Via::SortRo => key(1, READ),
        Via::GeoRadius => {
            key(1, READ);
            let mut i = 5;
            while i + 1 < args.len() {
                if args.is(i, "store") || args.is(i, "storedist") {
                    i += 1;
                    key(i, OVERWRITE);
                }
                i += 1;
            }
        }
        Via::Migrate => migrate(args).for_each(|i| key(i, READ_DELETE)),
        Via::XRead => {
            let first = streams(args).ok_or(KeysError)?;
            (first..first + (args.len() - first) / 2).for_each(|i| key(i, READ));
        }
    }
    Ok(())
}

/// SET reads the old value with GET and with the comparisons of Redis 8.4.
fn set_looks(args: Args<'_>) -> bool {
    let words = ["get", "ifeq", "ifne", "ifdeq", "ifdne"];
    (3..args.len()).any(|i| words.iter().any(|w| args.is(i, w)))
}

/// BITFIELD only reads if all of it is well-formed GETs (an OVERFLOW changes nothing by itself).
fn bitfield_writes(args: Args<'_>) -> bool {
    let mut i = 2;
    while i < args.len() {
        let left = args.len() - i - 1;
        i += match () {
            () if args.is(i, "get") && left >= 2 => 3,
            () if args.is(i, "overflow") && left >= 1 => 2,
            () => return true,
        };
    }
    false
}

/// The index of SORT's last STORE target. The words behind LIMIT, GET and BY are no options.
fn sort_store(args: Args<'_>) -> Option<usize> {
    let mut found = None;
    let mut i = 2;
    while i < args.len() {
        if args.is(i, "limit") {
            i += 2;
        } else if args.is(i, "get") || args.is(i, "by") {
            i += 1;
        } else if args.is(i, "store") && i + 1 < args.len() {
            i += 1;
            found = Some(i);
        }
        i += 1;
    }
    found
}

/// MIGRATE's key is word 3, or with KEYS everything behind that word while word 3 is empty.
fn migrate(args: Args<'_>) -> std::ops::Range<usize> {
    let mut i = 6;
    while i < args.len() {
        if args.is(i, "keys") {
            // Both forms at once are a syntax error, for the handler to tell.
            return if args.at(3).is_empty() { i + 1..args.len() } else { 0..0 };
        }
        i += if args.is(i, "auth2") {
            3
        } else if args.is(i, "auth") {
            2
        } else {
            1
        };
    }
    if args.len() > 3 { 3..4 } else { 0..0 }
}

/// The index behind XREAD's STREAMS: the option, not a group, consumer or stream that is called so. `None` unless
/// an even number of words follows.
fn streams(args: Args<'_>) -> Option<usize> {
    let mut i = 1;
    while i < args.len() {
        i += match () {
            () if args.is(i, "streams") => break,
            () if args.is(i, "block") || args.is(i, "count") || args.is(i, "claim") => 2,
            () if args.is(i, "group") => 3,
            () if args.is(i, "noack") => 1,
            () => return None,
        };
    }
    let left = args.len().checked_sub(i + 1)?;
    (left > 0 && left % 2 == 0).then_some(i + 1)
}

#[cfg(test)]
mod tests {
    use crate::engine::keyspec::KeySpecs;
    use crate::resp::args::OwnedArgs;

    /// The keys of a command line with their flags: `"k RO access, y OW update"`, or `refused`.
    fn keys(spec: &'static str, line: &str) -> String {
        let words = OwnedArgs::new(line.split(' ').map(|w| if w == "''" { "" } else { w }));
        let mut out = Vec::new();
        let specs = KeySpecs::parse(spec).unwrap();
        if specs.positions(words.args(), &mut out).is_err() {
            return "refused".into();
        }
        let show = |k: &crate::engine::keyspec::KeyPos| {
            let word = String::from_utf8_lossy(words.args().at(k.index as usize)).into_owned();
            std::iter::once(word).chain(k.flags.names().map(String::from)).collect::<Vec<_>>().join(" ")
        };
        out.iter().map(show).collect::<Vec<_>>().join(", ")
    }

    /// What COMMAND GETKEYSANDFLAGS of Redis 7.0.15 answered, unless a comment says otherwise.
    #[test]
    fn as_redis_tells_them() {
        for (spec, line, want) in [
            ("1 RO access", "GET k", "k RO access"),
            ("1..-1/2 OW update", "MSET a b c", "a OW update, c OW update"),
            ("1..-2 RW access delete", "BLPOP a b 0", "a RW access delete, b RW access delete"),
            ("1 RO; 2 OW", "RENAME a b", "a RO, b OW"),
            ("1 RW access insert; 2..-1 RO access", "PFMERGE a", "a RW access insert"), // Redis: an error
            ("1 num RO access", "ZUNION 2 a b WEIGHTS 1 2", "a RO access, b RO access"),
            ("1 num RO access", "ZUNION 0 k", ""),
            ("1 num RO access", "ZUNION -1 k", "refused"),
            ("1 num RO access", "ZUNION x k", "refused"),
            ("1 num RO access", "ZUNION 2 k", "refused"),
            ("1 num RO access", "ZUNION 9223372036854775807 k", "refused"),
            ("1 num/2 OW update", "MSETEX 2 a 1 b 2 EX 5", "a OW update, b OW update"),
            ("2 num RW", "EVAL x 1 k a", "k RW"),
            ("1 RW; via set", "SET k v", "k OW update"),
            ("1 RW; via set", "SET k v GET", "k RW access update"),
            ("1 RW; via bitfield", "BITFIELD k GET u8 0 OVERFLOW SAT", "k RO access"),
            ("1 RW; via bitfield", "BITFIELD k GET u8 0 SET u8 0 1", "k RW access update"),
            ("via sort", "SORT k BY w STORE x STORE y", "k RO access, y OW update"),
            ("via sort", "SORT k GET STORE STORE", "k RO access"),
            ("via sort_ro", "SORT_RO k GET STORE a", "k RO access"),
            ("via georadius", "GEORADIUS k 0 0 1 m STORE a STOREDIST b", "k RO access, a OW update, b OW update"),
            ("via georadius", "GEORADIUSBYMEMBER k x 1 m STORE a", "k RO access, a OW update"),
            ("via migrate", "MIGRATE h 1 k 0 1", "k RW access delete"),
            ("via migrate", "MIGRATE h 1 '' 0 1 AUTH keys KEYS a b", "a RW access delete, b RW access delete"),
            ("via migrate", "MIGRATE h 1 k 0 1 KEYS a", ""), // Redis: k; the handler refuses it
            ("via xread", "XREAD STREAMS a b 0 0", "a RO access, b RO access"),
            ("via xread", "XREAD COUNT STREAMS STREAMS a 0", "a RO access"), // Redis: STREAMS
            ("via xread", "XREADGROUP GROUP g STREAMS STREAMS a 0", "a RO access"),
            ("via xread", "XREAD STREAMS a", "refused"),
            ("STREAMS@4..-1 limit2 RO access", "XREADGROUP GROUP g c STREAMS a b 0 0", "a RO access, b RO access"),
            ("KEYS@-2..-1 RO", "X a KEYS b c", "b RO, c RO"),
            ("1 not_key", "SSUBSCRIBE c", ""),
        ] {
            assert_eq!(keys(spec, line), want, "{line} by '{spec}'");
        }
    }
}
