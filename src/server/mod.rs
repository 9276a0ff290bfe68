//! The process around the engine: listeners, workers, connections, boot and shutdown, the log, the clock.

pub mod boot;
pub mod busy;
pub mod config_files;
pub mod connection;
mod crash;
pub mod cron;
mod defrag;
pub mod free;
mod hooks;
pub mod listen;
pub mod log;
mod metrics;
mod migrate;
pub mod os;
mod page;
pub mod persist;
pub mod process;
pub mod replication;
pub mod sampler;
mod stop;
mod stream;
mod tls;
pub mod worker;

/// Unix time in milliseconds.
pub fn now_ms() -> i64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |d| d.as_millis() as i64)
}

/// What C's `strerror` says, without Rust's number behind it.
pub fn reason(error: &std::io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or(&text).to_owned()
}
