//! Listening sockets, and the acceptor: one thread that gives each connection to the least loaded worker.

use super::stream::TlsStream;
use super::worker::{Handle, Incoming};
use super::{log, tls};
use crate::engine::{Engine, LogLevel};
use parking_lot::Mutex;
use socket2::{Domain, Protocol, SockAddr, Socket, TcpKeepalive, Type};
use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::AbortHandle;

pub struct Listener {
    engine: Arc<Engine>,
    workers: Vec<Handle>,
    runtime: tokio::runtime::Handle,
    accepting: Mutex<Vec<AbortHandle>>,
    /// Where TLS handshakes are made, and how many.
    handshakes: tokio::runtime::Handle,
    handshaking: AtomicUsize,
    /// True from the moment on from which connections are accepted; until then they wait in the system's queue.
    doors: watch::Sender<bool>,
}

/// Who has not shaken hands by then is cut off.
const HANDSHAKE: Duration = Duration::from_secs(10);

impl Listener {
    /// Starts the acceptor's thread. It accepts nothing before [`listen`](Self::listen).
    pub fn start(engine: Arc<Engine>, workers: Vec<Handle>) -> io::Result<Arc<Listener>> {
        let (runtime, handshakes) = (thread("acceptor")?, thread("handshakes")?);
        let accepting = Mutex::default();
        Ok(Arc::new(Listener {
            engine,
            workers,
            runtime,
            accepting,
            handshakes,
            handshaking: AtomicUsize::new(0),
            doors: watch::Sender::new(false),
        }))
    }

    /// Binds what the configuration asks for, and gives up what was bound before. On an error nothing has changed.
    pub fn listen(self: &Arc<Self>) -> Result<(), String> {
        // What is bound already must go first, or the same address could not be bound again; a failure binds it back.
        let config = &self.engine.config;
        let old: Vec<AbortHandle> = std::mem::take(&mut *self.accepting.lock());
        let had = !old.is_empty();
        for task in old {
            task.abort();
        }
        if had {
            // Aborted tasks drop their sockets when the acceptor's thread gets to them.
            let (tx, rx) = std::sync::mpsc::channel();
            self.runtime.spawn(async move { tx.send(()) });
            let _ = rx.recv(); // fails where the acceptor is gone, and has no sockets
        }
        let mut bound = Vec::new();
        for (port, secure) in [(config.port.get() as u16, false), (config.tls_port.get() as u16, true)] {
            if port == 0 {
                continue;
            }
            for address in config.bind.get() {
                let optional = address.starts_with('-');
                match bind_tcp(address.trim_start_matches('-'), port, config.tcp_backlog.get() as i32) {
                    Ok(sockets) => bound.extend(sockets.into_iter().map(|s| (s, secure))),
                    Err(e) if optional && is_absent(&e) => {}
                    Err(e) => {
                        let reason = super::reason(&e);
                        let shown = address.trim_start_matches('-');
                        log::warning(&format!(
                            "Warning: Could not create server TCP listening socket {shown}:{port}: bind: {reason}"
                        ));
                        if e.kind() == std::io::ErrorKind::AddrInUse {
                            log::warning(&format!(
                                "Another program listens on port {port}: `ss -ltnp 'sport = :{port}'` tells which one. Stop it, or name another port (--port)."
                            ));
                        }
                        // A name that is not known has no number of an error.
                        if is_absent(&e) || e.raw_os_error().is_none() {
                            log::warning(&format!(
                                "'{shown}' is no address of this machine: `ip address` lists those that are; --bind '*' takes all."
                            ));
                        }
                        let kind = if secure { "TLS" } else { "tcp" };
                        return Err(format!("Failed listening on port {port} ({kind}), aborting."));
                    }
                }
            }
        }
        let mut tasks = Vec::new();
        for (socket, secure) in bound {
            tasks.push(self.clone().accept_tcp(socket, secure));
        }
        if !config.unixsocket.is_empty() {
            let path = config.unixsocket.get();
            let (group, mode) = (config.unixsocketgroup.get(), config.unixsocketperm.get() as u32);
            match bind_unix(&path, &group, mode, config.tcp_backlog.get() as i32) {
                Ok(socket) => tasks.push(self.clone().accept_unix(socket)),
                Err(e) => {
                    return Err(format!(
                        "Failed opening Unix socket: bind: {path}: {}. Its directory must be there, and writable; --unixsocket names another.",
                        super::reason(&e)
                    ));
                }
            }
        }
        *self.accepting.lock() = tasks;
        Ok(())
    }

    /// Lets in who has knocked, and from now on everybody at once.
    pub fn open(&self) {
        self.doors.send_replace(true);
    }

    async fn opened(&self) {
        // It fails only when there is no listener any more.
        let _ = self.doors.subscribe().wait_for(|open| *open).await;
    }

    /// Whether there is no way in at all.
    pub fn is_deaf(&self) -> bool {
        self.accepting.lock().is_empty()
    }

    /// Stops accepting.
    pub fn close(&self) {
        for task in self.accepting.lock().drain(..) {
            task.abort();
        }
    }

    fn accept_tcp(self: Arc<Self>, socket: std::net::TcpListener, secure: bool) -> AbortHandle {
        let runtime = self.runtime.clone();
        let task = async move {
            let Ok(socket) = tokio::net::TcpListener::from_std(socket) else { return };
            self.opened().await;
            loop {
                match socket.accept().await {
                    Ok((stream, peer)) => {
                        if let Ok(stream) = stream.into_std() {
                            self.admit_tcp(stream, peer, secure);
                        }
                    }
                    Err(e) => self.accept_failed(&e).await,
                }
            }
        };
        runtime.spawn(task).abort_handle()
    }

    fn accept_unix(self: Arc<Self>, socket: std::os::unix::net::UnixListener) -> AbortHandle {
        let runtime = self.runtime.clone();
        let task = async move {
            let Ok(socket) = tokio::net::UnixListener::from_std(socket) else { return };
            self.opened().await;
            loop {
                match socket.accept().await {
                    Ok((stream, _)) => {
                        if let Ok(mut stream) = stream.into_std()
                            && self.has_room(&mut stream)
                        {
                            self.give(Incoming::Unix(stream));
                        }
                    }
                    Err(e) => self.accept_failed(&e).await,
                }
            }
        };
        runtime.spawn(task).abort_handle()
    }

    /// Out of descriptors, mostly: wait a little, or accepting would spin.
    async fn accept_failed(&self, e: &io::Error) {
        self.engine.log(LogLevel::Warning, &format!("Accepting client connection: {}", super::reason(e)));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }

    fn admit_tcp(self: &Arc<Self>, mut stream: std::net::TcpStream, peer: SocketAddr, secure: bool) {
        // Before a handshake there is nobody to tell why.
        let refused = match secure {
            true => !self.has_room(&mut io::sink()),
            false => !self.has_room(&mut stream) || self.is_denied(&mut stream, peer.ip()),
        };
        if refused {
            return;
        }
        let seconds = self.engine.config.tcp_keepalive_secs.get();
        if seconds > 0 {
            let interval = Duration::from_secs((seconds as u64 / 3).max(1));
            let keepalive = TcpKeepalive::new()
                .with_time(Duration::from_secs(seconds as u64))
                .with_interval(interval)
                .with_retries(3);
            // A socket that does not take it still works.
            let _ = socket2::SockRef::from(&stream).set_tcp_keepalive(&keepalive);
        }
        match secure {
            false => self.give(Incoming::Tcp(stream)),
            true => self.secure(stream, peer),
        }
    }

    /// Has the handshake made, by a thread that does nothing else: whoever stalls, or sends something that is no TLS, keeps
    /// nobody waiting.
    fn secure(self: &Arc<Self>, stream: std::net::TcpStream, peer: SocketAddr) {
        let me = self.clone();
        self.handshaking.fetch_add(1, Relaxed);
        self.handshakes.spawn(async move {
            match tokio::time::timeout(HANDSHAKE, me.shake_hands(stream, peer)).await {
                Ok(Ok(Some(incoming))) => me.give(incoming),
                Ok(Ok(None)) => {}
                Ok(Err(e)) => log::warning(&format!("Error accepting a client connection: {e} (addr={peer})")),
                Err(_) => log::warning(&format!(
                    "Error accepting a client connection: no TLS handshake within {} s (addr={peer})",
                    HANDSHAKE.as_secs()
                )),
            }
            me.handshaking.fetch_sub(1, Relaxed);
        });
    }

    async fn shake_hands(&self, stream: std::net::TcpStream, peer: SocketAddr) -> Result<Option<Incoming>, String> {
        let text = |e: io::Error| match e.kind() {
            io::ErrorKind::UnexpectedEof => "closed before the TLS handshake was done".to_owned(),
            _ => super::reason(&e),
        };
        let config = tls::server_config().ok_or("TLS is not configured")?;
        let session = rustls::ServerConnection::new(config).map_err(|e| e.to_string())?;
        stream.set_nonblocking(true).and_then(|()| stream.set_nodelay(true)).map_err(text)?;
        let mut stream = TlsStream::accept(tokio::net::TcpStream::from_std(stream).map_err(text)?, session);
        std::future::poll_fn(|cx| stream.poll_handshake(cx)).await.map_err(text)?;
        let (mut socket, mut session) = stream.into_parts().map_err(text)?;
        if self.is_denied(&mut session.writer(), peer.ip()) {
            // Small enough for the socket's buffer; if not, whoever it was is gone all the same.
            let _ = session.write_tls(&mut socket);
            return Ok(None);
        }
        Ok(Some(Incoming::Tls(socket, Box::new(session))))
    }

    /// Enforces `maxclients`.
    fn has_room(&self, stream: &mut impl Write) -> bool {
        let there = self.engine.clients.count() + self.handshaking.load(Relaxed);
        let room = (there as i64) < self.engine.config.maxclients.get();
        if !room {
            self.engine.shared_stats.rejected_connections.fetch_add(1, Relaxed);
            // The other side may be gone already.
            let _ = stream.write_all(b"-ERR max number of clients reached\r\n");
        }
        room
    }

    /// Protected mode: without a password, only this host is served.
    fn is_denied(&self, stream: &mut impl Write, peer: IpAddr) -> bool {
        let config = &self.engine.config;
        let local = match peer {
            IpAddr::V4(ip) => ip.is_loopback(),
            IpAddr::V6(ip) => ip.is_loopback() || ip.to_ipv4_mapped().is_some_and(|ip| ip.is_loopback()),
        };
        let denied = config.protected_mode.get() && !local && self.engine.acl.needs_no_password();
        if denied {
            self.engine.shared_stats.rejected_connections.fetch_add(1, Relaxed);
            let _ = stream.write_all(
                b"-DENIED Redis is running in protected mode because protected mode is enabled and no password is set for \
                  the default user. Until that changes only connections from the host itself are served. To serve others, \
                  do one of these from that host: 1) set a password (CONFIG SET requirepass ...); 2) switch the mode off \
                  (CONFIG SET protected-mode no) if the network keeps strangers out; both can be made lasting with CONFIG \
                  REWRITE or as flags at start.\r\n",
            );
        }
        denied
    }

    /// Gives a connection to the least loaded worker.
    pub fn give(&self, incoming: Incoming) {
        if let Some(w) = self.workers.iter().min_by_key(|w| w.load.load(Relaxed)) {
            w.load.fetch_add(1, Relaxed);
            // A worker's inbox closes only when the process ends.
            let _ = w.inbox.send(incoming);
        }
    }
}

/// A thread with a runtime of its own.
fn thread(name: &str) -> io::Result<tokio::runtime::Handle> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let handle = runtime.handle().clone();
    super::os::spawn(name, move || runtime.block_on(std::future::pending::<()>()))?;
    Ok(handle)
}

/// The address is not one of this host's, or its family is switched off.
fn is_absent(e: &io::Error) -> bool {
    matches!(
        e.raw_os_error(),
        Some(
            libc::EADDRNOTAVAIL
                | libc::EAFNOSUPPORT
                | libc::EPROTONOSUPPORT
                | libc::ENOPROTOOPT
                | libc::ESOCKTNOSUPPORT
                | libc::EPFNOSUPPORT
        )
    )
}

/// Binds every address that a word of `bind` stands for.
pub(super) fn bind_tcp(address: &str, port: u16, backlog: i32) -> io::Result<Vec<std::net::TcpListener>> {
    let addresses: Vec<SocketAddr> = match address {
        "*" => vec![SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), port)],
        "::*" => vec![SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), port)],
        name => (name.trim_matches(['[', ']']), port).to_socket_addrs()?.collect(),
    };
    let mut out = Vec::new();
    for a in addresses {
        let domain = if a.is_ipv4() { Domain::IPV4 } else { Domain::IPV6 };
        let socket = Socket::new(domain, Type::STREAM, Some(Protocol::TCP))?;
        if a.is_ipv6() {
            socket.set_only_v6(true)?;
        }
        socket.set_reuse_address(true)?;
        socket.bind(&a.into())?;
        socket.listen(backlog)?;
        socket.set_nonblocking(true)?;
        out.push(socket.into());
    }
    Ok(out)
}

/// The number of a group of this machine: itself a number, or a name in `/etc/group`.
fn group_id(group: &str) -> io::Result<u32> {
    if let Ok(id) = group.parse() {
        return Ok(id);
    }
    let groups = std::fs::read_to_string("/etc/group")?;
    let mut rows = groups.lines().map(|line| line.split(':'));
    let found = rows.find_map(|mut row| (row.next() == Some(group)).then(|| row.nth(1))?);
    let unknown = || io::Error::new(io::ErrorKind::NotFound, format!("there is no group '{group}'"));
    found.and_then(|id| id.parse().ok()).ok_or_else(unknown)
}

fn bind_unix(path: &str, group: &str, mode: u32, backlog: i32) -> io::Result<std::os::unix::net::UnixListener> {
    // What an earlier process left behind; as Redis, without asking whether somebody still listens there.
    let _ = std::fs::remove_file(path);
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.bind(&SockAddr::unix(path)?)?;
    socket.listen(backlog)?;
    if !group.is_empty() {
        std::os::unix::fs::chown(path, None, Some(group_id(group)?))?;
    }
    if mode != 0 {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))?;
    }
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}
