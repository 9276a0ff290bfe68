//! Rules by example, as Redis 7.0.15 and Valkey 9.1 answered them.

use super::rules::{Rules, merge_selectors};
use crate::engine::table;
use crate::engine::testing::TestEngine;
use crate::resp::OwnedArgs;

fn rules(line: &str) -> Result<Rules, String> {
    crate::commands::install();
    let words: Vec<&str> = line.split(' ').filter(|w| !w.is_empty()).collect();
    let merged = merge_selectors(&words).map_err(|open| String::from_utf8_lossy(&open).into_owned())?;
    let mut rules = Rules::new(false);
    merged.iter().try_for_each(|r| rules.apply(r, false)).map_err(|e| e.text().to_owned())?;
    Ok(rules)
}

fn shown(line: &str) -> String {
    match rules(line) {
        Ok(rules) => String::from_utf8_lossy(&rules.shown()).replace("off sanitize-payload ", ""),
        Err(e) => e.chars().take(14).collect(),
    }
}

#[test]
fn rules_are_shown_in_their_shortest_order() {
    for (line, want) in [
        ("", "resetchannels -@all"),
        ("+get +@read -@dangerous +config|get", "resetchannels -@all +get +@read -@dangerous +config|get"),
        ("+get -GET", "resetchannels -@all -get"),
        ("+config|get -config", "resetchannels -@all -config"),
        ("-config +CONFIG|GET", "resetchannels -@all -config +config|get"),
        ("+get +@all", "resetchannels +@all"),
        ("allcommands -get nocommands +set", "resetchannels -@all +set"),
        ("+select|0 +select|0 +select|1", "resetchannels -@all +select|0 +select|1"),
        ("~a* %R~b* %W~a* %W~c", "~a* %R~b* %W~c resetchannels -@all"),
        ("%R~b %W~b", "~b resetchannels -@all"),
        ("%RW~b %r~c", "~b %R~c resetchannels -@all"),
        ("~a allkeys &x", "~* resetchannels &x -@all"),
        ("&a &b &a", "resetchannels &a &b -@all"),
        ("&* +@all ~*", "~* &* +@all"),
        ("(+get ~a) (+@all allkeys &*)", "resetchannels -@all (~a resetchannels -@all +get) (~* &* +@all)"),
        ("(+get) clearselectors", "resetchannels -@all"),
        ("+get ~a reset", "resetchannels -@all"),
        ("~* ~a", "Adding a patte"),
        ("&* &a", "Adding a patte"),
        ("(+get", "(+get"),
        ("<x", "The password y"),
        ("#zz", "The password h"),
        ("+nosuch", "Unknown comman"),
        ("+config|nosuch", "Unknown comman"),
        ("+config|get|x", "Allowing first"),
        ("+select|", "Syntax error"),
        ("-select|0", "Unknown comman"),
        ("+@nosuch", "Unknown comman"),
        ("%X~a", "Syntax error"),
        ("%~a", "Syntax error"),
        ("(nosuch)", "Syntax error"),
        // Inside brackets such patterns would not come back from an ACL file.
        ("(+get ~a))", "Syntax error"),
        ("(+get ~\"a\\\"b\")", "Syntax error"),
        ("~a\"b ~c)", "~a\"b ~c) resetchannels -@all"),
    ] {
        assert_eq!(shown(line), want, "{line}");
    }
    let passwords = rules(">a >b >a <b on skip-sanitize-payload").unwrap();
    let hash = "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb";
    let want = format!("on skip-sanitize-payload #{hash} resetchannels -@all");
    assert_eq!(String::from_utf8_lossy(&passwords.shown()), want);
    assert!(passwords.accepts(b"a") && !passwords.accepts(b"b") && !passwords.accepts(b""));
    assert!(!rules("nopass").unwrap().accepts(b"x") && rules("nopass on").unwrap().accepts(b"x"));
}

#[test]
fn whatever_is_shown_makes_the_same_user_again() {
    let mut rng = crate::base::rng::Rng::new(7);
    let words = [
        "+get",
        "-get",
        "+@read",
        "-@dangerous",
        "+config",
        "-config|set",
        "+config|get",
        "+@all",
        "-@all",
        "~a*",
        "%R~b",
        "%W~b",
        "allkeys",
        "resetkeys",
        "&c",
        "&*",
        "resetchannels",
        ">x",
        "<x",
        "nopass",
        "on",
        "off",
        "+select|0",
        "-select",
        "(+set ~x)",
        "(+@all &y)",
        "clearselectors",
        "reset",
        "skip-sanitize-payload",
    ];
    crate::commands::install();
    for _ in 0..2000 {
        let mut user = Rules::new(false);
        for _ in 0..rng.below(12) {
            // Some are refused at some times: then they change nothing.
            let _ = user.apply(words[rng.below(words.len() as u64) as usize].as_bytes(), false);
        }
        let text = String::from_utf8_lossy(&user.shown()).into_owned();
        let again = rules(&text).unwrap();
        assert_eq!(String::from_utf8_lossy(&again.shown()), text);
        for line in [
            "get a1",
            "get b",
            "set b 1",
            "set x 1",
            "config get x",
            "config set a b",
            "select 0",
            "publish y 1",
            "del x",
        ] {
            let line = OwnedArgs::new(line.split(' '));
            let command = table::find_words(line.args()).unwrap();
            let keys = super::positions(command, line.args());
            assert_eq!(user.check(command, line.args(), &keys), again.check(command, line.args(), &keys), "{text}");
        }
    }
}

#[test]
fn what_users_may_do() {
    let mut t = TestEngine::new();
    t.line("SET w 1");
    assert_eq!(t.line("ACL SETUSER u on nopass +@all -config +config|get ~k* %R~r* %W~w* (+get ~z) &c*"), "+OK\r\n");
    assert_eq!(t.line("AUTH u x"), "+OK\r\n");
    for (line, want) in [
        ("SET k1 1", "+OK"),
        ("SET x 1", "-NOPERM No permissions to access a key"),
        ("MGET k1 x", "-NOPERM No permissions to access a key"),
        ("GET z", "$-1"),
        ("SET r 1", "-NOPERM No permissions to access a key"),
        ("GET r", "$-1"),
        ("GET w", "-NOPERM No permissions to access a key"),
        ("APPEND w x", ":2"),
        ("STRLEN w", ":2"),
        ("SET w 2 GET", "-NOPERM No permissions to access a key"),
        ("CONFIG SET a b", "-NOPERM User u has no permissions to run the 'config|set' command"),
        ("CONFIG GET nosuch", "*0"),
        ("PUBLISH x 1", "-NOPERM No permissions to access a channel"),
        ("PUBLISH c1 1", ":0"),
        ("PSUBSCRIBE c1", "-NOPERM No permissions to access a channel"),
        ("SORT k BY x*", "-ERR BY option of SORT denied due to insufficient ACL permissions."),
        ("SORT k GET #", "-ERR GET option of SORT denied due to insufficient ACL permissions."),
        ("SORT k BY nosort", "*0"),
        ("ACL WHOAMI", "$1\r\nu"),
    ] {
        assert_eq!(t.line(line), format!("{want}\r\n"), "{line}");
    }
    // A right that is lost counts from the next command on, also for what was queued.
    for (line, want) in
        [("MULTI", "+OK"), ("SET k1 2", "+QUEUED"), ("ACL SETUSER u resetkeys", "+QUEUED"), ("GET k1", "+QUEUED")]
    {
        assert_eq!(t.line(line), format!("{want}\r\n"));
    }
    let exec = t.line("EXEC");
    assert!(exec.starts_with("*3\r\n+OK\r\n+OK\r\n-NOPERM ACLs rules changed"), "{exec}");
    assert_eq!(t.line("ACL DELUSER u"), ":1\r\n");
    assert!(t.session.close);
    assert_eq!(t.line("GET z"), "-NOPERM User u has no permissions to run the 'get' command\r\n");
    assert_eq!(t.line("AUTH default x"), "+OK\r\n");
    assert!(t.line("SET x 1") == "+OK\r\n" && t.line("ACL LOG").starts_with("*8\r\n"));
}
