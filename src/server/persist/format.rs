//! Keys in the two formats of a base file: as records of a snapshot, and as the commands that make them.

use crate::data::Item;
use crate::engine::Engine;
use crate::engine::config::REDIS_VERSION;
use crate::engine::replication::Origin;
use crate::keyspace::Entry;
use crate::keyspace::cut::{Chunk, Encode, Size};
use crate::keyspace::world::Access;
use crate::rdb::Target;
use crate::rdb::write::{self, Encoder, KeyHead, Progress};

/// Records of RDB.
pub struct Records {
    encoder: Encoder,
    progress: Progress,
    clock: Option<Clock>,
}

/// What of the access clock is written: what the eviction policy in force uses.
#[derive(Clone, Copy)]
enum Clock {
    Lru { now: u32 },
    Lfu,
}

impl Records {
    pub fn new(engine: &Engine, target: Target) -> Records {
        let policy = engine.config.maxmemory_policy.name();
        let now = (super::super::now_ms() / 1000) as u32 & 0xff_ffff;
        let clock = match policy {
            p if p.ends_with("-lru") => Some(Clock::Lru { now }),
            p if p.ends_with("-lfu") => Some(Clock::Lfu),
            _ => None,
        };
        let encoder = Encoder::new(target, engine.config.rdbcompression.get());
        Records { encoder, progress: Progress::default(), clock }
    }

    fn head<'e>(&self, entry: &'e Entry) -> KeyHead<'e> {
        let (mut idle_s, mut freq) = (None, None);
        match self.clock {
            Some(Clock::Lru { now }) => idle_s = Some(u64::from(now.wrapping_sub(entry.clock()) & 0xff_ffff)),
            Some(Clock::Lfu) => freq = Some(entry.clock() as u8),
            None => {}
        }
        KeyHead { name: entry.key(), expires_at_ms: entry.expiry(), idle_s, freq }
    }
}

impl Encode for Records {
    fn key(&mut self, entry: &Entry, out: &mut Vec<u8>) {
        let head = self.head(entry);
        entry.with_value(|value| {
            self.encoder.key(&head, &value, out);
            self.encoder.whole_value(value, out);
        });
    }

    fn some(&mut self, entry: &Entry, first: bool, enough: usize, out: &mut Vec<u8>) -> bool {
        let head = self.head(entry);
        entry.with_value(|value| {
            if first {
                self.progress = Progress::default();
                self.encoder.key(&head, &value, out);
            }
            self.encoder.value_some(value, &mut self.progress, enough, out)
        })
    }
}

/// The format for what is in the keyspace now; everything is held. Hashes whose fields expire need a later one.
pub fn target(engine: &Engine, access: &mut Access) -> Target {
    let shards = access.world().shards();
    Target::lowest((0..shards).any(|i| !access.shard(i).fields.is_empty()), engine.field_expiry_target())
}

/// What comes before the keys, libraries of functions included, and where the dataset is in the history of replication, if
/// anywhere. `base`: the file is the base of an append-only file.
pub fn prologue(target: Target, base: bool, functions: &[Vec<u8>], origin: Option<&Origin>) -> Vec<u8> {
    let mut out = Vec::new();
    write::header(target, &mut out);
    let mut aux = |name: &str, value: &str| write::aux(name.as_bytes(), value.as_bytes(), &mut out);
    aux("redis-ver", REDIS_VERSION);
    aux("redis-bits", "64");
    aux("ctime", &(super::super::now_ms() / 1000).to_string());
    aux("used-mem", &crate::base::alloc::used_bytes().to_string());
    if let Some(Origin { id, offset, db }) = origin {
        aux("repl-stream-db", &db.to_string());
        aux("repl-id", id);
        aux("repl-offset", &offset.to_string());
    }
    aux("aof-base", if base { "1" } else { "0" });
    let mut encoder = Encoder::new(target, true);
    functions.iter().for_each(|code| encoder.function(code, &mut out));
    out
}

/// The same for commands.
pub fn prologue_commands(functions: &[Vec<u8>]) -> Vec<u8> {
    let mut out = Vec::new();
    functions.iter().for_each(|code| request(&[b"FUNCTION", b"LOAD", code], &mut out));
    out
}

/// Puts the databases' numbers between chunks of keys.
pub struct Framing {
    sizes: Vec<Size>,
    told: Vec<bool>,
    db: Option<u32>,
    commands: bool,
}

impl Framing {
    pub fn new(sizes: Vec<Size>, commands: bool) -> Framing {
        Framing { told: vec![false; sizes.len()], sizes, db: None, commands }
    }

    /// Gives the bytes of a chunk to `out`, in order, with what must stand before them.
    pub fn pass<E>(&mut self, chunk: &Chunk, mut out: impl FnMut(&[u8]) -> Result<(), E>) -> Result<(), E> {
        let mut from = 0;
        for &(db, end) in &chunk.runs {
            if self.db != Some(db) {
                self.db = Some(db);
                out(&self.select(db))?;
            }
            out(&chunk.bytes[from..end])?;
            from = end;
        }
        Ok(())
    }

    fn select(&mut self, db: u32) -> Vec<u8> {
        let mut bytes = Vec::new();
        if self.commands {
            request(&[b"SELECT", db.to_string().as_bytes()], &mut bytes);
            return bytes;
        }
        write::select_db(u64::from(db), &mut bytes);
        if let (Some(told), Some(size)) = (self.told.get_mut(db as usize), self.sizes.get(db as usize))
            && !std::mem::replace(told, true)
        {
            write::resize_db(size.keys, size.expiring, &mut bytes);
        }
        bytes
    }
}

/// Commands (`aof-use-rdb-preamble no`).
pub struct Commands;

/// Elements a command, as Redis has it.
const ITEMS: usize = 64;

impl Encode for Commands {
    fn key(&mut self, entry: &Entry, out: &mut Vec<u8>) {
        commands_of(entry, out);
    }

    fn some(&mut self, entry: &Entry, _first: bool, _enough: usize, out: &mut Vec<u8>) -> bool {
        // They say the same wherever they stand, so nothing is gained by parts of a key but memory.
        commands_of(entry, out);
        true
    }
}

fn request(words: &[&[u8]], out: &mut Vec<u8>) {
    out.extend_from_slice(format!("*{}\r\n", words.len()).as_bytes());
    for word in words {
        out.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
        out.extend_from_slice(word);
        out.extend_from_slice(b"\r\n");
    }
}

/// Groups elements into commands `name key element…`.
struct Batch<'a> {
    head: [&'a [u8]; 2],
    words: Vec<Vec<u8>>,
    elements: usize,
    out: &'a mut Vec<u8>,
}

impl<'a> Batch<'a> {
    fn new(name: &'a str, key: &'a [u8], out: &'a mut Vec<u8>) -> Batch<'a> {
        Batch { head: [name.as_bytes(), key], words: Vec::new(), elements: 0, out }
    }

    fn add(&mut self, words: impl IntoIterator<Item = Vec<u8>>) {
        self.words.extend(words);
        self.elements += 1;
        if self.elements == ITEMS {
            self.flush();
        }
    }

    fn flush(&mut self) {
        if self.elements > 0 {
            let words: Vec<&[u8]> = self.head.into_iter().chain(self.words.iter().map(Vec::as_slice)).collect();
            request(&words, self.out);
            self.words.clear();
            self.elements = 0;
        }
    }
}

fn spelled(item: Item<'_>) -> Vec<u8> {
    match item {
        Item::Int(n) => n.to_string().into_bytes(),
        Item::Bytes(b) => b.to_vec(),
    }
}

fn commands_of(entry: &Entry, out: &mut Vec<u8>) {
    use crate::data::lpentry::Value;
    use crate::rdb::write::ValueRef;
    let key = entry.key();
    entry.with_value(|value| match value {
        ValueRef::Text(text) => request(&[b"SET", key, &spelled(text)], out),
        ValueRef::List(list) => {
            let mut batch = Batch::new("RPUSH", key, out);
            let mut items = list.iter(0, list.len());
            while let Some(item) = items.next() {
                batch.add([match item {
                    Value::Int(n) => n.to_string().into_bytes(),
                    Value::Str(text) => text.to_vec(),
                }]);
            }
            batch.flush();
        }
        ValueRef::Set(set) => {
            let mut batch = Batch::new("SADD", key, out);
            set.iter().for_each(|member| batch.add([spelled(member)]));
            batch.flush();
        }
        ValueRef::Zset(zset) => {
            let mut batch = Batch::new("ZADD", key, out);
            for (member, score) in zset.rev_from(zset.len().saturating_sub(1)).take(zset.len()) {
                let mut text = Vec::new();
                crate::base::double::write_double(score, &mut text);
                batch.add([text, spelled(member)]);
            }
            batch.flush();
        }
        ValueRef::Hash(hash) => {
            let mut batch = Batch::new("HSET", key, out);
            hash.iter(i64::MIN).for_each(|f| batch.add([spelled(f.name), spelled(f.value)]));
            batch.flush();
            for field in hash.iter(i64::MIN) {
                if let Some(at) = field.expires_at_ms {
                    let at = at.to_string();
                    request(&[b"HPEXPIREAT", key, at.as_bytes(), b"FIELDS", b"1", &spelled(field.name)], out);
                }
            }
        }
        // A stream's groups and pending entries have no short spelling: its payload has them all.
        stream @ ValueRef::Stream(_) => {
            let payload = crate::rdb::payload::dump(stream, Target::WIDEST, false);
            request(&[b"RESTORE", key, b"0", &payload], out);
        }
    });
    if let Some(at) = entry.expiry() {
        request(&[b"PEXPIREAT", key, at.to_string().as_bytes()], out);
    }
}
