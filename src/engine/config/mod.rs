//! stand-in until the config table lands
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};
#[derive(Default)]
pub struct Int(AtomicI64);
impl Int {
    pub fn get(&self) -> i64 {
        self.0.load(Relaxed)
    }
    pub fn set(&self, n: i64) {
        self.0.store(n, Relaxed)
    }
}
#[derive(Default)]
pub struct Config {
    pub proto_max_bulk_len: Int,
    pub maxclients: Int,
    pub databases: Int,
    pub client_query_buffer_limit: Int,
}
