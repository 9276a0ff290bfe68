//! `--del-match` and `--expire-match`: work on all keys that fit a pattern, in batches, at a bounded rate, with a dry run,
//! a place to go on from, and a journal from which `--undo` restores.
//!
//! The journal is a stream of commands, `RESTORE … ABSTTL REPLACE` of what was deleted and `PEXPIREAT` or `PERSIST` of
//! what will expire, written and synced before the change it undoes: `--undo` is `--import` of it.

use super::{
    bigkeys::into_bytes,
    on_terminal, out,
    scan::{Walk, fail, targets},
    session::{Failed, Session},
};
use crate::{
    client::{Conn, Target, push_command, reason},
    resp::Value,
};
use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    time::{Duration, Instant},
};

/// Keys of a batch: a page of SCAN, and what is in flight at once.
const BATCH: u64 = 500;

struct Work<'o> {
    session: &'o Session<'o>,
    expire_s: Option<u64>,
    journal: Option<File>,
    matched: u64,
    changed: u64,
    start: Instant,
    told: Instant,
}

pub fn run(session: &mut Session<'_>, pattern: &[u8], expire_s: Option<u64>) -> Result<(), Failed> {
    session.conn()?;
    let options = session.options;
    if options.read_only && !options.dry_run {
        eprintln!("refused: this session is read-only");
        return Err(Failed);
    }
    let nodes = targets(session)?;
    let what = if expire_s.is_some() { "expire" } else { "delete" };
    if !options.dry_run && !options.yes {
        if !on_terminal() {
            eprintln!("--yes is needed to {what} keys without a terminal; --dry-run shows them");
            return Err(Failed);
        }
        let keys = session.ask(&[b"DBSIZE"])?.int().unwrap_or(0);
        out::text(&format!(
            "This will {what} the keys that fit {:?} among {keys} on {} node(s) of {}. Go on? (yes/no) ",
            String::from_utf8_lossy(pattern),
            nodes.len(),
            session.target.addr
        ));
        out::flush();
        let mut line = String::new();
        if io::stdin().read_line(&mut line).is_err() || !matches!(line.trim(), "yes" | "y") {
            out::text("nothing done\n");
            return Err(Failed);
        }
    }
    let journal = match (&options.journal, options.dry_run) {
        (Some(path), false) => Some(OpenOptions::new().create(true).append(true).open(path).map_err(|error| {
            eprintln!("{}: {}", path.display(), reason(&error));
            Failed
        })?),
        _ => None,
    };
    let from = resume_from(session)?;
    let now = Instant::now();
    let mut work = Work { session, expire_s, journal, matched: 0, changed: 0, start: now, told: now };
    for target in
        nodes.iter().skip_while(|node| from.as_ref().is_some_and(|(place, _)| *place != node.addr.to_string()))
    {
        let cursor =
            from.as_ref().filter(|(place, _)| *place == target.addr.to_string()).map_or(0, |(_, cursor)| *cursor);
        work.node(target, pattern, cursor)?;
    }
    if on_terminal() {
        eprint!("\r\x1b[2K");
    }
    let seconds = work.start.elapsed().as_secs_f64();
    match options.dry_run {
        true => out::text(&format!("{} keys would be hit\n", work.matched)),
        false => {
            out::text(&format!("keys that fit: {}, changed: {}, seconds: {seconds:.1}\n", work.matched, work.changed))
        }
    }
    if let Some(file) = options.resume.as_ref().filter(|file| file.exists()) {
        // All is done: nothing to go on with.
        fs::remove_file(file).map_err(|error| {
            eprintln!("{}: {}", file.display(), reason(&error));
            Failed
        })?;
    }
    Ok(())
}

/// The node and the cursor that an earlier run left.
fn resume_from(session: &Session<'_>) -> Result<Option<(String, u64)>, Failed> {
    let Some(file) = session.options.resume.as_ref().filter(|file| file.exists()) else { return Ok(None) };
    let text = fs::read_to_string(file).unwrap_or_default();
    let place = text.trim().rsplit_once(' ').and_then(|(node, cursor)| Some((node.to_owned(), cursor.parse().ok()?)));
    place.map(Some).ok_or_else(|| {
        eprintln!("{}: no place to go on from", file.display());
        Failed
    })
}

impl Work<'_> {
    fn node(&mut self, target: &Target, pattern: &[u8], cursor: u64) -> Result<(), Failed> {
        let options = self.session.options;
        let mut target = target.clone();
        target.db = self.session.target.db;
        let mut conn = target.open().map_err(fail)?;
        let total = conn.ask(&["DBSIZE"]).map_err(fail)?.int().unwrap_or(0).max(1);
        let mut walk = Walk::new(Some(pattern), options.count.unwrap_or(BATCH), cursor);
        walk.key_type = options.key_type.as_deref();
        let mut pages = 0;
        loop {
            if let Some(file) = &options.resume
                && !options.dry_run
            {
                let place = format!("{} {}\n", target.addr, String::from_utf8_lossy(&walk.cursor));
                fs::write(file, place).map_err(|error| {
                    eprintln!("{}: {}", file.display(), reason(&error));
                    Failed
                })?;
            }
            let Some(keys) = walk.next(&mut conn, false)? else { return Ok(()) };
            let keys: Vec<Vec<u8>> = keys.into_iter().filter_map(into_bytes).collect();
            self.matched += keys.len() as u64;
            pages += 1;
            if options.dry_run {
                for key in &keys {
                    out::bytes(&crate::resp::inline::quote(key));
                    out::text("\n");
                }
            } else if !keys.is_empty() {
                self.keep(&mut conn, &keys)?;
                self.change(&mut conn, &keys)?;
                self.pace();
            }
            if on_terminal() && self.told.elapsed() > Duration::from_millis(200) {
                self.told = Instant::now();
                let share = (100.0 * (pages * options.count.unwrap_or(BATCH)) as f64 / total as f64).min(100.0);
                let bar = "#".repeat((share / 5.0) as usize);
                eprint!("\r[{bar:<20}] {share:5.1}%  {} fit, {} changed", self.matched, self.changed);
            }
        }
    }

    /// Writes to the journal what undoes the change, and has it on the disk before the change is made.
    fn keep(&mut self, conn: &mut Conn, keys: &[Vec<u8>]) -> Result<(), Failed> {
        let Some(journal) = &mut self.journal else { return Ok(()) };
        for key in keys {
            if self.expire_s.is_none() {
                conn.push(&[b"DUMP".as_slice(), key]);
            }
            conn.push(&[b"PEXPIRETIME".as_slice(), key]);
        }
        conn.flush().map_err(fail)?;
        let mut lines = Vec::new();
        for key in keys {
            let dump = if self.expire_s.is_none() { Some(conn.read().map_err(fail)?.plain()) } else { None };
            let at = conn.read().map_err(fail)?.plain();
            let Some(at) = at.int() else {
                eprintln!("The server cannot tell when keys expire (PEXPIRETIME, Redis 7): no journal can be kept.");
                return Err(Failed);
            };
            let digits = at.max(0).to_string();
            match dump {
                Some(Value::Bulk(dump)) => push_command(
                    &mut lines,
                    &[b"RESTORE".as_slice(), key, digits.as_bytes(), &dump, b"REPLACE", b"ABSTTL"],
                ),
                // Gone meanwhile.
                Some(_) => {}
                None if at >= 0 => push_command(&mut lines, &[b"PEXPIREAT".as_slice(), key, digits.as_bytes()]),
                None if at == -1 => push_command(&mut lines, &[b"PERSIST".as_slice(), key]),
                None => {}
            }
        }
        journal.write_all(&lines).and_then(|()| journal.sync_data()).map_err(|error| {
            eprintln!("The journal cannot be written: {}", reason(&error));
            Failed
        })
    }

    fn change(&mut self, conn: &mut Conn, keys: &[Vec<u8>]) -> Result<(), Failed> {
        let seconds = self.expire_s.map(|n| n.to_string());
        // Each key by itself: the keys of a batch are of many slots.
        for key in keys {
            match &seconds {
                Some(seconds) => conn.push(&[b"EXPIRE".as_slice(), key, seconds.as_bytes()]),
                None => conn.push(&[b"UNLINK".as_slice(), key]),
            }
        }
        conn.flush().map_err(fail)?;
        let mut refused = None;
        for _ in keys {
            match conn.read().map_err(fail)?.plain() {
                Value::Int(n) => self.changed = self.changed.saturating_add(n.max(0).unsigned_abs()),
                Value::Error(text) => refused = Some(text),
                _ => {}
            }
        }
        match refused {
            None => Ok(()),
            Some(text) => {
                eprintln!("{}", String::from_utf8_lossy(&super::format::harmless(&text)));
                Err(Failed)
            }
        }
    }

    /// Sleeps until the rate allows more.
    fn pace(&self) {
        if let Some(rate) = self.session.options.rate {
            let due = Duration::from_secs_f64(self.matched as f64 / rate as f64);
            std::thread::sleep(due.saturating_sub(self.start.elapsed()));
        }
    }
}
