//! Logging in: AUTH, HELLO AUTH, and what a new connection begins as. Who the users are is [`super::acl`]'s.

use super::acl::log::{Context, Entry, Reason};
use super::{Engine, errors::Error, session::Session, table};
use std::sync::atomic::Ordering::Relaxed;

pub use super::acl::DEFAULT_USER;

/// True if connections need no password to begin with.
pub fn is_open(engine: &Engine) -> bool {
    engine.acl.is_open()
}

pub fn user_exists(engine: &Engine, name: &[u8]) -> bool {
    engine.acl.user(name).is_some()
}

/// AUTH and HELLO AUTH: the connection becomes this user's, or stays what it was. `word` is the command's name as it came,
/// for ACL LOG, and `now_ms` its time.
pub fn login(
    engine: &Engine,
    session: &mut Session,
    (user, password): (&[u8], &[u8]),
    (word, now_ms): (&[u8], i64),
) -> Result<(), Error> {
    if engine.acl.login(session, user, password) {
        return Ok(());
    }
    if let Some(command) = table::find(word) {
        session.client.command.store(u32::from(command.id) + 1, Relaxed);
    }
    let context = if session.multi.is_queuing() { Context::Multi } else { Context::Toplevel };
    engine.acl.note(engine, &session.client, Entry::new(Reason::Auth, context, word, user, now_ms));
    Err(Error::WRONGPASS)
}
