use super::*;
use std::collections::{BTreeMap, HashMap};

type Model = BTreeMap<(u64, Vec<u8>), f64>;

fn limits(n: usize) -> Limits {
    Limits { zset_max_listpack_entries: n, zset_max_listpack_value: 20, ..Limits::default() }
}

fn pairs<'a>(iter: impl Iterator<Item = (Item<'a>, f64)>) -> Vec<(Vec<u8>, f64)> {
    iter.map(|(m, s)| (m.to_vec(), s)).collect()
}

fn model_pairs(model: &Model) -> Vec<(Vec<u8>, f64)> {
    model.iter().map(|((_, m), s)| (m.clone(), *s)).collect()
}

fn score(rng: &mut Rng, kind: u64) -> f64 {
    match kind {
        0 => 0.0,
        1 => rng.below(10) as f64 - 5.0,
        2 => rng.unit() * 100.0,
        3 => [f64::INFINITY, f64::NEG_INFINITY, 1e300, -1e-300, 0.5][rng.below(5) as usize],
        _ => (rng.next_u64() as i64 >> rng.below(60)) as f64,
    }
}

fn probe(zset: &Zset, model: &Model, all: &[(Vec<u8>, f64)], rng: &mut Rng) {
    let from = rng.below(all.len() as u64 + 1) as usize;
    let ranks = from..from + rng.below((all.len() - from) as u64 + 1) as usize;
    let (mut up, mut down) = (Vec::new(), Vec::new());
    zset.each(ranks.clone(), |m, s| up.push((m.to_vec(), s)));
    zset.rev_each(ranks.clone(), |m, s| down.insert(0, (m.to_vec(), s)));
    assert_eq!((&up[..], &down[..]), (&all[ranks.clone()], &all[ranks]));
    assert_eq!(zset.len(), model.len());
    let (low, high) = (score(rng, rng.clone().below(5)), score(rng, 4));
    let (low, high) = if rng.below(8) > 0 && low > high { (high, low) } else { (low, high) };
    let (open_low, open_high) = (rng.below(2) == 0, rng.below(2) == 0);
    let edge = |open, s| if open { ScoreEdge::Exclusive(s) } else { ScoreEdge::Inclusive(s) };
    let span = zset.span_by_score(edge(open_low, low), edge(open_high, high));
    let want: Vec<_> = all
        .iter()
        .filter(|(_, s)| {
            (if open_low { *s > low } else { *s >= low }) && (if open_high { *s < high } else { *s <= high })
        })
        .cloned()
        .collect();
    assert_eq!(pairs(zset.iter_from(span.start).take(span.len())), want);
    let rank = rng.below(all.len() as u64 + 2) as usize;
    assert_eq!(pairs(zset.iter_from(rank).take(5)), all.iter().skip(rank).take(5).cloned().collect::<Vec<_>>());
    let down = if rank < all.len() { all[..=rank].iter().rev().take(200).cloned().collect() } else { vec![] };
    assert_eq!(pairs(zset.rev_from(rank).take(200)), down);
    if let Some((m, s)) = all.get(rank) {
        assert_eq!(zset.rank(m), Some((rank, *s)));
        assert_eq!(zset.score(m), Some(*s));
    }
    assert_eq!(zset.rank(b"nobody"), None);
    if let Some((m, s)) = zset.random(rng) {
        assert_eq!(zset.score(&m.to_vec()), Some(s));
    }
}

#[test]
fn behaves_like_an_ordered_map_in_both_encodings() {
    let mut rng = Rng::new(31);
    let mut encodings = HashMap::new();
    for round in 0..48u64 {
        let limits = limits([4, 60, 100_000][round as usize % 3].min(200));
        let space = [10, 80, 4000, 12_000][round as usize / 3 % 4];
        let mut zset = Zset::new(1, 1, &limits);
        let mut model = Model::new();
        let mut scores: HashMap<Vec<u8>, f64> = HashMap::new();
        let steps = if space > 1000 { 12_000 } else { 800 };
        for step in 0..steps {
            let member = match rng.below(space) {
                n if n % 50 == 7 && round % 2 == 0 => format!("a rather long member {n}"),
                n if n % 3 == 0 => n.to_string(),
                n => format!("m{n}"),
            }
            .into_bytes();
            // Grow, then churn, then shrink.
            let grow = [9, 5, 2][step * 3 / steps];
            if rng.below(10) < grow {
                let kind = if round % 6 == 5 { 0 } else { rng.below(5) };
                let s = score(&mut rng, kind);
                let did = zset.upsert(&member, &limits, |old| (old != Some(1.0)).then_some(s));
                let old = scores.get(&member).copied();
                assert_eq!(did.old, old);
                assert_eq!(did.new.is_none(), old == Some(1.0));
                if did.new.is_some() {
                    if let Some(old) = old {
                        model.remove(&(scored::order(old), member.clone()));
                    }
                    scores.insert(member.clone(), s);
                    model.insert((scored::order(s), member), s);
                }
            } else if rng.below(20) == 0 {
                let from = rng.below(model.len() as u64 + 1) as usize;
                let most = if rng.below(10) == 0 { 1000 } else { 10 };
                let n = rng.below(most) as usize;
                let want: Vec<_> = model.iter().skip(from).take(n).map(|((_, m), s)| (m.clone(), *s)).collect();
                let mut got = Vec::new();
                assert_eq!(zset.remove_span(from..from + n, |m, s| got.push((m.to_vec(), s))), want.len());
                assert_eq!(got, want);
                for (m, s) in want {
                    scores.remove(&m);
                    model.remove(&(scored::order(s), m));
                }
            } else {
                let old = scores.remove(&member);
                assert_eq!(zset.remove(&member), old);
                if let Some(old) = old {
                    model.remove(&(scored::order(old), member));
                }
            }
            if step % (steps / 40) == 0 {
                zset.check();
                let all = model_pairs(&model);
                assert_eq!(pairs(zset.iter()), all);
                (0..20).for_each(|_| probe(&zset, &model, &all, &mut rng));
                *encodings.entry(zset.encoding()).or_insert(0) += 1;
            }
        }
        let copy = unsafe { Zset::from_raw(zset.clone().into_raw()) };
        copy.check();
        assert_eq!(pairs(copy.iter()), model_pairs(&model));
        let (mut cursor, mut seen) = (0, HashMap::new());
        loop {
            cursor = copy.scan(cursor, |m, s| {
                seen.insert(m.to_vec(), s);
            });
            if cursor == 0 {
                break;
            }
        }
        assert_eq!(seen, scores);
        let all = zset.len();
        assert_eq!(zset.remove_span(0..usize::MAX, |_, _| ()), all);
        zset.check();
        assert!(zset.is_empty() && zset.iter().next().is_none());
    }
    assert!(encodings.len() == 2 && encodings.values().all(|n| *n > 200), "{encodings:?}");
}

#[test]
fn ascending_and_descending_scores() {
    for down in [false, true] {
        let mut zset = Zset::new_ranked();
        let limits = Limits::default();
        for i in 0..30_000 {
            let s = if down { -i } else { i };
            assert_eq!(zset.set(format!("member:{i}").as_bytes(), f64::from(s), &limits), None);
        }
        zset.check();
        let l = zset.large_mut();
        let tree = l.tree.heap_bytes() as f64 / 30_000.0;
        assert!(tree < 9.6, "{tree} bytes a member");
        assert_eq!(
            zset.rank(b"member:100"),
            Some((if down { 29_899 } else { 100 }, if down { -100.0 } else { 100.0 }))
        );
    }
}

#[test]
fn ranges_by_member() {
    let mut rng = Rng::new(5);
    for n in [50, 20_000u64] {
        let mut zset = Zset::new_listpack();
        for _ in 0..n {
            zset.set(format!("{:x}", rng.below(n * 4)).as_bytes(), 0.0, &limits(128));
        }
        zset.check();
        let all: Vec<Vec<u8>> = zset.iter().map(|(m, _)| m.to_vec()).collect();
        assert!(all.is_sorted());
        for _ in 0..500 {
            let texts: [String; 2] = std::array::from_fn(|_| format!("{:x}", rng.below(n * 5)));
            let mut edge = |i: usize| match rng.below(6) {
                0 => LexEdge::Min,
                1 => LexEdge::Max,
                2 | 3 => LexEdge::Inclusive(texts[i].as_bytes()),
                _ => LexEdge::Exclusive(texts[i].as_bytes()),
            };
            let (min, max) = (edge(0), edge(1));
            let above = |m: &[u8]| match min {
                LexEdge::Min => true,
                LexEdge::Max => false,
                LexEdge::Inclusive(e) => m >= e,
                LexEdge::Exclusive(e) => m > e,
            };
            let below = |m: &[u8]| match max {
                LexEdge::Min => false,
                LexEdge::Max => true,
                LexEdge::Inclusive(e) => m <= e,
                LexEdge::Exclusive(e) => m < e,
            };
            let want = all.iter().filter(|m| above(m) && below(m)).count();
            let span = zset.span_by_lex(min, max);
            assert_eq!(span.len(), want, "{min:?} {max:?}");
            assert!(all[span].iter().all(|m| above(m) && below(m)));
        }
    }
}

#[test]
fn converts_when_redis_does() {
    let limits = limits(3);
    let mut z = Zset::new(1, 1, &limits);
    for i in 0..3 {
        z.set(&[b'a' + i], f64::from(i) / 2.0, &limits);
    }
    assert_eq!(z.encoding(), "listpack");
    z.set(b"a", 7.0, &limits);
    z.set(b"b", -0.0, &limits);
    assert_eq!((z.encoding(), z.len()), ("listpack", 3));
    assert_eq!(
        z.as_listpack().unwrap().iter().map(Item::to_vec).collect::<Vec<_>>(),
        [&b"b"[..], b"0", b"c", b"1", b"a", b"7"]
    );
    let mut long = z.clone();
    long.remove(b"c");
    long.set(&[b'x'; 21], 1.0, &limits);
    assert_eq!(long.encoding(), "skiplist");
    z.set(b"d", 0.1, &limits);
    assert_eq!(z.encoding(), "skiplist");
    z.set(b"d", -0.0, &limits);
    assert!(z.score(b"d").unwrap().is_sign_negative());
    z.remove(b"d");
    assert_eq!(z.encoding(), "skiplist");
    z.try_listpack(&limits);
    assert_eq!((z.encoding(), z.len()), ("listpack", 3));
    z.prepare(4, &limits);
    assert_eq!(z.encoding(), "skiplist");
    assert_eq!(Zset::new(4, 1, &limits).encoding(), "skiplist");
    assert_eq!(Zset::new(1, 21, &limits).encoding(), "skiplist");
}

#[test]
fn loads_listpacks_that_make_sense() {
    let load = |texts: &[&str]| {
        let mut p = Packed::new();
        texts.iter().for_each(|t| p.push(t.as_bytes().into()));
        Zset::from_packed(p, &limits(3))
    };
    assert_eq!(pairs(load(&["a", "1", "b", "2.5"]).unwrap().iter()), [(b"a".to_vec(), 1.0), (b"b".to_vec(), 2.5)]);
    assert_eq!(pairs(load(&["a", "3", "b", "inf", "c", "-1"]).unwrap().iter()).first(), Some(&(b"c".to_vec(), -1.0)));
    assert_eq!(load(&["a", "1", "b", "2", "c", "3", "d", "4"]).unwrap().encoding(), "skiplist");
    for bad in [&["a"][..], &["a", "1", "a", "2"], &["a", "x"], &["a", "nan"]] {
        assert!(load(bad).is_none(), "{bad:?}");
    }
}

#[test]
fn stays_dense() {
    for random in [false, true] {
        let (mut zset, limits, mut rng) = (Zset::new_ranked(), Limits::default(), Rng::new(1));
        let (mut sum, mut points) = (0.0, 0);
        for i in 0..300_000 {
            let score = if random { rng.below(1 << 40) as f64 } else { f64::from(i) };
            zset.set(format!("member:{i:013}").as_bytes(), score, &limits);
            if i > 100_000 && i % 5000 == 0 {
                sum += zset.heap_bytes() as f64 / zset.len() as f64;
                points += 1;
            }
        }
        let mean = sum / f64::from(points);
        assert!(mean < if random { 54.0 } else { 52.5 }, "{mean} bytes a member of 20 bytes");
    }
}
