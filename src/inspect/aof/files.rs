//! Which files make up a log: one file, or those that a manifest names.

use super::check::reason;
use crate::aof::Manifest;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

/// More than this is no manifest, whatever it begins with.
const MOST: u64 = 16 << 20;

pub struct Log {
    pub manifest: Option<Manifest>,
    /// In the order in which they are read.
    pub parts: Vec<Part>,
}

#[derive(Clone)]
pub struct Part {
    pub path: PathBuf,
    pub name: String,
    pub base: bool,
}

impl Log {
    /// The error is a text for users. `folders`: the path may be a directory with a manifest in it.
    pub fn open(path: &Path, folders: bool) -> Result<Log, String> {
        if path.as_os_str() == "-" {
            return Ok(Log::single(path));
        }
        let failed = |error| format!("Cannot open file {}: {}", path.display(), reason(&error));
        let about = std::fs::metadata(path).map_err(failed)?;
        if about.is_dir() && folders {
            return Log::of_manifest(&the_manifest(path)?);
        }
        if about.is_dir() {
            return Err(format!("Cannot read file: {}", path.display()));
        }
        // What is no regular file gives its bytes once.
        if about.is_file() && is_manifest(path).map_err(failed)? {
            return Log::of_manifest(path);
        }
        Ok(Log::single(path))
    }

    fn single(path: &Path) -> Log {
        let name = path.file_name().map_or_else(|| "-".to_owned(), |name| name.to_string_lossy().into_owned());
        let part = Part { path: path.to_owned(), name, base: true };
        Log { manifest: None, parts: vec![part] }
    }

    fn of_manifest(path: &Path) -> Result<Log, String> {
        let mut text = Vec::new();
        let read = File::open(path).and_then(|file| file.take(MOST).read_to_end(&mut text));
        read.map_err(|error| format!("Cannot open file {}: {}", path.display(), reason(&error)))?;
        let manifest = Manifest::parse(&text).map_err(|(line, what)| {
            let shown = text.split(|b| *b == b'\n').nth(line.saturating_sub(1)).unwrap_or_default();
            let shown = String::from_utf8_lossy(&shown[..shown.len().min(1024)]).into_owned();
            format!(
                "\n*** FATAL AOF MANIFEST FILE ERROR ***\n\nReading the manifest file, at line {line}\n\n>>> '{shown}'\n\n{what}\n"
            )
        })?;
        let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let base = manifest.base.as_ref();
        let parts = manifest
            .files()
            .map(|info| Part {
                path: folder.join(&info.name),
                name: info.name.clone(),
                base: base.is_some_and(|base| base.name == info.name),
            })
            .collect();
        Ok(Log { manifest: Some(manifest), parts })
    }
}

/// The manifest that a path leads to: itself, or the one in it.
pub fn manifest_path(path: &Path) -> Result<PathBuf, String> {
    if path.is_dir() { the_manifest(path) } else { Ok(path.to_owned()) }
}

/// The one manifest of a directory.
fn the_manifest(folder: &Path) -> Result<PathBuf, String> {
    let failed = |error: std::io::Error| format!("Cannot read file: {}: {}", folder.display(), reason(&error));
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.extension().is_some_and(|end| end == "manifest") {
            found.push(path);
        }
    }
    match <[PathBuf; 1]>::try_from(found) {
        Ok([one]) => Ok(one),
        Err(none) if none.is_empty() => Err(format!(
            "{} has no manifest in it: it is no append-only directory, or its server has not finished the first base yet",
            folder.display()
        )),
        Err(_) => Err(format!("{} has several manifests in it: name one", folder.display())),
    }
}

/// Its first line that is no comment begins with `file`.
fn is_manifest(path: &Path) -> std::io::Result<bool> {
    let mut lines = BufReader::new(File::open(path)?.take(MOST));
    let mut line = Vec::new();
    loop {
        line.clear();
        if lines.by_ref().take(1024).read_until(b'\n', &mut line)? == 0 {
            return Ok(false);
        }
        if line[0] != b'#' {
            return Ok(line.starts_with(b"file"));
        }
    }
}
