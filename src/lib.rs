//! (stub of the worktree `spec`: only the rooms that are here)
pub mod base;
pub mod commands;
pub mod engine;
pub mod resp;
