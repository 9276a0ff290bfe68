//! Logging in. There is the default user only, with the password of `requirepass` or none; users come with ACL, behind
//! these same functions.

use super::{Engine, errors::Error, session::Session};
use sha2::{Digest, Sha256};
use std::sync::atomic::Ordering::Relaxed;

/// The user that connections begin as.
pub const DEFAULT_USER: &[u8] = b"default";

/// True if connections need no password to begin with.
pub fn is_open(engine: &Engine) -> bool {
    engine.config.requirepass.is_empty()
}

pub fn user_exists(_engine: &Engine, name: &[u8]) -> bool {
    name == DEFAULT_USER
}

/// AUTH and HELLO AUTH: the connection becomes this user's, or stays what it was.
pub fn login(engine: &Engine, session: &mut Session, user: &[u8], password: &[u8]) -> Result<(), Error> {
    if !matches(engine, user, password) {
        engine.shared_stats.auth_denied.fetch_add(1, Relaxed);
        return Err(Error::WRONGPASS);
    }
    session.authenticated = true;
    session.client.about.lock().user = user.to_vec();
    Ok(())
}

/// Takes the same time for every wrong password and every unknown user.
fn matches(engine: &Engine, user: &[u8], password: &[u8]) -> bool {
    let right = Sha256::digest(engine.config.requirepass.bytes());
    let given = Sha256::digest(password);
    let differing = right.iter().zip(&given).fold(0u8, |all, (a, b)| all | (a ^ b));
    let same = std::hint::black_box(differing) == 0;
    user_exists(engine, user) && (same || is_open(engine))
}
