//! Bytes inside texts. Error texts quote what a client sent, which need not be UTF-8, and must give the very bytes back.
//! A byte that is not part of valid UTF-8 travels as one character of a private range, and becomes itself again where the
//! text is written to the wire.

/// The last 256 code points, which nobody assigns: byte `b` is `BASE + b`.
const BASE: u32 = 0x10_ff00;

/// `bytes` as text that [`push_bytes`] turns back into the same bytes.
pub fn quoted(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            if (c as u32) < BASE {
                out.push(c);
            } else {
                // Somebody sent such a character: its bytes travel one by one.
                c.encode_utf8(&mut [0; 4]).bytes().for_each(|b| push(&mut out, b));
            }
        }
        chunk.invalid().iter().for_each(|b| push(&mut out, *b));
    }
    out
}

fn push(out: &mut String, byte: u8) {
    out.extend(char::from_u32(BASE + u32::from(byte)));
}

/// Appends the bytes that `text` stands for.
pub fn push_bytes(text: &str, out: &mut Vec<u8>) {
    // All such characters begin with this byte in UTF-8; texts without it need no look at each character.
    if !text.as_bytes().contains(&0xf4) {
        return out.extend_from_slice(text.as_bytes());
    }
    for c in text.chars() {
        match (c as u32).checked_sub(BASE) {
            Some(byte) => out.push(byte as u8),
            None => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_bytes_survive(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
            let mut out = Vec::new();
            push_bytes(&quoted(&bytes), &mut out);
            prop_assert_eq!(out, bytes);
        }
    }
}
