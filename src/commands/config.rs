//! CONFIG: reads and changes configuration while the server runs. Meaning and values are in [`crate::engine::config`].

use crate::engine::LogLevel;
use crate::engine::call::Call;
use crate::engine::config::rewrite::rewrite;
use crate::engine::config::{Caller, ConfigHooks, Refusal, table};
use crate::engine::errors::Error;
use crate::engine::gates;
use crate::engine::help::help;
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
    let changed = c.engine.config.set(&pairs, caller(c), hooks(c))?;
    for row in changed.iter().filter_map(|name| table::find(name.as_bytes())) {
        if let Some(notice) = row.notice(&row.load(&c.engine.config)) {
            c.engine.log(LogLevel::Notice, &notice);
        }
    }
    if changed.contains(&"requirepass") {
        c.engine.acl.set_default_password(c.engine, &c.engine.config.requirepass.bytes());
    }
    c.reply.ok();
    Ok(())
}

fn config_rewrite(c: &mut Call<'_>) -> Result<(), Error> {
    let (config, hooks) = (&c.engine.config, hooks(c));
    let path = config.file().ok_or(Error::err("The server is running without a config file"))?;
    let users = c.engine.acl.config_lines(c.engine);
    let written = hooks.rewrite_file(&path, &|old| rewrite(old, config, Some(&users)));
    written.map_err(|reason| Error::Err(format!("Rewriting config file: {reason}").into()))?;
    c.reply.ok();
    Ok(())
}

fn config_resetstat(c: &mut Call<'_>) -> Result<(), Error> {
    c.engine.reset_stats();
    c.reply.ok();
    Ok(())
}

fn config_help(c: &mut Call<'_>) -> Result<(), Error> {
    help(c, "config")
}

/// Hooks of an engine that has no process around it.
struct Nobody;

impl ConfigHooks for Nobody {
    fn changed(&self, _: &[&'static str]) -> Result<(), Refusal> {
        Ok(())
    }
    fn rewrite_file(&self, _: &str, _: &dyn Fn(&[u8]) -> Vec<u8>) -> Result<(), String> {
        Err("there are no files here".into())
    }
    fn read_file(&self, _: &str) -> Result<Vec<u8>, String> {
        Err("there are no files here".into())
    }
}

pub(super) fn hooks<'a>(c: &Call<'a>) -> &'a dyn ConfigHooks {
    match c.engine.hooks() {
        Some(h) => h,
        None => &Nobody,
    }
}

/// Who is asking, as far as protected directives care.
fn caller(c: &Call<'_>) -> Caller {
    let loading = c.engine.gates.load(std::sync::atomic::Ordering::Relaxed) & gates::LOADING != 0;
    Caller { is_local: c.session.client.is_local(), is_loading: loading }
}
