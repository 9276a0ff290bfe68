//! Where we deliberately answer otherwise than a peer, and why. Everything else must be equal.
//!
//! Redis 8.0's dialect is ours: where Redis 7.0.15 or Valkey 9.1 differ from it, `fixtures/transcript-redis-8.0.2.jsonl`
//! settles the matter and the row here says so.

use crate::common::{Kind, Node};

use Kind::{Redis, Valkey};

/// Replies that may differ while the dataset stays the same: peer; the command's first words; a part of our reply;
/// a part of the peer's (empty: whatever); reason.
type Reply = (Kind, &'static str, &'static str, &'static str, &'static str);

const REPLIES: &[Reply] = &[
    // What 7.2 or 8.0 changed, and Valkey with it.
    (Redis, "BITCOUNT", "-ERR", ":0", "7.2 checks arguments before it looks for the key"),
    (Redis, "BITCOUNT", "-ERR", "-WRONGTYPE", "7.2 checks arguments before it looks at the key"),
    (Redis, "BITPOS", "-ERR", ":", "7.2 checks arguments before it looks for the key"),
    (Redis, "BITPOS", "-ERR", "-WRONGTYPE", "7.2 checks arguments before it looks at the key"),
    (Redis, "ZRANK", "-ERR syntax error", "-ERR wrong number", "WITHSCORE came with 7.2"),
    (Redis, "ZREVRANK", "-ERR syntax error", "-ERR wrong number", "WITHSCORE came with 7.2"),
    (
        Redis,
        "COMMAND GETKEYS",
        "-ERR Invalid number",
        "-ERR wrong number",
        "a command alone is looked at since 7.2 (8.0's transcript)",
    ),
    (
        Redis,
        "COMMAND GETKEYSANDFLAGS",
        "-ERR",
        "-ERR wrong number",
        "a command alone is looked at since 7.2 (8.0's transcript)",
    ),
    (Redis, "SCAN", "-ERR invalid cursor", "", "7.4 refuses negative and empty cursors"),
    (Redis, "SCAN", "", "-ERR invalid cursor", "7.4 skips blanks before a cursor"),
    (Redis, "SSCAN", "-ERR invalid cursor", "", "7.4 refuses negative and empty cursors"),
    (Redis, "HSCAN", "-ERR invalid cursor", "", "7.4 refuses negative and empty cursors"),
    (Redis, "ZSCAN", "-ERR invalid cursor", "", "7.4 refuses negative and empty cursors"),
    (Redis, "SCAN", "", "-ERR invalid cursor", "7.4 reads a cursor as C's strtoull does"),
    (Redis, "SSCAN", "", "-ERR invalid cursor", "7.4 reads a cursor as C's strtoull does"),
    (Redis, "HSCAN", "", "-ERR invalid cursor", "7.4 reads a cursor as C's strtoull does"),
    (Redis, "ZSCAN", "", "-ERR invalid cursor", "7.4 reads a cursor as C's strtoull does"),
    (Redis, "Z", "-ERR min or max is not a float", "", "8.0 takes no blanks in front of a bound"),
    (Redis, "XREAD", "-ERR Unbalanced 'xread", "-ERR Unbalanced XREAD", "7.2's wording"),
    (Redis, "XREADGROUP", "-ERR Unbalanced 'xreadgroup", "-ERR Unbalanced XREADGROUP", "7.2's wording"),
    (Redis, "HELLO", "-", "-WRONGPASS", "7.2 looks at all options before it acts on the first"),
    (Redis, "COMMAND GETKEYS", "-ERR The command has no key", "-ERR wrong number", "as above"),
    (Redis, "SORT", "-ERR One or more scores", "", "8.0 takes no blanks in front of a number"),
    (Redis, "SORT_RO", "-ERR One or more scores", "", "8.0 takes no blanks in front of a number"),
    (Redis, "OBJECT REFCOUNT", ":2147483647", ":1", "ours holds no integer objects, so a copied one is as any other"),
    (Redis, "LREM", "-ERR value is out of range", ":", "7.2 refuses a count that cannot be negated"),
    (Redis, "BLPOP", "-ERR timeout is out of range", "-ERR timeout is negative", "7.2 refuses what overflows as such"),
    (Redis, "LPOS", "-ERR value is out of range", "", "7.2 refuses a rank that cannot be negated"),
    (Redis, "XINFO CONSUMERS", "inactive", "", "7.2 added when a consumer was last active"),
    (Redis, "XINFO STREAM", "active-time", "", "7.2 added when a consumer was last active"),
    (Redis, "*", "-NOPERM", "-NOPERM", "7.2's wording"),
    (Redis, "EXEC", "NOPERM", "NOPERM", "7.2's wording"),
    (Redis, "ACL DRYRUN", "User u", "This user", "7.2's wording"),
    // What Valkey alone changed; ours is as in Redis, 7.0 and 8.0.
    (Valkey, "ACL SAVE", "This Redis instance", "This instance", "Valkey's wording"),
    (Valkey, "ACL LOAD", "This Redis instance", "This instance", "Valkey's wording"),
    (Valkey, "BITCOUNT", "-ERR", "-ERR", "Valkey lets the end be absent, and checks the unit before it"),
    (Valkey, "BITCOUNT", "-ERR syntax error", ":", "Valkey lets the end be absent"),
    (Valkey, "BITCOUNT", "-ERR syntax error", "-WRONGTYPE", "Valkey lets the end be absent"),
    (Valkey, "CLIENT LIST", "", "-ERR", "Valkey's filters have their own errors"),
    (Valkey, "CLIENT KILL", "-ERR", "-ERR", "Valkey's filters have their own errors"),
    (Valkey, "HELLO", "7.4.0", "mode", "Valkey's greeting has fields of its own"),
    (Valkey, "GETEX", "", "-ERR", "Valkey checks the time before it looks for the key"),
    (Valkey, "GEO", "-ERR could not decode requested zset member", "does not exist", "Valkey's wording"),
    (Valkey, "GEO", "BYRADIUS and BYBOX", "BYPOLYGON", "BYPOLYGON is Valkey's"),
    (Valkey, "HEXPIRE", "-", "-", "Valkey checks fields in another order, and has its own wording"),
    (Valkey, "HPEXPIRE", "-", "-", "Valkey checks fields in another order, and has its own wording"),
    (Valkey, "HEXPIREAT", "-", "-", "Valkey checks fields in another order, and has its own wording"),
    (Valkey, "HPEXPIREAT", "-", "-", "Valkey checks fields in another order, and has its own wording"),
    (Valkey, "HTTL", "-", "-", "Valkey checks fields in another order, and has its own wording"),
    (Valkey, "HPTTL", "-", "-", "Valkey checks fields in another order, and has its own wording"),
    (Valkey, "HEXPIRETIME", "-", "-", "Valkey checks fields in another order, and has its own wording"),
    (Valkey, "HPEXPIRETIME", "-", "-", "Valkey checks fields in another order, and has its own wording"),
    (Valkey, "HPERSIST", "-", "-", "Valkey checks fields in another order, and has its own wording"),
    (Valkey, "HGETEX", "-", "-", "Valkey checks fields in another order, and has its own wording"),
    (Valkey, "HSETEX", "-", "-", "Valkey checks fields in another order, and has its own wording"),
    (Valkey, "HGETDEL", "-", "-", "Valkey checks fields in another order, and has its own wording"),
    (Valkey, "CLIENT UNBLOCK", "-ERR unknown subcommand", "", "Valkey takes no notice of words that are too many"),
    (Valkey, "SCAN", "", "-ERR unknown type name", "Redis, 7.0 and 8.0, finds nothing of a type that there is not"),
    (Valkey, "OBJECT REFCOUNT", ":2147483647", ":1", "Valkey shares no integers any more"),
    (Valkey, "MSETEX", "-ERR invalid numkeys value", "-ERR invalid numkeys value or out", "Redis 8.4's wording"),
    (Valkey, "MSETEX", "-ERR wrong number of key-value pairs", "-ERR syntax error", "Redis 8.4's wording"),
    (Valkey, "SORT", "", "-ERR One or more scores", "Valkey takes nothing at all for no number"),
    (Valkey, "SORT_RO", "", "-ERR One or more scores", "Valkey takes nothing at all for no number"),
    (Valkey, "MULTI", "-ERR MULTI calls can not be nested", "-ERR", "Valkey's wording"),
    (Valkey, "WATCH", "-ERR WATCH inside MULTI is not allowed", "-ERR", "Valkey's wording"),
    (
        Valkey,
        "DEBUG DIGEST",
        "+",
        "+",
        "Valkey digests a score beyond 2^63 in a listpack by the digits stored there; ours digests it as Redis does",
    ),
    (
        Valkey,
        "XREAD",
        "",
        "*-1",
        "where the last id was set by XSETID, Valkey's `+` is behind it; 8.0 looks for the last entry (redis#13632)",
    ),
    (
        Valkey,
        "XREAD",
        "",
        "_",
        "where the last id was set by XSETID, Valkey's `+` is behind it; 8.0 looks for the last entry (redis#13632)",
    ),
    (Redis, "EVALSHA", "-NOSCRIPT", "-NOSCRIPT No matching script.", "8.0's words (its transcript)"),
    (Valkey, "EVALSHA", "-NOSCRIPT", "-NOSCRIPT No matching script.", "8.0's words (its transcript)"),
    (Redis, "FUNCTION LOAD", "already exists", "already exists", "which of several is named follows a hash table"),
    (
        Valkey,
        "FUNCTION LOAD",
        "-ERR",
        "-ERR",
        "Valkey looks at what was registered after the code ran, in words of its own",
    ),
    (Valkey, "MODULE LIST", "*0", "lua", "Lua is a module in Valkey 9"),
];

/// Commands that are not sent, since the datasets would part: peer; first words; a word that must be among the rest
/// (empty: any); reason.
type NotSent = (Kind, &'static str, &'static str, &'static str);

const NOT_SENT: &[NotSent] = &[
    (Redis, "LREM", "-9223372036854775808", "7.2 refuses a count that cannot be negated"),
    (Valkey, "LSET", "-9223372036854775808", "Valkey 9.1 cuts a listpack's index to 32 bits, and finds it"),
    (Valkey, "LSET", "9223372036854775807", "Valkey 9.1 cuts a listpack's index to 32 bits, and finds it"),
    (Valkey, "LSET", "4294967296", "Valkey 9.1 cuts a listpack's index to 32 bits, and finds it"),
    (Valkey, "HELLO", "AUTH", "Valkey sets the name only if the password is right; Redis sets what comes first"),
    (Valkey, "Z", "-0", "Valkey makes a sorted set of long members a skiplist at once, where -0 is not 0"),
    (
        Valkey,
        "XREADGROUP",
        "18446744073709551615-18446744073709551615",
        "Valkey has nothing to answer behind the last of all ids",
    ),
    (Valkey, "LSET", "-9223372036854775808", "Valkey 9.1 takes this index for one that exists"),
    (Redis, "HELLO", "AUTH", "7.0 tries every password that is given; 7.2 the last one"),
    (Redis, "HELLO", "SETNAME", "7.0 sets the name at once; 7.2 only if nothing that follows is wrong"),
    (Redis, "XADD", "*", "two clocks do not tell the same millisecond"),
    (Valkey, "XADD", "*", "two clocks do not tell the same millisecond"),
    (Redis, "XSETID", "", "7.2 refuses an id below one that was deleted"),
    (Redis, "BITOP", "DIFF", "came with Redis 8.2: it writes where the peer refuses"),
    (Valkey, "BITOP", "DIFF", "came with Redis 8.2: it writes where the peer refuses"),
    (Valkey, "Z", "0x10", "Valkey reads no hexadecimal floats"),
    (Valkey, "GEO", "0x10", "Valkey reads no hexadecimal floats"),
    (Valkey, "INCRBYFLOAT", "0x1p3", "Valkey reads no hexadecimal floats"),
    (Redis, "RPUSH", "1e400", "7.0 takes every number for one out of range once SORT met one (errno is never cleared)"),
    (
        Redis,
        "RPUSH",
        "-1e400",
        "7.0 takes every number for one out of range once SORT met one (errno is never cleared)",
    ),
    (Redis, "RPUSH", " 1", "7.0 sorts by numbers with blanks in front, 8.0 refuses them: what SORT stores would part"),
    (Redis, "LPUSH", " 1", "7.0 sorts by numbers with blanks in front, 8.0 refuses them: what SORT stores would part"),
    (Redis, "SADD", " 1", "7.0 sorts by numbers with blanks in front, 8.0 refuses them: what SORT stores would part"),
    (Redis, "ZADD", " 1", "7.0 sorts by numbers with blanks in front, 8.0 refuses them: what SORT stores would part"),
    (Redis, "ZREMRANGEBYSCORE", " 1", "8.0 takes no blanks in front of a bound"),
    (Redis, "ZRANGESTORE", " 1", "8.0 takes no blanks in front of a bound"),
    (Redis, "LPUSH", "1e400", "as RPUSH: one such number spoils every later SORT of 7.0"),
    (Redis, "LPUSH", "-1e400", "as RPUSH: one such number spoils every later SORT of 7.0"),
    (Redis, "SADD", "1e400", "as RPUSH: one such number spoils every later SORT of 7.0"),
    (Redis, "SADD", "-1e400", "as RPUSH: one such number spoils every later SORT of 7.0"),
    (Redis, "ZADD", "1e400", "as RPUSH: one such number spoils every later SORT of 7.0"),
    (Redis, "ZADD", "-1e400", "as RPUSH: one such number spoils every later SORT of 7.0"),
    (Redis, "SET", "1e400", "as RPUSH: one such number spoils every later SORT of 7.0"),
    (Redis, "SET", "-1e400", "as RPUSH: one such number spoils every later SORT of 7.0"),
    (Redis, "MSET", "1e400", "as RPUSH: one such number spoils every later SORT of 7.0"),
    (Redis, "MSET", "-1e400", "as RPUSH: one such number spoils every later SORT of 7.0"),
    (Redis, "HSET", "1e400", "as RPUSH: one such number spoils every later SORT of 7.0"),
    (Redis, "HSET", "-1e400", "as RPUSH: one such number spoils every later SORT of 7.0"),
    (Valkey, "Z", "0x1p3", "Valkey reads no hexadecimal floats"),
    (Valkey, "GEO", "0x1p3", "Valkey reads no hexadecimal floats"),
    (Valkey, "SORT", "STORE", "Valkey refuses empty texts as numbers, so that what is stored would part"),
    (Valkey, "WALK SCAN", "TYPE", "Valkey refuses types that there are not"),
    (Valkey, "HSETEX FIELDS", "", "Valkey looks for FIELDS from the first word on"),
    (Valkey, "HGETEX FIELDS", "", "Valkey looks for FIELDS from the first word on"),
    (Valkey, "HFE", "9223372036854775807", "Valkey's fields may expire later than Redis's 46 bits can tell"),
    (Valkey, "HFE", "9223372036854775", "Valkey's fields may expire later than Redis's 46 bits can tell"),
    (Valkey, "HINCRBYFLOAT", "0x1p3", "Valkey reads no hexadecimal floats"),
];

/// Names of encodings: peer, type, ours, theirs, reason.
const ENCODINGS: &[(Kind, &str, &str, &str, &str)] = &[
    (Redis, "list", "listpack", "quicklist", "small lists are one listpack since Redis 7.2"),
    (Redis, "set", "listpack", "hashtable", "small sets of strings are listpacks since Redis 7.2"),
    (Redis, "set", "hashtable", "intset", "7.2 converts by the number of members given"),
    (Redis, "zset", "skiplist", "listpack", "7.2 converts by the number of members given"),
    (Valkey, "zset", "listpack", "skiplist", "Valkey converts by the longest member given"),
    (Valkey, "hash", "listpackex", "hashtable", "Valkey makes a hash with a field's expiry a table at once"),
    (Valkey, "string", "int", "embstr", "Valkey keeps a number as text when a script hands it on as an argument"),
    (Valkey, "string", "embstr", "raw", "Valkey counts the key in, and makes the value raw if both are long"),
    (Valkey, "string", "raw", "embstr", "Valkey embeds up to 64 bytes; Redis, 7.0 and 8.0, up to 44"),
    (Valkey, "string", "embstr", "raw", "Valkey counts a long key among the bytes that it embeds"),
];

/// Whether a command may go to both servers.
pub fn sendable(peer: Kind, words: &[Vec<u8>]) -> bool {
    let among =
        |wanted: &str| wanted.is_empty() || words[1..].iter().any(|w| w.eq_ignore_ascii_case(wanted.as_bytes()));
    !NOT_SENT.iter().any(|row| row.0 == peer && starts(words, row.1) && among(row.2)) && !expires_soon(words)
}

/// A time to live of less than a thousand seconds, which may end in the one server before it is asked, and not in the other.
fn expires_soon(words: &[Vec<u8>]) -> bool {
    let soon = |word: Option<&Vec<u8>>, a_second: i64| {
        let n = word.and_then(|word| std::str::from_utf8(word).ok()?.parse::<i64>().ok());
        n.is_some_and(|n| (1..1000 * a_second).contains(&n))
    };
    match words[0].to_ascii_uppercase().as_slice() {
        b"EXPIRE" | b"SETEX" | b"HEXPIRE" => soon(words.get(2), 1),
        b"PEXPIRE" | b"PSETEX" | b"HPEXPIRE" | b"RESTORE" => soon(words.get(2), 1000),
        b"SET" | b"GETEX" | b"HSETEX" | b"HGETEX" | b"MSETEX" => words.windows(2).any(|pair| {
            pair[0].eq_ignore_ascii_case(b"EX") && soon(pair.get(1), 1)
                || pair[0].eq_ignore_ascii_case(b"PX") && soon(pair.get(1), 1000)
        }),
        _ => false,
    }
}

pub fn excused(peer: Kind, words: &[Vec<u8>], ours: &[u8], theirs: &[u8]) -> bool {
    let listed = REPLIES
        .iter()
        .any(|row| row.0 == peer && starts(words, row.1) && contains(ours, row.2) && contains(theirs, row.3));
    if listed || is_script(words) && same_script_words(peer, ours, theirs) {
        return true;
    }
    let (mut a, mut b) = (Node::parse(ours), Node::parse(theirs));
    if starts(words, "ZSCAN") && a.items.len() == 2 && b.items.len() == 2 {
        [&mut a, &mut b].into_iter().for_each(|node| node.items[1].sort(2));
    }
    // 7.2 keeps rules as they were given; 7.0 derives them from what they leave, so a removal in vain is not shown.
    if peer == Redis && (starts(words, "ACL LIST") || starts(words, "ACL GETUSER")) {
        for node in [&mut a, &mut b] {
            crate::rules::forget_databases(node);
            forget_removals(node);
        }
        return a == b;
    }
    if starts(words, "OBJECT ENCODING") || starts(words, "DEBUG OBJECT") {
        return ENCODINGS.iter().any(|row| row.0 == peer && row.2.as_bytes() == a.text && row.3.as_bytes() == b.text);
    }
    // A set that is not sorted comes in the order of its table.
    if starts(words, "SORT") || starts(words, "SORT_RO") {
        let by = words.windows(2).rfind(|pair| pair[0].eq_ignore_ascii_case(b"BY"));
        // So do, of a set or sorted set, those that BY and ALPHA take for equal.
        let alpha = words.iter().any(|word| word.eq_ignore_ascii_case(b"ALPHA"));
        if by.is_some() && alpha && matches!(words[1].first(), Some(b'z' | b't')) {
            [&mut a, &mut b].into_iter().for_each(|node| node.sort(1));
            return a == b;
        }
        return by.is_some_and(|pair| !pair[1].contains(&b'*')) && a.kind == b.kind && a.items.len() == b.items.len();
    }
    if starts(words, "XINFO") {
        [&mut a, &mut b].into_iter().for_each(crate::rules::forget_stream_internals);
        [&mut a, &mut b].into_iter().for_each(forget_lag);
        return a == b;
    }
    // Since 7.2 a double is printed with the fewest digits that read back as the same; 7.0 printed seventeen.
    // Coordinates are so in 8.0 (its transcript), and have 17 digits behind the point in 7.0 and Valkey.
    let scores = ["Z", "BZ"].iter().any(|family| starts(words, family));
    (peer == Redis && scores || starts(words, "GEO")) && same_doubles(&a, &b)
}

fn is_script(words: &[Vec<u8>]) -> bool {
    ["EVAL", "FCALL", "FUNCTION", "SCRIPT", "EXEC"]
        .iter()
        .any(|name| words[0].to_ascii_uppercase().starts_with(name.as_bytes()))
}

/// What scripts are told: ours in Redis's words, and Valkey's for the same.
const SCRIPT_WORDS: &[(&str, &str)] = &[
    ("Unknown Redis command called", "Unknown command called"),
    ("calling Redis command from", "calling command from"),
    ("This Redis command is", "This Valkey command is"),
    ("Lua redis lib command arguments", "Command arguments"),
    ("for this redis lib call", "for this call"),
];

/// Equal but for Valkey's words, or for how Redis 7.0 writes doubles.
fn same_script_words(peer: Kind, ours: &[u8], theirs: &[u8]) -> bool {
    if peer == Redis {
        return same_doubles(&Node::parse(ours), &Node::parse(theirs));
    }
    let mut text = ours.escape_ascii().to_string();
    // Valkey does not name the script.
    while let Some(at) = text.find(" script: ").filter(|at| text[at + 9..].find(", on @").is_some_and(|n| n <= 40)) {
        let end = at + 9 + text[at + 9..].find(", on @").unwrap_or(0) + 2;
        text.replace_range(at + 9..end, "");
        text.replace_range(at..at + 9, " script\u{1} ");
    }
    let mut text = text.replace(" script\u{1} ", " script: ");
    for (redis, valkey) in SCRIPT_WORDS {
        text = text.replace(redis, valkey);
    }
    // It cuts a big number at a NUL, and keeps line ends in front of an error's text.
    text == theirs.escape_ascii().to_string() || {
        let (mut a, mut b) = (Node::parse(ours), Node::parse(theirs));
        [&mut a, &mut b].into_iter().for_each(cut_and_trim);
        a == b
    }
}

fn cut_and_trim(node: &mut Node) {
    node.items.iter_mut().for_each(cut_and_trim);
    let end = node.text.iter().position(|b| *b == 0).unwrap_or(node.text.len());
    node.text.truncate(end);
    if node.is_error() && node.text.starts_with(b"ERR  ") {
        node.text.remove(4);
    }
}

/// Equal but for how doubles are written.
pub fn same_doubles(a: &Node, b: &Node) -> bool {
    let double = |node: &Node| std::str::from_utf8(&node.text).ok()?.parse::<f64>().ok();
    // Seventeen digits, or an exponent of at least two.
    let equal = |x: f64, y: f64| x == y || (x - y).abs() < 1e-17;
    let equal = || double(a).zip(double(b)).is_some_and(|(x, y)| equal(x, y));
    let exponent = || a.text.contains(&b'e') || b.text.contains(&b'e');
    let written = || (b.text.len() >= 17 || exponent()) && equal();
    a.kind == b.kind
        && a.null == b.null
        && a.items.len() == b.items.len()
        && (a.text == b.text || written())
        && a.items.iter().zip(&b.items).all(|(x, y)| same_doubles(x, y))
}

/// How far a group is behind is reckoned since 7.4 by where it stands, where that tells more than the number of entries read
/// (redis#13338); 7.0 and Valkey trust the number. And what is pending is called so in Valkey. `data/stream/tests.rs` has 8.0's.
fn forget_lag(node: &mut Node) {
    for pair in node.items.chunks_mut(2) {
        if let [key, value] = pair {
            match key.text.as_slice() {
                b"lag" | b"entries-read" => *value = Node::parse(b":0\r\n"),
                b"pending" => key.text = b"pel".to_vec(),
                _ => {}
            }
        }
    }
    node.items.iter_mut().for_each(forget_lag);
}

/// Whether two values of a key are the same to this peer.
pub fn same_value(peer: Kind, kind: &str, ours: &[Node], theirs: &[Node]) -> bool {
    if kind == "stream" && ours != theirs {
        let (mut a, mut b) = (ours.to_vec(), theirs.to_vec());
        a.iter_mut().chain(&mut b).for_each(forget_lag);
        return a == b;
    }
    ours == theirs || (peer == Redis && kind == "zset" && ours.iter().zip(theirs).all(|(a, b)| same_doubles(a, b)))
}

pub fn encoding_excused(peer: Kind, kind: &str, ours: &str, theirs: &str) -> bool {
    ENCODINGS.iter().any(|row| row.0 == peer && row.1 == kind && row.2 == ours && row.3 == theirs)
}

/// Whether DEBUG DIGEST is left out, the comparison key by key being what counts: scores go into the digest as they
/// are printed, and Valkey has its own opinion on the expiry of fields.
pub fn digest_excused(peer: Kind, kinds: &[String]) -> bool {
    kinds.iter().any(|kind| matches!((peer, kind.as_str()), (_, "zset" | "hash" | "stream")))
}

/// Leaves out what a user's rules take away, but for `-@all`.
fn forget_removals(node: &mut Node) {
    let text = String::from_utf8_lossy(&node.text).into_owned();
    let kept: Vec<&str> = text.split(' ').filter(|word| !word.starts_with('-') || *word == "-@all").collect();
    node.text = kept.join(" ").into_bytes();
    node.items.iter_mut().for_each(forget_removals);
}

/// Whether a command begins with these words; a last word in the table without a full match is a family's prefix.
fn starts(words: &[Vec<u8>], command: &str) -> bool {
    if command == "*" {
        return true;
    }
    if command == "HFE" {
        let name = words[0].to_ascii_uppercase();
        return name.starts_with(b"H") && ["EX", "AT", "TTL"].iter().any(|part| contains(&name, part));
    }
    if matches!(command, "Z" | "BZ" | "GEO") {
        return words[0].to_ascii_uppercase().starts_with(command.as_bytes());
    }
    let mut sent = words.iter();
    command.split(' ').all(|word| sent.next().is_some_and(|sent| sent.eq_ignore_ascii_case(word.as_bytes())))
}

fn contains(reply: &[u8], part: &str) -> bool {
    part.is_empty() || reply.windows(part.len()).any(|window| window == part.as_bytes())
}
