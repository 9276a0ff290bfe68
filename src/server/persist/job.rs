//! One job: its thread makes the cut, sets the workers walking, and writes what they encode.

use super::Persist;
use super::files::{FileSink, put_in_place};
use super::format::{self, Commands, Records};
use super::walk::{Fan, Walk};
use crate::engine::errors::Error;
use crate::engine::persist::{AtCut, Job, Sink};
use crate::engine::{Engine, gates};
use crate::keyspace::cut::{Cut, Encode};
use crate::rdb::write::Summing;
use crate::server::{log, now_ms, os, reason};
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// What a job writes, and where to.
pub(super) struct Plan {
    /// Commands instead of a snapshot's records.
    pub commands: bool,
    /// The file is the base of an append-only file.
    pub base: bool,
    pub at_cut: Vec<AtCut>,
    pub sinks: Vec<Box<dyn Sink>>,
}

impl Persist {
    pub(super) fn temporary(&self, name: &str) -> PathBuf {
        let n = self.jobs.fetch_add(1, Relaxed);
        PathBuf::from(format!("{name}-{}-{n}", std::process::id()))
    }

    pub(super) fn begin_save(self: &Arc<Self>) -> Result<(), Error> {
        let status = &self.engine.persist;
        status.begin(Job::Save, now_ms()).ok_or(Error::SAVING)?;
        status.now.lock().save_scheduled = false;
        status.last_try_s.store(now_ms() / 1000, Relaxed);
        log::notice(&format!("Background saving started by pid {}", std::process::id()));
        let (temporary, path) = (self.temporary("temp").with_extension("rdb"), self.snapshot_path());
        let me = self.clone();
        let changes = Arc::new(AtomicU64::new(0));
        let at_cut = {
            let changes = changes.clone();
            Box::new(move |engine: &Engine| changes.store(engine.changes(), Relaxed))
        };
        let (disk, from) = (self.disk.clone(), temporary.clone());
        let done = move |outcome: Result<(), String>| {
            let outcome = outcome.and_then(|()| put_in_place(&*disk, &from, &path));
            me.saved(outcome, changes.load(Relaxed));
        };
        let incremental = self.engine.config.rdb_save_incremental_fsync.get();
        match FileSink::create(self.disk.clone(), &temporary, incremental, Box::new(done)) {
            Ok(sink) => {
                let plan = Plan { commands: false, base: false, at_cut: vec![at_cut], sinks: vec![Box::new(sink)] };
                self.run(plan);
            }
            Err(e) => {
                log::warning(&format!(
                    "Failed opening the temp RDB file {} for saving: {}",
                    temporary.display(),
                    reason(&e)
                ));
                self.saved(Err(reason(&e)), 0);
                status.end();
            }
        }
        Ok(())
    }

    fn saved(&self, outcome: Result<(), String>, changes: u64) {
        let (engine, status) = (&self.engine, &self.engine.persist);
        let started_ms = status.now.lock().started_ms;
        status.save_took_s.store((now_ms() - started_ms) / 1000, Relaxed);
        match &outcome {
            Ok(()) => {
                engine.shared_stats.dirty_at_save.store(changes, Relaxed);
                engine.last_save_s.store(now_ms() / 1000, Relaxed);
                status.saves.fetch_add(1, Relaxed);
                log::notice("DB saved on disk");
                log::notice("Background saving terminated with success");
            }
            Err(why) => log::warning(&format!("Background saving error: {why}")),
        }
        engine.note_saved(outcome.is_ok());
    }

    pub(super) fn begin_sync(self: &Arc<Self>) {
        if self.engine.persist.begin(Job::Sync, now_ms()).is_some() {
            let (at_cut, sinks) =
                std::mem::take(&mut *self.subscribers.lock()).into_iter().map(|s| (s.at_cut, s.sink)).unzip();
            self.run(Plan { commands: false, base: false, at_cut, sinks });
        }
    }

    /// Runs a job in a thread of its own.
    pub(super) fn run(self: &Arc<Self>, plan: Plan) {
        let me = self.clone();
        let job = move || {
            me.carry_out(plan);
            me.engine.persist.end();
        };
        if let Err(e) = os::spawn("snapshot", job) {
            log::warning(&format!("Can't start a thread: {}", reason(&e)));
            self.engine.persist.end();
        }
    }

    fn carry_out(&self, plan: Plan) {
        let engine = &self.engine;
        let mut fan = Fan(plan.sinks);
        let Some(mut access) = engine.visit() else {
            return fan.0.into_iter().for_each(|s| s.finish(Err("too many visitors".into())));
        };
        // What a fork is elsewhere: while everybody waits.
        let begun = std::time::Instant::now();
        access.raise();
        let target = format::target(engine, &mut access);
        let owner = engine.clone();
        let commands = plan.commands;
        let cut = Cut::new(Box::new(move || match commands {
            true => Box::new(Commands) as Box<dyn Encode>,
            false => Box::new(Records::new(&owner, target)),
        }));
        let sizes = cut.begin(&mut access);
        plan.at_cut.into_iter().for_each(|f| f(engine));
        let functions = engine.functions();
        let origin = engine.origin();
        engine.set_gate(gates::CUT, true);
        drop(access);
        engine.note_latency("snapshot-cut", begun.elapsed().as_nanos() as u64, now_ms());
        {
            let mut now = engine.persist.now.lock();
            now.keys_total = sizes.iter().map(|s| s.keys).sum();
            now.cut = Some(cut.clone());
        }
        let delay_us = engine.config.rdb_key_save_delay.get().max(0) as u64;
        let (walk, chunks) = Walk::new(cut.clone(), engine.world.shards(), delay_us);
        for walker in &*self.walkers.lock() {
            // A worker lives as long as the process.
            let _ = walker.send(walk.clone());
        }
        drop(walk);
        let outcome = if plan.commands {
            let begun = fan.write_all(&format::prologue_commands(&functions));
            begun.and_then(|()| chunks.pass_on(sizes, true, &mut fan))
        } else {
            let mut out = Summing::new(&mut fan, engine.config.rdbchecksum.get());
            let begun = out.write_all(&format::prologue(target, plan.base, &functions, origin.as_ref()));
            begun.and_then(|()| chunks.pass_on(sizes, false, &mut out)).and_then(|()| out.finish().map(drop))
        };
        engine.set_gate(gates::CUT, false);
        let outcome = match outcome {
            Ok(()) if cut.is_aborted() => Err("it was stopped".to_owned()),
            outcome => outcome.map_err(|e| reason(&e)),
        };
        fan.0.into_iter().for_each(|sink| sink.finish(outcome.clone()));
    }

    /// Stops the job that runs, if one does.
    pub fn stop_job(&self) {
        let cut = self.engine.persist.now.lock().cut.clone();
        cut.iter().for_each(|c| c.abort());
    }
}
