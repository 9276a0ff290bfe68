//! The null responder: a server that answers `+OK` to every request and knows nothing. What a load generator reaches
//! against it is the load generator's own limit.

use crate::{client::reason, resp::frames::Frames};
use mio::{
    Events, Interest, Poll, Token,
    net::{TcpListener, TcpStream},
};
use std::{
    io::{self, ErrorKind, Read, Write},
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    time::Duration,
};

const LISTENER: Token = Token(usize::MAX);
const INPUT: usize = 256 << 10;
const OK: &[u8] = b"+OK\r\n";

struct Asker {
    stream: TcpStream,
    frames: Frames,
    /// The beginning of a request that has not come whole.
    rest: Vec<u8>,
    out: Vec<u8>,
    written: usize,
    /// How long the last request was, and how it began.
    last: (usize, [u8; 8]),
}

/// Answers on a port of all addresses, for ever.
pub fn serve(port: u16) -> Result<(), String> {
    let listener =
        std::net::TcpListener::bind(("0.0.0.0", port)).map_err(|e| format!("Port {port}: {}", reason(&e)))?;
    super::report::print(&format!("Answering +OK to everything on port {port} (Ctrl+C when done)\n"))?;
    respond(listener, &AtomicBool::new(false)).map_err(|e| reason(&e))
}

/// Answers until `stop`.
pub fn respond(listener: std::net::TcpListener, stop: &AtomicBool) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    let mut listener = TcpListener::from_std(listener);
    let mut poll = Poll::new()?;
    poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
    let (mut events, mut input) = (Events::with_capacity(1024), vec![0; INPUT]);
    let mut askers: Vec<Option<Asker>> = Vec::new();
    while !stop.load(Relaxed) {
        match poll.poll(&mut events, Some(Duration::from_millis(100))) {
            Err(e) if e.kind() == ErrorKind::Interrupted => continue,
            other => other?,
        }
        for event in &events {
            if event.token() == LISTENER {
                while let Ok((mut stream, _)) = listener.accept() {
                    stream.set_nodelay(true)?;
                    let at = askers.iter().position(Option::is_none).unwrap_or_else(|| {
                        askers.push(None);
                        askers.len() - 1
                    });
                    poll.registry().register(&mut stream, Token(at), Interest::READABLE | Interest::WRITABLE)?;
                    let (rest, out) = (Vec::new(), Vec::new());
                    askers[at] =
                        Some(Asker { stream, frames: Frames::default(), rest, out, written: 0, last: (0, [0; 8]) });
                }
                continue;
            }
            let at = event.token().0;
            if let Some(asker) = &mut askers[at]
                && asker.turn(&mut input).is_err()
            {
                askers[at] = None;
            }
        }
    }
    Ok(())
}

impl Asker {
    fn turn(&mut self, input: &mut [u8]) -> io::Result<()> {
        loop {
            let got = match self.stream.read(input) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(n) => n,
                Err(e) if e.kind() == ErrorKind::Interrupted => continue,
                Err(e) if e.kind() == ErrorKind::WouldBlock => return self.write(),
                Err(e) => return Err(e),
            };
            let mut buf = &input[..got];
            let mut joined = std::mem::take(&mut self.rest);
            if !joined.is_empty() {
                joined.extend_from_slice(buf);
                buf = &joined;
            }
            let mut used = 0;
            while let Some(len) = self.request(&buf[used..])? {
                used += len;
                self.out.extend_from_slice(OK);
            }
            self.rest = if used < buf.len() { buf[used..].to_vec() } else { Vec::new() };
            if got < input.len() {
                return self.write();
            }
        }
    }

    /// The length of the request in front, if it is whole. Most are as long as the one before: if one that long ends
    /// where a request ends and another begins there, nobody looks at what is between.
    fn request(&mut self, buf: &[u8]) -> io::Result<Option<usize>> {
        let (len, ref begin) = self.last;
        if len > 0
            && self.frames.is_idle()
            && buf.len() >= len
            && buf.starts_with(begin)
            && buf[len - 2..len] == *b"\r\n"
            && buf.get(len).is_none_or(|next| *next == b'*')
        {
            return Ok(Some(len));
        }
        let found = match buf.first() {
            None => None,
            Some(b'*') => self.frames.scan(buf).map_err(|_| io::Error::from(ErrorKind::InvalidData))?,
            Some(_) => memchr::memchr(b'\n', buf).map(|end| end + 1),
        };
        if let Some(len) = found.filter(|len| *len > 8 && buf[0] == b'*') {
            self.last.0 = len;
            self.last.1.copy_from_slice(&buf[..8]);
        }
        Ok(found)
    }

    fn write(&mut self) -> io::Result<()> {
        while self.written < self.out.len() {
            match self.stream.write(&self.out[self.written..]) {
                Ok(n) => self.written += n,
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                // The poll tells when there is room again.
                Err(e) if e.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(e) => return Err(e),
            }
        }
        self.out.clear();
        self.written = 0;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::push_command;

    #[test]
    fn one_answer_a_request() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let stop = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let server = scope.spawn(|| respond(listener, &stop));
            let mut stream = std::net::TcpStream::connect(address).expect("a connection");
            let (mut all, mut want) = (b"PING\r\n".to_vec(), 1);
            for n in 0..2000usize {
                // Lengths change now and then, and the last has what looks like an end inside.
                push_command(&mut all, &["SET".to_owned(), format!("key:{:06}", n), "x\r\n*".repeat(1 + n / 500)]);
                want += 1;
            }
            let reader = stream.try_clone().expect("the same");
            let pieces = scope.spawn(move || {
                for piece in all.chunks(1777) {
                    stream.write_all(piece).expect("written");
                }
            });
            let mut got = vec![0; want * OK.len()];
            let mut reader = reader;
            reader.set_read_timeout(Some(Duration::from_secs(120))).expect("a limit");
            reader.read_exact(&mut got).expect("answers");
            assert!(got.chunks(OK.len()).all(|one| one == OK));
            pieces.join().expect("sent");
            reader.set_read_timeout(Some(Duration::from_millis(50))).expect("a limit");
            assert!(reader.read(&mut [0; 1]).is_err(), "no answer too many");
            stop.store(true, Relaxed);
            server.join().expect("it ended").expect("no fault");
        });
    }
}
