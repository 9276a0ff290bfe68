//! An entry's sizes, encodings and changes of value, key and expiry.

use super::*;
use proptest::prelude::*;

fn text(e: &Entry) -> Vec<u8> {
    e.string().map(|s| s.to_vec()).unwrap_or_default()
}

#[test]
fn sizes_are_what_the_design_promises() {
    let key = b"key:000000000001";
    assert_eq!(Entry::new(key, NewValue::Set(&[b'x'; 32]), None, 0).heap_bytes(), 56);
    assert_eq!(Entry::new(key, NewValue::Set(&[b'x'; 32]), Some(1), 0).heap_bytes(), 64);
    assert_eq!(Entry::new(key, NewValue::Set(b"100000"), None, 0).heap_bytes(), 24);
}

#[test]
fn encodings_follow_redis() {
    for (value, want) in [("1", "int"), ("01", "embstr"), ("", "embstr"), ("9223372036854775808", "embstr")] {
        assert_eq!(Entry::new(b"k", NewValue::Set(value.as_bytes()), None, 0).encoding(), want, "{value}");
    }
    assert_eq!(Entry::new(b"k", NewValue::Set(&[b'a'; 44]), None, 0).encoding(), "embstr");
    assert_eq!(Entry::new(b"k", NewValue::Set(&[b'a'; 45]), None, 0).encoding(), "raw");
    assert_eq!(Entry::new(b"k", NewValue::Set(&[b'a'; 4500]), None, 0).encoding(), "raw");
    assert_eq!(Entry::new(b"k", NewValue::Raw(b"1"), None, 0).encoding(), "raw");
}

proptest! {
    /// Any sequence of changes leaves what a plain (key, value, expiry, clock) would hold.
    #[test]
    fn behaves_like_a_plain_record(
        key in proptest::collection::vec(any::<u8>(), 0..400),
        steps in proptest::collection::vec((0..8u8, any::<i64>(), 0..3000usize, any::<u32>()), 1..30),
    ) {
        let mut e = Entry::new(&key, NewValue::Set(b"start"), None, 7);
        let (mut value, mut expiry, mut clock) = (b"start".to_vec(), None, 7u32);
        for (what, n, len, c) in steps {
            match what {
                0 => { value = vec![c as u8; len]; e.set_value(NewValue::Set(&value), expiry); }
                1 => { value = n.to_string().into_bytes(); e.set_value(NewValue::Int(n), expiry); }
                2 => { expiry = Some(n); e.set_expiry(expiry); }
                3 => { expiry = None; e.set_expiry(None); }
                4 => { clock = c & 0xff_ffff; e.set_clock(clock); }
                6 => if let Some(bytes) = e.raw_mut() {
                    prop_assert_eq!(bytes.len(), value.len());
                    bytes.fill(c as u8);
                    value.fill(c as u8);
                },
                5 => { value = vec![b'r'; len % 60]; expiry = Some(n); e.set_value(NewValue::Raw(&value), expiry); }
                _ => if e.shared_mut(|v| v.push(1)).is_some() { value.push(1); },
            }
            prop_assert_eq!(e.key(), &key[..]);
            prop_assert_eq!(text(&e), value.clone());
            prop_assert_eq!(e.expiry(), expiry);
            prop_assert_eq!(e.clock(), clock);
        }
    }
}
