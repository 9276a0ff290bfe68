//! CONFIG: reads and changes configuration while the server runs. Meaning and values are in [`crate::engine::config`].

use crate::engine::call::Call;
use crate::engine::config::rewrite::rewrite;
use crate::engine::config::Caller;
use crate::engine::errors::Error;
use crate::engine::spec::{BLANK, Spec};

#[rustfmt::skip]
pub const COMMANDS: &[Spec] = &[
    Spec {
        name: "config", arity: -2, group: "server", since: "2.0.0",
        summary: "Groups the commands about configuration.", complexity: "Depends on the subcommand", subs: CONFIG, ..BLANK
    },
];

#[rustfmt::skip]
const CONFIG: &[Spec] = &[
    Spec {
        name: "get", arity: -3, flags: "admin noscript loading stale", group: "server", since: "2.0.0",
        syntax: "parameter...",
        summary: "Reads the parameters that fit the patterns.", complexity: "O(N) in the parameters", run: config_get, ..BLANK
    },
    Spec {
        name: "help", arity: 2, flags: "loading stale", group: "server", since: "5.0.0",
        summary: "Explains the subcommands.", complexity: "O(1)", run: config_help, ..BLANK
    },
    Spec {
        name: "resetstat", arity: 2, flags: "admin noscript loading stale", group: "server", since: "2.0.0",
        summary: "Sets the statistics of INFO back to zero.", complexity: "O(1)",
        tips: "request_policy:all_nodes response_policy:all_succeeded", run: config_resetstat, ..BLANK
    },
    Spec {
        name: "rewrite", arity: 2, flags: "admin noscript loading stale", group: "server", since: "2.8.0",
        summary: "Writes the parameters in force to the configuration file.", complexity: "O(1)",
        tips: "request_policy:all_nodes response_policy:all_succeeded", run: config_rewrite, ..BLANK
    },
    Spec {
        name: "set", arity: -4, flags: "admin noscript loading stale", group: "server", since: "2.0.0",
        syntax: "data(parameter value)...",
        summary: "Changes parameters while the server runs, all or none.", complexity: "O(N) in the parameters",
        tips: "request_policy:all_nodes response_policy:all_succeeded", run: config_set, ..BLANK
    },
];

fn config_get(c: &mut Call<'_>) -> Result<(), Error> {
    let found = c.engine.config.get_matching(c.args.skip(2).iter());
    c.reply.map(found.len());
    for (name, value) in found {
        c.reply.bulk(&name);
        c.reply.bulk(&value);
    }
    Ok(())
}

fn config_set(c: &mut Call<'_>) -> Result<(), Error> {
    let words = c.args.skip(2);
    if !words.len().is_multiple_of(2) {
        return Err(Error::Syntax);
    }
    let pairs: Vec<(&[u8], &[u8])> = (0..words.len()).step_by(2).map(|i| (words.at(i), words.at(i + 1))).collect();
    c.engine.config.set(&pairs, caller(c), c.engine.hooks.as_ref())?;
    c.reply.ok();
    Ok(())
}

fn config_rewrite(c: &mut Call<'_>) -> Result<(), Error> {
    let (config, hooks) = (&c.engine.config, &c.engine.hooks);
    let path = config.file().ok_or(Error::err("The server is running without a config file"))?;
    let users = hooks.user_lines();
    let written = hooks.rewrite_file(&path, &|old| rewrite(old, config, users.as_deref()));
    written.map_err(|reason| Error::Err(format!("Rewriting config file: {reason}").into()))?;
    c.reply.ok();
    Ok(())
}

fn config_resetstat(c: &mut Call<'_>) -> Result<(), Error> {
    c.engine.hooks.reset_stats();
    c.reply.ok();
    Ok(())
}

fn config_help(c: &mut Call<'_>) -> Result<(), Error> {
    c.reply.array(HELP.len());
    for line in HELP {
        c.reply.simple(line);
    }
    Ok(())
}

/// As Redis 7.0 and 8.0 answer it.
const HELP: &[&str] = &[
    "CONFIG <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
    "GET <pattern>",
    "    Return parameters matching the glob-like <pattern> and their values.",
    "SET <directive> <value>",
    "    Set the configuration <directive> to <value>.",
    "RESETSTAT",
    "    Reset statistics reported by the INFO command.",
    "REWRITE",
    "    Rewrite the configuration file.",
    "HELP",
    "    Prints this help.",
];

/// Who is asking, as far as protected directives care.
fn caller(_: &Call<'_>) -> Caller {
    Caller { is_local: false, is_loading: false }
}
