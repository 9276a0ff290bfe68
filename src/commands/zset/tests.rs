//! Effects of sorted sets.

use crate::engine::testing::TestEngine;

#[test]
fn pops_from_several_keys_are_logged_as_pops_from_one() {
    let mut t = TestEngine::new();
    t.line("ZADD z 1 a 2 b 3 c 4 d");
    t.take_log();
    for (line, want) in [
        ("ZMPOP 2 nosuch z MAX COUNT 2", "ZPOPMAX z 2"),
        ("ZPOPMIN z", "ZPOPMIN z"),
        ("BZPOPMIN nosuch z 0", "ZPOPMIN z"),
    ] {
        t.line(line);
        let log = t.take_log();
        let words: Vec<_> = log[0][0].1.iter().map(|w| String::from_utf8_lossy(w)).collect();
        assert_eq!(words.join(" "), want);
    }
    assert_eq!(t.line("EXISTS z"), ":0\r\n");
}

#[test]
fn sums_that_are_no_numbers() {
    let mut t = TestEngine::new();
    t.line("ZADD a inf x");
    assert_eq!(t.line("ZINCRBY a -inf x"), "-ERR resulting score is not a number (NaN)\r\n");
    t.line("ZADD b -inf x");
    assert_eq!(t.line("ZUNION 2 a b WITHSCORES"), "*2\r\n$1\r\nx\r\n$1\r\n0\r\n");
    assert_eq!(t.line("ZINTER 2 a b WEIGHTS 0 1 AGGREGATE MAX WITHSCORES"), "*2\r\n$1\r\nx\r\n$1\r\n0\r\n");
}
