//! `activedefrag`: memory of which little is used comes back, and nobody notices but by the memory.

mod common;

use common::{Conn, Kind, Options, Server, command, env_number, rng::Rng};
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

fn info(c: &mut Conn, name: &str) -> u64 {
    let text = String::from_utf8_lossy(&c.ask(&["INFO", "everything"])).into_owned();
    let line = text.lines().find_map(|l| l.strip_prefix(&format!("{name}:")).map(str::to_owned));
    line.unwrap_or_else(|| panic!("no {name} in INFO")).trim().parse().expect("a number")
}

/// Bytes of the slabs' pages, and of the blocks in them that are used.
fn slabs(c: &mut Conn) -> (u64, u64) {
    let text = String::from_utf8_lossy(&c.ask(&["MEMORY", "MALLOC-STATS"])).into_owned();
    let line = text.lines().find(|l| l.starts_with("slabs:")).expect("a line of the slabs").to_owned();
    let mut numbers = line.split_whitespace().filter_map(|word| word.parse().ok());
    (numbers.next().expect("bytes in pages"), numbers.next().expect("bytes used"))
}

fn text(n: u64, len: u64) -> String {
    format!("{n:07}").chars().cycle().take(len as usize).collect()
}

#[test]
fn holes_are_closed_and_memory_comes_back() {
    let server = Server::start(Kind::Rustredis, &Options::args("--threads 2"));
    let mut c = server.connect();
    let (keys, mut rng) = (120_000u64, Rng::new(env_number("SEED", 1)));
    for from in (0..keys).step_by(1000) {
        let mut batch = Vec::new();
        for i in from..from + 1000 {
            let (key, long) = (format!("key:{i}"), text(i, 20 + i * 13 % 2000));
            batch.extend(match i % 4 {
                0 => command(&["SET", &key, &long]),
                1 => command(&["HSET", &key, "a", &text(i, i % 60), "b", &text(i, 50)]),
                2 => command(&["RPUSH", &key, &text(i, i % 200), "item"]),
                _ => command(&["SADD", "large", &key]),
            });
        }
        c.send_raw(&batch).expect("sent");
        (0..1000).for_each(|_| drop(c.read_reply().expect("a reply")));
    }
    for from in (0..keys).step_by(1000) {
        let gone: Vec<u64> = (from..from + 1000).filter(|_| rng.below(5) != 0).collect();
        let batch: Vec<u8> = gone
            .iter()
            .flat_map(|i| {
                let key = format!("key:{i}");
                if i % 4 == 3 { command(&["SREM", "large", &key]) } else { command(&["DEL", &key]) }
            })
            .collect();
        c.send_raw(&batch).expect("sent");
        gone.iter().for_each(|_| drop(c.read_reply().expect("a reply")));
    }
    let (digest, before, resident) = (c.line("DEBUG DIGEST"), slabs(&mut c), info(&mut c, "used_memory_rss"));
    assert!(before.0 > before.1 * 2, "there are no holes to close: {before:?}");
    assert_eq!(info(&mut c, "active_defrag_hits"), 0);
    for (name, value) in [
        ("active-defrag-ignore-bytes", "1"),
        ("active-defrag-threshold-lower", "5"),
        ("active-defrag-cycle-min", "50"),
        ("active-defrag-cycle-max", "75"),
        ("activedefrag", "yes"),
    ] {
        assert_eq!(c.line(&format!("CONFIG SET {name} {value}")), "+OK\\r\\n");
    }
    // Half of what was empty goes back to the system, at the least.
    let given = (before.0 - before.1) / 2;
    let deadline = Instant::now() + common::PATIENCE;
    loop {
        let ((pages, used), now) = (slabs(&mut c), info(&mut c, "used_memory_rss"));
        // Of each class one page or two are filled in part, whatever is moved.
        if pages < used + used / 4 + (4 << 20) && now + given < resident {
            break;
        }
        assert!(Instant::now() < deadline, "{pages} of {before:?} bytes of pages, {now} of {resident} resident");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(c.line("DEBUG DIGEST"), digest);
    assert!(info(&mut c, "active_defrag_hits") > keys / 10 && info(&mut c, "active_defrag_key_hits") > keys / 20);
    assert_eq!(c.line("CONFIG SET activedefrag no"), "+OK\\r\\n");
    while info(&mut c, "active_defrag_running") > 0 {
        assert!(Instant::now() < deadline, "it goes on");
    }
    assert_eq!(c.line("CONFIG RESETSTAT"), "+OK\\r\\n");
    assert!(info(&mut c, "active_defrag_hits") + info(&mut c, "active_defrag_misses") < keys / 10, "not reset");
}

/// Several clients, each with keys of its own and a model of them, while keys are moved about all the time and snapshots written.
#[test]
fn nobody_notices() {
    let args = "--threads 2 --activedefrag yes --active-defrag-ignore-bytes 1 --active-defrag-threshold-lower 0 \
                --active-defrag-cycle-min 50 --active-defrag-cycle-max 90";
    let server = Server::start(Kind::Rustredis, &Options::args(args));
    let (seed, rounds) = (env_number("SEED", 1), env_number("ROUNDS", 12_000));
    let (done, moved, deadline) = (AtomicBool::new(false), AtomicBool::new(false), Instant::now() + common::PATIENCE);
    std::thread::scope(|s| {
        let moved = &moved;
        s.spawn(|| {
            let mut c = server.connect();
            while !done.load(Relaxed) {
                c.line("BGSAVE");
                moved.store(info(&mut c, "active_defrag_hits") > 100, Relaxed);
                std::thread::sleep(Duration::from_millis(50));
            }
        });
        let clients: Vec<_> = (0..4u64)
            .map(|me| {
                let mut c = server.connect();
                s.spawn(move || {
                    let mut rng = Rng::new(seed * 100 + me);
                    let mut below = move |n: usize| rng.below(n) as u64;
                    let mut strings: HashMap<u64, String> = HashMap::new();
                    let mut scores: HashMap<u64, HashMap<u64, u64>> = HashMap::new();
                    let bulk = |text: &str| format!("${}\r\n{text}\r\n", text.len()).into_bytes();
                    // After a look at a keyspace without holes nothing is moved for ten seconds.
                    let enough = |n| n >= rounds && (moved.load(Relaxed) || Instant::now() > deadline);
                    for n in (0..).take_while(|n| !enough(*n)) {
                        let (i, z) = (below(400), below(4));
                        let (key, ranked) = (format!("{me}:{i}"), format!("{me}:z{z}"));
                        match below(10) {
                            0..3 => {
                                let value = text(n, below(3000));
                                assert_eq!(c.ask(&["SET", &key, &value]), b"+OK\r\n");
                                strings.insert(i, value);
                            }
                            3 => {
                                let gone = strings.remove(&i).is_some();
                                assert_eq!(c.ask(&["DEL", &key]), format!(":{}\r\n", u8::from(gone)).into_bytes());
                            }
                            4 => {
                                let value = strings.entry(i).or_default();
                                value.push_str("more");
                                c.ask(&["APPEND", &key, "more"]);
                            }
                            5..7 => {
                                let (m, score) = (below(1000), below(1000));
                                c.ask(&["ZADD", &ranked, &score.to_string(), &format!("member:{m}")]);
                                scores.entry(z).or_default().insert(m, score);
                            }
                            7 => {
                                let set = scores.entry(z).or_default();
                                let m = below(1000);
                                let gone = set.remove(&m).is_some();
                                let reply = c.ask(&["ZREM", &ranked, &format!("member:{m}")]);
                                assert_eq!(reply, format!(":{}\r\n", u8::from(gone)).into_bytes());
                            }
                            8 => {
                                let m = below(1000);
                                let reply = c.ask(&["ZSCORE", &ranked, &format!("member:{m}")]);
                                let score = scores.get(&z).and_then(|set| set.get(&m));
                                assert_eq!(reply, score.map_or(b"$-1\r\n".to_vec(), |score| bulk(&score.to_string())));
                            }
                            _ => {
                                let reply = c.ask(&["GET", &key]);
                                assert_eq!(
                                    reply,
                                    strings.get(&i).map_or(b"$-1\r\n".to_vec(), |value| bulk(value)),
                                    "{key}"
                                );
                            }
                        }
                    }
                    for (z, set) in scores {
                        let mut order: Vec<_> =
                            set.into_iter().map(|(m, score)| (score, format!("member:{m}"))).collect();
                        order.sort();
                        let mut all = format!("*{}\r\n", order.len()).into_bytes();
                        order.iter().for_each(|(_, member)| all.extend(bulk(member)));
                        assert_eq!(c.ask(&["ZRANGE", &format!("{me}:z{z}"), "0", "-1"]), all);
                    }
                })
            })
            .collect();
        let ended: Vec<_> = clients.into_iter().map(|client| client.join()).collect();
        done.store(true, Relaxed);
        assert!(ended.iter().all(Result::is_ok), "seed {seed}");
    });
    assert!(moved.load(Relaxed), "nothing was moved");
}
