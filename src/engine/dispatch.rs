//! From words to a command that may run: look-up, the ordered list of refusals, and where its keys are.

use super::clients::flag;
use super::errors::Error;
use super::flags::Flags;
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
    let mut beginning = String::new();
    for a in args.iter().skip(1) {
        if beginning.len() >= 128 {
            break;
        }
        let room = 128 - beginning.len();
        beginning.push_str(&format!("'{}' ", shortened(a, room)));
    }
    Error::Err(Cow::Owned(format!(
        "unknown command '{}', with args beginning with: {beginning}",
        shortened(args.at(0), 128)
    )))
}

fn shortened(word: &[u8], most: usize) -> String {
    // Like C's `%.128s`: up to a NUL.
    let word = word.split(|b| *b == 0).next().unwrap_or_default();
    quoted(&word[..word.len().min(most)])
}

/// The refusals, in Redis's order. Called only if something asks for a closer look (see [`Engine::gates`]) or the
/// client is not plain.
pub fn refuse(engine: &Engine, session: &Session, command: &Command) -> Result<(), Error> {
    let gates = engine.gates.load(std::sync::atomic::Ordering::Relaxed);
    if !session.authenticated && !command.flags.has(Flags::NO_AUTH) {
        return Err(Error::coded("NOAUTH Authentication required."));
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
    if gates & gates::LOADING != 0 && !command.flags.has(Flags::LOADING) {
        return Err(Error::coded("LOADING Redis is loading the dataset in memory"));
    }
    if session.multi.is_queuing() && command.flags.has(Flags::NO_MULTI) {
        return Err(Error::err("Command not allowed inside a transaction"));
    }
    Ok(())
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
