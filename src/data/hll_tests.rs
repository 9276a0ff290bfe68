use super::*;
use crate::base::rng::Rng;
use crate::data::peer::Peer;

fn filled(n: u64, max: usize) -> Vec<u8> {
    let mut hll = create();
    (0..n).for_each(|i| {
        add(&mut hll, format!("element:{i}").as_bytes(), max).unwrap();
    });
    hll
}

#[test]
fn counts_well_sparse_and_dense() {
    for n in [0u64, 1, 2, 50, 1000, 5000, 100_000] {
        let sparse_most = filled(n, 1 << 20);
        let usual = filled(n, 3000);
        let dense = filled(n, 0);
        let counted = count(&usual).unwrap();
        assert!((counted as f64 - n as f64).abs() <= 0.02 * n as f64, "{counted} of {n}");
        assert_eq!(count(&sparse_most), Ok(counted));
        assert_eq!(count(&dense), Ok(counted));
        assert_eq!(registers(&dense), registers(&sparse_most));
        assert_eq!(count_registers(&registers(&usual).unwrap()), counted);
        assert!(is_valid(&usual) && is_valid(&dense) && (n == 0 || is_dense(&dense)));
    }
}

#[test]
fn the_cached_count_goes_stale() {
    let mut hll = create();
    assert_eq!(cached_count(&hll), Some(0));
    assert_eq!(add(&mut hll, b"a", 3000), Ok(true));
    assert_eq!(cached_count(&hll), None);
    set_cached_count(&mut hll, 1);
    assert_eq!(add(&mut hll, b"a", 3000), Ok(false));
    assert_eq!(cached_count(&hll), Some(1));
}

#[test]
fn foreign_bytes_never_panic() {
    let mut rng = Rng::new(1);
    for _ in 0..5000 {
        let mut hll = filled(20, 3000);
        for _ in 0..3 {
            let at = 16 + rng.below(hll.len() as u64 - 16) as usize;
            hll[at] = rng.next_u64() as u8;
        }
        hll.truncate(16 + rng.below(hll.len() as u64 - 15) as usize);
        let _ = (count(&hll), registers(&hll));
        let _ = add(&mut hll, b"x", 3000);
        let _ = to_dense(&mut hll);
    }
    assert_eq!(count(b"HYLL\x01\0\0\0\0\0\0\0\0\0\0\0\x7f\xff\x00"), Err(Corrupt));
    assert!(!is_valid(b"HYLL\0\0\0\0\0\0\0\0\0\0\0\0") && !is_valid(b"HYLL"));
}

#[test]
fn same_bytes_as_the_peer() {
    let Some(mut peer) = Peer::start() else { return };
    let mut rng = Rng::new(9);
    for max in [3000usize, 100, 0, 15_000] {
        peer.ask(&format!("config set hll-sparse-max-bytes {max}"));
        let mut ours: Vec<Vec<u8>> = Vec::new();
        for k in 0..4 {
            peer.ask(&format!("del h{k}"));
            peer.ask(&format!("pfadd h{k}"));
            let mut hll = create();
            invalidate(&mut hll);
            let n = [30, 300, 3000, 30_000][k];
            for i in 0..n {
                let element = rng.below(n * 2).to_string();
                let theirs = peer.call(&[b"pfadd", format!("h{k}").as_bytes(), element.as_bytes()]);
                assert_eq!(theirs.int() == 1, add(&mut hll, element.as_bytes(), max).unwrap());
                if i % (n / 30) == 0 {
                    assert_eq!(peer.ask(&format!("get h{k}")).bytes(), hll, "{max} {k} {i}");
                    let counted = cached_count(&hll).unwrap_or_else(|| count(&hll).unwrap());
                    set_cached_count(&mut hll, counted);
                    assert_eq!(peer.ask(&format!("pfcount h{k}")).int() as u64, counted);
                }
            }
            ours.push(hll);
        }
        for (into, from) in [(0, 1), (0, 2), (1, 3)] {
            let mut registers = [0; REGISTERS];
            merge_into(&mut registers, &ours[into]).unwrap();
            merge_into(&mut registers, &ours[from]).unwrap();
            let union = peer.ask(&format!("pfcount h{into} h{from}")).int() as u64;
            assert_eq!(count_registers(&registers), union);
            let dense = is_dense(&ours[into]) || is_dense(&ours[from]);
            raise_to(&mut ours[into], &registers, dense, max).unwrap();
            peer.ask(&format!("pfmerge h{into} h{from}"));
            assert_eq!(peer.ask(&format!("get h{into}")).bytes(), ours[into]);
        }
    }
}
