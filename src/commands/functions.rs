//! FCALL, and FUNCTION: libraries of functions that stay with the data. (Running them is the worker's:
//! `engine/worker/script.rs`.)

use super::scripting::{flush_is_sync, kill, numkeys};
use crate::base::glob;
use crate::engine::call::Call;
use crate::engine::errors::Error;
use crate::engine::help::help;
use crate::engine::lua::functions::{NOT_FOUND, Policy, dump};
use crate::engine::lua::host::{Request, What};
use crate::engine::lua::shebang::ScriptFlags;
use crate::engine::spec::{BLANK, Spec};
use std::sync::atomic::Ordering::Relaxed;

#[rustfmt::skip]
pub const COMMANDS: &[Spec] = &[
    Spec {
        name: "fcall", arity: -3, flags: "noscript stale skip_monitor no_mandatory_keys may_replicate world", acl: "scripting",
        keys: "2 num RW access update", group: "scripting", since: "7.0.0",
        syntax: "function numkeys:int [key...] [arg...]",
        summary: "Calls a function.", complexity: "Depends on the function", run: fcall, ..BLANK
    },
    Spec {
        name: "fcall_ro", arity: -3, flags: "readonly noscript stale skip_monitor no_mandatory_keys world", acl: "scripting",
        keys: "2 num RO access", group: "scripting", since: "7.0.0",
        syntax: "function numkeys:int [key...] [arg...]",
        summary: "Calls a function that may only read.", complexity: "Depends on the function", run: fcall_ro, ..BLANK
    },
    Spec {
        name: "function", arity: -2, group: "scripting", since: "7.0.0",
        summary: "Groups the commands about function libraries.", complexity: "Depends on the subcommand", subs: FUNCTION,
        ..BLANK
    },
];

#[rustfmt::skip]
const FUNCTION: &[Spec] = &[
    Spec {
        name: "delete", arity: 3, flags: "write noscript", acl: "scripting", group: "scripting", since: "7.0.0",
        syntax: "library-name",
        summary: "Removes a library and its functions.", complexity: "O(1)",
        tips: "request_policy:all_shards response_policy:all_succeeded", run: function_delete, ..BLANK
    },
    Spec {
        name: "dump", arity: 2, flags: "noscript", acl: "scripting", group: "scripting", since: "7.0.0",
        summary: "Serializes all libraries.", complexity: "O(N) in the functions", run: function_dump, ..BLANK
    },
    Spec {
        name: "flush", arity: -2, flags: "write noscript", acl: "scripting", group: "scripting", since: "7.0.0",
        syntax: "[flush-type<ASYNC|SYNC>]",
        summary: "Removes all libraries.", complexity: "O(N) in the functions",
        tips: "request_policy:all_shards response_policy:all_succeeded", run: function_flush, ..BLANK
    },
    Spec {
        name: "help", arity: 2, flags: "loading stale", acl: "scripting", group: "scripting", since: "7.0.0",
        summary: "Explains the subcommands.", complexity: "O(1)", run: function_help, ..BLANK
    },
    Spec {
        name: "kill", arity: 2, flags: "noscript allow_busy", acl: "scripting", group: "scripting", since: "7.0.0",
        summary: "Stops the function that runs, if it has not written yet.", complexity: "O(1)",
        tips: "request_policy:all_shards response_policy:one_succeeded", run: function_kill, ..BLANK
    },
    Spec {
        name: "list", arity: -2, flags: "noscript", acl: "scripting", group: "scripting", since: "7.0.0",
        syntax: "[LIBRARYNAME library-name-pattern] [WITHCODE]",
        summary: "Describes the libraries.", complexity: "O(N) in the functions", tips: "nondeterministic_output_order",
        run: function_list, ..BLANK
    },
    Spec {
        name: "load", arity: -3, flags: "write denyoom noscript", acl: "scripting", group: "scripting", since: "7.0.0",
        syntax: "[REPLACE] function-code",
        summary: "Creates a library from source.", complexity: "O(1), plus compiling",
        tips: "request_policy:all_shards response_policy:all_succeeded", run: function_load, ..BLANK
    },
    Spec {
        name: "restore", arity: -3, flags: "write denyoom noscript", acl: "scripting", group: "scripting", since: "7.0.0",
        syntax: "serialized-value [policy<FLUSH|APPEND|REPLACE>]",
        summary: "Creates libraries from what FUNCTION DUMP serialized.", complexity: "O(N) in the functions",
        tips: "request_policy:all_shards response_policy:all_succeeded", run: function_restore, ..BLANK
    },
    Spec {
        name: "stats", arity: 2, flags: "noscript allow_busy", acl: "scripting", group: "scripting", since: "7.0.0",
        summary: "Tells which function runs and which engines there are.", complexity: "O(1)",
        tips: "nondeterministic_output request_policy:all_shards response_policy:special", run: function_stats, ..BLANK
    },
];

fn fcall(c: &mut Call<'_>) -> Result<(), Error> {
    call(c, false)
}

fn fcall_ro(c: &mut Call<'_>) -> Result<(), Error> {
    call(c, true)
}

/// FCALL function numkeys [key …] [arg …]
fn call(c: &mut Call<'_>, read_only: bool) -> Result<(), Error> {
    c.show_ahead();
    let name = c.args.at(1);
    if c.engine.scripts.functions.lock().find(name).is_none() {
        return Err(NOT_FOUND);
    }
    let keys = match c.int(2) {
        Err(_) => return Err(Error::BAD_NUMKEYS),
        Ok(_) => numkeys(c)?,
    };
    c.session.script = Some(Request { what: What::Function(name.to_vec()), keys, read_only });
    Ok(())
}

/// A change to the libraries: written down as it came.
fn changed(c: &mut Call<'_>) {
    c.ks.journal.dirty += 1;
}

fn function_delete(c: &mut Call<'_>) -> Result<(), Error> {
    let name = String::from_utf8_lossy(c.args.at(2)).into_owned();
    if !c.engine.scripts.functions.lock().delete(c.engine, &name) {
        return Err(Error::err("Library not found"));
    }
    changed(c);
    c.reply.ok();
    Ok(())
}

fn function_dump(c: &mut Call<'_>) -> Result<(), Error> {
    let functions = c.engine.scripts.functions.lock();
    c.reply.bulk(&dump::write(functions.codes()));
    Ok(())
}

/// FUNCTION FLUSH [ASYNC|SYNC]
fn function_flush(c: &mut Call<'_>) -> Result<(), Error> {
    if c.args.len() > 3 {
        return Err(Error::unknown_or_arity(c.args.at(1), "FUNCTION"));
    }
    let sync = flush_is_sync(c, Error::FUNCTION_FLUSH_MODE)?;
    let old = c.engine.scripts.functions.lock().flush(c.engine);
    if sync {
        drop(old)
    } else {
        c.engine.free_apart(old.libraries.len(), old)
    }
    changed(c);
    c.reply.ok();
    Ok(())
}

fn function_help(c: &mut Call<'_>) -> Result<(), Error> {
    help(c, "function")
}

fn function_kill(c: &mut Call<'_>) -> Result<(), Error> {
    kill(c, true)
}

/// FUNCTION LIST [LIBRARYNAME pattern] [WITHCODE]
fn function_list(c: &mut Call<'_>) -> Result<(), Error> {
    let (mut pattern, mut with_code, mut i) = (None, false, 2);
    while i < c.args.len() {
        if !with_code && c.args.is(i, "withcode") {
            with_code = true;
        } else if pattern.is_none() && c.args.is(i, "libraryname") {
            i += 1;
            pattern = Some(c.args.get(i).ok_or(Error::err("library name argument was not given"))?);
        } else {
            return Err(Error::quoting("Unknown argument ", c.args.at(i), ""));
        }
        i += 1;
    }
    let functions = c.engine.scripts.functions.lock();
    let fits = |name: &str| pattern.is_none_or(|p| glob::glob_match(p, name.as_bytes(), true));
    let listed: Vec<_> = functions.libraries.iter().filter(|(name, _)| fits(name)).collect();
    c.reply.array(listed.len());
    for (name, library) in listed {
        c.reply.map(if with_code { 4 } else { 3 });
        c.reply.bulk(b"library_name");
        c.reply.bulk(name.as_bytes());
        c.reply.bulk(b"engine");
        c.reply.bulk(b"LUA");
        c.reply.bulk(b"functions");
        c.reply.array(library.functions.len());
        for f in &library.functions {
            c.reply.map(3);
            c.reply.bulk(b"name");
            c.reply.bulk(&f.name);
            c.reply.bulk(b"description");
            match &f.description {
                Some(text) => c.reply.bulk(text),
                None => c.reply.null(),
            }
            c.reply.bulk(b"flags");
            let flags: Vec<_> = ScriptFlags::NAMES.iter().filter(|(flag, _)| f.flags.has(*flag)).collect();
            c.reply.set(flags.len());
            for (_, flag) in flags {
                c.reply.simple(flag);
            }
        }
        if with_code {
            c.reply.bulk(b"library_code");
            c.reply.bulk(&library.code);
        }
    }
    Ok(())
}

/// FUNCTION LOAD [REPLACE] code
fn function_load(c: &mut Call<'_>) -> Result<(), Error> {
    let last = c.args.len() - 1;
    let mut replace = false;
    for i in 2..last {
        if !c.args.is(i, "replace") {
            return Err(Error::quoting("Unknown option given: ", c.args.at(i), ""));
        }
        replace = true;
    }
    let name = c.engine.scripts.functions.lock().load(c.engine, c.args.at(last), replace)?;
    changed(c);
    c.reply.bulk(name.as_bytes());
    Ok(())
}

/// FUNCTION RESTORE payload [FLUSH|APPEND|REPLACE]
fn function_restore(c: &mut Call<'_>) -> Result<(), Error> {
    if c.args.len() > 4 {
        return Err(Error::unknown_or_arity(c.args.at(1), "FUNCTION"));
    }
    let policy = match c.args.get(3) {
        None => Policy::Append,
        Some(_) if c.args.is(3, "flush") => Policy::Flush,
        Some(_) if c.args.is(3, "append") => Policy::Append,
        Some(_) if c.args.is(3, "replace") => Policy::Replace,
        Some(_) => {
            return Err(Error::err("Wrong restore policy given, value should be either FLUSH, APPEND or REPLACE."));
        }
    };
    let codes = dump::read(c.args.at(2))?;
    c.engine.scripts.functions.lock().restore(c.engine, &codes, policy)?;
    changed(c);
    c.reply.ok();
    Ok(())
}

/// FUNCTION STATS: what runs, and what there is.
fn function_stats(c: &mut Call<'_>) -> Result<(), Error> {
    let scripts = &c.engine.scripts;
    let running = scripts.running.about();
    if running.as_ref().is_some_and(|r| !r.is_function) {
        return Err(Error::BUSY_SCRIPT);
    }
    c.reply.map(2);
    c.reply.bulk(b"running_script");
    match running {
        None => c.reply.null(),
        Some(about) => {
            c.reply.map(3);
            c.reply.bulk(b"name");
            c.reply.bulk(about.name.as_bytes());
            c.reply.bulk(b"command");
            c.reply.array(about.words.len());
            about.words.iter().for_each(|w| c.reply.bulk(w));
            c.reply.bulk(b"duration_ms");
            c.reply.int(about.started.map_or(0, |s| s.elapsed().as_millis() as i64));
        }
    }
    c.reply.bulk(b"engines");
    c.reply.map(1);
    c.reply.bulk(b"LUA");
    c.reply.map(2);
    c.reply.bulk(b"libraries_count");
    c.reply.int(scripts.figures.libraries.load(Relaxed) as i64);
    c.reply.bulk(b"functions_count");
    c.reply.int(scripts.figures.functions.load(Relaxed) as i64);
    Ok(())
}
