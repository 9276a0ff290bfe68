use super::*;
use std::collections::{BTreeMap, HashMap};

type Model = BTreeMap<Vec<u8>, (Vec<u8>, Option<i64>)>;

fn limits(n: usize) -> Limits {
    Limits { hash_max_listpack_entries: n, hash_max_listpack_value: 20, ..Limits::default() }
}

fn contents(hash: &Hash, now: i64) -> Model {
    let all: Vec<_> = hash.iter(now).map(|e| (e.name.to_vec(), (e.value.to_vec(), e.expires_at_ms))).collect();
    let n = all.len();
    let map: Model = all.into_iter().collect();
    assert_eq!(map.len(), n);
    map
}

fn live(model: &Model, now: i64) -> Model {
    model.iter().filter(|(_, (_, at))| alive(*at, now)).map(|(k, v)| (k.clone(), v.clone())).collect()
}

#[test]
fn behaves_like_a_map_in_every_encoding() {
    let mut rng = Rng::new(41);
    let mut encodings = HashMap::new();
    for round in 0..48usize {
        let limits = limits([4, 64, 500][round % 3]);
        let space = [6, 40, 400, 3000][round / 3 % 4];
        let expiring = round % 2 == 0;
        let (mut hash, mut model, mut now) = (Hash::new(), Model::new(), 1_000i64);
        for step in 0..3000 {
            let n = rng.below(space);
            let name = if n.is_multiple_of(3) { n.to_string() } else { format!("field{n}") }.into_bytes();
            let was = model.get(&name).is_some_and(|(_, at)| alive(*at, now));
            match rng.below(12) {
                0..5 => {
                    let most = if rng.below(200) == 0 && round % 4 < 2 { 300 } else { 18 };
                    let value = match rng.below(3) {
                        0 => rng.below(100_000).to_string().into_bytes(),
                        _ => vec![b'v'; rng.below(most) as usize],
                    };
                    let keep = rng.below(2) == 0;
                    assert_eq!(hash.set(&name, &value, keep, now, &limits), !was);
                    let at = model.get(&name).and_then(|m| m.1).filter(|_| keep && was);
                    model.insert(name.clone(), (value, at));
                }
                5..7 => {
                    assert_eq!(hash.remove(&name, now), was);
                    model.remove(&name);
                }
                7..9 if expiring => {
                    let at = (rng.below(4) > 0).then(|| now + rng.below(300) as i64);
                    assert_eq!(hash.set_expiry(&name, at), model.contains_key(&name));
                    if let Some(m) = model.get_mut(&name) {
                        m.1 = at;
                    }
                }
                9 => now += rng.below(20) as i64,
                10 if step % 3 == 0 => {
                    let (limit, mut gone) = (rng.below(8) as usize, Vec::new());
                    let n = hash.expire_fields(now, limit, |e| gone.push((e.expires_at_ms.unwrap(), e.name.to_vec())));
                    assert!(n == gone.len() && n <= limit && gone.is_sorted_by_key(|g| g.0));
                    for (at, name) in gone {
                        assert!(at < now);
                        assert_eq!(model.remove(&name).unwrap().1, Some(at));
                    }
                    assert!(n == limit || hash.next_expiry().is_none_or(|at| at >= now));
                }
                _ => {
                    let seen = hash.random(now, &mut rng).map(|e| e.name.to_vec());
                    assert_eq!(seen.is_some(), !live(&model, now).is_empty());
                    assert!(seen.is_none_or(|m| alive(model[&m].1, now)));
                }
            }
            assert_eq!(hash.len(), model.len());
            assert_eq!(hash.next_expiry(), model.values().filter_map(|(_, at)| *at).min());
            let want = model.get(&name).filter(|(_, at)| alive(*at, now));
            assert_eq!(hash.get(&name, now).map(Item::to_vec), want.map(|w| w.0.clone()));
            assert_eq!(hash.expiry(&name, now), want.map(|w| w.1));
            *encodings.entry(hash.encoding()).or_insert(0) += 1;
            if step % 300 == 0 {
                hash.check();
                assert_eq!(contents(&hash, i64::MIN), model);
                assert_eq!(contents(&hash, now), live(&model, now));
                assert_eq!(hash.live_len(now), live(&model, now).len());
            }
        }
        let copy = unsafe { Hash::from_raw(hash.clone().into_raw()) };
        drop(hash);
        copy.check();
        assert_eq!(contents(&copy, i64::MIN), model);
        let (mut cursor, mut seen) = (0, Model::new());
        loop {
            cursor = copy.scan(cursor, now, |e| {
                seen.insert(e.name.to_vec(), (e.value.to_vec(), e.expires_at_ms));
            });
            if cursor == 0 {
                break;
            }
        }
        assert_eq!(seen, live(&model, now));
    }
    assert!(encodings.len() == 3 && encodings.values().all(|n| *n > 1000), "{encodings:?}");
}

#[test]
fn converts_when_redis_does() {
    let limits = limits(3);
    let with = |pairs: &[(&str, &str)]| {
        let mut h = Hash::new();
        for (f, v) in pairs {
            h.set(f.as_bytes(), v.as_bytes(), false, 0, &limits);
        }
        h
    };
    let three = [("a", "1"), ("b", "2"), ("c", "3")];
    assert_eq!(with(&three).encoding(), "listpack");
    assert_eq!(with(&[&three[..], &[("a", "9")]].concat()).encoding(), "listpack");
    assert_eq!(with(&[&three[..], &[("d", "4")]].concat()).encoding(), "hashtable");
    assert_eq!(with(&[("a", "this is longer than 20")]).encoding(), "hashtable");
    let mut h = with(&three);
    h.prepare(3, [&b"a"[..], b"x"].into_iter(), &limits);
    assert_eq!(h.encoding(), "listpack");
    h.prepare(4, [&b"a"[..], b"x"].into_iter(), &limits);
    assert_eq!(h.encoding(), "hashtable");
    let mut h = with(&three);
    assert!(h.set_expiry(b"b", Some(50)) && h.set_expiry(b"c", Some(20)) && !h.set_expiry(b"z", Some(1)));
    assert_eq!(h.encoding(), "listpackex");
    let (blob, expiring) = h.as_listpack().unwrap();
    assert!(expiring);
    let texts: Vec<_> = blob.iter().map(|i| String::from_utf8(i.to_vec()).unwrap()).collect();
    assert_eq!(texts, ["c", "3", "20", "b", "2", "50", "a", "1", "0"]);
    assert!(h.set_expiry(b"c", None) && h.set_expiry(b"b", None));
    assert_eq!((h.encoding(), h.next_expiry()), ("listpackex", None));
}

#[test]
fn loads_listpacks_that_make_sense() {
    let load = |texts: &[&str], expiring| {
        let mut p = Packed::new();
        texts.iter().for_each(|t| p.push(t.as_bytes().into()));
        Hash::from_packed(p, expiring, &limits(2))
    };
    assert_eq!(load(&["a", "1", "b", "2"], false).unwrap().encoding(), "listpack");
    assert_eq!(load(&["a", "1", "b", "2", "c", "3"], false).unwrap().encoding(), "hashtable");
    assert_eq!(load(&["a", "1", "7", "b", "2", "0"], true).unwrap().next_expiry(), Some(7));
    for bad in [&["a"][..], &["a", "1", "a", "2"]] {
        assert!(load(bad, false).is_none());
    }
    for bad in [&["a", "1"][..], &["a", "1", "x"], &["a", "1", "0", "b", "2", "5"], &["a", "1", "9", "b", "2", "5"]] {
        assert!(load(bad, true).is_none(), "{bad:?}");
    }
}

#[test]
fn stays_dense() {
    let (mut hash, limits) = (Hash::new(), Limits::default());
    let (mut sum, mut points) = (0.0, 0);
    for i in 0..400_000 {
        hash.set(format!("field:{i:014}").as_bytes(), b"value", false, 0, &limits);
        if i > 100_000 && i % 5000 == 0 {
            sum += hash.heap_bytes() as f64 / hash.len() as f64;
            points += 1;
        }
    }
    let mean = sum / f64::from(points);
    assert!(mean < 43.0, "{mean} bytes a field of 20 and a value of 5 bytes");

    let mut ten = Hash::new();
    for i in 0..10 {
        ten.set(format!("f{i}").as_bytes(), format!("value{i}").as_bytes(), false, 0, &limits);
    }
    assert!(ten.heap_bytes() <= 128, "{} bytes for ten small fields", ten.heap_bytes());
}
