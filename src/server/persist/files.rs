//! The file of a snapshot: written beside the old one, synced, and put in its place.

use crate::base::disk::{Disk, File, folder_of};
use crate::engine::persist::Sink;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Bytes after which the file is synced, so that the end does not have to sync all of it at once (Redis: 4 MiB).
const SYNC_EVERY: usize = 4 << 20;

/// A snapshot being written to a file.
pub struct FileSink {
    disk: Arc<dyn Disk>,
    file: Arc<dyn File>,
    temporary: PathBuf,
    /// Written since it was synced last, if that is to be done on the way.
    unsynced: Option<usize>,
    done: Option<Done>,
}

type Done = Box<dyn FnOnce(Result<(), String>) + Send>;

impl FileSink {
    /// Writes to `temporary`; `done` hears how it went once the bytes are safe there, and puts the file in its place.
    pub fn create(disk: Arc<dyn Disk>, temporary: &Path, incremental: bool, done: Done) -> io::Result<FileSink> {
        let file = disk.create(temporary)?;
        let unsynced = incremental.then_some(0);
        Ok(FileSink { disk, file, temporary: temporary.to_owned(), unsynced, done: Some(done) })
    }
}

impl Sink for FileSink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_whole(bytes).map_err(|(_, e)| e)?;
        if let Some(n) = &mut self.unsynced {
            *n += bytes.len();
            if *n >= SYNC_EVERY {
                *n = 0;
                self.file.sync()?;
            }
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>, outcome: Result<(), String>) {
        let outcome = outcome.and_then(|()| self.file.sync().map_err(|e| super::super::reason(&e)));
        if outcome.is_err() {
            let _ = self.disk.remove(&self.temporary); // nobody needs half a file
        }
        if let Some(done) = self.done.take() {
            done(outcome);
        }
    }
}

/// Puts a finished file in its place for good.
pub fn put_in_place(disk: &dyn Disk, temporary: &Path, path: &Path) -> Result<(), String> {
    let put = disk.rename(temporary, path).and_then(|()| disk.sync_dir(folder_of(path)));
    put.map_err(|e| {
        let _ = disk.remove(temporary); // the first error is the one to tell
        super::super::reason(&e)
    })
}
