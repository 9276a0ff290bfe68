//! Values that programs keep as msgpack, as the JSON that shows their shape.

use rmpv::ValueRef;
use serde_json::{Map, Value, json};

/// Levels of nesting beyond which a value is not looked at.
const DEPTH: usize = 100;

/// The map or array that these bytes are as msgpack, to the last of them. A scalar is not taken for one: any letter would be.
pub fn as_json(bytes: &[u8]) -> Option<Value> {
    if !matches!(bytes.first()?, 0x80..=0x9f | 0xdc..=0xdf) || std::str::from_utf8(bytes).is_ok() {
        return None;
    }
    let mut rest = bytes;
    let value = rmpv::decode::read_value_ref_with_max_depth(&mut rest, DEPTH).ok()?;
    rest.is_empty().then(|| shown(&value))
}

fn shown(value: &ValueRef<'_>) -> Value {
    match value {
        ValueRef::Nil => Value::Null,
        ValueRef::Boolean(b) => json!(b),
        ValueRef::Integer(n) => {
            n.as_i64().map(|n| json!(n)).or_else(|| n.as_u64().map(|n| json!(n))).unwrap_or_default()
        }
        ValueRef::F32(n) => number(f64::from(*n)),
        ValueRef::F64(n) => number(*n),
        ValueRef::String(text) => json!(bytes(text.as_bytes())),
        ValueRef::Binary(data) => json!(bytes(data)),
        ValueRef::Array(items) => Value::Array(items.iter().map(shown).collect()),
        ValueRef::Map(pairs) => {
            let mut map = Map::new();
            for (key, value) in pairs {
                let name = match shown(key) {
                    Value::String(name) => name,
                    // JSON has no other names than strings.
                    other => other.to_string(),
                };
                map.insert(name, shown(value));
            }
            Value::Object(map)
        }
        ValueRef::Ext(kind, data) => json!({ "ext": kind, "data": bytes(data) }),
    }
}

/// JSON has no infinities, and no number that is none.
fn number(n: f64) -> Value {
    serde_json::Number::from_f64(n).map_or_else(|| json!(n.to_string()), Value::Number)
}

fn bytes(data: &[u8]) -> String {
    std::str::from_utf8(data).map_or_else(|_| data.escape_ascii().to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_of_all_kinds() {
        let value = rmpv::Value::Map(vec![
            ("a".into(), rmpv::Value::Array(vec![1.into(), (-7).into(), u64::MAX.into(), 1.5.into(), true.into()])),
            (3.into(), rmpv::Value::Nil),
            ("bin".into(), rmpv::Value::Binary(vec![0xff, b'x'])),
            ("ext".into(), rmpv::Value::Ext(5, vec![1])),
            ("nan".into(), f64::NAN.into()),
        ]);
        let mut packed = Vec::new();
        rmpv::encode::write_value(&mut packed, &value).expect("a vector takes it");
        let want = r#"{"a":[1,-7,18446744073709551615,1.5,true],"3":null,"bin":"\\xffx","ext":{"ext":5,"data":"\u0001"},"nan":"NaN"}"#;
        assert_eq!(as_json(&packed).expect("msgpack").to_string(), want);
        // Cut off, or with something behind it, it is none.
        for end in 0..packed.len() {
            assert_eq!(as_json(&packed[..end]), None, "{end}");
        }
        packed.push(0);
        assert_eq!(as_json(&packed), None);
    }

    #[test]
    fn what_is_none() {
        for bytes in [
            b"".as_slice(),
            b"hello",
            b"7",
            "\u{e9}t\u{e9}".as_bytes(),
            b"\xff\xfe",
            b"\xdd\xff\xff\xff\xff",
            b"\xdf\xff\xff\xff\xff\xc0",
        ] {
            assert_eq!(as_json(bytes), None, "{bytes:?}");
        }
        assert_eq!(as_json(&[0x91; 100_000]), None, "endless nesting");
    }
}
