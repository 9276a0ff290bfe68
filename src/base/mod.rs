//! What everything else may use: numbers, hashing, randomness, units. Knows nothing of Redis's types.

pub mod hash;
pub mod lzf;
pub mod rng;
pub mod sizes;
