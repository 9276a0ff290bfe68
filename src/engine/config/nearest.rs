//! The directive that was probably meant.

use super::table;

/// The name closest to `word`, if it is close enough to be worth suggesting.
pub fn nearest(word: &str) -> Option<&'static str> {
    let word = word.to_ascii_lowercase().replace('_', "-");
    let far = (word.len() / 3).clamp(1, 4);
    let known = ["include", "loadmodule", "rename-command", "user"];
    let names = table::names().keys().copied().chain(known);
    let (steps, name) = names.map(|name| (distance(&word, name), name)).min()?;
    (steps <= far).then_some(name)
}

/// Insertions, removals, replacements and swaps of neighbours that lead from `a` to `b`.
fn distance(a: &str, b: &str) -> usize {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let replaced = last[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut least = replaced.min(last[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                least = least.min(before[j - 2] + 1);
            }
            row.push(least);
        }
        before = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn slips_are_recognized_and_guesses_are_not_made() {
        for (word, want) in [
            ("maxmemmory", Some("maxmemory")),
            ("max_memory", Some("maxmemory")),
            ("prot", Some("port")),
            ("appendonly_", Some("appendonly")),
            ("foo", None),
            ("qqqqqqqqqqqqqqqqqqqq", None),
        ] {
            assert_eq!(nearest(word), want, "{word}");
        }
    }
}
