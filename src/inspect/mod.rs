//! The offline decoders: files are read and told, never executed. Events come from [`crate::rdb`]; nothing is decoded here.

pub mod input;
pub mod json;
pub mod output;
pub mod rdb;
pub mod select;
