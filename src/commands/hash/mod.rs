//! Hashes: fields and their values, each of which may have an expiry of its own.
//!
//! Expired fields are gone by the time a handler sees its hash (the keyspace takes them away as it finds the key), except where
//! there are too many of them at once, or on a replica: so everything asks with the time.

mod expiring;
mod expiry;
mod number;
mod random;
mod read;
#[cfg(test)]
mod tests;
mod write;

use crate::engine::spec::{BLANK, Spec};
use expiring::{hgetdel, hgetex, hsetex};
use expiry::{hexpire, hexpireat, hexpiretime, hpersist, hpexpire, hpexpireat, hpexpiretime, hpttl, httl};
use number::{hincrby, hincrbyfloat};
use random::{hrandfield, hscan};
use read::{hexists, hget, hgetall, hkeys, hlen, hmget, hstrlen, hvals};
use write::{hdel, hmset, hset, hsetnx};

#[rustfmt::skip]
pub const COMMANDS: &[Spec] = &[
    Spec {
        name: "hdel", arity: -3, flags: "write fast", acl: "hash",
        keys: "1 RW delete", group: "hash", since: "2.0.0",
        syntax: "key field...",
        summary: "Removes fields.", complexity: "O(N) in the fields", run: hdel, ..BLANK
    },
    Spec {
        name: "hexists", arity: 3, flags: "readonly fast", acl: "hash",
        keys: "1 RO", group: "hash", since: "2.0.0",
        syntax: "key field",
        summary: "Tells whether a field exists.", complexity: "O(1)", run: hexists, ..BLANK
    },
    Spec {
        name: "hexpire", arity: -6, flags: "write fast", acl: "hash",
        keys: "1 RW update", group: "hash", since: "7.4.0",
        syntax: "key seconds:int [condition<NX|XX|GT|LT>] FIELDS fields(numfields:int field...)",
        summary: "Lets fields expire after some seconds.", complexity: "O(N) in the fields", run: hexpire, ..BLANK
    },
    Spec {
        name: "hexpireat", arity: -6, flags: "write fast", acl: "hash",
        keys: "1 RW update", group: "hash", since: "7.4.0",
        syntax: "key unix-time-seconds:time [condition<NX|XX|GT|LT>] FIELDS fields(numfields:int field...)",
        summary: "Lets fields expire at a Unix time in seconds.", complexity: "O(N) in the fields", run: hexpireat, ..BLANK
    },
    Spec {
        name: "hexpiretime", arity: -5, flags: "readonly fast", acl: "hash",
        keys: "1 RO access", group: "hash", since: "7.4.0",
        syntax: "key FIELDS fields(numfields:int field...)",
        summary: "Tells when fields expire, as Unix time in seconds.", complexity: "O(N) in the fields", run: hexpiretime,
        ..BLANK
    },
    Spec {
        name: "hget", arity: 3, flags: "readonly fast", acl: "hash",
        keys: "1 RO access", group: "hash", since: "2.0.0",
        syntax: "key field",
        summary: "Reads a field.", complexity: "O(1)", run: hget, ..BLANK
    },
    Spec {
        name: "hgetall", arity: 2, flags: "readonly", acl: "hash",
        keys: "1 RO access", group: "hash", since: "2.0.0",
        syntax: "key",
        summary: "Reads all fields with their values.", complexity: "O(N) in the size of the hash",
        tips: "nondeterministic_output_order", run: hgetall, ..BLANK
    },
    Spec {
        name: "hgetdel", arity: -5, flags: "write fast", acl: "hash",
        keys: "1 RW access delete", group: "hash", since: "8.0.0",
        syntax: "key FIELDS fields(numfields:int field...)",
        summary: "Reads fields and removes them.", complexity: "O(N) in the fields", run: hgetdel, ..BLANK
    },
    Spec {
        name: "hgetex", arity: -5, flags: "write fast", acl: "hash",
        keys: "1 RW access update", group: "hash", since: "8.0.0",
        syntax: "key [expiration<EX seconds:int|PX milliseconds:int|EXAT unix-time-seconds:time|\
            PXAT unix-time-milliseconds:time|PERSIST>] FIELDS fields(numfields:int field...)",
        summary: "Reads fields and sets or drops their expiry.", complexity: "O(N) in the fields", run: hgetex, ..BLANK
    },
    Spec {
        name: "hincrby", arity: 4, flags: "write denyoom fast", acl: "hash",
        keys: "1 RW access update", group: "hash", since: "2.0.0",
        syntax: "key field increment:int",
        summary: "Adds a number to the integer in a field; a missing field counts as 0.", complexity: "O(1)", run: hincrby,
        ..BLANK
    },
    Spec {
        name: "hincrbyfloat", arity: 4, flags: "write denyoom fast", acl: "hash",
        keys: "1 RW access update", group: "hash", since: "2.6.0",
        syntax: "key field increment:double",
        summary: "Adds a fraction to the number in a field; a missing field counts as 0.", complexity: "O(1)", run: hincrbyfloat,
        ..BLANK
    },
    Spec {
        name: "hkeys", arity: 2, flags: "readonly", acl: "hash",
        keys: "1 RO access", group: "hash", since: "2.0.0",
        syntax: "key",
        summary: "Lists the fields.", complexity: "O(N) in the size of the hash", tips: "nondeterministic_output_order",
        run: hkeys, ..BLANK
    },
    Spec {
        name: "hlen", arity: 2, flags: "readonly fast", acl: "hash",
        keys: "1 RO", group: "hash", since: "2.0.0",
        syntax: "key",
        summary: "Counts the fields.", complexity: "O(1)", run: hlen, ..BLANK
    },
    Spec {
        name: "hmget", arity: -3, flags: "readonly fast", acl: "hash",
        keys: "1 RO access", group: "hash", since: "2.0.0",
        syntax: "key field...",
        summary: "Reads several fields.", complexity: "O(N) in the fields", run: hmget, ..BLANK
    },
    Spec {
        name: "hmset", arity: -4, flags: "write denyoom fast", acl: "hash",
        keys: "1 RW update", group: "hash", since: "2.0.0",
        syntax: "key data(field value)...",
        summary: "Sets several fields; HSET does it too by now.", complexity: "O(N) in the fields",
        deprecated: "4.0.0 `HSET` with multiple field-value pairs", run: hmset, ..BLANK
    },
    Spec {
        name: "hpersist", arity: -5, flags: "write fast", acl: "hash",
        keys: "1 RW update", group: "hash", since: "7.4.0",
        syntax: "key FIELDS fields(numfields:int field...)",
        summary: "Drops the expiry of fields.", complexity: "O(N) in the fields", run: hpersist, ..BLANK
    },
    Spec {
        name: "hpexpire", arity: -6, flags: "write fast", acl: "hash",
        keys: "1 RW update", group: "hash", since: "7.4.0",
        syntax: "key milliseconds:int [condition<NX|XX|GT|LT>] FIELDS fields(numfields:int field...)",
        summary: "Lets fields expire after some milliseconds.", complexity: "O(N) in the fields", run: hpexpire, ..BLANK
    },
    Spec {
        name: "hpexpireat", arity: -6, flags: "write fast", acl: "hash",
        keys: "1 RW update", group: "hash", since: "7.4.0",
        syntax: "key unix-time-milliseconds:time [condition<NX|XX|GT|LT>] FIELDS fields(numfields:int field...)",
        summary: "Lets fields expire at a Unix time in milliseconds.", complexity: "O(N) in the fields", run: hpexpireat, ..BLANK
    },
    Spec {
        name: "hpexpiretime", arity: -5, flags: "readonly fast", acl: "hash",
        keys: "1 RO access", group: "hash", since: "7.4.0",
        syntax: "key FIELDS fields(numfields:int field...)",
        summary: "Tells when fields expire, as Unix time in milliseconds.", complexity: "O(N) in the fields", run: hpexpiretime,
        ..BLANK
    },
    Spec {
        name: "hpttl", arity: -5, flags: "readonly fast", acl: "hash",
        keys: "1 RO access", group: "hash", since: "7.4.0",
        syntax: "key FIELDS fields(numfields:int field...)",
        summary: "Tells how many milliseconds fields have left.", complexity: "O(N) in the fields",
        tips: "nondeterministic_output", run: hpttl, ..BLANK
    },
    Spec {
        name: "hrandfield", arity: -2, flags: "readonly", acl: "hash",
        keys: "1 RO access", group: "hash", since: "6.2.0",
        syntax: "key [options(count:int [WITHVALUES])]",
        summary: "Picks fields at random.", complexity: "O(N) in the fields returned", tips: "nondeterministic_output",
        run: hrandfield, ..BLANK
    },
    Spec {
        name: "hscan", arity: -3, flags: "readonly", acl: "hash",
        keys: "1 RO access", group: "hash", since: "2.8.0",
        syntax: "key cursor:int [MATCH pattern:pattern] [COUNT count:int] [NOVALUES]",
        summary: "Walks the fields a few at a time.", complexity: "O(1) per call, O(N) for a whole round",
        tips: "nondeterministic_output", run: hscan, ..BLANK
    },
    Spec {
        name: "hset", arity: -4, flags: "write denyoom fast", acl: "hash",
        keys: "1 RW update", group: "hash", since: "2.0.0",
        syntax: "key data(field value)...",
        summary: "Sets fields and counts those that are new.", complexity: "O(N) in the fields", run: hset, ..BLANK
    },
    Spec {
        name: "hsetex", arity: -6, flags: "write denyoom fast", acl: "hash",
        keys: "1 RW update", group: "hash", since: "8.0.0",
        syntax: "key [condition<FNX|FXX>] [expiration<EX seconds:int|PX milliseconds:int|EXAT unix-time-seconds:time|\
            PXAT unix-time-milliseconds:time|KEEPTTL>] FIELDS fields(numfields:int data(field value)...)",
        summary: "Sets fields together with an expiry, on a condition if wanted.", complexity: "O(N) in the fields", run: hsetex,
        ..BLANK
    },
    Spec {
        name: "hsetnx", arity: 4, flags: "write denyoom fast", acl: "hash",
        keys: "1 RW insert", group: "hash", since: "2.0.0",
        syntax: "key field value",
        summary: "Sets a field only if it is missing.", complexity: "O(1)", run: hsetnx, ..BLANK
    },
    Spec {
        name: "hstrlen", arity: 3, flags: "readonly fast", acl: "hash",
        keys: "1 RO", group: "hash", since: "3.2.0",
        syntax: "key field",
        summary: "Tells how many bytes the value of a field has.", complexity: "O(1)", run: hstrlen, ..BLANK
    },
    Spec {
        name: "httl", arity: -5, flags: "readonly fast", acl: "hash",
        keys: "1 RO access", group: "hash", since: "7.4.0",
        syntax: "key FIELDS fields(numfields:int field...)",
        summary: "Tells how many seconds fields have left.", complexity: "O(N) in the fields", tips: "nondeterministic_output",
        run: httl, ..BLANK
    },
    Spec {
        name: "hvals", arity: 2, flags: "readonly", acl: "hash",
        keys: "1 RO access", group: "hash", since: "2.0.0",
        syntax: "key",
        summary: "Lists the values.", complexity: "O(N) in the size of the hash", tips: "nondeterministic_output_order",
        run: hvals, ..BLANK
    },
];
