//! The shards, their locks, and the gate: who may touch which keys when.
//!
//! The keyspace is cut into a power of two of [`Shard`]s by the highest hash bits. A shard holds every database's keys of
//! its slice of the hash space behind one lock. A worker works through its [`Access`]:
//!
//! - It *enters* the gate for a turn (one store and one load, no shared cache line), and then locks the shards of the keys
//!   that the next few commands name, in ascending order, all before they run (invariant I1).
//! - It *raises* the gate to have the whole keyspace: newcomers wait outside, those inside finish their turn. So commands on
//!   everything, EXEC and scripts that touch undeclared keys need no thousands of locks.
//! - With one worker there are no locks at all: inside the gate, that worker owns everything, and whoever else wants in
//!   (a snapshot, say) raises the gate. That is invariant I4.
//!
//! `unsafe`: a shard's data is reached through an `UnsafeCell`, only by [`Access::shard`], which first checks that this access
//! holds the shard's lock, or the raised gate, or is the single worker inside the gate.

use super::log::{Lane, Log, Positions};
use super::shard::ShardData;
use crate::data::table::prefetch_to_write;
use crossbeam_utils::CachePadded;
use parking_lot::lock_api::RawMutex as _;
use parking_lot::{Condvar, Mutex, RawMutex};
use std::cell::UnsafeCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::*};

/// Seats beyond the workers', for threads that visit (cron, snapshots, tests).
pub const VISITORS: usize = 8;

/// Hash bits that choose among the shards of one worker.
const SOLO_BITS: u32 = 6;
/// The most that choose among those of many.
const MANY_BITS: u32 = 12;

/// Hash bits that choose the shard: enough that two of the workers seldom want the same, with 16 held by each
/// (`GROUP_MANY` in `engine/worker/group.rs`).
fn shard_bits(workers: usize) -> u32 {
    match workers {
        0 | 1 => SOLO_BITS,
        n => (9 + n.next_power_of_two().ilog2()).min(MANY_BITS),
    }
}

/// Lock, first table and watchers share one cache line: the only one of a shard that most commands touch.
#[repr(C)]
pub struct Shard {
    lock: RawMutex,
    data: UnsafeCell<ShardData>,
}

const _: () = assert!(std::mem::offset_of!(Shard, data) + ShardData::HOT == 64);

// SAFETY: the data is only reached under the rules above.
unsafe impl Sync for Shard {}
unsafe impl Send for Shard {}

pub struct World {
    shards: Box<[CachePadded<Shard>]>,
    bits: u32,
    databases: usize,
    /// One worker: it needs no locks.
    solo: bool,
    gate: Gate,
    /// Visitors' seats that are taken: a bit each.
    visitors: AtomicU32,
    /// The effects of writes, in the order in which locks were held.
    pub log: Log,
}

/// A lock that is free to pass for those who are many, and dear for the one who closes it (a "big-reader" lock).
struct Gate {
    raised: CachePadded<AtomicBool>,
    inside: Box<[CachePadded<AtomicBool>]>,
    /// Held by whoever has the gate raised; also what waiters sleep on.
    owner: Mutex<()>,
    lowered: Condvar,
    /// Whoever has the gate raised will take long: who can do without waits no more.
    long: AtomicBool,
}

impl World {
    /// A keyspace of `databases` databases for `workers` workers.
    pub fn new(workers: usize, databases: usize) -> Arc<World> {
        let bits = shard_bits(workers);
        let shard = || CachePadded::new(Shard { lock: RawMutex::INIT, data: UnsafeCell::new(ShardData::new(bits)) });
        let seat = || CachePadded::new(AtomicBool::new(false));
        Arc::new(World {
            shards: (0..1usize << bits).map(|_| shard()).collect(),
            bits,
            databases,
            solo: workers <= 1,
            gate: Gate {
                raised: CachePadded::new(AtomicBool::new(false)),
                inside: (0..workers + VISITORS).map(|_| seat()).collect(),
                owner: Mutex::new(()),
                lowered: Condvar::new(),
                long: AtomicBool::new(false),
            },
            visitors: AtomicU32::new(0),
            log: Log::default(),
        })
    }

    #[inline]
    pub fn shard_of(&self, hash: u64) -> usize {
        (hash >> (64 - self.bits)) as usize
    }

    pub fn shards(&self) -> usize {
        self.shards.len()
    }

    /// Hash bits that choose the shard.
    pub fn bits(&self) -> u32 {
        self.bits
    }

    pub fn databases(&self) -> usize {
        self.databases
    }

    /// How many workers there are; their seats are the first ones.
    pub fn workers(&self) -> usize {
        self.gate.inside.len() - VISITORS
    }

    /// Said by whoever has the whole keyspace: this takes long, or no longer. Those who would rather not wait are told.
    pub fn set_long(&self, long: bool) {
        if self.gate.long.load(Relaxed) != long {
            let _owner = self.gate.owner.lock();
            self.gate.long.store(long, Release);
            self.gate.lowered.notify_all();
        }
    }

    /// True with one worker: locks need not be gathered.
    #[inline]
    pub fn is_solo(&self) -> bool {
        self.solo
    }
}

impl Gate {
    #[inline]
    fn enter(&self, seat: usize) {
        self.try_enter(seat, false);
    }

    /// False only if `hasty`, and whoever is inside takes long.
    #[inline]
    fn try_enter(&self, seat: usize, hasty: bool) -> bool {
        loop {
            // The store must be visible before `raised` is read, and the raiser's store before it reads the seats: both
            // sides are sequentially consistent, so at least one sees the other.
            self.inside[seat].store(true, SeqCst);
            if !self.raised.load(SeqCst) {
                return true;
            }
            self.inside[seat].store(false, Release);
            let mut owner = self.owner.lock();
            while self.raised.load(Acquire) {
                if hasty && self.long.load(Acquire) {
                    return false;
                }
                self.lowered.wait(&mut owner);
            }
        }
    }

    #[inline]
    fn leave(&self, seat: usize) {
        self.inside[seat].store(false, Release);
    }

    fn raise(&self) {
        self.try_raise(false);
    }

    /// False only if `hasty`, and whoever is inside takes long.
    fn try_raise(&self, hasty: bool) -> bool {
        let mut owner = self.owner.lock();
        while self.raised.load(Acquire) {
            if hasty && self.long.load(Acquire) {
                return false;
            }
            self.lowered.wait(&mut owner);
        }
        self.raised.store(true, SeqCst);
        drop(owner);
        for seat in &self.inside {
            let mut spins = 0u32;
            while seat.load(SeqCst) {
                spins += 1;
                if spins < 200 { std::hint::spin_loop() } else { std::thread::yield_now() }
            }
        }
        true
    }

    fn lower(&self) {
        let _owner = self.owner.lock();
        self.raised.store(false, Release);
        self.lowered.notify_all();
    }
}

/// What an access holds at this moment.
#[derive(PartialEq, Eq, Debug)]
enum Held {
    /// Outside the gate: nothing.
    Outside,
    /// Inside, no lock. Asking for a shard locks that one and lets go of the one before (for walks).
    Inside,
    /// The shards in `ids`.
    Locked,
    /// Everything, by the raised gate (true) or as the single worker inside it (false).
    All(bool),
}

/// A thread's way into the keyspace. One per worker, for its lifetime.
pub struct Access {
    world: Arc<World>,
    seat: usize,
    held: Held,
    /// Locked shards, ascending. With `Held::Inside`, at most the one being visited.
    ids: Vec<u16>,
    /// The same as bits.
    locked: [u64; 1 << (MANY_BITS - 6)],
    /// Effects that the log has not got yet; it gets them before any lock is let go of.
    pub lane: Lane,
    /// Where the log stood when it last got any.
    logged: Option<Positions>,
    /// The visitor's seat that is to be given back.
    visitor: Option<u32>,
}

impl Access {
    /// `seat` must be used by one access at a time: the worker's number, or `workers + n` for visitors.
    pub fn new(world: Arc<World>, seat: usize) -> Access {
        Access {
            world,
            seat,
            held: Held::Outside,
            ids: Vec::new(),
            locked: [0; 1 << (MANY_BITS - 6)],
            lane: Lane::default(),
            logged: None,
            visitor: None,
        }
    }

    /// A way in for a thread that is no worker, on a seat that is free again when this goes; `None` if all are taken. Seats are
    /// taken from the last one down.
    pub fn visitor(world: &Arc<World>) -> Option<Access> {
        let all = (1u32 << VISITORS) - 1;
        let taken = world.visitors.fetch_update(AcqRel, Acquire, |bits| {
            let free = !bits & all;
            (free != 0).then(|| bits | 1 << (31 - free.leading_zeros()))
        });
        let bit = 31 - (!taken.ok()? & all).leading_zeros();
        let mut access = Access::new(world.clone(), world.workers() + bit as usize);
        access.visitor = Some(bit);
        Some(access)
    }

    /// The number that it goes by: a worker's own, or a visitor's.
    pub fn seat(&self) -> usize {
        self.seat
    }

    pub fn world(&self) -> &World {
        &self.world
    }

    /// Passes the gate for a turn. The single worker of a solo world holds everything from here on.
    #[inline]
    pub fn enter(&mut self) {
        debug_assert_eq!(self.held, Held::Outside);
        if self.world.solo && self.seat != 0 {
            // Not the worker: locks would not keep the worker out, only the gate does.
            self.world.gate.raise();
            self.held = Held::All(true);
        } else {
            self.world.gate.enter(self.seat);
            self.held = if self.world.solo { Held::All(false) } else { Held::Inside };
        }
        self.lane.wanted = self.world.log.is_attached();
    }

    /// Gives the log what the lane holds. Otherwise that happens when locks are let go of.
    #[inline]
    pub fn hand_in(&mut self) {
        if !self.lane.is_empty() {
            if self.lane.is_in_unit() {
                return self.hand_in_half();
            }
            self.logged = Some(self.world.log.append(&mut self.lane));
        }
    }

    /// In the middle of a unit, such as an EXEC with REPLICAOF in it: what was done so far is a unit of its own.
    #[cold]
    fn hand_in_half(&mut self) {
        let depth = self.lane.suspend_unit();
        self.logged = Some(self.world.log.append(&mut self.lane));
        self.lane.resume_unit(depth);
    }

    /// Where the log stood when it last got something from this access, if that was not taken yet.
    pub fn logged(&self) -> Option<Positions> {
        self.logged
    }

    /// Where the log stood when it last got something from this access; `None` if it got nothing since this was last asked.
    #[inline]
    pub fn take_logged(&mut self) -> Option<Positions> {
        self.logged.take()
    }

    /// As [`enter`](Self::enter), for a worker; false, and nothing is held, if whoever has everything takes long.
    #[inline]
    pub fn try_enter(&mut self) -> bool {
        debug_assert_eq!(self.held, Held::Outside);
        if !self.world.gate.try_enter(self.seat, true) {
            return false;
        }
        self.held = if self.world.solo { Held::All(false) } else { Held::Inside };
        self.lane.wanted = self.world.log.is_attached();
        true
    }

    /// True while nothing is held, and nothing may be touched.
    pub fn is_outside(&self) -> bool {
        self.held == Held::Outside
    }

    /// Ends the turn; lets go of everything.
    #[inline]
    pub fn leave(&mut self) {
        self.hand_in();
        match self.held {
            Held::Outside => return,
            Held::All(true) => self.world.gate.lower(),
            Held::All(false) => self.world.gate.leave(self.seat),
            Held::Inside | Held::Locked => {
                self.unlock();
                self.world.gate.leave(self.seat);
            }
        }
        self.held = Held::Outside;
    }

    /// Locks these shards (ascending, no repeats), for commands that touch nothing else. Everything, if that is held.
    #[inline]
    pub fn lock(&mut self, shards: &[u16]) {
        if matches!(self.held, Held::All(_)) {
            return;
        }
        self.unlock();
        debug_assert!(self.held == Held::Inside && shards.is_sorted());
        let world = &self.world;
        for &id in shards {
            prefetch_to_write(std::ptr::from_ref(&*world.shards[id as usize]).cast());
        }
        for &id in shards {
            world.shards[id as usize].lock.lock();
            self.locked[id as usize / 64] |= 1 << (id % 64);
        }
        self.ids.extend_from_slice(shards);
        self.held = Held::Locked;
    }

    /// Lets go of the locked shards, stays inside the gate.
    #[inline]
    pub fn unlock(&mut self) {
        if matches!(self.held, Held::Locked | Held::Inside) {
            self.hand_in();
            for id in self.ids.drain(..) {
                // SAFETY: locked by this access, in `lock` or `shard`.
                unsafe { self.world.shards[id as usize].lock.unlock() };
                self.locked[id as usize / 64] = 0;
            }
            self.held = Held::Inside;
        }
    }

    /// Takes the whole keyspace: waits until all others have left their turns. Until `settle` or `leave`.
    pub fn raise(&mut self) {
        if matches!(self.held, Held::All(_)) {
            return;
        }
        self.leave();
        self.world.gate.raise();
        self.held = Held::All(true);
        self.lane.wanted = self.world.log.is_attached();
    }

    /// As [`raise`](Self::raise); false, and nothing is held any more, if whoever has everything takes long.
    #[must_use]
    pub fn try_raise(&mut self) -> bool {
        if matches!(self.held, Held::All(_)) {
            return true;
        }
        self.leave();
        if !self.world.gate.try_raise(true) {
            return false;
        }
        self.held = Held::All(true);
        self.lane.wanted = self.world.log.is_attached();
        true
    }

    /// After `raise` inside a turn: back to holding what a turn holds.
    pub fn settle(&mut self) {
        if self.held == Held::All(true) {
            self.leave();
            self.enter();
        }
    }

    /// True if everything is held.
    pub fn has_all(&self) -> bool {
        matches!(self.held, Held::All(_))
    }

    /// Shard `i`'s data. Panics if this access does not hold it: a command that touches a key it did not declare is a bug
    /// that must not become a data race.
    #[inline(always)]
    pub fn shard(&mut self, i: usize) -> &mut ShardData {
        if !matches!(self.held, Held::All(_)) && self.locked.get(i / 64).is_none_or(|word| word >> (i % 64) & 1 == 0) {
            self.refuse_or_visit(i);
        }
        // SAFETY: the lock of shard `i` is held by this access, or the whole world is; the result borrows the access
        // exclusively, so no second reference can be made through it.
        unsafe { &mut *self.world.shards[i].data.get() }
    }

    #[cold]
    fn refuse_or_visit(&mut self, i: usize) {
        match self.held {
            Held::Locked => panic!("a shard was touched that the command did not lock"),
            Held::Inside => self.visit(i),
            Held::Outside => panic!("the keyspace was touched outside a turn"),
            Held::All(_) => {}
        }
    }

    fn visit(&mut self, i: usize) {
        self.unlock();
        self.world.shards[i].lock.lock();
        self.ids.push(i as u16);
        self.locked[i / 64] = 1 << (i % 64);
    }
}

impl Drop for Access {
    fn drop(&mut self) {
        self.leave();
        if let Some(bit) = self.visitor {
            self.world.visitors.fetch_and(!(1 << bit), AcqRel);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::rng::Rng;
    use crate::keyspace::entry::{Entry, NewValue};

    /// Threads move amounts between accounts that lie in different shards, some under shard locks, some under the raised
    /// gate; every whole-keyspace look must see the same sum.
    fn transfers(workers: usize, visitors: usize) {
        let world = World::new(workers, 1);
        let accounts = 64u64;
        let put = |access: &mut Access, n: u64, amount: i64| {
            let key = n.to_le_bytes();
            let hash = crate::base::hash::hash_bytes(&key);
            let shard = access.world().shard_of(hash);
            let table = access.shard(shard).db_mut(0);
            table.remove(hash, &key);
            table.insert_new(hash, Entry::new(&key, NewValue::Int(amount), None, 0), false);
        };
        let get = |access: &mut Access, n: u64| {
            let key = n.to_le_bytes();
            let hash = crate::base::hash::hash_bytes(&key);
            let shard = access.world().shard_of(hash);
            access.shard(shard).db_mut(0).get(hash, &key).and_then(|e| e.string()?.as_int()).unwrap_or(0)
        };
        let shard = |world: &World, n: u64| world.shard_of(crate::base::hash::hash_bytes(&n.to_le_bytes())) as u16;
        let mut first = Access::new(world.clone(), workers);
        first.raise();
        (0..accounts).for_each(|n| put(&mut first, n, 100));
        drop(first);
        std::thread::scope(|s| {
            for seat in 0..workers + visitors {
                let world = world.clone();
                s.spawn(move || {
                    let mut rng = Rng::new(seat as u64);
                    let mut access = Access::new(world.clone(), seat);
                    for _ in 0..4000 {
                        access.enter();
                        match rng.below(10) {
                            0 => {
                                access.raise();
                                let sum: i64 = (0..accounts).map(|n| get(&mut access, n)).sum();
                                assert_eq!(sum, 100 * accounts as i64);
                                access.settle();
                            }
                            _ => {
                                let (a, b) = (rng.below(accounts), rng.below(accounts));
                                let mut ids = vec![shard(&world, a), shard(&world, b)];
                                ids.sort();
                                ids.dedup();
                                access.lock(&ids);
                                if a != b {
                                    let (x, y) = (get(&mut access, a), get(&mut access, b));
                                    put(&mut access, a, x - 1);
                                    put(&mut access, b, y + 1);
                                }
                                access.unlock();
                            }
                        }
                        access.leave();
                    }
                });
            }
        });
    }

    #[test]
    fn transfers_under_locks_and_gate_never_lose_anything() {
        transfers(4, 2);
    }

    #[test]
    fn the_single_worker_and_its_visitors_exclude_each_other() {
        transfers(1, 3);
    }
}
