//! A client's side of a connection, shared by `cli` and `bench`: where a server is and how to be let in ([`Target`],
//! [`uri`]), bytes to and from it ([`Stream`]), commands and replies ([`Conn`]), the slots of a cluster ([`cluster`]).
//!
//! Blocking: a client waits for one thing at a time, and starts in a millisecond. A load generator that serves many
//! connections on a thread makes each with [`Target::connect`], sets it non-blocking, and uses
//! [`crate::resp::frames::Frames`] on its own buffers.

pub mod cluster;
pub mod conn;
pub mod stream;
pub mod target;
pub mod tls;
pub mod uri;

pub use conn::{Conn, Error, push_command};
pub use stream::Stream;
pub use target::{Addr, Family, Target};
pub use tls::Tls;

/// What to do when nobody answers: told under our own name, where no script waits for redis-cli's words alone.
pub const WHERE_NEXT: &str =
    "Is a server running there? `rustredis serve` starts one; -h HOST, -p PORT, -s SOCKET or a URI name another.";

/// A failure's cause in the words of C programs, which users and scripts know: "Connection refused", without what Rust
/// adds to it.
pub fn reason(error: &std::io::Error) -> String {
    let text = error.to_string();
    let text = text.strip_prefix("failed to lookup address information: ").unwrap_or(&text);
    match text.rfind(" (os error ") {
        Some(at) => text[..at].to_owned(),
        None => text.to_owned(),
    }
}
