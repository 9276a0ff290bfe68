//! A request's bytes, made once. What differs from one request to the next has a fixed length, and is written over
//! what the last one had: 12 digits for a placeholder, a tag of a cluster's slot.

use super::nodes::Tag;
use crate::{args::bench::Options, base::rng::Rng, client::push_command};

const DIGITS: usize = 12;
/// Digits of a million keys and fewer: what most runs have.
const FEW: usize = 6;
const RAND_INT: &[u8] = b"__rand_int__";
const RAND_1ST: &[u8] = b"__rand_1st__";
const DATA: &[u8] = b"__data__";
const TAG: &[u8] = b"{tag}";

#[derive(Clone, Debug, Default)]
pub struct Template {
    pub bytes: Vec<u8>,
    /// Where a number of its own goes.
    each: Vec<usize>,
    /// Where the command's one number goes.
    same: Vec<usize>,
    /// Where the tag goes.
    tags: Vec<usize>,
    keyspace: u64,
    /// Digits of a placeholder that change: an even number.
    digits: usize,
}

/// A value of `size` bytes: letters that a seed replays, the same all through a run.
pub fn data(size: usize, seed: u64) -> Vec<u8> {
    let mut rng = Rng::new(seed);
    (0..size).map(|_| b'A' + rng.below(26) as u8).collect()
}

impl Template {
    pub fn of_words(words: &[Vec<u8>], options: &Options) -> Template {
        let data = data(options.data_size, options.seed.unwrap_or(1234));
        let words: Vec<Vec<u8>> = words.iter().map(|word| replace(word, DATA, &data)).collect();
        let mut bytes = Vec::new();
        push_command(&mut bytes, &words);
        Template::of_bytes(bytes, options)
    }

    pub fn of_bytes(bytes: Vec<u8>, options: &Options) -> Template {
        let found = |what: &[u8], on: bool| match on {
            true => memchr::memmem::find_iter(&bytes, what).collect(),
            false => Vec::new(),
        };
        let random = options.keyspace.is_some();
        let (each, same, tags) = (found(RAND_INT, random), found(RAND_1ST, random), found(TAG, options.cluster));
        // As redis-benchmark: of an empty space the only number is 0.
        let keyspace = options.keyspace.unwrap_or(0).clamp(1, 1_000_000_000_000);
        let digits = (2..=DIGITS).step_by(2).find(|n| keyspace <= 10u64.pow(*n as u32)).unwrap_or(DIGITS);
        let mut bytes = bytes;
        for at in each.iter().chain(&same) {
            bytes[*at..at + DIGITS].fill(b'0');
        }
        Template { each, same, tags, keyspace, digits, bytes }
    }

    /// True if every request is like the others.
    pub fn is_fixed(&self) -> bool {
        self.each.is_empty() && self.same.is_empty() && self.tags.is_empty()
    }

    /// Writes new random parts over the copy of the template in `out`, which is as long.
    #[inline]
    pub fn vary(&self, out: &mut [u8], rng: &mut Rng, tags: &[Tag]) {
        for &at in &self.each {
            put_digits(&mut out[at..at + DIGITS], rng.below(self.keyspace), self.digits);
        }
        if !self.same.is_empty() {
            let n = rng.below(self.keyspace);
            for &at in &self.same {
                put_digits(&mut out[at..at + DIGITS], n, self.digits);
            }
        }
        // One a node, as redis-benchmark has it: the list that one test fills is the one that another reads.
        if let Some(tag) = tags.first() {
            for &at in &self.tags {
                out[at + 1..at + 4].copy_from_slice(tag);
            }
        }
    }

    /// The same for many copies in a row.
    pub fn vary_all(&self, out: &mut [u8], rng: &mut Rng, tags: &[Tag]) {
        let len = self.bytes.len();
        if let ([at], [], [], FEW) = (&self.each[..], &self.same[..], &self.tags[..], self.digits) {
            // One number a request, which is what most runs have: the generator stays in registers.
            let mut own = rng.clone();
            for copy in out.chunks_exact_mut(len) {
                put_few(&mut copy[at + DIGITS - FEW..at + DIGITS], own.below(self.keyspace) as u32);
            }
            *rng = own;
            return;
        }
        out.chunks_exact_mut(len).for_each(|copy| self.vary(copy, rng, tags));
    }

    #[cfg(test)]
    fn render(&self, rng: &mut Rng) -> String {
        let mut out = self.bytes.clone();
        self.vary(&mut out, rng, &[]);
        String::from_utf8_lossy(&out).into_owned()
    }
}

fn replace(word: &[u8], what: &[u8], with: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(word.len());
    let mut from = 0;
    for at in memchr::memmem::find_iter(word, what) {
        out.extend_from_slice(&word[from..at]);
        out.extend_from_slice(with);
        from = at + what.len();
    }
    out.extend_from_slice(&word[from..]);
    out
}

const PAIRS: [[u8; 2]; 100] = {
    let mut pairs = [[0; 2]; 100];
    let mut n = 0;
    while n < 100 {
        pairs[n] = [b'0' + n as u8 / 10, b'0' + n as u8 % 10];
        n += 1;
    }
    pairs
};

#[inline]
fn put_few(out: &mut [u8], n: u32) {
    for (two, n) in out.chunks_exact_mut(2).zip([n / 10_000, n / 100 % 100, n % 100]) {
        two.copy_from_slice(&PAIRS[n as usize % 100]);
    }
}

/// `n` with zeros in front, two digits at a time. Zeros that were there are not written again: a place in a template has
/// never held a number above the key space.
#[inline]
fn put_digits(out: &mut [u8], n: u64, digits: usize) {
    let from = out.len() - digits;
    if digits == FEW {
        return put_few(&mut out[from..], n as u32);
    }
    let mut put = |at: usize, two: u32| out[at..at + 2].copy_from_slice(&PAIRS[two as usize % 100]);
    let mut n = n;
    for at in (from..from + digits).step_by(2).rev() {
        put(at, (n % 100) as u32);
        n /= 100;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_twelve_digits() {
        for keyspace in [1, 9, 100, 101, 1_000_000, 1_000_001, 99_999_999_999, 1_000_000_000_000] {
            let options = Options { keyspace: Some(keyspace), ..Options::default() };
            let template = Template::of_words(&[b"__rand_int__".to_vec()], &options);
            let mut rng = Rng::new(keyspace);
            for _ in 0..100 {
                let text = template.render(&mut rng);
                let n = text.split("\r\n").nth(2).expect("a word");
                assert!(n.len() == 12 && n.parse::<u64>().expect("a number") < keyspace, "{keyspace}: {n}");
            }
        }
        let mut out = *b"000000000000";
        put_digits(&mut out, 987_654, 6);
        assert_eq!(&out, b"000000987654");
        put_digits(&mut out, 123_456_789_012, 12);
        assert_eq!(&out, b"123456789012");
    }

    /// Many copies at once are varied as one after the other would be.
    #[test]
    fn copies_in_a_row() {
        for (word, keyspace) in
            [("__rand_int__", 1_000_000), ("__rand_int__", 77), ("__rand_int__:__rand_1st__", 1 << 30)]
        {
            let options = Options { keyspace: Some(keyspace), ..Options::default() };
            let template = Template::of_words(&[word.into(), word.into()], &options);
            let one = Template::of_words(&[word.into()], &options);
            for template in [template, one] {
                let (mut all, mut single) = (template.bytes.repeat(40), template.bytes.repeat(40));
                let (mut a, mut b) = (Rng::new(5), Rng::new(5));
                for _ in 0..3 {
                    template.vary_all(&mut all, &mut a, &[]);
                    single.chunks_exact_mut(template.bytes.len()).for_each(|copy| template.vary(copy, &mut b, &[]));
                    assert_eq!(all, single);
                }
                assert_eq!(a.next_u64(), b.next_u64());
            }
        }
    }

    #[test]
    fn placeholders() {
        let words: Vec<Vec<u8>> = ["a:__rand_int__:__rand_int__", "__rand_1st__", "__rand_1st__", "<__data__>"]
            .iter()
            .map(|w| w.as_bytes().to_vec())
            .collect();
        let options = Options { keyspace: Some(1_000_000), data_size: 5, ..Options::default() };
        let template = Template::of_words(&words, &options);
        let text = template.render(&mut Rng::new(3));
        let parts: Vec<&str> = text.split("\r\n").collect();
        let (a, b) = parts[2][2..].split_once(':').expect("two numbers");
        assert!(a.len() == 12 && b.len() == 12 && a != b, "{text}");
        assert_eq!(parts[4], parts[6]);
        assert_eq!((parts[7], parts[8].len()), ("$7", 7));
        let literal = Template::of_words(&words, &Options::default());
        assert!(literal.is_fixed() && literal.render(&mut Rng::new(3)).contains("__rand_int__"));
    }

    /// Chi-square over 100 cells: 99 degrees of freedom, mean 99, deviation 14; the seed makes it a fixed figure.
    #[test]
    fn numbers_are_uniform_over_the_key_space() {
        let options = Options { keyspace: Some(100), ..Options::default() };
        let template = Template::of_words(&[b"__rand_int__".to_vec()], &options);
        let (mut rng, mut seen) = (Rng::new(11), [0u32; 100]);
        for _ in 0..100_000 {
            let text = template.render(&mut rng);
            let n: usize = text.split("\r\n").nth(2).and_then(|n| n.parse().ok()).expect("a number");
            seen[n] += 1;
        }
        let chi: f64 = seen.iter().map(|&n| (f64::from(n) - 1000.0).powi(2) / 1000.0).sum();
        assert!((57.0..141.0).contains(&chi), "{chi}");
    }
}
