//! Blocking commands (BLPOP, BLMOVE, BZMPOP, XREAD …): how a handler says that its client should wait, and what is kept
//! of it meanwhile.
//!
//! A handler that finds nothing to do calls [`Call::block`] and writes no reply. When a key that it waits for changes, the
//! same handler runs again on the waiter's behalf ([`Call::serving`] is true then), by the writer and before anybody else
//! can touch the keyspace, oldest waiter first (invariant I5). It either answers now, or blocks again and keeps its place.

use super::call::Call;
use super::clients::Client;
use super::dispatch;
use super::errors::Error;
use crate::keyspace::Type;
use crate::resp::{OwnedArgs, Proto, Reply};
use parking_lot::Mutex;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering::AcqRel, Ordering::Acquire, Ordering::Relaxed};

/// What a handler asks for when its client should wait.
pub struct Block {
    /// The words that are the keys to wait for.
    pub keys: Vec<usize>,
    /// The type that can serve it; a change to a key of another type does not wake it.
    pub wants: Type,
    /// Unix ms; `None`: for ever.
    pub until_ms: Option<i64>,
    /// What to run when a key changes; `None`: the command as it came. (XREAD replaces `$` by the id that it meant.)
    pub words: Option<OwnedArgs>,
    /// The answer when time is up.
    pub timed_out: TimedOut,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TimedOut {
    Null,
    NullArray,
    /// How many acknowledgements there are by then: WAIT.
    Acks(super::replication::acks::Goal),
    /// Nobody but the one who works on it ends this wait: no CLIENT UNBLOCK, no change of role.
    Never,
}

impl TimedOut {
    pub fn write(self, engine: &super::Engine, reply: &mut Reply) {
        match self {
            TimedOut::Acks(goal) => engine.write_progress(&goal, reply),
            TimedOut::Null | TimedOut::Never => reply.null(),
            TimedOut::NullArray => reply.null_array(),
        }
    }
}

/// Everybody who waits.
#[derive(Default)]
pub struct Waits {
    last: AtomicU64,
    all: Mutex<HashMap<u64, Arc<Wait>>>,
}

impl Waits {
    /// Numbers grow, so that the order of numbers is the order of arrival at each key.
    pub fn next_id(&self) -> u64 {
        self.last.fetch_add(1, Relaxed) + 1
    }

    pub fn add(&self, wait: &Arc<Wait>) {
        self.all.lock().insert(wait.id, wait.clone());
    }

    pub fn get(&self, id: u64) -> Option<Arc<Wait>> {
        self.all.lock().get(&id).cloned()
    }

    pub fn remove(&self, id: u64) {
        self.all.lock().remove(&id);
    }

    pub fn count(&self) -> usize {
        self.all.lock().len()
    }

    /// What INFO tells of them: counted when it is asked, so that waiting costs nothing more.
    pub fn summary(&self) -> Summary {
        let all = self.all.lock();
        let waiting = || all.values().filter(|w| !w.is_over());
        let keys = |of: &dyn Fn(&Wait) -> bool| {
            let keys = waiting().filter(|w| of(w)).flat_map(|w| w.keys.iter().map(|key| (w.db, key.as_slice())));
            keys.collect::<HashSet<_>>().len()
        };
        Summary {
            keys: keys(&|_| true),
            // The one command that answers when its key goes.
            keys_on_removal: keys(&|w| dispatch::resolve(w.words.args()).is_ok_and(|c| &*c.name == "xreadgroup")),
            timed: waiting().filter(|w| w.until_ms.is_some()).count(),
        }
    }
}

/// Figures about who waits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Summary {
    /// Keys that somebody waits for.
    pub keys: usize,
    /// Those of them whose removal ends a wait.
    pub keys_on_removal: usize,
    /// Clients that do not wait for ever.
    pub timed: usize,
}

/// A client that waits. Shared by its connection and by those who may end the wait.
pub struct Wait {
    pub id: u64,
    pub client: Arc<Client>,
    pub db: u32,
    pub proto: Proto,
    pub words: OwnedArgs,
    pub keys: Vec<Vec<u8>>,
    pub wants: Type,
    pub until_ms: Option<i64>,
    pub timed_out: TimedOut,
    state: AtomicU8,
}

const WAITING: u8 = 0;
const SERVING: u8 = 1;
const OVER: u8 = 2;

impl Wait {
    /// The same, for those who would end it from outside.
    pub fn interrupt(&self) -> bool {
        self.timed_out != TimedOut::Never && self.end()
    }

    /// Claims the right to end the wait; at most one of those who try gets it.
    pub fn end(&self) -> bool {
        self.state.compare_exchange(WAITING, OVER, AcqRel, Acquire).is_ok()
    }

    pub fn is_over(&self) -> bool {
        self.state.load(Acquire) == OVER
    }

    /// Claims the wait for an attempt to serve it, which ends in `served` or `resume`.
    pub fn try_serve(&self) -> bool {
        self.state.compare_exchange(WAITING, SERVING, AcqRel, Acquire).is_ok()
    }

    pub fn served(&self) {
        self.state.store(OVER, std::sync::atomic::Ordering::Release);
    }

    pub fn resume(&self) {
        self.state.store(WAITING, std::sync::atomic::Ordering::Release);
    }
}

impl Call<'_> {
    /// True if the client may wait: not inside EXEC or a script.
    pub fn may_block(&self) -> bool {
        !self.session.internal || self.serving
    }

    /// Makes the client wait, if it may; otherwise answers as if time were up already.
    pub fn block(&mut self, block: Block) -> Result<(), Error> {
        if self.may_block() {
            self.session.block = Some(block);
        } else {
            block.timed_out.write(self.engine, self.reply);
        }
        Ok(())
    }
}

/// Parses a timeout in seconds (a double, as BLPOP takes it) in word `i`: until when to wait, `None` for ever.
pub fn timeout_seconds(c: &Call<'_>, i: usize) -> Result<Option<i64>, Error> {
    let word = c.args.at(i);
    // Redis reads a long double: what is too large for ours is a number, if out of range.
    let huge = || std::str::from_utf8(word).ok()?.parse::<f64>().ok().filter(|s| s.is_infinite());
    let seconds = crate::base::double::parse_double(word).or_else(huge);
    let seconds = seconds.ok_or(Error::err("timeout is not a float or out of range"))?;
    if seconds < 0.0 {
        return Err(Error::err("timeout is negative"));
    }
    let ms = (seconds * 1000.0).ceil();
    if ms > i64::MAX as f64 - c.now_ms() as f64 {
        return Err(Error::err("timeout is out of range"));
    }
    Ok((ms > 0.0).then(|| c.now_ms() + ms as i64))
}

/// Parses a timeout in milliseconds (XREAD BLOCK) in word `i`.
pub fn timeout_ms(c: &Call<'_>, i: usize) -> Result<Option<i64>, Error> {
    let ms = crate::base::numbers::parse_i64(c.args.at(i));
    let ms = ms.ok_or(Error::err("timeout is not an integer or out of range"))?;
    if ms < 0 {
        return Err(Error::err("timeout is negative"));
    }
    let until = c.now_ms().checked_add(ms).ok_or(Error::err("timeout is out of range"))?;
    Ok((ms > 0).then_some(until))
}

impl Wait {
    pub fn new(id: u64, session: &super::session::Session, block: Block, args: crate::resp::Args<'_>) -> Wait {
        Wait {
            id,
            client: session.client.clone(),
            db: session.db,
            proto: session.proto,
            keys: block.keys.iter().filter_map(|&i| args.get(i)).map(<[u8]>::to_vec).collect(),
            words: block.words.unwrap_or_else(|| OwnedArgs::new(args.iter())),
            wants: block.wants,
            until_ms: block.until_ms,
            timed_out: block.timed_out,
            state: AtomicU8::new(WAITING),
        }
    }
}
