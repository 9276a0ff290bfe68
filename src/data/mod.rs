//! Value types behind their encodings, and the table that large ones and the keyspace share. Nothing here knows RESP,
//! sockets, clocks or other keys.

mod segment;
pub mod slab;
pub mod table;
