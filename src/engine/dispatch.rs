//! From words to a command that may run: look-up, the ordered list of refusals, and where its keys are.

use super::acl::log::Context;
use super::clients::flag;
use super::errors::Error;
use super::flags::Flags;
use super::lua::refusals::{Needs, STATE, is_obeyed, is_short_of_memory, is_stale};
use super::session::Session;
use super::table::{self, Command};
use super::{Engine, gates};
use crate::base::quoted::quoted;
use crate::resp::Args;
use std::borrow::Cow;

/// The command that these words call, with its arity checked; a subcommand where there is one.
#[inline]
pub fn resolve(args: Args<'_>) -> Result<&'static Command, Error> {
    let Some(command) = table::find(args.at(0)) else {
        return Err(unknown(args));
    };
    if command.is_container() { resolve_sub(command, args) } else { check_arity(command, args.len()) }
}

/// As [`resolve`], for what was logged: commands there have the names that clients use, or their own.
pub fn resolve_logged(args: Args<'_>) -> Result<&'static Command, Error> {
    match (table::find(args.at(0)), table::find_own(args.at(0))) {
        (None, Some(command)) if command.is_container() => resolve_sub(command, args),
        (None, Some(command)) => check_arity(command, args.len()),
        _ => resolve(args),
    }
}

/// The command that these words mean, whatever else is wrong with them.
pub fn known(args: Args<'_>) -> Option<&'static Command> {
    let command = table::find(args.at(0))?;
    match args.get(1) {
        Some(word) if command.is_container() => command.find_sub(word),
        _ => Some(command),
    }
}

/// Whether these words are a line of an HTTP request: a browser was talked into sending commands (Redis 3.2.7 on).
pub fn is_cross_protocol(args: Args<'_>) -> bool {
    args.is(0, "post") || args.is(0, "host:")
}

/// Whether these words, well or badly formed, mean EXEC.
pub fn is_exec(args: Args<'_>) -> bool {
    table::find(args.at(0)).is_some_and(|c| &*c.name == "exec")
}

#[inline]
fn check_arity(command: &'static Command, words: usize) -> Result<&'static Command, Error> {
    if command.takes(words) { Ok(command) } else { Err(wrong_arity(&command.name)) }
}

fn resolve_sub(command: &'static Command, args: Args<'_>) -> Result<&'static Command, Error> {
    // A container that runs on its own (COMMAND) needs no second word.
    if args.len() == 1 {
        return check_arity(command, 1);
    }
    match command.find_sub(args.at(1)) {
        Some(sub) => check_arity(sub, args.len()),
        None => Err(Error::Err(Cow::Owned(format!(
            "unknown subcommand '{}'. Try {} HELP.",
            shortened(args.at(1), 128),
            command.name.to_ascii_uppercase()
        )))),
    }
}

pub fn wrong_arity(name: &str) -> Error {
    Error::Err(Cow::Owned(format!("wrong number of arguments for '{name}' command")))
}

#[cold]
fn unknown(args: Args<'_>) -> Error {
    // Counted in bytes of the client's, of which quoting makes more.
    let (mut beginning, mut room) = (String::new(), 128);
    for a in args.iter().skip(1) {
        let word = until_nul(a);
        let word = &word[..word.len().min(room)];
        beginning.push_str(&format!("'{}' ", quoted(word)));
        room = room.saturating_sub(word.len() + 3);
        if room == 0 {
            break;
        }
    }
    Error::Err(Cow::Owned(format!(
        "unknown command '{}', with args beginning with: {beginning}",
        shortened(args.at(0), 128)
    )))
}

fn shortened(word: &[u8], most: usize) -> String {
    // Like C's `%.128s`.
    let word = until_nul(word);
    quoted(&word[..word.len().min(most)])
}

fn until_nul(word: &[u8]) -> &[u8] {
    word.split(|b| *b == 0).next().unwrap_or_default()
}

/// The refusals, in Redis's order. Called only if something asks for a closer look (see [`Engine::gates`]) or the
/// client is not plain.
pub fn refuse(engine: &Engine, session: &Session, command: &Command, args: Args<'_>, now_ms: i64) -> Result<(), Error> {
    let gates = engine.gates.load(std::sync::atomic::Ordering::Relaxed);
    if !session.authenticated && !command.flags.has(Flags::NO_AUTH) && !engine.acl.is_open() {
        return Err(Error::coded("NOAUTH Authentication required."));
    }
    if session.multi.is_queuing() && command.flags.has(Flags::NO_MULTI) {
        return Err(Error::err("Command not allowed inside a transaction"));
    }
    let context = if session.multi.is_queuing() { Context::Multi } else { Context::Toplevel };
    engine.acl.check(engine, session, command, args, (context, now_ms)).map_err(|refusal| refusal.noperm(command))?;
    let needs = if gates & STATE == 0 { Needs::of(command) } else { needs(engine, session, command, args) };
    let obeyed = is_obeyed(session);
    if gates & gates::OUT_OF_MEMORY != 0 && !obeyed && is_short_of_memory(engine) {
        // Queues take memory as well.
        let queues = session.multi.is_queuing() && !matches!(&*command.name, "exec" | "discard" | "quit" | "reset");
        if needs.memory || queues {
            return Err(Error::Oom);
        }
    }
    if gates & gates::MISCONF != 0
        && (needs.writes || &*command.name == "ping")
        && !session.internal
        && !obeyed
        && let Some(error) = engine.disk_error()
    {
        return Err(error);
    }
    if gates & gates::MISCONF != 0 && session.link.is_some() && command.flags.has(Flags::WRITE) {
        engine.applies_unsafely(now_ms);
    }
    if gates & gates::FEW_REPLICAS != 0 && needs.writes && !obeyed {
        return Err(super::errors::NOREPLICAS);
    }
    if gates & gates::REPLICA != 0 && needs.writes && !obeyed && engine.config.replica_read_only.get() {
        return Err(super::errors::READONLY);
    }
    if session.client.has(flag::PUBSUB)
        && session.proto == crate::resp::Proto::Resp2
        && !allowed_while_subscribed(command)
    {
        return Err(Error::Err(Cow::Owned(format!(
            "Can't execute '{}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context",
            command.name
        ))));
    }
    if gates & gates::REPLICA != 0 && !needs.stale && !obeyed && is_stale(engine) {
        return Err(super::errors::MASTERDOWN);
    }
    // While a copy is loaded beside the dataset, only what could not bear that it is replaced has to wait.
    let beside = gates & gates::REPLICA != 0
        && engine.persist.loading.beside.load(std::sync::atomic::Ordering::Relaxed)
        && any(session, command, |c| c.flags.has(Flags::NO_ASYNC_LOADING));
    let loading = gates & gates::LOADING != 0 && any(session, command, |c| !c.flags.has(Flags::LOADING));
    if (beside || loading) && !session.internal {
        return Err(Error::coded("LOADING Redis is loading the dataset in memory"));
    }
    let keys = Flags::READONLY | Flags::WRITE | Flags::MAY_REPLICATE;
    if (session.client.has(flag::REPLICA) || session.client.has(flag::MONITOR)) && command.flags.has(keys) {
        return Err(super::errors::REPLICA_KEYSPACE);
    }
    Ok(())
}

/// What the command is about to do; EXEC: what its queue is.
fn needs(engine: &Engine, session: &Session, command: &Command, args: Args<'_>) -> Needs {
    let mut all = Needs::of_call(engine, command, args);
    if &*command.name == "exec"
        && let Some(queue) = session.multi.queued()
    {
        for (command, args, _) in queue.iter() {
            let one = Needs::of_call(engine, command, args);
            all.writes |= one.writes;
            all.memory |= one.memory;
            all.stale &= one.stale;
        }
    }
    all
}

/// Whether something is so of the command; EXEC: or of one in its queue.
fn any(session: &Session, command: &Command, is: impl Fn(&Command) -> bool) -> bool {
    let queue = session.multi.queued().filter(|_| &*command.name == "exec");
    is(command) || queue.is_some_and(|queue| queue.commands().any(is))
}

fn allowed_while_subscribed(command: &Command) -> bool {
    matches!(
        &*command.name,
        "ping"
            | "subscribe"
            | "ssubscribe"
            | "psubscribe"
            | "unsubscribe"
            | "sunsubscribe"
            | "punsubscribe"
            | "quit"
            | "reset"
    )
}
