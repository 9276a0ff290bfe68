//! The process around the engine: listeners, workers, connections, boot and shutdown, the log, the clock.

pub mod boot;
pub mod connection;
pub mod cron;
pub mod free;
pub mod os;
pub mod sampler;
pub mod worker;

/// Unix time in milliseconds.
pub fn now_ms() -> i64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |d| d.as_millis() as i64)
}
