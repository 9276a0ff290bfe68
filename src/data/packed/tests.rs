use super::*;
use crate::base::rng::Rng;

fn word(rng: &mut Rng) -> Vec<u8> {
    match rng.below(8) {
        0 => rng.below(200).to_string().into(),
        1 => ((rng.next_u64() as i64) >> rng.below(64)).to_string().into(),
        2 => vec![b'x'; rng.below(200) as usize],
        3 if rng.below(20) == 0 => vec![b'y'; rng.below(40_000) as usize],
        _ => format!("w{}", rng.below(50)).into(),
    }
}

fn texts(p: &Packed) -> Vec<Vec<u8>> {
    p.blob().iter().map(Item::to_vec).collect()
}

#[test]
fn behaves_like_a_vec() {
    let mut rng = Rng::new(1);
    for _ in 0..30 {
        let (mut packed, mut model) = (Packed::new(), Vec::<Vec<u8>>::new());
        for _ in 0..600 {
            let (w, i) = (word(&mut rng), rng.below(model.len() as u64 + 1) as usize);
            let at = packed.blob().seek(i);
            match rng.below(8) {
                0..4 => {
                    packed.insert(at.unwrap_or(packed.blob().end()), w[..].into());
                    model.insert(i, w);
                }
                4 => {
                    packed.push(w[..].into());
                    model.push(w);
                }
                5 => {
                    packed.push_front(w[..].into());
                    model.insert(0, w);
                }
                6 if at.is_some() => {
                    packed.replace(at.unwrap(), w[..].into());
                    model[i] = w;
                }
                _ if at.is_some() => {
                    let n = rng.below(4) as usize;
                    packed.remove(at.unwrap(), n);
                    model.drain(i..(i + n).min(model.len()));
                }
                _ => {}
            }
            assert_eq!(packed.len(), model.len());
            assert_eq!(packed.is_empty(), model.is_empty());
            let probe = word(&mut rng);
            let found = packed.blob().find(&probe, packed.blob().first(), 0);
            assert_eq!(found, model.iter().position(|m| *m == probe).and_then(|i| packed.blob().seek(i)));
        }
        assert_eq!(texts(&packed), model);
        let mut back: Vec<_> = packed.blob().iter().rev().map(Item::to_vec).collect();
        back.reverse();
        assert_eq!(back, model);
        let copy = Packed::from_bytes(packed.as_bytes()).expect("what we write is well-formed");
        assert_eq!(texts(&copy), model);
        assert_eq!(texts(&packed.clone()), model);
    }
}

#[test]
fn bytes_are_those_of_redis() {
    let mut p = Packed::new();
    for w in ["a", "1", "-1", "5000", "hello", "70000", "10000000000"] {
        p.push(w.as_bytes().into());
    }
    let want = [
        &[48, 0, 0, 0, 7, 0][..],
        b"\x81a\x02",
        &[1, 1],
        &[0xdf, 0xff, 2],
        &[0xf1, 0x88, 0x13, 3],
        b"\x85hello\x06",
        &[0xf2, 0x70, 0x11, 0x01, 4],
        &[0xf4, 0x00, 0xe4, 0x0b, 0x54, 0x02, 0, 0, 0, 9],
        &[0xff],
    ]
    .concat();
    assert_eq!(p.as_bytes()[4..], want[4..]);
    assert_eq!(p.as_bytes().len(), p.as_bytes()[0] as usize);
}

#[test]
fn long_counts_are_forgotten_and_found_again() {
    let mut p = Packed::new();
    for i in 0..65_540i64 {
        p.push(Item::Int(i % 100));
    }
    assert_eq!((p.len(), p.blob().header_len()), (65_540, UNKNOWN));
    assert_eq!(p.blob().seek(65_539).map(|at| p.blob().get(at)), Some(Item::Int(39)));
    assert_eq!(p.blob().seek(65_540), None);
    p.remove(p.blob().first(), 100);
    assert_eq!((p.len(), p.blob().header_len()), (65_440, 65_440));
    assert!(Packed::from_bytes(p.as_bytes()).is_some());
}

#[test]
fn foreign_bytes_never_panic() {
    let mut rng = Rng::new(2);
    let mut taken = 0;
    for _ in 0..40_000 {
        let mut p = Packed::new();
        for _ in 0..rng.below(6) {
            p.push(word(&mut rng)[..].into());
        }
        let mut bytes = p.as_bytes().to_vec();
        for _ in 0..rng.below(3) {
            let i = rng.below(bytes.len() as u64) as usize;
            match rng.below(3) {
                0 => bytes[i] = rng.next_u64() as u8,
                1 => bytes[i] ^= 1 << rng.below(8),
                _ => bytes.truncate(i.max(1)),
            }
        }
        if let Some(p) = Packed::from_bytes(&bytes) {
            taken += 1;
            assert_eq!(p.blob().iter().count(), p.blob().iter().rev().count());
        }
    }
    assert!(taken > 5_000);
    assert!(Packed::from_bytes(&[]).is_none());
}
