//! Ports for servers that are yet to be started.

use super::Rng;
use std::{
    collections::HashSet,
    net::TcpListener,
    sync::Mutex,
    time::{SystemTime, UNIX_EPOCH},
};

/// A port of the loopback interface that is free, and that nobody gets by chance: it lies below those that the system gives to
/// outgoing connections. Of those, any may be somebody's end of a connection by the time a server wants it; and a client that
/// keeps asking whether the server is up may be given that very port, and be connected with itself.
pub fn free_port() -> u16 {
    static GIVEN: Mutex<Option<(Rng, HashSet<u16>)>> = Mutex::new(None);
    let mut given = GIVEN.lock().unwrap_or_else(|e| e.into_inner());
    let (rng, given) = given.get_or_insert_with(|| {
        let nanos = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_nanos() as u64);
        (Rng::new(nanos ^ u64::from(std::process::id()) << 32), HashSet::new())
    });
    let range = std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap_or_default();
    let first = range.split_whitespace().next().and_then(|n| n.parse().ok()).unwrap_or(32768);
    for _ in 0..1000 {
        let port = 10_000 + rng.below((first - 10_000).max(1000)) as u16;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() && given.insert(port) {
            return port;
        }
    }
    panic!("no free port below {first}");
}
