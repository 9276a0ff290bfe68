//! The append-only file being written: what waits in the log's tap goes to the last increment, and is synced as
//! `appendfsync` says.
//!
//! - `everysec` and `no`: a worker that logged something writes it once the connections that were ready have had their
//!   turns. A thread syncs once a second. While it does, writing would wait for it, so what comes meanwhile is left to
//!   the thread.
//! - `always`: that thread writes and syncs again and again, and each time releases the replies of all whose effects were among it
//!   (group commit). Other connections go on meanwhile.
//!
//! Where writing fails, what is not written stays here and is tried again; commands that write are refused until it works. The
//! file is cut back to whole effects first. A failed sync is another matter: nobody knows what is on disk then, and under
//! `always` the process ends, as Redis does.

use super::super::{log, now_ms, reason};
use crate::aof::Manifest;
use crate::base::disk::{Disk, File, replace};
use crate::engine::Engine;
use crate::engine::config::AppendFsync;
use crate::keyspace::log::Piece;
use parking_lot::{Condvar, Mutex};
use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// How often the thread looks whether there is anything to do.
const TICK: Duration = Duration::from_millis(100);
const SECOND: Duration = Duration::from_secs(1);

pub struct LogFile {
    engine: Arc<Engine>,
    pub disk: Arc<dyn Disk>,
    state: Mutex<State>,
    /// Somebody wants the thread to look at once.
    wanted: Mutex<bool>,
    wake: Condvar,
    /// The thread is syncing, and nobody had better write.
    syncing: AtomicBool,
}

#[derive(Default)]
struct State {
    manifest: Manifest,
    /// The files that the tap's pieces are for, oldest first; the last one is the present increment.
    files: Vec<OpenFile>,
    last_id: u64,
    /// Taken from the tap and not written.
    unwritten: VecDeque<Piece>,
    /// Bytes written since the tap was attached: a position of the log.
    written: u64,
    /// The offset of replication whose effects are written.
    offset: u64,
    spare: Vec<u8>,
    /// Since when a write has been put off for a sync.
    postponed: Option<Instant>,
    /// The increment has a temporary name until the first base is there (`appendonly` was switched on).
    provisional: Option<PathBuf>,
}

struct OpenFile {
    id: u64,
    file: Arc<dyn File>,
    len: u64,
    dirty: bool,
}

impl LogFile {
    pub fn new(engine: Arc<Engine>, disk: Arc<dyn Disk>) -> Arc<LogFile> {
        Arc::new(LogFile {
            engine,
            disk,
            state: Mutex::default(),
            wanted: Mutex::new(false),
            wake: Condvar::new(),
            syncing: AtomicBool::new(false),
        })
    }

    // ---- names -----------------------------------------------------------------------------------------------------

    pub fn dir(&self) -> PathBuf {
        PathBuf::from(self.engine.config.appenddirname.get())
    }

    pub fn filename(&self) -> String {
        self.engine.config.appendfilename.get()
    }

    pub fn manifest_path(&self) -> PathBuf {
        self.dir().join(format!("{}.manifest", self.filename()))
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir().join(name)
    }

    fn write_manifest(&self, manifest: &Manifest) -> io::Result<()> {
        let temporary = self.dir().join(format!("temp-{}.manifest", self.filename()));
        replace(&*self.disk, &temporary, &self.manifest_path(), manifest.text().as_bytes())
    }

    // ---- opening and closing ---------------------------------------------------------------------------------------

    /// Starts writing to the last increment of `manifest`, or to a new one. Before clients are served.
    pub fn open(&self, mut manifest: Manifest) -> io::Result<()> {
        let mut state = self.state.lock();
        let path = match manifest.incrs.last() {
            Some(last) => {
                let path = self.path(&last.name);
                log::notice(&format!("Opening AOF incr file {} on server start", last.name));
                path
            }
            None => {
                let name = manifest.new_incr(&self.filename());
                log::notice(&format!("Creating AOF incr file {name} on server start"));
                self.path(&name)
            }
        };
        let file = self.disk.append(&path)?;
        let len = self.disk.size(&path)?;
        self.write_manifest(&manifest)?;
        self.remove_history(&mut manifest);
        let total = manifest.files().filter_map(|f| self.disk.size(&self.path(&f.name)).ok()).sum();
        self.engine.persist.log.size.store(total, Relaxed);
        self.engine.persist.log.base_size.store(total, Relaxed);
        *state = State { manifest, ..State::default() };
        state.files.push(OpenFile { id: 0, file, len, dirty: false });
        drop(state);
        self.attach(0);
        self.engine.persist.durable.set_based(true);
        Ok(())
    }

    /// The whole keyspace must be held, or nobody be there to write.
    fn attach(&self, id: u64) {
        self.engine.persist.durable.advance(0);
        // What is safe of another history says nothing of this one.
        self.engine.persist.durable.set_offset(0);
        self.engine.world.log.attach_tap(id);
        self.engine.world.log.stamp_tap(self.engine.config.aof_timestamp_enabled.get());
        self.engine.persist.log.on.store(true, Relaxed);
    }

    /// `appendonly yes` while the server runs: opens an increment under a temporary name; [`switched_on`](Self::switched_on)
    /// begins to write to it at the point in time of the first base.
    pub fn prepare_on(&self) -> io::Result<u64> {
        self.disk.make_dir(&self.dir())?;
        let mut state = self.state.lock();
        let path = self.dir().join(format!("temp-{}.incr", self.filename()));
        let file = self.disk.create(&path)?;
        // Whatever manifest is there counts on from.
        let manifest = match self.disk.read(&self.manifest_path()) {
            Ok(text) => Manifest::parse(&text).unwrap_or_default(),
            Err(_) => Manifest::default(),
        };
        let id = state.last_id + 1;
        *state = State { manifest, last_id: id, provisional: Some(path), ..State::default() };
        state.files.push(OpenFile { id, file, len: 0, dirty: false });
        Ok(id)
    }

    pub fn switched_on(&self, id: u64) {
        self.engine.persist.durable.set_based(false);
        self.attach(id);
    }

    /// `appendonly no`: writes and syncs what there is, and stops.
    pub fn switch_off(&self) {
        if !self.engine.world.log.has_tap() {
            return;
        }
        let _ = self.flush();
        let rest = self.engine.world.log.detach_tap();
        let mut state = self.state.lock();
        state.unwritten.extend(rest);
        if let Err(e) = self.write_out(&mut state).and_then(|()| sync_all(&mut state)) {
            log::warning(&format!("Error writing to the AOF file: {}", reason(&e)));
        }
        if let Some(path) = state.provisional.take() {
            let _ = self.disk.remove(&path); // without a base it says nothing
        }
        *state = State { last_id: state.last_id, ..State::default() };
        drop(state);
        self.engine.persist.log.on.store(false, Relaxed);
        self.engine.log_written(Ok(()));
        self.engine.review_disk_error();
        // Whoever waits for a sync waits no longer: nothing more will be kept, as asked.
        self.engine.persist.durable.set_based(false);
        self.engine.persist.durable.advance(u64::MAX);
        self.engine.serve_acks();
    }

    // ---- rewriting -------------------------------------------------------------------------------------------------

    /// Opens the increment of the time after a rewrite's point in time, and puts it into the manifest. The tap is to be switched
    /// to the number returned at that point.
    pub fn begin_rewrite(&self) -> io::Result<u64> {
        let mut state = self.state.lock();
        let mut manifest = state.manifest.clone();
        let name = manifest.new_incr(&self.filename());
        let path = self.path(&name);
        // A number is used once: should this fail, nobody knows which manifest a crash would leave.
        state.manifest.incr_seq = manifest.incr_seq;
        let file = self.disk.create(&path)?;
        self.write_manifest(&manifest)?;
        log::notice(&format!("Creating AOF incr file {name} on background rewrite"));
        state.manifest = manifest;
        state.last_id += 1;
        let id = state.last_id;
        state.files.push(OpenFile { id, file, len: 0, dirty: false });
        Ok(id)
    }

    /// A finished base takes the place of all that came before its point in time. `increments` were begun since.
    pub fn finish_rewrite(&self, temporary: &Path, rdb: bool, id: u64) -> io::Result<()> {
        let mut state = self.state.lock();
        let mut manifest = state.manifest.clone();
        let newer = state.files.iter().filter(|f| f.id >= id).count();
        let provisional = state.provisional.clone();
        if let Some(path) = &provisional {
            // The manifest that was there, if any, is of another life of this log.
            let past = manifest.incrs.len();
            let name = manifest.new_incr(&self.filename());
            debug_assert_eq!(manifest.incrs.len(), past + 1);
            self.disk.rename(path, &self.path(&name))?;
        }
        let name = manifest.new_base(&self.filename(), rdb, newer);
        (state.manifest.base_seq, state.manifest.incr_seq) = (manifest.base_seq, manifest.incr_seq);
        let begun = Instant::now();
        self.disk.rename(temporary, &self.path(&name))?;
        self.engine.note_latency("aof-rename", begun.elapsed().as_nanos() as u64, now_ms());
        self.disk.sync_dir(&self.dir())?;
        self.write_manifest(&manifest)?;
        log::notice(&format!("Successfully renamed the temporary AOF base file {} into {name}", temporary.display()));
        state.provisional = None;
        self.remove_history(&mut manifest);
        let total: u64 = manifest.files().filter_map(|f| self.disk.size(&self.path(&f.name)).ok()).sum();
        state.manifest = manifest;
        self.engine.persist.log.size.store(total, Relaxed);
        self.engine.persist.log.base_size.store(total, Relaxed);
        drop(state);
        self.engine.persist.durable.set_based(true);
        self.engine.serve_acks();
        Ok(())
    }

    /// Removes what the manifest says is of the past, and writes a manifest without it. Failing, it is tried another time.
    fn remove_history(&self, manifest: &mut Manifest) {
        if manifest.history.is_empty() || self.engine.config.aof_disable_auto_gc.get() {
            return;
        }
        let history = std::mem::take(&mut manifest.history);
        for info in &history {
            log::notice(&format!("Removing the history file {} in the background", info.name));
            let _ = self.disk.remove(&self.path(&info.name)); // gone already, perhaps
        }
        if let Err(e) = self.write_manifest(manifest) {
            log::warning(&format!("Can't write the AOF manifest: {}", reason(&e)));
            manifest.history = history;
        }
    }

    // ---- writing ---------------------------------------------------------------------------------------------------

    /// Called after effects were logged: sees to it that they are written soon. `waiting` bytes are in the tap.
    pub fn logged(&self) {
        if self.engine.config.appendfsync.get() == AppendFsync::Always {
            return self.want();
        }
        if self.syncing.load(Relaxed) {
            // The thread writes what came meanwhile. Should that take too long, waiting is what remains.
            let mut state = self.state.lock();
            if state.postponed.get_or_insert_with(Instant::now).elapsed() < 2 * SECOND {
                return;
            }
            self.engine.persist.log.delayed_fsync.fetch_add(1, Relaxed);
            state.postponed = None;
        }
        let _ = self.flush();
    }

    fn want(&self) {
        let mut wanted = self.wanted.lock();
        if !*wanted {
            *wanted = true;
            self.wake.notify_one();
        }
    }

    /// Writes what waits. An error was logged, and noted.
    pub fn flush(&self) -> io::Result<u64> {
        let mut state = self.state.lock();
        let spare = std::mem::take(&mut state.spare);
        let (taken, offset) = self.engine.world.log.take_with_offset(spare);
        state.unwritten.extend(taken);
        self.write_out(&mut state)?;
        state.offset = offset;
        Ok(state.written)
    }

    fn write_out(&self, state: &mut State) -> io::Result<()> {
        if state.unwritten.is_empty() {
            return self.write_pieces(state);
        }
        let begun = Instant::now();
        let outcome = self.write_pieces(state);
        let nanos = begun.elapsed().as_nanos() as u64;
        // Redis tells apart what else the disk was busy with.
        let beside = if self.syncing.load(Relaxed) {
            "aof-write-pending-fsync"
        } else if self.engine.persist.job() != crate::engine::persist::Job::None {
            "aof-write-active-child"
        } else {
            "aof-write-alone"
        };
        for event in ["aof-write", beside] {
            self.engine.note_latency(event, nanos, now_ms());
        }
        outcome
    }

    fn write_pieces(&self, state: &mut State) -> io::Result<()> {
        state.postponed = None;
        while let Some(piece) = state.unwritten.front_mut() {
            // Whole pieces come file by file: what is for an older one is complete.
            while state.files.len() > 1 && state.files[0].id < piece.file {
                if state.files[0].dirty
                    && let Err(e) = state.files[0].file.sync()
                {
                    self.engine.log_written(Err(&reason(&e)));
                    return Err(e);
                }
                state.files.remove(0);
            }
            let Some(open) = state.files.iter_mut().find(|f| f.id == piece.file) else {
                state.unwritten.pop_front();
                continue;
            };
            match open.file.write_whole(&piece.bytes) {
                Ok(()) => {
                    let n = piece.bytes.len() as u64;
                    (open.len, open.dirty) = (open.len + n, true);
                    state.written += n;
                    self.engine.persist.log.size.fetch_add(n, Relaxed);
                    let mut bytes = state.unwritten.pop_front().map(|p| p.bytes).unwrap_or_default();
                    bytes.clear();
                    if bytes.capacity() <= 1 << 20 {
                        state.spare = bytes;
                    }
                }
                Err((n, e)) => {
                    // Half an effect must not be followed by anything else.
                    if n > 0 && open.file.truncate(open.len).is_err() {
                        piece.bytes.drain(..n);
                        (open.len, open.dirty) = (open.len + n as u64, true);
                        state.written += n as u64;
                    }
                    if self.writes_well() {
                        log::warning(&format!("Error writing to the AOF file: {}", reason(&e)));
                    }
                    self.engine.log_written(Err(&reason(&e)));
                    return Err(e);
                }
            }
        }
        if !self.writes_well() {
            log::warning("AOF write error looks solved. The server can write again.");
        }
        self.engine.log_written(Ok(()));
        Ok(())
    }

    /// The last write of the log went well.
    fn writes_well(&self) -> bool {
        self.engine.persist.log.write_ok.load(Relaxed)
    }

    /// Writes and syncs everything there is. For shutdown.
    pub fn sync_now(&self) -> io::Result<()> {
        self.flush()?;
        sync_all(&mut self.state.lock())
    }

    // ---- syncing ---------------------------------------------------------------------------------------------------

    /// The thread's life.
    pub fn keep_syncing(&self) -> ! {
        let mut synced = Instant::now();
        loop {
            {
                let mut wanted = self.wanted.lock();
                if !*wanted {
                    self.wake.wait_for(&mut wanted, TICK);
                }
                *wanted = false;
            }
            if !self.engine.world.log.has_tap() {
                continue;
            }
            let written = self.flush().unwrap_or_else(|_| self.state.lock().written);
            match self.engine.config.appendfsync.get() {
                AppendFsync::Always => self.sync_step(written),
                AppendFsync::Everysec if synced.elapsed() >= SECOND => {
                    synced = Instant::now();
                    let rewriting = self.engine.persist.job() != crate::engine::persist::Job::None;
                    if !(rewriting && self.engine.config.no_appendfsync_on_rewrite.get()) {
                        self.sync_step(written);
                        // What came while it was syncing.
                        let _ = self.flush();
                    }
                }
                _ => {}
            }
        }
    }

    /// Syncs what was written up to now.
    fn sync_step(&self, written: u64) {
        let (dirty, offset): (Vec<Arc<dyn File>>, u64) = {
            let mut state = self.state.lock();
            let dirty = |f: &mut OpenFile| std::mem::take(&mut f.dirty).then(|| f.file.clone());
            (state.files.iter_mut().filter_map(dirty).collect(), state.offset)
        };
        if !dirty.is_empty() {
            let always = self.engine.config.appendfsync.get() == AppendFsync::Always;
            self.syncing.store(true, Relaxed);
            self.engine.persist.log.syncing.store(true, Relaxed);
            let begun = Instant::now();
            let outcome = dirty.iter().try_for_each(|f| f.sync());
            if always {
                self.engine.note_latency("aof-fsync-always", begun.elapsed().as_nanos() as u64, now_ms());
            }
            self.syncing.store(false, Relaxed);
            self.engine.persist.log.syncing.store(false, Relaxed);
            if let Err(e) = outcome {
                if always {
                    log::warning(&format!(
                        "Can't persist AOF for fsync error when the AOF fsync policy is 'always': {}. Exiting...",
                        reason(&e)
                    ));
                    std::process::exit(1);
                }
                self.engine.log_written(Err(&reason(&e)));
                log::warning(&format!(
                    "Fail to fsync the AOF file: {}. The data since the last fsync may be lost.",
                    reason(&e)
                ));
                // It is tried again, but what it says then is about later writes: only a new base is sure to hold everything.
                self.engine.persist.now.lock().rewrite_scheduled = true;
                self.state.lock().files.iter_mut().for_each(|f| f.dirty = true);
                return;
            }
        }
        self.engine.persist.durable.set_offset(offset);
        self.engine.persist.durable.advance(written);
        self.engine.serve_acks();
    }

    pub fn is_switching_on(&self) -> bool {
        self.state.lock().provisional.is_some()
    }
}

fn sync_all(state: &mut State) -> io::Result<()> {
    for open in &mut state.files {
        if open.dirty {
            open.file.sync()?;
            open.dirty = false;
        }
    }
    Ok(())
}
