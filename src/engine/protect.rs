//! Commands that only configuration opens: DEBUG and MODULE.

use super::clients::{Client, flag};
use super::config::Protected;
use super::session::Session;

/// True if a command that this directive guards may run for this client.
pub fn is_allowed(directive: Protected, session: &Session) -> bool {
    match directive {
        Protected::Yes => true,
        Protected::No => session.internal,
        Protected::Local => session.internal || is_local(&session.client),
    }
}

/// True for a client on this machine: through the loopback interface or a socket of the file system.
fn is_local(client: &Client) -> bool {
    client.has(flag::UNIX) || client.addr.starts_with("127.") || client.addr.starts_with("[::1]:")
}
