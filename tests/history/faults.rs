//! The checker tried: histories with a fault in them, made by hand or out of a recorded one, must be refused; sound ones
//! with the same shape must not.

use super::checker::{History, Verdict, check};
use super::common::{Conn, Node, Options, Rng, Server};
use super::load::{Group, Kind, Temper, words};
use super::model::{Form, Op};
use super::{CLIENTS, round, seed};

/// `reply` as on the wire; times in any unit.
fn op(form: Form, lines: &[&str], reply: &str, sent: u64, answered: u64) -> Op {
    let reply = (!reply.is_empty()).then(|| Node::parse(reply.replace(' ', "\r\n").as_bytes()));
    Op { form, commands: lines.iter().map(|line| words(line)).collect(), reply, sent, answered }
}

fn plain(line: &str, reply: &str, sent: u64, answered: u64) -> Op {
    op(Form::Plain, &[line], reply, sent, answered)
}

fn sound(history: &History) -> bool {
    match check(history) {
        Verdict::Fine => true,
        Verdict::Broken(_) => false,
        Verdict::Undecided => panic!("undecided"),
    }
}

#[test]
fn faults_of_every_kind_are_refused() {
    let exec = |lines: &[&str], reply: &str, sent, answered| op(Form::Exec, lines, reply, sent, answered);
    // What is wrong, the history, and the same with that put right.
    let cases: Vec<(&str, History, History)> = vec![
        (
            "a stale read",
            vec![vec![plain("SET a 1", "+OK ", 0, 1)], vec![plain("GET a", "$-1 ", 2, 3)]],
            vec![vec![plain("SET a 1", "+OK ", 0, 3)], vec![plain("GET a", "$-1 ", 2, 3)]],
        ),
        (
            "a lost update",
            vec![vec![plain("INCR a", ":1 ", 0, 9)], vec![plain("INCR a", ":1 ", 0, 9)]],
            vec![vec![plain("INCR a", ":2 ", 0, 9)], vec![plain("INCR a", ":1 ", 0, 9)]],
        ),
        (
            "reads that go back",
            vec![
                vec![plain("SET a 1", "+OK ", 0, 9)],
                vec![plain("GET a", "$1 1 ", 1, 2), plain("GET a", "$-1 ", 3, 4)],
            ],
            vec![
                vec![plain("SET a 1", "+OK ", 0, 9)],
                vec![plain("GET a", "$-1 ", 1, 2), plain("GET a", "$1 1 ", 3, 4)],
            ],
        ),
        (
            "two readers that disagree",
            vec![
                vec![plain("SET a 1", "+OK ", 0, 9)],
                vec![plain("SET a 2", "+OK ", 0, 9)],
                vec![plain("GET a", "$1 1 ", 10, 11), plain("GET a", "$1 2 ", 12, 13)],
            ],
            vec![
                vec![plain("SET a 1", "+OK ", 0, 9)],
                vec![plain("SET a 2", "+OK ", 0, 9)],
                vec![plain("GET a", "$1 2 ", 10, 11), plain("GET a", "$1 2 ", 12, 13)],
            ],
        ),
        (
            "half of an EXEC",
            vec![
                vec![exec(&["SET a 1", "SET b 1"], "*2 +OK +OK ", 0, 9)],
                vec![plain("MGET a b", "*2 $1 1 $-1 ", 1, 8)],
            ],
            vec![
                vec![exec(&["SET a 1", "SET b 1"], "*2 +OK +OK ", 0, 9)],
                vec![plain("MGET a b", "*2 $1 1 $1 1 ", 1, 8)],
            ],
        ),
        (
            "something between two commands of an EXEC",
            vec![vec![exec(&["INCR a", "INCR a"], "*2 :1 :3 ", 0, 9)], vec![plain("INCR a", ":2 ", 0, 9)]],
            vec![vec![exec(&["INCR a", "INCR a"], "*2 :2 :3 ", 0, 9)], vec![plain("INCR a", ":1 ", 0, 9)]],
        ),
        (
            "a WATCH that did not notice",
            vec![
                vec![plain("WATCH a", "+OK ", 0, 1), exec(&["INCR a"], "*1 :2 ", 4, 5)],
                vec![plain("INCR a", ":1 ", 2, 3)],
            ],
            vec![
                vec![plain("WATCH a", "+OK ", 0, 1), exec(&["INCR a"], "*-1 ", 4, 5)],
                vec![plain("INCR a", ":1 ", 2, 3)],
            ],
        ),
        (
            "a WATCH that fired for nothing",
            vec![
                vec![plain("WATCH a", "+OK ", 2, 3), exec(&["INCR a"], "*-1 ", 4, 5)],
                vec![plain("INCR a", ":1 ", 0, 1)],
            ],
            vec![
                vec![plain("WATCH a", "+OK ", 2, 3), exec(&["INCR a"], "*1 :2 ", 4, 5)],
                vec![plain("INCR a", ":1 ", 0, 1)],
            ],
        ),
        (
            "an element handed out twice",
            vec![
                vec![plain("RPUSH a x", ":1 ", 0, 1)],
                vec![plain("LPOP a", "$1 x ", 0, 9)],
                vec![plain("BLPOP a 1", "*2 $1 a $1 x ", 0, 9)],
            ],
            vec![
                vec![plain("RPUSH a x", ":1 ", 0, 1)],
                vec![plain("LPOP a", "$-1 ", 0, 9)],
                vec![plain("BLPOP a 1", "*2 $1 a $1 x ", 0, 9)],
            ],
        ),
        (
            "one client's commands out of order",
            vec![vec![plain("APPEND a x", ":2 ", 0, 9), plain("APPEND a y", ":1 ", 0, 9)]],
            vec![vec![plain("APPEND a x", ":1 ", 0, 9), plain("APPEND a y", ":2 ", 0, 9)]],
        ),
        (
            "a member that was never there",
            vec![vec![plain("SADD a x y", ":2 ", 0, 1), plain("SPOP a", "$1 z ", 2, 3)]],
            vec![vec![plain("SADD a x y", ":2 ", 0, 1), plain("SPOP a", "$1 y ", 2, 3)]],
        ),
        (
            "an acknowledged write lost in a crash",
            vec![
                vec![plain("INCR a", ":1 ", 0, 1), plain("INCR a", "", 2, u64::MAX)],
                vec![plain("GET a", "$-1 ", 9, 9)],
            ],
            vec![
                vec![plain("INCR a", ":1 ", 0, 1), plain("INCR a", "", 2, u64::MAX)],
                vec![plain("GET a", "$1 2 ", 9, 9)],
            ],
        ),
    ];
    for (what, wrong, right) in cases {
        assert!(!sound(&wrong), "{what} was taken");
        assert!(sound(&right), "without {what} it is sound");
    }
}

/// In a recorded history of counters, any count that is off by one is seen; so are two that changed places.
#[test]
fn a_recorded_history_with_one_fault_is_refused() {
    let seed = seed();
    let mut rng = Rng::new(seed);
    let server = Server::start(super::common::Kind::Rustredis, &Options::args("--threads 2"));
    let mut conns: Vec<Conn> = (0..CLIENTS).map(|_| server.connect()).collect();
    let groups = [Group { kind: Kind::Counter, keys: vec!["n".into()] }];
    let history = round(&mut conns, &groups, &mut rng, Temper::Any, 30, || {}).remove(0);
    assert!(sound(&history), "HISTORY_SEED={seed}");
    let mut tried = 0;
    for client in 0..history.len() {
        for at in 0..history[client].len() {
            let op = &history[client][at];
            let counts = op.form == Form::Plain && op.commands[0][0].starts_with("INCR");
            let Some(count) = op.reply.as_ref().and_then(Node::int).filter(|_| counts) else { continue };
            // A count that no order of so few commands can give.
            for wrong in [count - 1_000_000_007, count + 1_000_000_007] {
                let mut bad = history.clone();
                bad[client][at].reply.as_mut().expect("it has one").text = wrong.to_string().into_bytes();
                tried += 1;
                assert!(!sound(&bad), "HISTORY_SEED={seed}: {client} {at} {wrong}");
            }
        }
    }
    assert!(tried > 20, "{tried}");
}
