//! The packed encodings from before listpacks, in files of Redis 2.4 … 6.2: ziplists and zipmaps.
//!
//! ```text
//!  ziplist   total u32 | offset of the last entry u32 | entries u16 | entry … | 0xff         all little endian
//!  entry     length of the entry before (1 byte, or 0xfe and 4) | encoding | data
//!            00llllll | 01llllll l:8 | 10...... l:32be          strings
//!            c0 i16 | d0 i32 | e0 i64 | f0 i24 | fe i8 | f1 … fd: 0 … 12
//!
//!  zipmap    entries u8 (254: count them) | name length, name, value length, unused u8, value, unused bytes … | 0xff
//!            lengths: 1 byte below 254, or 0xfe and 4
//! ```

use crate::data::Item;

const HEAD: usize = 10;
const END: u8 = 0xff;
const LONG: u8 = 0xfe;

fn u32_at(bytes: &[u8], at: usize) -> Option<usize> {
    let field = bytes.get(at..)?.first_chunk()?;
    Some(u32::from_le_bytes(*field) as usize)
}

/// The entries of a foreign ziplist, if it is one to the last byte.
pub fn open(bytes: &[u8]) -> Option<Entries<'_>> {
    let stated = u16::from_le_bytes(*bytes.get(8..)?.first_chunk()?);
    if u32_at(bytes, 0)? != bytes.len() || *bytes.last()? != END || bytes.len() <= HEAD {
        return None;
    }
    let run = &bytes[HEAD..bytes.len() - 1];
    let (mut at, mut before, mut count, mut last) = (0, 0, 0usize, HEAD);
    while at < run.len() {
        let (_, len, stated) = entry(&run[at..])?;
        if stated != before {
            return None;
        }
        last = HEAD + at;
        (at, before, count) = (at + len, len, count + 1);
    }
    let counted = stated == u16::MAX || usize::from(stated) == count;
    (at == run.len() && counted && u32_at(bytes, 4)? == last).then_some(Entries(run))
}

/// The entry that `run` begins with: what it holds, its length, and what it says of the one before.
fn entry(run: &[u8]) -> Option<(Item<'_>, usize, usize)> {
    let (before, head) = match *run.first()? {
        LONG => (u32_at(run, 1)?, 5),
        END => return None,
        n => (usize::from(n), 1),
    };
    let body = &run[head..];
    let string = |at: usize, len: usize| Some((Item::Bytes(body.get(at..at.checked_add(len)?)?), at + len));
    let int = |width: usize| {
        let raw = body.get(1..1 + width)?;
        let mut wide = [0; 8];
        wide[8 - width..].copy_from_slice(raw);
        Some((Item::Int(i64::from_le_bytes(wide) >> (64 - 8 * width)), 1 + width))
    };
    let (item, len) = match *body.first()? {
        n @ 0..0x40 => string(1, usize::from(n)),
        n @ 0x40..0x80 => string(2, usize::from(n & 0x3f) << 8 | usize::from(*body.get(1)?)),
        0x80..0xc0 => string(5, u32::from_be_bytes(*body.get(1..)?.first_chunk()?) as usize),
        0xc0 => int(2),
        0xd0 => int(4),
        0xe0 => int(8),
        0xf0 => int(3),
        0xfe => int(1),
        n @ 0xf1..=0xfd => Some((Item::Int(i64::from(n) - 0xf1), 1)),
        _ => None,
    }?;
    Some((item, head + len, before))
}

/// Walks the entries of a ziplist that [`open`] has checked.
#[derive(Clone)]
pub struct Entries<'a>(&'a [u8]);

impl<'a> Iterator for Entries<'a> {
    type Item = Item<'a>;

    fn next(&mut self) -> Option<Item<'a>> {
        let (item, len, _) = entry(self.0)?;
        self.0 = &self.0[len..];
        Some(item)
    }
}

/// The names and values of a foreign zipmap, one after the other, if it is one to the last byte.
pub fn open_zipmap(bytes: &[u8]) -> Option<ZipmapEntries<'_>> {
    let (&stated, run) = bytes.split_first()?;
    let mut walk = ZipmapEntries { run, value: false };
    let mut count = 0;
    while walk.step()?.is_some() {
        count += 1;
    }
    let whole = walk.run == [END] && count % 2 == 0 && (stated >= LONG || usize::from(stated) * 2 == count);
    whole.then_some(ZipmapEntries { run, value: false })
}

#[derive(Clone)]
pub struct ZipmapEntries<'a> {
    run: &'a [u8],
    /// A value comes next.
    value: bool,
}

impl<'a> ZipmapEntries<'a> {
    /// The next text; `Some(None)` at the end, `None` where the bytes are wrong.
    fn step(&mut self) -> Option<Option<&'a [u8]>> {
        let (len, head) = match *self.run.first()? {
            END => return (!self.value).then_some(None),
            LONG => (u32_at(self.run, 1)?, 5),
            n => (usize::from(n), 1),
        };
        let (begin, unused) = if self.value { (head + 1, usize::from(*self.run.get(head)?)) } else { (head, 0) };
        let end = begin.checked_add(len)?;
        let text = self.run.get(begin..end)?;
        self.run = self.run.get(end.checked_add(unused)?..)?;
        self.value = !self.value;
        Some(Some(text))
    }
}

impl<'a> Iterator for ZipmapEntries<'a> {
    type Item = Item<'a>;

    fn next(&mut self) -> Option<Item<'a>> {
        self.step().flatten().map(Item::Bytes)
    }
}

/// A ziplist in the making, for servers that know no listpacks.
#[derive(Default)]
pub struct Builder {
    run: Vec<u8>,
    count: usize,
    last: usize,
    last_len: usize,
}

impl Builder {
    pub fn push(&mut self, item: Item<'_>) {
        let begin = self.run.len();
        if self.last_len < 254 {
            self.run.push(self.last_len as u8);
        } else {
            self.run.push(LONG);
            self.run.extend_from_slice(&(self.last_len as u32).to_le_bytes());
        }
        match (item.as_int(), item) {
            (Some(n), _) => self.int(n),
            (None, Item::Bytes(text)) => self.text(text),
            (None, Item::Int(n)) => self.int(n),
        }
        (self.last, self.last_len, self.count) = (begin, self.run.len() - begin, self.count + 1);
    }

    fn int(&mut self, n: i64) {
        let (code, width) = match n {
            0..=12 => return self.run.push(0xf1 + n as u8),
            -0x80..=0x7f => (0xfe, 1),
            -0x8000..=0x7fff => (0xc0, 2),
            -0x80_0000..=0x7f_ffff => (0xf0, 3),
            -0x8000_0000..=0x7fff_ffff => (0xd0, 4),
            _ => (0xe0, 8),
        };
        self.run.push(code);
        self.run.extend_from_slice(&n.to_le_bytes()[..width]);
    }

    fn text(&mut self, text: &[u8]) {
        match text.len() {
            n @ 0..0x40 => self.run.push(n as u8),
            n @ 0x40..0x4000 => self.run.extend_from_slice(&[0x40 | (n >> 8) as u8, n as u8]),
            n => {
                self.run.push(0x80);
                self.run.extend_from_slice(&(n as u32).to_be_bytes());
            }
        }
        self.run.extend_from_slice(text);
    }

    pub fn finish(self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.run.len() + HEAD + 1);
        out.extend_from_slice(&((self.run.len() + HEAD + 1) as u32).to_le_bytes());
        out.extend_from_slice(&((HEAD + self.last) as u32).to_le_bytes());
        out.extend_from_slice(&u16::try_from(self.count).unwrap_or(u16::MAX).to_le_bytes());
        out.extend_from_slice(&self.run);
        out.push(END);
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::rng::Rng;

    #[test]
    fn what_is_built_opens() {
        let mut texts: Vec<Vec<u8>> =
            [0, 1, 63, 64, 250, 254, 300, 16_383, 16_384].iter().map(|n| vec![b'x'; *n]).collect();
        for shift in 0..64 {
            texts.extend(
                [1i64 << shift, (1i64 << shift).wrapping_sub(1), (1i64 << shift).wrapping_neg()]
                    .map(|n| n.to_string().into()),
            );
        }
        texts.extend((0..14).map(|n: i32| n.to_string().into()));
        let mut builder = Builder::default();
        texts.iter().for_each(|text| builder.push(Item::Bytes(text)));
        let bytes = builder.finish();
        let back: Vec<Vec<u8>> = open(&bytes).expect("a ziplist").map(Item::to_vec).collect();
        assert_eq!(back, texts);
        assert_eq!(open(&Builder::default().finish()).map(Iterator::count), Some(0));
    }

    #[test]
    fn zipmaps() {
        // As Redis 2.4 left it after a value shrank: one unused byte behind "v".
        let bytes = [1, 1, b'k', 1, 1, b'v', b'?', END];
        let texts = open_zipmap(&bytes).expect("a zipmap").map(Item::to_vec).collect::<Vec<_>>();
        assert_eq!(texts, [b"k", b"v"]);
        assert!(open_zipmap(&[0, END]).is_some_and(|mut entries| entries.next().is_none()));
        for bad in [
            &[][..],
            &[1],
            &[0],
            &[2, 1, b'k', 1, 0, b'v', END],
            &[1, 1, b'k', END],
            &[0, END, 0],
            &[254, 254, 255, 255, 255, 255, END],
        ] {
            assert!(open_zipmap(bad).is_none(), "{bad:?}");
        }
    }

    #[test]
    fn foreign_bytes_never_panic() {
        let mut rng = Rng::new(21);
        for _ in 0..30_000 {
            let n = rng.below(30) as usize;
            let mut bytes: Vec<u8> =
                (0..n).map(|_| [rng.next_u64() as u8, 0, 1, 2, 254, 255][rng.below(6) as usize]).collect();
            if n > HEAD {
                bytes[..4].copy_from_slice(&(n as u32).to_le_bytes());
                bytes[n - 1] = END;
            }
            let _ = (open(&bytes).map(Iterator::count), open_zipmap(&bytes).map(Iterator::count));
        }
    }
}
