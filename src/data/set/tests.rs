use super::*;
use std::collections::{BTreeMap, BTreeSet};

fn limits(n: usize) -> Limits {
    Limits {
        set_max_intset_entries: n,
        set_max_listpack_entries: n / 2,
        set_max_listpack_value: 12,
        ..Limits::default()
    }
}

fn texts(set: &Set) -> BTreeSet<Vec<u8>> {
    let all: Vec<_> = set.iter().map(Item::to_vec).collect();
    assert_eq!(all.len(), set.len());
    all.into_iter().collect()
}

#[test]
fn behaves_like_a_set_in_every_encoding() {
    let mut rng = Rng::new(21);
    let mut encodings = BTreeMap::new();
    for round in 0..60 {
        let limits = limits([8, 40, 200][round % 3]);
        let space = [20, 100, 3000][round / 3 % 3];
        let mut set = Set::new(if round % 2 == 0 { b"1" } else { b"a" }, 1, &limits);
        let mut model = BTreeSet::new();
        for step in 0..1500 {
            let n = rng.below(space);
            let plain = round % 5 == 0 || step < 200 || rng.below(4) > 0;
            let wide = if round % 5 == 1 { 14 } else { 9 };
            let text = if plain { n.to_string() } else { format!("m{:0w$}", n, w = (n % wide) as usize) }.into_bytes();
            *encodings.entry(set.encoding()).or_insert(0) += 1;
            match rng.below(10) {
                0..6 => assert_eq!(set.add(&text, &limits), model.insert(text)),
                6..9 => assert_eq!(set.remove(&text), model.remove(&text)),
                _ => {
                    let seen = set.random(&mut rng).map(Item::to_vec);
                    assert!(seen.is_none_or(|m| model.contains(&m)));
                    let popped = set.pop(&mut rng, |m| m.to_vec());
                    assert_eq!(popped.is_some(), !model.is_empty());
                    assert!(popped.is_none_or(|m| model.remove(&m)));
                }
            }
            assert_eq!(set.len(), model.len());
            let probe = rng.below(space).to_string().into_bytes();
            assert_eq!(set.contains(&probe), model.contains(&probe));
            assert_eq!(set.contains_item(Item::Bytes(&probe)), model.contains(&probe));
        }
        set.check();
        assert_eq!(texts(&set), model);
        let copy = unsafe { Set::from_raw(set.clone().into_raw()) };
        drop(set);
        copy.check();
        assert_eq!(texts(&copy), model);
        let (mut cursor, mut seen) = (0, BTreeSet::new());
        loop {
            cursor = copy.scan(cursor, |m| {
                seen.insert(m.to_vec());
            });
            if cursor == 0 {
                break;
            }
        }
        assert_eq!(seen, model);
    }
    assert!(encodings.len() == 3 && encodings.values().all(|n| *n > 1000), "{encodings:?}");
}

#[test]
fn converts_when_redis_does() {
    let limits = limits(8);
    let with = |texts: &[&str]| {
        let mut s = Set::new(texts[0].as_bytes(), 1, &limits);
        for t in texts {
            s.add(t.as_bytes(), &limits);
        }
        s.encoding()
    };
    assert_eq!(with(&["1", "2", "-3"]), "intset");
    assert_eq!(with(&["1", "2", "3", "4", "5", "6", "7", "8"]), "intset");
    assert_eq!(with(&["1", "2", "3", "4", "5", "6", "7", "8", "9"]), "hashtable");
    assert_eq!(with(&["1", "2", "3", "x"]), "listpack");
    assert_eq!(with(&["1", "2", "3", "4", "x"]), "hashtable");
    assert_eq!(with(&["1", "thirteenchars"]), "hashtable");
    assert_eq!(with(&["1", "x", "2", "3"]), "listpack");
    assert_eq!(with(&["1", "x", "2", "3", "4"]), "hashtable");
    assert_eq!(with(&["1", "x", "2", "3", "x"]), "listpack");
    assert_eq!(with(&["1234567890123", "x"]), "hashtable");
    assert_eq!(Set::new(b"1", 9, &limits).encoding(), "hashtable");
    assert_eq!(Set::new(b"x", 4, &limits).encoding(), "listpack");
    let mut s = Set::new(b"1", 1, &limits);
    s.add(b"1", &limits);
    s.prepare(8, &limits);
    assert_eq!(s.encoding(), "intset");
    s.prepare(9, &limits);
    assert_eq!(s.encoding(), "hashtable");
    s.try_intset(&limits);
    assert_eq!((s.encoding(), s.len()), ("intset", 1));
}

#[test]
fn loads_listpacks_without_doubles_only() {
    let mut p = Packed::new();
    for t in ["a", "7", "b"] {
        p.push(t.as_bytes().into());
    }
    assert_eq!(Set::from_packed(p.clone(), &limits(8)).unwrap().encoding(), "listpack");
    assert_eq!(Set::from_packed(p.clone(), &limits(2)).unwrap().encoding(), "hashtable");
    p.push(Item::Int(7));
    assert!(Set::from_packed(p, &limits(8)).is_none());
}

#[test]
fn random_and_pop_are_uniform() {
    let limits = limits(8);
    for n in [4u64, 600] {
        let mut set = Set::new(b"x", 1, &limits);
        for i in 0..n {
            set.add(format!("m{i}").as_bytes(), &limits);
        }
        let mut rng = Rng::new(n);
        let mut hits = BTreeMap::<Vec<u8>, f64>::new();
        for _ in 0..n * 100 {
            *hits.entry(set.random(&mut rng).unwrap().to_vec()).or_default() += 1.0;
        }
        let chi2: f64 = hits.values().map(|h| (h - 100.0).powi(2) / 100.0).sum();
        assert!(hits.len() == n as usize && chi2 < n as f64 + 5.0 * (2.0 * n as f64).sqrt(), "{n}: {chi2}");
    }
}

#[test]
fn stays_dense() {
    let (mut set, limits) = (Set::new_table(), Limits::default());
    let (mut sum, mut points) = (0.0, 0);
    for i in 0..400_000 {
        set.add(format!("member:{i:013}").as_bytes(), &limits);
        if i > 100_000 && i % 5000 == 0 {
            sum += set.heap_bytes() as f64 / set.len() as f64;
            points += 1;
        }
    }
    let mean = sum / f64::from(points);
    assert!(mean < 35.0, "{mean} bytes a member of 20 bytes");
}
