//! What follows from a command that ran: effects for the log, events, invalidations, statistics, entries in the logs of
//! unusual commands, lines for MONITOR.

use super::Worker;
use crate::engine::call::{Effect, KeyRef};
use crate::engine::clients::flag;
use crate::engine::flags::Flags;
use crate::engine::gates;
use crate::engine::monitor::Caller;
use crate::engine::session::Session;
use crate::engine::table::Command;
use crate::keyspace::flush;
use crate::keyspace::world::Access;
use crate::resp::Args;
use std::sync::atomic::Ordering::Relaxed;

impl Worker {
    /// What a command that ran may give cause to: an entry in a log, a sample for the latency monitor, a line for MONITOR.
    #[inline]
    pub(super) fn look_back(&mut self, session: &Session, command: &Command, args: Args<'_>, spent: [u64; 3]) {
        self.look_back_at((session, Caller::Client), command, args, spent);
    }

    /// The same for a command that a script called.
    #[inline]
    pub(super) fn look_back_at(
        &mut self,
        (session, caller): (&Session, Caller),
        command: &Command,
        args: Args<'_>,
        spent: [u64; 3],
    ) {
        let (engine, now_ms) = (&self.engine, self.now_ms);
        engine.log_command(command, args, &session.client, spent, now_ms);
        let event = if command.flags.has(Flags::FAST) { "fast-command" } else { "command" };
        engine.note_latency(event, spent[0], now_ms);
        if engine.gates.load(Relaxed) & gates::MONITORS != 0 {
            // The turn's time tells milliseconds; the rest is how long the turn has lasted.
            let now_us = now_ms * 1000 + (self.clock.delta_as_nanos(self.began, self.clock.raw()) / 1000) as i64;
            engine.monitors.show(engine, &mut self.post, (session, caller), command, args, now_us);
        }
    }

    /// Writes down for the log what the command did.
    pub(super) fn propagate(&mut self, db: u32, args: Args<'_>, effect: Effect) {
        let lane = &mut self.access.lane;
        lane.begin_unit();
        if self.journal.has_removals() {
            self.journal.log_removals(lane);
        }
        if self.journal.dirty > 0 {
            match effect {
                Effect::Verbatim => lane.push(db, args.iter()),
                Effect::Instead(all) => all.iter().for_each(|words| lane.push(db, words.iter().map(Vec::as_slice))),
                Effect::Nothing => {}
            }
        }
        lane.end_unit();
    }

    /// Sees whether somebody tracks keys. To be called once the locks are held.
    #[inline]
    pub fn watch_trackers(&mut self) {
        self.journal.tracking = self.engine.gates.load(Relaxed) & gates::TRACKING != 0;
    }

    /// Books what was done to the keyspace on nobody's behalf (the expiry cycle). To be called while the shards concerned are
    /// still held, between [`begin`](Self::begin) and `self.access.leave()`.
    pub fn book_background(&mut self) {
        self.journal.log_removals(&mut self.access.lane);
        self.empty_journal();
        if !self.broadcast.is_empty() {
            self.engine.tracking.broadcast(&self.engine, &mut self.post, &mut self.broadcast);
        }
        if !self.journal.ready.is_empty() {
            self.serve_ready();
        }
    }

    /// Puts the data of another keyspace in the place of this one's, which is held whole. Who watches, waits for or tracks a key hears of it.
    pub fn replace_dataset(&mut self, other: &mut Access) {
        let (keys, tables) = flush::replace(&mut self.access, other, &mut self.journal.ready);
        self.engine.tracking.flushed(&self.engine, &mut self.post);
        self.engine.free_apart(keys, tables);
        self.book_background();
    }

    /// Remembers which keys a client that tracks has read; after the journal is emptied, for what expired under the command
    /// had gone before it looked.
    #[inline]
    pub(super) fn remember(&mut self, session: &Session, command: &Command, args: Args<'_>, keys: &[KeyRef]) {
        if self.journal.tracking && command.flags.has(Flags::READONLY) && session.client.has(flag::TRACKING) {
            self.engine.tracking.remember(&self.engine, &mut self.post, &session.client, args, keys);
        }
    }

    /// Empties the journal: counts, frees, and tells those concerned.
    #[inline]
    pub(super) fn empty_journal(&mut self) {
        let j = &mut self.journal;
        if j.hits != 0 {
            self.stats.hits.add(std::mem::take(&mut j.hits));
        }
        if j.misses != 0 {
            self.stats.misses.add(std::mem::take(&mut j.misses));
        }
        if j.dirty != 0 {
            self.stats.dirty.add(std::mem::take(&mut j.dirty));
        }
        if j.expired_fields != 0 {
            self.stats.expired_fields.add(std::mem::take(&mut j.expired_fields));
        }
        if j.expired != 0 {
            self.stats.expired.add(std::mem::take(&mut j.expired));
        }
        if !j.heavy.is_empty() {
            let heavy = std::mem::take(&mut j.heavy);
            self.engine.free_apart(heavy.len(), heavy);
        }
        if !j.changed.is_empty() {
            let (engine, me, post) = (&self.engine, self.post.me, &mut self.post);
            engine.tracking.changed(engine, post, &mut self.broadcast, &mut j.changed, me);
        }
        if !j.events.is_empty() {
            self.engine.notify(&mut self.post, &j.events);
            j.events.clear();
        }
    }
}
