//! Replies counted, not read. Most are like one of the last two, a hit or a miss: replies that came whole are kept, and
//! what arrives is compared with them before anything looks at single bytes; one that comes all the time is kept many
//! times in a row. A whole reply tells where it ends, so equal bytes are equal replies.

use crate::resp::frames::{Fault, Frames};

/// A reply longer than this is not kept.
const KEPT: usize = 256;
/// So long a row of it is compared at once.
const ROW: usize = 2048;

/// After so many that were alike, the next are expected to be.
const ALIKE: u32 = 64;

#[derive(Default)]
pub struct Counter {
    frames: Frames,
    /// The last reply that was compared and was the same, or came anew.
    one: Vec<u8>,
    /// The one before it that was different.
    other: Vec<u8>,
    /// `one` in a row, or nothing.
    row: Vec<u8>,
    in_row: u64,
    alike: u32,
}

impl Counter {
    /// Counts whole replies at the start of `buf`, at most `most`: their number and their length. `error` is told the
    /// line of each error reply; pushes are passed over. After a fault the connection is of no use.
    pub fn count(&mut self, buf: &[u8], most: u64, mut error: impl FnMut(&[u8])) -> Result<(u64, usize), Fault> {
        let (mut replies, mut at) = (0, 0);
        while replies < most && at < buf.len() {
            let rest = &buf[at..];
            if self.frames.is_idle() && !self.one.is_empty() {
                if self.in_row > 0 && most - replies >= self.in_row && rest.starts_with(&self.row) {
                    replies += self.in_row;
                    at += self.row.len();
                    continue;
                }
                if rest.starts_with(&self.one) {
                    replies += 1;
                    at += self.one.len();
                    self.alike = self.alike.saturating_add(1);
                    if self.alike == ALIKE {
                        self.in_row = (ROW / self.one.len()).min(32) as u64;
                        self.row = self.one.repeat(self.in_row as usize);
                    }
                    continue;
                }
                self.differs();
                if !self.one.is_empty() && rest.starts_with(&self.one) {
                    replies += 1;
                    at += self.one.len();
                    continue;
                }
            }
            let Some(len) = self.frames.scan(rest)? else { break };
            let reply = &rest[..len];
            at += len;
            match reply[0] {
                b'>' => continue,
                b'-' | b'!' => error(line_of(reply)),
                _ if len <= KEPT => self.keep(reply),
                _ => {}
            }
            replies += 1;
        }
        Ok((replies, at))
    }

    /// What comes is not like the last: perhaps like the one before.
    fn differs(&mut self) {
        std::mem::swap(&mut self.one, &mut self.other);
        (self.in_row, self.alike) = (0, 0);
    }

    fn keep(&mut self, reply: &[u8]) {
        // The older of the two makes room: it is in front, as both were tried.
        self.one.clear();
        self.one.extend_from_slice(reply);
    }
}

/// The text of a reply, if it is an error.
pub fn error_of(reply: &[u8]) -> Option<&[u8]> {
    matches!(reply.first(), Some(b'-' | b'!')).then(|| line_of(reply))
}

/// The text of an error reply, without what frames it.
fn line_of(reply: &[u8]) -> &[u8] {
    let body = match reply[0] {
        b'!' => memchr::memchr(b'\n', reply).map_or(&[][..], |end| &reply[end + 1..]),
        _ => &reply[1..],
    };
    body.strip_suffix(b"\r\n").unwrap_or(body)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::rng::Rng;

    /// Whatever the pieces, the count is that of the replies, and errors are told once each.
    #[test]
    fn pieces_make_no_difference() {
        let kinds: [&[u8]; 7] = [
            b"+OK\r\n",
            b"$3\r\nabc\r\n",
            b":12\r\n",
            b"-ERR no\r\n",
            b"*2\r\n$1\r\na\r\n:1\r\n",
            b">1\r\n+x\r\n",
            b"!5\r\nE bad\r\n",
        ];
        for seed in 0..200 {
            let mut rng = Rng::new(seed);
            let (mut all, mut want, mut wrong) = (Vec::new(), 0, 0);
            for _ in 0..rng.below(60) {
                let kind = rng.below(7) as usize;
                for _ in 0..=rng.below(80) {
                    all.extend_from_slice(kinds[kind]);
                    want += u64::from(kind != 5);
                    wrong += u32::from(kind == 3 || kind == 6);
                }
            }
            let (mut counter, mut got, mut errors, mut pending) = (Counter::default(), 0, 0, Vec::new());
            let mut at = 0;
            while at < all.len() {
                let piece = (1 + rng.below(300) as usize).min(all.len() - at);
                pending.extend_from_slice(&all[at..at + piece]);
                at += piece;
                let (n, len) = counter
                    .count(&pending, u64::MAX, |text| {
                        assert!(text == b"ERR no" || text == b"E bad");
                        errors += 1;
                    })
                    .expect("replies");
                got += n;
                pending.drain(..len);
            }
            assert_eq!((got, errors, pending.len()), (want, wrong, 0), "seed {seed}");
        }
        assert!(Counter::default().count(b"x\r\n", 1, |_| {}).is_err());
        let (n, len) = Counter::default().count(b"+a\r\n+a\r\n", 1, |_| {}).expect("replies");
        assert_eq!((n, len), (1, 4));
    }
}
