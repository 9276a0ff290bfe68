//! What clients do: groups of a few keys, commands on one group at a time, alone, between MULTI and EXEC or in a script.

use super::common::{Conn, Node, Rng, command};
use super::model::{Form, Op, Words};
use std::time::Instant;

/// The kind of values of a group's keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Text,
    Counter,
    List,
    Set,
    Hash,
    Sorted,
    /// All of them on the same keys: half of the commands meet the wrong type.
    Mixed,
}

pub const KINDS: [Kind; 7] = [Kind::Text, Kind::Counter, Kind::List, Kind::Set, Kind::Hash, Kind::Sorted, Kind::Mixed];

/// Keys that are judged together. One key is a register; with several, what touches more than one must be seen at once.
#[derive(Clone, Debug)]
pub struct Group {
    pub kind: Kind,
    pub keys: Vec<String>,
}

/// What is not asked of a server that will be killed: waiting, and choices of its own, which a lost reply does not tell.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Temper {
    Any,
    Tellable,
}

impl Group {
    fn key(&self, rng: &mut Rng) -> String {
        rng.pick(&self.keys).clone()
    }

    /// One command on keys of the group; `mark` is a value that nobody else writes.
    fn command(&self, rng: &mut Rng, mark: &str, temper: Temper) -> Words {
        let kind = match self.kind {
            Kind::Mixed => KINDS[rng.below(6)],
            kind => kind,
        };
        let (key, small) = (self.key(rng), rng.below(4));
        let other = self.keys.iter().find(|other| **other != key).filter(|_| rng.percent(40)).cloned();
        if rng.percent(4) {
            let line = match (rng.below(6), other) {
                (0, Some(other)) => format!("RENAME {key} {other}"),
                (1, Some(other)) => format!("RENAMENX {key} {other}"),
                (2, Some(other)) => format!("COPY {key} {other}"),
                (3, Some(other)) => format!("DEL {key} {other}"),
                (4, _) => format!("TYPE {key}"),
                _ => format!("DEL {key}"),
            };
            return words(&line);
        }
        let member = ["a", "b", "c", "d"][small];
        let line = match (kind, other) {
            (Kind::Text | Kind::Counter, Some(other)) => match rng.below(4) {
                0 => format!("MSET {key} {mark} {other} {mark}"),
                1 => format!("MSETNX {key} {mark} {other} {mark}"),
                _ => format!("MGET {key} {other}"),
            },
            (Kind::Text, None) => match rng.below(14) {
                0..=3 => format!("GET {key}"),
                4 => format!("SET {key} {mark}"),
                5 => format!("SET {key} {mark} NX"),
                6 => format!("SET {key} {mark} XX"),
                7 => format!("SET {key} {mark} GET"),
                8 => format!("GETSET {key} {mark}"),
                9 => format!("SETNX {key} {mark}"),
                10 => format!("GETDEL {key}"),
                11 => format!("STRLEN {key}"),
                _ => format!("APPEND {key} {mark}"),
            },
            (Kind::Counter, None) => match rng.below(6) {
                0 => format!("GET {key}"),
                1 => format!("DECR {key}"),
                2 => format!("INCRBY {key} {}", 10 * (1 + small)),
                3 => format!("SET {key} {small}0 GET"),
                _ => format!("INCR {key}"),
            },
            (Kind::List, Some(other)) => match rng.below(6) {
                0 if temper == Temper::Any => format!("BLPOP {key} {other} 0.02"),
                1 if temper == Temper::Any => format!("BLMOVE {key} {other} LEFT RIGHT 0.02"),
                2 => format!("LMOVE {key} {other} LEFT RIGHT"),
                3 => format!("LMOVE {key} {other} RIGHT RIGHT"),
                _ => format!("RPOPLPUSH {key} {other}"),
            },
            (Kind::List, None) => match rng.below(14) {
                0..=2 => format!("LPUSH {key} {mark}"),
                3 => format!("RPUSH {key} {mark} {mark}x"),
                4 => format!("LPUSHX {key} {mark}"),
                5 | 6 => format!("LPOP {key}"),
                7 => format!("RPOP {key}"),
                8 => format!("LRANGE {key} 0 -1"),
                9 => format!("LINDEX {key} {}", if small < 2 { 0 } else { -1 }),
                10 => format!("LSET {key} 0 {mark}"),
                11 => format!("LTRIM {key} 0 {small}"),
                12 if temper == Temper::Any && small == 0 => format!("BLPOP {key} 0.02"),
                _ => format!("LLEN {key}"),
            },
            (Kind::Set, Some(other)) => match rng.below(4) {
                0 => format!("SINTERSTORE {key} {key} {other}"),
                1 => format!("SUNIONSTORE {key} {key} {other}"),
                _ => format!("SMOVE {key} {other} {member}"),
            },
            (Kind::Set, None) => match rng.below(9) {
                0..=2 => format!("SADD {key} {member} {}", ["a", "b", "c", "d"][rng.below(4)]),
                3 => format!("SREM {key} {member}"),
                4 if temper == Temper::Any => format!("SPOP {key}"),
                5 if temper == Temper::Any => format!("SRANDMEMBER {key}"),
                6 => format!("SISMEMBER {key} {member}"),
                7 => format!("SCARD {key}"),
                _ => format!("SMEMBERS {key}"),
            },
            (Kind::Hash, _) => match rng.below(8) {
                0 => format!("HSET {key} {member} {mark}"),
                1 => format!("HSETNX {key} {member} {mark}"),
                2 => format!("HDEL {key} {member}"),
                3 => format!("HINCRBY {key} n {}", 1 + small),
                4 => format!("HLEN {key}"),
                5 => format!("HGETALL {key}"),
                6 => format!("HINCRBY {key} {member} 1"),
                _ => format!("HGET {key} {member}"),
            },
            _ => match rng.below(7) {
                0 => format!("ZADD {key} {small} {member}"),
                1 => format!("ZINCRBY {key} 1 {member}"),
                2 => format!("ZREM {key} {member}"),
                3 => format!("ZPOPMIN {key}"),
                4 => format!("ZCARD {key}"),
                5 => format!("ZRANGE {key} 0 -1 WITHSCORES"),
                _ => format!("ZSCORE {key} {member}"),
            },
        };
        words(&line)
    }

    /// Reads everything that the group holds, whatever it is.
    pub fn read_all(&self) -> Vec<Words> {
        let read = |key: &String| match self.kind {
            Kind::Text | Kind::Counter => format!("GET {key}"),
            Kind::List => format!("LRANGE {key} 0 -1"),
            Kind::Set => format!("SMEMBERS {key}"),
            Kind::Hash => format!("HGETALL {key}"),
            Kind::Sorted => format!("ZRANGE {key} 0 -1 WITHSCORES"),
            Kind::Mixed => format!("TYPE {key}"),
        };
        self.keys.iter().map(|key| words(&read(key))).collect()
    }
}

pub fn words(line: &str) -> Words {
    line.split(' ').map(str::to_owned).collect()
}

/// The clock of all clients.
pub fn now(start: Instant) -> u64 {
    start.elapsed().as_nanos() as u64
}

/// One client: its connection, its dice, and what it did, with the number of the group.
pub struct Client<'a> {
    pub number: usize,
    pub conn: &'a mut Conn,
    pub rng: Rng,
    pub start: Instant,
    pub temper: Temper,
    pub done: Vec<(usize, Op)>,
}

/// An operation on its way.
struct Sent {
    group: usize,
    form: Form,
    commands: Vec<Words>,
    bytes: Vec<u8>,
    /// Replies before the one that counts.
    before: usize,
}

impl Client<'_> {
    fn make(&mut self, groups: &[Group], mark: &str) -> Vec<Sent> {
        let at = self.rng.below(groups.len());
        let group = &groups[at];
        let some = |client: &mut Self, most: usize| -> Vec<Words> {
            let n = 1 + client.rng.below(most);
            (0..n)
                .map(|i| group.command(&mut client.rng, &format!("{mark}{}", ["", "y", "z"][i]), client.temper))
                .collect()
        };
        let plain = |words: Words| Sent {
            group: at,
            form: Form::Plain,
            bytes: command(&words),
            commands: vec![words],
            before: 0,
        };
        let exec = |commands: Vec<Words>| {
            let inner = commands.iter().flat_map(|words| command(words));
            let bytes = command(&["MULTI"]).into_iter().chain(inner).chain(command(&["EXEC"])).collect();
            Sent { group: at, form: Form::Exec, bytes, before: commands.len() + 1, commands }
        };
        match self.rng.below(100) {
            0..15 => vec![exec(some(self, 3))],
            15..27 => {
                let key = group.key(&mut self.rng);
                let mut all = vec![plain(words(&format!("WATCH {key}")))];
                all.extend(some(self, 2).into_iter().map(plain));
                all.push(exec(some(self, 2)));
                all
            }
            27..40 => {
                let mut commands = some(self, 3);
                // Scripts do not wait, and what does not wait in them has another shape of reply.
                commands.retain(|words| !words[0].starts_with("BL"));
                if commands.is_empty() {
                    commands = group.read_all();
                }
                vec![Sent { group: at, form: Form::Script, bytes: script(&commands, &group.keys), before: 0, commands }]
            }
            _ => some(self, 1).into_iter().map(plain).collect(),
        }
    }

    /// Does `count` operations, several of them in one pipeline at times. False: the connection ended.
    pub fn work(&mut self, groups: &[Group], count: usize) -> bool {
        let mut made = 0;
        while made < count {
            let mut batch = Vec::new();
            for _ in 0..[1, 1, 1, 2, 5][self.rng.below(5)] {
                let mark = format!("c{}n{made}", self.number);
                made += 1;
                batch.extend(self.make(groups, &mark));
            }
            let sent = now(self.start);
            let bytes: Vec<u8> = batch.iter().flat_map(|sent| sent.bytes.iter().copied()).collect();
            let mut lost = self.conn.send_raw(&bytes).is_err();
            for one in batch {
                let reply = (!lost).then(|| (0..=one.before).map(|_| self.conn.read_reply()).last()?.ok()).flatten();
                lost |= reply.is_none();
                let answered = if lost { u64::MAX } else { now(self.start) };
                let reply = reply.map(|bytes| Node::parse(&bytes));
                let op = Op { form: one.form, commands: one.commands, reply, sent, answered };
                self.done.push((one.group, op));
            }
            if lost {
                return false;
            }
        }
        true
    }
}

/// A script that runs `commands` and returns their replies; its keys are declared.
pub fn script(commands: &[Words], keys: &[String]) -> Vec<u8> {
    let call = |words: &Words| format!("redis.pcall('{}')", words.join("','"));
    let body = format!("return {{{}}}", commands.iter().map(call).collect::<Vec<_>>().join(","));
    let count = keys.len().to_string();
    let head = ["EVAL", &body, &count].map(str::to_owned);
    command(&head.into_iter().chain(keys.iter().cloned()).collect::<Vec<_>>())
}
