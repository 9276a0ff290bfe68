//! Value types behind their encodings, and the table that large ones and the keyspace share. Nothing here knows RESP,
//! sockets, clocks or other keys.
//!
//! A value is one word ([`thin`]): a pointer whose low bits name the encoding. Small values are one packed blob behind it,
//! large ones a box around a table. Time comes in as `now_ms`, randomness as `&mut Rng`, thresholds as [`Limits`].

mod alloc;
mod block;
pub mod effort;
pub mod geo;
pub mod hash;
pub mod hll;
pub mod intset;
mod item;
mod limits;
pub mod list;
pub mod lpentry;
pub mod packed;
#[cfg(test)]
mod peer;
mod segment;
pub mod set;
pub mod slab;
pub mod stream;
pub mod table;
mod thin;
pub mod zset;

pub use hash::Hash;
pub use intset::Intset;
pub use item::{Item, parse_int};
pub use limits::Limits;
pub use list::List;
pub use packed::{Blob, Packed};
pub use set::Set;
pub use stream::Stream;
pub use zset::Zset;
