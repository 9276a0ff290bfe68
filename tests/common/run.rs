//! Servers whose directories outlive them: for tests of what is on disk.

use super::{Conn, Kind, find};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A server whose directory outlives it.
pub struct Run {
    pub child: Child,
    pub port: u16,
    pub dir: PathBuf,
}

impl Run {
    pub fn start(kind: Kind, dir: &Path, args: &str) -> Run {
        Run::try_start(kind, dir, args).unwrap_or_else(|log| panic!("{kind:?} did not start:\n{log}"))
    }

    pub fn try_start(kind: Kind, dir: &Path, args: &str) -> Result<Run, String> {
        let program = find(kind).unwrap_or_else(|| panic!("{kind:?} is not installed: {}", kind.how_to_install()));
        let port = super::free_port();
        fs::create_dir_all(dir).unwrap();
        let log = fs::File::create(dir.join("log")).unwrap();
        let mut command = Command::new(program);
        Run::begin(&mut command, kind, dir, args, port, log)
    }

    /// The same in a shell that says how large files may become, in KiB; [`limit`](Self::limit) says otherwise later. A write that is
    /// refused so is as good as one on a full disk, and needs nobody's rights.
    pub fn start_limited(dir: &Path, args: &str, kib: u32) -> Run {
        let program = find(Kind::Rustredis).expect("it is built");
        let port = super::free_port();
        fs::create_dir_all(dir).unwrap();
        let log = fs::File::create(dir.join("log")).unwrap();
        let mut command = Command::new("sh");
        // Blocks of 512 bytes. A signal that is ignored stays so in what is executed.
        let script = format!("trap '' XFSZ; ulimit -S -f {}; exec \"$0\" \"$@\"", kib * 2);
        command.args(["-c", &script]).arg(program);
        Run::begin(&mut command, Kind::Rustredis, dir, args, port, log).unwrap_or_else(|log| panic!("{log}"))
    }

    /// How large its files may become from now on: bytes, or `unlimited`.
    pub fn limit(&self, bytes: &str) {
        let limit = format!("--fsize={bytes}:unlimited");
        let done = Command::new("prlimit").args(["--pid", &self.child.id().to_string(), &limit]).status();
        assert!(done.expect("prlimit (util-linux)").success());
    }

    fn begin(
        command: &mut Command,
        kind: Kind,
        dir: &Path,
        args: &str,
        port: u16,
        log: fs::File,
    ) -> Result<Run, String> {
        if kind == Kind::Rustredis {
            command.arg("serve");
        }
        command.args([
            "--port",
            &port.to_string(),
            "--bind",
            "127.0.0.1",
            "--save",
            "",
            "--enable-debug-command",
            "yes",
        ]);
        command.arg("--dir").arg(dir).args(args.split_whitespace()).current_dir(dir).stdin(Stdio::null());
        let child = command.stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap();
        let mut run = Run { child, port, dir: dir.to_owned() };
        let deadline = Instant::now() + super::PATIENCE;
        loop {
            if run.child.try_wait().unwrap().is_some() {
                return Err(run.log());
            }
            let ping = || {
                let mut conn = Conn::try_open(port).ok()?;
                conn.send(&["PING"]).ok()?;
                conn.read_reply().ok()
            };
            if ping().is_some_and(|r| r.starts_with(b"+PONG")) {
                return Ok(run);
            }
            assert!(Instant::now() < deadline, "{kind:?} does not get ready:\n{}", run.log());
            std::thread::sleep(Duration::from_millis(3));
        }
    }

    pub fn connect(&self) -> Conn {
        Conn::open(self.port)
    }

    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub fn terminate(mut self) -> Option<i32> {
        super::kill(self.child.id(), "TERM");
        self.child.wait().unwrap().code()
    }

    pub fn log(&self) -> String {
        fs::read_to_string(self.dir.join("log")).unwrap_or_default()
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A directory of a test's own, removed at its end.
pub struct Place(pub PathBuf);

impl Place {
    pub fn new(name: &str) -> Place {
        let dir = std::env::temp_dir().join(format!("rustredis-persist-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&dir);
        fs::create_dir_all(&dir).unwrap();
        Place(dir)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Waits until INFO persistence has this line.
pub fn wait_for(conn: &mut Conn, field: &str) {
    let deadline = Instant::now() + super::PATIENCE;
    while !String::from_utf8_lossy(&conn.ask(&["INFO", "persistence"])).contains(&format!("\r\n{field}\r\n")) {
        assert!(Instant::now() < deadline, "{field} does not come");
        std::thread::sleep(Duration::from_millis(5));
    }
}
