//! `--keystats`: sizes of keys by memory and by elements at once: the biggest, the averages by type, and how memory is distributed.

use super::{
    bigkeys::into_bytes,
    out,
    scan::{PAGE, Walk, fail, targets},
    session::{Failed, Session},
    stat::human,
};
use crate::resp::{Value, inline::quote};
use std::collections::BTreeMap;

struct Kind {
    keys: u64,
    elements: u64,
    bytes: u64,
    /// Keys by the power of two that their memory reaches.
    sizes: [u64; 64],
}

pub fn run(session: &mut Session<'_>, samples: Option<u64>) -> Result<(), Failed> {
    session.conn()?;
    let options = session.options;
    let samples = samples.map(|n| n.to_string());
    let listed = usize::try_from(options.top).unwrap_or(10).min(10_000);
    let mut kinds: BTreeMap<Vec<u8>, Kind> = BTreeMap::new();
    // The smallest first.
    let mut biggest: Vec<(u64, u64, Vec<u8>, Vec<u8>)> = Vec::new();
    for target in targets(session)? {
        if target.addr != session.target.addr {
            session.target = target;
            session.connect()?;
        }
        let mut walk = Walk::new(options.pattern.as_deref(), options.count.unwrap_or(PAGE), options.cursor);
        let conn = session.conn()?;
        while let Some(keys) = walk.next(conn, false)? {
            let keys: Vec<Vec<u8>> = keys.into_iter().filter_map(into_bytes).collect();
            for key in &keys {
                conn.push(&[b"TYPE".as_slice(), key]);
                let mut words: Vec<&[u8]> = vec![b"MEMORY", b"USAGE", key];
                words.extend(samples.iter().flat_map(|n| [b"SAMPLES".as_slice(), n.as_bytes()]));
                conn.push(&words);
            }
            conn.flush().map_err(fail)?;
            let mut found = Vec::with_capacity(keys.len());
            for key in keys {
                let kind = conn.read().map_err(fail)?.plain();
                let bytes = conn.read().map_err(fail)?.plain();
                // Gone meanwhile, if either is missing.
                if let (Some(kind), Value::Int(bytes)) = (kind.text().filter(|kind| *kind != b"none"), bytes) {
                    found.push((key, kind.to_vec(), bytes.max(0).unsigned_abs()));
                }
            }
            for (key, kind, _) in &found {
                let command: &[u8] = match kind.as_slice() {
                    b"list" => b"LLEN",
                    b"set" => b"SCARD",
                    b"hash" => b"HLEN",
                    b"zset" => b"ZCARD",
                    b"stream" => b"XLEN",
                    // A command that answers for any key.
                    b"string" => b"STRLEN",
                    _ => b"EXISTS",
                };
                conn.push(&[command, key]);
            }
            conn.flush().map_err(fail)?;
            for (key, kind, bytes) in found {
                let elements = conn.read().map_err(fail)?.int().unwrap_or(0).max(0).unsigned_abs();
                // Type names come from the server: only so many are believed.
                let known = kinds.len() < 64 || kinds.contains_key(&kind);
                let of = kinds.entry(if known { kind.clone() } else { b"other".to_vec() }).or_insert_with(|| Kind {
                    keys: 0,
                    elements: 0,
                    bytes: 0,
                    sizes: [0; 64],
                });
                of.keys += 1;
                of.elements = of.elements.saturating_add(elements);
                of.bytes = of.bytes.saturating_add(bytes);
                of.sizes[bytes.max(1).ilog2() as usize] += 1;
                if biggest.len() < listed || biggest.first().is_some_and(|(least, ..)| *least < bytes) {
                    let place = biggest.partition_point(|(size, ..)| *size <= bytes);
                    biggest.insert(place, (bytes, elements, kind, key));
                    if biggest.len() > listed {
                        biggest.remove(0);
                    }
                }
            }
            if !options.interval.is_zero() {
                std::thread::sleep(options.interval);
            }
        }
    }
    print(&kinds, &biggest);
    Ok(())
}

fn print(kinds: &BTreeMap<Vec<u8>, Kind>, biggest: &[(u64, u64, Vec<u8>, Vec<u8>)]) {
    let name = |kind: &[u8]| String::from_utf8_lossy(&super::format::harmless(kind)).into_owned();
    out::text("# Biggest keys by memory\n");
    for (bytes, elements, kind, key) in biggest.iter().rev() {
        out::text(&format!("{:>10} {:>12} {:<7} ", human(*bytes as i64), elements, name(kind)));
        out::bytes(&quote(key));
        out::text("\n");
    }
    out::text("\n# Types\n      type         keys       elements     memory   average\n");
    let (mut keys, mut total) = (0, 0u64);
    for (kind, of) in kinds {
        keys += of.keys;
        total = total.saturating_add(of.bytes);
        out::text(&format!(
            "{:>10} {:>12} {:>14} {:>10} {:>9}\n",
            name(kind),
            of.keys,
            of.elements,
            human(of.bytes as i64),
            human((of.bytes / of.keys.max(1)) as i64)
        ));
    }
    out::text(&format!("{:>10} {keys:>12} {:>14} {:>10}\n", "all", "", human(total as i64)));
    out::text("\n# Keys by memory\n       below         keys       share\n");
    let mut so_far = 0;
    for power in 0..64 {
        let here: u64 = kinds.values().map(|of| of.sizes[power]).sum();
        so_far += here;
        if here > 0 {
            let below = 1i64.checked_shl(power as u32 + 1).filter(|n| *n > 0).unwrap_or(i64::MAX);
            out::text(&format!(
                "{:>12} {here:>12} {:>10.2}%\n",
                human(below),
                100.0 * so_far as f64 / keys.max(1) as f64
            ));
        }
    }
}
