//! EVAL and its kin, and SCRIPT: scripts that are sent or known by their digests. (Running them is the worker's:
//! `engine/worker/script.rs`.)

use crate::engine::call::Call;
use crate::engine::errors::Error;
use crate::engine::help::help;
use crate::engine::lua::cache::Name;
use crate::engine::lua::host::{Request, What};
use crate::engine::lua::running::Kill;
use crate::engine::spec::{BLANK, Spec};

#[rustfmt::skip]
pub const COMMANDS: &[Spec] = &[
    Spec {
        name: "eval", arity: -3, flags: "noscript stale skip_monitor no_mandatory_keys may_replicate world", acl: "scripting",
        keys: "2 num RW access update", group: "scripting", since: "2.6.0",
        syntax: "script numkeys:int [key...] [arg...]",
        summary: "Runs a Lua script.", complexity: "Depends on the script", run: eval, ..BLANK
    },
    Spec {
        name: "eval_ro", arity: -3, flags: "readonly noscript stale skip_monitor no_mandatory_keys world", acl: "scripting",
        keys: "2 num RO access", group: "scripting", since: "7.0.0",
        syntax: "script numkeys:int [key...] [arg...]",
        summary: "Runs a Lua script that may only read.", complexity: "Depends on the script", run: eval_ro, ..BLANK
    },
    Spec {
        name: "evalsha", arity: -3, flags: "noscript stale skip_monitor no_mandatory_keys may_replicate world", acl: "scripting",
        keys: "2 num RW access update", group: "scripting", since: "2.6.0",
        syntax: "sha1 numkeys:int [key...] [arg...]",
        summary: "Runs a Lua script known by its SHA-1.", complexity: "Depends on the script", run: evalsha, ..BLANK
    },
    Spec {
        name: "evalsha_ro", arity: -3, flags: "readonly noscript stale skip_monitor no_mandatory_keys world", acl: "scripting",
        keys: "2 num RO access", group: "scripting", since: "7.0.0",
        syntax: "sha1 numkeys:int [key...] [arg...]",
        summary: "Runs a Lua script known by its SHA-1 that may only read.", complexity: "Depends on the script", run: evalsha_ro,
        ..BLANK
    },
    Spec {
        name: "script", arity: -2, group: "scripting", since: "2.6.0",
        summary: "Groups the commands about scripts.", complexity: "Depends on the subcommand", subs: SCRIPT, ..BLANK
    },
];

#[rustfmt::skip]
const SCRIPT: &[Spec] = &[
    Spec {
        name: "debug", arity: 3, flags: "noscript", acl: "scripting", group: "scripting", since: "3.2.0",
        syntax: "mode<YES|SYNC|NO>",
        summary: "Sets how this connection's scripts are debugged.", complexity: "O(1)", run: script_debug, ..BLANK
    },
    Spec {
        name: "exists", arity: -3, flags: "noscript", acl: "scripting", group: "scripting", since: "2.6.0",
        syntax: "sha1...",
        summary: "Tells which scripts are known.", complexity: "O(N) in the scripts asked for",
        tips: "request_policy:all_shards response_policy:agg_logical_and", run: script_exists, ..BLANK
    },
    Spec {
        name: "flush", arity: -2, flags: "noscript", acl: "scripting", group: "scripting", since: "2.6.0",
        syntax: "[flush-type<ASYNC|SYNC>@6.2.0]",
        summary: "Forgets all scripts.", complexity: "O(N) in the scripts",
        tips: "request_policy:all_nodes response_policy:all_succeeded", run: script_flush, ..BLANK
    },
    Spec {
        name: "help", arity: 2, flags: "loading stale", acl: "scripting", group: "scripting", since: "5.0.0",
        summary: "Explains the subcommands.", complexity: "O(1)", run: script_help, ..BLANK
    },
    Spec {
        name: "kill", arity: 2, flags: "noscript allow_busy", acl: "scripting", group: "scripting", since: "2.6.0",
        summary: "Stops the script that runs, if it has not written yet.", complexity: "O(1)",
        tips: "request_policy:all_shards response_policy:one_succeeded", run: script_kill, ..BLANK
    },
    Spec {
        name: "load", arity: 3, flags: "noscript stale", acl: "scripting", group: "scripting", since: "2.6.0",
        syntax: "script",
        summary: "Stores a script for EVALSHA.", complexity: "O(N) in the length of the script",
        tips: "request_policy:all_nodes response_policy:all_succeeded", run: script_load, ..BLANK
    },
    Spec {
        name: "show", arity: 3, flags: "noscript stale", acl: "scripting", group: "scripting", since: "8.0.0",
        syntax: "sha1",
        summary: "Shows the source of a stored script.", complexity: "O(1)", run: script_show, ..BLANK
    },
];

fn eval(c: &mut Call<'_>) -> Result<(), Error> {
    run_text(c, false)
}

fn eval_ro(c: &mut Call<'_>) -> Result<(), Error> {
    run_text(c, true)
}

fn evalsha(c: &mut Call<'_>) -> Result<(), Error> {
    run_known(c, false)
}

fn evalsha_ro(c: &mut Call<'_>) -> Result<(), Error> {
    run_known(c, true)
}

/// EVAL script numkeys [key …] [arg …]
fn run_text(c: &mut Call<'_>, read_only: bool) -> Result<(), Error> {
    c.show_ahead();
    let keys = numkeys(c)?;
    let name = c.engine.scripts.scripts.lock().add(c.engine, c.args.at(1), false)?;
    c.session.script = Some(Request { what: What::Script(name), keys, read_only });
    Ok(())
}

/// EVALSHA sha1 numkeys [key …] [arg …]
fn run_known(c: &mut Call<'_>, read_only: bool) -> Result<(), Error> {
    c.show_ahead();
    let name = digest(c.args.at(1)).ok_or(Error::NOSCRIPT)?;
    let keys = numkeys(c)?;
    c.session.script = Some(Request { what: What::Script(name), keys, read_only });
    Ok(())
}

/// A digest as a client writes it, in lower case.
fn digest(word: &[u8]) -> Option<Name> {
    let mut name: Name = word.try_into().ok()?;
    name.make_ascii_lowercase();
    Some(name)
}

/// How many of the words from the third on are keys.
pub(super) fn numkeys(c: &Call<'_>) -> Result<usize, Error> {
    let n = c.int(2)?;
    if n > c.args.len() as i64 - 3 {
        return Err(Error::NUMKEYS_MORE_THAN_ARGS);
    }
    usize::try_from(n).map_err(|_| Error::NUMKEYS_NEGATIVE)
}

/// SCRIPT DEBUG: there is no debugger; what asks for none is granted.
fn script_debug(c: &mut Call<'_>) -> Result<(), Error> {
    if c.args.is(2, "no") {
        c.reply.ok();
        return Ok(());
    }
    if c.args.is(2, "yes") || c.args.is(2, "sync") {
        return Err(Error::NO_SCRIPT_DEBUGGER);
    }
    Err(Error::SCRIPT_DEBUG_MODE)
}

fn script_exists(c: &mut Call<'_>) -> Result<(), Error> {
    let cache = c.engine.scripts.scripts.lock();
    c.reply.array(c.args.len() - 2);
    for word in c.args.skip(2).iter() {
        let known = digest(word).is_some_and(|name| cache.scripts.contains_key(&name));
        c.reply.int(i64::from(known));
    }
    Ok(())
}

/// SCRIPT FLUSH [ASYNC|SYNC]
fn script_flush(c: &mut Call<'_>) -> Result<(), Error> {
    let sync = flush_is_sync(c, Error::SCRIPT_FLUSH_MODE)?;
    let old = c.engine.scripts.scripts.lock().flush(c.engine);
    if sync {
        drop(old)
    } else {
        c.engine.free_apart(old.scripts.len(), old)
    }
    c.reply.ok();
    Ok(())
}

/// The option of SCRIPT FLUSH and FUNCTION FLUSH: true if the caller is to wait.
pub(super) fn flush_is_sync(c: &Call<'_>, wrong: Error) -> Result<bool, Error> {
    match c.args.len() {
        2 => Ok(!c.engine.config.lazyfree_lazy_user_flush.get()),
        3 if c.args.is(2, "sync") => Ok(true),
        3 if c.args.is(2, "async") => Ok(false),
        _ => Err(wrong),
    }
}

fn script_help(c: &mut Call<'_>) -> Result<(), Error> {
    help(c, "script")
}

fn script_kill(c: &mut Call<'_>) -> Result<(), Error> {
    kill(c, false)
}

/// SCRIPT KILL and FUNCTION KILL.
pub(super) fn kill(c: &mut Call<'_>, function: bool) -> Result<(), Error> {
    match c.engine.scripts.running.kill(function) {
        Kill::Stopping => c.reply.ok(),
        Kill::NothingRuns => return Err(Error::NOTBUSY),
        Kill::Wrote => return Err(Error::UNKILLABLE),
        Kill::OtherKind if function => return Err(Error::BUSY_SCRIPT),
        Kill::OtherKind => return Err(Error::BUSY_FUNCTION),
    }
    Ok(())
}

fn script_load(c: &mut Call<'_>) -> Result<(), Error> {
    let name = c.engine.scripts.scripts.lock().add(c.engine, c.args.at(2), true)?;
    c.reply.bulk(&name);
    Ok(())
}

/// SCRIPT SHOW (Valkey 8)
fn script_show(c: &mut Call<'_>) -> Result<(), Error> {
    let cache = c.engine.scripts.scripts.lock();
    let script = digest(c.args.at(2)).and_then(|name| cache.scripts.get(&name)).ok_or(Error::NOSCRIPT)?;
    c.reply.bulk(&script.text);
    Ok(())
}
