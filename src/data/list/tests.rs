use super::*;
use crate::base::rng::Rng;
use crate::data::peer::{Peer, Reply};
use std::collections::VecDeque;

fn contents(list: &List) -> Vec<Vec<u8>> {
    let mut out = Vec::new();
    let mut iter = list.iter(0, usize::MAX);
    while let Some(v) = iter.next() {
        out.push(v.to_vec());
    }
    out
}

fn item(rng: &mut Rng) -> Vec<u8> {
    match rng.below(12) {
        0..=4 => rng.below(30).to_string().into_bytes(),
        5 => (rng.next_u64() as i64).to_string().into_bytes(),
        6 => vec![b'z'; rng.below(300) as usize],
        7 if rng.below(20) == 0 => vec![b'L'; 4000 + rng.below(9000) as usize],
        _ => format!("item:{}", rng.below(40)).into_bytes(),
    }
}

fn check(list: &List, model: &VecDeque<Vec<u8>>, rng: &mut Rng) {
    assert_eq!(list.len(), model.len());
    assert!(contents(list).iter().eq(model.iter()));
    let n = model.len();
    if n > 0 {
        let (from, count) = (rng.below(n as u64) as usize, rng.below(50) as usize);
        let mut iter = list.iter_rev(from, count);
        let mut back = model.iter().take(from + 1).rev().take(count);
        while let Some(v) = iter.next() {
            assert_eq!(Some(&v.to_vec()), back.next());
        }
        assert_eq!(back.next(), None);
        assert_eq!(list.get(from, |v| v.to_vec()).as_ref(), model.get(from));
    }
    assert_eq!(list.get(n, |_| ()), None);
    if let Form::Quick(quick) = list.form() {
        assert_eq!(quick.nodes.iter().map(Node::count).sum::<usize>(), n);
        assert!(quick.nodes.iter().all(|node| node.count() > 0));
        assert!(quick.nodes.iter().all(|node| lpentry::validate_run(&node.run()) == Some(node.count())));
        assert!([true, false].iter().all(|&e| quick.end(e).is_none_or(|node| !node.is_packed())));
    }
}

#[test]
fn behaves_as_a_deque() {
    for seed in 0..60 {
        let mut rng = Rng::new(seed);
        let size = [-2, -1, 1, 2, 7, 128, -5][rng.below(7) as usize];
        let limits = Limits { max_listpack_size: size, compress_depth: rng.below(3) as u32 };
        let (mut list, mut model) = (List::new(), VecDeque::new());
        let grow = 3 + rng.below(30);
        for step in 0..1200 {
            let head = rng.below(2) == 0;
            let end = if head { End::Head } else { End::Tail };
            match rng.below(grow + 8) {
                0 | 1 => {
                    let popped = list.pop(end, &limits, |v| v.to_vec());
                    assert_eq!(popped, if head { model.pop_front() } else { model.pop_back() });
                }
                2 if !model.is_empty() => {
                    let (at, x) = (rng.below(model.len() as u64) as usize, item(&mut rng));
                    assert!(list.set(at, &x, &limits));
                    model[at] = x;
                }
                3 => {
                    let (needle, most) = (item(&mut rng), 1 + rng.below(3) as usize);
                    let mut hits: Vec<usize> = (0..model.len()).filter(|&i| model[i] == needle).collect();
                    if head {
                        hits.reverse();
                    }
                    hits.truncate(most);
                    hits.sort_unstable_by(|a, b| b.cmp(a));
                    for &i in &hits {
                        model.remove(i);
                    }
                    assert_eq!(list.remove(&needle, most, head, &limits), hits.len());
                }
                4 if rng.below(10) == 0 && !model.is_empty() => {
                    let n = model.len() as u64;
                    let (from, count) = (rng.below(n) as usize, rng.below(n + 2) as usize);
                    list.trim(from, count, &limits);
                    model = model.into_iter().skip(from).take(count).collect();
                }
                5 | 6 => {
                    let (pivot, x) = (item(&mut rng), item(&mut rng));
                    let at = model.iter().position(|m| *m == pivot);
                    assert_eq!(list.insert(&pivot, head, &x, &limits), at.is_some());
                    if let Some(at) = at {
                        model.insert(at + usize::from(!head), x);
                    }
                }
                7 if rng.below(20) == 0 => {
                    let copy = list.clone();
                    list = copy;
                }
                _ => {
                    let items: Vec<Vec<u8>> = (0..1 + rng.below(3)).map(|_| item(&mut rng)).collect();
                    list.push_all(end, items.iter().map(|i| &i[..]), &limits);
                    for x in items {
                        if head { model.push_front(x) } else { model.push_back(x) }
                    }
                }
            }
            if step % 7 == 0 {
                check(&list, &model, &mut rng);
            }
        }
        check(&list, &model, &mut rng);
        let mut loaded = List::new();
        for run in list.runs() {
            loaded.append_run(&run.entries, run.count);
        }
        loaded.loaded(&limits);
        check(&loaded, &model, &mut rng);
        while list.pop(End::Head, &limits, |_| ()).is_some() {}
        assert_eq!((list.len(), list.heap_bytes(), list.encoding()), (0, 0, "listpack"));
    }
}

#[test]
fn positions_in_both_directions() {
    let limits = Limits { max_listpack_size: 3, compress_depth: 0 };
    let mut list = List::new();
    list.push_all(End::Tail, "a b c 1 2 3 c c".split(' ').map(str::as_bytes), &limits);
    let all = |needle: &str, backward, skip, most| {
        let mut out = Vec::new();
        list.positions(needle.as_bytes(), backward, skip, most, |i| {
            out.push(i);
            true
        });
        out
    };
    assert_eq!(all("c", false, 0, 99), [2, 6, 7]);
    assert_eq!(all("c", true, 1, 99), [6, 2]);
    assert_eq!(all("c", false, 0, 3), [2]);
    assert_eq!(all("3", true, 0, 99), [5]);
    assert_eq!(all("x", true, 0, 99), [0; 0]);
}

#[test]
fn memory_of_long_lists() {
    let limits = Limits::default();
    for end in [End::Tail, End::Head] {
        let mut list = List::new();
        for i in 0..1_000_000 {
            list.push(end, format!("item:{i:015}").as_bytes(), &limits);
        }
        let per_item = list.heap_bytes() as f64 / 1e6;
        assert!(per_item <= 22.7, "{per_item} bytes an item");
        println!("{end:?}: {per_item} bytes an item");
        assert_eq!(list.get(500_000, |v| v.to_vec()).map(|v| v.len()), Some(20));
    }
}

#[test]
fn a_list_of_one_item_is_one_small_allocation() {
    let mut list = List::new();
    list.push(End::Head, b"item", &Limits::default());
    assert_eq!((list.heap_bytes(), list.free_effort()), (16, 1));
    assert_eq!(size_of::<Option<List>>(), 8);
}

#[test]
fn compressed_inner_nodes_are_smaller() {
    let limits = Limits { max_listpack_size: -2, compress_depth: 1 };
    let mut list = List::new();
    for i in 0..20_000 {
        list.push(End::Tail, format!("value of the item number {i}").as_bytes(), &limits);
    }
    assert!(list.heap_bytes() < 20_000 * 16, "{}", list.heap_bytes());
    assert!(list.runs().filter(|run| run.packed.is_none()).count() == 2);
    assert_eq!(list.get(10_000, |v| v.to_vec()).unwrap(), b"value of the item number 10000");
}

#[test]
fn converts_when_the_peer_does() {
    let Some(mut peer) = Peer::start() else { return };
    if peer.ask("hello").list().iter().any(|r| matches!(r, Reply::Text(t) if t.starts_with(b"7.0"))) {
        return; // had only quicklists
    }
    let mut kinds = [0; 2];
    for seed in 0..150 {
        let mut rng = Rng::new(seed);
        let size = [-2, -1, 1, 2, 7, 128, -3][rng.below(7) as usize];
        let limits = Limits { max_listpack_size: size, compress_depth: 0 };
        peer.ask(&format!("config set list-max-listpack-size {size}"));
        peer.ask("del l");
        let mut list = List::new();
        let grow = rng.below(12) + 6;
        for step in 0..400 {
            let head = rng.below(2) == 0;
            let end = if head { End::Head } else { End::Tail };
            let big = |rng: &mut Rng| match rng.below(8) {
                0 => vec![b'b'; rng.below(3000) as usize],
                1 if rng.below(6) == 0 => vec![b'L'; 4000 + rng.below(10_000) as usize],
                _ => item(rng),
            };
            let x = big(&mut rng);
            match rng.below(grow + 12) {
                0..=4 => {
                    peer.ask(if head { "lpop l" } else { "rpop l" });
                    list.pop(end, &limits, |_| ());
                }
                5 | 6 if !list.is_empty() => {
                    let at = rng.below(list.len() as u64 + 1) as usize;
                    peer.call(&[b"lset", b"l", at.to_string().as_bytes(), &x]);
                    list.set(at, &x, &limits);
                }
                7 if rng.below(6) == 0 => {
                    let (a, b) = (rng.below(60), rng.below(200));
                    peer.ask(&format!("ltrim l {a} {}", a + b));
                    list.trim(a as usize, b as usize + 1, &limits);
                }
                8 => {
                    let count = if head { "-2" } else { "2" };
                    let theirs = peer.call(&[b"lrem", b"l", count.as_bytes(), &x]);
                    assert_eq!(theirs.int() as usize, list.remove(&x, 2, head, &limits));
                }
                9..=11 if !list.is_empty() => {
                    let at = rng.below(list.len() as u64) as usize;
                    let pivot = list.get(at, |v| v.to_vec()).unwrap();
                    let place: &[u8] = if head { b"before" } else { b"after" };
                    peer.call(&[b"linsert", b"l", place, &pivot, &x]);
                    list.insert(&pivot, head, &x, &limits);
                }
                _ => {
                    let items: Vec<Vec<u8>> = (0..1 + rng.below(4)).map(|_| big(&mut rng)).collect();
                    let mut call: Vec<&[u8]> = vec![if head { b"lpush" } else { b"rpush" }, b"l"];
                    call.extend(items.iter().map(|i| &i[..]));
                    peer.call(&call);
                    list.push_all(end, items.iter().map(|i| &i[..]), &limits);
                }
            }
            let theirs = peer.ask("object encoding l");
            if list.is_empty() {
                assert_eq!(theirs, Reply::Nil);
                continue;
            }
            assert_eq!(theirs.text(), list.encoding(), "seed {seed} step {step} size {size}");
            kinds[usize::from(list.encoding() == "listpack")] += 1;
            if step % 40 == 0 {
                let theirs = peer.ask("lrange l 0 -1");
                assert!(theirs.list().iter().map(Reply::bytes).eq(contents(&list).iter().map(|v| &v[..])));
            }
        }
    }
    assert!(kinds.iter().all(|&n| n > 1000), "{kinds:?}");
}
