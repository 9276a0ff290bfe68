//! Request words, reply buffer. (stub of the worktree `spec`)
pub mod args;
pub mod reply;
