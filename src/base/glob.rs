//! Redis's glob patterns. (stub of the worktree `spec`: `*` and `?` only)

pub fn matches(pattern: &[u8], text: &[u8], nocase: bool) -> bool {
    match (pattern.first(), text.first()) {
        (None, None) => true,
        (Some(b'*'), _) => matches(&pattern[1..], text, nocase) || (!text.is_empty() && matches(pattern, &text[1..], nocase)),
        (Some(p), Some(t)) if *p == b'?' || p == t || (nocase && p.eq_ignore_ascii_case(t)) => {
            matches(&pattern[1..], &text[1..], nocase)
        }
        _ => false,
    }
}
