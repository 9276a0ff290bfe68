//! Effects, events and expiry of hashes, on an engine whose time is handed in.

use crate::engine::testing::TestEngine;

fn logged(t: &mut TestEngine) -> Vec<String> {
    let line = |words: &Vec<Vec<u8>>| {
        words.iter().map(|w| String::from_utf8_lossy(w).into_owned()).collect::<Vec<_>>().join(" ")
    };
    t.take_log().iter().flatten().map(|(_, words)| line(words)).collect()
}

#[test]
fn the_log_gets_effects() {
    let mut t = TestEngine::new();
    let now = t.now_ms;
    for (line, want) in [
        ("HSET h a 1 b 2 c 3 d 4", vec!["HSET h a 1 b 2 c 3 d 4".to_owned()]),
        ("HEXPIRE h 10 FIELDS 3 a nosuch b", vec![format!("HPEXPIREAT h {} FIELDS 2 a b", now + 10_000)]),
        ("HEXPIRE h 10 NX FIELDS 1 a", vec![]),
        ("HINCRBYFLOAT h a 1.5", vec!["HSETEX h KEEPTTL FIELDS 1 a 2.5".to_owned()]),
        ("HINCRBYFLOAT h c 1.5", vec!["HSET h c 4.5".to_owned()]),
        ("HGETEX h PERSIST FIELDS 2 a c", vec!["HPERSIST h FIELDS 1 a".to_owned()]),
        ("HGETEX h EX 5 FIELDS 1 d", vec![format!("HPEXPIREAT h {} FIELDS 1 d", now + 5000)]),
        ("HSETEX h PX 5 FIELDS 1 e 5", vec![format!("HSETEX h PXAT {} FIELDS 1 e 5", now + 5)]),
        ("HSETEX h KEEPTTL FIELDS 1 e 6", vec!["HSETEX h KEEPTTL FIELDS 1 e 6".to_owned()]),
        ("HPEXPIREAT h 1 FIELDS 2 c x", vec!["HDEL h c".to_owned()]),
        ("HGETDEL h FIELDS 2 d x", vec!["HDEL h d".to_owned()]),
        ("HSETEX new EXAT 1 FIELDS 1 a 1", vec![]),
        ("HGET h a", vec![]),
    ] {
        t.line(line);
        assert_eq!(logged(&mut t), want, "{line}");
    }
    assert_eq!(t.line("EXISTS new"), ":0\r\n");
}

#[test]
fn fields_vanish_at_access_and_take_the_hash_along() {
    for names in [3, 600] {
        let mut t = TestEngine::new();
        for n in 0..names {
            t.line(&format!("HSETEX h PX {} FIELDS 1 f{n} v", 100 + 100 * (n % 2)));
        }
        t.take_log();
        t.now_ms += 101;
        assert_eq!(t.line("HGET h f0"), "$-1\r\n");
        assert_eq!(t.line("HGET h f1"), "$1\r\nv\r\n");
        assert_eq!(t.line("HLEN h"), format!(":{}\r\n", names / 2));
        let removals = logged(&mut t);
        assert!(removals.iter().all(|l| l.starts_with("HDEL h f")), "{removals:?}");
        let gone: usize = removals.iter().map(|l| l.split(' ').count() - 2).sum();
        assert!(gone > 0 && gone <= names - names / 2);
        t.now_ms += 200;
        for _ in 0..5 {
            t.line("HLEN h");
        }
        assert_eq!(t.line("EXISTS h"), ":0\r\n");
        assert_eq!(t.line("HSET h a b"), ":1\r\n");
        assert_eq!(t.line("HTTL h FIELDS 1 a"), "*1\r\n:-1\r\n");
    }
}

#[test]
fn a_moved_hash_still_expires() {
    let mut t = TestEngine::new();
    for line in ["HSETEX a PX 50 FIELDS 1 f v", "RENAME a b", "COPY b c", "MOVE c 1", "SWAPDB 1 2"] {
        t.line(line);
    }
    t.now_ms += 51;
    t.worker.begin(t.now_ms);
    for i in 0..t.engine.world.shards() {
        let shard = t.worker.access.shard(i);
        while !crate::keyspace::expire::step(shard, t.now_ms, 10, &mut t.worker.journal).done {}
        assert!(t.worker.access.shard(i).fields.is_empty());
    }
    assert_eq!(std::mem::take(&mut t.worker.journal.expired_fields), 2);
    t.worker.access.leave();
    assert_eq!(t.line("DBSIZE"), ":0\r\n");
}
