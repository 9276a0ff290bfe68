//! A line split into words the way a shell user expects: inline commands, lines of a configuration file and the
//! interactive client all share it. Matches Redis's `sdssplitargs` and `sdscatrepr`.

/// The words of `line`. Blanks separate; `"…"` understands `\n \r \t \b \a \xHH` and `\` before any other byte, `'…'`
/// only `\'`. A quote may open within a word (`a"b c"` is one word) but a closing one must be followed by a blank or the
/// end. `None` if a quote is left open or closes within a word. As in Redis a NUL byte ends the line.
pub fn split_args(line: &[u8]) -> Option<Vec<Vec<u8>>> {
    let end = line.iter().position(|&b| b == 0).unwrap_or(line.len());
    let mut rest = &line[..end];
    let mut words = Vec::new();
    loop {
        while let [b, tail @ ..] = rest
            && is_blank(*b)
        {
            rest = tail;
        }
        if rest.is_empty() {
            return Some(words);
        }
        let mut word = Vec::new();
        rest = take_word(rest, &mut word)?;
        words.push(word);
    }
}

/// Reads one word off `rest` and returns what follows it.
fn take_word<'a>(mut rest: &'a [u8], word: &mut Vec<u8>) -> Option<&'a [u8]> {
    loop {
        match rest {
            [] => return Some(rest),
            [b, ..] if is_blank(*b) => return Some(rest),
            [b'"', tail @ ..] => {
                rest = take_double(tail, word)?;
                return word_ends(rest);
            }
            [b'\'', tail @ ..] => {
                rest = take_single(tail, word)?;
                return word_ends(rest);
            }
            [b, tail @ ..] => {
                word.push(*b);
                rest = tail;
            }
        }
    }
}

fn take_double<'a>(mut rest: &'a [u8], word: &mut Vec<u8>) -> Option<&'a [u8]> {
    loop {
        match rest {
            [] => return None,
            [b'"', tail @ ..] => return Some(tail),
            [b'\\', b'x', hi, lo, tail @ ..] if hi.is_ascii_hexdigit() && lo.is_ascii_hexdigit() => {
                word.push(hex(*hi) << 4 | hex(*lo));
                rest = tail;
            }
            [b'\\', escaped, tail @ ..] => {
                word.push(match escaped {
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    b'b' => 8,
                    b'a' => 7,
                    other => *other,
                });
                rest = tail;
            }
            [b, tail @ ..] => {
                word.push(*b);
                rest = tail;
            }
        }
    }
}

fn take_single<'a>(mut rest: &'a [u8], word: &mut Vec<u8>) -> Option<&'a [u8]> {
    loop {
        match rest {
            [] => return None,
            [b'\\', b'\'', tail @ ..] => {
                word.push(b'\'');
                rest = tail;
            }
            [b'\'', tail @ ..] => return Some(tail),
            [b, tail @ ..] => {
                word.push(*b);
                rest = tail;
            }
        }
    }
}

/// After a closing quote: `foo"bar"baz` is refused rather than guessed at.
fn word_ends(rest: &[u8]) -> Option<&[u8]> {
    rest.first().is_none_or(|b| is_blank(*b)).then_some(rest)
}

/// C's `isspace`.
fn is_blank(b: u8) -> bool {
    matches!(b, b' ' | b'\t' | b'\n' | 0x0b | 0x0c | b'\r')
}

fn hex(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        b'a'..=b'f' => digit - b'a' + 10,
        _ => digit.wrapping_sub(b'A').wrapping_add(10),
    }
}

/// `word` between double quotes, such that [`split_args`] gives it back: what Redis calls the `repr` of a string.
pub fn quote(word: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(word.len() + 2);
    out.push(b'"');
    for &b in word {
        match b {
            b'\\' | b'"' => out.extend([b'\\', b]),
            b'\n' => out.extend(b"\\n"),
            b'\r' => out.extend(b"\\r"),
            b'\t' => out.extend(b"\\t"),
            7 => out.extend(b"\\a"),
            8 => out.extend(b"\\b"),
            0x20..=0x7e => out.push(b),
            _ => out.extend(format!("\\x{b:02x}").bytes()),
        }
    }
    out.push(b'"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn words(line: &str) -> Option<Vec<String>> {
        let all = split_args(line.as_bytes())?;
        Some(all.into_iter().map(|w| String::from_utf8_lossy(&w).into_owned()).collect())
    }

    #[test]
    fn quotes_and_escapes_as_redis_reads_them() {
        for (line, want) in [
            ("", Some(vec![])),
            ("  a\t b\r\n", Some(vec!["a", "b"])),
            (r#"set "a b" 'c d'"#, Some(vec!["set", "a b", "c d"])),
            (r#""\x41\n\t\q""#, Some(vec!["A\n\tq"])),
            (r#"'it\'s \n'"#, Some(vec!["it's \\n"])),
            (r#"a"b c""#, Some(vec!["ab c"])),
            (r#""""#, Some(vec![""])),
            (r#""\xZZ""#, Some(vec!["xZZ"])),
            (r#""a"b"#, None),
            (r#""open"#, None),
            ("'open", None),
            (r#""ends\"#, None),
            ("a\0b", Some(vec!["a"])),
        ] {
            let want = want.map(|w| w.into_iter().map(str::to_owned).collect::<Vec<_>>());
            assert_eq!(words(line), want, "{line:?}");
        }
    }

    proptest! {
        #[test]
        fn quoted_words_come_back(list in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..20), 0..6)) {
            let line = list.iter().map(|w| quote(w)).collect::<Vec<_>>().join(&b' ');
            prop_assert_eq!(split_args(&line), Some(list));
        }

        #[test]
        fn nothing_panics(line in proptest::collection::vec(any::<u8>(), 0..60)) {
            let _ = split_args(&line);
        }
    }
}
