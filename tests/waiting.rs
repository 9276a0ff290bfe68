//! Blocking commands with many clients on several threads: who is served when, chains of moves, keys of another type, groups of
//! consumers. Nothing may be lost, doubled or served out of order.

mod common;

use common::{Conn, Kind, Node, Options, Server, rng::Rng};
use std::collections::{HashMap, HashSet};
use std::fs;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

fn server(threads: usize) -> Server {
    Server::start(Kind::Rustredis, &Options::args(&format!("--threads {threads}")))
}

/// Waits until exactly so many clients are blocked, as INFO tells.
fn wait_for_blocked(judge: &mut Conn, count: usize) {
    let (until, want) = (Instant::now() + common::PATIENCE, format!("\r\nblocked_clients:{count}\r\n"));
    while !String::from_utf8_lossy(&judge.ask(&["INFO", "clients"])).contains(&want) {
        assert!(Instant::now() < until, "there are not {count} blocked clients");
        std::thread::yield_now();
    }
}

/// A new client that has sent this line, and is blocked by it.
fn blocked(server: &Server, judge: &mut Conn, line: &str, nth: usize) -> Conn {
    let mut conn = server.connect();
    conn.send(&line.split(' ').collect::<Vec<_>>()).unwrap();
    wait_for_blocked(judge, nth);
    conn
}

fn heard(conn: &mut Conn) -> String {
    String::from_utf8_lossy(&conn.read_reply().expect("an answer")).replace("\r\n", " ")
}

#[test]
fn a_chain_of_moves_is_over_before_the_writer_looks() {
    for threads in [1, 4] {
        let server = server(threads);
        let mut judge = server.connect();
        let mut links: Vec<Conn> = Vec::new();
        // The last link waits first: it is the others that have to find it.
        links.push(blocked(&server, &mut judge, "BLPOP k6 0", 1));
        for i in (0..6).rev() {
            let line = format!("BLMOVE k{i} k{} LEFT RIGHT 0", i + 1);
            links.push(blocked(&server, &mut judge, &line, 7 - i));
        }
        let mut writer = server.connect();
        writer.send_raw(b"RPUSH k0 job\r\nEXISTS k0 k1 k2 k3 k4 k5 k6\r\n").unwrap();
        assert_eq!((heard(&mut writer), heard(&mut writer)), (":1 ".into(), ":0 ".into()), "{threads} threads");
        assert_eq!(heard(&mut links[0]), "*2 $2 k6 $3 job ");
        links[1..].iter_mut().for_each(|link| assert_eq!(heard(link), "$3 job "));
        wait_for_blocked(&mut judge, 0);
    }
}

#[test]
fn a_ring_of_moves_comes_to_rest() {
    let server = server(4);
    let mut judge = server.connect();
    let mut a = blocked(&server, &mut judge, "BLMOVE left right LEFT RIGHT 0", 1);
    let mut b = blocked(&server, &mut judge, "BLMOVE right left LEFT RIGHT 0", 2);
    assert_eq!(judge.line("RPUSH left x"), r":1\r\n");
    assert_eq!((heard(&mut a), heard(&mut b)), ("$1 x ".into(), "$1 x ".into()));
    assert_eq!((judge.line("LLEN left"), judge.line("LLEN right")), (r":1\r\n".into(), r":0\r\n".into()));
}

#[test]
fn every_kind_is_served_in_order() {
    for threads in [1, 4] {
        let server = server(threads);
        let mut judge = server.connect();
        for (line, key, push) in [
            ("BLPOP ? 0", "l", "RPUSH l 1 2 3 4 5 6"),
            ("BRPOP ? other 0", "r", "LPUSH r 1 2 3 4 5 6"),
            ("BLMPOP 0 2 other ? LEFT COUNT 1", "m", "RPUSH m 1 2 3 4 5 6"),
            ("BZPOPMIN ? 0", "z", "ZADD z 1 1 2 2 3 3 4 4 5 5 6 6"),
            ("BZMPOP 0 1 ? MIN", "y", "ZADD y 1 1 2 2 3 3 4 4 5 5 6 6"),
        ] {
            let line = line.replace('?', key);
            let mut waiting: Vec<Conn> = (0..6).map(|i| blocked(&server, &mut judge, &line, i + 1)).collect();
            judge.line(push);
            for (i, conn) in waiting.iter_mut().enumerate() {
                let got = heard(conn);
                assert!(got.contains(&format!(" {} ", i + 1)), "{line} with {threads} threads: number {i} got {got}");
            }
            wait_for_blocked(&mut judge, 0);
            assert_eq!(judge.line(&format!("EXISTS {key}")), r":0\r\n");
        }
    }
}

#[test]
fn databases_types_and_transactions_are_told_apart() {
    let server = server(3);
    let mut judge = server.connect();
    let mut other = server.connect();
    other.line("SELECT 1");
    other.send(&["BLPOP", "q", "0"]).unwrap();
    wait_for_blocked(&mut judge, 1);
    let mut here = blocked(&server, &mut judge, "BLPOP q 0", 2);
    // Another type wakes nobody, nor does what is gone again when EXEC ends.
    judge.line("SET q text");
    judge.line("DEL q");
    for line in ["MULTI", "RPUSH q a", "DEL q", "ZADD q 1 m", "EXEC", "DEL q"] {
        judge.line(line);
    }
    wait_for_blocked(&mut judge, 2);
    // What is left after EXEC counts, not what was first.
    for line in ["MULTI", "RPUSH q a", "LPOP q", "RPUSH q b", "EXEC"] {
        judge.line(line);
    }
    assert_eq!(heard(&mut here), "*2 $1 q $1 b ");
    wait_for_blocked(&mut judge, 1);
    // Keys that arrive by other ways than a push.
    for (line, want) in [
        ("RENAME made q", "renamed"),
        ("COPY made q", "copied"),
        ("SORT unsorted BY nosort STORE q", "sorted"),
        ("MOVE q 1", "moved"),
    ] {
        judge.line(&format!("RPUSH made {want}"));
        judge.line(&format!("RPUSH unsorted {want}"));
        if line.starts_with("MOVE") {
            judge.line("DEL q");
            judge.line(&format!("RPUSH q {want}"));
            judge.line(line);
            assert_eq!(heard(&mut other), format!("*2 $1 q ${} {want} ", want.len()));
        } else {
            let mut conn = blocked(&server, &mut judge, "BLPOP q 0", 2);
            judge.line(line);
            assert_eq!(heard(&mut conn), format!("*2 $1 q ${} {want} ", want.len()), "{line}");
        }
        judge.line("DEL made unsorted q");
    }
    let mut first = server.connect();
    first.send(&["BLPOP", "swapped", "0"]).unwrap();
    wait_for_blocked(&mut judge, 1);
    for line in ["SELECT 2", "RPUSH swapped far", "SELECT 0", "SWAPDB 0 2"] {
        judge.line(line);
    }
    assert_eq!(heard(&mut first), "*2 $7 swapped $3 far ");
}

#[test]
fn readers_of_streams_hear_of_what_came_and_of_what_went() {
    let server = server(4);
    let mut judge = server.connect();
    judge.line("XGROUP CREATE s g $ MKSTREAM");
    let mut plain: Vec<Conn> =
        (0..3).map(|i| blocked(&server, &mut judge, "XREAD BLOCK 0 STREAMS s $", i + 1)).collect();
    let mut grouped: Vec<Conn> = (0..2)
        .map(|i| blocked(&server, &mut judge, &format!("XREADGROUP GROUP g c{i} BLOCK 0 STREAMS s >"), i + 4))
        .collect();
    judge.line("XADD s 1-1 f v");
    let entry = "*1 *2 $1 s *1 *2 $3 1-1 *2 $1 f $1 v ";
    plain.iter_mut().for_each(|conn| assert_eq!(heard(conn), entry));
    // All readers get it, but only one of the group's: who came first.
    assert_eq!(heard(&mut grouped[0]), entry);
    wait_for_blocked(&mut judge, 1);
    judge.line("XGROUP DESTROY s g");
    assert!(heard(&mut grouped[1]).starts_with("-NOGROUP "));
    judge.line("XGROUP CREATE s g $");
    let mut conn = blocked(&server, &mut judge, "XREADGROUP GROUP g c BLOCK 0 STREAMS s >", 1);
    judge.line("DEL s");
    let error = heard(&mut conn);
    assert!(error.starts_with("-NOGROUP ") || error.starts_with("-UNBLOCKED "), "{error}");
    judge.line("XGROUP CREATE s g $ MKSTREAM");
    let mut conn = blocked(&server, &mut judge, "XREADGROUP GROUP g c BLOCK 0 STREAMS s >", 1);
    judge.line("SET s text");
    assert!(heard(&mut conn).starts_with("-WRONGTYPE "));
}

#[test]
fn a_group_reads_every_entry_once() {
    let server = server(4);
    server.connect().line("XGROUP CREATE jobs g $ MKSTREAM");
    let (producers, each) = (3, 800);
    let all = Mutex::new(HashMap::<String, usize>::new());
    let producing = AtomicUsize::new(producers);
    std::thread::scope(|s| {
        for p in 0..producers {
            let (server, producing) = (&server, &producing);
            s.spawn(move || {
                let mut conn = server.connect();
                (0..each).for_each(|i| _ = conn.line(&format!("XADD jobs * job {p}:{i}")));
                producing.fetch_sub(1, Relaxed);
            });
        }
        for worker in 0..6 {
            let (server, all, producing) = (&server, &all, &producing);
            s.spawn(move || {
                let (mut conn, mut last) = (server.connect(), (0, 0));
                loop {
                    // Nothing for a while is the end only if nobody is to bring anything.
                    let over = producing.load(Relaxed) == 0;
                    let line = format!("XREADGROUP GROUP g w{worker} COUNT 7 BLOCK 700 STREAMS jobs >");
                    let reply = conn.tree(&line.split(' ').collect::<Vec<_>>());
                    let Some(stream) = reply.items.first() else {
                        if over {
                            return;
                        }
                        continue;
                    };
                    for entry in &stream.items[1].items {
                        let id = entry.items[0].string();
                        let (ms, seq) = id.split_once('-').unwrap();
                        let now: (u64, u64) = (ms.parse().unwrap(), seq.parse().unwrap());
                        assert!(now > last, "{id} came after {last:?}");
                        last = now;
                        *all.lock().unwrap().entry(entry.items[1].items[1].string()).or_default() += 1;
                        assert_eq!(conn.line(&format!("XACK jobs g {id}")), r":1\r\n");
                    }
                }
            });
        }
    });
    let all = all.into_inner().unwrap();
    assert_eq!(all.len(), producers * each);
    assert!(all.values().all(|n| *n == 1), "an entry was delivered twice");
    let pending = server.connect().tree(&["XPENDING", "jobs", "g"]);
    assert_eq!(pending.items[0], Node::parse(b":0\r\n"));
}

/// Random moves, pops and pushes with waits over a few keys: in the end every element is where it was put or in exactly one
/// client's hands.
#[test]
fn whatever_moves_is_kept_count_of() {
    let seed = common::env_number("SEED", 7);
    let server = server(4);
    let taken = Mutex::new(Vec::new());
    let made = Mutex::new(HashSet::new());
    std::thread::scope(|s| {
        for n in 0..8 {
            let (server, taken, made) = (&server, &taken, &made);
            s.spawn(move || {
                let (mut conn, mut rng) = (server.connect(), Rng::new(seed * 100 + n));
                for i in 0..400 {
                    let (a, b) = (rng.below(4), rng.below(4));
                    match rng.below(5) {
                        0 | 1 => {
                            made.lock().unwrap().insert(format!("{n}:{i}"));
                            conn.line(&format!("RPUSH k{a} {n}:{i}"));
                        }
                        2 | 3 => _ = conn.line(&format!("BLMOVE k{a} k{b} LEFT RIGHT 0.01")),
                        _ => {
                            let reply = conn.tree(&["BLPOP", &format!("k{a}"), &format!("k{b}"), "0.01"]);
                            taken.lock().unwrap().extend(reply.items.get(1).map(Node::string));
                        }
                    }
                }
            });
        }
    });
    let mut conn = server.connect();
    let mut found = taken.into_inner().unwrap();
    for k in 0..4 {
        found.extend(conn.tree(&["LRANGE", &format!("k{k}"), "0", "-1"]).items.iter().map(Node::string));
    }
    let made = made.into_inner().unwrap();
    assert_eq!(found.len(), made.len(), "seed {seed}");
    assert_eq!(found.into_iter().collect::<HashSet<_>>(), made, "seed {seed}");
}

/// Processor time of a process so far, in ticks of 10 ms.
fn ticks(pid: u32) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
}

#[test]
fn thousands_who_wait_cost_nothing() {
    let server = server(2);
    let mut judge = server.connect();
    let waiting: Vec<Conn> = (0..3000)
        .map(|_| {
            let mut conn = server.connect();
            conn.send(&["BLPOP", "queue", "0"]).unwrap();
            conn
        })
        .collect();
    wait_for_blocked(&mut judge, waiting.len());
    // What a machine takes away from all who run on it is counted as theirs.
    common::in_one_of(10, |_| {
        let before = ticks(server.pid());
        std::thread::sleep(Duration::from_secs(1));
        let spent = ticks(server.pid()) - before;
        assert!(spent <= 5, "{spent} ticks of 10 ms in a second of waiting");
    });
    // Each push wakes one. (They came at once, so nobody knows who is first.)
    judge.line("RPUSH queue a b");
    wait_for_blocked(&mut judge, 2998);
    assert_eq!(judge.line("EXISTS queue"), r":0\r\n");
}

/// What INFO tells of clients and of the keys that they wait for is what Valkey tells of the same clients.
#[test]
fn info_counts_waiting_clients_and_keys_as_valkey_does() {
    const FIELDS: [&str; 9] = [
        "connected_clients",
        "blocked_clients",
        "tracking_clients",
        "pubsub_clients",
        "watching_clients",
        "clients_in_timeout_table",
        "total_watched_keys",
        "total_blocking_keys",
        "total_blocking_keys_on_nokey",
    ];
    let told = |server: &Server| {
        let mut judge = server.connect();
        let mut seen: Vec<String> = Vec::new();
        let mut look = |judge: &mut Conn, when: &str| {
            let info = String::from_utf8_lossy(&judge.ask(&["INFO", "clients"])).into_owned();
            for name in FIELDS {
                let value = info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
                seen.push(format!("{when}: {name} {value:?}"));
            }
        };
        judge.line("XGROUP CREATE s g $ MKSTREAM");
        let mut clients: Vec<Conn> = Vec::new();
        for line in [
            "BLPOP a b 0",
            "BLPOP a 100",
            "BLMOVE x y LEFT LEFT 100",
            "BZPOPMIN z 0",
            "XREADGROUP GROUP g me BLOCK 0 STREAMS s >",
            "XREAD BLOCK 50000 STREAMS s $",
            "WAIT 3 0",
        ] {
            clients.push(blocked(server, &mut judge, line, clients.len() + 1));
        }
        for lines in [
            &["SUBSCRIBE c"][..],
            &["PSUBSCRIBE c*"],
            &["WATCH k1 k2"],
            &["WATCH k1"],
            &["HELLO 3", "CLIENT TRACKING on"],
            &["SELECT 3", "WATCH k1"],
        ] {
            let mut conn = server.connect();
            lines.iter().for_each(|line| drop(conn.line(line)));
            clients.push(conn);
        }
        // The same name in another database is another key.
        let mut other = server.connect();
        other.line("SELECT 1");
        other.send(&["BRPOP", "a", "0"]).expect("sent");
        wait_for_blocked(&mut judge, 8);
        look(&mut judge, "all");
        for line in ["RPUSH a 1 2", "ZADD z 1 m", "XADD s 1-1 f v"] {
            judge.line(line);
        }
        wait_for_blocked(&mut judge, 3);
        look(&mut judge, "some");
        seen
    };
    if common::find(Kind::Valkey).is_none() {
        return common::skip("valkey-server", Kind::Valkey.how_to_install());
    }
    let theirs = told(&Server::start(Kind::Valkey, &Options::default()));
    for threads in [1, 2] {
        assert_eq!(told(&server(threads)), theirs, "{threads} threads");
    }
    assert!(theirs.contains(&"all: total_blocking_keys Some(\"6\")".to_owned()), "{theirs:?}");
}
