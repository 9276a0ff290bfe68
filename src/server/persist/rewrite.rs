//! Rewriting the append-only file, and switching it on and off while the server runs.

use super::Persist;
use super::files::FileSink;
use super::job::Plan;
use crate::engine::errors::Error;
use crate::engine::gates;
use crate::engine::persist::{AtCut, Job, Sink};
use crate::server::{log, now_ms, reason};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

/// Failures of automatic rewrites from which on they are put off, and how long at most (Redis: an hour).
const FAILURES_BEFORE_DELAY: u64 = 3;
const LONGEST_DELAY_MIN: i64 = 60;

impl Persist {
    pub(super) fn rewrite_if_grown(self: &Arc<Self>, now_ms: i64) {
        let (config, log_status) = (&self.engine.config, &self.engine.persist.log);
        let percentage = config.auto_aof_rewrite_percentage.get();
        let (size, base) = (log_status.size.load(Relaxed) as i64, log_status.base_size.load(Relaxed).max(1) as i64);
        if !log_status.on.load(Relaxed) || percentage == 0 || size <= config.auto_aof_rewrite_min_size.get() {
            return;
        }
        let growth = ((i128::from(size) * 100 / i128::from(base)) - 100) as i64;
        if growth < percentage || now_ms < self.rewrite_again_ms.load(Relaxed) {
            return;
        }
        log::notice(&format!("Starting automatic rewriting of AOF on {growth}% growth"));
        let _ = self.begin_rewrite();
    }

    pub(super) fn begin_rewrite(self: &Arc<Self>) -> Result<(), Error> {
        let status = &self.engine.persist;
        status.begin(Job::Rewrite, now_ms()).ok_or(Error::REWRITING)?;
        status.now.lock().rewrite_scheduled = false;
        log::notice(&format!("Background append only file rewriting started by pid {}", std::process::id()));
        let on = self.engine.world.log.has_tap();
        let switching_on = !on && self.engine.config.appendonly.get();
        let opened = match (on, switching_on) {
            (true, _) => self.log_file.begin_rewrite().map(Some),
            (_, true) => self.log_file.prepare_on().map(Some),
            // BGREWRITEAOF without a log: a base is written all the same, as in Redis.
            _ => self.disk.make_dir(&self.log_file.dir()).map(|()| None),
        };
        let temporary = self.log_file.dir().join(self.temporary("temp-rewriteaof-bg").with_extension("aof"));
        let rdb = self.engine.config.aof_use_rdb_preamble.get();
        let (me, from) = (self.clone(), temporary.clone());
        let id = opened.as_ref().ok().copied().flatten();
        let done = move |outcome: Result<(), String>| {
            let finish = |()| match id {
                // Switched off meanwhile.
                Some(_) if !me.engine.world.log.has_tap() => Err("the append-only file was switched off".to_owned()),
                Some(id) => me.log_file.finish_rewrite(&from, rdb, id).map_err(|e| reason(&e)),
                None => me.disk.remove(&from).map_err(|e| reason(&e)),
            };
            me.rewritten(outcome.and_then(finish), &from);
        };
        let incremental = self.engine.config.aof_rewrite_incremental_fsync.get();
        let sink = opened.and_then(|_| FileSink::create(self.disk.clone(), &temporary, incremental, Box::new(done)));
        match sink {
            Ok(sink) => {
                let log_file = self.log_file.clone();
                let at_cut: AtCut = Box::new(move |engine| match id {
                    Some(id) if engine.world.log.has_tap() => engine.world.log.switch_tap(id),
                    Some(id) if switching_on && engine.config.appendonly.get() => log_file.switched_on(id),
                    _ => {}
                });
                let sinks: Vec<Box<dyn Sink>> = vec![Box::new(sink)];
                self.run(Plan { commands: !rdb, base: true, at_cut: vec![at_cut], sinks });
            }
            Err(e) => {
                self.rewritten(Err(reason(&e)), &temporary);
                status.end();
            }
        }
        Ok(())
    }

    pub(super) fn rewritten(&self, outcome: Result<(), String>, temporary: &Path) {
        let log_status = &self.engine.persist.log;
        let started_ms = self.engine.persist.now.lock().started_ms;
        log_status.rewrite_took_s.store((now_ms() - started_ms) / 1000, Relaxed);
        log_status.rewrite_ok.store(outcome.is_ok(), Relaxed);
        match outcome {
            Ok(()) => {
                log_status.rewrites.fetch_add(1, Relaxed);
                log_status.rewrite_failures.store(0, Relaxed);
                self.rewrite_again_ms.store(0, Relaxed);
                log::notice("Background AOF rewrite terminated with success");
                log::notice("Background AOF rewrite finished successfully");
            }
            Err(why) => {
                let _ = self.disk.remove(temporary); // nobody needs half a base
                log::warning(&format!("Background AOF rewrite terminated with error: {why}"));
                let failures = log_status.rewrite_failures.fetch_add(1, Relaxed) + 1;
                if failures >= FAILURES_BEFORE_DELAY {
                    let minutes = (1i64 << (failures - FAILURES_BEFORE_DELAY).min(6)).min(LONGEST_DELAY_MIN);
                    self.rewrite_again_ms.store(now_ms() + minutes * 60_000, Relaxed);
                    log::warning(&format!(
                        "Background AOF rewrite has repeatedly failed and triggered the limit, will retry in {minutes} minutes"
                    ));
                }
                if self.log_file.is_switching_on() {
                    // Without a base there is nothing to build on: begin anew.
                    self.log_file.switch_off();
                    self.engine.persist.now.lock().rewrite_scheduled = self.engine.config.appendonly.get();
                }
            }
        }
    }

    /// `appendonly` was set.
    pub fn switch_log(self: &Arc<Self>, on: bool) -> Result<(), String> {
        let has = self.engine.world.log.has_tap();
        if self.engine.gates.load(Relaxed) & gates::LOADING != 0 || on == has {
            return Ok(());
        }
        if !on {
            log::notice("AOF was disabled");
            if self.engine.persist.job() == Job::Rewrite {
                self.stop_job();
            }
            self.log_file.switch_off();
            return Ok(());
        }
        if self.begin_rewrite().is_err() {
            self.engine.persist.now.lock().rewrite_scheduled = true;
            log::notice(
                "AOF was enabled but there is already another background operation. An AOF background was scheduled to start \
                 when possible.",
            );
        }
        Ok(())
    }
}
