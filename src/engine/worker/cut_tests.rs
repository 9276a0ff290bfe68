//! A point in time is written down exactly, however writers, FLUSHALL, SWAPDB and expiry go on around it.

use super::log_tests::{T0, command, encode, session};
use crate::base::rng::Rng;
use crate::engine::digest::Digest;
use crate::engine::{Engine, config::Config, worker::Worker};
use crate::keyspace::Entry;
use crate::keyspace::cut::{Chunk, Cut, Encode, Stepped, dear_step, step};
use crate::keyspace::world::Access;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// Keys as lines: name, expiry, digest of the value. In steps, a line comes letter by letter.
#[derive(Default)]
struct Lines(Vec<u8>);

fn line(entry: &Entry) -> Vec<u8> {
    format!("{} {:?} {}\n", entry.key().escape_ascii(), entry.expiry(), Digest::of_value(entry)).into_bytes()
}

impl Encode for Lines {
    fn key(&mut self, entry: &Entry, out: &mut Vec<u8>) {
        out.extend(line(entry));
    }

    fn some(&mut self, entry: &Entry, first: bool, enough: usize, out: &mut Vec<u8>) -> bool {
        if first {
            self.0 = line(entry);
        }
        // What is encoded in steps must be the same at each.
        assert!(line(entry).ends_with(&self.0), "a key changed while it was encoded");
        let n = enough.clamp(1, 20).min(self.0.len());
        out.extend(self.0.drain(..n));
        self.0.is_empty()
    }
}

/// Every key as such a line, with its database.
fn everything(access: &mut Access) -> Vec<String> {
    let mut out = Vec::new();
    for i in 0..access.world().shards() {
        for db in 0..4 {
            let table = access.shard(i).db(db);
            out.extend(
                table
                    .into_iter()
                    .flat_map(|t| t.iter())
                    .map(|e| format!("{db} {}", String::from_utf8_lossy(&line(&e)))),
            );
        }
    }
    out.sort();
    out
}

fn lines(chunks: &[Chunk]) -> Vec<String> {
    let mut by_db = vec![Vec::new(); 4];
    for chunk in chunks {
        let mut from = 0;
        for (db, end) in &chunk.runs {
            by_db[*db as usize].extend(&chunk.bytes[from..*end]);
            from = *end;
        }
    }
    let split = |(db, bytes): (usize, &Vec<u8>)| {
        let text = String::from_utf8_lossy(bytes).into_owned();
        text.split_inclusive('\n').map(|l| format!("{db} {l}")).collect::<Vec<_>>()
    };
    let mut out: Vec<String> = by_db.iter().enumerate().flat_map(split).collect();
    out.sort();
    out
}

fn cut_under_load(threads: usize, seed: u64) {
    crate::commands::install();
    let config = Config::default();
    config.proto_max_bulk_len.set(512 << 20);
    let engine = Engine::new(config, threads, 4, T0);
    let done = AtomicBool::new(false);
    let keys = if seed.is_multiple_of(2) { 2000 } else { 40 };
    std::thread::scope(|s| {
        for seat in 0..threads {
            let (engine, done) = (engine.clone(), &done);
            s.spawn(move || {
                let mut rng = Rng::new(seed * 100 + seat as u64);
                let mut worker = Worker::new(engine, seat, seat as u64);
                let mut session = session(seat as u64);
                let mut turn = 0;
                while !done.load(Relaxed) {
                    let mut buf = Vec::new();
                    for _ in 0..rng.below(20) {
                        match rng.below(200) {
                            0..20 => encode(&format!("SELECT {}", rng.below(3)), &mut buf),
                            20 => encode("FLUSHDB", &mut buf),
                            21 if rng.below(10) == 0 => encode("FLUSHALL", &mut buf),
                            22..25 => encode(&format!("SWAPDB {} {}", rng.below(4), rng.below(4)), &mut buf),
                            // A dear key, or what changes one.
                            25 => {
                                let big: String = (0..5000).map(|i| format!(" {i}x")).collect();
                                encode(&format!("SADD t{}{big}", rng.below(3)), &mut buf);
                            }
                            26 => encode("RANDOMKEY", &mut buf),
                            _ => encode(&command(&mut rng, keys), &mut buf),
                        }
                    }
                    let mut at = 0;
                    worker.turn(&mut session, &buf, &mut at, &mut None, T0 + turn);
                    worker.reply.clear();
                    worker.begin(T0 + turn);
                    let shard = rng.below(engine_shards(&worker)) as usize;
                    crate::keyspace::expire::step(worker.access.shard(shard), T0 + turn, 4, &mut worker.journal);
                    worker.book_background();
                    worker.access.leave();
                    turn += 1;
                }
            });
        }
        s.spawn(|| {
            let mut rng = Rng::new(seed);
            let mut access = Access::new(engine.world.clone(), threads);
            for round in 0..12 {
                std::thread::sleep(std::time::Duration::from_millis(2));
                let cut = Cut::new(Box::new(|| Box::new(Lines::default())));
                access.raise();
                let sizes = cut.begin(&mut access);
                let expected = everything(&mut access);
                access.leave();
                assert_eq!(sizes.iter().map(|s| s.keys).sum::<u64>(), expected.len() as u64);
                let (mut chunks, mut encoder) = (vec![Chunk::default()], cut.encoder());
                let abort_at = (round % 4 == 3).then(|| rng.below(200));
                let mut steps = 0;
                for i in 0..engine.world.shards() {
                    loop {
                        steps += 1;
                        if abort_at.is_some_and(|at| steps > at) {
                            cut.abort();
                        }
                        access.enter();
                        let out = chunks.last_mut().unwrap();
                        let stepped = step(access.shard(i), i, 1 + rng.below(3) as usize, &mut *encoder, out);
                        access.leave();
                        if stepped == Stepped::Done {
                            break;
                        }
                        if rng.below(30) == 0 {
                            std::thread::yield_now();
                        }
                    }
                }
                assert!(cut.is_walked());
                chunks.extend(std::iter::from_fn(|| cut.take_kept(0)));
                while let Some((shard, key)) = cut.next_dear() {
                    // The steps of one key follow each other in the output.
                    chunks.push(Chunk::default());
                    loop {
                        access.enter();
                        let out = chunks.last_mut().unwrap();
                        let finished = dear_step(access.shard(shard), &key, 10, out);
                        access.leave();
                        if finished {
                            break;
                        }
                    }
                }
                chunks.extend(std::iter::from_fn(|| cut.take_kept(0)));
                if !cut.is_aborted() {
                    assert!(lines(&chunks) == expected, "seed {seed}, round {round}, {threads} threads");
                }
                access.raise();
                (0..engine.world.shards()).for_each(|i| assert!(access.shard(i).cut.is_none()));
                access.leave();
            }
            done.store(true, Relaxed);
        });
    });
}

fn engine_shards(worker: &Worker) -> u64 {
    worker.engine.world.shards() as u64
}

#[test]
fn a_cut_is_written_down_exactly_under_load() {
    let first = std::env::var("SEED").ok().and_then(|s| s.parse().ok()).unwrap_or(1);
    for seed in first..first + 8 {
        cut_under_load([1, 2, 3, 6][(seed / 2) as usize % 4], seed);
    }
}

#[test]
fn without_a_cut_shards_carry_nothing() {
    let engine: Arc<Engine> = Engine::new(Config::default(), 1, 4, T0);
    let mut access = Access::new(engine.world.clone(), 0);
    access.enter();
    // Nothing there: nothing to walk.
    let cut = Cut::new(Box::new(|| Box::new(Lines::default())));
    cut.begin(&mut access);
    assert!(cut.is_walked() && cut.next_dear().is_none() && access.shard(0).cut.is_none());
}
