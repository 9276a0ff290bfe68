//! What commands mean, as simply as it can be said: a small keyspace that runs one operation after another, and says whether
//! a recorded reply is what it would have given. `DIFF_SUBJECT=redis` puts a real server in our place, which tries the model.

use super::common::Node;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

pub type Words = Vec<String>;

/// How commands were sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    Plain,
    /// Between MULTI and EXEC: all of them in one moment, or none if what was watched has changed.
    Exec,
    /// By one script.
    Script,
}

/// One operation of one client: what it was, what came back, and when.
#[derive(Clone, Debug)]
pub struct Op {
    pub form: Form,
    pub commands: Vec<Words>,
    /// None: the connection ended first. It happened, or it did not.
    pub reply: Option<Node>,
    /// Nanoseconds of one clock for all clients.
    pub sent: u64,
    pub answered: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Value {
    Str(String),
    List(VecDeque<String>),
    Set(BTreeSet<String>),
    Hash(BTreeMap<String, String>),
    Sorted(BTreeMap<String, i64>),
}

/// The keys, and who watches one: whether it has been touched since.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct World {
    keys: BTreeMap<String, Value>,
    watches: BTreeMap<usize, (String, bool)>,
}

/// A reply as far as it is compared.
enum Told {
    Int(i64),
    Bulk(String),
    Nil,
    Status(&'static str),
    Error(&'static str),
    List(Vec<Told>),
    /// Elements, so many words each, in any order.
    Any(usize, Vec<String>),
    /// What the reply says, if one of these fits it: a choice that is the server's.
    Chosen,
}

use Told::{Any, Bulk, Error, Int, List, Nil, Status};

const WRONG: Told = Error("WRONGTYPE");

impl Told {
    fn fits(&self, node: &Node) -> bool {
        let texts = |nodes: &[Node]| nodes.iter().map(Node::string).collect::<Vec<_>>();
        match self {
            Int(n) => node.kind == b':' && node.int() == Some(*n),
            Bulk(text) => node.kind == b'$' && !node.null && node.text == text.as_bytes(),
            Nil => node.null,
            Status(text) => node.kind == b'+' && node.text == text.as_bytes(),
            Error(code) => node.is_error() && node.string().split(' ').next() == Some(code),
            List(all) => {
                node.kind == b'*'
                    && !node.null
                    && node.items.len() == all.len()
                    && all.iter().zip(&node.items).all(|(told, node)| told.fits(node))
            }
            Any(width, all) => {
                let mut sorted = node.clone();
                sorted.sort(*width);
                node.kind == b'*' && !node.null && texts(&sorted.items) == *all
            }
            Told::Chosen => true,
        }
    }
}

fn bulk(text: Option<&String>) -> Told {
    text.map_or(Nil, |text| Bulk(text.clone()))
}

/// A number as the server takes it: in the only way to write it.
fn number(text: &str) -> Result<i64, Told> {
    text.parse().ok().filter(|n: &i64| n.to_string() == text).ok_or(Error("ERR"))
}

impl World {
    /// The world after `op` of `client`, if that could have been its reply now.
    pub fn after(&self, client: usize, op: &Op) -> Option<World> {
        let mut world = self.clone();
        let reply = op.reply.as_ref();
        match op.form {
            Form::Plain => world.command(client, &op.commands[0], reply).then_some(world),
            Form::Exec => {
                if world.watches.remove(&client).is_some_and(|(_, touched)| touched) {
                    return reply.is_none_or(|node| node.null).then_some(world);
                }
                world.all(client, op, reply).then_some(world)
            }
            Form::Script => world.all(client, op, reply).then_some(world),
        }
    }

    fn all(&mut self, client: usize, op: &Op, reply: Option<&Node>) -> bool {
        if reply.is_some_and(|node| node.null || node.items.len() != op.commands.len()) {
            return false;
        }
        op.commands.iter().enumerate().all(|(i, words)| self.command(client, words, reply.map(|node| &node.items[i])))
    }

    fn command(&mut self, client: usize, words: &[String], reply: Option<&Node>) -> bool {
        let told = match words[0].as_str() {
            "WATCH" => {
                self.watches.insert(client, (words[1].clone(), false));
                Status("OK")
            }
            _ => self.run(words, reply).unwrap_or_else(|told| told),
        };
        reply.is_none_or(|node| told.fits(node))
    }

    fn touch(&mut self, key: &str) {
        self.watches.values_mut().filter(|(watched, _)| watched == key).for_each(|(_, touched)| *touched = true);
    }

    fn put(&mut self, key: &str, value: Value) {
        self.touch(key);
        let empty = match &value {
            Value::Str(_) => false,
            Value::List(l) => l.is_empty(),
            Value::Set(s) => s.is_empty(),
            Value::Hash(h) => h.is_empty(),
            Value::Sorted(z) => z.is_empty(),
        };
        if empty {
            self.keys.remove(key)
        } else {
            self.keys.insert(key.to_owned(), value)
        };
    }

    fn take(&mut self, key: &str) -> Option<Value> {
        let value = self.keys.remove(key)?;
        self.touch(key);
        Some(value)
    }

    fn text(&self, key: &str) -> Result<Option<String>, Told> {
        match self.keys.get(key) {
            None => Ok(None),
            Some(Value::Str(text)) => Ok(Some(text.clone())),
            Some(_) => Err(WRONG),
        }
    }

    fn list(&self, key: &str) -> Result<VecDeque<String>, Told> {
        match self.keys.get(key) {
            None => Ok(VecDeque::new()),
            Some(Value::List(list)) => Ok(list.clone()),
            Some(_) => Err(WRONG),
        }
    }

    fn set(&self, key: &str) -> Result<BTreeSet<String>, Told> {
        match self.keys.get(key) {
            None => Ok(BTreeSet::new()),
            Some(Value::Set(set)) => Ok(set.clone()),
            Some(_) => Err(WRONG),
        }
    }

    fn hash(&self, key: &str) -> Result<BTreeMap<String, String>, Told> {
        match self.keys.get(key) {
            None => Ok(BTreeMap::new()),
            Some(Value::Hash(hash)) => Ok(hash.clone()),
            Some(_) => Err(WRONG),
        }
    }

    fn sorted(&self, key: &str) -> Result<BTreeMap<String, i64>, Told> {
        match self.keys.get(key) {
            None => Ok(BTreeMap::new()),
            Some(Value::Sorted(set)) => Ok(set.clone()),
            Some(_) => Err(WRONG),
        }
    }

    /// An error is a reply, too: `?` ends a command with it.
    fn run(&mut self, w: &[String], reply: Option<&Node>) -> Result<Told, Told> {
        let w: Vec<&str> = w.iter().map(String::as_str).collect();
        match w[0] {
            "GET" | "SET" | "GETSET" | "SETNX" | "GETDEL" | "INCR" | "DECR" | "INCRBY" | "APPEND" | "STRLEN"
            | "MGET" | "MSET" | "MSETNX" => self.strings(&w),
            "DEL" | "EXISTS" | "TYPE" | "RENAME" | "RENAMENX" | "COPY" => self.keys(&w),
            name if name.starts_with('S') => self.sets(&w, reply),
            name if name.starts_with('H') => self.hashes(&w),
            name if name.starts_with('Z') => self.sorted_sets(&w),
            _ => self.lists(&w, reply),
        }
    }

    fn strings(&mut self, w: &[&str]) -> Result<Told, Told> {
        let key = w[1];
        let there = self.keys.contains_key(key);
        Ok(match w[0] {
            "GET" => bulk(self.text(key)?.as_ref()),
            "SET" => {
                let option = w.get(3).copied().unwrap_or_default();
                let old = if option == "GET" { bulk(self.text(key)?.as_ref()) } else { Status("OK") };
                if option == "NX" && there || option == "XX" && !there {
                    return Ok(Nil);
                }
                self.put(key, Value::Str(w[2].into()));
                old
            }
            "GETSET" => {
                let old = self.text(key)?;
                self.put(key, Value::Str(w[2].into()));
                bulk(old.as_ref())
            }
            "SETNX" => {
                if !there {
                    self.put(key, Value::Str(w[2].into()));
                }
                Int(i64::from(!there))
            }
            "GETDEL" => {
                let old = self.text(key)?;
                self.take(key);
                bulk(old.as_ref())
            }
            "INCR" | "DECR" | "INCRBY" => {
                let by = match w[0] {
                    "INCR" => 1,
                    "DECR" => -1,
                    _ => w[2].parse().expect("a number of ours"),
                };
                let now = number(&self.text(key)?.unwrap_or("0".into()))?.checked_add(by).ok_or(Error("ERR"))?;
                self.put(key, Value::Str(now.to_string()));
                Int(now)
            }
            "APPEND" => {
                let now = self.text(key)?.unwrap_or_default() + w[2];
                let len = now.len() as i64;
                self.put(key, Value::Str(now));
                Int(len)
            }
            "STRLEN" => Int(self.text(key)?.unwrap_or_default().len() as i64),
            "MGET" => List(w[1..].iter().map(|key| bulk(self.text(key).ok().flatten().as_ref())).collect()),
            name => {
                if name == "MSETNX" && w[1..].chunks(2).any(|pair| self.keys.contains_key(pair[0])) {
                    return Ok(Int(0));
                }
                w[1..].chunks(2).for_each(|pair| self.put(pair[0], Value::Str(pair[1].into())));
                if name == "MSETNX" { Int(1) } else { Status("OK") }
            }
        })
    }

    fn keys(&mut self, w: &[&str]) -> Result<Told, Told> {
        Ok(match w[0] {
            "DEL" => Int(w[1..].iter().filter(|key| self.take(key).is_some()).count() as i64),
            "EXISTS" => Int(w[1..].iter().filter(|key| self.keys.contains_key(**key)).count() as i64),
            "TYPE" => Status(match self.keys.get(w[1]) {
                None => "none",
                Some(Value::Str(_)) => "string",
                Some(Value::List(_)) => "list",
                Some(Value::Set(_)) => "set",
                Some(Value::Hash(_)) => "hash",
                Some(Value::Sorted(_)) => "zset",
            }),
            name => {
                let taken = name != "RENAME" && self.keys.contains_key(w[2]);
                match self.keys.get(w[1]).cloned() {
                    None if name == "COPY" => Int(0),
                    None => Error("ERR"),
                    Some(_) if taken => Int(0),
                    Some(value) => {
                        if name != "COPY" {
                            self.take(w[1]);
                        }
                        self.put(w[2], value);
                        if name == "RENAME" { Status("OK") } else { Int(1) }
                    }
                }
            }
        })
    }

    fn lists(&mut self, w: &[&str], reply: Option<&Node>) -> Result<Told, Told> {
        let key = w[1];
        let mut list = if w[0].starts_with("BL") { VecDeque::new() } else { self.list(key)? };
        Ok(match w[0] {
            "LPUSH" | "RPUSH" | "LPUSHX" => {
                if w[0] == "LPUSHX" && list.is_empty() {
                    return Ok(Int(0));
                }
                for item in &w[2..] {
                    if w[0] == "RPUSH" { list.push_back((*item).into()) } else { list.push_front((*item).into()) }
                }
                let len = list.len() as i64;
                self.put(key, Value::List(list));
                Int(len)
            }
            "LPOP" | "RPOP" => {
                let item = if w[0] == "LPOP" { list.pop_front() } else { list.pop_back() };
                if item.is_some() {
                    self.put(key, Value::List(list));
                }
                bulk(item.as_ref())
            }
            "LLEN" => Int(list.len() as i64),
            "LRANGE" => List(list.iter().map(|item| Bulk(item.clone())).collect()),
            "LINDEX" => bulk(if w[2] == "0" { list.front() } else { list.back() }),
            "LSET" => {
                *list.front_mut().ok_or(Error("ERR"))? = w[3].into();
                self.put(key, Value::List(list));
                Status("OK")
            }
            "LREM" => {
                let before = list.len();
                list.retain(|item| item != w[3]);
                let removed = before - list.len();
                if removed > 0 {
                    self.put(key, Value::List(list));
                }
                Int(removed as i64)
            }
            "LTRIM" => {
                if !list.is_empty() {
                    list.truncate(w[3].parse::<usize>().expect("a number of ours") + 1);
                    self.put(key, Value::List(list));
                }
                Status("OK")
            }
            "LMOVE" => self.move_item(key, w[2], w[3] == "LEFT", w[4] == "LEFT")?,
            "RPOPLPUSH" => self.move_item(key, w[2], false, true)?,
            // Waiting for an element is taking one later; giving up is having found none.
            "BLMOVE" => self.move_item(key, w[2], w[3] == "LEFT", w[4] == "LEFT")?,
            // Of several keys it takes the first with an element, or once it waits the first that got one.
            "BLPOP" => {
                let named = reply.and_then(|node| node.items.first()).map(Node::string);
                let keys = w[1..w.len() - 1].iter().filter(|key| named.as_deref().is_none_or(|named| named == **key));
                for key in keys {
                    let mut list = self.list(key)?;
                    if let Some(item) = list.pop_front() {
                        self.put(key, Value::List(list));
                        return Ok(List(vec![Bulk((*key).into()), Bulk(item)]));
                    }
                }
                Nil
            }
            name => panic!("the model does not know {name}"),
        })
    }

    fn move_item(&mut self, from: &str, to: &str, first: bool, to_front: bool) -> Result<Told, Told> {
        let mut list = self.list(from)?;
        if list.is_empty() {
            return Ok(Nil);
        }
        self.list(to)?;
        let item = if first { list.pop_front() } else { list.pop_back() }.expect("it is not empty");
        self.put(from, Value::List(list));
        let mut list = self.list(to)?;
        if to_front {
            list.push_front(item.clone())
        } else {
            list.push_back(item.clone())
        }
        self.put(to, Value::List(list));
        Ok(Bulk(item))
    }

    fn sets(&mut self, w: &[&str], reply: Option<&Node>) -> Result<Told, Told> {
        let key = w[1];
        let store = w[0].ends_with("STORE");
        let mut set = if store { BTreeSet::new() } else { self.set(key)? };
        let before = set.len();
        Ok(match w[0] {
            "SADD" | "SREM" => {
                for member in &w[2..] {
                    if w[0] == "SADD" {
                        set.insert((*member).into())
                    } else {
                        set.remove(*member)
                    };
                }
                let changed = before.abs_diff(set.len());
                if changed > 0 {
                    self.put(key, Value::Set(set));
                }
                Int(changed as i64)
            }
            "SISMEMBER" => Int(i64::from(set.contains(w[2]))),
            "SCARD" => Int(before as i64),
            "SMEMBERS" => Any(1, set.into_iter().collect()),
            // Which one is the server's choice: any that is there.
            "SPOP" | "SRANDMEMBER" if set.is_empty() => Nil,
            "SPOP" | "SRANDMEMBER" => {
                let chosen = reply.expect("choices are not made where replies get lost").string();
                if !set.contains(&chosen) {
                    return Ok(Error("a member that is not there"));
                }
                if w[0] == "SPOP" {
                    set.remove(&chosen);
                    self.put(key, Value::Set(set));
                }
                Told::Chosen
            }
            "SMOVE" => {
                if set.is_empty() {
                    return Ok(Int(0));
                }
                let mut other = self.set(w[2])?;
                if !set.remove(w[3]) {
                    return Ok(Int(0));
                }
                self.put(key, Value::Set(set));
                if other.insert(w[3].into()) {
                    self.put(w[2], Value::Set(other));
                }
                Int(1)
            }
            "SINTERSTORE" | "SUNIONSTORE" => {
                let (a, b) = (self.set(w[2])?, self.set(w[3])?);
                let made: BTreeSet<String> = if w[0] == "SINTERSTORE" { &a & &b } else { &a | &b };
                let len = made.len() as i64;
                if made.is_empty() {
                    self.take(key);
                } else {
                    self.put(key, Value::Set(made));
                }
                Int(len)
            }
            name => panic!("the model does not know {name}"),
        })
    }

    fn hashes(&mut self, w: &[&str]) -> Result<Told, Told> {
        let mut hash = self.hash(w[1])?;
        let field = w.get(2).copied().unwrap_or_default();
        let told = match w[0] {
            "HGET" => return Ok(bulk(hash.get(field))),
            "HLEN" => return Ok(Int(hash.len() as i64)),
            "HGETALL" => return Ok(Any(2, hash.into_iter().flat_map(|(f, v)| [f, v]).collect())),
            "HSETNX" if hash.contains_key(field) => return Ok(Int(0)),
            "HSET" | "HSETNX" => Int(i64::from(hash.insert(field.into(), w[3].into()).is_none())),
            "HDEL" => match hash.remove(field) {
                None => return Ok(Int(0)),
                Some(_) => Int(1),
            },
            "HINCRBY" => {
                let now =
                    hash.get(field).map_or(Ok(0), |n| number(n))? + w[3].parse::<i64>().expect("a number of ours");
                hash.insert(field.into(), now.to_string());
                Int(now)
            }
            name => panic!("the model does not know {name}"),
        };
        self.put(w[1], Value::Hash(hash));
        Ok(told)
    }

    fn sorted_sets(&mut self, w: &[&str]) -> Result<Told, Told> {
        let mut set = self.sorted(w[1])?;
        let score = |n: &i64| Bulk(n.to_string());
        let told = match w[0] {
            "ZCARD" => return Ok(Int(set.len() as i64)),
            "ZSCORE" => return Ok(set.get(w[2]).map_or(Nil, score)),
            "ZRANGE" => {
                let mut all: Vec<(i64, String)> = set.into_iter().map(|(member, n)| (n, member)).collect();
                all.sort();
                return Ok(List(all.into_iter().flat_map(|(n, member)| [Bulk(member), score(&n)]).collect()));
            }
            "ZADD" => {
                let old = set.insert(w[3].into(), w[2].parse().expect("a number of ours"));
                if old == set.get(w[3]).copied() {
                    return Ok(Int(0));
                }
                Int(i64::from(old.is_none()))
            }
            "ZINCRBY" => {
                let now = set.entry(w[3].into()).or_default();
                *now += w[2].parse::<i64>().expect("a number of ours");
                score(now)
            }
            "ZREM" => match set.remove(w[2]) {
                None => return Ok(Int(0)),
                Some(_) => Int(1),
            },
            "ZPOPMIN" => {
                let Some((n, member)) = set.iter().map(|(member, n)| (*n, member.clone())).min() else {
                    return Ok(List(Vec::new()));
                };
                set.remove(&member);
                List(vec![Bulk(member), score(&n)])
            }
            name => panic!("the model does not know {name}"),
        };
        self.put(w[1], Value::Sorted(set));
        Ok(told)
    }
}
