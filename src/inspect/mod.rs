//! The offline decoders: files are read and told, never executed. Events come from [`crate::rdb`], commands from [`crate::aof`];
//! only `aof check` reads bytes itself, for its words are about each of them.

pub mod aof;
pub mod input;
pub mod json;
pub mod output;
pub mod rdb;
pub mod select;
