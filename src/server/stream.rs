//! A connection's way for bytes: TCP, a Unix socket, or TLS over TCP; told apart once, when it is accepted.

use super::replication::ahead::Ahead;
use super::worker::Incoming;
use rustls::Connection as Session;
use std::io::{self, Read, Write};
use std::os::fd::AsRawFd;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

pub enum Stream {
    Tcp(TcpStream),
    Unix(tokio::net::UnixStream),
    Tls(Box<TlsStream>),
    /// The link to our primary, while it is read faster than carried out.
    Ahead(Box<Ahead>),
}

impl Stream {
    /// Takes over what was accepted: the stream, the peer's and our own address, and the descriptor.
    pub fn open(incoming: Incoming) -> io::Result<(Stream, String, String, i32)> {
        match incoming {
            Incoming::Tcp(s) => Stream::over_tcp(s, None),
            Incoming::Tls(s, session) => Stream::over_tcp(s, Some(*session)),
            Incoming::Primary(primary) => {
                let (stream, addr, laddr, fd) = match primary.stream {
                    crate::client::Stream::Tcp(s) => Stream::over_tcp(s, None),
                    crate::client::Stream::Tls(s) => {
                        let (session, s) = s.into_parts();
                        Stream::over_tcp(s, Some(Session::Client(session)))
                    }
                    crate::client::Stream::Unix(s) => Stream::open(Incoming::Unix(s)),
                }?;
                Ok((Ahead::of(stream, primary.aside), addr, laddr, fd))
            }
            Incoming::Unix(s) => {
                s.set_nonblocking(true)?;
                let path = s.local_addr().ok().and_then(|a| a.as_pathname().map(|p| p.display().to_string()));
                let name = format!("{}:0", path.unwrap_or_default());
                let fd = s.as_raw_fd();
                Ok((Stream::Unix(tokio::net::UnixStream::from_std(s)?), name.clone(), name, fd))
            }
        }
    }

    fn over_tcp(s: std::net::TcpStream, session: Option<Session>) -> io::Result<(Stream, String, String, i32)> {
        s.set_nonblocking(true)?;
        s.set_nodelay(true)?;
        let (addr, laddr, fd) = (s.peer_addr()?.to_string(), s.local_addr()?.to_string(), s.as_raw_fd());
        let tcp = TcpStream::from_std(s)?;
        let stream = match session {
            None => Stream::Tcp(tcp),
            Some(session) => Stream::Tls(Box::new(TlsStream { tcp, session })),
        };
        Ok((stream, addr, laddr, fd))
    }

    /// Sends small pieces together, though they come later by that (`repl-disable-tcp-nodelay`).
    pub fn gather(&self) -> io::Result<()> {
        match self {
            Stream::Tcp(s) => s.set_nodelay(false),
            Stream::Tls(s) => s.tcp.set_nodelay(false),
            Stream::Unix(_) | Stream::Ahead(_) => Ok(()),
        }
    }

    #[inline]
    pub fn poll_read(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self {
            Stream::Tcp(s) => Pin::new(s).poll_read(cx, buf),
            Stream::Unix(s) => Pin::new(s).poll_read(cx, buf),
            Stream::Tls(s) => s.poll_read(cx, buf),
            Stream::Ahead(s) => {
                let polled = s.poll_read(cx, buf);
                if let Some(stream) = s.done() {
                    *self = stream;
                }
                polled
            }
        }
    }

    #[inline]
    pub fn poll_write(&mut self, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match self {
            Stream::Tcp(s) => Pin::new(s).poll_write(cx, buf),
            Stream::Unix(s) => Pin::new(s).poll_write(cx, buf),
            Stream::Tls(s) => s.poll_write(cx, &[io::IoSlice::new(buf)]),
            Stream::Ahead(s) => s.inner().map_or(gone(), |s| s.poll_write(cx, buf)),
        }
    }

    pub fn poll_write_vectored(&mut self, cx: &mut Context<'_>, bufs: &[io::IoSlice<'_>]) -> Poll<io::Result<usize>> {
        match self {
            Stream::Tcp(s) => Pin::new(s).poll_write_vectored(cx, bufs),
            Stream::Unix(s) => Pin::new(s).poll_write_vectored(cx, bufs),
            Stream::Tls(s) => s.poll_write(cx, bufs),
            Stream::Ahead(s) => s.inner().map_or(gone(), |s| s.poll_write_vectored(cx, bufs)),
        }
    }

    /// Sends on what was taken and has not left yet. Only TLS ever has such; `Ready` if there is none.
    #[inline]
    pub fn poll_push(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Stream::Tls(s) if s.session.wants_write() => s.poll_push(cx),
            Stream::Ahead(s) => s.inner().map_or(Poll::Ready(Ok(())), |s| s.poll_push(cx)),
            _ => Poll::Ready(Ok(())),
        }
    }

    /// Says good-bye, where that is done.
    pub fn poll_close(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Stream::Tls(s) => {
                s.session.send_close_notify();
                s.poll_push(cx)
            }
            Stream::Ahead(s) => s.inner().map_or(Poll::Ready(Ok(())), |s| s.poll_close(cx)),
            _ => Poll::Ready(Ok(())),
        }
    }

    /// Reads what is there, past the runtime. `WouldBlock` if there is nothing.
    pub fn read_now(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        match self {
            Stream::Tcp(s) => (&*socket2::SockRef::from(&*s)).read(buf),
            Stream::Unix(s) => (&*socket2::SockRef::from(&*s)).read(buf),
            Stream::Tls(s) => loop {
                match s.session.reader().read(buf) {
                    Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
                    other => return other,
                }
                s.session.read_tls(&mut &*socket2::SockRef::from(&s.tcp))?;
                s.session.process_new_packets().map_err(broken)?;
            },
            // There is no order but its own in which these bytes may be read.
            Stream::Ahead(_) => Err(io::ErrorKind::WouldBlock.into()),
        }
    }

    /// Writes as much as is taken, past the runtime.
    pub fn write_now(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Stream::Tcp(s) => (&*socket2::SockRef::from(&*s)).write(bytes),
            Stream::Unix(s) => (&*socket2::SockRef::from(&*s)).write(bytes),
            Stream::Tls(s) => {
                let n = s.session.writer().write(bytes)?;
                while s.session.wants_write() {
                    match s.session.write_tls(&mut &*socket2::SockRef::from(&s.tcp)) {
                        Ok(_) => {}
                        // The rest leaves when the task runs again.
                        Err(e) if e.kind() == io::ErrorKind::WouldBlock => break,
                        Err(e) => return Err(e),
                    }
                }
                Ok(n)
            }
            Stream::Ahead(s) => s.inner().map_or(Err(io::ErrorKind::BrokenPipe.into()), |s| s.write_now(bytes)),
        }
    }
}

fn gone() -> Poll<io::Result<usize>> {
    Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()))
}

/// TLS over TCP, either side's.
pub struct TlsStream {
    tcp: TcpStream,
    session: Session,
}

/// The socket as rustls wants it: what would wait is an error, and the task is woken later.
struct Raw<'a, 'b>(&'a mut TcpStream, &'a mut Context<'b>);

fn or_would_block<T>(polled: Poll<io::Result<T>>) -> io::Result<T> {
    match polled {
        Poll::Ready(done) => done,
        Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
    }
}

impl Read for Raw<'_, '_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let mut buf = ReadBuf::new(buf);
        or_would_block(Pin::new(&mut *self.0).poll_read(self.1, &mut buf))?;
        Ok(buf.filled().len())
    }
}

impl Write for Raw<'_, '_> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        or_would_block(Pin::new(&mut *self.0).poll_write(self.1, buf))
    }

    fn write_vectored(&mut self, bufs: &[io::IoSlice<'_>]) -> io::Result<usize> {
        or_would_block(Pin::new(&mut *self.0).poll_write_vectored(self.1, bufs))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn broken(e: rustls::Error) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, e)
}

impl TlsStream {
    pub fn accept(tcp: TcpStream, session: rustls::ServerConnection) -> TlsStream {
        TlsStream { tcp, session: Session::Server(session) }
    }

    /// For another runtime to go on with.
    pub fn into_parts(self) -> io::Result<(std::net::TcpStream, Session)> {
        Ok((self.tcp.into_std()?, self.session))
    }

    /// Shakes hands. `Ready` when application data may flow, and all of the handshake has left.
    pub fn poll_handshake(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            ready!(self.poll_push(cx))?;
            if !self.session.is_handshaking() {
                return Poll::Ready(Ok(()));
            }
            if ready!(self.poll_fill(cx))? == 0 {
                return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
            }
        }
    }

    /// Takes some bytes from the socket and works on them; none: the other side has closed.
    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let n = match self.session.read_tls(&mut Raw(&mut self.tcp, cx)) {
            Ok(n) => n,
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Poll::Pending,
            Err(e) => return Poll::Ready(Err(e)),
        };
        if let Err(e) = self.session.process_new_packets() {
            // The other side should hear why, if it listens.
            let _ = self.poll_push(cx);
            return Poll::Ready(Err(broken(e)));
        }
        Poll::Ready(Ok(n))
    }

    fn poll_push(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.session.wants_write() {
            match self.session.write_tls(&mut Raw(&mut self.tcp, cx)) {
                Ok(0) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Ok(_) => {}
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Poll::Pending,
                Err(e) => return Poll::Ready(Err(e)),
            }
        }
        Poll::Ready(Ok(()))
    }

    fn poll_read(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        loop {
            match self.session.reader().read(buf.initialize_unfilled()) {
                Ok(n) => {
                    buf.advance(n);
                    return Poll::Ready(Ok(()));
                }
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
                // Closed without a good-bye, as Redis's clients do: an end like another.
                Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => return Poll::Ready(Ok(())),
                Err(e) => return Poll::Ready(Err(e)),
            }
            ready!(self.poll_fill(cx))?;
        }
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, bufs: &[io::IoSlice<'_>]) -> Poll<io::Result<usize>> {
        // Nothing is taken while anything of before waits: what a client does not read is kept where it is counted.
        ready!(self.poll_push(cx))?;
        let n = self.session.writer().write_vectored(bufs)?;
        match self.poll_push(cx) {
            Poll::Ready(Err(e)) => Poll::Ready(Err(e)),
            // What did not leave is pushed before the connection's next step.
            _ => Poll::Ready(Ok(n)),
        }
    }
}
