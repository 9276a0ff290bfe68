//! Seeded differential test: random commands of one family go to rustredis and to a real server, over RESP2 and
//! RESP3; the reply bytes and, at intervals, the datasets must agree.
//!
//! `DIFF_SEED`, `DIFF_STEPS`, `DIFF_FAMILY` (names with commas) and `DIFF_ORACLE` (`redis`, `valkey`) choose what
//! runs; `DIFF_THREADS` how many workers ours has; `DIFF_FAILURES` how many differences are collected; `DIFF_PARTIAL=1` lets a
//! family that should be served lack commands, while it is being written. `DIFF_SUBJECT=redis` or `valkey` puts a real server in
//! our place: compared with itself it must never differ (a test of these tests), and compared with the other it
//! shows where the peers' dialects part.

#[path = "../common/mod.rs"]
mod common;
mod dataset;
mod differences;
mod events;
mod families;
mod grammar;
mod payloads;
mod rules;
mod runner;
mod scripts;
mod vocabulary;

macro_rules! families {
    ($($name:ident)*) => {
        $(#[test]
        fn $name() {
            runner::run(&families::$name::FAMILY);
        })*
    };
}

families! {
    strings bitmaps keys dump connection server
    lists hashes field_ttl sets zsets geo hll streams sort scan transactions pubsub scripting functions acl
}

/// The grammars themselves: that each line can be read and made, without any server.
#[test]
fn grammars_generate() {
    let mut rng = common::Rng::new(7);
    for family in families::ALL {
        let rows = family.rows();
        for row in &rows {
            for _ in 0..50 {
                let step = grammar::generate(&[row], &mut rng);
                assert!(step.iter().all(|words| !words.is_empty()), "an empty command in {}", family.name);
            }
        }
    }
}
