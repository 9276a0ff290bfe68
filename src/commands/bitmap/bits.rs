//! Bits in byte strings: counting, finding, combining, and integers of any width among them. Bit 0 is the highest of the
//! first byte. Knows nothing of commands and keys.

/// How many bits are set.
pub(super) fn count(bytes: &[u8]) -> u64 {
    let (words, rest) = bytes.as_chunks::<8>();
    let words: u64 = words.iter().map(|w| u64::from(u64::from_ne_bytes(*w).count_ones())).sum();
    words + rest.iter().map(|b| u64::from(b.count_ones())).sum::<u64>()
}

/// How many of the bits from `from` to `to`, both included and both there, are set.
pub(super) fn count_range(bytes: &[u8], from: u64, to: u64) -> u64 {
    let (first, last) = ((from / 8) as usize, (to / 8) as usize);
    let Some(bytes) = bytes.get(first..=last) else {
        return 0;
    };
    // What the ends count too much.
    let before = bytes.first().map_or(0, |b| (b & head(from)).count_ones());
    let behind = bytes.last().map_or(0, |b| (b & tail(to)).count_ones());
    count(bytes) - u64::from(before) - u64::from(behind)
}

/// The bits of a byte before bit `at`.
fn head(at: u64) -> u8 {
    !(0xff >> (at % 8))
}

/// The bits of a byte behind bit `at`.
fn tail(at: u64) -> u8 {
    0x7f >> (at % 8)
}

/// The first of the bits from `from` to `to`, both included and both there, that is `bit`.
pub(super) fn find(bytes: &[u8], from: u64, to: u64, bit: bool) -> Option<u64> {
    let (first, last) = ((from / 8) as usize, (to / 8) as usize);
    let bytes = bytes.get(first..=last)?;
    // Looking for a clear bit is looking for a set one in the complement.
    let flip = if bit { 0u8 } else { 0xff };
    let in_byte = |i: usize, mask: u8| {
        let b = (bytes[i] ^ flip) & mask;
        (b != 0).then(|| (first + i) as u64 * 8 + u64::from(b.leading_zeros()))
    };
    let end = bytes.len() - 1;
    if end == 0 {
        return in_byte(0, !head(from) & !tail(to));
    }
    if let Some(found) = in_byte(0, !head(from)) {
        return Some(found);
    }
    let dull = if bit { 0 } else { u64::MAX };
    let mut i = 1;
    while let Some(word) = bytes[i..end].first_chunk::<8>()
        && u64::from_ne_bytes(*word) == dull
    {
        i += 8;
    }
    (i..end).find_map(|i| in_byte(i, 0xff)).or_else(|| in_byte(end, !tail(to)))
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Op {
    And,
    Or,
    Xor,
    Not,
    /// In the first, and in none of the others.
    Diff,
    /// In any of the others, and not in the first.
    Diff1,
    /// In the first, and in any of the others.
    AndOr,
    /// In exactly one.
    One,
}

/// Combines strings bit by bit; where one has ended it goes on with zeros.
pub(super) fn combine(op: Op, sources: &[&[u8]]) -> Vec<u8> {
    let len = sources.iter().map(|s| s.len()).max().unwrap_or(0);
    let Some((first, others)) = sources.split_first() else {
        return Vec::new();
    };
    let mut out = Vec::with_capacity(len);
    out.extend_from_slice(first);
    out.resize(len, 0);
    // Plain loops over bytes: the compiler makes vector instructions of them.
    let or_into = |out: &mut [u8], s: &[u8]| out.iter_mut().zip(s).for_each(|(o, b)| *o |= b);
    match op {
        Op::And => {
            for s in others {
                out.iter_mut().zip(*s).for_each(|(o, b)| *o &= b);
                out[s.len()..].fill(0);
            }
        }
        Op::Or => others.iter().for_each(|s| or_into(&mut out, s)),
        Op::Xor => others.iter().for_each(|s| out.iter_mut().zip(*s).for_each(|(o, b)| *o ^= b)),
        Op::Not => out.iter_mut().for_each(|o| *o = !*o),
        Op::Diff | Op::Diff1 | Op::AndOr => {
            let mut any = vec![0; len];
            others.iter().for_each(|s| or_into(&mut any, s));
            let pairs = out.iter_mut().zip(&any);
            match op {
                Op::Diff => pairs.for_each(|(o, any)| *o &= !any),
                Op::Diff1 => pairs.for_each(|(o, any)| *o = any & !*o),
                _ => pairs.for_each(|(o, any)| *o &= any),
            }
        }
        Op::One => {
            let mut twice = vec![0; len];
            for s in others {
                out.iter_mut().zip(&mut twice).zip(*s).for_each(|((once, twice), b)| {
                    *twice |= *once & b;
                    *once |= b;
                });
            }
            out.iter_mut().zip(&twice).for_each(|(o, twice)| *o &= !twice);
        }
    }
    out
}

/// The `width` (1 to 64) bits from bit `at` on, as a number; zeros behind the string's end.
pub(super) fn read(bytes: &[u8], at: u64, width: u32) -> u64 {
    (window(bytes, at) << (at % 8) >> (128 - width)) as u64
}

/// Writes the lowest `width` bits of `value` from bit `at` on; all of their bytes must be there.
pub(super) fn write(bytes: &mut [u8], at: u64, width: u32, value: u64) {
    let mask = (u128::MAX << (128 - width)) >> (at % 8);
    let bits = (u128::from(value) << (128 - width)) >> (at % 8);
    let window = (window(bytes, at) & !mask | bits).to_be_bytes();
    let first = (at / 8) as usize;
    if let Some(bytes) = bytes.get_mut(first..) {
        let n = bytes.len().min(9);
        bytes[..n].copy_from_slice(&window[..n]);
    }
}

/// The 9 bytes from the one with bit `at` on, at the top of a word.
fn window(bytes: &[u8], at: u64) -> u128 {
    let mut window = [0; 16];
    let bytes = usize::try_from(at / 8).ok().and_then(|first| bytes.get(first..)).unwrap_or_default();
    let n = bytes.len().min(9);
    window[..n].copy_from_slice(&bytes[..n]);
    u128::from_be_bytes(window)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::{collection::vec, prelude::*};

    fn bit(bytes: &[u8], at: u64) -> bool {
        bytes.get((at / 8) as usize).is_some_and(|b| b >> (7 - at % 8) & 1 == 1)
    }

    /// Mostly runs of one byte, so that whole words are dull.
    fn strings() -> impl Strategy<Value = Vec<u8>> {
        let byte = prop_oneof![Just(0u8), Just(0xff), any::<u8>()];
        vec((byte, 1..20usize), 1..8)
            .prop_map(|runs| runs.into_iter().flat_map(|(b, n)| std::iter::repeat_n(b, n)).collect())
    }

    proptest! {
        #[test]
        fn counting_and_finding(bytes in strings(), a in any::<u64>(), b in any::<u64>(), want in any::<bool>()) {
            let total = bytes.len() as u64 * 8;
            let (from, to) = ((a % total).min(b % total), (a % total).max(b % total));
            prop_assert_eq!(count(&bytes), (0..total).filter(|i| bit(&bytes, *i)).count() as u64);
            prop_assert_eq!(count_range(&bytes, from, to), (from..=to).filter(|i| bit(&bytes, *i)).count() as u64);
            prop_assert_eq!(find(&bytes, from, to, want), (from..=to).find(|i| bit(&bytes, *i) == want));
        }

        #[test]
        fn combining(sources in vec(vec(any::<u8>(), 0..40), 1..5)) {
            let slices: Vec<&[u8]> = sources.iter().map(|s| &s[..]).collect();
            let len = slices.iter().map(|s| s.len()).max().unwrap();
            for op in [Op::And, Op::Or, Op::Xor, Op::Not, Op::Diff, Op::Diff1, Op::AndOr, Op::One] {
                let out = combine(op, &slices);
                prop_assert_eq!(out.len(), len);
                for i in 0..len as u64 * 8 {
                    let first = bit(slices[0], i);
                    let others = slices[1..].iter().filter(|s| bit(s, i)).count();
                    let all = others + usize::from(first);
                    let want = match op {
                        Op::And => all == slices.len(),
                        Op::Or => all > 0,
                        Op::Xor => all % 2 == 1,
                        Op::Not => !first,
                        Op::Diff => first && others == 0,
                        Op::Diff1 => !first && others > 0,
                        Op::AndOr => first && others > 0,
                        Op::One => all == 1,
                    };
                    prop_assert_eq!(bit(&out, i), want, "{:?} bit {}", op, i);
                }
            }
        }

        #[test]
        fn fields(mut bytes in vec(any::<u8>(), 0..30), at in 0..300u64, width in 1..=64u32, value in any::<u64>()) {
            let naive = |bytes: &[u8]| (at..at + u64::from(width)).fold(0u64, |n, i| n << 1 | u64::from(bit(bytes, i)));
            prop_assert_eq!(read(&bytes, at, width), naive(&bytes));
            bytes.resize(bytes.len().max(((at + u64::from(width) - 1) / 8 + 1) as usize), 0);
            let before = bytes.clone();
            let value = value >> (64 - width);
            write(&mut bytes, at, width, value);
            prop_assert_eq!(naive(&bytes), value);
            for i in (0..bytes.len() as u64 * 8).filter(|i| !(at..at + u64::from(width)).contains(i)) {
                prop_assert_eq!(bit(&bytes, i), bit(&before, i));
            }
        }
    }
}
