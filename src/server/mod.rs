//! Stub, dropped on integration.
pub mod config_files;
