//! What only the operating system knows, handed in: the engine itself opens no file and asks no clock.

use std::time::Duration;

/// Readings that INFO, MEMORY and TIME show.
pub trait Os: Send + Sync {
    /// The wall clock, Unix µs.
    fn now_us(&self) -> i64;
    /// Bytes of this process that are in memory.
    fn resident_bytes(&self) -> u64;
    /// Bytes of memory that the machine has.
    fn total_memory_bytes(&self) -> u64;
    fn cpu(&self) -> Cpu;
    /// `Linux 6.1.0 x86_64`
    fn name(&self) -> String;
    fn process_id(&self) -> u32;
    /// The program's path.
    fn executable(&self) -> String;
    /// Stops this thread (DEBUG SLEEP).
    fn sleep(&self, time: Duration);
}

/// Processor time in µs, as `getrusage` tells it.
#[derive(Clone, Copy, Default, Debug)]
pub struct Cpu {
    pub system_us: i64,
    pub user_us: i64,
    pub children_system_us: i64,
    pub children_user_us: i64,
    /// Of the thread that asks.
    pub thread_system_us: i64,
    pub thread_user_us: i64,
}

/// Nobody told: for tests and simulations.
pub struct Unknown;

impl Os for Unknown {
    fn now_us(&self) -> i64 {
        0
    }
    fn resident_bytes(&self) -> u64 {
        0
    }
    fn total_memory_bytes(&self) -> u64 {
        0
    }
    fn cpu(&self) -> Cpu {
        Cpu::default()
    }
    fn name(&self) -> String {
        String::new()
    }
    fn process_id(&self) -> u32 {
        0
    }
    fn executable(&self) -> String {
        String::new()
    }
    fn sleep(&self, _: Duration) {}
}
