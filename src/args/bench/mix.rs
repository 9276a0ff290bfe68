//! What mixes are made of: sizes, key patterns, data, command sets. The grammar is memtier_benchmark's where that has one.

use std::fmt;

/// How large values are, in bytes.
#[derive(Clone, Debug, PartialEq)]
pub enum Sizes {
    Fixed(u64),
    /// Uniform, both ends included.
    Range(u64, u64),
    /// Sizes with their weights.
    List(Vec<(u64, u64)>),
    /// Mean and deviation; what falls below 1 becomes 1.
    Normal(f64, f64),
    /// Median and the deviation of the logarithm.
    LogNormal(f64, f64),
    /// Mean.
    Exponential(f64),
}

/// No value may be larger; distributions are cut here.
pub const MOST_BYTES: u64 = 512 << 20;

impl Sizes {
    /// `100`, `10-100`, `10:3,100:1`, `normal(100,20)`, `lognormal(100,0.5)`, `exponential(100)`.
    pub fn parse(text: &str) -> Result<Sizes, String> {
        let wrong = || {
            format!(
                "\"{text}\" is no size: 100, 10-100, 10:3,100:1 (size:weight), normal(MEAN,DEVIATION), \
                 lognormal(MEDIAN,SIGMA) or exponential(MEAN)"
            )
        };
        let text = text.trim();
        if let Some((name, rest)) = text.split_once('(') {
            let inside = rest.strip_suffix(')').ok_or_else(wrong)?;
            let numbers: Vec<f64> =
                inside.split(',').map(|n| n.trim().parse().ok()).collect::<Option<_>>().ok_or_else(wrong)?;
            let fine = |n: &f64| n.is_finite() && (0.0..=MOST_BYTES as f64).contains(n);
            return match (name.trim(), &numbers[..]) {
                ("normal", [mean, deviation]) if fine(mean) && fine(deviation) => Ok(Sizes::Normal(*mean, *deviation)),
                ("lognormal", [median, sigma]) if fine(median) && *median > 0.0 && (0.0..=10.0).contains(sigma) => {
                    Ok(Sizes::LogNormal(*median, *sigma))
                }
                ("exponential", [mean]) if fine(mean) => Ok(Sizes::Exponential(*mean)),
                _ => Err(wrong()),
            };
        }
        let size = |text: &str| text.trim().parse::<u64>().ok().filter(|n| *n <= MOST_BYTES);
        if text.contains(':') {
            let list = text.split(',').map(|pair| {
                let (n, weight) = pair.split_once(':')?;
                Some((size(n)?, weight.trim().parse::<u64>().ok().filter(|w| *w <= 1 << 32)?))
            });
            let list: Vec<_> = list.collect::<Option<_>>().ok_or_else(wrong)?;
            return if list.iter().any(|(_, weight)| *weight > 0) { Ok(Sizes::List(list)) } else { Err(wrong()) };
        }
        match text.split_once('-') {
            Some((low, high)) => match (size(low), size(high)) {
                (Some(low), Some(high)) if low <= high => Ok(Sizes::Range(low, high)),
                _ => Err(wrong()),
            },
            None => size(text).map(Sizes::Fixed).ok_or_else(wrong),
        }
    }
}

impl fmt::Display for Sizes {
    /// What [`Sizes::parse`] reads.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Sizes::Fixed(n) => write!(f, "{n}"),
            Sizes::Range(low, high) => write!(f, "{low}-{high}"),
            Sizes::List(list) => {
                let pairs: Vec<String> = list.iter().map(|(n, weight)| format!("{n}:{weight}")).collect();
                f.write_str(&pairs.join(","))
            }
            Sizes::Normal(mean, deviation) => write!(f, "normal({mean},{deviation})"),
            Sizes::LogNormal(median, sigma) => write!(f, "lognormal({median},{sigma})"),
            Sizes::Exponential(mean) => write!(f, "exponential({mean})"),
        }
    }
}

/// Which key of a range comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pattern {
    Random,
    /// Every connection walks through the whole range.
    Sequential,
    /// The range is shared out: every connection walks through its part.
    Parallel,
    Gaussian,
    Zipf,
}

impl Pattern {
    /// memtier's letter, or the word.
    pub fn parse(text: &str) -> Result<Pattern, String> {
        Ok(match text.trim().to_ascii_lowercase().as_str() {
            "r" | "random" => Pattern::Random,
            "s" | "sequential" => Pattern::Sequential,
            "p" | "parallel" => Pattern::Parallel,
            "g" | "gaussian" => Pattern::Gaussian,
            "z" | "zipf" => Pattern::Zipf,
            _ => {
                return Err(format!(
                    "\"{text}\" is no key pattern: R (random), S (sequential), P (parallel), G (gaussian) or Z (zipf)"
                ));
            }
        })
    }
}

/// What values consist of.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Data {
    /// Letters, the same all through a run.
    Letters,
    /// Bytes that no compression makes smaller.
    Random,
    /// So many of a hundred bytes repeat what was before; the rest is random.
    Compressible(f64),
}

impl Data {
    /// `letters`, `random`, `compressible` or `compressible 70%`.
    pub fn parse(text: &str) -> Result<Data, String> {
        let wrong = || format!("\"{text}\" is no kind of data: letters, random, or compressible 70%");
        match text.trim() {
            "letters" => Ok(Data::Letters),
            "random" => Ok(Data::Random),
            "compressible" => Ok(Data::Compressible(50.0)),
            other => {
                let percent = other.strip_prefix("compressible").ok_or_else(wrong)?.trim().trim_end_matches('%').trim();
                let percent: f64 = percent.parse().map_err(|_| wrong())?;
                if (0.0..=100.0).contains(&percent) { Ok(Data::Compressible(percent)) } else { Err(wrong()) }
            }
        }
    }
}

/// One of `--command`, with what the flags behind it say of it.
#[derive(Clone, Debug, PartialEq)]
pub struct MixCommand {
    pub line: Vec<u8>,
    pub ratio: u64,
    pub pattern: Option<Pattern>,
}

/// memtier's flags. Nothing of it has a meaning unless `--ratio` or `--command` is given.
#[derive(Clone, Debug)]
pub struct Mix {
    /// SETs and GETs.
    pub ratio: Option<(u64, u64)>,
    pub commands: Vec<MixCommand>,
    pub key_prefix: Vec<u8>,
    pub key_minimum: u64,
    pub key_maximum: u64,
    /// Of SETs and of GETs.
    pub key_pattern: (Pattern, Pattern),
    pub key_deviation: Option<f64>,
    pub key_median: Option<f64>,
    pub zipf_exponent: f64,
    /// `None`: `-d`.
    pub sizes: Option<Sizes>,
    /// Of a range of sizes: from the smallest to the largest along the keys.
    pub sizes_along_keys: bool,
    pub data: Data,
    /// Seconds.
    pub expiry: Option<(u64, u64)>,
    /// Values tell which key they belong to, and what is read is compared.
    pub verify: bool,
    /// `-n allkeys`.
    pub all_keys: bool,
}

impl Default for Mix {
    fn default() -> Self {
        Mix {
            ratio: None,
            commands: Vec::new(),
            key_prefix: b"memtier-".to_vec(),
            key_minimum: 0,
            key_maximum: 10_000_000,
            key_pattern: (Pattern::Random, Pattern::Random),
            key_deviation: None,
            key_median: None,
            zipf_exponent: 1.0,
            sizes: None,
            sizes_along_keys: false,
            data: Data::Letters,
            expiry: None,
            verify: false,
            all_keys: false,
        }
    }
}

impl Mix {
    pub fn is_asked_for(&self) -> bool {
        self.ratio.is_some() || !self.commands.is_empty()
    }
}

/// `LOW<between>HIGH`, two whole numbers.
pub fn pair(text: &str, between: char, name: &str) -> Result<(u64, u64), String> {
    let parts = text.split_once(between).and_then(|(a, b)| Some((a.trim().parse().ok()?, b.trim().parse().ok()?)));
    parts.ok_or_else(|| format!("{name} takes two numbers with '{between}' between"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_and_written() {
        for text in ["100", "0", "10-100", "10:3,100:1", "normal(100,20)", "lognormal(100,0.5)", "exponential(64)"] {
            assert_eq!(Sizes::parse(text).expect(text).to_string(), text);
        }
        for text in [
            "",
            "x",
            "-5",
            "9-1",
            "5:",
            "1:0",
            "normal(1)",
            "normal(1,-1)",
            "exponential(inf)",
            "exponential(1",
            "99999999999",
        ] {
            assert!(Sizes::parse(text).is_err(), "{text}");
        }
        assert_eq!(Data::parse("compressible 70%"), Ok(Data::Compressible(70.0)));
        assert!(Data::parse("compressible 170%").is_err() && Data::parse("wool").is_err());
        assert_eq!(Pattern::parse("Z"), Ok(Pattern::Zipf));
        assert!(Pattern::parse("q").is_err());
    }
}
