pub mod call;
pub mod config;
pub mod errors;
pub mod spec;
