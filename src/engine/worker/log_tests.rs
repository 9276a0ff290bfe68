//! The order of the write log under many threads: replayed, it makes the same dataset.

use crate::base::rng::Rng;
use crate::engine::testing::{TestEngine, read_log};
use crate::engine::{Engine, clients::Client, config::Config, session::Session, worker::Worker};
use crate::keyspace::world::Access;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

pub(super) const T0: i64 = 1_700_000_000_000;

/// A command on few keys, such that any two in the wrong order make a difference. Some time out on the way.
pub(super) fn command(rng: &mut Rng, keys: u64) -> String {
    let (k, other, n) = (rng.below(keys), rng.below(keys), rng.below(1000));
    match rng.below(14) {
        0 => format!("SET s{k} {n}"),
        1 => format!("APPEND s{k} {n}"),
        2 => format!("SET s{k} {n} PX {}", 1 + n / 20),
        3 => format!("RPUSH l{k} {n}"),
        4 => format!("LMOVE l{k} l{other} LEFT RIGHT"),
        5 => format!("SPOP t{k}"),
        6 => format!("SADD t{k} {n} {k} {other}"),
        7 => format!("MSET s{k} {n} s{other} {k}"),
        8 => format!("DEL s{k} l{other} t{k}"),
        9 => format!("RENAME s{k} s{other}"),
        10 => format!("INCRBYFLOAT f{k} 0.{n}"),
        11 => format!("HSETEX h{k} PX {} FIELDS 2 a {n} b {k}", 1 + n / 20),
        12 => format!("GETDEL s{k}"),
        _ => format!("ZADD z{k} INCR {n} m"),
    }
}

pub(super) fn encode(line: &str, out: &mut Vec<u8>) {
    let words: Vec<&str> = line.split(' ').collect();
    out.extend(format!("*{}\r\n", words.len()).bytes());
    words.iter().for_each(|w| out.extend(format!("${}\r\n{w}\r\n", w.len()).bytes()));
}

pub(super) fn session(id: u64) -> Session {
    Session::new(Arc::new(Client::new(id, "", "", 0, T0)), true)
}

fn digest(worker: &mut Worker, now_ms: i64) -> String {
    let (mut session, mut at) = (session(99), 0);
    let mut buf = Vec::new();
    encode("DEBUG DIGEST", &mut buf);
    session.internal = true;
    worker.reply.clear();
    worker.turn(&mut session, &buf, &mut at, &mut None, now_ms);
    let text = String::from_utf8(worker.reply.to_bytes()).unwrap();
    worker.reply.clear();
    text
}

/// Writers on `threads` workers, with transactions, databases and expiry; meanwhile the log's two ends are drained. Either
/// end's bytes, replayed, must give what the writers left, and both ends the same.
fn replays(threads: usize, seed: u64) {
    crate::commands::install();
    let config = Config::default();
    config.proto_max_bulk_len.set(512 << 20);
    let engine = Engine::new(config, threads, 4, T0);
    engine.world.log.attach_tap(0);
    engine.world.log.create_backlog(1 << 30);
    let done = AtomicBool::new(false);
    let mut file = Vec::new();
    std::thread::scope(|s| {
        let writers: Vec<_> = (0..threads)
            .map(|seat| {
                let engine = engine.clone();
                s.spawn(move || {
                    let mut rng = Rng::new(seed * 100 + seat as u64);
                    let mut worker = Worker::new(engine, seat, seat as u64);
                    let mut session = session(seat as u64);
                    for turn in 0..300 {
                        let mut buf = Vec::new();
                        for _ in 0..rng.below(20) {
                            match rng.below(12) {
                                0 => encode(&format!("SELECT {}", rng.below(3)), &mut buf),
                                1 => {
                                    encode("MULTI", &mut buf);
                                    (0..rng.below(4)).for_each(|_| encode(&command(&mut rng, 6), &mut buf));
                                    encode("EXEC", &mut buf);
                                }
                                2 if rng.below(20) == 0 => encode("FLUSHDB", &mut buf),
                                _ => encode(&command(&mut rng, 6), &mut buf),
                            }
                        }
                        let mut at = 0;
                        worker.turn(&mut session, &buf, &mut at, &mut None, T0 + turn);
                        assert_eq!(at, buf.len());
                        worker.reply.clear();
                    }
                })
            })
            .collect();
        let drain = s.spawn(|| {
            let mut file = Vec::new();
            loop {
                let last = done.load(Relaxed);
                engine.world.log.take_from_tap(Vec::new()).iter().for_each(|p| file.extend(&p.bytes));
                if last {
                    return file;
                }
                std::thread::yield_now();
            }
        });
        writers.into_iter().for_each(|w| w.join().unwrap());
        done.store(true, Relaxed);
        file = drain.join().unwrap();
    });
    let stream = engine.world.log.with_backlog(|b| {
        let id = b.add_reader(0).unwrap();
        std::iter::from_fn(|| b.read(id, None)).flat_map(|c| c.to_vec()).collect::<Vec<u8>>()
    });
    assert!(stream == Some(file.clone()), "seed {seed}: the file and the replicas differ");
    assert_eq!(engine.world.log.offset(), file.len() as u64);
    let mut copy = TestEngine::new();
    // Whatever expires there must have been removed here, and then the log says so.
    copy.now_ms = T0;
    copy.replay(&read_log(&file, &mut 0));
    let mut judge = Worker::new(engine.clone(), 0, 0);
    assert_eq!(digest(&mut judge, T0 + 300), digest(&mut copy.worker, T0), "seed {seed}, {threads} threads");
}

#[test]
fn the_log_of_many_threads_replays_to_the_same_dataset() {
    let first = std::env::var("SEED").ok().and_then(|s| s.parse().ok()).unwrap_or(1);
    for seed in first..first + 12 {
        replays([1, 2, 4, 7][seed as usize % 4], seed);
    }
}

#[test]
fn listeners_come_and_go_while_writers_write() {
    crate::commands::install();
    let config = Config::default();
    config.proto_max_bulk_len.set(512 << 20);
    let engine = Engine::new(config, 4, 1, T0);
    let done = AtomicBool::new(false);
    std::thread::scope(|s| {
        let writers: Vec<_> = (0..4)
            .map(|seat| {
                let engine = engine.clone();
                s.spawn(move || {
                    let mut worker = Worker::new(engine, seat, 0);
                    let mut session = session(seat as u64);
                    let mut buf = Vec::new();
                    (0..10).for_each(|_| encode("INCR counter", &mut buf));
                    for _ in 0..3000 {
                        worker.turn(&mut session, &buf, &mut 0, &mut None, T0);
                        worker.reply.clear();
                    }
                })
            })
            .collect();
        s.spawn(|| {
            // Between attaching and detaching, both with everything held, the log has exactly what the counter grew by.
            let mut access = Access::new(engine.world.clone(), 4);
            let count = |access: &mut Access| {
                let hash = crate::base::hash::hash_bytes(b"counter");
                let shard = access.shard(engine.world.shard_of(hash));
                shard.db(0).and_then(|t| t.get(hash, b"counter")?.string()?.as_int()).unwrap_or(0)
            };
            while !done.load(Relaxed) {
                access.raise();
                engine.world.log.attach_tap(0);
                let from = count(&mut access);
                access.leave();
                std::thread::yield_now();
                access.raise();
                let to = count(&mut access);
                let pieces = engine.world.log.detach_tap();
                access.leave();
                let logged: usize = pieces.iter().map(|p| read_log(&p.bytes, &mut 0).len()).sum();
                assert_eq!(logged as i64, to - from);
            }
        });
        writers.into_iter().for_each(|w| w.join().unwrap());
        done.store(true, Relaxed);
    });
}
