pub mod glob;
pub mod numbers;
pub mod units;
