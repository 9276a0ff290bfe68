//! `--hotkeys`: the keys used most, by the counters that an LFU policy keeps.

use super::{
    bigkeys::into_bytes,
    out,
    scan::{PAGE, Walk, fail, targets},
    session::{Failed, Session},
};
use crate::resp::{Value, inline::quote};

/// How many are told.
const TOLD: usize = 16;

pub fn run(session: &mut Session<'_>) -> Result<(), Failed> {
    session.conn()?;
    let options = session.options;
    let targets = targets(session)?;
    let total_keys = session.ask(&[b"DBSIZE"])?.int().unwrap_or(0).max(1);
    out::text(
        "\n# Scanning the entire keyspace to find hot keys as well as\n\
         # average sizes per key type.  You can use -i 0.1 to sleep 0.1 sec\n\
         # per 100 SCAN commands (not usually needed).\n\n",
    );
    // The coldest first.
    let mut hottest: Vec<(i64, Vec<u8>)> = Vec::new();
    let mut sampled = 0u64;
    for target in targets {
        if target.addr != session.target.addr {
            session.target = target;
            session.connect()?;
        }
        let mut walk = Walk::new(options.pattern.as_deref(), options.count.unwrap_or(PAGE), options.cursor);
        let conn = session.conn()?;
        let mut pages = 0u64;
        while let Some(keys) = walk.next(conn, false)? {
            let percent = (100.0 * sampled as f64 / total_keys as f64).min(100.0);
            let keys: Vec<Vec<u8>> = keys.into_iter().filter_map(into_bytes).collect();
            keys.iter().for_each(|key| conn.push(&[b"OBJECT".as_slice(), b"FREQ", key]));
            conn.flush().map_err(fail)?;
            for key in keys {
                let counter = match conn.read().map_err(fail)?.plain() {
                    Value::Int(n) => n,
                    Value::Error(text) if !text.starts_with(b"ERR no such key") => {
                        out::flush();
                        eprintln!("Error: {}", String::from_utf8_lossy(&super::format::harmless(&text)));
                        return Err(Failed);
                    }
                    // Gone meanwhile.
                    _ => continue,
                };
                sampled += 1;
                if sampled.is_multiple_of(1_000_000) {
                    out::text(&format!("[{percent:05.2}%] Sampled {sampled} keys so far\n"));
                }
                if counter <= hottest.first().filter(|_| hottest.len() == TOLD).map_or(0, |(n, _)| *n) {
                    continue;
                }
                out::text(&format!("[{percent:05.2}%] Hot key '"));
                out::bytes(&quote(&key));
                out::text(&format!("' found so far with counter {counter}\n"));
                out::flush();
                if hottest.len() == TOLD {
                    hottest.remove(0);
                }
                let place = hottest.partition_point(|(n, _)| *n <= counter);
                hottest.insert(place, (counter, key));
            }
            pages += 1;
            if pages.is_multiple_of(100) && !options.interval.is_zero() {
                std::thread::sleep(options.interval);
            }
        }
    }
    out::text(&format!("\n-------- summary -------\n\nSampled {sampled} keys in the keyspace!\n"));
    for (counter, key) in hottest.iter().rev() {
        out::text(&format!("hot key found with counter: {counter}\tkeyname: "));
        out::bytes(&quote(key));
        out::text("\n");
    }
    Ok(())
}
