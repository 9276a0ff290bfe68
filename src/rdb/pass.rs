//! Passing over keys that are strings, as fast as their lengths can be read: most files are made of little else, and whoever
//! checks them needs no events of them.
//!
//! Only records that lie in the window whole and are beyond doubt are passed. At anything else this stops in front of it, and
//! the reader's own way takes it up or tells what is wrong.

use super::kind;
use super::read::Reader;
use super::source::Source;
use crate::base::lzf;
use std::io::Read;

impl<R: Read> Reader<R> {
    /// Passes over records of strings that are sound, as far as it can, and calls `each` with the expiry (Unix ms) of each.
    /// What comes next is told by [`next`](Reader::next).
    pub fn pass_texts(&mut self, each: impl FnMut(Option<i64>)) {
        if self.is_between_records() {
            self.source.pass_texts(each);
        }
    }
}

impl<R: Read> Source<R> {
    fn pass_texts(&mut self, mut each: impl FnMut(Option<i64>)) {
        let mut rest = self.ahead();
        let before = rest.len();
        while let Some((expires_at_ms, behind)) = text_record(rest) {
            each(expires_at_ms);
            rest = behind;
        }
        let passed = before - rest.len();
        self.take_ahead(passed);
    }
}

/// The expiry of a record of a string, and what follows it.
#[inline]
fn text_record(mut rest: &[u8]) -> Option<(Option<i64>, &[u8])> {
    let mut expires_at_ms = None;
    loop {
        let (byte, behind) = rest.split_first()?;
        rest = match *byte {
            0 => break rest = behind,
            kind::EXPIRY_MS => {
                let (time, behind) = behind.split_first_chunk()?;
                expires_at_ms = Some(i64::from_le_bytes(*time));
                behind
            }
            kind::FREQ => behind.get(1..)?,
            kind::IDLE => length(behind)?.1,
            _ => return None,
        }
    }
    Some((expires_at_ms, string(string(rest)?)?))
}

/// What follows a string.
#[inline]
fn string(bytes: &[u8]) -> Option<&[u8]> {
    let first = *bytes.first()?;
    if first < 0xc0 {
        let (len, behind) = length(bytes)?;
        return behind.get(len..);
    }
    match first {
        0xc0 => bytes.get(2..),
        0xc1 => bytes.get(3..),
        0xc2 => bytes.get(5..),
        0xc3 => {
            let (packed, behind) = length(&bytes[1..])?;
            let (len, behind) = length(behind)?;
            let (packed, behind) = behind.split_at_checked(packed)?;
            lzf::is_sound(packed, len).then_some(behind)
        }
        _ => None,
    }
}

/// A length, unless it is huge, and what follows it.
#[inline]
fn length(bytes: &[u8]) -> Option<(usize, &[u8])> {
    match *bytes {
        [first @ 0..0x40, ref behind @ ..] => Some((usize::from(first), behind)),
        [first @ 0x40..0x80, low, ref behind @ ..] => Some((usize::from(first & 0x3f) << 8 | usize::from(low), behind)),
        [0x80, a, b, c, d, ref behind @ ..] => Some((u32::from_be_bytes([a, b, c, d]) as usize, behind)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::rng::Rng;
    use crate::rdb::event::Event;

    /// Bytes of a file with all forms of strings, then changed in some places: with passing and without, the same faults
    /// and as many keys.
    #[test]
    fn passing_changes_nothing() {
        let mut rng = Rng::new(11);
        let (mut sound, mut broken) = (0, 0);
        for round in 0..3000 {
            let mut file = b"REDIS0009\xfe\x00".to_vec();
            for i in 0..1 + rng.below(30) {
                match rng.below(6) {
                    0 => file.extend([&[kind::EXPIRY_MS][..], &(i as i64 + 1).to_le_bytes()].concat()),
                    1 => file.extend([kind::FREQ, 7]),
                    2 => file.extend([kind::IDLE, 0x41, 0]),
                    _ => {}
                }
                file.extend([0, 5, b'k', b'e', b'y', b'0' + (i / 10) as u8, b'0' + (i % 10) as u8]);
                match rng.below(7) {
                    0 => file.extend([0xc0, 1]),
                    1 => file.extend([0xc1, 1, 2]),
                    2 => file.extend([0xc2, 1, 2, 3, 4]),
                    3 => file.extend([0xc3, 5, 20, 0, b'a', 0xe0, 10, 0]),
                    4 => file.extend([&[0x40, 70][..], &[b'x'; 70]].concat()),
                    5 => file.extend([0x80, 0, 0, 0, 2, b'a', b'b']),
                    _ => file.extend([3, b'a', b'b', b'c']),
                }
            }
            file.push(kind::EOF);
            let sum = crate::base::crc64::crc64(0, &file);
            file.extend(sum.to_le_bytes());
            if round % 2 == 1 {
                let at = 11 + rng.below(file.len() as u64 - 11) as usize;
                file[at] = rng.next_u64() as u8;
            }
            let count = |pass: bool| {
                // So small a window that records do not fit in.
                let mut reader = Reader::new(crate::rdb::tests::Dribble(&file, 1 + rng.clone().below(50) as usize));
                let (mut keys, mut expiring) = (0, 0);
                loop {
                    if pass {
                        reader.pass_texts(|at| {
                            keys += 1;
                            expiring += u64::from(at.is_some());
                        });
                    }
                    match reader.next() {
                        Ok(Event::Key(key)) => {
                            keys += 1;
                            expiring += u64::from(key.expires_at_ms.is_some());
                        }
                        Ok(Event::End { checksum }) => return (keys, expiring, format!("{checksum:?}")),
                        Ok(_) => {}
                        Err(fault) => return (keys, expiring, fault.to_string()),
                    }
                }
            };
            let (with, without) = (count(true), count(false));
            assert_eq!(with, without, "{}", file.escape_ascii());
            *(if with.2.starts_with("Some") { &mut sound } else { &mut broken }) += 1;
        }
        assert!(sound > 1400 && broken > 1000, "{sound} sound, {broken} broken");
    }
}
