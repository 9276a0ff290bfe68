//! What every test that talks to a running server shares: servers that cannot outlive their test, a client that
//! sees raw bytes, and a seeded source of randomness.
//!
//! Nothing here knows what a command means; that is the business of the tests.

#![allow(dead_code, unused_imports)] // Every test target compiles its own copy and uses its own part of it.

pub mod fake;
pub mod port;
pub mod pty;
pub mod repl;
pub mod resp;
pub mod rng;
pub mod run;
pub mod server;

pub use port::free_port;
pub use resp::{Conn, Node, command, escape};
pub use rng::Rng;
pub use server::{Kind, Options, Server, find, subject};

/// Whether a missing peer or tool is a failure (as on the build machine) or a reason to skip (on a laptop).
pub fn peers_required() -> bool {
    ["CI", "RUSTREDIS_REQUIRE_PEERS"].iter().any(|name| std::env::var_os(name).is_some_and(|v| !v.is_empty()))
}

/// To be called when `what` is not installed: fails where peers are required, else says how to get it.
pub fn skip(what: &str, how: &str) {
    assert!(!peers_required(), "{what} is not installed, and CI or RUSTREDIS_REQUIRE_PEERS asks for it: {how}");
    eprintln!("skipped: {what} is not installed: {how}");
}

/// Sends a signal (`TERM`, `9`), by the shell's own `kill`: the program of that name is not on every machine.
pub fn kill(id: u32, signal: &str) {
    let sent = std::process::Command::new("sh").args(["-c", &format!("kill -{signal} {id}")]).status();
    assert!(sent.is_ok_and(|status| status.success()), "kill -{signal} {id}");
}

/// A variable of the environment as a number, or `default`.
pub fn env_number(name: &str, default: u64) -> u64 {
    match std::env::var(name) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{name}={text} is not a number")),
        Err(_) => default,
    }
}

/// How long a test waits for what has to come. Nothing is lost by much of it but the time of a test that fails; a machine that is
/// ten times as slow, and stands still now and then, needs it.
pub const PATIENCE: std::time::Duration = std::time::Duration::from_secs(120);

/// For what is judged by a clock, where a machine that stands still for a moment makes a right server look wrong: tries again, `times`
/// times at most, each time from the beginning. Who is wrong is wrong each time. The number of the try, from 1, may lengthen
/// the times that are asked for.
pub fn in_one_of<T>(times: u32, attempt: impl Fn(u32) -> T) -> T {
    for n in 1..times {
        match std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| attempt(n))) {
            Ok(done) => return done,
            Err(_) => eprintln!("attempt {n} of {times} failed: was it the machine?"),
        }
        // A machine's bad minute passes.
        std::thread::sleep(std::time::Duration::from_secs(5 * u64::from(n)));
    }
    attempt(times)
}
