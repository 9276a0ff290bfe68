//! Values by their contents, whatever their encoding: a number to compare them by, and their elements by name.

use crate::data::stream::StreamId;
use crate::data::{Item, lpentry};
use crate::inspect::json;
use crate::rdb::Value;
use crate::rdb::write::ValueRef;
use std::collections::BTreeMap;
use xxhash_rust::xxh3::{Xxh3, xxh3_128};

/// Two values of the same contents have the same number; the type is part of it.
pub fn of(value: &Value<'_>) -> u128 {
    // Elements without an order are added up, so that any order gives the same.
    let mut sum = 0u128;
    let mut all = Xxh3::new();
    each(value, |name, contents| {
        let mut one = Xxh3::new();
        one.update(&(name.len() as u64).to_le_bytes());
        one.update(name);
        one.update(contents);
        match value {
            Value::List(_) | Value::Text(_) => all.update(&one.digest128().to_le_bytes()),
            _ => sum = sum.wrapping_add(one.digest128()),
        }
    });
    all.update(type_name(value).as_bytes());
    all.update(&sum.to_le_bytes());
    all.digest128()
}

pub fn of_name(db: u64, name: &[u8]) -> u128 {
    xxh3_128(&[&db.to_le_bytes(), name].concat())
}

pub fn type_name(value: &Value<'_>) -> &'static str {
    match value {
        Value::Text(_) => "string",
        Value::List(_) => "list",
        Value::Set(_) => "set",
        Value::Zset(_) => "zset",
        Value::Hash(_) => "hash",
        Value::Stream(_) => "stream",
    }
}

/// Calls `f` with each element's name (a list's index, a member, field or id) and contents, both as they are shown.
fn each(value: &Value<'_>, mut f: impl FnMut(&[u8], &[u8])) {
    let (mut name, mut contents) = (Vec::new(), Vec::new());
    let mut tell = |name: &mut Vec<u8>, contents: &mut Vec<u8>| {
        f(name, contents);
        name.clear();
        contents.clear();
    };
    let shown = |item: Item<'_>, out: &mut Vec<u8>| item.with(|bytes| json::quoted(bytes, out));
    match value.view() {
        ValueRef::Text(text) => {
            shown(text, &mut contents);
            tell(&mut name, &mut contents);
        }
        ValueRef::List(list) => {
            let (mut iter, mut index) = (list.iter(0, usize::MAX), 0u64);
            while let Some(value) = iter.next() {
                json::int(index, &mut name);
                json::quoted(value.text(&mut itoa::Buffer::new()), &mut contents);
                tell(&mut name, &mut contents);
                index += 1;
            }
        }
        ValueRef::Set(set) => set.iter().for_each(|member| {
            shown(member, &mut name);
            tell(&mut name, &mut contents);
        }),
        ValueRef::Zset(zset) => zset.iter().for_each(|(member, score)| {
            shown(member, &mut name);
            // -0 and 0 rank the same.
            crate::base::double::write_double(score + 0.0, &mut contents);
            tell(&mut name, &mut contents);
        }),
        ValueRef::Hash(hash) => hash.iter(i64::MIN).for_each(|field| {
            shown(field.name, &mut name);
            shown(field.value, &mut contents);
            if let Some(at) = field.expires_at_ms {
                contents.extend_from_slice(format!(" until {}", json::time(at)).as_bytes());
            }
            tell(&mut name, &mut contents);
        }),
        ValueRef::Stream(stream) => {
            let quoted =
                |value: lpentry::Value<'_>, out: &mut Vec<u8>| json::quoted(value.text(&mut itoa::Buffer::new()), out);
            for entry in stream.range(StreamId::MIN, StreamId::MAX) {
                json::id(entry.id, &mut name);
                for (field, value) in entry.fields() {
                    contents.extend_from_slice(if contents.is_empty() { b"" } else { b" " });
                    quoted(field, &mut contents);
                    contents.push(b' ');
                    quoted(value, &mut contents);
                }
                tell(&mut name, &mut contents);
            }
            name.extend_from_slice(b"last id");
            json::id(stream.last_id(), &mut contents);
            tell(&mut name, &mut contents);
            for (group, state) in stream.groups() {
                name.extend_from_slice(b"group ");
                json::quoted(group, &mut name);
                json::id(state.last_id, &mut contents);
                tell(&mut name, &mut contents);
                for (id, nack) in state.pel() {
                    name.extend_from_slice(b"group ");
                    json::quoted(group, &mut name);
                    name.extend_from_slice(format!(" pending {id}").as_bytes());
                    json::quoted(state.owner(nack).name(), &mut contents);
                    contents.extend_from_slice(format!(" {} times", nack.delivery_count).as_bytes());
                    tell(&mut name, &mut contents);
                }
            }
        }
    }
}

/// Elements by name.
pub fn elements(value: &Value<'_>) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let mut all = BTreeMap::new();
    each(value, |name, contents| {
        // Numbers of items sort as numbers do.
        let name = if matches!(value, Value::List(_)) {
            [&b"            "[name.len().min(12)..], name].concat()
        } else {
            name.to_vec()
        };
        all.insert(name, contents.to_vec());
    });
    all
}
