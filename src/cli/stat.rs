//! `--stat`: figures of INFO, a line each second or `-i`, in redis-cli's columns.

use super::{
    out,
    session::{Failed, Session},
};
use crate::resp::harmless::harmless_text;
use std::time::Duration;

pub fn run(session: &mut Session<'_>) -> Result<(), Failed> {
    let asked = session.options.interval;
    let pace = if asked.is_zero() { Duration::from_secs(1) } else { asked };
    let mut before = None;
    session.conn()?;
    for line in 0u64.. {
        let info = match session.ask(&[b"INFO"]) {
            Ok(reply) if reply.error().is_some() => {
                eprintln!("ERROR: {}", harmless_text(reply.error().unwrap_or_default()));
                return Err(Failed);
            }
            Ok(reply) => String::from_utf8_lossy(reply.text().unwrap_or_default()).into_owned(),
            Err(Failed) => {
                session.conn = None;
                std::thread::sleep(pace);
                continue;
            }
        };
        if line % 20 == 0 {
            out::text(
                "------- data ------ --------------------- load -------------------- - child -\n\
                 keys       mem      clients blocked requests            connections          \n",
            );
        }
        out::text(&row(&info, &mut before));
        out::flush();
        std::thread::sleep(pace);
    }
    Ok(())
}

fn field(info: &str, name: &str) -> i64 {
    let found = info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    found.and_then(|value| value.trim().parse().ok()).unwrap_or(0)
}

fn row(info: &str, before: &mut Option<i64>) -> String {
    let keys: i64 = info
        .lines()
        .filter_map(|line| {
            let (db, rest) = line.split_once(":keys=")?;
            db.strip_prefix("db")?.parse::<u32>().ok()?;
            rest.split(',').next()?.parse::<i64>().ok()
        })
        // What a server says may be beyond any number of keys.
        .fold(0, i64::saturating_add);
    let requests = field(info, "total_commands_processed");
    let more = requests.saturating_sub(before.replace(requests).unwrap_or(requests));
    let does = |name: &str| usize::from(field(info, name) != 0);
    let child = does("rdb_bgsave_in_progress") | does("aof_rewrite_in_progress") << 1 | does("loading") << 2;
    let child = ["", "SAVE", "AOF", "SAVE+AOF"].get(child).copied().unwrap_or("LOAD");
    format!(
        "{:<11}{:<8} {:<7} {:<7} {:<19} {:<12}{child}\n",
        keys,
        human(field(info, "used_memory")),
        field(info, "connected_clients"),
        field(info, "blocked_clients"),
        format!("{requests} (+{more})"),
        field(info, "total_connections_received"),
    )
}

/// Bytes as redis-cli shows them: two places, a letter.
pub fn human(bytes: i64) -> String {
    let units = ["B", "K", "M", "G", "T", "P"];
    let mut n = bytes as f64;
    let mut unit = 0;
    while n.abs() >= 1024.0 && unit + 1 < units.len() {
        n /= 1024.0;
        unit += 1;
    }
    if unit == 0 { format!("{bytes}B") } else { format!("{n:.2}{}", units[unit]) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_redis_clis() {
        let info = "used_memory:1940000\r\nconnected_clients:1\r\nblocked_clients:0\r\ntotal_commands_processed:2708748\r\n\
                    total_connections_received:110\r\ndb0:keys=90,expires=0\r\ndb3:keys=9,expires=0\r\n";
        let mut before = None;
        let line = "99         1.85M    1       0       2708748 (+0)        110         \n";
        assert_eq!(row(info, &mut before), line);
        assert_eq!(row(info, &mut before).len(), line.len());
        assert_eq!((human(0), human(1023), human(1024)), ("0B".into(), "1023B".into(), "1.00K".into()));
    }
}
