//! Keys as such, whatever they hold: DEL, EXISTS, TYPE, RENAME, COPY, MOVE, and SWAPDB.
//!
//! Another database of the same key lies in the same shard, so MOVE and COPY … DB need no lock beyond those of their keys.

use crate::engine::call::Call;
use crate::engine::errors::Error;
use crate::engine::spec::{BLANK, Spec};
use crate::keyspace::journal::class;
use crate::keyspace::{Entry, NewValue, Str};

#[rustfmt::skip]
pub const COMMANDS: &[Spec] = &[
    Spec {
        name: "copy", arity: -3, flags: "write denyoom", acl: "keyspace",
        keys: "1 RO access; 2 OW update", group: "generic", since: "6.2.0",
        syntax: "source:key0 destination:key1 [DB destination-db:int] [REPLACE]",
        summary: "Copies a value to another key.", complexity: "O(1) for strings, O(N) in the elements of a collection",
        run: copy, ..BLANK
    },
    Spec {
        name: "del", arity: -2, flags: "write", acl: "keyspace",
        keys: "1..-1 RM delete", group: "generic",
        syntax: "key...",
        summary: "Removes keys.", complexity: "O(N) in the keys, and in the elements of the collections among them",
        tips: "request_policy:multi_shard response_policy:agg_sum", run: del, ..BLANK
    },
    Spec {
        name: "exists", arity: -2, flags: "readonly fast", acl: "keyspace",
        keys: "1..-1 RO", group: "generic",
        syntax: "key...",
        summary: "Counts how many of the keys named exist.", complexity: "O(N) in the number of keys",
        tips: "request_policy:multi_shard response_policy:agg_sum", run: exists, ..BLANK
    },
    Spec {
        name: "move", arity: 3, flags: "write fast", acl: "keyspace",
        keys: "1 RW access update", group: "generic",
        syntax: "key db:int",
        summary: "Moves a key to another database.", complexity: "O(1)", run: move_, ..BLANK
    },
    Spec {
        name: "rename", arity: 3, flags: "write", acl: "keyspace",
        keys: "1 RW access delete; 2 OW update", group: "generic",
        syntax: "key newkey:key1",
        summary: "Renames a key, replacing whatever has the new name.", complexity: "O(1)", run: rename, ..BLANK
    },
    Spec {
        name: "renamenx", arity: 3, flags: "write fast", acl: "keyspace",
        keys: "1 RW access delete; 2 OW insert", group: "generic",
        syntax: "key newkey:key1",
        summary: "Renames a key unless the new name is taken.", complexity: "O(1)", run: renamenx, ..BLANK
    },
    Spec {
        name: "swapdb", arity: 3, flags: "write fast world", acl: "keyspace dangerous", group: "server", since: "4.0.0",
        syntax: "index1:int index2:int",
        summary: "Exchanges two databases.", complexity: "O(N) in the clients that watch or wait for keys", run: swapdb, ..BLANK
    },
    Spec {
        name: "touch", arity: -2, flags: "readonly fast", acl: "keyspace",
        keys: "1..-1 RO", group: "generic", since: "3.2.1",
        syntax: "key...",
        summary: "Marks keys as just used and counts those that exist.", complexity: "O(N) in the number of keys",
        tips: "request_policy:multi_shard response_policy:agg_sum", run: touch, ..BLANK
    },
    Spec {
        name: "type", arity: 2, flags: "readonly fast", acl: "keyspace",
        keys: "1 RO", group: "generic",
        syntax: "key",
        summary: "Tells what kind of value a key holds.", complexity: "O(1)", run: type_, ..BLANK
    },
    Spec {
        name: "unlink", arity: -2, flags: "write fast", acl: "keyspace",
        keys: "1..-1 RM delete", group: "generic", since: "4.0.0",
        syntax: "key...",
        summary: "Removes keys and leaves the freeing of memory for later.",
        complexity: "O(1) per key, memory is freed in the background", tips: "request_policy:multi_shard response_policy:agg_sum",
        run: unlink, ..BLANK
    },
];

fn del(c: &mut Call<'_>) -> Result<(), Error> {
    let mut removed = 0;
    for i in 1..c.args.len() {
        let key = c.key(i);
        removed += i64::from(c.ks.delete(key, class::GENERIC, "del"));
    }
    c.reply.int(removed);
    Ok(())
}

/// As DEL: what is dear to free is freed apart from the client in either case.
fn unlink(c: &mut Call<'_>) -> Result<(), Error> {
    del(c)
}

fn exists(c: &mut Call<'_>) -> Result<(), Error> {
    let mut there = 0;
    for i in 1..c.args.len() {
        let key = c.key(i);
        there += i64::from(c.ks.look(key).is_some());
    }
    c.reply.int(there);
    Ok(())
}

fn touch(c: &mut Call<'_>) -> Result<(), Error> {
    let mut there = 0;
    for i in 1..c.args.len() {
        let key = c.key(i);
        there += i64::from(c.ks.touch(key));
    }
    c.reply.int(there);
    Ok(())
}

fn type_(c: &mut Call<'_>) -> Result<(), Error> {
    let key = c.key(1);
    let name = c.ks.look(key).map_or("none", |e| e.type_().name());
    c.reply.simple(name);
    Ok(())
}

fn rename(c: &mut Call<'_>) -> Result<(), Error> {
    if rename_key(c, true)? {
        c.reply.ok();
    }
    Ok(())
}

fn renamenx(c: &mut Call<'_>) -> Result<(), Error> {
    // Onto itself: the name is taken, by the key itself.
    let renamed = rename_key(c, false)? && c.args.at(1) != c.args.at(2);
    c.reply.int(i64::from(renamed));
    Ok(())
}

/// Gives the key in word 1 the name in word 2. False if that one is taken and may not be replaced.
fn rename_key(c: &mut Call<'_>, replace: bool) -> Result<bool, Error> {
    let (from, to) = (c.key(1), c.key(2));
    if !c.ks.exists(from) {
        return Err(Error::NoSuchKey);
    }
    if from.bytes == to.bytes {
        return Ok(true);
    }
    let dirty = c.ks.journal.dirty;
    if c.ks.exists(to) {
        if !replace {
            return Ok(false);
        }
        c.ks.remove(to);
    }
    if let Some(entry) = c.ks.take(from) {
        c.ks.add_entry(to, entry.renamed(to.bytes));
    }
    c.ks.event(class::GENERIC, "rename_from", from);
    c.ks.event(class::GENERIC, "rename_to", to);
    c.ks.journal.dirty = dirty + 1;
    Ok(true)
}

fn copy(c: &mut Call<'_>) -> Result<(), Error> {
    let (from, to, source_db) = (c.key(1), c.key(2), c.ks.db);
    let (mut db, mut replace, mut i) = (source_db, false, 3);
    while i < c.args.len() {
        if c.args.is(i, "replace") {
            replace = true;
        } else if c.args.is(i, "db") && i + 1 < c.args.len() {
            db = database(c, i + 1)?;
            i += 1;
        } else {
            return Err(Error::Syntax);
        }
        i += 1;
    }
    if db == source_db && from.bytes == to.bytes {
        return Err(Error::SameObject);
    }
    let dirty = c.ks.journal.dirty;
    let found = c.ks.get(from).is_some();
    c.ks.select(db);
    let taken = found && c.ks.exists(to);
    c.ks.select(source_db);
    let clock = c.ks.clock.born();
    let fresh = match c.ks.peek(from) {
        Some(entry) if replace || !taken => copy_of(&entry, to.bytes, clock),
        _ => {
            c.reply.int(0);
            return Ok(());
        }
    };
    c.ks.select(db);
    if taken {
        c.ks.remove(to);
    }
    c.ks.add_entry(to, fresh);
    c.ks.event(class::GENERIC, "copy_to", to);
    c.ks.select(source_db);
    c.ks.journal.dirty = dirty + 1;
    c.reply.int(1);
    Ok(())
}

/// An entry of the same value and expiry under another key. Long strings are shared until one of the two changes.
fn copy_of(entry: &Entry, key: &[u8], clock: u32) -> Entry {
    match entry.string() {
        Some(Str::Shared(long)) => Entry::new(key, NewValue::Shared((*long).clone()), entry.expiry(), clock),
        _ => entry.clone_value().give(|value| Entry::new(key, value, entry.expiry(), clock)),
    }
}

fn move_(c: &mut Call<'_>) -> Result<(), Error> {
    let (key, from) = (c.key(1), c.ks.db);
    let to = database(c, 2)?;
    if from == to {
        return Err(Error::SameObject);
    }
    let dirty = c.ks.journal.dirty;
    let found = c.ks.exists(key);
    c.ks.select(to);
    let taken = found && c.ks.exists(key);
    c.ks.select(from);
    let entry = if found && !taken { c.ks.take(key) } else { None };
    let moved = entry.is_some();
    if let Some(entry) = entry {
        c.ks.select(to);
        c.ks.add_entry(key, entry);
        c.ks.select(from);
        c.ks.event(class::GENERIC, "move_from", key);
        c.ks.select(to);
        c.ks.event(class::GENERIC, "move_to", key);
        c.ks.select(from);
        c.ks.journal.dirty = dirty + 1;
    }
    c.reply.int(i64::from(moved));
    Ok(())
}

fn swapdb(c: &mut Call<'_>) -> Result<(), Error> {
    let a = int32(c, 1).map_err(|_| Error::FIRST_DB_INDEX)?;
    let b = int32(c, 2).map_err(|_| Error::SECOND_DB_INDEX)?;
    let (a, b) = (index(c, a)?, index(c, b)?);
    if a != b {
        for i in 0..c.engine.world.shards() {
            touch_watchers(c, i, a, b);
            c.ks.access.shard(i).swap(a as usize, b as usize);
        }
    }
    c.ks.journal.dirty += 1;
    c.reply.ok();
    Ok(())
}

/// For who watches a key of either database, it changes if either has it: it goes, comes, or becomes another. An expired
/// key counts as none.
fn touch_watchers(c: &mut Call<'_>, shard: usize, a: u32, b: u32) {
    let now_ms = c.now_ms();
    let ready = &mut c.ks.journal.ready;
    let shard = c.ks.access.shard(shard);
    // Whoever waits looks at what is there after the swap.
    for db in [a, b] {
        ready.extend(shard.watchers.waited_keys(db).map(|key| (db, key.to_vec())));
    }
    for db in [a, b] {
        for key in shard.watchers.keys(db) {
            let hash = crate::base::hash::hash_bytes(key);
            let lives = |db: u32| {
                let entry = shard.db(db as usize).and_then(|t| t.get(hash, key));
                entry.is_some_and(|e| e.expiry().is_none_or(|at| now_ms <= at))
            };
            if lives(a) || lives(b) {
                shard.watchers.touch(db, key, ready);
            }
        }
    }
}

/// Word `i` as the number of a database.
fn database(c: &Call<'_>, i: usize) -> Result<u32, Error> {
    index(c, int32(c, i)?)
}

fn index(c: &Call<'_>, n: i32) -> Result<u32, Error> {
    u32::try_from(n).ok().filter(|n| (*n as usize) < c.engine.world.databases()).ok_or(Error::DB_INDEX)
}

/// Word `i` as C's `int`.
fn int32(c: &Call<'_>, i: usize) -> Result<i32, Error> {
    i32::try_from(c.int(i)?).map_err(|_| Error::NOT_INT32)
}
