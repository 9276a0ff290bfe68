//! Keyspace events: a subscriber of each server hears what random commands of all families cause; both must hear the same events
//! in the same order, command by command.

use crate::{
    common::{Conn, Kind, Node, Options, Rng, Server, command, env_number, find, skip, subject},
    differences, families, grammar,
    runner::show,
};
use std::collections::BTreeSet;

/// Families whose commands change keys.
const FAMILIES: &[&families::Family] = &[
    &families::strings::FAMILY,
    &families::bitmaps::FAMILY,
    &families::keys::FAMILY,
    &families::lists::FAMILY,
    &families::hashes::FAMILY,
    &families::field_ttl::FAMILY,
    &families::sets::FAMILY,
    &families::zsets::FAMILY,
    &families::geo::FAMILY,
    &families::hll::FAMILY,
    &families::streams::FAMILY,
    &families::sort::FAMILY,
    &families::transactions::FAMILY,
];

/// What picks at random, or touches what the test itself needs.
const NOT_SENT: &[&str] = &["SPOP", "FLUSHALL", "DEBUG"];

struct Ear {
    control: Conn,
    ear: Conn,
    _server: Server,
}

impl Ear {
    fn open(kind: Kind, threads: u64) -> Ear {
        let own = if kind == Kind::Rustredis { format!("--threads {threads}") } else { String::new() };
        let server = Server::start(kind, &Options::args(&format!("--notify-keyspace-events KEAmn {own}")));
        let mut ear = server.connect();
        ear.ask(&["PSUBSCRIBE", "__key*__:*"]);
        let mut control = server.connect();
        // The cycle comes when it comes; expiry on access is at a step that both share.
        control.ask(&["DEBUG", "SET-ACTIVE-EXPIRE", "0"]);
        Ear { control, ear, _server: server }
    }

    /// The replies to these commands and the events that they caused.
    fn play(&mut self, step: &grammar::Step) -> (Vec<Vec<u8>>, Vec<String>) {
        let mark: grammar::Words = vec![b"PUBLISH".to_vec(), b"__key__:end".to_vec(), b"".to_vec()];
        let bytes: Vec<u8> = step.iter().chain([&mark]).flat_map(|words| command(words)).collect();
        self.control.send_raw(&bytes).expect("to send");
        let mut replies: Vec<Vec<u8>> = (0..=step.len()).map(|_| self.control.read_reply().expect("a reply")).collect();
        replies.pop();
        let mut events = Vec::new();
        loop {
            let message = Node::parse(&self.ear.read_reply().expect("an event"));
            let word = |i: usize| message.items[i].string();
            if word(2) == "__key__:end" {
                return (replies, events);
            }
            events.push(format!("{} {}", word(2), word(3)));
        }
    }
}

#[test]
fn events() {
    let (base, steps) = (env_number("DIFF_SEED", 1), env_number("DIFF_STEPS", 9_000) as usize / 12);
    let mut failures = Vec::new();
    for oracle in [Kind::Redis, Kind::Valkey] {
        if find(oracle).is_none() {
            skip(&format!("{oracle:?}, whose events are compared,"), oracle.how_to_install());
            continue;
        }
        if std::env::var("DIFF_ORACLE").is_ok_and(|only| only != format!("{oracle:?}").to_lowercase()) {
            continue;
        }
        for threads in [1, 2] {
            let (mut ours, mut theirs) = (Ear::open(subject(), threads), Ear::open(oracle, 1));
            let known = |conn: &mut Conn| -> BTreeSet<String> {
                conn.tree(&["COMMAND", "LIST"]).items.iter().map(|n| n.string()).collect()
            };
            let (mine, its) = (known(&mut ours.control), known(&mut theirs.control));
            let mut seen = BTreeSet::new();
            for family in FAMILIES {
                let all = family.rows();
                let fits = |row: &&grammar::Row| {
                    row.commands.iter().all(|name| mine.contains(name) && its.contains(name))
                        && !(row.against == grammar::Against::Redis && oracle == Kind::Valkey)
                        && !(row.against == grammar::Against::Valkey && oracle == Kind::Redis)
                };
                let rows: Vec<&grammar::Row> = all.iter().filter(fits).collect();
                if rows.iter().all(|row| row.helper) {
                    continue;
                }
                let mut rng = Rng::new(base * 2 + threads);
                for i in 0..steps {
                    if i % 40 == 0 {
                        for side in [&mut ours, &mut theirs] {
                            side.control.ask(&["RESET"]);
                            side.control.ask(&["FLUSHALL"]);
                        }
                    }
                    let step = grammar::generate(&rows, &mut rng);
                    if !step.iter().all(|words| sent(oracle, words)) {
                        continue;
                    }
                    let ((said, own), (heard, its)) = (ours.play(&step), theirs.play(&step));
                    // Valkey 9 tells of times that have passed as of expiry: `expired`, `hexpired`; Redis (7.0, 8.0) as of
                    // what it does: `del`, `hdel`. Errors are found in an order of their own by Valkey.
                    let of_valkey = oracle == Kind::Valkey
                        && (its.iter().chain(&own).any(|e| e.contains("expired"))
                            || heard.iter().any(|r| r[0] == b'-'));
                    // What is answered otherwise is told of otherwise; the families' own tests are about that.
                    let same_replies = said.iter().zip(&heard).all(|(a, b)| a.first() == b.first());
                    if own == its || !same_replies || of_valkey {
                        continue;
                    }
                    let line: Vec<String> = step.iter().map(|words| show(words)).collect();
                    if seen.insert(step[0][0].to_ascii_uppercase()) {
                        failures.push(format!(
                            "{} against {oracle:?}, {threads} threads, DIFF_SEED={base}, step {i}\n  {}\n  ours   {own:?}\n  theirs {its:?}",
                            family.name,
                            line.join(" && ")
                        ));
                    }
                }
            }
        }
    }
    assert!(failures.is_empty(), "\n{}\n{} difference(s)", failures.join("\n"), failures.len());
}

fn sent(oracle: Kind, words: &[Vec<u8>]) -> bool {
    let first = words[0].to_ascii_uppercase();
    first != b"WALK" && differences::sendable(oracle, words) && !NOT_SENT.iter().any(|name| name.as_bytes() == first)
}
