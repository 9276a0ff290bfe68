//! Value types behind their encodings, and the table that large ones and the keyspace share. Nothing here knows RESP,
//! sockets, clocks or other keys.

pub mod geo;
pub mod hll;
pub mod list;
pub mod lpentry;
#[cfg(test)]
mod peer;
mod segment;
pub mod stream;
pub mod table;
