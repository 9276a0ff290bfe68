//! What others sent, made fit for a terminal.

/// A text that does nothing to a terminal: control characters and those that turn the direction of writing are shown as
/// `\xHH`. Line ends and tabs stay.
pub fn harmless(text: &[u8]) -> Vec<u8> {
    if text.iter().all(|b| matches!(b, 0x20..=0x7e | b'\n' | b'\t')) {
        return text.to_vec();
    }
    let mut out = Vec::with_capacity(text.len() + 16);
    let hex = |bytes: &[u8], out: &mut Vec<u8>| bytes.iter().for_each(|b| out.extend(format!("\\x{b:02x}").bytes()));
    let mut rest = text;
    for chunk in text.utf8_chunks() {
        for c in chunk.valid().chars() {
            rest = &rest[c.len_utf8()..];
            let ends_line = c == '\r' && rest.first().is_none_or(|b| *b == b'\n');
            let turns = matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
            let bytes = &mut [0; 4];
            let bytes = c.encode_utf8(bytes).as_bytes();
            if (c.is_control() && !matches!(c, '\n' | '\t') && !ends_line) || turns {
                hex(bytes, &mut out);
            } else {
                out.extend_from_slice(bytes);
            }
        }
        rest = &rest[chunk.invalid().len()..];
        hex(chunk.invalid(), &mut out);
    }
    out
}

/// The same of a text that is printed with others, as a sentence: invalid UTF-8 is shown by its bytes, too.
pub fn harmless_text(text: &[u8]) -> String {
    String::from_utf8_lossy(&harmless(text)).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_speaks_to_the_terminal() {
        assert_eq!(harmless(b"a\tb\r\nc\r\n"), b"a\tb\r\nc\r\n");
        assert_eq!(harmless("gr\u{fc}\u{df}e \u{1f600}".as_bytes()), "gr\u{fc}\u{df}e \u{1f600}".as_bytes());
        assert_eq!(harmless(b"\x1b]0;owned\x07\rx"), b"\\x1b]0;owned\\x07\\x0dx");
        assert_eq!(harmless(b"\xc2\x9b31m \x9b31m \xe2\x80\xae"), b"\\xc2\\x9b31m \\x9b31m \\xe2\\x80\\xae");
        assert_eq!(harmless_text(b"\x1b[2J\xff"), "\\x1b[2J\\xff");
    }
}
