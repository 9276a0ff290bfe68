//! LZF, the light compression of inner list nodes and of long strings in RDB files.
//!
//! ```text
//!  000lllll                        l + 1 literal bytes follow (1 ..= 32)
//!  lllooooo oooooooo               copy l + 2 bytes (l = 1 ..= 6) from o + 1 bytes back
//!  111ooooo llllllll oooooooo      copy l + 9 bytes from o + 1 bytes back
//! ```
//!
//! Offsets have 13 bits, so a copy reaches 8 KB back; it may overlap what it writes.

const MAX_LITERALS: usize = 32;
const MAX_OFFSET: usize = 1 << 13;
const MAX_MATCH: usize = 255 + 9;
const HASH_BITS: u32 = 12;

/// Compresses `input` into at most `limit` bytes. None when it does not fit: then it is not worth having.
pub fn compress(input: &[u8], limit: usize) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(limit.min(input.len()));
    Compressor::default().compress(input, limit, &mut out).then_some(out)
}

/// Compresses many inputs, one after the other, without clearing its table for each.
pub struct Compressor {
    /// Where the last 3 bytes with this hash were: position counted on from all inputs before.
    recent: Box<[u32; 1 << HASH_BITS]>,
    /// Position of the next input's first byte. 0 is never one.
    begin: u32,
}

impl Default for Compressor {
    fn default() -> Compressor {
        Compressor { recent: Box::new([0; 1 << HASH_BITS]), begin: 1 }
    }
}

impl Compressor {
    /// Appends `input`, compressed into at most `limit` bytes, to `out`. False, and nothing appended, when it does not fit.
    pub fn compress(&mut self, input: &[u8], limit: usize, out: &mut Vec<u8>) -> bool {
        let Ok(len) = u32::try_from(input.len()) else { return false };
        if self.begin.checked_add(len).is_none() {
            *self = Compressor::default();
        }
        let begin = self.begin;
        let Some(next) = begin.checked_add(len) else { return false };
        self.begin = next;
        let (old, limit) = (out.len(), limit + out.len());
        let (mut at, mut literals_from) = (0, 0);
        while at + 2 < input.len() {
            let word = u32::from_le_bytes([input[at], input[at + 1], input[at + 2], 0]);
            let slot = (word.wrapping_mul(0x9e37_79b1) >> (32 - HASH_BITS)) as usize;
            let candidate = self.recent[slot];
            self.recent[slot] = begin + at as u32;
            let from = candidate.wrapping_sub(begin) as usize;
            let found = candidate >= begin && at - from <= MAX_OFFSET && input[from..from + 3] == input[at..at + 3];
            if !found {
                at += 1;
                continue;
            }
            let longest = (input.len() - at).min(MAX_MATCH);
            let len = 3 + (3..longest).take_while(|&i| input[from + i] == input[at + i]).count();
            put_literals(out, &input[literals_from..at]);
            let offset = at - from - 1;
            if len <= 8 {
                out.push(((len - 2) << 5 | offset >> 8) as u8);
            } else {
                out.push((7 << 5 | offset >> 8) as u8);
                out.push((len - 9) as u8);
            }
            out.push(offset as u8);
            if out.len() > limit {
                out.truncate(old);
                return false;
            }
            at += len;
            literals_from = at;
        }
        // What is only literals gets longer: known without copying them.
        if out.len() + input.len() - literals_from > limit {
            out.truncate(old);
            return false;
        }
        put_literals(out, &input[literals_from..]);
        if out.len() > limit {
            out.truncate(old);
        }
        out.len() > old || input.is_empty()
    }
}

fn put_literals(out: &mut Vec<u8>, literals: &[u8]) {
    for chunk in literals.chunks(MAX_LITERALS) {
        out.push(chunk.len() as u8 - 1);
        out.extend_from_slice(chunk);
    }
}

/// Decompresses `input`, which must give exactly `len` bytes. None when it does not, or reaches outside itself.
pub fn decompress(input: &[u8], len: usize) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    decompress_onto(input, len, &mut out).map(|()| out)
}

/// As [`decompress`], behind what `out` holds already. What stands there when it fails is of no use.
pub fn decompress_onto(mut input: &[u8], len: usize, out: &mut Vec<u8>) -> Option<()> {
    // A claim of terabytes must not be believed before the input could hold it: 3 bytes give at most 264.
    if len > input.len().saturating_mul(MAX_MATCH) {
        return None;
    }
    let begin = out.len();
    let len = begin.checked_add(len)?;
    out.reserve(len - begin);
    while let [control, rest @ ..] = input {
        input = rest;
        let control = usize::from(*control);
        if control < MAX_LITERALS {
            let literals = input.get(..control + 1)?;
            input = &input[control + 1..];
            if out.len() + literals.len() > len {
                return None;
            }
            out.extend_from_slice(literals);
            continue;
        }
        let mut count = control >> 5;
        if count == 7 {
            count += usize::from(*input.first()?);
            input = &input[1..];
        }
        count += 2;
        let offset = (control & 0x1f) << 8 | usize::from(*input.first()?);
        input = &input[1..];
        let from = out.len().checked_sub(offset + 1).filter(|from| *from >= begin)?;
        if out.len() + count > len {
            return None;
        }
        // A copy may overlap what it writes: then it repeats what lies between, which doubles with each round.
        let end = out.len() + count;
        while out.len() < end {
            let some = (out.len() - from).min(end - out.len());
            out.extend_from_within(from..from + some);
        }
    }
    (out.len() == len).then_some(())
}

/// Whether `input` decompresses to exactly `len` bytes, told without doing it.
pub fn is_sound(mut input: &[u8], len: usize) -> bool {
    let mut at = 0;
    while let [control, rest @ ..] = input {
        let control = usize::from(*control);
        if control < MAX_LITERALS {
            let Some(behind) = rest.get(control + 1..) else { return false };
            (at, input) = (at + control + 1, behind);
        } else {
            let (count, offset, behind) = match (control >> 5, rest) {
                (7, [more, low, behind @ ..]) => (9 + usize::from(*more), low, behind),
                (count @ 1..7, [low, behind @ ..]) => (count + 2, low, behind),
                _ => return false,
            };
            if (control & 0x1f) << 8 | usize::from(*offset) >= at {
                return false;
            }
            (at, input) = (at + count, behind);
        }
    }
    at == len
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::rng::Rng;

    #[test]
    fn round_trips() {
        let mut rng = Rng::new(3);
        for round in 0..2_000 {
            let letters = 1 + rng.below(6);
            let n = rng.below(if round % 50 == 0 { 40_000 } else { 400 });
            let mut input: Vec<u8> = (0..n).map(|_| b'a' + rng.below(letters) as u8).collect();
            if round % 3 == 0 {
                let copy = input.clone();
                input.extend_from_slice(&copy);
            }
            let packed = compress(&input, input.len() * 2 + 16).unwrap();
            assert_eq!(decompress(&packed, input.len()).as_deref(), Some(&input[..]));
            assert!(is_sound(&packed, input.len()) && !is_sound(&packed, input.len() + 1));
            assert_eq!(decompress(&packed, input.len() + 1), None);
            if !input.is_empty() {
                assert_eq!(decompress(&packed, input.len() - 1), None);
            }
        }
        let zeros = vec![0u8; 10_000];
        assert!(compress(&zeros, 200).is_some_and(|p| p.len() < 150));
        assert_eq!(compress(b"abcdefgh", 7), None);
    }

    #[test]
    fn foreign_bytes_never_panic() {
        let mut rng = Rng::new(5);
        for _ in 0..50_000 {
            let bytes: Vec<u8> = (0..rng.below(24)).map(|_| rng.next_u64() as u8).collect();
            let len = rng.below(300) as usize;
            assert_eq!(decompress(&bytes, len).is_some(), is_sound(&bytes, len), "{bytes:?} {len}");
            // Whatever length it has, one that fits or none.
            let fits = (0..800).find(|len| is_sound(&bytes, *len));
            assert_eq!(fits, (0..800).find(|len| decompress(&bytes, *len).is_some()), "{bytes:?}");
        }
        assert_eq!(decompress(&[0xff], usize::MAX), None);
    }
}
