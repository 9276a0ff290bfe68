//! What everything else may use: numbers, hashing, randomness, units. Knows nothing of Redis's types.

pub mod double;
pub mod extended;
pub mod glob;
pub mod hash;
pub mod numbers;
pub mod rng;
pub mod units;
