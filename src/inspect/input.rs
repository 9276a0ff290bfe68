//! Where bytes come from: a file or standard input, with a progress bar on a terminal.

use anyhow::{Context, Result};
use std::fs::File;
use std::io::{self, IsTerminal, Read, Write};
use std::path::Path;
use std::time::{Duration, Instant};

/// What a file seems to be that is not what was expected, and what to do with it; `verb` is what it was given to.
pub fn mistaken(path: &Path, verb: &str) -> Option<String> {
    let mut first = Vec::new();
    File::open(path).and_then(|file| file.take(16).read_to_end(&mut first)).ok()?;
    let name = path.display();
    let compressed: [(&[u8], &str); 5] = [
        (b"\x1f\x8b", "gzip"),
        (b"\x28\xb5\x2f\xfd", "zstd"),
        (b"\xfd7zXZ", "xz"),
        (b"BZh", "bzip2"),
        (b"\x04\x22\x4d\x18", "lz4"),
    ];
    if let Some((_, program)) = compressed.iter().find(|(magic, _)| first.starts_with(magic)) {
        return Some(match verb {
            "rdb" => format!("It is compressed: `{program} -dc {name} | rustredis rdb dump -` reads it"),
            _ => format!("It is compressed: `{program} -d` it first"),
        });
    }
    let snapshot = first.starts_with(b"REDIS") || first.starts_with(b"VALKEY");
    let log = first.starts_with(b"#TS:") || matches!(*first, [b'*', b'0'..=b'9', ..]);
    match verb {
        _ if first.is_empty() => Some("The file is empty".to_owned()),
        "rdb" if log => Some(format!("It looks like an append-only file: `rustredis aof check {name}`")),
        "rdb" if first.starts_with(b"file ") => Some(
            "It looks like an append-only file's manifest: `rustredis aof check` takes the folder it lies in"
                .to_owned(),
        ),
        "rdb" if !snapshot => Some("A snapshot begins with REDIS or VALKEY and four digits".to_owned()),
        "aof" if !log && !snapshot => Some("A log begins with '*', a number of words, and a line end".to_owned()),
        _ => None,
    }
}

/// An open input that draws how far it was read.
pub struct Input {
    inner: Box<dyn Read + Send>,
    len: Option<u64>,
    read: u64,
    bar: Option<Bar>,
}

struct Bar {
    begun: Instant,
    drawn: Instant,
    width: usize,
}

const STEP: Duration = Duration::from_millis(200);

impl Input {
    /// `-` is standard input.
    pub fn open(path: &Path) -> Result<Input> {
        if path.as_os_str() == "-" {
            return Ok(Input::new(Box::new(io::stdin()), None));
        }
        let file = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
        let about = file.metadata().with_context(|| format!("cannot look at {}", path.display()))?;
        anyhow::ensure!(!about.is_dir(), "{} is a directory", path.display());
        let len = about.is_file().then_some(about.len());
        Ok(Input::new(Box::new(file), len))
    }

    fn new(inner: Box<dyn Read + Send>, len: Option<u64>) -> Input {
        // What is printed to the same terminal shows the progress itself.
        let shown = io::stderr().is_terminal() && !io::stdout().is_terminal();
        let now = Instant::now();
        Input { inner, len, read: 0, bar: shown.then_some(Bar { begun: now, drawn: now, width: 0 }) }
    }

    fn draw(&mut self) {
        let Some(bar) = &mut self.bar else { return };
        if bar.drawn.elapsed() < STEP {
            return;
        }
        bar.drawn = Instant::now();
        let rate = self.read as f64 / bar.begun.elapsed().as_secs_f64() / 1e6;
        let text = match self.len {
            Some(len) if len > 0 => {
                let part = (self.read as f64 / len as f64).min(1.0);
                let filled = (part * 30.0) as usize;
                format!("[{}{}] {:3.0}%  {rate:.0} MB/s", "#".repeat(filled), ".".repeat(30 - filled), part * 100.0)
            }
            _ => format!("{} MB  {rate:.0} MB/s", self.read / 1_000_000),
        };
        bar.width = bar.width.max(text.len());
        // A bar that cannot be drawn is no reason to stop.
        let _ = write!(io::stderr(), "\r{text:width$}", width = bar.width);
    }
}

impl Read for Input {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(out)?;
        self.read += n as u64;
        self.draw();
        Ok(n)
    }
}

impl Drop for Input {
    fn drop(&mut self) {
        if let Some(bar) = self.bar.as_ref().filter(|bar| bar.width > 0) {
            let _ = write!(io::stderr(), "\r{:width$}\r", "", width = bar.width);
        }
    }
}
