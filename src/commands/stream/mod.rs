//! Streams: appending, ranges, reading with and without groups, and what groups are told apart by.

mod add;
mod claim;
mod delete;
mod group;
mod info;
mod options;
mod pending;
mod range;
mod read;

use crate::commands::parts::bulk;
use crate::data::stream::{Entry, Stream, StreamId};
use crate::engine::call::Call;
use crate::engine::errors::{self, Error};
use crate::engine::help::help;
use crate::engine::spec::{BLANK, Spec};
use crate::resp::Reply;
use add::{xadd, xlen, xsetid, xtrim};
use claim::{xautoclaim, xclaim};
use delete::{xackdel, xdel, xdelex};
use group::{xack, xgroup_create, xgroup_createconsumer, xgroup_delconsumer, xgroup_destroy, xgroup_setid};
use info::{xinfo_consumers, xinfo_groups, xinfo_stream};
use pending::xpending;
use range::{xrange, xrevrange};
use read::{xread, xreadgroup};

#[rustfmt::skip]
pub const COMMANDS: &[Spec] = &[
    Spec {
        name: "xack", arity: -4, flags: "write fast", acl: "stream",
        keys: "1 RW update", group: "stream", since: "5.0.0",
        syntax: "key group id...",
        summary: "Marks entries as dealt with by a group.", complexity: "O(1) per id", run: xack, ..BLANK
    },
    Spec {
        name: "xackdel", arity: -6, flags: "write fast", acl: "stream",
        keys: "1 RW update delete", group: "stream", since: "8.2.0",
        syntax: "key group [condition<KEEPREF|DELREF|ACKED>] IDS ids(numids:int id...)",
        summary: "Marks entries as dealt with by a group and removes them from the stream.", complexity: "O(1) per id",
        run: xackdel, ..BLANK
    },
    Spec {
        name: "xadd", arity: -5, flags: "write denyoom fast", acl: "stream",
        keys: "1 RW update", group: "stream", since: "5.0.0",
        syntax: "key [NOMKSTREAM@6.2.0] [trim(strategy<MAXLEN|MINID@6.2.0> [operator<equal='='|approximately='~'>] threshold \
            [LIMIT count:int@6.2.0])] id-selector<auto-id='*'|id> data(field value)...",
        summary: "Appends an entry to a stream, creating it if need be.", complexity: "O(1), plus O(N) in the entries trimmed",
        tips: "nondeterministic_output", run: xadd, ..BLANK
    },
    Spec {
        name: "xautoclaim", arity: -6, flags: "write fast", acl: "stream",
        keys: "1 RW delete", group: "stream", since: "6.2.0",
        syntax: "key group consumer min-idle-time start [COUNT count:int] [JUSTID]",
        summary: "Takes over entries that others left pending for too long, walking through them.",
        complexity: "O(1) for a small COUNT", tips: "nondeterministic_output", run: xautoclaim, ..BLANK
    },
    Spec {
        name: "xclaim", arity: -6, flags: "write fast", acl: "stream",
        keys: "1 RW update", group: "stream", since: "5.0.0",
        syntax: "key group consumer min-idle-time id... [IDLE ms:int] [TIME unix-time-milliseconds:time] \
            [RETRYCOUNT count:int] [FORCE] [JUSTID] [LASTID lastid]",
        summary: "Takes over the pending entries named.", complexity: "O(log N) in the group's pending entries",
        tips: "nondeterministic_output", run: xclaim, ..BLANK
    },
    Spec {
        name: "xdel", arity: -3, flags: "write fast", acl: "stream",
        keys: "1 RW delete", group: "stream", since: "5.0.0",
        syntax: "key id...",
        summary: "Removes entries from a stream.", complexity: "O(1) per id", run: xdel, ..BLANK
    },
    Spec {
        name: "xdelex", arity: -5, flags: "write fast", acl: "stream",
        keys: "1 RW delete", group: "stream", since: "8.2.0",
        syntax: "key [condition<KEEPREF|DELREF|ACKED>] IDS ids(numids:int id...)",
        summary: "Removes entries from a stream, with a choice of what happens to groups that still refer to them.",
        complexity: "O(1) per id", run: xdelex, ..BLANK
    },
    Spec {
        name: "xgroup", arity: -2, group: "stream", since: "5.0.0",
        summary: "Groups the commands about consumer groups.", complexity: "Depends on the subcommand", subs: XGROUP, ..BLANK
    },
    Spec {
        name: "xinfo", arity: -2, group: "stream", since: "5.0.0",
        summary: "Groups the commands that look inside streams.", complexity: "Depends on the subcommand", subs: XINFO, ..BLANK
    },
    Spec {
        name: "xlen", arity: 2, flags: "readonly fast", acl: "stream",
        keys: "1 RO", group: "stream", since: "5.0.0",
        syntax: "key",
        summary: "Counts the entries.", complexity: "O(1)", run: xlen, ..BLANK
    },
    Spec {
        name: "xpending", arity: -3, flags: "readonly", acl: "stream",
        keys: "1 RO access", group: "stream", since: "5.0.0",
        syntax: "key group [filters([IDLE min-idle-time:int@6.2.0] start end count:int [consumer])]",
        summary: "Describes what a group was given but did not acknowledge.", complexity: "O(N) in the entries returned",
        tips: "nondeterministic_output", run: xpending, ..BLANK
    },
    Spec {
        name: "xrange", arity: -4, flags: "readonly", acl: "stream",
        keys: "1 RO access", group: "stream", since: "5.0.0",
        syntax: "key start end [COUNT count:int]",
        summary: "Returns the entries between two ids.", complexity: "O(N) in the entries returned", run: xrange, ..BLANK
    },
    Spec {
        name: "xread", arity: -4, flags: "readonly blocking", acl: "stream",
        keys: "STREAMS@1..-1 limit2 RO access; via xread", group: "stream", since: "5.0.0",
        syntax: "[COUNT count:int] [BLOCK milliseconds:int] STREAMS streams(key... id...)",
        summary: "Returns the entries of several streams after given ids, waiting for new ones if wanted.",
        complexity: "O(N) in the entries returned", run: xread, ..BLANK
    },
    Spec {
        name: "xreadgroup", arity: -7, flags: "write blocking", acl: "stream",
        keys: "STREAMS@4..-1 limit2 RO access; via xread", group: "stream", since: "5.0.0",
        syntax: "GROUP group-block(group consumer) [COUNT count:int] [BLOCK milliseconds:int] [NOACK] \
            STREAMS streams(key... id...)",
        summary: "Returns entries to a consumer of a group, waiting for new ones if wanted.",
        complexity: "O(M) in the entries returned", run: xreadgroup, ..BLANK
    },
    Spec {
        name: "xrevrange", arity: -4, flags: "readonly", acl: "stream",
        keys: "1 RO access", group: "stream", since: "5.0.0",
        syntax: "key end start [COUNT count:int]",
        summary: "Returns the entries between two ids, newest first.", complexity: "O(N) in the entries returned", run: xrevrange,
        ..BLANK
    },
    Spec {
        name: "xsetid", arity: -3, flags: "write denyoom fast", acl: "stream",
        keys: "1 RW update", group: "stream", since: "5.0.0",
        syntax: "key last-id [ENTRIESADDED entries-added:int@7.0.0] [MAXDELETEDID max-deleted-id@7.0.0]",
        summary: "Sets the last id of a stream; replication uses it.", complexity: "O(1)", run: xsetid, ..BLANK
    },
    Spec {
        name: "xtrim", arity: -4, flags: "write", acl: "stream",
        keys: "1 RW delete", group: "stream", since: "5.0.0",
        syntax: "key trim(strategy<MAXLEN|MINID@6.2.0> [operator<equal='='|approximately='~'>] threshold \
            [LIMIT count:int@6.2.0])",
        summary: "Removes the oldest entries.", complexity: "O(N) in the entries removed", tips: "nondeterministic_output",
        run: xtrim, ..BLANK
    },
];

#[rustfmt::skip]
const XGROUP: &[Spec] = &[
    Spec {
        name: "create", arity: -5, flags: "write denyoom", acl: "stream",
        keys: "2 RW insert", group: "stream", since: "5.0.0",
        syntax: "key group id-selector<id|new-id='$'> [MKSTREAM] [ENTRIESREAD entriesread:int]",
        summary: "Creates a group.", complexity: "O(1)", run: xgroup_create, ..BLANK
    },
    Spec {
        name: "createconsumer", arity: 5, flags: "write denyoom", acl: "stream",
        keys: "2 RW insert", group: "stream", since: "6.2.0",
        syntax: "key group consumer",
        summary: "Creates a consumer in a group.", complexity: "O(1)", run: xgroup_createconsumer, ..BLANK
    },
    Spec {
        name: "delconsumer", arity: 5, flags: "write", acl: "stream",
        keys: "2 RW delete", group: "stream", since: "5.0.0",
        syntax: "key group consumer",
        summary: "Removes a consumer from a group.", complexity: "O(1), plus the consumer's pending entries",
        run: xgroup_delconsumer, ..BLANK
    },
    Spec {
        name: "destroy", arity: 4, flags: "write", acl: "stream",
        keys: "2 RW delete", group: "stream", since: "5.0.0",
        syntax: "key group",
        summary: "Removes a group.", complexity: "O(N) in the group's pending entries", run: xgroup_destroy, ..BLANK
    },
    Spec {
        name: "help", arity: 2, flags: "loading stale", acl: "stream", group: "stream", since: "5.0.0",
        summary: "Explains the subcommands.", complexity: "O(1)", run: xgroup_help, ..BLANK
    },
    Spec {
        name: "setid", arity: -5, flags: "write", acl: "stream",
        keys: "2 RW update", group: "stream", since: "5.0.0",
        syntax: "key group id-selector<id|new-id='$'> [ENTRIESREAD entriesread:int]",
        summary: "Sets the last id that a group was given.", complexity: "O(1)", run: xgroup_setid, ..BLANK
    },
];

#[rustfmt::skip]
const XINFO: &[Spec] = &[
    Spec {
        name: "consumers", arity: 4, flags: "readonly", acl: "stream",
        keys: "2 RO access", group: "stream", since: "5.0.0",
        syntax: "key group",
        summary: "Describes the consumers of a group.", complexity: "O(N) in the consumers", tips: "nondeterministic_output",
        run: xinfo_consumers, ..BLANK
    },
    Spec {
        name: "groups", arity: 3, flags: "readonly", acl: "stream",
        keys: "2 RO access", group: "stream", since: "5.0.0",
        syntax: "key",
        summary: "Describes the groups of a stream.", complexity: "O(N) in the groups", run: xinfo_groups, ..BLANK
    },
    Spec {
        name: "help", arity: 2, flags: "loading stale", acl: "stream", group: "stream", since: "5.0.0",
        summary: "Explains the subcommands.", complexity: "O(1)", run: xinfo_help, ..BLANK
    },
    Spec {
        name: "stream", arity: -3, flags: "readonly", acl: "stream",
        keys: "2 RO access", group: "stream", since: "5.0.0",
        syntax: "key [full-block(FULL [COUNT count:int])]",
        summary: "Describes a stream.", complexity: "O(1), with FULL O(N) in what is shown", run: xinfo_stream, ..BLANK
    },
];

fn xgroup_help(c: &mut Call<'_>) -> Result<(), Error> {
    help(c, "xgroup")
}

fn xinfo_help(c: &mut Call<'_>) -> Result<(), Error> {
    help(c, "xinfo")
}

/// An id as a bulk string.
fn id_bulk(reply: &mut Reply, id: StreamId) {
    reply.bulk(id.format(&mut [0; 41]));
}

/// An entry: its id, and its fields and values in one array.
#[inline]
fn entry(reply: &mut Reply, entry: Entry<'_>) {
    reply.array(2);
    id_bulk(reply, entry.id);
    reply.array(2 * entry.len());
    for (field, value) in entry.fields() {
        bulk(reply, field);
        bulk(reply, value);
    }
}

/// An array of entries; says how many.
fn entries<'e>(reply: &mut Reply, all: impl Iterator<Item = Entry<'e>>) -> usize {
    let at = reply.defer();
    let count = all.map(|e| entry(reply, e)).count();
    reply.finish_array(at, count);
    count
}

/// Word `i` as a whole id.
fn id(c: &Call<'_>, i: usize) -> Result<StreamId, Error> {
    StreamId::parse(c.args.at(i), 0).ok_or(errors::STREAM_ID)
}

/// Words from `first` on as whole ids.
fn ids(c: &Call<'_>, words: std::ops::Range<usize>) -> Result<Vec<StreamId>, Error> {
    words.map(|i| id(c, i)).collect()
}

/// Word `i` as where an interval starts.
fn interval_start(c: &Call<'_>, i: usize) -> Result<StreamId, Error> {
    match StreamId::parse_bound(c.args.at(i), 0).ok_or(errors::STREAM_ID)? {
        (id, false) => Ok(id),
        (id, true) => id.next().ok_or(errors::INTERVAL_START),
    }
}

/// Word `i` as where an interval ends.
fn interval_end(c: &Call<'_>, i: usize) -> Result<StreamId, Error> {
    match StreamId::parse_bound(c.args.at(i), u64::MAX).ok_or(errors::STREAM_ID)? {
        (id, false) => Ok(id),
        (id, true) => id.prev().ok_or(errors::INTERVAL_END),
    }
}

/// Word `i` as a number of entries, where below 0 counts as 0.
fn count(c: &Call<'_>, i: usize) -> Result<usize, Error> {
    Ok(c.int(i)?.max(0) as usize)
}

/// Where 0 entries mean all.
fn or_all(count: usize) -> usize {
    if count == 0 { usize::MAX } else { count }
}

/// What is said of a group that is not there.
fn no_group(c: &Call<'_>) -> Error {
    errors::no_group("NOGROUP No such key '{k}' or consumer group '{g}'", c.args.at(1), c.args.at(2))
}

/// Looks at the stream in word 1, if it is there.
fn look<R>(c: &mut Call<'_>, f: impl FnOnce(&Stream, &mut Reply) -> R) -> Result<Option<R>, Error> {
    let key = c.key(1);
    match c.ks.get(key) {
        Some(e) => Ok(Some(f(&*Call::typed::<Stream>(&e)?, c.reply))),
        None => Ok(None),
    }
}

/// The same as [`change`] for commands that Redis takes for reads of the key, so that they count as hit or miss.
fn change_read<R>(
    c: &mut Call<'_>,
    i: usize,
    f: impl FnOnce(&mut Stream, &mut Reply) -> R,
) -> Result<Option<R>, Error> {
    let key = c.key(i);
    let found = c.ks.exists(key);
    c.ks.count_read(key, found);
    change(c, i, f)
}

/// Opens the stream in word `i`, if it is there, for changes that leave its entries alone: to groups, of which Redis tells
/// neither watchers nor caches. The caller counts them.
fn change<R>(c: &mut Call<'_>, i: usize, f: impl FnOnce(&mut Stream, &mut Reply) -> R) -> Result<Option<R>, Error> {
    let key = c.key(i);
    match c.ks.get_mut(key) {
        Some(mut k) => {
            let mut stream = k.maybe_change().object_mut::<Stream>().ok_or(Error::WrongType)?;
            Ok(Some(f(&mut stream, c.reply)))
        }
        None => Ok(None),
    }
}
