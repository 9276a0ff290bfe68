//! `--bigkeys` and `--memkeys`: the biggest key of each type by elements or by memory, and averages. One pass of SCAN, with the
//! types and sizes of a page asked for at once. The words match redis-cli 7.0.15's.

use super::{
    out,
    scan::{PAGE, Walk, fail, targets},
    session::{Failed, Session},
};
use crate::{client::Conn, resp::Value, resp::inline::quote};

struct Kind {
    name: Vec<u8>,
    /// The command that tells the number of elements, and what they are called.
    size: Option<&'static str>,
    unit: &'static str,
    biggest: u64,
    biggest_key: Vec<u8>,
    count: u64,
    total: u64,
}

/// In the order of redis-cli's summary.
const KINDS: &[(&str, &str, &str)] = &[
    ("list", "LLEN", "items"),
    ("hash", "HLEN", "fields"),
    ("string", "STRLEN", "bytes"),
    ("stream", "XLEN", "entries"),
    ("set", "SCARD", "members"),
    ("zset", "ZCARD", "members"),
];

/// More types than a server with modules has; what comes beyond them is counted under the last.
const MOST_KINDS: usize = 64;

/// `memory`: by memory, and how many elements of each key MEMORY USAGE samples.
pub fn run(session: &mut Session<'_>, memory: Option<Option<u64>>) -> Result<(), Failed> {
    session.conn()?;
    let options = session.options;
    let unit = |unit: &'static str| if memory.is_some() { "bytes" } else { unit };
    let mut kinds: Vec<Kind> =
        KINDS.iter().map(|(name, size, named)| new_kind(name.as_bytes(), Some(size), unit(named))).collect();
    let (mut sampled, mut key_bytes, mut total_keys) = (0u64, 0u64, 0u64);
    let targets = targets(session)?;
    out::text(
        "\n# Scanning the entire keyspace to find biggest keys as well as\n\
         # average sizes per key type.  You can use -i 0.1 to sleep 0.1 sec\n\
         # per 100 SCAN commands (not usually needed).\n\n",
    );
    for target in &targets {
        goto(session, target)?;
        let here = session.ask(&[b"DBSIZE"])?.int().unwrap_or(0).max(0).unsigned_abs();
        total_keys = here.saturating_add(total_keys);
    }
    for target in &targets {
        goto(session, target)?;
        let mut walk = Walk::new(options.pattern.as_deref(), options.count.unwrap_or(PAGE), options.cursor);
        let conn = session.conn()?;
        let mut pages = 0u64;
        while let Some(keys) = walk.next(conn, false)? {
            let percent = 100.0 * sampled as f64 / total_keys.max(1) as f64;
            let percent = percent.min(100.0);
            let keys: Vec<Vec<u8>> = keys.into_iter().filter_map(into_bytes).collect();
            let types = types_of(conn, &keys, &mut kinds, unit("?"))?;
            let sizes = sizes_of(conn, &keys, &types, &kinds, memory)?;
            for ((key, kind), size) in keys.iter().zip(types).zip(sizes) {
                sampled += 1;
                key_bytes += key.len() as u64;
                if sampled.is_multiple_of(1_000_000) {
                    out::text(&format!("[{percent:05.2}%] Sampled {sampled} keys so far\n"));
                    out::flush();
                }
                // Gone meanwhile.
                let Some(kind) = kind.map(|kind| &mut kinds[kind]) else { continue };
                kind.count += 1;
                kind.total = kind.total.saturating_add(size);
                if size > kind.biggest {
                    out::text(&format!(
                        "[{percent:05.2}%] Biggest {:<6} found so far '",
                        String::from_utf8_lossy(&kind.name)
                    ));
                    out::bytes(&quote(key));
                    out::text(&format!("' with {size} {}\n", kind.unit));
                    out::flush();
                    (kind.biggest, kind.biggest_key) = (size, key.clone());
                }
            }
            pages += 1;
            if pages.is_multiple_of(100) && !options.interval.is_zero() {
                std::thread::sleep(options.interval);
            }
        }
    }
    summary(&kinds, sampled, key_bytes);
    Ok(())
}

fn goto(session: &mut Session<'_>, target: &crate::client::Target) -> Result<(), Failed> {
    if target.addr != session.target.addr {
        session.target = target.clone();
        session.connect()?;
    }
    Ok(())
}

pub fn into_bytes(value: Value) -> Option<Vec<u8>> {
    match value {
        Value::Bulk(text) | Value::Simple(text) => Some(text),
        _ => None,
    }
}

fn new_kind(name: &[u8], size: Option<&'static str>, unit: &'static str) -> Kind {
    Kind { name: name.to_vec(), size, unit, biggest: 0, biggest_key: Vec::new(), count: 0, total: 0 }
}

/// The index of each key's type; `None`: the key is gone.
fn types_of(
    conn: &mut Conn,
    keys: &[Vec<u8>],
    kinds: &mut Vec<Kind>,
    unit: &'static str,
) -> Result<Vec<Option<usize>>, Failed> {
    keys.iter().for_each(|key| conn.push(&[b"TYPE".as_slice(), key]));
    conn.flush().map_err(fail)?;
    let mut types = Vec::with_capacity(keys.len());
    for _ in keys {
        let frame = conn.frame().map_err(fail)?;
        let name = match frame {
            [b'+', name @ .., b'\r', b'\n'] => name,
            [b'-', error @ ..] => {
                eprintln!(
                    "TYPE returned an error: {}",
                    String::from_utf8_lossy(&super::format::harmless(error)).trim()
                );
                return Err(Failed);
            }
            _ => {
                eprintln!("Invalid reply from TYPE");
                return Err(Failed);
            }
        };
        types.push(match kinds.iter().position(|kind| kind.name == name) {
            Some(kind) => Some(kind),
            None if name == b"none" => None,
            None => {
                if kinds.len() < MOST_KINDS {
                    kinds.push(new_kind(&super::format::harmless(name), None, unit));
                }
                Some(kinds.len() - 1)
            }
        });
    }
    Ok(types)
}

/// The size of each key; 0 for a type without a measure and for what changed its type meanwhile.
fn sizes_of(
    conn: &mut Conn,
    keys: &[Vec<u8>],
    types: &[Option<usize>],
    kinds: &[Kind],
    memory: Option<Option<u64>>,
) -> Result<Vec<u64>, Failed> {
    let samples = memory.flatten().map(|n| n.to_string());
    let mut asked = Vec::with_capacity(keys.len());
    for (key, kind) in keys.iter().zip(types) {
        let command = kind.and_then(|kind| kinds[kind].size);
        asked.push(match (memory, command, kind) {
            (_, _, None) | (None, None, _) => false,
            (Some(_), ..) => {
                let mut words: Vec<&[u8]> = vec![b"MEMORY", b"USAGE", key];
                words.extend(samples.iter().flat_map(|n| [b"SAMPLES".as_slice(), n.as_bytes()]));
                conn.push(&words);
                true
            }
            (None, Some(command), _) => {
                conn.push(&[command.as_bytes(), key]);
                true
            }
        });
    }
    conn.flush().map_err(fail)?;
    let mut sizes = Vec::with_capacity(keys.len());
    for asked in asked {
        sizes.push(match asked {
            false => 0,
            true => match conn.frame().map_err(fail)? {
                [b':', digits @ .., b'\r', b'\n'] => crate::base::numbers::parse_u64(digits).unwrap_or(0),
                _ => 0,
            },
        });
    }
    Ok(sizes)
}

fn summary(kinds: &[Kind], sampled: u64, key_bytes: u64) {
    let average = |total: u64, count: u64| if count == 0 { 0.0 } else { total as f64 / count as f64 };
    out::text(&format!(
        "\n-------- summary -------\n\nSampled {sampled} keys in the keyspace!\n\
         Total key length in bytes is {key_bytes} (avg len {:.2})\n\n",
        average(key_bytes, sampled)
    ));
    for kind in kinds.iter().filter(|kind| kind.biggest > 0) {
        out::text(&format!("Biggest {:>6} found '", String::from_utf8_lossy(&kind.name)));
        out::bytes(&quote(&kind.biggest_key));
        out::text(&format!("' has {} {}\n", kind.biggest, kind.unit));
    }
    out::text("\n");
    for kind in kinds {
        out::text(&format!(
            "{} {}s with {} {} ({:05.2}% of keys, avg size {:.2})\n",
            kind.count,
            String::from_utf8_lossy(&kind.name),
            kind.total,
            kind.unit,
            100.0 * average(kind.count, sampled),
            average(kind.total, kind.count)
        ));
    }
}
