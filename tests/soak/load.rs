//! The load of a soak: everything that clients do, on keys whose number and size are bounded, by connections that come and go.

use super::common::{Conn, Rng, command};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// What is still to happen, and what has.
pub struct Plan {
    pub port: u16,
    pub over: AtomicBool,
    pub commands: AtomicU64,
    pub connections: AtomicU64,
    pub begun: Instant,
    /// Commands a second, of all together; 0: as many as there can be.
    pub rate: u64,
}

const KEYS: usize = 300;

impl Plan {
    pub fn new(port: u16, rate: u64) -> Plan {
        Plan { port, over: false.into(), commands: 0.into(), connections: 0.into(), begun: Instant::now(), rate }
    }

    /// Counts what was asked, and waits while that is more than the rate allows.
    fn asked(&self, count: u64) {
        let all = self.commands.fetch_add(count, Relaxed) + count;
        if self.rate > 0 {
            let due = Duration::from_secs_f64(all as f64 / self.rate as f64);
            std::thread::sleep(due.saturating_sub(self.begun.elapsed()).min(Duration::from_millis(100)));
        }
    }

    fn connect(&self) -> Conn {
        self.connections.fetch_add(1, Relaxed);
        Conn::open(self.port)
    }

    fn goes_on(&self) -> bool {
        !self.over.load(Relaxed)
    }
}

/// A command on one of the keys; each type has its own, and trims what grows.
fn random(rng: &mut Rng) -> Vec<String> {
    let n = rng.below(KEYS);
    let (member, long) = (rng.below(60), "v".repeat(1 << rng.below(11)));
    let line = match rng.below(44) {
        0 | 1 => format!("SET s:{n} {long}"),
        2 => format!("SET s:{n} {long} PX {}", 1 + rng.below(3000)),
        3 | 4 => format!("GET s:{n}"),
        5 => format!("MSET s:{n} {long} s:{} {member}", rng.below(KEYS)),
        6 => format!("SETRANGE s:{n} {member} {long}"),
        7 => format!("INCR n:{n}"),
        8 => format!("SETBIT b:{n} {} 1", rng.below(20_000)),
        9 => format!("PFADD h:{} {}", n % 50, rng.next()),
        10 => format!("LPUSH l:{n} {long} {member}"),
        11 => format!("LTRIM l:{n} 0 50"),
        12 => format!("RPOPLPUSH l:{n} l:{}", rng.below(KEYS)),
        13 => format!("LRANGE l:{n} 0 20"),
        14 => format!("LINSERT l:{n} BEFORE {member} {long}"),
        15 => format!("SADD t:{n} {member} m{member}"),
        16 => format!("SPOP t:{n} 2"),
        17 => format!("SUNIONSTORE t:{n} t:{} t:{}", rng.below(KEYS), rng.below(KEYS)),
        18 => format!("SMEMBERS t:{n}"),
        19 => format!("HSET f:{n} {member} {long}"),
        20 => format!("HDEL f:{n} {member} {}", rng.below(60)),
        21 => format!("HPEXPIRE f:{n} {} FIELDS 1 {member}", 1 + rng.below(2000)),
        22 => format!("HGETALL f:{n}"),
        23 => format!("ZADD z:{n} {} {member}", rng.below(1000)),
        24 => format!("ZREMRANGEBYRANK z:{n} 20 -1"),
        25 => format!("ZRANGESTORE z:{n} z:{} 0 10", rng.below(KEYS)),
        26 => format!("ZRANGE z:{n} 0 -1 WITHSCORES"),
        27 => format!("XADD x:{} MAXLEN 100 * f {long}", n % 50),
        28 => format!("XREADGROUP GROUP g c COUNT 5 STREAMS x:{} >", n % 50),
        29 => format!("XGROUP CREATE x:{} g $ MKSTREAM", n % 50),
        30 => format!("XAUTOCLAIM x:{} g other 0 0 COUNT 10", n % 50),
        31 => format!("XACK x:{} g {}-0", n % 50, rng.below(10)),
        32 => format!("GEOADD g:{n} 13.{member} 52.{member} {member}"),
        33 => format!("PEXPIRE {}:{n} {}", ["s", "l", "t", "f", "z", "g"][rng.below(6)], 1 + rng.below(3000)),
        34..=36 => format!("UNLINK {}:{n} {}:{n}", ["s", "l", "t"][rng.below(3)], ["f", "z", "g", "b"][rng.below(4)]),
        37 => format!("COPY z:{n} z:{} REPLACE", rng.below(KEYS)),
        38 => format!("RENAME s:{n} s:{}", rng.below(KEYS)),
        39 => format!("SORT t:{n} ALPHA LIMIT 0 5"),
        40 => format!("SCAN {} COUNT 50", rng.below(1000)),
        41 => format!("PUBLISH news:{} {long}", rng.below(10)),
        42 => format!("OBJECT ENCODING z:{n}"),
        _ => format!("RPUSH queue:{} {long}", rng.below(4)),
    };
    line.split(' ').map(str::to_owned).collect()
}

/// Pipelines, transactions and scripts on a connection that lasts a while.
pub fn busy(plan: &Plan, seed: u64) {
    let mut rng = Rng::new(seed);
    while plan.goes_on() {
        let mut conn = plan.connect();
        if rng.percent(30) {
            conn.ask(&["HELLO", "3"]);
        }
        for _ in 0..rng.below(400) {
            let (mut bytes, mut replies) = (Vec::new(), 0);
            let mut say = |words: &[String]| {
                bytes.extend(command(words));
                replies += 1;
            };
            match rng.below(10) {
                0 => {
                    say(&["WATCH".into(), format!("s:{}", rng.below(KEYS))]);
                    say(&["MULTI".into()]);
                    (0..1 + rng.below(5)).for_each(|_| say(&random(&mut rng)));
                    say(&[if rng.percent(80) { "EXEC" } else { "DISCARD" }.into()]);
                }
                1 => {
                    // Ever new scripts: they must not pile up.
                    let script = format!(
                        "local t = {{}} for i = 1, {} do t[i] = redis.call('GET', KEYS[1]) end return #t + {}",
                        rng.below(20),
                        rng.below(1 << 40)
                    );
                    say(&["EVAL".into(), script, "1".into(), format!("s:{}", rng.below(KEYS))]);
                }
                _ => (0..1 + rng.below(16)).for_each(|_| say(&random(&mut rng))),
            }
            conn.send_raw(&bytes).expect("the server takes what is sent");
            (0..replies).for_each(|_| drop(conn.read_reply().expect("a reply")));
            plan.asked(replies);
            std::thread::sleep(Duration::from_micros(rng.next() % 2_000));
        }
    }
}

/// Who waits for elements: by every command that waits, some giving up, some leaving in the middle.
pub fn waiting(plan: &Plan, seed: u64) {
    let mut rng = Rng::new(seed);
    while plan.goes_on() {
        let mut conn = plan.connect();
        for _ in 0..30 {
            let queue = format!("queue:{}", rng.below(4));
            let line = match rng.below(6) {
                0 | 1 => format!("BLPOP {queue} queue:0 0.05"),
                2 => format!("BLMOVE {queue} moved LEFT RIGHT 0.05"),
                3 => format!("BZPOPMIN z:{} z:{} 0.05", rng.below(KEYS), rng.below(KEYS)),
                4 => format!("XREAD BLOCK 50 STREAMS x:{} $", rng.below(50)),
                _ => "DEL moved queue:0 queue:1 queue:2 queue:3".to_owned(),
            };
            conn.send(&line.split(' ').collect::<Vec<_>>()).expect("sent");
            if rng.percent(2) {
                break;
            }
            conn.read_reply().expect("a reply");
            plan.asked(1);
        }
    }
}

/// Listeners, caches, monitors and people who leave in the middle of a word.
pub fn passing(plan: &Plan, seed: u64) {
    let mut rng = Rng::new(seed);
    while plan.goes_on() {
        let mut conn = plan.connect();
        match rng.below(6) {
            0 => {
                let _ = conn.send_raw(b"SUBSCRIBE news:0 news:1 a\r\nPSUBSCRIBE news:*\r\n");
                (0..50).take_while(|_| plan.goes_on() && conn.read_reply().is_ok()).for_each(drop);
            }
            1 => {
                let _ = conn.send_raw(b"HELLO 3\r\nCLIENT TRACKING ON BCAST PREFIX s:1 NOLOOP\r\n");
                (0..100).take_while(|_| plan.goes_on() && conn.read_reply().is_ok()).for_each(drop);
            }
            2 => {
                let _ = conn.send_raw(b"MONITOR\r\n");
                (0..200).take_while(|_| plan.goes_on() && conn.read_reply().is_ok()).for_each(drop);
            }
            3 => drop(conn.send_raw(b"*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1000000\r\nxxx")),
            4 => drop(conn.send_raw(b"MULTI\r\nSET s:1 x\r\nWATCH s:2\r\nSET s:3 1\r\n")),
            _ => {
                let lines =
                    ["INFO everything", "CLIENT LIST", "CONFIG GET *", "SLOWLOG GET", "LATENCY LATEST", "MEMORY STATS"];
                lines.iter().for_each(|line| drop(conn.line(line)));
                plan.asked(lines.len() as u64);
            }
        }
        // Connecting costs more than asking: where the rate is low, it is rare.
        let longest = 200_000_u64.checked_div(plan.rate).map_or(20, |longest| longest.clamp(20, 1000));
        std::thread::sleep(Duration::from_millis(rng.next() % longest));
    }
}
