//! Sorted sets.

mod add;
mod algebra;
mod bounds;
mod pop;
mod range;
mod read;
mod remove;
#[cfg(test)]
mod tests;

use crate::engine::spec::{BLANK, Spec};
pub(super) use add::place;
use add::{zadd, zincrby};
use algebra::{zdiff, zdiffstore, zinter, zintercard, zinterstore, zunion, zunionstore};
use pop::{bzmpop, bzpopmax, bzpopmin, zmpop, zpopmax, zpopmin};
use range::{zrange, zrangebylex, zrangebyscore, zrangestore, zrevrange, zrevrangebylex, zrevrangebyscore};
use read::{zcard, zcount, zlexcount, zmscore, zrandmember, zrank, zrevrank, zscan, zscore};
use remove::{zrem, zremrangebylex, zremrangebyrank, zremrangebyscore};

#[rustfmt::skip]
pub const COMMANDS: &[Spec] = &[
    Spec {
        name: "bzmpop", arity: -5, flags: "write blocking", acl: "sortedset",
        keys: "2 num RW access delete", group: "sorted-set", since: "7.0.0",
        syntax: "timeout:double numkeys:int key... where<MIN|MAX> [COUNT count:int]",
        summary: "Pops the lowest or highest members of the first sorted set that has any, waiting if none has.",
        complexity: "O(K)+O(M*log(N)), K keys, N members, M popped", run: bzmpop, ..BLANK
    },
    Spec {
        name: "bzpopmax", arity: -3, flags: "write blocking fast", acl: "sortedset",
        keys: "1..-2 RW access delete", group: "sorted-set", since: "5.0.0",
        syntax: "key... timeout:double",
        summary: "Pops the highest member of the first sorted set that has any, waiting if none has.", complexity: "O(log N)",
        run: bzpopmax, ..BLANK
    },
    Spec {
        name: "bzpopmin", arity: -3, flags: "write blocking fast", acl: "sortedset",
        keys: "1..-2 RW access delete", group: "sorted-set", since: "5.0.0",
        syntax: "key... timeout:double",
        summary: "Pops the lowest member of the first sorted set that has any, waiting if none has.", complexity: "O(log N)",
        run: bzpopmin, ..BLANK
    },
    Spec {
        name: "zadd", arity: -4, flags: "write denyoom fast", acl: "sortedset",
        keys: "1 RW update", group: "sorted-set", since: "1.2.0",
        syntax: "key [condition<NX|XX>@3.0.2] [comparison<GT|LT>@6.2.0] [change=CH@3.0.2] [increment=INCR@3.0.2] \
            data(score:double member)...",
        summary: "Adds members or changes their scores.", complexity: "O(log N) per member", run: zadd, ..BLANK
    },
    Spec {
        name: "zcard", arity: 2, flags: "readonly fast", acl: "sortedset",
        keys: "1 RO", group: "sorted-set", since: "1.2.0",
        syntax: "key",
        summary: "Counts the members.", complexity: "O(1)", run: zcard, ..BLANK
    },
    Spec {
        name: "zcount", arity: 4, flags: "readonly fast", acl: "sortedset",
        keys: "1 RO access", group: "sorted-set", since: "2.0.0",
        syntax: "key min:double max:double",
        summary: "Counts the members whose scores are in a range.", complexity: "O(log N)", run: zcount, ..BLANK
    },
    Spec {
        name: "zdiff", arity: -3, flags: "readonly", acl: "sortedset",
        keys: "1 num RO access", group: "sorted-set", since: "6.2.0",
        syntax: "numkeys:int key... [WITHSCORES]",
        summary: "Returns what is in the first sorted set and in none of the others.",
        complexity: "O(L+(N-K)*log(N)), L in all sets, N in the first, K in the result", run: zdiff, ..BLANK
    },
    Spec {
        name: "zdiffstore", arity: -4, flags: "write denyoom", acl: "sortedset",
        keys: "1 OW update; 2 num RO access", group: "sorted-set", since: "6.2.0",
        syntax: "destination:key0 numkeys:int key:key1...",
        summary: "Stores what is in the first sorted set and in none of the others.",
        complexity: "O(L+(N-K)*log(N)), L in all sets, N in the first, K in the result", run: zdiffstore, ..BLANK
    },
    Spec {
        name: "zincrby", arity: 4, flags: "write denyoom fast", acl: "sortedset",
        keys: "1 RW access update", group: "sorted-set", since: "1.2.0",
        syntax: "key increment:int member",
        summary: "Adds to the score of a member; a missing member counts as 0.", complexity: "O(log N)", run: zincrby, ..BLANK
    },
    Spec {
        name: "zinter", arity: -3, flags: "readonly", acl: "sortedset",
        keys: "1 num RO access", group: "sorted-set", since: "6.2.0",
        syntax: "numkeys:int key... [WEIGHTS weight:int...] [AGGREGATE aggregate<SUM|MIN|MAX>] [WITHSCORES]",
        summary: "Returns what is in every sorted set, with combined scores.",
        complexity: "O(N*K)+O(M*log(M)), N in the smallest of K sets, M in the result", run: zinter, ..BLANK
    },
    Spec {
        name: "zintercard", arity: -3, flags: "readonly", acl: "sortedset",
        keys: "1 num RO access", group: "sorted-set", since: "7.0.0",
        syntax: "numkeys:int key... [LIMIT limit:int]",
        summary: "Counts what is in every sorted set, up to a limit if wanted.",
        complexity: "O(N*K), N in the smallest of K sets", run: zintercard, ..BLANK
    },
    Spec {
        name: "zinterstore", arity: -4, flags: "write denyoom", acl: "sortedset",
        keys: "1 OW update; 2 num RO access", group: "sorted-set", since: "2.0.0",
        syntax: "destination:key0 numkeys:int key:key1... [WEIGHTS weight:int...] [AGGREGATE aggregate<SUM|MIN|MAX>]",
        summary: "Stores what is in every sorted set, with combined scores.",
        complexity: "O(N*K)+O(M*log(M)), N in the smallest of K sets, M in the result", run: zinterstore, ..BLANK
    },
    Spec {
        name: "zlexcount", arity: 4, flags: "readonly fast", acl: "sortedset",
        keys: "1 RO access", group: "sorted-set", since: "2.8.9",
        syntax: "key min max",
        summary: "Counts the members in a lexicographic range.", complexity: "O(log N)", run: zlexcount, ..BLANK
    },
    Spec {
        name: "zmpop", arity: -4, flags: "write", acl: "sortedset",
        keys: "1 num RW access delete", group: "sorted-set", since: "7.0.0",
        syntax: "numkeys:int key... where<MIN|MAX> [COUNT count:int]",
        summary: "Pops the lowest or highest members of the first sorted set that has any.",
        complexity: "O(K)+O(M*log(N)), K keys, N members, M popped", run: zmpop, ..BLANK
    },
    Spec {
        name: "zmscore", arity: -3, flags: "readonly fast", acl: "sortedset",
        keys: "1 RO access", group: "sorted-set", since: "6.2.0",
        syntax: "key member...",
        summary: "Reads the scores of several members.", complexity: "O(N) in the members asked for", run: zmscore, ..BLANK
    },
    Spec {
        name: "zpopmax", arity: -2, flags: "write fast", acl: "sortedset",
        keys: "1 RW access delete", group: "sorted-set", since: "5.0.0",
        syntax: "key [count:int]",
        summary: "Pops the members with the highest scores.", complexity: "O(M*log(N)), N members and M popped", run: zpopmax,
        ..BLANK
    },
    Spec {
        name: "zpopmin", arity: -2, flags: "write fast", acl: "sortedset",
        keys: "1 RW access delete", group: "sorted-set", since: "5.0.0",
        syntax: "key [count:int]",
        summary: "Pops the members with the lowest scores.", complexity: "O(M*log(N)), N members and M popped", run: zpopmin,
        ..BLANK
    },
    Spec {
        name: "zrandmember", arity: -2, flags: "readonly", acl: "sortedset",
        keys: "1 RO access", group: "sorted-set", since: "6.2.0",
        syntax: "key [options(count:int [WITHSCORES])]",
        summary: "Picks members at random.", complexity: "O(N) in the members returned", tips: "nondeterministic_output",
        run: zrandmember, ..BLANK
    },
    Spec {
        name: "zrange", arity: -4, flags: "readonly", acl: "sortedset",
        keys: "1 RO access", group: "sorted-set", since: "1.2.0",
        syntax: "key start stop [sortby<BYSCORE|BYLEX>@6.2.0] [REV@6.2.0] [LIMIT limit(offset:int count:int)@6.2.0] [WITHSCORES]",
        summary: "Returns the members in a range of ranks, scores or names.", complexity: "O(log(N)+M), N members and M returned",
        run: zrange, ..BLANK
    },
    Spec {
        name: "zrangebylex", arity: -4, flags: "readonly", acl: "sortedset",
        keys: "1 RO access", group: "sorted-set", since: "2.8.9",
        syntax: "key min max [LIMIT limit(offset:int count:int)]",
        summary: "Returns the members in a lexicographic range.", complexity: "O(log(N)+M), N members and M returned",
        deprecated: "6.2.0 `ZRANGE` with the `BYLEX` argument", run: zrangebylex, ..BLANK
    },
    Spec {
        name: "zrangebyscore", arity: -4, flags: "readonly", acl: "sortedset",
        keys: "1 RO access", group: "sorted-set", since: "1.0.5",
        syntax: "key min:double max:double [WITHSCORES@2.0.0] [LIMIT limit(offset:int count:int)]",
        summary: "Returns the members in a range of scores.", complexity: "O(log(N)+M), N members and M returned",
        deprecated: "6.2.0 `ZRANGE` with the `BYSCORE` argument", run: zrangebyscore, ..BLANK
    },
    Spec {
        name: "zrangestore", arity: -5, flags: "write denyoom", acl: "sortedset",
        keys: "1 OW update; 2 RO access", group: "sorted-set", since: "6.2.0",
        syntax: "dst:key0 src:key1 min max [sortby<BYSCORE|BYLEX>] [REV] [LIMIT limit(offset:int count:int)]",
        summary: "Stores the members in a range of ranks, scores or names.", complexity: "O(log(N)+M), N members and M stored",
        run: zrangestore, ..BLANK
    },
    Spec {
        name: "zrank", arity: -3, flags: "readonly fast", acl: "sortedset",
        keys: "1 RO access", group: "sorted-set", since: "2.0.0",
        syntax: "key member [WITHSCORE]",
        summary: "Tells the rank of a member, lowest score first.", complexity: "O(log N)", run: zrank, ..BLANK
    },
    Spec {
        name: "zrem", arity: -3, flags: "write fast", acl: "sortedset",
        keys: "1 RW delete", group: "sorted-set", since: "1.2.0",
        syntax: "key member...",
        summary: "Removes members.", complexity: "O(M*log(N)), N members and M removed", run: zrem, ..BLANK
    },
    Spec {
        name: "zremrangebylex", arity: 4, flags: "write", acl: "sortedset",
        keys: "1 RW delete", group: "sorted-set", since: "2.8.9",
        syntax: "key min max",
        summary: "Removes the members in a lexicographic range.", complexity: "O(log(N)+M), N members and M removed",
        run: zremrangebylex, ..BLANK
    },
    Spec {
        name: "zremrangebyrank", arity: 4, flags: "write", acl: "sortedset",
        keys: "1 RW delete", group: "sorted-set", since: "2.0.0",
        syntax: "key start:int stop:int",
        summary: "Removes the members in a range of ranks.", complexity: "O(log(N)+M), N members and M removed",
        run: zremrangebyrank, ..BLANK
    },
    Spec {
        name: "zremrangebyscore", arity: 4, flags: "write", acl: "sortedset",
        keys: "1 RW delete", group: "sorted-set", since: "1.2.0",
        syntax: "key min:double max:double",
        summary: "Removes the members in a range of scores.", complexity: "O(log(N)+M), N members and M removed",
        run: zremrangebyscore, ..BLANK
    },
    Spec {
        name: "zrevrange", arity: -4, flags: "readonly", acl: "sortedset",
        keys: "1 RO access", group: "sorted-set", since: "1.2.0",
        syntax: "key start:int stop:int [WITHSCORES]",
        summary: "Returns the members in a range of ranks, highest score first.",
        complexity: "O(log(N)+M), N members and M returned", deprecated: "6.2.0 `ZRANGE` with the `REV` argument", run: zrevrange,
        ..BLANK
    },
    Spec {
        name: "zrevrangebylex", arity: -4, flags: "readonly", acl: "sortedset",
        keys: "1 RO access", group: "sorted-set", since: "2.8.9",
        syntax: "key max min [LIMIT limit(offset:int count:int)]",
        summary: "Returns the members in a lexicographic range, last one first.",
        complexity: "O(log(N)+M), N members and M returned", deprecated: "6.2.0 `ZRANGE` with the `REV` and `BYLEX` arguments",
        run: zrevrangebylex, ..BLANK
    },
    Spec {
        name: "zrevrangebyscore", arity: -4, flags: "readonly", acl: "sortedset",
        keys: "1 RO access", group: "sorted-set", since: "2.2.0",
        syntax: "key max:double min:double [WITHSCORES] [LIMIT limit(offset:int count:int)]",
        summary: "Returns the members in a range of scores, highest first.", complexity: "O(log(N)+M), N members and M returned",
        deprecated: "6.2.0 `ZRANGE` with the `REV` and `BYSCORE` arguments", run: zrevrangebyscore, ..BLANK
    },
    Spec {
        name: "zrevrank", arity: -3, flags: "readonly fast", acl: "sortedset",
        keys: "1 RO access", group: "sorted-set", since: "2.0.0",
        syntax: "key member [WITHSCORE]",
        summary: "Tells the rank of a member, highest score first.", complexity: "O(log N)", run: zrevrank, ..BLANK
    },
    Spec {
        name: "zscan", arity: -3, flags: "readonly", acl: "sortedset",
        keys: "1 RO access", group: "sorted-set", since: "2.8.0",
        syntax: "key cursor:int [MATCH pattern:pattern] [COUNT count:int]",
        summary: "Walks the members with their scores a few at a time.", complexity: "O(1) per call, O(N) for a whole round",
        tips: "nondeterministic_output", run: zscan, ..BLANK
    },
    Spec {
        name: "zscore", arity: 3, flags: "readonly fast", acl: "sortedset",
        keys: "1 RO access", group: "sorted-set", since: "1.2.0",
        syntax: "key member",
        summary: "Reads the score of a member.", complexity: "O(1)", run: zscore, ..BLANK
    },
    Spec {
        name: "zunion", arity: -3, flags: "readonly", acl: "sortedset",
        keys: "1 num RO access", group: "sorted-set", since: "6.2.0",
        syntax: "numkeys:int key... [WEIGHTS weight:int...] [AGGREGATE aggregate<SUM|MIN|MAX>] [WITHSCORES]",
        summary: "Returns what is in any of the sorted sets, with combined scores.",
        complexity: "O(N)+O(M*log(M)), N in all sets, M in the result", run: zunion, ..BLANK
    },
    Spec {
        name: "zunionstore", arity: -4, flags: "write denyoom", acl: "sortedset",
        keys: "1 OW update; 2 num RO access", group: "sorted-set", since: "2.0.0",
        syntax: "destination:key0 numkeys:int key:key1... [WEIGHTS weight:int...] [AGGREGATE aggregate<SUM|MIN|MAX>]",
        summary: "Stores what is in any of the sorted sets, with combined scores.",
        complexity: "O(N)+O(M*log(M)), N in all sets, M in the result", run: zunionstore, ..BLANK
    },
];
