//! Commands that are not run, or fail: what the client is told and what is counted.

use super::Worker;
use crate::engine::LogLevel;
use crate::engine::call::KeyRef;
use crate::engine::errors::Error;
use crate::engine::flags::Flags;
use crate::engine::replication::Replayed;
use crate::engine::session::{ReplyMode, Session};
use crate::engine::table::Command;
use crate::resp::Args;
use std::sync::atomic::Ordering::Relaxed;

impl Worker {
    /// Somebody's browser, most likely. Redis's warning, at most once a minute.
    #[cold]
    pub(super) fn show_the_door(&self, session: &Session) {
        let warned = &self.engine.shared_stats.warned_of_attack_s;
        let now_s = self.now_ms / 1000;
        // Two workers at the same moment may both say it.
        if warned.load(Relaxed) + 60 <= now_s {
            warned.store(now_s, Relaxed);
            let text = format!(
                "Possible SECURITY ATTACK detected. It looks like somebody is sending POST or Host: commands to Redis. \
                 Perhaps a web page is trying to reach this server through a browser of yours (cross-protocol scripting). \
                 The connection from {} is closed.",
                session.client.addr
            );
            self.engine.log(LogLevel::Warning, &text);
        }
    }

    /// Answers a command that may not run.
    #[cold]
    pub(super) fn refused(&mut self, session: &mut Session, command: Option<&Command>, error: Error) {
        if let Some(c) = command {
            self.stats.commands[c.id as usize].rejected.add(1);
        }
        session.multi.broken |= session.multi.is_queuing();
        self.count_error(&error);
        self.note_divergence(session, command.map_or("unknown", |c| &c.name), &error);
        let mark = self.reply.mark();
        self.reply.error(&error.text());
        if session.reply_mode != ReplyMode::On {
            self.silence(session, mark);
        }
    }

    #[cold]
    pub(super) fn failed(&mut self, command: &Command, error: &Error) {
        self.stats.commands[command.id as usize].failed.add(1);
        self.count_error(error);
    }

    /// What our primary sends is no command. Nothing is answered: it would take that for something else.
    #[cold]
    pub(super) fn garbled(&self, text: &str) {
        let text = format!("Protocol error from master ({text}): a whole copy will be asked for.");
        self.engine.log(LogLevel::Warning, &text);
        self.engine.replication.with_link(|link| link.garbled = true);
    }

    /// A primary's command that fails here says that the datasets differ.
    pub(super) fn note_divergence(&self, session: &Session, command: &str, error: &Error) {
        if session.link.is_some() {
            self.engine.replay_failed(Replayed::Primary, command, &error.text());
        }
    }

    pub(super) fn count_error(&self, error: &Error) {
        self.stats.errors.add(1);
        let text = error.text();
        // As Redis: a text of one word has no code.
        let code = text.split_once(' ').map_or("ERR", |(code, _)| code);
        self.engine.shared_stats.count_error_code(code);
    }

    /// True if the command would change a large collection that a snapshot has not got to its end with: it has to wait then,
    /// rather than have all of it encoded at once.
    #[cold]
    pub(super) fn must_wait_for_cut(
        &mut self,
        session: &Session,
        command: &Command,
        args: Args<'_>,
        keys: &[KeyRef],
    ) -> bool {
        if &*command.name == "exec" {
            self.access.unlock();
            let Some(queue) = session.multi.queued() else { return false };
            return queue.iter().filter(|(command, ..)| command.flags.has(Flags::WRITE)).any(|(_, args, keys)| {
                keys.iter().any(|k| self.is_held_back(session.db, k.hash, args.at(k.word as usize)))
            });
        }
        if !command.flags.has(Flags::WRITE) || session.multi.is_queuing() {
            return false;
        }
        keys.iter().any(|k| self.is_held_back(session.db, k.hash, args.at(k.word as usize)))
    }

    fn is_held_back(&mut self, db: u32, hash: u64, key: &[u8]) -> bool {
        let shard = self.engine.world.shard_of(hash);
        self.access.shard(shard).is_held_back(db as usize, hash, key)
    }
}
