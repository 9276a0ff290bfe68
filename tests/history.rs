//! A history test: many clients on several worker threads, every call and reply recorded with its times, and a search for an
//! order that explains all of it. A group of keys is judged as a whole, so that EXEC, scripts and commands of several keys have to
//! be seen at once or not at all (strict serializability of each group). `HISTORY_SECONDS=3600` makes it long.

mod common;

#[path = "history/checker.rs"]
mod checker;
#[path = "history/faults.rs"]
mod faults;
#[path = "history/load.rs"]
mod load;
#[path = "history/model.rs"]
mod model;

use checker::{History, Verdict, check};
use common::{Conn, Node, Options, Rng, Server, command, env_number, subject};
use load::{Client, Group, KINDS, Kind, Temper, now};
use model::{Form, Op};
use std::sync::Barrier;
use std::time::{Duration, Instant};

const CLIENTS: usize = 6;

fn seed() -> u64 {
    let seed = env_number("HISTORY_SEED", 1);
    eprintln!("HISTORY_SEED={seed}");
    seed
}

/// Some groups with names that were never used.
fn groups(rng: &mut Rng, round: usize, temper: Temper) -> Vec<Group> {
    let kinds = if temper == Temper::Any { KINDS.len() } else { KINDS.len() - 1 };
    (0..3)
        .map(|g| {
            let kind = KINDS[rng.below(kinds)];
            let count = if kind == Kind::Mixed { 2 } else { 1 + rng.below(3) };
            Group { kind, keys: (0..count).map(|k| format!("r{round}g{g}k{k}")).collect() }
        })
        .collect()
}

/// What all did, by group and client.
fn by_group(groups: usize, lanes: Vec<Vec<(usize, Op)>>) -> Vec<History> {
    let mut all = vec![vec![Vec::new(); lanes.len()]; groups];
    for (client, lane) in lanes.into_iter().enumerate() {
        lane.into_iter().for_each(|(group, op)| all[group][client].push(op));
    }
    all
}

/// Lets all clients work at once; `end` is called meanwhile.
fn round(
    conns: &mut [Conn],
    groups: &[Group],
    rng: &mut Rng,
    temper: Temper,
    count: usize,
    end: impl FnOnce(),
) -> Vec<History> {
    let (barrier, start) = (Barrier::new(conns.len() + 1), Instant::now());
    let lanes = std::thread::scope(|s| {
        let clients: Vec<_> = conns
            .iter_mut()
            .enumerate()
            .map(|(number, conn)| {
                let rng = Rng::new(rng.next());
                let barrier = &barrier;
                s.spawn(move || {
                    let mut client = Client { number, conn, rng, start, temper, done: Vec::new() };
                    barrier.wait();
                    let all = client.work(groups, count);
                    assert!(all || temper == Temper::Tellable, "a connection ended");
                    client.done
                })
            })
            .collect();
        barrier.wait();
        end();
        clients.into_iter().map(|c| c.join().expect("a client without a panic")).collect()
    });
    by_group(groups.len(), lanes)
}

struct Tally {
    rounds: usize,
    operations: usize,
    undecided: usize,
}

impl Tally {
    fn judge(&mut self, what: &str, groups: &[Group], histories: &[History]) {
        self.rounds += 1;
        for (group, history) in groups.iter().zip(histories) {
            self.operations += history.iter().map(Vec::len).sum::<usize>();
            match check(history) {
                Verdict::Fine => {}
                Verdict::Undecided => self.undecided += 1,
                Verdict::Broken(text) => panic!("{what}, {group:?}: no order explains what was seen:\n{text}"),
            }
        }
    }

    fn done(&self, what: &str) {
        eprintln!(
            "{what}: {} rounds, {} operations explained, {} groups undecided",
            self.rounds, self.operations, self.undecided
        );
        // One in fifty, and of few one.
        assert!(self.rounds > 0 && self.undecided <= 1 + self.rounds / 50, "too much was left undecided");
    }
}

#[test]
fn every_history_has_an_order() {
    let seed = seed();
    let mut rng = Rng::new(seed);
    let each = Duration::from_secs(env_number("HISTORY_SECONDS", 9)) / 3;
    let mut tally = Tally { rounds: 0, operations: 0, undecided: 0 };
    for args in ["--threads 2", "--threads 4", "--threads 3 --appendonly yes --appendfsync always"] {
        let args = if subject() == common::Kind::Rustredis { args } else { "" };
        let server = Server::start(subject(), &Options::args(args));
        let mut conns: Vec<Conn> = (0..CLIENTS).map(|_| server.connect()).collect();
        let until = Instant::now() + each;
        while Instant::now() < until {
            let groups = groups(&mut rng, tally.rounds, Temper::Any);
            let histories = round(&mut conns, &groups, &mut rng, Temper::Any, 40, || {});
            tally.judge(&format!("HISTORY_SEED={seed} {args}"), &groups, &histories);
            server.connect().line("FLUSHALL");
        }
    }
    tally.done("histories");
}

/// Killed in the middle, and started again on what it left: every acknowledged operation is there, transactions whole, and what
/// was seen once stays. Operations without a reply happened or did not.
#[test]
fn a_history_goes_on_after_a_crash() {
    let seed = seed();
    let mut rng = Rng::new(seed);
    let until = Instant::now() + Duration::from_secs(env_number("HISTORY_SECONDS", 5));
    let mut tally = Tally { rounds: 0, operations: 0, undecided: 0 };
    let args = "--threads 3 --appendonly yes --appendfsync always";
    let args = if subject() == common::Kind::Rustredis { args } else { "--appendonly yes --appendfsync always" };
    let mut server = Server::start(subject(), &Options::args(args));
    while Instant::now() < until {
        let groups = groups(&mut rng, tally.rounds, Temper::Tellable);
        let mut conns: Vec<Conn> = (0..CLIENTS).map(|_| server.connect()).collect();
        let life = Duration::from_micros(500 + rng.next() % 30_000);
        let start = Instant::now();
        let mut histories = round(&mut conns, &groups, &mut rng, Temper::Tellable, 400, || {
            std::thread::sleep(life);
            server.kill();
        });
        drop(conns);
        server.restart();
        let (mut conn, ended) = (server.connect(), now(start));
        for (group, history) in groups.iter().zip(&mut histories) {
            let lane = group.read_all().into_iter().map(|words| {
                let reply = Some(Node::parse(&conn.ask(&words)));
                Op { form: Form::Plain, commands: vec![words], reply, sent: ended, answered: ended }
            });
            history.push(lane.collect());
            // The end is seen after the clients' clocks stopped: nothing of theirs comes later.
            debug_assert!(history.iter().flatten().all(|op| op.sent <= ended));
        }
        tally.judge(&format!("HISTORY_SEED={seed} {args}, killed after {life:?}"), &groups, &histories);
        conn.line("FLUSHALL");
    }
    tally.done("crashes");
}

/// The test tries itself: a client that says it sent a transaction, and sent its commands one by one, is found out.
#[test]
fn what_is_not_atomic_is_found_out() {
    let server = Server::rustredis();
    let (mut a, mut b) = (server.connect(), server.connect());
    let start = Instant::now();
    for form in [Form::Exec, Form::Script] {
        server.connect().line("FLUSHALL");
        let sent = now(start);
        let first = a.tree(&["INCR", "x"]);
        let between = now(start);
        let seen = b.tree(&["MGET", "x", "y"]);
        let saw = Op {
            form: Form::Plain,
            commands: vec![load::words("MGET x y")],
            reply: Some(seen),
            sent: between,
            answered: now(start),
        };
        let second = a.tree(&["INCR", "y"]);
        let whole = Node { kind: b'*', text: Vec::new(), items: vec![first, second], null: false };
        let commands = ["INCR x", "INCR y"].map(load::words).to_vec();
        let claimed = Op { form, commands, reply: Some(whole), sent, answered: now(start) };
        let history = vec![vec![claimed], vec![saw]];
        assert!(matches!(check(&history), Verdict::Broken(_)), "{form:?} by halves was not seen");
    }
    // And the real ones are explained.
    let bytes = [command(&["MULTI"]), command(&["INCR", "x"]), command(&["INCR", "y"]), command(&["EXEC"])].concat();
    a.send_raw(&bytes).expect("sent");
    let reply = (0..4).map(|_| a.read_reply().expect("a reply")).last().expect("four replies");
    assert_eq!(reply, b"*2\r\n:2\r\n:2\r\n");
}
