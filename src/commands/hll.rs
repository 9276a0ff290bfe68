//! HyperLogLog: estimates of how many different elements were seen. `data::hll` knows the format; here are the strings that
//! hold it, which are raw whatever their length.

use super::string::raw;
use crate::data::hll;
use crate::engine::{
    call::{Call, string_of},
    errors::{self, Error},
    spec::{BLANK, Spec},
};
use crate::keyspace::{Entry, journal::class};
use std::fmt::Write;

#[rustfmt::skip]
pub const COMMANDS: &[Spec] = &[
    Spec {
        name: "pfadd", arity: -2, flags: "write denyoom fast", acl: "hyperloglog",
        keys: "1 RW insert", group: "hyperloglog", since: "2.8.9",
        syntax: "key [element...]",
        summary: "Adds elements to a HyperLogLog and tells whether its estimate may have changed.",
        complexity: "O(1) per element", run: pfadd, ..BLANK
    },
    Spec {
        name: "pfcount", arity: -2, flags: "readonly may_replicate", acl: "hyperloglog",
        keys: "1..-1 RW access", group: "hyperloglog", since: "2.8.9",
        syntax: "key...",
        summary: "Estimates how many different elements one or several HyperLogLogs saw.",
        complexity: "O(1) for one key, O(N) for N keys", run: pfcount, ..BLANK
    },
    Spec {
        name: "pfdebug", arity: 3, flags: "write denyoom admin syscmd", acl: "hyperloglog",
        keys: "2 RW access", group: "hyperloglog", since: "2.8.9",
        syntax: "subcommand key",
        summary: "Looks inside a HyperLogLog, for tests.", complexity: "Depends on the subcommand", run: pfdebug, ..BLANK
    },
    Spec {
        name: "pfmerge", arity: -2, flags: "write denyoom", acl: "hyperloglog",
        keys: "1 RW access insert; 2..-1 RO access", group: "hyperloglog", since: "2.8.9",
        syntax: "destkey:key0 [sourcekey:key1...]",
        summary: "Stores the union of HyperLogLogs.", complexity: "O(N) in the keys", run: pfmerge, ..BLANK
    },
    Spec {
        name: "pfselftest", arity: 1, flags: "admin syscmd", acl: "hyperloglog", group: "hyperloglog", since: "2.8.9",
        summary: "Checks the HyperLogLog code, for tests.", complexity: "O(1)", run: pfselftest, ..BLANK
    },
];

/// PFADD key [element ...]
fn pfadd(c: &mut Call<'_>) -> Result<(), Error> {
    let (key, elements, max) = (c.key(1), c.args.skip(2), sparse_max(c));
    let raise = |bytes: &mut Vec<u8>| {
        let mut risen = 0;
        for element in elements.iter() {
            risen += u64::from(hll::add(bytes, element, max).map_err(|hll::Corrupt| errors::HLL_CORRUPT)?);
        }
        Ok(risen)
    };
    if let Some(mut open) = c.ks.get_mut(key) {
        check(&open)?;
        let risen = change(open.maybe_change(), raise)?;
        open.count_changes(risen);
        if risen > 0 {
            open.event(class::STRING, "pfadd");
        }
        c.reply.int(i64::from(risen > 0));
        return Ok(());
    }
    let mut bytes = hll::create();
    let risen = raise(&mut bytes)?;
    // Redis takes the count for out of date even if there is nothing in it.
    hll::invalidate(&mut bytes);
    raw::with_raw(bytes, |new| c.ks.add(key, new, None));
    c.ks.journal.dirty += risen;
    c.ks.event(class::STRING, "pfadd", key);
    c.reply.int(1);
    Ok(())
}

/// PFCOUNT key [key ...]: of one key the estimate is remembered in the string, which is a change.
fn pfcount(c: &mut Call<'_>) -> Result<(), Error> {
    if c.args.len() > 2 {
        let (union, _) = union(c, 1)?;
        c.reply.int(hll::count_registers(&union) as i64);
        return Ok(());
    }
    let key = c.key(1);
    let known = match c.ks.get(key) {
        None => Some(0),
        Some(e) => {
            check(&e)?;
            string_of(&e)?.with(hll::cached_count)
        }
    };
    let count = match (known, c.ks.get_mut(key)) {
        (None, Some(mut open)) => {
            let count = change(open.change(), |bytes| {
                let count = hll::count(bytes).map_err(|hll::Corrupt| errors::HLL_CORRUPT)?;
                hll::set_cached_count(bytes, count);
                Ok(count)
            });
            if count.is_err() {
                open.count_changes(0);
            }
            count?
        }
        (known, _) => known.unwrap_or(0),
    };
    c.reply.int(count as i64);
    Ok(())
}

/// PFMERGE destination [source ...]
fn pfmerge(c: &mut Call<'_>) -> Result<(), Error> {
    let (key, max) = (c.key(1), sparse_max(c));
    let (union, dense) = union(c, 1)?;
    let raise =
        |bytes: &mut Vec<u8>| hll::raise_to(bytes, &union, dense, max).map_err(|hll::Corrupt| errors::HLL_CORRUPT);
    if let Some(mut open) = c.ks.get_mut(key) {
        change(open.maybe_change(), raise)?;
        open.mark_changed();
        open.event(class::STRING, "pfadd");
    } else {
        let mut bytes = hll::create();
        raise(&mut bytes)?;
        raw::with_raw(bytes, |new| c.ks.add(key, new, None));
        c.ks.event(class::STRING, "pfadd", key);
    }
    c.reply.ok();
    Ok(())
}

/// PFDEBUG GETREG | DECODE | ENCODING | TODENSE key, PFDEBUG SIMD ON | OFF
fn pfdebug(c: &mut Call<'_>) -> Result<(), Error> {
    if c.args.is(1, "simd") {
        // There is one way to count; the switch is taken, as Redis takes it where it has no second one either.
        let on = c.args.is(2, "on");
        if !on && !c.args.is(2, "off") {
            return Err(errors::HLL_SIMD);
        }
        c.reply.simple("disabled");
        return Ok(());
    }
    let key = c.key(2);
    let Some(mut open) = c.ks.get_mut(key) else {
        return Err(errors::HLL_NO_KEY);
    };
    check(&open)?;
    let dense = string_of(&open)?.with(hll::is_dense);
    let (getreg, todense) = (c.args.is(1, "getreg"), c.args.is(1, "todense"));
    if (getreg || todense) && !dense {
        change(open.maybe_change(), hll::to_dense).map_err(|hll::Corrupt| errors::HLL_CORRUPT)?;
        open.mark_changed();
    }
    if getreg {
        let registers = string_of(&open)?.with(hll::registers).map_err(|hll::Corrupt| errors::HLL_CORRUPT)?;
        c.reply.array(registers.len());
        registers.iter().for_each(|&value| c.reply.int(i64::from(value)));
    } else if c.args.is(1, "decode") {
        if dense {
            return Err(errors::HLL_NOT_SPARSE);
        }
        let text = string_of(&open)?.with(decoded);
        c.reply.bulk(text.trim_end().as_bytes());
    } else if c.args.is(1, "encoding") {
        c.reply.simple(if dense { "dense" } else { "sparse" });
    } else if todense {
        c.reply.int(i64::from(!dense));
    } else {
        return Err(Error::quoting("Unknown PFDEBUG subcommand '", c.args.at(1), "'"));
    }
    Ok(())
}

/// PFSELFTEST: both forms must agree, and the estimate be near the truth.
fn pfselftest(c: &mut Call<'_>) -> Result<(), Error> {
    let (mut sparse, mut dense) = (hll::create(), hll::create());
    let failed = |hll::Corrupt| errors::HLL_SELFTEST;
    hll::to_dense(&mut dense).map_err(failed)?;
    for n in 1..=100_000u64 {
        let element = n.to_le_bytes();
        hll::add(&mut dense, &element, 0).map_err(failed)?;
        if n <= 1000 {
            hll::add(&mut sparse, &element, usize::MAX).map_err(failed)?;
        }
        if n == 1000 && (hll::is_dense(&sparse) || hll::registers(&sparse) != hll::registers(&dense)) {
            return Err(errors::HLL_SELFTEST);
        }
        if matches!(n, 1000 | 10_000 | 100_000) {
            // Six times the standard error, 1.04 / sqrt(16384).
            let estimate = hll::count(&dense).map_err(failed)?;
            if estimate.abs_diff(n) as f64 > n as f64 * 6.0 * 1.04 / 128.0 {
                return Err(errors::HLL_SELFTEST);
            }
        }
    }
    c.reply.ok();
    Ok(())
}

/// The union of the keys from word `first` on, and whether one of them is dense.
fn union(c: &mut Call<'_>, first: usize) -> Result<(Box<[u8; hll::REGISTERS]>, bool), Error> {
    let (mut registers, mut dense) = (Box::new([0; hll::REGISTERS]), false);
    for i in first..c.args.len() {
        let key = c.nth_key(i - first, i);
        let Some(e) = c.ks.get(key) else { continue };
        check(&e)?;
        string_of(&e)?
            .with(|bytes| {
                dense |= hll::is_dense(bytes);
                hll::merge_into(&mut registers, bytes)
            })
            .map_err(|hll::Corrupt| errors::HLL_CORRUPT)?;
    }
    Ok((registers, dense))
}

/// Refuses what is no HLL.
fn check(entry: &Entry) -> Result<(), Error> {
    if string_of(entry)?.with(hll::is_valid) { Ok(()) } else { Err(errors::NOT_AN_HLL) }
}

/// Runs `f` on a string's bytes where they lie, if they are stored apart, or on a copy that replaces them.
fn change<R>(entry: &mut Entry, f: impl FnOnce(&mut Vec<u8>) -> R) -> R {
    // `f` runs in exactly one of two places; which one is known only as we go.
    let (mut f, mut out) = (Some(f), None);
    let mut run = |bytes: &mut Vec<u8>| out = f.take().map(|f| f(bytes));
    if entry.shared_mut(&mut run).is_none() {
        raw::rebuild(entry, 0, &mut run);
    }
    match out {
        Some(out) => out,
        None => unreachable!("one of the two ran"),
    }
}

/// The runs as PFDEBUG DECODE shows them.
fn decoded(bytes: &[u8]) -> String {
    let mut text = String::new();
    for run in hll::written_runs(bytes) {
        let written = match run {
            hll::SparseRun { value: 0, len, wide: false } => write!(text, "z:{len} "),
            hll::SparseRun { value: 0, len, .. } => write!(text, "Z:{len} "),
            hll::SparseRun { value, len, .. } => write!(text, "v:{value},{len} "),
        };
        debug_assert!(written.is_ok(), "a String takes everything");
    }
    text
}

fn sparse_max(c: &Call<'_>) -> usize {
    usize::try_from(c.engine.config.hll_sparse_max_bytes.get()).unwrap_or(0)
}
