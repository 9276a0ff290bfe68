//! Values in one piece: what their elements are, whatever the form.

use super::ziplist;
use crate::data::lpentry;
use crate::data::{Intset, Item};

/// The form of a piece.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Form {
    Ziplist,
    Zipmap,
    Intset,
    Listpack,
    /// Of field, value, expiry (0: none) … instead of field, value ….
    ListpackEx,
}

/// The elements of a piece, in order.
pub struct Elements<'a>(Inner<'a>);

enum Inner<'a> {
    Ziplist(ziplist::Entries<'a>),
    Zipmap(ziplist::ZipmapEntries<'a>),
    Ints(&'a [u8], usize),
    Listpack(lpentry::Entries<'a>),
}

impl<'a> Elements<'a> {
    /// `None` unless the bytes are of that form to the last one, so that walking them cannot fail.
    pub fn open(form: Form, bytes: &'a [u8]) -> Option<Elements<'a>> {
        Some(Elements(match form {
            Form::Ziplist => Inner::Ziplist(ziplist::open(bytes)?),
            Form::Zipmap => Inner::Zipmap(ziplist::open_zipmap(bytes)?),
            Form::Intset => {
                Intset::from_bytes(bytes)?;
                Inner::Ints(&bytes[8..], usize::from(bytes[0]))
            }
            Form::Listpack | Form::ListpackEx => Inner::Listpack(lpentry::Entries(lpentry::open_listpack(bytes)?.0)),
        }))
    }
}

impl<'a> Iterator for Elements<'a> {
    type Item = Item<'a>;

    fn next(&mut self) -> Option<Item<'a>> {
        match &mut self.0 {
            Inner::Ziplist(entries) => entries.next(),
            Inner::Zipmap(entries) => entries.next(),
            Inner::Ints(rest, width) => {
                let (raw, behind) = rest.split_at_checked(*width).filter(|_| *width > 0)?;
                let mut wide = [0; 8];
                wide[8 - raw.len()..].copy_from_slice(raw);
                *rest = behind;
                Some(Item::Int(i64::from_le_bytes(wide) >> (64 - 8 * raw.len())))
            }
            Inner::Listpack(entries) => entries.next().map(|value| match value {
                lpentry::Value::Int(n) => Item::Int(n),
                lpentry::Value::Str(text) => Item::Bytes(text),
            }),
        }
    }
}
