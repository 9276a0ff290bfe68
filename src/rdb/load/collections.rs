//! Lists, sets, sorted sets and hashes, from elements or from pieces.

use super::stream::StreamDraft;
use super::{Thresholds, Value};
use crate::data::list::End;
use crate::data::lpentry;
use crate::data::{Hash, Intset, Item, Limits, List, Packed, Set, Zset};
use crate::rdb::fault::Why;
use crate::rdb::{Elements, Form, Part, ValueKind};

/// A value in the making.
pub(super) struct Draft<'l> {
    kind: ValueKind,
    limits: &'l Thresholds,
    made: Made,
}

enum Made {
    Nothing,
    List(List),
    Set(Set),
    /// With the longest member's length.
    Zset(Zset, usize),
    Hash(Hash),
    Stream(Box<StreamDraft>),
}

const TWICE: &str = "the same member or field twice";
const NAN: &str = "Zset with NAN score detected";

impl<'l> Draft<'l> {
    pub fn new(kind: ValueKind, limits: &'l Thresholds) -> Draft<'l> {
        let made = match kind.type_name() {
            "list" => Made::List(List::new()),
            "stream" => Made::Stream(Box::default()),
            _ => Made::Nothing,
        };
        Draft { kind, limits, made }
    }

    pub fn add(&mut self, part: Part<'_>) -> Result<(), Why> {
        let limits = &self.limits.collections;
        match (part, &mut self.made) {
            (Part::Count(n), made @ Made::Nothing) => *made = empty(self.kind, n, limits),
            (Part::Count(_), _) => {}
            (Part::Item(item), Made::List(list)) => item.with(|text| list.push(End::Tail, text, &self.limits.lists)),
            (Part::Item(item), Made::Set(set)) => {
                if !item.with(|text| set.add(text, limits)) {
                    return Err(TWICE.into());
                }
            }
            (Part::Scored(member, score), Made::Zset(zset, longest)) => {
                *longest = (*longest).max(member.len());
                scored(zset, member, score, limits)?;
            }
            (Part::Field { name, value, expires_at_ms }, Made::Hash(hash)) => {
                field(hash, name, value, expires_at_ms, limits)?
            }
            (Part::Packed(form, bytes), made) => packed(made, self.kind, form, bytes, self.limits)?,
            (part, Made::Stream(draft)) => draft.add(part)?,
            _ => return Err("a part that the value has no place for".into()),
        }
        Ok(())
    }

    /// The value; `None` if it has no elements (a stream needs none).
    pub fn finish(self) -> Result<Option<Value<'static>>, Why> {
        let limits = &self.limits.collections;
        Ok(match self.made {
            Made::List(mut list) if !list.is_empty() => {
                list.loaded(&self.limits.lists);
                Some(Value::List(list))
            }
            Made::Set(set) if !set.is_empty() => Some(Value::Set(set)),
            Made::Zset(mut zset, longest) if !zset.is_empty() => {
                if longest <= limits.zset_max_listpack_value {
                    zset.try_listpack(limits);
                }
                Some(Value::Zset(zset))
            }
            Made::Hash(hash) if !hash.is_empty() => Some(Value::Hash(hash)),
            Made::Stream(draft) => Some(Value::Stream(draft.finish()?)),
            _ => None,
        })
    }
}

/// What a collection of `n` announced elements begins as.
fn empty(kind: ValueKind, n: u64, limits: &Limits) -> Made {
    let n = usize::try_from(n).unwrap_or(usize::MAX);
    match kind.type_name() {
        "set" if n > limits.set_max_intset_entries => Made::Set(Set::new_table()),
        "set" => Made::Set(Set::new_intset()),
        // A sorted set is ranked first and made compact at the end: in that order inserting does not take the square.
        "zset" => Made::Zset(Zset::new_ranked(), 0),
        _ if n > limits.hash_max_listpack_entries => Made::Hash(Hash::new_table()),
        _ => Made::Hash(Hash::new()),
    }
}

fn scored(zset: &mut Zset, member: Item<'_>, score: f64, limits: &Limits) -> Result<(), Why> {
    if score.is_nan() {
        return Err(NAN.into());
    }
    match member.with(|text| zset.set(text, score, limits)) {
        None => Ok(()),
        Some(_) => Err(TWICE.into()),
    }
}

fn field(
    hash: &mut Hash,
    name: Item<'_>,
    value: Item<'_>,
    expires_at_ms: Option<i64>,
    limits: &Limits,
) -> Result<(), Why> {
    name.with(|name| {
        if !value.with(|value| hash.set(name, value, false, i64::MIN, limits)) {
            return Err(TWICE.into());
        }
        if expires_at_ms.is_some_and(|at| at > 0) {
            hash.set_expiry(name, expires_at_ms);
        }
        Ok(())
    })
}

/// Takes a piece: the whole value, or a node of a list.
fn packed(made: &mut Made, kind: ValueKind, form: Form, bytes: &[u8], limits: &Thresholds) -> Result<(), Why> {
    if let Made::List(list) = made {
        return node(list, kind, form, bytes, limits);
    }
    *made = match (kind, form) {
        (ValueKind::SetIntset, _) => Made::Set(ints(bytes, &limits.collections)?),
        (ValueKind::SetListpack, _) => {
            let set = listpack(bytes).and_then(|packed| Set::from_packed(packed, &limits.collections));
            Made::Set(set.ok_or("Set listpack integrity check failed.")?)
        }
        (ValueKind::ZsetListpack | ValueKind::ZsetZiplist, _) => {
            let zset = as_listpack(form, bytes).and_then(|packed| Zset::from_packed(packed, &limits.collections));
            // Reading the scores has kept NaN out.
            Made::Zset(zset.ok_or("Zset listpack integrity check failed.")?, usize::MAX)
        }
        _ => {
            let expiring = form == Form::ListpackEx;
            let hash =
                as_listpack(form, bytes).and_then(|packed| Hash::from_packed(packed, expiring, &limits.collections));
            Made::Hash(hash.ok_or("Hash listpack integrity check failed.")?)
        }
    };
    Ok(())
}

fn listpack(bytes: &[u8]) -> Option<Packed> {
    Packed::from_bytes(bytes)
}

/// The same elements as a listpack.
fn as_listpack(form: Form, bytes: &[u8]) -> Option<Packed> {
    if matches!(form, Form::Listpack | Form::ListpackEx) {
        return listpack(bytes);
    }
    Packed::from_bytes(&framed(Elements::open(form, bytes)?))
}

/// A listpack of elements.
fn framed(elements: Elements<'_>) -> Vec<u8> {
    let mut out = vec![0; 6];
    let mut count = 0;
    for item in elements {
        entry(item).append_to(&mut out);
        count += 1;
    }
    let head = lpentry::listpack_header(out.len() - 6, count);
    out[..6].copy_from_slice(&head);
    out.push(lpentry::END);
    out
}

fn entry(item: Item<'_>) -> lpentry::Value<'_> {
    match item {
        Item::Int(n) => lpentry::Value::Int(n),
        Item::Bytes(text) => lpentry::Value::of(text),
    }
}

/// An intset, as it is or (where the threshold is lower) as a table.
fn ints(bytes: &[u8], limits: &Limits) -> Result<Set, Why> {
    let ints = Intset::from_bytes(bytes).ok_or("Intset integrity check failed.")?;
    if ints.ints().len() <= limits.set_max_intset_entries {
        return Ok(ints.into());
    }
    let mut set = Set::new_table();
    ints.ints().iter().for_each(|n| {
        Item::Int(n).with(|text| set.add(text, limits));
    });
    Ok(set)
}

fn node(list: &mut List, kind: ValueKind, form: Form, bytes: &[u8], limits: &Thresholds) -> Result<(), Why> {
    match form {
        Form::Listpack => {
            let (run, count) = lpentry::open_listpack(bytes).ok_or("Listpack integrity check failed.")?;
            list.append_run(run, count);
        }
        _ => {
            let elements = Elements::open(form, bytes).ok_or("Ziplist integrity check failed.")?;
            if kind == ValueKind::ListZiplist {
                // Ziplists of old lists were larger than nodes are: filled anew.
                for item in elements {
                    item.with(|text| list.push(End::Tail, text, &limits.lists));
                }
            } else {
                let packed = framed(elements);
                let (run, count) = lpentry::open_listpack(&packed).ok_or("Ziplist integrity check failed.")?;
                list.append_run(run, count);
            }
        }
    }
    Ok(())
}
