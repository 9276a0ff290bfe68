//! OBJECT: a look inside values.

use crate::engine::call::Call;
use crate::engine::errors::Error;
use crate::engine::spec::{BLANK, Spec};
use crate::keyspace::{Entry, Str};

#[rustfmt::skip]
pub const COMMANDS: &[Spec] = &[
    Spec {
        name: "object", arity: -2, group: "generic", since: "2.2.3",
        summary: "Groups the commands that look inside values.", complexity: "Depends on the subcommand", subs: OBJECT, ..BLANK
    },
];

#[rustfmt::skip]
const OBJECT: &[Spec] = &[
    Spec {
        name: "encoding", arity: 3, flags: "readonly", acl: "keyspace",
        keys: "2 RO", group: "generic", since: "2.2.3",
        syntax: "key",
        summary: "Tells how a value is laid out in memory.", complexity: "O(1)", tips: "nondeterministic_output",
        run: object_encoding, ..BLANK
    },
    Spec {
        name: "freq", arity: 3, flags: "readonly", acl: "keyspace",
        keys: "2 RO", group: "generic", since: "4.0.0",
        syntax: "key",
        summary: "Tells how often a key is used, as LFU eviction counts it.", complexity: "O(1)", tips: "nondeterministic_output",
        run: object_freq, ..BLANK
    },
    Spec {
        name: "help", arity: 2, flags: "loading stale", acl: "keyspace", group: "generic", since: "6.2.0",
        summary: "Explains the subcommands.", complexity: "O(1)", run: object_help, ..BLANK
    },
    Spec {
        name: "idletime", arity: 3, flags: "readonly", acl: "keyspace",
        keys: "2 RO", group: "generic", since: "2.2.3",
        syntax: "key",
        summary: "Tells for how many seconds a key was not used.", complexity: "O(1)", tips: "nondeterministic_output",
        run: object_idletime, ..BLANK
    },
    Spec {
        name: "refcount", arity: 3, flags: "readonly", acl: "keyspace",
        keys: "2 RO", group: "generic", since: "2.2.3",
        syntax: "key",
        summary: "Tells how many owners a value has.", complexity: "O(1)", tips: "nondeterministic_output", run: object_refcount,
        ..BLANK
    },
];

fn object_encoding(c: &mut Call<'_>) -> Result<(), Error> {
    match look(c, |e| e.encoding()) {
        Some(name) => c.reply.bulk(name.as_bytes()),
        None => c.reply.null(),
    }
    Ok(())
}

fn object_freq(c: &mut Call<'_>) -> Result<(), Error> {
    let clock = c.ks.clock;
    match look(c, |e| e.clock()) {
        Some(_) if clock.lfu.is_none() => return Err(Error::NO_LFU),
        Some(old) => c.reply.int(i64::from(clock.decayed(old))),
        None => c.reply.null(),
    }
    Ok(())
}

fn object_idletime(c: &mut Call<'_>) -> Result<(), Error> {
    let clock = c.ks.clock;
    match look(c, |e| e.clock()) {
        Some(_) if clock.lfu.is_some() => return Err(Error::NO_LRU),
        Some(old) => c.reply.int((clock.idle_ms(old) / 1000) as i64),
        None => c.reply.null(),
    }
    Ok(())
}

/// Integers below this number are shared by all who hold them (Redis: OBJ_SHARED_INTEGERS); their count reads as the largest int.
const SHARED_INTEGERS: i64 = 10_000;

fn object_refcount(c: &mut Call<'_>) -> Result<(), Error> {
    let shared = |e: &Entry| matches!(e.string(), Some(Str::Int(n)) if (0..SHARED_INTEGERS).contains(&n));
    match look(c, shared) {
        Some(true) => c.reply.int(i64::from(i32::MAX)),
        Some(false) => c.reply.int(1),
        None => c.reply.null(),
    }
    Ok(())
}

fn object_help(c: &mut Call<'_>) -> Result<(), Error> {
    crate::engine::help::help(c, "object")
}

/// What `f` sees in the key in word 2. Hits and misses are counted, but the access is not noted and a miss makes no event.
fn look<R>(c: &mut Call<'_>, f: impl FnOnce(&Entry) -> R) -> Option<R> {
    let key = c.key(2);
    let seen = c.ks.peek(key).map(|e| f(&e));
    match seen {
        Some(_) => c.ks.journal.hits += 1,
        None => c.ks.journal.misses += 1,
    }
    seen
}
