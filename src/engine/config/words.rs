//! The directives whose words have a grammar of their own. Texts of refusals are Redis 7.0's.

use super::cells::{Limit, SavePoint};
use super::choices::{notify, shutdown};
use super::value::{Reason, one_of, shutdown_names};
use crate::base::numbers::parse_i64;
use crate::base::units::parse_memory;

fn utf8(word: &[u8]) -> &str {
    std::str::from_utf8(word).unwrap_or("\u{fffd}")
}

/// `100mb`, or `5%` as -5.
pub fn memory_or_percent(text: &str) -> Result<i64, Reason> {
    const REFUSED: &str = "argument must be a memory or percent value";
    let Some(percent) = text.strip_suffix('%') else {
        return parse_memory(text).ok_or(REFUSED.into());
    };
    match parse_i64(percent.as_bytes()) {
        Some(n @ 0..=100) => Ok(-n),
        Some(101..) => Err("percentage argument must be less or equal to 100".into()),
        _ => Err(REFUSED.into()),
    }
}

/// `900 1 300 10`, or `""` for never.
pub fn save_points(words: &[Vec<u8>]) -> Result<Vec<SavePoint>, Reason> {
    const REFUSED: &str = "Invalid save parameters";
    if let [only] = words
        && only.is_empty()
    {
        return Ok(Vec::new());
    }
    let number = |word: &Vec<u8>, least: i64| parse_i64(word).filter(|n| *n >= least);
    let pairs = words.chunks(2).map(|pair| match pair {
        [seconds, changes] => Some(SavePoint { seconds: number(seconds, 1)?, changes: number(changes, 0)? }),
        _ => None,
    });
    pairs.collect::<Option<Vec<_>>>().ok_or(REFUSED.into())
}

/// `normal 0 0 0 replica 256mb 64mb 60`: any of the classes.
pub fn limits(words: &[Vec<u8>]) -> Result<[Option<Limit>; 3], Reason> {
    if !words.len().is_multiple_of(4) || words.is_empty() {
        return Err("Wrong number of arguments in buffer limit configuration.".into());
    }
    let mut all = [None; 3];
    for four in words.chunks_exact(4) {
        let class = match utf8(&four[0]).to_ascii_lowercase().as_str() {
            "normal" => 0,
            "slave" | "replica" => 1,
            "pubsub" => 2,
            _ => return Err("Invalid client class specified in buffer limit configuration.".into()),
        };
        let seconds = parse_i64(&four[3]).filter(|n| *n >= 0);
        let (Some(hard_bytes), Some(soft_bytes), Some(soft_seconds)) =
            (parse_memory(utf8(&four[1])), parse_memory(utf8(&four[2])), seconds)
        else {
            return Err("Error in hard, soft or soft_seconds setting in buffer limit configuration.".into());
        };
        all[class] = Some(Limit { hard_bytes, soft_bytes, soft_seconds });
    }
    Ok(all)
}

/// `KEx` → bits.
pub fn notify_flags(word: &[u8]) -> Result<i64, Reason> {
    let bit = |letter: &u8| match letter {
        b'A' => Some(notify::ALL),
        _ => notify::TYPES.iter().chain(notify::OTHERS).find(|(name, _)| name == letter).map(|(_, bit)| *bit),
    };
    let all = word.iter().map(bit).try_fold(0, |flags, bit| Some(flags | bit?));
    all.ok_or("Invalid event class character. Use 'Ag$lshzxeKEtmdn'.".into())
}

/// Bits → `xKE`. Unlike Redis 7.0 and Valkey 9.1 `n` is shown beside `A` too: they forget it on CONFIG REWRITE.
pub fn print_notify_flags(flags: i64) -> Vec<u8> {
    let has = |(_, bit): &&(u8, i64)| flags & bit != 0;
    let mut out = Vec::new();
    let rest = notify::OTHERS.iter().filter(has).map(|(letter, _)| *letter);
    if flags & notify::ALL == notify::ALL {
        out.push(b'A');
        out.extend(rest.clone().filter(|b| *b != b'n'));
        out.extend(rest.filter(|b| *b == b'n'));
    } else {
        out.extend(notify::TYPES.iter().filter(has).map(|(letter, _)| *letter));
        out.extend(rest);
    }
    out
}

/// `save now` → bits.
pub fn shutdown_flags(words: &[Vec<u8>]) -> Result<i64, Reason> {
    let bit = |word: &Vec<u8>| {
        let found = shutdown::NAMES.iter().find(|(name, _)| name.as_bytes().eq_ignore_ascii_case(word));
        found.map(|(_, bit)| *bit)
    };
    let all = words.iter().map(bit).try_fold(0, |flags, bit| Some(flags | bit?));
    let flags = all.filter(|_| !words.is_empty()).ok_or_else(|| one_of(shutdown_names()))?;
    if flags & shutdown::SAVE != 0 && flags & shutdown::NOSAVE != 0 {
        return Err("shutdown options SAVE and NOSAVE can't be used simultaneously".into());
    }
    Ok(flags)
}

pub fn print_shutdown_flags(flags: i64) -> String {
    if flags == 0 {
        return "default".to_owned();
    }
    let set = shutdown::NAMES.iter().filter(|(_, bit)| flags & bit != 0);
    set.map(|(name, _)| *name).collect::<Vec<_>>().join(" ")
}

/// `host port`, or nothing for `no one` and the empty text.
pub fn replicaof(words: &[Vec<u8>]) -> Result<Vec<Vec<u8>>, Reason> {
    match words {
        [] => Ok(Vec::new()),
        [one] if one.is_empty() => Ok(Vec::new()),
        [no, one] if no.eq_ignore_ascii_case(b"no") && one.eq_ignore_ascii_case(b"one") => Ok(Vec::new()),
        [host, port] => match parse_i64(port) {
            Some(0..=65535) => Ok(vec![host.clone(), port.clone()]),
            _ => Err("Invalid master port".into()),
        },
        _ => Err("wrong number of arguments".into()),
    }
}

/// Addresses to listen on; as in Redis at most 16, none for `""`.
pub fn addresses(words: &[Vec<u8>]) -> Result<Vec<Vec<u8>>, Reason> {
    if words.len() > 16 {
        return Err("Too many bind addresses specified.".into());
    }
    Ok(words.iter().filter(|w| !w.is_empty()).cloned().collect())
}

/// Three scores between -2000 and 2000: of a primary, a replica, a background child.
pub fn oom_scores(words: &[Vec<u8>]) -> Result<Vec<Vec<u8>>, Reason> {
    if words.len() != 3 {
        return Err("wrong number of arguments".into());
    }
    if !words.iter().all(|w| parse_i64(w).is_some_and(|n| (-2000..=2000).contains(&n))) {
        return Err("Invalid oom-score-adj-values, elements must be between -2000 and 2000.".into());
    }
    Ok(words.to_vec())
}

/// Percentiles between 0 and 100, kept in their short form: `50`, `99.9`.
pub fn percentiles(words: &[Vec<u8>]) -> Result<Vec<Vec<u8>>, Reason> {
    if matches!(words, [only] if only.is_empty()) {
        return Ok(Vec::new());
    }
    let one = |word: &Vec<u8>| {
        let n: f64 = utf8(word)
            .parse()
            .ok()
            .filter(|n: &f64| n.is_finite())
            .ok_or("Invalid latency-tracking-info-percentiles parameters")?;
        if !(0.0..=100.0).contains(&n) {
            return Err("latency-tracking-info-percentiles parameters should sit between [0.0,100.0]".into());
        }
        // Six digits after the point and no trailing zeros, as the field's name in INFO shows it.
        let text = format!("{n:.6}");
        Ok(text.trim_end_matches('0').trim_end_matches('.').as_bytes().to_vec())
    };
    words.iter().map(one).collect()
}
