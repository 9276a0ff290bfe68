//! The keyspace: shards and locks, entries, and the guards that keep the books. Knows no protocol and no client.

pub mod compact;
pub mod cut;
pub mod db;
pub mod entry;
pub mod evict;
#[cfg(test)]
mod evict_tests;
pub mod expire;
pub mod fields;
pub mod flush;
pub mod journal;
pub mod log;
pub mod saved;
pub mod scan;
pub mod shard;
pub mod value;
pub mod waiters;
pub mod watch;
pub mod world;

pub use db::{Key, KeyMut, Keyspace};
pub use entry::{Entry, NewValue, OwnedValue};
pub use value::{Str, Type};
