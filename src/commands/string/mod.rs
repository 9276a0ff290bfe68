//! Strings. The rows are here, the handlers in a file for each subject:
//!
//! | file | subject |
//! |---|---|
//! | `read` | what only looks: GET, MGET, GETRANGE, STRLEN, DIGEST |
//! | `set` | SET with its options and its many short forms; GETSET, GETDEL, GETEX |
//! | `many` | MSET, MSETNX, MSETEX |
//! | `condition` | comparisons that SET and DELEX may depend on; DELEX, DELIFEQ |
//! | `counter` | INCR and its kin, INCRBYFLOAT |
//! | `raw` | strings changed where they lie: APPEND, SETRANGE, and the ground of SETBIT and BITFIELD |
//! | `lcs` | the longest common subsequence |

mod condition;
mod counter;
mod lcs;
mod many;
pub(super) mod raw;
pub(super) mod read;
mod set;
#[cfg(test)]
mod tests;

use crate::engine::spec::{BLANK, Spec};
use condition::{delex, delifeq};
use counter::{decr, decrby, incr, incrby, incrbyfloat};
use lcs::lcs;
use many::{mset, msetex, msetnx};
use raw::{append, setrange};
use read::{digest, get, getrange, mget, strlen, substr};
use set::{getdel, getex, getset, psetex, set, setex, setnx};

#[rustfmt::skip]
pub const COMMANDS: &[Spec] = &[
    Spec {
        name: "append", arity: 3, flags: "write denyoom fast", acl: "string",
        keys: "1 RW insert", group: "string", since: "2.0.0",
        syntax: "key value",
        summary: "Adds bytes to the end of a string; a missing key starts out empty.", complexity: "O(1) amortized", run: append,
        ..BLANK
    },
    Spec {
        name: "decr", arity: 2, flags: "write denyoom fast", acl: "string",
        keys: "1 RW access update", group: "string",
        syntax: "key",
        summary: "Takes one from the integer a key holds; a missing key counts as 0.", complexity: "O(1)", run: decr, ..BLANK
    },
    Spec {
        name: "decrby", arity: 3, flags: "write denyoom fast", acl: "string",
        keys: "1 RW access update", group: "string",
        syntax: "key decrement:int",
        summary: "Takes a number from the integer a key holds; a missing key counts as 0.", complexity: "O(1)", run: decrby,
        ..BLANK
    },
    Spec {
        name: "delex", arity: -2, flags: "write fast", acl: "string",
        keys: "1 RW access delete variable_flags; via delex", group: "string", since: "8.4.0",
        syntax: "key [condition<IFEQ ifeq-match-value|IFNE ifne-match-value|IFDEQ ifdeq-match-digest|IFDNE ifdne-match-digest>]",
        summary: "Removes a key if its string value, or the digest of it, fits a condition.",
        complexity: "O(1), or O(N) in the value's length when digests are compared", run: delex, ..BLANK
    },
    Spec {
        name: "delifeq", arity: 3, flags: "write fast", acl: "string",
        keys: "1 RM delete", group: "string", since: "9.0.0",
        syntax: "key value",
        summary: "Removes a key if its string value equals the one given.", complexity: "O(1)", run: delifeq, ..BLANK
    },
    Spec {
        name: "digest", arity: 2, flags: "readonly fast", acl: "string",
        keys: "1 RO access", group: "string", since: "8.4.0",
        syntax: "key",
        summary: "Tells the XXH3 digest of a string value, as hexadecimal digits.", complexity: "O(N) in the value's length",
        run: digest, ..BLANK
    },
    Spec {
        name: "get", arity: 2, flags: "readonly fast", acl: "string",
        keys: "1 RO access", group: "string",
        syntax: "key",
        summary: "Reads a string value.", complexity: "O(1)", run: get, ..BLANK
    },
    Spec {
        name: "getdel", arity: 2, flags: "write fast", acl: "string",
        keys: "1 RW access delete", group: "string", since: "6.2.0",
        syntax: "key",
        summary: "Reads a string value and removes its key.", complexity: "O(1)", run: getdel, ..BLANK
    },
    Spec {
        name: "getex", arity: -2, flags: "write fast", acl: "string",
        keys: "1 RW access update", group: "string", since: "6.2.0",
        syntax: "key [expiration<EX seconds:int|PX milliseconds:int|EXAT unix-time-seconds:time|\
            PXAT unix-time-milliseconds:time|PERSIST>]",
        summary: "Reads a string value and sets or drops the expiry of its key.", complexity: "O(1)", run: getex, ..BLANK
    },
    Spec {
        name: "getrange", arity: 4, flags: "readonly", acl: "string",
        keys: "1 RO access", group: "string", since: "2.4.0",
        syntax: "key start:int end:int",
        summary: "Reads the part of a string between two offsets, both included.", complexity: "O(N) in the bytes returned",
        run: getrange, ..BLANK
    },
    Spec {
        name: "getset", arity: 3, flags: "write denyoom fast", acl: "string",
        keys: "1 RW access update", group: "string",
        syntax: "key value",
        summary: "Stores a new string value and returns the one before it.", complexity: "O(1)",
        deprecated: "6.2.0 `SET` with the `!GET` argument", run: getset, ..BLANK
    },
    Spec {
        name: "incr", arity: 2, flags: "write denyoom fast", acl: "string",
        keys: "1 RW access update", group: "string",
        syntax: "key",
        summary: "Adds one to the integer a key holds; a missing key counts as 0.", complexity: "O(1)", run: incr, ..BLANK
    },
    Spec {
        name: "incrby", arity: 3, flags: "write denyoom fast", acl: "string",
        keys: "1 RW access update", group: "string",
        syntax: "key increment:int",
        summary: "Adds a number to the integer a key holds; a missing key counts as 0.", complexity: "O(1)", run: incrby, ..BLANK
    },
    Spec {
        name: "incrbyfloat", arity: 3, flags: "write denyoom fast", acl: "string",
        keys: "1 RW access update", group: "string", since: "2.6.0",
        syntax: "key increment:double",
        summary: "Adds a fraction to the number a key holds; a missing key counts as 0.", complexity: "O(1)", run: incrbyfloat,
        ..BLANK
    },
    Spec {
        name: "lcs", arity: -3, flags: "readonly", acl: "string",
        keys: "1..1 RO access", group: "string", since: "7.0.0",
        syntax: "key1:key0 key2:key0 [LEN] [IDX] [MINMATCHLEN min-match-len:int] [WITHMATCHLEN]",
        summary: "Finds the longest common subsequence of two strings.", complexity: "O(N*M) in the lengths of the two strings",
        run: lcs, ..BLANK
    },
    Spec {
        name: "mget", arity: -2, flags: "readonly fast", acl: "string",
        keys: "1..-1 RO access", group: "string",
        syntax: "key...",
        summary: "Reads the string values of several keys in one step.", complexity: "O(N) in the number of keys",
        tips: "request_policy:multi_shard", run: mget, ..BLANK
    },
    Spec {
        name: "mset", arity: -3, flags: "write denyoom", acl: "string",
        keys: "1..-1/2 OW update", group: "string", since: "1.0.1",
        syntax: "data(key value)...",
        summary: "Stores several keys with their string values in one step.", complexity: "O(N) in the number of keys",
        tips: "request_policy:multi_shard response_policy:all_succeeded", run: mset, ..BLANK
    },
    Spec {
        name: "msetex", arity: -4, flags: "write denyoom", acl: "string",
        keys: "1 num/2 OW update", group: "string", since: "8.4.0",
        syntax: "numkeys:int data(key value)... [condition<NX|XX>] \
            [expiration<EX seconds:int|PX milliseconds:int|EXAT unix-time-seconds:time|PXAT unix-time-milliseconds:time|\
            KEEPTTL>]",
        summary: "Stores several keys in one step, all with one expiry, on a condition if wanted.",
        complexity: "O(N) in the number of keys", tips: "request_policy:multi_shard response_policy:all_succeeded", run: msetex,
        ..BLANK
    },
    Spec {
        name: "msetnx", arity: -3, flags: "write denyoom", acl: "string",
        keys: "1..-1/2 OW insert", group: "string", since: "1.0.1",
        syntax: "data(key value)...",
        summary: "Stores several keys in one step, but only if none of them exists.", complexity: "O(N) in the number of keys",
        run: msetnx, ..BLANK
    },
    Spec {
        name: "psetex", arity: 4, flags: "write denyoom", acl: "string",
        keys: "1 OW update", group: "string", since: "2.6.0",
        syntax: "key milliseconds:int value",
        summary: "Stores a string value that expires after some milliseconds.", complexity: "O(1)",
        deprecated: "2.6.12 `SET` with the `PX` argument", run: psetex, ..BLANK
    },
    Spec {
        name: "set", arity: -3, flags: "write denyoom", acl: "string",
        keys: "1 RW access update variable_flags; via set", group: "string",
        syntax: "key value [condition<NX@2.6.12|XX@2.6.12|IFEQ ifeq-value@8.4.0|IFNE ifne-value@8.4.0|IFDEQ ifdeq-digest@8.4.0|\
            IFDNE ifdne-digest@8.4.0>] [GET@6.2.0] [expiration<EX seconds:int@2.6.12|PX milliseconds:int@2.6.12|\
            EXAT unix-time-seconds:time@6.2.0|PXAT unix-time-milliseconds:time@6.2.0|KEEPTTL@6.0.0>]",
        summary: "Stores a string value whatever the key held before, with an expiry or on a condition if wanted.",
        complexity: "O(1)", run: set, ..BLANK
    },
    Spec {
        name: "setex", arity: 4, flags: "write denyoom", acl: "string",
        keys: "1 OW update", group: "string", since: "2.0.0",
        syntax: "key seconds:int value",
        summary: "Stores a string value that expires after some seconds.", complexity: "O(1)",
        deprecated: "2.6.12 `SET` with the `EX` argument", run: setex, ..BLANK
    },
    Spec {
        name: "setnx", arity: 3, flags: "write denyoom fast", acl: "string",
        keys: "1 OW insert", group: "string",
        syntax: "key value",
        summary: "Stores a string value only if the key is missing.", complexity: "O(1)",
        deprecated: "2.6.12 `SET` with the `NX` argument", run: setnx, ..BLANK
    },
    Spec {
        name: "setrange", arity: 4, flags: "write denyoom", acl: "string",
        keys: "1 RW update", group: "string", since: "2.2.0",
        syntax: "key offset:int value",
        summary: "Overwrites part of a string from an offset on, padding with zero bytes.",
        complexity: "O(N) in the bytes written, plus the padding", run: setrange, ..BLANK
    },
    Spec {
        name: "strlen", arity: 2, flags: "readonly fast", acl: "string",
        keys: "1 RO", group: "string", since: "2.2.0",
        syntax: "key",
        summary: "Tells how many bytes a string value has.", complexity: "O(1)", run: strlen, ..BLANK
    },
    Spec {
        name: "substr", arity: 4, flags: "readonly", acl: "string",
        keys: "1 RO access", group: "string",
        syntax: "key start:int end:int",
        summary: "Reads the part of a string between two offsets; the old name of GETRANGE.",
        complexity: "O(N) in the bytes returned", deprecated: "2.0.0 `GETRANGE`", run: substr, ..BLANK
    },
];
