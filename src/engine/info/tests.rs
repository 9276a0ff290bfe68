use super::*;
use crate::keyspace::db::{AccessClock, ExpiryMode};
use crate::keyspace::journal::Journal;
use crate::keyspace::{Key, Keyspace, NewValue};
use crate::resp::OwnedArgs;

/// INFO of an engine with 200 keys, half of which expire in a hundred seconds.
fn info(words: &str) -> String {
    crate::commands::install();
    let engine = Engine::new(Default::default(), 2, 16, 1_000);
    let mut access = Access::new(engine.world.clone(), 0);
    let (mut journal, mut rng) = (Journal::default(), Rng::new(1));
    access.enter();
    for i in 0..200u32 {
        let key = format!("key:{i}");
        let key = Key::new(key.as_bytes());
        access.lock(&[engine.world.shard_of(key.hash) as u16]);
        let mut ks = Keyspace {
            access: &mut access,
            journal: &mut journal,
            rng: &mut rng,
            db: 3,
            now_ms: 5_000,
            clock: AccessClock::default(),
            expiry: ExpiryMode::Remove,
            no_touch: false,
        };
        ks.set(key, NewValue::Set(b"value"), (i % 2 == 0).then_some(105_000));
        access.unlock();
    }
    let words = OwnedArgs::new(words.split_whitespace());
    let out = render(&mut Source { engine: &engine, access: &mut access, rng: &mut rng, now_ms: 5_000 }, words.args());
    access.leave();
    out
}

fn titles(text: &str) -> Vec<&str> {
    text.lines().filter_map(|l| l.strip_prefix("# ")).collect()
}

#[test]
fn every_field_of_redis_is_there_in_its_order() {
    let ours = info("everything");
    let fields = |text: &str, title: &str| -> Vec<String> {
        let lines = text.lines().skip_while(|l| *l != format!("# {title}")).skip(1);
        let names = lines.take_while(|l| !l.starts_with("# ") && !l.is_empty());
        names.map(|l| l.split(':').next().unwrap_or_default().to_owned()).collect()
    };
    let theirs = include_str!("../../../fixtures/info-fields-redis-8.0.2.txt");
    for title in ["Server", "Clients", "Memory", "Persistence", "Stats", "Replication", "CPU", "Cluster"] {
        let ours: Vec<_> = fields(&ours, title).into_iter().filter(|f| f != "rustredis_version").collect();
        assert_eq!(ours, fields(theirs, title), "{title}");
    }
    assert!(ours.contains("redis_version:7.4.0\r\nrustredis_version:"));
}

#[test]
fn sections_are_chosen_by_name_and_group() {
    assert_eq!(titles(&info("CPU server nosuch cpu")), ["Server", "CPU"]);
    assert_eq!(info("nosuch"), "");
    let default = info("");
    assert!(!default.contains("# Commandstats") && default.contains("# Errorstats") && default.contains("# Modules"));
    assert_eq!(titles(&default), titles(&info("default")));
    let all = info("all");
    assert!(all.contains("# Commandstats") && !all.contains("# Modules"));
    assert_eq!(titles(&info("everything")).len(), SECTIONS.len());
    assert_eq!(titles(&info("all modules")), titles(&info("everything")));
}

#[test]
fn keyspace_counts_and_estimates() {
    assert_eq!(info("keyspace"), "# Keyspace\r\ndb3:keys=200,expires=100,avg_ttl=100000,subexpiry=0\r\n");
}

#[test]
fn amounts_for_people() {
    for (bytes, want) in [(0, "0B"), (1023, "1023B"), (1024, "1.00K"), (1_519_320, "1.45M"), (25_276_514_304, "23.54G")]
    {
        assert_eq!(human(bytes), want);
    }
}
