//! Glob patterns as `KEYS`, `PSUBSCRIBE` and `CONFIG GET` read them: `*`, `?`, `[a-z]`, `[^a]`, `\` before a byte.

/// True if `pattern` fits the whole of `text`; `nocase` ignores ASCII case.
pub fn glob_match(pattern: &[u8], text: &[u8], nocase: bool) -> bool {
    let same = |a: u8, b: u8| {
        if nocase { a.eq_ignore_ascii_case(&b) } else { a == b }
    };
    let (mut p, mut t) = (0, 0);
    // Where to resume if what follows the last star does not fit: one byte further.
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        let fits = match pattern.get(p) {
            Some(b'*') => {
                star = Some((p + 1, t));
                p += 1;
                continue;
            }
            Some(b'?') => Some(p + 1),
            Some(b'[') => match_class(&pattern[p + 1..], text[t], nocase).map(|used| p + 1 + used),
            Some(b'\\') if p + 1 < pattern.len() => same(pattern[p + 1], text[t]).then_some(p + 2),
            Some(&b) => same(b, text[t]).then_some(p + 1),
            None => None,
        };
        match (fits, star) {
            (Some(next), _) => {
                p = next;
                t += 1;
            }
            (None, Some((after, at))) => {
                star = Some((after, at + 1));
                p = after;
                t = at + 1;
            }
            (None, None) => return false,
        }
    }
    pattern[p..].iter().all(|&b| b == b'*')
}

/// Matches `b` against what follows a `[`; the bytes used up if it fits.
fn match_class(class: &[u8], b: u8, nocase: bool) -> Option<usize> {
    let fold = |x: u8| if nocase { x.to_ascii_lowercase() } else { x };
    let negated = class.first() == Some(&b'^');
    let mut i = usize::from(negated);
    let mut found = false;
    while i < class.len() && class[i] != b']' {
        if class[i] == b'\\' && i + 1 < class.len() {
            found |= fold(class[i + 1]) == fold(b);
            i += 2;
        } else if i + 2 < class.len() && class[i + 1] == b'-' {
            // As Redis has it: the ends change places before their case is forgotten.
            let (lo, hi) = (class[i].min(class[i + 2]), class[i].max(class[i + 2]));
            found |= (fold(lo)..=fold(hi)).contains(&fold(b));
            i += 3;
        } else {
            found |= fold(class[i]) == fold(b);
            i += 1;
        }
    }
    (found != negated).then_some((i + 1).min(class.len()))
}

#[cfg(test)]
mod tests {
    use super::glob_match;
    use proptest::prelude::*;

    /// The same language without classes, written down plainly.
    fn plainly(p: &[u8], t: &[u8]) -> bool {
        match (p, t) {
            ([], _) => t.is_empty(),
            ([b'*', rest @ ..], _) => (0..=t.len()).any(|i| plainly(rest, &t[i..])),
            ([b'?', rest @ ..], [_, tail @ ..]) => plainly(rest, tail),
            ([b'\\', b, rest @ ..], [c, tail @ ..]) => b == c && plainly(rest, tail),
            ([b, rest @ ..], [c, tail @ ..]) => b == c && plainly(rest, tail),
            _ => false,
        }
    }

    proptest! {
        #[test]
        fn agrees_with_the_plain_reading(pattern in "[ab*?]{0,10}", text in "[abc]{0,10}") {
            prop_assert_eq!(glob_match(pattern.as_bytes(), text.as_bytes(), false), plainly(pattern.as_bytes(), text.as_bytes()));
        }

        #[test]
        fn anything_at_all_ends(pattern in proptest::collection::vec(any::<u8>(), 0..40), text in proptest::collection::vec(any::<u8>(), 0..40)) {
            glob_match(&pattern, &text, true);
        }
    }

    #[test]
    fn classes_and_many_stars() {
        for (p, t, want) in [
            ("h[ae]llo", "hallo", true),
            ("h[^e]llo", "hello", false),
            ("h[a-c]llo", "hbllo", true),
            ("h[c-a]llo", "hbllo", true),
            ("\\*", "*", true),
            ("[", "[", false),
        ] {
            assert_eq!(glob_match(p.as_bytes(), t.as_bytes(), false), want, "{p} {t}");
        }
        // A pattern that makes naive matchers try for ever.
        assert!(!glob_match(&b"a*".repeat(40), &[b'a'; 39], false));
    }
}
