//! Payloads that somebody has tampered with, checksums mended: each is refused, or is a value that every command can live with.

use crate::base::crc64::crc64;
use crate::base::rng::Rng;
use crate::engine::testing::TestEngine;

/// Values of every type and form.
const MADE: &[&str] = &[
    "SET k hello",
    "SET k 12345",
    "RPUSH k a bb 3 cccccccccccccccccccccc 70000",
    "SADD k a bb ccc",
    "SADD k 1 2 300 70000",
    "ZADD k 1 a 2.5 bb -3 ccc",
    "HSET k a 1 bb 2 ccc 3",
    "XADD k 1-1 a 1 b 2",
];

/// What is then done to whatever came out; each fails with an error at worst.
const DONE: &[&str] = &[
    "DUMP k",
    "DEBUG DIGEST-VALUE k",
    "OBJECT ENCODING k",
    "MEMORY USAGE k SAMPLES 0",
    "APPEND k x",
    "SETRANGE k 3 xyz",
    "BITCOUNT k",
    "PFCOUNT k",
    "LRANGE k 0 -1",
    "LINSERT k BEFORE a x",
    "LREM k 0 a",
    "RPUSH k new",
    "LPOP k",
    "SMEMBERS k",
    "SADD k 9 new",
    "SREM k a",
    "SRANDMEMBER k 3",
    "ZADD k 7 new",
    "ZRANGE k 0 -1 WITHSCORES",
    "ZINCRBY k 1 a",
    "ZPOPMIN k",
    "HGETALL k",
    "HSET k a new z new",
    "HEXPIRE k 100 FIELDS 1 a",
    "HDEL k bb",
    "HRANDFIELD k 2 WITHVALUES",
    "XRANGE k - +",
    "XADD k * c d",
    "XINFO STREAM k FULL",
    "XREADGROUP GROUP g c STREAMS k >",
    "XAUTOCLAIM k g c 0 0",
    "XDEL k 1-1",
    "XTRIM k MAXLEN 0",
    "COPY k l",
    "RENAME l m",
];

fn bulk(reply: &[u8]) -> Vec<u8> {
    let start = reply.iter().position(|b| *b == b'\n').map_or(0, |at| at + 1);
    reply[start..reply.len() - 2].to_vec()
}

/// `RESTORE_FUZZ=1000000` makes it long; a failure names its seed.
#[test]
fn tampered_payloads_are_refused_or_harmless() {
    let rounds: u64 = std::env::var("RESTORE_FUZZ").ok().and_then(|n| n.parse().ok()).unwrap_or(4_000);
    let first: u64 = std::env::var("SEED").ok().and_then(|n| n.parse().ok()).unwrap_or(1);
    let mut t = TestEngine::new();
    let (mut taken, mut payloads) = (0, Vec::new());
    for (i, line) in MADE.iter().enumerate() {
        for large in [false, true] {
            t.line("DEL k");
            t.line(line);
            if large {
                // Beyond the thresholds of the compact encodings.
                for n in 0..700 {
                    let more = line.replace(" a", &format!(" a{n}")).replace("1-1", &format!("{}-0", n + 2));
                    t.line(&more.replace("SADD k 1", &format!("SADD k {n}")));
                }
            }
            if line.starts_with("XADD") {
                t.line("XGROUP CREATE k g 0");
                t.line("XREADGROUP GROUP g c COUNT 2 STREAMS k >");
            }
            if line.starts_with("HSET") && large {
                t.line("HEXPIRE k 1000 FIELDS 1 bb");
            }
            payloads.push(bulk(&t.run(&["DUMP", "k"])));
            assert!(payloads[2 * i].len() > 10, "{line}");
        }
    }
    for seed in first..first + rounds {
        let mut rng = Rng::new(seed);
        let mut bytes = payloads[rng.below(payloads.len() as u64) as usize].clone();
        bytes.truncate(bytes.len() - 8);
        for _ in 0..1 + rng.below(3) {
            // The version stays: nothing else would be looked at.
            let body = bytes.len() as u64 - 2;
            let front = if rng.below(2) == 0 { body.min(24) } else { body };
            let at = rng.below(front.max(1)) as usize;
            match rng.below(6) {
                0 if body > 2 => drop(bytes.remove(at)),
                1 => bytes.insert(at, rng.next_u64() as u8),
                2 => bytes[at] = [0, 0x7f, 0x80, 0x81, 0xc3, 0xf0, 0xf4, 0xff][rng.below(8) as usize],
                3 => bytes[at] = bytes[at].wrapping_add(1),
                4 => bytes[at] ^= 1 << rng.below(8),
                _ => bytes[at] = rng.next_u64() as u8,
            }
        }
        let sum = crc64(0, &bytes);
        bytes.extend(sum.to_le_bytes());
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let reply = t.run(&[&b"RESTORE"[..], b"k", b"0", &bytes, b"REPLACE"]);
            assert!(
                reply.starts_with(b"+OK") || reply.starts_with(b"-ERR Bad data format"),
                "{}",
                reply.escape_ascii()
            );
            if reply.starts_with(b"+OK") {
                // One after another, and some by themselves: what the one leaves is the other's start.
                DONE.iter().filter(|_| rng.below(3) > 0).for_each(|line| drop(t.line(line)));
                return 1;
            }
            0
        }));
        taken += outcome.unwrap_or_else(|_| panic!("SEED={seed} RESTORE_FUZZ=1: {}", bytes.escape_ascii()));
        if seed % 64 == 0 {
            t.line("FLUSHALL");
            t.take_log();
        }
    }
    assert!(rounds < 100 || taken > rounds / 50, "only {taken} of {rounds} were taken");
    assert!(rounds < 100 || taken < rounds * 9 / 10, "{taken} of {rounds} were taken");
}
