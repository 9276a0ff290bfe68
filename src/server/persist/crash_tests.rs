//! The machine stops at any call to the disk, calls fail, the disk fills up: what is found afterwards is the dataset after
//! some write not earlier than the last one known to be safe. Never anything else, and never nothing.

use super::Persist;
use super::load;
use super::load_log::load_log;
use super::log_file::LogFile;
use crate::base::disk_sim::SimDisk;
use crate::base::hash::hash_bytes;
use crate::base::rng::Rng;
use crate::engine::clients::Client;
use crate::engine::session::Session;
use crate::engine::worker::Worker;
use crate::engine::{Engine, config::Config};
use crate::keyspace::cut::{Chunk, Cut, Encode, Stepped, step};
use crate::resp::OwnedArgs;
use std::sync::Arc;

const KEYS: u64 = 7;
const SETS: u64 = 3;

struct Life {
    engine: Arc<Engine>,
    worker: Worker,
    session: Session,
    log: Arc<LogFile>,
    persist: Arc<Persist>,
    /// Writes done so far: write n sets a key to n, in some lives within a transaction of two.
    done: u64,
}

impl Life {
    fn new(disk: &SimDisk, settings: u64) -> Life {
        crate::commands::install();
        super::log::set_level(crate::engine::LogLevel::Warning);
        let config = Config::default();
        config.proto_max_bulk_len.set(512 << 20);
        config.aof_use_rdb_preamble.set(settings.is_multiple_of(2));
        let engine = Engine::new(config, 1, 1, 0);
        // Clients are refused while the disk fails; this one writes on, to see that nothing gets lost.
        let mut session = Session::new(Arc::new(Client::new(1, "", "", 0, 0)), true);
        session.internal = true;
        let persist = Persist::new(engine.clone(), Arc::new(disk.clone()));
        Life {
            worker: Worker::new(engine.clone(), 0, 0),
            session,
            log: persist.log_file.clone(),
            persist,
            engine,
            done: 0,
        }
    }

    fn write(&mut self, multi: bool) {
        let now_ms = super::now_ms();
        self.done += 1;
        let n = self.done.to_string();
        // Both halves of a transaction, or none.
        let pair =
            [vec!["SET".into(), format!("k{}", self.done % KEYS), n.clone()], vec!["SET".into(), "last".into(), n]];
        self.worker.begin(now_ms);
        if multi {
            self.worker.run_words(&mut self.session, &OwnedArgs::new(["MULTI"]));
        }
        for words in &pair {
            self.worker.run_words(&mut self.session, &OwnedArgs::new(words));
        }
        if multi {
            self.worker.run_words(&mut self.session, &OwnedArgs::new(["EXEC"]));
        }
        self.worker.access.leave();
        self.worker.reply.clear();
    }

    fn value(&mut self, key: &str) -> Option<u64> {
        self.worker.begin(super::now_ms());
        let (hash, world) = (hash_bytes(key.as_bytes()), self.engine.world.clone());
        let table = self.worker.access.shard(world.shard_of(hash)).db(0);
        let found = table.and_then(|t| t.get(hash, key.as_bytes())?.string()?.as_int());
        self.worker.access.leave();
        found.map(|n| n as u64)
    }

    /// The number of the write after which the dataset looked like this. Panics if it never did.
    fn state(&mut self, what: &str) -> u64 {
        let values: Vec<Option<u64>> = (0..KEYS).map(|k| self.value(&format!("k{k}"))).collect();
        let n = values.iter().flatten().copied().max().unwrap_or(0);
        for (k, value) in values.iter().enumerate() {
            let newest = (1..=n).rev().find(|i| i % KEYS == k as u64);
            assert_eq!(*value, newest, "{what}: key {k} of the state after write {n}");
        }
        n
    }

    /// A rewrite: the walk is done here, between two writes of somebody else.
    fn rewrite(&mut self, writes_meanwhile: u64) -> std::io::Result<()> {
        let id = self.log.begin_rewrite()?;
        let rdb = self.engine.config.aof_use_rdb_preamble.get();
        let owner = self.engine.clone();
        let cut = Cut::new(Box::new(move || match rdb {
            true => Box::new(super::format::Records::new(&owner, crate::rdb::Target::WIDEST)) as Box<dyn Encode>,
            false => Box::new(super::format::Commands),
        }));
        self.worker.begin(super::now_ms());
        let sizes = cut.begin(&mut self.worker.access);
        self.engine.world.log.switch_tap(id);
        self.worker.access.leave();
        let (mut chunk, mut encoder) = (Chunk::default(), cut.encoder());
        (0..writes_meanwhile).for_each(|_| self.write(false));
        self.worker.begin(super::now_ms());
        for i in 0..self.engine.world.shards() {
            while step(self.worker.access.shard(i), i, 1, &mut *encoder, &mut chunk) == Stepped::More {}
        }
        self.worker.access.leave();
        let temporary = self.log.path("temp-base");
        let file = self.log.disk.create(&temporary)?;
        let mut bytes =
            if rdb { super::format::prologue(crate::rdb::Target::WIDEST, true, &[], None) } else { Vec::new() };
        let mut framing = super::format::Framing::new(sizes, !rdb);
        for chunk in std::iter::once(chunk).chain(std::iter::from_fn(|| cut.take_kept(0))) {
            let _ = framing.pass(&chunk, |part| {
                bytes.extend_from_slice(part);
                Ok::<(), ()>(())
            });
        }
        if rdb {
            bytes.push(255);
            let sum = crate::base::crc64::crc64(0, &bytes);
            bytes.extend(sum.to_le_bytes());
        }
        file.write_whole(&bytes).map_err(|(_, e)| e)?;
        file.sync()?;
        self.log.finish_rewrite(&temporary, rdb, id)
    }
}

/// One life until the crash (or so many steps), and a check of what the next one finds.
fn crash_once(seed: u64) {
    let mut rng = Rng::new(seed);
    let mut disk = SimDisk::new(seed);
    let (mut safe, mut begun) = (0, 0);
    let (mut did, mut told) = (Vec::new(), String::new());
    for life in 0..4 {
        let what = format!("{told}\nseed {seed}, life {life}, after {did:?}{}", disk.describe());
        told = what.clone();
        did.clear();
        let mut me = Life::new(&disk, seed);
        if life > 0 || rng.below(3) == 0 {
            // A crash while starting is one as well.
            disk.crash_after(1 + rng.below(if life % 2 == 1 { 12 } else { 400 }));
        }
        if let Err(load::Refused(why)) = load_log(&me.engine, &me.log) {
            assert!(disk.is_crashed(), "{what}: {why}");
            disk = disk.restarted();
            continue;
        }
        me.done = me.state(&what);
        assert!((safe..=begun).contains(&me.done), "{what}: safe {safe}, begun {begun}, found {}", me.done);
        // What was found may be gone again after the next crash, down to what is known to be safe; what was begun
        // after it is another history.
        begun = me.done;
        disk.crash_after(1 + rng.below(120));
        while !disk.is_crashed() {
            let choice = rng.below(12);
            did.push((choice, me.done, disk.calls()));
            match choice {
                0 => {
                    disk.fail_one_in(3);
                    let _ = me.log.flush();
                    let _ = me.rewrite(rng.below(SETS));
                    disk.fail_one_in(0);
                }
                1 => {
                    disk.set_room(Some(rng.below(100)));
                    me.write(false);
                    if me.log.flush().is_err() {
                        assert!(me.engine.disk_error().is_some(), "{what}: writes must be refused");
                    }
                    disk.set_room(None);
                    if me.log.flush().is_ok() {
                        assert!(me.engine.disk_error().is_none(), "{what}: there is room again");
                    }
                }
                2..=3 => drop(me.rewrite(rng.below(SETS))),
                4..=6 => {
                    let done = me.done;
                    if me.log.sync_now().is_ok() {
                        safe = safe.max(done);
                    }
                }
                7 => drop(me.log.flush()),
                n => me.write(n > 9),
            }
            begun = begun.max(me.done);
        }
        disk = disk.restarted();
    }
}

#[test]
fn a_log_survives_a_crash_at_any_call() {
    let first = std::env::var("SEED").ok().and_then(|s| s.parse().ok()).unwrap_or(1);
    for seed in first..first + 2500 {
        crash_once(seed);
    }
}

#[test]
fn a_snapshot_is_the_old_or_the_new_one() {
    for seed in 1..1500 {
        let mut rng = Rng::new(seed);
        let mut disk = SimDisk::new(seed);
        let mut saved = 0;
        for life in 0..3 {
            let mut me = Life::new(&disk, seed);
            let path = std::path::Path::new("dump.rdb");
            let loaded = load::load_snapshot(&me.engine, &disk, path);
            assert!(loaded.is_ok(), "seed {seed}, life {life}: {loaded:?}");
            let found = me.state(&format!("seed {seed}, life {life}"));
            assert!(found >= saved, "seed {seed}, life {life}: saved {saved}, found {found}");
            saved = found;
            me.done = found;
            disk.crash_after(1 + rng.below(30));
            while !disk.is_crashed() {
                (0..rng.below(SETS)).for_each(|_| me.write(false));
                if rng.below(4) == 0 {
                    disk.set_room(Some(rng.below(150)));
                }
                me.worker.begin(super::now_ms());
                if me.persist.save_held(&mut me.worker.access).is_ok() {
                    saved = me.done;
                }
                me.worker.access.leave();
                disk.set_room(None);
            }
            disk = disk.restarted();
        }
    }
}
