//! What DUMP gives and RESTORE takes: payloads for the grammar, sound and broken ones, and how two of DUMP's are compared.

use crate::common::{Node, Rng};
use rustredis::base::crc64::crc64;
use rustredis::data::Item;
use rustredis::rdb::{Elements, Event, Form, Part, Reader, ValueKind};

/// Type and value, in encodings of all times that both peers read. What no server would write is among them.
const BODIES: &[&[u8]] = &[
    // Strings in each form.
    b"\x00\x03abc",
    b"\x00\x00",
    b"\x00\xc0\xfb",
    b"\x00\xc1\x00\x80",
    b"\x00\xc2\xff\xff\xff\x7f",
    b"\x00\xc3\x05\x0a\x01ab\xc0\x01",
    // Lists: linked, of ziplists, of listpacks and a plain node.
    b"\x01\x03\x01a\xc0\x05\x02bc",
    b"\x0a\x13\x13\0\0\0\x0d\0\0\0\x02\0\0\x01a\x03\x02bc\xff",
    b"\x0e\x01\x13\x13\0\0\0\x0d\0\0\0\x02\0\0\x01a\x03\x02bc\xff",
    b"\x12\x01\x02\x0d\x0d\0\0\0\x02\0\x81a\x02\x05\x01\xff",
    // Sets and intsets.
    b"\x02\x02\x01a\x01b",
    b"\x02\x02\xc0\x01\xc0\x02",
    b"\x0b\x0c\x02\0\0\0\x02\0\0\0\x01\0\x02\0",
    // Sorted sets: scores as text, as doubles, ziplist, listpack.
    b"\x03\x02\x01a\x031.5\x01b\xfe",
    b"\x05\x02\x01a\0\0\0\0\0\0\xf8\x3f\x01b\0\0\0\0\0\0\xf0\x7f",
    b"\x0c\x12\x12\0\0\0\x0d\0\0\0\x02\0\0\x01a\x03\xf2\xff\xff",
    b"\x11\x0d\x0d\0\0\0\x02\0\x81a\x02\x02\x01\xff",
    // Hashes: zipmap, ziplist, listpack, table.
    b"\x09\x08\x01\x01a\x02\x00\x31\x32\xff",
    b"\x0d\x13\x13\0\0\0\x0d\0\0\0\x02\0\0\x01a\x03\x02bc\xff",
    b"\x10\x0d\x0d\0\0\0\x02\0\x81a\x02\x05\x01\xff",
    b"\x04\x01\x01a\x01b",
    // Nothing in it, a type that is none, a length too long. (What is cut short reaches into the footer; Redis takes that in.)
    b"\x02\x00",
    b"\x04\x00",
    b"\xc8\x01a",
    b"\x00\x81\x7f\xff\xff\xff\xff\xff\xff\xff",
];

/// A payload, now and then with a wrong footer.
pub fn payload(rng: &mut Rng) -> Vec<u8> {
    let mut out = BODIES[rng.below(BODIES.len())].to_vec();
    let version: u16 = if rng.below(20) == 0 { 90 } else { 6 + rng.below(5) as u16 };
    out.extend(version.to_le_bytes());
    let sum = crc64(0, &out);
    out.extend(sum.to_le_bytes());
    match rng.below(25) {
        0 => out.truncate(rng.below(12)),
        1 => {
            let at = rng.below(out.len());
            out[at] ^= 1 << rng.below(8);
        }
        _ => {}
    }
    out
}

/// Whether two payloads hold the same: bytes are equal but for the footer, or what they are made of is. Tables have their elements
/// in an order of their own, sets have more forms since 7.2, and what is compressed may be compressed otherwise.
pub fn same(ours: &Node, theirs: &Node) -> bool {
    let (a, b) = (&ours.text, &theirs.text);
    if ours.null || theirs.null || a.len() < 12 || b.len() < 12 {
        return false;
    }
    let body = |bytes: &[u8]| bytes[..bytes.len() - 10].to_vec();
    body(a) == body(b) || (loose(a[0], b[0]) && told(a).is_some_and(|told_a| Some(told_a) == told(b)))
}

/// Whether the order, or the form, may differ between these two types.
fn loose(a: u8, b: u8) -> bool {
    const TABLES: [u8; 3] = [2, 4, 20];
    const STREAMS: [u8; 3] = [15, 19, 21];
    a == b || TABLES.contains(&a) && TABLES.contains(&b) || STREAMS.contains(&a) && STREAMS.contains(&b)
}

/// What a payload holds, a line an element; in order where the type has one.
fn told(payload: &[u8]) -> Option<Vec<String>> {
    let (body, version) = rustredis::rdb::payload::open(payload)?;
    let kind = ValueKind::of(body[0], version >= 80)?;
    let mut reader = Reader::of_value(kind, &body[1..]);
    let (mut out, text) = (Vec::new(), |item: Item<'_>| item.to_vec().escape_ascii().to_string());
    loop {
        match reader.next().ok()? {
            Event::Part(part) => match part {
                Part::Count(_) => {}
                Part::Text(item) | Part::Item(item) => out.push(text(item)),
                Part::Scored(member, score) => out.push(format!("{} {score}", text(member))),
                Part::Field { name, value, .. } => out.push(format!("{} {}", text(name), text(value))),
                Part::Packed(form, bytes) => {
                    let pairs = matches!(kind, ValueKind::HashListpack | ValueKind::ZsetListpack);
                    let all: Vec<String> = Elements::open(form, bytes)?.map(text).collect();
                    debug_assert!(form != Form::ListpackEx);
                    out.extend(all.chunks(if pairs { 2 } else { 1 }).map(|item| match item {
                        // 7.0 spells scores with 17 digits.
                        [member, score] if kind == ValueKind::ZsetListpack => {
                            format!("{member} {:?}", score.parse::<f64>())
                        }
                        item => item.join(" "),
                    }));
                }
                // When a consumer was seen or active is a matter of clocks, and of versions.
                Part::Consumer { name, .. } => out.push(text(name)),
                Part::Pending { id, count, .. } => out.push(format!("{id} {count}")),
                Part::StreamNode { first, listpack } => out.push(format!("{first} {}", listpack.escape_ascii())),
                other => out.push(format!("{other:?}")),
            },
            Event::KeyEnd => break,
            _ => return None,
        }
    }
    if matches!(kind.type_name(), "set" | "hash") {
        out.sort();
    }
    Some(out)
}
