//! A whole copy from our primary: received into a file beside the old dataset, which serves on meanwhile, and then loaded in its
//! place.

use super::super::persist::{Persist, load};
use super::super::{log, now_ms, reason};
use super::wire::Wire;
use crate::engine::clients::Client;
use crate::engine::session::Session;
use crate::engine::worker::Worker;
use crate::engine::{Engine, LogLevel, gates, random_id};
use crate::keyspace::db::ExpiryMode;
use crate::resp::OwnedArgs;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Bytes of the mark behind a copy whose length was not told.
const MARK: usize = 40;
/// Bytes after which the file is synced, as Redis does, so that the end does not take long.
const SYNC_EVERY: u64 = 8 << 20;

enum Length {
    Bytes(u64),
    Mark(Vec<u8>),
}

/// A file that is gone if nobody claims it.
struct Temporary(Option<PathBuf>);

impl Drop for Temporary {
    fn drop(&mut self) {
        if let Some(path) = &self.0 {
            let _ = std::fs::remove_file(path); // it may never have been made
        }
    }
}

/// Receives the copy and puts it in the dataset's place.
pub fn receive(
    engine: &Arc<Engine>,
    persist: &Arc<Persist>,
    wire: &mut Wire<'_>,
    history: Option<(String, u64)>,
) -> Result<(), String> {
    let header = wire.answer()?;
    let length = parse_header(&header)?;
    match &length {
        Length::Mark(_) => log::notice("MASTER <-> REPLICA sync: receiving streamed RDB from master with EOF to disk"),
        Length::Bytes(n) => log::notice(&format!("MASTER <-> REPLICA sync: receiving {n} bytes from master to disk")),
    }
    engine.replication.with_link(|l| {
        (l.copy_total, l.copy_read) = (if let Length::Bytes(n) = length { n } else { 0 }, 0);
        l.copy_io_ms = now_ms();
    });
    let path = PathBuf::from(format!("temp-{}.{}.rdb", now_ms() / 1000, std::process::id()));
    let mut temporary = Temporary(Some(path.clone()));
    let failed = |e: io::Error| {
        format!(
            "Write error or short write writing to the DB dump file needed for MASTER <-> REPLICA sync: {}",
            reason(&e)
        )
    };
    let mut file = File::create(&path).map_err(failed)?;
    spool(engine, wire, &length, &mut file)?;
    file.sync_all().map_err(failed)?;
    drop(file);
    let target = PathBuf::from(engine.config.dbfilename.get());
    std::fs::rename(&path, &target).map_err(|e| {
        format!(
            "Failed trying to rename the temp DB into {} in MASTER <-> REPLICA synchronization: {}",
            target.display(),
            reason(&e)
        )
    })?;
    temporary.0 = None;
    install(engine, persist, wire, &target, history)
}

fn parse_header(header: &str) -> Result<Length, String> {
    if let Some(why) = header.strip_prefix('-') {
        return Err(format!("MASTER aborted replication with an error: {why}"));
    }
    let told = header.strip_prefix('$').ok_or_else(|| {
        format!("Bad protocol from MASTER, the first byte is not '$' (we received '{header}'), are you sure the host and port are right?")
    })?;
    match told.strip_prefix("EOF:") {
        Some(mark) if mark.len() == MARK => Ok(Length::Mark(mark.as_bytes().to_vec())),
        Some(_) => Err("Bad protocol from MASTER: a mark of the wrong length".into()),
        None => told.parse().map(Length::Bytes).map_err(|_| "Bad protocol from MASTER: no length".to_owned()),
    }
}

fn spool(engine: &Engine, wire: &mut Wire<'_>, length: &Length, file: &mut File) -> Result<(), String> {
    let failed = |e: io::Error| {
        format!(
            "Write error or short write writing to the DB dump file needed for MASTER <-> REPLICA sync: {}",
            reason(&e)
        )
    };
    let (mut read, mut synced, mut noted) = (0u64, 0u64, Instant::now());
    let mut piece = vec![0; 64 << 10];
    // The last bytes, which may be the mark, stay here.
    let mut held: Vec<u8> = Vec::new();
    loop {
        let most = match length {
            Length::Bytes(n) if read == *n => break,
            Length::Bytes(n) => piece.len().min((n - read).min(1 << 30) as usize),
            Length::Mark(_) => piece.len(),
        };
        let n = wire.bytes(&mut piece[..most])?;
        read += n as u64;
        match length {
            Length::Bytes(_) => file.write_all(&piece[..n]).map_err(failed)?,
            Length::Mark(mark) => {
                held.extend_from_slice(&piece[..n]);
                if held.ends_with(mark) {
                    held.truncate(held.len() - MARK);
                    file.write_all(&held).map_err(failed)?;
                    break;
                }
                let ready = held.len().saturating_sub(MARK);
                file.write_all(&held[..ready]).map_err(failed)?;
                held.drain(..ready);
            }
        }
        if read - synced >= SYNC_EVERY {
            file.sync_data().map_err(failed)?;
            synced = read;
        }
        if noted.elapsed() > Duration::from_millis(100) {
            noted = Instant::now();
            engine.replication.with_link(|l| (l.copy_read, l.copy_io_ms) = (read, now_ms()));
            if !wire.is_wanted() {
                return Err("this server follows somebody else now".into());
            }
        }
    }
    Ok(())
}

/// Reads a file and, once a second, tells the primary that we are alive.
struct Lively<'a, 'b, R> {
    inner: R,
    wire: &'a mut Wire<'b>,
    told: Instant,
}

impl<R: Read> Read for Lively<'_, '_, R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if self.told.elapsed() > Duration::from_secs(1) {
            self.told = Instant::now();
            self.wire.keep_alive();
        }
        self.inner.read(buf)
    }
}

/// Replaces the dataset by the one in the file. Nobody is served meanwhile.
fn install(
    engine: &Arc<Engine>,
    persist: &Arc<Persist>,
    wire: &mut Wire<'_>,
    path: &Path,
    history: Option<(String, u64)>,
) -> Result<(), String> {
    let file = File::open(path).map_err(|e| format!("Can't read what the MASTER sent: {}", reason(&e)))?;
    let size = file.metadata().map_or(0, |m| m.len());
    // The log would hold what is about to go; it begins anew with what comes.
    if engine.world.log.has_tap() {
        persist.log_file.switch_off();
    }
    log::notice("MASTER <-> REPLICA sync: Flushing old data");
    engine.drop_replicas();
    engine.set_gate(gates::LOADING, true);
    let outcome = empty(engine, wire).and_then(|()| {
        log::notice("MASTER <-> REPLICA sync: Loading DB in memory");
        engine.replication.with_link(|l| l.torn = true);
        engine.replication.told.lock().take();
        let source = Lively { inner: file, wire: &mut *wire, told: Instant::now() };
        load::load_copy(engine, source, size).map_err(|load::Refused(why)| {
            log::warning(&why);
            "Failed trying to load the MASTER synchronization DB from disk, check server logs.".to_owned()
        })
    });
    let outcome = outcome.and_then(|()| {
        let mut access = engine.visit().ok_or("too many visitors")?;
        access.raise();
        if !wire.is_wanted() {
            return Err("this server follows somebody else now".to_owned());
        }
        let (id, offset) = history.unwrap_or_else(|| (random_id(), 0));
        engine.join(&id, Some(offset));
        let db = engine.replication.told.lock().take().map_or(0, |origin| origin.db);
        engine.replication.with_link(|l| (l.torn, l.db) = (false, db));
        Ok(())
    });
    if outcome.is_err() && engine.replication.with_link(|l| l.torn) {
        // Half a dataset is worse than none.
        let _ = empty(engine, wire);
        engine.replication.new_history();
    }
    engine.set_gate(gates::LOADING, false);
    remove_if_unwanted(engine, path);
    if engine.config.appendonly.get()
        && let Err(why) = persist.switch_log(true)
    {
        log::warning(&why);
    }
    outcome?;
    engine.shared_stats.dirty_at_save.store(engine.changes(), std::sync::atomic::Ordering::Relaxed);
    log::notice("MASTER <-> REPLICA sync: Finished with success");
    Ok(())
}

/// `rdb-del-sync-files`: a server that is to keep nothing on disk does not keep the copy either.
fn remove_if_unwanted(engine: &Engine, path: &Path) {
    let config = &engine.config;
    if config.rdb_del_sync_files.get() && config.save.get().is_empty() && !config.appendonly.get() {
        log::notice("Removing the RDB file obtained from the master. This replica has persistence disabled");
        if let Err(e) = std::fs::remove_file(path) {
            log::warning(&format!("Can't remove {}: {}", path.display(), reason(&e)));
        }
    }
}

/// Takes everything out, as FLUSHALL does: who watches or waits for a key hears of it.
fn empty(engine: &Arc<Engine>, wire: &Wire<'_>) -> Result<(), String> {
    let mut worker = Worker::visiting(engine.clone()).ok_or("too many visitors")?;
    let mut session = Session::new(Arc::new(Client::new(0, "", "", -1, now_ms())), true);
    (session.internal, session.expiry) = (true, ExpiryMode::Ignore);
    worker.begin(now_ms());
    worker.access.raise();
    let wanted = wire.is_wanted();
    if wanted && let Err(e) = worker.replay(&mut session, OwnedArgs::new(["FLUSHALL"].iter()).args()) {
        engine.log(LogLevel::Warning, &e.text());
    }
    worker.access.leave();
    if wanted { Ok(()) } else { Err("this server follows somebody else now".into()) }
}
