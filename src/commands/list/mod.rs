//! Lists: both ends, the middle, and waiting for what is not there yet.

mod change;
mod moving;
mod pop;
mod push;
mod read;

use crate::data::list::End;
use crate::engine::call::Call;
use crate::engine::errors::Error;
use crate::engine::spec::{BLANK, Spec};
use change::{linsert, lrem, lset, ltrim};
use moving::{blmove, brpoplpush, lmove, rpoplpush};
use pop::{blmpop, blpop, brpop, lmpop, lpop, rpop};
use push::{lpush, lpushx, rpush, rpushx};
use read::{lindex, llen, lpos, lrange};

#[rustfmt::skip]
pub const COMMANDS: &[Spec] = &[
    Spec {
        name: "blmove", arity: 6, flags: "write denyoom blocking", acl: "list",
        keys: "1 RW access delete; 2 RW insert", group: "list", since: "6.2.0",
        syntax: "source:key0 destination:key1 wherefrom<LEFT|RIGHT> whereto<LEFT|RIGHT> timeout:double",
        summary: "Moves an element from one list to another, waiting for one if need be.", complexity: "O(1)", run: blmove,
        ..BLANK
    },
    Spec {
        name: "blmpop", arity: -5, flags: "write blocking", acl: "list",
        keys: "2 num RW access delete", group: "list", since: "7.0.0",
        syntax: "timeout:double numkeys:int key... where<LEFT|RIGHT> [COUNT count:int]",
        summary: "Pops elements from the first list that has any, waiting if none has.",
        complexity: "O(N+M) in the keys and the elements popped", run: blmpop, ..BLANK
    },
    Spec {
        name: "blpop", arity: -3, flags: "write blocking", acl: "list",
        keys: "1..-2 RW access delete", group: "list", since: "2.0.0",
        syntax: "key... timeout:double",
        summary: "Pops the first element of the first list that has any, waiting if none has.", complexity: "O(N) in the keys",
        run: blpop, ..BLANK
    },
    Spec {
        name: "brpop", arity: -3, flags: "write blocking", acl: "list",
        keys: "1..-2 RW access delete", group: "list", since: "2.0.0",
        syntax: "key... timeout:double",
        summary: "Pops the last element of the first list that has any, waiting if none has.", complexity: "O(N) in the keys",
        run: brpop, ..BLANK
    },
    Spec {
        name: "brpoplpush", arity: 4, flags: "write denyoom blocking", acl: "list",
        keys: "1 RW access delete; 2 RW insert", group: "list", since: "2.2.0",
        syntax: "source:key0 destination:key1 timeout:double",
        summary: "Moves the last element of a list to the front of another, waiting for one if need be.", complexity: "O(1)",
        deprecated: "6.2.0 `BLMOVE` with the `RIGHT` and `LEFT` arguments", run: brpoplpush, ..BLANK
    },
    Spec {
        name: "lindex", arity: 3, flags: "readonly", acl: "list",
        keys: "1 RO access", group: "list",
        syntax: "key index:int",
        summary: "Reads an element by its index.", complexity: "O(N) in the elements on the way", run: lindex, ..BLANK
    },
    Spec {
        name: "linsert", arity: 5, flags: "write denyoom", acl: "list",
        keys: "1 RW insert", group: "list", since: "2.2.0",
        syntax: "key where<BEFORE|AFTER> pivot element",
        summary: "Inserts an element before or after another one.", complexity: "O(N) in the elements before the pivot",
        run: linsert, ..BLANK
    },
    Spec {
        name: "llen", arity: 2, flags: "readonly fast", acl: "list",
        keys: "1 RO", group: "list",
        syntax: "key",
        summary: "Counts the elements of a list.", complexity: "O(1)", run: llen, ..BLANK
    },
    Spec {
        name: "lmove", arity: 5, flags: "write denyoom", acl: "list",
        keys: "1 RW access delete; 2 RW insert", group: "list", since: "6.2.0",
        syntax: "source:key0 destination:key1 wherefrom<LEFT|RIGHT> whereto<LEFT|RIGHT>",
        summary: "Moves an element from either end of a list to either end of another.", complexity: "O(1)", run: lmove, ..BLANK
    },
    Spec {
        name: "lmpop", arity: -4, flags: "write", acl: "list",
        keys: "1 num RW access delete", group: "list", since: "7.0.0",
        syntax: "numkeys:int key... where<LEFT|RIGHT> [COUNT count:int]",
        summary: "Pops elements from the first list that has any.", complexity: "O(N+M) in the keys and the elements popped",
        run: lmpop, ..BLANK
    },
    Spec {
        name: "lpop", arity: -2, flags: "write fast", acl: "list",
        keys: "1 RW access delete", group: "list",
        syntax: "key [count:int@6.2.0]",
        summary: "Pops elements from the front of a list.", complexity: "O(N) in the elements popped", run: lpop, ..BLANK
    },
    Spec {
        name: "lpos", arity: -3, flags: "readonly", acl: "list",
        keys: "1 RO access", group: "list", since: "6.0.6",
        syntax: "key element [RANK rank:int] [COUNT num-matches:int] [MAXLEN len:int]",
        summary: "Finds the positions at which an element is in a list.", complexity: "O(N) in the elements looked at", run: lpos,
        ..BLANK
    },
    Spec {
        name: "lpush", arity: -3, flags: "write denyoom fast", acl: "list",
        keys: "1 RW insert", group: "list",
        syntax: "key element...",
        summary: "Puts elements in front of a list, creating it if need be.", complexity: "O(1) per element", run: lpush, ..BLANK
    },
    Spec {
        name: "lpushx", arity: -3, flags: "write denyoom fast", acl: "list",
        keys: "1 RW insert", group: "list", since: "2.2.0",
        syntax: "key element...",
        summary: "Puts elements in front of a list that exists.", complexity: "O(1) per element", run: lpushx, ..BLANK
    },
    Spec {
        name: "lrange", arity: 4, flags: "readonly", acl: "list",
        keys: "1 RO access", group: "list",
        syntax: "key start:int stop:int",
        summary: "Reads the elements between two indexes, both included.",
        complexity: "O(S+N), S to get to the start and N elements returned", run: lrange, ..BLANK
    },
    Spec {
        name: "lrem", arity: 4, flags: "write", acl: "list",
        keys: "1 RW delete", group: "list",
        syntax: "key count:int element",
        summary: "Removes elements equal to the one given.", complexity: "O(N+M), N elements in the list and M removed",
        run: lrem, ..BLANK
    },
    Spec {
        name: "lset", arity: 4, flags: "write denyoom", acl: "list",
        keys: "1 RW update", group: "list",
        syntax: "key index:int element",
        summary: "Replaces an element by its index.", complexity: "O(N) in the elements on the way, O(1) at the ends", run: lset,
        ..BLANK
    },
    Spec {
        name: "ltrim", arity: 4, flags: "write", acl: "list",
        keys: "1 RW delete", group: "list",
        syntax: "key start:int stop:int",
        summary: "Cuts a list down to the elements between two indexes.", complexity: "O(N) in the elements removed", run: ltrim,
        ..BLANK
    },
    Spec {
        name: "rpop", arity: -2, flags: "write fast", acl: "list",
        keys: "1 RW access delete", group: "list",
        syntax: "key [count:int@6.2.0]",
        summary: "Pops elements from the end of a list.", complexity: "O(N) in the elements popped", run: rpop, ..BLANK
    },
    Spec {
        name: "rpoplpush", arity: 3, flags: "write denyoom", acl: "list",
        keys: "1 RW access delete; 2 RW insert", group: "list", since: "1.2.0",
        syntax: "source:key0 destination:key1",
        summary: "Moves the last element of a list to the front of another.", complexity: "O(1)",
        deprecated: "6.2.0 `LMOVE` with the `RIGHT` and `LEFT` arguments", run: rpoplpush, ..BLANK
    },
    Spec {
        name: "rpush", arity: -3, flags: "write denyoom fast", acl: "list",
        keys: "1 RW insert", group: "list",
        syntax: "key element...",
        summary: "Appends elements to a list, creating it if need be.", complexity: "O(1) per element", run: rpush, ..BLANK
    },
    Spec {
        name: "rpushx", arity: -3, flags: "write denyoom fast", acl: "list",
        keys: "1 RW insert", group: "list", since: "2.2.0",
        syntax: "key element...",
        summary: "Appends elements to a list that exists.", complexity: "O(1) per element", run: rpushx, ..BLANK
    },
];

/// `LEFT` or `RIGHT` in word `i`.
fn end(c: &Call<'_>, i: usize) -> Result<End, Error> {
    if c.args.is(i, "left") {
        Ok(End::Head)
    } else if c.args.is(i, "right") {
        Ok(End::Tail)
    } else {
        Err(Error::Syntax)
    }
}

fn push_event(end: End) -> &'static str {
    if end == End::Head { "lpush" } else { "rpush" }
}

fn pop_event(end: End) -> &'static str {
    if end == End::Head { "lpop" } else { "rpop" }
}

/// The command that pops at this end, for the log.
fn pop_command(end: End) -> &'static [u8] {
    if end == End::Head { b"LPOP" } else { b"RPOP" }
}
