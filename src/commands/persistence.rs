//! Snapshots and the rewriting of the append-only file, on demand.

use crate::engine::call::Call;
use crate::engine::errors::Error;
use crate::engine::persist::Persistence;
use crate::engine::spec::{BLANK, Spec};
use std::sync::atomic::Ordering::Relaxed;

#[rustfmt::skip]
pub const COMMANDS: &[Spec] = &[
    Spec {
        name: "bgrewriteaof", arity: 1, flags: "admin noscript no_async_loading", group: "server",
        summary: "Rewrites the append-only file in the background.", complexity: "O(1), plus the walk in the background",
        run: bgrewriteaof, ..BLANK
    },
    Spec {
        name: "bgsave", arity: -1, flags: "admin noscript no_async_loading", group: "server",
        syntax: "[SCHEDULE@3.2.2]",
        summary: "Writes a snapshot to disk in the background.", complexity: "O(1), plus the walk in the background", run: bgsave,
        ..BLANK
    },
    Spec {
        name: "lastsave", arity: 1, flags: "loading stale fast", acl: "admin dangerous", group: "server",
        summary: "Tells when the last snapshot was written.", complexity: "O(1)", tips: "nondeterministic_output", run: lastsave,
        ..BLANK
    },
    Spec {
        name: "save", arity: 1, flags: "admin noscript no_async_loading no_multi world", group: "server",
        summary: "Writes a snapshot to disk and waits for it.", complexity: "O(N) in the keys of all databases", run: save,
        ..BLANK
    },
];

fn persistence<'a>(c: &Call<'a>) -> Result<&'a dyn Persistence, Error> {
    c.engine.hooks().and_then(|h| h.persistence()).ok_or(Error::NO_PERSISTENCE)
}

fn save(c: &mut Call<'_>) -> Result<(), Error> {
    persistence(c)?.save(c.ks.access)?;
    c.reply.ok();
    Ok(())
}

/// BGSAVE [SCHEDULE]
fn bgsave(c: &mut Call<'_>) -> Result<(), Error> {
    let schedule = match c.args.len() {
        1 => false,
        2 if c.args.is(1, "schedule") => true,
        _ => return Err(Error::Syntax),
    };
    let answer = persistence(c)?.background_save(schedule)?;
    c.reply.simple(answer);
    Ok(())
}

fn bgrewriteaof(c: &mut Call<'_>) -> Result<(), Error> {
    let answer = persistence(c)?.rewrite()?;
    c.reply.simple(answer);
    Ok(())
}

fn lastsave(c: &mut Call<'_>) -> Result<(), Error> {
    c.reply.int(c.engine.last_save_s.load(Relaxed));
    Ok(())
}
