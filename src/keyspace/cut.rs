//! A point in time of the keyspace, written down while writers go on.
//!
//! The cut is made with everything held and takes microseconds: each shard gets a [`ShardCut`]. From then on the shards'
//! owners walk them, some buckets at a time, in the order of hashes, and encode each key. Whoever is about to change a key that was not
//! walked yet has it encoded first, as it was; a bit in the key's slot says so to the walk, and clears when the walk
//! passes. A key born since, ahead of the walk, gets the bit at birth. So each key is written once, as it was at the cut,
//! in no particular order, and nothing is copied but what is about to change.
//!
//! - Tables taken out by FLUSHALL are walked before they are freed; SWAPDB swaps the walks with the tables.
//! - A dear key (a large collection) is put off until the walk is over, and then encoded in steps, its shard released
//!   between two. Its writers wait meanwhile (`engine/worker` asks [`ShardCut::holds_back`]); who cannot wait encodes the rest at once.
//! - Encoded keys leave in [`Chunk`]s. What becomes of them is not known here.

use super::entry::Entry;
use super::shard::ShardData;
use super::world::Access;
use crate::base::hash::hash_bytes;
use crate::data::table::{RefMut, Table};
use parking_lot::Mutex;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::AcqRel, Ordering::Acquire, Ordering::Relaxed};

/// Turns keys into bytes of some format.
pub trait Encode: Send {
    /// The whole key.
    fn key(&mut self, entry: &Entry, out: &mut Vec<u8>);
    /// About `enough` bytes of a key, from the beginning if `first`, else from where the call before ended. True if that was all.
    fn some(&mut self, entry: &Entry, first: bool, enough: usize, out: &mut Vec<u8>) -> bool;
}

/// Some encoded keys.
#[derive(Default, Debug)]
pub struct Chunk {
    pub bytes: Vec<u8>,
    /// Databases, and where the keys of each end.
    pub runs: Vec<(u32, usize)>,
    pub keys: u64,
}

impl Chunk {
    fn add(&mut self, db: u32, keys: u64, encode: impl FnOnce(&mut Vec<u8>)) {
        encode(&mut self.bytes);
        self.keys += keys;
        match self.runs.last_mut() {
            Some(run) if run.0 == db => run.1 = self.bytes.len(),
            _ => self.runs.push((db, self.bytes.len())),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }
}

/// Keys of one database at the cut.
#[derive(Clone, Copy, Default, Debug, PartialEq, Eq)]
pub struct Size {
    pub keys: u64,
    pub expiring: u64,
}

/// Frees of a value beyond which it is a dear one.
const DEAR: usize = 4096;

/// One walk of everything; shared by all who take part.
pub struct Cut {
    make: Box<dyn Fn() -> Box<dyn Encode> + Send + Sync>,
    kept: Mutex<Kept>,
    /// Shards that are not walked to their end.
    left: AtomicUsize,
    /// Nobody wants the rest: the walk goes on, but only to clear the bits.
    aborted: AtomicBool,
    /// Keys encoded so far.
    pub done: AtomicU64,
    /// Dear keys, by shard, that were put off.
    dear: Mutex<VecDeque<(usize, Box<[u8]>)>>,
}

/// What writers had encoded. In pieces: one that grows would be copied again and again, and be twice as large as what is in it.
struct Kept {
    encoder: Box<dyn Encode>,
    full: VecDeque<Chunk>,
    open: Chunk,
}

/// Bytes of a piece.
const KEPT_PIECE: usize = 256 << 10;

/// What one shard knows of the cut.
pub struct ShardCut {
    cut: Arc<Cut>,
    /// By the index of the table.
    walks: Vec<Walk>,
    /// Tables that were taken out of their databases.
    orphans: Vec<(Walk, Table<Entry>)>,
    /// Dear keys put off and not encoded yet, with the table they are in and the database at the cut.
    dear: HashMap<Box<[u8]>, Vec<(usize, u32)>>,
    busy: Option<Busy>,
}

#[derive(Clone, Copy)]
struct Walk {
    /// The database's number at the cut.
    db: u32,
    /// Where the walk goes on; `None` behind the end.
    at: Option<u64>,
}

/// The dear key that is being encoded.
struct Busy {
    table: usize,
    key: Box<[u8]>,
    encoder: Box<dyn Encode>,
    begun: bool,
    /// The rest of it, from somebody who had to change it.
    rest: Option<Vec<u8>>,
}

impl Cut {
    /// `make` makes encoders, one for each who takes part.
    pub fn new(make: Box<dyn Fn() -> Box<dyn Encode> + Send + Sync>) -> Arc<Cut> {
        let kept = Mutex::new(Kept { encoder: make(), full: VecDeque::new(), open: Chunk::default() });
        Arc::new(Cut {
            make,
            kept,
            left: AtomicUsize::new(0),
            aborted: AtomicBool::new(false),
            done: AtomicU64::new(0),
            dear: Mutex::default(),
        })
    }

    pub fn encoder(&self) -> Box<dyn Encode> {
        (self.make)()
    }

    pub fn abort(&self) {
        self.aborted.store(true, Relaxed);
    }

    pub fn is_aborted(&self) -> bool {
        self.aborted.load(Relaxed)
    }

    /// True once all shards are walked; dear keys may be left.
    pub fn is_walked(&self) -> bool {
        self.left.load(Acquire) == 0
    }

    /// Some of what writers had encoded, if it is worth a journey.
    pub fn take_kept(&self, at_least: usize) -> Option<Chunk> {
        let mut kept = self.kept.lock();
        if let Some(full) = kept.full.pop_front() {
            return Some(full);
        }
        (kept.open.bytes.len() >= at_least.max(1)).then(|| std::mem::take(&mut kept.open))
    }

    /// The next dear key that was put off: its shard and name.
    pub fn next_dear(&self) -> Option<(usize, Box<[u8]>)> {
        self.dear.lock().pop_front()
    }

    /// Begins: everything must be held. Returns the sizes of the databases.
    pub fn begin(self: &Arc<Self>, access: &mut Access) -> Vec<Size> {
        let mut sizes = vec![Size::default(); access.world().databases()];
        let shards = access.world().shards();
        let mut left = 0;
        for i in 0..shards {
            let shard = access.shard(i);
            let mut walks = Vec::with_capacity(shard.databases());
            for (n, size) in sizes.iter_mut().enumerate().take(shard.databases()) {
                let (keys, expiring) = shard.db(n).map_or((0, 0), |t| (t.len(), t.marked()));
                size.keys += keys as u64;
                size.expiring += expiring as u64;
                walks.push(Walk { db: n as u32, at: (keys > 0).then_some(0) });
            }
            if walks.iter().any(|w| w.at.is_some()) {
                left += 1;
                let (orphans, dear) = (Vec::new(), HashMap::new());
                shard.cut = Some(Box::new(ShardCut { cut: self.clone(), walks, orphans, dear, busy: None }));
            }
        }
        self.left.store(left, std::sync::atomic::Ordering::Release);
        sizes
    }
}

/// What a step of the walk did.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stepped {
    /// There is more in this shard.
    More,
    /// The shard is walked (its dear keys aside), or has nothing to walk.
    Done,
}

/// Walks some buckets of a shard on.
pub fn step(
    shard: &mut ShardData,
    number: usize,
    buckets: usize,
    encoder: &mut dyn Encode,
    out: &mut Chunk,
) -> Stepped {
    let Some(mut cut) = shard.cut.take() else { return Stepped::Done };
    let aborted = cut.cut.is_aborted();
    let before = out.keys;
    let mut room = buckets;
    while room > 0 {
        if let Some((walk, table)) = cut.orphans.last_mut() {
            // Nobody else can change it: dear keys need no care but the time they take.
            match walk.at {
                Some(at) => {
                    walk.at = table.walk(at, |e| {
                        if !aborted {
                            out.add(walk.db, 1, |bytes| encoder.key(e, bytes));
                        }
                    });
                    room -= 1;
                }
                None => drop(cut.orphans.pop()),
            }
            continue;
        }
        let Some((index, walk)) = cut.walks.iter_mut().enumerate().find(|(_, w)| w.at.is_some()) else { break };
        let Some(at) = walk.at else { break };
        let (db, dear) = (walk.db, &mut cut.dear);
        walk.at = shard.db_mut(index).walk(at, |e| {
            if aborted {
            } else if e.free_effort() > DEAR {
                dear.entry(e.key().into()).or_default().push((index, db));
                cut.cut.dear.lock().push_back((number, e.key().into()));
            } else {
                out.add(db, 1, |bytes| encoder.key(e, bytes));
            }
        });
        room -= 1;
    }
    cut.cut.done.fetch_add(out.keys - before, Relaxed);
    let done = cut.orphans.is_empty() && cut.walks.iter().all(|w| w.at.is_none());
    if done && cut.is_counted() {
        cut.walks.clear();
        cut.cut.left.fetch_sub(1, AcqRel);
    }
    if !(done && cut.dear.is_empty() && cut.busy.is_none()) {
        shard.cut = Some(cut);
    }
    if done { Stepped::Done } else { Stepped::More }
}

/// Encodes about `enough` bytes of a dear key, once the walk is over. True if that was the end of it.
pub fn dear_step(shard: &mut ShardData, key: &[u8], enough: usize, out: &mut Chunk) -> bool {
    let Some(mut cut) = shard.cut.take() else { return true };
    let finished = cut.dear_step(shard, key, enough, out);
    if !(cut.walks.is_empty() && cut.dear.is_empty() && cut.busy.is_none()) {
        shard.cut = Some(cut);
    }
    finished
}

impl ShardCut {
    /// True until the end of its walk was counted.
    fn is_counted(&self) -> bool {
        !self.walks.is_empty()
    }

    fn dear_step(&mut self, shard: &mut ShardData, key: &[u8], enough: usize, out: &mut Chunk) -> bool {
        if self.busy.is_none() {
            // Somebody had to change it, and encoded it then.
            let Some(places) = self.dear.get_mut(key) else { return true };
            let Some(&(table, _)) = places.last() else { return true };
            self.busy = Some(Busy { table, key: key.into(), encoder: self.cut.encoder(), begun: false, rest: None });
        }
        let Some(busy) = &mut self.busy else { return true };
        let db = self.dear.get(key).and_then(|p| p.iter().find(|(t, _)| *t == busy.table)).map_or(0, |p| p.1);
        let finished = match (busy.rest.take(), shard.db(busy.table).and_then(|t| t.get(hash_bytes(key), key))) {
            (Some(rest), _) => {
                out.add(db, 0, |bytes| bytes.extend_from_slice(&rest));
                true
            }
            (None, Some(entry)) if !self.cut.is_aborted() => {
                let first = !std::mem::replace(&mut busy.begun, true);
                let mut finished = false;
                out.add(db, u64::from(first), |bytes| finished = busy.encoder.some(&entry, first, enough, bytes));
                finished
            }
            _ => true,
        };
        if finished {
            let table = busy.table;
            self.cut.done.fetch_add(1, Relaxed);
            self.busy = None;
            self.forget_dear(key, table);
        }
        finished && !self.dear.contains_key(key)
    }

    fn forget_dear(&mut self, key: &[u8], table: usize) {
        if let Some(places) = self.dear.get_mut(key) {
            places.retain(|(t, _)| *t != table);
            if places.is_empty() {
                self.dear.remove(key);
            }
        }
    }

    /// True if this position of a table was not walked yet.
    #[inline]
    fn is_ahead(&self, table: usize, position: u64) -> bool {
        self.walks.get(table).is_some_and(|w| w.at.is_some_and(|at| position >= at))
    }

    /// To be called before a key changes or goes. `position` is its place in the table: its hash without the shard's bits.
    #[cold]
    pub(super) fn keep(&mut self, table: usize, position: u64, entry: &mut RefMut<'_, Entry>) {
        if self.is_ahead(table, position) {
            if !entry.is_kept() {
                entry.set_kept(true);
                let db = self.walks[table].db;
                self.encode(db, entry);
            }
        } else if !self.dear.is_empty()
            && self.dear.get(entry.key()).is_some_and(|p| p.iter().any(|(t, _)| *t == table))
        {
            let key: Box<[u8]> = entry.key().into();
            match self.busy.as_mut().filter(|b| b.key == key && b.table == table) {
                Some(busy) => {
                    if busy.rest.is_none() {
                        let mut rest = Vec::new();
                        let first = !std::mem::replace(&mut busy.begun, true);
                        while !self.cut.is_aborted() && !busy.encoder.some(entry, first, usize::MAX, &mut rest) {}
                        busy.rest = Some(rest);
                    }
                }
                None => {
                    let db = self.dear[&key].iter().find(|(t, _)| *t == table).map_or(0, |p| p.1);
                    self.encode(db, entry);
                    self.forget_dear(&key, table);
                }
            }
        }
    }

    fn encode(&self, db: u32, entry: &Entry) {
        if !self.cut.is_aborted() {
            let Kept { encoder, full, open } = &mut *self.cut.kept.lock();
            open.add(db, 1, |bytes| encoder.key(entry, bytes));
            if open.bytes.len() >= KEPT_PIECE {
                full.push_back(std::mem::take(open));
            }
            self.cut.done.fetch_add(1, Relaxed);
        }
    }

    /// To be called when a key was born: true if the walk must be told not to take it.
    #[inline]
    pub(super) fn is_born_ahead(&self, table: usize, position: u64) -> bool {
        self.is_ahead(table, position)
    }

    /// A table leaves its database: what was not walked of it goes along. Nothing to wait for if it may be freed.
    pub(super) fn orphan(&mut self, index: usize, mut table: Table<Entry>, bits: u32) -> Option<Table<Entry>> {
        // Dear keys that were put off are encoded on the spot: they are few, and nobody could find them later.
        let dear: Vec<Box<[u8]>> =
            self.dear.iter().filter(|(_, p)| p.iter().any(|(t, _)| *t == index)).map(|(key, _)| key.clone()).collect();
        for key in dear {
            let hash = hash_bytes(&key);
            if let Some(mut entry) = table.get_mut(hash, &key) {
                self.keep(index, hash << bits, &mut entry);
            }
        }
        match self.walks.get_mut(index) {
            Some(walk) if walk.at.is_some() => {
                let theirs = std::mem::replace(walk, Walk { db: walk.db, at: None });
                self.orphans.push((theirs, table));
                None
            }
            _ => Some(table),
        }
    }

    pub(super) fn swap(&mut self, a: usize, b: usize) {
        let wants = a.max(b) + 1;
        if self.is_counted() && self.walks.len() < wants {
            self.walks.resize(wants, Walk { db: 0, at: None });
        }
        if self.walks.len() >= wants {
            self.walks.swap(a, b);
        }
        let other = |t: usize| {
            if t == a {
                b
            } else if t == b {
                a
            } else {
                t
            }
        };
        self.dear.values_mut().flatten().for_each(|(t, _)| *t = other(*t));
        self.busy.iter_mut().for_each(|busy| busy.table = other(busy.table));
    }

    /// True if this key is a dear one that is not encoded yet: who would change it had better wait.
    pub fn holds_back(&self, table: usize, position: u64, entry: &Entry) -> bool {
        if self.cut.is_aborted() {
            return false;
        }
        (self.is_ahead(table, position) && entry.free_effort() > DEAR)
            || (!self.dear.is_empty() && self.dear.get(entry.key()).is_some_and(|p| p.iter().any(|(t, _)| *t == table)))
    }
}
