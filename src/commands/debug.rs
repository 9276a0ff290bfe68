//! DEBUG: what test suites, ours and those of other projects, want of a server. Closed unless `enable-debug-command` opens it.
//!
//! A subcommand that this server has no ground for (MALLCTL) is unknown, as in a Redis that lacks
//! it. Switches of Redis's inner workings which mean nothing here are accepted.

use crate::base::numbers::parse_i64;
use crate::base::units::parse_memory;
use crate::engine::blocking::{Block, TimedOut};
use crate::engine::call::{Call, Effect};
use crate::engine::digest::Digest;
use crate::engine::errors::Error;
use crate::engine::persist::Reload;
use crate::engine::spec::{BLANK, Spec};
use crate::engine::{Crash, LogLevel, protect};
use crate::keyspace::{Entry, Key, NewValue, Str, Type};
use crate::resp::Proto;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

#[rustfmt::skip]
pub const COMMANDS: &[Spec] = &[
    Spec {
        name: "debug", arity: -2, flags: "admin noscript loading stale syscmd protected world", group: "server",
        summary: "Groups the commands with which the server itself is tested.", complexity: "Depends on the subcommand",
        run: debug, ..BLANK
    },
];

type Handler = fn(&mut Call<'_>) -> Result<(), Error>;

struct Sub {
    name: &'static str,
    /// Words that follow the name.
    words: std::ops::RangeInclusive<usize>,
    usage: &'static str,
    purpose: &'static str,
    run: Handler,
}

const MANY: usize = usize::MAX;

#[rustfmt::skip]
const SUBS: &[Sub] = &[
    Sub { name: "assert", words: 0..=0, usage: "", purpose: "Crash.", run: |c| crash(c, Crash::Panic("DEBUG PANIC was called".into())) },
    Sub { name: "change-repl-id", words: 0..=0, usage: "", purpose: "Begin another replication history.", run: change_repl_id },
    Sub { name: "client-enforce-reply-list", words: 1..=1, usage: "<0|1>", purpose: "Accepted; means nothing here.", run: accept },
    Sub { name: "dict-resizing", words: 1..=1, usage: "<0|1>", purpose: "Accepted; means nothing here.", run: accept },
    Sub { name: "digest", words: 0..=0, usage: "", purpose: "Tell a number that equal datasets share, here and in Redis.", run: digest },
    Sub { name: "digest-value", words: 0..=MANY, usage: "<key> [<key> ...]", purpose: "The same for the values of keys.", run: digest_value },
    Sub { name: "drop-cluster-packet-filter", words: 1..=1, usage: "<type>", purpose: "Accepted; means nothing here.", run: accept },
    Sub { name: "error", words: 1..=1, usage: "<text>", purpose: "Answer with this error.", run: error },
    Sub { name: "htstats", words: 1..=2, usage: "<db> [full]", purpose: "Describe a database's tables.", run: htstats },
    Sub { name: "htstats-key", words: 1..=2, usage: "<key> [full]", purpose: "Describe the table of a key's value.", run: htstats_key },
    Sub { name: "leak", words: 1..=1, usage: "<text>", purpose: "Lose the memory of a text.", run: leak },
    Sub { name: "listpack", words: 1..=1, usage: "<key>", purpose: "Describe a value kept in one piece.", run: listpack },
    Sub { name: "log", words: 1..=1, usage: "<text>", purpose: "Write to the log.", run: log },
    Sub { name: "object", words: 1..=2, usage: "<key> [fast]", purpose: "Describe a key's value as it is stored.", run: object },
    Sub { name: "oom", words: 0..=0, usage: "", purpose: "Crash as if memory had run out.", run: |c| crash(c, Crash::OutOfMemory) },
    Sub { name: "panic", words: 0..=0, usage: "", purpose: "Crash.", run: |c| crash(c, Crash::Panic("DEBUG PANIC was called".into())) },
    Sub { name: "pause-cron", words: 1..=1, usage: "<0|1>", purpose: "Stop or resume what is done periodically.", run: pause_cron },
    Sub { name: "populate", words: 1..=3, usage: "<count> [<prefix>] [<size>]", purpose: "Create keys <prefix>:<n>.", run: populate },
    Sub { name: "protocol", words: 1..=1, usage: "<type>", purpose: "Answer with a sample of a type of the protocol.", run: protocol },
    Sub { name: "quicklist", words: 1..=2, usage: "<key> [<0|1>]", purpose: "Describe a list's nodes.", run: quicklist },
    Sub { name: "quicklist-packed-threshold", words: 1..=1, usage: "<bytes>", purpose: "Checked; lists here decide by themselves.", run: packed_threshold },
    Sub { name: "loadaof", words: 0..=0, usage: "", purpose: "Replace the dataset by what the append-only file says.", run: loadaof },
    Sub { name: "reload", words: 0..=3, usage: "[NOSAVE] [NOFLUSH] [MERGE]", purpose: "Write a snapshot, and replace the dataset by what it says.", run: reload },
    Sub { name: "replicate", words: 1..=MANY, usage: "<command> [<arg> ...]", purpose: "Send a command to the log and the replicas only.", run: replicate },
    Sub { name: "replybuffer", words: 2..=2, usage: "PEAK-RESET-TIME <ms|never|reset> | RESIZING <0|1>", purpose: "Accepted; means nothing here.", run: replybuffer },
    Sub { name: "segfault", words: 0..=0, usage: "", purpose: "Crash by a bad memory access.", run: |c| crash(c, Crash::Segfault) },
    Sub { name: "set-active-expire", words: 1..=1, usage: "<0|1>", purpose: "Whether expired keys are removed before somebody asks.", run: set_active_expire },
    Sub { name: "set-skip-checksum-validation", words: 1..=1, usage: "<0|1>", purpose: "Accepted; means nothing here.", run: accept },
    Sub { name: "sleep", words: 1..=1, usage: "<seconds>", purpose: "Stop the server for some time.", run: sleep },
    Sub { name: "stack-overflow", words: 0..=0, usage: "", purpose: "Crash by calls without end.", run: |c| crash(c, Crash::StackOverflow) },
    Sub { name: "stringmatch-len", words: 2..=2, usage: "<length> <pattern>", purpose: "Match a text of so many `a` against a pattern.", run: stringmatch_len },
    Sub { name: "stringmatch-test", words: 0..=0, usage: "", purpose: "Accepted; the project's own tests do it.", run: accept },
    Sub { name: "structsize", words: 0..=0, usage: "", purpose: "Tell sizes of data structures.", run: structsize },
    Sub { name: "help", words: 0..=0, usage: "", purpose: "Explain the subcommands.", run: help },
];

fn debug(c: &mut Call<'_>) -> Result<(), Error> {
    if !protect::is_allowed(c.engine.config.enable_debug_command.get(), c.session) {
        return Err(Error::protected("DEBUG", "enable-debug-command"));
    }
    let word = c.args.at(1);
    let words = c.args.len() - 2;
    let sub = SUBS.iter().find(|s| s.name.as_bytes().eq_ignore_ascii_case(word) && s.words.contains(&words));
    let run = sub.ok_or_else(|| Error::unknown_or_arity(word, "DEBUG"))?.run;
    run(c)
}

fn help(c: &mut Call<'_>) -> Result<(), Error> {
    c.reply.array(1 + 2 * SUBS.len());
    c.reply.simple("DEBUG <subcommand> [<arg> [value] [opt] ...]. Subcommands are:");
    for s in SUBS {
        c.reply.simple(format!("{} {}", s.name.to_ascii_uppercase(), s.usage).trim_end());
        c.reply.simple(&format!("    {}", s.purpose));
    }
    Ok(())
}

fn accept(c: &mut Call<'_>) -> Result<(), Error> {
    c.reply.ok();
    Ok(())
}

/// C's `atoi` of a switch: anything but a number other than 0 is off.
fn is_on(c: &Call<'_>, i: usize) -> bool {
    parse_i64(c.args.at(i)).is_some_and(|n| n != 0)
}

fn crash(c: &mut Call<'_>, how: Crash) -> Result<(), Error> {
    if let Some(hooks) = c.engine.hooks() {
        hooks.crash(how);
    }
    c.reply.ok();
    Ok(())
}

fn sleep(c: &mut Call<'_>) -> Result<(), Error> {
    // As `strtod`: what is no number is no time.
    let seconds = std::str::from_utf8(c.args.at(2)).ok().and_then(|s| s.trim().parse::<f64>().ok()).unwrap_or(0.0);
    c.engine.os().sleep(Duration::try_from_secs_f64(seconds).unwrap_or_default());
    c.reply.ok();
    Ok(())
}

fn log(c: &mut Call<'_>) -> Result<(), Error> {
    let text = format!("DEBUG LOG: {}", String::from_utf8_lossy(c.args.at(2)));
    c.engine.log(LogLevel::Warning, &text);
    c.reply.ok();
    Ok(())
}

fn error(c: &mut Call<'_>) -> Result<(), Error> {
    Err(Error::Coded(crate::base::quoted::quoted(c.args.at(2)).into()))
}

fn leak(c: &mut Call<'_>) -> Result<(), Error> {
    std::mem::forget(c.args.at(2).to_vec());
    c.reply.ok();
    Ok(())
}

fn change_repl_id(c: &mut Call<'_>) -> Result<(), Error> {
    c.engine.log(LogLevel::Notice, "Changing replication IDs after receiving change-repl-id");
    c.engine.replication.new_history();
    c.reply.ok();
    Ok(())
}

fn set_active_expire(c: &mut Call<'_>) -> Result<(), Error> {
    c.engine.active_expire.store(is_on(c, 2), Relaxed);
    c.reply.ok();
    Ok(())
}

fn pause_cron(c: &mut Call<'_>) -> Result<(), Error> {
    c.engine.cron_paused.store(is_on(c, 2), Relaxed);
    c.reply.ok();
    Ok(())
}

fn replybuffer(c: &mut Call<'_>) -> Result<(), Error> {
    if c.args.is(2, "peak-reset-time") {
        if !c.args.is(3, "never") && !c.args.is(3, "reset") {
            c.int(3)?;
        }
    } else if !c.args.is(2, "resizing") {
        return Err(Error::unknown_or_arity(c.args.at(1), "DEBUG"));
    }
    c.reply.ok();
    Ok(())
}

fn packed_threshold(c: &mut Call<'_>) -> Result<(), Error> {
    let bytes = std::str::from_utf8(c.args.at(2)).ok().and_then(parse_memory);
    bytes.filter(|n| *n <= 4 << 30).ok_or(Error::PACKED_THRESHOLD)?;
    c.reply.ok();
    Ok(())
}

/// DEBUG RELOAD [NOSAVE] [NOFLUSH] [MERGE]
fn reload(c: &mut Call<'_>) -> Result<(), Error> {
    let mut how = Reload::default();
    for i in 2..c.args.len() {
        match c.args.at(i).to_ascii_lowercase().as_slice() {
            b"nosave" => how.nosave = true,
            b"noflush" => how.noflush = true,
            b"merge" => how.merge = true,
            _ => return Err(Error::RELOAD_OPTION),
        }
    }
    let hooks = c.engine.hooks().and_then(|h| h.persistence()).ok_or(Error::NO_PERSISTENCE)?;
    hooks.reload(c.ks.access, how)?;
    c.reply.ok();
    Ok(())
}

/// The log's commands need the keyspace that this one holds, so it waits for them like a client of BLPOP.
fn loadaof(c: &mut Call<'_>) -> Result<(), Error> {
    let hooks = c.engine.hooks().and_then(|h| h.persistence()).ok_or(Error::NO_PERSISTENCE)?;
    if !c.may_block() {
        return Err(Error::err("DEBUG LOADAOF is not allowed inside a transaction"));
    }
    hooks.reload_log(&c.session.client);
    let timed_out = TimedOut::Never;
    c.block(Block { keys: Vec::new(), wants: Type::String, until_ms: None, words: None, timed_out })
}

/// What replicas get, while this server's own data stays as it is: that is how tests make them differ.
fn replicate(c: &mut Call<'_>) -> Result<(), Error> {
    if c.ks.access.lane.is_wanted() {
        c.ks.access.lane.push(c.session.db, c.args.skip(2).iter());
    }
    c.reply.ok();
    Ok(())
}

fn stringmatch_len(c: &mut Call<'_>) -> Result<(), Error> {
    let len = usize::try_from(c.int(2)?).ok().filter(|n| *n <= 1 << 20).ok_or(Error::NOT_POSITIVE)?;
    let fits = crate::base::glob::glob_match(c.args.at(3), &vec![b'a'; len], false);
    c.reply.int(i64::from(fits));
    Ok(())
}

fn structsize(c: &mut Call<'_>) -> Result<(), Error> {
    let text = format!("bits:{} entry:8+5 client:{} ", usize::BITS, size_of::<crate::engine::clients::Client>());
    c.reply.bulk(text.as_bytes());
    Ok(())
}

// ---- digests ---------------------------------------------------------------------------------------------------------

/// Of the whole dataset. The order of keys does not matter, the order of databases does.
fn digest(c: &mut Call<'_>) -> Result<(), Error> {
    let world = c.engine.world.clone();
    let mut all = Digest::default();
    for db in 0..world.databases() {
        let mut begun = false;
        for i in 0..world.shards() {
            for entry in c.ks.access.shard(i).db(db).into_iter().flat_map(|t| t.iter()) {
                if !begun {
                    all.begin_database(db as u32);
                    begun = true;
                }
                all.add_key(&entry);
            }
        }
    }
    c.reply.simple(&all.to_string());
    Ok(())
}

fn digest_value(c: &mut Call<'_>) -> Result<(), Error> {
    c.reply.array(c.args.len() - 2);
    for word in c.args.skip(2).iter() {
        let digest = c.ks.peek(Key::new(word)).map(|e| Digest::of_value(&e)).unwrap_or_default();
        c.reply.simple(&digest.to_string());
    }
    Ok(())
}

// ---- keys ------------------------------------------------------------------------------------------------------------

/// DEBUG OBJECT key [FAST]; FAST, Valkey's, leaves out what takes long to find out.
fn object(c: &mut Call<'_>) -> Result<(), Error> {
    let key = Key::new(c.args.at(2));
    let fast = c.args.is(3, "fast");
    let clock = c.ks.clock;
    let entry = c.ks.peek(key).ok_or(Error::NoSuchKey)?;
    let length = if fast { String::new() } else { format!(" serializedlength:{}", saved_bytes(&entry)) };
    let text = format!(
        "Value at:{:p} refcount:1 encoding:{}{length} lru:{} lru_seconds_idle:{}",
        entry.key().as_ptr(),
        entry.encoding(),
        entry.clock(),
        clock.idle_ms(entry.clock()) / 1000
    );
    c.reply.simple(&text);
    Ok(())
}

/// Bytes of the value in a snapshot, without compression.
fn saved_bytes(entry: &Entry) -> usize {
    let integer = |n: i64| match n {
        -128..=127 => Some(2),
        -32_768..=32_767 => Some(3),
        -2_147_483_648..=2_147_483_647 => Some(5),
        _ => None,
    };
    let text = |len: usize| {
        len + if len < 64 {
            1
        } else if len < 16_384 {
            2
        } else {
            5
        }
    };
    match entry.string() {
        Some(Str::Int(n)) => integer(n).unwrap_or_else(|| text(crate::base::numbers::digits_i64(n))),
        // Short digits are saved as the number they are, whatever their encoding here.
        Some(s) if s.len() <= 11 => s.as_int().and_then(integer).unwrap_or_else(|| text(s.len())),
        Some(s) => text(s.len()),
        None => entry.heap_bytes(),
    }
}

fn listpack(c: &mut Call<'_>) -> Result<(), Error> {
    let key = Key::new(c.args.at(2));
    let encoding = c.ks.peek(key).ok_or(Error::NoSuchKey)?.encoding();
    if encoding != "listpack" {
        return Err(Error::NO_LISTPACK);
    }
    c.reply.simple("Listpack structure printed on stdout");
    Ok(())
}

fn quicklist(c: &mut Call<'_>) -> Result<(), Error> {
    let key = Key::new(c.args.at(2));
    let encoding = c.ks.peek(key).ok_or(Error::NoSuchKey)?.encoding();
    if encoding != "quicklist" {
        return Err(Error::NO_QUICKLIST);
    }
    c.reply.simple("Quicklist structure printed on stdout");
    Ok(())
}

/// DEBUG POPULATE count [prefix] [size]: keys that exist are left alone; nothing is replicated.
fn populate(c: &mut Call<'_>) -> Result<(), Error> {
    let number = |i: usize| match c.args.get(i) {
        None => Ok(None),
        Some(word) => parse_i64(word).filter(|n| *n >= 0).map(Some).ok_or(Error::NOT_POSITIVE),
    };
    let (count, size) = (number(2)?.unwrap_or(0), number(4)?);
    let size = size.map(|n| usize::try_from(n.min(c.engine.config.proto_max_bulk_len.get())).unwrap_or(0));
    let prefix = c.args.get(3).unwrap_or(b"key").to_vec();
    let dirty = c.ks.journal.dirty;
    for n in 0..count {
        let mut name = prefix.clone();
        name.extend_from_slice(format!(":{n}").as_bytes());
        let key = Key::new(&name);
        if !c.ks.exists(key) {
            let mut value = format!("value:{n}").into_bytes();
            if let Some(size) = size.filter(|n| *n > 0) {
                value.resize(size, 0);
            }
            c.ks.add(key, NewValue::Set(&value), None);
        }
    }
    c.ks.journal.dirty = dirty;
    c.effect = Effect::Nothing;
    c.reply.ok();
    Ok(())
}

// ---- tables ----------------------------------------------------------------------------------------------------------

fn htstats(c: &mut Call<'_>) -> Result<(), Error> {
    let db =
        usize::try_from(c.int(2)?).ok().filter(|n| *n < c.engine.world.databases()).ok_or(Error::DB_RANGE_DEBUG)?;
    let (mut slots, mut keys, mut expires, mut bytes) = (0, 0, 0, 0);
    for i in 0..c.engine.world.shards() {
        if let Some(table) = c.ks.access.shard(i).db(db) {
            slots += table.slots();
            keys += table.len();
            expires += table.marked();
            bytes += table.heap_bytes();
        }
    }
    let part = |title: &str, elements: usize| match elements {
        0 => format!("[{title}]\nNo stats available for empty dictionaries\n"),
        n => format!(
            "[{title}]\nHash table 0 stats (main hash table):\n table size: {slots}\n number of elements: {n}\n bytes: {bytes}\n"
        ),
    };
    // Expiries have no table of their own: they are marks in the one.
    let text = part("Dictionary HT", keys) + &part("Expires HT", expires);
    c.reply.verbatim("txt", text.as_bytes());
    Ok(())
}

fn htstats_key(c: &mut Call<'_>) -> Result<(), Error> {
    let key = Key::new(c.args.at(2));
    let entry = c.ks.peek(key).ok_or(Error::NoSuchKey)?;
    let (type_, encoding) = (entry.type_(), entry.encoding());
    match (type_, encoding) {
        (Type::Set | Type::Hash, "hashtable") | (Type::Zset, "skiplist") => {
            c.reply.verbatim("txt", b"Hash table 0 stats (main hash table):\n");
            Ok(())
        }
        _ => Err(Error::NO_HASH_TABLE),
    }
}

// ---- the protocol ----------------------------------------------------------------------------------------------------

/// DEBUG PROTOCOL: one sample of each type, for those who write clients. The double is Redis's, and is not meant to be pi.
#[allow(clippy::approx_constant)]
fn protocol(c: &mut Call<'_>) -> Result<(), Error> {
    let word = c.args.at(2).to_ascii_lowercase();
    let r = &mut *c.reply;
    let numbers = |r: &mut crate::resp::Reply| (0..3).for_each(|n| r.int(n));
    match word.as_slice() {
        b"string" => r.bulk(b"Hello World"),
        b"integer" => r.int(12345),
        b"double" => r.double(3.141),
        b"null" => r.null(),
        b"array" => {
            r.array(3);
            numbers(r);
        }
        b"set" => {
            r.set(3);
            numbers(r);
        }
        b"map" => {
            r.map(3);
            for n in 0..3 {
                r.int(n);
                r.bool(n == 1);
            }
        }
        b"attrib" => {
            if r.attribute(1) {
                r.bulk(b"key-popularity");
                r.array(2);
                r.bulk(b"key:123");
                r.int(90);
            }
            r.bulk(b"Some real reply following the attribute");
        }
        b"push" if r.proto == Proto::Resp2 => return Err(Error::RESP2_UNSUPPORTED),
        b"push" => {
            r.push(2);
            r.bulk(b"server-cpu-usage");
            r.int(42);
            r.bulk(b"Some real reply following the push reply");
        }
        b"true" => r.bool(true),
        b"false" => r.bool(false),
        b"verbatim" => r.verbatim("txt", b"This is a verbatim\nstring"),
        b"bignum" => r.big_number("1234567999999999999999999999999999999"),
        _ => return Err(Error::PROTOCOL_TYPE),
    }
    Ok(())
}
