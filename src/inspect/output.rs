//! Where text goes, and what an error becomes: a sentence on standard error and an exit code. A reader that closes the pipe
//! has seen enough, which is no error.

use anyhow::Result;
use std::fs::File;
use std::io::{self, BufWriter, ErrorKind, StdoutLock, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Standard output, buffered.
pub fn stdout() -> BufWriter<StdoutLock<'static>> {
    BufWriter::with_capacity(256 << 10, io::stdout().lock())
}

/// The exit code for how a verb ended.
pub fn exit(program: &str, trouble: u8, result: Result<ExitCode>) -> ExitCode {
    result.unwrap_or_else(|error| {
        let closed = |e: &io::Error| e.kind() == ErrorKind::BrokenPipe;
        if error.chain().any(|cause| cause.downcast_ref::<io::Error>().is_some_and(closed)) {
            return ExitCode::SUCCESS;
        }
        // Nobody is left to be told if this fails.
        let _ = writeln!(io::stderr(), "{program}: {error:#}");
        ExitCode::from(trouble)
    })
}

/// A file that has its name only once it is complete: written beside it, synced, renamed.
pub struct NewFile {
    file: BufWriter<File>,
    temporary: PathBuf,
    name: PathBuf,
    done: bool,
}

impl NewFile {
    pub fn create(name: &Path) -> io::Result<NewFile> {
        let mut temporary = name.as_os_str().to_owned();
        temporary.push(format!(".{}.tmp", std::process::id()));
        let temporary = PathBuf::from(temporary);
        let file = File::options().write(true).create_new(true).open(&temporary)?;
        Ok(NewFile { file: BufWriter::with_capacity(256 << 10, file), temporary, name: name.to_owned(), done: false })
    }

    pub fn finish(mut self) -> io::Result<()> {
        self.file.flush()?;
        self.file.get_ref().sync_all()?;
        std::fs::rename(&self.temporary, &self.name)?;
        self.done = true;
        let folder = self.name.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(folder)?.sync_all()
    }
}

impl Write for NewFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        if !self.done {
            let _ = std::fs::remove_file(&self.temporary);
        }
    }
}
