//! What comes over a connection: requests, replies, patterns.

use super::common::Rng;
use super::driver::Target;
use rustredis::base::glob::glob_match;
use rustredis::resp::frames::Frames;
use rustredis::resp::request::{Limits, Parsed, parse};
use rustredis::resp::{Args, Value};

/// All that is understood of a stream that arrives in pieces: words of commands, and why it ended if it did.
fn understood(stream: &[u8], limits: Limits, mut more: impl FnMut() -> usize) -> (Vec<Vec<Vec<u8>>>, Option<String>) {
    let (mut all, mut partial, mut at, mut have) = (Vec::new(), None, 0, 0);
    loop {
        let mut spans = Vec::new();
        match parse(&stream[..have], at, &mut partial, &mut spans, limits) {
            Ok(Parsed::Command { end }) => {
                assert!(end > at && end <= have, "a command ends outside");
                all.push(Args::new(&stream[..have], &spans).to_vecs());
                at = end;
            }
            Ok(Parsed::Unescaped { end, words }) => {
                assert!(end > at && end <= have, "a line ends outside");
                all.push(words);
                at = end;
            }
            Ok(Parsed::Nothing { end }) => {
                assert!(end > at && end <= have, "nothing ends outside");
                at = end;
            }
            Ok(Parsed::Incomplete) if have == stream.len() => return (all, None),
            Ok(Parsed::Incomplete) => have = (have + more()).min(stream.len()),
            Err(why) => return (all, Some(why.0)),
        }
    }
}

#[test]
fn requests() {
    let words =
        &["*3\r\n", "$3\r\n", "$0\r\n\r\n", "\r\n", "*0\r\n", "*-1\r\n", "$-1\r\n", "\\x41", "\"", "SET", "*1024\r\n"];
    Target { name: "requests", rounds: 30_000, words }.run(|bytes, rng| {
        for authenticated in [true, false] {
            let limits = Limits { max_bulk: 1 << 20, authenticated };
            let whole = understood(bytes, limits, || bytes.len());
            let pieces = understood(bytes, limits, || 1 + rng.below(7));
            assert_eq!(whole, pieces, "the cuts make a difference");
            // What was understood, said again, is understood the same.
            let again: Vec<u8> = whole.0.iter().flat_map(|words| super::common::command(words)).collect();
            let limits = Limits { max_bulk: 1 << 20, authenticated: true };
            let said: Vec<_> = whole.0.iter().filter(|words| !words.is_empty()).cloned().collect();
            assert_eq!(understood(&again, limits, || again.len()), (said, None));
        }
    });
}

/// Lengths of the replies in a stream, and whether something no server may send stopped it.
fn replies_in(stream: &[u8], mut more: impl FnMut() -> usize) -> (Vec<usize>, bool) {
    let (mut all, mut frames, mut at, mut have) = (Vec::new(), Frames::default(), 0, 0);
    loop {
        match frames.scan(&stream[at..have]) {
            Ok(Some(len)) => {
                assert!(len > 0 && at + len <= have && frames.is_idle(), "a reply ends outside");
                all.push(len);
                at += len;
            }
            Ok(None) if have == stream.len() => return (all, false),
            Ok(None) => have = (have + more()).min(stream.len()),
            Err(_) => return (all, true),
        }
    }
}

#[test]
fn replies() {
    let words = &[
        "*2\r\n",
        "%1\r\n",
        "~1\r\n",
        ">2\r\n",
        "|1\r\n",
        "$3\r\n",
        "_\r\n",
        "#t\r\n",
        ",1.5\r\n",
        "(12\r\n",
        "=7\r\ntxt:",
        "+OK\r\n",
        "-ERR x\r\n",
    ];
    Target { name: "replies", rounds: 30_000, words }.run(|bytes, rng| {
        let whole = replies_in(bytes, || bytes.len());
        assert_eq!(whole, replies_in(bytes, || 1 + rng.below(7)), "the cuts make a difference");
        let mut at = 0;
        for len in whole.0 {
            // The tree of it, or a number that is none.
            if let Ok(value) = Value::parse(&bytes[at..at + len]) {
                let _ = (value.error().is_some(), value.text().is_some(), value.clone().plain());
            }
            at += len;
        }
    });
}

/// A pattern taken apart as Redis's stringmatchlen reads it.
enum Token {
    Any,
    Star,
    Byte(u8),
    Class { not: bool, ranges: Vec<(u8, u8)> },
}

fn tokens(mut p: &[u8], nocase: bool) -> Vec<Token> {
    let fold = |b: u8| if nocase { b.to_ascii_lowercase() } else { b };
    let mut all = Vec::new();
    while let Some((&b, rest)) = p.split_first() {
        p = rest;
        match b {
            b'*' => all.push(Token::Star),
            b'?' => all.push(Token::Any),
            b'\\' if !p.is_empty() => {
                all.push(Token::Byte(fold(p[0])));
                p = &p[1..];
            }
            b'[' => {
                let not = p.first() == Some(&b'^');
                p = &p[usize::from(not)..];
                let mut ranges = Vec::new();
                loop {
                    match p {
                        [] => break,
                        [b'\\', b, rest @ ..] => {
                            ranges.push((fold(*b), fold(*b)));
                            p = rest;
                        }
                        [b']', rest @ ..] => {
                            p = rest;
                            break;
                        }
                        [a, b'-', b, rest @ ..] => {
                            let (low, high) = (*a.min(b), *a.max(b));
                            ranges.push((fold(low), fold(high)));
                            p = rest;
                        }
                        [b, rest @ ..] => {
                            ranges.push((fold(*b), fold(*b)));
                            p = rest;
                        }
                    }
                }
                all.push(Token::Class { not, ranges });
            }
            b => all.push(Token::Byte(fold(b))),
        }
    }
    all
}

/// Whether the pattern fits, from the definition: a row for each token, a column for each byte.
fn fits(tokens: &[Token], text: &[u8]) -> bool {
    let mut row: Vec<bool> = (0..=text.len()).map(|n| n == 0).collect();
    for token in tokens {
        let mut next = vec![false; row.len()];
        for at in 0..row.len() {
            next[at] = match token {
                Token::Star => row[at] || at > 0 && next[at - 1],
                Token::Any => at > 0 && row[at - 1],
                Token::Byte(b) => at > 0 && row[at - 1] && text[at - 1] == *b,
                Token::Class { not, ranges } => {
                    at > 0 && row[at - 1] && *not != ranges.iter().any(|(a, b)| (*a..=*b).contains(&text[at - 1]))
                }
            };
        }
        row = next;
    }
    row[text.len()]
}

#[test]
fn glob() {
    let words = &["*", "?", "[a-c]", "[^b]", "[", "]", "\\", "[b-a]", "-", "^", "a", "b", "ab", "\\*", "[\\]]"];
    Target { name: "glob", rounds: 30_000, words }.run(|bytes, rng: &mut Rng| {
        // A pattern, and after the first line end a text.
        let split = bytes.iter().position(|b| *b == b'\n').unwrap_or(bytes.len());
        let pattern = &bytes[..split.min(200)];
        let mut text: Vec<u8> = bytes[split..].iter().copied().skip(1).take(200).collect();
        for _ in 0..4 {
            for nocase in [false, true] {
                let folded = if nocase { text.to_ascii_lowercase() } else { text.clone() };
                let want = fits(&tokens(pattern, nocase), &folded);
                assert_eq!(
                    glob_match(pattern, &text, nocase),
                    want,
                    "{} {}",
                    pattern.escape_ascii(),
                    text.escape_ascii()
                );
            }
            // A text that the pattern is likely to fit.
            text = pattern.iter().copied().filter(|b| !b"*?[]\\^".contains(b)).collect();
            (0..rng.below(3)).for_each(|_| text.insert(rng.below(text.len() + 1), *rng.pick(b"abcAB-")));
        }
    });
}
