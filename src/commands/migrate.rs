//! Keys that move to another server.

use crate::engine::blocking::{Block, TimedOut};
use crate::engine::call::Call;
use crate::engine::errors::{self, Error};
use crate::engine::migrate::{Destination, Failure, Parcel, Trip};
use crate::engine::spec::{BLANK, Spec};
use crate::engine::worker::moved::failed;
use crate::keyspace::Type;
use crate::rdb::payload;
use std::time::Duration;

#[rustfmt::skip]
pub const COMMANDS: &[Spec] = &[
    Spec {
        name: "migrate", arity: -6, flags: "write", acl: "keyspace dangerous",
        keys: "3 RW access delete; KEYS@-2..-1 RW access delete incomplete; via migrate", group: "generic", since: "2.6.0",
        syntax: "host port:int key-selector<key|empty-string=''> destination-db:int timeout:int [COPY@3.0.0] [REPLACE@3.0.0] \
            [authentication<AUTH auth@4.0.7|AUTH2 auth2(username password)@6.0.0>] [KEYS keys:key1...@3.0.6]",
        summary: "Moves keys to another server.", complexity: "O(N) in the size of what moves", tips: "nondeterministic_output",
        run: migrate, ..BLANK
    },
];

/// What a timeout of 0 or less means, in ms.
const DEFAULT_TIMEOUT_MS: i64 = 1000;

#[derive(Default)]
struct Options {
    copy: bool,
    replace: bool,
    auth: Vec<Vec<u8>>,
    /// Where the keys begin, if there is not just the one in word 3.
    keys_from: Option<usize>,
}

impl Options {
    fn parse(c: &Call<'_>) -> Result<Options, Error> {
        let mut o = Options::default();
        let mut i = 6;
        while i < c.args.len() {
            let behind = c.args.len() - i - 1;
            if c.args.is(i, "copy") {
                o.copy = true;
            } else if c.args.is(i, "replace") {
                o.replace = true;
            } else if c.args.is(i, "auth") && behind >= 1 {
                o.auth = vec![c.args.at(i + 1).to_vec()];
                i += 1;
            } else if c.args.is(i, "auth2") && behind >= 2 {
                o.auth = vec![c.args.at(i + 1).to_vec(), c.args.at(i + 2).to_vec()];
                i += 2;
            } else if c.args.is(i, "keys") {
                if !c.args.at(3).is_empty() {
                    return Err(errors::MIGRATE_KEYS);
                }
                o.keys_from = Some(i + 1);
                break;
            } else {
                return Err(Error::Syntax);
            }
            i += 1;
        }
        Ok(o)
    }
}

/// MIGRATE host port key|"" db timeout [COPY] [REPLACE] [AUTH password | AUTH2 user password] [KEYS key …]
///
/// Others who name these keys wait until the other server has answered, as everybody does in Redis, and the rest goes on: see
/// [`crate::engine::migrate`]. Inside a transaction or a script nothing can wait, so the keys stay locked. Keys that arrived are
/// removed even if others did not.
fn migrate(c: &mut Call<'_>) -> Result<(), Error> {
    let options = Options::parse(c)?;
    let timeout_ms = c.int(5)?;
    let db = c.int(4)?;
    let timeout_ms = if timeout_ms <= 0 { DEFAULT_TIMEOUT_MS } else { timeout_ms };
    let to = Destination {
        host: c.args.at(1).to_vec(),
        port: c.args.at(2).to_vec(),
        db,
        timeout: Duration::from_millis(timeout_ms.unsigned_abs()),
        auth: options.auth.clone(),
    };
    let words = options.keys_from.map_or(3..4, |from| from..c.args.len());
    let (mut parcels, mut places) = (Vec::new(), Vec::new());
    for (n, i) in words.enumerate() {
        if let Some(parcel) = pack(c, n, i, options.replace) {
            parcels.push(parcel);
            places.push((n, i));
        }
    }
    if parcels.is_empty() {
        c.reply.simple("NOKEY");
        return Ok(());
    }
    let mut parcels = match set_out(c, &to, parcels, &places, options.copy)? {
        Some(parcels) => parcels,
        None => return Ok(()),
    };
    let sent = c.engine.hooks().map_or(Err(Failure::Connect), |hooks| hooks.send_keys(&to, &mut parcels));
    if !options.copy {
        let arrived: Vec<_> = places.iter().zip(&parcels).filter(|(_, p)| p.arrived).map(|(place, _)| *place).collect();
        remove(c, &arrived);
    }
    sent.map_err(failed)?;
    c.reply.ok();
    Ok(())
}

/// Has the keys carried off while the client waits. Gives them back if they have to be sent here and now.
fn set_out(
    c: &mut Call<'_>,
    to: &Destination,
    parcels: Vec<Parcel>,
    places: &[(usize, usize)],
    copy: bool,
) -> Result<Option<Vec<Parcel>>, Error> {
    let Some(hooks) = c.engine.hooks().filter(|_| c.may_block()) else { return Ok(Some(parcels)) };
    let db = c.session.db;
    let trip = Box::new(Trip::new(to.clone(), parcels, db, copy, c.session.client.clone()));
    if !copy {
        for ((n, i), (_, changed)) in places.iter().zip(trip.keys()) {
            let key = c.nth_key(*n, *i);
            let shard = c.engine.world.shard_of(key.hash);
            c.ks.access.shard(shard).watchers.add(db, key.bytes, changed);
        }
        c.engine.set_out(&trip);
    }
    if let Err(trip) = hooks.carry_keys(trip) {
        // Nobody is there to do it.
        if !copy {
            c.engine.arrive(&trip, c.ks.access);
        }
        return Ok(Some(trip.parcels));
    }
    // It comes to its end only when this turn is over, so it finds the client waiting.
    c.block(Block { keys: Vec::new(), wants: Type::String, until_ms: None, words: None, timed_out: TimedOut::Never })?;
    Ok(None)
}

/// The RESTORE that makes the key again.
fn pack(c: &mut Call<'_>, n: usize, i: usize, replace: bool) -> Option<Parcel> {
    let (key, now_ms, compress) = (c.nth_key(n, i), c.now_ms(), c.engine.config.rdbcompression.get());
    let target = c.engine.field_expiry_target();
    let entry = c.ks.get(key)?;
    let ttl_ms = entry.expiry().map_or(0, |at| (at - now_ms).max(1));
    let payload = entry.with_value(|value| payload::dump(value, target, compress));
    let mut words = vec![b"RESTORE".to_vec(), key.bytes.to_vec(), ttl_ms.to_string().into_bytes(), payload];
    if replace {
        words.push(b"REPLACE".to_vec());
    }
    Some(Parcel { words, arrived: false })
}

/// Removes what has moved. As in Redis no event tells of it, and the log hears DEL.
fn remove(c: &mut Call<'_>, places: &[(usize, usize)]) {
    let mut words = vec![b"DEL".to_vec()];
    for (n, i) in places {
        let key = c.nth_key(*n, *i);
        if c.ks.remove(key) {
            words.push(key.bytes.to_vec());
        }
    }
    if words.len() > 1 {
        c.log_instead(&words);
    }
}
