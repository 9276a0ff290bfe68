//! Random commands, asked of a real server and of the type, and everything that shows compared.

use super::*;
use crate::base::rng::Rng;
use crate::data::peer::{Peer, Reply};

fn id(rng: &mut Rng, last: u64) -> StreamId {
    let n = rng.below(last + 3);
    StreamId::new(n / 3, n % 3)
}

fn text(id: StreamId) -> Reply {
    Reply::Text(id.to_string().into_bytes())
}

fn entry(entry: Entry<'_>) -> Reply {
    let fields = entry.fields().flat_map(|(f, v)| [f, v]).map(|v| Reply::Text(v.to_vec())).collect();
    Reply::List(vec![text(entry.id), Reply::List(fields)])
}

fn field<'a>(info: &'a Reply, name: &str) -> &'a Reply {
    let pairs = info.list();
    let at = pairs.iter().position(|r| *r == Reply::Text(name.into())).unwrap_or_else(|| panic!("{name}"));
    &pairs[at + 1]
}

fn count(n: usize) -> Reply {
    Reply::Int(n as i64)
}

fn compare(peer: &mut Peer, stream: &Stream, place: &str) {
    let entries: Vec<Reply> = stream.range(StreamId::MIN, StreamId::MAX).map(entry).collect();
    assert_eq!(peer.ask("xrange s - +"), Reply::List(entries), "{place}");
    let mut back: Vec<Reply> = stream.range_rev(StreamId::MIN, StreamId::MAX).map(entry).collect();
    back.truncate(5);
    assert_eq!(peer.ask("xrevrange s + - count 5"), Reply::List(back), "{place}");
    let info = peer.ask("xinfo stream s");
    assert_eq!(*field(&info, "length"), count(stream.len() as usize), "{place}");
    assert_eq!(*field(&info, "radix-tree-keys"), count(stream.nodes_len()), "{place}");
    assert_eq!(*field(&info, "radix-tree-nodes"), count(stream.radix_nodes()), "{place}");
    assert_eq!(*field(&info, "last-generated-id"), text(stream.last_id()), "{place}");
    assert_eq!(*field(&info, "max-deleted-entry-id"), text(stream.max_deleted_id()), "{place}");
    assert_eq!(*field(&info, "entries-added"), count(stream.entries_added() as usize), "{place}");
    assert_eq!(*field(&info, "recorded-first-entry-id"), text(stream.first_id()), "{place}");
    let theirs = peer.ask("xinfo groups s");
    assert_eq!(theirs.list().len(), stream.groups_len(), "{place}");
    let number = |n: Option<u64>| n.map_or(Reply::Nil, |n| Reply::Int(n as i64));
    for ((name, group), info) in stream.groups().zip(theirs.list()) {
        assert_eq!(field(info, "name").bytes(), name);
        assert_eq!(*field(info, "pending"), count(group.pel_len()), "{place}");
        assert_eq!(*field(info, "consumers"), count(group.consumers_len()), "{place}");
        assert_eq!(*field(info, "last-delivered-id"), text(group.last_id), "{place}");
        assert_eq!(*field(info, "entries-read"), number(group.entries_read), "{place} {group:?}");
        // Redis 8.0 knows more here than 7.0 and Valkey do: that nothing but what is left is to be read.
        let known_since_8 =
            stream.is_empty() || group.last_id < stream.first_id() && stream.max_deleted_id() < stream.first_id();
        if !known_since_8 {
            assert_eq!(*field(info, "lag"), number(stream.lag(group).map(|n| n as u64)), "{place} {group:?}");
        }
        let name = std::str::from_utf8(name).unwrap();
        let pending = peer.ask(&format!("xpending s {name} - + 10000"));
        let ours: Vec<_> = group.pel().map(|(id, n)| (text(id), group.owner(n).name(), n.delivery_count)).collect();
        let theirs: Vec<_> = pending
            .list()
            .iter()
            .map(|r| (r.list()[0].clone(), r.list()[1].bytes(), r.list()[3].int() as u64))
            .collect();
        assert_eq!(ours, theirs, "{place}");
        let consumers = peer.ask(&format!("xinfo consumers s {name}"));
        for (ours, theirs) in group.consumers().zip(consumers.list()) {
            assert_eq!(field(theirs, "name").bytes(), ours.name());
            assert_eq!(*field(theirs, "pending"), count(ours.pel_len()), "{place}");
        }
    }
}

#[test]
fn same_answers_as_the_peer() {
    let Some(mut peer) = Peer::start() else { return };
    let seven = peer.ask("hello").list().iter().any(|r| matches!(r, Reply::Text(t) if t.starts_with(b"7.0")));
    for seed in 0..120 {
        let mut rng = Rng::new(seed);
        let limits = NodeLimits {
            max_bytes: [0, 120, 4096][rng.below(3) as usize],
            max_entries: [0, 1, 3, 10, 100][rng.below(5) as usize],
        };
        peer.ask(&format!("config set stream-node-max-bytes {}", limits.max_bytes));
        peer.ask(&format!("config set stream-node-max-entries {}", limits.max_entries));
        peer.ask("flushall");
        let mut s = Stream::new();
        let mut last = 0;
        // 7.0 creates consumers later, and counts what a group has read differently after deletions.
        let (deletes, groups) = (seed % 3 > 0, !seven);
        let adds = 4 + rng.below(14);
        for step in 0..300 {
            let place = format!("seed {seed} step {step} {limits:?}");
            let at = id(&mut rng, last);
            let group = ["g", "h"][rng.below(2) as usize];
            let consumer = ["alice", "bob", "carol"][rng.below(3) as usize];
            let kind = rng.below(14 + adds);
            let has = |s: &Stream| groups && s.group(group.as_bytes()).is_some();
            match kind {
                0 | 1 if deletes => {
                    assert_eq!(peer.ask(&format!("xdel s {at}")).int() == 1, s.delete(at), "{place}");
                }
                2 if deletes => {
                    let approximate = rng.below(2) == 0;
                    let limit = if approximate { rng.below(3) * 7 } else { 0 };
                    let (to, words) = if rng.below(2) == 0 {
                        let max = rng.below(s.len() + 2);
                        (TrimTo::MaxLen(max), format!("maxlen {} {max}", if approximate { "~" } else { "=" }))
                    } else {
                        (TrimTo::MinId(at), format!("minid {} {at}", if approximate { "~" } else { "=" }))
                    };
                    let words = if approximate { format!("{words} limit {limit}") } else { words };
                    let theirs = peer.ask(&format!("xtrim s {words}"));
                    if theirs.int() != 0 || s.last_id() != StreamId::MIN {
                        let gone = s.trim(&Trim { to, approximate, limit, refs: RefPolicy::Keep });
                        assert_eq!(theirs, count(gone as usize), "{place} {words}");
                    }
                }
                3 if groups && s.last_id() != StreamId::MIN => {
                    let read = if rng.below(2) == 0 { Some(rng.below(s.entries_added() + 1)) } else { None };
                    let option = read.map_or(String::new(), |n| format!(" entriesread {n}"));
                    let made = peer.ask(&format!("xgroup create s {group} {at}{option}")).text() == "OK";
                    assert_eq!(made, s.create_group(group.as_bytes(), at, read), "{place}");
                }
                4 if has(&s) && rng.below(3) == 0 => {
                    peer.ask(&format!("xgroup setid s {group} {at}"));
                    let group = s.group_mut(group.as_bytes()).unwrap();
                    (group.last_id, group.entries_read) = (at, None);
                }
                5 if has(&s) && rng.below(6) == 0 => {
                    let theirs = peer.ask(&format!("xgroup delconsumer s {group} {consumer}")).int();
                    let ours = s.group_mut(group.as_bytes()).unwrap().delete_consumer(consumer.as_bytes());
                    assert_eq!(theirs, ours.unwrap_or(0) as i64, "{place}");
                }
                6..=8 if has(&s) => {
                    let (start, word) = match rng.below(4) {
                        0 => (Start::After(at), at.to_string()),
                        1 => (Start::New { noack: true }, ">".into()),
                        _ => (Start::New { noack: false }, ">".into()),
                    };
                    let noack = if start == (Start::New { noack: true }) { "noack " } else { "" };
                    let n = 1 + rng.below(6);
                    let line = format!("xreadgroup group {group} {consumer} count {n} {noack}streams s {word}");
                    let theirs = peer.ask(&line);
                    s.group_mut(group.as_bytes()).unwrap().see_consumer(consumer.as_bytes(), 0);
                    let mut ours = Vec::new();
                    s.read_group(group.as_bytes(), consumer.as_bytes(), start, n as usize, 0, |id, e| {
                        ours.push(e.map_or_else(|| Reply::List(vec![text(id), Reply::Nil]), entry));
                    });
                    let theirs = match &theirs {
                        Reply::Nil => vec![],
                        list => list.list()[0].list()[1].list().to_vec(),
                    };
                    assert_eq!(theirs, ours, "{place} {line}");
                }
                9 if has(&s) => {
                    let ours = s.group_mut(group.as_bytes()).unwrap().ack(at);
                    assert_eq!(peer.ask(&format!("xack s {group} {at}")).int() == 1, ours, "{place}");
                }
                10 | 11 if has(&s) => {
                    let (force, just_id) = (rng.below(3) == 0, rng.below(3) == 0);
                    let retry_count = if rng.below(3) == 0 { Some(rng.below(9)) } else { None };
                    let mut line = format!("xclaim s {group} {consumer} 0 {at}");
                    line += &retry_count.map_or(String::new(), |n| format!(" retrycount {n}"));
                    line += if force { " force" } else { "" };
                    line += if just_id { " justid" } else { "" };
                    s.group_mut(group.as_bytes()).unwrap().see_consumer(consumer.as_bytes(), 0);
                    let claim = Claim { min_idle_ms: 0, delivered_ms: 0, retry_count, force, just_id, now_ms: 0 };
                    let mut ours = Vec::new();
                    s.claim(group.as_bytes(), consumer.as_bytes(), at, &claim, |e| {
                        ours.push(if just_id { text(e.id) } else { entry(e) });
                    });
                    assert_eq!(peer.ask(&line), Reply::List(ours), "{place} {line}");
                }
                12 if has(&s) => {
                    let n = 1 + rng.below(5);
                    let line = format!("xautoclaim s {group} {consumer} 0 {at} count {n}");
                    s.group_mut(group.as_bytes()).unwrap().see_consumer(consumer.as_bytes(), 0);
                    let options = AutoClaim { min_idle_ms: 0, start: at, count: n as usize, just_id: false, now_ms: 0 };
                    let mut ours = Vec::new();
                    let (next, gone) =
                        s.auto_claim(group.as_bytes(), consumer.as_bytes(), &options, |e| ours.push(entry(e)));
                    let gone = gone.into_iter().map(text).collect();
                    let ours = Reply::List(vec![text(next), Reply::List(ours), Reply::List(gone)]);
                    assert_eq!(peer.ask(&line), ours, "{place} {line}");
                }
                13 if rng.below(10) == 0 && s.last_id() != StreamId::MIN => {
                    let top = s.last_id().next().unwrap();
                    let (added, tomb) = (s.entries_added() + 5, s.max_deleted_id());
                    let line = format!("xsetid s {top} entriesadded {added} maxdeletedid {tomb}");
                    // 0-0 as the largest deleted id is "not given".
                    assert_eq!(peer.ask(&line).text(), "OK", "{place}");
                    s.set_ids(top, Some(added), Some(tomb));
                    last = last.max(top.ms * 3 + top.seq);
                }
                _ => {
                    last += 1 + rng.below(4);
                    let at = StreamId::new(last / 3, last % 3);
                    let value = rng.below(100_000).to_string();
                    let line = match rng.below(4) {
                        0 => format!("name x temperature {value}"),
                        1 => format!("a {value} b 2 c 3"),
                        _ => format!("temperature {value}"),
                    };
                    peer.ask(&format!("xadd s {at} {line}"));
                    let added = s.add(NewId::Exact(at), 0, line.split(' ').map(str::as_bytes), &limits);
                    if added.is_err() {
                        last = s.last_id().ms * 3 + 3;
                    }
                }
            }
            if s.last_id() != StreamId::MIN && step % 3 == 0 {
                compare(&mut peer, &s, &place);
            }
        }
    }
}
