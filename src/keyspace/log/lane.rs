//! One worker's effects on their way to the log: requests in bytes, in runs of one database each.

use super::backlog::NO_DB;

const MULTI: &[u8] = b"*1\r\n$5\r\nMULTI\r\n";
const EXEC: &[u8] = b"*1\r\n$4\r\nEXEC\r\n";
/// A buffer larger than this is given back once it is empty.
const KEEP: usize = 256 * 1024;

#[derive(Default)]
pub struct Lane {
    bytes: Vec<u8>,
    runs: Vec<Run>,
    /// The unit that is open: where it began, in bytes and runs, and how many commands it has.
    unit: Option<Unit>,
    /// What a primary's link has carried out, byte by byte as it came: see [`super::Log::set_relaying`].
    relayed: Vec<u8>,
    /// Somebody listens: effects are worth writing down. Set when the gate is passed.
    pub(in crate::keyspace) wanted: bool,
    /// The time of the effects, Unix seconds, for stamps in the append-only file.
    pub now_s: i64,
}

struct Run {
    db: u32,
    end: usize,
    /// Not for the append-only file.
    replicas_only: bool,
}

struct Unit {
    depth: u32,
    bytes: usize,
    runs: usize,
    commands: usize,
}

impl Lane {
    /// True if somebody listens. The same until the gate is passed again.
    #[inline]
    pub fn is_wanted(&self) -> bool {
        self.wanted
    }

    #[inline]
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty() && self.relayed.is_empty()
    }

    /// Bytes of a primary whose commands were carried out under the locks that are held now.
    pub fn relay(&mut self, bytes: &[u8]) {
        self.relayed.extend_from_slice(bytes);
    }

    pub(super) fn relayed(&self) -> &[u8] {
        &self.relayed
    }

    /// True if there are effects.
    pub(super) fn has_effects(&self) -> bool {
        !self.bytes.is_empty()
    }

    /// Begins a unit: commands that are replayed all or not at all. Units inside a unit are part of it.
    #[inline]
    pub fn begin_unit(&mut self) {
        match &mut self.unit {
            Some(unit) => unit.depth += 1,
            None => self.unit = Some(Unit { depth: 1, bytes: self.bytes.len(), runs: self.runs.len(), commands: 0 }),
        }
    }

    /// Ends a unit. If it has more than one command, MULTI and EXEC are put around it, as Redis 7 does.
    #[inline]
    pub fn end_unit(&mut self) {
        let Some(unit) = &mut self.unit else { return };
        unit.depth -= 1;
        if unit.depth > 0 {
            return;
        }
        if unit.commands > 1 {
            let (bytes, runs) = (unit.bytes, unit.runs);
            self.bytes.splice(bytes..bytes, MULTI.iter().copied());
            self.runs[runs..].iter_mut().for_each(|r| r.end += MULTI.len());
            self.runs.insert(runs, Run { db: NO_DB, end: bytes + MULTI.len(), replicas_only: false });
            self.bytes.extend_from_slice(EXEC);
            self.runs.push(Run { db: NO_DB, end: self.bytes.len(), replicas_only: false });
        }
        self.unit = None;
    }

    pub(in crate::keyspace) fn is_in_unit(&self) -> bool {
        self.unit.is_some()
    }

    /// Ends the open unit before its time. Returns what [`resume_unit`](Self::resume_unit) needs to open it again.
    pub(in crate::keyspace) fn suspend_unit(&mut self) -> u32 {
        let depth = self.unit.as_ref().map_or(0, |u| u.depth);
        self.close();
        depth
    }

    /// The lane must be empty.
    pub(in crate::keyspace) fn resume_unit(&mut self, depth: u32) {
        (0..depth).for_each(|_| self.begin_unit());
    }

    /// After a panic: what was written down of an open unit did happen.
    pub fn close(&mut self) {
        if let Some(unit) = &mut self.unit {
            unit.depth = 1;
            self.end_unit();
        }
    }

    /// Writes one command down.
    #[inline]
    pub fn push<'a>(&mut self, db: u32, words: impl ExactSizeIterator<Item = &'a [u8]>) {
        self.write(db, false, words);
    }

    /// Writes a command down that only replicas are to carry out, such as PUBLISH.
    pub fn push_for_replicas<'a>(&mut self, db: u32, words: impl ExactSizeIterator<Item = &'a [u8]>) {
        self.write(db, true, words);
    }

    #[inline]
    fn write<'a>(&mut self, db: u32, replicas_only: bool, words: impl ExactSizeIterator<Item = &'a [u8]>) {
        self.start_run(db, replicas_only);
        encode(&mut self.bytes, words);
        if let Some(run) = self.runs.last_mut() {
            run.end = self.bytes.len();
        }
    }

    fn start_run(&mut self, db: u32, replicas_only: bool) {
        let fresh = match &mut self.unit {
            Some(unit) => {
                unit.commands += 1;
                unit.commands == 1
            }
            None => false,
        };
        if fresh || self.runs.last().is_none_or(|r| r.db != db || r.replicas_only != replicas_only) {
            self.runs.push(Run { db, end: self.bytes.len(), replicas_only });
        }
    }

    /// Each run's database, or [`NO_DB`] if its bytes do not care, and its bytes; for replicas, or for the append-only file.
    pub(super) fn each_run(&self, for_replicas: bool, mut f: impl FnMut(u32, &[u8])) {
        let mut from = 0;
        for run in &self.runs {
            if for_replicas || !run.replicas_only {
                f(run.db, &self.bytes[from..run.end]);
            }
            from = run.end;
        }
    }

    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.runs.clear();
        self.relayed.clear();
        if self.relayed.capacity() > KEEP {
            self.relayed = Vec::new();
        }
        if self.bytes.capacity() > KEEP {
            self.bytes = Vec::new();
        }
    }
}

/// A request's bytes.
fn encode<'a>(out: &mut Vec<u8>, words: impl ExactSizeIterator<Item = &'a [u8]>) {
    let mut digits = itoa::Buffer::new();
    let mut header = |out: &mut Vec<u8>, sign: u8, n: usize| {
        out.push(sign);
        out.extend_from_slice(digits.format(n).as_bytes());
        out.extend_from_slice(b"\r\n");
    };
    header(out, b'*', words.len());
    for word in words {
        header(out, b'$', word.len());
        out.extend_from_slice(word);
        out.extend_from_slice(b"\r\n");
    }
}

/// SELECT of a database.
pub(super) fn select(db: u32) -> Vec<u8> {
    let (mut out, number) = (Vec::with_capacity(32), db.to_string());
    encode(&mut out, [b"SELECT".as_slice(), number.as_bytes()].into_iter());
    out
}
