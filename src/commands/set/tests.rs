//! Effects of sets, and the fairness of chance.

use crate::engine::testing::TestEngine;
use std::collections::HashMap;

#[test]
fn what_is_popped_is_logged_by_name() {
    let mut t = TestEngine::new();
    let mut copy = TestEngine::new();
    for size in [3, 100, 1000, 5000] {
        for n in 0..size {
            t.line(&format!("SADD s{size} m{n}"));
        }
        for line in [format!("SPOP s{size}"), format!("SPOP s{size} {}", size / 2), format!("SRANDMEMBER s{size} 5")] {
            t.line(&line);
        }
    }
    t.line("SPOP s3 10");
    copy.replay(&t.take_log());
    for size in [3, 100, 1000, 5000] {
        let (a, b) = (t.line(&format!("SCARD s{size}")), copy.line(&format!("SCARD s{size}")));
        assert_eq!(a, b);
        assert_eq!(t.line(&format!("SDIFF s{size}")).len(), copy.line(&format!("SDIFF s{size}")).len());
    }
    t.line("SADD x 1 2 3");
    t.take_log();
    t.line("SPOP x 3");
    assert_eq!(t.take_log(), [vec![(0, vec![b"DEL".to_vec(), b"x".to_vec()])]]);
}

#[test]
fn every_member_is_as_likely_as_any_other() {
    let mut t = TestEngine::new();
    for size in [10, 200] {
        for n in 0..size {
            t.line(&format!("SADD s{size} m{n}"));
        }
        let mut seen = HashMap::new();
        for _ in 0..200 * size {
            *seen.entry(t.line(&format!("SRANDMEMBER s{size}"))).or_insert(0) += 1;
        }
        assert_eq!(seen.len(), size);
        assert!(seen.values().all(|n| (100..320).contains(n)), "{seen:?}");
    }
}
