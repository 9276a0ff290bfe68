//! What all targets share: a corpus of files, seeded changes to them, and a failure that can be repeated.

use super::common::{Rng, env_number, escape};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::time::{Duration, Instant};

pub struct Target {
    /// Its corpus lies in `fixtures/fuzz/<name>`: every file there is tried as it is, too.
    pub name: &'static str,
    /// How many inputs a short run tries.
    pub rounds: u64,
    /// What inputs are made of, put in here and there.
    pub words: &'static [&'static str],
}

/// Lengths and numbers at which something changes.
const NUMBERS: &[&str] = &[
    "0",
    "-1",
    "1",
    "255",
    "256",
    "65535",
    "2147483647",
    "2147483648",
    "4294967296",
    "9223372036854775807",
    "-9223372036854775808",
    "9223372036854775808",
    "1e308",
    "inf",
    "nan",
    "0x10",
    "007",
];

impl Target {
    fn corpus(&self) -> Vec<Vec<u8>> {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/fuzz").join(self.name);
        let mut files: Vec<PathBuf> = std::fs::read_dir(&folder)
            .unwrap_or_else(|e| panic!("{}: {e}", folder.display()))
            .map(|item| item.expect("a file of the corpus").path())
            .collect();
        files.sort();
        let all: Vec<Vec<u8>> = files.iter().map(|file| std::fs::read(file).expect("a file of the corpus")).collect();
        assert!(!all.is_empty(), "{} is empty", folder.display());
        all
    }

    /// Feeds `check` with the corpus, and then with what `FUZZ_SEED`, `FUZZ_SEED` + 1, … make of it: `FUZZ_ROUNDS` of them, or as many as
    /// `FUZZ_SECONDS` allow.
    pub fn run(&self, mut check: impl FnMut(&[u8], &mut Rng)) {
        let corpus = self.corpus();
        let (first, rounds) = (env_number("FUZZ_SEED", 1), env_number("FUZZ_ROUNDS", self.rounds));
        let until = Instant::now() + Duration::from_secs(env_number("FUZZ_SECONDS", 0));
        let timed = std::env::var_os("FUZZ_SECONDS").is_some();
        let mut attempt = |seed: Option<u64>, bytes: &[u8]| {
            let tried = catch_unwind(AssertUnwindSafe(|| check(bytes, &mut Rng::new(seed.unwrap_or(0) ^ 0x5eed))));
            if tried.is_err() {
                let file = std::env::temp_dir().join(format!("rustredis-fuzz-{}", self.name));
                let kept =
                    std::fs::write(&file, bytes).map_or("could not be kept".into(), |()| file.display().to_string());
                let again = seed.map_or("of the corpus".into(), |seed| format!("FUZZ_SEED={seed} FUZZ_ROUNDS=1"));
                panic!("{again}: input ({kept}): {}", escape(bytes));
            }
        };
        if rounds > 1 {
            corpus.iter().for_each(|bytes| attempt(None, bytes));
        }
        let mut seed = first;
        while if timed { Instant::now() < until } else { seed < first + rounds } {
            attempt(Some(seed), &self.make(&corpus, &mut Rng::new(seed)));
            seed += 1;
        }
        eprintln!("{}: {} inputs from {} files", self.name, seed - first, corpus.len());
    }

    fn make(&self, corpus: &[Vec<u8>], rng: &mut Rng) -> Vec<u8> {
        let mut bytes = rng.pick(corpus).clone();
        for _ in 0..1 + rng.below(5) {
            let at = rng.below(bytes.len() + 1);
            let len = (1 << rng.below(6)).min(bytes.len() - at);
            let end = at + rng.below(len + 1);
            let piece: Vec<u8> = match rng.below(9) {
                0 => Vec::new(),
                1 => (0..1 + rng.below(4)).map(|_| rng.next() as u8).collect(),
                2 => vec![*rng.pick(b"\0\r\n \"'\\\x7f\x80\xff*$:+-[]{}()~%")],
                3 | 4 if !self.words.is_empty() => rng.pick(self.words).as_bytes().to_vec(),
                5 => rng.pick(NUMBERS).as_bytes().to_vec(),
                6 => {
                    let other = rng.pick(corpus);
                    let from = rng.below(other.len() + 1);
                    other[from..(from + rng.below(64)).min(other.len())].to_vec()
                }
                7 if at < bytes.len() => vec![bytes[at] ^ (1 << rng.below(8))],
                _ => bytes[at..end].repeat(1 + rng.below(3)),
            };
            // Put in, or in the place of something.
            let end = if rng.percent(40) { at } else { (at + piece.len().max(end - at)).min(bytes.len()) };
            bytes.splice(at..end, piece);
        }
        bytes.truncate(1 << 16);
        bytes
    }
}
