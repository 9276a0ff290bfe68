//! What is asked of the operating system for the process as a whole: background, descriptors, OOM score, supervisor.

use crate::engine::config::Config;
use crate::engine::config::choices::{OomScoreAdj, Supervised};
use std::io;
use std::os::unix::net::UnixDatagram;

/// Descriptors kept for the server's own files and sockets (Redis: CONFIG_MIN_RESERVED_FDS).
const RESERVED: u64 = 32;

/// Raises the limit of open files to what `clients` need. If the system allows fewer, `fewer` is told how many clients
/// that leaves.
pub fn allow_descriptors(clients: i64, fewer: &mut dyn FnMut(i64)) {
    let wanted = clients as u64 + RESERVED;
    let got = super::os::raise_descriptor_limit(wanted);
    if got < wanted {
        fewer((got.saturating_sub(RESERVED) as i64).max(1));
    }
}

/// `oom-score-adj`: how gladly the kernel should kill this process. Refusals are not errors, as in Redis.
pub fn set_oom_score(config: &Config) {
    let [primary, ..] = config.oom_scores();
    let score = match config.oom_score_adj.get() {
        OomScoreAdj::No => return,
        OomScoreAdj::Absolute => primary,
        _ => {
            let now = std::fs::read_to_string("/proc/self/oom_score_adj").ok();
            now.and_then(|s| s.trim().parse::<i32>().ok()).unwrap_or(0) + primary
        }
    };
    if std::fs::write("/proc/self/oom_score_adj", score.clamp(-1000, 1000).to_string()).is_err() {
        super::log::warning("Unable to write oom_score_adj: the score stays as it was.");
    }
}

/// Whoever started the process and wants to know when it is ready.
pub struct Supervisor(Option<UnixDatagram>);

impl Supervisor {
    pub fn find(kind: Supervised) -> Supervisor {
        if !matches!(kind, Supervised::Systemd | Supervised::Auto) {
            return Supervisor(None);
        }
        let Some(path) = std::env::var_os("NOTIFY_SOCKET") else { return Supervisor(None) };
        let socket = UnixDatagram::unbound().ok();
        Supervisor(socket.filter(|s| connect(s, path.as_encoded_bytes()).is_ok()))
    }

    pub fn is_there(&self) -> bool {
        self.0.is_some()
    }

    pub fn ready(&self) {
        self.tell("STATUS=Ready to accept connections\nREADY=1\n");
    }

    pub fn stopping(&self) {
        self.tell("STATUS=Saving and stopping\nSTOPPING=1\n");
    }

    fn tell(&self, text: &str) {
        if let Some(s) = &self.0 {
            // A supervisor that does not listen any more changes nothing.
            let _ = s.send(text.as_bytes());
        }
    }
}

/// `path` is a file, or an abstract name if it starts with `@`.
fn connect(socket: &UnixDatagram, path: &[u8]) -> io::Result<()> {
    use std::os::linux::net::SocketAddrExt;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::net::SocketAddr;
    let address = match path {
        [b'@', name @ ..] => SocketAddr::from_abstract_name(name)?,
        path => SocketAddr::from_pathname(std::ffi::OsStr::from_bytes(path))?,
    };
    socket.connect_addr(&address)
}
