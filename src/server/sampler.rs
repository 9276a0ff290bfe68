//! Ten times a second: the rates that INFO shows, and the peak of memory.

use crate::engine::{Engine, info::sample};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

/// Runs as long as its runtime.
pub async fn run(engine: Arc<Engine>) {
    let mut ticks = tokio::time::interval(Duration::from_millis(100));
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if !engine.cron_paused.load(Relaxed) {
            sample::tick(&engine, super::now_ms());
        }
    }
}
