//! Keys, expiry and walks, on the engine itself: no sockets, and the time is what the test says.

use rustredis::commands;
use rustredis::engine::call::{Call, Effect};
use rustredis::engine::clients::Client;
use rustredis::engine::session::Session;
use rustredis::engine::worker::Worker;
use rustredis::engine::{Engine, config::Config, table};
use rustredis::keyspace::db::{AccessClock, ExpiryMode, Key, Keyspace};
use rustredis::keyspace::journal::{Event, Journal};
use rustredis::keyspace::watch::Flag;
use rustredis::keyspace::{NewValue, expire};
use rustredis::resp::{OwnedArgs, Reply};
use rustredis::server::cron::Cycle;
use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// Where tests' time starts.
const T0: i64 = 1_700_000_000_000;

struct Bench {
    worker: Worker,
    session: Session,
    now_ms: i64,
}

/// The write log's end, as lines like `0 SET k v`.
/// The database selected at its end is remembered.
struct Lines(Arc<Engine>, RefCell<String>);

impl Lines {
    /// The lines since the last call. The words of these tests hold no blanks.
    fn take(&self) -> Vec<String> {
        let bytes: Vec<u8> = self.0.world.log.take_from_tap(Vec::new()).into_iter().flat_map(|p| p.bytes).collect();
        let text = String::from_utf8(bytes).unwrap();
        let (mut words, mut db, mut out) = (text.split("\r\n"), self.1.borrow_mut(), Vec::new());
        while let Some(count) = words.next().and_then(|w| w.strip_prefix('*')) {
            let line: Vec<&str> = (0..count.parse().unwrap()).filter_map(|_| words.nth(1)).collect();
            match line[..] {
                ["SELECT", n] => *db = n.to_owned(),
                ["MULTI" | "EXEC"] => {}
                _ => out.push(format!("{db} {}", line.join(" "))),
            }
        }
        out
    }
}

fn engine(workers: usize) -> Arc<Engine> {
    commands::install();
    let config = Config::default();
    config.proto_max_bulk_len.set(512 << 20);
    Engine::new(config, workers, 16, T0)
}

impl Bench {
    fn new() -> Bench {
        Bench::on(engine(1), 0)
    }

    fn on(engine: Arc<Engine>, seat: usize) -> Bench {
        let client = Arc::new(Client::new(seat as u64 + 1, "127.0.0.1:1", "127.0.0.1:2", 1, T0));
        Bench { worker: Worker::new(engine, seat, 7 + seat as u64), session: Session::new(client, true), now_ms: T0 }
    }

    fn logged() -> (Bench, Lines) {
        let engine = engine(1);
        engine.world.log.attach_tap(0);
        (Bench::on(engine.clone(), 0), Lines(engine, RefCell::default()))
    }

    fn send(&mut self, words: &[&str]) -> String {
        let mut buf = format!("*{}\r\n", words.len());
        words.iter().for_each(|w| buf.push_str(&format!("${}\r\n{w}\r\n", w.len())));
        let (mut at, mut partial) = (0, None);
        self.worker.turn(&mut self.session, buf.as_bytes(), &mut at, &mut partial, self.now_ms);
        assert_eq!(at, buf.len());
        let reply = String::from_utf8_lossy(&self.worker.reply.to_bytes()).into_owned();
        self.worker.reply.clear();
        reply
    }

    /// One line of words, and the reply without its last line end.
    fn run(&mut self, line: &str) -> String {
        let reply = self.send(&line.split(' ').collect::<Vec<_>>());
        reply.strip_suffix("\r\n").unwrap_or(&reply).to_owned()
    }

    fn all(&mut self, pairs: &[(&str, &str)]) {
        for (line, want) in pairs {
            assert_eq!(self.run(line), *want, "{line}");
        }
    }

    /// Runs a command as dispatch would, but keeps the journal and chooses how expired keys are treated.
    fn direct(&mut self, line: &str, expiry: ExpiryMode, mask: u32) -> (String, Vec<Event>) {
        let words: Vec<&str> = line.split(' ').collect();
        let args = OwnedArgs::new(&words);
        let command = table::find(words[0].as_bytes()).unwrap();
        let mut journal = Journal { event_mask: mask, ..Journal::default() };
        let mut reply = Reply::default();
        self.worker.begin(self.now_ms);
        let mut call = Call {
            engine: &self.worker.engine,
            command,
            args: args.args(),
            keys: &[],
            ks: Keyspace {
                access: &mut self.worker.access,
                journal: &mut journal,
                rng: &mut self.worker.rng,
                db: self.session.db,
                now_ms: self.now_ms,
                clock: AccessClock::default(),
                expiry,
                no_touch: false,
            },
            reply: &mut reply,
            session: &mut self.session,
            post: &mut Default::default(),
            effect: Effect::Verbatim,
            serving: false,
        };
        if let Err(e) = (command.spec.run)(&mut call) {
            reply.error(&e.text());
        }
        self.worker.access.leave();
        (String::from_utf8_lossy(&reply.to_bytes()).trim_end().to_owned(), journal.events)
    }

    fn events(&mut self, line: &str) -> Vec<String> {
        let (_, events) = self.direct(line, ExpiryMode::Remove, !0);
        events.iter().map(|e| format!("{} {}:{}", e.name, e.db, String::from_utf8_lossy(&e.key))).collect()
    }

    fn hidden(&mut self, line: &str) -> String {
        self.direct(line, ExpiryMode::Hide, 0).0
    }

    /// One SCAN: the next cursor and the keys.
    fn scan(&mut self, cursor: u64, rest: &str) -> (u64, Vec<String>) {
        let reply = self.run(format!("scan {cursor} {rest}").trim_end());
        let mut lines = reply.split("\r\n");
        assert_eq!(lines.next(), Some("*2"), "{reply}");
        let cursor = lines.nth(1).unwrap().parse().unwrap();
        let keys = lines.skip(2).step_by(2).map(str::to_owned).collect();
        (cursor, keys)
    }

    fn scan_all(&mut self, rest: &str) -> Vec<String> {
        let (mut cursor, mut all) = (0, Vec::new());
        loop {
            let (next, keys) = self.scan(cursor, rest);
            assert!(next == 0 || next > cursor, "a cursor moves on");
            all.extend(keys);
            cursor = next;
            if cursor == 0 {
                return all;
            }
        }
    }

    fn sizes(&mut self) -> [String; 2] {
        let one = self.run("dbsize");
        self.session.db ^= 1;
        let other = self.run("dbsize");
        self.session.db ^= 1;
        [one, other]
    }
}

#[test]
fn expiry_on_access() {
    let mut b = Bench::new();
    b.all(&[
        ("set k v", "+OK"),
        ("ttl k", ":-1"),
        ("pexpire k 1500", ":1"),
        ("ttl k", ":2"),
        ("pttl k", ":1500"),
        ("expiretime k", ":1700000002"),
        ("pexpiretime k", ":1700000001500"),
        ("expire k 100 nx", ":0"),
        ("expire k 1 gt", ":0"),
        ("expire k 1 xx lt", ":1"),
        ("persist k", ":1"),
        ("persist k", ":0"),
        ("expire k 10 gt", ":0"),
        ("expire k 10 lt", ":1"),
    ]);
    b.now_ms += 10_000;
    b.all(&[("exists k k", ":2"), ("pttl k", ":0")]);
    b.now_ms += 1;
    b.all(&[("dbsize", ":1"), ("exists k", ":0"), ("dbsize", ":0"), ("ttl k", ":-2"), ("type k", "+none")]);
    b.all(&[
        ("expire k 10", ":0"),
        ("set k v", "+OK"),
        ("expire k abc", "-ERR value is not an integer or out of range"),
        ("expire k abc foo", "-ERR Unsupported option foo"),
        ("expire k 9223372036854775807", "-ERR invalid expire time in 'expire' command"),
        ("pexpire k 9223372036854775807", "-ERR invalid expire time in 'pexpire' command"),
        ("expireat k 9223372036854775", ":1"),
        ("expiretime k", ":9223372036854775"),
        ("expire k -1", ":1"),
        ("exists k", ":0"),
    ]);
}

#[test]
fn rename_copy_and_move() {
    let mut b = Bench::new();
    let long = "x".repeat(5000);
    b.all(&[
        ("rename a b", "-ERR no such key"),
        ("rename a a", "-ERR no such key"),
        ("set a 1", "+OK"),
        ("rename a a", "+OK"),
        ("renamenx a a", ":0"),
        ("pexpire a 5000", ":1"),
        ("set b old", "+OK"),
        ("renamenx a b", ":0"),
        ("rename a b", "+OK"),
        ("get b", "$1\r\n1"),
        ("pttl b", ":5000"),
        ("exists a", ":0"),
        ("copy b b", "-ERR source and destination objects are the same"),
        ("copy b b db 0", "-ERR source and destination objects are the same"),
        ("copy b b db 1", ":1"),
        ("copy b b db 1", ":0"),
        ("copy b b db 16", "-ERR DB index is out of range"),
        ("copy b b db 3000000000", "-ERR value is out of range, value must between -2147483648 and 2147483647"),
        ("copy b c db", "-ERR syntax error"),
        ("copy nosuch c", ":0"),
        ("set b two", "+OK"),
        ("copy b b db 1 replace", ":1"),
        ("copy b c", ":1"),
        ("get c", "$3\r\ntwo"),
        ("move c 0", "-ERR source and destination objects are the same"),
        ("move c x", "-ERR value is not an integer or out of range"),
        ("move c 99", "-ERR DB index is out of range"),
        ("pexpire c 700", ":1"),
        ("move c 1", ":1"),
        ("move c 1", ":0"),
        ("move b 1", ":0"),
        ("dbsize", ":1"),
    ]);
    assert_eq!(b.send(&["set", "long", &long]), "+OK\r\n");
    b.all(&[("copy long twin", ":1"), ("rename long other", "+OK"), ("del other", ":1")]);
    assert_eq!(b.run("get twin"), format!("$5000\r\n{long}"));
    b.session.db = 1;
    b.all(&[("get b", "$3\r\ntwo"), ("ttl b", ":-1"), ("pttl c", ":700"), ("dbsize", ":2")]);
    // What expired in the other database is no obstacle.
    b.now_ms += 701;
    b.session.db = 0;
    b.all(&[("set c new", "+OK"), ("move c 1", ":1")]);
    b.session.db = 1;
    b.all(&[("get c", "$3\r\nnew"), ("ttl c", ":-1")]);
}

#[test]
fn swapdb_swaps_and_touches_watchers() {
    let mut b = Bench::new();
    b.all(&[
        ("set a 1", "+OK"),
        ("set dead 1", "+OK"),
        ("pexpire dead 1", ":1"),
        ("swapdb 0 x", "-ERR invalid second DB index"),
    ]);
    b.all(&[("swapdb 9999999999 x", "-ERR invalid first DB index"), ("swapdb 0 16", "-ERR DB index is out of range")]);
    b.now_ms += 5;
    let flags: HashMap<(u32, &str), Flag> =
        [(0, "a"), (1, "a"), (0, "none"), (1, "dead")].into_iter().map(|k| (k, Flag::default())).collect();
    b.worker.begin(b.now_ms);
    for ((db, key), flag) in &flags {
        let shard = b.worker.engine.world.shard_of(Key::new(key.as_bytes()).hash);
        b.worker.access.shard(shard).watchers.add(*db, key.as_bytes(), flag);
    }
    b.worker.access.leave();
    b.all(&[("swapdb 3 3", "+OK"), ("swapdb 0 1", "+OK"), ("dbsize", ":0")]);
    let touched: BTreeSet<_> = flags.iter().filter(|(_, f)| f.load(Relaxed)).map(|(k, _)| *k).collect();
    assert_eq!(touched, BTreeSet::from([(0, "a"), (1, "a")]));
    b.session.db = 1;
    b.all(&[("get a", "$1\r\n1"), ("get dead", "$-1")]);
}

#[test]
fn events_have_redis_names_and_databases() {
    let mut b = Bench::new();
    let mut is = |line: &str, want: &[&str]| assert_eq!(b.events(line), want, "{line}");
    is("set a 1", &["new 0:a", "set 0:a"]);
    is("expire a 10", &["expire 0:a"]);
    is("persist a", &["persist 0:a"]);
    is("rename a b", &["new 0:b", "rename_from 0:a", "rename_to 0:b"]);
    is("rename b b", &[]);
    is("copy b c db 2", &["new 2:c", "copy_to 2:c"]);
    is("move b 3", &["new 3:b", "move_from 0:b", "move_to 3:b"]);
    is("touch b", &["keymiss 0:b"]);
    is("set a 1", &["new 0:a", "set 0:a"]);
    is("expire a 0", &["del 0:a"]);
    is("set a 1", &["new 0:a", "set 0:a"]);
    is("unlink a zz", &["del 0:a"]);
    is("set a 1", &["new 0:a", "set 0:a"]);
    is("pexpire a 5", &["expire 0:a"]);
    b.now_ms += 6;
    assert_eq!(b.events("exists a"), ["expired 0:a", "keymiss 0:a"]);
}

#[test]
fn the_log_gets_effects() {
    let (mut b, lines) = Bench::logged();
    let mut is = |line: &str, want: &[&str]| {
        b.run(line);
        let got = lines.take();
        assert_eq!(got, want, "{line}");
    };
    is("set a 1", &["0 set a 1"]);
    is("expire a 10 NX", &["0 PEXPIREAT a 1700000010000"]);
    is("expire a 10 NX", &[]);
    is("persist a", &["0 persist a"]);
    is("expireat a 1", &["0 DEL a"]);
    is("del a", &[]);
    is("set a 1", &["0 set a 1"]);
    is("copy a b DB 1", &["0 copy a b DB 1"]);
    is("rename a c", &["0 rename a c"]);
    is("move c 2", &["0 move c 2"]);
    is("swapdb 0 1", &["0 swapdb 0 1"]);
    is("pexpire b 5", &["0 PEXPIREAT b 1700000000005"]);
    b.now_ms += 6;
    assert_eq!(b.scan(0, "count 1000").1.len(), 0);
    assert_eq!(lines.take(), ["0 DEL b"]);
}

#[test]
fn scan_filters_and_removes_expired_keys() {
    let mut b = Bench::new();
    for i in 0..300 {
        b.run(&format!("set k:{i} v"));
        if i % 3 == 0 {
            b.run(&format!("pexpire k:{i} 10"));
        }
    }
    assert_eq!(b.scan_all("count 7").len(), 300);
    assert_eq!(b.scan_all("match k:29?").len(), 10);
    assert_eq!(b.scan_all("type string").len(), 300);
    assert_eq!(b.scan_all("type LIST").len(), 0);
    b.now_ms += 11;
    // The pattern spares the others; an unknown type does not.
    assert_eq!(b.scan_all("match *5 type nonesuch").len(), 0);
    assert_eq!(b.run("dbsize"), ":290");
    let seen: HashSet<_> = b.scan_all("").into_iter().collect();
    assert_eq!((seen.len(), b.run("dbsize").as_str()), (200, ":200"));
    b.all(&[
        ("scan x", "-ERR invalid cursor"),
        ("scan 0 count 0", "-ERR syntax error"),
        ("scan 0 count x", "-ERR value is not an integer or out of range"),
        ("scan 0 match", "-ERR syntax error"),
        ("scan 0 novalues", "-ERR NOVALUES option can only be used in HSCAN"),
    ]);
    // Whatever cursor a client makes up ends somewhere.
    for made_up in [1, 77, 1 << 47, (1 << 48) - 1, 1 << 60, u64::MAX] {
        b.scan(made_up, "count 100000");
    }
    assert!(b.run("keys k:1[0-1]").starts_with("*2\r\n$4\r\nk:1"));
    assert_eq!(b.run("keys nosuch*"), "*0");
}

#[test]
fn randomkey_is_fair_and_skips_the_dead() {
    let mut b = Bench::new();
    assert_eq!(b.run("randomkey"), "$-1");
    for i in 10..50 {
        b.run(&format!("set k{i} v"));
    }
    b.run("set dead v");
    b.run("pexpire dead 1");
    b.now_ms += 2;
    let mut hits: HashMap<String, u32> = HashMap::new();
    for _ in 0..40 * 200 {
        *hits.entry(b.run("randomkey")).or_default() += 1;
    }
    assert_eq!((hits.len(), b.run("dbsize").as_str()), (40, ":40"));
    let chi2: f64 = hits.values().map(|&n| (f64::from(n) - 200.0).powi(2) / 200.0).sum();
    // The order of keys is another in each process: by chance it is more than this once in 10^8 times.
    assert!(chi2 < 110.0, "chi2 = {chi2} with 39 degrees of freedom");
}

#[test]
fn a_replica_hides_what_its_primary_has_not_removed() {
    let mut b = Bench::new();
    b.all(&[("set k v", "+OK"), ("pexpire k 10", ":1"), ("set other v", "+OK"), ("pexpire other 10", ":1")]);
    b.now_ms += 11;
    for (line, want) in [
        ("exists k", ":0"),
        ("get k", "$-1"),
        ("ttl k", ":-2"),
        ("expire k 100", ":0"),
        ("rename k x", "-ERR no such key"),
        ("keys *", "*0"),
        ("scan 0 count 100", "*2\r\n$1\r\n0\r\n*0"),
        ("dbsize", ":2"),
    ] {
        assert_eq!(b.hidden(line), want, "{line}");
    }
    // Something must be said where every key is expired.
    assert!(b.hidden("randomkey").starts_with("$"));
    assert_ne!(b.hidden("randomkey"), "$-1");
    // The primary's word comes in the past: the key stays until it sends DEL.
    for (line, want) in [("set k v", "+OK"), ("pexpireat k 1", ":1"), ("exists k", ":0"), ("dbsize", ":2")] {
        assert_eq!(b.hidden(line), want, "{line}");
    }
}

#[test]
fn object_looks_without_touching() {
    let mut b = Bench::new();
    b.all(&[("set n 7", "+OK"), ("set big 10000", "+OK"), ("set s abc", "+OK")]);
    b.now_ms += 5000;
    b.all(&[
        ("object encoding n", "$3\r\nint"),
        ("object encoding s", "$6\r\nembstr"),
        ("object encoding nosuch", "$-1"),
        ("object refcount n", ":2147483647"),
        ("object refcount big", ":1"),
        ("object refcount s", ":1"),
        ("object idletime s", ":5"),
        ("exists s", ":1"),
        ("object idletime s", ":5"),
        ("touch s nosuch", ":1"),
        ("object idletime s", ":0"),
        ("object freq nosuch", "$-1"),
    ]);
    assert!(
        b.run("object freq s")
            .starts_with("-ERR An LFU maxmemory policy is not selected, access frequency not tracked.")
    );
}

#[test]
fn the_cycle_reclaims_two_databases_and_obeys_debug() {
    let (mut b, lines) = Bench::logged();
    let engine = b.worker.engine.clone();
    for db in [0, 1] {
        b.session.db = db;
        for i in 0..3000 {
            b.run(&format!("set k{i} v"));
            if i % 3 != 0 {
                b.run(&format!("pexpire k{i} 100"));
            }
        }
    }
    b.session.db = 0;
    b.now_ms += 101;
    lines.take();
    let mut cycle = Cycle::new(engine.clone(), 0);
    engine.active_expire.store(false, Relaxed);
    cycle.slice(&mut b.worker, b.now_ms);
    assert_eq!(b.sizes(), [":3000", ":3000"]);
    engine.active_expire.store(true, Relaxed);
    for _ in 0..200_000 {
        cycle.slice(&mut b.worker, b.now_ms);
    }
    assert_eq!(b.sizes(), [":1000", ":1000"]);
    assert_eq!(b.worker.stats.expired.get(), 4000);
    let lines = lines.take();
    assert!(lines.len() == 4000 && lines.iter().all(|l| l.starts_with("0 DEL k") || l.starts_with("1 DEL k")));
}

/// Keys that stay must be seen by every walk, while two workers make the tables grow and shrink around them.
#[test]
fn scan_sees_all_that_stays_while_two_workers_write() {
    let engine = engine(3);
    let mut b = Bench::on(engine.clone(), 2);
    const STAY: usize = 2000;
    for i in 0..STAY {
        b.run(&format!("set stay{i} v"));
    }
    let stop = AtomicBool::new(false);
    std::thread::scope(|s| {
        for seat in 0..2 {
            let (engine, stop) = (engine.clone(), &stop);
            s.spawn(move || {
                let mut w = Bench::on(engine, seat);
                while !stop.load(Relaxed) {
                    for i in 0..20_000 {
                        w.run(&format!("set come{seat}:{i} v"));
                        if i % 4 == 0 {
                            w.run(&format!("pexpire come{seat}:{i} 1"));
                        }
                    }
                    w.now_ms += 2;
                    for i in 0..20_000 {
                        w.run(&format!("del come{seat}:{i} come{seat}:{}", i + 1));
                    }
                }
            });
        }
        for round in 0..20 {
            let count = [10, 100, 1000][round % 3];
            let seen = b.scan_all(&format!("count {count} match stay*"));
            let distinct: HashSet<_> = seen.iter().collect();
            assert_eq!(distinct.len(), STAY, "round {round}");
            let n: usize = b.run("dbsize")[1..].parse().unwrap();
            assert!(n >= STAY);
            b.run("randomkey");
        }
        stop.store(true, Relaxed);
    });
}

/// DBSIZE is one moment's truth: a key that is renamed over and over, from shard to shard, is always there once.
#[test]
fn dbsize_is_exact_while_keys_change_shards() {
    let engine = engine(2);
    let mut b = Bench::on(engine.clone(), 1);
    b.run("set a0 v");
    let stop = AtomicBool::new(false);
    std::thread::scope(|s| {
        let (engine, stop) = (engine.clone(), &stop);
        s.spawn(move || {
            let mut w = Bench::on(engine, 0);
            let mut i = 0;
            while !stop.load(Relaxed) {
                assert_eq!(w.run(&format!("rename a{i} a{}", i + 1)), "+OK");
                i += 1;
            }
        });
        for _ in 0..3000 {
            let size = b.run("dbsize");
            if size != ":1" {
                stop.store(true, Relaxed);
            }
            assert_eq!(size, ":1");
        }
        stop.store(true, Relaxed);
    });
}

#[test]
fn a_step_stops_where_it_is_told_and_goes_on_there() {
    let mut b = Bench::new();
    b.worker.begin(T0);
    let world = b.worker.engine.world.clone();
    let mut journal = Journal::default();
    for i in 0..2000u32 {
        let bytes = i.to_le_bytes();
        let key = Key::new(&bytes);
        let entry = rustredis::keyspace::Entry::new(key.bytes, NewValue::Int(1), Some(T0 - 1), 0);
        b.worker.access.shard(world.shard_of(key.hash)).db_mut(0).insert_new(key.hash, entry, true);
    }
    let mut removed = 0;
    for i in 0..world.shards() {
        let first = expire::step(b.worker.access.shard(i), T0, 1, &mut journal);
        assert!(first.buckets == 1 && !first.done);
        let rest = expire::step(b.worker.access.shard(i), T0, usize::MAX, &mut journal);
        assert!(rest.done);
        removed += first.removed + rest.removed;
    }
    assert_eq!(removed, 2000);
    b.worker.access.leave();
    assert_eq!(b.run("dbsize"), ":0");
}
