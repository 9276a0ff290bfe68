//! MULTI, EXEC, DISCARD, WATCH, UNWATCH. (Running the queue is the worker's: `engine/worker/exec.rs`.)

use crate::engine::call::Call;
use crate::engine::errors::Error;
use crate::engine::spec::{BLANK, Spec};
use std::sync::atomic::Ordering::Relaxed;

#[rustfmt::skip]
pub const COMMANDS: &[Spec] = &[
    Spec {
        name: "discard", arity: 1, flags: "noscript loading stale fast allow_busy unlocked", acl: "transaction",
        group: "transactions", since: "2.0.0",
        summary: "Drops the transaction.", complexity: "O(N) in the commands queued", run: discard, ..BLANK
    },
    Spec {
        name: "exec", arity: 1, flags: "noscript loading stale skip_slowlog unlocked", acl: "transaction", group: "transactions",
        since: "1.2.0",
        summary: "Runs the commands queued since MULTI in one step.", complexity: "Depends on the commands queued", run: exec,
        ..BLANK
    },
    Spec {
        name: "multi", arity: 1, flags: "noscript loading stale fast allow_busy", acl: "transaction", group: "transactions",
        since: "1.2.0",
        summary: "Starts a transaction: what follows is queued until EXEC.", complexity: "O(1)", run: multi, ..BLANK
    },
    Spec {
        name: "unwatch", arity: 1, flags: "noscript loading stale fast allow_busy unlocked", acl: "transaction",
        group: "transactions", since: "2.2.0",
        summary: "Forgets the keys watched.", complexity: "O(1)", run: unwatch, ..BLANK
    },
    Spec {
        name: "watch", arity: -2, flags: "noscript loading stale fast allow_busy", acl: "transaction",
        keys: "1..-1 RO", group: "transactions", since: "2.2.0",
        syntax: "key...",
        summary: "Lets the next EXEC fail if one of the keys changes before it.", complexity: "O(1) per key", run: watch, ..BLANK
    },
];

fn multi(c: &mut Call<'_>) -> Result<(), Error> {
    if c.session.multi.is_queuing() {
        return Err(Error::NESTED_MULTI);
    }
    c.session.multi.begin();
    c.session.client.queued.store(0, Relaxed);
    c.reply.ok();
    Ok(())
}

/// Reached only outside MULTI: the worker runs the queue itself.
fn exec(_: &mut Call<'_>) -> Result<(), Error> {
    Err(Error::EXEC_WITHOUT_MULTI)
}

fn discard(c: &mut Call<'_>) -> Result<(), Error> {
    if !c.session.multi.is_queuing() {
        return Err(Error::DISCARD_WITHOUT_MULTI);
    }
    c.session.multi.take();
    c.session.client.queued.store(-1, Relaxed);
    c.session.client.queued_bytes.store(0, Relaxed);
    stop_watching(c);
    c.reply.ok();
    Ok(())
}

/// WATCH key [key ...]: a key that is expired already does not count as changed when it goes.
fn watch(c: &mut Call<'_>) -> Result<(), Error> {
    if c.session.multi.is_queuing() {
        return Err(Error::WATCH_IN_MULTI);
    }
    for i in 1..c.args.len() {
        let key = c.key(i);
        // Whoever is expired goes now, and not while it is watched.
        c.ks.exists(key);
        let shard = c.engine.world.shard_of(key.hash);
        let shard = c.ks.access.shard(shard);
        c.session.multi.watch(&mut shard.watchers, c.session.db, key.bytes);
    }
    let multi = &c.session.multi;
    c.session.client.watches(multi.watched.len(), Some(&multi.touched));
    c.reply.ok();
    Ok(())
}

fn unwatch(c: &mut Call<'_>) -> Result<(), Error> {
    stop_watching(c);
    c.reply.ok();
    Ok(())
}

fn stop_watching(c: &mut Call<'_>) {
    c.session.multi.unwatch(c.ks.access);
    c.session.client.watches(0, None);
}
