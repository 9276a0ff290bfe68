//! An engine without a process around it, for tests: one worker, one session, a clock that stands still until it is moved,
//! and a log whose end is read back as commands.

use super::{Engine, clients::Client, config::Config, session::Session, worker::Worker};
use crate::keyspace::Key;
use crate::resp::OwnedArgs;
use crate::resp::request::{Limits, Parsed, parse};
use std::sync::Arc;

/// Commands that belong together, each with its database.
pub type Effects = Vec<(u32, Vec<Vec<u8>>)>;

pub struct TestEngine {
    pub engine: Arc<Engine>,
    pub worker: Worker,
    pub session: Session,
    pub now_ms: i64,
    /// The database selected at the log's end.
    log_db: u32,
}

/// Reads a log back: commands between MULTI and EXEC are one piece. `db` is the database selected before, and after.
pub fn read_log(bytes: &[u8], db: &mut u32) -> Vec<Effects> {
    let (mut at, mut out, mut open) = (0, Vec::new(), None::<Effects>);
    while at < bytes.len() {
        let mut spans = Vec::new();
        let limits = Limits { max_bulk: 512 << 20, authenticated: true };
        let Ok(Parsed::Command { end }) = parse(bytes, at, &mut None, &mut spans, limits) else {
            panic!("the log is broken at {at}: {}", bytes[at..].escape_ascii());
        };
        let words = crate::resp::Args::new(bytes, &spans).to_vecs();
        match words[0].as_slice() {
            b"SELECT" => *db = String::from_utf8_lossy(&words[1]).parse().unwrap(),
            b"MULTI" => open = Some(Effects::new()),
            b"EXEC" => out.push(open.take().unwrap()),
            _ => match &mut open {
                Some(effects) => effects.push((*db, words)),
                None => out.push(vec![(*db, words)]),
            },
        }
        at = end;
    }
    assert!(open.is_none(), "EXEC is missing");
    out
}

impl Default for TestEngine {
    fn default() -> Self {
        Self::new()
    }
}

impl TestEngine {
    pub fn new() -> TestEngine {
        crate::commands::install();
        let config = Config::default();
        config.proto_max_bulk_len.set(512 << 20);
        let now_ms = 1_700_000_000_000;
        let engine = Engine::new(config, 1, 16, now_ms);
        engine.world.log.attach_tap(0);
        TestEngine {
            worker: Worker::new(engine.clone(), 0, 1),
            session: Session::new(Arc::new(Client::new(1, "", "", 0, now_ms)), true),
            engine,
            now_ms,
            log_db: 0,
        }
    }

    /// Runs one command and returns its reply.
    pub fn run<W: AsRef<[u8]>>(&mut self, words: &[W]) -> Vec<u8> {
        self.worker.begin(self.now_ms);
        self.worker.run_words(&mut self.session, &OwnedArgs::new(words));
        self.worker.access.leave();
        let reply = self.worker.reply.to_bytes();
        self.worker.reply.clear();
        reply
    }

    /// Runs a line of words between blanks, and returns its reply as text.
    pub fn line(&mut self, line: &str) -> String {
        let words: Vec<&str> = line.split(' ').collect();
        String::from_utf8_lossy(&self.run(&words)).into_owned()
    }

    /// What was logged since the last call.
    pub fn take_log(&mut self) -> Vec<Effects> {
        let pieces = self.engine.world.log.take_from_tap(Vec::new());
        pieces.iter().flat_map(|piece| read_log(&piece.bytes, &mut self.log_db)).collect()
    }

    /// Runs what another engine logged. What is logged in turn is dropped.
    pub fn replay(&mut self, log: &[Effects]) {
        for (db, words) in log.iter().flatten() {
            self.session.db = *db;
            self.run(words);
        }
        self.session.db = 0;
        self.take_log();
    }

    /// A string key of the session's database: its bytes, and when it expires. `None` if it is missing or expired.
    pub fn string(&mut self, key: &[u8]) -> Option<(Vec<u8>, Option<i64>)> {
        self.with_entry(key, |e| e.string().map(|s| (s.to_vec(), e.expiry()))).flatten()
    }

    /// What OBJECT ENCODING would say.
    pub fn encoding(&mut self, key: &[u8]) -> Option<&'static str> {
        self.with_entry(key, |e| e.encoding())
    }

    pub fn with_entry<R>(&mut self, key: &[u8], f: impl FnOnce(&crate::keyspace::Entry) -> R) -> Option<R> {
        let key = Key::new(key);
        let shard = self.engine.world.shard_of(key.hash);
        self.worker.begin(self.now_ms);
        let found = self.worker.access.shard(shard).db(self.session.db as usize).and_then(|t| {
            t.get(key.hash, key.bytes).filter(|e| e.expiry().is_none_or(|at| at >= self.now_ms)).map(|e| f(&e))
        });
        self.worker.access.leave();
        found
    }
}
