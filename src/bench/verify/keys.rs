//! What one connection wrote, and what it may find: the last value that was acknowledged, or one that was on its way when
//! the connection broke.

use crate::{base::crc64, base::rng::Rng, resp::Value};

/// What is to be done with one key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    Set { key: usize, version: u64 },
    Get { key: usize },
    Incr { key: usize },
    Count { key: usize },
}

impl Step {
    pub fn is_write(&self) -> bool {
        matches!(self, Step::Set { .. } | Step::Incr { .. })
    }
}

/// What a reply means.
#[derive(Debug, PartialEq, Eq)]
pub enum Found {
    Right,
    /// So many acknowledged writes are gone.
    Lost {
        writes: u64,
        sentence: String,
    },
    Wrong(String),
}

/// A value's versions: the last that was acknowledged, the last that was sent, and, since the connection broke, whether
/// any between may be there.
#[derive(Clone, Copy, Debug, Default)]
struct Register {
    acknowledged: u64,
    sent: u64,
    unsure: bool,
}

pub struct Owned {
    name: String,
    size: usize,
    values: Vec<Register>,
    counters: Vec<Register>,
}

impl Owned {
    pub fn new(run: u64, number: usize, keys: u64, size: usize) -> Owned {
        let registers = vec![Register::default(); keys as usize];
        Owned { name: format!("verify:{run:016x}:{number}"), size, values: registers.clone(), counters: registers }
    }

    /// The next step, by chance: half of them are writes.
    pub fn step(&mut self, rng: &mut Rng) -> Step {
        let key = rng.below(self.values.len() as u64) as usize;
        match rng.below(4) {
            0 => {
                let register = &mut self.values[key];
                register.sent += 1;
                Step::Set { key, version: register.sent }
            }
            1 => {
                self.counters[key].sent += 1;
                Step::Incr { key }
            }
            2 => Step::Get { key },
            _ => Step::Count { key },
        }
    }

    /// Reads of everything.
    pub fn all(&self) -> Vec<Step> {
        (0..self.values.len()).flat_map(|key| [Step::Get { key }, Step::Count { key }]).collect()
    }

    fn value_name(&self, key: usize) -> String {
        format!("{}:value:{key}", self.name)
    }

    fn counter_name(&self, key: usize) -> String {
        format!("{}:counter:{key}", self.name)
    }

    pub fn words(&self, step: &Step) -> Vec<Vec<u8>> {
        let text = |text: &str| text.as_bytes().to_vec();
        match step {
            Step::Set { key, version } => {
                let name = self.value_name(*key);
                let value = value(&name, *version, self.size);
                vec![text("SET"), name.into_bytes(), value]
            }
            Step::Get { key } => vec![text("GET"), self.value_name(*key).into_bytes()],
            Step::Incr { key } => vec![text("INCR"), self.counter_name(*key).into_bytes()],
            Step::Count { key } => vec![text("GET"), self.counter_name(*key).into_bytes()],
        }
    }

    /// The connection broke: what was sent may have been done or not.
    pub fn broke(&mut self) {
        for register in self.values.iter_mut().chain(&mut self.counters) {
            register.unsure |= register.sent > register.acknowledged;
        }
    }

    /// A write that the server refused was not done.
    pub fn refused(&mut self, step: &Step) {
        if let Step::Incr { key } = step {
            self.counters[*key].sent = self.counters[*key].sent.saturating_sub(1).max(self.counters[*key].acknowledged);
        }
    }

    /// Compares a reply with what it may be.
    pub fn check(&mut self, step: &Step, reply: &Value) -> Found {
        match *step {
            Step::Set { key, version } => {
                // Later ones of the same pipeline have been sent already.
                let register = &mut self.values[key];
                register.acknowledged = register.acknowledged.max(version);
                Found::Right
            }
            Step::Incr { key } => {
                let name = self.counter_name(key);
                let Some(n) = reply.int().and_then(|n| u64::try_from(n).ok()) else {
                    return Found::Wrong(format!("INCR {name} answered {reply:?}"));
                };
                let register = &mut self.counters[key];
                let expected = register.acknowledged + 1;
                let found =
                    judge(&name, register, n.saturating_sub(1), n >= expected && (n == expected || register.unsure));
                // Whatever it says now is where it goes on from.
                register.sent = n + register.sent.saturating_sub(expected);
                register.acknowledged = n;
                register.unsure = false;
                found
            }
            Step::Get { key } => {
                let name = self.value_name(key);
                let version = match reply.text() {
                    None => 0,
                    Some(text) => match version_of(text, &name, self.size) {
                        Some(version) => version,
                        None => return Found::Wrong(format!("{name} has a value that was never written")),
                    },
                };
                let register = &mut self.values[key];
                let right = version == register.acknowledged
                    || register.unsure && (register.acknowledged..=register.sent).contains(&version);
                let found = judge(&name, register, version, right);
                (register.acknowledged, register.unsure) = (version, false);
                found
            }
            Step::Count { key } => {
                let name = self.counter_name(key);
                let n = match reply.text() {
                    None => 0,
                    Some(text) => match std::str::from_utf8(text).ok().and_then(|text| text.parse::<u64>().ok()) {
                        Some(n) => n,
                        None => return Found::Wrong(format!("{name} is no number")),
                    },
                };
                let register = &mut self.counters[key];
                let right = n == register.acknowledged
                    || register.unsure && (register.acknowledged..=register.sent).contains(&n);
                let found = judge(&name, register, n, right);
                register.sent = n + register.sent.saturating_sub(register.acknowledged);
                (register.acknowledged, register.unsure) = (n, false);
                found
            }
        }
    }
}

fn judge(name: &str, register: &Register, found: u64, right: bool) -> Found {
    let known = register.acknowledged;
    if right {
        Found::Right
    } else if found < known {
        Found::Lost { writes: known - found, sentence: format!("{name} is at {found}, {known} was acknowledged") }
    } else {
        Found::Wrong(format!("{name} is at {found}, {known} was the last"))
    }
}

/// `name@version:letters:checksum`, of `size` letters.
fn value(name: &str, version: u64, size: usize) -> Vec<u8> {
    let mut out = format!("{name}@{version}:").into_bytes();
    let mut rng = Rng::new(version);
    out.extend((0..size).map(|_| b'a' + rng.below(26) as u8));
    let sum = crc64::crc64(0, &out);
    out.extend_from_slice(format!(":{sum:016x}").as_bytes());
    out
}

/// The version of a value of `name`, if it is whole.
fn version_of(text: &[u8], name: &str, size: usize) -> Option<u64> {
    let rest = text.strip_prefix(name.as_bytes())?.strip_prefix(b"@")?;
    let end = memchr::memchr(b':', rest)?;
    let version = std::str::from_utf8(&rest[..end]).ok()?.parse().ok()?;
    (value(name, version, size) == text).then_some(version)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bulk(text: &[u8]) -> Value {
        let reply = [format!("${}\r\n", text.len()).as_bytes(), text, b"\r\n"].concat();
        Value::parse(&reply).expect("a reply")
    }

    fn null() -> Value {
        Value::parse(b"$-1\r\n").expect("a null").plain()
    }

    fn int(n: u64) -> Value {
        Value::parse(format!(":{n}\r\n").as_bytes()).expect("a number")
    }

    #[test]
    fn values_are_judged() {
        let mut owned = Owned::new(1, 0, 1, 10);
        let (get, name) = (Step::Get { key: 0 }, owned.value_name(0));
        assert_eq!(owned.check(&get, &null()), Found::Right);
        let write = |owned: &mut Owned| {
            owned.values[0].sent += 1;
            Step::Set { key: 0, version: owned.values[0].sent }
        };
        for _ in 0..3 {
            let set = write(&mut owned);
            assert_eq!(owned.check(&set, &bulk(b"OK")), Found::Right);
        }
        assert_eq!(owned.check(&get, &bulk(&value(&name, 3, 10))), Found::Right);
        assert!(matches!(owned.check(&get, &bulk(&value(&name, 1, 10))), Found::Lost { writes: 2, .. }));
        // What is there now is where it goes on from.
        assert_eq!(owned.check(&get, &bulk(&value(&name, 1, 10))), Found::Right);
        let mut broken = value(&name, 1, 10);
        broken[name.len() + 5] ^= 1;
        assert!(matches!(owned.check(&get, &bulk(&broken)), Found::Wrong(_)));
        assert!(matches!(owned.check(&get, &bulk(&value("other", 1, 10))), Found::Wrong(_)));
        // Never acknowledged, and no break: nobody may see it.
        write(&mut owned);
        let sent = owned.values[0].sent;
        assert!(matches!(owned.check(&get, &bulk(&value(&name, sent, 10))), Found::Wrong(_)));
        write(&mut owned);
        owned.broke();
        assert_eq!(owned.check(&get, &bulk(&value(&name, sent + 1, 10))), Found::Right);
        assert!(matches!(owned.check(&get, &null()), Found::Lost { .. }));
    }

    #[test]
    fn counters_only_rise() {
        let mut owned = Owned::new(1, 0, 1, 3);
        let (incr, count) = (Step::Incr { key: 0 }, Step::Count { key: 0 });
        let next = |owned: &mut Owned, n: u64| {
            owned.counters[0].sent += 1;
            owned.check(&incr, &int(n))
        };
        assert_eq!([1, 2, 3].map(|n| next(&mut owned, n)), [Found::Right, Found::Right, Found::Right]);
        assert_eq!(owned.check(&count, &bulk(b"3")), Found::Right);
        assert!(matches!(next(&mut owned, 5), Found::Wrong(_)), "done twice");
        assert!(matches!(next(&mut owned, 2), Found::Lost { writes: 4, .. }), "began anew from 1");
        // One on its way when it broke: done, or not.
        owned.counters[0].sent += 1;
        owned.broke();
        assert_eq!(owned.check(&count, &bulk(b"3")), Found::Right);
        owned.counters[0].sent += 1;
        owned.broke();
        assert_eq!(owned.check(&count, &bulk(b"3")), Found::Right);
        assert!(matches!(owned.check(&count, &bulk(b"2")), Found::Lost { writes: 1, .. }));
        assert!(matches!(owned.check(&count, &bulk(b"x")), Found::Wrong(_)));
    }
}
