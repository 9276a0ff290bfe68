//! `--rdb`, `--functions-rdb` and `--replica`: SYNC's snapshot into a file, and the commands behind it on the screen.

use super::{
    out,
    scan::fail,
    session::{Failed, Session},
};
use crate::{
    args::cli::Output,
    client::{Conn, Error, reason},
    resp::Value,
};
use std::{
    ffi::OsStr,
    fs::File,
    io::{self, Read, Write},
    os::unix::ffi::OsStrExt,
    path::Path,
};

/// The mark behind a snapshot of unknown length.
const MARK: usize = 40;
/// A server that has not begun after so many bytes of a first line is none.
const LINE: usize = 1024;

/// Says what a replica says before SYNC. Servers that do not know it go on without.
fn replconf(session: &mut Session<'_>, words: &[&str]) -> Result<bool, Failed> {
    eprintln!("sending REPLCONF {}", words.join(" "));
    let all: Vec<&[u8]> = std::iter::once("REPLCONF").chain(words.iter().copied()).map(str::as_bytes).collect();
    let reply = session.ask(&all)?;
    if let Some(text) = reply.error() {
        eprintln!("REPLCONF {} error: {}", words[0], String::from_utf8_lossy(&super::format::harmless(text)));
        return Ok(false);
    }
    Ok(true)
}

/// How the snapshot's end is known.
enum End {
    Length(u64),
    Mark([u8; MARK]),
}

/// The snapshot's bytes as they come, and what comes behind them.
struct Snapshot {
    conn: Conn,
    /// Come, and not yet handed on.
    buffer: Vec<u8>,
    end: End,
}

fn sync(session: &mut Session<'_>) -> Result<Snapshot, Failed> {
    let mut conn = session.conn.take().ok_or(Failed)?;
    conn.send_raw(b"SYNC\r\n").map_err(fail)?;
    let mut buffer = Vec::new();
    let line = loop {
        // Line feeds alone mean that the server is still preparing.
        while matches!(buffer.first(), Some(b'\n' | b'\r')) {
            buffer.remove(0);
        }
        if let Some(end) = buffer.iter().position(|b| *b == b'\n') {
            let rest = buffer.split_off(end + 1);
            break std::mem::replace(&mut buffer, rest);
        }
        if buffer.len() > LINE {
            eprintln!("Error reading bulk length while SYNCing");
            return Err(Failed);
        }
        more(&mut conn, &mut buffer)?;
    };
    let line = String::from_utf8_lossy(&line).trim_end().to_owned();
    if line.starts_with('-') {
        eprintln!("SYNC with master failed: {}", String::from_utf8_lossy(&super::format::harmless(line.as_bytes())));
        return Err(Failed);
    }
    let end = match line.strip_prefix('$').map(|rest| (rest.strip_prefix("EOF:"), rest.parse::<u64>())) {
        Some((Some(mark), _)) => mark.as_bytes().try_into().ok().map(End::Mark),
        Some((None, Ok(length))) => Some(End::Length(length)),
        _ => None,
    };
    let Some(end) = end else {
        eprintln!("SYNC with master failed: {}", String::from_utf8_lossy(&super::format::harmless(line.as_bytes())));
        return Err(Failed);
    };
    Ok(Snapshot { conn, buffer, end })
}

fn more(conn: &mut Conn, buffer: &mut Vec<u8>) -> Result<(), Failed> {
    let have = buffer.len();
    buffer.resize(have + (64 << 10), 0);
    let got = loop {
        match conn.stream.read(&mut buffer[have..]) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            other => break other,
        }
    };
    buffer.truncate(have + *got.as_ref().unwrap_or(&0));
    match got {
        Ok(0) => {
            eprintln!("Error reading RDB payload while SYNCing: the server closed the connection");
            Err(Failed)
        }
        Ok(_) => Ok(()),
        Err(error) => Err(fail(Error::Io(error))),
    }
}

impl Snapshot {
    /// Hands the snapshot to `take`; returns its length. What came behind it stays in the buffer.
    fn read(&mut self, mut take: impl FnMut(&[u8]) -> Result<(), Failed>) -> Result<u64, Failed> {
        let mut length = 0u64;
        loop {
            let ready = match &self.end {
                End::Length(all) => usize::try_from(all - length).unwrap_or(usize::MAX).min(self.buffer.len()),
                End::Mark(mark) => {
                    if let Some(at) = self.buffer.windows(MARK).position(|window| window == mark) {
                        take(&self.buffer[..at])?;
                        self.buffer.drain(..at + MARK);
                        return Ok(length + at as u64);
                    }
                    // Its beginning may be there.
                    self.buffer.len().saturating_sub(MARK - 1)
                }
            };
            take(&self.buffer[..ready])?;
            self.buffer.drain(..ready);
            length += ready as u64;
            if matches!(self.end, End::Length(all) if all == length) {
                return Ok(length);
            }
            more(&mut self.conn, &mut self.buffer)?;
        }
    }
}

pub fn fetch(session: &mut Session<'_>, file: &[u8], functions_only: bool) -> Result<(), Failed> {
    session.conn()?;
    replconf(session, &["capa", "eof"])?;
    let only = replconf(session, &["rdb-only", "1"])?;
    if functions_only && !replconf(session, &["rdb-filter-only", "functions"])? {
        eprintln!("Failed requesting functions only RDB from server, aborting");
        return Err(Failed);
    }
    let mut snapshot = sync(session)?;
    let name = String::from_utf8_lossy(file).into_owned();
    let (sized, what) = match &snapshot.end {
        End::Length(length) => (true, format!("{length} bytes")),
        End::Mark(_) => (false, "bytes of bulk transfer until EOF marker".to_owned()),
    };
    eprintln!("SYNC sent to master, writing {what} to '{name}'");
    let wrong = |error: io::Error| {
        eprintln!("Error writing '{name}': {}", reason(&error));
        Failed
    };
    let length = if file == b"-" {
        let length = snapshot.read(|bytes| {
            out::bytes(bytes);
            Ok(())
        })?;
        out::flush();
        length
    } else {
        let mut target = File::create(Path::new(OsStr::from_bytes(file))).map_err(|error| {
            eprintln!("Error opening '{name}': {}", reason(&error));
            Failed
        })?;
        let length = snapshot.read(|bytes| target.write_all(bytes).map_err(wrong))?;
        target.sync_all().map_err(wrong)?;
        length
    };
    if sized && !only {
        // The server believes in a replica, and would go on sending: closing is the good-bye.
        drop(snapshot);
    }
    match sized {
        true => eprintln!("Transfer finished with success."),
        false => eprintln!("Transfer finished with success after {length} bytes"),
    }
    Ok(())
}

/// `--replica`: what a replica is sent, as CSV.
pub fn run(session: &mut Session<'_>) -> Result<(), Failed> {
    session.conn()?;
    replconf(session, &["capa", "eof"])?;
    log(session)
}

/// The SYNC command typed at the prompt.
pub fn follow_commands(session: &mut Session<'_>) -> Result<(), Error> {
    session.conn = None;
    if session.connect().is_ok() {
        // What went wrong is on standard error.
        let _ = log(session);
    }
    session.conn = None;
    Ok(())
}

fn log(session: &mut Session<'_>) -> Result<(), Failed> {
    let mut snapshot = sync(session)?;
    match &snapshot.end {
        End::Length(length) => eprintln!("SYNC with master, discarding {length} bytes of bulk transfer..."),
        End::Mark(_) => eprintln!("SYNC with master, discarding bytes of bulk transfer until EOF marker..."),
    }
    let marked = matches!(snapshot.end, End::Mark(_));
    let length = snapshot.read(|_| Ok(()))?;
    match marked {
        true => eprintln!("SYNC done after {length} bytes. Logging commands from master."),
        false => eprintln!("SYNC done. Logging commands from master."),
    }
    let Snapshot { mut conn, buffer, .. } = snapshot;
    // Tells the server that the snapshot has arrived; there is no reply.
    eprintln!("sending REPLCONF ACK 0");
    conn.send(&["REPLCONF", "ACK", "0"]).map_err(fail)?;
    conn.set_input(buffer);
    let mut form = session.form();
    form.output = Output::Csv;
    loop {
        let command: Value = conn.read_skipping_newlines().map_err(fail)?;
        out::bytes(&form.reply(&command, false));
        out::flush();
    }
}
