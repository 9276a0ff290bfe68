//! Who waits, and for how long: other clients while a collection of millions is deleted or overwritten, and everybody while
//! ten thousand clients are blocked on one key.
//!
//! `cargo bench --bench stalls [-- ELEMENTS]`. Over sockets, against the server that was built along.

#[path = "../common/mod.rs"]
mod common;

use common::{Conn, Kind, Options, Server, command};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

const BLOCKED: usize = 10_000;

fn main() {
    let elements: usize = std::env::args().filter_map(|a| a.parse().ok()).next().unwrap_or(2_000_000);
    freeing(elements);
    blocking();
}

/// The slowest PING of a client, while `work` runs on another.
fn slowest_ping(server: &Server, work: impl FnOnce()) -> Duration {
    let (over, ready) = (AtomicBool::new(false), AtomicBool::new(false));
    std::thread::scope(|s| {
        let probe = s.spawn(|| {
            let (mut conn, mut worst) = (server.connect(), Duration::ZERO);
            conn.ask(&["SET", "probe", "x"]);
            ready.store(true, Relaxed);
            while !over.load(Relaxed) {
                let at = Instant::now();
                conn.ask(&["GET", "probe"]);
                worst = worst.max(at.elapsed());
            }
            worst
        });
        while !ready.load(Relaxed) {
            std::thread::yield_now();
        }
        work();
        over.store(true, Relaxed);
        probe.join().expect("the probe")
    })
}

fn fill(conn: &mut Conn, element: impl Fn(usize) -> Vec<Vec<u8>>, elements: usize) {
    for chunk in (0..elements).collect::<Vec<_>>().chunks(2000) {
        let bytes: Vec<u8> = chunk.iter().flat_map(|i| command(&element(*i))).collect();
        conn.send_raw(&bytes).expect("sent");
        chunk.iter().for_each(|_| _ = conn.read_reply().expect("a reply"));
    }
}

fn freeing(elements: usize) {
    let words = |line: String| line.split(' ').map(|w| w.as_bytes().to_vec()).collect::<Vec<_>>();
    println!("{elements} elements; the slowest of another client's GETs, ms");
    println!("| | nothing | DEL | SET | RENAME onto | EXPIRE | FLUSHALL |\n|---|---|---|---|---|---|---|");
    for (kind, line) in [
        ("zset", "ZADD big {i} member:{i}"),
        ("set", "SADD big member:{i}"),
        ("hash", "HSET big field:{i} value"),
        ("list", "RPUSH big item:{i}"),
        ("stream", "XADD big {i}-1 field value"),
    ] {
        let mut row = vec![kind.to_owned()];
        for how in ["", "DEL big", "SET big x", "RENAME small big", "PEXPIRE big 1", "FLUSHALL"] {
            let server = Server::start(Kind::Rustredis, &Options::args("--threads 2"));
            let mut conn = server.connect();
            conn.ask(&["SET", "small", "x"]);
            fill(&mut conn, |i| words(line.replace("{i}", &(i + 1).to_string())), elements);
            let worst = slowest_ping(&server, || {
                if !how.is_empty() {
                    conn.line(how);
                }
                std::thread::sleep(Duration::from_millis(300));
            });
            row.push(format!("{:.2}", worst.as_secs_f64() * 1e3));
        }
        println!("| {} |", row.join(" | "));
    }
}

fn blocking() {
    for waiting in [0, BLOCKED] {
        let server = Server::start(Kind::Rustredis, &Options::args("--threads 2 --maxclients 12000"));
        let held: Vec<Conn> = (0..waiting)
            .map(|_| {
                let mut conn = server.connect();
                conn.send(&["BLPOP", "queue", "0"]).expect("sent");
                conn
            })
            .collect();
        let mut conn = server.connect();
        let blocked = format!("blocked_clients:{waiting}\r\n");
        while !String::from_utf8_lossy(&conn.ask(&["INFO", "clients"])).contains(&blocked) {
            std::thread::sleep(Duration::from_millis(10));
        }
        let before = ticks(server.pid());
        std::thread::sleep(Duration::from_secs(2));
        let idle = ticks(server.pid()) - before;
        let time = |conn: &mut Conn, line: &str| {
            let started = Instant::now();
            (0..20_000).for_each(|_| _ = conn.line(line));
            started.elapsed().as_secs_f64() * 1e6 / 20_000.0
        };
        let (get, set, push) = (time(&mut conn, "GET k"), time(&mut conn, "SET k v"), time(&mut conn, "RPUSH other x"));
        println!(
            "{waiting} blocked on one key: {} ms CPU in 2 s; GET {get:.1} us, SET {set:.1} us, RPUSH elsewhere {push:.1} us",
            idle * 10
        );
        if waiting > 0 {
            let at = Instant::now();
            (0..1000).for_each(|_| _ = conn.line("RPUSH queue x"));
            println!("a push that serves one of them: {:.1} us", at.elapsed().as_secs_f64() * 1e3);
        }
        drop(held);
    }
}

/// Processor time of a process so far, in ticks of 10 ms.
fn ticks(pid: u32) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("the server is running");
    let fields: Vec<&str> = stat.rsplit_once(')').expect("a name").1.split_whitespace().collect();
    [11, 12].iter().filter_map(|&i| fields[i].parse::<u64>().ok()).sum()
}
