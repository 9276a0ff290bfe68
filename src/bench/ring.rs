//! Several sends, or several receives, in one system call, through io_uring. Where the kernel or its rules do not allow
//! that, there is no ring, and each is a call of its own.
//!
//! `unsafe`, because the kernel reads and writes the bytes behind a queue's entries on its own account. What holds:
//! - Nobody gets hold of the queue. It is empty before and after [`Ring::send`] and [`Ring::receive`], or the ring is
//!   broken and never entered again.
//! - Both borrow sockets and bytes for all their time (who receives, each part alone), and do not return before every
//!   entry that the kernel took has its completion: from then on the kernel knows neither.
//! - Entries are made before the first is queued: whatever the caller's iterator does, no stale one stays behind.
//! - No entry waits: what does not fit into a socket at once, or is not there yet, is told, not queued (MSG_DONTWAIT). So
//!   there are no threads of the kernel that would do the work unseen, and waiting for completions ends.

use io_uring::{IoUring, Probe, opcode, squeue::Entry, types::Fd};
use std::{
    io::{self, ErrorKind},
    os::fd::{AsRawFd, BorrowedFd},
    time::Duration,
};

/// So many entries fit into the queue.
const ENTRIES: usize = 64;
/// An entry has no more bytes.
const MOST_BYTES: usize = 1 << 30;

pub struct Ring {
    ring: IoUring,
    entries: Vec<Entry>,
    broken: bool,
}

impl Ring {
    /// Fails where the kernel is too old or too strict.
    pub fn new() -> io::Result<Ring> {
        let ring = IoUring::new(ENTRIES as u32)?;
        let mut probe = Probe::new();
        ring.submitter().register_probe(&mut probe)?;
        match probe.is_supported(opcode::Send::CODE) && probe.is_supported(opcode::Recv::CODE) {
            true => Ok(Ring { ring, entries: Vec::with_capacity(ENTRIES), broken: false }),
            false => Err(ErrorKind::Unsupported.into()),
        }
    }

    /// Sends each part on its socket, in this order, as far as it fits at once; `took` is what each took. A part that was
    /// not tried has `WouldBlock`, like one that did not fit. False if the ring is of no more use.
    pub fn send<'a>(
        &mut self,
        parts: impl Iterator<Item = (BorrowedFd<'a>, &'a [u8])>,
        took: &mut Vec<io::Result<usize>>,
    ) -> bool {
        let flags = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
        self.entries.clear();
        self.entries.extend(parts.map(|(socket, bytes)| {
            let len = bytes.len().min(MOST_BYTES) as u32;
            opcode::Send::new(Fd(socket.as_raw_fd()), bytes.as_ptr(), len).flags(flags).build()
        }));
        self.all(took)
    }

    /// Receives into each part what its socket has, in this order, as far as it fits; `took` is how much that was, 0 at
    /// the end of what comes. What was not tried has `WouldBlock`, like a socket that has nothing. False if the ring is
    /// of no more use.
    pub fn receive<'a>(
        &mut self,
        parts: impl Iterator<Item = (BorrowedFd<'a>, &'a mut [u8])>,
        took: &mut Vec<io::Result<usize>>,
    ) -> bool {
        self.entries.clear();
        self.entries.extend(parts.map(|(socket, bytes)| {
            let len = bytes.len().min(MOST_BYTES) as u32;
            opcode::Recv::new(Fd(socket.as_raw_fd()), bytes.as_mut_ptr(), len).flags(libc::MSG_DONTWAIT).build()
        }));
        self.all(took)
    }

    /// Does what the entries say, each of which has its place in `took`.
    fn all(&mut self, took: &mut Vec<io::Result<usize>>) -> bool {
        for (at, entry) in self.entries.iter_mut().enumerate() {
            entry.set_user_data(at as u64);
        }
        took.clear();
        took.resize_with(self.entries.len(), || Err(ErrorKind::WouldBlock.into()));
        let mut from = 0;
        while from < self.entries.len() && !self.broken {
            let to = self.entries.len().min(from + ENTRIES);
            self.broken = !self.submit(from, to, took);
            from = to;
        }
        !self.broken
    }

    /// Hands some of the entries to the kernel, and waits for their completions. False if the kernel did not take all.
    fn submit(&mut self, from: usize, to: usize, took: &mut [io::Result<usize>]) -> bool {
        // SAFETY: sockets and bytes are borrowed for the call of `send` or `receive` that this is a part of, and this does
        // not return while an entry that the kernel took is without its completion.
        if unsafe { self.ring.submission().push_multiple(&self.entries[from..to]) }.is_err() {
            return false;
        }
        let mut waiting = to - from;
        while waiting > 0 {
            match self.ring.submit_and_wait(waiting) {
                Ok(_) => {}
                Err(e) if [libc::EINTR, libc::EAGAIN, libc::EBUSY].map(Some).contains(&e.raw_os_error()) => {}
                Err(_) => {
                    self.outlast(to - from, to - from - waiting, took);
                    return false;
                }
            }
            waiting -= self.reap(took);
        }
        true
    }

    /// Of `pushed` entries, of which `reaped` have their completions: waits for those that the kernel has taken. It
    /// needs no call for that, as no entry waits for anything.
    fn outlast(&mut self, pushed: usize, mut reaped: usize, took: &mut [io::Result<usize>]) {
        let taken = pushed - self.ring.submission().len();
        loop {
            reaped += self.reap(took);
            if reaped >= taken {
                return;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Takes the completions that are there; how many.
    fn reap(&mut self, took: &mut [io::Result<usize>]) -> usize {
        let mut n = 0;
        for done in self.ring.completion() {
            n += 1;
            if let Some(one) = took.get_mut(done.user_data() as usize) {
                let result = done.result();
                *one = usize::try_from(result).map_err(|_| io::Error::from_raw_os_error(-result));
            }
        }
        n
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::rng::Rng;
    use rustix::event::{PollFd, PollFlags, poll};
    use std::{
        io::{Read, Write},
        net::{Shutdown, TcpListener, TcpStream},
        os::{fd::AsFd, unix::net::UnixStream},
    };

    fn ring() -> Option<Ring> {
        Ring::new().map_err(|e| eprintln!("SKIPPED: no io_uring here: {e}")).ok()
    }

    fn pair() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let one = TcpStream::connect(listener.local_addr().expect("an address")).expect("a connection");
        (one, listener.accept().expect("the other end").0)
    }

    /// Waits until the kernel has brought this to the socket, which may be a while after it was sent.
    fn has_come(socket: &impl AsFd, what: PollFlags) {
        let mut sockets = [PollFd::new(socket, what)];
        while poll(&mut sockets, None).is_ok_and(|_| !sockets[0].revents().contains(what)) {}
    }

    /// More parts than the queue has places, of all sizes, some on the same socket: each arrives whole and in its order.
    #[test]
    fn parts_arrive_as_they_were_given() {
        let Some(mut ring) = ring() else { return };
        let mut pairs: Vec<_> = (0..20).map(|_| pair()).collect();
        let mut took = Vec::new();
        for seed in 0..50 {
            let mut rng = Rng::new(seed);
            let parts: Vec<(usize, Vec<u8>)> = (0..rng.below(200))
                .map(|_| (rng.below(20) as usize, (0..rng.below(600)).map(|_| rng.below(256) as u8).collect()))
                .collect();
            assert!(ring.send(parts.iter().map(|(to, bytes)| (pairs[*to].0.as_fd(), &bytes[..])), &mut took));
            assert_eq!(took.len(), parts.len());
            for ((to, bytes), took) in parts.iter().zip(&took) {
                assert_eq!(took.as_ref().ok(), Some(&bytes.len()), "seed {seed}: {took:?}");
                let mut got = vec![0; bytes.len()];
                pairs[*to].1.read_exact(&mut got).expect("the bytes");
                assert!(got == *bytes, "seed {seed}");
            }
        }
    }

    /// A socket that is full takes a part of the bytes, or none; one whose other end is gone is an error and no signal;
    /// neither keeps the others from being sent.
    #[test]
    fn what_cannot_be_sent_is_told() {
        let Some(mut ring) = ring() else { return };
        let ((full, mut reader), (good, mut other), (dead, gone)) =
            (UnixStream::pair().expect("two"), pair(), UnixStream::pair().expect("two"));
        gone.shutdown(Shutdown::Both).expect("closed");
        has_come(&dead, PollFlags::HUP);
        let (large, mut took) = ((0..4 << 20).map(|n| (n % 251) as u8).collect::<Vec<u8>>(), Vec::new());
        let parts =
            [(full.as_fd(), &large[..]), (full.as_fd(), &large[..]), (dead.as_fd(), b"x"), (good.as_fd(), b"ok")];
        assert!(ring.send(parts.into_iter(), &mut took));
        let sent = *took[0].as_ref().expect("a part of it");
        assert!(sent > 0 && sent < large.len(), "{sent}");
        assert_eq!(took[1].as_ref().map_err(io::Error::kind), Err(ErrorKind::WouldBlock));
        assert_eq!(took[2].as_ref().map_err(io::Error::kind), Err(ErrorKind::BrokenPipe));
        assert_eq!(took[3].as_ref().ok(), Some(&2));
        let mut got = vec![0; sent];
        reader.read_exact(&mut got).expect("what was taken");
        assert!(got == large[..sent]);
        reader.set_nonblocking(true).expect("set");
        assert_eq!(reader.read(&mut [0; 1]).map_err(|e| e.kind()), Err(ErrorKind::WouldBlock), "no more than was told");
        let mut two = [0; 2];
        other.read_exact(&mut two).expect("two bytes");
        assert_eq!(&two, b"ok");
        assert!(ring.send(std::iter::empty(), &mut took) && took.is_empty());
    }

    /// What came is there, up to the end of the part, and the rest comes with the next call; silence, an end and a reset
    /// are told, and keep nobody else from hearing.
    #[test]
    fn what_came_is_received() {
        let Some(mut ring) = ring() else { return };
        let ((one, mut to_one), (silent, _silent), (ended, end), (reset, resets)) = (pair(), pair(), pair(), pair());
        to_one.write_all(b"hello").expect("sent");
        end.shutdown(Shutdown::Write).expect("closed");
        // A close with bytes unread is a reset.
        (&reset).write_all(b"x").expect("sent");
        resets.peek(&mut [0; 1]).expect("it has come");
        drop(resets);
        has_come(&one, PollFlags::IN);
        has_come(&ended, PollFlags::RDHUP);
        has_come(&reset, PollFlags::ERR);
        let (mut parts, mut took) = ([[0; 4]; 4], Vec::new());
        let all = [&one, &silent, &ended, &reset];
        let mut receive = |parts: &mut [[u8; 4]; 4], took: &mut Vec<_>| {
            let parts = all.iter().zip(parts).map(|(socket, part)| (socket.as_fd(), &mut part[..]));
            assert!(ring.receive(parts, took));
        };
        let kind = |took: &io::Result<usize>| took.as_ref().map(|n| *n).map_err(io::Error::kind);
        receive(&mut parts, &mut took);
        let want = [Ok(4), Err(ErrorKind::WouldBlock), Ok(0), Err(ErrorKind::ConnectionReset)];
        assert_eq!(took.iter().map(kind).collect::<Vec<_>>(), want);
        assert_eq!((&parts[0], &parts[1]), (b"hell", &[0; 4]));
        receive(&mut parts, &mut took);
        assert_eq!((kind(&took[0]), &parts[0]), (Ok(1), b"oell"));
        assert_eq!(kind(&took[1]), Err(ErrorKind::WouldBlock));
    }

    /// An iterator that fails halfway leaves nothing in the queue that the next call would send.
    #[test]
    fn nothing_stale_is_sent() {
        let Some(mut ring) = ring() else { return };
        let (one, mut other) = pair();
        let mut took = Vec::new();
        let failed = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let parts = (0..3).map(|n| if n < 2 { (one.as_fd(), &b"stale"[..]) } else { panic!("on purpose") });
            ring.send(parts, &mut took)
        }));
        assert!(failed.is_err());
        assert!(ring.send([(one.as_fd(), &b"new"[..])].into_iter(), &mut took));
        let mut got = [0; 3];
        other.read_exact(&mut got).expect("three bytes");
        assert_eq!(&got, b"new");
        other.set_nonblocking(true).expect("set");
        assert_eq!(other.read(&mut got).map_err(|e| e.kind()), Err(ErrorKind::WouldBlock));
    }

    /// A ring that failed once is not used again: what it was given is left to others.
    #[test]
    fn a_broken_ring_sends_nothing() {
        let Some(mut ring) = ring() else { return };
        ring.broken = true;
        let (one, mut other) = pair();
        let mut took = Vec::new();
        assert!(!ring.send([(one.as_fd(), &b"x"[..])].into_iter(), &mut took));
        assert_eq!(took[0].as_ref().map_err(io::Error::kind), Err(ErrorKind::WouldBlock));
        other.set_nonblocking(true).expect("set");
        assert_eq!(other.read(&mut [0; 1]).map_err(|e| e.kind()), Err(ErrorKind::WouldBlock));
    }
}
