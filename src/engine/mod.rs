//! (stub of the worktree `spec`)
pub mod call;
pub mod errors;
pub mod flags;
pub mod help;
mod keyproc;
pub mod keyspec;
pub mod spec;
pub mod syntax;
pub mod table;
