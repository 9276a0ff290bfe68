//! Where we deliberately answer otherwise than a peer, and why. Everything else must be equal.
//!
//! Redis 8.0's dialect is ours: where Redis 7.0.15 or Valkey 9.1 differ from it, `fixtures/transcript-redis-8.0.2.jsonl`
//! settles the matter and the row here says so.

use crate::common::Kind;

struct Difference {
    /// The peer that differs.
    peer: Kind,
    /// Which commands: the first words, upper case.
    command: &'static str,
    /// What our reply contains; empty: whatever.
    ours: &'static str,
    /// What the peer's reply contains; empty: whatever.
    theirs: &'static str,
    #[allow(dead_code)] // For the reader.
    reason: &'static str,
}

/// Replies that may differ while the dataset stays the same.
const REPLIES: &[Difference] = &[];

/// Commands that are not sent, since the datasets would part.
const NOT_SENT: &[Difference] = &[];

/// Names of encodings: peer, type, ours, theirs, reason.
const ENCODINGS: &[(Kind, &str, &str, &str, &str)] = &[
    (Kind::Redis, "list", "listpack", "quicklist", "small lists are one listpack since Redis 7.2"),
    (Kind::Redis, "set", "listpack", "hashtable", "small sets of strings are listpacks since Redis 7.2"),
    (Kind::Valkey, "hash", "listpackex", "hashtable", "Valkey makes a hash with a field's expiry a table at once"),
];

/// Whether a command may go to both servers.
pub fn sendable(peer: Kind, words: &[Vec<u8>]) -> bool {
    !NOT_SENT.iter().any(|row| row.peer == peer && starts(words, row.command))
}

pub fn excused(peer: Kind, words: &[Vec<u8>], ours: &[u8], theirs: &[u8]) -> bool {
    REPLIES.iter().any(|row| {
        row.peer == peer && starts(words, row.command) && contains(ours, row.ours) && contains(theirs, row.theirs)
    })
}

pub fn encoding_excused(peer: Kind, kind: &str, ours: &str, theirs: &str) -> bool {
    ENCODINGS.iter().any(|row| row.0 == peer && row.1 == kind && row.2 == ours && row.3 == theirs)
}

/// Whether DEBUG DIGEST is left out, the comparison key by key being what counts.
pub fn digest_excused(peer: Kind) -> bool {
    let _ = peer;
    false
}

fn starts(words: &[Vec<u8>], command: &str) -> bool {
    let mut at = 0;
    command.split(' ').filter(|word| !word.is_empty()).all(|word| {
        at += 1;
        words.get(at - 1).is_some_and(|sent| sent.eq_ignore_ascii_case(word.as_bytes()))
    })
}

fn contains(reply: &[u8], part: &str) -> bool {
    part.is_empty() || reply.windows(part.len()).any(|window| window == part.as_bytes())
}
