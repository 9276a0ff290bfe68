use super::*;
use crate::base::rng::Rng;

type Pairs = Vec<(Vec<u8>, Vec<u8>)>;

fn pairs(entry: &Entry<'_>) -> Pairs {
    entry.fields().map(|(f, v)| (f.to_vec(), v.to_vec())).collect()
}

fn id(n: u64) -> StreamId {
    StreamId::new(n / 3, n % 3)
}

fn add(stream: &mut Stream, at: StreamId, items: &[&str], limits: &NodeLimits) -> Result<StreamId, AddError> {
    stream.add(NewId::Exact(at), 0, items.iter().map(|s| s.as_bytes()), limits)
}

fn check(stream: &Stream, model: &BTreeMap<StreamId, Pairs>, rng: &mut Rng) {
    assert_eq!(stream.len(), model.len() as u64);
    assert_eq!(stream.first_id(), model.keys().next().copied().unwrap_or_default());
    assert_eq!(stream.last_entry_id(), model.keys().last().copied().unwrap_or_default());
    let (a, b) = (id(rng.below(4000)), id(rng.below(4000)));
    for (start, end) in [(StreamId::MIN, StreamId::MAX), (a.min(b), a.max(b)), (a, a)] {
        let expected: Vec<_> = model.range(start..=end).map(|(i, p)| (*i, p.clone())).collect();
        let found: Vec<_> = stream.range(start, end).map(|e| (e.id, pairs(&e))).collect();
        assert_eq!(found, expected);
        let mut back: Vec<_> = stream.range_rev(start, end).map(|e| (e.id, pairs(&e))).collect();
        back.reverse();
        assert_eq!(back, expected);
    }
    assert_eq!(stream.get(a).map(|e| pairs(&e)), model.get(&a).cloned());
    assert_eq!(stream.0.nodes.iter().map(|n| u64::from(n.count)).sum::<u64>(), stream.len());
}

#[test]
fn behaves_as_a_sorted_map() {
    for seed in 0..40 {
        let mut rng = Rng::new(seed);
        let limits = NodeLimits {
            max_bytes: [0, 100, 4096][rng.below(3) as usize],
            max_entries: [0, 1, 5, 100][rng.below(4) as usize],
        };
        let (mut stream, mut model) = (Stream::new(), BTreeMap::new());
        let mut last = 0;
        for step in 0..1000 {
            match rng.below(20) {
                0..=2 => {
                    let victim = id(rng.below(last + 2));
                    assert_eq!(stream.delete(victim), model.remove(&victim).is_some());
                }
                3 if rng.below(5) == 0 => {
                    let max = rng.below(model.len() as u64 + 3);
                    let (approximate, limit) = (rng.below(2) == 0, rng.below(3) * 50);
                    let trim = Trim { to: TrimTo::MaxLen(max), approximate, limit, refs: RefPolicy::Keep };
                    let gone = stream.trim(&trim);
                    assert!(stream.len() >= max.min(model.len() as u64));
                    assert!(approximate || limit > 0 || stream.len() <= max);
                    for _ in 0..gone {
                        model.pop_first();
                    }
                }
                4 if rng.below(5) == 0 => {
                    let min = id(rng.below(last + 2));
                    let trim = Trim { to: TrimTo::MinId(min), approximate: false, limit: 0, refs: RefPolicy::Delete };
                    stream.trim(&trim);
                    model = model.split_off(&min);
                }
                _ => {
                    last += rng.below(5);
                    let value = rng.below(1000).to_string();
                    let items = match rng.below(4) {
                        0 => vec!["other", "1", "name", &value],
                        1 => vec!["temperature", &value, "name", "x"],
                        _ => vec!["temperature", &value],
                    };
                    let greater = id(last) > stream.last_id();
                    let added = add(&mut stream, id(last), &items, &limits);
                    assert_eq!(added.is_ok(), greater);
                    if greater {
                        let pairs = items.chunks(2).map(|c| (c[0].into(), c[1].into())).collect();
                        model.insert(id(last), pairs);
                    }
                }
            }
            if step % 20 == 0 {
                check(&stream, &model, &mut rng);
            }
        }
        check(&stream, &model, &mut rng);
        let mut loaded = Stream::new();
        stream.write_nodes(|first, listpack| assert!(loaded.append_node(first, listpack)));
        check(&loaded, &model, &mut rng);
        check(&stream.clone(), &model, &mut rng);
    }
}

#[test]
fn broken_nodes_are_refused() {
    let mut stream = Stream::new();
    for n in 1..9 {
        add(&mut stream, id(n), &["a", "1", "b", &n.to_string()], &NodeLimits::default()).unwrap();
    }
    add(&mut stream, id(9), &["c", "1"], &NodeLimits::default()).unwrap();
    stream.write_nodes(|first, listpack| {
        let mut rng = Rng::new(1);
        for _ in 0..20_000 {
            let mut bytes = listpack.to_vec();
            for _ in 0..1 + rng.below(2) {
                let at = rng.below(bytes.len() as u64) as usize;
                bytes[at] = rng.next_u64() as u8;
            }
            let mut loaded = Stream::new();
            if loaded.append_node(first, &bytes) {
                assert_eq!(loaded.range(StreamId::MIN, StreamId::MAX).count() as u64, loaded.len());
                assert_eq!(loaded.range_rev(StreamId::MIN, StreamId::MAX).count() as u64, loaded.len());
            }
        }
    });
}

#[test]
fn memory_of_long_streams() {
    let mut stream = Stream::new();
    for i in 0..1_000_000u64 {
        add(&mut stream, StreamId::new(i + 1, 1), &["temperature", &(i % 50).to_string()], &NodeLimits::default())
            .unwrap();
    }
    let per_entry = stream.heap_bytes() as f64 / 1e6;
    println!("{per_entry} bytes an entry");
    assert!(per_entry <= 11.9, "{per_entry}");
}

#[test]
fn ids_are_chosen_as_redis_does() {
    let limits = NodeLimits::default();
    let mut stream = Stream::new();
    let auto = |s: &mut Stream, new, now| s.add(new, now, [&b"f"[..], b"v"].into_iter(), &limits);
    assert_eq!(auto(&mut stream, NewId::Auto, 50), Ok(StreamId::new(50, 0)));
    assert_eq!(auto(&mut stream, NewId::Auto, 40), Ok(StreamId::new(50, 1)));
    assert_eq!(auto(&mut stream, NewId::AutoSeq(50), 40), Ok(StreamId::new(50, 2)));
    assert_eq!(auto(&mut stream, NewId::AutoSeq(49), 40), Err(AddError::NotGreater));
    assert_eq!(auto(&mut stream, NewId::AutoSeq(60), 40), Ok(StreamId::new(60, 0)));
    assert_eq!(auto(&mut stream, NewId::Exact(StreamId::MAX), 40), Ok(StreamId::MAX));
    assert_eq!(auto(&mut stream, NewId::Auto, 40), Err(AddError::Exhausted));
}

fn with_group() -> Stream {
    let mut stream = Stream::new();
    for n in 1..=5 {
        add(&mut stream, StreamId::new(n, 0), &["f", "v"], &NodeLimits::default()).unwrap();
    }
    assert!(stream.create_group(b"g", StreamId::MIN, None));
    assert!(!stream.create_group(b"g", StreamId::MIN, None));
    for name in [b"alice", b"bobby"] {
        assert!(stream.group_mut(b"g").unwrap().create_consumer(name, 100));
    }
    stream
}

fn read(stream: &mut Stream, consumer: &[u8], start: Start, count: usize, now_ms: u64) -> Vec<(u64, bool)> {
    let mut out = Vec::new();
    stream.read_group(b"g", consumer, start, count, now_ms, |id, entry| out.push((id.ms, entry.is_some())));
    out
}

#[test]
fn groups_share_reading() {
    let mut s = with_group();
    let new = Start::New { noack: false };
    assert_eq!(read(&mut s, b"alice", new, 2, 1000), [(1, true), (2, true)]);
    assert_eq!(read(&mut s, b"bobby", new, 9, 2000), [(3, true), (4, true), (5, true)]);
    assert_eq!(read(&mut s, b"bobby", new, 9, 2000), []);
    let group = s.group(b"g").unwrap();
    assert_eq!((group.entries_read, group.pel_len(), s.lag(group)), (Some(5), 5, Some(0)));
    s.delete(StreamId::new(1, 0));
    assert_eq!(read(&mut s, b"alice", Start::After(StreamId::MIN), 9, 3000), [(1, false), (2, true)]);
    let nack = s.group(b"g").unwrap().nack(StreamId::new(2, 0)).copied().unwrap();
    assert_eq!((nack.delivered_ms, nack.delivery_count), (3000, 2));
    assert!(s.group_mut(b"g").unwrap().ack(StreamId::new(3, 0)));
    assert!(!s.group_mut(b"g").unwrap().ack(StreamId::new(3, 0)));

    let claim =
        Claim { min_idle_ms: 500, delivered_ms: 4000, retry_count: None, force: false, just_id: false, now_ms: 4000 };
    let mut seen = 0;
    assert_eq!(s.claim(b"g", b"alice", StreamId::new(4, 0), &claim, |_| seen += 1), Some(true));
    assert_eq!(s.claim(b"g", b"bobby", StreamId::new(4, 0), &claim, |_| seen += 1), None, "not idle for long");
    assert_eq!(s.claim(b"g", b"bobby", StreamId::new(1, 0), &claim, |_| seen += 1), Some(false), "deleted");
    assert_eq!(s.claim(b"g", b"bobby", StreamId::new(3, 0), &claim, |_| seen += 1), None, "not pending");
    assert_eq!(seen, 1);
    let group = s.group(b"g").unwrap();
    let owners: Vec<_> = group.pel().map(|(id, n)| (id.ms, group.owner(n).name()[0], n.delivery_count)).collect();
    assert_eq!(owners, [(2, b'a', 2), (4, b'a', 2), (5, b'b', 1)]);
    assert_eq!(group.consumer(b"alice").unwrap().pel_len(), 2);

    s.delete(StreamId::new(5, 0));
    let options = AutoClaim { min_idle_ms: 0, start: StreamId::MIN, count: 2, just_id: true, now_ms: 5000 };
    assert_eq!(s.auto_claim(b"g", b"bobby", &options, |_| ()), (StreamId::new(5, 0), vec![]));
    let options = AutoClaim { start: StreamId::new(5, 0), ..options };
    assert_eq!(s.auto_claim(b"g", b"bobby", &options, |_| ()), (StreamId::MIN, vec![StreamId::new(5, 0)]));
    assert_eq!(s.group_mut(b"g").unwrap().delete_consumer(b"bobby"), Some(2));
    assert_eq!(s.group(b"g").unwrap().pel_len(), 0);
    assert!(s.destroy_group(b"g") && !s.destroy_group(b"g"));
}

#[test]
fn deleting_minds_references() {
    let mut s = with_group();
    s.create_group(b"h", StreamId::new(1, 0), None);
    read(&mut s, b"alice", Start::New { noack: false }, 2, 0);
    let at = |n| StreamId::new(n, 0);
    assert_eq!(s.delete_with(at(9), RefPolicy::Acked), Deletion::NotFound);
    assert_eq!(s.delete_with(at(1), RefPolicy::Acked), Deletion::Kept);
    assert_eq!(s.ack_delete(b"g", at(1), RefPolicy::Acked), Deletion::Deleted);
    assert_eq!(s.ack_delete(b"g", at(2), RefPolicy::Acked), Deletion::Kept, "h has yet to read it");
    assert_eq!(s.ack_delete(b"g", at(2), RefPolicy::Acked), Deletion::NotFound);
    assert_eq!(read(&mut s, b"alice", Start::New { noack: false }, 1, 0), [(3, true)]);
    assert_eq!(s.delete_with(at(3), RefPolicy::Keep), Deletion::Deleted);
    assert_eq!(s.group(b"g").unwrap().pel_len(), 1);
    read(&mut s, b"alice", Start::New { noack: false }, 1, 0);
    assert_eq!(s.delete_with(at(4), RefPolicy::Delete), Deletion::Deleted);
    assert_eq!(s.group(b"g").unwrap().pel_len(), 1);
    let trim = Trim { to: TrimTo::MaxLen(0), approximate: false, limit: 0, refs: RefPolicy::Acked };
    assert_eq!((s.trim(&trim), s.len()), (0, 2));
}

#[test]
fn one_word_there_and_back() {
    let raw = with_group().into_raw();
    // SAFETY: just made, used once.
    let stream = unsafe { Stream::from_raw(raw) };
    assert_eq!((stream.len(), stream.free_effort(), size_of::<Option<Stream>>()), (5, 3, 8));
}

#[test]
fn lag_is_known_where_a_group_is_behind_all_that_is_left() {
    let mut s = with_group();
    let at = |n| StreamId::new(n, 0);
    read(&mut s, b"alice", Start::New { noack: false }, 2, 0);
    let lag = |s: &Stream| s.lag(s.group(b"g").unwrap());
    assert_eq!(lag(&s), Some(3));
    // A tombstone behind the group, an entry before it: nobody can tell.
    s.delete(at(4));
    assert_eq!(lag(&s), None);
    // All tombstones lie in front of what is left, and so does the group (redis#13338).
    s.delete(at(1));
    s.delete(at(2));
    s.delete(at(3));
    assert_eq!(lag(&s), Some(1));
    read(&mut s, b"alice", Start::New { noack: false }, 2, 0);
    assert_eq!((s.group(b"g").unwrap().entries_read, lag(&s)), (Some(5), Some(0)));
    s.delete(at(5));
    assert_eq!(lag(&s), Some(0), "an empty stream");
    s.create_group(b"h", StreamId::MIN, Some(100));
    assert_eq!(s.lag(s.group(b"h").unwrap()), Some(0));
}
