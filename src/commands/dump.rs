//! One value by itself: DUMP and RESTORE, whose payloads are RDB's.

use crate::engine::call::Call;
use crate::engine::errors::{self, Error};
use crate::engine::spec::{BLANK, Spec};
use crate::keyspace::journal::class;
use crate::keyspace::{Entry, db::ExpiryMode};
use crate::rdb::payload::{self, Refusal};

#[rustfmt::skip]
pub const COMMANDS: &[Spec] = &[
    Spec {
        name: "dump", arity: 2, flags: "readonly", acl: "keyspace",
        keys: "1 RO access", group: "generic", since: "2.6.0",
        syntax: "key",
        summary: "Serializes a value the way RESTORE reads it.", complexity: "O(N) in the size of the value",
        tips: "nondeterministic_output", run: dump, ..BLANK
    },
    Spec {
        name: "restore", arity: -4, flags: "write denyoom", acl: "keyspace dangerous",
        keys: "1 OW update", group: "generic", since: "2.6.0",
        syntax: "key ttl:int serialized-value [REPLACE@3.0.0] [ABSTTL@5.0.0] [IDLETIME seconds:int@5.0.0] \
            [FREQ frequency:int@5.0.0]",
        summary: "Creates a key from what DUMP serialized.", complexity: "O(N) in the size of the value", run: restore, ..BLANK
    },
    Spec {
        name: "restore-asking", arity: -4, flags: "write denyoom asking syscmd", acl: "keyspace dangerous",
        keys: "1 OW update", group: "server", since: "3.0.0",
        syntax: "key ttl:int serialized-value [REPLACE@3.0.0] [ABSTTL@5.0.0] [IDLETIME seconds:int@5.0.0] \
            [FREQ frequency:int@5.0.0]",
        summary: "Creates a key in a slot that is being imported: RESTORE as MIGRATE sends it in a cluster.",
        complexity: "O(N) in the size of the value", run: restore, ..BLANK
    },
];

fn dump(c: &mut Call<'_>) -> Result<(), Error> {
    let (key, compress) = (c.key(1), c.engine.config.rdbcompression.get());
    let target = c.engine.field_expiry_target();
    match c.ks.get(key) {
        Some(entry) => c.reply.bulk(&entry.with_value(|value| payload::dump(value, target, compress))),
        None => c.reply.null(),
    }
    Ok(())
}

#[derive(Default)]
struct Options {
    replace: bool,
    absttl: bool,
    idle_s: Option<u64>,
    freq: Option<u8>,
}

impl Options {
    fn parse(c: &Call<'_>) -> Result<Options, Error> {
        let mut o = Options::default();
        let mut i = 4;
        while i < c.args.len() {
            let more = i + 1 < c.args.len();
            if c.args.is(i, "replace") {
                o.replace = true;
            } else if c.args.is(i, "absttl") {
                o.absttl = true;
            } else if c.args.is(i, "idletime") && more && o.freq.is_none() {
                o.idle_s = Some(u64::try_from(c.int(i + 1)?).map_err(|_| errors::RESTORE_IDLETIME)?);
                i += 1;
            } else if c.args.is(i, "freq") && more && o.idle_s.is_none() {
                o.freq = Some(u8::try_from(c.int(i + 1)?).map_err(|_| errors::RESTORE_FREQ)?);
                i += 1;
            } else {
                return Err(Error::Syntax);
            }
            i += 1;
        }
        Ok(o)
    }
}

/// Payloads of every version known are taken, and all are checked to the last byte whatever `sanitize-dump-payload` says:
/// the values here rely on it. The log gets the time of expiry as a point in time.
fn restore(c: &mut Call<'_>) -> Result<(), Error> {
    let options = Options::parse(c)?;
    let key = c.key(1);
    if !options.replace && c.ks.exists(key) {
        return Err(errors::BUSYKEY);
    }
    let ttl = c.int(2)?;
    if ttl < 0 {
        return Err(errors::RESTORE_TTL);
    }
    let value = payload::restore(c.args.at(3), &c.thresholds()).map_err(|refusal| match refusal {
        Refusal::VersionOrChecksum => errors::RESTORE_CHECKSUM,
        Refusal::BadData(_) => errors::RESTORE_BAD_DATA,
    })?;
    let expiry = match ttl {
        0 => None,
        _ if options.absttl => Some(ttl),
        _ => Some(ttl.saturating_add(c.now_ms())),
    };
    let clock = c.ks.clock.saved(options.idle_s, options.freq);
    let fresh = Entry::restored(key.bytes, value, expiry, clock);
    let dirty = c.ks.journal.dirty;
    let replaced = options.replace && c.ks.remove(key);
    if expiry.is_some_and(|at| at <= c.now_ms()) && c.ks.expiry == ExpiryMode::Remove {
        if replaced {
            c.ks.event(class::GENERIC, "del", key);
            c.log_instead(&[&b"DEL"[..], key.bytes]);
        }
        c.reply.ok();
        return Ok(());
    }
    c.ks.add_entry(key, fresh);
    c.ks.event(class::GENERIC, "restore", key);
    c.ks.journal.dirty = dirty + 1;
    log(c, expiry, &options);
    c.reply.ok();
    Ok(())
}

fn log(c: &mut Call<'_>, expiry: Option<i64>, options: &Options) {
    if !c.ks.journal.logging {
        return;
    }
    let mut words = c.args.to_vecs();
    if let Some(at) = expiry.filter(|_| !options.absttl) {
        words[2] = at.to_string().into_bytes();
        words.push(b"ABSTTL".to_vec());
    }
    c.log_instead(&words);
}

#[cfg(test)]
#[path = "dump_tests.rs"]
mod tests;
