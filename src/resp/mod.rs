//! The protocol: RESP2, RESP3 and inline commands. Knows no command.

pub mod args;
pub mod frames;
pub mod harmless;
pub mod inline;
pub mod reply;
pub mod request;
pub mod value;

pub use args::{Args, OwnedArgs, Span};
pub use reply::{Proto, Reply};
pub use value::Value;
