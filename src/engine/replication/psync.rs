//! PSYNC: who may go on where it stopped, and how a whole copy begins.

use super::frames;
use super::replica::{Phase, Replica};
use crate::engine::persist::{Job, Sink, Subscriber};
use crate::engine::{Engine, LogLevel, random_id};
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

impl Engine {
    /// Lets a replica go on behind `offset` bytes of history `id`, if those that follow are here. Says what to answer.
    pub fn try_continue(&self, replica: &Arc<Replica>, id: &str, next: i64, now_ms: i64) -> Option<String> {
        let (log, ids, counts) = (&self.world.log, self.replication.ids(), &self.replication.counts);
        let name = replica.name();
        let same = id == ids.now || (id == ids.before && next <= ids.before_until);
        if !same {
            if id != "?" {
                let why = if id == ids.before {
                    format!("Requested offset for second ID was {next}, but I can reply up to {}", ids.before_until)
                } else {
                    format!(
                        "Replication ID mismatch (Replica asked for '{id}', my replication IDs are '{}' and '{}')",
                        ids.now, ids.before
                    )
                };
                self.log(LogLevel::Notice, &format!("Partial resynchronization not accepted: {why}"));
                counts.partial_err.fetch_add(1, Relaxed);
            } else {
                self.log(LogLevel::Notice, &format!("Full resync requested by replica {name}"));
            }
            return None;
        }
        let place = u64::try_from(next - 1).ok().and_then(|at| log.with_backlog(|b| b.add_reader(at)).flatten());
        let Some(place) = place else {
            self.log(
                LogLevel::Notice,
                &format!(
                    "Unable to partial resync with replica {name} for lack of backlog (Replica request was: {next})."
                ),
            );
            counts.partial_err.fetch_add(1, Relaxed);
            return None;
        };
        counts.partial_ok.fetch_add(1, Relaxed);
        let lag = log.with_backlog(|b| b.lag(place)).unwrap_or(0);
        self.log(
            LogLevel::Notice,
            &format!(
                "Partial resynchronization request from {name} accepted. Sending {lag} bytes of backlog starting from offset {next}."
            ),
        );
        replica.keep_place(Some(place));
        replica.acked.store(next as u64 - 1, Relaxed);
        replica.start_stream(now_ms);
        self.add_replica(replica);
        self.review_replicas(now_ms);
        let psync2 = replica.about.lock().capa_psync2;
        Some(if psync2 { format!("+CONTINUE {}\r\n", ids.now) } else { "+CONTINUE\r\n".to_owned() })
    }

    /// Puts a replica in line for a whole copy.
    pub fn wait_for_copy(&self, replica: &Arc<Replica>, now_ms: i64) {
        self.replication.counts.full.fetch_add(1, Relaxed);
        replica.asked_ms.store(now_ms, Relaxed);
        replica.set_phase(Phase::Waiting);
        self.add_replica(replica);
        self.start_copies(now_ms);
    }

    /// Begins a copy for those who wait for one, if their time has come: `repl-diskless-sync-delay` lets others arrive.
    pub fn start_copies(&self, now_ms: i64) {
        let waiting: Vec<_> = self.replication.replicas().into_iter().filter(|r| r.phase() == Phase::Waiting).collect();
        let Some(longest) = waiting.iter().map(|r| now_ms - r.asked_ms.load(Relaxed)).max() else { return };
        if self.persist.job() != Job::None {
            return;
        }
        let config = &self.config;
        let by_mark = config.repl_diskless_sync.get() && waiting.iter().all(|r| r.about.lock().capa_eof);
        let most = config.repl_diskless_sync_max_replicas.get();
        let enough = most > 0 && waiting.len() as i64 >= most;
        // Whoever gets a file does not wait for others: it is there for them as well.
        if by_mark && longest < config.repl_diskless_sync_delay_secs.get().saturating_mul(1000) && !enough {
            return;
        }
        let Some(persistence) = self.hooks().and_then(|h| h.persistence()) else { return };
        waiting.iter().for_each(|r| r.set_phase(Phase::Copying));
        let target = if by_mark { "replicas sockets" } else { "disk" };
        self.log(LogLevel::Notice, &format!("Starting BGSAVE for SYNC with target: {target}"));
        let patience = Duration::from_secs(config.repl_timeout_secs.get().max(1) as u64);
        let spool = if by_mark { None } else { Some(spool_file()) };
        let spool = match spool.transpose() {
            Ok(spool) => spool,
            Err(e) => {
                self.log(LogLevel::Warning, &format!("Can't write the copy for replicas to disk: {e}"));
                return waiting.iter().for_each(|r| r.stop());
            }
        };
        let mark = random_id();
        let copy = Copy { replicas: waiting.clone(), mark: by_mark.then(|| mark.clone()), spool, written: 0, patience };
        persistence.snapshot(Subscriber {
            at_cut: Box::new(move |engine| engine.begin_copies(&waiting, by_mark.then_some(&*mark))),
            sink: Box::new(copy),
        });
    }

    /// Writes the stream down from here on, if it was not before. Everything is held.
    pub fn begin_backlog(&self) {
        let log = &self.world.log;
        if !log.has_backlog() {
            // Nobody can have anything of a history that was not written down.
            self.replication.new_history();
            log.create_backlog(self.config.repl_backlog_size.get() as usize);
        }
    }

    /// At the point in time of the copy, everything held: from here on the stream is kept for those who get it.
    fn begin_copies(&self, replicas: &[Arc<Replica>], mark: Option<&str>) {
        let log = &self.world.log;
        self.begin_backlog();
        if !log.is_relaying() {
            log.forget_selected();
        }
        let (offset, id) = (log.offset(), self.replication.ids().now);
        for replica in replicas {
            replica.keep_place(log.with_backlog(|b| b.add_reader(offset)).flatten());
            if replica.about.lock().psync {
                replica.push(format!("+FULLRESYNC {id} {offset}\r\n").as_bytes());
            }
            let takes_both = { replica.about.lock() }.takes_both();
            match mark {
                Some(_) if takes_both => {
                    replica.push(format!("{}\r\n", frames::HEADER).as_bytes());
                    replica.interleave();
                }
                Some(mark) => replica.push(format!("$EOF:{mark}\r\n").as_bytes()),
                None => {}
            }
        }
    }
}

/// A file without a name: it is gone when nobody has it open.
pub fn spool_file() -> io::Result<std::fs::File> {
    let path = format!("temp-repl-{}-{}.rdb", std::process::id(), random_id());
    let file = std::fs::OpenOptions::new().read(true).write(true).create_new(true).open(&path)?;
    std::fs::remove_file(&path)?;
    Ok(file)
}

/// The copy on its way to all who asked for it.
struct Copy {
    replicas: Vec<Arc<Replica>>,
    /// What tells its end; else it is written to a file first, whose length is told.
    mark: Option<String>,
    spool: Option<std::fs::File>,
    written: u64,
    patience: Duration,
}

impl Sink for Copy {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        if let Some(file) = &mut self.spool {
            self.written += bytes.len() as u64;
            return io::Write::write_all(file, bytes);
        }
        self.replicas.retain(|r| {
            let goes_on = r.push_copy(bytes, self.patience);
            if !goes_on {
                r.stop();
            }
            goes_on
        });
        if self.replicas.is_empty() { Err(io::Error::other("all replicas are gone")) } else { Ok(()) }
    }

    fn finish(self: Box<Self>, outcome: Result<(), String>) {
        for replica in &self.replicas {
            match (&outcome, &self.mark, &self.spool) {
                (Ok(()), Some(mark), _) => {
                    replica.end_copy(mark.as_bytes());
                }
                (Ok(()), None, Some(file)) => {
                    // Each reads at a position of its own.
                    match reopened(file) {
                        Ok(file) => {
                            replica.push(format!("${}\r\n", self.written).as_bytes());
                            replica.send_file(file);
                        }
                        Err(_) => replica.stop(),
                    }
                }
                _ => replica.stop(),
            }
        }
    }
}

/// The same file with a position of its own, at its start.
fn reopened(file: &std::fs::File) -> io::Result<std::fs::File> {
    use std::os::fd::AsRawFd;
    std::fs::File::open(format!("/proc/self/fd/{}", file.as_raw_fd()))
}
