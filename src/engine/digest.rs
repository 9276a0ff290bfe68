//! DEBUG DIGEST: one number for a dataset, and the number is Redis's, so that datasets can be compared across servers.
//!
//! Two operations on 20 bytes build it. [`Digest::mix`] takes something in where order matters, [`Digest::xor`] where it
//! does not (members of a set, keys of a database): the SHA-1 of what comes in is xored to what is there, and `mix` hashes
//! the result once more.

use crate::data::stream::StreamId;
use crate::data::{Hash, Item, List, Set, Stream, Zset};
use crate::keyspace::{Entry, Type};
use sha1::{Digest as _, Sha1};

#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Digest([u8; 20]);

impl Digest {
    pub fn xor(&mut self, bytes: &[u8]) {
        let hash = Sha1::digest(bytes);
        self.0.iter_mut().zip(hash).for_each(|(mine, theirs)| *mine ^= theirs);
    }

    pub fn mix(&mut self, bytes: &[u8]) {
        self.xor(bytes);
        self.0 = Sha1::digest(self.0).into();
    }

    /// Begins a database that has keys.
    pub fn begin_database(&mut self, number: u32) {
        self.mix(&number.to_be_bytes());
    }

    /// Takes in a key of the database begun last; their order does not matter.
    pub fn add_key(&mut self, entry: &Entry) {
        let mut key = Digest::default();
        key.mix(entry.key());
        key.value(entry);
        self.xor(&key.0);
    }

    /// What DEBUG DIGEST-VALUE tells of a key.
    pub fn of_value(entry: &Entry) -> Digest {
        let mut out = Digest::default();
        out.value(entry);
        out
    }

    fn value(&mut self, entry: &Entry) {
        self.mix(&type_number(entry.type_()).to_be_bytes());
        if let Some(s) = entry.string() {
            s.with(|bytes| self.mix(bytes));
        }
        match entry.type_() {
            Type::String => {}
            Type::List => {
                if let Some(list) = entry.object::<List>() {
                    self.list(&list);
                }
            }
            Type::Set => self.set(entry),
            Type::Zset => self.zset(entry),
            Type::Hash => self.hash(entry),
            Type::Stream => {
                if let Some(stream) = entry.object::<Stream>() {
                    self.stream(&stream);
                }
            }
        }
        if entry.expiry().is_some() {
            self.xor(b"!!expire!!");
        }
    }

    fn list(&mut self, list: &List) {
        let (mut iter, mut digits) = (list.iter(0, usize::MAX), itoa::Buffer::new());
        while let Some(value) = iter.next() {
            self.mix(value.text(&mut digits));
        }
    }

    fn set(&mut self, entry: &Entry) {
        let Some(set) = entry.object::<Set>() else { return };
        set.iter().for_each(|member| member.with(|m| self.xor(m)));
    }

    fn zset(&mut self, entry: &Entry) {
        let Some(zset) = entry.object::<Zset>() else { return };
        zset.iter().for_each(|(member, score)| self.pair(member, digits17(score).as_bytes().into(), false));
    }

    fn hash(&mut self, entry: &Entry) {
        let Some(hash) = entry.object::<Hash>() else { return };
        hash.iter(i64::MIN).for_each(|f| self.pair(f.name, f.value, f.expires_at_ms.is_some()));
    }

    fn pair(&mut self, a: Item<'_>, b: Item<'_>, expires: bool) {
        let mut both = Digest::default();
        a.with(|a| both.mix(a));
        b.with(|b| both.mix(b));
        if expires {
            both.xor(b"!!hexpire!!");
        }
        self.xor(&both.0);
    }

    fn stream(&mut self, stream: &Stream) {
        let mut digits = itoa::Buffer::new();
        for entry in stream.range(StreamId::MIN, StreamId::MAX) {
            // Redis puts a dot between the halves here, and only here.
            self.mix(format!("{}.{}", entry.id.ms, entry.id.seq).as_bytes());
            for (field, value) in entry.fields() {
                self.mix(field.text(&mut digits));
                self.mix(value.text(&mut digits));
            }
        }
    }
}

/// 40 hexadecimal digits.
impl std::fmt::Display for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|b| write!(f, "{b:02x}"))
    }
}

/// Redis's numbers of the types.
fn type_number(t: Type) -> u32 {
    match t {
        Type::String => 0,
        Type::List => 1,
        Type::Set => 2,
        Type::Zset => 3,
        Type::Hash => 4,
        Type::Stream => 6,
    }
}

/// C's `%.17g`.
pub fn digits17(n: f64) -> String {
    if !n.is_finite() {
        return if n.is_nan() {
            "nan"
        } else if n > 0.0 {
            "inf"
        } else {
            "-inf"
        }
        .to_owned();
    }
    let scientific = format!("{n:.16e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let trimmed =
        |s: &str| if s.contains('.') { s.trim_end_matches('0').trim_end_matches('.').to_owned() } else { s.to_owned() };
    if (-4..17).contains(&exponent) {
        return trimmed(&format!("{n:.*}", (16 - exponent) as usize));
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{}e{sign}{:02}", trimmed(mantissa), exponent.abs())
}

#[cfg(test)]
#[allow(clippy::approx_constant)]
mod tests {
    use super::*;
    use crate::data::Limits;
    use crate::data::stream::{NewId, StreamId};
    use crate::keyspace::NewValue;
    use crate::keyspace::value::Object;

    #[test]
    fn doubles_print_as_c_prints_them() {
        for (n, want) in [
            (1.0, "1"),
            (-0.0, "-0"),
            (3.14, "3.1400000000000001"),
            (1e17, "1e+17"),
            (1e16, "10000000000000000"),
            (1e-5, "1.0000000000000001e-05"),
            (0.0001, "0.0001"),
            (f64::NEG_INFINITY, "-inf"),
            (1.5e300, "1.5000000000000001e+300"),
        ] {
            assert_eq!(digits17(n), want);
        }
    }

    /// Collections, as redis-server 7.0.15 digests them: `DEBUG DIGEST-VALUE` of RPUSH l a b, SADD s a b, ZADD z 3.14 a 2 b,
    /// HSET h a 1 b 2, XADD x 1-2 a b.
    #[test]
    fn collections_digest_as_redis_does() {
        let words = || [b"a".as_slice(), b"b"].into_iter();
        let limits = Limits::default();
        let value = |v: Object| Digest::of_value(&Entry::new(b"k", NewValue::Object(v), None, 0)).to_string();
        let (mut set, mut zset, mut hash) = (Set::new_listpack(), Zset::new_listpack(), Hash::new());
        words().for_each(|w| assert!(set.add(w, &limits)));
        [(b"a", 3.14), (b"b", 2.0)].into_iter().for_each(|(m, s)| assert!(zset.set(m, s, &limits).is_none()));
        [(b"a", b"1"), (b"b", b"2")].into_iter().for_each(|(f, v)| assert!(hash.set(f, v, false, 0, &limits)));
        let mut list = List::new();
        list.push_all(crate::data::list::End::Tail, words(), &Default::default());
        let mut stream = Stream::new();
        let id = NewId::Exact(StreamId::new(1, 2));
        assert!(stream.add(id, 0, words(), &Default::default()).is_ok());
        for (value, want) in [
            (value(list.into()), "62f55a532623cf6c3d81081db480b6fd8461eb3f"),
            (value(set.into()), "dd99329063ca0f1f28df2ac68d94b82fd95501c6"),
            (value(zset.into()), "517a28e1768266f7f810f66a5a2930c4449a1b99"),
            (value(hash.into()), "6c8f22b3bf510fdcfd6122dd0f908a80e88243bf"),
            (value(stream.into()), "9496fea2cabf3228fd1d53f5c5d40927c522ce95"),
        ] {
            assert_eq!(value, want);
        }
    }

    /// Captured from redis-server 7.0.15: databases and keys, in words, and the whole dataset's digest.
    #[test]
    fn datasets_of_strings_digest_as_redis_does() {
        let table = include_str!("../../fixtures/debug-digest-strings.txt");
        let mut checked = 0;
        for line in table.lines().filter(|l| !l.starts_with('#') && !l.is_empty()) {
            let (want, keys) = line.split_once(' ').unwrap_or((line, ""));
            let mut all = Digest::default();
            let mut current = None;
            for key in keys.split(' ').filter(|k| !k.is_empty()) {
                let words: Vec<&str> = key.split(':').collect();
                let [db, name, value, expiry] = words[..] else { panic!("a key is db:name:value:expiry, not {key}") };
                let db: u32 = db.parse().expect("a database");
                if current != Some(db) {
                    all.begin_database(db);
                    current = Some(db);
                }
                all.add_key(&Entry::new(name.as_bytes(), NewValue::Set(value.as_bytes()), expiry.parse().ok(), 0));
            }
            assert_eq!(all.to_string(), want, "{keys}");
            checked += 1;
        }
        assert!(checked >= 6);
    }
}
