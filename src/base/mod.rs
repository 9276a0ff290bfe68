//! What everything else may use: numbers, hashing, randomness, units. Knows nothing of Redis's types.

pub mod alloc;
pub mod crc16;
pub mod crc64;
pub mod disk;
#[cfg(test)]
pub mod disk_sim;
pub mod double;
pub mod extended;
pub mod glob;
mod grisu;
pub mod hash;
pub mod lzf;
pub mod numbers;
pub mod pqsort;
pub mod quoted;
pub mod rng;
pub mod sizes;
pub mod spans;
pub mod terminal;
pub mod units;
