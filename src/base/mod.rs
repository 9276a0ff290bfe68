//! (stub of the worktree `spec`)
pub mod glob;
