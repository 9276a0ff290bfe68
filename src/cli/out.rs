//! Standard output, buffered until [`flush`], and a reader who went away (`cli … | head`) ends the program quietly.

use std::io::{self, BufWriter, Stdout, Write};
use std::sync::{LazyLock, Mutex};

struct Out {
    stdout: BufWriter<Stdout>,
    captured: Option<Vec<u8>>,
}

static OUT: LazyLock<Mutex<Out>> =
    LazyLock::new(|| Mutex::new(Out { stdout: BufWriter::with_capacity(64 << 10, io::stdout()), captured: None }));

fn with<R: Default>(act: impl FnOnce(&mut Out) -> io::Result<R>) -> R {
    let mut out = OUT.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    act(&mut out).unwrap_or_else(|error| {
        // 141 is what a shell reports of a program that SIGPIPE ended.
        std::process::exit(if error.kind() == io::ErrorKind::BrokenPipe { 141 } else { 1 });
    })
}

pub fn bytes(bytes: &[u8]) {
    with(|out| match &mut out.captured {
        Some(captured) => {
            captured.extend_from_slice(bytes);
            Ok(())
        }
        None => out.stdout.write_all(bytes),
    });
}

pub fn text(text: &str) {
    bytes(text.as_bytes());
}

/// To the reader with it, and through the line buffer of the standard library.
pub fn flush() {
    with(|out| {
        out.stdout.flush()?;
        out.stdout.get_mut().flush()
    });
}

/// From now on what is printed is kept.
pub fn capture() {
    with(|out| {
        out.captured = Some(Vec::new());
        Ok(())
    });
}

/// What was kept; printing goes on as usual.
pub fn captured() -> Vec<u8> {
    with(|out| Ok(out.captured.take().unwrap_or_default()))
}
