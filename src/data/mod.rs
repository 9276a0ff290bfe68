//! Value types behind their encodings, and the table that large ones and the keyspace share. Nothing here knows RESP,
//! sockets, clocks or other keys.

pub mod list;
pub mod lpentry;
mod segment;
pub mod stream;
pub mod table;
