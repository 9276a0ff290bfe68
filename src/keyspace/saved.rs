//! Between entries and the values of RDB files: what a snapshot writes of an entry, and what a loaded key becomes.

use super::db::AccessClock;
use super::entry::{Entry, NewValue};
use super::value::{Object, Str, Type};
use crate::data::{Hash, Item, List, Set, Stream, Zset};
use crate::rdb::payload::Owned;
use crate::rdb::write::ValueRef;
use crate::rdb::{LoadedKey, Value};

impl Entry {
    /// Lends the value to whoever writes it.
    pub fn with_value<R>(&self, f: impl FnOnce(ValueRef<'_>) -> R) -> R {
        match self.type_() {
            Type::List => self.object::<List>().map_or_else(unreachable_type, |v| f(ValueRef::List(&v))),
            Type::Set => self.object::<Set>().map_or_else(unreachable_type, |v| f(ValueRef::Set(&v))),
            Type::Zset => self.object::<Zset>().map_or_else(unreachable_type, |v| f(ValueRef::Zset(&v))),
            Type::Hash => self.object::<Hash>().map_or_else(unreachable_type, |v| f(ValueRef::Hash(&v))),
            Type::Stream => self.object::<Stream>().map_or_else(unreachable_type, |v| f(ValueRef::Stream(&v))),
            Type::String => match self.string() {
                Some(Str::Int(n)) => f(ValueRef::Text(Item::Int(n))),
                Some(Str::Bytes { bytes, .. }) => f(ValueRef::Text(Item::Bytes(bytes))),
                Some(Str::Shared(long)) => f(ValueRef::Text(Item::Bytes(&long))),
                None => unreachable_type(),
            },
        }
    }

    /// The entry that a loaded key becomes. `clock` is its access clock: see [`AccessClock::saved`].
    pub fn loaded(key: LoadedKey<'_>, clock: u32) -> Entry {
        Entry::of_value(key.name, key.value, key.expires_at_ms, clock)
    }

    /// The entry of a value that was read.
    pub fn of_value(key: &[u8], value: Value<'_>, expiry: Option<i64>, clock: u32) -> Entry {
        let value = match &value {
            Value::Text(Item::Int(n)) => NewValue::Int(*n),
            Value::Text(Item::Bytes(text)) => NewValue::Set(text),
            Value::List(_) | Value::Set(_) | Value::Zset(_) | Value::Hash(_) | Value::Stream(_) => {
                object(value).map_or_else(unreachable_type, NewValue::Object)
            }
        };
        Entry::new(key, value, expiry, clock)
    }

    /// The same of a payload's value.
    pub fn restored(key: &[u8], value: Owned, expiry: Option<i64>, clock: u32) -> Entry {
        match value {
            Owned::Text(text) => Entry::new(key, NewValue::Set(&text), expiry, clock),
            Owned::Value(value) => Entry::of_value(key, value, expiry, clock),
        }
    }
}

fn unreachable_type<T>() -> T {
    unreachable!("an entry holds what its type says")
}

fn object(value: Value<'_>) -> Option<Object> {
    Some(match value {
        Value::Text(_) => return None,
        Value::List(v) => v.into(),
        Value::Set(v) => v.into(),
        Value::Zset(v) => v.into(),
        Value::Hash(v) => v.into(),
        Value::Stream(v) => v.into(),
    })
}

impl AccessClock {
    /// The clock of a key that a file or RESTORE says was idle for so long, or used so often; what the policy in force does
    /// not ask for is left aside, as in Redis.
    pub fn saved(&self, idle_s: Option<u64>, freq: Option<u8>) -> u32 {
        match (self.lfu, idle_s, freq) {
            (Some(_), _, Some(freq)) => (self.now & 0xffff) << 8 | u32::from(freq),
            (None, Some(idle), _) => {
                // What is older than the clock can tell is half its range old.
                let idle = u32::try_from(idle).ok().filter(|idle| *idle < 0xff_ffff).unwrap_or(0x7f_ffff);
                self.now.wrapping_sub(idle) & 0xff_ffff
            }
            _ => self.born(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_come_back() {
        let lru = AccessClock { now: 1000, lfu: None };
        assert_eq!(lru.idle_ms(lru.saved(Some(300), None)), 300_000);
        assert_eq!(lru.idle_ms(lru.saved(Some(5000), None)), 5_000_000, "before the clock began");
        assert!(lru.idle_ms(lru.saved(Some(u64::MAX), None)) > 1_000_000_000);
        assert_eq!(lru.idle_ms(lru.saved(None, Some(7))), 0);
        let lfu = AccessClock { now: 1000, lfu: Some((10, 1)) };
        assert_eq!(lfu.decayed(lfu.saved(Some(300), Some(77))), 77);
    }
}
