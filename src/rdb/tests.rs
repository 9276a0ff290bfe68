//! Values through every format and back, in steps of any size; broken bytes.

use super::payload::Owned;
use super::write::{self, Encoder, KeyHead, Progress, Summing, ValueRef};
use super::*;
use crate::base::rng::Rng;
use crate::data::list::End;
use crate::data::stream::{NewId, NodeLimits, StreamId};
use crate::data::{Hash, Item, Limits, List, Set, Stream, Zset, list};
use std::collections::BTreeMap;
use std::io::{Read, Write};

const TARGETS: [Target; 5] = [Target::Redis62, Target::Redis70, Target::Redis72, Target::Redis74, Target::Valkey9];

fn text(rng: &mut Rng) -> Vec<u8> {
    match rng.below(8) {
        0 => rng.below(300).to_string().into_bytes(),
        1 => (rng.next_u64() as i64 >> rng.below(64)).to_string().into_bytes(),
        2 => vec![b'a' + rng.below(3) as u8; rng.below(200) as usize],
        3 if rng.below(20) == 0 => vec![b'z'; 70_000 + rng.below(9) as usize],
        3 => (0..rng.below(80)).map(|_| rng.next_u64() as u8).collect(),
        _ => format!("text {}", rng.below(5000)).into_bytes(),
    }
}

/// A value of any type and size, made by the operations that commands use.
fn value(rng: &mut Rng, limits: &Thresholds) -> Value<'static> {
    let n = [1, 3, 40, 300, 2000][rng.below(5) as usize];
    match rng.below(5) {
        0 => {
            let mut list = List::new();
            (0..n).for_each(|_| {
                list.push(if rng.below(3) > 0 { End::Tail } else { End::Head }, &text(rng), &limits.lists)
            });
            Value::List(list)
        }
        1 => {
            let ints = rng.below(2) == 0;
            let mut set = Set::new_intset();
            (0..n).for_each(|_| {
                let member =
                    if ints { (rng.next_u64() as i64 >> rng.below(60)).to_string().into_bytes() } else { text(rng) };
                set.add(&member, &limits.collections);
            });
            Value::Set(set)
        }
        2 => {
            let mut zset = Zset::new(1, 1, &limits.collections);
            let scores = [0.0, -0.0, 1.5, -7.0, f64::INFINITY, f64::NEG_INFINITY, 1e300, 5e-324, 0.1];
            (0..n).for_each(|_| {
                let score =
                    if rng.below(3) == 0 { scores[rng.below(9) as usize] } else { rng.below(1000) as f64 / 8.0 };
                zset.set(&text(rng), score, &limits.collections);
            });
            Value::Zset(zset)
        }
        3 => {
            let mut hash = Hash::new();
            let expiring = rng.below(2) == 0;
            (0..n).for_each(|_| {
                let name = text(rng);
                hash.set(&name, &text(rng), false, 0, &limits.collections);
                if expiring && rng.below(3) == 0 {
                    hash.set_expiry(&name, Some(1 + rng.below(1 << 41) as i64));
                }
            });
            Value::Hash(hash)
        }
        _ => Value::Stream(stream(rng, n)),
    }
}

fn stream(rng: &mut Rng, n: u64) -> Stream {
    let limits = NodeLimits { max_bytes: 4096, max_entries: 1 + rng.below(100) as usize };
    let mut stream = Stream::new();
    for i in 0..n {
        let id = StreamId::new(i / 3 + 1, i % 3);
        let items =
            if rng.below(4) > 0 { vec![b"name".to_vec(), text(rng)] } else { (0..4).map(|_| text(rng)).collect() };
        let added = stream.add(NewId::Exact(id), 0, items.iter().map(Vec::as_slice), &limits);
        assert_eq!(added, Ok(id));
    }
    for _ in 0..rng.below(n / 2 + 1) {
        stream.delete(StreamId::new(rng.below(n / 3 + 1), rng.below(3)));
    }
    for group in ["g", "h"].into_iter().take(rng.below(3) as usize) {
        let read = if rng.below(2) == 0 { Some(rng.below(9)) } else { None };
        stream.create_group(group.as_bytes(), StreamId::new(5, 0), read);
        let group = stream.group_mut(group.as_bytes()).expect("just made");
        for (i, name) in ["alice", "bob", "carol"].into_iter().enumerate() {
            group.create_consumer(name.as_bytes(), 1000 + i as u64);
            if let Some(consumer) = group.consumer_mut(name.as_bytes()) {
                consumer.active_ms = (i > 0).then_some(77);
            }
            for _ in 0..rng.below(20) {
                group.give(StreamId::new(rng.below(99), 0), name.as_bytes(), rng.below(1 << 40), rng.below(5));
            }
        }
    }
    stream
}

fn view<'a>(value: &'a Value<'_>) -> ValueRef<'a> {
    value.view()
}

/// What a value holds, spelled out; `target` may know less of it.
pub(super) fn told(value: &Value<'_>, target: Target) -> Vec<String> {
    let show = |item: Item<'_>| String::from_utf8_lossy(&item.to_vec()).into_owned();
    match value {
        Value::Text(text) => vec![show(*text)],
        Value::List(list) => {
            let (mut iter, mut out) = (list.iter(0, usize::MAX), Vec::new());
            while let Some(item) = iter.next() {
                out.push(String::from_utf8_lossy(&item.to_vec()).into_owned());
            }
            out
        }
        Value::Set(set) => {
            set.check();
            sorted(set.iter().map(show).collect())
        }
        Value::Zset(zset) => zset.iter().map(|(m, s)| format!("{} {}", show(m), s + 0.0)).collect(),
        Value::Hash(hash) => {
            hash.check();
            let expiry = |at: Option<i64>| at.filter(|_| target.holds_field_expiry());
            sorted(
                hash.iter(i64::MIN)
                    .map(|f| format!("{}={} {:?}", show(f.name), show(f.value), expiry(f.expires_at_ms)))
                    .collect(),
            )
        }
        Value::Stream(stream) => {
            let mut out = vec![format!("{} {}", stream.len(), stream.last_id())];
            if target > Target::Redis62 {
                out.push(format!("{} {} {}", stream.first_id(), stream.max_deleted_id(), stream.entries_added()));
            }
            for entry in stream.range(StreamId::MIN, StreamId::MAX) {
                out.push(format!(
                    "{} {:?}",
                    entry.id,
                    entry.fields().map(|(f, v)| (f.to_vec(), v.to_vec())).collect::<Vec<_>>()
                ));
            }
            for (name, group) in stream.groups() {
                let read = group.entries_read.filter(|_| target > Target::Redis62);
                out.push(format!("{name:?} {} {read:?}", group.last_id));
                out.extend(group.pel().map(|(id, nack)| {
                    format!("{id} {} {} {:?}", nack.delivered_ms, nack.delivery_count, group.owner(nack).name())
                }));
                for consumer in group.consumers() {
                    let active = consumer.active_ms.filter(|_| target > Target::Redis70);
                    let active = if target > Target::Redis70 { active } else { None };
                    out.push(format!("{:?} {} {active:?} {}", consumer.name(), consumer.seen_ms, consumer.pel_len()));
                }
            }
            out
        }
    }
}

fn sorted(mut lines: Vec<String>) -> Vec<String> {
    lines.sort();
    lines
}

/// Gives its bytes a few at a time, as a socket may.
pub(super) struct Dribble<'a>(pub &'a [u8], pub usize);

impl Read for Dribble<'_> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let n = out.len().min(self.1).min(self.0.len());
        out[..n].copy_from_slice(&self.0[..n]);
        self.0 = &self.0[n..];
        Ok(n)
    }
}

fn thresholds(rng: &mut Rng) -> Thresholds {
    let collections = if rng.below(2) == 0 {
        Limits::default()
    } else {
        Limits {
            hash_max_listpack_entries: 10,
            set_max_intset_entries: 5,
            set_max_listpack_entries: 20,
            zset_max_listpack_entries: 2,
            ..Limits::default()
        }
    };
    let lists =
        list::Limits { max_listpack_size: [-2, -1, 5][rng.below(3) as usize], compress_depth: rng.below(3) as u32 };
    Thresholds { collections, lists }
}

#[test]
fn files_come_back() {
    for seed in 0..60 {
        let mut rng = Rng::new(seed);
        let limits = thresholds(&mut rng);
        let target = TARGETS[rng.below(5) as usize];
        let compress = rng.below(2) == 0;
        let enough = [1, 50, 5000, usize::MAX][rng.below(4) as usize];
        let mut encoder = Encoder::new(target, compress);
        let mut file = Summing::new(Vec::new(), rng.below(4) > 0);
        let (mut out, mut model) = (Vec::new(), BTreeMap::new());
        write::header(target, &mut out);
        write::aux(b"redis-ver", b"8.0.0", &mut out);
        write::aux(b"ctime", b"1700000000", &mut out);
        encoder.function(b"#!lua name=x\nreturn 1", &mut out);
        for n in 0..30u64 {
            if n % 10 == 0 {
                write::select_db(n / 10, &mut out);
                write::resize_db(10, 2, &mut out);
            }
            let (name, made) = (format!("key {n}"), value(&mut rng, &limits));
            let head = KeyHead {
                name: name.as_bytes(),
                expires_at_ms: (n % 3 == 0).then_some(n as i64 * 1_000_000_007),
                idle_s: (n % 4 == 1).then_some(n * 99),
                freq: (n % 4 == 2).then_some(n as u8),
            };
            encoder.key(&head, &view(&made), &mut out);
            let mut progress = Progress::default();
            while !encoder.value_some(view(&made), &mut progress, enough, &mut out) {
                file.write_all(&out).unwrap();
                out.clear();
            }
            let KeyHead { expires_at_ms, idle_s, freq, .. } = head;
            model.insert(name, (n / 10, expires_at_ms, idle_s, freq, told(&made, target)));
        }
        file.write_all(&out).unwrap();
        let bytes = file.finish().unwrap();
        let step = 1 + rng.below(bytes.len() as u64) as usize;
        let followed = [&bytes[..], b"after"].concat();
        let mut loader = Loader::new(Dribble(&followed, step), limits);
        let (mut others, mut seen) = (Vec::new(), 0);
        loop {
            match loader.next().unwrap_or_else(|fault| panic!("seed {seed} {target:?}: {fault}")) {
                Loaded::Key(key) => {
                    let name = std::str::from_utf8(key.name).unwrap();
                    let found = (key.db, key.expires_at_ms, key.idle_s, key.freq, told(&key.value, target));
                    assert_eq!(found, model[name], "seed {seed} {target:?} {name}");
                    seen += 1;
                }
                Loaded::Other(Event::End { .. }) => break,
                Loaded::Other(event) => others.push(format!("{event:?}").split(['(', ' ']).next().unwrap().to_owned()),
                Loaded::EmptyKey { .. } | Loaded::ModuleKey { .. } => panic!("none was written"),
            }
        }
        assert_eq!(seen, model.len());
        assert_eq!(others[..6], ["Header", "Aux", "Aux", "Function", "SelectDb", "ResizeDb"]);
        assert_eq!(loader.reader.offset(), bytes.len() as u64);
        let (mut rest, mut inner) = loader.reader.into_rest();
        inner.read_to_end(&mut rest).unwrap();
        assert_eq!(rest, b"after");

        // The same without a look at the values, and counted.
        let mut reader = Reader::over(&bytes);
        let mut keys = 0;
        loop {
            match reader.next().unwrap() {
                Event::Key(_) => keys += 1,
                Event::End { .. } => break,
                _ => {}
            }
            if reader.kind().is_some() {
                reader.skip_value().unwrap();
            }
        }
        assert_eq!(keys, model.len());
    }
}

#[test]
fn payloads_come_back() {
    for seed in 100..400 {
        let mut rng = Rng::new(seed);
        let limits = thresholds(&mut rng);
        let made = value(&mut rng, &limits);
        for target in TARGETS {
            let bytes = payload::dump_for(view(&made), target, rng.below(2) == 0);
            let Ok(Owned::Value(back)) = payload::restore(&bytes, &limits) else { panic!("seed {seed} {target:?}") };
            assert_eq!(told(&back, target), told(&made, target), "seed {seed} {target:?}");
        }
        let own = payload::dump(view(&made), Target::Valkey9, true);
        let version = payload::open(&own).unwrap().1;
        assert_eq!(version, if write::fields_expire(&view(&made)) { 80 } else { 10 });
    }
    for (text, want) in [
        ("-128", &b"\x00\xc0\x80"[..]),
        ("128", b"\x00\xc1\x80\x00"),
        ("-32769", b"\x00\xc2\xff\x7f\xff\xff"),
        ("2147483648", b"\x00\x0a2147483648"),
        ("007", b"\x00\x03007"),
    ] {
        let bytes = payload::dump(ValueRef::Text(Item::Bytes(text.as_bytes())), Target::WIDEST, true);
        assert_eq!(bytes[..bytes.len() - 10], *want);
        let Ok(Owned::Text(back)) = payload::restore(&bytes, &Thresholds::default()) else { panic!("{text}") };
        assert_eq!(back, text.as_bytes());
    }
}

/// Whatever is changed in a payload or file: an error or a sound value, no panic, and no more memory than the bytes can hold.
#[test]
fn broken_bytes_end_in_errors() {
    let rounds: u64 = std::env::var("RDB_FUZZ").ok().and_then(|n| n.parse().ok()).unwrap_or(40);
    for seed in 0..rounds {
        let mut rng = Rng::new(seed);
        let limits = thresholds(&mut rng);
        let made = value(&mut rng, &limits);
        let target = TARGETS[rng.below(5) as usize];
        let bytes = payload::dump_for(view(&made), target, rng.below(2) == 0);
        let body = &bytes[..bytes.len() - 10];
        let kind = ValueKind::of(body[0], target == Target::Valkey9).unwrap();
        let mut refused = 0;
        for _ in 0..60 {
            let mut broken = body[1..].to_vec();
            for _ in 0..1 + rng.below(3) {
                let front = if rng.below(2) == 0 { 40 } else { u64::MAX };
                let at = rng.below((broken.len() as u64).min(front));
                match rng.below(5) {
                    0 => broken.truncate(at as usize),
                    1 => broken.insert(at as usize, rng.next_u64() as u8),
                    2 => broken.splice(at as usize..at as usize, [0x81, 0xff, 0xff, 0, 0, 0, 0, 0, 0]).for_each(drop),
                    _ => broken[at as usize] = [rng.next_u64() as u8, 0xff, 0, 0x80, 0xc3][rng.below(5) as usize],
                }
                if broken.is_empty() {
                    break;
                }
            }
            let sound = is_sound(kind, &broken);
            let loads = load::value_of(kind, &broken, &limits);
            assert_eq!(sound, loads.as_ref().ok().map(Option::is_some), "seed {seed} {kind:?} {broken:?}");
            match loads {
                Ok(Some(Owned::Value(back))) => _ = told(&back, target),
                Ok(_) => {}
                Err(fault) => {
                    refused += 1;
                    assert!(fault.at <= broken.len() as u64);
                }
            }
            let mut reader = Reader::of_value(kind, &broken);
            let _ = reader.skip_value();
        }
        assert!(refused > 5, "seed {seed}: only {refused} of 60 refused");
    }
}

/// What the checker says of a value: `None`: broken, `Some(false)`: without elements.
fn is_sound(kind: ValueKind, bytes: &[u8]) -> Option<bool> {
    let (mut reader, mut checker) = (Reader::of_value(kind, bytes), Checker::default());
    checker.begin(kind);
    while let Event::Part(part) = reader.next().ok()? {
        checker.add(part).ok()?;
    }
    let filled = checker.end().ok()?;
    // Bytes behind the value are looked for only where it has any elements.
    (!filled || reader.offset() == bytes.len() as u64).then_some(filled)
}

#[test]
fn nothing_is_allocated_for_what_is_announced() {
    // A string, a list and an LZF string of exabytes.
    for bytes in [
        &b"REDIS0010\x00\x01k\x81\x0f\xff\xff\xff\xff\xff\xff\xff"[..],
        b"REDIS0010\x01\x01k\x81\x0f\xff\xff\xff\xff\xff\xff\xff",
        b"REDIS0010\x00\x01k\xc3\x05\x81\x0f\xff\xff\xff\xff\xff\xff\xffaaaaa",
    ] {
        let mut loader = Loader::on(Reader::over(bytes), Thresholds::default());
        assert!(matches!(loader.next(), Ok(Loaded::Other(Event::Header(_)))));
        assert!(loader.next().is_err());
    }
}

#[test]
fn what_is_no_file_is_refused() {
    let why = |bytes: &[u8]| match Reader::over(bytes).next() {
        Err(fault) => fault.why.to_string(),
        Ok(event) => format!("{event:?}"),
    };
    assert_eq!(why(b""), "the file ends unexpectedly");
    assert_eq!(why(b"RADIS0010"), "wrong signature: not an RDB file");
    assert_eq!(why(b"REDIS0099"), "format version 99 is not known");
    assert_eq!(why(b"REDIS0080"), "format version 80 is not known");
    assert_eq!(why(b"VALKEY011"), "format version 11 is not known");
    assert_eq!(why(b"VALKEY080"), "Header(Header { version: 80, valkey: true })");
}
