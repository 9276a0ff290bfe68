//! Guard rails, from the command's own flags: `--read-only` refuses what writes; at a terminal, what would hit the whole
//! keyspace, stop the server or hold it up is shown and asked about. `--yes` answers; under redis-cli's name nobody asks.

use super::{
    on_terminal, out,
    session::{Failed, Session},
};
use crate::{
    engine::{
        flags::{Categories, Flags},
        table,
    },
    resp::OwnedArgs,
};
use rustix::termios::isatty;
use std::io;

/// Keys, or elements of one, from which on a walk over all of them is worth a question.
const MANY: i64 = 100_000;

/// False if the command is not to be sent; why was said.
pub fn allows(session: &mut Session<'_>, words: &[Vec<u8>]) -> bool {
    if words.is_empty() {
        return true;
    }
    let read_only = session.options.read_only;
    let asks = session.own && !session.options.yes && on_terminal() && isatty(io::stdin());
    if !read_only && !asks {
        return true;
    }
    crate::commands::install();
    if read_only && writes(session, words) {
        eprintln!(
            "refused: {} may write, and this session is read-only",
            String::from_utf8_lossy(&super::format::harmless(&words[0]))
        );
        return false;
    }
    if !asks || session.in_multi {
        return true;
    }
    match harm(session, words) {
        Ok(Some(harm)) => agreed(&harm),
        // What cannot be asked will fail by itself.
        Ok(None) | Err(Failed) => true,
    }
}

/// Whether a command may change data: by our table, else by the server's; what nobody knows may.
fn writes(session: &mut Session<'_>, words: &[Vec<u8>]) -> bool {
    let args = OwnedArgs::new(words);
    if super::help::is_asked(&words[0]) {
        return false;
    }
    if let Some(command) = table::find_words(args.args()) {
        let script = command.categories.has(Categories::SCRIPTING) && !command.name.ends_with("_ro");
        let admin =
            command.flags.has(Flags::ADMIN) && !command.name.ends_with("|get") && !command.name.ends_with("|help");
        return command.flags.has(Flags::WRITE)
            || command.flags.has(Flags::MAY_REPLICATE) && !command.flags.has(Flags::PUBSUB)
            || script
            || admin;
    }
    let known = session.ask(&[b"COMMAND", b"INFO", &words[0]]);
    let flags = known.ok().and_then(|reply| reply.items()?.first()?.items()?.get(2).cloned());
    let Some(flags) = flags else { return true };
    let has = |name: &str| flags.items().unwrap_or_default().iter().any(|flag| flag.text() == Some(name.as_bytes()));
    !has("readonly") && !has("fast") && !has("pubsub") || has("write") || has("admin")
}

/// What the command would do that is worth a question.
fn harm(session: &mut Session<'_>, words: &[Vec<u8>]) -> Result<Option<String>, Failed> {
    let args = OwnedArgs::new(words);
    let Some(command) = table::find_words(args.args()) else { return Ok(None) };
    let name = command.name.replace('|', " ").to_ascii_uppercase();
    let dangerous = command.categories.has(Categories::DANGEROUS);
    if !command.takes(words.len()) {
        return Ok(None);
    }
    if command.name == "del" {
        return huge(session, &words[1..]);
    }
    if !dangerous {
        return Ok(None);
    }
    let writes = command.flags.has(Flags::WRITE);
    if writes && !command.keys.any() {
        let all = matches!(command.name.as_str(), "flushall" | "swapdb");
        let what = if all {
            keyspace(session)?
        } else {
            format!("{} keys of database {}", session.ask(&[b"DBSIZE"])?.int().unwrap_or(0), session.db)
        };
        return Ok(Some(format!("{name} hits {what}.")));
    }
    Ok(match command.name.as_str() {
        "keys" => {
            let keys = session.ask(&[b"DBSIZE"])?.int().unwrap_or(0);
            (keys >= MANY).then(|| format!("KEYS walks over {keys} keys while nobody else is served; SCAN does not."))
        }
        "shutdown" | "debug|segfault" | "debug|panic" | "debug|restart" | "debug|crash-and-recover" | "debug|oom" => {
            Some(format!("{name} ends the server at {}.", session.target.addr))
        }
        "replicaof" | "slaveof" if words.get(1).is_some_and(|word| !word.eq_ignore_ascii_case(b"no")) => {
            let lost = keyspace(session)?;
            Some(format!("{name} replaces the data of {} ({lost}).", session.target.addr))
        }
        "failover" | "cluster|reset" | "cluster|flushslots" => Some(format!("{name} changes who serves what.")),
        _ => None,
    })
}

fn keyspace(session: &mut Session<'_>) -> Result<String, Failed> {
    let info = session.ask(&[b"INFO", b"keyspace"])?;
    let text = String::from_utf8_lossy(info.text().unwrap_or_default()).into_owned();
    let (mut keys, mut databases) = (0u64, 0);
    for line in text.lines() {
        if let Some((_, rest)) = line.split_once(":keys=") {
            let here = rest.split(',').next().and_then(|n| n.parse::<u64>().ok()).unwrap_or(0);
            keys = keys.saturating_add(here);
            databases += 1;
        }
    }
    Ok(format!("{keys} keys in {databases} databases"))
}

/// DEL frees what it deletes before it answers.
fn huge(session: &mut Session<'_>, keys: &[Vec<u8>]) -> Result<Option<String>, Failed> {
    for key in keys.iter().take(100) {
        let kind = session.ask(&[b"TYPE", key])?;
        let size: &[u8] = match kind.text() {
            Some(b"list") => b"LLEN",
            Some(b"set") => b"SCARD",
            Some(b"hash") => b"HLEN",
            Some(b"zset") => b"ZCARD",
            Some(b"stream") => b"XLEN",
            _ => continue,
        };
        let count = session.ask(&[size, key])?.int().unwrap_or(0);
        if count >= MANY {
            let key = String::from_utf8_lossy(&crate::resp::inline::quote(key)).into_owned();
            return Ok(Some(format!("{key} has {count} elements: DEL holds the server up, UNLINK does not.")));
        }
    }
    Ok(None)
}

fn agreed(harm: &str) -> bool {
    out::text(&format!("{harm} Go on? (yes/no) "));
    out::flush();
    let mut line = String::new();
    let yes = io::stdin().read_line(&mut line).is_ok() && matches!(line.trim(), "yes" | "y");
    if !yes {
        out::text("not sent\n");
        out::flush();
    }
    yes
}
