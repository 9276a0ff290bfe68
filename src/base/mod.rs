//! What everything else may use: numbers, hashing, randomness, units. Knows nothing of Redis's types.

pub mod double;
mod grisu;
pub mod hash;
pub mod rng;
