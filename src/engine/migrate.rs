//! MIGRATE as its handler and the server share it: what goes where, and how that can fail. The sockets are the server's.

use std::time::Duration;

/// The server that keys go to.
#[derive(Clone, Debug)]
pub struct Destination {
    pub host: Vec<u8>,
    pub port: Vec<u8>,
    pub db: i64,
    /// For each step: connecting, sending, waiting for a reply.
    pub timeout: Duration,
    /// AUTH's arguments: a password, perhaps with a user in front. Sent anew each time.
    pub auth: Vec<Vec<u8>>,
}

/// A RESTORE to be sent.
#[derive(Debug)]
pub struct Parcel {
    pub words: Vec<Vec<u8>>,
    /// It was taken there.
    pub arrived: bool,
}

/// Why not everything arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The host's name has no address.
    Connect,
    Write,
    Read,
    /// What the other server said first.
    Refused(Vec<u8>),
}
