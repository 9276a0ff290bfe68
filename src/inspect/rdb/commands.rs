//! A file as commands that make its data again, for `redis-cli --pipe` or for a server's input.

use super::text::score_of;
use crate::data::Item;
use crate::data::stream::{Stream, StreamId};
use crate::inspect::json;
use crate::rdb::{Elements, Form, KeyHead, Part, ValueKind, Why};
use std::collections::BTreeMap;
use std::io::Write;

/// Words of one command at most, so that no command gets too large for whoever reads it.
const WORDS: usize = 512;

#[derive(Default)]
pub struct Commands {
    out: Vec<u8>,
    db: Option<u64>,
    key: Vec<u8>,
    expires_at_ms: Option<i64>,
    kind: Option<ValueKind>,
    /// The command being gathered: its words, encoded, and how many.
    words: Vec<u8>,
    count: usize,
    /// Fields that expire: when, and which.
    field_expiries: Vec<(i64, Vec<u8>)>,
    group: Vec<u8>,
    consumer: Vec<u8>,
    pending: BTreeMap<StreamId, (u64, u64)>,
    entries: u64,
}

impl Commands {
    pub fn function(&mut self, code: &[u8]) {
        self.command(&[b"FUNCTION", b"LOAD", b"REPLACE", code]);
    }

    pub fn begin(&mut self, db: u64, key: &KeyHead<'_>) {
        self.out.clear();
        if self.db != Some(db) {
            self.db = Some(db);
            self.command(&[b"SELECT", db.to_string().as_bytes()]);
        }
        self.key.clear();
        self.key.extend_from_slice(key.name);
        (self.expires_at_ms, self.kind, self.entries) = (key.expires_at_ms, Some(key.kind), 0);
        self.words.clear();
        self.count = 0;
        self.field_expiries.clear();
        self.pending.clear();
    }

    /// Writes what was gathered.
    pub fn write_to(&mut self, out: &mut impl Write) -> std::io::Result<()> {
        out.write_all(&self.out)?;
        self.out.clear();
        Ok(())
    }

    fn command(&mut self, words: &[&[u8]]) {
        self.out.push(b'*');
        json::int(words.len(), &mut self.out);
        self.out.extend_from_slice(b"\r\n");
        words.iter().for_each(|w| word(w, &mut self.out));
    }

    fn flush(&mut self) {
        if self.count > 0 {
            let name: &[u8] = match self.kind.map(ValueKind::type_name) {
                Some("list") => b"RPUSH",
                Some("set") => b"SADD",
                Some("zset") => b"ZADD",
                _ => b"HSET",
            };
            self.out.push(b'*');
            json::int(self.count + 2, &mut self.out);
            self.out.extend_from_slice(b"\r\n");
            word(name, &mut self.out);
            word(&self.key, &mut self.out);
            self.out.extend_from_slice(&self.words);
        }
        self.words.clear();
        self.count = 0;
    }

    fn gather(&mut self, items: &[Item<'_>]) {
        for item in items {
            item.with(|bytes| word(bytes, &mut self.words));
        }
        self.count += items.len();
        if self.count >= WORDS {
            self.flush();
        }
    }

    pub fn add(&mut self, part: &Part<'_>) -> Result<(), Why> {
        match *part {
            Part::Count(_) => {}
            Part::Text(item) => {
                let key = std::mem::take(&mut self.key);
                item.with(|bytes| self.command(&[b"SET", &key, bytes]));
                self.key = key;
            }
            Part::Item(item) => self.gather(&[item]),
            Part::Scored(member, score) => self.scored(member, score),
            Part::Field { name, value, expires_at_ms } => self.field(name, value, expires_at_ms),
            Part::Packed(form, bytes) => self.packed(form, bytes)?,
            Part::Module(_) => {
                self.kind = None;
            }
            _ => self.stream(part)?,
        }
        Ok(())
    }

    fn scored(&mut self, member: Item<'_>, score: f64) {
        let mut text = Vec::new();
        crate::base::double::write_double(score, &mut text);
        self.gather(&[Item::Bytes(&text), member]);
    }

    fn field(&mut self, name: Item<'_>, value: Item<'_>, expires_at_ms: Option<i64>) {
        if let Some(at) = expires_at_ms {
            self.field_expiries.push((at, name.to_vec()));
        }
        self.gather(&[name, value]);
    }

    fn packed(&mut self, form: Form, bytes: &[u8]) -> Result<(), Why> {
        let mut elements = Elements::open(form, bytes).ok_or("a packed value that is broken inside")?;
        match self.kind.map(ValueKind::type_name) {
            Some("zset") => {
                while let Some(member) = elements.next() {
                    let score = elements.next().and_then(score_of).ok_or("a score that is no number")?;
                    self.scored(member, score);
                }
            }
            Some("hash") => {
                while let Some(name) = elements.next() {
                    let (value, at) = super::field_of(&mut elements, form)?;
                    self.field(name, value, at);
                }
            }
            _ => elements.for_each(|item| self.gather(&[item])),
        }
        Ok(())
    }

    fn stream(&mut self, part: &Part<'_>) -> Result<(), Why> {
        let key = std::mem::take(&mut self.key);
        match *part {
            Part::StreamNode { first, listpack } => {
                let mut node = Stream::new();
                if !node.append_node(first, listpack) {
                    return Err("a stream's node that is broken inside".into());
                }
                for entry in node.range(StreamId::MIN, StreamId::MAX) {
                    let id = entry.id.to_string();
                    let texts: Vec<Vec<u8>> = entry.fields().flat_map(|(f, v)| [f.to_vec(), v.to_vec()]).collect();
                    let words: Vec<&[u8]> = [&b"XADD"[..], &key, id.as_bytes()]
                        .into_iter()
                        .chain(texts.iter().map(Vec::as_slice))
                        .collect();
                    self.command(&words);
                    self.entries += 1;
                }
            }
            Part::StreamFigures(figures) => {
                let last = figures.last_id.to_string();
                if self.entries == 0 && figures.last_id != StreamId::MIN {
                    self.command(&[b"XADD", &key, b"MAXLEN", b"0", last.as_bytes(), b"x", b"y"]);
                } else if self.entries == 0 {
                    self.command(&[b"XGROUP", b"CREATE", &key, b"x", b"$", b"MKSTREAM"]);
                    self.command(&[b"XGROUP", b"DESTROY", &key, b"x"]);
                }
                if let Some((_, max_deleted, added)) = figures.since_2 {
                    let (max_deleted, added) = (max_deleted.to_string(), added.to_string());
                    let words = [
                        &b"XSETID"[..],
                        &key,
                        last.as_bytes(),
                        b"ENTRIESADDED",
                        added.as_bytes(),
                        b"MAXDELETEDID",
                        max_deleted.as_bytes(),
                    ];
                    self.command(&words);
                } else if self.entries > 0 {
                    self.command(&[b"XSETID", &key, last.as_bytes()]);
                }
            }
            Part::Group { name, last_id, entries_read } => {
                self.group = name.to_vec();
                self.pending.clear();
                let (group, last) = (self.group.clone(), last_id.to_string());
                match entries_read.map(|n| n.to_string()) {
                    Some(read) => self.command(&[
                        b"XGROUP",
                        b"CREATE",
                        &key,
                        &group,
                        last.as_bytes(),
                        b"ENTRIESREAD",
                        read.as_bytes(),
                    ]),
                    None => self.command(&[b"XGROUP", b"CREATE", &key, &group, last.as_bytes()]),
                }
            }
            Part::Pending { id, delivered_ms, count } => {
                self.pending.insert(id, (delivered_ms, count));
            }
            Part::Consumer { name, .. } => {
                self.consumer = name.to_vec();
                let (group, consumer) = (self.group.clone(), self.consumer.clone());
                self.command(&[b"XGROUP", b"CREATECONSUMER", &key, &group, &consumer]);
            }
            Part::ConsumerPending(id) => {
                let (at, count) = self.pending.remove(&id).ok_or("a pending entry that its group does not have")?;
                let (group, consumer) = (self.group.clone(), self.consumer.clone());
                let (id, at, count) = (id.to_string(), at.to_string(), count.to_string());
                let times = [b"TIME", at.as_bytes(), b"RETRYCOUNT", count.as_bytes(), b"JUSTID", b"FORCE"];
                let words: Vec<&[u8]> =
                    [b"XCLAIM", &key[..], &group, &consumer, b"0", id.as_bytes()].into_iter().chain(times).collect();
                self.command(&words);
            }
            _ => return Err("a part that a stream has no place for".into()),
        }
        self.key = key;
        Ok(())
    }

    /// The value is complete.
    pub fn end(&mut self) -> Result<(), Why> {
        self.flush();
        let key = std::mem::take(&mut self.key);
        for (at, field) in std::mem::take(&mut self.field_expiries) {
            self.command(&[b"HPEXPIREAT", &key, at.to_string().as_bytes(), b"FIELDS", b"1", &field]);
        }
        // What only a module understands was not made.
        if let Some(at) = self.expires_at_ms.filter(|_| self.kind.is_some()) {
            self.command(&[b"PEXPIREAT", &key, at.to_string().as_bytes()]);
        }
        self.key = key;
        Ok(())
    }
}

fn word(bytes: &[u8], out: &mut Vec<u8>) {
    out.push(b'$');
    json::int(bytes.len(), out);
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(bytes);
    out.extend_from_slice(b"\r\n");
}
