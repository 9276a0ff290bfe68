//! The command line as Redis 7.0 reads it: `[FILE] [--directive value …]… [-]`. It becomes text in the grammar of the
//! file, read after it, so that a flag overrides the file and both are checked by the same code.

use crate::resp::inline::{quote, split_args};

/// What a command line asks for.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct CommandLine {
    /// The configuration file.
    pub file: Option<Vec<u8>>,
    /// A last `-`: more directives are on standard input.
    pub stdin: bool,
    /// The flags, one directive a line.
    pub directives: Vec<u8>,
}

/// Reads the words after the program's name (or verb).
///
/// Whatever follows `--name` is its first value, even if it begins with `--`; the next `--word` after a value is a name
/// again. Two exceptions, both Redis's: `--save` before another flag or at the end means `save ""`, and `"--name value"`
/// may come as one word.
pub fn read(words: &[Vec<u8>]) -> CommandLine {
    let mut me = CommandLine::default();
    let mut rest = words;
    if let [first, tail @ ..] = rest
        && !first.starts_with(b"-")
    {
        me.file = Some(first.clone());
        rest = tail;
    }
    let out = &mut me.directives;
    let mut has_value = true;
    for (i, word) in rest.iter().enumerate() {
        let next = rest.get(i + 1);
        if word == b"-" && next.is_none() {
            me.stdin = true;
        } else if has_value && word.starts_with(b"--") {
            if !out.is_empty() {
                out.push(b'\n');
            }
            out.extend_from_slice(&word[2..]);
            out.push(b' ');
            has_value = split_args(word).is_none_or(|parts| parts.len() != 1);
            if word.eq_ignore_ascii_case(b"--save") && next.is_none_or(|next| next.starts_with(b"--")) {
                out.extend_from_slice(b"\"\"");
                has_value = true;
            }
        } else {
            out.extend_from_slice(&quote(word));
            out.push(b' ');
            has_value = true;
        }
    }
    me
}
