//! Where a server is, and how to be let in.

use super::{Conn, Error, Stream, Tls};
use crate::resp::Value;
use std::{
    fmt, io,
    net::{TcpStream, ToSocketAddrs},
    os::unix::net::UnixStream,
    path::PathBuf,
    time::Duration,
};

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Addr {
    Tcp { host: String, port: u16 },
    Unix(PathBuf),
}

impl Addr {
    /// Another host. A socket stays what it is: whoever names both means the socket, as with redis-cli.
    pub fn set_host(&mut self, name: String) {
        if let Addr::Tcp { host, .. } = self {
            *host = name;
        }
    }

    /// Another port, likewise.
    pub fn set_port(&mut self, number: u16) {
        if let Addr::Tcp { port, .. } = self {
            *port = number;
        }
    }
}

impl fmt::Display for Addr {
    /// As redis-cli's prompt and messages show it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Addr::Tcp { host, port } if host.contains(':') => write!(f, "[{host}]:{port}"),
            Addr::Tcp { host, port } => write!(f, "{host}:{port}"),
            Addr::Unix(path) => write!(f, "{}", path.display()),
        }
    }
}

/// Which of a name's addresses are tried.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Family {
    #[default]
    Any,
    V4,
    V6,
}

/// All that it takes to reach a server and to be let in.
#[derive(Clone, PartialEq, Eq)]
pub struct Target {
    pub addr: Addr,
    pub family: Family,
    pub tls: Tls,
    pub user: Option<Vec<u8>>,
    pub password: Option<Vec<u8>>,
    pub db: u32,
    /// Speak RESP3 from the start.
    pub resp3: bool,
    /// How long connecting may take; `None`: as long as the system lets it.
    pub connect_timeout: Option<Duration>,
}

impl Default for Target {
    fn default() -> Self {
        Target {
            addr: Addr::Tcp { host: "127.0.0.1".into(), port: 6379 },
            family: Family::Any,
            tls: Tls::default(),
            user: None,
            password: None,
            db: 0,
            resp3: false,
            connect_timeout: None,
        }
    }
}

impl fmt::Debug for Target {
    /// Without the password: this may reach a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.addr, self.db)
    }
}

/// Which step of letting in the server refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    Hello,
    Auth,
    Select,
}

impl Target {
    /// Opens the stream and says nothing yet. Of a name's addresses the first that answers is taken.
    pub fn connect(&self) -> io::Result<Stream> {
        match &self.addr {
            Addr::Unix(path) => UnixStream::connect(path).map(Stream::Unix),
            Addr::Tcp { host, port } => {
                let mut last = io::Error::other("Name or service not known");
                for address in (host.trim_matches(['[', ']']), *port).to_socket_addrs()? {
                    match self.family {
                        Family::V4 if address.is_ipv6() => continue,
                        Family::V6 if address.is_ipv4() => continue,
                        _ => {}
                    }
                    let tried = match self.connect_timeout {
                        Some(limit) => TcpStream::connect_timeout(&address, limit),
                        None => TcpStream::connect(address),
                    };
                    match tried {
                        // Where nobody listens, the system may by chance have given our end that very port.
                        Ok(tcp) if tcp.local_addr().is_ok_and(|own| own == address) => {
                            last = io::Error::from_raw_os_error(libc::ECONNREFUSED)
                        }
                        Ok(tcp) => {
                            tcp.set_nodelay(true)?;
                            socket2::SockRef::from(&tcp).set_tcp_keepalive(
                                &socket2::TcpKeepalive::new()
                                    .with_time(Duration::from_secs(15))
                                    .with_interval(Duration::from_secs(5)),
                            )?;
                            return match self.tls.on {
                                true => self.tls.wrap(tcp, host),
                                false => Ok(Stream::Tcp(tcp)),
                            };
                        }
                        Err(error) => last = error,
                    }
                }
                Err(last)
            }
        }
    }

    /// The commands that the handshake consists of, with what each is for. All can be sent at once; each has one reply.
    pub fn handshake(&self) -> Vec<(Step, Vec<Vec<u8>>)> {
        let mut steps = Vec::new();
        if let Some(password) = &self.password {
            let mut auth = vec![b"AUTH".to_vec()];
            auth.extend(self.user.clone());
            auth.push(password.clone());
            steps.push((Step::Auth, auth));
        }
        if self.resp3 {
            steps.push((Step::Hello, vec![b"HELLO".to_vec(), b"3".to_vec()]));
        }
        if self.db != 0 {
            steps.push((Step::Select, vec![b"SELECT".to_vec(), self.db.to_string().into_bytes()]));
        }
        steps
    }

    /// Connects and is let in; an error reply to a step of the handshake is an error here.
    pub fn open(&self) -> Result<Conn, Error> {
        let mut conn = Conn::new(self.connect()?);
        for (_, words) in self.handshake() {
            if let Value::Error(text) = conn.ask(&words)?.plain() {
                return Err(Error::Refused(text));
            }
        }
        Ok(conn)
    }

    /// The same way in, at another address: a node of a cluster.
    pub fn at(&self, host: &str, port: u16) -> Target {
        Target { addr: Addr::Tcp { host: host.to_owned(), port }, db: 0, ..self.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_handshake_says_what_is_needed_and_no_more() {
        assert!(Target::default().handshake().is_empty());
        let all =
            Target { user: Some("u".into()), password: Some("p".into()), db: 3, resp3: true, ..Target::default() };
        let words: Vec<String> =
            all.handshake().iter().map(|(_, w)| String::from_utf8_lossy(&w.join(&b' ')).into_owned()).collect();
        assert_eq!(words, ["AUTH u p", "HELLO 3", "SELECT 3"]);
        assert!(!format!("{all:?}").contains('p'), "no password in a log");
    }
}
