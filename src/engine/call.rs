//! One command being executed: what its handler gets to see.

use super::{Engine, errors::Error, session::Session, table::Command};
use crate::keyspace::value::{Held, Word};
use crate::keyspace::{Entry, Key, KeyMut, Keyspace, Str};
use crate::resp::{Args, Reply};

/// A key of the command, found before it runs: which word it is, and its hash.
#[derive(Clone, Copy, Debug)]
pub struct KeyRef {
    pub word: u32,
    pub hash: u64,
}

pub struct Call<'a> {
    pub engine: &'a Engine,
    pub command: &'static Command,
    pub args: Args<'a>,
    /// The command's keys, in the order of its key specs.
    pub keys: &'a [KeyRef],
    pub ks: Keyspace<'a>,
    pub reply: &'a mut Reply,
    pub session: &'a mut Session,
    /// What goes to other clients.
    pub post: &'a mut super::post::Poster,
    /// What replication and the log get instead of the command itself; see [`Effect`].
    pub effect: Effect,
    /// The command runs on behalf of a client that waits: see [`super::blocking`].
    pub serving: bool,
}

/// What a write leaves in the log, if it changed anything.
#[derive(Default, Debug)]
pub enum Effect {
    /// The command as it came: it is deterministic.
    #[default]
    Verbatim,
    /// These commands instead.
    Instead(Vec<Vec<Vec<u8>>>),
    /// Nothing.
    Nothing,
}

impl<'a> Call<'a> {
    /// The key in word `i`, with its hash.
    #[inline]
    pub fn key(&self, i: usize) -> Key<'a> {
        let bytes = self.args.at(i);
        match self.keys.iter().find(|k| k.word as usize == i) {
            Some(k) => Key { bytes, hash: k.hash },
            None => Key::new(bytes),
        }
    }

    /// The `n`th of the command's keys (from 0), which is word `i`: for commands of many keys, where looking for each one's
    /// hash would take the square of their number.
    #[inline]
    pub fn nth_key(&self, n: usize, i: usize) -> Key<'a> {
        match self.keys.get(n) {
            Some(k) if k.word as usize == i => Key { bytes: self.args.at(i), hash: k.hash },
            _ => self.key(i),
        }
    }

    /// The time of this command, Unix ms.
    #[inline]
    pub fn now_ms(&self) -> i64 {
        self.ks.now_ms
    }

    /// Shows this command to those who monitor, before it runs: what it calls comes behind it.
    pub fn show_ahead(&mut self) {
        if self.engine.gates.load(std::sync::atomic::Ordering::Relaxed) & super::gates::MONITORS != 0 {
            let (caller, now_us) = (super::monitor::Caller::Ahead, self.now_ms() * 1000);
            let (session, command) = ((&*self.session, caller), self.command);
            self.engine.monitors.show(self.engine, self.post, session, command, self.args, now_us);
        }
    }

    /// Replaces what the log gets by one command. Costs nothing while no log is attached.
    pub fn log_instead<W: AsRef<[u8]>>(&mut self, words: &[W]) {
        if self.ks.journal.logging {
            let words = words.iter().map(|w| w.as_ref().to_vec()).collect();
            match &mut self.effect {
                Effect::Instead(all) => all.push(words),
                other => *other = Effect::Instead(vec![words]),
            }
        }
    }

    /// Word `i` as an integer, or Redis's error for one that is none.
    #[inline]
    pub fn int(&self, i: usize) -> Result<i64, Error> {
        crate::base::numbers::parse_i64(self.args.at(i)).ok_or(Error::NotInteger)
    }

    /// The command's own name as errors quote it.
    pub fn name(&self) -> &'static str {
        &self.command.name
    }

    /// Reads a key that must hold a string, if anything.
    #[inline]
    pub fn with_string<R>(
        &mut self,
        key: Key<'_>,
        f: impl FnOnce(Option<Str<'_>>, &mut Reply) -> R,
    ) -> Result<R, Error> {
        match self.ks.get(key) {
            None => Ok(f(None, self.reply)),
            Some(e) => Ok(f(Some(string_of(&e)?), self.reply)),
        }
    }

    /// Opens a key for changing that must hold a string, if anything.
    #[inline]
    pub fn open_string<'k>(&'k mut self, key: Key<'k>) -> Result<Option<KeyMut<'k>>, Error> {
        match self.ks.get_mut(key) {
            None => Ok(None),
            Some(k) => {
                string_of(&k)?;
                Ok(Some(k))
            }
        }
    }
}

/// The entry's string, or WRONGTYPE.
#[inline]
pub fn string_of(entry: &Entry) -> Result<Str<'_>, Error> {
    entry.string().ok_or(Error::WrongType)
}

impl Call<'_> {
    /// The entry's list, set, …; WRONGTYPE if it is of another type.
    #[inline]
    pub fn typed<T: Word>(entry: &Entry) -> Result<Held<'_, T>, Error> {
        entry.object::<T>().ok_or(Error::WrongType)
    }
}
