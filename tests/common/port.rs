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
        let port = 10_000 + rng.below(usize::saturating_sub(first, 10_000).max(1000)) as u16;
        // Numbers that are round stand in texts for other things.
        if !port.is_multiple_of(100) && TcpListener::bind(("127.0.0.1", port)).is_ok() && given.insert(port) {
            return port;
        }
    }
    panic!("no free port below {first}");
}

/// A text in which each place that has the port as a number of its own has `PORT`: not among the digits of another number.
pub fn hidden(text: &str, port: u16) -> String {
    let number = port.to_string();
    let (mut out, mut from) = (String::new(), 0);
    for (at, _) in text.match_indices(&number) {
        let (before, after) = (&text[..at], &text[at + number.len()..]);
        let of_another = before.ends_with(|c: char| c.is_ascii_digit() || c == '.')
            || after.starts_with(|c: char| c.is_ascii_digit())
            || after.starts_with('.') && after[1..].starts_with(|c: char| c.is_ascii_digit());
        if !of_another && at >= from {
            out.push_str(&text[from..at]);
            out.push_str("PORT");
            from = at + number.len();
        }
    }
    out + &text[from..]
}
