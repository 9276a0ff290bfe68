//! Ten times a second: the rates that INFO shows, the peak of memory, and clients that `timeout` says have been idle too long.

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
            let now_ms = super::now_ms();
            sample::tick(&engine, now_ms);
            engine.drop_idle_clients(now_ms);
            engine.evict_clients(now_ms);
            engine.note_exceeded(now_ms);
            engine.note_resident();
        }
    }
}
