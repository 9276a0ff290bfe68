//! String and bitmap commands through an engine: replies where no peer can be asked, encodings, and the write log.

use crate::engine::testing::TestEngine;
use proptest::prelude::*;

#[test]
fn conditions_of_redis_8_4() {
    let mut e = TestEngine::new();
    for (line, want) in [
        ("SET k world IFEQ hello", "$-1\r\n"),
        ("SET k hello IFNE x", "+OK\r\n"),
        ("SET k world IFNE hello", "$-1\r\n"),
        ("SET k hello IFEQ nope GET", "$5\r\nhello\r\n"),
        ("SET k hello IFDEQ 0", "-ERR must be exactly 16 hexadecimal characters\r\n"),
        ("SET missing x IFDEQ 0", "$-1\r\n"),
        ("SET k hello IFDEQ 9555E8555C62DCFD EX 10", "+OK\r\n"),
        ("SET k x IFDNE 9555e8555c62dcfd", "$-1\r\n"),
        ("DIGEST k", "$16\r\n9555e8555c62dcfd\r\n"),
        ("SET k x IFEQ hello NX", "-ERR syntax error\r\n"),
        ("SET k x NX IFEQ hello", "-ERR syntax error\r\n"),
        ("SET k x IFEQ hello IFEQ hello", "-ERR syntax error\r\n"),
        ("SET k x IFEQ", "-ERR syntax error\r\n"),
        ("DELEX k IFEQ", "-ERR wrong number of arguments for 'delex' command\r\n"),
        ("DELEX k IF x", "-ERR Invalid condition. Use IFEQ, IFNE, IFDEQ, or IFDNE\r\n"),
        ("DELEX missing IF x", ":0\r\n"),
        ("DELEX k IFNE hello", ":0\r\n"),
        ("DELEX k IFEQ hello", ":1\r\n"),
        ("DELEX k", ":0\r\n"),
        ("MSETEX 0 a b", "-ERR invalid numkeys value\r\n"),
        ("MSETEX 2 a b", "-ERR wrong number of key-value pairs\r\n"),
        ("MSETEX 2 a b c d NX EX 10", ":1\r\n"),
        ("MSETEX 2 a b e f NX", ":0\r\n"),
        ("MSETEX 2 a b e f XX", ":0\r\n"),
        ("MSETEX 1 a b c", "-ERR syntax error\r\n"),
        ("BITOP DIFF d a", "-ERR BITOP DIFF must be called with at least two source keys.\r\n"),
        ("BITOP ONE d a", ":1\r\n"),
    ] {
        assert_eq!(e.line(line), want, "{line}");
    }
}

#[test]
fn encodings() {
    let mut e = TestEngine::new();
    let long = "x".repeat(2000);
    for (line, key, want) in [
        ("SET a 1", "a", "int"),
        ("APPEND a 2", "a", "raw"),
        ("APPEND b 2", "b", "int"),
        ("INCR a", "a", "int"),
        ("SETRANGE c 0 1", "c", "raw"),
        ("INCRBYFLOAT c 1", "c", "embstr"),
        ("SETBIT c 1 0", "c", "raw"),
        ("SETBIT d 1 0", "d", "raw"),
        ("BITOP NOT e a", "e", "raw"),
        ("SET f abc", "f", "embstr"),
        (&format!("SET f {long}"), "f", "raw"),
        ("APPEND f x", "f", "raw"),
        ("GETSET f 5", "f", "int"),
    ] {
        e.line(line);
        assert_eq!(e.encoding(key.as_bytes()), Some(want), "{line}");
    }
}

#[test]
fn effects_are_deterministic() {
    let mut e = TestEngine::new();
    let at = e.now_ms + 10_000;
    for (line, want) in [
        ("SET k v", "SET k v".into()),
        ("SET k v EX 10", format!("SET k v PXAT {at}")),
        ("SET k w XX KEEPTTL GET", "SET k w KEEPTTL".into()),
        ("SET k v NX", String::new()),
        ("GETEX k", String::new()),
        ("GETEX k PERSIST", "PERSIST k".into()),
        ("GETEX k PX 10000", format!("PEXPIREAT k {at}")),
        ("GETEX k EXAT 1", "DEL k".into()),
        ("SETEX k 10 v", format!("SET k v PXAT {at}")),
        ("GETSET k 5", "SET k 5".into()),
        ("INCRBYFLOAT k 0.5", "SET k 5.5 KEEPTTL".into()),
        ("GETDEL k", "DEL k".into()),
        ("MSETEX 2 a 1 b 2 EX 10", format!("SET a 1 PXAT {at};SET b 2 PXAT {at}")),
        ("DELIFEQ a 1", "DEL a".into()),
        ("DELEX b IFNE 1", "DEL b".into()),
        ("SETBIT bits 0 0", "SETBIT bits 0 0".into()),
        ("SETBIT bits 0 0", String::new()),
    ] {
        e.line(line);
        let log: Vec<String> = e
            .take_log()
            .iter()
            .flatten()
            .map(|(_, words)| words.iter().map(|w| String::from_utf8_lossy(w)).collect::<Vec<_>>().join(" "))
            .collect();
        assert_eq!(log.join(";"), want, "{line}");
    }
}

/// A reply that waits to be sent keeps the value it refers to.
#[test]
fn long_values_are_replaced_not_torn() {
    let mut e = TestEngine::new();
    let long = vec![b'x'; 100_000];
    e.run(&[&b"SET"[..], b"k", &long]);
    e.worker.begin(e.now_ms);
    for words in [vec!["GET", "k"], vec!["SETRANGE", "k", "0", "y"], vec!["GET", "k"]] {
        e.worker.run_words(&mut e.session, &crate::resp::OwnedArgs::new(words));
    }
    e.worker.access.leave();
    let reply = e.worker.reply.to_bytes();
    assert_eq!(reply[..12], *b"$100000\r\nxxx");
    let second = 9 + 100_000 + 2 + b":100000\r\n".len() + 9;
    assert_eq!(reply[second..second + 3], *b"yxx");
}

const KEYS: [&str; 4] = ["k0", "k1", "k2", "k3"];

/// A line of a command over a few keys, with times that make keys expire as the clock moves.
fn lines() -> impl Strategy<Value = String> {
    let key = || proptest::sample::select(&KEYS[..]);
    let value = || {
        prop_oneof![
            Just("1".to_owned()),
            Just("abc".into()),
            Just("10.5".into()),
            "[a-c]{1,60}",
            (1..3usize).prop_map(|n| "z".repeat(n * 900))
        ]
    };
    let ttl = || proptest::sample::select(&["", " EX 3", " PX 1500", " PXAT 1700000004000", " EXAT 1", " KEEPTTL"][..]);
    let cond = || proptest::sample::select(&["", " NX", " XX", " GET", " IFEQ abc", " IFNE 1"][..]);
    prop_oneof![
        (key(), value(), cond(), ttl()).prop_map(|(k, v, c, t)| format!("SET {k} {v}{c}{t}")),
        (key(), proptest::sample::select(&["", " EX 2", " PERSIST", " PXAT 1700000003000", " EXAT 1"][..]))
            .prop_map(|(k, t)| format!("GETEX {k}{t}")),
        (key(), value()).prop_map(|(k, v)| format!("APPEND {k} {v}")),
        (key(), 0..3000u32, value()).prop_map(|(k, o, v)| format!("SETRANGE {k} {o} {v}")),
        (key(), key(), value(), ttl()).prop_map(|(a, b, v, t)| format!("MSETEX 2 {a} {v} {b} {v}{t}")),
        (key(), key(), value()).prop_map(|(a, b, v)| format!("MSETNX {a} {v} {b} {v}")),
        (key(), key(), value()).prop_map(|(a, b, v)| format!("MSET {a} {v} {b} {v}")),
        (key(), value()).prop_map(|(k, v)| format!("GETSET {k} {v}")),
        (key(), value()).prop_map(|(k, v)| format!("SETNX {k} {v}")),
        (key(), value()).prop_map(|(k, v)| format!("PSETEX {k} 1000 {v}")),
        (key(), value()).prop_map(|(k, v)| format!("DELIFEQ {k} {v}")),
        (key(), value()).prop_map(|(k, v)| format!("DELEX {k} IFNE {v}")),
        key().prop_map(|k| format!("GETDEL {k}")),
        key().prop_map(|k| format!("INCR {k}")),
        (key(), -9..9i32).prop_map(|(k, n)| format!("INCRBYFLOAT {k} {n}.25")),
        (key(), 0..9000u32, 0..2u8).prop_map(|(k, o, b)| format!("SETBIT {k} {o} {b}")),
        (key(), 0..400u32, any::<i16>())
            .prop_map(|(k, o, n)| format!("BITFIELD {k} OVERFLOW FAIL INCRBY i12 {o} {n} SET u5 #3 {n}")),
        (key(), key(), key(), proptest::sample::select(&["AND", "OR", "XOR", "DIFF", "ONE"][..]))
            .prop_map(|(d, a, b, op)| format!("BITOP {op} {d} {a} {b}")),
    ]
}

/// Effects of the family of keys, said in the words of this one.
fn stand_in((db, words): &(u32, Vec<Vec<u8>>)) -> (u32, Vec<Vec<u8>>) {
    let key = words[1].clone();
    let words = match &words[0][..] {
        b"DEL" => vec![b"GETDEL".to_vec(), key],
        b"PERSIST" => vec![b"GETEX".to_vec(), key, b"PERSIST".to_vec()],
        b"PEXPIREAT" => vec![b"GETEX".to_vec(), key, b"PXAT".to_vec(), words[2].clone()],
        _ => words.clone(),
    };
    (*db, words)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// What was logged gives the same dataset on an empty engine, whenever it is replayed up to the last write.
    #[test]
    fn the_log_replayed_is_the_dataset(steps in proptest::collection::vec((lines(), 0..900i64), 1..60)) {
        let mut first = TestEngine::new();
        for (line, pause) in &steps {
            first.line(line);
            first.now_ms += pause;
        }
        let log = first.take_log();
        let mut second = TestEngine::new();
        second.replay(&log.iter().map(|effects| effects.iter().map(stand_in).collect()).collect::<Vec<_>>());
        second.now_ms = first.now_ms;
        for key in KEYS {
            let (ours, theirs) = (first.string(key.as_bytes()), second.string(key.as_bytes()));
            prop_assert_eq!(ours, theirs, "{}", key);
        }
    }
}
