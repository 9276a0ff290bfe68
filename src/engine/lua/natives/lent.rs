//! A worker that is lent to a machine while a script runs: `redis.call` is a function without a stack of callers to borrow
//! from, so it finds the worker here.
//!
//! `unsafe`: a [`Lent`] is made by [`lend`] alone, from an exclusive borrow that lasts until `lend` has taken the guest, and
//! the pointer with it, out of the host again, also when what runs in between panics. Meanwhile it is reached only through the
//! host, whose lock hands out one borrow at a time.

use super::Watch;
use crate::engine::lua::host::{Guest, Shared, Stay};
use crate::engine::worker::Worker;
use std::ptr::NonNull;

pub struct Lent(NonNull<Worker>);

// SAFETY: the thread that lent it is inside the script, and the host's lock orders all uses.
unsafe impl Send for Lent {}

impl Lent {
    pub fn get(&mut self) -> &mut Worker {
        // SAFETY: see the file's head.
        unsafe { self.0.as_mut() }
    }

    pub fn look(&self) -> &Worker {
        // SAFETY: see the file's head.
        unsafe { self.0.as_ref() }
    }
}

/// Puts the worker and what stays with it into the host while `run` runs. Comes back with the latter.
pub fn lend<R>(host: &Shared, worker: &mut Worker, stay: Box<Stay>, run: impl FnOnce() -> R) -> (R, Option<Box<Stay>>) {
    /// Takes the guest out, whatever happens.
    struct Evict<'a>(&'a Shared);
    impl Drop for Evict<'_> {
        fn drop(&mut self) {
            drop(self.0.lock().guest.take());
        }
    }
    let evict = Evict(host);
    {
        let mut host = host.lock();
        host.watch = Watch::default();
        host.guest = Some(Guest { worker: Lent(NonNull::from(worker)), stay });
    }
    let outcome = run();
    let guest = host.lock().guest.take();
    drop(evict);
    (outcome, guest.map(|guest| guest.stay))
}
