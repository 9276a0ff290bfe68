//! The thread that frees what is dear to free, so that no client waits for it; and what was freed goes back to the system.
//!
//! The allocator gives pages back on the way of others that come and go. After a storm nobody comes: so this thread has it look once
//! a second, and workers see to their own pages when much has been freed.

use crate::base::{alloc, spans};
use crate::data::slab;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::time::Duration;

const LOOK: Duration = Duration::from_secs(1);
/// What has to be freed for a worker to look through its pages: this part of what was in use, but not less than so many bytes.
const PART: u64 = 8;
const LEAST: u64 = 4 << 20;
/// While more than that goes from one look to the next, the storm is not over.
const STILL: u64 = 1 << 20;

/// Hands values to the thread; it ends when this goes.
pub struct Freeing(Sender<Box<dyn Send>>);

impl Freeing {
    pub fn start() -> std::io::Result<Freeing> {
        let (sender, values) = channel::<Box<dyn Send>>();
        super::os::spawn("free", move || {
            let mut storm = Storm::default();
            loop {
                match values.recv_timeout(LOOK) {
                    Ok(value) => drop(value),
                    Err(RecvTimeoutError::Timeout) => {
                        alloc::collect();
                        spans::decay();
                        if storm.is_over(alloc::bytes_now()) {
                            slab::trim(usize::MAX);
                            spans::trim(0);
                        }
                    }
                    Err(RecvTimeoutError::Disconnected) => break,
                }
            }
        })?;
        Ok(Freeing(sender))
    }

    pub fn free(&self, values: Box<dyn Send>) {
        // If the thread is gone the values come back in the error, and are freed here.
        let _ = self.0.send(values);
    }
}

/// For each worker, as long as its runtime: pages of its own that others have emptied are given back once a storm is over.
pub async fn give_back() {
    let mut ticks = tokio::time::interval(LOOK);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut storm = Storm::default();
    loop {
        ticks.tick().await;
        if storm.is_over(alloc::bytes_now()) {
            alloc::collect();
        }
    }
}

/// How memory went since pages were last looked through.
#[derive(Default)]
struct Storm {
    most: u64,
    last: u64,
}

impl Storm {
    /// True once after much was freed, when no more is being freed.
    fn is_over(&mut self, used: u64) -> bool {
        let falling = used + STILL < self.last;
        self.last = used;
        self.most = self.most.max(used);
        let over = !falling && used + (self.most / PART).max(LEAST) <= self.most;
        if over {
            self.most = used;
        }
        over
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_storm_is_over_once_and_when_it_is() {
        let mut storm = Storm::default();
        let mib = [1, 100, 400, 390, 360, 300, 100, 50, 50, 50, 55, 49, 300, 290, 250, 250, 10, 8, 8, 8];
        let over: Vec<usize> = (0..mib.len()).filter(|i| storm.is_over(mib[*i] << 20)).collect();
        // Up to 400 and down to 50; up to 300 and down to 250; down to 8.
        assert_eq!(over, [8, 15, 18]);
        let mut small = Storm::default();
        assert!(![1 << 20, 4 << 20, 1 << 20, 1 << 20].into_iter().any(|used| small.is_over(used)));
    }
}
