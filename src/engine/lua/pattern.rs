//! Lua's patterns (`%a+`, `(.-)`, `%b()`, `%f[…]`), matched here where matching could take for ever: steps are counted, and
//! every so often somebody is asked whether to go on. What is cheap Lua matches itself.

/// Captures that a pattern may have, and how deep matching may nest (Lua 5.2's bound; 5.1 overflows its stack).
const MAX_CAPTURES: usize = 32;
const MAX_DEPTH: u32 = 200;
/// Steps between two questions.
const STRETCH: u32 = 50_000;

/// Why there is no answer; texts are Lua's.
pub type Refusal = String;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Capture {
    Open(usize),
    Span(usize, usize),
    /// `()`: where it stands.
    Position(usize),
}

pub struct Matcher<'a> {
    text: &'a [u8],
    pattern: &'a [u8],
    captures: Vec<Capture>,
    left: u32,
    depth: u32,
    /// Asked every so often; its error ends the matching.
    go_on: &'a dyn Fn() -> Result<(), Refusal>,
}

/// How many parts of a pattern can match in several ways: matching a text of n bytes takes up to n to this power, and one
/// n more for where it starts.
pub fn power(pattern: &[u8]) -> u32 {
    let anchored = pattern.first() == Some(&b'^');
    let (mut n, mut i) = (u32::from(!anchored), 0);
    while i < pattern.len() {
        match pattern[i] {
            b'%' => {
                n += u32::from(matches!(pattern.get(i + 1), Some(b'b' | b'0'..=b'9')));
                i += 1;
            }
            b'*' | b'+' | b'-' | b'?' => n += 1,
            _ => {}
        }
        i += 1;
    }
    n
}

impl<'a> Matcher<'a> {
    pub fn new(text: &'a [u8], pattern: &'a [u8], go_on: &'a dyn Fn() -> Result<(), Refusal>) -> Self {
        Matcher { text, pattern, captures: Vec::new(), left: STRETCH, depth: 0, go_on }
    }

    /// The first match that starts at `from` or behind it: start and end.
    pub fn find(&mut self, mut from: usize) -> Result<Option<(usize, usize)>, Refusal> {
        let anchored = self.pattern.first() == Some(&b'^');
        loop {
            self.captures.clear();
            if let Some(end) = self.matches(from, usize::from(anchored))? {
                return Ok(Some((from, end)));
            }
            from += 1;
            if anchored || from > self.text.len() {
                return Ok(None);
            }
        }
    }

    /// The captures of the last match; the whole of it where the pattern has none.
    pub fn captures(&self, whole: (usize, usize)) -> Result<Vec<Capture>, Refusal> {
        if self.captures.iter().any(|c| matches!(c, Capture::Open(_))) {
            return Err("unfinished capture".into());
        }
        Ok(if self.captures.is_empty() { vec![Capture::Span(whole.0, whole.1)] } else { self.captures.clone() })
    }

    pub fn has_captures(&self) -> bool {
        !self.captures.is_empty()
    }

    fn step(&mut self) -> Result<(), Refusal> {
        self.left -= 1;
        if self.left == 0 {
            self.left = STRETCH;
            (self.go_on)()?;
        }
        Ok(())
    }

    fn matches(&mut self, s: usize, p: usize) -> Result<Option<usize>, Refusal> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err("pattern too complex".into());
        }
        let found = self.matches_inner(s, p);
        self.depth -= 1;
        found
    }

    fn matches_inner(&mut self, mut s: usize, mut p: usize) -> Result<Option<usize>, Refusal> {
        loop {
            self.step()?;
            let Some(&c) = self.pattern.get(p) else { return Ok(Some(s)) };
            match c {
                b'(' if self.pattern.get(p + 1) == Some(&b')') => {
                    return self.capture(Capture::Position(s), s, p + 2);
                }
                b'(' => return self.capture(Capture::Open(s), s, p + 1),
                b')' => return self.close(s, p + 1),
                b'$' if p + 1 == self.pattern.len() => return Ok((s == self.text.len()).then_some(s)),
                b'%' => match self.pattern.get(p + 1) {
                    Some(b'b') => {
                        let Some(end) = self.balanced(s, p + 2)? else { return Ok(None) };
                        (s, p) = (end, p + 4);
                        continue;
                    }
                    Some(b'f') => {
                        p += 2;
                        if self.pattern.get(p) != Some(&b'[') {
                            return Err("missing '[' after '%f' in pattern".into());
                        }
                        let end = self.class_end(p)?;
                        let before = if s == 0 { 0 } else { self.text[s - 1] };
                        let here = self.text.get(s).copied().unwrap_or(0);
                        if self.in_set(before, p, end - 1) || !self.in_set(here, p, end - 1) {
                            return Ok(None);
                        }
                        p = end;
                        continue;
                    }
                    Some(d @ b'0'..=b'9') => {
                        let Some(end) = self.again(s, *d)? else { return Ok(None) };
                        (s, p) = (end, p + 2);
                        continue;
                    }
                    _ => {}
                },
                _ => {}
            }
            let end = self.class_end(p)?;
            let one = s < self.text.len() && self.single(self.text[s], p, end);
            match self.pattern.get(end) {
                Some(b'?') => {
                    if one && let Some(found) = self.matches(s + 1, end + 1)? {
                        return Ok(Some(found));
                    }
                    p = end + 1;
                }
                Some(b'*') => return self.longest(s, p, end),
                Some(b'+') => return if one { self.longest(s + 1, p, end) } else { Ok(None) },
                Some(b'-') => return self.shortest(s, p, end),
                _ if !one => return Ok(None),
                _ => (s, p) = (s + 1, end),
            }
        }
    }

    fn longest(&mut self, s: usize, p: usize, end: usize) -> Result<Option<usize>, Refusal> {
        let mut n = 0;
        while s + n < self.text.len() && self.single(self.text[s + n], p, end) {
            n += 1;
            self.step()?;
        }
        loop {
            if let Some(found) = self.matches(s + n, end + 1)? {
                return Ok(Some(found));
            }
            if n == 0 {
                return Ok(None);
            }
            n -= 1;
        }
    }

    fn shortest(&mut self, mut s: usize, p: usize, end: usize) -> Result<Option<usize>, Refusal> {
        loop {
            if let Some(found) = self.matches(s, end + 1)? {
                return Ok(Some(found));
            }
            if s >= self.text.len() || !self.single(self.text[s], p, end) {
                return Ok(None);
            }
            s += 1;
        }
    }

    fn capture(&mut self, c: Capture, s: usize, p: usize) -> Result<Option<usize>, Refusal> {
        if self.captures.len() >= MAX_CAPTURES {
            return Err("too many captures".into());
        }
        let before = self.captures.len();
        self.captures.push(c);
        let found = self.matches(s, p)?;
        if found.is_none() {
            self.captures.truncate(before);
        }
        Ok(found)
    }

    fn close(&mut self, s: usize, p: usize) -> Result<Option<usize>, Refusal> {
        let open = self.captures.iter().rposition(|c| matches!(c, Capture::Open(_)));
        let Some(at) = open else { return Err("invalid pattern capture".into()) };
        let Capture::Open(start) = self.captures[at] else { return Ok(None) };
        self.captures[at] = Capture::Span(start, s);
        let found = self.matches(s, p)?;
        if found.is_none() {
            self.captures[at] = Capture::Open(start);
        }
        Ok(found)
    }

    fn balanced(&mut self, s: usize, p: usize) -> Result<Option<usize>, Refusal> {
        let (Some(&open), Some(&close)) = (self.pattern.get(p), self.pattern.get(p + 1)) else {
            return Err("unbalanced pattern".into());
        };
        if self.text.get(s) != Some(&open) {
            return Ok(None);
        }
        let mut depth = 1;
        for at in s + 1..self.text.len() {
            self.step()?;
            let c = self.text[at];
            if c == close {
                depth -= 1;
                if depth == 0 {
                    return Ok(Some(at + 1));
                }
            } else if c == open {
                depth += 1;
            }
        }
        Ok(None)
    }

    /// What a capture caught, once more.
    fn again(&mut self, s: usize, digit: u8) -> Result<Option<usize>, Refusal> {
        let at = usize::from(digit).wrapping_sub(usize::from(b'1'));
        let Some(Capture::Span(from, to)) = self.captures.get(at).copied() else {
            return Err("invalid capture index".into());
        };
        let len = to - from;
        let same = self.text.get(s..s + len).is_some_and(|t| t == &self.text[from..to]);
        Ok(same.then_some(s + len))
    }

    /// Where the class that starts at `p` ends.
    fn class_end(&self, p: usize) -> Result<usize, Refusal> {
        let first = self.pattern.get(p).copied();
        let mut p = p + 1;
        match first {
            Some(b'%') if p >= self.pattern.len() => Err("malformed pattern (ends with '%')".into()),
            Some(b'%') => Ok(p + 1),
            Some(b'[') => {
                p += usize::from(self.pattern.get(p) == Some(&b'^'));
                loop {
                    let Some(&c) = self.pattern.get(p) else {
                        return Err("malformed pattern (missing ']')".into());
                    };
                    p += 1;
                    if c == b'%' {
                        p += 1;
                    }
                    if self.pattern.get(p) == Some(&b']') {
                        return Ok(p + 1);
                    }
                }
            }
            _ => Ok(p),
        }
    }

    fn single(&self, c: u8, p: usize, end: usize) -> bool {
        match self.pattern[p] {
            b'.' => true,
            b'%' => in_class(c, self.pattern[p + 1]),
            b'[' => self.in_set(c, p, end - 1),
            literal => literal == c,
        }
    }

    /// Whether the set between `[` at `p` and `]` at `last` has `c`.
    fn in_set(&self, c: u8, mut p: usize, last: usize) -> bool {
        let set = self.pattern;
        let negated = set.get(p + 1) == Some(&b'^');
        p += 1 + usize::from(negated);
        while p < last {
            if set[p] == b'%' {
                p += 1;
                if in_class(c, set[p]) {
                    return !negated;
                }
                p += 1;
            } else if set.get(p + 1) == Some(&b'-') && p + 2 < last {
                if (set[p]..=set[p + 2]).contains(&c) {
                    return !negated;
                }
                p += 3;
            } else {
                if set[p] == c {
                    return !negated;
                }
                p += 1;
            }
        }
        negated
    }
}

fn in_class(c: u8, class: u8) -> bool {
    let is = match class.to_ascii_lowercase() {
        b'a' => c.is_ascii_alphabetic(),
        b'c' => c.is_ascii_control(),
        b'd' => c.is_ascii_digit(),
        b'l' => c.is_ascii_lowercase(),
        b'p' => c.is_ascii_punctuation(),
        b's' => c.is_ascii_whitespace() || c == 0x0b,
        b'u' => c.is_ascii_uppercase(),
        b'w' => c.is_ascii_alphanumeric(),
        b'x' => c.is_ascii_hexdigit(),
        b'z' => c == 0,
        _ => return class == c,
    };
    is != class.is_ascii_uppercase()
}
