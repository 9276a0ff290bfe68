//! A disk for tests that can crash, fill up and fail: what was not synced may be lost in part, names that were not synced may be
//! old ones, and any call may be the last.

use super::disk::{Disk, File};
use crate::base::rng::Rng;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::io::{self, Cursor, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

#[derive(Clone, Default)]
struct Inode {
    data: Vec<u8>,
    /// What a crash cannot take, and how much of `data` is the same as it.
    safe: Vec<u8>,
}

/// One change of names, not synced yet.
#[derive(Clone)]
enum Change {
    Link(PathBuf, usize),
    Unlink(PathBuf),
    Rename(PathBuf, PathBuf),
}

impl Change {
    fn apply(&self, names: &mut BTreeMap<PathBuf, usize>) {
        match self {
            Change::Link(path, inode) => drop(names.insert(path.clone(), *inode)),
            Change::Unlink(path) => drop(names.remove(path)),
            Change::Rename(from, to) => {
                if let Some(inode) = names.remove(from) {
                    names.insert(to.clone(), inode);
                }
            }
        }
    }
}

#[derive(Default)]
struct State {
    inodes: Vec<Inode>,
    names: BTreeMap<PathBuf, usize>,
    safe_names: BTreeMap<PathBuf, usize>,
    changes: Vec<Change>,
    /// Calls until the machine stops; `None`: it does not.
    left: Option<u64>,
    /// One call in so many fails; 0: none does.
    failing: u64,
    /// Bytes that may still be written.
    room: Option<u64>,
    calls: u64,
}

#[derive(Clone)]
pub struct SimDisk {
    state: Arc<Mutex<State>>,
    rng: Arc<Mutex<Rng>>,
}

fn crashed<T>() -> io::Result<T> {
    Err(io::Error::other("the machine has stopped"))
}

impl SimDisk {
    pub fn new(seed: u64) -> SimDisk {
        SimDisk { state: Arc::default(), rng: Arc::new(Mutex::new(Rng::new(seed))) }
    }

    pub fn crash_after(&self, calls: u64) {
        self.state.lock().left = Some(calls);
    }

    pub fn fail_one_in(&self, n: u64) {
        self.state.lock().failing = n;
    }

    pub fn set_room(&self, bytes: Option<u64>) {
        self.state.lock().room = bytes;
    }

    /// What is on it, to be shown when a test fails.
    pub fn describe(&self) -> String {
        let state = self.state.lock();
        let mut out = String::new();
        for (path, inode) in &state.names {
            let data = state.inodes[*inode].data.escape_ascii().to_string().replace("\\r\\n", " ");
            out += &format!("\n  {}: {data}", path.display());
        }
        out
    }

    /// Calls so far.
    pub fn calls(&self) -> u64 {
        self.state.lock().calls
    }

    pub fn is_crashed(&self) -> bool {
        self.state.lock().left == Some(0)
    }

    /// What is found after the machine was started again.
    pub fn restarted(&self) -> SimDisk {
        let (state, mut rng) = (self.state.lock(), self.rng.lock());
        let mut names = state.safe_names.clone();
        // Names are journaled: a crash leaves a prefix of their changes.
        let kept = rng.below(state.changes.len() as u64 + 1) as usize;
        state.changes[..kept].iter().for_each(|c| c.apply(&mut names));
        let mut inodes = state.inodes.clone();
        for inode in &mut inodes {
            let same = inode.data.iter().zip(&inode.safe).take_while(|(a, b)| a == b).count();
            if same == inode.safe.len() {
                // Appended to: any part of what is new may be there.
                let more = rng.below((inode.data.len() - same) as u64 + 1) as usize;
                inode.data.truncate(same + more);
            } else if rng.below(2) == 0 {
                inode.data = inode.safe.clone();
            }
            inode.safe = inode.data.clone();
        }
        let safe_names = names.clone();
        let fresh = State { inodes, names, safe_names, ..State::default() };
        SimDisk { state: Arc::new(Mutex::new(fresh)), rng: Arc::new(Mutex::new(Rng::new(rng.next_u64()))) }
    }

    /// Counts a call; an error if the machine stops at it, or the call fails.
    fn call(&self) -> io::Result<parking_lot::MutexGuard<'_, State>> {
        let mut state = self.state.lock();
        if let Some(left) = &mut state.left {
            *left = left.saturating_sub(1);
            if *left == 0 {
                return crashed();
            }
        }
        state.calls += 1;
        if state.failing > 0 && self.rng.lock().below(state.failing) == 0 {
            return Err(io::Error::from_raw_os_error(5));
        }
        Ok(state)
    }
}

impl State {
    fn change(&mut self, change: Change) {
        change.apply(&mut self.names);
        self.changes.push(change);
    }

    fn find(&self, path: &Path) -> io::Result<usize> {
        self.names.get(path).copied().ok_or(io::ErrorKind::NotFound.into())
    }
}

struct SimFile(SimDisk, usize);

impl Disk for SimDisk {
    fn create(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        let mut state = self.call()?;
        let inode = match state.find(path) {
            Ok(inode) => {
                state.inodes[inode].data.clear();
                inode
            }
            Err(_) => {
                state.inodes.push(Inode::default());
                let inode = state.inodes.len() - 1;
                state.change(Change::Link(path.to_owned(), inode));
                inode
            }
        };
        Ok(Arc::new(SimFile(self.clone(), inode)))
    }

    fn append(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        let found = self.call()?.find(path);
        match found {
            Ok(inode) => Ok(Arc::new(SimFile(self.clone(), inode))),
            Err(_) => self.create(path),
        }
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn Read + Send>> {
        let state = self.call()?;
        let inode = state.find(path)?;
        Ok(Box::new(Cursor::new(state.inodes[inode].data.clone())))
    }

    fn size(&self, path: &Path) -> io::Result<u64> {
        let state = self.state.lock();
        Ok(state.inodes[state.find(path)?].data.len() as u64)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.call()?;
        state.find(from)?;
        state.change(Change::Rename(from.to_owned(), to.to_owned()));
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut state = self.call()?;
        state.find(path)?;
        state.change(Change::Unlink(path.to_owned()));
        Ok(())
    }

    fn make_dir(&self, _path: &Path) -> io::Result<()> {
        self.call().map(drop)
    }

    fn sync_dir(&self, _path: &Path) -> io::Result<()> {
        let mut state = self.call()?;
        state.safe_names = state.names.clone();
        state.changes.clear();
        Ok(())
    }

    fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        let state = self.call()?;
        let names = state.names.keys().filter(|p| p.parent() == Some(path)).filter_map(|p| p.file_name());
        Ok(names.map(|n| n.to_string_lossy().into_owned()).collect())
    }
}

impl File for SimFile {
    fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        let mut state = self.0.call()?;
        // A write may be cut short, for no reason or for want of room.
        let mut n = if self.0.rng.lock().below(4) == 0 {
            1 + self.0.rng.lock().below(bytes.len() as u64) as usize
        } else {
            bytes.len()
        };
        if let Some(room) = &mut state.room {
            n = n.min(*room as usize);
            *room -= n as u64;
            if n == 0 {
                return Err(io::Error::from_raw_os_error(28));
            }
        }
        state.inodes[self.1].data.extend_from_slice(&bytes[..n]);
        Ok(n)
    }

    fn sync(&self) -> io::Result<()> {
        let mut state = self.0.call()?;
        let inode = &mut state.inodes[self.1];
        inode.safe = inode.data.clone();
        Ok(())
    }

    fn truncate(&self, len: u64) -> io::Result<()> {
        let mut state = self.0.call()?;
        state.inodes[self.1].data.truncate(len as usize);
        Ok(())
    }
}
