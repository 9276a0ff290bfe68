//! The server as a whole: INFO, FLUSHALL, SHUTDOWN, the clock.

use crate::engine::blocking::{Block, TimedOut};
use crate::engine::call::Call;
use crate::engine::config::REDIS_VERSION;
use crate::engine::errors::Error;
use crate::engine::spec::{BLANK, Spec};
use crate::engine::{Shutdown, Stopped, info};
use crate::keyspace::Type;

#[rustfmt::skip]
pub const COMMANDS: &[Spec] = &[
    Spec {
        name: "flushall", arity: -1, flags: "write world", acl: "keyspace dangerous", group: "server",
        syntax: "[flush-type<ASYNC@4.0.0|SYNC@6.2.0>]",
        summary: "Removes every key of every database.", complexity: "O(N) in the keys of all databases",
        tips: "request_policy:all_shards response_policy:all_succeeded", run: flushall, ..BLANK
    },
    Spec {
        name: "flushdb", arity: -1, flags: "write world", acl: "keyspace dangerous", group: "server",
        syntax: "[flush-type<ASYNC@4.0.0|SYNC@6.2.0>]",
        summary: "Removes every key of the database.", complexity: "O(N) in the keys of the database",
        tips: "request_policy:all_shards response_policy:all_succeeded", run: flushdb, ..BLANK
    },
    Spec {
        name: "info", arity: -1, flags: "loading stale unlocked", acl: "dangerous", group: "server",
        syntax: "[section...]",
        summary: "Describes the server, its load and its statistics.", complexity: "O(1)",
        tips: "nondeterministic_output request_policy:all_shards response_policy:special", run: info, ..BLANK
    },
    Spec {
        name: "monitor", arity: 1, flags: "admin noscript loading stale", group: "server",
        summary: "Shows every command that the server receives, as it comes.",
        complexity: "O(1), the cost comes with each command shown", run: monitor, ..BLANK
    },
    Spec {
        name: "lolwut", arity: -1, flags: "readonly fast", group: "server", since: "5.0.0",
        syntax: "[VERSION version:int]",
        summary: "Draws something, and tells the version.", complexity: "O(1)", run: lolwut, ..BLANK
    },
    Spec {
        name: "shutdown", arity: -1, flags: "admin noscript loading stale no_multi allow_busy", group: "server",
        syntax: "[save-selector<NOSAVE|SAVE>] [NOW@7.0.0] [FORCE@7.0.0] [ABORT@7.0.0]",
        summary: "Saves if so configured and stops the server.", complexity: "O(N) in the keys when saving, else O(1)",
        run: shutdown, ..BLANK
    },
    Spec {
        name: "time", arity: 1, flags: "loading stale fast", group: "server", since: "2.6.0",
        summary: "Tells the server's clock.", complexity: "O(1)", tips: "nondeterministic_output", run: time, ..BLANK
    },
];

/// INFO [section …]
fn info(c: &mut Call<'_>) -> Result<(), Error> {
    let mut source = info::Source { engine: c.engine, access: c.ks.access, rng: c.ks.rng, now_ms: c.ks.now_ms };
    let text = info::render(&mut source, c.args.skip(1));
    c.reply.verbatim("txt", text.as_bytes());
    Ok(())
}

/// TIME: seconds and microseconds, by the clock on the wall.
fn time(c: &mut Call<'_>) -> Result<(), Error> {
    let us = c.engine.os().now_us();
    c.reply.array(2);
    c.reply.bulk_int(us / 1_000_000);
    c.reply.bulk_int(us % 1_000_000);
    Ok(())
}

fn flushall(c: &mut Call<'_>) -> Result<(), Error> {
    flush(c, None)
}

fn flushdb(c: &mut Call<'_>) -> Result<(), Error> {
    let db = c.session.db;
    flush(c, Some(db))
}

/// SYNC and ASYNC differ in nothing that a client could see: what was taken out is always freed apart.
fn flush(c: &mut Call<'_>, db: Option<u32>) -> Result<(), Error> {
    match c.args.len() {
        1 => {}
        2 if c.args.is(1, "sync") || c.args.is(1, "async") => {}
        _ => return Err(Error::Syntax),
    }
    let (keys, tables) = c.ks.flush(db);
    c.engine.tracking.flushed(c.engine, c.post);
    if keys > 0 {
        c.engine.free_apart(keys, tables);
    }
    c.reply.ok();
    Ok(())
}

/// SHUTDOWN [NOSAVE|SAVE] [NOW] [FORCE], SHUTDOWN ABORT. If it goes well there is no reply: the connection ends.
fn shutdown(c: &mut Call<'_>) -> Result<(), Error> {
    let (mut how, mut abort) = (Shutdown::default(), false);
    for i in 1..c.args.len() {
        if c.args.is(i, "nosave") && how.save != Some(true) {
            how.save = Some(false);
        } else if c.args.is(i, "save") && how.save != Some(false) {
            how.save = Some(true);
        } else if c.args.is(i, "now") {
            how.now = true;
        } else if c.args.is(i, "force") {
            how.force = true;
        } else if c.args.is(i, "abort") {
            abort = true;
        } else {
            return Err(Error::Syntax);
        }
    }
    if abort && how != Shutdown::default() {
        return Err(Error::Syntax);
    }
    if !abort && c.engine.scripts.running.overruns() {
        if how.save != Some(false) {
            return Err(Error::BUSY_SCRIPT);
        }
        (how.busy, how.now) = (true, true);
    }
    let hooks = c.engine.hooks().ok_or(Error::SHUTDOWN_FAILED)?;
    if abort {
        if !hooks.abort_shutdown() {
            return Err(Error::NO_SHUTDOWN);
        }
        c.reply.ok();
        return Ok(());
    }
    match hooks.shutdown(how, &c.session.client, c.ks.access) {
        Stopped::Failed => Err(Error::SHUTDOWN_FAILED),
        Stopped::Waits => {
            let timed_out = TimedOut::Null;
            c.block(Block { keys: Vec::new(), wants: Type::String, until_ms: None, words: None, timed_out })
        }
    }
}

/// The canvas's bounds, in characters.
const COLUMNS: std::ops::RangeInclusive<i64> = 1..=160;
const ROWS: std::ops::RangeInclusive<i64> = 1..=60;

/// From now on the client sees what others do; RESET ends it.
fn monitor(c: &mut Call<'_>) -> Result<(), Error> {
    if c.session.internal {
        return Err(Error::err("MONITOR isn't allowed for DENY BLOCKING client"));
    }
    c.engine.monitors.add(c.engine, &c.session.client);
    c.reply.ok();
    Ok(())
}

/// LOLWUT [VERSION n] [columns] [rows]: a cellular automaton, each time another of those worth a look, grown from one cell or
/// from noise. Four lines of cells to a line of text, in dots of Braille.
fn lolwut(c: &mut Call<'_>) -> Result<(), Error> {
    let mut words = c.args.skip(1);
    if words.is(0, "version") && words.len() >= 2 {
        crate::base::numbers::parse_i64(words.at(1)).ok_or(Error::NotInteger)?;
        words = words.skip(2);
    }
    let number = |i: usize, default: i64| match words.get(i) {
        None => Ok(default),
        Some(word) => crate::base::numbers::parse_i64(word).ok_or(Error::NotInteger),
    };
    let columns = number(0, 64)?.clamp(*COLUMNS.start(), *COLUMNS.end()) as usize;
    let rows = number(1, 20)?.clamp(*ROWS.start(), *ROWS.end()) as usize;
    const RULES: [u8; 8] = [18, 30, 45, 60, 90, 105, 110, 150];
    let rule = RULES[c.ks.rng.below(RULES.len() as u64) as usize];
    let mut cells = vec![false; columns * 2];
    if c.ks.rng.below(2) == 0 {
        cells[columns] = true;
    } else {
        cells.iter_mut().for_each(|cell| *cell = c.ks.rng.below(2) == 0);
    }
    let mut text = String::new();
    for _ in 0..rows {
        let mut dots = vec![0u32; columns];
        for bits in BRAILLE {
            for (x, _) in cells.iter().enumerate().filter(|(_, alive)| **alive) {
                dots[x / 2] |= bits[x % 2];
            }
            cells = next(&cells, rule);
        }
        text.extend(dots.into_iter().filter_map(|d| char::from_u32(0x2800 + d)));
        text.push('\n');
    }
    text += &format!("\nRule {rule}, one line of cells out of the one above.\nRedis ver. {REDIS_VERSION}\n");
    c.reply.verbatim("txt", text.as_bytes());
    Ok(())
}

/// The bit of each dot: four lines of two.
const BRAILLE: [[u32; 2]; 4] = [[1, 8], [2, 16], [4, 32], [64, 128]];

/// The next line: each cell by its own state and its neighbours', on a ring.
fn next(cells: &[bool], rule: u8) -> Vec<bool> {
    let n = cells.len();
    let state =
        |i: usize| u8::from(cells[(i + n - 1) % n]) << 2 | u8::from(cells[i]) << 1 | u8::from(cells[(i + 1) % n]);
    (0..n).map(|i| rule >> state(i) & 1 != 0).collect()
}
