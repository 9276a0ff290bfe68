//! A snapshot of what is held whole, written here and now: SAVE, SHUTDOWN, DEBUG RELOAD.

use super::Persist;
use super::files::put_in_place;
use super::format::{self, Records};
use crate::keyspace::cut::Encode;
use crate::keyspace::world::Access;
use crate::rdb::write::Summing;
use crate::server::{log, now_ms, reason};
use std::io::Write;
use std::sync::atomic::Ordering::Relaxed;

/// Bytes handed to the writing thread at once, and how many such pieces may wait.
const PIECE: usize = 1 << 18;
const PIECES_AHEAD: usize = 8;

impl Persist {
    /// Writes a snapshot of what is held whole.
    pub(super) fn save_held(&self, access: &mut Access) -> Result<(), String> {
        let engine = &self.engine;
        let (temporary, path) = (self.temporary("temp").with_extension("rdb"), self.snapshot_path());
        let target = format::target(engine, access);
        let mut encoder = Records::new(engine, target);
        let checksum = engine.config.rdbchecksum.get();
        // One thread encodes, another sums and writes.
        let (sender, pieces) = std::sync::mpsc::sync_channel::<Vec<u8>>(PIECES_AHEAD);
        let write = || {
            let file = self.disk.create(&temporary)?;
            let mut out = Summing::new(WholeWriter(&*file), checksum);
            out.write_all(&format::prologue(target, false, &engine.functions(), engine.origin().as_ref()))?;
            pieces.into_iter().try_for_each(|piece| out.write_all(&piece))?;
            out.finish()?;
            file.sync()
        };
        // A writer that failed has stopped taking: its error is the one to tell.
        let mut encode = move |access: &mut Access| -> Option<()> {
            let mut buffer = Vec::with_capacity(PIECE);
            for db in 0..access.world().databases() {
                let shards = access.world().shards();
                let size = |access: &mut Access, f: fn(&crate::data::table::Table<crate::keyspace::Entry>) -> usize| {
                    (0..shards).map(|i| access.shard(i).db(db).map_or(0, f) as u64).sum::<u64>()
                };
                let (keys, expiring) = (size(access, |t| t.len()), size(access, |t| t.marked()));
                if keys == 0 {
                    continue;
                }
                crate::rdb::write::select_db(db as u64, &mut buffer);
                crate::rdb::write::resize_db(keys, expiring, &mut buffer);
                for i in 0..shards {
                    for entry in access.shard(i).db(db).into_iter().flat_map(|t| t.iter()) {
                        let mut first = true;
                        while !encoder.some(&entry, std::mem::take(&mut first), PIECE, &mut buffer) {
                            sender.send(std::mem::replace(&mut buffer, Vec::with_capacity(PIECE))).ok()?;
                        }
                        if buffer.len() >= PIECE {
                            sender.send(std::mem::replace(&mut buffer, Vec::with_capacity(PIECE))).ok()?;
                        }
                    }
                }
            }
            sender.send(buffer).ok()
        };
        let outcome = std::thread::scope(|s| {
            let writing = s.spawn(write);
            encode(access);
            drop(encode);
            writing.join().unwrap_or_else(|_| Err(std::io::Error::other("the writing thread panicked")))
        });
        let outcome = outcome.map_err(|e| reason(&e));
        if outcome.is_err() {
            let _ = self.disk.remove(&temporary); // nobody needs half a file
        }
        outcome.and_then(|()| put_in_place(&*self.disk, &temporary, &path)).map(|()| {
            engine.shared_stats.dirty_at_save.store(engine.changes(), Relaxed);
            engine.last_save_s.store(now_ms() / 1000, Relaxed);
            engine.note_saved(true);
            log::notice("DB saved on disk");
        })
    }
}

struct WholeWriter<'a>(&'a dyn crate::base::disk::File);

impl Write for WholeWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
