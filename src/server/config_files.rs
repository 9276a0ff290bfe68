//! Configuration files on the real file system: what [`load`](crate::engine::config::load) reads through, and the
//! replacement of a file that CONFIG REWRITE needs.

use crate::engine::config::load::Files;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::reason;

/// The files of this process.
pub struct SystemFiles;

impl Files for SystemFiles {
    fn read(&self, path: &str) -> Result<Vec<u8>, String> {
        fs::read(path).map_err(|e| reason(&e))
    }

    fn stdin(&self) -> Result<Vec<u8>, String> {
        let mut text = Vec::new();
        io::stdin().read_to_end(&mut text).map_err(|e| reason(&e))?;
        Ok(text)
    }

    fn glob(&self, pattern: &str) -> Result<Vec<String>, String> {
        super::os::glob(pattern)
    }

    fn absolute(&self, path: &str) -> String {
        std::path::absolute(path).unwrap_or_else(|_| PathBuf::from(path)).to_string_lossy().into_owned()
    }
}

/// Replaces `path` by `rewrite` of its text: after a crash there is the old or the new file, never half of one. The
/// file keeps its permission bits. The error is the system's reason.
pub fn replace_file(path: &str, rewrite: &dyn Fn(&[u8]) -> Vec<u8>) -> Result<(), String> {
    replace(Path::new(path), rewrite).map_err(|e| reason(&e))
}

fn replace(path: &Path, rewrite: &dyn Fn(&[u8]) -> Vec<u8>) -> io::Result<()> {
    let (old, mode) = match File::open(path) {
        Ok(mut file) => {
            let mut text = Vec::new();
            file.read_to_end(&mut text)?;
            (text, file.metadata()?.permissions().mode() & 0o777)
        }
        Err(e) if e.kind() == io::ErrorKind::NotFound => (Vec::new(), 0o644),
        Err(e) => return Err(e),
    };
    // A link stays a link: what it points to is replaced.
    let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let mut name = target.clone().into_os_string();
    name.push(format!(".{}.tmp", std::process::id()));
    let temporary = PathBuf::from(name);
    let written = (|| {
        // The text may hold passwords: nobody else gets to read it even for a moment.
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&temporary)?;
        file.write_all(&rewrite(&old))?;
        file.set_permissions(fs::Permissions::from_mode(mode))?;
        file.sync_all()?;
        fs::rename(&temporary, &target)?;
        File::open(target.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new(".")))?.sync_all()
    })();
    if written.is_err() {
        let _ = fs::remove_file(&temporary); // the first error is the one to tell
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_found_read_and_replaced_whole() {
        let dir = std::env::temp_dir().join(format!("rustredis-config-{}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        let path = |name: &str| dir.join(name).to_string_lossy().into_owned();
        for name in ["b.conf", "a.conf"] {
            fs::write(path(name), "port 1\n").unwrap();
        }
        fs::set_permissions(path("a.conf"), fs::Permissions::from_mode(0o640)).unwrap();
        assert_eq!(SystemFiles.glob(&path("*.conf")), Ok(vec![path("a.conf"), path("b.conf")]));
        assert_eq!(SystemFiles.glob(&path("*.none")), Ok(vec![]));
        assert_eq!(SystemFiles.read(&path("none")), Err("No such file or directory".to_owned()));
        replace_file(&path("a.conf"), &|old| [old, b"hz 20\n"].concat()).unwrap();
        assert_eq!(SystemFiles.read(&path("a.conf")), Ok(b"port 1\nhz 20\n".to_vec()));
        assert_eq!(fs::metadata(path("a.conf")).unwrap().permissions().mode() & 0o777, 0o640);
        assert_eq!(fs::read_dir(&dir).unwrap().count(), 2, "no temporary file is left");
        fs::remove_dir_all(&dir).unwrap();
    }
}
