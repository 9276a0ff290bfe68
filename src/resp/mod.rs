//! The protocol: RESP2, RESP3 and inline commands. Knows no command.

pub mod args;
pub mod inline;
pub mod reply;
pub mod request;

pub use args::{Args, OwnedArgs, Span};
pub use reply::{Proto, Reply};
