//! `--pipe`: standard input goes to the server as it is, as fast as it takes it, while replies are counted and errors
//! shown. The end is known by an ECHO of random words behind the data. Matches redis-cli 7.0.15's words and exit codes.

use super::{
    format::harmless,
    out,
    session::{Failed, Session},
};
use crate::{
    base::rng::entropy_u64,
    client::{Conn, Stream, push_command, reason},
    resp::frames::Frames,
};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::{
    io::{self, Read, Write},
    time::Instant,
};

/// What is read from standard input, and from the server, at a time.
const CHUNK: usize = 256 << 10;
const ALL_SENT: &str = "All data transferred. Waiting for the last reply...\n";
/// Bytes sent between two looks at the replies.
const HEARD_EVERY: usize = 4 * CHUNK;

fn failed(what: &str, error: &io::Error) -> Failed {
    eprintln!("Error {what}: {}", reason(error));
    Failed
}

#[derive(Default)]
struct Replies {
    input: Vec<u8>,
    frames: Frames,
    /// How many came, the one to the ECHO not counted.
    count: u64,
    errors: u64,
}

impl Replies {
    /// Takes in what the server has sent. True once the reply to the ECHO is there.
    fn take(&mut self, stream: &mut Stream, magic: &[u8]) -> Result<bool, Failed> {
        let mut got_all = false;
        loop {
            let have = self.input.len();
            self.input.resize(have + CHUNK, 0);
            let got = stream.read(&mut self.input[have..]);
            self.input.truncate(have + *got.as_ref().unwrap_or(&0));
            match got {
                Ok(0) => {
                    eprintln!("Error reading from the server: Server closed the connection");
                    return Err(Failed);
                }
                Ok(n) => {
                    got_all |= self.count_them(magic)?;
                    if n < CHUNK && !stream.has_buffered() {
                        return Ok(got_all);
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(got_all),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(failed("reading from the server", &error)),
            }
        }
    }

    fn count_them(&mut self, magic: &[u8]) -> Result<bool, Failed> {
        let mut at = 0;
        let mut done = false;
        loop {
            // The reply of most lines, of which there are millions.
            while self.frames.is_idle() && self.input[at..].starts_with(b"+OK\r\n") {
                at += 5;
                self.count += 1;
            }
            let scanned = self.frames.scan(&self.input[at..]).map_err(|fault| {
                eprintln!("Error reading from the server: {fault}");
                Failed
            })?;
            let Some(len) = scanned else { break };
            let reply = &self.input[at..at + len];
            at += len;
            match reply[0] {
                b'-' | b'!' => {
                    self.errors += 1;
                    self.count += 1;
                    let text = reply[1..].split(|b| *b == b'\r').next().unwrap_or_default();
                    eprintln!("{}", String::from_utf8_lossy(&harmless(text)));
                }
                b'$' if reply.len() > 24 && reply.ends_with(magic) => done = true,
                b'>' => {}
                _ => self.count += 1,
            }
        }
        self.input.drain(..at);
        Ok(done)
    }
}

pub fn run(session: &mut Session<'_>) -> Result<(), Failed> {
    if session.options.cluster {
        return super::import::pipe(session);
    }
    session.conn()?;
    let timeout_s = session.options.pipe_timeout_s;
    let (_, mut stream) = session.conn.take().map(Conn::into_parts).ok_or(Failed)?;
    stream.set_nonblocking(true).map_err(|error| failed("setting the connection up", &error))?;
    let magic: Vec<u8> = format!("{:016x}{:04x}", entropy_u64(), entropy_u64() & 0xffff).into_bytes();
    let magic_line = [magic.as_slice(), b"\r\n"].concat();
    let mut replies = Replies::default();
    let mut out_buf = vec![0u8; CHUNK];
    let (mut from, mut to) = (0, 0);
    let mut stdin = io::stdin().lock();
    let (mut input_over, mut all_sent) = (false, false);
    let (mut heard, mut unheard) = (Instant::now(), 0);
    loop {
        // More to send?
        while from == to && !input_over {
            match stdin.read(&mut out_buf) {
                Ok(0) => {
                    input_over = true;
                    // Behind half a command the line end makes the server see it as one, and refuse it.
                    let mut end = b"\r\n".to_vec();
                    push_command(&mut end, &[b"ECHO".as_slice(), &magic]);
                    (from, to) = (0, end.len());
                    out_buf[..to].copy_from_slice(&end);
                    heard = Instant::now();
                }
                Ok(n) => (from, to) = (0, n),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(failed("reading from stdin", &error)),
            }
        }
        if from < to {
            match stream.write(&out_buf[from..to]) {
                Ok(n) => from += n,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(failed("writing to the server", &error)),
            }
        } else if !all_sent {
            all_sent = true;
            out::text(ALL_SENT);
            out::flush();
        }
        if from == to && !input_over {
            // The server takes all there is. Its answers are looked at now and then, or it would have to keep them.
            unheard += to;
            if unheard < HEARD_EVERY {
                continue;
            }
            unheard = 0;
            heard = Instant::now();
            if replies.take(&mut stream, &magic_line)? {
                break;
            }
            continue;
        }
        let wanted = if from < to { PollFlags::IN | PollFlags::OUT } else { PollFlags::IN };
        let mut fds = [PollFd::new(&stream, wanted)];
        let limit = Timespec { tv_sec: 1, tv_nsec: 0 };
        let ready = match poll(&mut fds, Some(&limit)) {
            Ok(_) => fds[0].revents(),
            Err(rustix::io::Errno::INTR) => continue,
            Err(error) => return Err(failed("waiting for the server", &error.into())),
        };
        if ready.intersects(PollFlags::IN | PollFlags::HUP | PollFlags::ERR) {
            heard = Instant::now();
            if replies.take(&mut stream, &magic_line)? {
                if !all_sent {
                    out::text(ALL_SENT);
                }
                out::text("Last reply received from server.\n");
                break;
            }
        }
        if all_sent && timeout_s > 0 && heard.elapsed().as_secs() > timeout_s {
            eprintln!("No replies for {timeout_s} seconds: exiting.");
            replies.errors += 1;
            break;
        }
    }
    out::text(&format!("errors: {}, replies: {}\n", replies.errors, replies.count));
    if replies.errors == 0 { Ok(()) } else { Err(Failed) }
}
