//! Files behind a trait, so that a test can crash the machine between any two calls, tear writes and fill the disk up.
//!
//! What a caller may rely on is what a file system promises, and no more: bytes are safe once [`File::sync`] returned, a
//! name (made, renamed or removed) once [`Disk::sync_dir`] did; a rename replaces its target at once. After a failed sync nothing is
//! known of the bytes since the last good one, and another sync must not be trusted to tell.

use std::fs;
use std::io::{self, Read, Write};
use std::path::Path;
use std::sync::Arc;

/// A directory tree.
pub trait Disk: Send + Sync {
    /// Opens a file for writing, new or emptied.
    fn create(&self, path: &Path) -> io::Result<Arc<dyn File>>;
    /// Opens a file for writing at its end; a new one if it is missing.
    fn append(&self, path: &Path) -> io::Result<Arc<dyn File>>;
    /// Opens a file for reading.
    fn open(&self, path: &Path) -> io::Result<Box<dyn Read + Send>>;
    /// Its length in bytes.
    fn size(&self, path: &Path) -> io::Result<u64>;
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Makes a directory, if it is missing.
    fn make_dir(&self, path: &Path) -> io::Result<()>;
    /// Makes the names in a directory safe.
    fn sync_dir(&self, path: &Path) -> io::Result<()>;
    /// The names of the files in a directory, in order.
    fn list(&self, path: &Path) -> io::Result<Vec<String>>;

    fn exists(&self, path: &Path) -> bool {
        self.size(path).is_ok()
    }

    /// A whole file, which should be a small one.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.open(path)?.read_to_end(&mut bytes)?;
        Ok(bytes)
    }
}

/// A file that is written. Writing and syncing may go on in two threads.
pub trait File: Send + Sync {
    /// Appends some bytes; how many, it says.
    fn write(&self, bytes: &[u8]) -> io::Result<usize>;
    /// Makes what was written safe.
    fn sync(&self) -> io::Result<()>;
    /// Cuts the file off, and goes on there.
    fn truncate(&self, len: u64) -> io::Result<()>;

    /// Appends all bytes, or tells how many before it failed.
    fn write_whole(&self, bytes: &[u8]) -> Result<(), (usize, io::Error)> {
        let mut done = 0;
        while done < bytes.len() {
            match self.write(&bytes[done..]) {
                Ok(0) => return Err((done, io::ErrorKind::WriteZero.into())),
                Ok(n) => done += n,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err((done, e)),
            }
        }
        Ok(())
    }
}

/// Replaces a file so that after a crash there is the old or the new one: a temporary file, synced, renamed, its directory synced.
pub fn replace(disk: &dyn Disk, temporary: &Path, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let written = (|| {
        let file = disk.create(temporary)?;
        file.write_whole(bytes).map_err(|(_, e)| e)?;
        file.sync()?;
        disk.rename(temporary, path)?;
        disk.sync_dir(folder_of(path))
    })();
    if written.is_err() {
        let _ = disk.remove(temporary); // the first error is the one to tell
    }
    written
}

/// The directory that a path lies in.
pub fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// The operating system's files.
pub struct System;

impl Disk for System {
    fn create(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        let file = fs::OpenOptions::new().write(true).create(true).truncate(true).open(path)?;
        Ok(Arc::new(SystemFile(file)))
    }

    fn append(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        let file = fs::OpenOptions::new().append(true).create(true).open(path)?;
        Ok(Arc::new(SystemFile(file)))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn Read + Send>> {
        Ok(Box::new(fs::File::open(path)?))
    }

    fn size(&self, path: &Path) -> io::Result<u64> {
        fs::metadata(path).map(|m| m.len())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn make_dir(&self, path: &Path) -> io::Result<()> {
        fs::create_dir_all(path)
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        fs::File::open(path)?.sync_all()
    }

    fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for item in fs::read_dir(path)? {
            let item = item?;
            if !item.file_type()?.is_dir() {
                names.push(item.file_name().to_string_lossy().into_owned());
            }
        }
        names.sort();
        Ok(names)
    }
}

struct SystemFile(fs::File);

impl File for SystemFile {
    fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        (&self.0).write(bytes)
    }

    fn sync(&self) -> io::Result<()> {
        // Sizes and bytes; the times of a file are nobody's loss.
        self.0.sync_data()
    }

    fn truncate(&self, len: u64) -> io::Result<()> {
        use std::io::Seek;
        self.0.set_len(len)?;
        (&self.0).seek(io::SeekFrom::End(0)).map(drop)
    }
}
