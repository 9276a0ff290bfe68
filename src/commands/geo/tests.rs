//! What the differential cannot see: effects in the log, and scores that no geohash has.

use crate::engine::testing::TestEngine;

#[test]
fn places_are_logged_as_scores() {
    let mut t = TestEngine::new();
    t.line("GEOADD g CH 13.361389 38.115556 Palermo");
    t.line("GEOADD g XX 15.087269 37.502669 Catania");
    let log: Vec<String> = t
        .take_log()
        .iter()
        .flatten()
        .map(|(_, words)| words.iter().map(|w| String::from_utf8_lossy(w)).collect::<Vec<_>>().join(" "))
        .collect();
    assert_eq!(log, ["ZADD g CH 3479099956230698 Palermo"]);
}

#[test]
fn any_score_has_a_place() {
    let mut t = TestEngine::new();
    for score in ["inf", "-inf", "-1", "1e19", "2e19", "0.5"] {
        t.line(&format!("ZADD g {score} m"));
        assert!(t.line("GEOPOS g m").starts_with("*1\r\n*2\r\n"));
        assert!(t.line("GEOHASH g m").starts_with("*1\r\n$11\r\n"));
        assert!(t.line("GEORADIUSBYMEMBER g m 100 km").starts_with('*'));
    }
}

#[test]
fn a_search_may_store_over_what_it_searches() {
    let mut t = TestEngine::new();
    t.line("GEOADD g 13.361389 38.115556 Palermo 15.087269 37.502669 Catania 2.35 48.86 Paris");
    assert_eq!(t.line("GEOSEARCHSTORE g g FROMMEMBER Palermo BYRADIUS 200 km STOREDIST"), ":2\r\n");
    assert_eq!(t.line("ZRANGE g 0 0 WITHSCORES"), "*2\r\n$7\r\nPalermo\r\n$1\r\n0\r\n");
    assert_eq!(t.line("GEORADIUS g 0 0 1 m STORE g"), ":0\r\n");
    assert_eq!(t.line("EXISTS g"), ":0\r\n");
}

#[test]
fn polygons() {
    let mut t = TestEngine::new();
    t.line("GEOADD g 13.361389 38.115556 Palermo 15.087269 37.502669 Catania 12.4964 41.9028 Rome 2.349014 48.864716 Paris");
    // Distances are Valkey 9.1.2's.
    assert_eq!(
        t.line("GEOSEARCH g BYPOLYGON 4 10 36 18 36 18 43 10 43 WITHDIST ASC").replace("\r\n", " "),
        "*3 *2 $7 Palermo $11 170822.3118 *2 $7 Catania $11 248489.8091 *2 $4 Rome $11 288887.0618 "
    );
    assert_eq!(t.line("GEOSEARCH g BYPOLYGON 3 10 36 18 36 18 43 FROMMEMBER Rome"), "-ERR syntax error\r\n");
    assert_eq!(t.line("GEOSEARCHSTORE d g BYPOLYGON 3 10 36 18 36 18 43"), ":2\r\n");
}
