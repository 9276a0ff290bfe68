//! Sets.

mod algebra;
mod member;
mod random;
#[cfg(test)]
mod tests;

use crate::engine::spec::{BLANK, Spec};
use algebra::{sdiff, sdiffstore, sinter, sintercard, sinterstore, sunion, sunionstore};
use member::{sadd, scard, sismember, smembers, smismember, smove, srem, sscan};
use random::{spop, srandmember};

#[rustfmt::skip]
pub const COMMANDS: &[Spec] = &[
    Spec {
        name: "sadd", arity: -3, flags: "write denyoom fast", acl: "set",
        keys: "1 RW insert", group: "set",
        syntax: "key member...",
        summary: "Adds members and counts those that are new.", complexity: "O(N) in the members", run: sadd, ..BLANK
    },
    Spec {
        name: "scard", arity: 2, flags: "readonly fast", acl: "set",
        keys: "1 RO", group: "set",
        syntax: "key",
        summary: "Counts the members.", complexity: "O(1)", run: scard, ..BLANK
    },
    Spec {
        name: "sdiff", arity: -2, flags: "readonly", acl: "set",
        keys: "1..-1 RO access", group: "set",
        syntax: "key...",
        summary: "Returns what is in the first set and in none of the others.", complexity: "O(N) in the members of all sets",
        tips: "nondeterministic_output_order", run: sdiff, ..BLANK
    },
    Spec {
        name: "sdiffstore", arity: -3, flags: "write denyoom", acl: "set",
        keys: "1 OW update; 2..-1 RO access", group: "set",
        syntax: "destination:key0 key:key1...",
        summary: "Stores what is in the first set and in none of the others.", complexity: "O(N) in the members of all sets",
        run: sdiffstore, ..BLANK
    },
    Spec {
        name: "sinter", arity: -2, flags: "readonly", acl: "set",
        keys: "1..-1 RO access", group: "set",
        syntax: "key...",
        summary: "Returns what is in every set.", complexity: "O(N*M), N members in the smallest of M sets",
        tips: "nondeterministic_output_order", run: sinter, ..BLANK
    },
    Spec {
        name: "sintercard", arity: -3, flags: "readonly", acl: "set",
        keys: "1 num RO access", group: "set", since: "7.0.0",
        syntax: "numkeys:int key... [LIMIT limit:int]",
        summary: "Counts what is in every set, up to a limit if wanted.",
        complexity: "O(N*M), N members in the smallest of M sets", run: sintercard, ..BLANK
    },
    Spec {
        name: "sinterstore", arity: -3, flags: "write denyoom", acl: "set",
        keys: "1 OW update; 2..-1 RO access", group: "set",
        syntax: "destination:key0 key:key1...",
        summary: "Stores what is in every set.", complexity: "O(N*M), N members in the smallest of M sets", run: sinterstore,
        ..BLANK
    },
    Spec {
        name: "sismember", arity: 3, flags: "readonly fast", acl: "set",
        keys: "1 RO", group: "set",
        syntax: "key member",
        summary: "Tells whether a member is in a set.", complexity: "O(1)", run: sismember, ..BLANK
    },
    Spec {
        name: "smembers", arity: 2, flags: "readonly", acl: "set",
        keys: "1 RO access", group: "set",
        syntax: "key",
        summary: "Lists all members.", complexity: "O(N) in the size of the set", tips: "nondeterministic_output_order",
        run: smembers, ..BLANK
    },
    Spec {
        name: "smismember", arity: -3, flags: "readonly fast", acl: "set",
        keys: "1 RO access", group: "set", since: "6.2.0",
        syntax: "key member...",
        summary: "Tells which of several members are in a set.", complexity: "O(N) in the members asked for", run: smismember,
        ..BLANK
    },
    Spec {
        name: "smove", arity: 4, flags: "write fast", acl: "set",
        keys: "1 RW access delete; 2 RW insert", group: "set",
        syntax: "source:key0 destination:key1 member",
        summary: "Moves a member from one set to another.", complexity: "O(1)", run: smove, ..BLANK
    },
    Spec {
        name: "spop", arity: -2, flags: "write fast", acl: "set",
        keys: "1 RW access delete", group: "set",
        syntax: "key [count:int@3.2.0]",
        summary: "Removes members picked at random and returns them.", complexity: "O(N) in the members popped",
        tips: "nondeterministic_output", run: spop, ..BLANK
    },
    Spec {
        name: "srandmember", arity: -2, flags: "readonly", acl: "set",
        keys: "1 RO access", group: "set",
        syntax: "key [count:int@2.6.0]",
        summary: "Returns members picked at random.", complexity: "O(N) in the members returned", tips: "nondeterministic_output",
        run: srandmember, ..BLANK
    },
    Spec {
        name: "srem", arity: -3, flags: "write fast", acl: "set",
        keys: "1 RW delete", group: "set",
        syntax: "key member...",
        summary: "Removes members.", complexity: "O(N) in the members", run: srem, ..BLANK
    },
    Spec {
        name: "sscan", arity: -3, flags: "readonly", acl: "set",
        keys: "1 RO access", group: "set", since: "2.8.0",
        syntax: "key cursor:int [MATCH pattern:pattern] [COUNT count:int]",
        summary: "Walks the members a few at a time.", complexity: "O(1) per call, O(N) for a whole round",
        tips: "nondeterministic_output", run: sscan, ..BLANK
    },
    Spec {
        name: "sunion", arity: -2, flags: "readonly", acl: "set",
        keys: "1..-1 RO access", group: "set",
        syntax: "key...",
        summary: "Returns what is in any of the sets.", complexity: "O(N) in the members of all sets",
        tips: "nondeterministic_output_order", run: sunion, ..BLANK
    },
    Spec {
        name: "sunionstore", arity: -3, flags: "write denyoom", acl: "set",
        keys: "1 OW update; 2..-1 RO access", group: "set",
        syntax: "destination:key0 key:key1...",
        summary: "Stores what is in any of the sets.", complexity: "O(N) in the members of all sets", run: sunionstore, ..BLANK
    },
];
