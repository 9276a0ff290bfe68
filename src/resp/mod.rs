pub mod args;
pub mod inline;
pub mod reply;

pub use args::{Args, OwnedArgs, Span};
pub use reply::Reply;
