//! The command table against what real servers answered to COMMAND and COMMAND DOCS (`fixtures/commands/`), and against
//! itself. The differences that are meant are listed in [`MEANT`]; a reason that no longer holds fails the test too.

use rustredis::{
    commands,
    engine::{
        keyspec::{Begin, Find, KeySpec},
        spec::BLANK,
        syntax::{self, Arg},
        table::{self, Command},
    },
    resp::args::OwnedArgs,
};
use serde_json::{Map, Value, json};
use std::collections::HashSet;

/// Command, field, and why ours differs from the fixture that governs it.
const MEANT: &[(&str, &str, &str)] = &[
    ("set", "arguments", "SET has the comparisons IFEQ, IFNE, IFDEQ and IFDNE of Redis 8.4"),
    ("msetex", "since", "told as in Redis 8.4, which had it before Valkey 9.1"),
];

/// Commands that neither fixture has.
const NEWER: &[&str] = &["delex", "digest", "xdelex", "xackdel"]; // Redis 8.2 and 8.4

fn fixture(name: &str) -> Map<String, Value> {
    let path = format!("{}/fixtures/commands/{name}.json", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{path}: {e}"));
    match serde_json::from_str(&text) {
        Ok(Value::Object(map)) => map,
        other => panic!("{path}: {other:?}"),
    }
}

fn commands() -> &'static [&'static Command] {
    commands::install();
    table::all()
}

/// Redis 8.0's dialect governs; Valkey's file speaks for what only Valkey has.
#[test]
fn rows_say_what_the_servers_say() {
    let (redis, valkey) = (fixture("redis-8.0.2"), fixture("valkey-9.1.2"));
    let mut wrong = Vec::new();
    let mut used = HashSet::new();
    for cmd in commands() {
        let Some(want) = redis.get(&cmd.name).or_else(|| valkey.get(&cmd.name)) else {
            if !NEWER.contains(&cmd.name.as_str()) {
                wrong.push(format!("{}: no server has it", cmd.name));
            }
            continue;
        };
        let (ours, want) = (facts(cmd), want.as_object().unwrap());
        for field in ours.keys().chain(want.keys()).collect::<HashSet<_>>() {
            if ours.get(field) == want.get(field) {
                continue;
            }
            match MEANT.iter().find(|(name, f, _)| *name == cmd.name && f == field) {
                Some(meant) => _ = used.insert(meant.0),
                None => wrong.push(format!("{} {field}: {:?}, not {:?}", cmd.name, ours.get(field), want.get(field))),
            }
        }
    }
    for (name, field, _) in MEANT {
        if table::find_full(name.as_bytes()).is_some() && !used.contains(name) {
            wrong.push(format!("{name} {field}: listed as different, but is not"));
        }
    }
    assert!(wrong.is_empty(), "{} differences:\n{}", wrong.len(), wrong.join("\n"));
}

/// A command in the fixtures' form.
fn facts(cmd: &Command) -> Map<String, Value> {
    let sorted = |mut words: Vec<String>| {
        words.sort();
        json!(words)
    };
    let keys = cmd.keys.legacy;
    let mut map = Map::new();
    map.insert("acl".into(), sorted(cmd.categories.names().map(|c| format!("@{c}")).collect()));
    map.insert("arity".into(), json!(cmd.spec.arity));
    map.insert("first_key".into(), json!(keys.first));
    map.insert("last_key".into(), json!(keys.last));
    map.insert("step".into(), json!(keys.step));
    map.insert("flags".into(), sorted(cmd.flags.shown().map(String::from).collect()));
    map.insert("group".into(), json!(cmd.spec.group));
    map.insert("since".into(), json!(cmd.spec.since));
    map.insert("tips".into(), json!(cmd.spec.tips.split_whitespace().collect::<Vec<_>>()));
    map.insert("key_specs".into(), cmd.keys.specs.iter().map(key_spec).collect());
    let args = syntax::parse(cmd.spec.syntax).unwrap_or_else(|e| panic!("{}: {e}", cmd.name));
    if !args.is_empty() {
        map.insert("arguments".into(), args.iter().map(argument).collect());
    }
    map
}

fn key_spec(spec: &KeySpec) -> Value {
    let begin = match spec.begin {
        Begin::Index(i) => json!({"type": "index", "spec": {"index": i}}),
        Begin::Keyword(word, from) => json!({"type": "keyword", "spec": {"keyword": word, "startfrom": from}}),
        Begin::Unknown => json!({"type": "unknown", "spec": {}}),
    };
    let find = match spec.find {
        Find::Range { last, step, limit } => {
            json!({"type": "range", "spec": {"lastkey": last, "keystep": step, "limit": limit}})
        }
        Find::Num { step } => json!({"type": "keynum", "spec": {"keynumidx": 0, "firstkey": 1, "keystep": step}}),
        Find::Unknown => json!({"type": "unknown", "spec": {}}),
    };
    json!({"begin_search": begin, "find_keys": find, "flags": spec.flags.names().collect::<Vec<_>>()})
}

fn argument(arg: &Arg<'_>) -> Value {
    let mut map = Map::new();
    map.insert("name".into(), json!(arg.name));
    map.insert("type".into(), json!(arg.kind.name()));
    for (field, text) in [("token", arg.token), ("since", arg.since), ("deprecated_since", arg.deprecated_since)] {
        if let Some(text) = text {
            map.insert(field.into(), json!(text));
        }
    }
    if let Some(i) = arg.key_spec {
        map.insert("key_spec_index".into(), json!(i));
    }
    let flags = [(arg.optional, "optional"), (arg.multiple, "multiple"), (arg.multiple_token, "multiple_token")];
    let flags: Vec<_> = flags.iter().filter(|f| f.0).map(|f| f.1).collect();
    if !flags.is_empty() {
        map.insert("flags".into(), json!(flags));
    }
    if !arg.args.is_empty() {
        map.insert("arguments".into(), arg.args.iter().map(argument).collect());
    }
    Value::Object(map)
}

#[test]
fn names_and_ids_are_unique_and_found() {
    let all = commands();
    for (i, cmd) in all.iter().enumerate() {
        assert_eq!(cmd.id as usize, i, "{}", cmd.name);
        assert_eq!(cmd.name, cmd.name.to_ascii_lowercase());
        for name in [cmd.name.clone(), cmd.name.to_ascii_uppercase()] {
            assert_eq!(table::find_full(name.as_bytes()).map(|c| c.id), Some(cmd.id), "{name}");
        }
    }
}

#[test]
fn rows_are_complete() {
    for cmd in commands() {
        let spec = cmd.spec;
        let blank = std::ptr::fn_addr_eq(spec.run, BLANK.run);
        assert!(!blank || cmd.is_container(), "{} has no handler", cmd.name);
        assert!(spec.arity != 0 && !spec.group.is_empty() && !spec.complexity.is_empty(), "{}", cmd.name);
        assert!(spec.summary.ends_with('.') && spec.summary.len() < 120, "{}: {}", cmd.name, spec.summary);
        if !spec.deprecated.is_empty() {
            let since = spec.deprecated.split_once(' ').map_or("", |d| d.0);
            assert!(since.split('.').count() == 3 && since.split('.').all(|n| n.parse::<u8>().is_ok()), "{}", cmd.name);
        }
    }
}

/// The lines users know, for those of the table's commands that are here.
#[test]
fn usage_of_a_few() {
    commands();
    for line in [
        "GET key",
        "SET key value [NX|XX|IFEQ ifeq-value|IFNE ifne-value|IFDEQ ifdeq-digest|IFDNE ifdne-digest] [GET] \
         [EX seconds|PX milliseconds|EXAT unix-time-seconds|PXAT unix-time-milliseconds|KEEPTTL]",
        "MSET key value [key value ...]",
        "CLIENT TRACKING <ON|OFF> [REDIRECT client-id] [PREFIX prefix [PREFIX prefix ...]] [BCAST] [OPTIN] [OPTOUT] [NOLOOP]",
        "COMMAND LIST [FILTERBY <MODULE module-name|ACLCAT category|PATTERN pattern>]",
        "GEOADD key [NX|XX] [CH] longitude latitude member [longitude latitude member ...]",
        "XREAD [COUNT count] [BLOCK milliseconds] STREAMS key [key ...] id [id ...]",
        "XADD key [NOMKSTREAM] [<MAXLEN|MINID> [=|~] threshold [LIMIT count]] <*|id> field value [field value ...]",
        "ZUNION numkeys key [key ...] [WEIGHTS weight [weight ...]] [AGGREGATE <SUM|MIN|MAX>] [WITHSCORES]",
    ] {
        let words: Vec<&str> = line.split(' ').take(2).collect();
        let name = words.join("|").to_ascii_lowercase();
        let whole = || table::find(words[0].as_bytes()).filter(|cmd| !cmd.is_container());
        if let Some(cmd) = table::find_full(name.as_bytes()).or_else(whole) {
            assert_eq!(cmd.usage(), line);
        }
    }
}

/// No words make key extraction panic or point outside of them, and the short cut agrees with the walk.
#[test]
fn key_extraction_survives_any_words() {
    const WORDS: &[&str] = &[
        "k",
        "",
        "0",
        "1",
        "2",
        "3",
        "-1",
        "+1",
        "007",
        "9223372036854775807",
        "-9223372036854775808",
        "18446744073709551616",
        "4294967297",
        "999999999999999999",
        "STORE",
        "storedist",
        "STREAMS",
        "GROUP",
        "COUNT",
        "BLOCK",
        "NOACK",
        "KEYS",
        "AUTH",
        "auth2",
        "GET",
        "SET",
        "INCRBY",
        "OVERFLOW",
        "BY",
        "LIMIT",
        "IFEQ",
        "\u{e9}",
    ];
    let mut state = 0x9E37_79B9_7F4A_7C15u64;
    let mut random = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as usize % below
    };
    let mut out = Vec::new();
    for cmd in commands() {
        for _ in 0..300 {
            let words: Vec<&str> = (0..random(12)).map(|_| WORDS[random(WORDS.len())]).collect();
            let owned = OwnedArgs::new(&words);
            let sound = cmd.keys.positions(owned.args(), &mut out).is_ok();
            assert!(sound || out.is_empty());
            assert!(
                out.iter().all(|k| (1..words.len()).contains(&(k.index as usize))),
                "{} {words:?}: {out:?}",
                cmd.name
            );
            if let (true, Some(simple)) = (cmd.takes(words.len()), cmd.keys.simple) {
                let walked: Vec<usize> = out.iter().map(|k| k.index as usize).collect();
                assert_eq!(simple.indexes(words.len()).collect::<Vec<_>>(), walked, "{} {words:?}", cmd.name);
            }
        }
    }
}
