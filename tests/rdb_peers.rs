//! Snapshots and payloads to and from the real servers: each type in each encoding, made by random commands, moved by
//! DUMP and RESTORE and by files, and compared by content.

mod common;

use common::{Conn, Kind, Node, Options, Rng, Server, find, skip};
use std::process::Command;

/// The peers that are installed.
fn peers() -> impl Iterator<Item = Kind> {
    [Kind::Redis, Kind::Valkey].into_iter().filter(|kind| {
        let there = find(*kind).is_some();
        if !there {
            skip(&format!("{kind:?}"), kind.how_to_install());
        }
        there
    })
}

fn words(line: &str) -> Vec<Vec<u8>> {
    line.split(' ').map(|w| w.as_bytes().to_vec()).collect()
}

fn text(rng: &mut Rng) -> Vec<u8> {
    match rng.below(6) {
        0 => rng.range(-1000, 1000).to_string().into_bytes(),
        1 => rng.range(-1 << 61, 1 << 61).to_string().into_bytes(),
        2 => vec![b'x'; rng.below(120)],
        3 => (0..rng.below(70)).map(|_| rng.below(256) as u8).collect(),
        _ => format!("word {}", rng.below(900)).into_bytes(),
    }
}

/// Fills a server with every type, small and large. Fields that expire where it has them.
fn fill(conn: &mut Conn, rng: &mut Rng, field_ttl: bool) {
    let mut run = |words: Vec<Vec<u8>>| {
        let reply = conn.ask(&words);
        assert!(reply[0] != b'-', "{}: {}", String::from_utf8_lossy(&words[0]), String::from_utf8_lossy(&reply));
    };
    run(words("FLUSHALL"));
    for (name, value) in [
        ("int", b"-12345".to_vec()),
        ("wide", b"9223372036854775807".to_vec()),
        ("eleven", b"-2147483649".to_vec()),
        ("same", vec![b'a'; 5000]),
        ("empty", Vec::new()),
        ("digits", b"0012".to_vec()),
    ] {
        run(vec![b"SET".to_vec(), format!("s:{name}").into_bytes(), value]);
    }
    run(vec![b"SET".to_vec(), b"s:\xff\x00".to_vec(), (0..=255).collect()]);
    run(words("SET s:ttl v PXAT 4102444800123"));
    run(words("SETBIT s:bits 1000 1"));
    run([words("PFADD p"), (0..500).map(|n: i32| n.to_string().into_bytes()).collect()].concat());
    for n in [1usize, 20, 400, 3000] {
        let key = |letter: char| vec![format!("{letter}{n}").into_bytes()];
        run([words("RPUSH"), key('l'), (0..n).map(|_| text(rng)).collect()].concat());
        run([words("SADD"), key('t'), (0..n).map(|_| text(rng)).collect()].concat());
        run([words("SADD"), key('i'), (0..n).map(|_| rng.range(-1 << 40, 1 << 40).to_string().into_bytes()).collect()]
            .concat());
        run([words("HSET"), key('h'), (0..n).flat_map(|i| [format!("f{i}").into_bytes(), text(rng)]).collect()]
            .concat());
        let score = |rng: &mut Rng| ["1", "1.5", "-3", "inf", "-inf", "1e300", "0.1"][rng.below(7)].as_bytes().to_vec();
        run([words("ZADD"), key('z'), (0..n).flat_map(|i| [score(rng), format!("m{}", i * 7).into_bytes()]).collect()]
            .concat());
        for i in 0..n.min(500) {
            let id = format!("{}-{}", i / 3 + 1, i % 3).into_bytes();
            run([words("XADD"), key('x'), vec![id, b"name".to_vec(), text(rng), text(rng), text(rng)]].concat());
        }
    }
    run([
        words("RPUSH l:huge"),
        vec![vec![b'q'; 100_000], b"z".to_vec(), (0..70_000).map(|_| rng.below(256) as u8).collect()],
    ]
    .concat());
    for line in [
        "XGROUP CREATE x20 g 0",
        "XREADGROUP GROUP g alice COUNT 5 STREAMS x20 >",
        "XREADGROUP GROUP g bob COUNT 3 STREAMS x20 >",
        "XACK x20 g 1-1",
        "XDEL x20 2-0",
        "XGROUP CREATECONSUMER x20 g carol",
        "XGROUP CREATE x400 h $",
        "XADD x:gone 5-5 a b",
        "XDEL x:gone 5-5",
    ] {
        run(words(line));
    }
    if field_ttl {
        run(words("HPEXPIREAT h20 4102444800123 FIELDS 2 f1 f5"));
        run(words("HPEXPIREAT h3000 4102444800123 FIELDS 3 f1 f5 f2999"));
    }
}

fn texts(node: Node) -> Vec<Vec<u8>> {
    node.items.into_iter().map(|item| item.text).collect()
}

fn keys(conn: &mut Conn) -> Vec<Vec<u8>> {
    let mut keys = texts(conn.tree(&["KEYS", "*"]));
    keys.sort();
    keys
}

/// Everything that commands tell of a key, in an order of its own.
fn contents(conn: &mut Conn, key: &[u8], field_ttl: bool) -> String {
    let mut out = String::new();
    let type_ = String::from_utf8_lossy(&conn.ask(&[&b"TYPE"[..], key])).trim().to_owned();
    let mut commands: Vec<Vec<&[u8]>> = vec![vec![b"PEXPIRETIME", key]];
    let mut unordered = false;
    match type_.as_str() {
        "+string" => commands.push(vec![b"GET", key]),
        "+list" => commands.push(vec![b"LRANGE", key, b"0", b"-1"]),
        "+set" => commands.push(vec![b"SMEMBERS", key]),
        "+zset" => commands.push(vec![b"ZRANGE", key, b"0", b"-1"]),
        "+hash" => commands.push(vec![b"HKEYS", key]),
        _ => commands.extend([
            vec![&b"XRANGE"[..], key, b"-", b"+"],
            vec![b"XINFO", b"GROUPS", key],
            vec![b"XPENDING", key, b"g"],
            vec![b"XPENDING", key, b"g", b"-", b"+", b"99"],
        ]),
    }
    for command in commands {
        let tree = conn.tree(&command);
        if !tree.items.is_empty() && matches!(type_.as_str(), "+set" | "+hash") {
            unordered = true;
            let mut members = texts(tree);
            members.sort();
            for member in members {
                out.push_str(&format!("{member:?}"));
                if type_ == "+hash" {
                    out.push_str(&format!("={:?}", conn.ask(&[&b"HGET"[..], key, &member])));
                    if field_ttl && (key == b"h20" || key == b"h3000") {
                        out.push_str(&format!(
                            "{:?}",
                            conn.ask(&[&b"HPEXPIRETIME"[..], key, b"FIELDS", b"1", &member])
                        ));
                    }
                }
            }
        } else {
            // When an entry was delivered counts on between two looks.
            let text = format!("{tree:?}");
            out.push_str(if command[0] == b"XPENDING" && command.len() > 3 { "" } else { &text });
        }
    }
    if type_ == "+zset" {
        for member in texts(conn.tree(&[&b"ZRANGE"[..], key, b"0", b"-1"])) {
            let score = conn.tree(&[&b"ZSCORE"[..], key, &member]).text;
            // Texts of a score differ by dialect, its value does not.
            out.push_str(&format!(" {:?}", String::from_utf8_lossy(&score).parse::<f64>()));
        }
    }
    format!("{type_} {unordered} {out}")
}

#[test]
fn payloads_move_both_ways() {
    let ours = Server::rustredis();
    for kind in peers() {
        let peer = Server::start(kind, &Options::default());
        let (mut a, mut b) = (ours.connect(), peer.connect());
        let mut rng = Rng::new(3);
        let ttl = kind == Kind::Valkey;
        for peer_first in [true, false] {
            let (from, to) = if peer_first { (&mut b, &mut a) } else { (&mut a, &mut b) };
            fill(from, &mut rng, ttl);
            assert!(to.ask(&["FLUSHALL"]).starts_with(b"+OK"));
            for key in keys(from) {
                let at = from.tree(&[&b"PEXPIRETIME"[..], &key]).text;
                // -1: it does not expire.
                let at = if at.starts_with(b"-") { b"0".to_vec() } else { at };
                let payload = from.tree(&[&b"DUMP"[..], &key]).text;
                let reply = to.ask(&[&b"RESTORE"[..], &key, &at, &payload, b"ABSTTL"]);
                let name = String::from_utf8_lossy(&key).into_owned();
                assert_eq!(reply, b"+OK\r\n", "{kind:?} {peer_first} {name}: {}", String::from_utf8_lossy(&reply));
                assert!(contents(from, &key, ttl) == contents(to, &key, ttl), "{kind:?} {peer_first} {name} differs");
            }
        }
    }
}

/// A peer's file through `rdb dump --format resp` into ours; the same file converted, into a new peer.
#[test]
fn files_move_both_ways() {
    let ours = Server::rustredis();
    for kind in peers() {
        let peer = Server::start(kind, &Options::default());
        let (mut a, mut b) = (ours.connect(), peer.connect());
        let ttl = kind == Kind::Valkey;
        fill(&mut b, &mut Rng::new(11), ttl);
        assert!(b.ask(&["SAVE"]).starts_with(b"+OK"));
        let file = peer.dir.join("dump.rdb");
        let resp = Command::new(env!("CARGO_BIN_EXE_rustredis"))
            .args(["rdb", "dump", "--format", "resp"])
            .arg(&file)
            .output()
            .expect("it runs");
        assert!(resp.status.success());
        assert!(a.ask(&["FLUSHALL"]).starts_with(b"+OK"));
        a.send_raw(&resp.stdout).expect("sent");
        a.send(&["ECHO", "the end"]).expect("sent");
        loop {
            let reply = a.read_reply().expect("a reply");
            assert!(reply[0] != b'-', "{}", String::from_utf8_lossy(&reply));
            if reply == b"$7\r\nthe end\r\n" {
                break;
            }
        }
        let names = keys(&mut b);
        assert_eq!(keys(&mut a), names);
        for key in &names {
            // Commands cannot make a pending entry of one that was deleted, nor tell what was read before.
            if key != b"x20" {
                assert!(
                    contents(&mut b, key, ttl) == contents(&mut a, key, ttl),
                    "{kind:?} {} differs",
                    String::from_utf8_lossy(key)
                );
            }
        }
        for (target, loads) in [("redis-6.2", !ttl), ("redis-7.0", !ttl), ("valkey-9", ttl)] {
            if !loads {
                continue;
            }
            let folder = peer.dir.join(target);
            std::fs::create_dir_all(&folder).expect("a folder");
            let out = folder.join("dump.rdb");
            let status = Command::new(env!("CARGO_BIN_EXE_rustredis"))
                .args(["rdb", "convert", "--target", target, "-o"])
                .args([&out, &file])
                .status();
            assert!(status.expect("it runs").success());
            let options =
                Options { args: vec!["--dir".into(), folder.to_str().expect("a name").into()], ..Options::default() };
            let second = Server::start(kind, &options);
            let mut c = second.connect();
            assert_eq!(keys(&mut c), names, "{target}: {}", second.log());
            for key in &names {
                // What a group has read is told from version 10 on.
                let same = contents(&mut b, key, ttl) == contents(&mut c, key, ttl);
                assert!(
                    same || (target == "redis-6.2" && key.starts_with(b"x")),
                    "{target} {} differs",
                    String::from_utf8_lossy(key)
                );
            }
        }
    }
}
