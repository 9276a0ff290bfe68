//! Standard output, buffered until [`flush`], and a reader who went away (`cli … | head`) ends the program quietly.

use std::io::{self, BufWriter, Stdout, Write};
use std::sync::{LazyLock, Mutex};

static OUT: LazyLock<Mutex<BufWriter<Stdout>>> =
    LazyLock::new(|| Mutex::new(BufWriter::with_capacity(64 << 10, io::stdout())));

fn with(write: impl FnOnce(&mut BufWriter<Stdout>) -> io::Result<()>) {
    let mut out = OUT.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    if let Err(error) = write(&mut out) {
        // 141 is what a shell reports of a program that SIGPIPE ended.
        std::process::exit(if error.kind() == io::ErrorKind::BrokenPipe { 141 } else { 1 });
    }
}

pub fn bytes(bytes: &[u8]) {
    with(|out| out.write_all(bytes));
}

pub fn text(text: &str) {
    bytes(text.as_bytes());
}

/// To the reader with it, and through the line buffer of the standard library.
pub fn flush() {
    with(|out| {
        out.flush()?;
        out.get_mut().flush()
    });
}
