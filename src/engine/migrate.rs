//! MIGRATE as its handler and the server share it: what goes where, and how that can fail. The sockets are the server's.
//!
//! A key that moves is written down under its lock. Then the lock is given back, and the client waits like one of BLPOP's while
//! a thread talks to the other server. Until that is over, whoever names the key waits too, without holding up anybody else
//! (the gate [`super::gates::MIGRATING`]): for all others it moves in one moment, as in Redis, which serves nobody meanwhile. What
//! gets at a key unnamed (a script that did not declare it, FLUSHALL, its own expiry)
//! goes ahead; the key is watched as by WATCH, and one that was changed stays where it is.

use super::clients::Client;
use crate::base::hash::hash_bytes;
use crate::keyspace::watch;
use crate::keyspace::world::Access;
use parking_lot::Mutex;
use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

/// The server that keys go to.
#[derive(Clone, Debug)]
pub struct Destination {
    pub host: Vec<u8>,
    pub port: Vec<u8>,
    pub db: i64,
    /// For each step: connecting, sending, waiting for a reply.
    pub timeout: Duration,
    /// AUTH's arguments: a password, perhaps with a user in front. Sent anew each time.
    pub auth: Vec<Vec<u8>>,
}

/// A RESTORE to be sent.
#[derive(Debug)]
pub struct Parcel {
    pub words: Vec<Vec<u8>>,
    /// It was taken there.
    pub arrived: bool,
}

/// Keys on their way, and what is to happen when the other server has answered.
pub struct Trip {
    pub to: Destination,
    pub parcels: Vec<Parcel>,
    /// Each parcel's key was changed since it was written down.
    pub(super) changed: Vec<watch::Flag>,
    pub(super) db: u32,
    /// The keys stay here as well.
    pub(super) copy: bool,
    pub(super) client: Arc<Client>,
}

impl Trip {
    pub fn new(to: Destination, parcels: Vec<Parcel>, db: u32, copy: bool, client: Arc<Client>) -> Trip {
        let changed = parcels.iter().map(|_| Arc::new(AtomicBool::new(false))).collect();
        Trip { to, parcels, changed, db, copy, client }
    }

    /// Each key, with the flag that says that it was changed.
    pub fn keys(&self) -> impl Iterator<Item = (&[u8], &watch::Flag)> {
        self.parcels.iter().map(Parcel::key).zip(&self.changed)
    }
}

impl Parcel {
    pub fn key(&self) -> &[u8] {
        self.words.get(1).map_or(b"", Vec::as_slice)
    }
}

/// Keys that are being moved, of all clients, by database.
#[derive(Default)]
pub struct UnderWay(Mutex<HashSet<(u32, Vec<u8>)>>);

impl super::Engine {
    /// From here on nobody gets at these keys by their names. Their locks are held.
    pub fn set_out(&self, trip: &Trip) {
        let mut all = self.under_way.0.lock();
        all.extend(trip.keys().map(|(key, _)| (trip.db, key.to_vec())));
        self.set_gate(super::gates::MIGRATING, !all.is_empty());
    }

    /// They are free again, and watched no more. Their locks are held.
    pub fn arrive(&self, trip: &Trip, access: &mut Access) {
        for (key, changed) in trip.keys() {
            access.shard(self.world.shard_of(hash_bytes(key))).watchers.remove(trip.db, key, changed);
        }
        let mut all = self.under_way.0.lock();
        for (key, _) in trip.keys() {
            all.remove(&(trip.db, key.to_vec()));
        }
        self.set_gate(super::gates::MIGRATING, !all.is_empty());
    }

    /// How many keys are being moved.
    pub fn moving(&self) -> usize {
        self.under_way.0.lock().len()
    }

    pub fn is_under_way(&self, db: u32, key: &[u8]) -> bool {
        self.under_way.0.lock().contains(&(db, key.to_vec()))
    }
}

/// Why not everything arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The host's name has no address.
    Connect,
    Write,
    Read,
    /// What the other server said first.
    Refused(Vec<u8>),
}
